"""Cookies as RFC 9018 makes them: its own examples (appendix A), what is no cookie of ours, and how secrets follow each other."""

from __future__ import annotations

import pytest

from wirespeak.dns.cookies import MAX_AGE, MAX_AHEAD, REMEMBERED, RENEWED_AT, Cookies, Known, siphash
from wirespeak.errors import RemoteProtocolError

SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
OTHER = bytes.fromhex("dd3bdf9344b678b185a6f5cb60fca715")
ROLLED = bytes.fromhex("445536bcd2513298075a5d379663c962")
CLIENT = "198.51.100.100"
MADE = 1559731985
COOKIE = bytes.fromhex("2464c4abcf10c957010000005cf79f111f8130c3eee29480")


# --- the hash


@pytest.mark.parametrize(
    ("size", "digest"),
    [(0, "310e0edd47db6f72"), (1, "fd67dc93c539f874"), (8, "6224939a79f5f593"), (15, "e545be4961ca29a1"), (63, "724506eb4c328a95")],
)
def test_siphash_as_its_authors_have_it(size: int, digest: str) -> None:
    """The vectors of the reference implementation: the key 00 01 … 0f, the message 00 01 …"""
    assert siphash(bytes(range(16)), bytes(range(size))).hex() == digest


# --- RFC 9018, appendix A


def test_learning_a_new_server_cookie() -> None:
    verdict = Cookies(SECRET).check(COOKIE[:8], CLIENT, MADE)
    assert (verdict.known, verdict.option) == (Known.NEW, COOKIE)


def test_the_same_client_learning_a_renewed_server_cookie() -> None:
    verdict = Cookies(SECRET).check(COOKIE, CLIENT, 1559734385)
    assert (verdict.known, verdict.option.hex()) == (Known.GOOD, "2464c4abcf10c957010000005cf7a871d4a564a1442aca77")


def test_another_client_whose_reserved_bytes_are_not_zero() -> None:
    """They are hashed as they came; ours are zero."""
    cookie = bytes.fromhex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5")
    cookies = Cookies(SECRET)
    assert cookies.check(cookie, "203.0.113.203", 1559727985 + 60).known is Known.GOOD
    assert cookies.check(cookie, "203.0.113.203", 1559734700).option.hex() == "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"


