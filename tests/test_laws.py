"""The laws of the house, held by reading what every file in src/ imports and calls.

Which file may import what, which way the arrows run, which rooms each protocol has: what docs/ARCHITECTURE.md draws,
the tables below say, and `broken_laws` compares the source with them. A broken law is told with file, line and the
law's own sentence. Imports inside functions count too: a circle that is closed late is still a circle.

The tests at the end build small houses that break one law each: they show that each law can be broken, and is noticed.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "src" / "wirespeak"

LONGEST = 550
"""Lines in a file: 'not much past 500' (a longer one is two ideas)."""

FLOORS: list[set[str]] = [
    {"__init__", "errors", "buffer", "contract", "explanation", "generations", "sasl", "states", "tap"},
    {"sockets"},
    {"frames", "telnet", "dns", "smtp", "http", "irc"},
    {"web", "peer", "watch", "tools", "testing"},
    {"localnet"},
    {"cli", "__main__"},
]
"""The house from the ground up: a file imports from its own floor and from those below it."""

PROTOCOLS = FLOORS[2]

ROOMS = {"__init__.py", "README.md", "grammar.py", "messages.py", "session.py", "server.py", "client.py", "explain.py"}
"""What every protocol package has, under the same names."""

DELIVERS_OR_STORES: dict[str, set[str]] = {
    "dns": {"log", "zonefile", "zonestore"},
    "http": {"static", "log", "pool", "download"},
    "irc": {"bot", "mailing", "policies", "store"},
    "smtp": {"delivery", "inbox", "log", "users"},
    "telnet": {"login", "menu", "pty", "telnetlib"},
}
"""Beside server.py and client.py: the files of a protocol package that reach outside, to files and the clock."""

CLIENT_POLICY = {"client", "pool"}
"""What a client decides, written once for every pump."""

LOOPS = {"asyncio", "selectors", "select", "socket", "socketserver", "ssl"}
OUTSIDE = LOOPS | {
    *("concurrent", "ctypes", "fcntl", "getpass", "glob", "logging", "mmap", "multiprocessing", "os", "pathlib", "platform"),
    *("pty", "queue", "random", "resource", "secrets", "shutil", "signal", "sqlite3", "subprocess", "tempfile", "termios"),
    *("threading", "time", "tty", "uuid", "wirespeak.sockets"),
}
OUTSIDE_CALLS = {"open", "print", "input", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
PUMPS = {"asyncio", "concurrent", "multiprocessing", "selectors", "select", "socket", "ssl", "threading", "time"}

OTHERS = {
    *("aiodns", "aioftp", "aiohttp", "aioquic", "aiosmtplib", "aiosmtpd", "anyio", "bottle", "dns", "dnslib", "flask", "ftplib", "granian"),
    *("gunicorn", "h11", "h2", "http.client", "http.cookiejar", "http.cookies", "http.server", "httpcore", "httptools", "httpx", "hyper"),
    *("hypercorn", "imaplib", "irc", "multipart", "poplib", "pycares", "pydle", "requests", "scapy", "smtpd", "smtplib", "socketserver"),
    *("starlette", "telnetlib", "telnetlib3", "tornado", "trio", "twisted", "urllib.request", "urllib3", "uvicorn", "uvloop", "websockets"),
    *("werkzeug", "wsgiref", "wsproto", "xmlrpc"),
}
"""Libraries that speak our protocols, or carry their bytes: writing those is what this project is for."""

LAWS = {
    "sockets": "Only sockets/ touches a socket, ssl or an event loop (law 1).",
    "pure": "No I/O, clock or randomness in a protocol's grammar, messages, session, explain and their like, nor on the ground floor: "
    "time and random bytes are arguments (law 1). What delivers or stores is named in DELIVERS_OR_STORES.",
    "policy": "A client's policy is written once, over Network and Stream, and knows no pump and no clock (law 5).",
    "floors": "Arrows point down: cli → localnet → web, watch, testing → protocols → sockets → contract, buffer, errors.",
    "names": "A protocol package imports another only through its public names: from wirespeak.dns import ….",
    "circle": "No circle of imports.",
    "others": "The protocols are written here: no library that speaks them is imported.",
    "rooms": "Every protocol has the same rooms.",
    "place": "Everything has its place in the house: name it in FLOORS.",
    "length": f"A file of more than {LONGEST} lines is two ideas: give each its own.",
}

EXCEPTIONS: dict[tuple[str, str], str] = {
    ("http/urls.py", "wirespeak.sockets.address"): "a host is read there for everyone; it opens no socket",
    ("telnet/telnetlib.py", "socket"): "its interface is the removed module's, which hands out the socket and takes another's",
    ("telnet/telnetlib.py", "selectors"): "as socket: another's selector may be put in _TelnetSelector",
}
"""(file, what it imports) → why it may all the same. Kept short, and argued."""


@dataclass(frozen=True, order=True)
class Broken:
    """A law broken at a line of a file."""

    file: str
    line: int
    law: str
    what: str

    def __str__(self) -> str:
        return f"src/wirespeak/{self.file}:{self.line}: {self.what}\n    {LAWS[self.law]}"


@dataclass(frozen=True)
class Import:
    """One imported module, by its full name; of ``from a import b`` that is ``a.b`` where b is a module."""

    line: int
    module: str


class Source:
    """One Python file of the house."""

    def __init__(self, house: Path, path: Path) -> None:
        self.file = path.relative_to(house).as_posix()
        self.parts = path.relative_to(house).with_suffix("").parts
        self.unit = self.parts[0]  # the package, or the module at the top, that it belongs to
        self.tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        self.imports = list(self._imports(house))

    @property
    def room(self) -> str:
        """The file or folder of its package that it stands in: "grammar", "rdata"."""
        return self.parts[1] if len(self.parts) > 1 else ""

    @property
    def is_pure(self) -> bool:
        """Whether it belongs to what is decided without reaching outside: the ground floor, and most rooms of a protocol."""
        if self.unit in FLOORS[0]:
            return True
        return self.unit in PROTOCOLS and self.room not in {"__init__", "server", "client"} | DELIVERS_OR_STORES.get(self.unit, set())

    def _imports(self, house: Path) -> Iterator[Import]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (Import(node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node)
                for alias in node.names:
                    inner = f"{base}.{alias.name}"
                    yield Import(node.lineno, inner if base.split(".")[0] != "wirespeak" or _is_module(house, inner) else base)

    def _absolute(self, node: ast.ImportFrom) -> str:
        """The module that ``from … import`` names, its leading dots resolved."""
        if not node.level:
            return node.module or ""
        here = ["wirespeak", *self.parts][: -node.level]
        return ".".join([*here, *([node.module] if node.module else [])])


def _is_module(house: Path, name: str) -> bool:
    path = house.joinpath(*name.split(".")[1:])
    return path.is_dir() or path.with_suffix(".py").is_file()


def _within(module: str, names: set[str]) -> bool:
    """Whether ``module`` is one of ``names``, or inside one."""
    parts = module.split(".")
    return any(".".join(parts[:n]) in names for n in range(1, len(parts) + 1))


def broken_laws(house: Path) -> list[Broken]:
    """Every law that the source below ``house`` breaks, in order of file and line."""
    sources = [Source(house, path) for path in sorted(house.rglob("*.py"))]
    found = [*_circles(sources), *_rooms(house), *_lengths(house)]
    for source in sources:
        if not any(source.unit in floor for floor in FLOORS):
            found.append(Broken(source.file, 1, "place", f"{source.unit} has no floor"))
            continue
        for use in source.imports:
            if not any(file == source.file and _within(use.module, {module}) for file, module in EXCEPTIONS):
                found += [Broken(source.file, use.line, law, f"imports {use.module}") for law in _forbidding(source, use.module)]
        if source.is_pure:
            found += [Broken(source.file, line, "pure", f"calls {call}()") for line, call in _calls(source.tree) if call in OUTSIDE_CALLS]
    return sorted(set(found))


def _forbidding(source: Source, module: str) -> Iterator[str]:
    """The laws that forbid ``source`` to import ``module``."""
    if _within(module, LOOPS) and source.unit != "sockets":
        yield "sockets"
    if _within(module, OTHERS):
        yield "others"
    if source.is_pure and _within(module, OUTSIDE):
        yield "pure"
    if source.unit in PROTOCOLS and source.room in CLIENT_POLICY and _within(module, PUMPS):
        yield "policy"
    parts = module.split(".")
    if parts[0] != "wirespeak":
        return
    unit, *inner = parts[1:] or ["__init__"]
    if unit != source.unit and _floor(unit) > _floor(source.unit):
        yield "floors"
    if source.unit in PROTOCOLS and unit in PROTOCOLS:
        if unit != source.unit and inner:
            yield "names"
        if source.is_pure and unit == source.unit and inner and inner[0] in {"server", "client"} | DELIVERS_OR_STORES.get(unit, set()):
            yield "pure"


def _floor(unit: str) -> int:
    return next((number for number, floor in enumerate(FLOORS) if unit in floor), len(FLOORS))


def _calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The calls by plain name, or by name and attribute, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.lineno, node.func.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name | ast.Attribute):
            owner = node.func.value
            yield node.lineno, f"{owner.id if isinstance(owner, ast.Name) else owner.attr}.{node.func.attr}"


def _circles(sources: list[Source]) -> Iterator[Broken]:
    """Modules, and packages, that reach themselves by following imports."""
    for depth in (1, 9):  # first packages as wholes, then single modules
        arrows: dict[str, dict[str, Broken]] = defaultdict(dict)
        for source in sources:
            here = _short(".".join(source.parts), depth)
            for use in source.imports:
                there = _short(use.module.removeprefix("wirespeak").removeprefix(".") or "__init__", depth)
                if use.module.split(".")[0] == "wirespeak" and there != here:
                    arrows[here].setdefault(there, Broken(source.file, use.line, "circle", f"{here} → {there}, which leads back to {here}"))
        for here, ways in arrows.items():
            yield from (broken for there, broken in ways.items() if here in _reachable(arrows, there))


def _short(name: str, depth: int) -> str:
    """The first ``depth`` parts of a module's name; a package and its __init__ are one."""
    return ".".join(name.split(".")[:depth]).removesuffix(".__init__")


