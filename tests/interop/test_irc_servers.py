"""Our IRC client with the servers that people run: ngircd, InspIRCd and ours. In clear, over TLS, and as ``wirespeak irc chat``."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.interop.irc_peers import CHANNEL, HOSTS, Host
from tests.interop.telnet_peers import at_terminal
from wirespeak.errors import Refused, TLSError
from wirespeak.irc import BlockingClient, Bot, Call, Client
from wirespeak.irc.events import Event
from wirespeak.sockets.tls import client_context


@pytest.fixture(
    scope="module",
    params=[
        "wirespeak",
        pytest.param("ngircd", marks=pytest.mark.peer("ngircd")),
        pytest.param("inspircd", marks=pytest.mark.peer("inspircd")),
    ],
)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """One of the servers."""
    folder = tmp_path_factory.mktemp("irc")
    with HOSTS[request.param](folder) as running:
        yield running


def come(host: Host, nick: str) -> BlockingClient:
    return BlockingClient.connect(f"127.0.0.1:{host.port}", nick)


def the(client: BlockingClient, command: str, text: str = "") -> Event:
    """The next event of this kind, with this text."""
    return next(event for event in client if event.command == command and text in event.text)


def test_people_talk(host: Host) -> None:
    with come(host, "ann") as ann, come(host, "bob") as bob:
        ann.join("#talk")
        bob.join("#talk")
        assert the(ann, "JOIN").nick in ("ann", "bob")
        assert set(ann.names("#talk")) == {"@ann", "bob"}
        bob.say("#talk", "hello, grüße, 漢字")
        assert (heard := the(ann, "PRIVMSG")).text == "hello, grüße, 漢字"
        assert (heard.nick, heard.channel) == ("bob", "#talk")
        ann.say("bob", "in private")
        assert the(bob, "PRIVMSG").channel == ""
        bob.act("#talk", "waves")
        the(ann, "PRIVMSG", "waves")


def test_a_long_text_arrives_whole(host: Host) -> None:
    """In lines of 512 bytes at most, cut between words, and never in a character."""
    text = " ".join(f"{number}:ä漢" for number in range(300))
    with come(host, "ann") as ann, come(host, "bob") as bob:
        for one in (ann, bob):
            one.join("#long")
        ann.say("#long", text)
        heard = ""
        while len(heard) < len(text):
            heard = f"{heard} {the(bob, 'PRIVMSG').text}".strip()
        assert heard == text


def test_who_runs_a_channel(host: Host) -> None:
    with come(host, "ann") as ann, come(host, "bob") as bob:
        ann.join("#run")
        ann.topic("#run", "tea at five")
        ann.mode("#run", "+mt")
        bob.join("#run")
        assert bob.topic("#run") == "tea at five"
        channel = bob.channel("#run")
        assert channel is not None
        assert channel.topic is not None
        assert channel.topic.text == "tea at five"
        with pytest.raises(Refused):
            bob.topic("#run", "coffee")
        with pytest.raises(Refused):
            bob.kick("#run", "ann")
        ann.mode("#run", "+v", "bob")
        the(bob, "MODE")
        bob.say("#run", "now I may speak")
        the(ann, "PRIVMSG", "now I may speak")
        ann.kick("#run", "bob", "out")
        assert the(bob, "KICK").text == "out"
        assert ann.names("#run") == ["@ann"]


def test_who_is_who(host: Host) -> None:
    with come(host, "ann") as ann, come(host, "bob") as bob:
        ann.join("#who")
        bob.away("tea")
        about = ann.whois("bob")
        assert (about.nick, about.away) == ("bob", "tea")
        bob.nick_to("robert")
        assert ann.whois("robert").nick == "robert"
        with pytest.raises(Refused):
            ann.whois("nobody")
        assert "#who" in {listed.channel for listed in ann.list_channels()}
        assert ann.ping() < 20


def test_a_nick_that_is_taken(host: Host) -> None:
    with come(host, "ann") as ann, come(host, "ann") as other:
        assert other.nick != ann.nick


def test_over_tls(host: Host) -> None:
    context = client_context(authorities=[host.authority])
    with BlockingClient.connect(f"localhost:{host.tls_port}", "ann", tls=True, context=context) as ann, come(host, "bob") as bob:
        ann.say("bob", "over TLS")
        the(bob, "PRIVMSG", "over TLS")
    with pytest.raises(TLSError):
        BlockingClient.connect(f"localhost:{host.tls_port}", "ann", tls=True)


def test_a_bot(host: Host) -> None:
    bot = Bot("robot")

    @bot.command
    def double(call: Call, number: str) -> str:
        return str(2 * int(number))

    async def talk() -> str:
        async with await Client.connect(f"127.0.0.1:{host.port}", "ann") as ann:
            await ann.join("#bot")
            serving = asyncio.create_task(bot.serve(f"127.0.0.1:{host.port}", channels=["#bot"]))
            try:
                async for event in ann:
                    if event.command == "JOIN" and event.nick == "robot":
                        await ann.say("#bot", "robot: double 21")
                    elif event.command == "PRIVMSG" and event.nick == "robot":
                        return event.text
            finally:
                serving.cancel()
        raise AssertionError("the bot did not answer")

    assert asyncio.run(asyncio.wait_for(talk(), 60)) == "42"


def test_at_a_terminal(host: Host) -> None:
    chat = [sys.executable, "-m", "wirespeak", "irc", "chat", f"127.0.0.1:{host.port}", "--nick", "ours", "--join", CHANNEL]
    with come(host, "ann") as ann:
        ann.join(CHANNEL)
        with at_terminal(*chat) as screen:
            the(ann, "JOIN")
            while "ours" not in ann.names(CHANNEL):
                pass
            ann.say(CHANNEL, "welcome")
            screen.see("ann.*welcome")
            screen.type("thank you\r")
            the(ann, "PRIVMSG", "thank you")
            screen.type("/quit\r")
            assert screen.end() == 0


def test_explained_in_a_pipe(host: Host) -> None:
    chat = [sys.executable, "-m", "wirespeak", "irc", "chat", f"127.0.0.1:{host.port}", "--nick", "pipe", "--join", CHANNEL, "--explain"]
    with come(host, "ann") as ann:
        ann.join(CHANNEL)
        done = subprocess.run(chat, input="hello\n", capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        the(ann, "PRIVMSG", "hello")
    assert "RPL_WELCOME" in done.stdout + done.stderr
