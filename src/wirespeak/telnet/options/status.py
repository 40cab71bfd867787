"""STATUS (RFC 859): how one side sees the state of all options, told to the other that asks.

IAC SB STATUS SEND IAC SE                                   tell me
IAC SB STATUS IS WILL ECHO DO TERMINAL-TYPE … IAC SE        my side echoes; yours tells its terminal's type
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wirespeak.telnet.grammar import STATUS, Code, Verb
from wirespeak.telnet.messages import StatusReport, Subnegotiation
from wirespeak.telnet.options.option import IS, SEND, Option

__all__ = ["Status"]


class Status(Option):
    """On our side we tell, on the peer's it does when `ask` is sent. A report has at most two bytes an option and side."""

    code = STATUS
    clause = "RFC 859"
    __slots__ = ("_options",)

    def __init__(self, *, will: bool = False, do: bool = False) -> None:
        super().__init__(will=will, do=do)
        self._options: Mapping[int, Option] = {self.code: self}

    def join(self, options: Mapping[int, Option]) -> None:
        self._options = options

    def ask(self) -> list[Subnegotiation]:
        """Ask for the peer's report, where it gives any: a `StatusReport` will tell it."""
        return [self.say(SEND)] if self.him else []

    def received(self, data: bytes) -> Iterable[Any]:
        if data == bytes((SEND,)) and self.us:
            return [self.say(IS, *self._report())]
        if data[:1] == bytes((IS,)) and self.him:
            return [self._read(data)]
        raise self.fault(f"{data[:20]!r} is neither SEND nor IS, or was said by the wrong side")

    def _report(self) -> Iterator[int]:
        for code, option in sorted(self._options.items()):
            if option.us:
                yield from (Verb.WILL, code)
            if option.him:
                yield from (Verb.DO, code)

    def _read(self, data: bytes) -> StatusReport:
        """The pairs behind IS. What options say beyond WILL and DO stands between SB and SE, an SE in it doubled: passed over."""
        will, do, at = set(), set(), 1
        while at + 1 < len(data):
            verb, code = data[at], data[at + 1]
            at += 2
            if verb == Verb.WILL:
                will.add(code)
            elif verb == Verb.DO:
                do.add(code)
            elif verb == Code.SB:
                at = self._behind(data, at)
            elif verb not in (Verb.WONT, Verb.DONT):
                raise self.fault(f"byte {verb} where WILL, DO or SB should stand")
        if at != len(data):
            raise self.fault("the report ends in the midst of an option")
        return StatusReport(frozenset(will), frozenset(do))

    def _behind(self, data: bytes, at: int) -> int:
        end = data.find(Code.SE, at)
        while end >= 0 and data[end + 1 : end + 2] == bytes((Code.SE,)):
            end = data.find(Code.SE, end + 2)
        if end < 0:
            raise self.fault("an SB without its SE")
        return end + 1
