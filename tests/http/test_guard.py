"""Who may ask a local server, and who may not: row by row what a browser sends in each case."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from wirespeak.http import HttpServer, Request, Response
from wirespeak.http.fields import Fields
from wirespeak.http.guard import guarded

HOSTS = ("localhost", "127.0.0.1", "[::1]", "*.home.test")


def secret(request: Request) -> Response:
    return Response.text("secret")


def ask(method: str = "GET", host: str | None = "localhost:8080", *, tls: bool = False, local: Any = None, **fields: str) -> Response:
    pairs = [("Host", host)] if host is not None else []
    pairs += [(name.replace("_", "-"), value) for name, value in fields.items()]
    connection = SimpleNamespace(tls=tls or None, local=local or ("127.0.0.1", 8080))
    answer = guarded(secret, HOSTS)(Request(method, "/", Fields(pairs), connection=connection))
    assert isinstance(answer, Response)
    assert (answer.body == b"secret") is (answer.status == 200)
    return answer


OURS = [
    "localhost",
    "localhost:8080",
    "LocalHost:9000",
    "localhost.",
    "127.0.0.1:8080",
    "[::1]:8080",
    "www.home.test",
    "a.b.home.test:80",
    "",
]
FOREIGN = [
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "home.test.evil.example",
    "nothome.test",
    "127.0.0.2:8080",
    "0.0.0.0:8080",
]


@pytest.mark.parametrize("host", OURS)
def test_it_answers_to_its_own_names_on_any_port(host: str) -> None:
    assert ask(host=host).status == 200


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_name_is_misdirected(host: str, method: str) -> None:
    """RFC 9110 15.5.20: what DNS rebinding leads to."""
    answer = ask(method, host)
    assert answer.status == 421
    assert b"localhost" in answer.body


def test_a_foreign_name_in_the_target_counts_before_the_host_field() -> None:
    """RFC 9112 3.2.2: the host of an absolute-form target is the one asked for."""
    connection = SimpleNamespace(tls=None, local=("127.0.0.1", 8080))
    request = Request("GET", "http://evil.example/", Fields({"Host": "localhost"}), connection=connection)
    answer = guarded(secret, HOSTS)(request)
    assert isinstance(answer, Response)
    assert answer.status == 421


def test_http_1_0_needs_no_host() -> None:
    assert ask(host=None).status == 200


@pytest.mark.parametrize(
    ("local", "host"),
    [
        (("192.0.2.7", 8080), "192.0.2.7:8080"),
        (("::ffff:192.0.2.7", 8080, 0, 0), "192.0.2.7"),
        (("2001:db8::7", 80, 0, 0), "[2001:db8:0::7]"),
    ],
)
def test_the_address_that_was_connected_to_needs_no_name(local: Any, host: str) -> None:
    assert ask(host=host, local=local).status == 200
    assert ask(host=host).status == 421


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:3000", "https://localhost:8080"])
def test_the_page_of_another_site_is_forbidden(method: str, origin: str) -> None:
    """RFC 6454 7: another port is another site, and so is another scheme."""
    assert ask(method, Origin=origin).status == 403


def test_our_own_page_may_ask() -> None:
    assert ask("POST", Origin="http://localhost:8080", Sec_Fetch_Site="same-origin").status == 200
    assert ask("POST", tls=True, Origin="https://localhost:8080").status == 200
    assert ask("POST", tls=True, Origin="http://localhost:8080").status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "something new"])
def test_what_another_site_loads_into_itself_is_forbidden(site: str) -> None:
    """A script or picture is asked for without Origin, and told by W3C Fetch Metadata alone."""
    assert ask(Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors", Sec_Fetch_Dest="script").status == 403
    assert ask(Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="iframe").status == 403


def test_a_link_from_another_site_may_be_followed() -> None:
    visit = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert ask(**visit).status == 200
    assert ask("POST", **visit).status == 403


def test_who_is_no_browser_may_change_things() -> None:
    assert ask("DELETE", User_Agent="curl/8.0").status == 200


def test_whether_the_body_is_read_first_is_left_to_the_handler_inside() -> None:
    async def stream(request: Request) -> Response:
        return Response()

    class Stream:
        async def __call__(self, request: Request) -> Response:
            return Response()

    class Careless:
        reads_body = False

        def __call__(self, request: Request) -> Response:
            return Response()

    assert HttpServer(guarded(secret, HOSTS)).collects
    for handler in (stream, Stream(), Careless()):
        assert not HttpServer(guarded(handler, HOSTS)).collects
