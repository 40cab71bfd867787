"""ChanServ: whose a channel is, what it was like, and who may do what in it, from one start of the server to the next."""

from __future__ import annotations

from typing import Any

import pytest

from tests.irc.talk import Client, Net
from wirespeak.irc.accounts import AccountSettings
from wirespeak.irc.config import Oper

WORD = "mellon-friend"
CS = ":ChanServ!services@irc.home.test NOTICE"
MODE = ":ChanServ!services@irc.home.test MODE"


def net(**settings: Any) -> Net:
    return Net(accounts=AccountSettings(**settings), opers={"root": Oper(password="secret")})


def registered(home: Net, nick: str, channels: str = "") -> Client:
    client = home.join(nick)
    client.says(f"NS REGISTER {WORD}")
    if channels:
        client.says(f"JOIN {channels}")
    for one in home.clients:
        one.heard()
    return client


def founded(home: Net, nick: str = "ann", channel: str = "#c") -> Client:
    """Somebody who has an account, and a channel."""
    client = registered(home, nick, channel)
    client.says(f"CS REGISTER {channel}")
    client.skips_to(f"{MODE} {channel} +q {nick}")
    return client


def back(home: Net, nick: str) -> Client:
    """Somebody with an account comes back, and is logged in."""
    client = home.join(nick)
    client.says(f"NS IDENTIFY {WORD}")
    client.skips_to(f"… 900 {nick} …")
    client.heard()
    return client


def held(client: Client, channel: str = "#c") -> str:
    """The prefix modes that a client has in a channel."""
    return client.net.world.channels[channel].members[client.user]


# --- whose it is


@pytest.mark.parametrize("line", ["CS REGISTER #c", "PRIVMSG ChanServ :register #C", "CHANSERV REGISTER #c"])
def test_a_channel_is_registered(line: str) -> None:
    home = net()
    ann = registered(home, "ann", "#c")
    bob = home.join("bob", channels="#c")
    ann.heard()
    ann.says(line)
    ann.hears(f"{CS} ann :#c is registered, and ann's", f"{MODE} #c +r", f"{MODE} #c +q ann")
    bob.hears(f"{MODE} #c +r", f"{MODE} #c +q ann")
    assert held(ann) == "qo"


def test_a_registration_that_can_not_be() -> None:
    home = net(channels_each=1)
    ann, bob = founded(home), registered(home, "bob", "#c")
    bob.says("CS REGISTER #c", "CS REGISTER #nowhere", "CS REGISTER c")
    bob.hears(f"{CS} bob :You are no operator of #c", f"{CS} bob :Nobody is in #nowhere", f"{CS} bob :Nobody is in c")
    ann.says("CS REGISTER #c", "JOIN #d", "CS REGISTER #d")
    ann.skips_to(f"{CS} ann :#c is registered already")
    ann.skips_to(f"{CS} ann :An account has 1 channels at most")
    eve = home.join("eve", channels="#e")
    eve.says("CS REGISTER #e")
    eve.hears(f"{CS} eve :You are not logged in")


def test_nobody_sets_the_mode_of_a_registered_channel_by_hand() -> None:
    home = net()
    ann = home.join("ann", channels="#c")
    ann.says("MODE #c +r")
    assert "r" not in home.world.channels["#c"].modes
    bob = founded(home, "bob", "#d")
    bob.says("MODE #d -r")
    assert "r" in home.world.channels["#d"].modes


def test_it_comes_back_as_it_was() -> None:
    home = net()
    ann = founded(home, channel="#Café")
    ann.says("TOPIC #café :Tea at five", "MODE #café +imk-t sesame", "MODE #café +b *!*@evil.test", "MODE #café +e *!*@good.test")
    ann.says("PART #café")
    assert "#café" not in home.world.channels
    home.passes(100)
    ann.heard()
    ann.says("JOIN #CAFé")
    ann.hears(
        ":ann!… JOIN #Café",
        ":irc.home.test 332 ann #Café :Tea at five",
        f":irc.home.test 333 ann #Café ann {home.world.channels['#café'].topic.at:.0f}",  # type: ignore[union-attr]
        ":irc.home.test 353 ann = #Café :~ann",
        ":irc.home.test 366 …",
        ":irc.home.test MODE #Café +qo ann ann",
    )
    ann.says("MODE #café", "MODE #café b", "MODE #café e")
    ann.hears(
        ":irc.home.test 324 ann #Café +ikmnr sesame",
        f":irc.home.test 329 ann #Café {home.accounts.channel('#café').opened:.0f}",  # type: ignore[union-attr]
        ":irc.home.test 367 ann #Café *!*@evil.test ann!…",
        ":irc.home.test 368 …",
        ":irc.home.test 348 ann #Café *!*@good.test …",
        ":irc.home.test 349 …",
    )


