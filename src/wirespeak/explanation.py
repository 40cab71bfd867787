"""What the bytes on a wire mean: a message as a list of named parts, and three ways to show it.

Each protocol's ``explain.py`` makes `Part`s of the bytes of one direction of a conversation. One law holds for all of
them, and `tiles` checks it: **the parts lie edge to edge**, from the first byte to the last, so that no byte is left out
and none is explained twice. Where bytes are broken or cut off, a part says that too: to explain never fails.

The parts are shown as plain data (`as_json`), on a terminal (`as_text`) and on a page (`as_html`, with `STYLE`). What a
peer sent is untrusted: `visible` lets no control character through, so nothing a peer sends can move the cursor, change
colours or turn the direction of writing, and the page's text is escaped.

Touches nothing outside.
"""

from __future__ import annotations

import re
from codecs import utf_8_decode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, Final, Literal, TypeAlias
from unicodedata import combining, east_asian_width

from wirespeak.errors import LimitExceeded

__all__ = ["MAX_PARTS", "STYLE", "Bits", "Kind", "Part", "Walk", "as_html", "as_json", "as_text", "clause_url", "tiles", "visible"]

# Parts made of one stream: more than anyone reads. Without a bound, a stream of empty messages or one-byte lines would take a
# hundred times its own size. What lies behind is one part.
MAX_PARTS: Final = 50_000

Kind: TypeAlias = Literal["said", "delimiter", "malformed", "missing"]
"""What a part is: something said; what only keeps other parts apart (a space, a colon, a line's end); bytes that break the
protocol, from the fault to the end; or what should follow and has not come (its bytes are what came of it, often none)."""


@dataclass(slots=True)
class Bits:
    """Some bits of a part that says several things at once (the flags of a DNS header, the first byte of a WebSocket frame).

    ``first`` counts from the most significant bit of the part's first byte, as the drawings of the RFCs do.
    """

    first: int
    count: int
    name: str
    value: str = ""
    meaning: str = ""
    clause: str = ""


@dataclass(slots=True)
class Part:
    """The bytes from ``start`` up to ``end``, and what they mean.

    ``name`` is what the RFC calls them, ``value`` what they say once decoded (the number, the text; empty where the bytes
    say no more than themselves), ``meaning`` what that leads to, in words, ``clause`` the rule behind it ("RFC 9112 3").
    ``group`` names what it belongs to: neighbours of one group are shown together. ``bits``, where there are any, lie
    edge to edge too.
    """

    start: int
    end: int
    name: str
    value: str = ""
    meaning: str = ""
    clause: str = ""
    group: str = ""
    kind: Kind = "said"
    bits: tuple[Bits, ...] = ()


class Walk:
    """Goes along the bytes of one direction and leaves parts behind; ``at`` is where the next one begins, ``group`` whose it is."""

    __slots__ = ("at", "data", "group", "parts")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.group = ""
        self.parts: list[Part] = []

    def take(self, end: int, name: str, meaning: str = "", clause: str = "", value: str = "", kind: Kind = "said") -> None:
        """A part from here to ``end``. Raises `LimitExceeded` where there are parts enough: then the `rest` is one more."""
        if len(self.parts) >= MAX_PARTS:
            raise LimitExceeded(f"not explained any further: {MAX_PARTS:,} parts are enough")
        self.parts.append(Part(self.at, end, name, value, meaning, clause, self.group, kind))
        self.at = end

    def rest(self, name: str, kind: Kind, meaning: str, clause: str = "") -> None:
        """One last part of all that is left."""
        self.parts.append(Part(self.at, len(self.data), name, "", meaning, clause, self.group, kind))
        self.at = len(self.data)


def tiles(parts: Iterable[Part], data: bytes) -> bool:
    """Whether ``parts`` lie edge to edge over all of ``data``, and the bits of each over all of its bits."""
    at = 0
    for part in parts:
        if part.start != at or part.end < at:
            return False
        at = part.end
        bit = 0
        for bits in part.bits:
            if bits.first != bit or bits.count < 1:
                return False
            bit += bits.count
        if part.bits and bit != 8 * (part.end - part.start):
            return False
    return at == len(data)


