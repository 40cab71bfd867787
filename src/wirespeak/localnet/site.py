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

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Final

import msgspec

from wirespeak import explanation
from wirespeak.http.messages import Request, Response
from wirespeak.http.static import StaticFiles
from wirespeak.localnet.mirror import Said, mirrored
from wirespeak.localnet.net import LocalNet
from wirespeak.localnet.pages import ASSETS, POLICY, render

__all__ = ["Site"]

ROOT: Final = "/authority/wirespeak-root.pem"
FILES: Final = "/files/"

# What is kept in memory of the user's files: theirs is a site that one person looks at.
FILES_KEPT: Final = 16 << 20

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
        path = request.raw_path
        page = self._given_out if path.startswith(FILES) else self._pages.get(path)
        if page is None:
            return self._missing(request)
        if request.method not in ("GET", "HEAD"):
            allowed = {"Allow": "GET, HEAD, OPTIONS"}
            return Response(204, allowed) if request.method == "OPTIONS" else _refused(request, 405, allowed)
        return page(request)

    # --- pages

    def _home(self, request: Request) -> Response:
        trials = [(running, running.service.by_hand(self._net, running)) for running in self._net.running]
        status = self._net.status()
        here = request.connection

        def make(asked: Said, answered: Said) -> Response:
            return render("home.html", net=self._net, trials=trials, status=status, here=here, request=request, asked=asked, answered=answered)

        return mirrored(request, make, self.standing)

    def _explain(self, request: Request) -> Response:
        make = partial(self._explained_page, request) if _reads_html(request) else _explained_text
        return mirrored(request, make, self.standing)

    def _explained_page(self, request: Request, asked: Said, answered: Said) -> Response:
        response = render("explain.html", here=request.connection, request=request, asked=asked, answered=answered)
        return replace(response, fields=response.fields.with_("Vary", "Accept"))

    def _status(self, request: Request) -> Response:
        fields = {"Content-Type": "application/json", "Cache-Control": "no-store", **POLICY}
        return Response(200, fields, msgspec.json.format(msgspec.json.encode(self._net.status())) + b"\n")

    def _authority(self, request: Request) -> Response:
        return render("authority.html", net=self._net, root=ROOT, certificate=self._net.authority.certificate)

    def _root(self, request: Request) -> Response:
        fields = {
            "Content-Type": "application/x-pem-file",
            "Content-Disposition": f'attachment; filename="{ROOT.rpartition("/")[2]}"',
            "Cache-Control": "no-cache",
            **POLICY,
        }
        return Response(200, fields, self._net.authority.certificate_file.read_bytes())

    def _given_out(self, request: Request) -> Response | Awaitable[Response]:
        """One of the user's own files."""
        query = f"?{request.query}" if request.query else ""
        answer = self._files(replace(request, target=request.raw_path[len(FILES) - 1 :] + query))
        if isinstance(answer, Response) and answer.status == 404:
            return self._missing(request)
        return answer

    def _missing(self, request: Request) -> Response:
        return _refused(request, 404)


def _explained_text(asked: Said, answered: Said) -> Response:
    """For who reads plain text: curl's users, and whoever typed the request."""
    text = (
        f"You said, in {len(asked.head):,} bytes:\n\n{explanation.as_text(asked.head, asked.parts)}"
        f"\nThe answer begins with these {len(answered.head):,}:\n\n{explanation.as_text(answered.head, answered.parts)}"
    )
    return Response.text(text, fields={**POLICY, "Vary": "Accept", "Cache-Control": "no-store"})


def _refused(request: Request, status: int, fields: dict[str, str] | None = None) -> Response:
    """An answer that says no, to a person or to a program."""
    words = {404: "There is nothing here by that name.", 405: f"This page is there to be read; {request.method} does nothing to it."}[status]
    if _reads_html(request):
        response = render("error.html", status, code=status, words=words, target=explanation.visible(request.target))
    else:
        response = Response.text(f"{status}\n\n{words}\n", status, fields={**POLICY, "Cache-Control": "no-store"})
    for name, value in (fields or {}).items():
        response = replace(response, fields=response.fields.with_(name, value))
    return response


def _reads_html(request: Request) -> bool:
    """Whether the client, as a browser does, names HTML among what it takes (RFC 9110 12.5.1); ``*/*`` does not name it."""
    return "text/html" in (request.fields.get("accept") or "").lower()
