"""``wirespeak smtp send``: send a mail, with swaks' habits: what it is made of, how the server is spoken to, and where to stop.

Here stand the options and what they lead to; the conversation is the client's business (``smtp/client.py``).
"""

from __future__ import annotations

import json
import mimetypes
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click
from click.core import ParameterSource

from wirespeak.cli import exit_code
from wirespeak.cli.terminal import printable
from wirespeak.errors import AddressError, LocalProtocolError, Refused, TextError, WirespeakError
from wirespeak.smtp.client import BlockingClient, Report, Settings, Timeouts, TLSMode
from wirespeak.smtp.compose import Attachment, compose, split_address
from wirespeak.smtp.envelope import NOTIFY, Options
from wirespeak.smtp.messages import Reply
from wirespeak.sockets.address import EVERYWHERE
from wirespeak.sockets.tls import client_context

if TYPE_CHECKING:
    from wirespeak.cli.smtp_watch import Explainer

__all__ = ["command"]

STEPS = ("connect", "hello", "tls", "login", "mail", "rcpt")

# Bytes of a mail from the standard input that are held in memory; more goes to a temporary file.
SPOOLED = 1 << 20

# How nobody is written as a sender (RFC 5321 4.5.5).
NOBODY = ("", "<>")

F = TypeVar("F", bound=Callable[..., Any])


