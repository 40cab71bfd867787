"""Zones that change while they are asked, over real sockets: by SIGHUP and by the file's change, well and wrongly.

An answer is of the old zone or of the new one, never of both; a new zone that is wrong changes nothing but the log, which names file
and line; no question is lost meanwhile.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.dns_wire import (
    ENVIRONMENT,
    IN,
    MX,
    NOERROR,
    NXDOMAIN,
    REFUSED,
    ROOT,
    SOA,
    TXT,
    A,
    Answer,
    Server,
    opt,
    query,
    read,
    serve,
    wirespeak,
)
from tests.hostile.wire import until
from tests.processes import Program


def zone(version: int, more: str = "", *, records: int = 1) -> str:
    """A zone whose every answer tells ``version``."""
    addresses = "".join(f"host{number} A 192.0.2.{version}\n" for number in range(records))
    head = f"$ORIGIN example.\n$TTL 60\n@ SOA . . {version} 1 1 1 1\n@ NS .\n"
    return f'{head}version TXT "{version}"\nwww A 192.0.2.{version}\n{addresses}{more}'


class Zoned:
    """A server of one zone, and its file."""

    def __init__(self, start: Callable[..., Program], directory: Path, *arguments: str) -> None:
        self.file = directory / "example.zone"
        self.server: Server = serve(start, directory, {"example.": zone(1)}, *arguments)
        assert self.version == 1

    @property
    def version(self) -> int:
        """What is served now, by every answer alike."""
        answers = [self.server.ask(query(owner, type)) for owner, type in (("version.example.", TXT), ("www.example.", A))]
        assert [answer.rcode for answer in answers] == [NOERROR, NOERROR]
        return int(answers[0].answer[0].rdata[1:])

    def replace(self, text: str | bytes) -> None:
        """Put a new file in the old one's place at once, as careful editors do."""
        new = self.file.with_suffix(".new")
        new.write_bytes(text if isinstance(text, bytes) else text.encode())
        new.replace(self.file)

    def hang_up(self) -> None:
        self.server.program.process.send_signal(signal.SIGHUP)


@pytest.fixture
def watched(start: Callable[..., Program], tmp_path: Path) -> Zoned:
    return Zoned(start, tmp_path)


@pytest.fixture
def unwatched(start: Callable[..., Program], tmp_path: Path) -> Zoned:
    """Read anew at SIGHUP alone."""
    return Zoned(start, tmp_path, "--no-watch")


# --- well


def test_sighup_reads_the_zone_anew(unwatched: Zoned) -> None:
    for version in range(2, 4):
        unwatched.replace(zone(version))
        unwatched.hang_up()
        until(lambda: unwatched.version == version, what=f"version {version}")  # noqa: B023


def test_a_change_of_the_file_is_noticed(watched: Zoned) -> None:
    """Put in the old one's place; wrong, which is told; and written in place."""
    watched.replace(zone(2))
    until(lambda: watched.version == 2, what="the zone put in the old one's place")
    watched.replace(zone(3, "bad A 192.0.2.256\n"))
    watched.server.program.wait_for(r"example\.zone\D{1,20}8")
    assert watched.version == 2
    watched.file.write_text(zone(4))
    until(lambda: watched.version == 4, what="the zone written in place")


def test_without_watch_and_without_a_signal_nothing_changes(unwatched: Zoned) -> None:
    unwatched.replace(zone(2))
    for _ in range(50):
        assert unwatched.version == 1
    unwatched.hang_up()
    until(lambda: unwatched.version == 2, what="the new zone")


def test_what_is_gone_from_the_zone_is_gone_from_the_answers(watched: Zoned) -> None:
    """Answers prepared of the old zone, of every kind: present, absent, and outside."""
    questions = [query("www.example."), query("host0.example."), query("new.example."), query("www.example.", MX), query("example.", SOA)]
    questions += [query("www.example.", A, IN, opt()), query("version.example.", TXT, IN, opt())]

    def ask() -> list[Answer]:
        return [watched.server.ask(message) for message in questions for _ in range(3)][::3]

    assert [answer.rcode for answer in ask()[:4]] == [NOERROR, NOERROR, NXDOMAIN, NOERROR]
    watched.replace(zone(2, "new A 192.0.2.99\nwww MX 10 www\n", records=0))
    watched.hang_up()
    until(lambda: watched.version == 2, what="the new zone")
    answers = ask()
    assert [answer.rcode for answer in answers[:4]] == [NOERROR, NXDOMAIN, NOERROR, NOERROR]
    assert answers[0].answer[0].rdata[-1] == 2
    assert answers[3].types == [MX]
    assert answers[4].answer[0].rdata[2:6] == b"\0\0\0\2"
    assert answers[5].answer[0].rdata[-1] == 2


