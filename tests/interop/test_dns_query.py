"""``wirespeak dns query`` against BIND, NSD, Knot and our own server: what it shows is what dnspython reads of the same answers."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype as types
import pytest

from tests.interop import dns_zones
from tests.interop.dns_ask import Ask, Record, read, tcp
from tests.interop.dns_peers import DAEMONS, PEERS, NameServer, serving
from tests.interop.dns_questions import owners
from tests.processes import free_port

pytestmark = pytest.mark.peer("dnssec-signzone", *DAEMONS.values())


@pytest.fixture(scope="module")
def zones(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return dns_zones.build("oddities", tmp_path_factory.mktemp("zones"))


@pytest.fixture(scope="module", params=[*PEERS, "wirespeak"])
def server(request: pytest.FixtureRequest, zones: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServer]:
    with serving(request.param, zones, tmp_path_factory.mktemp(request.param)) as started:
        yield started


def run(*words: str, code: int = 0) -> str:
    """What ``wirespeak dns query`` prints; AssertionError where it doesn't end with ``code``."""
    command = [sys.executable, "-m", "wirespeak", "dns", "query", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def query(server: NameServer, *words: str, code: int = 0) -> str:
    """The same, asking ``server``."""
    return run(f"@{server.host}", "-p", str(server.port), *words, code=code)


def answers(server: NameServer, *words: str, code: int = 0) -> list[dict[str, Any]]:
    """Its answers as data."""
    return [json.loads(line) for line in query(server, *words, "--json", code=code).splitlines()]


def records(shown: list[dict[str, Any]]) -> frozenset[Record]:
    """Records as the client shows them, read by dnspython from their text."""
    found = []
    for record in shown:
        kind, cls = types.from_text(record["type"]), dns.rdataclass.from_text(record["class"])
        text = record["data"]
        if kind in (types.NID, types.L64):  # dnspython wants the leading zeros that RFC 6742 2.1.2 lets out
            text = re.sub(r"\b[0-9a-f]{1,3}(?=:|$)", lambda group: group[0].zfill(4), text)
        rdata = dns.rdata.from_text(cls, kind, text)
        found.append((dns.name.from_text(record["name"]).to_digestable(), int(kind), int(cls), record["ttl"], rdata.to_digestable()))
    return frozenset(found)


@pytest.mark.parametrize(("how", "do"), [("--no-edns", False), ("+dnssec", True)])
@pytest.mark.parametrize("origin", ["types.test.", "names.test.", "nsec3.test."])
def test_every_record_of_a_zone_is_shown_as_it_is(
    server: NameServer, zones: dict[str, Path], tmp_path: Path, origin: str, how: str, do: bool
) -> None:
    names = {name: kinds for name, kinds in owners(origin, zones[origin]).items() if types.NSEC3 not in kinds}
    asked = [(name, kind) for name in sorted(names) for kind in sorted(names[name])]
    batch = tmp_path / "batch"
    batch.write_text("".join(f"{name} {types.RdataType.to_text(kind)}\n" for name, kind in asked))
    shown = answers(server, "-f", str(batch), how, "--no-cookie")
    asks = [Ask(name, kind, rd=True, payload=1232 if do else None, do=do) for name, kind in asked]
    for ask, ours, wire in zip(asks, shown, tcp(server.address, asks), strict=True):
        whole = read(wire)
        assert ours["rcode"] == "NOERROR"
        assert records(ours["answer"]) == whole.answer, ask
        assert records(ours["authority"]) == whole.authority, ask
        assert records(ours["additional"]) <= whole.additional, ask  # over UDP not all may find room


def test_what_does_not_fit_into_a_datagram_is_asked_for_over_tcp(server: NameServer) -> None:
    (whole,) = answers(server, "longest.big.test", "TXT")
    assert whole["transport"] == "tcp"
    assert len(whole["answer"][0]["data"]) > 50_000
    (cut,) = answers(server, "longest.big.test", "TXT", "--ignore")
    assert cut["transport"] == "udp"
    assert "tc" in cut["flags"]


def test_short_shows_the_data_alone(server: NameServer) -> None:
    assert sorted(query(server, "a-many.types.test", "+short").split()) == ["192.0.2.3", "192.0.2.4", "192.0.2.5"]
    assert sorted(query(server, "mx.other.test", "MX", "--short").splitlines()) == ["10 end.chain.test.", "20 end.other.test."]
    assert query(server, "-x", "192.0.2.2", "--short").strip() == "a.types.test."
    assert query(server, "-x", "2001:db8::1", "--short").strip() == "ns.types.test."


def test_signatures_are_shown_to_who_asks_for_them(server: NameServer) -> None:
    (with_them,) = answers(server, "www.nsec.test", "A", "+dnssec")
    assert {record["type"] for record in with_them["answer"]} == {"A", "RRSIG"}
    assert with_them["edns"]["do"] is True
    (without,) = answers(server, "www.nsec.test", "A")
    assert {record["type"] for record in without["answer"]} == {"A"}


def test_no_such_name_and_a_refusal_end_with_1(server: NameServer) -> None:
    (absent,) = answers(server, "absent.types.test", code=1)
    assert (absent["rcode"], [record["type"] for record in absent["authority"]]) == ("NXDOMAIN", ["SOA"])
    (refused,) = answers(server, "www.elsewhere.test", code=1)
    assert (refused["rcode"], refused["answer"]) == ("REFUSED", [])


def test_a_referral(server: NameServer) -> None:
    (referral,) = answers(server, "www.in.parent.test", "+norec")
    assert referral["flags"] == ["qr"]
    assert {record["data"] for record in referral["authority"]} == {"ns1.in.parent.test.", "ns2.in.parent.test."}
    assert {record["data"] for record in referral["additional"]} == {"192.0.2.5", "2001:db8::5", "192.0.2.6"}


def test_which_server_it_is(server: NameServer) -> None:
    (version,) = answers(server, "version.bind", "CH", "TXT")
    assert version["answer"][0]["data"] == f'"{server.version}"'
    (told,) = answers(server, "types.test", "SOA", "+nsid")
    assert {option["name"]: option["text"] for option in told["edns"]["options"]}["nsid"] == f'"{server.version}"'


def test_a_version_of_edns_that_is_none_is_not_insisted_on(server: NameServer) -> None:
    (answer,) = answers(server, "types.test", "SOA", "--edns", "1")
    assert [attempt["outcome"].split(":")[0] for attempt in answer["tries"]] == ["BADVERS"]
    assert (answer["rcode"], answer["edns"]["version"]) == ("NOERROR", 0)


@pytest.mark.parametrize("transport", ["--ignore", "--tcp"])
def test_options_that_change_nothing_about_the_answer(server: NameServer, transport: str) -> None:
    options = [
        "--0x20",
        "--padding",
        "--keepalive",
        "--subnet=192.0.2.0/24",
        "--option=65001:00ff",
        "--cd",
        "--no-ad",
        "--bufsize=4096",
        "-4",
    ]
    assert query(server, "a.types.test", "--short", *options, transport).strip() == "192.0.2.2"


def test_names_beyond_ascii_and_with_escapes(server: NameServer) -> None:
    assert query(server, "bücher.names.test", "--short").strip() == "192.0.2.27"
    assert query(server, r"dot\.inside.names.test", "--short").strip() == "192.0.2.4"
    assert query(server, r"zero\000in.names.test", "--short").strip() == "192.0.2.5"


def test_several_questions_in_one_go(server: NameServer) -> None:
    output = query(server, "a.types.test", "aaaa.types.test", "AAAA", "absent.types.test", "mx-many.types.test", "MX", "--json", code=1)
    assert [json.loads(line)["rcode"] for line in output.splitlines()] == ["NOERROR", "NOERROR", "NXDOMAIN", "NOERROR"]


def test_every_byte_of_an_exchange_is_explained(server: NameServer) -> None:
    output = query(server, "many.types.test", "MX", "--explain")
    assert "many.types.test" in output
    assert "RFC 1035" in output


ROOT = """\
.        86400 SOA  a.root. hostmaster.root. 1 3600 900 604800 300
.        86400 NS   a.root.
a.root.  86400 A    127.0.0.1
test.    86400 NS   ns.test.
ns.test. 86400 A    127.0.0.2
"""
TEST = """\
test.       3600 SOA   ns.test. hostmaster.test. 1 3600 900 604800 300
test.       3600 NS    ns.test.
ns.test.    3600 A     127.0.0.2
walk.test.  3600 NS    ns.walk.test.
ns.walk.test. 3600 A   127.0.0.3
"""
WALK = """\
walk.test.     60 SOA   ns.walk.test. hostmaster.walk.test. 1 3600 900 604800 300
walk.test.     60 NS    ns.walk.test.
ns.walk.test.  60 A     127.0.0.3
www.walk.test. 60 CNAME web.walk.test.
web.walk.test. 60 A     192.0.2.80
"""


@pytest.mark.parametrize("order", [("bind", "nsd", "knot"), ("nsd", "knot", "wirespeak"), ("wirespeak", "nsd", "knot")])
def test_a_walk_from_the_root_over_three_servers(tmp_path: Path, order: tuple[str, str, str]) -> None:
    port = free_port()
    with contextlib.ExitStack() as stack:
        for number, (name, origin, text) in enumerate(zip(order, (".", "test.", "walk.test."), (ROOT, TEST, WALK), strict=True), 1):
            file = tmp_path / f"{number}.zone"
            file.write_text(text)
            stack.enter_context(serving(name, {origin: file}, tmp_path / str(number), host=f"127.0.0.{number}", port=port))
        walk = ["www.walk.test", "A", "--trace", "--root", "127.0.0.1", "-p", str(port)]
        assert run(*walk, "--short").splitlines() == ["web.walk.test.", "192.0.2.80"]
        steps = [json.loads(line) for line in run(*walk, "--json").splitlines()]
        assert [(step["server"], step["zone"]) for step in steps] == [
            (f"127.0.0.1:{port}", "."),
            (f"127.0.0.2:{port}", "test."),
            (f"127.0.0.3:{port}", "walk.test."),
        ]
        assert [record["data"] for record in steps[-1]["records"]] == ["web.walk.test.", "192.0.2.80"]
        run("absent.walk.test", "A", "--trace", "--root", "127.0.0.1", "-p", str(port), code=1)
