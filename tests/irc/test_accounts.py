"""Accounts: who may have which name, who is let in, and that all of it is there after a restart."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.irc.office import Office, Post, run, said
from tests.irc.talk import START
from wirespeak.errors import ConnectError, Refused, StorageError
from wirespeak.irc.books import shape_of
from wirespeak.irc.kept import Account
from wirespeak.irc.store import SqliteStore
from wirespeak.sasl import Denied

FINGERPRINT = "ab" * 32


# --- registration


def test_an_account_is_there_at_once_and_after_a_restart() -> None:
    office = Office()
    account = office.registered("Ann", email="ann@home.test")
    assert (account.name, account.email, account.created) == ("Ann", "ann@home.test", START)
    assert office.accounts.get("aNN") == account
    assert office.again().get("ann") == account


def test_in_a_file_as_well(tmp_path: Path) -> None:
    office = Office(SqliteStore(tmp_path / "accounts"))
    account = office.registered("Ann")
    office.accounts.close()
    office.store = SqliteStore(tmp_path / "accounts")
    assert office.again().get("ann") == account
    office.store.close()


def test_a_name_is_one_accounts_alone() -> None:
    office = Office()
    office.registered("Ann")
    assert said(office.accounts.register("aNN", "another-password")) == "ACCOUNT_EXISTS"


def test_of_two_who_want_a_name_at_once_one_gets_it(tmp_path: Path) -> None:
    office = Office(SqliteStore(tmp_path / "accounts"))

    async def both() -> list[Account | BaseException]:
        wanted = [office.accounts.register(name, f"mellon-{name}") for name in ("ann", "ANN", "Ann")]
        return await asyncio.gather(*wanted, return_exceptions=True)

    results = run(both())
    assert sum(isinstance(result, Account) for result in results) == 1
    assert {result.reply for result in results if isinstance(result, Refused)} == {"ACCOUNT_EXISTS"}
    assert len(office.again().all()) == 1
    office.store.close()


@pytest.mark.parametrize("name", ["", "9lives", "a b", "a\x00", "#ann", "Änne", "a" * 31, "*", ":ann", "a,b", "a!b"])
def test_a_name_that_can_be_no_nick(name: str) -> None:
    assert said(Office().accounts.register(name, "mellon-friend")) == "BAD_ACCOUNT_NAME"


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "WEAK_PASSWORD"),
        ("annabel", "WEAK_PASSWORD"),
        ("é" * 151, "UNACCEPTABLE_PASSWORD"),
        ("bell\x07bell", "UNACCEPTABLE_PASSWORD"),
    ],
)
def test_a_password_that_will_not_do(password: str, code: str) -> None:
    assert said(Office().accounts.register("Annabel", password)) == code


def test_a_password_of_the_greatest_length() -> None:
    office = Office()
    office.registered("ann", "é" * 150)
    assert office.log_in("ann", "é" * 150) == "ann"


@pytest.mark.parametrize(
    "email", ["home.test", "@home.test", "ann@", "a nn@home.test", f"{'a' * 65}@home.test", f"a@{'a' * 255}", "<a@b>", "a@b\x07"]
)
def test_an_address_that_is_none(email: str) -> None:
    assert said(Office().accounts.register("ann", "mellon-friend", email=email)) == "INVALID_EMAIL"


def test_an_address_where_one_is_needed() -> None:
    office = Office(email_required=True)
    assert said(office.accounts.register("ann", "mellon-friend")) == "INVALID_EMAIL"
    assert office.registered("ann", email="ann+irc@[192.0.2.1]").email == "ann+irc@[192.0.2.1]"


@pytest.mark.parametrize(
    ("settings", "value"),
    [
        ({}, "before-connect,custom-account-name"),
        ({"before_connect": False}, "custom-account-name"),
        ({"custom_names": False, "email_required": True}, "before-connect,email-required"),
        ({"before_connect": False, "custom_names": False}, ""),
        ({"registration": False}, None),
    ],
)
def test_what_the_capability_is_worth(settings: dict[str, Any], value: str | None) -> None:
    assert Office(**settings).accounts.capability_value == value


def test_a_server_that_makes_no_accounts() -> None:
    assert said(Office(registration=False).accounts.register("ann", "mellon-friend")) == "TEMPORARILY_UNAVAILABLE"


def test_accounts_from_one_address_are_limited() -> None:
    office = Office(registrations_an_hour=2)
    office.registered("ann", address="2001:db8::1")
    office.registered("bob", address="2001:db8::2")
    assert said(office.accounts.register("eve", "mellon-friend", address="2001:db8::3")) == "TEMPORARILY_UNAVAILABLE"
    office.registered("joe", address="192.0.2.1")
    office.clock.now += 1801
    office.registered("eve", address="2001:db8::3")


def test_accounts_are_bounded() -> None:
    office = Office(most_accounts=2)
    office.registered("ann")
    office.registered("bob")
    assert said(office.accounts.register("eve", "mellon-friend")) == "TEMPORARILY_UNAVAILABLE"


def test_what_the_disk_refuses_is_not_there() -> None:
    office = Office()
    office.store.fault = StorageError("the disk is full")
    with pytest.raises(StorageError):
        office.registered("ann")
    assert office.accounts.get("ann") is None
    office.store.fault = None
    office.registered("ann")


# --- a code that is mailed


def test_a_code_is_to_be_said_before_anybody_logs_in() -> None:
    post = Post()
    office = Office(mail=post)
    assert office.accounts.capability_value == "before-connect,custom-account-name,email-required"
    account = office.registered("Ann", email="ann@home.test")
    assert account.code
    assert post.codes["Ann"] not in repr(office.store.kept)  # what is kept of it can't be said
    assert office.accounts.get("ann") is None
    assert office.accounts.owner("ann") == account
    assert office.log_in("ann", "mellon-friend") is None
    assert said(office.accounts.verify("ann", "AAAAAAAA")) == "INVALID_CODE"
    assert run(office.again().verify("ANN", f" {post.codes['Ann'].lower()} ")).code == ""
    assert office.again().get("ann") is not None


def test_a_code_is_good_but_once() -> None:
    post = Post()
    office = Office(mail=post)
    office.registered("ann", email="ann@home.test")
    run(office.accounts.verify("ann", post.codes["ann"]))
    assert said(office.accounts.verify("ann", post.codes["ann"])) == "INVALID_CODE"
    assert said(office.accounts.verify("nobody", "AAAAAAAA")) == "INVALID_CODE"


def test_a_code_is_good_for_a_day_and_then_the_name_is_free() -> None:
    post = Post()
    office = Office(mail=post)
    office.registered("ann", email="ann@home.test")
    office.clock.now += 86_400
    assert said(office.accounts.verify("ann", post.codes["ann"])) == "INVALID_CODE"
    assert office.accounts.owner("ann") is None
    office.registered("bob", email="bob@home.test")
    assert [key for kind, key in office.store.kept if kind == "account"] == ["bob"]


def test_an_expired_name_goes_to_somebody_else() -> None:
    post = Post()
    office = Office(mail=post)
    office.registered("eve", email="eve@home.test")
    office.registered("ann", email="ann@home.test")
    ann = run(office.accounts.verify("ann", post.codes["ann"]))
    office.clock.now += 86_400
    run(office.accounts.group(ann, "eve"))
    office.registered("bob", email="bob@home.test")
    assert office.accounts.get("eve") == office.again().get("eve") == office.accounts.get("ann")


@pytest.mark.parametrize(
    ("fault", "code"), [(Refused("no such user"), "INVALID_EMAIL"), (ConnectError("no answer"), "TEMPORARILY_UNAVAILABLE")]
)
def test_a_code_that_could_not_be_mailed(fault: Exception, code: str) -> None:
    office = Office(mail=Post(fault))
    assert said(office.accounts.register("ann", "mellon-friend", email="ann@home.test")) == code
    assert office.accounts.owner("ann") is None
    assert ("account", "ann") not in office.store.kept


def test_codes_are_not_guessed() -> None:
    office = Office(mail=Post(), failures=2)
    office.registered("ann", email="ann@home.test")
    for number in range(6):
        assert said(office.accounts.verify("ann", "AAAAAAAA", f"192.0.2.{number}")) == "INVALID_CODE"
    assert said(office.accounts.verify("ann", "AAAAAAAA", "192.0.2.99")) == "TEMPORARILY_UNAVAILABLE"


# --- being let in


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "PLAIN"])
def test_by_name_and_by_grouped_nick(mechanism: str) -> None:
    office = Office()
    ann = office.registered("Ann")
    run(office.accounts.group(ann, "Anna"))
    assert office.log_in("ANN", "mellon-friend", mechanism) == "ANN"
    assert office.log_in("anna", "mellon-friend", mechanism) == "anna"
    assert office.accounts.get("anna").name == "Ann"  # type: ignore[union-attr]
    assert office.log_in("ann", "mellon-fiend", mechanism) is None
    assert office.log_in("bob", "mellon-friend", mechanism) is None


def test_by_word_of_mouth() -> None:
    office = Office()
    ann = office.registered("Ann")
    assert run(office.accounts.check("ann", "mellon-friend")) == ann
    with pytest.raises(Refused, match="The name or the password is wrong"):
        run(office.accounts.check("ann", "mellon-fiend"))
    with pytest.raises(Refused, match="The name or the password is wrong"):
        run(office.accounts.check("bob", "mellon-friend"))
    with pytest.raises(Refused, match="The name or the password is wrong"):
        run(office.accounts.check("", ""))


def test_a_name_that_nobody_has_is_asked_like_any_other() -> None:
    """The same challenge each time, also after a restart, and whatever its case."""
    office = Office()
    office.registered("ann")
    first, _ = office.accounts.authenticator().find("nobody")  # type: ignore[misc]
    again, _ = office.again().authenticator().find("NOBODY")  # type: ignore[misc]
    real, known = office.accounts.authenticator().find("ann")  # type: ignore[misc]
    assert first == again
    assert known
    assert (first.iterations, len(first.salt)) == (real.iterations, len(real.salt))


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "PLAIN"])
def test_too_many_failures_from_an_address(mechanism: str) -> None:
    office = Office(failures=3, failure_seconds=60.0)
    office.registered("ann")
    for _ in range(3):
        assert office.log_in("nobody", "mellon-fiend", mechanism) is None
    assert office.accounts.too_many("192.0.2.1")
    assert office.log_in("ann", "mellon-friend", mechanism) is None
    assert office.log_in("ann", "mellon-friend", mechanism, address="192.0.2.2") == "ann"
    office.clock.now += 61
    assert office.log_in("ann", "mellon-friend", mechanism) == "ann"


def test_too_many_failures_at_an_account() -> None:
    """Wherever they come from, and by whichever of its names."""
    office = Office(failures=2, failure_seconds=60.0)
    run(office.accounts.group(office.registered("ann"), "anna"))
    for number in range(6):
        assert office.log_in(("ann", "ANNA")[number % 2], "mellon-fiend", address=f"192.0.2.{number}") is None
    assert office.log_in("ann", "mellon-friend", address="192.0.2.99") is None
    with pytest.raises(Refused, match="Too many attempts"):
        run(office.accounts.check("ann", "mellon-friend", "192.0.2.98"))
    office.clock.now += 21
    assert office.log_in("ann", "mellon-friend", address="192.0.2.99") == "ann"


def test_what_is_no_message_of_a_mechanism_is_no_guess() -> None:
    office = Office(failures=1)
    server = office.accounts.authenticator("192.0.2.1").start("PLAIN", nonce=b"0" * 18, secure=True)
    step = run(office.accounts.advance(server, b"what?", "192.0.2.1"))
    assert isinstance(step, Denied)
    assert step.malformed
    assert not office.accounts.too_many("192.0.2.1")


def test_a_password_that_is_changed_while_it_is_checked(tmp_path: Path) -> None:
    office = Office(SqliteStore(tmp_path / "accounts"))
    ann = office.registered("ann")

    async def race() -> None:
        checking = asyncio.ensure_future(office.accounts.check("ann", "mellon-friend"))
        await asyncio.sleep(0)
        await office.accounts.change("ann", keys=other.keys)
        with pytest.raises(Refused):
            await checking

    other = office.registered("bob", "another-password")
    run(race())
    assert office.accounts.get("ann") == replace(ann, keys=other.keys)
    office.store.close()


# --- what is an account's


def test_another_password() -> None:
    office = Office()
    ann = office.registered("ann")
    run(office.accounts.set_password(ann, "another-password"))
    assert office.log_in("ann", "mellon-friend") is None
    assert office.log_in("ann", "another-password") == "ann"
    assert said(office.accounts.set_password(ann, "short")) == "WEAK_PASSWORD"


def test_another_address() -> None:
    office = Office()
    ann = run(office.accounts.set_email(office.registered("ann"), "ann@home.test"))
    assert ann.email == "ann@home.test"
    assert run(office.accounts.set_email(ann, "")).email == ""
    assert said(office.accounts.set_email(ann, "nowhere")) == "INVALID_EMAIL"


def test_nicks_are_grouped_and_given_up() -> None:
    office = Office(nicks_each=2)
    ann = office.registered("ann")
    office.registered("bob")
    ann = run(office.accounts.group(ann, "Anna"))
    assert said(office.accounts.register("anna", "mellon-friend")) == "ACCOUNT_EXISTS"
    for nick in ("bob", "anna", "ann"):
        with pytest.raises(Refused, match="registered already"):
            run(office.accounts.group(ann, nick))
    ann = run(office.accounts.group(ann, "Annie"))
    with pytest.raises(Refused, match="2 grouped nicknames at most"):
        run(office.accounts.group(ann, "Annika"))
    assert office.again().owner("ANNIE") == ann
    ann = run(office.accounts.ungroup(ann, "ANNA"))
    assert ann.nicks == ("Annie",)
    assert office.accounts.owner("anna") is None
    with pytest.raises(Refused, match="bob is not grouped with ann"):
        run(office.accounts.ungroup(ann, "bob"))
    with pytest.raises(Refused, match="ann is not grouped with ann"):
        run(office.accounts.ungroup(ann, "ann"))


def test_certificates_are_one_accounts_alone() -> None:
    office = Office(certificates_each=1)
    ann, bob = office.registered("ann"), office.registered("bob")
    ann = run(office.accounts.add_certificate(ann, FINGERPRINT))
    assert office.again().by_certificate(FINGERPRINT) == ann
    with pytest.raises(Refused, match="somebody's already"):
        run(office.accounts.add_certificate(bob, FINGERPRINT))
    with pytest.raises(Refused, match="1 certificates at most"):
        run(office.accounts.add_certificate(ann, "cd" * 32))
    run(office.accounts.remove_certificate(ann, FINGERPRINT))
    assert office.accounts.by_certificate(FINGERPRINT) is None
    with pytest.raises(Refused, match="no such certificate"):
        run(office.accounts.remove_certificate(ann, FINGERPRINT))


def test_an_account_that_ends_takes_its_own_with_it() -> None:
    office = Office()
    ann, bob = office.registered("ann"), office.registered("bob")
    run(office.accounts.group(ann, "anna"))
    run(office.accounts.add_certificate(ann, FINGERPRINT))
    office.channel("#Ann")
    office.channel("#bob", "bob")
    run(office.accounts.set_access("#bob", ann, "o"))
    assert [channel.name for channel in run(office.accounts.drop(ann))] == ["#Ann"]
    for accounts in (office.accounts, office.again()):
        assert accounts.all() == [bob]
        assert accounts.owner("anna") is accounts.by_certificate(FINGERPRINT) is None
        assert accounts.channel("#ann") is None
        assert accounts.channel("#bob").access == {}  # type: ignore[union-attr]
        assert accounts.looks_like("ann") is None
    assert run(office.accounts.drop(ann)) == []


def test_what_is_to_be_done_with_an_account_that_is_gone() -> None:
    office = Office()
    ann = office.registered("ann")
    run(office.accounts.drop(ann))
    with pytest.raises(Refused, match="no account ann any more"):
        run(office.accounts.set_email(ann, "ann@home.test"))
    with pytest.raises(Refused, match="no such account any more"):
        office.channel("#ann")


def test_a_name_that_looks_like_anothers() -> None:
    office = Office()
    ill = office.registered("ill_mo")
    assert office.accounts.looks_like(shape_of("IlI_M0")) == ill
    for nick in ("ill_mo_", "illmo", "ill-mo", "ill_mo`", "il_mo"):
        assert office.accounts.looks_like(shape_of(nick)) is None
    run(office.accounts.drop(ill))
    assert office.accounts.looks_like(shape_of("IlI_M0")) is None
