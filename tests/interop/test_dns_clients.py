"""Our name server with the programs people ask with: dig, delv, nslookup, host, kdig, drill, and the tools of ldns.

Where what they print is the data alone, it has to be what they print of BIND with the same zones.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop import dns_zones
from tests.interop.dns_peers import NameServer, serving

pytestmark = pytest.mark.peer("dnssec-signzone", "named")


VERDICT = re.compile(r"^; (negative response, )?(fully validated|unsigned answer)$")


class Served:
    """The same zones, served by ours and by BIND."""

    def __init__(self, folder: Path, ours: NameServer, bind: NameServer) -> None:
        self.folder = folder
        self.ours = ours
        self.bind = bind


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("clients")
    zones = dns_zones.build("oddities", folder / "zones")
    with contextlib.ExitStack() as stack:
        ours, bind = [stack.enter_context(serving(name, zones, folder / name)) for name in ("wirespeak", "bind")]
        yield Served(folder, ours, bind)


def at(server: NameServer, command: str) -> list[str]:
    """The words of ``command``, with the server's port and address where their letters stand."""
    return [word.replace("PORT", str(server.port)).replace("HOST", server.address[0]) for word in command.split()]


def run(server: NameServer, command: str, *, code: int = 0) -> str:
    """What the program says; AssertionError where it doesn't end with ``code``."""
    done = subprocess.run(at(server, command), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture
def ask(served: Served) -> Callable[..., str]:
    """``ask("dig @HOST -p PORT …")`` runs a program against our server."""
    return lambda command, code=0: run(served.ours, command, code=code)


@pytest.mark.peer("dig")
@pytest.mark.parametrize(
    "words",
    [
        "a-many.types.test",
        "+tcp a-many.types.test",
        "+norec +noedns many.types.test MX",
        "+nocookie +noadflag +cdflag txt-many.types.test TXT",
        "-x 192.0.2.6",
        "-x 192.0.2.65",
        "-x 2001:db8::1",
        "-t srv _sip._tcp.types.test",
        "-t TYPE731 unknown.types.test",
        "+dnssec www.nsec3.test",
        "+bufsize=512 a75.big.test",
        "+bufsize=4096 +notcp mx20.big.test MX",
        "longest.big.test TXT",
        "-c IN -q UPPER.names.test",
        "eight.chain.test AAAA",
        "below.d.dname.test CNAME",
        r"dot\.inside.names.test",
        r"zero\000in.names.test",
        "some.where.one.wild.test",
        "+all -f FILE",
        "a.types.test mx-many.types.test MX https-keys.types.test HTTPS loc.types.test LOC",
        "+tcp +keepopen a.types.test aaaa.types.test AAAA caa.types.test CAA naptr.types.test NAPTR",
    ],
)
def test_dig_prints_the_same_data_as_of_bind(served: Served, tmp_path: Path, words: str) -> None:
    batch = tmp_path / "batch"
    batch.write_text("a.types.test A\nboth.types.test AAAA\n; a comment\nsshfp.types.test SSHFP\n")
    command = f"dig @HOST -p PORT {words.replace('FILE', str(batch))} +short"
    theirs = run(served.bind, command)
    assert theirs.strip()
    assert sorted(run(served.ours, command).splitlines()) == sorted(theirs.splitlines())


@pytest.mark.peer("kdig")
@pytest.mark.parametrize(
    "words",
    [
        "a-many.types.test A",
        "+tcp many.types.test TXT",
        "+tcp +keepopen a.types.test A aaaa.types.test AAAA srv.types.test SRV",
        "-x 192.0.2.1",
        "+dnssec www.nsec.test A",
        "+padding=128 +subnet=192.0.2.0/24 apl.types.test APL",
        "+generic svcb.types.test SVCB",
        "+bufsize=512 txt-many.types.test TXT",
        "+ignore a25.big.test A",
    ],
)
def test_kdig_prints_the_same_data_as_of_bind(served: Served, words: str) -> None:
    command = f"kdig @HOST -p PORT +short {words}"
    theirs = run(served.bind, command)
    assert theirs.strip()
    assert sorted(run(served.ours, command).splitlines()) == sorted(theirs.splitlines())


@pytest.mark.peer("drill")
@pytest.mark.parametrize(
    "words",
    [
        "a-many.types.test A",
        "-t a75.big.test",
        "srv.types.test SRV",
        "-x 192.0.2.6",
        "-b 512 txt-many.types.test TXT",
        "-D -b 4096 www.nsec3.test",
        "tlsa.types.test TLSA",
        "nine.chain.test",
    ],
)
def test_drill_prints_the_same_data_as_of_bind(served: Served, words: str) -> None:
    command = f"drill -Q -p PORT @HOST {words}"
    theirs = run(served.bind, command)
    assert theirs.strip()
    assert sorted(run(served.ours, command).splitlines()) == sorted(theirs.splitlines())


@pytest.mark.peer("host")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("both.types.test", 0),
        ("-t MX types.test", 0),
        ("-T -t TXT longest.big.test", 0),
        ("-r -t SOA nsec.test", 0),
        ("192.0.2.6", 0),
        ("2001:db8::1", 0),
        ("-N 0 cname.types.test", 0),
        ("absent.types.test", 1),
        ("www.elsewhere.test", 1),
        ("-t CAA a.types.test", 0),
    ],
)
def test_host_prints_the_same_as_of_bind(served: Served, words: str, code: int) -> None:
    def lines(server: NameServer) -> list[str]:
        output = run(server, f"host -p PORT {words} HOST", code=code)
        return sorted(line for line in output.splitlines() if not line.startswith("Address: "))

    assert lines(served.ours) == lines(served.bind)


