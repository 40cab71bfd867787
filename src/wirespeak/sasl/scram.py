"""SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677): both sides prove that they know the password; neither says it.

    C: n,,n=user,r=rOprNGfwEbeRWgbNEkqO                                 who, and a nonce of the client's
    S: r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,            that nonce and one of the server's behind it,
       s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096                                the salt, the rounds of hashing
    C: c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,     what the connection is bound to, both nonces,
       p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=                   the client's proof over all of it
    S: v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=                   the server's

(the example of RFC 7677 3). What comes first tells of channel binding (RFC 5802 6): ``n`` the client knows none, ``y`` it does,
but sees no -PLUS among what the server offers, ``p=…`` it binds. Whoever strips -PLUS from the offer in order to stand in
between turns an honest p into y, and is found out by a server that did offer it. Pure: nonces are handed in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Final

from wirespeak.errors import LocalProtocolError, RemoteProtocolError, TextError
from wirespeak.sasl.keys import LEAST, MOST, SALT_LONGEST, Find, ScramKeys, salted
from wirespeak.sasl.prep import saslprep
from wirespeak.sasl.steps import Accepted, Challenge, Denied, Step
from wirespeak.sasl.turns import ServerTurns

__all__ = ["BINDING", "GS2", "NAME", "PLUS", "ScramClient", "ScramServer", "read_name", "write_name"]

NAME: Final = "SCRAM-SHA-256"
PLUS: Final = "SCRAM-SHA-256-PLUS"

BINDING: Final = "tls-server-end-point"
"""The one kind of channel binding spoken here (RFC 5929 4): a hash of the server's certificate."""

LONGEST: Final = 4096
"""Bytes of a message: names, nonces and a proof take some hundreds. A longer one is not looked at."""

# RFC 5802 7. A saslname is escaped, so that no comma or equals sign is in it that isn't meant.
_SASLNAME = r"(?:[^\x00=,]|=2C|=3D)+"
_NONCE = r"[\x21-\x2b\x2d-\x7e]+"
# A client's own: the usual ones have 24 characters. With 256 our challenge, which repeats it, still fits a reply's line of
# 512 octets (RFC 5321 4.5.3.1.5).
_CLIENT_NONCE = r"[\x21-\x2b\x2d-\x7e]{1,256}"
_BASE64 = r"[A-Za-z0-9+/]+={0,2}"
_EXTENSIONS = (
    r"(?:,[A-Za-z]=[^\x00,]+)*"  # of later versions: passed over (RFC 5802 5.1). A mandatory one, m=, stands in front, and fits no pattern
)

GS2: Final = rf"(?:(?P<flag>[ny])|p=(?P<binding>[A-Za-z0-9.-]+)),(?:a=(?P<authzid>{_SASLNAME}))?,"
CLIENT_FIRST: Final = re.compile(rf"(?P<gs2>{GS2})(?P<bare>n=(?P<user>{_SASLNAME}),r=(?P<nonce>{_CLIENT_NONCE}){_EXTENSIONS})")
SERVER_FIRST: Final = re.compile(rf"r=(?P<nonce>{_NONCE}),s=(?P<salt>{_BASE64}),i=(?P<rounds>[1-9][0-9]{{0,9}}){_EXTENSIONS}")
CLIENT_FINAL: Final = re.compile(rf"(?P<unproved>c=(?P<channel>{_BASE64}),r=(?P<nonce>{_NONCE}){_EXTENSIONS}),p=(?P<proof>{_BASE64})")
SERVER_FINAL: Final = re.compile(rf"(?:v=(?P<verifier>{_BASE64})|e=[^\x00,]+){_EXTENSIONS}")


def read_name(text: str) -> str:
    """A saslname without its escapes (RFC 5802 5.1)."""
    return text.replace("=2C", ",").replace("=3D", "=")


def write_name(name: str) -> str:
    """``name`` as a saslname."""
    return name.replace("=", "=3D").replace(",", "=2C")


