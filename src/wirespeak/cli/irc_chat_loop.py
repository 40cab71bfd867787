"""The two ways to talk in ``wirespeak irc chat``: at a terminal, where what happens and what is typed come as they like, and through pipes.

Both are what the commands of ``irc_chat_commands.py`` work on.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import click

from wirespeak import __version__
from wirespeak.cli.irc_chat_commands import NAMES, typed
from wirespeak.cli.irc_chat_lines import Line, as_json, clock_of, line_of, render, told
from wirespeak.cli.irc_chat_screen import Screen
from wirespeak.cli.telnet_keyboard import Keyboard
from wirespeak.cli.terminal import printable
from wirespeak.contract import HasFileno
from wirespeak.errors import Refused, TimeoutError, WirespeakError
from wirespeak.irc.answers import is_refusal
from wirespeak.irc.client import BlockingClient
from wirespeak.irc.ctcp import RateLimit, ctcp_answer
from wirespeak.irc.events import Connected, Disconnected, Event
from wirespeak.irc.messages import Message, parse_source
from wirespeak.irc.sending import Priority
from wirespeak.sockets.attended import Signals, wait

__all__ = ["Piped", "Terminal"]

INTERRUPTED: Final = 130
# Seconds that what was typed last has to get out, for who leaves.
LAST_WORDS: Final = 3.0
# Windows that open because others speak to us; the words of more people are seen all the same.
MOST_WINDOWS: Final = 100
# Nicks of a window that are remembered as the latest to speak, for completion.
SPEAKERS: Final = 50
# Read of the standard input at a time, and lines waiting to be said beyond which no more is read.
READ_SIZE: Final = 16 << 10
CROWDED: Final = 20


class _Talk:
    """What both have: the client, and the windows."""

    client: BlockingClient

    def __init__(self, *, colour: bool) -> None:
        self.window = ""
        self.windows = [""]
        self._colour = colour
        self._answers = RateLimit()
        self._speakers: dict[str, deque[str]] = {}
        self._first: set[str] = set()  # the channels that we begin with, in small letters

    def show(self, line: Line) -> None:
        raise NotImplementedError

    def go(self, window: str) -> None:
        """Go to a window; one that isn't there is opened."""
        known = self._known(window)
        if known is None:
            self.windows.append(window)
        self.window = window if known is None else known

    def close(self, window: str) -> None:
        if window in self.windows and window:
            self.windows.remove(window)
            self._speakers.pop(window, None)
        if self.window == window:
            self.window = self.windows[-1]

    def _known(self, window: str) -> str | None:
        """The window of that name, in whatever case; None where there is none."""
        fold = self.client.tracker.fold
        return next((known for known in self.windows if fold(known) == fold(window)), None)

    def _open(self, window: str) -> None:
        """Open a window that others asked for, where there is none yet, and not too many."""
        if len(self.windows) < MOST_WINDOWS and self._known(window) is None:
            self.windows.append(window)

    def _happened(self, event: Event) -> None:
        """Follow what ``event`` means for the windows, and answer what clients answer by themselves."""
        if event.command == "JOIN" and event.mine:
            # Back in one after the connection was lost, or in another of those that we began with, we stay where we are.
            if self._known(event.channel) is None and (event.channel.lower() not in self._first or not self.window):
                self.go(event.channel)
            self._open(event.channel)
        elif (event.command == "PART" and event.mine) or (event.command == "KICK" and event.mine and event.channel):
            if self.client.channel(event.channel) is None:
                self.close(event.channel)
        elif event.command == "NICK" and event.nick in self.windows and event.text not in self.windows:
            self.windows[self.windows.index(event.nick)] = event.text
            self.window = event.text if self.window == event.nick else self.window
        elif event.command == "PRIVMSG" and not event.mine and not event.replayed:
            asked = event.ctcp
            if asked is None or asked.command == "ACTION":
                self._spoke(event.channel or event.nick, event.nick)
                if not event.channel:
                    self._open(event.nick)
            elif self._answers.allows(time.monotonic()):
                answer = ctcp_answer(asked, version=f"wirespeak {__version__}", time=time.strftime("%a, %d %b %Y %H:%M:%S %z"))
                if answer is not None:
                    with suppress(WirespeakError):  # too much waits, or the connection is lost: they may ask again
                        self.client.queue("NOTICE", event.nick, answer, priority=Priority.LOW)

    def _spoke(self, window: str, nick: str) -> None:
        if window not in self._speakers and len(self._speakers) >= MOST_WINDOWS:
            del self._speakers[next(iter(self._speakers))]
        row = self._speakers.setdefault(window, deque(maxlen=SPEAKERS))
        if nick in row:
            row.remove(nick)
        row.appendleft(nick)

    def _own(self, message: Message) -> Event:
        """Something that we said, as others get it."""
        source = self.client.tracker.me.source
        target = message.params[0]
        channel = self.client.tracker.features.channel_of(target)
        return Event(Message(message.command, message.params, source), parse_source(source), (channel,) if channel else (), mine=True)


