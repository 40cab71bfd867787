"""The code that makes an account somebody's, sent to them by mail (`accounts.Mail`), through a mail server that takes it from us.

Connects to that one server, and asks the clock for the mail's date.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any, Final

from wirespeak import smtp
from wirespeak.errors import ConnectError, LocalProtocolError, Refused, TextError
from wirespeak.irc.service_names import NICKSERV

__all__ = ["CodeMail"]

PATIENCE: Final = 20.0
"""Seconds that each step with the mail server may take: meanwhile the user waits, and hears nothing."""

TEXT: Final = """\
Somebody, you most likely, wants the account {account} on {network}, and has named this address.

If it was you, say there:

    /msg {service} VERIFY {account} {code}

If not, nothing is to be done: without this code the account will not come about.
"""


class CodeMail:
    """Sends from ``sender`` through ``server``, a host and port, for the IRC network called ``irc_network``.

    ``settings`` are those of `smtp.Client.connect`.
    """

    def __init__(self, server: str, sender: str, irc_network: str, **settings: Any) -> None:
        self._server = server
        self._sender = sender
        self._network = irc_network
        self._settings: dict[str, Any] = {"timeouts": smtp.Timeouts.at_most(PATIENCE), **settings}

    async def __call__(self, address: str, account: str, code: str) -> None:
        """Send it. Raises `Refused` where that address is none, or takes no mail; other errors of ours where it may later."""
        text = TEXT.format(account=account, network=self._network, service=NICKSERV, code=code)
        subject = f"{self._network}: the code for {account}"
        try:
            mail = smtp.compose(self._sender, [address], subject=subject, body=text, date=datetime.now(UTC), unique=secrets.token_hex(10))
            async with await smtp.Client.connect(self._server, **self._settings) as client:
                await client.send(mail, self._sender, [address])
        except (TextError, LocalProtocolError) as error:
            raise Refused(str(error)) from error
        except Refused as no:
            if isinstance(no.reply, smtp.Reply) and no.reply.is_transient:
                raise ConnectError(str(no)) from no
            raise
