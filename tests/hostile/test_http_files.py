"""A folder served to people who want what is beside it, and ranges made to cost (RFC 9110 14.2; path traversal).

Here ``wirespeak http serve DIR`` runs as a program, as people run it.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

from tests.hostile.checks import head
from tests.hostile.reader import Answer, read_answers
from tests.hostile.serving import Serve

SECRET = b"the secret that must not leave the house"


def make_site(house: Path) -> Path:
    """A folder to serve, with secrets beside it and every kind of way out of it."""
    (house / "secret.txt").write_bytes(SECRET)
    (house / "site-private").mkdir()
    (house / "site-private" / "secret.txt").write_bytes(SECRET)
    site = house / "site"
    (site / "sub").mkdir(parents=True)
    (site / "index.html").write_bytes(b"<!doctype html><title>home</title>")
    (site / "page.txt").write_bytes(b"page")
    (site / "sub" / "page.txt").write_bytes(b"sub page")
    (site / "link.txt").symlink_to(house / "secret.txt")
    (site / "relative.txt").symlink_to("../secret.txt")
    (site / "folder").symlink_to(house)
    (site / "root").symlink_to("/")
    (site / "chain").symlink_to("sub/chain")
    (site / "sub" / "chain").symlink_to("../../secret.txt")
    (site / "loop").symlink_to("loop")
    (site / "dangling").symlink_to("nowhere")
    (site / "proc").symlink_to("/proc/self/cwd")
    return site


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return make_site(tmp_path)


def ask(server: Serve, target: str | bytes, *lines: str) -> Answer:
    target = target if isinstance(target, bytes) else target.encode("latin-1")
    with server.connect() as wire:
        wire.send(head(b"GET " + target + b" HTTP/1.1", "Host: localhost", *lines, "Connection: close"))
        (answer,) = wire.answers()
    return answer


HERE = re.compile(r"/(?![/\\])")
"""A Location on this host: browsers take two slashes, and a backslash, for the beginning of another."""

UP = [
    *(
        "..",
        "../",
        "/..",
        "/../secret.txt",
        "/../../../../../../../../etc/passwd",
        "/sub/../../secret.txt",
        "/./../secret.txt",
        "/.../secret.txt",
        "/....//secret.txt",
    ),
    *(
        "/%2e%2e/secret.txt",
        "/%2E%2E/secret.txt",
        "/.%2e/secret.txt",
        "/%2e./secret.txt",
        "/..%2fsecret.txt",
        "/..%2Fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/sub%2f..%2f..%2fsecret.txt",
    ),
    *(
        "/%252e%252e/secret.txt",
        "/%252e%252e%252fsecret.txt",
        "/..%5csecret.txt",
        "/..\\secret.txt",
        "/%5c..%5c..%5csecret.txt",
        "/..%255csecret.txt",
        "/..;/secret.txt",
        "/..%00/secret.txt",
    ),
    *(
        "/%c0%ae%c0%ae/secret.txt",
        "/%c0%ae%c0%ae%c0%afsecret.txt",
        "/%e0%80%ae%e0%80%ae/secret.txt",
        "/%uff0e%uff0e/secret.txt",
        "/%ef%bc%8e%ef%bc%8e/secret.txt",
        "/..%c0%afsecret.txt",
    ),
    *(
        "//secret.txt",
        "///etc/passwd",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/%2Fetc/passwd",
        "/sub//../..//secret.txt",
        "/sub/%2e%2e/%2e%2e/secret.txt",
        "/../site-private/secret.txt",
    ),
    *(
        "/secret.txt%00.html",
        "/page.txt%00",
        "/%00",
        "/sub%00/../../secret.txt",
        "/..%0d%0a/secret.txt",
        "/..%09/secret.txt",
        "/../secret.txt?",
        "/../secret.txt#",
        "/sub/../../secret.txt/",
    ),
    *(
        "/C:",
        "/C:/secret.txt",
        "/C:%5csecret.txt",
        "/c:/windows/win.ini",
        "/%43:/secret.txt",
        "/file:///etc/passwd",
        "/CON",
        "/NUL",
        "/~/secret.txt",
        "/~root/.profile",
        "/$HOME",
    ),
    *(
        "/../site/../secret.txt",
        "/../site/page.txt",
        "/sub/.../../../secret.txt",
        "/page.txt/../../secret.txt",
        "/page.txt/..",
        "/nowhere/../../secret.txt",
        "/.%00./secret.txt",
    ),
]


@pytest.mark.parametrize("target", UP, ids=repr)
def test_CVE_2024_23334_no_path_leads_out_of_the_folder(shared_site: Serve, target: str) -> None:
    # Raw bytes that are no target at all may be 400; a path that stays inside once its dots are gone may be served.
    answer = ask(shared_site, target)
    assert SECRET not in answer.body
    assert b"root:" not in answer.body
    if answer.status == 200:
        assert answer.body in (b"page", b"sub page") or b"<title>" in answer.body.lower()
        assert b"secret" not in answer.body
    elif answer.status in (301, 302, 307, 308):
        # A folder without its slash. It must not send the browser to another host ("//evil.example").
        assert HERE.match(answer["location"])
    else:
        assert answer.status in (400, 403, 404)


LINKS = [
    "link.txt",
    "relative.txt",
    "folder/secret.txt",
    "folder/site-private/secret.txt",
    "root/etc/passwd",
    "chain",
    "sub/chain",
    "loop",
    "dangling",
    "folder",
    "folder/",
    "root/",
    "proc/",
    "proc/pyproject.toml",
]


@pytest.mark.parametrize("path", LINKS)
def test_a_symlink_out_of_the_folder_is_not_followed(shared_site: Serve, path: str) -> None:
    for lines in ((), ("Range: bytes=0-10",), ("Accept-Encoding: gzip, br, zstd",), ('If-None-Match: "x"',)):
        answer = ask(shared_site, f"/{path}", *lines)
        assert answer.status in (403, 404)
        assert SECRET[:10] not in answer.body
        assert b"root:" not in answer.body


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/..",
        "//evil.example/%2e%2e",
        "/%5cevil.example/..",
        "//sub",
        "///sub",
        "/\\evil.example",
        "//evil.example",
        "/sub%0d%0aX-Injected:%20yes",
        "/%0d%0aX-Injected:%20yes/..",
    ],
)
def test_no_path_sends_the_browser_to_another_host(shared_site: Serve, path: str) -> None:
    answer = ask(shared_site, path)
    assert not answer.all("x-injected")
    for location in answer.all("location"):
        assert HERE.match(location)


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory, serve_all: Callable[..., Serve]) -> Serve:
    """One server for all the tests that only ask it, over a folder like `site`'s."""
    return serve_all(make_site(tmp_path_factory.mktemp("house")), "--no-log")


