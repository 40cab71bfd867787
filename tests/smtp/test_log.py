"""The mail log: a line a mail and a line a refusal, whatever the peer writes into its addresses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pytest

from tests.smtp.talk import HELLO, Box, Wire, mail, server_for, talk
from tests.sockets.serving import served
from wirespeak.sasl import Accounts, Authenticator, ScramKeys
from wirespeak.smtp.log import MailLog

Format: TypeAlias = Literal["text", "json"]

WHEN = 1_795_280_400.125  # 2026-11-21T17:00:00.125Z
USERS = Authenticator(Accounts({"ann": ScramKeys.of("secret", b"0123456789abcdef", 4096)}, b"x" * 16).find)
BODY = ("Subject: lunch", "", "At one?")


def logged(folder: Path, script: str, format: Format = "text", box: Box | None = None, **options: Any) -> list[str]:
    """The lines of the log after the dialog in ``script``."""
    log = MailLog(folder / "mail.log", format)
    talk(server_for(box or Box(), log=log, clock=lambda: WHEN, **options), script)
    log.close()
    return (folder / "mail.log").read_text().splitlines()


def test_a_mail_taken(tmp_path: Path) -> None:
    (line,) = logged(tmp_path, HELLO + mail(*BODY))
    words = line.split(" ")
    name = words[4]
    assert line == (
        f"2026-11-21T17:00:00.125Z mail client ESMTP {name} from=<ann@away.test> to=<bob@home.test> size=27 250 2.0.0 Taken as {name}"
    )


def test_a_mail_refused(tmp_path: Path) -> None:
    (line,) = logged(tmp_path, HELLO + mail(*BODY, answer="452 …"), box=Box(full="deliver"))
    assert line.endswith(" from=<ann@away.test> to=<bob@home.test> size=27 452 4.3.1 The mail can't be stored just now")


def test_refusals_before_a_mail(tmp_path: Path) -> None:
    script = """
        C: MAIL FROM:<>
        S: 250 …
        C: RCPT TO:<who@home.test>
        S: 550 …
        C: BREW
        S: 500 …
    """
    recipient, protocol = logged(tmp_path, HELLO + script)
    assert recipient.startswith("2026-11-21T17:00:00.125Z recipient client ESMTP ")
    assert recipient.endswith(" from=<> to=<who@home.test> 550 5.1.1 <who@home.test>: no such user here")
    assert protocol.startswith("2026-11-21T17:00:00.125Z protocol client ESMTP ")
    assert "500 5.5.2 " in protocol


def test_lmtp_has_a_line_for_each_recipient(tmp_path: Path) -> None:
    hello = HELLO.replace("ESMTP", "LMTP").replace("EHLO", "LHLO")
    script = (
        "C: MAIL FROM:<>\nS: 250 …\nC: RCPT TO:<bob@home.test>\nS: 250 …\nC: RCPT TO:<eve@home.test>\nS: 250 …\nC: DATA\nS: 354 …\nC: .\n"
    )
    lines = logged(tmp_path, hello + script + "S: 250 …\nS: 250 …", lmtp=True)
    assert [line.split(" to=")[1].split()[0] for line in lines] == ["<bob@home.test>", "<eve@home.test>"]


def test_nothing_of_a_peer_ends_a_line_or_reaches_a_terminal(tmp_path: Path) -> None:
    script = """
        C: MAIL FROM:<"é\\\\ x"@away.test> SMTPUTF8
        S: 250 …
        C: RCPT TO:<who@home.test>
        S: 550 …
    """
    (line,) = logged(tmp_path, HELLO + script)
    assert r'from=<"\xC3\xA9\x5C\x5C x"@away.test>' in line
    assert line.isascii()


def test_for_programs(tmp_path: Path) -> None:
    lines = logged(
        tmp_path, HELLO + mail(*BODY) + "\nC: MAIL FROM:<é@away.test> SMTPUTF8\nS: 250 …\nC: RCPT TO:<a@b.test>\nS: 550 …", "json"
    )
    taken, refused = map(json.loads, lines)
    assert taken == {
        "time": "2026-11-21T17:00:00.125Z",
        "step": "mail",
        "client": "client",
        "hello": "mail.away.test",
        "protocol": "ESMTP",
        "id": taken["id"],
        "from": "ann@away.test",
        "to": ["bob@home.test"],
        "bytes": 27,
        "code": 250,
        "reply": f"250 2.0.0 Taken as {taken['id']}",
    }
    assert (refused["step"], refused["from"], refused["to"], refused["code"]) == ("recipient", "é@away.test", ["a@b.test"], 550)
    assert lines[1].isascii()


@pytest.mark.parametrize("format", ["text", "json"])
def test_who_logged_in_is_in_it(tmp_path: Path, format: Format) -> None:
    log = MailLog(tmp_path / "mail.log", format)
    wrong = "C: AUTH PLAIN AGV2ZQB3cm9uZw==\nS: 535 …\n"
    right = "C: AUTH PLAIN AGFubgBzZWNyZXQ=\nS: 235 …"
    with served(server_for(Box(), log=log, authenticator=USERS, auth_in_clear=True)) as listening, listening.connect() as sock:
        talk(Wire(sock), HELLO + wrong + right + mail(*BODY))
    log.close()
    failed, taken = (tmp_path / "mail.log").read_text().splitlines()
    if format == "json":
        assert [json.loads(line)["user"] for line in (failed, taken)] == ["eve", "ann"]
    else:
        assert " auth 127.0.0.1 ESMTP - user=eve 535 5.7.8 " in failed
        assert " user=ann from=<ann@away.test> " in taken
