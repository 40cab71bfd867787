"""``wirespeak http get``: ask a web server, with curl's habits; the answer is shown, or saved.

Here stand the options and what they lead to; what is asked, and how, is the client's business (``http/client.py``).
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote

import click

from wirespeak.cli import exit_code
from wirespeak.cli.get_watch import Explainer, Narrator, head_of
from wirespeak.cli.progress import Bar
from wirespeak.cli.terminal import BinaryOutput, TextOutput, has_colour, printable
from wirespeak.errors import AddressError, WirespeakError
from wirespeak.http.client import BlockingClient, BlockingResponse, Options, Settings
from wirespeak.http.download import PartFile
from wirespeak.http.exchange import Timeouts
from wirespeak.http.received import CHARSET
from wirespeak.http.redirects import MOST_REDIRECTS
from wirespeak.http.urls import Url
from wirespeak.sockets.address import Address, parse_host, parse_port
from wirespeak.sockets.tls import client_context
from wirespeak.tap import Observer, Seen

__all__ = ["command"]

# Seconds that a server may think, or fall silent. curl waits for ever; a person has long pressed Ctrl-C.
PATIENCE = 300.0
# Bytes of a body that a report holds.
REPORTED = 16 << 20

F = TypeVar("F", bound=Callable[..., Any])


def _options(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Several options, in the order in which the help lists them."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


what_is_asked = _options(
    click.option("-X", "--request", "method", metavar="METHOD", help="The method. [default: GET, or what the other options imply]"),
    click.option(
        "-H",
        "--header",
        "headers",
        multiple=True,
        metavar="LINE",
        help="A field: 'Name: value'; 'Name:' leaves a default one out; @FILE has several.",
    ),
    click.option(
        "-d", "--data", "data", multiple=True, metavar="DATA", help="A form to POST; @FILE is a file's text; several are joined by &."
    ),
    click.option("--data-binary", "binary", multiple=True, metavar="DATA", help="The same, but @FILE is sent to the byte."),
    click.option("--json", "json_data", multiple=True, metavar="DATA", help="JSON to POST; @FILE is a file's text."),
    click.option("-T", "--upload-file", "upload", metavar="FILE", help="A file to PUT; - is the standard input."),
    click.option("-G", "--get", "in_query", is_flag=True, help="Put the data of -d into the URL, and GET."),
    click.option("-I", "--head", "head_only", is_flag=True, help="Ask for the head alone, and show it."),
    click.option("-r", "--range", "byte_range", metavar="RANGE", help="Ask for a part: 0-499, 500-, -500."),
    click.option("-u", "--user", "user", metavar="NAME[:PASSWORD]", help="Log in (Basic). Without the password it is asked for."),
    click.option("-A", "--user-agent", "agent", metavar="NAME", help="Who we say we are."),
    click.option("--compressed", is_flag=True, help="Ask for a compressed answer, and unfold it."),
    click.option("-L", "--location", "follow", is_flag=True, help="Follow redirects."),
    click.option("--max-redirs", default=MOST_REDIRECTS, show_default=True, type=click.IntRange(0), metavar="N", help="How many."),
)

how_to_connect = _options(
    click.option("-k", "--insecure", is_flag=True, help="Take any certificate: anyone on the way can listen in."),
    click.option("--cacert", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The roots to trust (PEM), and no others."),
    click.option("--resolve", multiple=True, metavar="HOST:PORT:ADDRESS", help="Connect there for that host and port."),
    click.option("--unix-socket", metavar="PATH", help="Connect there, whatever the URL says."),
    click.option(
        "--connect-timeout",
        default=10.0,
        show_default=True,
        type=click.FloatRange(0, min_open=True),
        metavar="SECONDS",
        help="To connect; the same again for TLS.",
    ),
    click.option("-m", "--max-time", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="For the whole."),
)

what_is_shown = _options(
    click.option(
        "-o",
        "--output",
        "outputs",
        multiple=True,
        metavar="FILE",
        help="Save the body; for several URLs, several times. - is the standard output.",
    ),
    click.option("-O", "--remote-name", is_flag=True, help="Save the body under the name that the URL ends with."),
    click.option("-i", "--include", is_flag=True, help="Show the head before the body."),
    click.option("-f", "--fail", is_flag=True, help="Show nothing of an answer that says no."),
    click.option("-s", "--silent", is_flag=True, help="No progress, and no errors."),
    click.option("-S", "--show-error", is_flag=True, help="Errors all the same."),
    click.option("-v", "--verbose", is_flag=True, help="Tell what is sent and answered, on standard error."),
    click.option("--explain", is_flag=True, help="Show the conversation instead of the body, explained byte by byte."),
    click.option("--report", type=click.Choice(["json"]), help="In the place of the body, a line of JSON for each URL, for programs."),
)


@click.command(name="get")
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@what_is_asked
@how_to_connect
@what_is_shown
def command(urls: tuple[str, ...], **given: Any) -> int:
    """Ask for each URL, and show or save what is answered.

    Works as curl does, where it can. Exits with 1 where the answer says no (4xx, 5xx), 3 where there is none, 4 where it can't be
    saved, and 5 where it breaks the protocol or the server is not to be trusted.

    \b
    wirespeak http get localhost:8000/README.md
    wirespeak http get -L -O https://localhost:8443/large.iso
    wirespeak http get --json '{"name": "value"}' --explain localhost:8000/api
    """
    task = _Task(given)
    codes = []
    with task.client() as client:
        for number, url in enumerate(urls):
            try:
                codes.append(task.get(client, url, number))
            except (WirespeakError, OSError) as error:
                if isinstance(error, BrokenPipeError):
                    raise
                task.tell_of(error, url)
                codes.append(exit_code(error))
            finally:
                if task.explainer is not None:
                    task.explainer.show()
    return next(filter(None, codes), 0)


class _Task:
    """What the options say, and what is done with each URL."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.method = _method(given)
        self.explainer = Explainer() if given["explain"] else None
        if given["report"] and (given["explain"] or given["include"] or "-" in given["outputs"]):
            raise click.UsageError("--report takes the place of the body: it doesn't go with --explain, --include or -o -")
        if given["user"] is not None and ":" not in given["user"]:
            given["user"] += ":" + click.prompt(f"Password for {given['user']}", hide_input=True, default="", show_default=False, err=True)

    def client(self) -> BlockingClient:
        given = self.given
        settings: Settings = {
            "timeouts": Timeouts(
                connect=given["connect_timeout"], tls=given["connect_timeout"], head=PATIENCE, idle=PATIENCE, total=given["max_time"]
            ),
            "follow": given["max_redirs"] if given["follow"] else False,
        }
        if given["insecure"] or given["cacert"]:
            roots = [given["cacert"]] if given["cacert"] else None
            settings["tls"] = client_context(verify=not given["insecure"], authorities=roots, alpn=("http/1.1",))
        if given["unix_socket"] is not None:
            path = str(Address.parse("unix:" + given["unix_socket"]).path)
            settings["route"] = lambda host, port: (f"unix:{path}", 0)
        elif given["resolve"]:
            settings["route"] = _route(given["resolve"])
        watchers = [watcher for watcher in (Narrator() if given["verbose"] else None, self.explainer) if watcher is not None]
        if watchers:
            settings["watch"] = lambda stream: _all([watcher(stream) for watcher in watchers])
        return BlockingClient(**settings)

    def get(self, client: BlockingClient, text: str, number: int) -> int:
        """Ask for one URL and show what comes; the exit code."""
        given = self.given
        with ExitStack() as stack:
            url, options = self._request(text if "://" in text else f"http://{text}", stack)
            place = self._place(url, number)
            with Bar("sending", _size(options.get("body")), shown=not given["silent"]) as sending:
                options["on_sent"] = sending.add
                response = stack.enter_context(client.stream(self.method, url, **options))
            failed = response.status >= 400
            if given["report"]:
                self._report(response, place)
            elif failed and given["fail"]:
                self._complain(f"{response.url} was answered with {response.status} {response.reason}")
            else:
                self._show(response, place)
        return 1 if failed else 0

    def tell_of(self, error: Exception, url: str) -> None:
        """Say why there is no answer, or why it could not be saved."""
        said = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
        if self.given["report"]:
            click.echo(json.dumps({"url": _shown(url), "error": said, "exit": exit_code(error)}))
        else:
            self._complain(said)

    def _complain(self, text: str) -> None:
        if not self.given["silent"] or self.given["show_error"]:
            click.echo(f"wirespeak: {printable(text)}", err=True)

    # --- what is asked

    def _request(self, url: str, open_files: ExitStack) -> tuple[str, Options]:
        """The URL to ask for, and what to ask. Files to be sent stay open as long as ``open_files``."""
        given = self.given
        fields, dropped = _fields(given["headers"])
        options: Options = {"decode": given["compressed"], "without": dropped}
        defaults: dict[str, str] = {}
        form = b"&".join([_content(data, whole=False) for data in given["data"]] + [_content(data, whole=True) for data in given["binary"]])
        if given["in_query"]:
            url = _with_query(url, form.decode("utf-8", "surrogateescape"))
        elif given["data"] or given["binary"]:
            options["body"] = form
            defaults["Content-Type"] = "application/x-www-form-urlencoded"
        elif given["json_data"]:
            options["body"] = b"".join([_content(data, whole=True) for data in given["json_data"]])
            defaults |= {"Content-Type": "application/json", "Accept": "application/json"}
        elif given["upload"] is not None:
            url, options["body"] = _upload(url, given["upload"], open_files)
        if given["agent"]:
            defaults["User-Agent"] = _as_bytes(given["agent"])
        if given["byte_range"]:
            defaults["Range"] = f"bytes={given['byte_range']}"
        if given["user"] is not None:
            name, _, password = given["user"].partition(":")
            options["auth"] = (name, password)
        taken = {name.lower() for name, _ in fields} | set(dropped)
        options["fields"] = [(name, value) for name, value in defaults.items() if name.lower() not in taken] + fields
        return url, options

    # --- what is shown

    def _place(self, url: str, number: int) -> Path | None:
        """The file to save the body in; None for the standard output."""
        if number < len(self.given["outputs"]):
            name = self.given["outputs"][number]
            return None if name == "-" else Path(name)
        if not self.given["remote_name"]:
            return None
        name = unquote(Url.parse(url).path.rpartition("/")[2])
        if not name or name in (".", "..") or "/" in name or not name.isprintable():
            raise AddressError(f"{_shown(url)} ends with no name for a file; choose one with -o")
        return Path(name)

    def _show(self, response: BlockingResponse, place: Path | None) -> None:
        """Save the answer in ``place``, or show it."""
        heads = [head_of(one) for one in (*response.history, response)] if self.given["include"] or self.given["head_only"] else []
        if place is not None:
            total = response.fields.get("content-length")
            with (
                Bar(place.name, int(total) if total and total.isdigit() else None, shown=not self.given["silent"]) as bar,
                PartFile(place) as file,
            ):
                for head in heads:
                    file.write(head)
                for piece in _tracked(response, bar):
                    file.write(piece)
        elif self.explainer is not None:
            for _ in response.iter():
                pass
        elif sys.stdout.isatty() and "-" not in self.given["outputs"]:
            for head in heads:
                click.echo(_styled(head, colour=has_colour(sys.stdout)))
            charset = CHARSET.search(response.fields.get("content-type", "") or "")
            shown = TextOutput(sys.stdout.buffer, charset[1] if charset else "utf-8")
            sys.stdout.flush()
            try:
                for piece in response.iter():
                    shown.write(piece)
            except BinaryOutput:
                raise click.UsageError(
                    "the body is no text, and could upset the terminal: save it with -o FILE, or insist with -o -"
                ) from None
            finally:
                shown.end()
        else:
            for part in (*heads, *response.iter()):
                sys.stdout.buffer.write(part)
                sys.stdout.buffer.flush()

    def _report(self, response: BlockingResponse, place: Path | None) -> None:
        """Say what came, for programs."""
        tls = response.tls
        report: dict[str, Any] = {
            "url": str(response.url),
            "method": response.method,
            "version": f"1.{response.minor}",
            "status": response.status,
            "reason": response.reason,
            "fields": [list(field) for field in response.fields.items()],
            "redirects": [{"url": str(one.url), "status": one.status} for one in response.history],
            "peer": str(Address.of(response.peer)) if response.peer else None,
            "tls": {"version": tls.version, "cipher": tls.cipher} if tls is not None else None,
        }
        if place is None:
            body = response.read(REPORTED)
            size = len(body)
            try:
                report["body"] = body.decode()
            except UnicodeDecodeError:
                report["body_base64"] = base64.b64encode(body).decode("ascii")
        else:
            size = response.save(place)
            report["file"] = str(place)
        report |= {"size": size, "received": response.received, "trailers": [list(field) for field in response.trailers.items()]}
        click.echo(json.dumps(report))


