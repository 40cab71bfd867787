"""`telnetlib`: beside the module that it takes the place of, where Python still has that, and at every split by itself.

`Wire` and `Ready` stand in for socket and selector: they give out a script's pieces one receive at a time, so that both modules
see the same stream cut in the same places. Real sockets are in telnetlib_check.py, which runs under every Python found here.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import itertools
import os
import re
import socket
import subprocess
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.telnet import telnetlib_check
from wirespeak.telnet import grammar, telnetlib
from wirespeak.telnet.telnetlib import AO, AYT, DO, DONT, ECHO, GA, IAC, NAWS, NOOPT, NOP, SB, SE, SGA, TTYPE, WILL, WONT

HERE = Path(__file__).parent
SRC = HERE.parent.parent / "src"

XON = b"\x11"
GONE = "*** Connection closed by remote host ***\n"


def removed_module() -> ModuleType | None:
    """The standard library's own telnetlib, which Python has up to 3.12."""
    if sys.version_info >= (3, 13):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module("telnetlib")


REMOVED = removed_module()
beside = pytest.mark.skipif(REMOVED is None, reason="this Python has no telnetlib to compare with; 3.12 and older have")


# --- stand-ins


class Wire:
    """A socket that gives out ``pieces``, one with each receive, then its end; None is a moment when nothing can be had."""

    def __init__(self, *pieces: bytes | None) -> None:
        self.pieces = deque(pieces)
        self.said: list[bytes] = []

    def recv(self, size: int) -> bytes:
        while self.pieces and self.pieces[0] is None:
            self.pieces.popleft()
        return self.pieces.popleft() or b"" if self.pieces else b""

    def sendall(self, data: bytes) -> None:
        self.said.append(data)

    def fileno(self) -> int:
        return 1_000_000

    def close(self) -> None:
        self.said.append(b"closed")


class Ready:
    """A selector that knows of one `Wire`'s connection whether something can be had; ``waits`` tells how long it was to wait."""

    waits: list[float | None]

    def __enter__(self) -> Ready:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def register(self, connection: Any, events: int) -> None:
        connection.fileno()
        self.connection = connection

    def select(self, timeout: float | None = None) -> list[object]:
        self.waits.append(timeout)
        pieces = self.connection.sock.pieces
        if timeout is not None and pieces and pieces[0] is None:
            pieces.popleft()
            return []
        return [self.connection]


@contextlib.contextmanager
def stand_ins(module: Any, wire: Wire) -> Iterator[list[float | None]]:
    """``module`` connects to ``wire``, and waits with `Ready`."""
    waits: list[float | None] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_TelnetSelector", type("Watching", (Ready,), {"waits": waits}))
        patch.setattr(module.socket, "create_connection", lambda *_: wire)
        yield waits


def connected(*pieces: bytes | None, module: Any = telnetlib) -> tuple[Any, Wire]:
    """A Telnet object on a `Wire` with these pieces, for reading that asks no selector."""
    telnet, wire = module.Telnet(), Wire(*pieces)
    telnet.sock = wire
    return telnet, wire


def note_into(heard: list[tuple[bytes, ...]], telnet: Any) -> Callable[[Any, bytes, bytes], None]:
    """A callback that notes every command, and with the end of a subnegotiation what it said."""
    return lambda _, command, option: heard.append((command, option, telnet.read_sb_data() if command == SE else b""))


# --- beside the removed module


@beside
def test_the_interface_is_the_removed_modules() -> None:
    assert telnetlib.__all__ == REMOVED.__all__
    for name, value in vars(REMOVED).items():
        if isinstance(value, bytes | int):
            assert getattr(telnetlib, name) == value, name
    for name, method in inspect.getmembers(REMOVED.Telnet, inspect.isfunction):
        theirs, ours = inspect.signature(method).parameters, inspect.signature(getattr(telnetlib.Telnet, name)).parameters
        assert [(each.name, each.default) for each in ours.values()] == [(each.name, each.default) for each in theirs.values()], name
    old, new = REMOVED.Telnet(), telnetlib.Telnet()
    for name, value in vars(old).items():
        assert getattr(new, name) == value, name


DATA = [b"a", b"login: ", b"\r\n", b"\x00", XON, b"a\x00b", IAC + IAC, b"\xfe\xf0"]
NEGOTIATIONS = [verb + option for verb in (DO, DONT, WILL, WONT) for option in (ECHO, SGA, b"\x00", b"\xfa", b"\xff")]
COMMANDS = [b"\x00", b"X", GA, NOP, AYT, SE]
SUBNEGOTIATIONS = [SB + said + IAC + SE for said in (TTYPE + b"\x01", b"\x00a" + IAC + IAC, b"in" + IAC + NOP + IAC + DO + ECHO)]
UNFINISHED = [b"", IAC, IAC + DO, IAC + SB, IAC + SB + b"open" + IAC]

