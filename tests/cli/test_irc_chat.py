"""``wirespeak irc chat``: at a terminal, and with what is piped in, on our own server; others there are clients of the tests."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.interop.telnet_peers import Terminal, at_terminal
from tests.irc.talk import CONFIG, LIMITS
from tests.sockets.serving import Served, served
from wirespeak.irc.client import BlockingClient
from wirespeak.irc.client_states import Timeouts
from wirespeak.irc.sending import Rate
from wirespeak.irc.server import IrcServer, open_accounts
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.tls import ROOT_CERTIFICATE, client_context, server_context

CHAT = [sys.executable, "-m", "wirespeak", "irc", "chat"]
LOCAL = "LOCAL> "
"""The prompt of the shell that the client is started from."""

Start = Callable[..., str]


@pytest.fixture
def server() -> Iterator[Start]:
    """``server()`` serves IRC until the test ends; its address."""
    with ExitStack() as stack:

        def start(**options: Any) -> str:
            accounts = open_accounts(CONFIG, None)
            stack.callback(accounts.close)
            running: Served = stack.enter_context(served(IrcServer(CONFIG, accounts=accounts, limits=LIMITS), **options))
            return f"127.0.0.1:{running.address[1]}"

        yield start


def somebody(address: str, nick: str = "bob", *channels: str, **settings: Any) -> BlockingClient:
    """Another one, in ``channels``; what has happened so far is forgotten."""
    client = BlockingClient.connect(address, nick, rate=Rate(5, 0), timeouts=Timeouts.at_most(20), **settings)
    for channel in channels:
        client.join(channel)
    while client.kept() is not None:
        pass
    return client


def hears(client: BlockingClient, command: str = "PRIVMSG") -> str:
    """The text of the next such message."""
    while True:
        event: Any = client.next(20)
        if event.command == command:
            return str(event.text)


def chat(*words: str, said: str = "", env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command with ``said`` piped in."""
    return subprocess.run(
        [*CHAT, *words], input=said, capture_output=True, timeout=60, env={**os.environ, **(env or {})}, check=False, text=True
    )


@contextmanager
def in_a_shell(tmp_path: Path, words: str, *, columns: int = 99, env: Mapping[str, str] | None = None) -> Iterator[Terminal]:
    """The command, typed into a shell at a terminal of its own; at the end the terminal has to be as it was."""
    settings = tmp_path / "rc"
    settings.write_text(f"PS1='{LOCAL}'\nbind 'set enable-bracketed-paste off'\nalias chat='{shlex.join(CHAT)}'\n")
    with at_terminal("bash", "--noprofile", "--rcfile", settings, "-i", cwd=Path.cwd(), columns=columns, env=env) as terminal:
        terminal.see(LOCAL)
        terminal.type("stty -g\r")
        before = terminal.see(rb"\n([0-9a-f:]+)\r\n")[1]
        terminal.see(LOCAL)
        terminal.type(f"chat {words}\r")
        yield terminal
        terminal.type("stty -g\r")
        assert terminal.see(rb"\n([0-9a-f:]+)\r\n")[1] == before, "the terminal is not as it was"


def code_of(terminal: Terminal) -> int:
    """The exit code, once the shell's prompt is back."""
    terminal.see(LOCAL)
    terminal.type("echo code=$?\r")
    code = int(terminal.see(rb"code=(\d+)\r\n")[1])
    terminal.see(LOCAL)
    return code


# --- at a terminal


def test_a_conversation_at_a_terminal(server: Start, tmp_path: Path) -> None:
    address = server()
    with somebody(address, "bob", "#lobby") as bob, in_a_shell(tmp_path, f"{address} --nick ann --join '#lobby' --rate 0") as terminal:
        terminal.see(r"connected to 127.0.0.1:\d+ as ann", r"2 in #lobby: @bob ann", r"\[#lobby\] ")
        terminal.type("hello everybody\r")
        assert hears(bob) == "hello everybody"
        terminal.see(r"ann\S*> .*hello everybody")
        bob.say("#lobby", "hi ann, how are you?")
        terminal.see(r"bob\S*> .*hi ann, how are you\?", "\a", r"\[#lobby\] ")
        bob.say("ann", "psst")
        terminal.see(r"bob \S*.*<.*bob.*psst")
        terminal.type("/me waves\r")
        assert hears(bob) == "waves"
        terminal.see(r"\* .*ann\S* waves")
        terminal.type("//not a command\r")
        assert hears(bob) == "/not a command"
        terminal.type("/query bob secret\r")
        assert hears(bob) == "secret"
        terminal.see(r"\[bob\] ")
        terminal.type("\x1b1")  # Alt-1: back to the first channel
        terminal.see(r"\[#lobby\] ")
        bob.mode("#lobby", "+o", "ann")
        terminal.see(r"bob\S* sets \+o ann on #lobby")
        terminal.type("/topic what it is about\r")
        terminal.see(r"ann\S* sets the topic: .*what it is about")
        terminal.type("/whois bob\r")
        terminal.see(r"bob is ~?wirespeak@")
        terminal.type("/kick #lobby nobody\r")
        terminal.see("nobody")
        terminal.type("/frobnicate\r")
        terminal.see("/frobnicate is no command here")
        terminal.type("/part\r")
        terminal.see(r"ann\S* leaves #lobby", r"\[bob\] ")
        terminal.type("/quit\r")
        assert code_of(terminal) == 0


