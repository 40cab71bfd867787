"""``wirespeak frames``: both commands as programs, over sockets and pipes and at a terminal, with their exit codes."""

from __future__ import annotations

import base64
import json
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.processes import Program
from tests.sockets.serving import served
from wirespeak.frames import CLASSIC, Dialect, FramesServer

WIRESPEAK = [sys.executable, "-m", "wirespeak", "frames"]


@pytest.fixture
def echoing(start: Callable[..., Program]) -> Callable[..., str]:
    """``echoing(*options)`` runs ``frames serve`` and is its address."""

    def run(*options: str) -> str:
        program = start([*WIRESPEAK, "serve", "--bind", "127.0.0.1:0", *options])
        return program.wait_for(r"^listening on (\S+) \(tcp\)$")[1]

    return run


def send(*arguments: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*WIRESPEAK, "send", *arguments], input=data, capture_output=True, timeout=30, check=False)


def test_texts_are_sent_and_their_answers_printed(echoing: Callable[..., str]) -> None:
    done = send(echoing(), "hello", "Grüß Gott", "")
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, "hello\nGrüß Gott\n\n", b"")


def test_lines_of_the_standard_input_are_sent(echoing: Callable[..., str], tmp_path: Path) -> None:
    address = echoing()
    assert send(address, data=b"one\n\nthree").stdout == b"one\n\nthree\n"
    lines = tmp_path / "lines"
    lines.write_text("".join(f"line {number}\n" for number in range(5_000)))
    with lines.open("rb") as file:
        done = subprocess.run([*WIRESPEAK, "send", address], stdin=file, capture_output=True, timeout=30, check=True)
    assert done.stdout == lines.read_bytes()


def test_the_options_choose_a_dialect(echoing: Callable[..., str]) -> None:
    for options in (["--dialect", "netstring"], ["--dialect", "u8", "--end", "mark"], ["--dialect", "varint", "--limit", "5000000"]):
        text = "x" * (2_000_000 if "5000000" in options else 100)
        if text[128_000:]:  # longer than one argument may be
            assert send(echoing(*options), *options, data=text.encode()).stdout.decode() == text + "\n"
        else:
            assert send(echoing(*options), *options, text, "end").stdout.decode() == f"{text}\nend\n"


def test_binary_carries_the_standard_input_as_one_message(echoing: Callable[..., str]) -> None:
    options = ["--dialect", "u32be", "--binary"]
    address = echoing(*options)
    anything = bytes(range(256)) * 100
    assert send(address, *options, data=anything).stdout == anything
    (line,) = send(address, *options, "--json", data=anything).stdout.splitlines()
    assert base64.b64decode(json.loads(line)["answer_base64"]) == anything


def test_json_is_an_object_an_answer(echoing: Callable[..., str]) -> None:
    done = send(echoing(), "--json", "hello", "a\nb")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{"answer": "hello"}, {"answer": "a\nb"}]


def test_the_conversation_is_explained_as_it_runs(echoing: Callable[..., str]) -> None:
    address = echoing()
    said = send(address, "--explain", data=b"hello\nyou\n").stdout.decode()
    ways = re.findall(r"^(.) frame \d$", said, re.MULTILINE)
    assert ways == ["→", "←", "→", "←", "→"]
    assert "length = 5" in said
    assert "the text 'end' closes the" in said
    (first, *_, last) = [json.loads(line) for line in send(address, "--explain", "--json", "hello").stdout.splitlines()]
    assert (first["direction"], first["bytes"], [part["value"] for part in first["parts"]]) == ("out", 7, ["5", "hello"])
    assert last["parts"][-1]["name"] == "end"


def test_one_way_does_not_wait_for_answers(echoing: Callable[..., str]) -> None:
    assert send(echoing(), "--one-way", "one", "two").stdout == b"one\ntwo\n"
    with served(FramesServer(lambda message: None)) as silent:
        address = "{}:{}".format(*silent.address)
        assert send(address, "--one-way", "one", "two").returncode == 0
        waited = send(address, "--timeout", "0.3", "one")
        assert (waited.returncode, b"in time" in waited.stderr) == (3, True)


