"""IANA's numbers of the DNS and the names they go by: types, classes, opcodes, response codes, options.

Numbers without a name are as good as those with one (RFC 3597): a record of type 731 is TYPE731, and passes through.
"""

from __future__ import annotations

import re
from enum import IntEnum

from wirespeak.errors import TextError

__all__ = [
    "Class",
    "ExtendedError",
    "Opcode",
    "Option",
    "Rcode",
    "Type",
    "class_number",
    "class_text",
    "rcode_text",
    "type_number",
    "type_text",
]


class Type(IntEnum):
    """Types of records, and what else may be asked for (RFC 1035 3.2.2, 3.2.3, and the registry since)."""

    A = 1
    NS = 2
    MD = 3
    MF = 4
    CNAME = 5
    SOA = 6
    MB = 7
    MG = 8
    MR = 9
    NULL = 10
    WKS = 11
    PTR = 12
    HINFO = 13
    MINFO = 14
    MX = 15
    TXT = 16
    RP = 17
    AFSDB = 18
    X25 = 19
    ISDN = 20
    RT = 21
    NSAP = 22
    NSAP_PTR = 23
    SIG = 24
    KEY = 25
    PX = 26
    GPOS = 27
    AAAA = 28
    LOC = 29
    NXT = 30
    EID = 31
    NIMLOC = 32
    SRV = 33
    ATMA = 34
    NAPTR = 35
    KX = 36
    CERT = 37
    A6 = 38
    DNAME = 39
    SINK = 40
    OPT = 41
    APL = 42
    DS = 43
    SSHFP = 44
    IPSECKEY = 45
    RRSIG = 46
    NSEC = 47
    DNSKEY = 48
    DHCID = 49
    NSEC3 = 50
    NSEC3PARAM = 51
    TLSA = 52
    SMIMEA = 53
    HIP = 55
    NINFO = 56
    RKEY = 57
    TALINK = 58
    CDS = 59
    CDNSKEY = 60
    OPENPGPKEY = 61
    CSYNC = 62
    ZONEMD = 63
    SVCB = 64
    HTTPS = 65
    DSYNC = 66
    SPF = 99
    UINFO = 100
    UID = 101
    GID = 102
    UNSPEC = 103
    NID = 104
    L32 = 105
    L64 = 106
    LP = 107
    EUI48 = 108
    EUI64 = 109
    NXNAME = 128
    TKEY = 249
    TSIG = 250
    IXFR = 251
    AXFR = 252
    MAILB = 253
    MAILA = 254
    ANY = 255
    URI = 256
    CAA = 257
    AVC = 258
    DOA = 259
    AMTRELAY = 260
    RESINFO = 261
    WALLET = 262
    TA = 32768
    DLV = 32769

    @property
    def is_meta(self) -> bool:
        """Whether it can only be asked for, or stands in a message alone: no zone holds it (RFC 6895 3.1)."""
        return self is Type.OPT or 128 <= self <= 255


class Class(IntEnum):
    """Classes (RFC 1035 3.2.4). All the world uses IN; CHAOS tells a server's version."""

    IN = 1
    CH = 3
    HS = 4
    NONE = 254
    ANY = 255


class Opcode(IntEnum):
    """What a message is about (RFC 1035 4.1.1)."""

    QUERY = 0
    IQUERY = 1
    STATUS = 2
    NOTIFY = 4
    UPDATE = 5
    DSO = 6


