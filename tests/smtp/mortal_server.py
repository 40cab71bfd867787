"""A mail server for `test_kill.py`: forked anew for each line of input, so that starting it takes no time, and killed each time.

Run as ``python -m tests.smtp.mortal_server FOLDER``. A line says after how many calls that change files the server kills itself, 0
for never (then somebody else does). It writes the server's port and process id, and ``killed`` once that is gone.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from wirespeak.smtp.delivery.maildir import Maildir
from wirespeak.smtp.recipients import Everyone
from wirespeak.smtp.server import serve


def kill_before_call(number: int) -> None:
    """Have the process killed by itself before the call of that number, whichever thread makes it."""
    count = itertools.count(1)

    def mortal(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(count) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        return call

    for name in ("open", "write", "fsync", "rename", "link", "close"):
        setattr(os, name, mortal(getattr(os, name)))


def main(folder: str) -> None:
    for line in sys.stdin:
        server = os.fork()
        if not server:
            calls = int(line)
            if calls:
                kill_before_call(calls)
            serve(Everyone(Maildir(folder)), "127.0.0.1:0", on_ready=lambda places: print(places[0], os.getpid(), flush=True))
        os.waitpid(server, 0)
        print("killed", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
