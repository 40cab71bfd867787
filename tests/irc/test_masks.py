"""Who is meant by a mask (Modern IRC, Wildcard Expressions and Channel Modes; RFC 4632; IRCv3 account-extban)."""

from __future__ import annotations

import fnmatch
import re
import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.irc.masks import Glob, Mask, complete, skeleton


@dataclass
class Someone:
    nick: str = "Ann"
    user: str = "~ann"
    host: str = "cloak-3f.home.test"
    real_host: str = "host-7.example.test"
    ip: str = "192.0.2.7"
    account: str | None = None


ANN = Someone()


@pytest.mark.parametrize(
    ("given_mask", "whole"),
    [
        ("ann", "ann!*@*"),
        ("ann!~ann", "ann!~ann@*"),
        ("~ann@home.test", "*!~ann@home.test"),
        ("@home.test", "*!*@home.test"),
        ("home.test", "*!*@home.test"),
        ("*.test", "*!*@*.test"),
        ("2001:db8::/32", "*!*@2001:db8::/32"),
        ("ann!a@b", "ann!a@b"),
        ("*", "*!*@*"),
        ("", "*!*@*"),
        ("!@", "*!*@*"),
        ("a@b@c", "*!a@b@c"),
        ("$a:ann", "$a:ann"),
        ("$~a", "$~a"),
        ("$x", "$x!*@*"),
    ],
)
def test_a_mask_is_completed(given_mask: str, whole: str) -> None:
    assert complete(given_mask) == Mask(given_mask).text == whole
    assert complete(whole) == whole


@pytest.mark.parametrize(
    "mask",
    [
        *("ann", "ANN!*@*", "a?n", "*!~ann@*", "*@cloak-3f.home.test", "*!*@*.home.test", "*", "*!*@*"),
        *("*!*@host-7.example.test", "*!*@*.example.test", "*!*@192.0.2.7", "*!*@192.0.2.*", "*!*@192.0.2.0/24"),
        *("ann!*@192.0.2.7/24", "192.0.0.0/8", "*!*@0.0.0.0/0", "$~a", "a*n*!*~*n*@*"),
    ],
)
def test_ann_is_meant(mask: str) -> None:
    assert Mask(mask).matches(ANN)


@pytest.mark.parametrize(
    "mask",
    [
        *("bob", "an", "ann?", "*!ann@*", "*!*@home.test", "*!*@192.0.2.8", "bob!*@192.0.2.0/24", "*!*@192.0.3.0/24"),
        *("*!*@2001:db8::/32", "*!*@192.0.2.0/33", "*!*@/24", "$a", "$a:ann", "$a:*", "$x", "$r:Ann", "\\*!*@*"),
    ],
)
def test_ann_is_not_meant(mask: str) -> None:
    assert not Mask(mask).matches(ANN)


def test_by_account() -> None:
    logged_in = Someone(account="Annie")
    for mask in ("$a", "$a:annie", "$a:ann*", "$a:ANNIE", "$~a:bob"):
        assert Mask(mask).matches(logged_in), mask
    for mask in ("$~a", "$a:bob", "$a:ann", "$~a:annie"):
        assert not Mask(mask).matches(logged_in), mask


def test_an_address_of_ipv6_in_any_spelling() -> None:
    mask = Mask("*!*@2001:0db8:0::/48")
    assert mask.matches(Someone(ip="2001:db8:0:1::1"))
    assert not mask.matches(Someone(ip="2001:db8:1::1"))
    assert Mask("*!*@192.0.2.0/24").matches(Someone(ip="::ffff:192.0.2.1"))
    assert not Mask("*!*@192.0.2.0/24").matches(Someone(ip=""))


def test_a_cloak_hides_nobody_from_a_ban() -> None:
    assert Mask("*!*@host-7.example.test").matches(ANN)
    assert Mask("*!*@cloak-3f.home.test").matches(ANN)


def test_a_backslash_takes_their_meaning_away() -> None:
    assert Glob(r"a\*b").matches("a*b")
    assert not Glob(r"a\*b").matches("axb")
    assert Glob(r"a\\b").matches("a\\b")
    assert Glob("[ann]").matches("[ANN]")  # no set of characters, as in a shell


def test_only_ascii_is_folded() -> None:
    assert Glob("k").matches("K")
    assert not Glob("k").matches("\u212a")


# Nothing of a shell's patterns that isn't ours: no [, no backslash.
@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_as_another_matcher_has_it(glob: str, name: str) -> None:
    assert Glob(glob).matches(name) is (re.fullmatch(fnmatch.translate(glob), name) is not None)


def test_many_stars_take_no_time() -> None:
    """RFC 2812 2.5 bounds no number of wildcards; tried in every way, this one would take years."""
    begun = time.process_time()
    assert not Glob("*a" * 200 + "*b").matches("a" * 500)
    assert Glob("*a" * 200 + "*b").matches("a" * 500 + "b")
    assert not Mask("*?" * 200 + "!x@y").matches(ANN)
    assert time.process_time() - begun < 0.5


@given(st.text(max_size=60))
def test_no_text_is_too_strange_for_a_mask(text: str) -> None:
    assert Mask(Mask(text).text).matches(ANN) is Mask(text).matches(ANN)


@pytest.mark.parametrize("looks", ["nickserv", "N1ckServ", "NlckServ", "Nick5erv", "Nick_Serv", "N|ckServ", "-NickServ-", "NICKSERV"])
def test_names_that_look_alike(looks: str) -> None:
    assert skeleton(looks) == skeleton("NickServ")


@pytest.mark.parametrize(("one", "other"), [("ann", "bob"), ("ann", "anna"), ("_", "-"), ("nick", "nack")])
def test_names_that_don_t(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


def test_letters_that_run_together() -> None:
    assert skeleton("rnartin") == skeleton("martin")
    assert skeleton("vvill") == skeleton("will")
