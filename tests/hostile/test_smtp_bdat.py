"""BDAT: the mail in chunks of a length that is told (RFC 3030 2, 3).

Who can make a server lose count can have what he sends as content read as commands. So the octets of a chunk are taken off the
wire whether BDAT is allowed or not, and where their number can't be read the connection is over.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hostile.smtp_wire import DOMAIN, Post, fresh, serving
from tests.hostile.wire import until

SIZE = 100_000


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    with serving(tmp_path_factory.mktemp("mail"), "--max-size", str(SIZE), "--max-per-client", "1000") as post:
        yield post


def bdat(data: bytes, last: str = "") -> bytes:
    return b"BDAT %d%s\r\n" % (len(data), f" {last}".encode() if last else b"") + data


def hidden(to: str) -> bytes:
    """A dialog that would deliver a mail, as the content of a chunk."""
    return f"RSET\r\nMAIL FROM:<boss@{DOMAIN}>\r\nRCPT TO:<{to}@{DOMAIN}>\r\nDATA\r\nSubject: hidden\r\n\r\n.\r\n".encode()


def test_chunking_is_offered(post: Post) -> None:
    with post.connect().greeted() as wire:
        offered = wire.ehlo()
    assert "CHUNKING" in offered
    assert "BINARYMIME" in offered


@pytest.mark.parametrize("sizes", [(29,), (10, 19), (1, 28), (28, 1), (29, 0), (0, 29), (0, 0, 29, 0)])
def test_a_mail_in_chunks(post: Post, sizes: tuple[int, ...]) -> None:
    """An empty last chunk ends a mail too; each chunk has its own 250. Dots mean nothing here."""
    mail, local, at = b"Subject: a\r\n\r\n..b\r\n.\r\nNOOP!\r\n", fresh(), 0
    assert len(mail) == 29
    with post.meet() as wire:
        wire.envelope(local)
        for number, size in enumerate(sizes):
            wire.send(bdat(mail[at : at + size], "LAST" if number == len(sizes) - 1 else ""))
            at += size
            assert wire.reply().code == 250
        assert wire.status("NOOP") == "250 2.0.0"
    assert post.mails(local) == [mail.replace(b"\r\n", b"\n")]


def test_the_same_split_at_every_octet(post: Post) -> None:
    local, mail = fresh(), b"Subject: a\r\n\r\n.\r\nb\r\n"
    text = bdat(mail[:13]) + bdat(mail[13:], "last") + b"NOOP\r\n"
    with post.meet() as wire:
        for split in range(1, len(text)):
            wire.envelope(local)
            wire.send(text[:split], text[split:])
            assert [wire.reply().code for _ in range(3)] == [250, 250, 250]
    assert post.mails(local) == [mail.replace(b"\r\n", b"\n")] * (len(text) - 1)


def test_nothing_at_all(post: Post) -> None:
    """BDAT 0 LAST alone is an empty mail, which is one (RFC 3030 2)."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local)
        assert wire.says("BDAT 0 LAST").code == 250
    assert post.mails(local) == [b""]


def test_all_of_it_pipelined(post: Post) -> None:
    """RFC 3030 4.2: BDAT may stand anywhere in a group, its octets behind it: no 354 is waited for, and none comes."""
    local = fresh()
    with post.meet() as wire:
        wire.send(
            f"MAIL FROM:<a@client.test>\r\nRCPT TO:<{local}@{DOMAIN}>\r\n".encode() + bdat(b"Subject: a\r\n") + bdat(b"\r\nb\r\n", "LAST")
        )
        wire.send(b"QUIT\r\n")
        assert [said.code for said in wire.last_words()] == [250, 250, 250, 250, 221]
    assert post.mails(local) == [b"Subject: a\n\nb\n"]


