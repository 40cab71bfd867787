"""Mail that was written against who looks at it: at a terminal, in a file manager, in the catcher's own index.

What a mail says is shown, and does nothing: no control character of it reaches the terminal, no attachment leaves the folder
that it is to be written to, no number of parts or words costs more than a moment.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.smtp_wire import ENVIRONMENT, ROOT, UNSHOWABLE, Post, catching, fresh
from tests.raw import accepting
from wirespeak.smtp import Inbox

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp.exe\u2066\r\x08"


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    with catching(tmp_path_factory.mktemp("caught")) as post:
        yield post


def run(*arguments: str | Path, codes: tuple[int, ...] = (0,)) -> str:
    """The output of a command, which must end with one of ``codes``; nothing in it may move the cursor."""
    command = [sys.executable, "-m", "wirespeak", "smtp", *map(str, arguments)]
    done = subprocess.run(command, env=ENVIRONMENT | {"PATH": "", "HOME": "/nonexistent"}, cwd=ROOT, capture_output=True, timeout=60)
    output = (done.stdout + done.stderr).decode()
    assert done.returncode in codes, output
    assert not UNSHOWABLE.search(output.replace("\t", " ")), repr(output)
    return output


def caught(post: Post, mail: bytes, *, to: str = "bob@away.test") -> None:
    """Have the mail taken, in whatever pieces and of whatever bytes it is made."""
    with post.meet() as wire:
        wire.envelope(to, parameters="BODY=BINARYMIME")
        wire.send(b"BDAT %d LAST\r\n" % len(mail) + mail)
        assert wire.reply().code == 250


def encoded(text: str) -> bytes:
    """An encoded word (RFC 2047 2), by which any character can come into a header."""
    return b"=?utf-8?Q?" + b"".join(b"=%02X" % octet for octet in text.encode()) + b"?="


@pytest.mark.parametrize("form", ["raw", "encoded"])
def test_a_terminal_is_shown_text_alone(post: Post, form: str) -> None:
    mark = fresh()
    said = ESCAPES.replace("\r", "").encode() if form == "raw" else encoded(ESCAPES)
    head = b"From: %b <eve@away.test>\r\nTo: %b\r\nSubject: %b %b\r\nX: %b\r\n" % (said, said, mark.encode(), said, said)
    head += b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    text = b"--b\r\n\r\n" + ESCAPES.encode() + b"\r\n--b\r\n"
    text += b"Content-Disposition: attachment; filename*=utf-8''%1b%5b2J%0d%0a%e2%80%aea\r\n\r\nx\r\n--b--\r\n"
    caught(post, head + text)
    for arguments in (["list"], ["search", mark], ["show", "latest"], ["show", "latest", "--headers"]):
        assert mark in run("inbox", *arguments, "--inbox", post.folder)
    run("inbox", "show", "latest", "--transcript", "--inbox", post.folder)
    run("inbox", "attachments", "latest", "--inbox", post.folder)
    for line in run("inbox", "list", "--json", "--inbox", post.folder).splitlines():
        json.loads(line)


NAMES = [
    "../../escape",
    "/etc/escape",
    "..",
    ".",
    "",
    "a/b",
    "a\\b",
    "..\\..\\escape",
    "C:\\escape",
    "~/escape",
    ".bashrc",
    "-rf",
    "a" * 400,
]
NAMES += ["nul\0l", "a\nb", "é" * 300, "$(touch escape)", "con", "a b", "same.txt", "same.txt", "SAME.TXT"]


def test_attachments_stay_in_their_folder(post: Post, tmp_path: Path) -> None:
    """Base names only, nothing hidden, none over another."""
    parts = b""
    for number, name in enumerate(NAMES):
        quoted = "".join(f"%{octet:02x}" for octet in name.encode())
        parts += f"--b\r\nContent-Disposition: attachment; filename*=utf-8''{quoted}\r\n\r\ncontent {number}\r\n".encode()
    caught(post, b'Subject: files\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n' + parts + b"--b--\r\n")
    folder = tmp_path / "one" / "two" / "out"
    folder.mkdir(parents=True)
    run("inbox", "attachments", "latest", "--extract", folder, "--inbox", post.folder)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.parent for path in written} == {folder}
    assert not [path for path in written if path.name.startswith((".", "-")) or path.is_symlink()]
    assert sorted(path.read_bytes().strip() for path in written) == sorted(f"content {number}".encode() for number in range(len(NAMES)))


def test_an_attachment_is_written_over_nothing(post: Post, tmp_path: Path) -> None:
    """Neither over a file that is there, nor through a link."""
    caught(post, b"Subject: a\r\nContent-Disposition: attachment; filename=link\r\nContent-Type: application/x\r\n\r\nnew\r\n")
    (tmp_path / "target").write_text("old")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "target")
    run("inbox", "attachments", "latest", "--extract", folder, "--inbox", post.folder)
    assert (tmp_path / "target").read_text() == "old"


BOMBS = {
    "parts within parts": b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(3_000)) + b"x",
    "many parts": b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\nx\r\n" * 100_000,
    "messages within messages": b"Content-Type: message/rfc822\r\n\r\n" * 3_000,
    "a header of encoded words": b"Subject: " + b"=?utf-8?B?YQ==?= " * 10_000 + b"\r\n\r\n",
    "a header without end": b"Subject: " + b"a" * 200_000 + b"\r\n\r\n",
    "many fields": b"X: y\r\n" * 40_000 + b"\r\n",
    "a field of parameters": b"Content-Type: text/plain" + b"; a=b" * 30_000 + b"\r\n\r\nx",
    "continued parameters": b"Content-Type: text/plain" + b"".join(b"; a*%d=b" % n for n in range(20_000)) + b"\r\n\r\nx",
    "addresses": b"To: " + b"<a@b>, " * 30_000 + b"\r\n\r\nx",
    "comments": b"From: " + b"(" * 50_000 + b"\r\n\r\nx",
    "quotes": b"From: " + b'"\\' * 50_000 + b"\r\n\r\nx",
    "no charset": b"Content-Type: text/plain; charset=\xff\xfe\r\n\r\n\xff\xfe\x00",
    "a charset of Python's": b"Content-Type: text/plain; charset=unicode_escape\r\n\r\n\\N{SNOWMAN}",
    "bad base64": b"Content-Transfer-Encoding: base64\r\n\r\n=!=!" * 1000,
    "uuencode": b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 /etc/passwd\r\n" + b"M" * 10_000,
    "HTML": b"Content-Type: text/html\r\n\r\n" + b"<div>" * 100_000 + b"&#x1b;&#0;&#x110000;<script>alert(1)</script>",
    "a date": b"Date: " + b"9" * 10_000 + b"\r\n\r\n",
    "nothing at all": b"",
    "NULs": bytes(100_000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_mail_that_is_hard_to_read_costs_a_moment(post: Post, name: str) -> None:
    since = time.monotonic()
    before = post.memory
    recipient = f"{fresh()}@away.test"
    caught(post, BOMBS[name], to=recipient)
    with Inbox.open(post.folder) as inbox:
        (mail,) = inbox.list(to=recipient)
        assert len(mail.text) <= 4 * len(BOMBS[name]) + 1000
        assert len(mail.attachments) <= 1000
        inbox.search("nothing")
    run("inbox", "show", mail.id, "--inbox", post.folder)
    assert time.monotonic() - since < 25
    assert post.memory - before < 30_000_000


QUERIES = ['"', "'", "*", "a*b", "NEAR(", "a OR", "-a", "subject:", ")(", "%", "\\", "^a", "{a b}", "; DROP TABLE mail"]


@pytest.mark.parametrize("words", QUERIES)
def test_words_that_are_a_query(post: Post, words: str) -> None:
    """What is searched for is words, and no language of the index's."""
    caught(post, b"Subject: something\r\n\r\nto be found\r\n")
    run("inbox", "search", "--inbox", post.folder, "--", words, codes=(0, 1, 2))  # found, not found, no word in it


