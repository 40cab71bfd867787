"""Every byte of an SMTP conversation as a named part with its meaning and its clause (RFC 5321 and its extensions).

`explain` takes the bytes of one direction of a connection. It splits them by the patterns of ``grammar.py`` and lets the
parser itself (``arguments.py``, ``data.py``, ``messages.py``) judge them, so what it tells is what wirespeak reads. Never
fails: a command or a reply that breaks the rules is one part that says which, and the next line goes on; where bytes are
still to come, a last part says what is missing.

What a client's bytes are depends on what it was answered: behind a DATA that was refused come commands, and not a mail. Who
has the other direction too gives it along; without it, the best is assumed. Passwords are told by no value, but their bytes
are bytes like any other: who shows those shows what `conceal` has made of them.

The words stand in ``meanings.py``; how a mail's own text is told, in ``explain_mail.py``; how the parts are shown, in
``wirespeak/explanation.py``. Pure: touches nothing outside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Final, Literal

from wirespeak.errors import LimitExceeded, RemoteProtocolError
from wirespeak.explanation import Part
from wirespeak.smtp.arguments import MAIL_PARAMETERS, RCPT_PARAMETERS, read_auth, read_base64, read_bdat, read_hello, read_mail, read_rcpt
from wirespeak.smtp.explain_mail import SECRET, Saying, explain_chunk, explain_text
from wirespeak.smtp.grammar import COMMAND, CONTROL, HTTP_VERBS, PARAMETER
from wirespeak.smtp.mailbox import Mailbox
from wirespeak.smtp.meanings import (
    COMMANDS,
    code_meaning,
    command_meaning,
    enhanced_meaning,
    extension_meaning,
    mechanism_meaning,
    parameter_meaning,
    value_meaning,
)
from wirespeak.smtp.messages import ENHANCED, REPLY_LINE, Reply
from wirespeak.smtp.states import COMMANDS as RULES
from wirespeak.smtp.states import Rule

__all__ = ["conceal", "explain"]

Side = Literal["client", "server"]

# RFC 8446 5.1   what TLS begins with: a record of a handshake, of version 3.x
TLS_RECORD: Final = b"\x16\x03"
# What parts a path into its pieces: read by the parser before, so that it need not be strict itself.
PATH: Final = re.compile(r'(<)(@[^:]*:)?(?:("(?:[^"\\]|\\.)*"|[^@>"]*)(?:(@)([^>]*))?)?(>)')
# RFC 5321 4.1.1.1   ehlo-line = ehlo-keyword *( SP ehlo-param )
EHLO_LINE: Final = re.compile(r"([0-9A-Za-z][0-9A-Za-z-]*)(?:([ =])(.*))?", re.DOTALL)
# Responses that a client gives in a login of this kind, its initial one among them, where the replies are not known.
RESPONSES: Final = {"LOGIN": 2, "SCRAM-SHA-1": 3, "SCRAM-SHA-256": 3, "SCRAM-SHA-1-PLUS": 3, "SCRAM-SHA-256-PLUS": 3}

# Of commands that have a meaning, and no rule here: whatever stands behind them.
ANY: Final = Rule(0, 1 << 30, frozenset())

SP: Final = ("SP", "a single space parts the elements of a line", "RFC 5321 4.1.1")
CRLF: Final = ("CRLF", "ends a line: carriage return, line feed, and nothing else does", "RFC 5321 2.3.8")
SPACES: Final = ("white space", "at the end of a line it is to be tolerated", "RFC 5321 4.1.1")
LESS: Final = ("<", "a path begins", "RFC 5321 4.1.2")
GREATER: Final = (">", "ends the path", "RFC 5321 4.1.2")
AT: Final = ("at sign", "the domain follows", "RFC 5321 4.1.2")
EQUALS: Final = ("equals sign", "the parameter's value follows", "RFC 5321 4.1.2")
HYPHEN: Final = ("hyphen", "more lines of this reply follow", "RFC 5321 4.2.1")


def explain(data: bytes, side: Side | None = None, *, other: bytes = b"") -> list[Part]:
    """The parts of what one side said; without ``side`` it is the server where ``data`` begins with three digits.

    ``other`` is what the other side said in the same conversation, from its beginning.
    """
    if side is None:
        side = "server" if data[:3].isdigit() else "client"
    if side == "client":
        return _Client(data, _replies(other) if other else None).explained()
    return _Server(data, _Client(other, _replies(data)).asked() if other else None).explained()


def conceal(data: bytes, parts: Iterable[Part]) -> bytes:
    """``data`` with asterisks for the bytes of passwords and tokens, as ``parts`` name them."""
    shown = bytearray(data)
    for part in parts:
        if part.value == SECRET:
            shown[part.start : part.end] = b"*" * (part.end - part.start)
    return bytes(shown)


# --- what a client says


class _Client(Saying):
    """Commands, responses of a login, and mails; ``replies`` are those that it got, None where they aren't known."""

    __slots__ = ("_asked", "_lmtp", "_mechanism", "_number", "_recipients", "_replies", "_utf8")

    def __init__(self, data: bytes, replies: Iterator[Reply] | None) -> None:
        super().__init__(data)
        self._replies = replies
        self._asked: list[str] = []
        self._number = 0  # of the command
        self._lmtp = False
        self._utf8 = False
        self._recipients = 0
        self._mechanism = ""

    def explained(self) -> list[Part]:
        """The parts of the whole stream."""
        try:
            self.answer("greeting")
            if not self.data:
                self.rest("missing", "missing", "still to come: a command", "RFC 5321 4.1.1")
            while self.at < len(self.data):
                self.command()
        except LimitExceeded as error:
            self.rest("rest", "said", str(error))
        return self.parts

    def asked(self) -> list[str]:
        """What each reply of the server answers, in order."""
        self.explained()
        return self._asked

    def answer(self, to: str) -> Reply | None:
        """The reply to what was just explained; None where it is not known, or had not come."""
        self._asked.append(to)
        return next(self._replies, None) if self._replies is not None else None

    # --- lines

    def command(self) -> None:
        """Explain a command, and what belongs to it behind its line."""
        self._number += 1
        self.begin(f"command {self._number}")
        line = self.line("command", secret=self.data[self.at : self.at + 4].upper() == b"AUTH")
        if line is None:
            return
        spaces = line[len(line.rstrip(" \t")) :]
        line = line.removesuffix(spaces)
        match = COMMAND.fullmatch(line)
        if self._number == 1 and line.partition(" ")[0].upper() in HTTP_VERBS:
            self.rest("malformed", "malformed", "HTTP, and not SMTP: a server answers 502 and closes", "RFC 5321 4.2.4")
            return
        if match is None or not _is_utf8(line):
            self.malformed(line, _fault_of(line), 500, "RFC 5321 4.1.2")
            self.line_end(spaces)
            self.answer("a line that is no command")
            return
        verb, argument = match[1].upper(), match[2] or ""
        self.begin(f"command {self._number}: {verb}")
        if verb not in COMMANDS:
            self.malformed(line, f"{verb} is no command that is known", 500, "RFC 5321 4.2.4")
            self.line_end(spaces)
            self.answer(verb)
            return
        self.say(match[1], "verb", *command_meaning(verb), value=verb)
        if len(line) > len(match[1]):
            self.mark(line[len(match[1]) : len(line) - len(argument)], SP)
        explain_argument = getattr(self, verb, None)
        rule = RULES.get(verb, ANY)
        try:
            if not rule.least <= len(argument.split()) <= rule.most:
                raise RemoteProtocolError(f"{verb} takes {_parameters(rule)}", code=501, clause=command_meaning(verb)[1])
            if explain_argument is not None:
                explain_argument(argument)
            elif argument:
                self.say(argument, "argument", "text", command_meaning(verb)[1])
        except RemoteProtocolError as fault:
            self.malformed(argument, str(fault.args[0]), fault.code or 501, fault.clause, secret=verb == "AUTH")
        self.line_end(spaces)
        self.behind(verb, argument)

    def line_end(self, spaces: str) -> None:
        """Explain the end of a command's line."""
        if spaces:
            self.mark(spaces, SPACES)
        self.mark("\r\n", CRLF)

    def behind(self, verb: str, argument: str) -> None:
        """Explain what follows the line of a command, by what that was answered."""
        if verb == "BDAT":
            self.chunk(argument)
            return
        reply = self.answer(verb)
        if verb in ("EHLO", "HELO", "LHLO", "RSET", "MAIL"):
            self._recipients = 0
            self._lmtp = self._lmtp or verb == "LHLO"
        elif verb == "RCPT" and (reply is None or reply.is_positive):
            self._recipients += 1
        elif verb == "DATA" and (reply.code == 354 if reply else self.at < len(self.data)):
            self.begin(f"mail, behind command {self._number}")
            if explain_text(self):
                self.answer_of_mail()
        elif verb == "AUTH":
            self.login(argument, reply)
        elif verb == "STARTTLS" and self.data.startswith(TLS_RECORD, self.at):
            self.begin("TLS")
            self.take(len(self.data), "TLS", "from here on all is encrypted: no more can be told of it", "RFC 3207 4")

    def answer_of_mail(self) -> None:
        """RFC 2033 4.2: in LMTP each recipient has an answer of its own."""
        for _ in range(self._recipients if self._lmtp else 1):
            self.answer("the mail")
        self._recipients = 0

    def chunk(self, argument: str) -> None:
        """Explain the bytes that BDAT has told of (RFC 3030 2)."""
        try:
            size, last = read_bdat(argument)
        except RemoteProtocolError:
            self.answer("BDAT")
            return
        self.begin(f"chunk, behind command {self._number}")
        if explain_chunk(self, size):
            if last:
                self.answer_of_mail()
            else:
                self.answer("BDAT")

    # --- arguments

    def EHLO(self, argument: str) -> None:
        read_hello(argument)
        name = "address-literal" if argument.startswith("[") else "Domain"
        self.say(argument, name, "what the client calls itself; nobody need believe it", "RFC 5321 4.1.1.1")

    HELO = LHLO = EHLO

    def MAIL(self, argument: str) -> None:
        words = [word.upper() for word in argument.split(" ")]
        self._utf8 = "SMTPUTF8" in words[1:]
        mailbox = read_mail(argument, MAIL_PARAMETERS).mailbox
        self.path(mailbox, argument, "FROM:", "the sender: reports about the mail go there", "RFC 5321 4.1.1.2")

    def RCPT(self, argument: str) -> None:
        mailbox = read_rcpt(argument, RCPT_PARAMETERS, utf8=self._utf8).mailbox
        self.path(mailbox, argument, "TO:", "one recipient", "RFC 5321 4.1.1.3")

    def BDAT(self, argument: str) -> None:
        size, last = read_bdat(argument)
        digits = "".join(takewhile(str.isdigit, argument))
        self.say(digits, "chunk-size", f"so many bytes follow the line: {size:,}", "RFC 3030 2")
        if last:
            self.mark(argument[len(digits) : -4], SP)
            self.say(argument[-4:], "end-marker", "and with them the mail is whole", "RFC 3030 2")

    def AUTH(self, argument: str) -> None:
        mechanism, initial = read_auth(argument)
        word, _, response = argument.partition(" ")
        self.say(word, "mechanism", *mechanism_meaning(mechanism), value=mechanism)
        if initial is not None:
            self.mark(argument[len(word) : argument.rindex(" ") + 1], SP)
            self.response(response.strip(" "), mechanism, 1)

    def path(self, mailbox: Mailbox | None, argument: str, word: str, meaning: str, clause: str) -> None:
        """Explain the path that the parser has read as ``mailbox``, and the parameters behind it (RFC 5321 4.1.2)."""
        self.say(argument[: len(word)], word, meaning, clause, value=word)
        rest = argument[len(word) :]
        if spaces := rest[: len(rest) - len(rest.lstrip(" "))]:
            self.mark(spaces, ("SP", "many clients write one here, where the grammar has none", "RFC 5321 4.1.1.2"))
        match = PATH.match(rest, len(spaces))
        assert match is not None
        if mailbox is None:
            self.say("<>", "null reverse-path", "nobody: this is a report itself, and no report goes back", "RFC 5321 4.5.5", value="<>")
        else:
            self.mark(match[1], LESS)
            if match[2]:
                self.say(match[2], "A-d-l", "a route, once: it is ignored", "RFC 5321 F.2")
            self.say(match[3], "Local-part", "a name that only its own domain understands", "RFC 5321 4.1.2", value=mailbox.local)
            if match[4]:
                self.mark(match[4], AT)
                literal = match[5].startswith("[")
                self.say(match[5], "address-literal" if literal else "Domain", *self._domain(literal), value=mailbox.domain)
            self.mark(match[6], GREATER)
        self.parameters(rest[match.end() :])

    @staticmethod
    def _domain(literal: bool) -> tuple[str, str]:
        return ("the host of this address", "RFC 5321 4.1.3") if literal else ("whose mailbox it is", "RFC 5321 2.3.5")

    def parameters(self, text: str) -> None:
        """Explain the parameters of MAIL and RCPT (RFC 5321 4.1.2)."""
        for spaces, word in re.findall("( +)([^ ]*)", text):
            self.mark(spaces, SP)
            if not word:
                continue
            match = PARAMETER.fullmatch(word)
            assert match is not None
            keyword = match[1].upper()
            meaning, clause = parameter_meaning(keyword)
            self.say(match[1], "esmtp-keyword", meaning, clause, value=keyword)
            if match[2] is not None:
                self.mark("=", EQUALS)
                value = match[2].upper() if keyword in ("BODY", "RET", "NOTIFY") else match[2]
                self.say(match[2], "esmtp-value", value_meaning(keyword, value), clause, value=value)

    # --- a login (RFC 4954 4)

    def login(self, argument: str, reply: Reply | None) -> None:
        """Explain the responses that follow AUTH."""
        try:
            mechanism, initial = read_auth(argument)
        except RemoteProtocolError:
            return
        given = int(initial is not None)
        while self.at < len(self.data):
            if reply.code != 334 if reply is not None else self._is_over(mechanism, given):
                return
            given += 1
            self.begin(f"login, behind command {self._number}")
            line = self.line("response", secret=True)
            if line is None:
                return
            if line == "*":
                self.say(line, "cancel-response", "the client gives up", "RFC 4954 4")
            elif line:
                try:
                    read_base64(line)
                    self.response(line, mechanism, given)
                except RemoteProtocolError as fault:
                    self.malformed(line, str(fault.args[0]), 501, fault.clause, secret=True)
            self.mark("\r\n", CRLF)
            reply = self.answer("a response of the login")
            if line == "*" and reply is None:
                return

    def _is_over(self, mechanism: str, given: int) -> bool:
        """Whether a login of this kind has said all its words, as far as one can tell without the replies."""
        if self._replies is not None:
            return False  # the reply just hasn't come: what stands here was sent as a response
        return given >= RESPONSES.get(mechanism, 1) or (given == 2 and not self.data.startswith(b"\r\n", self.at))

    def response(self, text: str, mechanism: str, number: int) -> None:
        """Explain a response in base64. Of what is secret in it neither value nor length is told."""
        if text == "=":
            self.say(text, "initial-response", "empty", "RFC 4954 4", value="")
            return
        said = read_base64(text)
        clause = mechanism_meaning(mechanism)[1]
        if mechanism == "PLAIN":
            before = said.rfind(b"\0") + 1
        elif mechanism == "LOGIN" and number == 1:
            before = len(said)
        elif mechanism in ("LOGIN", "XOAUTH2", "OAUTHBEARER"):
            before = said.find(b"auth=") + 5 if b"auth=" in said else 0
        else:
            before = len(said)  # the others prove a secret without saying it
        clear = len(text) if before == len(said) else before // 3 * 4  # up to the last group that holds none of it
        if clear:
            value = said[:before].decode("utf-8", "replace").replace("\0", " NUL ").strip()
            self.say(text[:clear], "response", f"base64, by {mechanism}", clause, value=value)
        if clear < len(text):
            self.say(text[clear:], "password" if "TH" not in mechanism else "token", "", clause, value=SECRET)


