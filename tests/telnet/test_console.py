"""What the interactive client decides: with a host that wants each key, with one that wants lines, and with one that knows no Telnet."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.telnet.dialog import sb, wire
from wirespeak.contract import FINISH
from wirespeak.telnet.commands import Open, Settings, Wish
from wirespeak.telnet.console import Console
from wirespeak.telnet.messages import Data
from wirespeak.telnet.options import NewEnviron, client_options
from wirespeak.telnet.session import TelnetSession

SHELL = wire("WILL ECHO", "WILL SUPPRESS-GO-AHEAD")
"""What a host says that wants each key, and echoes it."""

INTERRUPT, EOF, SUSPEND, ESCAPE = b"\x03", b"\x04", b"\x1a", b"\x1d"


class Terminal:
    """A console, its session, and what a user and a host see of both."""

    def __init__(self, settings: Settings | None = None, *, connected: bool = True, columns: int = 80) -> None:
        self.console = Console(settings, columns=columns)
        variables = self.console.settings.exported
        self.session = TelnetSession(
            lambda: None, options=[*client_options(variables=variables), NewEnviron(variables, will=True)], host=False
        )
        if connected:
            self.console.connected(self.session, "host:23")
            assert "Connected to host:23." in self.screen
        else:
            self.console.ask()

    def hear(self, *parts: bytes) -> str:
        """The host says something; what the screen shows of it."""
        events = self.session.receive(b"".join(parts), 0.0)
        while events:
            for event in events:
                if isinstance(event, Data):
                    self.session.consumed(len(event.data))
                self.console.heard(event)
            events = self.session.receive(b"", 0.0)
        return self.screen

    def type(self, keys: bytes) -> bytes:
        """The user types; what the host gets of it."""
        self.console.typed(keys)
        return self.said

    def order(self, line: str) -> str:
        """The user goes to the prompt and says something there; what the screen shows upon that."""
        self.console.typed(ESCAPE)
        assert self.screen.endswith("telnet> ")
        self.console.typed(line.encode() + b"\r")
        return self.screen.replace("\r\n", "\n").removeprefix(f"{line}\n")

    @property
    def said(self) -> bytes:
        return b"".join(part if isinstance(part, bytes) else b"<FIN>" if part is FINISH else part.data for part in self._segments())

    def _segments(self) -> list[Any]:
        return list(self.session.data_to_send())

    @property
    def screen(self) -> str:
        return self.console.screen.decode()

    @property
    def flow(self) -> tuple[bool | None, bool | None]:
        """Whether the terminal stops on XOFF, and goes on by any key."""
        return self.console.flow.on, self.console.flow.any_key

    def prompting(self) -> bool:
        return self.console.prompting

    @property
    def wishes(self) -> list[Wish | Open]:
        return self.console.prompt.wishes


@pytest.fixture
def shell() -> Terminal:
    """With a host that wants each key."""
    terminal = Terminal()
    terminal.hear(SHELL)
    assert terminal.said == wire("DO ECHO", "DO SUPPRESS-GO-AHEAD")
    return terminal


@pytest.fixture
def lines() -> Terminal:
    """With a host that speaks Telnet, and gets lines."""
    terminal = Terminal()
    terminal.hear(wire("DO TTYPE"))
    terminal.said  # noqa: B018
    return terminal


@pytest.fixture
def server() -> Terminal:
    """With a host that knows nothing of Telnet."""
    return Terminal()


# --- each key by itself


def test_each_key_goes_to_a_host_that_echoes(shell: Terminal) -> None:
    assert shell.type(b"l") == b"l"
    assert shell.type(b"s\r") == b"s\r\0"
    assert shell.type(INTERRUPT + EOF + SUSPEND) == INTERRUPT + EOF + SUSPEND
    assert shell.type("ü\x1b[A".encode()) == "ü\x1b[A".encode()
    assert shell.screen == ""
    assert shell.hear(b"ls\r\nfile\r\n") == "ls\r\nfile\r\n"


def test_enter_may_be_a_whole_line_end(shell: Terminal) -> None:
    shell.order("toggle crlf")
    assert shell.type(b"x\r") == b"x\r\n"


def test_what_is_binary_is_not_translated(shell: Terminal) -> None:
    shell.order("toggle binary crlf")
    shell.hear(wire("WILL BINARY", "DO BINARY"))
    shell.said  # noqa: B018
    assert shell.type(b"a\r\xff") == b"a\r\xff\xff"


def test_who_suppresses_go_aheads_and_does_not_echo_gets_keys_that_we_echo() -> None:
    terminal = Terminal()
    terminal.hear(wire("WILL SUPPRESS-GO-AHEAD"))
    terminal.said  # noqa: B018
    assert terminal.type(b"hi\x01\r") == b"hi\x01\r\0"
    assert terminal.screen == "hi^A\r\n"


def test_interrupts_become_commands_where_the_user_wants_it(shell: Terminal) -> None:
    shell.order("toggle localchars")
    assert shell.type(b"x" + INTERRUPT + b"y\x14") == b"x" + wire("IP") + b"y" + wire("AYT")
    assert shell.type(EOF) == EOF


# --- lines


def test_lines_are_edited_and_echoed_here(lines: Terminal) -> None:
    assert lines.type(b"helo\x7flo") == b""
    assert lines.screen.endswith("lo")
    assert lines.type(b"\r") == b"hello\r\n"
    assert lines.screen == "\r\n"


def test_what_is_typed_ahead_is_several_lines(lines: Terminal) -> None:
    assert lines.type(b"one\rtwo\rthr") == b"one\r\ntwo\r\n"
    assert lines.type(b"ee\r") == b"three\r\n"


def test_a_line_is_edited_behind_what_the_host_asks(lines: Terminal) -> None:
    lines.hear(b"\x1b[1mname\x1b[0m: ")
    lines.type(b"ann")
    assert lines.screen == "ann"
    lines.type(b"\x0c")  # draw it anew
    assert lines.screen.endswith("name: ann")


def test_a_password_is_not_shown(lines: Terminal) -> None:
    lines.hear(wire("WILL ECHO") + b"password: ")
    assert lines.said == wire("DO ECHO")
    assert lines.type(b"secret\r") == b"secret\r\n"
    assert lines.screen == ""
    lines.hear(b"\r\n", wire("WONT ECHO"))
    lines.type(b"x")
    assert lines.screen == "x"


def test_commands_from_keys(lines: Terminal) -> None:
    assert lines.type(b"abc" + INTERRUPT) == wire("IP")
    assert "^C" in lines.screen
    assert lines.type(b"def\r") == b"def\r\n"
    assert lines.type(b"\x1c\x1a\x0f\x14") == wire("ABORT", "SUSP", "AO", "AYT")
    assert lines.type(EOF) == EOF  # to a host without LINEMODE it is a character
    assert lines.type(b"ab\x01" + EOF + b"\r") == b"b\r\n"  # in a line it erases what it stands on


def test_a_line_that_was_begun_goes_to_a_host_that_changes_its_mind(lines: Terminal) -> None:
    lines.type(b"beg")
    lines.hear(SHELL)
    assert lines.said == wire("DO ECHO", "DO SUPPRESS-GO-AHEAD") + b"beg"
    assert lines.type(b"un\r") == b"un\r\0"


def test_linemode_says_itself_what_is_edited_where() -> None:
    terminal = Terminal()
    terminal.hear(SHELL, wire("DO LINEMODE"), sb("LINEMODE", 1, 3))  # MODE EDIT|TRAPSIG
    terminal.said  # noqa: B018
    assert terminal.type(b"li\x7fine") == b""
    assert terminal.type(b"\r" + EOF + INTERRUPT) == b"line\r\n" + wire("EOF", "IP")
    terminal.hear(sb("LINEMODE", 1, 0))
    terminal.said  # noqa: B018
    assert terminal.type(b"k" + INTERRUPT) == b"k" + INTERRUPT
    terminal.hear(sb("LINEMODE", 1, 2), sb("LINEMODE", 3, 3, 2, 0x18))  # TRAPSIG; SLC IP is Ctrl-X
    terminal.said  # noqa: B018
    assert terminal.type(b"\x18") == wire("IP")
    assert terminal.type(INTERRUPT) == INTERRUPT
    assert "IP     ^X" in terminal.order("slc")


# --- a server that knows no Telnet


def test_a_request_by_hand(server: Terminal) -> None:
    assert server.type(b"GET / HTTP/1.0\r") == b"GET / HTTP/1.0\r\n"
    assert server.screen == "GET / HTTP/1.0\r\n"
    assert server.type(b"\r") == b"\r\n"
    assert server.hear(b"HTTP/1.0 200 OK\r\nA: b\r", b"\n\r\n<p>\n</p>\n") == "\r\n".join(
        ["", "HTTP/1.0 200 OK", "A: b", "", "<p>", "</p>", ""]
    )


def test_line_ends_are_whole_however_they_come(server: Terminal) -> None:
    assert "".join(server.hear(piece) for piece in (b"a\r", b"\nb\n", b"\nc\r\n")) == "a\r\nb\r\n\r\nc\r\n"


def test_keys_that_no_such_server_would_understand(server: Terminal) -> None:
    server.type(SUSPEND)
    assert server.wishes == [Wish.SUSPEND]
    server.wishes.clear()
    assert server.type(b"abc" + EOF + b"\r") == b"abc\r\n"
    assert server.type(EOF) == b"<FIN>"
    server.type(b"more\r")
    assert "nothing can be said after the end" in server.screen
    server.type(INTERRUPT)
    assert server.wishes == [Wish.INTERRUPT]


def test_characters_by_order(server: Terminal) -> None:
    server.order("mode character")
    assert server.type(b"q") == b"q"
    server.order("mode line")
    assert server.type(b"q") == b""


# --- what the host may show


def test_what_would_make_the_terminal_answer_is_dropped(shell: Terminal) -> None:
    assert shell.hear(b"a\x1b[6n\x1b]0;title\x07\x1b[31mb") == "a\x1b[31mb"
    shell.order("toggle raw")
    assert shell.hear(b"a\x1b[6n") == "a\x1b[6n"


def test_raw_from_the_beginning() -> None:
    terminal = Terminal(Settings(toggles={"raw"}))
    assert terminal.hear(b"\x1b]0;title\x07") == "\x1b]0;title\x07"


def test_the_terminal_stops_on_xoff_where_the_host_wants_it(shell: Terminal) -> None:
    assert shell.flow == (False, False)
    shell.hear(wire("DO LFLOW"))
    assert shell.flow == (True, False)
    shell.hear(sb("LFLOW", 2))
    assert shell.flow == (True, True)
    shell.hear(sb("LFLOW", 0))
    assert shell.flow == (False, True)


# --- the prompt


def test_the_escape_character_leads_to_the_prompt_and_a_command_back(shell: Terminal) -> None:
    assert shell.type(b"a" + ESCAPE + b"b") == b"a"
    assert shell.screen == "\r\ntelnet> b"
    assert shell.prompting()
    shell.type(b"\x7f\r")
    assert not shell.prompting()
    assert shell.type(b"c") == b"c"


def test_keys_behind_a_command_go_to_the_host(shell: Terminal) -> None:
    assert shell.type(ESCAPE + b"send ayt\rls\r") == wire("AYT") + b"ls\r\0"


def test_keys_behind_a_wish_wait_until_it_is_fulfilled(shell: Terminal) -> None:
    assert shell.type(ESCAPE + b"z\rls\r") == b""
    assert shell.wishes == [Wish.SUSPEND]
    shell.wishes.clear()
    assert shell.type(b"") == b"ls\r\0"


def test_another_escape_character_and_none(shell: Terminal) -> None:
    shell.order("set escape ^E")
    assert shell.type(ESCAPE) == ESCAPE
    shell.type(b"\x05")
    assert shell.prompting()
    shell.type(b"unset escape\r")
    assert shell.type(b"\x05" + ESCAPE) == b"\x05" + ESCAPE


def test_what_send_can_say(shell: Terminal) -> None:
    shell.order("send ayt brk ip ao ec el ga nop eof susp abort escape")
    assert shell.said == wire("AYT", "BRK", "IP", "AO", "EC", "EL", "GA", "NOP", "EOF", "SUSP", "ABORT") + ESCAPE
    shell.order("send synch")
    assert shell.said == wire("DM")
    shell.order("send do binary will binary")
    assert shell.said == wire("DO BINARY", "WILL BINARY")
    assert "not in effect" in shell.order("send eor")
    assert "given no option" in shell.order("send do encrypt")
    assert "no send is called 'zzz'" in shell.order("send zzz")
    assert "send what?" in shell.order("send")
    assert "doesn't tell its status" in shell.order("send getstatus")


def test_the_hosts_status(shell: Terminal) -> None:
    shell.hear(wire("WILL STATUS"))
    shell.said  # noqa: B018
    shell.order("send getstatus")
    assert shell.said == sb("STATUS", 1)
    assert "options there: ECHO" in shell.hear(sb("STATUS", 0, 251, 1, 253, 24))


def test_status(shell: Terminal) -> None:
    told = shell.order("status")
    assert "Connected to host:23." in told
    assert "character by character; the host echoes" in told
    assert "Options there: ECHO SUPPRESS-GO-AHEAD" in told
    assert "The escape character is ^]." in told


def test_mode(shell: Terminal) -> None:
    shell.order("mode line")
    assert shell.said == wire("DONT SUPPRESS-GO-AHEAD", "DONT ECHO")
    shell.hear(wire("WONT SUPPRESS-GO-AHEAD", "WONT ECHO"))
    assert shell.type(b"line\r") == b"line\r\n"
    shell.order("mode character")
    assert shell.said == wire("DO SUPPRESS-GO-AHEAD", "DO ECHO")
    assert "mode line, or mode character" in shell.order("mode")


def test_logout(shell: Terminal) -> None:
    shell.order("logout")
    assert shell.said == wire("DO LOGOUT")
    assert "doesn't log out" in shell.hear(wire("WONT LOGOUT"))


def test_special_characters(shell: Terminal) -> None:
    assert "LINEMODE is not in effect" in shell.order("slc")
    shell.hear(wire("DO LINEMODE"))
    shell.said  # noqa: B018
    shell.order("slc import")
    assert shell.said == sb("LINEMODE", 3, 0, 3, 0)
    shell.order("slc check")
    assert shell.said == sb("LINEMODE", 3, 0, 2, 0)
    shell.order("slc export")
    assert shell.said.startswith(b"\xff\xfa\x22\x03")


def test_the_environment_holds_what_was_defined_and_nothing_else() -> None:
    terminal = Terminal(Settings(variables={"USER": "ann"}))
    terminal.hear(wire("DO NEW-ENVIRON"))
    terminal.said  # noqa: B018
    assert terminal.order("environ") == "* USER         ann\n"
    terminal.order("environ define LANG de_DE")
    assert terminal.said == b"\xff\xfa\x27\x02\x03LANG\x01de_DE\xff\xf0"
    terminal.order("environ unexport USER")
    assert terminal.said == b"\xff\xfa\x27\x02\x00USER\xff\xf0"
    terminal.hear(sb("NEW-ENVIRON", 1))
    assert terminal.said == b"\xff\xfa\x27\x00\x03LANG\x01de_DE\xff\xf0"
    terminal.order("environ export USER")
    terminal.order("environ undefine LANG")
    terminal.said  # noqa: B018
    assert terminal.order("environ list") == "* USER         ann\n"
    assert "is not defined" in terminal.order("environ send HOME")
    assert "environ define NAME VALUE" in terminal.order("environ define X")


def test_what_is_negotiated_is_shown_on_request(shell: Terminal) -> None:
    shell.order("toggle options")
    assert shell.hear(wire("WILL BINARY")) == "[BINARY is on, there]\r\n"
    assert "TERMINAL-TYPE, which is not in effect" in shell.hear(wire("SB TTYPE 7"))


def test_settings_are_displayed(shell: Terminal) -> None:
    told = shell.order("display")
    assert re.search(r"^crlf +off", told, re.MULTILINE)
    assert re.search(r"^escape +\^\]$", told, re.MULTILINE)
    assert "raw is on." in shell.order("toggle raw")
    assert re.search(r"^raw +on", shell.order("toggle"), re.MULTILINE)


def test_commands_may_be_shortened_and_are_explained(shell: Terminal) -> None:
    assert shell.order("st").startswith("Connected to")
    assert "'se' may be send or set" in shell.order("se x")
    assert "no command is called 'fly'" in shell.order("fly")
    assert shell.order("?").count("\n") == 16
    assert shell.order("help z") == "z         suspend this program\n"
    assert "No closing quotation" in shell.order('set "')


def test_nothing_of_a_strangers_is_obeyed_in_our_words(shell: Terminal) -> None:
    shell.console.disconnected("lost: \x1b]0;owned\x07", stay=False)
    assert "\x1b" not in shell.screen


# --- without a connection


def test_the_prompt_without_a_connection() -> None:
    terminal = Terminal(connected=False)
    assert terminal.screen == "telnet> "
    for line in ("close", "send ayt", "logout", "mode line", "slc", "toggle binary"):
        terminal.type(line.encode() + b"\r")
        assert "not connected" in terminal.screen
    terminal.type(b"status\r")
    assert "Not connected." in terminal.screen
    terminal.type(b"open\r")
    assert "open HOST [PORT]" in terminal.screen
    terminal.type(b"open host 8023\r")
    assert terminal.wishes == [Open("host", "8023")]
    terminal.wishes.clear()
    terminal.console.connected(terminal.session, "host:8023")
    assert "already connected to host:8023" in terminal.order("open other")
    terminal.order("close")
    assert terminal.wishes == [Wish.CLOSE]
    terminal.wishes.clear()
    terminal.console.disconnected("Connection closed.", stay=True)
    assert terminal.screen.endswith("Connection closed.\r\ntelnet> ")


@pytest.mark.parametrize("keys", [b"quit\r", b"q\r", EOF])
def test_leaving_the_prompt(keys: bytes) -> None:
    terminal = Terminal(connected=False)
    terminal.type(keys)
    assert terminal.wishes == [Wish.QUIT]


def test_an_interrupt_at_the_prompt() -> None:
    terminal = Terminal(connected=False)
    terminal.type(b"qui" + INTERRUPT)
    assert terminal.screen.endswith("telnet> ")
    assert terminal.wishes == []
