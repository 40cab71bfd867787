"""Mailboxes (RFC 5321 4.1.2): how they are read in paths, and from what people type; how they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.errors import LocalProtocolError, RemoteProtocolError, TextError
from wirespeak.smtp.mailbox import Mailbox, read_path


@pytest.mark.parametrize(
    ("path", "local", "domain"),
    [
        ("<Smith@bar.com>", "Smith", "bar.com"),
        ("<a@EXAMPLE.Test>", "a", "example.test"),
        ('<"two words"@a>', "two words", "a"),
        (r'<"a\"b\\c\d"@a>', 'a"b\\cd', "a"),
        ('<""@a>', "", "a"),
        ("<@one.test,@two.test:a@three.test>", "a", "three.test"),
        ("<user%away.test@here.test>", "user%away.test", "here.test"),
        ("<away.test!user@here.test>", "away.test!user", "here.test"),
        ("<a@[192.0.2.1]>", "a", "[192.0.2.1]"),
        ("<a@[IPV6:2001:DB8:0:0::1]>", "a", "[IPv6:2001:db8::1]"),
        ("<postMASTER>", "postMASTER", ""),
        ("<" + "a" * 64 + "@b>", "a" * 64, "b"),
        ("<a@" + ".".join(["b" * 63] * 4) + ">", "a", ".".join(["b" * 63] * 4)),
    ],
)
def test_a_recipients_path(path: str, local: str, domain: str) -> None:
    assert read_path(path, utf8=False) == (Mailbox(local, domain), "")


def test_what_stands_behind_a_path() -> None:
    assert read_path("<a@b>  SIZE=1  BODY=7BIT", utf8=False) == (Mailbox("a", "b"), "SIZE=1  BODY=7BIT")
    assert read_path("<> SIZE=1", utf8=False, sender=True) == (None, "SIZE=1")


@pytest.mark.parametrize(
    "path",
    [
        *("", "a@b", "<a@b", "a@b>", "<a>", "<@b>", "<a@>", "<a b@c>", "<<a@b>>", "<a@b>x", "<a@b>SIZE=1", "< a@b>", "<a@b >"),
        *('<"a@b>', '<a"b@c>', "<a@[1.2.3.4>", "<a@[1.2.3.256]>", "<a@[1.2.3]>", "<a@[01.2.3.4]>", "<a@[IPv6:1:2]>", "<a@[IPv6:::1::2]>"),
        *("<@a>", "<@a:>", "<@a,b:c@d>", "<a@b@c>", "<a..b@c>", "<.a@b>", "<a.@b>", "<a@b_c>", "<a@-b>", "<a@b.>", "<hostmaster>"),
        *(
            "<a\x00@b>",
            "<a\r\n@b>",
            "<a@b\r\nRCPT TO:<c@d>>",
            "<" + "a" * 300 + "@b>",
            "<a@" + ("b" * 63 + ".") * 4 + "c>",
            "<a@" + "b" * 64 + ">",
        ),
    ],
)
def test_a_path_that_is_none(path: str) -> None:
    """501 5.1.3 to RCPT, 501 5.1.7 to MAIL (RFC 3463 3.2)."""
    for sender, enhanced in ((False, "5.1.3"), (True, "5.1.7")):
        with pytest.raises(RemoteProtocolError) as caught:
            read_path(path, utf8=True, sender=sender)
        assert (caught.value.code, caught.value.enhanced) == (501, enhanced)


def test_who_may_be_nobody_and_who_postmaster() -> None:
    with pytest.raises(RemoteProtocolError):
        read_path("<>", utf8=False)
    with pytest.raises(RemoteProtocolError):
        read_path("<Postmaster>", utf8=False, sender=True)


def test_a_sender_may_carry_another_address_within() -> None:
    long = "bounces+" + "x" * 100 + "=client.test"
    assert read_path(f"<{long}@list.test>", utf8=False, sender=True)[0] == Mailbox(long, "list.test")
    with pytest.raises(RemoteProtocolError):
        read_path(f"<{long}@list.test>", utf8=False)


def test_letters_beyond_ascii() -> None:
    """RFC 6531 3.3, 3.4"""
    path = "<d\u00f6rte@B\u00dcCHER.test>"
    mailbox, _ = read_path(path, utf8=True)
    assert mailbox == Mailbox("d\u00f6rte", "b\u00fccher.test")
    assert not mailbox.is_ascii
    assert mailbox.ascii_domain == "xn--bcher-kva.test"
    with pytest.raises(RemoteProtocolError) as caught:
        read_path(path, utf8=False)
    assert (caught.value.code, caught.value.enhanced) == (553, "5.6.7")


@pytest.mark.parametrize(
    "path", ["<a@\u2603\ufe0f.test>", "<a@\u00a0.test>", "<a\u202eb@c>", "<a\u2028@b>", "<a\u0085@b>", "<" + "\u00f6" * 33 + "@b>"]
)
def test_letters_that_no_name_has(path: str) -> None:
    """RFC 5890 of the domain, RFC 5892 2.6 of what turns text around; and octets are counted, not letters."""
    with pytest.raises(RemoteProtocolError):
        read_path(path, utf8=True)


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("ann@home.test", Mailbox("ann", "home.test")),
        (" <ann@home.test> ", Mailbox("ann", "home.test")),
        ('"a b"@Home.Test', Mailbox("a b", "home.test")),
        ("d\u00f6rte@b\u00fccher.test", Mailbox("d\u00f6rte", "b\u00fccher.test")),
    ],
)
def test_what_people_type(text: str, mailbox: Mailbox) -> None:
    assert Mailbox.parse(text) == mailbox


@pytest.mark.parametrize("text", ["", "ann", "ann@", "Ann <ann@home.test>", "a@b, c@d", "<@x:a@b>", "a@[1.2.3.4.5]"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(TextError):
        Mailbox.parse(text)


@pytest.mark.parametrize("text", ["a@b\r\nRCPT TO:<c@d>", "a\n@b", "a@b\x00", '"a\rb"@c'])
def test_an_address_brings_no_line_of_its_own(text: str) -> None:
    """cpython issue 87290 was of this kind."""
    with pytest.raises(LocalProtocolError):
        Mailbox.parse(text)


LOCALS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=64)
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
DOMAINS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)


@given(LOCALS, DOMAINS)
def test_round_trip(local: str, domain: str) -> None:
    """What is written reads as what it was, whatever the local part."""
    mailbox = Mailbox(local, domain)
    assert Mailbox.parse(str(mailbox)) == mailbox
    assert read_path(f"<{mailbox}> SIZE=1", utf8=False) == (mailbox, "SIZE=1")


@given(st.text(max_size=40), st.booleans())
def test_any_text_is_read_or_refused_with_a_code(text: str, utf8: bool) -> None:
    try:
        code = 250 if read_path(f"<{text}>", utf8=utf8) else 0
    except RemoteProtocolError as error:
        code = error.code
    assert code in (250, 501, 553)
