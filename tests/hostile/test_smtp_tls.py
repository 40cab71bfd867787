"""STARTTLS: nothing said in clear is ever read as if it had been encrypted, nor the other way round (RFC 3207).

CVE-2011-0411: commands sent with STARTTLS, before the handshake, are carried out behind it. CVE-2026-45185: TLS is ended in the
middle of BDAT, and what comes then in clear is taken for the rest.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator

import pytest

from tests.hostile.smtp_wire import CRLF, Mouth, Post, fresh, serving
from tests.hostile.wire import until


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    with serving(tmp_path_factory.mktemp("mail"), "--starttls", "--max-per-client", "1000") as post:
        yield post


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    """TLS from the first octet (RFC 8314 3.3)."""
    with serving(tmp_path_factory.mktemp("mail"), "--tls") as post:
        yield post


INJECTED = [
    pytest.param(b"NOOP\r\n", id="a command"),
    pytest.param(b"EHLO evil.test\r\nMAIL FROM:<evil@client.test>\r\nRCPT TO:<%s@example.test>\r\nDATA\r\n", id="a dialog"),
    pytest.param(b"MAIL FROM:<evil", id="half a command"),
    pytest.param(b"\r\n", id="an empty line"),
    pytest.param(b"x" * 5_000, id="much"),
]


@pytest.mark.parametrize("injected", INJECTED)
def test_what_is_pipelined_behind_starttls_is_dropped(post: Post, injected: bytes) -> None:
    """RFC 3207 6: whoever sits between could have put it there."""
    local = fresh()
    text = injected.replace(b"%s", local.encode())
    with post.meet() as wire:
        wire.send(b"STARTTLS\r\n" + text)
        assert wire.reply(bare=True).code == 220
        try:
            wire.shake_hands()
        except (ssl.SSLError, ConnectionError):
            pass  # it was read into the handshake, which failed: as good
        else:
            # Not a word of it was heard: the first reply is the one to what is said now.
            assert "STARTTLS" not in wire.ehlo()
            assert wire.status("RCPT TO:<a@example.test>") == "503 5.5.1"
            wire.deliver(local)
    assert post.mails(local) in ([], [b"Subject: fine\n\nfine\n"])


@pytest.mark.parametrize("split", range(1, 12))
def test_the_same_in_two_pieces(post: Post, split: int) -> None:
    text = b"STARTTLS\r\nRSET\r\n"
    with post.meet() as wire:
        wire.envelope("a")
        wire.send(text[:split], text[split:])
        assert wire.reply(bare=True).code == 220
        try:
            wire.shake_hands()
        except (ssl.SSLError, ConnectionError):
            return
        assert wire.status("DATA") == "503 5.5.1"


def test_all_is_forgotten_with_the_handshake(post: Post) -> None:
    """RFC 3207 4.2: the name, the mail, what was offered. The client begins anew with EHLO."""
    with post.connect().greeted() as wire:
        assert "STARTTLS" in wire.ehlo("clear.test")
        wire.envelope("a")
        wire.start_tls()
        assert wire.status("RCPT TO:<b@example.test>") == "503 5.5.1"
        assert wire.status("DATA") == "503 5.5.1"
        assert wire.status("MAIL FROM:<a@client.test>") == "503 5.5.1"
        assert "STARTTLS" not in wire.ehlo("secure.test")
        assert wire.status("DATA") == "503 5.5.1"
        local = fresh()
        wire.deliver(local)
    (path,) = [path for path in post.everything() if path.parent.parent.name == local]
    trace = path.read_bytes().partition(b"Subject:")[0]
    assert b"secure.test" in trace
    assert b"clear.test" not in trace
    assert b"ESMTPS" in trace  # RFC 3848


@pytest.mark.parametrize("line", ["STARTTLS now", "STARTTLS TLS1.3"])
def test_starttls_takes_no_argument(post: Post, line: str) -> None:
    """RFC 3207 4: 501, and the dialog goes on in clear."""
    with post.meet() as wire:
        assert wire.status(line) == "501 5.5.4"
        assert wire.status("NOOP") == "250 2.0.0"


def test_starttls_twice(post: Post) -> None:
    """RFC 3207 4.2: there is TLS already."""
    with post.meet() as wire:
        wire.start_tls()
        wire.ehlo()
        assert wire.says("STARTTLS").status in ("503 5.5.1", "502 5.5.1", "554 5.5.1")
        assert wire.status("NOOP") == "250 2.0.0"


def test_starttls_before_ehlo(post: Post) -> None:
    with post.connect().greeted() as wire:
        said = wire.says("STARTTLS")
        assert said.code in (220, 503), said
        if said.code == 220:
            wire.shake_hands().ehlo()


def test_starttls_where_it_is_not_offered(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("mail")) as plain, plain.connect().greeted() as wire:
        assert "STARTTLS" not in wire.ehlo()
        assert wire.says("STARTTLS").status in ("502 5.5.1", "500 5.5.1", "454 4.7.0")
        assert wire.status("NOOP") == "250 2.0.0"


@pytest.mark.parametrize(
    "hello",
    [b"NOOP\r\n", b"EHLO client.test\r\nQUIT\r\n", b"\x16\x03\x01\xff\xff" + b"\0" * 1000, bytes(3000), b"\x15\x03\x03\x00\x02\x02\x28"],
    ids=["a command", "a dialog", "a record too long", "zeros", "an alert"],
)
def test_a_handshake_that_is_none(post: Post, hello: bytes) -> None:
    """The connection is over; not a word more is said in clear."""
    with post.meet() as wire:
        assert wire.says("STARTTLS").code == 220
        assert not wire.received
        wire.try_send(hello)
        try:
            wire.finish()
            came = wire.rest()
        except OSError:
            came = b""
        assert not came or came[:1] == b"\x15", f"said behind a handshake that failed: {came!r}"
    post.still_serves()
    assert "Traceback" not in post.program.output


def test_a_handshake_that_never_comes_holds_up_no_one(post: Post) -> None:
    wires = [post.meet() for _ in range(50)]
    for wire in wires:
        wire.send(b"STARTTLS\r\n")
        assert wire.reply(bare=True).code == 220
    with post.meet() as other:
        other.start_tls().ehlo()
        other.deliver(fresh())
    for wire in wires:
        wire.close()
    post.still_serves()


def in_clear(wire: Mouth) -> socket.socket:
    """End TLS in good order (close_notify), and go on with the socket below it."""
    assert isinstance(wire.socket, ssl.SSLSocket)
    wire.socket.settimeout(5)
    try:
        return wire.socket.unwrap()
    except OSError:  # the server ended at once, without its own close_notify
        return socket.socket(fileno=wire.socket.detach())


@pytest.mark.parametrize("where", ["in a chunk", "in the text", "between commands", "in a command", "behind MAIL"])
def test_tls_that_ends_before_the_dialog_does(post: Post, where: str) -> None:
    """What comes in clear behind the end of TLS is not the rest of what was begun: the connection is over."""
    local = fresh()
    with post.meet() as wire:
        wire.start_tls().ehlo()
        wire.envelope(local)
        rest = b"x" * 900 + b"\r\n.\r\nNOOP\r\nQUIT\r\n"
        if where == "in a chunk":
            wire.send(b"BDAT 1000 LAST\r\n" + b"Subject: a\r\n\r\n" + b"x" * 86)
            rest = b"y" * 900 + b"NOOP\r\nQUIT\r\n"
        elif where == "in the text":
            wire.data()
            wire.send(b"Subject: a\r\n\r\nb\r\n")
        elif where == "in a command":
            wire.send(b"NO")
            rest = b"OP\r\nQUIT\r\n"
        raw = in_clear(wire)
        raw.settimeout(20)
        try:
            raw.sendall(rest)
            came = b""
            while piece := raw.recv(65536):
                came += piece
        except ConnectionError:
            came = b""
        raw.close()
        assert b"250" not in came, f"answered in clear: {came!r}"
        assert b"221" not in came, f"answered in clear: {came!r}"
    assert post.mails(local) == []
    post.still_serves()
    until(lambda: not [path for path in post.everything() if path.parent.name == "tmp"], what="an empty tmp/")


def test_tls_cut_off_in_the_middle_of_a_mail(post: Post) -> None:
    """Without close_notify, as who sits between can do: what came so far is no mail."""
    local = fresh()
    with post.meet() as wire:
        wire.start_tls().ehlo()
        wire.envelope(local).data()
        wire.send(b"Subject: a\r\n\r\nb\r\n")
        socket.socket(fileno=wire.socket.detach()).close()
    post.still_serves()
    assert post.mails(local) == []


def test_implicit_tls(secure: Post) -> None:
    """RFC 8314 3.3: TLS comes first; there is nothing to upgrade."""
    local = fresh()
    with secure.connect() as wire:
        wire.shake_hands().greeted()
        assert "STARTTLS" not in wire.ehlo()
        assert wire.says("STARTTLS").code >= 500
        wire.deliver(local)
    assert secure.mails(local) == [b"Subject: fine\n\nfine\n"]


def test_smtp_in_clear_where_tls_is_spoken(secure: Post) -> None:
    """Not a word of SMTP in clear."""
    with secure.connect() as wire:
        wire.send(b"EHLO client.test\r\n" * 3)
        try:
            wire.finish()
            came = wire.rest()
        except OSError:
            came = b""
        assert b"250" not in came
        assert b"220" not in came


def test_old_versions_of_tls_are_refused(post: Post) -> None:
    """RFC 8996: neither 1.0 nor 1.1."""
    with post.meet() as wire:
        assert wire.says("STARTTLS").code == 220
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLS"):
            context.minimum_version = ssl.TLSVersion.TLSv1
        with pytest.warns(DeprecationWarning, match="TLS"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(wire.socket, server_hostname="localhost")


def test_100_handshakes_at_once(post: Post) -> None:
    """Many, some left half done; the last is served like the first."""
    wires = [post.meet() for _ in range(100)]
    for wire in wires:
        wire.send(b"STARTTLS\r\n")
    for number, wire in enumerate(wires):
        assert wire.reply(bare=True).code == 220
        if number % 3 == 0:
            wire.reset()
    since = time.monotonic()
    for number, wire in enumerate(wires):
        if number % 3:
            wire.shake_hands()
            wire.send(b"EHLO client.test" + CRLF)
            assert wire.reply(bare=True).code == 250
            wire.close()
    assert time.monotonic() - since < 30
    post.still_serves()


def test_a_mail_of_many_records(post: Post) -> None:
    """Records and lines have nothing to do with each other."""
    local = fresh()
    with post.meet() as wire:
        wire.start_tls().ehlo()
        wire.envelope(local).data()
        wire.send(*(bytes([octet]) for octet in b"Subject: a\r\n\r\n..b\r\n"))
        wire.send(*[b"c" * 98 + CRLF] * 2000, b"\r", b"\n.", b"\r", b"\n")
        assert wire.reply().code == 250
    assert post.mails(local) == [b"Subject: a\n\n.b\n" + (b"c" * 98 + b"\n") * 2000 + b"\n"]
