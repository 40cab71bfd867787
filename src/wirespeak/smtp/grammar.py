"""The bytes of SMTP: one named pattern a production, the rule of the RFC above it, and how long each may be.

A command is read as text: ASCII, or UTF-8 where the client asked for it (SMTPUTF8, RFC 6531). The patterns of addresses take
both; who reads one refuses what is not ASCII where nobody asked. No pattern can be made to go back over what it has read: the
repetitions are possessive (``*+``), so time is linear in the input.

Imports nothing of this project; is imported by the parser and by the explanation alike, so they cannot disagree.
"""

from __future__ import annotations

import re
from typing import Final

# --- how long things may be (RFC 5321 4.5.3.1): octets, the CRLF of a line among them

LINE: Final = 512
"""RFC 5321 4.5.3.1.4: a command line, where no extension adds to it."""

MAIL_LINE: Final = LINE + 26 + 17 + 10 + 500 + 9 + 107
"""What MAIL may have more: SIZE (RFC 1870 3), BODY (RFC 6152 2), SMTPUTF8 (RFC 6531 3.4), AUTH (RFC 4954 3); and RET and ENVID at
their longest (RFC 3461 4.3, 4.4)."""

RCPT_LINE: Final = LINE + 10 + 507 + 29
"""And RCPT: SMTPUTF8 (RFC 6531 3.4); ORCPT and NOTIFY at their longest (RFC 3461 4.2, 4.1)."""

AUTH_LINE: Final = 12288
"""RFC 4954 4: a line of base64, in either direction."""

TEXT_LINE: Final = 1000
"""RFC 5321 4.5.3.1.6: a line of the mail, a dot that was put in front of it not counted."""

LOCAL_PART: Final = 64
"""RFC 5321 4.5.3.1.1: of a recipient."""

SENDER_LOCAL_PART: Final = 255
"""Of a sender: those that carry another address within (VERP, SRS) are longer than 64 every day, and nobody is to deliver to them here."""

DOMAIN_SIZE: Final = 255
"""RFC 5321 4.5.3.1.2."""

ENVID_SIZE: Final = 100
"""RFC 3461 4.4."""

ORCPT_SIZE: Final = 500
"""RFC 3461 4.2."""

# --- lines

# RFC 5321 4.1.2    no control character has a place in a command; nor has DEL
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

# RFC 5321 4.1.1    command = verb [ SP argument ] CRLF     (verbs of extensions have digits too)
# HTAB passes, which is white space: where it may not stand (that is nearly everywhere), who reads the argument says so.
COMMAND: Final = re.compile(r"([A-Za-z][0-9A-Za-z]*+)(?: +([^\x00-\x08\x0a-\x1f\x7f]*+))?")

# RFC 6531 3.3      UTF8-non-ascii. The sets of characters below are said by what is not in them, so that every letter beyond ASCII
# is, but for the C1 controls. What follows has no place in an address either (RFC 5892 2.6): it ends a line to some readers, or
# turns the text around it, so that people read another address than programs do.
MISLEADING: Final = re.compile("[\u2028-\u202e\u2066-\u2069]")

# --- addresses

# RFC 5321 4.1.2    sub-domain = Let-dig [Ldh-str]          RFC 1035 2.3.4: 63 octets     RFC 6531 3.3: sub-domain =/ U-label
SUB_DOMAIN: Final = r"(?!-)[^\x00-,./:-@\[-`{-\x9f]{1,63}+(?<!-)"

# RFC 5321 4.1.2    Domain = sub-domain *("." sub-domain)
DOMAIN: Final = rf"{SUB_DOMAIN}(?:\.{SUB_DOMAIN})*+"
DOMAIN_ONLY: Final = re.compile(DOMAIN)

# RFC 5321 4.1.3    address-literal = "[" ( IPv4-address-literal / IPv6-address-literal / General-address-literal ) "]"
# IPv6 is the one tag that was ever registered, so there is no general literal to be had. What the digits say is looked at
# by who reads them (`mailbox.read_literal`).
ADDRESS_LITERAL: Final = r"\[(?:[Ii][Pp][Vv]6:[0-9A-Fa-f:.]{2,45}+|[0-9.]{7,15}+)\]"
LITERAL_ONLY: Final = re.compile(ADDRESS_LITERAL)
# Snum = 1*3DIGIT, 0 to 255: a zero in front, which other readers take for octal, is refused.
SNUM: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
IPV4: Final = re.compile(rf"{SNUM}(?:\.{SNUM}){{3}}")

# RFC 5322 3.2.3    atext                                   RFC 6531 3.3: atext =/ UTF8-non-ascii
ATEXT: Final = r"[^\x00-\x20\"(),.:;<>@\[\\\]\x7f-\x9f]"

# RFC 5321 4.1.2    Dot-string = Atom *("." Atom)
DOT_STRING: Final = rf"{ATEXT}++(?:\.{ATEXT}++)*+"
DOT_STRING_ONLY: Final = re.compile(DOT_STRING)

