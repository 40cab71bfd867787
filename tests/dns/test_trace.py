"""The way from the root to an answer: who is asked, what is believed, and where it ends. In memory, with zones of our own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.dns.scripted import Script, authoritative, pieces, reply
from tests.dns.zones import zone
from wirespeak.dns.authority import answer
from wirespeak.dns.client import BlockingClient
from wirespeak.dns.exchange import Manner, Server
from wirespeak.dns.hosts import Settings
from wirespeak.dns.messages import Message
from wirespeak.dns.names import ROOT, Name
from wirespeak.dns.registry import Rcode, Type
from wirespeak.dns.stub import Stub
from wirespeak.dns.trace import MAX_QUESTIONS, MAX_SERVERS, Delegation, Step
from wirespeak.dns.zone import Zone, Zones
from wirespeak.errors import ConnectError, LimitExceeded, RemoteProtocolError
from wirespeak.sockets.memory import MemoryNetwork

ROOT_SERVER, TEST_SERVER, HOME_SERVER = "192.0.2.1", "192.0.2.2", "192.0.2.3"

ROOT_ZONE = zone(
    ".",
    """
        @  SOA ns.root. admin.root. 1 7200 900 1209600 300
        @  NS ns.root.
        ns.root. A 192.0.2.1
        test. NS ns.test.
        ns.test. A 192.0.2.2
        net. NS ns.test.
    """,
)
TEST = zone(
    "test.",
    """
        @ SOA ns admin 1 7200 900 1209600 300
        @ NS ns
        ns A 192.0.2.2
        home NS ns.home
        ns.home A 192.0.2.3
        lab NS ns.net.
    """,
)
NET = zone(
    "net.",
    """
    @ SOA ns.test. admin 1 7200 900 1209600 300
    @ NS ns.test.
    ns A 192.0.2.3
    """,
)
HOME = zone(
    "home.test.",
    """
    @ SOA ns admin 1 7200 900 1209600 300
    @ NS ns
    ns A 192.0.2.3
    www A 127.0.0.1
    away CNAME www.lab.test.
    round CNAME round.lab.test.
    """,
)
LAB = zone(
    "lab.test.",
    """
    @ SOA ns.net. admin 1 7200 900 1209600 300
    @ NS ns.net.
    www A 127.0.0.2
    round CNAME round.home.test.
    """,
)


class _Responder:
    def __init__(self, script: Script, *, recursive: bool = False) -> None:
        self._script = script
        self._recursive = recursive
        self.asked: list[str] = []

    def answer(self, data: bytes, peer: Any, now: float) -> bytes | None:
        query = Message.parse(data)
        self.asked.append(str(query.questions[0].name))
        assert query.rd is self._recursive  # RFC 1034 5.3.3: who walks does not want others to
        return next(iter(pieces(self._script(query, "udp"))), None)


def serving(*zones: Zone) -> Script:
    """A server of these zones."""
    held = Zones(list(zones))
    return lambda query, _: answer(held, query)


class World:
    """A little internet. Servers are added, or put in another's place, by address."""

    def __init__(self, **changed: Script) -> None:
        scripts = {ROOT_SERVER: serving(ROOT_ZONE), TEST_SERVER: serving(TEST, NET), HOME_SERVER: serving(HOME, LAB)}
        scripts |= {f"192.0.2.{host.removeprefix('at_')}": script for host, script in changed.items()}
        self.responders = {host: _Responder(script) for host, script in scripts.items()}
        self.roots = Delegation(ROOT, {Name.parse("ns.root"): [ROOT_SERVER]})

    def client_of(self, system: str) -> BlockingClient:
        """A client whose system asks the name server at that address."""
        network = MemoryNetwork(responders={(host, 53): responder for host, responder in self.responders.items()})
        numbers = itertools.count(1)
        return BlockingClient(network, Stub(Settings([Server(system)]), lambda size: next(numbers).to_bytes(size)))

    def trace(self, name: str, type: str = "A") -> Iterator[Step]:
        return self.client_of("192.0.2.9").trace(name, type, roots=self.roots, manner=Manner(tries=1, timeout=1.0))

    def __call__(self, name: str, type: str = "A") -> list[Step]:
        return list(self.trace(name, type))


