"""A visitor's program, on a real pseudo-terminal.

What comes from the visitor is typed at the terminal, what the program writes there goes to the visitor, and what Telnet says of
terminals is done to this one: its size (NAWS), its name (TTYPE), its signals (IP, BRK, ABORT, SUSP), echo where the visitor's side
wants none, bytes as they are (BINARY); and whether Ctrl-S stops its output is told to the visitor's (LFLOW). The program gets its
arguments from whoever runs the server, and not a letter of them from a visitor; of a visitor's environment it gets what `environment`
lets through.

    visitor ──Data──▶ session ──▶ master ═ terminal ═ slave ──▶ program
    visitor ◀──────── session ◀── master ═══════════ slave ◀── program

Nobody is flooded: a program that writes faster than the visitor reads is not read from, and what a program doesn't read is not read
from the visitor. When the visit ends the program is told so (SIGHUP); what is left of its process group is killed.
Opens pseudo-terminals, and runs programs.
"""

from __future__ import annotations

import os
import pty
import re
import signal
import termios
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from wirespeak.errors import ConnectionLost
from wirespeak.sockets.descriptors import Descriptor, later, when_ended
from wirespeak.sockets.threads import Threads
from wirespeak.telnet.grammar import BINARY, ECHO, LFLOW, Code
from wirespeak.telnet.options import Lflow
from wirespeak.telnet.visitor import PRESENT, Visitor

__all__ = ["environment", "program"]

# Seconds from SIGHUP to SIGKILL: an editor saves what it has in hand.
KILL_AFTER: Final = 2.0
# Seconds that a program is given to finish after the visitor's stream has ended, as that of `printf … | nc` does at once.
END_AFTER: Final = 10.0

# Reads of what is left at a terminal whose program has ended; somebody whom it left behind may be writing without end.
LAST_WORDS: Final = 4

OWN: Final = ("PATH", "HOME", "SHELL", "USER", "LOGNAME", "TZ", "LANG")
"""Of our own environment, what a visitor's program gets: where programs and files are. No keys, tokens, or settings of servers."""

PATH: Final = "/usr/local/bin:/usr/bin:/bin"

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,63}"
ALLOWED: Final = {
    "LANG": re.compile(_NAME),
    "LC_ALL": re.compile(_NAME),
    "LC_CTYPE": re.compile(_NAME),
    "COLORTERM": re.compile(_NAME),
    "NO_COLOR": re.compile(_NAME),
    "DISPLAY": re.compile(r"[A-Za-z0-9.:\[\]-]{0,255}:[0-9]{1,5}(\.[0-9]{1,5})?"),
}
"""Of a visitor's environment, what may reach a program, and in which form: no paths, nothing that begins with a hyphen. LD_PRELOAD,
IFS, ENV and their like have been used to make such programs do other things (CVE-1999-0073, CVE-2009-0641)."""

_TERMINAL: Final = re.compile(r"[a-z0-9][a-z0-9_.+-]{0,63}")
UNKNOWN: Final = "dumb"
"""The terminal of who doesn't tell, or tells nonsense: it can show characters."""

SIGNALS: Final = {
    Code.IP: (signal.SIGINT, termios.VINTR),
    Code.BRK: (signal.SIGINT, termios.VINTR),
    Code.ABORT: (signal.SIGQUIT, termios.VQUIT),
    Code.SUSP: (signal.SIGTSTP, termios.VSUSP),
}
"""The signal of a command, and the character that is typed instead where a program takes signals' characters for itself."""

CHARACTERS: Final = {Code.EC: termios.VERASE, Code.EL: termios.VKILL, Code.EOF: termios.VEOF}

_IFLAG, _OFLAG, _LFLAG, _CC = 0, 1, 3, 6  # places in what tcgetattr gives

RESTORED: Final = {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGPIPE, signal.SIGXFSZ}
"""Signals that mean to a program what they mean to any, even if we ignore them: as Python does some, and who is started in the
background of a script (``&``, nohup) does others."""

IN_DIRECTORY: Final = ("/bin/sh", "-c", 'cd "$0" && exec "$@"')
"""Before a directory and a command: runs that there. The shell reads these words, and not those of the command."""

# Seconds between two looks at programs that are to end.
LOOK_EVERY: Final = 0.01


def environment(visitor: Visitor) -> dict[str, str]:
    """The environment of a visitor's program."""
    own = {name: os.environ[name] for name in OWN if name in os.environ}
    told = {name: value for name, value in visitor.variables.items() if value and name in ALLOWED and ALLOWED[name].fullmatch(value)}
    terminal = visitor.terminal if _TERMINAL.fullmatch(visitor.terminal) else UNKNOWN
    peer = str(visitor.peer[0]) if isinstance(visitor.peer, tuple) else ""
    return {"PATH": PATH, **own, **told, "TERM": terminal, **({"REMOTEHOST": peer} if peer else {})}


