"""What the README of irc/ shows is what happens: its conversations are held again, its code is run, its numbers are looked up."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.sockets.serving import Served, served
from wirespeak import irc

README = Path(irc.__file__).with_name("README.md").read_text(encoding="utf-8")
HERE = "localhost:6667"
"""Where the README's server listens; ours takes a free port."""

BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOTE = re.compile(r" +#(?: .*)?$")
SAID = re.compile(r"(ann|bob)([<>]) (.*)")
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
TRANSCRIPTS = [block for block in BLOCKS if block.about == "home"]
PROGRAMS = [block.text for block in BLOCKS if block.language == "python"]
OUTPUTS = [block.text for block in BLOCKS if (block.language, block.about) == ("text", "")]


def like(expected: str) -> re.Pattern[str]:
    """What a line looks like in which … stands for anything."""
    return re.compile(".*".join(map(re.escape, expected.split("…"))))


class Person:
    """One of those who talk in a transcript, on a connection of its own."""

    def __init__(self, service: Served) -> None:
        self.sock = service.connect()
        self.came = b""

    def says(self, line: str) -> None:
        self.sock.sendall(f"{line}\r\n".encode())

    def line(self) -> str:
        """What it hears next."""
        while b"\r\n" not in self.came:
            piece = self.sock.recv(65536)
            assert piece, f"the server has ended its side after {self.came!r}"
            self.came += piece
        line, _, self.came = self.came.partition(b"\r\n")
        return line.decode()

    def hears(self, expected: str, *, skipping: bool) -> None:
        """Hear ``expected`` next, or, ``skipping``, behind some other numerics."""
        if expected == "[closes]":
            assert (self.came, self.sock.recv(1)) == (b"", b"")
            return
        said = self.line()
        while skipping and not like(expected).fullmatch(said):
            assert re.match(r":irc\.home\.test [0-9]{3} ", said), f"{said!r}, and not {expected!r}"
            said = self.line()
        assert like(expected).fullmatch(said), f"{said!r}, and not {expected!r}"


@pytest.mark.parametrize("block", TRANSCRIPTS, ids=lambda block: f"line-{block.line}")
def test_a_conversation_is_as_it_is_written(block: Block) -> None:
    config = irc.Config(name="irc.home.test", network="Home", motd=("Be kind.",))
    people: dict[str, Person] = {}
    skipping = {"ann": False, "bob": False}
    with served(irc.IrcServer(config)) as service:
        try:
            for written in block.text.splitlines():
                match = SAID.fullmatch(NOTE.sub("", written))
                assert match, written
                name, way, line = match.groups()
                person = people.setdefault(name, Person(service)) if name not in people else people[name]
                if way == ">":
                    person.says(line)
                elif line == "…":
                    skipping[name] = True
                else:
                    person.hears(line, skipping=skipping[name])
                    skipping[name] = False
        finally:
            for person in people.values():
                person.sock.close()


def test_its_server_its_client_and_its_bot_do_what_they_say(
    start: Callable[..., Any], free_port: Callable[[], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = f"127.0.0.1:{free_port()}"
    start([sys.executable, "-c", PROGRAMS[0].replace(HERE, here)], port=int(here.partition(":")[2]), cwd=tmp_path)
    exec(compile(PROGRAMS[1].replace(HERE, here), "README.md", "exec"), {})
    assert capsys.readouterr().out == OUTPUTS[0]
    with irc.BlockingClient.connect(here, "ann") as client:
        client.join("#tea")
        start([sys.executable, "-c", PROGRAMS[2].replace(HERE, here)], cwd=tmp_path)
        until(client, "JOIN", "")
        client.say("#tea", "!twice tea")
        until(client, "PRIVMSG", "tea tea")


def until(client: irc.BlockingClient, command: str, text: str) -> None:
    """Wait for a message of dora's."""
    for event in client:
        if isinstance(event, irc.Event) and (event.nick, event.command) == ("dora", command) and text in event.text:
            return
    raise AssertionError("the connection ended")


def test_every_block_is_of_a_kind_that_is_tried_here() -> None:
    kinds = [(block.language, block.about) for block in BLOCKS]
    assert (len(TRANSCRIPTS), len(PROGRAMS), len(OUTPUTS), kinds.count(("mermaid", ""))) == (3, 3, 1, 2)
    assert len(kinds) == 9
    assert len(re.findall("^```", README, re.MULTILINE)) == 2 * len(BLOCKS)


@pytest.mark.parametrize(("name", "number", "unit"), BOUND.findall(README))
def test_a_bound_is_what_is_written(name: str, number: str, unit: str) -> None:
    module, _, inside = name.rpartition(".")
    if module.endswith(".ServerLimits"):
        owner: Any = irc.ServerLimits()
    else:
        owner = importlib.import_module(f"wirespeak.irc.{module}")
    assert getattr(owner, inside) == int(number.replace(",", "")) * UNITS[unit]


def test_the_bounds_were_found() -> None:
    table = README.partition("| bound |")[2].partition("\n\n")[0]
    assert len(BOUND.findall(table)) == table.count("\n") - 1


def test_the_map_names_every_file() -> None:
    folder = Path(irc.__file__).parent
    named = set(re.findall(r"\]\(([\w/.]+)\)", README.partition("## The files")[2].partition("\n## ")[0]))
    assert {path.name for path in folder.glob("*.py")} - {"__init__.py"} == {name for name in named if "/" not in name}
    assert {path.name for path in folder.glob("*/__init__.py")} <= {name.rpartition("/")[2] for name in named}
