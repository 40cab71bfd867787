"""A Telnet conversation without I/O: data, negotiation, urgent data, floods, time, and the end."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.telnet.dialog import LIMITS, Side, cut, join, sb, wire
from wirespeak.contract import ABORT, FINISH, Urgent
from wirespeak.errors import LocalProtocolError, RemoteProtocolError, TimeoutError
from wirespeak.telnet import limits
from wirespeak.telnet.grammar import BINARY, CHARSET, ECHO, NAWS, SGA, STATUS, TIMING_MARK, TTYPE, Code
from wirespeak.telnet.messages import (
    Command,
    Data,
    Disabled,
    Enabled,
    End,
    Malformed,
    Negotiation,
    Subnegotiation,
    TerminalType,
    TimingMarked,
    WindowSize,
)
from wirespeak.telnet.options import ALL, Binary, Echo, Eor, Naws, Sga, TimingMark, Ttype, client_options, host_options
from wirespeak.telnet.session import TelnetSession


def terminal(**more: Any) -> Side:
    """A client's side with all the options, its window 80 by 24."""
    return Side(*client_options(terminal=["XTERM"], columns=80, rows=24, variables={"USER": "jo"}, display=":0"), host=False, **more)


def server(**more: Any) -> Side:
    return Side(*host_options(), **more)


# --- data


def test_data_flows_at_once_though_nobody_negotiates() -> None:
    side = server()
    side.session.ask_us(ECHO)
    side.session.ask_him(NAWS)
    side.session.send(b"login: ")
    assert side.said() == wire("WILL ECHO", "DO NAWS", b"login: ")
    side.hear(b"guest\r\n")
    assert side.heard == b"guest\r\n"
    side.session.send(b"welcome\r\n")
    assert side.said() == b"welcome\r\n"
    assert not side.session.negotiates


def test_an_iac_is_doubled_on_its_way_and_single_at_its_end() -> None:
    here, there = Side(), Side(host=False)
    here.session.send(b"a\xffb\xff\xff")
    said = here.said()
    assert said == b"a\xff\xffb\xff\xff\xff\xff"
    there.hear(said)
    assert there.heard == b"a\xffb\xff\xff"


@pytest.mark.parametrize(
    ("data", "on_the_wire"),
    [
        (b"line\r\n", b"line\r\n"),
        (b"up\rover", b"up\r\0over"),
        (b"end\r", b"end\r\0"),
        (b"\r\r\n\n", b"\r\0\r\n\n"),
        (b"\r\0", b"\r\0\0"),
        (b"\r\0\n", b"\r\0\0\n"),
        (b"\0", b"\0"),
        (b"\r\xff", b"\r\0\xff\xff"),
    ],
)
def test_an_nvt_says_cr_nul_for_a_cr_alone(data: bytes, on_the_wire: bytes) -> None:
    """RFC 854, "The NVT Printer and Keyboard"."""
    here, there = Side(), Side(host=False)
    here.session.send(data)
    said = here.said()
    assert said == on_the_wire
    for split in range(len(said) + 1):
        there = Side(host=False)
        there.hear(said[:split])
        there.hear(said[split:])
        assert there.heard == data


def test_a_line_end_split_between_two_messages_is_one() -> None:
    here, there = Side(), Side(host=False)
    here.session.send(b"line\r")
    here.session.send(b"\n")
    there.hear(here.said())
    assert there.heard == b"line\r\n"


def test_a_command_between_cr_and_nul_changes_nothing() -> None:
    side = Side()
    side.hear(b"\r" + wire("NOP") + b"\0x")
    assert side.heard == b"\rx"


def test_data_can_be_given_as_a_message() -> None:
    side = Side()
    side.session.send(Data(b"\xff"))
    assert side.said() == b"\xff\xff"


@pytest.mark.parametrize("message", ["text", None, 3, Negotiation(Code.WILL, ECHO), Enabled(ECHO, True)])
def test_what_is_no_message_is_not_sent(message: Any) -> None:
    side = server()
    with pytest.raises(LocalProtocolError):
        side.session.send(message)
    assert side.said() == b""


# --- commands


@pytest.mark.parametrize("name", ["NOP", "BRK", "IP", "AO", "AYT", "EC", "EL", "GA", "EOF", "SUSP", "ABORT", "DM", "SE"])
def test_a_command_is_told_in_its_place(name: str) -> None:
    side = Side()
    assert list(side.session.receive(wire(b"a", name, b"b"), 0.0)) == [Data(b"a"), Command(Code[name]), Data(b"b")]


@pytest.mark.parametrize("name", ["IP", "AYT", "EC", "GA", "ABORT"])
def test_a_command_is_sent(name: str) -> None:
    side = Side()
    side.session.send(b"a")
    side.session.send(Command(Code[name]))
    assert side.said() == b"a" + wire(name)