def test_no_question_is_lost_and_no_answer_is_of_two_zones(unwatched: Zoned) -> None:
    """Asked all the time, from two threads, over UDP and TCP, while the zone of 2,000 names is read again and again."""
    stop = threading.Event()
    failures: list[BaseException] = []
    counts = {"udp": 0, "tcp": 0}

    def over_udp() -> None:
        with unwatched.server.socket() as sock:
            newest = 0
            while not stop.is_set():
                sock.send(query("example.", SOA))
                answer = read(sock.recv(65535))
                assert answer.rcode == NOERROR
                serial = int.from_bytes(answer.answer[0].rdata[2:6])
                assert serial >= newest, "an older zone came back"
                newest = serial
                counts["udp"] += 1

    def over_tcp() -> None:
        with unwatched.server.connect(source="127.0.0.2") as stream:
            while not stop.is_set():
                assert stream.ask(query("host7.example.", A)).rcode in (NOERROR, NXDOMAIN)
                counts["tcp"] += 1

    def run(asking: Callable[[], None]) -> None:
        try:
            asking()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(asking,)) for asking in (over_udp, over_tcp)]
    for thread in threads:
        thread.start()
    try:
        for version in range(2, 5):
            unwatched.replace(zone(version, records=2000))
            for _ in range(3):
                unwatched.hang_up()
            until(lambda: failures or unwatched.version == version, what=f"version {version}")  # noqa: B023
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert not failures, failures
    assert min(counts.values()) > 50


def test_a_hundred_signals_are_no_hundred_readings(unwatched: Zoned) -> None:
    """Whoever sends them by mistake: the last state of the file is what is served, and the server is not busy with them for long."""
    unwatched.replace(zone(2, records=2000))
    before = unwatched.server.cpu()
    for _ in range(100):
        unwatched.hang_up()
    until(lambda: unwatched.version == 2, what="the new zone")
    unwatched.replace(zone(3))
    unwatched.hang_up()
    until(lambda: unwatched.version == 3, what="the zone after it")
    assert unwatched.server.cpu() - before < 5


def test_memory_does_not_grow_with_reloads(unwatched: Zoned) -> None:
    def reload(version: int) -> None:
        unwatched.replace(zone(version, records=2000))
        unwatched.hang_up()
        until(lambda: unwatched.version == version, what=f"version {version}")

    for version in range(2, 4):
        reload(version)
    before = unwatched.server.memory
    for version in range(4, 8):
        reload(version)
    assert unwatched.server.memory - before < 3_000_000


# --- wrongly


WRONG: dict[str, tuple[str | bytes, int | None]] = {
    "a wrong address": (zone(2, "bad A 192.0.2.256\n"), 8),
    "no SOA": ("$ORIGIN example.\n$TTL 60\n@ NS .\nversion TXT 2\nwww A 192.0.2.2\n", None),
    "CNAME beside data": (zone(2, "www CNAME version\n"), 8),
    "an unbalanced parenthesis": (zone(2, "bad TXT ( a\n b\n"), None),
    "nothing at all": ("", None),
    "octets": (os.urandom(2000), None),
    "itself included": (zone(2, "$INCLUDE example.zone\n"), None),
    "a file that is not there": (zone(2, "$INCLUDE no-such-file\n"), 8),
}


