"""Submission: STARTTLS, logging in by every mechanism, and what is added to a mail that is submitted (RFC 6409, RFC 4954, RFC 3207)."""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.smtp.talk import HELLO, Box, Talk, Wire, mail, server_for, talk
from tests.sockets.serving import served
from wirespeak.sasl import Accounts, Authenticator, ClientMechanism, ScramKeys, client_mechanism
from wirespeak.smtp.counters import Counters
from wirespeak.smtp.recipients import Directory
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.tls import client_context, info_of, server_context

ACCOUNTS = Accounts({"ann": ScramKeys.of("secret", b"0123456789abcdef", 4096)}, b"x" * 16)
USERS = Authenticator(ACCOUNTS.find, verify_token=lambda user, token: "ann" if token == "valid" else None, plus=True)
PLAIN = base64.b64encode(b"\0ann\0secret").decode()
WRONG = base64.b64encode(b"\0ann\0wrong").decode()
BODY = ("Subject: lunch", "", "At one?")
EHLO_AGAIN = """
    C: EHLO mail.away.test
    S: 250-mx.home.test greets mail.away.test
    …
    S: 250 …
"""
START = HELLO + "C: STARTTLS\nS: 220 2.0.0 …"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.open(tmp_path_factory.mktemp("authority"))


@contextmanager
def secure(authority: Authority, server: Any, *, starttls: bool = True) -> Iterator[Wire]:
    """A client that trusts the server, over TLS: by STARTTLS, or from the start (RFC 8314)."""
    context = server_context(authority)
    if starttls:
        server.tls = context
    with served(server, tls=None if starttls else context) as listening, listening.connect() as sock:
        if starttls:
            talk(Wire(sock), START)
        with client_context(authorities=[authority.certificate_file]).wrap_socket(sock, server_hostname="localhost") as wrapped:
            yield Wire(wrapped)


def log_in(client: Wire, mechanism: ClientMechanism) -> str:
    """The server's last word to a login by ``mechanism``."""
    initial = mechanism.initial()
    client.say(
        f"AUTH {mechanism.name} {base64.b64encode(initial).decode() or '='}\r\n".encode() if initial is not None else b"AUTH LOGIN\r\n"
    )
    while (line := client.line()).startswith("334 "):
        client.say(base64.b64encode(mechanism.step(base64.b64decode(line[4:]))) + b"\r\n")
    if line.startswith("235"):
        mechanism.finish()
    return line


def mechanism(name: str, password: str | None = "secret", **more: Any) -> ClientMechanism:
    return client_mechanism([name], "ann", password, nonce=b"n" * 18, secure=True, **more)


def end_point(client: Wire) -> bytes | None:
    """What a login can be bound to (RFC 5929 4)."""
    assert isinstance(client.sock, ssl.SSLSocket)
    return info_of(client.sock).end_point


def offered(client: Wire) -> list[str]:
    """The mechanisms that EHLO is answered with."""
    client.say(b"EHLO mail.away.test\r\n")
    lines = [client.line()]
    while lines[-1][3] == "-":
        lines.append(client.line())
    return next((line[4:].split()[1:] for line in lines if line[4:].startswith("AUTH ")), [])


# --- TLS and what is offered under it


def test_starttls_begins_anew_and_offers_logins(authority: Authority) -> None:
    """RFC 3207 4.2: nothing said in clear counts any more."""
    box = Box()
    with secure(authority, server_for(box, authenticator=USERS)) as client:
        talk(client, "C: MAIL FROM:<ann@away.test>\nS: 503 …")
        assert offered(client) == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN"]
        talk(client, mail(*BODY))
    transaction = box.mails[0].transaction
    assert transaction.tls.version == "TLSv1.3"
    assert transaction.user is None


def test_tls_from_the_start(authority: Authority) -> None:
    """RFC 8314 3.3; STARTTLS is not offered under it."""
    box = Box()
    with secure(authority, server_for(box, authenticator=USERS), starttls=False) as client:
        talk(client, HELLO + f"C: AUTH PLAIN {PLAIN}\nS: 235 2.7.0 Welcome" + mail(*BODY) + "\nC: STARTTLS\nS: 503 …")
    assert box.mails[0].transaction.user == "ann"


def test_what_is_pipelined_behind_starttls_is_dropped(authority: Authority) -> None:
    """CVE-2011-0411."""
    box = Box()
    with served(server_for(box, tls=server_context(authority))) as listening, listening.connect() as sock:
        client = Wire(sock)
        talk(client, HELLO)
        client.say(b"STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<evil@away.test>\r\n")
        talk(client, "S: 220 …")
        with client_context(authorities=[authority.certificate_file]).wrap_socket(sock, server_hostname="localhost") as wrapped:
            talk(Wire(wrapped), "C: RCPT TO:<bob@home.test>\nS: 503 …")


