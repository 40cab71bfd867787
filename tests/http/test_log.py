"""The access log: its two formats, escaping, rotation, and that it never holds anybody up."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.http.fields import Fields
from wirespeak.http.log import AccessLog, Record, escaped
from wirespeak.http.messages import Request
from wirespeak.sockets.linelog import BATCH, WAITING

PEER = ("192.0.2.7", 50123)
WHEN = 1_791_633_336.25  # 2026-10-10T11:55:36.250Z

COMBINED = re.compile(r'(\S+) - - \[([^]]+)\] "([^"]*)" ([0-9]{3}) ([0-9]+) "([^"]*)" "([^"]*)"')


@pytest.fixture
def in_berlin() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        yield
    time.tzset()


def record(target: str = "/", status: int = 200, sent: int = 2326, when: float = WHEN, **fields: str) -> Record:
    request = Request("GET", target, Fields({name.replace("_", "-"): value for name, value in fields.items()}))
    return (PEER, when, request, status, sent, 0.0123456)


def written(path: Path, *records: Record, format: str = "combined") -> list[str]:
    log = AccessLog(path, "json" if format == "json" else "combined")
    for one in records:
        log.add(one)
    log.close()
    assert log.lost == 0
    return path.read_text("ascii").splitlines()


@pytest.mark.usefixtures("in_berlin")
def test_combined_is_what_apache_and_nginx_write(tmp_path: Path) -> None:
    lines = written(tmp_path / "log", record("/a?b=c", 404, 153, referer="http://localhost/", user_agent="curl/8.5.0"), record())
    assert lines[0] == '192.0.2.7 - - [10/Oct/2026:13:55:36 +0200] "GET /a?b=c HTTP/1.1" 404 153 "http://localhost/" "curl/8.5.0"'
    assert lines[1] == '192.0.2.7 - - [10/Oct/2026:13:55:36 +0200] "GET / HTTP/1.1" 200 2326 "-" "-"'


def test_json_is_an_object_a_line(tmp_path: Path) -> None:
    (line,) = written(tmp_path / "log", record("/a?b=c", 206, 12, user_agent='a "b" \\c'), format="json")
    assert json.loads(line) == {
        "time": "2026-10-10T11:55:36.250Z",
        "client": "192.0.2.7",
        "method": "GET",
        "target": "/a?b=c",
        "version": "HTTP/1.1",
        "status": 206,
        "bytes": 12,
        "seconds": 0.012346,
        "referer": None,
        "agent": 'a "b" \\c',
    }


def test_what_was_no_request(tmp_path: Path) -> None:
    unreadable: Record = (PEER, WHEN, None, 400, 120, 0.0)
    assert COMBINED.fullmatch(written(tmp_path / "log", unreadable)[0])
    assert json.loads(written(tmp_path / "json", unreadable, format="json")[0])["status"] == 400


def test_peers_of_every_family(tmp_path: Path) -> None:
    peers = [("2001:db8::1", 5000, 0, 0), "", None]
    lines = written(tmp_path / "log", *[(peer, WHEN, None, 200, 0, 0.0) for peer in peers])
    assert [line.split(" ", 1)[0] for line in lines] == ["2001:db8::1", "unix:", "unix:"]


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1B[31mred\x1B[0m"),
        ('" 200 0 "-" "', r"\x22 200 0 \x22-\x22 \x22"),
        ("back\\slash", r"back\x5Cslash"),
        ("line\r\nbreak", r"line\x0D\x0Abreak"),
        ("caf\xe9", r"caf\xE9"),
        ("\x9b31m\x7f\0\t", r"\x9B31m\x7F\x00\x09"),
        ("plain", "plain"),
    ],
)
def test_what_comes_from_outside_is_escaped(hostile: str, shown: str) -> None:
    assert escaped(hostile) == shown


HOSTILE = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=40).map(
    lambda text: re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "\t", text).strip()
)


@given(HOSTILE, HOSTILE)
def test_every_line_has_its_fields_whatever_comes(tmp_path_factory: pytest.TempPathFactory, agent: str, referer: str) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    one = record('/"\x1b[2J\\', referer=referer, user_agent=agent)
    (line,) = written(path, one)
    match = COMBINED.fullmatch(line)
    assert match is not None
    assert match[3] == r"GET /\x22\x1B[2J\x5C HTTP/1.1"
    assert re.sub(r"\\x([0-9A-F]{2})", lambda code: chr(int(code[1], 16)), match[7]) == agent
    (line,) = written(path.with_suffix(".json"), one, format="json")
    assert line.isprintable()
    assert (json.loads(line)["agent"], json.loads(line)["referer"]) == (agent, referer)


def test_nothing_is_written_until_flushed_or_enough_wait(tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "log")
    for _ in range(BATCH - 1):
        log.add(record())
    assert (tmp_path / "log").read_bytes() == b""
    log.add(record())
    wait_for_lines(tmp_path / "log", BATCH)
    log.add(record())
    log.flush()
    wait_for_lines(tmp_path / "log", BATCH + 1)
    log.close()


def wait_for_lines(path: Path, count: int) -> None:
    until = time.monotonic() + 30
    while path.read_bytes().count(b"\n") != count:
        assert time.monotonic() < until, path.read_text()
        time.sleep(0.005)


def test_two_servers_append_to_one_file(tmp_path: Path) -> None:
    one, other = AccessLog(tmp_path / "log"), AccessLog(tmp_path / "log")
    for number in range(WAITING // 2):
        for log in (one, other):
            for _ in range(100):
                log.add(record(f"/{number}"))
            log.flush()
    one.close()
    other.close()
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == WAITING * 100
    assert all(map(COMBINED.fullmatch, lines))


def test_after_rotation_it_goes_on_in_a_new_file(tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "log")
    log.add(record("/before"))
    log.flush()
    wait_for_lines(tmp_path / "log", 1)
    (tmp_path / "log").rename(tmp_path / "log.1")
    log.reopen()
    log.add(record("/after"))
    log.close()
    assert "/before" in (tmp_path / "log.1").read_text()
    assert "/after" in (tmp_path / "log").read_text()
    assert "/after" not in (tmp_path / "log.1").read_text()


def test_a_new_file_that_cannot_be_opened_leaves_the_old_one_in_use(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    log = AccessLog(folder / "log")
    folder.rename(tmp_path / "away")
    log.reopen()
    log.add(record("/still"))
    log.close()
    assert "/still" in (tmp_path / "away" / "log").read_text()
    assert log.error is not None
    assert "access log" in capfd.readouterr().err


def test_a_reader_that_takes_nothing_holds_nobody_up(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    log = AccessLog(writing)
    began = time.monotonic()
    for _ in range(BATCH * (WAITING + 20)):
        log.add(record("/" + "x" * 200))
    assert time.monotonic() - began < 5
    assert log.lost > 0
    assert len(log._pending) < BATCH
    # Whoever reads on gets whole lines.
    os.set_blocking(reading, True)
    log.add(record("/last"))
    taken = b""
    while log._batches.qsize() or not taken.endswith(b"\n"):
        taken += os.read(reading, 1 << 20)
    log.close()
    os.close(writing)
    taken += os.read(reading, 1 << 20)
    os.close(reading)
    assert all(map(COMBINED.fullmatch, taken.decode("ascii").splitlines()))
    assert taken.rstrip().splitlines()[-1].split()[6] == b"/last"


def test_a_full_disk_is_told_once_and_counted(capfd: pytest.CaptureFixture[str]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    log = AccessLog(full)
    for _ in range(3):
        log.add(record())
        log.flush()
    log.close()
    os.close(full)
    assert log.lost == 3
    assert capfd.readouterr().err.count("access log") == 1


def test_the_file_is_not_for_everybody(tmp_path: Path) -> None:
    written(tmp_path / "log", record())
    assert (tmp_path / "log").stat().st_mode & 0o007 == 0


def test_closed_without_a_line(tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "log")
    log.close()
    log.close()
    assert (tmp_path / "log").read_bytes() == b""
