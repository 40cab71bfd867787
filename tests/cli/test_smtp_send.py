"""``wirespeak smtp send``: its options, what it tells of refusals, and how it ends."""

from __future__ import annotations

import io
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.raw import accepting
from tests.smtp.talk import Box, server_for
from tests.sockets.serving import served
from wirespeak.cli import main
from wirespeak.sasl import Accounts, Authenticator, ScramKeys
from wirespeak.smtp.limits import ServerLimits
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.tls import ROOT_CERTIFICATE, server_context

MAIL = ("--from", "ann@home.test", "--to", "bob@home.test")


class Ran:
    """What a run of the command came to."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def data(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def send(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Ran]:
    """``send("--server", …)`` runs the command in this process."""

    def run(*arguments: str | Path) -> Ran:
        with pytest.raises(SystemExit) as leaving:
            main(["smtp", "send", *map(str, arguments)])
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        return Ran(int(leaving.value.code or 0), out.decode(), err.decode())

    return run


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def listening(box: Box) -> Iterator[Callable[..., str]]:
    """``listening(**options)`` runs a server until the test ends; its address."""
    with ExitStack() as stack:

        def start(*, tls_from_start: Any = None, **options: Any) -> str:
            server = server_for(box, **options)
            running = stack.enter_context(served(server, tls=tls_from_start) if tls_from_start else served(server))
            return "{}:{}".format(*running.address)

        yield start


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.open(tmp_path / "authority")


def saying(*lines: str) -> Callable[[socket.socket], None]:
    """A server that answers each line, and its greeting, with the next of these."""

    def talk(sock: socket.socket) -> None:
        heard = sock.makefile("rb")
        for line in lines:
            sock.sendall(line.encode() + b"\r\n")
            if not heard.readline():
                return

    return talk


# --- what is sent


def test_a_mail_from_the_command_line(send: Callable[..., Ran], listening: Callable[..., str], box: Box, tmp_path: Path) -> None:
    (tmp_path / "größe.txt").write_text("two\nlines\n")
    ran = send(
        *("--server", listening(), "--from", "Ann Müller <ann@home.test>", "--to", "bob@home.test", "--cc", "eve@home.test"),
        *("--bcc", "ann@home.test", "--subject", "Grüße", "--body", "Hällo", "--header", "X-Tag: a: b", "--attach", tmp_path / "größe.txt"),
    )
    assert ran.code == 0
    assert ran.out.splitlines()[0] == "220 mx.home.test ESMTP wirespeak"
    assert [line.split(" (")[0] for line in ran.out.splitlines()[1:]] == [
        "bob@home.test: accepted",
        "eve@home.test: accepted",
        "ann@home.test: accepted",
    ]
    (kept,) = box.mails
    assert kept.targets == ["home.test/bob", "home.test/eve", "home.test/ann"]
    message: Any = message_from_bytes(kept.data, policy=policy.default)
    assert str(message["From"]) == "Ann Müller <ann@home.test>"
    assert (message["To"], message["Cc"], message["Bcc"]) == ("bob@home.test", "eve@home.test", None)
    assert (message["Subject"], message["X-Tag"]) == ("Grüße", "a: b")
    assert message["Date"].datetime.tzinfo is not None
    assert message["Message-ID"].endswith("@home.test>")
    assert message.get_body().get_content() == "Hällo\r\n"
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("größe.txt", "text/plain")
    assert attached.get_payload(decode=True) == b"two\nlines\n"


def test_a_test_mail_takes_no_more_than_who_and_to_whom(send: Callable[..., Ran], listening: Callable[..., str], box: Box) -> None:
    assert send("--server", listening(), *MAIL).code == 0
    assert "Subject: test\r\n" in box.texts[0]
    assert box.texts[0].endswith("\r\nThis is a test.\r\n")


@pytest.mark.parametrize("options", [(), ("--chunking",), ("--no-pipelining",)])
def test_a_mail_that_is_there_already(
    send: Callable[..., Ran], listening: Callable[..., str], box: Box, tmp_path: Path, options: tuple[str, ...]
) -> None:
    (tmp_path / "mail").write_bytes(b"Subject: mine\n\n.dot\nno end")
    assert send("--server", listening(), *MAIL, "--data", tmp_path / "mail", *options).code == 0
    assert box.texts == ["Subject: mine\r\n\r\n.dot\r\nno end\r\n"]


def test_a_mail_from_the_standard_input(
    send: Callable[..., Ran], listening: Callable[..., str], box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = b"Subject: long\n\n" + b"x" * 70 + b"\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(mail * 20_000)))
    assert send("--server", listening(), *MAIL, "--data", "-").code == 0
    assert box.mails[0].data == mail.replace(b"\n", b"\r\n") * 20_000


def test_a_report_from_nobody(send: Callable[..., Ran], listening: Callable[..., str], box: Box, tmp_path: Path) -> None:
    (tmp_path / "mail").write_bytes(b"\nx")
    assert send("--server", listening(), "--from", "<>", "--to", "bob@home.test", "--data", tmp_path / "mail").code == 0
    sender = box.mails[0].transaction.sender
    assert sender is not None
    assert sender.mailbox is None


def test_lmtp(send: Callable[..., Ran], listening: Callable[..., str], box: Box) -> None:
    ran = send("--server", listening(lmtp=True), "--lmtp", *MAIL, "--to", "nobody@home.test")
    assert ran.code == 1
    assert "bob@home.test: accepted (250 2.0.0" in ran.out
    assert box.mails[0].transaction.lmtp


def test_wishes_for_reports(send: Callable[..., Ran], listening: Callable[..., str], box: Box) -> None:
    ran = send("--server", listening(), *MAIL, "--notify", "success,delay", "--ret", "hdrs", "--envid", "a b", "--hello", "me.test")
    assert ran.code == 0
    transaction = box.mails[0].transaction
    assert transaction.sender is not None
    assert (transaction.sender.ret, transaction.sender.envid, transaction.hello) == ("HDRS", "a b", "me.test")
    assert transaction.recipients[0].notify == {"SUCCESS", "DELAY"}


# --- refusals


def test_refusals_are_told_by_recipient(send: Callable[..., Ran], listening: Callable[..., str], box: Box) -> None:
    ran = send("--server", listening(), *MAIL, "--to", "nobody@home.test")
    assert ran.code == 1
    assert "bob@home.test: accepted (250 2.0.0" in ran.out
    assert ran.err.startswith("nobody@home.test: refused (550 5.1.1 ")
    assert len(box.mails) == 1


def test_refused_by_all(send: Callable[..., Ran], listening: Callable[..., str], box: Box) -> None:
    ran = send("--server", listening(), "--from", "ann@home.test", "--to", "nobody@home.test", "--to", "x@away.test")
    assert ran.code == 1
    assert [line.split(" (")[0] for line in ran.err.splitlines()] == ["nobody@home.test: refused", "x@away.test: refused"]
    assert not box.mails


def test_for_programs(send: Callable[..., Ran], listening: Callable[..., str]) -> None:
    address = listening()
    ran = send("--server", address, *MAIL, "--to", "nobody@home.test", "--json")
    data = ran.data
    assert data["server"] == address
    assert data["exit"] == ran.code == 1
    assert data["accepted"] == ["bob@home.test"]
    assert [(one["recipient"], one["code"], one["enhanced"]) for one in data["refused"]] == [("nobody@home.test", 550, "5.1.1")]
    assert (data["reply"]["code"], data["tls"], data["extensions"]["PIPELINING"]) == (250, None, "")
    assert ran.err == ""


def test_a_mail_that_is_too_large(send: Callable[..., Ran], listening: Callable[..., str], box: Box, tmp_path: Path) -> None:
    (tmp_path / "mail").write_bytes(b"x" * 101)
    ran = send("--server", listening(limits=ServerLimits(size=100)), *MAIL, "--data", tmp_path / "mail")
    assert ran.code == 1
    assert "100 at most" in ran.err
    assert not box.opened


# --- servers that aren't there, or don't keep to the rules


def test_exit_codes(send: Callable[..., Ran], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert send("--server", f"127.0.0.1:{port}", *MAIL).code == 3
    for talk, code, said in (
        (saying("554 no mail here"), 1, "554 no mail here"),
        (saying("hello"), 5, "no line of a reply"),
        (saying("220 hi", "250 hi"), 5, "STARTTLS"),
    ):
        with accepting(talk) as port:
            ran = send("--server", f"127.0.0.1:{port}", *MAIL, *(("--tls", "starttls") if code == 5 else ()))
        assert (ran.code, said in ran.err) == (code, True), ran.err
    with accepting(lambda sock: sock.recv(1)) as port:
        assert send("--server", f"127.0.0.1:{port}", *MAIL, "--timeout", "0.2").code == 3
    ran = send("--server", f"127.0.0.1:{port}", *MAIL, "--data", tmp_path / "missing")
    assert (ran.code, "missing" in ran.err) == (4, True)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--server", "localhost", "--from", "ann@home.test"),
        ("--server", "localhost", "--from", "ann", "--to", "bob@home.test"),
        ("--server", "localhost", "--from", "ann@home.test", "--to", "bob@home.test\r\nRCPT TO:<evil@away.test>"),
        ("--server", "localhost", "--from", "<>", "--to", "bob@home.test"),
        ("--server", "*:25", *MAIL),
        ("--server", "local host", *MAIL),
        ("--server", "localhost", *MAIL, "--header", "no colon"),
        ("--server", "localhost", *MAIL, "--header", "X: a\r\nBcc: evil@away.test"),
        ("--server", "localhost", *MAIL, "--header", "Bcc: evil@away.test"),
        ("--server", "localhost", *MAIL, "--subject", "x\nBcc: evil@away.test"),
        ("--server", "localhost", *MAIL, "--data", "-", "--subject", "x"),
        ("--server", "localhost", *MAIL, "--notify", "ALWAYS"),
        ("--server", "localhost", *MAIL, "--tls", "some"),
        ("--server", "localhost", *MAIL, "--lmtp"),
    ],
)
def test_wrong_usage(send: Callable[..., Ran], arguments: tuple[str, ...]) -> None:
    ran = send(*arguments)
    assert ran.code == 2
    assert ran.err
    assert "Traceback" not in ran.err


def test_what_a_server_says_moves_no_cursor(send: Callable[..., Ran]) -> None:
    with accepting(saying("220 hi \x1b[2J", "250 hi", "550 \x1b]0;owned\x07", "221 bye")) as port:
        ran = send("--server", f"127.0.0.1:{port}", *MAIL)
    with accepting(saying("554 \x1b[2J")) as port:
        later = send("--server", f"127.0.0.1:{port}", *MAIL)
    assert (ran.code, later.code) == (1, 1)
    assert "\x1b" not in ran.out + ran.err + later.err
    assert "\\x1b[2J" in ran.out


# --- TLS and logging in


@pytest.fixture
def secured(authority: Authority, listening: Callable[..., str]) -> tuple[str, Path]:
    """A server that takes mail of who has logged in, over STARTTLS, and its root certificate."""
    keys = {"ann": ScramKeys.of("secret", b"0123456789abcdef", 4096)}
    authenticator = Authenticator(Accounts(keys, b"a secret of sixteen bytes or more").find)
    address = listening(tls=server_context(authority), authenticator=authenticator, submission=True)
    return address, authority.folder / ROOT_CERTIFICATE


def test_a_password_from_a_file(send: Callable[..., Ran], secured: tuple[str, Path], box: Box, tmp_path: Path) -> None:
    address, root = secured
    (tmp_path / "password").write_text("secret\n")
    ran = send(
        "--server", address, "--ca", root, *MAIL, "--tls", "starttls", "--user", "ann", "--password-file", tmp_path / "password", "--json"
    )
    assert ran.code == 0
    assert ran.data["tls"]["version"] == "TLSv1.3"
    assert box.mails[0].transaction.user == "ann"


def test_a_password_from_the_environment(
    send: Callable[..., Ran], secured: tuple[str, Path], box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, root = secured
    monkeypatch.setenv("WIRESPEAK_SMTP_SEND_PASSWORD", "secret")
    assert send("--server", address, "--ca", root, *MAIL, "--user", "ann", "--auth", "PLAIN").code == 0
    monkeypatch.setenv("WIRESPEAK_SMTP_SEND_PASSWORD", "guess")
    ran = send("--server", address, "--ca", root, *MAIL, "--user", "ann")
    assert (ran.code, "535" in ran.err) == (1, True)
    assert len(box.mails) == 1


def test_a_password_is_asked_for_unseen(secured: tuple[str, Path]) -> None:
    address, root = secured
    arguments = ["-m", "wirespeak", "smtp", "send", "--server", address, "--ca", str(root), *MAIL, "--user", "ann"]
    child = pexpect.spawn(sys.executable, arguments, encoding="utf-8", timeout=30, env={**os.environ, "NO_COLOR": "1"})
    child.expect("Password of ann: ")
    child.sendline("secret")
    child.expect("accepted")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "secret" not in (child.before or "")


def test_a_certificate_that_nobody_vouches_for(send: Callable[..., Ran], secured: tuple[str, Path], tmp_path: Path) -> None:
    stranger = Authority.open(tmp_path / "stranger").folder / ROOT_CERTIFICATE
    ran = send("--server", secured[0], "--ca", stranger, "--tls", "starttls", *MAIL)
    assert (ran.code, "not to be trusted" in ran.err) == (5, True)
    ran = send("--server", secured[0], "--insecure", "--tls", "starttls", *MAIL, "--json")
    assert ran.data["refused"][0]["code"] == 530  # over TLS, but not logged in
    assert ran.data["tls"] is not None


def test_tls_from_the_start(send: Callable[..., Ran], authority: Authority, listening: Callable[..., str], box: Box) -> None:
    address = listening(tls_from_start=server_context(authority))
    assert send("--server", address, "--ca", authority.folder / ROOT_CERTIFICATE, "--tls", "implicit", *MAIL).code == 0
    assert box.mails[0].transaction.tls is not None


# --- looking on


@pytest.mark.parametrize(
    ("step", "heard"),
    [("connect", []), ("hello", ["EHLO"]), ("login", ["EHLO"]), ("mail", ["EHLO", "MAIL"]), ("rcpt", ["EHLO", "MAIL", "RCPT"])],
)
def test_going_so_far_and_no_further(send: Callable[..., Ran], step: str, heard: list[str]) -> None:
    verbs: list[str] = []

    def talk(sock: socket.socket) -> None:
        sock.sendall(b"220 hi\r\n")
        for line in sock.makefile("rb"):
            verbs.append(line.decode().split()[0])
            sock.sendall(b"221 bye\r\n" if verbs[-1] == "QUIT" else b"250 ok\r\n")

    with accepting(talk) as port:
        assert send("--server", f"127.0.0.1:{port}", *MAIL, "--quit-after", step).code == 0
    assert verbs == [*heard, "QUIT"]


def test_a_look_at_what_is_offered(send: Callable[..., Ran], listening: Callable[..., str]) -> None:
    ran = send("--server", listening(), "--from", "ann@home.test", "--quit-after", "hello")
    assert ran.code == 0
    assert "8BITMIME" in ran.out


def test_a_sender_that_is_refused_is_told(send: Callable[..., Ran]) -> None:
    with accepting(saying("220 hi", "250 hi", "550 not you", "221 bye")) as port:
        ran = send("--server", f"127.0.0.1:{port}", "--from", "ann@home.test", "--quit-after", "mail")
    assert (ran.code, ran.err) == (1, "refused (550 not you)\n")


def test_the_conversation_byte_by_byte(send: Callable[..., Ran], secured: tuple[str, Path], tmp_path: Path) -> None:
    address, root = secured
    (tmp_path / "password").write_text("secret\n")
    options = ("--ca", root, *MAIL, "--user", "ann", "--password-file", tmp_path / "password", "--auth", "PLAIN", "--explain")
    ran = send("--server", address, *options)
    assert ran.code == 0
    for said in ("EHLO", "STARTTLS", "over TLSv1.3", "MAIL", "RCPT", "DATA", "354", "Subject", "QUIT", "RFC 5321"):
        assert said in ran.out, said
    assert ran.out.index("EHLO") < ran.out.index("STARTTLS") < ran.out.index("over TLSv1.3") < ran.out.index("RCPT")
    assert "AGFubgBzZWNyZXQ=" not in ran.out
    plain = send("--server", address, *options, "--json").out.splitlines()
    turns = [json.loads(line) for line in plain]
    assert [turn["direction"] for turn in turns[:3]] == ["in", "out", "in"]
    assert turns[-1]["accepted"] == ["bob@home.test"]
    assert "AGFubgBzZWNyZXQ=" not in "".join(plain)


def test_a_broken_conversation_is_explained_as_far_as_it_went(send: Callable[..., Ran]) -> None:
    with accepting(saying("220 hi", "550 no EHLO", "hello?")) as port:
        ran = send("--server", f"127.0.0.1:{port}", *MAIL, "--explain")
    assert ran.code == 5
    assert "HELO" in ran.out
    assert "hello?" in ran.out
