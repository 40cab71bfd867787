"""The local authority: made once, kept private, bound to this machine; certificates renewed in time."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

from wirespeak.errors import AddressError, WirespeakError
from wirespeak.sockets import authority as module
from wirespeak.sockets.authority import LOCAL_NAMES, Authority
from wirespeak.sockets.certificate import ByName, Certificate, Credentials

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.open(tmp_path / "authority", NOW)


def read(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


# --- the root


def test_the_root_is_made_once(authority: Authority) -> None:
    again = Authority.open(authority.folder, NOW + timedelta(days=3000))
    assert again.certificate == authority.certificate
    assert again.certificate_file.read_bytes() == authority.certificate_file.read_bytes()


def test_keys_are_their_owners_alone(authority: Authority) -> None:
    authority.issue(["localhost"], NOW)
    assert mode(authority.folder) == 0o700
    for file in authority.folder.rglob("*"):
        assert mode(file) == (0o700 if file.is_dir() else 0o644 if file == authority.certificate_file else 0o600)
    assert sorted(file.name for file in (authority.folder / "root").iterdir()) == ["certificate.pem", "key.pem"]


def test_keys_are_private_whatever_the_umask(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib; os.umask(0)\nfrom wirespeak.sockets.authority import Authority\nAuthority.open(pathlib.Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "authority"], check=True)
    assert mode(tmp_path / "authority" / "root" / "key.pem") == 0o600
    assert mode(tmp_path / "authority") == mode(tmp_path / "authority" / "root") == 0o700


def test_the_root_may_vouch_for_this_machine_only(authority: Authority) -> None:
    root = read(authority.certificate_file)
    constraints = root.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert constraints.value.excluded_subtrees is None
    assert [name.value for name in constraints.value.permitted_subtrees or ()] == [
        "localhost",
        "test",
        IPv4Network("127.0.0.0/8"),
        IPv6Network("::1/128"),
    ]
    basic = root.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    assert list(root.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert authority.certificate.not_before == NOW - timedelta(hours=1)
    assert authority.certificate.not_after == NOW - timedelta(hours=1) + timedelta(days=3650)


def test_two_authorities_have_two_names(authority: Authority, tmp_path: Path) -> None:
    other = Authority.open(tmp_path / "other", NOW)
    assert other.certificate.subject != authority.certificate.subject
    assert other.certificate.subject.startswith("CN=wirespeak local authority ")


def test_programs_that_begin_together_end_with_one_root(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys\n"
        "from wirespeak.sockets.authority import LOCAL_NAMES, Authority\n"
        "sys.stdin.readline()\n"
        "authority = Authority.open(pathlib.Path(sys.argv[1]))\n"
        "authority.issue(LOCAL_NAMES)\n"
        "print(authority.certificate.fingerprint)"
    )
    folder = tmp_path / "authority"
    command = [sys.executable, "-c", code, str(folder)]
    programs = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for program in programs:  # all are let go at once
        assert program.stdin is not None
        program.stdin.write("\n")
        program.stdin.flush()
    said = {program.communicate(timeout=60)[0] for program in programs}
    assert [program.returncode for program in programs] == [0, 0, 0, 0]
    assert said == {f"{Authority.open(folder).certificate.fingerprint}\n"}
    assert sorted(file.name for file in folder.iterdir()) == ["root", "servers"]


@pytest.mark.parametrize("days", [-1, 3650 - 30, 4000])
def test_outside_its_time_it_says_so(authority: Authority, days: int) -> None:
    with pytest.raises(
        WirespeakError, match=r"good from 2026-01-01 to 2035-11-30, and today is 20\d\d-\d\d-\d\d: check the clock, or remove"
    ):
        Authority.open(authority.folder, NOW + timedelta(days=days))


def test_a_key_that_others_can_read_is_refused(authority: Authority) -> None:
    key = authority.folder / "root" / "key.pem"
    key.chmod(0o640)
    with pytest.raises(WirespeakError, match=r"key\.pem, can be read by others \(mode 0640\): remove that folder"):
        Authority.open(authority.folder, NOW)


@pytest.mark.parametrize("file", ["certificate.pem", "key.pem"])
@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_damaged_authority_is_told_of(authority: Authority, file: str, content: bytes) -> None:
    (authority.folder / "root" / file).write_bytes(content)
    with pytest.raises(WirespeakError, match="is damaged: remove that folder to begin anew"):
        Authority.open(authority.folder, NOW)


def test_a_key_that_belongs_to_another_is_told_of(authority: Authority, tmp_path: Path) -> None:
    other = Authority.open(tmp_path / "other", NOW)
    (authority.folder / "root" / "key.pem").write_bytes((other.folder / "root" / "key.pem").read_bytes())
    with pytest.raises(WirespeakError, match="has a key that is not its own"):
        Authority.open(authority.folder, NOW)


@pytest.mark.parametrize("file", ["certificate.pem", "key.pem"])
def test_a_missing_file_is_told_of_and_not_made_anew(authority: Authority, file: str) -> None:
    """A new root in the place of one that is trusted would be trusted by nobody: only its owner can want that."""
    (authority.folder / "root" / file).unlink()
    with pytest.raises(WirespeakError, match=f"cannot be used: No such file or directory .*{file}"):
        Authority.open(authority.folder, NOW)
    assert [file.name for file in authority.folder.iterdir()] == ["root"]


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "authority").write_text("")
    with pytest.raises(WirespeakError, match=r"cannot be used: File exists .*must be a folder that this user can read and write"):
        Authority.open(tmp_path / "authority", NOW)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(WirespeakError, match=r"cannot be used: No space left on device .*; make room on that disk"):
        Authority.open(tmp_path / "authority", NOW)
    assert list((tmp_path / "authority").iterdir()) == []
    monkeypatch.undo()
    authority = Authority.open(tmp_path / "authority", NOW)
    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(WirespeakError, match="make room on that disk"):
        authority.issue(["localhost"], NOW)
    assert list((authority.folder / "servers").iterdir()) == []


def test_without_a_folder_it_is_this_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert Authority.open(now=NOW).folder == tmp_path / "wirespeak" / "authority"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Authority.open(now=NOW).folder == tmp_path / ".local" / "share" / "wirespeak" / "authority"


# --- certificates for servers


def test_a_certificate_for_the_usual_names(authority: Authority) -> None:
    credentials = authority.issue(LOCAL_NAMES, NOW)
    certificate = read(credentials.certificate_file)
    certificate.verify_directly_issued_by(read(authority.certificate_file))
    assert set(credentials.certificate.names) == {"localhost", "home.test", "*.home.test", "127.0.0.1", "::1"}
    assert credentials.certificate.issuer == authority.certificate.subject
    assert credentials.certificate.subject == "O=wirespeak"
    assert credentials.certificate.not_before == NOW - timedelta(hours=1)
    assert credentials.certificate.not_after - credentials.certificate.not_before == timedelta(days=397)
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_it_is_kept_for_the_next_run(authority: Authority) -> None:
    first = authority.issue(["localhost", "a.test"], NOW)
    later = Authority.open(authority.folder, NOW + timedelta(days=300))
    assert later.issue(["A.test.", "localhost", "localhost"], NOW + timedelta(days=300)) == first
    assert later.issue(["a.test"], NOW) != first


def test_it_is_renewed_a_month_before_its_end(authority: Authority) -> None:
    first = authority.issue(["localhost"], NOW)
    end = first.certificate.not_after
    assert authority.issue(["localhost"], end - timedelta(days=30, seconds=1)) == first
    renewed = authority.issue(["localhost"], end - timedelta(days=30))
    assert renewed.certificate.not_after == end + timedelta(days=367, hours=-1)
    assert renewed.certificate_file == first.certificate_file
    assert Credentials.load(renewed.certificate_file) == renewed


def test_it_ends_with_the_root_at_the_latest(authority: Authority) -> None:
    late = NOW + timedelta(days=3600)
    assert authority.issue(["localhost"], late).certificate.not_after == authority.certificate.not_after


@pytest.mark.parametrize("damage", [b"", b"nonsense"])
def test_a_damaged_one_is_made_anew(authority: Authority, damage: bytes) -> None:
    first = authority.issue(["localhost"], NOW)
    first.certificate_file.write_bytes(damage)
    again = Authority.open(authority.folder, NOW).issue(["localhost"], NOW)
    assert again.certificate_file == first.certificate_file
    assert again != first


def test_one_of_another_root_is_made_anew(authority: Authority, tmp_path: Path) -> None:
    other = Authority.open(tmp_path / "other", NOW)
    theirs = other.issue(["localhost"], NOW).certificate_file.read_bytes()
    authority.issue(["localhost"], NOW).certificate_file.write_bytes(theirs)
    ours = Authority.open(authority.folder, NOW).issue(["localhost"], NOW)
    read(ours.certificate_file).verify_directly_issued_by(read(authority.certificate_file))


@pytest.mark.parametrize(
    "name", ["example.com", "localhost.example", "mytest", "*.example", "*", "192.168.1.1", "::2", "0.0.0.0", "fe80::1%eth0"]
)
def test_for_other_machines_it_does_not_vouch(authority: Authority, name: str) -> None:
    with pytest.raises(WirespeakError, match=r"may not vouch for .*take a certificate from another authority"):
        authority.issue(["localhost", name], NOW)


@pytest.mark.parametrize("name", ["", "a b", "127.1", "a.*.test", "*.*.test"])
def test_what_is_no_name_gets_no_certificate(authority: Authority, name: str) -> None:
    with pytest.raises(AddressError):
        authority.issue([name], NOW)


def test_the_number_of_names_is_bounded(authority: Authority) -> None:
    names = [f"a{number}.test" for number in range(101)]
    assert len(authority.issue(names[:100], NOW).certificate.names) == 100
    for wrong in ([], names):
        with pytest.raises(WirespeakError, match="1 to 100 names"):
            authority.issue(wrong, NOW)


def test_names_that_are_asked_for(authority: Authority) -> None:
    default = authority.choose(None)
    assert default is not None
    assert authority.choose("localhost") == authority.choose("www.home.test") == authority.choose("127.0.0.1") == default
    own = authority.choose("a.b.home.test")
    assert own is not None
    assert own.certificate.names == ("a.b.home.test",)
    assert authority.choose("foo.localhost") not in (default, own, None)
    assert authority.choose("example.com") is None


def test_a_peer_that_asks_for_ever_new_names_fills_nothing(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SERVERS_KEPT", 5)
    for number in range(12):
        authority.choose(f"a{number}.b.test")
    assert len(list((authority.folder / "servers").iterdir())) == 5
    assert len(authority._issued) <= 5


def test_what_another_program_tidied_away_is_made_anew(authority: Authority) -> None:
    first = authority.issue(["localhost"], NOW)
    first.certificate_file.unlink()
    again = authority.issue(["localhost"], NOW)
    assert again != first
    assert Credentials.load(again.certificate_file) == again


# --- credentials in files


def test_credentials_of_ones_own(authority: Authority, tmp_path: Path) -> None:
    issued = authority.issue(["localhost"], NOW)
    assert Credentials.load(issued.certificate_file) == issued
    apart = Credentials.load(authority.certificate_file, tmp_path / "key.pem")
    assert apart.key_file == tmp_path / "key.pem"
    assert apart.choose("anything") is apart


def test_files_without_a_certificate(tmp_path: Path) -> None:
    with pytest.raises(WirespeakError, match="cannot be read: No such file or directory"):
        Credentials.load(tmp_path / "missing.pem")
    (tmp_path / "wrong.pem").write_text("nonsense")
    with pytest.raises(
        WirespeakError, match=r"wrong\.pem holds no certificate: expected one in PEM, beginning with -----BEGIN CERTIFICATE-----"
    ):
        Credentials.load(tmp_path / "wrong.pem")


def test_several_credentials_by_name(authority: Authority) -> None:
    first, second, third = (authority.issue([name], NOW) for name in ("a.test", "*.b.test", "c.test"))
    several = ByName([first, second, third])
    assert several.choose("c.test") is third
    assert several.choose("www.b.test") is second
    for unknown in (None, "b.test", "w.w.b.test", "d.test"):
        assert several.choose(unknown) is first


@pytest.mark.parametrize(
    ("names", "name", "covered"),
    [
        (["a.test"], "a.test", True),
        (["a.test"], "b.a.test", False),
        (["*.a.test"], "b.a.test", True),
        (["*.a.test"], "a.test", False),
        (["*.a.test"], "c.b.a.test", False),  # RFC 9525 6.3: a star is one label
        (["127.0.0.1"], "127.0.0.1", True),
        (["localhost"], "", False),
    ],
)
def test_which_names_a_certificate_covers(authority: Authority, names: list[str], name: str, covered: bool) -> None:
    assert authority.issue(names, NOW).certificate.covers(name) is covered


def test_what_a_certificate_says(authority: Authority) -> None:
    certificate = read(authority.issue(["localhost", "127.0.0.1"], NOW).certificate_file)
    said = Certificate.of(certificate)
    assert said.names == ("localhost", "127.0.0.1")
    assert said.fingerprint.replace(":", "") == certificate.fingerprint(SHA256()).hex().upper()
    assert len(said.fingerprint.split(":")) == 32
