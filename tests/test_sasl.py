"""SASL: the RFCs' own examples, both machines against each other, and every step that a liar could take."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.errors import LocalProtocolError, RemoteProtocolError, TextError
from wirespeak.sasl import (
    Accepted,
    Accounts,
    Authenticator,
    Challenge,
    ClientMechanism,
    Denied,
    ScramKeys,
    ServerMechanism,
    Step,
    Work,
    client_mechanism,
    saslprep,
)
from wirespeak.sasl.keys import LEAST, MOST
from wirespeak.sasl.oauth import OAuthBearerClient, OAuthBearerServer, XOAuth2Client, XOAuth2Server
from wirespeak.sasl.plain import CramMd5Client, ExternalClient, ExternalServer, LoginClient, LoginServer, PlainClient, PlainServer
from wirespeak.sasl.scram import LONGEST, ScramClient, ScramServer, read_name, write_name

SECRET = b"a secret of sixteen bytes or more"
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")  # RFC 7677 3
PENCIL = ScramKeys.of("pencil", SALT, 4096)
ACCOUNTS = Accounts({"user": PENCIL, "tim": ScramKeys.of("tanstaaftanstaaf", SALT, 4096)}, SECRET)
BINDING = b"the hash of a certificate, of thirty-two or more bytes"
NONCES = {"client": b"client's nonce....", "server": b"server's nonce...."}


def take(mechanism: ServerMechanism, response: bytes | None) -> Step:
    """The step that follows, the work done."""
    step = mechanism.step(response)
    while isinstance(step, Work):
        step = step.run()
    return step


def dialog(client: ClientMechanism, server: ServerMechanism, *, early: bool = True) -> Step:
    """What it comes to when both talk; without ``early``, the client sends nothing along with its wish."""
    first = client.initial() if early else None
    step = take(server, first)
    if not early and isinstance(step, Challenge) and (said := client.initial()) is not None:
        step = take(server, said)
    for _ in range(9):
        if not isinstance(step, Challenge):
            break
        step = take(server, client.step(step.data))
    if isinstance(step, Accepted):
        client.finish()
    return step


def scram_server(nonce: bytes = NONCES["server"], **options: Any) -> ScramServer:
    return ScramServer(ACCOUNTS.find, nonce=nonce, **options)


def scram_client(user: str = "user", password: str = "pencil", **options: Any) -> ScramClient:
    return ScramClient(user, password, nonce=NONCES["client"], **options)


# --- SASLprep (RFC 4013 3)


@pytest.mark.parametrize(
    ("typed", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("Zu\u0308rich", "Zürich"),
    ],
)
def test_names_and_passwords_take_one_form(typed: str, prepared: str) -> None:
    assert saslprep(typed) == saslprep(typed, stored=True) == saslprep(prepared) == prepared


@pytest.mark.parametrize(
    "text", ["", "\u0007", "a\nb", "a\0b", "\u0627\u0031", "\u06271\u0628a", "\u00ad", "\ue000", "\ud800", "\u200e", "x" * 1025]
)
def test_what_is_neither_name_nor_password(text: str) -> None:
    with pytest.raises(TextError) as refused:
        saslprep(text)
    assert not text or text not in str(refused.value)


def test_from_right_to_left_from_end_to_end() -> None:
    assert saslprep("\u0627\u0628") == "\u0627\u0628"
    assert saslprep("\u06271\u0628") == "\u06271\u0628"


def test_what_is_kept_has_no_character_newer_than_the_tables() -> None:
    assert saslprep("naïve \U0001f600") == "naïve \U0001f600"
    with pytest.raises(TextError, match=r"newer than Unicode 3\.2"):
        saslprep("naïve \U0001f600", stored=True)


# --- keys


def test_keys_are_written_as_in_rfc_5803() -> None:
    text = str(PENCIL)
    assert text == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
    assert ScramKeys.parse(text) == PENCIL
    assert (PENCIL.check("pencil"), PENCIL.check("pencils"), PENCIL.check(""), PENCIL.check("a\0b")) == (True, False, False, False)


@given(
    st.integers(LEAST, MOST), st.binary(min_size=1, max_size=64), st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32)
)
def test_keys_are_read_as_they_are_written(iterations: int, salt: bytes, stored: bytes, server: bytes) -> None:
    keys = ScramKeys(iterations, salt, stored, server)
    assert ScramKeys.parse(str(keys)) == keys


@pytest.mark.parametrize(
    "change",
    [
        ("SCRAM-SHA-256", "SCRAM-SHA-1"),
        ("$4096", "$4095"),
        ("$4096", "$04096"),
        ("$4096", f"${MOST + 1}"),
        ("$4096", "$99999999999"),
        ("W22ZaJ0SNY7soEsUEjb6gQ==", ""),
        ("W22ZaJ0SNY7soEsUEjb6gQ==", "W22ZaJ0SNY7soEsUEjb6g"),
        ("W22Z", "W 2Z"),
        ("WG5d", "WG5"),
        ("WG5d", "WG5dWG5d"),
        (":wfPL", "$wfPL"),
        ("2dU=", "2dU=\n"),
    ],
)
def test_keys_that_are_none(change: tuple[str, str]) -> None:
    with pytest.raises(TextError) as refused:
        ScramKeys.parse(str(PENCIL).replace(*change))
    assert "WG5d" not in str(refused.value)


def test_keys_of_another_size_are_none() -> None:
    for salt, stored, server in (
        (b"", bytes(32), bytes(32)),
        (SALT, bytes(31), bytes(32)),
        (SALT, bytes(32), bytes(33)),
        (bytes(2000), bytes(32), bytes(32)),
    ):
        with pytest.raises(TextError):
            ScramKeys(4096, salt, stored, server)


def test_keys_show_themselves_to_nobody() -> None:
    assert repr(PENCIL) == "ScramKeys(iterations=4096)"


def test_a_name_that_nobody_has_gets_keys_too_and_always_the_same() -> None:
    decoy, known = ACCOUNTS.find("nobody")
    assert not known
    assert (decoy.iterations, len(decoy.salt)) == (PENCIL.iterations, len(PENCIL.salt))
    assert Accounts({"other": PENCIL}, SECRET).find("nobody") == (decoy, False)
    assert Accounts({"other": PENCIL}, SECRET + b"!").find("nobody")[0].salt != decoy.salt
    assert ACCOUNTS.find("nobody else")[0].salt != decoy.salt
    assert ACCOUNTS.find("user") == (PENCIL, True)


def test_where_keys_are_of_several_forms_decoys_are_too() -> None:
    accounts = Accounts({"old": PENCIL, "new": ScramKeys(5000, bytes(24), bytes(32), bytes(32))}, SECRET)
    forms = {(keys.iterations, len(keys.salt)) for keys, _ in (accounts.find(f"nobody{number}") for number in range(64))}
    assert forms == {(4096, 16), (5000, 24)}
    assert accounts.find("nobody1") == accounts.find("nobody1")


def test_a_secret_that_can_be_guessed_is_none() -> None:
    with pytest.raises(LocalProtocolError):
        Accounts({}, b"short")


# --- the RFCs' examples


def test_scram_as_in_rfc_7677() -> None:
    client = ScramClient("user", "pencil", nonce=base64.b64decode("rOprNGfwEbeRWgbNEkqO"))
    server = scram_server()
    server._nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    assert client.initial() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    first = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    assert server.step(client.initial()) == Challenge(first)
    final = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    assert client.step(first) == final
    verifier = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    assert server.step(final) == Challenge(verifier)
    assert client.step(verifier) == b""
    assert server.step(b"") == Accepted("user")
    client.finish()


def test_plain_as_in_rfc_4616() -> None:
    """With the first example's empty authorization identity; the second's, of another user, is denied."""
    assert PlainClient("tim", "tanstaaftanstaaf").initial() == b"\0tim\0tanstaaftanstaaf"
    assert take(PlainServer(ACCOUNTS.find), b"\0tim\0tanstaaftanstaaf") == Accepted("tim")
    assert take(PlainServer(ACCOUNTS.find), b"tim\0tim\0tanstaaftanstaaf") == Accepted("tim")
    assert take(PlainServer(ACCOUNTS.find), b"Ursel\0tim\0tanstaaftanstaaf") == Denied("wants to act as another", "tim")


def test_cram_md5_as_in_rfc_2195() -> None:
    client = CramMd5Client("tim", "tanstaaftanstaaf")
    assert client.initial() is None
    assert client.step(b"<1896.697170952@postoffice.reston.mci.net>") == b"tim b913a602c7eda7a495b4e6e7334d3890"
    with pytest.raises(RemoteProtocolError):
        client.step(b"more")


TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="


def test_oauthbearer_as_in_rfc_7628() -> None:
    said = base64.b64decode(
        "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
    )
    assert OAuthBearerClient("user@example.com", TOKEN, "server.example.com", 143).initial() == said
    asked: list[tuple[str, str]] = []

    def verify(user: str, token: str) -> str | None:
        asked.append((user, token))
        return "user@example.com" if token == TOKEN else None

    assert take(OAuthBearerServer(verify), said) == Accepted("user@example.com")
    assert asked == [("user@example.com", TOKEN)]


def test_a_token_that_is_refused_is_answered_as_in_rfc_7628() -> None:
    for client, server, farewell in (
        (OAuthBearerClient("user", TOKEN), OAuthBearerServer(lambda user, token: None), b"\x01"),
        (XOAuth2Client("user", TOKEN), XOAuth2Server(lambda user, token: None), b""),
    ):
        step = take(server, client.initial())
        assert step == Challenge(b'{"status":"invalid_token"}')
        assert client.step(step.data) == farewell
        assert server.step(farewell) == Denied("a token that is not good", "user")
        with pytest.raises(RemoteProtocolError):
            client.step(b"more")


def test_xoauth2_as_google_writes_it() -> None:
    said = b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01"
    client = XOAuth2Client("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg")
    assert client.initial() == said
    assert take(XOAuth2Server(lambda user, token: user), said) == Accepted("someuser@example.com")


# --- both machines against each other


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


def preparable(text: str) -> bool:
    try:
        saslprep(text, stored=True)
    except TextError:
        return False
    return True


USERS = NAMES.filter(preparable)


@given(USERS, USERS, USERS, st.sampled_from(["PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]), st.booleans())
def test_who_knows_the_password_is_let_in_and_nobody_else(user: str, password: str, tried: str, name: str, early: bool) -> None:
    accounts = Accounts({saslprep(user): ScramKeys.of(password, SALT, LEAST)}, SECRET)
    authenticator = Authenticator(accounts.find, plus=True)

    def attempt(user: str, password: str) -> Step:
        server = authenticator.start(name, nonce=NONCES["server"], secure=True, binding=BINDING)
        client = client_mechanism([name], user, password, nonce=NONCES["client"], secure=True, binding=BINDING if "PLUS" in name else None)
        assert (client.name, server.name) == (name, name)
        return dialog(client, server, early=early and name != "LOGIN")

    assert attempt(user, password) == Accepted(saslprep(user))
    if saslprep(tried) != saslprep(password):
        assert isinstance(attempt(user, tried), Denied)
    if saslprep(tried) != saslprep(user):
        assert isinstance(attempt(tried, password), Denied)


@given(st.text(st.sampled_from("=,23CDab"), max_size=12))
def test_names_with_commas_and_equals_signs_are_escaped(name: str) -> None:
    written = write_name(name)
    assert "," not in written
    assert re.fullmatch("(?:[^=]|=2C|=3D)*", written)
    assert read_name(written) == name


def test_who_waits_to_be_asked_is_asked() -> None:
    for client, server in (
        (scram_client(), scram_server()),
        (PlainClient("user", "pencil"), PlainServer(ACCOUNTS.find)),
        (LoginClient("user", "pencil"), LoginServer(ACCOUNTS.find)),
        (OAuthBearerClient("user", TOKEN), OAuthBearerServer(lambda user, token: user)),
        (ExternalClient(), ExternalServer("user")),
    ):
        assert dialog(client, server, early=False) == Accepted("user")


def test_login_may_send_the_name_along() -> None:
    server = LoginServer(ACCOUNTS.find)
    assert server.step(b"user") == Challenge(b"Password:")
    assert take(server, b"pencil") == Accepted("user")
    assert LoginServer(ACCOUNTS.find).step(None) == Challenge(b"Username:")


# --- no stranger learns who is there


def test_a_stranger_is_asked_and_told_the_same_as_a_user() -> None:
    for user in ("user", "nobody"):
        client, server = scram_client(user, "wrong"), scram_server()
        first = server.step(client.initial())
        assert isinstance(first, Challenge)
        assert re.fullmatch(rb"r=[!-+\--~]+,s=[A-Za-z0-9+/]{22}==,i=4096", first.data)
        again = scram_server(b"another nonce.....").step(client.initial())
        assert isinstance(again, Challenge)
        assert again.data.split(b",")[1:] == first.data.split(b",")[1:]  # the same salt each time
        denied = server.step(client.step(first.data))
        assert isinstance(denied, Denied)
        assert not denied.malformed
        for step in (
            take(PlainServer(ACCOUNTS.find), f"\0{user}\0wrong".encode()),
            dialog(LoginClient(user, "wrong"), LoginServer(ACCOUNTS.find), early=False),
        ):
            assert isinstance(step, Denied)
            assert not step.malformed


def test_a_stranger_costs_as_much_hashing_as_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[int] = []
    hashed = ScramKeys.check

    def counted(self: ScramKeys, password: str) -> bool:
        rounds.append(self.iterations)
        return hashed(self, password)

    monkeypatch.setattr(ScramKeys, "check", counted)
    for user in ("user", "nobody"):
        step = PlainServer(ACCOUNTS.find).step(f"\0{user}\0wrong".encode())
        assert isinstance(step, Work)  # not yet: the hashing is for another thread
        assert isinstance(step.run(), Denied)
    assert rounds == [4096, 4096]


def test_keys_that_fit_are_not_enough_where_there_is_no_such_user() -> None:
    """Should a decoy's keys ever fit, the answer is still no."""

    def find(user: str) -> tuple[ScramKeys, bool]:
        return PENCIL, False

    assert take(PlainServer(find), b"\0user\0pencil") == Denied("no such user", "user")
    assert isinstance(dialog(scram_client(), ScramServer(find, nonce=b"n")), Denied)


