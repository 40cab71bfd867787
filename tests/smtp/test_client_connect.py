"""How a client connects: when it speaks TLS, whom it tells a password, what it calls itself; against servers by script, in memory."""

from __future__ import annotations

from typing import Any

import pytest

from tests.smtp.scripted import (
    ANN,
    BOB,
    GOODBYE,
    MAIL,
    OPENING,
    PLAIN,
    Counting,
    network,
    offering,
    talk,
)
from wirespeak.errors import (
    LocalProtocolError,
    Refused,
    RemoteProtocolError,
    TLSError,
)
from wirespeak.smtp.client import BlockingClient, send


def test_nor_can_a_name_to_say_hello_with_hold_one() -> None:
    net = network("    S: 220 mail.test\n    C FIN\n")
    with pytest.raises(LocalProtocolError):
        BlockingClient.connect("server", network=net, tls="none", hello="me.test\r\nMAIL FROM:<>")
    assert not net.connections[0].sent


# --- TLS


SECURED = """
    S: 220 mail.test ready
    C: EHLO me.test
    S: 250-mail.test
    S: 250-AUTH PLAIN
    S: 250 STARTTLS
    C: STARTTLS
    S: 220 go on
    TLS
    C: EHLO me.test
    S: 250-mail.test
    S: 250 SIZE
"""


def test_starttls_and_hello_once_more() -> None:
    """RFC 3207 4.2: what the server said in clear is forgotten."""
    net, client = talk(SECURED + GOODBYE, tls="starttls")
    with client:
        assert client.smtp.extensions == {"SIZE": ""}
        assert client.stream.tls.server_name == "server"
    assert len(net.connections) == 1


STRIPPED = [
    # a server without STARTTLS, or one whose offer somebody took out (CVE-2016-0772)
    (offering("AUTH PLAIN") + "    C FIN\n", b"EHLO me.test\r\n"),
    (
        "    S: 220 hi\n    C: EHLO me.test\n    S: 502 no\n    C: HELO me.test\n    S: 250 hi\n    C FIN\n",
        b"EHLO me.test\r\nHELO me.test\r\n",
    ),
    (offering("STARTTLS") + "    C: STARTTLS\n    S: 454 not now\n    C FIN\n", b"EHLO me.test\r\nSTARTTLS\r\n"),
]


@pytest.mark.parametrize(("script", "said"), STRIPPED)
def test_where_tls_is_demanded_and_not_to_be_had_nothing_more_is_said(script: str, said: bytes) -> None:
    """hostile/smtp.md 4."""
    net = network(script)
    with pytest.raises(TLSError, match="nothing was sent"):
        send("server", MAIL, ANN, [BOB], connect={"hello": "me.test", "user": "ann", "password": "secret"}, network=net)
    assert bytes(net.connections[0].sent) == said


def test_an_answer_put_into_the_clear_before_tls_ends_it() -> None:
    script = OPENING + "    S: 250 STARTTLS\n    C: STARTTLS\n    S| 220 go\\r\\n250-mail.test\\r\\n250 AUTH PLAIN\\r\\n\n    C FIN\n"
    with pytest.raises(RemoteProtocolError):
        talk(script, tls="starttls")


def test_tls_is_demanded_of_others_unless_told_otherwise() -> None:
    with pytest.raises(TLSError):
        BlockingClient.connect("server", network=network(STRIPPED[0][0]), hello="me.test")


def test_this_machine_itself_is_spoken_to_as_it_offers() -> None:
    with BlockingClient.connect("127.0.0.1", network=network(PLAIN + GOODBYE), hello="me.test") as client:
        assert client.stream.tls is None
    with BlockingClient.connect("127.0.0.1", network=network(SECURED + GOODBYE), hello="me.test") as client:
        assert client.stream.tls is not None


def test_opportunistic_goes_on_in_clear_where_it_must() -> None:
    for script in (PLAIN, OPENING + "    S: 250 STARTTLS\n    C: STARTTLS\n    S: 454 not now\n"):
        with talk(script + GOODBYE, tls="opportunistic")[1] as client:
            assert client.stream.tls is None


def test_tls_from_the_start() -> None:
    for to, settings in (("server:465", {"tls": None}), ("server:25", {"tls": "implicit"}), ("server", {"tls": "implicit"})):
        with talk(offering("STARTTLS") + GOODBYE, to=to, **settings)[1] as client:
            assert client.stream.tls is not None
            assert client.smtp.secure


# --- logging in

