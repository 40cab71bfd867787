"""MODE of a channel, and SAMODE (Modern IRC: MODE message, Channel Modes; RFC 2812 3.2.3)."""

from __future__ import annotations

import pytest

from tests.irc.talk import Client, Net
from wirespeak.irc.config import Oper
from wirespeak.irc.modes import MAXLIST


def two() -> tuple[Client, Client]:
    """alice, who operates #c, and bob, who is on it."""
    net = Net()
    alice, bob = net.join("alice", channels="#c"), net.join("bob", channels="#c")
    alice.heard()
    return alice, bob


# --- asking


def test_the_modes_and_the_time_it_was_made() -> None:
    alice, _ = two()
    alice.asks("MODE #c +lk 20 mellon")
    alice.says("MODE #C")
    alice.hears(":irc.home.test 324 alice #c +klnt mellon 20", ":irc.home.test 329 alice #c 1790000000")


def test_the_key_is_told_to_members_alone() -> None:
    alice, _ = two()
    alice.asks("MODE #c +lk 20 mellon")
    zoe = alice.net.join("zoe")
    zoe.says("MODE #c")
    zoe.hears(":irc.home.test 324 zoe #c +klnt * 20", ":irc.home.test 329 zoe #c 1790000000")


def test_to_look_at_a_secret_channel_is_as_if_it_were_not_there() -> None:
    alice, bob = two()
    alice.asks("MODE #c +s")
    zoe = alice.net.join("zoe")
    zoe.says("MODE #c", "MODE #c b", "MODE #nowhere")
    zoe.hears(*(f":irc.home.test 403 zoe {name} :No such channel" for name in ("#c", "#c", "#nowhere")))
    zoe.says("MODE #c +m", "MODE #c b+m")
    zoe.hears(*[":irc.home.test 482 zoe #c :You're not channel operator"] * 2)
    bob.heard()
    bob.says("MODE #c")
    bob.hears(":irc.home.test 324 bob #c +nst", ":irc.home.test 329 …")


@pytest.mark.parametrize(
    ("letter", "entry", "end"),
    [
        ("b", "367", ":irc.home.test 368 zoe #c :End of channel ban list"),
        ("e", "348", ":irc.home.test 349 zoe #c :End of channel exception list"),
        ("I", "346", ":irc.home.test 347 zoe #c :End of …"),
    ],
)
def test_a_list_is_told_to_anyone(letter: str, entry: str, end: str) -> None:
    alice, _ = two()
    alice.asks(f"MODE #c +{letter}{letter} ann *!*@192.0.2.0/24")
    zoe = alice.net.join("zoe")
    for word in (letter, f"+{letter}", f"-{letter}"):
        zoe.says(f"MODE #c {word}")
        zoe.hears(
            f":irc.home.test {entry} zoe #c ann!*@* {alice.prefix} 1790000000",
            f":irc.home.test {entry} zoe #c *!*@192.0.2.0/24 {alice.prefix} 1790000000",
            end,
        )
        zoe.hears_nothing()


# --- changing


def test_several_changes_are_told_as_one() -> None:
    alice, bob = two()
    alice.says("MODE #C +ml-t+v 20 BOB")
    for one in (alice, bob):
        one.hears(f":{alice.prefix} MODE #c +ml-t+v 20 bob")
        one.hears_nothing()


def test_what_changes_nothing_is_not_told() -> None:
    alice, _ = two()
    assert alice.asks("MODE #c +nt", "MODE #c -im", "MODE #c -kl", "MODE #c -b nobody", "MODE #c -v bob", "MODE #c +o alice") == []
    alice.asks("MODE #c +kbl mellon bob 5")
    assert alice.asks("MODE #c +kbl mellon BOB 5") == []
    alice.says("MODE #c +i-i+i")
    alice.hears(f":{alice.prefix} MODE #c +i-i+i")


def test_only_operators_change_anything() -> None:
    alice, bob = two()
    alice.asks("MODE #c +v bob")
    zoe = alice.net.join("zoe")
    bob.heard()
    for one in (bob, zoe):
        for words in ("+m", "-t", "+b ann", "+o bob", "+k mellon", "+mi", "-v bob"):
            one.says(f"MODE #c {words}")
            one.hears(f":irc.home.test 482 {one.nick} #c :…")
            one.hears_nothing()
    alice.hears_nothing()


def test_unknown_modes_are_told_and_the_others_done() -> None:
    alice, _ = two()
    alice.says("MODE #c +yim")
    alice.hears(":irc.home.test 472 alice y :is unknown mode char to me", f":{alice.prefix} MODE #c +im")


