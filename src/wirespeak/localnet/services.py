"""The services of the little internet: what each is, how it is made, and how to talk to it by hand."""

from __future__ import annotations

import shlex
import shutil
import sys
from typing import Final

from wirespeak import contract
from wirespeak.dns.counters import Counters as DnsCounters
from wirespeak.http.guard import guarded
from wirespeak.http.limits import ServerLimits
from wirespeak.http.server import HttpServer
from wirespeak.irc.counters import Counters as IrcCounters
from wirespeak.localnet import chat, lobby, mail, names
from wirespeak.localnet.net import Figure, LocalNet, LocalService, Running, Trial
from wirespeak.localnet.site import Site
from wirespeak.smtp.counters import Counters as SmtpCounters
from wirespeak.sockets.address import Address
from wirespeak.telnet.server import Counters as TelnetCounters

__all__ = ["SERVICES"]

TYPED: Final = ServerLimits(head_time=75.0)
"""Who types a request by hand looks for the keys: they are given as long as an idle connection is."""


PAGES_GIVEN: Final = (
    Figure("connections", "connections.open"),
    Figure("requests", "requests.total"),
    Figure("bytes sent", "bytes.sent"),
    Figure("median time", "latency_ms.p50", "ms"),
)
"""What is shown of a web server's work."""


def _web(net: LocalNet, running: Running) -> contract.Service:
    """The site, as a service of its own with its own counters."""
    site = Site(net)
    server = HttpServer(guarded(site, net.hosts), limits=TYPED, counters=running.counters)
    site.standing = server.standing
    return server


def _ourselves() -> str:
    """How to call this program from another terminal."""
    return "wirespeak" if shutil.which("wirespeak") else f"{shlex.quote(sys.executable)} -m wirespeak"


def _request(running: Running) -> tuple[str, ...]:
    return ("GET /explain HTTP/1.1", f"Host: {Address(running.host, running.port)}", "")


def _by_hand(net: LocalNet, running: Running) -> tuple[Trial, ...]:
    return (
        Trial(f"curl -v {running.url}explain", "What curl says, and what it is told, each byte explained."),
        Trial(f"telnet {running.host} {running.port}", "What you type comes back explained.", _request(running)),
        Trial(f"{_ourselves()} http get --explain {running.url}", "The whole conversation as it ran, in this project’s own client."),
    )


def _by_hand_over_tls(net: LocalNet, running: Running) -> tuple[Trial, ...]:
    root = shlex.quote(str(net.authority.certificate_file))
    return (
        Trial(f"curl --cacert {root} {running.url}explain", "The same, encrypted on the way."),
        Trial(
            f"openssl s_client -quiet -crlf -CAfile {root} -connect {running.host}:{running.port}",
            "Does what telnet does, over an encrypted line.",
            _request(running),
        ),
    )


def _mail(recipient: str) -> tuple[str, ...]:
    """A mail as one types it: the dialog of RFC 5321 D.1."""
    return (
        "EHLO my.test",
        "MAIL FROM:<me@my.test>",
        f"RCPT TO:<{recipient}@{mail.DOMAIN}>",
        "DATA",
        "Subject: By hand",
        "",
        "Hello!",
        ".",
        "QUIT",
    )


def _by_hand_mail(net: LocalNet, running: Running) -> tuple[Trial, ...]:
    where = Address(running.host, running.port)
    return (
        Trial(f"telnet {running.host} {running.port}", "Each line is answered by a number, and words for people.", _mail(net.user)),
        Trial(
            f"{_ourselves()} smtp send --server {where} --from me@my.test --to {net.user}@{mail.DOMAIN} --subject Hello --explain",
            "The same by this project’s own client, each line explained.",
        ),
        Trial(f"{_ourselves()} smtp inbox --maildir {shlex.quote(str(net.mail))}", "The mail that has come; smtp inbox show shows one."),
    )


def _by_hand_submission(net: LocalNet, running: Running) -> tuple[Trial, ...]:
    root, password = shlex.quote(str(net.authority.certificate_file)), shlex.quote(str(net.password))
    alice, bob = f"{net.user}@{mail.DOMAIN}", f"bob@{mail.DOMAIN}"
    return (
        Trial(
            f"openssl s_client -quiet -crlf -starttls smtp -CAfile {root} -connect {running.host}:{running.port}",
            "Agrees on TLS in the conversation; behind it, EHLO tells how one can log in.",
            ("EHLO my.test", "QUIT"),
        ),
        Trial(
            f"{_ourselves()} smtp send --server {Address(running.host, running.port)} --tls starttls --ca {root} --user {net.user} "
            f"--password-file {password} --from {alice} --to {bob} --subject Lunch",
            f"{net.user.capitalize()} logs in and writes to bob.",
        ),
    )


def _by_hand_submissions(net: LocalNet, running: Running) -> tuple[Trial, ...]:
    root, password = shlex.quote(str(net.authority.certificate_file)), shlex.quote(str(net.password))
    alice, bob = f"{net.user}@{mail.DOMAIN}", f"bob@{mail.DOMAIN}"
    return (
        Trial(
            f"echo Hello | curl --crlf --cacert {root} --url {running.url} --user {net.user}:$(cat {password}) "
            f"--mail-from {alice} --mail-rcpt {bob} --upload-file -",
            "The same by curl.",
        ),
    )


def _by_hand_terminal(net: LocalNet, running: Running) -> tuple[Trial, ...]:
    return (
        Trial(f"telnet {running.host} {running.port}", "A menu, as computers once greeted people; choose by a letter and Enter."),
        Trial(f"{_ourselves()} telnet connect {running.host} {running.port} --explain", "The same, each byte explained."),
    )


