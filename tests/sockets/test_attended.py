"""A connection, the keyboard and signals, waited for together."""

from __future__ import annotations

import os
import signal
import socket
import time

from wirespeak.sockets.attended import Signals, wait


def test_what_can_be_read_is_ready() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert wait([one, other], deadline=time.monotonic()) == []
        other.send(b"x")
        assert wait([one, other]) == [one]
        assert wait([one, other], [other]) in ([one, other], [other, one])


def test_what_is_read_and_written_is_told_once() -> None:
    one, other = socket.socketpair()
    with one, other:
        other.send(b"x")
        assert wait([one], [one]) == [one]


def test_an_end_is_something_to_read() -> None:
    one, other = socket.socketpair()
    with one:
        other.close()
        assert wait([one]) == [one]


def test_a_signal_wakes_who_waits_and_raises_nothing() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with Signals(signal.SIGUSR1, signal.SIGWINCH) as signals:
        assert wait([signals], deadline=time.monotonic()) == []
        os.kill(os.getpid(), signal.SIGUSR1)
        assert wait([signals]) == [signals]
        assert signals.take() == {signal.SIGUSR1}
        assert signals.take() == set()
        assert wait([signals], deadline=time.monotonic()) == []
    assert signal.getsignal(signal.SIGUSR1) == before
