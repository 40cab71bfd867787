"""A command that is given the mail: its arguments, its environment, its end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.smtp.delivery.mails import FRONT, MAIL, delivered, hand_over, transaction
from tests.smtp.delivery.test_maildir import LARGE
from tests.sockets.serving import until
from wirespeak.errors import LocalProtocolError
from wirespeak.smtp.delivery.pipe import Pipe
from wirespeak.smtp.transaction import Route

OK = "250 2.0.0 Ok"

REPORT = """
import json, os, sys
with open(os.environ["REPORT"], "a") as file:
    file.write(json.dumps([sys.argv[1:], dict(os.environ), sys.stdin.buffer.read().decode("latin-1")]) + chr(10))
"""


def python(code: str, *arguments: str, **options: Any) -> Pipe:
    return Pipe([sys.executable, "-c", code, *arguments], **options)


class Reporting:
    """A command that notes how it was run."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.file = folder / "report"
        self.pipe = python(REPORT, *arguments, environment={"REPORT": str(self.file)})

    def runs(self) -> list[Any]:
        return [json.loads(line) for line in self.file.read_text().splitlines()]


def test_the_mail_is_its_input_with_the_trace_in_front_and_lines_that_end_in_lf(tmp_path: Path) -> None:
    command = Reporting(tmp_path)
    assert delivered(command.pipe, transaction("bob@home.test")) == [OK]
    [(_, _, mail)] = command.runs()
    assert mail.startswith(FRONT.decode())
    assert mail.endswith("\n" + MAIL.decode().replace("\r\n", "\n"))


def test_a_large_mail_comes_whole_to_each_recipients_run(tmp_path: Path) -> None:
    command = Reporting(tmp_path, "{recipient}")
    assert delivered(command.pipe, transaction("bob@home.test", "eve@home.test"), LARGE) == [OK, OK]
    runs = command.runs()
    assert [arguments for arguments, _, _ in runs] == [["bob@home.test"], ["eve@home.test"]]
    for _, _, mail in runs:
        assert mail.endswith(b"".join(LARGE).decode().replace("\r\n", "\n"))


@pytest.mark.parametrize(
    "local",
    ["bob", "two words", "$(touch /tmp/x)", "a;b|c&d>e", "`x`", '"', "'", "\\", "*", "{sender}", "bob\nx", "ü"],
)
def test_an_address_is_one_argument_whatever_it_is_made_of(tmp_path: Path, local: str) -> None:
    command = Reporting(tmp_path, "-d", "{recipient}", "-f", "{sender}", "end")
    mail = transaction("bob@home.test")
    delivered(command.pipe, mail, to=[Route(mail.recipients[0], command.pipe, f"home.test/{local}")])
    [(arguments, environment, _)] = command.runs()
    assert [arguments[0], *arguments[2:]] == ["-d", "-f", "ann@away.test", "end"]
    assert arguments[1].endswith("@home.test")
    assert environment["RECIPIENT"] == arguments[1]


def test_the_environment_holds_the_envelope_and_nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of ours")
    command = Reporting(tmp_path)
    mail = transaction("Sales@home.test")
    delivered(command.pipe, mail, to=[Route(mail.recipients[0], command.pipe, "home.test/bob")])
    [(_, environment, _)] = command.runs()
    assert "SECRET" not in environment
    said = ("SENDER", "RECIPIENT", "ORIGINAL_RECIPIENT", "CLIENT_ADDRESS", "CLIENT_HELO", "MAIL_ID", "PATH")
    assert {name: environment[name] for name in said} == {
        "SENDER": "ann@away.test",
        "RECIPIENT": "bob@home.test",
        "ORIGINAL_RECIPIENT": "Sales@home.test",
        "CLIENT_ADDRESS": "192.0.2.7",
        "CLIENT_HELO": "mx.away.test",
        "MAIL_ID": "3f1c",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }


def test_the_empty_sender_is_an_empty_argument(tmp_path: Path) -> None:
    command = Reporting(tmp_path, "{sender}")
    delivered(command.pipe, transaction("bob@home.test", sender=None))
    [(arguments, environment, _)] = command.runs()
    assert arguments == [""]
    assert environment["SENDER"] == ""


