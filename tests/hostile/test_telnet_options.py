"""Options as a weapon: floods, loops, and subnegotiations of the wrong shape (RFC 854, RFC 855, RFC 1143, RFC 1184)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.hostile.telnet_wire import (
    AO,
    AUTHENTICATION,
    AYT,
    BINARY,
    BRK,
    CHARSET,
    DO,
    DONT,
    EC,
    ECHO,
    EL,
    ENCRYPT,
    GA,
    IAC,
    IP,
    LINEMODE,
    LOGOUT,
    NAWS,
    NEW_ENVIRON,
    NOP,
    SB,
    SE,
    SGA,
    STATUS,
    TIMING_MARK,
    TSPEED,
    TTYPE,
    WILL,
    WONT,
    Host,
    Talk,
    command,
    hosting,
    sb,
    witness,
)

SLC, MODE = 3, 1
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with hosting(*witness("lines", tmp_path_factory.mktemp("note") / "note")) as host:
        yield host


@pytest.fixture(scope="module")
def lobby() -> Iterator[Host]:
    """The menu that is there without any option."""
    with hosting() as host:
        yield host


def begun(host: Host) -> Talk:
    """A connection whose program runs."""
    talk = host.connect()
    talk.told(b"READY")
    talk.received.clear()
    return talk


def goes_on(talk: Talk, word: bytes = b"still here") -> None:
    """The program gets the line that is sent now, and gets it whole."""
    talk.send(word + b"\r\n")
    assert talk.told(b"LINE") == word.decode() + "\n"


# --- special characters (CVE-2026-32746: a reply longer than its buffer, before any login)


@pytest.mark.parametrize("count", [10, 61, 200, 2700])
@pytest.mark.parametrize("flags", [0x02, 0x62, 0x03, 0x01, 0x00, 0x1C, 0xFE])
def test_a_flood_of_special_characters_is_answered_in_few(host: Host, count: int, flags: int) -> None:
    """The answer to thousands is one of a bounded size; those with an ACK are not answered at all (RFC 1184 5.5)."""
    triplets = b"".join(bytes((1 + number % 200, flags, number % 250)) for number in range(count))
    with begun(host) as talk:
        talk.send(command(WILL, LINEMODE), sb(LINEMODE, SLC, triplets), command(DO, TIMING_MARK))
        talk.hear_command(command(WILL, TIMING_MARK))
        answers = [one for one in talk.commands if one.startswith(command(SB, LINEMODE))]
        assert sum(map(len, answers)) <= 300
        assert len(answers) <= 2
        goes_on(talk)


def test_asking_for_all_special_characters_over_and_over(host: Host) -> None:
    """Function 0 asks for all of them (RFC 1184 2.4): however often in one message, they are told once."""
    with begun(host) as talk:
        talk.send(command(WILL, LINEMODE), sb(LINEMODE, SLC, b"\0\x03\0" * 2600), command(DO, TIMING_MARK))
        talk.hear_command(command(WILL, TIMING_MARK))
        answers = [one for one in talk.commands if one.startswith(command(SB, LINEMODE, SLC))]
        assert len(answers) <= 1
        assert sum(map(len, answers)) <= 300
        goes_on(talk)


def test_special_characters_without_end_and_without_reading(host: Host) -> None:
    """Who makes the server answer and takes no answer is not heard for long, and costs little memory."""
    with begun(host) as talk, begun(host) as other:
        before = host.memory
        talk.send(command(WILL, LINEMODE))
        flood = sb(LINEMODE, SLC, b"".join(bytes((1 + number % 30, 0x02, number % 250)) for number in range(60)))
        sent = talk.fill(flood, 64 * MEGABYTE)
        assert sent < 64 * MEGABYTE, "the server went on reading from one who reads nothing"
        assert host.memory - before < 16 * MEGABYTE
        goes_on(other)


def test_modes_and_masks_of_every_shape(host: Host) -> None:
    with begun(host) as talk:
        talk.send(command(WILL, LINEMODE))
        for inside in (
            b"",
            b"\x01",
            b"\x01\x01\x01",
            b"\x03\x01",
            b"\x03\x01\x02",
            b"\xfd\x02" + b"\xff" * 32,
            b"\xfb\x02",
            b"\x02",
            b"\x09",
        ):
            talk.send(sb(LINEMODE, inside))
        for mask in range(256):
            talk.send(sb(LINEMODE, MODE, mask))
        talk.send(command(DO, TIMING_MARK))
        talk.hear_command(command(WILL, TIMING_MARK))
        assert len([one for one in talk.commands if one.startswith(command(SB, LINEMODE))]) <= 256 + 4
        goes_on(talk)


# --- nothing to erase, nothing inside


def test_erasing_where_nothing_was_typed(lobby: Host) -> None:
    """EC and EL with nothing to erase have no effect: the prompt is not eaten (GHSA-jq82-jqvw-64w3)."""
    with lobby.connect() as talk:
        talk.send(command(WILL, NAWS) + sb(NAWS, 0, 80, 0, 24), command(DO, ECHO))
        talk.hear(rb"[>?:] ?$")
        before = talk.data
        talk.send(command(EC) * 1000, command(EL) * 1000, b"\x7f" * 1000, b"\x15" * 1000, command(DO, TIMING_MARK))
        talk.hear_command(command(WILL, TIMING_MARK))
        assert talk.data[len(before) :].strip(b"\x07") == b""
        talk.send(b"abc", command(EC), command(EC), command(EC), command(EC), b"\r\n", command(AYT))
        talk.hear(rb"\[Yes\]")


def test_erasing_for_a_program(host: Host) -> None:
    with begun(host) as talk:
        talk.send(command(EC), command(EL), b"abx", command(EC), b"c\r\n")
        assert talk.told(b"LINE") == "abc\n"
        talk.send(b"never mind", command(EL), b"d\r\n")
        assert talk.told(b"LINE") == "d\n"


@pytest.mark.parametrize(
    "odd",
    [
        command(SB, IAC, SE),
        command(SB, NAWS, IAC, SE),
        command(SB, 200, IAC, SE),
        command(SE),
        command(SB, TTYPE, 0) + command(SB, NAWS, 0) + command(SE),
        command(SB, TTYPE, 0) + b"x" + command(DO, ECHO) + command(SE),
        command(SB, NEW_ENVIRON, IAC, IAC, IAC, IAC, IAC, SE),
        command(0),
        command(1),
        command(235),
        command(NOP) * 1000,
        command(GA),
        command(EC) * 50,
    ],
    ids=["empty", "NAWS", "200", "SE", "SB in SB", "DO in SB", "IACs", "0", "1", "235", "NOPs", "GA", "EC"],
)
def test_commands_of_no_effect(host: Host, odd: bytes) -> None:
    """What means nothing does nothing: the line around it is whole."""
    with begun(host) as talk:
        talk.send(odd, b"on", odd, b"\r\n") if odd[1] != EC else talk.send(odd, b"on\r\n")
        assert talk.told(b"LINE") == "on\n"


# --- floods and loops


def test_are_you_there_a_million_times(host: Host) -> None:
    """CVE-2001-0554: the answers overran their buffer. Who doesn't read them is not asked any more than fits into a bounded one."""
    with begun(host) as talk, begun(host) as other:
        before = host.memory
        assert talk.fill(command(AYT) * 5000, 64 * MEGABYTE) < 64 * MEGABYTE
        assert host.memory - before < 16 * MEGABYTE
        goes_on(other)


