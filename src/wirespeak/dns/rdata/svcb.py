"""The parameters of SVCB and HTTPS: how a service is reached, beside its name (RFC 9460 2.1, 2.2, 7, 14.3.2).

Each is a key of two bytes, a length of two, and a value; the keys rise. Those in the registry have a form of their own, in
`PARAMETERS`; of the others the value is any bytes, and the name ``key`` and the number.

    example.com. HTTPS 1 . alpn=h2,h3 port=8443 key667="hello"
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from wirespeak.dns.grammar import MAX_STRING, Tokens, octets, quoted
from wirespeak.dns.names import Name
from wirespeak.dns.rdata.encodings import from_base64
from wirespeak.dns.rdata.kinds import Kind, Piece, fault, ipv4_of, ipv4_text, ipv6_of, ipv6_text
from wirespeak.dns.rdata.strings import as_octets
from wirespeak.errors import RemoteProtocolError, TextError

__all__ = ["PARAMS", "key_text"]

MANDATORY: Final = 0
ALPN: Final = 1
NO_DEFAULT_ALPN: Final = 2

# RFC 9460 2.1: the value may be in quotes, or not
_WORD: Final = re.compile(r'([a-z0-9-]{1,63})(?:=(?:"((?:[^"\\]|\\.)*+)"|((?:[^"\\]|\\.)*+)))?', re.DOTALL)
_GENERIC: Final = re.compile(r"key(0|[1-9][0-9]{0,4})")
# RFC 9460 A.1: within a list, a comma or a backslash that stands for itself has a backslash in front.
_ITEM: Final = re.compile(rb"(?:[^,\\]|\\.)+", re.DOTALL)
_UNESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)
# RFC 9461 5: a template that can be filled in
_DNS_VARIABLE: Final = re.compile(rb"\{[^{}]*\bdns\b[^{}]*\}")
_ESCAPED: Final = re.compile(rb"([,\\])")


@dataclass(slots=True, frozen=True)
class Parameter:
    """One of the registry: its key's name, what it is for, the clause; and how its value is checked, shown and scanned.

    ``check`` gives what is wrong with a value, or "". ``scan`` takes what stands behind the equals sign, its escapes
    resolved; it may raise `TextError` or give a value that ``check`` finds fault with.
    """

    name: str
    meaning: str
    clause: str
    check: Callable[[bytes], str]
    show: Callable[[bytes], str]
    scan: Callable[[bytes], bytes]


def _items(text: bytes) -> list[bytes]:
    """The items of a list (RFC 9460 A.1). Raises `TextError`."""
    items = _ITEM.findall(text)
    if b",".join(items) != text:
        raise TextError("a list with an empty item, or that ends in a backslash (RFC 9460 A.1)")
    return [_UNESCAPED.sub(rb"\1", item) for item in items]


# --- alpn (RFC 9460 7.1.1): protocols, each with one byte of length


def _protocols(value: bytes) -> list[bytes]:
    protocols, at = [], 0
    while at < len(value):
        protocols.append(value[at + 1 : at + 1 + value[at]])
        at += 1 + value[at]
    return protocols


def _check_alpn(value: bytes) -> str:
    at = 0
    while at < len(value):
        if not value[at]:
            return "a protocol without a name"
        at += 1 + value[at]
    return "" if value and at == len(value) else "no list of protocols, each with its length in front"


def _show_alpn(value: bytes) -> str:
    return quoted(b",".join([_ESCAPED.sub(rb"\\\1", protocol) for protocol in _protocols(value)])).replace(" ", r"\032")


def _scan_alpn(text: bytes) -> bytes:
    protocols = _items(text)
    if any(len(protocol) > MAX_STRING for protocol in protocols):
        raise TextError(f"a protocol of more than {MAX_STRING} bytes (RFC 9460 7.1.1)")
    return b"".join([len(protocol).to_bytes() + protocol for protocol in protocols])


# --- mandatory (RFC 9460 8): keys, in rising order


def _keys(value: bytes) -> list[int]:
    return [int.from_bytes(value[at : at + 2]) for at in range(0, len(value), 2)]


def _check_mandatory(value: bytes) -> str:
    keys = _keys(value)
    if not value or len(value) % 2:
        return "no list of keys of two bytes each"
    if any(first >= second for first, second in pairwise(keys)):
        return "keys out of order, or twice"
    return "" if keys[0] != MANDATORY else "mandatory, which goes without saying"


def _scan_mandatory(text: bytes) -> bytes:
    return b"".join([key.to_bytes(2) for key in sorted(_key_number(item.decode("latin-1")) for item in _items(text))])


# --- the others


def _nothing(value: bytes) -> str:
    return "a value, where none belongs" if value else ""


def _any(value: bytes) -> str:
    return ""


def _port(text: bytes) -> bytes:
    if not text.isdigit() or len(text) > 5 or int(text) > 0xFFFF:
        raise TextError(f"{text.decode('latin-1')[:40]!r} is no port: 0 to 65535")
    return int(text).to_bytes(2)


def _addresses(size: int) -> Callable[[bytes], str]:
    return lambda value: "" if value and not len(value) % size else f"no list of addresses of {size} bytes each"


def _show_addresses(size: int, text: Callable[[bytes], str]) -> Callable[[bytes], str]:
    return lambda value: ",".join([text(value[at : at + size]) for at in range(0, len(value), size)])


def _scan_addresses(read: Callable[[str], bytes]) -> Callable[[bytes], bytes]:
    return lambda text: b"".join([read(item.decode("latin-1")) for item in _items(text)])


def _check_dohpath(value: bytes) -> str:
    try:
        is_text = value.decode("utf-8")[:1] == "/"
    except UnicodeDecodeError:
        is_text = False
    return "" if is_text and _DNS_VARIABLE.search(value) else "no path with a variable dns, such as /dns-query{?dns}"


def _base64(value: bytes) -> str:
    return binascii.b2a_base64(value, newline=False).decode()


PARAMETERS: Final = {
    0: Parameter(
        "mandatory", "keys that a client has to know, or else pass the record over", "RFC 9460 8",
        _check_mandatory, lambda value: ",".join(map(key_text, _keys(value))), _scan_mandatory,
    ),
    1: Parameter("alpn", "protocols that are spoken there", "RFC 9460 7.1", _check_alpn, _show_alpn, _scan_alpn),
    2: Parameter(
        "no-default-alpn", "the scheme's own protocol is not spoken", "RFC 9460 7.1",
        _nothing, lambda value: "", lambda text: text,
    ),
    3: Parameter(
        "port", "the port to connect to", "RFC 9460 7.2",
        lambda value: "" if len(value) == 2 else "no port of two bytes", lambda value: str(int.from_bytes(value)), _port,
    ),
    4: Parameter(
        "ipv4hint", "addresses to try until its A records are there", "RFC 9460 7.3",
        _addresses(4), _show_addresses(4, ipv4_text), _scan_addresses(ipv4_of),
    ),
    5: Parameter(
        "ech", "a configuration for Encrypted ClientHello", "RFC 9460 14.3.2",
        _any, _base64, lambda text: from_base64(text.decode("latin-1")),
    ),
    6: Parameter(
        "ipv6hint", "addresses to try until its AAAA records are there", "RFC 9460 7.3",
        _addresses(16), _show_addresses(16, ipv6_text), _scan_addresses(ipv6_of),
    ),
    7: Parameter("dohpath", "the template for queries over HTTPS", "RFC 9461 5", _check_dohpath, quoted, lambda text: text),
    8: Parameter("ohttp", "answers Oblivious HTTP", "RFC 9540 4", _nothing, lambda value: "", lambda text: text),
}  # fmt: skip
"""By key, as the registry has them."""

_NUMBERS: Final = {parameter.name: key for key, parameter in PARAMETERS.items()}


def key_text(key: int) -> str:
    """The name of a key: ``alpn``, or ``key667`` for one that has none (RFC 9460 2.1)."""
    parameter = PARAMETERS.get(key)
    return parameter.name if parameter else f"key{key}"


def _key_number(text: str) -> int:
    number = _NUMBERS.get(text)
    if number is not None:
        return number
    match = _GENERIC.fullmatch(text)
    if match is None or int(match[1]) > 0xFFFF:
        raise TextError(f"{text[:40]!r} is no key of a parameter: a name of the registry, or key and a number (RFC 9460 2.1)")
    return int(match[1])


class Params(Kind):
    """Parameters, to the end of the data: values by key."""

    def read(self, message: bytes, at: int, end: int) -> tuple[dict[int, bytes], int]:
        params: dict[int, bytes] = {}
        before = -1
        while at < end:
            if end - at < 4:
                raise fault("the data ends inside a parameter", at, "RFC 9460 2.2")
            key = int.from_bytes(message[at : at + 2])
            following = at + 4 + int.from_bytes(message[at + 2 : at + 4])
            if key <= before:
                raise fault(f"{key_text(key)} behind {key_text(before)}: keys have to rise", at, "RFC 9460 2.2")
            if following > end:
                raise fault(f"the data ends inside {key_text(key)}", at, "RFC 9460 2.2")
            value = params[key] = message[at + 4 : following]
            parameter = PARAMETERS.get(key)
            if parameter is not None and (wrong := parameter.check(value)):
                raise fault(f"{parameter.name}: {wrong}", at + 4, parameter.clause)
            before = key
            at = following
        if wrong := _inconsistent(params):
            raise fault(wrong, end, "RFC 9460 2.4.3")
        return params, end

    def write(self, value: Mapping[int, bytes | str]) -> bytes:
        try:
            wire = b"".join([key.to_bytes(2) + len(data := as_octets(value[key])).to_bytes(2) + data for key in sorted(value)])
            self.read(wire, 0, len(wire))
        except OverflowError:
            raise TextError("a key, or the size of a value, above 65535 (RFC 9460 2.2)") from None
        except RemoteProtocolError as error:
            raise TextError(f"{error.args[0]} ({error.clause})") from None
        return wire

    def show(self, value: Mapping[int, bytes], origin: Name | None) -> str:
        return " ".join([f"{key_text(key)}={text}" if (text := _shown(key, value[key])) else key_text(key) for key in value])

    def scan(self, words: Tokens, what: str, origin: Name | None) -> bytes:
        params: dict[int, bytes] = {}
        while words:
            word = words.take(what)
            match = None if word.quoted else _WORD.fullmatch(word.text)
            if match is None:
                raise TextError(f"{word.text[:40]!r} is no parameter: key=value, the key in lower case (RFC 9460 2.1)")
            key = _key_number(match[1])
            if key in params:
                raise TextError(f"{key_text(key)} twice (RFC 9460 2.1)")
            text = octets(match[2] or match[3] or "")
            parameter = PARAMETERS.get(key)
            params[key] = text if parameter is None or match[1] != parameter.name else parameter.scan(text)
            if parameter is not None and (wrong := parameter.check(params[key])):
                raise TextError(f"{parameter.name}: {wrong} ({parameter.clause})")
        return self.write(params)

    def pieces(self, message: bytes, at: int, end: int) -> Iterator[Piece]:
        while at < end:
            key = int.from_bytes(message[at : at + 2])
            size = int.from_bytes(message[at + 2 : at + 4])
            parameter = PARAMETERS.get(key)
            yield Piece(at + 2, "SvcParamKey", key_text(key), parameter.meaning if parameter else "has no name in the registry known here")
            yield Piece(at + 4, "length", str(size), "of the value, in bytes")
            at += 4 + size
            if size:
                yield Piece(at, "SvcParamValue", _shown(key, message[at - size : at]))


def _shown(key: int, value: bytes) -> str:
    parameter = PARAMETERS.get(key)
    return parameter.show(value) if parameter else quoted(value) if value else ""


def _inconsistent(params: Mapping[int, bytes]) -> str:
    """What the parameters ask of each other, and do not get; or "" (RFC 9460 2.4.3, 8)."""
    missing = [key_text(key) for key in _keys(params.get(MANDATORY, b"")) if key not in params]
    if missing:
        return f"{', '.join(missing)} is mandatory, and missing"
    if NO_DEFAULT_ALPN in params and ALPN not in params:
        return "no-default-alpn without alpn leaves no protocol to speak"
    return ""


PARAMS: Final = Params()
