"""One question and its answer, as a machine: what is asked of whom, when, and which bytes are believed. Times are literal."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dns.scripted import cut_short, reply
from wirespeak.contract import Ask, Drop
from wirespeak.dns.edns import Edns, EdnsOption
from wirespeak.dns.exchange import NEAR_MISSES, Manner, Query, Server, mixed_case
from wirespeak.dns.messages import QR, Message
from wirespeak.dns.names import Name
from wirespeak.dns.registry import Option, Rcode, Type
from wirespeak.errors import ConnectError, RemoteProtocolError, TimeoutError

ONE, TWO = Server("192.0.2.1"), Server("192.0.2.2")
WWW = Name.parse("www.home.test")
A = "www.home.test. 300 IN A 127.0.0.1"


def counting() -> Callable[[int], bytes]:
    """Bytes that one can foretell: 1, 2, 3, … each as long as is wanted."""
    numbers = itertools.count(1)
    return lambda size: next(numbers).to_bytes(size)


def ask(*servers: Server, noise: Any = None, edns: Edns | None = None, caseless: set[Server] | None = None, **manner: Any) -> Query:
    message = Message.query(WWW, Type.A, edns=edns)
    return Query(message, servers or (ONE,), noise or counting(), manner=Manner(**manner), keys=itertools.count(1), caseless=caseless)


def asked(commands: list[Ask | Drop]) -> tuple[Ask, Message]:
    """The one question among ``commands``, as bytes and as a message."""
    (command,) = [command for command in commands if isinstance(command, Ask)]
    return command, Message.parse(command.data[2:] if command.transport == "tcp" else command.data)


def framed(message: Message | bytes) -> bytes:
    data = message if isinstance(message, bytes) else message.encode()
    return len(data).to_bytes(2) + data


def test_a_question_and_its_answer() -> None:
    query = ask()
    command, question = asked(query.start(10.0))
    assert (command.transport, command.host, command.port) == ("udp", "192.0.2.1", 53)
    assert (question.id, question.rd, question.questions[0].name.wire) == (1, True, WWW.wire)
    assert query.deadline == 15.0
    assert query.heard(command.key, reply(question, A).encode(), 10.25) == [Drop(command.key)]
    answer = query.result()
    assert query.done
    assert (answer.server, answer.transport, answer.seconds, answer.came_at) == (ONE, "udp", 0.25, 10.25)
    assert str(answer.message.answers[0]) == A
    assert (answer.asked, answer.data) == (command.data, reply(question, A).encode())


def test_each_try_has_a_port_and_an_id_of_its_own() -> None:
    """RFC 5452 9.2: a conversation is opened anew, so the socket gets another port."""
    query = ask(tries=2)
    first, one = asked(query.start(0.0))
    assert query.tick(4.9) == []
    commands = query.tick(5.0)
    second, two = asked(commands)
    assert commands[0] == Drop(first.key)
    assert (first.key, one.id) != (second.key, two.id)
    assert one.id != two.id


def test_an_answer_that_comes_after_its_try_is_over_is_not_taken() -> None:
    query = ask(tries=2)
    first, one = asked(query.start(0.0))
    second, two = asked(query.tick(5.0))
    assert query.heard(first.key, reply(one, A).encode(), 5.1) == []
    assert not query.done
    query.heard(second.key, reply(two, A).encode(), 5.2)
    assert [(attempt.outcome, attempt.seconds) for attempt in query.result().tries] == [("no answer", 5.0)]


# --- what is believed


def other_name(question: Message) -> bytes:
    return reply(Message.query(Name.parse("evil.test"), Type.A, id=question.id), "evil.test. 9 IN A 127.6.6.6").encode()


def other_type(question: Message) -> bytes:
    return reply(Message.query(WWW, Type.AAAA, id=question.id)).encode()


def other_class(question: Message) -> bytes:
    return reply(Message.query(WWW, Type.A, 3, id=question.id)).encode()


def other_opcode(question: Message) -> bytes:
    return reply(Message(question.id, 4 << 11, questions=question.questions), A).encode()


def other_id(question: Message) -> bytes:
    return reply(Message(question.id ^ 1, 0, questions=question.questions), "www.home.test. 9 IN A 127.6.6.6").encode()


def no_question(question: Message) -> bytes:
    return Message(question.id, QR).encode()


def two_questions(question: Message) -> bytes:
    return Message(question.id, QR, questions=question.questions * 2).encode()


def our_own(question: Message) -> bytes:
    return question.encode()


def malformed(question: Message) -> bytes:
    return reply(question, A).encode()[:-1]


def trailing(question: Message) -> bytes:
    return reply(question, A).encode() + b"\0"


def looping_name(question: Message) -> bytes:
    return question.id.to_bytes(2) + b"\x80\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1"


def header_alone(question: Message) -> bytes:
    return question.id.to_bytes(2)


def nothing(question: Message) -> bytes:
    return b""


@pytest.mark.parametrize(
    "forged",
    [
        other_name,
        other_type,
        other_class,
        other_opcode,
        other_id,
        no_question,
        two_questions,
        our_own,
        malformed,
        trailing,
        looping_name,
        header_alone,
        nothing,
    ],
)
def test_what_does_not_fit_is_ignored_and_the_true_answer_taken(forged: Callable[[Message], bytes]) -> None:
    """CVE-2023-29483: the first datagram that came used to end the question."""
    query = ask()
    command, question = asked(query.start(0.0))
    assert query.heard(command.key, forged(question), 0.1) == []
    assert not query.done
    assert query.deadline == 5.0
    query.heard(command.key, reply(question, A).encode(), 0.2)
    assert query.result().message.answers


@given(st.binary(max_size=100))
def test_no_bytes_are_an_answer_unless_they_fit(data: bytes) -> None:
    query = ask()
    command, question = asked(query.start(0.0))
    query.heard(command.key, data, 0.1)
    query.heard(command.key, question.id.to_bytes(2) + b"\x80" + data, 0.1)
    assert not query.done


@given(st.data())
def test_an_answer_with_any_byte_changed_is_taken_for_this_question_or_not_at_all(data: st.DataObject) -> None:
    query = ask(edns=Edns())
    command, question = asked(query.start(0.0))
    answer = bytearray(reply(question, A, edns=Edns()).encode())
    at = data.draw(st.integers(0, len(answer) - 1))
    answer[at] ^= data.draw(st.integers(1, 255))
    query.heard(command.key, bytes(answer), 0.1)
    if query.done:
        message = query.result().message
        assert message.id == question.id
        assert [(one.name, one.type, one.cls) for one in message.questions] == [(WWW, 1, 1)]


def test_who_guesses_gets_few_guesses() -> None:
    """RFC 5452 9.1: then the question goes over TCP, and the port of the guesses is heard no more."""
    query = ask()
    command, question = asked(query.start(0.0))
    for guess in range(NEAR_MISSES - 1):
        assert query.heard(command.key, other_id(question), 0.1 + guess) == []
    commands = query.heard(command.key, other_id(question), 2.0)
    over_tcp, anew = asked(commands)
    assert commands[0] == Drop(command.key)
    assert over_tcp.transport == "tcp"
    assert anew.id != question.id
    assert query.heard(command.key, reply(question, A).encode(), 2.1) == []
    query.heard(over_tcp.key, framed(reply(anew, A)), 2.2)
    assert query.result().transport == "tcp"
    assert query.result().tries[0].outcome == f"{NEAR_MISSES} answers to other questions"


def test_where_somebody_guesses_and_there_is_no_tcp_the_server_is_asked_again_from_another_port() -> None:
    query = ask(tries=2)
    command, question = asked(query.start(0.0))
    for _ in range(NEAR_MISSES - 1):
        query.heard(command.key, other_id(question), 0.1)
    over_tcp, _ = asked(query.heard(command.key, other_id(question), 0.1))
    again, question = asked(query.failed(over_tcp.key, ConnectError("Connection refused"), 0.2))
    assert again.transport == "udp"
    assert again.key != command.key
    query.heard(again.key, reply(question, A).encode(), 0.3)
    assert query.result().message.answers


def test_broken_answers_with_the_right_id_do_not_end_the_listening() -> None:
    query = ask()
    command, question = asked(query.start(0.0))
    for _ in range(1000):
        assert query.heard(command.key, malformed(question), 0.1) == []
    query.heard(command.key, reply(question, A).encode(), 0.2)
    assert query.result().transport == "udp"


def test_where_only_broken_answers_came_the_question_goes_over_tcp_and_then_is_told_to_be_broken() -> None:
    query = ask(tries=1)
    command, question = asked(query.start(0.0))
    query.heard(command.key, malformed(question), 0.1)
    over_tcp, anew = asked(query.tick(5.0))
    assert over_tcp.transport == "tcp"
    query.heard(over_tcp.key, framed(malformed(anew)), 5.1)
    with pytest.raises(RemoteProtocolError, match="the message ends inside"):
        query.result()


# --- silence, and nobody there


def test_servers_are_asked_in_turn_and_then_again() -> None:
    query = ask(ONE, TWO, tries=2, timeout=2.0)
    hosts = [asked(query.start(0.0))[0].host]
    for now in (2.0, 4.0, 6.0):
        hosts.append(asked(query.tick(now))[0].host)
    assert hosts == ["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2"]
    query.tick(8.0)
    assert query.done
    with pytest.raises(TimeoutError, match=r"no answer from 192\.0\.2\.2:53 over UDP within 2 s"):
        query.result()


def test_where_nobody_listens_the_next_is_asked_at_once_and_that_one_no_more() -> None:
    query = ask(ONE, TWO, tries=3)
    command, _ = asked(query.start(0.0))
    command, _ = asked(query.failed(command.key, ConnectError("Connection refused"), 0.1))
    assert command.host == "192.0.2.2"
    assert asked(query.tick(5.1))[0].host == "192.0.2.2"


def test_nobody_at_all() -> None:
    query = ask(ONE)
    command, _ = asked(query.start(0.0))
    query.failed(command.key, ConnectError("Connection refused"), 0.1)
    with pytest.raises(ConnectError, match=r"192\.0\.2\.1:53 can't be asked over UDP: Connection refused"):
        query.result()


def test_no_server_to_ask() -> None:
    query = Query(Message.query(WWW, Type.A), [], counting(), keys=itertools.count())
    assert query.start(0.0) == []
    with pytest.raises(ConnectError, match="no name server"):
        query.result()


def test_that_someone_was_silent_tells_more_than_that_nobody_was_there() -> None:
    query = ask(ONE, TWO, tries=1)
    asked(query.start(0.0))
    command, _ = asked(query.tick(5.0))
    query.failed(command.key, ConnectError("refused"), 5.1)
    with pytest.raises(TimeoutError, match=r"192\.0\.2\.1"):
        query.result()


# --- TCP


def test_an_answer_cut_short_is_asked_for_over_tcp() -> None:
    """RFC 7766 5."""
    query = ask()
    command, question = asked(query.start(0.0))
    over_tcp, anew = asked(query.heard(command.key, cut_short(question).encode(), 0.1))
    assert over_tcp.transport == "tcp"
    assert over_tcp.data[:2] == len(over_tcp.data[2:]).to_bytes(2)
    assert query.deadline == 5.1
    data = framed(reply(anew, A))
    for at in range(len(data)):
        assert not query.done
        query.heard(over_tcp.key, data[at : at + 1], 0.2)
    assert query.result().transport == "tcp"
    assert [attempt.outcome for attempt in query.result().tries] == ["cut short"]


def test_an_answer_cut_short_can_be_enough() -> None:
    query = ask(whole=False)
    command, question = asked(query.start(0.0))
    query.heard(command.key, cut_short(question).encode(), 0.1)
    assert query.result().message.tc


def test_tcp_from_the_start_and_what_follows_the_answer_is_not_looked_at() -> None:
    query = ask(tcp=True)
    command, question = asked(query.start(0.0))
    assert command.transport == "tcp"
    query.heard(command.key, framed(reply(question, A)) + b"more", 0.1)
    assert query.result().data == reply(question, A).encode()


@pytest.mark.parametrize(
    ("forged", "told"), [(other_id, "answered another question"), (malformed, "ends inside"), (nothing, "another question")]
)
def test_over_tcp_what_does_not_fit_is_the_servers_own_fault(forged: Callable[[Message], bytes], told: str) -> None:
    query = ask(tcp=True, tries=1)
    command, question = asked(query.start(0.0))
    query.heard(command.key, framed(forged(question)), 0.1)
    with pytest.raises(RemoteProtocolError, match=told):
        query.result()


def test_a_connection_that_ends_before_the_answer_does() -> None:
    query = ask(tcp=True, tries=1)
    command, question = asked(query.start(0.0))
    query.heard(command.key, framed(reply(question, A))[:-1], 0.1)
    query.failed(command.key, ConnectionError("it ended the connection"), 0.2)
    with pytest.raises(ConnectError, match="it ended the connection"):
        query.result()


def test_a_slow_stream_has_no_more_time_than_a_silent_one() -> None:
    query = ask(tcp=True, tries=1)
    command, question = asked(query.start(0.0))
    data = framed(reply(question, A))
    for second in range(5):
        query.heard(command.key, data[second : second + 1], float(second))
    query.tick(5.0)
    with pytest.raises(TimeoutError):
        query.result()


# --- the case of letters


def ones(size: int) -> bytes:
    """All bits set: every letter changes its case."""
    return b"\xff" * size


def test_letters_of_random_case() -> None:
    wire = Name.parse("www.Home-9.test").wire
    assert mixed_case(wire, ones) == Name.parse("WWW.hOME-9.TEST").wire
    assert mixed_case(wire, bytes) == wire
    assert Name(mixed_case(wire, ones)) == Name(wire)
    assert mixed_case(Name.parse("\\255\\001a").wire, ones) == Name.parse("\\255\\001A").wire


def test_the_name_has_to_come_back_in_the_letters_it_was_sent_in() -> None:
    query = ask(mix_case=True, noise=ones)
    command, question = asked(query.start(0.0))
    assert str(question.questions[0].name) == "WWW.HOME.TEST."
    query.heard(command.key, reply(question, A).encode(), 0.1)
    assert query.result().question.name.wire == WWW.wire


def test_other_names_of_the_answer_that_end_as_the_name_does_are_shown_in_ordinary_letters() -> None:
    """They are pointers into the question (RFC 1035 4.1.4). The bytes are told of as they came."""
    query = ask(mix_case=True, noise=ones)
    command, question = asked(query.start(0.0))
    query.heard(command.key, reply(question, "WWW.HOME.TEST. 60 IN CNAME HOME.TEST.").encode(), 0.1)
    answer = query.result()
    assert list(map(str, answer.message.answers)) == ["www.home.test. 60 IN CNAME home.test."]
    assert b"\3WWW\4HOME\4TEST\0" in answer.data


def lower_cased(question: Message) -> Message:
    return reply(Message.query(WWW, Type.A, id=question.id), A)


def test_a_server_that_changes_the_letters_is_believed_over_tcp_and_known_from_then_on() -> None:
    caseless: set[Server] = set()
    query = ask(mix_case=True, noise=ones, caseless=caseless)
    command, question = asked(query.start(0.0))
    over_tcp, anew = asked(query.heard(command.key, lower_cased(question).encode(), 0.1))
    assert over_tcp.transport == "tcp"
    query.heard(over_tcp.key, framed(lower_cased(anew)), 0.2)
    assert query.result().message.answers
    assert caseless == {ONE}
    _, question = asked(ask(mix_case=True, noise=ones, caseless=caseless).start(1.0))
    assert question.questions[0].name.wire == WWW.wire


def test_letters_that_a_guesser_got_wrong_do_not_make_a_server_known_for_it() -> None:
    caseless: set[Server] = set()
    query = ask(mix_case=True, noise=ones, caseless=caseless)
    command, question = asked(query.start(0.0))
    over_tcp, anew = asked(query.heard(command.key, lower_cased(question).encode(), 0.1))
    query.heard(over_tcp.key, framed(reply(anew, A)), 0.2)
    assert query.done
    assert caseless == set()


def test_a_server_that_changes_the_letters_and_has_no_tcp() -> None:
    query = ask(mix_case=True, noise=ones, tries=1)
    command, question = asked(query.start(0.0))
    over_tcp, _ = asked(query.heard(command.key, lower_cased(question).encode(), 0.1))
    again, question = asked(query.failed(over_tcp.key, ConnectError("Connection refused"), 0.2))
    assert (again.transport, question.questions[0].name.wire) == ("udp", WWW.wire)
    query.heard(again.key, reply(question, A).encode(), 0.3)
    assert query.result().message.answers


def test_letters_that_were_not_mixed_may_come_back_in_any_case() -> None:
    """RFC 4343 4.1."""
    query = Query(Message.query(Name.parse("WWW.Home.Test"), Type.A), [ONE], counting(), keys=itertools.count())
    command, question = asked(query.start(0.0))
    query.heard(command.key, lower_cased(question).encode(), 0.1)
    assert (query.result().transport, query.result().tries) == ("udp", [])


# --- what an answer leads to


def test_a_server_from_before_edns_is_asked_without() -> None:
    """RFC 6891 7. Some leave out the question that they could not read."""
    query = ask(edns=Edns())
    command, question = asked(query.start(0.0))
    assert question.edns is not None
    answer = Message(question.id, QR, Rcode.FORMERR)
    command, question = asked(query.heard(command.key, answer.encode(), 0.1))
    assert question.edns is None
    query.heard(command.key, reply(question, A).encode(), 0.2)
    assert query.result().tries[0].outcome == "FORMERR to EDNS"


def test_formerr_from_a_server_that_knows_edns_is_its_answer() -> None:
    query = ask(edns=Edns())
    command, question = asked(query.start(0.0))
    query.heard(command.key, reply(question, rcode=Rcode.FORMERR, edns=Edns()).encode(), 0.1)
    assert query.result().message.rcode == Rcode.FORMERR


def test_a_version_of_edns_that_the_server_does_not_know() -> None:
    """RFC 6891 6.1.3."""
    query = ask(edns=Edns(version=5, do=True))
    command, question = asked(query.start(0.0))
    badvers = reply(question, rcode=Rcode.BADVERS, edns=Edns(version=0))
    command, question = asked(query.heard(command.key, badvers.encode(), 0.1))
    assert question.edns == Edns(version=0, do=True)
    query.heard(command.key, reply(question, rcode=Rcode.BADVERS, edns=Edns(version=0)).encode(), 0.2)
    assert query.result().message.rcode == Rcode.BADVERS  # it has been given its way, so that is its last word


def with_cookie(data: bytes) -> Edns:
    return Edns(options=[EdnsOption(Option.COOKIE, data)])


def test_a_cookie_that_is_not_ours_is_not_meant_for_us() -> None:
    """RFC 7873 5.3."""
    query = ask(edns=with_cookie(b"ourselve"))
    command, question = asked(query.start(0.0))
    assert query.heard(command.key, reply(question, A, edns=with_cookie(b"somebody" + b"server12")).encode(), 0.1) == []
    query.heard(command.key, reply(question, A, edns=with_cookie(b"ourselve" + b"server12")).encode(), 0.2)
    assert query.result().seconds == 0.2


def test_the_servers_cookie_is_shown_to_it_and_where_that_is_refused_tcp_is_used() -> None:
    """RFC 7873 5.3."""
    query = ask(edns=with_cookie(b"ourselve"))
    command, question = asked(query.start(0.0))
    refused = with_cookie(b"ourselve" + b"server12")
    command, question = asked(query.heard(command.key, reply(question, rcode=Rcode.BADCOOKIE, edns=refused).encode(), 0.1))
    assert command.transport == "udp"
    assert question.edns == refused
    command, question = asked(query.heard(command.key, reply(question, rcode=Rcode.BADCOOKIE, edns=refused).encode(), 0.2))
    assert command.transport == "tcp"
    query.heard(command.key, framed(reply(question, rcode=Rcode.BADCOOKIE, edns=refused)), 0.3)
    assert query.result().message.rcode == Rcode.BADCOOKIE


def test_what_one_server_made_us_say_is_not_for_the_next() -> None:
    """A server's cookie is for itself (RFC 7873 5.2), and that one does not know EDNS says nothing of another."""
    query = ask(ONE, TWO, tries=1, edns=with_cookie(b"ourselve"))
    command, question = asked(query.start(0.0))
    refused = with_cookie(b"ourselve" + b"server12")
    command, question = asked(query.heard(command.key, reply(question, rcode=Rcode.BADCOOKIE, edns=refused).encode(), 0.1))
    assert question.edns == refused
    command, question = asked(query.tick(6.0))
    assert (command.host, question.edns) == ("192.0.2.2", with_cookie(b"ourselve"))


