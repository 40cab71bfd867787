"""KLINE, DLINE and their undoing: who is kept away, from when, until when, and over a restart."""

from __future__ import annotations

import pytest

from tests.irc.talk import Client, MemoryStore, Net
from wirespeak.errors import StorageError
from wirespeak.irc.config import Oper

OPERS = {"root": Oper(password="secret")}


@pytest.fixture
def net() -> Net:
    return Net(opers=OPERS)


def operator(net: Net, nick: str = "root") -> Client:
    root = net.join(nick)
    root.says("OPER root secret")
    root.heard()
    return root


def is_gone(client: Client) -> bool:
    """Whether its connection has ended, once it has heard all that was said."""
    client.heard()
    return client.gone


def tries(net: Net, nick: str = "ann", address: str = "192.0.2.7") -> Client:
    """Somebody who wants to come in."""
    client = net.connect(address)
    if not client.over:
        client.says(f"NICK {nick}", f"USER {nick} 0 * :{nick}")
    return client


def test_who_is_here_and_meant_is_cut_off(net: Net) -> None:
    root, ann, bob = operator(net), net.join("ann", address="192.0.2.7", channels="#c"), net.join("bob", channels="#c")
    root.says("KLINE *@192.0.2.0/24 :spam and more")
    root.hears(":irc.home.test NOTICE root :K-line on *@192.0.2.0/24 for good: spam and more")
    ann.skips_to(":irc.home.test 465 ann :You are banned from this server: spam and more")
    ann.hears("ERROR :Closing Link: … (K-lined: spam and more)")
    assert is_gone(ann)
    bob.skips_to(":ann!…@… QUIT :K-lined: spam and more")
    assert not is_gone(bob)


def test_who_comes_later_is_refused(net: Net) -> None:
    root = operator(net)
    root.says("KLINE ~ann@* :spam")
    ann = tries(net)
    ann.skips_to(":irc.home.test 465 ann :You are banned from this server: spam")
    assert is_gone(ann)
    assert not is_gone(tries(net, "bob"))


def test_an_address_that_begins_with_a_colon(net: Net) -> None:
    """ "IPv6 addresses such as ::1 are prefixed with a zero" wherever a parameter follows (Modern IRC: RPL_WHOISACTUALLY)."""
    root = operator(net)
    root.says("DLINE 0::2 :x", "KLINE ann@0::3 :y")
    root.heard()
    assert root.asks("STATS d")[0] == ":irc.home.test 225 root D 0::2 :x (by root, for good)"
    root.says("STATS k")
    assert any(" 216 root K " in line and "::3 * ann :y " in line for line in root.heard())
    assert root.asks("UNDLINE 0::4") == [":irc.home.test FAIL UNDLINE NO_SUCH_BAN 0::4 :There is no D-line on that"]
    assert root.asks("UNDLINE 0::2") == [":irc.home.test NOTICE root :The D-line on ::2 is lifted"]


def test_a_nick_stands_for_its_address(net: Net) -> None:
    root, ann = operator(net), net.join("ann", address="192.0.2.7")
    root.says("KLINE ann :spam")
    root.hears(":irc.home.test NOTICE root :K-line on *@192.0.2.7 for good: spam")
    assert is_gone(ann)
    assert is_gone(tries(net, "other"))


def test_a_d_line_is_held_against_the_connection(net: Net) -> None:
    root, ann, early = operator(net), net.join("ann", address="192.0.2.7"), net.connect("192.0.2.8")
    root.says("DLINE 192.0.2.0/24 :abuse")
    assert is_gone(ann)
    assert is_gone(early)
    late = net.connect("192.0.2.9")
    assert "abuse" in "".join(late.heard())
    assert is_gone(late)
    assert not is_gone(net.connect("198.51.100.7"))


def test_how_long_is_told(net: Net) -> None:
    root = operator(net)
    assert root.asks("KLINE 1d12h ~ann@* :spam") == [":irc.home.test NOTICE root :K-line on ~ann@* for 1 day, 12:00:00: spam"]


@pytest.mark.parametrize(("written", "seconds"), [("5", 300), ("1h", 3600), ("1d12h", 129_600)])
def test_a_ban_ends_by_itself(net: Net, written: str, seconds: int) -> None:
    root = operator(net)
    root.says(f"KLINE {written} *@192.0.2.7 :spam")
    net.time += seconds - 1
    assert is_gone(tries(net))
    net.time += 1
    assert not is_gone(tries(net))


def test_what_is_over_takes_no_room(net: Net) -> None:
    root = operator(net)
    root.says("KLINE 1 ~ann@* :spam")
    net.time += 60
    root.says("KLINE 1 ~bob@* :spam")
    assert len(net.world.bans._masks) == 1