class Rcode(IntEnum):
    """How a question ended (RFC 1035 4.1.1, RFC 6895 2.3); those above 15 need EDNS (RFC 6891 6.1.3)."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    YXDOMAIN = 6
    YXRRSET = 7
    NXRRSET = 8
    NOTAUTH = 9
    NOTZONE = 10
    DSOTYPENI = 11
    BADVERS = 16
    BADKEY = 17
    BADTIME = 18
    BADMODE = 19
    BADNAME = 20
    BADALG = 21
    BADTRUNC = 22
    BADCOOKIE = 23


class Option(IntEnum):
    """Options of EDNS (RFC 6891 6.1.2)."""

    LLQ = 1
    UPDATE_LEASE = 2
    NSID = 3
    DAU = 5
    DHU = 6
    N3U = 7
    CLIENT_SUBNET = 8
    EXPIRE = 9
    COOKIE = 10
    TCP_KEEPALIVE = 11
    PADDING = 12
    CHAIN = 13
    KEY_TAG = 14
    EXTENDED_ERROR = 15
    REPORT_CHANNEL = 18
    ZONEVERSION = 19


class ExtendedError(IntEnum):
    """Why a question ended as it did (RFC 8914 4, and the registry since)."""

    OTHER = 0
    UNSUPPORTED_DNSKEY_ALGORITHM = 1
    UNSUPPORTED_DS_DIGEST_TYPE = 2
    STALE_ANSWER = 3
    FORGED_ANSWER = 4
    DNSSEC_INDETERMINATE = 5
    DNSSEC_BOGUS = 6
    SIGNATURE_EXPIRED = 7
    SIGNATURE_NOT_YET_VALID = 8
    DNSKEY_MISSING = 9
    RRSIGS_MISSING = 10
    NO_ZONE_KEY_BIT_SET = 11
    NSEC_MISSING = 12
    CACHED_ERROR = 13
    NOT_READY = 14
    BLOCKED = 15
    CENSORED = 16
    FILTERED = 17
    PROHIBITED = 18
    STALE_NXDOMAIN_ANSWER = 19
    NOT_AUTHORITATIVE = 20
    NOT_SUPPORTED = 21
    NO_REACHABLE_AUTHORITY = 22
    NETWORK_ERROR = 23
    INVALID_DATA = 24
    SIGNATURE_EXPIRED_BEFORE_VALID = 25
    TOO_EARLY = 26
    UNSUPPORTED_NSEC3_ITERATIONS_VALUE = 27
    UNABLE_TO_CONFORM_TO_POLICY = 28
    SYNTHESIZED = 29
    INVALID_QUERY_TYPE = 30


_TYPES = {member.name.replace("_", "-"): member.value for member in Type} | {"*": Type.ANY.value}
_TYPE_NAMES = {member.value: member.name.replace("_", "-") for member in Type}
_CLASSES = {member.name: member.value for member in Class} | {"CHAOS": 3, "HESIOD": 4, "INTERNET": 1}
_CLASS_NAMES = {member.value: member.name for member in Class}
_RCODE_NAMES = {member.value: member.name for member in Rcode}

# RFC 3597 5: TYPE and CLASS with their number stand for those that have no name.
_NUMBERED = re.compile(r"(TYPE|CLASS)([0-9]{1,5})")


def type_text(number: int) -> str:
    """The name of a type: ``MX``, or ``TYPE731`` for one that has none (RFC 3597 5)."""
    return _TYPE_NAMES.get(number) or f"TYPE{number}"


def class_text(number: int) -> str:
    """The name of a class: ``IN``, or ``CLASS32`` for one that has none (RFC 3597 5)."""
    return _CLASS_NAMES.get(number) or f"CLASS{number}"


def rcode_text(number: int) -> str:
    """The name of a response code: ``NXDOMAIN``, or ``RCODE12``."""
    return _RCODE_NAMES.get(number) or f"RCODE{number}"


def type_number(text: str) -> int:
    """The number of a type by its name in any case, or as TYPE731. Raises `TextError`."""
    return _number(text, _TYPES, "TYPE", "type")


def class_number(text: str) -> int:
    """The number of a class by its name in any case, or as CLASS32. Raises `TextError`."""
    return _number(text, _CLASSES, "CLASS", "class")


def _number(text: str, names: dict[str, int], prefix: str, what: str) -> int:
    number = names.get(text)
    if number is not None:
        return number
    name = text.upper()
    number = names.get(name)
    if number is not None:
        return number
    match = _NUMBERED.fullmatch(name)
    if match is None or match[1] != prefix or int(match[2]) > 0xFFFF:
        raise TextError(f"{text!r} is no {what}")
    return int(match[2])
