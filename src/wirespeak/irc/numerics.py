"""The numeric replies, as a table: number, name and form (Modern IRC, Numerics; RFC 2812 5; IRCv3 for its own).

A form is written as Modern IRC writes it, without the ``<client>`` that always comes first: ``<fields>`` are what the caller says,
in that order; what stands bare is said as it is; what follows the colon is the last parameter, with fields in it or none.

    ERR_NOSUCHNICK.params("ann", "bob")         → ["ann", "bob", "No such nick/channel"]
    RPL_LUSERME.params("ann", "5", "0")         → ["ann", "I have 5 clients and 0 servers"]
    ERR_NOSUCHNICK.params("ann", "bob", "Gone") → ["ann", "bob", "Gone"]      one more than the form has: a text of its own

Only what this project says or reads is here. Where a number has had several meanings, it is the one that is widely used.
"""

from __future__ import annotations

import re
from typing import Final

from wirespeak.errors import LocalProtocolError

__all__ = ["NUMERICS", "Numeric"]  # and every numeric, by its name

NUMERICS: Final[dict[str, Numeric]] = {}
"""Each by its three digits, in the order below."""


class Numeric:
    """One numeric: ``code`` (three digits), ``name``, ``form`` as below; ``fields`` are the names of what is to be told.

    A field that ends in "..." stands for any number of parameters, none included.
    """

    __slots__ = ("_count", "_many", "_parts", "_plain", "_text", "code", "fields", "form", "name")

    def __init__(self, code: str, name: str, form: str) -> None:
        self.code = code
        self.name = name
        self.form = form
        middles, colon, text = form.partition(":") if form.startswith(":") else form.partition(" :")
        words = re.findall("(?:<[^>]+>|[^ <])+", middles)
        self._many = any(word.endswith("...") for word in words)
        self.fields: tuple[str, ...] = tuple(dict.fromkeys(re.findall("<([^>]+)>", form)))
        self._count = len(self.fields) - self._many
        # What the last parameter says by itself; "" where that is a field of its own, or nothing.
        self._text = text if colon and "<" not in text else ""
        # Whether the values are the parameters as they are, in their order, but for that text.
        said = words + ([text] if colon and not self._text else [])
        self._plain = self._many or said == [f"<{field}>" for field in self.fields]
        self._parts = [*(_template(word, self.fields) for word in words), *([_template(text, self.fields)] if colon else [])]
        NUMERICS.setdefault(code, self)

    def params(self, client: str, *values: str) -> list[str]:
        """The parameters of the reply to ``client``, with ``values`` for the fields.

        Raises `LocalProtocolError` where it is not as many values as the form has fields, or one more: the last parameter then.
        """
        count = len(values)
        if count == self._count or (self._many and count > self._count):
            if self._plain:
                return [client, *values, self._text] if self._text else [client, *values]
            return [client, *(part.format(*values) for part in self._parts)]
        if count == self._count + 1 and self._parts:
            return [client, *(part.format(*values) for part in self._parts[:-1]), values[-1]]
        raise LocalProtocolError(f"{self.code} {self.name} takes {self._count} values ({self.form}), not {count}")

    def __repr__(self) -> str:
        return f"<{self.code} {self.name}>"


def _template(text: str, fields: tuple[str, ...]) -> str:
    """``text`` for `str.format`: each field by its place."""
    return re.sub("<([^>]+)>", lambda match: f"{{{fields.index(match[1])}}}", text.replace("{", "{{").replace("}", "}}"))


# --- the welcome (Modern IRC, Connection Registration)

RPL_WELCOME: Final = Numeric("001", "RPL_WELCOME", ":Welcome to the <networkname> Network, <source>")
RPL_YOURHOST: Final = Numeric("002", "RPL_YOURHOST", ":Your host is <servername>, running version <version>")
RPL_CREATED: Final = Numeric("003", "RPL_CREATED", ":This server was created <datetime>")
RPL_MYINFO: Final = Numeric("004", "RPL_MYINFO", "<servername> <version> <user modes> <channel modes> <those with a parameter>")
RPL_ISUPPORT: Final = Numeric("005", "RPL_ISUPPORT", "<tokens>... :are supported by this server")
RPL_MAP: Final = Numeric("006", "RPL_MAP", ":<server>")
RPL_MAPEND: Final = Numeric("007", "RPL_MAPEND", ":End of /MAP")
RPL_BOUNCE: Final = Numeric("010", "RPL_BOUNCE", "<hostname> <port> :<info>")

