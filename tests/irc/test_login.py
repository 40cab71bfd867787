"""AUTHENTICATE (IRCv3 SASL 3.1 and 3.2)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import Any

import pytest

from tests.irc.talk import Client, Net
from wirespeak.irc.accounts import AccountSettings
from wirespeak.sasl import NONCE, client_mechanism
from wirespeak.sockets.tls import TLSInfo

IN = (
    ":irc.home.test 900 … Ann :You are now logged in as Ann",
    ":irc.home.test 903 … :SASL authentication successful",
)
OUT = ":irc.home.test 904 … :SASL authentication failed"


def tls(der: bytes | None = None) -> TLSInfo:
    """A connection over TLS, by a client with that certificate."""
    return TLSInfo(version="TLSv1.3", cipher="x", alpn=None, server_name=None, resumed=False, der=der, is_server=True)


def done(coroutine: Any) -> Any:
    """What a coroutine of the accounts returns: in the tests they never wait."""
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(None)
    return stopped.value.value


def network(**options: Any) -> Net:
    """A network on which Ann is registered, by the password "sesame"."""
    net = Net(**options)
    done(net.accounts.register("Ann", "sesame"))
    return net


def ready(net: Net, **options: Any) -> Client:
    """A client that may log in."""
    client = net.connect(**options)
    client.asks("CAP LS 302", "CAP REQ sasl")
    return client


def plain(user: str, password: str, other: str = "") -> str:
    """RFC 4616, as base64."""
    return base64.b64encode(f"{other}\0{user}\0{password}".encode()).decode()


# --- PLAIN


def test_logging_in_before_the_welcome() -> None:
    client = ready(network())
    client.says("NICK ann", "USER ann 0 * :Ann", "AUTHENTICATE PLAIN")
    client.hears("AUTHENTICATE +")
    client.says(f"AUTHENTICATE {plain('Ann', 'sesame')}")
    client.hears(f":irc.home.test 900 ann {client.prefix} Ann :You are now logged in as Ann", IN[1])
    client.says("CAP END")
    client.skips_to(":irc.home.test 001 ann :…")
    assert client.user.account == "Ann"
    assert "r" in client.user.modes


def test_a_mechanism_in_whatever_case_and_a_name_too() -> None:
    client = ready(network())
    client.says("AUTHENTICATE plain", f"AUTHENTICATE {plain('aNN', 'sesame')}")
    client.hears("AUTHENTICATE +", ":irc.home.test 900 * *!*@… Ann :You are now logged in as Ann", IN[1])


def test_acting_as_oneself_may_be_said() -> None:
    client = ready(network())
    client.says("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('Ann', 'sesame', 'Ann')}")
    client.hears("AUTHENTICATE +", *IN)


@pytest.mark.parametrize(
    "said",
    [
        plain("Ann", "open"),
        plain("Bob", "sesame"),
        plain("Ann", "sesame", "Bob"),
        plain("Ann", "sesame\0x"),
        plain("", "sesame"),
        plain("Ann", ""),
        base64.b64encode(b"\xff\0\xff\0\xff").decode(),
        "AAAA",
        "+",
        "====",
        plain("Ann", "sesame1") + "==",
        plain("Ann", "sesame12") + "=",
        "not-base64!",
        "é",
    ],
)
def test_who_is_not_let_in(said: str) -> None:
    """Whatever is wrong, it is told no, and no more."""
    client = ready(network())
    client.says("AUTHENTICATE PLAIN", f"AUTHENTICATE {said}")
    client.hears("AUTHENTICATE +", OUT)
    assert client.user.account is None
    client.says("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('Ann', 'sesame')}")
    client.hears("AUTHENTICATE +", *IN)


def test_without_the_capability_nobody_logs_in() -> None:
    client = network().connect()
    client.says("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('Ann', 'sesame')}")
    client.hears(OUT, OUT)


# --- pieces


def test_a_response_may_take_several_pieces() -> None:
    """400 bytes each; a last one of 400 is followed by "+"."""
    net = Net()
    password = "p" * 294  # with the name and two NULs 300 bytes, which are 400 of base64
    done(net.accounts.register("Anna", password))
    client = ready(net)
    text = plain("Anna", password)
    assert len(text) == 400
    client.says("AUTHENTICATE PLAIN", f"AUTHENTICATE {text}")
    client.hears("AUTHENTICATE +")
    client.hears_nothing()
    client.says("AUTHENTICATE +")
    client.hears(":irc.home.test 900 … Anna …", IN[1])


def test_a_piece_that_is_too_long() -> None:
    client = ready(network())
    client.says("AUTHENTICATE PLAIN", f"AUTHENTICATE {'A' * 401}", f"AUTHENTICATE {plain('Ann', 'sesame')}")
    client.hears("AUTHENTICATE +", ":irc.home.test 905 * :SASL message too long", ":irc.home.test 908 * …", OUT)
    assert client.user.account is None


def test_pieces_without_end() -> None:
    client = ready(network())
    client.says("AUTHENTICATE PLAIN", *[f"AUTHENTICATE {'A' * 400}"] * 17)
    client.hears("AUTHENTICATE +", ":irc.home.test 905 * :SASL message too long")
    client.hears_nothing()


def test_giving_up() -> None:
    client = ready(network())
    client.says("AUTHENTICATE PLAIN", "AUTHENTICATE *", f"AUTHENTICATE {plain('Ann', 'sesame')}")
    client.hears("AUTHENTICATE +", ":irc.home.test 906 * :SASL authentication aborted", ":irc.home.test 908 …", OUT)
    client.says("AUTHENTICATE *")
    client.hears(":irc.home.test 906 * :SASL authentication aborted")


def test_who_registers_in_the_middle_of_it_is_not_logged_in() -> None:
    """IRCv3 SASL 3.1: 906, and the welcome without it."""
    client = ready(network())
    client.says("NICK bob", "USER bob 0 * :Bob", "AUTHENTICATE PLAIN", "CAP END")
    client.hears("AUTHENTICATE +", ":irc.home.test 906 bob :SASL authentication aborted", ":irc.home.test 001 bob :…")
    assert client.user.account is None


# --- the other mechanisms


def test_an_unknown_mechanism() -> None:
    client = ready(network())
    client.says("AUTHENTICATE FOO", "AUTHENTICATE LOGIN")
    told = ":irc.home.test 908 * SCRAM-SHA-256,PLAIN :are available SASL mechanisms"
    client.hears(told, OUT, told, OUT)


def say(client: Client, data: bytes) -> bytes:
    """Say ``data`` in pieces, and give what is asked next."""
    text = base64.b64encode(data).decode()
    pieces = [text[start : start + 400] for start in range(0, len(text), 400)]
    (line,) = client.asks(*[f"AUTHENTICATE {piece}" for piece in pieces])
    assert line.startswith("AUTHENTICATE "), line
    return base64.b64decode(line.removeprefix("AUTHENTICATE "))


def test_scram() -> None:
    """RFC 7677: neither side says the password."""
    client = ready(network())
    mechanism = client_mechanism(["SCRAM-SHA-256"], "ann", "sesame", nonce=bytes(NONCE), secure=False)
    client.says("AUTHENTICATE SCRAM-SHA-256")
    client.hears("AUTHENTICATE +")
    challenge = say(client, mechanism.initial() or b"")
    final = say(client, mechanism.step(challenge))
    assert mechanism.step(final) == b""
    mechanism.finish()
    client.says("AUTHENTICATE +")
    client.hears(*IN)


def test_scram_with_a_wrong_password() -> None:
    client = ready(network())
    mechanism = client_mechanism(["SCRAM-SHA-256"], "ann", "open", nonce=bytes(NONCE), secure=False)
    client.says("AUTHENTICATE SCRAM-SHA-256")
    client.heard()
    proof = base64.b64encode(mechanism.step(say(client, mechanism.initial() or b""))).decode()
    client.says(f"AUTHENTICATE {proof}")
    client.hears(OUT)


def test_a_long_challenge_is_said_in_pieces() -> None:
    """A nonce of 256 characters makes a challenge of more than 400 bytes of base64."""
    client = ready(network())
    first = base64.b64encode(b"n,,n=ann,r=" + b"x" * 256).decode()
    lines = client.asks(
        "AUTHENTICATE SCRAM-SHA-256", f"AUTHENTICATE {first[:400]}", *([f"AUTHENTICATE {first[400:] or '+'}"] * (len(first) >= 400))
    )
    pieces = [line.removeprefix("AUTHENTICATE ") for line in lines[1:]]
    assert [len(piece) for piece in pieces[:-1]] == [400]
    assert base64.b64decode("".join(pieces).replace("+", "", 0)).startswith(b"r=" + b"x" * 256)


def test_external_is_for_who_has_a_certificate_of_an_account() -> None:
    """RFC 4422 A."""
    net = network()
    account = net.accounts.get("Ann")
    assert account is not None
    done(net.accounts.add_certificate(account, hashlib.sha256(b"a certificate").hexdigest()))
    stranger = net.connect(tls=tls(b"another"))
    assert "EXTERNAL" not in "".join(stranger.asks("CAP LS 302"))
    client = net.connect(tls=tls(b"a certificate"))
    assert "sasl=SCRAM-SHA-256,PLAIN,EXTERNAL" in "".join(client.asks("CAP LS 302"))
    client.asks("CAP REQ sasl")
    client.says("AUTHENTICATE EXTERNAL", "AUTHENTICATE +")
    client.hears("AUTHENTICATE +", *IN)


@pytest.mark.parametrize(
    ("options", "address", "over", "offered"),
    [
        ({}, "127.0.0.1", None, True),
        ({}, "::1", None, True),
        ({}, "", None, True),
        ({}, "192.0.2.1", None, False),
        ({}, "192.0.2.1", tls(), True),
        ({"clear_logins": False}, "127.0.0.1", None, False),
        ({"clear_logins": False}, "127.0.0.1", tls(), True),
    ],
)
def test_passwords_are_taken_where_nobody_listens_in(options: dict[str, Any], address: str, over: Any, offered: bool) -> None:
    client = Net(**options).connect(address, tls=over)
    assert ("sasl=SCRAM-SHA-256,PLAIN" in "".join(client.asks("CAP LS 302"))) is offered


# --- again, and too often


def test_logging_in_after_the_welcome_and_as_another() -> None:
    """IRCv3 SASL 3.2, Reauthentication; account-notify."""
    net = network()
    done(net.accounts.register("Bob", "mellon"))
    client = net.join("carol", caps="sasl account-notify", channels="#c")
    other = net.join("dave", caps="account-notify", channels="#c")
    client.heard()
    client.says("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('Ann', 'sesame')}")
    client.hears("AUTHENTICATE +", IN[0], f":{client.prefix} ACCOUNT Ann", IN[1])
    other.hears(f":{client.prefix} ACCOUNT Ann")
    client.says("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('Bob', 'mellon')}")
    client.skips_to(":irc.home.test 903 …")
    other.hears(f":{client.prefix} ACCOUNT Bob")
    client.says("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('Ann', 'wrong')}")
    client.skips_to(OUT)
    assert client.user.account == "Bob"


def test_guessing_ends_the_connection() -> None:
    client = ready(network(accounts=AccountSettings(failures=None)))
    for _ in range(10):
        client.says("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('Ann', 'guess')}")
    assert sum(" 904 " in line for line in client.heard()[:-1]) == 10
    assert client.gone


def test_guessing_from_an_address_is_slowed_down() -> None:
    net = network(accounts=AccountSettings(failures=3))
    for _ in range(3):
        client = ready(net, address="127.0.0.9")
        client.says("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('Ann', 'guess')}")
        client.skips_to(OUT)
    client = ready(net, address="127.0.0.9")
    client.says("AUTHENTICATE PLAIN")
    client.hears(OUT)


def test_the_label_stays_open_while_a_password_is_checked() -> None:
    """IRCv3 labeled-response: the answers of a command whose work is done off the loop bear its label too."""
    net = network()
    client = net.join("carol", caps="sasl labeled-response batch")
    client.says("@label=1 AUTHENTICATE PLAIN", f"@label=2 AUTHENTICATE {plain('Ann', 'sesame')}")
    client.hears(
        "@label=1 AUTHENTICATE +",
        "@label=2 :irc.home.test BATCH +… labeled-response",
        f"@batch=… {IN[0]}",
        f"@batch=… {IN[1]}",
        ":irc.home.test BATCH -…",
    )


def test_commands_wait_while_a_password_is_checked_and_a_client_may_go() -> None:
    """On a loop, where the hash really is elsewhere."""

    async def run() -> None:
        net = network()
        gate = asyncio.Event()

        async def hash_later(work: Any, /, *args: Any) -> Any:
            await gate.wait()
            return work(*args)

        net.store.hash = hash_later  # type: ignore[method-assign]
        client, gone = (_OnLoop(net, ready(net)) for _ in range(2))
        for one in (client, gone):
            one.says("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('Ann', 'sesame')}", "PING x")
        await asyncio.sleep(0)  # both begin
        assert client.heard() == ["AUTHENTICATE +"]
        gone.leaves()
        gate.set()
        await client.settled()
        assert [line.split(" ")[1] for line in client.heard()] == ["900", "903", "PONG"]
        assert gone.user.account is None

    asyncio.run(run())


class _OnLoop:
    """A client whose commands' work is done by a real loop."""

    def __init__(self, net: Net, client: Client) -> None:
        self.client = client
        self.user = client.user
        self._tasks: list[asyncio.Task[None]] = []
        client._link.start = self._start  # type: ignore[method-assign,assignment]
        self.says, self.heard, self.leaves = client.says, client.heard, client.leaves

    def _start(self, coroutine: Any) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.append(task)
        return task

    async def settled(self) -> None:
        await asyncio.wait_for(asyncio.gather(*self._tasks), 10)
        self.client.sends(b"")
