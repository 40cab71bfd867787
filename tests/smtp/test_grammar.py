"""The productions of SMTP, each with what it takes and what it doesn't (RFC 5321 4.1.2, and the extensions)."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.smtp import grammar
from wirespeak.smtp.grammar import decode_xtext, encode_xtext

TAKEN = [
    (grammar.COMMAND, ["NOOP", "noop x", "MAIL FROM:<a@b> SIZE=1", "HELO   a", "A1"]),
    (grammar.DOMAIN_ONLY, ["a", "a.b", "mx-1.example.test", "1.2.3.4", "b\u00fccher.test", "x" * 63]),
    (grammar.LITERAL_ONLY, ["[192.0.2.1]", "[IPv6:2001:db8::1]", "[ipv6:::1]"]),
    (grammar.IPV4, ["0.0.0.0", "192.0.2.255"]),
    (grammar.DOT_STRING_ONLY, ["a", "a.b", "user+tag", "user%away", "a!b", "!#$%&'*+-/=?^_`{|}~", "d\u00f6rte"]),
    (grammar.MAILBOX_ONLY, ["a@b", '"a b"@c', '"\\""@c', '""@c', "a@[192.0.2.1]", '" "@b', "d\u00f6rte@b\u00fccher.test"]),
    (grammar.PATH, ["<a@b>", "<@x:a@b>", "<@x,@y.z:a@b>", '<"a>b"@c>']),
    (grammar.POSTMASTER, ["<Postmaster>", "<POSTMASTER>"]),
    (grammar.HELLO_NAME, ["a", "client.test", "my_pc.local", "client.test.", "[192.0.2.1]", "127.0.0.1"]),
    (grammar.PARAMETER, ["SIZE=1", "SMTPUTF8", "AUTH=<>", "X-1=a;b", "ORCPT=utf-8;d\u00f6rte"]),
    (grammar.SIZE_VALUE, ["0", "1" * 20]),
    (grammar.XTEXT, ["", "a+2Bb", "abc;def"]),
    (grammar.ORCPT, ["rfc822;a@b", "utf-8;d\u00f6rte@b", "x400;+20"]),
    (grammar.CHUNK, ["0", "86 LAST", "86  last"]),
    (grammar.AUTHENTICATION, ["PLAIN", "PLAIN =", "SCRAM-SHA-256-PLUS abc=", "XOAUTH2 x"]),
]

LEFT = [
    (grammar.COMMAND, ["", " NOOP", "1A", "NOOP\tx", "MAIL:"]),
    (grammar.DOMAIN_ONLY, ["", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b", "x" * 64, "a.-b", "[a]"]),
    (grammar.LITERAL_ONLY, ["[]", "[::1]", "[IPv6:]", "[a]", "[192.0.2.1", "[IPv6:fe80::1%lo]", "[tag:x]"]),
    (grammar.IPV4, ["256.1.1.1", "01.2.3.4", "1.2.3", "1.2.3.4.5"]),
    (grammar.DOT_STRING_ONLY, ["", ".a", "a.", "a..b", "a b", 'a"b', "a@b", "a\x00", "a\x85", "a,b", "(a)"]),
    (grammar.MAILBOX_ONLY, ["a", "@b", "a@", "a@b@c", '"a@b', '"a"b@c', 'a"b"@c', '"\r"@b', "a@[b]"]),
    (grammar.PATH, ["a@b", "<a@b", "<>", "<@x>", "<@x a@b>", "<x:a@b>", "<@x,y:a@b>", "<@:a@b>", "< a@b>"]),
    (grammar.POSTMASTER, ["<hostmaster>", "Postmaster", "<postmaster"]),
    (grammar.HELLO_NAME, ["", ".", "a..b", "-a", "a b", "a@b", "[1.2.3]", "<a>", "b\u00fccher.test"]),
    (grammar.PARAMETER, ["", "=", "=1", "SIZE=", "SIZE==1", "-X=1", "A=b c", "A=\x00"]),
    (grammar.SIZE_VALUE, ["", "-1", "1" * 21, "\u0661"]),
    (grammar.XTEXT, ["a=b", "a+b", "a+2b", "a b", "+", "+0", "\u00f6"]),
    (grammar.ORCPT, ["rfc822", ";a", "rfc822;", "rfc822;a=b", "a b;c"]),
    (grammar.CHUNK, ["", "x", "-1", "1 FIRST", "1 LAST x", "1" * 20, "\u0661"]),
    (grammar.AUTHENTICATION, ["", " PLAIN", "PLAIN a b", "PL=AIN", "A" * 21]),
]


@pytest.mark.parametrize(("pattern", "text"), [(pattern, text) for pattern, texts in TAKEN for text in texts])
def test_what_is_taken(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.fullmatch(text)


@pytest.mark.parametrize(("pattern", "text"), [(pattern, text) for pattern, texts in LEFT for text in texts])
def test_what_is_not(pattern: re.Pattern[str], text: str) -> None:
    assert not pattern.fullmatch(text)


HARD = ["<" + "@a," * 4000, "<@" + "a." * 6000, '<"' + "\\a" * 6000, "<" + "a." * 6000, "<" + "a" * 12_000, "a=" * 6000, "+41" * 4000 + "+"]


@pytest.mark.parametrize("text", HARD, ids=lambda text: text[:4])
def test_no_pattern_goes_back_over_what_it_has_read(text: str) -> None:
    """Of twelve thousand bytes a quadratic one would take seconds."""
    began = time.process_time()
    for name in ("PATH", "MAILBOX_ONLY", "PARAMETER", "XTEXT", "ORCPT", "HELLO_NAME", "DOMAIN_ONLY", "CHUNK", "AUTHENTICATION", "COMMAND"):
        getattr(grammar, name).fullmatch(text)
    assert time.process_time() - began < 0.5


@given(st.text(st.characters(max_codepoint=0x24F)))
def test_xtext_round_trip(text: str) -> None:
    """RFC 3461 4. What is beyond ASCII stays as it is."""
    encoded = encode_xtext(text)
    assert decode_xtext(encoded) == text
    if text.isascii():
        assert grammar.XTEXT.fullmatch(encoded)


def test_xtext_by_example() -> None:
    """RFC 4954 5"""
    assert encode_xtext("e=mc2@example.test") == "e+3Dmc2@example.test"
    assert decode_xtext("e+3Dmc2@example.test") == "e=mc2@example.test"
