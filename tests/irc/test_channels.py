"""A channel's rules by themselves: who holds what, who is banned, who may join and who may speak (Modern IRC: Channel Modes)."""

from __future__ import annotations

from typing import Any

import pytest

from wirespeak.irc.channels import Channel, Entry, Invitation
from wirespeak.irc.modes import HALFOP, MAXLIST, OPERATOR, VOICE
from wirespeak.irc.origin import Origin
from wirespeak.irc.users import User

NOBODY: Any = None


def somebody(nick: str, host: str = "ann.test", account: str | None = None) -> User:
    user = User(Origin("irc.home.test", lambda: 0.0, "seed"), NOBODY, NOBODY, ip="192.0.2.7", host=host)
    user.name(nick=nick, user=nick)
    user.account = account
    return user


@pytest.fixture
def channel() -> Channel:
    channel = Channel("#Lobby", "#lobby", created=0.0)
    channel.modes.clear()
    return channel


def ban(channel: Channel, mask: str, letter: str = "b") -> Entry:
    entry = Entry(mask, "irc.home.test", 0.0)
    channel.enlist(letter, entry)
    return entry


def test_a_new_channel_is_closed_to_outsiders_and_its_topic_the_operators() -> None:
    assert Channel("#c", "#c", created=0.0).mode_words(inside=True) == ["+nt"]


# --- members


def test_member_modes_stand_from_the_highest_down_however_they_came(channel: Channel) -> None:
    ann = somebody("ann")
    channel.add(ann)
    assert channel.rank(ann) == 0
    assert channel.hold(ann, "v", True)
    assert channel.hold(ann, "o", True)
    assert not channel.hold(ann, "o", True), "they had it"
    assert channel.members[ann] == "ov"
    assert channel.rank(ann) == OPERATOR
    assert channel.prefixes(ann, every=True) == "@+"
    assert channel.prefixes(ann, every=False) == "@"
    assert channel.hold(ann, "o", False)
    assert not channel.hold(ann, "o", False), "they had it not"
    assert channel.rank(ann) == VOICE
    assert ann.channels == {"#lobby": channel}


def test_who_is_no_member_has_no_rank(channel: Channel) -> None:
    assert channel.rank(somebody("ann")) == 0
    assert channel.prefixes(somebody("ann"), every=True) == ""


def test_members_of_a_rank_and_above(channel: Channel) -> None:
    for nick, held in (("ann", "o"), ("bob", "v"), ("cid", ""), ("dan", "h"), ("eve", "qv")):
        channel.add(somebody(nick), held)
    assert [user.nick for user in channel.at_least(HALFOP)] == ["ann", "dan", "eve"]
    assert [user.nick for user in channel.at_least(VOICE)] == ["ann", "bob", "dan", "eve"]


def test_a_secret_channel_shows_to_members_and_operators_of_the_server(channel: Channel) -> None:
    ann, bob, cid = somebody("ann"), somebody("bob"), somebody("cid")
    channel.add(ann)
    cid.oper = object()
    assert channel.shows_to(bob)
    channel.modes["s"] = None
    assert channel.shows_to(ann)
    assert channel.shows_to(cid)
    assert not channel.shows_to(bob)


# --- who may speak


def test_without_modes_everybody_speaks(channel: Channel) -> None:
    assert channel.mutes(somebody("ann")) == ""


def test_no_outsider_speaks_where_messages_from_outside_are_shut_out(channel: Channel) -> None:
    ann, bob = somebody("ann"), somebody("bob")
    channel.add(ann)
    channel.modes["n"] = None
    assert channel.mutes(ann) == ""
    assert channel.mutes(bob) == "n"


@pytest.mark.parametrize("held", ["v", "h", "o", "a", "q"])
def test_whoever_holds_anything_speaks_in_a_moderated_channel_banned_or_not(channel: Channel, held: str) -> None:
    ann, bob = somebody("ann"), somebody("bob")
    channel.add(ann, held)
    channel.add(bob)
    channel.modes.update(dict.fromkeys("mM"))
    ban(channel, "*!*@*")
    assert channel.mutes(ann) == ""
    assert channel.mutes(bob) == "m"


def test_only_who_is_logged_in_speaks(channel: Channel) -> None:
    ann, bob = somebody("ann", account="ann"), somebody("bob")
    channel.add(ann)
    channel.add(bob)
    channel.modes["M"] = None
    assert channel.mutes(ann) == ""
    assert channel.mutes(bob) == "M"


def test_who_is_banned_is_quiet_too(channel: Channel) -> None:
    # RFC 2811 4.3.1: "Servers MUST NOT allow a channel member who is banned from the channel to speak"
    ann = somebody("ann")
    channel.add(ann)
    ban(channel, "ann")
    assert channel.mutes(ann) == "b"


# --- bans


