"""The lobby: what its visitors see of each other, and what it fetches for them."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.sockets.serving import served
from tests.telnet.callers import COMMANDS, TERMINAL, Caller, at_a_terminal, named
from tests.telnet.dialog import wire
from wirespeak.http import HttpServer, Request, Response
from wirespeak.smtp import Directory, Inbox, Maildir, SmtpServer
from wirespeak.sockets.memory import MemoryNetwork
from wirespeak.telnet.lines import width
from wirespeak.telnet.menu import Lobby, Mailroom
from wirespeak.telnet.server import TelnetServer

# --- among visitors


def two_visitors() -> tuple[Caller, Caller]:
    network = MemoryNetwork({("server", 23): TelnetServer(Lobby())})
    callers = Caller(network=network), Caller(network=network)
    for caller in callers:
        caller.say(TERMINAL, named("vt100"))
        caller.news()
    return callers


def test_it_welcomes_and_offers_what_it_has() -> None:
    caller = at_a_terminal(TelnetServer(Lobby()), name="vt100")
    assert "Welcome, guest 1." in caller.text
    assert "Look up a name" in caller.text
    assert "mail" not in caller.text
    assert "web" not in caller.text
    assert caller.say("q\r\n").endswith("Goodbye.\r\n")
    assert caller.ended


def test_who_is_here() -> None:
    ann, bob = two_visitors()
    shown = ann.say("w\r\n")
    assert re.search(r"guest 1 \(you\)  \d\d:\d\d  80x24   vt100", shown)
    assert "guest 2  " in shown
    bob.hang_up()
    assert "guest 2" not in ann.say("w\r\n")


def test_names_are_ones_own_and_harmless() -> None:
    ann, bob = two_visitors()
    assert "Hello, ann." in ann.say("i\r\n", "ann\r\n")
    assert "That name is taken." in bob.say("i\r\n", "ann\r\n")
    assert "Hello, ann\\u202ebob." in bob.say("i\r\n", "ann\u202ebob\r\n")
    assert "ann\\u202ebob (you)" in bob.say("w\r\n")


def test_what_is_called_out_is_heard_by_all() -> None:
    ann, bob = two_visitors()
    bob.say("half")
    ann.say("c\r\n", "Hello, you all!\r\n")
    bob.listen()
    assert bob.news().endswith("guest 1: Hello, you all!\r\n> half")


def test_the_time() -> None:
    assert re.search(r"\w+day, \d\d \w+ 20\d\d\r\n\d\d:\d\d:\d\d ", at_a_terminal(TelnetServer(Lobby())).say("t\r\n"))


def test_an_interrupt_leads_back_to_the_menu_and_another_one_out() -> None:
    caller = at_a_terminal(TelnetServer(Lobby()))
    assert "Who is here" in caller.say("n\r\n", "wwwww\x03")
    assert not caller.ended
    caller.say("\x03")
    assert caller.ended
    assert not caller.lost


# --- what it fetches


class Real:
    """A visitor over real sockets, at a terminal of 40 columns without colours."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.raw = b""
        self._seen = 0
        narrow = TERMINAL.replace(wire("SB NAWS 0 80 0 24"), wire("SB NAWS 0 40 0 24"))
        self.sock.sendall(narrow + named("vt100"))

    @property
    def text(self) -> str:
        return COMMANDS.sub(b"", self.raw).decode()

    def see(self, pattern: str) -> str:
        """Read on until ``pattern`` is seen."""
        limit = time.monotonic() + 20
        while (found := re.compile(pattern).search(self.text, self._seen)) is None:
            assert time.monotonic() < limit, f"{pattern!r} is not in {self.text[self._seen :]!r}"
            data = self.sock.recv(65536)
            assert data, f"ended before {pattern!r}: {self.text[self._seen :]!r}"
            self.raw += data
        shown = self.text[self._seen : found.end()]
        self._seen = found.end()
        return shown

    def do(self, *said: str) -> None:
        """Answer each prompt in turn."""
        for line in said:
            self.see(r"(> |: |/|\) )$")
            self.sock.sendall(f"{line}\r\n".encode())


@contextmanager
def visiting(lobby: Lobby) -> Iterator[Real]:
    with served(TelnetServer(lobby)) as server, server.connect() as sock:
        yield Real(sock)


