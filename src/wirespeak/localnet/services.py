"""The services of the little internet: what each is, how it is made, and how to talk to it by hand."""

from __future__ import annotations

import shlex
import shutil
import sys
from typing import Final

from wirespeak import contract
from wirespeak.http.guard import guarded
from wirespeak.http.limits import ServerLimits
from wirespeak.http.server import HttpServer
from wirespeak.localnet.net import LocalNet, LocalService, Running, Trial
from wirespeak.localnet.site import Site
from wirespeak.sockets.address import Address

__all__ = ["SERVICES"]

TYPED: Final = ServerLimits(head_time=75.0)
"""Who types a request by hand looks for the keys: they are given as long as an idle connection is."""


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


SERVICES: Final = (
    LocalService(
        name="http",
        port=8080,
        title="The web",
        does="This site, and the files that you put into its folder.",
        make=_web,
        by_hand=_by_hand,
    ),
    LocalService(
        name="https",
        port=8443,
        title="The web over TLS",
        does="The same, encrypted, with a certificate of this machine’s own authority.",
        make=_web,
        by_hand=_by_hand_over_tls,
        secure=True,
        alpn=("http/1.1",),
    ),
)
"""In the order in which they are shown."""
