"""INVITE and KNOCK (Modern IRC: INVITE message; RFC 2811 4.3.1; IRCv3 invite-notify)."""

from __future__ import annotations

from tests.irc.talk import Net
from wirespeak.irc.channels import INVITATIONS


def test_an_invitation_is_told_to_the_guest_and_acknowledged() -> None:
    net = Net()
    alice, bob, cid = net.join("alice", channels="#c"), net.join("bob"), net.join("cid", channels="#c")
    alice.heard()
    alice.says("INVITE BOB #C")
    alice.hears(":irc.home.test 341 alice bob #c")
    bob.hears(f":{alice.prefix} INVITE bob #c")
    for one in (alice, bob, cid):
        one.hears_nothing()


def test_every_member_who_wants_to_be_told_is_where_each_may_invite() -> None:
    net = Net()
    alice = net.join("alice", caps="invite-notify", channels="#c")
    member, plain = net.join("member", caps="invite-notify", channels="#c"), net.join("plain", channels="#c")
    bob = net.join("bob")
    alice.heard(), member.heard()
    plain.says("INVITE bob #c")
    for one in (alice, member, bob):
        one.hears(f":{plain.prefix} INVITE bob #c")
    plain.hears(":irc.home.test 341 plain bob #c")
    for one in (alice, member, plain, bob):
        one.hears_nothing()


def test_who_could_have_invited_is_told_and_wants_to_be() -> None:
    net = Net()
    alice = net.join("alice", caps="invite-notify", channels="#c")
    half = net.join("half", caps="invite-notify", channels="#c")
    member = net.join("member", caps="invite-notify", channels="#c")
    oper = net.join("oper", channels="#c")
    bob = net.join("bob", caps="invite-notify")
    alice.asks("MODE #c +iho half oper")
    half.heard(), member.heard(), oper.heard()
    alice.says("INVITE bob #c")
    half.hears(f":{alice.prefix} INVITE bob #c")
    bob.hears(f":{alice.prefix} INVITE bob #c")
    alice.hears(":irc.home.test 341 alice bob #c")
    for one in (alice, bob, half, member, oper):
        one.hears_nothing()


def test_the_invited_pass_where_only_they_may_and_once() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob")
    alice.asks("MODE #c +i", "INVITE bob #c")
    bob.heard()
    bob.says("JOIN #c")
    bob.hears(f":{bob.prefix} JOIN #c")
    bob.asks("PART #c")
    bob.says("JOIN #c")
    bob.hears(":irc.home.test 473 bob #c :…")


def test_who_is_banned_comes_in_with_an_operators_invitation() -> None:
    net = Net()
    alice, half, bob = net.join("alice", channels="#c"), net.join("half", channels="#c"), net.join("bob")
    alice.asks("MODE #c +hb half bob")
    half.asks("INVITE bob #c")
    bob.heard()
    bob.says("JOIN #c")
    bob.hears(":irc.home.test 474 bob #c :…")
    alice.asks("INVITE bob #c")
    half.asks("INVITE bob #c")  # which takes nothing of it away
    bob.heard()
    bob.says("JOIN #c")
    bob.hears(f":{bob.prefix} JOIN #c")


def test_only_operators_invite_where_only_the_invited_come_in() -> None:
    net = Net()
    alice, cid = net.join("alice", channels="#c"), net.join("cid", channels="#c")
    bob = net.join("bob")
    cid.says("INVITE bob #c")
    cid.hears(":irc.home.test 341 cid bob #c")
    alice.asks("MODE #c +i")
    cid.heard()
    cid.says("INVITE bob #c")
    cid.hears(":irc.home.test 482 cid #c :…")
    bob.hears(f":{cid.prefix} INVITE bob #c")
    bob.hears_nothing()


def test_refusals() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob")
    alice.says("INVITE nobody #nowhere", "INVITE nobody #c", "INVITE alice #c", "INVITE bob #nowhere", "INVITE bob")
    alice.hears(
        ":irc.home.test 403 alice #nowhere :No such channel",
        ":irc.home.test 401 alice nobody :No such nick/channel",
        ":irc.home.test 443 alice alice #c :is already on channel",
        ":irc.home.test 403 alice #nowhere :No such channel",
        ":irc.home.test 461 alice INVITE :Not enough parameters",
    )
    bob.says("INVITE alice #c")
    bob.hears(":irc.home.test 442 bob #c :You're not on that channel")
    alice.asks("MODE #c +s")
    bob.says("INVITE alice #c", "INVITE nobody #c")
    bob.hears(":irc.home.test 442 bob #c :You're not on that channel", ":irc.home.test 401 bob nobody :No such nick/channel")
    alice.hears_nothing()