def test_a_letter_that_can_not_be_repeated_is_a_star() -> None:
    alice, _ = two()
    alice.says("MODE #c :+: i")
    alice.hears(
        ":irc.home.test 472 alice * :is unknown mode char to me",
        ":irc.home.test 472 alice * :is unknown mode char to me",
        f":{alice.prefix} MODE #c +i",
    )


def test_a_key_and_a_limit_are_taken_back() -> None:
    alice, bob = two()
    alice.asks("MODE #c +kl mellon 5")
    bob.heard()
    alice.says("MODE #c -kl whatever")
    bob.hears(f":{alice.prefix} MODE #c -kl *")
    alice.asks("MODE #c +k mellon")
    bob.heard()
    alice.says("MODE #c -k")
    bob.hears(f":{alice.prefix} MODE #c -k *")
    alice.heard()
    alice.says("MODE #c")
    alice.hears(":irc.home.test 324 alice #c +nt")


def test_another_key_replaces_the_key() -> None:
    alice, _ = two()
    alice.asks("MODE #c +k one")
    alice.says("MODE #c +k two", "MODE #c")
    alice.hears(f":{alice.prefix} MODE #c +k two", ":irc.home.test 324 alice #c +knt two")


@pytest.mark.parametrize("key", ["a,b", ":a b", "::a", "x" * 33, "ä", "a\x07"])
def test_a_key_that_join_could_not_name_is_refused(key: str) -> None:
    alice, _ = two()
    alice.says(f"MODE #c +k {key}")
    alice.hears(":irc.home.test 696 alice #c k … :…")
    alice.says("MODE #c")
    alice.hears(":irc.home.test 324 alice #c +nt")


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "²", "9" * 20, "1000000", ":1 2"])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    alice, _ = two()
    alice.says(f"MODE #c +l {limit}")
    alice.hears(":irc.home.test 696 alice #c l … :…")
    alice.hears_nothing()


def test_a_limit_is_told_as_it_is_taken() -> None:
    alice, _ = two()
    alice.says("MODE #c +l 007")
    alice.hears(f":{alice.prefix} MODE #c +l 7")


@pytest.mark.parametrize("letter", ["k", "l", "o"])
def test_a_mode_without_its_argument_is_passed_over(letter: str) -> None:
    alice, _ = two()
    alice.says(f"MODE #c +{letter}")
    alice.hears(f":irc.home.test 696 alice #c {letter} * :You must give it a parameter")
    alice.hears_nothing()


def test_nobody_sets_what_the_server_sets() -> None:
    alice, bob = two()
    alice.says("MODE #c +r")
    alice.hears(":irc.home.test 482 alice #c :…")
    bob.hears_nothing()


# --- lists


def test_a_mask_is_completed_as_it_is_told() -> None:
    alice, bob = two()
    assert alice.asks("MODE #c +b $z:foo")[0].startswith(":irc.home.test 696 alice #c b $z:foo :Of masks with $ there are $a:")
    assert alice.asks("MODE #c +e $a:") != []
    alice.says("MODE #c +bbb-b ann *@host.test $a:mallory ANN!*@*")
    bob.hears(f":{alice.prefix} MODE #c +bbb-b ann!*@* *!*@host.test $a:mallory ann!*@*")


@pytest.mark.parametrize("mask", ["::x", ":a b", "x" * 201])
def test_a_mask_that_is_none_is_refused(mask: str) -> None:
    alice, _ = two()
    alice.says(f"MODE #c +b {mask}")
    alice.hears(":irc.home.test 696 alice #c b … :…")
    alice.hears_nothing()


def test_lists_have_a_bound() -> None:
    alice, _ = two()
    for number in range(0, MAXLIST, 4):
        alice.asks(f"MODE #c +bbeI n{number} n{number + 1} n{number + 2} n{number + 3}")
    alice.says("MODE #c +b onemore", "MODE #c -b+b n0 onemore")
    alice.hears(":irc.home.test 478 alice #c onemore!*@* b :…", f":{alice.prefix} MODE #c -b+b n0!*@* onemore!*@*")


def test_many_long_masks_are_told_in_several_lines() -> None:
    alice, bob = two()
    masks = [f"*!*@{letter * 70}.test" for letter in "abcdef"]
    alice.says("MODE #c +bbbbbb " + " ".join(masks[:5]), "MODE #c +b " + masks[5])
    lines = bob.heard()
    assert all(len(line) <= 510 for line in lines)
    assert [word for line in lines for word in line.split(" ")[4:]] == masks


