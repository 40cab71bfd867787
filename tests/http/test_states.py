"""The tables of states: every row is one that conversations take, and a missing row is the protocol error."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from tests.http.dialog import GET, UPGRADE, Dialog, nothing, post, refuse, upgrade
from tests.http.test_client_session import asking
from wirespeak.errors import LocalProtocolError
from wirespeak.http import client_session, session, states
from wirespeak.http.client_session import ClientSession
from wirespeak.http.fields import Fields
from wirespeak.http.messages import Data, End, Request, Response
from wirespeak.http.states import CLIENT_READS, CLIENT_WRITES, SERVER_READS, SERVER_WRITES, Event, Reads, Writes
from wirespeak.states import diagram

TABLES: dict[str, Any] = {
    "SERVER_READS": SERVER_READS,
    "SERVER_WRITES": SERVER_WRITES,
    "CLIENT_READS": CLIENT_READS,
    "CLIENT_WRITES": CLIENT_WRITES,
}
STARTS = {"READS": Reads.HEAD, "WRITES": Writes.IDLE}


@pytest.mark.parametrize("name", TABLES)
def test_every_state_of_a_row_can_be_reached_and_left_for_the_end(name: str) -> None:
    table = TABLES[name]
    start = STARTS[name.split("_")[1]]
    end = Reads.DISCARD if start is Reads.HEAD else Writes.CLOSED
    reached = {start}
    for _ in table:
        reached |= {after for (before, _), after in table.items() if before in reached}
    assert reached == {before for before, _ in table}
    for state in reached:
        assert table[state, Event.CLOSE] is end, f"{state.name}: a connection may end at any time (RFC 9112 9.6)"


@pytest.mark.parametrize("name", TABLES)
def test_a_drawing_can_be_made_of_it(name: str) -> None:
    drawn = diagram(TABLES[name], start=STARTS[name.split("_")[1]])
    for before, _ in TABLES[name]:
        assert f" {before.name} -->" in drawn


def test_a_server_has_no_state_of_the_client_alone() -> None:
    """A client's answer is never due; it waits for one."""
    assert not any(before is Writes.ANSWER for before, _ in CLIENT_WRITES)
    assert all(before in Reads for before, _ in CLIENT_READS)


# --- every row is used

UP = Request("POST", "/", Fields({"Host": "a", "Connection": "upgrade", "Upgrade": "echo"}), body=iter(()))
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n"
BAD = b"bad\r\n\r\n"


def server(*steps: Any, answer: Any = nothing, **options: Any) -> None:
    """A conversation with the server: bytes come, messages are said, None is the peer's end."""
    dialog = Dialog(answer, **options)
    for step in steps:
        if step is None:
            dialog.hear_end()
        elif isinstance(step, bytes):
            dialog.hear(step)
        else:
            dialog.say(step)
        dialog.settle()


def client(*steps: Any) -> None:
    """One with the client's side."""
    mine = ClientSession()
    for step in steps:
        if step is None:
            mine.receive_eof(0.0)
        elif isinstance(step, bytes):
            mine.receive(step, 0.0)
            while mine.receive(b"", 0.0):
                pass
        else:
            mine.send(step)


STREAM = Response(body=iter(()))
ASKED = Request("GET", "/", Fields({"Host": "a"}))
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

