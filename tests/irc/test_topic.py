"""TOPIC (Modern IRC: TOPIC message, Protected Topic Mode)."""

from __future__ import annotations

from tests.irc.talk import Net


def test_a_topic_is_told_to_all_and_kept_for_who_comes() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob", channels="#c")
    alice.heard()
    alice.says("TOPIC #C :Welcome all")
    for one in (alice, bob):
        one.hears(f":{alice.prefix} TOPIC #c :Welcome all")
        one.hears_nothing()
    net.passes(60)
    bob.says("TOPIC #c")
    bob.hears(":irc.home.test 332 bob #c :Welcome all", ":irc.home.test 333 bob #c alice 1790000000")


def test_an_empty_one_clears_it() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob", channels="#c")
    alice.asks("TOPIC #c :Welcome")
    bob.heard()
    alice.says("TOPIC #c :")
    alice.hears(f":{alice.prefix} TOPIC #c :")
    bob.hears(f":{alice.prefix} TOPIC #c :")
    bob.says("TOPIC #c")
    bob.hears(":irc.home.test 331 bob #c :No topic is set")
    cid = net.join("cid")
    assert not any(" 332 " in line or " 331 " in line for line in cid.asks("JOIN #c"))


def test_a_protected_topic_is_the_operators() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob", channels="#c")
    bob.says("TOPIC #c :Mine")
    bob.hears(":irc.home.test 482 bob #c :…")
    alice.asks("MODE #c +h bob")
    bob.heard()
    bob.says("TOPIC #c :Mine")
    bob.hears(f":{bob.prefix} TOPIC #c :Mine")


def test_without_protection_it_is_every_members() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob", channels="#c")
    alice.asks("MODE #c -t")
    bob.heard()
    bob.says("TOPIC #c :Mine")
    bob.hears(f":{bob.prefix} TOPIC #c :Mine")


def test_who_is_outside_may_read_but_not_write() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob")
    alice.asks("MODE #c -t", "TOPIC #c :Welcome")
    bob.says("TOPIC #c", "TOPIC #c :Mine")
    bob.hears(":irc.home.test 332 bob #c :Welcome", ":irc.home.test 333 bob #c alice …", ":irc.home.test 442 bob #c :…")


def test_a_secret_channel_shows_no_topic() -> None:
    """It is as if it were not there; who would set one is told that they are outside (Modern IRC: ERR_NOTONCHANNEL)."""
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob")
    alice.asks("TOPIC #c :Welcome", "MODE #c +s-t")
    bob.says("TOPIC #c", "TOPIC #nowhere", "TOPIC #nowhere :Mine", "TOPIC #c :Mine")
    bob.hears(*(f":irc.home.test 403 bob {name} :No such channel" for name in ("#c", "#nowhere", "#nowhere")))
    bob.hears(":irc.home.test 442 bob #c :You're not on that channel")
    alice.hears_nothing()


def test_a_long_topic_ends_with_a_whole_character() -> None:
    alice = Net().join("alice", channels="#c")
    alice.says("TOPIC #c :" + "ä" * 220)
    alice.hears(f":{alice.prefix} TOPIC #c :" + "ä" * 195)
    alice.says("TOPIC #c")
    alice.hears(":irc.home.test 332 alice #c :" + "ä" * 195, ":irc.home.test 333 …")


def test_a_topic_that_begins_with_a_colon_keeps_it() -> None:
    alice = Net().join("alice", channels="#c")
    alice.says("TOPIC #c ::)")
    alice.hears(f":{alice.prefix} TOPIC #c ::)")


def test_topic_needs_a_channel() -> None:
    alice = Net().join("alice")
    alice.says("TOPIC", "TOPIC :")
    alice.hears(":irc.home.test 461 alice TOPIC :Not enough parameters", ":irc.home.test 403 alice * :No such channel")