def test_who_is_away_is_said_to_be() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob")
    bob.user.away = "tea"
    alice.says("INVITE bob #c")
    alice.hears(":irc.home.test 341 alice bob #c", ":irc.home.test 301 alice bob :tea")


def test_ones_own_invitations_are_listed_while_their_channels_are_there() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#a,#b"), net.join("bob")
    alice.asks("INVITE bob #a", "INVITE bob #b")
    bob.heard()
    bob.says("INVITE")
    bob.hears(":irc.home.test 336 bob #a", ":irc.home.test 336 bob #b", ":irc.home.test 337 bob :End of /INVITE list")
    alice.asks("PART #a")
    bob.asks("JOIN #b")
    bob.says("INVITE")
    bob.hears(":irc.home.test 337 bob :End of /INVITE list")


def test_an_invitation_is_for_the_channel_that_it_was_for() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob")
    alice.asks("INVITE bob #c", "PART #c", "JOIN #c", "MODE #c +i")
    bob.heard()
    bob.says("JOIN #c")
    bob.hears(":irc.home.test 473 bob #c :…")


def test_no_more_invitations_are_kept_than_there_is_room_for() -> None:
    net = Net()
    alice, bob = net.join("alice"), net.join("bob")
    for number in range(INVITATIONS + 2):
        alice.asks(f"JOIN #c{number}", f"INVITE bob #c{number}")
    assert list(bob.user.invited) == [f"#c{number}" for number in range(2, INVITATIONS + 2)]


# --- KNOCK


def test_a_knock_is_told_to_the_operators() -> None:
    net = Net()
    alice, half, cid = (net.join(nick, channels="#c") for nick in ("alice", "half", "cid"))
    bob = net.join("bob")
    alice.asks("MODE #c +ih half")
    half.heard(), cid.heard()
    bob.says("KNOCK #c")
    bob.hears(":irc.home.test 711 bob #c :Your KNOCK has been delivered.")
    for one in (alice, half):
        one.hears(f":irc.home.test 710 #c #c {bob.prefix} :has asked for an invite.")
    cid.hears_nothing()


def test_a_knock_bears_the_tags_of_who_knocks() -> None:
    """IRCv3 account-tag and bot-mode: numerics that somebody directly causes have them too."""
    net = Net()
    alice, bob = net.join("alice", caps="account-tag message-tags", channels="#c"), net.join("bob")
    net.world.set_account(bob.user, "bobby")
    alice.asks("MODE #c +i")
    bob.says("MODE bob +B", "KNOCK #c")
    (line,) = alice.heard()
    assert {"account=bobby", "bot"} <= set(line.split()[0].removeprefix("@").split(";"))


def test_nobody_knocks_too_often() -> None:
    net = Net()
    alice, bob, cid = net.join("alice", channels="#c"), net.join("bob"), net.join("cid")
    alice.asks("MODE #c +i")
    bob.asks("KNOCK #c")
    alice.heard()
    cid.says("KNOCK #c")
    cid.hears(":irc.home.test 712 cid #c :…")
    net.passes(61)
    cid.says("KNOCK #c")
    cid.hears(":irc.home.test 711 cid #c :…")
    alice.hears(f":irc.home.test 710 #c #c {cid.prefix} :…")


def test_knocks_that_are_none() -> None:
    net = Net()
    alice, bob = net.join("alice", channels="#c,#open,#secret"), net.join("bob")
    alice.asks("MODE #c +ib bob", "MODE #secret +is")
    alice.says("KNOCK #c")
    alice.hears(":irc.home.test 714 alice #c :You are already on that channel.")
    bob.says("KNOCK #open", "KNOCK #c", "KNOCK #secret", "KNOCK #nowhere", "KNOCK")
    bob.hears(
        ":irc.home.test 713 bob #open :Channel is open.",
        ":irc.home.test 404 bob #c :…",
        ":irc.home.test 403 bob #secret :No such channel",
        ":irc.home.test 403 bob #nowhere :No such channel",
        ":irc.home.test 461 bob KNOCK :Not enough parameters",
    )
    alice.hears_nothing()
