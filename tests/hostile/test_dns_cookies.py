"""DNS cookies (RFC 7873, RFC 9018) in hostile hands: of every length, forged, from another address, sent twice.

Whether a server holds a cookie for its own is seen by asking with no question: BADCOOKIE where it does not (RFC 7873 5.4).
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator

import pytest

from tests.hostile.dns_wire import (
    BADCOOKIE,
    COOKIE,
    EXAMPLE,
    FORMERR,
    IN,
    NOERROR,
    NXDOMAIN,
    REFUSED,
    TXT,
    A,
    Answer,
    Server,
    answer_to,
    header,
    opt,
    option,
    query,
    read,
    serving,
)

CLIENT = b"\x11AAaaZZ\xff"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("cookies"), {"example.": EXAMPLE}) as server:
        yield server


def ask(server: Server, *cookies: bytes, owner: str = "www.example.", source: str = "127.0.0.1") -> Answer:
    """An ordinary question with these COOKIE options."""
    return server.ask(query(owner, A, IN, opt(*(option(COOKIE, data) for data in cookies))), source=source)


def accepted(server: Server, cookie: bytes, *, source: str = "127.0.0.1") -> bool:
    """Whether the server holds client and server cookie for a pair that it has made itself."""
    answer = server.ask(header(qd=0, ar=1) + opt(option(COOKIE, cookie)), source=source)
    assert answer.rcode in (NOERROR, BADCOOKIE)
    assert answer.records == []
    assert answer.cookie[:8] == cookie[:8]
    return answer.rcode == NOERROR


# --- what a server gives


@pytest.mark.parametrize(("owner", "rcode"), [("www.example.", NOERROR), ("no.example.", NXDOMAIN), ("www.test.", REFUSED)])
def test_a_client_cookie_alone_is_answered_with_both(server: Server, owner: str, rcode: int) -> None:
    """RFC 7873 5.2.3; the server's 16 octets as RFC 9018 4 has them: version 1, three zeros, the time, a hash."""
    answer = ask(server, CLIENT, owner=owner)
    assert answer.rcode == rcode
    assert answer.cookie[:8] == CLIENT
    version, reserved, seconds = struct.unpack_from(">B3sI", answer.cookie, 8)
    assert (len(answer.cookie), version, reserved) == (24, 1, b"\0\0\0")
    assert abs(seconds - time.time()) < 300


def test_over_tcp_as_over_udp(server: Server) -> None:
    answer = server.ask_tcp(query("www.example.", A, IN, opt(option(COOKIE, CLIENT))))
    assert (answer.rcode, answer.cookie[:8]) == (NOERROR, CLIENT)
    assert accepted(server, answer.cookie)


def test_without_a_cookie_in_the_query_there_is_none_in_the_answer(server: Server) -> None:
    """RFC 7873 5.2.1."""
    answer = server.ask(query("www.example.", A, IN, opt()))
    assert answer.opt is not None
    assert answer.opt[COOKIE] is None


def test_a_good_pair_is_accepted_and_goes_on_being_given(server: Server) -> None:
    """RFC 7873 5.2.5, RFC 9018 4.3."""
    cookie = ask(server, CLIENT).cookie
    for _ in range(3):
        assert accepted(server, cookie)
        answer = ask(server, cookie)
        assert (answer.rcode, answer.types) == (NOERROR, [A])
        assert answer.cookie[:8] == CLIENT
        cookie = answer.cookie


# --- forged


def test_a_cookie_changed_in_any_bit_is_not_the_server_s(server: Server) -> None:
    """RFC 9018 4.4: client cookie, version, reserved octets, time and address all go into the hash."""
    cookie = ask(server, CLIENT).cookie
    assert accepted(server, cookie)
    for place in range(len(cookie)):
        for bit in (1, 0x20, 0x80):  # 0x20 is what tells a letter's cases apart
            forged = bytearray(cookie)
            forged[place] ^= bit
            assert not accepted(server, bytes(forged)), f"octet {place} changed by {bit:#x}"
    assert accepted(server, cookie)


@pytest.mark.parametrize("ago", [-86400 * 365, -3601, 301, 3601, 1 << 30], ids=str)
def test_a_cookie_of_another_time_is_not_the_server_s(server: Server, ago: int) -> None:
    """RFC 9018 4.3: an hour old at most, five minutes ahead at most; and the time cannot be changed without the hash."""
    cookie = ask(server, CLIENT).cookie
    seconds = (struct.unpack_from(">I", cookie, 12)[0] - ago) % (1 << 32)
    assert not accepted(server, cookie[:12] + struct.pack(">I", seconds) + cookie[16:])


