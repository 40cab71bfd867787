"""The texts of HELP: one for each command, and some for what stands in none of them (Modern IRC: HELP).

Pure. A text opens with the form of the command; what is in <> is yours to fill in, what is in [] may be left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wirespeak.irc.commands import COMMANDS
from wirespeak.irc.modes import CHANNEL_MODES, USER_MODES

__all__ = ["HELP", "help_lines"]

_INDEX: Final = """\
Welcome. HELP <command> tells how a command is used, HELP COMMANDS which there are.

To come in:   JOIN #channel             to leave:    PART #channel
To speak:     PRIVMSG #channel :text    in private:  PRIVMSG nick :text
To look:      LIST, NAMES #channel, WHO #channel, WHOIS nick
Your nick:    NICK newnick; REGISTER or NickServ makes it yours

More:         HELP CHANMODES, HELP USERMODES, HELP EXTBAN, HELP MASKS, HELP OPERATORS
"""

_TEXTS: Final = """\
ADMIN [<server>]
    Tells who runs this server, and where to write.

AUTHENTICATE <mechanism> | <data> | *
    Logs you in to your account by SASL, with the capability sasl. Your client does it for you.

AWAY [<text>]
    Marks you as away, and tells the text to those who write to you. Without a text you are back.

CAP <LS | LIST | REQ | END> [<capabilities>]
    Agrees on what your client and the server both can do. Your client does it for you.

CHANSERV <command> [<parameter> ...]
    Speaks to ChanServ, who keeps channels: register one, say who may do what in it. Try CHANSERV HELP.

CHGHOST <nick> [<user>] <host>
    For operators: gives a user another host to be shown, and another user name if there are two.

CHGIDENT <nick> <user>
    For operators: gives a user another user name.

CONNECT <server> [<port> [<remote server>]]
    For operators, and of no use here: this server is a network of its own, and links to no other.

DIE
    Refused: a server is stopped where it was started.

DLINE [<duration>] <address[/bits]> [:<reason>]
    For operators: turns an address or a network away as soon as it connects, and cuts off who is here from it.
    The duration is in minutes (90) or in units (1d12h30m); without one it is for good. See UNDLINE.

ERROR :<text>
    Is said by servers only.

HELP [<subject>]
    Shows the help on a subject. HELP COMMANDS lists the commands.

HELPOP [<subject>]
    The same as HELP.

INFO [<server>]
    Tells of the software of this server.

INVITE <nick> <channel>
    Invites somebody to a channel that you are in; where it is invite-only (+i), you have to be its operator.
    Without parameters, lists the channels that you are invited to.

ISON <nick> [<nick> ...]
    Tells which of the nicks are here. MONITOR tells when they come.

JOIN <channel>[,<channel> ...] [<key>[,<key> ...]]
    Takes you into channels; who enters an empty one is its operator. JOIN 0 takes you out of all.

KICK <channel> <nick>[,<nick> ...] [:<reason>]
    For channel operators: puts somebody out of a channel.

KILL <nick> [:<reason>]
    For operators: cuts somebody off. KLINE and DLINE keep them away.

KLINE [<duration>] <user@host | nick> [:<reason>]
    For operators: keeps away whoever matches the mask, and cuts off who is here and does. Given a nick, takes the
    host of who has it. The host may be an address with the bits of a network (192.0.2.0/24).
    The duration is in minutes (90) or in units (1d12h30m); without one it is for good. See UNKLINE.

KNOCK <channel> [:<text>]
    Asks to be invited to a channel that is invite-only (+i).

LINKS [[<server>] <mask>]
    Lists the servers of the network.

LIST [<channel>[,<channel> ...]] [<condition>[,<condition> ...]]
    Lists channels. Conditions: >3 and <10 (how many are in it), *mask*, !*mask*,
    C>60 and C<60 (made more, or less, than so many minutes ago), T>60 and T<60 (the topic was).

LUSERS
    Counts who and what is here.

MAP
    Draws the network.

MODE <channel> [<modes> [<parameter> ...]]
MODE <nick> [<modes>]
    Shows or changes the modes of a channel, or your own. See HELP CHANMODES and HELP USERMODES.
    MODE #channel b lists who is banned, MODE #channel +b *!*@host bans, MODE #channel +o nick makes an operator.

MONITOR <+ | -> <nick>[,<nick> ...]
MONITOR <C | L | S>
    Puts nicks on your list, and takes them off: you are told when they come and go.
    C clears the list, L shows it, S tells who of it is here.

MOTD [<server>]
    Shows the message of the day.

NAMES <channel>[,<channel> ...]
    Lists who is in a channel.

NICK <nick>
    Changes your nick.

NICKSERV <command> [<parameter> ...]
    Speaks to NickServ, who keeps accounts: register your nick, log in, take it back. Try NICKSERV HELP.

NOTICE <target>[,<target> ...] :<text>
    As PRIVMSG, but nobody and nothing answers it by itself.

OPER <name> <password>
    Makes you an operator of this server.

PART <channel>[,<channel> ...] [:<reason>]
    Takes you out of channels.

PASS <password>
    Says the password of the server, where it has one, before you are let in.

PING <token>
    Asks the server to answer with the token.

PONG [<server>] <token>
    Answers a PING of the server. Your client does it for you.

PRIVMSG <target>[,<target> ...] :<text>
    Sends a text to a nick or a channel; to @#channel, to its operators only.