@pytest.mark.parametrize("code", [Code.SE, Code.SB, Code.WILL, Code.DONT, 255, 0, 235])
def test_what_is_no_command_by_itself_is_not_sent(code: int) -> None:
    side = Side()
    with pytest.raises(LocalProtocolError, match="RFC 854"):
        side.session.send(Command(code))


def test_an_end_of_record_is_sent_only_where_that_option_is_in_effect() -> None:
    side = Side(Eor(will=True))
    with pytest.raises(LocalProtocolError, match="RFC 885"):
        side.session.send(Command(Code.EOR))
    side.hear(wire("DO EOR"))
    side.session.send(Command(Code.EOR))
    assert side.said() == wire("WILL EOR", "EOR")


# --- negotiation


def test_a_server_that_echoes() -> None:
    """The first thing that happens between most servers and terminals."""
    host, client = server(), terminal()
    host.session.ask_us(ECHO)
    host.session.ask_us(SGA)
    offer = host.said()
    assert offer == wire("WILL ECHO", "WILL SGA")
    assert client.hear(offer) == [Enabled(ECHO, us=False), Enabled(SGA, us=False)]
    answer = client.said()
    assert answer == wire("DO ECHO", "DO SGA")
    assert host.hear(answer) == [Enabled(ECHO, us=True), Enabled(SGA, us=True)]
    assert host.said() == b""
    assert (host.session.us(ECHO), host.session.him(ECHO)) == (True, False)
    assert (client.session.us(ECHO), client.session.him(ECHO)) == (False, True)


def test_what_is_in_effect_is_not_confirmed_again() -> None:
    """RFC 854: the loop of confirmations that never ends."""
    side = Side(Sga(do=True))
    side.hear(wire("WILL SGA"))
    assert side.said() == wire("DO SGA")
    assert side.hear(wire("WILL SGA", "WILL SGA")) == []
    assert side.said() == b""


def test_what_is_off_is_not_refused_when_it_is_turned_off() -> None:
    side = Side(Sga(do=True))
    assert side.hear(wire("WONT SGA", "DONT ECHO", "WONT 99")) == []
    assert side.said() == b""


def test_an_option_is_turned_off_again() -> None:
    side = Side(Sga(do=True))
    side.hear(wire("WILL SGA"))
    side.said()
    assert side.hear(wire("WONT SGA")) == [Disabled(SGA, us=False)]
    assert side.said() == wire("DONT SGA")
    assert not side.session.him(SGA)


def test_options_that_nobody_knows_are_refused_each_time() -> None:
    side = server()
    assert side.hear(wire("WILL 200", "DO 201", "DO ENCRYPT", "WILL AUTHENTICATION", "DO 255")) == []
    assert side.said() == wire("DONT 200", "WONT 201", "WONT ENCRYPT", "DONT AUTHENTICATION", "WONT 255")


def test_an_option_can_be_welcome_on_one_side_alone() -> None:
    side = Side(Naws(do=True))
    side.hear(wire("WILL NAWS", "DO NAWS"))
    assert side.said() == wire("DO NAWS", "WONT NAWS")


def test_a_refusal_is_told() -> None:
    side = server()
    side.session.ask_him(TTYPE)
    side.said()
    assert side.hear(wire("WONT TTYPE")) == [Disabled(TTYPE, us=False)]
    assert side.said() == b""


def test_a_wish_that_comes_before_the_answer_waits_for_it() -> None:
    """RFC 1143 5: so that the answer to the first is not taken for one to the second."""
    side = server()
    side.session.ask_us(ECHO)
    side.session.drop_us(ECHO)
    side.session.ask_us(ECHO)
    side.session.drop_us(ECHO)
    assert side.said() == wire("WILL ECHO")
    assert side.hear(wire("DO ECHO")) == []
    assert side.said() == wire("WONT ECHO")
    assert side.hear(wire("DONT ECHO")) == [Disabled(ECHO, us=True)]
    assert side.said() == b""


def test_an_option_not_given_to_the_session_cannot_be_asked_for() -> None:
    side = Side(Echo(will=True))
    for ask in (side.session.ask_us, side.session.ask_him, side.session.drop_us, side.session.drop_him):
        with pytest.raises(LocalProtocolError, match="NAWS"):
            ask(NAWS)
    with pytest.raises(LocalProtocolError, match="NAWS"):
        side.session.option(Naws)
    assert side.session.option(Echo).will


def test_crossing_requests_are_taken_for_answers() -> None:
    """RFC 1143 7: both ask at the same time, and neither answers the other's request again."""
    one, other = Side(Sga(will=True, do=True)), Side(Sga(will=True, do=True), host=False)
    one.session.ask_us(SGA)
    other.session.ask_him(SGA)
    assert (said := one.said()) == wire("WILL SGA")
    assert (asked := other.said()) == wire("DO SGA")
    assert one.hear(asked) == [Enabled(SGA, us=True)]
    assert other.hear(said) == [Enabled(SGA, us=False)]
    assert one.said() == other.said() == b""


