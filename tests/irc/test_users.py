"""Answers to one's own command, and the label that they bear (IRCv3 labeled-response)."""

from __future__ import annotations

from tests.irc.talk import Net
from wirespeak.irc import numerics
from wirespeak.irc.capabilities import ECHO_MESSAGE
from wirespeak.irc.messages import Message

LABELS = "labeled-response batch"


def test_without_a_label_answers_are_sent_as_they_are() -> None:
    ann = Net().join("ann", caps=LABELS)
    ann.says("PING x", "PONG y")
    ann.hears(":irc.home.test PONG irc.home.test :x")
    ann.hears_nothing()


def test_a_command_without_an_answer_is_acknowledged() -> None:
    ann = Net().join("ann", caps=LABELS)
    ann.says("@label=abc PONG foobar")
    ann.hears("@label=abc :irc.home.test ACK")


def test_one_answer_bears_the_label() -> None:
    ann = Net().join("ann", caps=LABELS)
    ann.says("@label=dc11f13f11 PING x", "@label=2 FOO")
    ann.hears("@label=dc11f13f11 :irc.home.test PONG irc.home.test :x", "@label=2 :irc.home.test 421 ann FOO :Unknown command")


def test_several_answers_are_a_batch_that_bears_it() -> None:
    ann = Net().join("ann", caps=LABELS)
    ann.says("@label=mGhe5V7RTV WHOIS ann")
    lines = ann.heard()
    reference = lines[0].removeprefix("@label=mGhe5V7RTV :irc.home.test BATCH +").removesuffix(" labeled-response")
    assert reference.isalnum()
    assert len(lines) > 3
    assert all(line.startswith(f"@batch={reference} :irc.home.test 3") for line in lines[1:-1])
    assert lines[-1] == f":irc.home.test BATCH -{reference}"


def test_each_batch_has_a_name_of_its_own() -> None:
    ann = Net().join("ann", caps=LABELS)
    first, second = ann.asks("@label=a MOTD", "@label=a LUSERS")[0], ann.asks("@label=a LUSERS")[0]
    assert first != second


def test_the_label_is_escaped_as_it_was() -> None:
    ann = Net().join("ann", caps=LABELS)
    ann.says(r"@label=a\sb\:c PING x")
    ann.hears(r"@label=a\sb\:c :irc.home.test PONG …")


def test_the_time_stands_behind_the_label() -> None:
    ann = Net().join("ann", caps=f"{LABELS} server-time")
    ann.says("@label=1 PING x", "@label=2 PONG")
    ann.hears("@label=1;time=… :irc.home.test PONG …", "@label=2;time=… :irc.home.test ACK")
    ann.says("@label=3 LUSERS")
    ann.skips_to("@label=3;time=… :irc.home.test BATCH +… labeled-response")


def test_no_label_without_the_capability_or_a_value_or_one_that_is_too_long() -> None:
    """IRCv3 labeled-response, Tag value: 64 bytes at most."""
    net = Net()
    net.join("bob").says("@label=1 PONG")
    net.clients[-1].hears_nothing()
    ann = net.join("ann", caps=LABELS)
    ann.says("@label PONG", "@label= PONG", f"@label={'x' * 65} PONG", f"@label={'é' * 33} PONG")
    ann.hears_nothing()
    ann.says(f"@label={'x' * 64} PONG")
    ann.hears(f"@label={'x' * 64} :irc.home.test ACK")


def test_no_label_without_batches() -> None:
    """IRCv3 labeled-response, Dependencies: `batch` MUST be negotiated; and BATCH is for who has that."""
    ann = Net(motd=("Be kind.",)).join("ann", caps="labeled-response")
    ann.says("@label=1 PING x", "@label=2 PONG", "@label=3 MOTD")
    ann.hears(":irc.home.test PONG irc.home.test :x", ":irc.home.test 375 …", ":irc.home.test 372 …", ":irc.home.test 376 …")
    ann.hears_nothing()
    ann.says("CAP REQ batch", "@label=4 PING x")
    ann.hears("…ACK :batch", "@label=4 :irc.home.test PONG …")


