"""Zones from files: read, watched, read anew in a process of their own; nothing that is wrong takes the place of what was right."""

from __future__ import annotations

import gc
import io
import logging
import os
import pickle
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dns.test_server import over_udp, query
from tests.dns.zones import zone
from tests.sockets.serving import until
from wirespeak.dns import zonestore
from wirespeak.dns.messages import Message
from wirespeak.dns.names import Name
from wirespeak.dns.registry import Type
from wirespeak.dns.server import DnsServer
from wirespeak.dns.zone import Zone, Zones
from wirespeak.dns.zonestore import Source, ZoneStore
from wirespeak.errors import StorageError, TextError

HEAD = "$TTL 60\n@ SOA ns admin {serial} 3600 600 604800 60\n@ NS ns\nns A 127.0.0.1\n"


def write(path: Path, text: str, serial: int = 1) -> Path:
    path.write_text(HEAD.format(serial=serial) + text)
    return path


def address(zones: Zones, name: str = "www.home.test.") -> str | None:
    found = zones.find(Name.parse(name).key)
    rrset = None if found is None else found.rrset(Name.parse(name).key, Type.A)
    return None if rrset is None else ".".join(map(str, rrset.rdatas[0]))


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zonestore, "LOOK_EVERY", 0.05)


@pytest.fixture
def watch() -> Iterator[Callable[..., list[Zones]]]:
    """``watch(store)`` watches until the test's end; the list grows by the zones after each change."""
    stores: list[ZoneStore] = []

    def begin(store: ZoneStore, *, looks: bool = True) -> list[Zones]:
        changes: list[Zones] = []
        store.watch(changes.append, looks=looks)
        stores.append(store)
        return changes

    yield begin
    for store in stores:
        store.stop()


# --- at the start


@pytest.mark.parametrize(
    ("text", "origin", "path"),
    [
        ("home.test", "home.test.", "home.test"),
        ("zones/home.test.zone", "home.test.", "zones/home.test.zone"),
        ("/etc/bind/db.home.test", "home.test.", "/etc/bind/db.home.test"),
        ("home.test.db", "home.test.", "home.test.db"),
        ("home.test.zone.signed", "home.test.", "home.test.zone.signed"),
        ("home.test=some.file", "home.test.", "some.file"),
        ("Home.Test.=some=file", "home.test.", "some=file"),
        (".=root", ".", "root"),
    ],
)
def test_a_zone_is_called_what_one_says_or_what_its_file_is_called(text: str, origin: str, path: str) -> None:
    assert Source.parse(text) == Source(Name.parse(origin), Path(path))


def test_a_file_whose_name_has_an_equals_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a=b.test", "")
    assert Source.parse("a=b.test") == Source(Name.parse("a=b.test."), Path("a=b.test"))


def test_several_zones_are_read(tmp_path: Path) -> None:
    one, two = write(tmp_path / "home.test", "www A 127.0.0.1\n"), write(tmp_path / "two.test", "www A 127.0.0.2\n")
    zones = ZoneStore(map(Source.parse, (str(one), str(two)))).zones
    assert (address(zones), address(zones, "www.two.test.")) == ("127.0.0.1", "127.0.0.2")


def test_what_is_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    path = write(tmp_path / "home.test", "www A 127.0.0\n")
    with pytest.raises(TextError) as caught:
        ZoneStore([Source.parse(str(path))])
    assert str(caught.value).startswith(f"{path}:5:7: ")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"home\.test"):
        ZoneStore([Source.parse(str(tmp_path / "home.test"))])


def test_two_files_for_one_zone(tmp_path: Path) -> None:
    path = write(tmp_path / "home.test", "")
    with pytest.raises(TextError, match=r"a second file for the zone HOME\.test\."):
        ZoneStore([Source.parse(str(path)), Source.parse(f"HOME.test={path}")])


# --- on change


def test_a_changed_file_is_read_anew(tmp_path: Path, watch: Callable[..., list[Zones]], caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "home.test", "www A 127.0.0.1\n")
    store = ZoneStore([Source.parse(str(path))])
    assert address(store.zones) == "127.0.0.1"
    changes = watch(store)
    with caplog.at_level(logging.INFO, "wirespeak.dns"):
        write(path, "www A 127.0.0.2\n", serial=2)
        until(lambda: changes)
        until(lambda: "home.test.: serial 2 in place of 1" in caplog.text)
    assert address(changes[0]) == "127.0.0.2"
    assert store.zones is changes[0]


