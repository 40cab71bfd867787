"""The client's side of a conversation in IRC, without I/O. The server's is in ``session.py``.

Bytes in, events out. It begins the conversation by itself: it asks what the server offers (CAP LS 302), says who we are, asks for
the capabilities that we know, proves who we are (SASL), and goes to the next nick where one is taken::

    C: CAP LS 302                       C: NICK ann                C: USER ann 0 * :Ann
    S: CAP * LS :sasl server-time …     C: CAP REQ :sasl server-time
    S: CAP * ACK :sasl server-time      C: AUTHENTICATE SCRAM-SHA-256 …      S: 903 …      C: CAP END      S: 001 …

What the server says is told as `Message`, one each; beside them `Ready` once it has welcomed us and told of itself, `StrictTransport` for a
policy of its, `Malformed` for a line that is no message, and the error that ended the conversation. PING is answered here, and a
line that has gone dead is noticed here. What may be said when is in ``client_states.py``, how fast in ``sending.py``.

Whatever bytes come, it goes on: text that is no UTF-8 is read as Windows-1252, which old clients send.

Pure: touches nothing outside; how to log in is handed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wirespeak.buffer import Buffer
from wirespeak.contract import FINISH, Segment
from wirespeak.errors import ConnectionLost, LocalProtocolError, Refused, RemoteProtocolError, TimeoutError, WirespeakError
from wirespeak.explanation import visible
from wirespeak.irc.client_login import Dialog, Login
from wirespeak.irc.client_states import MOVES, State, Timeouts
from wirespeak.irc.messages import Malformed, Message, cut
from wirespeak.irc.sending import Outgoing, Priority, Rate, SendQueue, encoded, one_name

__all__ = ["CAPABILITIES", "ClientSession", "Identity", "Ready", "StrictTransport", "text_of"]

CAPABILITIES: Final = (
    "account-notify", "account-tag", "away-notify", "batch", "cap-notify", "chghost", "extended-join", "extended-monitor",
    "invite-notify", "labeled-response", "message-tags", "multi-prefix", "sasl", "server-time", "setname", "standard-replies",
    "userhost-in-names",
)  # fmt: skip
"""What we ask for where it is offered: what `tracker.Tracker` and `client.Client` make use of. More can be asked for."""

# A line: tags of 8191 bytes (IRCv3 message-tags), and what stands behind them: 512, by some servers' leave four times as much (LINELEN).
MAX_LINE: Final = 16 << 10
MAX_BODY: Final = 4 << 10
# Characters of a PING that are said again, and urgent words waiting to be taken beyond which no more is read.
TOKEN: Final = 400
UNANSWERED: Final = 100
# Messages that are given out at a time: the pump has a look at its other work in between.
TURN: Final = 64
# What a server can offer: far more than anyone has defined.
MAX_OFFERED: Final = 300
# Bytes of capabilities that one CAP REQ asks for; beside them fit the command and, in the answer, the server's name and our nick.
REQUEST: Final = 400
# Seconds of silence behind a welcome after which nothing more is to come: some small servers have no message of the day, and don't say so.
SILENCE: Final = 5.0
# Nicks that are made up, once those that we were given are all taken.
MADE_UP: Final = 6

# Modern IRC, numerics: ERR_ERRONEUSNICKNAME, ERR_NICKNAMEINUSE, ERR_NICKCOLLISION; RFC 2812 5.2: ERR_UNAVAILRESOURCE.
_NICK_REFUSED: Final = {"432", "433", "436", "437"}
# RFC 1459 6.1: what ends a registration: ERR_NOPERMFORHOST, ERR_PASSWDMISMATCH, ERR_YOUREBANNEDCREEP, ERR_YOUWILLBEBANNED.
_REFUSED: Final = {"463", "464", "465", "466"}
# IRCv3 SASL: failed, too long, aborted, already logged in; and the nick is locked.
_LOGIN_FAILED: Final = {"902", "904", "905", "906", "907"}


@dataclass(slots=True, frozen=True)
class Identity:
    """Who we are. ``others``: nicks to try where ``nick`` is taken; after those some are made up.

    ``password`` is the server's own (PASS), not that of an account.
    """

    nick: str
    user: str = ""
    realname: str = ""
    password: str = ""
    others: tuple[str, ...] = ()

    @property
    def nicks(self) -> list[str]:
        """All that we try, in order. What is made up grows no longer than nine, which every server takes (RFC 1459 1.2)."""
        made_up = [self.nick + "_", self.nick + "__", *(f"{self.nick[:8]}{digit}" for digit in range(2, MADE_UP))]
        return list(dict.fromkeys([self.nick, *self.others, *made_up]))


@dataclass(slots=True, frozen=True)
class Ready:
    """Event: we are on the network as ``nick``; what the server tells of itself (ISUPPORT, its message of the day) has come."""

    nick: str


@dataclass(slots=True, frozen=True)
class StrictTransport:
    """Event: the server wants TLS (IRCv3 sts). Over TLS: for so many seconds (``duration``) from the end of this connection on.
    In clear: at once, at ``port``, and the conversation is over.
    """

    port: int | None = None
    duration: int | None = None


class ClientSession:
    """A `contract.Session`. What is to be asked for is ``wanted``; ``login`` has us log in.

    ``offered`` is what the server offers, name and value, and ``enabled`` what is agreed on. ``secure`` says whether TLS is spoken.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        wanted: Iterable[str] = CAPABILITIES,
        login: Login | None = None,
        secure: bool = False,
        timeouts: Timeouts | None = None,
        rate: Rate | None = None,
        now: float = 0.0,
    ) -> None:
        self.identity = identity
        self.nick = identity.nick
        """Ours, as far as the server has it."""
        self.state = State.OFFER
        self.offered: dict[str, str] = {}
        self.enabled: set[str] = set()
        self.account = ""
        """The account that we are logged in to; "" for none."""
        self.lag = 0.0
        """Seconds that the server took to answer our latest PING."""
        self.secure = secure
        self.closed = False
        self._wanted = dict.fromkeys(wanted)
        self._login = login
        self._timeouts = timeouts or Timeouts()
        self._nicks = iter(identity.nicks)
        self._requested: list[str] = []  # what is asked for and not answered, one CAP REQ each
        self._dialog: Dialog | None = None
        self._input = Buffer()
        self._queue = SendQueue(rate or Rate())
        self._out: list[Segment] = []
        self._pending = 0
        self._now = now
        self._heard = now  # when the server last said anything
        self._pinged: float | None = None  # when we asked whether it is there
        self._limit = now + self._timeouts.register  # for the registration; later for its goodbye
        self._say_urgent("CAP", "LS", "302")
        if identity.password:
            self._say_urgent("PASS", identity.password)
        self._say_urgent("NICK", one_name(next(self._nicks)))
        # Modern IRC: USER message. The server, not we, says where we come from.
        self._say_urgent("USER", identity.user or "wirespeak", "0", "*", identity.realname or identity.nick)

    @property
    def reading(self) -> bool:
        """Who asks and asks, and takes none of the answers, is not listened to."""
        return not self.closed and self._queue.urgent < UNANSWERED

    # --- what goes out

    @property
    def waiting(self) -> int:
        """How many lines wait for their turn."""
        return len(self._queue)

    def send(self, message: Message) -> None:
        """As `queue`: a message of `Priority.NORMAL`."""
        self.queue(message)

    def queue(self, message: Message, priority: Priority = Priority.NORMAL) -> Outgoing:
        """Say ``message`` when its turn comes. PONG and QUIT don't wait.

        Raises `LocalProtocolError` for what is no message or too long for one, `LimitExceeded` where too many wait.
        """
        if self.closed or self.state is State.LEAVING:
            raise LocalProtocolError("the conversation is over, or about to be")
        data = encoded(message)
        if message.command == "QUIT":
            self._queue.drop()
            self._leave()
        urgent = message.command in ("PONG", "QUIT") or self.state.value < State.WELCOME.value
        return self._queue.put(data, Priority.URGENT if urgent else priority)

    def _say_urgent(self, command: str, *parameters: str) -> None:
        self._queue.put(encoded(Message(command, list(parameters))), Priority.URGENT)

    def data_to_send(self) -> Sequence[Segment]:
        # What is handed over is lost to any priority: so nothing is, while the peer doesn't take what it has.
        out: list[Segment] = []
        if not self._pending and (lines := self._queue.take(self._now)):
            out.append(b"".join(lines))
        out += self._out
        self._out = []
        return out

    # --- what comes in

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        self._now = now
        if self.closed:
            return ()
        if data:
            self._heard, self._pinged = now, None
            self._input.feed(data)
        events: list[Any] = []
        while len(events) < TURN and not self.closed:
            line = self._input.until(b"\n", MAX_LINE)
            if line is None:
                if self._input.overfull(MAX_LINE):
                    events += self._fail(RemoteProtocolError(f"a line of more than {MAX_LINE:,} bytes", clause="RFC 1459 2.3"))
                break
            if text := text_of(line).rstrip("\r\n"):  # empty ones are passed over (RFC 1459 2.3.1)
                events += self._line(text)
        return events

    def _line(self, text: str) -> list[Any]:
        try:
            if len(text) > MAX_BODY and len(text.partition(" ")[2] if text.startswith("@") else text) > MAX_BODY:
                raise RemoteProtocolError(f"a message of more than {MAX_BODY:,} characters", clause="RFC 1459 2.3")
            message = Message.parse(text)
        except RemoteProtocolError as error:
            return [Malformed(error, visible(text[:40]))]
        hear = _HEARS.get(message.command)
        try:
            return [message, *(hear(self, message) if hear else ())]
        except WirespeakError as error:
            return [message, *self._fail(error)]

    def _ping(self, message: Message) -> Sequence[Any]:
        """RFC 1459 4.6.2. What came is said again, as it came."""
        self._say_urgent("PONG", *(cut(token, TOKEN) for token in message.params[:1]))
        return ()

    def _pong(self, message: Message) -> Sequence[Any]:
        sent = message.params[-1].removeprefix(_TOKEN) if message.params else ""
        if sent.isdecimal() and len(sent) < 16:
            self.lag = max(0.0, self._now - int(sent) / 1000)
        return ()

    def _error(self, message: Message) -> Sequence[Any]:
        """RFC 1459 4.6.4: the server ends the conversation."""
        said = message.params[-1] if message.params else ""
        if self.state is State.LEAVING:
            self._end()
            return ()
        if self.state.value < State.WELCOME.value:
            raise Refused(f"the server doesn't let us in: {said}", reply=message)
        raise ConnectionLost(f"the server ends the conversation: {said}")

    def _refused(self, message: Message) -> Sequence[Any]:
        if self.state.value < State.WELCOME.value:
            raise Refused(f"the server doesn't let us in: {message.params[-1] if message.params else message.command}", reply=message)
        return ()

    def _nick_refused(self, message: Message) -> Sequence[Any]:
        """Modern IRC: connection registration. Another nick is tried, as long as we have one."""
        if self.state.value < State.WELCOME.value:
            nick = next(self._nicks, None)
            if nick is None:
                raise Refused(f"no nick that we tried is free: {message.params[-1] if message.params else ''}", reply=message)
            self._say_urgent("NICK", nick)
        return ()

    def _welcome(self, message: Message) -> Sequence[Any]:
        """The server may have made something else of our nick: what it calls us, we are (Modern IRC: RPL_WELCOME)."""
        if (self.state, "001") in MOVES:
            self._move("001")
            self.nick = message.params[0] if message.params else self.nick
        return ()

    def _told(self, message: Message) -> Sequence[Any]:
        """The message of the day ends what a server tells of itself."""
        return self._ready(message.command) if (self.state, message.command) in MOVES else ()

    def _ready(self, event: str) -> Sequence[Any]:
        self._move(event)
        self._limit = math.inf
        self._queue.refill()
        return (Ready(self.nick),)

    def _renamed(self, message: Message) -> Sequence[Any]:
        if message.params and message.source.partition("!")[0] == self.nick:
            self.nick = message.params[0]
        return ()

    # --- capabilities (IRCv3 capability negotiation)

    def _cap(self, message: Message) -> Sequence[Any]:
        if len(message.params) < 3:
            return ()
        subcommand, names = message.params[1].upper(), message.params[-1].split()
        if subcommand in ("LS", "NEW"):
            self._offer(names)
            if subcommand == "NEW":
                return self._new_offer(names)
            if self.state is State.OFFER and message.params[2] != "*":  # a star: more lines of the offer follow
                return self._offered()
        elif subcommand == "ACK":
            for name in names:
                if name.startswith("-"):
                    self.enabled.discard(name[1:])
                else:
                    self.enabled |= {name.lstrip("~=")} & self._wanted.keys()  # CAP 3.1 marked some so
            self._answered()
        elif subcommand == "NAK":
            # All or nothing: one that the server didn't like is in the way of the others, so they are asked for one by one.
            if len(asked := self._requested[0].split() if self._requested else ()) > 1:
                self._request(*asked)
            self._answered()
        elif subcommand == "DEL":
            for name in names:
                if name != "sts":  # IRCv3 sts: it can't be taken back like this
                    self.enabled.discard(name)
                    self.offered.pop(name, None)
        return ()

    def _offer(self, names: Iterable[str]) -> None:
        for word in names:
            name, _, value = word.partition("=")
            if name in self.offered or len(self.offered) < MAX_OFFERED:
                self.offered[name] = value

    def _offered(self) -> Sequence[Any]:
        """All of the offer is here."""
        self._move("CAP LS")
        events = self._strict_transport()
        if not self.closed:
            self._ask_for(name for name in self._wanted if name in self.offered and (name != "sasl" or self._login is not None))
            self._go_on()
        return events

    def _new_offer(self, names: Iterable[str]) -> Sequence[Any]:
        known = {name.partition("=")[0] for name in names}
        if self.state.value >= State.WELCOME.value:
            self._ask_for(name for name in self._wanted if name in known - self.enabled - {"sasl"})
        return self._strict_transport() if "sts" in known else ()

    def _ask_for(self, names: Iterable[str]) -> None:
        line = ""
        for name in names:
            if line and len(line) + len(name) > REQUEST:
                self._request(line)
                line = ""
            line += f" {name}" if line else name
        if line:
            self._request(line)

    def _request(self, *lines: str) -> None:
        for line in lines:
            self._requested.append(line)
            self._say_urgent("CAP", "REQ", line)

    def _answered(self) -> None:
        if self._requested:
            self._requested.pop(0)  # they are answered in order
        self._go_on()

    def _go_on(self) -> None:
        """Where all that was asked for is answered: log in, or end the negotiation."""
        if self.state is not State.REQUEST or self._requested:
            return
        if self._login is None:
            self._end_negotiation()
            return
        if "sasl" not in self.enabled:
            raise Refused("the server has no way to log in (it doesn't offer sasl)")
        offer = self.offered.get("sasl", "")
        # A server of SASL 3.1 doesn't say what it has: PLAIN is what each has, and EXTERNAL most (IRCv3 SASL 3.1).
        mechanism = self._login(offer.split(",") if offer else ["PLAIN", "EXTERNAL"])
        self._dialog = Dialog(mechanism)
        self._move("AUTHENTICATE")
        self._say_urgent("AUTHENTICATE", mechanism.name)

    def _end_negotiation(self) -> None:
        self._move("CAP END")
        self._say_urgent("CAP", "END")

    def _strict_transport(self) -> Sequence[Any]:
        """IRCv3 sts. What is not understood in it is passed over."""
        values = dict(token.partition("=")[::2] for token in self.offered.get("sts", "").split(","))
        port, duration = (values.get(key, "") for key in ("port", "duration"))
        if self.secure and duration.isdecimal() and len(duration) < 12:
            return (StrictTransport(duration=int(duration)),)
        if not self.secure and port.isdecimal() and 0 < int(port[:6]) < 65536:
            self._end()
            return (StrictTransport(port=int(port)),)
        return ()

    # --- logging in (IRCv3 SASL)

    def _authenticate(self, message: Message) -> Sequence[Any]:
        if self.state is not State.LOGIN or self._dialog is None or not message.params:
            return ()
        for piece in self._dialog.hear(message.params[0]):
            self._say_urgent("AUTHENTICATE", piece)
        return ()

    def _logged_in(self, message: Message) -> Sequence[Any]:
        """900: who we are (IRCv3 SASL). It may come at any time: who tells NickServ a password is logged in too."""
        self.account = message.params[2] if len(message.params) > 2 else ""
        return ()

    def _logged_out(self, message: Message) -> Sequence[Any]:
        self.account = ""
        return ()

    def _login_done(self, message: Message) -> Sequence[Any]:
        if self.state is State.LOGIN and self._dialog is not None:
            self._dialog.finish()  # the server may have had to prove itself
            self._end_negotiation()
        return ()

    def _login_failed(self, message: Message) -> Sequence[Any]:
        if self.state is State.LOGIN:
            raise Refused(f"the server doesn't log us in: {message.params[-1] if message.params else message.command}", reply=message)
        return ()

    # --- the end, time and room

    def receive_eof(self, now: float) -> Sequence[Any]:
        self._now = now
        if self.closed:
            return ()
        if self.state is State.LEAVING:  # some say ERROR before, some don't
            self._end()
            return ()
        return self._fail(ConnectionLost("the server ended the connection"))

    def _move(self, event: str) -> None:
        self.state = MOVES[self.state, event]

    def _leave(self) -> None:
        self._move("QUIT")
        self._limit = self._now + self._timeouts.quit

    def _fail(self, error: Exception) -> list[Any]:
        self._end()
        return [error]

    def _end(self) -> None:
        self.state = State.OVER
        self.closed = True
        self._queue.drop()
        self._limit = math.inf

    @property
    def deadline(self) -> float:
        if self.closed:
            return math.inf
        following = math.inf if self._pending else self._queue.deadline(self._now)
        if self.state is State.WELCOME:
            return min(following, self._limit, self._heard + SILENCE)
        if self.state is not State.READY:
            return min(following, self._limit)
        alive = self._heard + self._timeouts.idle if self._pinged is None else self._pinged + self._timeouts.pong
        return min(following, alive)

    def tick(self, now: float) -> Sequence[Any]:
        self._now = max(self._now, now)
        if self.closed:
            return ()
        if self.state is State.WELCOME and now >= self._heard + SILENCE:
            return self._ready("silence")
        if self.state is not State.READY:
            if now < self._limit:
                return ()
            if self.state is State.LEAVING:
                self._end()
                return ()
            return self._fail(TimeoutError(f"the server didn't let us in within {self._timeouts.register:g} seconds"))
        if self._pinged is not None and now >= self._pinged + self._timeouts.pong:
            silent = now - self._heard
            return self._fail(TimeoutError(f"nothing from the server for {silent:.0f} seconds: the connection is dead"))
        if self._pinged is None and now >= self._heard + self._timeouts.idle:
            self.ping(now)
            self._pinged = now
        return ()

    def ping(self, now: float) -> None:
        """Ask the server whether it is there; `lag` then tells how long it took."""
        self._say_urgent("PING", f"{_TOKEN}{int(now * 1000)}")

    def consumed(self, count: int) -> None:
        """There are no bodies in what comes: nothing to count."""

    def blocked(self, pending: int, now: float) -> None:
        self._pending = pending
        self._now = max(self._now, now)

    def secured(self, info: Any) -> None:
        """TLS is spoken from the start, or not at all."""

    def abandon(self) -> None:
        """There is no connection any more: what waits will never be said."""
        self._end()

    def finish(self, now: float) -> None:
        """Leave, and wait a moment for the server to say goodbye."""
        self._now = max(self._now, now)
        if self.closed or self.state is State.LEAVING:
            return
        if (self.state, "QUIT") in MOVES:
            self.queue(Message("QUIT", []))
        else:
            self._out.append(FINISH)
            self._end()


# What our own PINGs bear in front of the time, so that their answers can be told from others.
_TOKEN: Final = "lag-"

_HEARS: Final[dict[str, Callable[[ClientSession, Message], Sequence[Any]]]] = {
    "PING": ClientSession._ping,
    "PONG": ClientSession._pong,
    "ERROR": ClientSession._error,
    "NICK": ClientSession._renamed,
    "CAP": ClientSession._cap,
    "AUTHENTICATE": ClientSession._authenticate,
    "001": ClientSession._welcome,
    "376": ClientSession._told,
    "422": ClientSession._told,
    "900": ClientSession._logged_in,
    "901": ClientSession._logged_out,
    "903": ClientSession._login_done,
    **dict.fromkeys(_NICK_REFUSED, ClientSession._nick_refused),
    **dict.fromkeys(_REFUSED, ClientSession._refused),
    **dict.fromkeys(_LOGIN_FAILED, ClientSession._login_failed),
}
"""What a message of the server's leads to here."""


def text_of(line: bytes) -> str:
    """``line`` as text: UTF-8, as all should send; else Windows-1252, as some old clients do; else Latin-1, which has room for any byte."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return line.decode("cp1252")
    except UnicodeDecodeError:
        return line.decode("latin-1")
