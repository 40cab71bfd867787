"""What a mail server decides: whom it lets in, whose mail it takes, and what becomes of it.

    Hello, Auth, Sender, Recipient ──▶ a verdict: ours, then the hook's (hooks.py) ──────▶ Reply
    DataBegin, Data, DataEnd ────────▶ spooled (incoming.py), then delivered (delivery/) ─▶ Reply

`SmtpServer` makes of recipients, hooks and settings a service that a listener can be given: for mail from other servers, for
submission (RFC 6409), or for LMTP (RFC 2033). Rules of the protocol, limits and deadlines are the session's (``session.py``).
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from copy import copy
from functools import partial
from random import getrandbits
from typing import Any, Final, TypeVar

from wirespeak import sasl
from wirespeak.contract import Link, Session, StartTLS
from wirespeak.errors import LocalProtocolError, RemoteProtocolError, StorageError
from wirespeak.smtp import replies
from wirespeak.smtp.counters import Counters
from wirespeak.smtp.delivery import for_routes
from wirespeak.smtp.hooks import Hook, Hooks
from wirespeak.smtp.incoming import Incoming, distinct, one_for_all, one_for_each
from wirespeak.smtp.limits import ServerLimits
from wirespeak.smtp.log import Entry, MailLog, Step
from wirespeak.smtp.messages import (
    Auth,
    AuthAnswer,
    Challenge,
    Data,
    DataBegin,
    DataEnd,
    Expand,
    Hello,
    Recipient,
    Reply,
    Reset,
    Sender,
    Verify,
)
from wirespeak.smtp.rate import RateLimit, client_of
from wirespeak.smtp.session import ServerSession
from wirespeak.smtp.trace import read_fields
from wirespeak.smtp.transaction import Outcome, Recipients, Route, Transaction
from wirespeak.sockets.address import Address, is_public
from wirespeak.sockets.listener import Listener, serve_until_stopped
from wirespeak.sockets.tasks import Cancelled, run_loop
from wirespeak.sockets.tcp import bind_all
from wirespeak.sockets.threads import Threads

__all__ = ["SmtpServer", "serve"]

logger = logging.getLogger("wirespeak.smtp")

T = TypeVar("T")
Then = Callable[[Reply | None], None]

# Passwords hashed at a time: each takes a core for some 40 ms, and mail is to be taken meanwhile.
HASHING: Final = Threads(2, "wirespeak-login")


class SmtpServer:
    """A service (`contract.Service`) that takes mail for ``recipients``, which may be replaced at any time.

    ``hostname`` is what it calls itself (RFC 5321 2.3.5). ``tls``, a server context, offers STARTTLS (RFC 3207). ``authenticator`` lets
    users log in: over TLS, or, with ``auth_in_clear`` and from this machine itself, in clear as well. With ``submission`` it takes mail
    from those alone who have, and completes its header (RFC 6409 8); with ``strip_bcc`` it takes Bcc out. With ``lmtp`` it speaks LMTP.
    ``tells_users``: whether VRFY and EXPN are answered (RFC 5321 7.3). The greeting is held back for ``greet_delay`` seconds, to find
    out who can't wait.

    A client, by its address, may come ``connections_a_minute`` times and send ``mails_a_minute``; None for any number. ``limits`` bound a
    connection. ``log`` and ``counters``, where given, learn of each mail and each refusal. ``clock``: seconds since 1970.
    """

    def __init__(
        self,
        recipients: Recipients,
        *,
        hostname: str = "localhost",
        hooks: Hooks | None = None,
        limits: ServerLimits | None = None,
        tls: Any = None,
        authenticator: sasl.Authenticator | None = None,
        auth_in_clear: bool = False,
        submission: bool = False,
        strip_bcc: bool = False,
        lmtp: bool = False,
        tells_users: bool = False,
        greet_delay: float = 0.0,
        connections_a_minute: int | None = None,
        mails_a_minute: int | None = None,
        log: MailLog | None = None,
        counters: Counters | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.recipients = recipients
        self.hostname = hostname
        self.hooks = hooks or Hooks()
        self.limits = limits or ServerLimits()
        self.tls = tls
        self.authenticator = authenticator
        self.auth_in_clear = auth_in_clear
        self.submission = submission
        self.strip_bcc = strip_bcc
        self.lmtp = lmtp
        self.tells_users = tells_users
        self.greet_delay = greet_delay
        self.connections = None if connections_a_minute is None else RateLimit(connections_a_minute)
        self.mails = None if mails_a_minute is None else RateLimit(mails_a_minute)
        self.log = log
        self.counters = counters
        self.noted = log is not None or counters is not None
        self.clock = clock
        self.greeting = Reply(220, f"{hostname} {'LMTP' if lmtp else 'ESMTP'} wirespeak")
        self.delivering: dict[str, Any] = {}
        """The tasks that deliver mails now, by the mail's id: they are nobody else's once their client is gone."""

    def __call__(self, link: Link) -> _Conversation:
        return _Conversation(self, link)

    def note(self, step: Step, transaction: Transaction, reply: Reply, recipients: Sequence[Recipient] = (), user: str = "") -> None:
        """Count what came of ``step``, and put it into the log."""
        if self.counters is not None:
            if reply.is_positive:
                self.counters.taken(len(recipients), transaction.size)
            else:
                self.counters.refused[step][reply.code] += 1
        if self.log is not None:
            if step != "mail":
                transaction = copy(transaction)  # it goes on, and the line is made later
            self.log.add(Entry(self.clock(), step, transaction, reply, tuple(recipients), user))


def serve(recipients: Recipients, *places: str, on_ready: Callable[[list[str]], None] | None = None, **options: Any) -> None:
    """Take mail for ``recipients`` at ``places`` ("localhost:8025" where none is named) until SIGTERM or SIGINT, in good order.

    ``on_ready`` is told where, once it accepts; ``options`` are `SmtpServer`'s. Raises `AddressError`, `ListenError`.
    """

    async def run() -> None:
        listener = Listener(bind_all(map(Address.parse, places or ("localhost:8025",))), SmtpServer(recipients, **options))
        said = None if on_ready is None else lambda: on_ready([str(Address.of(name)) for name in listener.addresses])
        await serve_until_stopped([listener], on_ready=said)

    run_loop(run())


class _Conversation:
    """One connection of an `SmtpServer`, a `contract.Conversation`; and the `incoming.Host` of its mails."""

    __slots__ = (
        "_client",
        "_in_clear",
        "_link",
        "_login",
        "_mail",
        "_over",
        "_routes",
        "_server",
        "_smtp",
        "_task",
        "_transaction",
        "session",
    )

    def __init__(self, server: SmtpServer, link: Link) -> None:
        self._server = server
        self._link = link
        self._in_clear = server.auth_in_clear and not is_public(Address.of(link.peer))
        self._smtp = ServerSession(
            link.wake,
            server.limits,
            hostname=server.hostname,
            lmtp=server.lmtp,
            submission=server.submission,
            tls=server.tls is not None and link.tls is None,
            secure=link.tls is not None,
            mechanisms=self._mechanisms(),
            auth_in_clear=self._in_clear,
            greet_delay=server.greet_delay,
        )
        self.session: Session = self._smtp
        self._login: sasl.ServerMechanism | None = None
        self._routes: list[Sequence[Route]] = []  # of each recipient that was accepted
        self._mail: Incoming | None = None
        self._task: Any = None
        self._over = False
        self._client = client_of(link.peer) if server.connections is not None or server.mails is not None else ""
        self._transaction = Transaction(
            server.hostname, link.peer, link.local, link.tls, link, lmtp=server.lmtp, submission=server.submission
        )
        if server.counters is not None:
            server.counters.opened()
        if server.connections is not None and self._client and not server.connections.take(self._client, time.monotonic()):
            self._say("connect", replies.TOO_OFTEN)
        else:
            self._ask(server.hooks.connect, link.peer, self._greet)

    # --- events

    def handle(self, event: Any) -> None:
        verb = VERBS.get(type(event))
        if verb is not None:
            verb(self, event)
        elif isinstance(event, RemoteProtocolError) and event.code and self._server.noted:  # the session has answered
            self._server.note("protocol", self._transaction, Reply(event.code, str(event), event.enhanced))

    def lost(self, error: Exception | None) -> None:
        self._over = True
        self._forget()
        if self._server.counters is not None:
            self._server.counters.closed()

    # --- before a mail

    def _greet(self, reply: Reply | None) -> None:
        if reply is None or reply.is_positive:
            reply = self._server.greeting
        elif reply.is_transient:
            reply = Reply(421, reply.text, reply.enhanced)  # RFC 5321 4.3.2: the one there is for a greeting
        self._say("connect", reply)

    def _hello(self, event: Hello) -> None:
        self._forget()
        transaction = self._begin()
        transaction.tls = self._link.tls
        transaction.hello = event.name
        transaction.esmtp = event.verb != "HELO"
        self._smtp.mechanisms = self._mechanisms()  # over TLS there are more
        self._ask(self._server.hooks.hello, event, partial(self._answer_hello, event))

    def _answer_hello(self, event: Hello, reply: Reply | None) -> None:
        self._say("hello", Reply(250, f"{self._server.hostname} greets {event.name}") if reply is None else reply)

    def _start_tls(self, event: StartTLS) -> None:
        self._forget()
        self._transaction.user = None  # RFC 3207 4.2: nothing said in clear counts any more
        self._link.start_tls(self._server.tls)

    def _verify(self, event: Verify | Expand) -> None:
        reply = replies.NOT_VERIFIED
        if self._server.tells_users:
            recipients = self._server.recipients
            reply = recipients.verify(event.text) if type(event) is Verify else recipients.expand(event.text)
        self.session.send(reply)

    # --- logging in (RFC 4954)

    @property
    def _binding(self) -> bytes | None:
        """The certificate that a login can be bound to (RFC 5929 4)."""
        tls = self._link.tls
        return None if tls is None else tls.end_point

    def _mechanisms(self) -> tuple[str, ...]:
        """All there may be: in clear, the session offers none of them."""
        authenticator = self._server.authenticator
        return () if authenticator is None else tuple(authenticator.mechanisms(secure=True, binding=self._binding))

    def _auth(self, event: Auth) -> None:
        authenticator = self._server.authenticator
        if authenticator is None:
            self._say("auth", replies.NO_MECHANISM)
            return
        self._login = authenticator.start(event.mechanism, nonce=os.urandom(sasl.NONCE), secure=True, binding=self._binding)
        self._follow(self._login.step(event.initial))

    def _auth_answer(self, event: AuthAnswer) -> None:
        if self._login is not None:
            self._follow(self._login.step(event.data))

    def _follow(self, step: sasl.Step) -> None:
        """Do what the mechanism says next."""
        if isinstance(step, sasl.Work):
            self.start(self._work(step))
        elif isinstance(step, sasl.Challenge):
            self.session.send(Challenge(step.data))
        elif isinstance(step, sasl.Accepted):
            self._login = None
            self._ask(self._server.hooks.auth, step.user, partial(self._let_in, step.user))
        else:
            self._login = None
            self._say("auth", replies.BAD_LOGIN if step.malformed else replies.WRONG_LOGIN, user=step.user)

    async def _work(self, step: sasl.Step) -> None:
        try:
            while isinstance(step, sasl.Work):
                step = await HASHING.run(step.run)
        except (Exception, Cancelled) as error:
            if not self._over:
                logger.error("%s: a login could not be checked", Address.of(self._link.peer), exc_info=error)
                self._say("auth", replies.FAILED_LOGIN)
            return
        self._task = None
        self._follow(step)

    def _let_in(self, user: str, reply: Reply | None) -> None:
        reply = replies.LOGGED_IN if reply is None else reply
        if reply.is_positive:
            self._transaction.user = user
            if self._server.counters is not None:
                self._server.counters.logins += 1
        self._say("auth", reply, user=user)

    # --- the envelope

    def _begin(self) -> Transaction:
        """A transaction about whose mail nothing is known yet. Log and hooks may still look at the one before."""
        self._transaction = self._transaction.another()
        return self._transaction

    def _sender(self, event: Sender) -> None:
        server, transaction = self._server, self._transaction
        if transaction.sender is not None:
            self._forget()
            transaction = self._begin()
        transaction.sender = event
        transaction.id = f"{getrandbits(64):016x}"  # a name that no other has; nothing is to be guessed by it
        transaction.received_at = server.clock()
        if server.submission and transaction.user is None:
            self._say("sender", replies.LOGIN_FIRST)
        elif server.mails is not None and self._client and not server.mails.take(self._client, time.monotonic()):
            self._say("sender", replies.TOO_MANY_MAILS)
        elif server.hooks.sender is None:
            self._say("sender", replies.SENDER_OK)
        else:
            self._ask(server.hooks.sender, event, self._answer_sender)

    def _answer_sender(self, reply: Reply | None) -> None:
        self._say("sender", replies.SENDER_OK if reply is None else reply)

    def _recipient(self, event: Recipient) -> None:
        try:
            found = self._server.recipients.route(self._transaction, event)
        except Exception as error:
            found = self.failed(error)
        if type(found) is Reply:
            self._say("recipient", found, (event,))
        elif self._server.hooks.recipient is None:
            self._answer_recipient(event, found, None)
        else:
            self._ask(self._server.hooks.recipient, event, partial(self._answer_recipient, event, found))

    def _answer_recipient(self, event: Recipient, routes: Any, reply: Reply | None) -> None:
        reply = replies.RECIPIENT_OK if reply is None else reply
        if reply.is_positive:
            self._transaction.recipients.append(event)
            self._routes.append(routes)
        self._say("recipient", reply, (event,))

    # --- the mail

    def _begin_data(self, event: DataBegin) -> None:
        server, transaction = self._server, self._transaction
        routes = distinct(self._routes)
        try:
            self._mail = Incoming(
                self,
                transaction,
                routes[0].delivery if len(routes) == 1 else for_routes(routes),
                routes,
                self._routes,
                complete=server.submission,
                strip_bcc=server.strip_bcc,
                shows_header=server.hooks.headers is not None,
            )
        except Exception as error:
            self._say("mail", self.failed(error), transaction.recipients)
        else:
            self.session.send(replies.GO_ON)

    def _data(self, event: Data) -> None:
        if self._mail is not None:
            self._mail.data(event.data)

    def _end_data(self, event: DataEnd) -> None:
        if self._mail is not None:
            self._mail.end()

    def consumed(self, count: int) -> None:
        self._smtp.consumed(count)

    def ask_about_header(self, head: bytes, then: Then) -> None:
        self._transaction.headers = read_fields(head)
        self._ask(self._server.hooks.headers, self._transaction.headers, then)

    def whole(self, mail: Incoming) -> None:
        if mail.refusal is not None or self._server.hooks.data is None:
            self._deliver(mail, mail.refusal)
        else:
            self._ask(self._server.hooks.data, mail.spool, partial(self._deliver, mail))

    def _deliver(self, mail: Incoming, reply: Reply | None) -> None:
        transaction = self._transaction
        self._mail = None  # it is the delivery's, or nobody's
        mail.acceptance = reply
        if reply is not None and not reply.is_positive:
            mail.refuse(reply)
            self._answer_mail(transaction, mail, [Outcome(route.recipient, reply) for route in mail.routes])
            return
        try:
            outcomes = mail.delivery.deliver(transaction, mail.spool, mail.routes)
        except Exception as error:
            outcomes = self._undelivered(mail, error)
        if isinstance(outcomes, Awaitable):
            task = self._link.start(self._wait_for_delivery(transaction, mail, outcomes))
            if not task.done():
                self._server.delivering[transaction.id] = task
        else:
            self._answer_mail(transaction, mail, outcomes)

    async def _wait_for_delivery(self, transaction: Transaction, mail: Incoming, waits: Awaitable[Sequence[Outcome]]) -> None:
        """Answer the mail once it is delivered.

        It goes on where the client goes: the mail may be safe already, and be read. The client, which was told nothing, will bring it a
        second time; RFC 5321 6.1 prefers that to its being lost, and asks of us not to be slow (RFC 1047).
        """
        try:
            outcomes = await waits
        except (Exception, Cancelled) as error:
            outcomes = self._undelivered(mail, error)
        self._server.delivering.pop(transaction.id, None)
        self._answer_mail(transaction, mail, outcomes)

    def _undelivered(self, mail: Incoming, error: BaseException) -> Sequence[Outcome]:
        mail.spool.abandon()
        reply = self.failed(error)
        return [Outcome(route.recipient, reply) for route in mail.routes]

    def _answer_mail(self, transaction: Transaction, mail: Incoming, outcomes: Sequence[Outcome]) -> None:
        taken = mail.acceptance or Reply(250, f"Taken as {transaction.id}", "2.0.0")
        worst = one_for_each(mail.found, mail.routes, outcomes) if self._server.lmtp else [one_for_all(outcomes)]
        answers = [reply or taken for reply in worst]
        if self._over:
            logger.info("%s was gone before the answer to mail %s (%s)", Address.of(self._link.peer), transaction.id, answers[0])
        else:
            for reply in answers:
                self.session.send(reply)
        if self._server.noted:
            for number, reply in enumerate(answers):
                about = transaction.recipients[number : number + 1] if self._server.lmtp else transaction.recipients
                self._server.note("mail", transaction, reply, about)
        if self._server.hooks.delivered is not None:
            self._tell(self._server.hooks.delivered, transaction, outcomes)

    def _reset(self, event: Reset) -> None:
        self._forget()

    def _forget(self) -> None:
        """No mail is under way any more: leave nothing of one that was, and end what works at it."""
        self._routes = []
        if self._mail is not None:
            self._mail.spool.abandon()
            self._mail = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    # --- asking hooks, and answering

    def _ask(self, hook: Hook[T] | None, value: T, then: Then) -> None:
        """Go on with ``then`` once ``hook`` has said its verdict."""
        if hook is None:
            then(None)
            return
        answer = self._call(hook, self._transaction, value)
        if isinstance(answer, Awaitable):
            self.start(self._wait_for_hook(answer, then))
        else:
            then(self._checked(answer))

    def _tell(self, hook: Hook[T], transaction: Transaction, value: T) -> None:
        """Let ``hook`` know; what it says to that changes nothing."""
        answer = self._call(hook, transaction, value)
        if isinstance(answer, Awaitable):
            self._link.start(self._wait_for_hook(answer, None))

    def _call(self, hook: Hook[T], transaction: Transaction, value: T) -> Reply | Awaitable[Reply | None] | None:
        try:
            return hook(transaction, value)
        except Exception as error:
            return self.failed(error)

    async def _wait_for_hook(self, answer: Awaitable[Reply | None], then: Then | None) -> None:
        try:
            reply = await answer
        except (Exception, Cancelled) as error:
            if self._over and then is not None:
                return
            reply = self.failed(error)
        if then is not None:
            self._task = None
            then(self._checked(reply))

    def _checked(self, answer: Any) -> Reply | None:
        if answer is None or type(answer) is Reply:
            return answer
        return self.failed(TypeError(f"a hook returns a Reply or None, not {answer!r}"))

    def failed(self, error: BaseException) -> Reply:
        """What the client is told of a failure of ours; the log is told more."""
        if isinstance(error, StorageError):
            logger.error("%s: %s", Address.of(self._link.peer), error)
            return replies.NO_STORAGE
        logger.error("%s: a mail's hook, recipients or delivery failed", Address.of(self._link.peer), exc_info=error)
        return replies.FAILED

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._link.start(coroutine)
        if not task.done():
            self._task = task

    def _say(self, step: Step, reply: Reply, recipients: Sequence[Recipient] = (), user: str = "") -> None:
        """Answer a step; the log is told where it is refused."""
        try:
            self.session.send(reply)
        except LocalProtocolError as error:  # a hook's, which can't be sent
            reply = self.failed(error)
            self.session.send(reply)
        if reply.code >= 400 and self._server.noted:
            self._server.note(step, self._transaction, reply, recipients, user)


VERBS: Final[dict[type, Callable[[_Conversation, Any], None]]] = {
    Hello: _Conversation._hello,
    StartTLS: _Conversation._start_tls,
    Auth: _Conversation._auth,
    AuthAnswer: _Conversation._auth_answer,
    Verify: _Conversation._verify,
    Expand: _Conversation._verify,
    Sender: _Conversation._sender,
    Recipient: _Conversation._recipient,
    DataBegin: _Conversation._begin_data,
    Data: _Conversation._data,
    DataEnd: _Conversation._end_data,
    Reset: _Conversation._reset,
}
"""Which method carries out which event."""
