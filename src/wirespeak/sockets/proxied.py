"""A connection that comes through a proxy: its PROXY header is read before TLS, and before the session sees a byte.

`ProxiedConnection` is the pump's `Connection` with one thing in front. A listener makes one for who is listed as a proxy, and an
ordinary connection for everybody else, so that these pay nothing. The header is looked at where the kernel keeps it and then
taken out to the byte: what stands behind it is the TLS handshake's, or the session's.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

from wirespeak.contract import Service
from wirespeak.errors import ConnectionLost, RemoteProtocolError, TimeoutError
from wirespeak.sockets.address import Address
from wirespeak.sockets.aio import Connection, Turn
from wirespeak.sockets.output import WAITS
from wirespeak.sockets.proxy import HeaderReader

__all__ = ["ProxiedConnection"]

logger = logging.getLogger("wirespeak.sockets")

# Seconds in which the header must come: a lost packet takes three (PROXY 2), and a proxy sends it before all else.
HEADER_TIME: Final = 5.0
# Bytes looked at at a time: most headers have less than a hundred.
LOOK: Final = 2048


class ProxiedConnection(Connection):
    """An accepted connection whose header must come first. ``introduced`` is called with it once that tells who the client is;
    where it answers False, there is no room for that client, and the connection is closed.
    """

    __slots__ = ("_header", "_introduced", "_local")

    def __init__(
        self,
        sock: socket.socket,
        peer: Any,
        turn: Turn,
        loop: asyncio.AbstractEventLoop,
        ended: Callable[[Connection], None],
        introduced: Callable[[Connection], bool],
    ) -> None:
        super().__init__(sock, peer, turn, loop, ended)
        self._header: HeaderReader | None = HeaderReader()
        self._introduced = introduced
        self._local: Any = None

    @property
    def local(self) -> Any:
        """The address that the client came to, where the proxy told it; else our own."""
        return super().local if self._local is None else self._local

    def begin(self, service: Service, context: ssl.SSLContext | None = None) -> None:
        """Converse once the header is read, after a TLS handshake where there is a ``context``."""
        self._arm(self._loop.time() + HEADER_TIME)
        self._loop.add_reader(self._fd, self._read_header, service, context)

    def _read_header(self, service: Service, context: ssl.SSLContext | None) -> None:
        header = self._header
        assert header is not None
        try:
            seen = self._sock.recv(LOOK, socket.MSG_PEEK)
            if not seen:  # who only sees whether we listen says nothing more
                self._lost(ConnectionLost("the proxy ended the connection before its header"))
                return
            self._sock.recv(header.feed(seen))
        except WAITS:
            return
        except OSError as error:
            self._lost(error)
            return
        except RemoteProtocolError as error:
            self._refuse(error)
            return
        if header.told is None:
            return
        self._header = None
        self._loop.remove_reader(self._fd)
        if header.told.peer is not None:
            self.peer, self._local = header.told.peer, header.told.local
        if self._introduced(self):
            super().begin(service, context)
        else:
            self._end(None)

    def _tick(self) -> None:
        if self._header is None:
            super()._tick()
            return
        self._timer = None
        self._refuse(TimeoutError(f"no PROXY header within {HEADER_TIME:.0f} seconds"))

    def _refuse(self, error: Exception) -> None:
        logger.warning("a connection from the proxy %s is refused: %s", Address.of(self.peer), error)
        self._lost(error)
