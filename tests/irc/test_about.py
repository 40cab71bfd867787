"""MOTD, RULES, INFO, VERSION, ADMIN, TIME, LUSERS, LINKS, MAP, STATS, USERS and others (Modern IRC: Server Queries and Commands)."""

from __future__ import annotations

import pytest

from tests.irc.talk import START, Client, Net
from wirespeak.irc.config import Admin, Oper
from wirespeak.irc.messages import Message

OPERS = {"root": Oper(password="secret"), "guest": Oper(password="guest", privileges=("kill",), hosts=("*@127.0.0.0/8",))}


def numerics(client: Client, line: str) -> list[str]:
    return [heard.split()[1] for heard in client.asks(line)]


# --- texts


def test_the_message_of_the_day() -> None:
    me = Net(motd=("Welcome.", "", "Be kind.")).join("me")
    assert me.asks("MOTD") == [
        ":irc.home.test 375 me :- irc.home.test Message of the day - ",
        ":irc.home.test 372 me :- Welcome.",
        ":irc.home.test 372 me :- ",
        ":irc.home.test 372 me :- Be kind.",
        ":irc.home.test 376 me :End of /MOTD command.",
    ]


def test_no_message_of_the_day() -> None:
    assert Net().join("me").asks("MOTD") == [":irc.home.test 422 me :MOTD File is missing"]


def test_rules() -> None:
    assert numerics(Net(rules=("Be kind.",)).join("me"), "RULES") == ["308", "232", "309"]
    assert numerics(Net().join("me"), "RULES") == ["434"]


def test_info_ends() -> None:
    found = numerics(Net().join("me"), "INFO")
    assert set(found[:-1]) == {"371"}
    assert found[-1] == "374"


# --- the server


def test_version_tells_what_is_supported_too() -> None:
    me = Net().join("me")
    first, *rest = me.asks("VERSION")
    assert first.startswith(":irc.home.test 351 me wirespeak-")
    assert first.split()[4] == "irc.home.test"
    assert {line.split()[1] for line in rest} == {"005"}


def test_admin() -> None:
    me = Net(admin=Admin(location="Home", organisation="Us", email="ann@home.test")).join("me")
    assert me.asks("ADMIN") == [
        ":irc.home.test 256 me irc.home.test :Administrative info",
        ":irc.home.test 257 me Home",
        ":irc.home.test 258 me Us",
        ":irc.home.test 259 me ann@home.test",
    ]


def test_admin_where_nobody_is_named() -> None:
    assert Net(description="a server").join("me").asks("ADMIN") == [
        ":irc.home.test 256 me irc.home.test :Administrative info",
        ":irc.home.test 257 me :a server",
        ":irc.home.test 258 me :Nobody is named who runs it",
        ":irc.home.test 259 me :No e-mail address is given",
    ]


def test_time_in_seconds_and_in_words() -> None:
    me = Net().join("me")
    (line,) = me.asks("TIME")
    assert line == f":irc.home.test 391 me irc.home.test {int(START)} 0 :Monday September 21 2026 -- 14:13:20 +00:00"


@pytest.mark.parametrize("command", ["MOTD", "VERSION", "ADMIN", "TIME", "INFO", "STATS u", "LUSERS *"])
def test_a_target_is_this_server_or_nobody(command: str) -> None:
    me = Net().join("me")
    here = numerics(me, command)
    for target in ("irc.home.test", "*.test", "me"):
        assert numerics(me, f"{command} {target}") == here, target
    assert me.asks(f"{command} other.test") == [":irc.home.test 402 me other.test :No such server"]
    assert me.asks(f"{command} :a b") == [":irc.home.test 402 me * :No such server"]


def test_links_and_map_are_of_one_server() -> None:
    me = Net(description="a place at home").join("me")
    assert me.asks("LINKS") == [
        ":irc.home.test 364 me * irc.home.test :0 a place at home",
        ":irc.home.test 365 me * :End of /LINKS list",
    ]
    assert numerics(me, "LINKS *.home.test") == ["364", "365"]
    assert numerics(me, "LINKS other.test") == ["365"]
    assert numerics(me, "MAP") == ["006", "007"]


def test_users_is_of_another_time() -> None:
    assert numerics(Net().join("me"), "USERS") == ["446"]


@pytest.mark.parametrize("line", ["SUMMON", "SUMMON ann", "SUMMON ann irc.home.test #c"])
def test_summon_is_too(line: str) -> None:
    """RFC 2812 4.5: where it is not done, 445 is the answer in any case."""
    assert Net().join("me").asks(line) == [":irc.home.test 445 me :SUMMON has been disabled"]