# --- what the server counts (STATS, LUSERS, ADMIN)

RPL_STATSLINKINFO: Final = Numeric(
    "211", "RPL_STATSLINKINFO", "<linkname> <sendq> <sent messages> <sent bytes> <received messages> <received bytes> :<time open>"
)
RPL_STATSCOMMANDS: Final = Numeric("212", "RPL_STATSCOMMANDS", "<command> <count>")
RPL_STATSKLINE: Final = Numeric("216", "RPL_STATSKLINE", "K <host> * <user> :<reason>")
RPL_ENDOFSTATS: Final = Numeric("219", "RPL_ENDOFSTATS", "<letter> :End of /STATS report")
RPL_UMODEIS: Final = Numeric("221", "RPL_UMODEIS", "<user modes>")
RPL_STATSDLINE: Final = Numeric("225", "RPL_STATSDLINE", "D <address> :<reason>")
RPL_RULES: Final = Numeric("232", "RPL_RULES", ":- <line>")
RPL_STATSUPTIME: Final = Numeric("242", "RPL_STATSUPTIME", ":Server Up <days> days <time>")
RPL_STATSOLINE: Final = Numeric("243", "RPL_STATSOLINE", "O <hostmask> * <name>")
RPL_STATSDEBUG: Final = Numeric("249", "RPL_STATSDEBUG", "<letter> :<info>")
RPL_STATSCONN: Final = Numeric(
    "250", "RPL_STATSCONN", ":Highest connection count: <connections> (<clients> clients) (<total> connections received)"
)
RPL_LUSERCLIENT: Final = Numeric("251", "RPL_LUSERCLIENT", ":There are <u> users and <i> invisible on <s> servers")
RPL_LUSEROP: Final = Numeric("252", "RPL_LUSEROP", "<ops> :operator(s) online")
RPL_LUSERUNKNOWN: Final = Numeric("253", "RPL_LUSERUNKNOWN", "<connections> :unknown connection(s)")
RPL_LUSERCHANNELS: Final = Numeric("254", "RPL_LUSERCHANNELS", "<channels> :channels formed")
RPL_LUSERME: Final = Numeric("255", "RPL_LUSERME", ":I have <c> clients and <s> servers")
RPL_ADMINME: Final = Numeric("256", "RPL_ADMINME", "<server> :Administrative info")
RPL_ADMINLOC1: Final = Numeric("257", "RPL_ADMINLOC1", ":<info>")
RPL_ADMINLOC2: Final = Numeric("258", "RPL_ADMINLOC2", ":<info>")
RPL_ADMINEMAIL: Final = Numeric("259", "RPL_ADMINEMAIL", ":<info>")
RPL_TRYAGAIN: Final = Numeric("263", "RPL_TRYAGAIN", "<command> :Please wait a while and try again.")
RPL_LOCALUSERS: Final = Numeric("265", "RPL_LOCALUSERS", "<u> <m> :Current local users <u>, max <m>")
RPL_GLOBALUSERS: Final = Numeric("266", "RPL_GLOBALUSERS", "<u> <m> :Current global users <u>, max <m>")

# --- people (WHOIS, WHO, WHOWAS, USERHOST, ISON, AWAY)