def _reachable(arrows: dict[str, dict[str, Broken]], start: str) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        fresh = set(arrows.get(waiting.pop(), ())) - found
        found |= fresh
        waiting += fresh
    return found


def _rooms(house: Path) -> Iterator[Broken]:
    for protocol in sorted(PROTOCOLS):
        package = house / protocol
        if package.is_dir():
            yield from (Broken(f"{protocol}/{room}", 1, "rooms", "is missing") for room in sorted(ROOMS) if not (package / room).is_file())


def _lengths(house: Path) -> Iterator[Broken]:
    for path in sorted(house.rglob("*")):
        if path.suffix in {".py", ".js", ".css", ".html"} and "vendor" not in path.parts:
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > LONGEST:
                yield Broken(path.relative_to(house).as_posix(), lines, "length", f"has {lines} lines")


def test_the_house_keeps_its_laws() -> None:
    broken = broken_laws(HOUSE)
    assert not broken, "\n" + "\n".join(map(str, broken))


def test_the_house_has_been_read() -> None:
    """An empty house breaks no law: so here are some that must be seen, each with imports."""
    read = {source.file: source for source in (Source(HOUSE, path) for path in HOUSE.rglob("*.py"))}
    for file in ("http/session.py", "frames/session.py", "sockets/aio.py", "cli/__init__.py"):
        assert read[file].imports
    assert read["http/session.py"].is_pure
    assert not read["http/server.py"].is_pure


