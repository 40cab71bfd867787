"""What the README of http/ shows is what happens: its conversations are held again, its code is run, its numbers are looked up."""

from __future__ import annotations

import doctest
import importlib
import os
import re
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.sockets.serving import Served, read_all, served, until
from wirespeak import http
from wirespeak.http import client
from wirespeak.http.static import StaticFiles

README = Path(http.__file__).with_name("README.md").read_text(encoding="utf-8")
HERE = "localhost:8000"
"""Where the README's server listens; ours takes a free port."""

BLOCK = re.compile(r"^```(\w+)(?: ([\w: ]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOTE = re.compile(r" +# .*$")
DATE = re.compile(r"^Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$", re.MULTILINE)
ETAG = re.compile(r"^ETag: (.*)$", re.MULTILINE)
BOUND = re.compile(r"^\| `([\w.]+)` \| ([\d,]+)(?: (KB|MB|s))? \|", re.MULTILINE)
UNITS = {"": 1, "s": 1, "KB": 1 << 10, "MB": 1 << 20}


@dataclass
class Block:
    """A block of code: its language, what is said behind that, its text, and the line of the README that it begins in."""

    language: str
    about: str
    text: str
    line: int


BLOCKS = [Block(match[1], match[2] or "", match[3], README.count("\n", 0, match.start(3)) + 1) for match in BLOCK.finditer(README)]
TRANSCRIPTS = [block for block in BLOCKS if block.language == "text"]
TOUR = "\n".join(block.text for block in BLOCKS if (block.language, block.about) == ("python", ""))
"""The file tour.py that the README has its readers make."""


@contextmanager
def serving(about: str, folder: Path) -> Iterator[Served]:
    """The server of a transcript: of the folder, or of a handler of tour.py."""
    file = folder / "hello.txt"
    file.write_text("Hello, reader of wires.\n")
    os.utime(file, (784111777, 784111777))  # the date that RFC 9110 5.6.7 has for an example
    handler: Any = StaticFiles(folder) if about == "folder" else getattr(tour(), about.removeprefix("tour:"))
    with served(http.HttpServer(handler)) as server:
        yield server


def tour() -> types.ModuleType:
    module = types.ModuleType("tour")
    exec(compile(TOUR, "tour.py", "exec"), module.__dict__)
    return module


def plain(text: str, tags: dict[str, str]) -> str:
    """``text`` with the moment taken out of it, and the tags of our file replaced by the README's."""
    text = DATE.sub("Date: now", text.replace("\r\n", "\n"))
    for ours, theirs in tags.items():
        text = text.replace(f"ETag: {ours}\n", f"ETag: {theirs}\n")
    return text


def test_every_block_is_of_a_kind_that_is_tried_here() -> None:
    assert {(block.language, block.about.partition(":")[0]) for block in BLOCKS} == {
        ("text", "folder"),
        ("text", "tour"),
        ("python", ""),
        ("python", "serves hello"),
        ("pycon", ""),
        ("mermaid", ""),
    }
    assert len(re.findall("^```", README, re.MULTILINE)) == 2 * len(BLOCKS)


@pytest.mark.parametrize("block", TRANSCRIPTS, ids=lambda block: f"line-{block.line}")
def test_a_conversation_is_as_it_is_written(block: Block, tmp_path: Path) -> None:
    said = [(line[:1], NOTE.sub("", line)[3:]) for line in block.text.splitlines()]
    assert {who for who, _ in said} == {"C", "S"}
    tags: dict[str, str] = {}
    with serving(block.about, tmp_path) as server, server.connect() as sock:
        for (who, is_direction), group in groupby(said, lambda one: (one[0], one[1].startswith("["))):
            lines = [line for _, line in group]
            if is_direction and who == "C":
                assert lines == ["[ends its side]"]
                sock.shutdown(1)
            elif is_direction:
                assert set(lines) <= {"[ends its side]", "[closes]"}
                assert sock.recv(1) == b""
                if "[closes]" in lines:
                    until(lambda: not server.run(lambda: len(server.listener.connections)))
            elif who == "C":
                text = "".join(f"{line}\r\n" for line in lines)
                for ours, theirs in tags.items():
                    text = text.replace(theirs, ours)
                sock.sendall(text.encode())
            else:
                expected = "".join(f"{line}\n" for line in lines)
                came = b""
                while len(plain(came.decode(), tags)) < len(plain(expected, {})):
                    piece = sock.recv(65536)
                    assert piece, f"the server ended its side after {came.decode()!r}"
                    came += piece
                    tags |= dict(zip(ETAG.findall(came.decode().replace("\r", "")), ETAG.findall(expected), strict=False))
                assert plain(came.decode(), tags) == plain(expected, {})
        if "[" not in said[-1][1]:
            sock.shutdown(1)
        assert read_all(sock) == b"", "the server said more than is written"


def test_the_program_serves(start: Callable[..., Any], free_port: Callable[[], int]) -> None:
    (block,) = (block for block in BLOCKS if block.about == "serves hello")
    port = free_port()
    program = start([sys.executable, "-c", (TOUR + block.text).replace(HERE, f"127.0.0.1:{port}")], port=port)
    assert client.request("POST", f"http://127.0.0.1:{port}/here", body=b"12345").text == "POST /here came with 5 bytes\n"
    program.interrupt()
    assert program.wait() == 0


def test_what_a_client_is_told_is_what_is_written(tmp_path: Path) -> None:
    for block in (block for block in BLOCKS if block.language == "pycon"):
        with serving("folder", tmp_path) as server:
            text = block.text.replace(HERE, f"127.0.0.1:{server.address[1]}")
            case = doctest.DocTestParser().get_doctest(text, {}, "README.md", None, block.line)
            said: list[str] = []
            assert doctest.DocTestRunner().run(case, out=said.append).failed == 0, "".join(said)


@pytest.mark.parametrize(("name", "number", "unit"), BOUND.findall(README))
def test_a_bound_is_what_is_written(name: str, number: str, unit: str) -> None:
    module, _, inside = name.rpartition(".")
    if module.endswith(".ServerLimits"):
        owner: Any = http.ServerLimits()
    else:
        owner = importlib.import_module(f"wirespeak.http.{module}")
    assert getattr(owner, inside) == int(number.replace(",", "")) * UNITS[unit]


def test_the_bounds_were_found() -> None:
    table = README.partition("| bound |")[2].partition("\n\n")[0]
    assert len(BOUND.findall(table)) == table.count("\n") - 1


def test_the_map_names_every_file() -> None:
    folder = Path(http.__file__).parent
    named = set(re.findall(r"\]\(([\w/.]+)\)", README.partition("## The files")[2].partition("\n## ")[0]))
    assert {path.name for path in folder.glob("*.py")} - {"__init__.py"} == {name for name in named if "/" not in name}
