"""Logging in, by who must not get in (RFC 4954, RFC 4616, RFC 5802).

Passwords are not taken in clear, not guessed by the hundred, and not written anywhere. Whatever a mechanism's words are made of,
the answer is one reply, and nobody is let in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.smtp_wire import DOMAIN, PASSWORD, Mouth, Post, b64, fresh, plain, serving, write_users


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_users(tmp_path_factory.mktemp("users") / "users", "ann", "bob")


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory, users: Path) -> Iterator[Post]:
    """Submission with STARTTLS (RFC 6409, RFC 3207): a login is wanted."""
    arguments = ("--starttls", "--submission", "--users", users, "--max-per-client", "1000")
    with serving(tmp_path_factory.mktemp("mail"), *arguments) as post:
        yield post
        assert PASSWORD not in post.program.output
        assert b64(PASSWORD.encode())[:-2] not in post.program.output


@pytest.fixture
def wire(post: Post) -> Iterator[Mouth]:
    """A connection over TLS, on which nobody has logged in."""
    with post.meet() as wire:
        wire.start_tls().ehlo()
        yield wire


def answered(wire: Mouth, response: str) -> str:
    """AUTH PLAIN with this response."""
    return wire.status(f"AUTH PLAIN {response}")


# --- in clear


def test_no_login_is_offered_in_clear(post: Post) -> None:
    with post.connect().greeted() as wire:
        assert "AUTH" not in wire.ehlo()
        wire.start_tls()
        assert {"PLAIN", "SCRAM-SHA-256"} <= set(wire.ehlo()["AUTH"].split())


@pytest.mark.parametrize("line", ["AUTH PLAIN " + plain("ann"), "AUTH PLAIN", "AUTH LOGIN", "AUTH SCRAM-SHA-256", "AUTH LOGIN YW5u"])
def test_a_login_in_clear_is_refused_before_the_password_is_asked_for(post: Post, line: str) -> None:
    """RFC 4954 4, 6: 538 5.7.11 (or 530 5.7.0, first give me TLS); never 334."""
    with post.meet() as wire:
        assert wire.status(line) in ("538 5.7.11", "530 5.7.0", "523 5.7.10")
        assert wire.status("MAIL FROM:<ann@example.test>") in ("530 5.7.0", "530 5.7.1")


def test_submission_without_a_login(post: Post, wire: Mouth) -> None:
    """RFC 6409 4.3: 530 5.7.0, over TLS and in clear."""
    assert wire.status("MAIL FROM:<ann@example.test>") == "530 5.7.0"
    assert wire.status("RCPT TO:<ann@example.test>") in ("530 5.7.0", "503 5.5.1")
    assert wire.says("BDAT 3 LAST\r\nabc").code in (503, 530)


def test_who_may_log_in_is_let_in(wire: Mouth, post: Post) -> None:
    local = fresh()
    assert answered(wire, plain("ann")) == "235 2.7.0"
    wire.deliver(local)
    assert len(post.mails(local)) == 1


def test_logged_in_in_clear_before_tls_counts_for_nothing(post: Post, wire: Mouth) -> None:
    assert answered(wire, plain("bob")) == "235 2.7.0"
    with post.meet() as other:
        assert other.status("MAIL FROM:<bob@example.test>") == "530 5.7.0"


# --- guessing


def test_the_third_failure_is_the_last(wire: Mouth) -> None:
    """421 4.7.0 and the end: passwords are not guessed here."""
    assert answered(wire, plain("ann", "wrong")) == "535 5.7.8"
    assert answered(wire, plain("ann", "wrong again")) == "535 5.7.8"
    wire.send(f"AUTH PLAIN {plain('ann', 'still wrong')}\r\n".encode())
    said = [one.status for one in wire.last_words()]
    assert said in (["421 4.7.0"], ["535 5.7.8", "421 4.7.0"]), said


def test_guesses_in_one_write_are_no_more(wire: Mouth, post: Post) -> None:
    local = fresh()
    guesses = [plain("ann", str(number)) for number in range(200)]
    text = "".join(f"AUTH PLAIN {guess}\r\n" for guess in guesses) + f"AUTH PLAIN {plain('ann')}\r\n"
    wire.send((text + f"MAIL FROM:<a@{DOMAIN}>\r\nRCPT TO:<{local}@{DOMAIN}>\r\n").encode())
    said = wire.last_words()
    assert len(said) <= 4
    assert said[-1].status == "421 4.7.0"


def test_a_crowd_of_guessers_stops_nobody(post: Post) -> None:
    """Each guess is hashed, which takes its time: the one who is let in, and his mail, wait for a few of them at most."""
    wires = [post.meet() for _ in range(40)]
    for wire in wires:
        wire.start_tls().ehlo()
    for wire in wires:
        wire.send(f"AUTH PLAIN {plain('ann', 'wrong')}\r\n".encode() * 2)
    local = fresh()
    with post.meet() as wire:
        wire.start_tls().ehlo()
        since = time.monotonic()
        assert answered(wire, plain("bob")) == "235 2.7.0"
        wire.deliver(local)
        assert time.monotonic() - since < 15
    for wire in wires:
        assert wire.statuses(2) == ["535 5.7.8"] * 2
        wire.close()
    assert len(post.mails(local)) == 1


def test_nobody_learns_whether_there_is_such_a_user(post: Post) -> None:
    """The same words for a wrong name and a wrong password."""
    heard = []
    for user in ("ann", "nobody", "", "ann@example.test", "root", "a" * 250):
        with post.meet() as wire:
            wire.start_tls().ehlo()
            said = wire.says(f"AUTH PLAIN {plain(user, 'wrong')}")
            if user:
                heard.append((said.status, said.lines))
            else:
                assert said.code in (501, 535)
    assert all(one == heard[0] for one in heard), heard
    assert heard[0][0] == "535 5.7.8"


def test_scram_asks_everyone_alike(post: Post) -> None:
    """RFC 5802 5.1 and 9: a salt and an iteration count for who does not exist too, the same each time."""
    heard: dict[str, set[str]] = {}
    for user in ("ann", "nobody", "nobody", "someone"):
        with post.meet() as wire:
            wire.start_tls().ehlo()
            said = wire.says(f"AUTH SCRAM-SHA-256 {b64(f'n,,n={user},r=clientnonce'.encode())}")
            assert said.code == 334, said
            fields = dict(field.split("=", 1) for field in base64.b64decode(said.lines[0]).decode().split(","))
            assert fields["i"] == "4096"
            assert len(base64.b64decode(fields["s"])) == 16
            heard.setdefault(user, set()).add(fields["s"])
    assert len(heard["nobody"]) == 1
    assert heard["nobody"] != heard["someone"]


# --- words that are none


@pytest.mark.parametrize(
    ("message", "statuses"),
    [
        pytest.param(b"", ["501 5.5.2", "535 5.7.8"], id="nothing"),
        pytest.param(b"\0", ["501 5.5.2", "535 5.7.8"], id="one NUL"),
        pytest.param(b"\0\0", ["501 5.5.2", "535 5.7.8"], id="two NULs"),
        pytest.param(b"ann", ["501 5.5.2"], id="no NUL"),
        pytest.param(b"ann\0" + PASSWORD.encode(), ["501 5.5.2"], id="the first part left out"),
        pytest.param(b"\0ann\0" + PASSWORD.encode() + b"\0", ["501 5.5.2", "535 5.7.8"], id="a NUL too many"),
        pytest.param(b"\0ann\0" + PASSWORD.encode() + b"\0x", ["501 5.5.2", "535 5.7.8"], id="four parts"),
        pytest.param(b"\0\0ann\0" + PASSWORD.encode(), ["501 5.5.2", "535 5.7.8"], id="an empty name"),
        pytest.param(b"\0ann\0", ["501 5.5.2", "535 5.7.8"], id="no password"),
        pytest.param(b"\0ann\0" + b"\xff\xfe", ["501 5.5.2", "535 5.7.8"], id="no UTF-8"),
        pytest.param(b"bob\0ann\0" + PASSWORD.encode(), ["535 5.7.8", "535 5.7.0"], id="for somebody else"),
        pytest.param(b"\0ann\r\n\0" + PASSWORD.encode(), ["501 5.5.2", "535 5.7.8"], id="a line end in the name"),
        pytest.param(b"\0../users\0" + PASSWORD.encode(), ["535 5.7.8"], id="a path"),
        pytest.param(b"\0ANN\0" + PASSWORD.upper().encode(), ["535 5.7.8"], id="another case"),
        pytest.param(b"\0ann\0" + PASSWORD.encode() * 200, ["501 5.5.2", "535 5.7.8"], id="a password of thousands of octets"),
    ],
)
def test_words_of_plain_that_let_nobody_in(wire: Mouth, message: bytes, statuses: list[str]) -> None:
    """RFC 4616 2: authzid NUL authcid NUL passwd, no more and no less."""
    response = b64(message) or "="
    assert answered(wire, response) in statuses
    assert wire.status("MAIL FROM:<ann@example.test>") == "530 5.7.0"


@pytest.mark.parametrize("response", ["!", "====", "YQ", "YQ=", "YQ===", "Y Q==", "YQ==YQ==", "Y=Q=", "YR==", "-_-_", "YQ==\t", "\u00e9"])
def test_what_is_no_base64(wire: Mouth, response: str) -> None:
    """RFC 4954 4: 501 5.5.2. Neither spaces, nor what stands behind the padding, nor bits that must be 0 (RFC 4648 3.5), are let pass."""
    said = wire.says("AUTH PLAIN " + response)
    assert said.status in ("501 5.5.2", "501 5.5.4", "500 5.5.2"), said
    assert wire.says("AUTH PLAIN").code == 334
    assert wire.says(response).status in ("501 5.5.2", "501 5.5.4", "500 5.5.2")
    assert wire.status("NOOP") == "250 2.0.0"


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
def test_a_login_that_is_given_up(wire: Mouth, mechanism: str) -> None:
    """RFC 4954 4: ``*`` is answered by 501, and the dialog goes on."""
    assert wire.says(f"AUTH {mechanism}").code == 334
    assert wire.says("*").code == 501
    assert wire.status("NOOP") == "250 2.0.0"
    assert answered(wire, plain("ann")) == "235 2.7.0"


def test_a_response_that_is_a_command(wire: Mouth) -> None:
    """In the middle of a login every line is a response: QUIT is four letters of base64."""
    assert wire.says("AUTH PLAIN").code == 334
    assert wire.says("QUIT").code in (501, 535)
    assert wire.says("AUTH PLAIN").code == 334
    assert wire.says("MAIL FROM:<ann@example.test>").code in (500, 501)
    assert wire.status("NOOP") == "250 2.0.0"


@pytest.mark.parametrize("length", [12_400, 100_000, 1_000_000])
def test_a_response_that_is_too_long(wire: Mouth, post: Post, length: int) -> None:
    """RFC 4954 4: lines of up to 12,288 octets; a longer one is 500 5.5.6, and no piece of it a line of its own."""
    before = post.memory
    assert wire.says("AUTH PLAIN").code == 334
    wire.send(b"QUIT" * (length // 4) + b"\r\n")
    assert wire.reply().status == "500 5.5.6"
    assert wire.status("NOOP") == "250 2.0.0"
    wire.send(b"AUTH PLAIN " + b"QUIT" * (length // 4) + b"\r\n")
    assert wire.reply().status in ("500 5.5.6", "500 5.5.2")
    assert wire.status("NOOP") == "250 2.0.0"
    assert post.memory - before < 4_000_000


def test_a_long_response_that_is_not_too_long(wire: Mouth) -> None:
    """RFC 4954 4: 12,288 octets with the CRLF are taken, and found wrong for what they say."""
    assert wire.says("AUTH PLAIN").code == 334
    assert wire.says("A" * 12_284).code in (501, 535)


NO_MECHANISMS = ["AUTH", "AUTH ", "AUTH PLAIN a b", "AUTH NONE", "AUTH ../PLAIN", "AUTH PLAIN-", "AUTH CRAM-MD5", "AUTH ANONYMOUS"]


@pytest.mark.parametrize("line", NO_MECHANISMS)
def test_a_mechanism_that_is_none(wire: Mouth, line: str) -> None:
    """RFC 4954 4: 504 5.5.4 for one that is not known, 501 5.5.4 for none."""
    assert wire.status(line) in ("504 5.5.4", "501 5.5.4", "501 5.5.2")
    assert wire.status("NOOP") == "250 2.0.0"


# --- in and out of turn


def test_login_is_over_once_done(wire: Mouth) -> None:
    """RFC 4954 4: a second AUTH is 503, and not in a mail."""
    assert answered(wire, plain("ann")) == "235 2.7.0"
    assert answered(wire, plain("bob")) == "503 5.5.1"
    wire.envelope()
    assert answered(wire, plain("bob")) == "503 5.5.1"


def test_a_login_before_ehlo(post: Post) -> None:
    with post.meet() as wire:
        wire.start_tls()
        assert answered(wire, plain("ann")) == "503 5.5.1"
        wire.ehlo(verb="HELO")
        assert answered(wire, plain("ann")) in ("503 5.5.1", "500 5.5.1", "502 5.5.1")


def test_what_comes_with_the_login_in_one_write(wire: Mouth, post: Post) -> None:
    """RFC 4954 4: AUTH ends a group. What comes behind it all the same waits for the verdict."""
    local = fresh()
    wire.send(f"AUTH PLAIN {plain('ann', 'wrong')}\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<{local}@{DOMAIN}>\r\n".encode())
    assert wire.statuses(2) == ["535 5.7.8", "530 5.7.0"]


def test_a_mail_in_the_name_of_somebody_else_by_auth_parameter(wire: Mouth) -> None:
    """RFC 4954 5: AUTH= is a claim, and lets nobody in."""
    assert wire.status("MAIL FROM:<ann@example.test> AUTH=ann@example.test") == "530 5.7.0"


def test_a_login_lets_nobody_relay(wire: Mouth) -> None:
    """There is no queue yet that could carry a mail elsewhere: refused, not lost."""
    assert answered(wire, plain("ann")) == "235 2.7.0"
    wire.envelope()
    assert wire.says("RCPT TO:<a@away.test>").code in (550, 551, 553)


def test_a_header_without_end(wire: Mouth, post: Post) -> None:
    """A submitted mail's header is held until it is whole, to be completed (RFC 6409 8); so it has a bound: 552 5.3.4, at its end."""
    local = fresh()
    assert answered(wire, plain("ann")) == "235 2.7.0"
    before = post.memory
    wire.envelope(local).data()
    for _ in range(50):
        wire.send((b"X-Field: " + b"y" * 89 + b"\r\n") * 1_000)
    assert post.memory - before < 4_000_000
    wire.send(b"\r\n.\r\n")
    assert wire.reply().status == "552 5.3.4"
    wire.deliver(local)
    assert len(post.mails(local)) == 1


