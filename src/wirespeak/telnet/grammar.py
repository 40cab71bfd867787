"""The bytes: IAC and the commands behind it, the options' numbers, and the patterns that part commands from data.

A Telnet stream is data with commands in its midst. A command begins with the byte IAC (255); a data byte of that value is
doubled (RFC 854, "TELNET command structure"). So a receiver need look at nothing but that byte, and the rest of a stream can
be left to C: one search finds it, one replacement doubles or halves it.

Pure: touches nothing outside.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final

__all__ = [
    "AUTHENTICATION",
    "BINARY",
    "CHARSET",
    "COMMANDS",
    "DOUBLED",
    "ECHO",
    "ENCRYPT",
    "EOR",
    "HTTP_OPENINGS",
    "IAC",
    "LFLOW",
    "LINEMODE",
    "LOGOUT",
    "NAWS",
    "NEGOTIATING",
    "NEW_ENVIRON",
    "OPTIONS",
    "RUN",
    "SGA",
    "STATUS",
    "SUBNEGOTIATION_LIMIT",
    "TIMING_MARK",
    "TSPEED",
    "TTYPE",
    "UNDECIDED",
    "XDISPLOC",
    "Code",
    "Verb",
    "doubled",
]

IAC: Final = b"\xff"
"""Interpret As Command: what follows is a command, or, where it is IAC again, one byte of data."""

DOUBLED: Final = IAC + IAC
"""The byte 255 as data, outside and inside a subnegotiation (RFC 854, RFC 855)."""


class Code(IntEnum):
    """The second byte of a command (RFC 854; EOR of RFC 885; EOF, SUSP and ABORT of RFC 1184 2)."""

    EOF = 236  # end of file
    SUSP = 237  # suspend the process
    ABORT = 238  # abort the process
    EOR = 239  # end of record
    SE = 240  # end of a subnegotiation
    NOP = 241
    DM = 242  # data mark: the end of a Synch
    BRK = 243  # break
    IP = 244  # interrupt process
    AO = 245  # abort output
    AYT = 246  # are you there
    EC = 247  # erase character
    EL = 248  # erase line
    GA = 249  # go ahead
    SB = 250  # a subnegotiation begins
    WILL = 251
    WONT = 252
    DO = 253
    DONT = 254


class Verb(IntEnum):
    """How an option is talked about (RFC 854): the sender's own side (WILL, WONT), or the receiver's (DO, DONT)."""

    WILL = 251
    WONT = 252
    DO = 253
    DONT = 254


COMMANDS: Final[dict[int, str]] = {
    Code.EOF: "end of file",
    Code.SUSP: "suspend process",
    Code.ABORT: "abort process",
    Code.EOR: "end of record",
    Code.SE: "end of subnegotiation",
    Code.NOP: "no operation",
    Code.DM: "data mark",
    Code.BRK: "break",
    Code.IP: "interrupt process",
    Code.AO: "abort output",
    Code.AYT: "are you there",
    Code.EC: "erase character",
    Code.EL: "erase line",
    Code.GA: "go ahead",
    Code.SB: "subnegotiation",
    Code.WILL: "will",
    Code.WONT: "won't",
    Code.DO: "do",
    Code.DONT: "don't",
}
"""What the commands are called in words."""

# --- options, by the numbers of the IANA registry "Telnet Options"

BINARY: Final = 0
ECHO: Final = 1
SGA: Final = 3
STATUS: Final = 5
TIMING_MARK: Final = 6
LOGOUT: Final = 18
TTYPE: Final = 24
EOR: Final = 25
NAWS: Final = 31
TSPEED: Final = 32
LFLOW: Final = 33
LINEMODE: Final = 34
XDISPLOC: Final = 35
AUTHENTICATION: Final = 37
ENCRYPT: Final = 38
NEW_ENVIRON: Final = 39
CHARSET: Final = 42

OPTIONS: Final[dict[int, str]] = {
    BINARY: "BINARY",
    ECHO: "ECHO",
    2: "RCP",
    SGA: "SUPPRESS-GO-AHEAD",
    4: "NAMS",
    STATUS: "STATUS",
    TIMING_MARK: "TIMING-MARK",
    7: "RCTE",
    8: "NAOL",
    9: "NAOP",
    10: "NAOCRD",
    11: "NAOHTS",
    12: "NAOHTD",
    13: "NAOFFD",
    14: "NAOVTS",
    15: "NAOVTD",
    16: "NAOLFD",
    17: "EXTEND-ASCII",
    LOGOUT: "LOGOUT",
    19: "BM",
    20: "DET",
    21: "SUPDUP",
    22: "SUPDUP-OUTPUT",
    23: "SEND-LOCATION",
    TTYPE: "TERMINAL-TYPE",
    EOR: "END-OF-RECORD",
    26: "TUID",
    27: "OUTMRK",
    28: "TTYLOC",
    29: "3270-REGIME",
    30: "X.3-PAD",
    NAWS: "NAWS",
    TSPEED: "TERMINAL-SPEED",
    LFLOW: "TOGGLE-FLOW-CONTROL",
    LINEMODE: "LINEMODE",
    XDISPLOC: "X-DISPLAY-LOCATION",
    36: "OLD-ENVIRON",
    AUTHENTICATION: "AUTHENTICATION",
    ENCRYPT: "ENCRYPT",
    NEW_ENVIRON: "NEW-ENVIRON",
    40: "TN3270E",
    41: "XAUTH",
    CHARSET: "CHARSET",
    43: "RSP",
    44: "COM-PORT-OPTION",
    45: "SUPPRESS-LOCAL-ECHO",
    46: "START-TLS",
    47: "KERMIT",
    48: "SEND-URL",
    49: "FORWARD-X",
    # Not in the registry, but in use among MUDs.
    69: "MSDP",
    70: "MSSP",
    85: "MCCP1",
    86: "MCCP2",
    87: "MCCP3",
    90: "MSP",
    91: "MXP",
    93: "ZMP",
    201: "GMCP",
    # The registry again.
    138: "PRAGMA-LOGON",
    139: "SSPI-LOGON",
    140: "PRAGMA-HEARTBEAT",
    255: "EXTENDED-OPTIONS-LIST",
}
"""The options' names, as RFCs and people write them."""

