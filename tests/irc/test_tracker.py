"""Who is where, kept from what the server says: by every message that changes something, and by none that doesn't."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from wirespeak.irc import tracker as module
from wirespeak.irc.events import Event
from wirespeak.irc.messages import Message
from wirespeak.irc.tracker import Topic, Tracker

ISUPPORT = "PREFIX=(qaohv)~&@%+ CHANMODES=beI,k,l,imnst CHANTYPES=#& CASEMAPPING=rfc1459 STATUSMSG=~&@%+ NETWORK=Ho\\x20me"


def told(*lines: str, isupport: str = ISUPPORT) -> Tracker:
    """A tracker of ann, who is welcomed and told ``lines``."""
    tracker = Tracker("ann")
    tells(tracker, ":irc.test 001 ann :Welcome", f":irc.test 005 ann {isupport} :are supported", *lines)
    return tracker


def tells(tracker: Tracker, *lines: str) -> Event:
    event = None
    for line in lines:
        event = tracker.follow(Message.parse(line))
    assert event is not None
    return event


def in_lobby(*lines: str) -> Tracker:
    """In #lobby with bob, an operator, and carol, who has a voice."""
    return told(
        ":ann!a@home.test JOIN #lobby",
        ":irc.test 353 ann = #lobby :ann @bob +carol",
        ":irc.test 366 ann #lobby :End",
        *lines,
    )


# --- coming and going


def test_those_who_are_there_when_we_come() -> None:
    tracker = in_lobby()
    channel = tracker.channel("#LOBBY")
    assert channel is not None
    assert channel.members == {"ann": "", "bob": "o", "carol": "v"}
    assert channel.complete
    assert tracker.nicks("#lobby") == ["@bob", "+carol", "ann"]
    assert tracker.me.source == "ann!a@home.test"


def test_those_who_come_and_go() -> None:
    tracker = in_lobby(":dave!d@h JOIN #lobby", ":carol!c@h PART #lobby :bye", ":bob!b@h QUIT :gone")
    assert tracker.nicks("#lobby") == ["ann", "dave"]
    assert tracker.user("carol") is None
    assert tracker.user("dave") is not None


def test_a_quit_is_seen_in_all_channels_that_are_shared() -> None:
    tracker = in_lobby(":ann!a@h JOIN #two", ":irc.test 353 ann = #two :@bob", ":ann!a@h JOIN #three")
    event = tells(tracker, ":bob!b@h QUIT :gone")
    assert set(event.channels) == {"#lobby", "#two"}


def test_who_shares_one_channel_still_is_remembered() -> None:
    tracker = in_lobby(":ann!a@h JOIN #two", ":bob!b@h JOIN #two", ":bob!b@h PART #lobby")
    assert tracker.user("bob") is not None
    tells(tracker, ":bob!b@h PART #two")
    assert tracker.user("bob") is None


def test_when_we_leave_all_is_forgotten() -> None:
    tracker = in_lobby(":ann!a@h PART #lobby")
    assert tracker.channels == {}
    assert list(tracker.users) == ["ann"]


def test_kicks() -> None:
    tracker = in_lobby()
    event = tells(tracker, ":bob!b@h KICK #Lobby carol :out")
    assert (event.channel, event.mine) == ("#lobby", False)
    assert tracker.nicks("#lobby") == ["@bob", "ann"]
    event = tells(tracker, ":bob!b@h KICK #lobby ann,dave :out")
    assert event.mine
    assert tracker.channels == {}


def test_joins_with_account_and_real_name() -> None:
    tracker = in_lobby(":dave!d@h JOIN #lobby davey :Dave D", ":eve!e@h JOIN #lobby * :Eve")
    dave, eve = tracker.user("dave"), tracker.user("eve")
    assert dave is not None
    assert eve is not None
    assert (dave.account, dave.realname, eve.account) == ("davey", "Dave D", "")


def test_names_with_all_prefixes_and_hosts() -> None:
    tracker = told(":ann!a@h JOIN #c", ":irc.test 353 ann = #c :ann!a@h @+bob!b@b.test ~&@carol!c@c.test")
    channel = tracker.channel("#c")
    assert channel is not None
    assert channel.members == {"ann": "", "bob": "ov", "carol": "qao"}
    bob = tracker.user("bob")
    assert bob is not None
    assert bob.source == "bob!b@b.test"


