"""The client's side of a conversation in SMTP (RFC 5321) or LMTP (RFC 2033), without I/O. The server's is in ``session.py``.

What the server's session tells of is what this one says: the same values go out here that come out there::

    send(Hello("ann.test"))             EHLO, and HELO where that is not understood; LHLO in LMTP
    send(Sender(…)), send(Recipient(…))  MAIL and RCPT, with the parameters that the server offered to understand
    send(DataBegin()), send(Data(…)), send(DataEnd(…))    the mail, by DATA or by BDAT

Bytes in, events out: an `Answer` for each, in order; `Challenge` while logging in; `contract.StartTLS` when TLS is agreed on;
or the error that ended the conversation. What may be said when, and how long an answer may take, is in ``client_states.py``; how
MAIL and RCPT are written, in ``envelope.py``. Whom to write to, and what to make of a no, is decided in ``client.py``.
Pure: touches nothing outside.
"""

from __future__ import annotations

import binascii
import math
import re
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from wirespeak.buffer import Buffer
from wirespeak.contract import FINISH, Segment, StartTLS
from wirespeak.errors import ConnectionLost, IncompleteMessage, LocalProtocolError, RemoteProtocolError, TimeoutError
from wirespeak.smtp.client_states import GOES_ON, MOVES, State, Timeouts
from wirespeak.smtp.data import Writer
from wirespeak.smtp.envelope import encode_recipient, encode_sender
from wirespeak.smtp.grammar import AUTH_LINE, HELLO_NAME, LINE
from wirespeak.smtp.messages import (
    Auth,
    AuthAnswer,
    AuthCancelled,
    Challenge,
    Command,
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

__all__ = ["QUIT", "Answer", "ClientSession"]

QUIT: Final = Command("QUIT")

# RFC 5321 4.5.3.1.5 has 512 octets for a reply's line; some servers put a web address of that length into one. Postfix draws the line here.
MAX_LINE = 2048
# Lines of one reply. EHLO's has some 20, the longest HELP some 100.
MAX_LINES = 500


@dataclass(slots=True)
class Answer:
    """A reply, and what it answers: a message that was sent; None for the greeting, and for a last word that nobody asked for."""

    to: Any
    reply: Reply


class ClientSession:
    """A `contract.Session`. ``lmtp`` has it speak LMTP.

    ``extensions`` is what the server offered in its answer to EHLO: keywords, in capitals, and what stood behind them. It is forgotten
    when TLS begins (RFC 3207 4.2). ``secure`` says whether TLS is spoken.
    """

    def __init__(self, *, lmtp: bool = False, secure: bool = False, timeouts: Timeouts | None = None) -> None:
        self.lmtp = lmtp
        self.secure = secure
        self.extensions: dict[str, str] = {}
        self.greeting: Reply | None = None
        self.state = State.GREETING
        self.accepted = 0  # recipients of the mail that is under way
        self.reading = True
        self.closed = False
        self._timeouts = timeouts or Timeouts()
        self._input = Buffer()
        self._lines: list[bytes] = []  # of a reply that is not whole
        self._out: list[Segment] = []
        self._awaited: deque[Any] = deque([None])  # what has no answer yet; None is the greeting
        self._has_sender = False  # that of the mail under way is accepted
        self._utf8 = False  # the mail under way is announced so (RFC 6531)
        self._binary = False  # the mail under way isn't made of lines (RFC 3030 3)
        self._initial: bytes | None = None  # a first response that waits for its challenge
        self._writer: Writer | None = None
        self._chunk: bytes | None = None  # of BDAT: the last piece, which waits to be told whether it is the last
        self._answer_by = math.inf
        self._write_by = math.inf
        self._pending = 0

    @property
    def awaiting(self) -> int:
        """How many answers are still to come."""
        return len(self._awaited)

    @property
    def pipelining(self) -> bool:
        """Whether the server takes commands in groups (RFC 2920)."""
        return "PIPELINING" in self.extensions

    @property
    def deadline(self) -> float:
        return min(self._answer_by, self._write_by)

    # --- what goes out

    def send(self, message: Any) -> None:
        following = MOVES.get((self.state, "QUIT" if message == QUIT else type(message)))
        if following is None:
            raise LocalProtocolError(f"{_name(message)} can't be said now: the conversation is at {self.state.name} (RFC 5321 4.1.4)")
        if self._awaited and not (self.pipelining and type(self._awaited[-1]) in GOES_ON):
            raise LocalProtocolError(f"{_name(message)} has to wait for the answer to {_name(self._awaited[-1])} (RFC 2920 3.1)")
        self._out += self._encode(message)
        self.state = following

    def _encode(self, message: Any) -> list[bytes]:
        """What goes out for ``message``; noted is what is then to be answered."""
        match message:
            case Data():
                return self._encode_data(message.data)
            case DataEnd():
                return self._encode_end(message)
            case DataBegin(chunking=True):
                if "CHUNKING" not in self.extensions:
                    raise LocalProtocolError("the server doesn't offer CHUNKING (RFC 3030)")
                self._writer = None if self._binary else Writer(stuffing=False)
                self._chunk = b""
                return []
            case _:
                line = self._line(message)
                self._awaited.append(message)
                return [line]

    def _line(self, message: Any) -> bytes:
        """The line of a command, CRLF included."""
        match message:
            case Hello():
                return _hello(message, self.lmtp)
            case StartTLS():
                if "STARTTLS" not in self.extensions or self.secure:
                    raise LocalProtocolError("TLS is spoken already, or the server doesn't offer STARTTLS (RFC 3207 4)")
                return b"STARTTLS\r\n"
            case Auth():
                return self._auth(message)
            case AuthAnswer():
                return _response(message.data)
            case AuthCancelled():
                return b"*\r\n"
            case Sender():
                line = encode_sender(message, self.extensions)
                self._binary, self._utf8 = message.body == "BINARYMIME", message.utf8
                return line
            case Recipient():
                return encode_recipient(message, self.extensions, utf8=self._utf8)
            case DataBegin():
                if self._binary:
                    raise LocalProtocolError("what isn't made of lines goes by BDAT alone (RFC 3030 3)")
                return b"DATA\r\n"
            case Reset():
                return b"RSET\r\n"
            case Verify():
                return Command("VRFY", message.text).encode()
            case Expand():
                return Command("EXPN", message.text).encode()
            case _:
                assert isinstance(message, Command)  # the table has no others
                return message.encode()

    def _auth(self, message: Auth) -> bytes:
        """AUTH, with the first response where there is one (RFC 4954 4; an empty one is written ``=``).

        The line is no longer than other commands: a response that doesn't fit waits for the first challenge, which is empty.
        """
        line = Command("AUTH", message.mechanism).encode()
        self._initial = message.initial
        if message.initial is not None:
            whole = line[:-2] + b" " + (b64encode(message.initial) or b"=") + b"\r\n"
            if len(whole) <= LINE:
                self._initial = None
                return whole
        return line

    def _encode_data(self, data: bytes) -> list[bytes]:
        """A piece of the text. Of BDAT the piece before it: the last one is to be marked as the last (RFC 3030 2)."""
        said = data if self._writer is None else self._writer.add(data)
        if not said:
            return []
        if self._chunk is None:
            return [said]
        before, self._chunk = self._chunk, said
        if not before:
            return []
        self._awaited.append(Data(b""))
        return [b"BDAT %d\r\n" % len(before), before]

    def _encode_end(self, message: DataEnd) -> list[bytes]:
        """The end of the text. In LMTP it is answered once for each recipient that was accepted (RFC 2033 4.2)."""
        said = b"" if self._writer is None else self._writer.end()
        if self._chunk is not None:
            said = self._chunk + said
            said = b"BDAT %d LAST\r\n" % len(said) + said
        self._writer = self._chunk = None
        self._has_sender = False
        self._awaited.extend([message] * (self.accepted if self.lmtp else 1))
        return [said]

    def data_to_send(self) -> Sequence[Segment]:
        out, self._out = self._out, []
        return out

    # --- what comes in

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        if self.closed or (self.state is State.TLS and not self._awaited):
            return ()  # what comes in clear, behind the agreement to speak TLS, is never read
        if data:
            self._input.feed(data)
        while True:
            line = self._input.line(MAX_LINE)
            if line is None:
                if fault := self._fault_of_rest():
                    return self._fail(fault)
                self._follow_time(now)
                return ()
            self._lines.append(line[:-2])
            if line[3:4] != b"-":
                break
            if len(self._lines) == MAX_LINES:
                return self._fail(RemoteProtocolError(f"a reply of more than {MAX_LINES} lines", clause="RFC 5321 4.2.1"))
        lines, self._lines = self._lines, []
        try:
            if any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines):
                raise RemoteProtocolError("CR, LF or NUL within a line of a reply: only CRLF ends one", clause="RFC 5321 2.3.8")
            events = self._replied(Reply.parse(lines), lines)
        except RemoteProtocolError as error:
            return self._fail(error)
        self._answer_by = math.inf
        self._follow_time(now)
        return events

    def _fault_of_rest(self) -> RemoteProtocolError | None:
        """What is wrong with a line that is not whole yet."""
        if self._input.overfull(MAX_LINE):
            return RemoteProtocolError(f"a line of a reply with more than {MAX_LINE:,} bytes", clause="RFC 5321 4.5.3.1.5")
        kept = self._input.peek()
        if b"\n" in kept:
            return RemoteProtocolError("a line that ends in LF alone", offset=kept.index(b"\n"), clause="RFC 5321 2.3.8")
        return None

    def _replied(self, reply: Reply, lines: Sequence[bytes]) -> Sequence[Any]:
        """What ``reply`` means for what was said."""
        if not self._awaited:
            return self._unasked(reply)
        message = self._awaited[0]
        kind = type(message)
        if 300 <= reply.code < 400 and kind not in (DataBegin, Auth, AuthAnswer, AuthCancelled):
            raise RemoteProtocolError(f"{reply.code} is no answer to {_name(message)}", clause="RFC 5321 4.3.2")
        self._awaited.popleft()
        if reply.code == 421 or message == QUIT:  # RFC 5321 3.8, 4.1.1.10: it closes the connection
            self._close()
            return (Answer(message, reply),)
        match message:
            case None:
                self.greeting = reply
                self.state = MOVES[self.state, "greeting"]
            case Hello():
                return self._helloed(message, reply, lines)
            case StartTLS():
                return self._tls_answered(message, reply)
            case Auth() | AuthAnswer() | AuthCancelled():
                return self._auth_answered(message, reply)
            case Sender():
                self.accepted = 0
                self._has_sender = reply.is_positive
                if not reply.is_positive:
                    self.state = State.READY
            case Recipient():
                self.accepted += reply.is_positive
            case DataBegin():
                self._data_answered(reply)
            case Data() if not reply.is_positive:  # RFC 3030 2: the rest of it is of no use
                self._give_up_text()
        return (Answer(message, reply),)

    def _unasked(self, reply: Reply) -> Sequence[Any]:
        """A reply to nothing: a server that ends the conversation says so at any time (RFC 5321 3.8)."""
        if reply.is_positive:
            raise RemoteProtocolError(f"a reply that nobody asked for: {str(reply)[:60]!r}", clause="RFC 5321 4.1.1")
        self._close()
        return (Answer(None, reply),)

    def _helloed(self, message: Hello, reply: Reply, lines: Sequence[bytes]) -> Sequence[Any]:
        if reply.is_permanent and message.verb == "EHLO":
            # RFC 5321 3.2: a server that doesn't know EHLO. What it refuses for another reason it refuses again.
            older = Hello(message.name, "HELO")
            self._awaited.append(older)
            self._out.append(_hello(older, self.lmtp))
            return ()
        self.state = State.READY if reply.is_positive else State.HELLO
        self.extensions = _extensions(lines[1:]) if reply.is_positive and message.verb != "HELO" else {}
        return (Answer(message, reply),)

    def _tls_answered(self, message: StartTLS, reply: Reply) -> Sequence[Any]:
        if reply.code != 220:
            self.state = State.READY
            return (Answer(message, reply),)
        if self._input:
            # Said in clear by who knows that TLS begins: words put into the server's mouth (CVE-2021-38371 and its kin).
            raise RemoteProtocolError("more was said in clear behind the agreement to speak TLS", clause="RFC 3207 4.2")
        self.reading = False
        return (Answer(message, reply), StartTLS())

    def _auth_answered(self, message: Any, reply: Reply) -> Sequence[Any]:
        """A challenge, or the end of logging in (RFC 4954 4)."""
        if reply.code != 334:
            if 300 <= reply.code < 400:
                raise RemoteProtocolError(f"{reply.code} is no answer to AUTH", clause="RFC 4954 4")
            self._initial = None
            self.state = MOVES[self.state, "answer"]
            return (Answer(message, reply),)
        try:
            challenge = b64decode(reply.text, validate=True)
        except (binascii.Error, ValueError):
            raise RemoteProtocolError(f"a challenge that is no base64: {reply.text[:60]!r}", clause="RFC 4954 4") from None
        if self._initial is None:
            return (Challenge(challenge),)
        initial, self._initial = self._initial, None
        if challenge:
            raise RemoteProtocolError("a challenge, where the first word is ours", clause="RFC 4954 4")
        self._awaited.append(AuthAnswer(initial))
        self._out.append(_response(initial))
        return ()

    def _data_answered(self, reply: Reply) -> None:
        if reply.code == 354:
            self._writer = Writer()
            self.state = State.DATA  # a server that refused the sender, and wants a text all the same, has to be given an end of one
        elif reply.is_positive:
            raise RemoteProtocolError(f"{reply.code} is no answer to DATA: 354 begins the text", clause="RFC 5321 4.3.2")
        else:
            self._give_up_text()

    def _give_up_text(self) -> None:
        """There will be no text; the mail is under way still, until RSET."""
        self._writer = self._chunk = None
        if self.state is State.DATA:
            self.state = State.RCPT if self._has_sender else State.READY

    def receive_eof(self, now: float) -> Sequence[Any]:
        self.reading = False
        if self.closed:
            return ()
        if self._lines or self._input:
            return self._fail(IncompleteMessage("the connection ended within a reply", clause="RFC 5321 4.2"))
        said = f" before it answered {_name(self._awaited[0])}" if self._awaited else ""
        return self._fail(ConnectionLost(f"the server ended the connection{said}"))

    def _fail(self, error: Exception) -> Sequence[Any]:
        self._out.clear()
        self._close()
        return (error,)

    def _close(self) -> None:
        self.state = State.OVER
        self.reading = False
        self.closed = True
        self._awaited.clear()
        self._answer_by = self._write_by = math.inf

    # --- time and room

    def _follow_time(self, now: float) -> None:
        """The time for an answer runs from when it is next in turn, and what it answers has gone out."""
        if not self._awaited or self._pending:
            self._answer_by = math.inf
        elif self._answer_by == math.inf:
            self._answer_by = now + self._time_for(self._awaited[0])

    def _time_for(self, message: Any) -> float:
        times = self._timeouts
        if message is None:
            return times.greeting
        if message == QUIT:
            return times.quit
        return {DataBegin: times.data, Data: times.end, DataEnd: times.end}.get(type(message), times.command)

    def tick(self, now: float) -> Sequence[Any]:
        if now >= self._write_by:
            return self._fail(TimeoutError(f"the server took nothing for {self._timeouts.block:g} seconds (RFC 5321 4.5.3.2.5)"))
        if now < self._answer_by:
            return ()
        message = self._awaited[0]
        limit = self._time_for(message)
        return self._fail(TimeoutError(f"the server didn't answer {_name(message)} within {limit:g} seconds (RFC 5321 4.5.3.2)"))

    def blocked(self, pending: int, now: float) -> None:
        if not pending:
            self._write_by = math.inf
        elif pending != self._pending:
            self._write_by = now + self._timeouts.block
        self._pending = pending
        self._follow_time(now)

    # --- the rest of the contract

    def consumed(self, count: int) -> None:
        """There are no bodies in what comes: nothing to count."""

    def secured(self, info: Any) -> None:
        """TLS is spoken. All that the server said in clear may have been said by another: it is asked anew (RFC 3207 4.2)."""
        self.secure = True
        self.extensions = {}
        self.state = MOVES[self.state, "secured"]
        self.reading = True

    def finish(self, now: float) -> None:
        if self.closed:
            return
        if (self.state, "QUIT") in MOVES and not self._awaited:
            self.send(QUIT)
        else:
            self._out.append(FINISH)
            self._close()


