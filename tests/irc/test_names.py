"""NAMES (Modern IRC: NAMES message; IRCv3 multi-prefix, userhost-in-names)."""

from __future__ import annotations

import pytest

from tests.irc.talk import Net
from wirespeak.irc.channels import TARGETS
from wirespeak.irc.messages import Message


def test_the_highest_prefix_or_every_one() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob", caps="multi-prefix", channels="#c")
    alice.asks("MODE #c +v alice")
    bob.heard()
    alice.says("NAMES #C")
    alice.hears(":irc.home.test 353 alice = #c :@alice bob", ":irc.home.test 366 alice #c :End of /NAMES list")
    bob.says("NAMES #c")
    bob.hears(":irc.home.test 353 bob = #c :@+alice bob", ":irc.home.test 366 bob #c …")


def test_every_prefix_in_its_order() -> None:
    net = Net()
    alice = net.join("alice", caps="multi-prefix", channels="#c")
    net.world.channels["#c"].members[alice.user] = "qaohv"
    alice.says("NAMES #c")
    alice.hears(":irc.home.test 353 alice = #c :~&@%+alice")


def test_names_with_user_and_host() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob", caps="userhost-in-names")
    bob.says("JOIN #c")
    bob.skips_to(f":irc.home.test 353 bob = #c :@{alice.prefix} {bob.prefix}")


def test_without_a_channel_there_is_nobody() -> None:
    alice = Net().join("alice", channels="#c")
    for line in ("NAMES", "NAMES :", "NAMES ,"):
        alice.says(line)
        alice.hears(":irc.home.test 366 alice * :End of /NAMES list")
        alice.hears_nothing()


@pytest.mark.parametrize("name", ["#nowhere", "nothing", "a*"])
def test_a_channel_that_is_not_there_is_answered_by_the_end_alone(name: str) -> None:
    alice = Net().join("alice")
    alice.says(f"NAMES {name}")
    alice.hears(f":irc.home.test 366 alice {name} :End of /NAMES list")
    alice.hears_nothing()


def test_several_channels_one_after_the_other() -> None:
    net = Net()
    alice = net.join("alice", channels="#a,#b")
    bob = net.join("bob")
    bob.says("NAMES #a,#b,#nowhere")
    assert [line.split(" ")[1] for line in bob.heard()] == ["353", "366", "353", "366", "366"]
    alice.says("NAMES #a,#A")
    assert [line.split(" ")[1] for line in alice.heard()] == ["353", "366"]


def test_past_what_the_token_says_each_is_answered_by_the_end_alone() -> None:
    """So nobody waits for ever for the end of what they have asked for (RPL_ISUPPORT TARGMAX)."""
    most = TARGETS["NAMES"]
    names = [f"#c{number}" for number in range(most + 16)]
    alice = Net().join("alice", channels=",".join(names))
    alice.says("NAMES " + ",".join(names))
    told = [Message.parse(line) for line in alice.heard()]
    assert [message.params[2] for message in told if message.command == "353"] == names[:most]
    assert [message.params[1] for message in told if message.command == "366"] == names


def test_the_invisible_are_told_to_members_alone() -> None:
    net = Net()
    alice, bob, cid = net.join("alice", channels="#c"), net.join("bob", channels="#c"), net.join("cid")
    bob.asks("MODE bob +i")
    alice.heard()
    cid.says("NAMES #c")
    cid.hears(":irc.home.test 353 cid = #c :@alice", ":irc.home.test 366 …")
    alice.says("NAMES #c")
    alice.hears(":irc.home.test 353 alice = #c :@alice bob")
    alice.asks("MODE alice +i")
    cid.says("NAMES #c")
    cid.hears(":irc.home.test 366 cid #c …")


def test_a_secret_channel_is_told_to_members_alone() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob")
    alice.asks("MODE #c +s")
    bob.says("NAMES #c", "NAMES")
    bob.hears(":irc.home.test 366 bob #c :End of /NAMES list", ":irc.home.test 366 bob * …")
    bob.hears_nothing()
    alice.says("NAMES #c")
    alice.hears(":irc.home.test 353 alice @ #c :@alice")


def test_many_names_are_parted_into_lines_that_hold_them() -> None:
    net = Net()
    alice = net.join("alice", channels="#c")
    others = [net.join(f"somebody{number:03}") for number in range(150)]
    for other in others:
        other.says("JOIN #c")
    alice.heard()
    alice.says("NAMES #c")
    *lines, end = alice.heard()
    assert end == ":irc.home.test 366 alice #c :End of /NAMES list"
    assert all(len(line) + 2 <= 512 for line in lines)
    assert all(len(line) > 480 for line in lines[:-1]), "as few lines as will do"
    names = [name for line in lines for name in line.removeprefix(":irc.home.test 353 alice = #c :").split(" ")]
    assert names == ["@alice", *(other.nick for other in others)]


def test_a_labelled_names_is_one_batch() -> None:
    net = Net()
    net.join("alice", channels="#c")
    bob = net.join("bob", caps="labeled-response batch")
    bob.says("@label=x NAMES #c", "@label=y NAMES")
    bob.hears("@label=x :irc.home.test BATCH +…", "@batch=… 353 …", "@batch=… 366 …", ":irc.home.test BATCH -…")
    bob.hears("@label=y :irc.home.test 366 bob * :…")
