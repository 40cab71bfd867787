"""``wirespeak dns serve`` as its user sees it: what it says, what it answers to dig, how it is told of changes, and stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.processes import Program
from tests.sockets.serving import until

Start = Callable[..., Program]

COMMAND = (sys.executable, "-m", "wirespeak", "dns", "serve")
ZONE = "$TTL 60\n@ SOA ns admin {serial} 3600 600 604800 60\n@ NS ns\nns A 127.0.0.1\nwww A {address}\n"
SECRETS = ("000102030405060708090a0b0c0d0e0f", "101112131415161718191a1b1c1d1e1f")


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    path = tmp_path / "home.test.zone"
    change(path, 1, "127.0.0.1")
    return path


def change(path: Path, serial: int, address: str) -> None:
    path.write_text(ZONE.format(serial=serial, address=address))


class Serving:
    """A server that is ready, on a port of its own."""

    def __init__(self, start: Start, zone: Path, *arguments: str | Path, bind: str = "127.0.0.1:0", **options: object) -> None:
        self.program = start([*COMMAND, "--zone", zone, "--bind", bind, *arguments], ready=r"\(tcp\)$|\"tcp\"", **options)
        found = re.search(r'listening on \S+:(\d+) \(udp\)|"port":(\d+)', self.program.output)
        assert found is not None
        self.port = int(found[1] or found[2])

    def dig(self, *question: str, server: str = "127.0.0.1") -> str:
        done = subprocess.run(
            ["dig", f"@{server}", "-p", str(self.port), "+tries=1", "+timeout=20", *question], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def short(self, *question: str) -> str:
        return self.dig("+short", *question)


# --- what it says, and answers


@pytest.mark.peer("dig")
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_dig_is_answered_over_both_transports_at_one_port(start: Start, zone: Path, transport: str) -> None:
    serving = Serving(start, zone)
    assert re.search(
        rf"^listening on 127.0.0.1:{serving.port} \(udp\)\nlistening on 127.0.0.1:{serving.port} \(tcp\)$", serving.program.output
    )
    assert serving.short("www.home.test", transport) == "127.0.0.1"
    assert "status: NXDOMAIN" in serving.dig("nothing.home.test", transport)
    refused = serving.dig("www.example", transport)
    assert "status: REFUSED" in refused
    assert "EDE: 20 (Not Authoritative)" in refused
    assert "(good)" in refused  # the cookie


@pytest.mark.peer("dig")
def test_it_tells_what_it_is_to_who_asks(start: Start, zone: Path) -> None:
    serving = Serving(start, zone, "--nsid", "first", "--version-text", "a version", "--idle-time", "7.5")
    assert '("first")' in serving.dig("www.home.test", "+nsid")
    assert serving.short("version.bind", "CH", "TXT") == '"a version"'
    assert serving.short("id.server", "CH", "TXT") == '"first"'
    assert "TCP KEEPALIVE: 7.5 secs" in serving.dig("www.home.test", "+tcp", "+keepalive")


@pytest.mark.peer("dig")
def test_several_zones_at_several_places(start: Start, zone: Path, tmp_path: Path) -> None:
    other = tmp_path / "another"
    change(other, 1, "127.0.0.9")
    serving = Serving(start, zone, "--zone", f"two.test={other}", "--bind", "[::1]:0")
    assert serving.short("www.two.test") == "127.0.0.9"
    serving.port = int(serving.program.wait_for(r"listening on \[::1\]:(\d+) \(tcp\)")[1])
    assert "127.0.0.1" in serving.dig("www.home.test", server="::1")


def test_a_program_is_told_where_it_listens(start: Start, zone: Path) -> None:
    serving = Serving(start, zone, "--json")
    events = [json.loads(line) for line in serving.program.output.splitlines()]
    place = {"event": "listening", "service": "dns", "host": "127.0.0.1", "port": serving.port}
    assert events == [place | {"transport": "udp"}, place | {"transport": "tcp"}]


@pytest.mark.peer("dig")
def test_several_processes_share_the_work(start: Start, zone: Path) -> None:
    serving = Serving(start, zone, "--workers", "2", "--json")
    for transport in ("+tcp", "+notcp") * 5:
        assert serving.short("www.home.test", transport) == "127.0.0.1"
        # Each knows the cookies of the other: what the one gives out, the other takes.
        assert "(good)" in serving.dig("www.home.test", transport)
    change(zone, 2, "127.0.0.2")
    os.kill(serving.program.pid, signal.SIGHUP)
    until(lambda: all(serving.short("www.home.test") == "127.0.0.2" for _ in range(10)))
    os.kill(serving.program.pid, signal.SIGTERM)
    assert serving.program.wait() == 0


# --- changes


@pytest.mark.peer("dig")
def test_a_changed_zone_is_answered_a_moment_later(start: Start, zone: Path) -> None:
    serving = Serving(start, zone)
    change(zone, 2, "127.0.0.2")
    until(lambda: serving.short("www.home.test") == "127.0.0.2")
    serving.program.wait_for(r"home\.test\.: serial 2 in place of 1")


@pytest.mark.peer("dig")
def test_unwatched_it_is_read_at_a_hangup(start: Start, zone: Path) -> None:
    serving = Serving(start, zone, "--no-watch")
    change(zone, 2, "127.0.0.2")
    os.kill(serving.program.pid, signal.SIGHUP)
    until(lambda: serving.short("www.home.test") == "127.0.0.2")


@pytest.mark.peer("dig")
def test_a_zone_that_became_wrong_is_told_and_the_old_one_stays(start: Start, zone: Path) -> None:
    serving = Serving(start, zone)
    change(zone, 2, "127.0.0")
    serving.program.wait_for(rf"{zone}:5:7: .* home\.test\. stays as it was, serial 1")
    assert serving.short("www.home.test") == "127.0.0.1"


# --- the log


@pytest.mark.peer("dig")
def test_questions_are_noted_and_the_file_may_be_moved_away(start: Start, zone: Path, tmp_path: Path) -> None:
    log = tmp_path / "queries"
    serving = Serving(start, zone, "--log", log)
    serving.short("www.home.test", "+nocookie")
    until(lambda: "query: www.home.test IN A +E(0) NOERROR 58" in log.read_text())
    log.rename(tmp_path / "old")
    os.kill(serving.program.pid, signal.SIGHUP)
    until(log.exists)
    serving.short("ns.home.test", "+tcp")
    serving.program.end()
    assert "query: ns.home.test IN A +E(0)TK NOERROR" in log.read_text()


@pytest.mark.peer("dig")
def test_they_are_noted_for_programs_on_standard_error(start: Start, zone: Path) -> None:
    serving = Serving(start, zone, "--log", "-", "--log-format", "json")
    serving.short("www.home.test", "AAAA")
    line = serving.program.wait_for(r'^\{"time".*$')[0]
    assert {key: json.loads(line)[key] for key in ("name", "type", "rcode", "transport")} == {
        "name": "www.home.test",
        "type": "AAAA",
        "rcode": "NOERROR",
        "transport": "udp",
    }


# --- cookies


@pytest.mark.peer("dig")
def test_servers_that_share_a_secret_know_each_others_cookies(start: Start, zone: Path, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.write_text(f"{SECRETS[0]}\n")
    one = Serving(start, zone, "--cookie-secrets", secrets, "--require-cookies")
    two = Serving(start, zone, "--cookie-secrets", secrets, "--require-cookies")
    cookie = given(one)
    assert "status: NOERROR" in two.dig("www.home.test", f"+cookie={cookie}", "+nobadcookie")
    assert "status: BADCOOKIE" in two.dig("www.home.test", f"+cookie={cookie[:-2]}00", "+nobadcookie")
    # A new secret comes in front, and the one before it is still known.
    secrets.write_text(f"{SECRETS[1]}\n{SECRETS[0]}\n")
    os.kill(two.program.pid, signal.SIGHUP)
    until(lambda: given(two, cookie) != cookie)
    assert "status: NOERROR" in two.dig("www.home.test", f"+cookie={cookie}", "+nobadcookie")
    secrets.write_text("none at all\n")
    os.kill(two.program.pid, signal.SIGHUP)
    two.program.wait_for("the secrets stay as they were")
    assert "status: NOERROR" in two.dig("www.home.test", f"+cookie={cookie}", "+nobadcookie")


def given(serving: Serving, before: str = "0011223344556677") -> str:
    """The cookie that is given to who shows the one ``before``."""
    return re.search("COOKIE: ([0-9a-f]{48})", serving.dig("www.home.test", f"+cookie={before}", "+nobadcookie"))[1]


@pytest.mark.peer("dig")
def test_cookies_can_be_left_out(start: Start, zone: Path) -> None:
    assert "COOKIE" not in Serving(start, zone, "--no-cookies").dig("www.home.test")


# --- other machines


@pytest.mark.peer("dig")
def test_where_others_can_come_in_it_says_so(start: Start, zone: Path) -> None:
    serving = Serving(start, zone, bind="0.0.0.0:0")
    assert re.search(r"other machines can ask at 0\.0\.0\.0:0: for home\.test\., no recursion", serving.program.output)
    assert serving.short("www.home.test") == "127.0.0.1"


@pytest.mark.peer("dig")
@pytest.mark.parametrize(("rate", "cut_short"), [([], 0), (["--rate", "1", "--slip", "1", "--no-cookies"], 28)])
def test_answers_are_held_to_the_rate_that_one_sets(start: Start, zone: Path, rate: list[str], cut_short: int) -> None:
    serving = Serving(start, zone, *rate)
    said = serving.dig("+ignore", *["www.home.test"] * 30)
    assert said.count("status: NOERROR") == 30
    assert said.count(" tc ") >= cut_short - 4  # a second or two may pass meanwhile, with a token for each
    assert bool(said.count(" tc ")) is bool(cut_short)


# --- options from elsewhere


@pytest.mark.peer("dig")
def test_options_can_stand_in_the_environment(start: Start, zone: Path) -> None:
    env = {"WIRESPEAK_DNS_SERVE_ZONE": str(zone), "WIRESPEAK_DNS_SERVE_BIND": "127.0.0.1:0", "WIRESPEAK_DNS_SERVE_NSID": "here"}
    program = start(COMMAND, env=env, ready=r"\(tcp\)$")
    port = re.search(r":(\d+) \(udp\)", program.output)[1]
    done = subprocess.run(["dig", "@127.0.0.1", "-p", port, "www.home.test", "+nsid"], capture_output=True, text=True)
    assert '("here")' in done.stdout


def test_options_can_stand_in_the_settings(start: Start, zone: Path, tmp_path: Path) -> None:
    (tmp_path / "wirespeak.toml").write_text(f'[dns.serve]\nzone = ["{zone}"]\nbind = ["127.0.0.1:0"]\njson = true\n')
    program = start(COMMAND, cwd=tmp_path, ready='"tcp"')
    assert json.loads(program.output.splitlines()[0])["service"] == "dns"


# --- how it ends, and what it refuses


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: signal.Signals(number).name)
def test_a_signal_stops_it_in_good_order(start: Start, zone: Path, number: int) -> None:
    serving = Serving(start, zone)
    with socket.create_connection(("127.0.0.1", serving.port), timeout=20) as sock:
        os.kill(serving.program.pid, number)
        assert sock.recv(1) == b""
        sock.close()
        assert serving.program.wait() == 0
    assert "Traceback" not in serving.program.output


def refused(*arguments: str | Path | int) -> tuple[int, str]:
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_without_a_zone_there_is_nothing_to_serve() -> None:
    code, said = refused()
    assert code == 2
    assert "--zone" in said


def test_a_zone_that_is_wrong_is_told_with_its_place(zone: Path) -> None:
    change(zone, 1, "127.0.0")
    code, said = refused("--zone", zone)
    assert code == 4
    assert f"wirespeak: {zone}:5:7: " in said


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    code, said = refused("--zone", tmp_path / "home.test")
    assert code == 4
    assert f"{tmp_path}/home.test" in said


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
def test_a_port_that_is_taken_is_told(zone: Path, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        port = holder.getsockname()[1]
        code, said = refused("--zone", zone, "--bind", f"127.0.0.1:{port}")
    assert code == 4
    assert f"can't listen on 127.0.0.1:{port}" in said


@pytest.mark.parametrize("lines", [["short"], [SECRETS[0][:-2]], []])
def test_secrets_that_are_none_are_told(zone: Path, tmp_path: Path, lines: Sequence[str]) -> None:
    (tmp_path / "secrets").write_text("\n".join(lines))
    code, said = refused("--zone", zone, "--cookie-secrets", tmp_path / "secrets")
    assert code == 4
    assert f"{tmp_path}/secrets: " in said