CONVERSATIONS: list[Callable[[], None]] = [
    lambda: server(BAD, b"more", None),
    lambda: server(GET, Response(103), Response(), GET, STREAM, Data(b"x"), End(), post("Content-Length: 2"), b"hi", Response()),
    lambda: server(post("Transfer-Encoding: chunked"), b"1\r\nx\r\n", b"bad\r\n", None),
    lambda: server(post("Transfer-Encoding: chunked"), b"1\r\nx\r\n0\r\n\r\n", Response(fields={"Connection": "close"})),
    lambda: server(post(f"Content-Length: {1 << 30}"), answer=refuse, reads_body=False),
    lambda: server(post("Transfer-Encoding: chunked"), Response(), BAD),
    lambda: server(post("Transfer-Encoding: chunked"), STREAM, End(), BAD),
    lambda: server(post("Transfer-Encoding: chunked"), STREAM, b"no size\r\n"),
    lambda: server(UPGRADE, b"in", Data(b"out"), None, End(), answer=upgrade),
    lambda: server(UPGRADE, End(), b"in", None, answer=upgrade),
    lambda: server(GET.replace(b"Host", b"Connection: close\r\nHost"), STREAM, Data(b"x"), End(), b"more", None),
    lambda: client(BAD, BAD, None),
    lambda: client(
        ASKED, b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n", ASKED, CHUNKS, b"1\r\nx\r\n0\r\n\r\n", None
    ),
    lambda: client(ASKED, b"HTTP/1.1 200 OK\r\n\r\n", b"x", None),
    lambda: client(ASKED, BAD),
    lambda: client(ASKED, CHUNKS, b"1\r\nx\r\n", b"no size\r\n"),
    lambda: client(ASKED, b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", None),
    lambda: client(UP, Data(b"x"), End(), SWITCHED, b"in", Data(b"out"), End(), None),
    lambda: client(UP, Data(b"x"), BAD),
    lambda: client(UP, End(), SWITCHED, None, End()),
]


class Looked(dict[Any, Any]):
    """A table that notes which of its rows are looked up."""

    def __init__(self, table: Any) -> None:
        super().__init__(table)
        self.rows: set[Any] = set()

    def __getitem__(self, row: Any) -> Any:
        self.rows.add(row)
        return super().__getitem__(row)

    def get(self, row: Any, default: Any = None) -> Any:
        self.rows.add(row)
        return super().get(row, default)

    def __contains__(self, row: object) -> bool:
        self.rows.add(row)
        return super().__contains__(row)


def test_every_row_that_leads_on_is_one_that_conversations_take(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = {name: Looked(table) for name, table in TABLES.items()}
    for name, table in looked.items():
        monkeypatch.setattr(session if name.startswith("SERVER") else client_session, name, table)
    for conversation in CONVERSATIONS:
        conversation()
    for name, table in looked.items():
        unused = [
            (before.name, event.name)
            for (before, event), after in TABLES[name].items()
            if before is not after and (before, event) not in table.rows
        ]
        assert not unused, f"{name}: rows that no conversation takes"


def test_the_tables_of_the_sessions_are_these() -> None:
    for name, table in TABLES.items():
        assert getattr(session if name.startswith("SERVER") else client_session, name) is table is getattr(states, name)


# --- a missing row is the protocol error

SAYING: dict[Event, Any] = {
    Event.INTERIM: Response(103),
    Event.RESPONSE: Response(),
    Event.RESPONSE_HEAD: STREAM,
    Event.DATA: Data(b"x"),
    Event.END: End(),
}

IN_STATE: dict[Writes, Callable[[], Dialog]] = {
    Writes.IDLE: Dialog,
    Writes.ANSWER: lambda: having(nothing, GET),
    Writes.BODY: lambda: having(nothing, GET, STREAM),
    Writes.DONE: lambda: having(nothing, post("Transfer-Encoding: chunked"), Response()),
    Writes.CLOSED: lambda: having(nothing, BAD),
}


def having(answer: Any, *steps: Any) -> Dialog:
    dialog = Dialog(answer)
    for step in steps:
        dialog.hear(step) if isinstance(step, bytes) else dialog.say(step)
    dialog.take()
    return dialog


@pytest.mark.parametrize(("state", "event"), [row for row in product(IN_STATE, SAYING) if row not in SERVER_WRITES])
def test_what_the_servers_table_does_not_have_is_refused(state: Writes, event: Event) -> None:
    dialog = IN_STATE[state]()
    assert dialog.session._writes is state
    with pytest.raises(LocalProtocolError):
        dialog.say(SAYING[event])
    assert dialog.take() == b""
    assert dialog.session._writes is state


@pytest.mark.parametrize(("state", "event"), [row for row in product(IN_STATE, SAYING) if row in SERVER_WRITES])
def test_what_it_has_leads_where_it_says(state: Writes, event: Event) -> None:
    dialog = IN_STATE[state]()
    dialog.say(SAYING[event])
    # What is done with on both sides goes on to the next exchange in the same breath.
    assert dialog.session._writes is (Writes.IDLE if SERVER_WRITES[state, event] is Writes.DONE else SERVER_WRITES[state, event])


ASKING: dict[Event, Any] = {Event.REQUEST: ASKED, Event.REQUEST_HEAD: UP, Event.DATA: Data(b"x"), Event.END: End()}

CLIENT_IN_STATE: dict[Writes, Callable[[], ClientSession]] = {
    Writes.IDLE: ClientSession,
    Writes.BODY: lambda: asking(UP),
    Writes.DONE: lambda: asking(ASKED),
}


@pytest.mark.parametrize(("state", "event"), list(product(CLIENT_IN_STATE, ASKING)))
def test_the_clients_table_is_kept_in_the_same_way(state: Writes, event: Event) -> None:
    mine = CLIENT_IN_STATE[state]()
    assert mine._writes is state
    if (state, event) in CLIENT_WRITES:
        mine.send(ASKING[event])
        assert mine._writes is CLIENT_WRITES[state, event]
    else:
        with pytest.raises(LocalProtocolError):
            mine.send(ASKING[event])
        assert mine.data_to_send() == []
        assert mine._writes is state
