"""What a server answers to a question, found in the stream of all that it says; and what the answers say.

IRC's answers bear no number. Where the server knows labels (IRCv3 labeled-response), it marks its own. Else they are told by what they
are made of (`FORMS`: which numerics, and which one is the last), and where even that says nothing, by a PING behind the
question: what comes before its PONG is the answer::

    C: WHOIS bob         S: 311 ann bob …    S: 319 ann bob …    S: 318 ann bob :End of /WHOIS list

Pure: touches nothing outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from wirespeak.irc.events import Event
from wirespeak.irc.messages import Message

__all__ = ["FORMS", "Form", "Listed", "Person", "Question", "Whois", "is_refusal", "whois_of"]

MOST_LINES: Final = 100_000
MOST_TEXT: Final = 32 << 20
"""Lines of one answer that are kept, and characters in them: more than the LIST of any network has."""


@dataclass(slots=True, frozen=True)
class Form:
    """What an answer is made of: ``parts``, and ``end``, the last. Those that don't name what was asked about belong to another.

    ``waits``: the end comes though it was refused.
    """

    parts: frozenset[str]
    end: str
    waits: bool = False


FORMS: Final = {
    "JOIN": Form(frozenset({"JOIN", "332", "333", "353"}), "366"),
    "NAMES": Form(frozenset({"353"}), "366"),
    "WHO": Form(frozenset({"352", "354"}), "315"),
    "WHOIS": Form(
        frozenset({"301", "307", "311", "312", "313", "317", "319", "320", "330", "335", "338", "378", "379", "671"}), "318", waits=True
    ),
    "WHOWAS": Form(frozenset({"314", "312", "330", "338"}), "369", waits=True),
    "LIST": Form(frozenset({"321", "322"}), "323"),
    "PING": Form(frozenset(), "PONG"),
}
"""By command (Modern IRC: numerics)."""

# Refusals that end no matter: the server speaks of something beside the question, and answers it still.
_NO_REFUSAL: Final = {"422", "470"}


def is_refusal(message: Message) -> bool:
    """Whether ``message`` says no: an error numeric (RFC 1459 6.1: 400 to 599), or FAIL (IRCv3 standard replies)."""
    command = message.command
    return command == "FAIL" or (len(command) == 3 and command[0] in "45" and command.isdigit() and command not in _NO_REFUSAL)


class Question:
    """One question, and what is heard of its answer: `lines`, and the first `refusal` among them. `done` when it is whole.

    ``label`` marks the answer where the server knows labels; else ``fence`` is the text of a PING behind it, "" where the answer
    has a `Form`.
    """

    __slots__ = ("_batch", "_batches", "_fence", "_fold", "_form", "_label", "_names", "_size", "done", "lines", "message", "refusal")

    def __init__(self, message: Message, fold: Callable[[str], str], *, label: str = "", fence: str = "") -> None:
        self.message = message
        self.lines: list[Message] = []
        self.refusal: Message | None = None
        self.done = False
        self._fold = fold
        self._label = label
        self._fence = fence
        self._form = None if fence else FORMS.get(message.command)
        self._names = {fold(name) for parameter in message.params for name in parameter.split(",")}
        self._size = 0  # of the lines, in characters
        self._batch = ""  # the one that the answer is in
        self._batches: set[str] = set()  # and those inside it

    def hear(self, event: Event) -> None:
        """The server said ``event``; it may belong to the answer."""
        if self._label:
            self._hear_labelled(event.message)
        elif self._fence:
            self._hear_fenced(event)
        else:
            self._hear_formed(event)

    def _take(self, message: Message) -> None:
        if is_refusal(message) and self.refusal is None:
            self.refusal = message
        self._size += sum(map(len, message.params))
        if len(self.lines) < MOST_LINES and self._size < MOST_TEXT:
            self.lines.append(message)

    def _hear_labelled(self, message: Message) -> None:
        if message.command == "BATCH" and message.params:
            reference = message.params[0][1:]
            if message.params[0].startswith("-"):
                self.done = self.done or (bool(self._batch) and reference == self._batch)
            elif message.tags.get("label") == self._label:
                self._batch = reference
                self._batches = {reference}
            elif message.tags.get("batch") in self._batches and len(self._batches) < 100:
                self._batches.add(reference)
        elif message.tags.get("label") == self._label:
            self.done = True
            if message.command != "ACK":  # there is nothing to say
                self._take(message)
        elif self._batches and message.tags.get("batch") in self._batches:
            self._take(message)

    def _hear_fenced(self, event: Event) -> None:
        message = event.message
        if message.command == "PONG" and message.params[-1:] == [self._fence]:
            self.done = True
        elif is_refusal(message):
            if self._concerns(message):
                self._take(message)
        elif message.command.isdigit() or event.mine or message.command in ("WARN", "NOTE"):
            self._take(message)

    def _hear_formed(self, event: Event) -> None:
        message, form = event.message, self._form
        assert form is not None
        if is_refusal(message):
            if self._concerns(message):
                self._take(message)
                self.done = not form.waits or message.command in ("421", "451", "461", "263", "FAIL")
        elif message.command == form.end:
            if self._is_about(message):
                self.done = True
        elif message.command in form.parts and (self._is_about(message) or event.mine):
            self._take(message)

    def _is_about(self, message: Message) -> bool:
        """Whether a numeric names what was asked about. LIST, and WHO's lines, name others."""
        if self.message.command in ("LIST", "WHO") or not self.message.params:
            return True
        return any(self._fold(parameter) in self._names for parameter in message.params[1:4])

    def _concerns(self, message: Message) -> bool:
        """Whether a refusal is of this question: it names what was asked about, the command, or nothing at all."""
        told = message.params[:-1] if message.command == "FAIL" else message.params[1:-1]
        return not told or any(parameter.upper() == self.message.command or self._fold(parameter) in self._names for parameter in told)


