"""``wirespeak dns query``: its words and options, what it shows where, and how it ends."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.dns.scripted import Serving, cut_short, reply, serving
from wirespeak.cli import main
from wirespeak.dns import client
from wirespeak.dns.edns import ClientSubnet, Edns, EdnsOption, extended_error
from wirespeak.dns.messages import AA, RA, Message
from wirespeak.dns.registry import ExtendedError, Option, Rcode

A = "www.home.test. 300 IN A 127.0.0.1"


class Ran:
    """What a run of the command came to."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def records(self) -> list[str]:
        """What is no comment, its blanks made one."""
        return [" ".join(line.split()) for line in self.lines if line and not line.startswith(";")]


@pytest.fixture
def query(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """``query("www.home.test", "@127.0.0.1")`` runs the command in this process."""

    def run(*arguments: str | int | Path) -> Ran:
        with pytest.raises(SystemExit) as leaving:
            main(["dns", "query", *map(str, arguments)])
        out, err = capsys.readouterr()
        return Ran(int(leaving.value.code or 0), out, err)

    return run


@pytest.fixture
def serve() -> Iterator[Callable[..., Serving]]:
    """``serve(script)`` runs a name server until the test ends."""
    with ExitStack() as stack:
        yield lambda script=None, **options: stack.enter_context(serving(script or (lambda query, _: reply(query, A)), **options))


def asked(server: Serving) -> list[str]:
    """What a server was asked, as ``name class type``."""
    return [str(query.questions[0]) for query, _ in server.asked]


# --- what is asked


@pytest.mark.parametrize(
    ("words", "questions"),
    [
        (["home.test"], ["home.test. IN A"]),
        (["home.test", "MX"], ["home.test. IN MX"]),
        (["mx", "home.test"], ["home.test. IN MX"]),
        (
            ["home.test", "mx", "www.home.test", "mail.home.test", "AAAA"],
            ["home.test. IN MX", "www.home.test. IN A", "mail.home.test. IN AAAA"],
        ),
        (["home.test", "TYPE731"], ["home.test. IN TYPE731"]),
        (["home.test", "CH", "TXT"], ["home.test. CH TXT"]),
        (["-t", "MX", "home.test", "lab.test", "A"], ["home.test. IN MX", "lab.test. IN A"]),
        (["-c", "CH", "version.bind", "TXT"], ["version.bind. CH TXT"]),
        (["-q", "mx", "-t", "A"], ["mx. IN A"]),
        (["-x", "192.0.2.1"], ["1.2.0.192.in-addr.arpa. IN PTR"]),
        (["-x", "::1"], [f"1.{'0.' * 31}ip6.arpa. IN PTR"]),
        ([], [". IN NS"]),
        (["NS"], [". IN NS"]),
        (["bücher.test"], ["xn--bcher-kva.test. IN A"]),
        (["a\\.b.test"], ["a\\.b.test. IN A"]),
    ],
)
def test_names_and_types(words: list[str], questions: list[str], query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    server = serve(lambda query, _: reply(query))
    assert query(*words, "@127.0.0.1", "-p", server.port).code == 0
    assert asked(server) == questions


def test_names_from_a_file(query: Callable[..., Ran], serve: Callable[..., Serving], tmp_path: Path) -> None:
    (tmp_path / "names").write_text("www.home.test\n; a comment\nhome.test MX\n\n")
    server = serve()
    query("-f", tmp_path / "names", "-t", "AAAA", "@127.0.0.1", "-p", server.port)
    assert asked(server) == ["www.home.test. IN AAAA", "home.test. IN MX"]


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        ([], "rd ad"),
        (["--no-rd"], "ad"),
        (["+norec", "+noad"], ""),
        (["+cd", "--aa", "--no-ad"], "aa rd cd"),
        (["+nordflag", "+aaonly", "+cdflag"], "aa ad cd"),
    ],
)
def test_flags(words: list[str], flags: str, query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    server = serve()
    query("www.home.test", *words, "@127.0.0.1", "-p", server.port)
    assert " ".join(server.asked[0][0].flag_names) == flags


def test_edns_as_it_comes(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    """As dig: with a cookie, a new one each time."""
    server = serve()
    for _ in range(2):
        query("www.home.test", "@127.0.0.1", "-p", server.port)
    cookies = [question.edns.option(Option.COOKIE) for question, _ in server.asked if question.edns is not None]
    assert [len(cookie or b"") for cookie in cookies] == [8, 8]
    assert cookies[0] != cookies[1]
    assert (server.asked[0][0].edns or Edns(0)).payload == 1232


@pytest.mark.parametrize(
    ("words", "edns"),
    [
        (["--no-edns"], None),
        (["+noedns"], None),
        (["--dnssec"], Edns(do=True)),
        (["+dnssec", "+bufsize=4096"], Edns(4096, do=True)),
        (["--edns", "3", "--bufsize", "512"], Edns(512, 3)),
        (["+edns=0", "--nsid"], Edns(options=[EdnsOption(Option.NSID)])),
        (["+nsid", "--subnet", "192.0.2.99/24"], Edns(options=[EdnsOption(8, b"\0\1\x18\0\xc0\0\2"), EdnsOption(Option.NSID)])),
        (["+subnet=0"], Edns(options=[EdnsOption(8, b"\0\1\x20\0\0\0\0\0")])),
        (["--keepalive", "--tcp"], Edns(options=[EdnsOption(Option.TCP_KEEPALIVE)])),
        (["--option", "65001:0a0b", "--option", "7"], Edns(options=[EdnsOption(65001, b"\n\x0b"), EdnsOption(7)])),
    ],
)
def test_edns(words: list[str], edns: Edns | None, query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    server = serve()
    query("www.home.test", "--no-cookie", *words, "@127.0.0.1", "-p", server.port)
    assert server.asked[0][0].edns == edns


def test_a_cookie_that_is_known(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    server = serve()
    query("www.home.test", "+cookie=0102030405060708", "@127.0.0.1", "-p", server.port)
    query("www.home.test", "+nocookie", "@127.0.0.1", "-p", server.port)
    assert [question.edns and question.edns.option(Option.COOKIE) for question, _ in server.asked] == [bytes(range(1, 9)), None]


def test_padding(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    """RFC 8467 4.1."""
    server = serve()
    query("www.home.test", "--padding", "128", "@127.0.0.1", "-p", server.port)
    query("a.rather.longer.name.home.test", "+padding=64", "@127.0.0.1", "-p", server.port)
    assert [len(raw) % 64 for raw in server.raw] == [0, 0]
    assert len(server.raw[0]) == 128


def test_the_opcode(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    server = serve(lambda query, _: reply(query, rcode=Rcode.NOTIMP))
    ran = query("home.test", "SOA", "--opcode", "status", "--no-edns", "@127.0.0.1", "-p", server.port)
    assert (ran.code, server.asked[0][0].opcode) == (1, 2)
    assert "it can't do that" in ran.out


def test_letters_of_random_case(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    long = "abcdefghijklmnopqrstuvwxyz.home.test"
    server = serve(lambda query, _: reply(query, f"{query.questions[0].name} 60 IN A 127.0.0.1"))
    assert query(long, "--0x20", "@127.0.0.1", "-p", server.port).records == [f"{long}. 60 IN A 127.0.0.1"]
    assert asked(server) != [f"{long}. IN A"]


def test_the_systems_name_server(
    query: Callable[..., Ran], serve: Callable[..., Serving], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    resolver = client.Resolver.system(str(tmp_path / "resolv.conf"))
    monkeypatch.setattr(client, "system_resolver", lambda: resolver)
    server = serve()
    assert query("www.home.test", "+short", "-p", server.port).out == "127.0.0.1\n"


def test_the_address_that_is_asked_from(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    server = serve()
    assert query("www.home.test", "-b", "127.0.0.1", "-4", "@127.0.0.1", "-p", server.port).code == 0
    assert query("www.home.test", "-6", "@127.0.0.1", "-p", server.port).code == 3


# --- what is shown


def test_an_answer_is_a_zone_file(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    def script(query: Message, transport: str) -> Message:
        return reply(
            query,
            "home.test. 300 IN MX 10 mail.home.test.",
            authority=["home.test. 300 IN NS ns.home.test."],
            additional=["mail.home.test. 300 IN A 127.0.0.1"],
            flags=AA | RA,
            edns=Edns(4096),
        )

    server = serve(script)
    ran = query("home.test", "MX", "@127.0.0.1", "-p", server.port)
    assert ran.code == 0
    assert ran.lines[0].startswith(f"; home.test. IN MX: NOERROR, 1 answer, from 127.0.0.1:{server.port} over UDP in ")
    assert ran.lines[0].endswith(f" ms, {len(script(server.asked[0][0], '').encode())} bytes")
    assert ran.lines[1] == f"; id {server.asked[0][0].id}, flags qr aa rd ra ad"
    assert ran.lines[2:] == [
        "; EDNS version 0, answers of 4096 bytes over UDP",
        ";; ANSWER",
        "home.test.  300 IN MX  10 mail.home.test.",
        ";; AUTHORITY",
        "home.test.  300 IN NS  ns.home.test.",
        ";; ADDITIONAL",
        "mail.home.test.  300 IN A  127.0.0.1",
    ]


def test_what_is_said_by_edns(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    subnet = EdnsOption(8, ClientSubnet.read(b"\0\1\x18\x10\xc0\0\2").encode())
    options = [
        EdnsOption(3, b"ns1\x1b[2J"),
        extended_error(ExtendedError.BLOCKED, "no\r\n"),
        subnet,
        EdnsOption(11, b"\0\x64"),
        EdnsOption(65001, b"\1"),
    ]
    server = serve(lambda query, _: reply(query, A, edns=Edns(do=True, options=options)))
    ran = query("www.home.test", "@127.0.0.1", "-p", server.port)
    assert (
        '; EDNS version 0, answers of 1232 bytes over UDP, do, nsid "ns1\\x1b[2J", extended error 15 (blocked) "no\\r\\n", '
        "client subnet 192.0.2.0/24/16, tcp keepalive 10 s, option 65001 01"
    ) in ran.lines


def test_several_answers_stand_apart(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    ran = query("www.home.test", "www.home.test", "@127.0.0.1", "-p", serve().port)
    assert ran.lines.count("") == 1
    assert len(ran.records) == 2


def test_in_short(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    server = serve(lambda query, _: reply(query, "www.home.test. 60 IN CNAME home.test.", 'home.test. 60 IN TXT "a;b" c'))
    assert query("www.home.test", "TXT", "+short", "@127.0.0.1", "-p", server.port).lines == ["home.test.", '"a;b" "c"']


def test_digs_ways_to_show_less(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    server = serve(lambda query, _: reply(query, A, authority=["home.test. 300 IN NS ns.home.test."]))
    ran = query("www.home.test", "+nocmd", "+noall", "+answer", "@127.0.0.1", "-p", server.port)
    assert ran.lines == ["www.home.test.  300 IN A  127.0.0.1"]
    assert len(query("www.home.test", "+noauthority", "@127.0.0.1", "-p", server.port).records) == 1


def test_as_json(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    server = serve(lambda query, over: cut_short(query) if over == "udp" else reply(query, A, edns=Edns(options=[EdnsOption(3, b"ns1")])))
    ran = query("www.home.test", "no.home.test", "--json", "@127.0.0.1", "-p", server.port, "--no-cookie")
    told = json.loads(ran.lines[0])
    seconds = told.pop("seconds"), told["tries"][0].pop("seconds")
    assert all(0 <= one < 20 for one in seconds)
    assert told == {
        "name": "www.home.test.",
        "type": "A",
        "class": "IN",
        "rcode": "NOERROR",
        "flags": ["qr", "rd", "ra", "ad"],
        "id": server.asked[1][0].id,
        "opcode": 0,
        "server": f"127.0.0.1:{server.port}",
        "transport": "tcp",
        "bytes": len(reply(server.asked[1][0], A, edns=Edns(options=[EdnsOption(3, b"ns1")])).encode()),
        "answer": [{"name": "www.home.test.", "ttl": 300, "class": "IN", "type": "A", "data": "127.0.0.1"}],
        "authority": [],
        "additional": [],
        "edns": {"version": 0, "payload": 1232, "do": False, "options": [{"code": 3, "name": "nsid", "hex": "6e7331", "text": '"ns1"'}]},
        "tries": [{"server": f"127.0.0.1:{server.port}", "transport": "udp", "outcome": "cut short"}],
    }
    assert len(ran.lines) == 2


def test_byte_by_byte(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    server = serve()
    ran = query("www.home.test", "--explain", "@127.0.0.1", "-p", server.port)
    assert ran.lines[0] == f"→ to 127.0.0.1:{server.port} over UDP, {len(server.raw[0])} bytes"
    assert f"← from 127.0.0.1:{server.port} over UDP" in ran.out
    assert "RFC 1035 4.1.1" in ran.out
    assert "127.0.0.1" in ran.out


def test_names_in_other_letters_are_shown_beside_what_is_asked(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    ran = query("bücher.test", "@127.0.0.1", "-p", serve(lambda query, _: reply(query)).port)
    assert ran.lines[0].startswith("; xn--bcher-kva.test. (bücher.test.) IN A: NOERROR, no such records here,")


def test_what_a_server_says_can_not_obey_the_terminal(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    server = serve(lambda query, _: reply(query, 'www.home.test. 60 IN TXT "\\027[2J\\000\\200"', "\\027[2J.test. 60 IN NS \\007.test."))
    for way in ((), ("--short",), ("--json",)):
        ran = query("www.home.test", "TXT", "@127.0.0.1", "-p", server.port, *way)
        assert ran.out.isascii()
        assert all(char.isprintable() or char == "\n" for char in ran.out)


def test_colours_on_a_terminal_alone(serve: Callable[..., Serving]) -> None:
    server = serve()
    command = [sys.executable, "-m", "wirespeak", "dns", "query", "www.home.test", "@127.0.0.1", "-p", str(server.port)]
    for environment, coloured in (({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False)):
        out = pexpect.run(" ".join(command), env={**os.environ, **environment}, timeout=30)
        assert (b"\x1b[" in out) is coloured


# --- how it ends


@pytest.mark.parametrize(
    ("rcode", "told"),
    [(Rcode.NXDOMAIN, "no such name"), (Rcode.REFUSED, "it doesn't answer that"), (Rcode.SERVFAIL, "it could not find out")],
)
def test_where_the_server_says_no(rcode: Rcode, told: str, query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    ran = query("www.home.test", "@127.0.0.1", "-p", serve(lambda query, _: reply(query, rcode=rcode)).port)
    assert ran.code == 1
    assert f"{rcode.name}, {told}" in ran.out


def test_where_there_is_no_answer(query: Callable[..., Ran], serve: Callable[..., Serving], free_port: Callable[[], int]) -> None:
    ran = query("www.home.test", "@127.0.0.1", "-p", free_port())
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("wirespeak: www.home.test. IN A: 127.0.0.1:")
    server = serve(lambda query, _: None)
    ran = query("www.home.test", "--timeout", "0.05", "--tries", "2", "@127.0.0.1", "-p", server.port)
    assert (ran.code, server.over) == (3, ["udp", "udp"])
    assert "no answer from" in ran.err
    assert query("www.home.test", "@nowhere.invalid").code == 3


def test_where_the_answer_is_broken(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    server = serve(lambda query, _: reply(query, A).encode()[:-1])
    ran = query("www.home.test", "--timeout", "0.1", "--tries", "1", "@127.0.0.1", "-p", server.port)
    assert (ran.code, server.over) == (5, ["udp", "tcp"])
    assert "RFC 1035" in ran.err
    assert json.loads(query("www.home.test", "--json", "--tcp", "--tries", "1", "@127.0.0.1", "-p", server.port).out)["code"] == 5


def test_of_several_the_first_failure_tells(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    def script(query: Message, transport: str) -> Any:
        return {b"no": reply(query, rcode=Rcode.NXDOMAIN), b"www": reply(query, A)}.get(query.questions[0].name.labels[0])

    server = serve(script)
    ran = query(
        "www.home.test", "no.home.test", "silent.test", "www.home.test", "@127.0.0.1", "-p", server.port, "--timeout", "0.05", "--tries", 1
    )
    assert (ran.code, len(ran.records)) == (1, 2)


def test_tcp_and_its_absence(query: Callable[..., Ran], serve: Callable[..., Serving]) -> None:
    server = serve()
    query("www.home.test", "+tcp", "@127.0.0.1", "-p", server.port)
    assert server.over == ["tcp"]
    short = serve(lambda query, _: cut_short(query))
    ran = query("www.home.test", "--ignore", "@127.0.0.1", "-p", short.port)
    assert (ran.code, short.over) == (0, ["udp"])
    assert "; cut short: ask over TCP for the whole" in ran.lines


@pytest.mark.parametrize(
    "words",
    [
        ["a..b"],
        ["www.home.test", "+nonsense"],
        ["www.home.test", "+bufsize=99999"],
        ["www.home.test", "+time=x"],
        ["www.home.test", "-t", "NOTYPE"],
        ["www.home.test", "-x", "127.1"],
        ["www.home.test", "--subnet", "x/9"],
        ["www.home.test", "--cookie", "xyz"],
        ["www.home.test", "--option", "x"],
        ["www.home.test", "--opcode", "x"],
        ["www.home.test", "--short", "--json"],
        ["www.home.test", "--root", "127.0.0.1"],
        ["www.home.test", "--trace", "--root", "localhost"],
        ["www.home.test", "@a b"],
    ],
)
def test_wrong_usage(words: list[str], query: Callable[..., Ran]) -> None:
    ran = query(*words)
    assert ran.code == 2
    assert ran.err
    assert "Traceback" not in ran.err


# --- a walk


@pytest.fixture
def world(serve: Callable[..., Serving]) -> Serving:
    """A root server, a zone's, and one that doesn't know that it is one, on addresses of their own at one port; the root's is returned."""

    def zone(query: Message, transport: str) -> Message:
        if query.questions[0].name.labels[0] == b"no":
            return reply(query, authority=["home.test. 60 IN SOA ns.home.test. a.home.test. 1 2 3 4 5"], rcode=Rcode.NXDOMAIN, flags=AA)
        return reply(query, A, flags=AA)

    def root(query: Message, transport: str) -> Message:
        glue = ["lame.home.test. 60 IN A 127.0.0.4", "ns.home.test. 60 IN A 127.0.0.3"]
        return reply(
            query, authority=["home.test. 60 IN NS lame.home.test.", "home.test. 60 IN NS ns.home.test."], additional=glue, flags=0
        )

    first = serve(root, host="127.0.0.2")
    serve(zone, host="127.0.0.3", port=first.port)
    serve(lambda query, _: reply(query, rcode=Rcode.REFUSED), host="127.0.0.4", port=first.port)
    return first


def test_a_walk_shows_each_step(query: Callable[..., Ran], world: Serving) -> None:
    ran = query("www.home.test", "--trace", "--root", "127.0.0.2", "-p", world.port)
    assert ran.code == 0
    told = [line.partition(" in ")[0] + line.partition(" ms")[2] for line in ran.lines if line]
    assert told == [
        f"; . asked 127.0.0.2:{world.port} for www.home.test. A: referral to home.test.",
        ";   home.test. is served by lame.home.test. 127.0.0.4",
        ";   home.test. is served by ns.home.test. 127.0.0.3",
        f"; home.test. asked lame.home.test. (127.0.0.4:{world.port}) for www.home.test. A: it doesn't serve that zone (REFUSED)",
        f"; home.test. asked ns.home.test. (127.0.0.3:{world.port}) for www.home.test. A: answer",
        "www.home.test.  300 IN A  127.0.0.1",
    ]
    assert not any(question.rd for question, _ in world.asked)


def test_a_walk_in_short_and_as_json(query: Callable[..., Ran], world: Serving) -> None:
    assert query("www.home.test", "+trace", "+short", "--root", "127.0.0.2", "-p", world.port).out == "127.0.0.1\n"
    steps = [json.loads(line) for line in query("www.home.test", "--trace", "--json", "--root", "127.0.0.2", "-p", world.port).lines]
    assert [(step["zone"], step["step"]) for step in steps] == [(".", "referral"), ("home.test.", "lame"), ("home.test.", "answer")]
    assert steps[0]["next"] == {"zone": "home.test.", "servers": {"lame.home.test.": ["127.0.0.4"], "ns.home.test.": ["127.0.0.3"]}}
    assert steps[2]["records"] == [{"name": "www.home.test.", "ttl": 300, "class": "IN", "type": "A", "data": "127.0.0.1"}]


def test_a_walk_from_root_hints(query: Callable[..., Ran], world: Serving, tmp_path: Path) -> None:
    hints = tmp_path / "root.hints"
    hints.write_text(".  3600000  NS  A.ROOT-SERVERS.NET.\nA.ROOT-SERVERS.NET.  3600000  A  127.0.0.2\n")
    ran = query("www.home.test", "--trace", "--hints", hints, "-p", world.port)
    assert ran.lines[0].startswith(f"; . asked A.ROOT-SERVERS.NET. (127.0.0.2:{world.port})")
    hints.write_text("; nothing\n")
    assert query("www.home.test", "--trace", "--hints", hints).code == 2


def test_a_walk_from_the_roots_that_a_server_knows(query: Callable[..., Ran], world: Serving, serve: Callable[..., Serving]) -> None:
    server = serve(
        lambda query, _: reply(query, ". 60 IN NS a.root.test.", additional=["a.root.test. 60 IN A 127.0.0.2"]),
        host="127.0.0.5",
        port=world.port,
    )
    ran = query("www.home.test", "--trace", "+short", "@127.0.0.5", "-p", world.port)
    assert (ran.out, asked(server)) == ("127.0.0.1\n", [". IN NS"])


def test_a_walk_that_ends_without_an_answer(query: Callable[..., Ran], world: Serving, free_port: Callable[[], int]) -> None:
    assert query("no.home.test", "--trace", "--root", "127.0.0.2", "-p", world.port).code == 1
    ran = query("www.home.test", "--trace", "--root", "127.0.0.9", "-p", world.port)
    assert ran.code == 3
    assert "none of the name servers of . helps" in ran.err
