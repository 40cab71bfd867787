"""``wirespeak dns query``: ask name servers, with dig's habits; the answer is shown as a zone file has it.

Here stand the options and what they lead to; what is asked, and how, is the client's business (``dns/client.py``), how an
answer looks that of ``dns_show.py``.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import click

from wirespeak.cli import dns_show, exit_code
from wirespeak.cli.terminal import printable
from wirespeak.dns.client import BlockingClient, Options, TraceOptions
from wirespeak.dns.edns import PAYLOAD, Edns, EdnsOption, client_subnet, keepalive, padding
from wirespeak.dns.exchange import PORT, Manner
from wirespeak.dns.messages import AA, AD, CD, RD, Message, Question
from wirespeak.dns.names import ROOT, Name
from wirespeak.dns.registry import Class, Opcode, Option, Type, class_number, class_text, type_number, type_text
from wirespeak.dns.stub import reverse_name
from wirespeak.dns.trace import Delegation, Step, delegation
from wirespeak.dns.zonereader import ZoneReader
from wirespeak.errors import AddressError, TextError, WirespeakError
from wirespeak.sockets.address import Address
from wirespeak.sockets.blocking import BlockingNetwork

__all__ = ["command"]

# RFC 7873 4: bytes of a client's cookie.
COOKIE_SIZE: Final = 8
# RFC 8467 4.1: questions are padded to a multiple of so many bytes.
PADDED_TO: Final = 128


@click.command(name="query", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("words", nargs=-1, metavar="NAME [TYPE] [@SERVER] [+FLAG]...")
@click.option("-t", "--type", "type", metavar="TYPE", help="The type, for names without one behind them. [default: A]")
@click.option("-c", "--class", "cls", metavar="CLASS", help="The class. [default: IN]")
@click.option("-q", "--name", "names", multiple=True, metavar="NAME", help="A name, even one that reads like a type.")
@click.option("-x", "--reverse", "reverse", multiple=True, metavar="ADDRESS", help="The name of an address (PTR).")
@click.option(
    "-f",
    "--file",
    "file",
    type=click.File("r", errors="replace"),
    help="Names, and types, from a file: a line each. - is the standard input.",
)
@click.option("-p", "--port", default=PORT, show_default=True, type=click.IntRange(1, 65535), help="The server's port.")
@click.option("-b", "--source", metavar="ADDRESS", help="The address to ask from.")
@click.option("-4", "only_4", is_flag=True, help="Ask over IPv4 only.")
@click.option("-6", "only_6", is_flag=True, help="Ask over IPv6 only.")
@click.option("--tcp", is_flag=True, help="Ask over TCP.")
@click.option("--ignore", is_flag=True, help="Take an answer that is cut short; don't ask again over TCP.")
@click.option("--timeout", default=5.0, show_default=True, type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="For each try.")
@click.option("--tries", default=3, show_default=True, type=click.IntRange(1), help="How often each server is asked.")
@click.option("--rd/--no-rd", default=True, help="Recursion desired.  [default: rd]")
@click.option("--aa", is_flag=True, help="Set the AA flag.")
@click.option("--ad/--no-ad", default=True, help="Authentic data understood (RFC 6840 5.7).  [default: ad]")
@click.option("--cd", is_flag=True, help="Checking disabled: don't validate.")
@click.option("--dnssec", "--do", "do", is_flag=True, help="Ask for signatures.")
@click.option("--opcode", metavar="NAME", default="QUERY", show_default=True, help="The opcode, by name or number.")
@click.option(
    "--edns", "version", default=0, show_default=True, type=click.IntRange(0, 255), metavar="VERSION", help="The version of EDNS."
)
@click.option("--no-edns", is_flag=True, help="Say nothing by EDNS.")
@click.option(
    "--bufsize", default=PAYLOAD, show_default=True, type=click.IntRange(0, 65535), metavar="BYTES", help="Bytes of answer over UDP."
)
@click.option("--subnet", metavar="PREFIX", help="For whom we ask: 192.0.2.0/24; 0/0 for nobody.")
@click.option("--cookie", metavar="HEX", help="The cookie to show, in the place of a new one.")
@click.option("--no-cookie", is_flag=True, help="Show no cookie.")
@click.option("--nsid", is_flag=True, help="Ask for the server's own name.")
@click.option("--keepalive", "keep", is_flag=True, help="Ask how long a connection may stay.")
@click.option(
    "--padding", "pad", is_flag=False, flag_value=PADDED_TO, type=click.IntRange(1, 512), metavar="BLOCK", help="Pad the question."
)
@click.option("--option", "others", multiple=True, metavar="CODE[:HEX]", help="Any other option of EDNS.")
@click.option("--0x20", "mix_case", is_flag=True, help="Send letters of random case, and take only what gives them back.")
@click.option("--short", is_flag=True, help="Show the data of the answers alone.")
@click.option("--json", "plain", is_flag=True, help="One JSON object a line, for programs.")
@click.option("--explain", "explaining", is_flag=True, help="Explain question and answer, byte by byte.")
@click.option("--trace", is_flag=True, help="Walk down from the root, and show each step.")
@click.option("--root", "roots", multiple=True, metavar="ADDRESS", help="Where --trace begins, in the place of the system's root servers.")
@click.option("--hints", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The same, from a file of root hints.")
def command(words: tuple[str, ...], **given: Any) -> int:
    """Ask for each NAME, and show what is answered.

    Works as dig does, where it can: several names, each with a TYPE behind it; +dnssec, +short, +norec and the like. Exits with 1
    where the answer says no (NXDOMAIN, REFUSED, SERVFAIL …), 3 where none comes, 5 where it is broken.

    \b
    wirespeak dns query home.test MX @127.0.0.1 -p 5353
    wirespeak dns query www.home.test AAAA mail.home.test +short
    wirespeak dns query -x 127.0.0.1 --explain
    """
    try:
        task = _Task(_Words.read(words, given), given)
    except (TextError, AddressError) as error:
        raise click.UsageError(str(error)) from None
    return next(filter(None, [task.ask(question) for question in task.questions]), 0)


@dataclass(slots=True)
class _Words:
    """What the arguments say that are no options: ``@server``, ``+flag``, names, types and classes."""

    questions: list[Question] = field(default_factory=list)
    server: str | None = None
    shown: set[str] = field(default_factory=lambda: set(dns_show.SECTIONS))

    @classmethod
    def read(cls, words: Sequence[str], given: dict[str, Any]) -> _Words:
        """Sort ``words``; +flags change what is ``given``. Raises `TextError`, and click's error for an unknown flag."""
        self = cls()
        rest = []
        for word in words:
            if word.startswith("@"):
                self.server = word[1:]
            elif word.startswith("+"):
                self._flag(word[1:], given)
            else:
                rest.append(word)
        type = None if given["type"] is None else type_number(given["type"])
        class_ = Class.IN if given["cls"] is None else class_number(given["cls"])
        self._read_names(rest, type, class_)
        for line in given["file"] or ():
            if not line.lstrip().startswith((";", "#")):
                self._read_names(line.split(), type, class_)
        self.questions += [Question(Name.parse(name), Type.A if type is None else type, class_) for name in given["names"]]
        self.questions += [Question(reverse_name(address), Type.PTR if type is None else type, class_) for address in given["reverse"]]
        if not self.questions:
            self.questions.append(Question(ROOT, Type.NS if type is None else type, class_))  # as dig does
        return self

    def _read_names(self, words: Sequence[str], type: int | None, class_: int) -> None:
        """Names, each with a type or class behind it; those in front are for the first name."""
        ahead: list[tuple[Callable[[str], int], str]] = []
        begun: Question | None = None
        for word in words:
            kind = _kind(word)
            if kind is None:
                begun = Question(Name.parse(word), Type.A if type is None else type, class_)
                self.questions.append(begun)
                for kind, word in ahead:
                    _set(begun, kind, word)
                ahead.clear()
            elif begun is None:
                ahead.append((kind, word))
            else:
                _set(begun, kind, word)
        if ahead:  # a type without a name: it is the root's that is asked for
            begun = Question(ROOT, Type.A if type is None else type, class_)
            self.questions.append(begun)
            for kind, word in ahead:
                _set(begun, kind, word)

    def _flag(self, word: str, given: dict[str, Any]) -> None:
        """``+short``, ``+nordflag``, ``+bufsize=512``: dig's way to say what the options say."""
        name, equals, value = word.partition("=")
        on = not name.startswith("no") or name in FLAGS
        name = name if on else name[2:]
        if name in SHOWN:
            self.shown = (self.shown | SHOWN[name]) if on else (self.shown - SHOWN[name])
            return
        option = FLAGS.get(name)
        if option is None:
            raise click.UsageError(
                f"+{printable(word)} is not known; known are {', '.join(f'+{flag}' for flag in sorted({*FLAGS, *SHOWN}))}"
            )
        option(given, on, value if equals else None)


