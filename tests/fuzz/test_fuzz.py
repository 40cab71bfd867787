"""The fuzz runner finds what is to be found, tells of it, and ends in time; every target takes its own seeds."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fuzz.engine import LONGEST, Fuzzed, load, targets_in

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

ENGINES = [
    pytest.param("--random", id="at random"),
    pytest.param(
        None,
        id="led by coverage",
        marks=pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris has no build for this machine"),
    ),
]

PLANTED = '''
"""Targets with a fault, and without."""
SEEDS = {"faulty": [b"hello, you"], "slow": [b"a"]}

def fuzz_faulty(data: bytes) -> None:
    """Any comma behind another one."""
    assert data.count(b",") < 2, "two commas"

def fuzz_sound(data: bytes) -> None:
    """Nothing is wrong with this one."""
    data.decode("latin-1")
'''


def run(*arguments: object, folder: Path, engine: str | None) -> subprocess.CompletedProcess[str]:
    """``python -m tests.fuzz`` over the targets in ``folder``."""
    command = [sys.executable, "-m", "tests.fuzz", "--folder", str(folder), "--findings", str(folder / "findings"), "--seed", "1"]
    command += [engine] if engine else []
    return subprocess.run([*command, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=100)


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    (tmp_path / "targets_planted.py").write_text(PLANTED)
    return tmp_path


@pytest.mark.parametrize("engine", ENGINES)
def test_a_planted_fault_is_found_written_down_and_told(planted: Path, engine: str | None) -> None:
    ran = run("--seconds", 4, folder=planted, engine=engine)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "AssertionError: two commas" in ran.stdout
    assert re.search(r"^faulty .* FOUND SOMETHING$", ran.stdout, re.MULTILINE)
    assert re.search(r"^sound .* nothing found$", ran.stdout, re.MULTILINE)
    (finding,) = (planted / "findings").iterdir()
    assert finding.read_bytes().count(b",") >= 2
    reproduced = re.search(r"^reproduce: python (.*)$", ran.stdout, re.MULTILINE)
    assert reproduced is not None
    again = run(*reproduced[1].split()[2:], folder=planted, engine=engine)
    assert again.returncode != 0
    assert "two commas" in again.stderr


@pytest.mark.parametrize("engine", ENGINES)
def test_where_nothing_is_wrong_it_ends_in_its_time_and_says_so(planted: Path, engine: str | None) -> None:
    began = time.monotonic()
    ran = run("--seconds", 2, "--target", "sound", folder=planted, engine=engine)
    assert time.monotonic() - began > 1
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"^sound +[0-9,]+ runs .* nothing found$", ran.stdout, re.MULTILINE)
    assert ran.stdout.endswith("runs of 1 targets: nothing found\n")
    assert not (planted / "findings").exists()


def test_the_same_seed_leads_to_the_same_finding(planted: Path) -> None:
    said = [run("--seconds", 3, "--target", "faulty", folder=planted, engine="--random").stdout for _ in range(2)]
    found = [re.findall(r"^faulty: .*$", each, re.MULTILINE) for each in said]
    assert found[0] == found[1] != []


def test_an_unknown_target_is_wrong_usage(planted: Path) -> None:
    ran = run("--target", "other", folder=planted, engine=None)
    assert ran.returncode == 2
    assert "faulty, sound" in ran.stderr


TARGETS = [target for path in sorted(HERE.glob("targets_*.py")) for target in targets_in(load(path))]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_target_takes_its_seeds_and_their_beginnings(target: Fuzzed) -> None:
    assert target.function.__doc__, "a target tells how its input is read"
    for seed in target.seeds:
        assert len(seed) <= LONGEST
        for length in range(0, len(seed) + 1, max(1, len(seed) // 20)):
            target.function(seed[:length])


def test_targets_have_names_of_their_own() -> None:
    names = [target.name for target in TARGETS]
    assert len(names) == len(set(names))
    for path in HERE.glob("targets_*.py"):
        module = load(path)
        assert {*getattr(module, "SEEDS", {})} <= {target.name for target in targets_in(module)}, "seeds for a target that is not there"
