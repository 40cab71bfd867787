"""NAWS, TERMINAL-SPEED, X-DISPLAY-LOCATION, TOGGLE-FLOW-CONTROL: what a terminal tells of itself, and is told."""

from __future__ import annotations

import pytest

from tests.telnet.dialog import Side, join, sb, wire
from wirespeak.telnet.grammar import LFLOW, NAWS, TSPEED, XDISPLOC
from wirespeak.telnet.messages import Disabled, Enabled, FlowControl, Malformed, TerminalSpeed, WindowSize, XDisplay
from wirespeak.telnet.options import Lflow, Naws, Option, Tspeed, Xdisploc


def agreed(host_option: Option, client_option: Option) -> tuple[Side, Side]:
    """A server and a terminal that have agreed on the terminal's option."""
    host, client = Side(host_option), Side(client_option, host=False)
    host.session.ask_him(host_option.code)
    join(host, client)
    return host, client


def passes_over(side: Side, said: bytes) -> str:
    """Why it does."""
    (error,) = side.hear(said)
    assert isinstance(error, Malformed)
    assert side.said() == b""
    return str(error.error)


# --- NAWS (RFC 1073)


def test_a_window_and_its_change() -> None:
    host, client = agreed(Naws(do=True), Naws(80, 24, will=True))
    assert host.events == [Enabled(NAWS, us=False), WindowSize(80, 24)]
    naws = client.session.option(Naws)
    for message in naws.resize(132, 43):
        client.session.send(message)
    assert client.said() == wire("SB NAWS 0 132 0 43")
    assert naws.resize(132, 43) == []


def test_a_large_window_has_its_iac_doubled() -> None:
    """RFC 1073: "… any occurrence of 255 in the subnegotiation must be doubled"."""
    host, client = agreed(Naws(do=True), Naws(80, 24, will=True))
    (message,) = client.session.option(Naws).resize(255, 65535)
    client.session.send(message)
    said = client.said()
    assert said == wire("SB NAWS")[:3] + b"\0\xff\xff\xff\xff\xff\xff\xff\xf0"
    assert host.hear(said) == [WindowSize(255, 65535)]


def test_a_window_before_it_is_agreed_on_is_told_when_it_is() -> None:
    client = Side(Naws(will=True), host=False)
    assert client.session.option(Naws).resize(40, 25) == []
    client.hear(wire("DO NAWS"))
    assert client.said() == wire("WILL NAWS", "SB NAWS 0 40 0 25")


@pytest.mark.parametrize("data", [b"", b"\0\x50\0", b"\0\x50\0\x18\0"])
def test_a_window_of_other_lengths_is_passed_over(data: bytes) -> None:
    host, _ = agreed(Naws(do=True), Naws(will=True))
    assert "expected 4" in passes_over(host, sb("NAWS", data))


def test_a_server_has_no_window() -> None:
    _, client = agreed(Naws(do=True), Naws(will=True))
    passes_over(client, wire("SB NAWS 0 80 0 24"))


# --- TERMINAL-SPEED (RFC 1079)


def test_a_speed_is_asked_for_and_told() -> None:
    host, client = agreed(Tspeed(do=True), Tspeed(115200, 9600, will=True))
    assert host.events == [Enabled(TSPEED, us=False), TerminalSpeed(transmit=115200, receive=9600)]
    client.hear(wire("SB TSPEED 1"))
    assert client.said() == sb("TSPEED", 0, b"115200,9600")


@pytest.mark.parametrize("said", [b"", b"9600", b"9600,", b"-1,5", b"9600, 9600", b"9" * 10 + b",1", b"9600,9600,9600"])
def test_what_is_no_speed_is_passed_over(said: bytes) -> None:
    host, _ = agreed(Tspeed(do=True), Tspeed(will=True))
    passes_over(host, sb("TSPEED", 0, said))


def test_speeds_of_the_wrong_side_are_passed_over() -> None:
    host, client = agreed(Tspeed(do=True), Tspeed(will=True))
    passes_over(host, wire("SB TSPEED 1"))
    passes_over(client, sb("TSPEED", 0, b"9600,9600"))


# --- X-DISPLAY-LOCATION (RFC 1096)


@pytest.mark.parametrize("display", [":0", "desk.example:0.0", "[2001:db8::1]:10.1"])
def test_a_display_is_asked_for_and_told(display: str) -> None:
    host, client = agreed(Xdisploc(do=True), Xdisploc(display, will=True))
    assert host.events == [Enabled(XDISPLOC, us=False), XDisplay(display)]
    passes_over(client, sb("XDISPLOC", 0, b":0"))


@pytest.mark.parametrize("said", [b"", b"desk", b":x", b"-f root:0", b"a;b:0", b":0\n", b"x" * 300 + b":0"])
def test_what_is_no_display_is_passed_over(said: bytes) -> None:
    host, _ = agreed(Xdisploc(do=True), Xdisploc(":0", will=True))
    passes_over(host, sb("XDISPLOC", 0, said))


# --- TOGGLE-FLOW-CONTROL (RFC 1372)


def test_the_server_turns_flow_control_off_and_on() -> None:
    host, client = agreed(Lflow(do=True), Lflow(will=True))
    lflow = host.session.option(Lflow)
    said = b""
    for on, any_key in ((True, False), (False, False), (True, True), (True, True)):
        for message in lflow.follow(on, any_key):
            host.session.send(message)
        said += host.said()
    assert said == wire("SB LFLOW 3", "SB LFLOW 0", "SB LFLOW 2", "SB LFLOW 1")
    client.hear(said)
    assert client.events == [
        Enabled(LFLOW, us=True),
        FlowControl(on=True),  # RFC 1372 5: so it begins
        FlowControl(any_key=False),
        FlowControl(on=False),
        FlowControl(any_key=True),
        FlowControl(on=True),
    ]


def test_flow_control_begins_anew_with_the_option() -> None:
    host, client = agreed(Lflow(do=True), Lflow(will=True))
    lflow = host.session.option(Lflow)
    assert len(lflow.follow(False, False)) == 2
    host.session.drop_him(LFLOW)
    join(host, client)
    assert client.events[-2:] == [Disabled(LFLOW, us=True), FlowControl(on=False)]
    assert lflow.follow(False, False) == []
    host.session.ask_him(LFLOW)
    join(host, client)
    assert client.events[-2:] == [Enabled(LFLOW, us=True), FlowControl(on=True)]
    assert len(lflow.follow(False, False)) == 2


def test_nothing_is_said_of_it_before_it_is_agreed_on() -> None:
    lflow = Lflow(do=True)
    assert lflow.follow(False, True) == []


@pytest.mark.parametrize("said", [b"", b"\4", b"\0\0"])
def test_what_is_no_order_is_passed_over(said: bytes) -> None:
    host, client = agreed(Lflow(do=True), Lflow(will=True))
    passes_over(client, sb("LFLOW", said))
    passes_over(host, wire("SB LFLOW 0"))
