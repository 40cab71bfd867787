"""The family of errors: as the tree in its file draws it, and as those who catch them expect."""

from __future__ import annotations

import builtins
import errno
import inspect
import pickle
import re

import pytest

from wirespeak import errors
from wirespeak.errors import (
    AddressError,
    ConnectError,
    ConnectionLost,
    HostNotFound,
    IncompleteMessage,
    LimitExceeded,
    ListenError,
    LocalProtocolError,
    RemoteProtocolError,
    StorageError,
    TimeoutError,
    TLSError,
    WirespeakError,
)

ROW = re.compile(r"^    (?P<branch>(?:[│ ]   )*[├└]── )?(?P<name>[A-Z]\w+)(?:  .*)?$", re.MULTILINE)


def drawn() -> dict[str, str | None]:
    """Each class of the drawing, with the one it hangs on."""
    parents: dict[str, str | None] = {}
    path: list[str] = []
    for row in ROW.finditer(inspect.getdoc(errors) or ""):
        depth = len(row["branch"] or "") // 4
        parents[row["name"]] = path[depth - 1] if depth else None
        path[depth:] = [row["name"]]
    return parents


def family() -> dict[str, type[WirespeakError]]:
    return {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, WirespeakError)}


def test_the_tree_is_drawn_as_it_is() -> None:
    there = {
        name: next((base.__name__ for base in kind.__bases__ if issubclass(base, WirespeakError)), None) for name, kind in family().items()
    }
    assert drawn() == there


def test_the_whole_family_is_public() -> None:
    assert sorted(errors.__all__) == sorted(family())


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (TimeoutError, builtins.TimeoutError),
        (ConnectError, ConnectionError),
        (HostNotFound, ConnectionError),
        (ConnectionLost, ConnectionError),
        (ListenError, OSError),
        (StorageError, OSError),
        (AddressError, ValueError),
    ],
)
def test_what_has_a_namesake_is_caught_by_it(ours: type[WirespeakError], theirs: type[Exception]) -> None:
    with pytest.raises(theirs):
        raise ours("what happened")


@pytest.mark.parametrize("kind", [LocalProtocolError, RemoteProtocolError, LimitExceeded, TLSError])
def test_what_has_none_is_no_error_of_the_system(kind: type[WirespeakError]) -> None:
    assert not issubclass(kind, (OSError, ValueError))


@pytest.mark.parametrize("kind", family().values(), ids=lambda kind: kind.__name__)
def test_an_error_reads_as_its_message(kind: type[WirespeakError]) -> None:
    assert str(kind("what happened, and what to do")) == "what happened, and what to do"


def test_an_error_without_a_message_is_silent() -> None:
    assert str(WirespeakError()) == ""


def test_the_number_of_a_system_error_is_kept_and_not_shown() -> None:
    error = ListenError(errno.EADDRINUSE, "another program listens there")
    assert str(error) == "another program listens there"
    assert error.errno == errno.EADDRINUSE


def test_a_broken_protocol_says_where_and_which_clause() -> None:
    error = RemoteProtocolError("a space before the colon", code=400, offset=21, clause="RFC 9112 5.1")
    assert str(error) == "a space before the colon (byte 21, RFC 9112 5.1)"
    assert (error.code, error.offset, error.clause) == (400, 21, "RFC 9112 5.1")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (RemoteProtocolError("no"), "no"),
        (RemoteProtocolError("no", offset=0), "no (byte 0)"),
        (RemoteProtocolError("no", clause="RFC 854"), "no (RFC 854)"),
    ],
)
def test_it_says_no_more_than_it_knows(error: RemoteProtocolError, text: str) -> None:
    assert str(error) == text
    assert error.code == 0


def test_a_message_cut_short_is_a_broken_protocol_too() -> None:
    with pytest.raises(RemoteProtocolError):
        raise IncompleteMessage("the stream ended after 3 of 5 bytes", code=400)


def test_an_error_survives_the_way_between_processes() -> None:
    error = RemoteProtocolError("no", code=400, offset=3, clause="RFC 854")
    there = pickle.loads(pickle.dumps(error))
    assert (type(there), str(there), there.code, there.offset, there.clause) == (RemoteProtocolError, str(error), 400, 3, "RFC 854")
