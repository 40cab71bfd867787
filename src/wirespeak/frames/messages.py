"""The values: a `Dialect`, the `Frames` of a stream, and its `End`; read from bytes, and written as bytes.

A conversation has one dialect from its first byte to its last: both sides know it, nothing on the wire says it. It fixes
how a length is written (``grammar.py``), how long a message may be, whether it is text, and how the end is told.

Clauses: "frames 3" is rule 3 of this package's README. Pure: touches nothing outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from wirespeak.errors import IncompleteMessage, LocalProtocolError, RemoteProtocolError
from wirespeak.frames.grammar import END_WORD, LENGTHS, Length, Netstring

__all__ = ["CLASSIC", "DIALECTS", "LIMIT", "Dialect", "End", "Ending", "Frames"]

LIMIT: Final = 1 << 20
"""The longest message, in bytes, unless a dialect says otherwise: a long text, and yet ten thousand peers that are each in the
midst of one fill no more than the memory of a small server. Whoever sends pictures or films raises it knowingly."""


class Ending(Enum):
    """frames 5: how a side says that no more messages follow."""

    CLOSE = "close"
    """It ends its stream (FIN) between two frames. Nothing that is sent can be mistaken for it; but a program that dies
    there ends its stream too."""

    MARK = "mark"
    """It sends the greatest length that can be written, with no message behind it, and then ends its stream. No message
    is so long, so all can be sent; and a stream that ends without the mark was cut off."""

    WORD = "word"
    """Either side sends the text ``end``, and that closes the conversation. That text can't be sent as a message then."""


@dataclass(slots=True)
class Frames:
    """Messages in order: as an event, those that came; said to a session, those that are to be sent.

    ``str`` in a text dialect, ``bytes`` in a binary one. ``size`` counts the bytes that they took on the wire, as `consumed`
    wants to have them back.
    """

    messages: Sequence[Any]
    size: int = field(default=0, compare=False)


@dataclass(slots=True)
class End:
    """No more messages follow from that side."""


