"""The terminal of ``wirespeak telnet connect``: raw while it converses, as it was before in every other case, and its loop.

What keys and the host's words lead to is decided in ``telnet/console.py``; here they are carried to and fro.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import termios
from collections.abc import Callable
from types import TracebackType
from typing import Any

from wirespeak.cli import exit_code
from wirespeak.contract import HasFileno
from wirespeak.errors import WirespeakError
from wirespeak.sockets.attended import Signals, wait
from wirespeak.telnet.client import BlockingClient
from wirespeak.telnet.commands import Open, Wish
from wirespeak.telnet.console import Console
from wirespeak.telnet.messages import Data, FlowControl
from wirespeak.telnet.options import Naws

__all__ = ["Conversation", "Keyboard"]

# Exit code: Ctrl-C, or a signal that ends programs.
INTERRUPTED = 130

# Keys taken at a time: a paste comes in several turns, and the host's answers between them.
KEYS = 4096

# termios(3): the fields of what tcgetattr gives.
INPUT, OUTPUT, CONTROL, LOCAL, CHARACTERS = 0, 1, 2, 3, 6


class Keyboard:
    """A terminal, ``keys`` its input and ``screen`` its output, by descriptors. Raw between the beginning and the end of a
    ``with`` block, and restored whatever happens there.
    """

    def __init__(self, keys: int, screen: int) -> None:
        self._keys = keys
        self._screen = screen
        self._before: list[Any] = []
        self._flow = FlowControl(on=False, any_key=False)

    def fileno(self) -> int:
        return self._keys

    def __enter__(self) -> Keyboard:
        self._before = termios.tcgetattr(self._keys)
        self.make_raw()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.restore()

    def restore(self) -> None:
        """Be as before."""
        with contextlib.suppress(termios.error):  # it may be gone
            termios.tcsetattr(self._keys, termios.TCSADRAIN, self._before)

    def flow(self, flow: FlowControl) -> None:
        """With ``flow`` on, XOFF and XON stop the screen and let it go on (RFC 1372)."""
        if flow != self._flow:
            self._flow = flow
            self.make_raw()

    def make_raw(self) -> None:
        """Let each key come by itself, nothing be echoed or made a signal, and what is written be shown as it is."""
        raw = [*self._before]
        raw[INPUT] &= ~(termios.BRKINT | termios.ICRNL | termios.INLCR | termios.IGNCR | termios.INPCK | termios.ISTRIP)
        raw[INPUT] &= ~(termios.IXON | termios.IXOFF | termios.IXANY)
        if self._flow.on:
            raw[INPUT] |= termios.IXON | (termios.IXANY if self._flow.any_key else 0)
        raw[OUTPUT] &= ~termios.OPOST
        raw[CONTROL] = (raw[CONTROL] & ~(termios.CSIZE | termios.PARENB)) | termios.CS8
        raw[LOCAL] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
        raw[CHARACTERS] = [*raw[CHARACTERS]]
        raw[CHARACTERS][termios.VMIN], raw[CHARACTERS][termios.VTIME] = 1, 0
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self._keys, termios.TCSADRAIN, raw)

    def read(self) -> bytes:
        """The keys that were pressed; ``b""`` where the terminal is gone."""
        try:
            return os.read(self._keys, KEYS)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._screen, data) :]

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows; 0 where it doesn't know."""
        try:
            size = os.get_terminal_size(self._screen)
        except OSError:
            return 0, 0
        return size.columns, size.lines

    def suspend(self) -> None:
        """Stop this program as Ctrl-Z stops any, with the terminal as it was; go on where the shell lets it."""
        self.restore()
        os.kill(0, signal.SIGTSTP)  # the others of a pipeline too
        self.make_raw()