def test_what_is_typed_stays_below_what_comes(server: Start, tmp_path: Path) -> None:
    address = server()
    with somebody(address, "bob", "#lobby") as bob, in_a_shell(tmp_path, f"{address} -n ann -j '#lobby' --rate 0") as terminal:
        terminal.see(r"2 in #lobby", r"\[#lobby\] ")
        terminal.type("half a sent")
        terminal.see("half a sent")
        bob.say("#lobby", "me first")
        # The line is taken off the screen, and stands below what came: nothing is lost of it.
        terminal.see("\x08", "me first", r"\r\n\[#lobby\] half a sent")
        terminal.type("ence\r")
        assert hears(bob) == "half a sentence"
        terminal.type("\x1b[A\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7fthing\r")  # the arrow brings it back
        assert hears(bob) == "half a thing"
        terminal.type("/quit see you\r")
        assert code_of(terminal) == 0
        assert "see you" in hears(bob, "QUIT")


def test_long_texts_are_broken_between_words(server: Start, tmp_path: Path) -> None:
    address = server()
    words = in_a_shell(tmp_path, f"{address} -n ann -j '#lobby'", columns=60, env={"NO_COLOR": "1"})
    with somebody(address, "bob", "#lobby") as bob, words as terminal:
        terminal.see(r"2 in #lobby", r"\[#lobby\] ")
        bob.say("#lobby", "and so on " * 8 + "https://home.test/" + "x" * 70 + " end")
        said = terminal.see(r"<@bob> (.*end)\r\n")[1].decode().split("\r\n")
        assert said[0] == "and so on and so on and so on and so on and so"
        assert said[1] == "      on and so on and so on and so on"
        assert said[2] == "      https://home.test/" + "x" * 70
        assert said[3] == "      end"
        terminal.type("/quit\r")
        assert code_of(terminal) == 0


def test_completion(server: Start, tmp_path: Path) -> None:
    address = server()
    with (
        somebody(address, "bobby", "#lobby") as bob,
        somebody(address, "Boris", "#lobby"),
        in_a_shell(tmp_path, f"{address} -n ann -j '#lobby' --rate 0") as terminal,
    ):
        terminal.see(r"3 in #lobby", r"\[#lobby\] ")
        terminal.type("bo\ttea?\r")
        assert hears(bob) == "Boris: tea?"
        terminal.type("bo\t\ttea?\r")
        assert hears(bob) == "bobby: tea?"
        bob.say("#lobby", "yes")
        terminal.see("yes")
        terminal.type("b\tgood\r")  # who spoke last comes first
        assert hears(bob) == "bobby: good"
        terminal.type("ask bor\tin #lo\t\r")
        assert hears(bob) == "ask Boris in #lobby "
        terminal.type("/whoi\tbobby\r")
        terminal.see("bobby is ")
        terminal.type("xyz\t\r")  # nothing begins so
        terminal.see("\a")
        assert hears(bob) == "xyz"
        terminal.type("\x04")
        assert code_of(terminal) == 0


def test_what_others_say_can_not_touch_the_terminal(server: Start, tmp_path: Path) -> None:
    address = server()
    with somebody(address, "bob", "#lobby") as bob, in_a_shell(tmp_path, f"{address} -n ann -j '#lobby'") as terminal:
        terminal.see(r"2 in #lobby", r"\[#lobby\] ")
        bob.say("#lobby", "\x1b]0;owned\x07\x1b[6n\u202eevil\x9b31m \x02bold\x02 \x0304red\x0f \x16x\x16 end")
        match = terminal.see(r"bob[^\n]*end")
        shown = match[0]
        assert b"\\x1b]0;owned\\x07\\x1b[6n\\u202eevil\\x9b31m" in shown
        assert b"\x1b[1mbold\x1b[0m" in shown
        assert b"\x1b[91mred\x1b[0m" in shown
        bob.send("TOPIC", "#lobby", "\x1b[2Jclear")
        terminal.see(r"sets the topic: .*\\x1b\[2Jclear")
        bob.part("#lobby", "\x1b[31mred")
        terminal.see(r"leaves #lobby.*\\x1b\[31mred")
        terminal.type("/quit\r")
        assert code_of(terminal) == 0


