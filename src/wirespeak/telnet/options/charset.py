"""CHARSET (RFC 2066): which character set the text is in, in both directions.

    IAC SB CHARSET REQUEST ";UTF-8;ISO-8859-1" IAC SE      one of these? The first byte parts the names
    IAC SB CHARSET ACCEPTED "UTF-8" IAC SE                 that one

Who has said WILL may ask. Where two requests cross, the server's counts: it rejects the client's, and the client answers. Translation
tables, which the RFC also knows, are refused: nobody was seen to use them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from wirespeak.telnet.grammar import CHARSET
from wirespeak.telnet.messages import CharacterSet
from wirespeak.telnet.options.option import Option

__all__ = ["Charset"]

REQUEST: Final = 1
ACCEPTED: Final = 2
REJECTED: Final = 3
TTABLE_IS: Final = 4
TTABLE_REJECTED: Final = 5

_TTABLE: Final = re.compile(rb"\[TTABLE ?\][\x00-\xff]?")
"""A request that begins so would also take a table of that version. The RFC writes it both ways, with a space and without."""


class Charset(Option):
    """``charsets``: those that we speak, the best first. With ``asks`` we ask as soon as it is in effect on our side; ``host``
    is whether ours is the server's side, whose request counts where two cross.
    """

    code = CHARSET
    clause = "RFC 2066"
    __slots__ = ("_asks", "_charsets", "_crossed", "_host", "_waiting")

    def __init__(
        self, charsets: Sequence[str] = ("UTF-8",), *, asks: bool = False, host: bool = False, will: bool = False, do: bool = False
    ) -> None:
        super().__init__(will=will, do=do)
        self._charsets = [name.encode("ascii") for name in charsets]
        self._asks = asks
        self._host = host
        self._waiting = False  # for the answer to our request
        self._crossed = False  # we gave it up for the server's, which rejects ours

    def enabled(self, us: bool) -> Iterable[Any]:
        if not (us and self._asks):
            return ()
        self._waiting = True
        return [self.say(REQUEST, b"".join(b";" + name for name in self._charsets))]

    def disabled(self, us: bool) -> Iterable[Any]:
        self._waiting = self._waiting and not us
        self._crossed = self._crossed and not us
        return ()

    def received(self, data: bytes) -> Iterable[Any]:
        kind = data[0] if data else 0
        if kind == REQUEST:
            return self._asked(data[1:])
        if kind in (ACCEPTED, REJECTED) and self._waiting:
            return self._answered(data[1:] if kind == ACCEPTED else None)
        if kind == REJECTED and self._crossed:
            self._crossed = False
            return ()
        if kind == TTABLE_IS:
            return [self.say(TTABLE_REJECTED)]
        raise self.fault(f"{data[:20]!r} is no request, nor the answer to one")

    def _asked(self, names: bytes) -> Iterable[Any]:
        if table := _TTABLE.match(names):
            names = names[table.end() :]
        if self._waiting:
            if self._host:
                return [self.say(REJECTED)]
            self._waiting, self._crossed = False, True
        offered = {name.upper(): name for name in reversed(names[1:].split(names[:1]))} if len(names) > 1 else {}
        for ours in self._charsets:
            if theirs := offered.get(ours.upper()):
                return [self.say(ACCEPTED, theirs), CharacterSet(ours.decode())]
        return [self.say(REJECTED)]

    def _answered(self, name: bytes | None) -> Iterable[Any]:
        accepted = None if name is None else next((ours for ours in self._charsets if ours.upper() == name.upper()), None)
        if name is not None and accepted is None:
            raise self.fault(f"{name[:40]!r} was accepted, but not offered")
        self._waiting = False
        return [CharacterSet(None if accepted is None else accepted.decode())]
