"""The client's side of a conversation: registration, capabilities, SASL, PING, what bytes may come, and when a line is dead."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from tests.irc.peer import WELCOME, Line
from wirespeak.errors import ConnectionLost, LimitExceeded, LocalProtocolError, Refused, RemoteProtocolError, TimeoutError
from wirespeak.irc.client_session import ClientSession, Identity, Ready, StrictTransport, text_of
from wirespeak.irc.client_states import MOVES, State, Timeouts
from wirespeak.irc.messages import Malformed, Message
from wirespeak.irc.sending import Priority, Rate
from wirespeak.sasl import client_mechanism
from wirespeak.states import diagram

OPENING = ["CAP LS 302", "NICK ann", "USER wirespeak 0 * :ann"]


def plain(offered: Any) -> Any:
    return client_mechanism(offered, "ann", "secret", nonce=b"n" * 18, secure=True)


# --- registration


def test_a_registration() -> None:
    line = Line()
    assert line.said() == OPENING
    line.hears("CAP * LS :multi-prefix server-time draft/unknown")
    assert line.said() == ["CAP REQ :multi-prefix server-time"]
    line.hears("CAP * ACK :multi-prefix server-time")
    assert line.said() == ["CAP END"]
    assert line.session.enabled == {"multi-prefix", "server-time"}
    *messages, ready = line.hears(*(text.format(nick="ann") for text in WELCOME))
    assert [message.command for message in messages] == ["001", "005", "422"]
    assert ready == Ready("ann")
    assert line.session.state is State.READY


def test_all_of_who_we_are_is_said() -> None:
    identity = Identity("ann", "annuser", "Ann of Home", "hunter2", ("annie",))
    assert Line(identity=identity).said() == ["CAP LS 302", "PASS hunter2", "NICK ann", "USER annuser 0 * :Ann of Home"]


def test_an_offer_of_several_lines() -> None:
    line = Line()
    line.said()
    line.hears("CAP * LS * :multi-prefix batch")
    assert line.said() == []
    line.hears("CAP * LS :server-time")
    assert line.said() == ["CAP REQ :batch multi-prefix server-time"]


def test_where_nothing_is_offered_that_we_know_negotiation_ends() -> None:
    line = Line()
    line.said()
    line.hears("CAP * LS :tls draft/strange")
    assert line.said() == ["CAP END"]


def test_a_server_that_knows_no_capabilities() -> None:
    line = Line()
    line.said()
    events = line.hears(":irc.test 421 ann CAP :Unknown command", *(text.format(nick="ann") for text in WELCOME))
    assert events[-1] == Ready("ann")
    assert line.said() == []


def test_capabilities_that_are_refused_together_are_asked_for_one_by_one() -> None:
    line = Line()
    line.said()
    line.hears("CAP * LS :multi-prefix server-time")
    line.said()
    line.hears("CAP * NAK :multi-prefix server-time")
    assert line.said() == ["CAP REQ multi-prefix", "CAP REQ server-time"]
    line.hears("CAP * NAK :multi-prefix")
    assert line.said() == []
    line.hears("CAP * ACK :server-time")
    assert line.said() == ["CAP END"]
    assert line.session.enabled == {"server-time"}


def test_capabilities_come_and_go_later() -> None:
    line = Line()
    line.registers("multi-prefix cap-notify")
    line.hears("CAP ann NEW :away-notify draft/strange")
    assert line.said() == ["CAP REQ away-notify"]
    line.hears("CAP ann ACK :away-notify", "CAP ann DEL :multi-prefix sts")
    assert line.session.enabled == {"away-notify", "cap-notify"}


@pytest.mark.parametrize("refusal", ["433", "432", "436", "437"])
def test_another_nick_where_one_is_taken(refusal: str) -> None:
    line = Line(identity=Identity("ann", others=("annie",)))
    line.said()
    line.hears(f":irc.test {refusal} * ann :no")
    assert line.said() == ["NICK annie"]
    line.hears(f":irc.test {refusal} * annie :no")
    assert line.said() == ["NICK ann_"]


def test_the_nicks_come_to_an_end() -> None:
    line = Line("a_long_nick_indeed")
    nicks = []
    while not line.session.closed:
        nicks += [text for text in line.said() if text.startswith("NICK ")]
        events = line.hears(":irc.test 433 * x :taken")
    assert len(nicks) == len(set(nicks)) < 10
    assert any(len(nick) == len("NICK ") + 9 for nick in nicks), "one that every server takes (RFC 1459 1.2)"
    assert isinstance(events[-1], Refused)


def test_the_server_says_what_we_are_called() -> None:
    line = Line("annamariaalexandra")
    line.hears("CAP * LS :", ":irc.test 001 annamaria :Welcome", ":irc.test 376 annamaria :End")
    assert line.session.nick == "annamaria"
    line.hears(":annamaria!a@home.test NICK :anna")
    assert line.session.nick == "anna"


@pytest.mark.parametrize(
    "said", ["ERROR :Closing link: banned", ":irc.test 465 ann :You are banned", ":irc.test 464 ann :Password incorrect"]
)
def test_a_server_that_does_not_want_us(said: str) -> None:
    line = Line()
    message, error = line.hears(said)
    assert isinstance(error, Refused)
    assert error.reply == message
    assert message.params[-1] in str(error)
    assert line.session.closed


def test_a_registration_takes_no_longer_than_it_may() -> None:
    line = Line(timeouts=Timeouts(register=30))
    line.said()
    assert line.passes(29.9) == []
    (error,) = line.passes(0.2)
    assert isinstance(error, TimeoutError)


def test_a_server_without_a_message_of_the_day() -> None:
    line = Line()
    line.hears("CAP * LS :", ":irc.test 001 ann :Welcome")
    line.said()
    assert line.passes(4) == []
    assert line.passes(2) == [Ready("ann")]


# --- SASL


def test_logging_in() -> None:
    line = Line(login=plain)
    line.said()
    line.hears("CAP * LS :sasl=PLAIN,EXTERNAL batch")
    assert line.said() == ["CAP REQ :batch sasl"]
    line.hears("CAP * ACK :batch sasl")
    assert line.said() == ["AUTHENTICATE PLAIN"]
    line.hears("AUTHENTICATE +")
    assert line.said() == ["AUTHENTICATE AGFubgBzZWNyZXQ="]
    line.hears(":irc.test 900 ann ann!a@home.test ann :You are now logged in as ann", ":irc.test 903 ann :SASL authentication successful")
    assert line.said() == ["CAP END"]
    assert line.session.account == "ann"


def test_sasl_is_not_asked_for_by_who_does_not_log_in() -> None:
    line = Line()
    line.said()
    line.hears("CAP * LS :sasl=PLAIN batch")
    assert line.said() == ["CAP REQ batch"]


def test_a_server_that_does_not_tell_its_mechanisms() -> None:
    line = Line(login=plain)
    line.said()
    line.hears("CAP * LS :sasl")
    line.hears("CAP * ACK :sasl")
    assert line.said()[-1] == "AUTHENTICATE PLAIN"


def test_long_responses_go_in_pieces_of_400() -> None:
    class Long:
        name = "LONG"

        def __init__(self, size: int) -> None:
            self.size = size

        def initial(self) -> bytes:
            return b"x" * self.size

        def step(self, challenge: bytes) -> bytes:
            return b""

        def finish(self) -> None: ...

    for size, pieces in ((300, [400, 1]), (301, [400, 4]), (0, [1])):
        line = Line(login=lambda offered, size=size: Long(size))
        line.hears("CAP * LS :sasl", "CAP * ACK :sasl")
        line.said()
        line.hears("AUTHENTICATE +")
        assert [len(text.removeprefix("AUTHENTICATE ")) for text in line.said()] == pieces
        line.hears("AUTHENTICATE +")
        assert line.said() == ["AUTHENTICATE +"], "an empty response is a plus sign"


def test_challenges_in_pieces_are_put_together() -> None:
    heard: list[bytes] = []

    class Listening:
        name = "LISTENING"

        def initial(self) -> None:
            return None

        def step(self, challenge: bytes) -> bytes:
            heard.append(challenge)
            return b"ok"

        def finish(self) -> None: ...

    line = Line(login=lambda offered: Listening())
    line.hears("CAP * LS :sasl", "CAP * ACK :sasl")
    text = b64encode(b"y" * 300).decode()
    assert len(text) == 400
    line.hears(f"AUTHENTICATE {text}")
    assert heard == []
    line.hears("AUTHENTICATE +")
    assert heard == [b"y" * 300]


@pytest.mark.parametrize("numeric", ["902", "904", "905", "906", "907"])
def test_a_login_that_fails(numeric: str) -> None:
    line = Line(login=plain)
    line.hears("CAP * LS :sasl", "CAP * ACK :sasl", "AUTHENTICATE +")
    *_, error = line.hears(f":irc.test {numeric} ann :no")
    assert isinstance(error, Refused)
    assert line.session.closed


def test_a_server_without_a_way_to_log_in() -> None:
    line = Line(login=plain)
    *_, error = line.hears("CAP * LS :batch", "CAP * ACK :batch")
    assert isinstance(error, Refused)


@pytest.mark.parametrize("challenge", ["!!!!", "a", "YQ===", "YQ", "YQ==YQ==", "grüß"])
def test_a_challenge_that_is_no_base64(challenge: str) -> None:
    line = Line(login=plain)
    *_, error = line.hears("CAP * LS :sasl", "CAP * ACK :sasl", f"AUTHENTICATE {challenge}")
    assert isinstance(error, RemoteProtocolError)


def test_challenges_have_a_bound() -> None:
    line = Line(login=plain)
    line.hears("CAP * LS :sasl", "CAP * ACK :sasl")
    events: list[Any] = []
    for _ in range(100):
        events += line.hears("AUTHENTICATE " + "A" * 400)
    assert any(isinstance(event, RemoteProtocolError) for event in events)


def test_a_server_that_can_not_prove_itself_is_left() -> None:
    """SCRAM (RFC 5802 5): the server proves that it knows us, or we are not there."""
    line = Line(login=lambda offered: client_mechanism(["SCRAM-SHA-256"], "ann", "secret", nonce=b"n" * 18, secure=True))
    line.hears("CAP * LS :sasl=SCRAM-SHA-256", "CAP * ACK :sasl", "AUTHENTICATE +")
    *_, error = line.hears(":irc.test 903 ann :fine")
    assert isinstance(error, RemoteProtocolError)


# --- strict transport security


def test_a_server_that_wants_tls_is_said_nothing_more() -> None:
    line = Line()
    line.said()
    events = line.hears("CAP * LS :sts=port=6697,duration=300 batch")
    assert events[-1] == StrictTransport(port=6697)
    assert line.said() == []
    assert line.session.closed


def test_over_tls_it_tells_for_how_long() -> None:
    line = Line(secure=True)
    events = line.hears("CAP * LS :sts=duration=300,port=6697,strange batch")
    assert StrictTransport(duration=300) in events
    assert not line.session.closed


@pytest.mark.parametrize("value", ["port=0", "port=99999999999999", "port=x", "duration=300", "", "port"])
def test_a_policy_that_says_nothing_is_passed_over(value: str) -> None:
    line = Line()
    assert not any(isinstance(event, StrictTransport) for event in line.hears(f"CAP * LS :sts={value}"))
    assert not line.session.closed


# --- lines


def test_text_that_is_no_utf_8_is_read_all_the_same() -> None:
    assert text_of("grün".encode()) == "grün"
    assert text_of("grün – €".encode("cp1252")) == "grün – €"
    assert text_of(bytes(range(128, 256))) == bytes(range(128, 256)).decode("latin-1")


def test_every_byte_there_is_in_a_message() -> None:
    line = Line()
    line.registers()
    for byte in set(range(256)) - {0, 10, 13}:
        (message,) = line.session.receive(b":bob!b@h PRIVMSG ann :a" + bytes([byte]) + b"z\r\n", 1.0)
        assert len(message.params[1]) == 3


def test_lines_however_they_are_cut_and_ended() -> None:
    data = b":bob!b@h PRIVMSG ann :hi\r\n\r\n:bob!b@h PRIVMSG ann :ho\n\n"
    for piece in (1, 7, len(data)):
        line = Line()
        line.registers()
        events: list[Any] = []
        for at in range(0, len(data), piece):
            events += line.session.receive(data[at : at + piece], 1.0)
        assert [event.params[1] for event in events] == ["hi", "ho"]


@pytest.mark.parametrize("bad", [b":only.source\r\n", b"  \r\n", b"a\0b c\r\n", b"PRIVMSG a\rb :x\r\n", b"@tags\r\n", b"12 x\r\n"])
def test_a_line_that_is_no_message_is_passed_over(bad: bytes) -> None:
    line = Line()
    line.registers()
    first, second = line.session.receive(bad + b"PRIVMSG ann :hi\r\n", 1.0)
    assert isinstance(first, Malformed)
    assert second.command == "PRIVMSG"


def test_a_line_without_an_end_has_a_bound() -> None:
    line = Line()
    line.registers()
    events: list[Any] = []
    for _ in range(100):
        events += line.session.receive(b"x" * 1024, 1.0)
    assert [type(event) for event in events] == [RemoteProtocolError]
    assert line.session.closed


def test_many_lines_come_in_turns() -> None:
    line = Line()
    line.registers()
    data = b"NOTICE ann :x\r\n" * 1000
    counts = [len(line.session.receive(data, 1.0))]
    while events := line.session.receive(b"", 1.0):
        counts.append(len(events))
    assert sum(counts) == 1000
    assert max(counts) <= 64


def test_a_message_that_is_far_too_long_is_passed_over() -> None:
    line = Line()
    line.registers()
    first, second = line.hears("PRIVMSG ann :" + "x" * 5000, "@time=" + "x" * 8000 + " PRIVMSG ann :hi")
    assert isinstance(first, Malformed)
    assert second.params == ["ann", "hi"]


def test_pings_of_who_takes_no_answers_are_not_read_without_end() -> None:
    line = Line()
    line.registers()
    line.session.blocked(1000, 1.0)
    while line.session.reading:
        line.hears("PING :x")
    assert line.session.waiting == 100
    line.session.blocked(0, 1.0)
    assert len(line.said()) == 100
    assert line.session.reading


def test_a_long_ping_is_answered() -> None:
    line = Line()
    line.registers()
    line.hears(f"PING :{'ü' * 1000}")
    assert line.said() == [f"PONG :{'ü' * 200}"]


def test_only_what_we_asked_for_is_agreed_on() -> None:
    line = Line()
    line.said()
    line.hears("CAP * LS :multi-prefix batch")
    assert line.said() == ["CAP REQ :batch multi-prefix"]
    line.hears("CAP * NAK :a b c d e f")
    assert line.said() == ["CAP REQ batch", "CAP REQ multi-prefix"]
    line.hears("CAP * ACK :strange batch -multi-prefix", "CAP * ACK :other", "CAP * NAK :more and more")
    assert line.session.enabled == {"batch"}
    assert line.said() == ["CAP END"]


def test_offers_have_a_bound() -> None:
    line = Line()
    for number in range(100):
        line.hears("CAP * LS * :" + " ".join(f"cap-{number}-{place}" for place in range(20)))
    assert len(line.session.offered) <= 300


# --- saying


@pytest.mark.parametrize("text", ["a\rb", "a\nb", "a\0b"])
@pytest.mark.parametrize("place", [0, 1])
def test_what_would_be_two_messages_is_not_said(text: str, place: int) -> None:
    line = Line()
    line.registers()
    parameters = ["#c", "hi"]
    parameters[place] = text
    with pytest.raises(LocalProtocolError):
        line.session.send(Message("PRIVMSG", parameters))
    assert line.said() == []


def test_what_the_server_would_cut_is_not_said() -> None:
    line = Line()
    line.registers()
    with pytest.raises(LocalProtocolError):
        line.session.send(Message("PRIVMSG", ["#c", "ü" * 300]))
    with pytest.raises(LocalProtocolError):
        line.session.send(Message("PRIVMSG", ["#c", "x"], tags={"+x": "y" * 5000}))
    line.session.send(Message("PRIVMSG", ["#c", "x" * (510 - len("PRIVMSG #c :"))]))
    assert len(line.said()[0]) == 510


def test_nobody_speaks_after_goodbye() -> None:
    line = Line()
    line.registers()
    line.session.send(Message("QUIT", ["bye"]))
    with pytest.raises(LocalProtocolError):
        line.session.send(Message("PRIVMSG", ["#c", "x"]))
    assert line.said() == ["QUIT :bye"]
    line.hears("ERROR :Closing link")
    assert line.session.closed


def test_pongs_and_goodbyes_do_not_wait() -> None:
    line = Line(rate=Rate(2, 10))
    line.registers()
    for number in range(5):
        line.session.send(Message("PRIVMSG", ["#c", str(number)]))
    line.passes(60)  # the registration has cost some
    line.said()
    line.hears("PING :are you there")
    assert line.said() == ["PONG :are you there"]
    line.session.finish(line.now)
    assert line.said() == ["QUIT"], "what waited is dropped"


def test_a_flood_is_spread() -> None:
    line = Line(rate=Rate(3, 2))
    line.registers()
    line.passes(60)
    for number in range(6):
        line.session.queue(Message("PRIVMSG", ["#c", str(number)]), Priority.LOW if number < 3 else Priority.NORMAL)
    said = [(line.now, text[-1]) for text in line.said()]
    while line.session.waiting:
        line.now = line.session.deadline
        line.session.tick(line.now)
        said += [(line.now, text[-1]) for text in line.said()]
    assert [text for _, text in said] == ["3", "4", "5", "0", "1", "2"]
    begun = said[0][0]
    assert [when - begun for when, _ in said] == pytest.approx([0, 0, 0, 2, 4, 6], abs=0.01)


def test_too_much_to_say() -> None:
    line = Line()
    line.registers()
    for _ in range(2000):
        line.session.send(Message("PRIVMSG", ["#c", "x"]))
    with pytest.raises(LimitExceeded):
        line.session.send(Message("PRIVMSG", ["#c", "x"]))


def test_nothing_more_is_handed_over_while_the_server_takes_nothing() -> None:
    line = Line(rate=Rate(5, 0))
    line.registers()
    line.session.blocked(1000, 1.0)
    line.session.send(Message("PRIVMSG", ["#c", "x"]))
    assert line.said() == []
    line.session.blocked(0, 1.0)
    assert line.said() == ["PRIVMSG #c :x"]


# --- a line that is dead


def test_a_silent_server_is_asked_and_a_dead_line_noticed() -> None:
    line = Line(timeouts=Timeouts(idle=90, pong=60))
    line.registers()
    assert line.passes(89) == []
    assert line.said() == []
    assert line.passes(2) == []
    (ping,) = line.said()
    assert ping.startswith("PING ")
    (error,) = line.passes(61)
    assert isinstance(error, TimeoutError)
    assert line.session.closed


def test_an_answer_keeps_it_alive_and_tells_the_lag() -> None:
    line = Line(timeouts=Timeouts(idle=90, pong=60))
    line.registers()
    line.passes(91)
    (ping,) = line.said()
    line.now += 2.5
    line.hears(f":irc.test PONG irc.test {ping.removeprefix('PING ')}")
    assert line.session.lag == pytest.approx(2.5, abs=1.1)
    assert line.passes(89) == []


def test_the_end_of_the_connection() -> None:
    line = Line()
    line.registers()
    (error,) = line.session.receive_eof(1.0)
    assert isinstance(error, ConnectionLost)
    assert line.session.receive(b"PRIVMSG ann :x\r\n", 1.0) == ()


def test_an_error_ends_it() -> None:
    line = Line()
    line.registers()
    _, error = line.hears("ERROR :Closing link: Killed by oper")
    assert isinstance(error, ConnectionLost)
    assert "Killed by oper" in str(error)


def test_a_goodbye_waits_no_longer_than_it_may() -> None:
    line = Line(timeouts=Timeouts(quit=5))
    line.registers()
    line.session.finish(line.now)
    line.said()
    assert line.passes(6) == []
    assert line.session.closed


def test_the_states_can_be_drawn() -> None:
    assert "READY --> LEAVING: QUIT" in diagram(MOVES, start=State.OFFER)


def test_nothing_is_said_to_who_has_gone() -> None:
    session = ClientSession(Identity("ann"))
    session.abandon()
    assert session.data_to_send() == []
    with pytest.raises(LocalProtocolError):
        session.send(Message("PRIVMSG", ["#c", "x"]))
