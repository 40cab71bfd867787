"""Our mail server with the programs that people send with: swaks, msmtp, curl, mutt, nodemailer, and Python's smtplib and aiosmtplib.

Each sends in the clear, over STARTTLS and over TLS from the first byte, as far as it can, and verifies our certificate by
the local authority. What it sent lies in a Maildir, byte for byte.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import secrets
import smtplib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import pexpect
import pytest

from scripts.peers import find
from tests.interop.smtp_letters import LARGE, LETTER, SENT, attachment, below_trace, compose, protocol, read, run
from tests.interop.smtp_peers import DOMAIN, PASSWORD, USER, MailServer, wirespeak

AWAY = "bob@away.test"
"""Whose mail is not taken: that would be relaying."""


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with wirespeak() as running:
        yield running


@pytest.fixture
def box(request: pytest.FixtureRequest) -> str:
    """A mailbox that no other test has."""
    return f"box{secrets.token_hex(6)}"


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    """A file with the letter."""
    file = tmp_path / "letter"
    file.write_bytes(SENT)
    return file


@pytest.fixture
def large(tmp_path: Path) -> Path:
    file = tmp_path / "large.bin"
    file.write_bytes(LARGE)
    return file


# --- swaks ------------------------------------------------------------------------------------------------------------


def swaks(server: MailServer, *words: str | Path, code: int = 0) -> str:
    """The dialog, as swaks shows it: ``->`` what it said, ``<-`` what we said; ``~`` for ``-`` under TLS."""
    port = server.secure_port if "-tlsc" in words else server.port
    return run("swaks", "--server", f"localhost:{port}", "--helo", "client.else.test", "--from", "ann@else.test", *words, code=code)


SECURED = ("--tls-verify", "--tls-ca-path")


@pytest.mark.peer("swaks")
@pytest.mark.parametrize("words", [(), ("--pipeline",), ("--protocol", "SMTP"), ("-tls",)], ids=" ".join)
def test_swaks_delivers_a_letter(server: MailServer, box: str, letter: Path, words: tuple[str, ...]) -> None:
    dialog = swaks(server, *words, "--to", f"{box}@{DOMAIN}", "--data", f"@{letter}")
    assert "**" not in dialog
    [mail] = server.mails(box)
    assert mail.startswith(b"Return-Path: <ann@else.test>\nReceived: from client.else.test ")
    assert below_trace(mail).rstrip(b"\n") == LETTER.rstrip(b"\n")


@pytest.mark.peer("swaks")
def test_swaks_is_told_of_each_recipient_that_is_refused(server: MailServer, box: str) -> None:
    to = f"{box}@{DOMAIN},bob@away.test,{box}+tag@{DOMAIN},bad@-.test"
    for words in ((), ("--pipeline",)):
        dialog = swaks(server, *words, "--to", to)
        assert "<** 550 5.7.1 " in dialog
        assert "<-  250 2.0.0 " in dialog or "<-  250 2.6.0 " in dialog
    server.mails(box, 2)
    swaks(server, "--to", AWAY, code=24)


@pytest.mark.peer("swaks", "SSLeay.pm")
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("tls", ["-tls", "-tlsc"])
def test_swaks_logs_in_over_tls(server: MailServer, box: str, mechanism: str, tls: str) -> None:
    login = ["--auth", mechanism, "--auth-user", USER, "--auth-password", PASSWORD]
    dialog = swaks(server, tls, *SECURED, server.authority, *login, "--to", f"{box}@{DOMAIN}")
    assert "<~  235 2.7.0 " in dialog
    [mail] = server.mails(box)
    assert protocol(mail) == "ESMTPSA"


@pytest.mark.peer("swaks", "SSLeay.pm")
def test_swaks_with_a_wrong_password(server: MailServer, box: str) -> None:
    for user, password in ((USER, "wrong"), ("nobody", PASSWORD)):
        login = ["--auth", "PLAIN,LOGIN", "--auth-user", user, "--auth-password", password]
        dialog = swaks(server, "-tls", *login, "--to", f"{box}@{DOMAIN}", code=28)
        assert "<~* 535 5.7.8 " in dialog
    assert server.has_none(box)


@pytest.mark.peer("swaks")
def test_nobody_logs_in_in_the_clear(server: MailServer, box: str) -> None:
    """RFC 4954 4: a mechanism in clear is not offered before TLS; swaks finds none."""
    login = ["--auth", "PLAIN,LOGIN", "--auth-user", USER, "--auth-password", PASSWORD]
    dialog = swaks(server, *login, "--to", f"{box}@{DOMAIN}", code=28)
    assert "250-STARTTLS" in dialog or "250 STARTTLS" in dialog
    assert PASSWORD not in dialog
    assert "-> AUTH" not in dialog


@pytest.mark.peer("swaks")
def test_swaks_attaches_a_large_file(server: MailServer, box: str, large: Path) -> None:
    swaks(server, "--to", f"{box}@{DOMAIN}", "--attach-type", "application/octet-stream", "--attach", f"@{large}")
    [mail] = server.mails(box)
    assert attachment(mail) == LARGE


@pytest.mark.peer("swaks")
def test_swaks_goes_away_in_mid_mail(server: MailServer, box: str) -> None:
    for point in ("connect", "first-ehlo", "mail", "rcpt", "data"):
        swaks(server, "--to", f"{box}@{DOMAIN}", "--drop-after", point)
        swaks(server, "--to", f"{box}@{DOMAIN}", "--quit-after", point.replace("data", "rcpt"))
    assert server.has_none(box)


@pytest.mark.peer("swaks")
def test_swaks_speaks_lmtp(box: str) -> None:
    """RFC 2033 4.2: after the mail, an answer for each recipient."""
    with wirespeak("--lmtp") as server:
        dialog = swaks(server, "--protocol", "LMTP", "--to", f"{box}@{DOMAIN},bob@away.test,{box}2@{DOMAIN}")
        assert "-> LHLO client.else.test" in dialog
        assert dialog.split(" -> .\n")[1].count("<-  250 2.") == 2
        server.mails(box)
        [mail] = server.mails(f"{box}2")
        assert protocol(mail) == "LMTP"


@pytest.mark.peer("swaks")
def test_swaks_comes_through_a_proxy(box: str) -> None:
    """The PROXY protocol: what the proxy says of its client is what the trace tells; without it nobody gets in."""
    with wirespeak("--proxy-from", "127.0.0.0/8") as server:
        for version, (family, source) in itertools.product("12", {"4": "192.0.2.7", "6": "2001:db8::7"}.items()):
            name = f"TCP{family}" if version == "1" else {"4": "AF_INET", "6": "AF_INET6"}[family]
            words = ["--proxy-version", version, "--proxy-family", name, "--proxy-source", source, "--proxy-source-port", "4711"]
            words += ["--proxy-dest", source[:-1] + "1", "--proxy-dest-port", "25"]
            words += ["--proxy-protocol", "STREAM"] if version == "2" else []
            swaks(server, *words, "--to", f"{box}-{version}-{family}@{DOMAIN}")
            [mail] = server.mails(f"{box}-{version}-{family}")
            told = source if family == "4" else f"IPv6:{source}"
            assert f"[{told}]".encode() in mail.partition(b" by ")[0]
        swaks(server, "--to", f"{box}@{DOMAIN}", code=6)


# --- msmtp ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def msmtp(server: MailServer, tmp_path: Path) -> Callable[..., str]:
    """``msmtp(lines, mail, recipient, …)`` sends with a configuration that says ``lines`` too."""

    def send(lines: str, mail: bytes, *recipients: str, code: int = 0) -> str:
        config = tmp_path / "msmtprc"
        common = ["account default", "host localhost", "from ann@else.test", f"tls_trust_file {server.authority}"]
        config.write_text("\n".join([*common, *lines.split("; ")]) + "\n")
        config.chmod(0o600)
        return run("msmtp", "-C", config, "--debug", "--", *recipients, said=mail, code=code)

    return send


@pytest.mark.peer("msmtp")
@pytest.mark.parametrize("mechanism", ["plain", "login", "scram-sha-256", "on"])
@pytest.mark.parametrize("starttls", ["on", "off"])
def test_msmtp_logs_in_over_tls(server: MailServer, box: str, msmtp: Callable[..., str], mechanism: str, starttls: str) -> None:
    port = server.port if starttls == "on" else server.secure_port
    login = f"auth {mechanism}; user {USER}; password {PASSWORD}"
    said = msmtp(f"port {port}; tls on; tls_starttls {starttls}; {login}", LETTER, f"{box}@{DOMAIN}", f"{box}2@{DOMAIN}")
    assert "<-- 235 2.7.0 " in said
    for name in (box, f"{box}2"):
        [mail] = server.mails(name)
        assert below_trace(mail) == LETTER
        assert protocol(mail) == "ESMTPSA"


@pytest.mark.peer("msmtp")
def test_msmtp_in_the_clear_with_a_wish_for_reports(server: MailServer, box: str, msmtp: Callable[..., str]) -> None:
    """RFC 3461 4: NOTIFY and RET are taken."""
    said = msmtp(f"port {server.port}; tls off; auth off; dsn_notify failure,delay; dsn_return headers", LETTER, f"{box}@{DOMAIN}")
    assert "RET=HDRS" in said
    assert "NOTIFY=FAILURE,DELAY" in said
    [mail] = server.mails(box)
    assert below_trace(mail) == LETTER


@pytest.mark.peer("msmtp")
def test_msmtp_with_a_wrong_password_or_an_authority_it_does_not_trust(
    server: MailServer, box: str, msmtp: Callable[..., str], tmp_path: Path
) -> None:
    for mechanism in ("plain", "login", "scram-sha-256"):
        wrong = f"port {server.port}; tls on; auth {mechanism}; user {USER}; password wrong"
        assert "535 5.7.8 " in msmtp(wrong, LETTER, f"{box}@{DOMAIN}", code=77)
    others = f"port {server.port}; tls on; tls_trust_file /etc/ssl/certs/ca-certificates.crt; auth off"
    assert "certificate" in msmtp(others, LETTER, f"{box}@{DOMAIN}", code=69)
    assert server.has_none(box)


# --- curl -------------------------------------------------------------------------------------------------------------


def curl(server: MailServer, letter: Path, *words: str | Path, secure: bool = False, code: int = 0) -> str:
    url = f"smtps://localhost:{server.secure_port}" if secure else f"smtp://localhost:{server.port}"
    command = ["curl", "-sSv", f"{url}/client.else.test", "--cacert", server.authority, "--mail-from", "ann@else.test"]
    return run(*command, "--upload-file", letter, *words, code=code)


@pytest.mark.peer("curl")
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "*"])
def test_curl_logs_in_over_tls(server: MailServer, box: str, letter: Path, secure: bool, mechanism: str) -> None:
    login = ["--ssl-reqd", "--user", f"{USER}:{PASSWORD}", "--login-options", f"AUTH={mechanism}"]
    said = curl(server, letter, *login, "--mail-rcpt", f"{box}@{DOMAIN}", secure=secure)
    assert "< 235 2.7.0 " in said
    [mail] = server.mails(box)
    assert below_trace(mail) == LETTER
    assert protocol(mail) == "ESMTPSA"


@pytest.mark.peer("curl")
def test_curl_goes_on_without_the_recipients_that_are_refused(server: MailServer, box: str, letter: Path) -> None:
    to = ["--mail-rcpt", f"{box}@{DOMAIN}", "--mail-rcpt", AWAY]
    assert "550 5.7.1 " in curl(server, letter, *to, code=55)
    assert server.has_none(box)
    curl(server, letter, *to, "--mail-rcpt-allowfails")
    [mail] = server.mails(box)
    assert below_trace(mail) == LETTER
    assert protocol(mail) == "ESMTP"


@pytest.mark.peer("curl")
def test_curl_with_a_wrong_password(server: MailServer, box: str, letter: Path) -> None:
    said = curl(server, letter, "--ssl-reqd", "--user", f"{USER}:wrong", "--mail-rcpt", f"{box}@{DOMAIN}", code=67)
    assert "< 535 5.7.8 " in said


@pytest.mark.peer("curl")
def test_curl_sends_to_an_address_in_utf8(server: MailServer, box: str, letter: Path) -> None:
    """RFC 6531 3.4: MAIL with SMTPUTF8."""
    said = curl(server, letter, "--mail-rcpt", f"jürgen-{box}@{DOMAIN}")
    assert "SMTPUTF8" in said
    [mail] = server.mails(f"jürgen-{box}")
    assert below_trace(mail) == LETTER
    assert protocol(mail) == "UTF8SMTP"


@pytest.mark.peer("curl")
def test_curl_asks_for_help_and_for_a_user(server: MailServer) -> None:
    url = f"smtp://localhost:{server.port}"
    assert "214" in run("curl", "-sSv", url)
    assert "< 252 2." in run("curl", "-sSv", url, "--mail-rcpt", f"{USER}@{DOMAIN}")


@pytest.mark.peer("curl")
def test_curl_uploads_a_mail_whose_size_it_tells(server: MailServer, box: str, tmp_path: Path) -> None:
    """RFC 1870: SIZE goes with MAIL; one that is too large is refused before it is sent."""
    head = b"Subject: large\r\n\r\n"
    body = base64.encodebytes(LARGE).replace(b"\n", b"\r\n")
    (tmp_path / "mail").write_bytes(head + body)
    said = curl(server, tmp_path / "mail", "--mail-rcpt", f"{box}@{DOMAIN}")
    assert f"SIZE={len(head + body)}" in said
    [mail] = server.mails(box)
    assert below_trace(mail) == (head + body).replace(b"\r\n", b"\n")
    (tmp_path / "mail").write_bytes(head + body * 20)
    assert "552 5.3.4 " in curl(server, tmp_path / "mail", "--mail-rcpt", f"{box}@{DOMAIN}", code=55)


# --- Python: smtplib, aiosmtplib --------------------------------------------------------------------------------------


def trust(server: MailServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(server.authority))


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_smtplib_sends_several_mails(server: MailServer, box: str, tls: str) -> None:
    client = (
        smtplib.SMTP_SSL("localhost", server.secure_port, context=trust(server), timeout=30)
        if tls == "implicit"
        else smtplib.SMTP("localhost", server.port, timeout=30)
    )
    with client:
        if tls == "starttls":
            assert client.starttls(context=trust(server))[0] == 220
        if tls != "none":
            assert client.login(USER, PASSWORD)[0] == 235
        assert client.send_message(compose(f"{box}@{DOMAIN}")) == {}
        refused = client.sendmail("ann@else.test", [f"{box}2@{DOMAIN}", AWAY], SENT, ["BODY=8BITMIME"])
        assert [(name, code) for name, (code, _) in refused.items()] == [(AWAY, 550)]
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("ann@else.test", [AWAY], SENT)
        assert client.noop()[0] == 250
        assert client.rset()[0] == 250
        assert client.verify(f"{USER}@{DOMAIN}")[0] == 252
        assert client.expn("staff")[0] in {252, 502}
        assert client.help()
        assert client.docmd("MAIL", "FROM:ann@else.test")[0] == 501
        assert client.sendmail("", [f"{box}2@{DOMAIN}"], "Subject: a report\r\n\r\n.\r\n") == {}
    [mail] = server.mails(box)
    assert attachment(mail) == LARGE
    first, second = server.mails(f"{box}2", 2)
    assert below_trace(first) == LETTER
    assert second.startswith(b"Return-Path: <>\n")
    assert below_trace(second) == b"Subject: a report\n\n.\n"


@pytest.mark.parametrize("mechanism", ["auth_plain", "auth_login"])
@pytest.mark.parametrize("initial", [True, False])
def test_smtplib_logs_in_with_and_without_an_initial_response(server: MailServer, mechanism: str, initial: bool) -> None:
    """RFC 4954 4: it may come with AUTH, or after an empty challenge."""
    with smtplib.SMTP_SSL("localhost", server.secure_port, context=trust(server), timeout=30) as client:
        client.ehlo()
        client.user, client.password = USER, PASSWORD
        name = mechanism.removeprefix("auth_").upper()
        assert client.auth(name, getattr(client, mechanism), initial_response_ok=initial)[0] == 235
        client.password = "wrong"
    with smtplib.SMTP_SSL("localhost", server.secure_port, context=trust(server), timeout=30) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError, match=r"5\.7\.8"):
            client.login(USER, "wrong", initial_response_ok=initial)
        assert client.login(USER, PASSWORD, initial_response_ok=initial)[0] == 235


def test_smtplib_sends_to_an_address_in_utf8(server: MailServer, box: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Jürgen <jürgen@else.test>", f"übung-{box}@{DOMAIN}", "Grüße"
    message.set_content("Guten Tag\n")
    with smtplib.SMTP("localhost", server.port, timeout=30) as client:
        assert client.send_message(message) == {}
    [mail] = server.mails(f"übung-{box}")
    assert mail.startswith("Return-Path: <jürgen@else.test>\n".encode())
    assert "Subject: Grüße\n".encode() in mail


def test_smtplib_speaks_lmtp(box: str) -> None:
    with wirespeak("--lmtp") as server, smtplib.LMTP("localhost", server.port) as client:
        client.sendmail("ann@else.test", [f"{box}@{DOMAIN}"], SENT, ["BODY=8BITMIME"])
        [mail] = server.mails(box)
        assert below_trace(mail) == LETTER


@contextlib.asynccontextmanager
async def aiosmtplib_client(**options: Any) -> AsyncIterator[aiosmtplib.SMTP]:
    """A client, and its socket closed in the end: aiosmtplib itself doesn't wait until TLS has said goodbye."""
    async with aiosmtplib.SMTP(hostname="localhost", timeout=30, **options) as client:
        assert client.transport is not None
        sock = client.transport.get_extra_info("socket")
        yield client
    while sock.fileno() != -1:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_aiosmtplib_sends_several_mails_at_once(server: MailServer, box: str, tls: str) -> None:
    async def send(number: int) -> None:
        port = server.secure_port if tls == "implicit" else server.port
        login = {} if tls == "none" else {"username": USER, "password": PASSWORD, "tls_context": trust(server)}
        how = {"use_tls": tls == "implicit", "start_tls": tls == "starttls"}
        async with aiosmtplib_client(port=port, **how, **login) as client:
            refused, _ = await client.sendmail("ann@else.test", [f"{box}@{DOMAIN}", AWAY], SENT, mail_options=["BODY=8BITMIME"])
            assert [(name, response.code) for name, response in refused.items()] == [(AWAY, 550)]
            if not number:
                assert (await client.send_message(compose(f"{box}-large@{DOMAIN}")))[0] == {}
            assert (await client.vrfy(f"{USER}@{DOMAIN}")).code == 252

    async def send_all() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(4):
                tasks.create_task(send(number))

    asyncio.run(send_all())
    for mail in server.mails(box, 4):
        assert below_trace(mail) == LETTER
    [mail] = server.mails(f"{box}-large")
    assert attachment(mail) == LARGE


