"""One question and its answer: whom to ask, how often, how long to wait, and which bytes to believe (RFC 1035 4.2, RFC 5452).

`Query` is a machine (`contract.Inquiry`): it says what to send, is told what came, and ends with an `Answer` or an error.
Time and random bytes are handed in. An answer is taken only where it fits its question: from the peer that was asked (a
connected socket, with a port of its own for each try), with the question's id, name, type and class, and whole. What does
not fit is ignored, and listening goes on, so that a broken or forged datagram can't take the place of the true one that
follows it; a guesser gets few guesses, then the question goes over TCP, where guessing is of no use.

    asked ──UDP──▶ answer that fits ──▶ done
                   TC, a cookie refused twice, a name that came back in other letters, too many near misses ──TCP──▶ done
                   nothing in time, nobody there, a server that can't help ──▶ the next server
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeVar

from wirespeak.contract import Ask, Drop
from wirespeak.dns.edns import EdnsOption
from wirespeak.dns.messages import QR, Message, Question
from wirespeak.dns.names import Name
from wirespeak.dns.registry import Option, Rcode
from wirespeak.errors import ConnectError, RemoteProtocolError, TimeoutError, WirespeakError

__all__ = ["Answer", "Manner", "Noise", "Query", "Server", "Transport", "Try", "advance", "mixed_case"]

Noise = Callable[[int], bytes]
"""Gives so many bytes that nobody can foretell (`secrets.token_bytes`; in a test, those that it wants)."""

Transport = Literal["udp", "tcp"]

PORT: Final = 53

# RFC 5452 9.1: answers with another id, or to another question, are somebody's guesses. Honest servers send none to a port
# that was opened for one question; after so many the port is given up, having cost a guesser its 3 of 65,536 ids.
NEAR_MISSES: Final = 3

# Response codes by which a server says that it can't help, and another might.
UNHELPFUL: Final = frozenset({Rcode.SERVFAIL, Rcode.REFUSED, Rcode.NOTIMP, Rcode.FORMERR})
# RFC 6891 7: what servers from before EDNS answer to it; some leave out the question.
BEFORE_EDNS: Final = frozenset({Rcode.FORMERR, Rcode.NOTIMP})
# RFC 1035 4.1: the question follows the header of twelve bytes.
QUESTION_AT: Final = 12
# RFC 7873 4: of a cookie option, the first eight bytes are the client's.
COOKIE_SIZE: Final = 8


@dataclass(slots=True, frozen=True)
class Server:
    """Who is asked: an IP address, and a port."""

    host: str
    port: int = PORT

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(slots=True, frozen=True)
class Manner:
    """How a question is put. ``timeout`` is in seconds, for each try; each of the servers is tried up to ``tries`` times."""

    tries: int = 3
    timeout: float = 5.0
    tcp: bool = False
    """Ask over TCP from the start."""
    whole: bool = True
    """Ask again over TCP for an answer that was cut short (RFC 7766 5)."""
    mix_case: bool = False
    """Send the name in letters of random case, and take only what gives them back ("0x20"): a bit for each letter to guess."""
    next_server: bool = False
    """Whether the next server is asked where one says that it can't help (SERVFAIL, REFUSED …)."""


@dataclass(slots=True)
class Try:
    """One attempt: whom it went to, how long it took (seconds), and what it came to."""

    server: Server
    transport: Transport
    seconds: float
    outcome: str


@dataclass(slots=True)
class Answer:
    """What came: the message, its bytes, and those of the question it answers."""

    question: Question
    """As it was given, whatever case its name was sent in."""
    message: Message
    data: bytes
    asked: bytes
    server: Server
    transport: Transport
    seconds: float
    """From the sending of the question to the answer, in this try."""
    came_at: float
    """When it came, on the clock of who asked."""
    tries: list[Try] = field(default_factory=list)
    """Those before it that came to nothing."""


Doubt = Literal["", "case", "guesses"]
"""Why TCP is asked in the place of UDP, though UDP had answered: the letters were others, or somebody guesses."""


