"""A bot: its commands, its manners, and what it never does."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.irc.peer import Peer, a_network
from wirespeak import __version__
from wirespeak.errors import LocalProtocolError
from wirespeak.irc.bot import Bot, Call
from wirespeak.irc.ctcp import Ctcp, RateLimit, ctcp_answer, ctcp_of, ctcp_text
from wirespeak.irc.events import Event
from wirespeak.irc.sending import Rate
from wirespeak.sockets.blocking import run
from wirespeak.sockets.memory import MemoryNetwork

BOB = ":bob!b@home.test"


def helper() -> Bot:
    bot = Bot("helper")

    @bot.command
    def hello(call: Call) -> str:
        """Say hello."""
        return f"hello {call.nick}"

    @bot.command
    async def add(call: Call, left: str, right: str = "1") -> None:
        """Add two numbers."""
        await call.reply(str(int(left) + int(right)))

    @bot.command
    def lines(call: Call, *words: str) -> list[str]:
        return [f"{word}\r\x00!" for word in words]

    @bot.command
    def broken(call: Call) -> str:
        raise RuntimeError("oh")

    return bot


def served(bot: Bot, *said: str, channels: tuple[str, ...] = ("#lobby",), **settings: Any) -> list[str]:
    """What the bot says to what it is told; it leaves at ``stop``."""
    network, peer = a_network()
    return served_by(bot, network, peer, *said, channels=channels, **settings)


def served_by(
    bot: Bot, network: MemoryNetwork, peer: Peer, *said: str, channels: tuple[str, ...] = ("#lobby",), **settings: Any
) -> list[str]:
    peer.answers["JOIN #lobby"] = [":helper!h@h JOIN #lobby", *said, f"{BOB} PRIVMSG helper :stop"]

    @bot.on("PRIVMSG")
    async def leave(event: Event) -> None:
        if event.text == "stop":
            await bot.client.close()

    settings.setdefault("rate", Rate(5, 0))
    run(bot.serve("irc.test:6667", channels=channels, network=network, **settings))
    heard = peer.heard
    return heard[heard.index("JOIN #lobby") + 1 :]


def test_commands_in_a_channel_by_name_and_alone() -> None:
    heard = served(
        helper(),
        f"{BOB} PRIVMSG #lobby :!hello",
        f"{BOB} PRIVMSG #lobby :helper: hello",
        f"{BOB} PRIVMSG #lobby :Helper, HELLO",
        f"{BOB} PRIVMSG helper :hello",
        f"{BOB} PRIVMSG #lobby :!add 4 5",
        f"{BOB} PRIVMSG #lobby :!add 4",
    )
    assert heard == [*["PRIVMSG #lobby :hello bob"] * 3, "PRIVMSG bob :hello bob", "PRIVMSG #lobby :9", "PRIVMSG #lobby :5", "QUIT"]


@pytest.mark.parametrize(
    "said",
    [
        f"{BOB} PRIVMSG #lobby :hello",
        f"{BOB} PRIVMSG #lobby :!unknown",
        f"{BOB} PRIVMSG #lobby :helpers: hello",
        f"{BOB} PRIVMSG #lobby :!",
        f"{BOB} PRIVMSG #lobby :",
        f"{BOB} PRIVMSG #lobby :helper:",
        f"{BOB} NOTICE #lobby :!hello",
        f"@bot {BOB} PRIVMSG #lobby :!hello",
        ":helper!h@h PRIVMSG #lobby :!hello",
        f"{BOB} PRIVMSG helper :\x01DCC SEND STARTKEYLOGGER 0 0 0\x01",
        f"{BOB} PRIVMSG helper :\x01DCC CHAT chat 2130706433 80\x01",
        f"{BOB} PRIVMSG helper :\x01ACTION hello\x01",
        f"{BOB} NOTICE helper :\x01VERSION\x01",
    ],
)
def test_what_is_not_answered(said: str) -> None:
    assert served(helper(), said) == ["QUIT"]


def test_what_it_knows() -> None:
    heard = served(helper(), f"{BOB} PRIVMSG helper :help", f"{BOB} PRIVMSG helper :help add", f"{BOB} PRIVMSG #lobby :!help nothing")
    assert heard[0] == "PRIVMSG bob :I know: add, broken, hello, help, lines. help NAME tells more."
    assert heard[1] == "PRIVMSG bob :add LEFT [RIGHT]: Add two numbers."
    assert heard[2].startswith("PRIVMSG #lobby :I know: ")


def test_words_that_are_missing_or_too_many() -> None:
    heard = served(helper(), f"{BOB} PRIVMSG #lobby :!add", f"{BOB} PRIVMSG #lobby :!hello you there")
    assert heard == ["PRIVMSG #lobby :not so: add LEFT [RIGHT]", "PRIVMSG #lobby :not so: hello", "QUIT"]


def test_answers_of_several_lines_are_bounded_and_clean() -> None:
    heard = served(helper(), f"{BOB} PRIVMSG #lobby :!lines {' '.join('abcdefghijklmnop')}")
    assert heard == [*(f"PRIVMSG #lobby :{letter}" for letter in "a"), *heard[1:-1], "QUIT"]
    assert len(heard) == 11
    assert not any("\r" in line or "\0" in line for line in heard)


def test_a_fault_in_a_command_is_logged_and_all_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        heard = served(helper(), f"{BOB} PRIVMSG #lobby :!broken", f"{BOB} PRIVMSG #lobby :!add x y", f"{BOB} PRIVMSG #lobby :!hello")
    assert heard == ["PRIVMSG #lobby :hello bob", "QUIT"]
    assert [record.message for record in caplog.records] == ["broken failed", "add failed"]


def test_handlers_of_events() -> None:
    bot = Bot("helper")

    @bot.on("JOIN")
    async def greet(event: Event) -> None:
        if not event.mine:
            await bot.say(event.channel, f"welcome, {event.nick}")

    assert served(bot, f"{BOB} JOIN #lobby") == ["PRIVMSG #lobby :welcome, bob", "QUIT"]


def test_it_says_that_it_is_a_bot_where_the_server_knows_of_such() -> None:
    network, peer = a_network()
    peer.welcome.insert(2, ":irc.test 005 {nick} BOT=B :are supported")
    served_by(helper(), network, peer)
    assert "MODE helper +B" in peer.heard


def test_it_comes_back() -> None:
    network, peer = a_network()
    bot = helper()

    @bot.on("PRIVMSG")
    async def leave(event: Event) -> None:
        if event.text == "stop":
            await bot.client.close()

    def ends() -> None:
        peer.says(f"{BOB} PRIVMSG helper :\x01VERSION\x01", f"{BOB} PRIVMSG helper :hello", f"{BOB} PRIVMSG helper :add 1 1")
        peer.connections[-1].ends(cut=True)

    came: Iterator[Any] = iter([ends, lambda: peer.says(f"{BOB} PRIVMSG helper :stop")])

    def joins(line: str) -> list[str]:
        next(came)()
        return []

    peer.welcome.append(":{nick}!h@h JOIN #lobby")
    peer.answers["JOIN #lobby"] = joins
    run(bot.serve("irc.test:6667", channels=["#lobby"], network=network))
    assert len(peer.connections) == 2


def test_a_bot_that_does_not_run_has_no_connection() -> None:
    with pytest.raises(LocalProtocolError):
        Bot("helper").client.queue("JOIN", "#c")


# --- CTCP


def test_ctcp_is_answered_but_not_without_end() -> None:
    heard = served(helper(), *[f"{BOB} PRIVMSG helper :\x01VERSION\x01"] * 20)
    assert heard == [*[f"NOTICE bob :\x01VERSION wirespeak {__version__}\x01"] * 3, "QUIT"]


def test_ctcp_pings_times_and_what_there_is() -> None:
    heard = served(helper(), *(f"{BOB} PRIVMSG helper :\x01{what}\x01" for what in ("PING 12 34", "TIME", "clientinfo")))
    assert heard[0] == "NOTICE bob :\x01PING 12 34\x01"
    assert heard[1].startswith("NOTICE bob :\x01TIME ")
    assert heard[2] == "NOTICE bob :\x01CLIENTINFO ACTION CLIENTINFO PING TIME VERSION\x01"


def test_answers_are_allowed_again_after_a_while() -> None:
    limit = RateLimit()
    assert [limit.allows(now) for now in (0, 1, 2, 3, 29, 30.5, 31.5)] == [True, True, True, False, False, True, True]


@pytest.mark.parametrize(
    ("text", "ctcp"),
    [
        ("\x01ACTION waves\x01", Ctcp("ACTION", "waves")),
        ("\x01ACTION waves", Ctcp("ACTION", "waves")),
        ("\x01version\x01", Ctcp("VERSION", "")),
        ("\x01PING  1\x01", Ctcp("PING", " 1")),
        ("\x01\x01", None),
        ("\x01 x\x01", None),
        ("hi \x01VERSION\x01", None),
        ("hi", None),
        ("", None),
    ],
)
def test_what_is_ctcp(text: str, ctcp: Ctcp | None) -> None:
    assert ctcp_of(text) == ctcp


def test_ctcp_is_written_or_refused() -> None:
    assert ctcp_text("action", "waves") == "\x01ACTION waves\x01"
    assert ctcp_text("VERSION") == "\x01VERSION\x01"
    for command, text in (("A B", ""), ("", "x"), ("A\x01", ""), ("A", "\x01")):
        with pytest.raises(LocalProtocolError):
            ctcp_text(command, text)
    assert ctcp_answer(Ctcp("DCC", "SEND x"), version="", time="") is None
    assert len(ctcp_answer(Ctcp("PING", "x" * 10_000), version="", time="") or "") < 300
