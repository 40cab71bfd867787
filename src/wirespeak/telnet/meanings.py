"""What commands, options, characters and bits mean: tables of one line each, in words of our own, with the clause behind it.

For the explanation only: the scanner and the session read none of it. RFC 854 has no numbered sections: its clauses are its
number alone.
"""

from __future__ import annotations

from typing import Final

from wirespeak.telnet.grammar import (
    BINARY,
    CHARSET,
    ECHO,
    EOR,
    LFLOW,
    LINEMODE,
    LOGOUT,
    NAWS,
    NEW_ENVIRON,
    SGA,
    STATUS,
    TIMING_MARK,
    TSPEED,
    TTYPE,
    XDISPLOC,
    Code,
    Verb,
)
from wirespeak.telnet.options.linemode import Level, Slc
from wirespeak.telnet.options.refused import reason

__all__ = ["CONTROLS", "FLOW", "FUNCTIONS", "LEVELS", "VERBS", "command_meaning", "negotiation_meaning", "option_meaning"]

# fmt: off

COMMANDS: Final[dict[int, tuple[str, str]]] = {
    Code.EOF:   ("the user's end of file", "RFC 1184 2.5"),
    Code.SUSP:  ("stop the program for now, so that it can go on later", "RFC 1184 2.5"),
    Code.ABORT: ("end the program at once", "RFC 1184 2.5"),
    Code.EOR:   ("here a record ends, or a prompt that no line end follows", "RFC 885 5"),
    Code.SE:    ("ends a subnegotiation, but none has begun: it means nothing", "RFC 855"),
    Code.NOP:   ("nothing at all; that something came may be its point", "RFC 854"),
    Code.DM:    ("the mark of a Synch: data before it was to be dropped, from here on it counts again", "RFC 854"),
    Code.BRK:   ("the Break or Attention key", "RFC 854"),
    Code.IP:    ("interrupt the program", "RFC 854"),
    Code.AO:    ("let the program run on, but spare me its output", "RFC 854"),
    Code.AYT:   ("are you there? Show me something that I can see", "RFC 854"),
    Code.EC:    ("take back the last character that was typed", "RFC 854"),
    Code.EL:    ("take back the line that is being typed", "RFC 854"),
    Code.GA:    ("your turn: a line in one direction at a time (of old terminals)", "RFC 854"),
}

VERBS: Final[dict[int, str]] = {
    Verb.WILL: "the sender wants to begin, or agrees to",
    Verb.WONT: "the sender stops, or doesn't want to begin",
    Verb.DO:   "the other side shall begin, or may",
    Verb.DONT: "the other side shall stop, or shall not begin",
}

OPTIONS: Final[dict[int, tuple[str, str]]] = {
    BINARY:      ("sends any bytes: CR means nothing, IAC is still doubled", "RFC 856"),
    ECHO:        ("sends back what it is sent, so that the other side doesn't show what is typed by itself", "RFC 857"),
    SGA:         ("says no GA; with ECHO it is how both agree on a character at a time", "RFC 858"),
    STATUS:      ("tells how it sees the options, when asked", "RFC 859"),
    TIMING_MARK: ("marks the place in the stream where all before it has been dealt with", "RFC 860"),
    LOGOUT:      ("logs its user out", "RFC 727"),
    TTYPE:       ("tells the names of its terminal, one each time it is asked", "RFC 1091"),
    EOR:         ("marks the ends of records", "RFC 885"),
    NAWS:        ("tells the size of its window, and again whenever that changes", "RFC 1073"),
    TSPEED:      ("tells how fast its terminal is, when asked", "RFC 1079"),
    LFLOW:       ("has a terminal that stops its output on Ctrl-S, if it is told to", "RFC 1372"),
    LINEMODE:    ("edits lines and turns special characters into commands by itself", "RFC 1184"),
    XDISPLOC:    ("tells where its X display is, when asked", "RFC 1096"),
    NEW_ENVIRON: ("tells variables of its user's environment, when asked", "RFC 1572"),
    CHARSET:     ("asks for a character set, or answers who does", "RFC 2066"),
}