def _read(pattern: re.Pattern[str], message: bytes) -> re.Match[str] | None:
    try:
        return pattern.fullmatch(message.decode()) if len(message) <= LONGEST else None
    except UnicodeDecodeError:
        return None


def _decode(text: str) -> bytes:
    """Base64 read strictly; what is none becomes nothing, which is equal to no hash."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(32, "big")


def _bound_to(binding: bytes | None, plus: bool) -> bytes:
    """What both sides put behind the GS2 header (RFC 5802 5.1, attribute c)."""
    if plus and not binding:
        raise LocalProtocolError(f"{PLUS} is for connections with a channel binding (RFC 5802 6)")
    return binding or b"" if plus else b""


def _hmac(key: bytes, said: str | bytes) -> bytes:
    return hmac.digest(key, said.encode() if isinstance(said, str) else said, "sha256")


class ScramServer(ServerTurns):
    """The server's side. ``binding`` is the connection's, where -PLUS is offered on it; ``plus``: -PLUS was chosen."""

    def __init__(self, find: Find, *, nonce: bytes, binding: bytes | None = None, plus: bool = False) -> None:
        super().__init__()
        self.name = PLUS if plus else NAME
        self._find = find
        self._nonce = _encode(nonce)
        self._binding = binding
        self._bound = _bound_to(binding, plus)
        self._plus = plus
        self._user = ""
        self._keys: ScramKeys | None = None
        self._known = False
        self._gs2 = ""
        self._said = ""  # the first two messages, as the proof covers them

    def first(self, response: bytes) -> Step:
        """Take in who it is, and the nonce."""
        match = _read(CLIENT_FIRST, response)
        if match is None:
            return self.malformed("RFC 5802 7")
        self.claimed = read_name(match["user"])
        if wrong := self._binding_fault(match):
            return Denied(wrong, self.claimed)
        try:
            self._user = saslprep(self.claimed)
            wanted = self._user if match["authzid"] is None else saslprep(read_name(match["authzid"]))
        except TextError as error:
            return Denied(str(error), self.claimed)
        if wanted != self._user:
            return Denied("wants to act as another", self.claimed)
        self._keys, self._known = self._find(self._user)
        self._gs2, self._nonce = match["gs2"], match["nonce"] + self._nonce
        first = f"r={self._nonce},s={_encode(self._keys.salt)},i={self._keys.iterations}"
        self._said = f"{match['bare']},{first}"
        self.turn = self._prove
        return Challenge(first.encode())

    def _binding_fault(self, match: re.Match[str]) -> str:
        """What is wrong with what the client says of channel binding (RFC 5802 6); nothing in good order."""
        if self._plus:
            return "" if match["binding"] == BINDING else f"binds by another kind than {BINDING}, or not at all (RFC 5802 6)"
        if match["binding"] is not None:
            return f"binds, where {PLUS} was not chosen (RFC 5802 6)"
        if match["flag"] == "y" and self._binding is not None:
            return f"saw no {PLUS} where it was offered: someone stands in between (RFC 5802 6)"
        return ""

    def _prove(self, response: bytes) -> Step:
        match = _read(CLIENT_FINAL, response)
        if match is None or self._keys is None:
            return self.malformed("RFC 5802 7")
        said = f"{self._said},{match['unproved']}"
        proof = _decode(match["proof"])
        # RFC 5802 3: who has the ClientKey, whose hash is the StoredKey, can make this proof of it, and nobody else.
        client = _xor(proof, _hmac(self._keys.stored, said)) if len(proof) == 32 else b""
        # All of it is looked at in any case, and a stranger's proof as one's own: how long it takes tells nothing.
        bound = hmac.compare_digest(_decode(match["channel"]), self._gs2.encode() + self._bound)
        same = hmac.compare_digest(match["nonce"], self._nonce)
        proved = hmac.compare_digest(hashlib.sha256(client).digest(), self._keys.stored)
        if not (bound and same and proved and self._known):
            why = "a wrong password" if self._known else "no such user"
            return Denied(why if bound and same else "not of this dialog", self.claimed)
        self.turn = self._accept
        return Challenge(f"v={_encode(_hmac(self._keys.server, said))}".encode())

    def _accept(self, response: bytes) -> Step:
        return self.over(response) if response else Accepted(self._user)


class ScramClient:
    """The client's side. ``binding`` is the connection's, where it has one; ``plus``: the server offers -PLUS, and it is chosen."""

    def __init__(self, user: str, password: str, *, nonce: bytes, binding: bytes | None = None, plus: bool = False) -> None:
        self.name = PLUS if plus else NAME
        self._password = saslprep(password)
        self._nonce = _encode(nonce)
        self._gs2 = f"p={BINDING},," if plus else "n,," if binding is None else "y,,"
        self._channel = self._gs2.encode() + _bound_to(binding, plus)
        self._bare = f"n={write_name(saslprep(user))},r={self._nonce}"
        self._next = self._begin
        self._verifier = b""  # what the server must say
        self._verified = False

    def initial(self) -> bytes:
        """Who, and a nonce."""
        self._next = self._prove
        return f"{self._gs2}{self._bare}".encode()

    def step(self, challenge: bytes) -> bytes:
        """The response to ``challenge``."""
        return self._next(challenge)

    def _begin(self, challenge: bytes) -> bytes:
        if challenge:
            raise RemoteProtocolError("the server speaks first, where SCRAM has the client do so", clause="RFC 5802 5")
        return self.initial()

    def _prove(self, challenge: bytes) -> bytes:
        match = _read(SERVER_FIRST, challenge)
        if match is None:
            raise RemoteProtocolError("the server's first message is none of SCRAM's", clause="RFC 5802 7")
        nonce = match["nonce"]
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise RemoteProtocolError("the server's nonce does not go on from ours: its answer is of another dialog", clause="RFC 5802 5.1")
        salt, rounds = _decode(match["salt"]), int(match["rounds"])
        if not 0 < len(salt) <= SALT_LONGEST:
            raise RemoteProtocolError("the server's salt is no base64", clause="RFC 5802 5.1")
        if not LEAST <= rounds <= MOST:
            raise RemoteProtocolError(f"the server wants {rounds} rounds of hashing: expected {LEAST} to {MOST}", clause="RFC 7677 4")
        unproved = f"c={_encode(self._channel)},r={nonce}"
        said = f"{self._bare},{challenge.decode()},{unproved}"
        secret = salted(self._password, salt, rounds)
        client = _hmac(secret, b"Client Key")
        self._verifier = _hmac(_hmac(secret, b"Server Key"), said)
        self._next = self._verify
        return f"{unproved},p={_encode(_xor(client, _hmac(hashlib.sha256(client).digest(), said)))}".encode()

    def _verify(self, challenge: bytes) -> bytes:
        self._next = self._over
        match = _read(SERVER_FINAL, challenge)
        if match is None:
            raise RemoteProtocolError("the server's last message is none of SCRAM's", clause="RFC 5802 7")
        if match["verifier"] is not None:  # else it says e=…, and is about to say no
            if not hmac.compare_digest(_decode(match["verifier"]), self._verifier):
                raise RemoteProtocolError("the server does not know the password: it is not the one it says it is", clause="RFC 5802 5")
            self._verified = True
        return b""

    def _over(self, challenge: bytes) -> bytes:
        raise RemoteProtocolError("the server asks for more than SCRAM has to say", clause="RFC 5802 5")

    def finish(self) -> None:
        """Raises `RemoteProtocolError` where the server says yes without having proved that it knows the password."""
        if not self._verified:
            raise RemoteProtocolError(
                "the server lets us in and has not proved that it knows the password: it may be any other", clause="RFC 5802 5"
            )
