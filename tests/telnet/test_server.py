"""What a Telnet server decides: when its host begins, how a line is asked for, and how a visit ends."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from typing import Any

import pytest

from tests.sockets.serving import read_all, served, until
from tests.telnet.callers import TERMINAL, Caller, at_a_terminal, named
from tests.telnet.dialog import sb, wire
from wirespeak.sockets.memory import MemoryNetwork
from wirespeak.telnet.limits import TelnetLimits
from wirespeak.telnet.server import KNOWN_TIME, Counters, TelnetServer
from wirespeak.telnet.visitor import Interrupted, Visitor


async def parrot(visitor: Visitor) -> None:
    await visitor.say("A parrot lives here.")
    async for line in visitor:
        await visitor.say(f"{line}! {line}!")
    await visitor.say("It flies away.")


async def asker(visitor: Visitor) -> None:
    while (line := await visitor.ask("> ")) is not None:
        await visitor.say(f"({line})")


# --- the beginning


def test_it_offers_to_echo_and_asks_for_the_terminal() -> None:
    caller = Caller(TelnetServer(parrot))
    assert caller.raw == wire("WILL ECHO", "WILL SGA", "DO SGA", "DO TTYPE", "DO NAWS", "DO NEW-ENVIRON")


def test_the_host_begins_once_the_terminal_is_known() -> None:
    caller = Caller(TelnetServer(parrot))
    assert caller.say(TERMINAL) == ""
    assert caller.say(named("xterm")) == "A parrot lives here.\r\n"
    assert caller.network.now() == 0


def test_a_peer_that_answers_nothing_is_not_waited_for_long() -> None:
    caller = Caller(TelnetServer(parrot))
    assert caller.wait(KNOWN_TIME - 0.01) == ""
    assert caller.wait(0.02) == "A parrot lives here.\r\n"


def test_a_peer_that_talks_is_not_waited_for_at_all() -> None:
    """Such as nc: it ends lines by LF, and echoes nothing."""
    caller = Caller(TelnetServer(parrot))
    assert caller.say("polly\n") == "A parrot lives here.\r\npolly! polly!\r\n"
    assert caller.network.now() == 0


def test_a_peer_that_refuses_everything() -> None:
    caller = Caller(TelnetServer(parrot))
    refused = wire("DONT ECHO", "DONT SGA", "WONT SGA", "WONT TTYPE", "WONT NAWS", "WONT NEW-ENVIRON")
    assert caller.say(refused) == "A parrot lives here.\r\n"
    assert caller.say("polly\r\n") == "polly! polly!\r\n"


def test_what_the_terminal_tells_is_known() -> None:
    seen: list[Any] = []

    async def host(visitor: Visitor) -> None:
        seen.append((visitor.terminal, visitor.columns, visitor.rows, visitor.screen.colours, visitor.variables))
        await visitor.ask()
        seen.append((visitor.columns, visitor.rows))

    caller = Caller(TelnetServer(host))
    variables = sb("NEW-ENVIRON", 0, 3, b"LANG", 1, b"C.UTF-8", 3, b"NO_COLOR", 1, b"1")
    caller.say(wire("DO ECHO", "WILL TTYPE", "WILL NAWS", "WILL NEW-ENVIRON", "SB NAWS 0 40 0 25"), variables, named("XTERM"))
    caller.say(wire("SB NAWS 1 4 0 50"), "\r\n")
    assert seen == [("xterm", 40, 25, False, {"LANG": "C.UTF-8", "NO_COLOR": "1"}), (260, 50)]


def test_first_bytes_that_are_an_http_request_are_seen_by_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Hostile row 14: a web page can make its visitor's browser send one."""
    caller = Caller(TelnetServer(parrot))
    caller.say("POST / HTTP/1.1\r\nHost: localhost:23\r\n\r\nwhoami\r\n")
    caller.wait(5)
    assert caller.ended
    assert caller.text == ""
    assert "HTTP request" in caplog.text


# --- a line


@pytest.mark.parametrize("piece", [None, 1])
def test_keys_are_echoed_and_lines_are_edited(piece: int | None) -> None:
    caller = at_a_terminal(TelnetServer(asker), piece=piece)
    assert caller.news() == ""
    assert caller.text == "> "
    assert caller.say("hallo") == "hallo"
    assert caller.say("\x7f") == "\b \b"
    caller.say("\x7f\x7f\x7fello")
    assert caller.say("\r\0") == "\r\n(hello)\r\n> "


@pytest.mark.parametrize("end", ["\r\0", "\r\n", "\n"])
def test_a_line_ends_as_the_nvt_or_the_terminal_has_it(end: str) -> None:
    assert at_a_terminal(TelnetServer(asker)).say(f"one{end}two{end}") == "one\r\n(one)\r\n> two\r\n(two)\r\n> "


def test_nothing_is_echoed_to_who_echoes() -> None:
    caller = Caller(TelnetServer(asker))
    caller.say(wire("DONT ECHO"))
    caller.wait(1)
    assert caller.say("hello\r\n") == "(hello)\r\n> "


