"""What `make` calls on behaves as a guest: it leaves the machine's own settings as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import packages, peers


def test_every_peer_is_listed_once_with_its_command_and_its_purpose() -> None:
    listed = peers.peers()
    assert {"curl", "nginx", "chromium"} <= {peer.command for peer in listed}
    assert all(peer.package and peer.command and peer.purpose for peer in listed)
    assert [peer.package for peer in listed] == sorted({peer.package for peer in listed})


def test_a_program_is_found_on_the_path_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "wirespeak-peer"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert peers.find("wirespeak-peer") == str(program)
    assert peers.find("wirespeak-no-peer") is None


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for the machine's policy that is not the machine's own."""
    path = tmp_path / "policy-rc.d"
    monkeypatch.setattr(packages, "POLICY", path)
    return path


def test_while_packages_are_installed_no_service_may_start(policy: Path) -> None:
    with packages._nothing_starts():
        assert "exit 101" in policy.read_text()
        assert policy.stat().st_mode & 0o111
    assert not policy.exists()


def test_a_policy_that_was_there_is_put_back(policy: Path) -> None:
    policy.write_text("the machine's own")
    with pytest.raises(KeyboardInterrupt), packages._nothing_starts():
        raise KeyboardInterrupt
    assert policy.read_text() == "the machine's own"
    assert list(policy.parent.iterdir()) == [policy]


def test_a_policy_is_put_back_also_after_a_run_that_was_cut_off(policy: Path) -> None:
    policy.write_text(packages.DENY)
    policy.with_name("policy-rc.d.before-wirespeak").write_text("the machine's own")
    with packages._nothing_starts():
        pass
    assert policy.read_text() == "the machine's own"


def test_where_it_may_not_install_it_says_what_an_administrator_would(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packages, "_as_root", lambda: None)
    assert packages.install(["nginx", "wrk"], "for the tests") is False
    assert capsys.readouterr().err == "Not installed, for the tests: nginx wrk\nAs an administrator: apt-get install nginx wrk\n"
