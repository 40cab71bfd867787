"""A mail server that follows a script, in memory, and lets no word pass that is not in it.

    S: 220 mail.test at your service
    C: EHLO ann.test
    S: 250 mail.test

``C:`` is a line that the client has to say, to the byte; ``S:`` a line that it is answered. ``C|`` and ``S|`` are the same without the
CRLF, in which ``\\r\\n`` and the like may be written out. ``wait 5`` lets so many seconds pass, ``S FIN`` and ``S RST`` end the
connection, ``C FIN`` is the client's end. ``TLS`` stands where both shake hands.

Below are the parts that scripts are made of, and servers that know a little more than a script.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from wirespeak.contract import ABORT, FINISH, Link, Segment, Service, Session
from wirespeak.smtp.client import BlockingClient, Settings
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.sockets.memory import MemoryNetwork

LINE = re.compile(r"(?P<who>[CS])(?P<how>:|\|| FIN| RST)(?: (?P<text>.*))?$|wait (?P<time>[\d.]+)$|(?P<tls>TLS)$")

Step = tuple[str, Any]


def steps(text: str) -> list[Step]:
    """What the script says, as ("C", bytes), ("S", bytes), ("wait", seconds), ("TLS", None) or an end of either."""
    found: list[Step] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        match = LINE.match(line)
        assert match, f"this is no line of a script: {line!r}"
        if match["time"]:
            found.append(("wait", float(match["time"])))
        elif match["tls"]:
            found.append(("TLS", None))
        elif match["how"] in (" FIN", " RST"):
            found.append((match["who"] + match["how"], FINISH if match["how"] == " FIN" else ABORT))
        else:
            said = (match["text"] or "").encode()
            said = said + b"\r\n" if match["how"] == ":" else said.decode("unicode_escape").encode("latin-1")
            if found and found[-1][0] == match["who"]:
                said = found.pop()[1] + said
            found.append((match["who"], said))
    return found


class _Session:
    def __init__(self, script: Sequence[Step]) -> None:
        self.left = list(script)
        self.heard = b""
        self.out: list[Segment] = []
        self.deadline = math.inf
        self.reading = True
        self.closed = False

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        self.heard += data
        self.go_on(now)
        return ()

    def receive_eof(self, now: float) -> Sequence[Any]:
        if self.left and self.left[0][0] == "wait":
            self.tick(now)
        if self.left and self.left[0][0] == "C FIN":
            self.left.pop(0)
            self.go_on(now)
        assert not self.left, f"the client ended the connection, but had to go on with {self.left[0]}"
        self.closed = True
        return ()

    def go_on(self, now: float) -> None:
        while self.left and self.deadline == math.inf and not self.closed:
            what, said = self.left[0]
            if what == "C":
                assert said.startswith(self.heard) or self.heard.startswith(said), f"{self.heard!r} was said, {said!r} was expected"
                if len(self.heard) < len(said):
                    return
                self.heard = self.heard[len(said) :]
            elif what == "wait":
                self.deadline = now + said
                return
            elif what in ("C FIN", "TLS"):
                assert not self.heard, f"{self.heard!r} was said in the place of {what}"
                return
            else:
                self.out.append(said)
                self.closed = what in ("S FIN", "S RST")
            self.left.pop(0)
        if not self.left:
            assert not self.heard, f"{self.heard!r} was said, and nothing more was expected"

    def tick(self, now: float) -> Sequence[Any]:
        self.deadline = math.inf
        self.left.pop(0)
        self.go_on(now)
        return ()

    def data_to_send(self) -> Sequence[Segment]:
        out, self.out = self.out, []
        return out

    def secured(self, info: Any) -> None:
        assert self.left[0][0] == "TLS", f"a handshake in the place of {self.left[0]}"
        self.left.pop(0)

    def send(self, message: Any) -> None: ...
    def consumed(self, count: int) -> None: ...
    def blocked(self, pending: int, now: float) -> None: ...
    def finish(self, now: float) -> None: ...


class _Conversation:
    def __init__(self, script: Sequence[Step]) -> None:
        self.session: Session = _Session(script)

    def handle(self, event: Any) -> None: ...
    def lost(self, error: Exception | None) -> None: ...


def service(script: str) -> Service:
    """A service whose every connection follows the script."""

    def begin(link: Link) -> Any:
        return _Conversation(steps(script))

    return begin


def network(*scripts: str, piece: int | None = None) -> MemoryNetwork:
    """A network on which a server listens at ``server:25``, ``server:465`` and ``127.0.0.1:25``; each connection has its script."""
    left = [service(script) for script in scripts]

    def begin(link: Link) -> Any:
        return left.pop(0)(link)

    return MemoryNetwork({("server", 25): begin, ("server", 465): begin, ("server", 587): begin, ("127.0.0.1", 25): begin}, piece=piece)


# --- what scripts are made of

ANN, BOB, CAROL, DAVE = (Mailbox(name, "home.test") for name in ("ann", "bob", "carol", "dave"))
MAIL = b"Subject: hello\r\n\r\nHello\r\n.\r\n"
CLEAR: Settings = {"tls": "none", "hello": "me.test"}

OPENING = """
    S: 220 mail.test ready
    C: EHLO me.test
    S: 250-mail.test
