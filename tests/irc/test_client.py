"""A client among a server that is in the test's hand: how it connects, asks, says, loses the connection and comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.irc.peer import Peer, a_network
from wirespeak.errors import ConnectError, ConnectionLost, LocalProtocolError, Refused, StorageError, TimeoutError
from wirespeak.irc.answers import Listed, Person
from wirespeak.irc.client import BlockingClient, Client, Settings
from wirespeak.irc.client_states import Timeouts
from wirespeak.irc.events import Connected, Disconnected, Event
from wirespeak.irc.messages import Message
from wirespeak.irc.policies import Policies
from wirespeak.irc.sending import Rate
from wirespeak.sockets.blocking import run
from wirespeak.sockets.memory import MemoryNetwork

EVERYTHING = "batch labeled-response message-tags server-time"
FAST = Rate(5, 0)


def connected(offer: str | None = "", *, piece: int | None = None, **settings: Any) -> tuple[BlockingClient, Peer]:
    network, peer = a_network(offer, piece=piece)
    settings.setdefault("rate", FAST)
    return BlockingClient.connect("irc.test:6667", "ann", network=network, **settings), peer


def labelled(*lines: str) -> Any:
    """An answer that bears the label of its question: one line with it, or several in a batch."""

    def answer(line: str) -> list[str]:
        label = line.partition(" ")[0].removeprefix("@label=")
        if not lines:
            return [f"@label={label} :irc.test ACK"]
        if len(lines) == 1:
            return [f"@label={label} {lines[0]}"]
        return [f"@label={label} :irc.test BATCH +b labeled-response", *(f"@batch=b {one}" for one in lines), ":irc.test BATCH -b"]

    return answer


# --- connecting


@pytest.mark.parametrize("piece", [None, 1])
@pytest.mark.parametrize("offer", ["", None, EVERYTHING])
def test_connecting(offer: str | None, piece: int | None) -> None:
    irc, peer = connected(offer, piece=piece)
    assert irc.nick == "ann"
    assert irc.session.enabled == set((offer or "").split())
    assert irc.tracker.features.types == "#"
    irc.close("bye")
    assert peer.heard[-1] == "QUIT :bye"
    irc.close()


def test_the_async_face_is_the_same_client() -> None:
    network, peer = a_network()

    async def talk() -> str:
        async with await Client.connect("irc.test:6667", "ann", network=network, rate=FAST) as irc:
            await irc.join("#c")
            await irc.say("#c", "hello")
            peer.says(":bob!b@h PRIVMSG #c :hello ann")
            async for event in irc:
                if event.is_text:
                    return event.text
        return ""

    assert run(talk()) == "hello ann"
    assert "PRIVMSG #c :hello" in peer.heard
    assert peer.heard[-1] == "QUIT"


def test_a_nick_that_is_taken() -> None:
    network, peer = a_network()
    peer.taken = {"ann", "annie"}
    irc = BlockingClient.connect("irc.test:6667", "ann", network=network, others=("annie",))
    assert irc.nick == "ann_"


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(ConnectError):
        BlockingClient.connect("irc.test:1", "ann", network=MemoryNetwork())


def test_a_server_that_refuses_us() -> None:
    network, peer = a_network()
    peer.answers["CAP LS 302"] = ["ERROR :Closing link: too many of you"]
    with pytest.raises(Refused, match="too many of you"):
        BlockingClient.connect("irc.test:6667", "ann", network=network)


def test_a_server_that_says_nothing() -> None:
    network, peer = a_network(None)
    peer.welcome = []
    with pytest.raises(TimeoutError):
        BlockingClient.connect("irc.test:6667", "ann", network=network, timeouts=Timeouts(register=20))
    assert network.now() == pytest.approx(20)


@pytest.mark.parametrize("nick", ["a b", "a\r\nQUIT", ":ann", ""])
def test_what_can_be_no_nick_is_not_said(nick: str) -> None:
    network, peer = a_network()
    with pytest.raises(LocalProtocolError):
        BlockingClient.connect("irc.test:6667", nick, network=network)
    assert peer.connections[-1].heard == []


@pytest.mark.parametrize(
    ("address", "settings", "port", "tls"),
    [
        ("irc.test", {}, 6697, True),
        ("irc.test:6697", {}, 6697, True),
        ("irc.test:6667", {}, 6667, False),
        ("irc.test", {"tls": False}, 6667, False),
        ("irc.test:6667", {"tls": True}, 6667, True),
    ],
)
def test_where_tls_is_spoken(address: str, settings: Settings, port: int, tls: bool) -> None:
    network, _ = a_network()
    irc = BlockingClient.connect(address, "ann", network=network, **settings)
    assert network.connections[-1].peer == ("irc.test", port)
    assert (irc.stream.tls is not None) == tls


def test_this_machine_itself_needs_no_tls() -> None:
    _, peer = a_network()
    network = MemoryNetwork({("localhost", 6667): peer})
    assert BlockingClient.connect("localhost", "ann", network=network).stream.tls is None


# --- logging in


def test_logging_in_over_tls() -> None:
    network, peer = a_network("sasl=PLAIN")
    peer.answers["AUTHENTICATE PLAIN"] = ["AUTHENTICATE +"]
    peer.answers["AUTHENTICATE AGFubgBzZWNyZXQ="] = [":irc.test 900 ann ann!a@h annacc :logged in", ":irc.test 903 ann :ok"]
    irc = BlockingClient.connect("irc.test", "ann", network=network, user="ann", password="secret")
    assert irc.session.account == "annacc"


def test_a_password_is_never_said_in_clear() -> None:
    network, peer = a_network("sasl=PLAIN")
    with pytest.raises(LocalProtocolError, match="verified TLS"):
        BlockingClient.connect("irc.test:6667", "ann", network=network, user="ann", password="secret")
    assert not any(line.startswith("AUTHENTICATE") for line in peer.heard)
    with pytest.raises(LocalProtocolError, match="verified TLS"):
        BlockingClient.connect("irc.test:6667", "ann", network=network, server_password="secret")
    assert peer.heard == []


def test_an_unverified_server_gets_no_password() -> None:
    network, peer = a_network("sasl=PLAIN")

    class Unverified:
        verify_mode = 0

    with pytest.raises(LocalProtocolError, match="verified TLS"):
        BlockingClient.connect("irc.test", "ann", network=network, user="ann", password="secret", context=Unverified())
    assert not any(line.startswith("AUTHENTICATE") for line in peer.heard)


@pytest.mark.parametrize("offer", ["sasl=EXTERNAL,ECDSA-NIST256P-CHALLENGE", "batch"])
def test_a_server_that_has_no_way_to_log_in_that_fits(offer: str) -> None:
    network, _ = a_network(offer)
    with pytest.raises(Refused):
        BlockingClient.connect("irc.test", "ann", network=network, user="ann", password="secret")


# --- strict transport security (IRCv3 sts)


def test_a_server_that_wants_tls_gets_it_and_is_remembered(tmp_path: Path) -> None:
    network, peer = a_network("sts=port=6697,duration=300")
    policies = Policies(tmp_path / "sts.json")
    irc = BlockingClient.connect("irc.test:6667", "ann", network=network, policies=policies)
    assert [stream.peer[1] for stream in network.connections] == [6667, 6697]
    assert peer.connections[0].heard == ["CAP LS 302", "NICK ann", "USER wirespeak 0 * :ann"], "and not a word more in clear"
    assert irc.stream.tls is not None
    irc.close()
    BlockingClient.connect("irc.test:6667", "ann", network=network, policies=Policies(tmp_path / "sts.json"))
    assert [stream.peer[1] for stream in network.connections] == [6667, 6697, 6697]


def test_policies_end_and_can_be_taken_back(tmp_path: Path) -> None:
    now = 1000.0
    policies = Policies(tmp_path / "folder" / "sts.json", clock=lambda: now)
    policies.keep("IRC.test", 6697, 300)
    assert policies.find("irc.TEST") == 6697
    now = 1300.0
    assert policies.find("irc.test") is None
    policies.keep("irc.test", 6697, 300)
    policies.keep("irc.test", 6697, 0)
    assert policies.find("irc.test") is None


def test_policies_have_a_bound() -> None:
    policies = Policies(clock=lambda: 0.0)
    for number in range(1500):
        policies.keep(f"h{number}.test", 6697, 10 + number)
    assert policies.find("h1499.test") == 6697
    assert policies.find("h0.test") is None


def test_a_damaged_file_of_policies_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "sts.json").write_text("{")
    with pytest.raises(StorageError):
        Policies(tmp_path / "sts.json")


# --- asking: by labels, by numerics, by a fence


@pytest.fixture(params=[EVERYTHING, ""], ids=["labels", "numerics"])
def irc(request: pytest.FixtureRequest) -> Any:
    """A client and its server, which knows labels or does not; and what has it answer."""
    client, peer = connected(request.param)

    def answers(question: str, *lines: str) -> None:
        if request.param:
            peer.answers[f"@label=q[0-9]+ {question}"] = labelled(*lines)
        else:
            peer.answers[question] = list(lines)

    return client, peer, answers


def test_joining(irc: Any) -> None:
    client, _peer, answers = irc
    answers(
        "JOIN #c key", ":ann!a@h JOIN #c", ":irc.test 332 ann #c :topic", ":irc.test 353 ann = #c :@bob ann", ":irc.test 366 ann #c :End"
    )
    channel = client.join("#c", "key")
    assert (channel.name, channel.members, channel.topic.text) == ("#c", {"bob": "o", "ann": ""}, "topic")
    assert client.join("#C") is channel
    answers("JOIN #no", ":irc.test 474 ann #no :Cannot join channel (+b)")
    with pytest.raises(Refused, match=r"Cannot join channel \(\+b\)") as caught:
        client.join("#no")
    assert caught.value.reply.command == "474"
    answers("PART #c :bye", ":ann!a@h PART #c :bye")
    client.part("#c", "bye")
    assert client.channel("#c") is None


@pytest.mark.parametrize("name", ["lobby", "#a,#b", "", "0"])
def test_what_is_no_channel_is_not_joined(name: str) -> None:
    irc, _ = connected()
    with pytest.raises(LocalProtocolError):
        irc.join(name)


def test_whois(irc: Any) -> None:
    client, _, answers = irc
    answers(
        "WHOIS bob",
        ":irc.test 311 ann bob b home.test * :Bob B",
        ":irc.test 319 ann bob :@#c +#d",
        ":irc.test 312 ann bob irc.test :the server",
        ":irc.test 330 ann bob bobby :is logged in as",
        ":irc.test 671 ann bob :is secure",
        ":irc.test 317 ann bob 20 1700000000 :seconds idle, signon",
        ":irc.test 318 ann bob :End",
    )
    bob = client.whois("bob")
    assert (bob.nick, bob.user, bob.host, bob.realname, bob.account) == ("bob", "b", "home.test", "Bob B", "bobby")
    assert (bob.channels, bob.idle, bob.signed_on, bob.secure, bob.operator) == (["@#c", "+#d"], 20, 1_700_000_000, True, False)
    answers("WHOIS nobody", ":irc.test 401 ann nobody :No such nick", ":irc.test 318 ann nobody :End")
    with pytest.raises(Refused, match="No such nick"):
        client.whois("nobody")


def test_who_and_list_and_names(irc: Any) -> None:
    client, _, answers = irc
    answers("WHO #c", ":irc.test 352 ann #c b h irc.test bob G* :0 Bob B", ":irc.test 315 ann #c :End")
    assert client.who("#c") == [Person("bob", "b", "h", "Bob B", True, True)]
    answers("LIST", ":irc.test 322 ann #c 3 :the topic", ":irc.test 322 ann #d 1 :", ":irc.test 323 ann :End")
    assert client.list_channels() == [Listed("#c", 3, "the topic"), Listed("#d", 1, "")]
    answers("NAMES #c", ":irc.test 353 ann = #c :@bob!b@h carol", ":irc.test 366 ann #c :End")
    assert client.names("#c") == ["@bob", "carol"]


def test_who_with_fields_where_the_server_has_them(irc: Any) -> None:
    client, peer, answers = irc
    peer.says(":irc.test 005 ann WHOX :are supported")
    client.ping()
    answers("WHO #c %tcuhnfar,613", ":irc.test 354 ann 613 #c b h bob H bobby :Bob B", ":irc.test 315 ann #c :End")
    assert client.who("#c") == [Person("bob", "b", "h", "Bob B", False, False, "bobby")]


def test_topics_and_modes_and_the_rest(irc: Any) -> None:
    client, _peer, answers = irc
    answers("TOPIC #c", ":irc.test 332 ann #c :what it is", ":irc.test 333 ann #c bob 1700000000")
    assert client.topic("#c") == "what it is"
    answers("TOPIC #c :new", ":ann!a@h TOPIC #c :new")
    assert client.topic("#c", "new") == "new"
    answers("MODE #c", ":irc.test 324 ann #c +nt")
    assert [line.params for line in client.mode("#c")] == [["ann", "#c", "+nt"]]
    answers(r"MODE #c \+o bob", ":irc.test 482 ann #c :You're not channel operator")
    with pytest.raises(Refused, match="not channel operator"):
        client.mode("#c", "+o", "bob")
    answers("NICK anna", ":ann!a@h NICK anna")
    client.nick_to("anna")
    assert client.nick == "anna"
    answers("NICK bob", ":irc.test 433 anna bob :Nickname is already in use")
    with pytest.raises(Refused, match="already in use"):
        client.nick_to("bob")
    answers("KICK #c bob :out", ":anna!a@h KICK #c bob :out")
    client.kick("#c", "bob", "out")
    answers("INVITE bob #c", ":irc.test 341 anna bob #c")
    client.invite("bob", "#c")
    answers("AWAY :lunch", ":irc.test 306 anna :You are away")
    client.away("lunch")
    assert client.tracker.me.away
    answers("FROB", ":irc.test 421 anna FROB :Unknown command")
    with pytest.raises(Refused, match="Unknown command"):
        client.ask("frob")


def test_nothing_to_say_to_it() -> None:
    irc, peer = connected(EVERYTHING)
    peer.answers["@label=q1 AWAY"] = labelled()
    assert irc.ask("AWAY") == []


def test_answers_of_others_are_not_ours() -> None:
    """Between a question and its answer come other people's words, and the rest of an answer that was given up."""
    irc, peer = connected()
    peer.answers["WHOIS bob"] = [
        ":irc.test 318 ann carol :End of an older one",
        ":irc.test 311 ann carol c h * :Carol",
        ":irc.test 401 ann dave :No such nick",
        ":eve!e@h PRIVMSG ann :hi",
        ":irc.test 311 ann Bob b h * :Bob",
        ":irc.test 318 ann Bob :End",
    ]
    assert irc.whois("bob").realname == "Bob"
    assert [event.text for event in iter(irc.kept, None) if event.command == "PRIVMSG"] == ["hi"]


