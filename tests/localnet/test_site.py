"""The site: which page answers what, to browsers and to those who ask by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wirespeak.http import Request, Response
from wirespeak.http.fields import Fields
from wirespeak.localnet import SERVICES, LocalNet, Running
from wirespeak.localnet.pages import ASSETS
from wirespeak.localnet.site import Site
from wirespeak.sockets.address import Address

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Visitor:
    """Asks a site whose services are said to run, without a socket."""

    def __init__(self, folder: Path) -> None:
        self.net = LocalNet(folder)
        self.net.running = [Running(service, [Address("127.0.0.1", service.port)]) for service in SERVICES]
        self.site = Site(self.net)
        self.tls: Any = None

    def ask(self, target: str, method: str = "GET", **fields: str) -> Response:
        answer = self.ask_any(target, method, **fields)
        assert isinstance(answer, Response)
        return answer

    def ask_any(self, target: str, method: str = "GET", **fields: str) -> Response | Awaitable[Response]:
        pairs = [("Host", "localhost:8080"), *((name.replace("_", "-"), value) for name, value in fields.items())]
        here = SimpleNamespace(peer=("127.0.0.1", 50000), local=("127.0.0.1", 8080), tls=self.tls)
        return self.site(Request(method, target, Fields(pairs), connection=here))

    def read(self, target: str, **fields: str) -> str:
        """The text of a page, as a browser is given it."""
        answer = self.ask(target, Accept=BROWSER, **fields)
        assert "text/html" in Fields(answer.fields)["content-type"]
        body: bytes = answer.body
        return body.decode()


@pytest.fixture
def visitor(tmp_path: Path) -> Visitor:
    return Visitor(tmp_path)


class Refers(HTMLParser):
    """What a page loads, and what it links to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loads: set[str] = set()
        self.links: set[str] = set()
        self.inline: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "href" and tag == "a":
                self.links.add(value or "")
            elif name in ("src", "href", "srcset", "data", "poster"):
                self.loads.add(value or "")
            elif name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")
        if tag == "style" or (tag == "script" and "src" not in dict(attrs)):
            self.inline.append(tag)