def test_octets_behind_a_chunk_are_commands(post: Post) -> None:
    """More than was said: they are no part of the mail."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local)
        wire.send(b"BDAT 12\r\nSubject: a\r\nNOOP\r\nBDAT 0 LAST\r\n")
        assert [wire.reply().code for _ in range(3)] == [250, 250, 250]
        wire.envelope(local)
        wire.send(b"BDAT 12 LAST\r\nSubject: b\r\nmore than was said\r\n")
        assert wire.reply().code == 250
        assert wire.reply().code == 500
    assert post.mails(local) == [b"Subject: a\n", b"Subject: b\n"]


# --- out of turn


@pytest.mark.parametrize("before", ["nothing", "MAIL", "a refused RCPT", "no EHLO"])
def test_a_chunk_that_is_refused_is_still_no_dialog(post: Post, before: str) -> None:
    """RFC 3030 2: 503, and its octets are taken off the wire all the same."""
    local = fresh()
    with post.connect().greeted() as wire:
        if before != "no EHLO":
            wire.ehlo()
        if before in ("MAIL", "a refused RCPT"):
            wire.envelope()
        if before == "a refused RCPT":
            assert wire.status("RCPT TO:<no@away.test>") == "550 5.7.1"
        wire.send(bdat(hidden(local), "LAST") + b"NOOP\r\n")
        assert wire.reply().status in ("503 5.5.1", "554 5.5.1")
        assert wire.reply().code in (250, 503)
        wire.finish()
        assert wire.last_words() == []
    assert post.mails(local) == []


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("DATA", "503 5.5.1"),
        ("MAIL FROM:<b@client.test>", "503 5.5.1"),
        ("RCPT TO:<b@example.test>", "503 5.5.1"),
        ("NOOP", "250 2.0.0"),
    ],
)
def test_between_two_chunks(post: Post, command: str, status: str) -> None:
    """RFC 3030 2: between the chunks of a mail no other command of the transaction has a place, DATA least of all."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local)
        wire.send(bdat(b"Subject: a\r\n"))
        assert wire.reply().code == 250
        assert wire.status(command) == status
        wire.send(bdat(b"\r\nb\r\n", "LAST"))
        said = wire.reply()
    assert said.code in (250, 503)
    assert post.mails(local) == ([b"Subject: a\n\nb\n"] if said.code == 250 else [])


@pytest.mark.parametrize("reset", ["RSET", "EHLO client.test"])
def test_reset_between_two_chunks(post: Post, reset: str) -> None:
    """RFC 3030 2: the mail is forgotten, and more of it is 503."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local)
        wire.send(bdat(b"Subject: a\r\n"))
        assert wire.reply().code == 250
        wire.send(reset.encode() + b"\r\n")
        assert wire.reply(bare=True).code == 250
        wire.send(bdat(hidden(local), "LAST"))
        assert wire.reply().status == "503 5.5.1"
        wire.deliver(local)
    assert post.mails(local) == [b"Subject: fine\n\nfine\n"]
    until(lambda: not [path for path in post.everything() if path.parent.name == "tmp"], what="an empty tmp/")


def test_a_chunk_behind_the_last(post: Post) -> None:
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local)
        wire.send(bdat(b"Subject: a\r\n", "LAST") + bdat(hidden(local), "LAST"))
        assert wire.reply().code == 250
        assert wire.reply().status == "503 5.5.1"
        assert wire.status("NOOP") == "250 2.0.0"
    assert post.mails(local) == [b"Subject: a\n"]


def test_bdat_inside_data_is_text(post: Post) -> None:
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local).data()
        wire.send(b"Subject: a\r\n\r\n" + bdat(b"x\r\n", "LAST") + b".\r\n")
        assert wire.reply().code == 250
    assert post.mails(local) == [b"Subject: a\n\nBDAT 3 LAST\nx\n"]


def test_binarymime_by_data(post: Post) -> None:
    """RFC 3030 3: content that may hold anything has no end that could be seen; 503."""
    with post.meet() as wire:
        wire.envelope(fresh(), parameters="BODY=BINARYMIME")
        assert wire.status("DATA") == "503 5.5.1"


# --- counts that are none


NO_COUNTS = ["", " ", " LAST", " -1", " +1", " 1.0", " 0x10", " ten", " 10 LAST LAST", " 10 FIRST", " 10LAST", " 1 0", " 1e3", " 1_0"]


@pytest.mark.parametrize("argument", [*NO_COUNTS, " \u0661\u0660"])
def test_a_count_that_is_none_ends_the_connection(post: Post, argument: str) -> None:
    """501 5.5.4 (or 500 for octets that no command may hold): where its octets end can't be known, so nothing behind is read."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local)
        wire.send(b"BDAT" + argument.encode() + b"\r\n" + hidden(local))
        said = [one.status for one in wire.last_words()]
    assert said in (["501 5.5.4"], ["500 5.5.2"], ["501 5.5.2"]), said
    assert post.mails(local) == []


