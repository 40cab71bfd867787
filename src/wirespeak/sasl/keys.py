"""What a server keeps of a password: SCRAM's keys (RFC 5802 3, RFC 7677), written as in RFC 5803. And who has which.

    ClientKey = HMAC(Hi(password, salt, i), "Client Key")      the client proves that it has it, and never says it
    StoredKey = SHA-256(ClientKey)                             kept: by it the proof is checked
    ServerKey = HMAC(Hi(password, salt, i), "Server Key")      kept: by it the server proves that it knows the client

Hi is PBKDF2, which takes time on purpose: who steals the keys must guess passwords one after the other. Pure.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self, TypeAlias

from wirespeak.errors import LocalProtocolError, TextError
from wirespeak.sasl.prep import saslprep

__all__ = ["ITERATIONS", "LEAST", "MOST", "SALT", "Accounts", "Find", "ScramKeys", "salted"]

ITERATIONS: Final = 100_000
"""Rounds of hashing for new keys: some 40 ms for each login and each guess. (RFC 7677 4 wants a tenth of a second of a modern
machine, and clients on small ones spend it too.)"""

LEAST: Final = 4096
"""Fewer rounds are refused (RFC 7677 4), on either side: who asks for them is after the password."""

MOST: Final = 2_000_000
"""More are refused too: a second of hashing, which a server could else make any number of."""

SALT: Final = 16
"""Bytes of salt: enough that no two users of the world share one, so that none can be guessed along with another."""

SALT_LONGEST: Final = 1024
"""Bytes of salt that another may have chosen; no one needs as many."""

# RFC 5803 2: scheme $ iterations : salt $ StoredKey : ServerKey
TEXT: Final = re.compile(r"SCRAM-SHA-256\$([1-9][0-9]{0,9}):([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]{43}=):([A-Za-z0-9+/]{43}=)")


def salted(password: str, salt: bytes, iterations: int) -> bytes:
    """SaltedPassword (RFC 5802 3), of a password that is prepared. Takes long."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)


@dataclass(slots=True, frozen=True)
class ScramKeys:
    """The keys of one password. Its text form goes into a file; its ``repr`` shows no key, so it may come into a log."""

    iterations: int
    salt: bytes = field(repr=False)
    stored: bytes = field(repr=False)
    server: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not LEAST <= self.iterations <= MOST:
            raise TextError(f"{self.iterations} rounds of hashing: expected {LEAST} to {MOST} (RFC 7677 4)")
        if not 0 < len(self.salt) <= SALT_LONGEST or len(self.stored) != 32 or len(self.server) != 32:
            raise TextError("keys of SCRAM-SHA-256 are a salt and two hashes of 32 bytes (RFC 5802 3)")

    @classmethod
    def of(cls, password: str, salt: bytes, iterations: int = ITERATIONS) -> Self:
        """The keys of ``password``; ``salt`` is `SALT` random bytes. Takes long. Raises `TextError` for what is no password."""
        secret = salted(saslprep(password, stored=True), salt, iterations)
        client = hmac.digest(secret, b"Client Key", "sha256")
        return cls(iterations, salt, hashlib.sha256(client).digest(), hmac.digest(secret, b"Server Key", "sha256"))

    def check(self, password: str) -> bool:
        """Whether ``password`` is the one. Takes long, and as long for a wrong one."""
        try:
            prepared = saslprep(password)
        except TextError:
            return False
        client = hmac.digest(salted(prepared, self.salt, self.iterations), b"Client Key", "sha256")
        return hmac.compare_digest(hashlib.sha256(client).digest(), self.stored)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the form of RFC 5803, as `str` writes it. Raises `TextError`, which does not repeat what may be a key."""
        match = TEXT.fullmatch(text)
        if match is None:
            raise TextError("no keys of SCRAM-SHA-256: expected SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey (RFC 5803 2)")
        try:
            salt, stored, server = (base64.b64decode(part, validate=True) for part in match.groups()[1:])
        except ValueError:
            raise TextError("a salt or key that is not base64 (RFC 5803 2)") from None
        return cls(int(match[1]), salt, stored, server)

    def __str__(self) -> str:
        salt, stored, server = (base64.b64encode(part).decode() for part in (self.salt, self.stored, self.server))
        return f"SCRAM-SHA-256${self.iterations}:{salt}${stored}:{server}"


Find: TypeAlias = Callable[[str], tuple[ScramKeys, bool]]
"""The keys to check a user name against, and whether there is such a user: if not, the keys are a decoy's."""


class Accounts:
    """Who may log in: keys by user name, each name prepared as `saslprep` does it. ``secret``: `SALT` random bytes at least.

    For a name that nobody has, `find` makes keys that no password fits, and always the same for the same name. A stranger is
    asked for the same proof by the same rounds and a salt of the same length, so the answer is no in either case and tells
    nothing. For that the secret must last as long as the accounts do: decoys that change with each start give themselves away.
    """

    __slots__ = ("_forms", "_keys", "_secret")

    def __init__(self, keys: Mapping[str, ScramKeys], secret: bytes) -> None:
        if len(secret) < SALT:
            raise LocalProtocolError(f"a secret of {len(secret)} bytes can be guessed: expected {SALT} random ones at least")
        self._keys = dict(keys)
        self._secret = secret
        # Where some keys were made by other rules than the rest, some decoys are too.
        self._forms = sorted({(one.iterations, len(one.salt)) for one in self._keys.values()}) or [(ITERATIONS, SALT)]

    def find(self, user: str) -> tuple[ScramKeys, bool]:
        """The keys to check ``user`` against, and whether there is such a user."""
        decoy = self._decoy(user)  # made in either case: both take as long
        found = self._keys.get(user)
        return (decoy, False) if found is None else (found, True)

    def _decoy(self, user: str) -> ScramKeys:
        name = user.encode("utf-8", "surrogatepass")
        seed = hashlib.shake_256(hmac.digest(self._secret, name, "sha256")).digest(8 + 64 + SALT_LONGEST)
        iterations, length = self._forms[int.from_bytes(seed[:8], "big") % len(self._forms)]
        return ScramKeys(iterations, seed[72 : 72 + length], seed[8:40], seed[40:72])
