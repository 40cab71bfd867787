"""What commands, parameters, replies and extensions mean: tables of one line each, in words of our own, with the clause behind it.

For the explanation only: the parser and the sessions read none of it. Codes that are not here are told by their class (the
first digit) and their subject (the second), as RFC 5321 4.2.1 and RFC 3463 3 have it.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "COMMANDS",
    "code_meaning",
    "command_meaning",
    "enhanced_meaning",
    "extension_meaning",
    "field_meaning",
    "mechanism_meaning",
    "parameter_meaning",
    "value_meaning",
]

# fmt: off

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "EHLO":     ("the client names itself, and asks what the server can do beyond the minimum", "RFC 5321 4.1.1.1"),
    "HELO":     ("the client names itself, and wants no extensions", "RFC 5321 4.1.1.1"),
    "LHLO":     ("EHLO for local delivery: each recipient will have an answer of its own", "RFC 2033 4.1"),
    "MAIL":     ("a mail begins: who sends it", "RFC 5321 4.1.1.2"),
    "RCPT":     ("one who shall have the mail", "RFC 5321 4.1.1.3"),
    "DATA":     ("the mail itself is about to come, line by line", "RFC 5321 4.1.1.4"),
    "BDAT":     ("a piece of the mail, of so many bytes, stands right behind this line", "RFC 3030 2"),
    "RSET":     ("forget the mail that was begun", "RFC 5321 4.1.1.5"),
    "VRFY":     ("is there such a user?", "RFC 5321 4.1.1.6"),
    "EXPN":     ("who is on that list?", "RFC 5321 4.1.1.7"),
    "HELP":     ("which commands are there?", "RFC 5321 4.1.1.8"),
    "NOOP":     ("nothing; but answer, so that I see you are there", "RFC 5321 4.1.1.9"),
    "QUIT":     ("that was all", "RFC 5321 4.1.1.10"),
    "STARTTLS": ("let us encrypt from here on", "RFC 3207 4"),
    "AUTH":     ("the client logs in", "RFC 4954 4"),
    "ETRN":     ("send me what waits for me", "RFC 1985 5"),
    "ATRN":     ("send me what waits for me, over this connection", "RFC 2645 4"),
    "BURL":     ("fetch a piece of the mail from a mail store", "RFC 4468 3"),
    "TURN":     ("let us change places (given up long ago, as anyone could say it)", "RFC 5321 F.1"),
    "SEND":     ("a mail to a terminal (given up long ago)", "RFC 5321 F.6"),
    "SOML":     ("a mail to a terminal, else to a mailbox (given up long ago)", "RFC 5321 F.6"),
    "SAML":     ("a mail to a terminal and a mailbox (given up long ago)", "RFC 5321 F.6"),
}

PARAMETERS: Final[dict[str, tuple[str, str]]] = {
    "SIZE":     ("how many bytes the mail will have", "RFC 1870 5"),
    "BODY":     ("what the mail is made of", "RFC 6152 2"),
    "SMTPUTF8": ("addresses and header fields may be in UTF-8", "RFC 6531 3.4"),
    "AUTH":     ("who is said to have submitted it in the first place", "RFC 4954 5"),
    "RET":      ("what a report shall send back: all of the mail, or its header", "RFC 3461 4.3"),
    "ENVID":    ("the sender's own mark, which a report will carry", "RFC 3461 4.4"),
    "NOTIFY":   ("of what the sender wants a report", "RFC 3461 4.1"),
    "ORCPT":    ("the recipient's address as it was written first", "RFC 3461 4.2"),
    "REQUIRETLS": ("never send this on without TLS", "RFC 8689 2"),
    "HOLDFOR":  ("deliver it so many seconds from now", "RFC 4865 5"),
    "HOLDUNTIL": ("deliver it then", "RFC 4865 5"),
    "BY":       ("deliver it by then, or say so", "RFC 2852 4"),
    "MT-PRIORITY": ("how urgent it is, from -9 to 9", "RFC 6710 4"),
}

VALUES: Final[dict[tuple[str, str], str]] = {
    ("BODY", "7BIT"):       "ASCII, in lines",
    ("BODY", "8BITMIME"):   "octets of eight bits, in lines",
    ("BODY", "BINARYMIME"): "any octets, not in lines: sent by BDAT",
    ("RET", "FULL"):        "all of the mail",
    ("RET", "HDRS"):        "its header",
    ("NOTIFY", "NEVER"):    "of nothing",
    ("AUTH", "<>"):         "not known, or not to be trusted",
}

MECHANISMS: Final[dict[str, tuple[str, str]]] = {
    "PLAIN":         ("name and password, as they are", "RFC 4616 2"),
    "LOGIN":         ("name, then password, as they are (never standardized)", "RFC 4954 4"),
    "CRAM-MD5":      ("proves the password without saying it (MD5: out of date)", "RFC 2195 2"),
    "DIGEST-MD5":    ("withdrawn", "RFC 6331"),
    "SCRAM-SHA-1":   ("proves the password without saying it, both ways (SHA-1: out of date)", "RFC 5802"),
    "SCRAM-SHA-256": ("proves the password without saying it, both ways", "RFC 7677"),
    "SCRAM-SHA-256-PLUS": ("the same, and tied to this very TLS connection", "RFC 7677"),
    "XOAUTH2":       ("a token from elsewhere that stands for a login (never standardized)", "RFC 4954 4"),
    "OAUTHBEARER":   ("a token from elsewhere that stands for a login", "RFC 7628 3.1"),
    "EXTERNAL":      ("who I am is known already: by my TLS certificate", "RFC 4422 A"),
    "GSSAPI":        ("a Kerberos ticket", "RFC 4752 3"),
    "NTLM":          ("a login by Windows' own way", "RFC 4954 4"),
    "ANONYMOUS":     ("anyone", "RFC 4505 2"),
}

EXTENSIONS: Final[dict[str, tuple[str, str]]] = {
    "SIZE":                ("MAIL may say how large the mail is; the number is the most that is taken", "RFC 1870 3"),
    "8BITMIME":            ("mail may hold octets of eight bits", "RFC 6152 2"),
    "PIPELINING":          ("commands may be sent without waiting for each reply", "RFC 2920 3"),
    "CHUNKING":            ("BDAT is understood: mail by counted pieces", "RFC 3030 2"),
    "BINARYMIME":          ("mail may hold any octets (by BDAT)", "RFC 3030 3"),
    "SMTPUTF8":            ("addresses and header fields may be in UTF-8", "RFC 6531 3.1"),
    "ENHANCEDSTATUSCODES": ("replies begin with a code of three numbers that says more exactly what the matter is", "RFC 2034 3"),
    "DSN":                 ("reports about delivery can be ordered, and told what to hold", "RFC 3461 3"),
    "STARTTLS":            ("the connection can be encrypted from here on", "RFC 3207 2"),
    "AUTH":                ("clients can log in, by these mechanisms", "RFC 4954 3"),
    "HELP":                ("HELP is answered", "RFC 5321 4.1.1.8"),
    "VRFY":                ("VRFY is answered", "RFC 5321 4.1.1.6"),
    "EXPN":                ("EXPN is answered", "RFC 5321 4.1.1.7"),
    "ETRN":                ("waiting mail can be asked for", "RFC 1985 3"),
    "DELIVERBY":           ("mail can have a deadline", "RFC 2852 4"),
    "MT-PRIORITY":         ("mail can be more or less urgent", "RFC 6710 3"),
    "FUTURERELEASE":       ("mail can be handed in to be delivered later", "RFC 4865 4"),
    "REQUIRETLS":          ("mail can insist on TLS all the way", "RFC 8689 2"),
    "BURL":                ("a mail's pieces can be fetched from a mail store", "RFC 4468 2"),
    "LIMITS":              ("how many mails, recipients, domains one connection may carry", "RFC 9422 3"),
    "XCLIENT":             ("a proxy may say who the client is (Postfix)", ""),
    "XFORWARD":            ("a filter may be told who the client was (Postfix)", ""),
}

CLASSES: Final[dict[int, tuple[str, str]]] = {
    2: ("done", "RFC 5321 4.2.1"),
    3: ("so far so good; more is waited for", "RFC 5321 4.2.1"),
    4: ("not now; try again later", "RFC 5321 4.2.1"),
    5: ("no, and asking again won't change it", "RFC 5321 4.2.1"),
}

CODES: Final[dict[int, tuple[str, str]]] = {
    211: ("about the system", "RFC 5321 4.2.3"),
    214: ("help, for people", "RFC 5321 4.2.3"),
    220: ("ready", "RFC 5321 4.2.3"),
    221: ("goodbye; the connection is closed", "RFC 5321 4.2.3"),
    235: ("logged in", "RFC 4954 6"),
    250: ("done", "RFC 5321 4.2.3"),
    251: ("not one of ours, but the mail will be passed on", "RFC 5321 4.2.3"),
    252: ("neither yes nor no: send it, and it will be tried", "RFC 5321 4.2.3"),
    334: ("a question of the login, in base64", "RFC 4954 4"),
    354: ("send the mail, and end it with a line of a single dot", "RFC 5321 4.2.3"),
    421: ("no more of this now; the connection is closed", "RFC 5321 4.2.3"),
    450: ("not done: the mailbox is busy, or you are a stranger; try again", "RFC 5321 4.2.3"),
    451: ("not done: something is wrong on our side", "RFC 5321 4.2.3"),
    452: ("not done: no room, or too many recipients for one mail", "RFC 5321 4.2.3"),
    454: ("not possible just now", "RFC 4954 6"),
    455: ("these parameters can't be had now", "RFC 5321 4.2.3"),
    500: ("that is no command", "RFC 5321 4.2.3"),
    501: ("the command's argument can't be read", "RFC 5321 4.2.3"),
    502: ("a command, but not done here", "RFC 5321 4.2.3"),
    503: ("not its turn", "RFC 5321 4.2.3"),
    504: ("this argument is not known", "RFC 5321 4.2.3"),
    521: ("no mail is taken here", "RFC 7504 3"),
    523: ("too many", ""),
    530: ("log in first, or begin TLS", "RFC 4954 6"),
    534: ("this way to log in is too weak", "RFC 4954 6"),
    535: ("not let in", "RFC 4954 6"),
    538: ("only over TLS", "RFC 4954 6"),
    550: ("refused: no such mailbox, or not for you", "RFC 5321 4.2.3"),
    551: ("not one of ours; send it there yourself", "RFC 5321 4.2.3"),
    552: ("larger than is taken", "RFC 5321 4.2.3"),
    553: ("no right name of a mailbox", "RFC 5321 4.2.3"),
    554: ("refused", "RFC 5321 4.2.3"),
    555: ("these parameters of MAIL or RCPT are not known", "RFC 5321 4.2.3"),
    556: ("that domain takes no mail", "RFC 7504 4"),
}

SUBJECTS: Final[dict[int, str]] = {
    0: "nothing more to say", 1: "about the address", 2: "about the mailbox", 3: "about the mail system",
    4: "about the way there", 5: "about the protocol", 6: "about the content", 7: "about security or policy",
}

ENHANCED: Final[dict[str, tuple[str, str]]] = {
    "0.0":  ("nothing more to say", "RFC 3463 3.1"),
    "1.0":  ("about the address", "RFC 3463 3.2"),
    "1.1":  ("there is no such mailbox", "RFC 3463 3.2"),
    "1.2":  ("there is no such domain", "RFC 3463 3.2"),
    "1.3":  ("the recipient's address can't be read", "RFC 3463 3.2"),
    "1.4":  ("the address could be one of several", "RFC 3463 3.2"),
    "1.5":  ("the recipient's address is good", "RFC 3463 3.2"),
    "1.6":  ("the mailbox has moved", "RFC 3463 3.2"),
    "1.7":  ("the sender's address can't be read", "RFC 3463 3.2"),
    "1.8":  ("the sender's domain is not good", "RFC 3463 3.2"),
    "1.10": ("the domain says that it takes no mail", "RFC 7505 4.1"),
    "2.1":  ("the mailbox takes no mail", "RFC 3463 3.3"),
    "2.2":  ("the mailbox is full", "RFC 3463 3.3"),
    "2.3":  ("longer than the mailbox takes", "RFC 3463 3.3"),
    "3.0":  ("something with the mail system", "RFC 3463 3.4"),
    "3.1":  ("no room on disk", "RFC 3463 3.4"),
    "3.2":  ("no mail is taken just now", "RFC 3463 3.4"),
    "3.3":  ("the system can't do what was asked", "RFC 3463 3.4"),
    "3.4":  ("larger than the system takes", "RFC 3463 3.4"),
    "4.1":  ("no answer from there", "RFC 3463 3.5"),
    "4.2":  ("the connection is bad, or took too long", "RFC 3463 3.5"),
    "4.3":  ("the directory does not answer", "RFC 3463 3.5"),
    "4.6":  ("the mail goes round in a loop", "RFC 3463 3.5"),
    "4.7":  ("it took too long", "RFC 3463 3.5"),
    "5.0":  ("something with the protocol", "RFC 3463 3.6"),
    "5.1":  ("not its turn, or not a command here", "RFC 3463 3.6"),
    "5.2":  ("not written as it should be", "RFC 3463 3.6"),
    "5.3":  ("too many recipients", "RFC 3463 3.6"),
    "5.4":  ("an argument that is wrong", "RFC 3463 3.6"),
    "5.6":  ("a line of the login is too long", "RFC 4954 6"),
    "6.0":  ("something with the content", "RFC 3463 3.7"),
    "6.1":  ("content of this kind is not taken", "RFC 3463 3.7"),
    "6.7":  ("an address beyond ASCII, where that was not agreed on", "RFC 6531 3.6"),
    "6.11": ("a line of the mail does not end in CRLF", "RFC 5321 2.3.8"),
    "7.0":  ("login, policy or security", "RFC 3463 3.8"),
    "7.1":  ("not for you to send there", "RFC 3463 3.8"),
    "7.8":  ("name or password are wrong", "RFC 4954 6"),
    "7.9":  ("this way to log in is too weak", "RFC 4954 6"),
    "7.11": ("this way to log in only over TLS", "RFC 4954 6"),
}

FIELDS: Final[dict[str, tuple[str, str]]] = {
    "return-path":  ("the envelope's sender, noted by who delivered the mail", "RFC 5321 4.4"),
    "received":     ("a stamp of one of the servers it came through, the newest on top", "RFC 5321 4.4"),
    "date":         ("when it was written", "RFC 5322 3.6.1"),
    "from":         ("who has written it", "RFC 5322 3.6.2"),
    "sender":       ("who has sent it, if that is somebody else", "RFC 5322 3.6.2"),
    "reply-to":     ("where answers shall go", "RFC 5322 3.6.2"),
    "to":           ("to whom it is written; the envelope says who gets it", "RFC 5322 3.6.3"),
    "cc":           ("who else shall read it", "RFC 5322 3.6.3"),
    "bcc":          ("who else shall read it without the others' knowing", "RFC 5322 3.6.3"),
    "message-id":   ("its own name, which no other mail has", "RFC 5322 3.6.4"),
    "in-reply-to":  ("which mail it answers", "RFC 5322 3.6.4"),
    "references":   ("the mails that went before it", "RFC 5322 3.6.4"),
    "subject":      ("what it is about", "RFC 5322 3.6.5"),
    "mime-version": ("its parts are described as MIME has it", "RFC 2045 4"),
    "content-type": ("what its body is", "RFC 2045 5"),
    "content-transfer-encoding": ("how its body is encoded for the way", "RFC 2045 6"),
    "content-disposition": ("to be shown, or to be saved, and under which name", "RFC 2183 2"),
    "auto-submitted": ("written by a program, so that no other program answers", "RFC 3834 5"),
    "dkim-signature": ("a domain signs for what it has sent", "RFC 6376 3.5"),
    "authentication-results": ("what a server has found out about where it is from", "RFC 8601 2.2"),
    "list-id":      ("the mailing list it came by", "RFC 2919 3"),
    "list-unsubscribe": ("how to leave the mailing list", "RFC 2369 3.2"),
}

# fmt: on

UNKNOWN_FIELD: Final = ("a field of some other standard, or of nobody's", "RFC 5322 3.6.8")


def command_meaning(verb: str) -> tuple[str, str]:
    """What the command ``verb`` asks for; for one that is not known, that a server says so."""
    return COMMANDS.get(verb, ("a command that nobody knows", "RFC 5321 4.2.4"))


def parameter_meaning(keyword: str) -> tuple[str, str]:
    """What a parameter of MAIL or RCPT says."""
    return PARAMETERS.get(keyword, ("a parameter that is not known", "RFC 5321 4.1.1.11"))


def value_meaning(keyword: str, value: str) -> str:
    """What a parameter's value comes to, where that is worth a word."""
    if keyword == "SIZE":
        return "bytes, line ends counted as two"
    if keyword == "NOTIFY" and value != "NEVER":
        said = {"SUCCESS": "when it has been delivered", "FAILURE": "when it could not be", "DELAY": "when it takes long"}
        return ", ".join(said.get(word, "") for word in value.split(",")).strip(", ")
    return VALUES.get((keyword, value), "")


def extension_meaning(keyword: str) -> tuple[str, str]:
    """What a line of the reply to EHLO offers."""
    return EXTENSIONS.get(keyword, ("an extension that is not told of here", "RFC 5321 2.2"))


def mechanism_meaning(name: str) -> tuple[str, str]:
    """What a way to log in does."""
    return MECHANISMS.get(name, ("a way to log in that is not told of here", "RFC 4422 3.1"))


def code_meaning(code: int) -> tuple[str, str]:
    """What a reply's three digits say."""
    return CODES.get(code) or CLASSES[code // 100]


def enhanced_meaning(enhanced: str) -> tuple[str, str]:
    """What an enhanced code says, behind its class (RFC 3463 2)."""
    detail = enhanced.partition(".")[2]
    subject = int(detail.partition(".")[0])
    return ENHANCED.get(detail) or (SUBJECTS.get(subject, "about something else"), "RFC 3463 2")


def field_meaning(name: str) -> tuple[str, str]:
    """What a header field of the mail is for."""
    return FIELDS.get(name.lower(), UNKNOWN_FIELD)
