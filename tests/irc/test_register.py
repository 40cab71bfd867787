"""REGISTER and VERIFY (IRCv3 draft/account-registration): an account by command, before the welcome and after it."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import pytest

from tests.irc.office import Post
from tests.irc.talk import Client, MemoryStore, Net
from wirespeak.errors import StorageError
from wirespeak.irc.accounts import AccountSettings

WORD = "mellon-friend"


def net(**settings: Any) -> Net:
    return Net(accounts=AccountSettings(**settings))


def logs_in(client: Client, account: str, password: str = WORD) -> bool:
    """Whether SASL lets the client in."""
    said = base64.b64encode(f"\0{account}\0{password}".encode()).decode()
    heard = client.asks("CAP REQ sasl", "AUTHENTICATE PLAIN", f"AUTHENTICATE {said}")
    return any(" 903 " in line for line in heard)


# --- REGISTER


def test_an_account_by_the_name_of_the_nick() -> None:
    home = net()
    ann = home.join("Ann")
    ann.says(f"REGISTER * * {WORD}")
    ann.hears(
        ":irc.home.test REGISTER SUCCESS Ann :Ann is registered, and yours",
        ":irc.home.test 900 Ann Ann!…@… Ann :You are now logged in as Ann",
    )
    assert ann.user.account == "Ann"
    assert logs_in(home.join("bob"), "ann")


def test_an_account_by_another_name_and_with_an_address() -> None:
    home = net()
    ann = home.join("Ann")
    ann.says(f"REGISTER Queen queen@home.test :{WORD} of Moria")
    ann.skips_to(":irc.home.test REGISTER SUCCESS Queen …")
    account = home.accounts.get("queen")
    assert account is not None
    assert account.email == "queen@home.test"
    assert logs_in(home.join("bob"), "queen", f"{WORD} of Moria")


def test_before_the_welcome() -> None:
    home = net()
    ann = home.connect()
    ann.says("CAP LS 302", "NICK ann", f"REGISTER ann * {WORD}")
    ann.skips_to(":irc.home.test REGISTER SUCCESS ann …")
    ann.hears(":irc.home.test 900 ann ann!… ann …")
    ann.says("USER ann 0 * :Ann", "CAP END")
    ann.skips_to(":irc.home.test 001 ann …")
    assert ann.user.account == "ann"


def test_others_hear_who_somebody_is_now() -> None:
    home = net()
    ann = home.join("ann", channels="#c")
    bob = home.join("bob", channels="#c", caps="account-notify")
    ann.says(f"REGISTER * * {WORD}")
    bob.hears(":ann!…@… ACCOUNT ann")


def test_the_answers_bear_the_label() -> None:
    ann = net().join("ann", caps="labeled-response batch")
    ann.says(f"@label=x REGISTER * * {WORD}")
    ann.hears(
        "@label=x :irc.home.test BATCH +… labeled-response",
        "@batch=… :irc.home.test REGISTER SUCCESS ann …",
        "@batch=… :irc.home.test 900 ann …",
        ":irc.home.test BATCH -…",
    )
    ann.says(f"@label=y REGISTER * * {WORD}")
    ann.hears("@label=y :irc.home.test FAIL REGISTER ALREADY_AUTHENTICATED ann …")


def test_before_a_nick_there_is_no_name() -> None:
    stranger = net().connect()
    stranger.says(f"REGISTER * * {WORD}", f"REGISTER ann * {WORD}")
    stranger.hears(":irc.home.test FAIL REGISTER NEED_NICK * …", ":irc.home.test FAIL REGISTER NEED_NICK * …")


def test_who_must_finish_connecting_first() -> None:
    home = net(before_connect=False)
    stranger = home.connect()
    stranger.says("NICK ann", f"REGISTER * * {WORD}", "VERIFY ann code")
    stranger.hears(
        ":irc.home.test FAIL REGISTER COMPLETE_CONNECTION_REQUIRED :…",
        ":irc.home.test FAIL VERIFY COMPLETE_CONNECTION_REQUIRED :…",
    )
    stranger.says("USER ann 0 * :Ann")
    stranger.heard()
    stranger.says(f"REGISTER * * {WORD}")
    stranger.skips_to("…REGISTER SUCCESS ann…")


def test_a_server_with_a_password_takes_no_strangers_account() -> None:
    home = Net(password="sesame")
    stranger = home.connect()
    stranger.says("CAP LS 302", "NICK ann", f"REGISTER * * {WORD}", "PASS wrong", f"REGISTER * * {WORD}")
    assert sum("FAIL REGISTER TEMPORARILY_UNAVAILABLE ann" in line for line in stranger.heard()) == 2
    assert home.accounts.all() == []
    stranger.says("PASS sesame", f"REGISTER * * {WORD}")
    stranger.skips_to("…REGISTER SUCCESS ann…")


def test_a_password_that_others_could_listen_to() -> None:
    home = net()
    far = home.join("ann", address="192.0.2.1")
    far.says(f"REGISTER * * {WORD}")
    far.hears(":irc.home.test FAIL REGISTER TEMPORARILY_UNAVAILABLE ann :Passwords are taken over TLS alone: connect by it")
    safe = home.join("bob", address="192.0.2.1", tls=SimpleNamespace(der=None, end_point=None))
    safe.says(f"REGISTER * * {WORD}")
    safe.hears(":irc.home.test REGISTER SUCCESS bob …", ":irc.home.test 900 bob …")


def test_an_account_that_exists() -> None:
    home = net()
    home.join("ann").says(f"REGISTER * * {WORD}")
    bob = home.join("bob")
    bob.says(f"REGISTER ANN * {WORD}")
    bob.hears(":irc.home.test FAIL REGISTER ACCOUNT_EXISTS ANN :…")


def test_a_nick_that_somebody_else_has() -> None:
    home = net()
    home.join("ann")
    bob = home.join("bob")
    bob.says(f"REGISTER ann * {WORD}")
    bob.hears(":irc.home.test FAIL REGISTER BAD_ACCOUNT_NAME ann :Somebody else is called ann at the moment")


@pytest.mark.parametrize("name", ["NickServ", "chanserv", "NlCKSERV", "9lives", "a!b", "a.b"])
def test_a_name_that_no_account_can_have(name: str) -> None:
    ann = net().join("ann")
    ann.says(f"REGISTER {name} * {WORD}")
    ann.hears(f":irc.home.test FAIL REGISTER BAD_ACCOUNT_NAME {name} :…")


def test_a_name_that_can_not_be_said_back() -> None:
    ann = net().join("ann")
    ann.sends(b"REGISTER : * x\r\n")  # the parameter behind a lone colon is all the rest: too few
    ann.hears(":irc.home.test 461 ann REGISTER …")


def test_a_name_that_looks_like_anothers() -> None:
    home = net()
    home.join("ill").says(f"REGISTER * * {WORD}")
    eve = home.join("eve")
    eve.says(f"REGISTER lll * {WORD}")
    eve.hears(":irc.home.test FAIL REGISTER BAD_ACCOUNT_NAME lll :lll looks too much like ill, which is registered")


def test_a_name_that_must_be_the_nick() -> None:
    home = net(custom_names=False)
    ann = home.join("Ann")
    ann.says(f"REGISTER bob * {WORD}")
    ann.hears(":irc.home.test FAIL REGISTER ACCOUNT_NAME_MUST_BE_NICK bob :…")
    ann.says(f"REGISTER ann * {WORD}")
    ann.skips_to("…REGISTER SUCCESS ann…")


@pytest.mark.parametrize(("password", "code"), [("short", "WEAK_PASSWORD"), ("x" * 301, "UNACCEPTABLE_PASSWORD")])
def test_a_password_that_will_not_do(password: str, code: str) -> None:
    ann = net().join("ann")
    ann.says(f"REGISTER * * {password}")
    ann.hears(f":irc.home.test FAIL REGISTER {code} ann :…")


def test_an_address_that_will_not_do() -> None:
    ann = net(email_required=True).join("ann")
    ann.says(f"REGISTER * * {WORD}", f"REGISTER * nowhere {WORD}")
    ann.hears(":irc.home.test FAIL REGISTER INVALID_EMAIL ann :…", ":irc.home.test FAIL REGISTER INVALID_EMAIL ann :…")
    ann.says(f"REGISTER * ann@home.test {WORD}")
    ann.hears(":irc.home.test REGISTER SUCCESS ann …", ":irc.home.test 900 …")


def test_a_server_that_makes_no_accounts() -> None:
    home = net(registration=False)
    ann = home.join("ann")
    assert not any("account-registration" in line for line in ann.asks("CAP LS 302"))
    ann.says(f"REGISTER * * {WORD}", "VERIFY ann code")
    ann.hears(":irc.home.test FAIL REGISTER TEMPORARILY_UNAVAILABLE ann :…", ":irc.home.test FAIL VERIFY TEMPORARILY_UNAVAILABLE ann :…")


def test_a_disk_that_is_full() -> None:
    store = MemoryStore()
    home = Net(store=store)
    ann = home.join("ann")
    store.fault = StorageError("the disk is full")
    ann.says(f"REGISTER * * {WORD}")
    ann.hears(":irc.home.test FAIL REGISTER TEMPORARILY_UNAVAILABLE ann :That could not be saved: try again later")
    store.fault = None
    ann.says(f"REGISTER * * {WORD}")
    ann.hears(":irc.home.test REGISTER SUCCESS ann …", ":irc.home.test 900 …")


@pytest.mark.parametrize("line", ["REGISTER", "REGISTER *", "REGISTER * *", "VERIFY", "VERIFY ann"])
def test_too_few_parameters(line: str) -> None:
    ann = net().join("ann")
    ann.says(line)
    ann.hears(f":irc.home.test 461 ann {line.split()[0]} :…")


def test_it_outlives_the_server() -> None:
    home = net()
    home.join("ann").says(f"REGISTER * * {WORD}")
    again = Net(store=home.store)
    assert logs_in(again.join("ann"), "ann")


# --- VERIFY


def test_a_code_that_was_mailed() -> None:
    post = Post()
    home = Net(mail=post)
    ann = home.join("ann")
    ann.says(f"REGISTER * * {WORD}", f"REGISTER * ann@home.test {WORD}")
    ann.hears(
        ":irc.home.test FAIL REGISTER INVALID_EMAIL ann :An e-mail address is needed",
        ":irc.home.test REGISTER VERIFICATION_REQUIRED ann :A code was sent to ann@home.test: say VERIFY ann <code>",
    )
    assert ann.user.account is None
    ann.says("VERIFY ann AAAAAAAA")
    ann.hears(":irc.home.test FAIL VERIFY INVALID_CODE ann :…")
    ann.says(f"VERIFY ann {post.codes['ann']}")
    ann.hears(":irc.home.test VERIFY SUCCESS ann :…", ":irc.home.test 900 ann …")
    ann.says("VERIFY ann again")
    ann.hears(":irc.home.test FAIL VERIFY ALREADY_AUTHENTICATED ann :…")


def test_a_code_may_be_said_by_another_connection_before_the_welcome() -> None:
    post = Post()
    home = Net(mail=post)
    home.join("ann").says(f"REGISTER * ann@home.test {WORD}")
    later = home.connect()
    later.says(f"VERIFY ANN {post.codes['ann']}")
    later.hears(":irc.home.test VERIFY SUCCESS ann :…", ":irc.home.test 900 * …")
    assert later.user.account == "ann"


def test_a_nick_is_not_kept_for_who_has_not_verified() -> None:
    home = Net(mail=Post())
    ann = home.join("ann")
    ann.says(f"REGISTER * ann@home.test {WORD}")
    home.passes(60)
    assert ann.nick == "ann"


def test_codes_are_not_guessed() -> None:
    post = Post()
    home = Net(mail=post, accounts=AccountSettings(failures=3))
    home.join("ann").says(f"REGISTER * ann@home.test {WORD}")
    eve = home.join("eve")
    eve.says(*["VERIFY ann AAAAAAAA"] * 3, f"VERIFY ann {post.codes['ann']}")
    eve.hears(*[":irc.home.test FAIL VERIFY INVALID_CODE ann :…"] * 3, ":irc.home.test FAIL VERIFY TEMPORARILY_UNAVAILABLE ann :…")
