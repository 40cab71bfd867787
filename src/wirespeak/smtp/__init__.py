"""SMTP (RFC 5321, and what has been added to it): mail, as server and client.

A tour, in the order in which it reads best:

====================  ================================================================================
``grammar.py``        the bytes: one named pattern a production
``mailbox.py``        addresses; ``messages.py``, commands and replies, and what a session tells of;
                      ``arguments.py``, what stands behind the verbs
``data.py``           the mail's own bytes: dots, line ends, where it ends
``states.py``         what may follow what, as tables; ``limits.py``, how much of it
``session.py``        the server's side of a connection, without I/O; on ``verbs.py``, what each command
                      does, and ``dialog.py``, what each answer leads to
``server.py``         what a server decides; ``hooks.py``, who else is asked; ``recipients.py``, who gets
                      mail; ``transaction.py``, a mail on its way in; ``incoming.py``, its bytes;
                      ``trace.py``, what is put in front of it; ``users.py``, who may log in
``delivery/``         what becomes of a mail: Maildir, LMTP, a program, nothing
``inbox/``            mail that lies here: caught, listed, searched, waited for
``client_session.py`` the client's side; ``client.py``, what a client decides; ``exchange.py``, on one
                      connection; ``envelope.py``, ``outgoing.py``, ``compose.py``: what it sends
``explain.py``        every byte of a conversation, named
====================  ================================================================================

What most people need::

    from wirespeak.smtp import Directory, Maildir, send, serve

    serve(Directory(["home.test"], Maildir("mail")), "localhost:8025")          # until Ctrl-C
    send("localhost:8025", b"Subject: hello\\r\\n\\r\\nHello, Bob.\\r\\n", "ann@home.test", ["bob@home.test"])
"""

from wirespeak.errors import Refused
from wirespeak.smtp.client import BlockingClient, Client, Report, Timeouts, send
from wirespeak.smtp.client_session import ClientSession
from wirespeak.smtp.compose import Attachment, compose
from wirespeak.smtp.delivery.discard import Discard
from wirespeak.smtp.delivery.lmtp import Lmtp
from wirespeak.smtp.delivery.maildir import Maildir
from wirespeak.smtp.delivery.pipe import Pipe
from wirespeak.smtp.hooks import Hook, Hooks
from wirespeak.smtp.inbox.catch import Catch
from wirespeak.smtp.inbox.store import Inbox
from wirespeak.smtp.limits import ServerLimits
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.messages import Hello, Recipient, Reply, Sender
from wirespeak.smtp.recipients import Directory, Everyone
from wirespeak.smtp.server import SmtpServer, serve
from wirespeak.smtp.session import ServerSession
from wirespeak.smtp.transaction import Delivery, Outcome, Recipients, Route, Spool, Transaction
from wirespeak.smtp.users import Users

__all__ = [
    "Attachment",
    "BlockingClient",
    "Catch",
    "Client",
    "ClientSession",
    "Delivery",
    "Directory",
    "Discard",
    "Everyone",
    "Hello",
    "Hook",
    "Hooks",
    "Inbox",
    "Lmtp",
    "Mailbox",
    "Maildir",
    "Outcome",
    "Pipe",
    "Recipient",
    "Recipients",
    "Refused",
    "Reply",
    "Report",
    "Route",
    "Sender",
    "ServerLimits",
    "ServerSession",
    "SmtpServer",
    "Spool",
    "Timeouts",
    "Transaction",
    "Users",
    "compose",
    "send",
    "serve",
]
