"""``wirespeak smtp inbox``: look at the mail that was caught or delivered here, search it, wait for it, remove it.

What stands in a mail is anyone's: at a terminal nothing in it moves the cursor or changes colours, and a file that it brings along
is written under a name without a path.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wirespeak.cli.settings import data_folder
from wirespeak.cli.terminal import has_colour, printable
from wirespeak.errors import StorageError
from wirespeak.smtp.inbox import Inbox, Line, Mail

__all__ = ["command", "mail_folder", "span"]

F = TypeVar("F", bound=Callable[..., Any])

# The exit code where there is no such mail, as for all that the other side says no to.
NOT_FOUND: Final = 1
# Mails that `list` shows unless told otherwise.
SHOWN: Final = 50
# Characters of an id that a table shows: enough to call the mail by.
ID_SHOWN: Final = 10
# How often a name that is taken is tried with another number behind it.
TRIES: Final = 10_000

UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def mail_folder() -> Path:
    """Where mail lies unless told otherwise: what `wirespeak up` delivers, and what `wirespeak smtp serve --catch` catches."""
    return data_folder() / "mail"


def span(text: str) -> float:
    """A span of time in seconds: 90, 90s, 10m, 2h, 7d, 4w."""
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhdw]?)", text)
    if match is None:
        raise click.BadParameter(f"{text!r} is no span of time: expected one as 90s, 10m, 2h, 7d or 4w")
    return float(match[1]) * UNITS[match[2] or "s"]


def where(function: F) -> F:
    """The options that each command has: which inbox, and for whom the output is. Where they say nothing, what the group was told holds."""

    def call(inbox: Path | None, json: bool, **options: Any) -> Any:
        context = click.get_current_context()
        above = context.parent.params if context.parent is not None and context.parent.command is command else {}
        folder = inbox or above.get("inbox") or mail_folder()
        return function(folder=folder, plain=json or above.get("json", False), **options)

    call.__name__, call.__doc__ = function.__name__, function.__doc__
    call.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    return cast("F", _where()(call))


def _where(envvar: str | None = None) -> Callable[[Any], Any]:
    inbox = click.option(
        "--inbox",
        "--maildir",
        type=click.Path(path_type=Path),
        envvar=envvar,
        metavar="DIR",
        help="The mail's folder: a Maildir, or a tree of them.  [default: mail in the XDG data folder]",
    )
    json = click.option("--json", is_flag=True, help="JSON, for programs: one object a line.")
    return lambda function: inbox(json(function))


def filters(function: F) -> F:
    """The options that say which mails are meant; they arrive as keywords of `Inbox.list`."""
    options = (
        click.option("--from", "sender", default="", metavar="TEXT", help="In the sender's address or From."),
        click.option("--to", default="", metavar="TEXT", help="In a recipient's address, To or Cc."),
        click.option("--subject", default="", metavar="TEXT", help="In the subject."),
        click.option("--words", default="", metavar="WORDS", help="All of these begin words anywhere in the mail."),
    )
    decorated: Any = function
    for option in reversed(options):
        decorated = option(decorated)
    return cast("F", decorated)


@click.group(invoke_without_command=True)
@_where(envvar="WIRESPEAK_INBOX")
@click.pass_context
def command(context: click.Context, inbox: Path | None, json: bool) -> None:
    """Look at the mail that was caught or delivered here.

    A mail is called by its id, or the begin of it; "latest" is the newest.

    \b
    wirespeak smtp inbox
    wirespeak smtp inbox wait --to ann@home.test --subject Welcome
    wirespeak smtp inbox show latest
    """
    if context.invoked_subcommand is None:
        context.invoke(list_mails)


@command.command("list")
@filters
@click.option("--limit", default=SHOWN, show_default=True, type=click.IntRange(0), metavar="N", help="No more than so many; 0 for all.")
@where
def list_mails(folder: Path, plain: bool, limit: int = SHOWN, **wanted: Any) -> None:
    """List mails, the newest first."""
    with Inbox.open(folder) as inbox:
        mails = inbox.list(**wanted, limit=limit or None)
        _show_list(mails, plain)
        left = inbox.count(**wanted) - len(mails)
    if left > 0 and not plain:
        click.echo(f"and {left} older: --limit 0 shows all", err=True)


@command.command()
@click.argument("sought", metavar="WORDS...", nargs=-1, required=True)
@filters
@where
def search(folder: Path, plain: bool, sought: tuple[str, ...], **wanted: Any) -> None:
    """Find the mails in which all WORDS are, or begin a word: in subject, addresses, text or an attachment's name.

    Exits with 1 where there are none.
    """
    wanted["words"] = " ".join((*sought, wanted["words"]))
    with Inbox.open(folder) as inbox:
        mails = inbox.list(**wanted)
    _show_list(mails, plain)
    if not mails:
        raise click.exceptions.Exit(NOT_FOUND)


@command.command()
@click.argument("id", default="latest")
@click.option("--headers", "all_headers", is_flag=True, help="All header fields.")
@click.option("--html", is_flag=True, help="The HTML part, as it was written, in place of the text.")
@click.option("--transcript", is_flag=True, help="What was said when it came.")
@where
def show(folder: Path, plain: bool, id: str, all_headers: bool, html: bool, transcript: bool) -> None:
    """Show a mail: header, text, attachments, and of a caught one who brought it."""
    with Inbox.open(folder) as inbox:
        mail = _get(inbox, id)
        if plain:
            click.echo(json.dumps(_whole(mail)))
            return
        _show_mail(mail, all_headers=all_headers, html=html, transcript=transcript)


@command.command()
@click.argument("id", default="latest")
@where
def raw(folder: Path, plain: bool, id: str) -> None:
    """Write a mail out as it is kept, byte by byte."""
    with Inbox.open(folder) as inbox:
        data = _get(inbox, id).raw
    if sys.stdout.isatty():
        click.echo(printable(data.decode("utf-8", "backslashreplace")), nl=False)
    else:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


@command.command()
@click.argument("id", default="latest")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--extract", "to", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write them into this folder.")
@where
def attachments(folder: Path, plain: bool, id: str, names: tuple[str, ...], to: Path | None) -> None:
    """List a mail's attachments, or those called NAME, and write them into a folder."""
    with Inbox.open(folder) as inbox:
        found = [one for one in _get(inbox, id).attachments if not names or one.name in names]
    for one in found:
        path = None if to is None else _write(to, one.name, one.data)
        if plain:
            told = {"name": one.name, "type": one.type, "size": len(one.data)}
            click.echo(json.dumps(told if path is None else {**told, "path": str(path)}))
        else:
            click.echo(f"{one.name}\t{printable(one.type)}\t{len(one.data)}" if path is None else str(path))
    if names and len(found) < len(set(names)):
        missing = ", ".join(set(names) - {one.name for one in found})
        click.echo(f"wirespeak: no attachment is called {missing}", err=True)
        raise click.exceptions.Exit(NOT_FOUND)


