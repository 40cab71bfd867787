"""Loads for IRC: a channel in which one talks and all others hear it, and connections that register and stay.

    python -m bench.irc_load channel PORT MEMBERS    so many members and one more, who talks
    python -m bench.irc_load hold PORT COUNT         so many connections, registered some at a time

Connects to loopback. Says as JSON what came about; ``channel`` then reads lines ``MESSAGES BURST`` and tells what each did, and ``hold``
tells, once its input ends, how many connections the server has left open. Of a burst all messages go out in one write, and the
next follows when everyone has heard them all: byte for byte what was said, in order.
"""

from __future__ import annotations

import json
import random
import resource
import select
import socket
import sys
import time
from collections.abc import Iterator

LIMIT = 60.0  # seconds in which nothing comes, then the server is held to have failed
PIECE = 1 << 16
AT_ONCE = 8  # connecting at a time: ngircd has a backlog of ten, past which the kernel lets a client wait for seconds
PAUSE = 0.02  # seconds that these are waited for, then more come: InspIRCd looks once a second at who wants to be registered
JOINING = 20  # joining at a time: each is told to all who are there
SOURCES = 100  # loopback addresses they come from, so that neither ports nor a limit per client stand in the way
CHANNEL = b"#bench"

# Modern IRC, RPL_ENDOFMOTD, ERR_NOMOTD: the end of the welcome. RPL_ENDOFNAMES: that of a JOIN's answer.
WELCOMED = (b" 376 ", b" 422 ")
JOINED = (b" 366 ",)

# What people say: mostly a few words, now and then a long line.
LENGTHS = (3, 8, 12, 20, 25, 33, 40, 52, 60, 71, 80, 95, 110, 140, 180, 300)


def texts() -> list[bytes]:
    """Lines of `LENGTHS`, the same in every run."""
    words = random.Random(1)
    return [b"%s." % bytes(words.choices(b"abcdefghijklmnopqrstuvwxyz  ", k=length)).strip() for length in LENGTHS]


