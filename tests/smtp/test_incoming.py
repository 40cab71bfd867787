"""A mail's data on its way into the spool: its header held and looked at, in pieces of any size; what waits, waits in order."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.smtp.talk import Box
from wirespeak.smtp.incoming import Incoming, distinct, one_for_all, one_for_each
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.messages import Recipient, Reply
from wirespeak.smtp.trace import HEAD_LIMIT
from wirespeak.smtp.transaction import Outcome, Route, Transaction

BOB, EVE = Recipient(Mailbox("bob", "home.test")), Recipient(Mailbox("eve", "home.test"))
REFUSED = Reply(554, "No", "5.7.1")


class Desk:
    """A host that notes what it is asked and told; a task, and the answer about a header, wait until `go_on`."""

    def __init__(self, box: Box, *, waits: bool = False, verdict: Reply | None = None, **options: Any) -> None:
        self.box = box
        self.heads: list[bytes] = []
        self.taken = 0
        self.ended = 0
        self._waits = waits
        self._verdict = verdict
        self._then: Callable[[Reply | None], None] | None = None
        self._tasks: list[Coroutine[Any, Any, None]] = []
        self.mail = Incoming(self, Transaction(hostname="mx.home.test", id="3f1c"), box, [Route(BOB, box, "home.test/bob")], **options)

    def consumed(self, count: int) -> None:
        self.taken += count

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(coroutine)

    def ask_about_header(self, head: bytes, then: Callable[[Reply | None], None]) -> None:
        self.heads.append(head)
        if self._waits:
            self._then = then
        else:
            then(self._verdict)

    def whole(self, mail: Incoming) -> None:
        self.ended += 1

    def failed(self, error: BaseException) -> Reply:
        return Reply(451, str(error), "4.3.0")

    def go_on(self) -> None:
        """Answer what was asked, and let what was started run."""
        while self._then is not None or self._tasks:
            if self._tasks:
                with pytest.raises(StopIteration):
                    self._tasks.pop(0).send(None)
            else:
                then, self._then = self._then, None
                assert then is not None
                then(self._verdict)

    @property
    def kept(self) -> bytes:
        return b"".join(self.mail.spool.pieces())


async def at_once() -> None: ...


HEADS = {
    b"A: b\r\n c\r\n\r\nbody": b"A: b\r\n c\r\n",
    b"A: b\r\n\r\n": b"A: b\r\n",
    b"A: b\r\n": b"A: b\r\n",
    b"\r\nbody": b"",
    b"no field\r\n\r\nbody": b"",
    b"A": b"",
    b"": b"",
}
"""Mails, and what of each is its header."""


@given(mail=st.sampled_from(list(HEADS)), cuts=st.lists(st.integers(0, 20), max_size=5), waits=st.booleans(), slow=st.booleans())
def test_whatever_the_pieces_the_header_is_shown_once_and_the_mail_is_kept(mail: bytes, cuts: list[int], waits: bool, slow: bool) -> None:
    desk = Desk(Box(slow=at_once if slow else None), waits=waits, shows_header=True)
    places = [0, *sorted(min(cut, len(mail)) for cut in cuts), len(mail)]
    for start, end in pairwise(places):
        desk.mail.data(mail[start:end])
    desk.mail.end()
    desk.go_on()
    assert desk.heads == [HEADS[mail]]
    assert desk.kept == mail
    assert (desk.taken, desk.ended) == (len(mail), 1)


def test_where_nobody_wants_the_header_nothing_is_held() -> None:
    desk = Desk(Box())
    desk.mail.data(b"Sub")
    assert desk.kept == b"Sub"
    desk.mail.end()
    assert (desk.heads, desk.ended) == ([], 1)


def test_what_is_refused_is_dropped_and_still_consumed() -> None:
    desk = Desk(Box(), shows_header=True, verdict=REFUSED)
    desk.mail.data(b"A: b\r\n\r\nbody")
    desk.mail.data(b"more")
    desk.mail.end()
    assert (desk.mail.refusal, desk.taken, desk.ended, desk.box.abandoned) == (REFUSED, 16, 1, 1)


def test_a_header_that_is_too_long_is_held_no_further() -> None:
    desk = Desk(Box(), complete=True)
    line = b"X: " + b"y" * 995 + b"\r\n"
    for _ in range(HEAD_LIMIT // 1000 + 1):
        assert desk.mail.refusal is None
        desk.mail.data(line)
    assert desk.mail.refusal is not None
    assert str(desk.mail.refusal) == "552 5.3.4 The header of this mail has more than 256 KB"
    assert desk.kept == b""


@pytest.mark.parametrize("step", ["write", "wait"])
def test_a_piece_that_can_not_be_kept(step: str) -> None:
    """What is refused already is shown to no hook."""
    desk = Desk(Box(full=step, slow=at_once), shows_header=True)
    desk.mail.data(b"\r\none")
    desk.mail.data(b"two")
    desk.mail.end()
    desk.go_on()
    assert str(desk.mail.refusal) == "451 4.3.0 the disk is full"
    assert (desk.heads, desk.taken, desk.ended, desk.box.abandoned) == ([], 8, 1, 1)


# --- several recipients


OK, LATER = Reply(250, "Ok", "2.0.0"), Reply(450, "Later", "4.2.0")


def test_one_for_all_is_the_one_that_can_be_tried_again() -> None:
    assert one_for_all([Outcome(BOB, OK), Outcome(EVE, OK)]) is None
    assert one_for_all([Outcome(BOB, OK), Outcome(EVE, REFUSED)]) is REFUSED
    assert one_for_all([Outcome(BOB, REFUSED), Outcome(EVE, LATER)]) is LATER


def test_one_for_each_of_whom_some_are_reached_by_the_same_way() -> None:
    box, other = Box(), Box()
    bob, eve, again = Route(BOB, box, "home.test/bob"), Route(EVE, box, "home.test/eve"), Route(EVE, box, "home.test/bob")
    elsewhere = Route(EVE, other, "home.test/bob")
    found = [[bob], [eve, again], [elsewhere]]
    routes = distinct(found)
    assert [(route.delivery is box, route.target) for route in routes] == [
        (True, "home.test/bob"),
        (True, "home.test/eve"),
        (False, "home.test/bob"),
    ]
    outcomes = [Outcome(route.recipient, reply) for route, reply in zip(routes, (OK, LATER, REFUSED), strict=True)]
    assert one_for_each(found, routes, outcomes) == [None, LATER, REFUSED]
