"""A conversation with a `ServerSession`, written as the RFC writes its examples, and held without any socket.

    spoken('''
        C: GET /hello HTTP/1.1
        C: Host: a
        C:
        S: HTTP/1.1 200 OK
        S: Content-Length: 6
        S:
        S| hello
    ''')

``C:`` is a line that the client says, with CRLF; ``C|`` the same without, in which ``\\r\\n`` and the like may be written
out. ``C FIN`` is its end. ``S:`` and ``S|`` are what the server must have said when the client falls silent: nothing
less, and nothing more; ``S...`` stands for any rest of an answer. ``S FIN`` and ``S RST`` are its end, ``closed`` that
the connection is of no more use. ``at 12.5`` lets the clock go on to that time.

Every dialog is held many times: as it stands, with each thing that the client says cut in two at every byte, and byte
by byte. Each time the same must be said and the same events must be told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

from wirespeak.contract import ABORT, FINISH
from wirespeak.errors import RemoteProtocolError
from wirespeak.http.limits import ServerLimits
from wirespeak.http.messages import Data, End, Late, Request, Response
from wirespeak.http.session import ServerSession

Answer = Callable[[Request, bytes], Response | Sequence[Any] | None]
"""What is answered to a request and its whole body: a response, several messages one after the other, or nothing yet."""


def hello(request: Request, body: bytes) -> Response:
    """Answers with the path, or with what came."""
    return Response(body=body or f"{request.path[1:]}\n".encode())


GET = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"
"""What `hello` makes of `GET`."""

UPGRADE = b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"


def post(*lines: str, body: bytes = b"") -> bytes:
    """A POST of these fields and this body."""
    return "".join(f"{line}\r\n" for line in ("POST /up HTTP/1.1", "Host: a", *lines, "")).encode() + body


def nothing(request: Request, body: bytes) -> None:
    """A handler that is still at work."""


def refuse(request: Request, body: bytes) -> Response:
    """One that wants no body."""
    return Response(403)


def upgrade(request: Request, body: bytes) -> Response:
    """One that goes on in another protocol."""
    return Response(101, {"Connection": "upgrade", "Upgrade": "echo"}, tunnel=no_tunnel)


async def no_tunnel(_: Any) -> None:
    """Takes the place of a tunnel where none is run."""


class Dialog:
    """A server's session and the smallest of conversations around it, driven as a pump drives them (`contract`)."""

    def __init__(self, answer: Answer = hello, *, reads_body: bool = True, consumes: bool = True, **limits: Any) -> None:
        self.answer = answer
        self.reads_body = reads_body  # to its end, before it answers
        self.consumes = consumes  # what it has read of a body
        self.now = 0.0
        self.woken = 0
        self.session = ServerSession(self._wake, ServerLimits(**limits))
        self.events: list[Any] = []
        self.requests: list[Request] = []
        self.bodies: list[bytes] = []
        self.said = b""
        self.ended = ""
        self._answered = 0
        self._arrived = b""  # at our socket, and not read while the session doesn't read
        self.settle()

    def _wake(self) -> None:
        self.woken += 1

    # --- the pump

    def hear(self, data: bytes) -> None:
        """``data`` arrives."""
        self._arrived += data
        while self._arrived and self.session.reading and not self.session.closed:
            data, self._arrived = self._arrived, b""
            self._handle(self.session.receive(data, self.now))
            self.settle()

    def hear_end(self) -> None:
        """The client's FIN arrives."""
        self._handle(self.session.receive_eof(self.now))
        self.settle()

    def at(self, now: float) -> None:
        """The clock goes on to ``now``, and stops on the way where the session has something due."""
        while (due := self.session.deadline) <= now and not self.session.closed:
            self.now = max(due, self.now)
            self._handle(self.session.tick(self.now))
            self.settle()
            assert self.session.deadline > self.now or self.ended == "RST", "the session wants to be called again at once, for ever"
        self.now = now

    def settle(self) -> None:
        """Go on with what the session kept until nothing comes, and gather what it has to say."""
        while events := self.session.receive(b"", self.now):
            self._handle(events)
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
            if isinstance(event, Request):
                self._tell(("request", event.method, event.target, event.fields.folded()))
                self.requests.append(event)
                self.bodies.append(b"")
                if event.body is None and self.reads_body:
                    self.session.wants_body()
                else:
                    self._answer()
            elif isinstance(event, Data):
                self._tell(("data", event.data))
                self.bodies[-1] += event.data
                if self.consumes:
                    self.session.consumed(len(event.data))
            elif isinstance(event, End):
                self._tell(("end", event.trailers.folded()))
                self._answer()
            elif isinstance(event, Late):
                self._tell(("late",))
            else:
                assert isinstance(event, RemoteProtocolError)
                self._tell(("error", event.code))

    def _tell(self, event: tuple[Any, ...]) -> None:
        """Note ``event``; a body's pieces as one, and none of a body that turns out to be broken."""
        before = self.events.pop() if self.events and self.events[-1][0] == "data" and event[0] in ("data", "error") else None
        self.events.append(("data", before[1] + event[1]) if before and event[0] == "data" else event)

    def _answer(self) -> None:
        if self._answered == len(self.requests):
            return  # what ended was not its body, but a tunnel
        self._answered = len(self.requests)
        answer = self.answer(self.requests[-1], self.bodies[-1])
        for message in [answer] if isinstance(answer, Response) else answer or ():
            self.say(message)

    def say(self, *messages: Any) -> None:
        """The server says something now, of itself."""
        for message in messages:
            self.session.send(message)

    def take(self) -> bytes:
        """What the server has said since the last time."""
        self._gather()
        said, self.said = self.said, b""
        return said