@pytest.mark.parametrize("count", ["99999999999999999999", "9" * 40, "18446744073709551616", str(2**63)])
def test_a_count_past_all_bounds(post: Post, count: str) -> None:
    """552 5.3.4 at once or 501, and the end: nobody waits for 2⁶⁴ octets."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local)
        wire.send(f"BDAT {count} LAST\r\n".encode() + hidden(local))
        wire.finish()
        said = [one.status for one in wire.last_words()]
    assert said in (["552 5.3.4"], ["501 5.5.4"], ["500 5.5.2"]), said
    assert post.mails(local) == []


@pytest.mark.parametrize("chunks", [1, 2, 12])
def test_chunks_that_grow_past_the_size(post: Post, chunks: int) -> None:
    """552 5.3.4 once it is too large; later chunks are refused as well, and their octets no dialog."""
    local = fresh()
    piece = (b"x" * 98 + b"\r\n") * (2 * SIZE // 100 // chunks + 1)
    with post.meet() as wire:
        wire.envelope(local)
        for number in range(chunks):
            wire.send(bdat(piece, "LAST" if number == chunks - 1 else ""))
        statuses = wire.statuses(chunks)
        assert set(statuses[chunks // 2 + 1 :] or statuses) <= {"552 5.3.4", "503 5.5.1"}, statuses
        assert "552 5.3.4" in statuses
        if wire.says("RSET").code == 250:
            wire.deliver(local)
    assert len(post.mails(local)) <= 1
    assert not [path for path in post.everything() if path.parent.name == "tmp"]


# --- content


def test_binary_content_is_kept_as_it_is(post: Post) -> None:
    """RFC 3030 3: NUL, bare CR and LF, lines without end."""
    local = fresh()
    mail = b"Subject: all octets\r\nContent-Transfer-Encoding: binary\r\n\r\n" + bytes(range(256)) * 20 + b"\r.\r\n.\n\n.\r\n"
    with post.meet() as wire:
        wire.envelope(local, parameters="BODY=BINARYMIME")
        wire.send(bdat(mail[:1000]), bdat(mail[1000:], "LAST"))
        assert [wire.reply().code for _ in range(2)] == [250, 250]
    (path,) = [path for path in post.everything() if path.parent.parent.name == local]
    assert path.read_bytes().endswith(bytes(range(256)) * 20 + b"\r.\r\n.\n\n.\r\n")


@pytest.mark.parametrize("stray", [b"\n", b"\r", b"\r\r\n", b"\n.\n", b"\r\n.\n", b"\n.\r\n"], ids=repr)
@pytest.mark.parametrize("cut", [0, 1, 2])
def test_a_bare_cr_or_lf_where_lines_were_promised(post: Post, stray: bytes, cut: int) -> None:
    """RFC 3030 3, RFC 5321 2.3.8: what is not BINARYMIME is lines. A next server would be the one to be smuggled into: 550 5.6.11."""
    local = fresh()
    mail = b"Subject: a\r\n\r\nb" + stray + b"MAIL FROM:<x@y.test>\r\n"
    at = mail.index(stray, 15) + cut
    with post.meet() as wire:
        wire.envelope(local)
        wire.send(bdat(mail[:at]) + bdat(mail[at:], "LAST"))
        wire.finish()
        statuses = [said.status for said in wire.last_words()]
    assert "550 5.6.11" in statuses, statuses
    assert len(statuses) == 2, statuses
    assert post.mails(local) == []


def test_a_crlf_cut_in_two_by_chunks_is_one(post: Post) -> None:
    """RFC 3030 2: a chunk may end anywhere."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local)
        wire.send(bdat(b"Subject: a\r") + bdat(b"\n\r") + bdat(b"\nb\r\n", "LAST"))
        assert [wire.reply().code for _ in range(3)] == [250] * 3
    assert post.mails(local) == [b"Subject: a\n\nb\n"]


@pytest.mark.parametrize("how", ["finish", "reset"])
@pytest.mark.parametrize("sent", [0, 1, 99])
def test_a_chunk_that_breaks_off(post: Post, how: str, sent: int) -> None:
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local)
        wire.send(b"BDAT 100 LAST\r\n" + b"x" * sent)
        if how == "finish":
            wire.finish()
            assert not [said for said in wire.last_words() if said.code < 400]
        else:
            wire.reset()
    post.still_serves()
    assert post.mails(local) == []
    until(lambda: not [path for path in post.everything() if path.parent.name == "tmp"], what="an empty tmp/")


def test_20_000_empty_chunks(post: Post) -> None:
    """Each is answered; together they are nothing, in memory or on disk."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local)
        before = post.memory
        for _ in range(20):
            wire.send(b"BDAT 0\r\n" * 1000)
            assert {wire.reply().code for _ in range(1000)} == {250}
        assert post.memory - before < 4_000_000
        assert wire.says("BDAT 0 LAST").code == 250
    assert post.mails(local) == [b""]
