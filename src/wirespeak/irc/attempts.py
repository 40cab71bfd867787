"""How often somebody may fail, or have something made: counted by the address it comes from, and by the account it is about.

Each has a bucket of attempts. A failure takes one out, and time puts them back, one after the other. While a bucket is empty nothing is
even looked at, the right password neither: so whoever guesses gets some thousand guesses a day at one account, wherever they come from.
The table is bounded: when it is full, those not heard of for longest are forgotten. Pure: the time is an argument.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Final

__all__ = ["Attempts", "counted_by"]

COUNTED: Final = 20_000
"""Names counted at a time, and half as many as are at least: some 200 bytes each, so 4 MB."""


def counted_by(address: str) -> str:
    """What somebody at the IP ``address`` is counted by: the address; of IPv6 its /64, all of which is one's who has one (RFC 6177 2).

    Who has none ("": a Unix socket) is of this machine, and isn't counted.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Address(int(ip) >> 64 << 64)) if isinstance(ip, IPv6Address) and ip.ipv4_mapped is None else str(ip)


class Attempts:
    """``burst`` attempts at once for each name, and after that one every ``seconds``; None for any number."""

    __slots__ = ("_half", "_old", "_young", "burst", "seconds")

    def __init__(self, burst: int | None, seconds: float, *, counted: int = COUNTED) -> None:
        self.burst = burst
        self.seconds = seconds
        self._half = max(1, counted // 2)
        # What is left, and when that was; in two generations, as in `wirespeak.generations`.
        self._young: dict[str, tuple[float, float]] = {}
        self._old: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def left(self, name: str, now: float) -> float:
        """How many ``name`` has left at ``now``, a clock's seconds; one that is set back takes none away."""
        if self.burst is None:
            return 1.0
        count, when = self._young.get(name) or self._old.get(name) or (float(self.burst), now)
        return min(float(self.burst), count + max(0.0, now - when) / self.seconds)

    def may(self, name: str, now: float) -> bool:
        """Whether ``name`` has one left. Names that aren't counted ("") always do."""
        return not name or self.left(name, now) >= 1

    def spend(self, name: str, now: float) -> None:
        """Take one from ``name``, if it has one."""
        if not name or self.burst is None:
            return
        left = max(0.0, self.left(name, now) - 1)
        self._old.pop(name, None)
        if name not in self._young and len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[name] = (left, now)

    def take(self, name: str, now: float) -> bool:
        """Spend one, where there is one."""
        may = self.may(name, now)
        if may:
            self.spend(name, now)
        return may
