"""TLS and logging in, in a server's conversation: RFC 3207, RFC 4954, RFC 6409."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.smtp.dialog import GREETED, Dialog, spoken, willing
from wirespeak.contract import StartTLS
from wirespeak.smtp.messages import Auth, AuthAnswer, AuthCancelled, Challenge, Reply, Sender

SESAME = base64.b64encode(b"sesame").decode()
WRONG = base64.b64encode(b"wrong").decode()

# --- STARTTLS


def test_tls_and_all_is_forgotten() -> None:
    """RFC 3207 4.2: the name, the mail under way; and TLS is not offered again."""
    dialog = spoken(
        """
        S: 220 mx.test ESMTP
        C: EHLO client.test
        S: 250-mx.test greets client.test
        S: 250-PIPELINING
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250-CHUNKING
        S: 250-BINARYMIME
        S: 250-DSN
        S: 250-HELP
        S: 250-SIZE
        S: 250 STARTTLS
        C: MAIL FROM:<ann@client.test>
        C: STARTTLS
        S: 250 2.1.0 Ok
        S: 220 2.0.0 Ready to begin TLS
        C TLS
        C: MAIL FROM:<ann@client.test>
        S: 503 5.5.1 ...
        C: EHLO client.test
        S: 250-mx.test greets client.test
        S: 250-PIPELINING
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250-CHUNKING
        S: 250-BINARYMIME
        S: 250-DSN
        S: 250-HELP
        S: 250 SIZE
        C: STARTTLS
        S: 503 5.5.1 ...
        """,
        tls=True,
        limits={"size": 0},
    )
    assert dialog.kinds == ["Hello", "Sender", "Reset", "StartTLS", "RemoteProtocolError", "Hello", "RemoteProtocolError"]
    assert dialog.session.secure


def test_what_was_said_in_clear_behind_starttls_is_never_heard() -> None:
    """CVE-2011-0411"""
    dialog = spoken(
        GREETED
        + """
        C: STARTTLS
        C: EHLO evil.test
        C: MAIL FROM:<evil@evil.test>
        S: 220 2.0.0 Ready to begin TLS
        C TLS
        C: NOOP
        S: 250 2.0.0 OK
        """,
        tls=True,
    )
    assert dialog.events[-1] == StartTLS()
    assert dialog.session.hello is None


def test_while_hands_are_shaken_nothing_is_read() -> None:
    dialog = Dialog(tls=True)
    dialog.hear(b"EHLO a\r\nSTARTTLS\r\nNOOP\r\n")
    dialog.take()
    session = dialog.session
    assert not session.reading
    assert session.receive(b"NOOP\r\n", 0.0) == ()
    session.secured(None)
    assert session.reading
    assert session.receive(b"", 0.0) == ()
    assert dialog.take() == ""


def test_starttls_has_no_parameter() -> None:
    """RFC 3207 4"""
    spoken(
        GREETED
        + """
        C: STARTTLS now
        S: 501 5.5.4 STARTTLS with 1 parameter (RFC 5321 4.1.1)
        """,
        tls=True,
    )


def test_a_login_does_not_outlive_the_handshake() -> None:
    dialog = Dialog(tls=True, mechanisms=["PLAIN"], auth_in_clear=True)
    dialog.hear(f"EHLO a\r\nAUTH PLAIN {SESAME}\r\n".encode())
    assert dialog.session.authenticated
    dialog.hear(b"STARTTLS\r\n")
    dialog.shake_hands()
    assert not dialog.session.authenticated


# --- AUTH


def test_logging_in_with_an_initial_response() -> None:
    dialog = spoken(
        """
        S: 220 mx.test ESMTP
        C: EHLO client.test
        S: 250-mx.test greets client.test
        S: 250-PIPELINING
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250-CHUNKING
        S: 250-BINARYMIME
        S: 250-DSN
        S: 250-HELP
        S: 250-SIZE 9
        S: 250 AUTH SCRAM-SHA-256-PLUS PLAIN
        """
        + f"""
        C: auth plain {SESAME}
        S: 235 2.7.0 Welcome
        C: AUTH PLAIN {SESAME}
        S: 503 5.5.1 nobody logs in twice (RFC 4954 4)
        """,
        secure=True,
        mechanisms=["SCRAM-SHA-256-PLUS", "PLAIN"],
        limits={"size": 9},
    )
    assert dialog.session.authenticated
    assert Auth("PLAIN", b"sesame") in dialog.events


def test_logging_in_with_a_challenge() -> None:
    """RFC 4954 4: challenge and response in base64; an empty initial response is an equals sign."""
    dialog = spoken(
        GREETED
        + f"""
        C: AUTH LOGIN
        S: 334 cGFzc3dvcmQ/
        C: {SESAME}
        S: 235 2.7.0 Welcome
        """,
        secure=True,
        mechanisms=["LOGIN"],
    )
    assert dialog.events[1:] == [Auth("LOGIN"), AuthAnswer(b"sesame")]
    other = spoken(
        GREETED
        + """
        C: AUTH LOGIN =
        S: 535 5.7.8 No
        """,
        secure=True,
        mechanisms=["LOGIN"],
    )
    assert other.events[1:] == [Auth("LOGIN", b"")]


def test_giving_up() -> None:
    """RFC 4954 4"""
    dialog = spoken(
        GREETED
        + """
        C: AUTH LOGIN
        S: 334 ...
        C: *
        S: 501 5.7.0 the login was given up (RFC 4954 4)
        C: MAIL FROM:<ann@client.test>
        S: 250 2.1.0 Ok
        """,
        secure=True,
        mechanisms=["LOGIN"],
    )
    assert dialog.events[2] == AuthCancelled()


@pytest.mark.parametrize("response", ["%%%", "c2VzYW1l=", "c2VzYW1", "c2Vz YW1l", "=c2VzYW1l", "YR==", "c2VzYW1l\\x00", "d\\xc3\\xb6", ""])
def test_what_is_no_base64(response: str) -> None:
    """RFC 4954 4, RFC 4648 3.3, 3.5: one text has one spelling. An empty line, for its part, is an empty response."""
    dialog = spoken(
        GREETED
        + f"""
        C: AUTH LOGIN
        S: 334 ...
        C| {response}\\r\\n
        S: {"501 5.5.2 a response that is no base64..." if response else "535 5.7.8 No"}
        C: NOOP
        S: 250 2.0.0 OK
        """,
        secure=True,
        mechanisms=["LOGIN"],
    )
    assert dialog.kinds[2:4] == (["AuthCancelled", "RemoteProtocolError"] if response else ["AuthAnswer"])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("AUTH", "501 5.5.4"),
        ("AUTH PLAIN a b", "501 5.5.4"),
        ("AUTH PLAIN %", "501 5.5.2"),
        ("AUTH CRAM-MD5", "504 5.5.4"),
        ("AUTH PL=AIN", "501 5.5.4"),
        ("AUTH " + "A" * 21, "501 5.5.4"),
        ("AUTH PLAIN " + "A" * 12_276, "500 5.5.6"),
        ("AUTH LOGIN\r\n" + "A" * 12_288, "334 cGFzc3dvcmQ/\r\n500 5.5.6"),
    ],
)
def test_a_login_that_is_none(line: str, said: str) -> None:
    """RFC 4954 4; a line may have 12,288 octets."""
    dialog = Dialog(secure=True, mechanisms=["PLAIN", "LOGIN"])
    dialog.hear(b"EHLO a\r\n")
    dialog.take()
    dialog.hear(f"{line}\r\nNOOP\r\n".encode())
    answer = dialog.take()
    assert answer.startswith(f"{said} ")
    assert answer.endswith("\r\n250 2.0.0 OK\r\n")


def test_a_response_as_long_as_may_be() -> None:
    dialog = Dialog(secure=True, mechanisms=["LOGIN"])
    dialog.hear(b"EHLO a\r\nAUTH LOGIN\r\n" + b"A" * 12_284 + b"\r\n")
    assert dialog.events[-1] == AuthAnswer(bytes(9213))


def test_nobody_logs_in_in_clear() -> None:
    """RFC 4954 4: it isn't even offered."""
    dialog = Dialog(mechanisms=["PLAIN"], tls=True)
    dialog.hear(b"EHLO a\r\n")
    assert "AUTH" not in dialog.take()
    dialog.hear(f"AUTH PLAIN {SESAME}\r\n".encode())
    assert dialog.take() == "538 5.7.11 nobody logs in without TLS (RFC 4954 6)\r\n"
    assert dialog.kinds == ["Hello", "RemoteProtocolError"]


