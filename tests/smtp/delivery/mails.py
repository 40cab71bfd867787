"""Mails to be delivered, and how: what the tests of all deliveries share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.messages import Recipient, Sender
from wirespeak.smtp.transaction import Delivery, Outcome, Route, Transaction

MAIL = b"Subject: lunch\r\n\r\nAt one?\r\n.\r\nAnn\r\n"
FRONT = b"Return-Path: <ann@away.test>\nReceived: from mx.away.test ([192.0.2.7])\n\tby mx.home.test with ESMTP id 3f1c"


def transaction(*recipients: str, body: str = "8BITMIME", sender: str | None = "ann@away.test", lmtp: bool = False) -> Transaction:
    """A mail from ann@away.test to ``recipients``."""
    return Transaction(
        peer=("192.0.2.7", 40123),
        hostname="mx.home.test",
        hello="mx.away.test",
        esmtp=True,
        lmtp=lmtp,
        id="3f1c",
        received_at=1_795_280_400.0,
        sender=Sender(Mailbox.parse(sender) if sender else None, body=body),
        recipients=[Recipient(Mailbox.parse(recipient)) for recipient in recipients],
    )


def routes(delivery: Delivery, mail: Transaction) -> list[Route]:
    return [Route(each, delivery, f"{each.mailbox.domain}/{each.mailbox.local}") for each in mail.recipients]


async def hand_over(delivery: Delivery, mail: Transaction, pieces: Sequence[bytes] = (MAIL,), *, to: Sequence[Route] = ()) -> list[Outcome]:
    """What a server does with a mail, from DataBegin to its outcome."""
    ways = to or routes(delivery, mail)
    spool = delivery.open(mail, ways)
    try:
        for piece in pieces:
            if (wait := spool.write(piece)) is not None:
                await wait
        outcomes: Any = delivery.deliver(mail, spool, ways)
        return list(await outcomes if isinstance(outcomes, Awaitable) else outcomes)
    except BaseException:
        spool.abandon()
        raise


def delivered(delivery: Delivery, mail: Transaction, pieces: Sequence[bytes] = (MAIL,), *, to: Sequence[Route] = ()) -> list[str]:
    """The replies, as text, to a mail that is handed over."""
    outcomes = asyncio.run(hand_over(delivery, mail, pieces, to=to))
    assert [outcome.recipient for outcome in outcomes] == [way.recipient for way in to or routes(delivery, mail)]
    return [str(outcome.reply) for outcome in outcomes]
