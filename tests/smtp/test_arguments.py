"""How the arguments of commands are read: parameters, their values, and what is answered where they are wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wirespeak.errors import RemoteProtocolError
from wirespeak.smtp.arguments import LostCount, read_auth, read_base64, read_bdat, read_hello, read_mail, read_rcpt
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.messages import Recipient, Sender


def refusal(read: Callable[..., Any], argument: str, *others: Any, **options: Any) -> str:
    with pytest.raises(RemoteProtocolError) as caught:
        read(argument, *others, **options)
    assert caught.value.clause.startswith("RFC ")
    return f"{caught.value.code} {caught.value.enhanced}"


def test_names() -> None:
    """RFC 5321 4.1.1.1, 4.1.3"""
    assert read_hello("Client.test") == "Client.test"
    assert read_hello("[IPv6:2001:DB8::1]") == "[IPv6:2001:db8::1]"
    for name in ("", "a b", "a@b", "[1.2.3.400]", "[IPv6:1::2::3]", "<a>", "-a", "a" * 256, "\u00f6.test"):
        assert refusal(read_hello, name) == "501 5.5.4"


def test_a_sender_with_all_that_can_be_said() -> None:
    """RFC 1870, 6152, 6531, 4954, 3461: in any case and order."""
    argument = "from:<d\u00f6rte@a.test> smtputf8 Size=1000 body=8bitMIME AUTH=e+3Dmc2@example.test RET=hdrs ENVID=QQ+2B314159"
    assert read_mail(argument) == Sender(
        Mailbox("d\u00f6rte", "a.test"), size=1000, body="8BITMIME", utf8=True, auth="e=mc2@example.test", ret="HDRS", envid="QQ+314159"
    )


def test_senders() -> None:
    assert read_mail("FROM:<>") == Sender(None)
    assert read_mail("FROM:<> AUTH=<>") == Sender(None, auth="")
    assert read_mail("FROM: <a@b>") == Sender(Mailbox("a", "b"))
    assert read_mail("FROM:<a@b> BODY=BINARYMIME").body == "BINARYMIME"
    assert read_mail("FROM:<a@b> SIZE=0").size == 0


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("X=1", "555 5.5.4"),
        ("NOTIFY=NEVER", "555 5.5.4"),
        ("BY=120;R", "555 5.5.4"),
        *((text, "501 5.5.4") for text in ("SIZE", "SIZE=", "SIZE=x", "SIZE=-1", "SIZE=" + "1" * 21, "SIZE=1 size=1")),
        *(
            (text, "501 5.5.4")
            for text in ("BODY", "BODY=9BIT", "SMTPUTF8=1", "RET", "RET=SOME", "ENVID", "ENVID=a+zz", "ENVID=" + "a" * 101)
        ),
        *((text, "501 5.5.4") for text in ("ENVID=a+0D+0Ab", "AUTH", "AUTH=a=b", "AUTH=+00", "=", "a=", "-x", "SIZE=1\tBODY=7BIT")),
    ],
)
def test_parameters_of_mail_that_are_wrong(parameters: str, said: str) -> None:
    """RFC 5321 4.1.1.11: 555 where it isn't known; 501 where its value is no such."""
    assert refusal(read_mail, f"FROM:<a@b> {parameters}") == said


def test_parameters_that_were_not_offered() -> None:
    """Behind HELO nothing was."""
    assert refusal(read_mail, "FROM:<a@b> SIZE=1", ()) == "555 5.5.4"
    assert refusal(read_rcpt, "TO:<a@b> NOTIFY=NEVER", ()) == "555 5.5.4"