def _boxes(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Mailboxes, with or without names (``Ann <ann@home.test>``): as they were typed, once they are known to be such."""
    for one in [value] if isinstance(value, str) else value:
        try:
            if one not in NOBODY:
                split_address(one)
        except (TextError, LocalProtocolError) as error:
            raise click.BadParameter(printable(str(error)), ctx, param) from None
    return value


def _events(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str]:
    """The words of a list, of what reports tell."""
    words = value.upper().split(",") if value else []
    if unknown := [word for word in words if word not in NOTIFY]:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(NOTIFY)}", ctx, param)
    return words


def _options(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Several options, in the order in which the help lists them."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

who = _options(
    click.option("-s", "--server", required=True, metavar="HOST[:PORT]", help="The server: a name, an address, unix:/path."),
    click.option("-f", "--from", "sender", callback=_boxes, required=True, metavar="ADDRESS", help="Who sends; '<>' for nobody."),
    click.option("-t", "--to", callback=_boxes, multiple=True, metavar="ADDRESS", help="Who gets it; again for each."),
    click.option("--cc", callback=_boxes, multiple=True, metavar="ADDRESS", help="Who gets it too, for all to see."),
    click.option("--bcc", callback=_boxes, multiple=True, metavar="ADDRESS", help="Who gets it too, unseen."),
)

what = _options(
    click.option("--subject", default="test", show_default=True, metavar="TEXT"),
    click.option("--body", default="This is a test.", show_default=True, metavar="TEXT"),
    click.option(
        "--header", "headers", multiple=True, metavar="LINE", help="A field, 'Name: value'; it may take the place of one made here."
    ),
    click.option("--attach", "attach", type=FILE, multiple=True, metavar="FILE", help="A file to go along."),
    click.option("-d", "--data", metavar="FILE", help="A whole mail, header and body, in the place of all these; - is the standard input."),
)

how = _options(
    click.option(
        "--tls",
        type=click.Choice(get_args(TLSMode)),
        help="starttls: TLS or nothing; implicit: from the start; opportunistic: where it is offered.  "
        "[default: starttls; implicit on port 465; opportunistic to this machine itself]",
    ),
    click.option("--ca", type=FILE, metavar="FILE", help="The roots to trust (PEM), and no others."),
    click.option("-k", "--insecure", is_flag=True, help="Take any certificate: anyone on the way can listen in."),
    click.option("-u", "--user", metavar="NAME", help="Log in. The password is asked for, or in WIRESPEAK_SMTP_SEND_PASSWORD."),
    click.option("--password-file", type=FILE, metavar="FILE", help="The password is its first line."),
    click.option("--token-file", type=FILE, metavar="FILE", help="Log in with the token (OAuth) that is its first line."),
    click.option("--auth", "mechanism", metavar="MECHANISM", help="How to log in, in the place of the strongest way offered."),
    click.option("--hello", metavar="NAME", help="Who we say we are (EHLO)."),
    click.option("--lmtp", is_flag=True, help="Speak LMTP: each recipient has an answer of its own."),
    click.option("--no-pipelining", is_flag=True, help="Wait for the answer to each command."),
    click.option("--chunking", is_flag=True, help="Send the mail by BDAT."),
    click.option("--notify", callback=_events, metavar="LIST", help="Of what you want reports: SUCCESS,FAILURE,DELAY; or NEVER."),
    click.option("--ret", type=click.Choice(["FULL", "HDRS"], case_sensitive=False), help="What reports hold of the mail."),
    click.option("--envid", metavar="TEXT", help="What reports call the mail."),
    click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="For each answer.  [default: RFC 5321's]"),
    click.option("-q", "--quit-after", type=click.Choice(STEPS), help="Go so far, and say goodbye."),
)


@click.command(name="send")
@who
@what
@how
@click.option("--explain", "explaining", is_flag=True, help="Show the conversation, byte by byte.")
@click.option("--json", "plain", is_flag=True, help="One JSON object, for programs (with --explain, one for each turn before it).")
def command(explaining: bool, plain: bool, **given: Any) -> int:
    """Send a mail, and tell what became of it for each recipient.

    Exits with 1 where it was refused to one of them, 3 where there is no server, 5 where it breaks the protocol or TLS fails.

    \b
    wirespeak smtp send --server localhost:2525 --from ann@home.test --to bob@home.test --subject Lunch
    wirespeak smtp send --server mail.home.test:587 --user ann --from ann@home.test --to bob@home.test --data mail.eml
    wirespeak smtp send --server localhost:2525 --from ann@home.test --quit-after hello --explain
    """
    explainer = _explainer(plain) if explaining else None
    told = _Told(given["server"], plain, quiet=explaining)
    try:
        code = _converse(given, explainer, told)
    except (WirespeakError, OSError) as error:
        code = exit_code(error)
        told.error(error, code)
    finally:
        if explainer is not None:
            explainer.show()
    told.end(code)
    return code


def _explainer(plain: bool) -> Explainer:
    # Imported when asked for: what all the words mean takes longer to load than a mail to send.
    from wirespeak.cli.smtp_watch import Explainer

    return Explainer(plain)


def _converse(given: dict[str, Any], explainer: Explainer | None, told: _Told) -> int:
    """Do what the options ask for; the exit code."""
    until = given["quit_after"]
    recipients = [split_address(one)[1] for one in (*given["to"], *given["cc"], *given["bcc"])]
    if not recipients and until in (None, "rcpt"):
        raise click.UsageError("to whom? --to names a recipient")
    sender = None if given["sender"] in NOBODY else split_address(given["sender"])[1]
    with (
        _mail(given) if until is None else nullcontext(b"") as mail,
        BlockingClient.connect(given["server"], **_settings(given, explainer)) as client,
    ):
        told.connected(client)
        if until is None:
            report = client.send(mail, sender, recipients, **_wishes(given))
        elif until in ("mail", "rcpt"):
            report = client.probe(sender, recipients if until == "rcpt" else [], **_wishes(given))
        else:
            told.offers(client)
            return 0
    told.report(report)
    return 1 if report.refused or (report.reply is not None and not report.reply.is_positive) else 0


def _settings(given: dict[str, Any], explainer: Explainer | None) -> Settings:
    """How to connect."""
    if given["server"].startswith(EVERYWHERE):
        raise AddressError("* stands for every address of this machine, where one can listen but not connect to: name one, as localhost")
    settings: Settings = {"lmtp": given["lmtp"], "pipelining": not given["no_pipelining"]}
    for name in ("tls", "hello", "mechanism", "user"):
        if given[name] is not None:
            settings[name] = given[name]
    if given["insecure"] or given["ca"]:
        settings["context"] = client_context(verify=not given["insecure"], authorities=[given["ca"]] if given["ca"] else [])
    if given["timeout"] is not None:
        settings["timeouts"] = Timeouts.at_most(given["timeout"])
    if explainer is not None:
        settings["observer"] = explainer
    until = given["quit_after"]
    if until not in (None, "mail", "rcpt"):
        settings["until"] = until
    if given["user"] is not None and until not in ("connect", "hello", "tls"):
        if given["token_file"] is not None:
            settings["token"] = _first_line(given["token_file"])
        else:
            settings["password"] = _password(given)
    return settings


def _password(given: dict[str, Any]) -> str:
    if given["password_file"] is not None:
        return _first_line(given["password_file"])
    known = os.environ.get("WIRESPEAK_SMTP_SEND_PASSWORD")
    if known is not None:
        return known
    asked: str = click.prompt(f"Password of {given['user']}", hide_input=True, err=True)
    return asked


def _first_line(file: Path) -> str:
    with file.open(encoding="utf-8") as lines:
        return lines.readline().rstrip("\n")


def _wishes(given: dict[str, Any]) -> Options:
    """What is asked for the mail."""
    wishes: Options = {"chunking": given["chunking"]}
    if given["notify"]:
        wishes["notify"] = given["notify"]
    if given["ret"]:
        wishes["ret"] = given["ret"].upper()
    if given["envid"]:
        wishes["envid"] = given["envid"]
    return wishes


# --- the mail


@contextmanager
def _mail(given: dict[str, Any]) -> Iterator[Any]:
    """The mail: one that is there already, as a file that can be read twice; or one that is made here."""
    if given["data"] is None:
        yield _composed(given)
        return
    source = click.get_current_context().get_parameter_source
    for name in ("subject", "body", "headers", "attach"):
        if source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--data is a whole mail: --{name.removesuffix('s')} doesn't go with it")
    if given["data"] != "-":
        with open(given["data"], "rb") as file:
            yield file
        return
    with SpooledTemporaryFile(SPOOLED) as spooled:
        shutil.copyfileobj(sys.stdin.buffer, spooled)
        spooled.seek(0)
        yield spooled


def _composed(given: dict[str, Any]) -> bytes:
    if given["sender"] in NOBODY:
        raise click.UsageError("a mail from nobody is a report: give it whole, with --data")
    headers = []
    for line in given["headers"]:
        name, colon, value = line.partition(":")
        if not colon:
            raise click.UsageError(f"--header takes 'Name: value', not {line!r}")
        headers.append((name, value.strip(" ")))
    return compose(
        given["sender"],
        given["to"],
        cc=given["cc"],
        subject=given["subject"],
        body=given["body"],
        attachments=[Attachment(file.name, file.read_bytes(), _type_of(file)) for file in given["attach"]],
        headers=headers,
        date=datetime.now().astimezone(),
        unique=secrets.token_hex(12),
    )


def _type_of(file: Path) -> str:
    """The media type that the file's name says; of what is compressed, that of any bytes."""
    kind, coding = mimetypes.guess_type(file.name)
    return kind if kind and not coding else "application/octet-stream"


# --- what is told


class _Told:
    """What became of it, for people as it comes, or for programs at the end."""

    def __init__(self, server: str, plain: bool, quiet: bool) -> None:
        self._plain = plain
        self._quiet = quiet
        self._report: dict[str, Any] = {"server": server}

    def connected(self, client: BlockingClient) -> None:
        smtp, tls = client.smtp, client.stream.tls
        self._report["tls"] = {"version": tls.version, "cipher": tls.cipher} if tls is not None else None
        self._report["greeting"] = str(smtp.greeting)
        self._report["extensions"] = smtp.extensions
        self._say(f"{smtp.greeting}" + (f" ({tls.version})" if tls is not None else ""))

    def offers(self, client: BlockingClient) -> None:
        """What the server offers, for who wanted to know no more."""
        for keyword, parameters in client.smtp.extensions.items():
            self._say(f"  {keyword} {parameters}".rstrip())

    def report(self, report: Report) -> None:
        """What became of a mail."""
        reply = report.reply
        self._report["reply"] = _as_data(reply)
        self._report["accepted"] = [str(box) for box in report.accepted]
        self._report["refused"] = [{"recipient": str(box), **(_as_data(why) or {})} for box, why in report.refused.items()]
        for box in report.accepted:
            self._say(f"{box}: accepted" + (f" ({reply})" if reply is not None else ""))
        for box, why in report.refused.items():
            self._complain(f"{box}: refused ({why})")
        if reply is not None and not reply.is_positive and not report.refused:
            self._complain(f"refused ({reply})")

    def error(self, error: Exception, code: int) -> None:
        """Why nothing became of it."""
        if isinstance(error, Refused) and isinstance(error.report, Report):
            self.report(error.report)
            return
        text = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
        self._report["error"] = text
        if isinstance(error, Refused):
            self._report["reply"] = _as_data(error.reply)
        self._complain(f"wirespeak: {text}")

    def end(self, code: int) -> None:
        if self._plain:
            click.echo(json.dumps({**self._report, "exit": code}))

    def _say(self, text: str) -> None:
        if not self._plain and not self._quiet:
            click.echo(printable(text))

    def _complain(self, text: str) -> None:
        if not self._plain:
            click.echo(printable(text), err=True)


def _as_data(reply: Reply | None) -> dict[str, Any] | None:
    return None if reply is None else {"code": reply.code, "enhanced": reply.enhanced, "text": reply.text}
