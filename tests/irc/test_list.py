"""LIST and its conditions (Modern IRC: LIST message, RPL_ISUPPORT ELIST)."""

from __future__ import annotations

import pytest

from tests.irc.talk import Client, Net
from wirespeak.irc.elist import CONDITIONS
from wirespeak.irc.limits import UNLIMITED, ServerLimits


def channels_told(client: Client, line: str) -> list[str]:
    """What LIST tells: the names, between its start and its end."""
    start, *rows, end = client.asks(line)
    assert start == f":irc.home.test 321 {client.nick} Channel :Users  Name"
    assert end == f":irc.home.test 323 {client.nick} :End of /LIST"
    assert all(row.startswith(f":irc.home.test 322 {client.nick} ") for row in rows)
    return [row.split(" ")[3] for row in rows]


@pytest.fixture
def net() -> Net:
    """#old (2 hours, two members, topic of 30 minutes), #new (10 minutes, one), #Help (10 minutes, three, topic of 5 minutes)."""
    net = Net(limits=ServerLimits(burst=UNLIMITED, ping_after=UNLIMITED))
    ann = net.join("ann", channels="#old")
    net.join("bob", channels="#old")
    net.passes(5400)
    ann.says("TOPIC #old :It was always so")
    net.passes(1200)
    cid = net.join("cid", channels="#new,#Help")
    net.join("dan", channels="#Help")
    net.join("eve", channels="#Help")
    net.passes(300)
    cid.says("TOPIC #help :Ask")
    net.passes(300)
    return net


def test_all_channels_with_members_and_topic(net: Net) -> None:
    zoe = net.join("zoe")
    zoe.says("LIST")
    zoe.hears(
        ":irc.home.test 321 zoe Channel :Users  Name",
        ":irc.home.test 322 zoe #old 2 :It was always so",
        ":irc.home.test 322 zoe #new 1 :",
        ":irc.home.test 322 zoe #Help 3 …Ask",
        ":irc.home.test 323 zoe :End of /LIST",
    )


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("LIST #new", ["#new"]),
        ("LIST #help,#new,#HELP,#nowhere", ["#Help", "#new"]),
        ("LIST #nowhere", []),
        ("LIST >1", ["#old", "#Help"]),
        ("LIST <3", ["#old", "#new"]),
        ("LIST >1,<3", ["#old"]),
        ("LIST <1", []),
        ("LIST *", ["#old", "#new", "#Help"]),
        ("LIST *E*", ["#new", "#Help"]),
        ("LIST #?ew", ["#new"]),
        ("LIST #o*,#n*", ["#old", "#new"]),
        ("LIST #o*,#help", ["#old", "#Help"]),
        ("LIST !*e*", ["#old"]),
        ("LIST !#old,!#new", ["#Help"]),
        ("LIST *e*,!#new", ["#Help"]),
        ("LIST *e* >2", ["#Help"]),
        ("LIST #help,#new <2", ["#new"]),
        ("LIST C<60", ["#new", "#Help"]),
        ("LIST C>60", ["#old"]),
        ("LIST c>1", ["#old", "#new", "#Help"]),
        ("LIST T<10", ["#Help"]),
        ("LIST T>10", ["#old"]),
        ("LIST t<600", ["#old", "#Help"]),
        ("LIST >x", []),
        ("LIST :", ["#old", "#new", "#Help"]),
        ("LIST ,,", ["#old", "#new", "#Help"]),
    ],
)
def test_conditions(net: Net, line: str, names: list[str]) -> None:
    assert channels_told(net.join("zoe"), line) == names


def test_a_secret_channel_is_told_to_members_and_operators_of_the_server_alone(net: Net) -> None:
    ann, zoe, oper = net.clients[0], net.join("zoe"), net.join("oper")
    oper.user.oper = object()
    ann.asks("MODE #old +s")
    assert channels_told(zoe, "LIST") == ["#new", "#Help"]
    assert channels_told(zoe, "LIST #old") == []
    assert channels_told(zoe, "LIST *d*") == []
    assert channels_told(ann, "LIST #old") == ["#old"]
    assert channels_told(oper, "LIST") == ["#old", "#new", "#Help"]


def test_a_long_list_waits_for_its_reader() -> None:
    net = Net()
    makers = [net.join(f"maker{number}") for number in range(10)]
    for number, maker in enumerate(makers):
        maker.asks(*("JOIN " + ",".join(f"#{number}-{start + each}" for each in range(20)) for start in range(0, 60, 20)))
    zoe = net.join("zoe")
    assert len(channels_told(zoe, "LIST")) == 600
    zoe.says("LIST", "PING x")
    lines = zoe.heard()
    assert [number for number, line in enumerate(lines) if " PONG " in line] == [602], "the next command waited for the end"


def test_no_more_conditions_are_held_against_every_channel_than_there_is_room_for(net: Net) -> None:
    zoe = net.join("zoe")
    masks = ",".join(f"*no{number}*" for number in range(CONDITIONS))
    assert channels_told(zoe, f"LIST {masks},#new") == []
    assert channels_told(zoe, f"LIST #new,{masks}") == ["#new"]
