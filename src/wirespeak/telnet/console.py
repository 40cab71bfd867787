"""What the interactive client decides: keys in, words to the host and text for the screen out.

Where a key goes depends on what was negotiated. A host that echoes and suppresses go-aheads gets each key by itself, as a shell wants
it. One that doesn't, or that knows nothing of Telnet at all, gets lines, edited and echoed here: so one can type a request to a
web server by hand. The escape character leads to the prompt ``telnet>`` and its commands (``commands.py``).

    keys     ─▶ typed ─▶ session.send         what is typed, commands
    session  ─▶ heard ─▶ screen               what the host says, freed of what would answer back (``escapes.py``)
    keys     ─▶ typed ─▶ wishes               what only who carries the connection can do: open, close, quit, suspend

The terminal is expected in raw mode: each key comes by itself, and the screen does what it is told and no more. Pure: touches
nothing outside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from wirespeak.errors import LocalProtocolError
from wirespeak.telnet.commands import CHARACTERS, Prompt, Settings, Wish, key_name, told
from wirespeak.telnet.escapes import EscapeFilter
from wirespeak.telnet.grammar import BINARY, ECHO, LINEMODE, LOGOUT, NEW_ENVIRON
from wirespeak.telnet.lines import EditedLine, Key, LineEditor
from wirespeak.telnet.messages import (
    Command,
    Data,
    Disabled,
    Enabled,
    End,
    FlowControl,
    Malformed,
    SpecialCharacters,
    StatusReport,
    option_name,
)
from wirespeak.telnet.screen import clean
from wirespeak.telnet.session import TelnetSession

__all__ = ["Console"]

PROMPT: Final = "telnet> "

# Of the last line on the screen so much is remembered: what stands before the line that is edited.
LAST_LINE: Final = 500
_SEQUENCE: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[ -/]*[0-Z\\-~])|[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]")
_LINE_END: Final = re.compile(r"[\r\n]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_LINE_FEED: Final = re.compile(rb"(?<!\r)\n")


class Console:
    """One user's terminal. ``connected`` and ``disconnected`` tell it of the connection, `typed` of keys, `heard` of events.

    After each of these `screen` is what is to be shown, `prompt.wishes` what is to be done, and the session has what is to be
    sent. Without a connection the prompt stands.
    """

    def __init__(self, settings: Settings | None = None, *, columns: int = 80) -> None:
        self.settings = settings or Settings()
        self.prompt = Prompt(self.settings)
        self.prompting = True
        """Whether the keys go to the prompt ``telnet>``. What the host says waits meanwhile."""
        self.flow = FlowControl(on=False, any_key=False)
        """Whether the terminal itself stops on XOFF, and on which key it goes on (RFC 1372)."""
        self._screen: list[bytes] = []
        self._filter = EscapeFilter()
        self._line = LineEditor(columns=columns)
        self._commands = LineEditor(columns=columns)
        self._ahead = b""  # keys behind one that led to a wish
        self._fresh = True  # nothing is typed yet of the line that is edited
        self._was_editing = False
        self._last_line = ""  # on the screen, as it stands
        self._after_cr = False  # the host's text ended in one
        self._characters: Mapping[int, tuple[int, int]] = {}  # of LINEMODE

    # --- the connection

    def connected(self, session: TelnetSession, peer: str) -> None:
        """A conversation begins, with ``peer`` (in words)."""
        self.prompt.session, self.prompt.peer, self.prompt.lines = session, peer, None
        self.prompting = False
        self.flow = FlowControl(on=False, any_key=False)
        self._filter = EscapeFilter()
        self._characters = {}
        self._fresh = True
        self._was_editing = self.prompt.edits
        escape = self.settings.escape
        self._say(f"Connected to {peer}.\n" + (f"Escape character is '{key_name(escape)}'.\n" if escape is not None else ""))

    def disconnected(self, why: str, *, stay: bool) -> None:
        """The conversation is over: ``why`` is told. To ``stay`` is to show the prompt; else there is nothing more to do."""
        self.prompt.session = None
        self._say(("\n" if self._last_line else "") + f"{why}\n")
        if stay:
            self.ask()

    def resized(self, columns: int) -> None:
        """The window has so many columns now."""
        self._line.columns = self._commands.columns = columns

    @property
    def screen(self) -> bytes:
        """What is to be shown; given out once."""
        screen, self._screen = b"".join(self._screen), []
        return screen

    # --- what is typed

    def typed(self, keys: bytes) -> None:
        """Keys were pressed. Those behind one that led to a wish wait until this is called again, once that is carried out."""
        keys = self._ahead + keys
        while keys and not self.prompt.wishes:
            keys = self._to_prompt(keys) if self.prompting else self._to_host(keys)
        self._ahead = keys

    def ask(self) -> None:
        """Show the prompt ``telnet>``."""
        self.prompting = True
        self._show(self._commands.begin(PROMPT))

    def _to_host(self, keys: bytes) -> bytes:
        """Keys up to the escape character; what is left."""
        escape = self.settings.escape
        keys, found, rest = keys.partition(bytes((escape,))) if escape is not None else (keys, b"", b"")
        session = self.prompt.session
        if keys and session is not None:
            self._follow()
            try:
                keys = self._pass(session, keys)
            except LocalProtocolError as error:  # our side has ended
                keys = b""
                self._say(f"{error}\n")
        if self.prompt.wishes:
            return keys + found + rest
        if found:
            self._say("\n")
            self.ask()
        return rest

    def _pass(self, session: TelnetSession, keys: bytes) -> bytes:
        """What is typed goes to the host, the keys that become commands as commands; what is left, where one led to a wish."""
        special = self._special() if self.prompt.traps else {}
        at = 0
        for match in re.finditer(b"[%b]" % re.escape(bytes(special)), keys) if special else ():
            self._words(session, keys[at : match.start()])
            if not self._trap(session, special[match[0][0]]):
                self._words(session, match[0])
            at = match.end()
            if self.prompt.wishes:
                return keys[at:]
        self._words(session, keys[at:])
        return b""

    def _special(self) -> dict[int, str]:
        """The keys that become commands, by what they are called; the host has its say in them (RFC 1184 2.4)."""
        keys = dict(self.settings.characters)
        for name, (_, function, _) in CHARACTERS.items():
            if function in self._characters:
                flags, key = self._characters[function]
                keys[name] = key if flags & 3 else None
        return {key: name for name, key in keys.items() if key is not None}

    def _trap(self, session: TelnetSession, name: str) -> bool:
        """A key of that name was pressed; whether that was all there is to it."""
        editing = self.prompt.edits
        if name == "eof" and (not editing or self._line.text):
            return False  # a character as others; and to the editor, where a line is begun, another key
        if name == "interrupt" and editing:
            self._show(self._line.press(Key.INTERRUPT)[0])
            self._fresh = True
        if session.negotiates:
            if name == "eof" and not session.us(LINEMODE):
                session.send(b"\x04")  # such hosts know it as a character
            else:
                session.send(Command(CHARACTERS[name][2]))
        elif name == "eof":
            session.send(End())
        elif name == "suspend":
            self.prompt.wishes.append(Wish.SUSPEND)
        elif name in ("interrupt", "quit"):
            # Who knows no commands can't be interrupted; the keys do what they do to any program.
            self.prompt.wishes.append(Wish.INTERRUPT)
        else:
            return False
        return True

    def _words(self, session: TelnetSession, keys: bytes) -> None:
        if not keys:
            return
        echoing = not session.him(ECHO)
        if self.prompt.edits:
            self._edit(session, keys, echoing)
            return
        if echoing:
            self._show(_CONTROL.sub(_echo, keys.decode("utf-8", "replace")))
        if not session.us(BINARY) and "crlf" in self.settings.toggles:
            keys = keys.replace(b"\r", b"\r\n")
        session.send(keys)

    def _edit(self, session: TelnetSession, keys: bytes, echoing: bool) -> None:
        line = self._line
        if self._fresh:
            line.begin(self._last_line)
        line.echo = echoing
        line.feed(keys)
        while True:
            shown, event = line.advance()
            self._show(shown)
            if line.text:
                self._fresh = False
            if event is None:
                return
            if isinstance(event, EditedLine):
                session.send(event.encode() + session.line_end)
            line.begin(self._last_line)
            self._fresh = True

    def _follow(self) -> None:
        """What was negotiated may have changed how typed text goes: a line that was begun is then sent as far as it is."""
        session = self.prompt.session
        editing = self.prompt.edits
        if self._was_editing and not editing and session is not None and not self._fresh:
            if rest := self._line.text + self._line.rest():
                session.send(rest.encode())
            self._line.begin()
            self._fresh = True
        self._was_editing = editing

    def _to_prompt(self, keys: bytes) -> bytes:
        """Keys up to the end of a command; what is left."""
        editor = self._commands
        editor.feed(keys)
        shown, event = editor.advance()
        self._show(shown)
        if event is None:
            return b""
        rest = editor.rest().encode()
        if isinstance(event, EditedLine):
            self._say(self.prompt.run(event))
        elif event is Key.EOF and self.prompt.session is None:
            self.prompt.wishes.append(Wish.QUIT)
        if self.prompt.session is not None:
            self.prompting = False
        elif not self.prompt.wishes:
            self.ask()
        return rest

    # --- what the host says

    def heard(self, event: Any) -> None:
        """An event of the session's."""
        if type(event) is Data:
            self._hear(event.data)
        elif type(event) is SpecialCharacters:
            self._characters = event.characters
        elif type(event) is FlowControl:
            self._flow(event)
        elif type(event) is StatusReport:
            self._say(told(event))
        elif type(event) is Malformed and "options" in self.settings.toggles:
            self._say(f"[{event.error}]\n")
        elif type(event) in (Enabled, Disabled):
            self._settled(event)
        self._follow()

    def _settled(self, event: Enabled | Disabled) -> None:
        on = type(event) is Enabled
        if "options" in self.settings.toggles:
            self._say(f"[{option_name(event.option)} is {'on' if on else 'off'}, {'here' if event.us else 'there'}]\n")
        if event.option == LOGOUT and not on:
            self._say("The host doesn't log out by that option.\n")
        elif event.option == NEW_ENVIRON and event.us and on and not self.settings.exported and "options" in self.settings.toggles:
            self._say("[nothing is told: no variable is defined]\n")

    def _flow(self, event: FlowControl) -> None:
        self.flow = FlowControl(
            on=self.flow.on if event.on is None else event.on,
            any_key=self.flow.any_key if event.any_key is None else event.any_key,
        )

    def _hear(self, data: bytes) -> None:
        if self.prompt.edits:
            # Who doesn't know Telnet ends lines as it pleases.
            before = b"\r" if self._after_cr else b""
            self._after_cr = data.endswith(b"\r")
            data = _LINE_FEED.sub(b"\r\n", before + data)[len(before) :]
        if "raw" in self.settings.toggles:
            self._screen.append(data)
            self._stands(data.decode("utf-8", "replace"))
        else:
            self._show(self._filter.feed(data))

    # --- what is shown

    def _say(self, text: str) -> None:
        """Words of our own, in lines that end in LF. What the host sent may be among them: nothing in it is obeyed."""
        self._show(clean(text).replace("\n", "\r\n"))

    def _show(self, text: str) -> None:
        if text:
            self._screen.append(text.encode("utf-8", "replace"))
            self._stands(text)

    def _stands(self, text: str) -> None:
        """Remember what stands in the cursor's line."""
        self._last_line = _LINE_END.split(_SEQUENCE.sub("", (self._last_line + text[-LAST_LINE:])[-LAST_LINE:]))[-1]


def _echo(key: re.Match[str]) -> str:
    """A control character as it is echoed."""
    return "\r\n" if key[0] == "\r" else key_name(ord(key[0]))