def _kind(word: str) -> Callable[[str], int] | None:
    """Whether ``word`` is a type or a class: what reads it; None for a name."""
    for read in (type_number, class_number):
        try:
            read(word)
        except TextError:
            continue
        return read
    return None


def _set(question: Question, kind: Callable[[str], int], word: str) -> None:
    if kind is type_number:
        question.type = type_number(word)
    else:
        question.cls = class_number(word)


Setter = Callable[[dict[str, Any], bool, "str | None"], None]


def _switch(name: str, *, inverted: bool = False) -> Setter:
    def apply(given: dict[str, Any], on: bool, value: str | None) -> None:
        given[name] = on is not inverted

    return apply


def _number(name: str, least: int, most: int, *, more: int = 0) -> Setter:
    def apply(given: dict[str, Any], on: bool, value: str | None) -> None:
        if value is None or not value.isdecimal() or not least <= int(value) <= most:
            raise click.UsageError(f"+{name} needs a number from {least} to {most}")
        given[name] = int(value) + more

    return apply


def _edns(given: dict[str, Any], on: bool, value: str | None) -> None:
    given["no_edns"] = not on
    if value is not None:
        _number("version", 0, 255)(given, on, value)


def _text(name: str, off: str | None = None) -> Setter:
    def apply(given: dict[str, Any], on: bool, value: str | None) -> None:
        given[name] = value
        if off is not None:
            given[off] = not on

    return apply


