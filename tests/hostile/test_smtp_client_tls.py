"""Servers that would have our SMTP client say in clear what it meant to say over TLS, or a password to who doesn't know it.

What was to be said over TLS is said over TLS or not at all (CVE-2016-0772), and a server has to prove that it knows a password
too (RFC 5802 3). Every test runs with the blocking client and with the one for asyncio.
"""

from __future__ import annotations

import base64
import ssl
import time

import pytest

from tests.hostile.smtp_by_hand import Case, Talk
from wirespeak.errors import (
    LocalProtocolError,
    Refused,
    RemoteProtocolError,
    TLSError,
    WirespeakError,
)
from wirespeak.sockets.authority import Authority
from wirespeak.sockets.tls import client_context, server_context


@pytest.fixture(params=["blocking", "asyncio"])
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.open(tmp_path_factory.mktemp("authority"))


def tls(talk: Talk, authority: Authority) -> None:
    """Go on over TLS."""
    context = server_context(authority)
    assert isinstance(context, ssl.SSLContext)
    talk.sock = context.wrap_socket(talk.sock, server_side=True)


# --- TLS that was asked for, and is kept from us


def test_starttls_stripped_from_the_offer(case: Case) -> None:
    """CVE-2016-0772, RFC 3207 6: who demands TLS and is not offered it stops, and has given nothing away."""

    def talk(server: Talk) -> None:
        server.greets("AUTH PLAIN LOGIN", "8BITMIME")
        server.to_the_end()

    with pytest.raises(TLSError):
        case(talk, tls="starttls", user="ann", password="secret")
    assert case.verbs in ([b"EHLO"], [b"EHLO", b"QUIT"])


@pytest.mark.parametrize("reply", ["454 4.7.0 not now", "500 5.5.1 what?", "502 5.5.1 no", "554 5.7.0 never"])
def test_starttls_refused(case: Case, reply: str) -> None:
    def talk(server: Talk) -> None:
        server.greets("STARTTLS", "AUTH PLAIN")
        assert server.hears() == b"STARTTLS"
        server.says(reply)
        server.to_the_end()

    with pytest.raises(TLSError):
        case(talk, tls="starttls", user="ann", password="secret")
    assert case.verbs in ([b"EHLO", b"STARTTLS"], [b"EHLO", b"STARTTLS", b"QUIT"])


@pytest.mark.parametrize("reply", ["250 fine", "220-two\r\n250 lines", "354 go on", "334 ", "999 what"])
def test_starttls_answered_with_something_else(case: Case, reply: str) -> None:
    def talk(server: Talk) -> None:
        server.greets("STARTTLS")
        server.hears()
        server.says(reply)
        server.to_the_end()

    with pytest.raises((TLSError, RemoteProtocolError)):
        case(talk, tls="starttls", user="ann", password="secret")
    assert set(case.verbs) <= {b"EHLO", b"STARTTLS", b"QUIT"}


def test_words_put_in_behind_the_agreement(case: Case, authority: Authority) -> None:
    """What comes in clear behind the 220 is not the answer to what is said over TLS (the other half of CVE-2011-0411)."""

    def talk(server: Talk) -> None:
        server.greets("STARTTLS")
        server.hears()
        server.says("220 go on", "250-mail.test", "250 AUTH PLAIN")
        tls(server, authority)
        server.answers_ehlo("8BITMIME")
        server.to_the_end()

    with pytest.raises((TLSError, RemoteProtocolError)):
        case(talk, tls="starttls", context=client_context(authorities=[authority.certificate_file]), user="ann", password="secret")
    assert b"AUTH" not in case.verbs


def test_a_certificate_that_nobody_vouches_for(case: Case, authority: Authority) -> None:
    def talk(server: Talk) -> None:
        server.greets("STARTTLS")
        server.hears()
        server.says("220 go on")
        try:
            tls(server, authority)
        except ssl.SSLError:
            return
        server.to_the_end()

    with pytest.raises(TLSError):
        case(talk, tls="starttls", user="ann", password="secret")
    assert set(case.verbs) <= {b"EHLO", b"STARTTLS"}


def test_no_handshake_but_more_words_in_clear(case: Case) -> None:
    def talk(server: Talk) -> None:
        server.greets("STARTTLS")
        server.hears()
        server.says("220 go on")
        server.sock.recv(65536)
        server.says("250 let us forget about that", "235 2.7.0 welcome")
        server.to_the_end()

    with pytest.raises(TLSError):
        case(talk, tls="starttls", user="ann", password="secret")


