"""A visitor, as a host sees one: say something, ask for a line, a password, a choice.

    async def host(visitor):
        name = await visitor.ask("Who are you? ")
        await visitor.say(f"Hello, {name}.")

Each call waits where there is something to wait for: for the visitor to type, and for the connection to take what was said. Editing and
echo are done here (``lines.py``), and what the terminal can show is known (``screen.py``).

What a visitor may do at any time besides: ask whether we are there (AYT), which is answered; interrupt (IP, BRK or Ctrl-C),
which raises `Interrupted` where the host waits, or waits next; hang up, which cancels the host. Touches the session and the
link that it is given.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from wirespeak.contract import Link
from wirespeak.errors import ConnectionLost
from wirespeak.telnet.grammar import ECHO, LINEMODE, Code
from wirespeak.telnet.lines import EditedLine, Key, LineEditor
from wirespeak.telnet.options import Linemode
from wirespeak.telnet.screen import Screen
from wirespeak.telnet.session import TelnetSession

__all__ = ["Interrupted", "Program", "Visitor"]

T = TypeVar("T")

# Typed ahead, while the host is busy. The session's window stops the peer before that; but commands are not counted there.
AHEAD: Final = 256 << 10
# Typed input is dealt with in pieces of so many bytes: what is kept of it in other forms stays small.
PIECE: Final = 4096

PRESENT: Final = "[Yes]"
"""RFC 854, "Are You There": "some visible (e.g., printable) evidence that the AYT was received"."""

TYPED: Final = {
    Code.EC: b"\x7f",
    Code.EL: b"\x15",
    Code.EOF: b"\x04",
    Code.IP: b"\x03",
    Code.BRK: b"\x03",
    Code.ABORT: b"\x03",
    Code.SUSP: b"\x03",
}
"""Commands that mean what a key means, by what that key sends."""


class Interrupted(Exception):
    """The visitor wants what is going on to stop. A host that doesn't catch it ends, and says goodbye by that."""


class Program(Protocol):
    """What may take a visitor's bytes in the place of the line editing (`Visitor.attach`)."""

    def data(self, data: bytes) -> None:
        """Bytes came. They are to be `TelnetSession.consumed` once they are dealt with."""
        ...

    def command(self, code: int) -> None:
        """So did a command: IP, AYT, EC …"""
        ...

    def changed(self) -> None:
        """The window has another size, or an option came into effect or is no more."""
        ...

    def ended(self) -> None:
        """The visitor says no more."""
        ...


