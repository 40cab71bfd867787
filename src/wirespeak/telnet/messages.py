"""The values: what is said on a Telnet connection, and what the options tell.

`Data`, `Command`, `Negotiation` and `Subnegotiation` are the stream's four parts (RFC 854, RFC 855). A session gives
them out as events and takes them as messages, but for negotiations: those are the session's own business, and what they
come to is told as `Enabled` and `Disabled`. The values below those are what options tell once they are enabled.

Pure: touches nothing outside.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wirespeak.errors import RemoteProtocolError
from wirespeak.telnet.grammar import COMMANDS, IAC, OPTIONS, Code, Verb, doubled

__all__ = [
    "CharacterSet",
    "Command",
    "Data",
    "Disabled",
    "EditMode",
    "Enabled",
    "End",
    "Environment",
    "FlowControl",
    "LogoutAsked",
    "Malformed",
    "Negotiation",
    "SpecialCharacters",
    "StatusReport",
    "Subnegotiation",
    "TerminalSpeed",
    "TerminalType",
    "TimingMarked",
    "WindowSize",
    "XDisplay",
    "option_name",
]


def option_name(code: int) -> str:
    """What an option is called; a number of no known option as "option 77"."""
    return OPTIONS.get(code, f"option {code}")


# --- what the stream is made of


@dataclass(slots=True)
class Data:
    """Bytes for the other side's terminal or process: unescaped.

    As the NVT has them (RFC 854): the end of a line is ``b"\\r\\n"``, and a carriage return alone, which is CR NUL on the
    wire, is ``b"\\r"`` here. Where BINARY is enabled (RFC 856) they are just bytes.
    """

    data: bytes


@dataclass(slots=True)
class Command:
    """A command of two bytes: AYT, IP, EOR …; one of a number that has no meaning is given out, too (and means nothing)."""

    code: int

    def encode(self) -> bytes:
        return IAC + bytes((self.code,))

    def __str__(self) -> str:
        return Code(self.code).name if self.code in COMMANDS else f"command {self.code}"


@dataclass(slots=True)
class Negotiation:
    """WILL, WONT, DO or DONT, and the option that it is about."""

    verb: int
    option: int

    def encode(self) -> bytes:
        return IAC + bytes((self.verb, self.option))

    def __str__(self) -> str:
        return f"{Verb(self.verb).name} {option_name(self.option)}"


@dataclass(slots=True)
class Subnegotiation:
    """What stands between IAC SB and IAC SE: the option's number and, unescaped, what is said in its own language (RFC 855)."""

    option: int
    data: bytes

    def encode(self) -> bytes:
        return IAC + bytes((Code.SB, self.option)) + doubled(self.data) + IAC + bytes((Code.SE,))

    def __str__(self) -> str:
        return f"SB {option_name(self.option)} {self.data!r}"


@dataclass(slots=True)
class End:
    """That side says no more. As an event: the peer has ended its stream. As a message: end ours, behind what was said."""


# --- what negotiations come to


@dataclass(slots=True)
class Enabled:
    """From here on the option is in effect: on our side (``us``), or on the peer's."""

    option: int
    us: bool


@dataclass(slots=True)
class Disabled:
    """The option is no longer in effect on that side; or it was asked for, and refused."""

    option: int
    us: bool


@dataclass(slots=True)
class Malformed:
    """Something that can't be read, and is passed over; the conversation goes on. ``error`` says what, and names the clause."""

    error: RemoteProtocolError


# --- what options tell


@dataclass(slots=True)
class WindowSize:
    """NAWS (RFC 1073): the window in characters. 0 says nothing of that dimension."""

    columns: int
    rows: int


@dataclass(slots=True)
class TerminalType:
    """TTYPE (RFC 1091): the names that the peer's terminal goes by, in its order, in lower case; ``mtts`` the bits of the MUD
    Terminal Type Standard, where it follows that. ``complete`` once all of them have been told; the event comes before, too.
    """

    names: tuple[str, ...]
    mtts: int | None = None
    complete: bool = False

    @property
    def terminal(self) -> str:
        """The terminal's name, for TERM. Who follows MTTS gives the program's name first, and the terminal's second."""
        return self.names[1] if self.mtts is not None and len(self.names) > 1 else self.names[0]


@dataclass(slots=True)
class TerminalSpeed:
    """TSPEED (RFC 1079), in bits a second."""

    transmit: int
    receive: int


@dataclass(slots=True)
class XDisplay:
    """XDISPLOC (RFC 1096): where the peer's X server is, as in "host:0.0"."""

    display: str


@dataclass(slots=True)
class Environment:
    """NEW-ENVIRON (RFC 1572): variables of the peer's that it told now. Untrusted: which of them may reach a program is
    for the server to say. ``info`` where they came unasked, as news of a change; a value of None is "not defined".
    """

    variables: dict[str, str | None]
    info: bool = False


@dataclass(slots=True)
class CharacterSet:
    """CHARSET (RFC 2066): both sides agreed on it for text; None where no agreement came about."""

    name: str | None


@dataclass(slots=True)
class FlowControl:
    """LFLOW (RFC 1372), told to the terminal's side: whether it stops and goes on by XOFF and XON, and whether any
    key makes it go on; None leaves that as it is.
    """

    on: bool | None = None
    any_key: bool | None = None


@dataclass(slots=True)
class EditMode:
    """LINEMODE MODE (RFC 1184 2.2): lines are edited (``edit``) and signals trapped (``trapsig``) on the terminal's side."""

    edit: bool
    trapsig: bool
    soft_tab: bool = False
    lit_echo: bool = False


@dataclass(slots=True)
class SpecialCharacters:
    """LINEMODE SLC (RFC 1184 2.4): by function number, the (level and flags, character) that are in force now."""

    characters: dict[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class StatusReport:
    """STATUS (RFC 859): how the peer sees the options: of its own side (WILL), and of ours (DO)."""

    will: frozenset[int]
    do: frozenset[int]


@dataclass(slots=True)
class TimingMarked:
    """TIMING-MARK (RFC 860): the peer has come to the mark that we asked for (also where it knows no marks)."""


@dataclass(slots=True)
class LogoutAsked:
    """LOGOUT (RFC 727): the peer wants this side's user logged out: the server ends the conversation."""
