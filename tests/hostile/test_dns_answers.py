"""Answers that a hostile question would like to be large, endless or torn, over real sockets: DNAME and CNAME chains, ANY,
truncation at every size, signatures that do not fit, and record sets whose compression is work.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator

import pytest

from tests.hostile.dns_wire import (
    AA,
    AAAA,
    ANY,
    CNAME,
    DNAME,
    DO,
    EXAMPLE,
    HINFO,
    IN,
    LARGEST,
    MX,
    NOERROR,
    NS,
    NSEC,
    NXDOMAIN,
    PTR,
    RRSIG,
    SERVFAIL,
    SOA,
    TC,
    TXT,
    YXDOMAIN,
    A,
    Answer,
    Server,
    name,
    name_of,
    opt,
    query,
    question,
    serving,
)

SIGNATURE = base64.b64encode(bytes(range(64))).decode()


def rrsig(owner: str, type: str, labels: int) -> str:
    """A signature as a zone file has it."""
    return f"{owner} RRSIG {type} 13 {labels} 60 20300101000000 20240101000000 12345 signed. {SIGNATURE}\n"


def text(owner: str, length: int) -> str:
    """A TXT record whose data has exactly ``length`` octets."""
    pieces, left = [], length
    while left:
        piece = min(left, 256)
        pieces.append('"' + "t" * (piece - 1) + '"')
        left -= piece
    return f"{owner} TXT {' '.join(pieces)}\n"


LONG = "t" * 60
"""A label of 60 octets, 61 with its length."""

SHORT, TARGET = name("short.example."), name(f"{LONG}.{LONG}.example.")
"""A DNAME's owner, 15 octets, and its target, 131."""

ZONE = "".join(
    [
        EXAMPLE,
        # DNAME
        f"short DNAME {LONG}.{LONG}\n",
        f"first DNAME {LONG}.second\n",
        f"second DNAME {LONG}.{LONG}.{LONG}\n",
        "grow DNAME a.grow\n",
        "spin DNAME spun\nspun DNAME spin\n",
        # CNAME
        "loop CNAME loop\na CNAME b\nb CNAME c\nc CNAME a\n",
        *(f"chain{number} CNAME chain{number + 1}\n" for number in range(200)),
        "chain200 A 192.0.2.200\n",
        "out CNAME www.test.\n",
        "*.star CNAME x.star\n",
        # types whose numbers are letters
        *(f"types TYPE{number} \\# 4 00010000\n" for number in (67, 77, 0x4161)),
        "types TYPE65 \\# 3 000100\n",
        # ANY
        "many A 192.0.2.10\n      AAAA 2001:db8::10\n      MX 10 www\n",
        text("many", 500),
        # sizes
        *(text(f"t{length}", length) for length in range(440, 500)),
        *(text(f"t{length}", length) for length in range(1140, 1240)),
        "".join(f"mx MX {number} mail{number}.of.a.name.that.is.not.short\n" for number in range(100)),
        "".join(f"ns{number}.crowd A 192.0.2.{number}\ncrowd NS ns{number}.crowd\n" for number in range(1, 100)),
        "srv SRV 0 0 80 " + "host." * 20 + "example.\n",
    ]
)

