"""What may be said when: out of turn, too early, in another protocol's words, or only half (RFC 5321 4.1.4, RFC 2920 3)."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hostile.smtp_wire import DOMAIN, Post, fresh, serve, serving
from tests.hostile.wire import until
from tests.processes import Program


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    with serving(tmp_path_factory.mktemp("mail"), "--max-per-client", "1000") as post:
        yield post


# --- other protocols: a web page can make its visitor's browser connect to a mail server, and say much of what it likes


HTTP = [f"{method} / HTTP/1.1" for method in ("GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "TRACE")]
HTTP += ["CONNECT localhost:25 HTTP/1.1", "PRI * HTTP/2.0", "GET /", "post / HTTP/1.0"]


@pytest.mark.parametrize("line", HTTP)
def test_http_is_turned_away_before_its_body_is_seen(post: Post, line: str) -> None:
    """Cross-protocol requests: 502 and the end, whatever the fields and the body say, in one piece or in many."""
    for pieces in ("one", "lines"):
        local = fresh()
        mail = f"EHLO x.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<{local}@{DOMAIN}>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n"
        text = f"{line}\r\nHost: localhost\r\nContent-Length: {len(mail)}\r\n\r\n{mail}".encode()
        with post.connect().greeted() as wire:
            wire.send(*([text] if pieces == "one" else [text[: len(line) + 2], text[len(line) + 2 :]]))
            said = wire.last_words()
        assert [one.code for one in said] == [502], said
        assert post.mails(local) == []


@pytest.mark.parametrize(
    "opening",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\x00\x00\x0cping",
        b"* OK IMAP\r\n",
        b"{json}\r\n",
    ],
    ids=["a TLS handshake in clear", "SSH", "frames", "IMAP", "JSON"],
)
def test_what_is_no_smtp_at_all(post: Post, opening: bytes) -> None:
    with post.connect().greeted() as wire:
        wire.send(opening + b"\r\n" * 3)
        wire.finish()
        said = wire.last_words()
    assert said, "no word was said to it"
    assert all(one.code in (421, 500, 501, 502) for one in said), said
    post.still_serves()


def test_who_talks_before_the_greeting(start: Callable[..., Program], tmp_path: Path) -> None:
    """RFC 5321 3.1: the client waits. With a delay before the greeting, one that does not is told 554 5.5.0, and nothing is carried out."""
    post = serve(start, tmp_path, "--greet-delay", "0.4")
    local = fresh()
    with post.connect() as wire:
        wire.send(f"EHLO x.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<{local}@{DOMAIN}>\r\n".encode())
        said = wire.reply(bare=True)
        assert said.code == 554, said
        assert said.lines[0].startswith("5.5.0 "), said
        assert wire.last_words() == []
    with post.connect() as wire:
        wire.send(b"E")
        assert wire.reply(bare=True).code == 554
    with post.meet() as wire:
        wire.deliver(local)
    assert len(post.mails(local)) == 1


def test_who_leaves_before_the_greeting(start: Callable[..., Program], tmp_path: Path) -> None:
    post = serve(start, tmp_path, "--greet-delay", "0.3")
    for number in range(20):
        wire = post.connect()
        (wire.reset if number % 2 else wire.close)()
    post.still_serves()
    assert "Traceback" not in post.program.output


# --- out of turn


@pytest.mark.parametrize("line", ["MAIL FROM:<a@client.test>", "RCPT TO:<a@example.test>", "DATA", "BDAT 0 LAST"])
def test_nothing_goes_on_before_the_client_has_named_itself(post: Post, line: str) -> None:
    """RFC 5321 4.1.4."""
    with post.connect().greeted() as wire:
        assert wire.status(line) == "503 5.5.1"
        wire.ehlo()
        assert wire.status("MAIL FROM:<a@client.test>") == "250 2.1.0"


@pytest.mark.parametrize(
    ("lines", "statuses"),
    [
        (["RCPT TO:<a@example.test>"], ["503 5.5.1"]),
        (["DATA"], ["503 5.5.1"]),
        (["MAIL FROM:<a@client.test>", "MAIL FROM:<b@client.test>"], ["250 2.1.0", "503 5.5.1"]),
        (["MAIL FROM:<a@client.test>", "RSET", "RCPT TO:<a@example.test>"], ["250 2.1.0", "250 2.0.0", "503 5.5.1"]),
        (["MAIL FROM:<a@client.test>", "RCPT TO:<a@example.test>", "RSET", "DATA"], ["250 2.1.0", "250 2.1.5", "250 2.0.0", "503 5.5.1"]),
        (["MAIL FROM:<a@client.test>", "RCPT TO:<a@example.test>", "DATA now"], ["250 2.1.0", "250 2.1.5", "501 5.5.4"]),
        (["RSET now"], ["501 5.5.4"]),
        (["QUIT now"], ["501 5.5.4"]),
        (["XYZZY"], ["500 5.5.1"]),
        (["TURN"], ["502 5.5.1"]),
        (["ETRN example.test"], ["502 5.5.1"]),
        (["LHLO client.test"], ["500 5.5.1"]),
        (["XCLIENT ADDR=127.0.0.1"], ["500 5.5.1"]),
        (["XFORWARD ADDR=127.0.0.1"], ["500 5.5.1"]),
        (["PROXY TCP4 1.2.3.4 5.6.7.8 1 2"], ["500 5.5.1"]),
        ([""], ["500 5.5.2"]),
        ([" NOOP"], ["500 5.5.2"]),
        (["NOOP "], ["250 2.0.0"]),
        (["NOOP anything at all"], ["250 2.0.0"]),
        (["noop"], ["250 2.0.0"]),
    ],
)
def test_out_of_turn(post: Post, lines: list[str], statuses: list[str]) -> None:
    """RFC 5321 4.1.4, 4.2.4: 503 for what is not its turn; 500 or 502 for what is no command here."""
    unknown = ("500 5.5.1", "500 5.5.2", "502 5.5.1")
    with post.meet() as wire:
        for line, status in zip(lines, statuses, strict=True):
            said = wire.says(line)
            assert said.status in (unknown if status in unknown else (status,)), said


def test_data_without_a_recipient(post: Post) -> None:
    """RFC 5321 3.3, 4.1.4: 503 or 554; what comes behind it are commands, as the client was told."""
    with post.meet() as wire:
        assert wire.status("MAIL FROM:<a@client.test>") == "250 2.1.0"
        assert wire.status("DATA") in ("503 5.5.1", "554 5.5.1")
        assert wire.status("NOOP") == "250 2.0.0"


@pytest.mark.parametrize("again", ["EHLO client.test", "HELO client.test", "RSET"])
def test_a_new_greeting_forgets_the_mail(post: Post, again: str) -> None:
    """RFC 5321 4.1.4."""
    with post.meet() as wire:
        wire.envelope("a")
        wire.send(again.encode() + b"\r\n")
        assert wire.reply(bare=True).code == 250
        assert wire.status("DATA") == "503 5.5.1"


def test_a_refused_greeting_leaves_things_as_they_were(post: Post) -> None:
    """RFC 5321 4.1.1.1, 4.1.4: a second EHLO that is refused does not end the session that stands."""
    with post.meet() as wire:
        wire.envelope("a")
        wire.send(b"EHLO \r\n")
        assert wire.reply(bare=True).code == 501
        assert wire.says("DATA").code in (354, 503)


def test_helo_gets_one_line_and_no_extensions(post: Post) -> None:
    """RFC 5321 4.1.1.1: what extensions bring is for who said EHLO."""
    with post.connect().greeted() as wire:
        assert wire.ehlo(verb="HELO") == {}
        assert wire.says("MAIL FROM:<a@client.test> SIZE=100").code in (501, 555)
        assert wire.status("MAIL FROM:<a@client.test>") == "250 2.1.0"


def test_who_errs_again_and_again_is_sent_away(post: Post) -> None:
    """421 4.7.0 at last: a dialog of errors is no dialog. Long before that a few do no harm."""
    with post.meet() as wire:
        for _ in range(5):
            assert wire.says("XYZZY").code == 500
        assert wire.status("NOOP") == "250 2.0.0"
        wire.send(b"XYZZY\r\n" * 995)
        said = wire.last_words()
    assert said[-1].status == "421 4.7.0", said[-3:]
    assert len(said) < 200


# --- pipelining (RFC 2920)


def test_a_whole_dialog_in_one_write_up_to_data(post: Post) -> None:
    local = fresh()
    with post.meet() as wire:
        wire.send(f"MAIL FROM:<a@client.test>\r\nRCPT TO:<{local}@{DOMAIN}>\r\nRCPT TO:<no@away.test>\r\nDATA\r\n".encode())
        assert wire.statuses(3) == ["250 2.1.0", "250 2.1.5", "550 5.7.1"]
        assert wire.reply().code == 354
        wire.send(b"Subject: x\r\n.\r\nNOOP\r\nQUIT\r\n")
        assert [said.code for said in wire.last_words()] == [250, 250, 221]
    assert post.mails(local) == [b"Subject: x\n"]


@pytest.mark.parametrize("ehlo", ["EHLO client.test\r\nNOOP\r\n", "EHLO client.test\r\nMAIL FROM:<a@client.test>\r\n"])
def test_commands_behind_ehlo(post: Post, ehlo: str) -> None:
    """RFC 2920 3.1 wants the client to wait behind EHLO; a command that does not is heard in its turn, or refused: never lost."""
    with post.connect().greeted() as wire:
        wire.send(ehlo.encode())
        assert wire.reply(bare=True).code == 250
        assert wire.reply().code in (250, 503, 554)


@pytest.mark.parametrize("text", [b"Subject: x\r\n\r\nx\r\n.\r\n", b"S", b".\r\n", b"\r\n", b"NOOP\r\n"], ids=repr)
def test_a_text_that_does_not_wait_for_354(post: Post, text: bytes) -> None:
    """RFC 2920 3.1: DATA is the last of a group. Who sends the text unasked could not have been told no: 503 5.5.0 and the end."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local)
        wire.send(b"DATA\r\n" + text)
        said = [one.status for one in wire.last_words()]
    assert said == ["503 5.5.0"], said
    assert post.mails(local) == []
    post.still_serves()


