"""What the README shows is what happens: the program in it runs, the conversation is explained so, the table is true."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.sockets.serving import served
from wirespeak import frames
from wirespeak.explanation import as_text
from wirespeak.frames import CLASSIC, DIALECTS, Dialect, FramesServer
from wirespeak.frames.explain import explain
from wirespeak.frames.grammar import HTTP_OPENING

HERE = Path(__file__).parent
README = (Path(frames.__file__).parent / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ((?:`\w+` ?)+)\|[^|]+\| `([^`]+)`(?: \(be\))? \| ([\d,]+|1 MB, or `--limit`) \|$", README, re.MULTILINE)


def block(mark: str) -> str:
    """The code of the fenced block that is marked so."""
    found = re.search(rf"^```python {re.escape(mark)}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert found, mark
    return found[1]


def test_the_program_of_a_dozen_lines_is_the_one_that_the_tests_run() -> None:
    program = (HERE / "dozen_lines_server.py").read_text(encoding="utf-8")
    assert program.endswith('"""\n\n' + block("dozen_lines_server.py"))


def test_a_recv_gives_all_bytes_but_not_the_messages(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as sending:
        receiving, _ = listening.accept()

        def say() -> None:
            exec(block("sender"), {"peer": sending})
            sending.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=say)
        thread.start()
        with receiving:
            exec(block("receiver"), {"peer": receiving})
        thread.join(20)
    sizes = [int(line.split()[0]) for line in capsys.readouterr().out.splitlines()]
    assert sum(sizes) == 1_000_010
    assert sizes != [5, 5, 1_000_000]
    shown = re.search(r"^Run once.*?\n\n(.*?)\n\n", README, re.MULTILINE | re.DOTALL)
    assert shown
    assert sum(int(line.split()[0]) for line in shown[1].splitlines()) == 1_000_010


def test_the_conversation_is_explained_as_shown() -> None:
    shown = re.search(r"^```text\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert shown
    with served(FramesServer()) as server:
        command = [sys.executable, "-m", "wirespeak", "frames", "send", "{}:{}".format(*server.address), "hello", "Grüße"]
        plain = subprocess.run(command, capture_output=True, timeout=30, check=True, encoding="utf-8")
    assert plain.stdout == "hello\nGrüße\n"
    # Which frames come in one read is chance, so the parts are compared and not one run's output.
    hello, gruesse = CLASSIC.encode(["hello"]), CLASSIC.encode(["Grüße"])
    expected = [
        as_text(hello, explain(hello), direction="→", width=96),
        as_text(gruesse, explain(gruesse, first=2), direction="→", width=96),
        as_text(hello + gruesse, explain(hello + gruesse), direction="←", width=96),
        as_text(CLASSIC.encode_end(), explain(CLASSIC.encode_end(), first=3), direction="→", width=96),
    ]
    assert shown[1] == "\n".join(expected)


def test_every_dialect_stands_in_the_table_and_writes_as_it_says() -> None:
    named = [named for names, _, _ in ROWS for named in re.findall(r"\w+", names)]
    assert named == list(DIALECTS)
    for names, hello, longest in ROWS:
        dialect = DIALECTS[re.findall(r"\w+", names)[-1]]
        written = hello.encode() if dialect.length == "netstring" else bytes.fromhex(hello)
        assert dialect.encode(["hello"]) == written
        assert f"{dialect.limit:,}" == longest or dialect.limit == 1 << 20


def test_how_long_a_message_must_be_to_be_taken_for_a_browser_s() -> None:
    """Rule 7: the first letters of the methods, read as lengths."""
    one, two = Dialect("u8"), Dialect("u16le")
    assert HTTP_OPENING.match(one.encode(["ET /".ljust(71)]))
    assert HTTP_OPENING.match(two.encode(["T /".ljust(17_735)]))
    for start in ("ET /", "OST /", "EAD /", "PTIONS /"):
        assert not any(HTTP_OPENING.match(one.encode([start.ljust(size)])) for size in range(9, 71))
        assert not any(HTTP_OPENING.match(two.encode([start[1:].ljust(size)])) for size in range(9, 17_735))