def test_a_file_that_took_its_place_is_read_too(tmp_path: Path, watch: Callable[..., list[Zones]]) -> None:
    """As editors do it, and whoever wants no half-written file to be seen."""
    path = write(tmp_path / "home.test", "www A 127.0.0.1\n")
    before = path.stat()
    changes = watch(ZoneStore([Source.parse(str(path))]))
    new = write(tmp_path / "new", "www A 127.0.0.2\n")
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))  # of one size and age
    new.rename(path)
    until(lambda: changes)
    assert address(changes[0]) == "127.0.0.2"


def test_an_included_file_is_watched_as_well(tmp_path: Path, watch: Callable[..., list[Zones]]) -> None:
    path = write(tmp_path / "home.test", "$INCLUDE more\n")
    (tmp_path / "more").write_text("; nothing yet\n")
    changes = watch(ZoneStore([Source.parse(str(path))]))
    (tmp_path / "more").write_text("www A 127.0.0.3\n")
    until(lambda: changes)
    assert address(changes[0]) == "127.0.0.3"


def test_an_included_file_that_is_missing_is_waited_for(
    tmp_path: Path, watch: Callable[..., list[Zones]], caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "home.test", "www A 127.0.0.1\n")
    store = ZoneStore([Source.parse(str(path))])
    changes = watch(store)
    write(path, "$INCLUDE later\n", serial=2)
    until(lambda: "stays as it was, serial 1" in caplog.text)
    assert f"{path}:5:10: " in caplog.text
    assert (address(store.zones), changes) == ("127.0.0.1", [])
    (tmp_path / "later").write_text("www A 127.0.0.2\n")
    until(lambda: changes)
    assert address(changes[0]) == "127.0.0.2"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("www A 127.0.0\n", "5:7"),
        ("www TXT ( no end\n", "5:9"),
        ("$GENERATE 1-1000000000 host$ A 127.0.0.1\n", "5"),
        ("$INCLUDE home.test\n", "5:10"),
        ("www CNAME ns\nwww A 127.0.0.1\n", "[56]"),
        ("www.example. A 127.0.0.1\n", "5:1"),
        ("@ SOA ns admin 9 3600 600 604800 60\n", "[25]"),
    ],
    ids=["data", "parenthesis", "a billion", "itself", "beside a CNAME", "out of the zone", "a second SOA"],
)
def test_one_that_is_wrong_changes_nothing(
    tmp_path: Path, watch: Callable[..., list[Zones]], caplog: pytest.LogCaptureFixture, text: str, place: str
) -> None:
    path = write(tmp_path / "home.test", "www A 127.0.0.1\n")
    store = ZoneStore([Source.parse(str(path))])
    changes = watch(store)
    write(path, text, serial=2)
    until(lambda: "home.test. stays as it was, serial 1" in caplog.text)
    assert re.search(rf"{path}{':' + place if place else ''}\b", caplog.text)
    assert (address(store.zones), changes) == ("127.0.0.1", [])
    caplog.clear()
    write(path, "www A 127.0.0.2\n", serial=3)
    until(lambda: changes)
    assert address(changes[0]) == "127.0.0.2"


def test_a_file_that_is_gone_leaves_its_zone(tmp_path: Path, watch: Callable[..., list[Zones]], caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "home.test", "www A 127.0.0.1\n")
    store = ZoneStore([Source.parse(str(path))])
    changes = watch(store)
    path.unlink()
    until(lambda: "stays as it was" in caplog.text)
    assert address(store.zones) == "127.0.0.1"
    write(path, "www A 127.0.0.2\n", serial=2)
    until(lambda: changes)


def test_what_is_still_being_written_is_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "home.test", "www A 127.0.0.1\n")
    store = ZoneStore([Source.parse(str(path))])
    (kept,) = store._kept
    due = []
    for number in range(5):
        with path.open("a") as file:
            file.write(f"name{number} A 127.0.0.1\n")
        due.append(store._is_due(kept, False))
    assert due == [False] * 5
    assert store._is_due(kept, False)


def test_a_serial_that_went_back_is_told(tmp_path: Path, watch: Callable[..., list[Zones]], caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "home.test", "", serial=2_000_000_000)
    changes = watch(ZoneStore([Source.parse(str(path))]))
    write(path, "www A 127.0.0.1\n", serial=1)
    until(lambda: changes and "the serial went back" in caplog.text)
    caplog.clear()
    write(path, "", serial=2_147_483_648)  # RFC 1982 3.2: forward by less than 2^31
    until(lambda: len(changes) == 2)
    assert "went back" not in caplog.text


def test_a_reading_process_that_fails_changes_nothing(
    tmp_path: Path, watch: Callable[..., list[Zones]], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "home.test", "www A 127.0.0.1\n")
    store = ZoneStore([Source.parse(str(path))])
    with monkeypatch.context() as patch:
        patch.setattr(zonestore.sys, "executable", "/bin/false")
        changes = watch(store, looks=False)
        store.reload()
        until(lambda: "could not be read anew" in caplog.text)
    assert (address(store.zones), changes) == ("127.0.0.1", [])
    store.reload()
    until(lambda: changes)