def test_a_refused_command_is_answered_with_its_label_too() -> None:
    ann = Net().join("ann", caps=LABELS)
    ann.says("@label=1 USER a b c d", "@label=2 JOIN", "@label=3 KILL ann :x")
    ann.hears("@label=1 :irc.home.test 462 …", "@label=2 :irc.home.test 461 ann JOIN :…", "@label=3 :irc.home.test 481 …")


def test_a_refused_line_too() -> None:
    ann = Net().join("ann", caps=LABELS)
    ann.says(f"@label=a;+x PRIVMSG ann :{'x' * 512}", "@label=c #ann")
    ann.sends(b"@label=b PRIVMSG ann :\xff\r\n")
    ann.hears("@label=a :irc.home.test 417 ann …", "@label=c :irc.home.test 421 …", "@label=b :irc.home.test FAIL PRIVMSG INVALID_UTF8 …")
    ann.says("@label=d\0 PRIVMSG ann", "@label=e PRIVMSG ann :\0", "PING x")
    ann.hears(":irc.home.test PONG …")


def test_the_answer_before_the_end_bears_it_too() -> None:
    """Why a connection ends is said first (IRCv3 SASL 3.2: "MUST provide the reason")."""
    stranger = Net(password="sesame").connect()
    stranger.asks(f"CAP REQ :{LABELS}")
    stranger.says("NICK ann", "USER ann 0 * :Ann", "@label=1 CAP END")
    stranger.hears("@label=1 :irc.home.test 464 ann …", "ERROR :Closing Link: … (Bad password)")
    assert stranger.gone


def test_what_others_do_meanwhile_stays_outside() -> None:
    net = Net()
    ann = net.join("ann", caps=LABELS)
    bob = net.join("bob")
    ann.user.open_label("l")
    ann.user.notice("one")
    bob.says("PRIVMSG ann :hi")
    ann.user.notice("two")
    ann.user.close_label()
    lines = ann.heard()
    assert lines[0] == f":{bob.prefix} PRIVMSG ann :hi"
    assert [line.split(" ")[0].split("=")[0] for line in lines[1:]] == ["@label", "@batch", "@batch", ":irc.home.test"]


def test_a_numeric_tells_whom_it_is_for() -> None:
    """RFC 2812 2.4; before there is a nick, "*"."""
    client = Net().connect()
    client.says("FOO", "NICK ann", "FOO")
    client.hears(":irc.home.test 451 * :…", ":irc.home.test 451 ann :…")
    assert client.user.numeric(numerics.ERR_NOSUCHNICK, "bob") == Message("401", ["ann", "bob", "No such nick/channel"], "irc.home.test")


def test_standard_replies() -> None:
    """IRCv3 standard replies."""
    ann = Net().join("ann")
    ann.user.fail("BOX", "BOXES_INVALID", "STACK", "CLOCKWISE", "Given boxes are not supported")
    ann.user.warn("REHASH", "CERTS_EXPIRED", "A certificate has expired")
    ann.user.note("*", "OPER_MESSAGE", "Registering is off for a while")
    ann.hears(
        ":irc.home.test FAIL BOX BOXES_INVALID STACK CLOCKWISE :Given boxes are not supported",
        ":irc.home.test WARN REHASH CERTS_EXPIRED :A certificate has expired",
        ":irc.home.test NOTE * OPER_MESSAGE :Registering is off for a while",
    )


def test_capabilities_by_name_and_by_bit() -> None:
    user = Net().join("ann", caps="echo-message").user
    assert user.has("echo-message")
    assert not user.has("sasl")
    assert user.caps & ECHO_MESSAGE


def test_a_user_is_small() -> None:
    """There may be tens of thousands."""
    user = Net().join("ann").user
    assert not hasattr(user, "__dict__")
    assert user.registering is None