def test_the_text_behind_a_refused_data_is_no_dialog(post: Post) -> None:
    """DATA is refused, the text was sent with it, and holds commands: no mail comes of them."""
    local = fresh()
    text = f"MAIL FROM:<a@client.test>\r\nRCPT TO:<{local}@{DOMAIN}>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n"
    with post.meet() as wire:
        wire.send(b"MAIL FROM:<a@client.test>\r\nRCPT TO:<no@away.test>\r\nDATA\r\n" + text.encode())
        assert wire.statuses(3)[1:] in (["550 5.7.1", "503 5.5.1"], ["550 5.7.1", "554 5.5.1"], ["550 5.7.1", "503 5.5.0"])
        wire.finish()
        wire.last_words()
    assert post.mails(local) == []


def test_nothing_behind_quit_is_heard(post: Post) -> None:
    """RFC 5321 4.1.1.10: the dialog is over."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope(local)
        wire.send(b"QUIT\r\nDATA\r\nSubject: x\r\n.\r\n" + f"MAIL FROM:<a@c.test>\r\nRCPT TO:<{local}@{DOMAIN}>\r\n".encode() * 500)
        assert [one.status for one in wire.last_words()] == ["221 2.0.0"]
    assert post.mails(local) == []


def test_10_000_commands_in_one_write(post: Post) -> None:
    """Each is answered, in order, and nobody else waits for that."""
    with post.meet() as wire, post.meet() as other:
        wire.send(b"NOOP\r\n" * 5_000)
        assert other.status("NOOP") == "250 2.0.0"
        assert set(wire.statuses(5_000)) == {"250 2.0.0"}
        wire.send(b"RSET\r\n" * 5_000)
        assert set(wire.statuses(5_000)) == {"250 2.0.0"}


def test_a_peer_that_reads_nothing_is_not_written_to_without_bound(post: Post) -> None:
    """Answers that nobody takes are not gathered: it is heard no further (and others are)."""
    with post.connect(receive_buffer=4096) as wire:
        before = post.memory
        sent = wire.fill(b"HELP\r\nNOOP\r\n" * 1000, 200_000_000)
        assert sent < 200_000_000, "200 MB of commands were taken whose answers nobody reads"
        assert post.memory - before < 16_000_000
        post.still_serves()
        wire.reset()


def test_a_dialog_split_at_every_octet(post: Post) -> None:
    local = fresh()
    text = f"EHLO c.test\r\nMAIL FROM:<a@c.test>\r\nRCPT TO:<{local}@{DOMAIN}>\r\nRSET\r\nNOOP\r\nQUIT\r\n".encode()
    said = set()
    for split in range(1, len(text)):
        with post.connect().greeted() as wire:
            wire.send(text[:split], text[split:])
            assert wire.reply(bare=True).code == 250
            said.add(tuple(one.status for one in wire.last_words()))
    assert said == {("250 2.1.0", "250 2.1.5", "250 2.0.0", "250 2.0.0", "221 2.0.0")}


# --- half a connection


@pytest.mark.parametrize("stop", ["", "EH", "EHLO client.test\r\n", "EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT"])
def test_a_client_that_has_ended_its_side_is_answered_and_let_go(post: Post, stop: str) -> None:
    with post.connect().greeted() as wire:
        wire.send(stop.encode())
        wire.finish()
        answers = wire.rest()
    assert answers.count(b"\r\n250 ") + answers.startswith(b"250 ") == stop.count("\r\n")


def test_pipelined_commands_are_answered_behind_the_end_of_the_clients_side(post: Post) -> None:
    """``printf … | nc``: half-closed, and still listening."""
    local = fresh()
    with post.meet() as wire:
        wire.send(f"MAIL FROM:<a@c.test>\r\nRCPT TO:<{local}@{DOMAIN}>\r\nNOOP\r\nQUIT\r\n".encode())
        wire.finish()
        assert [one.code for one in wire.last_words()] == [250, 250, 250, 221]


def test_connections_cut_off_anywhere(post: Post) -> None:
    """RST in every state: nothing is delivered, nothing stays behind, nothing is said of it on the server's own account."""
    local = fresh()
    steps = [b"EHLO c.test\r\n", b"MAIL FROM:<a@c.test>\r\n", f"RCPT TO:<{local}@{DOMAIN}>\r\n".encode(), b"DATA\r\n", b"x\r\n", b"\r\n."]
    for last, how in itertools.product(range(len(steps) + 1), ("reset", "close")):
        wire = post.connect().greeted()
        for number, step in enumerate(steps[:last]):
            wire.send(step)
            if number < 4:
                wire.reply(bare=True)
        (wire.reset if how == "reset" else wire.close)()
    post.still_serves()
    assert post.mails(local) == []
    until(lambda: not [path for path in post.everything() if path.parent.name == "tmp"], what="an empty tmp/")
    assert "Traceback" not in post.program.output


