"""The query log: its two formats, what is escaped, rotation, and that it never holds anybody up."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dns.zones import zone
from tests.sockets.serving import until
from wirespeak.dns.cookies import Known
from wirespeak.dns.edns import Edns
from wirespeak.dns.log import Entry, QueryLog
from wirespeak.dns.messages import CD, RD, Message
from wirespeak.dns.names import Name
from wirespeak.dns.registry import Class, type_number
from wirespeak.dns.server import DnsServer
from wirespeak.dns.zone import Zones
from wirespeak.sockets.linelog import BATCH, WAITING

PEER = ("192.0.2.7", 50123)
WHEN = 1_791_633_336.25  # 2026-10-10T11:55:36.250Z
SERVER = DnsServer(Zones([zone("home.test.", "www A 127.0.0.1")]))


@pytest.fixture(autouse=True)
def in_berlin() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        yield
    time.tzset()


def entry(name: str = "www.home.test.", type: str = "A", *, tcp: bool = False, query: bytes | None = None, **options: Any) -> Entry:
    known, outcome = options.pop("known", None), options.pop("outcome", "sent")
    if query is None:
        query = Message.query(Name.parse(name), type_number(type), options.pop("cls", Class.IN), id=1, **options).encode()
    reply = SERVER.answer_stream(query, PEER)
    assert reply is not None
    return Entry(PEER, WHEN, query, reply, tcp, known, outcome)


def written(path: Path, *entries: Entry, format: str = "text") -> list[str]:
    log = QueryLog(path, "json" if format == "json" else "text")
    for one in entries:
        log.add(one)
    log.close()
    assert log.lost == 0
    return path.read_text("ascii").splitlines()


def test_text_is_what_bind_writes_with_the_outcome_behind(tmp_path: Path) -> None:
    (line,) = written(tmp_path / "log", entry(edns=Edns()))
    assert line == "10-Oct-2026 13:55:36.250 client 192.0.2.7#50123 (www.home.test): query: www.home.test IN A +E(0) NOERROR 58"


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({}, "+"),
        ({"flags": 0}, "-"),
        ({"flags": RD | CD}, "+C"),
        ({"edns": Edns(do=True)}, "+E(0)D"),
        ({"edns": Edns(version=1)}, "+E(1)"),
        ({"tcp": True}, "+T"),
        ({"known": Known.GOOD}, "+V"),
        ({"known": Known.NEW}, "+K"),
        ({"known": Known.BAD}, "+K"),
        ({"edns": Edns(do=True), "flags": CD, "tcp": True, "known": Known.GOOD}, "-E(0)TDCV"),
    ],
)
def test_flags(tmp_path: Path, options: dict[str, Any], flags: str) -> None:
    (line,) = written(tmp_path / "log", entry(**options))
    assert line.split("IN A ")[1].split()[0] == flags
    (line,) = written(tmp_path / "json", entry(**options), format="json")
    assert json.loads(line)["flags"] == flags


def test_json_is_an_object_a_line(tmp_path: Path) -> None:
    (line,) = written(tmp_path / "log", entry("nothing.home.test.", "TYPE731", tcp=True), format="json")
    assert json.loads(line) == {
        "time": "2026-10-10T11:55:36.250Z",
        "client": "192.0.2.7",
        "port": 50123,
        "transport": "tcp",
        "name": "nothing.home.test",
        "class": "IN",
        "type": "TYPE731",
        "flags": "+T",
        "rcode": "NXDOMAIN",
        "bytes": 80,
        "outcome": "sent",
    }


def test_what_could_not_be_read_has_its_line_too(tmp_path: Path) -> None:
    broken = entry(query=bytes.fromhex("1234010000010000000000003f"))
    assert written(tmp_path / "log", broken) == ["10-Oct-2026 13:55:36.250 client 192.0.2.7#50123 (?): query: unreadable + FORMERR 12"]
    assert json.loads(written(tmp_path / "json", broken, format="json")[0])["rcode"] == "FORMERR"


def test_response_codes_above_15_are_told_whole(tmp_path: Path) -> None:
    assert " BADVERS " in written(tmp_path / "log", entry(edns=Edns(version=1)))[0]


def test_what_the_rate_held_back_is_told(tmp_path: Path) -> None:
    dropped, slipped = written(tmp_path / "log", entry(outcome="dropped"), entry(outcome="slipped"))
    assert dropped.endswith(" NOERROR 0 rate limit dropped")
    assert slipped.endswith(" rate limit slipped")


@pytest.mark.parametrize("label", [b"a\nb", b"\x1b[31m", b'"q"', b"\x00\xff", b"a.b c"])
@pytest.mark.parametrize("format", ["text", "json"])
def test_a_name_can_not_write_lines_of_its_own_nor_reach_a_terminal(tmp_path: Path, label: bytes, format: str) -> None:
    wire = bytes([len(label)]) + label + b"\x04home\x04test\0"
    query = bytes.fromhex("123401000001000000000000") + wire + bytes.fromhex("00010001")
    lines = written(tmp_path / "log", entry(query=query), format=format)
    assert len(lines) == 1
    assert lines[0].isprintable()
    shown = json.loads(lines[0])["name"] if format == "json" else lines[0].split("(")[1].split("):")[0]
    assert Name.parse(shown + ".").wire == wire


def test_the_root_and_other_classes(tmp_path: Path) -> None:
    root, chaos = written(tmp_path / "log", entry(".", "NS"), entry("version.bind.", "TXT", cls=Class.CH))
    assert "(.): query: . IN NS" in root
    assert "(version.bind): query: version.bind CH TXT" in chaos


# --- off the hot path


def test_lines_are_made_when_enough_wait(tmp_path: Path) -> None:
    log, one = QueryLog(tmp_path / "log"), entry()
    for _ in range(BATCH - 1):
        log.add(one)
    assert (tmp_path / "log").read_text() == ""
    log.add(one)
    until(lambda: (tmp_path / "log").read_text().count("\n") == BATCH)
    log.close()


def test_a_file_that_was_renamed_is_begun_anew(tmp_path: Path) -> None:
    log = QueryLog(tmp_path / "log")
    log.add(entry("one.home.test."))
    log.flush()
    until(lambda: (tmp_path / "log").read_text().count("\n") == 1)
    (tmp_path / "log").rename(tmp_path / "old")
    log.reopen()
    log.add(entry("two.home.test."))
    log.close()
    assert "one.home.test" in (tmp_path / "old").read_text()
    assert "two.home.test" in (tmp_path / "log").read_text()
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o640


def test_who_reads_slowly_loses_lines_and_holds_up_no_answer() -> None:
    """A pipe that nobody reads is full after 64 KB."""
    reading, writing = os.pipe()
    log, one = QueryLog(writing), entry()
    for _ in range(BATCH * (WAITING + 8)):
        log.add(one)
    assert log.lost > 0
    received = 0
    os.set_blocking(reading, False)

    def take() -> bool:
        nonlocal received
        try:
            received += os.read(reading, 1 << 20).count(b"\n")
        except BlockingIOError:
            pass
        return received + log.lost >= BATCH * (WAITING + 8)

    until(take)
    log.close()
    os.close(reading)
    os.close(writing)


def test_a_disk_that_fails_is_told_once_and_counted(capfd: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    log = QueryLog(writing)
    for _ in range(2 * BATCH):
        log.add(entry())
    log.close()
    os.close(writing)
    assert log.lost == 2 * BATCH
    assert capfd.readouterr().err.count("the query log can't be written") == 1
