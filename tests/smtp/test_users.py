"""The file of users: read, changed, read anew; and the command that changes it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pexpect
import pytest

from wirespeak.errors import StorageError, TextError
from wirespeak.sasl import Accepted, Challenge, Denied, ScramKeys, Work
from wirespeak.smtp.users import Users

FAST = 4096
KEYS = ScramKeys.of("pencil", b"0123456789abcdef", FAST)
SECRET = "%secret MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def written(folder: Path, *lines: str, mode: int = 0o600) -> Path:
    path = folder / "users"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    path.chmod(mode)
    return path


# --- what the file says


def test_names_and_keys_are_read(tmp_path: Path) -> None:
    users = Users(written(tmp_path, "# people", SECRET, "", f"alice {KEYS}", f"  Jürgen Müller {KEYS}  ", f"bob@example.org {KEYS}"))
    assert users.keys == {"alice": KEYS, "Jürgen Müller": KEYS, "bob@example.org": KEYS}
    assert users.find("alice") == (KEYS, True)
    assert not users.find("Alice")[1]
    assert users.verify("alice", "pencil")
    assert users.verify("Ju\u0308rgen Mu\u0308ller", "pencil")  # as another keyboard writes it
    assert not users.verify("alice", "pencils")
    assert not users.verify("nobody", "pencil")
    assert not users.verify("ali\0ce", "pencil")


def test_without_a_file_there_is_nobody_yet(tmp_path: Path) -> None:
    users = Users(tmp_path / "later" / "users")
    assert users.keys == {}
    assert not users.verify("alice", "pencil")
    users.add("alice", "pencil", iterations=FAST)
    assert users.verify("alice", "pencil")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("alice", "expected a name"),
        (str(KEYS), "expected a name"),
        ("alice secret", "no keys of SCRAM-SHA-256"),
        (f"alice:{KEYS}", "expected a name"),
        (f"alice {KEYS} bob", "no keys of SCRAM-SHA-256"),
        (f"alice\t{KEYS}", "expected a name"),
        (f"Ju\u0308rgen {KEYS}", "prepared as RFC 4013 says"),
        (f"al\x07ice {KEYS}", "RFC 4013 2.3"),
        (f"bob {KEYS}", "has keys already, in line 1"),
        (f"alice {KEYS}".replace("$4096", "$1"), "rounds of hashing"),
        ("%secret", "random bytes"),
        ("%secret c2hvcnQ=", "random bytes"),
        ("%secret !", "random bytes"),
        ("%other x", "random bytes"),
    ],
)
def test_a_line_that_says_nothing(tmp_path: Path, line: str, why: str) -> None:
    path = written(tmp_path, f"bob {KEYS}", line)
    with pytest.raises(TextError, match=why) as refused:
        Users(path)
    assert str(refused.value).startswith(f"{path}:2: ")
    assert "0123456789" not in str(refused.value)


def test_a_second_secret(tmp_path: Path) -> None:
    with pytest.raises(TextError, match="once in the file"):
        Users(written(tmp_path, SECRET, SECRET))


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(b"alice \xff\n")
    with pytest.raises(TextError, match="UTF-8"):
        Users(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o601])
def test_a_file_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(StorageError, match="chmod 600"):
        Users(written(tmp_path, f"alice {KEYS}", mode=mode))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="can't be read"):
        Users(tmp_path)


# --- changed


def test_what_another_changes_is_seen(tmp_path: Path) -> None:
    path = written(tmp_path, SECRET, f"alice {KEYS}")
    server, admin = Users(path), Users(path)
    assert admin.add("bob", "pencil", iterations=FAST)
    assert server.verify("bob", "pencil")
    assert not admin.add("bob", "pen", iterations=FAST)  # another password
    assert (server.verify("bob", "pencil"), server.verify("bob", "pen")) == (False, True)
    assert admin.remove("alice")
    assert not admin.remove("alice")
    assert not server.find("alice")[1]
    assert list(server.keys) == ["bob"]
    path.unlink()
    assert server.keys == {}
    written(tmp_path, f"carol {KEYS}")
    assert list(server.keys) == ["carol"]


def test_a_change_that_cannot_be_read_changes_nothing_and_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path, f"alice {KEYS}")
    users = Users(path)
    written(tmp_path, f"alice {KEYS}", "bob")
    for _ in range(3):
        assert users.find("alice")[1]
    assert [record.getMessage() for record in caplog.records] == [
        f"the users stay as they were: {path}:2: expected a name, prepared as RFC 4013 says, a space, and its keys as RFC 5803 writes them"
    ]
    written(tmp_path, f"alice {KEYS}", f"bob {KEYS}", mode=0o644)
    assert not users.find("bob")[1]
    assert len(caplog.records) == 2
    path.chmod(0o600)
    assert users.find("bob")[1]


def test_the_file_is_its_owners_alone_and_keeps_what_an_editor_wrote(tmp_path: Path) -> None:
    path = tmp_path / "mail" / "users"
    users = Users(path)
    users.add("alice", "pencil", iterations=FAST)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.write_text(path.read_text() + f"\n# friends\nbob {KEYS}")  # without a line end
    users.add("carol", "pencil", iterations=FAST)
    users.add("alice", "pen", iterations=FAST)
    users.remove("bob")
    header, secret, alice, empty, friends, carol = path.read_text().splitlines()
    assert header.startswith("# Who may log in")
    assert (secret[:8], alice[:6], empty, friends, carol[:6]) == ("%secret ", "alice ", "", "# friends", "carol ")
    assert [entry.name for entry in path.parent.iterdir()] == ["users"]


def test_no_password_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "users"
    Users(path).add("alice", "correct horse", iterations=FAST)
    Users(path).add("bob", "correct horse", iterations=FAST)
    text = path.read_text()
    assert "correct" not in text
    alice, bob = (ScramKeys.parse(line.split(" ")[1]) for line in text.splitlines()[-2:])
    assert alice.salt != bob.salt


@pytest.mark.parametrize("name", ["", " ", "alice ", " alice", "#alice", "%alice", "ali\nce", "ali\0ce", "a\u2028b"])
def test_a_name_that_the_file_cannot_hold(tmp_path: Path, name: str) -> None:
    users = Users(tmp_path / "users")
    with pytest.raises(TextError):
        users.add(name, "pencil", iterations=FAST)
    assert not users.path.exists()


def test_what_is_no_password(tmp_path: Path) -> None:
    users = Users(tmp_path / "users")
    for password in ("", "a\0b", "a\nb", "\U0001f600"):
        with pytest.raises(TextError):
            users.add("alice", password, iterations=FAST)
    assert not users.path.exists()


def test_a_link_stays_one(tmp_path: Path) -> None:
    path = written(tmp_path, f"alice {KEYS}")
    link = tmp_path / "link"
    link.symlink_to(path)
    Users(link).add("bob", "pencil", iterations=FAST)
    assert link.is_symlink()
    assert set(Users(path).keys) == {"alice", "bob"}


def test_two_who_change_it_at_once_both_do(tmp_path: Path) -> None:
    path = written(tmp_path)

    def add(number: int) -> None:
        Users(path).add(f"user{number}", "pencil", iterations=FAST)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Users(path).keys) == 12


def test_a_disk_that_is_full_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, f"alice {KEYS}")
    before = path.read_text()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        Users(path).add("bob", "pencil", iterations=FAST)
    assert path.read_text() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["users"]


# --- how a server uses it


def test_who_is_in_the_file_is_let_in(tmp_path: Path) -> None:
    path = written(tmp_path, SECRET, f"alice {KEYS}")
    authenticator = Users(path).authenticator()

    def plain(user: str, password: str) -> object:
        step = authenticator.start("PLAIN", nonce=bytes(18), secure=True).step(f"\0{user}\0{password}".encode())
        assert isinstance(step, Work)
        return step.run()

    assert plain("alice", "pencil") == Accepted("alice")
    assert isinstance(plain("alice", "pen"), Denied)
    assert isinstance(plain("bob", "pencil"), Denied)
    Users(path).add("bob", "pencil", iterations=FAST)
    assert plain("bob", "pencil") == Accepted("bob")


def test_decoys_are_the_same_after_a_restart_and_after_a_change(tmp_path: Path) -> None:
    path = tmp_path / "users"
    Users(path).add("alice", "pencil", iterations=FAST)

    def salt() -> bytes:
        step = Users(path).authenticator().start("SCRAM-SHA-256", nonce=bytes(18), secure=False).step(b"n,,n=nobody,r=nonce")
        assert isinstance(step, Challenge)
        return step.data

    first = salt()
    assert salt() == first
    Users(path).add("bob", "pencil", iterations=FAST)
    assert salt() == first


# --- wirespeak smtp users

USERS = [sys.executable, "-m", "wirespeak", "smtp", "users"]


def run(*arguments: str | Path, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([*USERS, *map(str, arguments)], input=said, capture_output=True, text=True, timeout=60)


def test_the_commands(tmp_path: Path) -> None:
    file = ["--file", tmp_path / "users"]
    done = run("add", "alice", *file, said="correct horse\nmore\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "alice may log in\n", "")
    (tmp_path / "password").write_text("battery staple\r\n")
    assert run("add", "bob", "--password-file", tmp_path / "password", *file).returncode == 0
    assert run("list", *file).stdout == "alice\nbob\n"
    assert [json.loads(line) for line in run("list", "--json", *file).stdout.splitlines()] == [
        {"name": "alice", "iterations": 100_000},
        {"name": "bob", "iterations": 100_000},
    ]
    right, wrong = run("check", "bob", *file, said="battery staple"), run("check", "bob", *file, said="battery")
    assert (right.returncode, right.stdout) == (0, "yes\n")
    assert (wrong.returncode, wrong.stdout, wrong.stderr) == (1, "", "no\n")
    assert run("check", "nobody", *file, said="battery").returncode == 1
    assert run("add", "bob", *file, said="another\n").stdout == "bob has a new password\n"
    assert run("check", "bob", "--password-file", "-", *file, said="another\n").returncode == 0
    assert run("remove", "bob", *file).returncode == 0
    again = run("remove", "bob", *file)
    assert (again.returncode, again.stderr) == (1, "there is no user bob\n")
    assert run("list", *file).stdout == "alice\n"


def test_what_the_commands_refuse(tmp_path: Path) -> None:
    path = tmp_path / "users"
    for arguments, said, why in (
        (["add", "alice"], "", "its line is empty"),
        (["add", "#alice"], "x\n", "begins with neither"),
        (["add", "alice"], "a\x07b\n", "RFC 4013"),
        (["add", "alice", "secret"], "", "unexpected extra argument"),
    ):
        done = run(*arguments, "--file", path, said=said)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert why in done.stderr
    assert not path.exists()
    written(tmp_path, "alice")
    damaged = run("list", "--file", path)
    assert (damaged.returncode, damaged.stderr[:11]) == (4, "wirespeak: ")


def test_at_a_terminal_a_password_is_asked_for_twice_and_not_shown(tmp_path: Path) -> None:
    arguments = [*USERS[1:], "add", "alice", "--file", str(tmp_path / "users")]
    child = pexpect.spawn(USERS[0], arguments, encoding="utf-8", timeout=30)
    try:
        shown = ""
        for prompt in ("Password of alice: ", "Repeat for confirmation: "):
            child.expect_exact(prompt)
            shown += child.before
            child.sendline("hunter2")
        child.expect("alice may log in")
        assert "hunter2" not in shown + child.before
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    assert Users(tmp_path / "users").verify("alice", "hunter2")


def test_the_usual_place(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    subprocess.run([*USERS, "add", "alice"], input="pencil", text=True, env=environment, check=True, capture_output=True, timeout=60)
    assert list(Users(tmp_path / "wirespeak" / "smtp" / "users").keys) == ["alice"]