@pytest.mark.parametrize("rcode", [Rcode.SERVFAIL, Rcode.REFUSED, Rcode.NOTIMP])
def test_where_a_server_can_not_help_the_next_may(rcode: Rcode) -> None:
    query = ask(ONE, TWO, next_server=True)
    command, question = asked(query.start(0.0))
    command, question = asked(query.heard(command.key, reply(question, rcode=rcode).encode(), 0.1))
    assert command.host == "192.0.2.2"
    query.heard(command.key, reply(question, A).encode(), 0.2)
    assert query.result().server == TWO


def test_where_no_server_can_help_that_is_the_answer_and_none_is_asked_twice() -> None:
    query = ask(ONE, TWO, next_server=True, tries=5)
    command, question = asked(query.start(0.0))
    command, question = asked(query.heard(command.key, reply(question, rcode=Rcode.SERVFAIL).encode(), 0.1))
    query.heard(command.key, reply(question, rcode=Rcode.REFUSED).encode(), 0.2)
    assert query.result().message.rcode in (Rcode.SERVFAIL, Rcode.REFUSED)
    assert len(query.result().tries) == 1


def test_a_name_that_does_not_exist_is_an_answer() -> None:
    query = ask(ONE, TWO, next_server=True)
    command, question = asked(query.start(0.0))
    query.heard(command.key, reply(question, rcode=Rcode.NXDOMAIN).encode(), 0.1)
    assert query.result().message.rcode == Rcode.NXDOMAIN