CONTROLS: Final[dict[int, tuple[str, str, str]]] = {
    0:  ("NUL", "does nothing", "RFC 854"),
    3:  ("ETX", "Ctrl-C, as it is typed: at most terminals it interrupts", ""),
    4:  ("EOT", "Ctrl-D, as it is typed: at most terminals the end of input", ""),
    7:  ("BEL", "a sound, or a flash", "RFC 854"),
    8:  ("BS",  "one character back, to the left", "RFC 854"),
    9:  ("HT",  "to the next tab stop", "RFC 854"),
    10: ("LF",  "down to the next line, in the same column", "RFC 854"),
    11: ("VT",  "down to the next vertical tab stop", "RFC 854"),
    12: ("FF",  "to the top of the next page", "RFC 854"),
    13: ("CR",  "to the left margin; an NVT says CR LF or CR NUL, and never CR alone", "RFC 854"),
    27: ("ESC", "the Esc key, or the beginning of a control sequence", "ECMA-48 5.3"),
    127: ("DEL", "the Backspace key of most terminals", ""),
}

FUNCTIONS: Final[dict[int, str]] = {
    0: "all functions", Slc.SYNCH: "send a Synch", Slc.BRK: "send a Break", Slc.IP: "interrupt", Slc.AO: "abort output",
    Slc.AYT: "are you there", Slc.EOR: "end of record", Slc.ABORT: "abort the program", Slc.EOF: "end of file",
    Slc.SUSP: "suspend the program", Slc.EC: "erase a character", Slc.EL: "erase the line", Slc.EW: "erase a word",
    Slc.RP: "show the line again", Slc.LNEXT: "take the next character as it is", Slc.XON: "go on with output",
    Slc.XOFF: "stop output", Slc.FORW1: "send what is typed so far", Slc.FORW2: "send what is typed so far, too",
    Slc.MCL: "a character to the left", Slc.MCR: "a character to the right", Slc.MCWL: "a word to the left",
    Slc.MCWR: "a word to the right", Slc.MCBOL: "to the beginning of the line", Slc.MCEOL: "to the end of the line",
    Slc.INSRT: "insert what is typed", Slc.OVER: "type over what is there", Slc.ECR: "erase a character to the right",
    Slc.EWR: "erase a word to the right", Slc.EBOL: "erase to the beginning of the line", Slc.EEOL: "erase to the end of the line",
}

LEVELS: Final[dict[int, str]] = {
    Level.NOSUPPORT: "it isn't supported", Level.CANTCHANGE: "this character, and it can't be changed",
    Level.VALUE: "this character, which may be changed", Level.DEFAULT: "whatever the other side has for it",
}

FLOW: Final[tuple[tuple[str, str], ...]] = (
    ("OFF", "Ctrl-S and Ctrl-Q are characters like others"),
    ("ON", "the terminal stops on Ctrl-S, and goes on with Ctrl-Q"),
    ("RESTART-ANY", "once it has stopped, any key makes it go on"),
    ("RESTART-XON", "once it has stopped, Ctrl-Q alone makes it go on"),
)
"""By its number, what a side with a terminal is told about flow control (RFC 1372 2)."""

# fmt: on


def command_meaning(code: int) -> tuple[str, str, str]:
    """The name of a command of two bytes, what it says, and the clause."""
    if code < Code.EOF:
        return f"command {code}", "a command of no known meaning: passed over", "RFC 854"
    return (Code(code).name, *COMMANDS[code])


def option_meaning(option: int) -> tuple[str, str]:
    """What the side that has ``option`` does; of one that is refused here, why."""
    if option in OPTIONS:
        what, clause = OPTIONS[option]
        return f"whoever has it {what}", clause
    return f"refused by wirespeak: {reason(option)}", "RFC 854"


def negotiation_meaning(verb: int, option: int) -> tuple[str, str]:
    """What a verb says with that option behind it."""
    if option not in OPTIONS:
        return option_meaning(option)
    what, clause = OPTIONS[option]
    who = "the sender" if verb in (Verb.WILL, Verb.WONT) else "the other side"
    return f"{who} {what}", clause