def test_no_password_is_ever_told() -> None:
    said = [
        take(PlainServer(ACCOUNTS.find), b"\0user\0hunter2"),
        take(PlainServer(ACCOUNTS.find), b"\0user\0hunter2\0"),
        take(PlainServer(ACCOUNTS.find), b"\0user\0hunter2\x07"),
        dialog(LoginClient("user", "hunter2"), LoginServer(ACCOUNTS.find), early=False),
        dialog(scram_client("user", "hunter2"), scram_server()),
    ]
    assert all(isinstance(step, Denied) for step in said)
    assert "hunter2" not in repr(said)


# --- what is malformed


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"user",
        b"user\0pencil",
        b"\0user\0",
        b"\0\0pencil",
        b"\0\0",
        b"\0user\0pencil\0",
        b"\0user\0pen\0cil",
        b"user\0\0user\0pencil",
        b"\0us\0er\0pencil",
        b"\0\0\0\0\0\0\0",
        b"\0user\0pencil\xff",
        b"\0us\xc3er\0pencil",
        b"\xed\xa0\x80\0user\0pencil",
    ],
)
def test_plain_that_is_none(message: bytes) -> None:
    step = PlainServer(ACCOUNTS.find).step(message)
    assert isinstance(step, Denied)
    assert step.malformed


