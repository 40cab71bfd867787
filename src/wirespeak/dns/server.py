"""What a server of names decides: what it answers, to whom, and what it keeps to itself.

    a datagram ──┐
                 ├─▶ lies ready? ─▶ sound? ─▶ opcode, EDNS, cookie, class ─▶ `authority.answer` ─▶ fits? ─▶ within the rate?
    over TCP ────┘    (prepared)      └──────────────── an error, or silence

`DnsServer` is both the responder that a `sockets.udp.DatagramServer` is given, and the service of a listener. Zones are
swapped as a whole, at once: every answer is of the old ones or of the new.

It answers for its zones and for no other name (RFC 5358): recursion is not available here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from wirespeak.contract import Link, Session
from wirespeak.dns import authority
from wirespeak.dns.absent import Absences
from wirespeak.dns.cookies import Cookies, Known
from wirespeak.dns.counters import Counters, end_of_question
from wirespeak.dns.edns import PAYLOAD, SMALLEST, Edns, EdnsOption, extended_error, keepalive
from wirespeak.dns.log import Entry, Outcome, QueryLog
from wirespeak.dns.messages import AA, CD, HEADER_SIZE, MAX_MESSAGE, QR, RD, Message, Record
from wirespeak.dns.names import Name
from wirespeak.dns.prepared import Prepared, end_of_plain
from wirespeak.dns.rate import RateLimiter, Verdict, sort_of
from wirespeak.dns.rdata import Rdata
from wirespeak.dns.registry import Class, ExtendedError, Opcode, Option, Rcode, Type
from wirespeak.dns.session import Messages, ServerSession, TcpLimits
from wirespeak.dns.zone import Zones
from wirespeak.errors import ListenError, RemoteProtocolError
from wirespeak.sockets.address import Address
from wirespeak.sockets.listener import Listener, serve_until_stopped
from wirespeak.sockets.tasks import run_loop
from wirespeak.sockets.tcp import ListeningSocket
from wirespeak.sockets.tcp import bind as bind_streams
from wirespeak.sockets.udp import DatagramServer, bind_datagram

__all__ = ["DnsServer", "bind", "serve"]

logger = logging.getLogger("wirespeak.dns")

# RFC 6891 6.1.3: the version that we speak.
EDNS_VERSION: Final = 0
# A port that is free for TCP may be taken for UDP: how often another is tried.
TRIES: Final = 20

# RFC 4892, and the names that BIND first gave them: which program this is, and which machine.
VERSION_NAMES: Final = frozenset(Name.parse(name).key for name in ("version.bind", "version.server"))
MACHINE_NAMES: Final = frozenset(Name.parse(name).key for name in ("id.server", "hostname.bind"))

ZONE_TRANSFERS: Final = frozenset({Type.AXFR, Type.IXFR})
# RFC 1035 3.2.3: asked for by nobody since mail has MX records.
OBSOLETE: Final = frozenset({Type.MAILA, Type.MAILB})


class DnsServer:
    """Answers for ``zones``, over UDP and TCP.

    ``cookies`` makes those who come back known (none are given out where None); with ``require_cookies`` who has a cookie of
    his own has to show ours too before he is answered over UDP. ``limiter`` bounds answers over UDP to who isn't known.
    ``name`` tells of several servers behind one address which this one is (NSID, RFC 5001; id.server, RFC 4892), ``version``
    which program: neither is told where it is empty. ``log`` and ``counters``, where given, learn of each question.
    """

    def __init__(
        self,
        zones: Zones,
        *,
        cookies: Cookies | None = None,
        require_cookies: bool = False,
        limiter: RateLimiter | None = None,
        name: str = "",
        version: str = "",
        limits: TcpLimits | None = None,
        log: QueryLog | None = None,
        counters: Counters | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.cookies = cookies
        self.require_cookies = require_cookies
        self.limiter = limiter
        self.name = name
        self.version = version
        self.limits = limits or TcpLimits()
        self.log = log
        self.counters = counters
        self._clock = clock
        self._followed = limiter is not None or log is not None or counters is not None
        self._knowing = _Knowing(zones)

    @property
    def zones(self) -> Zones:
        return self._knowing.zones

    def replace(self, zones: Zones) -> None:
        """From the next question on, answer for these; an answer under way is still of the old ones. May be called in any thread."""
        self._knowing = _Knowing(zones)

    # --- the two ways in

    def answer(self, data: bytes, peer: Any, now: float) -> bytes | None:
        """The answer to a datagram (`contract.Responder`); None where there is to be none."""
        knowing = self._knowing
        reply = knowing.find(data) or knowing.compose(data)
        known: Known | None = None
        if reply is None:
            reply, known = self._work_out(data, peer, tcp=False)
        return self._follow(data, peer, now, reply, known) if self._followed else reply

    def __call__(self, link: Link) -> _Conversation:
        return _Conversation(self, link)

    def answer_stream(self, data: bytes, peer: Any) -> bytes | None:
        """The answer to a message that came over TCP; None where there is to be none."""
        knowing = self._knowing
        reply = knowing.find(data) or knowing.compose(data)
        known: Known | None = None
        if reply is None or reply[2] & 2:  # one that was too long for a datagram
            reply, known = self._work_out(data, peer, tcp=True)
        if self.counters is not None:
            self.counters.answered(data, reply, tcp=True)
        if self.log is not None and reply is not None:
            self.log.add(Entry(peer, self._clock(), data, reply, True, known))
        return reply

    def _follow(self, data: bytes, peer: Any, now: float, reply: bytes | None, known: Known | None) -> bytes | None:
        """What becomes of an answer over UDP: held to its rate, counted, and noted."""
        outcome = Verdict.SEND
        if self.limiter is not None and reply is not None and known is not Known.GOOD:
            network = self.limiter.network(peer[0])
            if network is not None and self.limiter.is_busy(network, now):
                end = end_of_question(reply)
                outcome = self.limiter.check(network, *sort_of(reply, end, self._knowing.zones), now)
                if outcome is Verdict.SLIP:
                    reply = _cut_short(data, reply, end)
        counters = self.counters
        if counters is not None:
            counters.answered(data, None if outcome is Verdict.DROP else reply, tcp=False)
            counters.dropped += outcome is Verdict.DROP
            counters.slipped += outcome is Verdict.SLIP
        if self.log is not None and reply is not None:
            self.log.add(Entry(peer, self._clock(), data, reply, False, known, OUTCOMES[outcome]))
        return None if outcome is Verdict.DROP else reply

    # --- from a question to its answer

    def _work_out(self, data: bytes, peer: Any, *, tcp: bool) -> tuple[bytes | None, Known | None]:
        """The answer, and whether a cookie made the client known."""
        if len(data) < HEADER_SIZE or data[2] & 0x80:
            # An answer (QR) is never answered: two servers would go on doing so to each other without end.
            return None, None
        if data[2] >> 3 & 15 != Opcode.QUERY:
            return _bare(data, Rcode.NOTIMP), None
        try:
            query = Message.parse(data)
        except RemoteProtocolError:
            return _bare(data, Rcode.FORMERR), None
        if query.questions and not data.startswith(query.questions[0].name.wire, HEADER_SIZE):
            return _bare(data, Rcode.FORMERR), None  # a pointer, where there is nothing before to point to (RFC 1035 4.1.4)
        knowing = self._knowing
        try:
            reply, known = self._reply_to(query, knowing.zones, peer, tcp=tcp)
            encoded = reply.encode(MAX_MESSAGE if tcp else _room(query.edns))
        except Exception as error:
            logger.error("%s: no answer could be made", ", ".join(map(str, query.questions)), exc_info=error)
            return _bare(data, Rcode.SERVFAIL), None
        # What lies ready serves both transports, so it has to fit into a datagram. Errors are made anew: they would push out
        # what is asked for in earnest.
        if reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN) and (not tcp or len(encoded) <= _room(query.edns)):
            additional = len(reply.additional) + (reply.edns is not None)
            knowing.keep(data, encoded, whole=not encoded[2] & 2 and encoded[10:12] == additional.to_bytes(2, "big"))
        return encoded, known

    def _reply_to(self, query: Message, zones: Zones, peer: Any, *, tcp: bool) -> tuple[Message, Known | None]:
        edns = query.edns
        options: list[EdnsOption] = []
        known: Known | None = None
        rcode: int | None = None
        if edns is not None and edns.version > EDNS_VERSION:
            rcode = Rcode.BADVERS  # RFC 6891 6.1.3
        elif edns is not None:
            known, rcode = self._options(edns, options, peer, tcp=tcp)
        if rcode is None:
            reply = self._checked(query, zones, known, options)
        else:
            reply = _refusal(query, rcode)
        if edns is not None:
            reply.edns = Edns(PAYLOAD, EDNS_VERSION, edns.do, options)  # RFC 6891 6.1.1, 6.2.4
        return reply, known

    def _options(self, edns: Edns, options: list[EdnsOption], peer: Any, *, tcp: bool) -> tuple[Known | None, int | None]:
        """Put into ``options`` what the client's call for; whether it is known, and the error that ends the matter, if one does."""
        if self.name and edns.option(Option.NSID) is not None:
            options.append(EdnsOption(Option.NSID, self.name.encode("utf-8")))  # RFC 5001 2.3
        if tcp and edns.option(Option.TCP_KEEPALIVE) is not None:
            options.append(keepalive(self.limits.idle))  # RFC 7828 3.3.2; over UDP it is ignored (3.2.2)
        cookie = edns.option(Option.COOKIE)
        if cookie is None or self.cookies is None or not isinstance(peer, tuple):
            return None, None
        try:
            verdict = self.cookies.check(cookie, peer[0], int(self._clock()))
        except RemoteProtocolError:
            return None, Rcode.FORMERR  # RFC 7873 5.2.2
        options.append(EdnsOption(Option.COOKIE, verdict.option))
        if self.counters is not None:
            self.counters.known(verdict.known)
        if self.require_cookies and not tcp and verdict.known is not Known.GOOD:
            return verdict.known, Rcode.BADCOOKIE  # RFC 7873 5.2.3, 5.2.4
        return verdict.known, None

    def _checked(self, query: Message, zones: Zones, known: Known | None, options: list[EdnsOption]) -> Message:
        """The answer to a message that says what it wants in the right form, or the error that tells of its fault."""
        if not query.questions and known is not None:
            # RFC 7873 5.4: it asks for a cookie, and for nothing else.
            return _refusal(query, Rcode.BADCOOKIE if known is Known.BAD else Rcode.NOERROR)
        if len(query.questions) != 1 or query.answers:
            return _refusal(query, Rcode.FORMERR)  # RFC 9619 4
        question = query.questions[0]
        if question.type in ZONE_TRANSFERS:
            options.append(extended_error(ExtendedError.PROHIBITED))
            return _refusal(query, Rcode.REFUSED)
        if query.authority:
            return _refusal(query, Rcode.FORMERR)  # only a question for IXFR has records there (RFC 1995 3)
        if question.type in OBSOLETE:
            return _refusal(query, Rcode.NOTIMP)
        if question.type == Type.OPT or 128 <= question.type < Type.ANY:
            # RFC 6895 3.1: these stand in messages alone. RFC 9824 3.5 has the word for it.
            options.append(extended_error(ExtendedError.INVALID_QUERY_TYPE))
            return _refusal(query, Rcode.FORMERR)
        if question.cls == Class.CH:
            return self._about_itself(query)
        reply = authority.answer(zones, query)
        if reply.rcode == Rcode.REFUSED:
            options.append(extended_error(ExtendedError.NOT_AUTHORITATIVE))  # RFC 8914 4.21
        return reply

    def _about_itself(self, query: Message) -> Message:
        """What this server is (RFC 4892), as far as it may be told."""
        question = query.questions[0]
        text = self.version if question.name.key in VERSION_NAMES else self.name if question.name.key in MACHINE_NAMES else ""
        if not text:
            return _refusal(query, Rcode.REFUSED)
        reply = _refusal(query, Rcode.NOERROR)
        reply.flags |= AA
        if question.type in (Type.TXT, Type.ANY):
            words = text.encode("utf-8")[:255]
            reply.answers.append(Record(question.name, Type.TXT, Class.CH, 0, Rdata(Type.TXT, bytes([len(words)]) + words)))
        return reply


