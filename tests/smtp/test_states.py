"""The tables of a server's conversation."""

from __future__ import annotations

from wirespeak.smtp.grammar import AUTH_LINE, LINE
from wirespeak.smtp.states import COMMANDS, LMTP_COMMANDS, SERVER, UNSPOKEN, Event, State
from wirespeak.smtp.verbs import VERBS, Verbs
from wirespeak.states import diagram


def test_every_verb_has_its_method_and_every_method_its_verb() -> None:
    assert set(VERBS) == set(COMMANDS) | set(LMTP_COMMANDS)
    assert all(getattr(Verbs, verb) is method for verb, method in VERBS.items())
    assert {name for name in vars(Verbs) if name.isupper()} == set(VERBS)


def test_what_a_command_leads_to_it_may_do_wherever_it_may_stand() -> None:
    """The two tables agree: a command may stand exactly where its event has a row."""
    events = {
        "EHLO": Event.HELLO,
        "MAIL": Event.MAIL,
        "RCPT": Event.RCPT,
        "DATA": Event.DATA,
        "BDAT": Event.BDAT,
        "RSET": Event.RESET,
        "STARTTLS": Event.STARTTLS,
    }
    for verb, event in events.items():
        assert {state for state, found in SERVER if found is event} == COMMANDS[verb].states, verb
    assert COMMANDS["AUTH"].states == {State.IDLE}


def test_what_no_server_needs_is_no_command() -> None:
    assert not UNSPOKEN & (set(COMMANDS) | set(LMTP_COMMANDS))
    assert "LHLO" not in COMMANDS
    assert not {"EHLO", "HELO"} & set(LMTP_COMMANDS)


def test_how_long_a_line_may_be() -> None:
    """RFC 5321 4.5.3.1.4: 512 octets, more only where an extension adds to them; RFC 4954 4."""
    assert {verb for verb, rule in COMMANDS.items() if rule.line > LINE} == {"MAIL", "RCPT", "AUTH"}
    assert COMMANDS["AUTH"].line == AUTH_LINE == 12_288


def test_every_state_can_be_reached_and_left_but_the_last() -> None:
    assert {state for state, _ in SERVER} == set(State) - {State.OVER}
    assert diagram(SERVER, start=State.CONNECTED).endswith("OVER --> [*]")
