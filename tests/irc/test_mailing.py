"""The code for an account, on its way by mail: what it says, and what becomes of one that can't be sent."""

from __future__ import annotations

import pytest

from tests.smtp.talk import Box, server_for
from wirespeak.errors import ConnectError, Refused, StorageError
from wirespeak.irc.mailing import CodeMail
from wirespeak.sockets.blocking import run
from wirespeak.sockets.memory import MemoryNetwork


def mailing(box: Box) -> CodeMail:
    network = MemoryNetwork({("mx.home.test", 25): server_for(box)})
    return CodeMail("mx.home.test:25", "irc@home.test", "Home", network=network, tls="none")


def test_a_code_is_mailed() -> None:
    box = Box()
    run(mailing(box)("bob@home.test", "Bob", "JBSWY3DP"))
    [mail] = box.texts
    assert "From: irc@home.test\r\nTo: bob@home.test\r\n" in mail
    assert "Subject: Home: the code for Bob\r\n" in mail
    assert "/msg NickServ VERIFY Bob JBSWY3DP\r\n" in mail


@pytest.mark.parametrize(
    "address", ["nobody@home.test", "bob@elsewhere.test", "bob", "bob@home.test\r\nRCPT TO:<eve@home.test>", "b@b@home.test", ""]
)
def test_an_address_that_takes_no_mail(address: str) -> None:
    box = Box()
    with pytest.raises(Refused):
        run(mailing(box)(address, "Bob", "JBSWY3DP"))
    assert box.mails == []


def test_a_server_that_has_no_room_now() -> None:
    with pytest.raises(ConnectError):
        run(mailing(Box(full="deliver", fault=StorageError("the disk is full")))("bob@home.test", "Bob", "JBSWY3DP"))


def test_a_server_that_is_not_there() -> None:
    mail = CodeMail("mx.home.test:25", "irc@home.test", "Home", network=MemoryNetwork({}), tls="none")
    with pytest.raises(ConnectError):
        run(mail("bob@home.test", "Bob", "JBSWY3DP"))
