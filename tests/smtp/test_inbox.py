"""The inbox: mail that lies in Maildirs, listed, searched, read, waited for and removed."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from wirespeak.errors import StorageError, TimeoutError
from wirespeak.smtp.inbox import Envelope, Inbox, Line
from wirespeak.smtp.inbox import index as indexes
from wirespeak.smtp.inbox.envelope import keep_envelope, make_room
from wirespeak.smtp.inbox.index import FILE

WELCOME = """\
From: =?utf-8?Q?J=C3=B6rg?= <joerg@shop.test>
To: Ann <ann@home.test>
Cc: bob@home.test
Subject: Welcome, =?utf-8?B?U2Now7ZuZXM=?= new account

Your code is 1234.
"""


def maildir(folder: Path) -> Path:
    for part in ("tmp", "new", "cur"):
        (folder / part).mkdir(parents=True)
    return folder


def put(folder: Path, name: str, text: str = WELCOME, *, when: float | None = None) -> Path:
    """Deliver as Maildirs want it: written in tmp, then moved to new."""
    path = folder / "tmp" / name
    path.write_text(text)
    if when is not None:
        os.utime(path, (when, when))
    return path.rename(folder / "new" / name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return maildir(tmp_path / "inbox")


def subjects(inbox: Inbox, **wanted: str | float) -> list[str]:
    return [mail.subject for mail in inbox.list(**wanted)]  # type: ignore[arg-type]


def simple(number: int) -> str:
    return f"Subject: number {number}\n\nText {number}\n"


# --- lists


def test_a_list_begins_with_the_newest(folder: Path) -> None:
    for number in (2, 1, 3):
        put(folder, f"{number}.h", simple(number), when=1000.0 + number)
    with Inbox.open(folder) as inbox:
        assert subjects(inbox) == ["number 3", "number 2", "number 1"]
        assert subjects(inbox, limit=1, skip=1) == ["number 2"]
        assert subjects(inbox, since=1002.0) == ["number 3", "number 2"]
        assert inbox.count() == 3


def test_a_mail_is_told_decoded(folder: Path) -> None:
    put(folder, "1.h", when=1000.5)
    with Inbox.open(folder) as inbox:
        (mail,) = inbox.list()
    assert (mail.author, mail.subject) == ("Jörg <joerg@shop.test>", "Welcome, Schönes new account")
    assert mail.to == "Ann <ann@home.test>, bob@home.test"
    assert (mail.received, mail.size, mail.attached) == (1000.5, len(WELCOME), 0)
    assert mail.text == "Your code is 1234.\n"
    assert mail.header("cc") == "bob@home.test"
    assert mail.raw == WELCOME.encode()
    assert mail.message["To"].addresses[0].username == "ann"


def test_what_comes_and_goes_is_noticed(folder: Path) -> None:
    with Inbox.open(folder) as inbox:
        assert subjects(inbox) == []
        for number in range(50):  # more than one within a step of the kernel's clock
            path = put(folder, f"{number}.h", simple(number))
            assert inbox.count() == number + 1
        path.unlink()
        assert inbox.count() == 49


def test_a_mail_that_was_read_elsewhere_is_the_same(folder: Path) -> None:
    path = put(folder, "1.h")
    with Inbox.open(folder) as inbox:
        mail = inbox.get("latest")
        path.rename(folder / "cur" / "1.h:2,S")
        assert mail.text == "Your code is 1234.\n"
        assert inbox.get(mail.id) == mail
        assert mail.path == folder / "cur" / "1.h:2,S"


def test_a_mail_that_is_gone_is_told_of(folder: Path) -> None:
    path = put(folder, "1.h")
    with Inbox.open(folder) as inbox:
        mail = inbox.get("latest")
        path.unlink()
        with pytest.raises(StorageError, match=f"the mail {mail.id} is gone"):
            _ = mail.text


def test_a_tree_of_maildirs_is_one_inbox(tmp_path: Path) -> None:
    for number, name in enumerate(("home.test/alice", "home.test/bob", "caught")):
        put(maildir(tmp_path / name), "1.h", simple(number), when=1000.0 + number)
    with Inbox.open(tmp_path) as inbox:
        assert [mail.folder for mail in inbox.list()] == ["caught", "home.test/bob", "home.test/alice"]
        put(maildir(tmp_path / "home.test" / "carol%2Fdave"), "1.h", simple(3))
        newest = inbox.get("latest")
        assert (newest.folder, newest.recipients) == ("home.test/carol%2Fdave", ("carol/dave@home.test",))
        assert inbox.list(to="ALICE@home.test")[0].folder == "home.test/alice"


def test_without_a_folder_there_is_no_inbox(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no mail has come to it yet"):
        Inbox.open(tmp_path / "nothing")


def test_anything_may_lie_there(folder: Path) -> None:
    for number, text in enumerate(["", "\n", "no header at all", "Subject: " + "=?utf-8?Q?a?= " * 5000, "\0" * 100, "Subject: x\n\n" * 9]):
        put(folder, f"{number}.h", text)
    (folder / "new" / ".hidden").write_text("")
    (folder / "new" / "folder").mkdir()
    os.mkfifo(folder / "new" / "pipe")
    (folder / "new" / os.fsdecode(b"\xff")).write_text("")
    with Inbox.open(folder) as inbox:
        assert inbox.count() == 6


# --- by id


def test_a_mail_is_called_by_the_begin_of_its_id(folder: Path) -> None:
    for number in range(20):
        put(folder, f"{number}.h", simple(number))
    with Inbox.open(folder) as inbox:
        mails = inbox.list()
        assert len({mail.id for mail in mails}) == 20
        assert inbox.get(mails[7].id) == mails[7]
        assert inbox.get("latest") == mails[0]
        begins = [mail.id[:1] for mail in mails]
        twice = next(begin for begin in begins if begins.count(begin) > 1)
        with pytest.raises(KeyError, match="several"):
            inbox.get(twice)
        for nothing in ("", "nothing", "%", "_"):
            with pytest.raises(KeyError, match="no mail"):
                inbox.get(nothing)


def test_an_id_that_the_client_was_told_is_known(tmp_path: Path) -> None:
    """Our own delivery puts it into the file's name, and a mail for two has two files."""
    for user in ("alice", "bob"):
        put(maildir(tmp_path / "home.test" / user), "1795280400.M512P88Q1-3f1cQ9.mx.home.test")
    with Inbox.open(tmp_path) as inbox:
        assert inbox.get("3f1c").id == "3f1cQ9"
        assert {mail.folder for mail in inbox.copies("3f1cQ9")} == {"home.test/alice", "home.test/bob"}


