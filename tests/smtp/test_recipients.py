"""Who gets mail here: users, aliases, catch-all, and everyone who does not (RFC 5321 2.3.11, 4.5.1; relay tricks)."""

from __future__ import annotations

from typing import Any

import pytest

from wirespeak.errors import TextError
from wirespeak.smtp.delivery.discard import Discard
from wirespeak.smtp.mailbox import read_path
from wirespeak.smtp.messages import Recipient, Reply
from wirespeak.smtp.recipients import MEMBERS, Directory, Everyone
from wirespeak.smtp.transaction import Transaction

HERE, RELAY = Discard(), Discard()
UNKNOWN, NO_RELAY = "550 5.1.1", "550 5.7.1"


def directory(*domains: str, **options: Any) -> Directory:
    return Directory(domains or ("home.test",), HERE, **options)


def asked(directory: Any, path: str, **transaction: Any) -> list[str] | str:
    """What becomes of RCPT TO: the targets, those of the relay marked, or the codes of the refusal."""
    mailbox, rest = read_path(path, utf8=True)
    assert mailbox is not None
    assert not rest
    found = directory.route(Transaction(**transaction), Recipient(mailbox))
    if isinstance(found, Reply):
        return f"{found.code} {found.enhanced}"
    assert all(route.recipient.mailbox == mailbox for route in found)
    return [("relay " if route.delivery is RELAY else "") + route.target for route in found]


# --- domains and users


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("<bob@home.test>", ["home.test/bob"]),
        ("<Bob@HOME.Test>", ["home.test/bob"]),
        ('<"bob"@home.test>', ["home.test/bob"]),  # RFC 5321 4.1.2: quoted or not, it is the same
        ('<"two words"@home.test>', ["home.test/two words"]),
        ("<carol@home.test>", UNKNOWN),
        ("<bob@away.test>", NO_RELAY),
        ("<bob@sub.home.test>", NO_RELAY),
        ("<bob@xhome.test>", NO_RELAY),
    ],
)
def test_users_of_a_domain(path: str, expected: list[str] | str) -> None:
    assert asked(directory(users=["bob", '"two words"']), path) == expected


def test_a_user_is_one_in_every_domain_unless_his_is_named() -> None:
    both = directory("home.test", "Work.test", users=["bob", "ann@work.test"])
    assert asked(both, "<bob@work.test>") == ["work.test/bob"]
    assert asked(both, "<bob@home.test>") == ["home.test/bob"]
    assert asked(both, "<ann@work.test>") == ["work.test/ann"]
    assert asked(both, "<ann@home.test>") == UNKNOWN


def test_where_no_users_are_named_every_local_part_is_one() -> None:
    assert asked(directory(), "<whoever@home.test>") == ["home.test/whoever"]
    assert asked(directory(), "<whoever@away.test>") == NO_RELAY


def test_case_matters_where_it_is_said_to() -> None:
    strict = directory(users=["Bob"], match_case=True)
    assert asked(strict, "<Bob@home.test>") == ["home.test/Bob"]
    assert asked(strict, "<bob@home.test>") == UNKNOWN


@pytest.mark.parametrize("path", ["<Postmaster>", "<POSTMASTER>", "<postmaster@home.test>", "<PostMaster@HOME.test>"])
def test_there_is_always_a_postmaster(path: str) -> None:
    """RFC 5321 4.5.1."""
    assert asked(directory(users=["bob"]), path) == ["home.test/postmaster"]
    assert asked(directory(users=["bob"], match_case=True), path) == ["home.test/postmaster"]
    assert asked(directory(users=["bob"], aliases={"postmaster": ["bob"]}), path) == ["home.test/bob"]
    assert asked(directory(users=["bob"], catch_all="bob"), path) == ["home.test/bob"]


def test_international_addresses_are_found_however_they_are_written() -> None:
    """RFC 6531; é is one character or two (RFC 6532 3.1), a domain U-labels or A-labels (RFC 5890 2.3.2.1)."""
    mine = directory("bücher.test", users=["ren\u00e9"])
    target = ["xn--bcher-kva.test/ren\u00e9"]
    for path in ("<ren\u00e9@bücher.test>", "<rene\u0301@BÜCHER.test>", "<REN\u00c9@xn--bcher-kva.test>"):
        assert asked(mine, path) == target


