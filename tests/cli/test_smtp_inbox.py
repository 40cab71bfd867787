"""``wirespeak smtp inbox`` as its user sees it: at a terminal, in a pipe, from a program."""

from __future__ import annotations

import email.message
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest

from wirespeak.smtp.inbox import Envelope, Line
from wirespeak.smtp.inbox.envelope import keep_envelope, make_room

COMMAND = (sys.executable, "-m", "wirespeak", "smtp", "inbox")
NASTY = "Nasty \x1b[2J\x07 =?utf-8?Q?=1B]0;title=07?= subject"


def mailbox(folder: Path) -> Path:
    for part in ("tmp", "new", "cur"):
        (folder / part).mkdir(parents=True)
    return folder


def put(folder: Path, id: str, subject: str, text: str = "Hi\n", *, sender: str = "me@away.test", to: str = "ann@home.test") -> None:
    message = f"From: {sender}\nTo: {to}\nSubject: {subject}\n\n{text}"
    (folder / "new" / f"1.M1P1Q1-{id}.h").write_text(message)
    make_room(folder)
    transcript = [
        Line(0.0, "server", "220 mx.test"),
        Line(0.25, "client", "MAIL FROM:<\x1b[31m@away.test>"),
        Line(0.5, "", "12 bytes of the mail"),
    ]
    came = 1_000_000_000.0 + int(id, 16)
    keep_envelope(
        folder,
        Envelope(
            id,
            sender,
            [to, "blind@home.test"],
            "192.0.2.7:4711",
            "192.0.2.1:25",
            "here.test",
            "ESMTPS",
            "TLSv1.3 X",
            "",
            came,
            came,
            9,
            transcript,
        ),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three caught mails."""
    folder = mailbox(tmp_path / "box")
    put(folder, "a1", "First of them")
    put(folder, "b2", "Second", "A code: 1234\n", to="bob@home.test")
    put(folder, "b3", NASTY, "\x1b[31mred\x1b[0m \x9b2J \u202e\n", sender="Eve <eve@away.test>")
    return folder


@pytest.fixture
def with_files(tmp_path: Path) -> Path:
    folder = mailbox(tmp_path / "files")
    message = email.message.EmailMessage()
    message["Subject"] = "Files"
    message.set_content("See below\n")
    message.add_alternative("<p>See <b>below</b></p>", subtype="html")
    message.add_attachment(b"one", maintype="text", subtype="x", filename="../../one.txt")
    message.add_attachment(b"\0two", maintype="application", subtype="x-two", filename=".two")
    (folder / "new" / "1.h").write_bytes(message.as_bytes())
    return folder


def run(*arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=60, env={**os.environ, "TZ": "UTC", **(env or {})}
    )
    assert "Traceback" not in done.stderr
    return done


def out(*arguments: str | Path) -> str:
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def data(*arguments: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out(*arguments, "--json").splitlines()]


# --- lists and searches


def test_a_list_is_lines_of_columns(folder: Path) -> None:
    lines = out("--inbox", folder).splitlines()
    assert lines[1:] == [
        "b2\t2001-09-09 01:49:38+0000\tme@away.test\tbob@home.test, blind@home.test\tSecond",
        "a1\t2001-09-09 01:49:21+0000\tme@away.test\tann@home.test, blind@home.test\tFirst of them",
    ]
    assert lines[0].endswith("\tNasty \\x1b[2J\\x07 \\x1b]0;title\\x07 subject")
    assert out("list", "--maildir", folder) == out("--maildir", folder, "list") == out("--inbox", folder)


def test_a_program_gets_objects(folder: Path) -> None:
    told = data("list", "--inbox", folder, "--to", "BOB")
    assert told == [
        {
            "id": "b2",
            "folder": "",
            "received": 1_000_000_178.0,
            "size": 67,
            "sender": "me@away.test",
            "recipients": ["bob@home.test", "blind@home.test"],
            "from": "me@away.test",
            "to": "bob@home.test",
            "subject": "Second",
            "attachments": 0,
        }
    ]
    assert out("--inbox", folder, "--json", "list", "--to", "BOB") == out("list", "--inbox", folder, "--json", "--to", "BOB")


def test_only_so_many_are_listed(folder: Path) -> None:
    done = run("list", "--inbox", folder, "--limit", "1")
    assert len(done.stdout.splitlines()) == 1
    assert "and 2 older" in done.stderr


def test_the_inbox_may_be_named_by_the_surroundings(folder: Path, tmp_path: Path) -> None:
    assert len(run(env={"WIRESPEAK_INBOX": str(folder)}).stdout.splitlines()) == 3
    assert len(run("--inbox", folder, "list", env={"WIRESPEAK_INBOX": str(tmp_path)}).stdout.splitlines()) == 3
    (tmp_path / "data" / "wirespeak").mkdir(parents=True)
    folder.rename(tmp_path / "data" / "wirespeak" / "mail")
    assert len(run(env={"XDG_DATA_HOME": str(tmp_path / "data")}).stdout.splitlines()) == 3


def test_words_are_searched(folder: Path) -> None:
    assert [mail["id"] for mail in data("search", "--inbox", folder, "code", "12")] == ["b2"]
    assert [mail["id"] for mail in data("search", "--inbox", folder, "subject", "--from", "eve")] == ["b3"]
    done = run("search", "--inbox", folder, "nothing")
    assert (done.returncode, done.stdout) == (1, "")


# --- one mail


def test_a_mail_is_shown(folder: Path) -> None:
    assert out("show", "b2", "--inbox", folder).splitlines() == [
        "Envelope: from <me@away.test> to <bob@home.test>, <blind@home.test>",
        "Brought by: here.test at 192.0.2.7:4711, ESMTPS, TLSv1.3 X, 2001-09-09 01:49:38+0000",
        "From: me@away.test",
        "To: bob@home.test",
        "Subject: Second",
        "",
        "A code: 1234",
    ]


def test_what_was_said_is_shown(folder: Path) -> None:
    assert out("show", "a1", "--inbox", folder, "--transcript").splitlines()[-3:] == [
        "   0.000 S: 220 mx.test",
        "   0.250 C: MAIL FROM:<\\x1b[31m@away.test>",
        "   0.500    (12 bytes of the mail)",
    ]


def test_nothing_in_a_mail_reaches_the_terminal(folder: Path) -> None:
    for arguments in (["show", "latest"], ["show", "b3", "--headers", "--transcript"], ["list"], ["show", "b3", "--json"]):
        said = out(*arguments, "--inbox", folder)
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(said)
    assert "\\x1b[31mred\\x1b[0m \\x9b2J \\u202e" in out("show", "latest", "--inbox", folder)


def test_all_of_a_mail_is_given_to_a_program(with_files: Path, folder: Path) -> None:
    (told,) = data("show", "--inbox", with_files)
    assert told["text"] == "See below\n"
    assert told["html"] == "<p>See <b>below</b></p>\n"
    assert ["Subject", "Files"] in told["headers"]
    assert told["attachments"] == [
        {"name": "one.txt", "type": "text/x", "size": 3},
        {"name": "two", "type": "application/x-two", "size": 4},
    ]
    assert told["envelope"] is None
    (caught,) = data("show", "b2", "--inbox", folder)
    assert caught["envelope"]["tls"] == "TLSv1.3 X"
    assert caught["envelope"]["transcript"][1]["by"] == "client"


def test_its_html_is_shown_as_it_is_written(with_files: Path) -> None:
    assert out("show", "--html", "--inbox", with_files).endswith("\n\n<p>See <b>below</b></p>\n")


def test_its_bytes_are_written_out(with_files: Path) -> None:
    done = subprocess.run([*COMMAND, "raw", "--inbox", with_files], capture_output=True, check=True)
    assert done.stdout == (with_files / "new" / "1.h").read_bytes()


@pytest.mark.parametrize("command", ["show", "raw", "attachments", "delete"])
def test_a_mail_that_is_not_there_is_told(folder: Path, command: str) -> None:
    done = run(command, "zz\x1b", "--inbox", folder)
    assert done.returncode == 1
    assert done.stderr == "wirespeak: there is no mail zz\\x1b\n"
    assert "several" in run(command, "b", "--inbox", folder).stderr


# --- attachments


def test_attachments_are_listed(with_files: Path) -> None:
    assert out("attachments", "--inbox", with_files) == "one.txt\ttext/x\t3\ntwo\tapplication/x-two\t4\n"


def test_attachments_are_written_beneath_the_folder_and_over_nothing(with_files: Path, tmp_path: Path) -> None:
    to = tmp_path / "to" / "there"
    for _ in range(2):
        out("attachments", "latest", "--extract", to, "--inbox", with_files)
    (to / "link").symlink_to(tmp_path / "elsewhere")
    assert {path.name: path.read_bytes() for path in to.iterdir() if path.is_file()} == {
        "one.txt": b"one",
        "one-2.txt": b"one",
        "two": b"\0two",
        "two-2": b"\0two",
    }
    assert (to / "one.txt").stat().st_mode & 0o777 == 0o600
    (told,) = data("attachments", "latest", "two", "--extract", to, "--inbox", with_files)
    assert told == {"name": "two", "type": "application/x-two", "size": 4, "path": str(to / "two-3")}


def test_an_attachment_that_is_not_there_is_told(with_files: Path) -> None:
    done = run("attachments", "latest", "two", "three", "--inbox", with_files)
    assert (done.returncode, done.stdout) == (1, "two\tapplication/x-two\t4\n")
    assert "no attachment is called three" in done.stderr


def test_attachments_that_cannot_be_written_are_told(with_files: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("attachments", "--extract", tmp_path / "file" / "to", "--inbox", with_files)
    assert done.returncode == 4
    assert "can't be written" in done.stderr


# --- waiting


def test_a_mail_is_waited_for(folder: Path) -> None:
    assert out("wait", "--inbox", folder, "--subject", "second").startswith("b2\t")
    waiting = subprocess.Popen(
        [*COMMAND, "wait", "--inbox", folder, "--words", "code 5678", "--timeout", "1m", "--json"], stdout=subprocess.PIPE, text=True
    )
    put(folder, "c4", "Third", "Your code: 5678\n")
    said, _ = waiting.communicate(timeout=60)
    assert (waiting.returncode, json.loads(said)["id"]) == (0, "c4")


def test_what_is_there_may_be_left_aside(folder: Path) -> None:
    done = run("wait", "--inbox", folder, "--new", "--subject", "second", "--timeout", "0.1")
    assert (done.returncode, done.stdout) == (3, "")
    assert "no such mail came within 0.1 s; of 3 there the newest is" in done.stderr
    assert "\x1b" not in done.stderr


# --- removing


def test_mails_are_removed(folder: Path) -> None:
    assert run("delete", "--inbox", folder).returncode == 2
    assert run("delete", "a1", "--all", "--inbox", folder).returncode == 2
    assert out("delete", "a1", "b3", "--inbox", folder) == "2 mails removed\n"
    assert out("delete", "--to", "nobody", "--inbox", folder) == "0 mails removed\n"
    assert out("delete", "--to", "bob", "--inbox", folder) == "1 mail removed\n"
    put(folder, "d1", "Another")
    assert data("delete", "--all", "--inbox", folder) == [{"removed": 1}]
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [".index.sqlite3"]


def test_old_mails_are_removed(folder: Path) -> None:
    assert run("prune", "--inbox", folder).returncode == 2
    assert out("prune", "--keep", "2", "--inbox", folder) == "1 mail removed\n"
    (folder / "new" / "now.h").write_text("Subject: now\n\n")
    assert out("prune", "--older-than", "1h", "--inbox", folder) == "2 mails removed\n"
    assert [mail["subject"] for mail in data("list", "--inbox", folder)] == ["now"]


# --- what it refuses


def test_without_an_inbox_that_is_told(tmp_path: Path) -> None:
    done = run("--inbox", tmp_path / "nothing")
    assert done.returncode == 4
    assert f"{tmp_path / 'nothing'} is not there: no mail has come to it yet" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["wait", "--timeout", "soon"], ["prune", "--keep", "some"], ["list", "--limit", "-1"], ["search"], ["open"]]
)
def test_wrong_usage_is_told(arguments: list[str], folder: Path) -> None:
    assert run(*arguments).returncode == 2


# --- at a terminal


def at_a_terminal(*arguments: str | Path, **env: str) -> str:
    surroundings = {**os.environ, "TERM": "xterm-256color", "TZ": "UTC", **env}
    program = pexpect.spawn(
        COMMAND[0], [*COMMAND[1:], *map(str, arguments)], env=surroundings, encoding="utf-8", timeout=30, dimensions=(40, 100)
    )
    program.expect(pexpect.EOF)
    program.close()
    assert program.exitstatus == 0
    return str(program.before)


def test_a_terminal_gets_a_table_that_fits(folder: Path) -> None:
    put(folder, "c4", "A subject that is " + "very " * 50 + "long")
    said = at_a_terminal("--inbox", folder, NO_COLOR="1")
    lines = re.sub(r"\x1b\[[0-9;]*m|\r", "", said).splitlines()
    assert lines[0].split() == ["id", "came", "from", "to", "subject"]
    assert all(len(line) <= 100 for line in lines)
    assert lines[1].startswith("c4")
    assert "…" in lines[1]
    assert "\x1b[2J" not in said
    assert "no mail" in at_a_terminal("list", "--to", "nobody", "--inbox", folder)


def test_a_terminal_gets_colours_and_nothing_of_the_mails_own(folder: Path) -> None:
    said = at_a_terminal("show", "b3", "--transcript", "--inbox", folder)
    assert "\x1b[1mSubject:\x1b[0m" in said
    assert "\x1b[31m" not in said
    assert "\x1b[2J" not in said
    assert "\x1b[" not in at_a_terminal("raw", "b3", "--inbox", folder)
    assert "\x1b[" not in at_a_terminal("show", "b3", "--inbox", folder, NO_COLOR="1")


# --- another program's eyes


@pytest.mark.peer("mutt")
def test_mutt_reads_it_as_well(folder: Path, tmp_path: Path) -> None:
    """What it has looked at, it moves and renames: the mail stays the same."""
    (tmp_path / "muttrc").write_text(f"set quit = yes\nset move = no\nset sort = subject\nset folder = {tmp_path}\n")
    mutt = pexpect.spawn(
        "mutt",
        ["-F", str(tmp_path / "muttrc"), "-f", str(folder)],
        env={**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"},
        encoding="utf-8",
        timeout=30,
        dimensions=(24, 100),
    )
    mutt.expect_exact("First of them")
    mutt.expect_exact("Second")
    mutt.send("3\r\r")
    mutt.expect_exact("A code: 1234")
    mutt.send("qq")
    mutt.expect(pexpect.EOF)
    mutt.close()
    assert [path.name for path in (folder / "cur").iterdir() if ":2,S" in path.name] == ["1.M1P1Q1-b2.h:2,S"]
    assert out("show", "b2", "--inbox", folder).endswith("\n\nA code: 1234\n")
    assert len(data("list", "--inbox", folder)) == 3
