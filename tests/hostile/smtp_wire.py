"""SMTP by hand: lines sent as they are written, replies read by a reader that lets nothing pass, and the server under attack.

It shares no code with ours. `Mouth` is a connection whose `says` sends one line and gives the one reply; a reply that RFC 5321
4.2 or RFC 2034 4 do not allow is an `AssertionError`. `Post` is ``wirespeak smtp serve`` as a program, with the folder that it
delivers to: what it has accepted is what lies there.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import re
import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.hostile.wire import Wire
from tests.processes import Program

ROOT = Path(__file__).parent.parent.parent
DOMAIN = "example.test"
CRLF = b"\r\n"
END = b"\r\n.\r\n"

# RFC 5321 4.2: three digits, of which the second is no larger than 5; text of HT and printing characters.
REPLY_LINE = re.compile(rb"([2-5][0-5][0-9])([ -])([\t\x20-\x7e]*)")
ENHANCED = re.compile(r"([245])\.(?:0|[1-9][0-9]{0,2})\.(?:0|[1-9][0-9]{0,2})(?= |$)")
LONGEST_REPLY_LINE = 512  # RFC 5321 4.5.3.1.5, with its CRLF
LONGEST_CHALLENGE = 12288  # RFC 4954 4

UNSHOWABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What must not reach a terminal: it moves the cursor, changes colours, or turns the text around it."""

_numbers = itertools.count(1)


def fresh() -> str:
    """A local part that nobody has had before."""
    return f"u{next(_numbers)}"


@dataclass(slots=True)
class Said:
    """A reply: its code, the enhanced code that every line of it has (or ""), and the lines' text without it."""

    code: int
    enhanced: str
    lines: list[str]

    @property
    def status(self) -> str:
        """``"550 5.6.11"``, or the code alone."""
        return f"{self.code} {self.enhanced}".strip()

    def __str__(self) -> str:
        return f"{self.status} {' / '.join(self.lines)}"