# --- SCRAM (RFC 5802, RFC 7677)


def scram(
    wire: Mouth, *, gs2: str = "n,,", user: str = "ann", password: str = PASSWORD, nonce: str | None = None, bad: str = ""
) -> list[str]:
    """A login by SCRAM-SHA-256 that goes wrong as it is told; the statuses of the replies."""
    first = f"n={user},r=clientnonce"
    said = wire.says(f"AUTH SCRAM-SHA-256 {b64((gs2 + first).encode())}")
    heard = [said.status]
    if said.code != 334:
        return heard
    challenge = base64.b64decode(said.lines[0]).decode()
    fields = dict(field.split("=", 1) for field in challenge.split(","))
    assert fields["r"].startswith("clientnonce")
    assert len(fields["r"]) > len("clientnonce") + 8
    without = f"c={b64(gs2.encode()) if bad != 'binding' else b64(b'y,,')},r={nonce or fields['r']}"
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(key).digest(), f"{first},{challenge},{without}".encode(), "sha256")
    proof = bytes(one ^ other for one, other in zip(key, signature, strict=True))
    proof = {"zeros": bytes(32), "short": proof[:31], "none": b""}.get(bad, proof)
    final = f"{without},p={b64(proof)}" if bad != "no proof" else without
    said = wire.says(b64((final if bad != "behind" else final + ",x=y").encode()))
    heard.append(said.status)
    if said.code == 334:
        assert base64.b64decode(said.lines[0]).startswith(b"v=")
        heard.append(wire.says("").status)
    return heard


