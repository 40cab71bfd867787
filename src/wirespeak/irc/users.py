"""A user: one connection of the server, from its first byte on; and the answers to its own commands. Pure.

What reaches a user comes in two ways. What *others* cause is relayed (``relay.py``) and goes straight into the session's queue.
What *its own command* causes, answers and its own copy of what it does, goes through `User.answer`, where the label of the command
is put on it (IRCv3 labeled-response): no answer becomes an ACK, one bears the label, several become a batch that does.

    @label=x PING y     ─▶  @label=x :irc.home.test PONG irc.home.test y
    @label=x PONG y     ─▶  @label=x :irc.home.test ACK
    @label=x WHOIS ann  ─▶  @label=x :irc.home.test BATCH +1 labeled-response
                            @batch=1 :irc.home.test 311 …
                            :irc.home.test BATCH -1
"""

from __future__ import annotations

from typing import Any, Final

from wirespeak.contract import Link
from wirespeak.irc import capabilities
from wirespeak.irc.capabilities import MESSAGE_TAGS, SERVER_TIME, TAG_MASK
from wirespeak.irc.messages import Message, encode_tags
from wirespeak.irc.numerics import Numeric
from wirespeak.irc.origin import Origin
from wirespeak.irc.session import ServerSession

__all__ = ["User"]

NOBODY: Final = "*"
"""How somebody is called who has no nick yet (Modern IRC: numerics)."""


