"""The bytes of IRC: one named pattern a production, the rule above it, and how long each thing may be.

IRC grew by practice. RFC 1459 wrote it down, RFC 2812 again; what servers and clients really do stands in Modern IRC
(modern.ircdocs.horse), and what was added since in IRCv3. Where they differ, Modern IRC is followed. Text is read as UTF-8
(IRCv3 utf8only); names of people are ASCII, so that nobody can look like another by letters alone.

No pattern goes back over what it has read, so time is linear in the input. Imports nothing of this project; is imported by
the parser and by the explanation alike, so they cannot disagree.
"""

from __future__ import annotations

import re
from typing import Final

# --- how long things may be, in bytes

LINE: Final = 512
"""RFC 1459 2.3: a message without its tags, CR LF included."""

CLIENT_TAGS: Final = 4094
"""IRCv3 message-tags, Size limit: what a client's tags may take, between "@" and the space behind."""

SERVER_TAGS: Final = 510
"""And what a server may add to them."""

TAG_PART: Final = CLIENT_TAGS + 2
"""A client's tags with the "@" and one space."""

RECEIVED_TAG_PART: Final = SERVER_TAGS + 1 + CLIENT_TAGS + 2
"""What a client must be able to read: both, a semicolon between them."""

# What RFC 1459 limits to 9 letters and the like, and every network since has set by itself: told to clients in ISUPPORT (005).
NICKNAME_SIZE: Final = 30
USER_SIZE: Final = 16
HOST_SIZE: Final = 64
REALNAME_SIZE: Final = 150
CHANNEL_SIZE: Final = 64
KEY_SIZE: Final = 32
TOPIC_SIZE: Final = 390
KICK_SIZE: Final = 300
AWAY_SIZE: Final = 300
REASON_SIZE: Final = 300
"""Of QUIT, PART, KILL and the like: with the longest source in front it still fits a line."""

PARAMETERS: Final = 15
"""RFC 1459 2.3. We send no more; we read as many as a line holds, as Modern IRC asks of clients."""

# --- messages

# Modern IRC, Message Format:  message = ["@" tags SPACE] [":" source SPACE] command parameters crlf
# RFC 1459 2.3.1: NUL, CR and LF stand in no part of a message. (A CR in mid-line is a line's end to some readers: refused.)
FORBIDDEN: Final = re.compile(r"[\x00\r\n]")

# command = 1*letter / 3digit
COMMAND: Final = re.compile(r"[A-Za-z]++|[0-9]{3}")

# What may not be sent as a parameter unless it is the last one: nothing, a leading colon, a space.
NO_MIDDLE: Final = re.compile(r"\Z|:|[^ ]*+ ")

# IRCv3 message-tags:  tag = key ["=" escaped value];   key = [ "+" ] [ vendor "/" ] 1*(letter / digit / "-")
# The vendor is a host; some vendors have a path below (draft/, overdrivenetworks.com/…): "/" and "." stand anywhere but in front.
TAG_KEY: Final = re.compile(r"\+?[0-9A-Za-z\-][0-9A-Za-z.\-/_]*+")
# escaped value = any characters but NUL, CR, LF, ";" and space. The five of them as escapes; what follows another backslash
# stands for itself, and one at the end for nothing.
TAG_ESCAPE: Final = re.compile(r"\\(.?)", re.DOTALL)
TAG_UNSAFE: Final = re.compile(r"[; \\\r\n]")

# source = servername / ( nickname [ "!" user ] [ "@" host ] )
SOURCE: Final = re.compile(r"([^!@ ]*+)(?:!([^@ ]*+))?(?:@([^ ]*+))?")

# --- names

# RFC 2812 2.3.1   nickname = ( letter / special ) *( letter / digit / special / "-" );   special = [ ] \ ` _ ^ { | }
# So none can be taken for a number, a channel, a mask or the start of a text (Modern IRC, Clients).
NICKNAME: Final = re.compile(rf"[A-Za-z\[-`{{-}}][0-9A-Za-z\[-`{{-}}\-]{{0,{NICKNAME_SIZE - 1}}}+")

# RFC 2812 2.3.1   user = any characters but NUL, CR, LF, space and "@". Those with a meaning in masks ("!", "*", "?"), ":" and what
# is not ASCII are left out too, as servers do; a server drops them from what a client says it is called (`USER_UNFIT`).
USER: Final = re.compile(rf"~?[0-9A-Za-z\[-`{{-}}\-.]{{1,{USER_SIZE}}}+")
USER_UNFIT: Final = re.compile(r"[^0-9A-Za-z\[-`{-}\-.]++")

# Modern IRC, Channels: "#" (ISUPPORT CHANTYPES), then anything but space, BELL and comma. Other control characters, DEL and what
# turns or breaks the text around it have no place in a name either (RFC 5892 2.6).
CHANNEL: Final = re.compile("#[^\x00-\x20,\x7f-\xa0\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]*+")

# RFC 2812 2.3.1   key = 1*23( any 7-bit character but NUL, CR, LF, FF, TAB, VT and space ). JOIN parts keys by commas, and one that
# begins with a colon could be no middle parameter.
KEY: Final = re.compile(rf"(?!:)[\x21-\x2b\x2d-\x7e]{{1,{KEY_SIZE}}}+")

# RFC 952, RFC 1123 2.1: what a host may be called that WEBIRC, a look-up or an operator gives to someone; or an IP address.
HOST: Final = re.compile(rf"(?![:.\-])[0-9A-Za-z.:\-/_]{{1,{HOST_SIZE}}}+")

# IRCv3 labeled-response: an opaque value of 64 bytes at most.
LABEL_SIZE: Final = 64

# IRCv3 capability-negotiation:  a capability's name, as REQ has it: "-" in front gives it up.
CAPABILITY: Final = re.compile(r"(-?)([0-9A-Za-z][0-9A-Za-z.\-/_]*+)")

# IRCv3 sasl-3.1: pieces of 400 bytes; a last one of less, or "+" where nothing is left.
SASL_PIECE: Final = 400

# CTCP (draft-oakley-irc-ctcp-02 2.1):  delim command [ SPACE params ] [ delim ]
CTCP: Final = re.compile(r"\x01([^\x00\x01\r\n ]++)(?: ([^\x00\x01\r\n]*+))?\x01?")

# RFC 9110 9.3, RFC 9113 3.4   The verbs of HTTP. A web page may have its visitor's browser send them to any port of the visitor's own
# machine, with a body of the page's choosing: whose first line says one is not listened to any further. None of them is a
# command that may come first here.
HTTP_VERBS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PRI", "PUT", "TRACE"})
