"""PRIVMSG and NOTICE on a running server (Modern IRC: Sending Messages; IRCv3 echo-message, labeled-response)."""

from __future__ import annotations

import pytest

from tests.irc.talk import Client, Net
from wirespeak.irc.channels import TARGETS


def three(caps: str = "") -> tuple[Client, Client, Client]:
    """alice, who operates #c, bob and cid, who are on it; alice has ``caps``."""
    net = Net()
    clients = net.join("alice", caps=caps, channels="#c"), net.join("bob", channels="#c"), net.join("cid", channels="#c")
    clients[0].heard(), clients[1].heard()
    return clients


# --- to whom


@pytest.mark.parametrize("command", ["PRIVMSG", "NOTICE"])
def test_a_message_goes_to_all_but_the_sender(command: str) -> None:
    alice, bob, cid = three()
    alice.says(f"{command} #C :Hello all")
    for one in (bob, cid):
        one.hears(f":{alice.prefix} {command} #c :Hello all")
    for one in (alice, bob, cid):
        one.hears_nothing()


def test_targets_that_are_the_same_by_the_casemapping_are_one() -> None:
    """And each with a prefix is another one than without (Modern IRC: PRIVMSG; RPL_ISUPPORT CASEMAPPING, STATUSMSG)."""
    alice, bob, cid = three()
    alice.asks("MODE #c +v bob")
    bob.heard(), cid.heard()
    alice.says("PRIVMSG bob,BOB,#c,#C :Hi", "PRIVMSG +#c,#C,+#C,#c :Ho", "PRIVMSG NOBODY,nobody :Hi")
    bob.hears(
        f":{alice.prefix} PRIVMSG bob :Hi",
        f":{alice.prefix} PRIVMSG #c :Hi",
        f":{alice.prefix} PRIVMSG +#c :Ho",
        f":{alice.prefix} PRIVMSG #c :Ho",
    )
    alice.hears(":irc.home.test 401 alice NOBODY :No such nick/channel")
    for one in (alice, bob):
        one.hears_nothing()
    assert len(cid.heard()) == 2


@pytest.mark.parametrize("command", ["PRIVMSG", "NOTICE"])
def test_a_message_goes_to_one(command: str) -> None:
    alice, bob, cid = three()
    alice.says(f"{command} BOB :Psst")
    bob.hears(f":{alice.prefix} {command} bob :Psst")
    for one in (alice, bob, cid):
        one.hears_nothing()


def test_a_message_to_oneself_comes_back_once() -> None:
    alice, _, _ = three()
    alice.says("PRIVMSG alice :Note")
    alice.hears(f":{alice.prefix} PRIVMSG alice :Note")
    alice.hears_nothing()


def test_several_targets_get_a_message_each_and_each_once() -> None:
    alice, bob, cid = three()
    alice.says("PRIVMSG bob,#c,nobody,bob :Hi")
    alice.hears(":irc.home.test 401 alice nobody :No such nick/channel")
    bob.hears(f":{alice.prefix} PRIVMSG bob :Hi", f":{alice.prefix} PRIVMSG #c :Hi")
    cid.hears(f":{alice.prefix} PRIVMSG #c :Hi")
    for one in (alice, bob, cid):
        one.hears_nothing()


def test_more_targets_than_the_token_says_are_refused() -> None:
    alice, bob, _ = three()
    names = ",".join(["bob", *(f"n{number}" for number in range(TARGETS["PRIVMSG"]))])
    alice.says(f"PRIVMSG {names} :Hi", f"NOTICE {names} :Hi")
    alice.hears(f":irc.home.test 407 alice {names} :…")
    alice.hears_nothing()
    bob.hears_nothing()


