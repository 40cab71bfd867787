"""IRC: what one says told to many, one message at a time and in bursts; a channel filled; connections that are registered and stay.

The unit of the first is a message that one member has heard: all members hear all of it before more is said (irc_load.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from bench import cpu
from bench.irc_servers import INSPIRCD, NGIRCD, servers
from bench.loads import Load, held_chatters, irc_channel, measured
from bench.model import Promise, Row, Sample
from bench.peers import Running, Server, started
from bench.rows.place import Place

__all__ = ["rows"]

MEMBERS = 200
CROWD = 2_000
BURST = 20

HEARD = 400_000
"""Messages heard in a round, one at a time: some two seconds of a server's time. In bursts, five times as many."""

SETTLE = 1.0  # seconds after the last welcome or good-bye, for what a server does a moment later


def rows(place: Place) -> list[Row]:
    promised = [Promise(NGIRCD, 1.3, 1.0), Promise(INSPIRCD, 1.2, 0.9)]
    unit = "µs of CPU a message heard"

    def fan_out(key: str, work: str, members: int, burst: int, promises: list[Promise]) -> Row:
        return Row(key, "IRC", work, unit, servers(), partial(talk, place, members, burst), promises)

    many = f"{place.idle:,} connections"
    return [
        fan_out("irc-fan-out", f"one message to {MEMBERS} members", MEMBERS, 1, promised),
        fan_out("irc-bursts", f"the same, in bursts of {BURST}", MEMBERS, BURST, promised),
        fan_out("irc-crowd", f"one message to {CROWD:,} members", CROWD, 1, []),
        Row("irc-joins", "IRC", f"{CROWD:,} members join a channel", "µs of CPU a member", servers(), partial(joins, place)),
        Row("irc-welcome", "IRC", f"{many} registered", "µs of CPU a connection", servers(), partial(crowd, place, False)),
        Row(
            "irc-idle",
            "IRC",
            f"{many} registered and idle",
            "KiB a connection",
            servers(),
            partial(crowd, place, True),
            [Promise(None, 16, 8)],
            most_rounds=1,
        ),
    ]


def talk(place: Place, members: int, burst: int, server: Server, _seconds: float) -> Sample:
    """CPU time a message heard. The messages are counted, not timed; a tenth of them warms the server up."""
    messages = HEARD // members * (5 if burst > 1 else 1)
    with started(server, place.folder) as running, irc_channel(running, members) as channel:
        return measured(running, lambda share: channel.say(max(burst, int(messages * share) // burst * burst), burst), 0.1, 1.0)


def joins(place: Place, server: Server, _seconds: float) -> Sample:
    """CPU time a member who registers and joins; all who are there are told, and who comes is told of all who are there."""
    with started(server, place.folder) as running, ExitStack() as stack:
        with irc_channel(running, MEMBERS):
            pass  # until what is loaded late is loaded
        return counted(running, lambda: stack.enter_context(irc_channel(running, CROWD)).filled)


def crowd(place: Place, memory: bool, server: Server, _seconds: float) -> Sample:
    """CPU time that it takes to register a connection; or the memory that each has then."""
    with started(server, place.folder) as running, ExitStack() as stack:
        with held_chatters(running, 100):
            pass
        before = cpu.memory(running.pid).proportional
        holders = []

        def load() -> Load:
            holder, registered = stack.enter_context(held_chatters(running, place.idle))
            holders.append(holder)
            return registered

        sample = counted(running, load)
        time.sleep(SETTLE)
        after = cpu.memory(running.pid).proportional
        if (alive := holders[0].alive()) != place.idle:
            raise RuntimeError(f"{server.name} closed {place.idle - alive} of {place.idle} idle connections")
    if memory:
        sample.figure = (after - before) / place.idle / 1024
    return sample


def counted(running: Running, load: Callable[[], Load]) -> Sample:
    """A load that can be carried once, and whose connections stay until they are let go."""
    time.sleep(SETTLE)
    return measured(running, lambda share: load() if share else Load(0, 0.0), 0.0, 1.0)
