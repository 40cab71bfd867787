"""Becoming a user, and leaving again (Modern IRC, Connection Registration)."""

from __future__ import annotations

import pytest

from tests.irc.talk import Net
from wirespeak.irc.config import Gateway, VisitLimits
from wirespeak.irc.modes import USER_MODES
from wirespeak.sockets.tls import TLSInfo

TLS = TLSInfo(version="TLSv1.3", cipher="x", alpn=None, server_name=None, resumed=False, der=b"a gateway's", is_server=True)


def numerics(lines: list[str]) -> list[str]:
    """The numerics among ``lines``."""
    return [word for line in lines if (word := line.split(" ")[1]).isdigit()]


# --- the welcome


def test_nick_and_user_are_enough() -> None:
    client = Net(motd=("Be kind.",)).connect()
    client.says("NICK ann", "USER ann 0 * :Ann Example")
    told = client.heard()
    assert numerics(told) == ["001", "002", "003", "004", *["005"] * 3, *"251 252 253 254 255 265 266 375 372 376".split()]
    assert told[0] == ":irc.home.test 001 ann :Welcome to the Home Network, ann"
    assert client.prefix.startswith("ann!~ann@")
    assert client.user.realname == "Ann Example"


def test_the_welcome_tells_real_hosts_alone() -> None:
    """A cloaked one "SHOULD NOT" be there: some clients look it up (Modern IRC: RPL_WELCOME)."""
    client = Net(cloaks=False).connect()
    client.says("NICK ann", "USER ann 0 * :Ann Example")
    assert client.heard()[0] == f":irc.home.test 001 ann :Welcome to the Home Network, {client.prefix}"


def test_in_either_order() -> None:
    client = Net().connect()
    client.says("USER ann 0 * :Ann")
    client.hears_nothing()
    client.says("NICK ann")
    client.skips_to(":irc.home.test 001 ann :…")


def test_004_tells_all_modes() -> None:
    client = Net().connect()
    client.says("NICK ann", "USER ann 0 * :Ann")
    words = client.skips_to(":irc.home.test 004 …").split(" ")
    assert words[3:5] == ["irc.home.test", words[4]]
    assert words[5] == "".join(sorted(USER_MODES))
    assert set("beIklqaohv") == set(words[7])
    assert set(words[7]) < set(words[6])


def test_there_may_be_no_motd() -> None:
    client = Net().connect()
    client.says("NICK ann", "USER ann 0 * :Ann")
    client.skips_to(":irc.home.test 422 ann :…")
    client.hears_nothing()


def test_silence_is_given_up() -> None:
    net = Net()
    client = net.connect()
    client.says("NICK ann")
    net.passes(61)
    client.hears("ERROR :Closing Link: 127.0.0.1 (Registration timed out)")
    assert client.gone


# --- PASS


def test_a_server_may_ask_for_a_password() -> None:
    net = Net(password="mellon")
    client = net.connect()
    client.says("PASS wrong", "PASS mellon", "NICK ann", "USER ann 0 * :Ann")  # the last one counts
    client.skips_to(":irc.home.test 001 ann :…")


@pytest.mark.parametrize("line", ["PASS melon", "PASS :", "PING x"])
def test_a_wrong_password_or_none_ends_the_connection(line: str) -> None:
    client = Net(password="mellon").connect()
    client.says(line, "NICK ann", "USER ann 0 * :Ann")
    client.skips_to(":irc.home.test 464 ann :Password incorrect")
    client.hears("ERROR :Closing Link: 127.0.0.1 (Bad password)")
    assert client.gone


def test_a_password_that_nobody_asked_for_is_no_matter() -> None:
    client = Net().connect()
    client.says("PASS mellon", "NICK ann", "USER ann 0 * :Ann")
    client.skips_to(":irc.home.test 001 ann :…")


# --- NICK


