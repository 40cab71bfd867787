"""Every byte of an IRC conversation as a named part with its meaning and its clause (Modern IRC, RFC 1459, RFC 2812, IRCv3).

`explain` takes the bytes of one direction of a connection. It splits them by the patterns of ``grammar.py`` and lets the parser
itself (`messages.Message.parse`) judge each line, so what it tells is what wirespeak reads. Never fails: a line that is no message
is one part that says why, and the next line goes on; where bytes are still to come, a last part says what is missing.

What a parameter is follows from the command and from the side that says it: a client's JOIN names channels and keys, a server's
names one channel, and who has come. Passwords are told by no value, but their bytes are bytes like any other: who shows those
shows what `conceal` has made of them.

The words stand in ``meanings.py``; how the parts are shown, in ``wirespeak/explanation.py``. Pure: touches nothing outside.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal

from wirespeak.errors import LimitExceeded, RemoteProtocolError
from wirespeak.explanation import Part, Walk
from wirespeak.irc import capabilities, modes
from wirespeak.irc.commands import COMMANDS
from wirespeak.irc.grammar import CTCP, HTTP_VERBS, LINE, RECEIVED_TAG_PART, SOURCE, TAG_KEY, TAG_PART
from wirespeak.irc.meanings import (
    CTCP_MEANINGS,
    FIELDS,
    FORMATTING,
    MESSAGES,
    SECRETS,
    SUBCOMMANDS,
    TAGS,
    TOKENS,
    Saying,
    numeric_meaning,
)
from wirespeak.irc.messages import Message, parse_tags
from wirespeak.irc.numerics import NUMERICS

__all__ = ["conceal", "explain"]

Side = Literal["client", "server"]

SECRET: Final = "(not shown)"
"""The value of a part that must not be shown."""

# RFC 8446 5.1   what TLS begins with: a record of a handshake, of version 3.x
TLS_RECORD: Final = b"\x16\x03"
# A line that only a server says: it begins with a source, or asks (PING), or ends the connection (ERROR).
SERVERS: Final = re.compile(rb"(?:@[^ \r\n]* +)?:|PING :?[^ \r\n]+\r?\n|ERROR |AUTHENTICATE \+|NOTICE (?:AUTH|\*) ")
# What stands before a parameter; a colon, and it is the last one.
BEFORE: Final = re.compile("( +)(:?)")
# Modern IRC, IRC Formatting: the characters that dress a text, colours with their numbers.
DRESS: Final = re.compile(r"\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?|[\x02\x0f\x11\x16\x1d\x1e\x1f]")
# What is said to NickServ begins with what it shall do; what follows may be a password.
NICKSERV: Final = "nickserv"

SP: Final = ("SP", "spaces part the elements of a line; one is as good as many", "Modern IRC: Message Format")
END: Final = ("line end", "CR LF; from old programs LF alone", "Modern IRC: Message Format")
AT: Final = ("at sign", "tags follow", "IRCv3 message-tags")
SEMICOLON: Final = ("semicolon", "another tag follows", "IRCv3 message-tags")
EQUALS: Final = ("equals sign", "its value follows", "IRCv3 message-tags")
COLON: Final = ("colon", "where it came from follows", "Modern IRC: Source")
LAST: Final = ("colon", "the last parameter follows: it may have spaces, or be empty", "Modern IRC: Parameters")
BANG: Final = ("exclamation mark", "the user name follows", "Modern IRC: Source")
HOST_AT: Final = ("at sign", "the host follows", "Modern IRC: Source")
COMMA: Final = ("comma", "one more follows", "RFC 2812 2.3.1")
DELIM: Final = ("CTCP delimiter", "a message to the other program, not to the person", "RFC 2812 4.4")


def explain(data: bytes, side: Side | None = None) -> list[Part]:
    """The parts of what one side said; without ``side`` it is the server where one of the first lines has a source."""
    if side is None:
        side = "server" if any(SERVERS.match(line) for line in data[:8192].splitlines(keepends=True)[:3]) else "client"
    return _Lines(data, side).explained()


def conceal(data: bytes, parts: Iterable[Part]) -> bytes:
    """``data`` with asterisks for the bytes of passwords and tokens, as ``parts`` name them."""
    shown = bytearray(data)
    for part in parts:
        if part.value == SECRET:
            shown[part.start : part.end] = b"*" * (part.end - part.start)
    return bytes(shown)


class _Lines(Walk):
    """Messages, line by line."""

    __slots__ = ("_number", "_server")

    def __init__(self, data: bytes, side: Side) -> None:
        super().__init__(data)
        self._server = side == "server"
        self._number = 0

    def explained(self) -> list[Part]:
        """The parts of the whole stream."""
        try:
            if not self.data:
                self.rest("missing", "missing", "still to come: a message", "Modern IRC: Message Format")
            if self.data.startswith(TLS_RECORD):
                self.take(len(self.data), "TLS", "all is encrypted: no more can be told of it", "RFC 8446 5.1")
            while self.at < len(self.data):
                self.line()
        except LimitExceeded as error:
            self.rest("rest", "said", str(error))
        return self.parts

    # --- what is left behind

    def say(self, text: str, name: str, meaning: str = "", clause: str = "", value: str | None = None) -> None:
        """A part of the bytes that ``text`` was read from, whose value is that text unless told otherwise; none of no bytes."""
        if text:
            self.take(self.at + _size(text), name, meaning, clause, text if value is None else value)

    def mark(self, text: str, sign: tuple[str, str, str]) -> None:
        """A delimiter; none of no bytes."""
        if text:
            self.take(self.at + _size(text), *sign, kind="delimiter")

    # --- lines

    def line(self) -> None:
        """Explain a line."""
        self._number += 1
        self.group = f"message {self._number}"
        end = self.data.find(b"\n", self.at)
        said = self.data[self.at : len(self.data) if end < 0 else end]
        ending = "" if end < 0 else "\r\n" if said.endswith(b"\r") else "\n"
        said = said.removesuffix(b"\r") if ending == "\r\n" else said
        if self._number == 1 and not self._server and said.partition(b" ")[0] in _HTTP:
            self.rest("malformed", "malformed", "HTTP, and not IRC: a server drops the connection without a word", "RFC 9110 9.1")
            return
        text = said.decode("utf-8", "surrogateescape")
        fault = self.fault_of(said, text)
        if end < 0:
            self.take(self.at + len(said), "line", "the beginning of a message", "Modern IRC: Message Format")
            self.rest("missing", "missing", "still to come: the end of the line", "Modern IRC: Message Format")
            return
        if not text.strip(" "):
            self.say(text, "empty message", "nothing, and ignored", "Modern IRC: Message Format")
        elif fault is not None:
            code = f"; a server answers {fault.code}" if fault.code else ""
            self.take(self.at + len(said), "malformed", f"{fault.args[0]}{code}", fault.clause, kind="malformed")
        else:
            self.message(text, Message.parse(text))
        self.mark(ending, END)

    def fault_of(self, said: bytes, text: str) -> RemoteProtocolError | None:
        """Why the line is not taken; None where it is."""
        tags = said.index(b" ") + 1 if said[:1] == b"@" and b" " in said else 0
        if tags > (RECEIVED_TAG_PART if self._server else TAG_PART):
            return RemoteProtocolError("more tags than may be", code=417, clause="IRCv3 message-tags")
        if len(said) - tags > LINE - 2:
            return RemoteProtocolError(f"longer than {LINE} bytes", code=417, clause="RFC 1459 2.3")
        if not self._server and not _is_utf8(text):
            return RemoteProtocolError("no UTF-8; a server says FAIL and INVALID_UTF8", clause="IRCv3 utf8only")
        try:
            Message.parse(text)
        except RemoteProtocolError as error:
            return error
        return None

    def message(self, text: str, parsed: Message) -> None:
        """Explain a line that the parser has read as ``parsed``."""
        numeric = NUMERICS.get(parsed.command)
        self.group += f": {parsed.command}{f' {numeric.name}' if numeric else ''}"
        rest = text
        if rest[0] == "@":
            tags, space, rest = _parted(rest[1:])
            self.mark("@", AT)
            self.tags(tags)
            self.mark(space, SP)
        lead = rest[: len(rest) - len(rest.lstrip(" "))]
        self.mark(lead, SP)
        rest = rest[len(lead) :]
        if rest[0] == ":":
            source, space, rest = _parted(rest[1:])
            self.mark(":", COLON)
            self.source(source)
            self.mark(space, SP)
        word = rest[: (rest + " ").index(" ")]
        self.command(word, parsed)
        self.params(rest[len(word) :], parsed)

    def tags(self, text: str) -> None:
        """Explain the tags of a message (IRCv3 message-tags)."""
        for number, one in enumerate(text.split(";")):
            if number:
                self.mark(";", SEMICOLON)
            key, equals, value = one.partition("=")
            if not TAG_KEY.fullmatch(key):
                self.say(one, "no tag", "passed over: no tag is called so", "IRCv3 message-tags")
                continue
            default = "from client to client; a server hands it on" if key[0] == "+" else ""
            self.say(key, "tag", *TAGS.get(key, (default, "IRCv3 message-tags")))
            self.mark(equals, EQUALS)
            self.say(value, "tag value", "", "", parse_tags(f"x={value}")["x"])

    def source(self, text: str) -> None:
        """Explain where a message came from (Modern IRC, Source)."""
        if not self._server:
            self.say(text, "source", "a client's is ignored: the server knows who it is", "Modern IRC: Source")
            return
        found = SOURCE.fullmatch(text)
        if found is None or (found[2] is None and found[3] is None):
            self.say(text, "server name" if "." in text else "source", "who says so", "Modern IRC: Source")
            return
        self.say(found[1], "nickname", "who it was", "Modern IRC: Source")
        if found[2] is not None:
            self.mark("!", BANG)
            self.say(found[2], "user", "", "Modern IRC: Source")
        if found[3] is not None:
            self.mark("@", HOST_AT)
            self.say(found[3], "host", "", "Modern IRC: Source")

    def command(self, word: str, parsed: Message) -> None:
        """Explain the command, or the numeric."""
        if word.isdigit():
            numeric = NUMERICS.get(word)
            name = f"{word} {numeric.name}" if numeric else word
            self.say(word, "numeric", numeric_meaning(word), "Modern IRC: Numerics", name)
            return
        unknown = Saying("a command that is not widely known", "Modern IRC: Command")
        saying = MESSAGES.get(parsed.command, unknown)
        self.say(word, "command", saying.meaning, saying.clause, parsed.command)

    # --- parameters

    def params(self, rest: str, parsed: Message) -> None:
        """Explain what stands behind the command."""
        for name, value in zip(self.names(parsed), parsed.params, strict=True):
            found = BEFORE.match(rest)
            assert found is not None
            self.mark(found[1], SP)
            self.mark(found[2], LAST)
            self.param(name, value, parsed)
            rest = rest[found.end() + len(value) :]
        self.mark(rest, SP)
        rule = COMMANDS.get(parsed.command)
        if rule is not None and not self._server and len(parsed.params) < rule.least:
            meaning = f"{rule.least - len(parsed.params)} more to come: a server answers 461"
            self.take(self.at, "missing", meaning, MESSAGES[parsed.command].clause, kind="missing")

    def names(self, parsed: Message) -> Sequence[str]:
        """What each parameter is called."""
        count = len(parsed.params)
        numeric = NUMERICS.get(parsed.command)
        if numeric is not None:
            middles, _, text = numeric.form.partition(":") if numeric.form[0] == ":" else numeric.form.partition(" :")
            form = ["client", *(re.sub("[<>]", "", word) for word in re.findall(r"<[^>]+>(?:\.\.\.)?|[^ ]+", middles))]
            form += ["text" if "<" not in text or " " in text else text.strip("<>")] if text else []
        elif saying := MESSAGES.get(parsed.command):
            form = (saying.server if self._server else saying.client).split(", ")
        else:
            form = []
        return _fitted([name for name in form if name], count)

    def param(self, name: str, text: str, parsed: Message) -> None:
        """Explain one parameter, which is called ``name``."""
        meaning = FIELDS.get(name, "")
        command = parsed.command
        if name in SECRETS:
            self.say(text, name, "", "", SECRET)
        elif command == "AUTHENTICATE" and not self._server and text not in ("+", "*") and not re.fullmatch(r"[A-Z0-9-]{3,20}", text):
            self.say(text, "response", "base64, of which a password may be part", "IRCv3 sasl-3.1", SECRET)
        elif command == "CAP" and text.isdigit():
            self.say(text, "version", "how much of the negotiation is understood", "IRCv3 capability-negotiation")
        elif command == "CAP" and "capabilities" in name:
            self.words(text, "capability", _capability_meaning)
        elif command == "005" and name == "tokens":
            self.token(text)
        elif command == "353" and name == "names":
            self.words(text, "member", lambda _: "")
        elif name == "modes" or name == "modestring":
            self.say(text, "modes", _modes_meaning(text, channel=parsed.params[0].startswith("#") or command == "324"), "Modern IRC: MODE")
        elif name == "subcommand":
            self.say(text, name, SUBCOMMANDS.get((command, text.upper()), meaning), "")
        elif name in ("channels", "nicknames", "targets"):
            for number, one in enumerate(text.split(",")):
                self.mark("," if number else "", COMMA)
                self.say(one, name[:-1], FIELDS.get(name[:-1], ""), "")
        elif name in ("text", "topic", "reason", "service command"):
            self.text(text, name, parsed)
        else:
            self.say(text, name, meaning, "")

    def words(self, text: str, name: str, meaning_of: Callable[[str], str]) -> None:
        """Explain a parameter that holds several words."""
        for found in re.finditer("( *)([^ ]*)", text):
            self.mark(found[1], SP)
            self.say(found[2], name, meaning_of(found[2]), "")

    def token(self, text: str) -> None:
        """Explain a token of RPL_ISUPPORT."""
        name, equals, value = text.partition("=")
        self.say(name, "feature", TOKENS.get(name.removeprefix("-"), ""), "Modern IRC: RPL_ISUPPORT")
        self.mark(equals, ("equals sign", "its value follows", "Modern IRC: RPL_ISUPPORT"))
        self.say(value, "feature value")

    def text(self, text: str, name: str, parsed: Message) -> None:
        """Explain text for people, or what programs say to each other in its place."""
        found = CTCP.fullmatch(text)
        if not self._server and (parsed.params[0].lower() == NICKSERV or name == "service command"):
            word, space, rest = _parted(text)
            self.say(word, "service command", "what the service shall do", "RFC 2812 3.5.2")
            self.mark(space, SP)
            self.say(rest, "argument", "a password may be part of it", "", SECRET)
        elif found and parsed.command in ("PRIVMSG", "NOTICE"):
            self.mark("\x01", DELIM)
            self.say(found[1], "CTCP command", CTCP_MEANINGS.get(found[1].upper(), ""), "RFC 2812 4.4")
            behind = text[1 + len(found[1]) :].removesuffix("\x01")
            if behind:
                self.mark(" ", SP)
                self.dressed(behind[1:], "CTCP text")
            self.mark("\x01" if text.endswith("\x01") else "", DELIM)
        else:
            self.dressed(text, name)

    def dressed(self, text: str, name: str) -> None:
        """Explain text with the characters that dress it (Modern IRC, IRC Formatting)."""
        at = 0
        for found in DRESS.finditer(text):
            self.say(text[at : found.start()], name, FIELDS.get(name, ""))
            self.say(found[0], "formatting", FORMATTING[found[0][0]], "Modern IRC: IRC Formatting")
            at = found.end()
        self.say(text[at:], name, FIELDS.get(name, ""))


# --- small things

_HTTP: Final = frozenset(verb.encode() for verb in HTTP_VERBS)


def _size(text: str) -> int:
    """The bytes that ``text`` was read from."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))