class Terminal(_Talk):
    """At a terminal."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__(colour=colour)
        self._keyboard = Keyboard(sys.stdin.fileno(), sys.stdout.fileno())
        self._screen: Screen | None = None  # there is none while we connect
        self._code: int | None = None
        self._more = False  # more may have come than was read

    # --- what is shown

    def note(self, text: str) -> None:
        """Show ``text``, of one line or more."""
        if self._screen is None:
            click.echo(text)
        else:
            self._screen.show(text.split("\n"))

    def show(self, line: Line, clock: str = "") -> None:
        shown = render(line, colour=self._colour, window=line.window != self.window, clock=clock or time.strftime("%H:%M"))
        self.note(shown + ("\a" if line.alert else ""))

    # --- what the commands do

    def say(self, message: Message) -> None:
        self.client.queue(message.command, *message.params)
        event = self._own(message)
        line = line_of(event, self.client.tracker)
        if line is not None:
            self.show(line)

    def request(self, command: str, *parameters: str) -> None:
        self.client.queue(command, *parameters)

    def leave(self, reason: str) -> None:
        self._code = 0
        self._reason = reason

    # --- the loop

    def run(self, client: BlockingClient, channels: Sequence[str]) -> int:
        """Talk. The exit code."""
        self.client = client
        self._reason = ""
        self._first = {channel.lower() for channel in channels}
        for channel in channels:
            client.queue("JOIN", channel)
        try:
            with Signals(signal.SIGWINCH, signal.SIGCONT, signal.SIGTERM, signal.SIGHUP) as signals, self._keyboard:
                screen = self._screen = Screen(self._keyboard, self._candidates)
                screen.resized()
                try:
                    self.show(told(f"connected to {client.server} as {client.nick}; /help tells what can be done"))
                    while self._code is None:
                        self._turn(signals, screen)
                finally:
                    screen.end()
                    self._screen = None
        finally:
            client.close(self._reason, patience=LAST_WORDS)
        return self._code

    def _turn(self, signals: Signals, screen: Screen) -> None:
        """Wait for something to happen, and do what follows from it."""
        client = self.client
        self._news()
        if self._code is not None:
            return
        screen.prompt(f"[{printable(self.window or client.nick)}] ")
        reading: list[HasFileno] = [signals, self._keyboard]
        writing: list[HasFileno] = []
        if client.error is None:
            reading.append(client)
            writing += [client] if client.stream.unsent else []
        ready = wait(reading, writing, 0.0 if self._more else client.deadline)
        if signals in ready:
            self._signalled(signals.take(), screen)
        if self._keyboard in ready:
            keys = self._keyboard.read()
            if not keys:
                self._code = INTERRUPTED
            for what, text in screen.typed(keys):
                self._typed(what, text, screen)

    def _typed(self, what: str, text: str, screen: Screen) -> None:
        if self._code is not None:
            return
        if what == "line":
            try:
                typed(self, text)
            except WirespeakError as error:
                self.show(told(f"not connected: {error}", "error"))
        elif what == "window" and int(text) < len(self.windows):
            self.go(self.windows[int(text)])
        elif what == "interrupt":
            self._code = INTERRUPTED
        elif what == "end":
            self._code = 0
        elif what == "suspend":
            screen.end()
            self._keyboard.suspend()
            screen.redraw()
        screen.prompt(f"[{printable(self.window or self.client.nick)}] ")

    def _signalled(self, arrived: set[int], screen: Screen) -> None:
        if arrived & {signal.SIGTERM, signal.SIGHUP}:
            self._code = INTERRUPTED
        if signal.SIGCONT in arrived:
            self._keyboard.make_raw()  # who stopped us may have left it otherwise
        if arrived & {signal.SIGWINCH, signal.SIGCONT}:
            screen.resized()

    def _news(self) -> None:
        """See what the server said, and whether the connection still stands."""
        client = self.client
        self._more = client.poll()
        while (event := client.kept()) is not None:
            self._happened(event)
            line = line_of(event, client.tracker)
            if line is not None:
                self.show(line, clock_of(event))
        if client.error is not None:
            self._lost()

    def _lost(self) -> None:
        self._keyboard.restore()  # so that one can break it off
        try:
            happened = self.client.next(0.0)
        except TimeoutError:
            return  # it isn't time for the next attempt
        except KeyboardInterrupt:
            self._code = INTERRUPTED
            return
        finally:
            self._keyboard.make_raw()
        if isinstance(happened, Disconnected):
            self.show(told(f"not connected: {happened.error}; next attempt in {happened.retry_in or 0:.0f} seconds", "error"))
        elif isinstance(happened, Connected):
            self.show(told(f"connected again, as {happened.nick}"))

    # --- completion

    def _candidates(self, word: str, first: bool) -> Sequence[str]:
        """What ``word`` may become: a command, a channel, or a nick, those who spoke last before the others."""
        tracker = self.client.tracker
        fold = tracker.fold
        if first and word.startswith("/"):
            return [f"/{name}" for name in NAMES if name.startswith(word[1:].lower())]
        if tracker.features.is_channel(word):
            return [name for name in self.windows if fold(name).startswith(fold(word))]
        channel = tracker.channel(self.window)
        there = [] if channel is None else sorted(tracker.users[key].nick for key in channel.members)
        spoke = [nick for nick in self._speakers.get(self.window, ()) if channel is None or fold(nick) in channel.members]
        others = [name for name in self.windows if name and not tracker.features.is_channel(name)]
        nicks = [nick for nick in dict.fromkeys([*spoke, *there, *others]) if fold(nick).startswith(fold(word)) and not tracker.is_me(nick)]
        return [f"{nick}:" for nick in nicks] if first else nicks


class Piped(_Talk):
    """What is piped in is said; what happens is written out, a line each: as text, or with ``plain`` as JSON."""

    def __init__(self, *, plain: bool, colour: bool) -> None:
        super().__init__(colour=colour)
        self._plain = plain
        self._code = 0
        self._over = False
        self._reason = ""
        self._line = b""  # one that isn't whole

    def note(self, text: str) -> None:
        """An explanation: for people, and so beside the output."""
        click.echo(text, err=not self._plain)

    def show(self, line: Line) -> None:
        """A word of our own: for people, and so beside the output."""
        if line.pieces[-1][1] == "error":
            self._code = max(self._code, 1)
        click.echo(render(line, colour=False, window=True), err=True)

    def say(self, message: Message) -> None:
        self.client.queue(message.command, *message.params)

    def request(self, command: str, *parameters: str) -> None:
        try:
            self.client.ask(command, *parameters)
        except Refused:
            pass  # as the server's word it is among what has come
        self._news()

    def leave(self, reason: str) -> None:
        self._over = True
        self._reason = reason

    def run(self, client: BlockingClient, channels: Sequence[str]) -> int:
        """Say what comes from the standard input, up to its end. The exit code. Raises what ends the conversation before that."""
        self.client = client
        self._first = {channel.lower() for channel in channels}
        if self._plain:
            click.echo(
                json.dumps({"event": "connected", "server": client.server, "nick": client.nick, "tls": client.stream.tls is not None})
            )
        with client:
            try:
                for channel in channels:
                    self.request("JOIN", channel)
                if self._code == 0:
                    self._pipe()
                    if client.error is None:
                        client.flush()
                        client.ping()  # what comes before its answer belongs to what was said
            except WirespeakError as error:
                self._news()
                raise error
            self._news()
            client.close(self._reason)
        if self._plain:
            click.echo(json.dumps({"event": "closed"}))
        return self._code

    def _pipe(self) -> None:
        client = self.client
        more = False  # more may have come than was read
        while not self._over:
            reading: list[HasFileno] = [client]
            if client.session.waiting < CROWDED:
                reading.append(sys.stdin)
            ready = wait(reading, [client] if client.stream.unsent else [], 0.0 if more else client.deadline)
            if sys.stdin in ready:
                data = os.read(sys.stdin.fileno(), READ_SIZE)
                *lines, self._line = (self._line + data).split(b"\n")
                if not data and self._line:
                    lines.append(self._line)
                for line in lines:
                    if not self._over:
                        typed(self, line.decode("utf-8", "replace").rstrip("\r"))
                if not data:
                    return
            more = client.poll()
            self._news()
            if client.error is not None:
                raise client.error

    def _news(self) -> None:
        """Write out what has come."""
        while (event := self.client.kept()) is not None:
            self._happened(event)
            if is_refusal(event.message) and event.command != "433":
                self._code = 1
            if self._plain:
                click.echo(as_json(event))
            elif (line := line_of(event, self.client.tracker)) is not None:
                click.echo(render(line, colour=self._colour, window=True))