@pytest.mark.parametrize(
    "nick", ["1ann", "-ann", "a:nn", "#ann", "a nn x", "ann!x", "ann@x", "änn", "a,b", "$ann", "~ann", "n" * 31, "an*", "ann."]
)
def test_what_is_no_nick(nick: str) -> None:
    """RFC 2812 2.3.1."""
    client = Net().connect()
    client.says(f"NICK :{nick}")
    client.hears(":irc.home.test 432 * … :Erroneous nickname")
    assert client.nick == "*"


@pytest.mark.parametrize("line", ["NICK", "NICK :"])
def test_no_nick_at_all(line: str) -> None:
    client = Net().connect()
    client.says(line)
    client.hears(":irc.home.test 431 * :No nickname given")


@pytest.mark.parametrize("nick", ["ann", "ANN", "Ann"])
def test_a_nick_that_somebody_has_in_whatever_case(nick: str) -> None:
    net = Net()
    net.join("ann")
    client = net.connect()
    client.says(f"NICK {nick}", "USER x 0 * :X")
    client.hears(f":irc.home.test 433 * {nick} :Nickname is already in use")
    client.says("NICK bob")
    client.skips_to(":irc.home.test 001 bob :…")


def test_of_two_who_want_a_nick_the_first_who_is_ready_has_it() -> None:
    net = Net()
    first, second = net.connect(), net.connect()
    first.says("NICK ann")
    second.says("NICK ann", "USER b 0 * :B")
    second.skips_to(":irc.home.test 001 ann :…")
    first.says("USER a 0 * :A")
    first.hears(":irc.home.test 433 * ann :Nickname is already in use")
    first.says("NICK bob")
    first.skips_to(":irc.home.test 001 bob :…")


@pytest.mark.parametrize("nick", ["NickServ", "chanserv", "N1ckServ"])
def test_nobody_is_called_as_a_service_is(nick: str) -> None:
    client = Net().connect()
    client.says(f"NICK {nick}")
    client.hears(f":irc.home.test 433 * {nick} :…")


def test_a_nick_is_changed_and_each_neighbour_told_once() -> None:
    net = Net()
    ann, bob, eve = net.join("ann", channels="#a,#b"), net.join("bob", channels="#a,#b"), net.join("eve")
    before = ann.prefix
    ann.says("NICK anna")
    ann.hears(f":{before} NICK anna")
    bob.hears(f":{before} NICK anna")
    for one in (ann, bob, eve):
        one.hears_nothing()
    assert net.world.find("ANNA") is ann.user
    assert net.world.find("ann") is None


def test_a_nick_may_change_its_case_alone() -> None:
    ann = Net().join("ann")
    ann.says("NICK ANN", "NICK ANN")
    ann.hears(":ann!… NICK ANN")
    ann.hears_nothing()


def test_a_nick_is_free_once_it_is_given_up() -> None:
    net = Net()
    net.join("ann").says("NICK anna")
    net.join("ann")


# --- USER


def test_a_user_name_is_made_fit() -> None:
    """RFC 2812 2.3.1; and cut to USERLEN."""
    client = Net().connect()
    client.says("NICK ann", "USER a!n@n*é-averylongnameindeed 0 * :Ann")
    assert client.user.user == "~ann-averylongna"
    assert len(client.user.user) == 16


@pytest.mark.parametrize("line", ["USER @!* 0 * :Ann", "USER é 0 * :Ann"])
def test_a_user_name_of_which_nothing_is_fit(line: str) -> None:
    """Modern IRC: ERR_INVALIDUSERNAME; another may be said then."""
    client = Net().connect()
    client.says("NICK ann", line)
    client.hears(":irc.home.test 468 ann :Your username is not valid")
    client.says("USER ann 0 * :Ann")
    client.skips_to(":irc.home.test 001 ann :…")


@pytest.mark.parametrize("line", ["USER : 0 * :Ann", "USER ann 0 * :", "USER ann 0 * : "])
def test_neither_name_may_be_empty(line: str) -> None:
    """Modern IRC: USER."""
    client = Net().connect()
    client.says("NICK ann", line)
    client.hears(":irc.home.test 461 ann USER :Not enough parameters")


def test_a_real_name_is_cut_between_characters() -> None:
    client = Net().join("ann", realname="é" * 100)
    assert client.user.realname == "é" * 75