def test_the_folder_itself_may_be_reached_through_a_symlink(serve: Callable[..., Serve], site: Path, tmp_path: Path) -> None:
    (tmp_path / "door").symlink_to(site)
    server = serve(tmp_path / "door", "--no-log")
    assert ask(server, "/page.txt").body == b"page"
    assert ask(server, "/link.txt").status in (403, 404)


def test_a_symlink_put_in_the_way_while_serving_is_not_followed(serve: Callable[..., Serve], site: Path, tmp_path: Path) -> None:
    # The path is checked, then opened: between the two it can become another. So a server has to open and check in one.
    server = serve(site, "--no-log")
    inside, outside = site / "swap-inside", site / "swap-outside"
    inside.mkdir()
    (inside / "secret.txt").write_bytes(b"harmless")
    outside.symlink_to(tmp_path)
    place = site / "place"
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            os.rename(inside, place)
            os.rename(place, inside)
            os.rename(outside, place)
            os.rename(place, outside)

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        seen = set()
        with server.connect() as wire:
            for _ in range(1500):
                answer = wire.get("/place/secret.txt")
                assert SECRET not in answer.body
                seen.add(answer.status)
    finally:
        over.set()
        swapper.join()
    assert seen <= {200, 403, 404}


@pytest.mark.parametrize("kind", ["fifo", "socket", "unreadable", "device"])
def test_what_is_no_file_does_not_hold_the_server_up(serve: Callable[..., Serve], site: Path, kind: str) -> None:
    path = site / "special"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(os.path.relpath(path))
    elif kind == "device":
        try:
            os.mknod(path, 0o20666, os.makedev(1, 5))  # /dev/zero: endless
        except PermissionError:
            path.symlink_to("/dev/zero")
    else:
        path.mkdir(mode=0)
    server = serve(site, "--no-log")
    assert ask(server, "/special").status in (301, 307, 308, 403, 404)
    assert ask(server, "/special/x").status in (403, 404)
    assert ask(server, "/page.txt").body == b"page"


