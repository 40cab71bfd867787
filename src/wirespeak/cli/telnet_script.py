"""Scripts of ``wirespeak telnet connect``: what to wait for, and what to say then; a line a step.

    expect "login: "             wait until this has come; of several texts, for any
    expect /[$#] $/ "denied"     between slashes stands a regular expression
    send ls -l                   say a line
    secret PASSWORD              say a line that is in the environment, and not in the script
    type "y"                     say characters, without a line's end
    command AYT                  say a command: AYT, BRK, IP …
    timeout 10                   seconds that each wait may take from here on
    close                        end the conversation now

Empty lines, and those that begin with #, say nothing. In a text, \\r \\n \\t \\e \\0 \\\\ \\" and \\xHH mean what they do elsewhere. What
the host says is shown as it is waited for. Where it doesn't come in time the script fails.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from wirespeak.errors import TextError
from wirespeak.telnet.client import BlockingClient, Expected
from wirespeak.telnet.grammar import Code

__all__ = ["Step", "read_script", "run_script"]

_WORD: Final = re.compile(r'\s*(?:"(?P<text>(?:[^"\\]|\\.)*)"|/(?P<pattern>(?:[^/\\]|\\.)*)/|(?P<bare>[^\s"]+))(?=\s|$)')
_ESCAPED: Final = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.))")
_MEANING: Final = {"r": b"\r", "n": b"\n", "t": b"\t", "e": b"\x1b", "0": b"\0"}


@dataclass(slots=True, frozen=True)
class Step:
    """A line of a script: its verb, and what stands behind it, read. ``line`` is its number."""

    verb: str
    value: Any
    line: int


def read_script(lines: Iterable[str]) -> list[Step]:
    """The steps of a script. Raises `TextError`, which names the line."""
    steps = []
    for number, line in enumerate(lines, 1):
        verb, _, rest = line.strip().partition(" ")
        if not verb or verb.startswith("#"):
            continue
        reading = VERBS.get(verb)
        if reading is None:
            raise TextError(f"{verb!r} is none of {', '.join(VERBS)}", line=number)
        try:
            steps.append(Step(verb, reading(rest.strip()), number))
        except (ValueError, re.error) as error:
            raise TextError(f"{verb}: {error}", line=number) from None
    return steps


def run_script(steps: Iterable[Step], client: BlockingClient, show: Callable[[bytes], None]) -> bool:
    """Take the ``steps``, and ``show`` what comes; whether the script leaves the end to the host.

    Raises `TimeoutError` and `ConnectionLost` where what is expected doesn't come, after what came instead was shown.
    """
    timeout: float | None = None
    for step in steps:
        if step.verb == "expect":
            try:
                show(client.expect(step.value, timeout).data)
            except Exception:
                show(client.read_eager())
                raise
        elif step.verb == "timeout":
            timeout = step.value
        elif step.verb == "command":
            client.command(step.value)
        elif step.verb == "close":
            return False
        elif step.verb == "type":
            client.write(step.value)
        else:
            client.write_line(step.value)
    return True


def _expected(text: str) -> list[Expected]:
    found: list[Expected] = []
    for word in _words(text):
        found.append(re.compile(word["pattern"].replace("\\/", "/").encode()) if word["pattern"] is not None else _text_of(word))
        if found[-1] == b"":
            raise ValueError("nothing is always there: expected a text")
    if not found:
        raise ValueError("expected a text, or a pattern between slashes")
    return found


def _text(text: str) -> bytes:
    """What stands in quotes, or the words as they are."""
    words = _words(text) if text.startswith('"') else []
    if len(words) > 1:
        raise ValueError("expected one text in quotes, or none in quotes")
    return _text_of(words[0]) if words else _unescaped(text)


def _secret(name: str) -> bytes:
    if name not in os.environ:
        raise ValueError(f"the environment has no {name!r}")
    return os.fsencode(os.environ[name])


def _command(name: str) -> Code:
    try:
        return Code[name.upper()]
    except KeyError:
        raise ValueError(f"{name!r} is no command (RFC 854): expected one such as AYT, BRK or IP") from None


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ValueError("expected seconds, more than 0")
    return seconds


def _nothing(text: str) -> None:
    if text:
        raise ValueError("nothing stands behind it")


VERBS: Final[dict[str, Callable[[str], Any]]] = {
    "expect": _expected,
    "send": _text,
    "type": _text,
    "secret": _secret,
    "command": _command,
    "timeout": _seconds,
    "close": _nothing,
}
"""By verb, what reads that which stands behind it; it raises ValueError."""


def _words(text: str) -> list[re.Match[str]]:
    words = []
    at = 0
    while at < len(text):
        word = _WORD.match(text, at)
        if word is None:
            raise ValueError(f"{text[at:].strip()!r} is no text: a quotation is not ended, or something follows it at once")
        words.append(word)
        at = word.end()
    return words


def _text_of(word: re.Match[str]) -> bytes:
    return _unescaped(word["bare"] if word["text"] is None else word["text"])


def _unescaped(text: str) -> bytes:
    parts = []
    at = 0
    for escaped in _ESCAPED.finditer(text):
        parts.append(text[at : escaped.start()].encode())
        parts.append(bytes.fromhex(escaped[1]) if escaped[1] else _MEANING.get(escaped[2], escaped[2].encode()))
        at = escaped.end()
    return b"".join(parts) + text[at:].encode()
