"""Fuzz targets: IRC. What comes from a peer may be any bytes, in any pieces; what each part then owes stands in each target.

Where a parser accepts something it is compared with a reference on its own feet: patterns written here from Modern IRC.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from tests.irc.talk import CONFIG, Client, Net
from wirespeak.contract import ABORT, FINISH
from wirespeak.errors import LocalProtocolError, RemoteProtocolError
from wirespeak.explanation import as_text, tiles
from wirespeak.irc.casemapping import CASEMAPPINGS
from wirespeak.irc.client_session import ClientSession, Identity
from wirespeak.irc.explain import conceal, explain
from wirespeak.irc.limits import ENDLESS, ServerLimits
from wirespeak.irc.masks import Glob, Mask, complete
from wirespeak.irc.messages import Ended, Message, cut, parse_source, split_text
from wirespeak.irc.modes import MAXMODES, read, write
from wirespeak.irc.session import LONGEST, ServerSession
from wirespeak.irc.tracker import Tracker

LINES = [
    b"@+typing=active;time=x\\s :ann!~a@h PRIVMSG #a,bob :\x01ACTION hi\x01",
    b"CAP REQ :sasl -batch",
    b":irc.home.test 005 ann PREFIX=(ov)@+ CHANMODES=b,k,l,n :are supported",
    b"MODE #a +o-v  bob  ann",
    b"001 x",
    b"@a=\\:\\\\\\ X :",
]
TALK = b"""NICK ann
USER ann 0 * :Ann
JOIN #a,#b key
PRIVMSG #a,bob :hello
@label=x;+typing=active TAGMSG #a
MODE #a +ovbk-n bob bob *!*@192.0.2.0/24 key
TOPIC #a :tea
WHO #a %tcnuhraf,42
WHOIS bob
KICK #a bob :why
MONITOR + bob,eve
LIST >0,*a*
INVITE bob #a
KNOCK #b
AWAY :gone
SETNAME :Real
NAMES #a
NICK ann2
PART #a :bye
QUIT :bye
"""
EARLY = b"""CAP LS 302
CAP REQ :sasl message-tags batch labeled-response echo-message
AUTHENTICATE PLAIN
AUTHENTICATE AGFubgBwdw==
NICK ann
USER a 0 * :a
CAP END
REGISTER * * pw
PRIVMSG NickServ :IDENTIFY pw
CS REGISTER #a
"""
OPER = b"""OPER oper mellon
KLINE 10 *@192.0.2.1 :bad
SAMODE #a +s
KILL bob :out
SANICK bob bob2
REHASH
STATS k
WALLOPS :hi
DLINE 198.51.100.0/24
UNDLINE 198.51.100.0/24
"""
SERVER = b"""\
:irc.test CAP * LS :sasl=PLAIN batch server-time
:irc.test CAP ann ACK :batch server-time
:irc.test 001 ann :Welcome
:irc.test 005 ann PREFIX=(ov)@+ CHANMODES=b,k,l,n CASEMAPPING=ascii :are supported
:irc.test 376 ann :End
:ann!a@h JOIN #a
:irc.test 353 ann = #a :@ann +bob
:irc.test 366 ann #a :End
:irc.test 324 ann #a +nk x
:bob!b@h MODE #a -o+v ann ann
:bob!b@h NICK Bob
:irc.test 352 ann #a u h irc.test Bob G*@ :0 Bob
:bob!b@h KICK #a ann :out
:irc.test 433 * ann :in use
PING :x
:bob!b@h QUIT :bye
ERROR :Closing Link
"""

SEEDS = {
    "irc_message": LINES,
    "irc_session": [bytes([how, 9]) + stream for how in range(4) for stream in (TALK, EARLY, b"\r\n".join(LINES), b"GET / HTTP/1.1\r\n")],
    "irc_server": [bytes([who]) + stream for who in range(3) for stream in (TALK, EARLY, OPER)],
    "irc_client": [bytes([how, 9]) + SERVER for how in range(4)],
    "irc_tracker": [b"\0" + SERVER, b"\1" + SERVER],
    "irc_masks": [b"*a?b*\0ab", b"$a:x\0x", b"*!*@192.0.2.0/24\0192.0.2.1", b"a\\*b\0a*b"],
    "irc_modes": [b"+ovb-k+l\0bob\0ann\0*!*@x\0key\0 5", b"bbeI", b"++--n+"],
    "irc_text": [b"\x20hello world \xc3\xa9\xf0\x9f\x98\x80 hello", b"\x04" + "\u4e2d".encode() * 40],
    "irc_explain": [b"\0" + TALK + OPER, b"\0" + EARLY, b"\1" + SERVER, b"\1" + b"\r\n".join(LINES) + b"\r\n"],
}


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    """``data`` in pieces of ``size`` bytes; at once where that is 0."""
    size = size or max(1, len(data))
    return (data[at : at + size] for at in range(0, len(data), size))


# --- messages

# Modern IRC, Message Format, as one pattern.
MESSAGE = re.compile(r"(?:@([^ ]*) +)? *(?::([^ ]*) +)?([A-Za-z]+|[0-9]{3})((?: +[^: ][^ ]*)*)(?: +:(.*)| *)", re.DOTALL)


def fuzz_irc_message(data: bytes) -> None:
    """A line is read as the grammar has it, or refused; what was read says the same written and read again."""
    text = data.decode("utf-8", "replace")
    reference = MESSAGE.fullmatch(text) if not re.search("[\r\n\0]", text) else None
    try:
        message = Message.parse(text)
    except RemoteProtocolError:
        assert reference is None, "refused, and the grammar has it"
        return
    assert reference, "read, and the grammar hasn't it"
    params = [word for word in reference[4].split(" ") if word]
    assert message.params == params + ([] if reference[5] is None else [reference[5]])
    assert message.command == reference[3].upper()
    assert message.source == (reference[2] or "")
    assert set(message.tags) <= {one.partition("=")[0] for one in (reference[1] or "").split(";")}
    line = message.encode()
    assert line.count(b"\r") == line.count(b"\n") == 1
    if len(message.body()) < 509:  # else it ends where the line must
        assert Message.parse(line.decode().removesuffix("\r\n")) == message
    parse_source(message.source)


def fuzz_irc_text(data: bytes) -> None:
    """The first byte is the room: pieces hold the whole text, each fits, and no character is parted."""
    room, text = (data[0] % 64 + 4, data[1:].decode("utf-8", "replace")) if data else (4, "")
    pieces = split_text(text, 512 - room)
    assert all(0 < len(piece.encode()) <= room for piece in pieces)
    assert "".join(pieces).replace(" ", "") == re.sub("[ \r\n]", "", text)
    assert text.startswith(cut(text, room))
    for fold in CASEMAPPINGS.values():
        assert fold(fold(text)) == fold(text)


# --- sessions


class Pump:
    """A server's session and a pump that takes all that it says; ``how`` has commands wait for verdicts, and be counted."""

    def __init__(self, how: int) -> None:
        limits = ServerLimits(burst=math.inf if how & 1 else 20.0, receive_queue=2000)
        self.how = how
        self.session = ServerSession(lambda: None, limits)
        self.session.receive(b"", 0.0)
        self.told: list[Any] = []
        self.said = b""

    def pieces(self, pieces: Iterable[bytes]) -> Pump:
        session = self.session
        for piece in pieces:
            events = session.receive(piece, 0.0)
            while events:
                assert len(events) == 1, "one event a call"
                self.told += events
                if type(events[0]) is Message:
                    self.answer(events[0])
                events = session.receive(b"", 0.0)
            for segment in session.data_to_send():
                assert isinstance(segment, bytes) or segment in (FINISH, ABORT)
                self.said += segment if isinstance(segment, bytes) else b""
            assert len(session._input) <= 2000 + LONGEST + len(piece), "more is kept than may be"
            assert session._dropped <= ENDLESS + LONGEST + (1 << 20)
        return self

    def answer(self, message: Message) -> None:
        if message.command == "USER":
            self.session.registered()
        if message.command == "QUIT":
            self.session.close("Quit")
        if self.how & 2:
            self.session.hold()
            assert self.session.receive(b"", 0.0) == (), "an event while a verdict is awaited"
            self.session.release()
        self.session.queue(b"x\r\n")


