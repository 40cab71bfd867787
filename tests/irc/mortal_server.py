"""An IRC server for `test_kill.py`: forked anew for each line of input, so that starting it takes no time, and killed each time.

Run as ``python -m tests.irc.mortal_server FILE``, the file of accounts. A line says before which of its commits and answers the server
kills itself, 0 for never (then somebody else does). It writes the server's port and process id, and ``killed`` once that is gone.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wirespeak.irc import books, server
from wirespeak.irc.accounts import AccountSettings
from wirespeak.irc.books import Books
from wirespeak.irc.config import Config, VisitLimits
from wirespeak.irc.store import SqliteStore
from wirespeak.irc.users import User
from wirespeak.sasl.keys import LEAST, ScramKeys

CONFIG = Config(
    name="irc.home.test",
    throttle=False,
    visits=VisitLimits(per_address=0, per_network=0, each_minute=0),
    accounts=AccountSettings(registrations_an_hour=None, failures=None, channels_each=1_000_000),
)


def kill_before_call(number: int) -> None:
    """Have the process killed by itself at the step of that number: before a commit, between it and memory, before an answer."""
    count = itertools.count(1)

    def mortal(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(count) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        return call

    for owner, name in ((SqliteStore, "commit"), (Books, "_put_account"), (books, "_put"), (User, "answer")):
        setattr(owner, name, mortal(getattr(owner, name)))


def main(file: str) -> None:
    # A password's keys take 40 ms of a core by intention, in which nothing of interest here happens.
    ScramKeys.of.__func__.__defaults__ = (LEAST,)  # type: ignore[attr-defined]
    for line in sys.stdin:
        child = os.fork()
        if not child:
            step = int(line)
            if step:
                kill_before_call(step)
            server.serve(
                "127.0.0.1:0",
                config=CONFIG,
                accounts=Path(file),
                on_ready=lambda places: print(places[0], os.getpid(), flush=True),
            )
        os.waitpid(child, 0)
        print("killed", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
