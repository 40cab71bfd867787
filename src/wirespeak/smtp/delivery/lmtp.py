"""Mail passed on to another server over LMTP (RFC 2033): to the one that keeps the mailboxes, mostly.

LMTP has an answer for each recipient behind the mail's end, and a server that speaks it keeps no queue: so what it answers is passed
on to our client as it is, and a 250 of ours stands for one of its (RFC 2033 4.2). Nothing is kept here; a connection is, for the
next mail. Speaks through ``client.py``.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Final, Unpack

from wirespeak.contract import Signal
from wirespeak.errors import LocalProtocolError, Refused, StorageError, WirespeakError
from wirespeak.smtp.client import Client, Options, Report, Settings
from wirespeak.smtp.delivery.spool import WRITERS, FileSpool, nameless
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.messages import Recipient, Reply
from wirespeak.smtp.trace import received
from wirespeak.smtp.transaction import Outcome, Route, Spool, Transaction
from wirespeak.sockets.address import Address
from wirespeak.sockets.aio_network import AsyncNetwork

__all__ = ["Lmtp"]

logger = logging.getLogger("wirespeak.smtp")

# A connection that was idle for longer is not used again: servers end theirs after some minutes (RFC 5321 4.5.3.2.7), and one that
# is about to do so would take the mail with it.
IDLE_TIME: Final = 60.0

TAKEN: Final = Reply(250, "Ok", "2.0.0")
UNREACHABLE: Final = Reply(451, "The server that keeps the mailboxes can't be reached just now", "4.4.1")
BROKEN_OFF: Final = Reply(451, "The conversation with the server that keeps the mailboxes was broken off", "4.4.2")
UNSUITED: Final = Reply(554, "The server that keeps the mailboxes can't take a mail of this kind", "5.6.3")

# What no reply of ours may hold; and what is told of another server's is not to grow past one line (RFC 5321 4.5.3.1.5).
UNSENDABLE: Final = re.compile(r"[^\x20-\x7e]+")
LONGEST_TEXT: Final = 400


class Lmtp:
    """Delivers to the server at ``address``, ``host:port`` or ``unix:/path`` (`transaction.Delivery`).

    Up to ``most`` connections are made, and kept while mail comes; other mails wait for one. ``settings`` are those of
    `client.Client.connect`; unless they say otherwise, TLS is demanded from any other machine.
    """

    def __init__(self, address: str | Address, *, most: int = 16, **settings: Unpack[Settings]) -> None:
        self._address = address if isinstance(address, Address) else Address.parse(address)
        self._settings: Settings = {**settings, "lmtp": True}
        self._network = AsyncNetwork()
        self._free = most
        self._waiting: deque[Signal] = deque()
        self._idle: list[tuple[Client, float]] = []  # the one used last is at the end, and used next

    def open(self, transaction: Transaction, routes: Sequence[Route]) -> FileSpool:
        return FileSpool(nameless, front=received(transaction))

    async def deliver(self, transaction: Transaction, spool: Spool, routes: Sequence[Route]) -> list[Outcome]:
        assert isinstance(spool, FileSpool), "a mail is delivered by who opened it"
        spool.take()
        await self._take_turn()
        try:
            return await self._deliver(transaction, spool, routes)
        finally:
            WRITERS.start(spool.close)
            self._leave()

    async def close(self) -> None:
        """Say goodbye to the server, on the connections that are kept."""
        idle, self._idle = self._idle, []
        for client, _ in idle:
            await client.close()

    # --- a mail

    async def _deliver(self, transaction: Transaction, spool: FileSpool, routes: Sequence[Route]) -> list[Outcome]:
        try:
            client = await self._connected()
        except WirespeakError as error:
            logger.error("%s: %s", transaction.id, error)
            return [Outcome(route.recipient, UNREACHABLE) for route in routes]
        boxes = [_mailbox(route.target) for route in routes]
        try:
            report = await self._send(client, transaction, spool, routes, boxes)
        except StorageError:
            raise
        except (Refused, LocalProtocolError) as error:
            logger.error("%s: %s", transaction.id, error)
            return [Outcome(route.recipient, UNSUITED) for route in routes]
        except WirespeakError as error:
            logger.error("%s: %s", transaction.id, error)
            return [Outcome(route.recipient, BROKEN_OFF) for route in routes]
        refused = {box: _told(reply) for box, reply in report.refused.items()}
        return [Outcome(route.recipient, refused.get(box, TAKEN)) for route, box in zip(routes, boxes, strict=True)]

    async def _send(
        self, client: Client, transaction: Transaction, spool: FileSpool, routes: Sequence[Route], boxes: Sequence[Mailbox]
    ) -> Report:
        """Say it to the server. A connection on which this ends in good order is kept."""
        sender = transaction.sender
        assert sender is not None, "a mail without MAIL"
        asked = [Recipient(box) for box in boxes]
        options: Options = {"size": spool.size, "utf8": sender.utf8}
        if "DSN" in client.smtp.extensions:
            asked = [Recipient(box, route.recipient.notify, route.recipient.orcpt) for box, route in zip(boxes, routes, strict=True)]
            options |= {"ret": sender.ret, "envid": sender.envid}
        if sender.body == "BINARYMIME":
            options["body"] = "BINARYMIME"  # of others, what is in them counts: many that are 8BITMIME don't say so
        try:
            report = await client.send(spool.content() if spool.is_small else _pieces(spool), sender.mailbox, asked, **options)
        except Refused as error:
            self._idle.append((client, self._network.now()))
            if error.report is None:
                raise
            report = error.report
        except BaseException:
            await client.close()
            raise
        else:
            self._idle.append((client, self._network.now()))
        return report

    # --- connections

    async def _connected(self) -> Client:
        """A connection that stands, or a new one."""
        while self._idle:
            client, since = self._idle.pop()
            if self._network.now() - since < IDLE_TIME and not client.stream.stale() and not client.smtp.closed:
                return client
            await client.close()
        return await Client.connect(self._address, network=self._network, **self._settings)

    async def _take_turn(self) -> None:
        if self._free:
            self._free -= 1
        else:
            turn = self._network.signal()
            self._waiting.append(turn)
            await turn.wait(None)

    def _leave(self) -> None:
        if self._waiting:
            self._waiting.popleft().give()
        else:
            self._free += 1


def _mailbox(target: str) -> Mailbox:
    domain, _, local = target.partition("/")
    return Mailbox(local, domain)


async def _pieces(spool: FileSpool) -> AsyncIterator[bytes]:
    """A large mail, read in a thread."""
    yield spool.front
    pieces = spool.pieces()
    while piece := await WRITERS.run(next, pieces, b""):
        yield piece


def _told(reply: Reply) -> Reply:
    """Another server's reply, as ours."""
    return Reply(reply.code, UNSENDABLE.sub("?", reply.text.replace("\n", " "))[:LONGEST_TEXT], reply.enhanced)
