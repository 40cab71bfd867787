"""Which commands there are, and who may say them when."""

from __future__ import annotations

import pytest

from tests.irc.talk import Net
from wirespeak.irc.commands import COMMANDS, When
from wirespeak.irc.verbs import VERBS


def test_each_command_has_its_verb() -> None:
    assert VERBS.keys() == COMMANDS.keys()


def test_an_unknown_command() -> None:
    """Modern IRC: ERR_UNKNOWNCOMMAND."""
    ann = Net().join("ann")
    ann.says("FOO bar", "X" * 100)
    ann.hears(":irc.home.test 421 ann FOO :Unknown command", f":irc.home.test 421 ann {'X' * 32} :Unknown command")


@pytest.mark.parametrize(
    "command", sorted(command for command, rule in COMMANDS.items() if rule.when is When.AFTER and command != "NOTICE")
)
def test_a_command_for_users_waits_for_the_welcome(command: str) -> None:
    client = Net().connect()
    client.says("PONG x", f"{command} a b c d")  # in the first line CONNECT is HTTP's
    client.hears(":irc.home.test 451 * :You have not registered")


def test_a_notice_is_never_answered() -> None:
    """Servers "must not send any error back to the client on receipt of a NOTICE command" (Modern IRC: NOTICE)."""
    client = Net().connect()
    client.says("NOTICE ann :hi", "NOTICE")
    client.hears_nothing()
    client.says("PING x")
    client.hears(":irc.home.test PONG irc.home.test :x")


@pytest.mark.parametrize("command", sorted(command for command, rule in COMMANDS.items() if rule.when is When.BEFORE))
def test_a_command_of_registration_comes_too_late(command: str) -> None:
    ann = Net().join("ann")
    ann.says(f"{command} a b c d")
    ann.hears(":irc.home.test 462 ann :You may not reregister")


@pytest.mark.parametrize("command", sorted(command for command, rule in COMMANDS.items() if rule.operator))
def test_a_command_of_operators(command: str) -> None:
    ann = Net().join("ann")
    ann.says(f"{command} a b c d")
    ann.hears(":irc.home.test 481 ann :Permission Denied- You're not an IRC operator")


@pytest.mark.parametrize("command", sorted(command for command, rule in COMMANDS.items() if rule.least and not rule.operator))
def test_a_command_that_lacks_a_parameter(command: str) -> None:
    """Modern IRC: ERR_NEEDMOREPARAMS; and one too few is too few."""
    net = Net()
    rule = COMMANDS[command]
    client = net.connect() if rule.when is When.BEFORE else net.join("ann")
    client.says(" ".join([command, *["x"] * (rule.least - 1)]))
    client.hears(f":irc.home.test 461 {client.nick} {command} :Not enough parameters")


PARAMETERS = (
    "",
    ":",
    ": :",
    "* *",
    "ann",
    "#c",
    "ann #c",
    "#c ann",
    "a,b,,c x,,y :z",
    ":a b c",
    "1d *@192.0.2.1 :x",
    "a b c d e f g h i j k l m n o",
)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_no_parameters_do_any_harm(command: str) -> None:
    """None, empty ones, fifteen (CVE-2007-6062, CVE-2021-33586): there is an answer, or none, and the server goes on.

    Said before the welcome, by a user, and by an operator.
    """
    for parameters in PARAMETERS:
        net = Net()
        oper = net.join("ann", channels="#c")
        net.world.set_mode(oper.user, "o", True)
        oper.user.oper = net.oper
        for client in (net.connect(), net.join("bob", channels="#c"), oper):
            if not client.gone:
                client.says(f"{command} {parameters}")
        assert net.join("eve", address="198.51.100.9").asks("PING still") == [":irc.home.test PONG irc.home.test :still"]


def test_commands_are_counted() -> None:
    net = Net()
    net.join("ann").says("PING a", "PING b", "FOO")
    assert net.world.counters.commands["PING"] == 2
    assert "FOO" not in net.world.counters.commands


def test_case_of_a_command_does_not_matter() -> None:
    ann = Net().join("ann")
    assert ann.asks("ping x", "Ping y") == [":irc.home.test PONG irc.home.test :x", ":irc.home.test PONG irc.home.test :y"]
