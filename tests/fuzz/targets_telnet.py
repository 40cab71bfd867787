"""Fuzz targets: Telnet. What comes from a peer may be any bytes, in any pieces; what each part then owes stands in each target."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from wirespeak.contract import ABORT, FINISH, Urgent
from wirespeak.errors import LocalProtocolError, RemoteProtocolError, WirespeakError
from wirespeak.explanation import as_text, tiles
from wirespeak.telnet.escapes import EscapeFilter
from wirespeak.telnet.explain import explain
from wirespeak.telnet.explain_options import fault_of
from wirespeak.telnet.limits import ENDLESS
from wirespeak.telnet.lines import LINE_LIMIT, EditedLine, Key, LineEditor
from wirespeak.telnet.messages import Command, Data, Subnegotiation
from wirespeak.telnet.options import ALL, Option, client_options, host_options
from wirespeak.telnet.session import TelnetSession
from wirespeak.telnet.states import QState

MINE = b"\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0\xff\xfb\x18\xff\xfa\x18\x00XTERM\xff\xf0"
MINE += b"\xff\xfb\x27\xff\xfa\x27\x00\x00USER\x01jo\xff\xf0"
YOURS = b"\xff\xfd\x18\xff\xfa\x18\x01\xff\xf0\xff\xfb\x01\xff\xfb\x03\xff\xfd\x27\xff\xfa\x27\x01\xff\xf0\xff\xfd\x06login: "
TYPED = b"ls\r\0\xff\xf4\xff\xf2\r\nab\xff\xf7\xff\xff\xff\xf8\xff\xf6"
BINARY = b"\xff\xfb\x00\r\0\xff\xff\xff\xfc\x00\r\0\r\xff\xf1\0"
SPECIAL = b"\xff\xfb\x22\xff\xfa\x22\x03\x03\x62\x03\x00\x03\x00\xff\xf0\xff\xfa\x22\x01\x03\xff\xf0\xff\xfa\x22\xfd\x02\xff\xff\xff\xf0"
ODD = b"\xff\xfa\xff\xf0\xff\xfa\x18\x00\xff\xf9\xff\xf0\xff\xfa\xff\xff\xff\xff\xf0\xff\x05\xff\xf0POST / HTTP/1.1\r\n"

INSIDES = [
    *(b"\x00", b"\x01", b"\x00xterm", b"\x00MTTS 13", b"\x00\x50\x00\x18", b"\x009600,9600", b"\x00a.test:0.0", b"\x02"),
    *(b"\x00\x00USER\x01jo\x03A\x02\x03", b"\x01\x03\x00", b"\x02\x00X\x01", b"\x01;UTF-8;X", b"\x01[TTABLE]\x01;X", b"\x02UTF-8", b"\x04"),
    *(b"\x01\x03", b"\x03\x03\x62\x03\x00\x03\x00", b"\xfd\x02\xff", b"\x00\xfb\x01\xfd\x18\xfa\x18\xf0\xf0\xf0"),
]
KEYS = [
    b"abc\x7f\x15\r\n",
    b"\x1b[A\x1b[D\x1bOHx\x17\x0b\n",
    b"\xc3\xa9\xe4\xbd\xa0e\xcc\x81\b\r\0",
    b"\x03\x04\x12\x16\x1b[200~",
    b"x" * 90 + b"\x01\x05\r",
]
SHOWN = [
    b"a\x1b[31mb\x1b]0;t\x07c\x1b[6nd\x1bP+q\x1b\\e\xc2\x9b6nf\x05",
    b"\x1b[?1049h\x1b(0lqk\x1b(B\x1b7\x1b8",
    b"\x1b[\x1b]\x1b_\xe2\x80\xae\x1b[",
]

SEEDS = {
    "telnet_session": [bytes([who, 7]) + stream for who in range(4) for stream in (MINE, YOURS, TYPED, BINARY, SPECIAL, ODD, MINE + TYPED)],
    "telnet_sides": [bytes(range(start, start + 40)) for start in (0, 60, 120, 180)],
    "telnet_options": [bytes([option]) + said for option in range(len(ALL)) for said in INSIDES],
    "telnet_lines": [bytes([how]) + keys for how in (0, 5, 40, 255) for keys in KEYS],
    "telnet_escapes": [bytes([size]) + said for size in (1, 3) for said in SHOWN],
    "telnet_explain": [
        MINE,
        YOURS,
        TYPED,
        BINARY,
        SPECIAL,
        ODD,
        *(b"\xff\xfa" + bytes((code,)) + INSIDES[-4] + b"\xff\xf0" for code in ALL),
    ],
}


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    """``data`` in pieces of ``size`` bytes."""
    size = size or max(1, len(data))
    return (data[at : at + size] for at in range(0, len(data), size))


# --- a session


class Peer:
    """A session, and what it hears and says: data joined, so that it doesn't matter in which pieces it came."""

    def __init__(self, who: int) -> None:
        host = bool(who & 1)
        options = host_options() if host else client_options(terminal=["XTERM"], variables={"USER": "jo"}, display="a:0")
        self.session = TelnetSession(lambda: None, options=options, host=host, refuse_http=bool(who & 2))
        self.told: list[Any] = []
        self.said = b""
        if host:
            for option in (24, 31, 39):
                self.session.ask_him(option)

    def hear(self, *pieces: bytes) -> Peer:
        for piece in pieces:
            events = self.session.receive(piece, 0.0)
            while events:
                for event in events:
                    self.handle(event)
                self.take()
                events = self.session.receive(b"", 0.0)
            self.take()
        for event in self.session.receive_eof(0.0):
            self.handle(event)
        self.take()
        return self

    def handle(self, event: Any) -> None:
        if isinstance(event, Data):
            assert event.data
            self.session.consumed(len(event.data))
            if self.told and isinstance(self.told[-1], bytes):
                self.told[-1] += event.data
            else:
                self.told.append(event.data)
        else:
            self.told.append(str(event) if isinstance(event, WirespeakError) else repr(event))

    def take(self) -> None:
        for segment in self.session.data_to_send():
            if isinstance(segment, Urgent):
                self.said += segment.data
            elif segment is not FINISH and segment is not ABORT:
                assert isinstance(segment, bytes)
                self.said += segment


