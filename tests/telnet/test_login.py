"""Who may come in: names and passwords asked for by us; what the system's own login is given."""

from __future__ import annotations

import os
import time

import pytest

from tests.sockets.serving import served
from tests.telnet.dialog import sb, wire
from tests.telnet.test_pty import AT_A_TERMINAL, Call, variables
from wirespeak.telnet import login
from wirespeak.telnet.login import TRIES, USER, shell, system_login
from wirespeak.telnet.pty import program
from wirespeak.telnet.server import TelnetServer

ROOM = program(["/bin/sh", "-c", "echo inside; cat"])


def checking(seen: list[tuple[str, str]]) -> TelnetServer:
    def verify(user: str, password: str) -> bool:
        seen.append((user, password))
        return (user, password) == ("ann", "sesame") or user == ""  # the last would be wrong of it, and lets nobody in all the same

    return TelnetServer(login.login(verify, ROOM))


def test_who_has_the_password_comes_in() -> None:
    with served(checking([])) as server, server.connect() as sock:
        call = Call(sock)
        call.send(AT_A_TERMINAL)
        call.expect("login: ")
        call.send("ann\r\0")
        call.expect("Password: ")
        call.send("sesame\r\0", "typed ahead\r\0")
        call.expect(r"\*{6}\r\n\r\n(typed ahead\r\n)?inside\r\n")
        call.expect("(?s)typed ahead\r\n.*typed ahead\r\n")  # by the terminal's echo, and by cat


def test_who_has_not_does_not_and_may_try_a_few_times(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[tuple[str, str]] = []
    with served(checking(seen)) as server, server.connect() as sock:
        call = Call(sock)
        call.send(AT_A_TERMINAL, "ann\r\0guess\r\0" * TRIES)
        assert call.rest().count("Login incorrect") == TRIES
    assert "inside" not in call.text
    assert seen == [("ann", "guess")] * TRIES
    assert "guess" not in caplog.text
    assert caplog.text.count("refused") == TRIES


@pytest.mark.parametrize("name", ["-f root", "--", "-froot", "ann\x1b[A;", "a b", "../ann", "ann\u202e", "x" * 65])
def test_a_name_that_is_none_lets_nobody_in(name: str) -> None:
    """Hostile row 1: nothing of it reaches an argument list."""
    seen: list[tuple[str, str]] = []
    assert USER.fullmatch(name) is None
    with served(checking(seen)) as server, server.connect() as sock:
        call = Call(sock)
        call.send(b"x\r\nx\r\n", f"{name}\r\nsesame\r\n" * (TRIES - 1))
        assert "inside" not in call.rest()
    assert all(USER.fullmatch(user) or user == "" for user, _ in seen)


def test_the_shell_is_that_of_who_runs_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/sh")
    with served(TelnetServer(shell())) as server, server.connect() as sock:
        call = Call(sock)
        call.send(b"echo $0; id -u; pwd; exit\n")
        assert f"{os.getuid()}\r\n{os.path.expanduser('~')}\r\n" in call.rest()


@pytest.mark.parametrize("user", ["-f root", "-froot", "root", "--help"])
def test_the_systems_login_gets_no_word_of_the_visitors(monkeypatch: pytest.MonkeyPatch, user: str) -> None:
    """Hostile row 1 (CVE-2026-24061): USER in NEW-ENVIRON; /bin/echo stands for login, and shows what it is given."""
    monkeypatch.setattr(login, "SYSTEM_LOGIN", "/bin/echo")
    for told in (variables(USER=user, LOGNAME=user), sb("NEW-ENVIRON", 2, 0, b"USER", 1, user.encode())):
        with served(TelnetServer(system_login())) as server, server.connect() as sock:
            call = Call(sock)
            call.send(wire("WILL NEW-ENVIRON"), told)
            assert call.rest() == "-h 127.0.0.1\r\n"


def test_the_systems_login_asks_for_a_name_itself() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may run login")
    with served(TelnetServer(system_login())) as server, server.connect() as sock:
        call = Call(sock)
        call.send(AT_A_TERMINAL)
        begun = time.monotonic()
        call.expect("login: ")
        assert time.monotonic() - begun < 15