def test_it_comes_back_after_a_restart() -> None:
    home = net()
    ann = founded(home)
    ann.says("TOPIC #c :Tea at five", "MODE #c +m", "CS SET #c TOPICLOCK ON")
    again = Net(store=home.store)
    bob = again.join("bob")
    bob.says("JOIN #c")
    bob.skips_to("… 332 bob #c :Tea at five")
    assert held(bob) == ""
    assert set(again.world.channels["#c"].modes) == set("mntr")
    ann = back(again, "ann")
    ann.says("JOIN #c")
    assert held(ann) == "qo"


def test_a_stranger_who_comes_first_is_no_operator() -> None:
    home = net()
    founded(home).says("PART #c")
    eve = home.join("eve", channels="#c")
    assert held(eve) == ""


def test_who_logs_in_in_the_channel_has_what_is_theirs() -> None:
    home = net()
    founded(home).says("QUIT")
    ann = home.join("ann", channels="#c")
    assert held(ann) == ""
    ann.says(f"NS IDENTIFY {WORD}")
    ann.skips_to(f"{MODE} #c +qo ann ann")
    assert held(ann) == "qo"


def test_owners_are_kept_out_by_nothing() -> None:
    home = net()
    ann = founded(home)
    bob = home.join("bob", channels="#c")
    ann.says("MODE #c +ib ann!*@*", "PART #c", "JOIN #c")
    assert held(ann) == "qo"
    assert held(bob) == ""


def test_the_topic_is_kept_or_not() -> None:
    home = net()
    ann = founded(home)
    bob = home.join("bob", channels="#c")
    ann.says("MODE #c -t", "CS SET #c KEEPTOPIC OFF", "TOPIC #c :one", "PART #c")
    bob.says("PART #c")
    ann.heard()
    ann.says("JOIN #c")
    assert not any(" 332 " in line for line in ann.heard())


def test_a_topic_that_is_locked() -> None:
    home = net()
    ann = founded(home)
    bob = registered(home, "bob", "#c")
    ann.says("MODE #c +o bob", "MODE #c -t", "CS SET #c TOPICLOCK on")
    ann.skips_to(f"{CS} ann :TOPICLOCK of #c is ON")
    bob.heard()
    bob.says("TOPIC #c :mine")
    bob.hears(":irc.home.test 482 bob #c …")
    ann.says("CS ACCESS #c ADD bob HOP")
    bob.says("TOPIC #c :mine")
    bob.skips_to(":bob!… TOPIC #c :mine")


def test_what_is_told_of_a_channel() -> None:
    home = net()
    ann = founded(home)
    ann.says("TOPIC #c :Tea at five")
    bob = home.join("bob")
    bob.says("CS INFO #C", "CS INFO #nowhere")
    bob.hears(
        f"{CS} bob :#c, registered 2026-…",
        f"{CS} bob :Founder: ann",
        f"{CS} bob :Options: keeptopic",
        f"{CS} bob :Topic: Tea at five",
        f"{CS} bob :#nowhere is not registered",
    )
    ann.says("MODE #c +s")
    assert not any("Tea" in line for line in bob.asks("CS INFO #c"))


def test_a_channel_goes_to_somebody_else() -> None:
    home = net()
    ann, bob = founded(home), registered(home, "bob", "#c")
    bob.says("CS TRANSFER #c bob", "CS SET #c FOUNDER bob")
    bob.hears(*[f"{CS} bob :You have not enough access in #c"] * 2)
    ann.says("CS TRANSFER #c nobody", "CS TRANSFER #c bob")
    ann.skips_to(f"{CS} ann :nobody is not registered")
    ann.hears(f"{CS} ann :#c is bob's", f"{MODE} #c -qo ann ann", f"{MODE} #c +qo bob bob")
    assert (held(ann), held(bob)) == ("", "qo")
    bob.says("CS SET #c FOUNDER ann")
    assert (held(ann), held(bob)) == ("qo", "")


def test_a_channel_is_dropped() -> None:
    home = net()
    ann, bob = founded(home), registered(home, "bob", "#c")
    bob.says("CS DROP #c #c")
    bob.hears(f"{CS} bob :You have not enough access in #c")
    ann.says("CS DROP #c", "CS DROP #c #c", "CS DROP #c #c")
    ann.skips_to(f"{CS} ann :That can't be taken back: say DROP #c #c, if you mean it")
    ann.hears(f"{CS} ann :#c is nobody's any more", f"{MODE} #c -r", f"{CS} ann :#c is not registered")
    assert home.accounts.channels() == []


