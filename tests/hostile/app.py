"""The application that ``wirespeak http serve --app tests.hostile.app:handler`` serves to the tests that measure a process.

Each path does one thing to a request's body, or with an answer's, of which the tests want to know what it costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from wirespeak.http import Request, Response

PIECE = bytes(65536)


async def handler(request: Request) -> Response:
    """Answer by the path."""
    match request.path:
        case "/sum":
            total = 0
            async for piece in request.stream():
                total += len(piece)
            return Response.text(str(total))
        case "/deaf":  # never read it
            await asyncio.Event().wait()
            raise AssertionError("nobody sets this event")
        case "/endless":
            return Response(200, {}, _endless())
        case "/drops":  # a piece whenever the loop comes round, for a while
            return Response(200, {}, _drops(int(request.query)))
    return Response.text("here\n")


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield PIECE


async def _drops(count: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield b"%d\n" % number
        await asyncio.sleep(0.02)