def test_an_address_that_a_command_would_take_for_an_option_is_refused(tmp_path: Path) -> None:
    command = Reporting(tmp_path, "{sender}", "{recipient}")
    refused = "An address that begins with a hyphen is not taken here"
    assert delivered(command.pipe, transaction("-oQ@home.test", "bob@home.test")) == [f"553 5.1.3 {refused}", OK]
    assert delivered(command.pipe, transaction("bob@home.test", sender="-x@away.test")) == [f"553 5.1.7 {refused}"]
    assert len(command.runs()) == 1
    assert delivered(Reporting(tmp_path).pipe, transaction("-oQ@home.test")) == [OK]  # no argument of that command


@pytest.mark.parametrize("item", ["--to={recipient}", "{sender}!", "x{recipient}"])
def test_an_address_within_an_item_is_no_command_of_a_pipe(item: str) -> None:
    with pytest.raises(LocalProtocolError, match="items of their own"):
        Pipe(["/bin/true", item])


@pytest.mark.parametrize(
    ("code", "reply"),
    [
        (0, OK),
        (64, "554 5.3.0 Command line usage error"),
        (65, "554 5.6.0 Data format error"),
        (67, "550 5.1.1 No such user"),
        (69, "554 5.3.0 Service unavailable"),
        (71, "451 4.3.0 System resource problem"),
        (74, "451 4.3.0 Input or output error"),
        (75, "451 4.3.0 Temporary failure"),
        (77, "550 5.7.0 Permission denied"),
        (78, "554 5.3.5 Local configuration error"),
        (1, "554 5.3.0 The delivery program failed"),
        (255, "554 5.3.0 The delivery program failed"),
    ],
)
def test_the_exit_code_is_the_answer(code: int, reply: str) -> None:
    assert delivered(Pipe(["/bin/sh", "-c", f"exit {code}"]), transaction("bob@home.test")) == [reply]


def test_a_command_that_is_killed_or_not_there_is_tried_again_later() -> None:
    assert delivered(Pipe(["/bin/sh", "-c", "kill -SEGV $$"]), transaction("bob@home.test")) == [
        "451 4.3.0 The delivery program did not finish"
    ]
    assert delivered(Pipe(["/no/such/program"]), transaction("bob@home.test")) == ["451 4.3.5 Local configuration error"]
    assert delivered(Pipe(["/etc/passwd"]), transaction("bob@home.test")) == ["451 4.3.5 Local configuration error"]


def test_one_that_takes_too_long_is_ended_with_all_it_began(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    script = f"sleep 600 & echo $! $$ > {file}; wait"
    assert delivered(Pipe(["/bin/sh", "-c", script], time_limit=0.5), transaction("bob@home.test")) == [
        "451 4.3.0 The delivery program did not finish"
    ]
    pids = [int(word) for word in file.read_text().split()]
    assert len(pids) == 2
    until(lambda: not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids))


def test_what_it_leaves_behind_with_its_output_open_is_ended(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    command = Pipe(["/bin/sh", "-c", f"sleep 600 & echo $! > {file}"], time_limit=1.0)
    assert delivered(command, transaction("bob@home.test")) == [OK]
    pid = int(file.read_text())
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_a_command_need_not_read_the_mail() -> None:
    assert delivered(Pipe(["/bin/true"]), transaction("bob@home.test"), LARGE) == [OK]


def test_what_it_writes_is_logged_as_far_as_its_beginning_and_told_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    noisy = python("import sys; sys.stdout.write('why ' + 'x' * 10_000_000); sys.exit(65)")
    with caplog.at_level(logging.ERROR, "wirespeak.smtp"):
        assert delivered(noisy, transaction("bob@home.test")) == ["554 5.6.0 Data format error"]
    assert "ended with 65; it wrote: 'why xxx" in caplog.text
    assert len(caplog.text) < 5_000


def test_commands_run_side_by_side(tmp_path: Path) -> None:
    """Each waits for the other: alone, none would come to its end."""
    script = "import os,sys,time; open(sys.argv[1], 'w'); [time.sleep(0.01) for _ in range(1500) if not os.path.exists(sys.argv[2])]"
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    check = "; sys.exit(not os.path.exists(sys.argv[2]))"

    async def main() -> list[str]:
        mails = [(python(script + check, *order), transaction("bob@home.test")) for order in ((one, other), (other, one))]
        outcomes = await asyncio.gather(*(hand_over(pipe, mail) for pipe, mail in mails))
        return [str(outcome.reply) for each in outcomes for outcome in each]

    assert asyncio.run(main()) == [OK, OK]


def test_nothing_stays_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for pieces in ([MAIL], LARGE):
        delivered(Pipe(["/bin/true"]), transaction("bob@home.test", "eve@home.test"), pieces)
    until(lambda: len(os.listdir("/proc/self/fd")) <= before)