# dig's words for our options (dig(1)).
FLAGS: Final[dict[str, Setter]] = {
    "tcp": _switch("tcp"),
    "vc": _switch("tcp"),
    "ignore": _switch("ignore"),
    "short": _switch("short"),
    "dnssec": _switch("do"),
    "do": _switch("do"),
    "rec": _switch("rd"),
    "recurse": _switch("rd"),
    "rdflag": _switch("rd"),
    "aa": _switch("aa"),
    "aaflag": _switch("aa"),
    "aaonly": _switch("aa"),
    "ad": _switch("ad"),
    "adflag": _switch("ad"),
    "cd": _switch("cd"),
    "cdflag": _switch("cd"),
    "nsid": _switch("nsid"),
    "keepalive": _switch("keep"),
    "trace": _switch("trace"),
    "edns": _edns,
    "bufsize": _number("bufsize", 0, 65535),
    "padding": _number("pad", 1, 512),
    "time": _number("timeout", 1, 3600),
    "timeout": _number("timeout", 1, 3600),
    "tries": _number("tries", 1, 100),
    "retry": _number("tries", 0, 99, more=1),
    "subnet": _text("subnet"),
    "cookie": _text("cookie", off="no_cookie"),
}
SHOWN: Final = {
    "all": set(dns_show.SECTIONS),
    "answer": {"answer"},
    "authority": {"authority"},
    "additional": {"additional"},
    "comments": {"comments"},
    # Lines of dig's that are among our comments, or that we don't have.
    "cmd": set[str](),
    "question": set[str](),
    "stats": set[str](),
}


