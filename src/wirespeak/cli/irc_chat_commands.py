"""What can be typed into ``wirespeak irc chat``: a text, for the window that one is in; or a command behind a slash, a method each.

The first line of a method's docstring is what ``/help`` shows of it. What is shown and sent is the business of the `Chat` that the
commands are given.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Final, Protocol

from wirespeak.cli.irc_chat_lines import Line, told
from wirespeak.errors import LimitExceeded, LocalProtocolError, RemoteProtocolError
from wirespeak.irc.client import BlockingClient
from wirespeak.irc.messages import Message

__all__ = ["NAMES", "Chat", "typed"]


class Chat(Protocol):
    """What the commands work on."""

    client: BlockingClient
    window: str
    """The channel, or the nick, that a text goes to; "" for the server's window."""
    windows: list[str]

    def show(self, line: Line) -> None: ...

    def say(self, message: Message) -> None:
        """Say a PRIVMSG or a NOTICE, and show it."""
        ...

    def request(self, command: str, *parameters: str) -> None:
        """Say a command; what the server answers is shown."""
        ...

    def go(self, window: str) -> None:
        """Go to a window; one that isn't there is opened."""
        ...

    def close(self, window: str) -> None: ...

    def leave(self, reason: str) -> None:
        """Quit."""
        ...


def typed(chat: Chat, line: str) -> None:
    """Do what ``line`` says. What can't be done is told, and nothing of it is said."""
    try:
        if line.startswith("/") and not line.startswith("//"):
            word, _, rest = line[1:].partition(" ")
            command = _COMMANDS.get(word.lower())
            if command is None:
                chat.show(told(f"/{word} is no command here; /help lists them. //{word} says it as a text.", "error"))
            else:
                command(chat, rest.strip())
        elif line.strip():
            _say(chat, chat.window, line.removeprefix("/") if line.startswith("//") else line)
    except (LocalProtocolError, LimitExceeded, RemoteProtocolError) as error:
        chat.show(told(str(error), "error"))


def _say(chat: Chat, target: str, text: str, command: str = "PRIVMSG", *, action: bool = False) -> None:
    if not target:
        chat.show(told("nobody is listening here: /join a channel, or /query somebody", "error"))
        return
    for message in chat.client.lines(command, target, text, action=action):
        chat.say(message)


def _words(text: str, count: int) -> list[str]:
    """``count`` words, the last with all that follows; "" for those that are missing."""
    words = text.split(None, count - 1)
    return [*words, *[""] * (count - len(words))]


def _needs(chat: Chat, usage: str, *values: str) -> bool:
    """Whether all ``values`` are there; where not, how it goes is told."""
    if all(values):
        return True
    chat.show(told(usage, "error"))
    return False


def _is_channel(chat: Chat, word: str) -> bool:
    return chat.client.tracker.features.is_channel(word)


def _here(chat: Chat, text: str) -> tuple[str, str]:
    """The channel that ``text`` begins with, or else the one we are in; and the rest."""
    word, _, rest = text.partition(" ")
    if _is_channel(chat, word):
        return word, rest.strip()
    return chat.window if _is_channel(chat, chat.window) else "", text


def _join(chat: Chat, text: str) -> None:
    """/join #CHANNEL [KEY]: be in a channel; the window is then its own"""
    channel, key = _words(text, 2)
    if _needs(chat, "/join #CHANNEL [KEY]", channel):
        chat.request("JOIN", channel, *([key] if key else []))


def _part(chat: Chat, text: str) -> None:
    """/part [#CHANNEL] [REASON]: leave a channel"""
    channel, reason = _here(chat, text)
    if _needs(chat, "/part #CHANNEL [REASON]", channel):
        chat.request("PART", channel, *([reason] if reason else []))


def _msg(chat: Chat, text: str) -> None:
    """/msg TARGET TEXT: say something to somebody, or to a channel"""
    target, said = _words(text, 2)
    if _needs(chat, "/msg TARGET TEXT", target, said):
        _say(chat, target, said)


def _query(chat: Chat, text: str) -> None:
    """/query NICK [TEXT]: talk with somebody, in a window of its own"""
    nick, said = _words(text, 2)
    if _needs(chat, "/query NICK [TEXT]", nick):
        chat.go(nick)
        if said:
            _say(chat, nick, said)


def _notice(chat: Chat, text: str) -> None:
    """/notice TARGET TEXT: say something that no program answers"""
    target, said = _words(text, 2)
    if _needs(chat, "/notice TARGET TEXT", target, said):
        _say(chat, target, said, "NOTICE")


def _me(chat: Chat, text: str) -> None:
    """/me TEXT: say what you do, as in: * ann waves"""
    if _needs(chat, "/me TEXT", text):
        _say(chat, chat.window, text, action=True)


def _nick(chat: Chat, text: str) -> None:
    """/nick NICK: be called something else"""
    if _needs(chat, "/nick NICK", text):
        chat.request("NICK", text)