def test_batches_within_batches() -> None:
    irc, peer = connected(EVERYTHING)
    peer.answers["@label=q1 LIST"] = [
        "@label=q1 :irc.test BATCH +1 labeled-response",
        ":irc.test BATCH +other netjoin",
        "@batch=other :irc.test 322 ann #not 1 :",
        "@batch=1 :irc.test BATCH +2 inner",
        "@batch=2 :irc.test 322 ann #c 1 :",
        ":irc.test BATCH -2",
        ":irc.test BATCH -other",
        "@batch=1 :irc.test 323 ann :End",
        ":irc.test BATCH -1",
    ]
    assert irc.list_channels() == [Listed("#c", 1, "")]


@pytest.mark.parametrize("offer", ["", EVERYTHING])
def test_a_server_that_does_not_answer(offer: str) -> None:
    irc, peer = connected(offer, timeouts=Timeouts(answer=30))
    peer.answers[".*WHOIS bob"] = []
    with pytest.raises(TimeoutError, match="WHOIS"):
        irc.whois("bob")
    irc.say("bob", "still here")
    assert peer.heard[-1] == "PRIVMSG bob :still here"


# --- saying


def test_long_texts_arrive_whole() -> None:
    irc, peer = connected()
    peer.says(":ann!ident@a.rather.long.host.test JOIN #c")
    irc.ping()
    text = " ".join(f"wörd{number}" for number in range(300))
    irc.say("#c", text)
    said = [line for line in peer.heard if line.startswith("PRIVMSG")]
    assert all(len(f":ann!ident@a.rather.long.host.test {line}\r\n".encode()) <= 512 for line in said)
    assert " ".join(line.removeprefix("PRIVMSG #c :") for line in said) == text
    assert len(said) < 9, "and no more than it takes"