@pytest.mark.parametrize("message", [b"\0us\x07er\0pencil", b"\0user\0pen\ncil", b"a\x01b\0user\0pencil", "\0\u00ad\0pencil".encode()])
def test_what_no_name_or_password_holds_is_denied(message: bytes) -> None:
    assert isinstance(PlainServer(ACCOUNTS.find).step(message), Denied)


@pytest.mark.parametrize(
    ("user", "password"), [(b"", b"x"), (b"us\0er", b"x"), (b"\xff", b"x"), (b"user", b""), (b"user", b"p\0"), (b"user", b"\xff")]
)
def test_login_that_is_none(user: bytes, password: bytes) -> None:
    server = LoginServer(ACCOUNTS.find)
    step = server.step(user)
    if isinstance(step, Challenge):
        step = server.step(password)
    assert isinstance(step, Denied)
    assert step.malformed


def test_external_is_who_the_certificate_says() -> None:
    assert ExternalServer("user").step(b"user") == Accepted("user")
    assert ExternalServer("user").step(b"root") == Denied("wants to act as another", "user")
    for message in (b"us\0er", b"\xff"):
        step = ExternalServer("user").step(message)
        assert isinstance(step, Denied)
        assert step.malformed


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"user",
        b"n,,",
        b"n,n=user,r=nonce",
        b"n,,n=user",
        b"n,,r=nonce,n=user",
        b"n,,n=,r=nonce",
        b"n,,n=user,r=",
        b"n,,n=us,er,r=nonce",
        b"n,,n=us=er,r=nonce",
        b"n,,n=us=2cer,r=nonce",
        b"n,,n=us\0er,r=nonce",
        b"n,,n=us\xffer,r=nonce",
        b"n,,n=user,r=non ce",
        b"n,,n=user,r=non,ce",
        b"n,,n=user,r=n\xc3\xb6nce",
        b"n,,m=must,n=user,r=nonce",  # an extension that we would have to know (RFC 5802 5.1)
        b"n,,n=user,r=nonce,",
        b"x,,n=user,r=nonce",
        b"N,,n=user,r=nonce",
        b"p,,n=user,r=nonce",
        b"p=,,n=user,r=nonce",
        b"n,user,n=user,r=nonce",
        b"n,a=,n=user,r=nonce",
        b"n,,n=user,r=nonce\n",
        b"n,,n=user,r=" + b"x" * LONGEST,
    ],
)
def test_a_first_message_of_scram_that_is_none(message: bytes) -> None:
    for plus in (False, True):
        server = scram_server(binding=BINDING, plus=plus)
        step = server.step(message)
        assert isinstance(step, Denied)
        assert step.malformed
        assert isinstance(server.step(message), Denied)


