"""What one can say at the interactive client's prompt ``telnet>``: the classic client's commands, as a table.

`Settings` is what the commands change, `Prompt` carries them out: on the settings, on the session (which says what follows from it),
or as a `Wish` to whoever carries the connection. A command may be shortened as long as it stays the only one of its kind.

Pure: touches nothing outside.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeVar

from wirespeak.errors import LocalProtocolError
from wirespeak.telnet.grammar import BINARY, ECHO, LINEMODE, LOGOUT, OPTIONS, SGA, Code
from wirespeak.telnet.messages import Command, StatusReport, Subnegotiation, option_name
from wirespeak.telnet.options import Linemode, NewEnviron, Status
from wirespeak.telnet.options.linemode import Level, Slc
from wirespeak.telnet.session import TelnetSession

__all__ = ["CHARACTERS", "Open", "Prompt", "Settings", "Wish", "key_name", "read_key", "told"]

T = TypeVar("T")

ESCAPE: Final = 0x1D
"""Ctrl-], which no program has a use for."""

CHARACTERS: Final[dict[str, tuple[int, Slc, Code]]] = {
    "interrupt": (0x03, Slc.IP, Code.IP),
    "quit": (0x1C, Slc.ABORT, Code.ABORT),
    "suspend": (0x1A, Slc.SUSP, Code.SUSP),
    "eof": (0x04, Slc.EOF, Code.EOF),
    "flushoutput": (0x0F, Slc.AO, Code.AO),
    "ayt": (0x14, Slc.AYT, Code.AYT),
}
"""The keys that become commands where lines are edited here: the key at first, what LINEMODE calls it (RFC 1184 2.4), the command."""

NOT_SENT: Final = {Code.SE, Code.SB, Code.DM, Code.WILL, Code.WONT, Code.DO, Code.DONT}
"""Those that are only said with something else, or as a Synch."""

TOGGLES: Final = {
    "crlf": "Enter sends CR LF, and not CR NUL, where each key goes by itself",
    "localchars": "interrupt, quit … become commands, and not only where lines are edited here",
    "options": "the talk about options is shown",
    "raw": "what the host sends reaches the terminal unfiltered",
    "binary": "bytes both ways, nothing translated (RFC 856)",
    "inbinary": "the same for what comes",
    "outbinary": "the same for what goes",
}

SENDING: Final[dict[str, Code]] = {code.name.lower(): code for code in Code if code not in NOT_SENT} | {
    "break": Code.BRK,
    "synch": Code.DM,
}
"""What ``send`` can say by itself."""


class Wish(Enum):
    """What a command or a key asks of who carries the connection."""

    QUIT = "quit"
    INTERRUPT = "interrupt"  # as QUIT; but the user broke it off
    CLOSE = "close"
    SUSPEND = "suspend"


@dataclass(slots=True, frozen=True)
class Open:
    """A wish: to connect to ``host``. A ``port`` of "" is Telnet's."""

    host: str
    port: str = ""


@dataclass(slots=True)
class Settings:
    """What ``set``, ``toggle`` and ``environ`` change; it outlives a connection."""

    escape: int | None = ESCAPE
    characters: dict[str, int | None] = field(default_factory=lambda: {name: key for name, (key, _, _) in CHARACTERS.items()})
    toggles: set[str] = field(default_factory=set)
    variables: dict[str, str] = field(default_factory=dict)
    """Of the environment: those that were configured or defined, and no others."""
    unexported: set[str] = field(default_factory=set)

    @property
    def exported(self) -> dict[str, str]:
        """The variables that the host may be told, when it asks (RFC 1572)."""
        return {name: value for name, value in self.variables.items() if name not in self.unexported}


class Refusal(Exception):
    """A command that can't be carried out; its message is for the user."""


