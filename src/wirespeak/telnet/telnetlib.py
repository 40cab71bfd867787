"""The module ``telnetlib`` that Python 3.13 removed (PEP 594), written anew: a program that used it changes one import.

    from wirespeak.telnet.telnetlib import Telnet

    with Telnet("localhost", 8023, timeout=5) as telnet:
        telnet.read_until(b"> ")
        telnet.write(b"quit\\r\\n")
        print(telnet.read_all().decode())

Interface and behaviour are those of Python 3.11 (docs.python.org/3.11/library/telnetlib.html), down to the attributes that
programs reach into; a test runs both modules through the same dialogs where the old one is still there. What programs may
rely on stayed, the questionable too: every option is refused unless a callback takes charge, also where RFC 1143 would keep
silent; NUL and XON (DC1) are dropped wherever they come, in subnegotiations too; and what the reading methods gather has no
bound but the caller's time limit, for to give out all that came is what they promise. `wirespeak.telnet.BlockingClient` is
the client for new programs and for peers not trusted.

Mended are plain faults:

- What comes of a stream does not depend on how it was cut into pieces: a second IAC SB discards the first one's data always
  (it did only when a piece ended between them), and a callback always finds the data before its command in the queues.
- A receive takes up to 64 KiB, where it was 50 bytes, and data without commands is never looked at byte by byte.
- A subnegotiation is kept up to 1 MiB; a peer that never ends one can't fill the memory behind a program's back.
- Text that isn't ASCII no longer ends `Telnet.interact` with a UnicodeError: it is UTF-8, both ways.
- The listening thread of `Telnet.mt_interact` waits for data, where it kept a processor busy.

Touches a socket itself, as no other file of a protocol does: programs are handed the socket and put their own in its place.
Needs nothing of the rest of the package. Clauses: RFC 854 (commands), RFC 855 (subnegotiations).
"""

from __future__ import annotations

import codecs
import re
import selectors
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from types import TracebackType
from typing import Any, Self

__all__ = ["Telnet"]

DEBUGLEVEL = 0
"""The debug level that a new `Telnet` has; above 0 it prints what it hears and says."""

TELNET_PORT = 23

# --- commands (RFC 854)

IAC = b"\xff"  # interpret as command
DONT = b"\xfe"
DO = b"\xfd"
WONT = b"\xfc"
WILL = b"\xfb"
SB = b"\xfa"  # a subnegotiation begins
GA = b"\xf9"  # go ahead
EL = b"\xf8"  # erase line
EC = b"\xf7"  # erase character
AYT = b"\xf6"  # are you there
AO = b"\xf5"  # abort output
IP = b"\xf4"  # interrupt process
BRK = b"\xf3"  # break
DM = b"\xf2"  # data mark
NOP = b"\xf1"  # no operation
SE = b"\xf0"  # end of a subnegotiation

theNULL = b"\x00"

# --- options, by the numbers of the IANA registry "Telnet Options" and under the names of arpa/telnet.h

BINARY, ECHO, RCP, SGA, NAMS, STATUS, TM, RCTE = (bytes([number]) for number in range(8))
NAOL, NAOP, NAOCRD, NAOHTS, NAOHTD, NAOFFD, NAOVTS, NAOVTD, NAOLFD = (bytes([number]) for number in range(8, 17))
XASCII, LOGOUT, BM, DET, SUPDUP, SUPDUPOUTPUT, SNDLOC, TTYPE, EOR = (bytes([number]) for number in range(17, 26))
TUID, OUTMRK, TTYLOC, VT3270REGIME, X3PAD, NAWS, TSPEED, LFLOW = (bytes([number]) for number in range(26, 34))
LINEMODE, XDISPLOC, OLD_ENVIRON, AUTHENTICATION, ENCRYPT, NEW_ENVIRON = (bytes([number]) for number in range(34, 40))
TN3270E, XAUTH, CHARSET, RSP, COM_PORT_OPTION, SUPPRESS_LOCAL_ECHO = (bytes([number]) for number in range(40, 46))
TLS, KERMIT, SEND_URL, FORWARD_X = (bytes([number]) for number in range(46, 50))
PRAGMA_LOGON, SSPI_LOGON, PRAGMA_HEARTBEAT = (bytes([number]) for number in range(138, 141))
EXOPL = b"\xff"  # extended options list
NOOPT = b"\x00"
"""What a callback is given in the option's place, where the command has none."""