SIGNED = "".join(
    [
        "$ORIGIN signed.\n$TTL 60\n",
        "@ SOA . . 1 1 1 1 1\n" + rrsig("@", "SOA", 1),
        "@ NS ns.example.\n" + rrsig("@", "NS", 1),
        f"@ DNSKEY 257 3 13 {SIGNATURE}\n" + rrsig("@", "DNSKEY", 1),
        "@ NSEC s1000 NS SOA RRSIG NSEC DNSKEY\n" + rrsig("@", "NSEC", 1),
        *(
            text(owner, int(owner[1:])) + rrsig(owner, "TXT", 2) + f"{owner} NSEC {following} TXT RRSIG NSEC\n" + rrsig(owner, "NSEC", 2)
            for owner, following in itertools.pairwise(["s1000", "s1100", "s350", "s400", "s1"])
        ),
        text("s1", 1) + rrsig("s1", "TXT", 2) + "s1 NSEC @ TXT RRSIG NSEC\n" + rrsig("s1", "NSEC", 2),
    ]
)
"""A zone that has the form of a signed one. The server is asked to serve its signatures, not to believe them."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("answers"), {"example.": ZONE, "signed.": SIGNED}) as server:
        yield server


def both(server: Server, message: bytes) -> list[Answer]:
    """The answer over UDP and over TCP."""
    return [server.ask(message), server.ask_tcp(message)]


# --- DNAME


@pytest.mark.parametrize("length", [2, 3, 64, 65, 100, 123, 124])
def test_a_dname_substitution_of_up_to_255_octets(server: Server, length: int) -> None:
    """RFC 6672 2.2: the owner's last labels are replaced by the target's; what stood in front of them stays."""
    owner = name_of(length + len(SHORT), "short.example.")
    for answer in both(server, query(owner, TXT, IN, opt())):
        assert (answer.rcode, AA in answer) == (NXDOMAIN, True)
        assert answer.types == [DNAME, CNAME]
        assert answer.answer[1].owner == owner
        assert answer.answer[1].rdata == owner[:length] + TARGET
        assert len(answer.answer[1].rdata) <= 255


@pytest.mark.parametrize("length", [125, 126, 200, 239, 240])
@pytest.mark.parametrize("type", [TXT, A, ANY, CNAME, DNAME, NS])
def test_a_dname_substitution_over_255_octets(server: Server, length: int, type: int) -> None:
    """The result is no name: YXDOMAIN, with the DNAME that says why (RFC 6672 2.2, 3.2 3.A)."""
    owner = name_of(length + len(SHORT), "short.example.")
    assert length + len(TARGET) > 255
    for message in (query(owner, type), query(owner, type, IN, opt())):
        for answer in both(server, message):
            assert (answer.rcode, AA in answer) == (YXDOMAIN, True)
            assert answer.types == [DNAME]
            assert (answer.answer[0].owner, answer.answer[0].rdata) == (SHORT, TARGET)
            assert answer.questions[0][0] == owner


def test_a_dname_s_own_name_is_not_replaced(server: Server) -> None:
    """RFC 6672 2.3."""
    for type, types in ((DNAME, [DNAME]), (TXT, []), (A, [])):
        answer = server.ask(query("short.example.", type))
        assert (answer.rcode, answer.types) == (NOERROR, types)


def test_the_second_substitution_passes_255_octets(server: Server) -> None:
    """What was replaced before it is told as well (RFC 6672 3.2 3.A goes round again)."""
    owner = name_of(90, "first.example.")
    for answer in both(server, query(owner, TXT, IN, opt())):
        assert (answer.rcode, AA in answer) == (YXDOMAIN, True)
        assert answer.types == [DNAME, CNAME, DNAME]
        assert answer.answer[2].owner == name("second.example.")


@pytest.mark.parametrize("owner", ["x.grow.example.", "x.spin.example.", "x.y.z.spun.example."])
@pytest.mark.parametrize("type", [A, TXT, ANY])
def test_a_dname_that_leads_to_itself_ends(server: Server, owner: str, type: int) -> None:
    """After few steps, and in a few octets (RFC 6672 3.2; RFC 1034 3.6.2 of loops)."""
    before = server.cpu()
    for _ in range(20):
        for answer in both(server, query(owner, type)):
            assert answer.rcode in (NOERROR, YXDOMAIN, SERVFAIL)
            assert len(answer.answer) <= 140
            assert len(answer.wire) < 16_384
    assert (server.cpu() - before) / 40 < 0.02


def test_case_of_the_question_is_kept_in_what_a_dname_makes(server: Server) -> None:
    """The CNAME's owner is the question's name: case and all (RFC 6672 3.1, RFC 4343 4.1)."""
    answer = server.ask(query("MiXeD.Short.eXample.", A))
    assert answer.answer[1].owner.lower() == name("mixed.short.example.")
    assert answer.answer[1].rdata.lower() == name(f"mixed.{LONG}.{LONG}.example.")


# --- CNAME


@pytest.mark.parametrize("owner", ["loop.example.", "a.example.", "b.example.", "deep.er.star.example."])
@pytest.mark.parametrize("type", [A, TXT, MX])
def test_a_cname_loop_is_told_once(server: Server, owner: str, type: int) -> None:
    """RFC 1034 3.6.2: no record twice, and no end of time."""
    for answer in both(server, query(owner, type)):
        assert answer.rcode in (NOERROR, SERVFAIL)
        told = [(found.owner, found.rdata) for found in answer.answer]
        assert len(set(told)) == len(told) <= 4
        assert answer.types == [CNAME] * len(told)


def test_a_cname_chain_of_200_is_cut_somewhere(server: Server) -> None:
    """The client asks on from where the answer ends (RFC 1034 5.2.2): nothing is gained by telling all of it from each of its steps."""
    for answer in both(server, query("chain0.example.", A, IN, opt())):
        assert answer.rcode in (NOERROR, SERVFAIL)
        if TC not in answer and answer.rcode == NOERROR:
            for step, found in enumerate(answer.answer):
                assert found.owner == name(f"chain{step}.example.")
                assert found.type == (CNAME if step < 200 else A)
    before = server.cpu()
    for number in range(100):
        server.ask_tcp(query(f"chain{number}.example.", AAAA))
    assert (server.cpu() - before) / 100 < 0.02


def test_a_cname_out_of_the_zone_is_not_followed(server: Server) -> None:
    """No recursion (RFC 1034 4.3.1)."""
    for answer in both(server, query("out.example.", A, IN)):
        assert (answer.rcode, answer.types, answer.additional) == (NOERROR, [CNAME], [])


# --- ANY


def test_any_over_udp_is_answered_by_one_set(server: Server) -> None:
    """RFC 8482 4.1 and 4.2: from a spoofable source it pays no more than a plain question."""
    for message in (query("many.example.", ANY), query("many.example.", ANY, IN, opt(flags=DO)), query("signed.", ANY, IN, opt(flags=DO))):
        answer = server.ask(message)
        types = set(answer.types) - {RRSIG}
        assert (answer.rcode, TC in answer, len(types)) == (NOERROR, False, 1)
        assert len(answer.wire) < len(message) + 350
        signatures = [found for found in answer.answer if found.type == RRSIG]
        assert len(signatures) <= 1
        assert types == {HINFO} or answer.questions[0][:2] == (answer.answer[0].owner, ANY)


def test_any_of_what_is_not_there(server: Server) -> None:
    """RFC 8482 4: only a name that exists has anything to choose from."""
    answer = server.ask(query("no.example.", ANY))
    assert (answer.rcode, answer.answer, [found.type for found in answer.authority]) == (NXDOMAIN, [], [SOA])
    empty = server.ask(query("star.example.", ANY))  # between *.star and the apex: a name without data (RFC 4592 2.2.2)
    assert (empty.rcode, [found.type for found in empty.authority]) == (NOERROR, [SOA])
    assert set(empty.types) <= {HINFO}


def test_any_at_a_cname_and_at_a_cut(server: Server) -> None:
    """The CNAME itself and nothing behind it (RFC 1034 4.3.2 3.a); a referral as for every type (3.b)."""
    assert set(server.ask(query("alias.example.", ANY)).types) <= {CNAME, HINFO}
    referral = server.ask(query("x.sub.example.", ANY))
    assert (AA in referral, referral.answer, [found.type for found in referral.authority]) == (False, [], [NS])


# --- truncation


def answer_end(answer: Answer) -> int:
    """Where the answer section of an untruncated answer ends, and so what an answer needs at least."""
    return answer.answer[-1].end


@pytest.mark.parametrize("payload", [None, 0, 512, 1200, 1232, 4096, 65535])
def test_tc_is_set_where_the_answer_does_not_fit_and_nowhere_else(server: Server, payload: int | None) -> None:
    """RFC 1035 2.3.4 and 4.2.1: 512 octets without EDNS; with it what the client takes (RFC 6891 6.2.3 to 6.2.5), up to 1,232.

    Additional and authority sections that do not fit set no TC (RFC 2181 9).
    """
    extra = () if payload is None else (opt(payload=payload),)
    limit = 512 if payload is None else min(max(payload, 512), LARGEST)
    lengths = range(440, 500) if limit == 512 else range(1140, 1240)
    kinds = set()
    for length in lengths:
        message = query(f"t{length}.example.", TXT, IN, *extra)
        over_udp, over_tcp = both(server, message)
        assert TC not in over_tcp
        needs = answer_end(over_tcp) + (11 if extra else 0)
        kinds.add(needs <= limit)
        assert len(over_udp.wire) <= limit
        assert (TC in over_udp) == (needs > limit), f"{needs} octets, where {limit} fit"
        assert over_udp.types == ([] if needs > limit else [TXT])
        assert over_udp.questions == over_tcp.questions
        assert (over_udp.opt is not None) == (payload is not None)  # RFC 6891 7: in a truncated one too
    assert kinds == {True, False}, "no size on either side of the limit was asked for"


@pytest.mark.parametrize("payload", [None, 512, 700, 1232, 4096])
def test_a_set_that_does_not_fit_is_left_out_whole_or_told_to_be_torn(server: Server, payload: int | None) -> None:
    """RFC 2181 9: a client must not take a part for the whole."""
    extra = () if payload is None else (opt(payload=payload),)
    over_udp, over_tcp = both(server, query("mx.example.", MX, IN, *extra))
    assert len(over_tcp.answer) == 100
    assert TC in over_udp
    assert len(over_udp.wire) <= min(payload or 512, LARGEST)
    everything = {found.rdata for found in over_tcp.answer}
    assert {found.rdata for found in over_udp.answer} < everything


def test_a_referral_of_a_hundred_servers(server: Server) -> None:
    """RFC 9471 3: where not all glue of the referral fits, TC says so; over TCP all of it comes."""
    for message in (query("x.crowd.example."), query("x.crowd.example.", A, IN, opt())):
        over_udp, over_tcp = both(server, message)
        assert TC in over_udp
        assert AA not in over_udp
        assert (len(over_tcp.authority), len([found for found in over_tcp.additional if found.type == A])) == (99, 99)


@pytest.mark.parametrize(("length", "payload"), [(1, 512), (350, 512), (400, 512), (1000, 1232), (1100, 1232), (1100, 4096)])
def test_a_signature_does_not_fall_out_unnoticed(server: Server, length: int, payload: int) -> None:
    """RFC 4035 3.1.1: a set comes with its signature, or TC is set."""
    message = query(f"s{length}.signed.", TXT, IN, opt(payload=payload, flags=DO))
    over_udp, over_tcp = both(server, message)
    assert over_tcp.types == [TXT, RRSIG]
    fits = answer_end(over_tcp) + 11 <= min(payload, LARGEST)
    assert (TC in over_udp) == (not fits)
    assert over_udp.types in ([[TXT, RRSIG]] if fits else [[], [TXT]])
    assert over_udp.opt is not None
    assert over_udp.opt.flags & DO
    unsigned = server.ask(query(f"s{length}.signed.", TXT, IN, opt(payload=payload)))
    assert (TC in unsigned, unsigned.types) == (False, [TXT])


def test_a_negative_answer_s_signatures_do_not_fall_out_unnoticed(server: Server) -> None:
    """RFC 4035 3.1.1 of the authority section: NSEC and SOA come with their signatures, or TC is set. In 512 octets not all fit."""
    over_udp, over_tcp = both(server, query("no.signed.", TXT, IN, opt(payload=512, flags=DO)))
    sets = {(found.owner, found.type) for found in over_tcp.authority if found.type != RRSIG}
    signed = {(found.owner, int.from_bytes(found.rdata[:2])) for found in over_tcp.authority if found.type == RRSIG}
    assert sets == signed
    assert {type for _, type in sets} == {SOA, NSEC}
    assert TC in over_udp or len(over_udp.authority) == len(over_tcp.authority)


def test_signatures_come_only_where_they_are_asked_for(server: Server) -> None:
    """RFC 4035 3.1: without DO there are none, unless RRSIG is the question's type."""
    assert server.ask(query("s350.signed.", TXT)).types == [TXT]
    assert server.ask(query("s350.signed.", TXT, IN, opt())).types == [TXT]
    assert set(server.ask_tcp(query("s1.signed.", RRSIG)).types) == {RRSIG}