streams = st.tuples(
    st.lists(st.sampled_from(DATA + [IAC + said for said in NEGOTIATIONS + COMMANDS + SUBNEGOTIATIONS])).map(b"".join),
    st.sampled_from(UNFINISHED),
).map(b"".join)

wild = st.lists(st.sampled_from([IAC, SB, SE, DO, WILL, NOP, b"\x00", XON, b"a", b"b"])).map(b"".join)

MATCHES = [b"a", b"login: ", b"\r\n", b"aa", b"", b"never"]
PATTERNS = [b"a+", b"log(in)?:", re.compile(rb"\r\n"), b"never", b""]
waiting = st.sampled_from([None, -1, 1000])  # without a limit, with one that has passed, and with one far off: no clock decides
calls = st.one_of(
    st.tuples(st.just("read_until"), st.sampled_from(MATCHES), waiting),
    st.tuples(st.just("expect"), st.lists(st.sampled_from(PATTERNS), max_size=3), waiting),
    st.tuples(st.just("write"), st.sampled_from([b"a", b"", b"\xff", b"a\xff\xff\xfd", bytearray(b"\xffb"), "text", None])),
    st.tuples(st.just("set_debuglevel"), st.sampled_from([0, 1])),
    st.tuples(st.sampled_from(["read_some", "read_eager", "read_very_eager", "read_lazy", "read_very_lazy", "read_sb_data"])),
    st.tuples(st.sampled_from(["read_all", "close", "fill_rawq", "process_rawq", "rawq_getchar", "sock_avail", "fileno", "note"])),
)


def cut(data: bytes, places: list[int]) -> list[bytes | None]:
    """``data`` in pieces that end at ``places``, as far as it reaches; where one is named twice nothing can be had for a moment."""
    ends = [0, *sorted(place for place in places if 0 < place < len(data)), len(data)]
    return [data[start:end] or None for start, end in itertools.pairwise(ends)] if data else []


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call gives, or the error that it raises."""
    try:
        result = call(*arguments)
    except Exception as error:
        return type(error), str(error)
    return (result[0], result[1] and result[1].span(), result[2]) if isinstance(result, tuple) else result


def played(module: Any, pieces: list[bytes | None], script: list[tuple[Any, ...]]) -> list[Any]:
    """All that can be seen of a stream read with these calls: results, errors, the queues after each, what was said and printed."""
    wire, heard, seen, printed = Wire(*pieces), [], [], io.StringIO()
    with stand_ins(module, wire), contextlib.redirect_stdout(printed):
        telnet = module.Telnet("host", 2323)
        for name, *arguments in script:
            if name == "close":
                telnet.process_rawq()  # a refusal that can't be sent any more loses the data before it, in the removed module
            if name == "note":
                seen.append(telnet.set_option_negotiation_callback(note_into(heard, telnet)))
            else:
                seen.append(outcome(getattr(telnet, name), *arguments))
            seen.append((telnet.rawq[telnet.irawq :], telnet.iacseq, telnet.cookedq, telnet.sbdataq, bool(telnet.sb), bool(telnet.eof)))
        telnet.close()
    return [*seen, wire.said, heard, printed.getvalue()]


@beside
@settings(max_examples=500)
@given(streams, st.lists(st.integers(0, 40)), st.lists(calls, max_size=12))
@example(b"a\x00b" + IAC + DO + ECHO, [4, 4, 5], [("read_until", b"b", None), ("read_eager",), ("read_all",), ("read_eager",)])
@example(b"ab", [1], [("fill_rawq",), ("fill_rawq",), ("fill_rawq",), ("read_very_lazy",), ("expect", [b"a"], None), ("read_lazy",)])
@example(IAC + SB + b"open" + IAC, [], [("note",), ("read_all",), ("read_sb_data",), ("close",), ("read_until", b"a", None)])
def test_every_call_does_what_it_did_in_the_removed_module(stream: bytes, places: list[int], script: list[tuple[Any, ...]]) -> None:
    assume(SB not in stream or ("rawq_getchar",) not in script)  # who takes bytes away may make one subnegotiation begin in another
    pieces = cut(stream, places)
    assert played(telnetlib, pieces, script) == played(REMOVED, pieces, script)


@beside
@settings(max_examples=500)
@given(wild, st.lists(st.integers(0, 40)), st.booleans())
def test_any_bytes_in_any_pieces_give_what_the_removed_module_gave_byte_by_byte(stream: bytes, places: list[int], callback: bool) -> None:
    script: list[tuple[Any, ...]] = [("note",)] * callback + [("read_all",), ("read_sb_data",)]
    whole = played(telnetlib, cut(stream, places), script)
    assert whole == played(REMOVED, cut(stream, list(range(len(stream)))), script)


@beside
@pytest.mark.parametrize("dialog", [telnetlib_check.a_login, telnetlib_check.a_time_limit, telnetlib_check.a_callback])
def test_the_removed_module_passes_our_own_check_too(dialog: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telnetlib_check, "Telnet", REMOVED.Telnet)
    dialog()


# --- by itself


OPTIONS = """
    BINARY ECHO RCP SGA NAMS STATUS TM RCTE NAOL NAOP NAOCRD NAOHTS NAOHTD NAOFFD NAOVTS NAOVTD NAOLFD XASCII LOGOUT BM DET SUPDUP
    SUPDUPOUTPUT SNDLOC TTYPE EOR TUID OUTMRK TTYLOC VT3270REGIME X3PAD NAWS TSPEED LFLOW LINEMODE XDISPLOC OLD_ENVIRON AUTHENTICATION
    ENCRYPT NEW_ENVIRON TN3270E XAUTH CHARSET RSP COM_PORT_OPTION SUPPRESS_LOCAL_ECHO TLS KERMIT SEND_URL FORWARD_X
