"""Every byte of a stream of frames as a named part with its meaning and its clause.

`explain` takes the bytes of one direction of a conversation. The dialect itself reads them, frame by frame, so what is told
is what wirespeak reads. Never fails: where the bytes break the protocol, the rest is one part that says which rule is
broken; where bytes are still to come, a last part says what is missing.

Pure: touches nothing outside. How the parts are shown stands in ``wirespeak/explanation.py``.
"""

from __future__ import annotations

from wirespeak.errors import LimitExceeded, RemoteProtocolError
from wirespeak.explanation import Bits, Part, Walk
from wirespeak.frames.grammar import Fixed, Netstring, Varint
from wirespeak.frames.messages import CLASSIC, Dialect, End, Ending

__all__ = ["explain"]


def explain(data: bytes, dialect: Dialect = CLASSIC, first: int = 1) -> list[Part]:
    """The parts of a stream in ``dialect``: any number of frames, the last of which need not be whole; ``first`` numbers the first."""
    return _Stream(data, dialect, first - 1).explained()


class _Stream(Walk):
    """A stream of frames."""

    __slots__ = ("dialect", "number")

    def __init__(self, data: bytes, dialect: Dialect, number: int) -> None:
        super().__init__(data)
        self.dialect = dialect
        self.number = number  # of the frame

    def explained(self) -> list[Part]:
        try:
            self.frames()
        except LimitExceeded as error:
            self.rest("rest", "said", str(error))
        return self.parts

    def begin(self) -> None:
        """What follows belongs to the next frame."""
        self.number += 1
        self.group = f"frame {self.number}"

    def frames(self) -> None:
        data, dialect = self.data, self.dialect
        if not data:
            self.begin()
            self.take(0, "missing", "nothing came; expected a frame, which begins with a length", "frames 1", kind="missing")
        while self.at < len(data):
            self.begin()
            messages, behind = dialect.read(data, self.at, 1)
            if messages:
                self.frame(messages[0], behind)
                continue
            try:
                found = dialect.look(data, self.at)
            except RemoteProtocolError as error:
                self.broken(error)
                break
            if isinstance(found, End):
                self.end()
            else:
                self.missing()

    # --- frames

    def frame(self, message: str | bytes, behind: int) -> None:
        """A whole frame, which ends at ``behind``."""
        self.length()
        end = behind - len(self.dialect.form.tail)
        if end > self.at:
            if isinstance(message, str):
                self.take(end, "text", f"{len(message):,} {_plural(len(message), 'character')} of UTF-8", "RFC 3629 3", message)
            else:
                self.take(end, "message", "bytes of any kind", "frames 4")
        if self.dialect.form.tail:
            self.take(behind, "comma", "ends the netstring", "netstrings 2", kind="delimiter")

    def length(self) -> None:
        """The length that stands here, whole."""
        form = self.dialect.form
        found = form.head(self.data, self.at)
        assert found is not None
        length, start = found
        follows = f"{length:,} {_plural(length, 'byte')} of {'text' if self.dialect.text else 'message'}"
        value = f"{length:,}"
        if isinstance(form, Netstring):
            self.take(start - 1, "length", f"in decimal digits: {follows}", "netstrings 2", value)
            self.take(start, "colon", "ends the length", "netstrings 2", kind="delimiter")
        elif isinstance(form, Varint):
            bits = _bits(self.data[self.at : start])
            self.take(start, "length", f"seven bits a byte, the lowest first: {follows}", "frames 2", value)
            self.parts[-1].bits = bits
        elif isinstance(form, Fixed):
            order = "" if form.size == 1 else f"the {'lowest' if form.order == 'little' else 'highest'} byte first: "
            self.take(start, "length", order + follows, "frames 2", value)

    def end(self) -> None:
        """The end; whatever stands behind it breaks the protocol."""
        behind = self.at + self.dialect.behind_end(self.data[self.at :])
        if self.dialect.end is Ending.MARK:
            self.take(behind, "end mark", "the greatest length there is, and no message: no more messages follow", "frames 5")
        else:
            self.length()
            self.take(behind - len(self.dialect.form.tail), "end", "the text 'end' closes the conversation", "frames 5", "end")
            if self.dialect.form.tail:
                self.take(behind, "comma", "ends the netstring", "netstrings 2", kind="delimiter")
        if self.at < len(self.data):
            self.take(len(self.data), "malformed", "bytes behind the end: nobody reads them", "frames 5", kind="malformed")

    # --- what is no frame

    def broken(self, error: RemoteProtocolError) -> None:
        """A fault: what came before it in its frame is explained as far as it goes."""
        fault = self.at + (error.offset or 0)
        found = self.dialect.form.head(self.data, self.at)
        if found is not None and fault >= found[1]:
            self.length()
            if fault > self.at:
                self.take(fault, "text" if self.dialect.text else "message", "as far as it is right")
        elif fault > self.at:
            self.take(fault, "length", "as far as it is right", error.clause)
        self.take(len(self.data), "malformed", f"{error.args[0]}; the conversation ends here", error.clause, kind="malformed")

    def missing(self) -> None:
        """A frame of which more is to come."""
        error = self.dialect.cut_off(self.data[self.at :])
        assert error is not None
        if self.dialect.form.head(self.data, self.at) is not None:
            self.length()
        self.take(len(self.data), "missing", f"more is to come; so far {error.args[0]}", error.clause, kind="missing")


def _bits(said: bytes) -> tuple[Bits, ...]:
    """The bits of a varint."""
    found = []
    for number, byte in enumerate(said):
        more = byte >> 7
        found.append(Bits(8 * number, 1, "continuation", str(more), "another byte follows" if more else "the last byte"))
        found.append(Bits(8 * number + 1, 7, f"bits {7 * number} to {7 * number + 6}", f"{(byte & 0x7F) << 7 * number:,}"))
    return tuple(found)


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"
