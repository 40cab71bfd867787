"""Options that are refused, and why.

A session refuses every option that it was not given (RFC 854: DO is answered by WONT, WILL by DONT), so nothing has to be done
here. The reasons are for those who watch a conversation and ask.
"""

from __future__ import annotations

from typing import Final

from wirespeak.telnet.grammar import AUTHENTICATION, ENCRYPT

__all__ = ["REASONS", "reason"]

REASONS: Final[dict[int, str]] = {
    AUTHENTICATION: "its methods (RFC 2941: Kerberos 4, SRP, SPX …) are broken or gone, and it protects nothing that is said "
    "afterwards; a login over TLS does",
    ENCRYPT: "its ciphers (RFC 2946: DES, CAST-40) are broken, nothing authenticates the bytes, and its code was a way in "
    "(CVE-2011-4862); TLS takes its place",
    36: "OLD-ENVIRON (RFC 1408) is ambiguous on the wire; NEW-ENVIRON (RFC 1572) takes its place",
    46: "START-TLS never became a standard, and in the midst of clear text anyone on the way could strip it; a port with TLS from the "
    "first byte takes its place",
}

_OTHERS: Final = "it is not spoken here"


def reason(option: int) -> str:
    """Why ``option`` is refused, as the end of a sentence."""
    return REASONS.get(option, _OTHERS)
