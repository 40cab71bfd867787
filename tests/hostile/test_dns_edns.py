"""EDNS with faults, over real sockets: OPT twice, in the wrong place, cut off, of other versions, crowded with options; each option
of the wrong form; payload sizes of every kind. Cookies have a file of their own.

RFC 6891 6.1.1: an OPT record that cannot be understood makes the message a format error; without a good one in the query
there is none in the answer (7).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from tests.hostile.dns_wire import (
    BADVERS,
    COOKIE,
    DO,
    EXAMPLE,
    FORMERR,
    IN,
    KEEPALIVE,
    LARGEST,
    NOERROR,
    NSID,
    NXDOMAIN,
    OPT,
    PADDING,
    REFUSED,
    SUBNET,
    TC,
    TXT,
    A,
    Server,
    answer_to,
    header,
    opt,
    option,
    query,
    question,
    record,
    serving,
)

ZONE = EXAMPLE + "large TXT " + " ".join(['"' + "x" * 250 + '"'] * 8) + "\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("edns"), {"example.": ZONE}) as server:
        yield server


def with_opt(*options: bytes, **fields: int) -> bytes:
    return query("www.example.", A, IN, opt(*options, **fields))  # type: ignore[arg-type]


# --- OPT itself


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(query("www.example.", A, IN, opt(), opt()), id="two"),
        pytest.param(query("www.example.", A, IN, opt(), opt(version=1)), id="two of different versions"),
        pytest.param(query("www.example.", A, IN, opt(), record("a.", A, bytes(4)), opt()), id="two, a record between"),
        pytest.param(query("www.example.", A, IN, *[opt()] * 500), id="500"),
        pytest.param(header(an=1) + question() + opt(), id="in the answer section"),
        pytest.param(header(ns=1) + question() + opt(), id="in the authority section"),
        pytest.param(header(an=1, ar=1) + question() + opt() + opt(), id="in two sections"),
        pytest.param(header(ns=1, ar=1) + question() + opt() + opt(), id="in two sections, the other two"),
        pytest.param(with_opt(b"\0"), id="one octet of an option"),
        pytest.param(with_opt(b"\0\x0a"), id="no length"),
        pytest.param(with_opt(b"\0\x0a\0"), id="half a length"),
        pytest.param(with_opt(option(COOKIE, b"", length=8)), id="an option that is not there"),
        pytest.param(with_opt(option(0xFFAA, b"data", length=5)), id="an option one octet past the end"),
        pytest.param(with_opt(option(0xFFAA, b"data", length=65535)), id="an option 64 KB past the end"),
        pytest.param(with_opt(option(NSID), option(0xFFAA, b"data", length=5)), id="the second past the end"),
        pytest.param(with_opt(option(0xFFAA, b"data", length=3)), id="an octet left over"),
        pytest.param(with_opt(option(NSID), b"\0\0\0"), id="three octets left over"),
    ],
)
def test_an_opt_that_cannot_be_understood(server: Server, message: bytes) -> None:
    """RFC 6891 6.1.1 (only one, in the additional section) and 6.1.2 (options fill it)."""
    assert server.rcode(message) in (FORMERR, None)


@pytest.mark.parametrize("place", ["in front", "behind", "between"])
def test_opt_may_stand_anywhere_in_the_additional_section(server: Server, place: str) -> None:
    """RFC 6891 6.1.1. Others that stand there are not looked at."""
    other = record("x.test.", A, bytes(4))
    additional = {"in front": (opt(), other), "behind": (other, opt()), "between": (other, opt(), other)}[place]
    answer = server.ask(query("www.example.", A, IN, *additional))
    assert (answer.rcode, answer.types) == (NOERROR, [A])
    assert answer.opt is not None


@pytest.mark.parametrize("version", range(1, 256))
def test_other_versions(server: Server, version: int) -> None:
    """RFC 6891 6.1.3: BADVERS, the version that is known, and nothing else; whatever was asked, and whatever the options are."""
    for owner, type in (("www.example.", A), ("no.example.", A), ("www.test.", TXT)):
        answer = server.ask(query(owner, type, IN, opt(option(0xFFAA, b"x"), version=version)))
        assert answer.rcode == BADVERS
        assert answer.opt is not None
        assert answer.opt.version == 0
        assert answer.records == []


def test_the_upper_bits_of_the_rcode_in_a_query_mean_nothing(server: Server) -> None:
    """They are for answers (RFC 6891 6.1.3)."""
    for upper in (1, 0x10, 0xFF):
        answer = server.ask(query("www.example.", A, IN, record(b"\0", OPT, b"", cls=LARGEST, ttl=upper << 24)))
        assert (answer.rcode, answer.types) == (NOERROR, [A])


@pytest.mark.parametrize("flags", [0x4000, 1, 0x7FFF, 0xFFFF, DO])
def test_flags_that_nobody_has_defined(server: Server, flags: int) -> None:
    """RFC 6891 6.1.4: not looked at, and zero in the answer; DO comes back as it was sent (RFC 3225 3)."""
    answer = server.ask(with_opt(flags=flags))
    assert answer.types == [A]
    assert answer.opt is not None
    assert answer.opt.flags == flags & DO


def test_an_answer_has_opt_where_the_query_had_it(server: Server) -> None:
    """RFC 6891 6.1.1 and 7, in answers of every kind."""
    for owner, rcode in (("www.example.", NOERROR), ("no.example.", NXDOMAIN), ("www.test.", REFUSED), ("large.example.", NOERROR)):
        for type in (A, TXT):
            plain, extended = server.ask(query(owner, type)), server.ask(query(owner, type, IN, opt()))
            assert (plain.rcode, extended.rcode) == (rcode, rcode)
            assert plain.opt is None
            assert extended.opt is not None
            assert extended.opt.version == 0
            assert extended.opt.payload >= 512  # RFC 6891 6.2.3


# --- payload sizes


@pytest.mark.parametrize("payload", [0, 1, 12, 100, 511, 512, 513, 600, 1231, 1232, 1233, 1472, 4096, 16384, 65534, 65535])
def test_payload_sizes(server: Server, payload: int) -> None:
    """Below 512 it means 512 (RFC 6891 6.2.3); above 1,232 no more is sent than passes every path (RFC 9715 3.1)."""
    assert server.ask(with_opt(payload=payload)).types == [A]
    answer = server.ask(query("large.example.", TXT, IN, opt(payload=payload)))
    assert TC in answer
    assert answer.opt is not None
    assert len(answer.wire) <= min(max(payload, 512), LARGEST)


def test_every_payload_size_of_few_octets(server: Server) -> None:
    message = query("large.example.", TXT, IN, opt(payload=0))
    for payload in range(0, 513, 3):
        (wire,) = server.replies(message[:-8] + struct.pack(">H", payload) + message[-6:])
        answer = answer_to(message, wire)
        assert TC in answer
        assert len(wire) <= 512


# --- options


def test_unknown_options_are_not_looked_at(server: Server) -> None:
    """RFC 6891 6.1.2. Nor do they come back, which would pay for being asked with."""
    for code in (2, 4, 21, 22, 0x0100, 0x7FFF, 0xFDE8, 0xFDE9, 0xFFFE, 0xFFFF):
        answer = server.ask(with_opt(option(code, b"x" * 100)))
        assert (answer.rcode, answer.types) == (NOERROR, [A])
        assert answer.opt is not None
        assert answer.opt[code] is None


@pytest.mark.parametrize("code", [0xFFAA, NSID, PADDING, KEEPALIVE, 0])
@pytest.mark.parametrize("count", [200, 15_000])
def test_hundreds_of_options_cost_no_more_than_they_are_long(server: Server, count: int, code: int) -> None:
    """CVE-2024-8508's cousin: empty options, four octets each, as many as a datagram takes. They are ignored, or refused."""
    message = with_opt(option(code) * count)
    (wire,) = server.replies(message)
    answer = answer_to(message, wire)
    assert answer.rcode in (NOERROR, FORMERR)
    assert len(wire) < 400, "the options came back"
    before = server.cpu()
    for _ in range(20):
        server.replies(message)
    assert (server.cpu() - before) / 20 < 0.03