@dataclass(slots=True, frozen=True)
class Dialect:
    """How a conversation is written. Raises `LocalProtocolError` for a combination that can't be.

    ``length`` names a way to write lengths (`grammar.LENGTHS`). ``text`` says whether messages are UTF-8 text, ``str`` here,
    or any ``bytes``. ``limit`` is the longest message in bytes; it is never more than the length can say. ``end`` is how
    the end is told.
    """

    length: str = "u16le"
    text: bool = True
    limit: int = LIMIT
    end: Ending = Ending.CLOSE
    form: Length = field(init=False, repr=False, compare=False)
    mark: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        form = LENGTHS.get(self.length)
        if form is None:
            raise LocalProtocolError(f"{self.length!r} is no way to write a length: expected one of {', '.join(LENGTHS)}")
        if self.end is Ending.MARK and isinstance(form, Netstring):
            raise LocalProtocolError("netstrings have no mark for an end (netstrings 2): end them by closing")
        if self.limit < 0:
            raise LocalProtocolError(f"a limit of {self.limit}: expected a number of bytes")
        # The mark is a length that no message has, so it costs the dialect its longest message.
        longest, mark = (form.most - 1, form.most) if self.end is Ending.MARK else (form.most, -1)
        object.__setattr__(self, "form", form)
        object.__setattr__(self, "mark", mark)
        object.__setattr__(self, "limit", min(self.limit, longest))

    # --- reading

    def read(self, data: bytes, at: int, most: int) -> tuple[list[Any], int]:
        """At most ``most`` messages of ``data`` from ``at`` on, and the place behind them.

        It stops before a frame that is not whole, is the end, or is broken; `look` then tells which. This is the hot
        path: a loop over frames, not over bytes, and everything inside a message is left to C.
        """
        head, limit, tail = self.form.head, self.limit, self.form.tail
        width, begin, end = len(tail), at, len(data)
        bodies: list[Any] = []
        for _ in range(most):
            found = head(data, at)
            if found is None:
                break
            length, start = found
            stop = start + length
            if length > limit or stop + width > end or (width and data[stop : stop + width] != tail):
                break
            bodies.append(data[start:stop])
            at = stop + width
        if self.end is Ending.WORD and END_WORD in bodies:
            return self.read(data, begin, bodies.index(END_WORD))
        if self.text:
            try:
                return [body.decode() for body in bodies], at
            except UnicodeDecodeError as error:
                return self.read(data, begin, bodies.index(error.object))
        return bodies, at

    def look(self, data: bytes, at: int) -> int | End:
        """Why `read` finds no message at ``at``: its end is there, or so many bytes are needed before there can be one.

        Raises `RemoteProtocolError` where the bytes break the protocol. Its offset counts from the start of the frame.
        """
        form = self.form
        found = form.head(data, at)
        if found is None:
            if fault := form.fault(data, at):
                raise fault
            return len(data) - at + 1
        length, start = found
        stop = start + length
        if length > self.limit:
            if length == self.mark:
                return End()
            what = f"a message of {length:,} bytes, over the limit of {self.limit:,}, announced"
            raise RemoteProtocolError(what, offset=0, clause="frames 3")
        if stop + len(form.tail) > len(data):
            return stop + len(form.tail) - at
        if not data.startswith(form.tail, stop):
            found_there = data[stop : stop + 1]
            raise RemoteProtocolError(f"{found_there!r} where a comma was expected", offset=stop - at, clause="netstrings 2")
        body = data[start:stop]
        if self.end is Ending.WORD and body == END_WORD:
            return End()
        try:
            body.decode()
        except UnicodeDecodeError as error:
            what = f"a text that is not UTF-8 (its byte {error.start} is 0x{body[error.start]:02x})"
            raise RemoteProtocolError(what, offset=start - at + error.start, clause="RFC 3629 4") from None
        raise AssertionError("a whole message stands there, which read() gives out")

    def behind_end(self, data: bytes) -> int:
        """The place behind the end that ``data`` begins with, as `look` has found."""
        found = self.form.head(data, 0)
        assert found is not None
        length, start = found
        return start if length == self.mark else start + length + len(self.form.tail)

    def cut_off(self, data: bytes) -> IncompleteMessage | None:
        """The error of a stream that ended with ``data``, which `read` left; None where it may end so (frames 5)."""
        if not data:
            return IncompleteMessage("no end mark came: there was to be more", clause="frames 5") if self.end is Ending.MARK else None
        found = self.form.head(data, 0)
        if found is None:
            what = f"a length: {self.form.missing(len(data))}"
        elif (came := len(data) - found[1]) < found[0]:
            what = f"a message: {came:,} of {found[0]:,} bytes came"
        else:
            what = f"a netstring: all {found[0]:,} bytes of the message came, but no comma"
        return IncompleteMessage(f"the stream ended inside {what}", offset=len(data), clause="frames 5")

    # --- writing

    def encode(self, messages: Sequence[Any]) -> bytes:
        """The frames of ``messages``. Raises `LocalProtocolError` for one that can't be sent, before anything is written."""
        bodies = self._encoded(messages)
        if bodies and (longest := max(map(len, bodies))) > self.limit:
            raise LocalProtocolError(f"a message of {longest:,} bytes is too long: the limit is {self.limit:,} (frames 3)")
        if self.end is Ending.WORD and END_WORD in bodies:
            raise LocalProtocolError("the message 'end' closes the conversation, so this dialect can't send it as data (frames 5)")
        say, tail = self.form.say, self.form.tail
        return b"".join([say(len(body)) + body + tail for body in bodies])

    def _encoded(self, messages: Sequence[Any]) -> list[bytes]:
        try:
            if self.text:
                return list(map(str.encode, messages))
            return [message if type(message) is bytes else bytes(memoryview(message)) for message in messages]
        except TypeError:
            expected = "str, as this dialect carries text" if self.text else "bytes, as this dialect is binary"
            raise LocalProtocolError(f"a message of the wrong type: expected {expected}") from None
        except UnicodeEncodeError as error:
            raise LocalProtocolError(f"a text that UTF-8 can't carry: {error.reason} at character {error.start} (RFC 3629 3)") from None

    def encode_end(self) -> bytes:
        """What says the end, before the stream is ended: the word, the mark, or nothing."""
        if self.end is Ending.WORD:
            return self.form.say(len(END_WORD)) + END_WORD + self.form.tail
        return self.form.say(self.mark) if self.end is Ending.MARK else b""


CLASSIC: Final = Dialect("u16le", end=Ending.WORD)
"""Two bytes of length, little-endian, then UTF-8 text; the text ``end`` closes the conversation."""

DIALECTS: Final[dict[str, Dialect]] = {"classic": CLASSIC} | {name: Dialect(name) for name in LENGTHS}
"""The dialects by the names that the command line knows. All but the classic one end by closing."""