# RFC 5321 4.1.1.1. A keyword that isn't one is no offer of anything.
_KEYWORD = re.compile(rb"250[ -]([A-Za-z0-9][A-Za-z0-9-]*)(?: +(.*))?", re.DOTALL)


def _extensions(lines: Sequence[bytes]) -> dict[str, str]:
    """What the lines behind the first of an answer to EHLO offer."""
    found = [match for line in lines if (match := _KEYWORD.fullmatch(line))]
    return {match[1].decode().upper(): (match[2] or b"").decode("utf-8", "replace").strip() for match in found}


def _hello(message: Hello, lmtp: bool) -> bytes:
    if (message.verb == "LHLO") != lmtp:
        raise LocalProtocolError("LHLO is LMTP's, EHLO and HELO are SMTP's (RFC 2033 4.1)")
    if not HELLO_NAME.fullmatch(message.name):
        raise LocalProtocolError(
            f"{message.name!r} is no name to say hello with: a domain, or an address as in [192.0.2.1] (RFC 5321 4.1.1.1)"
        )
    return Command(message.verb, message.name).encode()


def _response(data: bytes) -> bytes:
    line = b64encode(data) + b"\r\n"
    if len(line) > AUTH_LINE:
        raise LocalProtocolError(f"a response of more than {AUTH_LINE:,} bytes (RFC 4954 4)")
    return line


# What messages are called, for people.
_VERBS: Final = {
    Sender: "MAIL", Recipient: "RCPT", Reset: "RSET", DataBegin: "DATA", Data: "BDAT", DataEnd: "the end of the mail",
    StartTLS: "STARTTLS", Auth: "AUTH", AuthAnswer: "AUTH", AuthCancelled: "AUTH", Verify: "VRFY", Expand: "EXPN",
}  # fmt: skip


def _name(message: Any) -> str:
    if message is None:
        return "the connection with its greeting"
    return message.verb if isinstance(message, (Hello, Command)) else _VERBS.get(type(message), repr(message))