def test_aiosmtplib_with_a_wrong_password(server: MailServer) -> None:
    async def fail() -> None:
        async with aiosmtplib_client(port=server.secure_port, use_tls=True, tls_context=trust(server)) as client:
            with pytest.raises(aiosmtplib.SMTPAuthenticationError, match=r"5\.7\.8"):
                await client.login(USER, "wrong")

    asyncio.run(fail())


# --- nodemailer -------------------------------------------------------------------------------------------------------


def nodemailer(server: MailServer, options: dict[str, Any], *mails: dict[str, Any], secure: bool = False) -> list[dict[str, Any]]:
    """What nodemailer tells of each mail."""
    port = server.secure_port if secure else server.port
    transport = {"host": "localhost", "port": port, "secure": secure, "name": "client.else.test"} | options
    script = Path(__file__).with_name("nodemailer.cjs")
    module = find("nodemailer")
    assert module is not None
    env = ["env", f"NODE_PATH={Path(module).parent}", f"NODE_EXTRA_CA_CERTS={server.authority}"]
    output = run(*env, "node", script, json.dumps(transport), *map(json.dumps, mails))
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.peer("node", "nodemailer")
@pytest.mark.parametrize("words", ["ignoreTLS", "requireTLS", "secure", "requireTLS pool"])
@pytest.mark.parametrize("method", ["PLAIN", "LOGIN"])
def test_nodemailer_sends_several_mails(server: MailServer, box: str, large: Path, words: str, method: str) -> None:
    options: dict[str, Any] = dict.fromkeys(words.split(), True)
    if "ignoreTLS" not in options:
        options |= {"auth": {"user": USER, "pass": PASSWORD}, "authMethod": method}
    mails = [
        {"from": "ann@else.test", "to": f"{box}@{DOMAIN}, bob@away.test", "raw": LETTER.decode()},
        {"from": "ann@else.test", "to": f"{box}@{DOMAIN}", "subject": "Grüße", "text": ".\n", "attachments": [{"path": str(large)}]},
        {"from": "ann@else.test", "to": AWAY, "text": "no"},
    ]
    first, second, third = nodemailer(server, options, *mails, secure="secure" in options)
    assert (first["accepted"], first["rejected"]) == ([f"{box}@{DOMAIN}"], [AWAY])
    assert second["response"].startswith("250 2.")
    assert (third["code"], third["responseCode"]) == ("EENVELOPE", 550)
    letter, mail = server.mails(box, 2)
    assert below_trace(letter) == LETTER
    assert attachment(mail) == LARGE
    assert read(mail)["Subject"] == "Grüße"


