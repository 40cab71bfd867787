"""What usually answers on a port: a small table of the services that people meet.

IANA gives ports to services (RFC 6335) and keeps a list of some fourteen thousand. Here are those one meets, with what
each is for and which standard it speaks; this project's own come first. `service` looks a port up here and, where it is
not found, in the list of the machine (``/etc/services``, through `socket.getservbyport`), which is all that is touched.
A port is only a habit: any program may answer on any.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final

__all__ = ["SERVICES", "Service", "service"]


@dataclass(slots=True, frozen=True)
class Service:
    """A service and its port. ``transports`` holds "tcp", "udp" or both; ``standard`` is empty where there is none."""

    port: int
    transports: tuple[str, ...]
    name: str
    meaning: str
    standard: str = ""


def _rows(*rows: tuple[int, str, str, str, str]) -> tuple[Service, ...]:
    return tuple(Service(port, tuple(transports.split()), name, meaning, standard) for port, transports, name, meaning, standard in rows)


SERVICES: Final = _rows(
    # What this project speaks
    (23, "tcp", "telnet", "a terminal on another machine, in clear", "RFC 854"),
    (25, "tcp", "smtp", "mail, from server to server", "RFC 5321"),
    (53, "tcp udp", "domain", "names: the DNS", "RFC 1035"),
    (80, "tcp", "http", "the web, in clear", "RFC 9112"),
    (443, "tcp", "https", "the web, over TLS", "RFC 9110"),
    (443, "udp", "https", "the web, over QUIC (HTTP/3)", "RFC 9114"),
    (465, "tcp", "submissions", "mail, from its author to a server, over TLS", "RFC 8314"),
    (587, "tcp", "submission", "mail, from its author to a server", "RFC 6409"),
    (853, "tcp", "domain-s", "the DNS over TLS", "RFC 7858"),
    (853, "udp", "domain-s", "the DNS over QUIC", "RFC 9250"),
    (992, "tcp", "telnets", "a terminal on another machine, over TLS", ""),
    (6667, "tcp", "irc", "chat", "RFC 2812"),
    (6697, "tcp", "ircs-u", "chat, over TLS", "RFC 7194"),
    (8080, "tcp", "http-alt", "the web, where 80 is taken or not allowed", ""),
    (8443, "tcp", "https-alt", "the web over TLS, where 443 is taken or not allowed", ""),
    # The smallest, which once tested every host
    (7, "tcp udp", "echo", "sends back what it gets", "RFC 862"),
    (9, "tcp udp", "discard", "throws away what it gets", "RFC 863"),
    (13, "tcp udp", "daytime", "the date and time, for people", "RFC 867"),
    (17, "tcp udp", "qotd", "the quote of the day", "RFC 865"),
    (19, "tcp udp", "chargen", "characters without end", "RFC 864"),
    (37, "tcp udp", "time", "the time, in 32 bits", "RFC 868"),
    (79, "tcp", "finger", "who is logged in", "RFC 1288"),
    # Files, terminals, and finding one's way
    (20, "tcp", "ftp-data", "files: the data", "RFC 959"),
    (21, "tcp", "ftp", "files: the commands", "RFC 959"),
    (22, "tcp", "ssh", "a terminal on another machine, encrypted", "RFC 4253"),
    (43, "tcp", "nicname", "whois: who holds a name or an address", "RFC 3912"),
    (67, "udp", "bootps", "DHCP: gives out addresses", "RFC 2131"),
    (68, "udp", "bootpc", "DHCP: asks for an address", "RFC 2131"),
    (69, "udp", "tftp", "files, for machines that are starting", "RFC 1350"),
    (70, "tcp", "gopher", "menus of documents, before the web", "RFC 1436"),
    (111, "tcp udp", "sunrpc", "where the other RPC services are", "RFC 1833"),
    (113, "tcp", "ident", "whose connection this is", "RFC 1413"),
    (123, "udp", "ntp", "the time, kept in step", "RFC 5905"),
    (546, "udp", "dhcpv6-client", "DHCPv6: asks for an address", "RFC 8415"),
    (547, "udp", "dhcpv6-server", "DHCPv6: gives out addresses", "RFC 8415"),
    (873, "tcp", "rsync", "files, only what differs", ""),
    (989, "tcp", "ftps-data", "files over TLS: the data", ""),
    (990, "tcp", "ftps", "files over TLS: the commands", ""),
    (2049, "tcp udp", "nfs", "a file system on another machine", "RFC 8881"),
    (3389, "tcp udp", "ms-wbt-server", "a Windows desktop on another machine (RDP)", ""),
    (5900, "tcp", "rfb", "a screen on another machine (VNC)", "RFC 6143"),
    (9418, "tcp", "git", "versions of source code", ""),
    # Mail and chat
    (110, "tcp", "pop3", "mail, fetched", "RFC 1939"),
    (119, "tcp", "nntp", "news", "RFC 3977"),
    (143, "tcp", "imap", "mail, kept on a server", "RFC 9051"),
    (194, "tcp", "irc", "chat, where it first was; 6667 is used", "RFC 1459"),
    (563, "tcp", "nntps", "news, over TLS", "RFC 4642"),
    (993, "tcp", "imaps", "mail, kept on a server, over TLS", "RFC 8314"),
    (995, "tcp", "pop3s", "mail, fetched, over TLS", "RFC 8314"),
    (4190, "tcp", "sieve", "filters for mail, managed", "RFC 5804"),
    (5222, "tcp", "xmpp-client", "chat: XMPP, from a client", "RFC 6120"),
    (5269, "tcp", "xmpp-server", "chat: XMPP, from server to server", "RFC 6120"),
    (5060, "tcp udp", "sip", "calls", "RFC 3261"),
    (5061, "tcp", "sips", "calls, over TLS", "RFC 3261"),
    # Inside a network
    (88, "tcp udp", "kerberos", "who one is, proved", "RFC 4120"),
    (137, "udp", "netbios-ns", "names of Windows machines, as they once were", "RFC 1002"),
    (139, "tcp", "netbios-ssn", "Windows files, as they once were", "RFC 1002"),
    (161, "udp", "snmp", "the state of network devices", "RFC 3417"),
    (162, "udp", "snmptrap", "what network devices report by themselves", "RFC 3417"),
    (179, "tcp", "bgp", "routes between networks", "RFC 4271"),
    (389, "tcp", "ldap", "a directory of people and machines", "RFC 4511"),
    (445, "tcp", "microsoft-ds", "Windows files (SMB)", ""),
    (500, "udp", "isakmp", "keys for IPsec (IKE)", "RFC 7296"),
    (514, "udp", "syslog", "log lines, sent elsewhere", "RFC 5426"),
    (515, "tcp", "printer", "printing, the old way", "RFC 1179"),
    (631, "tcp", "ipp", "printing", "RFC 8010"),
    (636, "tcp", "ldaps", "a directory of people and machines, over TLS", ""),
    (1900, "udp", "ssdp", "who is there, asked by home devices (UPnP)", ""),
    (3478, "tcp udp", "stun", "how one looks from outside (STUN, TURN)", "RFC 8489"),
    (4500, "udp", "ipsec-nat-t", "IPsec through address translators", "RFC 3948"),
    (5351, "udp", "pcp", "a way in, asked of the router (PCP, NAT-PMP)", "RFC 6887"),
    (5353, "udp", "mdns", "names on this link", "RFC 6762"),
    (5355, "udp", "llmnr", "names on this link, asked by Windows", "RFC 4795"),
    (51820, "udp", "wireguard", "a private network over others", ""),
    # Relays, messages, data
    (1080, "tcp", "socks", "a relay for any connection", "RFC 1928"),
    (1883, "tcp", "mqtt", "messages of small devices", ""),
    (3128, "tcp", "squid", "a relay for the web", ""),
    (3306, "tcp", "mysql", "a database: MySQL, MariaDB", ""),
    (5432, "tcp", "postgresql", "a database: PostgreSQL", ""),
    (5672, "tcp", "amqp", "messages, in queues", ""),
    (6379, "tcp", "redis", "data in memory: Redis", ""),
    (6881, "tcp udp", "bittorrent", "files, from many at once", ""),
    (8883, "tcp", "secure-mqtt", "messages of small devices, over TLS", ""),
    (11211, "tcp", "memcache", "data in memory: memcached", ""),
    (27017, "tcp", "mongodb", "a database: MongoDB", ""),
)
"""One row a service."""

_BY_PORT: Final = {(row.port, transport): row for row in SERVICES for transport in row.transports}


def service(port: int, transport: str = "tcp") -> Service | None:
    """The usual service of ``port`` over ``transport`` ("tcp" or "udp"); None where neither list knows one."""
    if known := _BY_PORT.get((port, transport)):
        return known
    try:
        name = socket.getservbyport(port, transport)
    except (OSError, OverflowError):  # OverflowError: not from 0 to 65535
        return None
    return Service(port, (transport,), name, "known by name to this machine's list of services")