# --- filters and searches


@pytest.fixture
def three(folder: Path) -> Path:
    put(folder, "1.h", when=1000.0)
    put(folder, "2.h", "From: carol@away.test\nTo: ann@home.test\nSubject: Zürich\n\nDer Zug nach Zürich, 50% off_peak\n", when=2000.0)
    put(folder, "3.M0P1Q1-abc.h", "From: dave@away.test\nTo: \nSubject: Report\n\nwelcome back\n", when=3000.0)
    envelope = Envelope("abc", "bounces@away.test", ["Zoe@home.test", "blind@home.test"], kept_at=3000.0, size=10)
    make_room(folder)
    keep_envelope(folder, envelope)
    return folder


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"sender": "away.test"}, ["3.M0P1Q1-abc.h", "2.h"]),
        ({"sender": "JÖRG"}, ["1.h"]),
        ({"sender": "bounces@"}, ["3.M0P1Q1-abc.h"]),
        ({"to": "ANN@home"}, ["2.h", "1.h"]),
        ({"to": "bob"}, ["1.h"]),
        ({"to": "blind@home.test"}, ["3.M0P1Q1-abc.h"]),
        ({"to": "zoe"}, ["3.M0P1Q1-abc.h"]),
        ({"subject": "schönes"}, ["1.h"]),
        ({"subject": "%"}, []),
        ({"subject": "ZÜR", "to": "ann"}, ["2.h"]),
        ({"words": "welcome"}, ["3.M0P1Q1-abc.h", "1.h"]),
        ({"words": "WELC back"}, ["3.M0P1Q1-abc.h"]),
        ({"words": "zürich"}, ["2.h"]),
        ({"words": "1234 schönes joerg"}, ["1.h"]),
        ({"words": "blind@home.test"}, ["3.M0P1Q1-abc.h"]),
        ({"words": "nowhere"}, []),
        ({"words": 'back" OR "zug'}, []),
        ({"words": "back", "sender": "carol"}, []),
        ({"since": 2000.0, "to": "ann"}, ["2.h"]),
    ],
)
@pytest.mark.parametrize("fts", [True, False], ids=["fts", "plain"])
def test_mails_are_found(three: Path, monkeypatch: pytest.MonkeyPatch, fts: bool, wanted: dict[str, str | float], found: list[str]) -> None:
    """With SQLite's full text search and without."""
    if not fts:
        monkeypatch.setattr(indexes, "WORDS", "CREATE VIRTUAL TABLE words USING nothing")
    with Inbox.open(three) as inbox:
        mails = inbox.list(**wanted)  # type: ignore[arg-type]
        assert [mail.name for mail in mails] == found
        assert inbox.count(**wanted) == len(found)  # type: ignore[arg-type]


