"""SMTP: mail taken and forgotten, mail taken and kept, and small mails beside large ones. The load is smtp-source.

smtp-source waits for each answer before it says more, and makes a connection for each mail, as most who send mail here and there do;
in one row it keeps its connections. The mails have several sizes, in turn.
"""

from __future__ import annotations

import threading
from functools import partial

from bench import cpu
from bench.loads import Load, crossing, measured, smtp_source
from bench.mail_servers import BOX, DOMAIN, await_delivery, discarding, storing
from bench.model import Promise, Row, Sample
from bench.peers import Running, Server, started
from bench.rows.place import Place

__all__ = ["rows"]

CLIENTS = 20
RECIPIENT = f"{BOX}@{DOMAIN}"

SMALL_MAILS = 100
LARGE_MAIL = 50_000_000
LOOK_EVERY = 0.1  # seconds between two looks at the memory


def rows(place: Place) -> list[Row]:
    taken = [Promise("smtp-sink", 2.2, 1.5), Promise("aiosmtpd", 0.4, 0.33)]
    kept = [Promise("Postfix", 0.5, 0.33)]
    unit = "µs of CPU a mail"
    return [
        Row("smtp-discard", "SMTP", "mail received and discarded", unit, discarding(), partial(forgotten, place, False), taken),
        Row("smtp-lasting", "SMTP", "the same, over lasting connections", unit, discarding(), partial(forgotten, place, True), taken),
        Row(
            "smtp-durable", "SMTP", f"mail received and durable on disk, {CLIENTS} clients", unit, storing(), partial(durable, place), kept
        ),
        Row(
            "smtp-large",
            "SMTP",
            f"{SMALL_MAILS} small mails while large ones of 50 MB come in",
            "ms until a small mail is taken (99 of 100)",
            storing(),
            partial(beside_large, place),
        ),
    ]


def forgotten(place: Place, lasting: bool, server: Server, seconds: float) -> Sample:
    """CPU time a mail."""
    with started(server, place.folder) as running:
        return measured(running, partial(smtp_source, running, CLIENTS, RECIPIENT, lasting), place.warm_up, seconds)


def durable(place: Place, server: Server, seconds: float) -> Sample:
    """CPU time a mail, from its coming until it is in the Maildir."""

    sent = 0

    def load(running: Running, seconds: float) -> Load:
        nonlocal sent
        done = smtp_source(running, CLIENTS, RECIPIENT, False, seconds)
        sent += done.units
        await_delivery(running, sent)
        return done

    with started(server, place.folder) as running:
        return measured(running, partial(load, running), place.warm_up, seconds)


def beside_large(place: Place, server: Server, _seconds: float) -> Sample:
    """How long small mails take beside large ones, and the most memory that is used meanwhile."""
    with started(server, place.folder) as running:
        smtp_source(running, CLIENTS, RECIPIENT, False, 0.0)  # until what is loaded late is loaded
        most = [cpu.memory(running.pid).proportional]
        over = threading.Event()

        def look() -> None:
            while not over.wait(LOOK_EVERY):
                most.append(cpu.memory(running.pid).proportional)

        looking = threading.Thread(target=look)
        looking.start()
        try:
            sample = measured(running, lambda _: crossing(running, SMALL_MAILS, LARGE_MAIL, RECIPIENT), 0.0, 1.0)
        finally:
            over.set()
            looking.join()
    sample.figure, sample.resident = sample.p99, max(most)
    return sample
