"""The program that the tests put behind each Telnet server, on its pseudo-terminal: it tells what it sees, when asked by a line.

    size          columns and rows of its terminal, as ``= size 80x24``; again whenever they change
    name          the terminal's name, as ``= name xterm``
    modes         how lines are read, as ``= modes icanon echo``
    variable X    what the environment has, as ``= variable X=value``
    say TEXT      the same text, as ``= said TEXT``
    wait          ``= waiting`` until it is interrupted, and then ``= interrupted``
    get SIZE XX   ``go``, a line's end and ``SIZE`` bytes of `payload`, the terminal being raw; then ``= got``; XX, if given,
                  are the bytes that it is to be without, in hexadecimal
    put SIZE      ``go``, a line's end; takes as many bytes, the terminal being raw, and tells their checksum, as ``= sum …``
    quit          the end

Begins with the line ``= ready``. Uses the terminal it is started on, and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sys
import termios
import tty

__all__ = ["checksum", "payload"]

CHUNK = 4096


def payload(size: int, without: bytes = b"") -> bytes:
    """Bytes as a file may have them, the same for each size: all values, and in plenty those that Telnet gives a meaning of their own.

    In place of those ``without`` which it is to be there are A's.
    """
    chance = random.Random(size)
    special = [b"\xff", b"\xff\xff", b"\r\n", b"\r\0", b"\r", b"\n", b"\0", b"\xff\xf4", b"\xff\xfd\x01", b"\xff\xfa\x18\x01\xff\xf0"]
    parts = [bytes(range(256))]
    while sum(map(len, parts)) < size:
        parts += [*chance.choices(special, k=200), chance.randbytes(10_000)]
    data = b"".join(parts)[:size]
    return data.translate(bytes.maketrans(without, b"A" * len(without)))


def checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def raw(size: int, given: bytes) -> bytes:
    """Give ``given`` and take ``size`` bytes with a raw terminal; ``go`` says that it is."""
    before = termios.tcgetattr(0)
    tty.setraw(0, termios.TCSADRAIN)  # what is typed ahead is kept
    try:
        write(b"go\n" + given)
        taken = bytearray()
        while len(taken) < size and (data := os.read(0, min(CHUNK, size - len(taken)))):
            taken += data
        return bytes(taken)
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


def size() -> str:
    columns, rows = os.get_terminal_size(0)
    return f"= size {columns}x{rows}"


def answer(word: str, rest: str) -> str:
    flags = termios.tcgetattr(0)[3]
    match word:
        case "size":
            return size()
        case "name":
            return f"= name {os.environ.get('TERM')}"
        case "modes":
            return " ".join(["= modes", *(name for name in ("ICANON", "ECHO") if flags & getattr(termios, name))]).lower()
        case "variable":
            return f"= variable {rest}={os.environ.get(rest)}"
        case "say":
            return f"= said {rest}"
        case "wait":
            try:
                print("= waiting", flush=True)
                while True:
                    signal.pause()
            except KeyboardInterrupt:
                return "= interrupted"
        case "get":
            number, _, without = rest.partition(" ")
            raw(0, payload(int(number), bytes.fromhex(without)))
            return "= got"
        case "put":
            return f"= sum {checksum(raw(int(rest), b''))}"
        case _:
            return f"= what is {word!r}?"


def main() -> None:
    signal.signal(signal.SIGWINCH, lambda number, frame: write(f"{size()}\n".encode()))  # print may be under way
    print("= ready", flush=True)
    for line in sys.stdin:
        word, _, rest = line.strip("\r\n").partition(" ")
        if word == "quit":
            break
        print(answer(word, rest), flush=True)


if __name__ == "__main__":
    main()
