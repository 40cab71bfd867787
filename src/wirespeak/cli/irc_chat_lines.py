"""What ``wirespeak irc chat`` shows: each event as a line of pieces, and a line as text for a terminal, a pipe or a program.

What others said is untrusted: nothing in it moves the cursor or colours more than itself. The bold and the colours that people give
their text (``irc/formatting.py``) are shown on a terminal that has colours, and taken away elsewhere.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from wirespeak.cli.terminal import printable
from wirespeak.irc.answers import is_refusal
from wirespeak.irc.events import Event
from wirespeak.irc.formatting import plain, sgr, spans
from wirespeak.irc.tracker import Tracker

__all__ = ["Line", "Piece", "as_json", "clock_of", "line_of", "render", "told"]

Piece = tuple[str, str]
"""A text, and what it is: one of `PAINT`, "nick", or "said" for what may have a dress of its own."""

PAINT: Final = {"": "", "dim": "2", "alert": "1;33", "error": "31", "strong": "1"}
NICKS: Final = ("31", "32", "33", "34", "35", "36", "91", "92", "94", "95", "96")
"""The colours of nicks: each has always the same."""

# Names of a channel that are shown when we come: more scroll all else away.
NAMES: Final = 40


@dataclass(slots=True)
class Line:
    """One line, and in which window it belongs: a channel, a nick, or "" for the server's."""

    window: str
    pieces: list[Piece] = field(default_factory=list)
    alert: bool = False
    """Somebody speaks to us."""
    quiet: bool = False
    """Nobody needs to be told that it has come."""


def told(text: str, kind: str = "dim", window: str = "") -> Line:
    """A line of our own."""
    return Line(window, [("-- ", "dim"), (text, kind)], quiet=True)


def line_of(event: Event, tracker: Tracker) -> Line | None:
    """``event`` as a line; None for what is not worth one."""
    message = event.message
    if message.command.isdigit():
        return _numeric(event, tracker)
    show = _SHOWS.get(message.command)
    return None if show is None else show(event, tracker)


# --- what people say and do


def _text(event: Event, tracker: Tracker) -> Line | None:
    notice = event.command == "NOTICE"
    window = event.channel or (event.target if event.mine else event.nick)
    if not event.who.user and not event.channel:  # the server's own word
        return Line("", [("-", "dim"), (event.nick or "server", "dim"), ("- ", "dim"), (event.text, "said")], quiet=True)
    ctcp = event.ctcp
    alert = not event.mine and not notice and (not event.channel or _names(event.text, tracker.me.nick))
    if ctcp is not None and ctcp.command == "ACTION":
        return Line(window, [("* ", "alert" if alert else ""), (event.nick, "nick"), (" ", ""), (ctcp.text, "said")], alert)
    if ctcp is not None:
        what = f"CTCP {ctcp.command}" + (f" {ctcp.text}" if ctcp.text else "")
        if ctcp.command == "DCC":
            what += " (not accepted)"
        return Line(window if event.channel else "", [("-- ", "dim"), (event.nick, "nick"), (f": {what}", "dim")])
    sign = _sign(event, tracker)
    left, right = ("-", "- ") if notice else ("<", "> ")
    return Line(
        window,
        [(left + sign, "alert" if alert else ""), (event.nick, "nick"), (right, "alert" if alert else ""), (event.text, "said")],
        alert,
    )


def _sign(event: Event, tracker: Tracker) -> str:
    """The sign of the rank that one has in the channel."""
    channel = tracker.channel(event.channel) if event.channel else None
    return "" if channel is None else tracker.features.signs(channel.members.get(tracker.fold(event.nick), "")[:1])


def _names(text: str, nick: str) -> bool:
    """Whether ``text`` has ``nick`` in it, as a word."""
    words = "".join(char if char.isalnum() or char in "_-[]{}\\`^|" else " " for char in plain(text).lower()).split()
    return nick.lower() in words


def _did(event: Event, *pieces: Piece) -> Line:
    return Line(event.channel, [("-- ", "dim"), (event.nick, "nick"), *pieces], quiet=True)


def _because(text: str) -> list[Piece]:
    return [(" (", "dim"), (text, "said"), (")", "dim")] if text else []


