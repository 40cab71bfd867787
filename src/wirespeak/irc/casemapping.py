"""Which names are the same name: letters' case, folded (ISUPPORT CASEMAPPING; Modern IRC, Casemapping).

Our server folds by `ascii`: A–Z are a–z and all else is itself. `rfc1459` is older: to it {}|~ are the small letters of []\\^, as
on a Scandinavian terminal of 1988. A client folds as its server tells it, by `CASEMAPPINGS`.

Pure: touches nothing outside.
"""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_lowercase, ascii_uppercase
from typing import Final

__all__ = ["CASEMAPPINGS", "ascii_fold", "rfc1459_fold", "strict_rfc1459_fold"]

_ASCII: Final = str.maketrans(ascii_uppercase, ascii_lowercase)
_RFC1459: Final = str.maketrans(ascii_uppercase + "[]\\^", ascii_lowercase + "{}|~")
_STRICT: Final = str.maketrans(ascii_uppercase + "[]\\", ascii_lowercase + "{}|")


def ascii_fold(name: str) -> str:
    """``name`` as it is compared and kept: "#Café" is "#cafÉ" no more than it is "#cafe", but it is "#CAFé"."""
    return name.lower() if name.isascii() else name.translate(_ASCII)


def rfc1459_fold(name: str) -> str:
    """RFC 1459 2.2, with ^ and ~ as RFC 2812 2.2 has them."""
    return name.translate(_RFC1459)


def strict_rfc1459_fold(name: str) -> str:
    """RFC 1459 2.2 to the letter."""
    return name.translate(_STRICT)


CASEMAPPINGS: Final[dict[str, Callable[[str], str]]] = {
    "ascii": ascii_fold,
    "rfc1459": rfc1459_fold,
    "rfc1459-strict": strict_rfc1459_fold,
    "strict-rfc1459": strict_rfc1459_fold,
}
"""By the value of CASEMAPPING. Where a server tells none, it is rfc1459."""
