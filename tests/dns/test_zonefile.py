"""Zone files on disk: what $INCLUDE finds there, and what is no file."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from wirespeak.dns.names import Name
from wirespeak.dns.zonefile import examine_file, load_zone, open_zone
from wirespeak.dns.zonereader import ZoneError
from wirespeak.errors import StorageError

ORIGIN = Name.parse("example.")
ZONE = "$TTL 60\n@ SOA ns admin 7 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"


def owners(file: Path) -> list[str]:
    return [str(Name(owner)) for owner, *_ in open_zone(file, ORIGIN)]


def test_load(tmp_path: Path) -> None:
    file = tmp_path / "zone"
    file.write_text(ZONE + "@ MX 10 mail\n")
    zone, warnings = load_zone(file, ORIGIN)
    assert (zone.serial, zone.size) == (7, 4)
    assert [str(warning) for warning in warnings] == [f"{file}:5: the MX record of example. names mail.example., which has no address"]


def test_a_zone_that_is_none_is_told_with_all_its_faults(tmp_path: Path) -> None:
    file = tmp_path / "zone"
    file.write_text(ZONE + "a CNAME b\na A 192.0.2.1\nx CNAME y\nx TXT z\n")
    with pytest.raises(ZoneError) as caught:
        load_zone(file, ORIGIN)
    assert [fault.line for fault in caught.value.faults] == [5, 7]


def test_included_files_are_looked_for_beside_the_one_that_includes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zones" / "parts").mkdir(parents=True)
    (tmp_path / "zones" / "main").write_text(f'{ZONE}$INCLUDE parts/one\n$INCLUDE "{tmp_path}/absolute" sub\n')
    (tmp_path / "zones" / "parts" / "one").write_text("one A 192.0.2.1\n$INCLUDE two\n$INCLUDE ../three\n")
    (tmp_path / "zones" / "parts" / "two").write_text("two A 192.0.2.1\n")
    (tmp_path / "zones" / "three").write_text("three A 192.0.2.1\n")
    (tmp_path / "absolute").write_text("four A 192.0.2.1\n")
    expected = [*["example."] * 2, "ns.example.", "one.example.", "two.example.", "three.example.", "four.sub.example."]
    assert owners(tmp_path / "zones" / "main") == expected
    monkeypatch.chdir(tmp_path)
    assert owners(Path("zones/main")) == expected


def test_which_files_a_zone_is_made_of(tmp_path: Path) -> None:
    (tmp_path / "main").write_text(f"{ZONE}$INCLUDE one\n$INCLUDE none\n")
    (tmp_path / "one").write_text("one A 192.0.2.1\n")
    opened: list[str] = []
    with pytest.raises(ZoneError):
        list(open_zone(tmp_path / "main", ORIGIN, opening=opened.append))
    assert opened == [str(tmp_path / name) for name in ("main", "one", "none")]


def test_a_file_that_includes_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "main").write_text(f"{ZONE}$INCLUDE ./main\n$INCLUDE other\n$INCLUDE link\n")
    (tmp_path / "other").write_text("\n$INCLUDE other/../main\n$INCLUDE main\n")
    (tmp_path / "loop").write_text("$INCLUDE link\n")
    (tmp_path / "link").symlink_to("loop")
    monkeypatch.chdir(tmp_path)
    assert [str(error) for error in examine_file("./main", ORIGIN).errors] == [
        "main:5:10: ./main includes itself",
        "other:2:10: other/../main includes itself",
        "other:3:10: main includes itself",
        "link:1:10: link includes itself",
    ]


def test_what_cannot_be_included(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    lines = ["$INCLUDE none", "$INCLUDE folder", "$INCLUDE pipe", "$INCLUDE /dev/zero", '$INCLUDE "a\\000b"', "$INCLUDE " + "x" * 5000]
    file = tmp_path / "main"
    file.write_text(ZONE + "\n".join(lines))
    said = [str(error).removeprefix(f"{file}:") for error in examine_file(file, ORIGIN).errors]
    assert [text[: len(start)] for text, start in zip(said, STARTS, strict=True)] == STARTS
    assert "No such file" in said[0]
    assert all("is no file: what is included may neither go on for ever" in text for text in said[1:4])
    assert "null byte" in said[4]
    assert "too long" in said[5]


STARTS = ["5:10: ", "6:10: ", "7:10: ", "8:10: ", "9:10: ", "10:10: "]


@pytest.mark.parametrize("name", ["none", "folder"])
def test_no_file_at_all(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match=re.escape(f"{tmp_path / name} can't be read: ")):
        load_zone(tmp_path / name, ORIGIN)