def fuzz_telnet_session(data: bytes) -> None:
    """The first byte says whose side it is, the second where the rest is split: in any pieces the same is understood, and said.

    What is said is bounded by what was asked: the longest answer is the list of special characters, to an SLC of ten bytes.
    """
    if len(data) < 2:
        return
    who, split, stream = data[0], data[1], data[2:]
    whole = Peer(who).hear(stream)
    for pieces in ((stream[:split], stream[split:]), tuple(in_pieces(stream, 1)), tuple(in_pieces(stream, split))):
        other = Peer(who).hear(*pieces)
        assert whole.told == other.told, "in other pieces, something else was understood"
        assert whole.said == other.said, "in other pieces, something else was said"
    assert len(whole.said) <= 1000 + 40 * len(stream), "more is said than was asked for"
    assert whole.session._scanner.inside <= ENDLESS


def fuzz_telnet_sides(data: bytes) -> None:
    """Each byte is a wish of one of two sides, or a turn in which what was said is carried: soon both are silent, and agree.

    RFC 1143 7: whatever both wish in between, at the end each sees every option as the other does.
    """
    sides = [Peer(1), Peer(0)]
    codes = sorted(set(ALL) - {6, 18})  # of TIMING-MARK and LOGOUT nothing is enabled for good

    def carry() -> bool:
        moved = False
        for here, there in (sides, sides[::-1]):
            here.take()
            said, here.said = here.said, b""
            for event in there.session.receive(said, 0.0):
                moved = moved or isinstance(event, Data)
            while there.session.receive(b"", 0.0):
                pass
            moved = moved or bool(said)
        return moved

    for byte in data[:400]:
        if byte >= 240:
            carry()
            continue
        session = sides[byte & 1].session
        wish = (session.ask_us, session.ask_him, session.drop_us, session.drop_him)[byte >> 1 & 3]
        try:
            wish(codes[(byte >> 3) % len(codes)])
        except LocalProtocolError:
            pass  # an option that this side was not given
    for _ in range(60):
        if not carry():
            break
    else:
        raise AssertionError("they never fall silent")
    one, other = sides[0].session, sides[1].session
    for code in codes:
        assert one.us(code) == other.him(code), code
        assert one.him(code) == other.us(code), code