class Mouth(Wire):
    """An SMTP connection."""

    def __enter__(self) -> Mouth:
        return self

    # --- reading

    def line(self) -> bytes:
        """The next line, without its CRLF; no other line end, and no more bytes than a reply's line may have."""
        while (end := self.received.find(b"\n")) < 0:
            assert len(self.received) <= LONGEST_CHALLENGE, f"a reply's line without an end: {bytes(self.received[:200])!r}"
            assert self.more(), f"the connection ended, with {bytes(self.received)!r} left"
        line = bytes(self.received[: end + 1])
        del self.received[: end + 1]
        assert line.endswith(CRLF), f"a reply's line that does not end in CRLF: {line!r}"
        longest = LONGEST_CHALLENGE if line.startswith(b"334") else LONGEST_REPLY_LINE
        assert len(line) <= longest, f"{len(line)} octets in a line of a reply"
        return line[:-2]

    def reply(self, *, bare: bool = False) -> Said:
        """The next reply, whole. But for greetings and replies to EHLO (``bare``), those of 2yz, 4yz and 5yz have an enhanced code."""
        code, texts, more = 0, [], True
        while more:
            line = self.line()
            match = REPLY_LINE.fullmatch(line)
            assert match, f"no line of a reply: {line!r}"
            assert code in (0, int(match[1])), f"a reply's code changes inside: {line!r}"
            code, more = int(match[1]), match[2] == b"-"
            texts.append(match[3].decode("ascii"))
        found = [ENHANCED.match(text) for text in texts]
        if bare or code // 100 == 3 or (code == 220 and not any(found)):
            return Said(code, "", texts)
        assert all(found), f"a line without its enhanced code (RFC 2034 4): {code} {texts}"
        codes = {match[0] for match in found if match}
        assert len(codes) == 1, f"several enhanced codes in one reply: {codes}"
        enhanced = codes.pop()
        assert enhanced[0] == str(code)[0], f"{code} with {enhanced} (RFC 2034 4: the classes are the same)"
        return Said(code, enhanced, [text[len(enhanced) + 1 :] for text in texts])

    def last_words(self) -> list[Said]:
        """Every reply up to the end of the connection, which is a proper one (FIN): what we had sent was taken off the wire."""
        came = []
        while self.received or self.more():
            came.append(self.reply())
        return came

    def statuses(self, count: int) -> list[str]:
        """The status of each of the next ``count`` replies."""
        return [self.reply().status for _ in range(count)]

    # --- talking

    def says(self, line: str | bytes) -> Said:
        """Send a line, and read the reply."""
        self.send((line if isinstance(line, bytes) else line.encode("utf-8")) + CRLF)
        return self.reply()

    def status(self, line: str | bytes) -> str:
        """Send a line; the reply's status."""
        return self.says(line).status

    def greeted(self) -> Mouth:
        """Read the greeting."""
        greeting = self.reply(bare=True)
        assert greeting.code == 220, greeting
        return self

    def ehlo(self, name: str = "client.test", *, verb: str = "EHLO") -> dict[str, str]:
        """Say EHLO: the keywords offered, in capitals, with their parameters (RFC 5321 4.1.1.1)."""
        self.send(f"{verb} {name}\r\n".encode())
        said = self.reply(bare=True)
        assert said.code == 250, said
        offered: dict[str, str] = {}
        for line in said.lines[1:]:
            keyword, _, parameters = line.partition(" ")
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", keyword), f"no ehlo-line: {line!r}"
            assert keyword.upper() not in offered, f"{keyword} is offered twice"
            offered[keyword.upper()] = parameters
        return offered

    def envelope(self, *recipients: str, sender: str = "ann@client.test", parameters: str = "") -> Mouth:
        """MAIL and RCPT, all of which must be accepted. A recipient without a domain is of ours."""
        assert self.status(f"MAIL FROM:<{sender}>{' ' if parameters else ''}{parameters}") == "250 2.1.0"
        return self.envelope_more(*recipients)

    def envelope_more(self, *recipients: str) -> Mouth:
        """RCPT for each, all of whom must be accepted."""
        for recipient in recipients:
            address = recipient if "@" in recipient else f"{recipient}@{DOMAIN}"
            assert self.status(f"RCPT TO:<{address}>") == "250 2.1.5"
        return self

    def data(self) -> Mouth:
        """DATA, which must be gone on with."""
        said = self.says("DATA")
        assert said.code == 354, said
        return self

    def deliver(self, recipient: str, content: bytes = b"Subject: fine\r\n\r\nfine\r\n") -> None:
        """Send an ordinary mail, as a well-behaved client does, on a connection that has been greeted."""
        self.envelope(recipient).data()
        self.send(content + b".\r\n")
        assert self.reply().code == 250

    # --- TLS

    def start_tls(self) -> Mouth:
        """Ask for TLS, and shake hands."""
        said = self.says("STARTTLS")
        assert said.code == 220, said
        return self.shake_hands()

    def shake_hands(self) -> Mouth:
        """TLS from here on; whose certificate it is does not matter here."""
        assert not self.received, f"said in clear behind the agreement on TLS: {bytes(self.received)!r}"
        try:
            self.socket.getpeername()  # Python's wrap_socket leaves a socket behind where the other side has cut us off
        except OSError as error:
            raise ConnectionError("cut off before the handshake") from error
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        return self