RPL_WHOISCERTFP: Final = Numeric("276", "RPL_WHOISCERTFP", "<nick> :has client certificate fingerprint <fingerprint>")
RPL_NONE: Final = Numeric("300", "RPL_NONE", ":<text>")
RPL_AWAY: Final = Numeric("301", "RPL_AWAY", "<nick> :<message>")
RPL_USERHOST: Final = Numeric("302", "RPL_USERHOST", ":<replies>")
RPL_ISON: Final = Numeric("303", "RPL_ISON", ":<nicks>")
RPL_UNAWAY: Final = Numeric("305", "RPL_UNAWAY", ":You are no longer marked as being away")
RPL_NOWAWAY: Final = Numeric("306", "RPL_NOWAWAY", ":You have been marked as being away")
RPL_WHOISREGNICK: Final = Numeric("307", "RPL_WHOISREGNICK", "<nick> :has identified for this nick")
RPL_RULESSTART: Final = Numeric("308", "RPL_RULESSTART", ":- <server> Server Rules -")
RPL_ENDOFRULES: Final = Numeric("309", "RPL_ENDOFRULES", ":End of RULES command.")
RPL_WHOISUSER: Final = Numeric("311", "RPL_WHOISUSER", "<nick> <username> <host> * :<realname>")
RPL_WHOISSERVER: Final = Numeric("312", "RPL_WHOISSERVER", "<nick> <server> :<server info>")
RPL_WHOISOPERATOR: Final = Numeric("313", "RPL_WHOISOPERATOR", "<nick> :is an IRC operator")
RPL_WHOWASUSER: Final = Numeric("314", "RPL_WHOWASUSER", "<nick> <username> <host> * :<realname>")
RPL_ENDOFWHO: Final = Numeric("315", "RPL_ENDOFWHO", "<mask> :End of WHO list")
RPL_WHOISIDLE: Final = Numeric("317", "RPL_WHOISIDLE", "<nick> <secs> <signon> :seconds idle, signon time")
RPL_ENDOFWHOIS: Final = Numeric("318", "RPL_ENDOFWHOIS", "<nick> :End of /WHOIS list")
RPL_WHOISCHANNELS: Final = Numeric("319", "RPL_WHOISCHANNELS", "<nick> :<channels>")
RPL_WHOISSPECIAL: Final = Numeric("320", "RPL_WHOISSPECIAL", "<nick> :<info>")
RPL_WHOISACCOUNT: Final = Numeric("330", "RPL_WHOISACCOUNT", "<nick> <account> :is logged in as")
RPL_WHOISBOT: Final = Numeric("335", "RPL_WHOISBOT", "<nick> :is a bot")  # IRCv3 bot-mode
RPL_WHOISACTUALLY: Final = Numeric("338", "RPL_WHOISACTUALLY", "<nick> <userhost> <ip> :Is actually using host")
RPL_USERIP: Final = Numeric("340", "RPL_USERIP", ":<replies>")
RPL_WHOREPLY: Final = Numeric("352", "RPL_WHOREPLY", "<channel> <username> <host> <server> <nick> <flags> :0 <realname>")
RPL_WHOSPCRPL: Final = Numeric("354", "RPL_WHOSPCRPL", "<values>...")  # IRCv3 whox
RPL_ENDOFWHOWAS: Final = Numeric("369", "RPL_ENDOFWHOWAS", "<nick> :End of WHOWAS")
RPL_WHOISHOST: Final = Numeric("378", "RPL_WHOISHOST", "<nick> :is connecting from <userhost> <ip>")
RPL_WHOISMODES: Final = Numeric("379", "RPL_WHOISMODES", "<nick> :is using modes <modes>")
RPL_VISIBLEHOST: Final = Numeric("396", "RPL_VISIBLEHOST", "<host> :is now your visible host")
RPL_WHOISSECURE: Final = Numeric("671", "RPL_WHOISSECURE", "<nick> :is using a secure connection")

# --- channels (LIST, MODE, TOPIC, NAMES, INVITE, KNOCK)

RPL_LISTSTART: Final = Numeric("321", "RPL_LISTSTART", "Channel :Users  Name")
RPL_LIST: Final = Numeric("322", "RPL_LIST", "<channel> <client count> :<topic>")
RPL_LISTEND: Final = Numeric("323", "RPL_LISTEND", ":End of /LIST")
RPL_CHANNELMODEIS: Final = Numeric("324", "RPL_CHANNELMODEIS", "<channel> <modestring> <mode arguments>...")
RPL_CREATIONTIME: Final = Numeric("329", "RPL_CREATIONTIME", "<channel> <creationtime>")
RPL_NOTOPIC: Final = Numeric("331", "RPL_NOTOPIC", "<channel> :No topic is set")
RPL_TOPIC: Final = Numeric("332", "RPL_TOPIC", "<channel> :<topic>")
RPL_TOPICWHOTIME: Final = Numeric("333", "RPL_TOPICWHOTIME", "<channel> <nick> <setat>")
RPL_INVITELIST: Final = Numeric("336", "RPL_INVITELIST", "<channel>")
RPL_ENDOFINVITELIST: Final = Numeric("337", "RPL_ENDOFINVITELIST", ":End of /INVITE list")
RPL_INVITING: Final = Numeric("341", "RPL_INVITING", "<nick> <channel>")
RPL_INVEXLIST: Final = Numeric("346", "RPL_INVEXLIST", "<channel> <mask> <who> <set-ts>")
RPL_ENDOFINVEXLIST: Final = Numeric("347", "RPL_ENDOFINVEXLIST", "<channel> :End of Channel Invite Exception List")
RPL_EXCEPTLIST: Final = Numeric("348", "RPL_EXCEPTLIST", "<channel> <mask> <who> <set-ts>")
RPL_ENDOFEXCEPTLIST: Final = Numeric("349", "RPL_ENDOFEXCEPTLIST", "<channel> :End of channel exception list")
RPL_NAMREPLY: Final = Numeric("353", "RPL_NAMREPLY", "<symbol> <channel> :<names>")
RPL_ENDOFNAMES: Final = Numeric("366", "RPL_ENDOFNAMES", "<channel> :End of /NAMES list")
RPL_BANLIST: Final = Numeric("367", "RPL_BANLIST", "<channel> <mask> <who> <set-ts>")
RPL_ENDOFBANLIST: Final = Numeric("368", "RPL_ENDOFBANLIST", "<channel> :End of channel ban list")
RPL_KNOCK: Final = Numeric("710", "RPL_KNOCK", "<channel> <source> :has asked for an invite.")
RPL_KNOCKDLVR: Final = Numeric("711", "RPL_KNOCKDLVR", "<channel> :Your KNOCK has been delivered.")
ERR_TOOMANYKNOCK: Final = Numeric("712", "ERR_TOOMANYKNOCK", "<channel> :Too many KNOCKs.")
ERR_CHANOPEN: Final = Numeric("713", "ERR_CHANOPEN", "<channel> :Channel is open.")
ERR_KNOCKONCHAN: Final = Numeric("714", "ERR_KNOCKONCHAN", "<channel> :You are already on that channel.")