def test_what_was_offered_in_clear_counts_for_nothing_over_tls(case: Case, authority: Authority) -> None:
    """RFC 3207 4.2: the client forgets what it was told, and asks again."""

    def talk(server: Talk) -> None:
        server.greets("STARTTLS", "AUTH PLAIN", "PIPELINING", "SIZE 10", "CHUNKING")
        server.hears()
        server.says("220 go on")
        tls(server, authority)
        server.answers_ehlo("8BITMIME")
        for code in (250, 250, 354):
            server.hears()
            server.says(f"{code} ok")
        while server.hears() != b".":
            pass
        server.says("250 ok")
        server.to_the_end()

    report = case(talk, tls="starttls", context=client_context(authorities=[authority.certificate_file]))
    assert len(report.accepted) == 1
    assert b"BDAT" not in case.verbs


def test_a_password_is_not_said_in_clear(case: Case) -> None:
    """To another machine, that is; here the server is this machine itself, so the name alone must not have made it go further."""

    def talk(server: Talk) -> None:
        server.greets("8BITMIME")
        server.to_the_end()

    with pytest.raises(Refused):
        case(talk, user="ann", password="secret")
    assert b"AUTH" not in case.verbs


@pytest.mark.parametrize("final", ["v=eA==", "e=other-error", "", "v=" + base64.b64encode(bytes(32)).decode()])
def test_a_server_that_does_not_know_the_password_either(case: Case, final: str) -> None:
    """RFC 5802 3: a server has to prove itself; one that only says 235 is not believed."""

    def talk(server: Talk) -> None:
        server.greets("AUTH SCRAM-SHA-256")
        first = server.hears().split(b" ")[-1]
        nonce = base64.b64decode(first).decode().rpartition("r=")[2]
        server.says("334 " + base64.b64encode(f"r={nonce}more,s=c2FsdHNhbHQ=,i=4096".encode()).decode())
        server.hears()
        if final:
            server.says("334 " + base64.b64encode(final.encode()).decode())
            server.hears()
        server.says("235 2.7.0 welcome")
        server.to_the_end()

    with pytest.raises((RemoteProtocolError, Refused)):
        case(talk, user="ann", password="secret")
    assert b"MAIL" not in case.verbs


CHALLENGES = ["r=other,s=c2FsdA==,i=4096", "r=NONCE,s=c2FsdA==,i=4096", "r=NONCEx,s=c2FsdA==,i=1", "r=NONCEx,s=,i=4096"]


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_a_scram_challenge_that_is_none(case: Case, challenge: str) -> None:
    """RFC 5802 5.1: the nonce goes on from ours; RFC 7677 4: 4,096 rounds at least, so that what is said can't be guessed from."""

    def talk(server: Talk) -> None:
        server.greets("AUTH SCRAM-SHA-256")
        nonce = base64.b64decode(server.hears().split(b" ")[-1]).decode().rpartition("r=")[2]
        server.says("334 " + base64.b64encode(challenge.replace("NONCE", nonce).encode()).decode())
        server.hears()
        server.says("535 5.7.8 no")
        server.to_the_end()

    with pytest.raises((RemoteProtocolError, Refused, LocalProtocolError)):
        case(talk, user="ann", password="secret")
    assert not [line for line in case.heard if b"p=" in base64.b64decode(line.split(b" ")[-1] + b"==", validate=False)[:200]]


def test_an_endless_number_of_rounds(case: Case) -> None:
    """A server can't make a client count for hours."""

    def talk(server: Talk) -> None:
        server.greets("AUTH SCRAM-SHA-256")
        nonce = base64.b64decode(server.hears().split(b" ")[-1]).decode().rpartition("r=")[2]
        server.says("334 " + base64.b64encode(f"r={nonce}x,s=c2FsdA==,i=4000000000".encode()).decode())
        server.to_the_end()

    since = time.monotonic()
    with pytest.raises(WirespeakError):
        case(talk, user="ann", password="secret")
    assert time.monotonic() - since < 15


def test_a_login_that_never_ends(case: Case) -> None:
    """Challenge upon challenge: given up, or a time limit passed; never more than a few."""

    def talk(server: Talk) -> None:
        server.greets("AUTH PLAIN LOGIN")
        while server.hears():
            server.says("334 ")

    with pytest.raises(WirespeakError):
        case(talk, user="ann", password="secret")
    assert len(case.heard) < 20
