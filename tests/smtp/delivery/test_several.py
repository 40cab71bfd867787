"""Discarding, and mails whose recipients go different ways."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.smtp.delivery.mails import MAIL, delivered, routes, transaction
from tests.smtp.delivery.test_maildir import LARGE, mails
from tests.sockets.serving import until
from wirespeak.smtp.delivery import Several, for_routes
from wirespeak.smtp.delivery.discard import Discard
from wirespeak.smtp.delivery.maildir import Maildir
from wirespeak.smtp.transaction import Delivery, Route, Transaction


def ways(mail: Transaction, *deliveries: Delivery) -> list[Route]:
    """A route for each recipient, in order, by each of ``deliveries``."""
    return [Route(each, by, f"home.test/{each.mailbox.local}") for each, by in zip(mail.recipients, deliveries, strict=True)]


def test_discard_takes_every_mail_at_once_and_waits_for_nothing() -> None:
    discard, mail = Discard(), transaction("bob@home.test", "eve@home.test")
    spool = discard.open(mail, routes(discard, mail))
    assert spool.write(bytes(1 << 20)) is None
    assert list(spool.pieces()) == []
    outcomes = discard.deliver(mail, spool, routes(discard, mail))
    assert [(str(outcome.recipient.mailbox), str(outcome.reply)) for outcome in outcomes] == [
        ("bob@home.test", "250 2.0.0 Ok"),
        ("eve@home.test", "250 2.0.0 Ok"),
    ]
    spool.abandon()


def test_routes_of_one_delivery_are_given_to_it_alone() -> None:
    discard, mail = Discard(), transaction("bob@home.test", "eve@home.test")
    assert for_routes(ways(mail, discard, discard)) is discard
    assert isinstance(for_routes(ways(mail, discard, Discard())), Several)


def test_each_delivery_gets_the_whole_mail_and_outcomes_stand_in_the_order_of_the_routes(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    here, gone = Maildir(tmp_path / "here"), Maildir(tmp_path / "gone")
    mail = transaction("ann@home.test", "bob@home.test", "cy@home.test", "di@home.test")
    to = ways(mail, gone, here, Discard(), here)
    assert delivered(for_routes(to), mail, to=to) == [
        "452 4.3.1 Insufficient system storage",
        "250 2.0.0 Ok",
        "250 2.0.0 Ok",
        "250 2.0.0 Ok",
    ]
    for name in ("bob", "di"):
        [kept] = mails(tmp_path / "here" / "home.test" / name)
        assert kept.endswith(MAIL.replace(b"\r\n", b"\n"))


def test_a_large_mail_is_written_to_all(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    mail = transaction("bob@home.test", "eve@home.test")
    to = ways(mail, Maildir(tmp_path / "a"), Maildir(tmp_path / "b"))
    assert delivered(for_routes(to), mail, LARGE, to=to) == ["250 2.0.0 Ok"] * 2
    for path in (tmp_path / "a/home.test/bob", tmp_path / "b/home.test/eve"):
        assert mails(path)[0].endswith(b"".join(LARGE).replace(b"\r\n", b"\n"))


def test_it_is_read_once_and_abandoned_everywhere(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    mail = transaction("ann@home.test", "bob@home.test", "cy@home.test")
    to = ways(mail, Discard(), Maildir(tmp_path / "a"), Maildir(tmp_path / "b"))

    async def main() -> None:
        spool = for_routes(to).open(mail, to)
        for piece in LARGE:
            if (wait := spool.write(piece)) is not None:
                await wait
        assert b"".join(spool.pieces()) == b"".join(LARGE)
        spool.abandon()

    asyncio.run(main())
    until(lambda: not [path for path in tmp_path.rglob("*") if path.is_file()])