def test_a_challenge_fits_a_line_of_smtp() -> None:
    """RFC 5321 4.5.3.1.5, however long a nonce the client chose: 334, a space, base64, CRLF."""
    step = scram_server(bytes(18)).step(b"n,,n=user,r=" + b"x" * 256)
    assert isinstance(step, Challenge)
    assert len(b"334 " + base64.b64encode(step.data) + b"\r\n") <= 512
    too_long = scram_server(bytes(18)).step(b"n,,n=user,r=" + b"x" * 257)
    assert isinstance(too_long, Denied)
    assert too_long.malformed


def test_extensions_that_may_be_passed_over_are() -> None:
    step = scram_server().step(b"n,,n=user,r=nonce,x=later,y=on")
    assert isinstance(step, Challenge)
    client = scram_client()
    first = scram_server().step(client.initial())
    assert isinstance(first, Challenge)
    assert client.step(first.data + b",x=later").startswith(b"c=biws,r=")


def test_names_that_nobody_can_have_are_denied() -> None:
    for step in (
        scram_server().step("n,,n=us\u0007er,r=nonce".encode()),
        scram_server().step("n,a=us\u0007er,n=user,r=nonce".encode()),
        take(OAuthBearerServer(lambda user, token: user), bearer(user="a=us\u0007er,")),
        take(PlainServer(ACCOUNTS.find), b"us\x07er\0user\0pencil"),
    ):
        assert isinstance(step, Denied)
        assert "RFC 4013 2.3" in step.reason


