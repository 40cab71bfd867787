"""The commands of a mail server, line by line (RFC 5321 4.1, and the extensions): a method for each verb.

Where a command may stand, and how many parameters it has, is in ``states.py``; how these are read, in ``arguments.py``; what
follows from the answers, in ``dialog.py``. A method gives the events that come of its command; a rule that is broken it
raises as `RemoteProtocolError`, with the answer. Pure: touches nothing outside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from wirespeak.contract import StartTLS
from wirespeak.errors import RemoteProtocolError
from wirespeak.smtp.arguments import (
    MAIL_PARAMETERS,
    RCPT_PARAMETERS,
    LostCount,
    read_auth,
    read_base64,
    read_bdat,
    read_hello,
    read_mail,
    read_rcpt,
)
from wirespeak.smtp.dialog import AUTH, BDAT, GREETED, IDLE, MAIL, RCPT, TURNED_AWAY, Chunk, Dialog, reply_to
from wirespeak.smtp.grammar import COMMAND, CONTROL, HTTP_VERBS
from wirespeak.smtp.mailbox import NOT_ASCII
from wirespeak.smtp.messages import Auth, AuthAnswer, AuthCancelled, DataBegin, Expand, Hello, Reply, Verify
from wirespeak.smtp.states import COMMANDS, LMTP_COMMANDS, SERVER, UNSPOKEN, Event

__all__ = ["Verbs"]

OK: Final = Reply(250, "OK", "2.0.0")
TOO_MANY_RECIPIENTS: Final = Reply(452, "Too many recipients: send the rest with another mail (RFC 5321 4.5.3.1.10)", "4.5.3")
EXPECTED: Final = {
    GREETED: "the client names itself first, by EHLO",
    TURNED_AWAY: "there is no service here, QUIT is all that is left",
    IDLE: "a mail begins with MAIL",
    MAIL: "RCPT comes next",
    RCPT: "the mail that has begun ends with DATA, BDAT or RSET",
    BDAT: "the mail that has begun ends with BDAT LAST, or RSET",
}


class Verbs(Dialog):
    """What each command does."""

    __slots__ = ()

    def take_line(self, line: bytes) -> Sequence[Any]:
        """Carry out the command, or take the response of a login, that ``line`` is, CRLF included; the events of it."""
        try:
            return self._response(line[:-2]) if self.state is AUTH else self._command(line)
        except LostCount as error:
            told = self.forget()
            self.leave(reply_to(error))
            return (*told, error)
        except RemoteProtocolError as error:
            self.refuse(error)
            return (error,)

    def _command(self, line: bytes) -> Sequence[Any]:
        try:
            text = str(line[:-2], "utf-8").rstrip(" \t")  # white space at its end is to be tolerated (RFC 5321 4.1.1)
        except UnicodeDecodeError:
            return self._malformed(line, "a command that is no text")
        match = COMMAND.fullmatch(text)
        if match is None:
            return self._malformed(line, "a control character in a command" if CONTROL.search(text) else "no command: a word begins one")
        verb, argument = match.groups("")
        verb = verb.upper()
        rule = self._commands.get(verb)
        if rule is None:
            return self._unknown(verb)
        if len(line) > rule.line:
            raise RemoteProtocolError(f"a line of more than {rule.line} bytes", code=500, enhanced="5.5.2", clause="RFC 5321 4.5.3.1.4")
        if self.state not in rule.states:
            return self._out_of_place(verb, argument)
        if rule.most < 3 or not argument:
            count = len(argument.split())
            if not rule.least <= count <= rule.most:
                raise RemoteProtocolError(
                    f"{verb} with {count or 'no'} parameter{'s' if count > 1 else ''}", code=501, enhanced="5.5.4", clause="RFC 5321 4.1.1"
                )
        return VERBS[verb](self, argument)

    def _malformed(self, line: bytes, why: str) -> Sequence[Any]:
        verb = line.partition(b" ")[0].decode("latin-1").upper()
        if verb in HTTP_VERBS:
            return self._unknown(verb)
        raise RemoteProtocolError(why, code=500, enhanced="5.5.2", clause="RFC 5321 4.1.2")

    def _unknown(self, verb: str) -> Sequence[Any]:
        """RFC 5321 4.2.4."""
        if verb in HTTP_VERBS:
            error = RemoteProtocolError("an HTTP request, but mail is spoken here", code=502, enhanced="5.5.1", clause="RFC 5321 4.2.4")
            self.leave(reply_to(error))
            return (error,)
        if verb in UNSPOKEN:
            raise RemoteProtocolError("a command that is not spoken here", code=502, enhanced="5.5.1", clause="RFC 5321 4.2.4")
        clause = "RFC 2033 4.1" if self._lmtp and verb in COMMANDS else "RFC 5321 4.1.1"
        raise RemoteProtocolError("no such command", code=500, enhanced="5.5.1" if verb in COMMANDS else "5.5.2", clause=clause)

    def _out_of_place(self, verb: str, argument: str) -> Sequence[Any]:
        code = 503
        if self.state is MAIL and verb in ("DATA", "BDAT") and self.refused_recipients and not self._lmtp:
            code = 554  # RFC 5321 3.3: no valid recipients
        error = RemoteProtocolError(
            f"{verb} has no place here: {EXPECTED[self.state]}", code=code, enhanced="5.5.1", clause="RFC 5321 4.1.4"
        )
        if verb != "BDAT":
            raise error
        # What BDAT announces comes all the same (RFC 3030 2), and must not be taken for commands.
        size, last = read_bdat(argument)
        self.chunk = Chunk(size, last, size, reply_to(error))
        return (error,)

    # --- verb methods: a greeting

    def EHLO(self, argument: str) -> Sequence[Any]:
        return self._hello("EHLO", argument)

    def HELO(self, argument: str) -> Sequence[Any]:
        return self._hello("HELO", argument)

    def LHLO(self, argument: str) -> Sequence[Any]:
        return self._hello("LHLO", argument)

    def _hello(self, verb: str, argument: str) -> Sequence[Any]:
        hello = Hello(read_hello(argument), verb)
        return (*self.forget(), *self._ask(hello))  # RFC 5321 4.1.4: it ends a mail that was under way

    # --- a mail

    def MAIL(self, argument: str) -> Sequence[Any]:
        self._check_login()
        assert self.hello is not None
        sender = read_mail(argument, () if self.hello.verb == "HELO" else MAIL_PARAMETERS)
        if self._limits.size and sender.size is not None and sender.size > self._limits.size:
            raise _too_big(self._limits.size)
        if sender.auth and not self.authenticated:
            sender.auth = ""  # RFC 4954 5: who has not logged in vouches for nobody
        return self._ask(sender)

    def RCPT(self, argument: str) -> Sequence[Any]:
        assert self.hello is not None
        assert self.sender is not None
        recipient = read_rcpt(argument, () if self.hello.verb == "HELO" else RCPT_PARAMETERS, utf8=self.sender.utf8)
        if self.recipients >= self._limits.recipients:
            self.say(TOO_MANY_RECIPIENTS)
            return ()
        return self._ask(recipient)

    def DATA(self, argument: str) -> Sequence[Any]:
        assert self.sender is not None
        if self.sender.body == "BINARYMIME":
            raise RemoteProtocolError("DATA for a mail without lines: BDAT takes it", code=503, enhanced="5.5.1", clause="RFC 3030 3")
        return self._ask(DataBegin())

    def BDAT(self, argument: str) -> Sequence[Any]:
        size, last = read_bdat(argument)
        begins = self.state is RCPT
        so_far = 0 if begins else self.content.size
        self.chunk = Chunk(size, last, size)
        if self._limits.size and so_far + size > self._limits.size:
            error = _too_big(self._limits.size)
            self.refuse_chunk(self.chunk, reply_to(error))
            return (*self.forget(), error)
        return self._ask(DataBegin(chunking=True)) if begins else ()

    def RSET(self, argument: str) -> Sequence[Any]:
        told = self.forget()
        self.say(OK)
        return told

    # --- what has nothing to do with a mail

    def VRFY(self, argument: str) -> Sequence[Any]:
        return self._ask(Verify(self._name(argument)))

    def EXPN(self, argument: str) -> Sequence[Any]:
        return self._ask(Expand(self._name(argument)))

    def _name(self, argument: str) -> str:
        """Of a user or list; SMTPUTF8 behind it says that it may be UTF-8 (RFC 6531 3.7.4.2)."""
        self._check_login()
        name, space, last = argument.rpartition(" ")
        if space and last.upper() == "SMTPUTF8":
            return name
        if not argument.isascii():
            raise RemoteProtocolError("a name beyond ASCII without SMTPUTF8", code=553, enhanced=NOT_ASCII, clause="RFC 6531 3.7.4.2")
        return argument

    def HELP(self, argument: str) -> Sequence[Any]:
        self.say(Reply(214, f"Commands: {' '.join(self._commands)}\nRFC 5321 4.1 tells what they do", "2.0.0"))
        return ()

    def NOOP(self, argument: str) -> Sequence[Any]:
        self.say(OK)
        return ()

    def QUIT(self, argument: str) -> Sequence[Any]:
        told = self.forget()
        self.say(Reply(221, f"{self._hostname} closes the connection", "2.0.0"))
        self.state = SERVER[self.state, Event.CLOSE]
        self.closed = True
        return told

    # --- TLS and logging in

    def STARTTLS(self, argument: str) -> Sequence[Any]:
        if self.secure:
            raise RemoteProtocolError("TLS is spoken already", code=503, enhanced="5.5.1", clause="RFC 3207 4.2")
        if not self._offers_tls:
            raise RemoteProtocolError("STARTTLS was not offered", code=502, enhanced="5.5.1", clause="RFC 3207 4")
        self.say(Reply(220, "Ready to begin TLS", "2.0.0"))
        told = self.forget()
        self.state = SERVER[self.state, Event.STARTTLS]
        return (*told, StartTLS())

    def AUTH(self, argument: str) -> Sequence[Any]:
        assert self.hello is not None
        if not self.mechanisms:
            raise RemoteProtocolError("AUTH was not offered", code=502, enhanced="5.5.1", clause="RFC 4954 3")
        if self.authenticated or self.hello.verb == "HELO":
            why = "nobody logs in twice" if self.authenticated else "EHLO comes before AUTH"
            raise RemoteProtocolError(why, code=503, enhanced="5.5.1", clause="RFC 4954 4")
        if not (offered := self.offered):
            raise RemoteProtocolError("nobody logs in without TLS", code=538, enhanced="5.7.11", clause="RFC 4954 6")
        mechanism, initial = read_auth(argument)
        if mechanism not in offered:
            raise RemoteProtocolError("no such mechanism", code=504, enhanced="5.5.4", clause="RFC 4954 4")
        self.state = SERVER[self.state, Event.AUTH]
        return self._ask(Auth(mechanism, initial))

    def _response(self, text: bytes) -> Sequence[Any]:
        """The answer to a challenge (RFC 4954 4)."""
        try:
            if text == b"*":
                raise RemoteProtocolError("the login was given up", code=501, enhanced="5.7.0", clause="RFC 4954 4")
            return self._ask(AuthAnswer(read_base64(text.decode("latin-1"))))
        except RemoteProtocolError as error:
            self.end_login(error)
            return (AuthCancelled(),) if text == b"*" else (AuthCancelled(), error)

    def _check_login(self) -> None:
        """RFC 6409 4.3: where mail is submitted, who does so says first who they are."""
        if self._submission and self.mechanisms and not self.authenticated:
            how = "log in first" if self.offered else "STARTTLS first, then log in"
            raise RemoteProtocolError(how, code=530, enhanced="5.7.0", clause="RFC 4954 6")

    def _ask(self, event: Any) -> Sequence[Any]:
        """Wait for the verdict on ``event``."""
        self.asked = event
        return (event,)


def _too_big(most: int) -> RemoteProtocolError:
    return RemoteProtocolError(f"a mail of more than {most:,} bytes", code=552, enhanced="5.3.4", clause="RFC 1870 6.1")


VERBS: Final[dict[str, Callable[[Verbs, str], Sequence[Any]]]] = {verb: getattr(Verbs, verb) for verb in COMMANDS | LMTP_COMMANDS}