class _Knowing:
    """Zones, and the answers that lie ready of them and of no others."""

    __slots__ = ("_adapt", "_deny", "find", "keep", "zones")

    def __init__(self, zones: Zones) -> None:
        self.zones = zones
        prepared = Prepared()
        self.find = prepared.find
        self.keep = prepared.keep
        self._adapt = prepared.adapt
        self._deny = Absences(zones).answer

    def compose(self, query: bytes) -> bytes | None:
        """The answer, where it can be put together from parts that lie ready."""
        end = end_of_plain(query)
        return (self._adapt(query, end) or self._deny(query, end)) if end else None


OUTCOMES: Final[dict[Verdict, Outcome]] = {Verdict.SEND: "sent", Verdict.SLIP: "slipped", Verdict.DROP: "dropped"}


def _room(edns: Edns | None) -> int:
    """The bytes that an answer over UDP may have: as many as the client takes, but none that would be fragmented (RFC 9715 3.1)."""
    return SMALLEST if edns is None else max(SMALLEST, min(edns.payload, PAYLOAD))  # RFC 6891 6.2.3


def _refusal(query: Message, rcode: int) -> Message:
    """An answer without records; with the question, if there is one and no more."""
    questions = query.questions if len(query.questions) == 1 else []
    return Message(query.id, QR | query.flags & (RD | CD), rcode, questions=questions)