def test_the_exceptions_are_still_needed() -> None:
    for file, module in EXCEPTIONS:
        assert any(_within(use.module, {module}) for use in Source(HOUSE, HOUSE / file).imports), f"{file} no longer imports {module}"


BREAKING = [
    # law, the file that breaks it, its text
    ("sockets", "http/server.py", "import asyncio"),
    ("sockets", "localnet/__init__.py", "def late():\n    from socket import create_connection"),
    ("pure", "http/grammar.py", "import time"),
    ("pure", "http/session.py", "from os import path"),
    ("pure", "http/session.py", "from wirespeak.sockets import aio"),
    ("pure", "http/messages.py", "from .server import Server"),
    ("pure", "http/body.py", "import concurrent.futures"),
    ("pure", "http/parts/one.py", "text = open('name').read()"),
    ("pure", "http/explain.py", "import datetime\nwhen = datetime.datetime.now()"),
    ("pure", "buffer.py", "import mmap"),
    ("policy", "http/client.py", "import threading"),
    ("policy", "http/pool.py", "from time import monotonic"),
    ("floors", "sockets/tcp.py", "from wirespeak.http import Request"),
    ("floors", "http/server.py", "from ..web import App"),
    ("floors", "errors.py", "import wirespeak.sockets.tcp"),
    ("names", "smtp/client.py", "from wirespeak.dns.messages import Question"),
    ("names", "smtp/client.py", "from wirespeak.dns import messages"),
    ("circle", "http/fields.py", "from wirespeak.http import messages"),
    ("circle", "dns/server.py", "from wirespeak.smtp import Reply"),
    ("others", "web/__init__.py", "import h11._headers"),
    ("others", "cli/__init__.py", "from urllib import request"),
    ("others", "http/server.py", "import http.server"),
    ("place", "extra.py", ""),
    ("length", "http/grammar.py", "\n" * (LONGEST + 1)),
]