"""
PLAIN = OPENING + "    S: 250 HELP\n"
PIPELINED = OPENING + "    S: 250 PIPELINING\n"
GOODBYE = """
    C: QUIT
    S: 221 bye
"""


def offering(*lines: str) -> str:
    """The beginning of a conversation with a server that offers these extensions."""
    return OPENING + "".join(f"    S: 250{'-' if number < len(lines) else ' '}{line}\n" for number, line in enumerate(lines, 1))


def talk(script: str, *, piece: int | None = None, to: str = "server", **settings: Any) -> tuple[MemoryNetwork, BlockingClient]:
    """A client that is connected to a server with this script."""
    net = network(script, piece=piece)
    return net, BlockingClient.connect(to, network=net, **{**CLEAR, **settings})


DIALOG = (
    PLAIN
    + """
    C: MAIL FROM:<ann@home.test>
    S: 250 2.1.0 ok
    C: RCPT TO:<bob@home.test>
    S: 250 2.1.5 ok
    C: DATA
    S: 354 go on
    C: Subject: hello
    C:
    C: Hello
    C: ..
    C: .
    S: 250 2.0.0 taken as 42
"""
    + GOODBYE
)


ENVELOPE = """
    C: MAIL FROM:<ann@home.test>
    S: 250 ok
    C: RCPT TO:<bob@home.test>
    S: 250 ok
"""
TEXT = """
    C: Subject: hello
    C:
    C: Hello
    C: ..
    C: .
"""


NOBODY = """
    C: MAIL FROM:<ann@home.test>
    S: 250 ok
    C: RCPT TO:<bob@home.test>
    S: 550 5.1.1 no bob
    C: RCPT TO:<carol@home.test>
    S: 450 4.2.1 no room
"""
# --- servers that answer by themselves


class Counting:
    """A server that takes whatever comes by BDAT, and answers each chunk with ``answer``."""

    def __init__(self, *offers: str, refuses_from: int = 10_000) -> None:
        self.offers = offers
        self.refuses_from = refuses_from
        self.chunks: list[bytes] = []
        self.commands: list[bytes] = []

    def __call__(self, link: Any) -> Any:
        self.session = self
        self.out = [b"220 mail.test\r\n"]
        self.kept = b""
        self.deadline, self.reading, self.closed = float("inf"), True, False
        return self

    def receive(self, data: bytes, now: float) -> tuple[()]:
        self.kept += data
        while b"\r\n" in self.kept:
            line, _, rest = self.kept.partition(b"\r\n")
            if line.startswith(b"BDAT"):
                size = int(line.split()[1])
                if len(rest) < size:
                    break
                self.chunks.append(rest[:size])
                rest = rest[size:]
            self.kept = rest
            self.commands.append(line)
            if line.startswith(b"EHLO"):
                self.out.append("".join(f"250-{offer}\r\n" for offer in ("mail.test", *self.offers)).encode() + b"250 HELP\r\n")
            elif line.startswith(b"BDAT") and len(self.chunks) >= self.refuses_from:
                self.out.append(b"552 5.3.4 too much\r\n")
            else:
                self.out.append(b"221 bye\r\n" if line == b"QUIT" else b"250 ok\r\n")
        return ()

    def receive_eof(self, now: float) -> tuple[()]:
        self.closed = True
        return ()

    def data_to_send(self) -> list[bytes]:
        out, self.out = self.out, []
        return out

    def handle(self, event: Any) -> None: ...
    def lost(self, error: Any) -> None: ...
    def blocked(self, pending: int, now: float) -> None: ...
    def tick(self, now: float) -> tuple[()]:
        return ()