@pytest.mark.peer("node", "nodemailer")
def test_nodemailer_with_a_wrong_password(server: MailServer, box: str) -> None:
    mail = {"from": "ann@else.test", "to": f"{box}@{DOMAIN}", "text": "no"}
    for method in ("PLAIN", "LOGIN"):
        options = {"auth": {"user": USER, "pass": "wrong"}, "authMethod": method, "requireTLS": True}
        [told] = nodemailer(server, options, mail)
        assert (told["code"], told["responseCode"]) == ("EAUTH", 535)
    assert server.has_none(box)


@pytest.mark.peer("node", "nodemailer")
def test_nodemailer_sends_to_an_address_in_utf8_and_asks_for_reports(server: MailServer, box: str) -> None:
    mail = {
        "from": "ann@else.test",
        "to": f"übung-{box}@{DOMAIN}",
        "text": "Grüße",
        "dsn": {"id": "some+id", "return": "headers", "notify": ["failure", "delay"], "recipient": "ann@else.test"},
    }
    [told] = nodemailer(server, {}, mail)
    assert told["accepted"] == [f"übung-{box}@{DOMAIN}"]
    server.mails(f"übung-{box}")


# --- mutt -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def mutt(server: MailServer, tmp_path: Path) -> Callable[..., str]:
    """``mutt(lines, word, …)`` runs mutt with a configuration that says ``lines`` too."""

    def send(lines: str, *words: str | Path, said: bytes = b"Hello\n.\n", code: int = 0) -> str:
        common = ["set from=ann@else.test use_envelope_from copy=no", f'set ssl_ca_certificates_file="{server.authority}"']
        (tmp_path / "muttrc").write_text("\n".join([*common, "set ssl_usesystemcerts=no charset=utf-8", *lines.split("; ")]) + "\n")
        return run("env", "TERM=dumb", "mutt", "-n", "-F", tmp_path / "muttrc", *words, said=said, code=code, cwd=tmp_path)

    return send


