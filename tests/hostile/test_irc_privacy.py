"""What is not to be told is not told, whichever way one asks (row 15): who is invisible, what is secret, where somebody is banned."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.hostile.irc_wire import Host, Talk, hosting
from tests.hostile.smtp_wire import scram_keys
from wirespeak.irc import Oper


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with hosting(opers={"root": Oper(password=scram_keys("mellon"))}) as host:
        yield host


@pytest.fixture
def hidden(host: Host) -> Iterator[Talk]:
    """Invisible, and in a secret channel with a key and a topic."""
    with host.meet("hidden") as hidden:
        hidden.joins("#den")
        hidden.asks("MODE #den +sk sesame", "TOPIC #den :plans", "MODE hidden +i", "AWAY :in the den")
        yield hidden
        hidden.says("QUIT")
        hidden.last_words()


@pytest.fixture
def eve(host: Host) -> Iterator[Talk]:
    with host.meet("eve", caps="extended-monitor away-notify extended-join") as eve:
        yield eve
        eve.says("QUIT")
        eve.last_words()


ASKING = [
    *("LIST", "LIST #den", "LIST *", "LIST >0", "LIST <100", "LIST *den*", "LIST !*x*", "LIST C<100", "LIST T<100"),
    *("NAMES", "NAMES #den", "NAMES *", "NAMES #den,#den", "WHO #den", "WHO *", "WHO 0", "WHO #den %tcuhnfa,1", "WHO hid*", "WHO *idde*"),
    *("WHO Real*", "WHO * o", "WHO #d*", "WHO u", "WHO ~u", "WHO 127.0.0.1", "WHO *.hidden"),
    *(
        "WHOIS hidden",
        "WHOIS irc.home.test hidden",
        "WHOIS hidden hidden",
        "WHOIS hid*",
        "WHOWAS hidden",
        "TOPIC #den",
        "MODE #den",
        "MODE #den b",
    ),
    *(
        "MODE #den e",
        "MODE #den I",
        "MODE hidden",
        "USERHOST hidden",
        "USERIP hidden",
        "ISON hidden",
        "INVITE eve #den",
        "INVITE nobody #den",
    ),
    *(
        "KNOCK #den",
        "JOIN #den",
        "JOIN #den wrong",
        "PART #den",
        "KICK #den hidden",
        "PRIVMSG #den :x",
        "NOTICE #den :x",
        "PRIVMSG @#den :x",
    ),
    *("TAGMSG #den", "STATS l", "STATS u", "STATS k", "USERS", "LINKS", "MAP", "LUSERS", "HELP #den", "MONITOR + hidden", "MONITOR S"),
]


@pytest.mark.parametrize("question", ASKING)
def test_nothing_leaks(host: Host, hidden: Talk, eve: Talk, question: str) -> None:
    lines = eve.asks(question)
    told = "\n".join(lines)
    assert "sesame" not in told, told
    assert "plans" not in told, told
    if "*" in question or ("hidden" not in question and "MONITOR" not in question):
        assert not re.search(r"(?<![.\w])hidden\b", told.replace("KICK #den hidden", "")), told
    if "#den" not in question:
        assert "#den" not in told, told
    assert "127.0.0.1" not in told.replace("WHO 127.0.0.1", "").replace("315 eve 127.0.0.1", ""), told


def test_a_secret_channel_answers_like_one_that_is_not_there(host: Host, hidden: Talk, eve: Talk) -> None:
    """To whoever asks; who would act in it hears why they may not (below)."""
    for question in ("TOPIC #x", "NAMES #x", "WHO #x", "LIST #x", "MODE #x", "MODE #x b", "KNOCK #x"):
        real = [line.replace("#den", "#none") for line in eve.asks(question.replace("#x", "#den"))]
        assert real == eve.asks(question.replace("#x", "#none")), question


@pytest.mark.parametrize(
    ("question", "numeric"),
    [
        *[(question, "442") for question in ("PART #den", "KICK #den hidden", "INVITE eve #den", "TOPIC #den :x")],
        *[(question, "404") for question in ("PRIVMSG #den :x", "PRIVMSG @#den :x")],
    ],
)
def test_who_would_act_in_a_secret_channel_learns_that_they_are_outside_and_no_more(
    host: Host, hidden: Talk, eve: Talk, question: str, numeric: str
) -> None:
    """Modern IRC: ERR_NOTONCHANNEL, ERR_CANNOTSENDTOCHAN. That the name is taken, JOIN would tell as well."""
    (line,) = eve.asks(question)
    assert line.split()[1] == numeric


def test_what_away_and_monitor_tell(host: Host, hidden: Talk, eve: Talk) -> None:
    """Who knows a nick may watch it (IRCv3 monitor); where it is, that does not tell."""
    told = "\n".join(eve.asks("MONITOR + hidden"))
    assert " 730 " in told
    hidden.asks("JOIN #other", "MODE #other +s", "PART #other")
    assert "#other" not in "\n".join(eve.asks())
    told = "\n".join(eve.asks("PRIVMSG hidden :hi"))
    assert "#den" not in told


def test_somebody_in_the_same_channel_is_seen_and_the_den_is_not(host: Host, hidden: Talk, eve: Talk) -> None:
    hidden.joins("#open")
    eve.joins("#open")
    assert [line for line in eve.asks("NAMES #open") if "hidden" in line]
    assert [line for line in eve.asks("WHO hidden") if " 352 " in line]
    told = "\n".join(eve.asks("WHOIS hidden", "WHO hidden", "WHO *", "NAMES"))
    assert "#open" in told
    assert "#den" not in told
    hidden.asks("PART #open")


def test_the_banned_learn_nothing(host: Host, hidden: Talk, eve: Talk) -> None:
    hidden.asks("MODE #den +b eve!*@*", "MODE #den -sk sesame")
    told = eve.asks("JOIN #den", "PRIVMSG #den :x", "KNOCK #den", "MODE #den b", "WHO #den", "NAMES #den")
    assert [line for line in told if " 474 " in line]
    assert not [line for line in told if line.startswith(":eve!") or " 332 " in line]
    assert not [line for line in hidden.asks() if "PRIVMSG" in line]


def test_where_somebody_is_from_only_an_operator_sees(host: Host, hidden: Talk, eve: Talk) -> None:
    questions = ("WHOIS hidden", "WHO hidden", "USERHOST hidden", "USERIP hidden", "WHOWAS hidden", "WHO hidden %i")
    assert "127.0.0.1" not in "\n".join(eve.asks(*questions))
    with host.meet("root") as root:
        assert "381" in root.numerics("OPER root mellon")
        assert "127.0.0.1" in "\n".join(root.asks(*questions))
        root.says("QUIT")
        root.last_words()


def test_of_who_was_here_no_more_is_told_than_of_who_is(host: Host, eve: Talk) -> None:
    with host.meet("gone") as gone:
        gone.joins("#den2")
        gone.asks("MODE #den2 +s", "MODE gone +i")
        gone.says("QUIT :bye")
        gone.last_words()
    told = "\n".join(eve.asks("WHOWAS gone", "WHOIS gone", "LIST", "WHOWAS *", "WHOWAS gone 1000"))
    assert "#den2" not in told
    assert "127.0.0.1" not in told
