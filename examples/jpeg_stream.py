"""A folder of JPEG pictures as a film: over frames from one process to another, and on into every browser that looks.

    python examples/jpeg_stream.py view                  the viewer: pictures come in on port 7008, the page is on port 8008
    python examples/jpeg_stream.py send [FOLDER]         the sender: each picture a message, ten a second, over and over

A picture's bytes hold every byte there is, so no line end and no mark could keep two of them apart: each has its length in
front (four bytes, the highest first). The browser's side of it is HTTP's own way of saying "and now this instead":
multipart/x-mixed-replace, a body of parts that never ends, each of which takes the place of the one before.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path

import click

from wirespeak.cli.serving import announce, open_sockets
from wirespeak.errors import WirespeakError
from wirespeak.frames import BlockingClient, Dialect, Ending, FramesServer
from wirespeak.http import HttpServer, Request, Response
from wirespeak.http.guard import guarded
from wirespeak.sockets.listener import Listener, serve_until_stopped

PICTURES = Path(__file__).with_name("pictures")

# A camera's largest pictures are 16 MB. The mark tells the end of a film from a sender that fell over.
DIALECT = Dialect("u32be", text=False, limit=16 << 20, end=Ending.MARK)

# Between the parts of the film, for the browser: whatever stands in no picture behind a line end.
BOUNDARY = "next-picture"

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pictures over frames</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
  body { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
  figure { margin: 0; position: relative; aspect-ratio: 16 / 9; border-radius: .5rem; background: #8883; }
  figcaption { position: absolute; inset: 0; display: grid; place-content: center; text-align: center; }
  img { position: relative; display: block; width: 100%; height: 100%; object-fit: contain; border-radius: inherit; color: transparent; }
  code { font-size: .9em; }
</style>
<h1>Pictures over frames</h1>
<figure>
  <figcaption>No picture yet. Send some:<br><code>python examples/jpeg_stream.py send</code></figcaption>
  <img src="/film" alt="The pictures, as they come">
</figure>
<p>Each picture came as one message, its length in front, and is shown until the next one comes. There is no script on this page.</p>
</html>
"""


class Projector:
    """The newest picture, and all who wait for the next. Who is slow to take one misses those that came meanwhile."""

    def __init__(self) -> None:
        self.picture = b""
        self._next = asyncio.Event()

    def show(self, picture: bytes) -> None:
        """The handler for frames: takes a picture, and answers nothing."""
        if not picture.startswith(b"\xff\xd8\xff"):
            raise ValueError(f"{picture[:8]!r} begins no JPEG")
        self.picture = picture
        self._next.set()
        self._next = asyncio.Event()

    async def film(self) -> AsyncIterator[bytes]:
        """The body that never ends. The boundary stands behind each picture, for browsers show a part once it is over."""
        yield f"--{BOUNDARY}\r\n".encode()
        while True:
            following = self._next
            if picture := self.picture:
                head = f"Content-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                yield head.encode() + picture + f"\r\n--{BOUNDARY}\r\n".encode()
            await following.wait()

    def page(self, request: Request) -> Response:
        """The handler for HTTP."""
        if request.path == "/":
            return Response.text(PAGE, media_type="text/html; charset=utf-8")
        if request.path == "/film":
            fields = {"Content-Type": f"multipart/x-mixed-replace; boundary={BOUNDARY}", "Cache-Control": "no-store"}
            return Response(200, fields, self.film())
        return Response.text("There is a page, /, and its film.\n", 404)


@click.group()
def main() -> None:
    """A folder of JPEG pictures as a film, over frames and into the browser."""


@main.command()
@click.option("--frames", default="127.0.0.1:7008", show_default=True, metavar="HOST:PORT", help="Where pictures come in.")
@click.option("--page", default="127.0.0.1:8008", show_default=True, metavar="HOST:PORT", help="Where the page is.")
def view(frames: str, page: str) -> None:
    """Take pictures in, and show them on a page."""

    async def run() -> None:
        projector = Projector()
        site = guarded(projector.page, ["localhost"])
        pictures = Listener(open_sockets([frames], secure=False, plain=False, option="--frames"), FramesServer(projector.show, DIALECT))
        web = Listener(open_sockets([page], secure=False, plain=False, option="--page"), HttpServer(site))
        announce("frames", pictures.addresses, json=False)
        announce("http", web.addresses, json=False)
        click.echo(f"the page: http://localhost:{web.addresses[0][1]}/")
        await serve_until_stopped([pictures, web], grace=1.0)  # a film has no end that one could wait for

    asyncio.run(run())


@main.command()
@click.argument("folder", default=PICTURES, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--to", default="127.0.0.1:7008", show_default=True, metavar="HOST:PORT", help="Where the viewer takes pictures in.")
@click.option("--rate", default=10.0, show_default=True, type=click.FloatRange(0.1, 100), help="Pictures a second.")
@click.option("--once", is_flag=True, help="Stop after the last picture.")
def send(folder: Path, to: str, rate: float, once: bool) -> None:
    """Send the JPEG pictures of FOLDER, in the order of their names."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))
    if not files:
        raise click.UsageError(f"there is no JPEG in {folder}")
    with BlockingClient.connect(to, DIALECT) as frames:
        for file in files if once else itertools.cycle(files):
            frames.send(file.read_bytes())
            time.sleep(1 / rate)


if __name__ == "__main__":
    try:
        main()
    except WirespeakError as error:
        raise SystemExit(f"jpeg_stream: {error}") from None
