"""Too much: from one client, from many of one address, and for one that does not read (rows 11, 13 and 14)."""

from __future__ import annotations

import contextlib
import re
import time

from tests.hostile.irc_wire import Host, Talk, hosting
from tests.hostile.wire import until
from wirespeak.irc import ServerLimits
from wirespeak.irc.config import VisitLimits

MEMBERS = 400
TIGHT = ServerLimits(burst=float("inf"), send_queue=64 << 10)


def waiting(host: Host) -> int:
    """The most bytes that wait for any one client, where the server keeps them."""
    most: int = host.service.run(lambda: max((user.session.waiting for user in host.server.world.connections), default=0))
    return most


# --- 11: who doesn't read


def test_who_does_not_read_is_let_go_and_nobody_else_waits() -> None:
    with hosting(limits=TIGHT) as host, host.meet("slow", receive_buffer=4096) as slow, host.meet("ann") as ann, host.meet("bob") as bob:
        for talk in (slow, ann, bob):
            talk.joins("#room")
        ann.asks()
        heard: list[str] = []
        text = "x" * 400
        for number in range(40):
            ann.says(*[f"PRIVMSG #room :{number} {text}"] * 500)
            heard += bob.until(rf":{number} x")
            heard += ann.asks()
            heard += bob.asks()
            if any(re.match(":slow!.* QUIT ", line) for line in heard):
                break
        assert [line.partition(" QUIT ")[2] for line in heard if re.match(":slow!.* QUIT ", line)] == [":SendQ exceeded"] * 2
        assert waiting(host) <= TIGHT.send_queue + 1024
        last = b""
        with contextlib.suppress(ConnectionError):
            while slow.more():
                last = (last + bytes(slow.received))[-200:]
                slow.received.clear()
            assert re.search(rb"\r\nERROR :Closing Link: [^ ]+ \(SendQ exceeded\)\r\n$", last)


# --- 13: floods


def test_connections_of_one_address_are_counted() -> None:
    visits = VisitLimits(per_address=5, per_network=0, each_minute=0, exempt=())
    with hosting(visits=visits) as host, contextlib.ExitStack() as stack:
        for number in range(4):
            stack.enter_context(host.meet(f"n{number}"))
        fifth = stack.enter_context(host.connect())
        fifth.asks()
        for _ in range(50):
            with host.connect() as more:
                (line,) = more.last_words()
                assert line.startswith("ERROR :")
        fifth.says("QUIT")
        fifth.last_words()
        until(lambda: host.service.run(lambda: len(host.server.world.connections)) == 4)
        stack.enter_context(host.meet("n5"))
        stack.close()
        until(lambda: host.service.run(lambda: len(host.server.world.connections)) == 0)


def test_new_connections_of_one_network_are_counted_by_the_minute() -> None:
    visits = VisitLimits(per_address=0, per_network=0, each_minute=30, exempt=())
    with hosting(visits=visits) as host:
        refused = 0
        for _ in range(60):
            with host.connect() as talk:
                talk.says("PING x")
                refused += talk.line().startswith("ERROR :")
        assert 25 <= refused <= 30
        host.service.run(lambda: host.server.world.visits.set(VisitLimits()))  # a minute later, so to speak


def test_a_flood_of_one_client_is_slowed_down_and_then_ended() -> None:
    """What is said too fast waits for its time (RFC 1459 8.10); who goes on is thrown out."""
    with hosting(throttle=True) as host, host.meet("ann") as ann, host.meet("bob") as bob:
        begun = time.monotonic()
        ann.says(*(f"PRIVMSG bob :{number}" for number in range(30)))
        assert len(bob.until(" :9$")) == 10
        assert time.monotonic() - begun < 10
        assert len([line for line in bob.asks() if "PRIVMSG" in line]) <= 12
        ann.send(b"PRIVMSG bob :again and again\r\n" * 2000)
        lines = []
        with contextlib.suppress(ConnectionError):
            lines = ann.last_words()
        assert not lines or lines[-1].endswith("(Excess Flood)")
        assert len([line for line in bob.asks() if "again" in line]) < 30


def test_a_flood_of_names() -> None:
    with hosting(throttle=True) as host, host.meet("bob") as bob, host.meet("ann") as ann:
        ann.joins("#room")
        bob.joins("#room")
        ann.says(*(f"NICK ann{number}" for number in range(100)))
        ann.until(" NICK :?ann3$")
        assert len([line for line in bob.asks() if " NICK " in line]) <= 15


def test_channels_are_counted() -> None:
    with hosting() as host, host.meet("ann") as ann:
        numerics = ann.numerics(*(f"JOIN #room{number}" for number in range(150)))
        assert numerics.count("366") == 100
        assert numerics.count("405") == 50
        ann.asks("JOIN 0", "PART " + ",".join(f"#room{number}" for number in range(60)))


