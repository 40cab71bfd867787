"""What the documents show and name is what is there: state diagrams, links, headings and files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from scripts.diagrams import BLOCK, ROOT, documents, renewed

DOCUMENTS = {path.relative_to(ROOT).as_posix(): path for path in documents()}

FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\[[^\]]+\]:\s*<?(\S+?)>?\s*$", re.MULTILINE)
MARK = re.compile(r"^<!-- states:", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
NAMED = re.compile(r"[\w.-]+(?:/[\w.-]+)*\.(?:py|md|apt)|(?:src|tests|bench|docs|scripts|examples)/(?:[\w.-]+/)*[\w.-]*")
"""A file of ours named in running text: by its kind, or by the folder that it begins with. A bare `session.py` may stand anywhere."""


def faults(text: str, directory: Path, root: Path) -> Iterator[str]:
    """What a document with ``text``, standing in ``directory`` of the repository ``root``, names that isn't there."""
    prose = FENCED.sub("", text)
    for match in LINK.finditer(CODE.sub("", prose)):
        target = match[1] or match[2]
        if SCHEME.match(target):
            continue
        name, _, anchor = unquote(target).partition("#")
        path = (directory / name).resolve() if name else None
        if path and not (path.exists() and path.is_relative_to(root)):
            yield f"links to {target}, which is not there"
        elif (
            anchor and (path is None or path.suffix == ".md") and anchor not in anchors(path.read_text(encoding="utf-8") if path else text)
        ):
            yield f"links to {target}, but there is no such heading"
    for match in CODE.finditer(prose):
        name = match[1]
        if (
            NAMED.fullmatch(name)
            and not any((place / name).exists() for place in (directory, root, root / "src", root / "src" / "wirespeak"))
            and ("/" in name or not stands_in(root, name))
        ):
            yield f"names {name}, which is not there"


def stands_in(root: Path, name: str) -> bool:
    """Whether a file of that name stands in a folder of ``root`` that does not hide behind a dot."""
    return any(found for top in root.iterdir() if top.is_dir() and not top.name.startswith(".") for found in top.rglob(name))


def anchors(text: str) -> set[str]:
    """The names under which the headings of ``text`` can be linked to."""
    headings = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(FENCED.sub("", text)))
    return set(headings)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_names_what_is_there(name: str) -> None:
    path = DOCUMENTS[name]
    found = list(faults(path.read_text(encoding="utf-8"), path.parent, ROOT))
    assert not found, f"{name}\n" + "\n".join(found)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_state_diagram_is_its_table(name: str) -> None:
    text = DOCUMENTS[name].read_text(encoding="utf-8")
    assert len(MARK.findall(text)) == len(BLOCK.findall(text)), f"{name}: a mark of a state diagram has no end, or is misspelt"
    assert renewed(text) == text, f"{name}: a state diagram has drifted from its table; python scripts/diagrams.py draws it anew"


def test_a_drifted_diagram_is_noticed() -> None:
    text = "# One\n\n<!-- states: tests.test_states:TABLE -->\n<!-- end -->\n"
    drawn = renewed(text)
    assert "```mermaid\nstateDiagram-v2\n    [*] --> GREETING\n" in drawn
    assert renewed(drawn) == drawn
    assert renewed(drawn.replace("NOOP", "NOP")) == drawn


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("see [this](missing.md)", "links to missing.md, which is not there"),
        ("see [this](here.md#second)", "links to here.md#second, but there is no such heading"),
        ("see [above](#nowhere)", "links to #nowhere, but there is no such heading"),
        ("see [this](../outside.md)", "links to ../outside.md, which is not there"),
        ("see [this][1]\n\n[1]: gone.txt", "links to gone.txt, which is not there"),
        ("![a picture](gone.png)", "links to gone.png, which is not there"),
        ("`tests/gone/`", "names tests/gone/, which is not there"),
        ("`gone.py`", "names gone.py, which is not there"),
    ],
)
def test_a_name_of_what_is_not_there_is_noticed(tmp_path: Path, text: str, fault: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "here.md").write_text("# The first, of *two*\n")
    (tmp_path / "outside.md").write_text("")
    good = "[a](here.md#the-first-of-two) [b](https://localhost/x) `here.md` `GET /gone.py` `text/html`\n```\n[c](gone.md)\n```\n"
    assert list(faults(good, root, root)) == []
    assert list(faults(good + text, root, root)) == [fault]
