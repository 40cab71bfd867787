"""What the head of a request may hold: the request line, the field lines, Host (RFC 9112 2 to 5, RFC 9110 5, 7.2).

Two programs that read a head differently can be played against each other, so what is not plainly right is refused.
"""

from __future__ import annotations

import pytest

from tests.hostile.checks import BEHIND, head, unread
from tests.hostile.serving import Server


def get(*lines: str | bytes) -> bytes:
    """A GET with these field lines beside Host."""
    return head("GET / HTTP/1.1", "Host: localhost", *lines)


# --- field lines (RFC 9112 5, RFC 9110 5.1, 5.5)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("X-Field : value", id="space before the colon"),
        pytest.param("X-Field\t: value", id="tab before the colon"),
        pytest.param("Content-Length : 5", id="space before the colon of Content-Length"),
        pytest.param("Transfer-Encoding : chunked", id="space before the colon of Transfer-Encoding"),
        pytest.param("Host : evil.example", id="space before the colon of a second Host"),
        pytest.param(": value", id="empty name"),
        pytest.param(":", id="a colon alone"),
        pytest.param(":: value", id="two colons"),
        pytest.param("X-Field", id="no colon"),
        pytest.param("X-Field value", id="no colon but a space"),
        *(pytest.param(f"X{byte}Field: value", id=f"{byte!r} in the name") for byte in ' \t\x00\x01\x0b\x7f()<>@,;\\"/[]?={}'),
        pytest.param("X\xe9Field: value", id="byte above ASCII in the name"),
        pytest.param("X\xa0: value", id="no-break space before the colon"),
        pytest.param("Naïve: value".encode(), id="UTF-8 in the name"),
        pytest.param("\x0bX-Field: value", id="vertical tab before the name"),
    ],
)
def test_a_field_name_that_is_no_token_is_400(server: Server, line: str | bytes) -> None:
    unread(server, get(line, "X-After: yes"), 400)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("X-Field: one", " two"), id="space"),
        pytest.param(("X-Field: one", "\ttwo"), id="tab"),
        pytest.param(("X-Field:", " one"), id="an empty first line"),
        pytest.param(("X-Field: one", " "), id="a space alone"),
        pytest.param(("X-Field: one", "\t"), id="a tab alone"),
        pytest.param(("X-Field: one", " Transfer-Encoding: chunked"), id="a field inside"),
        pytest.param(("Transfer-Encoding:", " chunked"), id="a folded coding"),
        pytest.param(("Transfer-Encoding: chunked", " , gzip"), id="a coding added by a fold"),
        pytest.param(("Content-Length: 1", " 0"), id="a folded length"),
        pytest.param(("X-Last: one", "  two", "   three"), id="twice"),
    ],
)
def test_obs_fold_is_400(server: Server, lines: tuple[str, ...]) -> None:
    unread(server, get(*lines), 400)


@pytest.mark.parametrize("line", [" Host: localhost", "\tHost: localhost", " X: y", " "], ids=repr)
def test_white_space_before_the_first_field_is_400(server: Server, line: str) -> None:
    unread(server, head("GET / HTTP/1.1", line, "Host: localhost"), 400)


@pytest.mark.parametrize("name", ["X-Field", "Host", "Content-Length", "Cookie", "Connection", "Transfer-Encoding"])
@pytest.mark.parametrize(
    "value",
    ["a\rb", "a\nb", "a\x00b", "\ra", "a\r", "\na", "a\n", "\x00", "a\r\rb", "a\n b", "a\nX: y", "a\rX: y", "a\n\nGET / HTTP/1.1"],
    ids=repr,
)
def test_CVE_2023_37276_cr_lf_or_nul_in_a_value_is_400(server: Server, name: str, value: str) -> None:
    lines = ["GET / HTTP/1.1", *([] if name == "Host" else ["Host: localhost"]), f"{name}: {value}", "X-After: yes"]
    unread(server, head(*lines), 400)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\nHost: localhost\n\n", id="LF throughout"),
        pytest.param(b"GET / HTTP/1.1\rHost: localhost\r\r", id="CR throughout"),
        pytest.param(b"GET / HTTP/1.1\nHost: localhost\r\n\r\n", id="LF behind the request line"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\n\r\n", id="LF behind a field"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\n\n", id="LF as the empty line"),
        pytest.param(b"GET / HTTP/1.1\r\r\nHost: localhost\r\n\r\n", id="CR CR LF behind the request line"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\r\n\r\n", id="CR CR LF behind a field"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\r\n", id="CR before the empty line"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\n\r\r\n\r\n", id="LF CR"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\n\n", id="LF LF as the end"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x0b\r\x0c\n\r\n", id="other control characters between"),
    ],
)
def test_lines_not_ended_by_crlf_are_400(server: Server, data: bytes) -> None:
    # RFC 9112 2.2 lets a recipient take LF alone. Who does reads other bytes than who doesn't.
    unread(server, data + b"\r\n\r\n", 400)


