"""Tags on what people say, and TAGMSG (IRCv3 message-tags, message-ids, server-time, account-tag, bot-mode, typing, reply)."""

from __future__ import annotations

from tests.irc.talk import Net

TAGS = "message-tags"


def test_what_a_client_tags_for_others_goes_along_and_nothing_else() -> None:
    net = Net()
    alice, bob, plain = (
        net.join("alice", caps=TAGS, channels="#c"),
        net.join("bob", caps=TAGS, channels="#c"),
        net.join("plain", channels="#c"),
    )
    for one in (alice, bob):
        one.heard()
    alice.says("@+draft/reply=abc;+x.test/y=a\\sb\\:;draft/z=1;msgid=forged;time=forged;account=forged PRIVMSG #c :Hi")
    (message,) = bob.heard_messages()
    assert message.params == ["#c", "Hi"]
    assert message.tags.pop("msgid") != "forged"
    assert message.tags == {"+draft/reply": "abc", "+x.test/y": "a b;"}
    plain.hears(f":{alice.prefix} PRIVMSG #c :Hi")


def test_the_servers_tags_stand_before_the_clients() -> None:
    net = Net()
    alice = net.join("alice", caps=TAGS)
    bob = net.join("bob", caps=f"{TAGS} server-time account-tag")
    alice.user.account = "alice"
    alice.says("@+typing=active PRIVMSG bob :Hi")
    (line,) = bob.heard()
    assert line.startswith("@time=2026-09-21T14:13:20.000Z;account=alice;msgid=")
    assert line.partition(" ")[0].endswith(";+typing=active")


def test_a_message_has_one_id_for_all() -> None:
    net = Net()
    alice, bob, cid = (net.join(nick, caps=f"{TAGS} echo-message", channels="#c") for nick in ("alice", "bob", "cid"))
    alice.heard(), bob.heard()
    alice.says("PRIVMSG #c :one", "PRIVMSG #c :two")
    ids = [[message.tags["msgid"] for message in one.heard_messages()] for one in (alice, bob, cid)]
    assert ids[0] == ids[1] == ids[2]
    assert len(set(ids[0])) == 2


def test_tags_of_who_has_not_asked_for_them_are_dropped() -> None:
    net = Net()
    alice, bob = net.join("alice", caps="server-time"), net.join("bob", caps=TAGS)
    alice.says("@+typing=active PRIVMSG bob :Hi")
    (message,) = bob.heard_messages()
    assert set(message.tags) == {"msgid"}


def test_a_bot_is_told_as_one() -> None:
    net = Net()
    robot, bob = net.join("robot"), net.join("bob", caps=TAGS)
    robot.asks("MODE robot +B")
    robot.says("PRIVMSG bob :Beep")
    (message,) = bob.heard_messages()
    assert message.tags["bot"] == ""


def test_a_tagmsg_goes_to_those_who_have_tags() -> None:
    net = Net()
    alice, bob, plain = (
        net.join("alice", caps=TAGS, channels="#c"),
        net.join("bob", caps=TAGS, channels="#c"),
        net.join("plain", channels="#c"),
    )
    for one in (alice, bob):
        one.heard()
    alice.says("@+typing=active TAGMSG #C", "@+typing=done TAGMSG bob", "@+typing=done TAGMSG plain")
    first, second = bob.heard_messages()
    assert (first.source, first.command, first.params, first.tags["+typing"]) == (alice.prefix, "TAGMSG", ["#c"], "active")
    assert (second.params, second.tags["+typing"]) == (["bob"], "done")
    for client in (alice, plain):
        client.hears_nothing()


def test_a_tagmsg_without_tags_for_others_goes_all_the_same() -> None:
    net = Net()
    alice, bob = net.join("alice", caps=TAGS), net.join("bob", caps=TAGS)
    alice.says("@unknown-tag TAGMSG bob")
    (message,) = bob.heard_messages()
    assert (message.command, message.params, set(message.tags)) == ("TAGMSG", ["bob"], {"msgid"})


def test_a_tagmsg_is_echoed_and_bears_its_label() -> None:
    net = Net()
    alice = net.join("alice", caps=f"{TAGS} echo-message labeled-response batch", channels="#c")
    bob = net.join("bob", caps=TAGS, channels="#c")
    alice.heard()
    alice.says("@label=x;+react=ok TAGMSG #c")
    (echo,) = alice.heard_messages()
    (message,) = bob.heard_messages()
    assert echo.tags == {"label": "x", "msgid": message.tags["msgid"], "+react": "ok"}
    assert message.tags["+react"] == "ok"
    assert "label" not in message.tags


def test_a_tagmsg_keeps_to_the_rules_of_talk() -> None:
    net = Net()
    alice, bob = net.join("alice", caps=TAGS, channels="#c"), net.join("bob", caps=TAGS, channels="#c")
    alice.asks("MODE #c +m")
    bob.heard()
    bob.says("@+x=y TAGMSG #c", "@+x=y TAGMSG nobody", "@+x=y TAGMSG @#c", "@+x=y TAGMSG :", "@+x=y TAGMSG")
    bob.hears(
        ":irc.home.test 404 bob #c :Cannot send to channel (+m)",
        ":irc.home.test 401 bob nobody :No such nick/channel",
        ":irc.home.test 404 bob @#c :Cannot send to channel (+m)",
        ":irc.home.test 411 bob :No recipient given (TAGMSG)",
        ":irc.home.test 461 bob TAGMSG :Not enough parameters",
    )
    alice.asks("MODE #c -m")
    bob.heard()
    bob.says("@+x=y TAGMSG @#c")
    (message,) = alice.heard_messages()
    assert message.params == ["@#c"]


def test_who_is_away_does_not_answer_a_tagmsg() -> None:
    net = Net()
    alice, bob = net.join("alice", caps=TAGS), net.join("bob", caps=TAGS)
    bob.user.away = "tea"
    assert alice.asks("@+typing=active TAGMSG bob") == []


def test_without_tags_there_is_no_tagmsg() -> None:
    alice = Net().join("alice")
    alice.says("TAGMSG alice")
    alice.hears(":irc.home.test 421 alice TAGMSG :Unknown command")
