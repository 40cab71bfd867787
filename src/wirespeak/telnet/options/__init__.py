"""The options that are spoken here, a file each; all others are refused (``refused.py``).

An option on a connection is an instance of its class, made for that connection's session alone. `host_options` and
`client_options` make the usual ones for either side: on the server's side ``will`` is what the server does, ``do`` what it
lets the terminal do, and on the client's the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wirespeak.telnet.messages import EditMode
from wirespeak.telnet.options.binary import Binary
from wirespeak.telnet.options.charset import Charset
from wirespeak.telnet.options.echo import Echo
from wirespeak.telnet.options.eor import Eor
from wirespeak.telnet.options.lflow import Lflow
from wirespeak.telnet.options.linemode import Linemode
from wirespeak.telnet.options.logout import Logout
from wirespeak.telnet.options.naws import Naws
from wirespeak.telnet.options.new_environ import ASKED, NewEnviron
from wirespeak.telnet.options.option import Option
from wirespeak.telnet.options.sga import Sga
from wirespeak.telnet.options.status import Status
from wirespeak.telnet.options.timing_mark import TimingMark
from wirespeak.telnet.options.tspeed import Tspeed
from wirespeak.telnet.options.ttype import Ttype
from wirespeak.telnet.options.xdisploc import Xdisploc

__all__ = [
    "ALL",
    "Binary",
    "Charset",
    "Echo",
    "Eor",
    "Lflow",
    "Linemode",
    "Logout",
    "Naws",
    "NewEnviron",
    "Option",
    "Sga",
    "Status",
    "TimingMark",
    "Tspeed",
    "Ttype",
    "Xdisploc",
    "client_options",
    "host_options",
]

ALL: dict[int, type[Option]] = {
    kind.code: kind
    for kind in (
        *(Binary, Echo, Sga, Status, TimingMark, Logout, Ttype, Eor, Naws, Tspeed, Lflow, Linemode, Xdisploc, NewEnviron),
        Charset,
    )
}
"""By number, every option that is spoken here."""


def host_options(*, charsets: Sequence[str] = ("UTF-8",), asked: Sequence[str] = ASKED, mode: EditMode | None = None) -> list[Option]:
    """A server's: it echoes, the terminal tells of itself. ``asked``: variables; ``mode``: the first of LINEMODE."""
    return [
        Binary(will=True, do=True),
        Echo(will=True),
        Sga(will=True, do=True),
        Status(will=True, do=True),
        TimingMark(will=True),
        Logout(will=True),
        Eor(will=True, do=True),
        Ttype(do=True),
        Naws(do=True),
        Tspeed(do=True),
        Lflow(do=True),
        Linemode(mode, do=True),
        Xdisploc(do=True),
        NewEnviron(asked=asked, do=True),
        Charset(charsets, host=True, asks=True, will=True, do=True),
    ]


def client_options(
    *,
    terminal: Sequence[str] = ("UNKNOWN",),
    columns: int = 0,
    rows: int = 0,
    speed: int = 38400,
    display: str = "",
    variables: Mapping[str, str] | None = None,
    charsets: Sequence[str] = ("UTF-8",),
) -> list[Option]:
    """A terminal's: it lets the server echo, and tells of itself what is given here.

    ``terminal``: the names of its type; ``columns`` and ``rows`` of its window; ``speed`` in bits a second; ``display``: of
    X11, told only where there is one; ``variables``: of the environment, the only ones ever told.
    """
    options: list[Option] = [
        Binary(will=True, do=True),
        Echo(do=True),
        Sga(will=True, do=True),
        Status(will=True, do=True),
        TimingMark(will=True),
        Logout(),
        Eor(will=True, do=True),
        Ttype(terminal, will=True),
        Naws(columns, rows, will=True),
        Tspeed(speed, speed, will=True),
        Lflow(will=True),
        Linemode(will=True),
        Charset(charsets, will=True, do=True),
    ]
    if display:
        options.append(Xdisploc(display, will=True))
    if variables:
        options.append(NewEnviron(variables, will=True))
    return options