@pytest.mark.peer("mutt")
@pytest.mark.parametrize("mechanism", ["plain", "login", "scram-sha-256"])
@pytest.mark.parametrize("secure", [False, True])
def test_mutt_sends_over_tls(server: MailServer, box: str, large: Path, mutt: Callable[..., str], mechanism: str, secure: bool) -> None:
    url = f"smtps://{USER}@localhost:{server.secure_port}" if secure else f"smtp://{USER}@localhost:{server.port}"
    login = f'set smtp_pass="{PASSWORD}" smtp_authenticators="{mechanism}"'
    mutt(f"set smtp_url={url}; set ssl_starttls ssl_force_tls; {login}", "-s", "Grüße", "-a", large, "--", f"{box}@{DOMAIN}")
    [mail] = server.mails(box)
    message = read(mail)
    assert message["Subject"] == "Grüße"
    assert attachment(mail) == LARGE
    assert protocol(mail) == "ESMTPSA"


@pytest.mark.peer("mutt")
def test_mutt_sends_in_the_clear_and_with_a_wrong_password_not(server: MailServer, box: str, mutt: Callable[..., str]) -> None:
    clear = f"set smtp_url=smtp://localhost:{server.port}; set ssl_starttls=no"
    mutt(clear, "-s", "plain", "--", f"{box}@{DOMAIN}")
    [mail] = server.mails(box)
    assert mail.endswith(b"\n\nHello\n.\n")
    wrong = f"set smtp_url=smtps://{USER}@localhost:{server.secure_port}; set smtp_pass=wrong smtp_authenticators=plain"
    assert "authentication failed" in mutt(wrong, "-s", "no", "--", f"{box}@{DOMAIN}", code=1)
    assert "550 5.7.1 " in mutt(clear, "-s", "no", "--", AWAY, code=1)


