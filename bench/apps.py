"""The application that wirespeak runs in the upload row: it stores what is put, as nginx's `dav_methods PUT` does.

Writes below the folder named by BENCH_STORE: first to a temporary file, which then takes its name, so that a reader
never sees half a file. nginx does it in the same order.
"""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from wirespeak.http import Request, Response

STORE = Path(os.environ["BENCH_STORE"])


async def upload(request: Request) -> Response:
    """Store the body under the last part of the path, as it comes in."""
    with NamedTemporaryFile(dir=STORE, delete=False) as file:
        try:
            async for chunk in request.stream():
                file.write(chunk)
        except BaseException:  # the client went away, or is too slow
            os.unlink(file.name)
            raise
    os.replace(file.name, STORE / Path(request.path).name)
    return Response(204)
