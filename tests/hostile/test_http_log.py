"""What the access log says of hostile requests: one line each, and nothing that a terminal or a log reader would obey."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.checks import head
from tests.hostile.serving import Serve
from tests.hostile.wire import until

TARGETS = [
    *(
        b"/%1b[31mred",
        b"/%1b]0;title%07",
        b"/%0d%0aforged",
        b"/%0aforged",
        b"/%00",
        b"/%9b31m",
        b"/%c2%9b31m",
        b"/%7f",
        b"/%22quoted%22",
        b"/back%5cslash",
        b'/"quoted"',
        b"/back\\slash",
    ),
    *(
        b"/%e2%80%ae",
        b"/%e2%80%a8",
        b"/\x1b[31mraw",
        b"/raw\x7f",
        b"/raw\x9b31m",
        b"/caf\xe9",
        "/é".encode(),
        "/\u202e".encode(),
        b"/a\tb",
        b"/a\x08b",
        b"/a\x00b",
        b"/\x85",
    ),
]

AGENTS = [
    *(
        b"\x1b[2J\x1b[Hred",
        b"\x1b]0;title\x07",
        b'" 200 0 "-" "forged',
        b"back\\slash",
        b"back\\",
        b'quote"',
        b"\x9b31m",
        b"caf\xe9",
        "é".encode(),
        "\u202ereversed".encode(),
        "\u2028".encode(),
    ),
    *(b"\x7f", b"\x08\x08\x08", b"a\tb", b"\x85next", b"\x01", b"\x1f"),
]


def visit(server: Serve, data: bytes) -> None:
    with server.connect() as wire:
        wire.send(data)
        wire.finish()
        wire.ends()


def lines_of(server: Serve, path: Path, data: list[bytes]) -> list[bytes]:
    """The lines logged for ``data``, up to the one of a last, plain request."""
    for each in data:
        visit(server, each)
    visit(server, head("GET /the-last HTTP/1.1", "Host: localhost", "Connection: close"))
    until(lambda: path.exists() and b"/the-last" in path.read_bytes(), what="the last line of the log")
    return path.read_bytes().split(b"\n")[:-1]


def requests() -> list[bytes]:
    made = [head(b"GET " + target + b" HTTP/1.1", "Host: localhost", "Connection: close") for target in TARGETS]
    for name in (b"User-Agent", b"Referer"):
        made += [head("GET / HTTP/1.1", "Host: localhost", name + b": " + agent, "Connection: close") for agent in AGENTS]
    made += [head(b"GET / HTTP/1.1", b"Host: localhost", b"Authorization: Basic G1szMW06eA==", "Connection: close")]
    made += [
        head(b"G\x1b[31mET / HTTP/1.1", "Host: localhost"),
        b"\x1b[31m\r\n\r\n",
        head("!#$%&'*+-.^_`|~ / HTTP/1.1", "Host: localhost", "Connection: close"),
    ]
    return made


@pytest.mark.parametrize("form", ["combined", "json"])
def test_CVE_2020_7694_escape_sequences_are_escaped_in_the_log(serve: Callable[..., Serve], tmp_path: Path, form: str) -> None:
    log = tmp_path / "access.log"
    server = serve(tmp_path, "--log", log, "--log-format", form)
    sent = requests()
    lines = lines_of(server, log, sent)
    assert len(lines) <= len(sent) + 1, "a request was logged on two lines"
    for line in lines:
        assert not set(line) & {*range(0x20), 0x7F}, f"a control character: {line!r}"
        text = line.decode("utf-8")  # raises where a raw byte got in
        assert not [
            character
            for character in text
            if 0x80 <= ord(character) < 0xA0
            or character in "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"
        ]


def test_no_agent_forges_the_fields_behind_it(serve: Callable[..., Serve], tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    server = serve(tmp_path, "--log", log)
    sent = [
        head(b"GET /plain HTTP/1.1", "Host: localhost", name + b": " + agent, "Connection: close")
        for name in (b"User-Agent", b"Referer")
        for agent in AGENTS
    ]
    # host ident user [time] "request" status bytes "referer" "agent": a quotation mark inside is escaped.
    combined = re.compile(rb'\S+ \S+ \S+ \[[^]]+\] "(?:[^"\\]|\\.)*" \d{3} (?:\d+|-) "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*"')
    for line in lines_of(server, log, sent):
        assert combined.fullmatch(line), line


def test_json_lines_are_json(serve: Callable[..., Serve], tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    server = serve(tmp_path, "--log", log, "--log-format", "json")
    lines = [json.loads(line) for line in lines_of(server, log, requests())]
    assert all(isinstance(line, dict) for line in lines)


def test_the_log_on_standard_error_is_escaped_as_well(serve: Callable[..., Serve], tmp_path: Path) -> None:
    server = serve(tmp_path)
    for data in requests():
        visit(server, data)
    visit(server, head("GET /the-last HTTP/1.1", "Host: localhost", "Connection: close"))
    server.program.wait_for("/the-last")
    assert not set(server.program.output.encode()) & {*range(0x20), 0x7F} - {0x0A}
    assert "\x9b" not in server.program.output


def test_a_long_request_does_not_make_a_long_line(serve: Callable[..., Serve], tmp_path: Path) -> None:
    # Sixteen kilobytes of target may be asked for; a log is for people. What is cut has to be cut between escapes.
    log = tmp_path / "access.log"
    server = serve(tmp_path, "--log", log)
    lines = lines_of(
        server,
        log,
        [head(b"GET /" + b"%1b" * 5000 + b" HTTP/1.1", "Host: localhost", b"User-Agent: " + b"\x9b" * 15_000, "Connection: close")],
    )
    assert max(map(len, lines)) < 100_000