def fuzz_irc_session(data: bytes) -> None:
    """The first byte says how, the second where the rest is split: in any pieces the same is understood, and said."""
    if len(data) < 2:
        return
    how, split, stream = data[0], data[1], data[2:]
    whole = Pump(how).pieces([stream])
    if how & 1:  # where commands wait for their time, how much waits at once depends on the pieces
        for pieces in (in_pieces(stream, 1), (stream[:split], stream[split:])):
            other = Pump(how).pieces(pieces)
            assert str(whole.told) == str(other.told), "in other pieces, something else was understood"
            assert whole.said == other.said, "in other pieces, something else was said"
    else:
        Pump(how).pieces(in_pieces(stream, split))
    for pump in (whole,):
        session = pump.session
        pump.told += [*session.receive_eof(1.0), *session.tick(1000.0), *session.receive(b"", 1000.0)]
        assert sum(isinstance(event, Ended) for event in pump.told) <= 1


LEGAL = re.compile(r"(?:@[^ \r\n\0]+ )?(?::[^ \r\n\0]+ )?(?:[A-Z]+|[0-9]{3})(?: [^\r\n\0]*)?")


def fuzz_irc_server(data: bytes) -> None:
    """The first byte says who speaks: nobody yet, a user, an operator. Whatever they say, the server lives, and says nothing illegal."""
    if not data:
        return
    net = Net(config=CONFIG)
    bob = net.join("bob", channels="#a,#b")
    bob.says("MODE #b +ks key")
    talk: Client = net.connect() if data[0] % 3 == 0 else net.join("ann", caps="message-tags batch labeled-response")
    if data[0] % 3 == 2:
        talk.says("OPER oper mellon")
    for piece in in_pieces(data[1:], 1 + data[0]):
        if talk.gone or talk.over:
            break
        talk.sends(piece)
    for one in (bob, talk):
        for line in one.heard():
            assert LEGAL.fullmatch(line), line
            assert len(line.removeprefix(line[: line.index(" ") + 1] if line[0] == "@" else "").encode()) <= 510, line
    if not talk.over:
        talk.leaves()
    net.passes(1)
    everyone = {user.key for user in net.world.users.values()}
    for channel in net.world.channels.values():
        assert channel.members, "a channel without a member"
        assert {user.key for user in channel.members} <= everyone, "a member who is gone"