# --- addresses: cloaks, limits, bans, gateways


def test_an_address_is_not_shown() -> None:
    net = Net()
    ann, bob = net.join("ann", address="203.0.113.9"), net.join("bob", address="203.0.113.10")
    assert "203" not in ann.prefix
    assert ann.user.host.split(".")[1:] == bob.user.host.split(".")[1:] != ann.user.host.split(".")[:-1]
    assert ann.user.real_host == ann.user.ip == "203.0.113.9"


def test_or_is_where_the_owner_wants_it() -> None:
    net = Net(cloaks=False)
    assert net.join("ann", address="203.0.113.9").prefix == "ann!~ann@203.0.113.9"
    assert net.join("bob", address="::1").prefix == "bob!~bob@0::1"  # Modern IRC: a parameter doesn't begin with a colon
    assert net.join("eve", address="").prefix == "eve!~eve@localhost"


def test_a_cloak_outlives_a_restart_by_its_secret() -> None:
    one, other = (Net(cloak_secret="the same").join("ann", address="203.0.113.9").user.host for _ in range(2))
    assert one == other != Net(cloak_secret="another").join("ann", address="203.0.113.9").user.host


def test_an_address_has_so_many_connections() -> None:
    net = Net(visits=VisitLimits(per_address=2, exempt=()))
    ann = net.join("ann", address="192.0.2.1")
    net.connect("192.0.2.1")
    third = net.connect("192.0.2.1")
    third.hears("ERROR :Closing Link: 192.0.2.1 (Too many connections from your address)")
    assert third.gone
    assert net.world.counters.refused["Too many connections from your address"] == 1
    third.leaves()
    ann.says("QUIT")
    net.join("anna", address="192.0.2.1")


def test_who_is_refused_may_say_what_it_likes() -> None:
    net = Net(visits=VisitLimits(per_address=1, exempt=()))
    net.connect("192.0.2.1")
    client = net.connect("192.0.2.1")
    client.says("NICK ann", "USER ann 0 * :Ann")
    assert net.world.find("ann") is None


GATEWAY = Gateway(addresses=("192.0.2.7",), password="open")


def test_a_gateway_tells_for_whom_it_connects() -> None:
    """IRCv3 WEBIRC."""
    client = Net(gateways=(GATEWAY,), cloaks=False).connect("192.0.2.7")
    client.says("WEBIRC open kiwi host.test 198.51.100.3", "NICK ann", "USER ann 0 * :Ann")
    assert client.prefix == "ann!~ann@198.51.100.3"
    assert client.user.ip == "198.51.100.3"


@pytest.mark.parametrize(
    ("address", "lines", "told"),
    [
        ("192.0.2.7", ["WEBIRC shut kiwi h 198.51.100.3"], "Invalid WebIRC password"),
        ("192.0.2.8", ["WEBIRC open kiwi h 198.51.100.3"], "Invalid WebIRC password"),
        ("192.0.2.7", ["WEBIRC open kiwi h nowhere"], "Invalid WebIRC address"),
        ("192.0.2.7", ["NICK ann", "WEBIRC open kiwi h 198.51.100.3"], "WEBIRC comes before all else"),
        ("192.0.2.7", ["CAP LS", "WEBIRC open kiwi h 198.51.100.3"], "WEBIRC comes before all else"),
        ("192.0.2.7", ["WEBIRC open kiwi h 198.51.100.3", "WEBIRC open kiwi h 198.51.100.4"], "…"),
    ],
)
def test_a_gateway_that_is_none(address: str, lines: list[str], told: str) -> None:
    client = Net(gateways=(GATEWAY,)).connect(address)
    client.says(*lines)
    client.skips_to(f"ERROR :Closing Link: … ({told})")
    assert client.gone


