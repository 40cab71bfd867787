"""What 005 tells (Modern IRC, RPL_ISUPPORT)."""

from __future__ import annotations

import re

from tests.irc.talk import Net
from wirespeak.irc.isupport import lines, tokens

VALUE = re.compile(r"[^ \x00\r\n=\\]*")


def test_no_message_has_more_than_thirteen_tokens_or_512_bytes() -> None:
    client = Net().connect()
    client.says("NICK " + "n" * 30, "USER u 0 * :U")
    told = [line for line in client.heard() if " 005 " in line]
    assert len(told) == len(lines("Home"))
    for line in told:
        assert len(line.encode()) <= 510
        head, _, _ = line.partition(" :")
        assert len(head.split()) - 3 <= 13


def test_each_token_is_told_once_and_needs_no_escape() -> None:
    texts = [text for line in lines("Home") for text in line]
    assert len(texts) == len(tokens("Home")) == len({text.partition("=")[0] for text in texts})
    assert all(VALUE.fullmatch(value) for name, value in tokens("Home").items() if name not in ("PREFIX", "STATUSMSG"))


def test_what_is_told_is_what_is_done() -> None:
    """Nicks as long as NICKLEN, channels as CHANNELLEN, topics as TOPICLEN; and no longer."""
    told = tokens("Home")
    net = Net()
    ann = net.join("ann")
    nick = "n" * int(told["NICKLEN"])
    ann.says(f"NICK {nick}n", f"NICK {nick}", "NICK ann")
    ann.hears(f":irc.home.test 432 ann {nick}n :…", f":ann!… NICK {nick}", f":{nick}!… NICK ann")
    channel = "#" + "c" * (int(told["CHANNELLEN"]) - 1)
    assert f":irc.home.test 366 ann {channel} :End of /NAMES list" in ann.asks(f"JOIN {channel}")
    assert all(" JOIN " not in line for line in ann.asks(f"JOIN {channel}c"))
    topic = "t" * int(told["TOPICLEN"])
    ann.asks("JOIN #c")
    ann.says(f"TOPIC #c :{topic}t")
    ann.hears(f":ann!… TOPIC #c :{topic}")


def test_that_one_may_knock_is_told() -> None:
    assert "KNOCK" in [text for line in lines("Home") for text in line]


def test_the_network_is_named() -> None:
    assert tokens("Home")["NETWORK"] == "Home"
