"""Our mail client against Postfix's smtp-sink, which does on purpose what servers do when they are old, busy or broken."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Unpack

import pytest

from scripts.peers import find
from tests.interop.smtp_letters import LETTER, SENT
from tests.processes import Program, free_port
from wirespeak.errors import ConnectionLost, Refused, TimeoutError
from wirespeak.smtp.client import BlockingClient, Report, Settings, Timeouts

pytestmark = pytest.mark.peer("postfix")  # smtp-sink comes with it

ALICE = "alice@sink.test"
BOB = "bob@sink.test"
PLAIN = SENT.replace("Grüße aus Übersee ☺".encode(), b"Greetings from overseas")


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """``sink("-e", …)`` runs smtp-sink in the folder of the test; the port that it listens on."""
    tmp_path.chmod(0o777)  # run by root, it becomes another user
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with contextlib.ExitStack() as stack:

        def start(*options: str) -> int:
            binary, port = find("smtp-sink"), free_port()
            assert binary is not None
            program = Program([binary, *user, "-h", "sink.test", *options, f"127.0.0.1:{port}", "10"], cwd=tmp_path)
            stack.callback(program.end)
            program.wait_until_accepting(port)
            return port

        yield start


def send(port: int, mail: bytes = PLAIN, **settings: Unpack[Settings]) -> Report:
    """Send ``mail`` to Alice and Bob."""
    with BlockingClient.connect(f"127.0.0.1:{port}", **settings) as client:
        return client.send(mail, "ann@else.test", [ALICE, BOB])


@pytest.mark.parametrize("options", ["", "-e", "-p", "-8 -N -E", "-P", "-L"])
@pytest.mark.parametrize("pipelining", [False, True])
def test_servers_that_offer_less(sink: Callable[..., int], tmp_path: Path, options: str, pipelining: bool) -> None:
    """Without ESMTP, pipelining, 8BITMIME; behind a firewall that paints over the greeting; and LMTP. The mail gets there as it was."""
    report = send(sink("-D", "dump", *options.split()), lmtp=options == "-L", pipelining=pipelining)
    assert [str(box) for box in report.accepted] == [ALICE, BOB]
    [dump] = tmp_path.glob("dump*")
    mail = dump.read_bytes()
    assert mail.count(b"X-Rcpt-Args: ") == 2
    assert mail.endswith(PLAIN.replace(b"\r\n", b"\n") + b"\n")


@pytest.mark.parametrize("options", ["-8", "-e"])
def test_a_mail_in_8_bits_is_not_sent_where_that_is_not_taken(sink: Callable[..., int], tmp_path: Path, options: str) -> None:
    """RFC 6152 3."""
    with pytest.raises(Refused, match="8BITMIME"):
        send(sink("-D", "dump", options), LETTER)
    assert not list(tmp_path.glob("dump*"))


COMMANDS = ["CONNECT", "EHLO,HELO", "MAIL", "RCPT", "DATA", "."]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize(("option", "code"), [("-f", 500), ("-r", 450), ("-Q", 421)])
def test_servers_that_refuse(sink: Callable[..., int], command: str, pipelining: bool, option: str, code: int) -> None:
    """For good, for now, and with 421, after which they hang up."""
    with pytest.raises(Refused) as told:
        send(sink(option, command), pipelining=pipelining)
    assert told.value.reply is not None
    assert told.value.reply.code == code


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("pipelining", [False, True])
def test_servers_that_hang_up(sink: Callable[..., int], command: str, pipelining: bool) -> None:
    with pytest.raises(ConnectionLost):
        send(sink("-q", command), pipelining=pipelining)


def test_a_server_that_refuses_in_mid_mail(sink: Callable[..., int]) -> None:
    """354, and 550 before the mail has come; then it reads no more, and the client stops sending."""
    port = sink("-A", "0")
    with pytest.raises(Refused) as told:
        send(port, b"Subject: x\r\n\r\n" + (b"x" * 78 + b"\r\n") * 500_000)
    assert told.value.reply is not None
    assert told.value.reply.code == 550


def test_a_server_that_is_slow(sink: Callable[..., int]) -> None:
    assert send(sink("-w", "1")).accepted
    assert send(sink("-p", "-W", "RCPT:1")).accepted  # with pipelining it would answer DATA before RCPT
    assert send(sink("-H", "1"), b"Subject: x\r\n\r\n" + (b"x" * 78 + b"\r\n") * 50_000).accepted


def test_a_server_that_does_not_answer_in_time(sink: Callable[..., int]) -> None:
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        send(sink("-p", "-W", "MAIL:20"), timeouts=Timeouts(command=0.3))
    assert time.monotonic() - begun < 15