def as_json(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """The parts as plain data: what ``json.dumps`` takes."""
    return [asdict(part) for part in parts]


# --- bytes made visible


class _Visible(dict[int, str]):
    """For `str.translate`: an escape for each character that does not print, or could be taken for an escape."""

    def __missing__(self, code: int) -> str:
        if chr(code).isprintable():
            return chr(code)
        if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as surrogateescape hands it over
            return f"\\x{code - 0xDC00:02x}"
        return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_VISIBLE: Final = _Visible({code: chr(code) for code in range(0x20, 0x7F)})  # at hand, as most of what is shown
_VISIBLE.update({ord("\\"): r"\\", ord("\r"): r"\r", ord("\n"): r"\n", ord("\t"): r"\t"})


def visible(said: bytes | str) -> str:
    r"""``said`` as text that is safe to show and tells one byte from another: UTF-8 where it is, the rest as ``\r``, ``\x1b``, …"""
    return (said if isinstance(said, str) else said.decode("utf-8", "surrogateescape")).translate(_VISIBLE)


# What `visible` makes of one character.
_UNIT: Final = re.compile(r"\\x..|\\u.{4}|\\U.{8}|\\.|.")


def _is_binary(data: bytes) -> bool:
    """Whether ``data`` is better shown in hexadecimal: more than a quarter of its first bytes are no text."""
    text = utf_8_decode(data[:256], "surrogateescape", False)[0]
    return sum(not char.isprintable() and char not in "\t\r\n" for char in text) * 4 > len(text)


def _units(data: bytes, part: Part, limit: int) -> list[str]:
    """What the first ``limit`` bytes of ``part`` look like: its characters made visible, or its bytes in hexadecimal."""
    sample = data[part.start : min(part.end, part.start + limit)]
    if part.kind == "delimiter":
        return [visible(sample).replace(" ", "·") + ("…" if part.end - part.start > limit else "")]
    if _is_binary(sample):
        return re.findall("...?", sample.hex(" "))
    return _UNIT.findall(visible(utf_8_decode(sample, "surrogateescape", len(sample) == part.end - part.start)[0]))


def _value(part: Part, units: list[str]) -> str:
    """The value of ``part``, where it tells more than its bytes as they are shown; shortened where it is long."""
    value = visible(part.value[: LONGEST_VALUE + 1])
    if "".join(units).startswith(value):
        return ""
    return value if len(part.value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…"


def _pattern(part: Part, bits: Bits, data: bytes) -> str:
    """The bits of ``bits`` within those of its part, the others as dots: ``.000 0... .... ....``."""
    size = 8 * (part.end - part.start)
    digits = f"{int.from_bytes(data[part.start : part.end]):0{size}b}"
    row = "." * bits.first + digits[bits.first : bits.first + bits.count] + "." * (size - bits.first - bits.count)
    return " ".join(row[at : at + 4] for at in range(0, size, 4))


# Characters shown of a decoded value; its bytes stand beside it.
LONGEST_VALUE = 200


# --- on a terminal

# Lines that the bytes of one part may take: enough for a browser's longest field, and not for its download.
LINES_OF_BYTES = 6
# Columns beyond which lines get harder to read, and not more useful.
WIDEST = 110

_Atom: TypeAlias = tuple[str, str]
"""Text that is best not broken, and the style it is painted in."""

# The colours are the terminal's own, so they suit a light background as well as a dark one.
_PAINT: Final = {
    "offset": "2", "group": "1;4", "said": "1;32", "delimiter": "2", "malformed": "1;31", "missing": "1;35",
    "name": "36", "value": "33", "clause": "2", "": "",
}  # fmt: skip


def as_text(data: bytes, parts: Sequence[Part], *, direction: str = "", colour: bool = False, width: int = 80) -> str:
    """The explanation for a terminal ``width`` columns wide: offset, bytes, and what they mean.

    A part takes a row; delimiters stand behind the part they end, and are explained once, in a legend below. ``direction``
    (an arrow, say) goes before each line. On a narrow terminal the meaning stands below the bytes and not beside them.
    """
    gutter = f"{direction} " if direction else ""
    margin = max(4, len(str(len(data)))) + 2
    room = max(20, min(width, WIDEST) - _columns(gutter) - margin)
    left = min(32, room * 3 // 8) if room >= 54 else room
    lines: list[list[_Atom]] = []
    for group, rows in groupby(_rows(parts), key=lambda row: row[0].group):
        lines += [[], *(_lay(_words(group, "group"), margin + room) if group else [])]
        clause = ""
        for row in rows:
            first = str(row[0].start).rjust(margin - 2) + "  "
            for line in _row_lines(data, row, left, room, clause if row[0].kind == "said" else ""):
                lines.append([(first, "offset"), *line])
                first = " " * margin
            clause = row[0].clause
    if legend := {part.name: part for part in reversed(parts) if part.kind == "delimiter"}:
        lines += [[], [("delimiters", "group")]]
        for part in sorted(legend.values(), key=attrgetter("start")):
            lines += _lay([*((sign, "delimiter") for sign in _units(data, part, 8)), (" ", ""), *_tale(part)], margin + room)
    return "".join((gutter + _painted(line, colour)).rstrip() + "\n" for line in lines[1:])


def _rows(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Each part with the delimiters behind it."""
    row: list[Part] = []
    for part in parts:
        if row and (part.kind != "delimiter" or part.group != row[0].group):
            yield row
            row = []
        row.append(part)
    if row:
        yield row


def _row_lines(data: bytes, row: list[Part], left: int, room: int, clause: str) -> Iterator[list[_Atom]]:
    """The bytes of a row in ``left`` columns of ``room``; beside or, where they take all, below them, what they mean."""
    part, *delimiters = row
    units = _units(data, part, left * LINES_OF_BYTES)
    signs = [(sign, "delimiter") for delimiter in delimiters for sign in _units(data, delimiter, left)]
    cell = _lay([*((unit, part.kind) for unit in units), *signs], left)
    if len(cell) > LINES_OF_BYTES or part.end - part.start > left * LINES_OF_BYTES:
        cell = [*cell[:LINES_OF_BYTES], *_lay([(f"… {part.end - part.start:,} bytes in all", "offset"), *signs], left)]
    right = room - left - 2 if left < room else room - 2
    tale = _lay(_tale(part, _value(part, units), clause), right)
    for bits in part.bits:
        tale += _lay([(_pattern(part, bits, data), "said"), (" ", ""), *_tale(bits, visible(bits.value), part.clause)], right)
    if left == room:
        yield from cell
        yield from ([("  ", ""), *line] for line in tale)
        return
    for number in range(max(len(cell), len(tale))):
        beside = cell[number] if number < len(cell) else []
        gap = left + 2 - sum(_columns(text) for text, _ in beside)
        yield [*beside, (" " * gap, ""), *(tale[number] if number < len(tale) else [])]


def _tale(part: Part | Bits, value: str = "", before: str = "") -> Iterator[_Atom]:
    """Name, value, meaning and clause as atoms, a word each; without the clause that was told just ``before``."""
    yield part.name, part.kind if isinstance(part, Part) and part.kind in ("malformed", "missing") else "name"
    if value:
        yield " =", ""
        yield from _words(f" {value}", "value")
    if part.meaning:
        yield " —", ""
        yield from _words(f" {visible(part.meaning)}", "")
    if part.clause and part.clause != before:
        yield f" ({part.clause})", "clause"


def _words(text: str, style: str) -> Iterator[_Atom]:
    """The words of ``text``, each with the space before it."""
    return ((word, style) for word in re.findall(" *[^ ]+", text))


def _columns(text: str) -> int:
    """The columns that a terminal gives to ``text``."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def _lay(atoms: Iterable[_Atom], width: int) -> list[list[_Atom]]:
    """The atoms on lines of at most ``width`` columns: broken between atoms, inside one only if it is longer than a line.

    A line also ends behind a line feed that is shown, so that text stands in its own lines.
    """
    lines: list[list[_Atom]] = [[]]
    used = 0
    for text, style in atoms:
        if used and used + _columns(text) > width:
            lines.append([])
            used = 0
            text = text.removeprefix(" ")
        while _columns(text) > width:
            fits = width // (1 if text.isascii() else 2)
            lines[-1].append((text[:fits], style))
            lines.append([])
            text = text[fits:]
        lines[-1].append((text, style))
        used += _columns(text)
        if text == r"\n":
            lines.append([])
            used = 0
    return lines[:-1] if len(lines) > 1 and not lines[-1] else lines


def _painted(line: list[_Atom], colour: bool) -> str:
    """The line as text; with ``colour``, in the sequences of ECMA-48 8.3.117 (SGR)."""
    if not colour:
        return "".join(text for text, _ in line)
    painted = []
    for style, atoms in groupby(line, key=itemgetter(1)):
        text = "".join(text for text, _ in atoms)
        painted.append(f"\x1b[{_PAINT[style]}m{text}\x1b[0m" if _PAINT[style] else text)
    return "".join(painted)


# --- on a page

# Bytes of one part that a page shows: the page must not grow as long as a body.
SHOWN_ON_A_PAGE = 2000


def as_html(data: bytes, parts: Iterable[Part]) -> str:
    """The explanation as HTML, to be styled by `STYLE`: each line of the message as it is, what it says beside it.

    Each part is a ``<span class="part …">`` that carries its name, value, meaning and clause in ``data-`` attributes and,
    for who listens, in its label; pointed at, or reached by the Tab key, it shows them. Needs no script.
    """
    html = ['<div class="explained">']
    for group, members in groupby(parts, key=attrgetter("group")):
        html.append(f'<section aria-label="{_attribute(group)}"><h3>{escape(visible(group))}</h3>')
        for line in _lines(members, data):
            html.append('<div class="line"><code>')
            html += [_span(data, part) for part in line]
            html.append('</code><ul class="says">')
            clause = ""
            for part in line:
                if part.kind != "delimiter":
                    html.append(_says(data, part, clause if part.kind == "said" else ""))
                    clause = part.clause
            html.append("</ul></div>")
        html.append("</section>")
    html.append("</div>")
    return "".join(html)


def _lines(parts: Iterable[Part], data: bytes) -> Iterator[list[Part]]:
    """The parts of a group by lines: each up to the delimiter that ends with a line feed."""
    line: list[Part] = []
    for part in parts:
        line.append(part)
        if part.kind == "delimiter" and data[part.end - 1 : part.end] == b"\n":
            yield line
            line = []
    if line:
        yield line


def _attribute(text: str) -> str:
    return escape(visible(text))


def _span(data: bytes, part: Part) -> str:
    """The bytes of ``part``, with all that is to be known of them."""
    units = _units(data, part, SHOWN_ON_A_PAGE)
    value = _value(part, units)
    label = "".join(text for text, _ in _tale(part, value))
    stop = "" if part.kind == "delimiter" else ' tabindex="0"'
    shown = "".join(f"{unit}\n" if unit == r"\n" else unit for unit in units)
    if part.end - part.start > SHOWN_ON_A_PAGE:
        shown += f"… {part.end - part.start:,} bytes in all"
    return (
        f'<span class="part {part.kind}" role="note"{stop} aria-label="{_attribute(label)}"'
        f' data-start="{part.start}" data-end="{part.end}" data-name="{_attribute(part.name)}" data-value="{_attribute(value)}"'
        f' data-meaning="{_attribute(part.meaning)}" data-clause="{_attribute(part.clause)}">{escape(shown)}</span>'
    )


def _says(data: bytes, part: Part, before: str) -> str:
    """What ``part`` means; without a link to the clause that was told just ``before``."""
    value = _value(part, _units(data, part, SHOWN_ON_A_PAGE))
    if not (value or part.meaning or part.bits or part.clause != before):
        return ""
    said = [_phrase(part, value, before)]
    said += [f"<br><code>{_pattern(part, bits, data)}</code> {_phrase(bits, visible(bits.value), part.clause)}" for bits in part.bits]
    return f'<li class="{part.kind}">{"".join(said)}</li>'


def _phrase(part: Part | Bits, value: str, before: str) -> str:
    text = f"<b>{escape(visible(part.name))}</b>"
    text += f" = <var>{escape(value)}</var>" if value else ""
    text += f" — {escape(visible(part.meaning))}" if part.meaning else ""
    return text + (f" {_link(part.clause)}" if part.clause and part.clause != before else "")


def _link(clause: str) -> str:
    url = clause_url(clause)
    return f'<a href="{url}">{escape(clause)}</a>' if url else f"<cite>{escape(clause)}</cite>"


def clause_url(clause: str) -> str:
    """Where a clause of an RFC ("RFC 9112 6.1") can be read, in the RFC editor's own pages; "" for any other clause."""
    match = re.fullmatch(r"RFC ([0-9]+)(?: ([0-9.]+)| ([A-Z][0-9.]*))?", clause)
    if not match:
        return ""
    number, section, appendix = match.groups()
    anchor = f"#section-{section}" if section else f"#appendix-{appendix}" if appendix else ""
    return f"https://www.rfc-editor.org/rfc/rfc{number}{anchor}"


STYLE: Final = """\
.explained {
  --ink: #1b2733; --dim: #5a6876; --rule: #dde3e9; --said: #0b6b3a; --name: #0a5c80; --bad: #b3141f; --bad-back: #fdecec;
  --gone: #7b2d96; --over: #dff0fb; --card: #14202b; --card-ink: #f2f6f9;
  color: var(--ink); line-height: 1.45; padding-bottom: 4em;
}
@media (prefers-color-scheme: dark) {
  .explained {
    --ink: #dbe4ec; --dim: #93a1ae; --rule: #2b3742; --said: #7ad79f; --name: #79c8ee; --bad: #ff8d8d; --bad-back: #3b1d20;
    --gone: #d9a3ee; --over: #1f3d50; --card: #e8eef3; --card-ink: #15202a;
  }
}
.explained h3 { margin: 1.4em 0 .3em; font-size: .85em; font-weight: 600; color: var(--dim); }
.explained .line {
  display: grid; grid-template-columns: minmax(0, 9fr) minmax(0, 11fr); gap: .1em 1.5em;
  padding: .35em 0; border-top: 1px solid var(--rule);
}
.explained code {
  font: .92em/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere;
}
.explained .part { border-radius: 3px; cursor: help; color: var(--said); font-weight: 600; }
.explained .part.delimiter { color: var(--dim); font-weight: 400; }
.explained .part.malformed { color: var(--bad); background: var(--bad-back); }
.explained .part.missing { color: var(--gone); border-bottom: 2px dashed var(--gone); }
.explained .part.missing:empty::before { content: "…"; }
.explained .part.malformed:empty::before { content: "✗"; }
.explained .part:hover, .explained .part:focus { background: var(--over); outline: 2px solid var(--name); }
.explained .part:hover::after, .explained .part:focus::after {
  content: attr(aria-label); position: fixed; inset: auto 1em 1em; z-index: 9; max-width: 46em; margin: 0 auto; padding: .7em 1em;
  border-radius: 8px; background: var(--card); color: var(--card-ink); box-shadow: 0 4px 18px #0006;
  font: 400 1rem/1.4 system-ui, sans-serif; white-space: normal; pointer-events: none;
}
.explained .says { list-style: none; margin: 0; padding: 0; font-size: .92em; }
.explained .says b { font-weight: 600; color: var(--name); }
.explained .says .malformed b { color: var(--bad); }
.explained .says .missing b { color: var(--gone); }
.explained .says var { font-style: normal; overflow-wrap: anywhere; }
.explained .says a, .explained .says cite { color: var(--dim); font-size: .9em; font-style: normal; white-space: nowrap; }
@media (max-width: 42em) {
  .explained .line { grid-template-columns: minmax(0, 1fr); }
  .explained .says { padding-left: 1em; }
}
"""
"""What styles the result of `as_html`, light and dark, wide and narrow. Every rule begins with ``.explained``."""