@pytest.mark.peer("mutt")
def test_mutt_reads_the_maildir(server: MailServer, box: str, tmp_path: Path) -> None:
    """It finds the mail as new, reads it, and moves it among those that were seen."""
    with smtplib.SMTP("localhost", server.port) as client:
        client.sendmail("ann@else.test", [f"{box}@{DOMAIN}"], SENT, ["BODY=8BITMIME"])
    maildir = server.mail / box
    (tmp_path / "muttrc").write_text(f"set charset=utf-8 wait_key=no mark_old=no folder={tmp_path}\n")
    words = ["-n", "-F", str(tmp_path / "muttrc"), "-f", str(maildir)]
    terminal = {**os.environ, "TERM": "vt100", "LC_ALL": "C.UTF-8"}
    with pexpect.spawn("mutt", words, timeout=20, encoding="utf-8", env=terminal, cwd=tmp_path) as screen:
        screen.expect("N.*Ann.*dots")
        screen.send("|cat >letter-read\r")
        screen.send("\r")
        screen.expect("Grüße aus Übersee")
        screen.send("x$q")
        screen.expect(pexpect.EOF)
    assert "Grüße aus Übersee" in (tmp_path / "letter-read").read_text()
    assert not list((maildir / "new").iterdir())
    [seen] = (maildir / "cur").iterdir()
    assert seen.name.endswith(":2,S")
    assert below_trace(seen.read_bytes()) == LETTER


@pytest.mark.peer("openssl")
def test_openssl_upgrades_by_starttls(server: MailServer) -> None:
    command = ["openssl", "s_client", "-starttls", "smtp", "-connect", f"localhost:{server.port}", "-CAfile", server.authority, "-crlf"]
    said = run(*command, "-verify_return_error", "-verify_hostname", "localhost", "-quiet", said=b"EHLO client.else.test\nQUIT\n")
    assert "250" in said


def test_a_client_that_says_nothing_is_greeted(server: MailServer) -> None:
    with socket.create_connection(("localhost", server.port), 20) as sock:
        assert sock.recv(1000).startswith(b"220 ")