# --- what options are told


def in_effect(kind: type[Option]) -> Option:
    """An option that is in effect on both sides."""
    option = kind()
    option.sides = [QState.YES, QState.YES]
    for us in (True, False):
        list(option.enabled(us))
    return option


def fuzz_telnet_options(data: bytes) -> None:
    """The first byte chooses the option, the rest is said of it, twice: it is read or refused, and the answers are short."""
    if not data:
        return
    kinds = sorted(ALL.values(), key=lambda kind: kind.code)
    option = in_effect(kinds[data[0] % len(kinds)])
    for _ in range(2):
        try:
            said = list(option.received(data[1:]))
        except RemoteProtocolError:
            continue
        messages = [one for one in said if isinstance(one, Subnegotiation | Command)]
        assert len(messages) <= 3
        assert sum(len(message.encode()) for message in messages) <= 400 + 4 * len(data)
    code = option.code
    list(option.disabled(True))
    stream = Subnegotiation(code, data[1:]).encode()
    assert tiles(explain(stream), stream)
    assert any(part.kind == "malformed" for part in explain(stream)) == (fault_of(code, data[1:]) is not None)


# --- a line that is typed

# What an editor may write: text, and the controls with which it moves about in its line.
SCREEN = re.compile(r"(?:[^\x00-\x1f\x7f-\x9f]|[\r\n\b\a]|\x1b\[[0-9]*[A-DGJK]|\x1b\[[0-9;]*m)*")


def typed(data: bytes, columns: int, size: int, mask: str | None) -> list[str]:
    """The lines that are typed, up to the first interrupt, which voids what follows it."""
    editor = LineEditor(columns=columns)
    lines: list[str] = []
    screen = editor.begin("> ", mask=mask)
    for piece in in_pieces(data, size):
        editor.feed(piece)
        while True:
            shown, event = editor.advance()
            screen += shown
            if event is None:
                break
            lines.append(str(event) if isinstance(event, EditedLine) else event.name)
            if event is Key.INTERRUPT:
                return lines
            screen += editor.begin("> ", mask=mask)
        assert len(editor.text) <= LINE_LIMIT
    assert SCREEN.fullmatch(screen), screen
    for line in lines:
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line), line
    return lines


def fuzz_telnet_lines(data: bytes) -> None:
    """The first byte is the screen's width: in any pieces the same lines are typed, and only harmless characters shown."""
    if not data:
        return
    columns, keys = data[0], data[1:]
    for mask in (None, "*"):  # behind a mask nothing is recalled, and so other lines come of it
        whole = typed(keys, columns, 0, mask)
        assert typed(keys, columns, 1, mask) == whole
        assert typed(keys, 80, 3, mask) == whole


# --- what a server's text may do

HARMFUL = re.compile("\x1b[]PX^_]|\x1b\\[[0-9;?>=]*[cnty]|[\x05\x80-\x9f]|\x1bZ|\x1b\\[[0-9]*i")


def fuzz_telnet_escapes(data: bytes) -> None:
    """The first byte is the size of the pieces: nothing that makes a terminal answer, retitle or print comes through; what comes
    through is let through again.
    """
    if not data:
        return
    shown = ""
    screen = EscapeFilter()
    for piece in in_pieces(data[1:], data[0]):
        shown += screen.feed(piece)
        assert len(screen._kept) <= 1 << 15
    assert not HARMFUL.search(shown), shown
    assert EscapeFilter().feed(shown.encode("utf-8", "replace")).startswith(shown[:-300] if len(shown) > 300 else "")


# --- explained


def fuzz_telnet_explain(data: bytes) -> None:
    """Any bytes are explained edge to edge, and each half of them too."""
    for said in (data, data[: len(data) // 2], data[len(data) // 2 :]):
        parts = explain(said)
        assert tiles(parts, said)
    if len(data) < 300:
        as_text(data, explain(data))
    whole = [part for part in explain(data) if part.name == "AYT" and part.group.startswith("command")]
    heard = [event for event in Peer(0).hear(data).told if event == repr(Command(246))]
    assert len(whole) == len(heard)
