"""``wirespeak smtp users``: who may log in. A password is typed, read from a file or from the standard input; never an argument,
which everybody on the machine could see.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click

from wirespeak.cli.settings import data_folder
from wirespeak.cli.terminal import printable
from wirespeak.errors import TextError
from wirespeak.sasl import saslprep
from wirespeak.smtp.users import Users

__all__ = ["command", "users_file"]

F = TypeVar("F", bound=Callable[..., Any])

# Bytes of the line with a password that are looked at: the longest one takes fewer.
LINE = 8192
# The exit code where the answer is no.
REFUSED = 1


def users_file() -> Path:
    """Where the users are, unless told otherwise."""
    return data_folder() / "smtp" / "users"


@click.group()
def command() -> None:
    """Who may log in, in order to send mail."""


def _file_option(function: F) -> F:
    return click.option(
        "--file",
        "path",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The users' file.  [default: smtp/users in the XDG data folder]",
    )(function)


def _password_option(function: F) -> F:
    return click.option(
        "--password-file",
        type=click.File("rb"),
        metavar="FILE",
        help="Its first line is the password; - is the standard input. Without this, it is asked for at a terminal.",
    )(function)


def _users(path: Path | None) -> Users:
    return Users(path or users_file())


def _password(user: str, file: BinaryIO | None, *, twice: bool) -> str:
    """The password of ``user``, from wherever it is to come."""
    if file is None and sys.stdin.isatty():
        asked: str = click.prompt(f"Password of {printable(user)}", hide_input=True, confirmation_prompt=twice, err=True)
        return asked
    line = (file or sys.stdin.buffer).readline(LINE)
    try:
        password = line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise click.UsageError("the password is not UTF-8") from None
    if not password:
        raise click.UsageError("there is no password: its line is empty")
    return password


@command.command()
@click.argument("user")
@_password_option
@_file_option
def add(user: str, password_file: BinaryIO | None, path: Path | None) -> None:
    """Let USER log in, or give USER another password.

    \b
    wirespeak smtp users add alice
    wirespeak smtp users add alice --password-file ~/alice.password
    """
    users = _users(path)
    try:
        new = users.add(user, _password(user, password_file, twice=True))
    except TextError as error:
        if error.file:
            raise
        raise click.UsageError(str(error)) from None
    click.echo(f"{printable(user)} {'may log in' if new else 'has a new password'}")


@command.command()
@click.argument("user")
@_file_option
@click.pass_context
def remove(context: click.Context, user: str, path: Path | None) -> None:
    """Let USER log in no more."""
    if not _users(path).remove(_prepared(user)):
        click.echo(f"there is no user {printable(user)}", err=True)
        context.exit(REFUSED)


@command.command("list")
@_file_option
@click.option("--json", "plain", is_flag=True, help="One JSON object a line: name, iterations.")
def list_users(path: Path | None, plain: bool) -> None:
    """Print who may log in."""
    for name, keys in sorted(_users(path).keys.items()):
        click.echo(json.dumps({"name": name, "iterations": keys.iterations}) if plain else printable(name))


@command.command()
@click.argument("user")
@_password_option
@_file_option
@click.pass_context
def check(context: click.Context, user: str, password_file: BinaryIO | None, path: Path | None) -> None:
    """Tell whether a password is USER's, by the exit code: 0 where it is, 1 where not."""
    if not _users(path).verify(user, _password(user, password_file, twice=False)):
        click.echo("no", err=True)
        context.exit(REFUSED)
    click.echo("yes")


def _prepared(user: str) -> str:
    try:
        return saslprep(user)
    except TextError as error:
        raise click.UsageError(str(error)) from None