def page(request: Request) -> Response:
    if request.path != "/":
        return Response.text(f"no {request.path}\n", status=404)
    body = "<!doctype html><title>T</title><style>p{}</style><h1>Hello</h1><p>from &lt;the web&gt; \x1b[2J" + " and on" * 200
    return Response(200, [("Content-Type", "text/html; charset=utf-8")], body.encode())


def test_a_page_is_shown_as_text_a_screen_at_a_time() -> None:
    with served(HttpServer(page)) as web, visiting(Lobby(web=f"http://127.0.0.1:{web.address[1]}/")) as visitor:
        visitor.do("p", "")
        shown = visitor.see("enough")
        assert "200 OK" in shown
        assert "\r\nHello\r\nfrom <the web> \\x1b[2J" in shown
        assert "p{}" not in shown
        assert len(shown.split("\r\n")) <= 26
        assert all(width(line) < 40 for line in shown.split("\r\n"))
        visitor.do("q", "p", "gone")
        assert "404 Not Found" in visitor.see("no /gone")


def test_a_web_that_is_not_there_is_told() -> None:
    with visiting(Lobby(web="http://127.0.0.1:1/")) as visitor:
        visitor.do("p", "")
        visitor.see("can't\\s+connect|refused")
        visitor.do("q")
        visitor.see("Goodbye")


def test_only_the_one_site_is_fetched_from() -> None:
    """Whatever is typed is a path: a lobby is no way to other machines."""
    with served(HttpServer(page)) as web, visiting(Lobby(web=f"http://127.0.0.1:{web.address[1]}/")) as visitor:
        for said in ("http://other.test/", "@other.test/", ":1/", "//other.test"):
            visitor.do("p", said)
            visitor.see("404 Not Found|expected|no |not ")


def right(user: str, password: str) -> bool:
    return (user, password) == ("ann", "sesame")


def test_mail_is_sent_and_read(tmp_path: Path) -> None:
    directory = Directory(["home.test"], Maildir(tmp_path, "mail.home.test"))
    with served(SmtpServer(directory)) as server:
        mail = Mailroom(f"127.0.0.1:{server.address[1]}", "home.test", tmp_path, right)
        with visiting(Lobby(mail=mail)) as visitor:
            visitor.do("s", "", "ann", "Lunch?")
            visitor.see("ends it")
            visitor.sock.sendall(b"At noon.\r\n\x1b[A\r\n.\r\n")
            visitor.see("Sent to ann@home.test")
            visitor.do("s", "me@my.test", "you@elsewhere.test", "Spam")
            visitor.see("ends it")
            visitor.sock.sendall(b".\r\n")
            visitor.see("elsewhere")
            visitor.do("r", "ann", "a guess")
            visitor.see("not right")
            visitor.do("r", "ann", "sesame")
            assert "guest@home.test" in visitor.see("Lunch")
            visitor.do("7")
            visitor.see("1 to 1")
            visitor.do("1")
            visitor.see("At noon.")
            visitor.do("", "q")
            visitor.see("Goodbye")
    with Inbox.open(tmp_path) as inbox:
        assert [one.recipients for one in inbox.list()] == [("ann@home.test",)]


@pytest.mark.parametrize("user", ["../ann", "bob"])
def test_nobody_reads_the_mail_of_others(tmp_path: Path, user: str) -> None:
    mailbox = tmp_path / "home.test" / "ann" / "new"
    mailbox.mkdir(parents=True)
    for folder in ("cur", "tmp"):
        (mailbox.parent / folder).mkdir()
    (mailbox / "1").write_bytes(b"Subject: for ann alone\r\n\r\n")
    mail = Mailroom("127.0.0.1:1", "home.test", tmp_path, lambda user, password: True)
    with visiting(Lobby(mail=mail)) as visitor:
        visitor.do("r", user, "x")
        visitor.see("There is no mail")


def test_no_names_beyond_those_that_are() -> None:
    with visiting(Lobby(names="127.0.0.1:1")) as visitor:
        visitor.do("n", "a..b")
        visitor.see("two\\s+dots")
        visitor.do("n", "")
        visitor.do("q")
        visitor.see("Goodbye")
