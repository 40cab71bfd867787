"""Accounts for tests: who keeps them, the clock that they go by, and the mails with codes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from tests.irc.talk import START, MemoryStore
from wirespeak.errors import Refused
from wirespeak.irc.accounts import Accounts, AccountSettings
from wirespeak.irc.kept import Account, KeptChannel
from wirespeak.sasl import Accepted, Challenge, client_mechanism

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


class Clock:
    """Goes when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Post:
    """Takes the mails, and keeps the codes in them."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.codes: dict[str, str] = {}
        self.fault = fault

    async def __call__(self, address: str, account: str, code: str) -> None:
        if self.fault is not None:
            raise self.fault
        self.codes[account] = code


class Office:
    """Accounts, with the clock that they go by; `again` opens them as after a restart."""

    def __init__(self, store: Any = None, *, mail: Any = None, **settings: Any) -> None:
        self.store = store or MemoryStore()
        self.clock = Clock()
        self.settings = AccountSettings(**settings)
        self.mail = mail
        self._count = itertools.count(1)
        self.accounts = self.again()

    def again(self) -> Accounts:
        return Accounts(self.store, self.settings, clock=self.clock, random=lambda n: next(self._count).to_bytes(n, "big"), mail=self.mail)

    def registered(self, name: str, password: str = "mellon-friend", **options: Any) -> Account:
        return run(self.accounts.register(name, password, **options))

    def channel(self, name: str, founder: str = "ann") -> KeptChannel:
        return run(self.accounts.register_channel(KeptChannel(name, founder, START, START)))

    def log_in(self, name: str, password: str, mechanism: str = "SCRAM-SHA-256", address: str = "192.0.2.1") -> str | None:
        """Log in by SASL: as whom, None where it is denied."""
        accounts = self.accounts
        server = accounts.authenticator(address).start(mechanism, nonce=b"0" * 18, secure=True)
        client = client_mechanism([mechanism], name, password, nonce=b"1" * 18, secure=True)
        response = client.initial()
        while True:
            step = run(accounts.advance(server, response, address))
            if isinstance(step, Challenge):
                response = client.step(step.data)
            else:
                return step.user if isinstance(step, Accepted) else None


def said(coroutine: Coroutine[Any, Any, Any]) -> str:
    """The code by which something is refused."""
    with pytest.raises(Refused) as refused:
        run(coroutine)
    return str(refused.value.reply)
