"""MONITOR: who is told when a nick comes and goes (IRCv3 Monitor, extended-monitor)."""

from __future__ import annotations

import pytest

from tests.irc.talk import Net
from wirespeak.irc.casemapping import ascii_fold
from wirespeak.irc.monitor import LIMIT, Monitors

# --- the lists


@pytest.fixture
def lists() -> Monitors[str]:
    return Monitors(ascii_fold, limit=3)


def test_a_list_is_found_from_both_sides(lists: Monitors[str]) -> None:
    assert lists.add("me", "Ann")
    assert lists.add("you", "ANN")
    assert lists.add("me", "bob")
    assert lists.targets("me") == ["Ann", "bob"]
    assert list(lists.watchers("aNn")) == ["me", "you"]
    assert list(lists.watchers("carl")) == []


def test_a_nick_is_on_a_list_once_as_it_was_first_written(lists: Monitors[str]) -> None:
    lists.add("me", "Ann")
    assert lists.add("me", "ann")
    assert lists.targets("me") == ["Ann"]


def test_a_full_list_takes_no_more_but_what_it_has(lists: Monitors[str]) -> None:
    for nick in ("a", "b", "c"):
        assert lists.add("me", nick)
    assert not lists.add("me", "d")
    assert lists.add("me", "A")
    assert list(lists.watchers("d")) == []
    lists.remove("me", "B")
    assert lists.add("me", "d")


def test_nothing_is_left_of_who_is_gone(lists: Monitors[str]) -> None:
    lists.add("me", "ann")
    lists.add("you", "ann")
    lists.remove("me", "nobody")
    lists.clear("me")
    lists.clear("me")
    assert lists.targets("me") == []
    assert list(lists.watchers("ann")) == ["you"]
    lists.remove("you", "ann")
    assert not lists._targets
    assert not lists._watchers


# --- the command


def test_who_is_added_is_told_to_be_here_or_not() -> None:
    net = Net()
    me, ann = net.join("me"), net.join("Ann")
    me.says("MONITOR + ann,bob,carl")
    me.hears(f":irc.home.test 730 me :{ann.prefix}", ":irc.home.test 731 me :bob,carl")
    me.hears_nothing()


def test_coming_going_and_changing_nicks_are_told() -> None:
    net = Net()
    me = net.join("me")
    me.says("MONITOR + ann,anna")
    me.heard()
    ann = net.connect()
    ann.says("NICK ann")
    me.hears_nothing()
    ann.says("USER ann 0 * :Ann")
    me.hears(f":irc.home.test 730 me :{ann.prefix}")
    ann.says("NICK anna")
    me.hears(":irc.home.test 731 me :ann", f":irc.home.test 730 me :{ann.prefix}")
    ann.says("NICK Anna")
    me.hears_nothing()
    ann.leaves()
    me.hears(":irc.home.test 731 me :Anna")


def test_who_is_taken_off_is_no_longer_told_of() -> None:
    net = Net()
    me = net.join("me")
    assert me.asks("MONITOR + ann,bob", "MONITOR - ANN,carl") == [":irc.home.test 731 me :ann,bob"]
    net.join("ann")
    assert me.asks("MONITOR L") == [":irc.home.test 732 me :bob", ":irc.home.test 733 me :End of MONITOR list"]
    me.hears_nothing()


def test_the_list_is_cleared_without_a_word() -> None:
    me = Net().join("me")
    me.says("MONITOR + ann,bob")
    assert me.asks("MONITOR C") == []
    assert me.asks("MONITOR L") == [":irc.home.test 733 me :End of MONITOR list"]
    assert me.asks("MONITOR S") == []


def test_the_status_of_all_is_told_when_asked_for() -> None:
    net = Net()
    me = net.join("me")
    me.says("MONITOR + ann,bob,carl")
    ann, carl = net.join("ann"), net.join("carl")
    assert me.asks("MONITOR S") == [f":irc.home.test 730 me :{ann.prefix},{carl.prefix}", ":irc.home.test 731 me :bob"]


