"""Before the welcome: capabilities, logins and names as weapons (rows 5, 6 and 8)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.hostile.irc_wire import Host, Talk, b64, hosting

PASSWORD = "open sesame"


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with hosting() as host:
        with host.meet("owner", caps="draft/account-registration sasl") as owner:
            assert [line for line in owner.asks(f"REGISTER * * :{PASSWORD}") if "SUCCESS" in line]
        yield host


@pytest.fixture
def guest(host: Host) -> Iterator[Talk]:
    """One who is about to log in, and hasn't registered."""
    with host.connect() as guest:
        guest.says("CAP REQ :sasl", "NICK guest", "USER g 0 * :g")
        guest.until(" ACK ")
        yield guest


# --- 5: SASL


def answer(talk: Talk, *lines: str) -> str:
    """The numeric that a login ends with."""
    talk.says(*lines)
    return talk.until(" (90[0-9]|461) ")[-1].split(" ")[1]


def plain(password: bytes, name: bytes = b"owner") -> str:
    return b64(b"\0" + name + b"\0" + password)


def test_the_right_password_and_the_wrong_one(guest: Talk) -> None:
    guest.says("AUTHENTICATE PLAIN")
    guest.until(r"AUTHENTICATE \+")
    assert answer(guest, f"AUTHENTICATE {plain(b'wrong')}") == "904"
    guest.says("AUTHENTICATE PLAIN")
    guest.until(r"AUTHENTICATE \+")
    guest.says(f"AUTHENTICATE {plain(PASSWORD.encode())}")
    assert [line.split(" ")[1] for line in guest.until(" 903 ")][-2:] == ["900", "903"]


@pytest.mark.parametrize(
    "response",
    [
        plain(PASSWORD.encode() + b"\0"),
        plain(b"open\0sesame"),
        plain(b""),
        plain(PASSWORD.encode(), b""),
        b64(b"owner\0owner"),
        b64(b"\0\0"),
        b64(b"\xff\0\xff\0\xff"),
        b64(b"mallory\0owner\0" + PASSWORD.encode()),
        "no base64!",
        "A",
        "=",
        "====",
        plain(PASSWORD.encode()) + "=",
        "+",
    ],
)
def test_what_is_no_login_is_none(guest: Talk, response: str) -> None:
    """RFC 4616 2: three parts, and no NUL in any of them."""
    guest.says("AUTHENTICATE PLAIN")
    guest.until(r"AUTHENTICATE \+")
    assert answer(guest, f"AUTHENTICATE {response}") == "904"


def test_a_piece_of_more_than_400_bytes(guest: Talk) -> None:
    """IRCv3 sasl-3.1"""
    guest.says("AUTHENTICATE PLAIN")
    guest.until(r"AUTHENTICATE \+")
    assert answer(guest, f"AUTHENTICATE {'A' * 401}") == "905"
    guest.says("AUTHENTICATE PLAIN")
    guest.until(r"AUTHENTICATE \+")
    guest.says(f"AUTHENTICATE {plain(PASSWORD.encode())}")
    guest.until(" 903 ")


def test_pieces_without_end_are_given_up(guest: Talk) -> None:
    guest.says("AUTHENTICATE PLAIN")
    guest.until(r"AUTHENTICATE \+")
    guest.send(f"AUTHENTICATE {'A' * 400}\r\n".encode() * 2000)
    assert guest.until(" 90[0-9] ")[-1].split(" ")[1] == "905"


def test_giving_up(guest: Talk) -> None:
    guest.says("AUTHENTICATE PLAIN")
    guest.until(r"AUTHENTICATE \+")
    assert answer(guest, "AUTHENTICATE *") == "906"
    assert "903" not in guest.numerics(f"AUTHENTICATE {plain(PASSWORD.encode())}")
    guest.says("CAP END")
    guest.until(" 001 ")


def test_a_mechanism_that_is_none(guest: Talk) -> None:
    assert "904" in guest.numerics("AUTHENTICATE XYZZY")
    assert "908" in guest.numerics("AUTHENTICATE CRAM-MD5")


