"""Mail that lies here, to be looked at: listed, searched, read, waited for, and removed.

    from wirespeak.smtp.inbox import Inbox

    with Inbox.open("caught") as inbox:
        mail = inbox.wait(to="ann@home.test", subject="Welcome", timeout=5)
        assert "https://" in mail.text

It reads any Maildir, or tree of Maildirs: what `wirespeak smtp serve --catch` has caught, what it or `wirespeak up` has delivered,
and what other programs did. Of caught mail it knows the envelope and the whole conversation as well.

===================  ==========================================================================
``store.py``         `Inbox`: what can be done with it
``mail.py``          `Mail`: one of them
``content.py``       what is in a mail: headers, text, attachments; pure
``maildirs.py``      where mails lie, and what has changed there
``index.py``         an SQLite file made of all that, for lists and searches
``envelope.py``      what is kept beside a caught mail
``transcript.py``    a conversation, line by line, as it was; pure
``catch.py``         `Catch`: takes mail for anyone, delivers to no one, and keeps it here
===================  ==========================================================================
"""

from wirespeak.smtp.inbox.content import Attachment, Content
from wirespeak.smtp.inbox.envelope import Envelope, Line
from wirespeak.smtp.inbox.mail import Mail
from wirespeak.smtp.inbox.store import Inbox

__all__ = ["Attachment", "Content", "Envelope", "Inbox", "Line", "Mail"]