def test_a_truncated_answer_is_never_larger_than_another(server: Server) -> None:
    """What a spoofer gets out of a large set: at most 512 octets, or 1,232 with EDNS."""
    for owner, type in (("mx", MX), ("t1200", TXT), ("x.crowd", A), ("t1239", ANY)):
        assert len(server.ask(query(f"{owner}.example.", type)).wire) <= 512
        assert len(server.ask(query(f"{owner}.example.", type, IN, opt(payload=65535, flags=DO))).wire) <= LARGEST


def test_after_tcp_has_had_the_whole_udp_gets_its_part(server: Server) -> None:
    """The same octets asked over both, in turn: what was prepared for one must not go out on the other."""
    message = query("mx.example.", MX, IN, opt())
    for _ in range(5):
        assert TC not in server.ask_tcp(message)
        assert TC in server.ask(message)


# --- answers that lie ready


@pytest.mark.parametrize(("one", "other"), [(65, 97), (67, 99), (77, 109), (0x4161, 0x6161), (0x4161, 0x4141)])
def test_types_that_differ_by_the_case_of_an_octet(server: Server, one: int, other: int) -> None:
    """65 (HTTPS) is the octet "A" and 97 is "a", 67 and 99 (SPF) are "C" and "c": two types, whatever is done to letters to find an
    answer again. The name has records of the first ones, and of no others."""
    for type in (one, other, one, other, other, one):
        for extra in ((), (opt(),)):
            answer = server.ask(query("types.example.", type, IN, *extra))
            assert answer.questions == [(name("types.example."), type, IN)]
            assert answer.types == ([type] if type in (65, 67, 77, 0x4161) else [])


