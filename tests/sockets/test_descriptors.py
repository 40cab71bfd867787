"""Descriptors that are no sockets, and children, watched by the loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import subprocess
import tty

import pytest

from wirespeak.sockets.descriptors import Descriptor, when_ended


class Master:
    """A terminal's master as a `Descriptor`, and what it told."""

    def __init__(self) -> None:
        master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.read = b""
        self.written = 0
        self.over = asyncio.Event()
        self.news = asyncio.Event()
        self.descriptor = Descriptor(master, self._received, self._wrote, self.over.set)

    def _received(self, data: bytes) -> None:
        self.read += data
        self.news.set()

    def _wrote(self, count: int) -> None:
        self.written += count
        self.news.set()

    async def until(self, condition: object) -> None:
        async with asyncio.timeout(20):
            while not condition():  # type: ignore[operator]
                self.news.clear()
                await self.news.wait()


def test_what_is_written_on_the_other_side_is_read_while_it_is_wanted() -> None:
    async def main() -> None:
        master = Master()
        os.write(master.slave, b"hello")
        await master.until(lambda: master.read == b"hello")
        master.descriptor.read(False)
        os.write(master.slave, b" there")
        await asyncio.sleep(0.05)
        assert master.read == b"hello"
        assert master.descriptor.rest() == b" there"
        master.descriptor.read(True)
        os.close(master.slave)
        await asyncio.wait_for(master.over.wait(), 20)
        assert master.descriptor.rest() == b""
        master.descriptor.close()

    asyncio.run(main())


def test_what_does_not_fit_is_kept_and_counted_when_it_has_gone() -> None:
    async def main() -> None:
        master = Master()
        master.descriptor.write(b"x" * 200_000, 200_000)
        master.descriptor.write(b"y", 1)
        assert master.written == 0
        got = b""
        os.set_blocking(master.slave, False)
        async with asyncio.timeout(20):
            while len(got) < 200_001:
                with contextlib.suppress(BlockingIOError):
                    got += os.read(master.slave, 65536)
                await asyncio.sleep(0)
        await master.until(lambda: master.written == 200_001)
        assert got == b"x" * 200_000 + b"y"
        master.descriptor.write(b"z" * 200_000, 7)
        master.descriptor.forget()
        assert master.written == 200_008
        master.descriptor.close()
        master.descriptor.close()
        master.descriptor.write(b"never")
        os.close(master.slave)

    asyncio.run(main())


@pytest.mark.parametrize("tells", [True, False])
def test_the_end_of_a_child_is_told_and_leaves_it_to_be_reaped(monkeypatch: pytest.MonkeyPatch, tells: bool) -> None:
    """Also on a system that has no pidfd_open."""
    if not tells:
        monkeypatch.delattr(os, "pidfd_open", raising=False)

    async def main(child: subprocess.Popen[bytes], other: subprocess.Popen[bytes]) -> None:
        ended = asyncio.Event()
        when_ended(child.pid, ended.set)
        forget = when_ended(other.pid, lambda: pytest.fail("it was forgotten"))
        forget()
        forget()
        assert child.stdin is not None
        assert other.stdin is not None
        other.stdin.close()
        await asyncio.sleep(0.06)
        assert not ended.is_set()
        child.stdin.close()
        await asyncio.wait_for(ended.wait(), 20)

    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child, subprocess.Popen(["cat"], stdin=subprocess.PIPE) as other:
        asyncio.run(main(child, other))
        assert child.returncode is None
        assert child.wait() == 0
