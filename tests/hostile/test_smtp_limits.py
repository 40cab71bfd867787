"""Too long, too large, too many (RFC 5321 4.5.3.1, RFC 1870): each bound has its own answer, and memory does not grow past it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hostile.smtp_wire import CRLF, DOMAIN, END, Post, fresh, serve, serving
from tests.hostile.wire import until
from tests.processes import Program

SIZE = 50_000
RECIPIENTS = 150


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    limits = ("--max-size", str(SIZE), "--max-recipients", str(RECIPIENTS), "--max-per-client", "1000")
    with serving(tmp_path_factory.mktemp("mail"), *limits) as post:
        yield post


@pytest.fixture
def large(start: Callable[..., Program], tmp_path: Path) -> Post:
    """A server with the limits that it has by itself."""
    return serve(start, tmp_path)


# --- lines


def test_a_command_line_as_long_as_it_may_be(post: Post) -> None:
    """RFC 5321 4.5.3.1.4: 512 octets, the CRLF among them."""
    with post.meet() as wire:
        assert wire.status("NOOP " + "x" * 505) == "250 2.0.0"


@pytest.mark.parametrize("length", [2_000, 14_000, 70_000, 1_000_000])
def test_a_command_line_that_is_too_long(post: Post, length: int) -> None:
    """500 5.5.2, once; and no piece of it is a command, wherever it was cut."""
    with post.meet() as wire:
        wire.send(b"NOOP " + b"x" * length, b"QUIT", b"\r\n")
        assert wire.reply().status == "500 5.5.2"
        wire.send(b"NOOP\r\n")
        wire.finish()
        assert [said.status for said in wire.last_words()] in (["250 2.0.0"], [])
    post.still_serves()


def test_a_line_without_end_costs_no_memory(post: Post) -> None:
    wires = [post.meet() for _ in range(5)]
    before = post.memory
    for wire in wires:
        assert wire.fill(b"x" * 65536, 8_000_000) > 0
    assert post.memory - before < 6_000_000
    post.still_serves()
    for wire in wires:
        wire.reset()


def test_empty_lines_without_end(post: Post) -> None:
    """Each is an error; who sends nothing else is sent away."""
    with post.meet() as wire:
        wire.try_send(CRLF * 10_000)
        wire.finish()
        said = wire.last_words()
    assert all(one.code in (500, 421) for one in said)
    assert said[-1].code == 421, said[-1]


def test_the_longest_that_extensions_allow(post: Post) -> None:
    """RFC 1870 3, RFC 6152 2, RFC 6531 3.1, RFC 3461 4: what each adds to the line of MAIL and of RCPT."""
    local, domain = "a" * 64, ".".join(["b" * 63] * 3 + ["c" * 61])
    with post.meet() as wire:
        line = f"MAIL FROM:<{local}@{domain}> SIZE=00000000000000000100 BODY=8BITMIME RET=FULL ENVID={'+41' * 33}"
        assert wire.status(line) == "250 2.1.0"
        line = f"RCPT TO:<{local}@{DOMAIN}> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;{'+61' * 160}"
        assert wire.status(line) == "250 2.1.5"


@pytest.mark.parametrize("length", [998, 999, 1_000, 5_000, 40_000])
def test_a_long_text_line_is_one_line(post: Post, length: int) -> None:
    """RFC 5321 4.5.3.1.6: up to 1,000 octets with its CRLF must be taken. What is longer is taken whole, or refused with 550 5.6.0."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local).data()
        line = b"." + b"x" * (length - 1)
        wire.send(b"Subject: a\r\n\r\n." + line + END)
        said = wire.reply()
        assert said.code == 250 or (length > 998 and said.status == "550 5.6.0"), said
        assert wire.status("NOOP") == "250 2.0.0"
    assert post.mails(local) == ([b"Subject: a\n\n" + line + b"\n"] if said.code == 250 else [])


def test_a_dot_where_a_line_was_cut_is_no_end(post: Post) -> None:
    """A line longer than any buffer is not two: what stands behind a cut is not at a line's beginning."""
    for length in (511, 512, 999, 1000, 4096, 8192, 16384, 32768):
        local = fresh()
        text = b"x" * length + b".\r\n" + b"y" * (length - 1) + b"."
        with post.meet() as wire:
            wire.envelope(local).data()
            wire.send(b"S: a\r\n\r\n" + text + END) if len(text) < SIZE - 100 else wire.send(b"S: a\r\n\r\nz" + END)
            said = wire.reply()
            assert wire.status("NOOP") == "250 2.0.0"
        if said.code == 250 and len(text) < SIZE - 100:
            assert post.mails(local) == [b"S: a\n\n" + text.replace(CRLF, b"\n") + b"\n"]


