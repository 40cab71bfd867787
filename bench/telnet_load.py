"""Loads for Telnet: a file one way or the other, visits up to the first prompt, and visitors that stay and say nothing.

    python -m bench.telnet_load out|in PORT SIZE     the file comes from the program behind the server, or goes to it
    python -m bench.telnet_load prompt PORT COUNT    so many visits, one after the other
    python -m bench.telnet_load hold PORT COUNT      so many at a time, until standard input ends

Connects to loopback and prints what it did as JSON. Behind the server stands bench/telnet_program.sh. This end answers as a terminal
does: it lets the server echo, tells size and name, and has BINARY both ways, so that IAC alone is doubled (RFC 856). What comes must
be what was sent, byte for byte; the program tells whether that holds of what went.
"""

from __future__ import annotations

import json
import random
import re
import resource
import socket
import sys
import time

LIMIT = 140.0  # seconds, then the server is held to have failed
PIECE = 1 << 16
MEGABYTE = 1_000_000

IAC, SE, SB, WILL, WONT, DO, DONT = 255, 240, 250, 251, 252, 253, 254
BINARY, ECHO, SGA, TTYPE, NAWS = 0, 1, 3, 24, 31
OURS, THEIRS = {BINARY, SGA, TTYPE, NAWS}, {BINARY, ECHO, SGA}
"""The options that are agreed to, on either side."""

COMMAND = re.compile(rb"\xff(?:([\xfb-\xfe])(.)|\xfa(.)((?:[^\xff]|\xff\xff)*)\xff\xf0|([\xf0-\xf9]))", re.DOTALL)
PROMPT = b"ready"


def pattern() -> bytes:
    """A megabyte (1,000,000 bytes) of a file that is compressed already: each byte is as likely as any other, so one in 256 is IAC."""
    return random.Random(1).randbytes(MEGABYTE)


class Visit:
    """A connection, negotiated until the program's prompt has come."""

    def __init__(self, port: int, *, transparent: bool) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), LIMIT)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ours: set[int] = set()
        self.theirs: set[int] = set()
        self.rest = b""
        if transparent:
            self.ours.add(BINARY)
            self.theirs.add(BINARY)
            self.sock.sendall(bytes((IAC, WILL, BINARY, IAC, DO, BINARY)))

    def negotiate_until(self, end: bytes) -> None:
        """Answer what is asked until ``end`` has come; what came behind that is kept."""
        came = self.rest
        while (place := came.find(end)) < 0:
            data = self.sock.recv(PIECE)
            if not data:
                raise SystemExit(f"the server ended; {end!r} had not come, but {came[-200:]!r}")
            came += data
            if end not in came:
                came = COMMAND.sub(self.answer, came)  # one that is cut is looked at again with what follows
        COMMAND.sub(self.answer, came[:place])
        self.rest = came[place + len(end) :]

    def answer(self, command: re.Match[bytes]) -> bytes:
        verb, option, about, said, _ = command.groups()
        if verb is not None:
            self.agree(verb[0], option[0])
        elif about == bytes((TTYPE,)) and said[:1] == b"\1":
            self.sock.sendall(bytes((IAC, SB, TTYPE, 0)) + b"XTERM" + bytes((IAC, SE)))
        return b""

    def agree(self, verb: int, option: int) -> None:
        if verb in (WONT, DONT):
            return
        agreed, known, yes, no = (self.ours, OURS, WILL, WONT) if verb == DO else (self.theirs, THEIRS, DO, DONT)
        if option in agreed:
            return  # it was said already (RFC 1143)
        if option in known:
            agreed.add(option)
        self.sock.sendall(bytes((IAC, yes if option in known else no, option)))
        if (verb, option) == (DO, NAWS):
            self.sock.sendall(bytes((IAC, SB, NAWS, 0, 80, 0, 24, IAC, SE)))


def take(port: int, size: int) -> dict[str, float]:
    """The file comes."""
    visit = Visit(port, transparent=True)
    visit.negotiate_until(PROMPT)
    whole = pattern()
    escaped = memoryview(whole.replace(b"\xff", b"\xff\xff") * 2)
    period = len(escaped) // 2
    total = period * (size // len(whole))
    visit.sock.sendall(b"out %d\r" % (size // len(whole)))
    visit.negotiate_until(b"go\n")
    start = time.monotonic()
    received = 0
    data = visit.rest
    while True:
        place = received % period
        if escaped[place : place + len(data)] != data:
            raise SystemExit(f"after {received} bytes came {bytes(data[:100])!r}, not what the program sent")
        received += len(data)
        if received >= total:
            break
        data = visit.sock.recv(min(PIECE, total - received))
        if not data or time.monotonic() - start > LIMIT:
            raise SystemExit(f"{received} of {total} bytes came")
    return {"units": size // MEGABYTE, "seconds": time.monotonic() - start}


def give(port: int, size: int) -> dict[str, float]:
    """The file goes."""
    visit = Visit(port, transparent=True)
    visit.negotiate_until(PROMPT)
    whole = pattern()
    escaped = whole.replace(b"\xff", b"\xff\xff")
    repeats = size // len(whole)
    visit.sock.sendall(b"in %d\r" % (repeats * len(whole)))
    visit.negotiate_until(b"go\n")
    start = time.monotonic()
    for _ in range(repeats):
        visit.sock.sendall(escaped)
        if time.monotonic() - start > LIMIT:
            raise SystemExit("the server is too slow")
    # Only if as many bytes were read as were sent is this the next line, and the answer.
    visit.sock.sendall(b"parrot\n")
    visit.rest = b""
    visit.negotiate_until(b"read parrot")
    return {"units": size // MEGABYTE, "seconds": time.monotonic() - start}


def prompt(port: int, count: int) -> dict[str, float]:
    """From the connect until the prompt has come; and then good-bye."""
    times = []
    start = time.monotonic()
    for _ in range(count):
        begun = time.monotonic()
        visit = Visit(port, transparent=False)
        visit.negotiate_until(PROMPT)
        times.append(time.monotonic() - begun)
        visit.sock.sendall(b"quit\r\n")
        while visit.sock.recv(PIECE):
            pass
        visit.sock.close()
    times.sort()
    return {
        "units": count,
        "seconds": time.monotonic() - start,
        "p50": times[len(times) // 2] * 1e3,
        "p99": times[len(times) * 99 // 100] * 1e3,
    }


def hold(port: int, count: int) -> dict[str, float]:
    """As hold.py: says how many are held, and in the end how many still are."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    visits = []
    for _ in range(count):
        visit = Visit(port, transparent=False)
        visit.negotiate_until(PROMPT)
        visits.append(visit)
    print(len(visits), flush=True)
    sys.stdin.read()
    held = sum(map(is_open, visits))
    print(held, flush=True)
    return {"units": held, "seconds": 0.0}


def is_open(visit: Visit) -> bool:
    visit.sock.setblocking(False)
    try:
        return bool(visit.sock.recv(PIECE))
    except BlockingIOError:
        return True
    except OSError:
        return False


LOADS = {"out": take, "in": give, "prompt": prompt, "hold": hold}

if __name__ == "__main__":
    done = LOADS[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))
    if sys.argv[1] != "hold":
        print(json.dumps(done))
