"""The page that lists a folder: what it shows, and that no name gets the better of it."""

from __future__ import annotations

import os
import stat
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes, urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.http.static import listing
from wirespeak.http.static.beneath import open_beneath
from wirespeak.http.static.listing import SECURITY_POLICY, Item, human_size, read_folder, render


class Page(HTMLParser):
    """What a browser makes of a page: its links with their texts, its elements, all its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.tags: list[str] = []
        self.text = ""
        self._href: str | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "a":
            self._href = dict(attrs)["href"] or ""
            self.links.append((self._href, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._href = None

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._href is not None:
            self.links[-1] = (self._href, self.links[-1][1] + data)


def item(name: str, is_folder: bool = False, size: int = 10, changed: float = 0.0) -> Item:
    return Item(name, is_folder, size, changed)


def read(folder: Path) -> tuple[list[Item], bool]:
    def follow(name: str) -> os.stat_result:
        return open_beneath(str(folder), (name,)).status

    return read_folder(open_beneath(str(folder), ()), lambda name: name[0] != ".", follow)


def test_folders_first_then_names_as_people_count(tmp_path: Path) -> None:
    for name in ("10.txt", "9.txt", "Banana", "apple", "cherry.txt", "z10", "z9"):
        (tmp_path / name).write_text(name)
    for name in ("zoo", "Folder 2", "folder 10"):
        (tmp_path / name).mkdir()
    items, more = read(tmp_path)
    assert [item.name for item in items] == [
        "Folder 2",
        "folder 10",
        "zoo",
        "9.txt",
        "10.txt",
        "apple",
        "Banana",
        "cherry.txt",
        "z9",
        "z10",
    ]
    assert [item.is_folder for item in items] == [True] * 3 + [False] * 7
    assert not more


def test_only_what_can_be_asked_for_is_listed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_text("12345")
    (root / ".hidden").write_text("x")
    os.mkfifo(root / "fifo")
    (root / "inside").symlink_to("file")
    (root / "outside").symlink_to("/etc/passwd")
    (root / "dangling").symlink_to("nowhere")
    items, _ = read(root)
    assert [(item.name, item.size) for item in items] == [("file", 5), ("inside", 5)]


def test_a_very_large_folder_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_ITEMS", 5)
    for number in range(5):
        (tmp_path / str(number)).write_text("")
    assert read(tmp_path)[1] is False
    (tmp_path / "one more").write_text("")
    items, more = read(tmp_path)
    assert (len(items), more) == (5, True)
    assert "The first 5 of more" in Page(render((), items, more)).text


def test_the_page_of_the_root() -> None:
    page = Page(render((), [item("docs", is_folder=True), item("a.txt", size=1234), item("b.png", size=2_000_000)]))
    assert page.links == [("./docs/", "docs/"), ("./a.txt", "a.txt"), ("./b.png", "b.png")]
    assert "1 folder and 2 files, 2.0 MB" in page.text
    assert "1.2 KB" in page.text
    assert "1970-01-01 00:00" in page.text


def test_the_page_of_a_folder_shows_the_way_up() -> None:
    page = Page(render(("a", "b c", "d"), []))
    assert page.links == [("../../../", "Files"), ("../../", "a"), ("../", "b c"), ("../", "..")]
    assert [urljoin("http://h/m/a/b%20c/d/", href) for href, _ in page.links[:3]] == ["http://h/m/", "http://h/m/a/", "http://h/m/a/b%20c/"]
    assert "Nothing here" in page.text


@pytest.mark.parametrize(
    "name",
    [
        '"><script>alert(1)</script>',
        "<img src=x onerror=alert(1)>",
        "&lt;b&gt;",
        "'onmouseover='alert(1)",
        "javascript:alert(1)",
        "//evil.example",
        "\\\\evil.example\\share",
        "a:b",
        "?query",
        "#fragment",
        "100%25",
        "{{ 7*7 }}",
        "</style><script>",
        " leading and trailing ",
        "café ☕",
        "日本語\u3000全角",
        "\udcff\udcfe",
        "line\nbreak",
    ],
)
def test_a_name_is_only_a_name(name: str) -> None:
    name = name.replace("/", "\u2215")  # no file's name holds a slash
    for is_folder in (False, True):
        page = Page(render((name,), [item(name, is_folder)]))
        assert page.tags.count("script") == page.tags.count("img") == 0
        href, text = page.links[-1]
        assert href.startswith("./")
        # What a browser asks for when it is clicked is that name again.
        asked = urljoin("http://here/sub/", href)
        assert asked.startswith("http://here/sub/")
        assert "?" not in asked
        assert "#" not in asked
        assert unquote_to_bytes(asked.removeprefix("http://here/sub/").rstrip("/")) == os.fsencode(name)
        if name.isprintable():
            assert text == name + ("/" if is_folder else "")


@given(st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=30))
def test_any_name_comes_back_when_its_link_is_followed(name: str) -> None:
    href, text = Page(render((), [item(name)])).links[-1]
    assert unquote_to_bytes(href.removeprefix("./")) == os.fsencode(name)
    for char in "\x1b\u202e\u2066\x85\x07":
        assert char not in text


def test_the_page_brings_and_allows_no_script() -> None:
    page = render((), [item("a")])
    assert "script" not in Page(page).tags
    assert SECURITY_POLICY.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in SECURITY_POLICY


def test_times_beyond_the_calendar() -> None:
    page = render((), [item("a", changed=1e18), item("b", changed=-1e18)])
    assert page.count("1970-01-01T00:00:00Z") == 2


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (1234, "1.2 KB"),
        (9949, "9.9 KB"),
        (9999, "10 KB"),
        (35_400_000, "35 MB"),
        (999_400, "999 KB"),
        (999_600, "1.0 MB"),
        (5_000_000_000, "5.0 GB"),
        (10**18, "1.0 EB"),
        (10**22, "10000 EB"),
    ],
)
def test_sizes_for_people(count: int, shown: str) -> None:
    assert human_size(count) == shown


def test_permissions_of_what_is_listed_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "private").write_text("x")
    (tmp_path / "private").chmod(0)
    assert [stat.S_IMODE((tmp_path / item.name).stat().st_mode) for item in read(tmp_path)[0]] == [0]
