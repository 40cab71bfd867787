"""Local pages, and another page in the same browser (RFC 9110 7.4, 15.5.20; DNS rebinding, cross-site requests).

A page from elsewhere can send requests to this machine. Under a name of its own that it lets resolve to 127.0.0.1 it
could read the answers as well. So a local page answers to its own names alone, and lets only itself change anything.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.hostile.checks import head
from tests.hostile.serving import Server
from wirespeak.http import Request, Response
from wirespeak.http.guard import guarded

CLOSE = "Connection: close"
HOSTS = ["localhost", "127.0.0.1", "[::1]"]


class Page:
    """A page that keeps count of what reached it."""

    def __init__(self, serving: Callable[..., Server]) -> None:
        self.reached: list[str] = []
        self.server = serving(guarded(self._handler, HOSTS))
        self.port = self.server.address[1]

    def _handler(self, request: Request) -> Response:
        self.reached.append(f"{request.method} {request.target}")
        return Response.text("the page\n")

    def ask(self, method: str, host: str, *lines: str, target: str = "/") -> int:
        with self.server.connect() as wire:
            wire.send(head(f"{method} {target} HTTP/1.1", f"Host: {host}", *lines, CLOSE))
            (answer,) = wire.answers(method)
        return answer.status


@pytest.fixture
def page(serving: Callable[..., Server]) -> Page:
    return Page(serving)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evillocalhost",
            "localhostevil",
            "local",
            "127.0.0.2",
            "0.0.0.0",
            "[::]",
            "[::ffff:127.0.0.1]",
        ),
        *(
            "127.1",
            "2130706433",
            "0x7f000001",
            "127.0.0.1.nip.io",
            "[::2]",
            "10.0.0.1",
            "localhost.localdomain",
            "xn--localhost-",
            "localhost%2eevil.example",
            "%6cocalhos",
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_CVE_2026_22689_a_foreign_host_is_421(page: Page, host: str, method: str) -> None:
    assert page.ask(method, host) == 421
    assert page.ask(method, f"{host.partition(':')[0]}:{page.port}" if "[" not in host else f"{host}:{page.port}") == 421
    assert page.reached == []


def test_a_foreign_authority_in_the_target_is_421_whatever_host_says(page: Page) -> None:
    # RFC 9112 3.2.2: where the target is absolute, Host is ignored.
    assert page.ask("GET", "localhost", target="http://evil.example/") == 421
    assert page.ask("GET", f"localhost:{page.port}", target=f"http://evil.example:{page.port}/") == 421
    assert page.reached == []


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "127.0.0.1", "[::1]"])
def test_its_own_names_are_served(page: Page, host: str) -> None:
    assert page.ask("GET", f"{host}:{page.port}") == 200
    assert page.ask("POST", f"{host}:{page.port}", f"Origin: http://{host.lower()}:{page.port}", "Content-Length: 0") == 200
    assert len(page.reached) == 2


ORIGINS = [
    *(
        "http://evil.example",
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "http://localhost@evil.example",
        "file://",
        "chrome-extension://abcdef",
        "http://localhost:1",
    ),
    *(
        "http://evil.example:{port}",
        "http://127.0.0.1.evil.example:{port}",
        "http://localhost:{port}.evil.example",
        "http://localhost:{port}@evil.example",
        "localhost:{port}",
        "",
        "garbage",
    ),
    *(
        "http://localhost:{port}, http://evil.example",
        "http://evil.example http://localhost:{port}",
        "http://evil.example/localhost:{port}",
        "http://evil.example#http://localhost:{port}",
    ),
]


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "FOO"])
def test_a_foreign_origin_may_change_nothing(page: Page, origin: str, method: str) -> None:
    assert page.ask(method, f"localhost:{page.port}", f"Origin: {origin.format(port=page.port)}", "Content-Length: 0") == 403
    assert page.reached == []


def test_a_second_origin_behind_the_right_one_does_not_help(page: Page) -> None:
    own, foreign = f"Origin: http://localhost:{page.port}", "Origin: http://evil.example"
    assert page.ask("POST", f"localhost:{page.port}", own, foreign, "Content-Length: 0") in (400, 403)
    assert page.ask("POST", f"localhost:{page.port}", foreign, own, "Content-Length: 0") in (400, 403)
    assert page.reached == []


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_browser_says_comes_from_another_site_may_change_nothing(page: Page, site: str) -> None:
    # Sec-Fetch-Site (Fetch Metadata): a page can't set it, so where Origin is missing it still tells.
    assert page.ask("POST", f"localhost:{page.port}", f"Sec-Fetch-Site: {site}", "Content-Length: 0") == 403
    assert page.reached == []


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_programs_without_an_origin_may_change_things(page: Page, method: str) -> None:
    # curl and the like send none; only browsers carry other people's pages.
    assert page.ask(method, f"localhost:{page.port}", "Content-Length: 0") == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_foreign_page_may_link_here(page: Page, method: str) -> None:
    # Following a link carries another site's Sec-Fetch-Site and changes nothing; the answer can't be read from there.
    assert (
        page.ask(method, f"localhost:{page.port}", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
        == 200
    )


def test_no_other_origin_is_let_read(page: Page) -> None:
    with page.server.connect() as wire:
        answer = wire.get("/", f"Origin: http://evil.example:{page.port}")
    assert not answer.all("access-control-allow-origin")


@pytest.mark.parametrize("line", ["Upgrade: websocket", "Upgrade: x"])
def test_a_foreign_page_opens_no_tunnel(page: Page, line: str) -> None:
    # A WebSocket is opened by a GET that no same-origin rule holds back (RFC 6455 10.2).
    assert page.ask("GET", f"localhost:{page.port}", "Origin: http://evil.example", "Connection: upgrade", line) == 403
    assert page.reached == []