def _bare(data: bytes, rcode: int) -> bytes:
    """An answer of a header alone, to what can't be read or isn't understood: its id, its opcode and RD (RFC 1035 4.1.1)."""
    return data[:2] + bytes([0x80 | data[2] & 0x79, rcode]) + bytes(8)


def _cut_short(query: bytes, reply: bytes, end: int) -> bytes:
    """``reply`` without its records, and with TC: no longer than what asked for it."""
    has_edns = query[end : end + 3] == b"\0\0\x29"
    opt = Edns().encode() if has_edns else b""
    head = reply[:2] + bytes([reply[2] | 2, reply[3] & 0xF0]) + reply[4:6] + bytes([0, 0, 0, 0, 0, has_edns])
    return head + reply[HEADER_SIZE:end] + opt


class _Conversation:
    """One TCP connection of a `DnsServer`, a `contract.Conversation`."""

    __slots__ = ("_dns", "_link", "_server", "session")

    def __init__(self, server: DnsServer, link: Link) -> None:
        self._server = server
        self._link = link
        self._dns = ServerSession(link.wake, server.limits)
        self.session: Session = self._dns
        if server.counters is not None:
            server.counters.opened()

    def handle(self, event: Any) -> None:
        if type(event) is Messages:
            peer, answer = self._link.peer, self._server.answer_stream
            replies = [reply for data in event.messages if (reply := answer(data, peer)) is not None]
            if replies:
                self._dns.send(Messages(replies))
            self._dns.consumed(len(event.messages))
        else:
            logger.debug("%s: %s", self._link.peer, event)  # anyone can cause these

    def lost(self, error: Exception | None) -> None:
        if self._server.counters is not None:
            self._server.counters.closed()
        # No circle is left that would wait for the garbage collector: while a large zone is read anew, that passes them by.
        self._dns.detach()
        del self._link