# --- what a server says


class _Server(Saying):
    """Replies; ``asked`` is what each answers, None where that isn't known."""

    __slots__ = ("_asked", "_number")

    def __init__(self, data: bytes, asked: list[str] | None) -> None:
        super().__init__(data)
        self._asked = iter(asked) if asked is not None else None
        self._number = 0

    def explained(self) -> list[Part]:
        """The parts of the whole stream."""
        try:
            if not self.data:
                self.rest("missing", "missing", "still to come: a reply", "RFC 5321 4.2")
            while self.at < len(self.data):
                if self._number and self.data.startswith(TLS_RECORD, self.at):
                    self.begin("TLS")
                    self.take(len(self.data), "TLS", "from here on all is encrypted: no more can be told of it", "RFC 3207 4")
                    break
                self._number += 1
                if self._asked is not None:
                    to = next(self._asked, "")
                else:
                    to = "greeting" if self._number == 1 and self.data.startswith(b"220") else ""
                self.begin(f"reply {self._number}: greeting" if to == "greeting" else f"reply {self._number}{to and ', to '}{to}")
                self.reply(to)
        except LimitExceeded as error:
            self.rest("rest", "said", str(error))
        return self.parts

    def reply(self, to: str) -> None:
        """Explain a reply of one or more lines."""
        lines, over = _reply_at(self.data, self.at)
        offers = to in ("EHLO", "LHLO") or (not to and _looks_like_ehlo(lines))
        parsed: Reply | None = None
        fault: RemoteProtocolError | None = None
        if over:
            try:
                parsed = Reply.parse(lines)
            except RemoteProtocolError as error:
                fault = error
        for number, said in enumerate(lines if over else lines[:-1]):
            line = said.decode("utf-8", "surrogateescape")
            if fault is not None and number == len(lines) - 1:
                self.malformed(line, str(fault.args[0]), 0, fault.clause)
            else:
                self.reply_line(line, parsed, number, to, offers)
            self.mark("\r\n", CRLF)
        if not over:
            self.begun(lines[-1].decode("utf-8", "surrogateescape"), "a line of a reply")

    def reply_line(self, line: str, parsed: Reply | None, number: int, to: str, offers: bool) -> None:
        """Explain one line of a reply."""
        code = int(line[:3])
        meaning, clause = code_meaning(code)
        self.say(line[:3], "Reply-code", "" if number else meaning, clause)
        if line[3:4]:
            self.mark(line[3:4], HYPHEN if line[3:4] == "-" else SP)
        text = line[4:]
        match = ENHANCED.fullmatch(text)
        if match and (match[1] == parsed.enhanced if parsed is not None else True) and not offers:
            self.say(match[1], "status-code", *enhanced_meaning(match[1]))
            if len(text) > len(match[1]):
                self.mark(" ", SP)
            text = text[len(match[1]) + 1 :]
        if not text:
            return
        if code == 334:
            self.challenge(text)
        elif offers and number and (match := EHLO_LINE.fullmatch(text)):
            self.say(match[1], "ehlo-keyword", *extension_meaning(match[1].upper()), value=match[1].upper())
            if match[2]:
                self.mark(match[2], SP)
                if match[3]:
                    self.say(match[3], "ehlo-param", _offered(match[1].upper(), match[3]), extension_meaning(match[1].upper())[1])
        elif not number and (offers or to in ("greeting", "HELO")):
            name, space, more = text.partition(" ")
            self.say(name, "Domain", "what the server calls itself", "RFC 5321 4.2")
            if space:
                self.mark(space, SP)
            self.say(more, "textstring", "for people", "RFC 5321 4.2")
        else:
            self.say(text, "textstring", "for people; programs go by the codes", "RFC 5321 4.2")

    def challenge(self, text: str) -> None:
        """Explain what a server asks of who logs in (RFC 4954 4)."""
        try:
            value = read_base64(text).decode("utf-8", "replace")
        except RemoteProtocolError as fault:
            self.malformed(text, str(fault.args[0]), 0, fault.clause)
            return
        self.say(text, "challenge", "in base64", "RFC 4954 4", value=value)


