"""What docs/ARCHITECTURE.md and README.md show as code runs, and says what they say. (The READMEs of protocols have tests of their own.)"""

from __future__ import annotations

import ast
import asyncio
import doctest
import re
import socket
import subprocess
import sys
import threading
from typing import Any

from scripts.diagrams import ROOT
from scripts.peers import peers
from tests.interop.dns_peers import DAEMONS
from tests.interop.telnet_peers import CLIENTS
from tests.sockets.serving import read_all, read_line, served
from wirespeak.sockets.aio_network import AsyncNetwork
from wirespeak.sockets.blocking import BlockingNetwork, converse, run
from wirespeak.sockets.memory import MemoryNetwork

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return [match[2] for match in BLOCK.finditer(text) if match[1] == language]


def mirror() -> dict[str, Any]:
    """The small protocol of ARCHITECTURE.md."""
    names: dict[str, Any] = {}
    exec(compile("\n".join(blocks("docs/ARCHITECTURE.md", "python")), "ARCHITECTURE.md", "exec"), names)
    return names


def test_the_small_protocol_says_in_memory_what_is_written() -> None:
    (text,) = blocks("docs/ARCHITECTURE.md", "pycon")
    case = doctest.DocTestParser().get_doctest(text, mirror(), "ARCHITECTURE.md", None, 0)
    said: list[str] = []
    result = doctest.DocTestRunner().run(case, out=said.append)
    assert result.failed == 0, "".join(said)
    assert result.attempted == 4


def test_the_small_protocol_runs_on_every_pump() -> None:
    names = mirror()
    ask = names["ask"]
    with served(names["Mirror"]) as server:
        assert run(ask(BlockingNetwork(), *server.address, b"reward")) == b"drawer\r\n"
        assert asyncio.run(ask(AsyncNetwork(), *server.address, b"desserts")) == b"stressed\r\n"
        with server.connect() as ours:
            ours.sendall(b"one\r\ntwo\r\nbye\r\n")
            assert read_all(ours) == b"eno\r\nowt\r\n"


def test_the_small_protocol_runs_without_a_loop() -> None:
    names = mirror()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(20)
        thread = threading.Thread(target=converse, args=(theirs, names["Mirror"]))
        thread.start()
        ours.sendall(b"stressed\r\n")
        assert read_line(ours) == "desserts"
        ours.sendall(b"bye\r\n")
        assert read_all(ours) == b""
        thread.join(20)
        assert not thread.is_alive()


def test_the_small_protocol_ends_with_whoever_says_nothing() -> None:
    names = mirror()
    network = MemoryNetwork({("mirror", 7): names["Mirror"]})

    async def say_nothing() -> bytes | None:
        stream = await network.connect("mirror", 7)
        return await stream.exchange([], None)

    assert run(say_nothing()) is None
    assert network.now() == names["PATIENCE"]


def test_the_readmes_program_says_what_is_written() -> None:
    (program,) = blocks("README.md", "python")
    (said,) = blocks("README.md", "text")
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (result.stdout, result.stderr, result.returncode) == (said, "", 0)


def test_the_table_names_what_is_tested() -> None:
    """Each real program that the README says we speak to is asked for, as a peer, by the tests that are named beside it."""
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## What speaks to what")[2].partition("\n## ")[0]
    rows = [row.strip("| ").split(" | ") for row in table.splitlines() if row.startswith("| ") and "](" in row]
    commands = {peer.command for peer in peers()}
    told: set[str] = set()
    for _, theirs, tests in rows:
        named = commands & set(re.findall(r"[\w.-]+", theirs.lower()))
        told |= named
        files = [(ROOT / name).read_text(encoding="utf-8") for name in re.findall(r"\]\((.+?)\)", tests)]
        for text in files:
            asked = {name for names in re.findall(r"peer\((.+?)\)", text) for name in re.findall(r'"([\w-]+)"', names)}
            if "*DAEMONS.values()" in text:
                asked |= set(DAEMONS.values())
            if "CLIENTS[name]" in text:
                asked |= set(CLIENTS)
            if needs := re.search(r"^NEEDS = (.+)$", text, re.MULTILINE):
                asked |= {name for names in ast.literal_eval(needs[1]).values() for name in names}
            assert named <= asked, f"{tests} asks for {asked or 'no peer'}, not for {named}"
    assert {"curl", "inetutils-telnet", "chromium", "openssl"} <= told
