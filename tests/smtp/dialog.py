"""A conversation with a `ServerSession`, written as RFC 5321 appendix D writes its examples, and held without any socket.

    spoken('''
        S: 220 mx.test ESMTP
        C: EHLO client.test
        S: 250-mx.test greets client.test
        S...
        C: MAIL FROM:<ann@client.test>
        S: 250 2.1.0 Ok
    ''')

``C:`` is a line that the client says, with CRLF; ``C|`` the same without, in which ``\\r\\n`` and the like may be written out.
``C FIN`` is its end, ``C TLS`` the handshake. ``S:`` are the lines that the server must have said when the client falls
silent: nothing less, and nothing more; a line that ends in ``...`` may go on in any way, and ``S...`` stands for any further
lines. ``S FIN`` and ``S RST`` are its end, ``closed`` that the connection is of no more use. ``at 12.5`` lets the clock go on to that time.

Every dialog is held many times: as it stands, with each thing that the client says cut in two at every byte, and byte
by byte. Each time the same must be said and the same events must be told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from wirespeak.contract import ABORT, FINISH, StartTLS
from wirespeak.errors import RemoteProtocolError, TimeoutError
from wirespeak.smtp.limits import ServerLimits
from wirespeak.smtp.messages import (
    Auth,
    AuthAnswer,
    AuthCancelled,
    Challenge,
    Data,
    DataBegin,
    DataEnd,
    Expand,
    Hello,
    Recipient,
    Reply,
    Reset,
    Sender,
    Verify,
)
from wirespeak.smtp.session import ServerSession

ESMTP = Reply(220, "ESMTP")

Verdict = Callable[[Any], Reply | Challenge | None]
"""What is answered to an event; None where the verdict is still to come."""


def willing(event: Any) -> Reply | Challenge | None:
    """Takes mail for everyone but nobody@…, and lets in who says so by PLAIN, or by LOGIN after a question."""
    match event:
        case Hello():
            return Reply(250, f"mx.test greets {event.name}")
        case Sender():
            return Reply(250, "Ok", "2.1.0")
        case Recipient():
            return Reply(550, "No such user", "5.1.1") if event.mailbox.local == "nobody" else Reply(250, "Ok", "2.1.5")
        case DataBegin():
            return Reply(354, "Go on")
        case DataEnd():
            return Reply(250, "Taken", "2.0.0")
        case Auth(initial=None):
            return Challenge(b"password?")
        case Auth() | AuthAnswer():
            said = event.initial if isinstance(event, Auth) else event.data
            return Reply(235, "Welcome", "2.7.0") if said == b"sesame" else Reply(535, "No", "5.7.8")
        case Verify() | Expand():
            return Reply(252, "Try and see", "2.0.0")
    raise AssertionError(f"nobody asks for a verdict on {event!r}")


class Dialog:
    """A server's session and the smallest of conversations around it, driven as a pump drives them (`contract`)."""

    def __init__(
        self,
        verdict: Verdict = willing,
        *,
        greeting: Reply | None = ESMTP,
        consumes: bool = True,
        limits: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.verdict = verdict
        self.consumes = consumes
        self.now = 0.0
        self.woken = 0
        self.session = ServerSession(self._wake, ServerLimits(**limits or {}), hostname="mx.test", **options)
        self.events: list[Any] = []
        self.mails: list[bytes] = []
        """Those that came whole, and were taken."""
        self.said = b""
        self.ended = ""
        self._mail = b""
        self._arrived = b""  # at our socket, and not read while the session doesn't read
        if greeting is not None:
            self.session.send(greeting)
        self.settle()

    def _wake(self) -> None:
        self.woken += 1

    # --- the pump

    def hear(self, data: bytes) -> None:
        """``data`` arrives."""
        self._arrived += data
        self._read()

    def _read(self) -> None:
        while self._arrived and self.session.reading and not self.session.closed:
            data, self._arrived = self._arrived, b""
            self._handle(self.session.receive(data, self.now))
            self.settle()

    def hear_end(self) -> None:
        """The client's FIN arrives."""
        self._handle(self.session.receive_eof(self.now))
        self.settle()

    def shake_hands(self) -> None:
        """TLS is agreed on, and what still lies there in clear is no handshake's."""
        self._arrived = b""
        self.session.secured(None)
        self.settle()

    def at(self, now: float) -> None:
        """The clock goes on to ``now``, and stops on the way where the session has something due."""
        while (due := self.session.deadline) <= now and not self.session.closed:
            self.now = max(due, self.now)
            self._handle(self.session.tick(self.now))
            self.settle()
            assert self.session.deadline > self.now or self.session.closed, "the session wants to be called again at once, for ever"
        self.now = now

    def settle(self) -> None:
        """Go on with what the session kept until nothing comes, and gather what it has to say."""
        while True:
            while events := self.session.receive(b"", self.now):
                self._handle(events)
            if self.session.closed or self.session.deadline > self.now:
                break
            self._handle(self.session.tick(self.now))  # it has more to do, and let others go first
        self._gather()

    def _gather(self) -> None:
        for segment in self.session.data_to_send():
            assert not self.ended, f"said behind the end: {segment!r}"
            if segment is FINISH:
                self.ended = "FIN"
            elif segment is ABORT:
                self.ended = "RST"
            else:
                assert isinstance(segment, bytes)
                self.said += segment

    # --- the conversation

    def _handle(self, events: Sequence[Any]) -> None:
        for event in events:
            self._tell(event)
            match event:
                case Data():
                    self._mail += event.data
                    if self.consumes:
                        self.session.consumed(len(event.data))
                case RemoteProtocolError() | TimeoutError() | Reset() | AuthCancelled() | StartTLS():
                    self._mail = b""
                case _:
                    if (answer := self.verdict(event)) is not None:
                        self.say(answer)
                    if isinstance(event, DataEnd):
                        self.mails.append(self._mail)
                        self._mail = b""

    def _tell(self, event: Any) -> None:
        """Note ``event``; a mail's pieces as one, and none of a mail that is not taken."""
        before = self.events[-1] if self.events else None
        if isinstance(before, Data) and isinstance(event, Data):
            self.events[-1] = Data(before.data + event.data)
            return
        if isinstance(before, Data) and isinstance(event, Reset):
            self.events.pop()
        self.events.append((type(event).__name__, str(event)) if isinstance(event, Exception) else event)

    def say(self, *messages: Any) -> None:
        """The server says something now, of itself."""
        for message in messages:
            self.session.send(message)

    def take(self) -> str:
        """What the server has said since the last time."""
        self._gather()
        said, self.said = self.said, b""
        return said.decode()

    @property
    def kinds(self) -> list[str]:
        """The names of the events so far."""
        return [event[0] if isinstance(event, tuple) else type(event).__name__ for event in self.events]


# --- dialogs written down

LINE = re.compile(r"(?P<who>[CS])(?P<how>:|\||\.\.\.| FIN| RST| TLS)(?: (?P<text>.*))?$|at (?P<time>[\d.]+)$|(?P<closed>closed)$")


@dataclass
class Step:
    """What the client does, and what must have been said by the server when it has."""

    data: bytes = b""
    ends: bool = False
    shakes_hands: bool = False
    time: float | None = None
    answer: list[str] = field(default_factory=list)
    open_ended: bool = False
    end: str = ""
    closed: bool = False


def steps(text: str) -> list[Step]:
    """The steps of a dialog as it is written (see the top of this file)."""
    found: list[Step] = [Step()]
    heard = False  # the server's part of the step has begun
    for line in filter(str.strip, text.splitlines()):
        match = LINE.match(line.strip())
        assert match, f"this is no line of a dialog: {line!r}"
        is_server = match["who"] == "S" or bool(match["closed"])
        if (heard and not is_server) or match["time"] or (match["how"] in (" FIN", " TLS") and not is_server):
            found.append(Step())
        heard = is_server
        step = found[-1]
        text = match["text"] or ""
        if match["time"]:
            step.time = float(match["time"])
        elif match["closed"]:
            step.closed = True
        elif match["how"] == "...":
            step.open_ended = True
        elif match["how"] == " TLS":
            step.shakes_hands = True
        elif match["how"] in (" FIN", " RST"):
            if is_server:
                step.end = match["how"].strip()
            else:
                step.ends = True
        elif is_server:
            step.answer.append(text)
        else:
            step.data += (
                (text + "\r\n").encode() if match["how"] == ":" else text.encode("latin-1").decode("unicode_escape").encode("latin-1")
            )
    return found


def unescaped(text: str) -> bytes:
    """The bytes that ``text`` writes out: ``\\r``, ``\\x00``."""
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """``data`` cut in two at every place, and byte by byte."""
    yield from ([data[:at], data[at:]] for at in range(1, len(data)))
    yield [data[at : at + 1] for at in range(len(data))]


def check(step: Step, said: str, how: str) -> None:
    """Whether the server has said what it must say."""
    assert not said or said.endswith("\r\n"), how
    lines = said.split("\r\n")[:-1]
    if step.open_ended:
        lines = lines[: len(step.answer)]
    for heard, meant in zip(lines, step.answer, strict=False):
        assert heard.startswith(meant[:-3]) if meant.endswith("...") else heard == meant, f"{how}: {heard!r}, not {meant!r}"
    assert len(lines) == len(step.answer), f"{how}: {lines}, not {step.answer}"


def held(script: list[Step], pieces: list[list[bytes]], make: Callable[[], Dialog], how: str) -> Dialog:
    """Hold the dialog with what the client says in these pieces; AssertionError where the server says something else."""
    dialog = make()
    for number, (step, said) in enumerate(zip(script, pieces, strict=True)):
        where = f"step {number}, {how}"
        if step.time is not None:
            dialog.at(step.time)
        if step.shakes_hands:
            dialog.shake_hands()
        for piece in said:
            dialog.hear(piece)
        if step.ends:
            dialog.hear_end()
        check(step, dialog.take(), where)
        assert dialog.ended == step.end, where
        assert dialog.session.closed == step.closed, where
    return dialog


def spoken(text: str, verdict: Verdict = willing, **options: Any) -> Dialog:
    """Hold the dialog that ``text`` writes down, whole and at every cut; the dialog as it was held whole."""

    def make() -> Dialog:
        return Dialog(verdict, **options)

    script = steps(text)
    whole = [[step.data] if step.data else [] for step in script]
    dialog = held(script, whole, make, "whole")
    for number, step in enumerate(script):
        for pieces in cuts(step.data):
            how = f"cut into {pieces}"
            again = held(script, [*whole[:number], pieces, *whole[number + 1 :]], make, how)
            assert again.events == dialog.events, how
            assert again.mails == dialog.mails, how
    return dialog


GREETED = """
    S: 220 mx.test ESMTP
    C: EHLO client.test
    S: 250-mx.test greets client.test
    S...
"""
"""How most conversations begin."""

WRITING = (
    GREETED
    + """
    C: MAIL FROM:<ann@client.test>
    C: RCPT TO:<bob@mx.test>
    C: DATA
    S: 250 2.1.0 Ok
    S: 250 2.1.5 Ok
    S: 354 Go on
"""
)
"""And how they go on, up to the mail's own bytes."""