QUIT [:<reason>]
    Takes you off.

REGISTER <account | *> <email | *> <password>
    Makes an account for you, with the capability draft/account-registration; * is your nick.
    The password is the rest of the line. NICKSERV REGISTER does the same.

REHASH
    For operators: reads the configuration and the message of the day anew.

RESTART
    Refused: a server is started where it was started before.

RULES
    Shows the rules of this server.

SAJOIN <nick> <channel>[,<channel> ...]
    For operators: takes somebody into a channel, whatever its modes.

SAMODE <channel> <modes> [<parameter> ...]
    For operators: changes the modes of a channel without being its operator.

SANICK <nick> <newnick>
    For operators: changes somebody's nick.

SAPART <nick> <channel>[,<channel> ...] [:<reason>]
    For operators: takes somebody out of a channel.

SETNAME :<realname>
    Changes your real name, whatever you want that to be.

SQUIT <server> [:<comment>]
    For operators, and of no use here: there is no server to part with. See CONNECT.

STATS <letter>
    Tells of the server at work: u how long it is up, m commands used, p operators here; for operators
    also k and d who is kept away, o who may become operator, t connections refused.

SUMMON <user>
    Is of another time, and not offered. INVITE asks somebody into a channel.

TAGMSG <target>[,<target> ...]
    Sends tags without a text (that you are typing, say), with the capability message-tags.

TIME [<server>]
    Tells the time at the server.

TOPIC <channel> [:<topic>]
    Shows or changes what a channel is about.

UNDLINE <address[/bits]>
    For operators: takes a D-line back.

UNKLINE <user@host>
    For operators: takes a K-line back.

USER <user> 0 * :<realname>
    Tells who you are when you come in.

USERHOST <nick> [<nick> ...]
    Tells the user names and hosts of up to five nicks, whether they are away, and whether they are operators.

USERIP <nick> [<nick> ...]
    As USERHOST, with the address: your own, or anybody's if you are an operator.

USERS
    Is of another time, and not offered. LUSERS counts who is here.

VERIFY <account> <code>
    Completes REGISTER with the code that you were sent.

VERSION [<server>]
    Tells which software this is, and what it supports.

WALLOPS :<text>
    For operators: says something to all who listen to it (MODE nick +w).

WEBIRC <password> <gateway> <host> <address> [:<options>]
    Is said by gateways, to tell whom they speak for.

WHO <channel | nick | mask> [<flags>][%<fields>[,<token>]]
    Tells who is in a channel, or whose nick, user name, host, real name or server matches a mask.
    Flags: o operators only; n u h r s a i look only at nick, user name, host, real name, server, account, address.
    Fields, as WHOX has them: t token, c channel, u user name, i address, h host, s server, n nick, f flags,
    d hops, l seconds idle, a account, o rank, r real name.

WHOIS [<server>] <nick>
    Tells all that you may know of somebody.

WHOWAS <nick> [<count>]
    Tells who had a nick before, the latest first.

EXTBAN
    In place of a mask, $a:<account> means whoever is logged in to that account.

MASKS
    nick!user@host, in which * stands for any text and ? for any character; *!*@192.0.2.0/24 means a network.

OPERATORS
    OPER, KILL, KLINE, UNKLINE, DLINE, UNDLINE, WALLOPS, REHASH, STATS, CHGHOST, CHGIDENT,
    SAJOIN, SAPART, SANICK, SAMODE. What one may do depends on the configuration.
"""

_ALIASES: Final = {"CS": "CHANSERV", "NS": "NICKSERV"}
"""Commands that have the text of another."""


def _read(texts: str) -> dict[str, str]:
    """Texts by subject: each is a paragraph, and its first word is the subject."""
    return {text.split(maxsplit=1)[0]: text.rstrip() for text in texts.split("\n\n")}


HELP: Final[dict[str, str]] = _read(_TEXTS)
"""Subject → text."""

COLUMNS: Final = 6
"""Names side by side in the list of commands: a line of 80 characters."""


def help_lines(subject: str) -> list[str]:
    """The lines on ``subject``, in whatever case it is written; the first is its title. Empty where there is no help on it."""
    topic = subject.upper()
    made = _MADE.get(topic)
    text = HELP.get(_ALIASES.get(topic, topic))
    if made is not None:
        lines = made()
    elif text is not None:
        lines = text.splitlines()
    else:
        return []
    return [f"** {topic or 'HELP'} **", "", *lines]


def _commands() -> list[str]:
    names = sorted(COMMANDS)
    rows = [names[start : start + COLUMNS] for start in range(0, len(names), COLUMNS)]
    return ["".join(f"{name:<13}" for name in row).rstrip() for row in rows]


def _channel_modes() -> list[str]:
    return [f"{mode.letter}  {f'{mode.symbol} ' if mode.symbol else ''}{mode.meaning}" for mode in CHANNEL_MODES.values()]


def _user_modes() -> list[str]:
    return [f"{mode.letter}  {mode.meaning}" for mode in USER_MODES.values()]


_MADE: Final[dict[str, Callable[[], list[str]]]] = {
    "": _INDEX.splitlines,
    "COMMANDS": _commands,
    "CHANMODES": _channel_modes,
    "USERMODES": _user_modes,
}
"""Subjects whose text is made from a table."""
