"""What clients are told of the server beforehand: the tokens of 005 (Modern IRC, RPL_ISUPPORT). Pure.

    :irc.home.test 005 ann AWAYLEN=300 BOT=B CASEMAPPING=ascii … :are supported by this server

A token that is a limit is made from that limit, so what is told and what is done can't part.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from wirespeak.irc import grammar, monitor
from wirespeak.irc.channels import TARGETS
from wirespeak.irc.modes import CHANMODES, MAXLIST, MAXMODES, PREFIX, STATUSMSG

__all__ = ["CHANNELS_EACH", "lines", "tokens"]

CHANNELS_EACH: Final = 100
"""Channels that one user may be on (CHANLIMIT): each is an entry in two tables."""

A_LINE: Final = 13
"""Tokens of one message: with the nick and the text behind them it has 15 parameters (RFC 1459 2.3)."""


def tokens(network: str) -> dict[str, str]:
    """Each token and its value; "" for one that has none."""
    return {
        "ACCOUNTEXTBAN": "a",
        "AWAYLEN": str(grammar.AWAY_SIZE),
        "BOT": "B",
        "CASEMAPPING": "ascii",
        "CHANLIMIT": f"#:{CHANNELS_EACH}",
        "CHANMODES": CHANMODES,
        "CHANNELLEN": str(grammar.CHANNEL_SIZE),
        "CHANTYPES": "#",
        "ELIST": "CMNTU",
        "EXCEPTS": "e",
        "EXTBAN": "$,a",
        "HOSTLEN": str(grammar.HOST_SIZE),
        "INVEX": "I",
        "KEYLEN": str(grammar.KEY_SIZE),
        "KICKLEN": str(grammar.KICK_SIZE),
        "KNOCK": "",
        "LINELEN": str(grammar.LINE),
        "MAXLIST": f"beI:{MAXLIST}",
        "MODES": str(MAXMODES),
        "MONITOR": str(monitor.LIMIT),
        "NAMELEN": str(grammar.REALNAME_SIZE),
        "NETWORK": network,
        "NICKLEN": str(grammar.NICKNAME_SIZE),
        "PREFIX": PREFIX,
        "SAFELIST": "",
        "STATUSMSG": STATUSMSG,
        "TARGMAX": ",".join(f"{command}:{limit or ''}" for command, limit in TARGETS.items()),
        "TOPICLEN": str(grammar.TOPIC_SIZE),
        "USERLEN": str(grammar.USER_SIZE),
        "UTF8ONLY": "",
        "WHOX": "",
    }


@cache
def lines(network: str) -> list[list[str]]:
    """The same, as the parameters of each 005; made once, and not to be changed."""
    texts = [f"{name}={value}" if value else name for name, value in tokens(network).items()]
    return [texts[start : start + A_LINE] for start in range(0, len(texts), A_LINE)]
