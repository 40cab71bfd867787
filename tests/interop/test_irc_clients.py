"""Our IRC server with the programs that people have: irssi, WeeChat with a screen and without, bots on pydle and on irc, and our client.

They talk together in one channel: each in turn says something, and all others hear it.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.interop.irc_peers import CHANNEL, CHATTERS, Bot, Chatter, Host, Irssi, Ours, WeeChat, wirespeak
from tests.sockets.serving import until
from wirespeak.irc import BlockingClient


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A server as it comes."""
    with wirespeak(tmp_path / "server") as running:
        yield running


@pytest.fixture
def boss(host: Host) -> Iterator[BlockingClient]:
    """Who founds the channel, and tells the bots what to do."""
    with BlockingClient.connect(f"127.0.0.1:{host.port}", "boss") as client:
        client.join(CHANNEL)
        yield client


def come(name: str, host: Host, folder: Path, boss: BlockingClient) -> Chatter:
    chatter = CHATTERS[name](host.port, folder)
    if isinstance(chatter, Bot):
        chatter.boss = lambda text: boss.say(CHANNEL, text)
    return chatter


@pytest.mark.peer("irssi")
@pytest.mark.peer("weechat")
@pytest.mark.peer("weechat-headless")
@pytest.mark.peer("tmux")
def test_all_talk_together(host: Host, boss: BlockingClient, tmp_path: Path) -> None:
    with ExitStack() as stack:
        everyone = [stack.enter_context(come(name, host, tmp_path, boss)) for name in CHATTERS]
        assert {*boss.names(CHANNEL)} >= {one.nick for one in everyone}
        for speaker in everyone:
            text = f"here is {speaker.nick}, grüße"
            speaker.say(text)
            for other in everyone:
                if other is not speaker:
                    other.hears(speaker.nick, text)


@pytest.mark.peer("irssi")
@pytest.mark.peer("tmux")
def test_a_person_at_irssi(host: Host, boss: BlockingClient, tmp_path: Path) -> None:
    """What people do all day: look who is there and who that is, set a topic, be away, go by another name, leave."""
    with Irssi(host.port, tmp_path) as irssi:
        boss.mode(CHANNEL, "+o", irssi.nick)
        irssi.sees(r"mode/#lobby \[\+o irssi\]")
        irssi.say("/topic tea at five")
        irssi.sees("irssi.*changed the topic of #lobby to: tea at five")
        assert boss.topic(CHANNEL) == "tea at five"
        irssi.say("/whois boss")
        irssi.say("/window goto 1")
        irssi.sees(r"(?s)channels : .*#lobby.*End of WHOIS")
        irssi.say("/window goto 2")
        irssi.say("/away tea")
        irssi.sees("zZzZ")
        assert boss.whois("irssi").away == "tea"
        boss.say("irssi", "are you there?")
        irssi.sees("boss> are you there", "/window goto 3")
        irssi.say("/window goto 2")
        irssi.say("/nick tea")
        irssi.sees("now known as tea")
        irssi.say("/kick boss out")
        irssi.sees("boss.*was kicked from #lobby by .*tea")
        assert next(event for event in boss if event.command == "KICK").text == "out"
        boss.join(CHANNEL)
        irssi.say("/quit bye")
        assert next(event for event in boss if event.command == "QUIT").text.endswith("bye")


@pytest.mark.peer("weechat")
@pytest.mark.peer("tmux")
def test_a_person_at_weechat(host: Host, boss: BlockingClient, tmp_path: Path) -> None:
    """It asks for the capabilities that it knows, and shows what they tell."""
    with WeeChat(host.port, tmp_path) as weechat:
        weechat.say("/buffer irc.server.home")
        weechat.say("/quote CAP LIST")
        for capability in ("account-notify", "away-notify", "chghost", "extended-join", "multi-prefix", "server-time"):
            weechat.sees(rf"(?s)client capability.*{capability}")  # it may be wrapped
        weechat.say(f"/buffer irc.home.{CHANNEL}")
        weechat.say("/me waves")
        assert next(event for event in boss if event.nick == weechat.nick and "waves" in event.text).channel == CHANNEL
        weechat.say("/query boss a word in private")
        private = next(event for event in boss if event.text == "a word in private")
        assert (private.nick, private.channel) == (weechat.nick, "")
        boss.say(weechat.nick, "heard")
        weechat.hears("boss", "heard")


@pytest.mark.parametrize("library", ["pydle", "jaraco"])
def test_a_bot_of_another_library(host: Host, boss: BlockingClient, tmp_path: Path, library: str) -> None:
    with CHATTERS[library](host.port, tmp_path) as bot:
        boss.mode(CHANNEL, "-t")
        boss.say(CHANNEL, f"{bot.nick}: topic by a bot")
        assert next(event for event in boss if event.command == "TOPIC").text == "by a bot"
        boss.say(CHANNEL, f"{bot.nick}: away for a while")
        until(lambda: boss.whois(bot.nick).away == "for a while")


def test_our_client_at_a_terminal_and_in_a_pipe(host: Host, boss: BlockingClient, tmp_path: Path) -> None:
    with Ours(host.port, tmp_path) as ours:
        boss.say(CHANNEL, "\x1b[31mred\x07 \x02bold\x02")
        ours.screen.see("red.*bold")
        assert b"\x1b[31mred" not in ours.screen.shown  # nobody paints on another's terminal
        ours.say("/quit")
        ours.screen.end()
    said = subprocess.run(
        [sys.executable, "-m", "wirespeak", "irc", "chat", f"127.0.0.1:{host.port}", "--nick", "pipe", "--join", CHANNEL],
        input="one\ntwo\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "\x1b" not in said.stdout
    assert [event.text for event in itertools.islice((event for event in boss if event.nick == "pipe" and event.text), 2)] == ["one", "two"]