@pytest.mark.parametrize(
    ("line", "numeric"),
    [
        ("PRIVMSG", "411 alice :No recipient given (PRIVMSG)"),
        ("PRIVMSG :", "411 alice :No recipient given (PRIVMSG)"),
        ("PRIVMSG #c", "412 alice :No text to send"),
        ("PRIVMSG bob :", "412 alice :No text to send"),
        ("PRIVMSG nobody :Hi", "401 alice nobody :No such nick/channel"),
        ("PRIVMSG #nowhere :Hi", "403 alice #nowhere :No such channel"),
        ("PRIVMSG @#nowhere :Hi", "403 alice @#nowhere :No such channel"),
        ("PRIVMSG @+#nowhere :Hi", "403 alice @+#nowhere :No such channel"),
        ("PRIVMSG @bob :Hi", "401 alice @bob :No such nick/channel"),
        ("PRIVMSG @NickServ :HELP", "401 alice @NickServ :No such nick/channel"),
        ("PRIVMSG @ :Hi", "411 alice :No recipient given (PRIVMSG)"),
        ("PRIVMSG ~& :Hi", "411 alice :No recipient given (PRIVMSG)"),
        ("PRIVMSG $*.test :Hi", "401 alice $*.test :No such nick/channel"),
        ("PRIVMSG bob!bob@host :Hi", "401 alice bob!bob@host :No such nick/channel"),
    ],
)
def test_what_can_not_be_sent_is_answered_and_as_a_notice_it_never_is(line: str, numeric: str) -> None:
    alice, bob, _ = three()
    alice.says(line)
    alice.hears(f":irc.home.test {numeric}")
    alice.hears_nothing()
    assert alice.asks(line.replace("PRIVMSG", "NOTICE", 1)) == []
    bob.hears_nothing()


def test_commas_alone_name_nobody() -> None:
    alice, _, _ = three()
    alice.says("PRIVMSG ,, :Hi")
    alice.hears(":irc.home.test 411 alice :No recipient given (PRIVMSG)")


# --- what keeps it back


@pytest.mark.parametrize(("modes", "letter"), [("+m", "m"), ("+M", "M"), ("+b bob", "b"), ("+b *!*@*", "b")])
def test_a_mode_keeps_a_member_quiet(modes: str, letter: str) -> None:
    alice, bob, cid = three()
    alice.asks(f"MODE #c {modes}")
    bob.heard(), cid.heard()
    bob.says("PRIVMSG #c :Hi", "NOTICE #c :Hi")
    bob.hears(f":irc.home.test 404 bob #c :Cannot send to channel (+{letter})")
    bob.hears_nothing()
    alice.hears_nothing()
    alice.asks("MODE #c +v bob")
    bob.heard()
    bob.says("PRIVMSG #c :Hi")
    alice.hears(f":{bob.prefix} PRIVMSG #c :Hi")


def test_outsiders_speak_where_they_may() -> None:
    alice, bob, _ = three()
    zoe = alice.net.join("zoe")
    zoe.says("PRIVMSG #c :Hi")
    zoe.hears(":irc.home.test 404 zoe #c :Cannot send to channel (+n)")
    alice.asks("MODE #c -n")
    bob.heard()
    zoe.says("PRIVMSG #c :Hi")
    for one in (alice, bob):
        one.hears(f":{zoe.prefix} PRIVMSG #c :Hi")
    zoe.hears_nothing()


def test_a_secret_channel_hears_no_outsiders_as_any_other() -> None:
    """404, as No External Messages wants it: what is secret is who is there, not the name that somebody knows (Modern IRC)."""
    alice, _, _ = three()
    alice.asks("MODE #c +s")
    zoe = alice.net.join("zoe", caps="message-tags")
    zoe.says("PRIVMSG #c :Hi", "PRIVMSG @#c :Hi", "TAGMSG #c", "PRIVMSG #nowhere :Hi")
    zoe.hears(
        ":irc.home.test 404 zoe #c :Cannot send to channel (+n)",
        ":irc.home.test 404 zoe @#c :Cannot send to channel (+n)",
        ":irc.home.test 404 zoe #c :Cannot send to channel (+n)",
        ":irc.home.test 403 zoe #nowhere :No such channel",
    )
    zoe.says("NOTICE #c :Hi", "NOTICE @#c :Hi")
    zoe.hears_nothing()
    alice.hears_nothing()


def test_a_channel_without_ctcp_takes_action_alone() -> None:
    alice, bob, _ = three()
    alice.asks("MODE #c +C")
    bob.heard()
    bob.says(
        "PRIVMSG #c :\x01VERSION\x01", "NOTICE #c :\x01VERSION x\x01", "PRIVMSG #c :\x01ACTION waves\x01", "PRIVMSG #c :\x01ACTIONS\x01"
    )
    bob.hears(":irc.home.test 404 bob #c :Cannot send to channel (+C)", ":irc.home.test 404 bob #c :Cannot send to channel (+C)")
    alice.hears(f":{bob.prefix} PRIVMSG #c :\x01ACTION waves\x01")
    alice.hears_nothing()


