"""WHOIS: what is told of somebody, to whom, and in which numerics (Modern IRC: WHOIS message)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.irc.talk import Client, Net
from wirespeak.irc.config import Oper

OPERS = {"root": Oper(password="secret", title="the gardener")}


@pytest.fixture
def net() -> Net:
    return Net(opers=OPERS, description="a place at home")


def numerics(lines: list[str]) -> list[str]:
    return [line.split()[1] for line in lines]


def one(client: Client, line: str, numeric: str) -> str:
    """The one line of ``numeric`` that answers ``line``."""
    (found,) = [heard for heard in client.asks(line) if heard.split()[1] == numeric]
    return found


# --- the answer


def test_a_stranger_is_told_what_all_may_know(net: Net) -> None:
    me, ann = net.join("me"), net.join("Ann", realname="Ann of Home", channels="#c")
    net.passes(7)
    me.says("WHOIS aNN")
    me.hears(
        f":irc.home.test 311 me Ann ~Ann {ann.user.host} * :Ann of Home",
        ":irc.home.test 319 me Ann :@#c",
        ":irc.home.test 312 me Ann irc.home.test :a place at home",
        f":irc.home.test 317 me Ann 7 {int(ann.user.signon)} :seconds idle, signon time",
        ":irc.home.test 318 me aNN :End of /WHOIS list",
    )


def test_nobody_has_an_error_and_the_end(net: Net) -> None:
    me = net.join("me")
    assert me.asks("WHOIS nobody") == [
        ":irc.home.test 401 me nobody :No such nick/channel",
        ":irc.home.test 318 me nobody :End of /WHOIS list",
    ]


@pytest.mark.parametrize("line", ["WHOIS", "WHOIS :", "WHOIS irc.home.test :"])
def test_without_a_nick_431(net: Net, line: str) -> None:
    assert net.join("me").asks(line) == [":irc.home.test 431 me :No nickname given"]


@pytest.mark.parametrize("target", ["irc.home.test", "IRC.home.test", "*.test", "ann"])
def test_a_server_or_a_nick_may_be_named_first(net: Net, target: str) -> None:
    me = net.join("me")
    net.join("ann")
    assert numerics(me.asks(f"WHOIS {target} ann"))[0] == "311"


def test_another_server_is_not_known(net: Net) -> None:
    me = net.join("me")
    assert me.asks("WHOIS other.test me") == [":irc.home.test 402 me other.test :No such server"]


def test_several_nicks_have_one_end(net: Net) -> None:
    me = net.join("me")
    net.join("ann")
    net.join("bob")
    heard = me.asks("WHOIS ann,nobody,bob")
    assert numerics(heard) == ["311", "312", "317", "401", "311", "312", "317", "318"]
    assert heard[-1] == ":irc.home.test 318 me ann,nobody,bob :End of /WHOIS list"


def test_masks_are_nicks_that_nobody_has(net: Net) -> None:
    me = net.join("me")
    net.join("ann")
    assert numerics(me.asks("WHOIS a*")) == ["401", "318"]
    assert me.asks("WHOIS :two words")[-1] == ":irc.home.test 318 me * :End of /WHOIS list"


def test_away_bot_operator_and_account(net: Net) -> None:
    me, ann = net.join("me"), net.join("ann")
    ann.says("AWAY :gone fishing", "MODE ann +B", "OPER root secret")
    net.world.set_account(ann.user, "ann_account")
    heard = me.asks("WHOIS ann")
    assert ":irc.home.test 301 me ann :gone fishing" in heard
    assert ":irc.home.test 335 me ann :is a bot on Home" in heard
    assert ":irc.home.test 313 me ann :is the gardener" in heard
    assert ":irc.home.test 330 me ann ann_account :is logged in as" in heard
    assert "307" not in numerics(heard)
    assert numerics(heard)[-1] == "318"


def test_who_owns_the_nick_has_identified_for_it(net: Net) -> None:
    me, ann = net.join("me"), net.join("ann")
    ann.says("NICKSERV REGISTER mellon ann@home.test")
    heard = me.asks("WHOIS ann")
    assert ":irc.home.test 307 me ann :has identified for this nick" in heard
    assert ":irc.home.test 330 me ann ann :is logged in as" in heard


def test_idle_time_counts_from_the_last_words(net: Net) -> None:
    me, ann = net.join("me"), net.join("ann")
    net.passes(50)
    ann.says("PRIVMSG me :hello")
    net.passes(3)
    assert " 317 me ann 3 " in one(me, "WHOIS ann", "317")


def test_a_line_of_tls_is_told(net: Net) -> None:
    me = net.join("me")
    net.join("ann", tls=SimpleNamespace(version="TLSv1.3", der=b"", cipher="", alpn=None))
    assert one(me, "WHOIS ann", "671") == ":irc.home.test 671 me ann :is using a secure connection"


# --- channels


def test_channels_that_do_not_fit_a_line_take_several(net: Net) -> None:
    me, ann = net.join("me"), net.join("ann")
    names = [f"#{'c' * 50}{number:02}" for number in range(20)]
    for name in names:
        ann.says(f"JOIN {name}")
    lines = [line for line in me.asks("WHOIS ann") if " 319 " in line]
    assert len(lines) > 1
    assert all(len(line.encode()) <= 510 for line in lines)
    assert " ".join(line.partition(" :")[2] for line in lines).split() == [f"@{name}" for name in names]


def test_all_prefixes_for_who_can_read_them(net: Net) -> None:
    net.join("ann", channels="#c").says("MODE #c +v ann")
    assert one(net.join("me", caps="multi-prefix"), "WHOIS ann", "319").endswith(":@+#c")
    assert one(net.join("old"), "WHOIS ann", "319").endswith(":@#c")


def test_secret_channels_are_told_to_their_members(net: Net) -> None:
    me, ann, stranger = net.join("me", channels="#c,#open"), net.join("ann", channels="#c,#open"), net.join("stranger")
    me.says("MODE #c +s")
    assert one(stranger, "WHOIS ann", "319").endswith(":#open")
    assert one(me, "WHOIS ann", "319").endswith(":#c #open")
    assert one(ann, "WHOIS ann", "319").endswith(":#c #open")


def test_of_the_invisible_strangers_learn_no_channel(net: Net) -> None:
    me, ann, stranger = net.join("me", channels="#c"), net.join("ann", channels="#c,#d"), net.join("stranger")
    ann.says("MODE ann +i")
    assert "319" not in numerics(stranger.asks("WHOIS ann"))
    assert one(me, "WHOIS ann", "319").endswith(":#c")


# --- what is told to oneself and to operators


def test_real_host_and_modes_are_for_oneself_and_operators(net: Net) -> None:
    ann, stranger, root = net.join("ann", address="192.0.2.7"), net.join("stranger"), net.join("root")
    root.says("OPER root secret")
    actually = "ann ~ann@192.0.2.7 192.0.2.7 :Is actually using host"
    assert one(ann, "WHOIS ann", "338") == f":irc.home.test 338 ann {actually}"
    assert one(root, "WHOIS ann", "338") == f":irc.home.test 338 root {actually}"
    assert one(root, "WHOIS ann", "379").startswith(":irc.home.test 379 root ann :is using modes +")
    heard = stranger.asks("WHOIS ann")
    assert not any("192.0.2.7" in line for line in heard)
    assert not {"338", "378", "379", "276"} & set(numerics(heard))


def test_a_certificate_is_for_oneself_and_operators(net: Net) -> None:
    ann, stranger = net.join("ann"), net.join("stranger")
    ann.user.fingerprint = "ab" * 32
    assert one(ann, "WHOIS ann", "276") == f":irc.home.test 276 ann ann :has client certificate fingerprint {'ab' * 32}"
    assert "276" not in numerics(stranger.asks("WHOIS ann"))


def test_an_address_of_ipv6_begins_with_no_colon(net: Net) -> None:
    ann = net.join("ann", address="::5")
    assert " 0::5 " in one(ann, "WHOIS ann", "338")


# --- services


def test_services_are_somebody(net: Net) -> None:
    me = net.join("me")
    heard = me.asks("WHOIS nickserv")
    assert numerics(heard) == ["311", "312", "313", "318"]
    assert heard[0].startswith(":irc.home.test 311 me NickServ services irc.home.test * :")
    assert me.asks("WHOIS NickServ nickserv") == heard  # "the server target is connected to" (Modern IRC: WHOIS) is this one