# --- what answers say


@dataclass(slots=True)
class Person:
    """One line of WHO: somebody, and what the server tells of them. None and "" for what it doesn't tell."""

    nick: str
    user: str
    host: str
    realname: str
    away: bool = False
    operator: bool = False
    account: str | None = None

    @classmethod
    def of(cls, message: Message) -> Person | None:
        """The person of a 352, or of a 354 with the fields of `tracker.WHOX`; None for what is neither."""
        params = message.params
        if message.command == "352" and len(params) > 7:
            return cls(params[5], params[2], params[3], params[7].partition(" ")[2], params[6][:1] == "G", "*" in params[6])
        if message.command == "354" and len(params) > 8:
            account = "" if params[7] == "0" else params[7]
            return cls(params[5], params[3], params[4], params[8], params[6][:1] == "G", "*" in params[6], account)
        return None


@dataclass(slots=True)
class Listed:
    """One line of LIST: a channel, how many are in it, and its topic."""

    channel: str
    members: int
    topic: str

    @classmethod
    def of(cls, message: Message) -> Listed | None:
        params = message.params
        if message.command != "322" or len(params) < 4 or not params[2].isdecimal():
            return None
        return cls(params[1], int(params[2][:9]), params[3])


@dataclass(slots=True)
class Whois:
    """Somebody, as WHOIS tells (Modern IRC: WHOIS). Empty for what it doesn't."""

    nick: str
    user: str = ""
    host: str = ""
    realname: str = ""
    server: str = ""
    account: str = ""
    channels: list[str] = field(default_factory=list)
    idle: int | None = None
    """Seconds since they last said something."""
    signed_on: int | None = None
    """Since when they are there (seconds since 1970)."""
    operator: bool = False
    secure: bool = False
    bot: bool = False
    away: str = ""
    notes: list[str] = field(default_factory=list)
    """What the server says beside that, in its own words."""


def whois_of(nick: str, lines: Iterable[Message]) -> Whois:
    """What the lines of an answer to WHOIS say."""
    found = Whois(nick)
    for line in lines:
        params = line.params
        match line.command, len(params):
            case "311", 6:
                found.nick, found.user, found.host, found.realname = params[1], params[2], params[3], params[5]
            case "312", _ if len(params) > 2:
                found.server = params[2]
            case "313", _:
                found.operator = True
            case "317", _ if len(params) > 3:
                found.idle, found.signed_on = _number(params[2]), _number(params[3]) if len(params) > 4 else None
            case "319", _ if len(params) > 2:
                found.channels += params[2].split()
            case "330", _ if len(params) > 2:
                found.account = params[2]
            case "335", _:
                found.bot = True
            case "671", _:
                found.secure = True
            case "301", _ if len(params) > 2:
                found.away = params[2]
            case "307" | "320" | "338" | "378" | "379", _ if len(params) > 2:
                found.notes.append(" ".join(params[2:]))
    return found


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 12 else None
