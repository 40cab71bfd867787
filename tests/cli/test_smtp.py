"""``wirespeak smtp serve`` as its user sees it: whose mail it takes and where that goes, what it says, what it refuses."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.processes import Program
from tests.sockets.serving import until
from wirespeak.smtp.inbox import Inbox
from wirespeak.smtp.users import Users
from wirespeak.sockets.authority import Authority

Start = Callable[..., Program]

COMMAND = (sys.executable, "-m", "wirespeak", "smtp", "serve")
MAIL = "Subject: Hello\r\n\r\nHi\r\n"


class Serving:
    """A server that is ready, on a port of its own."""

    def __init__(self, start: Start, *arguments: str | Path, **options: object) -> None:
        self.program = start([*COMMAND, "--bind", "127.0.0.1:0", *arguments], ready=r"\(tcp\)$|\"tcp\"", **options)
        self.port = int(re.search(r'listening on \S+:(\d+) \(tcp\)|"port":(\d+)', self.program.output).expand(r"\1\2"))

    def client(self, kind: type[smtplib.SMTP] = smtplib.SMTP, **options: object) -> AbstractContextManager[smtplib.SMTP]:
        return kind("localhost", self.port, local_hostname="here.test", timeout=20, **options)

    def send(self, recipient: str, sender: str = "me@away.test") -> None:
        with self.client() as client:
            client.sendmail(sender, recipient, MAIL)

    def refuses(self, recipient: str) -> str:
        """How the recipient is refused."""
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
            self.send(recipient)
        code, words = refusal.value.recipients[recipient]
        return f"{code} {words.decode()}"


def mails(folder: Path) -> dict[str, int]:
    """How many mails lie in each Maildir."""
    found: dict[str, int] = {}
    with Inbox.open(folder) as inbox:
        for mail in inbox.list():
            found[mail.folder] = found.get(mail.folder, 0) + 1
    return found


@pytest.fixture
def users(tmp_path: Path) -> Path:
    file = tmp_path / "users"
    Users(file).add("ann", "secret", iterations=4096)
    return file


# --- whose mail it takes


def test_mail_for_a_domain_goes_into_maildirs(start: Start, tmp_path: Path) -> None:
    serving = Serving(start, "--domain", "home.test", "--domain", "two.test", "--maildir", tmp_path / "new" / "mail")
    for recipient in ("ann@home.test", "Ann+lists@HOME.test", "bob@two.test", "Postmaster@home.test"):
        serving.send(recipient)
    assert mails(tmp_path / "new" / "mail") == {"home.test/ann": 2, "two.test/bob": 1, "home.test/postmaster": 1}
    assert serving.refuses("ann@elsewhere.test").startswith("550 5.7.1")


def test_the_maildirs_are_in_the_data_folder_unless_told_otherwise(start: Start, tmp_path: Path) -> None:
    Serving(start, "--domain", "home.test", env={"XDG_DATA_HOME": str(tmp_path)}).send("ann@home.test")
    assert mails(tmp_path / "wirespeak" / "mail") == {"home.test/ann": 1}


def test_users_aliases_and_who_gets_the_rest(start: Start, tmp_path: Path) -> None:
    names = ["--user", "ann", "--user", "bob", "--alias", "sales=ann, bob", "--alias", "info=ann"]
    serving = Serving(start, "--domain", "home.test", *names, "--maildir", tmp_path)
    for recipient in ("sales@home.test", "info@home.test"):
        serving.send(recipient)
    assert mails(tmp_path) == {"home.test/ann": 2, "home.test/bob": 1}
    assert serving.refuses("who@home.test").startswith("550 5.1.1")
    more = Serving(start, "--domain", "home.test", *names, "--catch-all", "bob", "--maildir", tmp_path)
    more.send("who@home.test")
    assert mails(tmp_path) == {"home.test/ann": 2, "home.test/bob": 2}


def test_mail_for_anyone_is_caught(start: Start, tmp_path: Path) -> None:
    serving = Serving(start, "--catch", "--inbox", tmp_path / "box")
    with serving.client() as client:
        client.sendmail("me@away.test", ["ann@home.test", "bob@elsewhere.test"], "Subject: Hello\r\n\r\n" + "a long line " * 500 + "\r\n")
    with Inbox.open(tmp_path / "box") as inbox:
        (mail,) = inbox.list()
        assert mail.recipients == ("ann@home.test", "bob@elsewhere.test")
        assert "rcpt TO:<bob@elsewhere.test>" in [line.text for line in mail.transcript]
    assert f"wirespeak smtp inbox --inbox {tmp_path / 'box'}\n" in serving.program.output


def test_who_sends_mail_to_be_caught_may_log_in_by_any_password(start: Start, tmp_path: Path, users: Path) -> None:
    with Serving(start, "--catch", "--inbox", tmp_path / "box").client() as client:
        client.login("whoever", "whatever")
        client.sendmail("me@away.test", "ann@home.test", MAIL)
    with Inbox.open(tmp_path / "box") as inbox:
        envelope = inbox.get("latest").envelope
    assert envelope is not None
    assert (envelope.user, envelope.protocol) == ("whoever", "ESMTPA")
    assert "AUTH PLAIN (left out)" in [line.text for line in envelope.transcript]
    with (
        Serving(start, "--catch", "--inbox", tmp_path / "box", "--users", users, "--auth-in-clear").client() as client,
        pytest.raises(smtplib.SMTPAuthenticationError),
    ):
        client.login("whoever", "whatever")


def test_caught_mail_is_kept_as_long_as_one_says(start: Start, tmp_path: Path) -> None:
    first = Serving(start, "--catch", "--inbox", tmp_path)
    for number in range(4):
        first.send(f"{number}@home.test")
    first.program.end()
    Serving(start, "--catch", "--inbox", tmp_path, "--keep", "3", "--keep-age", "1h")
    with Inbox.open(tmp_path) as inbox:
        until(lambda: inbox.count() == 3)
        assert inbox.list(to="0@home.test") == []


def test_mail_can_be_forgotten(start: Start, tmp_path: Path) -> None:
    anyone = Serving(start, "--discard", env={"XDG_DATA_HOME": str(tmp_path)})
    anyone.send("ann@home.test")
    assert list(tmp_path.iterdir()) == []
    assert Serving(start, "--discard", "--domain", "home.test").refuses("ann@elsewhere.test").startswith("550 5.7.1")


def test_mail_can_be_given_to_a_program(start: Start, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\ncat > "$(dirname "$0")/got-$1"\n')
    program.chmod(0o755)
    serving = Serving(start, "--domain", "home.test", "--pipe", f"'{program}' {{recipient}}")
    serving.send("ann@home.test")
    assert (tmp_path / "got-ann@home.test").read_text().endswith("Subject: Hello\n\nHi\n")


def test_mail_can_be_given_to_another_server(start: Start, tmp_path: Path) -> None:
    keeper = Serving(start, "--domain", "home.test", "--user", "ann", "--maildir", tmp_path, "--lmtp")
    serving = Serving(start, "--domain", "home.test", "--lmtp-to", f"127.0.0.1:{keeper.port}")
    serving.send("ann@home.test")
    assert mails(tmp_path) == {"home.test/ann": 1}
    with pytest.raises(smtplib.SMTPDataError, match=r"550.*5\.1\.1"):
        serving.send("who@home.test")


@pytest.mark.parametrize("after", [1, 7, 23])
def test_what_was_caught_outlives_the_server(start: Start, tmp_path: Path, after: int) -> None:
    """Killed while four clients send: every mail that was answered 250 is there once, with its envelope."""
    serving = Serving(start, "--catch", "--inbox", tmp_path)
    told: list[str] = []

    def send() -> None:
        with contextlib.suppress(OSError, smtplib.SMTPException), serving.client() as client:
            client.ehlo()
            while True:
                client.mail("me@away.test")
                client.rcpt("ann@home.test")
                code, words = client.data(MAIL)
                assert code == 250
                told.append(words.decode().rpartition(" ")[2])

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(told) >= after)
    serving.program.process.kill()
    for thread in threads:
        thread.join(20)
    with Inbox.open(tmp_path) as inbox:
        mails = inbox.list()
    ids = [mail.id for mail in mails]
    assert len(set(ids)) == len(ids)
    assert set(told) <= set(ids)
    assert len(ids) <= len(told) + len(threads)  # kept, and its answer never sent
    assert all(mail.envelope is not None and mail.text == "Hi\n" for mail in mails)


# --- TLS, and logging in


def context() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(Authority.open().certificate_file))


def test_tls_can_be_offered(start: Start, tmp_path: Path) -> None:
    serving = Serving(start, "--domain", "home.test", "--maildir", tmp_path, "--starttls")
    with serving.client() as client:
        client.starttls(context=context())
        client.sendmail("me@away.test", "ann@home.test", MAIL)
    assert mails(tmp_path) == {"home.test/ann": 1}


def test_tls_can_be_there_from_the_start(start: Start, tmp_path: Path) -> None:
    serving = Serving(start, "--domain", "home.test", "--maildir", tmp_path, "--tls")
    with serving.client(smtplib.SMTP_SSL, context=context()) as client:
        assert "starttls" not in client.ehlo()[1].decode().lower()
        client.sendmail("me@away.test", "ann@home.test", MAIL)
    assert mails(tmp_path) == {"home.test/ann": 1}


def test_submission_wants_a_login_over_tls(start: Start, tmp_path: Path, users: Path) -> None:
    options = ["--domain", "home.test", "--maildir", tmp_path / "mail", "--submission", "--users", users, "--json"]
    serving = Serving(start, *options, "--starttls")
    assert json.loads(serving.program.output.splitlines()[0])["service"] == "submission"
    with serving.client() as client:
        client.starttls(context=context())
        with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
            client.sendmail("ann@home.test", "bob@home.test", MAIL)
        client.login("ann", "secret")
        client.sendmail("ann@home.test", "bob@home.test", MAIL)
        with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"5\.7\.1"):  # nothing carries it there yet
            client.sendmail("ann@home.test", "bob@elsewhere.test", MAIL)
    secure = Serving(start, *options, "--tls", "--channel-binding")
    assert json.loads(secure.program.output.splitlines()[0])["service"] == "submissions"
    with secure.client(smtplib.SMTP_SSL, context=context()) as client:
        client.ehlo()
        assert client.esmtp_features["auth"].split() == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"]
        client.login("ann", "secret")
        client.sendmail("ann@home.test", "bob@home.test", MAIL)
    assert mails(tmp_path / "mail") == {"home.test/bob": 2}


def test_a_password_goes_in_clear_only_where_that_was_said(start: Start, tmp_path: Path, users: Path) -> None:
    options = ["--domain", "home.test", "--maildir", tmp_path / "mail", "--users", users]
    with Serving(start, *options).client() as client:
        client.ehlo()
        assert "PLAIN" not in client.esmtp_features.get("auth", "")
    with Serving(start, *options, "--auth-in-clear").client() as client:
        client.login("ann", "secret")


# --- bounds and habits


def test_bounds_are_ones_own(start: Start, tmp_path: Path) -> None:
    bounds = ["--max-size", "1000", "--max-recipients", "2", "--max-errors", "3", "--vrfy", "--hostname", "mx.home.test"]
    serving = Serving(start, "--domain", "home.test", "--user", "ann", "--maildir", tmp_path, *bounds)
    with serving.client() as client:
        client.ehlo()
        assert client.ehlo_resp.startswith(b"mx.home.test ")
        assert client.esmtp_features["size"] == "1000"
        assert client.mail("me@away.test", ["size=1001"])[0] == 552
        assert client.verify("ann")[0] == 250
        assert client.verify("who")[0] == 550
        client.mail("me@away.test")
        assert [client.rcpt("ann@home.test")[0] for _ in range(3)] == [250, 250, 452]


def test_clients_are_held_to_a_rate(start: Start, tmp_path: Path) -> None:
    serving = Serving(start, "--domain", "home.test", "--maildir", tmp_path, "--mail-rate", "2", "--connection-rate", "2")
    with serving.client() as client:
        for _ in range(2):
            client.sendmail("me@away.test", "ann@home.test", MAIL)
        with pytest.raises(smtplib.SMTPSenderRefused, match="450"):
            client.sendmail("me@away.test", "ann@home.test", MAIL)
    with serving.client():
        pass
    with pytest.raises(smtplib.SMTPConnectError, match="421"):
        serving.send("ann@home.test")


def test_a_proxy_tells_who_the_client_is(start: Start, tmp_path: Path) -> None:
    serving = Serving(start, "--catch", "--inbox", tmp_path, "--proxy-from", "127.0.0.0/8")
    with socket.create_connection(("127.0.0.1", serving.port), timeout=20) as sock:
        sock.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 25\r\n")
        assert sock.recv(65536).startswith(b"220 ")
        sock.sendall(b"EHLO here.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nBDAT 14 LAST\r\nSubject: x\r\n\r\nQUIT\r\n")
        while sock.recv(65536):
            pass
    with Inbox.open(tmp_path) as inbox:
        envelope = inbox.get("latest").envelope
    assert envelope is not None
    assert envelope.peer == "192.0.2.7:4711"


# --- the log, and what it says


def test_mails_and_refusals_are_noted_and_the_file_may_be_moved_away(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "log"
    serving = Serving(start, "--domain", "home.test", "--maildir", tmp_path / "mail", "--log", log)
    serving.send("ann@home.test")
    serving.refuses("ann@elsewhere.test")
    until(lambda: "to=<ann@elsewhere.test> 550 5.7.1" in log.read_text())
    assert re.search(r"Z mail 127\.0\.0\.1 ESMTP \S+ from=<me@away\.test> to=<ann@home\.test> size=22 250 2\.0\.0", log.read_text())
    log.rename(tmp_path / "old")
    os.kill(serving.program.pid, signal.SIGHUP)
    until(log.exists)
    serving.send("bob@home.test")
    serving.program.end()
    assert "to=<bob@home.test>" in log.read_text()


def test_they_are_noted_for_programs_on_standard_error(start: Start, tmp_path: Path) -> None:
    serving = Serving(start, "--domain", "home.test", "--maildir", tmp_path, "--log-format", "json")
    serving.send("ann@home.test")
    assert json.loads(serving.program.wait_for(r'^\{"time".*$')[0])["to"] == ["ann@home.test"]


def test_no_log_where_none_is_wanted(start: Start, tmp_path: Path) -> None:
    serving = Serving(start, "--domain", "home.test", "--maildir", tmp_path, "--no-log")
    serving.send("ann@home.test")
    serving.program.end()
    assert len(serving.program.output.splitlines()) == 1


def test_several_processes_share_the_work(start: Start, tmp_path: Path) -> None:
    serving = Serving(start, "--domain", "home.test", "--maildir", tmp_path, "--workers", "2")
    for _ in range(10):
        serving.send("ann@home.test")
    assert mails(tmp_path) == {"home.test/ann": 10}
    os.kill(serving.program.pid, signal.SIGTERM)
    assert serving.program.wait() == 0


def test_options_can_stand_in_the_environment(start: Start, tmp_path: Path) -> None:
    env = {"DOMAIN": "home.test", "BIND": "127.0.0.1:0", "MAILDIR": str(tmp_path), "MAX_SIZE": "777", "JSON": "1"}
    program = start(COMMAND, env={f"WIRESPEAK_SMTP_SERVE_{name}": value for name, value in env.items()}, ready='"tcp"')
    event = json.loads(program.output.splitlines()[0])
    assert event["service"] == "smtp"
    with smtplib.SMTP("127.0.0.1", event["port"], timeout=20) as client:
        client.ehlo()
        assert client.esmtp_features["size"] == "777"


def test_options_can_stand_in_the_settings(start: Start, tmp_path: Path) -> None:
    (tmp_path / "wirespeak.toml").write_text('[smtp.serve]\ncatch = true\ninbox = "box"\nbind = ["127.0.0.1:0"]\n')
    program = start(COMMAND, cwd=tmp_path, ready=r"\(tcp\)$")
    with smtplib.SMTP("127.0.0.1", int(re.search(r":(\d+) \(tcp\)", program.output)[1]), timeout=20) as client:
        client.sendmail("a@b.test", "c@d.test", MAIL)
    assert mails(tmp_path / "box") == {"": 1}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: signal.Signals(number).name)
def test_a_signal_stops_it_in_good_order(start: Start, tmp_path: Path, number: int) -> None:
    serving = Serving(start, "--catch", "--inbox", tmp_path)
    with socket.create_connection(("127.0.0.1", serving.port), timeout=20) as sock:
        assert sock.recv(65536).startswith(b"220 ")
        os.kill(serving.program.pid, number)
        assert sock.recv(65536).startswith(b"421 ")  # RFC 5321 3.8
        assert sock.recv(65536) == b""
        sock.close()
        assert serving.program.wait() == 0
    assert "Traceback" not in serving.program.output


# --- what it refuses


def refused(*arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--domain"),
        (["--pipe", "cat"], "--domain"),
        (["--domain", "home.test", "--catch"], "wants no --domain"),
        (["--domain", "home.test", "--discard", "--pipe", "cat"], "choose one of --discard and --pipe"),
        (["--catch", "--maildir", "x"], "choose one of --maildir and --catch"),
        (["--discard", "--keep", "3"], "--catch has caught"),
        (["--domain", "home.test", "--discard", "--alias", "sales"], "expected NAME=NAME"),
        (["--domain", "home.test", "--discard", "--user", "ann", "--alias", "sales=bob"], "bob@home.test"),
        (["--domain", "no domain", "--discard"], "no domain"),
        (["--domain", "", "--discard"], "expected"),
        (["--domain", "home.test", "--discard", "--submission"], "wirespeak smtp users add"),
        (["--domain", "home.test", "--discard", "--hostname", "a b"], "expected a domain name"),
        (["--domain", "home.test", "--discard", "--pipe-", "x"], "No such option"),
        (["--domain", "home.test", "--pipe", "cat x{recipient}"], "items of their own"),
        (["--domain", "home.test", "--pipe", "cat 'x"], "No closing quotation"),
        (["--domain", "home.test", "--pipe", ""], "no command"),
        (["--domain", "home.test", "--lmtp-to", "here:no port", "--bind", "127.0.0.1:0"], "no port"),
        (["--catch", "--keep-age", "long"], "no span of time"),
        (["--domain", "home.test", "--discard", "--bind", "0.0.0.0:0"], "--plain"),
        (["--domain", "home.test", "--discard", "--bind", "0.0.0.0:0", "--plain", "--auth-in-clear"], "loopback alone"),
        (["--domain", "home.test", "--discard", "--proxy-from", "127.0.0.1", "--auth-in-clear"], "comes from elsewhere"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], said: str) -> None:
    code, words = refused(*arguments)
    assert said in words
    assert code == 2


def test_a_port_that_is_taken_is_told_with_who_has_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        code, said = refused("--catch", "--inbox", tmp_path, "--bind", f"127.0.0.1:{port}")
    assert code == 4
    assert f"(process {os.getpid()}) listens there" in said


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, said = refused("--catch", "--inbox", tmp_path / "file" / "box")
    assert code == 4
    assert "can't be made" in said
