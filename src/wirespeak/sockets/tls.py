"""TEMPORARY stand-in until the real tls.py arrives (overwrite it)."""
import ssl
from dataclasses import dataclass
@dataclass
class TLSInfo:
    version: str
def info_of(sock):
    return TLSInfo(sock.version())
def server_context(credentials, key=None, *, alpn=()):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain(credentials, key); return c
def client_context(*, verify=True, authorities=None, alpn=()):
    return ssl.create_default_context(cafile=authorities)
