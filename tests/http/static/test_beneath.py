"""Nothing from outside the root is opened, whatever is asked for and whatever changes meanwhile."""

from __future__ import annotations

import errno
import gc
import os
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.http.static.beneath import OpenFile, names_in, open_beneath


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with files, beside a file that is nobody's business."""
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "root"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "file.txt").write_text("file")
    (folder / "sub" / "deep" / "inner.txt").write_text("inner")
    return folder


def read(file: OpenFile) -> bytes:
    return file.read(0, file.status.st_size)


# --- names


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/", ("",)),
        ("/a", ("a",)),
        ("/a/", ("a", "")),
        ("/a/b.txt", ("a", "b.txt")),
        ("/a%20b", ("a b",)),
        ("/caf%C3%A9", ("café",)),
        ("/%FF", ("\udcff",)),
        ("/100%", ("100%",)),
        ("/%zz", ("%zz",)),
        ("/%2541", ("%41",)),
        ("/a..b", ("a..b",)),
        ("/...", None),
        ("/C:/file", ("C:", "file")),
        ("/..\\secret.txt", None),
        ("/a\\..\\b", ("a\\..\\b",)),
        ("/.well-known/acme", (".well-known", "acme")),
        # never a name
        ("", None),
        ("a", None),
        ("*", None),
        ("//", None),
        ("//a", None),
        ("/a//b", None),
        ("/a//", None),
        ("/.", None),
        ("/..", None),
        ("/../secret.txt", None),
        ("/a/../b", None),
        ("/a/./b", None),
        ("/%2e%2e/secret.txt", None),
        ("/.%2E/secret.txt", None),
        ("/..%2fsecret.txt", None),
        ("/a%2fb", None),
        ("/a%2F", None),
        ("/a%00", None),
        ("/a%00.txt", None),
        # hidden
        ("/.git/config", None),
        ("/.env", None),
        ("/%2egit", None),
        ("/sub/.well-known/x", None),
        ("/.well-known/.x", None),
    ],
)
def test_the_names_in_a_path(path: str, names: tuple[str, ...] | None) -> None:
    assert names_in(path) == names


def test_hidden_names_where_they_are_wanted() -> None:
    assert names_in("/.git/config", hidden=True) == (".git", "config")
    for never in ("/..", "/.", "/a/../b", "/%2e%2e/x"):
        assert names_in(never, hidden=True) is None


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), max_size=60), st.booleans())
def test_a_name_can_only_mean_an_entry_of_a_folder(path: str, hidden: bool) -> None:
    names = names_in("/" + path, hidden)
    for name in names or ():
        assert "/" not in name
        assert "\0" not in name
        assert name not in (".", "..")
    assert "" not in (names or ())[:-1]


# --- opening


def test_files_and_folders(root: Path) -> None:
    assert read(open_beneath(str(root), ("file.txt",))) == b"file"
    assert read(open_beneath(str(root), ("sub", "deep", "inner.txt"))) == b"inner"
    assert sorted(os.listdir(open_beneath(str(root), ()).fileno())) == ["file.txt", "sub"]
    assert os.listdir(open_beneath(str(root), ("sub",)).fileno()) == ["deep"]


