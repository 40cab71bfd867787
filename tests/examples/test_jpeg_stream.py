"""The pictures that a browser is sent by examples/jpeg_stream.py are those of the folder, byte for byte and in their order."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import Program

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "examples" / "jpeg_stream.py"
PICTURES = [path.read_bytes() for path in sorted((ROOT / "examples" / "pictures").glob("*.jpg"))]

View = tuple[Program, int, int]


@pytest.fixture
def view(start: Callable[..., Program]) -> View:
    """The viewer, and its ports for frames and for the page."""
    program = start([sys.executable, EXAMPLE, "view", "--frames", "127.0.0.1:0", "--page", "127.0.0.1:0"])
    frames, page = program.wait_for(r"listening on 127.0.0.1:(\d+) \(tcp\)\nlistening on 127.0.0.1:(\d+) \(tcp\)").groups()
    return program, int(frames), int(page)


def ask(port: int, path: str) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=20)
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
    return sock


def test_the_film_is_the_folder(view: View, start: Callable[..., Program]) -> None:
    program, frames, page = view
    with ask(page, "/film") as sock, sock.makefile("rb") as file:
        assert file.readline() == b"HTTP/1.1 200 OK\r\n"
        fields = dict(line.decode().strip().split(": ", 1) for line in iter(file.readline, b"\r\n"))
        assert fields["Content-Type"] == "multipart/x-mixed-replace; boundary=next-picture"
        assert fields["Transfer-Encoding"] == "chunked"
        sender = start([sys.executable, EXAMPLE, "send", "--to", f"127.0.0.1:{frames}", "--once", "--rate", "20"])
        assert sender.wait() == 0
        shown: list[bytes] = []
        while not shown or shown[-1] != PICTURES[-1]:
            chunk = file.read(int(file.readline(), 16))
            assert file.readline() == b"\r\n"
            if chunk != b"--next-picture\r\n":
                head, picture = chunk.removesuffix(b"\r\n--next-picture\r\n").split(b"\r\n\r\n", 1)
                assert head == b"Content-Type: image/jpeg\r\nContent-Length: %d" % len(picture)
                shown.append(picture)
    places = [PICTURES.index(picture) for picture in shown]
    assert places == sorted(set(places))  # a busy machine may skip some, but none comes twice or late
    assert len(places) > len(PICTURES) // 2
    program.interrupt()
    assert program.wait() == 0
    assert "Traceback" not in program.output


def test_the_page_is_there_for_its_own_names_alone(view: View) -> None:
    _, _, page = view
    with ask(page, "/") as sock:
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'<img src="/film"' in answer
    with socket.create_connection(("127.0.0.1", page), timeout=20) as sock:
        sock.sendall(b"GET /film HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n")
        assert sock.recv(65536).startswith(b"HTTP/1.1 421")


def test_what_is_no_picture_is_refused(view: View) -> None:
    program, frames, _ = view
    with socket.create_connection(("127.0.0.1", frames), timeout=20) as sock:
        sock.sendall(b"\x00\x00\x00\x05hello")
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    program.wait_for("begins no JPEG")


def test_a_sender_that_fell_over_is_told_from_the_end_of_the_film(view: View) -> None:
    program, frames, _ = view
    with socket.create_connection(("127.0.0.1", frames), timeout=20) as sock:
        sock.sendall(len(PICTURES[0]).to_bytes(4, "big") + PICTURES[0])
    program.wait_for("no end mark came")


def test_a_folder_without_pictures(tmp_path: Path, start: Callable[..., Program]) -> None:
    program = start([sys.executable, EXAMPLE, "send", tmp_path])
    assert program.wait() == 2
    assert "there is no JPEG in" in program.output
