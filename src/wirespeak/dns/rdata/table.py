"""The table of types: what the data of each holds, field by field, and the clause that says so.

A row is a type, its clause, and its fields in the order of the wire: a name, a kind of value (``kinds.py``, ``strings.py``,
``encodings.py``, …), and what it is for. In the text they stand in the same order, but for LOC and HIP. To know another
type, write another row.
"""

from __future__ import annotations

from typing import Final

from wirespeak.dns.rdata import numbers
from wirespeak.dns.rdata.apl import PREFIXES
from wirespeak.dns.rdata.bitmaps import NXT_TYPES, PORTS, SOME_TYPES, TYPES
from wirespeak.dns.rdata.encodings import (
    BASE64,
    EUI48,
    EUI64,
    HASH,
    HEX,
    LOCATOR64,
    MEASURED,
    NSAP,
    OPTIONAL_BASE64,
    SALT,
    SHA1_HASH,
    Base64,
    Hex,
)
from wirespeak.dns.rdata.gateways import (
    A6_NAME,
    A6_SUFFIX,
    ATM_ADDRESS,
    GATEWAY,
    GATEWAY_TYPES,
    IPSEC_KEY,
    PREFIX_LENGTH,
    RELAY,
    RELAY_TYPE,
)
from wirespeak.dns.rdata.hip import HIP
from wirespeak.dns.rdata.kinds import (
    COMPRESSED,
    EXPANDED,
    IPV4,
    IPV6,
    LOWERED,
    NAME,
    NOTHING,
    PERIOD,
    TIME,
    TYPE,
    U8,
    U16,
    U32,
    Depends,
    Flags,
    Kind,
    Number,
)
from wirespeak.dns.rdata.loc import LOC
from wirespeak.dns.rdata.row import Row
from wirespeak.dns.rdata.strings import CAA_TAG, OPTIONAL_STRING, REGEXP, STRING, STRINGS, TEXT, X121_ADDRESS
from wirespeak.dns.rdata.svcb import PARAMS
from wirespeak.dns.rdata.unknown import UNKNOWN, Unknown
from wirespeak.dns.registry import Type

__all__ = ["ROWS", "UNKNOWN"]

ALGORITHM: Final = Number(1, numbers.ALGORITHMS)
SECONDS: Final = Number(6)


def sized(place: int, sizes: dict[int, int], least: int = 1) -> Depends:
    """A digest in hexadecimal, whose size the byte at ``place`` of the data tells; ``least`` bytes or more where it is unknown."""
    kinds: dict[int, Kind] = {number: Hex(size=size) for number, size in sizes.items()}
    other = Hex(least=least)
    return Depends(lambda before: kinds.get(before[place], other))


def name_row(type: Type, clause: str, field: str, meaning: str) -> Row:
    """A type that is a name and no more, of those in RFC 1035."""
    return Row(type, clause, (field, COMPRESSED, meaning))


def text_row(type: Type, clause: str, meaning: str) -> Row:
    """A type that is like TXT."""
    return Row(type, clause, ("strings", STRINGS, meaning))


def digest_row(type: Type, clause: str, whose: str) -> Row:
    """A type that is like DS."""
    return Row(
        type,
        clause,
        ("key_tag", U16, f"which key of {whose} is meant"),
        ("algorithm", ALGORITHM, "that key's algorithm"),
        ("digest_type", Number(1, numbers.DIGESTS), "how it was hashed"),
        ("digest", sized(3, {1: 20, 2: 32, 4: 48}), "the hash of that key"),
    )


def key_row(type: Type, clause: str) -> Row:
    """A type that is like DNSKEY."""
    return Row(
        type,
        clause,
        ("flags", Flags(2, numbers.KEY_FLAGS), "what the key is for"),
        ("protocol", Number(1, {3: "DNSSEC"}), "always 3"),
        ("algorithm", ALGORITHM, "how it signs"),
        ("key", BASE64, "the public key"),
    )


def signature_row(type: Type, clause: str, signer: Kind) -> Row:
    """A type that is like RRSIG."""
    return Row(
        type,
        clause,
        ("type_covered", TYPE, "the records that are signed"),
        ("algorithm", ALGORITHM, "how they are signed"),
        ("labels", U8, "of their owner, without a wildcard's asterisk"),
        ("original_ttl", U32, "their time to live when they were signed, in seconds"),
        ("expiration", TIME, "good until then"),
        ("inception", TIME, "good from then on"),
        ("key_tag", U16, "which key has signed"),
        ("signer", signer, "whose key that is: the zone"),
        ("signature", BASE64, "over the records and the fields before"),
    )