@pytest.mark.parametrize(
    "line", ["SET #c", "SET #c COLOUR blue", "SET #c TOPICLOCK maybe", "ACCESS #c ADD bob", "ACCESS #c ADD bob KING", "ACCESS #c GIVE bob"]
)
def test_what_is_not_understood(line: str) -> None:
    home = net()
    ann = founded(home)
    registered(home, "bob")
    ann.heard()
    ann.says(f"CS {line}")
    ann.hears(f"{CS} ann :Expected: {line.split()[0]} …")


# --- access


@pytest.mark.parametrize(("level", "letter", "expected"), [("SOP", "a", "ao"), ("aop", "o", "o"), ("HOP", "h", "h"), ("v", "v", "v")])
def test_what_somebody_gets_as_they_join(level: str, letter: str, expected: str) -> None:
    home = net()
    ann, bob = founded(home), registered(home, "bob", "#c")
    ann.says(f"CS ACCESS #c ADD BOB {level}")
    bob.hears(f"{MODE} #c +{expected} bob…")
    assert held(bob) == expected
    bob.says("PART #c", "JOIN #c")
    assert held(bob) == expected
    ann.heard()
    ann.says("CS ACCESS #c LIST")
    name = {"a": "SOP", "o": "AOP", "h": "HOP", "v": "VOP"}[letter]
    ann.hears(f"{CS} ann :  ann  founder (+q)", f"{CS} ann :  bob  {name} (+{letter})", f"{CS} ann :2 in #c")
    ann.says("CS ACCESS #c DEL bob")
    ann.skips_to(f"{CS} ann :bob has no access in #c any more")
    assert held(bob) == ""


def test_by_letters_as_well() -> None:
    home = net()
    ann, bob = founded(home), registered(home, "bob", "#c")
    ann.says(
        "CS FLAGS #c bob +o",
        "CS FLAGS #c bob",
        "CS AMODE #c +v bob",
        "CS FLAGS #c bob -o",
        "CS AMODE #c -v bob",
        "CS FLAGS #c bob",
        "CS FLAGS #c x",
    )
    ann.skips_to(f"{CS} ann :bob is AOP in #c")
    ann.skips_to(f"{CS} ann :bob in #c: +o")
    ann.skips_to(f"{CS} ann :bob is VOP in #c")
    ann.skips_to(f"{CS} ann :bob has no +o in #c")
    ann.skips_to(f"{CS} ann :bob has no access in #c any more")
    ann.skips_to(f"{CS} ann :bob in #c: no access")
    ann.hears(f"{CS} ann :x is not registered")
    assert held(bob) == ""


def test_who_may_give_what() -> None:
    home = net()
    ann, bob, eve = founded(home), registered(home, "bob", "#c"), registered(home, "eve", "#c")
    bob.says("CS ACCESS #c ADD eve VOP", "CS ACCESS #c LIST")
    bob.hears(*[f"{CS} bob :You have not enough access in #c"] * 2)
    ann.says("CS ACCESS #c ADD bob AOP", "CS ACCESS #c ADD ann SOP", "CS ACCESS #c DEL eve")
    ann.skips_to(f"{CS} ann :ann is the founder of #c")
    ann.hears(f"{CS} ann :eve has no access in #c")
    bob.heard()
    bob.says("CS ACCESS #c ADD eve VOP")
    bob.hears(f"{CS} bob :You have not enough access in #c")
    ann.says("CS ACCESS #c ADD bob SOP")
    bob.heard()
    bob.says("CS ACCESS #c ADD eve AOP", "CS ACCESS #c ADD eve SOP")
    bob.hears(f"{CS} bob :eve is AOP in #c", f"{MODE} #c +o eve", f"{CS} bob :You have not enough access in #c")
    ann.says("CS ACCESS #c ADD eve SOP")
    bob.heard()
    bob.says("CS ACCESS #c DEL eve", "CS ACCESS #c DEL bob")
    bob.hears(f"{CS} bob :You have not enough access in #c", f"{CS} bob :bob has no access in #c any more", f"{MODE} #c -ao bob bob")
    assert held(eve) == "ao"


# --- what access lets one do