@pytest.mark.parametrize(("cls", "other"), [(0x41, 0x61), (0x5A, 0x7A)])
def test_classes_that_differ_by_the_case_of_an_octet(server: Server, cls: int, other: int) -> None:
    for asked in (cls, other, cls, other):
        assert server.ask(query("www.example.", A, asked)).questions in ([(name("www.example."), A, asked)], [])


def test_payload_sizes_that_differ_by_the_case_of_an_octet(server: Server) -> None:
    """0x0241 is 577 octets and 0x0261 is 609."""
    for payload in (0x0241, 0x0261, 0x0241, 0x0261, 0x0461, 0x0441):
        answer = server.ask(query("mx.example.", MX, IN, opt(payload=payload)))
        assert len(answer.wire) <= payload


@pytest.mark.parametrize("flags", [0x0100, 0x0010, 0x4000 | 0x0100, 0x6000 | 0x0100])
def test_ids_and_flags_do_not_cross(server: Server, flags: int) -> None:
    """`answer_to` compares id, opcode and RD."""
    for id in (0, 0x4141, 0x6161, 0xFFFF):
        for header_flags in (flags, 0, flags):
            server.ask(query("www.example.", A, IN, id=id, flags=header_flags))


def test_a_type_of_every_case(server: Server) -> None:
    """The whole question in every mixture of case: each comes back as it was asked."""
    owner = bytearray(name("www.example."))
    letters = [place for place, octet in enumerate(owner) if chr(octet).isalpha()]
    for mask in range(1 << len(letters)):
        spelled = bytearray(owner)
        for number, place in enumerate(letters):
            spelled[place] ^= 0x20 * (mask >> number & 1)
        answer = server.ask(query(bytes(spelled)))
        assert answer.questions == [(bytes(spelled), A, IN)]
        assert [found.rdata for found in answer.answer] == [bytes((192, 0, 2, 2))]