def test_scram_lets_in_who_may(wire: Mouth) -> None:
    heard = scram(wire)
    assert heard[-1] == "235 2.7.0", heard


@pytest.mark.parametrize("bad", ["zeros", "short", "none", "no proof", "binding", "behind"])
def test_a_proof_that_is_none(wire: Mouth, bad: str) -> None:
    heard = scram(wire, bad=bad)
    assert re.match("535 5.7.8|501 5.5.2", heard[-1]), heard
    assert wire.status("MAIL FROM:<ann@example.test>") == "530 5.7.0"


@pytest.mark.parametrize("nonce", ["clientnonce", "another", "clientnonceclientnonce"])
def test_another_nonce_than_was_agreed(wire: Mouth, nonce: str) -> None:
    assert scram(wire, nonce=nonce)[-1] in ("535 5.7.8", "501 5.5.2")


def test_a_wrong_password(wire: Mouth) -> None:
    assert scram(wire, password="wrong") == ["334", "535 5.7.8"]
    assert scram(wire, user="nobody")[-1] == "535 5.7.8"


def test_binding_stripped_on_the_way(tmp_path: Path, users: Path) -> None:
    """RFC 5802 6: ``y`` says that the client could bind and saw no -PLUS; where we offer one, somebody took it away."""
    with serving(tmp_path, "--starttls", "--users", users, "--channel-binding") as binding, binding.meet() as wire:
        wire.start_tls()
        assert "SCRAM-SHA-256-PLUS" in wire.ehlo()["AUTH"].split()
        assert scram(wire, gs2="y,,")[-1] in ("535 5.7.8", "501 5.5.2")
        assert scram(wire)[-1] == "235 2.7.0"