def _is_utf8(text: str) -> bool:
    """Whether ``text``, decoded with surrogateescape, was text."""
    return text.isascii() or not re.search("[\udc80-\udcff]", text)


def _parted(text: str) -> tuple[str, str, str]:
    """What stands before the first spaces, those, and what stands behind them."""
    word, _, rest = text.partition(" ")
    spaces = text[len(word) : len(text) - len(rest.lstrip(" "))] if len(word) < len(text) else ""
    return word, spaces, text[len(word) + len(spaces) :]


def _fitted(form: list[str], count: int) -> list[str]:
    """The names of ``count`` parameters after ``form``: optional ones fall away from behind, what goes on repeats, and more has no name."""
    while len(form) > count and any(_optional(name) for name in form):
        del form[max(at for at, name in enumerate(form) if _optional(name))]
    many = next((at for at, name in enumerate(form) if name.endswith("...")), None)
    if many is not None and len(form) < count:
        form = form[:many] + [form[many]] * (count - len(form) + 1) + form[many + 1 :]
    form = form[:count] + ["parameter"] * (count - len(form))
    return [name.removesuffix("...").strip("[]") for name in form]


def _optional(name: str) -> bool:
    return name.startswith("[") or name.endswith("...")


def _capability_meaning(word: str) -> str:
    """What a capability changes; ``word`` may have its value behind it, or a minus before it."""
    name = word.lstrip("-~=").partition("=")[0]
    return capabilities.TABLE[name].meaning if name in capabilities.TABLE else ""


def _modes_meaning(text: str, *, channel: bool) -> str:
    """What the letters of a MODE do, each once."""
    return "; ".join(dict.fromkeys(_told(text, channel)))


def _told(text: str, channel: bool) -> Iterator[str]:
    sign = "+"
    for letter in text:
        if letter in "+-":
            sign = letter
            continue
        row = modes.CHANNEL_MODES.get(letter) if channel else modes.USER_MODES.get(letter)
        if row is not None:
            yield f"{sign}{letter}: {'no longer: ' if sign == '-' else ''}{row.meaning}"
