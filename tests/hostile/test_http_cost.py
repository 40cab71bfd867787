"""Heads made to blow a pattern up: whatever a field holds, reading it costs what a plain field of its length costs.

The work is counted as CPU time of the server's thread or process, so that what else the machine does is no matter. A
pattern that backtracks takes 10,000 times as long for these lengths, not 10 times.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.hostile.checks import head
from tests.hostile.serving import Serve, Server

LENGTH = 14_000
"""Bytes: near the most that a line may hold."""

FIELDS = [
    *(
        "Cookie",
        "Accept",
        "Accept-Encoding",
        "Accept-Language",
        "Accept-Charset",
        "Authorization",
        "Cache-Control",
        "Connection",
        "Content-Type",
        "Content-Disposition",
        "Expect",
    ),
    *(
        "Forwarded",
        "If-Match",
        "If-None-Match",
        "If-Modified-Since",
        "If-Unmodified-Since",
        "If-Range",
        "Keep-Alive",
        "Link",
        "Origin",
        "Range",
        "Referer",
        "TE",
        "Trailer",
        "Upgrade",
    ),
    *(
        "User-Agent",
        "Via",
        "Warning",
        "X-Forwarded-For",
        "Sec-WebSocket-Key",
        "Content-Range",
        "Date",
        "From",
        "Max-Forwards",
        "Pragma",
        "Prefer",
        "Priority",
    ),
]

VALUES = {
    "semicolons": "a=" + ";" * LENGTH,
    "an open quotation": '"' + "a" * LENGTH,
    "quotation marks": '"' * LENGTH,
    "backslashes in quotes": '"' + "\\" * LENGTH,
    "escaped quotes": '"' + '\\"' * (LENGTH // 2),
    "commas": "," * LENGTH,
    "commas and spaces": ", " * (LENGTH // 2),
    "spaces": "a" + " " * LENGTH + "a",
    "tabs": "a" + "\t " * (LENGTH // 2) + "a",
    "open brackets": "(" * LENGTH,
    "equals": "a=" * (LENGTH // 2),
    "many members": "a;q=0.5," * (LENGTH // 8),
    "quality digits": "gzip;q=0." + "0" * LENGTH,
    "weak tags": 'W/"' * (LENGTH // 3),
    "tags": '"a",' * (LENGTH // 4),
    "bytes": "bytes=" + "0-1," * (LENGTH // 4),
    "cookies": "a=b; " * (LENGTH // 5),
    "cookies without names": "=;" * (LENGTH // 2),
    "dates": "Mon, 01 Jan 2024 00:00:00 " + "G" * LENGTH,
    "digits": "1" * LENGTH,
    "percent": "%" * LENGTH,
    "slashes": "a/" * (LENGTH // 2),
    "a token": "a" * LENGTH + "\xff",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, serve_all: Callable[..., Serve]) -> Serve:
    """A folder served with everything switched on that reads fields: log, ranges, conditions, compression."""
    path = tmp_path_factory.mktemp("site")
    (path / "page.html").write_bytes(b"<!doctype html><title>page</title>" + b"<p>hello" * 200)
    return serve_all(path, "--log", path / "log")


def cost(server: Serve, request: bytes) -> float:
    """Seconds of CPU time that ``request`` takes; the least of some tries."""
    costs = []
    for _ in range(4):
        with server.connect() as wire:
            before = server.cpu()
            wire.send(request)
            wire.answers()
            costs.append(server.cpu() - before)
    return min(costs)


@pytest.mark.parametrize("kind", VALUES)
def test_no_value_of_any_field_costs_more_than_its_length(folder: Serve, kind: str) -> None:
    plain = cost(folder, head("GET /page.html HTTP/1.1", "Host: localhost", "X-Plain: " + "a" * LENGTH, "Connection: close"))
    for name in FIELDS:
        spent = cost(folder, head("GET /page.html HTTP/1.1", "Host: localhost", f"{name}: {VALUES[kind]}", "Connection: close"))
        assert spent < 8 * plain + 0.02, f"{name}: {spent * 1000:.1f} ms against {plain * 1000:.1f} ms for a plain field"


@pytest.mark.parametrize(
    "target",
    [
        "/" + "%41" * (LENGTH // 3),
        "/" * LENGTH,
        "/" + "../" * (LENGTH // 3),
        "/" + "a/" * (LENGTH // 2),
        "/" + "%2e%2e/" * (LENGTH // 7),
        "/?" + "&" * LENGTH,
        "/?" + "a=b&" * (LENGTH // 4),
        "/" + "%" * LENGTH,
        "/" + "." * LENGTH,
        "http://" + "a." * (LENGTH // 2) + "/",
        "http://[" + ":" * LENGTH + "]/",
        "/" + ";" * LENGTH,
    ],
    ids=lambda target: target[:12],
)
def test_no_target_costs_more_than_its_length(folder: Serve, target: str) -> None:
    plain = cost(folder, head(f"GET /{'a' * LENGTH} HTTP/1.1", "Host: localhost", "Connection: close"))
    spent = cost(folder, head(f"GET {target} HTTP/1.1", "Host: localhost", "Connection: close"))
    assert spent < 8 * plain + 0.02


@pytest.mark.parametrize(
    "value",
    [
        "a." * (LENGTH // 2),
        "[" + ":" * LENGTH,
        "a:" * (LENGTH // 2),
        "%41" * (LENGTH // 3),
        "1." * (LENGTH // 2),
        "[" + "0:" * (LENGTH // 2) + "]",
        "-" * LENGTH,
    ],
    ids=lambda value: value[:6],
)
def test_no_host_costs_more_than_its_length(folder: Serve, value: str) -> None:
    plain = cost(folder, head("GET / HTTP/1.1", "Host: localhost", "X-Plain: " + "a" * LENGTH, "Connection: close"))
    assert cost(folder, head("GET / HTTP/1.1", f"Host: {value}", "Connection: close")) < 8 * plain + 0.02


@pytest.mark.parametrize(
    "value",
    [
        "chunked," * (LENGTH // 8),
        "," * LENGTH,
        " " * LENGTH + "chunked",
        "a" * LENGTH,
        "chunked" + ";a=b" * (LENGTH // 4),
        'gzip;a="' + "\\" * LENGTH,
    ],
    ids=lambda value: value[:12].strip() or "spaces",
)
def test_no_transfer_encoding_costs_more_than_its_length(folder: Serve, value: str) -> None:
    plain = cost(folder, head("POST / HTTP/1.1", "Host: localhost", "X-Plain: " + "a" * LENGTH, "Connection: close"))
    assert (
        cost(folder, head("POST / HTTP/1.1", "Host: localhost", f"Transfer-Encoding: {value}", "Connection: close") + b"0\r\n\r\n")
        < 8 * plain + 0.02
    )


def test_a_head_that_comes_byte_by_byte_is_not_read_anew_each_time(server: Server) -> None:
    # Reading the head from its start at each byte makes it quadratic: 16 times the work for 4 times the bytes.
    def spent(size: int) -> float:
        data = head("GET / HTTP/1.1", "Host: localhost", "Connection: close", "X-Field: " + "a" * size)
        with server.connect() as wire:
            before = server.cpu()
            for byte in range(len(data)):
                wire.send(data[byte : byte + 1])
                if byte % 8 == 0:
                    server.turn()
            assert [answer.status for answer in wire.answers()] == [200]
            return server.cpu() - before

    assert spent(8000) < 8 * spent(2000) + 0.05


def test_many_fields_cost_in_proportion(server: Server) -> None:
    def spent(count: int) -> float:
        data = head("GET / HTTP/1.1", "Host: localhost", "Connection: close", *(f"X-{number}: a" for number in range(count)))
        costs = []
        for _ in range(4):
            with server.connect() as wire:
                before = server.cpu()
                wire.send(data)
                wire.answers()
                costs.append(server.cpu() - before)
        return min(costs)

    assert spent(800) < 12 * spent(200) + 0.005


def test_a_chunk_extension_costs_in_proportion(server: Server) -> None:
    def spent(extension: str) -> float:
        data = (
            head("POST / HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked", "Connection: close")
            + f"5{extension}\r\nhello\r\n0\r\n\r\n".encode()
        )
        costs = []
        for _ in range(4):
            with server.connect() as wire:
                before = server.cpu()
                wire.send(data)
                wire.answers()
                costs.append(server.cpu() - before)
        return min(costs)

    plain = spent("")
    for extension in (
        ";" * 2000,
        " " * 2000,
        ';a="' + "\\" * 2000,
        ';a="' + 'b"' * 1000,
        ";a=b" * 500,
        " ;\t" * 700,
        ';a="' + '\\"' * 1000,
        ";a" + " " * 2000 + "=b",
    ):
        assert spent(extension) < 8 * plain + 0.005, repr(extension[:10])