def fuzz_irc_client(data: bytes) -> None:
    """The first byte says how, the second where the rest is split: in any pieces the same is understood; nothing is raised."""
    if len(data) < 2:
        return
    how, split, stream = data[0], data[1], data[2:]
    told = []
    for pieces in ((stream,), in_pieces(stream, 1), (stream[:split], stream[split:])):
        session = ClientSession(Identity("ann", others=("ann2",)), secure=bool(how & 1), login=None)
        events: list[Any] = []
        said = b""
        for piece in pieces:
            some = list(session.receive(piece, 0.0))
            while some:
                events += some
                some = list(session.receive(b"", 0.0))
            said += b"".join(segment for segment in session.data_to_send() if isinstance(segment, bytes))
        for line in said.split(b"\r\n")[:-1]:
            assert LEGAL.fullmatch(line.decode()), line
        told.append(str(events))
    assert told[0] == told[1] == told[2], "in other pieces, something else was understood"


def fuzz_irc_tracker(data: bytes) -> None:
    """Whatever a server says, who is where is kept without contradiction: who is in a channel is known, and who is known is somewhere."""
    tracker = Tracker("ann")
    for line in data[1:].split(b"\n"):
        try:
            message = Message.parse(line.removesuffix(b"\r").decode("utf-8", "replace"))
        except RemoteProtocolError:
            continue
        tracker.follow(message)
        for name, channel in tracker.channels.items():
            assert channel.members.keys() <= tracker.users.keys(), f"nobody is in {name}"
            assert len(tracker.nicks(name)) == len(channel.members)


# --- masks and modes


def fuzz_irc_masks(data: bytes) -> None:
    """A mask and a name, parted by NUL: a pattern matches as one written from its parts does, and completing is done once."""
    mask, _, name = data[:400].decode("utf-8", "replace").partition("\0")
    assert complete(complete(mask)) == complete(mask)
    Mask(mask).matches(_Someone(name))
    if "\\" not in mask and len(mask) < 40:
        pattern = "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in re.sub(r"\*+", "*", mask))
        if pattern.count(".*") < 5:
            folded = CASEMAPPINGS["ascii"]
            reference = re.fullmatch(folded(pattern) if pattern.isascii() else pattern, folded(name), re.DOTALL)
            assert not mask.isascii() or Glob(mask).matches(name) is (reference is not None)


class _Someone:
    def __init__(self, name: str) -> None:
        self.nick = self.user = self.host = self.real_host = self.ip = self.account = name


def fuzz_irc_modes(data: bytes) -> None:
    """Letters and arguments, parted by NUL: what is read is written so that it is read as the same."""
    letters, *arguments = data.decode("utf-8", "replace").split("\0")
    reading = read(letters, arguments)
    # (Whoever sends -k puts a key behind it: `verbs.mode`.)
    legal = [
        change
        for change in reading.changes
        if (change.argument is None and change.letter != "k") or re.fullmatch("[^: ][^ ]{0,60}", change.argument or "")
    ]
    said = list(write(legal, 400))
    again = [change for words in said for change in read(words[0], words[1:]).changes]
    assert all(len(words) <= MAXMODES + 1 for words in said)
    assert [change for change in again if change.argument is not None] == [change for change in legal if change.argument is not None]


# --- the explanation


def fuzz_irc_explain(data: bytes) -> None:
    """The first byte is the side: parts lie edge to edge, and a line is said to be broken where the parser refuses it."""
    if not data:
        return
    side, stream = ("server" if data[0] & 1 else "client"), data[1:]
    parts = explain(stream, "server" if data[0] & 1 else "client")
    assert tiles(parts, stream)
    as_text(conceal(stream, parts), parts, width=100)
    broken = {part.group for part in parts if part.kind == "malformed"}
    for number, line in enumerate(stream.split(b"\n")[:-1], 1):
        text = line.removesuffix(b"\r").decode("utf-8", "surrogateescape")
        try:
            Message.parse(text)
        except RemoteProtocolError:
            assert not text.strip(" ") or f"message {number}" in broken or len(broken) == 1 or stream.startswith(b"\x16\x03"), side
    try:
        Message("X", [stream.decode("utf-8", "replace")]).encode()
    except LocalProtocolError:
        assert re.search(rb"[\r\n\0]", stream)
