"""The table of commands (Modern IRC; IRCv3)."""

from __future__ import annotations

from wirespeak.irc.commands import COMMANDS, When, cost_of
from wirespeak.irc.grammar import COMMAND, HTTP_VERBS
from wirespeak.irc.limits import ServerLimits


def test_each_is_a_command() -> None:
    assert all(COMMAND.fullmatch(command) and command.isupper() for command in COMMANDS)


def test_who_is_not_registered_can_do_that_alone() -> None:
    """Modern IRC, Connection Registration; IRCv3 capability-negotiation, sasl, account-registration."""
    early = {command for command, rule in COMMANDS.items() if rule.when is not When.AFTER}
    assert early == {
        *("AUTHENTICATE", "CAP", "ERROR", "NICK", "PASS", "PING", "PONG", "QUIT", "REGISTER", "USER", "VERIFY", "WEBIRC"),
    }
    assert not any(rule.operator for rule in COMMANDS.values() if rule.when is not When.AFTER)


def test_no_command_that_may_come_first_is_taken_for_one_of_http() -> None:
    early = {command for command, rule in COMMANDS.items() if rule.when is not When.AFTER}
    assert not HTTP_VERBS & early
    assert HTTP_VERBS & set(COMMANDS) == {"CONNECT"}, "which is heard from operators alone"
    assert COMMANDS["CONNECT"].operator


def test_a_registration_with_sasl_never_waits() -> None:
    said = ["CAP", "NICK", "USER", "CAP", *["AUTHENTICATE"] * 5, "CAP", "JOIN", "WHO", "MODE"]
    assert sum(map(cost_of, said)) < ServerLimits().burst


def test_what_is_unknown_is_not_for_nothing() -> None:
    assert cost_of("XYZZY") == cost_of("") == 1.0
    assert all(rule.cost > 0 for rule in COMMANDS.values())
