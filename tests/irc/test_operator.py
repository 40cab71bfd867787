"""OPER, and what operators do: KILL, WALLOPS, REHASH, DIE, SAJOIN, SAPART, SANICK, CHGHOST, CHGIDENT."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.irc.talk import Client, Net, matches
from wirespeak.errors import TextError
from wirespeak.irc.config import Oper
from wirespeak.sasl import SALT, ScramKeys

KEYS = str(ScramKeys.of("mellon", bytes(SALT), 4096))
OPERS = {
    "root": Oper(password="secret"),
    "keys": Oper(password=KEYS),
    "home": Oper(password="secret", hosts=("*@198.51.100.0/24",)),
    "tls": Oper(password="secret", secure=True),
    "killer": Oper(password="secret", privileges=("kill",)),
}
TLS = SimpleNamespace(version="TLSv1.3", der=b"", cipher="", alpn=None)
DENIED = ":irc.home.test 481 me :Permission Denied- You're not an IRC operator"


@pytest.fixture
def net() -> Net:
    return Net(opers=OPERS)


def operator(net: Net, nick: str = "root", name: str = "root") -> Client:
    client = net.join(nick)
    client.says(f"OPER {name} secret")
    client.heard()
    return client


# --- OPER


def test_ones_own_modes_are_changed_by_a_user(net: Net) -> None:
    """IRCv3 account-tag: on all commands sent by a user, MODE among them; message-ids and bot-mode as well."""
    ann = net.join("ann", caps="account-tag message-tags")
    ann.user.account = "ann"
    ann.says("OPER root secret", "MODE ann +w", "MODE ann +B", "MODE ann -w")
    for modes, bot in (("+o", ""), ("+w", ""), ("+B", ";bot"), ("-w", ";bot")):
        assert matches(f"@account=ann;msgid=…{bot} :{ann.prefix} MODE ann {modes}", ann.skips_to(f"… MODE ann {modes}"))


def test_what_others_do_while_a_command_waits_is_no_answer(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """IRCv3 labeled-response, Tags: the label is that of what the command itself brings about."""
    root, ann = operator(net), net.join("ann", caps="labeled-response batch", channels="#c")
    begun: list[Coroutine[Any, Any, None]] = []

    class Soon:
        def __await__(self) -> Generator[None]:
            yield

    async def work(function: Callable[[], Any]) -> Any:
        await Soon()
        return function()

    def start(coroutine: Coroutine[Any, Any, None]) -> Any:
        coroutine.send(None)
        begun.append(coroutine)
        return SimpleNamespace(cancel=coroutine.close)

    monkeypatch.setattr(net.world, "outside", replace(net.world.outside, work=work))
    monkeypatch.setattr(ann._link, "start", start)
    ann.says("@label=1 OPER root wrong")
    ann.hears_nothing()
    before = ann.prefix
    root.says("SANICK ann anna", "SAPART anna #c", "CHGHOST anna garden.home.test")
    ann.hears(f":{before} NICK anna", ":anna!… PART #c", ":irc.home.test 396 anna garden.home.test …")
    with pytest.raises(StopIteration):
        begun[0].send(None)
    ann.hears("@label=1 :irc.home.test 464 anna …")
    ann.says("@label=2 OPER root wrong")
    root.says("KILL anna :bye")
    ann.skips_to(":anna!… QUIT …")


@pytest.mark.parametrize("login", ["root secret", "keys mellon"])
def test_who_knows_the_password_is_an_operator(net: Net, login: str) -> None:
    me = net.join("me")
    me.says(f"OPER {login}")
    me.hears(":irc.home.test 381 me :You are now an IRC operator", f":{me.prefix} MODE me +o")
    assert me.asks("MODE me")[0].startswith(":irc.home.test 221 me +")
    assert "o" in me.user.modes
    assert me.user.session.exempt


@pytest.mark.parametrize("login", ["root wrong", "nobody secret", "keys wrong", f"keys {KEYS}", "root :", "Root secret"])
def test_who_does_not_is_told_464_whether_there_is_that_name_or_not(net: Net, login: str) -> None:
    me = net.join("me")
    assert me.asks(f"OPER {login}") == [":irc.home.test 464 me :Password incorrect"]
    assert me.user.oper is None
    assert me.asks("KILL me :x") == [DENIED]


def test_an_operator_comes_from_where_the_configuration_says(net: Net) -> None:
    me, home = net.join("me"), net.join("home", address="198.51.100.7", tls=TLS)
    assert me.asks("OPER home secret") == [":irc.home.test 491 me :No O-lines for your host"]
    assert me.asks("OPER home wrong") == [":irc.home.test 464 me :Password incorrect"]
    assert " 381 " in home.asks("OPER home secret")[0]


def test_an_operator_may_have_to_use_tls(net: Net) -> None:
    assert " 491 " in net.join("me").asks("OPER tls secret")[0]
    assert " 381 " in net.join("safe", tls=TLS).asks("OPER tls secret")[0]


def test_a_password_in_clear_from_elsewhere_is_not_even_looked_at(net: Net) -> None:
    far = net.join("far", address="198.51.100.7")
    assert far.asks("OPER root secret") == far.asks("OPER root wrong") != []
    assert far.asks("OPER root secret")[0].startswith(":irc.home.test 491 far :")
    assert far.user.oper is None


def test_guessing_comes_to_an_end_for_who_guesses(net: Net) -> None:
    me, other = net.join("me", address="198.51.100.6", tls=TLS), net.join("other", address="198.51.100.7", tls=TLS)
    for _ in range(net.config.accounts.failures or 0):
        assert me.asks("OPER root wrong") == [":irc.home.test 464 me :Password incorrect"]
    assert me.asks("OPER root secret") == [":irc.home.test 464 me :Too many attempts failed: try again in some minutes"]
    assert " 381 " in other.asks("OPER root secret")[0]
    net.time += net.config.accounts.failure_seconds
    assert " 381 " in me.asks("OPER root secret")[0]


def test_other_operators_are_told(net: Net) -> None:
    root, me = operator(net), net.join("me")
    me.says("OPER root wrong", "OPER root secret")
    root.hears(
        f":irc.home.test NOTICE root :*** {me.prefix} failed to become the operator root",
        f":irc.home.test NOTICE root :*** {me.prefix} is now an operator (root)",
    )


def test_oper_needs_both(net: Net) -> None:
    me = net.join("me")
    assert me.asks("OPER") == me.asks("OPER root") == [":irc.home.test 461 me OPER :Not enough parameters"]


def test_who_lays_it_down_is_one_no_more(net: Net) -> None:
    root = operator(net)
    root.says("MODE root -o")
    root.heard()
    assert root.asks("WALLOPS :x") == [DENIED.replace(" me ", " root ")]
    assert not net.world.bearers["o"]


# --- who may


@pytest.mark.parametrize(
    "line",
    [
        "KILL ann :x",
        "KLINE ann",
        "DLINE 192.0.2.7",
        "UNKLINE a@b.test",
        "UNDLINE 192.0.2.7",
        "REHASH",
        "RESTART",
        "DIE",
        "WALLOPS :x",
        "SAJOIN ann #c",
        "SAPART ann #c",
        "SANICK ann bob",
        "SAMODE #c +s",
        "CHGHOST ann host.test",
        "CHGIDENT ann user",
    ],
)
def test_it_takes_an_operator_and_the_privilege(net: Net, line: str) -> None:
    me, ann = net.join("me", channels="#c"), net.join("ann", channels="#c")
    for one in net.clients:
        one.heard()
    before = ann.prefix
    assert me.asks(line) == [DENIED]
    me.says("OPER killer secret")
    if not line.startswith("KILL"):
        privilege = line.split()[0].lower()
        assert me.asks(line) == [f":irc.home.test 723 me {privilege} :Insufficient oper privileges."]
    ann.hears_nothing()
    assert ann.prefix == before
    assert not ann.gone


# --- KILL


def test_kill(net: Net) -> None:
    root, ann, bob = operator(net), net.join("ann", channels="#c"), net.join("bob", channels="#c")
    ann.heard()
    ann_prefix = ann.prefix
    root.says("KILL ANN :enough of this")
    ann.hears(
        f":{root.prefix} KILL ann :enough of this",
        f":{ann_prefix} QUIT :Killed (root (enough of this))",
        "ERROR :Closing Link: … (Killed (root (enough of this)))",
    )
    assert ann.gone
    bob.hears(f":{ann_prefix} QUIT :Killed (root (enough of this))")
    assert net.world.find("ann") is None
    root.heard()


def test_kill_of_nobody_a_server_and_a_service(net: Net) -> None:
    root = operator(net)
    assert root.asks("KILL nobody :x") == [":irc.home.test 401 root nobody :No such nick/channel"]
    assert root.asks("KILL irc.home.test :x") == [":irc.home.test 483 root :You can't kill a server!"]
    assert root.asks("KILL NickServ :x") == [":irc.home.test 483 root :You can't kill a server!"]
    assert root.asks("KILL ann") == [":irc.home.test 461 root KILL :Not enough parameters"]


def test_an_operator_may_kill_itself(net: Net) -> None:
    root = operator(net)
    root.says("KILL root :bye")
    assert root.heard()[0] == f":{root.prefix} KILL root :bye"
    assert root.gone


# --- WALLOPS


def test_wallops_reach_who_listens(net: Net) -> None:
    root, ann, bob = operator(net), net.join("ann"), net.join("bob")
    ann.says("MODE ann +w")
    ann.heard()
    root.says("WALLOPS :lunch is ready")
    ann.hears(f":{root.prefix} WALLOPS :lunch is ready")
    bob.hears_nothing()
    root.hears_nothing()
    root.says("MODE root +w")
    root.heard()
    assert root.asks("WALLOPS :x") == [f":{root.prefix} WALLOPS :x"]
    assert root.asks("WALLOPS :") == [":irc.home.test 461 root WALLOPS :Not enough parameters"]


# --- REHASH, DIE, RESTART


def test_rehash_reads_the_configuration_anew(net: Net) -> None:
    root = operator(net)
    net.next_config = replace(net.config, motd=("New.",))
    assert root.asks("REHASH") == [
        ":irc.home.test 382 root configuration Rehashing",
        ":irc.home.test NOTICE root :The configuration is read anew",
    ]
    assert ":irc.home.test 372 root :- New." in root.asks("MOTD")


def test_a_configuration_with_a_fault_changes_nothing(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    root = operator(net)

    async def fails() -> None:
        raise TextError("expected a table", line=3)

    monkeypatch.setattr(net, "_reload", fails)
    net.world.outside = replace(net.world.outside, reload=fails)  # type: ignore[arg-type]
    assert root.asks("REHASH")[-1] == ":irc.home.test NOTICE root :The configuration stays as it was: 3: expected a table"
    assert net.world.config is net.config


def test_without_a_file_there_is_nothing_to_read(net: Net) -> None:
    root = operator(net)
    net.world.outside = replace(net.world.outside, reload=None)
    assert [line.split()[1] for line in root.asks("REHASH")] == ["382", "NOTICE"]


def test_die_stops_the_program_where_that_is_possible(net: Net) -> None:
    root = operator(net)
    net.world.outside = replace(net.world.outside, stop=None)
    assert root.asks("DIE") == [":irc.home.test 400 root DIE :This server is stopped where it was started"]
    stopped: list[bool] = []
    net.world.outside = replace(net.world.outside, stop=lambda: stopped.append(True))
    root.says("DIE")
    assert stopped == [True]
    assert [line.split()[1] for line in root.asks("RESTART")] == ["400"]


# --- SAJOIN, SAPART, SANICK


def test_sajoin_takes_somebody_in_whatever_the_modes(net: Net) -> None:
    root, ann, bob = operator(net), net.join("ann"), net.join("bob", channels="#c")
    other = operator(net, "other")
    root.heard()
    bob.says("MODE #c +ik key", "MODE #c +b *!*@*")
    bob.heard()
    root.says("SAJOIN ann #c,#new")
    ann.skips_to(f":{ann.prefix} JOIN #c")
    ann.skips_to(f":{ann.prefix} JOIN #new")
    bob.hears(f":{ann.prefix} JOIN #c")
    other.hears(
        f":irc.home.test NOTICE other :*** root took {ann.prefix} into #c",
        f":irc.home.test NOTICE other :*** root took {ann.prefix} into #new",
    )
    root.hears_nothing()


def test_sajoin_of_what_is_no_channel(net: Net) -> None:
    root, ann = operator(net), net.join("ann")
    assert root.asks("SAJOIN ann nowhere") == [":irc.home.test 403 root nowhere :No such channel"]
    assert root.asks("SAJOIN ann 0") == [":irc.home.test 403 root 0 :No such channel"]
    assert root.asks("SAJOIN nobody #c") == [":irc.home.test 401 root nobody :No such nick/channel"]
    ann.hears_nothing()


def test_sapart(net: Net) -> None:
    root, ann = operator(net), net.join("ann", channels="#c,#d")
    ann.heard()
    root.says("SAPART ann #c,#d,#e :out")
    ann.hears(f":{ann.prefix} PART #c :out", f":{ann.prefix} PART #d :out")
    root.skips_to(":irc.home.test 441 root ann #e :They aren't on that channel")
    assert net.world.channels == {}


def test_sanick(net: Net) -> None:
    root, ann = operator(net), net.join("ann", channels="#c")
    net.join("bob")
    ann.heard()
    before = ann.prefix
    root.says("SANICK ann anna")
    ann.hears(f":{before} NICK anna")
    root.heard()
    assert root.asks("SANICK anna BOB") == [":irc.home.test 433 root BOB :Nickname is already in use"]
    assert root.asks("SANICK anna NickServ") == [":irc.home.test 433 root NickServ :Nickname is already in use"]
    assert root.asks("SANICK anna 0x") == [":irc.home.test 432 root 0x :Erroneous nickname"]
    assert root.asks("SANICK nobody x") == [":irc.home.test 401 root nobody :No such nick/channel"]
    assert ann.nick == "anna"


# --- CHGHOST, CHGIDENT


@pytest.mark.parametrize("caps", ["", "chghost"])
def test_who_changes_its_own_host_is_answered(net: Net, caps: str) -> None:
    root = net.join("root", caps=f"labeled-response batch {caps}")
    root.says("OPER root secret", "@label=1 CHGHOST root garden.home.test")
    lines = root.heard()
    if caps:
        assert matches("@batch=… :root!… CHGHOST … garden.home.test", lines[-3])
        assert matches("@batch=… :irc.home.test 396 root garden.home.test …", lines[-2])
    else:
        assert matches("@label=1 :irc.home.test 396 root garden.home.test …", lines[-1])


def test_chghost_is_told_to_neighbours_by_their_capability(net: Net) -> None:
    root = operator(net)
    ann = net.join("ann", caps="chghost", channels="#c")
    new, old = net.join("new", caps="chghost", channels="#c"), net.join("old", channels="#c")
    for one in net.clients:
        one.heard()
    before = ann.prefix
    root.says("CHGHOST ann garden garden.home.test")
    for one in (ann, new):
        one.hears(f":{before} CHGHOST garden garden.home.test")
    ann.hears(":irc.home.test 396 ann garden.home.test :is now your visible host")
    old.hears(
        f":{before} QUIT …",
        ":ann!garden@garden.home.test JOIN #c",
        ":… MODE #c +o ann",
    )
    assert ann.prefix == "ann!garden@garden.home.test"


def test_a_host_alone_or_a_user_name_alone(net: Net) -> None:
    root, ann = operator(net), net.join("ann")
    root.says("CHGHOST ann garden.home.test")
    assert ann.prefix == "ann!~ann@garden.home.test"
    root.says("CHGIDENT ann gardener")
    assert ann.prefix == "ann!gardener@garden.home.test"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("CHGHOST ann :two words", "FAIL CHGHOST INVALID_HOST *"),
        ("CHGHOST ann a@b", "FAIL CHGHOST INVALID_HOST a@b"),
        ("CHGHOST ann ::1", "FAIL CHGHOST INVALID_HOST *"),
        ("CHGHOST ann a!b host.test", "FAIL CHGHOST INVALID_USER a!b"),
        ("CHGIDENT ann a@b", "FAIL CHGIDENT INVALID_USER a@b"),
        ("CHGIDENT ann :", "FAIL CHGIDENT INVALID_USER *"),
        ("CHGHOST nobody host.test", "401 root nobody"),
    ],
)
def test_what_is_no_host_or_user_name_is_refused(net: Net, line: str, code: str) -> None:
    root, ann = operator(net), net.join("ann")
    before = ann.prefix
    (told,) = root.asks(line)
    assert told.startswith(f":irc.home.test {code} :")
    assert ann.prefix == before