def test_both_sides_never_echo_at_once() -> None:
    """RFC 857 5: characters would go to and fro for ever."""
    one, other = (Side(Echo(will=True, do=True), host=host) for host in (True, False))
    one.session.ask_us(ECHO)
    other.session.ask_us(ECHO)
    join(one, other)
    assert not (one.session.us(ECHO) and one.session.him(ECHO))
    other.session.ask_us(ECHO)
    join(one, other)
    one.session.ask_us(ECHO)
    join(one, other)
    assert (one.session.us(ECHO), one.session.him(ECHO)) == (False, True)


def test_a_subnegotiation_reaches_its_option_while_it_is_in_effect() -> None:
    side = server()
    (early,) = side.hear(wire("SB NAWS 0 80 0 24"))
    assert isinstance(early, Malformed)
    assert "not in effect" in str(early.error)
    assert side.hear(wire("WILL NAWS", "SB NAWS 0 80 0 24")) == [Enabled(NAWS, us=False), WindowSize(80, 24)]


def test_an_empty_subnegotiation_has_no_effect() -> None:
    side = server()
    side.hear(wire("WILL NAWS", "WILL TTYPE", "DO CHARSET", "WILL CHARSET"))
    side.said()
    events = side.hear(wire("SB NAWS", "SB TTYPE", "SB CHARSET", "SB 200", b"\xff\xfa\xff\xf0", b"x"))
    assert [type(event) for event in events] == [Malformed] * 5
    assert side.said() == b""
    assert side.heard == b"x"


def test_our_subnegotiation_wants_its_option_in_effect() -> None:
    side = server()
    with pytest.raises(LocalProtocolError, match="RFC 855"):
        side.session.send(Subnegotiation(CHARSET, b"\1;UTF-8"))
    side.hear(wire("DO CHARSET"))
    side.said()
    side.session.send(Subnegotiation(CHARSET, b"\3"))
    assert side.said() == wire("SB CHARSET 3")


def test_a_timing_mark_is_set_each_time_it_is_asked_for() -> None:
    """RFC 860: DO TIMING-MARK is a question, and nothing is enabled by its answer."""
    willing, unwilling = Side(TimingMark(will=True)), Side()
    for side, answer in ((willing, "WILL TIMING-MARK"), (unwilling, "WONT TIMING-MARK")):
        assert side.hear(wire("DO TIMING-MARK", "DO TIMING-MARK", "DONT TIMING-MARK")) == []
        assert side.said() == wire(answer) * 2


def test_a_timing_mark_that_we_asked_for_is_told_and_others_are_not() -> None:
    host, client = server(), terminal()
    client.session.ask_him(TIMING_MARK)
    client.session.ask_him(TIMING_MARK)
    host.session.send(b"before")
    join(client, host)
    assert client.events == [TimingMarked(), TimingMarked()]
    assert client.hear(wire("WILL TIMING-MARK", "WONT TIMING-MARK")) == []
    assert client.said() == b""
    for ask in (client.session.ask_us, client.session.drop_him):
        with pytest.raises(LocalProtocolError, match="RFC 860"):
            ask(TIMING_MARK)


def test_everything_a_server_may_want_to_know() -> None:
    host, client = server(), terminal()
    for option in (ECHO, SGA, CHARSET, BINARY):
        host.session.ask_us(option)
    for option in (TTYPE, NAWS, BINARY, STATUS, SGA):
        host.session.ask_him(option)
    join(host, client, piece=1)
    told = [event for event in host.events if not isinstance(event, Enabled)]
    assert TerminalType(("xterm",), complete=True) in told
    assert WindowSize(80, 24) in told
    for option in (BINARY, SGA, STATUS, TTYPE, NAWS, ECHO, CHARSET):
        assert host.session.us(option) == client.session.him(option)
        assert host.session.him(option) == client.session.us(option)
    for message in client.session.option(Naws).resize(132, 43):
        client.session.send(message)
    join(host, client)
    assert host.events[-1] == WindowSize(132, 43)


# --- binary


def test_binary_begins_at_the_byte_behind_the_word() -> None:
    """RFC 856, and RFC 854: "… at the point where it is desired that it take effect"."""
    side = Side(Binary(do=True))
    stream = b"a\r\0b" + wire("WILL BINARY") + b"c\r\0d" + wire("WONT BINARY") + b"e\r\0f"
    for split in range(len(stream) + 1):
        side = Side(Binary(do=True))
        side.hear(stream[:split])
        side.hear(stream[split:])
        assert side.heard == b"a\rb" + b"c\r\0d" + b"e\rf"