@pytest.mark.peer("dig")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("both.types.test", 0),
        ("-type=mx mx-many.types.test", 0),
        ("-type=soa -debug types.test", 0),
        ("-vc -type=txt txt.types.test", 0),
        ("-norecurse 192.0.2.2", 0),
        ("-query=srv srv.types.test", 0),
        ("absent.types.test", 1),
        ("www.elsewhere.test", 1),
    ],
)
def test_nslookup_prints_the_same_as_of_bind(served: Served, words: str, code: int) -> None:
    def lines(server: NameServer) -> list[str]:
        output = run(server, f"nslookup -port=PORT {words} HOST", code=code)
        answer = re.split(r"AUTHORITY RECORDS", output)[0]  # behind it stands what servers may choose to add
        return sorted(line for line in answer.splitlines() if not line.startswith("Address:\t"))

    assert lines(served.ours) == lines(served.bind)


@pytest.mark.peer("dig")
def test_delv_without_validation(ask: Callable[..., str]) -> None:
    assert "192.0.2.2" in ask("delv -i @HOST -p PORT a.types.test A")
    assert "$NXDOMAIN" in ask("delv -i @HOST -p PORT absent.types.test A")


@pytest.mark.peer("dig")
@pytest.mark.parametrize("origin", ["nsec.test", "nsec3.test", "optout.test"])
@pytest.mark.parametrize(
    "words",
    [
        "www.ORIGIN A",
        "www.ORIGIN MX",
        "ORIGIN DNSKEY",
        "ORIGIN SOA",
        "some.wild.ORIGIN A",
        "some.wild.ORIGIN MX",
        "below.wildalias.ORIGIN A",
        "alias2.ORIGIN TXT",
        "alias-gone.ORIGIN A",
        "absent.ORIGIN A",
        "deep.absent.ORIGIN A",
        "below.www.ORIGIN A",
        "b.ent.ORIGIN A",
        "ent.ORIGIN A",
        "a.dn.ORIGIN A",
        "x.dn-wild.ORIGIN TXT",
        "insecure.ORIGIN DS",
        "secure.ORIGIN DS",
        "x.cutent.ORIGIN DS",
        "cutent.ORIGIN A",
        "below.cutent.ORIGIN A",
    ],
)
def test_delv_believes_what_it_believes_of_bind(served: Served, origin: str, words: str) -> None:
    """The signatures and proofs that we give are whole: delv validates them from the zone's key (RFC 4035 5)."""
    files = (served.folder / "zones" / f"keys-{origin}").glob("*.key")
    (key,) = [line for file in files for line in file.read_text().splitlines() if " 257 " in line]
    flags, protocol, algorithm, *data = key.partition(" DNSKEY ")[2].split()
    anchor = served.folder / f"{origin}.anchor"
    anchor.write_text(f'trust-anchors {{ "{origin}" static-key {flags} {protocol} {algorithm} "{"".join(data)}"; }};\n')

    def verdict(server: NameServer) -> list[str]:
        command = f"delv @HOST -p PORT -a {anchor} +root={origin} {words.replace('ORIGIN', origin)}"
        done = subprocess.run(at(server, command), capture_output=True, text=True, timeout=60, check=False)
        told = (done.stdout + done.stderr).splitlines()
        return sorted(line for line in told if not line.startswith("; ") or VERDICT.search(line))

    assert verdict(served.ours) == verdict(served.bind)
    assert any(VERDICT.search(line) for line in verdict(served.ours))


