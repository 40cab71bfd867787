"""Answers that lie ready: for a question that was asked before, by anyone, the bytes of its answer but for two places.

What a resolver asks differs from what another asked in the id, and in the case of the name, which many vary so that an
answer can't be forged (0x20). Both are put back in, and the rest of the answer is the same for as long as the zones are:

    question   id │ flags, counts │ name in any case, type, class │ OPT
    answer     id │ flags, counts │ name in that case, …          │ records, whose owner is a pointer to that name; OPT

So the common question costs one look-up. Resolvers also differ in whether they set RD or CD, and in the sizes that their OPT
records offer: where an answer is short enough for them all, what it says is remembered without these, and they are put in
for each who asks in a way of his own for the first time.

A question with something of its own in it (a cookie, a client subnet) takes the long way, and so does everything that
isn't a plain, sound question.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from wirespeak.dns.edns import SMALLEST, Edns
from wirespeak.dns.names import MAX_LABEL, MAX_NAME
from wirespeak.generations import Generations

__all__ = ["NUMBERS", "OPT", "Prepared", "end_of_plain", "wants_signatures"]

# What is remembered, in all: some hundred thousand ways to ask, and half as many answers. Questions for random names push out
# each other, and after them what has not been asked for a while; never more than this is held.
MEMORY: Final = 128 << 20
# Of each, beside the bytes of question and answer: the objects that hold them.
OVERHEAD: Final = 400

# Type and class, at the end of the question.
NUMBERS: Final = 4

# The only OPT record that is remembered: no options, version 0 (RFC 6891 6.1.2). Its size and flags stand in between.
_OPT_SIZE: Final = 11
_OPT_FLAGS: Final = 7
_DO: Final = 0x80

# Ours, by whether signatures are wanted (DO).
OPT: Final = {signed: Edns(do=signed).encode() for signed in (False, True)}

# The bits of an answer's flags that are those of the question (RFC 1035 4.1.1, RFC 4035 3.1.6), in the first byte and the second.
_RD: Final = 0x01
_CD: Final = 0x10


class _Ready(NamedTuple):
    """An answer but for id and question; ``end`` is where the question ends, ``tail`` what of it is told apart by case.

    The records' bytes, ``rest``, are those of the `_Told` that all ways to ask this have in common, where there is one.
    """

    head: bytes
    end: int
    tail: bytes
    rest: bytes
    opt: bytes

    @property
    def weight(self) -> int:
        return self.end + len(self.rest) + OVERHEAD


class _Told(NamedTuple):
    """What an answer says, apart from RD, CD and OPT: ``flags`` and ``counts`` without these; and the question's ``numbers``."""

    flags: bytes
    counts: bytes
    numbers: bytes
    rest: bytes

    @property
    def weight(self) -> int:
        return len(self.rest) + OVERHEAD + MAX_NAME // 2


class Prepared:
    """The answers of one set of zones, in at most ``memory`` bytes; when the zones change, a new one is made."""

    __slots__ = ("_kept", "_told")

    def __init__(self, memory: int = MEMORY) -> None:
        self._kept: Generations[bytes, _Ready] = Generations(memory * 5 // 8)  # by all of the query but its id
        self._told: Generations[tuple[bytes, bool], _Told] = Generations(memory * 3 // 8)  # by question, and whether signed

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, query: bytes) -> bytes | None:
        """The answer to ``query``; None where none lies ready."""
        key = query[2:].lower()
        kept = self._kept
        ready = kept.young.get(key) or kept.get(key)
        if ready is None:
            return None
        head, end, tail, rest, opt = ready
        if query[end - NUMBERS :] != tail:  # the key has made the numbers lower case too
            return None
        return b"".join((query[:2], head, query[12:end], rest, opt))

    def adapt(self, query: bytes, end: int) -> bytes | None:
        """The answer to a plain query, whose question ends at ``end``, from that to one which asked the same in another way."""
        signed = wants_signatures(query, end)
        told = self._told.get((query[12:end].lower(), signed))
        if told is None or query[end - NUMBERS : end] != told.numbers:
            return None
        return self._put(query, end, signed, told)

    def keep(self, query: bytes, answer: bytes, *, whole: bool) -> None:
        """Remember the ``answer`` to ``query``, if it is of a kind that may be: the answer depends on nothing else.

        It is ``whole`` where nothing was left out for want of room.
        """
        end = end_of_plain(query)
        if not end:
            return
        signed = wants_signatures(query, end)
        has_opt = len(query) > end
        size = len(answer) - _OPT_SIZE * has_opt
        if whole and size + _OPT_SIZE <= SMALLEST and (not has_opt or answer[size:] == OPT[signed]):
            flags = bytes((answer[2] & ~_RD, answer[3] & ~_CD))
            counts = answer[4:11] + bytes((answer[11] - has_opt,))
            told = _Told(flags, counts, query[end - NUMBERS : end], answer[end:size])
            self._told.put((query[12:end].lower(), signed), told)
            self._put(query, end, signed, told)
        else:
            self._kept.put(query[2:].lower(), _Ready(answer[2:12], end, query[end - NUMBERS :], answer[end:], b""))

    def _put(self, query: bytes, end: int, signed: bool, told: _Told) -> bytes:
        """Remember what is ``told`` as the answer to ``query``; that answer."""
        flags, counts, _, rest = told
        has_opt = len(query) > end
        opt = OPT[signed] if has_opt else b""
        head = bytes((flags[0] | query[2] & _RD, flags[1] | query[3] & _CD)) + counts[:-1] + bytes((counts[-1] + has_opt,))
        self._kept.put(query[2:].lower(), _Ready(head, end, query[end - NUMBERS :], rest, opt))
        return b"".join((query[:2], head, query[12:end], rest, opt))


def wants_signatures(query: bytes, end: int) -> bool:
    """Whether a plain query, whose question ends at ``end``, has an OPT record with DO (RFC 3225 3)."""
    return len(query) > end and query[end + _OPT_FLAGS] & _DO > 0


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
