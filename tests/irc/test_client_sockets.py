"""Clients on our own server over real sockets: several at once, several tasks on one, TLS, and logging in without saying the password."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.irc.talk import CONFIG, LIMITS
from tests.sockets.serving import Served, served
from wirespeak.errors import Refused, TLSError
from wirespeak.irc.bot import Bot, Call
from wirespeak.irc.client import BlockingClient, Client
from wirespeak.irc.client_states import Timeouts
from wirespeak.irc.config import Config
from wirespeak.irc.events import Event
from wirespeak.irc.sending import Rate
from wirespeak.irc.server import IrcServer, open_accounts
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.tls import ROOT_CERTIFICATE, client_context, server_context

FAST: dict[str, Any] = {"rate": Rate(5, 0), "timeouts": Timeouts.at_most(20)}


@contextmanager
def a_server(config: Config = CONFIG, **options: Any) -> Iterator[tuple[str, Served]]:
    accounts = open_accounts(config, None)
    try:
        with served(IrcServer(config, accounts=accounts, limits=LIMITS), **options) as running:
            yield f"127.0.0.1:{running.address[1]}", running
    finally:
        accounts.close()


async def text_to(client: Client, count: int) -> list[str]:
    texts: list[str] = []
    while len(texts) < count:
        event = await client.next(20)
        if isinstance(event, Event) and event.is_text and event.nick != "irc.home.test":
            texts.append(event.text)
    return texts


def test_people_talk() -> None:
    async def talk(address: str) -> None:
        async with (
            await Client.connect(address, "ann", **FAST) as ann,
            await Client.connect(address, "bob", **FAST) as bob,
        ):
            await ann.join("#lobby")
            await bob.join("#lobby")
            await ann.say("#lobby", "grüße " * 200)
            pieces = len(ann.lines("PRIVMSG", "#lobby", "grüße " * 200))
            assert "".join(await text_to(bob, pieces)).replace(" ", "") == "grüße" * 200
            await asyncio.gather(*(bob.say("#lobby", str(number)) for number in range(50)))
            assert sorted(map(int, await text_to(ann, 50))) == list(range(50))
            assert ann.tracker.nicks("#lobby") == ["@ann", "bob"]

    with a_server() as (address, _):
        asyncio.run(talk(address))


def test_several_tasks_share_a_client() -> None:
    """One listens, others ask and speak meanwhile; and none waits for words that another has taken."""

    async def talk(address: str) -> None:
        async with await Client.connect(address, "ann", **FAST) as ann:
            listening = asyncio.create_task(text_to(ann, 1))
            channels = await asyncio.gather(*(ann.join(f"#c{number}") for number in range(20)))
            assert len({channel.name for channel in channels}) == 20
            found = await asyncio.gather(ann.whois("ann"), ann.who("#c1"), ann.list_channels(), ann.ping(), ann.say("ann", "to myself"))
            assert found[0].nick == found[1][0].nick == "ann"
            assert len(found[2]) == 20
            with pytest.raises(Refused):
                await ann.whois("nobody")
            assert await listening == ["to myself"]

    with a_server() as (address, _):
        asyncio.run(talk(address))


def test_a_task_that_is_cancelled_takes_nothing_with_it() -> None:
    async def talk(address: str) -> None:
        async with await Client.connect(address, "ann", **FAST) as ann:
            while ann.kept() is not None:
                pass
            for _ in range(20):
                with pytest.raises(asyncio.TimeoutError):
                    async with asyncio.timeout(0.002):
                        await ann.next()
            await ann.say("ann", "still here")
            assert await text_to(ann, 1) == ["still here"]

    with a_server() as (address, _):
        asyncio.run(talk(address))


def test_a_flood_waits_its_turn_while_others_listen() -> None:
    """Who speaks while another task listens is not held up by that one, nor by the rate longer than it must."""

    async def talk(address: str) -> None:
        async with await Client.connect(address, "ann", rate=Rate(2, 0.05)) as ann, await Client.connect(address, "bob", **FAST) as bob:
            listening = asyncio.create_task(text_to(ann, 1))
            async with asyncio.timeout(10):
                for number in range(20):
                    await ann.say("bob", str(number))
            assert await text_to(bob, 20) == list(map(str, range(20)))
            await bob.say("ann", "enough")
            assert await listening == ["enough"]

    with a_server() as (address, _):
        asyncio.run(talk(address))


def test_tls_and_an_account(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path / "authority")
    context = client_context(authorities=[authority.folder / ROOT_CERTIFICATE])
    with a_server(tls=server_context(authority)) as (address, _):
        with BlockingClient.connect(address, "ann", tls=True, context=context, **FAST) as ann:
            ann.ask("REGISTER", "*", "*", "correct horse battery")
        with BlockingClient.connect(address, "ann", tls=True, context=context, user="ann", password="correct horse battery", **FAST) as ann:
            assert ann.session.account == "ann"
            assert ann.whois("ann").account == "ann"
            assert ann.whois("ann").secure
        with pytest.raises(Refused):
            BlockingClient.connect(address, "ann", tls=True, context=context, user="ann", password="wrong", **FAST)
        with pytest.raises(TLSError):
            BlockingClient.connect(address, "ann", tls=True, **FAST)


def test_a_bot_on_our_server() -> None:
    bot = Bot("helper")

    @bot.command
    def shout(call: Call, *words: str) -> str:
        return " ".join(words).upper()

    async def talk(address: str) -> None:
        running = asyncio.create_task(bot.serve(address, channels=["#lobby"], **FAST))
        async with await Client.connect(address, "ann", **FAST) as ann:
            channel = await ann.join("#lobby")
            async with asyncio.timeout(20):
                while "helper" not in channel.members:
                    await ann.next()
            await ann.say("#lobby", "!shout hello there")
            assert await text_to(ann, 1) == ["HELLO THERE"]
            assert (await ann.whois("helper")).bot
            await bot.client.close()
            await running

    with a_server() as (address, _):
        asyncio.run(talk(address))