def test_bytes_above_ascii_and_tabs_in_a_value_are_carried(server: Server) -> None:
    with server.connect() as wire:
        wire.send(get("X-Field: caf\xe9\tcr\xe8me", "Connection: close"))
        assert [answer.status for answer in wire.answers()] == [200]
    assert server.echo.seen[0].fields["X-Field"].encode("latin-1") == b"caf\xe9\tcr\xe8me"


def test_white_space_around_a_value_is_not_part_of_it(server: Server) -> None:
    with server.connect() as wire:
        wire.send(get("A:b", "C: \t d e \t ", "F:", "G: \t ", "H:\x21", "Connection: close"))
        assert [answer.status for answer in wire.answers()] == [200]
    fields = server.echo.seen[0].fields
    assert [fields[name] for name in "ACFGH"] == ["b", "d e", "", "", "!"]


def test_every_character_of_a_token_is_taken_in_a_name(server: Server) -> None:
    name = "!#$%&'*+-.^_`|~0123456789azAZ"
    with server.connect() as wire:
        wire.send(get(f"{name}: yes", "Connection: close"))
        assert [answer.status for answer in wire.answers()] == [200]
    assert server.echo.seen[0].fields[name.lower()] == "yes"


# --- Host (RFC 9112 3.2, RFC 9110 7.2)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((), id="missing"),
        pytest.param(("X-Host: localhost",), id="another field instead"),
        pytest.param(("Host: localhost", "Host: evil.example"), id="two"),
        pytest.param(("Host: localhost", "Host: localhost"), id="the same twice"),
        pytest.param(("Host: localhost", "X: y", "hOST: evil.example"), id="two, apart, in other cases"),
        pytest.param(("Host: localhost", "Host:"), id="a second one, empty"),
    ],
)
def test_a_missing_or_second_host_is_400(server: Server, lines: tuple[str, ...]) -> None:
    unread(server, head("GET / HTTP/1.1", *lines, "X-After: yes"), 400)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "a, b",
            "a,b",
            "u@h",
            "u:p@h",
            "@h",
            "h@",
            "a b",
            "a\tb",
            "a/b",
            "/",
            "http://a",
            "//a",
            "a?b",
            "a#b",
            "a\\b",
            "<a>",
            '"a"',
            "a|b",
            "a^b",
            "a`b",
            "{a}",
        ),
        *(
            "a:b",
            "a:8o",
            "a:80:80",
            "a:-1",
            "a:+80",
            "a: 80",
            "a :80",
            "a:0x50",
            "[::1",
            "::1]",
            "[::1]]",
            "[[::1]]",
            "[::g]",
            "[]",
            "[1.2.3.4]",
            "[::1]a",
            "[::1]:x",
        ),
        *(
            "::1",
            "fe80::1",
            "a%",
            "a%4",
            "a%zz",
            "[::1%]",
            "[fe80::1%eth0]",
            "[fe80::1%25eth0]",
            "[::1%1]:80",
            "[::ffff:1.2.3]",
            "a;b\x7f",
            "a\x01b",
            "\xe9xample",
            "a]b",
            "a[b",
        ),
    ],
    ids=repr,
)
def test_a_malformed_host_is_400(server: Server, value: str) -> None:
    unread(server, head("GET / HTTP/1.1", f"Host: {value}"), 400)


@pytest.mark.parametrize("value", ["a:65536", "a:99999", "a:" + "9" * 30, "a:" + "9" * 5000], ids=lambda value: f"{len(value)} {value[:8]}")
def test_a_host_with_a_port_past_all_ports_is_400(server: Server, value: str) -> None:
    # The grammar (RFC 3986 3.2.3) has any digits; no such port exists (RFC 9293 3.1), and int() of them all must not be asked for.
    unread(server, head("GET / HTTP/1.1", f"Host: {value}"), 400)


@pytest.mark.parametrize(
    "value",
    [
        "localhost",
        "localhost:8080",
        "localhost:",
        "127.0.0.1",
        "127.0.0.1:80",
        "[::1]",
        "[::1]:8080",
        "a_b.example",
        "xn--bcher-kva.example",
        "a%41b",
        "A.Example",
        "a.b.",
        "1.2.3",
        "~!$&'()*+;=-._",
    ],
)
def test_a_well_formed_host_is_taken(server: Server, value: str) -> None:
    with server.connect() as wire:
        wire.send(head("GET / HTTP/1.1", f"Host: {value}", "Connection: close"))
        assert [answer.status for answer in wire.answers()] == [200]


