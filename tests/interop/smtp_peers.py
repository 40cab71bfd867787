"""Mail servers for the tests: Postfix, Exim, aiosmtpd and ours, each on free ports of loopback, with mailboxes in a folder of its own.

    with postfix(routes={"away.test": "smtp:[127.0.0.1]:2525"}) as server:
        send_to(server.port)
        [mail] = server.mails("alice")

Each receives for home.test, knows the user alice by `PASSWORD`, has a certificate of this user's local authority, and
listens at two ports: one that begins in the clear (STARTTLS), one that speaks TLS at once. Their configuration is
written for each run into a folder that goes with the `with` block; the machine's own is neither read nor changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.peers import find
from tests.processes import Program, free_port
from wirespeak.sasl import ScramKeys
from wirespeak.sockets.authority import Authority

__all__ = ["DOMAIN", "PASSWORD", "USER", "USERS", "MailServer", "certificate", "exim", "open_folder", "postfix", "wirespeak"]

DOMAIN = "home.test"
USER = "alice"
PASSWORD = "pa55,w=rd+/"  # what a mechanism or an option might take for its own
USERS = (USER, "bob", "ann", "jürgen")
"""Who has a mailbox with Postfix and Exim."""

START_LIMIT = 30.0
DELIVERY_LIMIT = 10.0
TRIES = 3  # another program may take a port between our look at it and the server's start


@dataclass(slots=True)
class MailServer:
    """A server that answers. ``mail`` has a Maildir for each user of `DOMAIN`."""

    name: str
    programs: list[Program]
    port: int
    secure_port: int
    mail: Path
    authority: Path
    log: Path | None = None

    @property
    def output(self) -> str:
        """What it has logged."""
        log = self.log.read_text(errors="replace") if self.log is not None and self.log.exists() else ""
        return "".join(program.output for program in self.programs) + log

    def mails(self, user: str, count: int = 1) -> list[bytes]:
        """The mails of ``user``, oldest first, once there are ``count``; AssertionError where there aren't in time, or there are more."""
        limit = time.monotonic() + DELIVERY_LIMIT
        while len(files := self._files(user)) < count:
            assert time.monotonic() < limit, f"{len(files)} mails for {user}, not {count}; {self.name} wrote:\n{self.output}"
            time.sleep(0.02)
        assert len(files) == count, files
        return [file.read_bytes() for file in files]

    def has_none(self, user: str) -> bool:
        """There is no mail for ``user``. Where delivery takes its time, wait for a later mail first."""
        return not self._files(user)

    def empty(self) -> None:
        """Throw away what has come so far."""
        for file in self.mail.glob("*/new/*"):
            file.unlink()

    def _files(self, user: str) -> list[Path]:
        return sorted((self.mail / user / "new").glob("*"), key=lambda file: (file.stat().st_mtime_ns, file.name))


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder into which a server's other users can look too, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="wirespeak-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextlib.contextmanager
def _running(
    make: Callable[[int, int, str], tuple[list[str | Path], Mapping[str, str]]], folder: Path
) -> Iterator[tuple[Program, int, int]]:
    """Run what ``make`` makes for two free ports and a host name, until the block ends; it is ready when it greets by that name."""
    for tries_left in reversed(range(TRIES)):
        port, secure_port, name = free_port(), free_port(), f"mail-{secrets.token_hex(4)}.{DOMAIN}"
        command, env = make(port, secure_port, name)
        program = Program(command, cwd=folder, env=env)
        try:
            _wait_for_greeting(program, port, name)
        except AssertionError:
            program.end()
            if not tries_left:
                raise
        except BaseException:
            program.end()
            raise
        else:
            break
    try:
        yield program, port, secure_port
    finally:
        program.end()


def _wait_for_greeting(program: Program, port: int, name: str) -> None:
    limit = time.monotonic() + START_LIMIT
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as sock, sock.makefile("rb") as lines:
                if lines.readline().startswith(f"220 {name} ".encode()):
                    sock.sendall(b"QUIT\r\n")
                    return
        except OSError:
            pass
        assert program.process.poll() is None, f"{program} ended; it wrote:\n{program.output}"
        assert time.monotonic() < limit, f"{program} does not greet; it wrote:\n{program.output}"
        time.sleep(0.02)


