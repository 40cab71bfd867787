"""``wirespeak http get``: its options, what it shows where, and how it ends."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.raw import accepting, read_request
from wirespeak.cli import main

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"


class Ran:
    """What a run of the command came to."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code, self.out, self.err = code, out, err.decode()


@pytest.fixture
def get(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Ran]:
    """``get("-i", url)`` runs the command in this process."""

    def run(*arguments: str | Path) -> Ran:
        with pytest.raises(SystemExit) as leaving:
            main(["http", "get", *map(str, arguments)])
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        return Ran(int(leaving.value.code or 0), out, err)

    return run


class Server:
    """Answers every request with ``answer``, and keeps what it heard."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.heard: list[bytes] = []
        self.url = ""

    def __call__(self, sock: socket.socket) -> None:
        while request := read_request(sock):
            self.heard.append(request)
            sock.sendall(self.answer)

    @property
    def head(self) -> str:
        """The last request's head."""
        return self.heard[-1].partition(b"\r\n\r\n")[0].decode() + "\r\n"

    @property
    def body(self) -> bytes:
        return self.heard[-1].partition(b"\r\n\r\n")[2]


@pytest.fixture
def server() -> Iterator[Callable[..., Server]]:
    """``server(answer)`` runs one until the test ends."""
    running: list[AbstractContextManager[int]] = []

    def start(answer: bytes = OK) -> Server:
        made = Server(answer)
        running.append(accepting(made))
        made.url = f"http://127.0.0.1:{running[-1].__enter__()}/"
        return made

    yield start
    for one in running:
        one.__exit__(None, None, None)


# --- what is asked


def test_a_plain_get(get: Callable[..., Ran], server: Callable[..., Server]) -> None:
    one = server()
    done = get(one.url)
    assert (done.code, done.out, done.err) == (0, b"hello\n", "")
    assert one.head.startswith("GET / HTTP/1.1\r\nHost: 127.0.0.1:")
    assert "Accept-Encoding" not in one.head
    assert get(one.url.removeprefix("http://")).out == b"hello\n", "curl guesses http too"