def test_scram_as_another_is_denied() -> None:
    assert isinstance(scram_server().step(b"n,a=user,n=user,r=nonce"), Challenge)
    assert scram_server().step(b"n,a=tim,n=user,r=nonce") == Denied("wants to act as another", "user")


def final_message() -> tuple[ScramServer, bytes]:
    client, server = scram_client(), scram_server()
    step = server.step(client.initial())
    assert isinstance(step, Challenge)
    return server, client.step(step.data)


PROOF = re.compile(rb",p=.*")


@pytest.mark.parametrize(
    ("change", "malformed"),
    [
        (lambda final: b"", True),
        (lambda final: final[2:], True),
        (lambda final: PROOF.sub(b"", final), True),
        (lambda final: PROOF.sub(b",p=", final), True),
        (lambda final: PROOF.sub(b",p=!!!!", final), True),
        (lambda final: final + b",x=more", True),
        (lambda final: final + b"\n", True),
        (lambda final: final + b"\xff", True),
        (lambda final: final.replace(b",p=", b"," + b"x=" + b"y" * LONGEST + b",p="), True),
        (lambda final: PROOF.sub(b",p=" + base64.b64encode(bytes(32)), final), False),
        (lambda final: PROOF.sub(b",p=" + base64.b64encode(bytes(31)), final), False),
        (lambda final: PROOF.sub(b",p=" + base64.b64encode(bytes(64)), final), False),
        (lambda final: PROOF.sub(b",p=AAA", final), False),
        (lambda final: final.replace(b"r=", b"r=x"), False),
        (lambda final: re.sub(rb"r=([^,]+)", rb"r=\1x", final), False),
        (lambda final: re.sub(rb"r=[^,]+", b"r=x", final), False),
        (lambda final: final.replace(b"c=biws", b"c=eSws"), False),  # y,, where n,, was said
        (lambda final: final.replace(b"c=biws", b"c=biwsAAAA"), False),
        (lambda final: final.replace(b",p=", b",x=new,p="), False),  # not what was proved
    ],
)
def test_a_last_message_of_scram_that_proves_nothing(change: Callable[[bytes], bytes], malformed: bool) -> None:
    server, final = final_message()
    step = server.step(change(final))
    assert isinstance(step, Denied)
    assert step.malformed is malformed
    assert isinstance(server.step(final), Denied)  # there is no second try


def test_a_message_of_scram_cannot_be_replayed() -> None:
    _, final = final_message()
    server = scram_server(b"a nonce of its own")
    assert isinstance(server.step(scram_client().initial()), Challenge)
    assert server.step(final) == Denied("not of this dialog", "user")


def test_nothing_may_follow_the_end() -> None:
    server, final = final_message()
    assert isinstance(server.step(final), Challenge)
    step = server.step(b"more")
    assert isinstance(step, Denied)
    assert step.malformed
    for mechanism in (PlainServer(ACCOUNTS.find), LoginServer(ACCOUNTS.find), ExternalServer("user"), server):
        for _ in range(3):
            last = take(mechanism, b"user")
        assert isinstance(last, Denied)


@given(st.lists(st.one_of(st.none(), st.binary(max_size=80)), max_size=4), st.integers(0, 5))
def test_a_server_raises_nothing_for_what_a_client_says(responses: list[bytes | None], which: int) -> None:
    server: ServerMechanism = [
        scram_server(binding=BINDING),
        scram_server(binding=BINDING, plus=True),
        PlainServer(ACCOUNTS.find),
        LoginServer(ACCOUNTS.find),
        OAuthBearerServer(lambda user, token: None),
        XOAuth2Server(lambda user, token: None),
    ][which]
    for response in responses:
        assert not isinstance(take(server, response), Accepted)


# --- channel binding (RFC 5802 6)