@pytest.mark.peer("dig")
def test_dig_is_told_which_server_it_is(served: Served, ask: Callable[..., str]) -> None:
    version = served.ours.version
    assert ask("dig @HOST -p PORT version.bind CH TXT +short").strip() == f'"{version}"'
    assert ask("dig @HOST -p PORT id.server CH TXT +short").strip() == f'"{version}"'
    assert f'("{version}")' in ask("dig @HOST -p PORT +nsid types.test")
    assert "NSID" not in ask("dig @HOST -p PORT types.test")
    assert "REFUSED" in ask("dig @HOST -p PORT authors.bind CH TXT")


@pytest.mark.peer("dig")
def test_dig_finds_our_cookie_good_and_brings_it_back(ask: Callable[..., str]) -> None:
    first = ask("dig @HOST -p PORT +cookie=0123456789abcdef types.test")
    cookie = re.search(r"COOKIE: 0123456789abcdef([0-9a-f]{32}) \(good\)", first)
    assert cookie
    again = ask(f"dig @HOST -p PORT +cookie=0123456789abcdef{cookie[1]} types.test")
    assert "(good)" in again
    assert "status: NOERROR" in again
    assert "COOKIE" not in ask("dig @HOST -p PORT +nocookie types.test")


@pytest.mark.peer("dig")
def test_dig_asks_again_with_the_version_of_edns_that_we_have(ask: Callable[..., str]) -> None:
    output = ask("dig @HOST -p PORT +edns=1 a.types.test")
    assert "BADVERS, retrying with EDNS version 0" in output
    assert "status: NOERROR" in output
    refused = ask("dig @HOST -p PORT +edns=1 +noednsnegotiation a.types.test")
    assert "status: BADVERS" in refused
    assert "ANSWER: 0" in refused


@pytest.mark.peer("dig")
@pytest.mark.parametrize("option", ["+ednsopt=65001:00ff", "+ednsflags=0x4000", "+subnet=192.0.2.0/24", "+expire", "+padding=64", "+zflag"])
def test_what_dig_says_beside_its_question_is_no_hindrance(ask: Callable[..., str], option: str) -> None:
    output = ask(f"dig @HOST -p PORT {option} a.types.test")
    assert "status: NOERROR" in output
    assert re.search(r"^a\.types\.test\.\s+3600\s+IN\s+A\s+192\.0\.2\.2$", output, re.MULTILINE)


@pytest.mark.peer("dig")
def test_dig_goes_over_to_tcp_when_an_answer_is_cut_off(ask: Callable[..., str]) -> None:
    cut = ask("dig @HOST -p PORT +ignore strings1000.big.test TXT")
    assert re.search(r"flags: qr aa tc rd;", cut)
    whole = ask("dig @HOST -p PORT strings1000.big.test TXT")
    assert "Truncated, retrying in TCP mode" in whole
    assert '"string 999"' in whole
    assert "(TCP)" in whole