""".split()


def test_the_constants_are_the_registrys_numbers() -> None:
    assert [getattr(telnetlib, name) for name in OPTIONS] == [bytes([number]) for number in range(50)]
    assert [telnetlib.PRAGMA_LOGON, telnetlib.SSPI_LOGON, telnetlib.PRAGMA_HEARTBEAT] == [b"\x8a", b"\x8b", b"\x8c"]
    assert (telnetlib.EXOPL, NOOPT, telnetlib.theNULL, telnetlib.TELNET_PORT, telnetlib.DEBUGLEVEL) == (b"\xff", b"\0", b"\0", 23, 0)
    for code in grammar.Code:
        if code >= grammar.Code.SE:  # those below came after arpa/telnet.h
            assert getattr(telnetlib, code.name) == bytes([code])


SAID = TTYPE + b"\x01" + IAC + IAC
HELLO = b"Hi \xff\xff" + IAC + DO + NAWS + b"\x00there" + IAC + SB + SAID + IAC + SE + IAC + WILL + ECHO + IAC + AYT + b"!"


@pytest.mark.parametrize("first", range(len(HELLO) + 1))
def test_the_same_is_read_wherever_a_stream_is_cut(first: int) -> None:
    telnet, wire = connected(*cut(HELLO, [first]))
    assert telnet.read_all() == b"Hi \xffthere!"
    assert telnet.read_sb_data() == TTYPE + b"\x01\xff"
    assert wire.said == [IAC + WONT + NAWS, IAC + DONT + ECHO]


@pytest.mark.parametrize("first", range(len(HELLO) + 1))
def test_a_callback_is_told_the_same_wherever_a_stream_is_cut(first: int) -> None:
    telnet, wire = connected(*cut(HELLO, [first]))
    heard: list[tuple[bytes, ...]] = []
    telnet.set_option_negotiation_callback(note_into(heard, telnet))
    assert telnet.read_all() == b"Hi \xffthere!"
    assert heard == [(DO, NAWS, b""), (SB, NOOPT, b""), (SE, NOOPT, TTYPE + b"\x01\xff"), (WILL, ECHO, b""), (AYT, NOOPT, b"")]
    assert wire.said == []


@pytest.mark.parametrize("first", range(9))
@pytest.mark.parametrize("timeout", [None, 1000])
def test_a_prompt_is_found_wherever_it_is_cut(first: int, timeout: float | None) -> None:
    telnet, wire = connected(*cut(b"$login: x", [first, first]))
    with stand_ins(telnetlib, wire):
        assert telnet.read_until(b"login: ", timeout) == b"$login: "
    telnet, wire = connected(*cut(b"$login: x", [first, first]))
    with stand_ins(telnetlib, wire):
        index, match, text = telnet.expect([b"never", re.compile(rb"log(in): "), b"x"], timeout)
    assert (index, match[1], text) == (1, b"in", b"$login: ")


def test_eager_is_content_with_some_and_very_eager_takes_all() -> None:
    telnet, wire = connected(IAC + NOP, b"a", b"b", b"c", None, b"d")
    with stand_ins(telnetlib, wire):
        assert telnet.read_eager() == b"a"
        assert telnet.read_very_eager() == b"bc"
        assert telnet.read_some() == b"d"


def test_data_that_came_with_the_end_is_told_from_the_end() -> None:
    telnet, _ = connected(b"last")
    telnet.fill_rawq()
    telnet.fill_rawq()
    assert telnet.eof
    assert telnet.read_very_lazy() == b""
    assert telnet.read_lazy() == b"last"
    with pytest.raises(EOFError, match="telnet connection closed"):
        telnet.read_very_lazy()


def test_what_is_heard_and_said_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    telnet, _ = connected(IAC + DO + ECHO + IAC + DONT + ECHO + IAC + WILL + SGA + IAC + WONT + SGA + IAC + b"X" + b"data")
    telnet.msg("unheard")
    telnet.set_debuglevel(1)
    telnet.host, telnet.port = "host", 2323
    telnet.read_some()
    telnet.write(b"a\xff")
    telnet.msg("100%")
    telnet.msg("%s of %d", "one", 2)
    said = ["IAC DO 1", "IAC DONT 1", "IAC WILL 3", "IAC WONT 3", "IAC 88 not recognized", r"send b'a\xff\xff'", "100%", "one of 2"]
    assert capsys.readouterr().out.splitlines()[1:] == [f"Telnet(host,2323): {line}" for line in said]


def test_a_connection_is_asked_for_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(telnetlib.socket, "create_connection", lambda *arguments: asked.append(arguments) or Wire())
    telnet = telnetlib.Telnet("host")
    telnetlib.Telnet("host", "2323", None)
    telnetlib.Telnet("host", 0, 5.0)
    assert asked == [(("host", 23), socket._GLOBAL_DEFAULT_TIMEOUT), (("host", "2323"), None), (("host", 23), 5.0)]
    assert (telnet.host, telnet.port, telnet.timeout, telnet.eof) == ("host", 23, socket._GLOBAL_DEFAULT_TIMEOUT, False)


TWICE = IAC + SB + b"old" + IAC + SB + b"new" + IAC + SE


@pytest.mark.parametrize("first", range(len(TWICE) + 1))
def test_a_subnegotiation_discards_the_one_before_it(first: int) -> None:
    telnet, _ = connected(*cut(TWICE, [first]))
    assert telnet.read_all() == b""
    assert telnet.read_sb_data() == b"new"


def test_a_callback_finds_the_data_before_its_command_and_may_read_on() -> None:
    read: list[bytes] = []

    def answer(_: Any, command: bytes, option: bytes) -> None:
        read.append(telnet.read_until(b"."))
        read.append(telnet.read_very_lazy())

    telnet, _ = connected(b"before" + IAC + AO + b"behind. rest")
    with stand_ins(telnetlib, telnet.sock):
        telnet.set_option_negotiation_callback(answer)
        assert telnet.read_some() == b""  # the callback took it all, up to the end
    assert read == [b"beforebehind.", b" rest"]


def test_what_was_read_is_kept_when_a_callback_fails() -> None:
    def fail(*_: object) -> None:
        raise LookupError

    telnet, _ = connected(b"before" + IAC + AYT + b"behind")
    telnet.set_option_negotiation_callback(fail)
    with pytest.raises(LookupError):
        telnet.read_all()
    assert telnet.read_all() == b"beforebehind"


def test_a_callback_that_meets_the_end_ends_nothing_else() -> None:
    def read_all(*_: object) -> None:
        assert telnet.rawq == b""
        assert telnet.read_all() == b"data"
        telnet.read_very_lazy()

    telnet, _ = connected(b"data" + IAC + GA)
    telnet.set_option_negotiation_callback(read_all)
    assert telnet.read_some() == b""


def test_an_endless_subnegotiation_is_kept_up_to_a_mebibyte() -> None:
    telnet, _ = connected(IAC + SB, *[b"x" * 60_000] * 30)
    assert telnet.read_all() == b""
    assert telnet.read_sb_data() == b"x" * (1 << 20)


def test_much_data_is_taken_without_looking_at_each_byte() -> None:
    """Counted, not timed: the lines of Python that are run do not grow with the length of the data."""

    def lines(length: int) -> int:
        count = 0

        def trace(*_: object) -> Callable[..., Any]:
            nonlocal count
            count += 1
            return trace

        telnet, _ = connected((b"data \xff\xff\r\n\x00" * length) + IAC + DO + ECHO)
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            data = telnet.read_all()
        finally:
            sys.settrace(before)
        assert data == b"data \xff\r\n" * length
        return count

    assert lines(100_000) == lines(10)


def test_queues_may_be_read_and_put_back() -> None:
    telnet, _ = connected(b"one two")
    telnet.fill_rawq()
    assert (telnet.rawq, telnet.irawq) == (b"one two", 0)
    assert telnet.rawq_getchar() == b"o"
    telnet.process_rawq()
    telnet.cookedq = b"be" + telnet.cookedq
    telnet.sbdataq = b"said"
    assert (telnet.read_very_lazy(), telnet.read_sb_data()) == (b"bene two", b"said")


def test_a_listening_thread_waits_for_data() -> None:
    telnet, wire = connected(None, "é".encode()[:1], None, None, "é".encode()[1:])
    with stand_ins(telnetlib, wire) as waits, contextlib.redirect_stdout(io.StringIO()) as shown:
        telnet.listener()
    assert shown.getvalue() == "é" + GONE
    assert [wait for wait in waits if wait] == [0.2, 0.2]  # between them it only asks what is there


def test_an_object_whose_constructor_did_not_run_can_be_closed() -> None:
    telnetlib.Telnet.__new__(telnetlib.Telnet).__del__()


# --- by hand


@contextlib.contextmanager
def greeter() -> Iterator[int]:
    """A server that greets, and answers the first line it hears with its last."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(IAC + DO + ECHO + "Grüß Gott\n".encode())
        telnetlib_check.exactly(connection, IAC + WONT + ECHO + "Würze\n".encode())
        connection.sendall(b"Bye\n")

    with telnetlib_check.server(talk) as port:
        yield port