@pytest.mark.parametrize("names", [("none",), ("none", "file.txt"), ("file.txt", "more"), ("x" * 300,)])
def test_what_is_not_there(root: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(OSError, match=r"No such file|Not a directory|too long"):
        open_beneath(str(root), names)


def test_links_to_what_lies_beneath_are_followed(root: Path) -> None:
    (root / "link.txt").symlink_to("sub/deep/inner.txt")
    (root / "folder").symlink_to(root / "sub")
    (root / "sub" / "up").symlink_to("..")
    assert read(open_beneath(str(root), ("link.txt",))) == b"inner"
    assert read(open_beneath(str(root), ("folder", "deep", "inner.txt"))) == b"inner"
    assert read(open_beneath(str(root), ("sub", "up", "sub", "up", "file.txt"))) == b"file"


def test_links_that_lead_out_are_not(root: Path) -> None:
    (root / "out.txt").symlink_to("../secret.txt")
    (root / "absolute").symlink_to("/etc")
    (root / "parent").symlink_to("..")
    (root / "hop").symlink_to("absolute")
    # a folder beside the root whose name begins alike
    (root.parent / "root-else").mkdir()
    (root.parent / "root-else" / "file.txt").write_text("secret")
    (root / "else").symlink_to("../root-else")
    for names in (("out.txt",), ("absolute",), ("absolute", "passwd"), ("parent", "secret.txt"), ("hop", "passwd"), ("else", "file.txt")):
        with pytest.raises(FileNotFoundError):
            open_beneath(str(root), names)


def test_links_that_lead_nowhere_or_in_a_circle(root: Path) -> None:
    (root / "dangling").symlink_to("nothing")
    (root / "circle").symlink_to("circle")
    with pytest.raises(FileNotFoundError):
        open_beneath(str(root), ("dangling",))
    with pytest.raises(OSError, match="symbolic links"):
        open_beneath(str(root), ("circle",))


def test_the_root_itself_may_be_a_link(root: Path) -> None:
    link = root.parent / "current"
    link.symlink_to("root")
    (root / "link.txt").symlink_to("file.txt")
    assert read(open_beneath(str(link), ("file.txt",))) == b"file"
    assert read(open_beneath(str(link), ("link.txt",))) == b"file"


def test_a_fifo_is_never_waited_for(root: Path) -> None:
    os.mkfifo(root / "fifo")
    with pytest.raises(FileNotFoundError):
        open_beneath(str(root), ("fifo",))


def test_devices_and_sockets_are_not_opened(root: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)  # a socket's path has to be short
        server.bind("socket")
        with pytest.raises(FileNotFoundError):
            open_beneath(str(root), ("socket",))
    with pytest.raises(FileNotFoundError):
        open_beneath("/dev", ("zero",))


def test_without_the_right_to_read() -> None:
    user = os.geteuid()
    if user == 0:  # root may read everything: ask as somebody else
        os.seteuid(65534)
    try:
        with pytest.raises(PermissionError):
            open_beneath("/etc", ("shadow",))
    finally:
        os.seteuid(user)


def test_a_folder_that_turns_into_a_link_all_the_time_never_leads_out(root: Path) -> None:
    """Somebody with write access swaps a folder and a link while it is opened through."""
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "inner.txt").write_text("secret")
    here = root / "sub" / "deep"
    (root / "aside").symlink_to(outside)
    done = threading.Event()

    def swap() -> None:
        folder, link, away = str(here), str(root / "aside"), str(root / "away")
        while not done.is_set():
            os.rename(folder, away)
            os.rename(link, folder)
            os.rename(folder, link)
            os.rename(away, folder)

    thread = threading.Thread(target=swap)
    thread.start()
    seen: set[bytes | int | None] = set()
    try:
        for _ in range(3000):
            try:
                seen.add(read(open_beneath(str(root), ("sub", "deep", "inner.txt"))))
            except OSError as error:
                seen.add(error.errno)
    finally:
        done.set()
        thread.join()
    assert b"secret" not in seen
    assert b"inner" in seen
    assert seen & {errno.ENOENT, errno.ENOTDIR}  # the swap was met with


def test_an_open_file_is_closed_with_its_last_holder(root: Path) -> None:
    file = open_beneath(str(root), ("file.txt",))
    fd = file.fileno()
    other = file
    del file
    os.fstat(fd)
    del other
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)


def test_opening_leaves_nothing_open(root: Path) -> None:
    (root / "out").symlink_to("/etc")
    gc.collect()  # what other tests left would else be closed in between
    before = len(os.listdir("/proc/self/fd"))
    for names in (("file.txt",), ("none",), ("out", "passwd"), ("sub", "deep", "inner.txt"), ()):
        try:
            open_beneath(str(root), names)
        except OSError:
            pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_that_became_shorter_is_not_read_as_if_it_had_not(root: Path) -> None:
    file = open_beneath(str(root), ("file.txt",))
    os.truncate(root / "file.txt", 2)
    with pytest.raises(OSError, match="shorter"):
        file.read(0, 4)
    assert file.read(0, 2) == b"fi"
