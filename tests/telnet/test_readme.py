"""What the README of telnet/ shows is what happens: its conversations are held again, its code is run, its tables are looked up."""

from __future__ import annotations

import fcntl
import importlib
import os
import pty
import re
import select
import socket
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.sockets.serving import served
from wirespeak import telnet
from wirespeak.telnet.explain import explain
from wirespeak.telnet.grammar import OPTIONS
from wirespeak.telnet.limits import TelnetLimits
from wirespeak.telnet.options import ALL, client_options, host_options
from wirespeak.telnet.states import Event, Q, QState
from wirespeak.telnet.visitor import Visitor

README = Path(telnet.__file__).with_name("README.md").read_text(encoding="utf-8")
HERE = "localhost:8023"
"""Where the README's server listens; ours takes a free port."""

BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINE = re.compile(r'([CS]): ((?:(?:[0-9a-f]{2}|"[^"]*") ?)+?)(?: +([A-Z][A-Z -]+?))?(?: +#.*)?')
BOUND = re.compile(r"^\| `([\w.]+)` \| ([\d,.]+)(?: (KB|MB|s))? \|", re.MULTILINE)
UNITS = {"": 1, "s": 1, "KB": 1 << 10, "MB": 1 << 20}

PROGRAMS = [match[3] for match in BLOCK.finditer(README) if match[1] == "python"]
OUTPUTS = [match[3] for match in BLOCK.finditer(README) if (match[1], match[2]) == ("text", None)]


@dataclass
class Said:
    """A line of a conversation: who says it, its bytes, and what they say, where they are a command."""

    who: str
    data: bytes
    words: str


def read(block: str) -> list[Said]:
    lines = []
    for line in block.splitlines():
        match = LINE.fullmatch(line)
        assert match, f"no line of a conversation: {line!r}"
        data = b"".join(
            token[1:-1].encode() if token.startswith('"') else bytes.fromhex(token)
            for token in re.findall(r'"[^"]*"|[0-9a-f]{2}', match[2])
        )
        lines.append(Said(match[1], data, match[3] or ""))
    return lines


CONVERSATIONS = [read(match[3]) for match in BLOCK.finditer(README) if match[2] == "parrot"]


async def parrot(visitor: Visitor) -> None:
    """The host of the README's conversations."""
    await visitor.say("A parrot lives here.")
    async for line in visitor:
        await visitor.say(f"{line}! {line}!")


def exactly(sock: socket.socket, count: int) -> bytes:
    came = b""
    while len(came) < count and (piece := sock.recv(count - len(came))):
        came += piece
    return came


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=["telnet", "netcat"])
def test_a_conversation_is_as_it_is_written(conversation: list[Said]) -> None:
    with served(telnet.TelnetServer(parrot)) as service, service.connect() as sock:
        for who, lines in groupby(conversation, lambda line: line.who):
            said = b"".join(line.data for line in lines)
            if who == "C":
                sock.sendall(said)
            else:
                assert exactly(sock, len(said)) == said


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=["telnet", "netcat"])
def test_the_words_say_what_the_bytes_do(conversation: list[Said]) -> None:
    for line in conversation:
        (group,) = dict.fromkeys(part.group for part in explain(line.data))
        assert (group.partition(": ")[2] if line.words else group) == (line.words or "data")


@pytest.mark.peer("inetutils-telnet")
def test_the_real_client_says_what_is_written(peer: Callable[[str], str]) -> None:
    """Between the two stands a relay that notes what passes; the terminal is one of 80 columns and 24 rows."""
    conversation = CONVERSATIONS[0]
    expected = {who: b"".join(line.data for line in conversation if line.who == who) for who in "CS"}
    heard = {"C": b"", "S": b""}
    news = threading.Condition()

    def carry(source: socket.socket, sink: socket.socket, who: str) -> None:
        while piece := source.recv(4096):
            with news:
                heard[who] += piece
                news.notify_all()
            sink.sendall(piece)

    def wait(who: str, count: int) -> None:
        with news:
            assert news.wait_for(lambda: len(heard[who]) >= count, 20), heard

    with served(telnet.TelnetServer(parrot)) as service, socket.create_server(("127.0.0.1", 0)) as listening, service.connect() as behind:
        number, leader = pty.fork()
        if not number:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
                environment = {"PATH": os.environ["PATH"], "TERM": "xterm", "HOME": "/nonexistent"}
                os.execve(peer("inetutils-telnet"), ["telnet", "127.0.0.1", str(listening.getsockname()[1])], environment)
            finally:
                os._exit(127)
        shown = b""

        def see(sign: bytes) -> None:
            nonlocal shown
            limit = time.monotonic() + 20
            while sign not in shown:
                assert select.select([leader], [], [], max(0.0, limit - time.monotonic()))[0], shown
                shown += os.read(leader, 4096)

        try:
            front, _ = listening.accept()
            with front:
                threads = [threading.Thread(target=carry, args=way, daemon=True) for way in ((front, behind, "C"), (behind, front, "S"))]
                for thread in threads:
                    thread.start()
                see(b"A parrot lives here.\r\n")
                os.write(leader, b"hi\r")
                see(b"hi! hi!\r\n")
                os.write(leader, b"\x1d")
                see(b"telnet> ")
                os.write(leader, b"send ayt\n")
                see(b"[Yes]")
                wait("S", len(expected["S"]))
                os.kill(number, 9)
                for thread in threads:
                    front.close() if thread is threads[0] else behind.shutdown(socket.SHUT_RDWR)
                    thread.join(20)
        finally:
            os.close(leader)
            os.waitpid(number, 0)
    assert heard == expected


