"""The commands of a server, as a table: how many parameters they have at least, when and by whom they may be said, what they cost.

Who says what has no row hears 421; too early, 451; too late, 462; without being an operator, 481; with too few parameters, 461. A
command that answers a missing parameter by a numeric of its own (NICK by 431, PRIVMSG by 411 and 412) has none to have at least.

The cost is in seconds: so much time a client's commands have to take on average (RFC 1459 8.10), past a first burst. A command
that is answered at length, or that many others are told of, costs more.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

__all__ = ["COMMANDS", "Rule", "When", "cost_of"]


class When(IntEnum):
    """When a command may be said: before a client is registered, after it, or always."""

    BEFORE = 1
    AFTER = 2
    ALWAYS = 3


BEFORE, AFTER, ALWAYS = When


class Rule(NamedTuple):
    """Of one command: its least number of parameters, when it may be said, its cost, and whether it is an operator's alone."""

    least: int
    when: When = AFTER
    cost: float = 1.0
    operator: bool = False


COMMANDS: Final[dict[str, Rule]] = {
    # Connection (Modern IRC, Connection Messages; IRCv3 capability-negotiation, sasl, webirc, account-registration)
    "CAP": Rule(1, ALWAYS, 0.2),
    "AUTHENTICATE": Rule(1, ALWAYS, 0.2),
    "PASS": Rule(1, BEFORE, 0.2),
    "NICK": Rule(0, ALWAYS, 1.5),
    "USER": Rule(4, BEFORE, 0.2),
    "WEBIRC": Rule(4, BEFORE, 0.2),
    "PING": Rule(1, ALWAYS, 0.2),
    "PONG": Rule(0, ALWAYS, 0.1),
    "OPER": Rule(2),
    "QUIT": Rule(0, ALWAYS, 0.1),
    "ERROR": Rule(0, ALWAYS, 0.5),
    "REGISTER": Rule(3, ALWAYS, 2.0),
    "VERIFY": Rule(2, ALWAYS, 2.0),
    # Channels
    "JOIN": Rule(1),
    "PART": Rule(1),
    "TOPIC": Rule(1),
    "NAMES": Rule(0),
    "LIST": Rule(0, cost=2.0),
    "INVITE": Rule(0),
    "KICK": Rule(2),
    "KNOCK": Rule(1, cost=2.0),
    "MODE": Rule(1, cost=0.5),
    # Talk
    "PRIVMSG": Rule(0),
    "NOTICE": Rule(0),
    "TAGMSG": Rule(1, cost=0.5),
    # People
    "WHO": Rule(0),
    "WHOIS": Rule(0),
    "WHOWAS": Rule(0),
    "USERHOST": Rule(1, cost=0.5),
    "USERIP": Rule(1, cost=0.5),
    "ISON": Rule(1, cost=0.5),
    "MONITOR": Rule(1, cost=0.5),
    "AWAY": Rule(0),
    "SETNAME": Rule(1, cost=2.0),
    # The server
    "ADMIN": Rule(0),
    "HELP": Rule(0),
    "HELPOP": Rule(0),
    "INFO": Rule(0, cost=2.0),
    "LINKS": Rule(0),
    "LUSERS": Rule(0),
    "MAP": Rule(0),
    "MOTD": Rule(0, cost=2.0),
    "RULES": Rule(0),
    "STATS": Rule(1, cost=2.0),
    "SUMMON": Rule(0),
    "TIME": Rule(0),
    "USERS": Rule(0),
    "VERSION": Rule(0),
    # Services, by their short ways in
    "NICKSERV": Rule(0),
    "NS": Rule(0),
    "CHANSERV": Rule(0),
    "CS": Rule(0),
    # Operators
    "CHGHOST": Rule(2, operator=True),
    "CHGIDENT": Rule(2, operator=True),
    "CONNECT": Rule(1, operator=True),  # as the very first line it is HTTP's (`grammar.HTTP_VERBS`)
    "DIE": Rule(0, operator=True),
    "DLINE": Rule(1, operator=True),
    "KILL": Rule(2, operator=True),
    "KLINE": Rule(1, operator=True),
    "REHASH": Rule(0, operator=True),
    "RESTART": Rule(0, operator=True),
    "SAJOIN": Rule(2, operator=True),
    "SAMODE": Rule(2, operator=True),
    "SANICK": Rule(2, operator=True),
    "SAPART": Rule(2, operator=True),
    "SQUIT": Rule(1, operator=True),
    "UNDLINE": Rule(1, operator=True),
    "UNKLINE": Rule(1, operator=True),
    "WALLOPS": Rule(1, operator=True),
}

_COSTS: Final = {command: rule.cost for command, rule in COMMANDS.items()}


def cost_of(command: str) -> float:
    """What ``command`` costs, in seconds; one that is unknown, or a line that is none, costs one."""
    return _COSTS.get(command, 1.0)