def _topic(chat: Chat, text: str) -> None:
    """/topic [#CHANNEL] [TEXT]: what a channel is about, or is to be about"""
    channel, topic = _here(chat, text)
    if _needs(chat, "/topic #CHANNEL [TEXT]", channel):
        chat.request("TOPIC", channel, *([topic] if topic else []))


def _names(chat: Chat, text: str) -> None:
    """/names [#CHANNEL]: who is there"""
    channel, _ = _here(chat, text)
    if _needs(chat, "/names #CHANNEL", channel):
        chat.request("NAMES", channel)


def _who(chat: Chat, text: str) -> None:
    """/who [MASK]: who is in a channel, or fits a mask"""
    if _needs(chat, "/who MASK", mask := text or chat.window):
        chat.request("WHO", mask)


def _whois(chat: Chat, text: str) -> None:
    """/whois NICK: who somebody is"""
    nick = text or ("" if _is_channel(chat, chat.window) else chat.window)
    if _needs(chat, "/whois NICK", nick):
        chat.request("WHOIS", *nick.split()[:2])


def _list(chat: Chat, text: str) -> None:
    """/list [PATTERN]: the channels there are"""
    chat.request("LIST", *text.split()[:2])


def _mode(chat: Chat, text: str) -> None:
    """/mode [TARGET] [CHANGES …]: the modes of a channel or yours, or changes to them"""
    words = text.split()
    if not words or words[0].startswith(("+", "-")):
        words.insert(0, chat.window if _is_channel(chat, chat.window) else chat.client.nick)
    chat.request("MODE", *words)


def _kick(chat: Chat, text: str) -> None:
    """/kick [#CHANNEL] NICK [REASON]: have somebody out of a channel"""
    channel, rest = _here(chat, text)
    nick, reason = _words(rest, 2)
    if _needs(chat, "/kick [#CHANNEL] NICK [REASON]", channel, nick):
        chat.request("KICK", channel, nick, *([reason] if reason else []))


def _invite(chat: Chat, text: str) -> None:
    """/invite NICK [#CHANNEL]: ask somebody into a channel"""
    nick, rest = _words(text, 2)
    channel, _ = _here(chat, rest)
    if _needs(chat, "/invite NICK [#CHANNEL]", nick, channel):
        chat.request("INVITE", nick, channel)


def _away(chat: Chat, text: str) -> None:
    """/away [REASON]: be away; without a reason, be back"""
    chat.request("AWAY", *([text] if text else []))


def _ctcp(chat: Chat, text: str) -> None:
    """/ctcp NICK COMMAND [TEXT]: ask somebody's client (VERSION, PING, TIME)"""
    nick, command, rest = _words(text, 3)
    if _needs(chat, "/ctcp NICK COMMAND [TEXT]", nick, command):
        chat.request("PRIVMSG", nick, f"\1{command.upper()}{' ' + rest if rest else ''}\1")


def _raw(chat: Chat, text: str) -> None:
    """/raw LINE: say a line as it is"""
    if _needs(chat, "/raw LINE", text):
        message = Message.parse(text)
        chat.request(message.command, *message.params)


def _win(chat: Chat, text: str) -> None:
    """/win [NUMBER or NAME]: go to a window, or list them; Alt and a number do the same"""
    if text.isdecimal():
        if not 0 <= int(text[:4]) < len(chat.windows):
            chat.show(told(f"there are windows 0 to {len(chat.windows) - 1}", "error"))
            return
        chat.go(chat.windows[int(text)])
    elif text and text in chat.windows:
        chat.go(text)
    else:
        chat.show(told("windows: " + "  ".join(f"{number} {name or '(server)'}" for number, name in enumerate(chat.windows))))


def _close(chat: Chat, text: str) -> None:
    """/close: close this window; a channel is left"""
    if _is_channel(chat, chat.window) and chat.client.channel(chat.window) is not None:
        chat.request("PART", chat.window)
    else:
        chat.close(chat.window)


def _quit(chat: Chat, text: str) -> None:
    """/quit [REASON]: leave"""
    chat.leave(text)


def _help(chat: Chat, text: str) -> None:
    """/help [COMMAND]: this"""
    word = text.removeprefix("/").lower()
    chosen = [_COMMANDS[word]] if word in _COMMANDS else list(dict.fromkeys(_COMMANDS.values()))
    for command in chosen:
        chat.show(told((inspect.getdoc(command) or "").splitlines()[0]))


_COMMANDS: Final[dict[str, Callable[[Chat, str], None]]] = {
    "away": _away,
    "close": _close,
    "ctcp": _ctcp,
    "help": _help,
    "invite": _invite,
    "join": _join,
    "j": _join,
    "kick": _kick,
    "list": _list,
    "me": _me,
    "mode": _mode,
    "msg": _msg,
    "names": _names,
    "nick": _nick,
    "notice": _notice,
    "part": _part,
    "query": _query,
    "quit": _quit,
    "exit": _quit,
    "raw": _raw,
    "quote": _raw,
    "topic": _topic,
    "who": _who,
    "whois": _whois,
    "win": _win,
    "window": _win,
}

NAMES: Final = tuple(sorted(_COMMANDS))
"""The commands that there are."""
