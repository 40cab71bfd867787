"""``wirespeak explain``: what it prints on a terminal and into a pipe, as data, and how it exits."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from pathlib import Path

import pexpect
import pytest
from click.testing import CliRunner, Result

from wirespeak.cli import explain as module
from wirespeak.cli.explain import PROTOCOLS, command
from wirespeak.explanation import as_json, as_text
from wirespeak.http.explain import explain

REQUEST = b"GET /tea?q=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
BROKEN = b"GET / HTTP/1.1\nHost: \x1b[31mred\n\n"
WIRESPEAK = f"{sys.executable} -m wirespeak"


def run(*arguments: str, data: bytes = b"") -> Result:
    return CliRunner().invoke(command, arguments, input=data)


def test_the_standard_input_is_explained() -> None:
    result = run("--as", "http", data=REQUEST)
    assert result.exit_code == 0
    assert result.stdout == as_text(REQUEST, explain(REQUEST))
    assert result.stderr == ""


def test_a_file_is_explained(tmp_path: Path) -> None:
    file = tmp_path / "request"
    file.write_bytes(REQUEST)
    assert run("--as", "http", str(file)).stdout == as_text(REQUEST, explain(REQUEST))
    assert run("--as", "http", "-", data=REQUEST).stdout == as_text(REQUEST, explain(REQUEST))


def test_json_is_one_object() -> None:
    result = run("--as", "http", "--json", data=REQUEST)
    parts = json.loads(json.dumps(as_json(explain(REQUEST))))
    assert json.loads(result.stdout) == {"protocol": "http", "bytes": len(REQUEST), "parts": parts}
    assert result.stdout.count("\n") == 1
    assert result.stdout.isascii()


@pytest.mark.parametrize("data", [BROKEN, REQUEST[:-1], b""], ids=["broken", "cut off", "nothing"])
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_what_breaks_the_protocol_exits_with_5(data: bytes, options: list[str]) -> None:
    result = run("--as", "http", *options, data=data)
    assert result.exit_code == 5
    assert "malformed" in result.stdout or "missing" in result.stdout
    assert "\x1b" not in result.stdout


WRONG = [[], ["--as", "gopher"], ["--as", "http", "/nowhere/at/all"], ["--as", "http", "/"]]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Usage: ")


def test_input_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_INPUT", 1 << 20)
    result = run("--as", "http", data=b"x" * ((1 << 20) + 1))
    assert result.exit_code == 2
    assert "more than 1 MB" in result.stderr


def on_terminal(line: str, columns: int = 80, **environment: str) -> str:
    """What a terminal of so many columns receives from a line given to the shell, which has to succeed."""
    surroundings = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    shown, code = pexpect.run(
        shlex.join(["/bin/sh", "-c", line]), withexitstatus=True, env={**surroundings, **environment}, dimensions=(24, columns)
    )
    assert code == 0, shown
    return str(shown.decode()).replace("\r\n", "\n")


def test_the_example_in_the_help_works() -> None:
    example = re.search(r"printf .*\|\n.*", run("--help").stdout)
    assert example
    shown = on_terminal(example[0].replace("wirespeak", WIRESPEAK), NO_COLOR="1")
    data = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert shown == as_text(data, explain(data))


def test_a_terminal_gets_colours_unless_no_color_is_set(tmp_path: Path) -> None:
    file = tmp_path / "request"
    file.write_bytes(REQUEST)
    line = f"{WIRESPEAK} explain --as http {file}"
    assert on_terminal(line) == as_text(REQUEST, explain(REQUEST), colour=True)
    assert on_terminal(line, NO_COLOR="1") == as_text(REQUEST, explain(REQUEST))
    assert on_terminal(line, 40, NO_COLOR="1") == as_text(REQUEST, explain(REQUEST), width=40)
    assert on_terminal(f"{line} | cat") == as_text(REQUEST, explain(REQUEST))


def test_every_protocol_of_the_table_is_there() -> None:
    for name in PROTOCOLS:
        assert run("--as", name, data=b"").exit_code == 5


def test_a_password_in_a_dialog_is_not_shown() -> None:
    dialog = b"EHLO a.test\r\nAUTH PLAIN AGFubgBvcGVuIHNlc2FtZQ==\r\n"  # NUL ann NUL open sesame
    for option in ([], ["--json"]):
        result = run("--as", "smtp", *option, data=dialog)
        assert result.exit_code == 0
        assert "ann" in result.stdout
        assert "sesame" not in result.stdout
        assert "c2FtZQ" not in result.stdout