# --- on demand


def test_unwatched_it_is_read_when_it_is_asked_for(tmp_path: Path, watch: Callable[..., list[Zones]]) -> None:
    path = write(tmp_path / "home.test", "www A 127.0.0.1\n")
    store = ZoneStore([Source.parse(str(path))])
    changes = watch(store, looks=False)
    store.reload()
    until(lambda: len(changes) == 1)  # though nothing has changed
    write(path, "www A 127.0.0.2\n", serial=2)
    store.reload()
    until(lambda: len(changes) == 2)
    assert address(changes[1]) == "127.0.0.2"


def test_one_zone_of_several_is_read_and_the_others_stay(tmp_path: Path, watch: Callable[..., list[Zones]]) -> None:
    one, two = write(tmp_path / "home.test", "www A 127.0.0.1\n"), write(tmp_path / "two.test", "www A 127.0.0.2\n")
    store = ZoneStore(map(Source.parse, (str(one), str(two))))
    before = store.zones.find(Name.parse("two.test.").key)
    changes = watch(store)
    write(one, "www A 127.0.0.3\n", serial=2)
    until(lambda: changes)
    assert address(changes[0]) == "127.0.0.3"
    assert changes[0].find(Name.parse("two.test.").key) is before


def test_it_can_be_stopped_while_a_zone_is_read(tmp_path: Path, watch: Callable[..., list[Zones]]) -> None:
    path = write(tmp_path / "home.test", "$GENERATE 1-100000 host$ A 127.0.0.1\n")
    store = ZoneStore([Source.parse(str(path))])
    changes = watch(store)
    store.reload()
    until(lambda: store._child is not None)
    store.stop()
    assert changes == []
    assert not any(thread.name == "zones" for thread in threading.enumerate())


# --- in pieces


SIGNED = zone(
    "home.test.",
    """
    @     NSEC    a.home.test. A NS SOA NSEC
    a     A       127.0.0.1
    a     NSEC    sub.home.test. A NSEC
    sub   NS      ns.sub
    sub   NSEC    home.test. NS NSEC
    ns.sub A      127.0.0.2
    old   DNAME   new.test.
    x.y.z TXT     "an empty non-terminal above"
    """,
)


def handed_over(zone: Zone) -> Zone:
    out = io.BytesIO()
    for value in zone.__dict__.values():
        zonestore._give(value, out)
    out.seek(0)
    copy = Zone.__new__(Zone)
    for name in zone.__dict__:
        copy.__dict__[name] = zonestore._take(out)
    return copy


@pytest.mark.parametrize("piece", [1, 3, 250])
def test_what_is_handed_over_is_the_same_zone(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(zonestore, "PIECE", piece)
    SIGNED.covering(SIGNED.origin.key)  # with its chain
    copy = handed_over(SIGNED)
    assert set(copy.__dict__) == set(SIGNED.__dict__)
    assert "_chain" in copy.__dict__
    for name, value in SIGNED.__dict__.items():
        assert pickle.dumps(copy.__dict__[name]) == pickle.dumps(value) or copy.__dict__[name] == value, name


def test_a_large_zone_is_put_together_in_short_turns(tmp_path: Path, watch: Callable[..., list[Zones]]) -> None:
    """Questions go on being answered: none waits for longer than a small part of the time that reading takes."""
    path = write(tmp_path / "home.test", "www A 127.0.0.1\n$GENERATE 1-20000 host$ A 127.0.0.1\n")
    store = ZoneStore([Source.parse(str(path))])
    server = DnsServer(store.zones)
    changes: list[float] = []

    def change(zones: Zones) -> None:
        server.replace(zones)
        changes.append(time.monotonic())

    with over_udp(server) as sock:
        write(path, "www A 127.0.0.2\n$GENERATE 1-20000 host$ A 127.0.0.1\n", serial=2)
        store.watch(change, looks=False)
        begun = time.monotonic()
        store.reload()
        try:
            asked, longest, answers = 0, 0.0, set()
            while not changes or time.monotonic() < changes[0] + 0.2:
                before = time.monotonic()
                answers.add(asked_address(sock))
                longest = max(longest, time.monotonic() - before)
                asked += 1
        finally:
            store.stop()
    assert answers == {"127.0.0.1", "127.0.0.2"}
    assert asked > 100
    assert longest < (changes[0] - begun) / 3
    assert gc.isenabled()


def asked_address(sock: socket.socket) -> str:
    """Asks once, and never again: not one question may be lost."""
    sock.send(query().encode())
    return str(Message.parse(sock.recv(4096)).answers[0].rdata.text())