PAGES = ["/", "/explain", "/authority", "/nothing"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_its_own_assets_and_nothing_else(visitor: Visitor, path: str) -> None:
    page = Refers(visitor.read(path))
    assert page.loads
    assert page.loads <= set(ASSETS)
    assert page.inline == []  # the policy would not let it work


@pytest.mark.parametrize("path", PAGES)
def test_every_link_leads_somewhere(visitor: Visitor, path: str) -> None:
    page = Refers(visitor.read(path))
    for link in page.links:
        if link.startswith("/"):
            answer = visitor.ask_any(link)
            assert not isinstance(answer, Response) or answer.status == 200, link
            if not isinstance(answer, Response):
                answer.close()  # type: ignore[attr-defined]
        else:
            assert re.match(r"#[a-z]+$|https?://localhost:\d+/|https://www\.rfc-editor\.org/rfc/rfc\d+", link), link
    ids = set(re.findall(r'id="([^"]+)"', visitor.read(path)))
    assert {link[1:] for link in page.links if link.startswith("#")} <= ids


@pytest.mark.parametrize("path", PAGES)
def test_a_page_lets_nothing_else_in(visitor: Visitor, path: str) -> None:
    fields = Fields(visitor.ask(path, Accept=BROWSER).fields)
    policy = fields["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert fields["x-content-type-options"] == "nosniff"
    assert fields["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/explain", '/%22%3E%3Cscript%3Ealert(1)%3C/script%3E"><script>alert(1)</script>'])
def test_what_a_visitor_says_stays_text(visitor: Visitor, path: str) -> None:
    page = visitor.read(path, User_Agent="<script>alert(1)</script>", Referer='"><img src=x onerror=alert(1)>')
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    if path in ("/", "/explain"):
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_home_says_what_runs_and_how_to_talk_to_it(visitor: Visitor) -> None:
    page = visitor.read("/")
    assert "http://localhost:8080/" in page
    assert "https://localhost:8443/" in page
    assert "telnet localhost 8080" in page
    assert "telnet localhost 8025" in page
    assert "telnet localhost 8023" in page
    assert "RCPT TO:&lt;alice@home.test&gt;" in page
    assert f"<code>{visitor.net.password}</code>" in page
    assert "dig @localhost -p 8053 www.home.test" in page
    assert "(udp and tcp)" in page
    assert f"curl --cacert {visitor.net.authority.certificate_file} https://localhost:8443/explain" in page
    assert "From port <b>50000</b> to port <b>8080</b> of <b>127.0.0.1</b> over TCP" in page
    assert "in clear" in page


def test_home_over_tls_says_what_was_agreed_on(visitor: Visitor) -> None:
    visitor.tls = SimpleNamespace(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384")
    page = visitor.read("/")
    assert "<b>TLSv1.3</b> with <b>TLS_AES_256_GCM_SHA384</b>" in page
    assert "in clear" not in page


def test_the_request_is_shown_to_a_browser_as_a_page(visitor: Visitor) -> None:
    page = visitor.read("/explain?a=1", Accept_Language="de")
    said = f"GET /explain?a=1 HTTP/1.1\r\nHost: localhost:8080\r\nAccept: {BROWSER}\r\nAccept-Language: de\r\n\r\n".encode()
    assert f'data-bytes="{said.hex()}"' in page
    assert f"{len(said)} bytes, no more and no fewer" in page


def test_the_request_is_shown_to_others_as_text(visitor: Visitor) -> None:
    answer = visitor.ask("/explain", Accept="*/*")
    fields = Fields(answer.fields)
    assert fields["content-type"] == "text/plain; charset=utf-8"
    assert fields["vary"] == "Accept"
    text = answer.body.decode()
    assert text.startswith("You said, in 60 bytes:\n\nrequest line\n   0  GET·")
    assert "Content-Length" in text


def test_the_status_is_json(visitor: Visitor) -> None:
    answer = visitor.ask("/status")
    assert Fields(answer.fields)["content-type"] == "application/json"
    assert [service["url"] for service in json.loads(answer.body)["services"]] == [
        "http://localhost:8080/",
        "https://localhost:8443/",
        "smtp://localhost:8025/",
        "smtp://localhost:8587/",
        "smtps://localhost:8465/",
        "telnet://localhost:8023/",
        "irc://localhost:6667/",
        "ircs://localhost:6697/",
        "dns://localhost:8053/",
    ]


def test_the_root_certificate_can_be_taken_away(visitor: Visitor) -> None:
    page = Refers(visitor.read("/authority"))
    (link,) = (link for link in page.links if link.endswith(".pem"))
    answer = visitor.ask(link)
    assert Fields(answer.fields)["content-disposition"].startswith("attachment; ")
    assert answer.body == visitor.net.authority.certificate_file.read_bytes()
    assert b"PRIVATE" not in answer.body
    assert visitor.net.authority.certificate.fingerprint in visitor.read("/authority")


def test_the_users_files_are_given_out(visitor: Visitor) -> None:
    (visitor.net.files / "note.txt").write_text("mine")
    answer = visitor.ask("/files/note.txt?x")
    assert (answer.status, answer.body) == (200, b"mine")
    assert visitor.ask("/files").status == 308
    assert visitor.ask("/files/../authority/root/key.pem").status == 404
    assert visitor.ask("/files/%2e%2e/authority/root/key.pem").status == 404


def test_what_is_missing_is_told_in_the_visitors_form(visitor: Visitor) -> None:
    for path in ("/nothing", "/files/nothing"):
        assert visitor.ask(path, Accept=BROWSER).status == 404
        assert path in visitor.read(path)
        answer = visitor.ask(path, Accept="application/json")
        assert answer.status == 404
        assert answer.body.startswith(b"404 Not Found\n")


def test_a_page_is_there_to_be_read(visitor: Visitor) -> None:
    for path in (*PAGES[:3], "/status", "/files/hello.txt", "/assets/site.css"):
        assert visitor.ask(path, "HEAD").status == 200
        answer = visitor.ask(path, "POST")
        assert answer.status == 405
        assert Fields(answer.fields)["allow"] == "GET, HEAD, OPTIONS"
        assert visitor.ask(path, "OPTIONS").status == 204
    assert visitor.ask("*", "OPTIONS").status == 204


@pytest.mark.parametrize("path", sorted(ASSETS))
def test_an_asset_is_sent_once(visitor: Visitor, path: str) -> None:
    first = visitor.ask(path)
    fields = Fields(first.fields)
    again = visitor.ask(path, If_None_Match=fields["etag"])
    assert first.status == 200
    assert fields["content-type"].partition(";")[0] in ("text/css", "text/javascript", "image/svg+xml")
    assert (again.status, again.body) == (304, b"")
    assert Fields(again.fields)["etag"] == fields["etag"]
    assert visitor.ask(path, If_None_Match='"another"').status == 200