def test_erasing_what_is_not_there_has_no_effect() -> None:
    """Hostile row 4: IAC EC, IAC EL."""
    caller = at_a_terminal(TelnetServer(asker))
    assert caller.say(wire("EC", "EL", "EC")) == ""
    assert caller.say("abc", wire("EC"), "\r\n") == "abc\b \b\r\n(ab)\r\n> "
    assert caller.say("abc", wire("EL"), "d\r\n").endswith("(d)\r\n> ")


async def secretive(visitor: Visitor) -> None:
    password = await visitor.password()
    name = await visitor.ask("Name: ", default="nobody")
    await visitor.say(f"{name}:{password}")


def test_a_password_is_masked() -> None:
    caller = at_a_terminal(TelnetServer(secretive))
    assert caller.say("secret\r\n") == "******\r\nName: "
    assert caller.say("\r\n") == "\r\nnobody:secret\r\n"
    assert caller.ended


def test_lines_may_be_edited_on_the_visitors_side() -> None:
    """RFC 1184; and for a password RFC 857: it echoes nothing for as long as we say that we do."""
    caller = Caller(TelnetServer(secretive, line_mode=True))
    assert caller.raw.startswith(wire("DO LINEMODE"))
    caller.say(wire("WILL LINEMODE", "WILL TTYPE", "WILL NAWS", "WONT NEW-ENVIRON", "SB NAWS 0 80 0 24"), named("xterm"))
    assert wire("SB LINEMODE 1 3") in caller.raw  # EDIT and TRAPSIG …
    caller.say(wire("SB LINEMODE 1 7"))  # … and so it is (ACK)
    assert caller.raw.endswith(b"Password: " + wire("WILL ECHO")) or caller.raw.endswith(wire("WILL ECHO") + b"Password: ")
    assert caller.say(wire("DO ECHO"), "secret\r\n") == "\r\nName: "
    assert wire("WONT ECHO") in caller.raw
    assert caller.say(wire("DONT ECHO"), "joe\r\n") == "joe:secret\r\n"


async def chooser(visitor: Visitor) -> None:
    while (key := await visitor.menu("Main", {"a": "Apples", "b": "Bread"})) is not None:
        await visitor.say(f"chosen: {key}")


def test_a_menu() -> None:
    caller = at_a_terminal(TelnetServer(chooser), name="dumb")
    assert caller.text == "Main\r\n────\r\n  a  Apples\r\n  b  Bread\r\n> "
    assert "chosen: a" in caller.say("A\r\n")
    assert "chosen: b" in caller.say("bre\r\n")
    assert caller.say("x\r\n") == "x\r\nOne of a, b.\r\n> "
    assert caller.say("\r\n") == "\r\n" + caller.text[: caller.text.index("> ") + 2]


def test_colours_are_for_terminals_that_have_them() -> None:
    assert "\x1b[" in at_a_terminal(TelnetServer(chooser), name="xterm").text
    assert "\x1b" not in at_a_terminal(TelnetServer(chooser), name="vt100").text


def test_what_is_typed_ahead_is_kept() -> None:
    async def slow(visitor: Visitor) -> None:
        await visitor.ask("go? ")
        answers = [await visitor.ask() for _ in range(3)]
        await visitor.say(" ".join(str(answer) for answer in answers))

    assert "one two None" in at_a_terminal(TelnetServer(slow)).say("yes\r\none\r\ntwo\r\n\x04")


# --- at any time


def test_are_you_there() -> None:
    caller = at_a_terminal(TelnetServer(asker))
    caller.say("half")
    assert caller.say(wire("AYT")) == "\b" * 6 + " " * 6 + "\b" * 6 + "[Yes]\r\n> half"
    assert caller.say(" a line\r\n").endswith("(half a line)\r\n> ")


def test_a_flood_of_questions_is_answered_within_bounds() -> None:
    """Hostile row 5: nobody reads the answers, and so no more questions are heard."""
    network = MemoryNetwork({("server", 23): TelnetServer(asker)})
    caller = Caller(network=network)
    caller.say(TERMINAL, named("dumb"))
    connection = caller.stream
    for _ in range(64):
        connection._outgoing.append(wire("AYT") * 16384)
    connection._turn()
    assert connection.unsent > 0
    assert connection.pending() < 2 << 20


@pytest.mark.parametrize("how", [b"\x03", wire("IP"), wire("BRK")])
def test_an_interrupt_ends_who_waits_for_a_line(how: bytes) -> None:
    caller = at_a_terminal(TelnetServer(asker))
    assert caller.say("half", how) == "half^C\r\n"
    assert caller.ended
    assert not caller.lost


def test_an_interrupt_can_be_caught() -> None:
    async def stubborn(visitor: Visitor) -> None:
        try:
            await visitor.ask("> ")
        except Interrupted:
            await visitor.say("No.")
        await visitor.say(f"{await visitor.ask('> ')}")

    caller = at_a_terminal(TelnetServer(stubborn))
    assert caller.say("x\x03never\r\n") == "x^C\r\nNo.\r\n> "
    assert caller.say("y\r\n") == "y\r\ny\r\n"