def _join(event: Event, tracker: Tracker) -> Line:
    params = event.message.params
    account = f", account {params[1]}" if len(params) > 2 and params[1] != "*" else ""
    where = f" ({event.who.user}@{event.who.host}{account})" if event.who.user else ""
    return _did(event, (where, "dim"), (f" joins {event.channel}", "dim"))


def _part(event: Event, tracker: Tracker) -> Line:
    reason = event.message.params[1] if len(event.message.params) > 1 else ""
    return _did(event, (f" leaves {event.channel}", "dim"), *_because(reason))


def _quit(event: Event, tracker: Tracker) -> Line:
    return _did(event, (" leaves IRC", "dim"), *_because(event.message.params[0] if event.message.params else ""))


def _nick(event: Event, tracker: Tracker) -> Line:
    return _did(event, (" is now ", "dim"), (event.text, "nick"))


def _kick(event: Event, tracker: Tracker) -> Line:
    params = event.message.params
    reason = params[2] if len(params) > 2 else ""
    line = _did(
        event, (" kicks ", "dim"), (params[1] if len(params) > 1 else "", "nick"), (f" out of {event.channel}", "dim"), *_because(reason)
    )
    line.alert = event.mine
    return line


def _mode(event: Event, tracker: Tracker) -> Line:
    params = event.message.params
    return _did(event, (f" sets {' '.join(params[1:])} on {params[0] if params else ''}", "dim"))


def _topic(event: Event, tracker: Tracker) -> Line:
    if not event.text:
        return _did(event, (f" takes the topic of {event.channel} away", "dim"))
    return _did(event, (" sets the topic: ", "dim"), (event.text, "said"))


def _invite(event: Event, tracker: Tracker) -> Line:
    params = event.message.params
    to_us = bool(params) and tracker.is_me(params[0])
    whom = "you" if to_us else params[0] if params else ""
    line = _did(event, (f" invites {whom} to {event.text}" + (f": /join {event.text}" if to_us else ""), "dim"))
    line.alert = to_us
    return line


def _away(event: Event, tracker: Tracker) -> Line | None:
    if not event.message.params:
        return _did(event, (" is back", "dim"))
    return _did(event, (" is away", "dim"), *_because(event.text))


def _changed(event: Event, tracker: Tracker) -> Line:
    words = {"ACCOUNT": "is logged in as", "CHGHOST": "now comes from", "SETNAME": "is now called"}
    what = "@".join(event.message.params) if event.command == "CHGHOST" else event.text
    return _did(event, (f" {words[event.command]} {what}", "dim"))


def _standard(event: Event, tracker: Tracker) -> Line:
    """IRCv3 standard replies: FAIL, WARN, NOTE; a command, a code, and words."""
    kind = {"FAIL": "error", "WARN": "alert", "NOTE": "dim"}[event.command]
    return Line("", [("-- ", "dim"), (f"{event.message.params[0] if event.message.params else ''}: ", kind), (event.text, kind)])


def _said(event: Event, tracker: Tracker) -> Line:
    kind = "error" if event.command == "ERROR" else "alert"
    return Line("", [("-- ", "dim"), (f"{event.nick or 'server'}: ", kind), (event.text, kind)])


_SHOWS: Final[dict[str, Callable[[Event, Tracker], Line | None]]] = {
    "PRIVMSG": _text,
    "NOTICE": _text,
    "JOIN": _join,
    "PART": _part,
    "QUIT": _quit,
    "NICK": _nick,
    "KICK": _kick,
    "MODE": _mode,
    "TOPIC": _topic,
    "INVITE": _invite,
    "AWAY": _away,
    "ACCOUNT": _changed,
    "CHGHOST": _changed,
    "SETNAME": _changed,
    "FAIL": _standard,
    "WARN": _standard,
    "NOTE": _standard,
    "ERROR": _said,
    "WALLOPS": _said,
    "KILL": _said,
}

# --- what the server answers: numerics (Modern IRC: numerics)

# What says nothing that a person wants to read, or is told by another line.
_SILENT: Final = {
    *("002", "003", "004", "005", "042", "221", "250", "252", "253", "254", "255", "265", "266", "315", "318", "321"),
    *("323", "329", "331", "333", "347", "349", "353", "365", "368", "369", "374", "375", "376", "394", "422", "731"),
}

