"""The exchange that the README shows is what is said, and its programs run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import wirespeak.dns
from tests.dns.zones import zone
from wirespeak.dns import DnsServer, Name, Zone, Zones
from wirespeak.dns.zonereader import ZoneReader

TEXT = (Path(wirespeak.dns.__file__).parent / "README.md").read_text(encoding="utf-8")


def said(by: str) -> bytes:
    return bytes.fromhex(" ".join(re.findall(rf"^{by}: ([0-9a-f ]+?) *(?:#.*)?$", TEXT, re.MULTILINE)))


def test_the_question_gets_the_answer_that_is_shown() -> None:
    home = zone(
        "home.test.",
        """
        @    NS ns
        @    MX 10 mail
        ns   A  127.0.0.1
        mail A  127.0.0.1
        """,
    )
    assert (len(said("C")), len(said("S"))) == (27, 64)
    assert DnsServer(Zones([home])).answer(said("C"), ("127.0.0.1", 40000), 0.0) == said("S")


PROGRAMS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize(("program", "output"), PROGRAMS)
def test_its_programs_say_what_they_say(program: str, output: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(program, "README.md", "exec"), {})
    assert capsys.readouterr().out == output


def test_it_has_two_of_them() -> None:
    assert len(PROGRAMS) == 2


def test_its_zone_is_one() -> None:
    indented = re.search(r"((?:^    .*\n)+)", TEXT[TEXT.index("    $ORIGIN") :], re.MULTILINE)
    assert indented is not None
    text = "".join(line[4:] for line in indented[1].splitlines(keepends=True))
    home = Name.parse("home.test")
    zone = Zone.of(home, ZoneReader(text.encode(), home))
    assert Name.parse("host3.home.test").key in zone.nodes
