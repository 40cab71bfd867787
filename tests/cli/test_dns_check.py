"""``wirespeak dns check``: what it says of good and bad zone files, as text and as data, and how it exits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ZONE = "$TTL 1h\n@ SOA ns hostmaster 2026112101 2h 15m 2w 1h\n@ NS ns\nns A 192.0.2.1\n"
CANONICAL = (
    "example.\t3600\tIN\tSOA\tns.example. hostmaster.example. 2026112101 7200 900 1209600 3600\n"
    "example.\t3600\tIN\tNS\tns.example.\n"
    "ns.example.\t3600\tIN\tA\t192.0.2.1\n"
)


def check(*arguments: str | Path, text: str | bytes = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """``wirespeak dns check`` with these arguments, and ``text`` as the standard input."""
    command = [sys.executable, "-m", "wirespeak", "dns", "check", *map(str, arguments)]
    data = text.encode() if isinstance(text, str) else text
    done = subprocess.run(command, input=data, capture_output=True, timeout=60, cwd=cwd)
    result = subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in result.stdout + result.stderr
    return result


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "zone"
    path.write_text(ZONE)
    return path


def test_a_good_zone(file: Path) -> None:
    result = check("example", file)
    assert (result.returncode, result.stdout, result.stderr) == (0, "example.: 3 records, serial 2026112101\n", "")


def test_warnings(file: Path) -> None:
    file.write_text(ZONE + "@ MX 10 no\na_b A 192.0.2.1\n")
    result = check("example.", file)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"warning: {file}:5: the MX record of example. names no.example., which has no address",
        f"warning: {file}:6: a_b.example. is no name of a host, and has a record of type A (RFC 1123 2.1)",
        "example.: 5 records, serial 2026112101",
    ]


def test_errors(file: Path) -> None:
    file.write_text(ZONE + "a A 192.0.2\nb MX ns\n")
    result = check("example.", file)
    assert (result.returncode, result.stderr) == (1, "")
    assert result.stdout.splitlines() == [
        f"error: {file}:5:5: '192.0.2' is no IPv4 address, such as 192.0.2.1",
        f"error: {file}:6:6: 'ns' is no number, which the preference of MX should be",
        "example.: refused",
    ]


def test_the_standard_input() -> None:
    assert check("example", "-", text=ZONE).stdout == "example.: 3 records, serial 2026112101\n"
    result = check("example", "-", text=ZONE + "$INCLUDE x\n")
    assert result.stdout.startswith("error: -:5:10: $INCLUDE has nowhere to look")
    assert result.returncode == 1


def test_the_canonical_form_is_printed_and_the_rest_is_said_elsewhere(file: Path) -> None:
    file.write_text(ZONE + "@ MX 10 no\n")
    result = check("--print", "example", file)
    assert result.returncode == 0
    assert result.stdout == CANONICAL.replace("ns.example.\t", "example.\t3600\tIN\tMX\t10 no.example.\nns.example.\t")
    assert result.stderr.splitlines()[-1] == "example.: 4 records, serial 2026112101"
    assert "names no.example." in result.stderr
    again = check("--print", "example", "-", text=result.stdout)
    assert again.stdout == result.stdout
    refused = check("--print", "example", "-", text=ZONE + "a A b\n")
    assert (refused.returncode, refused.stdout) == (1, "")


def test_json(file: Path) -> None:
    file.write_text(ZONE + "@ MX 10 no\n")
    result = check("--json", "example", file)
    assert (result.returncode, result.stderr, result.stdout.count("\n")) == (0, "", 1)
    warning = {"file": str(file), "line": 5, "column": 0, "message": "the MX record of example. names no.example., which has no address"}
    good = {"origin": "example.", "serial": 2026112101, "records": 4, "errors": [], "warnings": [warning], "more": 0}
    assert json.loads(result.stdout) == good
    refused = check("--json", "--print", "example", "-", text="a A b\n")
    error = {"file": "-", "line": 1, "column": 5, "message": "'b' is no IPv4 address, such as 192.0.2.1"}
    bad = {"origin": "example.", "serial": None, "records": None, "errors": [error], "warnings": [], "more": 0, "text": ""}
    assert (refused.returncode, json.loads(refused.stdout)) == (1, bad)
    assert json.loads(check("--json", "--print", "example", "-", text=ZONE).stdout)["text"] == CANONICAL


def test_another_class() -> None:
    text = '@ 0 CH SOA @ hostmaster 1 2 3 4 5\n@ CH NS @\nversion CH TXT "1"\n'
    assert check("--class", "CH", "bind", "-", text=text).stdout.splitlines()[-1] == "bind.: 3 records, serial 1"
    assert "of class CH in a zone of class IN" in check("bind", "-", text=text).stdout


@pytest.mark.parametrize(
    "arguments", [[], ["example"], ["a..b", "-"], ["--class", "XY", "example", "-"], ["example", "-", "-"]], ids=" ".join
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    result = check(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: ")


@pytest.mark.parametrize("name", ["none", ""])
def test_a_file_that_is_not_there_exits_with_4(tmp_path: Path, name: str) -> None:
    result = check("example", tmp_path / name)
    assert (result.returncode, result.stdout) == (4, "")
    assert result.stderr.startswith(f"wirespeak: {tmp_path / name} can't be read: ")


def test_nothing_in_a_file_or_its_name_reaches_the_terminal_as_a_command(tmp_path: Path) -> None:
    file = tmp_path / "z\x1b[31m"
    file.write_text(ZONE + "a \x1b]0;x\x07 b\nw BO\x1b[2JGUS x\n$INCLUDE x\x1b[2J\n")
    result = check("example", file)
    assert result.returncode == 1
    assert "\x1b" not in result.stdout + result.stderr


def test_who_reads_only_the_beginning_is_no_failure(file: Path) -> None:
    file.write_text(ZONE + "$GENERATE 1-20000 h$ A 192.0.2.1\n")
    line = f"{sys.executable} -m wirespeak dns check --print example {file} 2>&1 | head -n 1"
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, timeout=60, env=os.environ, text=True)
    assert done.stdout == CANONICAL.splitlines()[0] + "\n"


HOSTILE = [
    ("$GENERATE 1-1000000000 a$ A 192.0.2.1\n", "5:11: 1000000000 records by $GENERATE; a zone may have 1048576 made so in all"),
    ("$INCLUDE zone\n", "5:10: zone includes itself"),
    ("a TXT ( b\nc A 192.0.2.1\n", "5:7: a parenthesis that is not closed"),
    ("a TXT b )\n", "5:9: a closing parenthesis that none has opened"),
    ("a CNAME b\na A 192.0.2.1\n", "5: a.example. has a CNAME record and others beside it: A (RFC 1034 3.6.2)"),
    ("a.com. A 192.0.2.1\n", "5:1: a.com. is outside of the zone example. (RFC 1035 5.2)"),
]


@pytest.mark.parametrize(("lines", "said"), HOSTILE, ids=[lines[:9] for lines, _ in HOSTILE])
def test_what_would_harm_is_refused_with_its_place(file: Path, lines: str, said: str) -> None:
    file.write_text(ZONE + lines)
    result = check("example", "zone", cwd=file.parent)
    assert (result.returncode, result.stdout) == (1, f"error: zone:{said}\nexample.: refused\n")


def test_a_file_without_soa_is_refused(file: Path) -> None:
    file.write_text("$TTL 60\n@ NS ns\nns A 192.0.2.1\n")
    result = check("example", "zone", cwd=file.parent)
    said = "a zone has one SOA record, at its origin example.; here are 0 (RFC 1035 5.2)"
    assert (result.returncode, result.stdout) == (1, f"error: zone: {said}\nexample.: refused\n")
