"""MODE of oneself (Modern IRC: User mode; RFC 2812 3.1.5)."""

from __future__ import annotations

import pytest

from tests.irc.talk import Net
from wirespeak.irc.config import Oper


def test_modes_are_set_asked_for_and_taken_back() -> None:
    alice = Net().join("alice")
    alice.says("MODE alice", "MODE ALICE +iw", "MODE alice", "MODE alice -w+B", "MODE alice")
    alice.hears(
        ":irc.home.test 221 alice +",
        f":{alice.prefix} MODE alice +iw",
        ":irc.home.test 221 alice +iw",
        f":{alice.prefix} MODE alice -w+B",
        ":irc.home.test 221 alice +Bi",
    )


def test_what_changes_nothing_is_not_told() -> None:
    alice = Net().join("alice")
    alice.asks("MODE alice +i")
    assert alice.asks("MODE alice +i", "MODE alice -w", "MODE alice +") == []


def test_unknown_modes_are_told_and_the_others_done() -> None:
    alice = Net().join("alice")
    alice.says("MODE alice +i?xw")
    alice.hears(f":{alice.prefix} MODE alice +iw", ":irc.home.test 501 alice :Unknown MODE flag")
    alice.hears_nothing()


@pytest.mark.parametrize("letters", ["+o", "+r", "-r", "+or"])
def test_what_the_server_gives_is_passed_over(letters: str) -> None:
    alice = Net().join("alice")
    assert alice.asks(f"MODE alice {letters}") == []
    alice.says("MODE alice")
    alice.hears(":irc.home.test 221 alice +")


def test_an_operator_lays_it_down() -> None:
    net = Net(opers={"root": Oper(password="sesame")})
    alice = net.join("alice")
    alice.asks("OPER root sesame")
    assert alice.user.oper is not None
    alice.says("MODE alice -o", "SAMODE #c +i")
    alice.hears(f":{alice.prefix} MODE alice -o", ":irc.home.test 481 alice :…")
    assert alice.user.oper is None


def test_only_ones_own_modes() -> None:
    net = Net()
    alice = net.join("alice")
    net.join("bob")
    alice.says("MODE bob", "MODE bob +i", "MODE nobody", "MODE")
    alice.hears(
        ":irc.home.test 502 alice :…",
        ":irc.home.test 502 alice :…",
        ":irc.home.test 401 alice nobody :No such nick/channel",
        ":irc.home.test 461 alice MODE :Not enough parameters",
    )
