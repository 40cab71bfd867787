"""The mail of the little internet: who gets it, who may log in, where both lie. What it says over sockets is in tests/cli/test_up.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from wirespeak.errors import WirespeakError
from wirespeak.localnet import SERVICES, LocalNet, Running
from wirespeak.localnet.mail import make, make_submission, make_submissions
from wirespeak.smtp import Mailbox, Recipient, Reply, SmtpServer, Transaction, Users
from wirespeak.sockets.address import Address

BY_NAME = {service.name: service for service in SERVICES}
MAKES = {"smtp": make, "submission": make_submission, "submissions": make_submissions}


def made(net: LocalNet, name: str) -> SmtpServer:
    server = MAKES[name](net, Running(BY_NAME[name], [Address("127.0.0.1", 25)]))
    assert isinstance(server, SmtpServer)
    return server


def password(net: LocalNet) -> str:
    return net.password.read_text().strip()


@pytest.mark.parametrize("name", MAKES)
def test_every_name_at_home_gets_mail_and_nobody_elsewhere(tmp_path: Path, name: str) -> None:
    server = made(LocalNet(tmp_path), name)

    def route(address: str) -> object:
        return server.recipients.route(Transaction(), Recipient(Mailbox.parse(address)))

    for address, target in (("alice@home.test", "home.test/alice"), ("Whoever+x@HOME.test", "home.test/whoever")):
        found = route(address)
        assert not isinstance(found, Reply)
        assert [one.target for one in found] == [target]  # type: ignore[attr-defined]
    refused = route("alice@away.test")
    assert isinstance(refused, Reply)
    assert refused.enhanced == "5.7.1"


def test_one_may_log_in_where_mail_is_submitted_alone(tmp_path: Path) -> None:
    net = LocalNet(tmp_path)
    assert made(net, "smtp").authenticator is None
    for name in ("submission", "submissions"):
        server = made(net, name)
        assert server.submission
        assert not server.auth_in_clear
        assert server.authenticator is not None
    assert (made(net, "smtp").tls is None, made(net, "submission").tls is None, made(net, "submissions").tls is None) == (
        False,
        False,
        True,
    )


def test_the_password_is_made_once(tmp_path: Path) -> None:
    net = LocalNet(tmp_path)
    made(net, "submission")
    first = password(net)
    assert len(first) >= 16
    assert net.password.stat().st_mode & 0o777 == 0o600
    assert Users(tmp_path / "mail-users").verify(net.user, first)
    made(net, "submissions")
    made(LocalNet(tmp_path), "submission")
    assert password(net) == first


@pytest.mark.parametrize("lost", ["mail-password", "mail-users"])
def test_where_one_of_the_two_files_is_lost_both_are_made_anew(tmp_path: Path, lost: str) -> None:
    net = LocalNet(tmp_path)
    made(net, "submission")
    first = password(net)
    (tmp_path / lost).unlink()
    made(net, "submission")
    assert password(net) != first
    assert Users(tmp_path / "mail-users").verify(net.user, password(net))


@pytest.mark.parametrize(("name", "file"), [("smtp", "mail"), ("submission", "mail-password")])
def test_what_cannot_be_written_is_told(tmp_path: Path, name: str, file: str) -> None:
    net = LocalNet(tmp_path)
    if file == "mail":
        (tmp_path / file).write_text("in the way")
    else:
        (tmp_path / file).mkdir()
    with pytest.raises(WirespeakError, match=f"{file} can't be (made|written)"):
        made(net, name)
