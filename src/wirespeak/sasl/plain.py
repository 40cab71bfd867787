"""The mechanisms of one message or two: PLAIN (RFC 4616), LOGIN, EXTERNAL (RFC 4422 A), and CRAM-MD5 (RFC 2195) for clients.

    PLAIN      C: authorization identity, NUL, user, NUL, password
    LOGIN      S: Username:  C: user  S: Password:  C: password        never a standard; old mail programs know no other
    EXTERNAL   C: authorization identity                                TLS has told the rest
    CRAM-MD5   S: a challenge  C: user, space, HMAC-MD5 of it in hex

The first two say the password itself, so they are for where nobody listens in; `choose` sees to that. What is said is checked
against `ScramKeys`, off the loop. An authorization identity, the name of another to act as, is denied: nobody here may. Pure.
"""

from __future__ import annotations

import hmac

from wirespeak.errors import TextError
from wirespeak.sasl.keys import Find
from wirespeak.sasl.prep import saslprep
from wirespeak.sasl.steps import Accepted, Challenge, Denied, Step, Work
from wirespeak.sasl.turns import ClientTurns, ServerTurns

__all__ = ["CramMd5Client", "ExternalClient", "ExternalServer", "LoginClient", "LoginServer", "PlainClient", "PlainServer"]


def _check(find: Find, claimed: str, password: str, authzid: str = "") -> Step:
    """The step that follows once a password is known: `Work`, whoever it is."""
    try:
        user = saslprep(claimed)
        prepared = saslprep(password)
        wanted = saslprep(authzid) if authzid else user
    except TextError as error:
        return Denied(str(error), claimed)
    if wanted != user:
        return Denied("wants to act as another", claimed)
    keys, known = find(user)

    def run() -> Step:
        if keys.check(prepared) and known:
            return Accepted(user)
        return Denied("a wrong password" if known else "no such user", claimed)

    return Work(run)


def _text(response: bytes) -> str | None:
    """A name or password in a message of its own; None for what can be none."""
    try:
        text = response.decode()
    except UnicodeDecodeError:
        return None
    return text if text and "\0" not in text else None


class PlainServer(ServerTurns):
    """PLAIN, the server's side."""

    name = "PLAIN"

    def __init__(self, find: Find) -> None:
        super().__init__()
        self._find = find

    def first(self, response: bytes) -> Step:
        """Take in the one message."""
        # RFC 4616 2: two NULs exactly. One more would stand in a name or password, where readers differ on what counts.
        try:
            authzid, self.claimed, password = response.decode().split("\0")
        except ValueError:
            return self.malformed("RFC 4616 2")
        if not self.claimed or not password:
            return self.malformed("RFC 4616 2")
        return _check(self._find, self.claimed, password, authzid)


class LoginServer(ServerTurns):
    """LOGIN, the server's side."""

    name = "LOGIN"
    asks_first = b"Username:"

    def __init__(self, find: Find) -> None:
        super().__init__()
        self._find = find

    def first(self, response: bytes) -> Step:
        """Take in the user."""
        user = _text(response)
        if user is None:
            return self.malformed("a user name was expected")
        self.claimed, self.turn = user, self._second
        return Challenge(b"Password:")

    def _second(self, response: bytes) -> Step:
        password = _text(response)
        if password is None:
            return self.malformed("a password was expected")
        return _check(self._find, self.claimed, password)


class ExternalServer(ServerTurns):
    """EXTERNAL, the server's side. ``identity``: who the client's certificate says it is, prepared."""

    name = "EXTERNAL"

    def __init__(self, identity: str) -> None:
        super().__init__()
        self.claimed = identity

    def first(self, response: bytes) -> Step:
        """Take in whom the client wants to act as: itself, said or not."""
        wanted = _text(response) if response else self.claimed
        if wanted is None:
            return self.malformed("RFC 4422 A.1")
        return Accepted(self.claimed) if wanted == self.claimed else Denied("wants to act as another", self.claimed)


def _sayable(text: str) -> bytes:
    """A prepared name or password, as it is said (`saslprep` lets no NUL through)."""
    return saslprep(text).encode()


class PlainClient(ClientTurns):
    """PLAIN, the client's side."""

    name = "PLAIN"

    def __init__(self, user: str, password: str) -> None:
        super().__init__(b"\0" + _sayable(user) + b"\0" + _sayable(password))


class LoginClient(ClientTurns):
    """LOGIN, the client's side. It waits to be asked: not every server takes the name along with the wish."""

    name = "LOGIN"

    def __init__(self, user: str, password: str) -> None:
        super().__init__(_sayable(user), _sayable(password))

    def initial(self) -> None:
        """Nothing yet."""


class ExternalClient(ClientTurns):
    """EXTERNAL, the client's side: as whoever TLS says that we are."""

    name = "EXTERNAL"

    def __init__(self) -> None:
        super().__init__(b"")


class CramMd5Client(ClientTurns):
    """CRAM-MD5, the client's side. A server of it would have to keep the password itself, so there is none here."""

    name = "CRAM-MD5"

    def __init__(self, user: str, password: str) -> None:
        super().__init__(_sayable(user) + b" ")
        self._key = _sayable(password)

    def initial(self) -> None:
        """Nothing: the server speaks first."""

    def step(self, challenge: bytes) -> bytes:
        """The user, and the challenge hashed with the password (RFC 2195 2)."""
        return super().step(challenge) + hmac.digest(self._key, challenge, "md5").hex().encode()