def test_ctcp_goes_through_as_text_else() -> None:
    alice, bob, _ = three()
    alice.says("PRIVMSG bob :\x01DCC SEND STARTKEYLOGGER 0 0 0\x01")
    bob.hears(f":{alice.prefix} PRIVMSG bob :\x01DCC SEND STARTKEYLOGGER 0 0 0\x01")


def test_who_takes_no_ctcp_gets_action_alone() -> None:
    alice, bob, _ = three()
    bob.asks("MODE bob +T")
    alice.says("PRIVMSG bob :\x01VERSION\x01", "PRIVMSG bob :\x01ACTION waves\x01")
    alice.hears(":irc.home.test 531 alice bob :…")
    bob.hears(f":{alice.prefix} PRIVMSG bob :\x01ACTION waves\x01")
    bob.hears_nothing()


def test_who_wants_no_strangers_hears_those_who_are_logged_in() -> None:
    alice, bob, _ = three()
    bob.asks("MODE bob +R")
    alice.says("PRIVMSG bob :Hi", "NOTICE bob :Hi")
    alice.hears(":irc.home.test 477 alice bob :…")
    alice.hears_nothing()
    bob.hears_nothing()
    alice.user.account = "alice"
    alice.says("PRIVMSG bob :Hi")
    bob.hears(f":{alice.prefix} PRIVMSG bob :Hi")
    bob.says("PRIVMSG bob :Note")
    bob.hears(f":{bob.prefix} PRIVMSG bob :Note")


def test_who_is_away_is_said_to_be_once_a_message_and_never_to_a_notice() -> None:
    alice, bob, _ = three()
    bob.user.away = "Having tea"
    alice.says("PRIVMSG bob :Hi", "NOTICE bob :Hi", "PRIVMSG #c :Hi")
    alice.hears(":irc.home.test 301 alice bob :Having tea")
    alice.hears_nothing()
    assert len(bob.heard()) == 3


# --- STATUSMSG


@pytest.mark.parametrize(
    ("target", "told", "hears"),
    [
        ("+#c", "+#c", ["half", "oper", "owner", "voice"]),
        ("%#c", "%#c", ["half", "oper", "owner"]),
        ("@#c", "@#c", ["oper", "owner"]),
        ("&#c", "&#c", ["owner"]),
        ("~#C", "~#c", ["owner"]),
        ("@+#c", "+#c", ["half", "oper", "owner", "voice"]),
        ("@%#c", "%#c", ["half", "oper", "owner"]),
    ],
)
def test_a_prefix_before_the_channel_asks_for_a_rank(target: str, told: str, hears: list[str]) -> None:
    net = Net()
    held = {"voice": "v", "half": "h", "oper": "o", "owner": "q", "member": "", "sender": ""}
    clients = {nick: net.join(nick, channels="#c") for nick in held}
    for nick, client in clients.items():
        net.world.channels["#c"].members[client.user] = held[nick]
        client.heard()
    sender = clients["sender"]
    sender.says(f"PRIVMSG {target} :Help")
    got = {nick: client.heard() for nick, client in clients.items()}
    assert {nick for nick, lines in got.items() if lines} == set(hears)
    assert all(got[nick] == [f":{sender.prefix} PRIVMSG {told} :Help"] for nick in hears)


def test_a_prefix_opens_no_way_in() -> None:
    alice, _, _ = three()
    zoe = alice.net.join("zoe")
    zoe.says("PRIVMSG @#c :Hi", "PRIVMSG %@#C :Hi")
    zoe.hears(":irc.home.test 404 zoe @#c :Cannot send to channel (+n)", ":irc.home.test 404 zoe %@#C :Cannot send to channel (+n)")
    alice.hears_nothing()


# --- echoes and labels