@pytest.mark.peer("dig", "kdig", "host")
def test_nobody_is_given_a_zone(ask: Callable[..., str]) -> None:
    assert "Transfer failed" in ask("dig @HOST -p PORT types.test AXFR")
    assert "Transfer failed" in ask("dig @HOST -p PORT types.test IXFR=1 +tcp")
    assert "'REFUSED'" in ask("kdig @HOST -p PORT types.test AXFR", code=1)
    assert "REFUSED" in ask("host -p PORT -l types.test HOST", code=1)


@pytest.mark.peer("dig")
def test_any_is_answered_with_little(ask: Callable[..., str]) -> None:
    """RFC 8482 4.1: one RRset, so that nobody's address is flooded by asking in its name."""
    for transport in ("+notcp", "+tcp"):
        output = ask(f"dig @HOST -p PORT {transport} many.types.test ANY")
        assert "status: NOERROR" in output
        assert "ANSWER: 1," in output


@pytest.mark.peer("dig")
def test_dig_asks_for_what_is_not_ours(ask: Callable[..., str]) -> None:
    output = ask("dig @HOST -p PORT www.elsewhere.test")
    assert "status: REFUSED" in output
    assert "recursion requested but not available" in output
    assert "EDE: 20 (Not Authoritative)" in output


@pytest.mark.peer("dig")
@pytest.mark.parametrize(
    ("opcode", "status"), [("STATUS", "NOTIMP"), ("IQUERY", "NOTIMP"), ("UPDATE", "NOTIMP"), ("NOTIFY", "NOTIMP"), ("15", "NOTIMP")]
)
def test_other_opcodes_are_not_for_us(ask: Callable[..., str], opcode: str, status: str) -> None:
    assert f"status: {status}" in ask(f"dig @HOST -p PORT +opcode={opcode} types.test SOA")


@pytest.mark.peer("kdig")
def test_kdig_sees_cookie_nsid_and_refused_versions(served: Served, ask: Callable[..., str]) -> None:
    assert f'"{served.ours.version}"' in ask("kdig @HOST -p PORT +tcp +nsid a.types.test")
    assert re.search(r"COOKIE: 0123456789ABCDEF[0-9A-F]{32}", ask("kdig @HOST -p PORT +cookie=0123456789abcdef a.types.test"))
    assert "status: BADVERS" in ask("kdig @HOST -p PORT +edns=3 a.types.test")


@pytest.mark.peer("kdig")
def test_kdig_reads_an_answer_into_json(ask: Callable[..., str]) -> None:
    message = json.loads(ask("kdig @HOST -p PORT +json a.types.test"))
    assert (message["QR"], message["AA"], message["RA"], message["RCODE"], message["ANCOUNT"]) == (1, 1, 0, 0, 1)
    assert message["answerRRs"][0]["rdataA"] == "192.0.2.2"


@pytest.mark.peer("kdig")
def test_kdig_asks_several_times_over_one_connection(ask: Callable[..., str]) -> None:
    """RFC 7766 6.2.1: the connection stays for the next question."""
    names = " ".join(f"a{number}.types.test" for number in range(100))
    output = ask(f"kdig @HOST -p PORT +tcp +keepopen {names}")
    assert output.count("status: NXDOMAIN") == 100
    assert "WARNING" not in output


@pytest.mark.peer("drill")
def test_drill_sees_the_sections_of_a_referral(ask: Callable[..., str]) -> None:
    output = ask("drill -p PORT @HOST -o rd www.in.parent.test")
    assert "flags: qr ;" in output
    authority, additional = output.split(";; AUTHORITY SECTION:")[1].split(";; ADDITIONAL SECTION:")
    assert {line.split()[-1] for line in authority.splitlines() if line} == {"ns1.in.parent.test.", "ns2.in.parent.test."}
    assert {line.split()[-1] for line in additional.splitlines() if line.startswith("ns")} == {"192.0.2.5", "2001:db8::5", "192.0.2.6"}


@pytest.mark.peer("drill")
def test_notify_from_ldns_is_answered(ask: Callable[..., str]) -> None:
    """ldns-notify comes with drill: RFC 1996 is for those who keep copies of a zone, which we don't."""
    assert "rcode: NOTIMPL" in ask("ldns-notify -z types.test -p PORT HOST")