def test_a_login_is_bound_to_its_connection() -> None:
    def attempt(here: bytes, there: bytes) -> Step:
        return dialog(scram_client(binding=here, plus=True), scram_server(binding=there, plus=True))

    assert attempt(BINDING, BINDING) == Accepted("user")
    assert attempt(BINDING, b"of who stands in between") == Denied("not of this dialog", "user")
    for make in (scram_client, scram_server):
        for nothing in (None, b""):
            with pytest.raises(LocalProtocolError, match="with a channel binding"):
                make(binding=nothing, plus=True)
    unbound = b"c=" + base64.b64encode(b"p=tls-server-end-point,,")
    client, server = scram_client(binding=BINDING, plus=True), scram_server(binding=BINDING, plus=True)
    step = server.step(client.initial())
    assert isinstance(step, Challenge)
    assert server.step(re.sub(b"c=[^,]+", unbound, client.step(step.data))) == Denied("not of this dialog", "user")


@pytest.mark.parametrize(
    ("flag", "binding", "plus", "good"),
    [
        (b"n", None, False, True),  # neither knows of it
        (b"n", BINDING, False, True),  # the client does not
        (b"y", None, False, True),  # the server does not
        (b"y", BINDING, False, False),  # both do: someone stripped -PLUS from the offer
        (b"p=tls-server-end-point", BINDING, False, False),  # without the name
        (b"p=tls-server-end-point", BINDING, True, True),
        (b"p=tls-unique", BINDING, True, False),
        (b"p=tls-exporter", BINDING, True, False),
        (b"p=TLS-SERVER-END-POINT", BINDING, True, False),
        (b"n", BINDING, True, False),  # the name, without binding
        (b"y", BINDING, True, False),
    ],
)
def test_what_is_said_of_binding_must_fit(flag: bytes, binding: bytes | None, plus: bool, good: bool) -> None:
    step = scram_server(binding=binding, plus=plus).step(flag + b",,n=user,r=nonce")
    assert isinstance(step, Challenge if good else Denied)


def test_the_client_says_what_it_knows_of_binding() -> None:
    assert scram_client().initial().startswith(b"n,,")
    assert scram_client(binding=BINDING).initial().startswith(b"y,,")
    assert scram_client(binding=BINDING, plus=True).initial().startswith(b"p=tls-server-end-point,,")


def test_who_sees_plus_and_wants_it_not_does_not_say_that_it_was_not_offered() -> None:
    authenticator = Authenticator(ACCOUNTS.find, plus=True)
    offered = authenticator.mechanisms(secure=True, binding=BINDING)
    client = client_mechanism(offered, "user", "pencil", nonce=NONCES["client"], secure=True, binding=BINDING, wanted="SCRAM-SHA-256")
    assert (client.initial() or b"").startswith(b"n,,")
    assert dialog(client, authenticator.start(client.name, nonce=b"n", secure=True, binding=BINDING)) == Accepted("user")


def test_an_offer_without_plus_is_found_out_by_a_server_that_made_it() -> None:
    authenticator = Authenticator(ACCOUNTS.find, plus=True)
    offered = authenticator.mechanisms(secure=True, binding=BINDING)
    stripped = [name for name in offered if not name.endswith("-PLUS")]
    client = client_mechanism(stripped, "user", "pencil", nonce=NONCES["client"], secure=True, binding=BINDING)
    server = authenticator.start(client.name, nonce=NONCES["server"], secure=True, binding=BINDING)
    step = dialog(client, server)
    assert isinstance(step, Denied)
    assert "someone stands in between" in step.reason
    unbound = Authenticator(ACCOUNTS.find).start(client.name, nonce=NONCES["server"], secure=True, binding=BINDING)
    assert dialog(client, unbound) == Accepted("user")  # who never offered it has nothing to miss


# --- what a false server says


def first_challenge(**change: str) -> bytes:
    nonce = base64.b64encode(NONCES["client"]).decode()
    parts = {"r": nonce + "server", "s": "W22ZaJ0SNY7soEsUEjb6gQ==", "i": "4096", **change}
    return ",".join(f"{name}={value}" for name, value in parts.items()).encode()


@pytest.mark.parametrize(
    "challenge",
    [
        b"",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        b"e=unknown-user",
        first_challenge(r="another"),
        first_challenge(r=base64.b64encode(NONCES["client"]).decode()),  # none of its own
        first_challenge(s=""),
        first_challenge(s="W22Z!"),
        first_challenge(s="W22Za"),
        first_challenge(s="A" * 2000),
        first_challenge(i="0"),
        first_challenge(i="1"),
        first_challenge(i=str(LEAST - 1)),  # to guess the password sooner
        first_challenge(i=str(MOST + 1)),  # to have us hash for ever
        first_challenge(i="99999999999"),
        first_challenge(i="-4096"),
        first_challenge(i="4096.5"),
        b"m=must," + first_challenge(),
        first_challenge() + b"\xff",
        first_challenge() + b",x=" + b"y" * LONGEST,
    ],
)
def test_a_false_first_challenge(challenge: bytes) -> None:
    client = scram_client()
    client.initial()
    with pytest.raises(RemoteProtocolError):
        client.step(challenge)


