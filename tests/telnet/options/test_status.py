"""STATUS (RFC 859): one side's view of all the options, and reading the other's."""

from __future__ import annotations

import pytest

from tests.telnet.dialog import Side, join, sb, wire
from wirespeak.telnet.grammar import ECHO, NAWS, SGA, STATUS, TTYPE
from wirespeak.telnet.messages import Enabled, Malformed, StatusReport
from wirespeak.telnet.options import Status, client_options, host_options


def test_the_view_of_a_server() -> None:
    side = Side(*host_options())
    side.hear(wire("DO STATUS", "DO ECHO", "WILL NAWS", "WILL SGA", "DO SGA"))
    side.said()
    side.hear(wire("SB STATUS 1"))
    # its own: ECHO, SGA, STATUS; the terminal's: SGA, NAWS
    assert side.said() == wire("SB STATUS 0 251 1 251 3 253 3 251 5 253 31")


def test_both_sides_see_the_same() -> None:
    host, client = Side(*host_options()), Side(*client_options(), host=False)
    for option in (ECHO, SGA):
        host.session.ask_us(option)
    for option in (TTYPE, NAWS):
        host.session.ask_him(option)
    client.session.ask_him(STATUS)
    join(host, client)
    for message in client.session.option(Status).ask():
        client.session.send(message)
    join(host, client)
    report = client.events[-1]
    assert isinstance(report, StatusReport)
    assert report.will == {ECHO, SGA, STATUS}
    assert report.do == {TTYPE, NAWS}


def test_it_is_not_asked_for_where_it_is_not_given() -> None:
    assert Status(will=True, do=True).ask() == []


def test_what_options_say_in_a_report_is_passed_over() -> None:
    """RFC 859 5: between SB and SE, and an SE in it is doubled."""
    side = Side(Status(do=True))
    assert side.hear(wire("WILL STATUS", "SB STATUS 0 253 1 250 24 0 65 240 240 240 251 3 252 6")) == [
        Enabled(STATUS, us=False),
        StatusReport(frozenset({SGA}), frozenset({ECHO})),
    ]


@pytest.mark.parametrize("report", [(0, 251), (0, 99, 1), (0, 250, 24, 65), (0, 250, 24, 240, 240), (7,), (), (1,)])
def test_what_is_no_report_is_passed_over(report: tuple[int, ...]) -> None:
    side = Side(Status(do=True))
    side.hear(wire("WILL STATUS"))
    side.said()
    (error,) = side.hear(sb("STATUS", *report))
    assert isinstance(error, Malformed)
    assert side.said() == b""
