"""aiosmtpd, the mail server that Python programs use, as one more of the servers in ``smtp_peers.py``; it runs in threads of the test's."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.interop.smtp_peers import DOMAIN, PASSWORD, USER, USERS, MailServer, certificate, open_folder
from tests.processes import free_port

__all__ = ["aiosmtpd"]


class Boxes:
    """What aiosmtpd asks: whose mail is taken, and what becomes of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count()

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        user, _, domain = address.partition("@")
        if domain != DOMAIN:
            return "554 5.7.1 relaying denied"
        if user not in USERS:
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        for address in envelope.rcpt_tos:
            folder = self.folder / address.partition("@")[0] / "new"
            folder.mkdir(parents=True, exist_ok=True)
            number = next(self._numbers)
            (folder.parent / str(number)).write_bytes(envelope.content.replace(b"\r\n", b"\n"))
            (folder.parent / str(number)).rename(folder / str(number))
        return "250 2.0.0 kept"


def _check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=data == LoginPassword(USER.encode(), PASSWORD.encode()), handled=False)


@contextlib.contextmanager
def aiosmtpd() -> Iterator[MailServer]:
    """Run aiosmtpd at two ports."""
    with open_folder() as folder, contextlib.ExitStack() as stack:
        file, authority = certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        boxes = Boxes(folder / "mail")

        def start(**options: Any) -> int:
            controller = Controller(
                boxes,
                hostname="127.0.0.1",
                port=free_port(),
                data_size_limit=20_000_000,
                enable_SMTPUTF8=True,
                authenticator=_check,
                **options,
            )
            controller.start()
            stack.callback(controller.stop)
            return int(controller.port)

        port, secure_port = start(tls_context=context), start(ssl_context=context, auth_require_tls=False)
        yield MailServer("aiosmtpd", [], port, secure_port, folder / "mail", authority)
