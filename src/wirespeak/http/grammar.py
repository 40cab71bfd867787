"""The bytes of HTTP/1.1: one named pattern a production, the rule of the RFC above it.

The head of a message is read as text of which every character is one byte (ISO 8859-1): offsets in it are offsets on the
wire, and a byte beyond ASCII passes through unharmed. Only CRLF ends a line (RFC 9112 2.2 lets a recipient take a bare
LF too; two readings of the same bytes are how requests are smuggled, so this one does not). No pattern can be made
to go back over what it has read: the repetitions are possessive (``*+``), so time is linear in the input.

Imports nothing of this project; is imported by the parser and by the explanation alike, so they cannot disagree.
"""

from __future__ import annotations

import re
from typing import Final

# RFC 9110 5.6.2   token = 1*tchar
TCHAR: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
TOKEN: Final = rf"{TCHAR}++"
TOKEN_ONLY: Final = re.compile(TOKEN)
TCHAR_BYTES: Final = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# RFC 9110 5.6.3   OWS = *( SP / HTAB )
OWS: Final = r"[ \t]*+"

# RFC 9110 5.6.4   quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE
QUOTED_STRING: Final = r'"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*+"'

# RFC 9112 2.3     HTTP-version = "HTTP" "/" DIGIT "." DIGIT
HTTP_VERSION: Final = r"HTTP/([0-9])\.([0-9])"

# RFC 9112 3       request-line = method SP request-target SP HTTP-version
# The target is any run of visible ASCII but "#": RFC 3986 has no room for " < > \ ^ ` { | } either, yet browsers send
# some of them as they are typed, and none of them can be read in two ways here. A fragment is never sent (9110 7.1).
REQUEST_LINE: Final = re.compile(rf"({TOKEN}) ([\x21\x22\x24-\x7e]++) {HTTP_VERSION}")

# RFC 9112 4       status-line = HTTP-version SP status-code SP [ reason-phrase ]
# The second SP is left out by enough servers when no reason follows that clients everywhere accept it.
STATUS_LINE: Final = re.compile(rf"{HTTP_VERSION} ([1-9][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*+))?")

# RFC 9112 5       field-line = field-name ":" OWS field-value OWS
# The value's last OWS is stripped by who reads it: by SP and HTAB alone, never by what Unicode calls a space.
FIELD_CONTENT: Final = r"[\t\x20-\x7e\x80-\xff]*+"
FIELD_LINE: Final = re.compile(rf"({TOKEN}):{OWS}({FIELD_CONTENT})")
FIELD_VALUE: Final = re.compile(FIELD_CONTENT)

# RFC 9110 8.6     Content-Length = 1*DIGIT
# Nineteen digits hold every length below 2^63; a longer one is nobody's real length.
CONTENT_LENGTH: Final = re.compile(r"[0-9]{1,19}")

# RFC 9110 7.2     Host = uri-host [ ":" port ]      (RFC 3986 3.2.2: reg-name / IPv4address / IP-literal)
# Of the sub-delims the comma is left out: a list of hosts is what two joined Host fields look like.
HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|(?:[0-9A-Za-z\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})*+)(?::([0-9]{0,5}))?")

# RFC 9112 3.2.2   absolute-form = absolute-URI      (of the http and https schemes; user information is refused, 9110 4.2.4)
ABSOLUTE_FORM: Final = re.compile(r"(?i:(https?))://([^/?@]++)([/?].*+)?")

# RFC 9112 7.1     chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
# RFC 9112 7.1.1   chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
# Fifteen hexadecimal digits hold every size below 2^60.
CHUNK_EXTENSION: Final = rf"{OWS};{OWS}{TOKEN}(?:{OWS}={OWS}(?:{TOKEN}|{QUOTED_STRING}))?+"
CHUNK_LINE: Final = re.compile(rf"([0-9A-Fa-f]{{1,15}}+)((?:{CHUNK_EXTENSION})*+)")

# A line feed with no carriage return before it, or a carriage return with no line feed behind it.
BARE_LF: Final = re.compile(rb"(?<!\r)\n")
BARE_CR: Final = re.compile(rb"\r(?!\n)")


def list_members(value: str) -> list[str]:
    """The members of a comma-separated list (RFC 9110 5.6.1), empty ones left out, in lower case.

    For lists of tokens only: a comma inside a quoted string is not looked for.
    """
    return [member for part in value.lower().split(",") if (member := part.strip(" \t"))]
