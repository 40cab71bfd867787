"""The sockets of an `Inquiry`: a machine asks several peers, over UDP and TCP at once, and is told what they answer.

Only what is to be waited for, and what is done once it is there, stands here; the waiting is `Network.ready`'s, so that an
inquiry can go on beside something else: addresses are still being looked up while the first of them is connected to
(RFC 8305 3). What such a look-up has to offer is a `Resolver`, which the protocol of the DNS implements.
"""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from wirespeak.contract import Ask, Drop, Inquiry
from wirespeak.errors import ConnectError, ConnectionLost
from wirespeak.sockets.output import WAITS, Output
from wirespeak.sockets.tcp import start_connect

__all__ = ["Conversations", "HostLookup", "Interest", "Resolver"]

Interest = tuple[socket.socket, bool, bool]
"""A socket, and whether one waits for it to be readable, and writable."""

READ_SIZE = 64 << 10
# Datagrams taken from one socket in a turn, so that a flood of forged answers can't keep the true one, on another, waiting.
HEARD_A_TURN = 64


class HostLookup(Inquiry, Protocol):
    """An inquiry for the addresses of one host."""

    @property
    def addresses(self) -> Mapping[int, Sequence[str]]:
        """By IP version, 4 and 6, the addresses, as soon as they are known; empty for a host that has none of that version."""
        ...

    @property
    def error(self) -> Exception | None:
        """Why there are no addresses, once it is done: a `HostNotFound`, or what befell the question."""
        ...


class Resolver(Protocol):
    """What looks up hosts for a network, in the place of the system's resolver."""

    def look_up(self, host: str) -> HostLookup: ...


class Conversations:
    """What an inquiry has under way. ``source`` is the address that it asks from, where its family is the peer's."""

    def __init__(self, inquiry: Inquiry, source: tuple[str, int] | None = None) -> None:
        self._inquiry = inquiry
        self._source = source
        self._running: dict[int, _Conversation] = {}

    @property
    def deadline(self) -> float | None:
        """When `turn` wants to be called, though nothing is ready."""
        deadline = self._inquiry.deadline
        return None if deadline == math.inf else deadline

    @property
    def interests(self) -> list[Interest]:
        """What is waited for."""
        return [(talk.sock, talk.connected, not talk.connected or bool(talk.output)) for talk in self._running.values()]

    def start(self, now: float) -> None:
        """Begin to ask."""
        self._follow(self._inquiry.start(now), now)

    def turn(self, ready: Sequence[socket.socket], now: float) -> None:
        """Hear what the sockets that are ready have to say; then tell of the time. Bytes that came in time are heard first."""
        for key, talk in list(self._running.items()):
            if talk.sock not in ready or key not in self._running:
                continue
            try:
                for _ in range(HEARD_A_TURN):
                    data = talk.go_on()
                    if data is None:
                        break
                    self._follow(self._inquiry.heard(key, data, now), now)
                    if key not in self._running or self._inquiry.done:
                        break
            except (OSError, ConnectionLost) as error:
                self._fail(key, error, now)
        if not self._inquiry.done and self._inquiry.deadline <= now:
            self._follow(self._inquiry.tick(now), now)

    def close(self) -> None:
        """Ask no more."""
        for talk in self._running.values():
            talk.sock.close()
        self._running.clear()

    def _follow(self, commands: Sequence[Ask | Drop], now: float) -> None:
        for command in commands:
            if isinstance(command, Ask):
                try:
                    self._running[command.key] = _Conversation(command, self._source)
                except OSError as error:
                    self._fail(command.key, error, now)
            elif (talk := self._running.pop(command.key, None)) is not None:
                talk.sock.close()

    def _fail(self, key: int, error: Exception, now: float) -> None:
        talk = self._running.pop(key, None)
        if talk is not None:
            talk.sock.close()
        if isinstance(error, OSError) and not isinstance(error, ConnectError):
            error = ConnectError(error.errno, error.strerror or str(error))
        self._follow(self._inquiry.failed(key, error, now), now)


class _Conversation:
    """One socket, from the question on. Raises OSError where it can't be opened."""

    def __init__(self, command: Ask, source: tuple[str, int] | None) -> None:
        datagrams = command.transport == "udp"
        kind = socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM
        family, _, _, _, where = socket.getaddrinfo(command.host, command.port, type=kind, flags=socket.AI_NUMERICHOST)[0]
        if source is not None and (":" in source[0]) != (family == socket.AF_INET6):
            source = None
        self.output = Output()
        self.connected = datagrams
        self._datagrams = datagrams
        if datagrams:
            self.sock = _ask_from_own_port(family, where, source, command.data)
        else:
            self.sock = start_connect(family, where, source and (source[0], 0))
            self.output.add([command.data])

    def go_on(self) -> bytes | None:
        """What has come; None where nothing more has. Raises OSError, `ConnectionLost` where the conversation is over."""
        if not self.connected:
            if code := self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise ConnectError(code, os.strerror(code))
            self.connected = True
        try:
            if self.output:
                self.output.write(self.sock)
            data = self.sock.recv(READ_SIZE)
        except WAITS:
            return None
        if not data and not self._datagrams:
            raise ConnectionLost("it ended the connection")
        return data


def _ask_from_own_port(family: int, where: Any, source: tuple[str, int] | None, data: bytes) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if source is not None:
            sock.bind((source[0], 0))
        sock.connect(where)
        sock.send(data)
    except BaseException:
        sock.close()
        raise
    return sock
