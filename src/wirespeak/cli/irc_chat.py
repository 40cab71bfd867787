"""``wirespeak irc chat``: talk on IRC, at a terminal or by what is piped in.

Here stand the options and how they connect. The loops are in ``irc_chat_loop.py``; what can be typed, in ``irc_chat_commands.py``; how what
happens reads, in ``irc_chat_lines.py``; the line that is typed into, in ``irc_chat_screen.py``.
"""

from __future__ import annotations

import getpass
import json
import shutil
import sys
from pathlib import Path
from typing import Any, Final

import click

from wirespeak import explanation
from wirespeak.cli.irc_chat_loop import Piped, Terminal
from wirespeak.cli.settings import data_folder
from wirespeak.cli.terminal import has_colour
from wirespeak.errors import AddressError, LocalProtocolError
from wirespeak.irc.client import BlockingClient, Settings, Timeouts
from wirespeak.irc.grammar import NICKNAME
from wirespeak.irc.policies import Policies
from wirespeak.irc.sending import Rate
from wirespeak.sockets.address import EVERYWHERE
from wirespeak.sockets.tls import client_context
from wirespeak.tap import Seen

__all__ = ["command"]

FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
SECONDS: Final = click.FloatRange(0, min_open=True)


@click.command(name="chat", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("host", metavar="HOST[:PORT]")
@click.option("-n", "--nick", metavar="NICK", help="What to be called.  [default: your user name]")
@click.option("-j", "--join", "channels", multiple=True, metavar="#CHANNEL", help="A channel to be in; again for each, or with commas.")
@click.option("--tls/--plain", default=None, help="Speak TLS, or don't.  [default: TLS, but to this machine, or a port other than 6697]")
@click.option("--ca", type=FILE, metavar="FILE", help="The roots to trust (PEM), and no others.")
@click.option("-k", "--insecure", is_flag=True, help="Take any certificate: anyone on the way can listen in.")
@click.option("--cert", type=FILE, metavar="FILE", help="Show this certificate, with its key (PEM); alone, log in by it.")
@click.option("-u", "--user", metavar="NAME", help="Log in to this account. The password is asked for, or in WIRESPEAK_IRC_CHAT_PASSWORD.")
@click.option("--password", metavar="TEXT", help="The account's password; better in the environment, where other users can't read it.")
@click.option("--server-password", metavar="TEXT", help="What some servers want before they let anyone in.")
@click.option("--realname", metavar="TEXT", help="What others see you are called.")
@click.option("--rate", type=click.FloatRange(0), metavar="SECONDS", help="Between two lines, after five at once.  [default: 2]")
@click.option("--timeout", type=SECONDS, metavar="SECONDS", help="For each wait.  [default: as IRC is used to, 60 and more]")
@click.option("--explain", "explaining", is_flag=True, help="Show the conversation as it runs, byte by byte.")
@click.option("--json", "plain", is_flag=True, help="One JSON object a line, for programs.")
def command(host: str, explaining: bool, plain: bool, **given: Any) -> int:
    """Talk on the IRC server HOST. The port is 6697, with TLS, and on this machine 6667.

    At a terminal, what comes is shown above the line that you type in. Tab completes nicks, channels and commands; the arrow keys bring
    back what you said; /help tells of the commands. The connection is made anew when it is lost.

    What is piped in is said, line by line, in the first channel joined; commands work there too. At its end, once all is
    through, the conversation ends. Exits with 1 where the server refused something, 3 where there is no server, 5 where TLS fails.

    \b
    wirespeak irc chat localhost --join '#lobby'
    wirespeak irc chat irc.home.test --nick ann --user ann --join '#lobby'
    echo hello | wirespeak irc chat localhost --join '#lobby'
    echo '/list' | wirespeak irc chat localhost --json
    """
    terminal = sys.stdin.isatty() and sys.stdout.isatty() and not plain
    channels = [name for names in given["channels"] for name in names.split(",") if name]
    try:
        settings = _settings(host, given, reconnect=terminal)
        if terminal:
            talk: Terminal | Piped = Terminal(colour=has_colour(sys.stdout))
        else:
            talk = Piped(plain=plain, colour=has_colour(sys.stdout))
        if explaining:
            settings["observer"] = _Explainer(talk.note, plain=plain, colour=has_colour(sys.stdout))
        client = BlockingClient.connect(host, given["nick"] or _own_name(), **settings)
    except (AddressError, LocalProtocolError) as error:
        raise click.UsageError(str(error)) from None
    return talk.run(client, channels)


def _settings(host: str, given: dict[str, Any], *, reconnect: bool) -> Settings:
    """How to connect."""
    if host.startswith(EVERYWHERE):
        raise AddressError("* stands for every address of this machine, where one can listen but not connect to: name one, as localhost")
    settings: Settings = {"reconnect": reconnect, "policies": Policies(data_folder() / "irc-sts.json")}
    for name in ("tls", "user", "server_password", "realname"):
        if given[name] is not None:
            settings[name] = given[name]
    if given["user"] is not None:
        password = given["password"]
        if password is None and given["cert"] is None:
            password = click.prompt(f"Password of {given['user']}", hide_input=True, err=True)
        if password is not None:
            settings["password"] = password
    if given["insecure"] or given["ca"] or given["cert"]:
        context = settings["context"] = client_context(verify=not given["insecure"], authorities=[given["ca"]] if given["ca"] else None)
        if given["cert"]:
            context.load_cert_chain(given["cert"])
            if given["user"] is None:
                settings["mechanism"] = "EXTERNAL"
    if given["timeout"] is not None:
        settings["timeouts"] = Timeouts.at_most(given["timeout"])
    if given["rate"] is not None:
        settings["rate"] = Rate(seconds=given["rate"])
    return settings


def _own_name() -> str:
    """The user's name here, where it is a nick; else "guest"."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = ""
    return name if NICKNAME.fullmatch(name) and name != "root" else "guest"


class _Explainer:
    """An observer that explains lines as they pass. ``show`` takes text of one or more lines."""

    def __init__(self, show: Any, *, plain: bool, colour: bool) -> None:
        # Imported when asked for: what all the words mean takes longer to load than most conversations begin.
        from wirespeak.irc.explain import conceal, explain

        self._explain, self._conceal = explain, conceal
        self._show = show
        self._plain = plain
        self._colour = colour
        self._kept = {"out": b"", "in": b""}

    def __call__(self, seen: Seen, what: Any, now: float) -> None:
        if seen not in self._kept or not isinstance(what, bytes):
            return
        said = self._kept[seen] + what
        whole = said.rfind(b"\n") + 1
        data, self._kept[seen] = said[:whole], said[whole:]
        if not data:
            return
        parts = self._explain(data, "client" if seen == "out" else "server")
        data = self._conceal(data, parts)
        if self._plain:
            self._show(json.dumps({"direction": seen, "bytes": len(data), "parts": explanation.as_json(parts)}))
        else:
            width = shutil.get_terminal_size().columns
            arrow = "→" if seen == "out" else "←"
            self._show(explanation.as_text(data, parts, direction=arrow, colour=self._colour, width=width).rstrip("\n"))