@pytest.mark.parametrize("command", ["CONNECT", "SQUIT"])
def test_there_is_no_server_to_link_to_or_to_part_with(command: str) -> None:
    net = Net(opers=OPERS)
    me = net.join("me")
    assert me.asks(f"{command} other.test") == [":irc.home.test 481 me :Permission Denied- You're not an IRC operator"]
    me.asks("OPER guest guest")
    assert numerics(me, f"{command} other.test :why") == ["723"]
    root = net.join("root")
    root.asks("OPER root secret")
    assert root.asks(command) == [f":irc.home.test 461 root {command} :Not enough parameters"]
    for target in ("other.test", "*", "irc.home.test"):
        assert root.asks(f"{command} {target}") == [f":irc.home.test 402 root {target} :No such server"]
    assert root.asks(f"{command} :a b") == [":irc.home.test 402 root * :No such server"]


# --- LUSERS


def counts(client: Client) -> tuple[int, int, int, int, int, int]:
    """Visible, invisible, operators, unknown, channels, most at a time."""
    said = {message.command: message.params for message in map(Message.parse, client.asks("LUSERS"))}
    assert list(said) == ["251", "252", "253", "254", "255", "265", "266"]
    words = said["251"][1].split()
    users = int(words[2]) + int(words[5])
    assert said["255"][1] == f"I have {users} clients and 0 servers"
    assert said["265"][1] == said["266"][1] == str(users)
    return int(words[2]), int(words[5]), int(said["252"][1]), int(said["253"][1]), int(said["254"][1]), int(said["265"][2])


def test_lusers_counts_as_everything_changes() -> None:
    net = Net(opers=OPERS)
    me = net.join("me")
    assert counts(me) == (1, 0, 0, 0, 0, 1)
    ann = net.join("ann", channels="#c")
    ann.says("MODE ann +i", "OPER root secret")
    net.connect()
    assert counts(me) == (1, 1, 1, 1, 1, 2)
    ann.says("MODE ann -io")
    assert counts(me) == (2, 0, 0, 1, 1, 2)
    ann.says("MODE ann +i", "OPER root secret", "QUIT")
    me.heard()
    assert counts(me) == (1, 0, 0, 1, 0, 2)


# --- STATS


def test_how_long_the_server_is_up() -> None:
    net = Net()
    net.passes(2 * 86_400 + 3 * 3600 + 4 * 60 + 5)
    me = net.join("me")
    assert me.asks("STATS u") == [
        ":irc.home.test 242 me :Server Up 2 days 3:04:05",
        ":irc.home.test 250 me :Highest connection count: 1 (1 clients) (1 connections received)",
        ":irc.home.test 219 me u :End of /STATS report",
    ]


def test_which_commands_were_used() -> None:
    me = Net().join("me")
    me.says("PING x", "PING y")
    assert ":irc.home.test 212 me PING 2" in me.asks("STATS m")


@pytest.mark.parametrize("query", list("kKdDoOtT"))
def test_what_is_for_operators_is_refused_to_others(query: str) -> None:
    net = Net(opers=OPERS)
    me = net.join("me")
    assert numerics(me, f"STATS {query}") == ["481", "219"]
    me.says("OPER guest guest")
    assert numerics(me, f"STATS {query}") == ["723", "219"]


def test_bans_and_operators_are_told_to_operators() -> None:
    net = Net(opers=OPERS)
    me = net.join("root")
    me.says("OPER root secret", "KLINE *@*.spam.test :spam", "DLINE 90 198.51.100.0/24 :abuse")
    me.heard()
    me.says("STATS k", "STATS d", "STATS o", "STATS p")
    me.hears(
        ":irc.home.test 216 root K *.spam.test * * :spam (by root, for good)",
        "… 219 root k :…",
        ":irc.home.test 225 root D 198.51.100.0/24 :abuse (by root, for 1:30:00)",
        "… 219 root d :…",
        ":irc.home.test 243 root O *@127.0.0.0/8 * guest",
        ":irc.home.test 243 root O *@* * root",
        "… 219 root o :…",
        f":irc.home.test 249 root p :root (~root@{me.user.host})",
        "… 219 root p :…",
    )


def test_an_unknown_query_has_an_empty_answer() -> None:
    me = Net().join("me")
    assert me.asks("STATS z") == [":irc.home.test 219 me z :End of /STATS report"]
    assert me.asks("STATS :") == [":irc.home.test 219 me * :End of /STATS report"]
    assert numerics(me, "STATS") == ["461"]
