"""What usually answers on a port."""

from __future__ import annotations

import pytest

from wirespeak.sockets import services
from wirespeak.sockets.services import SERVICES, Service, service


@pytest.mark.parametrize(
    ("port", "transport", "name", "standard"),
    [
        (23, "tcp", "telnet", "RFC 854"),
        (25, "tcp", "smtp", "RFC 5321"),
        (53, "tcp", "domain", "RFC 1035"),
        (53, "udp", "domain", "RFC 1035"),
        (80, "tcp", "http", "RFC 9112"),
        (443, "tcp", "https", "RFC 9110"),
        (443, "udp", "https", "RFC 9114"),
        (6667, "tcp", "irc", "RFC 2812"),
        (5432, "tcp", "postgresql", ""),
    ],
)
def test_services_that_people_meet(port: int, transport: str, name: str, standard: str) -> None:
    found = service(port, transport)
    assert found is not None
    assert (found.name, found.standard) == (name, standard)
    assert found.meaning


def test_no_port_is_there_twice() -> None:
    places = [(row.port, transport) for row in SERVICES for transport in row.transports]
    assert len(places) == len(set(places))
    assert all(0 < port < 65536 and transport in ("tcp", "udp") for port, transport in places)


def test_what_we_do_not_know_the_system_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.socket, "getservbyport", lambda port, transport: f"{transport}-{port}")
    assert service(4242, "udp") == Service(4242, ("udp",), "udp-4242", "known by name to this machine's list of services")
    assert service(80) in SERVICES


@pytest.mark.parametrize("port", [0, 65000, -1, 65536])
def test_nobody_knows_it(port: int) -> None:
    assert service(port) is None
