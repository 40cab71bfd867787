"""A server that is killed at any moment: each account and channel that it said is registered is there when it comes back.

Several clients register one account after the other, a channel with each, give others access, change passwords and topics, and drop some
again, until the server is killed: from outside at some moment, or by itself before a certain commit or answer. Then the file is opened
as by the next server, and holds what was answered, in full; of what was under way, either all or nothing.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from wirespeak.irc.accounts import Accounts
from wirespeak.irc.store import SqliteStore
from wirespeak.sasl import ScramKeys

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = 3
LONGEST_LIFE = 0.3  # seconds of a server that is killed from outside
MOST_STEPS = 250  # of one that kills itself
LIVES = 10  # of servers with one file

GONE, REGISTERED, CHANGED = "gone", "registered", "changed"
"""What may have become of an account: none, or none any more; one with its first password; one with another."""


@dataclass
class Known:
    """What the clients know: of each account and of each channel, the states in which it may be."""

    accounts: dict[str, set[str]] = field(default_factory=dict)
    channels: dict[str, set[str]] = field(default_factory=dict)
    access: dict[str, set[str]] = field(default_factory=dict)
    """Letters of access that the client's first account may have in its later channels; "" for none."""
    answers: int = 0


class Client:
    """Registers and changes until it is cut off."""

    def __init__(self, port: int, name: str, known: Known) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._file = self._sock.makefile("rb")
        self._name = name
        self._known = known

    def say(self, *lines: str) -> None:
        self._sock.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def hear(self, sign: str) -> None:
        """Wait for a line with ``sign`` in it."""
        while sign not in self._line():
            pass

    def _line(self) -> str:
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("cut off")
        text = line.decode()
        assert "FAIL" not in text, text
        return text

    def becomes(self, what: dict[str, set[str]], name: str, state: str, command: str, sign: str) -> None:
        """Have ``name`` be in another state: it may be in either, until that is answered."""
        what.setdefault(name, {GONE}).add(state)
        self.say(command)
        self.hear(sign)
        what[name] = {state}
        self._known.answers += 1

    def run(self, chance: random.Random) -> None:
        known, first = self._known, f"{self._name}x"
        try:
            self.say(f"NICK {first}", f"USER {first} 0 * :{first}")
            self.hear(" 422 ")
            self.becomes(known.accounts, first, REGISTERED, "REGISTER * * first-password", "REGISTER SUCCESS")
            for number in range(1, 100_000):
                account, channel = f"{self._name}y{number}", f"#{self._name}y{number}"
                self.say("NS LOGOUT", f"NICK {account}")
                self.hear(" NICK ")
                self.becomes(known.accounts, account, REGISTERED, "REGISTER * * first-password", "REGISTER SUCCESS")
                self.say(f"JOIN {channel}")
                self.hear(" 366 ")
                self.becomes(known.channels, channel, REGISTERED, f"CS REGISTER {channel}", "is registered, and")
                known.access[channel] = {"", "o"}
                self.say(f"CS ACCESS {channel} ADD {first} AOP")
                self.hear("is AOP in")
                known.access[channel] = {"o"}
                if chance.random() < 0.5:
                    self.becomes(known.accounts, account, CHANGED, "NS SET PASSWORD second-password", "is another now")
                if chance.random() < 0.3:
                    known.channels[channel] = {REGISTERED, GONE}  # it goes with its founder, or with neither
                    word = "second-password" if CHANGED in known.accounts[account] else "first-password"
                    self.becomes(known.accounts, account, GONE, f"NS DROP {account} {word}", "is gone")
                    known.channels[channel] = {GONE}
        except ConnectionError:
            pass
        finally:
            self._file.close()
            self._sock.close()


@contextmanager
def mortal_server(file: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.irc.mortal_server", str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()  # which ends it, once the server is gone


def life_and_death(process: subprocess.Popen[str], number: int, chance: random.Random, known: Known) -> None:
    """One server's life: clients register until it is killed."""
    assert process.stdin is not None
    assert process.stdout is not None
    step = chance.randrange(1, MOST_STEPS) if number % 2 else 0
    process.stdin.write(f"{step}\n")
    said = process.stdout.readline()
    if said == "killed\n":  # by its first commit already, that of the secret
        return
    place, pid = said.split()
    failures: list[BaseException] = []

    def client(name: str, chance: random.Random) -> None:
        try:
            Client(int(place.rpartition(":")[2]), name, known).run(chance)
        except ConnectionError:
            pass
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=client, args=(f"a{number}z{each}", random.Random(chance.random())), daemon=True) for each in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    if not step:
        time.sleep(chance.uniform(0.0, LONGEST_LIFE))  # the moment is what is tried out
        os.kill(int(pid), signal.SIGKILL)
    assert process.stdout.readline() == "killed\n"
    for thread in threads:
        thread.join(20)
    assert not failures, failures


def check(file: Path, known: Known) -> None:
    """Compare what the next server finds with what the clients know."""
    store = SqliteStore(file)
    accounts = Accounts(store, clock=time.time, random=os.urandom)
    try:
        for name, states in known.accounts.items():
            account = accounts.get(name)
            state = GONE
            if account is not None:
                keys = ScramKeys.parse(account.keys)
                state = REGISTERED if keys.check("first-password") else CHANGED
                assert state == REGISTERED or keys.check("second-password"), f"{name} has a password that nobody gave it"
            assert state in states, f"{name} is {state}: it was answered to be {states}"
            known.accounts[name] = {state}
        for name, states in known.channels.items():
            channel = accounts.channel(name)
            assert (GONE if channel is None else REGISTERED) in states, f"{name}, which was answered to be {states}"
            if channel is not None:
                assert accounts.get(channel.founder) is not None, f"{name} without its founder"
                given = channel.access.get(name[1:].partition("y")[0] + "x", "")
                assert given in known.access.get(name, {""}), f"in {name} there is {given!r}"
                known.access[name] = {given}
            known.channels[name] = {GONE if channel is None else REGISTERED}
        expected = {name for name, states in known.accounts.items() if GONE not in states}
        assert {account.name for account in accounts.all()} == expected, "an account that nobody asked for"
    finally:
        accounts.close()


def killed_and_looked_at(file: Path, rounds: int) -> None:
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    known = Known()
    with mortal_server(file) as process:
        for number in range(rounds):
            life_and_death(process, number, chance, known)
            try:
                check(file, known)
            except AssertionError as error:
                raise AssertionError(f"round {number} of seed {seed}: {error}") from error
            if number % LIVES == LIVES - 1:  # else looking at all of them takes ever longer
                known = Known(answers=known.answers)
                for one in file.parent.glob(f"{file.name}*"):
                    one.unlink()
    assert known.answers > 3 * rounds  # lives long enough to be of use


def test_what_a_killed_server_has_answered_is_there(tmp_path: Path) -> None:
    killed_and_looked_at(tmp_path / "accounts", 20)


@pytest.mark.soak
def test_what_a_server_that_is_killed_a_thousand_times_has_answered_is_there(tmp_path: Path) -> None:
    killed_and_looked_at(tmp_path / "accounts", 1000)
