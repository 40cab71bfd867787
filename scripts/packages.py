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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
POLICY = Path("/usr/sbin/policy-rc.d")
DENY = "#!/bin/sh\n# Put here by wirespeak while it installs packages: no service is started (101: forbidden by policy).\nexit 101\n"

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
                command = ["update-rc.d", link.name[3:], "disable"]  # S01nginx
            else:
                command = ["deb-systemd-helper", *(["--user"] if "user" in link.parts else []), "disable", link.name]
            subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False)
        if left := _enabled() - before:
            print("Still set to start with the machine:", *sorted(left), file=sys.stderr)


def _enabled() -> set[Path]:
    """The links through which services start with the machine: systemd's, and those of the run levels."""
    patterns = ("systemd/*/*.wants/*", "systemd/*/*.requires/*", "rc[2345S].d/S*")
    return {link for pattern in patterns for link in Path("/etc").glob(pattern)}


def _apt(*arguments: str) -> bool:
    """Run apt-get; its output is shown only when it fails."""
    command = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", *arguments]
    done = subprocess.run(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        print(*done.stdout.splitlines()[-10:], *done.stderr.splitlines(), sep="\n", file=sys.stderr)
    return done.returncode == 0


def main(packages: Sequence[str]) -> int:
    """Install ``packages`` as root: together, or where that fails one by one, so that each that can be had is there."""
    with _nothing_starts(), _nothing_enabled():
        _apt("update")  # where one of several sources fails, the others may do
        if _apt("install", "--no-install-recommends", *packages):
            return 0
        alone = [_apt("install", "--no-install-recommends", package) for package in packages]
        return 0 if all(alone) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