def test_authenticate_without_the_capability_leads_nowhere(host: Host) -> None:
    with host.connect() as talk:
        talk.says("NICK a", "USER a 0 * :a", "AUTHENTICATE PLAIN", f"AUTHENTICATE {plain(PASSWORD.encode())}")
        lines = [*talk.until(" (376|422) "), *talk.asks(f"AUTHENTICATE {plain(PASSWORD.encode())}", "WHOIS a")]
        assert not [line for line in lines if " 900 " in line or " 903 " in line or " 330 " in line]


def test_a_login_that_is_cut_off_by_the_end_of_the_negotiation(guest: Talk) -> None:
    """CVE-2016-7144: what was begun and never ended must not count as done."""
    guest.says("AUTHENTICATE PLAIN")
    guest.until(r"AUTHENTICATE \+")
    guest.says("CAP END")
    lines = [*guest.until(" (376|422) "), *guest.asks("WHOIS guest")]
    assert not [line for line in lines if " 900 " in line or " 903 " in line or " 330 " in line]


def test_guessing_is_slowed_down() -> None:
    """Where clients are throttled, an address has so many tries; then not even the right password is looked at."""
    with hosting(throttle=True) as host, host.meet("owner", caps="draft/account-registration sasl") as owner:
        owner.says(f"REGISTER * * :{PASSWORD}")
        owner.until(" 900 ")
        refused = 0
        for _ in range(12):
            with host.connect() as guest:
                guest.says("CAP REQ :sasl", "NICK guest", "USER g 0 * :g", "AUTHENTICATE PLAIN")
                if any(" 904 " in line for line in guest.until(r"AUTHENTICATE \+| 904 ")):
                    refused += 1
                    continue
                assert answer(guest, f"AUTHENTICATE {plain(b'guess')}") == "904"
        with host.connect() as guest:
            guest.says("CAP REQ :sasl", "NICK guest", "USER g 0 * :g", "AUTHENTICATE PLAIN", f"AUTHENTICATE {plain(PASSWORD.encode())}")
            assert " 904 " in guest.until(" 90[34] ")[-1]


# --- 6: CAP


@pytest.mark.parametrize("subcommand", ["XYZZY", "ls2", "*", ":", "ACK", "NEW", "\u00e9"])
def test_a_subcommand_that_is_none(host: Host, subcommand: str) -> None:
    with host.connect() as talk:
        assert talk.numerics(f"CAP {subcommand}") == ["410"]


def test_a_request_is_granted_whole_or_not_at_all(host: Host) -> None:
    with host.connect() as talk:
        for request in ("sasl nonsense", "nonsense", "-nonsense sasl", "sasl=PLAIN", "batch \u00e9", "sts"):
            (line,) = talk.asks(f"CAP REQ :{request}")
            assert " NAK :" in line, line
        (line,) = talk.asks("CAP LIST")
        assert line.endswith(" LIST :")
        (line,) = talk.asks("CAP REQ :batch -batch sasl")
        assert " ACK :" in line or " NAK :" in line


def test_a_request_as_long_as_a_line(host: Host) -> None:
    with host.connect() as talk:
        for word in ("sasl ", "x ", "-", "- "):
            talk.asks("CAP REQ :" + (word * 500)[:480])
        talk.says("NICK ann", "USER a 0 * :a", "CAP END")
        talk.until(" 001 ")


def test_the_list_without_end(host: Host) -> None:
    with host.connect() as talk:
        talk.send(b"CAP LS 302\r\n" * 2000 + b"NICK ann\r\nUSER a 0 * :a\r\nCAP END\r\n")
        lines = talk.until(" 001 ")
        assert len(lines) >= 2000


