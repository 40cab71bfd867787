"""Zone files read: the master format (RFC 1035 5, RFC 2308 4, RFC 3597 5) made into records, one after the other.

    $TTL 1h
    @       SOA ns1 hostmaster 2026010101 1d 2h 4w 1h     ; no owner: the last one
            NS  ns1
    ns1     A   192.0.2.1

Most lines of a large file are plain: one record, no quotes, no parentheses, no escapes. Those are taken apart by one pattern
(`PLAIN`). Whatever is not of that kind, or turns out not to be right, is read word by word, and there alone faults are told:
so both ways say the same, and the fast one stays simple.

A fault does not end the reading: it is kept, the rest is read, and `ZoneError` tells of all at the end.
Touches no file: text comes in as bytes, and what ``$INCLUDE`` names is opened by who calls (``zonefile.py`` does).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final

from wirespeak.dns.generate import Template, read_range
from wirespeak.dns.grammar import MAX_TTL, PIECE, Token, Tokens, octets
from wirespeak.dns.grammar import ttl as ttl_of
from wirespeak.dns.messages import Record
from wirespeak.dns.names import Name, wire_of
from wirespeak.dns.rdata import Rdata
from wirespeak.dns.rdata.kinds import ipv4_of, ipv6_of
from wirespeak.dns.registry import Class, Type, class_number, class_text, type_number, type_text
from wirespeak.errors import TextError

__all__ = ["MAX_FAULTS", "MAX_GENERATED", "Entry", "Include", "ZoneError", "ZoneReader", "read_zone"]

Entry = tuple[bytes, int, int, bytes]
"""A record as cheaply as can be: its owner's bytes, its type, its TTL in seconds, its data's bytes."""

Include = Callable[[str, str], tuple[str, Iterable[bytes]]]
"""Opens what ``$INCLUDE`` names: (the name, the file it stands in) → (the file, its bytes). Raises `TextError`."""

# Who mends a file wants to know more than the first fault; of a file that is none of this kind, a hundred say enough.
MAX_FAULTS: Final = 100
# Data has at most 65,535 octets (RFC 1035 3.2.1), in text at most four characters each: an entry has room for four times that.
MAX_ENTRY: Final = 1 << 20
# Records that $GENERATE makes for one zone: the reverse names of sixteen times 65,536 addresses.
MAX_GENERATED: Final = 1 << 20
# Files inside each other, and all that one zone includes (some have a file for each key or customer).
MAX_DEPTH: Final = 10
MAX_INCLUDES: Final = 10_000
# Names, and what stands between owner and data, are remembered by their text: as many as stay in a processor's cache.
MAX_REMEMBERED: Final = 4096

PLAIN: Final = re.compile(
    r"""
      ( (?: [0-9A-Za-z*_-] [0-9A-Za-z*_./+-]*+ | @ )?+ )                     # the owner, or a blank for the last one
      ( [ \t]++ (?: (?: [0-9] [0-9A-Za-z]*+ | [Ii][Nn] ) [ \t]++ ){0,2}+     # TTL and class, in either order
        [A-Za-z] [0-9A-Za-z-]*+ [ \t]++ )                                    # the type
      ( [!\#-'*-:<-\[\]-~]++ (?: [ \t]++ [!\#-'*-:<-\[\]-~]++ )*+            # the data: plain words,
      | "[ !\#-\[\]-~]*+" )                                                  # or a single string
      [ \t]*+ (?: ;.*+ | \r )?
    """,
    re.VERBOSE,
)
# What has no place in a zone file but in a comment: control characters, and bytes that are not UTF-8.
ODD: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\udc80-\udcff]")

# RFC 1035 3.3.4, 3.3.5 call them obsolete; the others stand for questions and messages, and are no data (RFC 6895 3.1).
OBSOLETE: Final = frozenset({Type.MD, Type.MF})
META: Final = frozenset({0, Type.OPT, *range(128, 256)})

# Types whose data is but a name: read once for each text.
NAMED: Final = frozenset({Type.NS, Type.CNAME, Type.PTR, Type.DNAME})


class ZoneError(TextError):
    """A zone that can't be read, or is none: ``faults`` holds each of its faults with file, line and column."""

    def __init__(self, faults: Iterable[TextError]) -> None:
        self.faults = tuple(faults)
        first, more = self.faults[0], len(self.faults) - 1
        others = f" (and {more} more fault{'s' if more > 1 else ''})" if more else ""
        super().__init__(f"{first.args[0]}{others}", file=first.file, line=first.line, column=first.column)

    def __reduce__(self) -> tuple[type[ZoneError], tuple[tuple[TextError, ...]]]:
        return type(self), (self.faults,)


class _Stop(Exception):
    """Nothing more is read; why stands among the faults."""


class _Names(dict[str, bytes]):
    """Names by their text, each read once; relative ones continue with ``origin``. Raises `TextError`."""

    def __init__(self, origin: Name, zone: Name | None) -> None:
        self.origin = origin
        self.zone = zone  # what they have to be beneath, where that matters
        self._inside = zone is None or origin.is_beneath(zone)

    def __missing__(self, text: str) -> bytes:
        wire = wire_of(text, self.origin)
        # What is written without a dot at its end is beneath the origin; a dot may be one of other scripts.
        if self.zone is not None and not (self._inside and text[-1] != "." and text.isascii()) and not Name(wire).is_beneath(self.zone):
            raise TextError(f"{Name(wire)} is outside of the zone {self.zone} (RFC 1035 5.2)")
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        self[text] = wire
        return wire


class _Text:
    """One file while it is read; or the lines that $GENERATE makes, which all stand where that stands (``step`` 0)."""

    def __init__(
        self, file: str, lines: Iterator[str], zone: Name, origin: Name, owner: bytes | None, line: int = 0, step: int = 1
    ) -> None:
        self.file = file
        self.lines = lines
        self.line = line
        self.step = step
        self.zone = zone
        self.owner = owner  # of the last record; None before there is one, b"" where it was faulty
        self.turn_to(origin)

    def turn_to(self, origin: Name) -> None:
        """From here on names continue with ``origin``."""
        self.origin = origin
        self.owners = _Names(origin, self.zone)
        self.names = _Names(origin, None)


class ZoneReader:
    """The records of a zone file, made while one goes over them: in memory that does not grow with the file.

    ``source`` is the text, or its bytes in pieces of any length; ``origin`` is the zone's name, with which relative names
    continue at first; ``cls`` the class that its records have to be of; ``ttl`` what a ``$TTL`` in front would say.
    ``file`` is what faults call it. Without ``include``, ``$INCLUDE`` is a fault.

    Going over it gives each `Entry`; then ``file`` and ``line`` tell where it stands. At the end `ZoneError` is raised if
    there were faults: what was given before is then not the zone.
    """

    def __init__(
        self,
        source: str | bytes | Iterable[bytes],
        origin: Name,
        *,
        cls: int = Class.IN,
        ttl: int | None = None,
        file: str = "",
        include: Include | None = None,
    ) -> None:
        self.origin = origin
        self.cls = cls
        self.faults: list[TextError] = []
        self._include = include
        self._text = _Text(file, _lines(source), origin, origin, None)
        self._open = [file]  # the files that are being read, from the outermost in
        self._included = 0
        self._generated = 0
        # What a record without a TTL has: that of $TTL (RFC 2308 4), else the one that was given last (RFC 1035 5.1).
        self._ttl = ttl
        self._ttl_stays = ttl is not None
        self._heads: dict[str, tuple[int | None, int]] = {}

    @property
    def file(self) -> str:
        """The file in which the record that was given last stands."""
        return self._text.file

    @property
    def line(self) -> int:
        """The line at which the record that was given last begins, counted from 1."""
        return self._text.line

    def __iter__(self) -> Iterator[Entry]:
        try:
            yield from self._read(self._text)
        except _Stop:
            pass
        if self.faults:
            raise ZoneError(self.faults)

    def records(self) -> Iterator[Record]:
        """The same as `Record`s."""
        for owner, type, ttl, wire in self:
            yield Record(Name(owner), type, self.cls, ttl, Rdata(type, wire))

    # --- plain lines

    def _read(self, text: _Text) -> Iterator[Entry]:
        plain, heads, step = PLAIN.fullmatch, self._heads, text.step
        for line in text.lines:
            text.line += step
            match = plain(line) if len(line) <= MAX_ENTRY else None
            if match is not None:
                owner_text, head, data = match.groups()
                try:
                    ttl, type = heads.get(head) or self._head(head)
                    owner = text.owners[owner_text] if owner_text else text.owner
                    wire = self._plain_data(type, data, text)
                except TextError:
                    pass
                else:
                    if owner:
                        if ttl is None:
                            ttl = self._ttl
                        elif not self._ttl_stays:
                            self._ttl = ttl
                        if ttl is not None:
                            text.owner = owner
                            yield owner, type, ttl, wire
                            continue
            yield from self._entry(text, line)

    def _head(self, head: str) -> tuple[int | None, int]:
        """TTL and type of what stands between owner and data. Raises `TextError` where that is none of a plain line."""
        words = Tokens([Token(word) for word in head.split()])
        ttl, type = self._ttl_and_type(words)
        if type == Type.SOA:
            raise TextError("a SOA record may give a TTL to those that follow")
        if len(self._heads) >= MAX_REMEMBERED:
            self._heads.clear()
        self._heads[head] = ttl, type
        return ttl, type

    def _plain_data(self, type: int, data: str, text: _Text) -> bytes:
        if data[0] == '"':
            words = Tokens([Token(data[1:-1], True)])
        elif type == Type.A:
            return ipv4_of(data)
        elif type == Type.AAAA:
            return ipv6_of(data)
        elif type in NAMED and " " not in data and "\t" not in data:
            return text.names[data]
        else:
            words = Tokens([Token(word) for word in data.split()])
        return Rdata.parse(type, words, text.origin).wire

    # --- all others, word by word

    def _entry(self, text: _Text, line: str) -> Iterator[Entry]:
        """What an entry gives that begins with ``line``: nothing, a record, or many; its faults are kept."""
        if not line or (line[0] == ";" and len(line) <= MAX_ENTRY):
            return
        words, end = self._words(text, line)
        try:
            first = words.peek()
            if first is None:
                pass
            elif line[0] in " \t":
                yield from self._record(text, words)
            elif not first.quoted and first.text[0] == "$":  # a quoted word may be empty
                yield from self._directive(text, words)
            else:
                text.owner = b""
                text.owner = text.owners[words.plain("an owner")]
                yield from self._record(text, words)
        except TextError as error:
            words.locate(error)
            self._keep(error, text)
        text.line = end

    def _words(self, text: _Text, line: str) -> tuple[Tokens, int]:
        """The words of the entry that begins with ``line``, and the number of its last line; no words where there is a fault."""
        words: list[Token] = []
        fault: TextError | None = None  # the first one
        depth = size = 0
        opened = (0, 0)  # line and column of the outermost parenthesis
        number = text.line
        while True:
            line = line.removesuffix("\r")
            size += len(line) + 1
            if size > MAX_ENTRY:
                self._keep(TextError(f"an entry of more than {MAX_ENTRY} characters; nothing behind it is read"), text)
                raise _Stop
            at = 0
            while at < len(line):
                match = PIECE.match(line, at)
                kind = match.lastgroup if match else None
                odd = ODD.search(match[0]) if match and kind != "comment" else None
                if match is None or odd is not None:
                    at += odd.start() if odd else 0
                    fault = fault or TextError(_why(line[at]), line=number, column=at + 1)
                elif kind == "word" or kind == "quoted":
                    words.append(Token(match[kind], kind == "quoted", number, at + 1))
                elif match[0] == "(":
                    opened = opened if depth else (number, at + 1)
                    depth += 1
                elif match[0] == ")" and depth:
                    depth -= 1
                elif match[0] == ")":
                    fault = fault or TextError("a closing parenthesis that none has opened", line=number, column=at + 1)
                at = match.end() if match else at + 1
            if not depth:
                break
            following = next(text.lines, None)
            if following is None:
                fault = fault or TextError("a parenthesis that is not closed", line=opened[0], column=opened[1])
                break
            line = following
            number += text.step
        if fault is not None:
            self._keep(fault, text)
            words = []
        return Tokens(words), number

    def _record(self, text: _Text, words: Tokens) -> Iterator[Entry]:
        """The record of which the owner is read already."""
        ttl, type = self._ttl_and_type(words)
        place = words.words[-len(words) - 1]
        wire = Rdata.parse(type, words, text.origin).wire
        if text.owner is None:
            raise TextError("the first record has no owner: a name, or @ for the zone's own", line=place.line, column=1)
        if not text.owner:
            return  # its owner was faulty where it stands, which has been told
        if type == Type.SOA and text.owner.lower() != self.origin.key:
            raise TextError(f"a SOA record at {Name(text.owner)}: it belongs to the zone's own name, {self.origin} (RFC 1035 5.2)")
        if ttl is not None:
            self._ttl = self._ttl if self._ttl_stays else ttl
        elif self._ttl is not None:
            ttl = self._ttl
        elif type == Type.SOA:
            # As BIND has it: what SOA's last field says counts for all, as it did when it was that (RFC 1035 3.3.13).
            ttl = self._ttl = min(int.from_bytes(wire[-4:], "big"), MAX_TTL)
            self._ttl_stays = True
        else:
            self._ttl = 0  # told once
            raise TextError("no time to live, and no $TTL before (RFC 2308 4)", line=place.line, column=place.column)
        yield text.owner, type, ttl, wire

    def _ttl_and_type(self, words: Tokens) -> tuple[int | None, int]:
        """TTL and class in either order, each of them or none, and the type (RFC 1035 5.1)."""
        seconds = cls = None
        while True:
            word = words.plain("a type")
            if seconds is None and word[0] in "0123456789":
                seconds = ttl_of(word)
            elif cls is None and (cls := _class(word)) is not None:
                if cls != self.cls:
                    raise TextError(f"a record of class {class_text(cls)} in a zone of class {class_text(self.cls)}")
            else:
                type = type_number(word)
                if type in META or type in OBSOLETE:
                    raise TextError(f"{type_text(type)} is no type of record that a zone can have")
                return seconds, type

    def _keep(self, fault: TextError, text: _Text) -> None:
        fault.file = fault.file or text.file
        fault.line = fault.line or text.line
        if not text.step:
            fault.column = 1  # of the $GENERATE: its lines stand nowhere
        self.faults.append(fault)
        if len(self.faults) >= MAX_FAULTS:
            self.faults.append(TextError(f"the {MAX_FAULTS}th fault: the rest is not read", file=text.file, line=text.line))
            raise _Stop

    # --- directives

    def _directive(self, text: _Text, words: Tokens) -> Iterator[Entry]:
        name = words.plain("a directive").upper()
        if name == "$ORIGIN":
            origin = Name(wire_of(words.plain("a name"), text.origin))
            words.end()
            text.turn_to(origin)
        elif name == "$TTL":
            seconds = ttl_of(words.plain("a time to live"))
            words.end()
            self._ttl, self._ttl_stays = seconds, True
        elif name == "$INCLUDE":
            yield from self._include_file(text, words)
        elif name == "$GENERATE":
            yield from self._generate(text, words)
        else:
            raise TextError(f"{name[:40]!r} is no directive: there are $ORIGIN, $TTL, $INCLUDE and $GENERATE")

    def _include_file(self, text: _Text, words: Tokens) -> Iterator[Entry]:
        """``$INCLUDE file [origin]``: neither what it does to the origin nor its last owner outlasts it (RFC 1035 5.1)."""
        name = octets(words.take("a file").text).decode("utf-8", "surrogateescape")
        place = words.words[1]
        origin = Name(wire_of(words.plain("an origin"), text.origin)) if words else text.origin
        words.end()
        try:
            if self._include is None:
                raise TextError("$INCLUDE has nowhere to look: this is not read from a file")
            self._included += 1
            if len(self._open) > MAX_DEPTH or self._included > MAX_INCLUDES:
                raise TextError(f"files inside each other to a depth of {MAX_DEPTH} at most, and {MAX_INCLUDES} in all")
            file, source = self._include(name, text.file)
            if file in self._open:
                raise TextError(f"{name} includes itself")
        except TextError as fault:
            fault.line, fault.column = place.line, place.column
            raise
        self._open.append(file)
        yield from self._inside(_Text(file, _lines(source), self.origin, origin, text.owner), text)
        self._open.pop()

    def _generate(self, text: _Text, words: Tokens) -> Iterator[Entry]:
        """``$GENERATE range owner [ttl] [class] type data``; data of several words is put in quotes."""
        numbers = read_range(words.plain("a range"))
        self._generated += len(numbers)
        if self._generated > MAX_GENERATED:
            raise TextError(f"{len(numbers)} records by $GENERATE; a zone may have {MAX_GENERATED} made so in all")
        owner = Template(words.plain("an owner"))
        seconds, type = self._ttl_and_type(words)
        data = Template(words.take("the data").text)
        words.end()
        head = f" {'' if seconds is None else seconds} {type_text(type)} "
        so_far = len(self.faults)

        def lines() -> Iterator[str]:
            for number in numbers:
                yield owner.at(number) + head + data.at(number)
                if len(self.faults) > so_far:
                    return  # the next would have the same one

        yield from self._inside(_Text(text.file, lines(), self.origin, text.origin, None, text.line, 0), text)

    def _inside(self, inner: _Text, outer: _Text) -> Iterator[Entry]:
        """What ``inner`` gives, which stands inside of ``outer``."""
        self._text = inner
        try:
            yield from self._read(inner)
        finally:
            self._text = outer


def read_zone(
    source: str | bytes | Iterable[bytes], origin: Name, *, cls: int = Class.IN, ttl: int | None = None, file: str = ""
) -> Iterator[Record]:
    """The records of a zone file without ``$INCLUDE``, as `ZoneReader` gives them. Raises `ZoneError` at the end if there were faults."""
    return ZoneReader(source, origin, cls=cls, ttl=ttl, file=file).records()


def _lines(source: str | bytes | Iterable[bytes]) -> Iterator[str]:
    """The lines without their ends. Of one that is longer than an entry may be, the beginning, which says so."""
    if isinstance(source, str):
        source = source.encode("utf-8", "surrogateescape")
    return chain.from_iterable(_blocks([source] if isinstance(source, bytes) else source))


def _blocks(pieces: Iterable[bytes]) -> Iterator[list[str]]:
    """The lines that each piece completes. A byte that is not UTF-8 becomes a character of its own (U+DC80 to U+DCFF)."""
    rest = b""
    mark = "\ufeff"  # a byte order mark may stand in front of the first line (RFC 3629 6)
    for piece in pieces:
        whole, end, rest = (rest + piece).rpartition(b"\n")
        if end:
            yield whole.decode("utf-8", "surrogateescape").removeprefix(mark).split("\n")
            mark = ""
        if len(rest) > 4 * MAX_ENTRY:
            break
    if rest:
        yield [rest.decode("utf-8", "surrogateescape").removeprefix(mark)]


def _class(word: str) -> int | None:
    try:
        return class_number(word)
    except TextError:
        return None


def _why(sign: str) -> str:
    """Why nothing can be read that begins with ``sign``."""
    if sign == '"':
        return "a quote that is not closed on its line"
    if sign == "\\":
        return "a backslash that nothing follows"
    if "\udc80" <= sign <= "\udcff":
        return f"the byte {ord(sign) - 0xDC00:#04x} is not UTF-8; as \\{ord(sign) - 0xDC00} it would stand for itself"
    return f"the character U+{ord(sign):04X} has no place here"
