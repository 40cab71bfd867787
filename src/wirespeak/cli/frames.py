"""``wirespeak frames``: serve length-prefixed messages, and send some."""

from __future__ import annotations

import base64
import json
import logging
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO, TypeVar

import click

from wirespeak import explanation
from wirespeak.cli.serving import Serving, bind_options
from wirespeak.cli.serving import serve as serve_connections
from wirespeak.cli.terminal import has_colour, printable
from wirespeak.errors import AddressError
from wirespeak.frames import DIALECTS, BlockingClient, Dialect, Ending, FramesServer
from wirespeak.frames.explain import explain
from wirespeak.frames.messages import LIMIT
from wirespeak.sockets.address import Address
from wirespeak.sockets.tls import client_context
from wirespeak.tap import Seen

__all__ = ["command"]

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def command() -> None:
    """Frames: messages with their length in front, the simplest protocol there is."""


def dialect_options(function: F) -> F:
    """The options that choose a `Dialect`; they arrive as ``dialect``, ``binary``, ``limit`` and ``end``."""
    for option in (
        click.option(
            "--end",
            type=click.Choice([ending.value for ending in Ending]),
            help="How the end is told: by closing, by a mark, or by the text 'end'.  [default: word in the classic dialect, else close]",
        ),
        click.option("--limit", default=LIMIT, show_default=True, type=click.IntRange(0), metavar="BYTES", help="The longest message."),
        click.option("--binary", is_flag=True, help="Messages are any bytes, not text."),
        click.option("--dialect", default="classic", show_default=True, type=click.Choice(list(DIALECTS)), help="How lengths are written."),
    ):
        function = option(function)
    return function


def _dialect(name: str, binary: bool, limit: int, end: str | None) -> Dialect:
    chosen = DIALECTS[name]
    return Dialect(chosen.length, not binary, limit, Ending(end) if end else chosen.end)


@command.command()
@dialect_options
@click.option("--quiet", is_flag=True, help="Don't tell of peers that break the protocol.")
@bind_options("localhost:7007")
def serve(serving: Serving, dialect: str, binary: bool, limit: int, end: str | None, quiet: bool) -> int:
    """Answer each message with the same message, until stopped.

    \b
    wirespeak frames serve
    wirespeak frames serve --dialect u32be --binary --limit 16777216
    """
    chosen = _dialect(dialect, binary, limit, end)
    if quiet:
        logging.getLogger("wirespeak.frames").setLevel(logging.ERROR)
    return serve_connections("frames", lambda: FramesServer(dialect=chosen), serving)


@command.command()
@click.argument("server", metavar="HOST:PORT")
@click.argument("texts", metavar="[TEXT]...", nargs=-1)
@dialect_options
@click.option("--one-way", is_flag=True, help="Don't wait for an answer to each message; show what comes until the server ends.")
@click.option(
    "--timeout",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="To connect, and for each answer.",
)
@click.option("--tls", is_flag=True, help="Speak TLS.")
@click.option("--insecure", is_flag=True, help="With --tls: trust whatever certificate the server shows.")
@click.option("--explain", "explaining", is_flag=True, help="Show the conversation as it runs, byte by byte.")
@click.option("--json", "plain", is_flag=True, help="One JSON object a line, for programs.")
def send(
    server: str,
    texts: tuple[str, ...],
    dialect: str,
    binary: bool,
    limit: int,
    end: str | None,
    one_way: bool,
    timeout: float,
    tls: bool,
    insecure: bool,
    explaining: bool,
    plain: bool,
) -> None:
    """Send each TEXT, or each line of the standard input, as a message, and print the answers.

    Typed at a terminal in the classic dialect, the line 'end' ends the conversation, as Ctrl-D does. With --binary the
    standard input is one message, and answers are written as they are.

    \b
    wirespeak frames send localhost:7007 hello world
    wirespeak frames send localhost:7007 --explain hello
    """
    chosen = _dialect(dialect, binary, limit, end)
    address = Address.parse(server)
    if address.host == "*":
        raise AddressError("* stands for every address of this machine, where one can listen but not connect to: name one, as localhost")
    explainer = _Explainer(chosen, plain) if explaining else None
    show: Callable[[Any], None] = _ignore if explaining else _show_json if plain else _show
    context = client_context(verify=not insecure) if tls else None
    try:
        with BlockingClient.connect(address, chosen, timeout=timeout, tls=context, observer=explainer) as frames:
            if one_way:
                for message in _messages(texts, chosen):
                    frames.send(message)
            elif texts or binary or _is_file(sys.stdin):
                for answer in frames.ask_all(_messages(texts, chosen)):
                    show(answer)
            else:
                for message in _messages(texts, chosen):
                    show(frames.ask(message))
            frames.end()
            for answer in frames:
                show(answer)
    finally:
        if explainer is not None:
            explainer.rest()


def _messages(texts: tuple[str, ...], dialect: Dialect) -> Iterable[str] | Iterable[bytes]:
    if not dialect.text:
        return [os.fsencode(text) for text in texts] or [sys.stdin.buffer.read()]
    return texts or _lines("end" if dialect.end is Ending.WORD and sys.stdin.isatty() else None)


def _lines(last: str | None) -> Iterator[str]:
    """The lines of the standard input, as they come, without their ends; up to the line ``last``."""
    for number, raw in enumerate(sys.stdin.buffer, 1):
        try:
            line = raw.removesuffix(b"\n").decode()
        except UnicodeDecodeError:
            raise click.UsageError(f"line {number} of the standard input is not UTF-8; --binary sends any bytes") from None
        if line == last:
            return
        yield line


def _is_file(stream: TextIO) -> bool:
    """Whether all of it is there already, so that the next line need not wait for the answer to the last."""
    return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)


def _ignore(answer: Any) -> None:
    """An explanation shows the answers in their frames."""


def _show(answer: str | bytes) -> None:
    if sys.stdout.isatty():
        click.echo(printable(answer if isinstance(answer, str) else answer.decode("utf-8", "backslashreplace")))
    elif isinstance(answer, str):
        click.echo(answer)
    else:
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()


def _show_json(answer: str | bytes) -> None:
    click.echo(json.dumps({"answer": answer} if isinstance(answer, str) else {"answer_base64": base64.b64encode(answer).decode("ascii")}))


class _Explainer:
    """An observer that explains what passes: each turn once its frames are whole."""

    def __init__(self, dialect: Dialect, plain: bool) -> None:
        self._dialect = dialect
        self._plain = plain
        self._seen = {"out": b"", "in": b""}
        self._next = {"out": 1, "in": 1}  # numbers of frames
        self._colour = has_colour(sys.stdout)

    def __call__(self, seen: Seen, what: Any, now: float) -> None:
        if seen in ("out", "in") and isinstance(what, bytes):
            self._seen[seen] += what
            self._tell(seen, last=False)

    def rest(self) -> None:
        """Tell of what never became whole."""
        for way in self._seen:
            self._tell(way, last=True)

    def _tell(self, way: str, last: bool) -> None:
        data = self._seen[way]
        parts = explain(data, self._dialect, self._next[way])
        if not data or (parts[-1].kind == "missing" and not last):
            return
        self._seen[way] = b""
        self._next[way] += len({part.group for part in parts})
        if self._plain:
            click.echo(json.dumps({"direction": way, "bytes": len(data), "parts": explanation.as_json(parts)}))
        else:
            arrow = "→" if way == "out" else "←"
            width = shutil.get_terminal_size().columns
            click.echo(explanation.as_text(data, parts, direction=arrow, colour=self._colour, width=width))