class Post:
    """``wirespeak smtp serve`` as a program, and the folder it delivers to: ``folder/DOMAIN/localpart/`` is a Maildir."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.process = psutil.Process(program.pid)
        line = program.wait_for(r'^\{.*"event": ?"listening".*\}')[0]
        event = json.loads(line)
        self.address: tuple[str, int] = (event["host"], event["port"])

    def connect(self, *, receive_buffer: int | None = None) -> Mouth:
        """A connection on which nothing has been read yet."""
        return Mouth(self.address, receive_buffer=receive_buffer)

    def meet(self) -> Mouth:
        """A connection on which both sides have greeted."""
        wire = self.connect().greeted()
        wire.ehlo()
        return wire

    def mails(self, local: str) -> list[bytes]:
        """What has been delivered to ``local``: each mail from its Subject on (our own trace fields go before), its line ends as LF."""
        return sorted(content(path.read_bytes()) for path in (self.folder / DOMAIN / local).glob("new/*"))

    def everything(self) -> list[Path]:
        """All files of mail: delivered or half delivered, wherever they are."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file() and path.parent.name in ("new", "cur", "tmp"))

    def still_serves(self) -> None:
        """A well-behaved client gets its mail delivered."""
        local = fresh()
        with self.meet() as wire:
            wire.deliver(local)
            assert wire.status("QUIT") == "221 2.0.0"
        assert self.mails(local) == [b"Subject: fine\n\nfine\n"]

    @property
    def memory(self) -> int:
        """Bytes of memory that are the process's own."""
        return int(self.process.memory_full_info().uss)


def content(stored: bytes) -> bytes:
    """A stored mail without the trace fields that a server puts in front (RFC 5321 4.4), its line ends as LF."""
    text = stored.replace(CRLF, b"\n")
    while match := re.match(rb"(?:Return-Path|Delivered-To|X-Original-To|Received):[^\n]*\n(?:[ \t][^\n]*\n)*", text):
        text = text[match.end() :]
    return text


# --- servers

ENVIRONMENT = {"PYTHONPATH": str(ROOT / "src")}
COMMAND = [sys.executable, "-m", "wirespeak", "smtp", "serve", "--bind", "127.0.0.1:0", "--json"]


def command(folder: Path, *arguments: str | Path) -> list[str | Path]:
    """The command under test, on a free port; it delivers to ``folder``."""
    return [*COMMAND, "--domain", DOMAIN, "--maildir", folder, *arguments]


def serve(start: Callable[..., Program], folder: Path, *arguments: str | Path) -> Post:
    """``wirespeak smtp serve`` with these further arguments; ``start`` runs a program (`tests.conftest.start`)."""
    return Post(start(command(folder, *arguments), env=ENVIRONMENT, cwd=ROOT), folder)


def serving(folder: Path, *arguments: str | Path) -> contextlib.AbstractContextManager[Post]:
    """`serve` for all tests of a file."""
    return running(command(folder, *arguments), folder)


def catching(folder: Path) -> contextlib.AbstractContextManager[Post]:
    """A server that takes mail for anyone, and keeps it in ``folder``."""
    return running([*COMMAND, "--catch", "--inbox", folder], folder)


@contextlib.contextmanager
def running(command: Sequence[str | Path], folder: Path) -> Iterator[Post]:
    """The server. It must have lived to the end, and have said nothing that looks like a fault of its own."""
    program = Program(command, env=ENVIRONMENT, cwd=ROOT)
    try:
        yield Post(program, folder)
        assert program.process.poll() is None, f"the server ended:\n{program.output}"
        assert "Traceback" not in program.output, program.output
        assert not UNSHOWABLE.search(program.output), f"a peer's control characters reach the terminal: {program.output!r}"
    finally:
        program.end()


# --- who may log in

PASSWORD = "pencil and paper"


def scram_keys(password: str, salt: bytes = b"0123456789abcdef", iterations: int = 4096) -> str:
    """What a server keeps of a password (RFC 5802 3), as RFC 5803 2 writes it."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored, server = hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${iterations}:{b64(salt)}${b64(stored)}:{b64(server)}"


def write_users(path: Path, *names: str) -> Path:
    """A file of users, whose password is `PASSWORD`."""
    path.write_text("".join(f"{name} {scram_keys(PASSWORD)}\n" for name in names), encoding="utf-8")
    path.chmod(0o600)
    return path


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def plain(user: str, password: str = PASSWORD, authzid: str = "") -> str:
    """The response of PLAIN (RFC 4616 2), encoded."""
    return b64(f"{authzid}\0{user}\0{password}".encode())
