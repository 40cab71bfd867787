"""A client's and a server's session wired together in memory mean the same by the same bytes, however these are cut."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.http.test_fields import NAMES, VALUES
from wirespeak.contract import FINISH
from wirespeak.http.body import FORBIDDEN_IN_TRAILERS
from wirespeak.http.client_session import ClientSession
from wirespeak.http.fields import Fields
from wirespeak.http.messages import Data, End, Request, Response
from wirespeak.http.session import ServerSession

# Fields that say something about the connection or the framing are the sessions' own affair.
OURS = {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "trailer"}

FIELDS = st.lists(st.tuples(NAMES.filter(lambda name: name.lower() not in OURS), VALUES), max_size=5)
TRAILERS = st.lists(st.tuples(NAMES.filter(lambda name: name.lower() not in FORBIDDEN_IN_TRAILERS), VALUES), max_size=3)
PIECES = st.lists(st.binary(max_size=40), max_size=5)


@dataclass
class Body:
    """Pieces sent whole, in chunks with trailers behind them, or one by one behind their length."""

    pieces: list[bytes] = field(default_factory=list)
    form: str = "whole"
    trailers: list[tuple[str, str]] = field(default_factory=list)

    @property
    def content(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def said(self) -> Any:
        """What stands in the message."""
        return list(self.pieces) if self.form == "whole" else iter(())

    @property
    def length(self) -> list[tuple[str, str]]:
        return [("Content-Length", str(len(self.content)))] if self.form == "length" else []

    @property
    def messages(self) -> list[Any]:
        """What is said behind the message."""
        if self.form == "whole":
            return []
        return [*map(Data, self.pieces), End(Fields(self.trailers) if self.form == "chunks" else Fields())]

    @property
    def trailers_sent(self) -> list[tuple[str, str]]:
        return Fields(self.trailers).folded() if self.form == "chunks" else []


BODIES = st.one_of(
    st.builds(Body),
    st.builds(Body, PIECES, st.sampled_from(["whole", "length"])),
    st.builds(Body, PIECES, st.just("chunks"), TRAILERS),
)


@dataclass
class Exchange:
    """One request and its answer, with the interim ones before that."""

    method: str
    target: str
    fields: list[tuple[str, str]]
    body: Body
    status: int
    reason: str | None
    answer_fields: list[tuple[str, str]]
    answer_body: Body
    interim: list[int]


EXCHANGES = st.builds(
    Exchange,
    st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "M-SEARCH"]),
    st.sampled_from(["/", "/a?b", "/caf%C3%A9", "http://other.example/x", "//"]),
    FIELDS,
    BODIES,
    st.sampled_from([200, 201, 204, 206, 299, 301, 304, 404, 500, 599]),
    st.sampled_from([None, "", "So be it"]),
    FIELDS,
    BODIES,
    st.lists(st.sampled_from([100, 102, 103]), max_size=2),
)


class Together:
    """Both sessions, and the wire between them, whose bytes arrive in pieces of the sizes given."""

    def __init__(self, sizes: list[int]) -> None:
        self.sizes = cycle(sizes)
        self.server = ServerSession(lambda: None)
        self.client = ClientSession()
        self.heard_by_server: list[Any] = []
        self.heard_by_client: list[Any] = []
        self.ended = False  # the server's side
        self.exchange: Exchange | None = None

    def carry(self, sender: ServerSession | ClientSession, receiver: ServerSession | ClientSession) -> bool:
        """Carry what ``sender`` says, and have ``receiver`` react; whether there was anything."""
        wire = b""
        for segment in sender.data_to_send():
            assert not self.ended
            if segment is FINISH:
                self.ended = True
            else:
                assert isinstance(segment, bytes)
                wire += segment
        any_came = bool(wire)
        while wire:
            size = next(self.sizes)
            self.react(receiver, receiver.receive(wire[:size], 0.0))
            wire = wire[size:]
            while events := receiver.receive(b"", 0.0):
                self.react(receiver, events)
        return any_came

    def react(self, receiver: ServerSession | ClientSession, events: Any) -> None:
        for event in events:
            if isinstance(event, Data):
                receiver.consumed(len(event.data))
            (self.heard_by_server if receiver is self.server else self.heard_by_client).append(event)
            if receiver is self.server and ((isinstance(event, Request) and event.body is not None) or isinstance(event, End)):
                self.answer()

    def answer(self) -> None:
        one = self.exchange
        assert one is not None
        for status in one.interim:
            self.server.send(Response(status))
        fields = [*one.answer_fields, *one.answer_body.length]
        self.server.send(Response(one.status, fields, one.answer_body.said, one.reason))
        for message in one.answer_body.messages:
            self.server.send(message)

    def hold(self, one: Exchange) -> None:
        self.exchange = one
        self.heard_by_server.clear()
        self.heard_by_client.clear()
        self.client.send(Request(one.method, one.target, Fields([("Host", "a"), *one.fields, *one.body.length]), body=one.body.said))
        for message in one.body.messages:
            self.client.send(message)
        while self.carry(self.client, self.server) or self.carry(self.server, self.client):
            pass


def body_of(events: list[Any]) -> tuple[bytes, list[tuple[str, str]]]:
    """The content and the trailers; of events that end with one `End`, and have no other."""
    if not events:
        return b"", []
    *pieces, end = events
    assert all(isinstance(piece, Data) for piece in pieces)
    assert isinstance(end, End)
    return b"".join(piece.data for piece in pieces), end.trailers.folded()


def own(fields: Any) -> list[tuple[str, str]]:
    """Those fields that the message's maker chose."""
    return [(name, value) for name, value in Fields(fields).folded() if name not in OURS]


def fits(one: Exchange) -> Exchange:
    """An answer that may have no body is given none."""
    if one.status in (204, 304) and one.answer_body.form != "chunks":
        one.answer_body = Body()
    return one


@given(st.lists(EXCHANGES.map(fits), min_size=1, max_size=4), st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_both_mean_the_same(exchanges: list[Exchange], sizes: list[int]) -> None:
    both = Together(sizes)
    for one in exchanges:
        both.hold(one)

        request, *rest = both.heard_by_server
        assert (request.method, request.target, own(request.fields)) == (one.method, one.target, Fields(one.fields).folded())
        assert body_of(rest) == (one.body.content, one.body.trailers_sent)

        *interim, response = [event for event in both.heard_by_client if isinstance(event, Response)]
        assert [early.status for early in interim] == one.interim
        assert (response.status, own(response.fields)) == (one.status, Fields(one.answer_fields).folded())
        assert one.reason is None or response.reason == one.reason
        has_body = one.method != "HEAD" and one.status not in (204, 304)
        content = (one.answer_body.content, one.answer_body.trailers_sent) if has_body else (b"", [])
        assert body_of(both.heard_by_client[len(interim) + 1 :]) == content

        assert both.client.idle
        assert not both.ended
        assert not both.server.closed


@given(EXCHANGES.map(fits), st.sampled_from(["asked", "answered"]), st.integers(1, 50))
def test_both_know_when_the_connection_ends(one: Exchange, who: str, size: int) -> None:
    (one.fields if who == "asked" else one.answer_fields).append(("Connection", "close"))
    both = Together([size])
    both.hold(one)
    response = [event for event in both.heard_by_client if isinstance(event, Response)][-1]
    assert Fields(response.fields).tokens("connection") == ["close"]
    assert isinstance(both.heard_by_client[-1], End)
    assert both.ended
    assert both.client.closed
    assert both.server.receive_eof(0.0) == ()
    both.server.receive(b"", 0.0)
    assert both.server.closed
