"""Draw the state diagrams in the READMEs anew from the tables that the sessions obey.

    python scripts/diagrams.py            mend what has drifted
    python scripts/diagrams.py --check    only tell, with exit code 1

A README marks the place of a drawing with two comments; what stands between them is made here:

    <!-- states: wirespeak.http.session:READING -->
    <!-- end -->

The conversation begins in the state of the table's first row.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from wirespeak.states import diagram

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^<!-- states: ([\w.]+):(\w+) -->\n(?:.*?\n)??<!-- end -->$", re.MULTILINE | re.DOTALL)


def documents() -> Iterator[Path]:
    """Every Markdown file of the repository; what hides behind a dot (`.venv`) is not of it."""
    for path in sorted(ROOT.iterdir()):
        if path.is_dir() and not path.name.startswith("."):
            yield from sorted(path.rglob("*.md"))
        elif path.suffix == ".md":
            yield path


def renewed(text: str) -> str:
    """``text`` with every drawing in it made anew."""
    return BLOCK.sub(_drawing, text)


def _drawing(block: re.Match[str]) -> str:
    module, name = block.groups()
    table = getattr(importlib.import_module(module), name)
    start = next(iter(table))[0]
    return f"<!-- states: {module}:{name} -->\n```mermaid\n{diagram(table, start=start)}\n```\n<!-- end -->"


def main(arguments: list[str]) -> int:
    """Carry out the command line."""
    drifted = 0
    for path in documents():
        text = path.read_text(encoding="utf-8")
        if (new := renewed(text)) != text:
            drifted += 1
            print(path.relative_to(ROOT))
            if "--check" not in arguments:
                path.write_text(new, encoding="utf-8")
    return 1 if drifted and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
