"""Mail given to a program: the mail on its standard input, the addresses as arguments and in its environment, its exit code the answer.

    Pipe(["/usr/bin/maildrop", "-d", "{recipient}"])

No shell has a part in it: ``{recipient}`` and ``{sender}`` stand for one whole argument each, whatever they are made of, and an
address that a program would take for an option is refused. Exit codes are those of ``sysexits.h``, as mail programs have used them
since sendmail. Runs programs, each in a process group of its own, for a limited time.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO, Final

from wirespeak.errors import LocalProtocolError
from wirespeak.smtp.delivery.spool import WRITERS, FileSpool, failure, nameless
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.messages import Reply
from wirespeak.smtp.trace import received, return_path
from wirespeak.smtp.transaction import Outcome, Route, Spool, Transaction
from wirespeak.sockets.threads import Threads

__all__ = ["EXIT_CODES", "Pipe"]

logger = logging.getLogger("wirespeak.smtp")

EXIT_CODES: Final[dict[int, Reply]] = {
    0: Reply(250, "Ok", "2.0.0"),
    64: Reply(554, "Command line usage error", "5.3.0"),  # EX_USAGE
    65: Reply(554, "Data format error", "5.6.0"),  # EX_DATAERR
    66: Reply(554, "Cannot open input", "5.3.0"),  # EX_NOINPUT
    67: Reply(550, "No such user", "5.1.1"),  # EX_NOUSER
    68: Reply(550, "No such host", "5.1.2"),  # EX_NOHOST
    69: Reply(554, "Service unavailable", "5.3.0"),  # EX_UNAVAILABLE
    70: Reply(554, "Internal software error", "5.3.0"),  # EX_SOFTWARE
    71: Reply(451, "System resource problem", "4.3.0"),  # EX_OSERR
    72: Reply(554, "System file missing", "5.3.0"),  # EX_OSFILE
    73: Reply(554, "Cannot create output file", "5.2.0"),  # EX_CANTCREAT
    74: Reply(451, "Input or output error", "4.3.0"),  # EX_IOERR
    75: Reply(451, "Temporary failure", "4.3.0"),  # EX_TEMPFAIL
    76: Reply(554, "Protocol error", "5.5.0"),  # EX_PROTOCOL
    77: Reply(550, "Permission denied", "5.7.0"),  # EX_NOPERM
    78: Reply(554, "Local configuration error", "5.3.5"),  # EX_CONFIG
}
"""What a program that ends with an exit code of ``sysexits.h`` says of a mail, in SMTP's words (RFC 3463)."""

UNKNOWN: Final = Reply(554, "The delivery program failed", "5.3.0")
# Killed, by the time limit or otherwise, or not to be started: that may be mended, so the mail is to be tried again.
NOT_DONE: Final = Reply(451, "The delivery program did not finish", "4.3.0")
NOT_STARTED: Final = Reply(451, "Local configuration error", "4.3.5")

# Programs that run at a time; other mails wait. Each holds a thread, and what a program may take.
RUNNING: Final = Threads(10, "wirespeak-pipe")
# What a program says is kept for the log as far as this; the rest is read and dropped.
MOST_OUTPUT: Final = 4096
# Seconds for the last of its output, once it has ended.
LAST_WORDS: Final = 1.0

PASSED_ON: Final = ("HOME", "USER", "LOGNAME", "TZ", "TMPDIR")
PATH: Final = "/usr/local/bin:/usr/bin:/bin"