class Conversation:
    """The loop: keys, connection and signals.

    ``connect`` makes a connection; ``record`` is given all that is shown. `run` does the rest.
    """

    def __init__(
        self, keyboard: Keyboard, console: Console, connect: Callable[[Open], BlockingClient], record: Callable[[bytes], object]
    ) -> None:
        self._keyboard = keyboard
        self._console = console
        self._connect = connect
        self._record = record
        self._client: BlockingClient | None = None
        self._stay = True
        self._more = False  # more may have come than was read
        self._code: int | None = None  # the exit code, once it is over

    def run(self, first: Open | None) -> int:
        """Converse with ``first``, and no longer than it does; or begin at the prompt. The exit code. Raises what ``connect`` does."""
        self._stay = first is None
        client = None if first is None else self._connect(first)
        with Signals(signal.SIGWINCH, signal.SIGCONT, signal.SIGTERM, signal.SIGHUP) as signals, self._keyboard:
            try:
                self._resize()
                if client is None:
                    self._console.ask()
                    self._show()
                else:
                    self._begin(client)
                while self._code is None:
                    self._turn(signals)
            finally:
                if self._client is not None:
                    self._client.close()
        return self._code

    def _turn(self, signals: Signals) -> None:
        """Wait for something to happen, and do what follows from it."""
        console, client, keyboard = self._console, self._client, self._keyboard
        reading: list[HasFileno] = [signals]
        if client is None or not client.session.crowded:
            reading.append(keyboard)
        if client is not None and client.session.reading and not console.prompting:
            reading.append(client)
        writing = [client] if client is not None and client.stream.unsent else []
        ready = wait(reading, writing, 0.0 if self._more else math.inf if client is None else client.deadline)
        if signals in ready:
            self._signalled(signals.take())
        if keyboard in ready:
            keys = keyboard.read()
            if not keys:
                self._code = INTERRUPTED
            console.typed(keys)
        self._carry()
        while self._code is None and console.prompt.wishes:
            self._fulfil(console.prompt.wishes.pop(0))
            console.typed(b"")
            self._carry()

    def _signalled(self, arrived: set[int]) -> None:
        if arrived & {signal.SIGTERM, signal.SIGHUP}:
            self._code = INTERRUPTED
        if signal.SIGCONT in arrived:
            self._keyboard.make_raw()  # who stopped us may have left it otherwise
        if arrived & {signal.SIGWINCH, signal.SIGCONT}:
            self._resize()

    def _resize(self) -> None:
        columns, rows = self._keyboard.size
        if columns:
            self._console.resized(columns)
        if self._client is not None:
            session = self._client.session
            for message in session.option(Naws).resize(columns, rows):
                session.send(message)

    def _fulfil(self, wish: Wish | Open) -> None:
        if isinstance(wish, Open):
            self._open(wish)
        elif wish is Wish.QUIT:
            self._code = 0
        elif wish is Wish.INTERRUPT:
            self._code = INTERRUPTED
        elif wish is Wish.CLOSE:
            if self._client is not None:
                self._stay = True
                self._end("Connection closed.", 0)
        else:
            self._keyboard.suspend()
            self._resize()
            if self._client is None:
                self._console.ask()

    def _open(self, wish: Open) -> None:
        self._show()
        self._keyboard.restore()  # so that one can break it off
        try:
            client = self._connect(wish)
        except (WirespeakError, KeyboardInterrupt) as error:
            self._console.disconnected(str(error) or "Broken off.", stay=True)
        else:
            self._begin(client)
        finally:
            self._keyboard.make_raw()

    def _begin(self, client: BlockingClient) -> None:
        self._client = client
        self._console.connected(client.session, client.name)
        self._carry()

    def _carry(self) -> None:
        """Carry to and fro what there is, in parts, so that keys are looked at in between; see whether the conversation is over."""
        console, client = self._console, self._client
        self._more = False
        if client is not None:
            try:
                if console.prompting:
                    client.poll(read=False)
                else:
                    self._more = bool(data := client.read_eager())
                    console.heard(Data(data))
                if client.ended:
                    self._end(f"Connection closed by {client.name}.", 0)
            except WirespeakError as error:
                self._end(f"Connection to {client.name} lost: {error}.", exit_code(error))
        self._keyboard.flow(console.flow)
        self._show()

    def _end(self, why: str, code: int) -> None:
        assert self._client is not None
        client, self._client = self._client, None
        self._console.disconnected(why, stay=self._stay)
        self._show()
        client.close()
        if not self._stay:
            self._code = code

    def _show(self) -> None:
        shown = self._console.screen
        self._keyboard.write(shown)
        self._record(shown)
