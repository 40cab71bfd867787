"""The little internet as a whole: its folder, its services, and what it says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from wirespeak.errors import WirespeakError
from wirespeak.localnet import SERVICES, LocalNet, Running
from wirespeak.sockets.address import Address

BY_NAME = {service.name: service for service in SERVICES}
HTTP, HTTPS, SMTP, DNS = (BY_NAME[name] for name in ("http", "https", "smtp", "dns"))


def test_the_folder_is_made_with_all_that_is_in_it(tmp_path: Path) -> None:
    net = LocalNet(tmp_path / "new" / "folder")
    assert (net.folder.stat().st_mode & 0o777) == 0o700
    assert net.authority.certificate_file.is_file()
    assert "/files/" in (net.files / "hello.txt").read_text()


def test_what_is_in_the_folder_stays(tmp_path: Path) -> None:
    first = LocalNet(tmp_path)
    (first.files / "hello.txt").unlink()
    (first.files / "mine").write_text("mine")
    second = LocalNet(tmp_path)
    assert second.authority.certificate.fingerprint == first.authority.certificate.fingerprint
    assert [file.name for file in second.files.iterdir()] == ["mine"]


def test_a_folder_that_cannot_be_made_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WirespeakError, match=r"data folder .*/file/below can't be made: Not a directory; choose another with --dir"):
        LocalNet(tmp_path / "file" / "below")


@pytest.mark.parametrize(
    ("listens", "url"),
    [
        ("127.0.0.1", "http://localhost:8080/"),
        ("::1", "http://localhost:8080/"),
        ("*", "http://localhost:8080/"),
        ("0.0.0.0", "http://localhost:8080/"),
        ("::", "http://localhost:8080/"),
        ("192.0.2.1", "http://192.0.2.1:8080/"),
        ("2001:db8::1", "http://[2001:db8::1]:8080/"),
    ],
)
def test_a_service_is_called_as_it_can_be_reached(listens: str, url: str) -> None:
    assert Running(HTTP, [Address(listens, 8080)]).url == url


def test_every_service_says_how_to_talk_to_it(tmp_path: Path) -> None:
    net = LocalNet(tmp_path)
    for service in SERVICES:
        trials = service.by_hand(net, Running(service, [Address("127.0.0.1", 12345)]))
        assert all("12345" in trial.command or str(net.mail) in trial.command for trial in trials)
        assert "12345" in trials[0].command
        assert all(trial.typed[-1] in ("", "QUIT") for trial in trials if trial.typed)


def test_the_status_tells_of_each_service(tmp_path: Path) -> None:
    net = LocalNet(tmp_path)
    net.running = [
        Running(HTTP, [Address("127.0.0.1", 80), Address("::1", 80)]),
        Running(HTTPS, [Address("127.0.0.1", 443)]),
        Running(SMTP, [Address("127.0.0.1", 25)]),
        Running(DNS, [Address("127.0.0.1", 53)]),
    ]
    net.running[0].counters.answered(200, 1000, 0.002)
    status = net.status()
    assert status["uptime"] >= 0
    assert [service["name"] for service in status["services"]] == ["http", "https", "smtp", "dns"]
    assert status["services"][0]["addresses"] == ["127.0.0.1:80", "[::1]:80"]
    assert status["services"][0]["requests"] == {"total": 1, "by_status": {"200": 1}}
    assert status["services"][1]["requests"] == {"total": 0, "by_status": {}}
    assert status["services"][2]["mails"] == {"total": 0, "recipients": 0}
    assert status["services"][3]["questions"]["total"] == 0


def test_every_number_that_is_shown_is_there(tmp_path: Path) -> None:
    for service in SERVICES:
        running = Running(service, [Address("127.0.0.1", 12345)])
        shown = [figure.of(running.counters.as_data()) for figure in service.figures]
        assert all(number in ("0", "0.0") for number in shown)
