"""Answers that lie ready: for a question that was asked before, by anyone, the bytes of its answer but for two places.

What a resolver asks differs from what another asked in the id, and in the case of the name, which many vary so that an
answer can't be forged (0x20). Both are put back in, and the rest of the answer is the same for as long as the zones are:

    question   id │ flags, counts │ name in any case, type, class │ OPT
    answer     id │ flags, counts │ name in that case, …          │ records, whose owner is a pointer to that name; OPT

So the common question costs one look-up. A question with something of its own in it (a cookie, a client subnet) takes the
long way, and so does everything that isn't a plain, sound question.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from wirespeak.dns.names import MAX_LABEL, MAX_NAME
from wirespeak.generations import Generations

__all__ = ["NUMBERS", "Prepared", "end_of_plain"]

# What is remembered, in all: some hundred thousand answers. Questions for random names push out each other, and after them
# what has not been asked for a while; never more than this is held.
MEMORY: Final = 64 << 20
# Of an answer, beside its bytes and the question's: the objects that hold them.
OVERHEAD: Final = 400

# Type and class, at the end of the question.
NUMBERS: Final = 4

# The only OPT record that is remembered: no options, version 0 (RFC 6891 6.1.2). Its size and flags stand in between.
_OPT_SIZE: Final = 11


class _Ready(NamedTuple):
    """An answer but for id and question; ``end`` is where the question ends, ``tail`` what of it is told apart by case."""

    head: bytes
    end: int
    tail: bytes
    rest: bytes

    @property
    def weight(self) -> int:
        return self.end + len(self.rest) + OVERHEAD


class Prepared:
    """The answers of one set of zones, in at most ``memory`` bytes; when the zones change, a new one is made."""

    __slots__ = ("_kept",)

    def __init__(self, memory: int = MEMORY) -> None:
        self._kept: Generations[bytes, _Ready] = Generations(memory)

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, query: bytes) -> bytes | None:
        """The answer to ``query``; None where none lies ready."""
        key = query[2:].lower()
        kept = self._kept
        ready = kept.young.get(key) or kept.get(key)
        if ready is None:
            return None
        head, end, tail, rest = ready
        if query[end - NUMBERS :] != tail:  # the key has made the numbers lower case too
            return None
        return b"".join((query[:2], head, query[12:end], rest))

    def keep(self, query: bytes, answer: bytes) -> None:
        """Remember the ``answer`` to ``query``, if it is of a kind that may be: the answer depends on nothing else."""
        end = end_of_plain(query)
        if end:
            self._kept.put(query[2:].lower(), _Ready(answer[2:12], end, query[end - NUMBERS :], answer[end:]))


def end_of_plain(query: bytes) -> int:
    """Where the question of a plain query ends; 0 for one that is not plain."""
    # A query, with no flags but RD, AD and CD; one question, no records but one OPT.
    if len(query) < 17 or query[2] & 0xFE or query[3] & 0xCF or query[4:11] != b"\0\x01\0\0\0\0\0" or query[11] > 1:
        return 0
    at = 12
    while at < len(query) and (length := query[at]):
        if length > MAX_LABEL:
            return 0
        at += length + 1
    if at - 12 >= MAX_NAME:
        return 0
    end = at + 1 + NUMBERS
    if query[11] == 0:
        return end if len(query) == end else 0
    opt = query[end:]
    plain = len(opt) == _OPT_SIZE and opt[:3] == b"\0\0\x29" and opt[5:7] == b"\0\0" and opt[9:] == b"\0\0"
    return end if plain else 0