def test_a_name_with_every_odd_character_is_listed_and_led_to_safely(serve: Callable[..., Serve], tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    names = [
        "<script>alert(1)</script>.txt",
        '"onmouseover="x.txt',
        "a&b;c.txt",
        "javascript:alert(1)",
        "new\nline.txt",
        "\x1b[31mred.txt",
        "per%cent%2e.txt",
        "#hash?query.txt",
        "é.txt",
        " space .txt",
        "back\\slash.txt",
    ]
    names = [name.replace("/", "∕") for name in names]
    for name in names:
        (folder / name).write_bytes(name.encode())
    raw = os.fsencode(folder) + b"/bad\xff\xfeutf8.txt"
    with open(raw, "wb") as file:
        file.write(b"raw")
    server = serve(folder, "--no-log")
    page = ask(server, "/").body
    assert b"<script>alert" not in page
    assert b'"onmouseover="' not in page
    assert b"\x1b" not in page
    assert b'href="javascript:' not in page
    links = [unescape(link) for link in re.findall(r'href="([^"]*)"', page.decode())]
    bodies = {
        ask(server, "/" + link.removeprefix("./").removeprefix("/").encode().decode("latin-1")).body
        for link in links
        if "://" not in link and not link.startswith(("#", "?", ".."))
    }
    assert {name.encode() for name in names} <= bodies


# --- ranges (RFC 9110 14)


@pytest.fixture
def big(serve: Callable[..., Serve], tmp_path: Path) -> Serve:
    folder = tmp_path / "big"
    folder.mkdir()
    (folder / "file.bin").write_bytes(bytes(range(256)) * 4096)  # 1 MiB
    return serve(folder, "--no-log")


SIZE = 1 << 20


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("bytes=" + ",".join(["0-"] * 4000), id="the whole 4,000 times"),
        pytest.param("bytes=" + ",".join(f"{n}-" for n in range(2000)), id="overlapping, open"),
        pytest.param("bytes=" + ",".join(["0-1"] * 3000), id="the same two bytes"),
        pytest.param("bytes=" + ",".join(f"{n}-{n}" for n in range(0, 3600, 2)), id="single bytes"),
        pytest.param("bytes=" + ",".join(["-1048576"] * 1200), id="suffixes"),
        pytest.param("bytes=" + ",".join(["5-0"] * 3000), id="backwards"),
        pytest.param("bytes=" + "," * 14_000, id="empty ones"),
        pytest.param("bytes=0-" + "9" * 14_000, id="an endless number"),
        pytest.param("bytes=" + "1" * 14_000 + "-", id="an endless start"),
        pytest.param("bytes=-" + "1" * 14_000, id="an endless suffix"),
        pytest.param("bytes=" + ", " * 7000 + "0-1", id="spaces and commas"),
        pytest.param("bytes=" + " " * 14_000 + "0-1", id="spaces"),
        pytest.param("bytes=" + "-" * 14_000, id="dashes"),
        pytest.param("bytes=" + "0-1;" * 3500, id="semicolons"),
        pytest.param("b" * 14_000 + "=0-1", id="an endless unit"),
    ],
)
def test_CVE_2025_62727_crafted_ranges_are_ignored_or_416_and_cost_little(big: Serve, value: str) -> None:
    plain = _cost(big, f"X-Range: {value}")
    answer = ask(big, "/file.bin", f"Range: {value}")
    assert answer.status in (200, 206, 416, 400)
    assert len(answer.body) <= SIZE + 100_000, "more was sent than the file holds"
    if answer.status == 200:
        assert len(answer.body) == SIZE
    assert _cost(big, f"Range: {value}") < 5 * plain + 0.01


