"""The mails that the tests send, what is to be found in those that have come, and how the programs that send them are run."""

from __future__ import annotations

import email
import email.policy
import secrets
import subprocess
from email.message import EmailMessage
from pathlib import Path
from typing import Any

__all__ = ["LARGE", "LETTER", "SENT", "attachment", "below_trace", "compose", "protocol", "read", "run"]

LINES = [
    "From: Ann <ann@else.test>",
    "To: Bob <bob@else.test>",
    "Date: Fri, 21 Nov 1997 09:55:06 -0600",
    "Message-ID: <1234@else.test>",
    "Subject: dots",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
    "",
    ".",
    "..",
    "...",
    ".dot",
    "QUIT",
    "Grüße aus Übersee ☺",
    "x" * 998,
    ".",
    "",
    "the end",
]
LETTER = "".join(f"{line}\n" for line in LINES).encode()
"""A mail with all that a line can do on its way, as it is kept: with LF."""
SENT = LETTER.replace(b"\n", b"\r\n")
"""The same as it is sent."""

LARGE = secrets.token_bytes(5 << 20)
"""What is attached."""


def run(*command: str | Path, code: int = 0, said: bytes = b"", cwd: Path | None = None) -> str:
    """What the program writes; AssertionError where it doesn't end with ``code``."""
    words = [str(word) for word in command]
    done = subprocess.run(words, input=said, capture_output=True, timeout=60, check=False, cwd=cwd)
    output = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == code, f"{' '.join(words)}: {done.returncode}\n{output}"
    return output


def read(mail: bytes) -> EmailMessage:
    message = email.message_from_bytes(mail, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def below_trace(mail: bytes) -> bytes:
    """``mail`` without the trace that servers put on top (RFC 5321 4.4), and what else they tell there of the envelope."""
    lines = mail.splitlines(keepends=True)
    names = (b"return-path:", b"received:", b"delivered-to:", b"x-original-to:", b"envelope-to:")
    while lines and lines[0].lower().startswith(names):
        del lines[0]
        while lines and lines[0].startswith((b" ", b"\t")):
            del lines[0]
    return b"".join(lines)


def attachment(mail: bytes) -> Any:
    """The content of the only attachment."""
    [part] = read(mail).iter_attachments()
    return part.get_content()


def protocol(mail: bytes) -> str:
    """By which protocol the mail came, as our Received line says (RFC 5321 4.4, RFC 3848)."""
    return " ".join(read(mail)["Received"].split()).split(" with ")[1].split()[0]


def compose(to: str, subject: str = "large") -> EmailMessage:
    """A mail that has `LARGE` attached."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ann@else.test", to, subject
    message.set_content("Grüße\n.\n..\n")
    message.add_attachment(LARGE, maintype="application", subtype="octet-stream", filename="large.bin")
    return message
