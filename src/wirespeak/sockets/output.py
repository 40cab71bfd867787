"""What waits to be written to one socket: segments in order, sent as far as the peer takes them.

Both socket pumps write through this. Neighbouring bytes go out in one system call (`sendmsg`), a slice of a file by
`sendfile`, urgent bytes by MSG_OOB, the end by a half-close. Over TLS the kernel can't read files for us, so a slice is
read in pieces.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections import deque
from collections.abc import Sequence

from wirespeak.contract import End, FileSlice, Segment, Urgent, size_of

__all__ = ["WAITS", "Output", "finish_sending"]

WAITS = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""What a socket raises when it would have to wait."""

# A system call takes at most IOV_MAX (1,024 on Linux) buffers; past some dozens, gathering more gains nothing.
GATHERED = 64
# Bytes of one file handed to the kernel in one call, so that one large file doesn't keep all other peers waiting;
# read at a time over TLS, where each piece passes through memory.
SENDFILE_PIECE = 4 << 20
READ_PIECE = 128 << 10
# The kernel holds a short packet back where more follows at once (a head before its file); elsewhere no such hint.
MORE = getattr(socket, "MSG_MORE", 0)


class Output:
    """The unsent segments of one connection. `pending` counts their bytes."""

    __slots__ = ("_segments", "_skipped", "pending")

    def __init__(self) -> None:
        self._segments: deque[Segment] = deque()
        self._skipped = 0  # of the first segment, where it is bytes: what is sent of it, so that the rest need not be copied
        self.pending = 0

    def __bool__(self) -> bool:
        return bool(self._segments)

    def add(self, segments: Sequence[Segment]) -> None:
        self._segments.extend(segments)
        self.pending += sum(map(size_of, segments))

    def clear(self) -> None:
        self._segments.clear()
        self._skipped = self.pending = 0

    def write(self, sock: socket.socket) -> bool:
        """Send as much as ``sock`` takes now; whether all is sent. Raises OSError when the connection is gone."""
        secure = isinstance(sock, ssl.SSLSocket)
        segments = self._segments
        try:
            while segments:
                first = segments[0]
                if type(first) is bytes:
                    self._write_bytes(sock, secure)
                elif type(first) is FileSlice:
                    if not self._write_file(sock, first, secure):
                        return False
                elif type(first) is Urgent:
                    self._sent(sock.send(first.data, 0 if secure else socket.MSG_OOB))
                else:
                    finish_sending(sock)
                    segments.popleft()
        except WAITS:
            return False
        return True

    def _write_bytes(self, sock: socket.socket, secure: bool) -> None:
        buffers: list[bytes | memoryview] = []
        more = 0
        for segment in self._segments:
            if type(segment) is not bytes or len(buffers) == GATHERED:
                more = MORE if type(segment) is FileSlice else 0
                break
            buffers.append(memoryview(segment)[self._skipped :] if self._skipped and not buffers else segment)
        if len(buffers) == 1:
            self._sent(sock.send(buffers[0]) if secure else sock.send(buffers[0], more))
        elif secure:
            self._sent(sock.send(b"".join(buffers)))
        else:
            self._sent(sock.sendmsg(buffers, [], more))

    def _write_file(self, sock: socket.socket, part: FileSlice, secure: bool) -> bool:
        """Send of a file as much as goes at once; False where the socket is full though no exception said so."""
        if part.count == 0:
            self._segments.popleft()
            return True
        if secure:
            piece = os.pread(part.file.fileno(), min(part.count, READ_PIECE), part.offset)
            sent = sock.send(piece) if piece else 0
        else:
            sent = os.sendfile(sock.fileno(), part.file.fileno(), part.offset, min(part.count, SENDFILE_PIECE))
        if sent == 0:
            raise OSError("the file became shorter while it was sent")
        self._sent(sent)
        return True

    def _sent(self, count: int) -> None:
        """Drop ``count`` bytes from the front."""
        self.pending -= count
        segments = self._segments
        while segments:
            first = segments[0]
            size = size_of(first) - self._skipped
            if count < size:
                if type(first) is bytes:
                    self._skipped += count
                elif type(first) is FileSlice:
                    segments[0] = FileSlice(first.file, first.offset + count, first.count - count)
                elif type(first) is Urgent and count:
                    segments[0] = Urgent(first.data[count:])
                return
            if isinstance(first, End):
                return
            segments.popleft()
            self._skipped = 0
            count -= size
            if not count:
                return


def finish_sending(sock: socket.socket) -> None:
    """Send the end of our side (FIN, and over TLS a close_notify first) and leave the other side open."""
    with contextlib.suppress(*WAITS, OSError, ValueError):
        if isinstance(sock, ssl.SSLSocket):
            sock.unwrap()
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_WR)
