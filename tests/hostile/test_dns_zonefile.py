"""Zone files that are wrong, vast or endless: ``wirespeak dns check`` says where, by file, line and column, and ends soon.

Master files are RFC 1035 5; the rest is cited at each case. ``▸`` marks the column that must be told; it is not in the file.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.hostile.dns_wire import ENVIRONMENT, ROOT, wirespeak
from tests.processes import Program
from wirespeak.cli import command

APEX = "$ORIGIN example.\n$TTL 3600\n@ SOA ns hostmaster 1 7200 900 1209600 300\n@ NS ns\nns A 192.0.2.1\n"
"""Five lines that are right: what stands behind them begins at line 6."""


@dataclass(slots=True)
class Verdict:
    """What was said of a zone file."""

    code: int
    errors: list[tuple[str, int, int]]
    "File, line and column of each."
    messages: list[str]
    seconds: float
    "Of CPU time."
    said: str

    @property
    def lines(self) -> set[int]:
        return {line for _, line, _ in self.errors}


def run(*arguments: str | Path) -> tuple[int, str]:
    """The exit code of ``wirespeak dns check`` with these arguments, and all it said; it must end in good order."""
    done = CliRunner().invoke(command, ["dns", "check", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def check(file: Path, origin: str = "example.") -> Verdict:
    """``wirespeak dns check --json``."""
    begun = time.process_time()
    code, said = run("--json", origin, file)
    seconds = time.process_time() - begun
    told = json.loads(said)["errors"]
    errors = [(error["file"], error["line"], error["column"]) for error in told]
    return Verdict(code, errors, [error["message"] for error in told], seconds, said)


def written(directory: Path, text: str | bytes, name: str = "example.zone") -> Path:
    path = directory / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_apex_alone_is_right(tmp_path: Path) -> None:
    """What all the others add to."""
    verdict = check(written(tmp_path, APEX))
    assert (verdict.code, verdict.errors) == (0, [])


# --- faults of one line: all of a list are found in one reading

FAULTS = {
    "addresses": [
        "a A ▸192.0.2.256",
        "a A ▸192.0.2",
        "a A ▸192.0.2.1.1",
        "a A ▸0x7f.0.0.1",
        "a A ▸192.0.2.1/24",
        "a A ▸2001:db8::1",
        "a A 192.0.2.1 ▸192.0.2.2",
        "a A",
        "a AAAA ▸192.0.2.1",
        "a AAAA ▸2001:db8::1::2",
        "a AAAA ▸2001:db8",
        "a AAAA ▸12345::",
        "a AAAA ▸fe80::1%eth0",
    ],
    "names": [
        "▸" + "x" * 64 + " A 192.0.2.1",
        "▸" + "x.y." * 64 + " A 192.0.2.1",
        "▸a..b A 192.0.2.1",
        "▸.a A 192.0.2.1",
        "a CNAME ▸b..c",
        "a NS ▸..",
        "▸a\\256 A 192.0.2.1",
        "▸a\\25 A 192.0.2.1",
        "▸a\\999b A 192.0.2.1",
        "a MX 10 ▸" + "x" * 64,
        "▸www.test. A 192.0.2.1",
        "▸example.test. A 192.0.2.1",
        "▸. A 192.0.2.1",
        "▸xexample. A 192.0.2.1",
    ],
    "numbers": [
        "a MX ▸ten mail",
        "a MX ▸65536 mail",
        "a MX ▸-1 mail",
        "a MX ▸1.5 mail",
        "a MX 10",
        "a SRV 0 0 ▸70000 host",
        "a SRV 0 0 80",
        "a ▸4294967296 A 192.0.2.1",
        "a ▸2147483648 A 192.0.2.1",
        "a ▸1x A 192.0.2.1",
        "a TYPE1 \\# 5 C0000201",
        "a TYPE1 \\# 4 ▸C00002",
        "a TYPE65280 \\# 2 ▸zzzz",
        "a TYPE65280 \\# ▸65536 00",
        "a TYPE1 \\# 5 C00002",
    ],
    "types and classes": [
        "a ▸NOSUCH data",
        "a IN ▸IN A 192.0.2.1",
        "a ▸TYPE65536 \\# 0",
        "a ▸TYPE-1 \\# 0",
        "a ▸CH TXT other",
        "a 60 ▸60 A 192.0.2.1",
        "a IN A",
        "a IN",
        "a 60",
        "a",
        "a ▸OPT \\# 0",
        "a ▸ANY x",
        "a ▸AXFR x",
    ],
    "data": [
        'a TXT ▸"' + "x" * 256 + '"',
        "a TXT",
        "a RRSIG ▸NOSUCH 13 2 60 20300101000000 20240101000000 1 example. AAAA",
        "a RRSIG A 13 2 60 ▸20301301000000 20240101000000 1 example. AAAA",
        "a DS 1 8 2 ▸xyz",
        "a DNSKEY 257 3 13 ▸A",
        "a CAA 0 ▸iss-ue x",
        "a LOC 91 0 0 N 0 0 0 E 0m",
        "a SSHFP 1 1 ▸abc",
        "a NSEC b ▸NOSUCH",
        "a HINFO one",
        "a HTTPS 1 . alpn=h2 ▸alpn=h3",
    ],
    "directives": [
        "▸$NOSUCH",
        "$TTL ▸x",
        "$TTL ▸4294967296",
        "$ORIGIN",
        "$ORIGIN ▸a..b",
        "$ORIGIN example. ▸more",
        "$INCLUDE",
        "$INCLUDE ▸no-such-file",
        "$GENERATE",
        "$GENERATE ▸1 a$ A 192.0.2.1",
        "$GENERATE ▸2-1 a$ A 192.0.2.$",
        "$GENERATE ▸1-2/0 a$ A 192.0.2.$",
        "$GENERATE 1-2 a${ A 192.0.2.$",
        "$GENERATE 1-2 a$ A 192.0.2.${0,3,q}",
        "$GENERATE 254-258 b$ A 192.0.2.$",
    ],
    "quotes and parentheses": [
        'a TXT ▸"not closed',
        "a TXT ▸) x",
        'a TXT x"y"▸"z',
        'a TXT "closed" ▸"not',
        "a TXT a\\",
    ],
}


@pytest.mark.parametrize("kind", FAULTS)
def test_each_fault_is_told_by_file_line_and_column(tmp_path: Path, kind: str) -> None:
    """And each that follows one that was told: a reader takes up again at the next line."""
    lines = FAULTS[kind]
    verdict = check(written(tmp_path, APEX + "".join(line.replace("▸", "") + "\n" for line in lines) + "end A 192.0.2.1\n"))
    assert verdict.code == 1
    assert {Path(file).name for file, _, _ in verdict.errors} == {"example.zone"}
    told = {line: column for _, line, column in reversed(verdict.errors)}
    for number, line in enumerate(lines, 6):
        assert number in told, f"nothing was said of {line!r}"
        if "▸" in line:
            assert told[number] == line.index("▸") + 1, f"column {told[number]} of {line!r}"
    assert max(told) < 6 + len(lines), "something was said of lines that are right"


def test_the_form_in_which_they_are_told(start: Callable[..., Program], tmp_path: Path) -> None:
    """``file:line:column``, as compilers say it and editors jump to."""
    path = written(tmp_path, APEX + "\na A no\n")
    program = start(wirespeak("dns", "check", "example.", path), env=ENVIRONMENT, cwd=ROOT)
    assert program.wait() == 1
    assert re.search(rf"^(error: )?{re.escape(str(path))}:7:5: ", program.output, re.MULTILINE)


# --- faults of the whole


WHOLE = {
    "no SOA": ("$ORIGIN example.\n$TTL 60\n@ NS ns\nns A 192.0.2.1\n", set()),
    "nothing at all": ("", set()),
    "comments alone": ("; nothing\n\n   \n;\n", set()),
    "two SOA": (APEX + "@ SOA ns hostmaster 2 7200 900 1209600 300\n", {6}),
    "a SOA elsewhere": (APEX + "a SOA ns hostmaster 2 7200 900 1209600 300\n", {6}),
    "no NS": ("$ORIGIN example.\n$TTL 60\n@ SOA ns hostmaster 1 1 1 1 1\n", set()),
    "CNAME beside data": (APEX + "a A 192.0.2.2\na CNAME ns\n", {6, 7}),
    "data beside CNAME": (APEX + "a CNAME ns\na A 192.0.2.2\n", {6, 7}),
    "two CNAME": (APEX + "a CNAME ns\na CNAME b\n", {7}),
    "a CNAME at the apex": (APEX + "@ CNAME ns\n", {6}),
    "two DNAME": (APEX + "a DNAME ns\na DNAME b\n", {7}),
    "DNAME and CNAME": (APEX + "a DNAME b\na CNAME b\n", {7}),
    "no owner yet": ("$ORIGIN example.\n$TTL 60\n  A 192.0.2.1\n" + APEX, {3}),
    "no TTL yet": ("$ORIGIN example.\na A 192.0.2.1\n" + APEX, {2}),
    "a parenthesis that is never closed": (APEX + "a TXT ( x\n" + "y\n" * 100, {6}),
    "a parenthesis too many": (APEX + "a TXT ( x ) )\n", {6}),
    "parentheses in parentheses": (APEX + "a TXT ( x ( y ) z )\nb TXT ( x\ny\n", {7}),
    "a quote over the lines": (APEX + 'a TXT "x\ny"\n', {6}),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_faults_of_the_whole(tmp_path: Path, kind: str) -> None:
    """RFC 1034 3.6.2, RFC 2181 10.1 (CNAME alone), RFC 6672 2.4 (DNAME), RFC 1035 5.2 (one SOA, at the apex; every name within)."""
    text, lines = WHOLE[kind]
    verdict = check(written(tmp_path, text))
    assert verdict.code == 1, verdict.said
    assert verdict.errors
    assert all(Path(file).name == "example.zone" for file, _, _ in verdict.errors)
    assert not lines or lines & verdict.lines, verdict.said


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(APEX.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(APEX.rstrip("\n"), id="no end of the last line"),
        pytest.param(APEX + "a TXT ( x ; comment (\n y ) ; )\n", id="parentheses in comments"),
        pytest.param(APEX + 'a TXT "( ; \\" )" \\( \\) \\; \\"\n', id="parentheses quoted"),
        pytest.param(APEX + "a\tA\t192.0.2.1\t; tab\n", id="tabs"),
        pytest.param(APEX + "a 1W2D3H4M5S IN A 192.0.2.1\nb IN 60 A 192.0.2.1\n  A 192.0.2.2\n", id="TTL and class"),
        pytest.param(APEX + "$GENERATE 1-3/2 a${0,3,d} A 192.0.2.$\n$GENERATE 10-12 b$ CNAME c\\$$\n", id="$GENERATE"),
        pytest.param(APEX + 'a TXT "' + "x" * 255 + '" ' + '"' + "y" * 255 + '"\n', id="strings of 255 octets"),
        pytest.param(APEX + "x" * 63 + " A 192.0.2.1\n", id="a label of 63 octets"),
        pytest.param(APEX + ".".join(["x" * 60] * 4) + " A 192.0.2.1\n", id="a name of 253 octets"),
        pytest.param(APEX + 'a TXT \\000\\255\\128 "\\000"\n*.w TXT w\n*\\.x TXT y\n', id="octets by number"),
    ],
)
def test_odd_files_that_are_right(tmp_path: Path, text: str) -> None:
    """A test of the strict is no test if nothing passes."""
    verdict = check(written(tmp_path, text))
    assert (verdict.code, verdict.errors) == (0, []), verdict.said


# --- vast and endless


def test_generate_of_a_billion(tmp_path: Path) -> None:
    """Refused before any of it is made; so are the sums of many, and one whose step lets it seem short."""
    verdict = check(written(tmp_path, APEX + "$GENERATE 1-1000000000 a$ A 192.0.2.1\n$GENERATE 0-4294967295/2 b$ A 192.0.2.1\n"))
    assert verdict.code == 1
    assert verdict.lines == {6, 7}
    assert verdict.seconds < 3


def test_generate_s_widths_have_a_bound(tmp_path: Path) -> None:
    """A width of a billion digits is a gigabyte for each record."""
    verdict = check(written(tmp_path, APEX + "$GENERATE 1-2 a$ TXT ${0,1000000000,d}\n"))
    assert verdict.code == 1
    assert 6 in verdict.lines
    assert verdict.seconds < 3


def test_a_file_that_includes_itself(tmp_path: Path) -> None:
    verdict = check(written(tmp_path, APEX + "$INCLUDE example.zone\n"))
    assert verdict.code == 1
    assert 6 in verdict.lines
    assert verdict.seconds < 3


def test_files_that_include_each_other(tmp_path: Path) -> None:
    """And one that includes many that each include many: 10 times 10 times 10 …"""
    written(tmp_path, "$INCLUDE other\n", "one")
    written(tmp_path, "$INCLUDE one\n", "other")
    verdict = check(written(tmp_path, APEX + "$INCLUDE one\n"))
    assert verdict.code == 1
    assert {Path(file).name for file, _, _ in verdict.errors} <= {"one", "other", "example.zone"}
    for level in range(12):
        written(tmp_path, f"$INCLUDE level{level + 1}\n" * 10, f"level{level}")
    written(tmp_path, "a A 192.0.2.1\n", "level12")
    verdict = check(written(tmp_path, APEX + "$INCLUDE level0\n"))
    assert verdict.code == 1
    assert verdict.seconds < 10


def test_the_fault_of_an_included_file_is_told_by_its_name(tmp_path: Path) -> None:
    """And by a line of its own; the origin that it sets does not reach out of it (RFC 1035 5.1)."""
    (tmp_path / "sub").mkdir()
    written(tmp_path, "$ORIGIN deep.example.\nb A no\n", "sub/more")
    verdict = check(written(tmp_path, APEX + "$INCLUDE sub/more in.example. ; comment\nc A 192.0.2.1\nd A none\n"))
    assert verdict.code == 1
    assert [(Path(file).name, line, column) for file, line, column in verdict.errors] == [("more", 2, 5), ("example.zone", 8, 5)]


@pytest.mark.parametrize("what", ["directory", "pipe", "/dev/zero", "/dev/tty"])
def test_what_is_included_is_a_file(tmp_path: Path, what: str) -> None:
    """No wait for a pipe's writer, and no endless device."""
    target = tmp_path / "target"
    if what == "directory":
        target.mkdir()
    elif what == "pipe":
        os.mkfifo(target)
    else:
        target = Path(what)
    verdict = check(written(tmp_path, APEX + f"$INCLUDE {target}\n"))
    assert verdict.code == 1
    assert verdict.lines == {6}
    assert verdict.seconds < 3


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("(" * 2_000_000, id="parentheses"),
        pytest.param("a TXT (" + " x" * 1_000_000 + ")\n", id="a record of a million strings"),
        pytest.param("a TXT " + "x" * 5_000_000 + "\n", id="a token of 5 MB"),
        pytest.param('a TXT "' + "x" * 5_000_000, id="a quote of 5 MB"),
        pytest.param("a TXT " + "\\" * 4_000_001, id="backslashes"),
        pytest.param("a." * 1_000_000 + " A 192.0.2.1\n", id="a name of a million labels"),
        pytest.param(" " * 5_000_000 + "\n" * 500_000, id="nothing but space"),
        pytest.param(";" * 5_000_000, id="a comment of 5 MB"),
        pytest.param('a TXT "' * 300_000, id="quotes"),
        pytest.param("a TXT (\n" * 100_000, id="a parenthesis a line"),
        pytest.param("a A x\n" * 100_000, id="100,000 faults"),
        pytest.param("$TTL 1\n" * 50_000, id="directives"),
        pytest.param("a 99999999999999999999999999999999999999999999999 A 192.0.2.1\n" * 10, id="numbers without end"),
        pytest.param("a " + "9" * 1_000_000 + " A 192.0.2.1\n", id="a number of a million digits"),
        pytest.param("a AAAA " + ":" * 1_000_000 + "\n", id="colons"),
    ],
)
def test_vast_lines_cost_no_more_than_their_length(tmp_path: Path, text: str) -> None:
    """Whatever is said of them is short, and said soon: no square of a length, no quadrillion of digits made a number."""
    verdict = check(written(tmp_path, APEX + text))
    assert verdict.code in (0, 1)
    assert verdict.seconds < 8
    assert len(verdict.said) < 100_000, "what is said grows with what is wrong"
    assert all(len(message) < 1000 for message in verdict.messages)


