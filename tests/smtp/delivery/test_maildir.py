"""Mail in Maildirs, as https://cr.yp.to/proto/maildir.html has it."""

from __future__ import annotations

import asyncio
import errno
import logging
import mailbox
import os
import re
import stat
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.smtp.delivery.mails import FRONT, MAIL, delivered, hand_over, routes, transaction
from tests.sockets.serving import until
from wirespeak.errors import StorageError
from wirespeak.smtp.delivery import maildir as module
from wirespeak.smtp.delivery.maildir import Maildir, folder_name
from wirespeak.smtp.messages import Recipient
from wirespeak.smtp.transaction import Route

LARGE = [b"Subject: large\r\n\r\n", *[b"%07d\r\n" % number * 1000 for number in range(30)]]
"""270 KB: more than is held in memory."""


def mails(folder: Path, place: str = "new") -> list[bytes]:
    return [path.read_bytes() for path in sorted((folder / place).iterdir())]


def test_a_mail_is_in_new_with_its_trace_in_front_and_lines_that_end_in_lf(tmp_path: Path) -> None:
    assert delivered(Maildir(tmp_path), transaction("bob@home.test")) == ["250 2.0.0 Ok"]
    bob = tmp_path / "home.test" / "bob"
    [mail] = mails(bob)
    assert mail.startswith(FRONT)
    assert mail.endswith(b"\n\nSubject: lunch\n\nAt one?\n.\nAnn\n".removeprefix(b"\n"))
    assert b"\r" not in mail
    assert mails(bob, "tmp") == mails(bob, "cur") == []


def test_pythons_own_maildir_reads_it(tmp_path: Path) -> None:
    delivered(Maildir(tmp_path), transaction("bob@home.test"))
    [message] = mailbox.Maildir(tmp_path / "home.test" / "bob", create=False)
    assert message["Return-Path"] == "<ann@away.test>"
    assert message["Subject"] == "lunch"
    assert message.get_payload() == "At one?\n.\nAnn\n"


def test_the_name_is_time_unique_part_and_host(tmp_path: Path) -> None:
    box = Maildir(tmp_path, "a/b:c.test")
    before = int(time.time())
    delivered(box, transaction("bob@home.test"))
    delivered(box, transaction("bob@home.test"))
    names = sorted(os.listdir(tmp_path / "home.test" / "bob" / "new"))
    found = [re.fullmatch(rf"(\d+)\.M\d{{1,6}}P{os.getpid()}Q(\d+)-3f1c\.a\\057b\\072c\.test", name) for name in names]
    assert all(found)
    assert all(before <= int(match[1]) <= time.time() for match in found if match)
    assert len({match[2] for match in found if match}) == 2


def test_folders_and_files_are_their_owners_alone(tmp_path: Path) -> None:
    delivered(Maildir(tmp_path), transaction("bob@home.test"))
    made = [tmp_path / "home.test", *(tmp_path / "home.test").rglob("*")]
    assert {path.relative_to(tmp_path).parts[2] for path in made if len(path.relative_to(tmp_path).parts) > 2} == {"tmp", "new", "cur"}
    for path in made:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_several_recipients_share_one_file(tmp_path: Path) -> None:
    mail = transaction("bob@home.test", "eve@home.test", "cy@office.test")
    assert delivered(Maildir(tmp_path), mail) == ["250 2.0.0 Ok"] * 3
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(str(path.parent.relative_to(tmp_path)) for path in files) == [
        "home.test/bob/new",
        "home.test/eve/new",
        "office.test/cy/new",
    ]
    assert len({path.stat().st_ino for path in files}) == 1


def test_who_is_reached_twice_gets_one_mail(tmp_path: Path) -> None:
    box = Maildir(tmp_path)
    mail = transaction("bob@home.test", "sales@home.test")
    to = [Route(recipient, box, "home.test/bob") for recipient in mail.recipients]
    assert delivered(box, mail, to=to) == ["250 2.0.0 Ok"] * 2
    assert len(mails(tmp_path / "home.test" / "bob")) == 1