def test_a_query_over_ipv6_while_the_secret_is_rolled_over() -> None:
    cookie = bytes.fromhex("22681ab97d52c298010000005cf7c57926556bd0934c72f8")
    verdict = Cookies(ROLLED, OTHER).check(cookie, "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961)
    assert (verdict.known, verdict.option.hex()) == (Known.GOOD, "22681ab97d52c298010000005cf7c609a6bb79d16625507a")


# --- what is ours, and what is not


def flipped(at: int) -> bytes:
    return COOKIE[:at] + bytes([COOKIE[at] ^ 1]) + COOKIE[at + 1 :]


@pytest.mark.parametrize("at", [0, 7, 8, 9, 12, 15, 16, 23])
def test_one_changed_bit_makes_it_none_of_ours(at: int) -> None:
    verdict = Cookies(SECRET).check(flipped(at), CLIENT, MADE)
    assert verdict.known is Known.BAD
    assert verdict.option[:8] == flipped(at)[:8]
    assert Cookies(SECRET).check(verdict.option, CLIENT, MADE).known is Known.GOOD  # who was there learns a new one


@pytest.mark.parametrize("other", ["198.51.100.101", "2001:db8::1"])
def test_it_is_good_from_one_address_alone(other: str) -> None:
    cookies = Cookies(SECRET)
    assert cookies.check(COOKIE, CLIENT, MADE).known is Known.GOOD
    assert cookies.check(COOKIE, other, MADE).known is Known.BAD


def test_an_address_of_ipv4_is_the_same_in_a_socket_of_both_families() -> None:
    assert Cookies(SECRET).check(COOKIE, f"::ffff:{CLIENT}", MADE).known is Known.GOOD


def test_a_link_does_not_matter() -> None:
    cookies = Cookies(SECRET)
    made = cookies.check(COOKIE[:8], "fe80::1%eth0", MADE).option
    assert cookies.check(made, "fe80::1", MADE).known is Known.GOOD


@pytest.mark.parametrize("size", [16, 17, 23, 25, 40])
def test_a_cookie_of_another_make_is_none_of_ours(size: int) -> None:
    assert Cookies(SECRET).check((COOKIE * 2)[:size], CLIENT, MADE).known is Known.BAD


@pytest.mark.parametrize("size", [0, 7, 9, 15, 41])
def test_what_has_no_length_of_a_cookie_is_broken(size: int) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Cookies(SECRET).check((COOKIE * 2)[:size], CLIENT, MADE)
    assert caught.value.code == 1  # RFC 7873 5.2.2: FORMERR


# --- time


@pytest.mark.parametrize(
    ("age", "known", "same"),
    [
        (0, Known.GOOD, True),
        (RENEWED_AT - 1, Known.GOOD, True),
        (RENEWED_AT, Known.GOOD, False),
        (MAX_AGE, Known.GOOD, False),
        (MAX_AGE + 1, Known.BAD, False),
        (-MAX_AHEAD, Known.GOOD, True),
        (-MAX_AHEAD - 1, Known.BAD, False),
    ],
)
@pytest.mark.parametrize("met_before", [False, True])
def test_it_lasts_an_hour_and_is_renewed_after_half(age: int, known: Known, same: bool, met_before: bool) -> None:
    cookies = Cookies(SECRET)
    if met_before:
        cookies.check(COOKIE, CLIENT, MADE)
    verdict = cookies.check(COOKIE, CLIENT, MADE + age)
    assert (verdict.known, verdict.option == COOKIE) == (known, same)


def test_seconds_go_round() -> None:
    """RFC 9018 4.3: 32 bits of them are compared as serial numbers (RFC 1982)."""
    cookies = Cookies(SECRET)
    made = cookies.check(COOKIE[:8], CLIENT, 0xFFFFFF00).option
    assert cookies.check(made, CLIENT, 0xFFFFFF00 + 512).known is Known.GOOD
    assert cookies.check(made, CLIENT, 0xFFFFFF00 + MAX_AGE + 1).known is Known.BAD


# --- secrets


def test_servers_of_one_secret_know_each_others_cookies() -> None:
    made = Cookies(SECRET).check(COOKIE[:8], CLIENT, MADE).option
    assert Cookies(SECRET).check(made, CLIENT, MADE).known is Known.GOOD
    assert Cookies(OTHER).check(made, CLIENT, MADE).known is Known.BAD


def test_a_secret_is_followed_by_another() -> None:
    cookies = Cookies(SECRET)
    assert cookies.check(COOKIE, CLIENT, MADE).known is Known.GOOD
    cookies.roll(OTHER, SECRET)
    verdict = cookies.check(COOKIE, CLIENT, MADE)
    assert verdict.known is Known.GOOD
    assert verdict.option != COOKIE  # by the new secret
    cookies.roll(OTHER)
    assert cookies.check(COOKIE, CLIENT, MADE).known is Known.BAD
    assert cookies.check(verdict.option, CLIENT, MADE).known is Known.GOOD


@pytest.mark.parametrize("secrets", [(), (b"short",), (SECRET, SECRET + b"x")])
def test_what_is_no_secret(secrets: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Cookies(*secrets)


def test_no_more_are_remembered_than_there_is_room_for() -> None:
    cookies = Cookies(SECRET)
    for number in range(REMEMBERED + 10):
        client = f"2001:db8::{number:x}"
        assert cookies.check(cookies.check(COOKIE[:8], client, MADE).option, client, MADE).known is Known.GOOD
    assert len(cookies._good) <= REMEMBERED
