"""The classic dialect with a stranger: programs of a dozen lines that use only `socket`, as client and as server."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import Program
from tests.sockets.serving import served
from wirespeak.errors import ConnectionLost
from wirespeak.frames import BlockingClient, FramesServer

HERE = Path(__file__).parent
CLIENT = HERE / "dozen_lines_client.py"
SERVER = HERE / "dozen_lines_server.py"


def test_our_server_answers_a_client_of_a_dozen_lines(start: Callable[..., Program]) -> None:
    with served(FramesServer()) as server:
        client = start([sys.executable, CLIENT, server.address[1], "hello", "Grüß Gott", "", "x" * 60_000, "end"])
        assert client.wait() == 0
        assert client.output == f"hello\nGrüß Gott\n\n{'x' * 60_000}\nthen b''\n"


def test_our_client_asks_a_server_of_a_dozen_lines(start: Callable[..., Program]) -> None:
    server = start([sys.executable, SERVER])
    port = server.wait_for(r"listening on (\d+)")[1]
    with BlockingClient.connect(f"127.0.0.1:{port}") as frames:
        assert frames.ask("hello") == "HELLO"
        assert list(frames.ask_all(["grüße", "", "y" * 60_000])) == ["GRÜSSE", "", "Y" * 60_000]
        frames.end()
        assert frames.receive() is None
    assert server.wait() == 0


def test_our_client_notices_that_the_stranger_is_gone(start: Callable[..., Program]) -> None:
    server = start([sys.executable, SERVER])
    port = server.wait_for(r"listening on (\d+)")[1]
    with BlockingClient.connect(f"127.0.0.1:{port}") as frames:
        assert frames.ask("hello") == "HELLO"
        server.end()
        with pytest.raises(ConnectionLost):
            frames.ask("still there?")
