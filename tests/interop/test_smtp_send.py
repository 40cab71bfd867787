"""``wirespeak smtp send`` with real servers: what arrives, what it tells, and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.smtp_letters import LARGE, LETTER, SENT, attachment, below_trace, read
from tests.interop.smtp_peers import DOMAIN, PASSWORD, USER, MailServer, exim, postfix
from tests.processes import free_port

SERVERS = {"postfix": postfix, "exim": exim}
ALICE = f"{USER}@{DOMAIN}"
BOB = f"bob@{DOMAIN}"


@pytest.fixture(
    params=[
        pytest.param("postfix", marks=pytest.mark.peer("postfix", "saslpasswd2", "libscram.so")),
        pytest.param("exim", marks=pytest.mark.peer("exim4", "libnss_wrapper.so", "libgnutls-dane.so.0", "libidn.so.12")),
    ],
    scope="module",
)
def running(request: pytest.FixtureRequest) -> Iterator[MailServer]:
    with SERVERS[request.param]() as server:
        yield server


@pytest.fixture
def server(running: MailServer) -> MailServer:
    """A server without the mails of the test before."""
    running.empty()
    return running


def send(port: int, *words: str | Path, code: int = 0, password: str | None = None, said: bytes = b"") -> str:
    """What the program writes; AssertionError where it doesn't end with ``code``."""
    given = [str(word) for word in words]
    sender = [] if "--from" in given else ["--from", "ann@else.test"]
    command = [sys.executable, "-m", "wirespeak", "smtp", "send", "--server", f"localhost:{port}", *sender, *given]
    login = {} if password is None else {"WIRESPEAK_SMTP_SEND_PASSWORD": password}
    done = subprocess.run(command, input=said, capture_output=True, timeout=60, check=False, env={**os.environ, **login})
    output = (done.stdout + done.stderr).decode()
    assert "Traceback" not in output, output
    assert done.returncode == code, f"{' '.join(command)}: {done.returncode}\n{output}"
    return output


def test_a_mail_with_an_attachment(server: MailServer, tmp_path: Path) -> None:
    (tmp_path / "large.bin").write_bytes(LARGE)
    words = [
        "--to",
        ALICE,
        "--cc",
        BOB,
        "--bcc",
        f"ann@{DOMAIN}",
        "--subject",
        "Grüße",
        "--body",
        ".\n..\n",
        "--attach",
        tmp_path / "large.bin",
    ]
    send(server.port, *words)
    for user in (USER, "bob", "ann"):
        [mail] = server.mails(user)
        message = read(mail)
        assert (message["Subject"], message["To"], message["Cc"], message["Bcc"]) == ("Grüße", ALICE, BOB, None)
        body = message.get_body()
        assert body is not None
        assert body.get_content() == ".\n..\n"
        assert attachment(mail) == LARGE


@pytest.mark.parametrize("words", ["", "--no-pipelining", "--chunking", "--tls none", "--tls starttls", "--tls implicit"])
def test_a_whole_mail_from_a_file_or_from_standard_input(server: MailServer, tmp_path: Path, words: str) -> None:
    (tmp_path / "letter").write_bytes(LETTER)
    port = server.secure_port if "implicit" in words else server.port
    send(port, "--to", ALICE, "--data", tmp_path / "letter", *words.split())
    send(port, "--to", ALICE, "--data", "-", *words.split(), said=SENT)
    assert [below_trace(mail) for mail in server.mails(USER, 2)] == [LETTER, LETTER]


def test_a_login_with_the_right_password_and_with_the_wrong_one(server: MailServer, tmp_path: Path) -> None:
    send(server.port, "--tls", "starttls", "--to", ALICE, "--user", USER, password=PASSWORD)
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    (tmp_path / "password").chmod(0o600)
    send(server.secure_port, "--tls", "implicit", "--to", ALICE, "--user", USER, "--password-file", tmp_path / "password")
    assert "535" in send(server.port, "--tls", "starttls", "--to", ALICE, "--user", USER, password="wrong", code=1)
    server.mails(USER, 2)


def test_exit_codes(server: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = send(server.port, "--to", ALICE, "--to", "bob@away.test", code=1)
    assert "bob@away.test" in told
    assert "55" in told
    server.mails(USER)
    send(server.port, "--to", "bob@away.test", code=1)
    send(server.port, "--to", "no one", code=2)
    send(free_port(), "--to", ALICE, code=3)
    send(server.secure_port, "--tls", "starttls", "--timeout", "1", "--to", ALICE, code=3)  # it waits for our handshake
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))  # the authority of another
    assert "not to be trusted" in send(server.port, "--tls", "starttls", "--to", ALICE, code=5)
    send(server.port, "--tls", "implicit", "--to", ALICE, code=5)
    server.mails(USER)


def test_json_tells_of_each_recipient(server: MailServer) -> None:
    told = json.loads(send(server.port, "--to", ALICE, "--to", "no@home.test", "--json", code=1))
    text = json.dumps(told)
    assert ALICE in text
    assert "no@home.test" in text
    assert "550" in text


def test_the_conversation_is_explained_without_its_password(server: MailServer) -> None:
    told = send(server.port, "--tls", "starttls", "--to", ALICE, "--user", USER, "--auth", "PLAIN", "--explain", password=PASSWORD)
    for words in ("STARTTLS", "235·", "PLAIN", "354·", "(RFC 5321 4.1.1.3)", "(RFC 4954 4)"):
        assert words in told
    assert PASSWORD not in told


@pytest.mark.parametrize("step", ["connect", "hello", "tls", "mail", "rcpt"])
def test_stopping_on_the_way(server: MailServer, step: str) -> None:
    send(server.port, "--to", ALICE, "--quit-after", step)
    send(server.port, "--to", BOB)
    server.mails("bob")
    assert server.has_none(USER)
