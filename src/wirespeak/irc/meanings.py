"""What commands, parameters, numerics, tags and tokens mean: tables of one line each, in words of our own, with the clause behind it.

For the explanation only: the parser and the sessions read none of it. What capabilities and modes mean stands with them
(``capabilities.py``, ``modes.py``). A numeric that is not here is told by its name and form (``numerics.py``).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from wirespeak.irc.numerics import NUMERICS

__all__ = ["CTCP_MEANINGS", "FIELDS", "FORMATTING", "MESSAGES", "SECRETS", "SUBCOMMANDS", "TAGS", "TOKENS", "Saying", "numeric_meaning"]

# fmt: off


class Saying(NamedTuple):
    """Of one command: what it means, the clause, and the names of its parameters as a client says them, and a server.

    Parted by commas; a name in brackets may be left out, one that ends in "..." stands for all that follow but the named ones behind.
    """

    meaning: str
    clause: str
    client: str = ""
    server: str = ""


MESSAGES: Final[dict[str, Saying]] = {
    # --- the connection
    "CAP":     Saying("which extensions are there, and which shall be in use", "IRCv3 capability-negotiation",
                      "subcommand, [version or capabilities]", "client, subcommand, [*], capabilities"),
    "AUTHENTICATE": Saying("a step of a login", "IRCv3 sasl-3.1", "mechanism or response", "challenge"),
    "PASS":    Saying("the password of the server itself", "Modern IRC: PASS", "password"),
    "NICK":    Saying("the name to be known by", "Modern IRC: NICK", "nickname", "nickname"),
    "USER":    Saying("who it is, for those who want to know more", "Modern IRC: USER", "username, 0, *, realname"),
    "WEBIRC":  Saying("a gateway tells whom it speaks for", "IRCv3 webirc", "password, gateway, hostname, ip, [options]"),
    "PING":    Saying("are you there?", "Modern IRC: PING", "token", "token"),
    "PONG":    Saying("yes, I am", "Modern IRC: PONG", "[token]", "server, token"),
    "OPER":    Saying("makes its sender an operator of the server", "Modern IRC: OPER", "name, password"),
    "QUIT":    Saying("leaves the network", "Modern IRC: QUIT", "[reason]", "[reason]"),
    "ERROR":   Saying("the last word before a connection is closed", "Modern IRC: ERROR", "reason", "reason"),
    "REGISTER": Saying("makes an account", "IRCv3 account-registration", "account, email, password", "status, account, text"),
    "VERIFY":  Saying("proves that a new account's address is its owner's", "IRCv3 account-registration",
                      "account, verification code", "status, account, text"),
    # --- channels
    "JOIN":    Saying("comes into a channel", "Modern IRC: JOIN", "channels, [keys]", "channel, [account], [realname]"),
    "PART":    Saying("leaves a channel", "Modern IRC: PART", "channels, [reason]", "channel, [reason]"),
    "TOPIC":   Saying("sets a channel's topic, or asks for it", "Modern IRC: TOPIC", "channel, [topic]", "channel, topic"),
    "NAMES":   Saying("who is in a channel?", "Modern IRC: NAMES", "[channels]"),
    "LIST":    Saying("which channels are there?", "Modern IRC: LIST", "[channels or conditions]..."),
    "INVITE":  Saying("invites somebody into a channel", "Modern IRC: INVITE", "[nickname], [channel]", "nickname, channel"),
    "KICK":    Saying("throws somebody out of a channel", "Modern IRC: KICK", "channels, nicknames, [reason]", "channel, nickname, reason"),
    "KNOCK":   Saying("asks to be invited", "IRCv3 registry: KNOCK", "channel, [text]"),
    "MODE":    Saying("sets modes, or asks for them", "Modern IRC: MODE", "target, [modes], [argument]...", "target, modes, [argument]..."),
    # --- talk
    "PRIVMSG": Saying("says something", "Modern IRC: PRIVMSG", "targets, text", "target, text"),
    "NOTICE":  Saying("says something that no program may answer", "Modern IRC: NOTICE", "targets, text", "target, text"),
    "TAGMSG":  Saying("says something by its tags alone", "IRCv3 message-tags", "targets", "target"),
    # --- people
    "WHO":     Saying("who is there?", "Modern IRC: WHO", "[mask], [fields]"),
    "WHOIS":   Saying("who is that?", "Modern IRC: WHOIS", "[server or nickname], [nickname]"),
    "WHOWAS":  Saying("who was that?", "Modern IRC: WHOWAS", "nickname, [count]"),
    "USERHOST": Saying("where are they from?", "Modern IRC: USERHOST", "nickname..."),
    "USERIP":  Saying("what are their addresses?", "IRCv3 registry: USERIP", "nickname..."),
    "ISON":    Saying("who of these is here?", "RFC 2812 4.9", "nickname..."),
    "MONITOR": Saying("tells when these come and go", "IRCv3 monitor", "subcommand, [nicknames]"),
    "AWAY":    Saying("goes away, or is back", "Modern IRC: AWAY", "[text]", "[text]"),
    "SETNAME": Saying("changes the real name", "IRCv3 setname", "realname", "realname"),
    "ACCOUNT": Saying("somebody has logged in, or out (*)", "IRCv3 account-notify", "", "account"),
    "CHGHOST": Saying("somebody's user name and host have changed", "IRCv3 chghost", "nickname, host", "username, host"),
    # --- answers that are no numerics
    "FAIL":    Saying("a command failed", "IRCv3 standard-replies", "", "failed command, code, [context]..., text"),
    "WARN":    Saying("a warning", "IRCv3 standard-replies", "", "failed command, code, [context]..., text"),
    "NOTE":    Saying("for your information", "IRCv3 standard-replies", "", "failed command, code, [context]..., text"),
    "BATCH":   Saying("messages that belong together begin (+) or end (-)", "IRCv3 batch", "", "reference, [batch type], [argument]..."),
    "ACK":     Saying("done; there is nothing else to say", "IRCv3 labeled-response"),
    # --- the server
    "MOTD":    Saying("the message of the day", "Modern IRC: MOTD", "[server]"),
    "VERSION": Saying("what software is this?", "Modern IRC: VERSION", "[server]"),
    "ADMIN":   Saying("who looks after the server?", "Modern IRC: ADMIN", "[server]"),
    "TIME":    Saying("what time is it there?", "Modern IRC: TIME", "[server]"),
    "STATS":   Saying("numbers of the server", "Modern IRC: STATS", "letter, [server]"),
    "INFO":    Saying("about the software", "Modern IRC: INFO", "[server]"),
    "LUSERS":  Saying("how many are there?", "Modern IRC: LUSERS"),
    "HELP":    Saying("how is this used?", "Modern IRC: HELP", "[subject]"),
    "HELPOP":  Saying("how is this used?", "Modern IRC: HELP", "[subject]"),
    "LINKS":   Saying("which servers are there?", "Modern IRC: LINKS"),
    "MAP":     Saying("which servers are there, as a drawing?", "RFC 2812 3.4.5"),
    "RULES":   Saying("what is allowed here?", "RFC 2812 3.4.1"),
    "USERS":   Saying("who is logged in on the machine?", "RFC 2812 4.6"),
    "SUMMON":  Saying("calls somebody who is logged in on the machine", "RFC 2812 4.5", "[username], [server], [channel]"),
    # --- services
    "NICKSERV": Saying("a word to NickServ, which keeps accounts", "RFC 2812 3.5.2", "service command, [password]..."),
    "NS":      Saying("a word to NickServ, which keeps accounts", "RFC 2812 3.5.2", "service command, [password]..."),
    "CHANSERV": Saying("a word to ChanServ, which keeps channels", "RFC 2812 3.5.2", "text..."),
    "CS":      Saying("a word to ChanServ, which keeps channels", "RFC 2812 3.5.2", "text..."),
    # --- operators
    "KILL":    Saying("throws somebody off the server", "Modern IRC: KILL", "nickname, reason", "nickname, reason"),
    "REHASH":  Saying("reads the configuration anew", "Modern IRC: REHASH"),
    "RESTART": Saying("starts the server anew", "Modern IRC: RESTART"),
    "DIE":     Saying("stops the server", "RFC 2812 4.3"),
    "CONNECT": Saying("has the server link to another", "Modern IRC: CONNECT", "server, [port], [server]"),
    "SQUIT":   Saying("has it part with one", "Modern IRC: SQUIT", "server, [reason]"),
    "WALLOPS": Saying("a word to all who want to hear operators", "Modern IRC: WALLOPS", "text", "text"),
    "KLINE":   Saying("bans somebody from the server", "RFC 2812 3.7.1", "[minutes], mask, [reason]"),
    "UNKLINE": Saying("takes such a ban back", "RFC 2812 3.7.1", "mask"),
    "DLINE":   Saying("bans an address from the server", "RFC 2812 3.7.1", "[minutes], address, [reason]"),
    "UNDLINE": Saying("takes such a ban back", "RFC 2812 3.7.1", "address"),
    "SAJOIN":  Saying("makes somebody come into a channel", "RFC 2812 3.7", "nickname, channel"),
    "SAPART":  Saying("makes somebody leave a channel", "RFC 2812 3.7", "nickname, channel, [reason]"),
    "SANICK":  Saying("gives somebody another nick", "RFC 2812 3.7", "nickname, nickname"),
    "SAMODE":  Saying("sets modes, whoever may", "RFC 2812 3.7", "target, modes, [argument]..."),
    "CHGIDENT": Saying("gives somebody another user name", "RFC 2812 3.7", "nickname, username"),
}

FIELDS: Final[dict[str, str]] = {
    "account":    "the account; * for none",
    "argument":   "what a mode letter asks for, in their order",
    "batch type": "what belongs together",
    "challenge":  "+ for go on, or base64",
    "channel":    "the channel",
    "channels":   "channels, parted by commas",
    "client":     "who is told; * while there is no nick yet",
    "code":       "what is wrong, for programs",
    "context":    "what it is about",
    "failed command": "the command that is answered",
    "fields":     "which columns are wanted, and a mark to know the answer by",
    "gateway":    "which gateway it is",
    "host":       "the host that is shown",
    "keys":       "and the key of each",
    "mechanism or response": "a mechanism's name first, then base64 in pieces of 400 bytes; + for nothing, * to give up",
    "message":    "what is said of it",
    "modes":      "letters: + sets, - takes back",
    "nickname":   "who",
    "nicknames":  "who, parted by commas",
    "realname":   "the real name, or anything else",
    "reason":     "for people",
    "reference":  "the name of the batch; messages bear it in their tag batch",
    "subcommand": "what shall be done",
    "target":     "who, or which channel",
    "targets":    "who, or which channels, parted by commas",
    "text":       "for people",
    "token":      "comes back with the answer",
    "topic":      "the topic; empty for none",
    "verification code": "what was told by mail",
    "username":   "the user's name on the machine; ~ in front: nobody has checked it",
    "version":    "how much of the negotiation is understood",
    "*":          "says nothing, and must stand",
    "0":          "says nothing, and must stand",
}

SECRETS: Final = {"password", "keys", "verification code"}
"""Fields that are shown to nobody."""

SUBCOMMANDS: Final[dict[tuple[str, str], str]] = {
    ("CAP", "LS"):   "what there is",
    ("CAP", "LIST"): "what is in use",
    ("CAP", "REQ"):  "let us use these",
    ("CAP", "ACK"):  "they are in use",
    ("CAP", "NAK"):  "none of them is",
    ("CAP", "END"):  "go on with the registration",
    ("CAP", "NEW"):  "there are more now",
    ("CAP", "DEL"):  "these are no more",
    ("MONITOR", "+"): "add these",
    ("MONITOR", "-"): "take these off",
    ("MONITOR", "C"): "forget all",
    ("MONITOR", "L"): "which are on my list?",
    ("MONITOR", "S"): "who of them is here?",
}

TAGS: Final[dict[str, tuple[str, str]]] = {
    "account":  ("the account of who sent it", "IRCv3 account-tag"),
    "batch":    ("it belongs to this batch", "IRCv3 batch"),
    "bot":      ("a bot sent it", "IRCv3 bot-mode"),
    "label":    ("the answers will bear it", "IRCv3 labeled-response"),
    "msgid":    ("its name, once and for all", "IRCv3 message-ids"),
    "time":     ("when it was sent", "IRCv3 server-time"),
    "+reply":   ("it answers that message", "IRCv3 reply"),
    "+draft/reply": ("it answers that message", "IRCv3 reply"),
    "+typing":  ("whether somebody is about to say something", "IRCv3 typing"),
    "+draft/react": ("a reaction to that message", "IRCv3 react"),
}

TOKENS: Final[dict[str, str]] = {
    "ACCOUNTEXTBAN": "the letter of bans by account",
    "AWAYLEN":     "how long an away text may be",
    "BOT":         "the user mode of bots",
    "CASEMAPPING": "which letters count as one",
    "CHANLIMIT":   "how many channels one may be on, by their first sign",
    "CHANMODES":   "modes of channels: lists; with an argument always; with one when set; without",
    "CHANNELLEN":  "how long a channel's name may be",
    "CHANTYPES":   "the first signs of channels' names",
    "CLIENTTAGDENY": "tags from clients that are not handed on",
    "ELIST":       "what LIST can search by",
    "EXCEPTS":     "the mode of exceptions from bans",
    "EXTBAN":      "the sign and the letters of bans by more than a mask",
    "HOSTLEN":     "how long a host may be",
    "INVEX":       "the mode of exceptions from invite-only",
    "KEYLEN":      "how long a key may be",
    "KICKLEN":     "how long a reason of KICK may be",
    "KNOCK":       "one may ask to be invited, by KNOCK",
    "LINELEN":     "how long a line may be",
    "MAXLIST":     "how many entries the lists of a channel may have",
    "MODES":       "how many modes with an argument one MODE may have",
    "MONITOR":     "how many nicks may be watched",
    "NAMELEN":     "how long a real name may be",
    "NETWORK":     "the name of the network",
    "NICKLEN":     "how long a nick may be",
    "PREFIX":      "modes of members, and the signs before their nicks, the highest first",
    "SAFELIST":    "LIST ends no connection, however long it is",
    "STATUSMSG":   "signs before a channel's name, to speak to those members alone",
    "TARGMAX":     "how many targets a command may name",
    "TOPICLEN":    "how long a topic may be",
    "USERLEN":     "how long a user name may be",
    "UTF8ONLY":    "all text is UTF-8",
    "WHOX":        "WHO can be asked for columns",
}

_NUMERICS: Final[dict[str, str]] = {
    "001": "welcome: the connection is registered",
    "002": "which server this is",
    "003": "since when it runs",
    "004": "its version and its modes' letters",
    "005": "what it can do, as tokens",
    "221": "your own modes",
    "251": "how many are here",
    "301": "the other one is away",
    "305": "you are back",
    "306": "you are away",
    "311": "who it is",
    "312": "on which server",
    "315": "that was all of WHO",
    "317": "for how long silent, and since when here",
    "318": "that was all of WHOIS",
    "319": "in which channels",
    "322": "one channel",
    "324": "the channel's modes",
    "329": "when the channel was made (seconds since 1970)",
    "330": "logged in as",
    "331": "there is no topic",
    "332": "the topic",
    "333": "who set it, and when (seconds since 1970)",
    "341": "the invitation is on its way",
    "352": "one who is there",
    "353": "some who are in the channel; the signs before them are what they may do there",
    "354": "one who is there, in the columns that were asked for",
    "366": "that were all names",
    "372": "a line of the message of the day",
    "375": "the message of the day begins",
    "376": "and ends",
    "381": "you are an operator now",
    "401": "there is nobody of that name",
    "403": "there is no such channel",
    "404": "you may not speak there",
    "421": "that is no command here",
    "422": "there is no message of the day",
    "432": "no nick may look like that",
    "433": "somebody else has that nick",
    "442": "you are not there",
    "451": "say who you are first",
    "461": "something is missing",
    "462": "that was said already",
    "464": "the wrong password",
    "465": "you are banned from here",
    "482": "that is for the channel's operators",
    "730": "these are here",
    "731": "these are not here",
    "900": "you are logged in",
    "903": "the login is done",
    "904": "the login failed",
}


def numeric_meaning(code: str) -> str:
    """What the numeric ``code`` tells."""
    if code in _NUMERICS:
        return _NUMERICS[code]
    if code in NUMERICS:
        return NUMERICS[code].form.rpartition(":")[2] if "<" not in NUMERICS[code].form.rpartition(":")[2] else ""
    return "not one of those that are widely known"


CTCP_MEANINGS: Final[dict[str, str]] = {
    "ACTION":     "somebody does something, told in the third person",
    "CLIENTINFO": "what does your client answer to?",
    "DCC":        "an offer of a file, or of a connection of our own",
    "PING":       "how long does this take to you and back?",
    "TIME":       "what time is it where you are?",
    "VERSION":    "what client is that?",
}

FORMATTING: Final[dict[str, str]] = {
    "\x02": "bold, or no longer",
    "\x03": "a colour, or two; without a number the usual ones",
    "\x04": "a colour in hexadecimal",
    "\x0f": "as usual from here",
    "\x11": "monospace, or no longer",
    "\x16": "reversed, or no longer",
    "\x1d": "italics, or no longer",
    "\x1e": "struck through, or no longer",
    "\x1f": "underlined, or no longer",
}
