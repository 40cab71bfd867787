"""JOIN, and PART, on a running server (Modern IRC: JOIN message, PART message; IRCv3 extended-join, away-notify)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.irc.talk import Client, Net
from wirespeak.irc.isupport import CHANNELS_EACH
from wirespeak.irc.messages import Message


def test_the_first_one_makes_the_channel_and_operates_it() -> None:
    net = Net()
    alice = net.join("alice")
    alice.says("JOIN #c")
    alice.hears(f":{alice.prefix} JOIN #c", ":irc.home.test 353 alice = #c :@alice", ":irc.home.test 366 alice #c :End of /NAMES list")
    alice.hears_nothing()


def test_the_next_one_is_told_to_all_and_told_the_topic_and_the_names() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob")
    alice.asks("TOPIC #c :Welcome")
    bob.says("JOIN #C")
    bob.hears(
        f":{bob.prefix} JOIN #c",  # as the first one wrote it
        ":irc.home.test 332 bob #c :Welcome",
        ":irc.home.test 333 bob #c alice 1790000000",
        ":irc.home.test 353 bob = #c :@alice bob",
        ":irc.home.test 366 bob #c …",
    )
    alice.hears(f":{bob.prefix} JOIN #c")
    bob.hears_nothing()
    alice.hears_nothing()


def test_joining_twice_is_nothing() -> None:
    alice = Net().join("alice", channels="#c")
    assert alice.asks("JOIN #C") == []


def test_several_channels_each_with_its_key() -> None:
    net = Net()
    alice = net.join("alice", channels="#a,#b,#c")
    alice.asks("MODE #a +k one", "MODE #b +k two")
    bob = net.join("bob")
    bob.says("JOIN #a,#b,#c one,two")
    assert [line for line in bob.heard() if " JOIN " in line] == [f":{bob.prefix} JOIN {name}" for name in ("#a", "#b", "#c")]


def test_a_key_stands_in_the_place_of_its_channel() -> None:
    net = Net()
    net.join("alice", channels="#a,#b").asks("MODE #b +k two")
    bob = net.join("bob")
    bob.says("JOIN #a,#b ,two")
    assert sum(" JOIN " in line for line in bob.heard()) == 2


def test_extended_join_tells_account_and_real_name() -> None:
    net = Net()
    plain, extended = net.join("plain", channels="#c"), net.join("extended", caps="extended-join", channels="#c")
    bob = net.join("bob", realname="Bob B.")
    bob.user.account = "robert"
    bob.says("JOIN #c")
    plain.hears(f":{bob.prefix} JOIN #c")
    extended.hears(f":{bob.prefix} JOIN #c robert :Bob B.")
    bob.hears(f":{bob.prefix} JOIN #c")


def test_who_joins_sees_its_own_extended_join() -> None:
    alice = Net().join("alice", caps="extended-join", realname="Alice A.")
    alice.says("JOIN #c")
    alice.hears(f":{alice.prefix} JOIN #c * :Alice A.")


def test_who_is_away_is_told_as_such_to_those_who_want_it() -> None:
    net = Net()
    plain, watcher = net.join("plain", channels="#c"), net.join("watcher", caps="away-notify", channels="#c")
    bob = net.join("bob", caps="away-notify")
    bob.user.away = "tea"
    plain.heard()
    bob.says("JOIN #c")
    watcher.hears(f":{bob.prefix} JOIN #c", f":{bob.prefix} AWAY :tea")
    plain.hears(f":{bob.prefix} JOIN #c")
    plain.hears_nothing()
    assert not any("AWAY" in line for line in bob.heard())


@pytest.mark.parametrize("name", ["no-implicit-names", "draft/no-implicit-names"])
def test_no_implicit_names(name: str) -> None:
    alice = Net().join("alice", caps=name)
    alice.says("JOIN #c")
    alice.hears(f":{alice.prefix} JOIN #c")
    alice.hears_nothing()
    alice.says("NAMES #c")
    alice.hears(":irc.home.test 353 alice = #c :@alice", ":irc.home.test 366 alice #c …")


# --- refusals


@pytest.mark.parametrize("name", ["c", "&c", "#a\x07b", "#a\u200bb", "#" + "x" * 64, "0x", "*"])
def test_what_is_no_channel_is_not_made(name: str) -> None:
    alice = Net().join("alice")
    alice.says(f"JOIN {name}")
    alice.hears(f":irc.home.test 403 alice {name} :No such channel")
    alice.hears_nothing()


def test_a_name_that_can_not_be_repeated_is_a_star() -> None:
    alice = Net().join("alice")
    alice.says("JOIN :#a b", "JOIN ::x")
    alice.hears(":irc.home.test 403 alice * :No such channel", ":irc.home.test 403 alice * :No such channel")


def test_a_name_of_full_length_is_a_channel() -> None:
    alice = Net().join("alice")
    name = "#" + "x" * 63
    alice.says(f"JOIN {name}")
    alice.hears(f":{alice.prefix} JOIN {name}")


@pytest.mark.parametrize("line", ["JOIN", "JOIN :", "JOIN ,,"])
def test_join_needs_a_channel(line: str) -> None:
    alice = Net().join("alice")
    alice.says(line)
    alice.hears(":irc.home.test 461 alice JOIN :Not enough parameters")
    alice.hears_nothing()


@pytest.mark.parametrize(
    ("modes", "numeric"), [("+i", "473"), ("+k mellon", "475"), ("+l 1", "471"), ("+b bob", "474"), ("+b *!*@*", "474"), ("+R", "477")]
)
def test_a_mode_keeps_out(modes: str, numeric: str) -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob")
    alice.asks(f"MODE #c {modes}")
    bob.says("JOIN #c wrong")
    bob.hears(f":irc.home.test {numeric} bob #c :…")
    bob.hears_nothing()
    alice.hears_nothing()


@pytest.mark.parametrize("modes", ["+be *!*@* bob", "+iI bob!*@*", "+k mellon", "+l 2"])
def test_and_lets_in_whom_it_does_not_mean(modes: str) -> None:
    net = Net()
    net.join("alice", channels="#c").asks(f"MODE #c {modes}")
    bob = net.join("bob")
    bob.says("JOIN #c mellon")
    bob.hears(f":{bob.prefix} JOIN #c")


def test_no_more_channels_than_the_token_says() -> None:
    alice = Net().join("alice")
    for start in range(0, CHANNELS_EACH, 20):
        alice.asks("JOIN " + ",".join(f"#c{number}" for number in range(start, start + 20)))
    alice.says("JOIN #more")
    alice.hears(":irc.home.test 405 alice #more :…")
    alice.asks("PART #c0")
    alice.says("JOIN #more")
    alice.hears(f":{alice.prefix} JOIN #more")


def test_a_channel_that_nobody_could_join_is_not_left_behind() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob")
    alice.asks("MODE #c +i")
    bob.asks("JOIN #c")
    alice.says("PART #c")
    assert net.world.channels == {}
    bob.says("JOIN #c")
    bob.hears(f":{bob.prefix} JOIN #c", ":irc.home.test 353 bob = #c :@bob")


# --- leaving


def test_part_is_told_to_all_with_its_reason() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob", channels="#c")
    alice.heard()
    bob.says("PART #C :Good night")
    for one in (alice, bob):
        one.hears(f":{bob.prefix} PART #c :Good night")
        one.hears_nothing()
    bob.says("PART #c")
    bob.hears(":irc.home.test 442 bob #c :You're not on that channel")


@pytest.mark.parametrize("line", ["PART #c", "PART #c :"])
def test_part_without_a_reason_has_none(line: str) -> None:
    alice = Net().join("alice", channels="#c")
    alice.says(line)
    alice.hears(f":{alice.prefix} PART #c")


def test_several_are_left_one_message_each_and_the_others_answered() -> None:
    alice = Net().join("alice", channels="#a,#b")
    alice.says("PART #a,#nowhere,#b :Bye")
    alice.hears(f":{alice.prefix} PART #a :Bye", ":irc.home.test 403 alice #nowhere :No such channel", f":{alice.prefix} PART #b :Bye")


def test_join_0_leaves_all() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#a,#b"), net.join("bob", channels="#b")
    alice.heard()
    alice.says("JOIN 0")
    alice.hears(f":{alice.prefix} PART #a", f":{alice.prefix} PART #b")
    bob.hears(f":{alice.prefix} PART #b")
    assert list(net.world.channels) == ["#b"]
    assert alice.asks("JOIN 0") == []


@pytest.mark.parametrize("line", ["PART", "PART :", "PART ,"])
def test_part_needs_a_channel(line: str) -> None:
    alice = Net().join("alice", channels="#c")
    alice.says(line)
    alice.hears(":irc.home.test 461 alice PART :Not enough parameters")


def test_a_long_reason_ends_with_a_whole_character() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob", channels="#c")
    alice.heard()
    bob.says("PART #c :" + "ä" * 200)
    alice.hears(f":{bob.prefix} PART #c :" + "ä" * 150)


def test_who_is_not_on_a_channel_can_not_leave_it_secret_or_not() -> None:
    """Modern IRC, PART: ERR_NOTONCHANNEL where there is such a channel."""
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob")
    alice.asks("MODE #c +s")
    bob.says("PART #c", "PART #nowhere")
    bob.hears(":irc.home.test 442 bob #c :You're not on that channel", ":irc.home.test 403 bob #nowhere :No such channel")


def test_what_is_named_twice_is_left_once() -> None:
    alice = Net().join("alice", channels="#a")
    alice.says("PART #a,#A,#a")
    alice.hears(f":{alice.prefix} PART #a")
    alice.hears_nothing()


# --- channels that an account owns


def owned() -> tuple[Net, Client, Client]:
    """alice, who is logged in and owns #c, but isn't there; and bob, who is."""
    net = Net()
    alice, bob = net.join("alice"), net.join("bob")
    alice.asks("NICKSERV REGISTER sesame-open", "JOIN #c", "CHANSERV REGISTER #c", "TOPIC #c :Ours")
    bob.asks("JOIN #c")
    alice.asks("PART #c")
    bob.heard()
    return net, alice, bob