@command.command()
@filters
@click.option("--timeout", default="30s", show_default=True, type=span, metavar="TIME", help="How long, as 10s or 5m.")
@click.option("--new", "fresh", is_flag=True, help="For one that comes from now on; those that are there don't count.")
@where
def wait(folder: Path, plain: bool, timeout: float, fresh: bool, **wanted: Any) -> None:
    """Wait until a mail is there for which all that is said holds, and show it as list does.

    Exits with 3 where the time passes first.
    """
    with Inbox.open(folder) as inbox:
        _show_list([inbox.wait(**wanted, timeout=timeout, since=time.time() if fresh else 0.0)], plain)


@command.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@filters
@click.option("--all", "everything", is_flag=True, help="All that is there.")
@where
def delete(folder: Path, plain: bool, ids: tuple[str, ...], everything: bool, **wanted: Any) -> None:
    """Remove mails: by id, all for which what is said holds, or all there are."""
    if bool(ids) + any(wanted.values()) + everything != 1:
        raise click.UsageError("say which mails to remove: by id, by --from and the like, or --all of them")
    with Inbox.open(folder) as inbox:
        mails = [mail for id in ids for mail in _copies(inbox, id)] if ids else inbox.list(**wanted)
        _tell_removed(inbox.delete(mails), plain)


@command.command()
@click.option("--older-than", "age", type=span, metavar="TIME", help="Remove those that came longer ago, as 12h or 7d.")
@click.option("--keep", "count", type=click.IntRange(0), metavar="N", help="Remove all but the newest N.")
@where
def prune(folder: Path, plain: bool, age: float | None, count: int | None) -> None:
    """Remove old mails."""
    if age is None and count is None:
        raise click.UsageError("say what to keep: --older-than 7d, --keep 100, or both")
    with Inbox.open(folder) as inbox:
        _tell_removed(inbox.prune(age=age, count=count), plain)


def _get(inbox: Inbox, id: str) -> Mail:
    return _copies(inbox, id)[0]


def _copies(inbox: Inbox, id: str) -> list[Mail]:
    """The mail called ``id``, in each Maildir that it was delivered to; where there is none, that is said and the program ends."""
    try:
        return inbox.copies(id)
    except KeyError as error:
        click.echo(f"wirespeak: {printable(error.args[0])}", err=True)
        raise click.exceptions.Exit(NOT_FOUND) from None


