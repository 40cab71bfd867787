"""Redirects: where they lead, what goes along, and what never does (RFC 9110 15.4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.scripts import Heard, answers, heard, network, simple
from wirespeak.contract import Service
from wirespeak.errors import LimitExceeded, LocalProtocolError, RemoteProtocolError
from wirespeak.http.client import BlockingClient
from wirespeak.sockets.memory import MemoryNetwork

OK = simple()


def to(location: str, status: int = 302, *fields: str) -> bytes:
    """A redirect."""
    return simple(b"moved", f"{status} Moved", f"Location: {location}", *fields)


def asked(net: MemoryNetwork) -> list[bytes]:
    """The first lines of all requests, in order of connections."""
    return [
        head.split(b"\r\n")[0]
        for connection in net.connections
        for head in bytes(connection.sent).split(b"\r\n\r\n")
        if b" HTTP/1.1\r\n" in head
    ]


def elsewhere(*steps: Any) -> dict[str, Service]:
    return {"elsewhere": answers(Heard(), *(steps or (OK,)))}


@pytest.mark.parametrize(
    ("status", "method", "following", "keeps_body"),
    [
        (301, "GET", b"GET", False),
        (301, "POST", b"GET", False),
        (301, "PUT", b"PUT", True),
        (301, "HEAD", b"HEAD", False),
        (302, "POST", b"GET", False),
        (302, "DELETE", b"DELETE", True),
        (303, "POST", b"GET", False),
        (303, "PUT", b"GET", False),
        (303, "HEAD", b"HEAD", False),
        (307, "POST", b"POST", True),
        (307, "GET", b"GET", False),
        (308, "POST", b"POST", True),
        (308, "PATCH", b"PATCH", True),
    ],
)
def test_the_method_to_go_on_with(status: int, method: str, following: bytes, keeps_body: bool) -> None:
    body = b"" if method in ("GET", "HEAD") else b"body"
    head = to("/next", status) if method != "HEAD" else to("/next", status).removesuffix(b"moved")
    net = network([Heard(b"\r\n\r\n" + body), head], [Heard(), OK if following != b"HEAD" else OK.removesuffix(b"hello")], piece=None)
    client = BlockingClient(net, idle_time=0)  # each request on a connection of its own, to look at
    response = client.request(
        method, "http://server/", body=body, fields={"Content-Type": "text/plain", "Content-Language": "en", "X": "y"}
    )
    assert response.status == 200
    second = heard(net, 1)
    assert second.startswith(following + b" /next HTTP/1.1\r\n")
    assert second.endswith(b"\r\n\r\n" + (body if keeps_body else b""))
    assert (b"Content-Type" in second) is (keeps_body or (method == following.decode() and status != 303))
    assert b"X: y\r\n" in second
    assert [(one.status, str(one.url)) for one in response.history] == [(status, "http://server/")]
    assert (response.method, str(response.url)) == (following.decode(), "http://server/next")


@pytest.mark.parametrize("status", [300, 304, 305, 306, 399])
def test_what_is_no_redirect_to_follow(status: int) -> None:
    net = network([Heard(), b"HTTP/1.1 %d X\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n" % status])
    assert BlockingClient(net).get("http://server/").status == status


def test_a_redirect_without_location_is_an_answer() -> None:
    net = network([Heard(), simple(b"where?", "302 Found")])
    assert BlockingClient(net).get("http://server/").content == b"where?"


def test_redirects_are_followed_only_where_wanted() -> None:
    net = network([Heard(), to("/next")], [Heard(), to("/next"), Heard(), OK])
    assert BlockingClient(net, follow=False).get("http://server/").status == 302
    assert BlockingClient(net, follow=False).get("http://server/", follow=True).status == 200


def test_the_connection_is_used_on() -> None:
    net = network([Heard(), to("/a"), Heard(), to("/b"), Heard(), OK])
    assert str(BlockingClient(net).get("http://server/").url) == "http://server/b"
    assert len(net.connections) == 1


def test_a_redirect_whose_body_does_not_end_is_followed_on_another_connection() -> None:
    long = b"HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 100_000
    slow = b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 9\r\n\r\n"
    net = network([Heard(), long], [Heard(), slow, 100], [Heard(), OK])
    assert str(BlockingClient(net).get("http://server/").url) == "http://server/b"
    assert net.now() == 1.0


def test_a_chain_has_an_end() -> None:
    chain = [step for number in range(30) for step in (Heard(), to(f"/{number}"))]
    net = network(chain, chain, chain)
    client = BlockingClient(net)
    with pytest.raises(LimitExceeded, match="more than 20 redirects"):
        client.get("http://server/")
    assert len(asked(net)) == 21
    with pytest.raises(LimitExceeded, match="more than 3 redirects"):
        client.get("http://server/", follow=3)


@pytest.mark.parametrize(
    ("location", "target", "url"),
    [
        ("/b", b"/b", "http://server/b#here"),
        ("b?c", b"/a/b?c", "http://server/a/b?c#here"),
        ("?q", b"/a/x?q", "http://server/a/x?q#here"),
        ("b#there", b"/a/b", "http://server/a/b#there"),
        ("../../c d", b"/c%20d", "http://server/c%20d#here"),
        ("/b\u00fccher", b"/b%C3%BCcher", "http://server/b%C3%BCcher#here"),
        ("http://SERVER/", b"/", "http://server/#here"),
    ],
)
def test_where_a_location_leads(location: str, target: bytes, url: str) -> None:
    """RFC 9110 10.2.2: relative to what was asked for, with its fragment unless it has one of its own."""
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    net = network([Heard(), head, Heard(), OK])
    response = BlockingClient(net).get("http://server/a/x#here")
    assert asked(net)[-1] == b"GET " + target + b" HTTP/1.1"
    assert str(response.url) == url


@pytest.mark.parametrize(
    "location", ["ftp://server/", "javascript:alert(1)", "http://", "http://a b/", "http://user:password@server/", "//u@elsewhere/"]
)
def test_a_location_that_is_not_followed(location: str) -> None:
    net = network([Heard(), to(location)])
    with pytest.raises(RemoteProtocolError, match="redirect"):
        BlockingClient(net).get("http://server/")
    assert len(net.connections) == 1


def test_two_locations_lead_nowhere() -> None:
    net = network([Heard(), to("/a", 302, "Location: /b"), Heard(), to("/c", 302, "Location: /c"), Heard(), OK])
    client = BlockingClient(net)
    with pytest.raises(RemoteProtocolError, match="two Locations"):
        client.get("http://server/")
    assert str(client.get("http://server/").url) == "http://server/c"


SECRETS = {"Authorization": "Bearer token", "Cookie": "id=1", "Proxy-Authorization": "Basic eDp5"}


@pytest.mark.parametrize(
    ("start", "location", "same"),
    [
        ("http://server/", "/next", True),
        ("http://server/", "http://server:80/next", True),
        ("http://server/", "http://elsewhere/", False),
        ("http://server/", "//elsewhere/", False),
        ("http://server/", "http://server:8080/", False),
        ("http://server/", "https://server/", False),
        ("https://server/", "http://server/", False),
        ("https://server/", "http://server:443/", False),
    ],
)
def test_secrets_stay_with_their_origin(start: str, location: str, same: bool) -> None:
    """Another host, another port, another scheme: each is somebody else."""
    net = network([Heard(), to(location)], [Heard(), OK], **elsewhere())
    client = BlockingClient(net, tls=object(), idle_time=0)
    assert client.get(start, fields={**SECRETS, "X": "y"}).ok
    first, second = heard(net), heard(net, 1)
    for name in SECRETS:
        assert name.encode() in first
        assert (name.encode() in second) is same
    assert b"X: y" in second


def test_what_was_dropped_does_not_come_back_on_the_way_back() -> None:
    net = network([Heard(), to("http://elsewhere/")], [Heard(), OK], **elsewhere(to("http://server/home")))
    assert BlockingClient(net, idle_time=0).get("http://user:password@server/").ok
    assert [b"Authorization" in bytes(connection.sent) for connection in net.connections] == [True, False, False]


def test_a_host_of_ones_own_is_not_taken_along() -> None:
    net = network([Heard(), to("http://elsewhere/")], **elsewhere())
    BlockingClient(net).get("http://server/", fields={"Host": "inner", "Referer": "http://inner/"})
    assert b"Host: inner\r\n" in heard(net)
    assert b"Host: elsewhere\r\n" in heard(net, 1)
    assert b"Referer" not in heard(net, 1)


def test_a_body_that_can_be_sent_again_is() -> None:
    net = network([Heard(b"hello"), to("/next", 307), Heard(b"hello"), OK])
    assert BlockingClient(net).request("POST", "http://server/", body=[b"hel", b"lo"]).ok


def test_a_body_that_can_not_be_sent_again_is_an_error_that_says_so() -> None:
    net = network([Heard(b"0\r\n\r\n"), to("/next", 307)])
    with pytest.raises(LocalProtocolError, match=r"redirected \(307\) to http://server/next, but the body"):
        BlockingClient(net).request("POST", "http://server/", body=iter([b"hello"]), expect=False)


def test_a_body_that_was_never_begun_can_be_sent_elsewhere() -> None:
    """The server redirects instead of saying 100 (Continue): nothing of the body is gone."""
    net = network([Heard(), to("http://elsewhere/", 307)], **elsewhere(Heard(b"0\r\n\r\n"), OK))
    assert BlockingClient(net).request("POST", "http://server/", body=iter([b"hello"])).ok
    assert heard(net).endswith(b"\r\n\r\n")
    assert heard(net, 1).endswith(b"5\r\nhello\r\n0\r\n\r\n")


def test_303_needs_no_body() -> None:
    net = network([Heard(b"0\r\n\r\n"), to("/made", 303), Heard(), OK])
    assert BlockingClient(net).request("POST", "http://server/", body=iter([b"hello"]), expect=False).ok
    assert asked(net)[-1] == b"GET /made HTTP/1.1"
