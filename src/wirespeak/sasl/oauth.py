"""OAUTHBEARER (RFC 7628) and XOAUTH2: a token in the place of a password, which another server gave out (RFC 6750).

    OAUTHBEARER   C: n,a=user@example.com,^Ahost=server.example.com^Aport=587^Aauth=Bearer vF9df…^A^A
                  S: {"status":"invalid_token"}         why not, to which the client has nothing to say
                  C: ^A                                 but this, and then it is told no (RFC 7628 3.2.3)
    XOAUTH2       C: user=user@example.com^Aauth=Bearer vF9df…^A^A     what Google and Microsoft had before; C: nothing, at last

(^A is the byte 1.) Who has the token is let in, so it is for where nobody listens in; `choose` sees to that. What a token is
worth, a function of the server's owner says. Pure: that function is called by who carries out the `Work`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from wirespeak.errors import LocalProtocolError, TextError
from wirespeak.sasl.prep import saslprep
from wirespeak.sasl.scram import GS2, read_name, write_name
from wirespeak.sasl.steps import Accepted, Challenge, Denied, Step, Work
from wirespeak.sasl.turns import ClientTurns, ServerTurns

__all__ = ["OAuthBearerClient", "OAuthBearerServer", "VerifyToken", "XOAuth2Client", "XOAuth2Server"]

VerifyToken: TypeAlias = Callable[[str, str], str | None]
"""(the user that is claimed, or "", the token) → the user that the token is for; None for one that is good for nothing.

Called off the loop, so it may wait. What it raises comes out of `Work.run`: the login could not be decided, which is no no.
"""

LONGEST: Final = 12288
"""Bytes of a message. Tokens that carry claims run to some thousands; SMTP carries no more (RFC 4954 4)."""

# RFC 6750 2.1, b64token.
_TOKEN = r"[A-Za-z0-9._~+/-]+=*"
_BEARER = rf"[Bb][Ee][Aa][Rr][Ee][Rr] +(?P<token>{_TOKEN})"
# RFC 7628 3.1: key=value pairs, of which auth counts here. It may stand but once: two readers could take one each.
_PAIR = r"(?!auth=)[A-Za-z]+=[\x20-\x7e\t\r\n]*\x01"
OAUTHBEARER: Final = re.compile(rf"{GS2}\x01(?:{_PAIR})*auth={_BEARER}\x01(?:{_PAIR})*\x01")
XOAUTH2: Final = re.compile(rf"user=(?P<user>[^\x00\x01]+)\x01auth={_BEARER}\x01\x01")
REFUSAL: Final = b'{"status":"invalid_token"}'  # RFC 7628 3.2.2; XOAUTH2 has it alike


class _TokenServer(ServerTurns):
    """What both have in common on the server's side."""

    farewell = b""
    """What the client says to a refusal."""

    def __init__(self, verify: VerifyToken) -> None:
        super().__init__()
        self._verify = verify

    def read(self, message: str) -> tuple[str, str] | None:
        """The user that is claimed and the token; None where it is no message of this mechanism's."""
        raise NotImplementedError

    def first(self, response: bytes) -> Step:
        """Take in the token."""
        try:
            found = self.read(response.decode()) if len(response) <= LONGEST else None
        except UnicodeDecodeError:
            found = None
        if found is None:
            return self.malformed("RFC 7628 3.1")
        self.claimed, token = found
        try:
            claimed = saslprep(self.claimed) if self.claimed else ""
        except TextError as error:
            return Denied(str(error), self.claimed)
        self.turn = self._refused

        def run() -> Step:
            user = self._verify(claimed, token)
            return Accepted(user) if user and claimed in ("", user) else Challenge(REFUSAL)

        return Work(run)

    def _refused(self, response: bytes) -> Step:
        return Denied("a token that is not good", self.claimed, malformed=response != self.farewell)


class OAuthBearerServer(_TokenServer):
    """OAUTHBEARER, the server's side."""

    name = "OAUTHBEARER"
    farewell = b"\x01"

    def read(self, message: str) -> tuple[str, str] | None:
        match = OAUTHBEARER.fullmatch(message)
        if match is None or match["flag"] is None:  # it binds to nothing, so p= is a claim it can't keep (RFC 7628 3.1)
            return None
        return read_name(match["authzid"] or ""), match["token"]


class XOAuth2Server(_TokenServer):
    """XOAUTH2, the server's side."""

    name = "XOAUTH2"

    def read(self, message: str) -> tuple[str, str] | None:
        match = XOAUTH2.fullmatch(message)
        return None if match is None else (match["user"], match["token"])


def _bearer(token: str) -> str:
    """How ``token`` is said. Raises `LocalProtocolError` for what is none."""
    if not re.fullmatch(_TOKEN, token):
        raise LocalProtocolError("a token holds a character that none may (RFC 6750 2.1)")
    return f"auth=Bearer {token}\x01\x01"


class OAuthBearerClient(ClientTurns):
    """OAUTHBEARER, the client's side. ``host`` and ``port``: the server's, as asked for (RFC 7628 3.1); may be left out."""

    name = "OAUTHBEARER"

    def __init__(self, user: str, token: str, host: str = "", port: int = 0) -> None:
        if not re.fullmatch(r"[\x21-\x7e]*", host):
            raise LocalProtocolError(f"{host[:60]!r} is no host to tell of (RFC 7628 3.1)")
        where = (f"host={host}\x01" if host else "") + (f"port={port}\x01" if port else "")
        super().__init__(f"n,a={write_name(saslprep(user))},\x01{where}{_bearer(token)}".encode(), OAuthBearerServer.farewell)


class XOAuth2Client(ClientTurns):
    """XOAUTH2, the client's side."""

    name = "XOAUTH2"

    def __init__(self, user: str, token: str) -> None:
        super().__init__(f"user={saslprep(user)}\x01{_bearer(token)}".encode(), XOAuth2Server.farewell)