class _Attempt:
    """The try that is under way."""

    __slots__ = ("asked", "broken", "buffer", "deadline", "doubt", "key", "message", "misses", "mixed", "sent_at", "server", "transport")

    def __init__(self, key: int, server: Server, transport: Transport, message: Message, mixed: bool, doubt: Doubt, now: float) -> None:
        self.key = key
        self.server = server
        self.transport = transport
        self.message = message
        self.mixed = mixed  # whether its name is in letters of random case
        self.doubt = doubt
        self.asked = message.encode()
        self.sent_at = now
        self.deadline = math.inf
        self.buffer = bytearray()  # what came over TCP: never more than one message of 65,535 bytes is waited for
        self.misses = 0
        self.broken: RemoteProtocolError | None = None

    @property
    def command(self) -> Ask:
        data = self.asked if self.transport == "udp" else len(self.asked).to_bytes(2) + self.asked
        return Ask(self.key, self.transport, self.server.host, self.server.port, data)


class Query:
    """Asks ``message``'s question of ``servers``, in their order, until one answers; a machine (`contract.Inquiry`).

    ``keys`` numbers conversations; queries that run at the same time draw from the same one. ``caseless`` is a set of servers
    that don't keep the case of names, kept up by those who share it.
    """

    def __init__(
        self,
        message: Message,
        servers: Sequence[Server],
        noise: Noise,
        *,
        manner: Manner = Manner(),
        keys: Iterator[int],
        caseless: set[Server] | None = None,
    ) -> None:
        self._message = message
        self._manner = manner
        self._noise = noise
        self._keys = keys
        self._plan = deque(list(servers) * manner.tries)
        self._caseless = set() if caseless is None else caseless
        self._edns = message.edns
        self._cookies_refused = 0
        self._unmixed: set[Server] = set()  # those that don't keep the case, nor answer over TCP
        self._attempt: _Attempt | None = None
        self._unhelpful: Answer | None = None
        self._error: WirespeakError | None = None if servers else ConnectError("there is no name server to ask")
        self._answer: Answer | None = None
        self.tries: list[Try] = []
        self.done = False

    @property
    def deadline(self) -> float:
        return math.inf if self._attempt is None else self._attempt.deadline

    def result(self) -> Answer:
        """The answer, whatever it says, once it is done. Raises `TimeoutError`, `ConnectError`, `RemoteProtocolError`."""
        answer = self._answer or self._unhelpful
        if answer is None:
            assert self._error is not None
            raise self._error
        return answer

    # --- what the pump calls

    def start(self, now: float) -> list[Ask | Drop]:
        return self._next(now)

    def heard(self, key: int, data: bytes, now: float) -> list[Ask | Drop]:
        attempt = self._attempt
        if attempt is None or key != attempt.key:
            return []
        if attempt.transport == "tcp":
            attempt.buffer += data
            size = int.from_bytes(attempt.buffer[:2]) + 2
            if len(attempt.buffer) < max(size, 2):
                return []
            data = bytes(attempt.buffer[2:size])
        try:
            message, same_letters = _judged(data, attempt.message, self._message.questions[0].name)
        except _NearMiss:
            attempt.misses += 1
            if attempt.transport == "tcp":
                return self._give_up("answered another question", RemoteProtocolError(f"{attempt.server} answered another question"), now)
            return self._over_tcp(f"{attempt.misses} answers to other questions", now, "guesses") if attempt.misses == NEAR_MISSES else []
        except RemoteProtocolError as error:
            attempt.broken = error
            return [] if attempt.transport == "udp" else self._give_up(f"a broken answer: {error}", error, now)
        if attempt.mixed and not same_letters:
            if attempt.transport == "udp":
                return self._over_tcp("the name came back in other letters", now, "case")
            # Over TCP nobody can guess; so this server is known to be one that doesn't keep them.
            self._caseless.add(attempt.server)
        return self._take(attempt, message, data, now)

    def failed(self, key: int, error: Exception, now: float) -> list[Ask | Drop]:
        attempt = self._attempt
        if attempt is None or key != attempt.key:
            return []
        if not attempt.doubt:
            self._plan = deque(server for server in self._plan if server != attempt.server)  # nobody is there: it need not be tried again
        return self._give_up(str(error), ConnectError(f"{attempt.server} can't be asked over {attempt.transport.upper()}: {error}"), now)

    def tick(self, now: float) -> list[Ask | Drop]:
        attempt = self._attempt
        if attempt is None or now < attempt.deadline:
            return []
        if attempt.transport == "udp" and (attempt.broken or attempt.misses):
            return self._over_tcp(f"no answer that fits; {attempt.broken or 'some to other questions'}", now, "guesses")
        over = attempt.transport.upper()
        return self._give_up(
            "no answer", TimeoutError(f"no answer from {attempt.server} over {over} within {self._manner.timeout:g} s"), now
        )

    # --- what an answer leads to

    def _take(self, attempt: _Attempt, message: Message, data: bytes, now: float) -> list[Ask | Drop]:
        """An answer that fits: the end, or a reason to ask in another way."""
        ours, theirs = attempt.message.edns, message.edns
        if ours is not None:
            if theirs is None and message.rcode in BEFORE_EDNS:
                self._edns = None  # RFC 6891 7
                return self._again(attempt.transport, f"{message.rcode_name} to EDNS", now)
            if message.rcode == Rcode.BADVERS and theirs is not None and theirs.version < ours.version:
                self._edns = replace(ours, version=theirs.version)  # RFC 6891 6.1.3
                return self._again(attempt.transport, f"BADVERS: it knows version {theirs.version}", now)
            cookie = None if theirs is None else theirs.option(Option.COOKIE)
            if message.rcode == Rcode.BADCOOKIE and cookie is not None and len(cookie) > COOKIE_SIZE and self._cookies_refused < 2:
                # RFC 7873 5.3: once more with the server's cookie; where that is refused too, over TCP.
                self._cookies_refused += 1
                others = [option for option in ours.options if option.code != Option.COOKIE]
                self._edns = replace(ours, options=[*others, EdnsOption(Option.COOKIE, cookie)])
                return self._again("tcp" if self._cookies_refused > 1 else attempt.transport, "BADCOOKIE: the server has a new cookie", now)
        if message.tc and attempt.transport == "udp" and self._manner.whole:
            return self._over_tcp("cut short", now)
        question, took = self._message.questions[0], now - attempt.sent_at
        answer = Answer(question, message, data, attempt.asked, attempt.server, attempt.transport, took, now, self.tries)
        if self._manner.next_server and message.rcode in UNHELPFUL:
            self._plan = deque(server for server in self._plan if server != attempt.server)
            if self._plan:
                self._unhelpful = self._unhelpful or answer
                return self._give_up(message.rcode_name, None, now)
        self._answer = answer
        return self._finish()

    def _give_up(self, outcome: str, error: WirespeakError | None, now: float) -> list[Ask | Drop]:
        """This try came to nothing: on to the next."""
        # Of several errors the one that tells most: that someone answered nonsense, over silence, over nobody there.
        if error is not None and (self._error is None or _weight(error) >= _weight(self._error)):
            self._error = error
        if self._attempt is not None and self._attempt.doubt == "case":
            # The server that lower-cases names has no TCP either: it is believed without, as it was before 0x20.
            self._unmixed.add(self._attempt.server)
            self._plan.appendleft(self._attempt.server)
        return [*self._close(outcome, now), *self._next(now)]

    def _over_tcp(self, outcome: str, now: float, doubt: Doubt = "") -> list[Ask | Drop]:
        return self._again("tcp", outcome, now, doubt)

    def _again(self, transport: Transport, outcome: str, now: float, doubt: Doubt = "") -> list[Ask | Drop]:
        """The same server once more, in another way."""
        assert self._attempt is not None
        server = self._attempt.server
        return [*self._close(outcome, now), *self._ask(server, transport, now, doubt)]

    def _close(self, outcome: str, now: float) -> list[Ask | Drop]:
        attempt = self._attempt
        assert attempt is not None
        self.tries.append(Try(attempt.server, attempt.transport, now - attempt.sent_at, outcome))
        self._attempt = None
        return [Drop(attempt.key)]

    def _next(self, now: float) -> list[Ask | Drop]:
        if not self._plan:
            return self._finish()
        # What one server made us say, a cookie of its own or nothing by EDNS, is not for the next.
        self._edns, self._cookies_refused = self._message.edns, 0
        return self._ask(self._plan.popleft(), "tcp" if self._manner.tcp else "udp", now)

    def _ask(self, server: Server, transport: Transport, now: float, doubt: Doubt = "") -> list[Ask | Drop]:
        question = self._message.questions[0]
        mixed = self._manner.mix_case and server not in self._caseless and server not in self._unmixed
        if mixed:
            question = replace(question, name=Name(mixed_case(question.name.wire, self._noise)))
        message = replace(self._message, id=int.from_bytes(self._noise(2)), questions=[question], edns=self._edns)
        self._attempt = _Attempt(next(self._keys), server, transport, message, mixed, doubt, now)
        self._attempt.deadline = now + self._manner.timeout
        return [self._attempt.command]

    def _finish(self) -> list[Ask | Drop]:
        self.done = True
        attempt, self._attempt = self._attempt, None
        return [] if attempt is None else [Drop(attempt.key)]


