"""What a request for a file gets, asked of the handler itself: no server, no socket."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gzip
import os
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import brotli
import pytest
import zstandard

from wirespeak.contract import FileSlice
from wirespeak.http.conditional import parse_http_date
from wirespeak.http.fields import Fields
from wirespeak.http.messages import Request, Response
from wirespeak.http.static import StaticFiles, handler, variants

PAGE = b"<!doctype html><title>Hello</title>" + b"<p>Hello, world.</p>\n" * 200
NOISE = random.Random(1).randbytes(200_000)
BROWSER = "gzip, deflate, br, zstd"


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the files be a minute old: those written just now are a case of their own."""
    for module in (variants, handler):
        monkeypatch.setattr(module, "time", lambda: time.time() + 60)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "docs").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "index.html").write_bytes(PAGE)
    (folder / "small.txt").write_bytes(b"0123456789")
    (folder / "noise.bin").write_bytes(NOISE)
    (folder / "docs" / "a file.txt").write_bytes(b"a file")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


def held_open(root: Path) -> int:
    """How many files below ``root`` this process holds open. (All its descriptors would count other tests' remains too.)"""
    held = 0
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            held += os.readlink(f"/proc/self/fd/{number}").startswith(f"{root}/")
    return held


def ask(files: StaticFiles, target: str, method: str = "GET", **fields: str) -> Response:
    """The response; with its body, where it is made as it is sent, read to its end."""
    answer = files(Request(method, target, Fields({name.replace("_", "-"): value for name, value in fields.items()})))
    return answer if isinstance(answer, Response) else asyncio.run(finished(answer))


async def finished(answer: Awaitable[Response]) -> Response:
    return await answer


def content(response: Response) -> bytes:
    """The bytes that a server would send as its body."""
    body: Any = response.body
    if hasattr(body, "__aiter__"):
        return asyncio.run(collected(body))
    segments = [body] if isinstance(body, bytes | FileSlice) else body
    return b"".join(part if isinstance(part, bytes) else os.pread(part.file.fileno(), part.count, part.offset) for part in segments)


async def collected(body: Any) -> bytes:
    return b"".join([piece async for piece in body])


# --- whole files


def test_a_file(root: Path) -> None:
    response = ask(StaticFiles(root), "/small.txt")
    assert response.status == 200
    assert content(response) == b"0123456789"
    fields = Fields(response.fields)
    assert fields["content-type"] == "text/plain; charset=utf-8"
    assert fields["accept-ranges"] == "bytes"
    assert fields["x-content-type-options"] == "nosniff"
    assert fields["last-modified"].endswith(" GMT")
    assert fields["etag"].startswith('"')
    assert "content-encoding" not in fields


def test_a_small_file_is_answered_with_the_same_response_again(root: Path) -> None:
    files = StaticFiles(root)
    first = ask(files, "/small.txt")
    assert isinstance(first.body, bytes)
    assert ask(files, "/small.txt") is first
    assert ask(files, "/small.txt?v=2") is first
    assert ask(files, "http://here/small.txt") is first
    assert ask(files, "/small.txt", accept_encoding=BROWSER) is first
    assert ask(files, "/small.txt", "HEAD") is first


def test_a_larger_file_is_sent_by_the_kernel(root: Path) -> None:
    response = ask(StaticFiles(root), "/noise.bin")
    assert isinstance(response.body, FileSlice)
    assert (response.body.offset, response.body.count) == (0, len(NOISE))
    assert content(response) == NOISE


def test_a_large_file_is_not_kept_open(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "KEPT", 100_000)
    files = StaticFiles(root)
    response = ask(files, "/noise.bin")
    assert held_open(root) == 1
    assert content(response) == NOISE
    del response
    assert held_open(root) == 0


def test_an_empty_file(root: Path) -> None:
    (root / "empty.txt").touch()
    response = ask(StaticFiles(root), "/empty.txt", accept_encoding=BROWSER)
    assert (response.status, content(response)) == (200, b"")


