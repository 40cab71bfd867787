"""A Telnet conversation, without I/O. Its two sides are alike, so there is one session for both (RFC 854).

Bytes in, events out: `Data` and `Command` as they came, `Enabled` and `Disabled` for what was negotiated, what the options
tell, `Malformed` for what is passed over, `End` where the peer ends its stream, or the error that ends the conversation:
`RemoteProtocolError`, `TimeoutError`. Messages in, bytes out: bytes (or `Data`), `Command`, `Subnegotiation`, `End`.

Nobody waits for negotiations: data flows from the first byte on, in both directions, whether the peer answers or not. How
the options are agreed on is a table (``states.py``), what they say is theirs (``options/``); limits are in ``limits.py``.

Pure: touches nothing outside.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

from wirespeak.contract import ABORT, FINISH, Segment, Wake
from wirespeak.errors import LocalProtocolError, RemoteProtocolError, TimeoutError
from wirespeak.telnet import limits as bounds
from wirespeak.telnet.grammar import BINARY, EOR, HTTP_OPENINGS, NEGOTIATING, TIMING_MARK, UNDECIDED, Code, Verb, doubled
from wirespeak.telnet.limits import CLIENT_LIMITS, TelnetLimits
from wirespeak.telnet.messages import (
    Command,
    Data,
    Disabled,
    Enabled,
    End,
    Malformed,
    Negotiation,
    Subnegotiation,
    TimingMarked,
    option_name,
)
from wirespeak.telnet.options import Option
from wirespeak.telnet.outgoing import Outgoing, nvt
from wirespeak.telnet.scanner import Scanner
from wirespeak.telnet.states import IN_EFFECT, Event, Q, QState

__all__ = ["TelnetSession"]

T = TypeVar("T", bound=Option)

SOON: Final = -math.inf
"""A deadline whose time is still to be set, by the `tick` that it calls for: who set it didn't know the time."""


