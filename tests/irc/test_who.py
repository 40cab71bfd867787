"""WHO and WHOX: who is told to whom, with what, and in how many pieces (Modern IRC: WHO message; IRCv3 whox, multi-prefix, bot-mode)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.irc.talk import Client, Net
from wirespeak.irc.config import Oper
from wirespeak.irc.messages import Message
from wirespeak.irc.world import PIECE

OPERS = {"root": Oper(password="secret")}


@pytest.fixture
def net() -> Net:
    return Net(opers=OPERS)


def nicks(client: Client, line: str) -> list[str]:
    """Whom the answer to ``line`` tells of."""
    return sorted(message.params[5] for message in map(Message.parse, client.asks(line)) if message.command == "352")


# --- the lines


def test_a_channel_is_told_member_by_member(net: Net) -> None:
    me, ann = net.join("me", channels="#c"), net.join("ann", channels="#c", realname="Ann of Home")
    me.says("WHO #c")
    me.hears(
        f":irc.home.test 352 me #c ~me {me.user.host} irc.home.test me H@ :0 Me",
        f":irc.home.test 352 me #c ~ann {ann.user.host} irc.home.test ann H :0 Ann of Home",
        ":irc.home.test 315 me #c :End of WHO list",
    )


def test_a_nick_in_whatever_case_is_one_line(net: Net) -> None:
    me = net.join("me")
    net.join("Ann")
    me.says("WHO aNN")
    me.hears(":irc.home.test 352 me * ~Ann … irc.home.test Ann H :0 Ann", ":irc.home.test 315 me aNN :End of WHO list")


def test_nobody_is_an_end_alone(net: Net) -> None:
    me = net.join("me")
    for mask in ("nobody", "#nowhere", "no*body"):
        assert me.asks(f"WHO {mask}") == [f":irc.home.test 315 me {mask} :End of WHO list"]
    assert me.asks("WHO :two words") == [":irc.home.test 315 me * :End of WHO list"]


@pytest.mark.parametrize("line", ["WHO", "WHO *", "WHO 0", "WHO :"])
def test_everybody_is_told_who_is_not_invisible(net: Net, line: str) -> None:
    me = net.join("me")
    net.join("ann")
    net.join("bob").says("MODE bob +i")
    assert nicks(me, line) == ["ann", "me"]


@pytest.mark.parametrize("mask", ["a?n", "*nn", "~ANN*", "*real*", "real life"])
def test_a_mask_is_held_against_nick_user_host_and_real_name(net: Net, mask: str) -> None:
    me = net.join("me")
    net.join("ann", realname="Real life")
    assert nicks(me, f"WHO :{mask}") == ["ann"]


@pytest.mark.parametrize(
    ("mask", "fits"), [("ANN!*@*", True), ("*!~ann@*", True), ("ann!~a*@*.hidden", True), ("bob!*@*", False), ("a*@a", False)]
)
def test_a_mask_may_be_of_all_three_as_those_of_bans(net: Net, mask: str, fits: bool) -> None:
    me = net.join("me")
    net.join("ann")
    assert nicks(me, f"WHO {mask}") == ["ann"] * fits


def test_a_mask_may_be_held_against_one_field_alone(net: Net) -> None:
    me = net.join("me")
    net.join("ann", realname="bob")
    net.join("bob", realname="carl")
    assert nicks(me, "WHO bo? n") == ["bob"]
    assert nicks(me, "WHO bo? r") == ["ann"]
    assert nicks(me, "WHO bo?") == ["ann", "bob"]


@pytest.mark.parametrize("mask", ["irc.home.test", "IRC.HOME.TEST", "*.home.test", "irc.*"])
def test_the_name_of_the_server_is_held_against_a_mask_too(net: Net, mask: str) -> None:
    """RFC 1459 4.5.1: "host, server, real name and nickname" """
    me = net.join("me")
    net.join("ann")
    net.join("bob").says("MODE bob +i")
    for line in (f"WHO {mask}", f"WHO {mask} s", f"WHO {mask} us"):
        assert nicks(me, line) == ["ann", "me"], line
    assert nicks(me, f"WHO {mask} nuhra") == []
    me.says(f"WHO {mask} s%sn")
    me.hears(*(f":irc.home.test 354 me irc.home.test {nick}" for nick in ("me", "ann")), f":irc.home.test 315 me {mask} :End of WHO list")
    assert nicks(me, "WHO irc.other.test") == nicks(me, "WHO ann* s") == []


# --- the flags


def test_flags_tell_away_operator_prefix_and_bot_in_this_order(net: Net) -> None:
    me, ann = net.join("me"), net.join("ann", channels="#c")
    me.says("JOIN #c")
    ann.says("AWAY :gone", "OPER root secret", "MODE ann +B", "MODE #c +v ann")
    me.heard()
    me.says("WHO #c")
    assert me.skips_to(":irc.home.test 352 me #c … ann …").split()[8] == "G*@B"


def test_all_prefixes_for_who_can_read_them(net: Net) -> None:
    me, ann = net.join("me", caps="multi-prefix"), net.join("ann", channels="#c")
    me.says("JOIN #c")
    ann.says("MODE #c +v ann")
    me.heard()
    me.says("WHO #c")
    assert me.skips_to(":irc.home.test 352 me #c … ann …").split()[8] == "H@+"


def test_operators_only(net: Net) -> None:
    me, ann = net.join("me", channels="#c"), net.join("ann", channels="#c")
    ann.says("OPER root secret")
    assert nicks(me, "WHO #c o") == nicks(me, "WHO * o") == ["ann"]


# --- what is hidden


def test_the_invisible_are_told_to_who_shares_a_channel(net: Net) -> None:
    me, ann = net.join("me", channels="#c"), net.join("ann", channels="#c")
    ann.says("MODE ann +i")
    stranger = net.join("stranger")
    for line in ("WHO #c", "WHO ann*", "WHO *"):
        assert "ann" in nicks(me, line), line
        assert "ann" not in nicks(stranger, line), line


def test_the_invisible_are_told_to_who_knows_the_nick_but_not_where_they_are(net: Net) -> None:
    ann, stranger = net.join("ann", channels="#c"), net.join("stranger")
    ann.says("MODE ann +i")
    stranger.says("WHO ann")
    stranger.hears(":irc.home.test 352 stranger * ~ann … ann H :0 Ann", "… 315 …")


def test_a_secret_channel_is_told_to_its_members_alone(net: Net) -> None:
    me, ann, stranger = net.join("me", channels="#c"), net.join("ann", channels="#c"), net.join("stranger")
    me.says("MODE #c +s")
    me.heard()
    assert nicks(stranger, "WHO #c") == []
    stranger.says("WHO ann")
    stranger.hears(":irc.home.test 352 stranger * …", "… 315 …")
    ann.heard()
    ann.says("WHO me")
    ann.hears(":irc.home.test 352 ann #c … H@ :0 Me", "… 315 …")


def test_operators_see_all(net: Net) -> None:
    ann, root = net.join("ann", channels="#c"), net.join("root")
    ann.says("MODE ann +i", "MODE #c +s")
    root.says("OPER root secret")
    assert nicks(root, "WHO #c") == ["ann"]
    assert nicks(root, "WHO *") == ["ann", "root"]


def test_no_mask_finds_an_address_that_is_not_shown(net: Net) -> None:
    me, ann = net.join("me"), net.join("ann", address="192.0.2.7")
    assert "192.0.2.7" not in ann.user.host
    for line in ("WHO 192.0.2.7", "WHO 192.0.* i", "WHO 192.0.*"):
        assert nicks(me, line) == [], line
    me.says("OPER root secret")
    assert nicks(me, "WHO 192.0.2.7") == ["ann"]
    assert nicks(me, "WHO 192.0.* i") == ["ann"]


# --- WHOX


def test_fields_come_in_the_order_of_the_specification_however_they_are_asked_for(net: Net) -> None:
    me = net.join("me", channels="#c", address="192.0.2.7", realname="My name")
    net.passes(5)
    me.says("WHO #c %raloinfdshcut,42")
    me.hears(
        f":irc.home.test 354 me 42 #c ~me 192.0.2.7 {me.user.host} irc.home.test me H@ 0 5 0 n/a :My name",
        ":irc.home.test 315 me #c :End of WHO list",
    )


def test_only_the_fields_asked_for_and_no_others(net: Net) -> None:
    me = net.join("me", channels="#c")
    assert me.asks("WHO #c %nf")[0] == ":irc.home.test 354 me me H@"
    assert me.asks("WHO me %cuhnar")[0] == f":irc.home.test 354 me #c ~me {me.user.host} me 0 Me"
    assert me.asks("WHO #c %nzé!")[0] == ":irc.home.test 354 me me"


@pytest.mark.parametrize(("token", "told"), [(",7", "7"), (",999", "999"), (",1234", "0"), (",x", "0"), ("", "0"), (",١", "0")])
def test_a_token_of_three_digits_is_told_back(net: Net, token: str, told: str) -> None:
    me = net.join("me")
    assert me.asks(f"WHO me %tn{token}")[0] == f":irc.home.test 354 me {told} me"


def test_placeholders_for_what_there_is_not_or_is_not_disclosed(net: Net) -> None:
    me = net.join("me")
    net.join("ann", address="192.0.2.7")
    assert me.asks("WHO ann %cia")[0] == ":irc.home.test 354 me * 255.255.255.255 0"
    me.says("OPER root secret")
    assert me.asks("WHO ann %cia")[0] == ":irc.home.test 354 me * 192.0.2.7 0"


def test_an_account_is_told(net: Net) -> None:
    me, ann = net.join("me"), net.join("ann")
    net.world.set_account(ann.user, "ann_account")
    assert me.asks("WHO ann %na")[0] == ":irc.home.test 354 me ann ann_account"


def test_flags_stand_before_the_fields(net: Net) -> None:
    me, ann = net.join("me"), net.join("ann")
    ann.says("OPER root secret")
    assert me.asks("WHO * o%n") == [":irc.home.test 354 me ann", ":irc.home.test 315 me * :End of WHO list"]


# --- many


class Slow:
    """A reader whose line has room again only when `reads` says so: what a pump does for one that doesn't take what it is sent."""

    def __init__(self, client: Client) -> None:
        self._link = client.user.link
        self._waits: Any = None
        self._link.room = self._room  # type: ignore[method-assign]

    async def _room(self) -> None:
        self._waits = self._link.future()
        await self._waits

    def reads(self, client: Client) -> list[str]:
        """There is room for another piece: what is said then."""
        self._waits.set_result(None)
        client.sends(b"")
        return client.heard()


