"""CPU time and memory of a process and everything it has started, as the operating system accounts for them.

Reads process accounts only (through psutil: /proc on Linux) and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import psutil

__all__ = ["Memory", "Usage", "core_time", "memory", "usage"]


@dataclass(slots=True, frozen=True)
class Usage:
    """CPU time used so far, in seconds. The kernel counts it in hundredths, so measure over seconds, not moments."""

    user: float
    system: float

    @property
    def total(self) -> float:
        return self.user + self.system

    def __sub__(self, earlier: Usage) -> Usage:
        return Usage(self.user - earlier.user, self.system - earlier.system)


@dataclass(slots=True, frozen=True)
class Memory:
    """Bytes in main memory: ``resident`` counts a shared page once for each process, ``proportional`` shares it out."""

    resident: int
    proportional: int


def family(pid: int) -> list[psutil.Process]:
    """The process and all its living descendants, the process first."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def usage(pid: int) -> Usage:
    """CPU time of the process ``pid``, all its threads, its living descendants and its children that have ended.

    A child's time passes into its parent's account of ended children when the parent has waited for it, so nothing is
    counted twice and nothing is lost.
    """
    user = system = 0.0
    for process in family(pid):
        times = process.cpu_times()
        user += times.user + times.children_user
        system += times.system + times.children_system
    return Usage(user, system)


def memory(pid: int) -> Memory:
    """Main memory held by the process ``pid`` and its descendants. The kernel's socket buffers are not in it."""
    resident = proportional = 0
    for process in family(pid):
        try:
            info = process.memory_full_info()
        except psutil.NoSuchProcess:  # a child that has just ended
            if process.pid == pid:
                raise
            continue
        resident += info.rss
        proportional += info.pss
    return Memory(resident, proportional)


def core_time(core: int) -> float:
    """Seconds that a core has been busy since the machine started, whoever used it."""
    times = psutil.cpu_times(percpu=True)[core]
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)