# --- the server (VERSION, LINKS, INFO, MOTD, TIME, USERS, HELP)

RPL_VERSION: Final = Numeric("351", "RPL_VERSION", "<version> <server> :<comments>")
RPL_LINKS: Final = Numeric("364", "RPL_LINKS", "* <server> :0 <server info>")
RPL_ENDOFLINKS: Final = Numeric("365", "RPL_ENDOFLINKS", "* :End of /LINKS list")
RPL_INFO: Final = Numeric("371", "RPL_INFO", ":<string>")
RPL_MOTD: Final = Numeric("372", "RPL_MOTD", ":<line>")
RPL_ENDOFINFO: Final = Numeric("374", "RPL_ENDOFINFO", ":End of INFO list")
RPL_MOTDSTART: Final = Numeric("375", "RPL_MOTDSTART", ":- <server> Message of the day - ")
RPL_ENDOFMOTD: Final = Numeric("376", "RPL_ENDOFMOTD", ":End of /MOTD command.")
RPL_YOUREOPER: Final = Numeric("381", "RPL_YOUREOPER", ":You are now an IRC operator")
RPL_REHASHING: Final = Numeric("382", "RPL_REHASHING", "<config file> :Rehashing")
RPL_TIME: Final = Numeric("391", "RPL_TIME", "<server> <timestamp> <offset> :<human-readable time>")
RPL_USERSSTART: Final = Numeric("392", "RPL_USERSSTART", ":UserID   Terminal  Host")
RPL_USERS: Final = Numeric("393", "RPL_USERS", ":<user>")
RPL_ENDOFUSERS: Final = Numeric("394", "RPL_ENDOFUSERS", ":End of users")
RPL_NOUSERS: Final = Numeric("395", "RPL_NOUSERS", ":Nobody logged in")
RPL_HELPSTART: Final = Numeric("704", "RPL_HELPSTART", "<subject> :<first line>")
RPL_HELPTXT: Final = Numeric("705", "RPL_HELPTXT", "<subject> :<line>")
RPL_ENDOFHELP: Final = Numeric("706", "RPL_ENDOFHELP", "<subject> :<last line>")

# --- errors