def test_in_clear_where_it_is_allowed_but_without_binding() -> None:
    dialog = Dialog(mechanisms=["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"], auth_in_clear=True)
    dialog.hear(b"EHLO a\r\n")
    assert dialog.take().endswith("250 AUTH SCRAM-SHA-256\r\n")
    dialog.hear(b"AUTH SCRAM-SHA-256-PLUS\r\n")
    assert dialog.take().startswith("504 5.5.4")


def test_nobody_logs_in_behind_helo() -> None:
    spoken(
        f"""
        S: 220 mx.test ESMTP
        C: HELO client.test
        S: 250 mx.test greets client.test
        C: AUTH PLAIN {SESAME}
        S: 503 5.5.1 EHLO comes before AUTH (RFC 4954 4)
        """,
        secure=True,
        mechanisms=["PLAIN"],
    )


def test_the_third_failure_is_the_last() -> None:
    spoken(
        GREETED
        + f"""
        C: AUTH PLAIN {WRONG}
        S: 535 5.7.8 No
        C: AUTH LOGIN
        S: 334 ...
        C: {WRONG}
        S: 535 5.7.8 No
        C: AUTH PLAIN {WRONG}
        S: 421 4.7.0 Too many failed logins
        S FIN
        """,
        secure=True,
        mechanisms=["PLAIN", "LOGIN"],
    )