def test_exit_codes_tell_what_went_wrong(echoing: Callable[..., str], free_port: Callable[[], int]) -> None:
    address = echoing()
    wrong: list[tuple[list[str], int, str]] = [
        ([address, "end"], 2, "'end' closes the conversation"),
        ([address, "--limit", "3", "hello"], 2, "the limit is 3"),
        ([address, "--dialect", "netstring", "--end", "mark", "x"], 2, "netstrings have no mark"),
        (["localhost", "x"], 2, "has no port"),
        (["*:7007", "x"], 2, "name one, as localhost"),
        ([f"127.0.0.1:{free_port()}", "x"], 3, "nothing listens there"),
    ]
    for arguments, code, said in wrong:
        done = send(*arguments)
        assert (done.returncode, done.stdout) == (code, b""), arguments
        assert said in done.stderr.decode()
        assert b"Traceback" not in done.stderr
    undecodable = send(address, data=b"good\n\xff\n")
    assert (undecodable.returncode, undecodable.stdout) == (2, b"good\n")
    assert b"line 2 of the standard input is not UTF-8" in undecodable.stderr


def test_a_peer_that_breaks_the_protocol_is_exit_code_5() -> None:
    binary = Dialect("u16le", False)
    with served(FramesServer(lambda message: b"\xff\xfe", binary)) as server:
        address = "{}:{}".format(*server.address)
        done = send(address, "hello")
        assert (done.returncode, done.stdout) == (5, b"")
        assert b"not UTF-8" in done.stderr
        explained = send(address, "--explain", "hello")
        assert explained.returncode == 5
        assert "ff fe" in explained.stdout.decode()
        assert "malformed" in explained.stdout.decode()


def test_at_a_terminal_answers_come_line_by_line_and_harmless(echoing: Callable[..., str]) -> None:
    child = pexpect.spawn(sys.executable, [*WIRESPEAK[1:], "send", echoing()], encoding="utf-8", timeout=20, echo=False)
    try:
        child.sendline("hello")
        child.expect("hello\r\n")
        child.sendline("\x16\x1b[31mred")  # Ctrl-V: the terminal passes the next character on as it is
        child.expect_exact("\\x1b[31mred\r\n")
        child.sendline("end")
        child.expect(pexpect.EOF)
        assert "\x1b" not in child.before
        child.wait()
        assert child.exitstatus == 0
    finally:
        child.close(force=True)


def test_at_a_terminal_binary_is_harmless_too(echoing: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\x1b[31m\xff\x00")
    options = "--dialect u32be --binary"
    command = f"exec {shlex.join(WIRESPEAK)} send {echoing(*options.split())} {options} < {tmp_path}/bytes"
    child = pexpect.spawn("/bin/sh", ["-c", command], encoding="utf-8", timeout=20)
    try:
        child.expect(pexpect.EOF)
        assert child.before == "\\x1b[31m\\xff\\x00\r\n"
    finally:
        child.close(force=True)


def test_the_server_stops_in_good_order(start: Callable[..., Program]) -> None:
    program = start([*WIRESPEAK, "serve", "--bind", "127.0.0.1:0", "--json"])
    event: dict[str, Any] = json.loads(program.wait_for(r"^\{.*\}$")[0])
    assert event == {"event": "listening", "service": "frames", "transport": "tcp", "host": "127.0.0.1", "port": event["port"]}
    waiting = subprocess.Popen([*WIRESPEAK, "send", f"127.0.0.1:{event['port']}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert waiting.stdin
    assert waiting.stdout
    with waiting:
        waiting.stdin.write(b"hello\n")
        waiting.stdin.flush()
        assert waiting.stdout.readline() == b"hello\n"
        program.interrupt()
        assert program.wait() == 0
        waiting.stdin.close()


def test_who_breaks_the_protocol_is_told_of_unless_told_not_to(start: Callable[..., Program]) -> None:
    for options, told in (([], True), (["--quiet"], False)):
        program = start([*WIRESPEAK, "serve", "--bind", "127.0.0.1:0", *options])
        host, port = program.wait_for(r"^listening on (\S+):(\d+) \(tcp\)$").groups()
        binary = Dialect("u16le", False)
        with served(FramesServer(dialect=binary)):
            broken = send(f"{host}:{port}", "--dialect", "u16le", "--binary", "--one-way", data=b"\xff")
        assert broken.returncode == 0
        program.interrupt()
        assert program.wait() == 0
        assert ("not UTF-8" in program.output) is told


def test_the_dialect_of_the_command_line_is_the_classic_one(echoing: Callable[..., str]) -> None:
    host, port = echoing().split(":")
    with socket.create_connection((host, int(port)), timeout=20) as sock:
        sock.sendall(CLASSIC.encode(["hello"]) + b"\x03\x00end")
        received = b""
        while data := sock.recv(100):
            received += data
    assert received == b"\x05\x00hello"