def test_actions_notices_and_ctcp() -> None:
    irc, peer = connected()
    irc.act("#c", "waves " * 200)
    assert all(re_said.endswith("\x01") and len(re_said) < 512 for re_said in peer.heard if "ACTION" in re_said)
    irc.notice("bob", "hi")
    irc.ctcp("bob", "version")
    irc.ctcp("bob", "PING", "123", answer=True)
    assert peer.heard[-3:] == ["NOTICE bob :hi", "PRIVMSG bob :\x01VERSION\x01", "NOTICE bob :\x01PING 123\x01"]


@pytest.mark.parametrize("bad", ["\r", "\n", "\0"])
def test_line_breaks_are_never_said(bad: str) -> None:
    """Hostile input 4: CR, LF or NUL given to our own client raises, in whatever place."""
    irc, peer = connected()
    before = list(peer.heard)
    text = f"hi{bad}QUIT :gone"
    attempts: list[Callable[[], object]] = [
        lambda: irc.say("#c", text),
        lambda: irc.say(f"#c{bad}", "x"),
        lambda: irc.notice("#c", text),
        lambda: irc.act("#c", text),
        lambda: irc.ctcp("bob", "VERSION", text),
        lambda: irc.ctcp("bob", f"VERSION{bad}"),
        lambda: irc.join(f"#c{bad}x"),
        lambda: irc.join("#c", text),
        lambda: irc.part("#c", text),
        lambda: irc.nick_to(f"a{bad}b"),
        lambda: irc.topic("#c", text),
        lambda: irc.kick("#c", "bob", text),
        lambda: irc.away(text),
        lambda: irc.mode("#c", f"+o{bad}"),
        lambda: irc.send("PRIVMSG", "#c", text),
        lambda: irc.send(f"PRIVMSG{bad}", "#c"),
        lambda: irc.queue("PRIVMSG", "#c", text),
        lambda: irc.ask("WHOIS", text),
    ]
    for attempt in attempts:
        with pytest.raises(LocalProtocolError):
            attempt()
    irc.flush()
    assert peer.heard == before


