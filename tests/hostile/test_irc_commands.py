"""Every command with nothing, too little, emptiness and too much; and what clients say to each other's programs (rows 9 and 10)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.hostile.irc_wire import Host, hosting
from tests.hostile.smtp_wire import scram_keys
from wirespeak.irc import Oper
from wirespeak.irc.commands import COMMANDS
from wirespeak.irc.grammar import HTTP_VERBS

ENDING = {"QUIT", "DIE", "RESTART"}
"""Those after which the connection is over, or may be."""

FORMS = {
    "nothing": "",
    "a space": " ",
    "an empty one": " :",
    "one": " x",
    "two": " x y",
    "three empty ones": " :  ",
    "a star": " *",
    "stars": " * * * *",
    "a channel": " #room",
    "a channel and nothing": " #room :",
    "a channel and a word": " #room x",
    "a channel of none": " #none x y z",
    "lists": " #room,#none,, bob,,nobody :why",
    "commas": " ,,, ,,, ,,,",
    "signs": " #room +-+-oo-b+k+l x y z w",
    "many modes": " #room +" + "o" * 200,
    "letters of all kinds": " #room +\u00e9\u4e2d{}:",
    "numbers": " -1 99999999999999999999 0 1e9",
    "masks": " *!*@* $a:x ??? [",
    "a path": " ../../etc/passwd %s%n {0} {0.__class__}",
    "fifteen": " " + " ".join("abcdefghijklmno"),
    "fifty": " " + " ".join(["x"] * 50),
    "two hundred": " " + " ".join(["a"] * 200),
    "colons": " a:b :c :d",
    "as long as may be": " " + "x" * 480,
    "targets": " " + ",".join(["bob"] * 100),
}


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with hosting(opers={"root": Oper(password=scram_keys("mellon"))}) as host:
        yield host


@pytest.mark.parametrize("form", FORMS)
def test_every_command_of_a_user(host: Host, form: str) -> None:
    """Each is answered, or passed over; the next is heard as if nothing had been."""
    with host.meet("bob") as bob:
        bob.joins("#room")
        for command in sorted(set(COMMANDS) - ENDING):
            with host.meet("ann", caps="labeled-response batch message-tags") as ann:
                ann.joins("#room")
                lines = ann.asks(f"@label=l1 {command}{FORMS[form]}")
                if COMMANDS[command].least > len(FORMS[form].split()) and not COMMANDS[command].operator and FORMS[form].strip() != ":":
                    assert re.search(r" (461|462) |FAIL ", "\n".join(lines)), (command, lines)
                ann.says("QUIT")
                ann.last_words()
        bob.asks()


@pytest.mark.parametrize("form", FORMS)
def test_every_command_of_an_operator(host: Host, form: str) -> None:
    for command in sorted(command for command, rule in COMMANDS.items() if rule.operator and command not in ENDING):
        with host.meet("root") as root:
            root.joins("#room")
            assert "381" in root.numerics("OPER root mellon")
            line = f"{command}{FORMS[form]}"
            if command in ("KLINE", "DLINE", "SANICK", "KILL") and form in ("stars", "a star", "masks", "numbers"):
                continue  # of everybody, be it for ever: an operator may do that
            root.says(line, "PING over")
            with host.connect() as other:
                other.says("NICK other", "USER o 0 * :o")
                other.until(" (376|422|465) |ERROR")
            root.until(r" PONG [^ ]+ :?over$|^ERROR ")


@pytest.mark.parametrize("form", FORMS)
def test_every_command_of_nobody(host: Host, form: str) -> None:
    """Who is not registered can do little. (In the first line CONNECT is HTTP's: row 7.)"""
    for command in sorted(set(COMMANDS) - ENDING - HTTP_VERBS):
        with host.connect() as talk:
            talk.says(f"{command}{FORMS[form]}", "NICK guest", "USER g 0 * :g", "CAP END", "PING over")
            lines = talk.until(r" (376|422) |^ERROR | PONG [^ ]+ :?over$")
            assert not [line for line in lines if re.search(r" (381|352|353|322) ", line)], (command, lines)
            talk.says("QUIT")


def test_a_command_that_is_none(host: Host) -> None:
    with host.meet("ann") as ann:
        assert ann.numerics("XYZZY", "xyzzy #room :x", "SERVER evil 1 :x", "SERVICE x :y", "123 x", "PRIV-MSG x", "@+t X") == ["421"] * 7
        assert ann.asks(":", ":source", "@tags") is not None
        assert ann.numerics(":root!root@irc.home.test XYZZY") == ["421"]


def test_a_source_that_is_anothers_means_nothing(host: Host) -> None:
    with host.meet("ann") as ann, host.meet("bob") as bob:
        ann.asks(":root!r@irc.home.test PRIVMSG bob :hello", ":irc.home.test NOTICE bob :from the server")
        assert all(line.startswith(":ann!") for line in bob.asks())


# --- 10: CTCP


TRICKS = [
    "DCC SEND STARTKEYLOGGER 0 0 0",
    "\x01DCC SEND ../../.bashrc 2130706433 22 1\x01",
    '\x01DCC SEND "a b c" 0 0\x01',
    "\x01DCC CHAT chat 2130706433 23\x01",
    "\x01VERSION\x01\x01TIME\x01",
    "\x01\x01",
    "\x01",
    "\x01ACTION",
    "\x01PING " + "x" * 400 + "\x01",
    "\x02\x03" + "1" * 20 + ",\x0f\x16\x1b[2J\x07",
    "\u202egnp.exe",
]


@pytest.mark.parametrize("text", TRICKS)
def test_what_is_meant_for_programs_is_relayed_as_text(host: Host, text: str) -> None:
    with host.meet("ann") as ann, host.meet("bob") as bob:
        ann.asks(f"PRIVMSG bob :{text}", f"NOTICE bob :{text}")
        lines = bob.asks()
        assert [line.partition(" bob :")[2] for line in lines] == [text, text]
