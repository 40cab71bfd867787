"""What `make` calls on behaves as a guest: it leaves the machine's own settings as they were."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scripts import packages, peers


def test_every_peer_is_listed_once_with_its_command_and_its_purpose() -> None:
    listed = peers.peers()
    assert {"curl", "nginx", "chromium", "exim4"} <= {peer.name for peer in listed}
    assert len({peer.name for peer in listed}) == len(listed)
    assert all(peer.package and peer.command and peer.purpose for peer in listed)
    assert [peer.package for peer in listed] == sorted({peer.package for peer in listed})


def test_a_program_is_found_on_the_path_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "wirespeak-peer"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert peers.find("wirespeak-peer") == str(program)
    assert peers.find("wirespeak-no-peer") is None


def test_what_is_no_command_is_found_by_its_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "peers.apt").write_text("some-lib /usr/no/*/some.so for tests\nsome-mta .unpacked/usr/*bin/some-mta for tests\n")
    for module in (peers, packages):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(peers, "LIST", tmp_path / "peers.apt")
    installed, unpacked = peers.peers()
    assert (installed.name, installed.is_unpacked) == ("some.so", False)
    assert (unpacked.name, unpacked.is_unpacked) == ("some-mta", True)
    assert peers.find("some-mta") is None
    program = tmp_path / ".unpacked" / "usr" / "sbin" / "some-mta"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    assert peers.find("some-mta") == str(program)
    assert peers.find("some.so") is None
    another = tmp_path / "some-mta"  # of the same name, but of another package
    another.write_text("#!/bin/sh\n")
    another.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert peers.find("some-mta") == str(program)
    program.unlink()
    assert peers.find("some-mta") == str(another)


def test_what_packages_enable_is_switched_off_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "SETTINGS", tmp_path)
    wants = tmp_path / "systemd" / "system" / "multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / "older.service").symlink_to("/lib/systemd/system/older.service")
    with packages._nothing_enabled():
        (wants / "newer.service").symlink_to("/lib/systemd/system/newer.service")
    assert [link.name for link in wants.iterdir()] == ["older.service"]


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="there are no Debian packages on this system")
def test_an_unpacked_package_gives_nobody_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tmp_path / "made"
    (made / "DEBIAN").mkdir(parents=True)
    (made / "DEBIAN" / "control").write_text("Package: some-mta\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: x\n")
    (made / "usr" / "sbin").mkdir(parents=True)
    (made / "usr" / "sbin" / "some-mta").write_text("#!/bin/sh\n")
    (made / "usr" / "sbin" / "some-mta").chmod(0o4755)

    def download(*arguments: str, cwd: str) -> bool:
        assert arguments == ("download", "some-mta")
        return subprocess.run(["dpkg-deb", "--build", made, cwd], capture_output=True, check=False).returncode == 0

    monkeypatch.setattr(packages, "_apt", download)
    assert packages.unpack(["some-mta"], tmp_path / ".unpacked")
    assert (tmp_path / ".unpacked" / "usr" / "sbin" / "some-mta").stat().st_mode & 0o7777 == 0o755


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