def small_house(root: Path) -> Path:
    """A house with two protocols in it, that keeps every law."""
    house = root / "wirespeak"
    for package in ("http", "dns", "smtp", "sockets", "web", "localnet", "cli"):
        (house / package).mkdir(parents=True)
        (house / package / "__init__.py").write_text("")
    for protocol in ("http", "dns", "smtp"):
        for room in ROOMS:
            (house / protocol / room).write_text("")
    (house / "errors.py").write_text("")
    (house / "sockets" / "tcp.py").write_text("import asyncio, socket, time\nfrom wirespeak.errors import ConnectError")
    (house / "http" / "messages.py").write_text("from urllib.parse import quote\nfrom . import fields\nfrom ..errors import Local")
    (house / "http" / "fields.py").write_text("from wirespeak.errors import RemoteProtocolError")
    (house / "http" / "server.py").write_text("import os, time\nfrom wirespeak.sockets import tcp\nfrom .messages import Request")
    (house / "smtp" / "client.py").write_text("from wirespeak.dns import query, Name\nfrom wirespeak.sockets.tcp import Address")
    return house


def test_a_house_that_keeps_the_laws(tmp_path: Path) -> None:
    assert broken_laws(small_house(tmp_path)) == []


@pytest.mark.parametrize(("law", "file", "text"), BREAKING)
def test_a_broken_law_is_noticed(tmp_path: Path, law: str, file: str, text: str) -> None:
    path = small_house(tmp_path) / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    broken = broken_laws(tmp_path / "wirespeak")
    assert (law, file) in {(one.law, one.file) for one in broken}
    assert re.search(rf"^src/wirespeak/{file}:\d+: .+\n    {re.escape(LAWS[law])}$", "\n".join(map(str, broken)), re.MULTILINE)


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_missing_room_is_noticed(tmp_path: Path, room: str) -> None:
    house = small_house(tmp_path)
    (house / "dns" / room).unlink()
    assert [(one.law, one.file) for one in broken_laws(house)] == [("rooms", f"dns/{room}")]
