"""What every refusal has in common, checked in one place (RFC 9112 9.3, 9.6)."""

from __future__ import annotations

from tests.hostile.reader import Answer
from tests.hostile.serving import Server

BEHIND = b"GET /behind HTTP/1.1\r\nHost: localhost\r\n\r\n"
"""What a smuggler hopes to have read as a request of its own."""

STILL_SENDING = [b"GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20] * 4


def refused(server: Server, data: bytes, *statuses: int, method: str = "GET") -> Answer:
    """``data`` must be answered with one of ``statuses``, once, and nothing behind it may be read as a request.

    The peer goes on sending: the answer reaches it all the same, followed by FIN and not RST (RFC 9112 9.6), and says
    that the connection closes. Another conversation goes on before, meanwhile and afterwards.
    """
    with server.connect() as other, server.connect() as wire:
        assert other.get("/other").status == 200
        wire.send(data + BEHIND)
        first = wire.answer(method)
        wire.send(*STILL_SENDING)
        assert other.get("/other").status == 200
        wire.send(*STILL_SENDING)
        answers = [first, *wire.answers()]
        assert other.get("/other").status == 200
    assert len(answers) == 1, f"{len(answers)} answers to one broken request: {[answer.status for answer in answers]}"
    assert first.status in statuses, f"{first.status}, not {statuses}, to {data[:200]!r}"
    assert first.closes, f"a {first.status} that does not say Connection: close"
    assert not [target for target in server.targets if target in ("/behind", "/later")], "what came behind a broken request was handled"
    return first


def unread(server: Server, data: bytes, *statuses: int, method: str = "GET") -> Answer:
    """As `refused`; and no handler was called for ``data`` either."""
    answer = refused(server, data, *statuses, method=method)
    assert set(server.targets) == {"/other"}, f"handled: {server.targets}"
    return answer


def head(*lines: str | bytes) -> bytes:
    """A request head of these lines: each ended by CRLF, with the empty line behind them. Text is Latin-1."""
    return b"".join((line if isinstance(line, bytes) else line.encode("latin-1")) + b"\r\n" for line in (*lines, b""))


def get(target: str = "/", *lines: str | bytes) -> bytes:
    """A GET with these field lines beside Host."""
    return head(f"GET {target} HTTP/1.1", "Host: localhost", *lines)


def post(*lines: str | bytes, body: bytes = b"") -> bytes:
    """A POST to /post with these field lines beside Host, and ``body`` behind them."""
    return head("POST /post HTTP/1.1", "Host: localhost", *lines) + body


def chunked(body: bytes, *lines: str | bytes) -> bytes:
    """A chunked POST to /post: ``body`` is everything behind its head."""
    return post("Transfer-Encoding: chunked", *lines, body=body)
