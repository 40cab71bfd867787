"""Slow, silent, and many (RFC 5321 4.5.3.2): who takes too long is told 421 4.4.2 when its time is over, and nobody waits for it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hostile.smtp_wire import END, Mouth, Post, fresh, serve, serving, write_users
from tests.hostile.wire import until
from tests.processes import Program
from tests.sockets.serving import served
from wirespeak.smtp import Discard, Everyone, ServerLimits, SmtpServer

SHORT = 0.8
"""Seconds: the limit under test."""

LATE = 12.0
"""Seconds after which a limit of `SHORT` has plainly not been kept, on however busy a machine."""


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    limits = ("--idle-time", str(SHORT), "--data-time", str(SHORT), "--max-per-client", "3000", "--max-connections", "3000")
    with serving(tmp_path_factory.mktemp("mail"), *limits) as post:
        yield post


def drip(wire: Mouth, data: bytes, every: float) -> None:
    """Send ``data`` octet by octet, until the server has said something or cut us off."""
    for octet in data:
        if wire.has_come or not wire.try_send(bytes([octet])):
            return
        time.sleep(every)


def told_late(wire: Mouth, since: float) -> None:
    """The last word is 421 4.4.2, not before its time and not long after."""
    said = [one.status for one in wire.last_words()]
    took = time.monotonic() - since
    assert said == ["421 4.4.2"], said
    assert SHORT * 0.9 < took < LATE


@pytest.mark.parametrize("start", [b"", b"N", b"NOOP", b"NOOP\r", b"MAIL FROM:<a@client.test"])
def test_who_says_no_more(post: Post, start: bytes) -> None:
    with post.meet() as wire:
        since = time.monotonic()
        wire.send(start)
        told_late(wire, since)


def test_who_never_says_anything(post: Post) -> None:
    with post.connect().greeted() as wire:
        told_late(wire, time.monotonic() - SHORT / 2)


def test_a_command_that_trickles_has_no_longer(post: Post) -> None:
    """Each octet is progress, and buys no time."""
    with post.meet() as wire, post.meet() as other:
        since = time.monotonic()
        drip(wire, b"NOOP " + b"x" * 400, 0.02)
        other.close()
        told_late(wire, since)


def test_a_text_that_stops(post: Post) -> None:
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local).data()
        since = time.monotonic()
        wire.send(b"Subject: a\r\n\r\nhalf")
        told_late(wire, since)
    assert post.mails(local) == []
    until(lambda: not [path for path in post.everything() if path.parent.name == "tmp"], what="an empty tmp/")


def test_a_chunk_that_stops(post: Post) -> None:
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local)
        since = time.monotonic()
        wire.send(b"BDAT 1000 LAST\r\nhalf")
        told_late(wire, since)
    assert post.mails(local) == []


def test_a_login_that_stops(tmp_path: Path, start: Callable[..., Program]) -> None:
    users = write_users(tmp_path / "users", "ann")
    (tmp_path / "mail").mkdir()
    post = serve(start, tmp_path / "mail", "--starttls", "--users", users, "--idle-time", str(SHORT))
    with post.meet() as wire:
        wire.start_tls().ehlo()
        since = time.monotonic()
        assert wire.says("AUTH PLAIN").code == 334
        told_late(wire, since)


def test_nothing_but_empty_words_is_let_go_too(post: Post) -> None:
    """Who sends NOOP again and again keeps his connection, and can't have others' for it."""
    with post.meet() as wire:
        for _ in range(5):
            time.sleep(SHORT / 4)
            assert wire.status("NOOP") == "250 2.0.0"


def test_who_reads_nothing_is_cut_off() -> None:
    """Answers that are never taken: the connection ends, and is not held for ever."""
    server = SmtpServer(Everyone(Discard()), limits=ServerLimits(grace=SHORT))
    with served(server) as service, Mouth(service.address, receive_buffer=4096) as wire:
        wire.fill(b"HELP\r\n" * 10_000, 200_000_000, patience=0.3)
        until(lambda: not service.run(lambda: len(service.listener.connections)), within=LATE, what="the end of the connection")
        assert wire.ends() == "cut off"


def established(post: Post) -> list[object]:
    """The connections that the server holds."""
    return [one for one in post.process.net_connections("tcp") if one.status == "ESTABLISHED"]


def test_1000_silent_connections(start: Callable[..., Program], tmp_path: Path) -> None:
    """Others are served as if nobody else was there; the silent ones cost next to nothing, and are let go in time."""
    limits = ("--idle-time", "6", "--max-per-client", "3000", "--max-connections", "3000")
    post = serve(start, tmp_path, *limits)
    post.still_serves()
    before = post.memory
    wires = [post.connect() for _ in range(1000)]
    for wire in wires:
        wire.greeted()
    held = post.memory - before
    assert held < 1000 * 32_000, f"{held / 1000:,.0f} bytes for each"
    post.still_serves()
    for wire in wires:
        assert [one.status for one in wire.last_words()] == ["421 4.4.2"]
        wire.close()
    post.still_serves()


def test_more_than_may_come_at_once(start: Callable[..., Program], tmp_path: Path) -> None:
    """Who comes when all places are taken, is told so or closed upon; a place that is left again is free."""
    post = serve(start, tmp_path, "--max-per-client", "20")
    wires = [post.connect().greeted() for _ in range(20)]
    with post.connect() as late:
        try:
            came = late.rest()
        except ConnectionError:
            came = b""
        assert came == b"" or re.fullmatch(rb"421 [^\r\n]*\r\n", came), came
    for wire in wires:
        wire.close()
    until(lambda: not established(post), what="free places")
    post.still_serves()


def test_slow_ones_with_mails_in_hand_stop_nobody(post: Post) -> None:
    """Two hundred texts, each begun and not gone on with: a mail beside them is delivered at once."""
    wires = [post.meet() for _ in range(200)]
    for wire in wires:
        wire.envelope(fresh()).data()
        wire.send(b"Subject: slow\r\n\r\n")
    since = time.monotonic()
    post.still_serves()
    assert time.monotonic() - since < 10
    for wire in wires:
        wire.try_send(b"done" + END)
        wire.close()


def test_the_program_ends_in_good_order(start: Callable[..., Program], tmp_path: Path) -> None:
    """SIGTERM: who is idle is told 421; a mail that was answered is there; the exit code is 0."""
    post = serve(start, tmp_path)
    local = fresh()
    idle, busy = post.meet(), post.meet()
    busy.deliver(local)
    post.process.terminate()
    assert [one.status for one in idle.last_words()] == ["421 4.3.2"]
    assert [one.status for one in busy.last_words()] == ["421 4.3.2"]
    idle.close()
    busy.close()
    assert post.program.wait() == 0
    assert "Traceback" not in post.program.output
    assert post.mails(local) == [b"Subject: fine\n\nfine\n"]