BY_HAND = {
    "interact": ["-m", "wirespeak.telnet.telnetlib", "127.0.0.1"],
    "mt_interact": ["-c", "import sys; from wirespeak.telnet.telnetlib import Telnet; Telnet('127.0.0.1', int(sys.argv[1])).mt_interact()"],
}


@pytest.mark.parametrize("run", BY_HAND.values(), ids=BY_HAND)
def test_a_server_is_talked_to_by_hand(run: list[str]) -> None:
    with greeter() as port:
        command = [sys.executable, *run, str(port)]
        environment = {**os.environ, "PYTHONPATH": str(SRC), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as program:
            assert program.stdin
            assert program.stdout
            stop = threading.Timer(60, program.kill)
            stop.start()
            assert program.stdout.readline() == "Grüß Gott\n".encode()
            program.stdin.write("Würze\n".encode())
            program.stdin.flush()
            assert program.stdout.readline() == b"Bye\n"
            assert program.stdout.readline() == GONE.encode()
            program.stdin.close()
            assert program.wait() == 0
            stop.cancel()


def test_by_hand_no_connection_is_told_without_a_traceback(free_port: Callable[[], int]) -> None:
    command = [sys.executable, "-m", "wirespeak.telnet.telnetlib", "-d", "127.0.0.1", str(free_port())]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(SRC)}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert re.fullmatch(r"telnetlib: .*Connection refused\n", done.stderr)