def test_the_owner_comes_back_as_such_and_all_are_told() -> None:
    _, alice, bob = owned()
    alice.says("JOIN #c")
    alice.hears(
        f":{alice.prefix} JOIN #c",
        ":irc.home.test 332 alice #c :Ours",
        ":irc.home.test 333 …",
        ":irc.home.test 353 alice = #c :bob ~alice",
        ":irc.home.test 366 …",
        ":irc.home.test MODE #c +qo alice alice",
    )
    bob.hears(f":{alice.prefix} JOIN #c", ":irc.home.test MODE #c +qo alice alice")


def test_the_owners_rank_is_part_of_the_answer() -> None:
    """It follows the JOIN, also where that waits for its label (IRCv3 labeled-response)."""
    _, alice, _ = owned()
    alice.asks("CAP REQ :labeled-response batch no-implicit-names")
    alice.says("@label=1 JOIN #c")
    alice.hears(
        "@label=1 …BATCH +…",
        f"@batch=… :{alice.prefix} JOIN #c",
        "@batch=… :irc.home.test 332 …",
        "@batch=… :irc.home.test 333 …",
        "@batch=… :irc.home.test MODE #c +qo alice alice",
        ":irc.home.test BATCH -…",
    )


def test_nobody_keeps_the_owner_out() -> None:
    net, alice, bob = owned()
    net.world.channels["#c"].members[bob.user] = "o"
    bob.asks("MODE #c +ikblR mellon alice 1")
    alice.says("JOIN #c")
    alice.hears(f":{alice.prefix} JOIN #c")


