"""What becomes of a mail that was taken in: it is put into a Maildir, passed on, given to a program, or forgotten.

    maildir.py   a file in the recipient's Maildir: written, synced, renamed, and the folder synced
    lmtp.py      another server, over LMTP (RFC 2033)
    pipe.py      a program's standard input
    discard.py   nothing at all

    spool.py     where a mail is kept while it comes in: a small one in memory, a large one in a file
    sync.py      mails made to stay at a power cut, many by one sync

Each is a `transaction.Delivery`. What all have in common: a mail is never whole in memory; what blocks runs in threads; a 250
is said only of what is safe (RFC 5321 4.2.5, 6.1); what fails leaves nothing behind, and the client, told 452 4.3.1, keeps its mail.
Which of them a recipient's mail goes to is decided in ``recipients.py``; a mail whose recipients go different ways is given to
each by `Several`.
"""

from wirespeak.smtp.delivery.several import Several, for_routes

__all__ = ["Several", "for_routes"]
