"""The pictures of examples/jpeg_stream.py, live in a browser."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from tests.processes import Program

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "jpeg_stream.py"


@pytest.mark.peer("chromium")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1000), ("dark", 360)])
def test_the_pictures_move(start: Callable[..., Program], browser: Browser, scheme: Literal["light", "dark"], width: int) -> None:
    viewer = start([sys.executable, EXAMPLE, "view", "--frames", "127.0.0.1:0", "--page", "127.0.0.1:0"])
    frames, page_port = viewer.wait_for(r"listening on (\S+) \(tcp\)\nlistening on 127.0.0.1:(\d+) \(tcp\)").groups()
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 700})
    try:
        page.goto(f"http://localhost:{page_port}/", wait_until="commit")  # with a film that never ends, the page is never loaded
        expect(page.get_by_text("No picture yet")).to_be_visible()
        start([sys.executable, EXAMPLE, "send", "--to", frames, "--rate", "5"])
        picture = page.get_by_role("img")
        page.wait_for_function("() => document.images[0].naturalWidth == 320")
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        seen: set[bytes] = set()
        limit = time.monotonic() + 30
        while len(seen) < 3:
            seen.add(picture.screenshot())
            assert time.monotonic() < limit, f"in 30 s the picture changed {len(seen) - 1} times"
    finally:
        page.close()
