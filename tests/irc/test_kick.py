"""KICK, and who is above whom (Modern IRC: KICK message, Channel Membership Prefixes)."""

from __future__ import annotations

import pytest

from tests.irc.talk import Client, Net
from wirespeak.irc.channels import TARGETS


def ranked(*held: str) -> tuple[Net, list[Client]]:
    """A channel #c whose first member operates it, and others who hold what is said: nicks u0, u1 …"""
    net = Net()
    clients = [net.join(f"u{number}", channels="#c") for number in range(len(held))]
    channel = net.world.channels["#c"]
    for client, letters in zip(clients, held, strict=True):
        channel.members[client.user] = letters
        client.heard()
    return net, clients


def test_a_kick_is_told_to_all_and_to_who_is_kicked() -> None:
    net, (oper, bob, cid) = ranked("o", "", "")
    oper.says("KICK #C U1 :Out with you")
    for one in (oper, bob, cid):
        one.hears(f":{oper.prefix} KICK #c u1 :Out with you")
        one.hears_nothing()
    assert bob.user not in net.world.channels["#c"].members
    assert bob.user.channels == {}


@pytest.mark.parametrize("line", ["KICK #c u1", "KICK #c u1 :"])
def test_without_a_comment_it_is_the_nick_of_who_kicks(line: str) -> None:
    _, (oper, bob) = ranked("o", "")
    oper.says(line)
    bob.hears(f":{oper.prefix} KICK #c u1 :u0")


@pytest.mark.parametrize(
    ("held", "others", "may"),
    [
        ("", "", False),
        ("v", "", False),
        ("h", "", True),
        ("h", "v", True),
        ("h", "h", False),
        ("h", "o", False),
        ("o", "h", True),
        ("o", "o", True),
        ("o", "a", False),
        ("a", "o", True),
        ("a", "a", False),  # "Users with this mode cannot be kicked" but by the founder (Modern IRC: Protected Prefix)
        ("a", "q", False),
        ("q", "a", True),
        ("q", "qo", True),
    ],
)
def test_who_may_kick_whom(held: str, others: str, may: bool) -> None:
    _, (one, other) = ranked(held, others)
    one.says("KICK #c u1")
    other.heard()
    one.hears(f":{one.prefix} KICK #c u1 :u0" if may else ":irc.home.test 482 u0 #c :…")


def test_several_members_one_message_each() -> None:
    _, (oper, _bob, _cid, dan) = ranked("o", "", "", "")
    oper.says("KICK #c u1,u2 :Out")
    dan.hears(f":{oper.prefix} KICK #c u1 :Out", f":{oper.prefix} KICK #c u2 :Out")
    oper.hears(f":{oper.prefix} KICK #c u1 :Out", f":{oper.prefix} KICK #c u2 :Out")
    oper.hears_nothing()


def test_as_many_channels_as_members() -> None:
    net = Net()
    oper, bob = net.join("oper", channels="#a,#b"), net.join("bob", channels="#a,#b")
    oper.heard()
    oper.says("KICK #a,#b bob,bob :Out")
    oper.hears(f":{oper.prefix} KICK #a bob :Out", f":{oper.prefix} KICK #b bob :Out")
    bob.heard()
    assert bob.user.channels == {}


@pytest.mark.parametrize("line", ["KICK #c", "KICK #c :", "KICK #a,#b u1", "KICK #a,#b u1,u1,u1", "KICK : u1"])
def test_what_is_no_kick(line: str) -> None:
    _, (oper, bob) = ranked("o", "")
    oper.says(line)
    oper.hears(":irc.home.test 461 u0 KICK :Not enough parameters")
    oper.hears_nothing()
    bob.hears_nothing()


def test_who_is_not_there_can_not_be_kicked() -> None:
    net, (oper,) = ranked("o")
    net.join("bob")
    oper.says("KICK #c bob", "KICK #c nobody", "KICK #c ::x")
    oper.hears(
        ":irc.home.test 441 u0 bob #c :They aren't on that channel",
        ":irc.home.test 441 u0 nobody #c :They aren't on that channel",
        ":irc.home.test 441 u0 * #c :They aren't on that channel",
    )


def test_who_is_not_there_can_not_kick() -> None:
    net, (oper,) = ranked("o")
    bob = net.join("bob")
    bob.says("KICK #c u0", "KICK #nowhere u0")
    bob.hears(":irc.home.test 442 bob #c :You're not on that channel", ":irc.home.test 403 bob #nowhere :No such channel")
    oper.asks("MODE #c +s")
    bob.says("KICK #c u0")
    bob.hears(":irc.home.test 442 bob #c :You're not on that channel")
    oper.hears_nothing()


def test_no_more_are_kicked_than_the_token_says() -> None:
    most = TARGETS["KICK"]
    net, (oper, *others) = ranked("o", *[""] * (most + 2))
    oper.says("KICK #c " + ",".join(other.nick for other in others))
    assert len(oper.heard()) == most
    assert len(net.world.channels["#c"].members) == 3


def test_who_kicks_the_last_one_ends_the_channel() -> None:
    net, (oper,) = ranked("o")
    oper.says("KICK #c u0")
    oper.hears(f":{oper.prefix} KICK #c u0 :u0")
    assert net.world.channels == {}


def test_a_long_comment_ends_with_a_whole_character() -> None:
    _, (oper, bob) = ranked("o", "")
    oper.says("KICK #c u1 :" + "ä" * 200)
    bob.hears(f":{oper.prefix} KICK #c u1 :" + "ä" * 150)