# RFC 5321 4.1.2    Quoted-string = DQUOTE *QcontentSMTP DQUOTE
#                   QcontentSMTP = qtextSMTP / quoted-pairSMTP        (RFC 6531 3.3: qtextSMTP =/ UTF8-non-ascii)
QUOTED_STRING: Final = r'"(?:[^\x00-\x1f"\\\x7f-\x9f]|\\[\x20-\x7e])*+"'
QUOTED_PAIR: Final = re.compile(r"\\(.)")

# RFC 5321 4.1.2    Mailbox = Local-part "@" ( Domain / address-literal );   Local-part = Dot-string / Quoted-string
MAILBOX: Final = rf"({DOT_STRING}|{QUOTED_STRING})@({DOMAIN}|{ADDRESS_LITERAL})"
MAILBOX_ONLY: Final = re.compile(MAILBOX)

# RFC 5321 4.1.2    Path = "<" [ A-d-l ":" ] Mailbox ">";   A-d-l = At-domain *( "," At-domain );   At-domain = "@" Domain
SOURCE_ROUTE: Final = rf"(?:@{DOMAIN}(?:,@{DOMAIN})*+:)?+"
PATH: Final = re.compile(rf"<{SOURCE_ROUTE}{MAILBOX}>")

# RFC 5321 4.1.1.3  "<Postmaster>", whatever the case of its letters (4.5.1)
POSTMASTER: Final = re.compile(r"<([Pp][Oo][Ss][Tt][Mm][Aa][Ss][Tt][Ee][Rr])>")

# RFC 5321 4.1.1.1  what a client may call itself. The underscore belongs to no Domain, but enough machines have it in their
# name; and nothing is to be refused for a name that is not its client's own (4.1.4).
HOST_LABEL: Final = r"(?!-)[0-9A-Za-z_\-]{1,63}+(?<!-)"
HELLO_NAME: Final = re.compile(rf"{HOST_LABEL}(?:\.{HOST_LABEL})*+\.?|{ADDRESS_LITERAL}")

# --- parameters

# RFC 5321 4.1.2    esmtp-param = esmtp-keyword ["=" esmtp-value];   esmtp-value = 1*(%d33-60 / %d62-126)
# RFC 6531 3.3      esmtp-value =/ 1*UTF8-non-ascii
PARAMETER: Final = re.compile(r"([0-9A-Za-z][0-9A-Za-z\-]*+)(?:=([^\x00-\x20=\x7f-\x9f]++))?")

# RFC 1870 4        size-value ::= 1*20DIGIT
SIZE_VALUE: Final = re.compile(r"[0-9]{1,20}")

# RFC 3461 4        xtext = *( xchar / hexchar );   hexchar = "+" and two hexadecimal digits, the letters in upper case
XTEXT: Final = re.compile(r"(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})*+")
HEXCHAR: Final = re.compile(r"\+([0-9A-F]{2})")
XCHAR_FORBIDDEN: Final = re.compile(r"[\x00-\x20+=\x7f]")

# RFC 3461 4.2      original-recipient-address = addr-type ";" xtext;   addr-type = atom
ORCPT: Final = re.compile(r"([0-9A-Za-z!#$%&'*\-/?^_`{|}~.]++);((?:[^\x00-\x20+=\x7f-\x9f]|\+[0-9A-F]{2})++)")

# RFC 3030 2        bdat-cmd = "BDAT" SP chunk-size [ SP "LAST" ] CR LF;   chunk-size = 1*DIGIT
# Nineteen digits hold every size below 2^63; a longer one is nobody's real size.
CHUNK: Final = re.compile(r"([0-9]{1,19})(?: +([Ll][Aa][Ss][Tt]))?")

# RFC 4954 4        "AUTH" SP mechanism [SP initial-response];   RFC 4422 3.1: sasl-mech = 1*20mech-char
# RFC 4954 8        initial-response = base64 / "="
AUTHENTICATION: Final = re.compile(r"([0-9A-Za-z\-_]{1,20})(?: +([^ ]+))?")

# RFC 9110 9.3, RFC 9113 3.4   The verbs of HTTP. A web page may have its visitor's browser send them, with a body of the page's
# choosing, to any port of the visitor's own machine: who says one is not listened to any further.
HTTP_VERBS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PRI", "PUT", "TRACE"})


def encode_xtext(text: str) -> str:
    """``text`` as a parameter may hold it (RFC 3461 4). What is beyond ASCII stays, for those who may say it (RFC 6531)."""
    return XCHAR_FORBIDDEN.sub(lambda match: f"+{ord(match[0]):02X}", text)


def decode_xtext(text: str) -> str:
    """What `encode_xtext` was given. ``text`` is known to match `XTEXT`."""
    return HEXCHAR.sub(lambda match: chr(int(match[1], 16)), text)