LOGIN = """
    C: AUTH PLAIN AGFubgBzZWNyZXQ=
    S: 235 2.7.0 welcome
"""


def test_a_password_over_tls() -> None:
    script = SECURED.replace("250 SIZE", "250 AUTH PLAIN LOGIN") + LOGIN + GOODBYE
    with talk(script, tls="starttls", to="server:25", user="ann", password="secret")[1] as client:
        assert "AUTH" in client.smtp.extensions


def test_a_user_goes_to_the_port_of_submission() -> None:
    """RFC 6409 3.1."""
    net, client = talk(SECURED.replace("250 SIZE", "250 AUTH PLAIN") + LOGIN + GOODBYE, tls="starttls", user="ann", password="secret")
    with client:
        assert net.connections[0].peer == ("server", 587)


@pytest.mark.parametrize("tls", ["none", "opportunistic"])
def test_no_password_where_others_could_listen(tls: str) -> None:
    """In clear, or over TLS with nobody knows whom."""
    script = (offering("AUTH PLAIN") if tls == "none" else SECURED.replace("250 SIZE", "250 AUTH PLAIN")) + "    C FIN\n"
    with pytest.raises(LocalProtocolError, match="verified TLS"):
        talk(script, to="server:25", tls=tls, user="ann", password="secret")


def test_a_password_within_this_machine() -> None:
    with talk(offering("AUTH PLAIN") + LOGIN + GOODBYE, to="127.0.0.1:25", user="ann", password="secret")[1]:
        pass


@pytest.mark.parametrize(
    ("offers", "settings", "rest", "why"),
    [
        (["HELP"], {}, "", "offers no login"),
        (["AUTH GSSAPI"], {}, "", "GSSAPI"),
        (["AUTH PLAIN LOGIN"], {"mechanism": "SCRAM-SHA-256"}, "", "SCRAM-SHA-256"),
        (["AUTH PLAIN"], {}, LOGIN.replace("235 2.7.0 welcome", "535 5.7.8 wrong"), "535 5.7.8 wrong"),
    ],
)
def test_who_is_not_let_in_is_told_why(offers: list[str], settings: Any, rest: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        talk(offering(*offers) + rest + GOODBYE, to="127.0.0.1:25", user="ann", password="secret", **settings)


def test_a_way_to_log_in_may_be_chosen() -> None:
    script = offering("AUTH PLAIN LOGIN") + (
        """
    C: AUTH LOGIN
    S: 334 VXNlcm5hbWU6
    C: YW5u
    S: 334 UGFzc3dvcmQ6
    C: c2VjcmV0
    S: 235 welcome
"""
        + GOODBYE
    )
    with talk(script, to="127.0.0.1:25", user="ann", password="secret", mechanism="login")[1]:
        pass


def test_a_server_that_cannot_prove_itself_is_not_believed() -> None:
    """RFC 5802 3: 235 without the server's signature."""
    net = network(offering("AUTH SCRAM-SHA-256") + "    C| AUTH SCRAM-SHA-256 \n")
    net.services["127.0.0.1", 25] = Believing()
    with pytest.raises(RemoteProtocolError):
        BlockingClient.connect("127.0.0.1:25", network=net, hello="me.test", user="ann", password="secret")


class Believing(Counting):
    """A server that lets everybody in by SCRAM, and knows no password."""

    def __init__(self) -> None:
        super().__init__("AUTH SCRAM-SHA-256")

    def receive(self, data: bytes, now: float) -> tuple[()]:
        if data.startswith(b"AUTH"):
            self.out.append(b"235 come in\r\n")
            return ()
        return super().receive(data, now)


# --- looking on


@pytest.mark.parametrize(
    ("until", "script"),
    [
        ("connect", "    S: 220 mail.test\n"),
        ("hello", offering("STARTTLS", "AUTH PLAIN")),
        ("tls", SECURED),
    ],
)
def test_who_wants_to_look_goes_no_further(until: Any, script: str) -> None:
    with talk(script + GOODBYE, to="server:25", tls="starttls", until=until, user="ann", password="secret")[1]:
        pass


# --- what it calls itself


def test_the_name_is_this_machines_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for node, name in (("host.example.org", "host.example.org"), ("laptop", "localhost"), ("my machine.local", "localhost")):
        monkeypatch.setattr("platform.node", lambda node=node: node)
        script = f"    S: 220 mail.test\n    C: EHLO {name}\n    S: 250 mail.test\n" + GOODBYE
        with BlockingClient.connect("server", network=network(script), tls="none"):
            pass
