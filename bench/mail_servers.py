"""The mail servers that are compared: smtp-sink and aiosmtpd, which forget what they take, Postfix, which keeps it, and ours.

Postfix runs as Debian has it, with its queue, its log and its mailboxes in the run's folder; the machine's own configuration is
neither read nor changed. It answers for a mail once that is synced in its queue (fsync), and delivers it into a Maildir then,
where it is synced again; ours syncs it there and answers. Its many processes share one core, as ours do.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from pathlib import Path

from bench.peers import HOST, PEERS, Running, Server, wirespeak
from scripts.peers import find

__all__ = ["BOX", "DOMAIN", "aiosmtpd", "await_delivery", "discarding", "postfix", "smtp_sink", "storing"]

DOMAIN = "home.test"
BOX = "bob"

DRAINING = 120.0  # seconds that Postfix may take to deliver what it has queued
LONGEST_RUN = 1200  # seconds after which Postfix ends by itself, should the benchmark be cut off before it can end it
MAIL_SIZE = 100_000_000

POSTFIX_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {daemons}
command_directory = {commands}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mail.{domain}
mydestination =
mynetworks = 127.0.0.0/8
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = loopback-only
inet_protocols = ipv4
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
message_size_limit = {size}
in_flow_delay = 0
virtual_mailbox_limit = 0
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ {box}@{domain}={domain}/{box}/ }}
virtual_uid_maps = static:{owner}
virtual_gid_maps = static:{group}
"""
"""in_flow_delay: not to slow clients down when they are faster than it delivers."""

POSTFIX_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


def smtp_sink() -> Server:
    """Postfix's own program for such trials, in C: one process that waits for all its clients by epoll."""
    rights = ["-u", "nobody"] if os.geteuid() == 0 else []  # root it does not want to be
    return Server("smtp-sink", lambda port, folder: [_binary("smtp-sink"), *rights, f"{HOST}:{port}", "1000"])


def aiosmtpd() -> Server:
    """aiosmtpd by its own command, with its own handler that forgets."""
    words = [str(PEERS / "python"), "-m", "aiosmtpd", "-n", "-c", "aiosmtpd.handlers.Sink", "-s", str(MAIL_SIZE), "-l"]
    return Server("aiosmtpd", lambda port, folder: [*words, f"{HOST}:{port}"])


def postfix() -> Server:
    """Postfix, which only root can start."""

    def command(port: int, folder: Path) -> list[str]:
        if os.geteuid() != 0:
            raise RuntimeError("Postfix can be started by root alone")
        owner, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
        folder.parent.chmod(0o711)  # its processes run as several users
        for part, user in {"queue": 0, "data": owner.pw_uid, "mail": nobody.pw_uid, "conf": 0}.items():
            (folder / part).mkdir()
            os.chown(folder / part, user, -1)
        daemons = Path("/usr/lib/postfix/sbin")
        main = POSTFIX_MAIN.format(
            folder=folder,
            daemons=daemons,
            commands=Path(_binary("postfix")).parent,
            domain=DOMAIN,
            box=BOX,
            size=MAIL_SIZE,
            owner=nobody.pw_uid,
            group=nobody.pw_gid,
        )
        (folder / "conf" / "main.cf").write_text(main)
        (folder / "conf" / "master.cf").write_text(POSTFIX_MASTER.format(port=port))
        subprocess.run([_binary("postfix"), "-c", folder / "conf", "check"], check=True, capture_output=True, timeout=20)
        return [str(daemons / "master"), "-c", str(folder / "conf"), "-d", "-e", str(LONGEST_RUN)]

    return Server("Postfix", command)


def discarding() -> list[Server]:
    """Those that forget what they take. None keeps a log."""
    return [wirespeak("smtp", "serve", "--discard", "--no-log"), smtp_sink(), aiosmtpd()]


def storing() -> list[Server]:
    """Those that keep it in a Maildir, synced. Each keeps a log."""
    ours = wirespeak("smtp", "serve", "--domain", DOMAIN, "--maildir", "{folder}/mail", "--log", "{folder}/log")
    return [ours, postfix()]


def await_delivery(running: Running, mails: int) -> None:
    """Wait until so many mails are in the Maildir. Raises RuntimeError where they don't come, or there are more.

    They stay there until the run's end: ext4 looks long for a place for a new file where many were deleted a moment ago.
    """
    new = running.folder / "mail" / DOMAIN / BOX / "new"
    limit = time.monotonic() + DRAINING
    while (there := len(os.listdir(new)) if new.is_dir() else 0) < mails:
        if time.monotonic() > limit:
            raise RuntimeError(f"of {mails} mails {there} were delivered within {DRAINING:g} s")
        time.sleep(0.05)
    if there > mails:
        raise RuntimeError(f"{there} mails were delivered, and {mails} sent")


def _binary(command: str) -> str:
    path = find(command)
    if path is None:
        raise RuntimeError(f"{command} is not here (make peers installs it: Debian's package postfix)")
    return path