class User:
    """One connection, registered or not.

    ``host`` is shown to everyone, ``real_host`` and ``ip`` to itself and to operators. ``modes`` are letters; ``channels`` maps a
    folded name to its `channels.Channel`. ``secure``: nobody can listen in on the way (TLS). ``fingerprint`` is the SHA-256 of its TLS
    certificate in hex, or "". ``signon`` and ``last_spoke`` are seconds since 1970. There may be tens of thousands: it is small.
    """

    __slots__ = (
        "__weakref__",
        "_batch",
        "_first",
        "_label",
        "_waiting",
        "account",
        "away",
        "cap_version",
        "caps",
        "channels",
        "counted",
        "failures",
        "fingerprint",
        "gone",
        "held",
        "host",
        "invited",
        "ip",
        "key",
        "last_spoke",
        "link",
        "login",
        "modes",
        "nick",
        "oper",
        "origin",
        "prefix",
        "real_host",
        "realname",
        "registered",
        "registering",
        "secure",
        "session",
        "signon",
        "tag_key",
        "user",
    )

    def __init__(self, origin: Origin, link: Link, session: ServerSession, *, ip: str = "", host: str = "", secure: bool = False) -> None:
        self.origin = origin
        self.link = link
        self.session = session
        self.nick = NOBODY
        self.key = ""
        """The nick, folded: under it `World.users` has this user; "" before the welcome."""
        self.user = ""
        self.host = self.real_host = host
        self.ip = ip
        self.realname = ""
        self.prefix = ""
        """``nick!user@host``, the source of what it says."""
        self.account: str | None = None
        self.away: str | None = None
        self.oper: Any = None
        """Its block of the configuration, once it is an operator (`config.Oper`)."""
        self.modes: set[str] = set()
        self.channels: dict[str, Any] = {}
        self.invited: dict[str, Any] = {}
        """Invitations that stand: folded name of the channel → `channels.Invitation`."""
        self.caps = 0
        self.cap_version = 0
        self.tag_key = 0
        """Which tags its lines bear: the lowest bits of ``caps``."""
        self.secure = secure
        self.fingerprint = ""
        self.signon = self.last_spoke = origin.now()
        self.registered = False
        self.registering: Any = None
        """What is known of it before the welcome alone (`verbs.registration.Registering`)."""
        self.login: Any = None
        """A login by SASL that is under way (`verbs.login.Login`)."""
        self.counted = False
        """`World.visits` has counted its connection."""
        self.failures = 0
        """Logins that have failed since one that did not."""
        self.gone = False
        self.held: Any = None
        """The task of a command of its that waits for what is done off the loop (`World.later`); True while it is being begun."""
        self._label: str | None = None
        self._waiting: str | None = None  # the label, while its command waits
        self._first: tuple[dict[str, str], bytes] | None = None  # the tags and the line of the only answer so far
        self._batch = ""  # the name of the batch, once there are several

    def __repr__(self) -> str:
        return f"<User {self.prefix or self.nick}>"

    # --- who it is

    def name(self, nick: str | None = None, user: str | None = None, host: str | None = None) -> None:
        """Change what of its prefix is given. Whom that concerns is for the world to tell."""
        self.nick = self.nick if nick is None else nick
        self.user = self.user if user is None else user
        self.host = self.host if host is None else host
        self.prefix = f"{self.nick}!{self.user}@{self.host}"

    # --- capabilities

    def has(self, cap: str) -> bool:
        """Whether it has the capability named ``cap``."""
        return bool(self.caps & capabilities.TABLE[cap].bit)

    def set_caps(self, caps: int) -> None:
        """Have exactly ``caps`` from now on."""
        self.caps = caps
        self.tag_key = caps & TAG_MASK

    # --- answers to its own command

    def reply(self, numeric: Numeric, *values: str) -> None:
        """Answer with a numeric: ``values`` are for the fields of its form; one more is a text of its own (`Numeric.params`)."""
        self.send(self.numeric(numeric, *values))

    def numeric(self, numeric: Numeric, *values: str) -> Message:
        """What `reply` would send, for a long answer that is made piece by piece (`World.stream`)."""
        return Message(numeric.code, numeric.params(self.nick, *values), self.origin.name)

    def fail(self, command: str, code: str, *context_and_text: str) -> None:
        """Say that a command failed (IRCv3 standard replies); the last parameter is for people."""
        self.send(Message("FAIL", [command, code, *context_and_text], self.origin.name))

    def warn(self, command: str, code: str, *context_and_text: str) -> None:
        """Warn (IRCv3 standard replies)."""
        self.send(Message("WARN", [command, code, *context_and_text], self.origin.name))

    def note(self, command: str, code: str, *context_and_text: str) -> None:
        """Inform (IRCv3 standard replies)."""
        self.send(Message("NOTE", [command, code, *context_and_text], self.origin.name))

    def notice(self, text: str) -> None:
        """A NOTICE from the server."""
        self.send(Message("NOTICE", [self.nick, text], self.origin.name))

    def send(self, message: Message) -> None:
        """Answer with ``message``, whose own tags are not looked at; a user who understands them gets the time, and a notice's name."""
        tags = self._stamped()
        if message.command == "NOTICE" and self.tag_key & MESSAGE_TAGS:
            tags["msgid"] = self.origin.msgid()  # IRCv3 message-ids: on all PRIVMSG and NOTICE
        self.answer(tags, message.body())

    def answer(self, tags: dict[str, str], line: bytes) -> None:
        """Queue ``line``, which ends in CRLF, behind ``tags``, which this user understands; and see to the label."""
        if self._label is None:
            self.session.queue(encode_tags(tags).encode() + line if tags else line)
        elif self._batch:
            self._queue_with("batch", self._batch, tags, line)
        elif self._first is None:
            self._first = (tags, line)
        else:
            self._batch = self.origin.msgid()
            start = Message("BATCH", [f"+{self._batch}", "labeled-response"], self.origin.name)
            self._queue_with("label", self._label, self._stamped(), start.body())
            self._queue_with("batch", self._batch, *self._first)
            self._queue_with("batch", self._batch, tags, line)
            self._first = None

    def open_label(self, label: str) -> None:
        """What is answered from here on answers the command that bore ``label``."""
        self._label = label

    def put_label_aside(self) -> None:
        """The command waits: what others do to its user meanwhile answers nothing (IRCv3 labeled-response, Tags)."""
        self._waiting, self._label = self._label, None

    def take_label_up(self) -> None:
        """It goes on, and with it what answers it."""
        if self._waiting is not None:
            self._label, self._waiting = self._waiting, None

    def close_label(self) -> None:
        """The command is carried out: if it bore a label, end what answers it."""
        label, first, batch = self._label, self._first, self._batch
        if label is None:
            return
        self._label, self._first, self._batch = None, None, ""
        if batch:
            self.send(Message("BATCH", [f"-{batch}"], self.origin.name))
        elif first is not None:
            self._queue_with("label", label, *first)
        else:
            self._queue_with("label", label, self._stamped(), Message("ACK", [], self.origin.name).body())

    def say_pending(self) -> None:
        """The connection ends in the middle of a command: what has been answered until now comes before our last word."""
        self.take_label_up()
        if self._batch or self._first is not None:
            self.close_label()

    def _stamped(self) -> dict[str, str]:
        """The tags of what the server says of itself."""
        return {"time": self.origin.stamp(self.origin.now())} if self.tag_key & SERVER_TIME else {}

    def _queue_with(self, name: str, value: str, tags: dict[str, str], line: bytes) -> None:
        self.session.queue(encode_tags({name: value, **tags}).encode() + line)
