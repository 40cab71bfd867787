"""Whatever a client says, in whatever pieces: nothing is raised, the same is answered, and nothing grows."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.smtp.dialog import Dialog
from wirespeak.contract import FINISH
from wirespeak.smtp.states import State

LINES = st.sampled_from(
    [
        b"EHLO a\r\n",
        b"HELO a\r\n",
        b"EHLO\r\n",
        b"MAIL FROM:<a@b>\r\n",
        b"MAIL FROM:<> BODY=BINARYMIME\r\n",
        b"RCPT TO:<b@b>\r\n",
        b"RCPT TO:<nobody@b>\r\n",
        b"BDAT 4 LAST\r\na\r\nb",
        b"BDAT 3\r\na\r\n",
        b"BDAT 2\r\na\r",
        b"BDAT 0\r\n",
        b"BDAT 0 LAST\r\n",
        b"BDAT 9\r\nNOOP\r\nab\r",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"VRFY a\r\n",
        b"AUTH PLAIN c2VzYW1l\r\n",
        b"AUTH LOGIN\r\n",
        b"c2VzYW1l\r\n",
        b"*\r\n",
        b"QUIT\r\n",
        b"\r\n",
        b"\n",
        b"\x00\r\n",
        b"GET / HTTP/1.1\r\n",
        b"x" * 600 + b"\r\n",
        b"AUTH LOGIN " + b"x" * 13_000 + b"\r\n",
        b"y" * 30_000,
    ]
)
"""All but DATA: what stands behind that depends on when it comes."""


def talk(data: list[bytes]) -> tuple[str, list[object], str, bool]:
    dialog = Dialog(secure=True, mechanisms=["PLAIN", "LOGIN"], limits={"size": 12, "recipients": 2, "errors": 6})
    for piece in data:
        dialog.hear(piece)
    return dialog.take(), dialog.events, dialog.ended, dialog.session.closed


@settings(deadline=None, max_examples=300)
@given(st.lists(LINES, max_size=14), st.lists(st.integers(0, 60_000), max_size=8))
def test_any_commands_in_any_pieces(lines: list[bytes], places: list[int]) -> None:
    whole = b"".join(lines)
    cuts = sorted({0, len(whole), *(place % (len(whole) + 1) for place in places)})
    assert talk([whole]) == talk([whole[start:end] for start, end in pairwise(cuts)])


@settings(deadline=None, max_examples=300)
@given(
    st.lists(LINES | st.sampled_from([b"DATA\r\n", b"text\r\n", b".\r\n", b".", b"\r"]) | st.binary(max_size=8), max_size=14),
    st.booleans(),
    st.booleans(),
)
def test_any_bytes_do_no_harm(pieces: list[bytes], lmtp: bool, stops: bool) -> None:
    """And however it ends, it ends: by a reply of three digits, in good order, within a known time."""
    dialog = Dialog(lmtp=lmtp, limits={"size": 12, "text_line": 20})
    for piece in pieces:
        dialog.hear(piece)
    if stops:
        dialog.session.finish(dialog.now)
        dialog.settle()
    dialog.at(dialog.now + 10_000)
    if dialog.ended:
        dialog.hear_end()
    said = dialog.take().split("\r\n")
    assert said.pop() == ""
    assert all(line[:3].isdigit() and line[3] in " -" for line in said)
    assert dialog.session.closed
    assert dialog.session.state is State.OVER
    assert dialog.session.data_to_send() in ((), [FINISH])
