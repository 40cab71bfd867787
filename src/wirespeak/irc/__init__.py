"""IRC (RFC 1459 and 2812 as Modern IRC tells them, and IRCv3): chat, as server and client.

A tour, in the order in which it reads best:

====================  ================================================================================
``grammar.py``        the bytes: one named pattern a production; ``casemapping.py``, which names are one
``messages.py``       a message: tags, source, command, parameters; ``numerics.py``, the replies;
                      ``masks.py``, who is meant by ``*!*@*.home.test``
``commands.py``       what may be said, when and by whom; ``states.py``, what follows what; ``limits.py``
``session.py``        the server's side of a connection, without I/O
``server.py``         what a server decides; ``world.py``, who is there; ``users.py``, ``channels.py``,
                      ``modes.py``; ``relay.py``, one message to many; ``verbs/``, what each command does
``accounts.py``       who owns which name; ``store.py``, kept on disk; ``services/``, to talk to
``client_session.py`` the client's side; ``client.py``, what a client decides; ``tracker.py``, who is
                      where; ``bot.py``, functions that answer
``explain.py``        every byte of a conversation, named
====================  ================================================================================

What most people need::

    from wirespeak.irc import BlockingClient, Bot, serve

    serve("localhost:6667")                                       # until Ctrl-C

    with BlockingClient.connect("localhost:6667", "ann") as irc:
        irc.join("#lobby")
        irc.say("#lobby", "hello")
"""

from wirespeak.irc.accounts import Accounts, AccountSettings
from wirespeak.irc.bot import Bot, Call
from wirespeak.irc.client import BlockingClient, Client
from wirespeak.irc.client_session import ClientSession, Identity
from wirespeak.irc.config import Config, Oper
from wirespeak.irc.events import Event
from wirespeak.irc.limits import ServerLimits
from wirespeak.irc.messages import Message, Source, parse_source, split_text
from wirespeak.irc.numerics import NUMERICS, Numeric
from wirespeak.irc.server import IrcServer, open_accounts, serve
from wirespeak.irc.session import ServerSession
from wirespeak.irc.tracker import Tracker

__all__ = [
    "NUMERICS",
    "AccountSettings",
    "Accounts",
    "BlockingClient",
    "Bot",
    "Call",
    "Client",
    "ClientSession",
    "Config",
    "Event",
    "Identity",
    "IrcServer",
    "Message",
    "Numeric",
    "Oper",
    "ServerLimits",
    "ServerSession",
    "Source",
    "Tracker",
    "open_accounts",
    "parse_source",
    "serve",
    "split_text",
]