def test_encoded_names(root: Path) -> None:
    assert content(ask(StaticFiles(root), "/docs/a%20file.txt")) == b"a file"
    (root / "caf\xe9.txt").write_text("utf-8")
    assert content(ask(StaticFiles(root), "/caf%C3%A9.txt")) == b"utf-8"
    (root / os.fsdecode(b"\xff.txt")).write_text("bytes")
    assert content(ask(StaticFiles(root), "/%ff.txt")) == b"bytes"


def test_fields_of_the_user(root: Path) -> None:
    files = StaticFiles(root, fields={"Cache-Control": "max-age=60"})
    etag = Fields(ask(files, "/small.txt").fields)["etag"]
    for response in (ask(files, "/small.txt"), ask(files, "/small.txt", if_none_match=etag), ask(files, "/docs/")):
        assert Fields(response.fields)["cache-control"] == "max-age=60"


# --- methods


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_other_methods_are_not_allowed(root: Path, method: str) -> None:
    files = StaticFiles(root)
    ask(files, "/small.txt")
    for target in ("/small.txt", "/none"):
        response = ask(files, target, method)
        assert response.status == 405
        assert Fields(response.fields)["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("target", ["*", "/small.txt"])
def test_options(root: Path, target: str) -> None:
    response = ask(StaticFiles(root), target, "OPTIONS")
    assert (response.status, response.body) == (204, b"")
    assert Fields(response.fields)["allow"] == "GET, HEAD, OPTIONS"


# --- changes


def change_in_place(path: Path) -> None:
    path.write_bytes(b"abcdefghij")


def change_and_turn_the_clock_back(path: Path) -> None:
    before = path.stat()
    path.write_bytes(b"abcdefghij")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path: Path) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(b"abcdefghij")
    new.replace(path)


@pytest.mark.parametrize("change", [change_in_place, change_and_turn_the_clock_back, replace])
def test_a_change_shows_with_the_next_request(root: Path, change: Callable[[Path], None]) -> None:
    files = StaticFiles(root)
    before = ask(files, "/small.txt")
    assert content(before) == b"0123456789"
    written = (root / "small.txt").stat().st_ctime_ns
    while (root / "small.txt").stat().st_ctime_ns == written:  # a file system's clock ticks coarsely
        change(root / "small.txt")
    after = ask(files, "/small.txt")
    assert content(after) == b"abcdefghij"
    (root / "small.txt").unlink()
    assert ask(files, "/small.txt").status == 404
    (root / "small.txt").write_bytes(b"back")
    assert content(ask(files, "/small.txt")) == b"back"


def test_a_file_replaced_while_it_is_sent_is_sent_as_it_was(root: Path) -> None:
    files = StaticFiles(root)
    sending = ask(files, "/noise.bin")
    (root / "new").write_bytes(NOISE[::-1])
    (root / "new").replace(root / "noise.bin")
    assert content(ask(files, "/noise.bin")) == NOISE[::-1]
    assert content(sending) == NOISE


def test_a_new_version_of_the_site_is_put_in_place_by_changing_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "file.txt").write_text(version)
    (tmp_path / "current").symlink_to("one")
    files = StaticFiles(tmp_path / "current")
    assert content(ask(files, "/file.txt")) == b"one"
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(tmp_path / "current")
    later = time.monotonic() + variants.FOLLOW_AGAIN
    monkeypatch.setattr(handler, "monotonic", lambda: later)
    assert content(ask(files, "/file.txt")) == b"two"


