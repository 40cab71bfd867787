"""Keeps a local server to its own pages: who asks under a foreign name, or from a foreign page, is refused.

A server on loopback is out of reach for other machines, but not for the pages that its user's browser loads from them.
They come in two ways, and each is told by a field that no script can set:

- *DNS rebinding*: the name of a foreign site is made to lead to 127.0.0.1, so that the browser takes our answers for that
  site's own. The Host field still says the foreign name: 421 (RFC 9110 7.4, 15.5.20).
- *Cross-site requests*: a foreign page sends us a form, a fetch, or loads something of ours into itself. The Origin field
  (RFC 6454 7) and Sec-Fetch-Site (W3C Fetch Metadata 2.3) say so: 403. A link that is followed to us is no such request:
  what it opens is a page of ours, of which the other learns nothing.

Pure: no socket, no file. Who is no browser (curl, telnet) sends none of these fields, and passes.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

from wirespeak.http.grammar import HOST
from wirespeak.http.messages import Request, Response
from wirespeak.http.status import REASONS

__all__ = ["guarded"]

OWN: Final = ("same-origin", "none")
"""What Sec-Fetch-Site says of our own pages, and of what the user typed or has as a bookmark. The others ("same-site" is
also a page on another port of this host) come from somebody else's."""


class _Guarded:
    """The handler that `guarded` gives."""

    __slots__ = ("_handler", "_names", "_parents", "reads_body")

    def __init__(self, handler: Callable[[Request], Response | Awaitable[Response]], hosts: Iterable[str]) -> None:
        hosts = [host.lower() for host in hosts]
        self._handler = handler
        self._names = frozenset(host for host in hosts if not host.startswith("*."))
        self._parents = tuple(host[1:] for host in hosts if host.startswith("*."))
        # What the server asks of a handler, it is now to ask of the one inside.
        is_coroutine = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)
        self.reads_body: bool = getattr(handler, "reads_body", not is_coroutine)

    def __call__(self, request: Request) -> Response | Awaitable[Response]:
        return self._refusal(request) or self._handler(request)

    def _refusal(self, request: Request) -> Response | None:
        """The answer to a request that may not pass; None for one that may."""
        if not self._is_ours(request):
            names = ", ".join(sorted({*self._names, *(f"*{parent}" for parent in self._parents)}))
            return _refused(421, f"{request.host!r} is no name of this server. It answers to {names}.")
        if _is_foreign(request):
            return _refused(403, "The page of another site asked for this. Only this server's own pages may.")
        return None

    def _is_ours(self, request: Request) -> bool:
        """Whether the host asked for is one of ours, on whatever port: that may be another where connections are forwarded.

        So is the address at which the request came in, as no name is needed for it; and so is no host at all (HTTP/1.0),
        which no browser sends.
        """
        match = HOST.fullmatch(request.host.lower())
        host = match[1].removesuffix(".") if match else request.host
        return host in self._names or host.endswith(self._parents) or not request.host or _is_address(host, request.connection)


def guarded(handler: Callable[[Request], Response | Awaitable[Response]], hosts: Iterable[str]) -> _Guarded:
    """A handler that passes on to ``handler`` what is asked under one of ``hosts``, and not by the page of another site.

    ``hosts`` are names and addresses as the Host field has them, without a port: ``localhost``, ``[::1]``; with ``*.`` in
    front, all names below one.
    """
    return _Guarded(handler, hosts)


def _refused(status: int, why: str) -> Response:
    fields = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return Response.text(f"{status} {REASONS[status]}\n\n{why}\n", status, fields=fields)


def _is_foreign(request: Request) -> bool:
    """Whether the page of another site asks."""
    fields = request.fields.by_name
    origin = fields.get("origin")
    if origin is not None:
        scheme = "https" if getattr(request.connection, "tls", None) else "http"
        return origin.lower() != f"{scheme}://{request.host}".lower()
    if fields.get("sec-fetch-site", "none") in OWN:
        return False
    followed = fields.get("sec-fetch-mode") == "navigate" and fields.get("sec-fetch-dest") == "document"
    return not (followed and request.method in ("GET", "HEAD"))


def _is_address(host: str, connection: Any) -> bool:
    """Whether ``host`` is the address at which ``connection`` came in."""
    local = getattr(connection, "local", None)
    if not isinstance(local, tuple):
        return False
    try:
        ours, asked = ip_address(str(local[0])), ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    # A dual-stack socket has IPv4 addresses in IPv6's clothes.
    return asked == (ours.ipv4_mapped or ours if isinstance(ours, IPv6Address) else ours)
