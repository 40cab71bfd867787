"""The loop of our own programs does what asyncio's does: every test runs in both."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from wirespeak.sockets.loop import new_loop

Run = Callable[[Callable[[asyncio.AbstractEventLoop], Coroutine[Any, Any, Any]]], Any]


@pytest.fixture(params=[new_loop, asyncio.new_event_loop], ids=["ours", "asyncio"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a test's coroutine in a new loop."""

    def running(main: Callable[[asyncio.AbstractEventLoop], Coroutine[Any, Any, Any]]) -> Any:
        async def bounded() -> Any:
            return await asyncio.wait_for(main(asyncio.get_running_loop()), 20)

        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(bounded())

    return running


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    one.setblocking(False)
    other.setblocking(False)
    with one, other:
        yield one, other


def test_the_two_are_not_the_same() -> None:
    with contextlib.closing(new_loop()) as ours, contextlib.closing(asyncio.new_event_loop()) as theirs:
        assert isinstance(ours, asyncio.SelectorEventLoop)
        assert type(ours) is not type(theirs)


def test_a_reader_is_called_whenever_there_is_something(run: Run, pair: tuple[socket.socket, socket.socket]) -> None:
    async def main(loop: asyncio.AbstractEventLoop) -> None:
        mine, theirs = pair
        arrived: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        loop.add_reader(mine, lambda label: arrived.put_nowait((label, mine.recv(10))), "read")
        for data in (b"one", b"two"):
            theirs.send(data)
            assert await arrived.get() == ("read", data)
        assert loop.remove_reader(mine)
        assert not loop.remove_reader(mine)
        theirs.send(b"three")
        await asyncio.sleep(0.01)
        assert arrived.empty()
        assert mine.recv(10) == b"three"

    run(main)


def test_reader_and_writer_of_one_socket_come_and_go_by_themselves(run: Run, pair: tuple[socket.socket, socket.socket]) -> None:
    async def main(loop: asyncio.AbstractEventLoop) -> None:
        mine, theirs = pair
        writable, readable = asyncio.Event(), asyncio.Event()
        loop.add_reader(mine.fileno(), readable.set)
        loop.add_writer(mine.fileno(), writable.set)
        await writable.wait()
        assert not readable.is_set()
        assert loop.remove_writer(mine.fileno())
        writable.clear()
        theirs.send(b"x")
        await readable.wait()
        await asyncio.sleep(0.01)
        assert not writable.is_set()
        assert loop.remove_reader(mine.fileno())

    run(main)


def test_the_last_callback_given_is_the_one_called(run: Run, pair: tuple[socket.socket, socket.socket]) -> None:
    async def main(loop: asyncio.AbstractEventLoop) -> str:
        mine, theirs = pair
        called: asyncio.Future[str] = loop.create_future()
        loop.add_reader(mine, called.set_result, "first")
        loop.add_reader(mine, lambda: (loop.remove_reader(mine), called.set_result("second")))
        theirs.send(b"x")
        return await called

    assert run(main) == "second"


def test_the_end_of_the_peer_is_told_to_the_reader(run: Run, pair: tuple[socket.socket, socket.socket]) -> None:
    async def main(loop: asyncio.AbstractEventLoop) -> bytes:
        mine, theirs = pair
        ended: asyncio.Future[bytes] = loop.create_future()
        loop.add_reader(mine, lambda: (loop.remove_reader(mine), ended.set_result(mine.recv(1))))
        theirs.close()
        return await ended

    assert run(main) == b""


def test_a_reset_is_told_to_a_writer_that_waits(run: Run) -> None:
    async def main(loop: asyncio.AbstractEventLoop) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as mine:
            theirs, _ = listening.accept()
            mine.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    mine.send(bytes(1 << 20))
            woken = asyncio.Event()
            loop.add_writer(mine, woken.set)
            theirs.close()  # with data unread: RST
            await woken.wait()
            loop.remove_writer(mine)
            with pytest.raises(OSError, match=r"reset|Broken pipe"):
                mine.send(b"x")

    run(main)