def test_no_colours_where_none_are_wanted(server: Start, tmp_path: Path) -> None:
    address = server()
    with (
        somebody(address, "bob", "#lobby") as bob,
        in_a_shell(tmp_path, f"{address} -n ann -j '#lobby'", env={"NO_COLOR": "1"}) as terminal,
    ):
        terminal.see(r"2 in #lobby", r"\[#lobby\] ")
        bob.say("#lobby", "\x02bold\x02 and \x0304,02red\x03")
        terminal.see("<@bob> bold and red\r\n")
        assert b"\x1b[" not in bytes(terminal.shown)[bytes(terminal.shown).index(b"connected to") :]
        terminal.type("/quit\r")
        assert code_of(terminal) == 0


def test_ctcp_is_answered_and_dcc_is_not(server: Start, tmp_path: Path) -> None:
    address = server()
    with somebody(address, "bob", "#lobby") as bob, in_a_shell(tmp_path, f"{address} -n ann -j '#lobby' --rate 0") as terminal:
        terminal.see(r"2 in #lobby")
        bob.ctcp("ann", "VERSION")
        assert hears(bob, "NOTICE").startswith("wirespeak ")
        bob.ctcp("ann", "DCC", "SEND STARTKEYLOGGER 0 0 0")
        terminal.see("CTCP DCC SEND STARTKEYLOGGER 0 0 0 .not accepted")
        terminal.type("/ctcp bob PING 42\r")
        assert hears(bob) == "42"
        terminal.type("/quit\r")
        assert code_of(terminal) == 0


@pytest.mark.parametrize(("keys", "code"), [("\x03", 130), ("\x04", 0), ("/quit\r", 0)])
def test_ways_to_leave(server: Start, tmp_path: Path, keys: str, code: int) -> None:
    with in_a_shell(tmp_path, f"{server()} -n ann") as terminal:
        terminal.see(r"connected to", r"\[ann\] ")
        terminal.type("unfinished\x03")  # Ctrl-C drops the line at first
        terminal.see(r"\^C\r\n\[ann\] ")
        terminal.type(keys)
        assert code_of(terminal) == code


def test_stopped_and_continued(server: Start, tmp_path: Path) -> None:
    with in_a_shell(tmp_path, f"{server()} -n ann -j '#lobby'") as terminal:
        terminal.see(r"1 in #lobby", r"\[#lobby\] ")
        terminal.type("half\x1a")
        terminal.see("Stopped", LOCAL)
        terminal.type("fg\r")
        terminal.see(r"\[#lobby\] half")
        terminal.type("\x15/quit\r")
        assert code_of(terminal) == 0


def test_the_connection_is_made_anew(server: Start, tmp_path: Path) -> None:
    address = server()
    with somebody(address, "bob", "#lobby") as bob, in_a_shell(tmp_path, f"{address} -n ann -j '#lobby'") as terminal:
        terminal.see(r"2 in #lobby", r"\[#lobby\] ")
        bob.send("OPER", "oper", "mellon")
        bob.ask("KILL", "ann", "go away")
        terminal.see("not connected: ", r"next attempt in \d+ seconds")
        terminal.type("is anybody there\r")
        terminal.see("not connected")
        terminal.see("connected again, as ann", r"2 in #lobby")
        terminal.type("here I am\r")
        assert hears(bob) == "here I am"
        terminal.type("/quit\r")
        assert code_of(terminal) == 0


def test_a_signal_ends_it_in_good_order(server: Start) -> None:
    address = server()
    with somebody(address, "bob", "#lobby") as bob, at_terminal(*CHAT, address, "-n", "ann", "-j", "#lobby") as terminal:
        terminal.see(r"2 in #lobby", r"\[#lobby\] ")
        os.kill(terminal.child.pid, signal.SIGTERM)
        assert terminal.end() == 130
        assert hears(bob, "QUIT").startswith("Quit")


def test_help_tells_of_all_commands(server: Start, tmp_path: Path) -> None:
    with in_a_shell(tmp_path, f"{server()} -n ann") as terminal:
        terminal.see(r"\[ann\] ")
        terminal.type("/help\r")
        told = terminal.see(r"/away[^\0]*/win[^\n]*\n")[0].decode()
        names = (
            "join",
            "part",
            "msg",
            "query",
            "me",
            "nick",
            "topic",
            "names",
            "whois",
            "list",
            "mode",
            "kick",
            "invite",
            "away",
            "raw",
            "quit",
        )
        assert all(f"/{name}" in told for name in names)
        terminal.type("/win\r")
        terminal.see(r"windows: 0 \(server\)")
        terminal.type("\x04")
        assert code_of(terminal) == 0


# --- through pipes