def test_a_flood_takes_its_time_and_pings_are_answered_meanwhile() -> None:
    network, peer = a_network()
    irc = BlockingClient.connect("irc.test:6667", "ann", network=network, rate=Rate(2, 2))
    network._now += 100
    begun = network.now()
    times: list[float] = []
    peer.answers["PRIVMSG .*"] = lambda line: times.append(network.now() - begun) or ["PING :now"]  # type: ignore[func-returns-value]
    for number in range(5):
        irc.say("#c", str(number))
    assert times == pytest.approx([0, 2, 4, 6, 8], abs=0.1), "each second one is a PONG, which counts too"
    irc.flush()
    assert peer.heard.count("PONG :now") >= 4


def test_closing_says_what_waits_first() -> None:
    irc, peer = connected(rate=Rate(2, 2))
    for number in range(5):
        irc.queue("PRIVMSG", "#c", str(number))
    irc.close("bye")
    assert peer.heard[-6:] == [*(f"PRIVMSG #c :{number}" for number in range(5)), "QUIT :bye"]


# --- what happens, and the end of it


def test_events_and_what_is_kept() -> None:
    irc, peer = connected()
    while irc.kept() is not None:
        pass
    peer.says(":bob!b@h PRIVMSG ann :one", b":bob!b@h PRIVMSG ann :gr\xfc\xdf\r\n", "bad\0line", ":bob!b@h PRIVMSG ann :three")
    texts = [event.text for event in (irc.next(1), irc.next(1), irc.next(1)) if isinstance(event, Event)]
    assert texts == ["one", "grüß", "three"]
    with pytest.raises(TimeoutError):
        irc.next(1)


