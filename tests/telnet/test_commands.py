"""The commands of the prompt ``telnet>``, by themselves: how they are named, and keys written. What they do is in ``test_console.py``."""

from __future__ import annotations

import pytest

from wirespeak.telnet.commands import CHARACTERS, COMMANDS, SENDING, Prompt, Settings, Wish, key_name, read_key
from wirespeak.telnet.grammar import Code

CLASSIC = "close display environ logout mode open quit send set slc status toggle unset z ?".split()


def test_the_classic_commands_are_all_there() -> None:
    assert set(CLASSIC) <= set(COMMANDS)
    told = Prompt(Settings()).run("?")
    for name in CLASSIC:
        assert f"\n{name} " in f"\n{told}"


def test_what_can_be_sent_by_itself() -> None:
    assert {"ayt", "ip", "ao", "brk", "ec", "el", "ga", "nop", "eof", "susp", "abort", "eor", "synch"} <= set(SENDING)
    assert not {Code.SB, Code.SE, Code.WILL, Code.WONT, Code.DO, Code.DONT} & set(SENDING.values())


def test_settings_outlive_a_connection() -> None:
    prompt = Prompt(Settings())
    assert prompt.run("set interrupt ^X") == "interrupt is ^X.\n"
    assert prompt.run("set interrupt") == "interrupt is ^C.\n"
    assert prompt.run("unset quit") == "quit is off.\n"
    assert prompt.run("toggle crlf localchars") == "crlf is on.\nlocalchars is on.\n"
    assert prompt.run("environ define A 'b c'") == ""
    assert prompt.settings.exported == {"A": "b c"}
    assert prompt.settings.characters["quit"] is None
    assert prompt.settings.toggles == {"crlf", "localchars"}


def test_nothing_is_no_command() -> None:
    prompt = Prompt(Settings())
    assert prompt.run("") == prompt.run("   ") == ""
    assert prompt.wishes == []
    prompt.run("QUIT")
    assert prompt.wishes == [Wish.QUIT]


def test_the_keys_at_first_are_those_of_a_unix_terminal() -> None:
    assert {name: key_name(key) for name, (key, _, _) in CHARACTERS.items()} == {
        "interrupt": "^C",
        "quit": "^\\",
        "suspend": "^Z",
        "eof": "^D",
        "flushoutput": "^O",
        "ayt": "^T",
    }


@pytest.mark.parametrize("key", range(128))
def test_keys_are_read_as_they_are_written(key: int) -> None:
    assert read_key(key_name(key)) == key


@pytest.mark.parametrize("text", ["^^^", "ü", "esc", "^ü", "^1"])
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        read_key(text)


def test_no_key() -> None:
    assert read_key("off") is None
    assert read_key("") is None
