"""``wirespeak smtp serve``: take mail, for domains of one's own, or for anyone and only to be looked at.

Nothing is passed on to other domains: whose mail is taken is always said, by ``--domain``, or by an option that delivers to no one.
"""

from __future__ import annotations

import logging
import platform
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import click

from wirespeak.cli.serving import Serving, announce, bind_options, open_sockets
from wirespeak.cli.smtp_inbox import mail_folder, span
from wirespeak.cli.smtp_users import users_file
from wirespeak.errors import StorageError, TextError
from wirespeak.sasl import Authenticator
from wirespeak.smtp.delivery.discard import Discard
from wirespeak.smtp.delivery.lmtp import Lmtp
from wirespeak.smtp.delivery.maildir import Maildir
from wirespeak.smtp.delivery.pipe import Pipe
from wirespeak.smtp.inbox.catch import AnyLogin, Catch
from wirespeak.smtp.limits import ServerLimits
from wirespeak.smtp.log import MailLog
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.recipients import Directory, Everyone
from wirespeak.smtp.server import SmtpServer
from wirespeak.smtp.transaction import Delivery, Recipients
from wirespeak.smtp.users import Users
from wirespeak.sockets.address import Address, is_public
from wirespeak.sockets.listener import Limits, Listener, serve_until_stopped
from wirespeak.sockets.tasks import repeat, run_loop
from wirespeak.sockets.workers import run_workers

__all__ = ["command"]

DEFAULTS: Final = ServerLimits()
# Seconds after which a mail stands in the log at the latest.
FLUSH_EVERY: Final = 0.5
# Seconds between two looks for caught mail that is not to be kept any longer.
PRUNE_EVERY: Final = 30.0