def certificate(folder: Path, owner: int | None = None) -> tuple[Path, Path]:
    """A file with a certificate of the local authority and its key, readable by the user ``owner``; and the file of the authority."""
    authority = Authority.open()
    credentials = authority.issue(["localhost"])
    parts = {credentials.certificate_file: None, credentials.key_file or credentials.certificate_file: None}
    file = folder / "certificate.pem"
    file.touch(0o600)
    file.write_bytes(b"".join(part.read_bytes() for part in parts))
    if owner is not None and os.geteuid() == 0:
        os.chown(file, owner, -1)
    return file, authority.certificate_file


# --- Postfix ----------------------------------------------------------------------------------------------------------

POSTFIX_FOLDERS = {
    "root": "queue queue/pid conf conf/sasl",
    "postfix": "data "
    + " ".join(
        f"queue/{part}" for part in ("active bounce corrupt defer deferred flush hold incoming maildrop private public saved trace").split()
    ),
    "nobody": "mail",
}
"""By whom they are owned. "postfix check" makes those of the queue too, and takes a second for it."""

POSTFIX_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = {commands}
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = {name}
mydestination =
mynetworks =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = loopback-only
inet_protocols = ipv4
smtp_dns_support_level = disabled
smtp_host_lookup = native
message_size_limit = 20000000
virtual_mailbox_limit = 0
virtual_mailbox_domains = home.test
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ {boxes} }}
virtual_uid_maps = static:{owner}
virtual_gid_maps = static:{group}
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {certificate}
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_loglevel = 1
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = home.test
cyrus_sasl_config_path = {folder}/conf/sasl
relay_domains =
smtp_tls_loglevel = 1
smtp_tls_CAfile = {authority}
lmtp_tls_loglevel = 1
lmtp_tls_CAfile = {authority}
minimal_backoff_time = 1s
queue_run_delay = 1s
"""

POSTFIX_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{secure} inet n - n - - smtpd
    -o smtpd_tls_wrappermode=yes
    -o smtpd_tls_security_level=encrypt
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

SASL_CONF = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/conf/sasl/users
mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256
"""


@contextlib.contextmanager
def postfix(*, routes: Mapping[str, str] | None = None, settings: Mapping[str, str] | None = None) -> Iterator[MailServer]:
    """Run Postfix, which only root can.

    It delivers to Maildirs of `USERS`, and relays for the domains of ``routes``, each with transport and next hop.
    ``settings`` are lines of main.cf that come after ours.
    """
    if os.geteuid() != 0:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("only root can start Postfix")
    lines = dict(settings or {})
    if routes:
        lines["relay_domains"] = ", ".join(routes)
        lines["transport_maps"] = f"inline:{{ {', '.join(f'{domain}={hop}' for domain, hop in routes.items())} }}"
    postfix_user, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
    with open_folder() as folder:
        for owner, parts in POSTFIX_FOLDERS.items():
            for part in parts.split():
                (folder / part).mkdir()
                shutil.chown(folder / part, owner)
        certified, authority = certificate(folder)
        sasl = folder / "conf" / "sasl"  # where Debian's looks in any case
        (sasl / "smtpd.conf").write_text(SASL_CONF.format(folder=folder))
        add_user = [_binary("saslpasswd2"), "-c", "-p", "-f", sasl / "users", "-u", DOMAIN, USER]
        subprocess.run(add_user, input=PASSWORD.encode(), check=True, timeout=20)
        os.chown(sasl / "users", postfix_user.pw_uid, -1)

        def make(port: int, secure: int, name: str) -> tuple[list[str | Path], Mapping[str, str]]:
            main = POSTFIX_MAIN.format(
                folder=folder,
                commands=Path(_binary("postfix")).parent,
                name=name,
                boxes=", ".join(f"{user}@{DOMAIN}={user}/" for user in USERS),
                owner=nobody.pw_uid,
                group=nobody.pw_gid,
                certificate=certified,
                authority=authority,
            )
            kept = [line for line in main.splitlines() if line.partition(" = ")[0] not in lines]
            (folder / "conf" / "main.cf").write_text("\n".join([*kept, *(f"{key} = {value}" for key, value in lines.items()), ""]))
            (folder / "conf" / "master.cf").write_text(POSTFIX_MASTER.format(port=port, secure=secure))
            # -e: it ends by itself, should this test be ended before it can.
            return ["/usr/lib/postfix/sbin/master", "-c", folder / "conf", "-d", "-e", "600"], {}

        with _running(make, folder) as (program, port, secure):
            yield MailServer("postfix", [program], port, secure, folder / "mail", authority, folder / "log")


