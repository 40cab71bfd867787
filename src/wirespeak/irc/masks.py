"""Masks: who is meant by ``*!*@*.home.test``, by an address with its network's length, or by an account.

    bob                     bob!*@*                 someone by nick
    *!~ann@192.0.2.0/24                             by user, and by the address behind the host (CIDR, RFC 4632 3.1)
    $a:ann     $a     $~a                           logged in as ann; logged in at all; not logged in (IRCv3 account-extban)

A pattern of many stars takes no longer than one without (RFC 2812 2.5 sets no bound): each part between two stars is looked for
once, where it comes first, and never again.

Pure: touches nothing outside.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, Protocol

from wirespeak.irc.casemapping import ascii_fold

__all__ = ["EXTENDED", "Glob", "Mask", "Maskable", "complete", "skeleton"]

# Patterns kept compiled: those of the lists of some hundred channels.
KEPT: Final = 8192

_WILD: Final = re.compile(r"\\[*?\\]|[*?]|[^*?\\]+|\\")


# IRCv3 account-extban; ISUPPORT EXTBAN=$,a ACCOUNTEXTBAN=a
EXTENDED: Final = re.compile(r"\$~?a(?::[^ ,]+)?")


@lru_cache(KEPT)
def _compiled(glob: str) -> re.Pattern[str]:
    """``glob`` (RFC 2812 2.5; Modern IRC, Wildcard Expressions) as a pattern for text that is folded."""
    parts = [""]  # between stars
    for found in _WILD.findall(ascii_fold(glob)):
        if found == "*":
            parts.append("")
        elif found == "?":
            parts[-1] += "."
        else:
            parts[-1] += re.escape(found[1:] if found[0] == "\\" and len(found) > 1 else found)
    if len(parts) == 1:
        return re.compile(parts[0], re.DOTALL)
    first, *middle, last = parts
    # Atomic (?>…): having found a part where it comes first, it need never be looked for further behind.
    return re.compile(first + "".join(f"(?>.*?{part})" for part in middle if part) + f".*{last}", re.DOTALL)


class Glob:
    """A pattern with ``*`` for any characters and ``?`` for one; a backslash takes their meaning away. A–Z count as a–z."""

    __slots__ = ("_fits", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._fits = _compiled(text).fullmatch

    def matches(self, name: str) -> bool:
        """Whether it fits the whole of ``name``."""
        return self._fits(ascii_fold(name)) is not None


class Maskable(Protocol):
    """Someone, as far as masks look."""

    @property
    def nick(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def real_host(self) -> str: ...
    @property
    def ip(self) -> str: ...
    @property
    def account(self) -> str | None: ...


class Mask:
    """A mask as lists of channels and servers have it.

    ``text`` is its whole form: what was given, with the parts that were left out as ``*``. It matches someone by the host that is
    shown, by the real one and by the address: so a cloak hides nobody from a ban, and tells nobody what it hides.
    """

    __slots__ = ("_account", "_any", "_fits", "_negated", "_network", "_who", "text")

    def __init__(self, text: str) -> None:
        self.text = complete(text)
        self._account: Glob | None = None
        self._any = self._negated = False
        self._network: IPv4Network | IPv6Network | None = None
        self._fits = self._who = None
        if EXTENDED.fullmatch(self.text):
            kind, colon, account = self.text[1:].partition(":")
            self._negated = kind.startswith("~")
            self._any = not colon
            self._account = Glob(account)
            return
        who, _, host = self.text.rpartition("@")
        self._network = _network(host)
        if self._network is not None:
            self._who = _compiled(who).fullmatch
        self._fits = _compiled(self.text).fullmatch

    def matches(self, someone: Maskable) -> bool:
        """Whether ``someone`` is meant."""
        if self._account is not None:
            account = someone.account
            meant = account is not None and (self._any or self._account.matches(account))
            return meant is not self._negated
        assert self._fits is not None
        who = ascii_fold(f"{someone.nick}!{someone.user}")
        if self._network is not None and self._who is not None and someone.ip:
            return _within(someone.ip, self._network) and self._who(who) is not None
        hosts = dict.fromkeys((someone.host, someone.real_host, someone.ip))
        return any(self._fits(f"{who}@{ascii_fold(host)}") is not None for host in hosts if host)


def complete(text: str) -> str:
    """A mask with all its parts: ``bob`` is ``bob!*@*``, ``ann@here`` is ``*!ann@here`` (RFC 2811 4.3; Modern IRC, MODE).

    One that asks for an account is left as it is; one that begins with ``$`` and does not is a nick, which none can match.
    """
    if EXTENDED.fullmatch(text):
        return text
    who, at, host = text.rpartition("@")
    if not at:
        who, host = (text, "*") if "!" in text or not _is_host(text) else ("*!*", text)
    nick, mark, user = who.partition("!")
    if not mark:
        nick, user = ("*", nick) if at else (nick, "*")
    return f"{nick or '*'}!{user or '*'}@{host or '*'}"


def _is_host(text: str) -> bool:
    """Whether ``text``, which has no "@" and no "!", can only be a host: no nick has a dot or a colon."""
    return "." in text or ":" in text


def _network(host: str) -> IPv4Network | IPv6Network | None:
    """The network that ``host`` names with its length ("192.0.2.0/24", "2001:db8::/32"), bits behind it or not; else None."""
    if "/" not in host:
        return None
    try:
        return ip_network(host, strict=False)
    except ValueError:
        return None


def _within(ip: str, network: IPv4Network | IPv6Network) -> bool:
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address) in network


# --- names that look alike

_ALIKE: Final = str.maketrans(
    {"0": "o", "1": "l", "i": "l", "|": "l", "5": "s", "[": "l", "]": "l", "{": "l", "}": "l", "`": "'", "^": "'"}
)


def skeleton(name: str) -> str:
    """What ``name`` looks like at a glance: two names of one skeleton are easily taken for each other (after Unicode TS 39 4).

    Of ASCII alone, as nicks are: 0 and O; 1, I, l and |; 5 and S; rn and m; vv and w; and marks that are hardly seen.
    """
    looks = ascii_fold(name).translate(_ALIKE).replace("rn", "m").replace("vv", "w")
    return looks.replace("_", "").replace("-", "").replace("'", "") or looks
