"""Whom somebody may see, and where: invisible users and secret channels (Modern IRC: Invisible User Mode, Secret Channel Mode). Pure.

    bob is +i, in #open and in #den, which is +s        WHO bob          WHO *        WHOIS bob
      to who shares #open with bob                      yes              yes          #open
      to who shares #den                                yes              yes          #open #den
      to anybody else                                   yes, in *        no           no channels
      to an operator                                    yes              yes          #open #den

Who knows a nick may ask for it: that somebody has it, NICK would tell as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from wirespeak.irc.channels import Channel
from wirespeak.irc.users import User

__all__ = ["INVISIBLE", "is_visible", "knows_all_of", "shown_channels"]

INVISIBLE = "i"


def is_visible(asker: User, user: User) -> bool:
    """Whether ``user`` is told to ``asker`` who did not ask for that nick."""
    return INVISIBLE not in user.modes or user is asker or asker.oper is not None or not asker.channels.keys().isdisjoint(user.channels)


def shown_channels(asker: User, user: User) -> Iterator[Channel]:
    """The channels of ``user`` that ``asker`` may know of."""
    hidden = INVISIBLE in user.modes and asker is not user and asker.oper is None
    for channel in user.channels.values():
        if asker in channel.members or (not hidden and channel.shows_to(asker)):
            yield channel


def knows_all_of(asker: User, user: User) -> bool:
    """Whether ``asker`` is told the real host, address, modes and certificate of ``user`` (Modern IRC: RPL_WHOISCERTFP and others)."""
    return asker is user or asker.oper is not None