def test_an_interrupt_cancels_what_runs() -> None:
    cancelled: list[bool] = []

    async def busy(visitor: Visitor) -> None:
        async def forever() -> None:
            try:
                await visitor.link.future()
            finally:
                cancelled.append(True)

        try:
            await visitor.run(forever())
        except Interrupted:
            await visitor.say("stopped")
        assert await visitor.run(quick()) == 7

    async def quick() -> int:
        return 7

    caller = at_a_terminal(TelnetServer(busy))
    caller.say("typed ahead", b"\x03")
    assert cancelled == [True]
    assert caller.text == "stopped\r\n"
    assert caller.ended
    assert not caller.lost


def test_others_may_speak_while_a_line_is_typed() -> None:
    visitors: list[Visitor] = []

    async def room(visitor: Visitor) -> None:
        visitors.append(visitor)
        async for line in visitor:
            for other in visitors:
                if other is not visitor:
                    await other.say(line)

    network = MemoryNetwork({("server", 23): TelnetServer(room)})
    ann, bob = Caller(network=network), Caller(network=network)
    for caller in (ann, bob):
        caller.say(TERMINAL, named("xterm"))
    assert bob.say("half") == "half"
    ann.say("hello\r\n")
    bob.listen()
    assert bob.news() == "\b" * 4 + " " * 4 + "\b" * 4 + "hello\r\nhalf"


# --- the end


@pytest.mark.parametrize("last", ["\x04", wire("EOF")])
def test_the_end_of_input_ends_the_lines(last: str | bytes) -> None:
    caller = at_a_terminal(TelnetServer(parrot))
    caller.news()
    assert caller.say("a\r\n", last) == "a\r\na! a!\r\n\r\nIt flies away.\r\n"
    assert caller.ended
    assert not caller.lost


def test_who_hangs_up_cancels_the_host() -> None:
    ended: list[str] = []

    async def waiting(visitor: Visitor) -> None:
        try:
            await visitor.ask()
        finally:
            ended.append("ended")

    counters = Counters()
    caller = at_a_terminal(TelnetServer(waiting, counters=counters))
    assert counters.as_data() == {"connections": {"open": 1}, "visits": {"total": 1}}
    caller.hang_up()
    assert ended == ["ended"]
    assert counters.as_data() == {"connections": {"open": 0}, "visits": {"total": 1}}


def test_a_last_line_without_an_end_is_a_line() -> None:
    """As ``printf polly | nc`` sends it."""
    with served(TelnetServer(parrot)) as server, server.connect() as sock:
        sock.sendall(b"polly")
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock).endswith(b"polly! polly!\r\nIt flies away.\r\n")


def test_a_logout_that_is_asked_for() -> None:
    """RFC 727."""
    caller = at_a_terminal(TelnetServer(asker))
    caller.say(wire("DO LOGOUT"))
    caller.wait(3)
    assert caller.raw.endswith(wire("WILL LOGOUT"))
    assert caller.ended
    assert not caller.lost


def test_a_host_that_fails_ends_in_a_reset_and_the_log_says_why(caplog: pytest.LogCaptureFixture) -> None:
    async def failing(visitor: Visitor) -> None:
        raise ValueError("a fault of the host's")

    caller = at_a_terminal(TelnetServer(failing))
    assert caller.lost
    assert "a fault of the host's" in caplog.text


def test_who_says_nothing_for_long_is_sent_home(caplog: pytest.LogCaptureFixture) -> None:
    caller = at_a_terminal(TelnetServer(asker, limits=TelnetLimits(idle=60.0)))
    caller.wait(59)
    assert not caller.ended
    with caplog.at_level(logging.WARNING):
        caller.wait(5)
    assert caller.ended
    assert "60 seconds" in caplog.text


def test_what_is_malformed_is_passed_over() -> None:
    caller = at_a_terminal(TelnetServer(asker))
    assert caller.say(sb("NAWS", b"123"), sb("TTYPE", 9), sb("CHARSET", b"?")) == ""
    assert caller.say("on\r\n") == "on\r\n(on)\r\n> "


# --- over sockets


def test_a_stop_ends_visits_in_good_order() -> None:
    server = TelnetServer(asker)
    with served(server) as running:
        sock = running.connect()
        sock.sendall(b"hello\n")
        shown = b""
        while not shown.endswith(b"(hello)\r\n> "):
            shown += sock.recv(65536)
        assert server.counters.open == 1
    with sock:
        assert read_all(sock) == b""
    until(lambda: server.counters.open == 0)


EXAMPLE = """
from wirespeak.telnet.server import serve

async def host(visitor):
    await visitor.say("A parrot lives here.")
    async for line in visitor:
        await visitor.say(f"{line}! {line}!")

serve(host, "127.0.0.1:0", on_ready=lambda places: print(*places, flush=True))
"""


def test_a_host_in_ten_lines() -> None:
    with subprocess.Popen([sys.executable, "-c", EXAMPLE], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        host, port = program.stdout.readline().strip().rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=20) as sock:
            sock.sendall(b"polly\n")
            sock.shutdown(socket.SHUT_WR)
            assert read_all(sock).endswith(b"A parrot lives here.\r\npolly! polly!\r\n")
        program.terminate()
        assert program.wait(20) == 0