def test_our_own_address_in_the_place_of_a_name() -> None:
    """RFC 1123 5.2.17."""
    users = directory(users=["bob"])
    assert asked(users, "<bob@[192.0.2.1]>", local=("192.0.2.1", 25)) == ["home.test/bob"]
    assert asked(users, "<bob@[IPv6:2001:db8::0:1]>", local=("2001:db8::1", 25, 0, 0)) == ["home.test/bob"]
    assert asked(users, "<bob@[192.0.2.2]>", local=("192.0.2.1", 25)) == NO_RELAY
    assert asked(users, "<bob@[192.0.2.1]>", local="/run/lmtp") == NO_RELAY


# --- what stands behind a plus, and the catch-all


def test_a_plus_parts_a_name_from_its_owners_business() -> None:
    users = directory(users=["bob", "eve+adam"])
    assert asked(users, "<bob+lists@home.test>") == ["home.test/bob"]
    assert asked(users, "<bob+a+b@home.test>") == ["home.test/bob"]
    assert asked(users, "<eve+adam@home.test>") == ["home.test/eve+adam"]
    assert asked(users, "<eve@home.test>") == UNKNOWN
    assert asked(users, "<+bob@home.test>") == UNKNOWN
    assert asked(directory(), "<bob+lists@home.test>") == ["home.test/bob"]


def test_another_sign_or_none_may_part_it() -> None:
    assert asked(directory(users=["bob"], separator="-"), "<bob-lists@home.test>") == ["home.test/bob"]
    assert asked(directory(users=["bob"], separator=""), "<bob+lists@home.test>") == UNKNOWN


def test_the_catch_all_gets_what_nobody_else_does() -> None:
    caught = directory("home.test", "work.test", users=["bob", "info"], catch_all="info")
    assert asked(caught, "<who@work.test>") == ["work.test/info"]
    assert asked(caught, "<bob@home.test>") == ["home.test/bob"]
    assert asked(caught, "<who@away.test>") == NO_RELAY


# --- aliases


def test_an_alias_stands_for_one_or_several() -> None:
    users = directory(
        users=["ann", "bob"], aliases={"sales": ["ann", "bob"], "shop": ["sales", "ann"], "boss@home.test": ["ann@home.test"]}
    )
    assert asked(users, "<sales@home.test>") == ["home.test/ann", "home.test/bob"]
    assert asked(users, "<Sales+spring@home.test>") == ["home.test/ann", "home.test/bob"]
    assert asked(users, "<shop@home.test>") == ["home.test/ann", "home.test/bob"]  # each once
    assert asked(users, "<boss@home.test>") == ["home.test/ann"]


def test_an_alias_that_is_a_user_too_stands_before_him() -> None:
    away = directory(users=["ann", "bob"], aliases={"bob": ["ann"]})
    assert asked(away, "<bob@home.test>") == ["home.test/ann"]
    copies = directory(users=["ann", "bob"], aliases={"bob": ["bob", "ann"]})
    assert asked(copies, "<bob@home.test>") == ["home.test/bob", "home.test/ann"]


def test_aliases_that_lead_back_come_to_an_end() -> None:
    users = directory(users=["ann"], aliases={"a": ["b", "ann"], "b": ["c"], "c": ["a"]})
    for name in "abc":
        assert asked(users, f"<{name}@home.test>") == ["home.test/ann"]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"users": ["ann"], "aliases": {"a": ["b"], "b": ["a"]}}, "leads back to itself"),
        ({"users": ["ann"], "aliases": {"a": []}}, "comes to nobody"),
        ({"users": ["ann"], "aliases": {"a": ["nobody"]}}, "no user"),
        ({"users": ["ann"], "aliases": {"a": ["ann@away.test"]}}, "nothing carries mail there"),
        ({"users": ["ann"], "catch_all": "nobody"}, "no user"),
        ({"users": ["ann@away.test"]}, "none of the domains"),
        ({"users": ["a b"]}, "no mail address"),
        ({"aliases": {"all": [f"u{number}" for number in range(MEMBERS + 1)]}}, f"more than {MEMBERS}"),
    ],
)
def test_names_that_lead_nowhere_are_told_at_once(options: Any, fault: str) -> None:
    with pytest.raises(TextError, match=fault):
        directory(**options)


