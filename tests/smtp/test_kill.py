"""A server that is killed at any moment: each mail that it answered with 250 is there once, whole, and no other is there in part.

Several clients send numbered mails, small and large, to one recipient and to two, until the server is killed: from outside at some
moment, or by itself before a certain call that changes a file, so that every gap between two calls has its turn. They try nothing again.
(What outlives a power cut, where the kernel forgets as well, is told by ``delivery/test_sync.py``.)
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = 4
LONGEST_LIFE = 0.2  # seconds of a server that is killed from outside
MOST_CALLS = 500  # of one that kills itself
BOXES = ("bob", "eve")


@dataclass
class Sent:
    """What the clients know: the names of the mails they sent, and to how many of the two recipients; and which were answered."""

    sent: dict[str, int] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)


def mail_of(name: str, lines: int) -> bytes:
    """A mail that tells of itself whether it is whole."""
    body = b"".join(b"%06d %s\r\n" % (number, name.encode()) for number in range(lines))
    return f"Subject: {name}\r\nDigest: {hashlib.sha256(body).hexdigest()}\r\n\r\n".encode() + body


def name_if_whole(content: bytes) -> str:
    """The mail's name, from a file in a Maildir. Fails where something of the mail is missing."""
    head, _, body = content.partition(b"\n\n")
    found = re.search(rb"\nSubject: (.+)\nDigest: (.+)$", head)
    assert found, f"no whole header: {content[:300]!r}"
    assert hashlib.sha256(body.replace(b"\n", b"\r\n")).hexdigest().encode() == found[2], f"mail {found[1]!r} is not whole"
    return found[1].decode()


def send_until_cut_off(port: int, client: str, chance: random.Random, known: Sent) -> None:
    """Send one mail after the other until the server is gone."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as sock, sock.makefile("rb") as replies:

            def expect(*codes: bytes) -> None:
                for code in codes:
                    line = replies.readline()
                    while line[3:4] == b"-":
                        line = replies.readline()
                    if not line.endswith(b"\n"):
                        raise ConnectionError("cut off")
                    assert line[:3] == code, line

            expect(b"220")
            sock.sendall(b"EHLO away.test\r\n")
            expect(b"250")
            for number in range(1, 100_000):
                name = f"{client}-{number}"
                boxes = chance.choice((1, 1, 2))
                known.sent[name] = boxes
                to = b"".join(b"RCPT TO:<%s@home.test>\r\n" % box.encode() for box in BOXES[:boxes])
                sock.sendall(b"MAIL FROM:<ann@away.test>\r\n" + to + b"DATA\r\n")
                expect(b"250", *[b"250"] * boxes, b"354")
                sock.sendall(mail_of(name, chance.choice((5, 50, 50, 6000))) + b".\r\n")
                expect(b"250")
                known.answered.add(name)
    except ConnectionError:
        pass


@contextmanager
def mortal_server(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.smtp.mortal_server", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()  # which ends it, once the server is gone


def life_and_death(process: subprocess.Popen[str], number: int, chance: random.Random) -> Sent:
    """One server's life: clients send until it is killed."""
    assert process.stdin is not None
    assert process.stdout is not None
    calls = chance.randrange(1, MOST_CALLS) if number % 2 else 0
    process.stdin.write(f"{calls}\n")
    place, pid = process.stdout.readline().split()
    known = Sent()
    failures: list[BaseException] = []

    def client(name: str, chance: random.Random) -> None:
        try:
            send_until_cut_off(int(place.rpartition(":")[2]), name, chance, known)
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=client, args=(f"{number}-{each}", random.Random(chance.random())), daemon=True) for each in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    if not calls:
        time.sleep(chance.uniform(0.0, LONGEST_LIFE))  # the moment is what is tried out
        os.kill(int(pid), signal.SIGKILL)
    assert process.stdout.readline() == "killed\n"
    for thread in threads:
        thread.join(20)
    assert not failures, failures
    return known


def check_and_clear(folder: Path, known: Sent) -> None:
    """Compare what is in the Maildirs with what the clients know; then empty them."""
    for place, box in enumerate(BOXES):
        new = folder / "home.test" / box / "new"
        files = list(new.iterdir()) if new.is_dir() else []
        found = Counter(name_if_whole(file.read_bytes()) for file in files)
        expected = {name for name in known.answered if known.sent[name] > place}
        assert not expected - found.keys(), f"answered with 250, and lost to {box}: {sorted(expected - found.keys())}"
        assert not found.keys() - known.sent.keys(), "a mail that nobody sent"
        assert not [name for name, times in found.items() if times > 1], "a mail that is there twice"
        for file in files:
            file.unlink()


def killed_and_counted(folder: Path, rounds: int) -> None:
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    answered = 0
    with mortal_server(folder) as process:
        for number in range(rounds):
            known = life_and_death(process, number, chance)
            try:
                check_and_clear(folder, known)
            except AssertionError as error:
                raise AssertionError(f"round {number} of seed {seed}: {error}") from error
            answered += len(known.answered)
    assert answered > 5 * rounds  # lives long enough to be of use


def test_a_server_that_is_killed_loses_and_doubles_nothing(tmp_path: Path) -> None:
    killed_and_counted(tmp_path, 50)


@pytest.mark.soak
def test_a_server_that_is_killed_a_thousand_times_loses_and_doubles_nothing(tmp_path: Path) -> None:
    killed_and_counted(tmp_path, 1000)