def test_who_never_looks_loses_the_oldest() -> None:
    irc, peer = connected()
    for turn in range(30):
        peer.says(*(f":bob!b@h PRIVMSG ann :{turn} {number}" for number in range(500)))
        irc.ping()
    kept = [event.text for event in iter(irc.kept, None)]
    assert len(kept) <= 4000
    assert "29 499" in kept


def test_the_end_is_told() -> None:
    irc, peer = connected()
    peer.says(":bob!b@h PRIVMSG ann :last words")
    peer.connections[-1].ends()
    events = iter(irc)
    while next(events).text != "last words":
        pass
    with pytest.raises(ConnectionLost):
        next(events)
    for attempt in (lambda: irc.say("bob", "x"), lambda: irc.whois("bob"), lambda: irc.join("#c"), irc.ping):
        with pytest.raises(ConnectionLost):
            attempt()
    irc.close()


def test_iterating_ends_when_we_close() -> None:
    irc, peer = connected()
    peer.says(":bob!b@h PRIVMSG ann :go away")
    texts = []
    for event in irc:
        texts.append(event.text)
        if event.is_text:
            irc.close()
    assert "go away" in texts


def test_a_dead_line_is_noticed() -> None:
    network, peer = a_network()
    irc = BlockingClient.connect("irc.test:6667", "ann", network=network)
    while irc.kept() is not None:
        pass
    peer.answers["PING .*"] = []
    begun = network.now()
    with pytest.raises(TimeoutError, match="dead"):
        irc.next()
    assert network.now() - begun == pytest.approx(150, abs=1)


