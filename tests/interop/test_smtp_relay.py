"""Postfix hands mail on to our server, over SMTP and LMTP, as it does to any other: over TLS, logged in, many mails a connection."""

from __future__ import annotations

import contextlib
import re
import secrets
import smtplib
import ssl
from collections.abc import Iterator

import pytest

from scripts.peers import find
from tests.interop.smtp_letters import LARGE, LETTER, SENT, attachment, below_trace, compose, protocol, read, run
from tests.interop.smtp_peers import DOMAIN, PASSWORD, USER, MailServer, postfix, wirespeak

pytestmark = pytest.mark.peer("postfix", "saslpasswd2", "libscram.so")

AWAY = "away.test"
"""The domain that we are for."""
ELSEWHERE = "elsewhere.test"
"""A domain whose mail Postfix brings us too, and we don't take."""


@pytest.fixture(scope="module")
def ours() -> Iterator[MailServer]:
    with wirespeak("--alias", "list=one,two,three", domain=AWAY) as server:
        yield server


@pytest.fixture
def box() -> str:
    """A mailbox that no other test has."""
    return f"box{secrets.token_hex(6)}"


@contextlib.contextmanager
def relaying(hop: str, **settings: str) -> Iterator[MailServer]:
    """Postfix, which hands on mail for `AWAY` and `ELSEWHERE` to ``hop``, a transport and a place."""
    with postfix(routes={AWAY: hop, ELSEWHERE: hop}, settings=settings) as relay:
        yield relay


def send(relay: MailServer, *recipients: str, mail: bytes = SENT, options: tuple[str, ...] = ("BODY=8BITMIME",)) -> None:
    """Give ``mail`` to Postfix, as a user of its own."""
    trust = ssl.create_default_context(cafile=str(relay.authority))
    with smtplib.SMTP_SSL("localhost", relay.secure_port, context=trust, timeout=30) as client:
        client.login(USER, PASSWORD)
        assert client.sendmail(f"ann@{DOMAIN}", recipients, mail, options) == {}


@pytest.mark.parametrize("mechanism", ["plain", "login", "scram-sha-256"])
@pytest.mark.parametrize("secure", [False, True])
def test_postfix_logs_in_over_tls_that_it_verifies(ours: MailServer, box: str, mechanism: str, secure: bool) -> None:
    place = f"[localhost]:{ours.secure_port if secure else ours.port}"
    settings = {
        "smtp_tls_security_level": "verify",
        "smtp_tls_verify_cert_match": "nexthop",
        "smtp_tls_wrappermode": "yes" if secure else "no",
        "smtp_sasl_auth_enable": "yes",
        "smtp_sasl_password_maps": f"inline:{{ {{{place}={USER}:{PASSWORD}}} }}",
        "smtp_sasl_security_options": "noanonymous",
        "smtp_sasl_mechanism_filter": mechanism,
    }
    with relaying(f"smtp:{place}", **settings) as relay:
        send(relay, f"{box}@{AWAY}")
        [mail] = ours.mails(box)
        assert "Verified TLS connection established to localhost" in relay.output
    assert below_trace(mail) == LETTER
    assert protocol(mail) == "ESMTPSA"


def test_postfix_tells_the_sender_of_the_recipients_that_we_refuse(ours: MailServer, box: str) -> None:
    """The others get the mail; the report quotes our answer (RFC 3464 2.3.6)."""
    with relaying(f"smtp:[127.0.0.1]:{ours.port}") as relay:
        send(relay, f"{box}@{AWAY}", f"no@{ELSEWHERE}", f"{box}+tag@{AWAY}")
        [mail] = ours.mails(box)
        [report] = relay.mails("ann")
    assert below_trace(mail) == LETTER
    text = report.decode()
    assert f"Final-Recipient: rfc822; no@{ELSEWHERE}" in text
    assert "Action: failed" in text
    assert "Status: 5.7.1" in text
    assert re.search(r"Diagnostic-Code: smtp; 550 5\.7\.1 ", text)


