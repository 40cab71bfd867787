"""What the two sides of a mail connection have said so far, and what each answer leads to (RFC 5321 4.2, and the extensions).

    line ──▶ verbs.py, a method for each verb ──▶ an event that asks for a verdict
    reply ─▶ Dialog.send ───────────────────────▶ what the verdict on that event leads to, after the table in states.py

Here is neither a buffer nor a clock: ``session.py`` brings the lines, and the mail's own bytes, and watches the time. Pure:
touches nothing outside.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wirespeak.contract import FINISH, Segment, Wake
from wirespeak.errors import LocalProtocolError, RemoteProtocolError
from wirespeak.smtp.data import Content, DotReader
from wirespeak.smtp.limits import ServerLimits
from wirespeak.smtp.messages import (
    Auth,
    AuthAnswer,
    Challenge,
    DataBegin,
    DataEnd,
    Expand,
    Hello,
    Recipient,
    Reply,
    Reset,
    Sender,
    Verify,
    encoded,
)
from wirespeak.smtp.states import COMMANDS, LMTP_COMMANDS, SERVER, Event, State

__all__ = ["Chunk", "Dialog", "reply_to"]

# The members under names of their own: looking one up in its class costs as much as a call.
CONNECTED, GREETED, TURNED_AWAY, IDLE, AUTH, TLS, MAIL, RCPT, DATA, BDAT, OVER = State

# RFC 2920, 6152, 6531, 2034, 3030 (two), 3461, 5321 4.1.1.8: what is offered to everyone.
EXTENSIONS: Final = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING", "BINARYMIME", "DSN", "HELP")

TOO_MANY_ERRORS: Final = Reply(421, "Too many errors", "4.7.0")
TOO_MANY_LOGINS: Final = Reply(421, "Too many failed logins", "4.7.0")
# Of a connection over which no mail has come yet.
NO_CONTENT: Final = Content(0, 0, 0)
NO_READER: Final = DotReader()


@dataclass(slots=True)
class Chunk:
    """What BDAT announced (RFC 3030 2): ``left`` bytes are still to come. One that is not wanted is read, dropped, and then refused."""

    size: int
    last: bool
    left: int
    refusal: Reply | None = None
    refusals: int = 1


class Dialog:
    """What the two sides have said so far, and what follows from it. Verbs stand on it, and on them the session."""

    __slots__ = (
        "_auth_in_clear",
        "_commands",
        "_due",
        "_errors",
        "_greeting",
        "_hostname",
        "_limits",
        "_lmtp",
        "_logins",
        "_offers_tls",
        "_out",
        "_submission",
        "_wake",
        "asked",
        "authenticated",
        "chunk",
        "closed",
        "content",
        "hello",
        "mechanisms",
        "reader",
        "recipients",
        "refused_recipients",
        "secure",
        "sender",
        "state",
        "withheld",
    )

    def __init__(
        self,
        wake: Wake,
        limits: ServerLimits,
        *,
        hostname: str,
        lmtp: bool,
        submission: bool,
        tls: bool,
        secure: bool,
        mechanisms: Sequence[str],
        auth_in_clear: bool,
    ) -> None:
        self._wake = wake
        self._limits = limits
        self._hostname = hostname
        self._lmtp = lmtp
        self._commands = LMTP_COMMANDS if lmtp else COMMANDS
        self._submission = submission
        self._offers_tls = tls
        self._auth_in_clear = auth_in_clear
        self._out: list[Segment] = []
        self._errors = self._logins = 0  # refused commands since the last mail; failed logins
        self._due = 1  # replies to the end of a mail
        self._greeting: Reply | None = None
        self.withheld = False
        """The greeting is not to be said yet."""
        self.mechanisms = tuple(mechanisms)
        """How one may log in (RFC 4954), the strongest first; those ending in -PLUS are offered over TLS alone."""
        self.state = CONNECTED
        self.asked: Any = None
        """The event whose verdict is waited for."""
        self.hello: Hello | None = None
        """How the client named itself; None before."""
        self.sender: Sender | None = None
        self.recipients = self.refused_recipients = 0
        self.content = NO_CONTENT
        self.reader = NO_READER
        self.chunk: Chunk | None = None
        self.secure = secure
        self.authenticated = False
        self.closed = False

    @property
    def in_mail(self) -> bool:
        """Whether a mail is under way, so that it can be ended without having come."""
        return self.state in (MAIL, RCPT, DATA, BDAT)

    @property
    def offered(self) -> list[str]:
        """The mechanisms that may be used now: none in clear; and what binds to a TLS channel needs one (RFC 5802 6)."""
        if not (self.secure or self._auth_in_clear):
            return []
        return [name for name in self.mechanisms if self.secure or not name.endswith("-PLUS")]

    # --- answers out

    def send(self, message: Any) -> None:
        """Say a `Reply` to what was asked, or the `Challenge` of a login; a Reply of 421 may be said at any time, and ends all.

        Once the conversation is over, what is said is dropped: a verdict may come too late. Raises `LocalProtocolError`
        where nothing was asked, and for a text that can't be sent; nothing has changed then.
        """
        asked = self.asked
        if type(message) is Reply:
            if asked is not None and message.code != 421:
                ANSWERS[type(asked)](self, asked, message)
            elif self.state is not OVER:
                self._say_unasked(message)
        elif self.state is OVER:
            return
        elif type(message) is Challenge and type(asked) in (Auth, AuthAnswer):
            self._out.append(b"334 " + base64.b64encode(message.data) + b"\r\n")
            self.state = SERVER[self.state, Event.AUTH]
            self.asked = None
        else:
            raise LocalProtocolError(f"a server sends a Reply, or in a login a Challenge, not {message!r} now")
        self._wake()

    def _say_unasked(self, reply: Reply) -> None:
        if reply.code == 421:  # RFC 5321 3.8
            self.leave(reply)
        elif self.state is CONNECTED:
            self._greet(reply)
        else:
            raise LocalProtocolError(f"nothing was asked that {reply} could answer")

    def _greet(self, reply: Reply) -> None:
        """RFC 5321 3.1; the line begins with our name (4.2)."""
        if self.withheld:
            self._greeting = reply
            return
        self.say(Reply(reply.code, self._named(reply.text)), plain=True)
        self.state = SERVER[self.state, Event.GREETING if reply.is_positive else Event.NO_SERVICE]

    def release_greeting(self) -> None:
        """The greeting has been withheld for long enough."""
        self.withheld = False
        if self._greeting is not None:
            self._greet(self._greeting)

    def _answer_hello(self, hello: Hello, reply: Reply) -> None:
        if not reply.is_positive:
            self._answer_plainly(hello, reply)
            return
        lines = [self._named(reply.text), *(self._extensions() if hello.verb != "HELO" else ())]
        self.say(Reply(reply.code, "\n".join(lines)), plain=True)
        self.state = SERVER[self.state, Event.HELLO]
        self.hello = hello
        self.asked = None

    def _extensions(self) -> list[str]:
        """What is offered, a line each (RFC 5321 4.1.1.1)."""
        size = self._limits.size
        offered = [*EXTENSIONS, f"SIZE {size}" if size else "SIZE"]
        if self._offers_tls and not self.secure:
            offered.append("STARTTLS")
        if mechanisms := self.offered:
            offered.append(f"AUTH {' '.join(mechanisms)}")
        return offered

    def _named(self, text: str) -> str:
        """``text`` with our name in front, where it doesn't stand there yet."""
        first = text.partition("\n")[0].partition(" ")[0]
        return text if first == self._hostname else f"{self._hostname} {text}".rstrip(" ")

    def _answer_plainly(self, asked: Any, reply: Reply) -> None:
        """A verdict from which nothing else follows."""
        if reply.code < 500 or not self._count_error(reply):
            self.say(reply, plain=type(asked) is Hello)
            self.asked = None

    def _answer_login(self, asked: Auth | AuthAnswer, reply: Reply) -> None:
        if reply.code == 535:
            self._logins += 1
            if self._logins >= self._limits.logins:
                self.leave(TOO_MANY_LOGINS)
                return
        self._answer_plainly(asked, reply)
        if self.state is not OVER:
            self.state = SERVER[self.state, Event.AUTH_END]
            self.authenticated = reply.is_positive

    def _answer_sender(self, sender: Sender, reply: Reply) -> None:
        self._answer_plainly(sender, reply)
        if reply.is_positive:
            self.state = SERVER[self.state, Event.MAIL]
            self.sender = sender
            self.recipients = self.refused_recipients = 0

    def _answer_recipient(self, recipient: Recipient, reply: Reply) -> None:
        self._answer_plainly(recipient, reply)
        if reply.is_positive:
            self.state = SERVER[self.state, Event.RCPT]
            self.recipients += 1
        else:
            self.refused_recipients += 1

    def _answer_begin(self, begin: DataBegin, reply: Reply) -> None:
        """RFC 5321 3.3; in RFC 3030 2 nothing is said to the beginning, so a refusal waits until the chunk is over."""
        if reply.code != 354:
            if self.chunk is None:
                self._answer_plainly(begin, reply)
            else:
                self.refuse_chunk(self.chunk, reply)
                self.asked = None
            return
        assert self.sender is not None
        limits = self._limits
        if self.chunk is None:
            self.say(reply, plain=True)
        self.content = Content(limits.size, limits.text_line, limits.hops, binary=self.sender.body == "BINARYMIME")
        self.reader = DotReader()
        self.state = SERVER[self.state, Event.BDAT if begin.chunking else Event.DATA]
        self.asked = None

    def ask_for_mail(self) -> DataEnd:
        """The mail is whole: whether it is taken, is to be said once, or for each recipient (RFC 2033 4.2)."""
        self._due = self.recipients if self._lmtp else 1
        self.asked = end = DataEnd(self.content.size)
        return end

    def _answer_end(self, end: DataEnd, reply: Reply) -> None:
        self.say(reply)
        if reply.is_positive:
            self._errors = 0
        self._due -= 1
        if not self._due:
            self.asked = None
            self.end_mail()

    def refuse_mail(self, error: RemoteProtocolError) -> None:
        """Say of a mail that has come by DATA that it is not taken; and close where its end can't be trusted."""
        reply = reply_to(error)
        for _ in range(self.recipients - 1 if self._lmtp else 0):
            self.say(reply)
        if self.content.bare:
            self.leave(reply)
        else:
            self.say(reply)
            self.end_mail()

    def refuse_chunk(self, chunk: Chunk, reply: Reply) -> None:
        """What is left of ``chunk`` is dropped; ``reply`` is said once it has come, as its end is said (RFC 3030 2, RFC 2033 4.2)."""
        chunk.refusal = reply
        chunk.refusals = self.recipients if self._lmtp and chunk.last else 1

    def answer_chunk(self, chunk: Chunk) -> None:
        """Say that ``chunk`` has come, or that it is refused."""
        if chunk.refusal is None:
            self.say(Reply(250, f"{chunk.size} bytes taken", "2.0.0"))
        elif not self._count_error(chunk.refusal):
            for _ in range(chunk.refusals):
                self.say(chunk.refusal)

    def end_mail(self) -> None:
        """Whatever has become of the mail, another may follow."""
        self.state = SERVER[self.state, Event.END]
        self.sender = None

    def forget(self) -> Sequence[Reset]:
        """End a mail that was under way without its having come; what is told of it."""
        if not self.in_mail:
            return ()
        self.state = SERVER[self.state, Event.RESET]
        self.sender = None
        return (Reset(),)

    def end_login(self, error: RemoteProtocolError) -> None:
        """The login under way comes to nothing."""
        self.state = SERVER[self.state, Event.AUTH_END]
        self.refuse(error)

    def refuse(self, error: RemoteProtocolError) -> None:
        """Answer a command that broke a rule."""
        reply = reply_to(error)
        if not self._count_error(reply):
            self.say(reply)

    def _count_error(self, reply: Reply) -> bool:
        """Whether ``reply`` is one refusal too many, so that another takes its place and all is over (RFC 5321 4.3.2, 7.8)."""
        if reply.is_permanent:
            self._errors += 1
            if self._errors >= self._limits.errors:
                self.leave(TOO_MANY_ERRORS)
                return True
        return False

    def leave(self, reply: Reply) -> None:
        """Say ``reply`` as our last word."""
        self.say(reply)
        self._out.append(FINISH)
        self.state = SERVER[self.state, Event.CLOSE]
        self.asked = self.chunk = None

    def say(self, reply: Reply, *, plain: bool = False) -> None:
        """Put ``reply`` out, with its enhanced code (RFC 2034 4) unless it is ``plain``: a greeting, or the answer to one.

        Raises `LocalProtocolError` for a text that can't be sent.
        """
        data = encoded(reply.code, reply.text, "" if plain else reply.enhanced or f"{reply.code // 100}.0.0")
        if not data.isascii() and not (self.sender is not None and self.sender.utf8):
            data = data.decode().encode("ascii", "backslashreplace")  # RFC 6531 3.7.4.2: UTF-8 is for those who asked for it
        self._out.append(data)


def reply_to(error: RemoteProtocolError) -> Reply:
    """What a broken rule is answered with."""
    return Reply(error.code, str(error), error.enhanced)


ANSWERS: Final[dict[type, Callable[[Dialog, Any, Reply], None]]] = {
    Hello: Dialog._answer_hello,
    Auth: Dialog._answer_login,
    AuthAnswer: Dialog._answer_login,
    Sender: Dialog._answer_sender,
    Recipient: Dialog._answer_recipient,
    DataBegin: Dialog._answer_begin,
    DataEnd: Dialog._answer_end,
    Verify: Dialog._answer_plainly,
    Expand: Dialog._answer_plainly,
}
