"""A server made of a program: each connection is given to one, as its standard input and output, as inetd does.

    python3 -m scripts.inetd PORT COMMAND …

So are servers started that do not listen themselves, such as telnetd: by the tests and by the benchmark. Listens on loopback, in
one process that does nothing else; says ``listening`` once it does. The programs end with their connections, and with it.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

__all__ = ["main"]

BACKLOG = 1024


def main(arguments: list[str]) -> None:
    """Serve until it is ended (SIGTERM)."""
    port, *command = arguments
    signal.signal(signal.SIGCHLD, lambda number, frame: reap())
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    with socket.create_server(("127.0.0.1", int(port)), backlog=BACKLOG) as listener:
        print("listening", flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:
                end = connection.fileno()
                running.append(subprocess.Popen(command, stdin=end, stdout=end, stderr=end))


running: list[subprocess.Popen[bytes]] = []


def reap() -> None:
    """Forget the programs that have ended; so the system does, and their time is counted as ours."""
    running[:] = [program for program in running if program.poll() is None]


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    finally:
        for program in running:
            program.terminate()