@pytest.mark.parametrize("command", ["PRIVMSG", "NOTICE"])
def test_an_echo_is_what_the_others_got(command: str) -> None:
    alice, bob, _ = three("echo-message")
    alice.says(f"{command} #C :Hi", f"{command} BOB :Psst", f"{command} @#c :Help")
    alice.hears(f":{alice.prefix} {command} #c :Hi", f":{alice.prefix} {command} bob :Psst", f":{alice.prefix} {command} @#c :Help")
    bob.hears(f":{alice.prefix} {command} #c :Hi", f":{alice.prefix} {command} bob :Psst")
    alice.hears_nothing()
    bob.hears_nothing()


def test_what_was_refused_is_not_echoed() -> None:
    alice, _, _ = three()
    alice.asks("MODE #c +m")
    zoe = alice.net.join("zoe", caps="echo-message", channels="#c")
    zoe.says("PRIVMSG #c :Hi", "PRIVMSG nobody :Hi", "NOTICE #c :Hi")
    zoe.hears(":irc.home.test 404 …", ":irc.home.test 401 …")
    zoe.hears_nothing()


def test_an_echo_comes_to_who_speaks_from_outside_too() -> None:
    alice, _, _ = three()
    alice.asks("MODE #c -n")
    zoe = alice.net.join("zoe", caps="echo-message")
    zoe.says("PRIVMSG #c :Hi")
    zoe.hears(f":{zoe.prefix} PRIVMSG #c :Hi")
    zoe.hears_nothing()


def test_a_label_is_on_the_echo_and_nowhere_else() -> None:
    alice, bob, _ = three("echo-message labeled-response batch")
    alice.says("@label=x PRIVMSG #c :Hi")
    alice.hears(f"@label=x :{alice.prefix} PRIVMSG #c :Hi")
    bob.hears(f":{alice.prefix} PRIVMSG #c :Hi")


def test_of_a_message_to_oneself_the_echo_bears_the_label() -> None:
    alice, _, _ = three("echo-message labeled-response batch")
    alice.says("@label=x PRIVMSG alice :Note")
    lines = alice.heard()
    assert sorted(lines) == sorted([f"@label=x :{alice.prefix} PRIVMSG alice :Note", f":{alice.prefix} PRIVMSG alice :Note"])


def test_without_an_echo_a_label_is_acknowledged() -> None:
    alice, bob, _ = three("labeled-response batch")
    alice.says("@label=x PRIVMSG #c :Hi", "@label=y NOTICE nobody :Hi", "@label=z PRIVMSG nobody :Hi")
    alice.hears(
        "@label=x :irc.home.test ACK",
        "@label=y :irc.home.test ACK",
        "@label=z :irc.home.test 401 alice nobody :No such nick/channel",
    )
    bob.hears(f":{alice.prefix} PRIVMSG #c :Hi")


def test_several_answers_to_one_label_are_a_batch() -> None:
    alice, bob, _ = three("echo-message labeled-response batch")
    bob.user.away = "tea"
    alice.says("@label=x PRIVMSG bob :Hi")
    start, echo, away, end = alice.heard()
    name = start.removeprefix("@label=x :irc.home.test BATCH +").removesuffix(" labeled-response")
    assert echo == f"@batch={name} :{alice.prefix} PRIVMSG bob :Hi"
    assert away == f"@batch={name} :irc.home.test 301 alice bob :tea"
    assert end == f":irc.home.test BATCH -{name}"


# --- text


def test_a_text_that_is_too_long_with_its_source_ends_with_a_whole_character() -> None:
    alice, bob, _ = three("echo-message")
    text = "ä" * 240
    alice.says(f"PRIVMSG #c :{text}")
    (line,) = bob.heard()
    assert len(line.encode()) in (509, 510)
    assert line.startswith(f":{alice.prefix} PRIVMSG #c :ää")
    assert set(line.rpartition(":")[2]) == {"ä"}
    assert alice.heard() == [line], "the echo is the message as it went out"


def test_a_text_keeps_its_spaces_and_colons() -> None:
    alice, bob, _ = three()
    alice.says("PRIVMSG #c ::) : two  spaces ")
    bob.hears(f":{alice.prefix} PRIVMSG #c ::) : two  spaces ")


def test_talk_ends_idleness() -> None:
    alice, _, _ = three()
    alice.net.passes(50)
    alice.says("PRIVMSG #c :Hi")
    assert alice.user.last_spoke == alice.net.time
    alice.net.passes(50)
    alice.says("PRIVMSG nobody", "JOIN #d")
    assert alice.user.last_spoke == alice.net.time - 50
