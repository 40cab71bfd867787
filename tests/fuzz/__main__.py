"""Run the fuzz targets: each in a process of its own, some at a time; tell what was found.

Exit codes: 0 nothing found; 1 something was, and stands in ``findings/`` with the command that shows it again; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.engine import fuzz, load, targets_in

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

LINGER = 60
"""Seconds that a process may take beyond its time: to start on a busy machine, and to notice that an input takes too long."""


@dataclass(slots=True)
class Outcome:
    """What became of one target."""

    name: str
    runs: int
    seconds: float
    code: int
    said: str
    found: str


def main() -> int:
    """Fuzz; the exit code."""
    options = _options()
    places = {name: path for path in sorted(options.folder.glob("targets_*.py")) for name in _names(path)}
    chosen = options.target or list(places)
    if unknown := sorted({*chosen} - {*places}):
        print(f"no target {', '.join(unknown)}; there are: {', '.join(places)}", file=sys.stderr)
        return 2
    if options.child:
        (name,) = chosen
        ends = time.monotonic() + options.seconds
        fuzz(places[name], name, ends=ends, seed=options.seed, findings=options.findings, coverage=options.coverage)
    if options.input is not None:
        (name,) = chosen
        return _once(places[name], name, options.input)
    jobs = min(options.jobs, len(chosen))
    seconds = options.seconds if options.each or len(chosen) == 1 else options.seconds * jobs / len(chosen)
    how = "led by coverage" if options.coverage else "at random"
    print(f"{len(chosen)} targets, {seconds:.1f} s each, {jobs} at a time, {how}, --seed {options.seed}", flush=True)
    with ThreadPoolExecutor(jobs) as pool:
        outcomes = list(pool.map(lambda name: _run(name, seconds, options), chosen))
    return _tell(outcomes)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the parsers.")
    parser.add_argument("--seconds", type=float, default=20, help="in all (default: 20)")
    parser.add_argument("--each", action="store_true", help="--seconds are for each target, not in all")
    parser.add_argument("--target", action="append", default=[], metavar="NAME", help="this one alone (may be given several times)")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time (default: 2)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 2**31), help="what chance begins with")
    parser.add_argument("--input", type=Path, metavar="FILE", help="give the target this input, once")
    parser.add_argument("--random", dest="coverage", action="store_false", help="do without atheris")
    parser.add_argument("--folder", type=Path, default=HERE, help="where the targets stand")
    parser.add_argument("--findings", type=Path, default=HERE / "findings", help="where findings are written")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)  # fuzz here, in this process
    options = parser.parse_args()
    if options.input is not None and len(options.target) != 1:
        parser.error("--input goes with one --target")
    options.coverage = options.coverage and importlib.util.find_spec("atheris") is not None
    return options


def _names(path: Path) -> list[str]:
    """The targets in a file, found without importing it: a child imports it instrumented."""
    return re.findall(r"^def fuzz_(\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)


def _once(path: Path, name: str, data: Path) -> int:
    """Show what one input does: the target's exception, if it has one."""
    target = next(each for each in targets_in(load(path)) if each.name == name)
    target.function(data.read_bytes())
    print(f"{name}: nothing wrong with {data}")
    return 0


def _run(name: str, seconds: float, options: argparse.Namespace) -> Outcome:
    """Fuzz one target in a child process."""
    command = [sys.executable, "-m", "tests.fuzz", "--child", "--target", name, "--seconds", str(seconds), "--seed", str(options.seed)]
    command += ["--folder", str(options.folder.absolute()), "--findings", str(options.findings.absolute())]
    command += [] if options.coverage else ["--random"]
    began = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as child:
        try:
            said, _ = child.communicate(timeout=seconds + LINGER)
        except subprocess.TimeoutExpired:
            # The alarm that ends a slow input can't break into a single call of C, such as a pattern that backtracks.
            child.kill()
            said, _ = child.communicate()
            said += f"\n{name}: did not come back; the same --seed leads there again\n"
    runs = re.findall(r"^runs=(\d+)$", said, re.MULTILINE)
    found = re.findall(r"^found=(.*)$", said, re.MULTILINE)
    return Outcome(name, int(runs[-1]) if runs else 0, time.monotonic() - began, child.returncode, said, found[-1] if found else "")


def _tell(outcomes: list[Outcome]) -> int:
    """Say what each target came to; the exit code."""
    faulty = [outcome for outcome in outcomes if outcome.code or not outcome.runs]
    for outcome in faulty:
        print(f"\n--- {outcome.name}\n{outcome.said.rstrip()}")
        if outcome.found:
            print(f"reproduce: python -m tests.fuzz --target {outcome.name} --input {shlex.quote(outcome.found)}")
    width = max(len(outcome.name) for outcome in outcomes)
    print()
    for outcome in outcomes:
        verdict = "FOUND SOMETHING" if outcome in faulty else "nothing found"
        rate = outcome.runs / outcome.seconds
        print(f"{outcome.name:{width}}  {outcome.runs:>12,} runs  {rate:>8,.0f}/s  {verdict}")
    runs = sum(outcome.runs for outcome in outcomes)
    print(f"{runs:,} runs of {len(outcomes)} targets: {f'{len(faulty)} found something' if faulty else 'nothing found'}")
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
