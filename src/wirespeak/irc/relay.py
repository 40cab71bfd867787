"""One message on its way to many: its bytes are made once for each set of tags, and shared by all who get that set.

    Relay(message, time=…, sender=…) ──▶ forms: no tags │ time │ time, msgid, +typing │ … ──▶ Session.queue of each receiver

Of the tags, a receiver gets those of its own capabilities (IRCv3 server-time, account-tag, message-tags). This is the hot
path of the whole server: a message to a channel of a thousand is a thousand rounds of the loop in `Relay.to_all`. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wirespeak.irc.capabilities import ACCOUNT_TAG, MESSAGE_TAGS, SERVER_TIME, TAG_FORMS
from wirespeak.irc.messages import Message, encode_tags
from wirespeak.irc.session import Lines
from wirespeak.irc.users import User

__all__ = ["Burst", "Relay"]


class Relay:
    """``message`` (its own tags are not looked at), said at ``time`` (seconds since 1970) by ``sender``; None is the server.

    ``client_tags`` are those that the sender has given for others (IRCv3 message-tags), each name beginning with "+".
    """

    __slots__ = ("_forms", "_line", "client_tags", "msgid", "sender", "time")

    def __init__(
        self, message: Message, *, time: float, sender: User | None = None, msgid: str = "", client_tags: Mapping[str, str] | None = None
    ) -> None:
        self.time = time
        self.sender = sender
        self.msgid = msgid
        self.client_tags = client_tags
        self._line = message.body()
        self._forms: list[bytes | None] = [None] * TAG_FORMS
        self._forms[0] = self._line

    def to(self, user: User) -> None:
        """Send it to ``user``. The sender's own copy answers its command, so it bears the command's label."""
        if user is self.sender:
            self.answer(user)
        else:
            self.deliver(user)

    def answer(self, user: User) -> None:
        """Send it to ``user``, whose command caused it, whoever says it."""
        user.answer(self.tags(user), self._line)

    def deliver(self, user: User) -> None:
        """Send it to ``user`` as to any other, also where that is the sender, who wrote to itself (IRCv3 labeled-response)."""
        user.session.queue(self.form(user))

    def to_all(self, members: Iterable[User], skip: User | None = None) -> None:
        """Send it to each of ``members`` but ``skip``. That is the sender, where there is one; without it, the sender's copy answers it."""
        forms = self._forms
        other = skip or self.sender
        for user in members:
            if user is other:
                if skip is None:
                    self.answer(user)
                continue
            data = forms[user.tag_key]
            user.session.queue(self._make(user) if data is None else data)

    def form(self, user: User) -> bytes:
        """The bytes for ``user``."""
        data = self._forms[user.tag_key]
        return self._make(user) if data is None else data

    def tags(self, receiver: User) -> dict[str, str]:
        """The tags for ``receiver``: the server's before the client's, which could else push them out of bounds (IRCv3 message-tags)."""
        key, sender, tags = receiver.tag_key, self.sender, {}
        if key & SERVER_TIME:
            tags["time"] = receiver.origin.stamp(self.time)
        if key & ACCOUNT_TAG and sender is not None and sender.account is not None:
            tags["account"] = sender.account
        if key & MESSAGE_TAGS:
            if self.msgid:
                tags["msgid"] = self.msgid
            if sender is not None and "B" in sender.modes:
                tags["bot"] = ""  # IRCv3 bot-mode
            if self.client_tags:
                tags.update(self.client_tags)
        return tags

    def _make(self, receiver: User) -> bytes:
        """The bytes for ``receiver``, and for all who get the same tags."""
        data = encode_tags(self.tags(receiver)).encode() + self._line
        self._forms[receiver.tag_key] = data
        return data


class Burst:
    """What ``sender`` says to a channel in several commands that came together, with nothing in between: who pastes twenty lines.

    All ``members`` but the sender who get the same tags get the same `Lines`, with ``relay``'s as the first. What follows is added to
    these, once for all of them and not once for each. That ends when somebody is sent the lines, which is at the end of the turn.

    ``command`` is the number of the command by which it was said (`World.commands`).
    """

    __slots__ = ("_channel", "_command", "_lines", "_sender")

    def __init__(self, relay: Relay, sender: User, channel: object, members: Iterable[User], command: int) -> None:
        self._sender = sender
        self._channel = channel
        self._command = command
        self._lines: list[tuple[Lines, User]] = []  # and one of those who get them
        forms: list[Lines | None] = [None] * TAG_FORMS
        for user in members:
            if user is not sender:
                lines = forms[user.tag_key]
                if lines is None:
                    lines = forms[user.tag_key] = Lines(relay.form(user))
                    self._lines.append((lines, user))
                user.session.share(lines)

    def goes_on(self, sender: User, channel: object, command: int) -> bool:
        """Whether what ``sender`` says to ``channel`` by ``command`` belongs to it: then the members are the same, too."""
        if sender is not self._sender or channel is not self._channel or command != self._command + 1:
            return False
        self._command = command
        return not any(lines.sent for lines, _ in self._lines)

    def add(self, relay: Relay) -> None:
        """Send a further line to them."""
        for lines, user in self._lines:
            lines.add(relay.form(user))
