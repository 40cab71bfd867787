"""``wirespeak telnet connect``: a terminal on another machine; or, by hand or by script, words with any server that speaks text.

Here stand the options, and what is done without a terminal: what is piped in is said, a script is followed. At a terminal
the loop is in ``telnet_keyboard.py``, and all that it decides in ``telnet/console.py``.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from wirespeak import explanation
from wirespeak.cli.telnet_keyboard import Conversation, Keyboard
from wirespeak.cli.telnet_script import read_script, run_script
from wirespeak.cli.terminal import has_colour
from wirespeak.contract import HasFileno, Urgent
from wirespeak.errors import AddressError, TextError, TimeoutError
from wirespeak.sockets.address import Address
from wirespeak.sockets.attended import wait
from wirespeak.sockets.tls import client_context
from wirespeak.tap import Seen
from wirespeak.telnet.client import PORT, TLS_PORT, BlockingClient
from wirespeak.telnet.commands import Open, Settings, read_key
from wirespeak.telnet.console import Console
from wirespeak.telnet.escapes import EscapeFilter
from wirespeak.telnet.explain import Explainer
from wirespeak.telnet.grammar import BINARY, NAWS, NEW_ENVIRON, SGA, STATUS, TTYPE
from wirespeak.telnet.messages import Disabled, Enabled, option_name
from wirespeak.telnet.options import NewEnviron, client_options

__all__ = ["command"]

# Ports by the names that people type: those of the protocols that are spoken in lines.
PORTS: Final = {"telnet": 23, "telnets": 992, "smtp": 25, "http": 80, "pop3": 110, "imap": 143, "submission": 587, "irc": 6667}

# Read of the standard input at a time.
READ_SIZE: Final = 64 << 10

SECONDS: Final = click.FloatRange(0, min_open=True)
FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(name="connect", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("host", required=False)
@click.argument("port", required=False)
@click.option("--tls", is_flag=True, help="Speak TLS; the port is then 992 unless given.")
@click.option("--ca", type=FILE, metavar="FILE", help="The roots to trust (PEM), and no others.")
@click.option("-k", "--insecure", is_flag=True, help="Take any certificate: anyone on the way can listen in.")
@click.option("-l", "--user", metavar="NAME", help="Tell the host this user's name (USER), where it asks.")
@click.option("--env", "variables", multiple=True, metavar="NAME[=VALUE]", help="A variable that the host may be told; no other is.")
@click.option("--term", metavar="NAME", help="The type of the terminal.  [default: that of TERM]")
@click.option("-e", "--escape", metavar="KEY", default="^]", show_default=True, help="The key that leads to the prompt; off for none.")
@click.option("-8", "--binary", "--8bit", "binary", is_flag=True, help="Bytes both ways, nothing translated (RFC 856).")
@click.option("--raw", is_flag=True, help="Show what the host sends unfiltered, even what makes a terminal answer.")
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Add what is shown to FILE.")
@click.option("--script", type=click.File("r"), metavar="FILE", help="Follow a script, as told above; - is the standard input.")
@click.option("--timeout", default=30.0, show_default=True, type=SECONDS, metavar="SECONDS", help="For each wait.")
@click.option(
    "--linger",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Without a terminal, when all is said: how long it must be quiet before we end.",
)
@click.option("--explain", "explaining", is_flag=True, help="Show the conversation as it runs, byte by byte.")
@click.option("--json", "plain", is_flag=True, help="One JSON object a line, for programs.")
def command(host: str | None, port: str | None, **given: Any) -> int:
    """Converse with HOST, at a terminal. Without HOST, begin at the prompt telnet>.

    The escape character, Ctrl-], leads to that prompt as well; ? there tells of its commands. A server that doesn't speak Telnet
    gets lines as they are typed; on other ports than 23 and 992 bytes are bytes, 255 too, until it negotiates, or until we
    say a command of Telnet's. What is piped in is said, and all up to the host's end is written out.

    \b
    wirespeak telnet connect localhost 8023
    wirespeak telnet connect localhost 8080
    printf 'GET / HTTP/1.0\\n\\n' | wirespeak telnet connect localhost 8080
    wirespeak telnet connect host.test --script login.txt

    A script has a step a line:

    \b
    expect "login: "             wait for a text; of several, for any
    expect /[$#] $/              wait for a regular expression
    send ann                     say a line
    secret PASSWORD              say a line that is in the environment
    type "y"                     say characters, without a line's end
    command AYT                  say a command of Telnet's: AYT, BRK, IP …
    timeout 10                   seconds that each wait may take
    close                        end the conversation now
    """
    try:
        task = _Task(given)
        if given["script"] is None and not given["plain"] and sys.stdin.isatty() and sys.stdout.isatty():
            return task.at_terminal(None if host is None else Open(host, port or ""))
        if host is None:
            raise click.UsageError("HOST is missing: only at a terminal can it be told later")
        return task.without_terminal(Open(host, port or ""))
    except (TextError, AddressError) as error:
        raise click.UsageError(str(error)) from None


class _Task:
    """What the options say, and the two ways to do it."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        try:
            escape = read_key("off" if given["escape"] == "none" else given["escape"])
        except ValueError as error:
            raise click.UsageError(f"--escape: {error}") from None
        self._settings = Settings(escape=escape, toggles={"raw"} if given["raw"] else set(), variables=_variables(given))
        self._steps = None if given["script"] is None else read_script(given["script"])
        authorities = [given["ca"]] if given["ca"] else None
        self._context = client_context(verify=not given["insecure"], authorities=authorities) if given["tls"] else None

    # --- the connection

    def _connect(
        self, where: Open, size: tuple[int, int], listener: Callable[[Any], None], explainer: _Explaining | None
    ) -> BlockingClient:
        address = self._address(where)
        options = client_options(
            terminal=[self._given["term"] or os.environ.get("TERM") or "UNKNOWN"],
            columns=size[0],
            rows=size[1],
            display=self._settings.exported.get("DISPLAY", ""),
            variables=self._settings.exported,
        )
        if not self._settings.exported:
            options.append(NewEnviron(will=True))  # a variable may be defined later
        telnet = address.port in (PORT, TLS_PORT)
        client = BlockingClient.connect(
            address,
            timeout=self._given["timeout"],
            tls=self._context,
            options=options,
            listener=listener,
            observer=explainer,
            raw=not telnet,
        )
        session = client.session
        if telnet:
            # There the host speaks Telnet for sure, and may wait for us to begin. Elsewhere it does, if it does at all.
            session.ask_him(SGA)
            for option in (TTYPE, NAWS, NEW_ENVIRON):
                session.ask_us(option)
            session.ask_him(STATUS)
        if self._given["binary"]:
            session.ask_us(BINARY)
            session.ask_him(BINARY)
        return client

    def _address(self, where: Open) -> Address:
        default = TLS_PORT if self._given["tls"] else PORT
        if not where.port:
            return Address.parse(where.host, default)
        if where.port.isascii() and where.port.isdigit():
            return Address(where.host, int(where.port))
        if where.port not in PORTS:
            raise AddressError(f"{where.port!r} is no port: expected a number, or one of {', '.join(PORTS)}")
        return Address(where.host, PORTS[where.port])

    # --- at a terminal

    def at_terminal(self, first: Open | None) -> int:
        """Let the user converse. The exit code."""
        keyboard = Keyboard(sys.stdin.fileno(), sys.stdout.fileno())
        console = Console(self._settings)
        explainer = None
        if self._given["explaining"]:
            explainer = _Explaining(lambda text: keyboard.write(text.replace("\n", "\r\n").encode()), False)

        def connect(where: Open) -> BlockingClient:
            click.echo(f"Trying {self._address(where)} …")
            return self._connect(where, keyboard.size, console.heard, explainer)

        with _log(self._given["log"]) as log:
            code = Conversation(keyboard, console, connect, log.write).run(first)
        if explainer is not None:
            explainer.end()
        return code

    # --- without one

    def without_terminal(self, where: Open) -> int:
        """Say what is piped in, or follow the script, and write out what comes. The exit code."""
        given = self._given
        plain = given["plain"]
        explainer = _Explaining(lambda text: click.echo(text, err=not plain, nl=False), plain) if given["explaining"] else None
        with _log(given["log"]) as log:
            output = _Output(log, raw=given["raw"], plain=plain)
            with self._connect(where, (0, 0), output.event, explainer) as client:
                output.say(event="connected", peer=client.name, tls=client.stream.tls is not None)
                if self._steps is None:
                    _pipe(client, output.show, binary=given["binary"])
                    hearing = True
                else:
                    hearing = run_script(self._steps, client, output.show)
                if hearing:
                    _hear_out(client, output.show, given["linger"], given["timeout"])
                else:
                    output.show(client.read_eager())
            if explainer is not None:
                explainer.end()
            output.end()
        return 0


def _pipe(client: BlockingClient, show: Callable[[bytes], None], *, binary: bool) -> None:
    """Say what comes from the standard input, up to its end, and show what the host says meanwhile."""
    more = False  # more may have come than was read
    while not client.ended:
        reading: list[HasFileno] = [client] if client.session.reading else []
        if not client.session.crowded:
            reading.append(sys.stdin)
        ready = wait(reading, [client] if client.stream.unsent else [], 0.0 if more else client.deadline)
        if sys.stdin in ready:
            data = os.read(sys.stdin.fileno(), READ_SIZE)
            if not data:
                return
            # RFC 854: a line ends in CR LF. Who pipes in lines that end so already means the same.
            client.session.send(data if binary else data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        show(data := client.read_eager())
        more = bool(data)


def _hear_out(client: BlockingClient, show: Callable[[bytes], None], linger: float, timeout: float) -> None:
    """Show what the host still says, up to its end; ours comes when it has been quiet for ``linger`` seconds.

    Raises `TimeoutError` where nothing comes for ``timeout`` seconds after that, and no end either.
    """
    try:
        while data := client.read_some(linger):
            show(data)
        return
    except TimeoutError:
        client.finish()
    while data := client.read_some(timeout):
        show(data)


class _Output:
    """What is shown without a terminal of our own: bytes as they came, where they go to a file or a program; filtered at a
    terminal, and in the log; or JSON.
    """

    def __init__(self, log: BinaryIO, *, raw: bool, plain: bool) -> None:
        self._log = log
        self._plain = plain
        self._filter = None if raw else EscapeFilter()
        self._filters = sys.stdout.isatty()

    def show(self, data: bytes) -> None:
        """The host said ``data``."""
        if not data:
            return
        filtered = data if self._filter is None else self._filter.feed(data).encode("utf-8", "replace")
        self._log.write(filtered)
        if self._plain:
            try:
                self.say(event="data", text=data.decode())
            except UnicodeDecodeError:
                self.say(event="data", base64=base64.b64encode(data).decode("ascii"))
            return
        sys.stdout.buffer.write(filtered if self._filters else data)
        sys.stdout.buffer.flush()

    def event(self, event: Any) -> None:
        """The session tells of something."""
        if isinstance(event, Enabled | Disabled):
            side = "here" if event.us else "there"
            self.say(event="option", option=option_name(event.option), side=side, on=isinstance(event, Enabled))

    def say(self, **what: Any) -> None:
        """For programs: something happened."""
        if self._plain:
            click.echo(json.dumps(what))

    def end(self) -> None:
        self.say(event="closed")


class _Explaining:
    """An observer that explains what passes. What isn't whole yet waits for the rest."""

    def __init__(self, show: Callable[[str], Any], plain: bool) -> None:
        self._show = show
        self._plain = plain
        self._explainers = {"out": Explainer(), "in": Explainer()}
        self._colour = has_colour(sys.stderr)

    def __call__(self, seen: Seen, what: Any, now: float) -> None:
        if seen in self._explainers and isinstance(what, bytes | Urgent):
            self._tell(seen, *self._explainers[seen].feed(what if isinstance(what, bytes) else what.data))

    def end(self) -> None:
        """Explain what never became whole."""
        for direction, explainer in self._explainers.items():
            self._tell(direction, *explainer.end())

    def _tell(self, direction: str, data: bytes, parts: list[explanation.Part]) -> None:
        if not parts:
            return
        if self._plain:
            self._show(json.dumps({"direction": direction, "bytes": len(data), "parts": explanation.as_json(parts)}) + "\n")
        else:
            width = shutil.get_terminal_size().columns
            arrow = "→" if direction == "out" else "←"
            self._show(explanation.as_text(data, parts, direction=arrow, colour=self._colour, width=width) + "\n")


def _variables(given: dict[str, Any]) -> dict[str, str]:
    """The variables that the host may be told."""
    variables = {} if given["user"] is None else {"USER": given["user"]}
    for text in given["variables"]:
        name, equals, value = text.partition("=")
        if not name or (not equals and name not in os.environ):
            raise click.UsageError(f"--env {text}: expected NAME=VALUE, or the NAME of a variable that is set here")
        variables[name] = value if equals else os.environ[name]
    return variables


def _log(path: Path | None) -> BinaryIO:
    """Where to write what is shown."""
    return open(os.devnull if path is None else path, "ab", buffering=0)