# --- how a stream is read

_RUN = re.compile(rb"[^\xff]*+(?:(?:\xff\xff)++[^\xff]*+)*+")
"""Data up to the next command, doubled IACs within it."""

_COMMAND = re.compile(rb"\xff(?:([\xfb-\xfe])(.)|([^\xfb-\xff]))", re.DOTALL)
"""A whole command: of a verb and an option, or of one byte. A start that matches not yet is an `_RUN`'s rest."""

_REFUSALS = {DO: ("DO", WONT), DONT: ("DONT", WONT), WILL: ("WILL", DONT), WONT: ("WONT", DONT)}
"""The verbs: name, and what is answered where no callback takes charge."""

_XON = b"\x11"
"""Flow control of the peer's terminal line that slipped through; dropped as NUL is."""

_RECEIVE = 1 << 16
"""Bytes taken by one receive: what a socket's buffer usually holds at most."""

_SUBNEGOTIATION = 1 << 20
"""Bytes kept of a subnegotiation; the largest in use (the messages of games) have some ten thousand. More is dropped."""

_IDLE = 0.2
"""Seconds after which a waiting `Telnet.listener` looks whether the connection was closed on our own side."""

_GONE = "*** Connection closed by remote host ***"

_GLOBAL_DEFAULT_TIMEOUT: Any = socket._GLOBAL_DEFAULT_TIMEOUT  # type: ignore[attr-defined]  # what the socket module itself marks 'none given' with

_TelnetSelector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)
"""Poll and select need no file descriptor of their own, unlike epoll and kqueue. Looked up with every use: tests put theirs here."""

_Callback = Callable[[Any, bytes, bytes], object]