def _method(given: dict[str, Any]) -> str:
    """The method that the options ask for, or imply."""
    form = bool(given["data"] or given["binary"]) and not given["in_query"]
    implied = [
        method
        for method, wanted in (
            ("POST", form),
            ("POST", given["json_data"]),
            ("PUT", given["upload"] is not None),
            ("HEAD", given["head_only"]),
        )
        if wanted
    ]
    if len(implied) > 1:
        raise click.UsageError("only one of --data, --json, --upload-file and --head at a time")
    return given["method"] or next(iter(implied), "GET")


def _fields(lines: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """The fields to send, and the names of default ones that are to be left out."""
    fields: list[tuple[str, str]] = []
    dropped: list[str] = []
    for line in [one for given in lines for one in (_lines(Path(given[1:])) if given.startswith("@") else [given])]:
        name, colon, value = line.partition(":")
        if not colon and line.endswith(";"):
            fields.append((line[:-1].strip(), ""))
        elif not colon:
            raise click.UsageError(f"-H takes 'Name: value', not {line!r}")
        elif value.strip():
            fields.append((name, _as_bytes(value.strip())))
        else:
            dropped.append(name.lower())
    return fields, dropped


def _lines(file: Path) -> list[str]:
    return file.read_bytes().decode("utf-8", "surrogateescape").splitlines()


def _as_bytes(text: str) -> str:
    """What is typed beyond ASCII goes out as UTF-8: each character of a field stands for a byte (RFC 9110 5.5)."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _shown(url: str) -> str:
    """A URL without the password that it may hold."""
    return re.sub("//[^/?#]*@", "//", url)


def _content(data: str, *, whole: bool) -> bytes:
    """The bytes of DATA, or of @FILE; of a text without its line ends, unless it is to be ``whole``."""
    if not data.startswith("@"):
        return os.fsencode(data)
    content = sys.stdin.buffer.read() if data == "@-" else Path(data[1:]).read_bytes()
    return content if whole else content.translate(None, b"\r\n\0")


def _upload(url: str, name: str, open_files: ExitStack) -> tuple[str, Any]:
    """Where to upload a file to, and the file; a URL that ends in a slash gets its name (as with curl)."""
    if name == "-":
        return url, sys.stdin.buffer
    file = open_files.enter_context(FileIO(name))
    before, rest = _split(url)
    return (f"{before}{quote(Path(name).name)}{rest}" if before.endswith("/") else url), file


def _with_query(url: str, data: str) -> str:
    """The URL with ``data`` added to its query."""
    before, rest = _split(url)
    query, mark, fragment = rest.partition("#")
    added = data.replace("#", "%23")
    return f"{before}{query}{'&' if len(query) > 1 else '' if query else '?'}{added}{mark}{fragment}" if data else url


def _split(url: str) -> tuple[str, str]:
    """Scheme, host and path of a URL; query and fragment."""
    end = min((at for at in (url.find("?"), url.find("#")) if at >= 0), default=len(url))
    return url[:end], url[end:]


def _size(body: Any) -> int | None:
    """How large a body is, as far as that is known."""
    if isinstance(body, bytes):
        return len(body)
    try:
        return os.fstat(body.fileno()).st_size or None
    except (AttributeError, OSError, ValueError):
        return None


def _route(rules: Sequence[str]) -> Callable[[str, int], tuple[str, int]]:
    """Where to connect, by rules of HOST:PORT:ADDRESS."""
    routes: dict[tuple[str, int], str] = {}
    for rule in rules:
        host, _, rest = rule.partition(":")
        port, _, address = rest.partition(":")
        if not host or not port or not address:
            raise click.UsageError(f"--resolve takes HOST:PORT:ADDRESS, not {rule!r}")
        routes[parse_host(host), parse_port(port)] = parse_host(address.strip("[]"))
    return lambda host, port: (routes.get((host, port), host), port)


def _all(observers: Sequence[Observer]) -> Observer:
    def see(seen: Seen, what: Any, now: float) -> None:
        for observer in observers:
            observer(seen, what, now)

    return see


def _tracked(response: BlockingResponse, bar: Bar) -> Iterator[bytes]:
    """The body in pieces; ``bar`` is told what came over the wire for them."""
    before = 0
    for piece in response.iter():
        bar.add(response.received - before)
        before = response.received
        yield piece


def _styled(head: bytes, *, colour: bool) -> str:
    """A head for a terminal, without what it would obey; names are bold."""
    lines = printable(head.decode("utf-8", "replace")).split("\n")[:-1]
    if colour:
        lines[1:] = [click.style(name, bold=True) + colon + value for name, colon, value in (line.partition(":") for line in lines[1:])]
    return "\n".join(lines)
