"""Hosts that are shown instead of addresses."""

from __future__ import annotations

import re

import pytest

from wirespeak.irc.cloaks import cloak
from wirespeak.irc.grammar import HOST

SECRET = b"a secret of the server's"


def test_a_cloak_has_a_part_for_each_network_around_an_address() -> None:
    """So a ban may name all of a /24, or of a /16, by who sees cloaks alone."""
    one, same, near, far = (cloak(ip, SECRET, "hidden").split(".") for ip in ("203.0.113.9", "203.0.113.9", "203.0.113.8", "203.0.7.9"))
    assert one == same
    assert [part == other for part, other in zip(one, near, strict=True)] == [False, True, True, True]
    assert [part == other for part, other in zip(one, far, strict=True)] == [False, False, True, True]


def test_of_an_ipv6_address_the_half_that_its_visitor_chooses_does_not_count() -> None:
    assert cloak("2001:db8::1", SECRET, "hidden") == cloak("2001:db8::abcd:1", SECRET, "hidden")
    assert cloak("2001:db8::1", SECRET, "hidden") != cloak("2001:db8:0:1::1", SECRET, "hidden")


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1", "255.255.255.255", "2001:db8::1"])
def test_a_cloak_is_a_host_and_tells_nothing(ip: str) -> None:
    text = cloak(ip, SECRET, "hidden")
    assert HOST.fullmatch(text)
    assert re.fullmatch(r"([0-9a-f]{10}\.){3}hidden", text)
    assert text != cloak(ip, b"another", "hidden")


def test_who_comes_by_a_unix_socket_is_of_this_machine() -> None:
    assert cloak("", SECRET, "hidden") == "localhost"
