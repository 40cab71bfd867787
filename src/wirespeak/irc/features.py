"""What a server tells of itself in 005 (RPL_ISUPPORT), as a client reads it (Modern IRC: Feature Advertisement).

Until it has told, and where it tells nothing, the values are those of RFC 1459. Pure: touches nothing outside.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from wirespeak.irc.casemapping import CASEMAPPINGS, rfc1459_fold

__all__ = ["Features"]

# Tokens that are kept: servers have some 50.
MAX_TOKENS: Final = 300

# Modern IRC: RPL_ISUPPORT parameters: a space, a backslash and an equals sign are written \x20, \x5C and \x3D.
_ESCAPE: Final = re.compile(r"\\x([0-9A-Fa-f]{2})")
# PREFIX=(modes)prefixes, the highest first.
_PREFIX: Final = re.compile(r"\(([A-Za-z]{1,20})\)([^\s]{1,20})")


class Features:
    """``tokens`` is all that was told, by name; what a client works with is beside it."""

    __slots__ = ("_lists", "_set", "_single", "fold", "prefixes", "tokens", "types")

    def __init__(self) -> None:
        self.tokens: dict[str, str] = {}
        self._read()

    def learn(self, tokens: Iterable[str]) -> None:
        """Take in the tokens of one line; one with a minus sign in front is taken back."""
        for token in tokens:
            name, _, value = token.partition("=")
            if name.startswith("-"):
                self.tokens.pop(name[1:].upper(), None)
            elif name.upper() in self.tokens or len(self.tokens) < MAX_TOKENS:
                self.tokens[name.upper()] = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), value)
        self._read()

    def _read(self) -> None:
        get = self.tokens.get
        self.fold: Callable[[str], str] = CASEMAPPINGS.get(get("CASEMAPPING", ""), rfc1459_fold)
        """A name as it is compared."""
        found = _PREFIX.fullmatch(get("PREFIX", "(ov)@+"))
        modes, signs = (found[1], found[2]) if found else ("", "")
        self.prefixes: dict[str, str] = dict(zip(signs, modes, strict=False))
        """The sign that stands before a nick, and its mode; the highest first."""
        self.types = get("CHANTYPES", "#&")
        """What channels' names begin with."""
        lists, always, when_set, *_ = [*get("CHANMODES", "b,k,l,imnpst").split(","), "", "", ""]
        self._lists, self._single, self._set = frozenset(lists), frozenset(always), frozenset(when_set)

    def is_channel(self, name: str) -> bool:
        """Whether ``name`` is a channel's."""
        return bool(name) and name[0] in self.types

    def channel_of(self, target: str) -> str:
        """The channel that ``target`` means, without the prefix of who in it is spoken to (STATUSMSG: ``@#chan``); "" for none."""
        signs = self.tokens.get("STATUSMSG", "")
        bare = target.lstrip(signs) if signs and target and target[0] in signs else target
        return bare if self.is_channel(bare) else ""

    def number(self, name: str, default: int) -> int:
        """A number that was told; ``default`` where none was, or no sensible one."""
        value = self.tokens.get(name, "")
        return int(value) if value.isdecimal() and 0 < len(value) < 6 else default

    def most_targets(self, command: str, default: int) -> int:
        """How many targets ``command`` may name (TARGMAX); ``default`` where nothing, or no bound, was told."""
        for pair in self.tokens.get("TARGMAX", "").split(","):
            name, _, value = pair.partition(":")
            if name.upper() == command and value.isdecimal() and 0 < len(value) < 6:
                return int(value) or default
        return default

    def rank(self, modes: str) -> str:
        """``modes`` of prefixes, the highest first, and each once."""
        return "".join(mode for mode in self.prefixes.values() if mode in modes)

    def signs(self, modes: str) -> str:
        """The signs of ``modes``, the highest first."""
        return "".join(sign for sign, mode in self.prefixes.items() if mode in modes)

    def split_signs(self, name: str) -> tuple[str, str]:
        """``@+ann`` as the modes of the signs and what stands behind them."""
        bare = name.lstrip("".join(self.prefixes))
        return "".join(self.prefixes[sign] for sign in name[: len(name) - len(bare)]), bare

    def mode_changes(self, parameters: list[str]) -> list[tuple[bool, str, str | None]]:
        """The parameters of MODE behind its target, one by one: whether set, the letter, and its parameter or None.

        Which letters have one is told by PREFIX and CHANMODES: lists (b, e, I) and what always has one (k); others when set alone (l).
        """
        changes: list[tuple[bool, str, str | None]] = []
        letters, rest = (parameters[0], iter(parameters[1:])) if parameters else ("", iter(()))
        on = True
        for letter in letters:
            if letter in "+-":
                on = letter == "+"
                continue
            has_one = letter in self._lists or letter in self._single or letter in self.prefixes.values() or (on and letter in self._set)
            changes.append((on, letter, next(rest, None) if has_one else None))
        return changes

    def is_list(self, letter: str) -> bool:
        """Whether the channel mode ``letter`` is a list, of bans or the like."""
        return letter in self._lists