@pytest.mark.parametrize(
    "lines", [("Host: a", "Host: b"), ("Host: a, b",), ("Host: u@h",), ("Host: a b",)], ids=["two", "list", "userinfo", "space"]
)
def test_a_wrong_host_is_400_in_http_1_0_as_well(server: Server, lines: tuple[str, ...]) -> None:
    unread(server, head("GET / HTTP/1.0", *lines), 400)


def test_http_1_0_needs_no_host(server: Server) -> None:
    with server.connect() as wire:
        wire.send(b"GET /old HTTP/1.0\r\n\r\n")
        (answer,) = wire.answers(minor=0)
    assert (answer.status, answer["x-target"]) == (200, "/old")


# --- the request line (RFC 9112 3)


@pytest.mark.parametrize(
    "target",
    [
        *(
            pytest.param(target, id=repr(target))
            for target in [
                "*",
                "*/",
                "**",
                "a",
                "a/b",
                "?a",
                "#",
                "/#a",
                "/a#b",
                "/?a#b",
                "localhost:80",
                "[::1]:80",
                "http:",
                "http:/",
                "://a/",
            ]
        ),
        *(pytest.param(f"/a{byte}b", id=f"{byte!r} inside") for byte in "\x00\x01\x08\t\x0b\x0c\x1b\x7f"),
        pytest.param("/a b", id="a space inside"),
        pytest.param("/a  b", id="two spaces inside"),
        pytest.param("/ HTTP/1.1 ", id="a version inside"),
        pytest.param("/\xe9", id="Latin-1"),
        pytest.param("/é".encode(), id="UTF-8"),
        pytest.param("/\xa0", id="no-break space"),
        pytest.param("/a\rb", id="CR inside"),
        pytest.param("/a\nb", id="LF inside"),
        pytest.param("", id="empty"),
        pytest.param(" /", id="a space before"),
        pytest.param("/ ", id="a space behind"),
        pytest.param("\t/", id="a tab before"),
        pytest.param("\\", id="a backslash"),
        pytest.param("http://u@localhost/", id="userinfo"),
        pytest.param("http://u:p@localhost/", id="userinfo with password"),
        pytest.param("http:///a", id="no authority"),
        pytest.param("http://a b/", id="a space in the authority"),
        pytest.param("http://a:b/", id="no port"),
        pytest.param("http://[::1/", id="an open bracket"),
    ],
)
def test_a_malformed_target_is_400(server: Server, target: str | bytes) -> None:
    line = b"GET " + (target if isinstance(target, bytes) else target.encode("latin-1")) + b" HTTP/1.1"
    unread(server, head(line, "Host: localhost"), 400)


@pytest.mark.parametrize("line", ["POST * HTTP/1.1", "HEAD * HTTP/1.1", "DELETE * HTTP/1.1", "CONNECT * HTTP/1.1", "options * HTTP/1.1"])
def test_an_asterisk_is_for_options_alone(server: Server, line: str) -> None:
    unread(server, head(line, "Host: localhost"), 400)


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "localhost",
        "localhost:",
        "localhost:x",
        "http://localhost:80/",
        "localhost:80/",
        "u@localhost:80",
        ":80",
        "localhost:65536",
        "a b:80",
        "[::1]",
        "::1:80",
    ],
    ids=repr,
)
def test_connect_takes_a_host_and_a_port_alone(server: Server, target: str) -> None:
    unread(server, head(f"CONNECT {target} HTTP/1.1", "Host: localhost"), 400)


@pytest.mark.parametrize(
    "version",
    [
        *(
            "HTTP/1.10",
            "HTTP/1.01",
            "HTTP/01.1",
            "HTTP/11.1",
            "HTTP/1.1.1",
            "HTTP/1.",
            "HTTP/.1",
            "HTTP/1",
            "HTTP/",
            "HTTP",
            "HTTP/1,1",
            "HTTP/+1.1",
            "HTTP/1.+1",
            "HTTP/-1.1",
        ),
        *(
            "http/1.1",
            "Http/1.1",
            "HTP/1.1",
            "HTTPS/1.1",
            "HTTP /1.1",
            "HTTP/ 1.1",
            "HTTP/1.1 ",
            "HTTP/1.1\t",
            "HTTP/1.x",
            "HTTP/1.1x",
            "XHTTP/1.1",
            "HTTP/1.1 HTTP/1.1",
            "ICY/1.1",
        ),
        *("HTTP\\1.1", "HTTP/1.1\x0b", "HTTP/1.\xb9", "HTTP/1.1\x00", "HTTP-1.1", "1.1"),
    ],
    ids=repr,
)
def test_a_malformed_version_is_400(server: Server, version: str) -> None:
    unread(server, head(f"GET / {version}", "Host: localhost"), 400)