@pytest.mark.parametrize("error", [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_where_links_can_not_be_had_each_has_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    def link(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "link", link)
    delivered(Maildir(tmp_path), transaction("bob@home.test", "eve@home.test"), LARGE)
    [one], [other] = mails(tmp_path / "home.test" / "bob"), mails(tmp_path / "home.test" / "eve")
    assert one == other
    assert one.endswith(b"".join(LARGE).replace(b"\r\n", b"\n"))
    assert not mails(tmp_path / "home.test" / "eve", "tmp")


@pytest.mark.parametrize("size", [1, 7, 1000, 65_535, 65_536, 65_537, 200_000])
def test_a_large_mail_arrives_whole_however_it_is_cut(tmp_path: Path, size: int) -> None:
    whole = b"".join(LARGE) if size > 100 else MAIL
    delivered(
        Maildir(tmp_path), transaction("bob@home.test", "eve@home.test"), [whole[at : at + size] for at in range(0, len(whole), size)]
    )
    for name in ("bob", "eve"):
        [mail] = mails(tmp_path / "home.test" / name)
        assert mail.startswith(FRONT)
        assert mail.endswith(b"\n" + whole.replace(b"\r\n", b"\n"))


def test_a_large_mail_is_not_held_in_memory(tmp_path: Path) -> None:
    async def main() -> list[int]:
        box, mail = Maildir(tmp_path), transaction("bob@home.test")
        spool = box.open(mail, routes(box, mail))
        held = []
        for _ in range(64):
            if (wait := spool.write(b"x" * 65_534 + b"\r\n")) is not None:
                await wait
            held.append(sum(map(len, spool.pieces())) - spool.written + len(spool.front))
        await box.deliver(mail, spool, routes(box, mail))
        return held

    held = asyncio.run(main())
    assert max(held) <= 64  # the difference of line ends: all else is in the file


def test_binary_mail_keeps_its_bytes(tmp_path: Path) -> None:
    content = b"Subject: x\r\n\r\n\n\r\0\r\n\xff"
    delivered(Maildir(tmp_path), transaction("bob@home.test", body="BINARYMIME"), [content])
    [mail] = mails(tmp_path / "home.test" / "bob")
    assert mail.endswith(b"\r\n" + content)


def test_the_empty_sender_has_an_empty_return_path(tmp_path: Path) -> None:
    delivered(Maildir(tmp_path), transaction("bob@home.test", sender=None))
    [mail] = mails(tmp_path / "home.test" / "bob")
    assert mail.startswith(b"Return-Path: <>\n")


@pytest.mark.parametrize("pieces", [[MAIL], LARGE])
def test_who_looks_at_a_mail_before_it_is_delivered_sees_it_as_it_came(tmp_path: Path, pieces: list[bytes]) -> None:
    async def main() -> bytes:
        box, mail = Maildir(tmp_path), transaction("bob@home.test")
        spool = box.open(mail, routes(box, mail))
        for piece in pieces:
            if (wait := spool.write(piece)) is not None:
                await wait
        seen = b"".join(spool.pieces())
        spool.abandon()
        return seen

    assert asyncio.run(main()) == b"".join(pieces)


@pytest.mark.parametrize("pieces", [[], [MAIL], LARGE])
def test_an_abandoned_mail_leaves_nothing(tmp_path: Path, pieces: list[bytes]) -> None:
    async def main() -> None:
        box, mail = Maildir(tmp_path), transaction("bob@home.test")
        spool = box.open(mail, routes(box, mail))
        for piece in pieces:
            if (wait := spool.write(piece)) is not None:
                await wait
        spool.abandon()
        spool.abandon()

    asyncio.run(main())
    until(lambda: not [path for path in tmp_path.rglob("*") if path.is_file()])


def test_a_mail_abandoned_while_a_piece_of_it_is_written_leaves_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        box, mail = Maildir(tmp_path), transaction("bob@home.test")
        for _ in range(20):
            spool = box.open(mail, routes(box, mail))
            wait = spool.write(bytes(1 << 20))
            assert wait is not None
            writing = asyncio.ensure_future(wait)
            await asyncio.sleep(0)
            spool.abandon()
            await writing

    open_before = len(os.listdir("/proc/self/fd"))
    asyncio.run(main())
    until(lambda: not [path for path in tmp_path.rglob("*") if path.is_file()])
    until(lambda: len(os.listdir("/proc/self/fd")) <= open_before)


def test_many_mails_at_once_all_arrive(tmp_path: Path) -> None:
    async def main() -> None:
        box = Maildir(tmp_path)
        people = [transaction(f"u{number % 7}@home.test") for number in range(300)]
        await asyncio.gather(*(hand_over(box, mail, [b"Subject: %d\r\n\r\n" % number]) for number, mail in enumerate(people)))

    asyncio.run(main())
    found = [int(mail.rsplit(b"Subject: ")[1]) for number in range(7) for mail in mails(tmp_path / "home.test" / f"u{number}")]
    assert sorted(found) == list(range(300))


# --- names


@pytest.mark.parametrize(
    ("local", "name"),
    [
        ("alice", "alice"),
        ("alice+lists", "alice+lists"),
        ("john doe", "john doe"),
        ("jürgen", "jürgen"),
        ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
        ("..", "%2E."),
        (".", "%2E"),
        (".hidden", "%2Ehidden"),
        ("a/b", "a%2Fb"),
        ("100%", "100%25"),
        ("a\0b", "a%00b"),
        ("a\tb\x7f\x9b", "a%09b%7F%9B"),
        ("", "%"),
        ("$(reboot);`x`|&", "$(reboot);`x`|&"),
    ],
)
def test_what_a_local_part_is_as_a_folders_name(local: str, name: str) -> None:
    assert folder_name(local) == name


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_folders_name_is_one_name_and_no_other_ones(one: str, other: str) -> None:
    name = folder_name(one)
    assert "/" not in name
    assert "\0" not in name
    assert name
    assert not name.startswith(".")
    assert len(os.fsencode(name)) <= 200
    assert (name == folder_name(other)) == (one == other)


def test_names_too_long_are_told_apart() -> None:
    names = [folder_name("ü" * 300 + end) for end in ("", "a", "b")] + [folder_name("/" * 100)]
    assert len(set(names)) == 4
    assert all(len(os.fsencode(name)) <= 200 for name in names)


def test_mail_for_a_local_part_that_looks_like_a_path_stays_below_the_folder(tmp_path: Path) -> None:
    box = Maildir(tmp_path / "mail")
    (tmp_path / "mail").mkdir()
    mail = transaction("bob@home.test")
    delivered(box, mail, to=[Route(mail.recipients[0], box, "home.test/../../../outside")])
    assert os.listdir(tmp_path) == ["mail"]
    assert len(mails(tmp_path / "mail" / "home.test" / "%2E.%2F..%2F..%2Foutside")) == 1


# --- what is left from before, or taken away


def aged(path: Path, hours: float) -> Path:
    path.write_bytes(b"half a mail")
    os.utime(path, (time.time() - hours * 3600,) * 2)
    return path


def test_strays_of_36_hours_are_swept_from_tmp_and_nothing_else_is(tmp_path: Path) -> None:
    bob = tmp_path / "home.test" / "bob"
    for name in ("tmp", "new", "cur"):
        (bob / name).mkdir(parents=True)
    stray = aged(bob / "tmp" / "stray", 36.1)
    kept = [aged(bob / "tmp" / "recent", 35.9), aged(bob / "new" / "old", 1000), aged(bob / "cur" / "old", 1000)]
    delivered(Maildir(tmp_path), transaction("bob@home.test"))
    until(lambda: not stray.exists())
    assert all(path.exists() for path in kept)


def test_a_maildir_is_swept_again_when_an_hour_has_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SWEPT_EVERY", 0.0)
    box = Maildir(tmp_path)
    delivered(box, transaction("bob@home.test"))
    stray = aged(tmp_path / "home.test" / "bob" / "tmp" / "stray", 40)
    delivered(box, transaction("bob@home.test"))
    until(lambda: not stray.exists())


@pytest.mark.parametrize("pieces", [[MAIL], LARGE])
def test_a_maildir_that_was_taken_away_is_made_again(tmp_path: Path, pieces: list[bytes]) -> None:
    box = Maildir(tmp_path)
    for _ in range(2):
        assert delivered(box, transaction("eve@home.test", "bob@home.test"), pieces) == ["250 2.0.0 Ok"] * 2
        for name in ("bob", "eve"):
            assert len(mails(tmp_path / "home.test" / name)) == 1
        (tmp_path / "home.test").rename(tmp_path / f"away-{len(os.listdir(tmp_path))}")


@pytest.mark.parametrize("part", ["tmp", "new", "cur"])
@pytest.mark.parametrize("pieces", [[MAIL], LARGE])
def test_a_part_of_a_maildir_that_was_taken_away_is_made_again(tmp_path: Path, part: str, pieces: list[bytes]) -> None:
    box = Maildir(tmp_path)
    bob = tmp_path / "home.test" / "bob"
    delivered(box, transaction("bob@home.test"))
    (bob / part).rename(tmp_path / "away")
    delivered(box, transaction("bob@home.test"), pieces)
    assert part == "cur" or (bob / part).is_dir()
    assert len(mails(bob)) == (1 if part == "new" else 2)
    assert not mails(bob, "tmp")


@pytest.mark.parametrize("pieces", [[MAIL], LARGE])
def test_without_its_folder_no_mail_is_taken(tmp_path: Path, pieces: list[bytes]) -> None:
    with pytest.raises(StorageError, match="No such file or directory"):
        delivered(Maildir(tmp_path / "gone"), transaction("bob@home.test"), pieces)
    assert not os.listdir(tmp_path)


def test_over_lmtp_each_recipient_has_an_outcome(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "home.test").mkdir()
    (tmp_path / "home.test" / "bob").write_text("a file in a Maildir's place")
    for order in (["bob", "eve", "cy"], ["eve", "bob", "cy"]):
        for pieces in ([MAIL], LARGE):
            mail = transaction(*(f"{name}@home.test" for name in order), lmtp=True)
            if order[0] == "bob" and pieces is LARGE:
                continue  # it would have been written there
            with caplog.at_level(logging.ERROR, "wirespeak.smtp"):
                replies = dict(zip(order, delivered(Maildir(tmp_path), mail, pieces), strict=True))
            assert replies == {"bob": "452 4.3.1 Insufficient system storage", "eve": "250 2.0.0 Ok", "cy": "250 2.0.0 Ok"}
    assert "home.test/bob" in caplog.text
    assert len(mails(tmp_path / "home.test" / "eve")) == len(mails(tmp_path / "home.test" / "cy")) == 3
    assert not mails(tmp_path / "home.test" / "eve", "tmp")


def test_over_smtp_a_mail_is_for_all_of_its_recipients_or_for_none(tmp_path: Path) -> None:
    (tmp_path / "home.test").mkdir()
    (tmp_path / "home.test" / "bob").write_text("a file in a Maildir's place")
    for order in (["bob", "eve"], ["eve", "bob"]):
        with pytest.raises(StorageError, match="Not a directory"):
            delivered(Maildir(tmp_path), transaction(*(f"{name}@home.test" for name in order)))
    assert not [path for path in (tmp_path / "home.test" / "eve").rglob("*") if path.is_file()]


def test_a_mail_whose_domain_is_a_literal(tmp_path: Path) -> None:
    box, mail = Maildir(tmp_path), transaction("bob@[192.0.2.1]")
    assert delivered(box, mail, to=[Route(Recipient(mail.recipients[0].mailbox), box, "[192.0.2.1]/bob")]) == ["250 2.0.0 Ok"]
    assert len(mails(tmp_path / "[192.0.2.1]" / "bob")) == 1