def test_lists_are_counted() -> None:
    with hosting() as host, host.meet("ann") as ann:
        ann.joins("#room")
        numerics = ann.numerics(*(f"MODE #room +b *!*@192.0.2.{number}" for number in range(150)))
        assert set(numerics) == {"478"}
        assert sum(" 367 " in line for line in ann.asks("MODE #room b")) == 100
        numerics = ann.numerics(*(f"MONITOR + nick{number}" for number in range(150)))
        assert numerics.count("734") == 50


def test_the_cost_of_a_mask_is_bounded() -> None:
    with hosting() as host, host.meet("ann") as ann, host.meet("bob") as bob:
        ann.joins("#room")
        ann.asks(*(f"MODE #room +b {'*a' * 40}{number}!*" for number in range(90)))
        begun = time.process_time()
        bob.asks(*["JOIN #room", "PART #room"] * 20, *[f"WHO {'*a' * 100}"] * 20)
        assert time.process_time() - begun < 5


# --- 14: long answers


def crowd(host: Host, stack: contextlib.ExitStack) -> None:
    """Many in one channel. What they hear of each other they don't read: it is not more than fits their sockets."""
    people = [stack.enter_context(host.connect()) for _ in range(MEMBERS)]
    for number, one in enumerate(people):
        one.says(f"NICK member{number}", f"USER u 0 * :{'r' * 100}", "CAP REQ :no-implicit-names")
    for number, one in enumerate(people):
        one.says("CAP END")
        one.nick = f"member{number}"
        one.until(" (376|422) ")
    for one in people:
        one.says("JOIN #huge")
    until(lambda: len(host.server.world.channels["#huge"].members) == MEMBERS if "#huge" in host.server.world.channels else False)


def test_long_answers_for_a_slow_reader_come_in_pieces() -> None:
    limits = ServerLimits(burst=float("inf"), send_queue=256 << 10)
    with hosting(limits=limits) as host, contextlib.ExitStack() as stack:
        crowd(host, stack)
        for number in range(300):
            if number % 50 == 0:
                owner = stack.enter_context(host.meet(f"owner{number}"))
            owner.asks(f"JOIN #room{number}", f"TOPIC #room{number} :{'t' * 300}")
        slow = stack.enter_context(host.connect(receive_buffer=4096))
        slow.registers("slow")
        for command, row, last, count in (
            ("WHO #huge", " 352 ", " 315 ", MEMBERS),
            ("NAMES #huge", " 353 ", " 366 ", 1),
            ("LIST", " 322 ", " 323 ", 301),
            ("WHO *", " 352 ", " 315 ", MEMBERS),
        ):
            slow.says(*[command] * 20)
            fast = stack.enter_context(host.meet(f"fast{row.strip()}{len(command)}"))
            begun = time.monotonic()
            fast.asks("VERSION")
            assert time.monotonic() - begun < 5
            rows = ends = 0
            while ends < 20:
                line = slow.line()
                rows += row in line
                ends += last in line
                assert ends or rows % 500 or waiting(host) <= limits.send_queue + 1024
            assert rows >= 20 * count, command
        assert slow.asks("PING x")


def test_everybody_leaves_at_once() -> None:
    with hosting() as host, host.meet("ann") as ann:
        with contextlib.ExitStack() as stack:
            crowd(host, stack)
            ann.joins("#huge")
        ann.says("PING over")
        quits = 0
        while quits < MEMBERS:
            quits += " QUIT " in ann.line()
        ann.until("over")
        assert [line for line in ann.asks("NAMES #huge") if line.endswith(":ann")]


def test_a_name_for_each_of_many_targets() -> None:
    with hosting() as host, host.meet("ann") as ann, host.meet("bob") as bob:
        ann.asks("PRIVMSG " + ",".join(["bob"] * 100) + " :hi")
        assert len([line for line in bob.asks() if "PRIVMSG" in line]) == 1
        assert ann.numerics("PRIVMSG " + ",".join(f"nobody{number}" for number in range(40)) + " :hi") == ["407"]
        ann.asks("JOIN " + ",".join(["#room"] * 90))
        ann.asks("NAMES " + ",".join(["#room"] * 90), "WHOIS " + ",".join(["bob"] * 90), "ISON " + "bob " * 100)


def test_the_names_of_a_talk_that_is_cut_off() -> None:
    """Reset in the middle of everything, again and again."""
    with hosting() as host, host.meet("ann") as ann:
        ann.joins("#room")
        for number in range(100):
            talk = Talk(host.address)
            talk.says(f"NICK r{number}", "USER r 0 * :r", "JOIN #room", "WHO #room", "PRIVMSG #room :x" * (number % 3))
            if number % 2:
                talk.until(" 001 ")
            talk.reset()
        until(lambda: host.service.run(lambda: len(host.server.world.connections)) == 1)
        assert [line for line in ann.asks("NAMES #room") if line.endswith(":@ann")]