def test_in_clear_nobody_logs_in() -> None:
    with served(server_for(Box(), authenticator=USERS)) as listening, listening.connect() as sock:
        client = Wire(sock)
        client.line()
        assert offered(client) == []
        talk(client, f"C: AUTH PLAIN {PLAIN}\nS: 538 5.7.11 …")


def test_in_clear_from_this_machine_where_that_is_allowed() -> None:
    server = server_for(Box(), authenticator=USERS, auth_in_clear=True)
    with served(server) as listening, listening.connect() as sock:
        client = Wire(sock)
        client.line()
        assert offered(client) == ["SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN"]
        talk(client, f"C: AUTH PLAIN {PLAIN}\nS: 235 2.7.0 Welcome")
    # Who comes from elsewhere (in memory: from a host named client) is not of this machine.
    talk(Talk(server), HELLO + f"C: AUTH PLAIN {PLAIN}\nS: 538 5.7.11 …")


def test_no_accounts_no_logins() -> None:
    talk(Talk(server_for(Box())), HELLO + f"C: AUTH PLAIN {PLAIN}\nS: 502 5.5.1 …")


# --- logging in


@pytest.mark.parametrize("name", ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"])
def test_passwords(name: str, authority: Authority) -> None:
    counters = Counters()
    with secure(authority, server_for(Box(), authenticator=USERS, counters=counters)) as client:
        talk(client, EHLO_AGAIN)
        binding = end_point(client) if name.endswith("-PLUS") else None
        assert log_in(client, mechanism(name, "wrong", binding=binding)).startswith("535 5.7.8 ")
        assert log_in(client, mechanism(name, binding=binding)) == "235 2.7.0 Welcome"
        talk(client, f"C: AUTH PLAIN {PLAIN}\nS: 503 5.5.1 …")
    assert counters.logins == 1
    assert counters.refused["auth"] == {535: 1}


def test_who_was_kept_from_seeing_what_is_offered_is_told(authority: Authority) -> None:
    """RFC 5802 6: a client that could bind its login, and says that it saw no offer to, has been lied to in between."""
    with secure(authority, server_for(Box(), authenticator=USERS)) as client:
        talk(client, EHLO_AGAIN)
        assert log_in(client, mechanism("SCRAM-SHA-256", binding=end_point(client))).startswith("535 5.7.8 ")


@pytest.mark.parametrize("name", ["OAUTHBEARER", "XOAUTH2"])
def test_tokens(name: str, authority: Authority) -> None:
    with secure(authority, server_for(Box(), authenticator=USERS)) as client:
        talk(client, EHLO_AGAIN)
        assert log_in(client, mechanism(name, None, token="expired", host="localhost")).startswith("535 5.7.8 ")
        assert log_in(client, mechanism(name, None, token="valid", host="localhost")) == "235 2.7.0 Welcome"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("AUTH PLAIN", "334…\nC: *\nS: 501 5.7.0 …"),
        ("AUTH PLAIN !!!", "501 5.5.2 …"),
        ("AUTH PLAIN YQ==", "501 5.5.2 That is no message of this mechanism"),
        ("AUTH GUESS", "504 5.5.4 …"),
        (f"AUTH PLAIN {WRONG}", "535 5.7.8 …"),
        (f"AUTH PLAIN {base64.b64encode(b'nobody' + bytes(1) + b'ann' + bytes(1) + b'secret').decode()}", "535 5.7.8 …"),
    ],
)
def test_logins_that_fail(said: str, answer: str, authority: Authority) -> None:
    """Another may follow, and it is no more than a refused command."""
    with secure(authority, server_for(Box(), authenticator=USERS)) as client:
        talk(client, EHLO_AGAIN + f"C: {said}\nS: {answer}\nC: AUTH PLAIN {PLAIN}\nS: 235 2.7.0 Welcome")


def test_three_wrong_passwords_end_it(authority: Authority) -> None:
    with secure(authority, server_for(Box(), authenticator=USERS)) as client:
        wrong = f"C: AUTH PLAIN {WRONG}\nS: 535 5.7.8 …\n"
        talk(client, EHLO_AGAIN + wrong + wrong + wrong.replace("535 5.7.8", "421 4.7.0") + "S FIN")