# --- replies in bytes


def _reply_at(data: bytes, at: int) -> tuple[list[bytes], bool]:
    """The lines of the reply that begins at ``at``, and whether it is over: up to one that is the last, or is none of it.

    Of one that is not over, the last line has no CRLF yet, and may be empty.
    """
    lines: list[bytes] = []
    while (end := data.find(b"\r\n", at)) >= 0:
        lines.append(data[at:end])
        match = REPLY_LINE.fullmatch(lines[-1])
        if match is None or match[2] != b"-" or lines[-1][:3] != lines[0][:3]:
            return lines, True
        at = end + 2
    return [*lines, data[at:]], False


def _replies(data: bytes) -> Iterator[Reply]:
    """The whole replies in ``data``, in order; as many as can be read."""
    at = 0
    while at < len(data):
        lines, over = _reply_at(data, at)
        if not over:
            return
        try:
            yield Reply.parse(lines)
        except RemoteProtocolError:
            return
        at += sum(len(line) + 2 for line in lines)


def _looks_like_ehlo(lines: list[bytes]) -> bool:
    """Whether a reply whose question isn't known offers extensions: several lines of 250, a keyword in capitals in each but the first."""
    return len(lines) > 1 and all(re.fullmatch(rb"250[ -][A-Z0-9][A-Z0-9-]*(?:[ =].*)?", line, re.DOTALL) for line in lines[1:])


def _is_utf8(line: str) -> bool:
    """Whether ``line``, decoded with surrogateescape, was text."""
    return line.isascii() or not re.search("[\udc80-\udcff]", line)


def _fault_of(line: str) -> str:
    """Why a line is no command."""
    if not _is_utf8(line):
        return "bytes that are no text"
    return "a control character: only CRLF ends a line" if CONTROL.search(line) else "no command: a word begins one"


def _parameters(rule: Rule) -> str:
    """How many parameters a command takes, in words."""
    if rule.most == 0:
        return "no parameter"
    if rule.least == rule.most:
        return "one parameter"
    return "a parameter" if rule.most > 2 else "one parameter or two"


def _offered(keyword: str, text: str) -> str:
    """What the parameters of an extension come to."""
    if keyword == "AUTH":
        return "; ".join(f"{name}: {mechanism_meaning(name.upper())[0]}" for name in text.split()[:8])
    if keyword == "SIZE" and text.isdigit():
        return f"{int(text):,} bytes" if int(text) else "no bound"
    return ""
