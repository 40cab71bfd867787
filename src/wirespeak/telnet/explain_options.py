"""What stands in a subnegotiation, byte by byte: each option's own language (RFC 855).

The option itself (``options/``) judges it: what it can't read is one part that says why. What it reads is told piece by piece
here. Pure: touches nothing outside.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from wirespeak.errors import RemoteProtocolError
from wirespeak.explanation import Bits, Kind, Part
from wirespeak.telnet.grammar import (
    CHARSET,
    IAC,
    LFLOW,
    LINEMODE,
    NAWS,
    NEW_ENVIRON,
    STATUS,
    TSPEED,
    TTYPE,
    XDISPLOC,
    Code,
    Verb,
)
from wirespeak.telnet.meanings import FLOW, FUNCTIONS, LEVELS, VERBS, negotiation_meaning, option_meaning
from wirespeak.telnet.messages import option_name
from wirespeak.telnet.options import ALL, Charset, Option
from wirespeak.telnet.options.linemode import Level, Slc
from wirespeak.telnet.options.ttype import MTTS_BITS
from wirespeak.telnet.states import QState

__all__ = ["Inside", "explain_inside", "fault_of"]

_ACCEPTED: Final = b"\x02"
_VARIABLES: Final = re.compile(rb"[\x00\x01\x03]|(?:[^\x00-\x03]|\x02[\x00-\xff])+")
"""RFC 1572 3: the bytes that begin a variable or a value; and text, in which ESC stands before such a byte."""

_UP_TO_SE: Final = re.compile(rb"(?:[^\xf0]|\xf0\xf0)*\xf0")
"""RFC 859 5: what STATUS tells behind an SB."""

_KINDS: Final = {
    0: ("VAR", "a variable that the RFC knows"),
    1: ("VALUE", "its value follows"),
    3: ("USERVAR", "a variable of the user's own"),
}


class Inside:
    """Goes along the bytes inside a subnegotiation and leaves parts behind.

    ``data`` are the bytes that are meant, ``raw`` where they begin on the wire: there an IAC among them takes two bytes.
    """

    __slots__ = ("at", "data", "group", "parts", "raw")

    def __init__(self, parts: list[Part], raw: int, data: bytes, group: str) -> None:
        self.parts = parts
        self.raw = raw
        self.data = data
        self.group = group
        self.at = 0

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(
        self,
        count: int,
        name: str,
        meaning: str = "",
        clause: str = "",
        value: str = "",
        *,
        bits: tuple[Bits, ...] = (),
        kind: Kind = "said",
    ) -> None:
        """A part of the next ``count`` bytes."""
        said = self.data[self.at : self.at + count]
        end = self.raw + count + said.count(IAC)
        if end - self.raw != count:
            bits = ()  # on the wire they aren't where they are counted
        self.parts.append(Part(self.raw, end, name, value, meaning, clause, self.group, kind, bits))
        self.raw = end
        self.at += count

    def text(self, count: int, name: str, meaning: str = "", clause: str = "") -> None:
        """A part of ``count`` bytes that are text; none of no bytes."""
        if count:
            self.take(count, name, meaning, clause, self.data[self.at : self.at + count].decode("utf-8", "replace"))

    @property
    def byte(self) -> int:
        """The next byte."""
        return self.data[self.at]


def fault_of(option: int, data: bytes) -> RemoteProtocolError | None:
    """What the option has against ``data``, in the best of circumstances: it is in effect on both sides, and was asked for."""
    kind = ALL.get(option)
    if kind is None:
        return None  # refused here: nobody judges it
    try:
        judge = _judge(kind, data)
        list(judge.received(data))
    except RemoteProtocolError as error:
        return error
    return None


def _judge(kind: type[Option], data: bytes) -> Option:
    judge = kind()
    if kind is Charset and data[:1] == _ACCEPTED:
        try:
            judge = Charset([data[1:].decode("ascii")], asks=True)
        except UnicodeDecodeError:
            raise judge.fault(f"{data[1:41]!r} is no name of a character set") from None
    elif kind is Charset:
        judge = Charset(asks=True)
    judge.sides = [QState.YES, QState.YES]
    for us in (True, False):
        judge.enabled(us)
    return judge


def explain_inside(inside: Inside, option: int) -> None:
    """Explain all of ``inside``, which is said of ``option``."""
    fault = fault_of(option, inside.data)
    if fault is not None:
        inside.take(inside.left, "malformed", f"{fault.args[0]}; it is passed over", fault.clause, kind="malformed")
        return
    tell = _TELLERS.get(option)
    if tell is not None:
        tell(inside)
    elif inside.data:
        inside.take(inside.left, "parameters", *option_meaning(option))


def _is_or_send(inside: Inside, asked: str, told: str, clause: str) -> bool:
    """Most begin with "tell me" or "I tell": whether this one tells."""
    tells = inside.byte == 0
    inside.take(1, *(("IS", told) if tells else ("SEND", asked)), clause)
    return tells


def _terminal_type(inside: Inside) -> None:
    if not _is_or_send(inside, "what else is your terminal called?", "my terminal is called", "RFC 1091 2"):
        return
    name = inside.data[1:].decode("ascii", "replace")
    meaning = "one of the terminal's names, in the terminal's order; a name told twice in a row was the last"
    if match := re.fullmatch(r"MTTS ([0-9]{1,9})", name, re.IGNORECASE):
        able = [what for bit, what in MTTS_BITS.items() if int(match[1]) & bit]
        meaning = f"no name, but what the program can do (Mud Terminal Type Standard): {', '.join(able) or 'nothing'}"
    inside.text(inside.left, "terminal-type", meaning, "RFC 1091 2")


def _window_size(inside: Inside) -> None:
    for name, what in (("width", "columns"), ("height", "rows")):
        number = int.from_bytes(inside.data[inside.at : inside.at + 2])
        inside.take(2, name, f"{what} of the window" if number else f"{what}: not said", "RFC 1073 2", str(number))


def _terminal_speed(inside: Inside) -> None:
    if _is_or_send(inside, "how fast is your terminal?", "my terminal's speed is", "RFC 1079 2"):
        transmit, _, _ = inside.data[1:].partition(b",")
        inside.text(len(transmit), "transmit speed", "bits a second from the terminal", "RFC 1079 2")
        inside.take(1, "comma", "parts the two speeds", "RFC 1079 2", kind="delimiter")
        inside.text(inside.left, "receive speed", "bits a second to the terminal", "RFC 1079 2")


def _display(inside: Inside) -> None:
    if _is_or_send(inside, "where is your X display?", "my X display is at", "RFC 1096 2"):
        inside.text(inside.left, "x-display-location", "host, display and screen", "RFC 1096 2")


def _flow_control(inside: Inside) -> None:
    name, meaning = FLOW[inside.byte]
    inside.take(1, name, meaning, "RFC 1372 2")


def _status(inside: Inside) -> None:
    if not _is_or_send(inside, "how do you see the options?", "I see the options so", "RFC 859 2"):
        return
    while inside.left >= 2:
        verb = inside.byte
        if verb == Code.SB:
            end = _UP_TO_SE.match(inside.data, inside.at + 2).end()  # type: ignore[union-attr]  # it was found to be there
            inside.take(end - inside.at, "SB", "what was said of an option, up to SE; an SE inside is doubled", "RFC 859 5")
            continue
        inside.take(1, Verb(verb).name, "the sender's side" if verb == Verb.WILL else "the other side", "RFC 859 2")
        inside.take(1, option_name(inside.byte), *negotiation_meaning(verb, inside.byte), str(inside.byte))


def _environment(inside: Inside) -> None:
    clause = "RFC 1572 2"
    name, meaning = {
        0: ("IS", "what was asked for"),
        1: ("SEND", "tell me of these; where none is named, of all" if inside.left > 1 else "tell me of all variables"),
        2: ("INFO", "this has changed"),
    }[inside.byte]
    inside.take(1, name, meaning, clause)
    which = ""
    for token in _VARIABLES.findall(inside.data, 1):
        if len(token) == 1 and token[0] in _KINDS:
            which, meaning = _KINDS[token[0]]
            inside.take(1, which, meaning, clause)
        else:
            value = re.sub(rb"\x02(.)", rb"\1", token, flags=re.DOTALL).decode("utf-8", "replace")
            escaped = "; ESC (2) stands before a byte that would begin another" if b"\x02" in token else ""
            inside.take(len(token), "value" if which == "VALUE" else "name", f"a stranger's word{escaped}", clause, value)


def _line_mode(inside: Inside) -> None:
    kind = inside.byte
    if kind in (Verb.WILL, Verb.WONT, Verb.DO, Verb.DONT):
        inside.take(1, Verb(kind).name, VERBS[kind], "RFC 1184 2.3")
        inside.take(1, "FORWARDMASK", "which characters are sent at once", "RFC 1184 2.3")
        if inside.left:
            inside.take(inside.left, "mask", "a bit for each character, that of NUL first", "RFC 1184 2.3")
        return
    if kind == 1:
        inside.take(1, "MODE", "who edits lines, and who traps signals", "RFC 1184 2.2")
        inside.take(1, "mask", "", "RFC 1184 2.2", str(inside.byte), bits=_mode_bits(inside.byte))
        return
    inside.take(1, "SLC", "the special characters, three bytes each: function, level, character", "RFC 1184 2.4")
    while inside.left:
        function = inside.byte
        name = Slc(function).name if function in Slc._value2member_map_ else str(function)
        inside.take(
            1, f"SLC_{name}" if function else "0", FUNCTIONS.get(function, "a function of no known meaning"), "RFC 1184 2.4", str(function)
        )
        inside.take(1, "modifiers", "", "RFC 1184 2.4", str(inside.byte), bits=_level_bits(inside.byte))
        inside.take(1, "character", "the character that does it", "RFC 1184 2.4", _key(inside.byte))


def _mode_bits(mask: int) -> tuple[Bits, ...]:
    said = (
        ("LIT_ECHO", 16, "control characters are shown as they are", "control characters are shown by their letters"),
        ("SOFT_TAB", 8, "tabs are shown as spaces", "tabs are sent as tabs"),
        ("MODE_ACK", 4, "agreed", "asked for"),
        ("TRAPSIG", 2, "special characters become commands", "special characters are characters"),
        ("EDIT", 1, "the terminal's side edits lines", "each character is sent at once"),
    )
    bits = [Bits(0, 3, "reserved", str(mask >> 5))]
    for at, (name, bit, yes, no) in enumerate(said, 3):
        bits.append(Bits(at, 1, name, str(int(bool(mask & bit))), yes if mask & bit else no))
    return tuple(bits)


def _level_bits(flags: int) -> tuple[Bits, ...]:
    return (
        Bits(0, 1, "SLC_ACK", str(flags >> 7), "an answer, to which none follows" if flags & Level.ACK else ""),
        Bits(1, 1, "SLC_FLUSHIN", str(flags >> 6 & 1), "with a Synch: what was typed before is dropped" if flags & Level.FLUSHIN else ""),
        Bits(2, 1, "SLC_FLUSHOUT", str(flags >> 5 & 1), "with a TIMING-MARK: output up to it is dropped" if flags & Level.FLUSHOUT else ""),
        Bits(3, 3, "reserved", str(flags >> 2 & 7)),
        Bits(6, 2, "level", Level(flags & 3).name, LEVELS[flags & 3]),
    )


def _key(character: int) -> str:
    """What one presses for it."""
    if character < 32:
        return f"Ctrl-{chr(character + 64)}" if character else "none"
    return "Del" if character == 127 else chr(character) if character < 127 else str(character)


def _character_set(inside: Inside) -> None:
    kind = inside.byte
    clause = "RFC 2066 2"
    if kind == 2:
        inside.take(1, "ACCEPTED", "in this one, then", clause)
        inside.text(inside.left, "charset", "of what was offered", clause)
    elif kind == 1:
        inside.take(1, "REQUEST", "in one of these?", clause)
        if inside.data.startswith(b"[TTABLE]", 1):
            inside.take(8, "[TTABLE]", "a table that translates would do, too", clause)
            if inside.left:
                inside.take(1, "version", "of such tables", clause)
        separator = inside.data[inside.at : inside.at + 1]
        while inside.left:
            inside.take(1, "separator", "each name stands behind one", clause, kind="delimiter")
            end = inside.data.find(separator, inside.at)
            inside.text((len(inside.data) if end < 0 else end) - inside.at, "charset", "a character set, the best first", clause)
    else:
        names = {3: ("REJECTED", "in none of these"), 4: ("TTABLE-IS", "a table that translates")}
        inside.take(1, *names.get(kind, ("TTABLE", "about a table that translates")), clause)
        if inside.left:
            inside.take(inside.left, "table", "passed over: tables are refused", clause)


_TELLERS: Final[dict[int, Callable[[Inside], None]]] = {
    TTYPE: _terminal_type,
    NAWS: _window_size,
    TSPEED: _terminal_speed,
    XDISPLOC: _display,
    LFLOW: _flow_control,
    STATUS: _status,
    NEW_ENVIRON: _environment,
    LINEMODE: _line_mode,
    CHARSET: _character_set,
}
