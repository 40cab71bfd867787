"""A name looked up as programs do: what is known without asking, what is asked, and what is kept. In memory, on a simulated clock."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.dns.scripted import Script, cut_short, pieces, reply
from wirespeak.contract import Ask, Drop
from wirespeak.dns.cache import Cache, Found
from wirespeak.dns.exchange import Server
from wirespeak.dns.hosts import Hosts, Settings
from wirespeak.dns.messages import Message
from wirespeak.dns.names import Name
from wirespeak.dns.registry import Rcode, Type
from wirespeak.dns.stub import MAX_CHAIN, Lookup, Stub, records_for, reverse_name
from wirespeak.errors import HostNotFound, RemoteProtocolError, TextError, TimeoutError
from wirespeak.sockets.blocking import run
from wirespeak.sockets.memory import MemoryNetwork

SOA = "home.test. 3600 IN SOA ns.home.test. admin.home.test. 1 7200 900 1209600 60"


def counting() -> Any:
    numbers = itertools.count(1)
    return lambda size: next(numbers).to_bytes(size)


class World:
    """A network in memory with scripted name servers, and a stub on it."""

    def __init__(self, *scripts: Script, settings: str = "", hosts: str = "") -> None:
        self.asked: list[tuple[str, str]] = []
        """What the servers were asked: name and type."""
        self.hosts: list[str] = []
        self.network = MemoryNetwork()
        lines = ""
        for number, script in enumerate(scripts, 1):
            host = f"192.0.2.{number}"
            lines += f"nameserver {host}\n"
            self.network.responders[host, 53] = _Answering(self, host, script)
        self.stub = Stub(Settings.parse(lines + settings), counting(), hosts=Hosts.parse(hosts))

    def look_up(self, name: str, *types: str) -> Lookup:
        lookup = self.stub.find(name, [Type[type] for type in types])
        run(self.network.inquire(lookup))
        return lookup

    def __call__(self, name: str, type: str = "A") -> Found:
        lookup = self.look_up(name, type)
        if lookup.failure is not None:
            raise lookup.failure
        return lookup.found[Type[type]]


class _Answering:
    def __init__(self, world: World, host: str, script: Script) -> None:
        self._world = world
        self._host = host
        self._script = script

    def answer(self, data: bytes, peer: Any, now: float) -> bytes | None:
        query = Message.parse(data)
        question = query.questions[0]
        self._world.asked.append((str(Name(question.name.key)), Type(question.type).name))
        self._world.hosts.append(self._host)
        return next(iter(pieces(self._script(query, "udp"))), None)


def holding(*records: str) -> Script:
    """A server that knows these records, and that there are no others in home.test."""

    def script(query: Message, transport: str) -> Message:
        asked = query.questions[0]
        owners = {Name.parse(record.split()[0]) for record in records}
        found = [
            record
            for record in records
            if Name.parse(record.split()[0]) == asked.name and record.split()[3] in (Type(asked.type).name, "CNAME")
        ]
        rcode = Rcode.NOERROR if asked.name in owners else Rcode.NXDOMAIN
        return reply(query, *found, authority=() if found else [SOA], rcode=rcode)

    return script


# --- one name


def test_records_of_a_name() -> None:
    world = World(holding("home.test. 300 IN MX 10 mail.home.test.", "home.test. 300 IN MX 20 mail2.home.test."))
    found = world("home.test.", "MX")
    assert found.texts == ["10 mail.home.test.", "20 mail2.home.test."]
    assert (str(found.canonical), found.rcode, found.server) == ("home.test.", 0, "192.0.2.1:53")


def test_the_name_is_asked_for_in_letters_of_random_case_and_shown_in_those_it_was_given() -> None:
    raw: list[bytes] = []

    def script(query: Message, transport: str) -> Message:
        raw.append(query.questions[0].name.wire)
        return reply(query, f"{query.questions[0].name} 300 IN A 127.0.0.1")

    world = World(script)
    world.stub = Stub(world.stub.settings, lambda size: b"\xff" * size)
    found = world("www.home.test.")
    assert raw == [Name.parse("WWW.HOME.TEST").wire]
    assert str(found.records[0]) == "www.home.test. 300 IN A 127.0.0.1"


def test_a_name_that_does_not_exist_and_one_without_such_records() -> None:
    world = World(holding("home.test. 300 IN A 127.0.0.1"))
    missing, empty = world("no.home.test."), world("home.test.", "MX")
    assert (bool(missing), missing.rcode) == (False, Rcode.NXDOMAIN)
    assert (bool(empty), empty.rcode) == (False, Rcode.NOERROR)


def test_what_is_no_name() -> None:
    lookup = World().look_up("a..b", "A")
    assert isinstance(lookup.failure, HostNotFound)
    assert lookup.done


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.1", "1.2.0.192.in-addr.arpa."),
        ("2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."),
    ],
)
def test_the_name_of_an_address(address: str, name: str) -> None:
    """RFC 1035 3.5, RFC 3596 2.5."""
    assert str(reverse_name(address)) == name


def test_what_is_no_address_has_no_reverse_name() -> None:
    with pytest.raises(TextError):
        reverse_name("127.1")


# --- aliases


def test_an_alias_and_what_it_leads_to_in_one_answer() -> None:
    world = World(lambda query, _: reply(query, "www.home.test. 60 IN CNAME home.test.", "home.test. 300 IN A 127.0.0.1"))
    found = world("www.home.test.")
    assert (found.texts, str(found.canonical), len(found.chain)) == (["127.0.0.1"], "home.test.", 1)


def test_an_alias_whose_end_has_to_be_asked_for() -> None:
    world = World(
        holding("www.home.test. 60 IN CNAME web.home.test.", "web.home.test. 60 IN CNAME home.test.", "home.test. 300 IN A 127.0.0.1")
    )
    found = world("www.home.test.")
    assert found.texts == ["127.0.0.1"]
    assert [str(alias.name) for alias in found.chain] == ["www.home.test.", "web.home.test."]
    assert [name for name, _ in world.asked] == ["www.home.test.", "web.home.test.", "home.test."]


def test_an_alias_that_is_asked_for_is_not_followed() -> None:
    world = World(holding("www.home.test. 60 IN CNAME home.test."))
    assert world("www.home.test.", "CNAME").texts == ["home.test."]
    assert len(world.asked) == 1


def test_an_alias_of_a_name_that_does_not_exist() -> None:
    world = World(lambda query, _: reply(query, "www.home.test. 60 IN CNAME no.home.test.", authority=[SOA], rcode=Rcode.NXDOMAIN))
    found = world("www.home.test.")
    assert (bool(found), found.rcode, str(found.canonical)) == (False, Rcode.NXDOMAIN, "no.home.test.")


@pytest.mark.parametrize("size", [1, 2, 5])
def test_aliases_in_a_circle(size: int) -> None:
    names = [f"{number}.home.test." for number in range(size)]
    circle = [f"{name} 60 IN CNAME {names[(number + 1) % size]}" for number, name in enumerate(names)]
    for world in (World(holding(*circle)), World(lambda query, _: reply(query, *circle))):
        with pytest.raises(RemoteProtocolError, match=r"circle"):
            world(names[0])
        assert len(world.asked) <= size


def test_aliases_without_end() -> None:
    def script(query: Message, transport: str) -> Message:
        name = query.questions[0].name
        number = int(name.labels[0])
        return reply(query, f"{name} 60 IN CNAME {number + 1}.home.test.")

    world = World(script)
    with pytest.raises(RemoteProtocolError, match="more than 11 names"):
        world("1.home.test.")
    assert len(world.asked) == MAX_CHAIN + 1
    long = [f"{number}.home.test. 60 IN CNAME {number + 1}.home.test." for number in range(100)]
    with pytest.raises(RemoteProtocolError, match="more than 11 aliases"):
        World(lambda query, _: reply(query, *long))("0.home.test.")


def test_what_was_not_asked_for_is_not_taken() -> None:
    """CVE-2025-40778: records beside the chain from the name asked to its end are dropped, and never kept."""
    answer = (
        "bank.test. 86400 IN A 127.6.6.6",
        "www.home.test. 300 IN AAAA ::6",
        "www.home.test. 300 CH A 127.6.6.6",
        "www.home.test. 300 IN A 127.0.0.1",
    )
    more = ["home.test. 86400 IN NS ns.evil.test."], ["bank.test. 86400 IN A 127.6.6.6"]
    world = World(lambda query, _: reply(query, *answer, authority=more[0], additional=more[1]))
    assert world("www.home.test.").texts == ["127.0.0.1"]
    assert len(world.stub.cache) == 1
    assert world.stub.cache.get(Name.parse("bank.test"), Type.A, 0.0) is None


# --- known without asking


def test_localhost_is_this_machine_whoever_is_asked() -> None:
    """RFC 6761 6.3."""
    world = World(lambda query, _: reply(query, f"{query.questions[0].name} 300 IN A 127.6.6.6"))
    assert world("localhost").texts == world("a.b.LocalHost.").texts == ["127.0.0.1"]
    assert world("localhost", "AAAA").texts == ["::1"]
    assert not world("localhost", "MX")
    assert world.asked == []


@pytest.mark.parametrize("name", ["nowhere.invalid", "expyuzz4wqqyqhjn.onion."])
def test_names_that_are_asked_of_nobody(name: str) -> None:
    """RFC 6761 6.4, RFC 7686 2."""
    world = World(holding(), settings="search home.test\noptions ndots:3")
    assert world(name).rcode == Rcode.NXDOMAIN
    assert world.asked == []


def test_an_alias_can_not_lead_the_stub_to_ask_for_them() -> None:
    world = World(lambda query, _: reply(query, "www.home.test. 60 IN CNAME x.invalid."))
    assert world("www.home.test.").rcode == Rcode.NXDOMAIN
    assert len(world.asked) == 1


def test_the_hosts_file_comes_first() -> None:
    hosts = """
    127.0.0.5   www.home.test web   # ours
    ::5         www.home.test
    300.1.1.1   broken.home.test
    127.0.0.6   bad..name good.home.test
    127.0.0.7
    """
    world = World(holding("x.home.test. 300 IN A 127.0.0.1"), hosts=hosts, settings="search home.test")
    assert world("WWW.home.test").texts == ["127.0.0.5"]
    assert world("www.home.test.", "AAAA").texts == ["::5"]
    assert world("web").texts == ["127.0.0.5"]
    assert not world("web", "AAAA")
    assert world.asked == []
    assert world("broken.home.test").rcode == Rcode.NXDOMAIN
    assert world("www.home.test", "MX").rcode == Rcode.NXDOMAIN  # the file knows addresses alone


# --- the search list


def test_a_short_name_is_tried_with_each_name_of_the_search_list_and_then_as_it_is() -> None:
    world = World(holding("www.home.test. 300 IN A 127.0.0.1"), settings="search lab.test home.test")
    assert str(world("www").records[0].name) == "www.home.test."
    assert [name for name, _ in world.asked] == ["www.lab.test.", "www.home.test."]
    assert world("none").rcode == Rcode.NXDOMAIN
    assert [name for name, _ in world.asked[2:]] == ["none.lab.test.", "none.home.test.", "none."]


def test_a_name_with_dots_is_tried_as_it_is_first() -> None:
    """resolv.conf(5), ndots."""
    world = World(holding("a.b.home.test. 300 IN A 127.0.0.1"), settings="search home.test")
    assert world("a.b").texts == ["127.0.0.1"]
    assert [name for name, _ in world.asked] == ["a.b.", "a.b.home.test."]
    world = World(holding("a.b.home.test. 300 IN A 127.0.0.1"), settings="search home.test\noptions ndots:2")
    assert world("a.b").texts == ["127.0.0.1"]
    assert [name for name, _ in world.asked] == ["a.b.home.test."]


def test_a_dot_at_the_end_means_that_name_and_no_other() -> None:
    world = World(holding("www.home.test. 300 IN A 127.0.0.1"), settings="search home.test")
    assert world("www.").rcode == Rcode.NXDOMAIN
    assert [name for name, _ in world.asked] == ["www."]


def test_of_names_without_records_one_that_exists_is_told_of() -> None:
    world = World(holding("www.home.test. 300 IN MX 1 mail.home.test."), settings="search home.test lab.test")
    found = world("www")
    assert (str(found.name), found.rcode, bool(found)) == ("www.home.test.", Rcode.NOERROR, False)
    assert len(world.asked) == 3


def test_where_a_server_can_not_tell_no_other_name_takes_the_place() -> None:
    def script(query: Message, transport: str) -> Message:
        name = query.questions[0].name
        return reply(query, rcode=Rcode.SERVFAIL) if name == Name.parse("www.home.test") else reply(query, f"{name} 300 IN A 127.6.6.6")

    world = World(script, settings="search home.test lab.test")
    assert world("www").rcode == Rcode.SERVFAIL
    assert len(world.asked) == 1


def test_a_name_that_gets_too_long_with_one_of_the_list_is_not_tried_with_it() -> None:
    label = "a" * 63
    long = ".".join([label] * 3)
    world = World(holding(), settings=f"search {label}.{label} test\noptions ndots:9")
    assert world(long).rcode == Rcode.NXDOMAIN
    assert [name for name, _ in world.asked] == [f"{long}.test.", f"{long}."]


# --- the servers


def test_the_next_server_is_asked_after_silence_or_failure() -> None:
    good = holding("home.test. 300 IN A 127.0.0.1")
    for bad in (lambda query, _: None, lambda query, _: reply(query, rcode=Rcode.REFUSED)):
        world = World(bad, good)
        assert world("home.test").texts == ["127.0.0.1"]
        assert world.hosts == ["192.0.2.1", "192.0.2.2"]


def test_silence_takes_as_long_as_the_settings_say() -> None:
    world = World(lambda query, _: None, lambda query, _: None, settings="options timeout:2 attempts:3")
    with pytest.raises(TimeoutError):
        world("home.test")
    assert (world.network.now(), len(world.asked)) == (12.0, 6)


def test_servers_share_the_work_where_they_shall() -> None:
    good = holding(*(f"{number}.home.test. 300 IN A 127.0.0.1" for number in range(4)))
    world = World(good, good, settings="options rotate")
    for number in range(4):
        world(f"{number}.home.test")
    assert sorted(world.hosts) == ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"]


def test_an_answer_cut_short_where_there_is_no_tcp() -> None:
    world = World(lambda query, _: cut_short(query), holding("home.test. 300 IN A 127.0.0.1"))
    assert world("home.test").texts == ["127.0.0.1"]


# --- what is kept


def test_an_answer_is_kept_for_its_ttl() -> None:
    world = World(holding("home.test. 300 IN A 127.0.0.1"))
    world("home.test")
    run(world.network.sleep(100))
    found = world("HOME.test")
    assert (found.records[0].ttl, found.server, str(found.records[0].name)) == (200, "the cache", "home.test.")
    run(world.network.sleep(199.5))
    assert world("home.test").records[0].ttl == 1
    assert len(world.asked) == 1
    run(world.network.sleep(0.5))
    assert world("home.test").records[0].ttl == 300
    assert len(world.asked) == 2


def test_a_chain_is_kept_as_long_as_its_shortest_link() -> None:
    world = World(lambda query, _: reply(query, "www.home.test. 10 IN CNAME home.test.", "home.test. 300 IN A 127.0.0.1"))
    world("www.home.test.")
    run(world.network.sleep(10))
    world("www.home.test.")
    assert len(world.asked) == 2


def test_a_ttl_of_zero_is_not_kept() -> None:
    world = World(holding("home.test. 0 IN A 127.0.0.1"))
    world("home.test")
    world("home.test")
    assert (len(world.asked), len(world.stub.cache)) == (2, 0)


def test_that_there_is_nothing_is_kept_as_long_as_the_soa_says() -> None:
    """RFC 2308 5: the smaller of its TTL and its last field."""
    world = World(holding("home.test. 300 IN A 127.0.0.1"))
    for _ in range(2):
        assert world("home.test.", "MX").rcode == Rcode.NOERROR
        assert world("home.test.", "A").texts
    assert len(world.asked) == 2
    run(world.network.sleep(60))
    world("home.test.", "MX")
    assert len(world.asked) == 3


def test_a_name_that_does_not_exist_has_no_records_of_any_type() -> None:
    """RFC 2308 5."""
    world = World(holding())
    assert world("no.home.test.").rcode == Rcode.NXDOMAIN
    assert world("no.home.test.", "MX").rcode == Rcode.NXDOMAIN
    assert world.asked == [("no.home.test.", "A")]


def test_without_a_soa_of_its_own_zone_nothing_is_not_kept() -> None:
    """RFC 2308 5."""
    for authority in ([], [SOA.replace("home.test.", "other.test.", 1)]):
        world = World(lambda query, _, authority=authority: reply(query, authority=authority))
        world("home.test.")
        world("home.test.")
        assert len(world.asked) == 2


def test_a_failure_is_not_kept() -> None:
    world = World(lambda query, _: reply(query, authority=[SOA], rcode=Rcode.SERVFAIL))
    world("home.test.")
    world("home.test.")
    assert len(world.asked) == 2


def test_what_is_kept_is_bounded() -> None:
    cache = Cache(size=3)
    for number in range(10):
        name = Name.parse(f"{number}.home.test")
        answer = reply(Message.query(name, Type.A), f"{number}.home.test. 300 IN A 127.0.0.1")
        chain, records = records_for(answer, name, Type.A)
        cache.put(Found(name, Type.A, 0, tuple(chain), tuple(records)), answer, 0.0)
        assert len(cache) <= 3
    assert cache.get(Name.parse("9.home.test"), Type.A, 1.0)
    assert cache.get(Name.parse("6.home.test"), Type.A, 1.0) is None


# --- both families at once


def asks(commands: list[Ask | Drop]) -> dict[int, tuple[int, Message]]:
    """By type, the conversation and the question."""
    found = {}
    for command in commands:
        if isinstance(command, Ask):
            query = Message.parse(command.data)
            found[query.questions[0].type] = (command.key, query)
    return found


def test_both_families_are_asked_for_at_once_and_each_is_told_of_as_it_comes() -> None:
    """RFC 8305 3."""
    lookup = Stub(Settings(), counting()).look_up("www.home.test")
    asked = asks(lookup.start(0.0))
    assert set(asked) == {Type.A, Type.AAAA}
    key, query = asked[Type.A]
    lookup.heard(key, reply(query, f"{query.questions[0].name} 300 IN A 127.0.0.1").encode(), 0.1)
    assert (dict(lookup.addresses), lookup.done) == ({4: ["127.0.0.1"]}, False)
    key, query = asked[Type.AAAA]
    lookup.heard(key, reply(query, f"{query.questions[0].name} 300 IN AAAA ::1").encode(), 0.2)
    assert (dict(lookup.addresses), lookup.done, lookup.error) == ({4: ["127.0.0.1"], 6: ["::1"]}, True, None)


def test_both_families_are_of_one_name() -> None:
    """Where the first name of the list has an IPv4 address, the IPv6 address of the second is another machine's."""
    world = World(holding("www.home.test. 300 IN A 127.0.0.1", "www.lab.test. 300 IN AAAA ::6"), settings="search home.test lab.test")
    lookup = world.look_up("www", "AAAA", "A")
    assert dict(lookup.addresses) == {4: ["127.0.0.1"], 6: []}
    assert {name for name, _ in world.asked} == {"www.home.test."}