def test_full_text_search_is_used_where_it_is(three: Path) -> None:
    with sqlite3.connect(":memory:") as database:
        has_fts = ("ENABLE_FTS5",) in database.execute("PRAGMA compile_options")
    database.close()
    with Inbox.open(three) as inbox:
        assert bool(inbox.search("zurich")) is has_fts  # it knows letters without their marks


def test_names_of_attachments_are_found(folder: Path) -> None:
    put(folder, "1.h", 'Content-Type: application/pdf; name="Invoice-77.pdf"\nContent-Disposition: attachment\n\nx\n')
    with Inbox.open(folder) as inbox:
        assert len(inbox.search("invoice")) == 1


# --- the envelope


def test_a_caught_mail_knows_its_envelope(three: Path) -> None:
    lines = [Line(0.0, "server", "220 mx"), Line(0.25, "client", "QUIT")]
    put(three, "4.M1P1Q1-3f1c.h")
    keep_envelope(three, Envelope("3f1c", "", ["ann@home.test"], kept_at=5000.0, tls="TLSv1.3", transcript=lines))
    with Inbox.open(three) as inbox:
        mail = inbox.get("3f1c")
        assert (mail.sender, mail.recipients, mail.received) == ("", ("ann@home.test",), 5000.0)
        assert mail.envelope is not None
        assert mail.envelope.tls == "TLSv1.3"
        assert mail.transcript == lines
        other = inbox.list(sender="carol")[0]
        assert (other.envelope, other.transcript) == (None, [])


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"id": 1}', "\xff"])
def test_an_envelope_that_cannot_be_read_is_none(folder: Path, text: str) -> None:
    put(folder, "1.M1P1Q1-abc.h")
    (folder / "envelopes").mkdir()
    (folder / "envelopes" / "abc.json").write_text(text, encoding="latin-1")
    with Inbox.open(folder) as inbox:
        assert inbox.get("latest").envelope is None


# --- waiting