NO_FIRST = ["", "n", "n,,", "n,,n=ann", "n,,r=x", "n,,n=,r=x", "p=tls-unique,,n=ann,r=x", "n,,n=a=b,r=x", "n,,m=ext,n=ann,r=x"]
NO_FIRST += ["x,,n=ann,r=x", "n,,n=ann,r=", "n,,n=ann,r=\x01", "n,,n=ann,r=x,y", "n,,r=x,n=ann"]


@pytest.mark.parametrize("first", NO_FIRST)
def test_a_first_message_that_is_none(wire: Mouth, first: str) -> None:
    assert wire.says(f"AUTH SCRAM-SHA-256 {b64(first.encode()) or '='}").status in ("501 5.5.2", "535 5.7.8")
    assert wire.status("NOOP") == "250 2.0.0"


@pytest.mark.parametrize("first", ["n,a=bob,n=ann,r=x", "n,,n=ann,r=" + "x" * 4000])
def test_a_first_message_that_is_odd(wire: Mouth, first: str) -> None:
    """In somebody else's name, or with an endless nonce: refused at once, or at the end."""
    said = wire.says(f"AUTH SCRAM-SHA-256 {b64(first.encode())}")
    if said.code == 334:
        assert wire.says("*").code == 501
    else:
        assert said.status in ("501 5.5.2", "535 5.7.8", "535 5.7.0")
    assert wire.status("NOOP") == "250 2.0.0"
