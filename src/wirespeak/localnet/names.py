"""The names of the little internet: the zones that are made for it at each start, and yours beside them.

They lie as zone files in the data folder, to be read, and to be learned from:

    names/home.test.zone        what runs here, and where: written anew at each start
    names/yours.zone            included by it: whatever you put into it is answered a moment later
    names/loopback4.zone        who 127.0.0.1 is (RFC 6303 4.2)
    names/loopback6.zone        who ::1 is

Touches that folder.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

from wirespeak import __version__, contract
from wirespeak.dns.cookies import SECRET_SIZE, Cookies
from wirespeak.dns.names import Name
from wirespeak.dns.rate import RateLimiter
from wirespeak.dns.server import DnsServer
from wirespeak.dns.zonestore import Source, ZoneStore
from wirespeak.errors import WirespeakError
from wirespeak.localnet.net import LocalNet, Running

__all__ = ["HOME", "make", "sources"]

HOME: Final = "home.test."
"""The zone of all that runs here: .test is nobody's in the world (RFC 6761 6.2)."""

HOSTS: Final = ("@", "ns", "www", "mail", "irc", "telnet")
"""Names that stand for this machine."""

RATE: Final = 200
"""Like answers a second to one network, where others were let in (``--host``)."""

HEAD: Final = """\
; Made by wirespeak up, and made anew when it starts again: what you write here is lost.
; Your own records go into yours.zone.
$TTL 60
@ SOA ns.home.test. hostmaster.home.test. {serial} 3600 600 604800 60
@ NS ns.home.test.
"""

YOURS: Final = """\
; Your own records, beneath home.test: take a semicolon away, save, and ask.
;
; shop     A      127.0.0.1
; blog     CNAME  www
; hello    TXT    "Hello, names!"
; *.dev    A      127.0.0.1
"""


def make(net: LocalNet, running: Running) -> contract.Service:
    """The server of the names, which follows their files as long as it runs. Raises `WirespeakError` for files that are wrong."""
    store = ZoneStore(sources(net))
    server = DnsServer(
        store.zones,
        cookies=Cookies(secrets.token_bytes(SECRET_SIZE)),
        limiter=RateLimiter(RATE),
        version=f"wirespeak {__version__}",
        name="wirespeak up",
        counters=running.counters,
    )
    store.watch(server.replace)
    net.at_end(store.stop)
    return server


def sources(net: LocalNet) -> list[Source]:
    """The zones' files, written for what runs now."""
    folder = net.names.parent
    head = HEAD.format(serial=int(time.time()))
    written = {
        "home.test": (HOME, head + "\n".join(_home(net)) + f"\n\n$INCLUDE {net.names.name}\n"),
        "loopback4": ("127.in-addr.arpa.", head + "1.0.0 PTR localhost.\n"),
        "loopback6": (f"1.{'0.' * 31}ip6.arpa.", head + "@ PTR localhost.\n"),
    }
    try:
        folder.mkdir(exist_ok=True)
        if not net.names.exists():
            net.names.write_text(YOURS, encoding="utf-8")
        for name, (_, text) in written.items():
            (folder / f"{name}.zone").write_text(text, encoding="utf-8")
    except OSError as error:
        raise WirespeakError(f"the folder {folder} can't be written: {error.strerror}") from None
    return [Source(Name.parse(origin), folder / f"{name}.zone") for name, (origin, _) in written.items()]


def _home(net: LocalNet) -> Iterator[str]:
    """The records of home.test, a line each."""
    services = {running.service.name: running for running in net.running}
    yield "\n; this machine"
    addresses = list(dict.fromkeys(ip for running in net.running for ip in running.ips))
    for name in HOSTS:
        for ip in addresses:
            yield f"{name:8} {'A   ' if isinstance(ip, IPv4Address) else 'AAAA'} {ip}"
    yield "\n; where the services are (RFC 2782), and how a browser gets there (RFC 9460)"
    for name in ("http", "https"):
        if name in services:
            yield f"_{name}._tcp SRV 0 0 {services[name].port} www"
    for name in ("submission", "submissions"):  # RFC 6186 3.1, RFC 8314 5.1
        if name in services:
            yield f"_{name}._tcp SRV 0 0 {services[name].port} mail"
    if "https" in services:
        for name in ("@", "www"):
            yield f"{name:8} HTTPS 1 . alpn=http/1.1 port={services['https'].port}"
    if "telnet" in services:
        yield f"_telnet._tcp SRV 0 0 {services['telnet'].port} telnet"
    for name in ("irc", "ircs"):
        if name in services:
            yield f"_{name}._tcp SRV 0 0 {services[name].port} irc"
    yield "\n; mail: who takes it (RFC 5321 5.1), and who may send it (RFC 7208)"
    yield "@        MX 10 mail"
    yield '@        TXT "v=spf1 a mx -all"'
    yield '_dmarc   TXT "v=DMARC1; p=reject"'
