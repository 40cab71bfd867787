"""Files of a folder as HTTP gives them out: whole, in parts, compressed, or not again (RFC 9110 12.5.3, 13, 14).

`StaticFiles` is a handler. What most requests ask for, a small file that was asked for before, is answered by a
look-up, one stat of the file, and a response that lies ready:

    target ─▶ kept Entry ── unchanged? ─▶ ready Response
                  │ none, or changed
                  ▼
    names_in ─▶ open_beneath ─▶ Entry ─▶ acceptable ─▶ Variant ─▶ precondition ─▶ parse_ranges ─▶ Response
    (beneath.py)           (variants.py) (coding.py)            (conditional.py)  (ranges.py)

Nothing is given out that is not beneath the root. A change shows with the next request, whether the file was written
in place, replaced or taken away; what is on its way by then is sent as it was, unless it was written in place. A folder that
was moved, or a link that leads elsewhere now, shows within a second.

Responses are shared between requests: who wants to change one makes another of it (`dataclasses.replace`).
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import AsyncIterator, Awaitable
from time import monotonic, time
from typing import Final
from urllib.parse import quote

from wirespeak.generations import Generations
from wirespeak.http.coding import IDENTITY, Encoder, acceptable, compress
from wirespeak.http.conditional import PRECONDITIONS, precondition, range_applies
from wirespeak.http.fields import Fields, FieldsLike
from wirespeak.http.messages import Request, Response
from wirespeak.http.ranges import content_range, multipart, parse_ranges, part_of, unsatisfied
from wirespeak.http.static.beneath import OpenFile, is_shown, names_in, open_beneath
from wirespeak.http.static.variants import Entry, Variant
from wirespeak.http.status import REASONS
from wirespeak.sockets.tasks import in_thread

__all__ = ["StaticFiles"]

# Up to here a file is kept for the next request: in memory, or open. A larger one is opened each time, which is little beside
# sending it; and a file that is kept open keeps its place on the disk though it was deleted, so it had better be small.
KEPT: Final = 1 << 20

# Below, compressing saves nothing: head and content fit into one packet either way.
COMPRESS_FROM: Final = 1 << 10
# Up to here a variant is compressed as a whole, and kept; beyond, it is compressed while it is sent.
COMPRESS_WHOLE: Final = KEPT
# Read for compressing at a time: some milliseconds of work, so that a transfer that was given up ends soon.
COMPRESS_PIECE: Final = 128 << 10
# Responses being compressed at the same time, each of some megabytes of memory; more requests get the file as it is.
MAX_COMPRESSING: Final = 32

# The different texts of Accept-Encoding for which an entry has its response ready, and the length of one. Of those that a
# site's visitors send, there is a handful.
MAX_READY: Final = 8
MAX_ACCEPT: Final = 256

SPECIAL: Final = PRECONDITIONS | {"range"}
"""Fields with which the ready response might not be the answer."""

ALLOW: Final = {"Allow": "GET, HEAD, OPTIONS"}


def _status(status: int, fields: FieldsLike = ()) -> Response:
    """A response that says its status and no more."""
    pairs = [("Content-Type", "text/plain; charset=utf-8"), *Fields(fields).items()]
    return Response(status, Fields(pairs), f"{status} {REASONS[status]}\n".encode())


OPTIONS: Final = Response(204, ALLOW)
NOT_ALLOWED: Final = _status(405, ALLOW)
NOT_FOUND: Final = _status(404)
FORBIDDEN: Final = _status(403)
NOT_ACCEPTABLE: Final = _status(406, {"Vary": "Accept-Encoding"})
PRECONDITION_FAILED: Final = _status(412)
UNAVAILABLE: Final = _status(503, {"Retry-After": "1"})

# What the system says when a file can't be opened, and what that is to the client. The rest is a fault of ours: 500.
REFUSALS: Final = {
    **dict.fromkeys((errno.EINVAL, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO), NOT_FOUND),
    **dict.fromkeys((errno.EACCES, errno.EPERM), FORBIDDEN),
    # ESTALE: it is being written anew just now (`OpenFile.read`).
    **dict.fromkeys((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE), UNAVAILABLE),
}


class StaticFiles:
    """A handler that gives out the files beneath ``root``. A query is passed over.

    ``index`` is the file that stands for its folder (None: none does); without one, ``listing`` says whether the files in
    the folder are listed. ``hidden`` gives out names that begin with a dot too. ``compress`` is whether compressible
    files that have no compressed one beside them are compressed here. ``fields`` are sent with every file and listing
    (``{"Cache-Control": "max-age=3600"}``). ``memory`` bounds, in bytes, what is kept for the next request, and with it the
    files that are held open for that, at one for each 256 KB.

    Symbolic links are followed where they lead to something beneath ``root``. ``root`` may itself be a link: it is followed
    anew every second, so a new version of a site can be put in place by changing it.
    """

    reads_body = False
    """For the server: it need not collect the body of a request first."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        index: str | None = "index.html",
        listing: bool = True,
        hidden: bool = False,
        compress: bool = True,
        fields: FieldsLike = (),
        memory: int = 64 << 20,
    ) -> None:
        self.root = os.path.abspath(root)
        self.index = index
        self.listing = listing
        self.hidden = hidden
        self.compress = compress
        self._fields = [("X-Content-Type-Options", "nosniff"), *Fields(fields).items()]
        self._entries: Generations[str, Entry] = Generations(memory)
        self._compressing = 0

    def __call__(self, request: Request) -> Response | Awaitable[Response]:
        target = request.target
        entry = self._entries.young.get(target)
        if entry is None and "?" in target:
            entry = self._entries.young.get(target.partition("?")[0])
        if entry is not None:
            values = request.fields.by_name
            response = entry.ready.get(values.get("accept-encoding"))
            if response is not None and values.keys().isdisjoint(SPECIAL) and request.method in ("GET", "HEAD"):
                now = monotonic()
                if now < entry.looked_until or (now < entry.look_again and entry.unchanged(now)):
                    return response
        return self._answer(request)

    # --- from the path to the file

    def _answer(self, request: Request) -> Response | Awaitable[Response]:
        if request.method not in ("GET", "HEAD"):
            return OPTIONS if request.method == "OPTIONS" else NOT_ALLOWED
        path = request.raw_path
        entry = self._entries.get(path)
        if entry is not None and entry.unchanged(monotonic()):
            if monotonic() >= entry.look_again:
                self._entries.drop(path)
                entry.look_beside()
                self._entries.put(path, entry)
        else:
            self._entries.drop(path)
            try:
                found = self._find(path, request.query)
            except OSError as error:
                refusal = REFUSALS.get(error.errno or 0)
                if refusal is None:
                    raise
                return refusal
            if not isinstance(found, Entry):
                return found
            entry = found
            if entry.settled and entry.status.st_size <= KEPT:
                self._entries.put(path, entry)
        return self._select(request, path, entry)

    def _find(self, path: str, query: str) -> Entry | Response | Awaitable[Response]:
        """The file that ``path`` names, or else what is to be answered. Raises OSError."""
        names = names_in(path, self.hidden)
        if names is None:
            return NOT_FOUND
        if names[-1]:
            file = open_beneath(self.root, names)
            if not stat.S_ISDIR(file.status.st_mode):
                return Entry.of(self.root, names, file, self._fields)
            # A folder, whose path ends in a slash. Relative, so it is right wherever this handler is mounted; and with the
            # ./ in front it can't be taken for a scheme, or for //host.
            target = f"./{quote(os.fsencode(names[-1]))}/"
            return _status(301, {"Location": f"{target}?{query}" if query else target})
        names = names[:-1]
        if self.index is not None:
            try:
                file = open_beneath(self.root, (*names, self.index))
                if stat.S_ISREG(file.status.st_mode):
                    return Entry.of(self.root, (*names, self.index), file, self._fields)
            except (FileNotFoundError, NotADirectoryError):
                pass
        folder = open_beneath(self.root, names)
        if stat.S_ISDIR(folder.status.st_mode) and self.listing:
            return in_thread(self._list, names, folder)
        return NOT_FOUND

    def _list(self, names: tuple[str, ...], folder: OpenFile) -> Response:
        """The page of a folder's files."""
        from wirespeak.http.static.listing import SECURITY_POLICY, read_folder, render  # takes a moment to import, for its templates

        def visible(name: str) -> bool:
            return self.hidden or is_shown(name, len(names))

        def follow(name: str) -> os.stat_result:
            return open_beneath(self.root, (*names, name)).status

        page = render(names, *read_folder(folder, visible, follow)).encode()
        pairs = [("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", SECURITY_POLICY), *self._fields]
        return Response(200, Fields(pairs), page)

    # --- from the file to the answer

    def _select(self, request: Request, path: str, entry: Entry) -> Response | Awaitable[Response]:
        """Choose the variant that the client likes best (RFC 9110 12.5.3), and answer with it."""
        accept = request.fields.get("accept-encoding")
        wanted = acceptable(accept)
        partial = request.method == "GET" and "range" in request.fields
        plain = entry.variants[IDENTITY] if IDENTITY in wanted else None
        better = wanted[: wanted.index(IDENTITY)] if plain else wanted
        chosen = next((there for coding in better if (there := entry.variants.get(coding)) and not there.made), plain)
        # Parts are given out of files alone: what is compressed here might not be the same bytes the next time.
        if better and chosen is plain and self.compress and entry.compressible and entry.status.st_size >= COMPRESS_FROM and not partial:
            chosen = entry.to_make(better[0])
            if chosen.whole is None and (chosen.making or self._compressing >= MAX_COMPRESSING):
                return self._respond(request, path, entry, plain) if plain else UNAVAILABLE
        if chosen is None:
            return NOT_ACCEPTABLE
        if chosen.whole is not None and not partial and (accept is None or len(accept) <= MAX_ACCEPT):
            if len(entry.ready) >= MAX_READY:
                entry.ready.clear()
            entry.ready[accept] = chosen.whole
        return self._respond(request, path, entry, chosen)

    def _respond(self, request: Request, path: str, entry: Entry, variant: Variant) -> Response | Awaitable[Response]:
        """The answer to the request's conditions and ranges, in the order of RFC 9110 13.2.2."""
        fields = request.fields
        verdict = precondition(request.method, fields, variant.etag, variant.modified, time())
        if verdict is not None:
            return variant.unmodified() if verdict == 304 else PRECONDITION_FAILED
        asked = fields.get("range")
        if asked is not None and request.method == "GET" and not variant.made:
            if_range = fields.get("if-range")
            if if_range is None or range_applies(if_range, variant.etag, variant.modified, time()):
                partial = self._partial(asked, entry, variant)
                if partial is not None:
                    return partial
        if variant.whole is not None:
            return variant.whole
        source = entry.variants[IDENTITY].content
        if isinstance(source, OpenFile) and entry.status.st_size > COMPRESS_WHOLE:
            return Response(200, variant.fields, self._compress_while_sent(source, entry.status.st_size, variant.coding))
        assert source is not None
        return self._compress_whole(path, entry, variant, source)

    def _partial(self, asked: str, entry: Entry, variant: Variant) -> Response | None:
        """206, or 416; None where the Range field is to be ignored (RFC 9110 14.2)."""
        parts = parse_ranges(asked, variant.size)
        if parts is None:
            return None
        if not parts:
            return _status(416, {"Content-Range": unsatisfied(variant.size)})
        content = variant.content
        assert content is not None
        if len(parts) == 1:
            return Response(206, variant.fields.with_("Content-Range", content_range(parts[0], variant.size)), part_of(content, parts[0]))
        boundary = secrets.token_hex(16)
        fields = variant.fields.with_("Content-Type", f"multipart/byteranges; boundary={boundary}")
        return Response(206, fields, multipart(content, parts, variant.size, entry.media_type, boundary))

    # --- compressing

    async def _compress_whole(self, path: str, entry: Entry, variant: Variant, source: bytes | OpenFile) -> Response:
        """Compress a variant, keep it, and answer with it."""
        self._compressing += 1
        variant.making = True
        try:
            content = await in_thread(_compressed, source, entry.status.st_size, variant.coding)
        finally:
            variant.making = False
            self._compressing -= 1
        if self._entries.get(path) is not entry:
            return variant.fill(content)
        # Weighed anew.
        self._entries.drop(path)
        whole = variant.fill(content)
        self._entries.put(path, entry)
        return whole

    async def _compress_while_sent(self, source: OpenFile, size: int, coding: str) -> AsyncIterator[bytes]:
        """The pieces of a file, compressed in a thread as they are asked for; no more once nobody asks."""
        self._compressing += 1
        try:
            encoder = Encoder(coding)
            for offset in range(0, size, COMPRESS_PIECE):
                piece = await in_thread(_compress_piece, encoder, source, offset, min(COMPRESS_PIECE, size - offset))
                if piece:
                    yield piece
            yield await in_thread(encoder.finish)
        finally:
            self._compressing -= 1


def _compressed(source: bytes | OpenFile, size: int, coding: str) -> bytes:
    return compress(source if isinstance(source, bytes) else source.read(0, size), coding)


def _compress_piece(encoder: Encoder, source: OpenFile, offset: int, count: int) -> bytes:
    return encoder.encode(source.read(offset, count))