def test_what_is_piped_in_is_said(server: Start) -> None:
    address = server()
    with somebody(address, "bob", "#lobby") as bob:
        ran = chat(address, "-n", "ann", "-j", "#lobby", "--rate", "0", said="hello\n\n/me waves\n/whois bob\nlast, without an end")
        assert ran.returncode == 0, ran.stderr
        assert [hears(bob) for _ in range(3)] == ["hello", "waves", "last, without an end"]
    lines = ran.stdout.splitlines()
    assert "#lobby -- 2 in #lobby: @bob ann" in lines
    assert any(re.fullmatch(r"-- bob is ~?wirespeak@\S+: bob", line) for line in lines)
    assert "\x1b" not in ran.stdout


def test_the_first_channel_is_spoken_to(server: Start) -> None:
    address = server()
    with somebody(address, "bob", "#one", "#two") as bob:
        assert chat(address, "-n", "ann", "-j", "#one,#two", said="first\n/msg #two second\n/join #three\nthird").returncode == 0
        said = [hears(bob), hears(bob)]
    assert said == ["first", "second"]


def test_what_comes_is_written_out_a_line_each(server: Start) -> None:
    address = server()
    with somebody(address, "bob", "#lobby") as bob:
        process = subprocess.Popen([*CHAT, address, "-n", "ann", "-j", "#lobby"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdin is not None
        assert process.stdout is not None
        hears(bob, "JOIN")
        bob.say("#lobby", "\x02hi\x02 \x1b[31mthere")
        bob.act("#lobby", "sits down")
        bob.say("ann", "psst")
        lines: list[str] = []
        while not lines or "psst" not in lines[-1]:
            lines.append(process.stdout.readline())
        assert lines[-3:] == ["#lobby <@bob> hi \\x1b[31mthere\n", "#lobby * bob sits down\n", "bob <bob> psst\n"]
        process.communicate(timeout=20)
        assert process.returncode == 0


def test_json_for_programs(server: Start) -> None:
    address = server()
    ran = chat(address, "-n", "ann", "-j", "#lobby", "--json", said="/topic a topic\n")
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    assert events[0] == {"event": "connected", "server": address, "nick": "ann", "tls": False}
    assert events[-1] == {"event": "closed"}
    (topic,) = [event for event in events if event.get("command") == "TOPIC"]
    assert (topic["nick"], topic["channels"], topic["text"], topic["mine"]) == ("ann", ["#lobby"], "a topic", True)


def test_a_no_is_an_exit_code(server: Start) -> None:
    address = server()
    with somebody(address, "bob", "#lobby") as bob:
        bob.mode("#lobby", "+i")
        assert chat(address, "-n", "ann", "-j", "#lobby").returncode == 1
        assert chat(address, "-n", "ann", said="/msg nobody hi\n").returncode == 1
        assert chat(address, "-n", "ann", said="hi\n").returncode == 1, "nobody is listening"
        assert chat(address, "-n", "ann", said="/msg bob hi\n/quit bye\nnot said\n").returncode == 0
        assert hears(bob) == "hi"


def test_no_server_and_wrong_usage(server: Start, free_port: Callable[[], int]) -> None:
    assert chat(f"127.0.0.1:{free_port()}").returncode == 3
    assert chat("what is this").returncode == 2
    assert chat("*:6667").returncode == 2
    assert chat("127.0.0.1:1", "--nick", "a b").returncode in (2, 3)
    assert chat(server(), "--nick", "a b").returncode == 2


def test_tls_and_a_login(server: Start, tmp_path: Path) -> None:
    authority = Authority.open(tmp_path / "authority")
    root = authority.folder / ROOT_CERTIFICATE
    address = server(tls=server_context(authority))
    with somebody(address, "ann", tls=True, context=client_context(authorities=[root])) as ann:
        ann.ask("REGISTER", "*", "*", "correct horse battery")
    words = (address, "--tls", "--ca", str(root), "--nick", "ann", "--user", "ann")
    ran = chat(*words, said="/whois ann\n", env={"WIRESPEAK_IRC_CHAT_PASSWORD": "correct horse battery"})
    assert ran.returncode == 0, ran.stderr
    assert "-- ann is logged in as ann" in ran.stdout
    assert chat(*words, "--password", "wrong").returncode == 1
    assert chat(address, "--tls").returncode == 5
    assert chat(address, "--tls", "--insecure", said="/quit\n").returncode == 0


def test_every_byte_explained(server: Start) -> None:
    ran = chat(server(), "-n", "ann", "-j", "#lobby", "--explain", "--server-password", "hunter2", said="hello\n")
    assert ran.returncode == 0
    assert "→ " in ran.stderr
    assert "PRIVMSG" in ran.stderr
    assert "hunter2" not in ran.stderr + ran.stdout
    ran = chat(server(), "-n", "ann", "--explain", "--json")
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    assert {event["direction"] for event in events if "direction" in event} == {"in", "out"}
