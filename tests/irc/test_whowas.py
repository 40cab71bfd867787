"""WHOWAS: who bore a nick before, and that it is bounded (Modern IRC: WHOWAS; RFC 2812 3.6.3)."""

from __future__ import annotations

from tests.irc.talk import Net
from wirespeak.irc.casemapping import ascii_fold
from wirespeak.irc.config import Oper
from wirespeak.irc.whowas import EACH, Past, WhoWas


def past(nick: str, number: int = 0) -> Past:
    return Past(nick, f"u{number}", "cloak", "real.test", "192.0.2.7", "Real", None, float(number))


# --- the memory of departures


def test_the_latest_comes_first_in_whatever_case() -> None:
    memory = WhoWas(ascii_fold)
    for number in range(3):
        memory.add(past("Ann", number))
    assert [one.user for one in memory.find("aNN")] == ["u2", "u1", "u0"]
    assert [one.user for one in memory.find("ann", 2)] == ["u2", "u1"]
    assert memory.find("bob") == []


def test_a_count_that_is_not_positive_asks_for_all() -> None:
    memory = WhoWas(ascii_fold)
    for number in range(3):
        memory.add(past("ann", number))
    assert len(memory.find("ann", 0)) == len(memory.find("ann", -1)) == 3


def test_one_nick_is_remembered_so_many_times() -> None:
    memory = WhoWas(ascii_fold)
    for number in range(EACH + 5):
        memory.add(past("ann", number))
    assert [one.user for one in memory.find("ann")] == [f"u{number}" for number in reversed(range(5, EACH + 5))]


def test_the_oldest_departures_are_forgotten() -> None:
    memory = WhoWas(ascii_fold, kept=30)
    for number in range(EACH + 5):
        memory.add(past("ann", number))
    for number in range(10):
        memory.add(past(f"bob{number}"))
    assert len(memory.find("ann")) == EACH, "those forgotten had fallen out of the nick's own list before"
    for number in range(10, 30):
        memory.add(past(f"bob{number}"))
    assert len(memory) == 30
    assert memory.find("ann") == []
    assert len(memory.find("bob0")) == 1
    memory.add(past("carl"))
    assert memory.find("bob0") == []


# --- the command


def test_who_left_is_told_with_where_and_when() -> None:
    net = Net()
    me, ann = net.join("me"), net.join("ann", realname="Ann Real")
    ann.says("QUIT")
    me.says("WHOWAS ann")
    me.hears(
        f":irc.home.test 314 me ann {ann.user.user} {ann.user.host} * :Ann Real",
        ":irc.home.test 312 me ann irc.home.test :… UTC",
        ":irc.home.test 369 me ann :End of WHOWAS",
    )


def test_a_nick_that_was_changed_is_remembered_and_one_in_use_is_not() -> None:
    net = Net()
    me, ann = net.join("me"), net.join("ann")
    ann.says("NICK anna")
    assert [line.split()[1] for line in me.asks("WHOWAS ann")] == ["314", "312", "369"]
    assert [line.split()[1] for line in me.asks("WHOWAS anna")] == ["406", "369"]


def test_nobody_by_that_name() -> None:
    me = Net().join("me")
    me.says("WHOWAS nobody")
    me.hears(":irc.home.test 406 me nobody :There was no such nickname", ":irc.home.test 369 me nobody :End of WHOWAS")


def test_masks_are_not_looked_for() -> None:
    net = Net()
    me = net.join("me")
    net.join("ann").says("QUIT")
    assert [line.split()[1] for line in me.asks("WHOWAS an*")] == ["406", "369"]


def test_a_count_bounds_the_answer() -> None:
    net = Net()
    me = net.join("me")
    for name in ("one", "two", "three"):
        net.join("ann", user=name).says("QUIT")
    for asked, expected in (("WHOWAS ann 2", 2), ("WHOWAS ann", 3), ("WHOWAS ann 0", 3), ("WHOWAS ann -1", 3), ("WHOWAS ann x", 3)):
        assert sum(" 314 " in line for line in me.asks(asked)) == expected, asked
    assert "three" in me.asks("WHOWAS ann 1")[0]


def test_several_nicks_have_one_end() -> None:
    net = Net()
    me = net.join("me")
    net.join("ann").says("QUIT")
    net.join("bob").says("QUIT")
    assert [line.split()[1] for line in me.asks("WHOWAS bob,ann")] == ["314", "312", "314", "312", "369"]
    assert me.asks("WHOWAS bob,ann")[-1] == ":irc.home.test 369 me bob,ann :End of WHOWAS"


def test_without_a_nick_431_and_for_another_server_402() -> None:
    me = Net().join("me")
    assert me.asks("WHOWAS") == [":irc.home.test 431 me :No nickname given"]
    assert me.asks("WHOWAS ann 1 other.test") == [":irc.home.test 402 me other.test :No such server"]


def test_the_real_host_is_for_operators() -> None:
    net = Net(opers={"root": Oper(password="secret")})
    me, ann = net.join("me"), net.join("ann", address="192.0.2.7")
    ann.says("QUIT")
    assert not any("192.0.2.7" in line for line in me.asks("WHOWAS ann"))
    me.says("OPER root secret")
    me.heard()
    me.says("WHOWAS ann")
    me.hears("…", f":irc.home.test 338 me ann {ann.user.user}@{ann.user.real_host} 192.0.2.7 :…", "…", "…")