@pytest.mark.parametrize(
    ("arguments", "method", "lines", "body"),
    [
        (["-X", "PURGE"], "PURGE", [], b""),
        (["-d", "a=b"], "POST", ["Content-Type: application/x-www-form-urlencoded", "Content-Length: 3"], b"a=b"),
        (["-d", "a=b", "-d", "c=d\u00fc"], "POST", [], "a=b&c=d\u00fc".encode()),
        (["-d", "@form"], "POST", [], b"from=file&x=y"),
        (["--data-binary", "@form"], "POST", [], b"from=file\r\n&x=y\n"),
        (["-d", "x", "-H", "Content-Type: text/plain"], "POST", ["Content-Type: text/plain"], b"x"),
        (["--json", '{"a":', "--json", " 1}"], "POST", ["Content-Type: application/json", "Accept: application/json"], b'{"a": 1}'),
        (["--json", "@form", "-X", "PATCH"], "PATCH", ["Content-Type: application/json"], b"from=file\r\n&x=y\n"),
        (["-T", "form"], "PUT", ["Content-Length: 16"], b"from=file\r\n&x=y\n"),
        (["-H", "X-One:1", "-H", "X-Two: 2 ", "-H", "X-Empty;", "-H", "Accept:"], "GET", ["X-One: 1", "X-Two: 2", "X-Empty: "], b""),
        (["-H", "X: \u00fc"], "GET", ["X: \u00fc"], b""),
        (["-H", "@lines"], "GET", ["X-A: 1", "X-B: 2"], b""),
        (["-A", "someone/1"], "GET", ["User-Agent: someone/1"], b""),
        (["-u", "name:pass:word"], "GET", ["Authorization: Basic " + base64.b64encode(b"name:pass:word").decode()], b""),
        (["-r", "0-4"], "GET", ["Range: bytes=0-4"], b""),
        (["--compressed"], "GET", ["Accept-Encoding: br, zstd, gzip, deflate"], b""),
    ],
)
def test_what_is_sent(
    get: Callable[..., Ran],
    server: Callable[..., Server],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    method: str,
    lines: list[str],
    body: bytes,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("form").write_bytes(b"from=file\r\n&x=y\n")
    Path("lines").write_text("X-A: 1\nX-B: 2\n")
    one = server()
    assert get(*arguments, one.url).code == 0
    assert one.head.startswith(f"{method} /")
    for line in lines:
        assert f"\r\n{line}\r\n" in one.head
    assert one.body == body
    if "Accept:" in arguments:
        assert "Accept" not in one.head


@pytest.mark.parametrize(
    ("path", "target"),
    [("", "/?a=b&c=d%20%23e"), ("?x", "/?x&a=b&c=d%20%23e"), ("p?#f", "/p?a=b&c=d%20%23e"), ("p#f?g", "/p?a=b&c=d%20%23e")],
)
def test_data_in_the_query(get: Callable[..., Ran], server: Callable[..., Server], path: str, target: str) -> None:
    one = server()
    get("-G", "-d", "a=b", "-d", "c=d #e", f"{one.url}{path}")
    assert one.head.startswith(f"GET {target} HTTP/1.1\r\n")


def test_an_upload_gets_its_name_where_the_url_ends_in_a_slash(
    get: Callable[..., Ran], server: Callable[..., Server], tmp_path: Path
) -> None:
    (tmp_path / "a file").write_bytes(b"x")
    one = server()
    get("-T", tmp_path / "a file", f"{one.url}folder/?q")
    assert one.head.startswith("PUT /folder/a%20file?q HTTP/1.1\r\n")


def test_the_standard_input_is_uploaded_as_it_comes(server: Callable[..., Server]) -> None:
    heard: list[bytes] = []

    def listen(sock: socket.socket) -> None:
        data = b""
        while not data.endswith(b"0\r\n\r\n"):
            data += sock.recv(65536)
            if data.endswith(b"\r\n\r\n") and b"100-continue" in data:
                sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        heard.append(data)
        sock.sendall(OK)

    with accepting(listen) as port:
        command = [sys.executable, "-m", "wirespeak", "http", "get", "-T", "-", f"http://127.0.0.1:{port}/"]
        done = subprocess.run(command, input=b"typed", capture_output=True, timeout=60)
    assert done.stdout == b"hello\n"
    assert heard[0].startswith(b"PUT / HTTP/1.1\r\n")
    assert heard[0].endswith(b"5\r\ntyped\r\n0\r\n\r\n")


def test_redirects_are_followed_on_request(get: Callable[..., Ran], server: Callable[..., Server]) -> None:
    there = server()
    here = server(b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % there.url.encode())
    assert get(here.url).out == b""
    done = get("-L", "-i", here.url)
    assert done.out.startswith(b"HTTP/1.1 302 Found\r\nLocation: ")
    assert done.out.endswith(b"\r\n\r\n" + OK)
    round_and_round = server(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")
    done = get("-L", "--max-redirs", "3", round_and_round.url)
    assert done.code == 4
    assert "more than 3 redirects" in done.err


# --- how it ends


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["http://"], 2, "no host"),
        (["http://a b/"], 2, "no host"),
        (["ftp://a/"], 2, "no URL"),
        (["-H", "no colon", "URL"], 2, "Name: value"),
        (["-d", "a", "--json", "{}", "URL"], 2, "only one of"),
        (["-I", "-d", "a", "URL"], 2, "only one of"),
        (["--report", "json", "-i", "URL"], 2, "--report"),
        (["--resolve", "a:b", "URL"], 2, "HOST:PORT:ADDRESS"),
        (["-X", "G T", "URL"], 2, "no method"),
        (["-O", "URL"], 2, "no name for a file"),
        (["-d", "@missing", "URL"], 4, "missing: No such file"),
        (["-T", "missing", "URL"], 4, "missing: No such file"),
        (["-o", "missing/file", "URL"], 4, "No such file"),
        (["-o", "/dev/full", "URL"], 4, "/dev/full: No space left on device"),
        (["https://nowhere.invalid/"], 3, "nowhere.invalid not found"),
        (["--unix-socket", "/nowhere", "http://a/"], 3, "No such file"),
    ],
)
def test_how_it_fails(get: Callable[..., Ran], server: Callable[..., Server], arguments: list[str], code: int, said: str) -> None:
    one = server()
    done = get(*[one.url if argument == "URL" else argument for argument in arguments])
    assert (done.code, done.out) == (code, b"")
    assert said in done.err


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (OK, 0),
        (OK.replace(b"200 OK", b"302 Found"), 0),
        (OK.replace(b"200 OK", b"404 Not Found"), 1),
        (OK.replace(b"200 OK", b"500 Oh"), 1),
        (b"", 5),
        (OK[:-1], 5),
        (b"220 ready\r\n", 5),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 5),
    ],
)
def test_exit_codes(get: Callable[..., Ran], answer: bytes, code: int) -> None:
    def talk(sock: socket.socket) -> None:
        read_request(sock)
        sock.sendall(answer)

    with accepting(talk) as port:
        done = get(f"http://127.0.0.1:{port}/")
    assert done.code == code
    if code == 5:
        assert done.err.startswith("wirespeak: ")
        assert "Traceback" not in done.err