# --- dialogs written down

LINE = re.compile(r"(?P<who>[CS])(?P<how>:|\||\.\.\.| FIN| RST)(?: (?P<text>.*))?$|at (?P<time>[\d.]+)$|(?P<closed>closed)$")


@dataclass
class Step:
    """What the client does, and what must have been said by the server when it has."""

    data: bytes = b""
    ends: bool = False
    time: float | None = None
    answer: bytes = b""
    open_ended: bool = False
    end: str = ""
    closed: bool = False


def steps(text: str) -> list[Step]:
    """The steps of a dialog as it is written (see the top of this file)."""
    found: list[Step] = []
    heard = False  # the server's part of the step has begun
    for line in dedent(text).strip().splitlines():
        match = LINE.match(line.strip())
        assert match, f"this is no line of a dialog: {line!r}"
        is_server = match["who"] == "S" or bool(match["closed"])
        if not found or (heard and not is_server) or match["time"] or (match["how"] == " FIN" and not is_server):
            found.append(Step())
        heard = is_server
        step = found[-1]
        if match["time"]:
            step.time = float(match["time"])
            continue
        if match["closed"]:
            step.closed = True
            continue
        said = (match["text"] or "").encode("latin-1")
        if match["how"] == ":":
            said += b"\r\n"
        elif match["how"] == "|":
            said = said.decode("unicode_escape").encode("latin-1")
        elif match["how"] == "...":
            step.open_ended = True
        elif is_server:
            step.end = match["how"].strip()
        else:
            step.ends = True
        if is_server:
            step.answer += said
        else:
            step.data += said
    return found


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """``data`` cut in two at every place, and byte by byte."""
    yield from ([data[:at], data[at:]] for at in range(1, len(data)))
    yield [data[at : at + 1] for at in range(len(data))]


def held(script: list[Step], pieces: list[list[bytes]], make: Callable[[], Dialog], how: str) -> Dialog:
    """Hold the dialog with what the client says in these pieces; AssertionError where the server says something else."""
    dialog = make()
    for number, (step, said) in enumerate(zip(script, pieces, strict=True), 1):
        if step.time is not None:
            dialog.at(step.time)
        for piece in said:
            dialog.hear(piece)
        if step.ends:
            dialog.hear_end()
        answer = dialog.take()
        if step.open_ended:
            answer = answer[: len(step.answer)]
        assert answer == step.answer, f"step {number}, {how}"
        assert dialog.ended == step.end, f"step {number}, {how}"
        assert dialog.session.closed == step.closed, f"step {number}, {how}"
    return dialog


def spoken(text: str, answer: Answer = hello, **options: Any) -> Dialog:
    """Hold the dialog that ``text`` writes down, whole and at every cut; the dialog as it was held whole."""

    def make() -> Dialog:
        return Dialog(answer, **options)

    script = steps(text)
    whole = [[step.data] if step.data else [] for step in script]
    dialog = held(script, whole, make, "whole")
    for number, step in enumerate(script):
        for pieces in cuts(step.data):
            how = f"cut into {pieces}"
            again = held(script, [*whole[:number], pieces, *whole[number + 1 :]], make, how)
            assert again.events == dialog.events, how
    return dialog
