"""The productions of IRC, each with what it takes and what it doesn't (Modern IRC, RFC 2812 2.3.1, IRCv3)."""

from __future__ import annotations

import re
import time

import pytest

from wirespeak.irc import grammar

TAKEN = [
    (grammar.COMMAND, ["PRIVMSG", "privmsg", "001", "x"]),
    (grammar.TAG_KEY, ["time", "+typing", "+draft/reply", "znc.in/server-time", "a-b", "+example.com/foo"]),
    (grammar.NICKNAME, ["ann", "A", "[ann]", "_", "a-1", "`^{|}\\", "x" * 30]),
    (grammar.USER, ["ann", "~ann", "a.b", "0", "x" * 16]),
    (grammar.CHANNEL, ["#", "#lobby", "##", "#caf\u00e9", "#a:b", "#a!b@c", "#\u4e2d\u6587"]),
    (grammar.KEY, ["secret", "a:b", "!\"$%&/()=?'", "x" * 32]),
    (grammar.HOST, ["home.test", "192.0.2.1", "2001:db8::1", "user/ann", "a_b"]),
    (grammar.CAPABILITY, ["sasl", "-sasl", "draft/account-registration", "cap-notify"]),
    (grammar.CTCP, ["\x01VERSION\x01", "\x01ACTION waves\x01", "\x01PING 1", "\x01DCC SEND x 0 0\x01"]),
]

LEFT = [
    (grammar.COMMAND, ["", "12", "1234", "PRIV-MSG", "A1", "\u00c4"]),
    (grammar.TAG_KEY, ["", "+", "++a", "a b", "a=b", "/a", ".a", "a;b", "a\u00e4"]),
    (grammar.NICKNAME, ["", "1ann", "-ann", ":ann", "#ann", "an n", "ann!", "a@b", "a*", "a.b", "\u00e4nn", "x" * 31, "$a", "~a"]),
    (grammar.USER, ["", "a b", "a@b", "a!b", "*", ":a", "x" * 17, "\u00e4"]),
    (grammar.CHANNEL, ["", "lobby", "&lobby", "#a b", "#a,b", "#a\x07", "#\x00", "#\x7f", "#a\u200bb", "#\u202e", "#\ufeff", "#\xa0"]),
    (grammar.KEY, ["", ":a", "a b", "a,b", "\u00e4", "a\tb", "x" * 33]),
    (grammar.HOST, ["", ":1", ".a", "-a", "a b", "a!b", "a@b", "x" * 65]),
    (grammar.CAPABILITY, ["", "-", "=x", "sasl=PLAIN", "--sasl"]),
    (grammar.CTCP, ["\x01", "\x01\x01", "VERSION", "\x01 x\x01"]),
]


@pytest.mark.parametrize(("pattern", "text"), [(pattern, text) for pattern, texts in TAKEN for text in texts])
def test_taken(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.fullmatch(text)


@pytest.mark.parametrize(("pattern", "text"), [(pattern, text) for pattern, texts in LEFT for text in texts])
def test_left(pattern: re.Pattern[str], text: str) -> None:
    assert not pattern.fullmatch(text)


def test_what_a_client_sends_and_a_server_adds_fits_what_a_client_reads() -> None:
    """IRCv3 message-tags, Size limit: 512 :: server, 4096 :: client, 4607 :: both."""
    assert grammar.SERVER_TAGS + 2 == 512
    assert grammar.TAG_PART == 4096
    assert grammar.RECEIVED_TAG_PART == 4607


@pytest.mark.parametrize("name", [name for name in vars(grammar) if isinstance(getattr(grammar, name), re.Pattern)])
def test_time_is_linear_in_the_input(name: str) -> None:
    """Whatever its first character, a long text that fits nowhere is looked at once."""
    pattern = getattr(grammar, name)
    for text in ("a" * 200_000 + "\0", "#" + "a" * 200_000 + " ", "\x01a" * 100_000, "a!" * 100_000, "+a/." * 50_000 + " "):
        begun = time.process_time()
        pattern.fullmatch(text)
        assert time.process_time() - begun < 0.5
