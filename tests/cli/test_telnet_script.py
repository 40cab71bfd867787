"""Scripts of ``wirespeak telnet connect``: how they are read. What they do is in ``test_telnet_connect.py``."""

from __future__ import annotations

import re

import pytest

from wirespeak.cli.telnet_script import Step, read_script
from wirespeak.errors import TextError
from wirespeak.telnet.grammar import Code


def test_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "s3cret")
    text = r"""
    # log in
    expect "login: " /[$#\/] $/ denied
    send ls -l "a b"
    send "in quotes\t\x41\""
    send
    type y
    secret PASSWORD
    command ayt
    timeout 2.5
    close
    """
    assert read_script(text.splitlines()) == [
        Step("expect", [b"login: ", re.compile(rb"[$#/] $"), b"denied"], 3),
        Step("send", b'ls -l "a b"', 4),
        Step("send", b'in quotes\tA"', 5),
        Step("send", b"", 6),
        Step("type", b"y", 7),
        Step("secret", b"s3cret", 8),
        Step("command", Code.AYT, 9),
        Step("timeout", 2.5, 10),
        Step("close", None, 11),
    ]


@pytest.mark.parametrize(
    ("escaped", "meant"),
    [(r"\r\n", b"\r\n"), (r"\e[A", b"\x1b[A"), (r"\0", b"\0"), (r"\\n", b"\\n"), (r"\xff", b"\xff"), ("ü", b"\xc3\xbc")],
)
def test_escapes(escaped: str, meant: bytes) -> None:
    assert read_script([f'type "{escaped}"']) == [Step("type", meant, 1)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dance", "1: 'dance' is none of expect, send"),
        ("\nexpect", "2: expect: expected a text"),
        ('expect ""', "1: expect: nothing is always there"),
        ('expect "a', "a quotation is not ended"),
        ("expect /(/", "1: expect: missing )"),
        ('send "a" b', "1: send: expected one text in quotes"),
        ("secret NOT_THERE", "1: secret: the environment has no 'NOT_THERE'"),
        ("command JUMP", "1: command: 'JUMP' is no command"),
        ("timeout soon", "1: timeout: could not convert"),
        ("timeout -1", "1: timeout: expected seconds"),
        ("close now", "1: close: nothing stands behind it"),
    ],
)
def test_a_script_that_cannot_be_read_is_wrong_usage(text: str, told: str) -> None:
    with pytest.raises(TextError) as failing:
        read_script(text.splitlines())
    assert told in str(failing.value)
