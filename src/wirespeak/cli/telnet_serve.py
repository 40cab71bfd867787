"""``wirespeak telnet serve``: a menu to look round in, a program for each visitor, or a shell for who can log in.

There is no shell without a login, and none for the world unless that is said by a switch of its own.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import click

from wirespeak.cli.serving import Serving, bind_options
from wirespeak.cli.serving import serve as serve_connections
from wirespeak.cli.smtp_users import users_file
from wirespeak.sockets.address import Address, is_public
from wirespeak.telnet.limits import TelnetLimits
from wirespeak.telnet.server import Host, TelnetServer

__all__ = ["command"]


@click.command(name="serve")
@click.option(
    "--exec", "execute", metavar="COMMAND", help="Run a program for each visitor, on a terminal of its own; no shell reads COMMAND."
)
@click.option("--login", is_flag=True, help="A shell, for who can log in: as root by the system's own login, unless there is --users.")
@click.option(
    "--users",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Who may log in, as wirespeak smtp users writes it; also for --exec.  [default with --login: the file of wirespeak smtp users]",
)
@click.option("--public-shell", is_flag=True, help="Let --exec and --login be reached from other machines.")
@click.option("--line-mode", is_flag=True, help="Leave the editing of lines to the visitor's side (LINEMODE): fewer packets.")
@click.option(
    "--idle-time",
    default=TelnetLimits().idle,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Without a word from the visitor.",
)
@bind_options("localhost:8023")
def command(
    serving: Serving,
    execute: str | None,
    login: bool,
    users: Path | None,
    public_shell: bool,
    line_mode: bool,
    idle_time: float,
) -> int:
    """Welcome visitors.

    \b
    wirespeak telnet serve                          a small menu
    wirespeak telnet serve --exec 'nethack -u you'  a program
    wirespeak telnet serve --login --users users    a shell
    """
    if execute is not None and login:
        raise click.UsageError("--exec runs a program and --login a shell: choose one of the two")
    if users is not None and execute is None and not login:
        raise click.UsageError("--users says who may log in, with --login or --exec")
    public = [place for place in serving.bind if is_public(Address.parse(place))]
    if (execute is not None or login) and public and not public_shell:
        what = "a shell" if login else "a program of yours"
        raise click.UsageError(f"{public[0]} can be reached from other machines: say --public-shell, if {what} is to be offered there")
    if (login or users is not None) and (public or serving.proxy_from) and not serving.secure:
        raise click.UsageError("passwords are taken over TLS alone, but for loopback: give it --tls, or a certificate")
    host = _host(execute, login, users)
    limits = TelnetLimits(idle=idle_time)
    return serve_connections(
        "telnets" if serving.secure else "telnet", lambda: TelnetServer(host(), limits=limits, line_mode=line_mode), serving
    )


def _host(execute: str | None, login: bool, users: Path | None) -> Callable[[], Host]:
    """What makes the host, in each process. Raises a click error for a program or users that are not there."""
    from wirespeak.telnet.login import login as ask_login
    from wirespeak.telnet.login import shell, system_login
    from wirespeak.telnet.pty import program

    if execute is not None:
        command = _command(execute)
        host = program(command)
    elif login:
        if users is None and os.geteuid() == 0:
            return system_login
        users = users or users_file()
        if not users.exists():
            raise click.UsageError("nobody can log in yet: name users by --users, or by wirespeak smtp users add")
        host = shell()
    else:
        from wirespeak.telnet.menu import Lobby  # with the clients of three protocols behind it

        return Lobby
    if users is None:
        return lambda: host
    from wirespeak.smtp import Users

    verify = Users(users).verify
    return lambda: ask_login(verify, host)


def _command(said: str) -> list[str]:
    try:
        command = shlex.split(said)
    except ValueError as error:
        raise click.UsageError(f"--exec {said}: {error}") from None
    if not command:
        raise click.UsageError("--exec: expected a program, and its arguments")
    found = shutil.which(command[0])
    if found is None:
        raise click.UsageError(f"--exec: there is no program {command[0]} to run")
    return [found, *command[1:]]