def test_it_comes_back_as_it_was_and_the_first_one_does_not_operate_it() -> None:
    net, _, bob = owned()
    bob.asks("PART #c")
    assert net.world.channels == {}
    bob.says("JOIN #C", "MODE #c")
    bob.hears(f":{bob.prefix} JOIN #c", ":irc.home.test 332 bob #c :Ours", ":irc.home.test 333 …", ":irc.home.test 353 bob = #c :bob")
    bob.skips_to(":irc.home.test 324 bob #c +nrt")


def test_it_keeps_out_whom_it_kept_out_and_is_not_left_behind() -> None:
    net, alice, bob = owned()
    alice.asks("JOIN #c", "MODE #c +k mellon", "PART #c")
    bob.asks("PART #c")
    bob.says("JOIN #c")
    bob.hears(":irc.home.test 475 bob #c :…")
    assert net.world.channels == {}


# --- labels


def test_a_labelled_join_is_a_batch_and_a_labelled_part_one_line() -> None:
    alice = Net().join("alice", caps="labeled-response batch")
    alice.says("@label=one JOIN #c")
    start, *inside, end = alice.heard()
    name = start.removeprefix("@label=one :irc.home.test BATCH +").removesuffix(" labeled-response")
    assert [line.split(" ")[2] for line in inside] == ["JOIN", "353", "366"]
    assert all(line.startswith(f"@batch={name} ") for line in inside)
    assert end == f":irc.home.test BATCH -{name}"
    alice.says("@label=two PART #c")
    alice.hears(f"@label=two :{alice.prefix} PART #c")
    alice.says("@label=three JOIN 0")
    alice.hears("@label=three :irc.home.test ACK")


# --- many at once


def test_one_more_in_a_full_channel_is_written_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Net()
    for number in range(200):
        net.connect().says(f"NICK somebody{number:03}", "USER u 0 * :x", "JOIN #c")
    bob = net.join("bob")
    written: list[str] = []
    body = Message.body

    def counted(message: Message) -> bytes:
        written.append(message.command)
        return body(message)

    monkeypatch.setattr(Message, "body", counted)
    bob.says("JOIN #c")
    assert Counter(written) == {"JOIN": 1, "353": 6, "366": 1}


def test_who_joins_many_full_channels_is_told_of_them_no_faster_than_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Net()
    names = [f"#c{number}" for number in range(40)]
    net.join("alice", channels=",".join(names))
    bob = net.join("bob")
    link: Any = bob.user.link
    full = link.future()

    async def room() -> None:
        await full

    monkeypatch.setattr(link, "room", room)
    bob.says(f"JOIN {','.join(names)}", "PING :done")
    assert 0 < len(bob.user.channels) < len(names), "the rest waits for its reader"
    first = bob.heard()
    full.set_result(None)
    bob.sends(b"")
    lines = first + bob.heard()
    assert [line for line in lines if " 366 " in line] == [f":irc.home.test 366 bob {name} :End of /NAMES list" for name in names]
    assert " PONG " in lines[-1], "the next command waited"