# --- compression that is work


LABELS = 118


def costly(count: int) -> str:
    """PTR records to names of 119 short labels, alike but for the first or the last few: every suffix of each may be one known already."""
    middle = ".".join("ab"[place % 2] for place in range(LABELS - 6))
    alike = "".join(f"alike PTR p{number:03}.{middle}.costly.\n" for number in range(count))
    apart = "".join(f"apart PTR {middle}.q{number:03}.costly.\n" for number in range(count))
    return f"$ORIGIN costly.\n$TTL 60\n@ SOA . . 1 1 1 1 1\n@ NS .\n{alike}{apart}*.any PTR {middle}\n"


@pytest.mark.parametrize("owner", ["alike", "apart"])
def test_names_that_make_compression_costly(tmp_path_factory: pytest.TempPathFactory, owner: str) -> None:
    """CVE-2024-8508: a set of hundreds of long names that share much or nothing costs work by its size, not by its square."""
    with serving(tmp_path_factory.mktemp("costly"), {"costly.": costly(250)}) as server:
        server.good = query("costly.", SOA)
        answer = server.ask_tcp(query(f"{owner}.costly.", PTR))
        assert (answer.rcode, set(answer.types)) == (NOERROR, {PTR})
        assert len(answer.answer) == 250 or TC in answer
        before = server.cpu()
        for number in range(32):  # another question each time, so that none finds its answer ready
            spelled = "".join(letter.upper() if number >> place & 1 else letter for place, letter in enumerate(owner))
            server.ask_tcp(query(f"{spelled}.costly.", PTR, IN, opt(payload=1000 + number)))
            server.ask(query(f"{spelled}.costly.", PTR, IN, opt(payload=1000 + number)))
        assert (server.cpu() - before) / 64 < 0.04


def test_a_set_that_is_larger_than_any_message(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Over 65,535 octets, TCP's length has no number for it: TC, or a failure, and a whole message (RFC 1035 4.2.2)."""
    records = "".join(text("huge", 1000).replace("ttt", f"{number:03}", 1) for number in range(80))
    zone = f"$ORIGIN large.\n$TTL 60\n@ SOA . . 1 1 1 1 1\n@ NS .\n{records}"
    with serving(tmp_path_factory.mktemp("large"), {"large.": zone}) as server:
        server.good = query("large.", SOA)
        for message in (query("huge.large.", TXT), query("huge.large.", ANY), query("huge.large.", TXT, IN, opt(payload=65535))):
            answer = server.ask_tcp(message)
            assert TC in answer or answer.rcode == SERVFAIL or len(answer.answer) == 1
        assert TC in server.ask(query("huge.large.", TXT))
        assert question("huge.large.", TXT) in server.ask(query("huge.large.", TXT)).wire
        assert server.ask(query("large.", NS)).types == [NS]