def test_a_cookie_of_another_address_is_not_the_server_s(server: Server) -> None:
    """RFC 7873 4.2: that is what a cookie is for."""
    cookie = ask(server, CLIENT, source="127.0.0.1").cookie
    other = ask(server, CLIENT, source="127.5.6.7").cookie
    assert cookie[16:] != other[16:], "two addresses have the same cookie"
    assert accepted(server, cookie, source="127.0.0.1")
    assert accepted(server, other, source="127.5.6.7")
    assert not accepted(server, cookie, source="127.5.6.7")
    assert not accepted(server, other, source="127.0.0.1")


@pytest.mark.parametrize("forged", [bytes(16), b"\xff" * 16, b"\1\0\0\0" + bytes(12), bytes(8), os.urandom(32)], ids=len)
def test_a_forged_one_is_treated_as_none(server: Server, forged: bytes) -> None:
    """RFC 7873 5.2.4: the question is answered all the same, with a cookie that is good."""
    answer = ask(server, CLIENT + forged)
    assert (answer.rcode, answer.types) == (NOERROR, [A])
    assert answer.cookie[:8] == CLIENT
    assert len(answer.cookie) == 24
    assert answer.cookie[8:] != forged
    assert accepted(server, answer.cookie)


# --- broken


@pytest.mark.parametrize("length", [*range(8), *range(9, 16), 41, 42, 48, 64, 255, 1000, 60000])
def test_a_cookie_of_a_wrong_length(server: Server, length: int) -> None:
    """RFC 7873 5.2.2: 8 octets, or 16 to 40; else a format error. With a question, and without."""
    assert server.rcode(query("www.example.", A, IN, opt(option(COOKIE, bytes(length))))) == FORMERR
    assert server.rcode(header(qd=0, ar=1) + opt(option(COOKIE, bytes(length)))) == FORMERR


@pytest.mark.parametrize("length", [8, *range(16, 41)])
def test_a_cookie_of_any_other_length(server: Server, length: int) -> None:
    """RFC 7873 5.2.3 and 5.2.4: other servers' cookies are 8 to 32 octets. They are not ours, and no fault."""
    answer = ask(server, CLIENT + bytes(length - 8))
    assert (answer.rcode, answer.types) == (NOERROR, [A])
    assert accepted(server, answer.cookie)


def test_of_two_cookies_the_first_counts(server: Server) -> None:
    """RFC 7873 5.2: "all but the first" are ignored. Both may also be refused."""
    other = b"ABCDEFGH"
    message = query("www.example.", A, IN, opt(option(COOKIE, CLIENT), option(COOKIE, other)))
    (wire,) = server.replies(message)
    answer = answer_to(message, wire)
    assert answer.rcode in (NOERROR, FORMERR)
    assert answer.rcode == FORMERR or answer.cookie[:8] == CLIENT


def test_a_thousand_cookies_are_no_more_work_than_their_length(server: Server) -> None:
    message = query("www.example.", A, IN, opt(*[option(COOKIE, CLIENT)] * 1000))
    before = server.cpu()
    for _ in range(20):
        assert len(server.replies(message)) <= 1
    assert (server.cpu() - before) / 20 < 0.02


def test_cookies_are_not_remembered(server: Server) -> None:
    """RFC 7873 4.2, RFC 9018 4: what the server needs is in the cookie. Memory does not grow with the clients that ask."""

    def flood(first: int) -> None:
        messages = (query("www.example.", A, IN, opt(option(COOKIE, struct.pack(">Q", first + number)))) for number in range(8000))
        assert server.flood(messages) == 8000

    flood(0)
    before = server.memory
    flood(1 << 32)
    assert server.memory - before < 3_000_000


def test_a_cookie_alone_brings_no_more_than_its_own_size(server: Server) -> None:
    """From a spoofed address it must not be worth asking: 16 octets are added, and no more (RFC 7873 5.4)."""
    message = header(qd=0, ar=1) + opt(option(COOKIE, CLIENT))
    (wire,) = server.replies(message)
    assert len(wire) <= len(message) + 16


def test_cookies_do_not_cross(server: Server) -> None:
    """Many clients at once, whose cookies differ in case alone: each gets its own back."""
    clients = [bytes(octet ^ (0x20 if 1 << place & number else 0) for place, octet in enumerate(b"ABCDEFGH")) for number in range(256)]
    with server.socket() as sock:
        for id, client in enumerate(clients):
            sock.send(query("www.example.", TXT, IN, opt(option(COOKIE, client)), id=id))
        came = {answer.id: answer.cookie[:8] for answer in (read(sock.recv(65535)) for _ in clients)}
    assert came == dict(enumerate(clients))
