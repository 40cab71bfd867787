"""Header and trailer fields (RFC 9110 5): what stands between the first line of a message and its body.

A client sends nearly the same lines with each request, so each line is parsed once and remembered (`field_line`);
what a message costs then is a look-up a line, inside C.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Self

from wirespeak.errors import LocalProtocolError, RemoteProtocolError
from wirespeak.http.grammar import FIELD_LINE, FIELD_VALUE, TOKEN_ONLY, list_members

__all__ = ["Fields", "FieldsLike", "field_line", "split_lines"]

# More field lines than this are nobody's honest message: browsers send some 15, the busiest proxies add 20 more. nginx and
# Apache (100 by default) draw the line near here too.
MAX_FIELDS = 128

# The lines remembered, for all connections together. Only heads up to `REMEMBERED_HEAD` characters take part, so that
# the memory held is bounded by the two together: 8 MB at the very most (each line, and its value), some hundred KB in practice.
REMEMBERED_LINES = 1024
REMEMBERED_HEAD = 4096


def field_line(line: str) -> tuple[str, str]:
    """The name, in lower case, and the value of a field line (without its CRLF). Raises `RemoteProtocolError`."""
    match = FIELD_LINE.fullmatch(line)
    if match is None:
        raise _fault(line)
    return match[1].lower(), match[2].rstrip(" \t")


def split_lines(block: bytes) -> list[str]:
    """The lines, without their CRLF, of what ends in an empty one."""
    return block[:-4].decode("latin-1").split("\r\n") if len(block) > 2 else []


class _Remembered(dict[str, tuple[str, str]]):
    """What `field_line` says of a line, by the line: forgotten all at once when there are too many."""

    def __missing__(self, line: str) -> tuple[str, str]:
        read = field_line(line)
        if len(self) >= REMEMBERED_LINES:
            self.clear()
        self[line] = read
        return read


_remembered = _Remembered()

# A client's request says mostly what its last one said. A browser's differs in the page that it comes from (Referer), in what it
# is for, which stands before that line, and in the visitor's cookies behind it. So whole blocks are remembered, by what stands
# before and behind that line. 8 MB of lines at the very most, and as much of values; a megabyte or two in practice.
VARYING = b"\r\nReferer: "
REMEMBERED_BLOCKS = 2048

_blocks: dict[tuple[bytes, bytes], dict[str, str]] = {}


class Fields:
    """The fields of one message: in order, names in any case, several of one name allowed; never changed once made.

    ``fields["content-type"]`` gives the value; of several lines of one name, the values joined by commas, as RFC 9110
    5.3 says they may be (`get_all` gives them one by one: needed for Set-Cookie alone, which may not be joined).
    Making them of one's own pairs raises `LocalProtocolError` for a name or value that can't be sent (RFC 9110 5.5).
    """

    __slots__ = ("_block", "_encoded", "_read", "_values")

    _block: bytes  # where nobody has asked for the lines yet: what they stand in
    _read: list[str] | None
    _values: dict[str, str]
    _encoded: bytes | None

    def __init__(self, pairs: FieldsLike = ()) -> None:
        self._read = lines = []
        self._values = {}
        self._encoded = None
        if isinstance(pairs, Fields):
            self._read, self._values = pairs._lines, pairs._values
            return
        for name, value in pairs.items() if isinstance(pairs, Mapping) else pairs:
            if not TOKEN_ONLY.fullmatch(name):
                raise LocalProtocolError(f"{name!r} is no field name: letters, digits and !#$%&'*+-.^_`|~ only (RFC 9110 5.1)")
            if not FIELD_VALUE.fullmatch(value):
                raise LocalProtocolError(f"the value of {name} holds a character that can't be sent: {value!r} (RFC 9110 5.5)")
            value = value.strip(" \t")
            lines.append(f"{name}: {value}")
            self._add(name.lower(), value)

    @classmethod
    def parse(cls, lines: list[str], remember: bool = True) -> Self:
        """The fields of the lines (without CRLF) that a peer sent. Raises `RemoteProtocolError` at the first that is none."""
        if len(lines) > MAX_FIELDS:
            raise RemoteProtocolError(f"more than {MAX_FIELDS} field lines", code=431, clause="RFC 6585 5")
        self = cls.__new__(cls)
        self._read = lines
        self._encoded = None
        read = _remembered.__getitem__ if remember else field_line
        self._values = dict(map(read, lines))
        if len(self._values) != len(lines):
            self._values = {}
            for line in lines:
                self._add(*read(line))
        return self

    @classmethod
    def parse_block(cls, block: bytes) -> Fields:
        """The fields of a whole block, which ends in an empty line, as `parse`; remembered for `known`."""
        fields = cls.parse(split_lines(block))
        if len(fields) == len(fields._values):  # a name that comes twice is a case for looking at all lines together
            if len(_blocks) >= REMEMBERED_BLOCKS:
                _blocks.clear()
            front, _, behind = block.partition(VARYING)
            _blocks[front, behind.partition(b"\r\n")[2]] = fields._values
        return fields

    @classmethod
    def known(cls, block: bytes) -> Fields | None:
        """The fields of ``block``, where it is a whole block like one that came before; None where it has to be read.

        Where it ends need not be searched for: what is remembered holds no empty line but at its end.
        """
        front, varying, behind = block.partition(VARYING)
        page, _, rest = behind.partition(b"\r\n")
        values = _blocks.get((front, rest))
        if values is None:
            return None
        if varying:
            referer = _remembered.get("Referer: " + page.decode("latin-1"))
            if referer is None:
                return None
            values = values.copy()
            values["referer"] = referer[1]
        self = cls.__new__(cls)
        self._block, self._read, self._encoded, self._values = block, None, None, values
        return self

    @property
    def _lines(self) -> list[str]:
        if self._read is None:
            self._read = split_lines(self._block)
        return self._read

    def _add(self, name: str, value: str) -> None:
        there = self._values.get(name)
        self._values[name] = value if there is None else f"{there}, {value}"

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        """The names, in lower case, each once."""
        return iter(self._values)

    def __len__(self) -> int:
        """The number of field lines."""
        return len(self._lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fields) and self.folded() == other.folded()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Fields({list(self.items())!r})"

    @property
    def by_name(self) -> Mapping[str, str]:
        """The values by name in lower case: for look-ups on the hot path."""
        return self._values

    def get(self, name: str, default: str | None = None) -> str | None:
        """The value of ``name``, or ``default`` where there is none."""
        return self._values.get(name.lower(), default)

    def get_all(self, name: str) -> list[str]:
        """The value of each line named ``name``, in order."""
        name = name.lower()
        if name not in self._values:
            return []
        return [value for key, value in self.items() if key.lower() == name]

    def tokens(self, name: str) -> list[str]:
        """The members of a list of tokens, in lower case: ``fields.tokens("connection")``."""
        value = self._values.get(name.lower())
        return list_members(value) if value is not None else []

    def items(self) -> Iterator[tuple[str, str]]:
        """Each line's name, as it is written, and value."""
        for line in self._lines:
            name, _, value = line.partition(":")
            yield name, value.strip(" \t")

    def folded(self) -> list[tuple[str, str]]:
        """Each line's name, in lower case, and value: what two equal messages have in common."""
        return [(name.lower(), value) for name, value in self.items()]

    def with_(self, name: str, value: str) -> Fields:
        """These fields, with ``name`` set to ``value`` in place of any that was there."""
        return Fields([*self.without(name).items(), (name, value)])

    def without(self, *names: str) -> Fields:
        """These fields, but none of ``names``."""
        dropped = {name.lower() for name in names}
        return Fields([(name, value) for name, value in self.items() if name.lower() not in dropped])

    def encode(self) -> bytes:
        """The lines as they are sent, each with its CRLF."""
        if self._encoded is None:
            self._encoded = "".join([f"{line}\r\n" for line in self._lines]).encode("latin-1")
        return self._encoded


FieldsLike = Fields | Mapping[str, str] | Iterable[tuple[str, str]]


def _fault(line: str) -> RemoteProtocolError:
    """Say what is wrong with a field line that does not match; the offset counts from the line's start."""
    name, colon, _ = line.partition(":")
    if line[:1] in (" ", "\t"):
        return RemoteProtocolError("a field line that begins with a space (obs-fold)", code=400, offset=0, clause="RFC 9112 5.2")
    if not colon:
        return RemoteProtocolError("a field line without a colon", code=400, offset=len(line), clause="RFC 9112 5")
    if name[-1:] in (" ", "\t"):
        return RemoteProtocolError("a space before the colon", code=400, offset=len(name) - 1, clause="RFC 9112 5.1")
    if not TOKEN_ONLY.fullmatch(name):
        token = TOKEN_ONLY.match(name)
        return RemoteProtocolError("a field name that is no token", code=400, offset=token.end() if token else 0, clause="RFC 9110 5.1")
    whole = FIELD_LINE.match(line)
    at = whole.end() if whole else len(name) + 1
    return RemoteProtocolError(f"the character {line[at]!r} in the value of {name}", code=400, offset=at, clause="RFC 9110 5.5")
