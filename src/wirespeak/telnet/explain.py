"""Every byte of a Telnet conversation as a named part with its meaning and its clause (RFC 854, RFC 855, and the options').

`explain` takes the bytes of one direction, an `Explainer` as they come; both directions are alike. It parts data from commands by the
patterns of ``grammar.py``, as ``scanner.py`` does, and lets the options judge what is said in their names, so what it tells is what
wirespeak reads. Never fails: what breaks the protocol is a part that says so, and the next one goes on; where bytes are still to come,
a last part says what is missing.

Whether the other side agreed is not seen in one direction: WILL BINARY is taken to be agreed to, as our session does. What is
typed may be a password, and nothing tells: who shows an explanation shows all of it.

How options are told stands in ``explain_options.py``, the words in ``meanings.py``, how parts are shown in
``wirespeak/explanation.py``. Pure: touches nothing outside.
"""

from __future__ import annotations

import re
from typing import Final

from wirespeak.errors import LimitExceeded
from wirespeak.explanation import Part, Walk
from wirespeak.telnet.explain_options import Inside, explain_inside
from wirespeak.telnet.grammar import BINARY, DOUBLED, IAC, RUN, SUBNEGOTIATION_LIMIT, Code, Verb
from wirespeak.telnet.meanings import CONTROLS, VERBS, command_meaning, negotiation_meaning, option_meaning
from wirespeak.telnet.messages import option_name

__all__ = ["Explainer", "explain"]

_IAC: Final = 0xFF

# IAC SB IAC SE: the end stands where the option should (255 is one, too).
NOTHING: Final = b"\xff\xfa\xff\xf0"
SUBNEGOTIATION: Final = IAC + bytes((Code.SB,))
SUBNEGOTIATION_END: Final = IAC + bytes((Code.SE,))

TOKEN: Final = re.compile(
    rb"(?P<text>[^\x00-\x1f\x7f\xff]+)"
    rb"|(?P<iac>\xff\xff)"
    rb"|(?P<line>\r\n)"
    rb"|(?P<cr>\r\x00)"
    rb"|(?P<csi>\x1b\[[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e])"
    rb"|(?P<osc>\x1b\][^\x00-\x1f\x7f\xff]*(?:\x07|\x1b\\))"
    rb"|(?P<control>[\x00-\x1f\x7f])"
)
"""What an NVT's data is made of (RFC 854, "The NVT Printer and Keyboard"); and what terminals read in it (ECMA-48 5.4, 5.6)."""

RAW: Final = re.compile(rb"(?P<binary>[^\xff]+)|(?P<iac>\xff\xff)")
"""The same where BINARY is in effect (RFC 856)."""

TOLD: Final = {
    "text": ("text", "characters", "RFC 854"),
    "binary": ("binary data", "bytes of any kind", "RFC 856"),
    "iac": ("IAC IAC", "the byte 255 as data: it is doubled, as one alone begins a command", "RFC 854"),
    "cr": ("CR NUL", "a carriage return, and no line end: back to the left margin", "RFC 854"),
    "csi": ("control sequence", "an order to the terminal: colours, the cursor, what is erased …", "ECMA-48 5.4"),
    "osc": ("control string", "an order to the terminal's program, such as the window's title", "ECMA-48 5.6"),
}

LINE_END: Final = ("CR LF", "the end of a line", "RFC 854")


def explain(data: bytes) -> list[Part]:
    """The parts of what one side said."""
    return _Stream(data).explained()


class Explainer:
    """`explain` for what one side says as it is said, in whatever pieces.

    What was negotiated holds for the pieces that follow, and what is not whole is explained with the rest of it. Kept is no more than
    the session reads: it ends a conversation in which a subnegotiation doesn't.
    """

    def __init__(self) -> None:
        self._stream = _Stream(b"")
        self._kept = bytearray()

    def feed(self, data: bytes) -> tuple[bytes, list[Part]]:
        """The bytes that are whole by now, and their parts."""
        self._kept += data
        if not self._kept:
            return b"", []
        if self._kept.startswith(SUBNEGOTIATION) and SUBNEGOTIATION_END not in self._kept[-len(data) - 1 :]:
            return b"", []  # not looked through again with every piece
        stream = self._stream = _Stream(bytes(self._kept), self._stream)
        stream.explained()
        whole = stream.whole()
        del self._kept[:whole]
        return stream.data[:whole], stream.parts

    def end(self) -> tuple[bytes, list[Part]]:
        """No more will come: what is left, and its parts."""
        stream = _Stream(bytes(self._kept), self._stream)
        self._kept.clear()
        return stream.data, stream.explained() if stream.data else []


