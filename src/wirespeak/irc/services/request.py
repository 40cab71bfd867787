"""What somebody asks of a service, and the form in which services keep their commands: a table, from which HELP is made too. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from wirespeak.errors import Refused
from wirespeak.irc.kept import Account
from wirespeak.irc.messages import Message, split_text
from wirespeak.irc.ownership import Ownership, may_say_password, ownership_of
from wirespeak.irc.service_names import source
from wirespeak.irc.users import User
from wirespeak.irc.world import World

__all__ = ["HELP", "Command", "Request", "help_on"]


class Request:
    """``text`` that ``user`` said to ``service``, the command's name left out, and the `words` of it."""

    __slots__ = ("_source", "_text", "service", "user", "words", "world")

    def __init__(self, world: World, user: User, service: str, text: str) -> None:
        self.world = world
        self.user = user
        self.service = service
        self.words = text.split()
        self._text = text.strip()
        self._source = source(service, world.name)

    def say(self, *lines: str) -> None:
        """Answer, by NOTICE: so that no program answers back (RFC 2812 3.3.2)."""
        overhead = len(f":{self._source} NOTICE {self.user.nick} :\r\n")
        for line in lines:
            for piece in split_text(line, overhead):
                self.user.send(Message("NOTICE", [self.user.nick, piece], self._source))

    def word(self, number: int, default: str = "") -> str:
        """The word of that number, counted from 0."""
        return self.words[number] if number < len(self.words) else default

    def rest(self, number: int) -> str:
        """All that is said from that word on, as it was said: a password may be of several words."""
        return self._text.split(maxsplit=number)[number] if number < len(self.words) else ""

    @property
    def ownership(self) -> Ownership:
        """What accounts have to say of nicks and channels."""
        return ownership_of(self.world)

    @property
    def account(self) -> Account:
        """The account that the user is logged in to. Raises `Refused` where there is none."""
        account = self.ownership.account_of(self.user)
        if account is None:
            raise Refused("You are not logged in")
        return account

    def known(self, name: str) -> Account:
        """The account called ``name``. Raises `Refused` where there is none."""
        account = self.world.accounts.get(name)
        if account is None:
            raise Refused(f"{name} is not registered")
        return account

    def present(self, nick: str) -> User:
        """Who is called ``nick``. Raises `Refused` where nobody is."""
        user = self.world.find(nick)
        if user is None:
            raise Refused(f"Nobody is called {nick}")
        return user

    def need_privacy(self) -> None:
        """Raises `Refused` where others may listen in, so that a password is none any more."""
        if not may_say_password(self.world, self.user):
            raise Refused("Passwords are taken over TLS alone: connect by it, and take another password than this one")

    def need_operator(self) -> None:
        """Raises `Refused` where the user is no operator of the server."""
        if self.user.oper is None:
            raise Refused("That is for operators of this server")


Run: TypeAlias = Callable[[Request], Awaitable[None]]


class Command(NamedTuple):
    """One command of a service: what follows its name, how many words of that there are at least, and what it does."""

    usage: str
    least: int
    summary: str
    run: Run


HELP: Final = "HELP"


def help_on(request: Request, commands: Mapping[str, Command], about: str) -> None:
    """Answer HELP."""
    name = request.word(0).upper()
    row = commands.get(name)
    if row is not None:
        request.say(f"{name} {row.usage}".rstrip(), row.summary)
        return
    request.say(about)
    for name, row in commands.items():
        request.say(f"  {name} {row.usage}".rstrip())
    request.say(f"More: /msg {request.service} {HELP} <command>")
