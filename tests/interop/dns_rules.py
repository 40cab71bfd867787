"""When servers answer the same question differently: which differences are known, and what our answer may then be.

Where BIND, NSD and Knot agree, ours has to agree with them. Where they don't, one of the `RULES` has to say why, with the
clause that leaves the choice, and what it accepts of ours. A difference that no rule explains is a failure in itself.

Two things are set aside beforehand, for they are for the server to choose: the name servers of the zone itself in the
authority section of a positive answer (RFC 1034 4.3.2 asks for none), and how much of the additional section is filled
(step 6 there, "anything else that may be useful"; RFC 2181 9 lets it out first): of that, ours has what all three have,
and nothing that none of them has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import dns.rcode
import dns.rdatatype as types

from tests.interop.dns_ask import Answer, Ask, Record, shown

__all__ = ["RULES", "Peers", "Rule", "cut_faults", "faults"]

MAX_PAYLOAD = 1232
"""The most that any of the servers sends in a datagram, whatever it is allowed (the DNS flag day of 2020)."""

Peers = Mapping[str, Answer]
Core = tuple[int, bool, str, tuple[int, bool] | None, frozenset[Record], frozenset[Record]]


def core(ask: Ask, answer: Answer) -> Core:
    """What has to be the same: all but sizes, the additional section, and name servers nobody asked for."""
    positive = any(kind == ask.type for _, kind, *_ in answer.answer) or (ask.type == types.ANY and answer.answer)
    authority = frozenset(record for record in answer.authority if not (positive and _kind(record) == types.NS))
    return answer.rcode, answer.aa, answer.flags, answer.edns, answer.answer, authority


def _kind(record: Record) -> int:
    """The type of a record; of a signature, the type that it signs."""
    _, kind, _, _, data = record
    return int.from_bytes(data[:2], "big") if kind == types.RRSIG else kind


@dataclass(slots=True, frozen=True)
class Rule:
    """A known difference: when it applies, and whether it accepts our answer."""

    why: str
    applies: Callable[[Ask, Peers], bool]
    accepts: Callable[[Ask, Peers, Answer], bool]


def like(*names: str) -> Callable[[Ask, Peers, Answer], bool]:
    """Ours is the same as that of one of these."""
    return lambda ask, peers, ours: any(core(ask, ours) == core(ask, peers[name]) for name in names)


def endless(ask: Ask, peers: Peers, ours: Answer) -> bool:
    """The steps that all three give, and at most further ones; all else is the same as that of one of them."""
    steps = [each.answer for each in peers.values()]
    more = ours.answer - frozenset.union(*steps)
    return (
        frozenset.intersection(*steps) <= ours.answer
        and all(kind == types.CNAME for _, kind, *_ in more)
        and any(core(ask, replace(each, answer=ours.answer)) == core(ask, ours) for each in peers.values())
    )


def outside(peers: Peers, ours: Answer, section: str) -> frozenset[Record]:
    """What all of them have in the section and we don't, and what we have and none of them."""
    theirs: list[frozenset[Record]] = [getattr(each, section) for each in peers.values()]
    mine: frozenset[Record] = getattr(ours, section)
    return (frozenset.intersection(*theirs) - mine) | (mine - frozenset.union(*theirs))


def some_rrsets(ask: Ask, peers: Peers, ours: Answer) -> bool:
    """Ours is one of theirs, or whole RRsets out of BIND's, which gives all."""
    every = peers["bind"]
    if like(*peers)(ask, peers, ours):
        return True
    chosen = {(record[0], _kind(record)) for record in ours.answer}
    whole = frozenset(record for record in every.answer if (record[0], _kind(record)) in chosen and (record[1] != types.RRSIG or ask.do))
    return bool(ours.answer) and core(ask, replace(every, answer=whole)) == core(ask, ours)


def has_alias(_ask: Ask, peers: Peers) -> bool:
    return any(kind == types.CNAME for each in peers.values() for _, kind, *_ in each.answer)


def proves(answer: Answer, kind: int) -> bool:
    """Whether the answer proves by records of that type that something isn't there."""
    return any(record[1] == kind for record in answer.authority)