def test_a_ban_that_does_not_fit_its_line_with_the_source_still_arrives_whole() -> None:
    alice, bob = two()
    mask = "*!*@" + "x" * 196
    alice.says(f"MODE #c +bb {mask} y{mask[1:]}")
    lines = bob.heard()
    assert [word for line in lines for word in line.split(" ")[4:]] == [mask, f"y{mask[1:]}"]


# --- ranks


@pytest.mark.parametrize(
    ("held", "letter", "may"),
    [
        ("h", "v", True),
        ("h", "h", False),
        ("h", "o", False),
        ("o", "v", True),
        ("o", "h", True),
        ("o", "o", True),
        ("o", "a", False),
        ("o", "q", False),
        ("a", "o", True),
        ("a", "a", False),
        ("q", "a", True),
        ("q", "q", True),
    ],
)
def test_who_may_give_and_take_what(held: str, letter: str, may: bool) -> None:
    alice, bob = two()
    members = alice.net.world.channels["#c"].members
    members[alice.user] = held
    alice.says(f"MODE #c +{letter} bob")
    alice.hears(f":{alice.prefix} MODE #c +{letter} bob" if may else ":irc.home.test 482 alice #c :…")
    members[bob.user] = letter
    alice.says(f"MODE #c -{letter} bob")
    alice.hears(f":{alice.prefix} MODE #c -{letter} bob" if may else ":irc.home.test 482 alice #c :…")


def test_who_is_above_keeps_all_they_hold() -> None:
    alice, bob = two()
    alice.net.world.channels["#c"].members[bob.user] = "qov"
    alice.says("MODE #c -o bob", "MODE #c -v bob")
    alice.hears(":irc.home.test 482 alice #c :…", ":irc.home.test 482 alice #c :…")


@pytest.mark.parametrize("held", ["q", "a", "o", "h"])
def test_ones_own_may_always_be_laid_down(held: str) -> None:
    alice, _ = two()
    alice.net.world.channels["#c"].members[alice.user] = held
    alice.says(f"MODE #c -{held} alice")
    alice.hears(f":{alice.prefix} MODE #c -{held} alice")
    assert alice.net.world.channels["#c"].members[alice.user] == ""


def test_who_is_refused_is_told_once_a_command() -> None:
    alice, _ = two()
    alice.net.world.channels["#c"].members[alice.user] = "h"
    alice.says("MODE #c +oov-m+i bob alice bob")
    alice.hears(":irc.home.test 482 alice #c :…", f":{alice.prefix} MODE #c +vi bob")


def test_whom_a_mode_can_not_be_given() -> None:
    alice, bob = two()
    alice.net.join("zoe")
    alice.says("MODE #c +o nobody", "MODE #c +o zoe", "MODE #c +o ::x", "MODE #c +ov nobody bob")
    alice.hears(
        ":irc.home.test 401 alice nobody :No such nick/channel",
        ":irc.home.test 441 alice zoe #c :They aren't on that channel",
        ":irc.home.test 401 alice * :No such nick/channel",
        ":irc.home.test 401 alice nobody :No such nick/channel",
        f":{alice.prefix} MODE #c +v bob",
    )
    bob.hears(f":{alice.prefix} MODE #c +v bob")


# --- SAMODE


def test_an_operator_of_the_server_changes_any_channel() -> None:
    net = Net(opers={"root": Oper(password="sesame")})
    alice, root = net.join("alice", channels="#c"), net.join("root")
    alice.says("SAMODE #c +q alice")
    alice.hears(":irc.home.test 481 alice :…")
    root.asks("OPER root sesame")
    root.says("SAMODE #c +q-t alice")
    for one in (alice, root):
        one.hears(":irc.home.test MODE #c +q-t alice")
        one.hears_nothing()


def test_nothing_tells_who_had_the_server_do_it() -> None:
    net = Net(opers={"root": Oper(password="sesame")})
    alice, root = net.join("alice", caps="message-tags account-tag", channels="#c"), net.join("root", caps="labeled-response batch")
    root.asks("OPER root sesame", "MODE root +B")
    root.user.account = "rose"
    root.says("@label=x SAMODE #c -t")
    (message,) = alice.heard_messages()
    assert message.source == "irc.home.test"
    assert set(message.tags) == {"msgid"}
    root.hears("@label=x :irc.home.test MODE #c -t")


def test_a_labelled_mode_bears_its_label() -> None:
    net = Net()
    alice = net.join("alice", caps="labeled-response batch", channels="#c")
    alice.says("@label=a MODE #c +i", "@label=b MODE #c +i", "@label=c MODE #c b")
    alice.hears(
        f"@label=a :{alice.prefix} MODE #c +i",
        "@label=b :irc.home.test ACK",
        "@label=c :irc.home.test 368 alice #c :End of channel ban list",
    )
