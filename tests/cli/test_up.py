"""``wirespeak up`` as its user sees it: at a terminal, in a pipe, from a program; started, refused and stopped."""

from __future__ import annotations

import html
import json
import os
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from tests.localnet.running import COMMAND, FREE, Up, up
from tests.processes import Program
from wirespeak.localnet import SERVICES
from wirespeak.smtp.inbox import Inbox

Start = Callable[..., Program]


def curl(*arguments: str) -> str:
    done = subprocess.run(["curl", "--silent", "--show-error", "--fail", "--max-time", "20", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


# --- what it serves


@pytest.mark.peer("curl")
def test_curl_is_given_the_page_over_http(start: Start) -> None:
    net = up(start)
    assert "<!doctype html>" in curl(net.http)
    assert "You said" in curl(f"{net.http}explain")
    for address in ("127.0.0.1", "[::1]", "www.home.test"):  # the last by --resolve, as nobody knows of it yet
        assert curl("--resolve", f"www.home.test:{net.port}:127.0.0.1", f"http://{address}:{net.port}/status")


@pytest.mark.peer("curl")
def test_curl_trusts_the_page_over_tls_with_the_authority_alone(start: Start) -> None:
    net = up(start)
    assert "<!doctype html>" in curl("--cacert", str(net.authority), net.https)
    untrusted = subprocess.run(["curl", "--silent", net.https], capture_output=True)
    assert untrusted.returncode == 60  # curl(1): the peer's certificate cannot be authenticated
    root = curl("--cacert", str(net.authority), f"{net.https}authority/wirespeak-root.pem")
    assert root == net.authority.read_text()


@pytest.mark.peer("curl")
def test_every_command_for_curl_on_the_home_page_works_as_it_is_written(start: Start) -> None:
    net = up(start)
    commands = re.findall(r"<pre><code>(curl .*?)</code></pre>", curl(net.http))
    assert len(commands) == 2
    for command in commands:
        assert "You said, in" in subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout


@pytest.mark.peer("curl")
def test_a_page_from_elsewhere_is_kept_out(start: Start) -> None:
    net = up(start)

    def status(*arguments: str) -> str:
        done = subprocess.run(["curl", "-s", "-o", os.devnull, "-w", "%{http_code}", *arguments], capture_output=True, text=True)
        return done.stdout

    assert status("-H", "Host: evil.example", net.http) == "421"
    assert status("-H", "Origin: http://evil.example", f"{net.http}status") == "403"
    assert status("-X", "POST", "-H", "Origin: http://evil.example", net.http) == "403"
    assert status(f"{net.http}status") == "200"


@pytest.mark.peer("inetutils-telnet")
def test_a_request_can_be_typed(start: Start) -> None:
    """What the page says to type, typed into a real telnet."""
    net = up(start)
    telnet = pexpect.spawn("inetutils-telnet", ["localhost", str(net.port)], encoding="utf-8", timeout=20)
    telnet.expect_exact("Escape character is")
    for line in ("GET /explain HTTP/1.1", f"Host: localhost:{net.port}", ""):
        telnet.sendline(line)
    telnet.expect_exact("HTTP/1.1 200 OK")
    said = len(f"GET /explain HTTP/1.1\r\nHost: localhost:{net.port}\r\n\r\n")
    telnet.expect_exact(f"You said, in {said} bytes:")
    telnet.expect(r"GET·\s+method")
    telnet.sendline("GET /explain HTTP/1.0")  # the connection was kept, and is closed after this
    telnet.sendline("")
    telnet.expect_exact("You said, in 25 bytes:")
    telnet.expect_exact("closed by foreign host")
    telnet.expect(pexpect.EOF)
    telnet.close()


@pytest.mark.peer("openssl")
def test_a_request_can_be_typed_over_tls(start: Start) -> None:
    net = up(start)
    place = net.https.removeprefix("https://").rstrip("/")
    client = pexpect.spawn(
        "openssl",
        ["s_client", "-quiet", "-crlf", "-verify_return_error", "-CAfile", str(net.authority), "-connect", place],
        encoding="utf-8",
        timeout=20,
    )
    client.expect_exact("verify return:1")
    for line in ("GET /explain HTTP/1.1", f"Host: {place}", "Connection: close", ""):
        client.sendline(line)
    client.expect(r"You said, in \d+ bytes:")
    client.expect(pexpect.EOF)
    client.close()


# --- names


def dig(net: Up, *question: str, server: str = "localhost") -> str:
    done = subprocess.run(["dig", f"@{server}", "-p", str(net.port_of("dns")), "+short", *question], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()


@pytest.mark.peer("dig")
@pytest.mark.parametrize("server", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_dig_is_told_the_names_of_all_that_runs(start: Start, server: str, transport: str) -> None:
    net = up(start)
    assert dig(net, "www.home.test", transport, server=server) == "127.0.0.1"
    assert dig(net, "home.test", "AAAA", transport, server=server) == "::1"
    assert dig(net, "home.test", "MX", transport, server=server) == "10 mail.home.test."
    assert dig(net, "home.test", "TXT", transport, server=server) == '"v=spf1 a mx -all"'
    assert dig(net, "_irc._tcp.home.test", "SRV", transport, server=server) == f"0 0 {net.port_of('irc')} irc.home.test."
    assert dig(net, "_telnet._tcp.home.test", "SRV", transport, server=server) == f"0 0 {net.port_of('telnet')} telnet.home.test."
    assert dig(net, "_http._tcp.home.test", "SRV", transport, server=server) == f"0 0 {net.port} www.home.test."
    assert dig(net, "www.home.test", "HTTPS", transport, server=server) == f'1 . alpn="http/1.1" port={net.port_of("https")}'
    assert dig(net, "-x", "127.0.0.1", transport, server=server) == dig(net, "-x", "::1", transport, server=server) == "localhost."


@pytest.mark.peer("dig")
def test_a_name_that_one_adds_is_answered_a_moment_later(start: Start) -> None:
    net = up(start)
    mine = net.folder / "names" / "yours.zone"
    mine.write_text(mine.read_text() + 'hello TXT "from me"\n')
    limit = time.monotonic() + 30
    while dig(net, "hello.home.test", "TXT") != '"from me"':
        assert time.monotonic() < limit


def test_a_zone_of_ones_own_that_is_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / "yours.zone").write_text("shop A 127.0.0.1\nwww A 127.0.0\n")
    code, said = refused("--dir", tmp_path, *FREE)
    assert code == 4
    assert f"{tmp_path}/names/yours.zone:2:7: " in said


@pytest.mark.peer("dig")
def test_every_command_for_dig_on_the_home_page_works_as_it_is_written(start: Start) -> None:
    net = up(start)
    commands = re.findall(r"<pre><code>(dig .*?)</code></pre>", curl(net.http))
    assert len(commands) == 3
    for command in commands:
        assert "status: NOERROR" in subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout


# --- mail


@pytest.mark.peer("inetutils-telnet")
def test_a_mail_can_be_typed(start: Start) -> None:
    """What the page says to type, typed into a real telnet; and read where it lies."""
    net = up(start)
    page = curl(net.http)
    typed = re.findall(r"<span>(.*?)</span>", page[page.index(f"telnet localhost {net.port_of('smtp')}") :])
    telnet = pexpect.spawn("inetutils-telnet", ["localhost", str(net.port_of("smtp"))], encoding="utf-8", timeout=20)
    telnet.expect_exact("220 mail.home.test ESMTP")
    for line, answer in zip(
        map(html.unescape, typed), ("250 STARTTLS", "250 2.1.0", "250 2.1.5", "354 ", "", "", "", "250 2.0.0", "221 2.0.0"), strict=False
    ):
        telnet.sendline(line)
        telnet.expect_exact(answer)
    telnet.expect(pexpect.EOF)
    telnet.close()
    with Inbox.open(net.folder / "mail") as inbox:
        mail = inbox.get("latest")
    assert (mail.folder, mail.sender, mail.subject, mail.text) == ("home.test/alice", "me@my.test", "By hand", "Hello!\n")


@pytest.mark.peer("curl")
def test_every_command_for_mail_on_the_home_page_works_as_it_is_written(start: Start) -> None:
    net = up(start)
    page = curl(net.http)
    commands = [html.unescape(command) for command in re.findall(r"<pre><code>(.*?)</code></pre>", page)]
    (by_curl,) = (command for command in commands if "--mail-rcpt" in command)
    by_us, by_alice = (command for command in commands if " smtp send " in command)
    (inbox,) = (command for command in commands if " smtp inbox " in command)
    (agreeing,) = (command for command in commands if "-starttls" in command)
    for command in (by_curl, by_us, by_alice):
        subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    listed = subprocess.run(inbox, shell=True, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(listed) == 3
    assert "\talice@home.test\tbob@home.test\tLunch" in listed[0]
    assert "\tme@my.test\talice@home.test\tHello" in listed[1]
    assert "\talice@home.test\tbob@home.test\t" in listed[2]
    answered = subprocess.run(agreeing, shell=True, input="EHLO my.test\nQUIT\n", capture_output=True, text=True, timeout=20).stdout
    assert "AUTH SCRAM-SHA-256 PLAIN LOGIN" in answered


def login(net: Up) -> tuple[str, str]:
    return "alice", (net.folder / "mail-password").read_text().strip()


def test_who_logs_in_over_tls_can_send(start: Start) -> None:
    net = up(start)
    context = ssl.create_default_context(cafile=str(net.authority))
    with smtplib.SMTP("localhost", net.port_of("submission"), timeout=20) as client:
        assert "auth" not in client.esmtp_features
        client.starttls(context=context)
        with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
            client.sendmail("alice@home.test", "bob@home.test", "Subject: no\r\n\r\n")
        client.login(*login(net))
        client.sendmail("alice@home.test", "bob@home.test", "Subject: one\r\n\r\n")
    with smtplib.SMTP_SSL("localhost", net.port_of("submissions"), timeout=20, context=context) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("alice", "a guess")
        client.login(*login(net))
        client.sendmail("alice@home.test", "bob@home.test", "Subject: two\r\n\r\n")
    with Inbox.open(net.folder / "mail") as inbox:
        mails = inbox.list(to="bob@home.test")
        assert [mail.subject for mail in mails] == ["two", "one"]
        assert mails[0].header("Message-ID")  # a submitted mail is completed (RFC 6409 8)


def test_mail_is_for_home_alone_and_somebody_minds_it(start: Start) -> None:
    net = up(start)
    with smtplib.SMTP("127.0.0.1", net.port_of("smtp"), timeout=20) as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"5\.7\.1"):
            client.sendmail("me@my.test", "you@elsewhere.test", "Subject: no\r\n\r\n")
        client.ehlo()
        client.mail("me@my.test")
        assert client.rcpt("Postmaster")[0] == 250
        client.data("Subject: To whom it may concern\r\n\r\n")
    with Inbox.open(net.folder / "mail") as inbox:
        assert inbox.get("latest").folder == "home.test/postmaster"


def test_the_password_stays_from_one_run_to_the_next(start: Start, tmp_path: Path) -> None:
    first = up(start, "--dir", tmp_path / "net")
    before = login(first)
    assert (first.folder / "mail-password").stat().st_mode & 0o777 == 0o600
    first.program.end()
    second = up(start, "--dir", tmp_path / "net")
    assert login(second) == before
    context = ssl.create_default_context(cafile=str(second.authority))
    with smtplib.SMTP_SSL("localhost", second.port_of("submissions"), timeout=20, context=context) as client:
        client.login(*before)


# --- a terminal


@pytest.mark.peer("inetutils-telnet")
def test_the_lobby_leads_to_all_the_rest(start: Start) -> None:
    """At a real telnet, in 40 columns: names, a page, mail sent and read."""
    net = up(start)
    user, password = login(net)
    lobby = pexpect.spawn(
        "telnet",
        ["localhost", str(net.port_of("telnet"))],
        env={**os.environ, "TERM": "vt100"},
        encoding="utf-8",
        timeout=20,
        dimensions=(24, 40),
    )

    def do(*said: str) -> None:
        for line in said:
            lobby.expect(r"(> |: |/|\) )$")
            lobby.send(f"{line}\r")

    do("n", "www.home.test")
    lobby.expect_exact("A 127.0.0.1")
    do("n", "::1")
    lobby.expect_exact("PTR localhost.")
    do("p", "explain")
    lobby.expect_exact("200 OK")
    lobby.expect("You said, in")
    do("q", "s", "", user, "From the lobby")
    lobby.expect_exact("a dot alone ends it")
    lobby.send("Hello, héllo!\r.\r")
    lobby.expect_exact(f"Sent to {user}@home.test")
    do("r", user, password)
    lobby.expect_exact("From the lobby")
    do("1")
    lobby.expect_exact("Hello, héllo!")
    do("", "a")
    lobby.expect_exact(f"telnet://localhost:{net.port_of('telnet')}/")
    do("q")
    lobby.expect_exact("Goodbye.")
    lobby.expect(pexpect.EOF)
    lobby.close()


def test_the_lobby_counts_its_visitors(start: Start) -> None:
    net = up(start)
    with socket.create_connection(("127.0.0.1", net.port_of("telnet")), timeout=20) as sock:
        sock.sendall(b"w\r\n")
        while b"(you)" not in sock.recv(65536):
            pass
        (lobby,) = (one for one in json.loads(curl(f"{net.http}status"))["services"] if one["name"] == "telnet")
        assert (lobby["connections"], lobby["visits"]) == ({"open": 1}, {"total": 1})


# --- what it says


def test_a_program_is_told_where_it_listens_and_when_it_is_ready(start: Start) -> None:
    net = up(start)
    *listening, ready = net.events
    assert {(event["event"], event["service"], event["transport"]) for event in listening} == {
        ("listening", "http", "tcp"),
        ("listening", "https", "tcp"),
        ("listening", "smtp", "tcp"),
        ("listening", "submission", "tcp"),
        ("listening", "submissions", "tcp"),
        ("listening", "telnet", "tcp"),
        ("listening", "irc", "tcp"),
        ("listening", "ircs", "tcp"),
        ("listening", "dns", "udp"),
        ("listening", "dns", "tcp"),
    }
    assert {event["host"] for event in listening if event["service"] == "http"} == {"127.0.0.1", "::1"}
    assert {event["port"] for event in listening if event["service"] == "http"} == {net.port}
    assert ready == {
        "event": "ready",
        "folder": str(net.folder),
        "authority": str(net.authority),
        "urls": {
            "http": net.http,
            "https": net.https,
            "smtp": f"smtp://localhost:{net.port_of('smtp')}/",
            "submission": f"smtp://localhost:{net.port_of('submission')}/",
            "submissions": f"smtps://localhost:{net.port_of('submissions')}/",
            "telnet": f"telnet://localhost:{net.port_of('telnet')}/",
            "irc": f"irc://localhost:{net.port_of('irc')}/",
            "ircs": f"ircs://localhost:{net.port_of('ircs')}/",
            "dns": f"dns://localhost:{net.port_of('dns')}/",
        },
    }
    for event in listening:
        if event["transport"] == "udp":
            continue
        socket.create_connection((event["host"], event["port"]), timeout=20).close()


def test_a_pipe_is_told_plainly(start: Start) -> None:
    program = start([*COMMAND, "--ephemeral"], ready="Ctrl-C stops it")
    assert re.search(r"^listening on 127\.0\.0\.1:\d+ \(tcp\)$", program.output, re.MULTILINE)
    assert re.search(r"^listening on \[::1\]:\d+ \(tcp\)$", program.output, re.MULTILINE)
    assert re.search(r"^  telnet localhost \d+$", program.output, re.MULTILINE)
    assert "\x1b" not in program.output
    # However long a path is, a command is one line.
    assert re.search(r"^  curl --cacert \S+ https://localhost:\d+/explain$", program.output, re.MULTILINE)


def at_a_terminal(**env: str) -> str:
    """What stands on a terminal from the start to after Ctrl-C."""
    surroundings = {**os.environ, "TERM": "xterm-256color", **env}
    program = pexpect.spawn(COMMAND[0], [*COMMAND[1:], "--ephemeral"], env=surroundings, encoding="utf-8", timeout=20)
    program.expect_exact("Ctrl-C stops it.")
    said = str(program.before) + str(program.after)
    program.sendintr()
    program.expect_exact("Stopped.")
    program.expect(pexpect.EOF)
    program.close()
    assert program.exitstatus == 0
    return said


def test_a_terminal_is_told_in_colours() -> None:
    said = at_a_terminal()
    assert re.search(r"\x1b\[[0-9;]*3[0-7]m", said)
    assert "The web over TLS" in said


def test_no_colours_where_none_are_wanted() -> None:
    said = at_a_terminal(NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", said)
    assert "The web over TLS" in said


# --- where it lives


def test_its_folder_is_in_the_data_folder(start: Start, tmp_path: Path) -> None:
    program = start([*COMMAND, "--json", *FREE], env={"XDG_DATA_HOME": str(tmp_path)})
    assert Up(program).folder == tmp_path / "wirespeak"


@pytest.mark.peer("curl")
def test_the_authority_and_the_files_stay_from_one_run_to_the_next(start: Start, tmp_path: Path) -> None:
    first = up(start, "--dir", tmp_path / "net")
    root = first.authority.read_bytes()
    (first.folder / "www" / "note.txt").write_text("still here")
    first.program.end()
    second = up(start, "--dir", tmp_path / "net")
    assert second.authority.read_bytes() == root
    assert curl("--cacert", str(first.authority), f"{second.https}files/note.txt") == "still here"


def test_an_ephemeral_one_leaves_nothing_behind(start: Start) -> None:
    net = up(start)
    assert net.folder.is_dir()
    net.program.end()
    assert not net.folder.exists()


def test_options_can_stand_in_the_environment(start: Start, tmp_path: Path) -> None:
    env = {"WIRESPEAK_UP_DIR": str(tmp_path / "there"), "WIRESPEAK_UP_JSON": "1"}
    env |= {f"WIRESPEAK_UP_{service.name.upper()}_PORT": "0" for service in SERVICES}
    assert Up(start(COMMAND, env=env)).folder == tmp_path / "there"


# --- how it ends


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: signal.Signals(number).name)
def test_a_signal_stops_it_in_good_order(start: Start, number: int) -> None:
    """Also with connections open: one that was never used, one kept after an answer."""
    net = up(start)
    with socket.create_connection(("127.0.0.1", net.port), timeout=20), socket.create_connection(("::1", net.port), timeout=20) as kept:
        kept.sendall(b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert kept.recv(65536).startswith(b"HTTP/1.1 200 OK")
        os.kill(net.program.pid, number)
        assert net.program.wait() == 0
        assert kept.recv(65536) == b""
    assert json.loads(net.program.output.splitlines()[-1]) == {"event": "stopped"}
    assert is_free(net.port)


def test_it_runs_though_nobody_reads_what_it_says(start: Start, free_port: Callable[[], int], tmp_path: Path) -> None:
    port = free_port()
    command = [*COMMAND, "--dir", tmp_path, *FREE, "--http-port", str(port)]
    program = start(["bash", "-c", '"$@" | true', "-", *command], port=port)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.sendall(b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK")
    assert program.output == ""


# --- what it refuses


def refused(*arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize("option", [f"--{service.name}-port" for service in SERVICES])
def test_a_port_that_is_taken_is_told_with_who_has_it(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        code, said = refused("--dir", tmp_path, *FREE, option, port)
    assert code == 4
    assert f"can't listen on 127.0.0.1:{port}" in said
    assert f"(process {os.getpid()}) listens there" in said
    assert f"choose another with {option}" in said


def test_a_port_that_is_taken_in_ipv6_alone_is_told_too(tmp_path: Path) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as holder:
        port = holder.getsockname()[1]
        code, said = refused("--dir", tmp_path, *FREE, "--http-port", port)
    assert code == 4
    assert f"can't listen on [::1]:{port}" in said


def test_a_port_that_is_taken_for_datagrams_alone_is_told_too(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        code, said = refused("--dir", tmp_path, *FREE, "--dns-port", port)
    assert code == 4
    assert f"can't listen on 127.0.0.1:{port}" in said
    assert "over UDP; choose with --dns-port" in said


def test_where_others_could_listen_in_it_wants_to_be_told_so(tmp_path: Path) -> None:
    code, said = refused("--host", "0.0.0.0", "--dir", tmp_path, *FREE)
    assert code == 2
    assert "--plain" in said


@pytest.mark.peer("curl")
def test_other_machines_are_let_in_when_told_so(start: Start) -> None:
    """127.0.0.2 stands for an address that has no name here: asked for by it, the site answers."""
    net = up(start, "--host", "0.0.0.0", "--plain")
    assert curl(f"http://127.0.0.2:{net.port}/status")
    assert net.http.startswith("http://localhost:")


def test_a_wrong_host_is_wrong_usage() -> None:
    code, said = refused("--host", "127.0.0.1:80", "--ephemeral")
    assert code == 2
    assert "127.0.0.1:80" in said


def test_two_folders_are_wrong_usage(tmp_path: Path) -> None:
    code, said = refused("--ephemeral", "--dir", tmp_path)
    assert code == 2
    assert "choose one of the two" in said


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, said = refused("--dir", tmp_path / "file" / "net", *FREE)
    assert code == 4
    assert "choose another with --dir" in said
