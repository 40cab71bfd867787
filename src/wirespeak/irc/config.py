"""What a server is told: all that may be set, and the TOML text that it is read from (``irc serve --config``). Pure.

name = "irc.home.test"
network = "Home"
motd = ["Welcome."]

[opers.ann]
password = "SCRAM-SHA-256$…"     # keys of a password (RFC 5803); a plain word is taken too

[[gateways]]                     # IRCv3 WEBIRC
addresses = ["192.0.2.7"]
password = "…"

[visits]
per_address = 10

[accounts]
…
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, is_dataclass, replace
from ipaddress import ip_network
from typing import Any, Final, get_args, get_origin, get_type_hints

import msgspec

from wirespeak.errors import TextError
from wirespeak.irc.accounts import AccountSettings
from wirespeak.irc.grammar import FORBIDDEN, HOST, HOST_SIZE, NICKNAME

__all__ = ["Admin", "Config", "Gateway", "Oper", "Sts", "VisitLimits"]

# RFC 2812 2.3.1, servername: a host name. One dot at least, by which clients tell a server from a nick.
SERVER_NAME: Final = re.compile(r"(?=.{1,63}\Z)[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?(\.[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?)+")
NETWORK_NAME: Final = re.compile(r"[0-9A-Za-z._-]{1,50}")

WIDEST_CLOAK: Final = "0" * 32 + "."
"""What stands in front of ``cloak_suffix`` in a shown host (``cloaks.py``)."""

MOTD_LINES: Final = 500
"""Lines of a message of the day: all of them are sent to everyone who comes."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Oper:
    """Who may become an operator (OPER NAME PASSWORD). ``password``: keys as RFC 5803 writes them, or the word itself.

    ``hosts``: masks of ``user@host``, or networks, one of which must fit; any where there is none. ``privileges``: the commands that
    they may use, in lower case ("kill"); "*" is all. ``secure``: over TLS alone.
    """

    password: str
    hosts: tuple[str, ...] = ()
    privileges: tuple[str, ...] = ("*",)
    secure: bool = False
    title: str = "an IRC operator"
    """What WHOIS says that they are (Modern IRC: RPL_WHOISOPERATOR)."""

    def may(self, privilege: str) -> bool:
        """Whether they may do what ``privilege`` names: a command, in lower case."""
        return "*" in self.privileges or privilege in self.privileges


@dataclass(slots=True, frozen=True, kw_only=True)
class Gateway:
    """A web gateway that may say for whom it connects (IRCv3 WEBIRC). ``addresses``: its own, or networks."""

    addresses: tuple[str, ...]
    password: str


@dataclass(slots=True, frozen=True, kw_only=True)
class Admin:
    """Who runs the server, for ADMIN (RFC 2812 3.4.9)."""

    location: str = ""
    organisation: str = ""
    email: str = ""


@dataclass(slots=True, frozen=True, kw_only=True)
class Sts:
    """Strict transport security (IRCv3 sts): the port with TLS, and how many seconds clients keep to it."""

    port: int
    duration: int = 0


@dataclass(slots=True, frozen=True, kw_only=True)
class VisitLimits:
    """How many connections one client may have: by its address, and together with all of its network.

    A network is the first ``prefix4`` bits of an IPv4 address, the first ``prefix6`` of an IPv6 one: a household has a /56 or /64 of
    those, so an address says nothing there. ``each_minute`` counts new connections of one network. 0 is no limit. ``exempt``:
    addresses and networks without any.
    """

    per_address: int = 16
    per_network: int = 64
    each_minute: int = 60
    prefix4: int = 24
    prefix6: int = 64
    exempt: tuple[str, ...] = ("127.0.0.0/8", "::1")


