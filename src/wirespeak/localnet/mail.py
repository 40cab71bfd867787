"""The mail of the little internet: taken for every name at home.test, put into Maildirs in the data folder.

    smtp          as from server to server, for home.test and for nobody else
    submission    from a user who has logged in, over TLS that is begun in the conversation (RFC 6409, RFC 3207)
    submissions   the same over TLS from its first byte (RFC 8314 3.3)

    mail/home.test/alice/    alice's Maildir, made when her first mail comes; so with every name, postmaster among them
    mail-users               who may log in: alice, by keys that her password can't be got from
    mail-password            her password, made once, in a file that only its owner can read

Touches these files.
"""

from __future__ import annotations

import os
import secrets
from typing import Final

from wirespeak import contract
from wirespeak.errors import WirespeakError
from wirespeak.localnet.net import LocalNet, Running
from wirespeak.sasl import Authenticator
from wirespeak.smtp.delivery.maildir import Maildir
from wirespeak.smtp.recipients import Directory
from wirespeak.smtp.server import SmtpServer
from wirespeak.smtp.users import Users
from wirespeak.sockets.tls import server_context

__all__ = ["DOMAIN", "HOSTNAME", "make", "make_submission", "make_submissions"]

DOMAIN: Final = "home.test"
HOSTNAME: Final = f"mail.{DOMAIN}"

PASSWORD_SIZE: Final = 12
"""Random bytes of the password: nobody needs to remember it, and nobody guesses it."""


def make(net: LocalNet, running: Running) -> contract.Service:
    """The server that takes mail from other servers. Raises `WirespeakError` where the folder can't be made."""
    return SmtpServer(_recipients(net), hostname=HOSTNAME, tls=server_context(net.authority), counters=running.counters)


def make_submission(net: LocalNet, running: Running) -> contract.Service:
    """The server that takes mail from users, and offers TLS: without it nobody can log in. Raises `WirespeakError`."""
    return SmtpServer(
        _recipients(net),
        hostname=HOSTNAME,
        tls=server_context(net.authority),
        authenticator=_authenticator(net),
        submission=True,
        counters=running.counters,
    )


def make_submissions(net: LocalNet, running: Running) -> contract.Service:
    """The same where TLS is there from the start: its listener sees to that. Raises `WirespeakError`."""
    return SmtpServer(_recipients(net), hostname=HOSTNAME, authenticator=_authenticator(net), submission=True, counters=running.counters)


def _recipients(net: LocalNet) -> Directory:
    try:
        net.mail.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise WirespeakError(f"the folder {net.mail} can't be made: {error.strerror}") from None
    return Directory([DOMAIN], Maildir(net.mail, HOSTNAME))


def _authenticator(net: LocalNet) -> Authenticator:
    """Who may log in; at the first start the user is made, with a password that is written down."""
    users = Users(net.folder / "mail-users")
    if not net.password.exists() or net.user not in users.keys:
        password = secrets.token_urlsafe(PASSWORD_SIZE)
        try:
            with open(os.open(net.password, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
                file.write(f"{password}\n")
        except OSError as error:
            raise WirespeakError(f"{net.password} can't be written: {error.strerror}") from None
        users.add(net.user, password)
    return users.authenticator()
