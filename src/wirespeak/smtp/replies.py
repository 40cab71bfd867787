"""What a server says that is always the same, with the enhanced codes of RFC 3463. Pure."""

from __future__ import annotations

from typing import Final

from wirespeak.smtp.messages import Reply

SENDER_OK: Final = Reply(250, "Ok", "2.1.0")
RECIPIENT_OK: Final = Reply(250, "Ok", "2.1.5")
GO_ON: Final = Reply(354, "Go on, and end with a line that holds a dot alone")

LOGGED_IN: Final = Reply(235, "Welcome", "2.7.0")
LOGIN_FIRST: Final = Reply(530, "Log in first", "5.7.0")  # RFC 4954 6, RFC 6409 4.3
WRONG_LOGIN: Final = Reply(535, "That user name and password don't fit", "5.7.8")
BAD_LOGIN: Final = Reply(501, "That is no message of this mechanism", "5.5.2")
NO_MECHANISM: Final = Reply(504, "That mechanism is not offered here", "5.5.4")
FAILED_LOGIN: Final = Reply(454, "Logins can't be checked just now", "4.7.0")

TOO_OFTEN: Final = Reply(421, "Too many connections from your address in a short time: come back in a minute", "4.7.0")
TOO_MANY_MAILS: Final = Reply(450, "Too many mails from your address in a short time: come back in a minute", "4.7.1")

NO_STORAGE: Final = Reply(452, "The mail can't be stored just now", "4.3.1")
FAILED: Final = Reply(451, "Something failed on our side; try again later", "4.3.0")

NOT_VERIFIED: Final = Reply(252, "Who gets mail here is not told; send it, and see", "2.0.0")
"""The answer to VRFY and EXPN where they are not to tell anything (RFC 5321 7.3)."""