def test_nobody_there_and_nobody_answering(get: Callable[..., Ran], free_port: Callable[[], int]) -> None:
    done = get(f"http://127.0.0.1:{free_port()}/")
    assert (done.code, "nothing listens there" in done.err) == (3, True)
    with accepting(lambda sock: sock.recv(1 << 20) and sock.recv(1)) as port:
        done = get("-m", "0.1", f"http://127.0.0.1:{port}/")
        assert (done.code, "0.1 seconds" in done.err) == (3, True)
        done = get("--connect-timeout", "0.1", f"https://127.0.0.1:{port}/")
        assert (done.code, "no TLS handshake" in done.err) == (3, True)


def test_what_is_not_utf8_is_sent_or_refused_but_never_a_traceback(server: Callable[..., Server]) -> None:
    one = server()
    odd = os.fsdecode(b"\xff")
    command = [sys.executable, "-m", "wirespeak", "http", "get"]
    done = subprocess.run(
        [*command, "-H", f"X: {odd}", "-A", odd, "-u", f"{odd}:{odd}", "-d", odd, one.url], capture_output=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\r\nX: \xff\r\n" in one.heard[0]
    assert b"User-Agent: \xff\r\n" in one.heard[0]
    assert one.heard[0].endswith(b"\r\n\r\n\xff")
    done = subprocess.run([*command, f"{one.url}{odd}"], capture_output=True, timeout=60)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_a_password_in_a_url_is_not_told(get: Callable[..., Ran], free_port: Callable[[], int]) -> None:
    url = f"http://name:secret@127.0.0.1:{free_port()}/"
    for arguments in (["-O", url], [url], ["--report", "json", url], ["-v", url], ["-O", f"{url}x", "-v"]):
        done = get(*arguments)
        assert done.code in (2, 3)
        assert "secret" not in done.err + done.out.decode()


def test_several_urls_are_asked_for_though_one_fails(
    get: Callable[..., Ran], server: Callable[..., Server], free_port: Callable[[], int]
) -> None:
    one = server()
    done = get(f"{one.url}a", f"http://127.0.0.1:{free_port()}/", f"{one.url}b")
    assert (done.code, done.out) == (3, b"hello\nhello\n")


def test_fail_and_silent(get: Callable[..., Ran], server: Callable[..., Server], free_port: Callable[[], int]) -> None:
    one = server(OK.replace(b"200 OK", b"404 \x1b[31mNot Found".replace(b"\x1b", b"\xc2\x9b")))
    assert get(one.url).out == b"hello\n"
    done = get("-f", one.url)
    assert (done.code, done.out) == (1, b"")
    assert "404" in done.err
    assert "\x9b" not in done.err
    nobody = f"http://127.0.0.1:{free_port()}/"
    assert get("-s", nobody).err == ""
    assert get("-sS", nobody).err != ""


def test_interrupted_it_leaves_nothing_behind(tmp_path: Path) -> None:
    begun = threading.Event()

    def drip(sock: socket.socket) -> None:
        read_request(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome")
        begun.set()
        sock.recv(1)

    with accepting(drip) as port:
        process = subprocess.Popen([sys.executable, "-m", "wirespeak", "http", "get", "-O", f"http://127.0.0.1:{port}/file"], cwd=tmp_path)
        assert begun.wait(20)
        while not list(tmp_path.iterdir()):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert list(tmp_path.iterdir()) == []


# --- what is shown


def test_heads(get: Callable[..., Ran], server: Callable[..., Server]) -> None:
    one = server(b"HTTP/1.1 200 Fine\r\nX-Odd:  spaced \r\nContent-Length: 6\r\n\r\nhello\n")
    assert get("-i", one.url).out == b"HTTP/1.1 200 Fine\r\nX-Odd:  spaced \r\nContent-Length: 6\r\n\r\nhello\n"
    head = server(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
    assert get("-I", head.url).out == b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"
    assert head.head.startswith("HEAD / ")


def test_verbose(get: Callable[..., Ran], server: Callable[..., Server]) -> None:
    one = server(OK.replace(b"OK\r\n", b"OK\r\nX-Evil: \xc2\x9b2J\x9b\r\n"))
    done = get("-v", "-d", "secret body", one.url)
    assert done.out == b"hello\n"
    lines = done.err.splitlines()
    assert lines[0].startswith("* connected to 127.0.0.1:")
    assert lines[1] == "> POST / HTTP/1.1"
    assert "< HTTP/1.1 200 OK" in lines
    assert "< X-Evil: \\x9b2J\ufffd" in lines
    assert "secret" not in done.err


def test_saving(get: Callable[..., Ran], server: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one = server()
    done = get("-O", f"{one.url}folder/a%20file.txt?query", "-o", "first", f"{one.url}x")
    assert (done.code, done.out, done.err) == (0, b"", "")
    assert Path("first").read_bytes() == b"hello\n"
    assert Path("x").read_bytes() == b"hello\n"
    assert get("-O", f"{one.url}folder/a%20file.txt?query").code == 0
    assert Path("a file.txt").read_bytes() == b"hello\n"
    assert get("-i", "-o", "with head", one.url).code == 0
    assert Path("with head").read_bytes() == OK
    assert get("-o", "-", one.url).out == b"hello\n"
    for path in ("..%2fetc", "%2e%2e", "a%00b", "a%0ab", ".", ""):
        assert get("-O", f"{one.url}folder/{path}").code == 2
    assert sorted(os.listdir()) == ["a file.txt", "first", "with head", "x"]


def test_compressed_and_not(get: Callable[..., Ran], server: Callable[..., Server]) -> None:
    packed = gzip.compress(b"hello\n")
    one = server(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)
    assert get(one.url).out == packed
    assert get("--compressed", one.url).out == b"hello\n"


def test_a_report(get: Callable[..., Ran], server: Callable[..., Server], tmp_path: Path, free_port: Callable[[], int]) -> None:
    one = server(OK.replace(b"OK\r\n", b"OK\r\nX: \xfc\r\n"))
    report = json.loads(get("--report", "json", one.url).out)
    assert report == {
        "url": one.url,
        "method": "GET",
        "version": "1.1",
        "status": 200,
        "reason": "OK",
        "fields": [["X", "\u00fc"], ["Content-Length", "6"]],
        "redirects": [],
        "peer": one.url.removeprefix("http://").rstrip("/"),
        "tls": None,
        "body": "hello\n",
        "size": 6,
        "received": 6,
        "trailers": [],
    }
    saved = json.loads(get("--report", "json", "-o", tmp_path / "file", one.url).out)
    assert saved["file"] == str(tmp_path / "file")
    assert "body" not in saved
    binary = server(OK.replace(b"hello\n", b"\xff\x00\xfe\n\n\n"))
    assert json.loads(get("--report", "json", binary.url).out)["body_base64"] == "/wD+CgoK"
    done = get("--report", "json", f"http://127.0.0.1:{free_port()}/", one.url)
    first, second = map(json.loads, done.out.splitlines())
    assert (first["exit"], second["status"], done.code, done.err) == (3, 200, 3, "")


def test_the_conversation_is_explained_as_it_ran(get: Callable[..., Ran]) -> None:
    def careful(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        sock.recv(65536)
        sock.sendall(OK)

    with accepting(careful) as port:
        done = get("--explain", "-d", "x" * (1 << 20), f"http://127.0.0.1:{port}/")
    said = done.out.decode()
    turns = [line.split()[0] for line in said.splitlines() if line.startswith(("→ to", "← from"))]
    assert turns == ["→", "←", "→", "←"]
    for words in ("Expect", "interim", "RFC 9110 15.2.1", "1,048,576", "bytes more, which are not kept", "message-body"):
        assert words in said
    assert "\x1b" not in said


# --- at a terminal


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """``terminal("-i", url)`` runs the command at a terminal 100 columns wide: its exit code, and what was seen."""

    def run(*arguments: str | Path, typed: str | None = None, **environment: str) -> tuple[int, str]:
        seen = io.BytesIO()
        child: Any = pexpect.spawn(
            sys.executable,
            ["-m", "wirespeak", "http", "get", *map(str, arguments)],
            timeout=60,
            dimensions=(40, 100),
            env={**os.environ, "TERM": "xterm", **environment},  # type: ignore[arg-type]
        )
        child.logfile_read = seen
        if typed is not None:
            child.expect("Password")
            child.sendline(typed)
        child.expect(pexpect.EOF)
        child.close()
        return int(child.exitstatus), seen.getvalue().decode()

    return run


def test_a_body_can_not_command_the_terminal(terminal: Callable[..., tuple[int, str]], server: Callable[..., Server]) -> None:
    evil = b"\x1b[31mred\x07\r\n\xc2\x9b2J\ttab \xc3\xbc\\ \x1b]0;title\x07\r"
    one = server(b"HTTP/1.1 200 OK\r\nX: \xc2\x9b2J\r\nContent-Length: %d\r\n\r\n" % len(evil) + evil)
    code, seen = terminal("-i", one.url, NO_COLOR="1")
    assert code == 0
    assert "\x1b" not in seen
    assert "\x9b" not in seen
    assert "\x07" not in seen
    assert r"\x1b[31mred\x07" in seen
    assert r"X: \x9b2J" in seen
    assert "\\x9b2J\ttab \u00fc\\ \\x1b]0;title\\x07\\x0d" in seen
    assert "\x1b[1mContent-Length\x1b[0m: " in terminal("-i", one.url)[1]


def test_what_is_no_text_is_not_shown(terminal: Callable[..., tuple[int, str]], server: Callable[..., Server]) -> None:
    one = server(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPK\0\1\2\3")
    code, seen = terminal(one.url)
    assert code == 2
    assert "save it with -o FILE" in seen
    assert "PK" not in seen
    assert "PK\0\1\2\3" in terminal("-o", "-", one.url)[1]


def test_the_last_line_is_ended(terminal: Callable[..., tuple[int, str]], server: Callable[..., Server]) -> None:
    assert terminal(server(OK.replace(b"hello\n", b"hello!")).url)[1] == "hello!\r\n"
    assert terminal(server(OK).url)[1] == "hello\r\n"


def test_a_charset_is_kept_to(terminal: Callable[..., tuple[int, str]], server: Callable[..., Server]) -> None:
    one = server(OK.replace(b"OK\r\n", b"OK\r\nContent-Type: text/plain; charset=latin-1\r\n").replace(b"hello\n", b"h\xe4llo\n"))
    assert "h\u00e4llo" in terminal(one.url)[1]


def test_a_password_is_asked_for_and_not_shown(terminal: Callable[..., tuple[int, str]], server: Callable[..., Server]) -> None:
    one = server()
    code, seen = terminal("-u", "name", one.url, typed="secret")
    assert code == 0
    assert "Password for name" in seen
    assert "secret" not in seen
    assert "Basic " + base64.b64encode(b"name:secret").decode() in one.head


@pytest.mark.parametrize("direction", ["down", "up"])
def test_a_long_transfer_shows_how_far_it_is(terminal: Callable[..., tuple[int, str]], tmp_path: Path, direction: str) -> None:
    (tmp_path / "big").write_bytes(bytes(40_000_000))
    shown = threading.Event()

    def slow_down(sock: socket.socket) -> None:
        read_request(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n")
        for _ in range(100):
            sock.sendall(bytes(300_000))
            shown.wait(0.015)

    def slow_up(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        data = sock.recv(65536)
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        left = 40_000_000 - len(data.partition(b"\r\n\r\n")[2])
        while left > 0:
            left -= len(sock.recv(400_000))
            shown.wait(0.002)
        sock.sendall(OK)

    with accepting(slow_down if direction == "down" else slow_up) as port:
        url = f"http://127.0.0.1:{port}/file"
        code, seen = terminal("-o", tmp_path / "file", url) if direction == "down" else terminal("-T", tmp_path / "big", url)
        assert code == 0
        for said in ("MB/s", "/30.0 MB", "file") if direction == "down" else ("MB/s", "/40.0 MB", "sending"):
            assert said in seen
        silent = terminal("-s", "-o", tmp_path / "file", url) if direction == "down" else (0, "")
        assert silent == (0, "")