def test_a_domain_at_least() -> None:
    with pytest.raises(TextError, match="no domain"):
        Directory((), HERE)


# --- other domains


def test_other_domains_are_for_those_who_have_logged_in() -> None:
    users = directory(users=["bob"], relay=RELAY)
    assert asked(users, "<Carol@Away.test>") == NO_RELAY
    assert asked(users, "<Carol@Away.test>", user="bob") == ["relay away.test/Carol"]
    assert asked(users, "<bob@home.test>", user="bob") == ["home.test/bob"]
    assert asked(directory(users=["bob"]), "<carol@away.test>", user="bob") == NO_RELAY


def test_an_alias_may_lead_away_where_something_carries_mail() -> None:
    users = directory(users=["ann"], aliases={"bob": ["ann", "bob@away.test"]}, relay=RELAY)
    assert asked(users, "<bob@home.test>") == ["home.test/ann", "relay away.test/bob"]


@pytest.mark.parametrize(
    "path",
    [
        "<user%away.test@home.test>",
        "<away.test!user@home.test>",
        '<"user@away.test"@home.test>',
        '<"user%away.test"@home.test>',
        "<@away.test:user%other.test@home.test>",
        "<user%away.test@[192.0.2.1]>",
    ],
)
def test_relay_tricks_are_odd_names_of_users_here(path: str) -> None:
    """RFC 5321 2.3.11: nobody but the host of the domain reads a local part, and we read nothing like it in there."""
    local: Any = ("192.0.2.1", 25)
    assert asked(directory(users=["user"], relay=RELAY), path, local=local) == UNKNOWN
    everyone = asked(directory(relay=RELAY), path, local=local)
    assert isinstance(everyone, list)
    assert everyone[0].startswith("home.test/")


def test_a_source_route_is_ignored() -> None:
    """RFC 5321 F.2."""
    users = directory(users=["bob"], relay=RELAY)
    assert asked(users, "<@away.test:bob@home.test>") == ["home.test/bob"]
    assert asked(users, "<@home.test:bob@away.test>") == NO_RELAY


def test_everyone() -> None:
    assert asked(Everyone(HERE), "<who@ever.test>") == ["ever.test/who"]
    assert asked(Everyone(HERE), "<Postmaster>", hostname="mx.home.test") == ["mx.home.test/Postmaster"]


# --- VRFY and EXPN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bob", "250 2.1.5 <bob@home.test>"),
        ("Bob@Home.test", "250 2.1.5 <bob@home.test>"),
        ("Bob Baker <bob@home.test>", "250 2.1.5 <bob@home.test>"),
        ("all", "250 2.1.5 <all@home.test>"),
        ("carol", "550 5.1.1 No such user here"),
        ("carol@away.test", "252 2.0.0 Who gets mail here is not told; send it, and see"),
        ("two words", "501 5.1.3 Expected a user's name or an address"),
    ],
)
def test_vrfy(text: str, expected: str) -> None:
    assert str(directory(users=["ann", "bob"], aliases={"all": ["ann", "bob"]}).verify(text)) == expected


def test_vrfy_tells_nothing_where_everybody_is_a_user() -> None:
    assert directory().verify("bob").code == 252


def test_expn_lists_the_members_of_an_alias() -> None:
    users = directory(users=["ann", "bob"], aliases={"all": ["ann", "bob"]})
    assert users.expand("all").encode() == b"250-2.1.5 <ann@home.test>\r\n250 2.1.5 <bob@home.test>\r\n"
    assert users.expand("bob").code == 550
    assert users.expand("a b").code == 550