def test_a_file_of_octets(tmp_path: Path) -> None:
    """Not UTF-8, with NUL and every control character: said, not raised; and nothing of it reaches a terminal as it is."""
    for content in (bytes(range(256)) * 20, b"\xff\xfe" + APEX.encode("utf-16-le"), b"\x1b]0;title\x07 A 192.0.2.1\n", os.urandom(5000)):
        path = written(tmp_path, APEX.encode() + b"a A \x1b[31mred\x1b[0m\n" + content)
        code, said = run("example.", path)
        assert code == 1
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", said), "control characters of the file were printed"
        assert f"{path}:6:5" in said


@pytest.mark.parametrize("what", ["none", "."])
def test_a_file_that_is_not_there(start: Callable[..., Program], tmp_path: Path, what: str) -> None:
    program = start(wirespeak("dns", "check", "example.", tmp_path / what), env=ENVIRONMENT, cwd=ROOT)
    assert program.wait() not in (0, 130)
    assert str(tmp_path / what) in program.output
    assert "Traceback" not in program.output


@pytest.mark.parametrize("origin", ["a..b", "x" * 64, "x." * 128, "\\256", ""])
def test_an_origin_that_is_no_name(tmp_path: Path, origin: str) -> None:
    """Wrong usage, in the words of the command line."""
    code, said = run(origin, written(tmp_path, APEX))
    assert code in (1, 2)
    assert said
