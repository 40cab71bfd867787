"""The lobby: a small menu host, and what one can do in it besides looking round.

Who is here, the time, names looked up, the web page fetched, mail read and sent: all of it through this project's own clients,
and as far as the lobby is told where these things are. It works in 40 columns, without colours, and where lines are edited on the
visitor's side.

A lobby is open to strangers, so it goes nowhere they like: pages come from one site, mail goes to one server, which takes
it only for whom it knows, and mail is read by who has its owner's password. Asks other servers, and reads mail.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, TypeVar

from wirespeak import __version__, dns, http, smtp
from wirespeak.errors import ConnectionLost, WirespeakError
from wirespeak.sockets.address import Address
from wirespeak.sockets.tasks import in_thread
from wirespeak.telnet.screen import clean
from wirespeak.telnet.visitor import Interrupted, Visitor

__all__ = ["Lobby", "Mailroom"]

T = TypeVar("T")

# What is read of a page, and shown of a page or a mail: a terminal is no place for more.
PAGE_SIZE: Final = 256 << 10
SHOWN: Final = 20_000
# Lines of a mail that is typed here, and mails that are listed.
MAIL_LINES: Final = 200
MAILS: Final = 15
# A visitor's name, as the others see it.
NAME_LIMIT: Final = 20
# Letters of what is said to all.
SAID_LIMIT: Final = 400
TIMEOUTS: Final = http.Timeouts(connect=5.0, head=10.0, total=20.0)
RESOLVING: Final = 10.0
"""Seconds for a name."""
TYPES: Final = ("A", "AAAA", "MX", "TXT")
"""What is asked of a name."""


@dataclass(slots=True, frozen=True)
class Mailroom:
    """Mail, as the lobby has it: the ``server`` that takes it, at host:port; for ``domain``; a Maildir tree, and who may read in it.

    ``verify`` tells whether a password is a user's; it may block. Nobody reads where there is none.
    """

    server: str
    domain: str
    folder: Path | None = None
    verify: Callable[[str, str], bool] | None = None


@dataclass(slots=True)
class Lobby:
    """The host. ``names`` is the name server to ask, at host:port (the machine's own resolver without); ``web`` the address of the site.

    ``about`` tells what else runs here: a title and an address each.
    """

    names: str | None = None
    web: str | None = None
    mail: Mailroom | None = None
    about: Sequence[tuple[str, str]] = ()
    present: dict[Visitor, tuple[str, datetime]] = field(default_factory=dict)
    """Who is here: the name, and since when."""
    _count: int = 0

    async def __call__(self, visitor: Visitor) -> None:
        self._count += 1
        self.present[visitor] = (f"guest {self._count}", datetime.now().astimezone())
        try:
            await self._receive(visitor)
        finally:
            del self.present[visitor]

    async def _receive(self, visitor: Visitor) -> None:
        screen = visitor.screen
        await visitor.say("", screen.style(f"wirespeak {__version__}", "bold", "green"))
        await visitor.say(screen.wrap(f"Welcome, {self.present[visitor][0]}. Choose by a key and Enter; Ctrl-C stops what runs."), "")
        items = self._items()
        while True:
            key = await visitor.menu("", [(key, words) for key, words, _ in items])
            chosen = next((doing for one, _, doing in items if one == key), None)
            if chosen is None:  # goodbye, or no more input
                break
            try:
                await chosen(visitor)
            except Interrupted:
                pass
            except ConnectionLost:
                if visitor.closed:
                    raise
                await visitor.say("The connection was lost.")
            except (WirespeakError, OSError) as error:
                await visitor.say(screen.wrap(clean(str(error))))
            await visitor.say("")
        await visitor.say(screen.style("Goodbye.", "green"))

    def _items(self) -> list[tuple[str, str, Callable[[Visitor], Awaitable[None]] | None]]:
        items: list[tuple[str, str, Callable[[Visitor], Awaitable[None]] | None]] = [
            ("w", "Who is here", self._who),
            ("t", "The time", self._time),
            ("n", "Look up a name", self._name),
        ]
        if self.web is not None:
            items.append(("p", "Fetch a web page", self._page))
        if self.mail is not None:
            items.append(("s", "Send mail", self._send))
            if self.mail.folder is not None and self.mail.verify is not None:
                items.append(("r", "Read mail", self._read))
        if self.about:
            items.append(("a", "About this place", self._about))
        return [*items, ("i", "Say who you are", self._introduce), ("c", "Call out to all", self._call), ("q", "Goodbye", None)]

    # --- who is here

    async def _who(self, visitor: Visitor) -> None:
        rows = []
        for other, (name, since) in self.present.items():
            terminal = clean(other.terminal) or "unknown"
            rows.append((name + (" (you)" if other is visitor else ""), f"{since:%H:%M}", f"{other.columns}x{other.rows}", terminal))
        await visitor.say(visitor.screen.table(rows, head=("Name", "Since", "Window", "Terminal")))

    async def _introduce(self, visitor: Visitor) -> None:
        name = clean(await visitor.ask("Your name: ") or "").strip()[:NAME_LIMIT]
        if name and all(name != other for other, _ in self.present.values()):
            self.present[visitor] = (name, self.present[visitor][1])
            await visitor.say(f"Hello, {name}.")
        elif name:
            await visitor.say("That name is taken.")

    async def _call(self, visitor: Visitor) -> None:
        text = clean(await visitor.ask("What do you say? ") or "").strip()[:SAID_LIMIT]
        if not text:
            return
        said = f"{self.present[visitor][0]}: {text}"
        for other in list(self.present):
            if not other.closed and not other.session.crowded:  # who doesn't read misses it, and keeps nobody waiting
                try:
                    await other.say(other.screen.wrap(said))
                except (ConnectionLost, Interrupted):
                    continue

    async def _time(self, visitor: Visitor) -> None:
        now = datetime.now().astimezone()
        await visitor.say(f"{now:%A, %d %B %Y}", f"{now:%H:%M:%S %Z}")

    async def _about(self, visitor: Visitor) -> None:
        if visitor.columns < 60:
            await visitor.say(*(f"{title}\n  {where}" for title, where in self.about))
        else:
            await visitor.say(visitor.screen.table(self.about))

    # --- names

    async def _name(self, visitor: Visitor) -> None:
        said = (await visitor.ask("Name or address: ") or "").strip()
        if not said:
            return
        client = dns.Client()
        kinds: Sequence[str] = TYPES
        try:
            said, kinds = ip_address(said).reverse_pointer, ("PTR",)
        except ValueError:
            pass  # a name
        rows: list[tuple[str, str]] = []
        for kind in kinds:
            rows += [(kind, clean(text)) for text in await visitor.run(self._ask(client, said, kind))]
        if rows:
            await visitor.say(visitor.screen.table(rows) if visitor.columns >= 60 else "\n".join(f"{kind} {text}" for kind, text in rows))
        else:
            await visitor.say(visitor.screen.wrap(f"Nothing is known of {clean(said)}."))

    async def _ask(self, client: dns.Client, name: str, kind: str) -> list[str]:
        if self.names is None:
            return (await client.resolve(name, kind, timeout=RESOLVING)).texts
        answer = await client.query(name, kind, self.names)
        return [str(record.rdata) for record in answer.message.answers]

    # --- the web

    async def _page(self, visitor: Visitor) -> None:
        assert self.web is not None
        site = self.web.rstrip("/") + "/"
        path = await visitor.ask(site)
        if path is None:
            return
        path = path.strip().lstrip("/")

        async def fetch() -> tuple[str, str]:
            async with http.Client(timeouts=TIMEOUTS) as client, client.stream("GET", site + path, follow=False) as answer:
                content = await answer.read(PAGE_SIZE)
                kind = (answer.fields.get("content-type") or "").partition(";")[0].strip().lower()
                text = (
                    content.decode("utf-8", "replace") if kind.startswith("text/") or kind.endswith("json") else f"({len(content):,} bytes)"
                )
                return f"{answer.status} {answer.reason} · {kind or 'unknown'}", _text_of(text) if kind == "text/html" else text

        status, text = await visitor.run(fetch())
        await visitor.say(visitor.screen.style(clean(status), "bold"))
        await self._show(visitor, text)

    # --- mail

    async def _send(self, visitor: Visitor) -> None:
        assert self.mail is not None
        domain, server = self.mail.domain, self.mail.server
        sender = await visitor.ask(f"From [guest@{domain}]: ", default=f"guest@{domain}")
        to = sender and await visitor.ask("To: ")
        if not sender or not to:
            return
        to = to.strip() if "@" in to else f"{to.strip()}@{domain}"
        subject = await visitor.ask("Subject: ")
        if subject is None:
            return
        await visitor.say("The text; a dot alone ends it.")
        lines: list[str] = []
        while (line := await visitor.ask()) is not None and line != ".":
            lines.append(line)
            if len(lines) == MAIL_LINES:
                await visitor.say("That is enough.")
                break
        if line is None:
            return
        mail = smtp.compose(
            sender.strip(),
            [to],
            subject=subject,
            body="\n".join(lines) + "\n",
            date=datetime.now().astimezone(),
            unique=secrets.token_hex(10),
        )

        async def send() -> None:
            async with await smtp.Client.connect(server) as client:
                await client.send(mail, sender.strip(), [to])

        await visitor.run(send())
        await visitor.say(visitor.screen.wrap(f"Sent to {clean(to)}."))

    async def _read(self, visitor: Visitor) -> None:
        assert self.mail is not None
        assert self.mail.folder is not None
        assert self.mail.verify is not None
        if visitor.tls is None and not _is_here(visitor):
            await visitor.say(visitor.screen.wrap("Passwords are taken over TLS alone; come in by that."))
            return
        user = (await visitor.ask("User: ") or "").strip()
        password = user and await visitor.password()
        if not password:
            return
        if not await visitor.run(in_thread(self.mail.verify, user, password)):
            await visitor.say("That is not right.")
            return
        folder = self.mail.folder
        mails = await visitor.run(in_thread(_listed, folder, f"{user}@{self.mail.domain}"))
        if not mails:
            await visitor.say("There is no mail.")
            return
        rows = [(str(number), clean(mail.author or mail.sender), clean(mail.subject)) for number, mail in enumerate(mails, 1)]
        await visitor.say(visitor.screen.table(rows, head=("#", "From", "Subject")))
        while choice := await visitor.ask("Which? (Enter: none) "):
            if not re.fullmatch(r"[0-9]{1,3}", choice.strip()) or not 0 < int(choice) <= len(mails):
                await visitor.say(f"1 to {len(mails)}.")
                continue
            mail = mails[int(choice) - 1]
            text = await visitor.run(in_thread(_text_in, mail))
            head = "\n".join(f"{name}: {mail.header(name)}" for name in ("From", "To", "Date", "Subject"))
            await self._show(visitor, f"{head}\n\n{text}")

    # --- shown

    async def _show(self, visitor: Visitor, text: str) -> None:
        """A text by others, a screen at a time."""
        lines = visitor.screen.wrap(clean(text[:SHOWN])).rstrip("\n").split("\n")
        if len(text) > SHOWN:
            lines.append("(and so on)")
        step = max(4, visitor.rows - 2)
        for at in range(0, len(lines), step):
            await visitor.say(*lines[at : at + step])
            if at + step < len(lines):
                answer = await visitor.ask("(Enter: more, q: enough) ")
                if answer is None or answer.strip().lower() == "q":
                    return


def _is_here(visitor: Visitor) -> bool:
    """Whether what is said passes no wire."""
    address = Address.of(visitor.peer)
    return address.path is not None or (address.ip is not None and address.ip.is_loopback)


def _listed(folder: Path, to: str) -> list[Any]:
    """The newest mails of ``to``. Blocks."""
    if not folder.is_dir():
        return []
    with smtp.Inbox.open(folder) as inbox:
        return [mail for mail in inbox.list(to=to, limit=MAILS) if to in mail.recipients]


def _text_in(mail: Any) -> str:
    """What is in a mail. Blocks."""
    return str(mail.text)


class _Text(HTMLParser):
    """The words of a page, without what is around them."""

    BREAKS: Final = {
        "p",
        "div",
        "br",
        "li",
        "tr",
        "h1",
        "h2",
        "h3",
        "h4",
        "section",
        "article",
        "pre",
        "dt",
        "ul",
        "ol",
        "header",
        "footer",
    }
    HIDDEN: Final = {"script", "style", "template", "title"}

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.HIDDEN:
            self._hidden += 1
        elif tag in self.BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in self.BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(re.sub(r"\s+", " ", data))


def _text_of(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    parser.close()
    return re.sub(r"\s*\n\s*", "\n", "".join(parser.parts)).strip()