# --- under every Python


TELL = "import sys; print('%d.%d' % sys.version_info[:2])"


def pythons() -> list[str]:
    """Every Python from 3.13 on that is found here, one of each version, and the one that runs this."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local/share/uv/python")
    folders = [*map(Path, os.get_exec_path()), *pyenv.glob("versions/*/bin"), *uv.glob("*/bin")]
    found = {"{}.{}".format(*sys.version_info): sys.executable}
    for path in sorted(path for folder in folders for path in folder.glob("python3.*") if re.fullmatch(r"python3\.\d+t?", path.name)):
        if int(re.sub(r"\D", "", path.name.removeprefix("python3."))) < 13 or not os.access(path, os.X_OK):
            continue
        asked = subprocess.run([path, "-c", TELL], capture_output=True, text=True, timeout=60)
        if asked.returncode == 0:  # pyenv's shims stand for versions that are not switched on, too
            found.setdefault(asked.stdout.strip(), str(path))
    return [found[version] for version in sorted(found)]


@pytest.mark.parametrize("python", pythons(), ids=lambda path: Path(path).name)
def test_it_holds_under_every_python_found(python: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(SRC), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [python, "-X", "dev", "-W", "error", str(HERE / "telnetlib_check.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("telnetlib holds under Python 3.")
