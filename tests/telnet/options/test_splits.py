"""Every option, cut at every byte: the same events, and the same answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.telnet.dialog import NUMBERS, Side, cut, sb, wire
from wirespeak.telnet.grammar import OPTIONS
from wirespeak.telnet.options import ALL, client_options, host_options


def host() -> Side:
    return Side(*host_options())


def client() -> Side:
    options = client_options(
        terminal=["XTERM-256COLOR", "XTERM"], columns=255, rows=24, display=":0", variables={"USER": "jo", "LANG": "C"}
    )
    return Side(*options, host=False)


SAID: dict[str, tuple[Callable[[], Side], bytes]] = {
    "BINARY": (host, wire("WILL BINARY", b"\r\0\xff\xff", "WONT BINARY", b"\r\0", "DO BINARY", "DONT BINARY")),
    "ECHO": (client, wire("WILL ECHO", b"password:", "WONT ECHO")),
    "SUPPRESS-GO-AHEAD": (host, wire("DO SGA", "WILL SGA", "GA", "DONT SGA")),
    "STATUS": (client, wire("DO STATUS", "SB STATUS 1", "WILL STATUS", "SB STATUS 0 251 1 253 24 250 24 0 240 240 88 240 253 31")),
    "TIMING-MARK": (host, wire(b"a", "DO TIMING-MARK", b"b", "DO TIMING-MARK")),
    "LOGOUT": (host, wire("DO LOGOUT")),
    "TERMINAL-TYPE": (host, wire("WILL TTYPE", sb("TTYPE", 0, b"XTERM"), sb("TTYPE", 0, b"VT100"), sb("TTYPE", 0, b"VT100"))),
    "END-OF-RECORD": (host, wire("DO EOR", "WILL EOR", "EOR")),
    "NAWS": (host, wire("WILL NAWS", "SB NAWS 0 255 255 255", "SB NAWS 0 80 0 24")),
    "TERMINAL-SPEED": (host, wire("WILL TSPEED", sb("TSPEED", 0, b"38400,9600"))),
    "TOGGLE-FLOW-CONTROL": (client, wire("DO LFLOW", "SB LFLOW 0", "SB LFLOW 1", "SB LFLOW 2", "SB LFLOW 3", "SB LFLOW 4")),
    "LINEMODE": (
        client,
        wire("DO LINEMODE", "SB LINEMODE 1 3", "SB LINEMODE 253 2 255 255", "SB LINEMODE 3 10 2 8 0 3 0 3 2 255", "SB LINEMODE 3 1"),
    ),
    "X-DISPLAY-LOCATION": (host, wire("WILL XDISPLOC", sb("XDISPLOC", 0, b"desk.example:0.0"))),
    "NEW-ENVIRON": (host, wire("WILL NEW-ENVIRON", sb("NEW-ENVIRON", 0, b"\0USER\1jo\3LA\2\0NG\1\2\2\xff", b"\3X"))),
    "CHARSET": (client, wire("WILL CHARSET", sb("CHARSET", 1, b";ISO-8859-1;utf-8"), "SB CHARSET 4 1", "SB CHARSET 9")),
}


def test_no_option_is_left_out() -> None:
    assert {NUMBERS[name] for name in SAID} == set(ALL)
    assert all(OPTIONS[code] in SAID for code in ALL)


def outcome(make: Callable[[], Side], pieces: list[bytes]) -> tuple[list[str], bytes, bytes]:
    side = make()
    for piece in pieces:
        side.hear(piece)
    return list(map(str, side.events)), side.heard, side.said()


@pytest.mark.parametrize("name", SAID)
def test_cut_anywhere_it_is_the_same(name: str) -> None:
    make, stream = SAID[name]
    events, heard, said = outcome(make, [stream])
    assert events or said
    for split in range(len(stream) + 1):
        assert outcome(make, [stream[:split], stream[split:]]) == (events, heard, said)
    assert outcome(make, list(cut(stream, 1))) == (events, heard, said)
