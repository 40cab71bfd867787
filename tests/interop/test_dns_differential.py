"""Our name server answers as BIND, NSD and Knot do: the same questions asked of all four, about zones full of oddities.

The zones are in dns_zones/, the questions are made in dns_questions.py, and where the three differ among themselves
dns_rules.py says why, and what ours may do. Answers are read by dnspython, so that our own codec isn't trusted here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import dns.name
import dns.rdatatype as types
import pytest

from tests.interop import dns_zones
from tests.interop.dns_ask import Answer, Ask, read, tcp, udp
from tests.interop.dns_peers import DAEMONS, PEERS, NameServer, serving
from tests.interop.dns_questions import TCP, UDP, questions
from tests.interop.dns_rules import cut_faults, faults

pytestmark = pytest.mark.peer("dnssec-signzone", *DAEMONS.values())

OURS = "wirespeak"
SHOWN = 5  # of the differences found in a zone

ZONES = [(group, origin) for group in ("oddities", "root") for origin in dns_zones.origins(group)]
MOST = {"big.test.": 150, "parent.test.": 300}
"""Questions about a zone over each transport, where not 500: reading answers of many records takes its time."""


class Group:
    """Four servers with the same zones."""

    def __init__(self, zones: dict[str, Path], servers: dict[str, NameServer]) -> None:
        self.zones = zones
        self.servers = servers

    def ask(self, transport: Callable[[tuple[str, int], list[Ask]], list[bytes]], asks: list[Ask]) -> list[dict[str, Answer]]:
        """The answers of all servers, by their names, for each question."""
        answers = {name: [read(wire) for wire in transport(server.address, asks)] for name, server in self.servers.items()}
        return [{name: answers[name][number] for name in answers} for number in range(len(asks))]


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Group]]:
    """``group("root")`` serves the zones of that group with all four servers, until the module's end."""
    with contextlib.ExitStack() as stack:

        @cache
        def start(name: str) -> Group:
            folder = tmp_path_factory.mktemp(name)
            zones = dns_zones.build(name, folder / "zones")
            readers = PEERS if name != "historic" else ("bind",)
            return Group(zones, {each: stack.enter_context(serving(each, zones, folder / each)) for each in (*readers, OURS)})

        yield start


def told(differences: list[str]) -> str:
    more = f"\n… and {len(differences) - SHOWN} more" if len(differences) > SHOWN else ""
    return f"{len(differences)} differences\n\n" + "\n\n".join(differences[:SHOWN]) + more


def difference(ask: Ask, found: list[str], answers: dict[str, Answer]) -> str:
    return "\n".join([f"{ask}: {'; '.join(found)}", *(f"{name}: {answer}" for name, answer in answers.items())])


@pytest.mark.parametrize(("name", "origin"), ZONES)
def test_over_tcp_our_answers_are_theirs(group: Callable[[str], Group], name: str, origin: str) -> None:
    four = group(name)
    asks = questions(origin, four.zones[origin], TCP, MOST.get(origin, 500))
    differences = []
    for ask, answers in zip(asks, four.ask(tcp, asks), strict=True):
        ours = answers[OURS]
        found = faults(ask, {each: answers[each] for each in PEERS}, ours)
        if ours.question != ask.question:
            found.append("the question is not sent back as it came (RFC 1035 4.1.2)")
        if ours.repeats:
            found.append("a record stands twice in a section (RFC 2181 5)")
        if found:
            differences.append(difference(ask, found, answers))
    assert not differences, told(differences)


@pytest.mark.parametrize(("name", "origin"), ZONES)
def test_over_udp_they_are_the_same_or_cut_off_alike(group: Callable[[str], Group], name: str, origin: str) -> None:
    four = group(name)
    asks = questions(origin, four.zones[origin], UDP, MOST.get(origin, 500))
    wholes = [read(wire) for wire in tcp(four.servers[OURS].address, asks)]
    differences = []
    for ask, answers, whole in zip(asks, four.ask(udp, asks), wholes, strict=True):
        if found := cut_faults(ask, {each: answers[each] for each in PEERS}, answers[OURS], whole):
            differences.append(difference(ask, found, answers))
    assert not differences, told(differences)


def test_types_that_only_bind_can_read(group: Callable[[str], Group]) -> None:
    both = group("historic")
    ((origin, file),) = both.zones.items()
    lines = [line.split()[0] for line in file.read_text().splitlines() if line[0].isalnum()]
    names = [dns.name.from_text(name, dns.name.from_text(origin)) for name in lines]
    every = tcp(both.servers["bind"].address, [Ask(name, types.ANY) for name in names])
    asks = [Ask(name, kind) for name, wire in zip(names, every, strict=True) for kind in {kind for _, kind, *_ in read(wire).answer}]
    assert len(asks) >= len(names) > 30
    differences = []
    for ask, answers in zip(asks, both.ask(tcp, asks), strict=True):
        if answers["bind"].answer != answers[OURS].answer:
            differences.append(difference(ask, ["not the same answer"], answers))
    assert not differences, told(differences)


@pytest.mark.parametrize("transport", [udp, tcp])
def test_names_outside_of_all_zones_are_refused(
    group: Callable[[str], Group], transport: Callable[[tuple[str, int], list[Ask]], list[bytes]]
) -> None:
    four = group("oddities")
    names = [".", "test.", "example.", "elsewhere.test.", "www.elsewhere.test.", "xlongest.test.", "b.longest.tes."]
    asks = [
        Ask(dns.name.from_text(name), kind, rd=rd, payload=payload)
        for name in names
        for kind in (types.A, types.NS, types.SOA, types.DS, types.ANY)
        for rd in (False, True)
        for payload in (None, 1232)
    ]
    for ask, answers in zip(asks, four.ask(transport, asks), strict=True):
        assert not faults(ask, {each: answers[each] for each in PEERS}, answers[OURS]), difference(ask, [], answers)