class TelnetSession:
    """A `contract.Session`, for either side.

    ``options`` are those that may be negotiated, each an instance of its own for this session; all others are refused. Nothing
    is asked for at the beginning, unless by `ask_us` and `ask_him`. ``host`` says that this is the server's side: it has
    the limits of one where none are given. With ``refuse_http`` a peer that opens like a browser is turned away. With ``raw``, bytes
    are just bytes both ways, no CR completed and no IAC doubled, until we say a command or the peer negotiates: it may know nothing of
    Telnet.

    Every `Data` that is given out is to be `consumed` (its length), or the peer is soon not heard any more.
    """

    def __init__(
        self,
        wake: Wake,
        limits: TelnetLimits | None = None,
        *,
        options: Iterable[Option] = (),
        host: bool,
        refuse_http: bool = False,
        raw: bool = False,
    ) -> None:
        self._wake = wake
        self._limits = limits or (TelnetLimits() if host else CLIENT_LIMITS)
        self._options = {option.code: option for option in options}
        for option in self._options.values():
            option.join(self._options)
        self._marks = 0  # TIMING-MARKs that we asked for, and that have not come
        self.negotiates = False
        """Whether the peer has said any command at all: if not, it may know nothing of Telnet."""

        # What comes in.
        self._scanner = Scanner()
        self._opening: bytes | None = b"" if refuse_http else None  # the first bytes, while they may become an HTTP request
        self._undecided = b""  # of a peer that may know nothing of Telnet: may be the begin of a negotiation
        self._after_cr = False  # a NUL that comes next belongs to a CR
        self._synch = False  # data is dropped up to the DM
        self._urgent = False  # and that DM is behind what came so far
        self._starved = True  # all that came whole is given out
        self._unconsumed = 0
        self._eof = False
        self._told_end = False

        # What goes out.
        self._outgoing = Outgoing(raw=raw)
        self._pending = 0  # what the pump couldn't send yet
        self._patient = True  # whether it is waited for how the peer reads what is said
        self._ended = False

        # The end, and time.
        self._leaving = False  # what still comes is dropped
        self._discarded = 0
        self._idle_by = self._open_by = self._settle_by = self._write_by = self._linger_by = math.inf
        self.reading = True
        self.closed = False

    # --- options

    def us(self, option: int) -> bool:
        """Whether ``option`` is in effect on our side: what we send is to be understood so."""
        return self._state(option, True) in IN_EFFECT[True]

    def him(self, option: int) -> bool:
        """Whether ``option`` is in effect on the peer's side."""
        return self._state(option, False) in IN_EFFECT[False]

    def option(self, kind: type[T]) -> T:
        """The option of that class, as this session has it. Raises `LocalProtocolError` where it has none."""
        found = self._options.get(kind.code)
        if not isinstance(found, kind):
            raise LocalProtocolError(f"this session was given no option {option_name(kind.code)}")
        return found

    def ask_us(self, option: int) -> None:
        """Say that we want ``option`` on our side (WILL). It is in effect once the peer agrees: `Enabled`, or `Disabled`, tells."""
        self._wish(option, True, Event.ENABLE)

    def ask_him(self, option: int) -> None:
        """Ask the peer for ``option`` on its side (DO). For TIMING_MARK: `TimingMarked` tells when it has come there."""
        self._wish(option, False, Event.ENABLE)

    def drop_us(self, option: int) -> None:
        """Have ``option`` no longer on our side (WONT)."""
        self._wish(option, True, Event.DISABLE)

    def drop_him(self, option: int) -> None:
        """Have ``option`` no longer on the peer's side (DONT)."""
        self._wish(option, False, Event.DISABLE)

    def _state(self, code: int, us: bool) -> QState:
        option = self._options.get(code)
        return QState.NO if option is None else option.sides[us]

    def _wish(self, code: int, us: bool, event: Event) -> None:
        option = self._options.get(code)
        if option is None:
            raise LocalProtocolError(f"this session was given no option {option_name(code)}: it can't be asked for")
        if self._ended:
            raise LocalProtocolError("nothing can be said after the end")
        if code == TIMING_MARK:
            # RFC 860: each DO is a question of its own, and nothing is enabled.
            if us or event is Event.DISABLE:
                raise LocalProtocolError("TIMING-MARK can only be asked of the peer (RFC 860)")
            self._marks += 1
            self._negotiate(us, True, code)
        else:
            self._patient = self._patient or code == BINARY
            self._step(option, us, event)
        self._wake()

    def _negotiate(self, us: bool, positive: bool, code: int) -> None:
        """Say one of the four verbs."""
        verb = (Verb.WILL if positive else Verb.WONT) if us else (Verb.DO if positive else Verb.DONT)
        self._outgoing.option(Negotiation(verb, code).encode())

    def _step(self, option: Option, us: bool, event: Event) -> list[Any]:
        """Go from one state of the Q method to the next, and do what belongs to it; the events of that."""
        code = option.code
        before = option.sides[us]
        state, say = Q[before, event]
        option.sides[us] = state
        was, now = before in IN_EFFECT[us], state in IN_EFFECT[us]
        if code == BINARY and us and event >= Event.OFFER:
            # The peer reads what we sent since our WILL as binary if it agreed, even where we want to stop by now.
            self._release(event is not Event.REFUSAL)
        elif code == BINARY and not us and now is not was:
            self._after_cr = False
        if say is not None:
            self._negotiate(us, say, code)
        events: list[Any] = []
        if event >= Event.OFFER and state is QState.NO and before is not QState.NO:
            events.append(Disabled(code, us))
        if now and not was:
            events.append(Enabled(code, us))
            self._deal_with(option.enabled(us), events)
        elif was and not now:
            self._deal_with(option.disabled(us), events)
        return events

    def _deal_with(self, said: Iterable[Any], events: list[Any]) -> None:
        """Send what an option wants to have sent; the rest is events."""
        for one in said:
            if not isinstance(one, Subnegotiation | Command):
                events.append(one)
            elif not self._ended:
                self._outgoing.option(one.encode())

    # --- what comes in

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        if self.closed:
            return ()
        if self._leaving:
            return self._discard(len(data))
        if data or self._idle_by == math.inf:
            self._idle_by = now + self._limits.idle
        if self._opening is not None:
            if data and not self._opening:
                self._open_by = now + bounds.OPENING_TIME
            self._opening += data
            if self._opening.startswith(HTTP_OPENINGS):
                return self._fail(RemoteProtocolError("an HTTP request, but Telnet is spoken here"))
            if any(one.startswith(self._opening) for one in HTTP_OPENINGS):
                return ()
            data = self._opened()
        if data:
            self._scanner.feed(self._as_telnet(data) if self._undecided or self._outgoing.raw else data)
        return self._parts(now)

    def _as_telnet(self, data: bytes) -> bytes:
        """What just bytes are in Telnet, up to where the peer first negotiates."""
        data, self._undecided = self._undecided + data, b""
        if not self._outgoing.raw:
            return data
        found = NEGOTIATING.search(data)
        if found:
            return doubled(data[: found.start()]) + data[found.start() :]
        end = UNDECIDED.search(data).start()  # type: ignore[union-attr]  # it matches nothing, too
        self._undecided = data[end:]
        return doubled(data[:end])

    def _opened(self) -> bytes:
        """The conversation doesn't open with an HTTP request, as far as we can wait for one: what was held back."""
        opening, self._opening = self._opening, None
        self._open_by = math.inf
        return opening or b""

    def _parts(self, now: float) -> Sequence[Any]:
        """The events of what came, as far as there is room for what they lead to."""
        events: list[Any] = []
        self._starved = False
        while len(events) < bounds.BATCH and self._has_room:
            part = self._scanner.next()
            if part is None:
                if self._scanner.inside > bounds.ENDLESS:
                    error = RemoteProtocolError("a subnegotiation without an end", clause="RFC 855")
                    return [*events, *self._fail(error)]
                self._starved = True
                if self._eof and not self._told_end:
                    self._told_end = True
                    events.append(End())
                    if self._ended:
                        self._close()
                break
            if isinstance(part, Data):
                self._data(part, events)
                continue
            self.negotiates, self._outgoing.raw = True, False
            if isinstance(part, Negotiation):
                self._negotiated(part, events)
            elif isinstance(part, Subnegotiation):
                self._subnegotiated(part, events)
            else:
                if part == Command(Code.DM):
                    self._synch = self._urgent
                events.append(part)
        self._follow()
        return events

    def _data(self, part: Data, events: list[Any]) -> None:
        """RFC 854: an NVT says CR NUL for a carriage return alone. RFC 856: where BINARY is in effect, all is data."""
        data = part.data
        if not (self._outgoing.raw or self.him(BINARY)):
            if self._after_cr and data[0] == 0:
                data = data[1:]
            self._after_cr = data.endswith(b"\r")
            if b"\0" in data:
                data = data.replace(b"\r\0", b"\r")
        if data and not self._synch:
            self._unconsumed += len(data)
            events.append(Data(data))

    def _negotiated(self, part: Negotiation, events: list[Any]) -> None:
        if self._ended:
            return  # no answer can be given
        us = part.verb in (Verb.DO, Verb.DONT)
        positive = part.verb in (Verb.DO, Verb.WILL)
        option = self._options.get(part.option)
        if part.option == TIMING_MARK:
            self._marked(us, positive, option is not None and option.will, events)
        elif option is None:
            if positive:  # RFC 854: an option that one doesn't know is refused
                self._negotiate(us, False, part.option)
        elif positive:
            events += self._step(option, us, Event.OFFER if option.agrees(us) else Event.UNWANTED)
        else:
            events += self._step(option, us, Event.REFUSAL)

    def _marked(self, us: bool, positive: bool, willing: bool, events: list[Any]) -> None:
        """RFC 860: DO is answered each time, as nothing is enabled; an answer that we didn't ask for means nothing."""
        if us:
            if positive:
                self._negotiate(True, willing, TIMING_MARK)
        elif self._marks:
            self._marks -= 1
            events.append(TimingMarked())

    def _subnegotiated(self, part: Subnegotiation, events: list[Any]) -> None:
        option = self._options.get(part.option)
        try:
            if option is None or not (option.us or option.him):
                raise RemoteProtocolError(f"a subnegotiation of {option_name(part.option)}, which is not in effect", clause="RFC 855")
            self._deal_with(option.received(part.data), events)
        except RemoteProtocolError as error:
            events.append(Malformed(error))

    def receive_eof(self, now: float) -> Sequence[Any]:
        self._eof = True
        self.reading = False
        if self.closed:
            return ()
        if self._leaving:
            self._close()
            return ()
        if self._opening is not None:
            self._scanner.feed(self._opened())
        if self._undecided:
            self._scanner.feed(doubled(self._undecided) if self._outgoing.raw else self._undecided)
        return self._parts(now)

    def urgent(self, ahead: bool) -> None:
        """RFC 854, "The TELNET Synch Signal": where urgent data lie ``ahead``, data is dropped up to the DM there, and commands
        are heard, also where a program that doesn't read has stopped the stream. Else a DM ends that, or means nothing.

        As the RFC has it, urgent data without a DM have all be dropped up to the next one.
        """
        self._urgent = ahead
        if ahead and not self._synch:
            self._synch = True
            self._follow()

    def deserted(self) -> None:
        """The peer has ended its stream, and we have stopped reading before that. Is it still there? A NOP does no harm to one
        that listens (RFC 854), and is answered by a reset where nobody does (RFC 9293 3.10.7.1).
        """
        if not self._ended:
            self._outgoing.command(Command(Code.NOP))

    def consumed(self, count: int) -> None:
        full = self._unconsumed >= bounds.WINDOW
        self._unconsumed -= count
        if full and self._unconsumed < bounds.WINDOW:
            self._wake()

    # --- what goes out

    @property
    def line_end(self) -> bytes:
        """How a line that is said ends: with CR LF (RFC 854); in BINARY, which has no lines, with what the key sends, a CR alone
        (RFC 1123 3.2.7, 3.3.1).
        """
        return b"\r" if self.us(BINARY) else b"\r\n"

    @property
    def waiting(self) -> int:
        """Bytes that wait to be taken, as they go on the wire: IAC doubled, CR completed."""
        return self._outgoing.waiting + self._pending

    @property
    def crowded(self) -> bool:
        """Whether so much waits that whoever adds to it should first wait for room."""
        return self.waiting > bounds.ROOM

    def send(self, message: Any) -> None:
        """Say bytes (or `Data`), a `Command`, a `Subnegotiation` of an option in effect, or the `End`.

        ``Command(Code.DM)`` is sent as a Synch: urgent. Raises `LocalProtocolError` after the end, for EOR where that option
        isn't in effect on our side, and for what is no message.
        """
        if self._ended:
            raise LocalProtocolError("nothing can be said after the end")
        if isinstance(message, bytes):
            self._send_data(message)
        elif isinstance(message, Data):
            self._send_data(message.data)
        elif isinstance(message, Command):
            self._send_command(message)
        elif isinstance(message, Subnegotiation):
            if not (self.us(message.option) or self.him(message.option)):
                raise LocalProtocolError(f"{option_name(message.option)} is not in effect: nothing can be said of it (RFC 855)")
            self._outgoing.option(message.encode())
        elif isinstance(message, End):
            self._release(False)
            self._ended = True
            self._outgoing.end(FINISH)
            if self._told_end:
                self._close()
        else:
            raise LocalProtocolError(f"a Telnet session sends bytes, Data, Command, Subnegotiation or End, not {message!r}")
        self._wake()

    def _send_data(self, data: bytes) -> None:
        outgoing = self._outgoing
        if b"\r" in data and not (outgoing.raw or outgoing.holds or self.us(BINARY)) and data.count(b"\r") != data.count(b"\r\n"):
            if self._patient and self._state(BINARY, True) in (QState.WANTYES, QState.WANTYES_OPPOSITE):
                # RFC 854: from our WILL on the peer may read it either way, until we hear which; "a site may wish to buffer".
                outgoing.hold()
                self._settle_by = SOON
            else:
                data = nvt(data)
        outgoing.data(data)

    def _send_command(self, command: Command) -> None:
        if command.code == Code.SE or not Code.EOF <= command.code < Code.SB:
            raise LocalProtocolError(f"{command} is not a command that can be sent by itself (RFC 854)")
        if command.code == Code.EOR and not self.us(EOR):
            raise LocalProtocolError("END-OF-RECORD is not in effect on our side: IAC EOR may not be sent (RFC 885 5)")
        self._outgoing.command(command)

    def abort_output(self) -> None:
        """What a host does where AO is heard (RFC 854): data that was said and hasn't been handed over is dropped, commands go out all
        the same; and a Synch makes the peer drop the data that is on its way.
        """
        if not self._ended:
            self._outgoing.drop_data()
            self.send(Command(Code.DM))

    def _release(self, binary: bool) -> None:
        """It is certain now whether the peer reads what was held back as binary."""
        self._settle_by = math.inf
        self._outgoing.release(binary)

    def data_to_send(self) -> Sequence[Segment]:
        if self._outgoing.waiting > bounds.ROOM:
            self._wake()  # there is room again for what was kept
        return self._outgoing.take()

    # --- the end

    def leave(self) -> None:
        """End the conversation in good order: what was said is sent, what still comes is dropped."""
        if not self._ended:
            self.send(End())
        if self._eof:
            self._close()
        if not self.closed:
            self._leaving = True
            self._linger_by = SOON
            self._idle_by = self._open_by = math.inf
            self._scanner = Scanner()
            self._follow()
        self._wake()

    def fail(self) -> None:
        """Cut the conversation off: what was said so far is not the whole."""
        self._outgoing.drop_all()
        self._outgoing.end(ABORT)
        self._close()
        self._wake()

    def finish(self, now: float) -> None:
        self.leave()

    def _fail(self, error: Exception) -> Sequence[Any]:
        self.leave()
        return (error,)

    def _discard(self, count: int) -> Sequence[Any]:
        """To close with these unread would send a reset, which may destroy our last words on their way."""
        self._discarded += count
        if self._discarded > bounds.LINGER_SIZE:
            self._close()
        return ()

    def _close(self) -> None:
        self.closed = True
        self.reading = False
        self._idle_by = self._open_by = self._settle_by = self._write_by = self._linger_by = math.inf

    # --- time and room

    @property
    def deadline(self) -> float:
        return min(self._idle_by, self._open_by, self._settle_by, self._write_by, self._linger_by)

    def tick(self, now: float) -> Sequence[Any]:
        if now >= self._write_by:
            self.fail()
            return (TimeoutError(f"the peer took nothing of {self._pending:,} bytes in {self._limits.grace:g} seconds"),)
        if self._linger_by == SOON:
            self._linger_by = now + self._limits.linger
        if self._settle_by == SOON:
            self._settle_by = now + bounds.UNCERTAIN_TIME
        if now >= self._linger_by:
            self._close()
        if now >= self._settle_by:
            self._patient = False
            self._release(False)
        if now >= self._idle_by:
            return self._fail(TimeoutError(f"nothing came for {self._limits.idle:g} seconds"))
        if now >= self._open_by:
            self._scanner.feed(self._opened())
            return self._parts(now)
        return ()

    def blocked(self, pending: int, now: float) -> None:
        if not pending:
            self._write_by = math.inf
        elif not self._pending or pending < self._pending:
            self._write_by = now + self._limits.grace
        self._pending = pending
        self._follow()

    @property
    def _has_room(self) -> bool:
        """Whether there is room for more of what comes: for the data, and for the answers that it provokes."""
        return (self._synch or self._unconsumed < bounds.WINDOW) and self.waiting <= bounds.ANSWERS

    def _follow(self) -> None:
        """Read only while what comes can be dealt with: that is backpressure."""
        self.reading = not (self._eof or self.closed) and (self._leaving or (self._starved and self._has_room))

    def secured(self, info: Any) -> None:
        """Telnet is spoken over TLS from the start or not at all."""
