"""Trouble from the side: files that shrink while they are sent, logs that nobody reads, clear text where TLS is spoken."""

from __future__ import annotations

import contextlib
import os
import signal
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.checks import get
from tests.hostile.serving import ROOT, Serve, command
from tests.hostile.wire import Wire, until

BIG = 60_000_000


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """A folder with a large file: of zeros, which take no room on the disk."""
    folder = tmp_path / "big"
    folder.mkdir()
    (folder / "page.txt").write_bytes(b"page")
    with (folder / "big.bin").open("wb") as file:
        file.truncate(BIG)
    return folder


def test_a_file_that_shrinks_while_it_is_sent_is_never_passed_off_as_whole(serve: Callable[..., Serve], big: Path) -> None:
    # The length was announced; what is missing can't be made up, so the connection ends short of it (RFC 9112 8).
    server = serve(big, "--no-log")
    with server.connect(receive_buffer=4096) as wire, server.connect() as other:
        wire.send(get("/big.bin") + get("/page.txt"))
        wire.exactly(100_000)
        os.truncate(big / "big.bin", 200_000)
        assert other.get("/page.txt").body == b"page"
        received = 100_000 + len(wire.received)
        try:
            while wire.more():
                received += len(wire.received)
                wire.received.clear()
        except ConnectionError:
            pass
    assert received < BIG
    assert "Traceback" not in server.program.output


def test_a_file_replaced_while_it_is_sent_is_sent_as_it_was(serve: Callable[..., Serve], big: Path) -> None:
    server = serve(big, "--no-log", "--no-compress")
    with server.connect(receive_buffer=65536) as wire:
        wire.send(get("/big.bin", "Connection: close"))
        wire.exactly(100_000)
        (big / "new").write_bytes(b"other" * 1_000_000)
        os.rename(big / "new", big / "big.bin")
        size = 100_000 + len(wire.received)
        while wire.more():
            size += len(wire.received) if b"other" not in wire.received else BIG
            wire.received.clear()
    assert BIG < size < BIG + 100_000  # the head, and not a byte of the other file


def test_readers_that_go_in_the_middle_of_a_file_do_no_harm(serve: Callable[..., Serve], big: Path) -> None:
    server = serve(big)
    with server.connect() as other:
        for number in range(60):
            wire = server.connect(receive_buffer=4096)
            wire.send(get("/big.bin", *(["Range: bytes=5-50000000, 0-3"] if number % 2 else [])))
            wire.exactly(1000)
            (wire.reset if number % 3 else wire.close)()
            assert other.get("/page.txt").body == b"page"
    until(lambda: len(server.process.net_connections()) == 1, what="the end of all connections")
    assert "Traceback" not in server.program.output


def test_a_log_that_nobody_reads_holds_nothing_up(big: Path) -> None:
    # Standard error is a pipe here, and full after 64 KB. What can't be written must neither stop the server nor fill it.
    program = subprocess.Popen(
        command(big), cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert program.stdout is not None
    assert program.stderr is not None
    try:
        server = Serve.announced(program.pid, program.stdout.readline().decode())
        with server.connect() as wire:
            for _ in range(3000):
                assert wire.get("/page.txt", "User-Agent: " + "x" * 300).status == 200
            before = server.memory
            for _ in range(3000):
                assert wire.get("/page.txt", "User-Agent: " + "x" * 300).status == 200
            assert server.memory - before < 8_000_000
        program.send_signal(signal.SIGTERM)
        program.wait(20)
    finally:
        program.kill()
        program.wait()
        program.stdout.close()
        program.stderr.close()


def test_clear_text_where_tls_is_spoken_is_dropped_without_a_traceback(serve: Callable[..., Serve], big: Path) -> None:
    server = serve(big, "--no-log", "--tls")
    for data in (get("/page.txt"), b"\x16\x03\x01\xff\xff" + b"x" * 5000, b"\x16\x03\x01\x00\x05hello", b"", b"\x00" * 100):
        with server.connect() as wire:
            with contextlib.suppress(OSError):  # cut off at any moment: so be it
                wire.send(data)
                wire.finish()
            wire.ends()
            assert b"HTTP" not in wire.received
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with Wire(server.address) as plain, context.wrap_socket(plain.socket) as secured:
        secured.sendall(get("/page.txt", "Connection: close"))
        answer = b""
        while data := secured.recv(65536):
            answer += data
    assert answer.endswith(b"\r\n\r\npage")
    assert "Traceback" not in server.program.output