def program(
    arguments: Sequence[str] | Callable[[Visitor], Sequence[str]],
    *,
    variables: Mapping[str, str] | None = None,
    directory: str | None = None,
) -> Callable[[Visitor], Awaitable[None]]:
    """A host that runs a program for each visitor: no shell reads ``arguments``; the first is the program.

    ``variables`` are put into its `environment`. A visitor whose program can't be started is told so, and the visit ends.
    """
    inherited = _inheritable()

    async def host(visitor: Visitor) -> None:
        command = list(arguments(visitor) if callable(arguments) else arguments)
        whole = command if directory is None else [*IN_DIRECTORY, directory, *command]
        try:
            terminal = _Terminal(visitor, whole, {**environment(visitor), **(variables or {})}, inherited)
        except OSError as error:
            await visitor.say(f"{os.path.basename(command[0])} can't be started: {error.strerror}")
            return
        try:
            visitor.attach(terminal)
            await terminal.over
        finally:
            terminal.end()

    return host


class _Terminal:
    """A program on its terminal, as what a visitor is attached to (`visitor.Program`). Raises `OSError` where it can't be started."""

    def __init__(self, visitor: Visitor, command: list[str], variables: Mapping[str, str], inherited: Sequence[int]) -> None:
        self._visitor = visitor
        self._session = visitor.session
        self.over: Any = visitor.link.future()
        self._after_cr = False
        self._size = (0, 0)
        self._echo: bool | None = None
        self._cooked: bool | None = None
        self._pid, self._master, self._name = _start(command, variables, inherited, self._set_up)
        self._descriptor = Descriptor(self._master, self._said, self._session.consumed, self._finish)
        self._unwatch = when_ended(self._pid, self._ended_itself)
        self._hanging_up: Any = None
        if self._session.negotiates:
            self._session.ask_him(LFLOW)

    def _set_up(self, master: int) -> None:
        self._master = master
        self.changed()

    # --- from the visitor

    def data(self, data: bytes) -> None:
        count = len(data)
        if not self._session.him(BINARY) and (self._after_cr or b"\r" in data):
            # The end of a line is CR LF (RFC 854), and at a terminal the one key, CR; the halves may come apart.
            if self._after_cr and data[0] == 0x0A:
                data = data[1:]
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\r")
        self._descriptor.write(data, count)

    def command(self, code: int) -> None:
        match code:
            case Code.AYT:
                self._session.send(f"\r\n{PRESENT}\r\n".encode())
            case Code.AO:
                self._void(termios.TCIFLUSH, termios.TCOFLUSH)
                self._session.abort_output()
            case Code.IP | Code.BRK | Code.ABORT | Code.SUSP:
                self._signal(*SIGNALS[Code(code)])
            case Code.EC | Code.EL | Code.EOF:
                self._type(CHARACTERS[Code(code)])

    def _signal(self, number: signal.Signals, character: int) -> None:
        """As the character would do it; but past what is typed ahead, which is void by that (termios(3), NOFLSH)."""
        if not termios.tcgetattr(self._master)[_LFLAG] & termios.ISIG:
            self._type(character)
            return
        self._descriptor.forget()
        self._void(termios.TCOFLUSH, termios.TCIFLUSH)
        try:
            group = os.tcgetpgrp(self._master)
            if group > 0:  # 0: nobody is in the foreground (any more, or yet); to killpg it would mean ourselves
                os.killpg(group, number)
        except OSError:
            pass  # the last of them has just gone

    def _void(self, here: int, there: int) -> None:
        """Drop what is on its way through the terminal, in one direction: each of its ends keeps some of it."""
        termios.tcflush(self._master, here)
        try:
            slave = os.open(self._name, os.O_RDWR | os.O_NOCTTY)
        except OSError:
            return  # it is hung up
        try:
            termios.tcflush(slave, there)
        finally:
            os.close(slave)

    def _type(self, character: int) -> None:
        typed = termios.tcgetattr(self._master)[_CC][character]
        if typed != b"\0":  # none (_POSIX_VDISABLE)
            self._descriptor.write(typed)

    def changed(self) -> None:
        screen = self._visitor.screen
        if self._size != (size := (screen.rows, screen.columns)):
            self._size = size
            termios.tcsetwinsize(self._master, size)  # the kernel sends SIGWINCH
        # Where the visitor's side echoes, the terminal doesn't. Where we send bytes as they are (RFC 856), LF doesn't become CR LF.
        echo, cooked = self._session.us(ECHO), not self._session.us(BINARY)
        if (echo, cooked) != (self._echo, self._cooked):
            modes = termios.tcgetattr(self._master)
            if echo is not self._echo:
                modes[_LFLAG] = modes[_LFLAG] | termios.ECHO if echo else modes[_LFLAG] & ~termios.ECHO
            if cooked is not self._cooked:
                modes[_OFLAG] = modes[_OFLAG] | termios.OPOST if cooked else modes[_OFLAG] & ~termios.OPOST
            self._echo, self._cooked = echo, cooked
            termios.tcsetattr(self._master, termios.TCSANOW, modes)
        self._follow_flow()

    def _follow_flow(self) -> None:
        """RFC 1372: Ctrl-S stops the visitor's own screen, at once, unless the program wants that key for itself."""
        if self._session.him(LFLOW):
            modes = termios.tcgetattr(self._master)[_IFLAG]
            for message in self._session.option(Lflow).follow(bool(modes & termios.IXON), bool(modes & termios.IXANY)):
                self._session.send(message)

    def ended(self) -> None:
        if self._session.negotiates:
            self._finish()  # a terminal that says no more is gone
        else:
            self._type(termios.VEOF)
            self._hanging_up = later(END_AFTER, self._finish)

    # --- from the program

    def _said(self, data: bytes) -> None:
        if self._visitor.closed:
            return
        self._follow_flow()  # a program that changes its terminal shows something next
        self._session.send(data)
        if self._session.crowded:
            self._descriptor.read(False)
            self._visitor.link.start(self._read_on())

    async def _read_on(self) -> None:
        try:
            await self._visitor.link.room()
        except ConnectionLost:
            return
        self._descriptor.read(True)

    def _ended_itself(self) -> None:
        """The program has ended: what it said last is at the terminal still."""
        if not self._visitor.closed:
            for _ in range(LAST_WORDS):
                if rest := self._descriptor.rest():
                    self._session.send(rest)
        self._finish()

    def _finish(self) -> None:
        if not self.over.done():
            self.over.set_result(None)

    def end(self) -> None:
        """The visit is over: hang up, and see that nothing stays behind."""
        self._unwatch()
        if self._hanging_up is not None:
            self._hanging_up.cancel()
        self._descriptor.close()  # the kernel sends SIGHUP to who has the terminal
        _signal_group(self._pid, signal.SIGHUP)
        _signal_group(self._pid, signal.SIGCONT)  # who is stopped hears nothing
        _ENDING.add(self._pid)