def told(steps: list[Step]) -> list[tuple[str, str, str]]:
    """Of each step on the way itself: zone, server, what came of it."""
    return [(str(step.zone), step.server.host, step.kind) for step in steps if not step.depth]


def test_from_the_root_to_the_answer() -> None:
    steps = World()("www.home.test")
    assert told(steps) == [
        (".", ROOT_SERVER, "referral"),
        ("test.", TEST_SERVER, "referral"),
        ("home.test.", HOME_SERVER, "answer"),
    ]
    assert steps[0].next is not None
    assert (str(steps[0].next.zone), steps[0].next.servers) == ("test.", {Name.parse("ns.test"): [TEST_SERVER]})
    assert [str(record) for record in steps[-1].records] == ["www.home.test. 3600 IN A 127.0.0.1"]


def test_the_address_of_a_name_server_may_need_a_way_of_its_own() -> None:
    steps = World()("www.lab.test")
    assert told(steps) == [
        (".", ROOT_SERVER, "referral"),
        ("test.", TEST_SERVER, "referral"),
        ("lab.test.", HOME_SERVER, "answer"),
    ]
    beside = [(str(step.name), step.kind, step.depth) for step in steps if step.depth]
    assert beside[:2] == [("ns.net.", "referral", 1), ("ns.net.", "answer", 1)]


def test_an_alias_into_another_zone_begins_at_the_root_again() -> None:
    steps = [step for step in World()("away.home.test") if not step.depth]
    assert [step.kind for step in steps] == ["referral", "referral", "alias", "referral", "referral", "answer"]
    assert [str(record.rdata) for record in steps[-1].records] == ["127.0.0.2"]


def test_aliases_in_a_circle() -> None:
    with pytest.raises(RemoteProtocolError, match="circle"):
        World()("round.home.test")


@pytest.mark.parametrize(("name", "type", "kind"), [("no.home.test", "A", "no such name"), ("www.home.test", "MX", "no data")])
def test_what_is_not_there(name: str, type: str, kind: str) -> None:
    assert World()(name, type)[-1].kind == kind


def test_the_system_tells_of_the_roots_where_none_are_given() -> None:
    def system(query: Message, transport: str) -> Message:
        question = query.questions[0]
        if question.type == Type.NS and question.name == ROOT:
            return reply(query, ". 60 IN NS ns.root.")
        return reply(query, "ns.root. 60 IN A 192.0.2.1")

    world = World()
    world.responders["192.0.2.9"] = _Responder(system, recursive=True)
    roots = world.client_of("192.0.2.9").trace("www.home.test")
    assert [step.kind for step in roots] == ["referral", "referral", "answer"]


# --- servers that do not help


def test_the_next_server_of_a_zone_is_asked_where_one_is_silent_or_lame() -> None:
    """RFC 1034 5.3.3: a server that doesn't know the zone it should serve."""
    silent: Script = lambda query, _: None  # noqa: E731
    refusing: Script = lambda query, _: reply(query, rcode=Rcode.REFUSED)  # noqa: E731
    for script, kind in ((silent, "no answer"), (refusing, "lame")):
        world = World(at_9=script)
        world.roots.servers = {Name.parse("a.root"): ["192.0.2.9"], Name.parse("b.root"): [ROOT_SERVER]}
        assert [step.kind for step in world("www.home.test")] == [kind, "referral", "referral", "answer"]


def test_where_no_server_of_a_zone_helps_the_walk_ends() -> None:
    world = World(at_2=lambda query, _: reply(query, rcode=Rcode.SERVFAIL))
    steps = world.trace("www.home.test")
    assert next(steps).kind == "referral"
    assert next(steps).kind == "lame"
    with pytest.raises(ConnectError, match=r"none of the name servers of test\. helps: 1 addresses were asked"):
        next(steps)


def test_a_zone_whose_only_server_is_inside_it_and_has_no_address() -> None:
    world = World(at_2=lambda query, _: reply(query, authority=["home.test. 60 IN NS ns.home.test."], flags=0))
    with pytest.raises(ConnectError, match=r"the name servers of home\.test\. have no address that is known: ns\.home\.test\."):
        world("www.home.test")


