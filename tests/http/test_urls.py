"""URLs read, resolved and written (RFC 3986, RFC 9110 4.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.errors import AddressError
from wirespeak.http.urls import Url

BASE = Url.parse("http://a/b/c/d;p?q")


@pytest.mark.parametrize(
    ("reference", "meant"),
    [
        # RFC 3986 5.4.1, but for those of other schemes
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g/"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q#s"),
        ("g#s", "http://a/b/c/g#s"),
        ("g?y#s", "http://a/b/c/g?y#s"),
        (";x", "http://a/b/c/;x"),
        ("g;x", "http://a/b/c/g;x"),
        ("g;x?y#s", "http://a/b/c/g;x?y#s"),
        ("", "http://a/b/c/d;p?q"),
        (".", "http://a/b/c/"),
        ("./", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../..", "http://a/"),
        ("../../", "http://a/"),
        ("../../g", "http://a/g"),
        # RFC 3986 5.4.2
        ("../../../g", "http://a/g"),
        ("../../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."),
        (".g", "http://a/b/c/.g"),
        ("g..", "http://a/b/c/g.."),
        ("..g", "http://a/b/c/..g"),
        ("./../g", "http://a/b/g"),
        ("./g/.", "http://a/b/c/g/"),
        ("g/./h", "http://a/b/c/g/h"),
        ("g/../h", "http://a/b/c/h"),
        ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/./x", "http://a/b/c/g?y/./x"),
        ("g?y/../x", "http://a/b/c/g?y/../x"),
        ("g#s/../x", "http://a/b/c/g#s/../x"),
        ("https://h", "https://h/"),
        ("HTTP://H:80/", "http://h/"),
        ("//h:81?q", "http://h:81/?q"),
    ],
)
def test_references(reference: str, meant: str) -> None:
    assert str(BASE.join(reference)) == meant


def test_a_reference_keeps_an_empty_query_and_drops_the_bases_fragment() -> None:
    base = Url.parse("http://a/b?q#f")
    assert base.join("").fragment is None
    assert base.join("?").target == "/b?"
    assert base.join("c").target == "/c"


@pytest.mark.parametrize(
    "reference", ["http:g", "mailto:a@b", "javascript:alert(1)", "file:///etc/passwd", "//", "///x", "//a@b@c/", "/a\nb", "\x00"]
)
def test_references_that_lead_nowhere(reference: str) -> None:
    with pytest.raises(AddressError):
        BASE.join(reference)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://example.com", Url("http", "example.com", 80)),
        ("https://example.com", Url("https", "example.com", 443)),
        (" HTTPS://EXAMPLE.com:8443/A?b#c ", Url("https", "example.com", 8443, "/A", "b", "c")),
        ("http://example.com:/", Url("http", "example.com", 80)),
        ("http://[2001:DB8::1]:81/", Url("http", "2001:db8::1", 81)),
        ("http://[fe80::1%25eth0]/", Url("http", "fe80::1%eth0", 80)),
        ("http://b\u00fccher.example/", Url("http", "xn--bcher-kva.example", 80)),
        ("http://u:p%40@h?q", Url("http", "h", 80, "/", "q", None, "u:p%40")),
        ("http://h/a b%2f%zz|", Url("http", "h", 80, "/a%20b%2f%25zz%7C")),
        ("http://h//a", Url("http", "h", 80, "//a")),
    ],
)
def test_urls(text: str, url: Url) -> None:
    assert Url.parse(text) == url


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "example.com",
            "/path",
            "//example.com/",
            "http:",
            "http:/",
            "http://",
            "http:///a",
            "http://:80/",
            "http://u@/",
            "http:example.com",
        ),
        *(
            "http://a:b:c/",
            "http://a:65536/",
            "http://a:0/",
            "http://a:+80/",
            "http://a:8 0/",
            "http://::1/",
            "http://[::1/",
            "http://[::1]x/",
        ),
        *(
            "http://[1.2.3.4]/",
            "http://1.2.3/",
            "http://0x7f.1/",
            "http://010.0.0.1/",
            "http://a_b c/",
            "http://*/",
            "http://a%20b/",
            "http://-a/",
        ),
        *(
            "http://a\\b/",
            "http://a\\@b/",
            "http://u@v@b/",
            "http://u@b\\@c/",
            "http://a\x00b/",
            "http://a/\r\nb",
            "http://a/\tb",
            "http://a/\x7f",
        ),
        "http://a/" + "b" * 70_000,
    ],
)
def test_what_is_no_url(text: str) -> None:
    with pytest.raises(AddressError):
        Url.parse(text)


@pytest.mark.parametrize(
    "text", ["http://user:secret@-/", "http://user:secret@host:x/", "ftp://user:secret@host/", "http://user:secret@a b/"]
)
def test_an_error_shows_no_password(text: str) -> None:
    with pytest.raises(AddressError) as raised:
        Url.parse(text)
    assert "secret" not in str(raised.value)


def test_what_goes_into_the_request() -> None:
    url = Url.parse("http://user@[::1]:8080/a?b#c")
    assert (url.authority, url.target, url.origin) == ("[::1]:8080", "/a?b", ("http", "::1", 8080))
    assert Url.parse("http://[fe80::1%25eth0]/").authority == "[fe80::1]"
    assert Url.parse("https://h:443").authority == "h"
    assert Url.parse("https://h:80").authority == "h:80"


def test_credentials_are_percent_decoded() -> None:
    assert Url.parse("http://a%3Ab:c%3ad@h/").credentials == ("a:b", "c:d")
    assert Url.parse("http://a@h/").credentials == ("a", "")
    assert Url.parse("http://h/").credentials is None


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40))
def test_whatever_is_typed_behind_the_host_can_be_sent(text: str) -> None:
    url = Url.parse(f"http://h/{text}")
    assert url.target.isascii()
    assert " " not in url.target
    assert url.target.isprintable()
    assert Url.parse(str(url)) == url, "written and read again it is the same"