# --- coming back


def returning(**settings: Any) -> tuple[BlockingClient, Peer, MemoryNetwork]:
    network, peer = a_network()
    irc = BlockingClient.connect("irc.test:6667", "ann", network=network, reconnect=True, rate=FAST, **settings)
    irc.join("#one")
    irc.join("#two", "key")
    while irc.kept() is not None:
        pass
    return irc, peer, network


def happenings(irc: BlockingClient) -> Any:
    """What happens next, but for messages."""
    while isinstance(happened := irc.next(), Event):
        pass
    return happened


@pytest.mark.parametrize("cut", [False, True])
def test_a_lost_connection_is_made_anew_and_its_channels_joined(cut: bool) -> None:
    irc, peer, network = returning()
    peer.connections[-1].ends(cut=cut)
    lost = happenings(irc)
    assert isinstance(lost, Disconnected)
    assert isinstance(lost.error, ConnectionLost)
    assert 2 <= (lost.retry_in or 0) <= 3
    begun = network.now()
    assert happenings(irc) == Connected("ann", again=True)
    assert network.now() - begun == pytest.approx(lost.retry_in)
    irc.ping()
    assert "JOIN #two,#one key" in peer.heard
    assert set(irc.tracker.channels) == {"#one", "#two"}
    assert len(peer.connections) == 2