def later(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def test_who_waits_is_given_what_is_there(three: Path) -> None:
    with Inbox.open(three) as inbox:
        assert inbox.wait(to="ann", timeout=0).name == "2.h"


def test_who_waits_wakes_when_it_comes(folder: Path) -> None:
    """The other mails that come meanwhile are not what is waited for."""
    delivered: list[float] = []

    def deliver() -> None:
        for number in range(5):
            put(folder, f"{number}.h", simple(number))
        put(folder, "right.h")
        delivered.append(time.monotonic())

    with Inbox.open(folder) as inbox:
        inbox.count()
        thread = later(lambda: threading.Timer(0.1, deliver).run())
        mail = inbox.wait(to="ann@home.test", subject="welcome", words="1234", timeout=20)
        late = time.monotonic() - delivered[0]
        thread.join()
    assert mail.name == "right.h"
    assert late < 2.0  # some 15 ms on a machine at rest


def test_an_old_mail_can_be_left_aside(folder: Path) -> None:
    put(folder, "old.h", when=time.time() - 10)
    with Inbox.open(folder) as inbox:
        since = time.time() - 5
        with pytest.raises(TimeoutError):
            inbox.wait(since=since, timeout=0.05)
        put(folder, "new.h")
        assert inbox.wait(since=since, timeout=20).name == "new.h"


def test_who_waits_in_vain_is_told_what_came_instead(folder: Path) -> None:
    with Inbox.open(folder) as inbox:
        with pytest.raises(TimeoutError, match=r"no such mail came within 0\.05 s; the inbox is empty"):
            inbox.wait(to="ann", timeout=0.05)
        put(folder, "1.h")
        with pytest.raises(
            TimeoutError, match=r"of 1 there the newest is to 'Ann <ann@home\.test>, bob@home\.test' with subject 'Welcome, "
        ):
            inbox.wait(to="zoe", timeout=0.05)


# --- removing


def test_a_mail_goes_with_all_that_is_kept_of_it(three: Path) -> None:
    with Inbox.open(three) as inbox:
        mail = inbox.get("abc")
        assert inbox.delete([mail]) == 1
        assert inbox.delete([mail]) == 0
        assert [mail.name for mail in inbox.list()] == ["2.h", "1.h"]
        assert inbox.search("report") == []
    assert list((three / "envelopes").iterdir()) == []


def test_only_the_newest_are_kept(folder: Path) -> None:
    for number in range(10):
        put(folder, f"{number}.h", simple(number), when=1000.0 + number)
    with Inbox.open(folder) as inbox:
        assert inbox.prune(count=3) == 7
        assert subjects(inbox) == ["number 9", "number 8", "number 7"]
        assert inbox.prune(count=3) == 0


def test_only_the_young_are_kept(folder: Path) -> None:
    for hours in range(5):
        put(folder, f"{hours}.h", simple(hours), when=time.time() - hours * 3600)
    with Inbox.open(folder) as inbox:
        assert inbox.prune(age=2.5 * 3600) == 2
        assert subjects(inbox) == ["number 0", "number 1", "number 2"]


def test_envelopes_that_a_crash_left_behind_go_in_time(three: Path) -> None:
    for id in ("lost", "fresh"):
        keep_envelope(three, Envelope(id, "", []))
    for id in ("lost", "abc"):
        os.utime(three / "envelopes" / f"{id}.json", (1000.0, 1000.0))
    with Inbox.open(three) as inbox:
        inbox.prune()
    assert {path.name for path in (three / "envelopes").iterdir()} == {"abc.json", "fresh.json"}


# --- the index


def test_the_index_may_be_removed_or_damaged(three: Path) -> None:
    for damage in (None, b"", b"no database at all" * 1000):
        with Inbox.open(three) as inbox:
            assert len(inbox.search("welcome")) == 2
        if damage is None:
            (three / FILE).unlink()
        else:
            (three / FILE).write_bytes(damage)
    with Inbox.open(three) as inbox:
        assert len(inbox.search("welcome")) == 2


def test_an_index_that_is_damaged_inside_is_made_anew(three: Path) -> None:
    with Inbox.open(three) as inbox:
        assert inbox.count() == 3
    data = bytearray((three / FILE).read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    (three / FILE).write_bytes(data)
    with Inbox.open(three) as inbox:
        assert inbox.count() == 3
        assert len(inbox.search("welcome")) == 2


def test_an_index_of_another_version_is_made_anew(three: Path) -> None:
    with sqlite3.connect(three / FILE) as database:
        database.execute("CREATE TABLE other (number)")
        database.execute("PRAGMA user_version = 99")
    database.close()
    with Inbox.open(three) as inbox:
        assert inbox.count() == 3


def test_where_nothing_can_be_written_mails_can_be_read(three: Path) -> None:
    """A folder in the place of the index's file stands for one that may not be written."""
    (three / FILE).mkdir()
    with Inbox.open(three) as inbox:
        assert len(inbox.search("welcome")) == 2


def test_several_may_look_at_the_same_time(folder: Path) -> None:
    def look() -> None:
        with Inbox.open(folder) as inbox:
            counts.append(inbox.wait(subject="number 99", timeout=60).subject)
            assert inbox.count() == 100

    counts: list[str] = []
    threads = [later(look) for _ in range(3)]
    for number in range(100):
        put(folder, f"{number}.h", simple(number))
    for thread in threads:
        thread.join(60)
    assert counts == ["number 99"] * 3
