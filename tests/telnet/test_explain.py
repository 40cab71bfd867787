"""Every byte of Telnet explained: edge to edge, and the same as the parser reads."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.telnet.dialog import sb, wire
from wirespeak.explanation import MAX_PARTS, Part, as_text, clause_url, tiles
from wirespeak.telnet import meanings
from wirespeak.telnet.explain import Explainer, explain
from wirespeak.telnet.grammar import IAC, OPTIONS, SUBNEGOTIATION_LIMIT, Code, Verb
from wirespeak.telnet.messages import Command, Data, Malformed, Negotiation, Subnegotiation
from wirespeak.telnet.options import ALL
from wirespeak.telnet.options.linemode import Slc
from wirespeak.telnet.scanner import Scanner
from wirespeak.telnet.session import TelnetSession

SE = IAC + bytes((Code.SE,))


def named(data: bytes) -> list[tuple[str, str]]:
    """Names and values of the parts, which must lie edge to edge."""
    parts = explain(data)
    assert tiles(parts, data)
    return [(part.name, part.value) for part in parts]


def inside(data: bytes) -> list[tuple[str, str]]:
    """The same of what stands in a subnegotiation."""
    names = named(data)
    assert names[:2] == [("IAC", ""), ("SB", "")]
    assert names[-1] == ("IAC SE", "")
    return names[3:-1]


def faults(data: bytes) -> list[Part]:
    parts = explain(data)
    assert tiles(parts, data)
    return [part for part in parts if part.kind in ("malformed", "missing")]


# --- data


def test_lines_of_an_nvt() -> None:
    assert named(b"login: ann\r\n\r\0\x07") == [("text", "login: ann"), ("CR LF", ""), ("CR NUL", ""), ("BEL", "")]


def test_a_255_in_the_data_is_doubled() -> None:
    assert named(b"a\xff\xffb") == [("text", "a"), ("IAC IAC", ""), ("text", "b")]


def test_orders_to_a_terminal() -> None:
    assert [name for name, _ in named(b"\x1b[1;31mred\x1b]0;a title\x07\x1bx")] == [
        *("control sequence", "text", "control string", "ESC"),
        "text",
    ]


def test_keys_as_they_are_typed() -> None:
    assert [name for name, _ in named(b"\x03\x04\x7f\x16")] == ["ETX", "EOT", "DEL", "Ctrl-V"]


def test_binary_is_just_bytes_from_its_will_to_its_wont() -> None:
    data = wire("WILL BINARY", b"\r\x00\x01\xff\xff", "WONT BINARY", b"\r\0")
    assert [name for name, _ in named(data)] == [
        *("IAC", "WILL", "BINARY", "binary data", "IAC IAC"),
        *("IAC", "WONT", "BINARY", "CR NUL"),
    ]


def test_a_nul_may_belong_to_a_cr_before_a_command() -> None:
    data = b"\r" + wire("NOP") + b"\0x"
    assert [name for name, _ in named(data)] == ["CR", "IAC", "NOP", "NUL", "text"]
    assert "belongs to the CR" in explain(data)[3].meaning


# --- commands


def test_a_negotiation() -> None:
    parts = explain(wire("DO TERMINAL-TYPE", "WILL NAWS"))
    assert [part.group for part in parts] == ["command 1: DO TERMINAL-TYPE"] * 3 + ["command 2: WILL NAWS"] * 3
    assert parts[2].value == "24"
    assert parts[2].meaning.startswith("the other side tells the names of its terminal")
    assert parts[5].clause == "RFC 1073"


@pytest.mark.parametrize("option", ["AUTHENTICATION", "ENCRYPT", "36", "46", "200"])
def test_an_option_that_is_refused_says_why(option: str) -> None:
    (part,) = explain(wire(f"DO {option}"))[2:]
    assert part.meaning.startswith("refused by wirespeak: ")


def test_every_command_and_option_is_told() -> None:
    for code in range(Code.EOF, Code.SB):
        assert named(IAC + bytes((code,))) == [("IAC", ""), (Code(code).name, "")]
    assert named(b"\xff\x05") == [("IAC", ""), ("command 5", "")]
    assert set(meanings.OPTIONS) == set(ALL)
    assert set(meanings.FUNCTIONS) == {0, *Slc}
    for option in OPTIONS:
        for verb in Verb:
            assert meanings.negotiation_meaning(verb, option)[0]


# --- what options say: the examples of their RFCs


def test_a_window() -> None:
    assert inside(wire("SB NAWS 0 80 0 64")) == [("width", "80"), ("height", "64")]


def test_a_window_as_wide_as_an_iac_is_doubled() -> None:
    data = wire("SB NAWS 0 255 0 24")
    assert inside(data) == [("width", "255"), ("height", "24")]
    assert [(part.start, part.end) for part in explain(data)[3:5]] == [(3, 6), (6, 8)]


def test_a_terminal_type() -> None:
    assert inside(sb("TERMINAL-TYPE", 1)) == [("SEND", "")]
    assert inside(sb("TERMINAL-TYPE", 0, b"DEC-VT220")) == [("IS", ""), ("terminal-type", "DEC-VT220")]
    (part,) = explain(sb("TERMINAL-TYPE", 0, b"MTTS 13"))[4:-1]
    assert part.meaning.endswith(": ANSI colours, UTF-8, 256 colours")


def test_an_environment() -> None:
    said = sb("NEW-ENVIRON", 0, 0, b"DISPLAY", 1, b"unix:0.0", 3, b"A\x02\x03B", 1, 0, b"USER")
    assert inside(said) == [
        *(("IS", ""), ("VAR", ""), ("name", "DISPLAY"), ("VALUE", ""), ("value", "unix:0.0")),
        *(("USERVAR", ""), ("name", "A\x03B"), ("VALUE", ""), ("VAR", ""), ("name", "USER")),
    ]
    assert inside(sb("NEW-ENVIRON", 1)) == [("SEND", "")]


def test_special_characters() -> None:
    data = sb("LINEMODE", 3, 3, 0x62, 3, 8, 0x82, 4, 99, 0, 0)
    assert inside(data) == [
        ("SLC", ""),
        *(("SLC_IP", "3"), ("modifiers", "98"), ("character", "Ctrl-C")),
        *(("SLC_EOF", "8"), ("modifiers", "130"), ("character", "Ctrl-D")),
        *(("SLC_99", "99"), ("modifiers", "0"), ("character", "none")),
    ]
    bits = explain(data)[5].bits
    assert [(each.name, each.value) for each in bits] == [
        *(("SLC_ACK", "0"), ("SLC_FLUSHIN", "1"), ("SLC_FLUSHOUT", "1")),
        *(("reserved", "0"), ("level", "VALUE")),
    ]


def test_a_mode() -> None:
    data = sb("LINEMODE", 1, 7)
    assert inside(data) == [("MODE", ""), ("mask", "7")]
    assert {each.name: each.value for each in explain(data)[4].bits} == {
        "reserved": "0",
        "LIT_ECHO": "0",
        "SOFT_TAB": "0",
        "MODE_ACK": "1",
        "TRAPSIG": "1",
        "EDIT": "1",
    }
    assert inside(sb("LINEMODE", Verb.DO, 2, b"\0\x08")) == [("DO", ""), ("FORWARDMASK", ""), ("mask", "")]


def test_character_sets() -> None:
    assert inside(sb("CHARSET", 1, b";UTF-8;ISO-8859-1")) == [
        *(("REQUEST", ""), ("separator", ""), ("charset", "UTF-8"), ("separator", ""), ("charset", "ISO-8859-1")),
    ]
    assert inside(sb("CHARSET", 2, b"KOI8-R")) == [("ACCEPTED", ""), ("charset", "KOI8-R")]
    assert inside(sb("CHARSET", 3)) == [("REJECTED", "")]
    assert inside(sb("CHARSET", 4, b"\x01;UTF-8")) == [("TTABLE-IS", ""), ("table", "")]
    assert inside(sb("CHARSET", 1, b"[TTABLE]\x01 UTF-8"))[:3] == [("REQUEST", ""), ("[TTABLE]", ""), ("version", "")]


def test_a_status() -> None:
    data = sb("STATUS", 0, Verb.WILL, 1, Verb.DO, 24, Code.SB, 31, 0, 80, 0, 24, Code.SE, Verb.DO, 3)
    assert inside(data) == [
        *(("IS", ""), ("WILL", ""), ("ECHO", "1"), ("DO", ""), ("TERMINAL-TYPE", "24")),
        *(("SB", ""), ("DO", ""), ("SUPPRESS-GO-AHEAD", "3")),
    ]


def test_speed_display_and_flow_control() -> None:
    assert inside(sb("TERMINAL-SPEED", 0, b"38400,19200")) == [
        *(("IS", ""), ("transmit speed", "38400"), ("comma", ""), ("receive speed", "19200")),
    ]
    assert inside(sb("X-DISPLAY-LOCATION", 0, b"desk.test:0.0")) == [("IS", ""), ("x-display-location", "desk.test:0.0")]
    assert inside(sb("TOGGLE-FLOW-CONTROL", 2)) == [("RESTART-ANY", "")]


def test_what_nobody_here_reads_is_told_as_it_is() -> None:
    assert inside(sb("GMCP", b'Core.Hello {"client": "x"}')) == [("parameters", "")]


# --- what breaks the protocol, and what has not come


@pytest.mark.parametrize(
    ("data", "clause"),
    [
        (sb("NAWS", 1, 2, 3), "RFC 1073"),
        (sb("TERMINAL-TYPE"), "RFC 1091"),
        (sb("TERMINAL-SPEED", 0, b"fast"), "RFC 1079"),
        (sb("X-DISPLAY-LOCATION", 0, b"$(x)"), "RFC 1096"),
        (sb("LINEMODE", 3, 1, 2), "RFC 1184"),
        (sb("NEW-ENVIRON", 0, b"x"), "RFC 1572"),
        (sb("CHARSET", 9), "RFC 2066"),
        (sb("CHARSET", 2, b"\x80"), "RFC 2066"),
        (sb("STATUS", 0, Verb.WILL), "RFC 859"),
        (sb("ECHO", 1), "RFC 855"),
        (b"\xff\xfa\xff\xf0\xff\xf1", "RFC 855"),
        (b"\xff\xfa\x18\x00x\xff\xf9y" + SE, "RFC 855"),
        (sb("TERMINAL-TYPE", 0, b"x" * SUBNEGOTIATION_LIMIT), "RFC 855"),
    ],
)
def test_what_can_not_be_read_is_passed_over_up_to_its_end(data: bytes, clause: str) -> None:
    (fault,) = faults(data + b"text\r\n")
    assert (fault.kind, fault.clause) == ("malformed", clause)
    assert "passed over" in fault.meaning or "means nothing" in fault.meaning
    assert fault.end == len(data) - 2


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        (b"", "data, or a command"),
        (b"text\xff", "which command it is"),
        (b"\xff\xfb", "the option"),
        (b"\xff\xfa", "the option"),
        (b"\xff\xfa\x18", "IAC SE"),
        (b"\xff\xfa\x18\x00xterm", "IAC SE"),
        (b"\xff\xfa\x18\x00xterm\xff", "IAC SE"),
    ],
)
def test_what_has_not_come_yet(data: bytes, missing: str) -> None:
    (fault,) = faults(data)
    assert fault.kind == "missing"
    assert missing in fault.meaning
    assert fault.end == len(data)


def test_every_clause_can_be_looked_up() -> None:
    table = [*meanings.COMMANDS.values(), *meanings.OPTIONS.values(), *(each[1:] for each in meanings.CONTROLS.values())]
    for _, clause in table:
        assert clause == "" or clause.startswith("ECMA-48 ") or clause_url(clause)


def test_a_flood_has_a_bound_and_takes_no_time() -> None:
    begun = time.process_time()
    for data in (b"\x07" * (1 << 20), wire("NOP") * (1 << 19), sb("LINEMODE", 3, *[3] * 6000) * 200, b"\r" * (1 << 20)):
        parts = explain(data)
        assert tiles(parts, data)
        assert len(parts) <= MAX_PARTS + SUBNEGOTIATION_LIMIT + 10
    assert time.process_time() - begun < 20


# --- held to the parser

ODD = st.sampled_from([b"\r", b"\n", b"\0", b"\r\n", b"\r\0", b"\xff\xff", b"\xff", b"text", b"\x1b[0m", b"\x1b]0;", b"\x07"])
VERBS = st.builds(lambda verb, option: bytes((255, verb, option)), st.integers(251, 254), st.sampled_from([0, 1, 24, 31, 37, 200]))
TALK = st.builds(
    lambda option, first, rest: b"\xff\xfa" + bytes((option,)) + first + rest + b"\xff\xf0",
    st.sampled_from([*ALL, 37, 201]),
    st.sampled_from([b"", b"\0", b"\1", b"\2", b"\3", b"\4", b"\xfd\2", b"\3\3\x62\3", b"\1;UTF-8", b"\0\0USER\1", b"\0MTTS 9"]),
    st.binary(max_size=8) | st.sampled_from([b"xterm", b"9600,9600", b"a:0", b"\0\x50\0\x18", b"\xff\xff\0\x50\0"]),
)
STREAMS = st.lists(st.binary(max_size=12) | ODD | VERBS | TALK | st.just(b"\xff\xf1"), max_size=12).map(b"".join)


def data_of(data: bytes) -> bytes:
    """The data that a session gives out which agrees to all it can."""
    options = [kind(will=True, do=True) for kind in ALL.values()]
    session = TelnetSession(lambda: None, options=options, host=True)
    heard = b""
    events: Any = session.receive(data, 0.0)
    while events:
        for event in events:
            if isinstance(event, Data):
                heard += event.data
                session.consumed(len(event.data))
        events = session.receive(b"", 0.0)
    return heard


def data_told(data: bytes, parts: list[Part]) -> bytes:
    """The data that the explanation tells."""
    short = {"IAC IAC": b"\xff", "CR NUL": b"\r"}
    heard = b""
    for part in parts:
        if part.group == "data" and not (part.name == "NUL" and "belongs to the CR" in part.meaning):
            heard += short.get(part.name, data[part.start : part.end])
    return heard


def commands_of(data: bytes) -> list[str]:
    """The commands, as the scanner parts them."""
    scanner = Scanner()
    scanner.feed(data)
    found = []
    while (part := scanner.next()) is not None:
        match part:
            case Negotiation():
                found.append(str(part))
            case Command():
                found.append(meanings.command_meaning(part.code)[0])
            case Subnegotiation():
                found.append("SB " + str(part).split()[1] if part.option in OPTIONS else f"SB option {part.option}")
            case Malformed():
                found.append("malformed")
    return found


def commands_told(parts: list[Part]) -> list[str]:
    """The commands that are told whole."""
    groups: dict[str, list[Part]] = {}
    for part in parts:
        if part.group.startswith("command "):
            groups.setdefault(part.group, []).append(part)
    found = []
    for group, some in groups.items():
        if some[-1].kind == "missing":
            continue
        cut = any(part.kind == "malformed" and ("all of it" in part.meaning or "no option" in part.meaning) for part in some)
        found.append("malformed" if cut else group.partition(": ")[2])
    return found


@given(STREAMS)
@example(b"\r\xff\xfb\x00\0\xff\xfc\x00\0")
@example(b"\r\xff\xf1\0")
@example(b"\xff\xfa\xff\xf0text\xff\xfa\xff\xff\xff\xf0")
@example(b"\xff\xfa\x1f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xf0")
def test_the_parts_lie_edge_to_edge_and_say_what_the_parser_reads(data: bytes) -> None:
    parts = explain(data)
    assert tiles(parts, data)
    assert data_told(data, parts) == data_of(data)
    assert commands_told(parts) == commands_of(data)
    assert as_text(data, parts)


# --- as it is said


def told(pieces: list[bytes]) -> list[tuple[str, str, str]]:
    """Name, value and group of all parts of what is said in ``pieces``."""
    explainer = Explainer()
    found: list[tuple[str, str, str]] = []
    for data, parts in [*map(explainer.feed, pieces), explainer.end()]:
        assert tiles(parts, data)
        found += [(part.name, part.value, part.group) for part in parts]
    return found


CONVERSATION = (
    wire("WILL BINARY", b"\r\n\xff\xff", "WONT BINARY", b"\r\n", b"\r", "GA", b"\0") + sb("NAWS", 0, 255, 0, 24) + b"\xff\xfa\xff\xf0\r\0"
)


def test_at_every_split_point_the_same_is_explained() -> None:
    whole = told([CONVERSATION])
    assert whole[3:5] == [("binary data", "", "data"), ("IAC IAC", "", "data")]
    assert ("CR LF", "", "data") in whole
    for split in range(len(CONVERSATION)):
        parts = told([CONVERSATION[:split], CONVERSATION[split:]])
        if CONVERSATION[split - 1 : split + 1] == b"\r\n" and parts != whole:
            parts.remove(("binary data", "", "data"))  # which is one part, wherever it is split
        assert parts == whole


def test_what_never_becomes_whole_is_told_at_the_end() -> None:
    assert told([b"a\r"])[-1] == ("CR", "", "data")
    assert told([b"a", b"\xff", b"\xfa\x1f", b"\0P"])[-1][0] == "missing"


def test_a_subnegotiation_without_end_is_not_looked_through_again_and_again() -> None:
    explainer = Explainer()
    explainer.feed(b"\xff\xfa\x1f")
    for _ in range(20_000):
        assert explainer.feed(b"x") == (b"", [])
    data, parts = explainer.feed(b"\xff\xf0after")
    assert [part.kind for part in parts] == ["said", "said", "said", "malformed", "said", "said"]
    assert data.endswith(b"after")