class Pipe:
    """Runs ``command`` for each recipient of a mail (`transaction.Delivery`).

    Of its items, ``{recipient}`` and ``{sender}`` are replaced by the addresses; the empty sender of reports is the empty string.
    It finds these variables in its environment and no others but PATH, LANG and where it is at home: SENDER, RECIPIENT,
    ORIGINAL_RECIPIENT (as the client wrote it), CLIENT_ADDRESS, CLIENT_HELO, MAIL_ID, and those of ``environment``. The mail's lines end in
    LF. After ``time_limit`` seconds it is killed with all of its process group, as is what it leaves behind there that can still write.

    Raises `LocalProtocolError` for a command with an address in the middle of an item.
    """

    def __init__(self, command: Sequence[str], *, time_limit: float = 60.0, environment: Mapping[str, str] | None = None) -> None:
        if not command or any("{recipient}" in item or "{sender}" in item for item in command if item not in ("{recipient}", "{sender}")):
            raise LocalProtocolError(f"{list(command)} is no command of a pipe: {{recipient}} and {{sender}} have to be items of their own")
        self._command = tuple(command)
        self._time_limit = time_limit
        self._environment = {"PATH": PATH, "LANG": "C.UTF-8", **{name: os.environ[name] for name in PASSED_ON if name in os.environ}}
        self._environment |= environment or {}

    def open(self, transaction: Transaction, routes: Sequence[Route]) -> FileSpool:
        binary = transaction.sender is not None and transaction.sender.body == "BINARYMIME"
        return FileSpool(nameless, front=return_path(transaction) + received(transaction), unix_lines=not binary)

    async def deliver(self, transaction: Transaction, spool: Spool, routes: Sequence[Route]) -> list[Outcome]:
        assert isinstance(spool, FileSpool), "a mail is delivered by who opened it"
        spool.take()
        try:
            await WRITERS.run(spool.flush, last=True)
            # One after the other: they read the same file.
            return [Outcome(route.recipient, await RUNNING.run(self._give, transaction, spool.fd, route)) for route in routes]
        finally:
            WRITERS.start(spool.close)

    def _give(self, transaction: Transaction, fd: int, route: Route) -> Reply:
        """Run the command for one recipient. Blocks."""
        domain, _, local = route.target.partition("/")
        recipient = str(Mailbox(local, domain))
        mailbox = transaction.sender.mailbox if transaction.sender is not None else None
        sender = "" if mailbox is None else str(mailbox)
        said = {"{recipient}": recipient, "{sender}": sender}
        for item, reply in (("{recipient}", NO_OPTION_TO), ("{sender}", NO_OPTION_FROM)):
            if item in self._command and said[item].startswith("-"):
                return reply
        arguments = [said.get(item, item) for item in self._command]
        peer = transaction.peer
        environment = self._environment | {
            "SENDER": sender,
            "RECIPIENT": recipient,
            "ORIGINAL_RECIPIENT": str(route.recipient.mailbox),
            "CLIENT_ADDRESS": str(peer[0]) if isinstance(peer, tuple) and peer else "",
            "CLIENT_HELO": transaction.hello,
            "MAIL_ID": transaction.id,
        }
        try:
            code, output = _run(arguments, environment, fd, self._time_limit)
        except OSError as error:
            logger.error("%s: %s could not be run: %s", transaction.id, arguments[0], failure(error))
            return NOT_STARTED
        if code != 0:
            how = "was ended" if code is None or code < 0 else f"ended with {code}"
            logger.error("%s: %s %s; it wrote: %r", transaction.id, arguments[0], how, output.decode("utf-8", "replace"))
        return NOT_DONE if code is None or code < 0 else EXIT_CODES.get(code, UNKNOWN)


NO_OPTION_TO: Final = Reply(553, "An address that begins with a hyphen is not taken here", "5.1.3")
NO_OPTION_FROM: Final = Reply(553, "An address that begins with a hyphen is not taken here", "5.1.7")


def _run(arguments: Sequence[str], environment: Mapping[str, str], fd: int, time_limit: float) -> tuple[int | None, bytes]:
    """The exit code (negative for a signal, None where the time ran out), and the beginning of the output. Raises `OSError`."""
    os.lseek(fd, 0, os.SEEK_SET)
    limit = time.monotonic() + time_limit
    process = subprocess.Popen(
        arguments, env=environment, stdin=fd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0, start_new_session=True
    )
    assert process.stdout is not None
    output = bytearray()
    reader = threading.Thread(target=_read, args=(process.stdout, output), daemon=True)
    reader.start()
    reader.join(time_limit)  # until it has closed its output; a program that ends does
    code: int | None = None
    try:
        code = process.wait(max(0.0, limit - time.monotonic()))
    except subprocess.TimeoutExpired:
        _kill(process.pid)
        process.wait()
    if reader.is_alive():
        _kill(process.pid)  # it left something behind that still holds its output
    reader.join(LAST_WORDS)
    return code, bytes(output)


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _read(stream: IO[bytes], output: bytearray) -> None:
    """Read ``stream`` to its end, and keep the beginning."""
    with stream:
        while piece := stream.read(MOST_OUTPUT):
            output += piece[: MOST_OUTPUT - len(output)]
