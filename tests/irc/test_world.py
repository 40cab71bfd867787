"""Who is told what when somebody comes, changes or goes; and work that takes long."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.irc.talk import Net
from wirespeak.irc.capabilities import AWAY_NOTIFY, CHGHOST
from wirespeak.irc.limits import UNLIMITED, ServerLimits
from wirespeak.irc.messages import Message
from wirespeak.irc.users import User

LABELS = "labeled-response batch"


# --- neighbours


def test_neighbours_are_those_in_one_s_channels_each_once() -> None:
    net = Net()
    ann, bob, eve = net.join("ann", channels="#a,#b"), net.join("bob", channels="#a,#b"), net.join("eve", caps="chghost", channels="#b")
    net.join("dave", channels="#c")
    world = net.world
    assert world.neighbours(ann.user) == {bob.user, eve.user}
    assert world.neighbours(ann.user, CHGHOST) == {eve.user}


def test_who_monitors_somebody_is_told_what_neighbours_are() -> None:
    """IRCv3 extended-monitor: with that capability, and that of the notice."""
    net = Net()
    net.join("ann")
    far, none, other = (
        net.join(nick, caps=caps) for nick, caps in (("a", "extended-monitor away-notify"), ("b", "away-notify"), ("c", "extended-monitor"))
    )
    for one in (far, none, other):
        one.says("MONITOR + ann")
    ann = net.world.find("ann")
    assert ann is not None
    assert net.world.audience(ann, AWAY_NOTIFY) == {far.user}


def test_the_monitored_comes_and_goes() -> None:
    """IRCv3 Monitor: 730 and 731; a nick is watched, not whoever bears it."""
    net = Net()
    watcher = net.join("watcher")
    watcher.says("MONITOR + ann,anna")
    watcher.hears(":irc.home.test 731 watcher :ann,anna")
    ann = net.join("Ann")
    watcher.heard()
    ann.says("NICK Anna", "NICK ANNA")
    ann.says("QUIT")
    watcher.hears(":irc.home.test 731 watcher :Ann", ":irc.home.test 730 watcher :Anna!…", ":irc.home.test 731 watcher :ANNA")


def test_coming_is_told_to_who_watches() -> None:
    net = Net()
    watcher = net.join("watcher")
    watcher.says("MONITOR + ann")
    watcher.heard()
    client = net.connect()
    client.says("NICK ann", "USER ann 0 * :Ann")
    watcher.hears(f":irc.home.test 730 watcher :{client.prefix}")


def test_who_watches_itself_hears_first_that_it_is_renamed() -> None:
    ann = Net().join("ann", caps="labeled-response batch")
    ann.asks("MONITOR + ann,amy")
    ann.says("@label=1 NICK amy")
    ann.hears("@label=1 …BATCH +…", "…NICK amy", "…731 amy :ann", "…730 amy :amy!…", "…BATCH -…")


def test_a_watcher_that_leaves_watches_no_more() -> None:
    net = Net()
    net.join("watcher").says("MONITOR + ann", "QUIT")
    assert not net.world.monitors.watchers("ann")


# --- channels end with the last


def test_a_channel_ends_when_the_last_one_leaves() -> None:
    net = Net()
    ann, bob = net.join("ann", channels="#c"), net.join("bob", channels="#c")
    ann.says("QUIT")
    assert net.world.channel("#C") is not None
    bob.leaves()
    assert net.world.channel("#c") is None
    assert not net.world.users
    assert not net.world.connections


# --- CHGHOST


def test_another_host_is_told_by_chghost() -> None:
    """IRCv3 chghost; to oneself too."""
    net = Net()
    ann, bob = net.join("ann", caps="chghost", channels="#c"), net.join("bob", caps="chghost", channels="#c")
    ann.heard()
    before = ann.prefix
    net.world.change_host(ann.user, "tim", "home.test")
    for one in (ann, bob):
        one.hears(f":{before} CHGHOST tim home.test")
        one.hears_nothing()
    assert ann.prefix == "ann!tim@home.test"


def test_or_by_leaving_and_coming_back() -> None:
    """IRCv3 chghost, Fallback: with the modes that one holds; and nothing of it to oneself."""
    net = Net()
    ann = net.join("ann", channels="#c,#d")
    bob, eve = net.join("bob", channels="#c"), net.join("eve", caps="extended-join", channels="#d,#e")
    ann.says("MODE #c +v ann")
    for one in net.clients:
        one.heard()
    before = ann.prefix
    net.world.change_host(ann.user, "tim", "home.test")
    ann.hears_nothing()
    bob.hears(f":{before} QUIT :Changing host", ":ann!tim@home.test JOIN #c", ":irc.home.test MODE #c +ov ann ann")
    eve.hears(f":{before} QUIT :Changing host", ":ann!tim@home.test JOIN #d * …Ann", ":irc.home.test MODE #d +o ann")
    for one in (bob, eve):
        one.hears_nothing()


def test_who_comes_back_so_is_still_away() -> None:
    """IRCv3 away-notify: who joins and is away is told to be; once, however many channels."""
    net = Net()
    ann = net.join("ann", channels="#c,#d")
    bob, eve = net.join("bob", caps="away-notify", channels="#c,#d"), net.join("eve", caps="away-notify chghost", channels="#c")
    ann.says("AWAY :tea")
    bob.heard(), eve.heard()
    net.world.change_host(ann.user, "tim", "home.test")
    assert [line.split()[1] for line in bob.heard()] == ["QUIT", "JOIN", "MODE", "JOIN", "MODE", "AWAY"]
    eve.hears("…CHGHOST tim home.test")
    eve.hears_nothing()


def test_the_same_host_is_no_change() -> None:
    net = Net()
    ann = net.join("ann", caps="chghost")
    net.world.change_host(ann.user, ann.user.user, ann.user.host)
    ann.hears_nothing()


# --- accounts


def test_logging_in_and_out_is_told_to_neighbours_who_want_to_know() -> None:
    """IRCv3 account-notify."""
    net = Net()
    ann, bob, eve = net.join("ann", channels="#c"), net.join("bob", caps="account-notify", channels="#c"), net.join("eve", channels="#c")
    for one in net.clients:
        one.heard()
    net.world.set_account(ann.user, "Ann")
    net.world.set_account(ann.user, "Ann")
    net.world.set_account(ann.user, None)
    ann.hears(*[f":irc.home.test 900 ann {ann.prefix} Ann :You are now logged in as Ann"] * 2, f":irc.home.test 901 ann {ann.prefix} :…")
    bob.hears(f":{ann.prefix} ACCOUNT Ann", f":{ann.prefix} ACCOUNT *")
    for one in (ann, bob, eve):
        one.hears_nothing()


def test_who_is_logged_in_has_the_mode_r() -> None:
    net = Net()
    ann = net.join("ann")
    net.world.set_account(ann.user, "Ann")
    assert net.world.bearers["r"] == {ann.user}
    net.world.set_account(ann.user, None)
    assert net.world.bearers["r"] == set()


# --- user modes


def test_those_who_bear_a_mode_are_found() -> None:
    net = Net()
    ann = net.join("ann").user
    assert net.world.set_mode(ann, "w", True)
    assert not net.world.set_mode(ann, "w", True)
    assert net.world.bearers["w"] == {ann}
    net.world.quit(ann, "bye")
    assert net.world.bearers["w"] == set()


def test_a_mode_from_before_the_welcome_counts_after_it() -> None:
    net = Net()
    client = net.connect()
    net.world.set_mode(client.user, "i", True)
    assert net.world.bearers["i"] == set()
    client.says("NICK ann", "USER ann 0 * :Ann")
    assert net.world.bearers["i"] == {client.user}


# --- parting


def test_dismissing_somebody() -> None:
    net = Net()
    ann, bob = net.join("ann", channels="#c"), net.join("bob", channels="#c")
    net.world.dismiss(ann.user, "Killed (bob (spam))")
    net.world.quit(ann.user, "again")
    ann.skips_to("ERROR :Closing Link: 127.0.0.1 (Killed (bob (spam)))")
    assert ann.gone
    bob.hears(":ann!… QUIT :Killed (bob (spam))")
    bob.hears_nothing()


def test_who_is_gone_is_remembered() -> None:
    net = Net()
    net.join("ann").says("NICK anna", "QUIT")
    assert [past.nick for nick in ("ANN", "ANNA") for past in net.world.whowas.find(nick)] == ["ann", "anna"]


def test_what_happens_is_counted() -> None:
    net = Net()
    ann, _ = net.join("ann"), net.join("bob")
    net.connect()
    ann.says("QUIT")
    data = net.world.counters.as_data()
    assert data["connections"] == {"open": 2, "total": 3}
    assert data["users"] == {"now": 1, "most": 2}
    assert data["commands"] == {"NICK": 2, "QUIT": 1, "USER": 2}


def test_a_server_is_named_by_name_or_by_mask() -> None:
    world = Net().world
    assert all(world.is_named(mask) for mask in ("irc.home.test", "IRC.home.test", "*.test", "irc.*.t?st", "*"))
    assert not world.is_named("irc.other.test")


# --- long answers


def lines(user: User, count: int) -> Iterator[Message]:
    """So many messages of some 100 bytes, each made when it is asked for."""
    return (Message("NOTICE", [user.nick, f"{number} {'x' * 80}"], "irc.home.test") for number in range(count))


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 1000])
def test_a_long_answer_arrives_whole_and_in_order(count: int) -> None:
    net = Net()
    ann = net.join("ann")
    net.world.stream(ann.user, lines(ann.user, count))
    ann.says("PING x")
    heard = ann.heard()
    assert [int(line.split(" ")[3][1:]) for line in heard[:-1]] == list(range(count))
    assert heard[-1].endswith(" PONG irc.home.test :x")


def test_a_long_answer_is_a_batch_where_its_command_bore_a_label() -> None:
    net = Net()
    ann = net.join("ann", caps=LABELS)
    ann.user.open_label("l")
    net.world.stream(ann.user, lines(ann.user, 200))
    heard = ann.heard()
    assert heard[0].startswith("@label=l :irc.home.test BATCH +")
    assert all(line.startswith("@batch=") for line in heard[1:-1])
    assert heard[-1].startswith(":irc.home.test BATCH -")
    assert len(heard) == 202


# --- work off the loop


def test_what_a_command_waits_for_may_fail(caplog: pytest.LogCaptureFixture) -> None:
    """The user is told so, the log why; and the next command is carried out."""
    net = Net()
    ann = net.join("ann", caps=LABELS)

    async def broken() -> None:
        raise ValueError("a fault of ours")

    net.world.later(ann.user, broken())
    assert f"a command of {ann.prefix} failed" in caplog.text
    assert "a fault of ours" in caplog.text
    ann.says("PING x")
    ann.hears(":irc.home.test FAIL * INTERNAL_ERROR :…", ":irc.home.test PONG …")


def test_a_slow_reader_loses_its_own_connection_and_no_other() -> None:
    """What waits for somebody is bounded: "SendQ exceeded"; nobody else waits."""
    net = Net(limits=ServerLimits(burst=UNLIMITED, send_queue=20_000))
    ann, slow, bob = net.join("ann", channels="#c"), net.join("slow", channels="#c"), net.join("bob", channels="#c")
    for one in net.clients:
        one.heard()
    slow.reads = False
    for number in range(300):
        ann.says(f"PRIVMSG #c :{number} {'x' * 80}")
    assert sum("PRIVMSG" in line for line in bob.heard()) == 300
    slow.sends(b"")
    assert slow.user.gone
    ann.hears(":slow!… QUIT :SendQ exceeded")
    slow.reads = True
    assert slow.heard()[-1] == "ERROR :Closing Link: 127.0.0.1 (SendQ exceeded)"
