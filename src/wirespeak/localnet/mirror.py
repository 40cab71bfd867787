"""A mirror: a visitor's own request, and our answer to it, as the bytes that they are, each explained.

The request's bytes are put together again from what was parsed. Its first line has one form only, and `Fields` keeps the
lines as they came, so they are the ones that came, but for two things that say nothing: an empty line before the request
(RFC 9112 2.2), and a minor version above 1, which is read as 1 (RFC 9110 2.5).

The answer's bytes are asked of the same session code that will send it. An answer that shows itself is its own cause:
its length stands in its head, and the head in its body. So it is made again until the head comes out as it went in.
Touches nothing outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wirespeak.explanation import Part
from wirespeak.http.explain import explain_request, explain_response
from wirespeak.http.messages import Request, Response
from wirespeak.http.session import ServerSession

__all__ = ["Said", "head_of_answer", "mirrored", "said_by"]

# The length in the head grows with its own number of digits alone, so the second or third time is the last; one more where
# the Date changes just then. What is left after that is shown as it is.
TRIES = 6


@dataclass(slots=True, frozen=True)
class Said:
    """The head of a message: its bytes, and the parts that explain them, edge to edge."""

    head: bytes
    parts: list[Part]


def said_by(request: Request) -> Said:
    """What the client said, up to its body."""
    first = f"{request.method} {request.target} HTTP/1.{request.minor}\r\n".encode("latin-1")
    head = first + request.fields.encode() + b"\r\n"
    return Said(head, _without_body(explain_request(head)))


def head_of_answer(request: Said, response: Response, standing: Callable[[], bytes]) -> bytes:
    """The head with which a server's session answers ``request`` by ``response``."""
    session = ServerSession(lambda: None, standing=standing)
    session.receive(request.head, 0.0)
    session.send(response)
    said = b"".join(segment for segment in session.data_to_send() if isinstance(segment, bytes))
    return said[: said.index(b"\r\n\r\n") + 4]


def mirrored(request: Request, make: Callable[[Said, Said], Response], standing: Callable[[], bytes]) -> Response:
    """The answer that ``make`` gives when told what was asked and what is answered, which is that answer itself."""
    asked = said_by(request)
    head = b""
    for _ in range(TRIES):
        response = make(asked, Said(head, _without_body(explain_response(head, request.method))))
        before, head = head, head_of_answer(asked, response, standing)
        if head == before:
            break
    return response


def _without_body(parts: list[Part]) -> list[Part]:
    """The parts of a head alone: not the one which says that the body is still to come."""
    return [part for part in parts if part.kind != "missing"]
