"""NEW-ENVIRON (RFC 1572): variables of the client's environment, told when the server asks, and when one changes.

    IAC SB NEW-ENVIRON SEND VAR "USER" USERVAR "LANG" IAC SE               tell me of these
    IAC SB NEW-ENVIRON IS VAR "USER" VALUE "jo" USERVAR "LANG" IAC SE      the second is not defined here

Both sides have reason for care. A client tells what its user configured, never its whole environment (CVE-2000-0892). What a
server hears are words of a stranger: which of them may reach a program is decided where the program is started.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from wirespeak.errors import LocalProtocolError
from wirespeak.telnet.grammar import NEW_ENVIRON
from wirespeak.telnet.messages import Environment, Subnegotiation
from wirespeak.telnet.options.option import IS, SEND, Option

__all__ = ["ASKED", "VARIABLES", "WELL_KNOWN", "NewEnviron"]

INFO: Final = 2
VAR: Final = 0
VALUE: Final = 1
ESC: Final = 2
USERVAR: Final = 3

WELL_KNOWN: Final = frozenset({"USER", "JOB", "ACCT", "PRINTER", "SYSTEMTYPE", "DISPLAY"})
"""RFC 1572 5: the variables of type VAR; all others are USERVAR."""

ASKED: Final = ("USER", "DISPLAY", "TERM", "LANG", "LC_ALL", "LC_CTYPE", "COLORTERM")
"""What a server asks for, unless it is told otherwise."""

VARIABLES: Final = 100
"""Variables of one message that are heard or told: no environment that serves a terminal has so many."""

_TEXT: Final = rb"(?:[^\x00-\x03]++|\x02[\x00-\xff])*+"
_VARIABLE: Final = re.compile(rb"([\x00\x03])(%b)(?:\x01(%b))?" % (_TEXT, _TEXT))
"""RFC 1572 2: a type and a name; then VALUE and the value, where it has one. ESC stands before a byte that would be a type."""

_ESCAPED: Final = re.compile(rb"\x02([\x00-\xff])")
_TO_ESCAPE: Final = re.compile(rb"[\x00-\x03]")


class NewEnviron(Option):
    """Of our side: ``variables``, all that is ever told. Of the peer's: ``asked`` are asked for as soon as it is in effect.

    The text is UTF-8 (the RFC names no character set); what isn't is replaced by U+FFFD.
    """

    code = NEW_ENVIRON
    clause = "RFC 1572"
    __slots__ = ("_asked", "_variables")

    def __init__(
        self, variables: Mapping[str, str] | None = None, *, asked: Sequence[str] = ASKED, will: bool = False, do: bool = False
    ) -> None:
        super().__init__(will=will, do=do)
        self._variables = dict(variables or {})
        self._asked = asked
        if len(self._variables) > VARIABLES:
            raise LocalProtocolError(f"{len(self._variables)} variables: at most {VARIABLES} can be told")

    def enabled(self, us: bool) -> Iterable[Any]:
        return () if us else [self.say(SEND, *(_written(_type(name), name.encode()) for name in self._asked))]

    def tell(self, name: str, value: str | None) -> list[Subnegotiation]:
        """A variable of ours has a new value, or (None) is no longer defined: what is to be sent of it now."""
        if value is None:
            self._variables.pop(name, None)
        else:
            self._variables[name] = value
        return [self.say(INFO, self._told(_type(name), name))] if self.us else []

    def received(self, data: bytes) -> Iterable[Any]:
        if data[:1] == bytes((SEND,)) and self.us:
            return [self.say(IS, *self._answers(data))]
        if data[:1] in (bytes((IS,)), bytes((INFO,))) and self.him:
            heard = {_text(name): None if value is None else _text(value) for _, name, value in self._variables_in(data) if name}
            return [Environment(heard, info=data[0] == INFO)]
        raise self.fault(f"{data[:20]!r} is neither SEND, IS nor INFO, or was said by the wrong side")

    def _variables_in(self, data: bytes) -> Iterator[tuple[int, bytes, bytes | None]]:
        """Type, name and value of each variable behind the first byte; names and values with their ESCs."""
        at = count = 1
        while at < len(data):
            variable = _VARIABLE.match(data, at)
            if variable is None:
                raise self.fault(f"byte {data[at]} where VAR or USERVAR should stand")
            if count > VARIABLES:
                raise self.fault(f"more than {VARIABLES} variables")
            yield variable[1][0], variable[2], variable[3]
            at = variable.end()
            count += 1

    def _answers(self, data: bytes) -> Iterator[bytes]:
        """What we have of what is asked for: of nothing named, all; of a type without a name, all of that type."""
        wanted = list(self._variables_in(data)) or [(VAR, b"", None), (USERVAR, b"", None)]
        for kind, name, _ in wanted:
            if name:
                yield self._told(kind, _text(name))
            else:
                yield from (self._told(kind, ours) for ours in self._variables if _type(ours) == kind)

    def _told(self, kind: int, name: str) -> bytes:
        value = self._variables.get(name)
        told = _written(kind, name.encode())
        return told if value is None else told + _written(VALUE, value.encode())


def _type(name: str) -> int:
    return VAR if name in WELL_KNOWN else USERVAR


def _written(kind: int, text: bytes) -> bytes:
    return bytes((kind,)) + _TO_ESCAPE.sub(b"\x02\\g<0>", text)


def _text(escaped: bytes) -> str:
    return _ESCAPED.sub(rb"\1", escaped).decode("utf-8", "replace")