def test_names_that_tell_the_highest_prefix_alone_take_none_away() -> None:
    tracker = in_lobby(":bob!b@h MODE #lobby +v bob", ":irc.test 353 ann = #lobby :@bob +carol ann")
    channel = tracker.channel("#lobby")
    assert channel is not None
    assert channel.members["bob"] == "ov"
    tells(tracker, ":irc.test 353 ann = #lobby :+bob")
    assert channel.members["bob"] == "v"


# --- names


def test_a_new_nick() -> None:
    tracker = in_lobby()
    event = tells(tracker, ":bob!b@h NICK :robert")
    assert event.channels == ("#lobby",)
    assert tracker.nicks("#lobby") == ["@robert", "+carol", "ann"]
    event = tells(tracker, ":ann!a@h NICK Anna")
    assert event.mine
    assert tracker.me.nick == "Anna"
    assert tracker.is_me("ANNA")
    tells(tracker, ":Anna!a@h NICK ANNA")
    assert tracker.nicks("#lobby") == ["@robert", "+carol", "ANNA"]


def test_nobody_else_becomes_us() -> None:
    tracker = in_lobby(":bob!b@h NICK ann")
    assert tracker.user("ann") is tracker.me
    assert tracker.user("bob") is not None


def test_a_nick_that_should_have_been_free() -> None:
    tracker = in_lobby(":bob!b@h NICK carol")
    assert tracker.nicks("#lobby") == ["@carol", "ann"]
    tells(tracker, ":carol!b@h PART #lobby")
    assert tracker.user("carol") is None


def test_names_are_compared_as_the_server_does() -> None:
    assert told(":ann!a@h JOIN #a[b]").channel("#A{B}") is not None
    assert told(":ann!a@h JOIN #a[b]", isupport="CASEMAPPING=ascii").channel("#A{B}") is None
    assert told(":ann!a@h JOIN #a[b]", isupport="CASEMAPPING=strange").channel("#A{B}") is not None


def test_another_casemapping_in_the_midst() -> None:
    tracker = told(":ann!a@h JOIN #c", ":[x]!x@h JOIN #c", isupport="CASEMAPPING=ascii")
    tells(tracker, ":irc.test 005 ann CASEMAPPING=rfc1459 :are supported", ":{X}!x@h PART #c")
    assert tracker.nicks("#c") == ["ann"]
    tells(tracker, ":ann!a@h PART #c")
    assert list(tracker.users) == ["ann"]


def test_the_server_calls_us_something_else() -> None:
    tracker = Tracker("annamaria")
    tells(tracker, ":irc.test 001 anna :Welcome")
    assert (tracker.me.nick, list(tracker.users)) == ("anna", ["anna"])


# --- modes


def test_prefix_modes() -> None:
    tracker = in_lobby(":bob!b@h MODE #lobby +oo-v+h ann carol carol carol")
    channel = tracker.channel("#lobby")
    assert channel is not None
    assert channel.members == {"ann": "o", "bob": "o", "carol": "oh"}


def test_which_modes_have_parameters() -> None:
    tracker = in_lobby(":bob!b@h MODE #lobby +bklnt-o *!*@x secret 20 bob", ":bob!b@h MODE #lobby -lb+s *!*@x")
    channel = tracker.channel("#lobby")
    assert channel is not None
    assert channel.modes == {"k": "secret", "n": None, "t": None, "s": None}
    assert channel.members["bob"] == ""
    tells(tracker, ":bob!b@h MODE #lobby -k secret")
    assert "k" not in channel.modes


def test_all_modes_of_a_channel_are_told() -> None:
    tracker = in_lobby(":bob!b@h MODE #lobby +s", ":irc.test 324 ann #lobby +ntl 5", ":irc.test 329 ann #lobby 1700000000")
    channel = tracker.channel("#lobby")
    assert channel is not None
    assert (channel.modes, channel.created) == ({"n": None, "t": None, "l": "5"}, 1_700_000_000)


def test_our_own_modes() -> None:
    tracker = told(":ann MODE ann :+iwx", ":ann MODE ann -w+B")
    assert tracker.modes == {"i", "x", "B"}
    tells(tracker, ":irc.test 221 ann +r")
    assert tracker.modes == {"r"}


