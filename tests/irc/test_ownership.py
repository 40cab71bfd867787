"""Nicks that are somebody's: who may have them, for how long, and what becomes of others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.irc.talk import Client, Net
from wirespeak.irc.accounts import AccountSettings

WORD = "mellon-friend"
WARNING = ":NickServ!services@irc.home.test NOTICE {} :{} is registered: log in within 30 seconds (…), or you will be renamed"


def net(**settings: Any) -> Net:
    return Net(accounts=AccountSettings(**settings))


def with_account(home: Net, nick: str, *said: str) -> None:
    """Somebody has an account by that name, has said this and that, and is gone."""
    client = home.join(nick)
    client.says(f"NS REGISTER {WORD}", *said)
    assert client.user.account == nick
    client.says("QUIT")


def comes(home: Net, nick: str) -> Client:
    """Somebody connects under a nick; what they are told after the welcome waits."""
    client = home.connect()
    client.says(f"NICK {nick}", f"USER {nick} 0 * :{nick}")
    client.skips_to("…422 …")
    return client


def test_who_takes_anothers_nick_is_warned_and_renamed_after_a_time() -> None:
    home = net()
    with_account(home, "Ann")
    bob = home.join("bob")
    bob.says("JOIN #c")
    eve = comes(home, "ann")
    eve.skips_to(WARNING.format("ann", "ann"))
    eve.says("JOIN #c")
    bob.heard()
    home.passes(29)
    assert eve.nick == "ann"
    home.passes(2)
    assert eve.nick.startswith("Guest")
    bob.hears(f":ann!… NICK {eve.nick}")
    home.passes(60)
    assert not eve.gone


def test_who_logs_in_in_time_keeps_it() -> None:
    home = net()
    with_account(home, "ann")
    ann = comes(home, "ann")
    home.passes(20)
    ann.says(f"NS IDENTIFY {WORD}")
    home.passes(60)
    assert ann.nick == "ann"


def test_who_logs_in_to_another_account_does_not() -> None:
    home = net()
    with_account(home, "ann")
    with_account(home, "eve")
    eve = comes(home, "ann")
    eve.says(f"NS IDENTIFY eve {WORD}")
    home.passes(60)
    assert eve.nick != "ann"


def test_who_logs_out_is_warned_too() -> None:
    home = net()
    with_account(home, "ann")
    ann = comes(home, "ann")
    ann.says(f"NS IDENTIFY {WORD}")
    ann.heard()
    ann.says("NS LOGOUT")
    ann.skips_to(WARNING.format("ann", "ann"))
    home.passes(31)
    assert ann.nick.startswith("Guest")


def test_who_changes_the_nick_is_left_alone() -> None:
    home = net()
    with_account(home, "ann")
    eve = comes(home, "ann")
    eve.says("NICK eve")
    home.passes(60)
    assert eve.nick == "eve"


def test_who_changes_to_it_and_back_again_has_the_time_anew() -> None:
    home = net()
    with_account(home, "ann")
    eve = home.join("eve")
    eve.says("NICK ann")
    home.passes(20)
    eve.says("NICK eve", "NICK ann")
    home.passes(20)
    assert eve.nick == "ann"
    home.passes(15)
    assert eve.nick.startswith("Guest")


def test_by_another_case_as_well_and_a_grouped_nick_as_well() -> None:
    home = net()
    with_account(home, "ann", "NICK Anna", "NS GROUP")
    for nick in ("ANN", "anna"):
        eve = comes(home, nick)
        home.passes(31)
        assert eve.nick.startswith("Guest")
        eve.says("QUIT")


def test_two_who_are_renamed_have_different_nicks() -> None:
    home = net()
    with_account(home, "ann", "NICK anna", "NS GROUP")
    eve, joe = comes(home, "ann"), comes(home, "anna")
    home.passes(31)
    assert eve.nick != joe.nick
    assert {eve.nick[:5], joe.nick[:5]} == {"Guest"}


@pytest.mark.parametrize("where", ["account", "server"])
def test_a_nick_that_nobody_else_gets(where: str) -> None:
    home = net(enforce="strict" if where == "server" else "rename")
    with_account(home, "ann", *(["NS SET ENFORCE STRICT"] if where == "account" else []))
    bob = home.join("bob")
    bob.says("NICK ann")
    bob.hears(":irc.home.test 433 bob ann :Nickname is registered: log in to use it")
    stranger = home.connect()
    stranger.says("NICK ann", "USER ann 0 * :Ann")
    stranger.hears(":irc.home.test 433 * ann :Nickname is registered: log in to use it")
    bob.says(f"NS IDENTIFY ann {WORD}", "NICK ann")
    bob.skips_to(":bob!… NICK ann")


def test_its_owner_gets_it_who_logs_in_before_the_welcome() -> None:
    """Clients say NICK first, and log in after that (IRCv3 SASL 3.1, its examples)."""
    home = net(enforce="strict")
    with_account(home, "ann")
    ann = home.connect()
    ann.says("CAP REQ sasl", "NICK ann", "USER ann 0 * :Ann", "AUTHENTICATE PLAIN", "AUTHENTICATE AGFubgBtZWxsb24tZnJpZW5k", "CAP END")
    lines = ann.heard()
    assert [line.split()[1] for line in lines[:5]] == ["CAP", "+", "900", "903", "001"]
    assert ann.user.nick == "ann"


def test_who_has_not_logged_in_by_then_does_not() -> None:
    home = net(enforce="strict")
    with_account(home, "ann")
    eve = home.connect()
    eve.says("CAP LS 302", "NICK ann", "USER eve 0 * :Eve", "CAP END")
    eve.skips_to(":irc.home.test 433 * ann :Nickname is registered: log in to use it")
    eve.says("NICK eve")
    eve.hears(":irc.home.test 001 eve …")


@pytest.mark.parametrize("where", ["account", "server"])
def test_a_nick_that_anybody_may_have(where: str) -> None:
    home = net(enforce="none" if where == "server" else "rename")
    with_account(home, "ann", *(["NS SET ENFORCE NONE"] if where == "account" else []))
    eve = comes(home, "ann")
    eve.hears_nothing()
    home.passes(300)
    assert eve.nick == "ann"


def test_a_nick_that_looks_like_one_that_is_registered() -> None:
    """Hostile names: told apart by nobody at a glance, so nobody has them."""
    home = net()
    with_account(home, "Bill")
    eve = home.join("eve")
    for nick in ("B1ll", "biIl", "BlIl"):
        eve.says(f"NICK {nick}")
        eve.hears(f":irc.home.test 433 eve {nick} :Nickname looks too much like Bill, which is registered")
    stranger = home.connect()
    stranger.says("NICK BiI1", "USER x 0 * :X")
    stranger.hears(":irc.home.test 433 * BiI1 …")


def test_what_programs_put_to_a_nick_that_is_taken() -> None:
    home = net()
    with_account(home, "Bill")
    for nick in ("Bill_", "Bill`", "Bill__", "_Bill", "Bill-away"):
        assert comes(home, nick).nick == nick


def test_its_owner_may_have_what_looks_like_it() -> None:
    home = net()
    with_account(home, "Bill")
    bill = home.join("joe")
    bill.says(f"NS IDENTIFY Bill {WORD}", "NICK B1ll")
    bill.skips_to("… NICK B1ll")
    bill.says("NS GROUP")
    bill.skips_to("…B1ll is Bill's as well")


def test_who_is_gone_is_not_renamed() -> None:
    home = net()
    with_account(home, "ann")
    eve = comes(home, "ann")
    eve.says("QUIT")
    home.passes(10)
    ann = comes(home, "ann")
    ann.says(f"NS IDENTIFY {WORD}")
    home.passes(60)
    assert ann.nick == "ann"
    assert home.world.ownership._until == {}  # type: ignore[attr-defined]


def test_who_takes_a_name_before_its_code_is_said_is_warned_then() -> None:
    codes = {}

    async def mail(address: str, account: str, code: str) -> None:
        codes[account] = code

    home = Net(mail=mail)
    ann = home.join("ann")
    ann.says(f"REGISTER * ann@home.test {WORD}", "NICK anna")
    eve = comes(home, "ann")
    eve.hears_nothing()
    ann.says(f"VERIFY ann {codes['ann']}")
    eve.hears(WARNING.format("ann", "ann"))
    home.passes(31)
    assert eve.nick.startswith("Guest")


def test_an_answer_to_another_does_not_bear_ones_label() -> None:
    home = net()
    with_account(home, "ann")
    eve = home.join("eve", caps="labeled-response batch")
    eve.says("@label=x NICK ann")
    eve.hears(
        "@label=x :irc.home.test BATCH +…", "@batch=… :eve!… NICK ann", "@batch=… :NickServ!… NOTICE ann …", ":irc.home.test BATCH -…"
    )
    home.passes(31)
    eve.hears(":ann!… NICK Guest…")
