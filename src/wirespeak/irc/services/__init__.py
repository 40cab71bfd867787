"""The services: NickServ and ChanServ, the familiar faces of accounts and registered channels. Pure.

    PRIVMSG NickServ :IDENTIFY ann mellon       S: :NickServ!services@irc.home.test NOTICE ann :You are now logged in as ann
    CS OP #lobby                                S: :ChanServ!services@irc.home.test MODE #lobby +o ann

They are nobody on the network, only names that answer. A command is a row of a table (``nickserv.py``, ``chanserv.py``), and so is its
help. What a service does to a nick or a channel is told to others as coming from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wirespeak.errors import Refused, StorageError
from wirespeak.irc.service_names import CHANSERV, NICKSERV, SERVICES
from wirespeak.irc.services import chanserv, nickserv
from wirespeak.irc.services.request import HELP, Command, Request
from wirespeak.irc.users import User
from wirespeak.irc.world import World

__all__ = ["SERVICES", "hear"]

COMMANDS: Final[dict[str, Mapping[str, Command]]] = {NICKSERV: nickserv.COMMANDS, CHANSERV: chanserv.COMMANDS}

ALIASES: Final = {"ID": "IDENTIFY", "LOGIN": "IDENTIFY", "REGAIN": "RECOVER", "AMODE": "FLAGS", "UNREGISTER": "DROP"}
"""Other names that people know."""


def hear(world: World, user: User, service: str, text: str) -> None:
    """``user`` says ``text`` to ``service``, a name of `SERVICES`. To be called last in a verb: the answer may take its time.

    A CTCP request is not answered: nobody is there to have a version.
    """
    if text.startswith("\x01"):
        return
    name, *rest = text.split(maxsplit=1) or [HELP]
    name = name.upper()
    request = Request(world, user, service, *rest or [""])
    command = COMMANDS[service].get(ALIASES.get(name, name))
    if command is None:
        request.say(f"I know no {name[:50]}: /msg {service} HELP tells what there is")
    elif len(request.words) < command.least:
        request.say(f"Expected: {name} {command.usage}")
    elif user.held is not None:
        request.say("One thing after the other: ask again when I have answered")
    else:
        world.later(user, _carry_out(command, request))


async def _carry_out(command: Command, request: Request) -> None:
    try:
        await command.run(request)
    except Refused as no:
        request.say(str(no))
    except StorageError as error:
        request.world.outside.failed(f"keeping what {request.user.prefix} asked of {request.service}", error)
        request.say("That could not be saved: try again later")