def test_options_that_vary_cannot_fill_the_memory(server: Server) -> None:
    """Each query has options of its own, of a kilobyte: none of it may be remembered for ever."""

    def flood(first: int) -> None:
        assert server.flood(with_opt(option(0xFFAA, struct.pack(">I", number) * 256)) for number in range(first, first + 5000)) == 5000

    flood(0)
    before = server.memory
    flood(5000)
    assert server.memory - before < 4_000_000


SUBNETS = [
    pytest.param(b"", id="empty"),
    pytest.param(b"\0\1", id="no prefix lengths"),
    pytest.param(b"\0\1\x18", id="no scope"),
    pytest.param(b"\0\1\x18\0", id="no address"),
    pytest.param(b"\0\1\x18\0\xc0\0", id="too few octets"),
    pytest.param(b"\0\1\x18\0\xc0\0\2\1", id="too many octets"),
    pytest.param(b"\0\1\x17\0\xc0\0\3", id="bits behind the prefix"),
    pytest.param(b"\0\1\x21\0\xc0\0\2\1\0", id="a prefix of 33 bits"),
    pytest.param(b"\0\1\xff\0" + bytes(32), id="a prefix of 255 bits"),
    pytest.param(b"\0\2\x81\0" + bytes(17), id="a prefix of 129 bits"),
    pytest.param(b"\0\1\x18\x18\xc0\0\2", id="a scope in a query"),
    pytest.param(b"\0\0\x18\0\xc0\0\2", id="family 0 with an address"),
    pytest.param(b"\0\3\x18\0\xc0\0\2", id="an unknown family"),
    pytest.param(b"\xff\xff\0\0", id="family 65535"),
    pytest.param(bytes(60000), id="60,000 octets"),
]