def test_our_wishes_change_nothing_of_what_comes() -> None:
    side = Side(Binary(will=True, do=True))
    side.hear(wire("DO BINARY", b"\r"))
    side.session.ask_him(BINARY)
    side.session.drop_us(BINARY)
    side.hear(b"\0x")
    assert side.heard == b"\rx"


def test_binary_lasts_until_the_peer_says_so() -> None:
    side = Side(Binary(do=True))
    side.hear(wire("WILL BINARY"))
    side.session.drop_him(BINARY)
    side.hear(b"\r\0" + wire("WONT BINARY") + b"\r\0")
    assert side.heard == b"\r\0" + b"\r"


def test_what_we_say_is_binary_from_our_word_on() -> None:
    side = Side(Binary(will=True))
    side.session.send(b"\r")
    side.hear(wire("DO BINARY"))
    side.session.send(b"\r\xff")
    side.session.drop_us(BINARY)
    side.session.send(b"\r")
    assert side.said() == b"\r\0" + wire("WILL BINARY") + b"\r\xff\xff" + wire("WONT BINARY") + b"\r\0"


def test_each_direction_has_its_own() -> None:
    side = Side(Binary(will=True, do=True))
    side.hear(wire("DO BINARY") + b"\r\0")
    side.session.send(b"\r")
    assert side.heard == b"\r"
    assert side.said() == wire("WILL BINARY") + b"\r"


@pytest.mark.parametrize(("answer", "on_the_wire"), [("DO BINARY", b"a\r\xff\xffb"), ("DONT BINARY", b"a\r\0\xff\xffb")])
def test_a_lone_cr_waits_until_it_is_certain_how_it_is_read(answer: str, on_the_wire: bytes) -> None:
    """From our WILL on the peer may read it either way; what reads the same does not wait."""
    side = Side(Binary(will=True))
    side.session.ask_us(BINARY)
    side.session.send(b"text\r\n")
    assert side.said() == wire("WILL BINARY") + b"text\r\n"
    side.session.send(b"a\r\xffb")
    side.session.send(Command(Code.GA))
    side.session.send(b"c")
    assert side.said() == b""
    assert side.session.waiting == 4 + 2 + 1
    side.hear(wire(answer))
    assert side.said() == on_the_wire + wire("GA") + b"c"
    assert side.session.waiting == 0


def test_a_peer_that_never_answers_is_not_waited_for_long() -> None:
    side = Side(Binary(will=True))
    side.session.ask_us(BINARY)
    side.session.send(b"\r")
    assert side.session.deadline < 50.0
    side.session.tick(50.0)
    assert side.said() == wire("WILL BINARY")
    assert side.session.deadline == 50.0 + limits.UNCERTAIN_TIME
    side.session.tick(50.0 + limits.UNCERTAIN_TIME)
    assert side.said() == b"\r\0"
    side.session.send(b"\r")
    assert side.said() == b"\r\0"


def test_who_wants_binary_no_more_before_the_answer_is_still_read_rightly() -> None:
    here, there = Side(Binary(will=True)), Side(Binary(do=True), host=False)
    here.session.ask_us(BINARY)
    here.session.send(b"one\r")
    here.session.drop_us(BINARY)
    here.session.send(b"two\r")
    join(here, there)
    here.session.send(b"three\r")
    join(here, there)
    assert there.heard == b"one\rtwo\rthree\r"
    assert not here.session.us(BINARY)


# --- urgent data


def test_a_data_mark_is_sent_as_urgent_data() -> None:
    """RFC 854, "The Telnet Synch Signal"."""
    side = Side()
    side.session.send(b"before")
    side.session.send(Command(Code.IP))
    side.session.send(Command(Code.DM))
    side.session.send(b"after")
    assert list(side.session.data_to_send()) == [b"before" + wire("IP"), Urgent(wire("DM")), b"after"]


def test_during_a_synch_data_is_dropped_and_commands_are_heard() -> None:
    before, after = wire(b"typed ahead", "IP", b"more", "DO TIMING-MARK", b"\xff\xff"), wire("DM", b"after")
    for split in range(len(before) + 1):
        side = server()
        side.session.urgent(True)
        side.hear(before[:split])
        side.hear(before[split:] + after[:1])
        side.session.urgent(False)
        side.hear(after[1:])
        assert side.events == [Command(Code.IP), Command(Code.DM)]
        assert side.said() == wire("WILL TIMING-MARK")
        assert side.heard == b"after"


def test_a_data_mark_without_urgent_data_means_nothing() -> None:
    """RFC 854: in normal mode the DM is a no operation."""
    side = Side()
    side.hear(wire(b"a", "DM", b"b", "DM", "DM", b"c"))
    assert side.heard == b"abc"


def test_of_two_synchs_the_last_mark_counts() -> None:
    """RFC 854: where more urgent data lie behind the DM, a second Synch has followed the first."""
    side = Side()
    side.session.urgent(True)
    side.hear(wire(b"lost", "DM", b"lost, too", "DM", b"and this"))
    side.session.urgent(False)
    side.hear(wire("DM", b"kept"))
    assert side.heard == b"kept"