def test_a_file_written_just_now_is_not_kept_and_has_a_weak_tag(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = StaticFiles(root)
    monkeypatch.setattr(variants, "time", time.time)
    (root / "now.txt").write_text("now")
    first = ask(files, "/now.txt")
    assert Fields(first.fields)["etag"].startswith('W/"')
    assert ask(files, "/now.txt") is not first
    monkeypatch.setattr(variants, "time", lambda: time.time() + 60)
    settled = ask(files, "/now.txt")
    assert "W/" + Fields(settled.fields)["etag"] == Fields(first.fields)["etag"]
    assert ask(files, "/now.txt", if_none_match=Fields(first.fields)["etag"]).status == 304


def test_a_date_still_to_come_is_not_told(root: Path) -> None:
    os.utime(root / "small.txt", (4e9, 4e9))
    files = StaticFiles(root)
    told = parse_http_date(Fields(ask(files, "/small.txt").fields)["last-modified"], time.time())
    assert told is not None
    assert told <= handler.time()
    assert ask(files, "/small.txt") is ask(files, "/small.txt")


# --- conditional requests


def test_not_modified(root: Path) -> None:
    files = StaticFiles(root)
    whole = Fields(ask(files, "/small.txt").fields)
    for method in ("GET", "HEAD"):
        for fields in ({"if_none_match": whole["etag"]}, {"if_none_match": "*"}, {"if_modified_since": whole["last-modified"]}):
            response = ask(files, "/small.txt", method, **fields)
            assert (response.status, response.body) == (304, b"")
            assert Fields(response.fields)["etag"] == whole["etag"]
            assert Fields(response.fields)["vary"] == whole["vary"]
            assert "content-type" not in Fields(response.fields)


def test_modified(root: Path) -> None:
    files = StaticFiles(root)
    for fields in ({"if_none_match": '"other"'}, {"if_modified_since": "Sun, 06 Nov 1994 08:49:37 GMT"}):
        assert ask(files, "/small.txt", **fields).status == 200


def test_precondition_failed(root: Path) -> None:
    files = StaticFiles(root)
    for fields in ({"if_match": '"other"'}, {"if_unmodified_since": "Sun, 06 Nov 1994 08:49:37 GMT"}):
        assert ask(files, "/small.txt", **fields).status == 412
    assert ask(files, "/small.txt", if_match="*").status == 200


# --- ranges


@pytest.mark.parametrize("name", ["small.txt", "noise.bin"])
@pytest.mark.parametrize(
    ("asked", "part"),
    [("bytes=2-5", slice(2, 6)), ("bytes=7-", slice(7, None)), ("bytes=-3", slice(-3, None)), ("bytes=0-999999", slice(None))],
)
def test_a_part(root: Path, name: str, asked: str, part: slice) -> None:
    whole = (root / name).read_bytes()
    response = ask(StaticFiles(root), f"/{name}", range=asked)
    start, stop, _ = part.indices(len(whole))
    assert response.status == 206
    assert content(response) == whole[part]
    assert Fields(response.fields)["content-range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
    assert isinstance(response.body, bytes if name == "small.txt" else FileSlice)


def test_several_parts(root: Path) -> None:
    response = ask(StaticFiles(root), "/noise.bin", range="bytes=0-99,5000-5999,-10")
    assert response.status == 206
    assert "content-range" not in Fields(response.fields)
    kind, _, boundary = Fields(response.fields)["content-type"].partition("; boundary=")
    assert kind == "multipart/byteranges"
    parts = content(response).split(f"\r\n--{boundary}".encode())[1:]
    assert parts.pop() == b"--\r\n"
    assert [part.partition(b"\r\n\r\n")[2] for part in parts] == [NOISE[:100], NOISE[5000:6000], NOISE[-10:]]
    assert all(b"\r\nContent-Type: application/octet-stream\r\n" in part for part in parts)
    assert sum(isinstance(segment, FileSlice) for segment in response.body) == 3


def test_a_part_that_is_not_there(root: Path) -> None:
    response = ask(StaticFiles(root), "/small.txt", range="bytes=10-")
    assert response.status == 416
    assert Fields(response.fields)["content-range"] == "bytes */10"


@pytest.mark.parametrize("asked", ["lines=1-2", "bytes=5-2", "bytes=x", "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 9000, 2))])
def test_a_range_that_is_none_is_ignored(root: Path, asked: str) -> None:
    response = ask(StaticFiles(root), "/noise.bin", range=asked)
    assert (response.status, content(response)) == (200, NOISE)


def test_ranges_are_for_get_alone(root: Path) -> None:
    assert ask(StaticFiles(root), "/small.txt", "HEAD", range="bytes=0-1").status == 200


def test_if_range(root: Path) -> None:
    files = StaticFiles(root)
    fields = Fields(ask(files, "/small.txt").fields)
    for good in (fields["etag"], fields["last-modified"]):
        assert ask(files, "/small.txt", range="bytes=0-1", if_range=good).status == 206
    for other in ('"other"', "W/" + fields["etag"], "Sun, 06 Nov 1994 08:49:37 GMT", "nonsense"):
        assert ask(files, "/small.txt", range="bytes=0-1", if_range=other).status == 200
    assert ask(files, "/small.txt", range="bytes=99-", if_range='"other"').status == 200


def test_a_copy_that_is_good_needs_no_part(root: Path) -> None:
    files = StaticFiles(root)
    etag = Fields(ask(files, "/small.txt").fields)["etag"]
    assert ask(files, "/small.txt", range="bytes=0-1", if_none_match=etag).status == 304
    assert ask(files, "/small.txt", range="bytes=0-1", if_match='"other"').status == 412


# --- content codings


UNDO: dict[str, Callable[[bytes], bytes]] = {
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    "gzip": gzip.decompress,
}


@pytest.mark.parametrize("coding", UNDO)
def test_compressed_on_the_way_and_kept(root: Path, coding: str) -> None:
    files = StaticFiles(root)
    response = ask(files, "/index.html", accept_encoding=coding)
    fields = Fields(response.fields)
    assert fields["content-encoding"] == coding
    assert fields["vary"] == "Accept-Encoding"
    assert fields["content-type"] == "text/html; charset=utf-8"
    assert fields["etag"].startswith('W/"')
    assert "accept-ranges" not in fields
    assert len(content(response)) < len(PAGE) / 10
    assert UNDO[coding](content(response)) == PAGE
    assert ask(files, "/index.html", accept_encoding=coding) is response
    assert ask(files, "/", accept_encoding=coding) is not response  # another path, kept for itself


def test_the_best_of_what_is_accepted(root: Path) -> None:
    files = StaticFiles(root)
    for accept, coding in (
        (BROWSER, "br"),
        ("gzip;q=1, br;q=0.5", "gzip"),
        ("gzip, zstd", "zstd"),
        ("identity, gzip;q=0.1", None),
        ("deflate", None),
        ("", None),
    ):
        assert Fields(ask(files, "/index.html", accept_encoding=accept).fields).get("content-encoding") == coding
    plain = ask(files, "/index.html")
    assert content(plain) == PAGE
    assert Fields(plain.fields)["vary"] == "Accept-Encoding"


def test_each_coding_has_a_tag_of_its_own(root: Path) -> None:
    files = StaticFiles(root)
    tags = {
        accept: Fields(ask(files, "/index.html", accept_encoding=accept).fields)["etag"] for accept in ("br", "zstd", "gzip", "identity")
    }
    assert len(set(tags.values())) == 4
    for accept, tag in tags.items():
        response = ask(files, "/index.html", accept_encoding=accept, if_none_match=tag)
        assert response.status == 304
        assert Fields(response.fields)["vary"] == "Accept-Encoding"
        assert ask(files, "/index.html", accept_encoding="identity" if accept != "identity" else "br", if_none_match=tag).status == 200


def test_what_is_small_or_compressed_already_stays_as_it_is(root: Path) -> None:
    files = StaticFiles(root)
    (root / "photo.png").write_bytes(bytes(5000))
    for target in ("/small.txt", "/noise.bin", "/photo.png"):
        assert "content-encoding" not in Fields(ask(files, target, accept_encoding=BROWSER).fields)
    assert "vary" not in Fields(ask(files, "/photo.png", accept_encoding=BROWSER).fields)


def test_nothing_is_compressed_where_that_is_switched_off(root: Path) -> None:
    assert content(ask(StaticFiles(root, compress=False), "/index.html", accept_encoding=BROWSER)) == PAGE


def test_who_accepts_nothing_gets_nothing(root: Path) -> None:
    files = StaticFiles(root)
    assert ask(files, "/noise.bin", accept_encoding="identity;q=0").status == 406
    assert ask(files, "/noise.bin", accept_encoding="br, identity;q=0").status == 406
    assert Fields(ask(files, "/index.html", accept_encoding="br, identity;q=0").fields)["content-encoding"] == "br"


def test_parts_are_of_the_file_as_it_is(root: Path) -> None:
    files = StaticFiles(root)
    for _ in range(2):
        response = ask(files, "/index.html", accept_encoding=BROWSER, range="bytes=0-9")
        assert (response.status, content(response)) == (206, PAGE[:10])
        ask(files, "/index.html", accept_encoding=BROWSER)


def test_a_large_file_is_compressed_while_it_is_sent(root: Path) -> None:
    lines = b"".join(b"line %d of a long text\n" % number for number in range(100_000))
    (root / "long.txt").write_bytes(lines)
    files = StaticFiles(root)
    for coding in UNDO:
        response = ask(files, "/long.txt", accept_encoding=coding)
        assert not isinstance(response.body, bytes)
        assert UNDO[coding](content(response)) == lines
        etag = Fields(response.fields)["etag"]
        assert ask(files, "/long.txt", accept_encoding=coding, if_none_match=etag).status == 304
    assert files._compressing == 0


def test_a_transfer_that_is_given_up_compresses_no_further(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "long.txt").write_bytes(b"a long text, over and over\n" * 100_000)
    pieces: list[int] = []
    real = handler._compress_piece

    def counted(encoder: Any, source: Any, offset: int, count: int) -> bytes:
        pieces.append(offset)
        return real(encoder, source, offset, count) or b"."

    monkeypatch.setattr(handler, "_compress_piece", counted)
    files = StaticFiles(root)

    async def give_up() -> None:
        body = ask_raw(files, "/long.txt", accept_encoding="gzip").body
        await anext(body)
        assert files._compressing == 1
        await body.aclose()

    asyncio.run(give_up())
    assert pieces == [0]
    assert files._compressing == 0
    assert held_open(root) == 0


def ask_raw(files: StaticFiles, target: str, **fields: str) -> Any:
    return files(Request("GET", target, Fields({name.replace("_", "-"): value for name, value in fields.items()})))


def test_a_variant_is_made_once_however_many_ask(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    real = handler._compressed

    def counted(source: Any, size: int, coding: str) -> bytes:
        made.append(coding)
        return real(source, size, coding)

    monkeypatch.setattr(handler, "_compressed", counted)
    files = StaticFiles(root)

    async def many() -> list[Response]:
        async def one() -> Response:
            answer = ask_raw(files, "/index.html", accept_encoding="br")
            return answer if isinstance(answer, Response) else await answer

        return await asyncio.gather(*(one() for _ in range(50)))

    answers = asyncio.run(many())
    assert made == ["br"]
    # Who came while it was being made has got the file as it is.
    assert {Fields(answer.fields).get("content-encoding") for answer in answers} == {"br", None}
    assert all(content(answer) == PAGE for answer in answers if "content-encoding" not in Fields(answer.fields))
    assert Fields(ask(files, "/index.html", accept_encoding="br").fields)["content-encoding"] == "br"


def test_more_at_a_time_than_can_be_compressed_get_the_file_as_it_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "MAX_COMPRESSING", 0)
    files = StaticFiles(root)
    assert content(ask(files, "/index.html", accept_encoding=BROWSER)) == PAGE
    assert ask(files, "/index.html", accept_encoding="br, identity;q=0").status == 503
    monkeypatch.setattr(handler, "MAX_COMPRESSING", 1)
    assert Fields(ask(files, "/index.html", accept_encoding=BROWSER).fields)["content-encoding"] == "br"


# --- compressed files beside the file


@pytest.fixture
def look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no second pass until files beside the file are looked for again."""
    monkeypatch.setattr(variants, "LOOK_AGAIN", 0.0)


def beside(path: Path, data: bytes, older: float = 0) -> None:
    path.write_bytes(data)
    os.utime(path, (time.time() - older, time.time() - older))


def test_a_compressed_file_beside_the_file_is_given_out(root: Path) -> None:
    files = StaticFiles(root)
    beside(root / "index.html.gz", gzip.compress(PAGE))
    beside(root / "index.html.br", brotli.compress(PAGE))
    beside(root / "index.html.zst", zstandard.compress(PAGE))
    for coding in UNDO:
        response = ask(files, "/index.html", accept_encoding=coding)
        fields = Fields(response.fields)
        assert fields["content-encoding"] == coding
        assert UNDO[coding](content(response)) == PAGE
        assert fields["etag"].startswith('"')
        assert fields["content-type"] == "text/html; charset=utf-8"
        assert ask(files, "/index.html", accept_encoding=coding) is response
        part = ask(files, "/index.html", accept_encoding=coding, range="bytes=0-9", if_range=fields["etag"])
        assert (part.status, content(part)) == (206, content(response)[:10])


def test_one_beside_is_taken_before_a_better_one_is_made(root: Path) -> None:
    beside(root / "index.html.gz", gzip.compress(PAGE))
    response = ask(StaticFiles(root), "/index.html", accept_encoding=BROWSER)
    assert Fields(response.fields)["content-encoding"] == "gzip"


def test_also_where_nothing_is_compressed_here_and_however_small(root: Path) -> None:
    beside(root / "small.txt.gz", gzip.compress(b"0123456789"))
    response = ask(StaticFiles(root, compress=False), "/small.txt", accept_encoding=BROWSER)
    assert gzip.decompress(content(response)) == b"0123456789"


def test_one_that_is_older_than_the_file_is_not(root: Path) -> None:
    beside(root / "index.html.gz", gzip.compress(b"another text"), older=3600)
    response = ask(StaticFiles(root), "/index.html", accept_encoding="gzip")
    assert gzip.decompress(content(response)) == PAGE


def test_one_that_leads_out_or_is_no_file_is_not(root: Path) -> None:
    (root / "index.html.gz").symlink_to("../secret.txt")
    (root / "index.html.br").mkdir()
    os.mkfifo(root / "index.html.zst")
    files = StaticFiles(root)
    for coding in UNDO:
        assert UNDO[coding](content(ask(files, "/index.html", accept_encoding=coding))) == PAGE


@pytest.mark.usefixtures("look_at_once")
def test_files_beside_come_and_go(root: Path) -> None:
    files = StaticFiles(root)
    made = ask(files, "/index.html", accept_encoding="gzip")
    beside(root / "index.html.gz", gzip.compress(PAGE, 1))
    assert content(ask(files, "/index.html", accept_encoding="gzip")) == gzip.compress(PAGE, 1)
    (root / "index.html.gz").unlink()
    again = ask(files, "/index.html", accept_encoding="gzip")
    assert Fields(again.fields)["etag"] == Fields(made.fields)["etag"]
    assert gzip.decompress(content(again)) == PAGE


@pytest.mark.usefixtures("look_at_once")
def test_a_file_that_changed_is_not_given_out_by_the_old_one_beside_it(root: Path) -> None:
    files = StaticFiles(root)
    beside(root / "index.html.gz", gzip.compress(PAGE), older=1)
    os.utime(root / "index.html", (time.time() - 60, time.time() - 60))
    assert Fields(ask(files, "/index.html", accept_encoding="gzip").fields)["etag"].startswith('"')
    (root / "index.html").write_bytes(PAGE * 2)
    assert gzip.decompress(content(ask(files, "/index.html", accept_encoding="gzip"))) == PAGE * 2


# --- folders


def test_the_index_stands_for_its_folder(root: Path) -> None:
    files = StaticFiles(root)
    assert content(ask(files, "/")) == PAGE
    assert ask(files, "/") is ask(files, "/")
    (root / "docs" / "start.txt").write_text("start")
    assert content(ask(StaticFiles(root, index="start.txt"), "/docs/")) == b"start"


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/docs", "./docs/"),
        ("/docs?a=b", "./docs/?a=b"),
        ("/docs/sub%20dir", "./sub%20dir/"),
        ("/a:b", "./a:b/"),
        ("/%5Cevil.example", "./%5Cevil.example/"),
        ("/\\evil.example", "./%5Cevil.example/"),
    ],
)
def test_a_folder_without_its_slash_is_redirected_there(root: Path, target: str, location: str) -> None:
    for name in ("docs/sub dir", "a:b", "\\evil.example"):
        (root / name).mkdir(exist_ok=True)
    response = ask(StaticFiles(root), target)
    assert response.status == 301
    told = Fields(response.fields)["location"]
    assert told.replace(":", "%3A") == location.replace(":", "%3A")
    assert told.startswith("./")


@pytest.mark.parametrize(
    "target", ["//evil.example/", "//evil.example", "//evil.example/..", "//docs", "/docs//", "/docs/%2e%2e//evil.example/"]
)
def test_no_path_leads_to_another_host(root: Path, target: str) -> None:
    response = ask(StaticFiles(root), target)
    assert response.status == 404
    assert "location" not in Fields(response.fields)


def test_a_file_is_no_folder(root: Path) -> None:
    assert ask(StaticFiles(root), "/small.txt/").status == 404
    assert ask(StaticFiles(root), "/small.txt/x").status == 404


def test_a_folder_is_listed(root: Path) -> None:
    response = ask(StaticFiles(root), "/docs/")
    assert response.status == 200
    fields = Fields(response.fields)
    assert fields["content-type"] == "text/html; charset=utf-8"
    assert fields["content-security-policy"].startswith("default-src 'none'")
    assert b'href="./a%20file.txt"' in content(response)
    assert b"Nothing here" in content(ask(StaticFiles(root), "/empty/"))


def test_a_listing_shows_nothing_that_is_not_given_out(root: Path) -> None:
    (root / "docs" / ".hidden").write_text("x")
    (root / "docs" / "way-out").symlink_to("../../secret.txt")
    page = content(ask(StaticFiles(root), "/docs/"))
    assert b".hidden" not in page
    assert b"way-out" not in page
    assert b".hidden" in content(ask(StaticFiles(root, hidden=True), "/docs/"))


def test_a_listing_is_always_of_now(root: Path) -> None:
    files = StaticFiles(root, index=None)
    assert b"small.txt" in content(ask(files, "/"))
    (root / "small.txt").unlink()
    assert b"small.txt" not in content(ask(files, "/"))


def test_a_folder_is_not_listed_where_that_is_switched_off(root: Path) -> None:
    assert ask(StaticFiles(root, listing=False), "/docs/").status == 404


def test_an_index_that_is_a_folder_is_none(root: Path) -> None:
    (root / "docs" / "index.html").mkdir()
    assert b"a%20file.txt" in content(ask(StaticFiles(root), "/docs/"))


# --- nothing from outside (more in test_beneath.py)


@pytest.mark.parametrize(
    "target",
    [
        "/../secret.txt",
        "/docs/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/..\\secret.txt",
        "/docs/..%2f..%2fsecret.txt",
        "/%252e%252e/secret.txt",
        "/small.txt%00",
        "/%00",
        "//etc/passwd",
        "///etc/passwd",
        "/C:/secret.txt",
        "/C:\\secret.txt",
        "/out.txt",
        "/out/passwd",
        "/.env",
        "/.git/config",
        "*",
        "http://here/../secret.txt",
        "/" + "x" * 5000,
        "/" + "a/" * 2000,
    ],
)
@pytest.mark.parametrize("hidden", [False, True])
def test_never_a_byte_from_outside(root: Path, target: str, hidden: bool) -> None:
    (root / "out.txt").symlink_to("../secret.txt")
    (root / "out").symlink_to("/etc")
    response = ask(StaticFiles(root, hidden=hidden), target)
    assert response.status == 404
    assert b"secret" not in content(response)


def test_a_file_that_turns_into_a_link_leading_out(root: Path) -> None:
    files = StaticFiles(root)
    assert ask(files, "/small.txt").status == 200
    (root / "small.txt").unlink()
    (root / "small.txt").symlink_to("../secret.txt")
    assert ask(files, "/small.txt").status == 404


def test_hidden_files_where_they_are_wanted(root: Path) -> None:
    (root / ".env").write_text("mine")
    (root / ".well-known").mkdir()
    (root / ".well-known" / "token").write_text("token")
    assert ask(StaticFiles(root), "/.env").status == 404
    assert content(ask(StaticFiles(root, hidden=True), "/.env")) == b"mine"
    assert content(ask(StaticFiles(root), "/.well-known/token")) == b"token"


@pytest.mark.parametrize(
    ("error", "status"), [(PermissionError(errno.EACCES, ""), 403), (OSError(errno.EMFILE, ""), 503), (OSError(errno.ESTALE, ""), 503)]
)
def test_what_the_system_refuses(root: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, status: int) -> None:
    def refuse(*args: Any) -> None:
        raise error

    monkeypatch.setattr(handler, "open_beneath", refuse)
    assert ask(StaticFiles(root), "/small.txt").status == status


def test_a_fault_of_the_disk_is_raised(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(handler, "open_beneath", fail)
    with pytest.raises(OSError, match="Input/output"):
        ask(StaticFiles(root), "/small.txt")


# --- bounds


def test_what_is_kept_is_bounded(root: Path) -> None:
    files = StaticFiles(root, memory=800_000)
    for number in range(100):
        (root / f"{number}.txt").write_bytes(bytes(20_000))
    for number in range(100):
        assert content(ask(files, f"/{number}.txt")) == bytes(20_000)
        content(ask(files, f"/{number}.txt", accept_encoding="gzip"))
    assert sum(entry.weight for entry in {**files._entries.young, **files._entries._old}.values()) <= 800_000
    assert 0 < held_open(root) <= 800_000 // variants.ENTRY_WEIGHT


def test_files_kept_open_are_bounded(root: Path) -> None:
    files = StaticFiles(root, memory=4 << 20)
    for number in range(50):
        (root / f"{number}.bin").write_bytes(bytes(100_000))
    for number in range(50):
        ask(files, f"/{number}.bin")
    assert 0 < held_open(root) <= 16


def test_texts_of_accept_encoding_are_not_kept_without_bound(root: Path) -> None:
    files = StaticFiles(root)
    for number in range(100):
        ask(files, "/small.txt", accept_encoding=f"gzip, x{number}")
    ask(files, "/small.txt", accept_encoding="x" * 10_000)
    ready = files._entries.young["/small.txt"].ready
    assert len(ready) <= handler.MAX_READY
    assert max(len(text or "") for text in ready) <= handler.MAX_ACCEPT
