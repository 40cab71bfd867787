"""USERHOST, USERIP, ISON, AWAY and SETNAME (Modern IRC; IRCv3 away-notify, setname, extended-monitor)."""

from __future__ import annotations

import pytest

from tests.irc.talk import Net
from wirespeak.irc.config import Oper
from wirespeak.irc.grammar import AWAY_SIZE, REALNAME_SIZE

OPERS = {"root": Oper(password="secret")}


@pytest.fixture
def net() -> Net:
    return Net(opers=OPERS)


# --- USERHOST, USERIP, ISON


def test_userhost_tells_away_and_operators(net: Net) -> None:
    me, ann, bob = net.join("me"), net.join("ann"), net.join("bob")
    ann.says("AWAY :gone")
    bob.says("OPER root secret")
    assert me.asks("USERHOST ANN nobody bob") == [
        f":irc.home.test 302 me :ann=-~ann@{ann.user.host} bob*=+~bob@{bob.user.host}",
    ]


def test_userhost_takes_five_nicks_and_nobody_is_an_empty_list(net: Net) -> None:
    me = net.join("me")
    for number in range(6):
        net.join(f"n{number}")
    (line,) = me.asks("USERHOST n0 n1 n2 n3 n4 n5")
    assert "n4=" in line
    assert "n5=" not in line
    assert me.asks("USERHOST nobody") == [":irc.home.test 302 me :"]
    assert me.asks("USERHOST") == [":irc.home.test 461 me USERHOST :Not enough parameters"]


def test_an_address_is_told_to_oneself_and_to_operators(net: Net) -> None:
    me, ann = net.join("me"), net.join("ann", address="192.0.2.7")
    assert me.asks("USERIP ann") == [":irc.home.test 340 me ann=+~ann@255.255.255.255"]
    assert ann.asks("USERIP ann") == [":irc.home.test 340 ann ann=+~ann@192.0.2.7"]
    me.says("OPER root secret")
    assert me.asks("USERIP ann") == [":irc.home.test 340 me ann=+~ann@192.0.2.7"]


@pytest.mark.parametrize("line", ["ISON ann nobody BOB", "ISON :ann nobody BOB", "ISON ann :nobody BOB", "ISON :ann bob ann"])
def test_ison_tells_who_is_here_as_they_are_called(net: Net, line: str) -> None:
    me = net.join("me")
    net.join("Ann")
    net.join("bob")
    assert me.asks(line) == [":irc.home.test 303 me :Ann bob"]
    assert me.asks("ISON nobody") == [":irc.home.test 303 me :"]


# --- AWAY


def test_away_and_back(net: Net) -> None:
    me, ann = net.join("me"), net.join("ann")
    assert ann.asks("AWAY :gone to lunch") == [":irc.home.test 306 ann :You have been marked as being away"]
    assert me.asks("PRIVMSG ann :hi") == [":irc.home.test 301 me ann :gone to lunch"]
    assert ann.asks("AWAY")[-1] == ":irc.home.test 305 ann :You are no longer marked as being away"
    assert me.asks("PRIVMSG ann :hi") == []
    ann.says("AWAY :again", "AWAY :")
    assert ann.user.away is None


def test_a_long_text_ends_with_a_whole_character(net: Net) -> None:
    ann = net.join("ann")
    ann.says(f"AWAY :{'a' * (AWAY_SIZE - 1)}ä")
    assert ann.user.away == "a" * (AWAY_SIZE - 1)


def test_neighbours_with_the_capability_are_told_once(net: Net) -> None:
    ann = net.join("ann", caps="away-notify", channels="#c,#d")
    bob = net.join("bob", caps="away-notify", channels="#c,#d")
    old = net.join("old", channels="#c")
    elsewhere = net.join("elsewhere", caps="away-notify")
    for one in net.clients:
        one.heard()
    ann.says("AWAY :gone")
    bob.hears(f":{ann.prefix} AWAY :gone")
    ann.hears("… 306 …")
    ann.says("AWAY :gone", "AWAY :still gone", "AWAY")
    bob.hears(f":{ann.prefix} AWAY :still gone", f":{ann.prefix} AWAY")
    ann.hears("… 306 …", "… 306 …", "… 305 …")
    for one in (ann, bob, old, elsewhere):
        one.hears_nothing()


def test_who_joins_away_is_told_to_be(net: Net) -> None:
    bob, ann = net.join("bob", caps="away-notify", channels="#c"), net.join("ann")
    ann.says("AWAY :gone", "JOIN #c")
    bob.hears(f":{ann.prefix} JOIN #c", f":{ann.prefix} AWAY :gone")


# --- SETNAME


def test_a_new_name_is_told_to_oneself_and_to_neighbours_who_understand_it(net: Net) -> None:
    ann = net.join("ann", caps="setname", channels="#c")
    bob, old = net.join("bob", caps="setname", channels="#c"), net.join("old", channels="#c")
    for one in net.clients:
        one.heard()
    ann.says("SETNAME :Bruce Wayne <bruce@wayne.test>")
    for one in (ann, bob):
        one.hears(f":{ann.prefix} SETNAME :Bruce Wayne <bruce@wayne.test>")
    old.hears_nothing()
    assert old.asks("WHO ann %r")[0] == ":irc.home.test 354 old :Bruce Wayne <bruce@wayne.test>"


def test_without_the_capability_the_change_is_silent(net: Net) -> None:
    ann = net.join("ann")
    assert ann.asks("SETNAME :New") == []
    assert ann.user.realname == "New"


@pytest.mark.parametrize("name", ["", " ", "x" * (REALNAME_SIZE + 1)])
def test_a_name_that_is_none_fails(net: Net, name: str) -> None:
    ann = net.join("ann", caps="setname")
    assert ann.asks(f"SETNAME :{name}") == [":irc.home.test FAIL SETNAME INVALID_REALNAME :Realname is not valid"]
    assert ann.user.realname == "Ann"