def _write(folder: Path, name: str, data: bytes) -> Path:
    """Write a new file into ``folder``, under another name where there is one already. Raises `StorageError`."""
    stem, dot, end = name.rpartition(".")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, TRIES):
            path = folder / (name if number == 1 else f"{stem}-{number}.{end}" if dot else f"{name}-{number}")
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            except FileExistsError:
                continue
            with open(descriptor, "wb") as file:
                file.write(data)
            return path
    except OSError as error:
        raise StorageError(error.errno, f"{folder / name} can't be written: {error.strerror}") from None
    raise StorageError(f"{folder / name} can't be written: there are {TRIES} of that name already")


# --- what is shown


def _line(text: str) -> str:
    """Untrusted text on one line."""
    return printable(text).replace("\n", " ").replace("\t", " ")


def _when(seconds: float, zone: str = "%z") -> str:
    return time.strftime(f"%Y-%m-%d %H:%M:%S{zone}", time.localtime(seconds))


def _recipients(mail: Mail) -> str:
    return ", ".join(mail.recipients) or mail.to


def _show_list(mails: Iterable[Mail], plain: bool) -> None:
    """A table at a terminal; lines of columns parted by tabs elsewhere; objects for programs."""
    if plain:
        for mail in mails:
            click.echo(json.dumps(_as_data(mail)))
    elif sys.stdout.isatty():
        table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
        table.add_column("id", style="cyan", no_wrap=True, min_width=ID_SHOWN)
        table.add_column("came", style="dim", no_wrap=True, min_width=19)
        for name, ratio in (("from", 2), ("to", 2), ("subject", 4)):
            table.add_column(name, no_wrap=True, overflow="ellipsis", ratio=ratio)
        for mail in mails:
            subject = Text(_line(mail.subject)).append(f"  +{mail.attached}" if mail.attached else "", "dim")
            author, recipients = Text(_line(mail.author or mail.sender)), Text(_line(_recipients(mail)))
            table.add_row(mail.id[:ID_SHOWN], _when(mail.received, ""), author, recipients, subject)
        if table.row_count:
            Console(highlight=False).print(table)
        else:
            click.echo("no mail", err=True)
    else:
        for mail in mails:
            columns = (mail.id, _when(mail.received), mail.author or mail.sender, _recipients(mail), mail.subject)
            click.echo("\t".join(map(_line, columns)))


def _show_mail(mail: Mail, *, all_headers: bool, html: bool, transcript: bool) -> None:
    colour = has_colour(sys.stdout)

    def tell(name: str, value: str) -> None:
        click.echo(f"{click.style(f'{name}:', bold=True) if colour else f'{name}:'} {_line(value)}")

    envelope = mail.envelope
    if envelope is not None:
        tell("Envelope", f"from <{envelope.sender}> to {', '.join(f'<{recipient}>' for recipient in envelope.recipients)}")
        secured = f", {envelope.tls}" if envelope.tls else ""
        user = f", as {envelope.user}" if envelope.user else ""
        tell("Brought by", f"{envelope.hello} at {envelope.peer}, {envelope.protocol}{secured}{user}, {_when(envelope.kept_at)}")
    elif mail.folder:
        tell("Lies in", mail.folder)
    for name, value in mail.headers:
        if all_headers or name.lower() in ("from", "to", "cc", "subject", "date", "reply-to"):
            tell(_line(name), value)
    for one in mail.attachments:
        tell("Attachment", f"{one.name} ({one.type}, {len(one.data):,} bytes)")
    body = mail.html if html else mail.text
    click.echo()
    click.echo(printable(body), nl=not body.endswith("\n"))
    if transcript:
        click.echo()
        for line in mail.transcript:
            click.echo(_told(line, colour))


def _told(line: Line, colour: bool) -> str:
    """``C: EHLO home.test``, ``S: 250 mx.home.test``, and what is told beside."""
    who = {"client": "C: ", "server": "S: "}.get(line.by, "   ")
    text = f"{line.at:8.3f} {who}{_line(line.text) if line.by else f'({_line(line.text)})'}"
    return click.style(text, fg={"client": "green", "server": "cyan"}.get(line.by), dim=not line.by) if colour else text


def _as_data(mail: Mail) -> dict[str, Any]:
    return {
        "id": mail.id,
        "folder": mail.folder,
        "received": mail.received,
        "size": mail.size,
        "sender": mail.sender,
        "recipients": list(mail.recipients),
        "from": mail.author,
        "to": mail.to,
        "subject": mail.subject,
        "attachments": mail.attached,
    }


def _whole(mail: Mail) -> dict[str, Any]:
    return {
        **_as_data(mail),
        "headers": mail.headers,
        "text": mail.text,
        "html": mail.html,
        "attachments": [{"name": one.name, "type": one.type, "size": len(one.data)} for one in mail.attachments],
        "envelope": msgspec.to_builtins(mail.envelope),
    }


def _tell_removed(count: int, plain: bool) -> None:
    click.echo(json.dumps({"removed": count}) if plain else f"{count} mail{'s' * (count != 1)} removed")
