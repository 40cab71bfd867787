"""URLs of the http and https schemes (RFC 3986, RFC 9110 4.2): read from text, resolved against each other, written back.

Read once, and strictly: a text that two programs could take for two hosts is refused. What people type and servers send
beside the grammar, and can mean one thing alone (a space, letters beyond ASCII, a percent sign by itself), is
percent-encoded. Touches nothing outside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, unquote

from wirespeak.errors import AddressError
from wirespeak.sockets.address import EVERYWHERE, parse_host, parse_port

__all__ = ["DEFAULT_PORTS", "Origin", "Url"]

DEFAULT_PORTS: Final = {"http": 80, "https": 443}

LONGEST: Final = 64 << 10
"""Characters of a URL: eight times what RFC 9110 4.1 asks everyone to support."""

# RFC 3986 appendix B: the components of a reference, scheme, authority, path, query and fragment
COMPONENTS: Final = re.compile(r"(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
# RFC 3986 3.2   authority = [ userinfo "@" ] host [ ":" port ]
# The user information of the RFC's own characters: so it has no second "@", no backslash, and ends where everyone says.
AUTHORITY: Final = re.compile(r"(?:([A-Za-z0-9\-._~!$&'()*+,;=:%]*)@)?(\[[^\[\]@]*\]|[^:@\[\]]*)(?::(.*))?", re.DOTALL)
# RFC 3986 2     what may stand in a path or a query as it is: pchar, "/", "?"; "%" only before two hexadecimal digits
AS_IT_IS: Final = "/?:@!$&'()*+,;=-._~%"
LONE_PERCENT: Final = re.compile("%(?![0-9A-Fa-f]{2})")
# What no URL holds in any reading, and browsers silently take out: a way to make one text look like another. Nor half a
# character, which can't be written as UTF-8.
CONTROLS: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")

Origin = tuple[str, str, int]
"""Scheme, host and port (RFC 9110 4.3.1): who is asked, and who may be told a secret."""


@dataclass(slots=True, frozen=True)
class Url:
    """An absolute URL. ``host`` is in its canonical form (`sockets.address.parse_host`), ``path`` begins with ``/``.

    ``user`` is the user information as it stands before the ``@``, None where there is none; ``query`` and ``fragment``
    are None, too, where they are not there (an empty query is another URL than none).
    """

    scheme: str
    host: str
    port: int
    path: str = "/"
    query: str | None = None
    fragment: str | None = None
    user: str | None = None

    @classmethod
    def parse(cls, text: str) -> Url:
        """Read an absolute URL. Raises `AddressError`, which says what was expected."""
        scheme, authority, path, query, fragment = _components(text)
        if scheme is None or scheme.lower() not in DEFAULT_PORTS or authority is None:
            raise AddressError(f"{_shown(text)} is no URL: expected one that begins with http:// or https://")
        return cls._of(text, scheme.lower(), authority, path, query, fragment)

    @classmethod
    def _of(cls, text: str, scheme: str, authority: str, path: str, query: str | None, fragment: str | None) -> Url:
        match = AUTHORITY.fullmatch(authority)
        if match is None:
            raise AddressError(
                f"{_shown(text)} has no host that can be read in one way alone: expected host, host:port or user:password@host"
            )
        user, host, port = match.groups()
        if not host:
            raise AddressError(f"{_shown(text)} has no host (RFC 9110 4.2.1)")
        if ":" in host and not host.startswith("["):
            raise AddressError(f"{_shown(text)}: an IPv6 address stands in brackets, as in http://[::1]/")
        try:
            name = parse_host(host[1:-1].replace("%25", "%", 1) if host.startswith("[") else host)
            number = parse_port(port) if port else DEFAULT_PORTS[scheme]
        except AddressError as error:
            raise AddressError(f"in {_shown(text)}, {error}") from None
        if name == EVERYWHERE or not number or (host.startswith("[") and ":" not in name):
            raise AddressError(f"{_shown(text)} names no host and port that one can connect to")
        return cls(scheme, name, number, _without_dots(_encoded(path)) or "/", _encoded(query), fragment, user)

    def join(self, reference: str) -> Url:
        """The URL that ``reference``, a Location for example, means where this one is the base (RFC 3986 5.2.2).

        Raises `AddressError`, for another scheme than http and https too.
        """
        scheme, authority, path, query, fragment = _components(reference)
        if scheme is not None:
            return Url.parse(reference)
        if authority is not None:
            return Url._of(reference, self.scheme, authority, path, query, fragment)
        if not path:
            return replace(self, query=self.query if query is None else _encoded(query), fragment=fragment)
        merged = path if path.startswith("/") else self.path.rpartition("/")[0] + "/" + path
        return replace(self, path=_without_dots(_encoded(merged)), query=_encoded(query), fragment=fragment)

    @property
    def origin(self) -> Origin:
        return (self.scheme, self.host, self.port)

    @property
    def authority(self) -> str:
        """Host and port as the Host field has them (RFC 9110 7.2): the port only where it isn't the scheme's own."""
        host = f"[{self.host.partition('%')[0]}]" if ":" in self.host else self.host  # a zone is nobody else's (RFC 4007 11)
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def target(self) -> str:
        """The request-target in origin form (RFC 9112 3.2.1)."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User name and password, percent-decoded; None where the URL names nobody."""
        if self.user is None:
            return None
        name, _, password = self.user.partition(":")
        return unquote(name), unquote(password)

    def __str__(self) -> str:
        """The URL without the user information, which is a password as often as not (RFC 9110 4.2.4)."""
        return f"{self.scheme}://{self.authority}{self.target}" + ("" if self.fragment is None else f"#{self.fragment}")


def _components(text: str) -> tuple[str | None, str | None, str, str | None, str | None]:
    if len(text) > LONGEST:
        raise AddressError(f"a URL of {len(text):,} characters; {LONGEST:,} at most are read")
    if found := CONTROLS.search(text):
        raise AddressError(f"{_shown(text)} holds the character {found[0]!a}, which no URL does (RFC 3986 2)")
    match = COMPONENTS.fullmatch(text.strip(" "))
    assert match  # each part of the pattern may be empty
    scheme, authority, path, query, fragment = match.groups()
    return scheme, authority, path, query, fragment


def _encoded(text: str | None) -> str:
    """A path or query with whatever may not stand there percent-encoded, as UTF-8 (RFC 3986 2.5)."""
    return text if text is None else quote(LONE_PERCENT.sub("%25", text), safe=AS_IT_IS)  # type: ignore[return-value]


def _without_dots(path: str) -> str:
    """The path with its ``.`` and ``..`` carried out (RFC 3986 5.2.4); ``..`` at the top leads nowhere."""
    segments = path.split("/")
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept)


def _shown(text: str) -> str:
    """A URL for an error message: escaped, cut where it is long, and without a password."""
    text = re.sub(r"//[^/?#@]*@", "//…@", text)
    return repr(text if len(text) <= 100 else text[:99] + "…")