def test_a_synch_is_heard_though_the_program_has_stopped_the_stream() -> None:
    """RFC 854: the reason for it is a process that doesn't read."""
    side = Side(slow=True)
    side.hear(b"x" * limits.WINDOW)
    side.hear(b"more" + wire("IP"))
    assert not side.session.reading
    assert side.events == []
    side.session.urgent(True)
    side.hear(b"")
    assert side.session.reading
    assert side.events == [Command(Code.IP)]
    side.session.urgent(False)
    side.hear(wire("DM", b"kept"))
    assert len(side.heard) == limits.WINDOW
    assert not side.session.reading
    side.session.consumed(limits.WINDOW)
    side.hear(b"")
    assert side.heard.endswith(b"xkept")


def test_a_peer_that_ended_unheard_is_asked_whether_it_is_there() -> None:
    side = Side()
    side.session.deserted()
    assert side.said() == wire("NOP")
    side.session.send(End())
    side.said()
    side.session.deserted()
    assert side.said() == b""


def test_aborted_output_is_dropped_and_commands_are_not() -> None:
    """RFC 854, "Abort Output": what was produced and not yet sent; and a Synch for what was."""
    side = Side(Binary(will=True, do=True), Echo(will=True))
    side.session.send(b"sent")
    assert side.said() == b"sent"
    side.session.send(b"dropped\xff")
    side.session.ask_us(ECHO)
    side.session.send(b"dropped")
    side.session.send(Command(Code.GA))
    side.session.ask_us(BINARY)
    side.session.send(b"held\r")
    side.session.send(Command(Code.NOP))
    side.session.abort_output()
    side.session.send(b"kept\r")
    assert side.said() == wire("WILL ECHO", "GA", "WILL BINARY")
    side.hear(wire("DONT BINARY"))
    assert list(side.session.data_to_send()) == [wire("NOP"), Urgent(wire("DM")), b"kept\r\0"]
    assert side.session.waiting == 0


# --- before anybody speaks Telnet


def test_what_is_raw_goes_out_as_it_is_until_one_side_speaks_telnet() -> None:
    for begin in ("hear DO", "send AYT", "ask ECHO"):
        side = Side(Echo(will=True), host=False, raw=True)
        side.session.send(b"GET / HTTP/1.0\r\n\n a\rb \xff")
        assert side.said() == b"GET / HTTP/1.0\r\n\n a\rb \xff"
        if begin == "hear DO":
            side.hear(wire("DO ECHO"))
        elif begin == "send AYT":
            side.session.send(Command(Code.AYT))
        else:
            side.session.ask_us(ECHO)
        side.said()
        side.session.send(b"a\rb \xff")
        assert side.said() == b"a\r\0b \xff\xff"


def test_what_comes_raw_is_as_it_came_until_the_peer_negotiates() -> None:
    """Pictures have 255 in them, and so has a text in UTF-16; a known option behind a verb is Telnet's."""
    plain = b"\xff\xd8\xff\xe0 \r\0 \xff\xff \xff\xfe<\0 \xff\xf1 \xff"
    stream = plain + wire("DO ECHO") + b"a\xff\xff\r\0"
    for split in range(len(stream) + 1):
        side = Side(host=False, raw=True)
        side.hear(stream[:split])
        assert plain.startswith(side.heard) or split > len(plain)
        side.hear(stream[split:])
        assert side.heard == plain + b"a\xff\r"
        assert side.said() == wire("WONT ECHO")


@pytest.mark.parametrize("last", [b"\xff", b"\xff\xfb"])
def test_what_might_have_become_a_negotiation_is_data_at_the_end(last: bytes) -> None:
    side = Side(host=False, raw=True)
    side.hear(b"data" + last)
    assert side.heard == b"data"
    assert side.hear(None) == [End()]
    assert side.heard == b"data" + last


def test_a_line_ends_as_the_mode_has_it() -> None:
    """RFC 854: CR LF. RFC 1123 3.2.7: BINARY has no such thing; there the key's CR stands alone."""
    side = Side(Binary(will=True))
    assert side.session.line_end == b"\r\n"
    side.hear(wire("DO BINARY"))
    assert side.session.line_end == b"\r"


def test_a_mark_inside_a_subnegotiation_ends_no_synch() -> None:
    """CVE-2020-10188: there is one queue of bytes, and nobody looks ahead in it for a mark."""
    side = server()
    side.session.urgent(True)
    (spoilt,) = side.hear(b"\xff\xfa\x18\x00" + wire("DM") + b"lost\xff\xf0lost, too")
    assert isinstance(spoilt, Malformed)
    assert side.heard == b""
    side.session.urgent(False)
    side.hear(wire("DM", b"heard"))
    assert side.heard == b"heard"


