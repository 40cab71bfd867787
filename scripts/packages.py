"""Install Debian packages as a guest should: told beforehand, no service started, none left enabled.

    python3 -m scripts.packages PACKAGE …

Needs nothing but Python and apt. Runs as root, or through sudo where that asks no password; otherwise it says what an
administrator would have to install, and does nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = Path("/etc")
POLICY = Path("/usr/sbin/policy-rc.d")
DENY = "#!/bin/sh\n# Put here by wirespeak while it installs packages: no service is started (101: forbidden by policy).\nexit 101\n"

ANSWERS = {"postfix": "postfix postfix/main_mailer_type select No configuration\n"}
"""What Debian is told beforehand that a package would ask."""

ENVIRONMENT = {
    **os.environ,
    "PATH": os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin")),  # root's tools, also where su left a user's PATH
    "DEBIAN_FRONTEND": "noninteractive",  # asks nothing
    "NEEDRESTART_SUSPEND": "1",  # Ubuntu's tool that restarts services after an upgrade
}


def install(packages: Sequence[str], purpose: str) -> bool:
    """Install ``packages``, telling first what for; False where that was not allowed or did not work."""
    names = " ".join(packages)
    how = _as_root()
    if how is None:
        print(f"Not installed, {purpose}: {names}\nAs an administrator: apt-get install {names}", file=sys.stderr)
        return False
    print(f"Installing Debian packages {purpose}: {names}\n(their services are neither started nor enabled)", flush=True)
    command = [*how, sys.executable, "-m", "scripts.packages", *packages]
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode == 0


def unpack(packages: Sequence[str], folder: Path) -> bool:
    """Take ``packages`` apart in ``folder``, for what cannot be installed beside another; False where that did not work.

    Runs none of their scripts, needs no administrator and gives no program another user's rights; their dependencies are not
    brought along.
    """
    print(f"Unpacking Debian packages in {folder.name}/, not installed: {' '.join(packages)}", flush=True)
    with tempfile.TemporaryDirectory() as download:
        if not _apt("download", *packages, cwd=download):
            return False
        folder.mkdir(exist_ok=True)
        unpacked = [subprocess.run(["dpkg", "-x", file, folder], check=False).returncode == 0 for file in Path(download).glob("*.deb")]
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o777)
    return all(unpacked)


def _as_root() -> list[str] | None:
    """What goes before a command to run it as root; None where we may not, or there is no apt."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    allowed = shutil.which("sudo") and subprocess.run([*sudo, "true"], capture_output=True, check=False).returncode == 0
    return sudo if allowed else None


@contextmanager
def _nothing_starts() -> Iterator[None]:
    """Forbid packages to start services, by the policy that Debian's tools ask; then put back the one that was there."""
    kept = POLICY.with_name("policy-rc.d.before-wirespeak")
    if POLICY.exists() and not kept.exists():  # a kept one is older: an earlier run was cut off before it put it back
        POLICY.rename(kept)
    POLICY.write_text(DENY)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        if kept.exists():
            kept.replace(POLICY)
        else:
            POLICY.unlink(missing_ok=True)


@contextmanager
def _nothing_enabled() -> Iterator[None]:
    """Switch off again what the packages have set to start with the machine; what was set before stays."""
    before = _enabled()
    try:
        yield
    finally:
        for link in sorted(_enabled() - before):
            if link.parent.name.startswith("rc"):
                subprocess.run(["update-rc.d", link.name[3:], "disable"], env=ENVIRONMENT, capture_output=True, check=False)  # S01nginx
            else:
                link.unlink(missing_ok=True)  # to systemd, being enabled is to have this link
        if left := _enabled() - before:
            print("Still set to start with the machine:", *sorted(left), file=sys.stderr)


def _enabled() -> set[Path]:
    """The links through which services start with the machine: systemd's, and those of the run levels."""
    patterns = ("systemd/*/*.wants/*", "systemd/*/*.requires/*", "rc[2345S].d/S*")
    return {link for pattern in patterns for link in SETTINGS.glob(pattern)}


def _answer(packages: Sequence[str]) -> None:
    """Answer what ``packages`` would ask, so that they set up nothing."""
    if answers := "".join(ANSWERS.get(package, "") for package in packages):
        subprocess.run(["debconf-set-selections"], env=ENVIRONMENT, input=answers, capture_output=True, text=True, check=False)


def _apt(*arguments: str, cwd: str | None = None) -> bool:
    """Run apt-get; its output is shown only when it fails."""
    command = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", *arguments]
    done = subprocess.run(
        command, cwd=cwd, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        print(*done.stdout.splitlines()[-10:], *done.stderr.splitlines(), sep="\n", file=sys.stderr)
    return done.returncode == 0


def main(packages: Sequence[str]) -> int:
    """Install ``packages`` as root: together, or where that fails one by one, so that each that can be had is there."""
    with _nothing_starts(), _nothing_enabled():
        _apt("update")  # where one of several sources fails, the others may do
        _answer(packages)
        # --no-remove: what the machine has stays, also where a package excludes it (one mail server another).
        if _apt("install", "--no-install-recommends", "--no-remove", *packages):
            return 0
        alone = [_apt("install", "--no-install-recommends", "--no-remove", package) for package in packages]
        return 0 if all(alone) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