def test_accounts_that_can_not_be_read(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    def broken(user: str, token: str) -> str | None:
        raise OSError("the issuer does not answer")

    with secure(authority, server_for(Box(), authenticator=Authenticator(verify_token=broken))) as client:
        talk(client, EHLO_AGAIN)
        assert log_in(client, mechanism("XOAUTH2", None, token="any")).startswith("454 4.7.0 ")
        talk(client, "C: NOOP\nS: 250 …")
    assert "does not answer" in caplog.text


# --- submission


def test_who_submits_logs_in_first(authority: Authority) -> None:
    """RFC 6409 4.3."""
    box = Box()
    with secure(authority, server_for(box, authenticator=USERS, submission=True)) as client:
        talk(client, EHLO_AGAIN + "C: MAIL FROM:<ann@home.test>\nS: 530 5.7.0 …")
        assert log_in(client, mechanism("PLAIN")).startswith("235")
        talk(client, mail(*BODY))
    assert box.mails[0].transaction.user == "ann"


def test_without_accounts_nobody_submits() -> None:
    talk(Talk(server_for(Box(), submission=True)), HELLO + "C: MAIL FROM:<ann@home.test>\nS: 530 5.7.0 Log in first")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (BODY, r"Subject: lunch\r\nDate: [^\r]+ \+0000\r\nMessage-ID: <[0-9]+\.[0-9a-f]{16}@mx\.home\.test>\r\n\r\nAt one\?\r\n"),
        (
            ("Date: x", "Message-ID: <a@b>", "Bcc: eve@home.test", "", "hi"),
            r"Date: x\r\nMessage-ID: <a@b>\r\nBcc: eve@home.test\r\n\r\nhi\r\n",
        ),
        (("", "hi"), r"Date: [^\r]+\r\nMessage-ID: [^\r]+\r\n\r\nhi\r\n"),
        (("hi",), r"Date: [^\r]+\r\nMessage-ID: [^\r]+\r\n\r\nhi\r\n"),
        (("Subject: all",), r"Subject: all\r\nDate: [^\r]+\r\nMessage-ID: [^\r]+\r\n\r\n"),
        ((), r"Date: [^\r]+\r\nMessage-ID: [^\r]+\r\n\r\n"),
    ],
)
def test_what_a_submitted_mail_lacks_is_added(lines: tuple[str, ...], expected: str, authority: Authority) -> None:
    """RFC 6409 8.2, 8.3."""
    box = Box()
    with secure(authority, server_for(box, authenticator=USERS, submission=True)) as client:
        talk(client, EHLO_AGAIN + f"C: AUTH PLAIN {PLAIN}\nS: 235 …" + mail(*lines))
    assert re.fullmatch(expected, box.texts[0])


def test_bcc_is_taken_out_where_that_is_asked_for(authority: Authority) -> None:
    box = Box()
    with secure(authority, server_for(box, authenticator=USERS, submission=True, strip_bcc=True)) as client:
        talk(client, EHLO_AGAIN + f"C: AUTH PLAIN {PLAIN}\nS: 235 …" + mail("Date: x", "Bcc: eve@home.test", "Message-ID: <a@b>", "", "hi"))
    assert box.texts == ["Date: x\r\nMessage-ID: <a@b>\r\n\r\nhi\r\n"]


def test_mail_from_other_servers_is_left_as_it_is() -> None:
    box = Box()
    talk(server_for(box), HELLO + mail(*BODY))
    assert box.texts == ["Subject: lunch\r\n\r\nAt one?\r\n"]


def test_a_header_without_an_end_in_sight(authority: Authority) -> None:
    box = Box()
    with secure(authority, server_for(box, authenticator=USERS, submission=True)) as client:
        talk(client, EHLO_AGAIN + f"C: AUTH PLAIN {PLAIN}\nS: 235 …" + mail(*["X: " + "y" * 900] * 300, answer="552 5.3.4 …") + mail(*BODY))
    assert (len(box.mails), box.abandoned) == (1, 1)


def test_who_has_logged_in_may_send_to_others(authority: Authority) -> None:
    """Where something carries mail there; who has not may not (RFC 5321 7.9)."""
    home, away = Box(), Box()
    server = server_for(home, authenticator=USERS)
    server.recipients = Directory(["home.test"], home, users=["bob"], relay=away)
    relayed = mail(*BODY).replace("<bob@home.test>", "<carol@away.test>")
    refused = "C: MAIL FROM:<>\nS: 250 …\nC: RCPT TO:<carol@away.test>\nS: 550 5.7.1 …\nC: RSET\nS: 250 …\n"
    with secure(authority, server) as client:
        talk(client, EHLO_AGAIN + refused + f"C: AUTH PLAIN {PLAIN}\nS: 235 …" + relayed)
    assert (home.mails, away.mails[0].targets) == ([], ["away.test/carol"])