RULES = [
    Rule(
        "ANY may be answered with all RRsets or with some (RFC 8482 4.1, 4.2)",
        lambda ask, peers: ask.type == types.ANY,
        some_rrsets,
    ),
    Rule(
        "aliases without an end: BIND says SERVFAIL beside them, the others leave it to the resolver (RFC 1034 3.6.2); where each "
        "makes another name, all stop somewhere",
        lambda ask, peers: peers["bind"].rcode == dns.rcode.SERVFAIL,
        endless,
    ),
    Rule(
        "NSEC and RRSIG stand beside a CNAME, so nothing leads on (RFC 4035 2.5), though NSD follows it where the zone isn't "
        "signed; of several RRSIGs Knot gives those of one RRset",
        lambda ask, peers: ask.type == types.RRSIG or (ask.type == types.NSEC and has_alias(ask, peers)),
        like("bind", "nsd", "knot"),
    ),
    Rule(
        "where a wildcard's NSEC is asked for, Knot leaves out that nothing is closer, which the same NSEC says (RFC 4035 3.1.3.3)",
        lambda ask, peers: ask.type == types.NSEC and not has_alias(ask, peers) and peers["knot"].aa and bool(peers["knot"].answer),
        like("bind", "nsd"),
    ),
    Rule(
        "the NSEC at a cut is the parent's own (RFC 4035 2.3), which BIND answers with; the others refer (RFC 1034 4.3.2 step 3b)",
        lambda ask, peers: ask.type == types.NSEC and peers["bind"].aa and not peers["nsd"].aa,
        like("bind", "nsd", "knot"),
    ),
    Rule(
        "aliases are followed into another zone of the same server, or only within the zone (RFC 1034 4.3.2 step 3a goes back to "
        "step 1; BIND and Knot stay)",
        has_alias,
        like("bind", "nsd", "knot"),
    ),
    Rule(
        "where the wildcard is an empty name, NSD proves that it is one (RFC 4035 3.1.3.4); BIND and Knot only that nothing is closer",
        lambda ask, peers: proves(peers["nsd"], types.NSEC) and peers["bind"].authority < peers["nsd"].authority,
        like("nsd"),
    ),
    Rule(
        "NSD proves too much where a wildcard's own name is asked for, and too little below an empty name that only an insecure "
        "delegation brings about (RFC 5155 7.2.1, 7.2.3)",
        lambda ask, peers: proves(peers["nsd"], types.NSEC3),
        like("bind", "knot"),
    ),
]


def rule_for(ask: Ask, peers: Peers) -> Rule | None:
    """The rule of a difference between the peers."""
    return next((rule for rule in RULES if rule.applies(ask, peers)), None)


def faults(ask: Ask, peers: Peers, ours: Answer) -> list[str]:
    """What is wrong with our answer, given theirs. For answers that are whole: what is cut off is `cut_faults`' matter."""
    found = core_faults(ask, peers, ours)
    # What goes with an answer to ANY goes by which RRsets were chosen.
    if not found and ask.type != types.ANY and (strange := outside(peers, ours, "additional")):
        found.append(f"the additional section, by {[shown(record) for record in strange]}")
    return found


def core_faults(ask: Ask, peers: Peers, ours: Answer) -> list[str]:
    """The same, but for the additional section."""
    cores = {core(ask, each) for each in peers.values()}
    if len(cores) == 1:
        return [] if core(ask, ours) in cores else ["the peers agree, and ours differs"]
    rule = rule_for(ask, peers)
    if rule is None:
        return ["the peers differ, and no rule says why"]
    return [] if rule.accepts(ask, peers, ours) else [f"not as the rule accepts it: {rule.why}"]


def cut_faults(ask: Ask, peers: Peers, ours: Answer, whole: Answer) -> list[str]:
    """What is wrong with our answer over UDP; ``whole`` is ours to the same question over TCP."""
    limit = 512 if ask.payload is None else max(512, min(ask.payload, MAX_PAYLOAD))
    found = [f"{ours.size} octets, more than {limit}"] if ours.size > limit else []
    if not ours.tc:
        if core(ask, ours) != core(ask, whole) or not ours.additional <= whole.additional:
            found.append("not the same as over TCP, and TC isn't set (RFC 2181 9)")
        if missing := glue(whole) - ours.additional:
            found.append(f"glue is missing, and TC isn't set (RFC 9471 3.1): {[shown(record) for record in missing]}")
        if not any(each.tc for each in peers.values()):
            found += core_faults(ask, peers, ours)
    else:
        if whole.size <= limit:
            found.append(f"TC is set, and {whole.size} octets would fit")
        for section in ("answer", "authority", "additional"):
            if not getattr(ours, section) <= getattr(whole, section):
                found.append(f"the {section} section has what isn't there over TCP")
    cut = {each.tc for each in peers.values()}
    if len(cut) == 1 and ours.tc not in cut:
        found.append(f"TC is {'set' if ours.tc else 'not set'}, unlike all the others")
    # BIND and NSD let glue out without a word, as was done before RFC 9471. What is more or less of an answer may be cut off or not.
    if len(cut) > 1 and not (referral(whole) or ask.type in (types.ANY, types.RRSIG) or has_alias(ask, peers)):
        found.append("the peers differ in TC, and no rule says why")
    if referral(whole) and ours.tc != peers["knot"].tc:
        found.append("TC is not as Knot sets it, which follows RFC 9471")
    return found


def referral(answer: Answer) -> bool:
    return not answer.aa and not answer.answer and any(kind == types.NS for _, kind, *_ in answer.authority)


def glue(answer: Answer) -> frozenset[Record]:
    """The addresses without which the zone referred to can't be reached: those of servers beneath the cut."""
    if not referral(answer):
        return frozenset()
    cut = next(owner for owner, kind, *_ in answer.authority if kind == types.NS)
    return frozenset(record for record in answer.additional if record[0].endswith(cut))
