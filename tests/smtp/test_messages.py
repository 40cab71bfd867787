"""Commands and replies: made of lines and back (RFC 5321 4.1, 4.2; RFC 2034 4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.errors import LocalProtocolError, RemoteProtocolError
from wirespeak.smtp.messages import Command, Reply


def test_a_command_is_a_line() -> None:
    assert Command("NOOP").encode() == b"NOOP\r\n"
    assert Command("MAIL", "FROM:<ann@home.test>").encode() == b"MAIL FROM:<ann@home.test>\r\n"
    assert Command("RCPT", "TO:<d\u00f6rte@b>").encode() == b"RCPT TO:<d\xc3\xb6rte@b>\r\n"


@pytest.mark.parametrize("argument", ["FROM:<a@b>\r\nRCPT TO:<c@d>", "a\nb", "a\rb", "a\x00b", "a\x7f"])
def test_a_command_is_one_line(argument: str) -> None:
    with pytest.raises(LocalProtocolError):
        Command("MAIL", argument).encode()


@pytest.mark.parametrize(
    ("reply", "wire"),
    [
        (Reply(250), b"250 \r\n"),
        (Reply(250, "Ok"), b"250 Ok\r\n"),
        (Reply(250, "Ok", "2.1.0"), b"250 2.1.0 Ok\r\n"),
        (Reply(250, "", "2.1.0"), b"250 2.1.0\r\n"),
        (
            Reply(250, "First\nSecond\n234 Text beginning with numbers\nThe last"),
            b"250-First\r\n250-Second\r\n250-234 Text beginning with numbers\r\n250 The last\r\n",
        ),
        (Reply(550, "No\nsuch user", "5.1.1"), b"550-5.1.1 No\r\n550 5.1.1 such user\r\n"),
    ],
)
def test_a_reply_is_lines(reply: Reply, wire: bytes) -> None:
    """RFC 5321 4.2.1 has the fifth; RFC 2034 4 wants the enhanced code in each line."""
    assert reply.encode() == wire
    if reply.text:
        assert Reply.parse(wire.split(b"\r\n")[:-1]) == reply


@pytest.mark.parametrize("text", ["a\rb", "a\x00b", "a\x1bb", "a\r\n250 b"])
def test_a_reply_holds_no_other_line_ends(text: str) -> None:
    with pytest.raises(LocalProtocolError):
        Reply(250, text).encode()


@pytest.mark.parametrize(
    "lines",
    [
        [b""],
        [b"25 Ok"],
        [b"2500 Ok"],
        [b"150 Ok"],
        [b"260 Ok"],
        [b"650 Ok"],
        [b"250_Ok"],
        [b"Ok"],
        [b"250-Ok"],
        [b"250 Ok", b"250 Ok"],
        [b"250-Ok", b"251 Ok"],
        [b"250-Ok", b"250-Ok"],
    ],
)
def test_what_is_no_reply(lines: list[bytes]) -> None:
    with pytest.raises(RemoteProtocolError):
        Reply.parse(lines)


def test_a_bare_code_is_read_too() -> None:
    """RFC 5321 4.2.1"""
    assert Reply.parse([b"354"]) == Reply(354)
    assert Reply.parse([b"250-", b"250"]) == Reply(250, "\n")


def test_an_enhanced_code_is_one_if_every_line_has_it_and_it_fits() -> None:
    assert Reply.parse([b"250-2.1.0 a", b"250 2.1.5 b"]) == Reply(250, "2.1.0 a\n2.1.5 b")
    assert Reply.parse([b"250 5.1.0 a"]) == Reply(250, "5.1.0 a")
    assert Reply.parse([b"550 5.1.1"]) == Reply(550, "", "5.1.1")


def test_what_kind_of_reply_it_is() -> None:
    assert [Reply(code).is_positive for code in (250, 354, 450, 550)] == [True, True, False, False]
    assert [Reply(code).is_transient for code in (250, 354, 450, 550)] == [False, False, True, False]
    assert [Reply(code).is_permanent for code in (250, 354, 450, 550)] == [False, False, False, True]


def test_on_one_line_for_people() -> None:
    assert str(Reply(550, "No\nsuch user", "5.1.1")) == "550 5.1.1 No 5.1.1 such user"


CODES = st.builds(lambda first, second, third: 100 * first + 10 * second + third, st.integers(2, 5), st.integers(0, 5), st.integers(0, 9))
LINES = st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(CODES, st.lists(LINES, min_size=1, max_size=4), st.booleans())
def test_round_trip(code: int, lines: list[str], enhanced: bool) -> None:
    text = "\n".join(f"text {line.strip()}".strip() for line in lines)
    reply = Reply(code, text, f"{code // 100}.1.23" if enhanced and code // 100 != 3 else "")
    assert Reply.parse(reply.encode().split(b"\r\n")[:-1]) == reply
