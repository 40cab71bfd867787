"""Mails on their way out: what is known of them beforehand, and their pieces."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import pytest

from wirespeak.errors import LocalProtocolError
from wirespeak.smtp.outgoing import PIECE, Shape, measure, pieces
from wirespeak.sockets.blocking import run


class Dripping(io.BytesIO):
    """A file that gives ``step`` bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__(data)
        self.step = step

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self.step)


async def collected(mail: Any) -> list[bytes]:
    return [piece async for piece in pieces(mail)]


@pytest.mark.parametrize(
    ("mail", "shape"),
    [
        (b"", Shape(0, False, False)),
        (b"a: b\r\n\r\nx\r\n", Shape(11, False, False)),
        (b"a: b\n\nx", Shape(11, False, False)),
        (b"a: b\r\rx\r", Shape(11, False, False)),
        (b".\r\n..\r\n", Shape(7, False, False)),
        ("a: b\n\nä\n".encode(), Shape(12, True, False)),
        ("a: ä\n\nx\n".encode(), Shape(12, True, True)),
        ("\nä".encode(), Shape(6, True, False)),
        ("\r\nä".encode(), Shape(6, True, False)),
        ("a: b\r\n\n\nä".encode(), Shape(14, True, False)),
        ("a: ä".encode(), Shape(7, True, True)),
        (b"a: b\r\n\r\n" + b"x" * 300 + b"\xff\r\n", Shape(311, True, False)),
    ],
)
def test_what_is_known_of_a_mail_is_the_same_however_it_is_read(mail: bytes, shape: Shape) -> None:
    assert measure(mail) == shape
    for step in (1, 2, 3, 100):
        file = Dripping(b"read before" + mail, step)
        file.seek(11)
        assert measure(file) == shape
        assert file.tell() == 11
        assert b"".join(run(collected(file))) == mail


def test_nothing_is_known_of_what_is_made_as_it_goes() -> None:
    assert measure(iter([b"x"])) == Shape(None, None, None)


def test_small_pieces_are_put_together() -> None:
    assert [len(piece) for piece in run(collected([b"x" * 100] * 1000))] == [65_600, 34_400]
    assert run(collected([b"", b""])) == []
    assert [len(piece) for piece in run(collected(bytes(PIECE + 1)))] == [PIECE, 1]


def test_what_yields_is_closed_where_nobody_wants_the_rest() -> None:
    closed = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(PIECE)
        finally:
            closed.append(True)

    async def first() -> bytes:
        parts = pieces(endless())
        piece = await anext(parts)
        await parts.aclose()
        return piece

    assert len(run(first())) == PIECE
    assert closed == [True]


def test_a_mail_is_made_of_bytes() -> None:
    with pytest.raises(LocalProtocolError):
        run(collected(["text"]))
