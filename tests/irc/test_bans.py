"""K-lines and D-lines as they are read and found: durations, masks, networks, and that thousands take no longer than one."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from wirespeak.errors import TextError
from wirespeak.irc.bans import FOREVER, Bans, read_address, read_duration, read_mask
from wirespeak.irc.kept import Ban


@dataclass
class Somebody:
    nick: str = "ann"
    user: str = "~ann"
    host: str = "cloak.hidden"
    real_host: str = "pc.home.test"
    ip: str = "192.0.2.7"
    account: str | None = None


def k(mask: str, until: float | None = None) -> Ban:
    return Ban("K", mask, "spam", "root", 0.0, until)


def d(mask: str, until: float | None = None) -> Ban:
    return Ban("D", mask, "spam", "root", 0.0, until)


# --- what operators write


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 5400),
        ("1d", 86_400),
        ("1d12h30m", 131_400),
        ("2W", 1_209_600),
        ("45s", 45),
        ("1y", 31_536_000),
        ("0", FOREVER),
        ("0d", FOREVER),
    ],
)
def test_durations_are_minutes_or_have_units(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "ann", "1x", "d", "-5", "1.5", "1d 2h", "12345678", "١"])
def test_what_is_no_duration(text: str) -> None:
    assert read_duration(text) is None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("192.0.2.7/24", "192.0.2.0/24"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("2001:DB8::1", "2001:db8::1"),
        ("2001:db8::1/32", "2001:db8::/32"),
    ],
)
def test_addresses_and_networks_have_one_form(text: str, read: str) -> None:
    assert read_address(text) == read


@pytest.mark.parametrize("text", ["", "ann", "192.0.2.256", "192.0.2.*", "0.0.0.0/0", "10.0.0.0/7", "::/0", "192.0.2.0/33", "*"])
def test_what_is_no_address_or_is_too_much_of_the_world(text: str) -> None:
    with pytest.raises(TextError, match="expected"):
        read_address(text)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("*@*.spam.test", "*@*.spam.test"),
        ("*!~ann@home.test", "~ann@home.test"),
        ("*@192.0.2.7/24", "*@192.0.2.0/24"),
        ("~spam@*", "~spam@*"),
    ],
)
def test_masks_of_user_and_host(text: str, read: str) -> None:
    assert read_mask(text) == read


@pytest.mark.parametrize(
    "text", ["", "ann", "*@*", "a@*", "*@*.a.b", "@host.test", "ann@", "nick!ann@host.test", "a b@host.test", "*@0.0.0.0/0"]
)
def test_what_is_no_mask_or_means_nearly_everyone(text: str) -> None:
    with pytest.raises(TextError, match="expected"):
        read_mask(text)


# --- how they are found


@pytest.mark.parametrize("mask", ["192.0.2.7", "192.0.2.0/24", "192.0.0.0/16"])
def test_an_address_is_found_by_the_network_around_it(mask: str) -> None:
    bans = Bans([d(mask)])
    assert bans.of_address("192.0.2.7", 0) == d(mask)
    assert bans.of_address("198.51.100.7", 0) is None
    assert bans.of_address("2001:db8::1", 0) is None
    assert bans.of_address("", 0) is None


def test_an_address_of_ipv6_is_found() -> None:
    bans = Bans([d("2001:db8::/64"), d("192.0.2.0/24")])
    assert bans.of_address("2001:db8::5", 0) == d("2001:db8::/64")
    assert bans.of_address("2001:db9::5", 0) is None
    assert bans.of_address("192.0.2.7", 0) == d("192.0.2.0/24")
    assert bans.of_address("198.51.100.7", 0) is None


@pytest.mark.parametrize(
    "mask", ["*@pc.home.test", "~ANN@*.home.TEST", "*@192.0.2.7", "*@192.0.2.*", "*@192.0.2.0/24", "~ann@192.0.2.0/24", "*@cloak.hidden"]
)
def test_a_user_is_found_by_real_host_shown_host_and_address(mask: str) -> None:
    assert Bans([k(mask)]).of_user(Somebody(), 0) == k(mask)


@pytest.mark.parametrize("mask", ["bob@192.0.2.0/24", "~bob@*.home.test", "*@198.51.100.0/24", "*@other.test"])
def test_a_user_whom_no_mask_fits_is_free(mask: str) -> None:
    assert Bans([k(mask)]).of_user(Somebody(), 0) is None


def test_a_k_line_is_nothing_to_addresses_nor_a_d_line_to_users() -> None:
    assert Bans([k("*@192.0.2.7")]).of_address("192.0.2.7", 0) is None
    assert Bans([d("192.0.2.7")]).of_user(Somebody(), 0) is None


@pytest.mark.parametrize("ban", [k("*@192.0.2.0/24", until=100.0), k("~ann@*.home.test", until=100.0)])
def test_a_ban_ends(ban: Ban) -> None:
    bans = Bans([ban])
    assert bans.of_user(Somebody(), 99.9) is not None
    assert bans.of_user(Somebody(), 100.0) is None


def test_a_narrow_ban_that_is_over_does_not_hide_a_wide_one() -> None:
    bans = Bans([d("192.0.2.7", until=10.0), d("192.0.2.0/24")])
    assert bans.of_address("192.0.2.7", 5) is not None
    assert bans.of_address("192.0.2.7", 20) == d("192.0.2.0/24")


@pytest.mark.parametrize("ban", [k("*@192.0.2.0/24"), k("~ann@*.home.test"), d("192.0.2.0/24")])
def test_a_ban_is_lifted(ban: Ban) -> None:
    bans = Bans([ban])
    bans.remove(ban.kind, ban.mask.upper())
    bans.remove(ban.kind, ban.mask)
    assert bans.of_user(Somebody(), 0) is None
    assert bans.of_address("192.0.2.7", 0) is None
    assert not bans._addresses._tables
    assert not bans._anyone._tables


def test_a_ban_takes_the_place_of_one_of_the_same_mask() -> None:
    bans = Bans([k("*@192.0.2.7", until=10.0), k("~ann@*.home.test", until=10.0)])
    bans.add(k("*@192.0.2.7"))
    assert bans.of_user(Somebody(), 20) == k("*@192.0.2.7")
    bans.remove("K", "*@192.0.2.7")
    assert bans.of_user(Somebody(), 20) is None


def test_what_is_over_is_forgotten() -> None:
    stays = [k("*@192.0.2.0/24"), k("~ann@*.home.test"), d("192.0.2.0/24", until=200.0)]
    over = [k("*@192.0.2.7", until=100.0), k("~bob@*.home.test", until=100.0), d("192.0.2.7", until=100.0)]
    bans = Bans([*stays, *over])
    bans.drop_over(100.0)
    assert len(bans._masks) == 1
    assert list(bans._anyone.all()) == [stays[0]]
    assert list(bans._addresses.all()) == [stays[2]]


def test_thousands_of_networks_are_one_look_up_for_each_length() -> None:
    bans = Bans(d(f"10.{number >> 8}.{number & 255}.0/24") for number in range(5000))
    assert len(bans._addresses._tables) == 1
    assert bans.of_address("10.3.232.1", 0) == d("10.3.232.0/24")
    assert bans.of_address("11.0.0.1", 0) is None