def test_a_long_list_takes_several_lines() -> None:
    me = Net().join("me")
    nicks = [f"{'n' * 26}{number:03}" for number in range(60)]
    for start in range(0, 60, 15):
        me.says(f"MONITOR + {','.join(nicks[start : start + 15])}")
    lines = me.asks("MONITOR L")
    assert len(lines) > 2
    assert all(len(line.encode()) <= 510 for line in lines)
    assert ",".join(line.partition(" :")[2] for line in lines[:-1]).split(",") == nicks


def test_a_full_list_is_told_with_those_that_found_no_room() -> None:
    me = Net().join("me")
    for start in range(0, LIMIT - 1, 33):
        me.says(f"MONITOR + {','.join(f'n{number}' for number in range(start, start + 33))}")
    me.heard()
    me.says("MONITOR + one,two,three,n0")
    me.hears(
        ":irc.home.test 731 me :one,n0",
        f":irc.home.test 734 me {LIMIT} two,three :Monitor list is full.",
    )


@pytest.mark.parametrize("target", ["*!~ann@*", "an?", "#c", "x" * 99, "", ",,,"])
def test_what_is_no_nick_is_passed_over(target: str) -> None:
    me = Net().join("me")
    me.says(f"MONITOR + ann,{target}")
    me.hears(":irc.home.test 731 me :ann")
    me.hears_nothing()


def test_a_nick_named_twice_is_told_once() -> None:
    assert Net().join("me").asks("MONITOR + ann,ann") == [":irc.home.test 731 me :ann"]


def test_what_is_no_action_is_an_error() -> None:
    me = Net().join("me")
    assert me.asks("MONITOR") == [":irc.home.test 461 me MONITOR :Not enough parameters"]
    assert me.asks("MONITOR +") == [":irc.home.test 461 me MONITOR :Not enough parameters"]
    assert me.asks("MONITOR X ann") == [":irc.home.test 400 me MONITOR :Expected +, -, C, L or S"]
    assert me.asks("MONITOR :") == [":irc.home.test 400 me MONITOR :Expected +, -, C, L or S"]


def test_who_leaves_takes_the_list_along() -> None:
    net = Net()
    me = net.join("me")
    me.says("MONITOR + ann")
    me.leaves()
    net.join("ann")
    assert list(net.world.monitors.watchers("ann")) == []


def test_no_real_host_is_told() -> None:
    net = Net()
    me = net.join("me")
    net.join("ann", address="192.0.2.7")
    assert "192.0.2.7" not in me.asks("MONITOR + ann")[0]


# --- extended-monitor


@pytest.mark.parametrize(
    ("cap", "command", "told"),
    [
        ("away-notify", "AWAY :gone", "AWAY :gone"),
        ("setname", "SETNAME :New name", "SETNAME :New name"),
        ("account-notify", "NICKSERV REGISTER mellon ann@home.test", "ACCOUNT ann"),
    ],
)
def test_more_is_told_of_them_to_who_asked_for_both(cap: str, command: str, told: str) -> None:
    net = Net()
    both, one, other = (
        net.join("both", caps=f"extended-monitor {cap}"),
        net.join("one", caps=cap),
        net.join("other", caps="extended-monitor"),
    )
    ann = net.join("ann")
    for client in (both, one, other):
        client.says("MONITOR + ann")
        client.heard()
    prefix = ann.prefix
    ann.says(command)
    both.hears(f":{prefix} {told}")
    for client in (both, one, other):
        client.hears_nothing()


def test_a_new_host_is_told_to_who_watches() -> None:
    net = Net()
    me, ann = net.join("me", caps="extended-monitor chghost"), net.join("ann")
    me.says("MONITOR + ann")
    me.heard()
    before = ann.prefix
    net.world.change_host(ann.user, "ann", "garden.home.test")
    me.hears(f":{before} CHGHOST ann garden.home.test")


def test_who_shares_a_channel_and_watches_is_told_once() -> None:
    net = Net()
    me, ann = net.join("me", caps="extended-monitor away-notify", channels="#c"), net.join("ann", channels="#c")
    me.says("MONITOR + ann")
    me.heard()
    ann.says("AWAY :gone")
    me.hears(f":{ann.prefix} AWAY :gone")
    me.hears_nothing()