# --- submission (RFC 6409 4.3)


def test_who_submits_logs_in_first() -> None:
    dialog = spoken(
        GREETED
        + f"""
        C: MAIL FROM:<ann@client.test>
        S: 530 5.7.0 STARTTLS first, then log in (RFC 4954 6)
        C: VRFY ann
        S: 530 5.7.0 ...
        C: STARTTLS
        S: 220 ...
        C TLS
        C: EHLO client.test
        S: 250-...
        S...
        C: MAIL FROM:<ann@client.test>
        S: 530 5.7.0 log in first (RFC 4954 6)
        C: AUTH PLAIN {SESAME}
        S: 235 ...
        C: MAIL FROM:<ann@client.test>
        S: 250 2.1.0 Ok
        """,
        submission=True,
        tls=True,
        mechanisms=["PLAIN"],
    )
    assert dialog.kinds.count("Sender") == 1


def test_where_nobody_can_log_in_nobody_has_to() -> None:
    spoken(
        GREETED
        + """
        C: MAIL FROM:<ann@client.test>
        S: 250 2.1.0 Ok
        """,
        submission=True,
    )


def test_who_has_not_logged_in_vouches_for_nobody() -> None:
    """RFC 4954 5: then AUTH= counts as if it were AUTH=<>."""
    dialog = Dialog(secure=True, mechanisms=["PLAIN"])
    dialog.hear(b"EHLO a\r\nMAIL FROM:<a@b> AUTH=e+3Dmc2@example.test\r\nRSET\r\n")
    dialog.hear(f"AUTH PLAIN {SESAME}\r\n".encode())
    dialog.hear(b"MAIL FROM:<a@b> AUTH=e+3Dmc2@example.test\r\n")
    assert [event.auth for event in dialog.events if isinstance(event, Sender)] == ["", "e=mc2@example.test"]


def test_a_verdict_on_a_login_that_comes_late() -> None:
    def slow(event: Any) -> Reply | Challenge | None:
        return None if isinstance(event, Auth) else willing(event)

    dialog = Dialog(slow, secure=True, mechanisms=["PLAIN"])
    dialog.hear(f"EHLO a\r\nAUTH PLAIN {SESAME}\r\nMAIL FROM:<a@b>\r\n".encode())
    dialog.take()
    dialog.say(Challenge(b""))
    dialog.settle()
    assert dialog.take().startswith("334 \r\n501 5.5.2")  # what was pipelined is no response