@pytest.mark.parametrize("told", ["TARGMAX=PRIVMSG:4,JOIN:1", "TARGMAX=JOIN:1,KICK:"])
def test_no_more_channels_are_joined_at_once_than_the_server_takes(told: str) -> None:
    irc, peer, _ = returning()
    peer.welcome.insert(2, f":irc.test 005 {{nick}} {told} :are supported")
    peer.connections[-1].ends()
    assert isinstance(happenings(irc), Disconnected)
    assert happenings(irc) == Connected("ann", again=True)
    irc.ping()
    assert [line for line in peer.heard if line.startswith("JOIN")][-2:] == ["JOIN #two key", "JOIN #one"]


@pytest.mark.parametrize("told", ["TARGMAX=JOIN:", "TARGMAX=JOIN:x", "TARGMAX=JOIN:0", "TARGMAX=PRIVMSG:1", "TARGMAX"])
def test_where_no_bound_is_told_all_are_joined_at_once(told: str) -> None:
    irc, peer, _ = returning()
    peer.welcome.insert(2, f":irc.test 005 {{nick}} {told} :are supported")
    peer.connections[-1].ends()
    assert isinstance(happenings(irc), Disconnected)
    assert happenings(irc) == Connected("ann", again=True)
    irc.ping()
    assert "JOIN #two,#one key" in peer.heard


def test_attempts_are_made_ever_more_rarely() -> None:
    irc, peer, network = returning()
    services = network.services
    network.services = {}
    peer.connections[-1].ends()
    waits = []
    for _ in range(12):
        lost = happenings(irc)
        assert isinstance(lost, Disconnected)
        waits.append(lost.retry_in or 0)
    assert all(2**turn <= wait <= 1.5 * 2**turn for turn, wait in enumerate(waits[:8], 1))
    assert all(300 <= wait <= 450 for wait in waits[8:])
    network.services = services
    assert isinstance(happenings(irc), Connected)
    irc.ping()
    assert set(irc.tracker.channels) == {"#one", "#two"}, "however long it took"


def test_waiting_for_the_next_attempt_can_be_interrupted() -> None:
    irc, peer, _network = returning()
    peer.connections[-1].ends()
    assert isinstance(happenings(irc), Disconnected)
    with pytest.raises(TimeoutError):
        irc.next(0.5)
    with pytest.raises(ConnectionLost):
        irc.say("bob", "x")
    assert isinstance(happenings(irc), Connected)


def test_a_connection_that_does_not_stand_counts_as_an_attempt() -> None:
    irc, peer, network = returning()
    waits = []
    for _ in range(3):
        peer.connections[-1].ends()
        lost = happenings(irc)
        waits.append(lost.retry_in)
        assert isinstance(happenings(irc), Connected)
    assert waits[0] < waits[1] < waits[2]
    irc.ping()
    assert set(irc.tracker.channels) == {"#one", "#two"}
    network._now += 100  # this one stands
    irc.ping()
    peer.connections[-1].ends()
    assert happenings(irc).retry_in <= 3


def test_who_has_left_does_not_come_back() -> None:
    irc, peer, _ = returning()
    irc.part("#one")
    irc.close()
    with pytest.raises(ConnectionLost):
        happenings(irc)
    assert len(peer.connections) == 1


def test_messages_as_they_are_can_be_said() -> None:
    irc, peer = connected()
    irc.send("privmsg", "bob", "hi")
    assert peer.heard[-1] == "PRIVMSG bob :hi"
    assert irc.lines("NOTICE", "bob", "x") == [Message("NOTICE", ["bob", "x"])]