# --- floods, and bounds


FLOODS = {
    "AYT": wire("AYT"),
    "DO and DONT": wire("DO ECHO", "DONT ECHO"),
    "WILL and WONT": wire("WILL TTYPE", "WONT TTYPE"),
    "options that nobody knows": wire("DO 200"),
    "timing marks": wire("DO TIMING-MARK"),
    "LINEMODE's characters": wire("WILL LINEMODE") + sb("LINEMODE", 3, *(bytes((n, 2, 1)) for n in range(40))),
    "LINEMODE's characters, all": wire("WILL LINEMODE") + sb("LINEMODE", 3, *(b"\0\3\0",) * 60),
    "STATUS": wire("DO STATUS") + sb("STATUS", 1),
    "charsets": wire("WILL CHARSET") + sb("CHARSET", 1, b";UTF-8"),
}


def answer(side: Side, events: list[Any]) -> None:
    """What a host does with AYT."""
    for event in events:
        if event == Command(Code.AYT):
            side.session.send(b"\r\n[yes]\r\n")


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_answers_never_outgrow_a_bound_where_the_peer_takes_none(flood: bytes) -> None:
    """CVE-2001-0554: the answers wait, and so the flood does."""
    side = server()
    pending = 0
    piece = flood * (65536 // len(flood))
    for _ in range(30):
        if not side.session.reading:
            break
        events = side.session.receive(piece, 0.0)
        while events:
            answer(side, list(events))
            events = side.session.receive(b"", 0.0)
        pending += len(side.said())
        side.session.blocked(pending, 0.0)
    assert pending < limits.ANSWERS + (limits.BATCH + 1) * 1000
    side.session.blocked(0, 1.0)
    while side.session.receive(b"", 1.0):
        side.said()
    assert side.session.reading


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_answers_are_no_more_than_a_few_times_the_flood(flood: bytes) -> None:
    side = server()
    said = 0
    for piece in cut(flood * (300_000 // len(flood)), 65536):
        events = side.session.receive(piece, 0.0)
        while events:
            answer(side, list(events))
            said += len(side.said())
            events = side.session.receive(b"", 0.0)
    assert said < 5 * 300_000


def test_an_interrupt_is_heard_while_a_programs_output_waits() -> None:
    side = Side()
    while not side.session.crowded:
        side.session.send(b"y\r\n" * 1000)
    side.session.blocked(len(side.said()), 0.0)
    assert side.session.reading
    assert side.hear(wire("IP")) == [Command(Code.IP)]


def test_output_is_counted_as_it_goes_on_the_wire() -> None:
    """CVE-2005-0468: all IACs, and so twice as long as it looks."""
    side = Side()
    side.session.send(b"\xff" * (limits.ROOM // 2))
    assert not side.session.crowded
    side.session.send(b"\xff")
    assert side.session.crowded
    assert side.session.waiting == limits.ROOM + 2


def test_who_does_not_consume_hears_no_more() -> None:
    side = Side(slow=True)
    side.hear(b"x" * limits.WINDOW)
    assert not side.session.reading
    side.hear(b"more")
    assert len(side.heard) == limits.WINDOW
    woken = side.woken
    side.session.consumed(1)
    assert side.woken == woken + 1
    side.hear(b"")
    assert side.heard.endswith(b"xmore")
    assert not side.session.reading
    side.session.consumed(limits.WINDOW)
    side.hear(b"")
    assert side.session.reading


def test_a_subnegotiation_without_an_end_ends_the_conversation() -> None:
    side = server()
    events = side.hear(b"\xff\xfa\x18")
    for _ in range(limits.ENDLESS // 65536 + 1):
        assert events == []
        events = side.hear(b"x" * 65536)
    (error,) = events
    assert isinstance(error, RemoteProtocolError)
    assert list(side.session.data_to_send()) == [FINISH]


def test_a_long_terminal_type_is_passed_over() -> None:
    side = server()
    side.hear(wire("WILL TTYPE"))
    (error,) = side.hear(sb("TTYPE", 0, b"X" * 5000))
    assert isinstance(error, Malformed)
    side.hear(b"on we go")
    assert side.heard == b"on we go"


@given(st.lists(st.sampled_from([b"\xff", b"\xfa", b"\xf0", b"\xfb", b"\xfc", b"\xfd", b"\xfe", *(bytes((n,)) for n in range(43))])))
@settings(max_examples=300)
def test_no_bytes_do_harm(noise: list[bytes]) -> None:
    """No exception, whatever comes; and the same events however it is cut."""
    stream = b"".join(noise)
    whole, pieces = server(), server()
    whole.hear(stream)
    for piece in cut(stream, 1):
        pieces.hear(piece)
    assert whole.heard == pieces.heard
    assert list(map(str, whole.events)) == list(map(str, pieces.events))
    assert whole.said() == pieces.said()


# --- an HTTP request

POST = b"POST /cgi HTTP/1.1\r\nHost: localhost:8023\r\n\r\nrm -rf *\r\n"


@pytest.mark.parametrize("opening", [POST, b"GET / HTTP/1.1\r\n", b"HEAD /x ", b"OPTIONS /"])
def test_a_browsers_request_is_dropped_at_every_split(opening: bytes) -> None:
    for split in range(len(opening) + 1):
        side = server(refuse_http=True)
        side.session.ask_us(ECHO)
        side.hear(opening[:split])
        side.hear(opening[split:])
        side.hear(b"more")
        (error,) = side.events
        assert isinstance(error, RemoteProtocolError)
        assert side.heard == b""
        assert list(side.session.data_to_send()) == [wire("WILL ECHO"), FINISH]


@pytest.mark.parametrize("opening", [b"GETTING there", b"help\r\n", b"POST\r\n", b"\xff\xfd\x01POST / HTTP/1.1"])
def test_what_is_no_request_is_heard_at_every_split(opening: bytes) -> None:
    for split in range(len(opening) + 1):
        side = server(refuse_http=True)
        side.hear(opening[:split])
        side.hear(opening[split:])
        assert side.heard == opening.removeprefix(b"\xff\xfd\x01")


def test_a_letter_that_a_request_could_begin_with_waits_a_moment_only() -> None:
    side = server(refuse_http=True)
    side.hear(b"", 5.0)
    side.hear(b"G", 7.0)
    assert side.heard == b""
    assert side.session.deadline == 7.0 + limits.OPENING_TIME
    side.hear(b"E", 7.5)
    assert side.session.deadline == 7.0 + limits.OPENING_TIME
    assert list(side.session.tick(7.0 + limits.OPENING_TIME)) == [Data(b"GE")]
    side.hear(b"T / that", 9.0)
    assert side.heard == b"T / that"


def test_what_waits_is_heard_when_the_stream_ends() -> None:
    side = server(refuse_http=True)
    side.hear(b"P")
    assert side.hear(None) == [End()]
    assert side.heard == b"P"


# --- time


def test_a_silent_peer_is_let_go_in_good_order() -> None:
    side = server()
    side.hear(b"", 10.0)
    assert side.session.deadline == 110.0
    side.hear(b"x", 50.0)
    assert list(side.session.tick(149.0)) == []
    (error,) = side.session.tick(150.0)
    assert isinstance(error, TimeoutError)
    assert list(side.session.data_to_send()) == [FINISH]
    side.session.tick(150.0)
    assert side.session.deadline == 152.0
    assert side.session.tick(152.0) == ()
    assert side.session.closed


def test_a_client_waits_as_long_as_its_user_likes() -> None:
    session = TelnetSession(lambda: None, host=False)
    session.receive(b"x", 0.0)
    session.blocked(5, 0.0)
    assert session.deadline == math.inf


def test_a_peer_that_takes_nothing_is_cut_off() -> None:
    side = Side()
    side.session.send(b"x" * 1000)
    side.said()
    side.session.blocked(1000, 0.0)
    side.session.blocked(900, 5.0)
    assert side.session.deadline == 15.0
    side.session.blocked(950, 9.0)
    (error,) = side.session.tick(15.0)
    assert isinstance(error, TimeoutError)
    assert list(side.session.data_to_send()) == [ABORT]
    assert side.session.closed


def test_a_peer_that_takes_all_is_not() -> None:
    side = Side()
    side.session.blocked(1000, 0.0)
    side.session.blocked(0, 5.0)
    assert side.session.deadline == math.inf


# --- the end


def test_the_peer_ends_its_stream_and_still_listens() -> None:
    side = Side()
    side.hear(b"quit\r\n")
    assert side.hear(None) == [End()]
    assert side.hear(b"") == []
    side.session.send(b"bye\r\n")
    side.session.send(End())
    assert list(side.session.data_to_send()) == [b"bye\r\n", FINISH]
    assert side.session.closed


def test_we_end_our_stream_and_still_hear() -> None:
    side = Side()
    side.session.send(b"last")
    side.session.send(End())
    assert list(side.session.data_to_send()) == [b"last", FINISH]
    side.hear(b"answer" + wire("DO 99"))
    assert side.heard == b"answer"
    assert side.said() == b""
    assert not side.session.closed
    assert side.hear(None) == [End()]
    assert side.session.closed


@pytest.mark.parametrize("message", [b"x", Command(Code.NOP), End()])
def test_nothing_is_said_after_the_end(message: Any) -> None:
    side = server()
    side.session.send(End())
    with pytest.raises(LocalProtocolError):
        side.session.send(message)
    with pytest.raises(LocalProtocolError):
        side.session.ask_us(ECHO)


def test_the_end_is_told_behind_all_that_came() -> None:
    side = Side(slow=True)
    side.session.receive(b"x" * limits.WINDOW, 0.0)
    side.session.receive(b"last", 0.0)
    assert list(side.session.receive_eof(0.0)) == []
    side.session.consumed(limits.WINDOW)
    assert list(side.session.receive(b"", 0.0)) == [Data(b"last"), End()]
    assert list(side.session.receive(b"", 0.0)) == []


def test_leaving_drops_what_still_comes_for_a_moment() -> None:
    side = Side()
    side.session.send(b"bye\r\n")
    side.session.finish(5.0)
    assert list(side.session.data_to_send()) == [b"bye\r\n", FINISH]
    side.session.tick(6.0)
    assert side.session.deadline == 6.0 + LIMITS.linger
    assert side.hear(b"unheard" + wire("AYT")) == []
    assert side.heard == b""
    assert side.session.reading
    side.hear(None)
    assert side.session.closed
    assert side.session.deadline == math.inf


def test_what_is_dropped_is_bounded() -> None:
    side = Side()
    side.session.leave()
    for _ in range(limits.LINGER_SIZE // 65536):
        side.hear(b"x" * 65536)
    assert not side.session.closed
    side.hear(b"x")
    assert side.session.closed


def test_leaving_a_peer_that_has_ended_closes_at_once() -> None:
    side = Side()
    side.hear(None)
    side.session.leave()
    assert side.session.closed
    assert side.session.deadline == math.inf


def test_what_was_held_is_said_before_the_end() -> None:
    side = Side(Binary(will=True))
    side.session.ask_us(BINARY)
    side.session.send(b"\r")
    side.session.send(End())
    assert list(side.session.data_to_send()) == [wire("WILL BINARY") + b"\r\0", FINISH]


def test_cutting_off() -> None:
    side = Side()
    side.session.send(b"half")
    side.session.fail()
    assert list(side.session.data_to_send()) == [ABORT]
    assert side.session.closed
    assert side.session.receive(b"x", 0.0) == side.session.receive_eof(0.0) == ()


# --- two of them

OPTIONS = sorted(set(ALL) - {TIMING_MARK})

MOVES = st.one_of(
    st.tuples(st.just("send"), st.booleans(), st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\0", b"\xff"]), max_size=5).map(b"".join)),
    st.tuples(st.sampled_from(["ask_us", "ask_him", "drop_us", "drop_him"]), st.booleans(), st.sampled_from(OPTIONS)),
    st.tuples(st.just("carry"), st.booleans(), st.integers(1, 12)),
)


@given(st.lists(MOVES, max_size=30))
@settings(max_examples=300)
def test_two_sides_never_loop_agree_and_lose_no_byte(moves: list[tuple[str, bool, Any]]) -> None:
    """Whatever both wish, and however long words are under way: all data comes through, BINARY or not, and both see the same."""
    sides = {True: server(), False: terminal()}
    wires = {True: b"", False: b""}
    sent = {True: b"", False: b""}

    def carry(host: bool, count: int | None = None) -> None:
        wires[host] += sides[host].said()
        piece, wires[host] = wires[host][:count], wires[host][count:] if count else b""
        sides[not host].hear(piece)

    for move, host, what in moves:
        if move == "send":
            sides[host].session.send(what)
            sent[host] += what
        elif move == "carry":
            carry(host, what)
        else:
            getattr(sides[host].session, move)(what)
    for _ in range(60):
        carry(True)
        carry(False)
    assert sides[True].said() == sides[False].said() == b"", "they go on talking"
    for host, side in sides.items():
        assert sides[not host].heard == sent[host]
        for option in OPTIONS:
            assert side.session.us(option) == sides[not host].session.him(option)


@given(st.binary(max_size=300), st.booleans(), st.integers(1, 40))
def test_any_bytes_come_through(data: bytes, binary: bool, piece: int) -> None:
    here, there = server(), terminal()
    if binary:
        here.session.ask_us(BINARY)
        join(here, there)
    here.session.send(data)
    join(here, there, piece)
    assert there.heard == data


def test_two_servers_or_two_clients_can_speak_too() -> None:
    """Nothing but the defaults tells the sides apart."""
    for make in (server, terminal):
        one, other = make(), make()
        for option in (SGA, BINARY):
            one.session.ask_us(option)
            other.session.ask_us(option)
        join(one, other)
        assert one.session.us(BINARY)
        assert one.session.him(BINARY)
        assert one.session.us(SGA) == other.session.him(SGA)


def test_the_names_of_ttype_are_those_of_the_other_side() -> None:
    one, other = Side(Ttype(do=True)), Side(Ttype(["one", "two"], will=True), host=False)
    one.session.ask_him(TTYPE)
    join(one, other)
    assert one.events[-1] == TerminalType(("one", "two"), complete=True)