def certificate_row(type: Type, clause: str) -> Row:
    """A type that is like TLSA."""
    return Row(
        type,
        clause,
        ("usage", Number(1, numbers.TLSA_USAGES), "what the certificate has to be"),
        ("selector", Number(1, numbers.TLSA_SELECTORS), "what of it is matched"),
        ("matching_type", Number(1, numbers.TLSA_MATCHING), "how it is matched"),
        ("data", HEX, "what it has to match"),
    )


def service_row(type: Type, clause: str) -> Row:
    """A type that is like SVCB."""
    return Row(
        type,
        clause,
        ("priority", U16, "0 makes it an alias; else the lower, the sooner it is tried"),
        ("target", NAME, "the host, or another name of the service; the root means the owner itself"),
        ("params", PARAMS, "how it is to be reached"),
    )


NO_KEY: Final = Depends(lambda before: NOTHING if before[0] & 0xC0 == 0xC0 else BASE64)  # RFC 2535 3.1.2
NEXT_HASH: Final = Depends(lambda before: SHA1_HASH if before[0] == 1 else HASH)  # RFC 5155 3.1.7

_ROWS: Final = [
    # --- hosts, names, mail, text
    Row(Type.A, "RFC 1035 3.4.1", ("address", IPV4, "of the host")),
    Row(Type.AAAA, "RFC 3596 2.2", ("address", IPV6, "of the host")),
    name_row(Type.NS, "RFC 1035 3.3.11", "target", "a server of the zone"),
    name_row(Type.CNAME, "RFC 1035 3.3.1", "target", "the name that this one stands for"),
    Row(Type.DNAME, "RFC 6672 2.1", ("target", LOWERED, "what all names below this one end in instead")),
    name_row(Type.PTR, "RFC 1035 3.3.12", "target", "the name that is pointed to"),
    Row(
        Type.SOA,
        "RFC 1035 3.3.13",
        ("mname", COMPRESSED, "the server the zone comes from"),
        ("rname", COMPRESSED, "who answers for it: a mail address, its @ a dot"),
        ("serial", U32, "rises with each change"),
        ("refresh", PERIOD, "seconds between a copy's looks for a change"),
        ("retry", PERIOD, "seconds before it looks again where that failed"),
        ("expire", PERIOD, "seconds until a copy that was not renewed is no good"),
        ("minimum", PERIOD, "seconds that an absence may be remembered (RFC 2308 4)"),
    ),
    Row(
        Type.MX,
        "RFC 1035 3.3.9",
        ("preference", U16, "the lower, the sooner it is tried"),
        ("exchange", COMPRESSED, "the host that takes mail"),
    ),
    text_row(Type.TXT, "RFC 1035 3.3.14", "text"),
    text_row(Type.SPF, "RFC 7208 3.1", "who may send mail for the name"),
    text_row(Type.AVC, "IANA AVC", "application visibility and control"),
    text_row(Type.NINFO, "IANA NINFO", "on the zone"),
    text_row(Type.RESINFO, "RFC 9606 4", "what a resolver can do, as key=value"),
    text_row(Type.WALLET, "IANA WALLET", "currency, and the address of a wallet"),
    Row(Type.HINFO, "RFC 1035 3.3.2", ("cpu", STRING, "the kind of machine"), ("os", STRING, "its operating system")),
    Row(
        Type.RP,
        "RFC 1183 2.2",
        ("mbox", EXPANDED, "who is responsible: a mail address, its @ a dot"),
        ("txt", EXPANDED, "where to find TXT records on them"),
    ),
    # --- services
    Row(
        Type.SRV,
        "RFC 2782",
        ("priority", U16, "the lower, the sooner it is tried"),
        ("weight", U16, "the share among those of one priority"),
        ("port", U16, "where the service listens"),
        ("target", EXPANDED, "on which host; the root means that there is no such service"),
    ),
    service_row(Type.SVCB, "RFC 9460 2.2"),
    service_row(Type.HTTPS, "RFC 9460 9"),
    Row(
        Type.NAPTR,
        "RFC 3403 4.1",
        ("order", U16, "the lower, the sooner it is tried; the others only if it doesn't fit"),
        ("preference", U16, "the same among those of one order, of which any may be taken"),
        ("flags", STRING, "how what comes out is to be taken"),
        ("services", STRING, "for which it is"),
        ("regexp", REGEXP, "how what was looked for is rewritten"),
        ("replacement", EXPANDED, "or the next name to look up"),
    ),
    Row(
        Type.URI,
        "RFC 7553 4.5",
        ("priority", U16, "the lower, the sooner it is tried"),
        ("weight", U16, "the share among those of one priority"),
        ("target", TEXT, "where the service is"),
    ),
    Row(
        Type.AFSDB,
        "RFC 1183 1",
        ("subtype", Number(2, {1: "AFS", 2: "DCE"}), "which service"),
        ("hostname", EXPANDED, "the host that has it"),
    ),
    Row(Type.APL, "RFC 3123 4", ("prefixes", PREFIXES, "address prefixes")),
    LOC,
    # --- whom to trust
    Row(
        Type.CAA,
        "RFC 8659 4.1",
        ("flags", Flags(1, {0: ("critical", "who does not know the tag must not issue")}), "how strictly it is meant"),
        ("tag", CAA_TAG, "what it is about"),
        ("value", TEXT, "as its tag says; of issue: the authority that may issue certificates"),
    ),
    certificate_row(Type.TLSA, "RFC 6698 2.1"),
    certificate_row(Type.SMIMEA, "RFC 8162 2"),
    Row(
        Type.SSHFP,
        "RFC 4255 3.1",
        ("algorithm", Number(1, numbers.SSH_ALGORITHMS), "of the host's key"),
        ("fingerprint_type", Number(1, numbers.FINGERPRINTS), "how it was hashed"),
        ("fingerprint", sized(1, {1: 20, 2: 32}, least=0), "the hash of that key"),
    ),
    Row(Type.OPENPGPKEY, "RFC 7929 2.1", ("key", BASE64, "a public key for mail to one address")),
    Row(
        Type.CERT,
        "RFC 4398 2",
        ("certificate_type", Number(2, numbers.CERTIFICATES, by_name=True), "what the certificate is"),
        ("key_tag", U16, "which key it is for"),
        ("algorithm", Number(1, numbers.ALGORITHMS, by_name=True), "that key's algorithm"),
        ("certificate", BASE64, "or a list of revoked ones"),
    ),
    Row(Type.DHCID, "RFC 4701 3.1", ("identity", BASE64, "of the host that got the name by DHCP, hashed")),
    Row(
        Type.IPSECKEY,
        "RFC 4025 2",
        ("precedence", U8, "the lower, the sooner it is tried"),
        ("gateway_type", Number(1, GATEWAY_TYPES), "what follows"),
        ("algorithm", Number(1, numbers.IPSEC_ALGORITHMS), "of the key"),
        ("gateway", GATEWAY, "where to make a tunnel to"),
        ("key", IPSEC_KEY, "the public key"),
    ),
    HIP,
    # --- signatures (DNSSEC)
    digest_row(Type.DS, "RFC 4034 5.1", "the child zone"),
    digest_row(Type.CDS, "RFC 7344 3.1", "this zone, for its parent,"),
    digest_row(Type.DLV, "RFC 4431 2", "the zone"),
    digest_row(Type.TA, "IANA TA", "the zone"),
    key_row(Type.DNSKEY, "RFC 4034 2.1"),
    key_row(Type.CDNSKEY, "RFC 7344 3.2"),
    signature_row(Type.RRSIG, "RFC 4034 3.1", LOWERED),
    Row(
        Type.NSEC,
        "RFC 4034 4.1",
        ("next", NAME, "the next name of the zone: there is none in between"),
        ("types", SOME_TYPES, "all that are at this name"),
    ),
    Row(
        Type.NSEC3,
        "RFC 5155 3.2",
        ("algorithm", Number(1, numbers.NSEC3_ALGORITHMS), "how names are hashed"),
        ("flags", Flags(1, {7: ("opt-out", "unsigned delegations may lie in between")}), "what it leaves out"),
        ("iterations", U16, "how often they are hashed again"),
        ("salt", SALT, "what is put behind the name"),
        ("next", NEXT_HASH, "the next hash of the zone: there is none in between"),
        ("types", TYPES, "all that are at the name that was hashed"),
    ),
    Row(
        Type.NSEC3PARAM,
        "RFC 5155 4.2",
        ("algorithm", Number(1, numbers.NSEC3_ALGORITHMS), "how the zone's names are hashed"),
        ("flags", U8, "zero"),
        ("iterations", U16, "how often they are hashed again"),
        ("salt", SALT, "what is put behind the name"),
    ),
    Row(
        Type.CSYNC,
        "RFC 7477 2.1",
        ("serial", U32, "of the zone that this is about"),
        (
            "flags",
            Flags(2, {14: ("soaminimum", "only if the zone has that serial or a later one"), 15: ("immediate", "without asking anyone")}),
            "when the parent may copy",
        ),
        ("types", TYPES, "what the parent is to copy"),
    ),
    Row(
        Type.ZONEMD,
        "RFC 8976 2.2",
        ("serial", U32, "of the zone that was hashed"),
        ("scheme", Number(1, numbers.ZONEMD_SCHEMES), "how its records were put together"),
        ("algorithm", Number(1, numbers.ZONEMD_ALGORITHMS), "how they were hashed"),
        ("digest", sized(5, {1: 48, 2: 64}, least=12), "the hash of the whole zone"),
    ),
    Row(
        Type.DSYNC,
        "RFC 9859 2.1",
        ("type_covered", TYPE, "what has changed where one is told"),
        ("scheme", Number(1, numbers.DSYNC_SCHEMES, by_name=True), "how to tell"),
        ("port", U16, "where to tell it"),
        ("target", NAME, "and whom"),
    ),
    # --- addresses of other kinds
    Row(Type.EUI48, "RFC 7043 3.1", ("address", EUI48, "of a network interface")),
    Row(Type.EUI64, "RFC 7043 4.1", ("address", EUI64, "of a network interface")),
    Row(Type.NID, "RFC 6742 2.1", ("preference", U16, "the lower, the sooner it is tried"), ("node_id", LOCATOR64, "the node")),
    Row(Type.L32, "RFC 6742 2.2", ("preference", U16, "the lower, the sooner it is tried"), ("locator", IPV4, "its network")),
    Row(Type.L64, "RFC 6742 2.3", ("preference", U16, "the lower, the sooner it is tried"), ("locator", LOCATOR64, "its network")),
    Row(
        Type.LP, "RFC 6742 2.4", ("preference", U16, "the lower, the sooner it is tried"), ("fqdn", NAME, "a name with L32 or L64 records")
    ),
    Row(
        Type.AMTRELAY,
        "RFC 8777 4.2",
        ("precedence", U8, "the lower, the sooner it is tried"),
        ("relay_type", RELAY_TYPE, "what follows"),
        ("relay", RELAY, "of multicast to those without"),
    ),
    Row(
        Type.DOA,
        "draft-durand-doa-over-dns 3.1",
        ("enterprise", U32, "whose types these are"),
        ("doa_type", U32, "what the object is"),
        ("location", U8, "where it is: 1 here, 2 at an address, 3 under a handle"),
        ("media_type", STRING, "of the object"),
        ("data", Base64(least=0, absent="-"), "the object, or where it is"),
    ),
    # --- historic, and still met
    name_row(Type.MD, "RFC 1035 3.3.4", "target", "a host that delivers mail; MX has taken its place"),
    name_row(Type.MF, "RFC 1035 3.3.5", "target", "a host that forwards mail; MX has taken its place"),
    name_row(Type.MB, "RFC 1035 3.3.3", "target", "the host of a mailbox"),
    name_row(Type.MG, "RFC 1035 3.3.6", "target", "a member of a mail group"),
    name_row(Type.MR, "RFC 1035 3.3.8", "target", "the mailbox's new name"),
    Row(
        Type.MINFO,
        "RFC 1035 3.3.7",
        ("rmailbx", COMPRESSED, "who is responsible for a mailing list"),
        ("emailbx", COMPRESSED, "who is told of errors"),
    ),
    Row(
        Type.WKS,
        "RFC 1035 3.4.2",
        ("address", IPV4, "of the host"),
        ("protocol", Number(1, numbers.PROTOCOLS), "of its services"),
        ("ports", PORTS, "where it has services"),
    ),
    Row(Type.X25, "RFC 1183 3.1", ("address", X121_ADDRESS, "in the X.25 network")),
    Row(
        Type.ISDN,
        "RFC 1183 3.2",
        ("address", STRING, "the telephone number"),
        ("subaddress", OPTIONAL_STRING, "the extension"),
    ),
    Row(
        Type.RT,
        "RFC 1183 3.3",
        ("preference", U16, "the lower, the sooner it is tried"),
        ("host", EXPANDED, "that leads on to this one"),
    ),
    Row(Type.NSAP, "RFC 1706 5", ("address", NSAP, "in an OSI network")),
    Row(Type.NSAP_PTR, "RFC 1348", ("target", LOWERED, "the name of that OSI address")),
    signature_row(Type.SIG, "RFC 2535 4.1", EXPANDED),
    Row(
        Type.KEY,
        "RFC 2535 3.1",
        (
            "flags",
            Flags(2, {0: ("no authentication", "not to be used for it"), 1: ("no confidentiality", "not to be used for it")}),
            "what the key is for",
        ),
        ("protocol", Number(1, numbers.KEY_PROTOCOLS), "of which protocol"),
        ("algorithm", ALGORITHM, "how it signs"),
        ("key", NO_KEY, "the public key"),
    ),
    Row(
        Type.RKEY,
        "IANA RKEY",
        ("flags", U16, "zero"),
        ("protocol", U8, "1"),
        ("algorithm", ALGORITHM, "how it encrypts"),
        ("key", BASE64, "the public key that NAPTR records are encrypted with"),
    ),
    Row(
        Type.PX,
        "RFC 2163 4",
        ("preference", U16, "the lower, the sooner it is tried"),
        ("map822", EXPANDED, "the part of an internet mail address"),
        ("mapx400", EXPANDED, "that of X.400"),
    ),
    Row(
        Type.GPOS,
        "RFC 1712 3",
        ("longitude", STRING, "in degrees"),
        ("latitude", STRING, "in degrees"),
        ("altitude", STRING, "in metres"),
    ),
    Row(
        Type.NXT,
        "RFC 2535 5.2",
        ("next", EXPANDED, "the next name of the zone: there is none in between"),
        ("types", NXT_TYPES, "all that are at this name"),
    ),
    Row(Type.EID, "IANA EID", ("endpoint", HEX, "identifier of an endpoint in Nimrod")),
    Row(Type.NIMLOC, "IANA NIMLOC", ("locator", HEX, "of an endpoint in Nimrod")),
    Row(Type.ATMA, "AF-DANS-0152.000 5.2", ("address", ATM_ADDRESS, "in an ATM network")),
    Row(
        Type.KX,
        "RFC 2230 3",
        ("preference", U16, "the lower, the sooner it is tried"),
        ("exchanger", LOWERED, "the host that exchanges keys for this one"),
    ),
    Row(
        Type.A6,
        "RFC 2874 3.1",
        ("prefix_length", PREFIX_LENGTH, "bits of the address that another name gives"),
        ("suffix", A6_SUFFIX, "the bits behind those"),
        ("prefix_name", A6_NAME, "the name that gives the others"),
    ),
    Row(
        Type.SINK,
        "draft-eastlake-kitchen-sink 2",
        ("meaning", U8, "what the data is"),
        ("coding", U8, "how it is put into bytes"),
        ("subcoding", U8, "more of that"),
        ("data", OPTIONAL_BASE64, "any bytes"),
    ),
    Row(
        Type.TALINK,
        "draft-wijngaards-dnsop-trust-history 2",
        ("previous", NAME, "where the keys before these are"),
        ("following", NAME, "where those after these are"),
    ),
    # --- in messages only
    Row(
        Type.TKEY,
        "RFC 2930 2",
        ("algorithm", NAME, "how messages will be signed"),
        ("inception", U32, "the key is good from then on, in seconds since 1970"),
        ("expiration", U32, "good until then"),
        ("mode", Number(2, numbers.TKEY_MODES), "how the key comes about"),
        ("error", Number(2, numbers.TSIG_ERRORS, by_name=True), "what went wrong"),
        ("key", MEASURED, "what is exchanged"),
        ("other", MEASURED, "reserved"),
    ),
    Row(
        Type.TSIG,
        "RFC 8945 4.2",
        ("algorithm", NAME, "how the message is signed"),
        ("time_signed", SECONDS, "seconds since 1970"),
        ("fudge", U16, "seconds by which clocks may differ"),
        ("mac", MEASURED, "the signature"),
        ("original_id", U16, "of the message"),
        ("error", Number(2, numbers.TSIG_ERRORS, by_name=True), "what is wrong with the signature"),
        ("other", MEASURED, "of BADTIME: the server's time"),
    ),
    # --- any bytes: with a name, but no text of its own
    Unknown(Type.NULL, "RFC 1035 3.3.10"),
    Unknown(Type.UINFO, "IANA UINFO"),
    Unknown(Type.UID, "IANA UID"),
    Unknown(Type.GID, "IANA GID"),
    Unknown(Type.UNSPEC, "IANA UNSPEC"),
]

ROWS: Final[dict[int, Row]] = {int(row.type): row for row in _ROWS}
"""By type."""