def _inheritable() -> list[int]:
    """Descriptors that no program is to have from us. They were given to this process when it began: Python makes none (PEP 446)."""
    found = []
    for descriptor in map(int, os.listdir("/dev/fd")):
        try:
            if descriptor > 2 and os.get_inheritable(descriptor):
                found.append(descriptor)
        except OSError:
            pass  # that of the listing itself
    return found


def _start(
    command: list[str], variables: Mapping[str, str], inherited: Sequence[int], set_up: Callable[[int], None]
) -> tuple[int, int, str]:
    """The program, on a terminal of its own: its number, the master's descriptor, and the terminal's name.

    By posix_spawn, which takes a third of the time that a fork of a process as large as ours takes.
    """
    master, slave = pty.openpty()
    name = os.ttyname(slave)
    try:
        set_up(master)
        # Who leads a session and opens a terminal has it as the controlling one: so signals reach the program, and a hang-up.
        actions = [
            *((os.POSIX_SPAWN_CLOSE, descriptor) for descriptor in inherited),
            (os.POSIX_SPAWN_OPEN, 0, name, os.O_RDWR, 0),
            (os.POSIX_SPAWN_DUP2, 0, 1),
            (os.POSIX_SPAWN_DUP2, 0, 2),
        ]
        pid = os.posix_spawnp(command[0], command, variables, file_actions=actions, setsid=True, setsigdef=RESTORED, setsigmask=())
    except BaseException:
        os.close(master)
        raise
    finally:
        os.close(slave)
    return pid, master, name


def _signal_group(pid: int, number: signal.Signals) -> None:
    """As long as the program isn't reaped, its number stands for its group."""
    try:
        os.killpg(pid, number)
    except OSError:
        pass  # the group is empty


class _Ending:
    """Programs that were told to end. They get `KILL_AFTER` seconds for it; then what is left of the group of each is killed.

    One thread looks at all of them, also where the loop has ended before.
    """

    def __init__(self) -> None:
        self._thread = Threads(1, "wirespeak-reaper")
        self._lock = threading.Lock()
        self._limits: dict[int, float] = {}

    def add(self, pid: int) -> None:
        with self._lock:
            self._limits[pid] = time.monotonic() + KILL_AFTER
            if len(self._limits) == 1:
                self._thread.start(self._see_to_them)

    def _see_to_them(self) -> None:
        """Until there are none. Blocks."""
        while True:
            with self._lock:
                waiting = list(self._limits.items())
            over = [pid for pid, limit in waiting if self._is_over(pid, limit)]
            with self._lock:
                for pid in over:
                    del self._limits[pid]
                if not self._limits:
                    return
            time.sleep(LOOK_EVERY)

    def _is_over(self, pid: int, limit: float) -> bool:
        """Whether the program has ended; then it is reaped, and nothing of its group left."""
        try:
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
            if ended or time.monotonic() >= limit:
                _signal_group(pid, signal.SIGKILL)
            if ended:
                os.waitpid(pid, 0)
        except ChildProcessError:  # the system reaps for who ignores SIGCHLD
            return True
        return ended


_ENDING: Final = _Ending()
