"""The asyncio pump: one `Connection` carries the bytes of one session, straight from socket to session and back.

It stands on the loop's readiness calls (`add_reader`, `add_writer`) and not on asyncio's transports: so it can send
files without copying, mark bytes urgent, half-close and upgrade to TLS in the middle, hold ten thousand idle peers in
little memory, and spend a few microseconds a message. Works on every loop that has those calls (asyncio's own on
Unix, uvloop); Windows' proactor loop has none.

A turn of a connection, the hot path of every server here:

    readable ─▶ recv ─▶ session.receive ─▶ conversation.handle(event) … ─▶ session.data_to_send ─▶ send
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import math
import socket
import ssl
import struct
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from wirespeak.contract import ABORT, Conversation, Segment, Service, Session
from wirespeak.errors import ConnectionLost, TimeoutError, TLSError
from wirespeak.sockets.output import WAITS, Output, finish_sending
from wirespeak.sockets.tasks import in_thread, start_task
from wirespeak.sockets.tls import info_of
from wirespeak.sockets.urgent import News, Watch, lies_ahead

__all__ = ["Connection", "Turn", "in_thread"]

# Read at most so much at a time: a large upload then takes few calls, and the memory is given back at once.
READ_SIZE = 64 << 10
# TLS gives out one record (16 KB at most) a call, so several calls make a turn.
TLS_READS = 8
# Pipelined messages that one connection may have answered in one turn, so that it can't keep all others waiting.
MESSAGES_A_TURN = 32
# Output waiting beyond this many bytes makes `Connection.room` wait: enough to keep a fast peer's window full.
ROOM = 256 << 10
# Pieces of a streamed answer that are sent in one turn, where there is room for them all.
ROUNDS = 64
# A TLS handshake takes two round trips and some arithmetic; the slowest honest line does it in this many seconds.
HANDSHAKE_TIME = 20.0


class Turn:
    """What is left to do at the end of the loop's turn: connections whose output arose outside of their own.

    A message fanned out to a thousand members makes a thousand outputs; several such messages in one turn make no
    more. Each connection is then written to once.
    """

    __slots__ = ("_loop", "context", "waiting", "watch")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # That of who listens: each task begins with a copy of it, whatever task's message brought us here.
        self.context = contextvars.copy_context()
        self.waiting: list[Connection] = []
        self.watch = Watch(loop)

    def begin(self) -> None:
        """A first connection is about to wait."""
        self._loop.call_soon(self._run)

    def _run(self) -> None:
        waiting, self.waiting = self.waiting, []
        now = self._loop.time()
        for connection in waiting:
            connection._woken = False
            if connection._relaying:  # the hot path of who speaks to many
                data = connection.session.lone_output()  # type: ignore[attr-defined]
                if data:
                    connection._send(data, now)
                    continue
            if connection._fd >= 0:
                connection._run_turn(b"", now)


class Connection:
    """One accepted connection, its session and its conversation (a `contract.Link`).

    ``ended`` is called once with the connection when it is over. All the protocol's rules, time limits among them, are
    the session's: this only carries bytes, keeps one timer for the session's deadline, and reads while it is `reading`.
    """

    __slots__ = (
        "__weakref__",
        "_armed",
        "_attentive",
        "_busy",
        "_conversation",
        "_deaf",
        "_ended",
        "_fd",
        "_handle",
        "_loop",
        "_output",
        "_reading",
        "_relaying",
        "_rooms",
        "_rounds",
        "_sock",
        "_timer",
        "_turn",
        "_woken",
        "_writing",
        "peer",
        "session",
        "tls",
    )

    session: Session
    _handle: Callable[[Any], None]

    def __init__(
        self, sock: socket.socket, peer: Any, turn: Turn, loop: asyncio.AbstractEventLoop, ended: Callable[[Connection], None]
    ) -> None:
        self._sock = sock
        self._fd = sock.fileno()
        self._loop = loop
        self._turn = turn
        self._ended: Callable[[Connection], None] | None = ended
        self._conversation: Conversation | None = None
        self._output = Output()
        self._rounds = 0  # how often room was asked for
        self._rooms: list[asyncio.Future[None]] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._armed = math.inf  # when the timer fires
        self._busy = False  # inside a turn: output that arises now is sent at its end
        self._woken = True  # in the list of the loop's turn; and nothing comes of waking before there is a conversation
        self._reading = False
        self._writing = False
        self._deaf = False  # nothing may be read: the peer has ended its side, or a handshake is under way
        self._attentive = False  # the session is a `contract.Attentive`
        self._relaying = False  # it is a `contract.Relaying`
        self.peer = peer
        self.tls: Any = None

    @property
    def local(self) -> Any:
        """Our address on this connection; None when it is gone already."""
        try:
            return self._sock.getsockname()
        except OSError:
            return None

    # --- the beginning

    def begin(self, service: Service, context: ssl.SSLContext | None = None) -> None:
        """Converse, after a TLS handshake where there is a ``context``."""
        if context is None:
            self._converse(service)
        else:
            self._secure(context, lambda: self._converse(service))

    def _converse(self, service: Service) -> None:
        try:
            conversation = service(self)
        except Exception as error:
            self._failed(error)
            return
        self._conversation = conversation
        self._handle = conversation.handle
        self.session = conversation.session
        self._attentive = getattr(self.session, "urgent", None) is not None
        self._relaying = hasattr(self.session, "lone_output")
        self._woken = False
        self._run_turn(b"", self._loop.time())

    # --- the hot path

    def _readable(self) -> None:
        try:
            data = self._sock.recv(READ_SIZE)
        except WAITS:
            return
        except OSError as error:
            self._lost(error)
            return
        if data:
            self._run_turn(data, self._loop.time())
        else:
            self._ended_by_peer()

    def _run_turn(self, data: bytes, now: float) -> None:
        """Hand ``data`` to the session, its events to the conversation, and send what comes of it; then follow the session."""
        session = self.session
        self._busy = True
        try:
            handle = self._handle
            events = session.receive(data, now)
            messages = 0
            while events:
                for event in events:
                    handle(event)
                messages += 1
                if messages == MESSAGES_A_TURN:
                    self._busy = False
                    self.wake()
                    break
                events = session.receive(b"", now)
        except Exception as error:
            self._failed(error)
            return
        finally:
            self._busy = False
        if self._fd < 0:  # the conversation cut it off
            return
        segments = session.data_to_send()
        if segments:
            first = segments[0]
            if len(segments) == 1 and type(first) is bytes:  # as nearly every turn ends
                if not self._send(first, now):
                    return
            elif not self._write(segments, now):
                return
        if session.closed and not self._writing:
            self._end(None)
            return
        if session.reading is not self._reading and not self._deaf:
            self._set_reading(session.reading)
        deadline = session.deadline
        if deadline < self._armed:
            self._arm(deadline)

    def _send(self, data: bytes, now: float) -> bool:
        """Send it, or keep what can't be sent now; False when the connection is over."""
        sent = 0
        if not self._writing:
            try:
                sent = self._sock.send(data)
            except WAITS:
                pass
            except OSError as error:
                self._lost(error)
                return False
        if sent != len(data):
            self._output.add((data[sent:],))
            self._wait_for_room(now)
        return True

    def _write(self, segments: Sequence[Segment], now: float) -> bool:
        """Send, or keep what can't be sent now; False when the connection is over."""
        first = segments[0]
        try:
            if len(segments) == 2 and type(first) is bytes and type(segments[1]) is bytes and not self._writing and self.tls is None:
                # A head and its body: in one call, and neither copied.
                body = segments[1]
                try:
                    sent = self._sock.sendmsg((first, body))
                except WAITS:
                    sent = 0
                if sent == len(first) + len(body):
                    return True
                self._output.add(((first + body)[sent:],))
            elif segments[-1] is ABORT:
                self.abort()
                return False
            else:
                self._output.add(segments)
                if not self._writing and self._output.write(self._sock):
                    return True
        except OSError as error:
            self._lost(error)
            return False
        self._wait_for_room(now)
        return True

    def _wait_for_room(self, now: float) -> None:
        """There is output that the peer, or the network, does not take now."""
        if not self._writing:
            self._writing = True
            self._loop.add_writer(self._fd, self._writable)
        self.session.blocked(self._output.pending, now)

    # --- the rest

    def _writable(self) -> None:
        try:
            before = self._output.pending
            drained = self._output.write(self._sock)
        except OSError as error:
            self._lost(error)
            return
        now = self._loop.time()
        if drained:
            self._writing = False
            self._loop.remove_writer(self._fd)
        if self._rooms is not None and self._output.pending <= ROOM:
            self._make_room()
        if drained or self._output.pending != before:
            self.session.blocked(self._output.pending, now)
            self._run_turn(b"", now)

    def wake(self) -> None:
        """Have a turn soon, for what arose outside of one: output, a deadline, input kept until now."""
        if not self._busy and not self._woken:
            self._woken = True
            waiting = self._turn.waiting
            if not waiting:
                self._turn.begin()
            waiting.append(self)

    async def room(self) -> None:
        if self._fd >= 0:
            segments = self.session.data_to_send()  # what the session holds takes room too
            if segments:
                self._write(segments, self._loop.time())
        while self._output.pending > ROOM and self._fd >= 0:
            future = self._loop.create_future()
            if self._rooms is None:
                self._rooms = []
            self._rooms.append(future)
            await future
        self._rounds += 1
        if self._rounds % ROUNDS == 0:  # a peer as fast as its source never lets it wait: others are to have their turn
            await asyncio.sleep(0)
        if self._fd < 0:
            raise ConnectionLost("the peer is gone")

    def _make_room(self) -> None:
        rooms, self._rooms = self._rooms or (), None
        for future in rooms:
            if not future.done():
                future.set_result(None)

    def start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return start_task(self._loop, coroutine, self._turn.context)

    def future(self) -> asyncio.Future[None]:
        """Something to await until it is set: how a conversation makes its handler wait for input."""
        return self._loop.create_future()

    def finish(self) -> None:
        """End the conversation in good order (`Session.finish`)."""
        if self._conversation is None:
            self._end(None)
            return
        now = self._loop.time()
        self.session.finish(now)
        self._run_turn(b"", now)

    def abort(self) -> None:
        if self._fd >= 0:
            # With a linger time of zero a close discards what is unsent and sends RST (socket(7)).
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._end(ConnectionLost("the connection was cut off on this side"))

    def _ended_by_peer(self) -> None:
        self._deaf = True
        self._set_reading(False)
        now = self._loop.time()
        self._busy = True
        try:
            for event in self.session.receive_eof(now):
                self._handle(event)
        except Exception as error:
            self._failed(error)
            return
        finally:
            self._busy = False
        self._run_turn(b"", now)

    def _set_reading(self, reading: bool) -> None:
        self._reading = reading
        if self._attentive:
            self._attend(reading)
        elif reading:
            self._loop.add_reader(self._fd, self._readable if self.tls is None else self._tls_readable)
        else:
            self._loop.remove_reader(self._fd)

    # --- a session that is attentive (`contract.Attentive`)

    def _attend(self, reading: bool) -> None:
        """Read or don't, and hear of urgent data either way."""
        if reading:
            self._turn.watch.end(self._fd)
            self._loop.add_reader(self._fd, self._readable_to_mark if self.tls is None else self._tls_readable)
        else:
            self._loop.remove_reader(self._fd)
            if not self._deaf:
                self._turn.watch.begin(self._fd, self._heard_of)

    def _readable_to_mark(self) -> None:
        """As `_readable`; and tell where the urgent data are."""
        try:
            data = self._sock.recv(READ_SIZE)
        except WAITS:
            return
        except OSError as error:
            self._lost(error)
            return
        if data:
            self.session.urgent(lies_ahead(self._sock))  # type: ignore[attr-defined]
            self._run_turn(data, self._loop.time())
        else:
            self._ended_by_peer()

    def _heard_of(self, news: News) -> None:
        """There are news, though nothing is read."""
        if news.lost:
            self._lost(ConnectionLost("the peer cut the connection off"))
            return
        if news.urgent and self.tls is None:  # TLS has no urgent data (RFC 9293 3.8.5 marks bytes that it has encrypted)
            self.session.urgent(True)  # type: ignore[attr-defined]
        if news.ended:
            self.session.deserted()  # type: ignore[attr-defined]
        self._run_turn(b"", self._loop.time())

    # --- time

    def _arm(self, deadline: float) -> None:
        """Have `_tick` called at ``deadline``. One that moves later leaves the timer: it looks again when it fires."""
        if self._timer is not None:
            self._timer.cancel()
        self._armed = deadline
        self._timer = self._loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._armed = math.inf
        now = self._loop.time()
        if self._conversation is None:
            self._lost(TimeoutError(f"no TLS handshake within {HANDSHAKE_TIME:.0f} seconds"))
            return
        if self.session.deadline <= now:
            self._busy = True
            try:
                for event in self.session.tick(now):
                    self._handle(event)
            except Exception as error:
                self._failed(error)
                return
            finally:
                self._busy = False
        self._run_turn(b"", now)

    # --- TLS

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Send what was agreed in clear, then shake hands in the middle of the stream; the session is told when it is `secured`."""
        segments = self.session.data_to_send()
        if segments and not self._write(segments, self._loop.time()):
            return
        if self._writing:
            self._lost(TLSError("the peer asked for TLS, and doesn't read the answer"))
            return
        self._set_reading(False)
        self._deaf = True
        self._secure(context, self._secured)

    def _secured(self) -> None:
        self._deaf = False
        self.session.secured(self.tls)
        self._run_turn(b"", self._loop.time())

    def _secure(self, context: ssl.SSLContext, then: Callable[[], None]) -> None:
        try:
            self._sock = context.wrap_socket(self._sock, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False)
        except OSError as error:
            self._lost(error)
            return
        self._arm(self._loop.time() + HANDSHAKE_TIME)
        self._shake(then)

    def _shake(self, then: Callable[[], None]) -> None:
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        sock = self._sock
        assert isinstance(sock, ssl.SSLSocket)
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            self._loop.add_reader(self._fd, self._shake, then)
        except ssl.SSLWantWriteError:
            self._loop.add_writer(self._fd, self._shake, then)
        except (OSError, ValueError) as error:
            self._lost(error)
        else:
            self.tls = info_of(sock)
            then()

    def _tls_readable(self) -> None:
        pieces: list[bytes] = []
        ended = False
        try:
            for _ in range(TLS_READS):
                data = self._sock.recv(READ_SIZE)
                if not data:
                    ended = True
                    break
                pieces.append(data)
            else:
                # What TLS holds decrypted makes no socket readable: come back by ourselves.
                self._loop.call_soon(self._read_on)
        except WAITS:
            pass
        except OSError as error:
            if not pieces:
                self._lost(error)
                return
        if pieces:
            self._run_turn(pieces[0] if len(pieces) == 1 else b"".join(pieces), self._loop.time())
        if ended and self._fd >= 0:
            self._ended_by_peer()

    def _read_on(self) -> None:
        if self._reading and self._fd >= 0:
            self._tls_readable()

    # --- the end

    def _failed(self, error: Exception) -> None:
        """A fault of our own in session or server: tell it where faults are told, and let the peer go."""
        self._loop.call_exception_handler({"message": f"the conversation with {self.peer} failed", "exception": error})
        self._lost(error)

    def _lost(self, error: Exception) -> None:
        self._output.clear()
        self._end(error)

    def _end(self, error: Exception | None) -> None:
        if self._fd < 0:
            return
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        if self._attentive:
            self._turn.watch.end(self._fd)
        self._fd = -1
        self._reading = self._relaying = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.tls is not None and error is None:
            finish_sending(self._sock)
        self._sock.close()
        if self._rooms is not None:
            self._make_room()
        if self._conversation is not None:
            self._conversation.lost(error)
        if self._ended is not None:
            ended, self._ended = self._ended, None
            ended(self)