class _Task:
    """What the options say, and what is done with each question."""

    def __init__(self, words: _Words, given: dict[str, Any]) -> None:
        self.questions = words.questions
        self._words = words
        self._given = given
        if sum([given["short"], given["plain"], given["explaining"]]) > 1:
            raise click.UsageError("--short, --json and --explain are three ways to show an answer: choose one")
        if (given["roots"] or given["hints"]) and not given["trace"]:
            raise click.UsageError("--root and --hints say where --trace begins")
        if given["trace"] and given["explaining"]:
            raise click.UsageError("--explain shows one question and its answer, --trace many")
        self._edns = None if given["no_edns"] else self._make_edns()
        self._roots = self._read_roots()
        self._opcode = _opcode(given["opcode"])
        source = (str(Address(given["source"]).host), 0) if given["source"] else None
        self._client = BlockingClient(BlockingNetwork(source=source))
        self._first = True

    def _make_edns(self) -> Edns:
        given = self._given
        options = []
        if given["subnet"]:
            options.append(client_subnet(given["subnet"]))
        if not given["no_cookie"]:
            options.append(EdnsOption(Option.COOKIE, _hex(given["cookie"]) if given["cookie"] else secrets.token_bytes(COOKIE_SIZE)))
        if given["nsid"]:
            options.append(EdnsOption(Option.NSID))
        if given["keep"]:
            options.append(keepalive())
        options += [_other_option(text) for text in given["others"]]
        return Edns(given["bufsize"], given["version"], given["do"], options)

    @property
    def _manner(self) -> Manner:
        given = self._given
        return Manner(given["tries"], given["timeout"], given["tcp"], not given["ignore"], given["mix_case"])

    def ask(self, question: Question) -> int:
        """Ask one question and show what comes; the exit code."""
        try:
            return self._trace(question) if self._given["trace"] else self._query(question)
        except WirespeakError as error:
            self._tell_of(error, question)
            return exit_code(error)

    def _query(self, question: Question) -> int:
        given = self._given
        flags = self._opcode << 11
        for name, bit in (("rd", RD), ("aa", AA), ("ad", AD), ("cd", CD)):
            flags |= bit if given[name] else 0
        options: Options = {
            "cls": question.cls,
            "flags": flags,
            "edns": self._padded(question),
            "manner": self._manner,
            "port": given["port"],
            "versions": self._versions,
        }
        answer = self._client.query(question.name, question.type, self._words.server, **options)
        if given["plain"]:
            click.echo(json.dumps(dns_show.as_json(answer)))
        elif given["short"]:
            for record in answer.message.answers:
                click.echo(str(record.rdata))
        elif given["explaining"]:
            click.echo(dns_show.explain_answer(answer))
        else:
            self._show(dns_show.lines_of(answer, self._words.shown))
        return 1 if answer.message.rcode else 0

    def _trace(self, question: Question) -> int:
        given = self._given
        options: TraceOptions = {
            "roots": self._roots,
            "server": self._words.server,
            "port": given["port"],
            "edns": self._edns,
            "manner": self._manner,
            "versions": self._versions,
        }
        step: Step | None = None
        for step in self._client.trace(question.name, question.type, **options):
            if given["plain"]:
                click.echo(json.dumps(dns_show.step_as_json(step)))
            elif not given["short"]:
                self._show(dns_show.step_lines(step), apart=step.depth == 0)
            elif not step.depth:
                for record in (*step.chain, *step.records):
                    click.echo(str(record.rdata))
        return 1 if step is None or step.kind == "no such name" else 0

    def _read_roots(self) -> Delegation | None:
        """Where the walk begins; None for the system's."""
        given = self._given
        if given["hints"]:
            records = list(ZoneReader(given["hints"].read_bytes(), ROOT, file=str(given["hints"])).records())
            found = delegation(ROOT, records, records)
            if not any(found.servers.values()):
                raise TextError(
                    "root hints name servers of the root (NS), and their addresses (A, AAAA): here are none", file=str(given["hints"])
                )
            return found
        addresses = []
        for address in given["roots"]:
            try:
                addresses.append(str(ip_address(address)))
            except ValueError:
                raise TextError(f"{address!r} is no IP address: --root takes one") from None
        return Delegation(ROOT, {ROOT: addresses}) if addresses else None

    def _show(self, lines: Sequence[str], *, apart: bool = True) -> None:
        """Print ``lines``, with an empty one between what belongs together and what does not."""
        if lines and apart and not self._first:
            click.echo()
        self._first = self._first and not lines
        for line in lines:
            click.echo(line)

    def _tell_of(self, error: WirespeakError, question: Question) -> None:
        if self._given["plain"]:
            told = {"name": str(question.name), "type": type_text(question.type), "class": class_text(question.cls)}
            click.echo(json.dumps({**told, "error": str(error), "code": exit_code(error)}))
        else:
            click.echo(printable(f"wirespeak: {question}: {error}"), err=True)

    @property
    def _versions(self) -> tuple[int, ...]:
        """The IP versions to ask over."""
        return (4,) if self._given["only_4"] else (6,) if self._given["only_6"] else (4, 6)

    def _padded(self, question: Question) -> Edns | None:
        """What is said by EDNS; padded so that the question's length tells little of it (RFC 8467 4.1)."""
        edns, block = self._edns, self._given["pad"]
        if edns is None or not block:
            return edns
        size = len(Message.query(question.name, question.type, edns=edns).encode())
        return Edns(edns.payload, edns.version, edns.do, [*edns.options, padding(size, block)])


def _opcode(text: str) -> int:
    """Raises `TextError`."""
    if text.isdecimal() and int(text) < 16:
        return int(text)
    try:
        return Opcode[text.upper()]
    except KeyError:
        raise TextError(f"{text!r} is no opcode: {', '.join(opcode.name for opcode in Opcode)}, or a number below 16") from None


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise TextError(f"{text!r} is not hexadecimal") from None


def _other_option(text: str) -> EdnsOption:
    """``65001:0a0b``. Raises `TextError`."""
    code, _, data = text.partition(":")
    if not code.isdecimal() or int(code) > 0xFFFF:
        raise TextError(f"{text!r} is no option of EDNS: a number, and its data in hexadecimal, as in 65001:0a0b")
    return EdnsOption(int(code), _hex(data))