@pytest.mark.parametrize(
    ("tls", "options", "secure"),
    [
        (None, "", False),
        (None, " secure", False),
        (TLS, "", False),
        (TLS, " :local-port=6697", False),
        (TLS, " secure", True),
        (TLS, " :secure=yes remote-port=2", True),
    ],
)
def test_a_visitor_is_as_safe_as_both_ways_are(tls: TLSInfo | None, options: str, secure: bool) -> None:
    """IRCv3 WEBIRC, Options."""
    client = Net(gateways=(GATEWAY,)).connect("192.0.2.7", tls=tls)
    client.says(f"WEBIRC open kiwi h 198.51.100.3{options}")
    assert client.user.secure is secure
    assert client.user.fingerprint == ""  # the certificate was the gateway's


def test_a_gateway_s_visitors_are_counted_each_by_its_own_address() -> None:
    net = Net(gateways=(GATEWAY,), visits=VisitLimits(per_address=1, per_network=0, each_minute=0, exempt=()))
    for host in (3, 4, 3):
        client = net.connect("192.0.2.7")
        client.says(f"WEBIRC open kiwi h 198.51.100.{host}")
    client.hears("ERROR :Closing Link: 198.51.100.3 (Too many connections from your address)")


# --- at any time


def test_ping_and_pong() -> None:
    """Modern IRC: PING; before the welcome too."""
    net = Net()
    for client in (net.connect(), net.join("ann")):
        client.says("PING :some token", "PING a b", "PONG :x", "PONG")
        client.hears(":irc.home.test PONG irc.home.test :some token", ":irc.home.test PONG irc.home.test :a")
        client.hears_nothing()
        client.says("PING :")
        client.hears(f":irc.home.test 409 {client.nick} :No origin specified")


def test_who_is_silent_is_asked_and_given_up() -> None:
    net = Net()
    ann, bob = net.join("ann", channels="#c"), net.join("bob", channels="#c")
    ann.heard()
    for _ in range(5):
        net.passes(60)
        bob.says("PONG x")
    ann.hears("PING :irc.home.test", "ERROR :Closing Link: 127.0.0.1 (Ping timeout: 120 seconds)")
    assert ann.gone
    bob.skips_to(":ann!… QUIT :Ping timeout: 120 seconds")


@pytest.mark.parametrize(
    ("line", "told"), [("QUIT :Gone to have lunch", "Quit: Gone to have lunch"), ("QUIT", "Quit: "), ("QUIT :", "Quit: ")]
)
def test_leaving(line: str, told: str) -> None:
    """Modern IRC: QUIT. What it said before is not known any more, and each neighbour hears of it once."""
    net = Net()
    ann, bob, eve = net.join("ann", channels="#a,#b"), net.join("bob", channels="#a,#b"), net.join("eve")
    bob.heard()
    ann.says(line, "PRIVMSG #a :still here?")
    ann.hears(f"ERROR :Closing Link: 127.0.0.1 ({told.strip()})")
    assert ann.gone
    bob.hears(f":ann!… QUIT :{told}")
    bob.hears_nothing()
    eve.hears_nothing()
    assert net.world.find("ann") is None


def test_a_reason_is_cut() -> None:
    net = Net()
    ann, bob = net.join("ann", channels="#a"), net.join("bob", channels="#a")
    ann.says(f"QUIT :{'é' * 200}")
    assert bob.heard()[-1].endswith(f"QUIT :Quit: {'é' * 150}")


def test_a_connection_that_breaks() -> None:
    net = Net()
    ann, bob, eve = net.join("ann", channels="#c"), net.join("bob", channels="#c"), net.join("eve", channels="#c")
    for one in net.clients:
        one.heard()
    ann.leaves()
    bob.is_lost()
    eve.hears(":ann!… QUIT :Connection closed", ":bob!… QUIT :Connection reset by peer")


def test_error_from_a_client_means_nothing() -> None:
    ann = Net().join("ann")
    ann.says("ERROR :you are wrong")
    ann.hears_nothing()


def test_user_modes_that_one_has_from_the_start_are_told() -> None:
    """Modern IRC: RPL_UMODEIS after the welcome."""
    net = Net()
    client = net.connect()
    net.world.set_mode(client.user, "r", True)
    client.says("NICK ann", "USER ann 0 * :Ann")
    client.skips_to(":irc.home.test 221 ann +r")