# --- Exim -------------------------------------------------------------------------------------------------------------

EXIM_CONF = """\
exim_path = {folder}/exim4
keep_environment = LD_PRELOAD : ^NSS_WRAPPER_
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/spool/pid
primary_hostname = {name}
domainlist local_domains = home.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port} : {secure}
tls_on_connect_ports = {secure}
tls_advertise_hosts = *
tls_certificate = {certificate}
chunking_advertise_hosts = *
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
message_size_limit = 20000000
smtp_accept_queue_per_connection = 0
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
begin acl
rcpt:
  deny message = relaying denied
       ! domains = +local_domains
  require verify = recipient
  accept
begin routers
local:
  driver = accept
  domains = +local_domains
  local_parts = {users}
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = {folder}/mail/$local_part_data
  maildir_format
  return_path_add
  user = Debian-exim
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_advertise_condition = $tls_in_cipher
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{user}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_advertise_condition = $tls_in_cipher
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{{user}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_advertise_condition = $tls_in_cipher
  server_secret = ${{if eq{{$auth1}}{{{user}}}{{{password}}}fail}}
  server_set_id = $auth1
"""


@contextlib.contextmanager
def exim() -> Iterator[MailServer]:
    """Run Exim as a user without rights, who bears the name it was built for by `libnss_wrapper`."""
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    with open_folder() as folder:
        for part in ("spool", "log", "mail"):
            (folder / part).mkdir()
            os.chown(folder / part, owner.pw_uid, -1)
        certified, authority = certificate(folder, owner.pw_uid)
        shutil.copy(_binary("exim4"), folder)  # it starts itself anew for each mail, and that user may not look into our project
        (folder / "passwd").write_text(f"root:x:0:0::/:/bin/false\nDebian-exim:x:{owner.pw_uid}:{owner.pw_gid}::{folder}:/bin/false\n")
        (folder / "group").write_text(f"root:x:0:\nDebian-exim:x:{owner.pw_gid}:\n")
        env = {
            "LD_PRELOAD": _binary("libnss_wrapper.so"),
            "NSS_WRAPPER_PASSWD": str(folder / "passwd"),
            "NSS_WRAPPER_GROUP": str(folder / "group"),
        }
        as_owner = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"] if os.geteuid() == 0 else []

        def make(port: int, secure: int, name: str) -> tuple[list[str | Path], Mapping[str, str]]:
            (folder / "conf").write_text(
                EXIM_CONF.format(
                    folder=folder,
                    name=name,
                    port=port,
                    secure=secure,
                    certificate=certified,
                    users=" : ".join(USERS),
                    user=USER,
                    password=PASSWORD,
                )
            )
            return [*as_owner, folder / "exim4", "-C", folder / "conf", "-bdf"], env

        with _running(make, folder) as (program, port, secure):
            yield MailServer("exim", [program], port, secure, folder / "mail", authority, folder / "log" / "mainlog")


# --- ours -------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def wirespeak(*options: str | Path, domain: str = DOMAIN) -> Iterator[MailServer]:
    """Run ``wirespeak smtp serve`` twice, for STARTTLS and for TLS at once, with these ``options`` too.

    Without the option ``--user`` any local part of ``domain`` has a mailbox.
    """
    with open_folder() as folder, contextlib.ExitStack() as stack:
        (folder / "users").write_text(f"{USER} {ScramKeys.of(PASSWORD, secrets.token_bytes(16), 4096)}\n")
        (folder / "users").chmod(0o600)

        def start(tls: str) -> tuple[Program, int]:
            kept = ["--domain", domain, "--maildir", folder / "mail", "--users", folder / "users"]
            program = Program([sys.executable, "-m", "wirespeak", "smtp", "serve", "--bind", "127.0.0.1:0", "--json", tls, *kept, *options])
            stack.callback(program.end)
            return program, json.loads(program.wait_for(r'^{.*"listening".*}$')[0])["port"]

        program, port = start("--starttls")
        secure_program, secure_port = start("--tls")
        mail, authority = folder / "mail" / domain, Authority.open().certificate_file
        yield MailServer("wirespeak", [program, secure_program], port, secure_port, mail, authority)


def _binary(command: str) -> str:
    path = find(command)
    assert path, f"{command} is not here: the test should have asked for it with the marker peer"
    return path
