"""Make the virtual environment `.venv`, whatever the machine's Python lacks for it.

    python3 -m scripts.venv

Debian splits the module that puts pip into an environment off into a package of its own (python3.11-venv): it is
installed where that is allowed.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys

from scripts.packages import ROOT, install

OLDEST = (3, 11)


def main() -> int:
    """Make the environment with the Python that runs this; the exit code tells whether it is there."""
    major, minor = sys.version_info[:2]
    if (major, minor) < OLDEST:
        print(f"wirespeak needs Python {OLDEST[0]}.{OLDEST[1]} or newer; {sys.executable} is {major}.{minor}.", file=sys.stderr)
        print("Name another: make PYTHON=/path/to/python3", file=sys.stderr)
        return 1
    if importlib.util.find_spec("ensurepip") is None and not install([f"python{major}.{minor}-venv"], "for the virtual environment"):
        print(f"{sys.executable} cannot make a virtual environment: its module ensurepip is missing.", file=sys.stderr)
        return 1
    return subprocess.run([sys.executable, "-m", "venv", "--clear", str(ROOT / ".venv")], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
