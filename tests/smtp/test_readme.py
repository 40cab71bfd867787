"""What the README of smtp/ shows is what happens: its conversations are held again, its code is run, its numbers are looked up."""

from __future__ import annotations

import importlib
import re
import ssl
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.sockets.serving import Served, served
from wirespeak import smtp
from wirespeak.sasl import Accounts, Authenticator, ScramKeys
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.tls import client_context, server_context

README = Path(smtp.__file__).with_name("README.md").read_text(encoding="utf-8")
HERE = "localhost:8025"
"""Where the README's server listens; ours takes a free port."""

BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOTE = re.compile(r" +# .*$", re.MULTILINE)
NAME = re.compile(r"\b[0-9a-f]{16}\b")
DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}")
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
TRANSCRIPTS = [block for block in BLOCKS if block.about in ("home", "submission")]
PROGRAMS = [block.text for block in BLOCKS if block.language == "python"]
OUTPUTS = [block.text for block in BLOCKS if (block.language, block.about) == ("text", "")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mail").mkdir()
    return tmp_path


def server(about: str, folder: Path) -> smtp.SmtpServer:
    """The server of a transcript."""
    options: dict[str, Any] = {"hostname": "mail.home.test"}
    if about == "submission":
        accounts = Accounts({"ann": ScramKeys.of("open sesame", b"0123456789abcdef", 4096)}, b"x" * 32)
        options |= {"submission": True, "authenticator": Authenticator(accounts.find), "tls": server_context(Authority.open(folder))}
    users = ["ann", "bob"] if about == "home" else None
    return smtp.SmtpServer(smtp.Directory(["home.test"], smtp.Maildir(folder / "mail"), users=users), **options)


def plain(text: str) -> str:
    """``text`` with the moment and the names of mails taken out of it."""
    return DATE.sub("now", NAME.sub("a mail", text))


def like(expected: str) -> re.Pattern[str]:
    """What a line looks like in which … stands for anything."""
    return re.compile(".*".join(map(re.escape, plain(expected).split("…"))))


class Replay:
    """One side of a transcript, held again with a server."""

    def __init__(self, service: Served, folder: Path) -> None:
        self.sock: Any = service.connect()
        self.sock.settimeout(20)
        self.folder = folder
        self.came = b""

    def line(self) -> str:
        """What the server says next."""
        while b"\r\n" not in self.came:
            piece = self.sock.recv(65536)
            assert piece, f"the server has ended its side after {self.came!r}"
            self.came += piece
        line, _, self.came = self.came.partition(b"\r\n")
        return line.decode()

    def says(self, lines: list[str]) -> None:
        if lines == ["[shakes hands]"]:
            context = client_context(authorities=[Authority.open(self.folder).certificate_file])
            assert isinstance(context, ssl.SSLContext)
            self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
            return
        self.sock.sendall("".join(f"{line}\r\n" for line in lines).replace("␊", "\n").encode())

    def hears(self, lines: list[str]) -> None:
        for number, line in enumerate(lines):
            if line == "[closes]":
                assert self.came == b""
                assert self.sock.recv(1) == b""
            elif line == "…":  # as many lines as there are, up to the one that is told next
                while not like(lines[number + 1]).fullmatch(plain(line := self.line())):
                    assert line.startswith("250-")
                self.came = f"{line}\r\n".encode() + self.came
            else:
                said = self.line()
                assert like(line).fullmatch(plain(said)), f"{said!r}, and not {line!r}"


@pytest.mark.parametrize("block", TRANSCRIPTS, ids=lambda block: f"line-{block.line}")
def test_a_conversation_is_as_it_is_written(block: Block, folder: Path) -> None:
    said = [(line[:1], line[3:]) for line in NOTE.sub("", block.text).splitlines()]
    assert {who for who, _ in said} == {"C", "S"}
    with served(server(block.about, folder)) as service:
        replay = Replay(service, folder)
        try:
            for (who, _), group in groupby(said, lambda one: (one[0], one[1] == "[shakes hands]")):
                lines = [line for _, line in group]
                (replay.says if who == "C" else replay.hears)(lines)
        finally:
            replay.sock.close()


def test_what_lies_in_the_maildir_is_as_it_is_written(folder: Path) -> None:
    (block,) = (block for block in BLOCKS if block.about == "mail")
    test_a_conversation_is_as_it_is_written(TRANSCRIPTS[0], folder)
    (mail,) = (folder / "mail/home.test/bob/new").iterdir()
    assert plain(mail.read_text()) == plain(NOTE.sub("", block.text))


def test_its_server_and_its_client_do_what_they_say(
    start: Callable[..., Any], free_port: Callable[[], int], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = f"127.0.0.1:{free_port()}"
    start([sys.executable, "-c", PROGRAMS[0].replace(HERE, here)], port=int(here.partition(":")[2]), cwd=folder)
    exec(compile(PROGRAMS[1].replace(HERE, here), "README.md", "exec"), {})
    assert capsys.readouterr().out == OUTPUTS[0]
    (mail,) = (folder / "mail/home.test/bob/new").iterdir()
    assert b"Lunch at noon?" in mail.read_bytes()
    with smtp.BlockingClient.connect(here) as client, pytest.raises(smtp.Refused) as refused:
        client.send(b"Subject: x\r\n", "eve@away.test", ["trap@home.test"])
    assert str(refused.value) == "refused: 550 5.7.1 Only machines write to this one"


def test_mail_in_tests_is_caught_as_it_is_written(folder: Path) -> None:
    program = PROGRAMS[2].replace('["wirespeak", ', f'["{sys.executable}", "-m", "wirespeak", ')
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for said, line in zip(done.stdout.splitlines(), OUTPUTS[1].splitlines(), strict=True):
        assert like(line).fullmatch(plain(said))


def test_every_block_is_of_a_kind_that_is_tried_here() -> None:
    kinds = [(block.language, block.about) for block in BLOCKS]
    assert (len(TRANSCRIPTS), len(PROGRAMS), len(OUTPUTS), kinds.count(("text", "mail")), kinds.count(("mermaid", ""))) == (4, 3, 2, 1, 2)
    assert len(kinds) == 12
    assert len(re.findall("^```", README, re.MULTILINE)) == 2 * len(BLOCKS)


@pytest.mark.parametrize(("name", "number", "unit"), BOUND.findall(README))
def test_a_bound_is_what_is_written(name: str, number: str, unit: str) -> None:
    module, _, inside = name.rpartition(".")
    if module.endswith(".ServerLimits"):
        owner: Any = smtp.ServerLimits()
    else:
        owner = importlib.import_module(f"wirespeak.smtp.{module}")
    assert getattr(owner, inside) == int(number.replace(",", "")) * UNITS[unit]


def test_the_bounds_were_found() -> None:
    table = README.partition("| bound |")[2].partition("\n\n")[0]
    assert len(BOUND.findall(table)) == table.count("\n") - 1


def test_the_hooks_are_those_there_are() -> None:
    table = README.partition("| hook |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(smtp.Hooks.__slots__)


def test_the_map_names_every_file() -> None:
    folder = Path(smtp.__file__).parent
    named = set(re.findall(r"\]\(([\w/.]+)\)", README.partition("## The files")[2].partition("\n## ")[0]))
    assert {path.name for path in folder.glob("*.py")} - {"__init__.py"} == {name for name in named if "/" not in name}
