"""NickServ: accounts as people have known them for decades, by NOTICE and by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.irc.talk import Client, MemoryStore, Net, matches
from wirespeak.errors import StorageError
from wirespeak.irc.accounts import AccountSettings
from wirespeak.irc.config import Oper

WORD = "mellon-friend"
FINGERPRINT = "ab" * 32
NS = ":NickServ!services@irc.home.test NOTICE"


def net(**settings: Any) -> Net:
    return Net(accounts=AccountSettings(**settings), opers={"root": Oper(password="secret")})


def registered(home: Net, nick: str, **options: Any) -> Client:
    """Somebody who has an account by the name of the nick."""
    client = home.join(nick, **options)
    client.says(f"NS REGISTER {WORD}")
    client.skips_to(f":irc.home.test 900 {nick} …")
    client.heard()
    return client


# --- how it is spoken to


@pytest.mark.parametrize(
    "line", ["PRIVMSG NickServ :LOGOUT", "privmsg NICKSERV logout", "NS LOGOUT", "NICKSERV :logout", "NS :  logout  now"]
)
def test_it_hears_by_message_and_by_command(line: str) -> None:
    ann = registered(net(), "ann")
    ann.says(line)
    ann.skips_to(f"{NS} ann :You are no longer logged in as ann")


def test_it_answers_no_notice_and_no_ctcp() -> None:
    ann = net().join("ann")
    ann.says("NOTICE NickServ :HELP", "PRIVMSG NickServ :\x01VERSION\x01", "NOTICE ChanServ :HELP")
    ann.hears_nothing()


@pytest.mark.parametrize("line", ["NS", "NS HELP", "PRIVMSG NickServ :help", "NS HELP me"])
def test_it_tells_what_there_is(line: str) -> None:
    ann = net().join("ann")
    heard = ann.asks(line)
    assert all(one.startswith(f"{NS} ann :") for one in heard)
    assert any("REGISTER <password>" in one for one in heard)
    assert any("DROP" in one for one in heard)


def test_it_tells_of_one_command() -> None:
    ann = net().join("ann")
    ann.says("NS HELP identify")
    ann.hears(f"{NS} ann :IDENTIFY [<account>] <password>", f"{NS} ann :Logs you in; SASL does it before you are seen.")


def test_what_it_knows_nothing_of() -> None:
    ann = net().join("ann")
    ann.says("NS FROBNICATE", f"NS {'x' * 400}", "NS REGISTER")
    ann.hears(
        f"{NS} ann :I know no FROBNICATE: /msg NickServ HELP tells what there is",
        f"{NS} ann :I know no {'X' * 50}: /msg NickServ HELP tells what there is",
        f"{NS} ann :Expected: REGISTER <password> [<e-mail>]",
    )


def test_its_answers_bear_the_label() -> None:
    ann = net().join("ann", caps="labeled-response batch")
    ann.says("@label=x NS LOGOUT")
    ann.hears(f"@label=x {NS} ann :You are not logged in")


def test_nobody_else_is_called_so() -> None:
    home = net()
    ann = home.join("ann")
    for nick in ("NickServ", "NICKSERV", "ChanServ", "N1ckServ"):
        ann.says(f"NICK {nick}")
        ann.hears(f":irc.home.test 433 ann {nick} :Nickname is reserved for a service")
    stranger = home.connect()
    stranger.says("NICK nickserv", "USER x 0 * :X")
    stranger.hears(":irc.home.test 433 * nickserv …")


# --- an account


def test_registered_logged_out_and_in_again() -> None:
    home = net()
    ann = home.join("Ann")
    ann.says(f"NS REGISTER {WORD} ann@home.test")
    ann.hears(f"{NS} Ann :Ann is registered, and yours", ":irc.home.test 900 Ann Ann!… Ann :You are now logged in as Ann")
    ann.says("NS LOGOUT")
    ann.skips_to(":irc.home.test 901 Ann …")
    assert ann.user.account is None
    ann.heard()
    ann.says(f"NS IDENTIFY {WORD}")
    ann.skips_to(":irc.home.test 900 Ann …")
    account = home.accounts.get("ann")
    assert account is not None
    assert account.email == "ann@home.test"


@pytest.mark.parametrize("line", [f"NS IDENTIFY ANN {WORD}", f"NS ID ann {WORD}", f"NS login ann {WORD}"])
def test_logged_in_under_another_nick(line: str) -> None:
    home = net()
    registered(home, "ann").says("QUIT")
    bob = home.join("bob")
    bob.says(line)
    bob.hears(f"{NS} bob :You are now logged in as ann", ":irc.home.test 900 bob …")
    assert bob.user.account == "ann"


def test_a_wrong_password_and_too_many_of_them() -> None:
    home = net(failures=2)
    registered(home, "ann").says("QUIT")
    bob = home.join("bob")
    bob.says(*["NS IDENTIFY ann wrong"] * 2, f"NS IDENTIFY ann {WORD}")
    bob.hears(*[f"{NS} bob :The name or the password is wrong"] * 2, f"{NS} bob :Too many attempts failed: try again in some minutes")
    assert bob.user.account is None


@pytest.mark.parametrize("line", ["REGISTER {}", "IDENTIFY ann {}", "GHOST ann {}", "RECOVER ann {}", "DROP ann {}", "SET PASSWORD {}"])
def test_a_password_that_others_could_listen_to(line: str) -> None:
    home = net()
    registered(home, "ann")
    far = home.join("far", address="192.0.2.1")
    if "SET" in line or "DROP" in line:
        home.world.set_account(far.user, "ann")
        far.heard()
    far.says(f"NS {line.format('another-word')}")
    far.hears(f"{NS} far :Passwords are taken over TLS alone: …")


def test_a_registration_that_can_not_be() -> None:
    home = net()
    ann = registered(home, "ann")
    ann.says(f"NS REGISTER {WORD}")
    ann.hears(f"{NS} ann :You are logged in as ann already")
    ann.says("NS LOGOUT", f"NS REGISTER {WORD}")
    ann.skips_to(f"{NS} ann :That account exists already")
    bob = home.join("bob")
    bob.says("NS REGISTER short")
    bob.hears(f"{NS} bob :A password has at least 6 characters")


def test_a_code_by_mail() -> None:
    codes = {}

    async def mail(address: str, account: str, code: str) -> None:
        codes[account] = code

    ann = Net(mail=mail).join("ann")
    ann.says(f"NS REGISTER {WORD} ann@home.test")
    ann.hears(f"{NS} ann :A code was sent to ann@home.test: say /msg NickServ VERIFY ann <code>")
    ann.says("NS VERIFY wrong", f"NS VERIFY {codes['ann']}")
    ann.hears(f"{NS} ann :That is not the code, or it has expired", f"{NS} ann :ann is registered, and yours", "… 900 ann …")


def test_a_disk_that_is_full() -> None:
    store = MemoryStore()
    ann = Net(store=store).join("ann")
    store.fault = StorageError("the disk is full")
    ann.says(f"NS REGISTER {WORD}")
    ann.hears(f"{NS} ann :That could not be saved: try again later")
    assert ann.user.account is None


@pytest.mark.parametrize("line", ["LOGOUT", "GROUP", "UNGROUP x", "SET PASSWORD x", "CERT LIST"])
def test_what_takes_an_account(line: str) -> None:
    ann = net().join("ann")
    ann.says(f"NS {line}")
    ann.hears(f"{NS} ann :You are not logged in")


def test_what_it_tells_of_an_account() -> None:
    home = net()
    ann, bob = registered(home, "ann"), registered(home, "bob")
    ann.says("NS SET EMAIL ann@home.test", "NS CERT ADD " + FINGERPRINT, "JOIN #c", "CS REGISTER #c", "NICK anna", "NS GROUP")
    ann.heard()
    ann.says("NS INFO")
    ann.hears(
        f"{NS} anna :ann, registered 2026-…",
        f"{NS} anna :Nicknames: ann, anna",
        f"{NS} anna :Logged in: anna",
        f"{NS} anna :E-mail: ann@home.test",
        f"{NS} anna :Who takes its nicknames: rename",
        f"{NS} anna :Certificates: 1",
        f"{NS} anna :Channels: #c",
    )
    bob.heard()
    bob.says("NS INFO ANNA", "NS INFO nobody")
    bob.hears(f"{NS} bob :ann, registered 2026-…", f"{NS} bob :nobody is not registered")


def test_what_is_set() -> None:
    home = net()
    ann = registered(home, "ann")
    ann.says("NS SET PASSWORD another-word", "NS SET PASSWORD x", "NS SET EMAIL nowhere", "NS SET ENFORCE maybe", "NS SET COLOUR blue")
    ann.hears(
        f"{NS} ann :Your password is another now",
        f"{NS} ann :A password has at least 6 characters",
        f"{NS} ann :That is no e-mail address",
        f"{NS} ann :Expected: SET ENFORCE NONE | RENAME | STRICT | DEFAULT",
        f"{NS} ann :Expected: SET PASSWORD <password> …",
    )
    ann.says("NS SET EMAIL ann@home.test", "NS SET EMAIL none")
    ann.hears(f"{NS} ann :Your address is noted", f"{NS} ann :Your address is noted")
    account = home.accounts.get("ann")
    assert account is not None
    assert account.email == ""
    ann.says("NS LOGOUT", "NS IDENTIFY another-word")
    ann.skips_to("… 900 ann …")


@pytest.mark.parametrize("line", ["NS IDENTIFY open sesame now", "NS IDENTIFY ann open sesame now"])
def test_a_password_of_several_words(line: str) -> None:
    """As REGISTER and SASL take it: none of it is lost."""
    home = net()
    ann = registered(home, "ann")
    ann.says("NS SET PASSWORD open sesame now", "NS LOGOUT", "NS IDENTIFY open")
    ann.skips_to(f"{NS} ann :The name or the password is wrong")
    ann.says(line)
    ann.skips_to("… 900 ann …")
    new = home.join("ann_")
    new.says("NS GHOST ann open sesame now")
    new.hears(f"{NS} ann_ :ann is gone")
    new.says("NS IDENTIFY ann open sesame now", "NS DROP ann open sesame now")
    new.skips_to(f"{NS} ann_ :ann is gone")


# --- its nicks


def test_a_nick_that_is_grouped() -> None:
    home = net()
    ann = registered(home, "ann")
    ann.says("NICK anna", "NS GROUP")
    ann.skips_to(f"{NS} anna :anna is ann's as well")
    ann.says("NS GROUP", "NICK ann", "NS UNGROUP anna", "NS UNGROUP anna")
    ann.hears(
        f"{NS} anna :anna is registered already",
        "…NICK ann",
        f"{NS} ann :anna is ann's no more",
        f"{NS} ann :anna is not grouped with ann",
    )


def test_an_old_connection_is_ended() -> None:
    home = net()
    old = registered(home, "ann", channels="#c")
    bob = home.join("bob", channels="#c")
    new = home.join("ann_")
    new.says("NS GHOST ann", "NS GHOST ann wrong-word")
    new.hears(f"{NS} ann_ :ann is not yours: log in, or say its password", f"{NS} ann_ :The name or the password is wrong")
    assert old.nick == "ann"
    new.says(f"NS GHOST ann {WORD}", "NICK ann")
    new.hears(f"{NS} ann_ :ann is gone", "…NICK ann")
    assert "ERROR" in old.heard()[-1]
    assert old.gone
    bob.skips_to(":ann!… QUIT :Ghosted by ann_")


def test_who_takes_a_nick_back_by_password_is_logged_in() -> None:
    home = net()
    registered(home, "ann").says("QUIT")
    home.join("ann")
    ann = home.join("ann_")
    ann.says(f"NS RECOVER ann {WORD}")
    heard = ann.heard()
    assert heard[-1] == f"{NS} ann :You have ann back"
    assert (ann.nick, ann.user.account) == ("ann", "ann")
    assert not any("log in" in line for line in heard)


def test_a_password_is_taken_as_it_is_said() -> None:
    home = net()
    ann = home.join("ann")
    ann.says("REGISTER * * :two  spaces", "NS LOGOUT", "NS IDENTIFY two spaces")
    ann.skips_to(f"{NS} ann :The name or the password is wrong")
    ann.says("PRIVMSG NickServ :IDENTIFY two  spaces")
    ann.skips_to(f"{NS} ann :You are now logged in as ann")


def test_what_services_say_has_a_name() -> None:
    """IRCv3 message-ids: on all PRIVMSG and NOTICE."""
    ann = net().join("ann", caps="message-tags")
    ann.says("NS HELP")
    lines = ann.heard()
    assert len(lines) > 3
    assert all(matches("@msgid=… :NickServ!… NOTICE ann :…", line) for line in lines)
    assert len({line.split(" ")[0] for line in lines}) == len(lines)


@pytest.mark.parametrize("command", ["RECOVER", "REGAIN"])
def test_a_nick_is_taken_back(command: str) -> None:
    home = net()
    registered(home, "ann").says("QUIT")
    eve = home.join("ann")
    ann = home.join("ann_")
    ann.says(f"NS IDENTIFY ann {WORD}", f"NS {command} ann")
    ann.skips_to(f"{NS} ann :You have ann back")
    eve.skips_to(":ann!… NICK Guest…")
    assert (ann.nick, ann.user.account) == ("ann", "ann")
    assert not eve.gone


def test_nobody_is_ghosted_but_by_the_owner() -> None:
    home = net()
    registered(home, "ann")
    bob = registered(home, "bob")
    bob.says("NS GHOST ann", "NS GHOST bob", "NS GHOST eve", "NS RECOVER ann")
    bob.hears(
        f"{NS} bob :ann is not yours: log in, or say its password",
        f"{NS} bob :That is you",
        f"{NS} bob :eve is not registered",
        f"{NS} bob :ann is not yours: log in, or say its password",
    )


def test_who_is_not_there_is_no_ghost() -> None:
    home = net()
    registered(home, "ann").says("QUIT")
    bob = home.join("bob")
    bob.says(f"NS GHOST ann {WORD}")
    bob.hears(f"{NS} bob :Nobody is called ann")


# --- certificates


def test_certificates_are_added_listed_and_taken() -> None:
    home = net()
    ann = registered(home, "ann")
    coloned = ":".join(FINGERPRINT[at : at + 2].upper() for at in range(0, 64, 2))
    ann.says("NS CERT LIST", "NS CERT ADD", "NS CERT ADD 1234", f"NS CERT ADD {coloned}", "NS CERT LIST", f"NS CERT FLIP {FINGERPRINT}")
    ann.hears(
        f"{NS} ann :No certificates",
        f"{NS} ann :Expected a SHA-256 fingerprint …",
        f"{NS} ann :Expected a SHA-256 fingerprint …",
        f"{NS} ann :Who has the certificate {FINGERPRINT} logs in by SASL EXTERNAL",
        f"{NS} ann :{FINGERPRINT}",
        f"{NS} ann :Expected: CERT ADD …",
    )
    assert home.accounts.by_certificate(FINGERPRINT) is not None
    ann.says(f"NS CERT DEL {FINGERPRINT}")
    ann.hears(f"{NS} ann :The certificate {FINGERPRINT} lets in nobody any more")
    assert home.accounts.by_certificate(FINGERPRINT) is None


def test_ones_own_certificate_is_added_without_saying_it_and_logs_in() -> None:
    home = net()
    tls = SimpleNamespace(der=b"a certificate", end_point=None, version="TLSv1.3")
    ann = registered(home, "ann", tls=tls)
    ann.says("NS CERT ADD", "QUIT")
    later = home.connect(tls=tls)
    later.says("CAP REQ sasl", "AUTHENTICATE EXTERNAL", "AUTHENTICATE +")
    later.skips_to(":irc.home.test 903 …")
    assert later.user.account == "ann"


# --- the end of an account


def test_an_account_is_dropped_with_its_channels() -> None:
    home = net()
    ann = registered(home, "ann", channels="#c")
    bob = home.join("bob", channels="#c")
    ann.says("CS REGISTER #c", "NS DROP ann", "NS DROP ann wrong")
    ann.skips_to(f"{NS} ann :That can't be taken back: say your password as well")
    ann.hears(f"{NS} ann :The name or the password is wrong")
    bob.heard()
    ann.says(f"NS DROP ann {WORD}")
    ann.skips_to(f"{NS} ann :ann is gone, and with it #c")
    bob.skips_to(":ChanServ!services@irc.home.test MODE #c -r")
    assert ann.user.account is None
    assert home.accounts.all() == []
    assert home.accounts.channels() == []


def test_nobody_drops_anothers_account() -> None:
    home = net()
    registered(home, "ann")
    bob = registered(home, "bob")
    bob.says(f"NS DROP ann {WORD}", "NS DROP eve x")
    bob.hears(f"{NS} bob :ann is not yours", f"{NS} bob :eve is not registered")


# --- operators


def test_what_operators_may() -> None:
    home = net()
    registered(home, "ann").says("NS SET EMAIL ann@home.test")
    registered(home, "bob")
    root = home.join("root")
    root.says("NS LIST")
    root.hears(f"{NS} root :That is for operators of this server")
    root.says("OPER root secret")
    root.heard()
    root.says("NS LIST", "NS LIST b*")
    root.hears(
        f"{NS} root :  ann  registered 2026-… UTC  ann@home.test",
        f"{NS} root :  bob  registered 2026-… UTC",
        f"{NS} root :2 accounts",
        f"{NS} root :  bob  registered …",
        f"{NS} root :1 accounts",
    )
    root.says("NS INFO ann", "NS DROP ann")
    root.skips_to(f"{NS} root :E-mail: ann@home.test")
    root.skips_to(f"{NS} root :ann is gone")


def test_a_long_list_is_cut_off() -> None:
    home = Net(opers={"root": Oper(password="secret")})
    keys = "SCRAM-SHA-256$4096:MDEyMw==$" + "A" * 43 + "=:" + "A" * 43 + "="
    for number in range(150):
        home.store.kept["account", f"a{number}"] = f'{{"name": "a{number}", "keys": "{keys}", "created": 0}}'.encode()
    home = Net(store=home.store, opers={"root": Oper(password="secret")})
    root = home.join("root")
    root.says("OPER root secret")
    root.heard()
    heard = root.asks("NS LIST")
    assert len(heard) == 101
    assert heard[-1].endswith("150 accounts, of which these are 100")