class _Stream(Walk):
    """What one side says: data, and commands among it; ``before`` is what it said before."""

    __slots__ = ("after_cr", "begun", "binary", "number")

    def __init__(self, data: bytes, before: _Stream | None = None) -> None:
        super().__init__(data)
        self.number: int = before.number if before else 0  # of the command
        self.binary: bool = before.binary if before else False
        self.after_cr: bool = before.after_cr if before else False  # a NUL that comes next belongs to a CR
        self.begun = 0  # where the last command begins

    def explained(self) -> list[Part]:
        try:
            self.walk()
        except LimitExceeded as error:
            self.group = ""
            self.rest("rest", "said", str(error))
        return self.parts

    def whole(self) -> int:
        """Up to where it can be told what the bytes are; the parts of the others are taken away."""
        parts, whole = self.parts, len(self.data)
        if parts and parts[-1].kind == "missing":
            whole = self.begun
            self.number -= self.number > 0
        elif self.after_cr and self.data.endswith(b"\r"):
            whole -= 1  # the end of a line, or not
            self.after_cr = False
        while parts and parts[-1].end > whole:
            parts.pop()
        return whole

    def walk(self) -> None:
        data = self.data
        if not data:
            self.missing("still to come: data, or a command")
        while self.at < len(data):
            if data[self.at] != _IAC or data[self.at + 1 : self.at + 2] == IAC:
                self.run()
            else:
                self.command()

    def missing(self, meaning: str, clause: str = "RFC 854") -> None:
        """One last part, of what has come of it."""
        self.take(len(self.data), "missing", meaning, clause, kind="missing")

    # --- data

    def run(self) -> None:
        """Explain the data up to the next command."""
        self.group = "data"
        end = RUN.match(self.data, self.at).end()  # type: ignore[union-attr]  # it matches nothing, too
        if self.after_cr and self.data[self.at] == 0:
            self.take(self.at + 1, "NUL", "belongs to the CR before the command: no line end", "RFC 854")
        self.after_cr = not self.binary and self.data.endswith(b"\r", self.at, end)
        pattern = RAW if self.binary else TOKEN
        while self.at < end:
            match = pattern.match(self.data, self.at, end)
            assert match is not None
            kind = match.lastgroup or ""
            if kind == "line":
                self.take(match.end(), *LINE_END, kind="delimiter")
            elif kind == "control":
                self.control(match[0][0])
            else:
                value = match[0].decode("utf-8", "replace") if kind == "text" else ""
                self.take(match.end(), *TOLD[kind], value)

    def control(self, code: int) -> None:
        """Explain a control character that stands alone."""
        self.take(self.at + 1, *CONTROLS.get(code, (f"Ctrl-{chr(code + 64)}", "a control character, as it is typed", "")))

    # --- commands

    def command(self) -> None:
        """Explain the command that begins here."""
        self.number += 1
        self.begun = self.at
        self.group = f"command {self.number}"
        data, at = self.data, self.at
        if at + 1 == len(data):
            self.missing("an IAC; still to come: which command it is, or another IAC")
            return
        code = data[at + 1]
        name, meaning, clause = (
            command_meaning(code) if code < Code.SB else (Code(code).name, VERBS.get(code, "a subnegotiation"), "RFC 855")
        )
        known = code < Code.SB or at + 2 < len(data)
        option = "" if code < Code.SB or not known else option_name(data[at + 2])
        self.group = f"command {self.number}: {name} {option}".rstrip()
        if data.startswith(NOTHING, at):
            self.group = f"command {self.number}: SB"
            self.take(at + 4, "malformed", "a subnegotiation of no option: it means nothing", "RFC 855", kind="malformed")
            return
        self.take(at + 1, "IAC", "a command follows", "RFC 854")
        if code == Code.SB:
            meaning = "a subnegotiation begins: the option's own language"
        self.take(at + 2, name, meaning, clause if code <= Code.SB else "RFC 854")
        if not known:
            self.missing("still to come: the option", "RFC 855" if code == Code.SB else "RFC 854")
        elif code == Code.SB:
            self.take(at + 3, option, option_meaning(data[at + 2])[0], option_meaning(data[at + 2])[1], str(data[at + 2]))
            self.subnegotiation(data[at + 2])
        elif code > Code.SB:
            self.take(at + 3, option, *negotiation_meaning(code, data[at + 2]), str(data[at + 2]))
            if data[at + 2] == BINARY and code in (Verb.WILL, Verb.WONT):
                self.binary = code == Verb.WILL
                self.after_cr = False

    def subnegotiation(self, option: int) -> None:
        """Explain what stands up to IAC SE."""
        data, start = self.data, self.at
        fault = ""
        stop = RUN.match(data, start).end()  # type: ignore[union-attr]
        while stop + 1 < len(data) and data[stop + 1] != Code.SE:
            # RFC 855 knows IAC IAC and IAC SE there, and nothing else.
            fault = fault or f"IAC {data[stop + 1]} inside it, where only IAC IAC and IAC SE may stand"
            stop = RUN.match(data, stop + 2).end()  # type: ignore[union-attr]
        length = stop - start - data.count(DOUBLED, start, stop)
        if length > SUBNEGOTIATION_LIMIT:
            fault = fault or f"it is longer than {SUBNEGOTIATION_LIMIT:,} bytes"
        if stop + 1 >= len(data):
            if fault:
                self.take(stop, "malformed", f"{fault}; it is passed over", "RFC 855", kind="malformed")
            elif stop > start:
                self.take(stop, "parameters", "the beginning of what is said")
            self.missing("still to come: IAC SE, which ends the subnegotiation", "RFC 855")
            return
        if fault:
            self.take(stop, "malformed", f"{fault}; all of it is passed over", "RFC 855", kind="malformed")
        else:
            explain_inside(Inside(self.parts, start, data[start:stop].replace(DOUBLED, IAC), self.group), option)
            self.at = stop
        self.take(stop + 2, "IAC SE", "ends the subnegotiation", "RFC 855")