# --- what is believed of a referral


@pytest.mark.parametrize(
    "zone_told_of",
    [
        ".",  # up
        "test.",  # to itself
        "lab.test.",  # sideways
        "com.",  # away
        "www.home.test.evil.",
    ],
)
def test_a_referral_leads_down_towards_the_name_or_nowhere(zone_told_of: str) -> None:
    glue = ["ns.test. 60 IN A 192.0.2.9"]
    world = World(
        at_2=lambda query, _: reply(query, authority=[f"{zone_told_of} 60 IN NS ns.test."], additional=glue, flags=0),
        at_9=lambda query, _: authoritative(query, "www.home.test. 60 IN A 127.6.6.6"),
    )
    steps = world.trace("www.home.test")
    assert [next(steps).kind, next(steps).kind] == ["referral", "lame"]
    with pytest.raises(ConnectError):
        next(steps)
    assert world.responders["192.0.2.9"].asked == []


def test_addresses_of_names_outside_of_its_own_zone_are_not_taken_from_a_server() -> None:
    """RFC 5452 6: the server of test. can't know an address beneath com."""
    glue = ["ns.com. 60 IN A 192.0.2.9", "other.test. 60 IN A 192.0.2.9"]
    world = World(
        at_2=lambda query, _: reply(query, authority=["home.test. 60 IN NS ns.com."], additional=glue, flags=0),
        at_9=lambda query, _: authoritative(query, "www.home.test. 60 IN A 127.6.6.6"),
    )
    with pytest.raises(ConnectError):
        world("www.home.test")
    assert world.responders["192.0.2.9"].asked == []


def test_of_an_answer_only_what_is_in_the_servers_own_zone_is_taken() -> None:
    """The server of home.test. says where www.lab.test. is; who serves lab.test. is asked all the same."""
    evil = ("away.home.test. 60 IN CNAME www.lab.test.", "www.lab.test. 60 IN A 127.6.6.6")
    home, lab = serving(HOME), serving(LAB)

    def script(query: Message, transport: str) -> Any:
        name = query.questions[0].name
        if name == Name.parse("away.home.test"):
            return authoritative(query, *evil)
        return (lab if name.is_beneath(Name.parse("lab.test")) else home)(query, transport)

    steps = World(at_3=script)("away.home.test")
    assert [str(record.rdata) for record in steps[-1].records] == ["127.0.0.2"]


def test_a_delegation_to_hundreds_of_names_costs_few_questions() -> None:
    """CVE-2020-12662: each of them would have to be looked up, in a zone that delegates to hundreds more."""

    def script(query: Message, transport: str) -> Message:
        name = query.questions[0].name
        cut = Name.parse(f"{name.labels[-2].decode()}.test")
        return reply(
            query, authority=[f"{cut} 60 IN NS ns{number}.{cut.labels[0].decode()}{number}.test." for number in range(300)], flags=0
        )

    world = World(at_2=script)
    steps = world.trace("www.home.test")
    next(steps)
    step = next(steps)
    assert step.next is not None
    assert len(step.next.servers) == MAX_SERVERS
    with pytest.raises((ConnectError, LimitExceeded)):
        list(steps)
    asked = sum(len(responder.asked) for responder in world.responders.values())
    assert MAX_SERVERS < asked <= MAX_QUESTIONS


def test_a_chain_of_delegations_to_names_in_each_other() -> None:
    """home.test.'s server is in lab.test., and lab.test.'s in home.test.: neither can be found."""

    def script(query: Message, transport: str) -> Message:
        inside = query.questions[0].name.is_beneath(Name.parse("home.test"))
        here, there = ("home", "lab") if inside else ("lab", "home")
        return reply(query, authority=[f"{here}.test. 60 IN NS ns.{there}.test."], flags=0)

    with pytest.raises((ConnectError, LimitExceeded)):
        World(at_2=script)("www.home.test")


def test_the_types_that_are_asked_for_on_the_way() -> None:
    steps = World()("home.test", "SOA")
    assert [(step.kind, Type(step.type)) for step in steps] == [("referral", Type.SOA), ("referral", Type.SOA), ("answer", Type.SOA)]
