"""What a host's text may do to our terminal: what full-screen programs need passes, all that answers back or rewrites is dropped."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.telnet.escapes import SEQUENCE_LIMIT, STRING_LIMIT, EscapeFilter

PASSES = [
    "plain text, äöü 漢字 🦜\r\n\tand\bback\a\f\v",
    "\x1b[31;1mred\x1b[0m",
    "\x1b[38;2;1;2;3mtrue\x1b[38:5:9mcolour\x1b[m",
    "\x1b[2J\x1b[H\x1b[10;20Hthere\x1b[K\x1b[5A\x1b[3B\x1b[2C\x1b[7D\x1b[4d\x1b[8G\x1b[9f",
    "\x1b[3L\x1b[2M\x1b[4@\x1b[5P\x1b[6X\x1b[3b\x1b[2S\x1b[2T",
    "\x1b[1;24r\x1b[s\x1b[u\x1b7\x1b8\x1bD\x1bE\x1bM\x1bH\x1b[3g\x1bc",
    "\x1b[?25l\x1b[?1049h\x1b[?1;2004h\x1b[?7l\x1b[4h\x1b[20l\x1b[?1002;1006h\x1b[?J",
    "\x1b(0lqqk\x1b(B\x1b)0\x0e\x0f\x1b=\x1b>\x1b#8\x1b[!p\x1b[4 q",
]

DROPPED = {
    "what are you": "\x1b[c \x1b[0c \x1b[>c \x1b[=c \x1bZ \x1b[>q \x05",
    "where is the cursor": "\x1b[6n \x1b[?6n \x1b[5n",
    "what is set": "\x1b[?1$p \x1b[4$p \x1b[x \x1b[1$w \x1b[?u \x1b[1;1;1;1;1;1*y",
    "the window: size, title, place": "\x1b[18t \x1b[21t \x1b[8;10;10t \x1b[3;0;0t",
    "the title": "\x1b]0;owned\x07 \x1b]2;owned\x1b\\ \x1bkowned\x1b\\ \x1b[>1T",
    "the clipboard, a link, a colour asked for": "\x1b]52;c;ZXZpbA==\x07 \x1b]8;;http://x\x07 \x1b]10;?\x1b\\ \x1b]4;1;?\x07",
    "device control, application, privacy, start of string": "\x1bP$qm\x1b\\ \x1b_Gi=1;AAAA\x1b\\ \x1b^x\x1b\\ \x1bXx\x1b\\",
    "by the eighth bit": "\x9b6n \x9d0;owned\x9c \x90$qm\x9c \x9a \x85",
    "printing": "\x1b[5i \x1b[?5i",
    "modes that report by themselves, VT52, a locked keyboard": "\x1b[?1004h \x1b[?2048h \x1b[?2031h \x1b[?2l \x1b[2h \x1b[?25;1004h",
    "other character sets of the whole": "\x1b%@ \x1b F \x1b G \x1b.A",
    "what has no meaning here": "\x1b[?1;2{ \x1b[1;2'z \x1b[3v \x1b1 \x1bn",
    "controls": "\x00\x01\x02\x03 \x06\x10\x11\x13 \x18\x1a\x7f",
}


def shown(text: str) -> str:
    return EscapeFilter().feed(text.encode())


@pytest.mark.parametrize("text", PASSES)
def test_what_full_screen_programs_need_passes(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize("text", DROPPED.values(), ids=DROPPED)
def test_what_answers_back_or_rewrites_is_dropped(text: str) -> None:
    assert shown(f"before{text}after").replace(" ", "") == "beforeafter"


@pytest.mark.parametrize("text", [*PASSES, *DROPPED.values()])
def test_the_same_at_every_split(text: str) -> None:
    data = f"a{text}b".encode()
    whole = EscapeFilter().feed(data)
    for at in range(len(data)):
        split = EscapeFilter()
        assert split.feed(data[:at]) + split.feed(data[at:]) == whole
    single = EscapeFilter()
    assert "".join(single.feed(data[at : at + 1]) for at in range(len(data))) == whole


def test_broken_off_sequences() -> None:
    assert shown("a\x1b[3\x1b[31mb") == "a\x1b[31mb"
    assert shown("a\x1b[3\nb") == "a\nb"
    assert shown("a\x1b]0;title\x1b[31mb") == "a\x1b[31mb"
    assert shown("a\x1b\x1b[6nb") == "ab"
    assert shown("a\x1b[1;2;\u00e4b") == "a\u00e4b"


def test_what_is_no_text_is_replaced() -> None:
    assert EscapeFilter().feed(b"\xff\x9b6n\xc3") == "\ufffd\ufffd6n"


def test_a_string_without_an_end_does_not_silence_the_host_for_ever() -> None:
    escapes = EscapeFilter()
    assert escapes.feed(b"\x1b]0;" + b"x" * (STRING_LIMIT - 10)) == ""
    assert escapes.feed(b"x" * 20) == ""
    assert escapes.feed(b"text") == "text"


def test_a_sequence_without_an_end_is_dropped() -> None:
    escapes = EscapeFilter()
    assert escapes.feed(b"\x1b[" + b"1;" * SEQUENCE_LIMIT) == ""
    assert escapes.feed(b"text") == "text"


@pytest.mark.parametrize("piece", ["\x9d", "\x1b]", "\x1b[", "\x1b[1;", "\x9b1", "\x1bP\x1b", "\x1b ", "\x1b"])
def test_no_text_takes_long(piece: str) -> None:
    text = piece * 200_000
    begun = time.process_time()
    shown(text)
    assert time.process_time() - begun < 2  # in proportion: a tenth of that; in its square: minutes


@given(st.text(st.sampled_from("\x1b[]0123456789;?>=!$ \x07\x9b\x9d\x9c\x05abcmnthlqPZk\\\n\x18"), max_size=40))
def test_what_passes_holds_nothing_that_would_not_pass(text: str) -> None:
    once = shown(text)
    assert shown(once) == once
    assert not re.search("[\x00-\x06\x10-\x1a\x1c-\x1f\x7f-\x9f]", once)
    assert not re.search(r"\x1b(?!\[|[78DEHMc=>NO]|#|[()*+])", once)
