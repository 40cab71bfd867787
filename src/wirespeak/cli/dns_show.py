"""An answer of the DNS as ``wirespeak dns query`` shows it: for people, in short, as JSON, or byte by byte.

For people it is a zone file: records as a zone file has them, and everything else behind a semicolon. What a peer said is
untrusted; names and data come escaped (RFC 1035 5.1), the rest is made visible here.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click

from wirespeak import explanation
from wirespeak.cli.terminal import has_colour, printable
from wirespeak.dns.edns import ClientSubnet, Edns, EdnsOption
from wirespeak.dns.exchange import Answer, Try
from wirespeak.dns.messages import Message, Question, Record
from wirespeak.dns.registry import ExtendedError, Option, Rcode, class_text, type_text
from wirespeak.dns.trace import Step
from wirespeak.errors import RemoteProtocolError

__all__ = ["SECTIONS", "as_json", "explain_answer", "lines_of", "step_as_json", "step_lines"]

SECTIONS: Final = ("comments", "answer", "authority", "additional")
"""What `lines_of` can show."""

# Columns that owner names are given at most: a longer one moves its own line only.
WIDEST_NAME: Final = 32

MEANINGS: Final[dict[int, str]] = {
    Rcode.NOERROR: "no such records here",
    Rcode.FORMERR: "it could not read the question",
    Rcode.SERVFAIL: "it could not find out",
    Rcode.NXDOMAIN: "no such name",
    Rcode.NOTIMP: "it can't do that",
    Rcode.REFUSED: "it doesn't answer that, or not to us",
    Rcode.BADVERS: "it doesn't know that version of EDNS",
    Rcode.BADCOOKIE: "it wants another cookie",
}
"""What a response code says, in words (RFC 1035 4.1.1)."""


@dataclass(slots=True)
class _Painter:
    """Colours, where the terminal has them."""

    colour: bool

    def __call__(self, text: str, **style: Any) -> str:
        return click.style(text, **style) if self.colour else text


def _painter() -> _Painter:
    return _Painter(has_colour(sys.stdout))


# --- for people


def lines_of(answer: Answer, shown: Collection[str] = SECTIONS) -> list[str]:
    """The answer as lines of a zone file, with what is to be known of it in comments."""
    paint, message = _painter(), answer.message
    lines: list[str] = []
    if "comments" in shown:
        lines += _tries_lines(answer.tries)
        lines += _heading(answer, paint)
    for title, records in _sections(message):
        if title in shown and records:
            if "comments" in shown:
                lines.append(paint(f";; {title.upper()}", dim=True))
            lines += _table(records, paint)
    return lines


def _heading(answer: Answer, paint: _Painter) -> list[str]:
    message = answer.message
    count = len(message.answers)
    found = f"{count} answer{'' if count == 1 else 's'}" if count else MEANINGS.get(message.rcode, "no records")
    told = paint(message.rcode_name, fg="red" if message.rcode else "green", bold=True)
    over = f"from {answer.server} over {answer.transport.upper()} in {answer.seconds * 1000:.1f} ms, {len(answer.data)} bytes"
    lines = [f"; {paint(_shown(answer.question), bold=True)}: {told}, {found}, {over}"]
    lines.append(f"; id {message.id}, flags {' '.join(message.flag_names)}" + (f", opcode {message.opcode}" if message.opcode else ""))
    if message.edns is not None:
        lines.append("; " + _edns_text(message.edns))
    if message.tc:
        lines.append("; cut short: ask over TCP for the whole")
    if message.rd and not message.ra and not message.aa:
        lines.append("; recursion was asked for, and this server has none")
    return lines


def _tries_lines(tries: Sequence[Try]) -> list[str]:
    """What came to nothing before the answer."""
    return [printable(f"; {one.server} over {one.transport.upper()}, {one.seconds * 1000:.1f} ms: {one.outcome}") for one in tries]


def _shown(question: Question) -> str:
    unicode = question.name.unicode()
    beside = f" ({printable(unicode)})" if unicode != str(question.name) else ""
    return f"{question.name}{beside} {class_text(question.cls)} {type_text(question.type)}"


def _sections(message: Message) -> list[tuple[str, list[Record]]]:
    return [("answer", message.answers), ("authority", message.authority), ("additional", message.additional)]


def _table(records: Sequence[Record], paint: _Painter) -> list[str]:
    rows = [
        (str(record.name), str(record.ttl), f"{class_text(record.cls)} {type_text(record.type)}", str(record.rdata)) for record in records
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    widths[0] = min(widths[0], WIDEST_NAME)
    return [
        f"{name.ljust(widths[0])}  {ttl.rjust(widths[1])} {kind.ljust(widths[2])}  {paint(data, fg='cyan')}"
        for name, ttl, kind, data in rows
    ]


# --- EDNS


def _edns_text(edns: Edns) -> str:
    parts = [f"EDNS version {edns.version}", f"answers of {edns.payload} bytes over UDP", *(["do"] if edns.do else [])]
    return ", ".join([*parts, *(f"{_option_name(option.code)} {_option_text(option)}".rstrip() for option in edns.options)])


def _option_name(code: int) -> str:
    try:
        return Option(code).name.lower().replace("_", " ")
    except ValueError:
        return f"option {code}"


def _option_text(option: EdnsOption) -> str:
    """What the bytes of an option say."""
    data = option.data
    if option.code == Option.EXTENDED_ERROR and len(data) >= 2:
        code = int.from_bytes(data[:2])
        name = ExtendedError(code).name.lower().replace("_", " ") if code in ExtendedError._value2member_map_ else ""
        text = explanation.visible(data[2:])
        return " ".join(filter(None, (str(code), f"({name})" if name else "", f'"{text}"' if text else "")))
    if option.code == Option.CLIENT_SUBNET:
        try:
            return str(ClientSubnet.read(data))
        except RemoteProtocolError:
            return data.hex()
    if option.code == Option.NSID:
        return f'"{explanation.visible(data)}"'
    if option.code == Option.TCP_KEEPALIVE and len(data) == 2:
        return f"{int.from_bytes(data) / 10:g} s"
    if option.code == Option.PADDING:
        return f"{len(data)} bytes"
    return data.hex()


# --- for programs


def as_json(answer: Answer) -> dict[str, Any]:
    """The answer as plain data."""
    message, edns = answer.message, answer.message.edns
    return {
        **_question_json(answer.question),
        "rcode": message.rcode_name,
        "flags": message.flag_names,
        "id": message.id,
        "opcode": message.opcode,
        "server": str(answer.server),
        "transport": answer.transport,
        "seconds": round(answer.seconds, 6),
        "bytes": len(answer.data),
        "answer": list(map(_record_json, message.answers)),
        "authority": list(map(_record_json, message.authority)),
        "additional": list(map(_record_json, message.additional)),
        "edns": edns
        and {
            "version": edns.version,
            "payload": edns.payload,
            "do": edns.do,
            "options": [
                {"code": option.code, "name": _option_name(option.code), "hex": option.data.hex(), "text": _option_text(option)}
                for option in edns.options
            ],
        },
        "tries": _tries_json(answer.tries),
    }


def _tries_json(tries: Sequence[Try]) -> list[dict[str, Any]]:
    """What came to nothing, as plain data."""
    return [
        {"server": str(one.server), "transport": one.transport, "seconds": round(one.seconds, 6), "outcome": one.outcome} for one in tries
    ]


def _question_json(question: Question) -> dict[str, Any]:
    return {"name": str(question.name), "type": type_text(question.type), "class": class_text(question.cls)}


def _record_json(record: Record) -> dict[str, Any]:
    return {
        "name": str(record.name),
        "ttl": record.ttl,
        "class": class_text(record.cls),
        "type": type_text(record.type),
        "data": str(record.rdata),
    }


# --- steps of a walk


def step_lines(step: Step) -> list[str]:
    """One step for people: who was asked for what, and where that led."""
    paint = _painter()
    indent = "  " * step.depth
    who = f"{step.server_name} ({step.server})" if step.server_name.wire != b"\0" else str(step.server)
    took = f" in {step.answer.seconds * 1000:.1f} ms" if step.answer else ""
    lines = [
        f"; {indent}{paint(str(step.zone), bold=True)} asked {who} for {step.name} {type_text(step.type)}{took}: {_outcome(step, paint)}"
    ]
    if step.next is not None:
        for name, addresses in step.next.servers.items():
            lines.append(f";   {indent}{step.next.zone} is served by {name} {' '.join(addresses) or '(address unknown)'}")
    if step.chain or step.records:
        lines += _table([*step.chain, *step.records], paint) if not step.depth else [f";   {indent}{record}" for record in step.records]
    return lines


def _outcome(step: Step, paint: _Painter) -> str:
    if step.next is not None:
        return f"referral to {paint(str(step.next.zone), fg='cyan')}"
    if step.error is not None:
        return printable(f"{step.kind}, {step.error}")
    if step.kind == "lame":
        assert step.answer is not None
        return f"it doesn't serve that zone ({step.answer.message.rcode_name})"
    return paint(step.kind, fg="green" if step.kind in ("answer", "alias") else "yellow")


def step_as_json(step: Step) -> dict[str, Any]:
    """One step as plain data."""
    return {
        "step": step.kind,
        "zone": str(step.zone),
        "server_name": str(step.server_name),
        "server": str(step.server),
        "depth": step.depth,
        "name": str(step.name),
        "type": type_text(step.type),
        "next": step.next
        and {"zone": str(step.next.zone), "servers": {str(name): addresses for name, addresses in step.next.servers.items()}},
        "records": [_record_json(record) for record in (*step.chain, *step.records)],
        "error": str(step.error) if step.error is not None else None,
        "seconds": round(step.answer.seconds, 6) if step.answer else None,
    }


# --- byte by byte


def explain_answer(answer: Answer) -> str:
    """The bytes of the question and of the answer, and what each means."""
    from wirespeak.dns.explain import explain  # only here: who asks without it does not wait for it to load

    colour, width = has_colour(sys.stdout), shutil.get_terminal_size().columns
    shown = []
    for arrow, way, data in (("→", "to", answer.asked), ("←", "from", answer.data)):
        title = f"{arrow} {way} {answer.server} over {answer.transport.upper()}, {len(data)} bytes"
        shown.append(click.style(title, bold=True) if colour else title)
        shown.append(explanation.as_text(data, explain(data), direction=arrow, colour=colour, width=width))
    return "\n".join(shown)