@pytest.mark.parametrize("data", SUBNETS)
def test_a_client_subnet_of_the_wrong_form(server: Server, data: bytes) -> None:
    """A format error to who knows the option (RFC 7871 6, 7.1.2); no more than an unknown option to who does not. It never comes back."""
    answer = server.ask(with_opt(option(SUBNET, data)))
    assert answer.rcode in (FORMERR, REFUSED, NOERROR)
    assert answer.types == [A] * (answer.rcode == NOERROR)
    assert answer.opt is None or answer.opt[SUBNET] is None


@pytest.mark.parametrize("data", ["00011800c00002", "0002380020010db8000000", "00010000", "00020000", "00000000"])
def test_a_good_client_subnet_changes_nothing(server: Server, data: str) -> None:
    """If the option is answered, then for all addresses alike: scope 0, and else as it was sent (RFC 7871 7.2.1)."""
    answer = server.ask(with_opt(option(SUBNET, bytes.fromhex(data))))
    assert (answer.rcode, answer.types) == (NOERROR, [A])
    assert answer.opt is not None
    assert answer.opt[SUBNET] in (None, bytes.fromhex(data))


@pytest.mark.parametrize("data", [b"", b"x", bytes(100)], ids=len)
def test_nsid_is_asked_for_by_an_empty_option(server: Server, data: bytes) -> None:
    """RFC 5001 2.1: what it may hold in a query means nothing, and does not come back."""
    answer = server.ask(with_opt(option(NSID, data)))
    assert answer.rcode in (NOERROR, FORMERR)
    assert answer.opt is None or not data or answer.opt[NSID] != data


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\x64", b"\xff\xff", b"\0\0\0"], ids=bytes.hex)
def test_keepalive_is_not_for_udp(server: Server, data: bytes) -> None:
    """RFC 7828 3.2.1 and 3.2.2: there it is ignored, and never sent."""
    answer = server.ask(with_opt(option(KEEPALIVE, data)))
    assert answer.rcode in (NOERROR, FORMERR)
    assert answer.opt is None or answer.opt[KEEPALIVE] is None


@pytest.mark.parametrize("data", [b"\0\x64", b"\xff\xff", b"\0\0\0", bytes(1000)], ids=len)
def test_a_client_asks_for_no_time_by_keepalive(server: Server, data: bytes) -> None:
    """RFC 7828 3.2.1: its option is empty. Another is a fault or nothing; the time that the server names is its own."""
    answer = server.ask_tcp(with_opt(option(KEEPALIVE, data)))
    assert answer.rcode in (NOERROR, FORMERR)
    assert answer.opt is None or answer.opt[KEEPALIVE] is None or len(answer.opt[KEEPALIVE] or b"") == 2


@pytest.mark.parametrize("length", [0, 1, 100, 1100, 60000])
def test_padding_does_not_make_an_answer_larger_than_udp_takes(server: Server, length: int) -> None:
    """RFC 7830 3 and 4: any octets, of any number."""
    for filler in (b"\0", b"\xff"):
        answer = server.ask(with_opt(option(PADDING, filler * length), payload=65535))  # `ask` checks the size
        assert (answer.rcode, answer.types) == (NOERROR, [A])


@pytest.mark.parametrize("code", [5, 6, 7, 9, 14, 15, 16, 17, 18, 19], ids=str)
@pytest.mark.parametrize("data", [b"", b"\0", b"\xff" * 7, b"\xc0\x0c", bytes(500)], ids=len)
def test_options_of_other_uses_in_a_query(server: Server, code: int, data: bytes) -> None:
    """Algorithms understood (RFC 6975), expire (7314), chain (7901), key tags (8145), extended errors (8914) and the rest: broken or
    whole, they do not keep a plain question from being answered, unless as a format error."""
    answer = server.ask(with_opt(option(code, data)))
    assert answer.rcode in (NOERROR, FORMERR)
    assert answer.types == [A] * (answer.rcode == NOERROR)
