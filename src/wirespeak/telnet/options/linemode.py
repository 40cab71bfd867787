"""LINEMODE (RFC 1184): the terminal's side edits lines and turns special characters into commands, as the server says.

    IAC SB LINEMODE MODE EDIT|TRAPSIG IAC SE              the server: edit lines, and send IP for an interrupt character
    IAC SB LINEMODE MODE EDIT|TRAPSIG|ACK IAC SE          the terminal: so it is
    IAC SB LINEMODE SLC IP VALUE|FLUSHIN 3 … IAC SE       the interrupt character is Ctrl-C; what is typed before is dropped

It is negotiated as the terminal's option. Special characters are agreed on three bytes at a time: the function, the level at
which the sender insists, and the character. An answer either bears the bit ACK, and is not answered, or says what can't be
changed; so the talk ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, Final

from wirespeak.telnet.grammar import LINEMODE, Verb
from wirespeak.telnet.messages import EditMode, SpecialCharacters, Subnegotiation
from wirespeak.telnet.options.option import Option

__all__ = ["CHARACTERS", "TRIPLETS", "Level", "Linemode", "Slc"]

MODE: Final = 1
FORWARDMASK: Final = 2
SLC: Final = 3

EDIT: Final = 1
TRAPSIG: Final = 2
MODE_ACK: Final = 4
SOFT_TAB: Final = 8
LIT_ECHO: Final = 16
MASK: Final = EDIT | TRAPSIG | SOFT_TAB | LIT_ECHO


class Slc(IntEnum):
    """The functions that a special character can have (RFC 1184 2.4)."""

    SYNCH = 1
    BRK = 2
    IP = 3
    AO = 4
    AYT = 5
    EOR = 6
    ABORT = 7
    EOF = 8
    SUSP = 9
    EC = 10  # erase a character
    EL = 11  # erase the line
    EW = 12  # erase a word
    RP = 13  # reprint the line
    LNEXT = 14  # the next character is no special one
    XON = 15
    XOFF = 16
    FORW1 = 17  # send what is there
    FORW2 = 18
    MCL = 19  # move the cursor a character to the left, …
    MCR = 20
    MCWL = 21
    MCWR = 22
    MCBOL = 23
    MCEOL = 24
    INSRT = 25
    OVER = 26
    ECR = 27  # erase to the right, …
    EWR = 28
    EBOL = 29
    EEOL = 30


class Level(IntEnum):
    """How the sender stands to a function, and the bits beside that."""

    NOSUPPORT = 0
    CANTCHANGE = 1
    VALUE = 2
    DEFAULT = 3
    FLUSHOUT = 32
    FLUSHIN = 64
    ACK = 128


LEVELS: Final = 3  # the bits of the level itself

TRIPLETS: Final = 60
"""Characters of one message that are dealt with: each function twice over. The rest is passed over (CVE-2026-32746)."""

CHARACTERS: Final[dict[int, tuple[int, int]]] = {
    Slc.IP: (Level.VALUE | Level.FLUSHIN | Level.FLUSHOUT, 0x03),
    Slc.AO: (Level.VALUE, 0x0F),
    Slc.ABORT: (Level.VALUE | Level.FLUSHIN | Level.FLUSHOUT, 0x1C),
    Slc.EOF: (Level.VALUE, 0x04),
    Slc.SUSP: (Level.VALUE | Level.FLUSHIN, 0x1A),
    Slc.EC: (Level.VALUE, 0x7F),
    Slc.EL: (Level.VALUE, 0x15),
    Slc.EW: (Level.VALUE, 0x17),
    Slc.RP: (Level.VALUE, 0x12),
    Slc.LNEXT: (Level.VALUE, 0x16),
    Slc.XON: (Level.VALUE, 0x11),
    Slc.XOFF: (Level.VALUE, 0x13),
}
"""By function, the level and the character: those of an ordinary Unix terminal. What isn't here isn't supported."""

_UNSUPPORTED: Final = (int(Level.NOSUPPORT), 0)


class Linemode(Option):
    """``characters``: what we have for each function. Of the peer's side: ``mode`` is asked for once it is in effect.

    `mode` and `characters` are what is in force; `EditMode` and `SpecialCharacters` tell when that changes.
    """

    code = LINEMODE
    clause = "RFC 1184"
    __slots__ = ("_defaults", "_wanted", "characters", "mode")

    def __init__(
        self,
        mode: EditMode | None = None,
        characters: Mapping[int, tuple[int, int]] = CHARACTERS,
        *,
        will: bool = False,
        do: bool = False,
    ) -> None:
        super().__init__(will=will, do=do)
        self._wanted = mode
        self._defaults = characters
        self.characters = characters
        self.mode = EditMode(False, False)

    def enabled(self, us: bool) -> Iterable[Any]:
        self.mode = EditMode(False, False)
        self.characters = self._defaults
        if us:
            return [self._tell_all()]
        return [] if self._wanted is None else self.ask_mode(self._wanted)

    def ask_mode(self, mode: EditMode) -> list[Subnegotiation]:
        """The peer's terminal shall be in this mode: what is to be sent. In force once `EditMode` tells so."""
        self._wanted = mode
        return [self.say(MODE, _mask_of(mode))] if self.him else []

    def received(self, data: bytes) -> Iterable[Any]:
        if data[:1] == bytes((MODE,)) and len(data) == 2:
            return self._mode(data[1])
        if data[:1] == bytes((SLC,)) and len(data) % 3 == 1:
            return self._special(data)
        if data[1:2] == bytes((FORWARDMASK,)) and data[0] in (Verb.WILL, Verb.WONT, Verb.DO, Verb.DONT):
            # RFC 1184 2.3: which characters are sent at once. Nobody needs it who has SLC: we have none, and want none.
            return [self.say(Verb.WONT, FORWARDMASK)] if data[0] == Verb.DO else ()
        raise self.fault(f"{data[:20]!r} is neither a MODE, a FORWARDMASK nor whole triplets of SLC")

    def _mode(self, mask: int) -> Iterable[Any]:
        """RFC 1184 2.2: a new mode is taken on, and acknowledged; an acknowledgement isn't."""
        acknowledged, mask = mask & MODE_ACK, mask & MASK
        if mask == _mask_of(self.mode) or (acknowledged and self.us):
            return ()  # the terminal's own acknowledgements count, not the server's: so both end in the same mode
        self.mode = EditMode(bool(mask & EDIT), bool(mask & TRAPSIG), bool(mask & SOFT_TAB), bool(mask & LIT_ECHO))
        return [self.mode] if acknowledged else [self.say(MODE, mask | MODE_ACK), self.mode]

    def _special(self, data: bytes) -> Iterable[Any]:
        now = dict(self.characters)
        answers: dict[int, bytes] = {}  # the last word on each function counts
        all_asked = False
        for at in range(1, min(len(data), 1 + 3 * TRIPLETS), 3):
            function, flags, character = data[at : at + 3]
            if function:
                answer = self._one(now, function, flags, character)
                if answer is not None:
                    answers[function] = answer
            elif self.him and flags & LEVELS in (Level.DEFAULT, Level.VALUE):
                # RFC 1184 2.4: by function 0 a terminal asks for all our characters, at level DEFAULT for those we began with.
                all_asked = True
                if flags & LEVELS == Level.DEFAULT:
                    now = dict(self._defaults)
        changed = now != self.characters
        self.characters = now
        said: list[Any] = [self._tell_all()] if all_asked else []
        if answers:
            said.append(self.say(SLC, *answers.values()))
        if changed:
            said.append(SpecialCharacters(dict(now)))
        return said

    def _one(self, now: dict[int, tuple[int, int]], function: int, flags: int, character: int) -> bytes | None:
        """What becomes of one function, and what we answer; None for nothing (RFC 1184 5.5)."""
        level = flags & LEVELS
        ours = self._defaults.get(function, _UNSUPPORTED)
        current = now.get(function, _UNSUPPORTED)
        if level == current[0] & LEVELS and (character == current[1] or level == Level.NOSUPPORT):
            return None
        if flags & Level.ACK:
            if self.us and level == current[0] & LEVELS:  # our words crossed: what the terminal had said counts
                now[function] = (flags & ~Level.ACK, character)
            return None
        if level == Level.DEFAULT:
            now[function] = ours
            return bytes((function, *ours))
        if level == Level.NOSUPPORT:
            now[function] = _UNSUPPORTED
            return bytes((function, Level.NOSUPPORT | Level.ACK, 0))
        if ours[0] & LEVELS == Level.NOSUPPORT:
            return bytes((function, *_UNSUPPORTED))
        if ours[0] & LEVELS == Level.CANTCHANGE:
            if level == Level.CANTCHANGE:  # and neither can the peer
                now[function] = ours = _UNSUPPORTED
            return bytes((function, *ours))
        now[function] = (flags, character)
        return bytes((function, flags | Level.ACK, character))

    def _tell_all(self) -> Subnegotiation:
        return self.say(SLC, *(bytes((function, *its)) for function, its in sorted(self.characters.items())))


def _mask_of(mode: EditMode) -> int:
    return EDIT * mode.edit | TRAPSIG * mode.trapsig | SOFT_TAB * mode.soft_tab | LIT_ECHO * mode.lit_echo