def test_nonsense_never_delivers_and_never_stumbles(post: Post) -> None:
    """A few thousand random lines made of the words of SMTP: every one is answered, by a well-formed reply."""
    words = "EHLO HELO MAIL FROM: TO: RCPT DATA BDAT LAST RSET NOOP QUIT VRFY EXPN HELP AUTH PLAIN STARTTLS".split()
    words += ["<>", "<a@example.test>", '"', "\\", ".", "0", "9", "", "\t"]
    choose = random.Random(5321)
    for _ in range(60):
        lines = [" ".join(choose.choices(words, k=choose.randint(1, 5))).encode() for _ in range(40)]
        with post.connect().greeted() as wire:
            wire.try_send(b"".join(line + b"\r\n" for line in lines) + b"QUIT\r\n")
            wire.finish()
            while wire.received or wire.more():
                wire.reply(bare=True)
    post.still_serves()
    assert "Traceback" not in post.program.output


# --- what servers tell of who is there


@pytest.mark.parametrize("line", ["VRFY root", "VRFY postmaster", "VRFY nobody@away.test", "EXPN staff", "VRFY <a@example.test>"])
def test_nobody_learns_who_is_here(post: Post, line: str) -> None:
    """RFC 5321 3.5.3, 7.3: 252 says neither yes nor no; EXPN may be 502."""
    with post.meet() as wire:
        said = wire.says(line)
        assert said.status in ("252 2.0.0", "252 2.1.5", "252 2.5.2", "252 2.5.0", "502 5.5.1", "502 5.7.0", "502 5.3.3"), said


@pytest.mark.parametrize("line", ["VRFY", "EXPN", "VRFY \\", 'VRFY "', "VRFY " + "a" * 400, "HELP x y z", "HELP " + "a" * 400])
def test_asking_badly(post: Post, line: str) -> None:
    with post.meet() as wire:
        said = wire.says(line)
        assert said.code in (211, 214, 252, 501, 502, 504), said
        assert wire.status("NOOP") == "250 2.0.0"


@pytest.mark.parametrize("text", ["x" * 490, "\\r\\n250 ok", "\x1b[2J", "250-", "%s%n", "\u202e"], ids=ascii)
def test_what_is_echoed_breaks_no_reply(post: Post, text: str) -> None:
    """Replies that quote the peer: no control characters of his, and no line longer than 512 octets (the reader sees to it)."""
    with post.meet() as wire:
        wire.send(f"EHLO {text}\r\n".encode())
        wire.reply(bare=True)
        for verb in ("XYZZY ", "VRFY ", "HELP ", "AUTH "):
            assert wire.says(verb + text).code < 560