@pytest.mark.parametrize("last", [b"", b"v=", b"v=!", b"v=" + base64.b64encode(bytes(32)), b"v=AAAA", b"x=1", b"\xff", first_challenge()])
def test_a_server_that_does_not_know_the_password(last: bytes) -> None:
    client = scram_client()
    client.initial()
    client.step(first_challenge())
    with pytest.raises(RemoteProtocolError):
        client.step(last)
    with pytest.raises(RemoteProtocolError, match="has not proved"):
        client.finish()


def test_a_server_that_says_yes_too_early_is_not_believed() -> None:
    client = scram_client()
    for step in (lambda: None, client.initial, lambda: client.step(first_challenge()), lambda: client.step(b"e=other-error")):
        step()
        with pytest.raises(RemoteProtocolError, match="has not proved"):
            client.finish()
    with pytest.raises(RemoteProtocolError):
        client.step(b"more")


def test_a_server_that_speaks_out_of_turn() -> None:
    """It may ask for the first response by an empty challenge, and by no other."""
    assert scram_client().step(b"") == scram_client().initial()
    with pytest.raises(RemoteProtocolError, match="speaks first"):
        scram_client().step(first_challenge())


def test_a_server_that_asks_for_more_than_there_is() -> None:
    for client, last in (
        (PlainClient("user", "x"), 0),
        (LoginClient("user", "x"), 2),
        (ExternalClient(), 0),
        (XOAuth2Client("user", TOKEN), 2),
    ):
        if last == 0:
            client.initial()
        for _ in range(last):
            client.step(b"")
        with pytest.raises(RemoteProtocolError, match="more than"):
            client.step(b"")


# --- tokens


def bearer(user: str = "a=user,", pairs: str = "", auth: str = f"auth=Bearer {TOKEN}\x01", end: str = "\x01") -> bytes:
    return f"n,{user}\x01{pairs}{auth}{end}".encode()


@pytest.mark.parametrize(
    "message",
    [
        bearer(),
        bearer(user=","),
        bearer(pairs="host=example.org\x01port=587\x01"),
        bearer(auth=f"auth=bearer {TOKEN}\x01host=example.org\x01"),
        bearer(pairs="mthd=POST\x01path=/\x01post=\x01qs=\x01"),
        bearer().replace(b"n,", b"y,", 1),
    ],
)
def test_a_token_is_read(message: bytes) -> None:
    assert take(OAuthBearerServer(lambda claimed, token: "user" if token == TOKEN else None), message) == Accepted("user")


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"n,,",
        bearer(end=""),
        bearer(auth=""),
        bearer(auth="auth=\x01"),
        bearer(auth=f"auth=Basic {TOKEN}\x01"),
        bearer(auth="auth=Bearer \x01"),
        bearer(auth="auth=Bearer a b\x01"),
        bearer(auth="auth=Bearer a\nb\x01"),
        bearer(pairs=f"auth=Bearer {TOKEN}\x01"),  # twice
        bearer(pairs="host=ex\0ample\x01"),
        bearer(pairs="host\x01"),
        bearer().replace(b"n,", b"p=tls-server-end-point,", 1),
        bearer() + b"\xff",
        bearer(pairs="x=" + "y" * 20000 + "\x01"),
    ],
)
def test_a_token_that_is_none(message: bytes) -> None:
    step = OAuthBearerServer(lambda claimed, token: "user").step(message)
    assert isinstance(step, Denied)
    assert step.malformed


@pytest.mark.parametrize(
    "message", [b"", b"user=x", b"user=\x01auth=Bearer x\x01\x01", b"user=a\x01auth=Bearer x\x01", b"user=a\x01b\x01auth=Bearer x\x01\x01"]
)
def test_xoauth2_that_is_none(message: bytes) -> None:
    step = XOAuth2Server(lambda claimed, token: "user").step(message)
    assert isinstance(step, Denied)
    assert step.malformed


def test_a_token_of_one_does_not_let_another_in() -> None:
    for server, said in (
        (OAuthBearerServer, bearer(user="a=root,")),
        (XOAuth2Server, f"user=root\x01auth=Bearer {TOKEN}\x01\x01".encode()),
    ):
        for verified in ("user", "", None):
            step = take(server(lambda claimed, token, verified=verified: verified), said)
            assert isinstance(step, Challenge)


def test_what_is_no_token_is_not_sent() -> None:
    for token in ("", "a b", "a\x01b", "a\r\nb", "ä"):
        with pytest.raises(LocalProtocolError):
            XOAuth2Client("user", token)
    with pytest.raises(LocalProtocolError):
        OAuthBearerClient("user", TOKEN, "a\x01auth=Bearer x")


# --- which mechanism