def test_its_host_and_its_client_do_what_they_say(
    start: Callable[..., Any], free_port: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    here = f"127.0.0.1:{free_port()}"
    start([sys.executable, "-c", PROGRAMS[0].replace(HERE, here)], port=int(here.partition(":")[2]))
    exec(compile(PROGRAMS[1].replace(HERE, here), "README.md", "exec"), {})
    assert capsys.readouterr().out == OUTPUTS[0]


def test_every_block_is_of_a_kind_that_is_tried_here() -> None:
    kinds = [(match[1], match[2]) for match in BLOCK.finditer(README)]
    assert sorted(kinds, key=str) == sorted(
        [("text", "parrot")] * 2 + [("mermaid", None)] + [("python", None)] * 2 + [("text", None)], key=str
    )
    assert len(re.findall("^```", README, re.MULTILINE)) == 2 * len(kinds)


def table(head: str) -> list[list[str]]:
    """The rows of the table that begins so."""
    rows = (head + README.partition(head)[2].partition("\n\n")[0]).splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_the_q_method_is_the_table() -> None:
    says = {True: "**DO**", False: "**DONT**", None: ""}
    written = {row[0]: row[1:] for row in table("| | ENABLE |")}
    assert list(written) == [state.name for state in QState]
    for state in QState:
        for event, cell in zip(Event, written[state.name], strict=True):
            step = Q[state, event]
            to = f"→ {step.state.name}" if step.state is not state else ""
            assert cell == f"{says[step.say]} {to}".strip()


def test_the_options_are_those_there_are() -> None:
    host = {option.code: option for option in host_options()}
    client = {option.code: option for option in client_options(display="a:0", variables={"A": "b"})}
    rows = table("| | | of | whose side |")
    assert [int(row[0]) for row in rows] == sorted(ALL)
    for number, name, clause, side, _ in rows:
        code = int(number)
        assert (name, clause) == (OPTIONS[code], ALL[code].clause)
        ours, theirs = host[code].will, host[code].do or client[code].will
        assert side == {(True, True): "both", (True, False): "server's", (False, True): "client's"}[ours, theirs]


@pytest.mark.parametrize(("name", "number", "unit"), BOUND.findall(README))
def test_a_bound_is_what_is_written(name: str, number: str, unit: str) -> None:
    module, _, inside = name.rpartition(".")
    owner: Any = TelnetLimits() if module.endswith(".TelnetLimits") else importlib.import_module(f"wirespeak.telnet.{module}")
    assert getattr(owner, inside) == float(number.replace(",", "")) * UNITS[unit]


def test_the_bounds_were_found() -> None:
    assert len(BOUND.findall(README)) == len(table("| bound |"))


def test_the_map_names_every_file() -> None:
    folder = Path(telnet.__file__).parent
    named = set(re.findall(r"\]\(([\w/.]+)\)", README.partition("## The files")[2].partition("\n## ")[0]))
    assert {path.name for path in folder.glob("*.py")} - {"__init__.py"} == {name for name in named if "/" not in name}


def test_the_public_names_are_there() -> None:
    listed = [name for names in telnet._PLACES.values() for name in names]
    assert sorted(listed) == sorted(telnet.__all__)
    for name in telnet.__all__:
        assert getattr(telnet, name) is not None
    with pytest.raises(AttributeError):
        _ = telnet.nothing_of_the_kind