def test_letters_beyond_ascii() -> None:
    """RFC 6531 3.4"""
    assert refusal(read_mail, "FROM:<d\u00f6rte@b>") == "553 5.6.7"
    assert refusal(read_rcpt, "TO:<d\u00f6rte@b>") == "553 5.6.7"
    assert refusal(read_rcpt, "TO:<a@b> ORCPT=utf-8;d\u00f6rte@b") == "553 5.6.7"
    assert read_rcpt("TO:<d\u00f6rte@b> ORCPT=utf-8;d\u00f6rte@b", utf8=True) == Recipient(
        Mailbox("d\u00f6rte", "b"), orcpt="utf-8;d\u00f6rte@b"
    )


def test_recipients() -> None:
    """RFC 3461 4.1, 4.2"""
    assert read_rcpt("TO:<a@b>") == Recipient(Mailbox("a", "b"))
    assert read_rcpt("to:<Postmaster> notify=NEVER") == Recipient(Mailbox("Postmaster", ""), frozenset({"NEVER"}))
    assert read_rcpt("TO:<a@b> NOTIFY=success,DELAY ORCPT=rfc822;Carol+2B@Ivory.EDU") == Recipient(
        Mailbox("a", "b"), frozenset({"SUCCESS", "DELAY"}), "rfc822;Carol+@Ivory.EDU"
    )


@pytest.mark.parametrize(
    "parameters",
    [
        *(
            "NOTIFY",
            "NOTIFY=",
            "NOTIFY=NO",
            "NOTIFY=NEVER,SUCCESS",
            "NOTIFY=SUCCESS,SUCCESS",
            "NOTIFY=SUCCESS,",
            "NOTIFY=NEVER NOTIFY=NEVER",
        ),
        *("ORCPT", "ORCPT=rfc822", "ORCPT=;a@b", "ORCPT=rfc822;a+zz", "ORCPT=rfc822;a+0D+0Ab", "ORCPT=rfc822;" + "a" * 500),
    ],
)
def test_parameters_of_rcpt_that_are_wrong(parameters: str) -> None:
    assert refusal(read_rcpt, f"TO:<a@b> {parameters}") == "501 5.5.4"


@pytest.mark.parametrize("argument", ["", "FROM", "<a@b>", "TO:<a@b>", "FROM <a@b>", "FROM=<a@b>", "FROM :<a@b>"])
def test_what_mail_begins_with(argument: str) -> None:
    assert refusal(read_mail, argument) == "501 5.5.4"


def test_what_is_wrong_with_the_address() -> None:
    """RFC 3463 3.2: which of the two it was."""
    assert refusal(read_mail, "FROM:<a@b@c>") == "501 5.1.7"
    assert refusal(read_rcpt, "TO:<a@b@c>") == "501 5.1.3"
    assert refusal(read_rcpt, "TO:<>") == "501 5.1.3"


def test_chunks() -> None:
    """RFC 3030 2"""
    assert read_bdat("0") == (0, False)
    assert read_bdat("86 last") == (86, True)
    for argument in ("", "x", "1 x", "-1", "1 LAST x", "1LAST", "1" * 20):
        with pytest.raises(LostCount):
            read_bdat(argument)


def test_logins() -> None:
    """RFC 4954 4"""
    assert read_auth("plain") == ("PLAIN", None)
    assert read_auth("SCRAM-SHA-256-PLUS =") == ("SCRAM-SHA-256-PLUS", b"")
    assert read_auth("PLAIN AGFubgBzZXNhbWU=") == ("PLAIN", b"\0ann\0sesame")
    assert refusal(read_auth, "PLAIN a b") == "501 5.5.4"
    assert refusal(read_auth, "PLAIN AGF") == "501 5.5.2"


@pytest.mark.parametrize(
    "text", ["A", "AA", "AAA", "AA=", "AAA=A", "=AAA", "AA==AA==", "AB==", "AAB=", "A A=", "AA\n=", "A-_=", "\u00f6\u00f6\u00f6\u00f6"]
)
def test_one_text_has_one_spelling(text: str) -> None:
    """RFC 4648 3.2, 3.3, 3.5"""
    assert refusal(read_base64, text) == "501 5.5.2"