class Prompt:
    """Carries out commands. ``session`` is the conversation, None while there is none; ``peer`` its host and port, in words."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.session: TelnetSession | None = None
        self.peer = ""
        self.wishes: list[Wish | Open] = []
        self.lines: bool | None = None
        """Whether lines are edited here, as ``mode`` said to a host that negotiates nothing; None where nothing was said."""

    def run(self, line: str) -> str:
        """Carry out one line; what the user is told, in lines that end in LF."""
        try:
            words = shlex.split(line)
            if not words:
                return ""
            name = _one_of(COMMANDS, words[0], "command")
            return COMMANDS[name][0](self, words[1:])
        except Refusal as refusal:
            return f"{refusal}\n"
        except (LocalProtocolError, ValueError) as error:  # shlex's: a quotation without an end
            return f"{error}\n"

    @property
    def connected(self) -> TelnetSession:
        if self.session is None:
            raise Refusal("not connected: open HOST [PORT] connects")
        return self.session

    # --- the connection

    def open(self, words: Sequence[str]) -> str:
        if self.session is not None:
            raise Refusal(f"already connected to {self.peer}: close it first")
        if not 1 <= len(words) <= 2:
            raise Refusal("open HOST [PORT]")
        self.wishes.append(Open(*words))
        return ""

    def close(self, words: Sequence[str]) -> str:
        if self.connected:
            self.wishes.append(Wish.CLOSE)
        return ""

    def quit(self, words: Sequence[str]) -> str:
        self.wishes.append(Wish.QUIT)
        return ""

    def z(self, words: Sequence[str]) -> str:
        self.wishes.append(Wish.SUSPEND)
        return ""

    def logout(self, words: Sequence[str]) -> str:
        self.connected.ask_him(LOGOUT)  # RFC 727
        return ""

    def status(self, words: Sequence[str]) -> str:
        if self.session is None:
            return "Not connected.\n" + self._escape()
        session = self.session
        ours = " ".join(option_name(code) for code in sorted(OPTIONS) if session.us(code)) or "none"
        theirs = " ".join(option_name(code) for code in sorted(OPTIONS) if session.him(code)) or "none"
        mode = "line by line, edited here" if self.edits else "character by character"
        echo = "the host" if session.him(ECHO) else "this side"
        options = f"Options here: {ours}\nOptions there: {theirs}\n"
        return f"Connected to {self.peer}.\nTyped text goes {mode}; {echo} echoes.\n{options}{self._escape()}"

    def _escape(self) -> str:
        key = self.settings.escape
        return "There is no escape character.\n" if key is None else f"The escape character is {key_name(key)}.\n"

    # --- how what is typed goes

    @property
    def edits(self) -> bool:
        """Whether lines are edited here. LINEMODE says so itself (RFC 1184); without it a host that wants each key suppresses
        go-aheads (RFC 858), and all others get lines.
        """
        session = self.session
        if session is None:
            return False
        if session.us(LINEMODE):
            return session.option(Linemode).mode.edit
        return not session.him(SGA) if self.lines is None else self.lines

    @property
    def traps(self) -> bool:
        """Whether the keys of `CHARACTERS` become commands."""
        session = self.session
        if session is not None and session.us(LINEMODE):
            return session.option(Linemode).mode.trapsig
        return self.edits or "localchars" in self.settings.toggles

    def mode(self, words: Sequence[str]) -> str:
        if len(words) != 1:
            raise Refusal("mode line, or mode character")
        session = self.connected
        line = _one_of({"line": 0, "character": 0}, words[0], "mode") == "line"
        if not session.negotiates:
            self.lines = line
        elif line:
            for option in (SGA, ECHO):
                session.drop_him(option)
        else:
            if session.us(LINEMODE):
                session.drop_us(LINEMODE)
            for option in (SGA, ECHO):
                session.ask_him(option)
        return ""

    def slc(self, words: Sequence[str]) -> str:
        session = self.connected
        linemode = session.option(Linemode)
        what = _one_of({"list": 0, "check": 0, "export": 0, "import": 0}, words[0] if words else "list", "slc")
        if what == "list":
            if not session.us(LINEMODE):
                raise Refusal("LINEMODE is not in effect: the host agrees on no special characters")
            levels = ("not supported", "can't be changed", "", "default")
            rows = [(Slc(function).name, *its) for function, its in sorted(linemode.characters.items())]
            return "".join(f"{name:6} {key_name(key):8} {levels[flags & 3]}".rstrip() + "\n" for name, flags, key in rows)
        if what == "export":
            triplets = [bytes((function, *its)) for function, its in sorted(linemode.characters.items())]
        else:  # RFC 1184 2.4: function 0 asks for all; those that are in force, or those that it began with
            triplets = [bytes((0, Level.VALUE if what == "check" else Level.DEFAULT, 0))]
        session.send(Subnegotiation(LINEMODE, b"\x03" + b"".join(triplets)))
        return ""

    # --- what is said

    def send(self, words: Sequence[str]) -> str:
        if not words:
            raise Refusal(f"send what? {' '.join([*SENDING, 'escape', 'getstatus'])}, or do, dont, will, wont and an option")
        session = self.connected
        words = list(words)
        while words:
            word = words.pop(0).lower()
            if word in ASKING:
                ASKING[word](session, _option(words.pop(0) if words else ""))
            elif word == "escape":
                session.send(bytes((ESCAPE if self.settings.escape is None else self.settings.escape,)))
            elif word == "getstatus":
                self._ask_status(session)
            else:
                session.send(Command(_choose(SENDING, word, "send")))
        return ""

    def _ask_status(self, session: TelnetSession) -> None:
        questions = session.option(Status).ask()
        if not questions:
            raise Refusal("the host doesn't tell its status (RFC 859)")
        for question in questions:
            session.send(question)

    # --- settings

    def set(self, words: Sequence[str]) -> str:
        names = {"escape": 0, **self.settings.characters}
        if not 1 <= len(words) <= 2:
            raise Refusal(f"set NAME KEY, or off; the names are {' '.join(names)}; a key is itself, or as ^X")
        name = _one_of(names, words[0], "character")
        key = read_key(words[1]) if len(words) == 2 else (ESCAPE if name == "escape" else CHARACTERS[name][0])
        if name == "escape":
            self.settings.escape = key
        else:
            self.settings.characters[name] = key
        return f"{name} is {'off' if key is None else key_name(key)}.\n"

    def unset(self, words: Sequence[str]) -> str:
        if len(words) != 1:
            raise Refusal("unset NAME")
        return self.set([words[0], "off"])

    def toggle(self, words: Sequence[str]) -> str:
        if not words:
            return "".join(f"{name:12}{'on ' if self._is_on(name) else 'off'}  {what}\n" for name, what in TOGGLES.items())
        said = ""
        for word in words:
            name = _one_of(TOGGLES, word, "toggle")
            on = not self._is_on(name)
            if name.endswith("binary"):
                self._binary(name, on)
            else:
                (self.settings.toggles.add if on else self.settings.toggles.discard)(name)
            said += f"{name} is {'on' if on else 'off'}.\n"
        return said

    def _is_on(self, name: str) -> bool:
        if not name.endswith("binary"):
            return name in self.settings.toggles
        session = self.session
        return session is not None and (name == "inbinary" or session.us(BINARY)) and (name == "outbinary" or session.him(BINARY))

    def _binary(self, name: str, on: bool) -> None:
        session = self.connected
        if name != "outbinary":
            (session.ask_him if on else session.drop_him)(BINARY)
        if name != "inbinary":
            (session.ask_us if on else session.drop_us)(BINARY)

    def display(self, words: Sequence[str]) -> str:
        keys = {"escape": self.settings.escape, **self.settings.characters}
        return self.toggle(()) + "".join(f"{name:12}{'off' if key is None else key_name(key)}\n" for name, key in keys.items())

    def environ(self, words: Sequence[str]) -> str:
        settings = self.settings
        what = _one_of(ENVIRON, words[0] if words else "list", "environ")
        if what == "list":
            rows = [(" " if name in settings.unexported else "*", name, value) for name, value in sorted(settings.variables.items())]
            return "".join(f"{mark} {name:12} {value}\n" for mark, name, value in rows) or "No variable is defined: none is told.\n"
        if len(words) != (3 if what == "define" else 2) or not words[1]:
            raise Refusal(f"environ {what} {'NAME VALUE' if what == 'define' else 'NAME'}")
        name = words[1]
        if what == "define":
            settings.variables[name] = words[2]
            settings.unexported.discard(name)
        elif name not in settings.variables:
            raise Refusal(f"{name} is not defined")
        elif what == "undefine":
            del settings.variables[name]
            settings.unexported.discard(name)
        elif what == "unexport":
            settings.unexported.add(name)
        elif what == "export":
            settings.unexported.discard(name)
        if self.session is not None:
            for message in self.session.option(NewEnviron).tell(name, settings.exported.get(name)):
                self.session.send(message)
        return ""

    def help(self, words: Sequence[str]) -> str:
        names = [_one_of(COMMANDS, word, "command") for word in words] or list(COMMANDS)
        return "".join(f"{name:10}{COMMANDS[name][1]}\n" for name in names)


COMMANDS: Final[dict[str, tuple[Callable[[Prompt, Sequence[str]], str], str]]] = {
    "close": (Prompt.close, "close the connection"),
    "display": (Prompt.display, "show toggles and keys"),
    "environ": (Prompt.environ, "variables that the host may be told: list, define, undefine, export, unexport, send"),
    "logout": (Prompt.logout, "ask the host to log you out"),
    "mode": (Prompt.mode, "line, or character: what is typed goes in lines, or each key by itself"),
    "open": (Prompt.open, "connect to a host"),
    "quit": (Prompt.quit, "leave"),
    "send": (Prompt.send, "send a command: ayt, brk, ip …"),
    "set": (Prompt.set, "choose a key: set escape ^]"),
    "slc": (Prompt.slc, "special characters: list, check, export, import"),
    "status": (Prompt.status, "show with whom we speak, and what was agreed on"),
    "toggle": (Prompt.toggle, "turn something on or off"),
    "unset": (Prompt.unset, "have no key for that"),
    "z": (Prompt.z, "suspend this program"),
    "?": (Prompt.help, "this help"),
    "help": (Prompt.help, "this help"),
}

ENVIRON: Final = {"list": 0, "define": 0, "undefine": 0, "export": 0, "unexport": 0, "send": 0}

ASKING: Final[dict[str, Callable[[TelnetSession, int], None]]] = {
    "do": TelnetSession.ask_him,
    "dont": TelnetSession.drop_him,
    "will": TelnetSession.ask_us,
    "wont": TelnetSession.drop_us,
}


def told(report: StatusReport) -> str:
    """What the host says of the options (RFC 859), in lines that end in LF."""
    theirs = " ".join(map(option_name, sorted(report.will))) or "none"
    ours = " ".join(map(option_name, sorted(report.do))) or "none"
    return f"The host has options there: {theirs}\nThe host has options here: {ours}\n"


def key_name(key: int) -> str:
    """A key as it is written: a, ^C, ^?."""
    if key < 0x20 or key == 0x7F:
        return f"^{chr(key ^ 0x40)}"
    return chr(key) if key < 0x80 else f"\\x{key:02x}"


def read_key(text: str) -> int | None:
    """The key that ``text`` writes; None for "off" and for "" (no key). Raises `ValueError`."""
    if text in ("", "off"):
        return None
    if len(text) == 1 and ord(text) < 0x80:
        return ord(text)
    if len(text) == 2 and text[0] == "^" and text[1].upper() in "@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_?":
        return ord(text[1].upper()) ^ 0x40
    raise ValueError(f"{text!r} is no key: expected one as itself, or with Ctrl as in ^]; off for none")


def _one_of(names: Mapping[str, object], word: str, kind: str) -> str:
    """The one of ``names`` that ``word`` is, or begins. Raises `Refusal`."""
    word = word.lower()
    found = [word] if word in names else [name for name in names if name.startswith(word)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise Refusal(f"no {kind} is called {word!r}; there are {' '.join(names)}")
    raise Refusal(f"{word!r} may be {' or '.join(found)}")


def _choose(table: Mapping[str, T], word: str, kind: str) -> T:
    return table[_one_of(table, word, kind)]


def _option(word: str) -> int:
    """An option by number, or by name as RFCs write it. Raises `Refusal`."""
    if word.isascii() and word.isdigit() and int(word) <= 255:
        return int(word)
    names = {name.lower(): code for code, name in OPTIONS.items()}
    return _choose(names, word, "option") if word else _choose({}, word, "option")