def _cost(server: Serve, line: str) -> float:
    """Seconds of CPU time for a request with this line; the least of some tries."""
    costs = []
    with server.connect() as wire:
        for _ in range(5):
            before = server.cpu()
            wire.send(head("GET /file.bin HTTP/1.1", "Host: localhost", line))
            wire.answer()
            costs.append(server.cpu() - before)
    return min(costs)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_few_ranges_are_answered_each_with_its_bytes(big: Serve, count: int) -> None:
    ranges = [(number * 1000, number * 1000 + 9) for number in range(count)]
    answer = ask(big, "/file.bin", "Range: bytes=" + ",".join(f"{first}-{last}" for first, last in ranges))
    assert answer.status == 206
    media, _, boundary = answer["content-type"].partition("; boundary=")
    assert media == "multipart/byteranges"
    parts = answer.body.split(b"--" + boundary.strip('"').encode())[1:]
    assert parts[-1].startswith(b"--")
    whole = bytes(range(256)) * 4096
    for part, (first, last) in zip(parts[:-1], ranges, strict=True):
        lines, _, data = part.partition(b"\r\n\r\n")
        assert f"bytes {first}-{last}/{SIZE}".encode() in lines
        assert data == whole[first : last + 1] + b"\r\n"


@pytest.mark.parametrize(
    ("value", "status", "said"),
    [
        ("bytes=0-0", 206, "bytes 0-0/1048576"),
        ("bytes=10-19", 206, "bytes 10-19/1048576"),
        ("bytes=1048570-", 206, "bytes 1048570-1048575/1048576"),
        ("bytes=1048570-9999999999999999999999", 206, "bytes 1048570-1048575/1048576"),
        ("bytes=-5", 206, "bytes 1048571-1048575/1048576"),
        ("bytes=-99999999", 206, "bytes 0-1048575/1048576"),
        ("BYTES=0-0", 206, "bytes 0-0/1048576"),
        ("bytes=1048576-", 416, "bytes */1048576"),
        ("bytes=99999999999999999999-", 416, "bytes */1048576"),
        ("bytes=-0", 416, "bytes */1048576"),
        ("bytes=5-4", 200, None),
        ("bytes=a-b", 200, None),
        ("bytes=+1-2", 200, None),
        ("bytes=1_0-20", 200, None),
        ("bytes=0x1-2", 200, None),
        ("bytes=-", 200, None),
        ("bytes=", 200, None),
        ("bytes", 200, None),
        ("bytes 0-1", 200, None),
        ("items=0-1", 200, None),
        ("bytes=0-1-2", 200, None),
        ("bytes=\xb2-", 200, None),
    ],
    ids=repr,
)
def test_a_range_is_satisfied_refused_or_ignored(big: Serve, value: str, status: int, said: str | None) -> None:
    # RFC 9110 14.2: an invalid or unknown Range is ignored (or, where it is malformed, 416 may be said).
    answer = ask(big, "/file.bin", f"Range: {value}")
    if status == 200 and answer.status == 416:
        assert answer["content-range"] == f"bytes */{SIZE}"
        return
    assert answer.status == status
    assert answer.all("content-range") == ([said] if said else [])
    assert len(answer.body) == (SIZE if status == 200 else len(answer.body))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "get", "FOO"])
def test_other_methods_are_405_with_allow_or_501(shared_site: Serve, method: str) -> None:
    # RFC 9110 15.5.6: a 405 names what is allowed.
    with shared_site.connect() as wire:
        wire.send(head(f"{method} /page.txt HTTP/1.1", "Host: localhost", "Content-Length: 3", "Connection: close") + b"abc")
        (answer,) = wire.answers(method)
    assert answer.status in (405, 501)
    if answer.status == 405:
        assert {"GET", "HEAD"} <= {name.strip() for name in answer["allow"].split(",")}


def test_requests_for_files_can_be_pipelined(shared_site: Serve) -> None:
    with shared_site.connect() as wire:
        wire.send(b"".join(head(f"GET {path} HTTP/1.1", "Host: localhost") for path in ("/page.txt", "/link.txt", "/sub/page.txt") * 100))
        wire.finish()
        answers = read_answers(wire.rest())
    assert [answer.status for answer in answers[:3]] in ([200, 404, 200], [200, 403, 200])
    assert [answer.body for answer in answers[::3]] == [b"page"] * 100
    assert [answer.body for answer in answers[2::3]] == [b"sub page"] * 100
