"""One target, fuzzed in a process of its own: by atheris where it is here, else by varying the seeds at random.

A finding (an exception, or one input that takes more than `PATIENCE` seconds) is written to a file and ends the process with
the code `FOUND`. What is told to `tests.fuzz` is one line on standard output, ``runs=N``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType
from typing import NoReturn

Target = Callable[[bytes], None]

FOUND = 77
"""The exit code of a process that has found something: libFuzzer's own."""

PATIENCE = 10
"""Seconds for one input of at most `LONGEST` bytes: a thousand times what the slowest takes."""

LONGEST = 4096
"""Bytes of an input. What a fault needs is seldom long, and short inputs are tried more often."""


@dataclass(slots=True)
class Fuzzed:
    """A target, its file, and what to begin with."""

    name: str
    function: Target
    seeds: list[bytes]


def load(path: Path) -> ModuleType:
    """The module in the file ``path``, imported by its place and not by its name."""
    spec = importlib.util.spec_from_file_location(f"tests.fuzz.{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def targets_in(module: ModuleType) -> list[Fuzzed]:
    """The targets of a module, in the order in which they stand there."""
    seeds: dict[str, Sequence[bytes]] = getattr(module, "SEEDS", {})
    found = [name.removeprefix("fuzz_") for name in vars(module) if name.startswith("fuzz_")]
    return [Fuzzed(name, getattr(module, f"fuzz_{name}"), list(seeds.get(name, [b""]))) for name in found]


def fuzz(path: Path, name: str, *, ends: float, seed: int, findings: Path, coverage: bool) -> NoReturn:
    """Fuzz the target ``name`` of ``path`` until ``ends`` (on the clock `time.monotonic`), and end the process."""
    if coverage:
        import atheris

        with atheris.instrument_imports(include=["wirespeak"]):
            module = load(path)
    else:
        module = load(path)
    target = next(each for each in targets_in(module) if each.name == name)
    guard = Guard(target, findings)
    seconds = max(1.0, ends - time.monotonic())
    if coverage:
        _by_coverage(target, guard, seconds, seed)
    _at_random(target, guard, seconds, seed)


class Guard:
    """A target that writes down what it finds, and ends the process with it."""

    def __init__(self, target: Fuzzed, findings: Path) -> None:
        self.target = target
        self.findings = findings
        self.runs = 0
        signal.signal(signal.SIGALRM, self._late)

    def __call__(self, data: bytes) -> None:
        self.runs += 1
        signal.alarm(PATIENCE)
        try:
            self.target.function(data)
        except Exception:
            signal.alarm(0)
            self._found(data)
        signal.alarm(0)

    def _late(self, number: int, frame: FrameType | None) -> NoReturn:
        raise TimeoutError(f"this input takes longer than {PATIENCE} seconds")

    def _found(self, data: bytes) -> NoReturn:
        self.findings.mkdir(exist_ok=True)
        path = self.findings / f"{self.target.name}-{hashlib.sha256(data).hexdigest()[:12]}"
        path.write_bytes(data)
        traceback.print_exc()
        print(f"{self.target.name}: {data[:200]!r}{' …' if len(data) > 200 else ''}", file=sys.stderr)
        print(f"found={path}\nruns={self.runs}", flush=True)
        os._exit(FOUND)


def _by_coverage(target: Fuzzed, guard: Guard, seconds: float, seed: int) -> NoReturn:
    """Let libFuzzer choose the inputs: it keeps those that reach new code."""
    import atheris

    with tempfile.TemporaryDirectory(prefix="wirespeak-fuzz-") as corpus:
        for number, data in enumerate(target.seeds):
            Path(corpus, str(number)).write_bytes(data)
        # libFuzzer leaves the process by itself when its time is over; ending it ourselves tells the number of runs.
        ends = time.monotonic() + seconds

        def once(data: bytes) -> None:
            guard(data)
            if time.monotonic() >= ends:
                print(f"runs={guard.runs}", flush=True)
                for each in Path(corpus).iterdir():
                    each.unlink()
                os.rmdir(corpus)
                os._exit(0)

        options = [f"-seed={seed % 2**32 or 1}", f"-max_len={LONGEST}", "-rss_limit_mb=2048", "-verbosity=0"]
        atheris.Setup([sys.argv[0], *options, corpus], once)
        atheris.Fuzz()
    raise AssertionError("libFuzzer never returns")


def _at_random(target: Fuzzed, guard: Guard, seconds: float, seed: int) -> NoReturn:
    """Vary the seeds, and pieces of them, for the time there is."""
    choose = random.Random(f"{seed} {target.name}")
    for data in target.seeds:
        guard(data)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        for _ in range(50):
            guard(vary(target.seeds, choose))
    print(f"runs={guard.runs}", flush=True)
    os._exit(0)


ODD = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b'"',
    b"\\",
    b"=",
    b"%",
    b"/",
    b"-1",
    b"0",
    b"9" * 20,
    b"\xff",
    b"\x80",
    b"\xc3\xa9",
    b"\x1b",
    b"+",
    b"_",
]
"""Bytes at which parsers part ways."""


def vary(seeds: Sequence[bytes], choose: random.Random) -> bytes:
    """One of ``seeds`` with one to eight changes: bytes turned, taken out, doubled, put in, or joined to another seed."""
    data = bytearray(choose.choice(seeds))
    for _ in range(choose.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        at = choose.randint(0, len(data))
        to = min(len(data), at + choose.choice((0, 1, 1, 2, 4, 16, 64)))
        match choose.randrange(7):
            case 0 if at < len(data):
                data[at] ^= 1 << choose.randrange(8)
            case 1 if at < len(data):
                data[at] = choose.randrange(256)
            case 2:
                del data[at:to]
            case 3:
                data[at:at] = data[at:to] * choose.choice((1, 2, 10, 100))
            case 4:
                data[at:to] = choose.choice(ODD)
            case 5:
                other = choose.choice(seeds)
                start = choose.randint(0, len(other))
                data[at:to] = other[start : start + choose.choice((1, 4, 16, 1000))]
            case _:
                data[at:at] = choose.choice(ODD) * choose.choice((1, 1, 2, 50))
    return bytes(data[:LONGEST])
