"""The terminal of the little internet: a menu from which its other parts are used, each through this project's own client.

Names are asked of its name server, pages of its web site, mail is given to its mail server, and read by who has the password
of its user. Touches nothing by itself.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from wirespeak import contract
from wirespeak.localnet.mail import DOMAIN
from wirespeak.localnet.net import LocalNet, Running
from wirespeak.smtp import Users
from wirespeak.sockets.address import Address
from wirespeak.telnet.menu import Lobby, Mailroom
from wirespeak.telnet.server import TelnetServer
from wirespeak.telnet.visitor import Visitor

__all__ = ["PORT", "make"]

PORT: Final = 8023


def make(net: LocalNet, running: Running) -> contract.Service:
    """The server of the menu."""

    @cache
    def lobby() -> Lobby:
        """Made for the first visitor: by then all runs, and it is known where."""
        services = {one.service.name: one for one in net.running}
        places = {name: str(Address(one.host, one.port)) for name, one in services.items()}
        users = Users(net.folder / "mail-users")
        return Lobby(
            names=places.get("dns"),
            web=services["http"].url if "http" in services else None,
            mail=Mailroom(places["smtp"], DOMAIN, net.mail, users.verify) if "smtp" in places else None,
            about=[(one.service.title, one.url) for one in net.running],
        )

    async def host(visitor: Visitor) -> None:
        await lobby()(visitor)

    return TelnetServer(host, counters=running.counters)