def test_postfix_brings_many_mails_and_large_ones(ours: MailServer, box: str) -> None:
    with relaying(f"smtp:[127.0.0.1]:{ours.port}", smtp_destination_recipient_limit="3") as relay:
        send(relay, *(f"{box}{number}@{AWAY}" for number in range(10)))
        for _ in range(20):
            send(relay, f"{box}@{AWAY}")
        send(relay, f"{box}-large@{AWAY}", mail=compose(f"{box}@{AWAY}").as_bytes().replace(b"\n", b"\r\n"))
        assert all(below_trace(mail) == LETTER for mail in ours.mails(box, 20))
        for number in range(10):
            [mail] = ours.mails(f"{box}{number}")
            assert below_trace(mail) == LETTER
        [large] = ours.mails(f"{box}-large")
    assert attachment(large) == LARGE


def test_postfix_brings_addresses_in_utf8_and_wishes_for_reports(ours: MailServer, box: str) -> None:
    with relaying(f"smtp:[127.0.0.1]:{ours.port}") as relay:
        mail = SENT.replace(b"Subject: dots", "Subject: Grüße".encode())
        send(relay, f"übung-{box}@{AWAY}", mail=mail, options=("BODY=8BITMIME", "SMTPUTF8"))
        [kept] = ours.mails(f"übung-{box}")
        assert protocol(kept) == "UTF8SMTP"
        assert below_trace(kept) == mail.replace(b"\r\n", b"\n")
        send(relay, f"{box}@{AWAY}", options=("RET=HDRS", "ENVID=a+2Bb"))
        ours.mails(box)


def test_postfix_asks_whether_we_would_take_a_mail(ours: MailServer, box: str) -> None:
    """Its probes end after RCPT, by RSET or QUIT: no mail comes of them."""
    settings = {
        "smtpd_recipient_restrictions": "reject_unverified_recipient",
        "unverified_recipient_reject_code": "550",
        "address_verify_map": "",
        "address_verify_poll_delay": "1s",
    }
    with relaying(f"smtp:[127.0.0.1]:{ours.port}", **settings) as relay:
        trust = ssl.create_default_context(cafile=str(relay.authority))
        with smtplib.SMTP_SSL("localhost", relay.secure_port, context=trust, timeout=30) as client:
            client.ehlo()
            client.mail("ann@else.test")
            code, said = client.rcpt(f"no@{ELSEWHERE}")
            assert (code, b"550 5.7.1 " in said) == (550, True), said
            assert client.rcpt(f"{box}@{AWAY}")[0] == 250
    assert ours.has_none(box)


def test_postfix_delivers_over_lmtp(box: str) -> None:
    """RFC 2033: each recipient has its own answer."""
    with wirespeak("--lmtp", domain=AWAY) as ours, relaying(f"lmtp:inet:127.0.0.1:{ours.port}") as relay:
        send(relay, f"{box}@{AWAY}", f"no@{ELSEWHERE}", f"{box}2@{AWAY}")
        for name in (box, f"{box}2"):
            [mail] = ours.mails(name)
            assert below_trace(mail) == LETTER
            assert protocol(mail) == "LMTP"
        [report] = relay.mails("ann")
    assert "550 5.7.1 " in report.decode()


@pytest.mark.parametrize("lmtp", [False, True])
def test_a_crowd_of_smtp_source(box: str, lmtp: bool) -> None:
    """Postfix's own load: 500 mails over 20 connections, as many mails each as will go."""
    source = find("smtp-source")
    assert source is not None
    with wirespeak(*(["--lmtp"] if lmtp else []), domain=AWAY) as ours:
        how = ["-d", *(["-L"] if lmtp else []), "-s", "20", "-m", "500", "-l", "4000", "-f", "ann@else.test", "-t", f"{box}@{AWAY}"]
        run(source, *how, f"127.0.0.1:{ours.port}")
        mails = ours.mails(box, 500)
    assert len({read(mail)["Message-ID"] for mail in mails}) == 500
    assert all(len(below_trace(mail)) > 4000 for mail in mails)