def crowd(net: Net, count: int) -> list[Client]:
    """So many members of #c, and nobody who listens."""
    members = [net.join(f"m{number}") for number in range(count)]
    for one in members:
        one.says("JOIN #c")
    for one in net.clients:
        one.heard()
    return members


def told(lines: list[str]) -> int:
    return sum(" 352 " in line for line in lines)


def test_a_channel_of_many_is_told_whole_before_the_next_command(net: Net) -> None:
    me = net.join("me", channels="#c")
    crowd(net, 150)
    me.says("WHO #c", "PING after")
    heard = me.heard()
    assert told(heard) == 151
    assert heard[-2:] == [":irc.home.test 315 me #c :End of WHO list", ":irc.home.test PONG irc.home.test :after"]


def test_a_slow_reader_is_told_a_piece_at_a_time_and_the_next_command_waits(net: Net) -> None:
    me = net.join("me", channels="#c")
    crowd(net, 150)
    slow = Slow(me)
    me.says("WHO #c", "PING after")
    assert told(me.heard()) == PIECE
    me.hears_nothing()
    assert told(slow.reads(me)) == PIECE
    rest = slow.reads(me)
    assert told(rest) == 151 - 2 * PIECE
    assert rest[-1] == ":irc.home.test PONG irc.home.test :after"


def test_who_leaves_between_the_pieces_is_left_out(net: Net) -> None:
    me = net.join("me", channels="#c")
    members = crowd(net, 150)
    slow = Slow(me)
    me.says("WHO #c")
    members[-1].says("PART #c")
    members[-2].says("QUIT")
    assert told(me.heard() + slow.reads(me) + slow.reads(me)) == 149
    me.says("WHO *")
    members[-3].says("QUIT")
    assert told(me.heard() + slow.reads(me) + slow.reads(me)) == 149


def test_a_labelled_answer_in_pieces_is_one_batch(net: Net) -> None:
    me = net.join("me", caps="labeled-response batch message-tags", channels="#c")
    crowd(net, 100)
    slow = Slow(me)
    me.says("@label=x WHO #c")
    lines = me.heard() + slow.reads(me)
    messages = [Message.parse(line) for line in lines]
    assert messages[0].command == "BATCH"
    assert messages[0].tags["label"] == "x"
    name = messages[0].params[0][1:]
    assert all(message.tags["batch"] == name for message in messages[1:-1])
    assert messages[-1].params == [f"-{name}"]
    assert len(messages) == 1 + 101 + 1 + 1