def test_who_has_not_said_who_they_are_is_held_against_it_later(net: Net) -> None:
    root, early = operator(net), net.connect("192.0.2.7")
    root.says("KLINE *@192.0.2.7 :spam")
    assert not is_gone(early), "a gateway may speak for somebody else yet (WEBIRC)"
    early.says("NICK early", "USER early 0 * :early")
    assert is_gone(early)


def test_a_ban_is_lifted(net: Net) -> None:
    root = operator(net)
    root.says("KLINE *@192.0.2.7", "DLINE 192.0.2.8/32")
    assert is_gone(tries(net))
    root.heard()
    assert root.asks("UNKLINE *@192.0.2.7") == [":irc.home.test NOTICE root :The K-line on *@192.0.2.7 is lifted"]
    assert root.asks("UNDLINE 192.0.2.8") == [":irc.home.test NOTICE root :The D-line on 192.0.2.8 is lifted"]
    assert not is_gone(tries(net))
    assert not is_gone(tries(net, "bob", "192.0.2.8"))
    assert root.asks("UNKLINE *@192.0.2.7")[0].startswith(":irc.home.test FAIL UNKLINE NO_SUCH_BAN *@192.0.2.7 :")


def test_bans_outlast_a_restart() -> None:
    store = MemoryStore()
    before = Net(opers=OPERS, store=store)
    root = operator(before)
    root.says("KLINE 1d ~ann@* :spam", "KLINE *@192.0.2.20 :lifted", "DLINE 198.51.100.0/24 :abuse", "UNKLINE *@192.0.2.20")
    after = Net(opers=OPERS, store=store)
    assert is_gone(tries(after))
    assert is_gone(after.connect("198.51.100.7"))
    assert not is_gone(tries(after, "bob", "192.0.2.20"))


def test_a_ban_that_cannot_be_kept_is_none() -> None:
    store = MemoryStore()
    net = Net(opers=OPERS, store=store)
    root, ann = operator(net), net.join("ann", address="192.0.2.7")
    store.fault = StorageError("the disk is full")
    root.says("KLINE *@192.0.2.7 :spam", "DLINE 192.0.2.7 :spam")
    root.hears(
        ":irc.home.test FAIL KLINE CANNOT_KEEP *@192.0.2.7 :the disk is full",
        ":irc.home.test FAIL DLINE CANNOT_KEEP 192.0.2.7 :the disk is full",
    )
    assert not is_gone(ann)
    assert not is_gone(tries(net, "bob"))


def test_operators_are_spared_and_told(net: Net) -> None:
    root, other = operator(net), operator(net, "other")
    root.heard()
    root.says("DLINE 127.0.0.0/8 :a slip of the hand")
    root.hears("… NOTICE root :D-line on 127.0.0.0/8 for good: a slip of the hand")
    other.hears(":irc.home.test NOTICE other :*** root set a D-line on 127.0.0.0/8 for good: a slip of the hand")
    assert not is_gone(root)
    assert not is_gone(other)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("KLINE *@*", "INVALID_MASK *@*"),
        ("KLINE 5 *@*.a", "INVALID_MASK *@*.a"),
        ("UNKLINE nobody", "INVALID_MASK nobody"),
        ("DLINE nobody", "INVALID_MASK nobody"),
        ("DLINE 0.0.0.0/0", "INVALID_MASK 0.0.0.0/0"),
        ("UNDLINE 192.0.2.*", "INVALID_MASK 192.0.2.*"),
        ("KLINE :a b@c", "INVALID_MASK *"),
    ],
)
def test_what_cannot_be_a_ban_is_said_to_be_none(net: Net, line: str, code: str) -> None:
    (told,) = operator(net).asks(line)
    assert told.startswith(f":irc.home.test FAIL {line.split()[0]} {code} :")
    assert net.accounts.bans == []


def test_a_ban_of_nobody(net: Net) -> None:
    assert operator(net).asks("KLINE nobody") == [":irc.home.test 401 root nobody :No such nick/channel"]


@pytest.mark.parametrize("command", ["KLINE ann", "UNKLINE a@b", "DLINE 192.0.2.7", "UNDLINE 192.0.2.7"])
def test_it_takes_an_operator(net: Net, command: str) -> None:
    assert net.join("me").asks(command) == [":irc.home.test 481 me :Permission Denied- You're not an IRC operator"]


def test_a_user_of_a_unix_socket_is_met_by_masks_alone(net: Net) -> None:
    root, local = operator(net), net.join("local", address="")
    root.says("DLINE 127.0.0.0/8", "KLINE *@127.0.0.0/8")
    assert not is_gone(local)
    root.says("KLINE ~local@*")
    assert is_gone(local)
