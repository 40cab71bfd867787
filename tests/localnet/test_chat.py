"""The chat of the little internet: one network at two places, what it keeps, and the bot that uses the other parts."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.localnet.running import Up, up
from tests.processes import Program
from tests.sockets.serving import until
from wirespeak.irc import BlockingClient
from wirespeak.localnet.chat import CHANNEL, HELPER, Budget
from wirespeak.smtp import Inbox
from wirespeak.sockets.tls import client_context

Start = Callable[..., Program]


@contextmanager
def visitor(net: Up, nick: str = "me", **settings: Any) -> Iterator[BlockingClient]:
    """Somebody in the lobby, once the bot is there too."""
    with BlockingClient.connect(f"localhost:{net.port_of('irc')}", nick, **settings) as client:
        client.join(CHANNEL)
        until(lambda: any(name.lstrip("~&@%+") == HELPER for name in client.names(CHANNEL)))
        yield client


def asked(client: BlockingClient, text: str, lines: int = 1) -> str:
    """What the bot says to it, in so many lines."""
    client.say(HELPER, text)
    said = (event.text for event in client if event.nick == HELPER and event.command == "PRIVMSG")
    return "\n".join(itertools.islice(said, lines))


@pytest.fixture
def net(start: Start) -> Up:
    return up(start)


def test_the_bot_helps(net: Up) -> None:
    with visitor(net) as me:
        me.say(CHANNEL, f"{HELPER}: help")
        heard = next(event for event in me if event.nick == HELPER and event.command == "PRIVMSG")
        assert (heard.channel, heard.text) == (CHANNEL, "I know: fetch, help, lookup, mail. help NAME tells more.")
        assert asked(me, "help mail") == "mail TO [WORDS…]: Send a mail to somebody at home.test: mail alice tea at five?"


def test_names_are_looked_up_in_our_server(net: Up) -> None:
    with visitor(net) as me:
        assert asked(me, "lookup www.home.test A") == "A 127.0.0.1"
        assert asked(me, "lookup home.test mx") == "MX 10 mail.home.test."
        assert asked(me, "lookup nobody.home.test") == "nothing is known of nobody.home.test here"
        assert asked(me, "lookup www.example.org A").startswith("nothing is known")
        assert asked(me, "lookup home.test AXFR").startswith("I look up A, ")


def test_pages_are_fetched_from_our_site_alone(net: Up) -> None:
    (net.folder / "www" / "note.txt").write_text("one\n\n\x1b[2Jtwo\n" + "long " * 1000, encoding="utf-8")
    with visitor(net) as me:
        assert asked(me, "fetch /files/note.txt", 4) == f"200 OK text/plain\none\n[2Jtwo\n{('long ' * 100)[:300]}"
        assert asked(me, "fetch http://home.test/", 2).startswith("200 OK text/html\n")
        assert asked(me, "fetch http://www.home.test/nothing", 3).startswith("404 ")
        for elsewhere in ("http://127.0.0.2:1/", "http://example.org/", "//example.org/x", f"http://user@127.0.0.1:{net.port}/"):
            assert asked(me, f"fetch {elsewhere}") == "I fetch pages of http://www.home.test/ alone"


def test_mail_is_sent_to_home_test_alone(net: Up) -> None:
    with visitor(net) as me:
        assert asked(me, "mail alice tea at five?") == "sent to alice@home.test"
        assert "alice@example.org" in asked(me, "mail alice@example.org tea")
    with Inbox.open(net.folder / "mail") as inbox:
        (mail,) = inbox.list()
        assert (mail.subject, mail.text.strip()) == ("From me on chat", "tea at five?")


def test_one_network_at_two_places(net: Up) -> None:
    context = client_context(authorities=[net.authority])
    secure = BlockingClient.connect(f"localhost:{net.port_of('ircs')}", "safe", tls=True, context=context)
    with secure, visitor(net) as me:
        secure.say("me", "hello")
        assert next(event for event in me if event.text == "hello").nick == "safe"
        assert re.search(r"(?m)^home\.test$", me.tracker.features.tokens["NETWORK"])


def test_names_that_are_registered_are_kept(start: Start, tmp_path: Path) -> None:
    first = up(start, "--dir", tmp_path)
    with BlockingClient.connect(f"localhost:{first.port_of('irc')}", "ann") as ann:
        ann.say("NickServ", "REGISTER sesame-street")
        assert "egistered" in next(event for event in ann if event.nick == "NickServ" and event.command == "NOTICE").text
    first.program.end()
    with visitor(up(start, "--dir", tmp_path), "ann", user="ann", password="sesame-street") as ann:
        assert ann.whois("ann").account == "ann"


def test_how_often_is_bounded_for_each_and_for_all() -> None:
    now = 0.0
    budget = Budget(each=2, total=3, clock=lambda: now)
    assert [budget.take("a"), budget.take("a"), budget.take("a")] == [True, True, False]
    assert [budget.take("b"), budget.take("b")] == [True, False]
    now = 60.0
    assert budget.take("a")