def test_one_family_that_is_not_answered_does_not_take_the_other_away() -> None:
    world = World(lambda query, _: reply(query, "www.home.test. 300 IN A 127.0.0.1") if query.questions[0].type == Type.A else None)
    lookup = world.look_up("www.home.test.", "AAAA", "A")
    assert dict(lookup.addresses) == {4: ["127.0.0.1"]}
    assert lookup.error is None


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (holding(), "no such name"),
        (holding("www.home.test. 300 IN MX 1 home.test."), "has no address"),
        (lambda query, _: reply(query, rcode=Rcode.REFUSED), "the name server says REFUSED"),
    ],
)
def test_why_there_are_no_addresses(script: Script, told: str) -> None:
    error = World(script).look_up("www.home.test.", "AAAA", "A").error
    assert isinstance(error, HostNotFound)
    assert told in str(error)


# --- resolv.conf


def test_the_settings_of_a_machine() -> None:
    settings = Settings.parse(
        "# a comment\n; another\nnameserver 192.0.2.1\nnameserver 2001:db8::1\nnameserver ns.home.test\nnameserver\n"
        "domain first.test\nsearch home.test  bad..name lab.test\n"
        "options ndots:20 timeout:1 attempts:99 rotate use-vc edns0 ndots:x\nsortlist 1.2.3.4\n"
    )
    assert settings.servers == [Server("192.0.2.1"), Server("2001:db8::1")]
    assert list(map(str, settings.search)) == ["home.test.", "lab.test."]
    assert (settings.ndots, settings.timeout, settings.attempts, settings.rotate, settings.tcp) == (15, 1, 5, True, True)


def test_without_settings_this_machine_is_asked() -> None:
    assert Settings.parse("").servers == Settings().servers == [Server("127.0.0.1")]


def test_no_more_servers_and_names_than_ever_were_asked() -> None:
    settings = Settings.parse(
        "".join(f"nameserver 192.0.2.{n}\n" for n in range(9)) + "search " + " ".join(f"s{n}.test" for n in range(99))
    )
    assert (len(settings.servers), len(settings.search)) == (3, 6)