def test_what_a_server_offers() -> None:
    both = Authenticator(ACCOUNTS.find, lambda user, token: None, plus=True)
    scram, clear, tokens = ["SCRAM-SHA-256"], ["PLAIN", "LOGIN"], ["OAUTHBEARER", "XOAUTH2"]
    assert both.mechanisms(secure=False) == scram
    assert both.mechanisms(secure=True) == scram + tokens + clear
    assert both.mechanisms(secure=True, binding=BINDING) == ["SCRAM-SHA-256-PLUS", *scram, *tokens, *clear]
    assert Authenticator(ACCOUNTS.find).mechanisms(secure=True, binding=BINDING) == scram + clear
    assert Authenticator(verify_token=lambda user, token: None).mechanisms(secure=True) == tokens
    assert Authenticator().mechanisms(secure=True) == []
    assert Authenticator().mechanisms(secure=False, external="user") == ["EXTERNAL"]


def test_a_server_starts_what_it_offers_and_nothing_else() -> None:
    authenticator = Authenticator(ACCOUNTS.find, lambda user, token: None, plus=True)
    for secure in (True, False):
        for binding in (BINDING, None):
            for external in ("user", None):
                offered = authenticator.mechanisms(secure=secure, binding=binding, external=external)
                every = authenticator.mechanisms(secure=True, binding=BINDING, external="user")
                for name in [*every, "CRAM-MD5", "plain", "", "ANONYMOUS"]:
                    if name in offered:
                        started = authenticator.start(name, nonce=b"n" * 18, secure=secure, binding=binding, external=external)
                        assert started.name == name
                    else:
                        with pytest.raises(LocalProtocolError, match="not offered"):
                            authenticator.start(name, nonce=b"n" * 18, secure=secure, binding=binding, external=external)


ALL = ["LOGIN", "PLAIN", "CRAM-MD5", "EXTERNAL", "XOAUTH2", "OAUTHBEARER", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "GSSAPI"]


@pytest.mark.parametrize(
    ("offered", "options", "chosen"),
    [
        (ALL, {"binding": BINDING}, "SCRAM-SHA-256-PLUS"),
        (ALL, {}, "SCRAM-SHA-256"),
        (ALL, {"secure": False}, "SCRAM-SHA-256"),
        (["scram-sha-256", "plain"], {}, "SCRAM-SHA-256"),
        (ALL[:6], {}, "CRAM-MD5"),
        (ALL[:3], {"secure": False}, "CRAM-MD5"),
        (ALL[:2], {}, "PLAIN"),
        (ALL[:1], {}, "LOGIN"),
        (ALL, {"token": TOKEN}, "OAUTHBEARER"),
        (["XOAUTH2", "PLAIN"], {"token": TOKEN}, "XOAUTH2"),
        (ALL, {"password": None}, "EXTERNAL"),
        (ALL, {"binding": BINDING, "wanted": "login"}, "LOGIN"),
        (ALL, {"binding": BINDING, "wanted": "SCRAM-SHA-256"}, "SCRAM-SHA-256"),
    ],
)
def test_a_client_takes_the_strongest(offered: list[str], options: dict[str, Any], chosen: str) -> None:
    options = {"password": "pencil", "secure": True, "nonce": NONCES["client"], **options}
    assert client_mechanism(offered, "user", **options).name == chosen


@pytest.mark.parametrize(
    ("offered", "options", "why"),
    [
        ([], {}, "no way to log in"),
        (["GSSAPI"], {}, "offers GSSAPI: we need one of"),
        (["\x1b[31mX", "PLAIN ", "x" * 21], {}, "no way to log in"),
        (["PLAIN", "LOGIN"], {"secure": False}, "in clear"),
        (["OAUTHBEARER"], {"secure": False, "token": TOKEN}, "in clear"),
        (["PLAIN"], {"token": TOKEN}, "we need one of OAUTHBEARER"),
        (["SCRAM-SHA-256-PLUS"], {}, "we need one of"),
        (["PLAIN"], {"password": None}, "we need one of EXTERNAL"),
        (["PLAIN"], {"wanted": "LOGIN"}, "we need one of LOGIN"),
        (["PLAIN"], {"wanted": "GSSAPI"}, "we need one of GSSAPI"),
        (["PLAIN", "LOGIN"], {"wanted": "LOGIN", "secure": False}, "in clear"),
    ],
)
def test_a_client_that_finds_none_says_why(offered: list[str], options: dict[str, Any], why: str) -> None:
    options = {"password": "pencil", "secure": True, "nonce": NONCES["client"], **options}
    with pytest.raises(LocalProtocolError, match=why):
        client_mechanism(offered, "user", **options)


def test_what_no_password_can_be_is_not_sent() -> None:
    for name in ("SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN"):
        for user, password in (("", "x"), ("user", ""), ("us\0er", "x"), ("user", "a\0b")):
            with pytest.raises(TextError):
                client_mechanism([name], user, password, nonce=NONCES["client"], secure=True)