ERR_UNKNOWNERROR: Final = Numeric("400", "ERR_UNKNOWNERROR", "<command> :<info>")
ERR_NOSUCHNICK: Final = Numeric("401", "ERR_NOSUCHNICK", "<nickname> :No such nick/channel")
ERR_NOSUCHSERVER: Final = Numeric("402", "ERR_NOSUCHSERVER", "<server name> :No such server")
ERR_NOSUCHCHANNEL: Final = Numeric("403", "ERR_NOSUCHCHANNEL", "<channel> :No such channel")
ERR_CANNOTSENDTOCHAN: Final = Numeric("404", "ERR_CANNOTSENDTOCHAN", "<channel> :Cannot send to channel")
ERR_TOOMANYCHANNELS: Final = Numeric("405", "ERR_TOOMANYCHANNELS", "<channel> :You have joined too many channels")
ERR_WASNOSUCHNICK: Final = Numeric("406", "ERR_WASNOSUCHNICK", "<nickname> :There was no such nickname")
ERR_TOOMANYTARGETS: Final = Numeric("407", "ERR_TOOMANYTARGETS", "<target> :Too many recipients")
ERR_NOORIGIN: Final = Numeric("409", "ERR_NOORIGIN", ":No origin specified")
ERR_INVALIDCAPCMD: Final = Numeric("410", "ERR_INVALIDCAPCMD", "<subcommand> :Invalid CAP command")
ERR_NORECIPIENT: Final = Numeric("411", "ERR_NORECIPIENT", ":No recipient given (<command>)")
ERR_NOTEXTTOSEND: Final = Numeric("412", "ERR_NOTEXTTOSEND", ":No text to send")
ERR_INPUTTOOLONG: Final = Numeric("417", "ERR_INPUTTOOLONG", ":Input line was too long")
ERR_UNKNOWNCOMMAND: Final = Numeric("421", "ERR_UNKNOWNCOMMAND", "<command> :Unknown command")
ERR_NOMOTD: Final = Numeric("422", "ERR_NOMOTD", ":MOTD File is missing")
ERR_NOADMININFO: Final = Numeric("423", "ERR_NOADMININFO", "<server> :No administrative info available")
ERR_NONICKNAMEGIVEN: Final = Numeric("431", "ERR_NONICKNAMEGIVEN", ":No nickname given")
ERR_ERRONEUSNICKNAME: Final = Numeric("432", "ERR_ERRONEUSNICKNAME", "<nick> :Erroneous nickname")
ERR_NICKNAMEINUSE: Final = Numeric("433", "ERR_NICKNAMEINUSE", "<nick> :Nickname is already in use")
ERR_NORULES: Final = Numeric("434", "ERR_NORULES", ":RULES File is missing")
ERR_NICKCOLLISION: Final = Numeric("436", "ERR_NICKCOLLISION", "<nick> :Nickname collision KILL from <user>@<host>")
ERR_UNAVAILRESOURCE: Final = Numeric("437", "ERR_UNAVAILRESOURCE", "<nick or channel> :Nick/channel is temporarily unavailable")
ERR_NICKTOOFAST: Final = Numeric("438", "ERR_NICKTOOFAST", "<nick> :Nick change too fast. Please wait <seconds> seconds.")
ERR_USERNOTINCHANNEL: Final = Numeric("441", "ERR_USERNOTINCHANNEL", "<nick> <channel> :They aren't on that channel")
ERR_NOTONCHANNEL: Final = Numeric("442", "ERR_NOTONCHANNEL", "<channel> :You're not on that channel")
ERR_USERONCHANNEL: Final = Numeric("443", "ERR_USERONCHANNEL", "<nick> <channel> :is already on channel")
ERR_SUMMONDISABLED: Final = Numeric("445", "ERR_SUMMONDISABLED", ":SUMMON has been disabled")
ERR_USERSDISABLED: Final = Numeric("446", "ERR_USERSDISABLED", ":USERS has been disabled")
ERR_NOTREGISTERED: Final = Numeric("451", "ERR_NOTREGISTERED", ":You have not registered")
ERR_NEEDMOREPARAMS: Final = Numeric("461", "ERR_NEEDMOREPARAMS", "<command> :Not enough parameters")
ERR_ALREADYREGISTERED: Final = Numeric("462", "ERR_ALREADYREGISTERED", ":You may not reregister")
ERR_PASSWDMISMATCH: Final = Numeric("464", "ERR_PASSWDMISMATCH", ":Password incorrect")
ERR_YOUREBANNEDCREEP: Final = Numeric("465", "ERR_YOUREBANNEDCREEP", ":You are banned from this server.")
ERR_INVALIDUSERNAME: Final = Numeric("468", "ERR_INVALIDUSERNAME", ":Your username is not valid")
ERR_CHANNELISFULL: Final = Numeric("471", "ERR_CHANNELISFULL", "<channel> :Cannot join channel (+l)")
ERR_UNKNOWNMODE: Final = Numeric("472", "ERR_UNKNOWNMODE", "<modechar> :is unknown mode char to me")
ERR_INVITEONLYCHAN: Final = Numeric("473", "ERR_INVITEONLYCHAN", "<channel> :Cannot join channel (+i)")
ERR_BANNEDFROMCHAN: Final = Numeric("474", "ERR_BANNEDFROMCHAN", "<channel> :Cannot join channel (+b)")
ERR_BADCHANNELKEY: Final = Numeric("475", "ERR_BADCHANNELKEY", "<channel> :Cannot join channel (+k)")
ERR_BADCHANMASK: Final = Numeric("476", "ERR_BADCHANMASK", "<channel> :Bad Channel Mask")
ERR_NEEDREGGEDNICK: Final = Numeric("477", "ERR_NEEDREGGEDNICK", "<channel> :You need to be logged in to an account")
ERR_BANLISTFULL: Final = Numeric("478", "ERR_BANLISTFULL", "<channel> <mask> <modechar> :Channel list is full")
ERR_CANNOTKNOCK: Final = Numeric("480", "ERR_CANNOTKNOCK", ":Cannot knock on <channel> (<reason>)")
ERR_NOPRIVILEGES: Final = Numeric("481", "ERR_NOPRIVILEGES", ":Permission Denied- You're not an IRC operator")
ERR_CHANOPRIVSNEEDED: Final = Numeric("482", "ERR_CHANOPRIVSNEEDED", "<channel> :You're not channel operator")
ERR_CANTKILLSERVER: Final = Numeric("483", "ERR_CANTKILLSERVER", ":You can't kill a server!")
ERR_NONONREG: Final = Numeric("486", "ERR_NONONREG", "<nick> :You must be logged in to an account to message this user")
ERR_NOOPERHOST: Final = Numeric("491", "ERR_NOOPERHOST", ":No O-lines for your host")
ERR_UMODEUNKNOWNFLAG: Final = Numeric("501", "ERR_UMODEUNKNOWNFLAG", ":Unknown MODE flag")
ERR_USERSDONTMATCH: Final = Numeric("502", "ERR_USERSDONTMATCH", ":Can't change mode for other users")
ERR_HELPNOTFOUND: Final = Numeric("524", "ERR_HELPNOTFOUND", "<subject> :No help available on this topic")
ERR_INVALIDKEY: Final = Numeric("525", "ERR_INVALIDKEY", "<channel> :Key is not well-formed")
ERR_CANTSENDTOUSER: Final = Numeric("531", "ERR_CANTSENDTOUSER", "<nick> :You are not permitted to send private messages to this user")
ERR_STARTTLS: Final = Numeric("691", "ERR_STARTTLS", ":STARTTLS failed")
ERR_INVALIDMODEPARAM: Final = Numeric("696", "ERR_INVALIDMODEPARAM", "<target> <mode char> <parameter> :<description>")
ERR_NOPRIVS: Final = Numeric("723", "ERR_NOPRIVS", "<priv> :Insufficient oper privileges.")
ERR_MLOCKRESTRICTED: Final = Numeric("742", "ERR_MLOCKRESTRICTED", "<channel> <mode char> <mlock> :That mode is locked on this channel")