# --- sockets


def bind(address: Address) -> tuple[list[ListeningSocket], list[ListeningSocket]]:
    """Sockets for TCP, and for UDP, at one address and port; port 0 takes one that is free for both. Raises `ListenError`."""
    for tries_left in reversed(range(TRIES)):
        streams = bind_streams(address)
        if address.path is not None:
            return streams, []
        try:
            return streams, bind_datagram(Address(address.host, streams[0].getsockname()[1]))
        except ListenError:
            for sock in streams:
                sock.close()
            if address.port or not tries_left:
                raise
    raise AssertionError("the last try returns or raises")


def serve(zones: Zones, *places: str, on_ready: Callable[[list[str]], None] | None = None, **options: Any) -> None:
    """Answer for ``zones`` at ``places`` ("localhost:8053" where none is named) until SIGTERM or SIGINT, in good order.

    ``on_ready`` is told where, once it answers; ``options`` are `DnsServer`'s. Raises `AddressError`, `ListenError`.
    """

    async def run() -> None:
        server = DnsServer(zones, **options)
        streams: list[ListeningSocket] = []
        datagrams: list[ListeningSocket] = []
        for place in places or ("localhost:8053",):
            more_streams, more_datagrams = bind(Address.parse(place))
            streams += more_streams
            datagrams += more_datagrams
        listener, responder = Listener(streams, server), DatagramServer(datagrams, server)

        def ready() -> None:
            responder.start()
            if on_ready is not None:
                on_ready([str(Address.of(name)) for name in listener.addresses])

        await serve_until_stopped([listener], on_ready=ready)
        responder.close()

    run_loop(run())
