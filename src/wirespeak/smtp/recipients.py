"""Who gets mail here: domains, their users, aliases, and what becomes of everyone else.

    bob@home.test           a user, or, where no users are named, whoever is written to
    Bob@HOME.test           the same: a domain knows no case (RFC 5321 2.4), and our users' names none either, unless told so
    bob+lists@home.test     bob again: what stands behind a plus is his own business
    sales@home.test         an alias: one or several others, each asked for in turn
    info@home.test          the catch-all, where there is one; else 550 5.1.1
    <Postmaster>            always somebody (RFC 5321 4.5.1)
    bob@away.test           550 5.7.1, unless who sends it has logged in and there is a delivery that carries it there

A local part is read by nobody but the host of its domain (RFC 5321 2.3.11). So ``bob%away.test@home.test`` and ``away.test!bob@home.test``
are odd names of a user here, and never ways to somewhere else: servers that took them for such have been everybody's relay.
Pure: nothing outside is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Final, TypeAlias
from unicodedata import normalize

from wirespeak.errors import TextError
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.messages import Recipient, Reply
from wirespeak.smtp.replies import NOT_VERIFIED
from wirespeak.smtp.transaction import Delivery, Route, Transaction

__all__ = ["Directory", "Everyone"]

Key: TypeAlias = tuple[str, str]
"""A local part and its domain, both folded."""

Target: TypeAlias = tuple[Delivery, str]

MEMBERS: Final = 1000
"""Mailboxes that one alias may come to: each is a copy of the mail, which the sender's one RCPT makes us write."""

POSTMASTER: Final = "postmaster"