def test_ended_twice_and_begun_again(host: Host) -> None:
    with host.connect() as talk:
        talk.says("CAP END", "CAP LS", "CAP END", "CAP END", "NICK ann", "USER a 0 * :a", "CAP END", "CAP LS", "CAP END")
        assert sum(" 001 " in line for line in [*talk.until(" (376|422) "), *talk.asks()]) == 1
        assert talk.numerics("USER a 0 * :a", "PASS x") == ["462", "462"]


def test_a_registration_that_never_ends(host: Host) -> None:
    """What is not registered can say what it likes: it is not on the network, and costs little."""
    with host.connect() as talk, host.meet("ann") as ann:
        talk.says("CAP LS 302")
        for number in range(300):
            talk.says(
                f"NICK n{number}", f"USER u{number} 0 * :r", "CAP REQ :batch", "PASS x", "JOIN #a", "PRIVMSG ann :hi", "WHO *", "LIST"
            )
        lines = talk.asks()
        assert {found.split(" ")[1] for found in lines if found.split(" ")[1].isdigit()} == {"451"}
        assert not [line for line in ann.asks("WHOIS n299") if "hi" in line or " 311 " in line]


# --- 8: names


@pytest.mark.parametrize(
    "nick", ["#ann", "a b", "1ann", "-ann", "ann!", "ann@x", "a,b", "a*", "a?", "\u00e4nn", "a.b", "$a", "&a", "~a", "@a", "+a", ""]
)
def test_a_nick_that_is_none(host: Host, nick: str) -> None:
    with host.connect() as talk:
        numeric = talk.numerics(f"NICK :{nick}")
        assert numeric == (["432"] if nick else ["431"])
        talk.says("USER a 0 * :a")
        assert not [line for line in talk.asks() if " 001 " in line]


def test_a_nick_that_begins_with_a_colon(host: Host) -> None:
    with host.connect() as talk:
        assert talk.numerics("NICK ::ann") == ["432"]


def test_a_nick_100_long(host: Host) -> None:
    with host.connect() as talk:
        assert talk.numerics("NICK " + "a" * 100) == ["432"]


def test_one_casemapping_everywhere(host: Host) -> None:
    with host.meet("Ann{}") as ann, host.connect() as talk:
        ann.joins("#Room")
        assert talk.numerics("NICK ANN{}") == ["433"]
        talk.registers("ann[]")  # CASEMAPPING=ascii: [] are not {}
        talk.joins("#rOOM")
        talk.says("PRIVMSG aNN{} :hi")
        assert [line for line in ann.asks() if line.endswith(("PRIVMSG Ann{} :hi", "PRIVMSG aNN{} :hi"))]
        assert [line for line in talk.asks("WHOIS ANN{}") if " 311 ann[] Ann{} " in line]
        assert [line for line in talk.asks("MODE #ROOM") if " 324 " in line]
        assert [line for line in talk.asks("NAMES #ROOM") if "Ann{}" in line and "ann[]" in line]
        assert "433" in talk.numerics("NICK ann{}")
        talk.asks("NICK ANN[]")  # one's own, in another case
        assert [line for line in ann.asks() if " NICK " in line]


@pytest.mark.parametrize("nick", ["NickServ", "nickserv", "N1ckServ", "NlckServ", "ChanServ", "CHANSERV", "0wner"])
def test_nobody_can_be_taken_for_a_service_or_for_who_has_an_account(host: Host, nick: str) -> None:
    with host.connect() as talk:
        talk.says(f"NICK {nick}", "USER a 0 * :a")
        lines = talk.asks()
        assert [line for line in lines if " 433 " in line or " 432 " in line], lines
        assert not [line for line in lines if " 001 " in line]


def test_who_takes_the_nick_of_an_account_is_asked_to_log_in(host: Host) -> None:
    with host.connect() as talk:
        talk.says("NICK OWNER", "USER a 0 * :a")
        lines = [*talk.until(" (376|422) "), *talk.asks()]
        assert [line for line in lines if re.match(":NickServ![^ ]+ NOTICE OWNER :", line)]
        assert not [line for line in lines if " 900 " in line]
