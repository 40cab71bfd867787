"""Which capabilities the server has (IRCv3 Capability Negotiation), as a table, and what each is told to be worth.

A capability is a bit of `User.caps`; the three that add tags to every line are the lowest, so that the bits themselves say
which of the eight forms of a line somebody gets (``relay.py``). Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "ACCOUNT_NOTIFY",
    "ACCOUNT_TAG",
    "AWAY_NOTIFY",
    "BATCH",
    "CAP_NOTIFY",
    "CHGHOST",
    "ECHO_MESSAGE",
    "EXTENDED_JOIN",
    "EXTENDED_MONITOR",
    "INVITE_NOTIFY",
    "LABELED_RESPONSE",
    "MESSAGE_TAGS",
    "MULTI_PREFIX",
    "NO_IMPLICIT_NAMES",
    "SASL",
    "SERVER_TIME",
    "SETNAME",
    "TABLE",
    "TAG_FORMS",
    "TAG_MASK",
    "USERHOST_IN_NAMES",
    "Capability",
    "names",
]

SERVER_TIME: Final = 1 << 0
MESSAGE_TAGS: Final = 1 << 1
ACCOUNT_TAG: Final = 1 << 2
TAG_FORMS: Final = 8
TAG_MASK: Final = TAG_FORMS - 1
"""The capabilities that change the tags of every line that somebody gets."""

ACCOUNT_NOTIFY: Final = 1 << 3
ACCOUNT_REGISTRATION: Final = 1 << 4
AWAY_NOTIFY: Final = 1 << 5
BATCH: Final = 1 << 6
CAP_NOTIFY: Final = 1 << 7
CHGHOST: Final = 1 << 8
ECHO_MESSAGE: Final = 1 << 9
EXTENDED_JOIN: Final = 1 << 10
EXTENDED_MONITOR: Final = 1 << 11
INVITE_NOTIFY: Final = 1 << 12
LABELED_RESPONSE: Final = 1 << 13
MULTI_PREFIX: Final = 1 << 14
NO_IMPLICIT_NAMES: Final = 1 << 15 | 1 << 21  # under either of its names
SASL: Final = 1 << 16
SETNAME: Final = 1 << 17
STANDARD_REPLIES: Final = 1 << 18
STS: Final = 1 << 19
USERHOST_IN_NAMES: Final = 1 << 20


@dataclass(slots=True, frozen=True)
class Capability:
    """One row: its name, its bit, and what changes for who has it."""

    name: str
    bit: int
    meaning: str


TABLE: Final = {
    row.name: row
    for row in (
        Capability("account-notify", ACCOUNT_NOTIFY, "ACCOUNT tells when somebody in one's channels logs in or out"),
        Capability("account-tag", ACCOUNT_TAG, "each message bears its sender's account"),
        Capability("away-notify", AWAY_NOTIFY, "AWAY tells when somebody in one's channels goes away or is back"),
        Capability("batch", BATCH, "messages that belong together are marked as one"),
        Capability("cap-notify", CAP_NOTIFY, "CAP NEW and DEL tell when capabilities come and go"),
        Capability("chghost", CHGHOST, "CHGHOST tells when somebody's user name or host changes"),
        Capability("draft/account-registration", ACCOUNT_REGISTRATION, "accounts are made by REGISTER and VERIFY"),
        Capability("echo-message", ECHO_MESSAGE, "one's own messages come back, as the others got them"),
        Capability("extended-join", EXTENDED_JOIN, "JOIN tells account and real name"),
        Capability("extended-monitor", EXTENDED_MONITOR, "what the -notify capabilities tell, of those on one's MONITOR list too"),
        Capability("invite-notify", INVITE_NOTIFY, "INVITE tells who invites whom, to those on the channel who could have done it"),
        Capability("labeled-response", LABELED_RESPONSE, "answers bear the label of the command that they answer"),
        Capability("message-tags", MESSAGE_TAGS, "all tags are understood: msgid, bot, and those from client to client"),
        Capability("multi-prefix", MULTI_PREFIX, "all of somebody's prefixes are told, not the highest alone"),
        Capability("no-implicit-names", 1 << 15, "JOIN is not followed by the names"),
        Capability("draft/no-implicit-names", 1 << 21, "the same, as it was called before"),
        Capability("sasl", SASL, "one logs in by AUTHENTICATE before the welcome, or after"),
        Capability("server-time", SERVER_TIME, "each message bears the time at which it was sent"),
        Capability("setname", SETNAME, "SETNAME changes the real name, and tells when others change theirs"),
        Capability("standard-replies", STANDARD_REPLIES, "FAIL, WARN and NOTE are understood"),
        Capability("sts", STS, "this server is to be reached over TLS; told, and never asked for"),
        Capability("userhost-in-names", USERHOST_IN_NAMES, "NAMES tells user names and hosts too"),
    )
}
"""All there are, by name. Which are offered at the time, and to whom, says `world.World.offered`."""


def names(caps: int) -> list[str]:
    """The names of those in ``caps``."""
    return [row.name for row in TABLE.values() if caps & row.bit]