# RFC 5321 4.1.2: what a server may call itself.
HOSTNAME: Final = re.compile(r"(?=.{1,255}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


@dataclass(slots=True, frozen=True)
class Destination:
    """Where the mail goes: what the options say of it, of which one is chosen."""

    maildir: Path | None
    catch: bool
    inbox: Path | None
    keep: int | None
    keep_age: float | None
    discard: bool
    lmtp_to: str | None
    pipe: str | None

    def check(self) -> None:
        """Raises a click error where they say several things at once."""
        chosen = [
            option
            for option, said in (
                ("--maildir", self.maildir is not None),
                ("--catch", self.catch),
                ("--discard", self.discard),
                ("--lmtp-to", self.lmtp_to is not None),
                ("--pipe", self.pipe is not None),
            )
            if said
        ]
        if len(chosen) > 1:
            raise click.UsageError(f"mail goes one way: choose one of {' and '.join(chosen)}")
        if self.pipe is not None:
            Pipe(_words(self.pipe))  # raises for what is no command
        if (self.inbox, self.keep, self.keep_age) != (None, None, None) and not self.catch:
            raise click.UsageError("--inbox, --keep and --keep-age say how mail is kept that --catch has caught")

    def folder(self) -> Path | None:
        """The folder that the mail is put into, made where it is missing; None where it goes elsewhere. Raises `StorageError`."""
        if self.discard or self.lmtp_to is not None or self.pipe is not None:
            return None
        folder = (self.inbox or mail_folder() / "caught") if self.catch else (self.maildir or mail_folder())
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(error.errno, f"the folder {folder} can't be made: {error.strerror}") from None
        return folder

    def delivery(self, folder: Path | None, hostname: str) -> Delivery:
        """What delivers; made in each process, inside its loop."""
        if folder is not None:
            return Catch(folder, hostname, keep=self.keep, keep_age=self.keep_age) if self.catch else Maildir(folder, hostname)
        if self.lmtp_to is not None:
            return Lmtp(self.lmtp_to)
        if self.pipe is not None:
            return Pipe(_words(self.pipe))
        return Discard()


BOUNDS: Final = {
    "max_size": "size",
    "max_line": "text_line",
    "max_recipients": "recipients",
    "max_errors": "errors",
    "idle_time": "command_time",
    "data_time": "data_time",
}
"""Options → the limits that they set."""


def _bound(option: str, help: str, *, least: int = 0) -> Callable[[Any], Any]:
    """An option for one of the limits: a whole number, or a time in seconds."""
    default = getattr(DEFAULTS, BOUNDS[option.removeprefix("--").replace("-", "_")])
    kind: Any = click.FloatRange(0, min_open=True) if isinstance(default, float) else click.IntRange(least)
    metavar = "SECONDS" if isinstance(default, float) else "N"
    return click.option(option, default=default, show_default=True, type=kind, metavar=metavar, help=help)


@click.command(name="serve")
@click.option("--domain", multiple=True, metavar="NAME", help="A domain whose mail is taken; several times for several.")
@click.option("--user", multiple=True, metavar="NAME", help="Who gets mail there; several times for several.  [default: every name]")
@click.option("--alias", multiple=True, metavar="NAME=NAME,NAME…", help="A name that stands for others.")
@click.option("--catch-all", metavar="NAME", help="With --user: who gets the mail for everyone else.")
@click.option(
    "--maildir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Deliver into Maildirs there: DIR/domain/name/.  [default: mail in the XDG data folder]",
)
@click.option("--catch", is_flag=True, help="Take mail for anyone, deliver to no one, and keep it to be looked at: wirespeak smtp inbox.")
@click.option("--inbox", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Where --catch keeps it.")
@click.option("--keep", type=click.IntRange(1), metavar="N", help="With --catch: keep the newest N mails.")
@click.option("--keep-age", type=span, metavar="TIME", help="With --catch: keep none that came longer ago, as 12h or 7d.")
@click.option("--discard", is_flag=True, help="Take mail, for --domain or for anyone, and forget it.")
@click.option("--lmtp-to", metavar="ADDR", help="Give mail to another server over LMTP, at host:port or unix:/path.")
@click.option(
    "--pipe", metavar="COMMAND", help="Give mail to a program, run without a shell; {recipient} and {sender} stand for the addresses."
)
@click.option("--lmtp", is_flag=True, help="Speak LMTP, as a server of mailboxes does (RFC 2033).")
@click.option("--submission", is_flag=True, help="Take mail only from users who have logged in (RFC 6409).")
@click.option("--starttls", is_flag=True, help="Begin in clear and offer TLS, with the certificate of --cert or of the local authority.")
@click.option(
    "--users",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Who may log in.  [default: those of wirespeak smtp users; with --catch: anyone, by any password]",
)
@click.option(
    "--channel-binding", is_flag=True, help="Offer SCRAM-SHA-256-PLUS too, which some clients take without being able to speak it."
)
@click.option("--auth-in-clear", is_flag=True, help="Take passwords without TLS too; on loopback alone.")
@click.option("--hostname", metavar="NAME", help="What the server calls itself.  [default: this machine's name]")
@click.option("--vrfy", is_flag=True, help="Tell who asks by VRFY or EXPN whether there is such a user.")
@click.option("--greet-delay", default=0.0, type=click.FloatRange(0, 60), metavar="SECONDS", help="Let clients wait for the greeting.")
@click.option("--connection-rate", type=click.IntRange(1), metavar="N", help="Connections a minute of one client.")
@click.option("--mail-rate", type=click.IntRange(1), metavar="N", help="Mails a minute of one client.")
@_bound("--max-size", "Bytes of a mail; 0 for any.")
@_bound("--max-line", "Bytes of a line of a mail; 0 for any.  With --catch: any.")
@_bound("--max-recipients", "Recipients of a mail.", least=1)
@_bound("--max-errors", "Refused commands, without a mail in between, until the connection is closed.", least=1)
@_bound("--idle-time", "For the next command.")
@_bound("--data-time", "For the next piece of a mail.")
@click.option("--log", metavar="FILE", default="-", show_default=True, help="The mail log; - is standard error.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--no-log", is_flag=True, help="Keep no log.")
@bind_options("localhost:8025")
def command(
    serving: Serving,
    domain: tuple[str, ...],
    user: tuple[str, ...],
    alias: tuple[str, ...],
    catch_all: str | None,
    maildir: Path | None,
    catch: bool,
    inbox: Path | None,
    keep: int | None,
    keep_age: float | None,
    discard: bool,
    lmtp_to: str | None,
    pipe: str | None,
    lmtp: bool,
    submission: bool,
    starttls: bool,
    users: Path | None,
    channel_binding: bool,
    auth_in_clear: bool,
    hostname: str | None,
    vrfy: bool,
    greet_delay: float,
    connection_rate: int | None,
    mail_rate: int | None,
    log: str,
    log_format: Literal["text", "json"],
    no_log: bool,
    **bounds: Any,
) -> int:
    """Take mail.

    \b
    wirespeak smtp serve --catch
    wirespeak smtp serve --domain example.org --maildir mail --starttls
    wirespeak smtp serve --domain example.org --bind '*:465' --tls --submission --users users
    """
    destination = Destination(maildir, catch, inbox, keep, keep_age, discard, lmtp_to, pipe)
    destination.check()
    if not domain and not catch and not discard:
        raise click.UsageError("say whose mail is taken, by --domain NAME; or --catch, to look at mail for anyone")
    if domain and catch:
        raise click.UsageError("--catch takes mail for anyone: it wants no --domain")
    public = [place for place in serving.bind if is_public(Address.parse(place))]
    if auth_in_clear and public:
        raise click.UsageError(f"--auth-in-clear is for loopback alone; {public[0]} can be reached from other machines")
    if auth_in_clear and serving.proxy_from:
        raise click.UsageError("--auth-in-clear is for loopback alone; who comes through a proxy (--proxy-from) comes from elsewhere")
    if catch:
        bounds["max_line"] = 0  # what is wrong with a mail is to be seen
    hostname = _hostname(hostname)
    aliases = _aliases(alias)
    authenticator = AnyLogin() if catch and users is None else _authenticator(users, plus=channel_binding)
    if authenticator is None and submission:
        raise click.UsageError("--submission is for users who log in: name them by --users, or by wirespeak smtp users add")

    def recipients(delivery: Delivery) -> Recipients:
        if not domain:
            return Everyone(delivery)
        try:
            for name in domain:
                Mailbox.parse(f"postmaster@{name}")
            return Directory(domain, delivery, users=user or None, aliases=aliases, catch_all=catch_all)
        except TextError as error:
            raise click.UsageError(str(error)) from None

    recipients(Discard())  # what is wrong with the names is told before a port is taken
    context = replace(serving, tls=True).context() if starttls else serving.context()
    folder = destination.folder()
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.INFO)
    sockets = open_sockets(serving.bind, secure=context is not None, plain=serving.plain)
    if catch and not serving.json:
        click.echo(f"what is caught is shown by: wirespeak smtp inbox --inbox {shlex.quote(str(folder))}", err=True)
    name = "lmtp" if lmtp else ("submission" if starttls or context is None else "submissions") if submission else "smtp"

    async def work() -> None:
        delivery = destination.delivery(folder, hostname)
        notes = None if no_log else MailLog(2 if log == "-" else log, log_format)
        server = SmtpServer(
            recipients(delivery),
            hostname=hostname,
            limits=ServerLimits(**{BOUNDS[option]: value for option, value in bounds.items()}),
            tls=context if starttls else None,
            authenticator=authenticator,
            auth_in_clear=auth_in_clear or isinstance(authenticator, AnyLogin),
            submission=submission,
            lmtp=lmtp,
            tells_users=vrfy,
            greet_delay=greet_delay,
            connections_a_minute=connection_rate,
            mails_a_minute=mail_rate,
            log=notes,
        )
        listener = Listener(
            sockets,
            server,
            tls=None if starttls else context,
            limits=Limits(serving.max_connections, serving.max_per_client),
            watch=delivery.watch if isinstance(delivery, Catch) else None,
            proxy_from=serving.proxy_from,
        )
        if isinstance(delivery, Catch):
            delivery.prune()
            repeat(PRUNE_EVERY, delivery.prune)
        if notes is not None:
            repeat(FLUSH_EVERY, notes.flush)

        def say() -> None:
            if serving.workers == 1:
                announce(name, listener.addresses, json=serving.json)

        try:
            await serve_until_stopped([listener], on_ready=say, on_hangup=None if notes is None else notes.reopen)
        finally:
            if isinstance(delivery, Lmtp):
                await delivery.close()
            if notes is not None:
                notes.close()

    if serving.workers == 1:
        run_loop(work())
        return 0
    announce(name, [sock.getsockname() for sock in sockets], json=serving.json)
    return run_workers(serving.workers, lambda: run_loop(work()))


def _words(command: str) -> list[str]:
    """The words of a command, quoted as for a shell."""
    try:
        return shlex.split(command)
    except ValueError as error:
        raise click.UsageError(f"--pipe {command}: {error}") from None


def _hostname(said: str | None) -> str:
    """What to call ourselves (RFC 5321 2.3.5)."""
    if said is not None and HOSTNAME.fullmatch(said) is None:
        raise click.UsageError(f"--hostname {said}: expected a domain name")
    name = said or platform.node()
    return name if HOSTNAME.fullmatch(name) else "localhost"


def _aliases(said: Sequence[str]) -> dict[str, list[str]]:
    """``NAME=NAME,NAME…`` of each --alias."""
    aliases: dict[str, list[str]] = {}
    for text in said:
        name, equals, members = text.partition("=")
        if not name or not equals or not members:
            raise click.UsageError(f"--alias {text}: expected NAME=NAME, or NAME=NAME,NAME and so on")
        aliases.setdefault(name.strip(), []).extend(member.strip() for member in members.split(","))
    return aliases


def _authenticator(users: Path | None, *, plus: bool) -> Authenticator | None:
    """Who may log in: the users of the file given, else of the usual one, where that is there."""
    file = users or users_file()
    return Users(file).authenticator(plus=plus) if file.exists() else None
