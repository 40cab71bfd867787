"""The web site of the little internet: which page answers what.

    /                     what runs here, how to talk to it by hand, and the visitor's own request
    /explain              that request alone: a page for browsers, plain text for who types it or uses curl
    /status               what the services have done, as JSON
    /authority            the local authority, and how to trust it; its root certificate beneath
    /files/               what the user has put into the folder ``www``
    /assets/              what the pages are made of

Who asks under a foreign name, or from a foreign page, never gets here (``wirespeak.http.guard``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

import msgspec

from wirespeak import explanation
from wirespeak.http.messages import Request, Response
from wirespeak.http.static import StaticFiles
from wirespeak.http.status import REASONS
from wirespeak.localnet.mirror import Said, mirrored
from wirespeak.localnet.net import LocalNet
from wirespeak.localnet.pages import ASSETS, render
from wirespeak.sockets.tls import authority_folder

__all__ = ["Site"]

ROOT: Final = "/authority/wirespeak-root.pem"
FILES: Final = "/files/"

# What is kept in memory of the user's files: theirs is a site that one person looks at.
FILES_KEPT: Final = 16 << 20

PLAIN: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
"""The fields of an answer that is no page."""

VARIES: Final = {"Vary": "Accept"}
ALLOW: Final = {"Allow": "GET, HEAD, OPTIONS"}
NOTHING: Final = "There is nothing here by that name."

Page = Callable[[Request], Response | Awaitable[Response]]


class Site:
    """A handler. ``standing`` gives the lines that the server adds to each answer; whoever makes the server sets it."""

    reads_body = False

    def __init__(self, net: LocalNet) -> None:
        self.standing: Callable[[], bytes] = bytes
        self._net = net
        self._files = StaticFiles(net.files, memory=FILES_KEPT, fields={"Cache-Control": "no-cache"})
        self._pages: dict[str, Page] = {
            "/": self._home,
            "/explain": self._explain,
            "/status": self._status,
            "/authority": self._authority,
            ROOT: self._root,
            FILES.rstrip("/"): lambda request: Response(308, {"Location": FILES}),
            **ASSETS,
        }

    def __call__(self, request: Request) -> Response | Awaitable[Response]:
        if request.method == "OPTIONS":
            return Response(204, ALLOW)
        path = request.raw_path
        page = self._given_out if path.startswith(FILES) else self._pages.get(path)
        if page is None:
            return _refused(request, 404, NOTHING)
        if request.method not in ("GET", "HEAD"):
            return _refused(request, 405, f"It is there to be read; {request.method} does nothing to it.", ALLOW)
        return page(request)

    # --- pages

    def _home(self, request: Request) -> Response:
        trials = [(running, running.service.by_hand(self._net, running)) for running in self._net.running]
        page = partial(render, "home.html", net=self._net, trials=trials, done=self._net.status()["services"], request=request)
        return self._mirrored(request, page)

    def _explain(self, request: Request) -> Response:
        page = partial(render, "explain.html", fields=VARIES) if _reads_html(request) else _explained_text
        return self._mirrored(request, page)

    def _mirrored(self, request: Request, page: Callable[..., Response]) -> Response:
        """The page that tells what was asked and what is answered."""
        return mirrored(request, lambda asked, answered: page(asked=asked, answered=answered, here=request.connection), self.standing)

    def _status(self, request: Request) -> Response:
        data = msgspec.json.format(msgspec.json.encode(self._net.status()))
        return Response(200, {"Content-Type": "application/json", **PLAIN}, data + b"\n")

    def _authority(self, request: Request) -> Response:
        authority = self._net.authority
        url = next((running.url for running in self._net.running if running.service.secure), "https://localhost/")
        known = authority.folder == authority_folder()  # where our own clients look for it
        return render("authority.html", net=self._net, root=ROOT, url=url, known=known, certificate=authority.certificate)

    def _root(self, request: Request) -> Response:
        fields = {
            "Content-Type": "application/x-pem-file",
            "Content-Disposition": f'attachment; filename="{ROOT.rpartition("/")[2]}"',
            **PLAIN,
        }
        return Response(200, fields, self._net.authority.certificate_file.read_bytes())

    def _given_out(self, request: Request) -> Response | Awaitable[Response]:
        """One of the user's own files."""
        query = f"?{request.query}" if request.query else ""
        answer = self._files(replace(request, target=request.raw_path[len(FILES) - 1 :] + query))
        if isinstance(answer, Response) and answer.status == 404:
            return _refused(request, 404, NOTHING)
        return answer


def _explained_text(asked: Said, answered: Said, here: Any) -> Response:
    """For who reads plain text: curl's users, and whoever typed the request."""
    text = (
        f"You said, in {len(asked.head):,} bytes:\n\n{explanation.as_text(asked.head, asked.parts)}"
        f"\nThe answer begins with these {len(answered.head):,} bytes:\n\n{explanation.as_text(answered.head, answered.parts)}"
    )
    return Response.text(text, fields={**PLAIN, **VARIES})


def _refused(request: Request, status: int, words: str, fields: Mapping[str, str] | None = None) -> Response:
    """An answer that says no, to a person or to a program."""
    if _reads_html(request):
        return render("error.html", status, fields, words=words, target=explanation.visible(request.target))
    return Response.text(f"{status} {REASONS[status]}\n\n{words}\n", status, fields={**PLAIN, **(fields or {})})


def _reads_html(request: Request) -> bool:
    """Whether the client, as a browser does, names HTML among what it takes (RFC 9110 12.5.1); ``*/*`` does not name it."""
    return "text/html" in (request.fields.get("accept") or "").lower()