class Telnet:
    """A connection to a Telnet server.

    ``host``, ``port`` and ``timeout`` are those of `open`, which is called at once where a host is given. The methods named
    ``read_…`` differ in how long they wait; several raise EOFError when the connection has ended and nothing is left, for
    ``b""`` says something else: that nothing is there yet. Usable in a selector, and as a context manager that closes it.

    ``rawq`` holds what was received and not looked at, from ``irawq`` on; ``iacseq`` the start of a command whose rest has not
    come; ``cookedq`` the data among it, ``sbdataq`` a subnegotiation's; ``sb`` tells whether one is open, ``eof`` whether the
    connection ended.
    """

    sock: Any = None
    """The connected socket; None before `open` and after `close`."""

    def __init__(self, host: str | None = None, port: int = 0, timeout: float | None = _GLOBAL_DEFAULT_TIMEOUT) -> None:
        self.debuglevel = DEBUGLEVEL
        self.host = host
        self.port = port
        self.timeout = timeout
        self.rawq = b""
        self.irawq = 0
        self.iacseq = b""
        self.sb = False
        self.eof = False
        self.option_callback: _Callback | None = None
        self._cooked = bytearray()  # behind cookedq and sbdataq: what grows by pieces
        self._subnegotiation = bytearray()
        if host is not None:
            self.open(host, port, timeout)

    @property
    def cookedq(self) -> bytes:
        """Data that was received and has not been read."""
        return bytes(self._cooked)

    @cookedq.setter
    def cookedq(self, data: bytes) -> None:
        self._cooked = bytearray(data)

    @property
    def sbdataq(self) -> bytes:
        """What the last subnegotiation said, as far as it came and has not been read."""
        return bytes(self._subnegotiation)

    @sbdataq.setter
    def sbdataq(self, data: bytes) -> None:
        self._subnegotiation = bytearray(data)

    # --- the connection

    def open(self, host: str, port: int = 0, timeout: float | None = _GLOBAL_DEFAULT_TIMEOUT) -> None:
        """Connect to ``host``, at Telnet's own port 23 where none is given; not for one that is connected.

        ``timeout`` in seconds holds for connecting and for every later wait in the socket; without it the default of the
        socket module does. Raises OSError where no connection comes about.
        """
        self.eof = False
        self.host = host
        self.port = port or TELNET_PORT
        self.timeout = timeout
        sys.audit("telnetlib.Telnet.open", self, self.host, self.port)
        self.sock = socket.create_connection((self.host, self.port), timeout)

    def close(self) -> None:
        """Close the connection; closing it again does nothing."""
        sock, self.sock = self.sock, None
        self.eof = True
        self.iacseq = b""
        self.sb = False
        if sock:
            sock.close()

    def __del__(self) -> None:
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def get_socket(self) -> Any:
        """The socket itself."""
        return self.sock

    def fileno(self) -> int:
        """The socket's file descriptor: what a selector asks for."""
        number: int = self.sock.fileno()
        return number

    def set_debuglevel(self, debuglevel: int) -> None:
        """Print what is heard and said on standard output (above 0), or don't."""
        self.debuglevel = debuglevel

    def msg(self, msg: str, *args: Any) -> None:
        """Print a line for debugging, if the debug level is above 0; ``args`` are put into it with ``%``."""
        if self.debuglevel > 0:
            print(f"Telnet({self.host},{self.port}):", msg % args if args else msg)

    def write(self, buffer: bytes) -> None:
        """Send bytes, each IAC among them doubled (RFC 854). Waits where the peer doesn't take them; raises OSError where it can't."""
        if IAC in buffer:
            buffer = buffer.replace(IAC, IAC + IAC)
        sys.audit("telnetlib.Telnet.write", self, buffer)
        self.msg("send %r", buffer)
        self.sock.sendall(buffer)

    # --- reading

    def read_until(self, match: bytes, timeout: float | None = None) -> bytes:
        """Read up to and including ``match``, for at most ``timeout`` seconds.

        Gives what there is, perhaps nothing, where that does not come. Raises EOFError where the connection ended and
        nothing is left.
        """
        length = len(match)
        self.process_rawq()
        found = self._cooked.find(match)
        if found >= 0:
            return self._take(found + length)
        deadline = 0.0 if timeout is None else monotonic() + timeout
        with self._watched() as selector:
            while not self.eof:
                if selector.select(timeout):
                    searched = max(0, len(self._cooked) - length)  # it may have begun with the last bytes that were here
                    self.fill_rawq()
                    self.process_rawq()
                    found = self._cooked.find(match, searched)
                    if found >= 0:
                        return self._take(found + length)
                if timeout is not None:
                    timeout = deadline - monotonic()
                    if timeout < 0:
                        break
        return self.read_very_lazy()

    def expect(self, list: Sequence[Any], timeout: float | None = None) -> tuple[int, re.Match[bytes] | None, bytes]:
        """Read until one of the regular expressions in ``list`` (of bytes, compiled or not) matches, for at most ``timeout`` seconds.

        Gives the index of the first that matches, the match, and the data up to its end; ``(-1, None, data)`` where none does.
        Raises EOFError where the connection ended without any data. An expression that ends greedily (``.*``) matches
        what happens to be there.
        """
        patterns = [pattern if hasattr(pattern, "search") else re.compile(pattern) for pattern in list]
        deadline = 0.0 if timeout is None else monotonic() + timeout
        with self._watched() as selector:
            while not self.eof:
                self.process_rawq()
                cooked = self.cookedq
                for index, pattern in enumerate(patterns):
                    if match := pattern.search(cooked):
                        return index, match, self._take(match.end())
                if timeout is not None:
                    ready = selector.select(timeout)
                    timeout = deadline - monotonic()
                    if not ready:
                        if timeout < 0:
                            break
                        continue
                self.fill_rawq()
        text = self.read_very_lazy()
        if not text and self.eof:
            raise EOFError
        return -1, None, text

    def read_all(self) -> bytes:
        """Read until the connection ends; gives everything."""
        self.process_rawq()
        while not self.eof:
            self.fill_rawq()
            self.process_rawq()
        return self._take(len(self._cooked))

    def read_some(self) -> bytes:
        """Read at least one byte, waiting for it; ``b""`` where the connection ended."""
        self.process_rawq()
        while not self._cooked and not self.eof:
            self.fill_rawq()
            self.process_rawq()
        return self._take(len(self._cooked))

    def read_very_eager(self) -> bytes:
        """Read all that can be had without waiting. Raises EOFError where the connection ended and nothing is left."""
        self.process_rawq()
        while not self.eof and self.sock_avail():
            self.fill_rawq()
            self.process_rawq()
        return self.read_very_lazy()

    def read_eager(self) -> bytes:
        """Read what is here, or some of what can be had without waiting. Raises EOFError as `read_very_eager` does."""
        self.process_rawq()
        while not self._cooked and not self.eof and self.sock_avail():
            self.fill_rawq()
            self.process_rawq()
        return self.read_very_lazy()

    def read_lazy(self) -> bytes:
        """Read what has been received, without asking the socket. Raises EOFError as `read_very_eager` does."""
        self.process_rawq()
        return self.read_very_lazy()

    def read_very_lazy(self) -> bytes:
        """Read what has been received and told apart from commands. Raises EOFError as `read_very_eager` does."""
        data = self._take(len(self._cooked))
        if not data and self.eof and not self.rawq:
            raise EOFError("telnet connection closed")
        return data

    def read_sb_data(self) -> bytes:
        """Read what a subnegotiation said: for a callback that was told of SE. The next SB discards what wasn't read."""
        data, self.sbdataq = self.sbdataq, b""
        return data

    def set_option_negotiation_callback(self, callback: _Callback | None) -> None:
        """Have ``callback(socket, command, option)`` called for every command, instead of refusing what the peer asks for.

        ``command`` and ``option`` are one byte each; a command without an option comes with `NOOPT`.
        """
        self.option_callback = callback

    # --- what was received

    def process_rawq(self) -> None:
        """Tell data and commands apart in what was received, and answer the commands; never waits for more.

        Data up to the next command is taken in one step, whatever its length.
        """
        if self.iacseq:  # the start of a command, put before its rest
            self.rawq, self.irawq, self.iacseq = self.iacseq + self.rawq[self.irawq :], 0, b""
        try:
            while self.rawq:
                raw, start = self.rawq, self.irawq
                run = _RUN.match(raw, start)
                assert run  # it matches nothing, too
                self._keep(raw[start : run.end()])
                command = _COMMAND.match(raw, run.end())
                if not command:
                    self.rawq, self.irawq, self.iacseq = b"", 0, raw[run.end() :]
                    break
                # A callback may itself read: it finds the queues as they are behind its command.
                self.irawq = command.end()
                if self.irawq == len(raw):
                    self.rawq, self.irawq = b"", 0
                verb, option, single = command.groups()
                if verb:
                    self._negotiate(verb, option)
                else:
                    self._command(single)
        except EOFError:  # a callback's own reading met the connection's end
            self.iacseq = b""
            self.sb = False

    def rawq_getchar(self) -> bytes:
        """Take one byte of what was received, waiting for it. Raises EOFError where the connection ended."""
        if not self.rawq:
            self.fill_rawq()
            if self.eof:
                raise EOFError
        char = self.rawq[self.irawq : self.irawq + 1]
        self.irawq += 1
        if self.irawq >= len(self.rawq):
            self.rawq, self.irawq = b"", 0
        return char

    def fill_rawq(self) -> None:
        """Receive once, waiting for it; ``eof`` tells afterwards whether the connection has ended."""
        if self.irawq >= len(self.rawq):
            self.rawq, self.irawq = b"", 0
        data = self.sock.recv(_RECEIVE)
        self.msg("recv %r", data)
        self.eof = not data
        self.rawq += data

    def sock_avail(self) -> bool:
        """Whether something can be received without waiting, the connection's end included."""
        with self._watched() as selector:
            return bool(selector.select(0))

    @contextmanager
    def _watched(self) -> Iterator[selectors.BaseSelector]:
        """A selector that waits for this connection."""
        with _TelnetSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            yield selector

    def _take(self, length: int) -> bytes:
        """The first ``length`` bytes of the data, which are then read."""
        data = bytes(memoryview(self._cooked)[:length])
        del self._cooked[:length]
        return data

    def _keep(self, run: bytes) -> None:
        """Put data where it belongs."""
        data = run.replace(theNULL, b"").replace(_XON, b"")
        if IAC in data:
            data = IAC.join(data.split(IAC + IAC))  # three times as fast as replace
        if self.sb:
            self._subnegotiation += data[: max(0, _SUBNEGOTIATION - len(self._subnegotiation))]
        else:
            self._cooked += data

    def _negotiate(self, verb: bytes, option: bytes) -> None:
        """DO, DONT, WILL or WONT was heard."""
        name, refusal = _REFUSALS[verb]
        self.msg("IAC %s %d", name, ord(option))
        if self.option_callback:
            self.option_callback(self.sock, verb, option)
        else:
            self.sock.sendall(IAC + refusal + option)

    def _command(self, command: bytes) -> None:
        """A command without an option was heard. Those of a subnegotiation part its data from the rest (RFC 855)."""
        if command == SB:
            self.sb = True
            self._subnegotiation.clear()
        elif command == SE:
            self.sb = False
        if self.option_callback:
            self.option_callback(self.sock, command, NOOPT)
        else:
            self.msg("IAC %d not recognized", ord(command))

    # --- by hand

    def interact(self) -> None:
        """Be a very simple Telnet client: lines of standard input are sent, what comes is written on standard output as it is.

        Ends with either of them. What a peer sends reaches the terminal unchanged, control characters included.
        """
        if sys.platform == "win32":  # where only sockets can be waited for
            self.mt_interact()
            return
        show = _Shown()
        with self._watched() as selector:
            selector.register(sys.stdin, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self:
                        try:
                            data = self.read_eager()
                        except EOFError:
                            print(_GONE)
                            return
                        if data:
                            show(data)
                            sys.stdout.flush()
                    elif key.fileobj is sys.stdin and not self._say_line():
                        return

    def mt_interact(self) -> None:
        """`interact`, with a thread for each direction."""
        threading.Thread(target=self.listener, daemon=True).start()
        while self._say_line():
            pass

    def listener(self) -> None:
        """Write what comes on standard output, until the connection ends: the other thread of `mt_interact`."""
        show = _Shown()
        while True:
            try:
                data = self.read_eager()
            except EOFError:
                print(_GONE)
                return
            if data:
                show(data)
            else:
                sys.stdout.flush()
                with self._watched() as selector:
                    selector.select(_IDLE)

    def _say_line(self) -> bool:
        """Send a line of standard input; False at its end."""
        line = sys.stdin.readline()
        if line:
            self.write(line.encode(errors="surrogateescape"))
        return bool(line)


class _Shown:
    """Writes bytes as text on standard output; a character that came in two pieces comes out whole."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def __call__(self, data: bytes) -> None:
        sys.stdout.write(self._decoder.decode(data))


def test() -> None:
    """Talk to a server by hand: ``python -m wirespeak.telnet.telnetlib [-d]... [HOST [PORT]]``.

    Each ``-d`` raises the debug level; the host is localhost and the port 23 unless told, which may be a service's name.
    """
    debuglevel = 0
    while sys.argv[1:] and sys.argv[1] == "-d":
        debuglevel += 1
        del sys.argv[1]
    host = sys.argv[1] if sys.argv[1:] else "localhost"
    given = sys.argv[2] if sys.argv[2:] else "0"
    try:
        port = int(given)
    except ValueError:
        port = socket.getservbyname(given, "tcp")
    with Telnet() as telnet:
        telnet.set_debuglevel(debuglevel)
        telnet.open(host, port, timeout=0.5)
        telnet.interact()


if __name__ == "__main__":
    try:
        test()
    except OSError as error:
        sys.exit(f"telnetlib: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