class _NearMiss(Exception):
    """An answer, but to another question: the id, or the question in it, is not ours."""


def _judged(data: bytes, asked: Message, name: Name) -> tuple[Message, bool]:
    """The message that ``data`` is, if it answers ``asked``, and whether the name came back in the letters it was sent in.

    Then it is given those of ``name`` again before the message is read, as other names in it are pointers to this one. Raises
    `_NearMiss`; `RemoteProtocolError` for a broken message.
    """
    if len(data) < 2 or int.from_bytes(data[:2]) != asked.id:
        raise _NearMiss
    sent = asked.questions[0].name.wire
    same_letters = data.startswith(sent, QUESTION_AT)
    if same_letters:
        data = data[:QUESTION_AT] + name.wire + data[QUESTION_AT + len(sent) :]
    message = Message.parse(data)
    if not message.flags & QR or message.opcode != asked.opcode:
        raise _NearMiss
    if not message.questions and message.rcode in BEFORE_EDNS:
        return message, True  # it could not read the question, so it could not copy it
    ours = asked.questions[0]
    if [(question.name, question.type, question.cls) for question in message.questions] != [(ours.name, ours.type, ours.cls)]:
        raise _NearMiss
    # RFC 7873 5.3: an answer with a cookie has ours in front; one with another's is not meant for us.
    mine = asked.edns and asked.edns.option(Option.COOKIE)
    theirs = message.edns and message.edns.option(Option.COOKIE)
    if mine and theirs and theirs[:COOKIE_SIZE] != mine[:COOKIE_SIZE]:
        raise _NearMiss
    return message, same_letters


def _weight(error: WirespeakError) -> int:
    return 2 if isinstance(error, RemoteProtocolError) else 1 if isinstance(error, TimeoutError) else 0


def mixed_case(wire: bytes, noise: Noise) -> bytes:
    """The name with each of its letters in upper or lower case, as a random bit says (draft-vixie-dnsext-dns0x20)."""
    bits = noise(len(wire))
    # Lengths of labels are at most 63, below the first letter: only letters are touched.
    return bytes([byte ^ 0x20 if bit & 1 and chr(byte).isalpha() and byte < 128 else byte for byte, bit in zip(wire, bits, strict=True)])


T = TypeVar("T")


def advance(asking: Generator[T, Answer, Any], query: Query | None) -> T:
    """What a train of thought that asks one question after the other gives out next, once ``query``, its last, is done.

    None goes on where it was not a query that it gave out. Raises StopIteration, with the result, at its end, and what it raises.
    """
    if query is None:
        return next(asking)
    try:
        answer = query.result()
    except WirespeakError as error:
        return asking.throw(error)
    return asking.send(answer)
