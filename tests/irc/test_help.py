"""HELP: a text for every command, in the numerics that clients expect (Modern IRC: HELP message)."""

from __future__ import annotations

import pytest

from tests.irc.talk import Net
from wirespeak.irc.commands import COMMANDS
from wirespeak.irc.help import HELP, help_lines
from wirespeak.irc.messages import Message

TOPICS = {"EXTBAN", "MASKS", "OPERATORS"}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_a_text(command: str) -> None:
    title, blank, *text = help_lines(command.lower())
    assert title == f"** {command} **"
    assert blank == ""
    assert text


def test_every_text_belongs_to_a_command_or_a_topic() -> None:
    assert set(HELP) - TOPICS <= set(COMMANDS)
    assert set(HELP) >= TOPICS


@pytest.mark.parametrize("subject", ["", "COMMANDS", "CHANMODES", "USERMODES", *sorted(HELP)])
def test_every_line_fits_one_of_the_wire(subject: str) -> None:
    lines = help_lines(subject)
    assert len(lines) > 2
    assert all(len(line) <= 120 for line in lines), [line for line in lines if len(line) > 120]


def test_the_first_line_says_how_a_command_is_written() -> None:
    assert help_lines("KLINE")[2] == "KLINE [<duration>] <user@host | nick> [:<reason>]"
    assert help_lines("ns")[2].startswith("NICKSERV ")


def test_the_list_of_commands_is_whole() -> None:
    assert {name for line in help_lines("COMMANDS")[2:] for name in line.split()} == set(COMMANDS)


# --- the command


@pytest.mark.parametrize("command", ["HELP", "HELPOP"])
def test_help_without_a_subject_is_general(command: str) -> None:
    messages = [Message.parse(line) for line in Net().join("me").asks(command)]
    assert [message.command for message in messages] == ["704", *["705"] * (len(messages) - 2), "706"]
    assert all(message.params[:2] == ["me", "*"] for message in messages)
    assert messages[1].params[2] == ""


def test_help_on_a_command_repeats_the_subject_as_it_was_asked_for() -> None:
    heard = Net().join("me").asks("HELP away")
    assert heard[:3] == [
        ":irc.home.test 704 me away :** AWAY **",
        ":irc.home.test 705 me away :",
        ":irc.home.test 705 me away :AWAY [<text>]",
    ]
    assert heard[-1].startswith(":irc.home.test 706 me away :")


def test_an_unknown_subject_is_524() -> None:
    me = Net().join("me")
    assert me.asks("HELP nothing") == [":irc.home.test 524 me nothing :No help available on this topic"]
    assert me.asks("HELP :unknown subject") == [":irc.home.test 524 me * :No help available on this topic"]
    assert me.asks("HELP ::x") == [":irc.home.test 524 me * :No help available on this topic"]