class Visitor:
    """One visitor. One task's at a time, but for `say`, which anyone may call: the line being typed is put back behind it.

    Once the visitor has hung up, every call raises `ConnectionLost`.
    """

    def __init__(self, link: Link, session: TelnetSession) -> None:
        self.link = link
        self.session = session
        self.screen = Screen()
        self.terminal = ""
        """The terminal's name, in lower case (RFC 1091); "" where it wasn't told. A stranger's word."""
        self.mtts: int | None = None
        """The bits of the MUD Terminal Type Standard, where it follows that."""
        self.variables: dict[str, str | None] = {}
        """Of the visitor's environment, as told (RFC 1572). A stranger's word."""
        self.speed = (38400, 38400)
        """Bits a second, to the visitor and from there (RFC 1079)."""
        self.closed = False
        self._editor = LineEditor(echo=False)
        self._editing = False
        self._outcome: EditedLine | Key | None = None
        self._waiter: Any = None
        self._ahead = bytearray()
        self._owed = 0  # of that, bytes that the session counts
        self._ended = False
        self._interrupted = False
        self._running: Any = None  # the task of `run`
        self._program: Program | None = None

    # --- who it is

    @property
    def peer(self) -> Any:
        """Where the visitor comes from: host and port."""
        return self.link.peer

    @property
    def tls(self) -> Any:
        """What was agreed on, where TLS is spoken; else None."""
        return self.link.tls

    @property
    def columns(self) -> int:
        return self.screen.columns

    @property
    def rows(self) -> int:
        return self.screen.rows

    # --- what a host says

    async def say(self, *lines: str) -> None:
        """Show ``lines``, each on a line of its own; without any, an empty one. They are the host's own: what others wrote, `clean` it."""
        await self._ready()
        self._show("\n".join(lines) + "\n")

    async def write(self, data: bytes | str) -> None:
        """Show bytes as they are, or text without a line's end."""
        await self._ready()
        self._put(data if isinstance(data, bytes) else self.screen.encode(data))

    async def ask(self, prompt: str = "", default: str | None = None) -> str | None:
        """The line that is typed behind ``prompt``; ``default`` for an empty one, where that is given. None where no line will come."""
        line = await self._line(prompt, None)
        return default if line == "" and default is not None else line

    async def password(self, prompt: str = "Password: ") -> str | None:
        """The same for what nobody may see: stars stand for it."""
        # Where the visitor's side shows what is typed, it doesn't if we say that we do (RFC 857), and then don't.
        hide = not self.session.us(ECHO) and self.session.negotiates
        if hide:
            self.session.ask_us(ECHO)
        try:
            return await self._line(prompt, "" if self._whole_lines else "*")
        finally:
            if hide and not self.closed:
                self.session.drop_us(ECHO)

    async def menu(self, title: str, items: Mapping[str, str] | Sequence[tuple[str, str]], prompt: str = "> ") -> str | None:
        """The key of the item that was chosen: typed in either case, or as the begin of its words. None where no choice will come."""
        choices = list(items.items()) if isinstance(items, Mapping) else list(items)
        shown = [*([self.screen.heading(title)] if title else []), self.screen.menu(choices)]
        await self.say(*shown)
        while (line := await self.ask(prompt)) is not None:
            said = line.strip().lower()
            for key, words in choices:
                if said == key.lower() or (len(said) > 1 and words.lower().startswith(said)):
                    return key
            await self.say(*([f"One of {', '.join(key for key, _ in choices)}."] if said else shown))
        return None

    async def __aiter__(self) -> AsyncIterator[str]:
        """The lines that are typed, up to the end."""
        while (line := await self.ask()) is not None:
            yield line

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of ``work``, which an interrupt cancels. Raises what it raises, and `Interrupted`."""
        await self._ready_to(work)
        result: list[T] = []
        failure: list[Exception] = []
        done = self.link.future()

        async def do() -> None:
            try:
                result.append(await work)
            except Exception as error:
                failure.append(error)
            finally:
                if not done.done():
                    done.set_result(None)

        self._running = self.link.start(do())
        try:
            if not done.done():
                await done
        finally:
            running, self._running = self._running, None
            if running is not None and not running.done():
                running.cancel()
        if failure:
            raise failure[0]
        self._raise_if_interrupted()
        return result[0]

    def attach(self, program: Program) -> None:
        """From now on what comes goes to ``program``, what was typed ahead first; what it says, it says to `session`."""
        self._program = program
        ahead, owed = self._editor.rest().encode() + self._ahead, self._owed
        self._ahead.clear()
        self._owed = 0
        if ahead:
            self.session.consumed(owed - len(ahead))  # all of it is counted once more when the program has dealt with it
            program.data(ahead)
        if self._ended:
            program.ended()

    # --- what the server tells

    def data(self, data: bytes) -> None:
        """The visitor typed something."""
        if self._program is not None:
            self._program.data(data)
            return
        if len(self._ahead) + len(data) > AHEAD:
            self.session.consumed(len(data))
            return
        self._owed += len(data)
        self._type(data)

    def command(self, code: int) -> None:
        """The visitor's side sent a command."""
        if self._program is not None:
            self._program.command(code)
        elif code == Code.AYT:
            self._show(f"{PRESENT}\n")
        elif code == Code.AO:
            self.session.abort_output()
            self._show("")  # but for the prompt, and what is typed there
        elif code in TYPED:
            self._type(TYPED[Code(code)])

    def changed(self) -> None:
        """The terminal, or what was agreed on with it, isn't what it was."""
        self._editor.columns = self.screen.columns
        self._editor.echo = self.session.us(ECHO)
        if self._program is not None:
            self._program.changed()

    def ended(self) -> None:
        """The visitor says no more, but may be listening."""
        self._ended = True
        if self._program is not None:
            self._program.ended()
        elif self._editing:
            self._edit()

    def lost(self) -> None:
        """The visitor is gone."""
        self.closed = True
        running, self._running = self._running, None
        if running is not None:
            running.cancel()

    # --- a line

    @property
    def _whole_lines(self) -> bool:
        """Whether lines are edited on the visitor's side (RFC 1184)."""
        return self.session.him(LINEMODE) and self.session.option(Linemode).mode.edit

    async def _line(self, prompt: str, mask: str | None) -> str | None:
        before, newline, last = prompt.rpartition("\n")
        await self._ready()
        self._put(self.screen.encode(before + newline + self._editor.begin(last, mask=mask)))
        self._outcome = None
        self._editing = True
        try:
            self._edit()
            while self._editing:
                self._waiter = self.link.future()
                await self._waiter
        finally:
            self._editing = False
            self._waiter = None
        outcome = self._outcome
        self._raise_if_interrupted()
        if self.closed:
            raise ConnectionLost("the visitor has hung up")
        return str(outcome) if isinstance(outcome, EditedLine) else None

    def _type(self, data: bytes) -> None:
        if self._editing:
            self._ahead += data
            self._edit()
        elif b"\x03" in data:
            # Nobody waits for a line: an interrupt is for what is going on, and what was typed before it is void.
            self._drop_ahead()
            self._interrupt()
        elif len(self._ahead) < AHEAD:
            self._ahead += data

    def _edit(self) -> None:
        """Deal with what is typed, until a line is whole or nothing is left."""
        editor = self._editor
        while self._editing:
            screen, event = editor.advance()
            if screen:
                self._put(self.screen.encode(screen))
            if event is Key.INTERRUPT:
                self._drop_ahead()
                self._interrupted = True
            if event is not None:
                self._finish(event)
            elif self._ahead:
                self._feed()
            elif self._ended:
                self._finish(EditedLine(editor.text) if editor.text else Key.EOF)
            else:
                return

    def _feed(self) -> None:
        piece = bytes(self._ahead[:PIECE])
        del self._ahead[:PIECE]
        counted = min(len(piece), self._owed)
        self._owed -= counted
        self.session.consumed(counted)
        self._editor.feed(piece)

    def _finish(self, outcome: EditedLine | Key) -> None:
        self._editing = False
        self._outcome = outcome
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _drop_ahead(self) -> None:
        self.session.consumed(self._owed)
        self._owed = 0
        self._ahead.clear()
        self._editor.forget()

    def _interrupt(self) -> None:
        self._interrupted = True
        if self._running is not None:
            self._running.cancel()

    def _raise_if_interrupted(self) -> None:
        if self._interrupted:
            self._interrupted = False
            raise Interrupted

    # --- what is said

    async def _ready(self) -> None:
        """Return once something may be said."""
        self._raise_if_interrupted()
        if self.closed:
            raise ConnectionLost("the visitor has hung up")
        if self.session.crowded:
            await self.link.room()

    async def _ready_to(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await self._ready()
        except BaseException:
            work.close()
            raise

    def _show(self, text: str) -> None:
        """Whole lines: above the one that is being typed, if one is."""
        if self._editing:
            text = self._editor.hide() + text + self._editor.reveal()
        self._put(self.screen.encode(text))

    def _put(self, data: bytes) -> None:
        if data and not self.closed:
            self.session.send(data)