# --- MONITOR (IRCv3 monitor)

RPL_MONONLINE: Final = Numeric("730", "RPL_MONONLINE", ":<targets>")
RPL_MONOFFLINE: Final = Numeric("731", "RPL_MONOFFLINE", ":<targets>")
RPL_MONLIST: Final = Numeric("732", "RPL_MONLIST", ":<targets>")
RPL_ENDOFMONLIST: Final = Numeric("733", "RPL_ENDOFMONLIST", ":End of MONITOR list")
ERR_MONLISTFULL: Final = Numeric("734", "ERR_MONLISTFULL", "<limit> <targets> :Monitor list is full.")

# --- accounts (IRCv3 sasl-3.1)

RPL_LOGGEDIN: Final = Numeric("900", "RPL_LOGGEDIN", "<source> <account> :You are now logged in as <account>")
RPL_LOGGEDOUT: Final = Numeric("901", "RPL_LOGGEDOUT", "<source> :You are now logged out")
ERR_NICKLOCKED: Final = Numeric("902", "ERR_NICKLOCKED", ":You must use a nick assigned to you")
RPL_SASLSUCCESS: Final = Numeric("903", "RPL_SASLSUCCESS", ":SASL authentication successful")
ERR_SASLFAIL: Final = Numeric("904", "ERR_SASLFAIL", ":SASL authentication failed")
ERR_SASLTOOLONG: Final = Numeric("905", "ERR_SASLTOOLONG", ":SASL message too long")
ERR_SASLABORTED: Final = Numeric("906", "ERR_SASLABORTED", ":SASL authentication aborted")
ERR_SASLALREADY: Final = Numeric("907", "ERR_SASLALREADY", ":You have already authenticated using SASL")
RPL_SASLMECHS: Final = Numeric("908", "RPL_SASLMECHS", "<mechanisms> :are available SASL mechanisms")