@pytest.mark.parametrize(("command", "letter"), [("OP", "o"), ("HALFOP", "h"), ("VOICE", "v")])
def test_prefixes_are_given_and_taken(command: str, letter: str) -> None:
    home = net()
    ann = founded(home)
    bob, eve = home.join("bob", channels="#c"), home.join("eve", channels="#c")
    ann.heard()
    ann.says(f"CS {command} #c bob EVE")
    ann.hears(f"{MODE} #c +{letter} bob", f"{MODE} #c +{letter} eve")
    assert held(bob) == held(eve) == letter
    ann.says(f"CS DE{command} #c bob", f"CS DE{command} #c bob")
    ann.hears(f"{MODE} #c -{letter} bob")
    assert (held(bob), held(eve)) == ("", letter)


def test_for_oneself() -> None:
    home = net()
    ann = founded(home)
    ann.says("MODE #c -qo ann ann")
    ann.heard()
    ann.says("CS OP #c")
    ann.hears(f"{MODE} #c +o ann")


def test_without_access_nothing_is_given() -> None:
    home = net()
    ann, bob = founded(home), registered(home, "bob", "#c")
    ann.says("MODE #c +o bob")
    bob.heard()
    for line in ("OP #c", "VOICE #c", "KICK #c ann", "INVITE #c", "UNBAN #c", "SET #c TOPICLOCK ON", "DEOP #c ann"):
        bob.says(f"CS {line}")
        bob.hears(f"{CS} bob :You have not enough access in #c")
    eve = home.join("eve")
    eve.says("CS OP #c", "CS OP #d")
    eve.hears(f"{CS} eve :You are not logged in", f"{CS} eve :#d is not registered")


def test_who_has_more_access_is_safe() -> None:
    home = net()
    ann, bob = founded(home), registered(home, "bob", "#c")
    ann.says("CS ACCESS #c ADD bob AOP")
    bob.heard()
    bob.says("CS DEOP #c ann", "CS KICK #c ann")
    bob.hears(*[f"{CS} bob :ann has more access in #c than you"] * 2)
    ann.heard()
    ann.says("CS DEOP #c bob")
    ann.hears(f"{MODE} #c -o bob")


def test_somebody_is_put_out() -> None:
    home = net()
    ann = founded(home)
    bob = home.join("bob", channels="#c")
    ann.says("CS KICK #c bob enough of that", "CS KICK #c bob")
    bob.hears(":ChanServ!services@irc.home.test KICK #c bob :enough of that (ann)")
    ann.skips_to(f"{CS} ann :bob is not in #c")
    assert not bob.user.channels


def test_somebody_is_let_in() -> None:
    home = net()
    ann, bob = founded(home), registered(home, "bob")
    ann.says("CS ACCESS #c ADD bob VOP", "MODE #c +ib bob!*@*")
    bob.says("JOIN #c", "CS UNBAN #c", "CS INVITE #c")
    bob.skips_to(":irc.home.test 474 bob #c …")
    bob.skips_to(f"{CS} bob :You have not enough access in #c")
    bob.hears(":ChanServ!services@irc.home.test INVITE bob #c", f"{CS} bob :bob is invited to #c")
    ann.heard()
    ann.says("CS UNBAN #c bob")
    ann.hears(f"{MODE} #c -b bob!*@*", f"{CS} ann :1 bans that concern bob are lifted in #c")
    bob.says("JOIN #c")
    assert held(bob) == "v"
    ann.heard()
    ann.says("CS INVITE #c bob", "CS INVITE #c nobody")
    ann.hears(f"{CS} ann :bob is in #c already", f"{CS} ann :Nobody is called nobody")


def test_an_invitation_of_an_operators_outweighs_a_ban() -> None:
    home = net()
    ann = founded(home)
    bob = home.join("bob")
    ann.says("MODE #c +ib bob!*@*", "CS INVITE #c bob")
    bob.says("JOIN #c")
    assert held(bob) == ""


# --- operators of the server


def test_what_operators_may() -> None:
    home = net()
    founded(home)
    root = home.join("root")
    root.says("CS LIST")
    root.hears(f"{CS} root :That is for operators of this server")
    root.says("OPER root secret")
    root.heard()
    root.says("CS LIST", "CS LIST #d*", "CS ACCESS #c LIST", "CS DROP #c #c")
    root.hears(
        f"{CS} root :  #c  of ann",
        f"{CS} root :1 channels",
        f"{CS} root :0 channels",
        f"{CS} root :  ann  founder (+q)",
        f"{CS} root :1 in #c",
        f"{CS} root :#c is nobody's any more",
    )


def test_help() -> None:
    ann = net().join("ann")
    assert any("TOPICLOCK" in line for line in ann.asks("CS HELP"))
    assert any("half-operators" in line for line in ann.asks("CS HELP HALFOP"))