def _by_hand_chat(net: LocalNet, running: Running) -> tuple[Trial, ...]:
    join = ("NICK me", "USER me 0 * :Me", f"JOIN {chat.CHANNEL}", f"PRIVMSG {chat.CHANNEL} :{chat.HELPER}: lookup www.home.test", "QUIT")
    return (
        Trial(f"{_ourselves()} irc chat {running.host}:{running.port} --join '{chat.CHANNEL}'", f"Say {chat.HELPER}: help, and it tells."),
        Trial(f"irssi -c {running.host} -p {running.port}", f"The same by irssi; /join {chat.CHANNEL}"),
        Trial(f"telnet {running.host} {running.port}", "The same by hand.", join),
    )


def _by_hand_chat_over_tls(net: LocalNet, running: Running) -> tuple[Trial, ...]:
    root = shlex.quote(str(net.authority.certificate_file))
    return (
        Trial(
            f"{_ourselves()} irc chat {running.host}:{running.port} --tls --ca {root} --join '{chat.CHANNEL}' --explain",
            "The same, encrypted on the way, and each byte explained.",
        ),
    )


def _by_hand_names(net: LocalNet, running: Running) -> tuple[Trial, ...]:
    where = f"@{running.host} -p {running.port}"
    return (
        Trial(f"dig {where} www.home.test", "The addresses of www.home.test, as BIND’s own tool shows them."),
        Trial(f"{_ourselves()} dns query www.home.test {where} --explain", "The question and its answer, each byte explained."),
        Trial(f"dig {where} home.test MX +tcp", "Who takes mail for home.test, asked over TCP."),
        Trial(f"dig {where} -x 127.0.0.1", "The name of an address: the reverse tree."),
    )


MAIL_TAKEN: Final = (
    Figure("connections", "connections.open"),
    Figure("mails", "mails.total"),
    Figure("recipients", "mails.recipients"),
    Figure("bytes received", "bytes.received"),
)
"""What is shown of a mail server's work."""

CHATTED: Final = (
    Figure("connections", "connections.open"),
    Figure("users", "users.now"),
    Figure("at most", "users.most"),
)
"""What is shown of a chat server's work; there is one, however many ways lead to it."""

SERVICES: Final = (
    LocalService(
        name="http",
        port=8080,
        scheme="http",
        title="The web",
        does="This site, and the files that you put into its folder.",
        make=_web,
        by_hand=_by_hand,
        figures=PAGES_GIVEN,
    ),
    LocalService(
        name="https",
        port=8443,
        scheme="https",
        title="The web over TLS",
        does="The same, encrypted, with a certificate of this machine’s own authority.",
        make=_web,
        by_hand=_by_hand_over_tls,
        figures=PAGES_GIVEN,
        secure=True,
        alpn=("http/1.1",),
    ),
    LocalService(
        name="smtp",
        port=8025,
        scheme="smtp",
        title="Mail",
        does="Takes mail for every name at home.test, and puts it into your data folder.",
        make=mail.make,
        by_hand=_by_hand_mail,
        figures=MAIL_TAKEN,
        count=SmtpCounters,
        starttls=True,
    ),
    LocalService(
        name="submission",
        port=8587,
        scheme="smtp",
        title="Mail from you",
        does="Takes mail that you send, once you have logged in over TLS.",
        make=mail.make_submission,
        by_hand=_by_hand_submission,
        figures=MAIL_TAKEN,
        count=SmtpCounters,
        starttls=True,
    ),
    LocalService(
        name="submissions",
        port=8465,
        scheme="smtps",
        title="Mail over TLS",
        does="The same, encrypted from the first byte.",
        make=mail.make_submissions,
        by_hand=_by_hand_submissions,
        figures=MAIL_TAKEN,
        count=SmtpCounters,
        secure=True,
    ),
    LocalService(
        name="telnet",
        port=lobby.PORT,
        scheme="telnet",
        title="A terminal",
        does="A menu to look round in: who is here, names, pages, mail.",
        make=lobby.make,
        by_hand=_by_hand_terminal,
        figures=(Figure("visitors", "connections.open"), Figure("visits", "visits.total")),
        count=TelnetCounters,
    ),
    LocalService(
        name="irc",
        port=chat.PORT,
        scheme="irc",
        title="Chat",
        does="A network with a lobby, and a bot in it that looks names up, fetches pages and sends mail.",
        make=chat.make,
        by_hand=_by_hand_chat,
        figures=CHATTED,
        count=IrcCounters,
    ),
    LocalService(
        name="ircs",
        port=chat.TLS_PORT,
        scheme="ircs",
        title="Chat over TLS",
        does="The same network, encrypted.",
        make=chat.make_secure,
        by_hand=_by_hand_chat_over_tls,
        figures=CHATTED,
        count=IrcCounters,
        secure=True,
    ),
    LocalService(
        name="dns",
        port=8053,
        scheme="dns",
        title="Names",
        does="The names of all this: home.test, and those of loopback’s addresses.",
        make=names.make,
        by_hand=_by_hand_names,
        figures=(
            Figure("questions", "questions.total"),
            Figure("over TCP", "questions.tcp"),
            Figure("cut short", "answers.truncated"),
            Figure("bytes sent", "bytes.sent"),
        ),
        count=DnsCounters,
        datagrams=True,
    ),
)
"""In the order in which they are made, and shown: names come last, as they tell where the others are."""
