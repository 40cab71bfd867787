"""Our own client and bots: what others try to make them do, what a server may say, and what we can't make them say (rows 4, 10)."""

from __future__ import annotations

import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hostile.irc_wire import Host, hosting
from tests.hostile.test_irc_commands import TRICKS
from tests.processes import Program
from wirespeak.errors import LocalProtocolError, RemoteProtocolError
from wirespeak.irc import BlockingClient, Event


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with hosting() as host:
        yield host


# --- what can't be said


@pytest.mark.parametrize("bad", ["a\r\nQUIT :x", "a\nQUIT :x", "a\rQUIT :x", "a\0b"])
def test_our_api_raises_before_a_byte_is_written(host: Host, bad: str) -> None:
    with host.meet("ann") as ann, BlockingClient.connect(f"127.0.0.1:{host.address[1]}", "bob") as bob:
        for call in (
            lambda: bob.say("ann", bad),
            lambda: bob.act("ann", bad),
            lambda: bob.send("PRIVMSG", "ann", bad),
            lambda: bob.send("PRIVMSG", bad, "x"),
            lambda: bob.send(bad),
            lambda: bob.join(f"#{bad}"),
            lambda: bob.nick_to(bad),
            lambda: bob.kick("#room", bad),
            lambda: bob.mode("#room", "+b", bad),
            lambda: bob.away(bad),
            lambda: bob.topic("#room", bad),
            lambda: bob.ctcp("ann", "PING", bad),
        ):
            with pytest.raises(LocalProtocolError):
                call()
        bob.say("ann", "fine")
        assert [line.rpartition(" ")[2] for line in ann.until("PRIVMSG")] == [":fine"]


BOT = r"""
import sys
from wirespeak.irc import Bot
bot = Bot("dora")

@bot.command
def echo(call, *words):
    return " ".join(words) + "\r\nQUIT :gone\nPRIVMSG #room :forged\r"

@bot.command
def fail(call):
    raise ValueError("a fault of the bot's author")

bot.run(sys.argv[1], channels=["#room"])
"""


def test_a_bot_accepts_nothing_and_answers_little(host: Host, start: Callable[..., Program], tmp_path: Path) -> None:
    with host.meet("ann") as ann:
        ann.joins("#room")
        dora = start([sys.executable, "-c", BOT, f"127.0.0.1:{host.address[1]}"], cwd=tmp_path)
        ann.until(":dora!.* JOIN ")
        for number in range(10):
            ann.says(*(f"PRIVMSG dora :{text}" for text in TRICKS), f"PRIVMSG dora :\x01PING {number}\x01", "NOTICE dora :\x01VERSION\x01")
        ann.says("NOTICE dora :echo x", "NOTICE #room :!echo x", "PRIVMSG dora :fail", "PRIVMSG dora :echo hello \x02there")
        heard = ann.until(":dora!.* ann :.*forged")
        answers = [line for line in heard if re.match(":dora!.* (NOTICE|PRIVMSG) ann :\x01", line)]
        assert 1 <= len(answers) <= 5
        assert all(" NOTICE " in line for line in answers)
        commands = [line.partition(" :")[0] for line in heard if line.startswith(":dora!")]
        assert not [command for command in commands if "DCC" in command or " QUIT" in command or "#room" in command]
        assert sum("hello" in line for line in heard) == 1
        assert list(tmp_path.iterdir()) == []
        assert dora.process.poll() is None


# --- a server that says what no server says


@contextmanager
def saying(*pieces: bytes) -> Iterator[str]:
    """A server that welcomes whoever comes, and then says ``pieces``."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        wire, _ = listener.accept()
        with wire:
            heard = b""
            while b"USER " not in heard:
                heard += wire.recv(65536)
            wire.sendall(b":irc.test 001 bob :Welcome\r\n:irc.test 422 bob :No message of the day\r\n")
            try:
                for piece in pieces:
                    wire.sendall(piece)
                wire.sendall(b":ann!a@h PRIVMSG bob :over\r\n")
                while (heard := wire.recv(65536)) and b"QUIT" not in heard:
                    pass
            except OSError:
                pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        thread.join(30)
        listener.close()
    assert not thread.is_alive()


GARBAGE = [
    b"\r\n\n\r\n \r\n",
    b"\xff\xfe\xfd\r\n:\xff!\xff@\xff PRIVMSG bob :\xff\r\n",
    b":\r\n@\r\n:a\r\n@a\r\n@a :b\r\n",
    b"005\r\n:x 005\r\n:irc.test 005 bob PREFIX= CHANMODES= CASEMAPPING=x NICKLEN= =\r\n:x 005 bob PREFIX=(ov)@ CHANMODES=,,,,,,\r\n",
    b"".join(
        b":irc.test %03d\r\n:irc.test %03d bob\r\n:irc.test %03d bob #a\r\n:irc.test %03d bob #a :x\r\n" % ((n,) * 4)
        for n in range(2, 1000)
    ),
    b"".join(
        b"%b\r\n:x %b\r\n:bob!b@h %b\r\n:bob!b@h %b :\r\n:bob!b@h %b #a b c d\r\n" % ((command,) * 5)
        for command in (
            b"JOIN",
            b"PART",
            b"KICK",
            b"MODE",
            b"TOPIC",
            b"INVITE",
            b"ACCOUNT",
            b"CHGHOST",
            b"AWAY",
            b"SETNAME",
            b"BATCH",
            b"CAP",
        )
    ),
    b":bob!b@h NICK\r\n:bob!b@h NICK :\r\n:ann!a@h NICK bob\r\n:bob!b@h NICK bob\r\n",
    b"PING\r\nPING :\r\nPING a b c\r\nAUTHENTICATE\r\nAUTHENTICATE +\r\nAUTHENTICATE !!!\r\nPONG\r\n",
    b"@" + b";".join(b"t%d=x" % n for n in range(500)) + b" :a!b@c PRIVMSG bob :tags\r\n",
    b":ann!a@h PRIVMSG bob :" + b"x" * 480 + b"\r\n",
    b"BATCH +a x\r\nBATCH +a x\r\nBATCH -b\r\n@batch=zz PRIVMSG bob :x\r\nBATCH +b\r\n",
    b"".join(b"BATCH +b%d netsplit\r\n" % n for n in range(3000)),
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_got_over(garbage: bytes) -> None:
    with saying(garbage) as place, BlockingClient.connect(place, "bob") as bob:
        for event in bob:
            if isinstance(event, Event) and event.text == "over":
                break
        else:
            raise AssertionError("what came behind the garbage was not heard")


def hear_all(place: str) -> None:
    """Come, and hear all that is said."""
    with BlockingClient.connect(place, "bob") as bob:
        for event in bob:
            assert not isinstance(event, Event) or len(event.text) < 65536


@pytest.mark.parametrize("endless", [b"x" * 65536, b"@" + b"t" * 65535, b":ann!a@h PRIVMSG bob :" + b"y" * 60_000])
def test_a_line_without_end_is_not_kept(endless: bytes) -> None:
    with saying(*[endless] * 300) as place, pytest.raises(RemoteProtocolError):
        hear_all(place)
