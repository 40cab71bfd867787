"""The site as an ASGI application, for the peers: every file answered from memory, with the fields that nginx sends.

Reads the folder named by BENCH_ROOT once, when it is imported; after that a request costs one look into a dictionary.
This is the most favourable work that can be given to an ASGI server.
"""

import os
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

from bench.corpus import MEDIA_TYPES


def answers(root: Path) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    ready = {}
    for file in root.rglob("*"):
        if not file.is_file():
            continue
        body, status = file.read_bytes(), file.stat()
        fields = {
            "content-type": MEDIA_TYPES[file.suffix],
            "content-length": str(len(body)),
            "last-modified": formatdate(status.st_mtime, usegmt=True),
            "etag": f'"{int(status.st_mtime):x}-{len(body):x}"',
            "accept-ranges": "bytes",
        }
        start = {"type": "http.response.start", "status": 200, "headers": [(n.encode(), v.encode()) for n, v in fields.items()]}
        ready["/" + file.relative_to(root).as_posix()] = (start, {"type": "http.response.body", "body": body})
    return ready


ANSWERS = answers(Path(os.environ["BENCH_ROOT"]))


async def app(scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    start, body = ANSWERS[scope["path"]]
    await send(start)
    await send(body)
