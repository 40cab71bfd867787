"""What may follow what on a server's connection, as tables: a row that is missing is the bad sequence of commands (503).

`SERVER` says where each event leads; the diagram in the README is drawn from it. `COMMANDS` says of each verb where it may
stand, and how many parameters it has; the session has a method of the verb's name that carries it out.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from wirespeak.smtp.grammar import AUTH_LINE, LINE, MAIL_LINE, RCPT_LINE

__all__ = ["COMMANDS", "LMTP_COMMANDS", "SERVER", "UNSPOKEN", "Event", "Rule", "State"]


class Event(IntEnum):
    """What makes a server move on. A command counts once it is accepted."""

    GREETING = 1  # 220
    NO_SERVICE = 2  # 554 in its place
    HELLO = 3  # EHLO, HELO, LHLO
    STARTTLS = 4
    SECURED = 5  # the handshake is done
    AUTH = 6
    AUTH_END = 7  # logged in, refused or given up
    MAIL = 8
    RCPT = 9
    DATA = 10
    BDAT = 11
    END = 12  # of the mail: kept or refused
    RESET = 13
    CLOSE = 14  # QUIT, 421, or the connection's end


class State(IntEnum):
    """Where a conversation stands."""

    CONNECTED = 1  # our greeting is due (RFC 5321 3.1)
    GREETED = 2  # the client has not named itself yet
    TURNED_AWAY = 3  # we offer no service: the client can but QUIT (RFC 5321 3.1)
    IDLE = 4  # no mail is under way
    AUTH = 5  # a login is (RFC 4954 4)
    TLS = 6  # agreed on, the handshake is under way (RFC 3207)
    MAIL = 7  # the sender is known
    RCPT = 8  # and one recipient at least
    DATA = 9  # the mail comes, up to the lone dot
    BDAT = 10  # it comes in chunks (RFC 3030)
    OVER = 11  # our last word is said


CONNECTED, GREETED, TURNED_AWAY, IDLE, AUTH, TLS, MAIL, RCPT, DATA, BDAT, OVER = State

SERVER: Final[dict[tuple[State, Event], State]] = {
    (CONNECTED, Event.GREETING): GREETED,
    (CONNECTED, Event.NO_SERVICE): TURNED_AWAY,
    (GREETED, Event.HELLO): IDLE,
    (IDLE, Event.HELLO): IDLE,
    (IDLE, Event.STARTTLS): TLS,
    (TLS, Event.SECURED): GREETED,
    (IDLE, Event.AUTH): AUTH,
    (AUTH, Event.AUTH): AUTH,
    (AUTH, Event.AUTH_END): IDLE,
    (IDLE, Event.MAIL): MAIL,
    (MAIL, Event.RCPT): RCPT,
    (RCPT, Event.RCPT): RCPT,
    (RCPT, Event.DATA): DATA,
    (DATA, Event.END): IDLE,
    (RCPT, Event.BDAT): BDAT,
    (BDAT, Event.BDAT): BDAT,
    (BDAT, Event.END): IDLE,
    # RFC 5321 4.1.4: a greeting in the middle of a mail ends it, as RSET does; so does TLS (RFC 3207 4.2).
    **{(state, Event.HELLO): IDLE for state in (MAIL, RCPT, BDAT)},
    **{(state, Event.STARTTLS): TLS for state in (MAIL, RCPT, BDAT)},
    (GREETED, Event.RESET): GREETED,
    **{(state, Event.RESET): IDLE for state in (IDLE, MAIL, RCPT, BDAT)},
    **{(state, Event.CLOSE): OVER for state in State if state is not OVER},
}

GREETINGS: Final = frozenset({GREETED, IDLE, MAIL, RCPT, BDAT})
"""Where a command may stand that has nothing to do with a mail (RFC 5321 4.1.4)."""


class Rule(NamedTuple):
    """Of one command: how many parameters it has, the states in which it may stand, how long its line may be."""

    least: int
    most: int
    states: frozenset[State]
    line: int = LINE


SOME: Final = 1 << 30  # parameters without a bound but the line's

COMMANDS: Final[dict[str, Rule]] = {
    "EHLO": Rule(1, 1, GREETINGS),  # RFC 5321 4.1.1.1
    "HELO": Rule(1, 1, GREETINGS),
    "MAIL": Rule(1, SOME, frozenset({IDLE}), MAIL_LINE),  # 4.1.1.2
    "RCPT": Rule(1, SOME, frozenset({MAIL, RCPT}), RCPT_LINE),  # 4.1.1.3
    "DATA": Rule(0, 0, frozenset({RCPT})),  # 4.1.1.4
    "BDAT": Rule(0, SOME, frozenset({RCPT, BDAT})),  # RFC 3030 2; one or two: what else it has ends the connection
    "RSET": Rule(0, 0, GREETINGS),  # RFC 5321 4.1.1.5
    "VRFY": Rule(1, SOME, GREETINGS),  # 4.1.1.6
    "EXPN": Rule(1, SOME, GREETINGS),  # 4.1.1.7
    "HELP": Rule(0, SOME, GREETINGS),  # 4.1.1.8
    "NOOP": Rule(0, SOME, GREETINGS),  # 4.1.1.9
    "QUIT": Rule(0, 0, GREETINGS | {TURNED_AWAY}),  # 4.1.1.10
    "STARTTLS": Rule(0, 0, GREETINGS - {GREETED}),  # RFC 3207 4
    "AUTH": Rule(1, 2, frozenset({IDLE}), AUTH_LINE),  # RFC 4954 4
}

# RFC 2033 4.1: LHLO stands in the place of both.
LMTP_COMMANDS: Final = {"LHLO": COMMANDS["EHLO"]} | {verb: rule for verb, rule in COMMANDS.items() if verb not in ("EHLO", "HELO")}

# RFC 5321 4.2.4: commands that are known to be commands, and not carried out here, are answered by 502 and not by 500.
UNSPOKEN: Final = frozenset({"ATRN", "BURL", "ETRN", "SAML", "SEND", "SOML", "TURN"})