class Everyone:
    """Recipients (`transaction.Recipients`) among whom is everyone, of every domain: for who catches mail and sends none on."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    def route(self, transaction: Transaction, recipient: Recipient) -> Sequence[Route]:
        mailbox = recipient.mailbox
        return (Route(recipient, self._delivery, f"{mailbox.domain or transaction.hostname}/{mailbox.local}"),)

    def verify(self, text: str) -> Reply:
        return NOT_VERIFIED

    def expand(self, text: str) -> Reply:
        return NOT_VERIFIED


class Directory:
    """Recipients (`transaction.Recipients`) of ``domains``, whose mail goes into ``delivery``.

    ``users`` are local parts, which are the same in every domain, or addresses; where None, every local part is one. ``aliases`` say of
    a local part or an address whom it stands for: other users, other aliases, or, with ``relay``, addresses elsewhere. An alias among
    whose members is its own name keeps a copy. Who is nobody else is ``catch_all``, where given. ``separator`` parts a user's name from
    his own business ("" for nothing does). With ``match_case``, Bob is not bob.

    ``relay`` takes what those who have logged in send to other domains. Raises `TextError` for what is no address, for an alias that
    comes to nobody, and for one that comes to too many.
    """

    def __init__(
        self,
        domains: Iterable[str],
        delivery: Delivery,
        *,
        users: Iterable[str] | None = None,
        aliases: Mapping[str, Sequence[str]] | None = None,
        catch_all: str | None = None,
        separator: str = "+",
        match_case: bool = False,
        relay: Delivery | None = None,
    ) -> None:
        self._delivery = delivery
        self._relay = relay
        self._separator = separator
        self._match_case = match_case
        self._domains = dict.fromkeys(map(_fold_domain, domains))
        if not self._domains:
            raise TextError("no domain to take mail for: expected one at least")
        self._first = next(iter(self._domains))
        self._is_open = users is None
        self._users = {key for user in users or () for key in self._keys(user)}
        self._aliases: dict[Key, list[Key]] = {}
        for name, members in (aliases or {}).items():
            for key in self._keys(name):
                self._aliases[key] = [self._key(member, key[1]) for member in members]
        # All that aliases lead to is found now: who asks for one later pays for no walk.
        self._found: dict[Key, tuple[Target, ...]] = {key: (self._own(key),) for key in self._users}
        for key in self._aliases:
            self._found[key] = self._resolve(key)
        self._catch_all = {} if catch_all is None else {domain: self._resolve(self._key(catch_all, domain)) for domain in self._domains}

    # --- RCPT

    def route(self, transaction: Transaction, recipient: Recipient) -> Sequence[Route] | Reply:
        mailbox = recipient.mailbox
        domain = self._home(mailbox.domain, transaction)
        if domain is None:
            if self._relay is None or transaction.user is None:
                return Reply(550, f"<{mailbox}>: mail for other domains is not passed on", "5.7.1")
            return (Route(recipient, self._relay, f"{mailbox.domain}/{mailbox.local}"),)
        targets = self._find((self._fold(mailbox.local), domain))
        if not targets:
            return Reply(550, f"<{mailbox}>: no such user here", "5.1.1")
        return [Route(recipient, delivery, target) for delivery, target in targets]

    def _home(self, domain: str, transaction: Transaction) -> str | None:
        """The domain of ours that is meant; None for one that is not."""
        if domain in self._domains:
            return domain
        if not domain:  # <Postmaster>, who is the same in all of them
            return self._first
        if domain.startswith("["):
            # RFC 1123 5.2.17: our own address in the place of a name is us.
            return self._first if _is_address(domain, transaction.local) else None
        if domain.isascii():
            return None
        domain = _fold_domain(domain)
        return domain if domain in self._domains else None

    def _find(self, key: Key) -> tuple[Target, ...]:
        """Where mail for ``key`` goes; nowhere if it is nobody's."""
        found = self._found.get(key)
        if found is not None:
            return found
        local, domain = key
        base = local.partition(self._separator)[0] if self._separator else local
        if base and base != local:
            found = self._found.get((base, domain))
            if found is not None:
                return found
        if self._is_open:
            return (self._own((base or local, domain)),)
        if domain in self._catch_all:
            return self._catch_all[domain]
        if local.lower() == POSTMASTER:
            return (self._own((POSTMASTER, domain)),)
        return ()

    # --- VRFY, EXPN

    def verify(self, text: str) -> Reply:
        """250 for a user of ours, 550 for nobody; 252 where it can't be told: who is elsewhere, and where everybody is a user."""
        try:
            key = self._key(_inner(text), self._first)
        except TextError:
            return Reply(501, "Expected a user's name or an address", "5.1.3")
        if key[1] not in self._domains or (self._is_open and key not in self._found):
            return NOT_VERIFIED
        return Reply(250, f"<{_address(key)}>", "2.1.5") if self._find(key) else Reply(550, "No such user here", "5.1.1")

    def expand(self, text: str) -> Reply:
        """250 and the members of an alias, each on a line of its own; 550 for whatever is none."""
        try:
            members = self._aliases.get(self._key(_inner(text), self._first))
        except TextError:
            members = None
        if members is None:
            return Reply(550, "No such list here", "5.1.1")
        return Reply(250, "\n".join([f"<{_address(member)}>" for member in members]), "2.1.5")

    # --- reading names

    def _keys(self, name: str) -> list[Key]:
        """The keys of a user's or an alias's name: one where it says its domain, else one in each."""
        if "@" not in name:
            return [self._key(name, domain) for domain in self._domains]
        key = self._key(name, "")
        if key[1] not in self._domains:
            raise TextError(f"{name!r} is of none of the domains that mail is taken for")
        return [key]

    def _key(self, name: str, domain: str) -> Key:
        """The key of an address; of a name in ``domain`` where it says none."""
        mailbox = Mailbox.parse(name if "@" in name else f"{name}@{domain}")
        return self._fold(mailbox.local), _fold_domain(mailbox.domain)

    def _fold(self, local: str) -> str:
        """A local part as it is compared: who types é has two ways to do so (RFC 6532 3.1 wants the one of NFC)."""
        if not local.isascii():
            local = normalize("NFC", local)
        return local if self._match_case else local.lower()

    # --- aliases

    def _own(self, key: Key) -> Target:
        return self._delivery, f"{key[1]}/{key[0]}"

    def _target(self, key: Key) -> Target:
        """Where a name that is no alias leads. Raises `TextError` where that is nowhere."""
        if key[1] in self._domains:
            if self._is_open or key in self._users or key[0] == POSTMASTER:
                return self._own(key)
            raise TextError(f"{_address(key)} stands behind an alias or the catch-all, and is no user")
        if self._relay is None:
            raise TextError(f"{_address(key)} stands behind an alias or the catch-all, and nothing carries mail there")
        return self._relay, f"{key[1]}/{key[0]}"

    def _resolve(self, alias: Key) -> tuple[Target, ...]:
        """All that ``alias`` comes to in the end, each once, in order."""
        found: dict[tuple[int, str], Target] = {}
        seen: set[Key] = set()
        waiting = [alias]
        while waiting:
            key = waiting.pop()
            members = self._aliases.get(key)
            if members is None or (key in seen and key in members):
                target = self._target(key)
                found[id(target[0]), target[1]] = target
                if len(found) > MEMBERS:
                    raise TextError(f"the alias {_address(alias)} comes to more than {MEMBERS} mailboxes")
            elif key not in seen:  # a way that leads back ends here
                waiting += reversed(members)
            seen.add(key)
        if not found:
            raise TextError(f"the alias {_address(alias)} comes to nobody: it leads back to itself")
        return tuple(found.values())


def _fold_domain(domain: str) -> str:
    """A domain as it is compared: in lower case, as A-labels. Raises `TextError`."""
    try:
        return Mailbox(POSTMASTER, domain.lower()).ascii_domain
    except ValueError as error:
        raise TextError(str(error)) from error


def _is_address(literal: str, local: Any) -> bool:
    """Whether ``literal`` (RFC 5321 4.1.3) is the IP address at which the client reached us, as its socket tells it."""
    if not isinstance(local, tuple):
        return False
    try:
        return ip_address(literal[1:-1].removeprefix("IPv6:").removeprefix("ipv6:")) == ip_address(str(local[0]).partition("%")[0])
    except ValueError:
        return False


def _inner(text: str) -> str:
    """The address within ``Bob Baker <bob@home.test>``; the text itself where it is one (RFC 5321 3.5.1)."""
    _, bracket, rest = text.rpartition("<")
    return rest.rstrip().removesuffix(">") if bracket else text.strip()


def _address(key: Key) -> str:
    return str(Mailbox(key[0], key[1]))