# --- what a server says to our own command


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "text"])
@pytest.mark.parametrize("option", ["", "--explain", "--json"])
def test_a_servers_words_move_no_cursor(step: str, option: str) -> None:
    escapes = ESCAPES.replace("\r", "").encode()

    def talk(sock) -> None:  # type: ignore[no-untyped-def]
        file = sock.makefile("rb")

        def say(name: str, code: int) -> None:
            sock.sendall(b"%d %b\r\n" % (550 if name == step else code, escapes if name == step else b"ok"))

        say("greeting", 220)
        for line in file:
            verb = line[:4].strip()
            if verb == b".":
                say("text", 250)
            elif verb in (b"EHLO", b"HELO", b"MAIL", b"RCPT", b"DATA", b"QUIT"):
                say("EHLO" if verb == b"HELO" else verb.decode(), 354 if verb == b"DATA" else 250)

    with accepting(talk) as port:
        command = [sys.executable, "-m", "wirespeak", "smtp", "send", "--from", "a@b.test", "--to", "c@d.test", *filter(None, [option])]
        environment = ENVIRONMENT | {"HOME": "/nonexistent"}
        done = subprocess.run([*command, "--server", f"127.0.0.1:{port}"], env=environment, cwd=ROOT, capture_output=True, timeout=60)
    assert done.returncode in (1, 5)
    assert not UNSHOWABLE.search((done.stdout + done.stderr).decode()), done.stdout + done.stderr