def test_an_exception_outweighs_a_ban(channel: Channel) -> None:
    ann, bob = somebody("ann"), somebody("bob", host="other.test")
    ban(channel, "*!*@*.test")
    assert channel.is_banned(ann)
    ban(channel, "*!*@ann.test", "e")
    assert not channel.is_banned(ann)
    assert channel.is_banned(bob)


def test_bans_go_by_account_by_address_and_by_network(channel: Channel) -> None:
    ann = somebody("ann", account="Annette")
    for mask in ("$a:annette", "*!*@192.0.2.7", "*!*@192.0.2.0/24", "ANN!*@*"):
        entry = ban(channel, mask)
        assert channel.is_banned(ann), mask
        channel.strike("b", entry)
        assert not channel.is_banned(ann), mask


def test_what_is_remembered_of_bans_follows_nick_account_and_lists(channel: Channel) -> None:
    ann = somebody("ann", account="ann")
    assert not channel.is_banned(ann)
    nick = ban(channel, "ann")
    assert channel.is_banned(ann)
    ann.name(nick="anna")
    assert not channel.is_banned(ann)
    ban(channel, "$a:ann")
    assert channel.is_banned(ann)
    ann.account = None
    assert not channel.is_banned(ann)
    ann.name(nick="ann")
    assert channel.is_banned(ann)
    channel.strike("b", nick)
    assert not channel.is_banned(ann)


def test_a_mask_is_listed_in_whatever_case_and_with_all_its_parts(channel: Channel) -> None:
    entry = ban(channel, "Bob")
    assert entry.mask == "Bob!*@*"
    assert channel.listed("b", "bob!*@*") is entry
    assert channel.listed("b", "bob") is None
    assert channel.listed("e", "bob!*@*") is None


def test_the_lists_together_have_a_bound(channel: Channel) -> None:
    for number in range(MAXLIST - 1):
        ban(channel, f"n{number}", "beI"[number % 3])
    assert not channel.lists_full
    ban(channel, "one")
    assert channel.lists_full


# --- who may join


def test_a_ban_keeps_out_and_an_operators_invitation_lets_in(channel: Channel) -> None:
    # RFC 2811 4.3.1: "A user who is banned from a channel and who carries an invitation sent by a channel operator is allowed to join"
    ann = somebody("ann")
    ban(channel, "ann")
    assert channel.bars(ann, "", None) == "b"
    assert channel.bars(ann, "", Invitation(channel, by_operator=False)) == "b"
    assert channel.bars(ann, "", Invitation(channel, by_operator=True)) == ""


def test_only_the_invited_and_those_on_the_invite_list_come_in(channel: Channel) -> None:
    ann, bob = somebody("ann"), somebody("bob")
    channel.modes["i"] = None
    assert channel.bars(ann, "", None) == "i"
    assert channel.bars(ann, "", Invitation(channel, by_operator=False)) == ""
    ban(channel, "bob", "I")
    assert channel.bars(bob, "", None) == ""


def test_the_key_is_compared_to_the_letter_and_no_invitation_replaces_it(channel: Channel) -> None:
    ann = somebody("ann")
    channel.modes["k"] = "mellon"
    assert channel.bars(ann, "", None) == "k"
    assert channel.bars(ann, "Mellon", None) == "k"
    assert channel.bars(ann, "mellon", None) == ""
    assert channel.bars(ann, "", Invitation(channel, by_operator=True)) == "k"


def test_a_key_that_nobody_asks_for_does_no_harm(channel: Channel) -> None:
    assert channel.bars(somebody("ann"), "mellon", None) == ""


def test_the_limit_counts_those_who_are_there(channel: Channel) -> None:
    channel.modes["l"] = "2"
    channel.add(somebody("ann"))
    assert channel.bars(somebody("bob"), "", None) == ""
    channel.add(somebody("bob"))
    assert channel.bars(somebody("cid"), "", None) == "l"


def test_only_who_is_logged_in_joins(channel: Channel) -> None:
    channel.modes["R"] = None
    assert channel.bars(somebody("ann"), "", None) == "R"
    assert channel.bars(somebody("ann", account="ann"), "", None) == ""


def test_who_is_banned_learns_of_nothing_else(channel: Channel) -> None:
    channel.modes.update({"i": None, "k": "mellon", "l": "0", "R": None})
    ann = somebody("ann")
    order = []
    for letter in "biRkl":
        if letter == "b":
            entry = ban(channel, "ann")
            order.append(channel.bars(ann, "", None))
            channel.strike("b", entry)
        else:
            order.append(channel.bars(ann, "", None))
            del channel.modes[letter]
    assert order == list("biRkl")


# --- modes told


def test_modes_are_told_with_their_arguments_and_the_key_to_insiders_alone(channel: Channel) -> None:
    channel.modes.update({"t": None, "l": "20", "k": "mellon", "C": None})
    assert channel.mode_words(inside=True) == ["+Cklt", "mellon", "20"]
    assert channel.mode_words(inside=False) == ["+Cklt", "*", "20"]
