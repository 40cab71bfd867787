"""DNS (RFC 1034, RFC 1035, and a hundred since): the names of the internet, as server and client.

A tour, in the order in which it reads best:

====================  ================================================================================
``names.py``          domain names; ``registry.py``, the numbers of types, classes, codes
``messages.py``       questions and answers, made of bytes and back; ``edns.py``, what is said beside
``rdata/``            what records say: one table, a row for each type
``grammar.py``        the text of records; ``zonereader.py``, ``zonewriter.py``: zone files
``zone.py``           a zone in memory; ``authority.py``, from a question to the answer
``session.py``        DNS over TCP, without I/O, after the table in ``states.py``
``server.py``         what a server decides; ``prepared.py``, ``absent.py``: answers that lie ready;
                      ``cookies.py``, ``rate.py``: who asks, and how often; ``zonestore.py``, zones
``exchange.py``       one question and which answer to believe; ``stub.py``, the stub resolver;
                      ``trace.py``, from the roots down; ``client.py``, asking others
``explain.py``        every byte of a message, named
====================  ================================================================================

What most people need::

    from wirespeak.dns import query, resolve

    query("home.test", "MX", "localhost:8053").message.answers     # one server's answer to one question
    resolve("www.home.test", "AAAA").records                       # looked up as programs do
"""

from wirespeak.dns.client import BlockingClient, Client, Resolver, query, resolve
from wirespeak.dns.edns import Edns, EdnsOption
from wirespeak.dns.messages import Message, Question, Record
from wirespeak.dns.names import Name
from wirespeak.dns.rdata import Rdata
from wirespeak.dns.registry import Class, Opcode, Rcode, Type
from wirespeak.dns.server import DnsServer, serve
from wirespeak.dns.zone import Zone, Zones
from wirespeak.dns.zonefile import load_zone
from wirespeak.dns.zonereader import ZoneError
from wirespeak.dns.zonewriter import write_zone

__all__ = [
    "BlockingClient",
    "Class",
    "Client",
    "DnsServer",
    "Edns",
    "EdnsOption",
    "Message",
    "Name",
    "Opcode",
    "Question",
    "Rcode",
    "Rdata",
    "Record",
    "Resolver",
    "Type",
    "Zone",
    "ZoneError",
    "Zones",
    "load_zone",
    "query",
    "resolve",
    "serve",
    "write_zone",
]