@pytest.mark.parametrize("version", ["HTTP/9.9", "HTTP/2.0", "HTTP/3.0", "HTTP/2.1", "HTTP/0.9", "HTTP/0.0"])
def test_another_major_version_is_505(server: Server, version: str) -> None:
    unread(server, head(f"GET / {version}", "Host: localhost"), 505)


def test_the_preface_of_http_2_is_505(server: Server) -> None:
    unread(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", 505, 400)


@pytest.mark.parametrize("version", ["HTTP/1.2", "HTTP/1.9"])
def test_a_later_minor_version_is_served_as_1_1(server: Server, version: str) -> None:
    with server.connect() as wire:
        wire.send(head(f"GET /one {version}", "Host: localhost") + head(f"GET /two {version}", "Host: localhost", "Connection: close"))
        first, second = wire.answers()
    assert [(answer.minor, answer.status, answer["x-target"]) for answer in (first, second)] == [(1, 200, "/one"), (1, 200, "/two")]


@pytest.mark.parametrize(
    "line",
    [
        *(
            pytest.param(line, id=repr(line))
            for line in [
                "GET",
                "GET /",
                "GET HTTP/1.1",
                "GET  HTTP/1.1",
                "GET  / HTTP/1.1",
                "GET /  HTTP/1.1",
                "GET\t/\tHTTP/1.1",
                "GET\t/ HTTP/1.1",
                "GET /\tHTTP/1.1",
            ]
        ),
        *(
            pytest.param(line, id=repr(line))
            for line in [
                " GET / HTTP/1.1",
                "\tGET / HTTP/1.1",
                "G(T / HTTP/1.1",
                "GE,T / HTTP/1.1",
                '"GET" / HTTP/1.1',
                "GET: / HTTP/1.1",
                "/ HTTP/1.1",
            ]
        ),
        *(
            pytest.param(line, id=repr(line))
            for line in [
                "G\xc9T / HTTP/1.1",
                "\x00GET / HTTP/1.1",
                "GET\x00 / HTTP/1.1",
                "\x7fGET / HTTP/1.1",
                "GET\x0b/ HTTP/1.1",
                "GET\x0c/\x0cHTTP/1.1",
            ]
        ),
        *(
            pytest.param(line, id=repr(line))
            for line in [
                "GET\xa0/\xa0HTTP/1.1",
                "HTTP/1.1 200 OK",
                "Host: localhost",
                "{}",
                "\x1b[31mGET / HTTP/1.1",
                "QUIT",
                "EHLO there",
                "\rGET / HTTP/1.1",
            ]
        ),
    ],
)
def test_a_malformed_request_line_is_400(server: Server, line: str) -> None:
    unread(server, head(line, "Host: localhost"), 400)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(128, 160)) + b"\r\n\r\n", id="a TLS ClientHello"),
        pytest.param(b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00\r\n\r\n", id="SOCKS"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", id="SSH"),
        pytest.param(b"\x80\x2e\x01\x00\x02" * 40 + b"\r\n\r\n", id="SSL 2"),
        pytest.param(b"*1\r\n$4\r\nPING\r\n\r\n", id="RESP"),
        pytest.param(b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n\r\n", id="PROXY"),
        pytest.param(b"\x00" * 64 + b"\r\n\r\n", id="zeros"),
        pytest.param(b"\xff" * 64 + b"\r\n\r\n", id="ones"),
        pytest.param(bytes(range(256)) + b"\r\n\r\n", id="every byte"),
    ],
)
def test_another_protocol_is_400(server: Server, data: bytes) -> None:
    unread(server, data, 400)


@pytest.mark.parametrize("method", ["get", "Get", "FOO", "A" * 40, "!#$%&'*+-.^_`|~09"])
def test_a_method_is_any_token_and_case_counts(server: Server, method: str) -> None:
    # RFC 9110 9.1. What becomes of an unknown one is the handler's to say.
    with server.connect() as wire:
        wire.send(head(f"{method} / HTTP/1.1", "Host: localhost", "Connection: close"))
        (answer,) = wire.answers(method)
    assert (answer.status, answer["x-method"]) == (200, method)


# --- too much (RFC 9110 15.5.15, RFC 6585 5)