def test_a_server_with_prefixes_of_its_own() -> None:
    tracker = told(":ann!a@h JOIN !c", ":irc.test 353 ann = !c :*bob", ":bob MODE !c +Y ann", isupport="PREFIX=(Yv)*+ CHANTYPES=!")
    assert tracker.nicks("!c") == ["*ann", "*bob"]


def test_where_there_are_no_prefixes() -> None:
    tracker = told(":ann!a@h JOIN #c", ":irc.test 353 ann = #c :ann bob", isupport="PREFIX=")
    assert tracker.nicks("#c") == ["ann", "bob"]


# --- what channels and people are told of


def test_topics() -> None:
    tracker = in_lobby(":irc.test 332 ann #lobby :old topic", ":irc.test 333 ann #lobby bob!b@h 1700000000")

    def topic() -> Topic | None:
        channel = tracker.channel("#lobby")
        return None if channel is None else channel.topic

    assert topic() == Topic("old topic", "bob!b@h", 1_700_000_000)
    tells(tracker, ":carol!c@h TOPIC #lobby :new one")
    assert topic() == Topic("new one", "carol")
    tells(tracker, ":carol!c@h TOPIC #lobby :")
    assert topic() is None
    tells(tracker, ":irc.test 332 ann #lobby :another", ":irc.test 331 ann #lobby :No topic is set")
    assert topic() is None


def test_accounts_hosts_absences_and_real_names() -> None:
    tracker = in_lobby()
    bob = tracker.user("bob")
    assert bob is not None
    assert (bob.account, bob.away) == (None, None)
    assert tells(tracker, ":bob!b@h ACCOUNT bobby").channels == ("#lobby",)
    tells(tracker, ":bob!b@h CHGHOST bee cloak.test", ":bob!bee@cloak.test AWAY :lunch", ":bob!bee@cloak.test SETNAME :Bob B")
    assert (bob.account, bob.source, bob.away, bob.away_message, bob.realname) == ("bobby", "bob!bee@cloak.test", True, "lunch", "Bob B")
    tells(tracker, ":bob!bee@cloak.test AWAY", ":bob!bee@cloak.test ACCOUNT *")
    assert (bob.account, bob.away) == ("", False)


def test_tags_tell_of_accounts() -> None:
    tracker = in_lobby("@account=bobby :bob!b@h PRIVMSG #lobby :hi")
    bob = tracker.user("bob")
    assert bob is not None
    assert (bob.account, bob.source) == ("bobby", "bob!b@h")


def test_who_and_whois() -> None:
    tracker = in_lobby(
        ":irc.test 352 ann #lobby bu bh irc.test bob G@ :0 Bob B",
        ":irc.test 354 ann 613 #lobby cu ch carol H 0 :Carol C",
        ":irc.test 311 ann dave d h * :nobody here",
    )
    bob, carol = tracker.user("bob"), tracker.user("carol")
    assert bob is not None
    assert carol is not None
    assert (bob.source, bob.away, bob.realname) == ("bob!bu@bh", True, "Bob B")
    assert (carol.source, carol.away, carol.realname, carol.account) == ("carol!cu@ch", False, "Carol C", "")
    assert tracker.user("dave") is None


def test_our_own_absence_and_host() -> None:
    tracker = told(":irc.test 306 ann :You are away", ":irc.test 396 ann u@cloak.test :is now your host")
    assert (tracker.me.away, tracker.me.source) == (True, "ann!u@cloak.test")
    tells(tracker, ":irc.test 305 ann :You are back", ":irc.test 396 ann other.test :is now your host")
    assert (tracker.me.away, tracker.me.source) == (False, "ann!u@other.test")


# --- events


def test_what_is_said_and_where() -> None:
    tracker = in_lobby()
    event = tells(tracker, ":bob!b@h PRIVMSG #LOBBY :hello")
    assert (event.nick, event.channel, event.reply_to, event.text, event.mine) == ("bob", "#lobby", "#lobby", "hello", False)
    event = tells(tracker, ":bob!b@h PRIVMSG @#lobby :to the operators")
    assert (event.channel, event.target) == ("#lobby", "@#lobby")
    event = tells(tracker, ":bob!b@h PRIVMSG ann :psst")
    assert (event.channel, event.reply_to) == ("", "bob")
    event = tells(tracker, ":bob!b@h PRIVMSG #lobby :\x01ACTION waves\x01")
    assert (event.ctcp, event.text) == (("ACTION", "waves"), "waves")
    assert tells(tracker, ":ann!a@h PRIVMSG #lobby :echo").mine