@dataclass(slots=True, frozen=True, kw_only=True)
class Config:
    """All of it. ``name`` is the server's, a host name; ``network`` the network's.

    ``password`` is asked of everyone by PASS. ``cloak_secret`` keeps the shown hosts from being turned back into addresses; where it is
    empty a new one is drawn at each start, and bans by host don't outlive it. ``cloaks``: False shows real hosts. ``clear_logins``: a
    password may come in clear from this very machine. ``throttle``: False lets everyone talk, register and guess as fast as they like.
    ``mail_server``, a host and port, takes the mails in which ``mail_from`` sends codes to who registers; where it is empty, none are sent.
    """

    name: str = "irc.localhost.test"
    network: str = "Localhost"
    description: str = "a server of wirespeak"
    password: str = ""
    motd: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    admin: Admin = Admin()
    opers: dict[str, Oper] = field(default_factory=dict)
    gateways: tuple[Gateway, ...] = ()
    visits: VisitLimits = VisitLimits()
    sts: Sts | None = None
    cloaks: bool = True
    cloak_secret: str = ""
    cloak_suffix: str = "hidden"
    clear_logins: bool = True
    throttle: bool = True
    mail_server: str = ""
    mail_from: str = ""
    accounts: AccountSettings = field(default_factory=AccountSettings)

    def __post_init__(self) -> None:
        if SERVER_NAME.fullmatch(self.name) is None:
            raise TextError(f"name {self.name!r}: expected a host name with a dot in it, as irc.example.org (RFC 2812 2.3.1)")
        if NETWORK_NAME.fullmatch(self.network) is None:
            raise TextError(f"network {self.network!r}: expected letters, digits, dots and hyphens, 50 at most")
        if len(self.motd) > MOTD_LINES:
            raise TextError(f"motd has {len(self.motd)} lines: expected {MOTD_LINES} at most")
        said = (self.description, *self.motd, *self.rules, self.admin.location, self.admin.organisation, self.admin.email)
        for text in (*said, *(oper.title for oper in self.opers.values())):
            if FORBIDDEN.search(text):
                raise TextError(f"{text!r}: expected text of one line (RFC 1459 2.3.1)")
        if HOST.fullmatch(f"{WIDEST_CLOAK}{self.cloak_suffix}") is None:
            raise TextError(
                f"cloak_suffix {self.cloak_suffix!r}: expected the end of a host name, {HOST_SIZE - len(WIDEST_CLOAK)} letters at most"
            )
        if self.sts is not None and not 0 < self.sts.port < 65536:
            raise TextError(f"sts.port {self.sts.port}: expected 1 to 65535")
        for name in self.opers:
            if NICKNAME.fullmatch(name) is None:
                raise TextError(f"opers.{name}: expected a name as a nick is one")
        if bool(self.mail_server) is not bool(self.mail_from):
            raise TextError("mail_server and mail_from belong together: the server that takes our mail, and who it is from")
        for text in (*self.visits.exempt, *(address for gateway in self.gateways for address in gateway.addresses)):
            try:
                ip_network(text)
            except ValueError as error:
                raise TextError(f"{text!r}: expected an address, or a network as 10.0.0.0/8 ({error})") from None

    @classmethod
    def parse(cls, text: str, file: str = "") -> Config:
        """Read TOML; ``file`` is what errors call it. Raises `TextError`."""
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise TextError(str(error), file=file) from None
        return cls.of(data, file)

    @classmethod
    def of(cls, data: dict[str, Any], file: str = "") -> Config:
        """The same of tables as `tomllib` reads them. Raises `TextError`."""
        try:
            _check_names(data, cls, "")
            return msgspec.convert(data, cls)
        except (msgspec.ValidationError, TextError) as error:
            raise TextError(str(error), file=file) from None

    @property
    def account_settings(self) -> AccountSettings:
        """``accounts``, and without a throttle as often as they like."""
        return self.accounts if self.throttle else replace(self.accounts, registrations_an_hour=None, failures=None)

    def sts_value(self, *, secure: bool) -> str:
        """The value of the capability ``sts`` on a connection; "" where it is not offered (IRCv3 sts)."""
        if self.sts is None:
            return ""
        return f"duration={self.sts.duration}" if secure else f"port={self.sts.port}"


def _check_names(value: object, kind: Any, where: str) -> None:
    """Raises `TextError` for a name in ``value`` that ``kind`` doesn't have: a slip, which would else leave a setting as it is."""
    if is_dataclass(kind) and isinstance(value, dict):
        kinds = get_type_hints(kind)
        for name, inner in value.items():
            if name not in kinds:
                raise TextError(f"{where}{name}: there is no such setting; expected one of {', '.join(kinds)}")
            _check_names(inner, kinds[name], f"{where}{name}.")
        return
    for one in get_args(kind):
        if isinstance(value, dict):
            for name, inner in value.items() if get_origin(kind) is dict else [("", value)]:
                _check_names(inner, one, f"{where}{name}." if name else where)
        elif isinstance(value, list):
            for inner in value:
                _check_names(inner, one, where)