@pytest.mark.parametrize("size", [20_000, 100_000, 1_000_000])
def test_a_request_line_too_long_is_414(server: Server, size: int) -> None:
    unread(server, head(f"GET /{'a' * size} HTTP/1.1", "Host: localhost"), 414)


def test_a_request_line_that_never_ends_is_414(server: Server) -> None:
    unread(server, b"GET /" + b"a" * 100_000, 414)


@pytest.mark.parametrize("size", [20_000, 100_000])
def test_a_method_too_long_is_refused(server: Server, size: int) -> None:
    # RFC 9112 3: a method longer than any implemented is answered with 501; before its end is seen it is a line too long.
    unread(server, head(f"{'A' * size} / HTTP/1.1", "Host: localhost"), 400, 414, 501)


def test_8000_bytes_of_request_line_are_taken(server: Server) -> None:
    target = "/" + "a" * 7985
    with server.connect() as wire:
        wire.send(head(f"GET {target} HTTP/1.1", "Host: localhost", "Connection: close"))
        (answer,) = wire.answers()
    assert (answer.status, answer["x-target"]) == (200, target)


@pytest.mark.parametrize("size", [60_000, 100_000, 1_000_000])
def test_a_field_too_long_is_431(server: Server, size: int) -> None:
    unread(server, get(f"X-Field: {'a' * size}"), 431)


@pytest.mark.parametrize(
    "data", [b"X-Field: " + b"a" * 100_000, b"X" * 100_000, b"X-Field: " + b" " * 100_000], ids=["value", "name", "white space"]
)
def test_a_field_that_never_ends_is_431(server: Server, data: bytes) -> None:
    unread(server, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + data, 431)


@pytest.mark.parametrize("line", [b"X-Field: value\r\n", b"X: y\r\n", b"a:\r\n", b"Cookie: a=b\r\n"], ids=repr)
def test_10000_fields_are_431(server: Server, line: bytes) -> None:
    unread(server, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + line * 10_000 + b"\r\n", 431)


def test_too_much_that_comes_slowly_is_refused_at_the_bound(server: Server) -> None:
    # The bound is on what has come, not on what came at once.
    with server.connect() as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        sent = 0
        while sent < 500_000 and not wire.has_come:
            wire.send(b"X-Field: " + b"a" * 991 + b"\r\n")
            sent += 1002
            server.turn()
        (answer,) = wire.answers()
    assert answer.status == 431
    assert sent < 100_000, "far more than any bound on a head was taken in"


# --- what comes behind (RFC 9112 9.3, 9.6)


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    ],
    ids=repr,
)
@pytest.mark.parametrize("apart", [False, True], ids=["in one piece", "apart"])
def test_CVE_2024_49768_what_is_pipelined_behind_an_invalid_request_is_never_handled(server: Server, first: bytes, apart: bool) -> None:
    with server.connect() as wire:
        wire.send(*((first, BEHIND) if apart else (first + BEHIND,)))
        server.turn()
        wire.send(BEHIND)
        wire.finish()
        answers = wire.answers()
    assert [(answer.status, answer.closes) for answer in answers] == [(400, True)]
    assert server.targets == []


def test_an_invalid_request_behind_valid_ones_is_answered_after_them(server: Server) -> None:
    with server.connect() as wire:
        wire.send(get() + get() + b"GET / HTTP/1.1\r\n\r\n" + BEHIND)
        answers = wire.answers()
    assert [(answer.status, answer.closes) for answer in answers] == [(200, False), (200, False), (400, True)]
    assert len(server.targets) == 2


def test_an_empty_line_before_a_request_line_is_passed_over(server: Server) -> None:
    # RFC 9112 2.2 asks to pass over one at least: some clients send CRLF behind a body.
    with server.connect() as wire:
        wire.send(b"\r\n" + get() + b"\r\n" + head("GET /next HTTP/1.1", "Host: localhost", "Connection: close"))
        assert [answer["x-target"] for answer in wire.answers()] == ["/", "/next"]


def test_endless_empty_lines_are_refused_or_end_with_the_time_for_a_head(server: Server) -> None:
    with server.connect() as wire:
        taken = 0
        while taken < 20_000_000 and wire.try_send(b"\r\n" * 32768):
            taken += 65536
            server.turn()
        assert taken < 20_000_000, "20 MB of empty lines were taken in"
        assert wire.ends()


@pytest.mark.parametrize("start", [b"\n", b"\r", b"\n\r\n", b"\r\r\n", b" \r\n", b"\t\r\n", b"\x00\r\n"], ids=repr)
def test_other_than_crlf_before_a_request_line_is_400(server: Server, start: bytes) -> None:
    unread(server, start + get(), 400)
