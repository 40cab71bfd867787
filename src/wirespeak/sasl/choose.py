"""Which mechanism: what a server offers on a connection, and what a client takes of it. Pure.

Both keep one rule: what says the password, or a token, is for connections on which nobody can listen in (``secure``), which are
those over TLS, and those within the machine where its owner allows it (RFC 4954 9).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from wirespeak.errors import LocalProtocolError
from wirespeak.sasl import scram
from wirespeak.sasl.keys import Find
from wirespeak.sasl.oauth import OAuthBearerClient, OAuthBearerServer, VerifyToken, XOAuth2Client, XOAuth2Server
from wirespeak.sasl.plain import CramMd5Client, ExternalClient, ExternalServer, LoginClient, LoginServer, PlainClient, PlainServer
from wirespeak.sasl.scram import ScramClient, ScramServer
from wirespeak.sasl.steps import ClientMechanism, ServerMechanism

__all__ = ["NONCE", "Authenticator", "client_mechanism"]

NONCE: Final = 18
"""Random bytes of a nonce: no two dialogs ever have the same, and base64 needs no padding."""

MECHANISM: Final = re.compile("[A-Za-z0-9_-]{1,20}")
"""RFC 4422 3.1, sasl-mech. What a server offers beside that is nobody's mechanism, and is not shown to people."""

PASSWORD: Final = (scram.PLUS, scram.NAME, CramMd5Client.name, PlainClient.name, LoginClient.name)
TOKEN: Final = (OAuthBearerClient.name, XOAuth2Client.name)
IN_CLEAR: Final = {PlainClient.name, LoginClient.name, *TOKEN}
"""These give the secret itself to whoever listens in."""


@dataclass(slots=True, frozen=True)
class Authenticator:
    """How a server lets people in: by their keys, which ``find`` finds (`Accounts.find`), by tokens, or by both.

    With ``plus`` it offers SCRAM-SHA-256-PLUS too. That is for where the clients are known: some take it as soon as they see it,
    know no binding but by `tls-exporter` or `tls-unique`, and then can't log in at all (mutt 2.2 with GNU SASL, for one).
    """

    find: Find | None = None
    verify_token: VerifyToken | None = None
    plus: bool = False

    def mechanisms(self, *, secure: bool, binding: bytes | None = None, external: str | None = None) -> list[str]:
        """What to offer on a connection, the strongest first.

        ``secure``: nobody can listen in. ``binding``: the server's certificate as `TLSInfo.end_point` has it, None for none.
        ``external``: who the client's certificate says it is.
        """
        names = []
        if self.find is not None:
            names += [scram.PLUS, scram.NAME] if self.plus and binding else [scram.NAME]
        if self.verify_token is not None and secure:
            names += TOKEN
        if self.find is not None and secure:
            names += [PlainServer.name, LoginServer.name]
        if external is not None:
            names.append(ExternalServer.name)
        return names

    def start(self, name: str, *, nonce: bytes, secure: bool, binding: bytes | None = None, external: str | None = None) -> ServerMechanism:
        """The machine for one login by mechanism ``name``. ``nonce`` is `NONCE` random bytes, never used before.

        Raises `LocalProtocolError` for a mechanism that isn't offered on this connection.
        """
        if name not in self.mechanisms(secure=secure, binding=binding, external=external):
            raise LocalProtocolError(f"{name} is not offered on this connection")
        if name in TOKEN and self.verify_token is not None:
            return OAuthBearerServer(self.verify_token) if name == OAuthBearerServer.name else XOAuth2Server(self.verify_token)
        if name == ExternalServer.name and external is not None:
            return ExternalServer(external)
        assert self.find is not None
        if name == PlainServer.name:
            return PlainServer(self.find)
        if name == LoginServer.name:
            return LoginServer(self.find)
        return ScramServer(self.find, nonce=nonce, binding=(binding or None) if self.plus else None, plus=name == scram.PLUS)


def client_mechanism(
    offered: Iterable[str],
    user: str,
    password: str | None,
    *,
    nonce: bytes,
    secure: bool,
    binding: bytes | None = None,
    token: str | None = None,
    host: str = "",
    port: int = 0,
    wanted: str = "",
) -> ClientMechanism:
    """The strongest mechanism that the server has ``offered`` and that fits what we have: a token, a password, or neither.

    With ``wanted``, it is that one or none.

    ``secure`` and ``binding`` as in `Authenticator.mechanisms`; ``nonce`` is `NONCE` random bytes; ``host`` and ``port`` are the
    server's, which OAUTHBEARER tells. With neither token nor password it is EXTERNAL. Raises `LocalProtocolError` where none of
    those offered will do, `TextError` for what is no user name or password.
    """
    names = {name.upper() for name in offered if MECHANISM.fullmatch(name)}
    fitting: tuple[str, ...] = TOKEN if token is not None else PASSWORD if password is not None else (ExternalClient.name,)
    if wanted:
        fitting = tuple(name for name in fitting if name == wanted.upper())
    usable = [name for name in fitting if name in names and (secure or name not in IN_CLEAR) and (name != scram.PLUS or binding)]
    if not usable:
        raise LocalProtocolError(_why_none(names, fitting or (wanted,)))
    secret, name = token or password or "", usable[0]
    make: dict[str, Callable[[], ClientMechanism]] = {
        scram.PLUS: lambda: ScramClient(user, secret, nonce=nonce, binding=binding, plus=True),
        # Who could bind, and sees -PLUS but wants it not, says nothing of binding: "y" would claim that it wasn't offered.
        scram.NAME: lambda: ScramClient(user, secret, nonce=nonce, binding=None if scram.PLUS in names else binding),
        CramMd5Client.name: lambda: CramMd5Client(user, secret),
        PlainClient.name: lambda: PlainClient(user, secret),
        LoginClient.name: lambda: LoginClient(user, secret),
        OAuthBearerClient.name: lambda: OAuthBearerClient(user, secret, host, port),
        XOAuth2Client.name: lambda: XOAuth2Client(user, secret),
        ExternalClient.name: ExternalClient,
    }
    return make[name]()


def _why_none(names: set[str], wanted: tuple[str, ...]) -> str:
    """Why none of what was offered, ``names``, will do."""
    offer = ", ".join(sorted(names)[:20])
    if not names:
        return "the server offers no way to log in"
    if names & set(wanted) & IN_CLEAR:
        return f"the server offers only what says the secret in clear ({offer}), and the connection is not secure: ask for TLS"
    return f"the server offers {offer}: we need one of {', '.join(wanted)}"