_FORMS: Final = {
    "301": "{1} is away: {2}", "305": "you are back", "306": "you are away",
    "307": "{1} {2}", "311": "{1} is {2}@{3}: {5}", "312": "{1} is on {2}", "313": "{1} {2}",
    "314": "{1} was {2}@{3}: {5}", "319": "{1} is in {2}", "322": "{1}  {2} here  {3}", "324": "modes of {1}: {2} {3} {4}",
    "330": "{1} is logged in as {2}", "332": "topic of {1}: {2}", "335": "{1} is a bot", "341": "{1} is invited to {2}",
    "352": "{2}: {5} ({3}@{4}) {6} {7}", "367": "{1}: {2}, banned by {3}", "372": "{1}", "671": "{1} {2}",
}  # fmt: skip
"""By numeric; the numbers are the parameters."""


def _numeric(event: Event, tracker: Tracker) -> Line | None:
    command, params = event.message.command, event.message.params
    if command == "366":
        return _here(event, tracker)
    if command == "353" and not event.channels and len(params) > 2:
        return told(f"in {params[-2]}: {params[-1]}")
    if command in _SILENT:
        return None
    if command == "317" and len(params) > 2:
        return told(f"{params[1]} has been idle for {params[2]} seconds")
    form = _FORMS.get(command)
    padded = [*params, *[""] * 10]
    text = " ".join(params[1:]) if form is None else form.format(*padded).rstrip()
    if is_refusal(event.message):
        about = " ".join(params[1:-1])
        return Line(event.channel, [("-- ", "dim"), (f"{about}: {params[-1]}" if about else text, "error")], quiet=True)
    return Line(event.channel if command in ("332", "324") else "", [("-- ", "dim"), (text, "said")], quiet=True)


def _here(event: Event, tracker: Tracker) -> Line | None:
    """366: all names are told."""
    channel = tracker.channel(event.channel) if event.channel else None
    if channel is None:
        return None
    nicks = tracker.nicks(channel.name)
    more = f" and {len(nicks) - NAMES} more" if len(nicks) > NAMES else ""
    return told(f"{len(nicks)} in {channel.name}: {' '.join(nicks[:NAMES])}{more}", window=channel.name)


# --- lines as text


def render(line: Line, *, colour: bool, window: bool, clock: str = "") -> str:
    """The line as text without a line end; with the name of its ``window`` in front, and the time that ``clock`` tells."""
    pieces = [
        *([(f"{clock} ", "dim")] if clock else []),
        *([(f"{line.window} ", "strong")] if window and line.window else []),
        *line.pieces,
    ]
    return "".join(_piece(text, kind, colour) for text, kind in pieces)


def _piece(text: str, kind: str, colour: bool) -> str:
    if kind == "said":
        if not colour:
            return printable(plain(text))
        return "".join(_dressed(printable(part), sgr(style)) for part, style in spans(text))
    if kind == "nick":
        paint = NICKS[zlib.crc32(text.lower().encode()) % len(NICKS)]
    else:
        paint = PAINT[kind]
    return _dressed(printable(plain(text)), f"\x1b[{paint}m" if paint and colour else "")


def _dressed(text: str, start: str) -> str:
    return f"{start}{text}\x1b[0m" if start else text


def as_json(event: Event) -> str:
    """``event`` for programs: one object, on one line."""
    message = event.message
    ctcp = event.ctcp
    return json.dumps(
        {
            "event": "message",
            "command": message.command,
            "nick": event.nick,
            "source": message.source,
            "channels": list(event.channels),
            "mine": event.mine,
            "text": event.text,
            "ctcp": None if ctcp is None else ctcp.command,
            "params": message.params,
            "tags": message.tags,
        }
    )


def clock_of(event: Event) -> str:
    """Hours and minutes here, when it was said as far as the server tells, else now."""
    try:
        when = datetime.fromisoformat(event.time) if event.time else datetime.now().astimezone()
    except ValueError:
        when = datetime.now().astimezone()
    return when.astimezone().strftime("%H:%M")
