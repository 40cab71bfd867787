"""The mail log: which mails came from whom, for whom, and what came of them; a line each, off the hot path (``sockets/linelog.py``).

    2026-11-21T17:00:00.123Z mail 192.0.2.7 ESMTPS 3f1c…  from=<ann@away.test> to=<bob@home.test> size=1734 250 2.0.0 Taken as 3f1c…
    2026-11-21T17:00:03.456Z recipient 192.0.2.9 SMTP 77a0…  from=<> to=<who@home.test> 550 5.1.1 <who@home.test>: no such user here

Addresses come from anyone: whatever is no visible ASCII is escaped, and so a line never ends early and no escape sequence reaches
the terminal of who reads it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from wirespeak.smtp.messages import Recipient, Reply
from wirespeak.smtp.trace import protocol
from wirespeak.smtp.transaction import Transaction
from wirespeak.sockets.linelog import LineLog, utc

__all__ = ["Entry", "MailLog", "Step"]

Step = Literal["connect", "hello", "auth", "sender", "recipient", "mail", "protocol"]

# Beyond ASCII's visible ones, the backslash, which begins an escape.
UNSAFE: Final = re.compile(r"[^\x20-\x5b\x5d-\x7e]")


@dataclass(slots=True)
class Entry:
    """A mail that was taken or refused ("mail"), a step before that which was refused, or a broken rule ("protocol").

    ``transaction`` as it stands then; ``recipients`` those it is about, ``user`` who tried to log in.
    """

    when: float
    step: Step
    transaction: Transaction
    reply: Reply
    recipients: tuple[Recipient, ...] = ()
    user: str = ""


class MailLog(LineLog[Entry]):
    """Writes a line a mail, or refusal, to ``file``, a path or a descriptor (`LineLog`). Give it to `SmtpServer`.

    ``format`` is ``text``, or ``json``: an object a line.
    """

    def __init__(self, file: str | os.PathLike[str] | int, format: Literal["text", "json"] = "text") -> None:
        super().__init__(file, _text if format == "text" else _json, "mail log")


def _text(entry: Entry) -> str:
    transaction = entry.transaction
    parts = [utc(entry.when), entry.step, _host(transaction.peer), protocol(transaction), transaction.id or "-"]
    if entry.step == "auth" or transaction.user is not None:
        parts.append(f"user={entry.user or transaction.user}")
    if transaction.sender is not None:
        parts.append(f"from=<{transaction.sender.mailbox or ''}>")
    if entry.recipients:
        parts.append("to=" + ",".join([f"<{recipient.mailbox}>" for recipient in entry.recipients]))
    if entry.step == "mail":
        parts.append(f"size={transaction.size}")
    parts.append(str(entry.reply))
    return UNSAFE.sub(_escape, " ".join(parts)) + "\n"


def _json(entry: Entry) -> str:
    transaction = entry.transaction
    line: dict[str, Any] = {
        "time": utc(entry.when),
        "step": entry.step,
        "client": _host(transaction.peer),
        "hello": transaction.hello,
        "protocol": protocol(transaction),
    }
    if entry.step == "auth" or transaction.user is not None:
        line["user"] = entry.user or transaction.user
    if transaction.sender is not None:
        line |= {"id": transaction.id, "from": str(transaction.sender.mailbox or "")}
    if entry.recipients:
        line["to"] = [str(recipient.mailbox) for recipient in entry.recipients]
    if entry.step == "mail":
        line["bytes"] = transaction.size
    line |= {"code": entry.reply.code, "reply": str(entry.reply)}
    return _ASCII.sub(_json_escape, msgspec.json.encode(line).decode()) + "\n"


# Beyond JSON's own rules: a terminal takes DEL and U+0080 to U+009F for controls.
_ASCII: Final = re.compile(r"[^\x00-\x7e]")


def _json_escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join([f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2)])


def _escape(match: re.Match[str]) -> str:
    return "".join([f"\\x{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass")])


def _host(peer: Any) -> str:
    """The host of a socket's address; ``unix:`` for a Unix socket's."""
    return str(peer[0]) if isinstance(peer, tuple) and peer else "unix:"