def test_texts_are_where_they_are() -> None:
    tracker = in_lobby()
    texts = [
        ("PRIVMSG #lobby :hi", "hi"),
        ("JOIN #lobby account :Real Name", ""),
        ("PART #lobby", ""),
        ("PART #lobby :bye", "bye"),
        ("KICK #lobby carol", ""),
        ("KICK #lobby carol :out", "out"),
        ("QUIT", ""),
        ("QUIT :gone", "gone"),
        ("TOPIC #lobby :new", "new"),
        ("NICK robert", "robert"),
        ("AWAY :lunch", "lunch"),
        ("AWAY", ""),
    ]
    for line, text in texts:
        assert tells(tracker, f":dave!d@h {line}").text == text


def test_what_is_told_of_the_past_changes_nothing() -> None:
    tracker = in_lobby(":irc.test BATCH +1 chathistory #lobby")
    event = tells(tracker, "@batch=1 :bob!b@h QUIT :long ago")
    assert event.replayed
    assert "@bob" in tracker.nicks("#lobby")
    event = tells(tracker, ":irc.test BATCH -1", ":bob!b@h QUIT :now")
    assert not event.replayed
    assert "@bob" not in tracker.nicks("#lobby")


def test_features_are_read() -> None:
    features = told().features
    assert features.tokens["NETWORK"] == "Ho me"
    assert features.channel_of("@#c") == "#c"
    assert features.channel_of("ann") == ""
    features.learn(["-NETWORK", "NICKLEN=30", "MODES=x"])
    assert "NETWORK" not in features.tokens
    assert (features.number("NICKLEN", 9), features.number("MODES", 3)) == (30, 3)


# --- bounds, and servers that say anything


def test_memberships_have_a_bound(monkeypatch: object) -> None:
    tracker = told(":ann!a@h JOIN #c")
    before, module.MAX_MEMBERS = module.MAX_MEMBERS, 10  # type: ignore[misc]
    try:
        tells(tracker, *(f":n{number}!u@h JOIN #c" for number in range(50)))
    finally:
        module.MAX_MEMBERS = before  # type: ignore[misc]
    assert len(tracker.users) == 10


def test_channels_and_features_have_a_bound() -> None:
    tracker = told(*(f":ann!a@h JOIN #{number}" for number in range(3000)))
    assert len(tracker.channels) == 2000
    for number in range(1000):
        tells(tracker, f":irc.test 005 ann T{number}=1 :are supported")
    assert len(tracker.features.tokens) <= 300
    tells(tracker, *(f":irc.test BATCH +{number} chathistory" for number in range(1000)))
    tells(tracker, f":bob MODE #1 +{string.ascii_letters * 10}")


WORDS = st.sampled_from(
    ["#c", "#d", "ann", "bob", "carol", "+o", "-v", "+ovk", "*", "=", ":@bob +ann", ":", "@bob!b@h", "613", "0", "CASEMAPPING=ascii"]
)
COMMANDS = st.sampled_from(sorted(module._CHANGES))
SOURCES = st.sampled_from(["ann!a@h", "bob!b@h", "carol", "irc.test", ""])


@given(st.lists(st.tuples(SOURCES, COMMANDS, st.lists(WORDS, max_size=8)), max_size=60))
def test_whatever_is_told_all_that_is_kept_agrees(messages: list[tuple[str, str, list[str]]]) -> None:
    tracker = in_lobby()
    for source, command, words in messages:
        tracker.follow(Message(command, [word.removeprefix(":") for word in words], source))
        assert tracker.users[tracker.fold(tracker.me.nick)] is tracker.me
        there = {key for channel in tracker.channels.values() for key in channel.members}
        assert set(tracker.users) == there | {tracker.fold(tracker.me.nick)}
        assert all(tracker.fold(user.nick) == key for key, user in tracker.users.items())
        assert tracker._members == sum(len(channel.members) for channel in tracker.channels.values())