def test_a_wrong_zone_changes_nothing_but_the_log(unwatched: Zoned) -> None:
    """The fault is told by file and line; and when it is put right, the zone is read. Of every kind, one after the other."""
    for kind, (text, line) in WRONG.items():
        told = re.compile(rf"example\.zone\D{{1,20}}{line}\b" if line else r"example\.zone")
        before = len(told.findall(unwatched.server.program.output))
        unwatched.replace(text)
        unwatched.hang_up()
        until(lambda: len(told.findall(unwatched.server.program.output)) > before, what=f"a word about {kind}")  # noqa: B023
        assert unwatched.version == 1, kind
        assert unwatched.server.ask(query("bad.example.")).rcode == NXDOMAIN
    unwatched.replace(zone(2))
    unwatched.hang_up()
    until(lambda: unwatched.version == 2, what="the zone put right")
    assert "Traceback" not in unwatched.server.program.output


def test_a_zone_file_that_goes_away_and_comes_back(watched: Zoned) -> None:
    """Deleted; a directory in its place; a pipe in its place, at which a reader would wait for ever; and unreadable to its owner."""
    watched.file.unlink()
    watched.hang_up()
    watched.server.program.wait_for(r"example\.zone")
    assert watched.version == 1
    watched.file.mkdir()
    watched.hang_up()
    assert watched.version == 1
    watched.file.rmdir()
    os.mkfifo(watched.file)
    watched.hang_up()
    for _ in range(20):
        assert watched.version == 1
    watched.file.unlink()
    watched.replace(zone(2))
    watched.hang_up()
    until(lambda: watched.version == 2, what="the zone that came back")
    assert "Traceback" not in watched.server.program.output


def test_of_two_zones_the_right_one_is_read(start: Callable[..., Program], tmp_path: Path) -> None:
    """One new zone is wrong, the other is not: each is taken by itself."""
    other = zone(1).replace("example.", "other.")
    server = serve(start, tmp_path, {"example.": zone(1), "other.": other}, "--no-watch")
    (tmp_path / "example.zone").write_text(zone(2, "bad A no\n"))
    (tmp_path / "other.zone").write_text(other.replace("192.0.2.1", "192.0.2.2"))
    server.program.process.send_signal(signal.SIGHUP)
    until(lambda: server.ask(query("www.other.")).answer[0].rdata[-1] == 2, what="the other zone")
    server.program.wait_for(r"example\.zone\D{1,20}8")
    assert server.ask(query("www.example.")).answer[0].rdata[-1] == 1


def test_what_is_included_is_read_anew(start: Callable[..., Program], tmp_path: Path) -> None:
    (tmp_path / "more").write_text("more A 192.0.2.1\n")
    server = serve(start, tmp_path, {"example.": zone(1, "$INCLUDE more\n")}, "--no-watch")
    assert server.ask(query("more.example.")).answer[0].rdata[-1] == 1
    (tmp_path / "more").write_text("more A 192.0.2.2\n")
    server.program.process.send_signal(signal.SIGHUP)
    until(lambda: server.ask(query("more.example.")).answer[0].rdata[-1] == 2, what="what the included file says now")
    (tmp_path / "more").write_text("\nmore A 192.0.2.300\n")
    server.program.process.send_signal(signal.SIGHUP)
    server.program.wait_for(r"more\D{1,20}2")
    assert server.ask(query("more.example.")).answer[0].rdata[-1] == 2


# --- at the start


@pytest.mark.parametrize("kind", ["a wrong address", "CNAME beside data", "a file that is not there"])
def test_a_server_does_not_start_on_a_wrong_zone(start: Callable[..., Program], tmp_path: Path, kind: str) -> None:
    """There is no old one to keep: it says file and line, and ends with an exit code of its own."""
    text, line = WRONG[kind]
    (tmp_path / "example.zone").write_bytes(text if isinstance(text, bytes) else text.encode())
    command = wirespeak("dns", "serve", "--zone", f"example.={tmp_path / 'example.zone'}", "--bind", "127.0.0.1:0", "--json")
    program = start(command, env=ENVIRONMENT, cwd=ROOT)
    assert program.wait() not in (0, 130)
    assert f"example.zone:{line}" in program.output
    assert "Traceback" not in program.output
    assert "listening" not in program.output


def test_names_outside_stay_outside_after_a_reload(watched: Zoned) -> None:
    assert watched.server.ask(query("www.test.")).rcode == REFUSED
    watched.replace(zone(2, "www.test. A 192.0.2.66\n"))
    watched.hang_up()
    watched.server.program.wait_for(r"example\.zone\D{1,20}8")
    assert watched.server.ask(query("www.test.")).rcode == REFUSED
