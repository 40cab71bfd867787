"""What is refused, and that there is a reason."""

from __future__ import annotations

import pytest

from tests.telnet.dialog import NUMBERS, Side, wire
from wirespeak.telnet.grammar import AUTHENTICATION, ENCRYPT
from wirespeak.telnet.options import ALL, client_options, host_options
from wirespeak.telnet.options.refused import REASONS, reason


@pytest.mark.parametrize("code", sorted(set(range(256)) - set(ALL)))
def test_every_other_option_is_refused_on_both_sides(code: int) -> None:
    for options, host in ((host_options(), True), (client_options(), False)):
        side = Side(*options, host=host)
        assert side.hear(wire(f"DO {code}", f"WILL {code}")) == []
        assert side.said() == wire(f"WONT {code}", f"DONT {code}")
        side.hear(wire(f"SB {code} 1 2 3"))
        assert side.said() == b""


def test_authentication_and_encryption_are_refused_with_a_reason() -> None:
    """CVE-2011-4862 was in the code of the second; whoever wants either has TLS."""
    assert {AUTHENTICATION, ENCRYPT} == {NUMBERS["AUTHENTICATION"], NUMBERS["ENCRYPT"]}
    for code in (AUTHENTICATION, ENCRYPT):
        assert "TLS" in reason(code)
    assert reason(200) == "it is not spoken here"


def test_nothing_is_both_spoken_and_refused() -> None:
    assert not set(REASONS) & set(ALL)