class Crowd:
    """Connections to one server, by their descriptors; what came on each and has not been looked at yet is kept."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socks: dict[int, socket.socket] = {}
        self.came: dict[int, bytes] = {}
        self.poll = select.epoll()

    def connect(self, number: int) -> int:
        """One more, which asks to be registered."""
        sock = socket.socket()
        # The port is then chosen at connect, where only the pair of addresses must be unique (ip(7)).
        sock.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24), 1)
        sock.bind((f"127.0.0.{2 + number % SOURCES}", 0))
        sock.settimeout(LIMIT)
        sock.connect(("127.0.0.1", self.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(b"NICK m%d\r\nUSER m%d 0 * :member %d\r\n" % ((number,) * 3))
        fd = sock.fileno()
        self.socks[fd], self.came[fd] = sock, b""
        self.poll.register(fd, select.EPOLLIN)
        return fd

    def hear(self, patience: float = LIMIT) -> Iterator[tuple[int, bytes]]:
        """What comes next, and on which; nothing where ``patience`` is over, in seconds."""
        ready = self.poll.poll(patience)
        if not ready and patience == LIMIT:
            raise SystemExit(f"nothing came for {LIMIT:g} s")
        for fd, _ in ready:
            data = self.socks[fd].recv(PIECE)
            if not data:
                raise SystemExit(f"the server ended a connection after {self.came.get(fd, b'')[-200:]!r}")
            yield fd, data

    def await_all(self, waiting: set[int], ends: tuple[bytes, ...], patience: float = LIMIT) -> None:
        """Until the lines with one of ``ends`` have come on each of ``waiting``, which is emptied; or nothing has for a while."""
        while waiting:
            heard = list(self.hear(patience))
            if not heard:
                return
            for fd, data in heard:
                came = self.came[fd] + data
                if fd in waiting and any(end in came for end in ends) and came.endswith(b"\n"):
                    waiting.discard(fd)
                    came = b""
                # Of the rest only the end matters, in which what is looked for may have begun.
                self.came[fd] = came if fd in waiting else came[-200:]

    def register(self, count: int) -> None:
        waiting: set[int] = set()
        for first in range(0, count, AT_ONCE):
            waiting.update(map(self.connect, range(first, min(first + AT_ONCE, count))))
            self.await_all(waiting, WELCOMED, PAUSE)
        self.await_all(waiting, WELCOMED)

    def join(self) -> None:
        every = list(self.socks)
        for first in range(0, len(every), JOINING):
            some = every[first : first + JOINING]
            for fd in some:
                self.socks[fd].sendall(b"JOIN %s\r\n" % CHANNEL)
            self.await_all(set(some), JOINED)


class Channel:
    """A channel of so many members who listen, and one who talks."""

    def __init__(self, port: int, members: int) -> None:
        self.crowd = Crowd(port)
        self.start = time.monotonic()
        self.crowd.register(members + 1)
        *self.members, self.talker = self.crowd.socks
        self.crowd.join()
        self.source = self._learn_source(members)
        self.texts = texts()

    def _learn_source(self, number: int) -> bytes:
        """By what name the talker's lines come. Once it has told all so, they have nothing else waiting."""
        mark = b"m%d!" % number
        self.crowd.came = dict.fromkeys(self.crowd.came, b"")
        self.crowd.socks[self.talker].sendall(b"PRIVMSG %s :mark\r\n" % CHANNEL)
        waiting = set(self.members)
        while waiting:
            for fd, data in self.crowd.hear():
                self.crowd.came[fd] += data
                if self.crowd.came[fd].endswith(b":mark\r\n"):
                    waiting.discard(fd)
        line = self.crowd.came[self.members[0]].splitlines()[-1]
        if not line.startswith(b":" + mark):
            raise SystemExit(f"expected a line of {mark!r}, not {line!r}")
        return line.split(b" ", 1)[0]

    def say(self, messages: int, burst: int) -> dict[str, float]:
        """So many messages, ``burst`` at a time. A unit is a message that one member has heard."""
        talker, times = self.crowd.socks[self.talker], []
        start = time.monotonic()
        for first in range(0, messages, burst):
            some = [self.texts[number % len(self.texts)] for number in range(first, first + burst)]
            expected = b"".join(b"%s PRIVMSG %s :%s\r\n" % (self.source, CHANNEL, text) for text in some)
            begun = time.monotonic()
            talker.sendall(b"".join(b"PRIVMSG %s :%s\r\n" % (CHANNEL, text) for text in some))
            self._all_hear(expected)
            times.append(time.monotonic() - begun)
        times.sort()
        return {
            "units": len(times) * burst * len(self.members),
            "seconds": time.monotonic() - start,
            "p50": times[len(times) // 2] * 1e3,
            "p99": times[len(times) * 99 // 100] * 1e3,
        }

    def _all_hear(self, expected: bytes) -> None:
        left = len(self.members)
        begun: dict[int, bytes] = {}
        while left:
            for fd, data in self.crowd.hear():
                if data != expected:
                    data = begun[fd] = begun.get(fd, b"") + data
                    if not expected.startswith(data):
                        raise SystemExit(f"{data[-200:]!r} came, and not what was said")
                    if len(data) < len(expected):
                        continue
                left -= 1


def channel(port: int, members: int) -> None:
    room = Channel(port, members)
    print(json.dumps({"units": members, "seconds": time.monotonic() - room.start}), flush=True)
    for line in sys.stdin:
        messages, burst = map(int, line.split())
        print(json.dumps(room.say(messages, burst)), flush=True)


def hold(port: int, count: int) -> None:
    crowd = Crowd(port)
    start = time.monotonic()
    crowd.register(count)
    print(json.dumps({"units": count, "seconds": time.monotonic() - start}), flush=True)
    sys.stdin.read()
    print(sum(map(is_open, crowd.socks.values())), flush=True)


def is_open(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return bool(sock.recv(PIECE))
    except BlockingIOError:
        return True
    except OSError:
        return False


LOADS = {"channel": channel, "hold": hold}

if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    LOADS[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))