def test_are_you_there_is_answered_each_time(host: Host) -> None:
    with begun(host) as talk:
        talk.send(command(AYT) * 100)
        while talk.data.count(b"[Yes]") < 100:
            assert talk.more()
        goes_on(talk)
        assert talk.data.count(b"[Yes]") == 0


@pytest.mark.parametrize("option", [BINARY, ECHO, SGA, STATUS, TTYPE, NAWS, LINEMODE, NEW_ENVIRON, CHARSET, AUTHENTICATION, 200])
def test_flips_are_answered_once_each_at_most(host: Host, option: int) -> None:
    """RFC 1143: what changes nothing is not answered, and nothing is answered twice."""
    flips = 2000
    with begun(host) as talk:
        talk.send(*[b"".join(command(verb, option) for verb in (DO, DO, DONT, DONT, WILL, WILL, WONT, WONT)) * 100] * (flips // 100))
        talk.send(command(DO, TIMING_MARK))
        talk.hear_command(command(WILL, TIMING_MARK))
        said = Counter(one[1] for one in talk.commands if len(one) == 3 and one[2] == option)
        # A refusal answers each DO and WILL; what is agreed to is answered when it changes.
        assert said[WONT] <= 2 * flips
        assert said[DONT] <= 2 * flips
        assert said[WILL] <= flips
        assert said[DO] <= flips
        goes_on(talk)


def test_a_mirror_is_not_argued_with_for_ever(host: Host) -> None:
    """Every command that comes is sent back as it is: soon there is nothing more to say (RFC 1143 6: no loops)."""
    with begun(host) as talk:
        talk.send(b"".join(command(verb, option) for option in range(50) if option != LOGOUT for verb in (DO, WILL)))
        answered = 0
        for _ in range(8):
            mark = command(DO, TIMING_MARK)
            talk.send(mark)
            talk.hear_command(command(WILL, TIMING_MARK))
            said = [one for one in talk.commands if one != command(WILL, TIMING_MARK)]
            talk.received.clear()
            answered = len(said)
            talk.send(b"".join(said))
        assert answered == 0, "still talking"
        goes_on(talk)


@pytest.mark.parametrize("verb", [WILL, WONT, DO, DONT])
def test_all_options_there_are(host: Host, verb: int) -> None:
    """Each is agreed to, refused, or (WONT and DONT of what is off) not answered; and none is answered twice."""
    with begun(host) as talk:
        options = [option for option in range(256) if option not in (TIMING_MARK, LOGOUT)]
        talk.send(b"".join(command(verb, option) for option in options), command(DO, TIMING_MARK))
        talk.hear_command(command(WILL, TIMING_MARK))
        answers = {WILL: (DO, DONT), DO: (WILL, WONT), WONT: (DONT,), DONT: (WONT,)}[verb]
        said = Counter(one[2] for one in talk.commands if len(one) == 3 and one[1] in answers)
        assert max(said.values(), default=0) <= 1, said
        goes_on(talk)


# --- what is refused, and why: broken ciphers, and the code that was the way in (CVE-2011-4862)


def test_encrypt_and_authentication_are_refused(host: Host) -> None:
    long_key = sb(ENCRYPT, 7, bytes(range(64)) * 4)
    with host.connect() as talk:
        for option in (AUTHENTICATION, ENCRYPT):
            talk.send(command(WILL, option), command(DO, option))
        talk.send(sb(ENCRYPT, 1, 1), long_key, sb(ENCRYPT, 0, 1, 1, b"x" * 200), sb(AUTHENTICATION, 0, 2, 0, b"y" * 200), b"on\r\n")
        assert talk.told(b"LINE") == "on\n"
    with host.connect() as talk:
        for option in (AUTHENTICATION, ENCRYPT):
            talk.send(command(WILL, option), command(DO, option))
            talk.hear_command(command(DONT, option))
            talk.hear_command(command(WONT, option))
        talk.told(b"READY")
        assert not [one for one in talk.commands if one[2:] in (bytes((AUTHENTICATION,)), bytes((ENCRYPT,))) and one[1] in (WILL, DO)]


# --- too long, unending, in pieces


@pytest.mark.parametrize("option", [TTYPE, NAWS, NEW_ENVIRON, LINEMODE, CHARSET, STATUS, TSPEED, 200])
@pytest.mark.parametrize("size", [5000, 9000, 500_000])
def test_a_long_subnegotiation_is_passed_over_up_to_its_end(host: Host, option: int, size: int) -> None:
    with begun(host) as talk:
        talk.send(command(WILL, option), sb(option, 0, b"x" * size), b"on\r\n")
        assert talk.told(b"LINE") == "on\n"


def test_a_subnegotiation_that_never_ends(host: Host) -> None:
    """It is dropped as it comes, and after some time so is the connection; no program sees a byte of it."""
    with begun(host) as talk, begun(host) as other:
        before = host.memory
        talk.send(command(WILL, TTYPE) + command(SB, TTYPE, 0))
        for _ in range(64):
            if not talk.try_send(b"x" * MEGABYTE):
                break
        assert host.memory - before < 16 * MEGABYTE
        talk.drain()
        assert b"xxx" not in talk.data
        goes_on(other)


def test_pieces_of_one_byte(host: Host) -> None:
    """Wherever the bytes are cut, the same is understood: window, terminal and the lines around."""
    said = (
        command(WILL, NAWS) + sb(NAWS, 0, 255, 0, 50) + command(WILL, TTYPE) + sb(TTYPE, 0, b"VT220")
        + b"o" + command(NOP) + b"n\xff\xff" + sb(200, b"\xff\xff") + b"!\r" + command(NOP) + b"\n"
    )  # fmt: skip
    with host.connect() as talk:
        talk.send(*(said[at : at + 1] for at in range(len(said))))
        told = talk.told(b"READY")
        assert (told["columns"], told["rows"]) == (255, 50)
        assert told["environment"]["TERM"] == "vt220"
        assert talk.told(b"LINE") == "on\xff!\n"


@pytest.mark.parametrize("code", [IP, BRK, AO])
def test_floods_of_what_acts_on_a_program(host: Host, code: int) -> None:
    """IP ends the witness, as it would any program; its visitor is let go, others stay. AO leaves it running."""
    with begun(host) as other:
        with begun(host) as talk:
            talk.try_send(command(code) * 5000)
            if code == AO:
                talk.try_send(b"\r\non\r\n")
                assert talk.told(b"LINE") in ("\n", "on\n")
            else:
                talk.drain()
        goes_on(other)