# --- size


def test_the_size_is_told(post: Post) -> None:
    with post.connect().greeted() as wire:
        assert wire.ehlo()["SIZE"] == str(SIZE)


@pytest.mark.parametrize("size", [SIZE + 1, 10**12, 10**19, 99999999999999999999])
def test_a_mail_that_says_it_is_too_large(post: Post, size: int) -> None:
    """RFC 1870 6.1: refused at MAIL, before a byte of it is sent."""
    with post.meet() as wire:
        assert wire.status(f"MAIL FROM:<a@client.test> SIZE={size}") == "552 5.3.4"
        assert wire.status("MAIL FROM:<a@client.test> SIZE=100") == "250 2.1.0"


def test_a_mail_of_just_the_size(post: Post) -> None:
    """RFC 1870 5: octets of the mail, line ends counted, stuffed dots and the final one not."""
    local = fresh()
    lines = b"." + b"x" * 97 + CRLF  # a hundred octets, and one more on the wire
    with post.meet() as wire:
        wire.envelope(local, parameters=f"SIZE={SIZE}").data()
        wire.send((b"." + lines) * (SIZE // 100) + b".\r\n")
        assert wire.reply().code == 250
    assert post.mails(local) == [lines.replace(CRLF, b"\n") * (SIZE // 100)]


@pytest.mark.parametrize("more", [1, SIZE, 20 * SIZE])
@pytest.mark.parametrize("said", ["", "SIZE=10"])
def test_a_mail_that_is_larger_than_it_may_be(post: Post, more: int, said: str) -> None:
    """552 once, when its end has come (RFC 5321 4.5.3.1.9): until then it is drained, and nothing of it kept. The dialog goes on."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local, parameters=said).data()
        wire.send(b"x" * 98 + CRLF)
        text = b"y" * 998 + CRLF
        for _ in range((SIZE + more) // 1000):
            wire.send(text)
        wire.send(b"z" * 1000)
        assert not wire.has_come
        wire.send(END + b"NOOP\r\n")
        assert wire.reply().status == "552 5.3.4"
        assert wire.reply().status == "250 2.0.0"
        wire.deliver(local)
    assert post.mails(local) == [b"Subject: fine\n\nfine\n"]
    assert not [path for path in post.everything() if path.parent.name == "tmp"]


def test_a_mail_without_end_is_not_kept(post: Post) -> None:
    """A gigabyte is not: memory and disk stay where they were."""
    with post.meet() as wire:
        wire.envelope(fresh()).data()
        before = post.memory
        piece = (b"x" * 98 + CRLF) * 5_000
        for _ in range(60):
            wire.send(piece)
        assert post.memory - before < 8_000_000
        assert sum(path.stat().st_size for path in post.everything()) < SIZE * 10
        wire.reset()
    until(lambda: not [path for path in post.everything() if path.parent.name == "tmp"], what="an empty tmp/")


def test_a_large_mail_is_never_whole_in_memory(large: Post) -> None:
    """8 MB in, 8 MB on disk, next to nothing in between; and small ones go by meanwhile."""
    local = fresh()
    lines = (b"x" * 98 + CRLF) * 800
    with large.meet() as warm:
        warm.deliver(fresh())
    before = large.memory
    with large.meet() as wire:
        wire.envelope(local).data()
        wire.send(b"Subject: large\r\n\r\n")
        for number in range(100):
            wire.send(lines)
            if number % 25 == 10:
                assert large.memory - before < 5_000_000
                large.still_serves()
        wire.send(b".\r\n")
        assert wire.reply().code == 250
    assert [len(mail) for mail in large.mails(local)] == [len(b"Subject: large\n\n") + 99 * 80_000]


# --- recipients


def test_10_000_recipients(post: Post) -> None:
    """RFC 5321 4.5.3.1.8, 4.5.3.1.10: at least 100 are taken; each of the others is 452 4.5.3, and the mail goes to those taken."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope()
        statuses = []
        for first in range(0, 10_000, 500):
            wire.send("".join(f"RCPT TO:<{local}-{number}@{DOMAIN}>\r\n" for number in range(first, first + 500)).encode())
            statuses += wire.statuses(500)
        assert statuses == ["250 2.1.5"] * RECIPIENTS + ["452 4.5.3"] * (10_000 - RECIPIENTS)
        wire.data()
        wire.send(b"Subject: all\r\n.\r\n")
        assert wire.reply().code == 250
    assert post.mails(f"{local}-0") == post.mails(f"{local}-{RECIPIENTS - 1}") == [b"Subject: all\n"]
    assert post.mails(f"{local}-{RECIPIENTS}") == []


def test_the_same_recipient_a_hundred_times_gets_the_mail_once(post: Post) -> None:
    """Nobody is flooded by being named often."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope(*[local] * 100).data()
        wire.send(b"Subject: once\r\n.\r\n")
        assert wire.reply().code == 250
    assert post.mails(local) == [b"Subject: once\n"]


def test_a_bad_recipient_harms_no_good_one(post: Post) -> None:
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local)
        assert wire.status("RCPT TO:<no@away.test>") == "550 5.7.1"
        assert wire.says("RCPT TO:<@>").code == 501
        wire.data()
        wire.send(b"Subject: one\r\n.\r\n")
        assert wire.reply().code == 250
    assert post.mails(local) == [b"Subject: one\n"]


# --- headers


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"X: y\r\n" * 6_000, id="6,000 fields"),
        pytest.param(b"X: " + b"y\r\n " * 10_000 + b"\r\n", id="one folded 10,000 times"),
        pytest.param(b"X" * 40_000 + b": y\r\n", id="a name of 40,000 octets"),
        pytest.param(b": y\r\n:\r\n \r\n", id="no names"),
        pytest.param(b"\xff\xfe: \x80\r\n\0: \0\r\n", id="octets of all kinds"),
    ],
)
def test_odd_headers_are_the_readers_business(post: Post, header: bytes) -> None:
    """A server carries the content it was given (RFC 5321 3.3, 6.4). 8-bit content was not declared: taken all the same, or 554 5.6.1."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local).data()
        wire.send(header + b"\r\nbody" + END)
        said = wire.reply()
        assert said.code in (250, 550, 554), said
        assert wire.status("NOOP") == "250 2.0.0"
    if said.code == 250:
        assert post.mails(local) == [header.replace(CRLF, b"\n") + b"\nbody\n"]


def test_a_header_without_end(large: Post) -> None:
    """5 MB of fields are a mail like any other, and as little of it is in memory."""
    local = fresh()
    with large.meet() as wire:
        before = large.memory
        wire.envelope(local).data()
        for _ in range(50):
            wire.send((b"X-Field: " + b"y" * 89 + CRLF) * 1_000)
        assert large.memory - before < 4_000_000
        wire.send(END)
        assert wire.reply().code == 250
    assert [len(mail) for mail in large.mails(local)] == [99 * 50_000 + 1]


@pytest.mark.parametrize("first", [b" id forged; Sat, 1 Jan 2022 00:00:00 +0000\r\n", b"\tby forged.test\r\n", b" \r\n"], ids=repr)
def test_a_first_line_that_would_continue_our_own_trace(post: Post, first: bytes) -> None:
    """What a client sends is no part of the Received field that we put in front (RFC 5321 4.4, RFC 5322 2.2.3)."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local).data()
        wire.send(first + b"Subject: a\r\n\r\nb" + END)
        said = wire.reply()
    if said.code == 250:
        (path,) = [path for path in post.everything() if path.parent.parent.name == local]
        stored = path.read_bytes().replace(CRLF, b"\n")
        assert b"\n\n" + first.replace(CRLF, b"\n") in stored, "our own field goes on with it"
    else:
        assert said.code in (550, 554), said


def test_100_received_fields_are_a_loop(post: Post) -> None:
    """RFC 5321 6.3: 554 5.4.6. A few dozen are not."""
    near, far = fresh(), fresh()
    field = b"Received: from a.test by b.test; Sat, 1 Jan 2022 00:00:00 +0000\r\n"
    with post.meet() as wire:
        wire.envelope(near).data()
        wire.send(field * 30 + b"Subject: far\r\n\r\n" + field * 200 + b".\r\n")
        assert wire.reply().code == 250
        wire.envelope(far).data()
        wire.send(field * 101 + b"Subject: loop\r\n\r\n.\r\n")
        assert wire.reply().status == "554 5.4.6"
    assert len(post.mails(near)) == 1
    assert post.mails(far) == []
