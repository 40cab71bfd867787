"""A real Chromium, and pages in it whose complaints are gathered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserType, Page, sync_playwright

from scripts.peers import find

# What Chromium does for its maker's sake is of no use here, and what it does to keep pages in needs more than a container gives.
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]

Launch = Callable[..., Browser]
OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[BrowserType]:
    # No longer than a module: while it lasts, its event loop runs in this thread, where other tests want theirs.
    with sync_playwright() as playwright:
        yield playwright.chromium


@pytest.fixture(scope="module")
def launch(chromium: BrowserType) -> Iterator[Launch]:
    """``launch(*flags, **options)`` starts a browser that ends with the module."""
    browsers: list[Browser] = []

    def start(*flags: str, **options: Any) -> Browser:
        browsers.append(chromium.launch(executable_path=find("chromium"), args=[*FLAGS, *flags], **options))
        return browsers[-1]

    yield start
    for browser in browsers:
        browser.close()


@pytest.fixture(scope="module")
def browser(launch: Launch) -> Browser:
    return launch()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """``open_page(url, **options)`` is a page in a context of its own; in the end none may have complained."""
    complaints: list[str] = []
    contexts = []

    def open_one(url: str, *, within: Browser = browser, **options: Any) -> Page:
        context = within.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{url}: {message.text}") if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(f"{url}: {error}"))
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []
