"""The disk against us: full, gone, or the program killed (RFC 5321 4.2.5, 6.1).

What was answered with 250 is there, whole, once. What can't be kept is answered with 452 4.3.1, so that the client keeps it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.smtp_wire import DOMAIN, END, Post, fresh, serve
from tests.hostile.wire import until
from tests.processes import Program

LARGE = b"Subject: large\r\n\r\n" + (b"x" * 98 + b"\r\n") * 20_000
"""2 MB."""


@pytest.fixture
def post(start: Callable[..., Program], tmp_path: Path) -> Post:
    (tmp_path / "mail").mkdir()
    return serve(start, tmp_path / "mail")


def outcome(post: Post, local: str, content: bytes) -> str:
    """Send a mail; the status of the last reply of its transaction. The connection goes on."""
    with post.meet() as wire:
        wire.envelope(local)
        said = wire.says("DATA")
        if said.code == 354:
            wire.send(content + END)
            said = wire.reply()
        assert wire.status("NOOP") == "250 2.0.0"
    return said.status


def no_room(post: Post, octets: int | None) -> None:
    """Let the server write no file longer than this: what a full disk does to it (EFBIG for ENOSPC)."""
    most = resource.RLIM_INFINITY if octets is None else octets
    post.process.rlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


@pytest.mark.parametrize("room", [0, 1, 4096, 1_000_000])
@pytest.mark.parametrize("content", [pytest.param(b"Subject: a\r\n\r\n" + b"b\r\n" * 2000, id="small"), pytest.param(LARGE, id="large")])
def test_a_full_disk(post: Post, room: int, content: bytes) -> None:
    """452 4.3.1, nothing half delivered; with room again, all is as before."""
    local = fresh()
    no_room(post, room)
    status = outcome(post, local, content)
    if len(content) + 1000 > room:
        assert status == "452 4.3.1"
    delivered = len(post.mails(local))
    assert delivered == (status[:3] == "250")
    assert not [path for path in post.everything() if path.parent.name == "tmp"]
    no_room(post, None)
    assert outcome(post, local, content)[:3] == "250"
    assert len(post.mails(local)) == delivered + 1
    assert "Traceback" not in post.program.output


def test_the_folder_is_gone(post: Post) -> None:
    """Made anew, or 452 4.3.1: in no case 250 for a mail that lies nowhere."""
    local = fresh()
    assert outcome(post, local, b"Subject: a\r\n")[:3] == "250"
    shutil.rmtree(post.folder / DOMAIN)
    status = outcome(post, local, b"Subject: b\r\n")
    assert status in ("250 2.0.0", "250 2.6.0", "452 4.3.1"), status
    assert len(post.mails(local)) == (status[:3] == "250")


@pytest.mark.parametrize("place", ["domain", "local", "new", "tmp"])
def test_something_else_is_where_the_folder_should_be(post: Post, place: str) -> None:
    """A file in the way: 452 4.3.1, and others get their mail."""
    local = fresh()
    assert outcome(post, local, b"Subject: a\r\n")[:3] == "250"
    path = {
        "domain": post.folder / DOMAIN,
        "local": post.folder / DOMAIN / local,
        "new": post.folder / DOMAIN / local / "new",
        "tmp": post.folder / DOMAIN / local / "tmp",
    }[place]
    shutil.rmtree(path)
    path.write_text("in the way")
    for content in (b"Subject: b\r\n", LARGE):
        status = outcome(post, local, content)
        assert status == "452 4.3.1" or (place == "tmp" and status[:3] == "250"), status
    path.unlink()
    assert outcome(post, local, b"Subject: c\r\n")[:3] == "250"
    assert "Traceback" not in post.program.output


def test_a_link_leads_nowhere_else(post: Post, tmp_path: Path) -> None:
    """A mailbox made into a link by somebody: mail is not written where it leads, or only where its owner sent it; never through new/."""
    local, elsewhere = fresh(), tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert outcome(post, local, b"Subject: a\r\n")[:3] == "250"
    new = post.folder / DOMAIN / local / "new"
    before = sorted(new.iterdir())
    (post.folder / DOMAIN / local / "tmp").rmdir()
    os.symlink(tmp_path / "nowhere", post.folder / DOMAIN / local / "tmp")
    status = outcome(post, local, b"Subject: b\r\n")
    assert status[:3] in ("250", "452")
    assert not (tmp_path / "nowhere").exists()
    assert len(list(new.iterdir())) == len(before) + (status[:3] == "250")


def test_one_recipient_of_two_can_not_be_kept(post: Post) -> None:
    """SMTP has one answer for all (RFC 5321 4.2.5): all or none, so that a second try doubles nothing."""
    good, bad = fresh(), fresh()
    assert outcome(post, bad, b"Subject: a\r\n")[:3] == "250"
    new = post.folder / DOMAIN / bad / "new"
    shutil.rmtree(new)
    new.write_text("in the way")
    with post.meet() as wire:
        wire.envelope(good, bad).data()
        wire.send(b"Subject: both" + END)
        assert wire.reply().status == "452 4.3.1"
    assert post.mails(good) == []


def send_many(post: Post, first: int, answered: list[int]) -> None:
    """Send numbered mails until the server is killed; ``answered`` are those that got their 250."""
    with contextlib.suppress(OSError, AssertionError), post.meet() as wire:
        for number in range(first, first + 1000):
            wire.envelope("box").data()
            wire.send(f"Subject: mail {number}.\r\n\r\n".encode() + b"x" * 500 + END)
            if wire.reply().code == 250:
                answered.append(number)


def test_killed_at_any_moment(start: Callable[..., Program], tmp_path: Path) -> None:
    """SIGKILL while eight clients send: each mail that was answered 250 is there, whole and once; one that was not may be, once."""
    for number in range(6):
        folder = tmp_path / str(number)
        folder.mkdir()
        post = serve(start, folder)
        answered: list[int] = []
        threads = [threading.Thread(target=send_many, args=(post, 1000 * client, answered)) for client in range(8)]
        for thread in threads:
            thread.start()
        until(lambda: len(answered) >= 20 + 13 * number, within=60, what="some mails")  # noqa: B023 (called in this round)
        post.process.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join(30)
        kept = [mail.partition(b".")[0].rpartition(b" ")[2] for mail in post.mails("box")]
        assert all(mail.endswith(b"\n" + b"x" * 500 + b"\n") for mail in post.mails("box")), "half a mail in new/"
        assert len(kept) == len(set(kept)), "a mail was doubled"
        assert set(answered) <= {int(name) for name in kept}, "a mail that was answered is lost"
        assert len(kept) - len(answered) <= 8
