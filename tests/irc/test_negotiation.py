"""CAP (IRCv3 Capability Negotiation)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.irc.talk import CONFIG, Net
from wirespeak.irc.accounts import AccountSettings
from wirespeak.irc.capabilities import TABLE, Capability
from wirespeak.irc.config import Sts
from wirespeak.irc.verbs.negotiation import reconfigure
from wirespeak.sockets.tls import TLSInfo

TLS = TLSInfo(version="TLSv1.3", cipher="x", alpn=None, server_name=None, resumed=False, der=None, is_server=True)


def listed(lines: list[str], subcommand: str = "LS") -> list[str]:
    """The words of a list that may take several lines."""
    for number, line in enumerate(lines):
        head, _, text = line.partition(f" {subcommand} ")
        assert ":irc.home.test CAP " in head
        assert text.startswith("* :") is (number < len(lines) - 1)
        assert len(line.encode()) <= 510
    return [word for line in lines for word in line.partition(f" {subcommand} ")[2].removeprefix("* ").removeprefix(":").split()]


# --- LS and LIST


def test_what_there_is() -> None:
    client = Net().connect()
    told = listed(client.asks("CAP LS 302"))
    assert {word.partition("=")[0] for word in told} == TABLE.keys() - {"sts"}
    assert "sasl=SCRAM-SHA-256,PLAIN" in told


def test_without_302_it_is_told_in_one_line_and_without_values() -> None:
    (line,) = Net().connect().asks("CAP LS")
    told = listed([line])
    assert {"multi-prefix", "sasl", "server-time"} < set(told)
    assert "=" not in line


@pytest.mark.parametrize("version", ["302", "303", "307", "000302", "999999999"])
def test_a_version_is_a_number_and_a_later_one_is_302_and_more(version: str) -> None:
    """IRCv3 Capability Negotiation, CAP LS Version."""
    client = Net().connect()
    assert any(word.startswith("sasl=") for word in listed(client.asks(f"CAP LS {version}")))
    assert listed(client.asks("CAP LIST"), "LIST") == ["cap-notify"]


@pytest.mark.parametrize("version", ["", " 301", " 3", " x", " -302", " 302.0", " ٣٠٢", f" {'9' * 400}"])
def test_what_is_no_version_from_302_on(version: str) -> None:
    client = Net().connect()
    assert "=" not in "".join(client.asks(f"CAP LS{version}"))
    assert listed(client.asks("CAP LIST"), "LIST") == []


def test_a_lower_version_later_takes_nothing_back() -> None:
    client = Net().connect()
    client.asks("CAP LS 302")
    assert "=" not in "".join(client.asks("CAP LS"))
    assert listed(client.asks("CAP LIST"), "LIST") == ["cap-notify"]


def test_a_long_list_takes_several_lines_for_who_understands_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """IRCv3 Capability Negotiation, Multiline replies."""
    long = Capability(f"home.test/{'long' * 50}", 1 << 40, "to fill the line")
    monkeypatch.setitem(TABLE, long.name, long)
    client = Net(sts=Sts(port=6697)).connect()
    lines = client.asks("CAP LS 302")
    assert len(lines) > 1
    assert {word.partition("=")[0] for word in listed(lines)} == TABLE.keys()


def test_for_who_does_not_all_of_it_fits_into_one_whatever_the_server_s_name() -> None:
    client = Net(name=f"irc.{'long' * 13}.test").connect()
    client.says("NICK " + "n" * 30)
    (line,) = client.asks("CAP LS")
    assert line.endswith(" userhost-in-names")


def test_what_one_has() -> None:
    ann = Net().join("ann", caps="server-time multi-prefix")
    ann.says("CAP REQ -server-time")
    ann.heard()
    assert set(listed(ann.asks("CAP LIST"), "LIST")) == {"multi-prefix", "cap-notify"}
    assert Net().connect().asks("CAP LIST") == [":irc.home.test CAP * LIST :"]


# --- REQ


def test_all_of_it_or_nothing() -> None:
    client = Net().connect()
    client.says("CAP REQ :multi-prefix foo", "CAP LIST", "CAP REQ :multi-prefix server-time", "CAP LIST")
    client.hears(
        ":irc.home.test CAP * NAK :multi-prefix foo",
        ":irc.home.test CAP * LIST :",
        ":irc.home.test CAP * ACK :multi-prefix server-time",
    )
    assert set(listed(client.heard(), "LIST")) == {"multi-prefix", "server-time"}


def test_capabilities_are_given_up_with_a_dash() -> None:
    client = Net().connect()
    client.says("CAP REQ :multi-prefix away-notify", "CAP REQ :-multi-prefix setname ", "CAP REQ -chghost", "CAP LIST")
    client.hears("…", ":irc.home.test CAP * ACK :-multi-prefix setname", ":irc.home.test CAP * ACK :-chghost")
    assert set(listed(client.heard(), "LIST")) == {"away-notify", "setname"}


def test_what_one_has_already_may_be_asked_for() -> None:
    client = Net().connect()
    client.says("CAP REQ setname", "CAP REQ setname")
    client.hears(*[":irc.home.test CAP * ACK :setname"] * 2)


@pytest.mark.parametrize(
    "words", ["foo", "MULTI-PREFIX", "--setname", "-foo", "setname=1", "sasl=PLAIN", "sts", "-", "=", "draft/foo", "* *"]
)
def test_what_is_no_capability(words: str) -> None:
    client = Net(sts=Sts(port=6697)).connect()
    client.says(f"CAP REQ :{words}")
    assert client.heard()[0].startswith(":irc.home.test CAP * NAK ")


def test_no_words_are_granted() -> None:
    client = Net().connect()
    client.says("CAP REQ :", "CAP REQ")
    client.hears(*[":irc.home.test CAP * ACK :"] * 2)


def test_cap_notify_stays_with_302() -> None:
    """IRCv3 Capability Negotiation, cap-notify."""
    net = Net()
    client = net.connect()
    client.says("CAP REQ cap-notify", "CAP REQ -cap-notify")
    client.hears(":irc.home.test CAP * ACK :cap-notify", ":irc.home.test CAP * ACK :-cap-notify")
    client = net.connect()
    client.asks("CAP LS 302")
    client.says("CAP REQ cap-notify", "CAP REQ -cap-notify")
    client.hears(":irc.home.test CAP * ACK :cap-notify", ":irc.home.test CAP * NAK :-cap-notify")


def test_an_answer_that_is_too_long_for_a_line_takes_two() -> None:
    client = Net().connect()
    words = " ".join(["setname"] * 62)
    lines = client.asks(f"CAP REQ :{words}")
    assert len(lines) == 2
    assert [word for line in lines for word in line.partition(" ACK :")[2].split()] == words.split()


def test_capabilities_may_change_after_the_welcome() -> None:
    ann = Net().join("ann")
    ann.says("CAP REQ server-time", "PING x", "CAP REQ -server-time", "PING x")
    ann.hears(
        ":irc.home.test CAP ann ACK :server-time",
        "@time=… :irc.home.test PONG …",
        "@time=… :irc.home.test CAP ann ACK :-server-time",
        ":irc.home.test PONG …",
    )


# --- END, and the welcome


@pytest.mark.parametrize("first", ["CAP LS", "CAP LS 302", "CAP REQ setname", "CAP REQ foo"])
def test_the_welcome_waits_for_the_end(first: str) -> None:
    client = Net().connect()
    client.asks(first)
    client.says("NICK ann", "USER ann 0 * :Ann")
    client.hears_nothing()
    client.says("CAP END")
    client.skips_to(":irc.home.test 001 ann :…")


def test_a_list_of_one_s_own_holds_nothing_back() -> None:
    client = Net().connect()
    client.says("CAP LIST", "NICK ann", "USER ann 0 * :Ann")
    client.skips_to(":irc.home.test 001 ann :…")


def test_an_end_may_come_twice_or_later() -> None:
    client = Net().connect()
    client.says("CAP END", "CAP LS 302", "NICK ann", "USER ann 0 * :Ann", "CAP END", "CAP END")
    lines = client.heard()
    assert sum(" 001 " in line for line in lines) == 1
    client.says("CAP END")
    client.hears_nothing()


def test_a_negotiation_that_never_ends_is_ended() -> None:
    net = Net()
    client = net.connect()
    client.says("CAP LS 302", "NICK ann", "USER ann 0 * :Ann")
    net.passes(61)
    client.skips_to("ERROR :Closing Link: … (Registration timed out)")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("CAP FOO", "FOO"),
        ("CAP ACK :setname", "ACK"),
        ("CAP NAK", "NAK"),
        ("CAP NEW x", "NEW"),
        ("CAP :", "*"),
        ("CAP :a b", "*"),
        ("CAP CLEAR", "CLEAR"),
    ],
)
def test_an_unknown_subcommand(line: str, told: str) -> None:
    client = Net().connect()
    client.says(line)
    client.hears(f":irc.home.test 410 * {told} :Invalid CAP command")


# --- NEW and DEL


def test_what_comes_and_goes_is_told_to_who_asked_for_that() -> None:
    net = Net(accounts=AccountSettings(registration=False))
    modern, old, none = net.join("ann", caps="server-time"), net.connect(), net.join("eve")
    old.says("CAP REQ cap-notify", "NICK bob", "USER bob 0 * :Bob", "CAP END")
    old.heard()
    reconfigure(net.world, replace(CONFIG, sts=Sts(port=6697)))
    modern.hears("@time=… :irc.home.test CAP ann NEW :draft/account-registration=before-connect,custom-account-name sts=port=6697")
    old.hears(":irc.home.test CAP bob NEW :draft/account-registration")  # which tells what sts can't without its value
    none.hears_nothing()


def test_what_goes_is_gone() -> None:
    """IRCv3 Capability Negotiation, CAP DEL; sts ends by its own value (IRCv3 sts)."""
    net = Net(sts=Sts(port=6697))
    ann = net.join("ann", caps="draft/account-registration setname")
    reconfigure(net.world, replace(CONFIG, accounts=AccountSettings(registration=False)))
    ann.hears(":irc.home.test CAP ann DEL :draft/account-registration")
    assert set(listed(ann.asks("CAP LIST"), "LIST")) == {"setname", "cap-notify"}
    ann.says("CAP REQ draft/account-registration")
    ann.hears(":irc.home.test CAP ann NAK :draft/account-registration")


def test_without_a_change_nothing_is_told() -> None:
    net = Net()
    ann = net.join("ann", caps="setname")
    reconfigure(net.world, replace(CONFIG, name="irc.other.test", motd=("Another day.",)))
    ann.hears_nothing()
    assert net.world.name == net.world.config.name == "irc.home.test"
    ann.says("MOTD")
    ann.skips_to(":irc.home.test 372 ann :- Another day.")


def test_sts_is_a_port_in_clear_and_a_duration_over_tls() -> None:
    """IRCv3 sts, Mechanism."""
    net = Net(sts=Sts(port=6697, duration=3600))
    assert "sts=port=6697" in listed(net.connect().asks("CAP LS 302"))
    assert "sts=duration=3600" in listed(net.connect(tls=TLS).asks("CAP LS 302"))
    assert "sts" not in listed(net.connect().asks("CAP LS"))