# --- the byte 255 among data

_LONG: Final = 64  # IACs in a row, from which on they are doubled as one piece; a smaller or larger number does less well


def doubled(data: bytes) -> bytes:
    """``data`` as it goes on the wire: each IAC in it twice.

    A search and a copy, in C. Where IACs come in long rows (erased flash memory, white pictures) a replacement one by one
    would take three times as long as a replacement of 64 at a time.
    """
    if IAC not in data:
        return data
    return (DOUBLED * _LONG).join([part.replace(IAC, DOUBLED) for part in data.split(IAC * _LONG)])


RUN: Final = re.compile(rb"[^\xff]*+(?:(?:\xff\xff)++[^\xff]*+)*+")
"""Data up to the next command, doubled IACs within it; or what a subnegotiation holds, up to the IAC that ends it."""

SUBNEGOTIATION_LIMIT: Final = 8192
"""The longest subnegotiation that is heard, in bytes behind the option's number. An environment (RFC 1572) of some dozens of
variables is the longest in use, with less than half of it; a longer one is dropped up to its end."""

NEGOTIATING: Final = re.compile(rb"\xff[\xfa-\xfe][%b]" % re.escape(bytes(OPTIONS)))
"""What shows that a peer speaks Telnet: a negotiation, or a subnegotiation, of an option that there is. Any other IAC may be a byte
of something else: a picture, a text in UTF-16."""

UNDECIDED: Final = re.compile(rb"(?:\xff[\xfa-\xfe]?)?\Z")
"""At the end of what has come: what the next bytes may make such a negotiation."""

HTTP_OPENINGS: Final = (b"GET /", b"HEAD /", b"POST /", b"OPTIONS /")
"""How a browser opens a conversation. A web page may make its visitor's browser send these methods, with a body of the
page's choosing, to any port of the visitor's own machine (Fetch standard, CORS-safelisted method): our servers don't listen."""
