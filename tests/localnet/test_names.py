"""The names of the little internet: the zones that are made for what runs, and one's own beside them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.localnet.running import up
from tests.processes import Program
from wirespeak.dns import Resolver
from wirespeak.dns.exchange import Server
from wirespeak.dns.hosts import Settings
from wirespeak.dns.messages import Message
from wirespeak.dns.names import Name
from wirespeak.dns.rdata import Rdata
from wirespeak.dns.registry import Type, type_number
from wirespeak.dns.zonecheck import Report
from wirespeak.dns.zonefile import examine_file
from wirespeak.errors import WirespeakError
from wirespeak.http import BlockingClient
from wirespeak.localnet import SERVICES, LocalNet, Running
from wirespeak.localnet.names import make, sources
from wirespeak.sockets.address import Address
from wirespeak.sockets.blocking import BlockingNetwork

DNS = SERVICES[-1]


def net_at(folder: Path, *listening: str) -> LocalNet:
    net = LocalNet(folder)
    net.running = [Running(service, [Address(host, service.port) for host in listening]) for service in SERVICES]
    return net


def reports(net: LocalNet) -> list[Report]:
    return [examine_file(source.path, source.origin) for source in sources(net)]


def records(report: Report, name: str, type: str) -> list[str]:
    assert report.zone is not None
    rrset = report.zone.rrset(Name.parse(name).key, type_number(type))
    return [] if rrset is None else [Rdata(rrset.type, wire).text() for wire in rrset.rdatas]


def test_there_is_nothing_wrong_with_them(tmp_path: Path) -> None:
    for report in reports(net_at(tmp_path, "127.0.0.1", "::1")):
        assert (report.errors, report.warnings) == ([], [])


@pytest.mark.parametrize(
    ("listening", "addresses"),
    [
        (["127.0.0.1", "::1"], (["127.0.0.1"], ["::1"])),
        (["127.0.0.1"], (["127.0.0.1"], [])),
        (["0.0.0.0"], (["127.0.0.1"], [])),
        (["::"], ([], ["::1"])),
        (["*"], (["127.0.0.1"], ["::1"])),
        (["192.0.2.1"], (["192.0.2.1"], [])),
    ],
)
def test_names_stand_for_where_it_listens(tmp_path: Path, listening: list[str], addresses: tuple[list[str], list[str]]) -> None:
    home = reports(net_at(tmp_path, *listening))[0]
    for name in ("home.test.", "www.home.test.", "mail.home.test.", "irc.home.test.", "ns.home.test."):
        assert (records(home, name, "A"), records(home, name, "AAAA")) == addresses


def test_services_are_found_by_name(tmp_path: Path) -> None:
    home = reports(net_at(tmp_path, "127.0.0.1"))[0]
    assert records(home, "home.test.", "MX") == ["10 mail.home.test."]
    assert records(home, "home.test.", "TXT") == ['"v=spf1 a mx -all"']
    assert records(home, "_http._tcp.home.test.", "SRV") == ["0 0 8080 www.home.test."]
    assert records(home, "_submission._tcp.home.test.", "SRV") == ["0 0 8587 mail.home.test."]
    assert records(home, "_submissions._tcp.home.test.", "SRV") == ["0 0 8465 mail.home.test."]
    assert records(home, "_irc._tcp.home.test.", "SRV") == ["0 0 6667 irc.home.test."]
    assert records(home, "_ircs._tcp.home.test.", "SRV") == ["0 0 6697 irc.home.test."]
    assert records(home, "www.home.test.", "HTTPS") == ['1 . alpn="http/1.1" port=8443']


def test_addresses_have_names_too(tmp_path: Path) -> None:
    _, four, six = reports(net_at(tmp_path, "127.0.0.1"))
    assert records(four, "1.0.0.127.in-addr.arpa.", "PTR") == ["localhost."]
    assert records(six, "1" + ".0" * 31 + ".ip6.arpa.", "PTR") == ["localhost."]


def test_what_is_made_is_made_anew_and_ones_own_stays(tmp_path: Path) -> None:
    net = net_at(tmp_path, "127.0.0.1")
    made = sources(net)[0].path
    made.write_text("; mine")
    net.names.write_text("shop A 192.0.2.80\n")
    home = reports(net)[0]
    assert records(home, "shop.home.test.", "A") == ["192.0.2.80"]
    assert "; mine" not in made.read_text()


def test_the_examples_in_ones_own_file_work(tmp_path: Path) -> None:
    net = net_at(tmp_path, "127.0.0.1")
    sources(net)
    lines = net.names.read_text().splitlines()
    net.names.write_text(
        "\n".join(line.removeprefix("; ") if len(line.split()) > 2 and line.split()[2].isupper() else line for line in lines)
    )
    home = reports(net)[0]
    assert (home.errors, home.warnings) == ([], [])
    assert records(home, "blog.home.test.", "CNAME") == ["www.home.test."]
    assert records(home, "hello.home.test.", "TXT") == ['"Hello, names!"']


def test_a_folder_that_cannot_be_written_is_told_of(tmp_path: Path) -> None:
    net = net_at(tmp_path, "127.0.0.1")
    (tmp_path / "names").write_text("in the way")
    with pytest.raises(WirespeakError, match=r"names can't be written"):
        sources(net)


def test_the_server_counts_what_it_answers(tmp_path: Path) -> None:
    net = net_at(tmp_path, "127.0.0.1")
    running = net.running[-1]
    server = make(net, running)
    try:
        reply = server.answer(Message.query(Name.parse("www.home.test."), Type.A).encode(), ("127.0.0.1", 1), 0.0)  # type: ignore[attr-defined]
        assert Message.parse(reply).answers
    finally:
        net.stop()
    assert running.counters.as_data()["questions"]["total"] == 1
    assert DNS.figures[0].of(running.counters.as_data()) == "1"


def test_our_own_clients_find_the_site_by_its_name(start: Callable[..., Program]) -> None:
    """Looked up where `wirespeak up` answers, ``www.home.test`` is the site."""
    net = up(start)
    resolver = Resolver(Settings(servers=[Server("127.0.0.1", net.port_of("dns"))]))
    with BlockingClient(BlockingNetwork(resolver=resolver)) as client:
        answer = client.get(f"http://www.home.test:{net.port}/status")
    assert answer.status == 200
    dns = answer.json()["services"][-1]
    assert dns["questions"]["by_type"] == {"A": 1, "AAAA": 1}


def test_our_own_client_is_told_too(tmp_path: Path) -> None:
    """As the page says it."""
    program = Program([sys.executable, "-m", "wirespeak", "up", "--ephemeral"])
    try:
        program.wait_for(r"^Ctrl-C stops it")
        command = program.wait_for(r"^  (\S.* dns query www\.home\.test .*)$")[1]
        done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    finally:
        program.end()
    assert done.returncode == 0, done.stderr
    assert "127.0.0.1" in done.stdout
