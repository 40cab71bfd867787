"""Bots on two libraries that Python programs use: pydle, and irc (jaraco's). They do what they are told to in the channel.

    python -m tests.interop.irc_bots pydle|jaraco PORT NICK CHANNEL

``NICK: say hello`` has the bot say hello; ``NICK: away gone`` and ``NICK: topic new`` have it do that. What it hears it prints, as
``heard ann hello``, and ``ready`` once it is in the channel.
"""

from __future__ import annotations

import sys

__all__: list[str] = []


def told(nick: str, text: str) -> tuple[str, str]:
    """What a line tells the bot to do, and with which words; ("", "") for one that isn't for it."""
    name, colon, rest = text.partition(": ")
    verb, _, words = rest.partition(" ")
    return (verb, words) if colon and name == nick else ("", "")


def with_pydle(port: int, nick: str, channel: str) -> None:
    import pydle

    class Bot(pydle.Client):  # type: ignore[misc]
        async def on_connect(self) -> None:
            await super().on_connect()
            await self.join(channel)

        async def on_join(self, where: str, who: str) -> None:
            await super().on_join(where, who)
            if who == self.nickname:
                print("ready", flush=True)

        async def on_channel_message(self, where: str, by: str, text: str) -> None:
            await super().on_channel_message(where, by, text)
            print("heard", by, text, flush=True)
            match told(nick, text):
                case ("say", words):
                    await self.message(where, words)
                case ("topic", words):
                    await self.set_topic(where, words)
                case ("away", words):
                    await self.away(words)

    Bot(nick, realname="a bot on pydle").run("127.0.0.1", port, tls=False)


def with_jaraco(port: int, nick: str, channel: str) -> None:
    from irc.bot import SingleServerIRCBot

    class Bot(SingleServerIRCBot):  # type: ignore[misc]
        def on_welcome(self, connection: object, event: object) -> None:
            self.connection.join(channel)

        def on_endofnames(self, connection: object, event: object) -> None:
            print("ready", flush=True)

        def on_pubmsg(self, connection: object, event: object) -> None:
            by, text = event.source.nick, event.arguments[0]  # type: ignore[attr-defined]
            print("heard", by, text, flush=True)
            match told(nick, text):
                case ("say", words):
                    self.connection.privmsg(channel, words)
                case ("topic", words):
                    self.connection.topic(channel, words)
                case ("away", words):
                    self.connection.send_raw(f"AWAY :{words}")

    Bot([("127.0.0.1", port)], nick, "a bot on irc").start()


if __name__ == "__main__":
    BOTS = {"pydle": with_pydle, "jaraco": with_jaraco}
    BOTS[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:])