def test_one_callback_may_take_away_another_that_is_ready_too(run: Run) -> None:
    async def main(loop: asyncio.AbstractEventLoop) -> None:
        pairs = [socket.socketpair() for _ in range(2)]
        called: list[int] = []
        once = asyncio.Event()

        def close_the_other(number: int) -> None:
            called.append(number)
            once.set()
            for mine, _ in pairs:
                loop.remove_reader(mine)
                mine.close()

        for number, (mine, theirs) in enumerate(pairs):
            loop.add_reader(mine, close_the_other, number)
            theirs.send(b"x")
        await once.wait()
        await asyncio.sleep(0.01)
        assert len(called) == 1
        for _, theirs in pairs:
            theirs.close()

    run(main)


def test_a_callback_that_fails_ends_nothing_else(run: Run, pair: tuple[socket.socket, socket.socket]) -> None:
    async def main(loop: asyncio.AbstractEventLoop) -> None:
        mine, theirs = pair
        told: asyncio.Queue[BaseException] = asyncio.Queue()
        loop.set_exception_handler(lambda _, context: told.put_nowait(context["exception"]))
        faults: list[BaseException] = [ZeroDivisionError("a fault"), asyncio.CancelledError()]
        waiting = iter(faults)

        def fail() -> None:
            mine.recv(1)
            raise next(waiting)

        loop.add_reader(mine, fail)
        for fault in faults:
            theirs.send(b"x")
            assert await told.get() is fault
        loop.remove_reader(mine)

    run(main)


def test_an_exit_goes_through(run: Run, pair: tuple[socket.socket, socket.socket]) -> None:
    def leave() -> None:
        raise SystemExit(7)

    async def main(loop: asyncio.AbstractEventLoop) -> None:
        mine, theirs = pair
        loop.add_reader(mine, leave)
        theirs.send(b"x")
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    with pytest.raises(SystemExit, match="7"):
        run(main)


def test_a_callback_runs_in_the_context_of_who_asked_for_it(run: Run, pair: tuple[socket.socket, socket.socket]) -> None:
    who = contextvars.ContextVar("who", default="nobody")

    async def main(loop: asyncio.AbstractEventLoop) -> None:
        mine, theirs = pair
        seen: asyncio.Queue[str] = asyncio.Queue()

        def called() -> None:
            mine.recv(1)
            seen.put_nowait(who.get())
            who.set("the callback")

        who.set("the one who asked")
        loop.add_reader(mine, called)
        who.set("the one who waits")
        theirs.send(b"x")
        assert await seen.get() == "the one who asked"
        assert who.get() == "the one who waits"
        loop.remove_reader(mine)

    run(main)


def test_asyncios_own_streams_and_subprocesses_work(run: Run) -> None:
    async def main(loop: asyncio.AbstractEventLoop) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\n")
        assert await reader.readline() == b"HELLO\n"
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        program = await asyncio.create_subprocess_exec("echo", "hello", stdout=asyncio.subprocess.PIPE)
        assert await program.communicate() == (b"hello\n", None)

    run(main)


def test_other_threads_timers_and_signals_wake_it(run: Run) -> None:
    async def main(loop: asyncio.AbstractEventLoop) -> None:
        assert await loop.run_in_executor(None, lambda: "from a thread") == "from a thread"
        began = time.monotonic()
        await asyncio.sleep(0.02)
        assert time.monotonic() - began >= 0.02
        caught = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, caught.set)
        os.kill(os.getpid(), signal.SIGUSR1)
        await caught.wait()
        loop.remove_signal_handler(signal.SIGUSR1)

    run(main)


def test_readers_that_are_always_ready_keep_nobody_else_waiting(run: Run, pair: tuple[socket.socket, socket.socket]) -> None:
    async def main(loop: asyncio.AbstractEventLoop) -> int:
        mine, theirs = pair
        calls = 0

        def called() -> None:
            nonlocal calls
            calls += 1

        theirs.send(b"x")
        loop.add_reader(mine, called)  # which never takes it
        await asyncio.sleep(0.02)
        loop.remove_reader(mine)
        return calls

    assert run(main) > 2


def test_what_is_left_at_the_end_is_let_go(pair: tuple[socket.socket, socket.socket]) -> None:
    loop = new_loop()
    mine, _ = pair
    loop.add_reader(mine, lambda: None)
    loop.add_writer(mine, lambda: None)
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    loop.close()
    loop.close()
    if before:
        assert len(os.listdir("/proc/self/fd")) < before
    assert mine.fileno() >= 0
    with selectors.DefaultSelector() as selector:  # and it can be watched by another
        selector.register(mine, selectors.EVENT_WRITE)
        assert selector.select(1)
