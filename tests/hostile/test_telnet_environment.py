"""What a visitor says of itself must not steer what runs for it: its name, its environment, its terminal (RFC 1572, RFC 1091)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.smtp_wire import PASSWORD, write_users
from tests.hostile.telnet_wire import NAWS, NEW_ENVIRON, TTYPE, WILL, XDISPLOC, Host, Talk, command, hosting, sb, witness

VAR, VALUE, ESC, USERVAR = 0, 1, 2, 3
IS, SEND, INFO = 0, 1, 2


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with hosting(*witness("lines", tmp_path_factory.mktemp("note") / "note")) as host:
        yield host


@pytest.fixture(scope="module")
def doorman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A shell for ann, who has a password."""
    folder = tmp_path_factory.mktemp("users")
    with hosting("--login", "--users", write_users(folder / "users", "ann"), home=folder) as host:
        yield host


def environment(*variables: tuple[int, bytes, bytes], how: int = IS) -> bytes:
    """What a terminal says that has agreed to NEW-ENVIRON, and tells these."""
    said = b"".join(bytes((kind,)) + name + bytes((VALUE,)) + value for kind, name, value in variables)
    return command(WILL, NEW_ENVIRON) + sb(NEW_ENVIRON, how, said)


def given(host: Host, said: bytes) -> dict[str, str]:
    """The environment of the program that is started for a visitor who says that at once."""
    with host.connect() as talk:
        talk.send(said)
        told: dict[str, str] = talk.told(b"READY")["environment"]
    return told


FORBIDDEN = [
    *("LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PATH", "IFS", "HOME", "SHELL", "ENV", "BASH_ENV", "PYTHONPATH", "PYTHONSTARTUP"),
    *("PERL5OPT", "RUBYOPT", "TERMINFO", "TERMCAP", "NLSPATH", "LOCPATH", "MALLOC_CHECK_", "GCONV_PATH", "PS4", "PROMPT_COMMAND", "EDITOR"),
    *(
        "CREDENTIALS_DIRECTORY",
        "XAUTHORITY",
        "LOGNAME",
        "USER",
        "MAIL",
        "SSH_AUTH_SOCK",
        "KRB5_CONFIG",
        "ld_preload",
        "LC_PATH",
        "LANGUAGE",
    ),
]


@pytest.mark.parametrize("kind", [VAR, USERVAR], ids=["VAR", "USERVAR"])
@pytest.mark.parametrize("how", [IS, INFO], ids=["IS", "INFO"])
def test_only_what_is_listed_reaches_a_program(host: Host, kind: int, how: int) -> None:
    """CVE-2009-0641, CVE-1999-0073: LD_PRELOAD and its kin are dropped, whatever they are said to be; LANG shows that others are not."""
    evil = [(kind, name.encode(), b"/tmp/evil.so") for name in FORBIDDEN]
    told = given(host, environment((USERVAR, b"LANG", b"xx_YY.UTF-8"), *evil, how=how))
    assert told["LANG"] == "xx_YY.UTF-8"
    assert "/tmp/evil.so" not in told.values()


def test_a_forbidden_name_in_disguise(host: Host) -> None:
    """ESC before a letter is that letter (RFC 1572 3); a name with an equals sign would be another name; one with a NUL, a shorter one."""
    disguised = [b"LD_\x02PRELOAD", b"LANG=x\nLD_PRELOAD", b"LD_PRELOAD=/tmp/evil.so\x02\0", b"LANG\x02\0LD_PRELOAD", b" LD_PRELOAD", b""]
    told = given(host, environment(*((USERVAR, name, b"/tmp/evil.so") for name in disguised), (USERVAR, b"LC_ALL", b"xx_YY")))
    assert told["LC_ALL"] == "xx_YY"
    assert not [name for name, value in told.items() if "PRELOAD" in name or "evil" in value]


@pytest.mark.parametrize(
    "value",
    [b"../../tmp/evil", b"/tmp/evil", b"-x", b"a b", b"$(id)", b"`id`", b"a\x1b[2J", b"a\nb", b"x" * 4000, b"\xff\xfe", b"%s%n"],
)
@pytest.mark.parametrize("name", [b"LANG", b"LC_ALL", b"COLORTERM", b"DISPLAY"])
def test_a_listed_name_with_a_value_that_is_none(host: Host, name: bytes, value: bytes) -> None:
    told = given(host, environment((USERVAR, name, value)))
    assert told.get(name.decode()) in (None, os.environ.get(name.decode()))


@pytest.mark.parametrize("terminal", [b"../../../tmp/evil", b"-x", b"a;id", b"$(id)", b"a\x1b]0;x\x07", b"x" * 5000, b"", b"a\0b"])
def test_a_terminal_that_is_none(host: Host, terminal: bytes) -> None:
    """A name of a terminal is a name of a file (terminfo): of those that are none, the program is told a terminal that can do nothing."""
    assert given(host, command(WILL, TTYPE) + sb(TTYPE, IS, terminal))["TERM"] == "dumb"


def test_a_terminal_that_is_one(host: Host) -> None:
    assert given(host, command(WILL, TTYPE) + sb(TTYPE, IS, b"XTERM-256COLOR"))["TERM"] == "xterm-256color"


def test_a_name_that_login_took_for_an_option(host: Host) -> None:
    """CVE-2026-24061: USER="-f root". Not a letter of it reaches an argument list or an environment."""
    with host.connect() as talk:
        talk.send(environment((VAR, b"USER", b"-f root"), (VAR, b"ACCT", b"-froot"), (USERVAR, b"LANG", b"xx_YY")))
        told = talk.told(b"READY")
        assert told["environment"]["LANG"] == "xx_YY"
        assert told["arguments"][0] == "lines"
        assert len(told["arguments"]) == 2
        assert not [value for value in told["environment"].values() if "-f" in value]
        assert not [word for child in host.children for word in child.cmdline() if word.startswith("-f")]


def test_the_servers_own_environment_is_its_own(host: Host) -> None:
    """Keys and settings of the server are not its visitors'."""
    told = given(host, command(WILL, NAWS) + sb(NAWS, 0, 80, 0, 24))
    assert "s3cret" not in told.values()
    assert not [name for name in told if name.startswith("WIRESPEAK_")]


def test_more_variables_than_anyone_has(host: Host) -> None:
    many = [(USERVAR, b"V%d" % number, b"x") for number in range(1000)]
    with host.connect() as talk:
        talk.send(environment(*many) * 20, sb(NEW_ENVIRON, IS, bytes((USERVAR,)) * 5000), b"still here\r\n")
        told = talk.told(b"READY")["environment"]
        assert not [name for name in told if name.startswith("V")]
        assert talk.told(b"LINE") == "still here\n"


@pytest.mark.parametrize(
    "broken",
    [b"", b"\x01x", b"x", b"\0\0\0", b"\0A\x01B\x01C", b"\x03\x02", b"\x02\x02\x02", b"\0A\x01\x02"],
    ids=lambda said: said.hex() or "empty",
)
def test_an_environment_that_can_not_be_read(host: Host, broken: bytes) -> None:
    """It is passed over; the conversation goes on."""
    with host.connect() as talk:
        talk.send(command(WILL, NEW_ENVIRON) + sb(NEW_ENVIRON, IS, broken), sb(NEW_ENVIRON, 9, broken), sb(NEW_ENVIRON), b"on\r\n")
        assert talk.told(b"LINE") == "on\n"


@pytest.mark.parametrize(
    ("size", "expected"),
    [((0, 0, 0, 0), (80, 24)), ((255, 255, 255, 255), None), ((0, 1, 0, 1), None), ((0, 132, 0, 43), (132, 43))],
    ids=["unsaid", "65,535", "1", "132"],
)
def test_odd_windows(host: Host, size: tuple[int, ...], expected: tuple[int, int] | None) -> None:
    with host.connect() as talk:
        talk.send(command(WILL, NAWS) + sb(NAWS, *size))
        told = talk.told(b"READY")
        if expected:
            assert (told["columns"], told["rows"]) == expected
        assert told["columns"] > 0
        assert told["rows"] > 0
        talk.send(sb(NAWS, 1), sb(NAWS, 1, 2, 3, 4, 5), sb(NAWS), b"on\r\n")
        assert talk.told(b"LINE") == "on\n"


def test_a_display_that_is_none(host: Host) -> None:
    told = given(host, command(WILL, XDISPLOC) + sb(XDISPLOC, IS, b"$(id):0"))
    assert "$(id)" not in told.get("DISPLAY", "")


# --- who may come in


def answer(talk: Talk, prompt: bytes, line: bytes) -> None:
    """Wait for the prompt that comes next, and type a line."""
    talk.hear(prompt + rb" ?$")
    talk.received.clear()
    talk.send(line + b"\r\n")


@pytest.mark.parametrize("name", [b"-f root", b"-froot", b"root", b"--", b"ann\0", b"../ann", b"", b"a" * 300, b"ann ann", b"\xff\xff"])
def test_names_that_come_in_by_no_password(doorman: Host, name: bytes) -> None:
    """Neither typed nor told: a name is nothing without its password, and no option of any program."""
    with doorman.connect() as talk:
        talk.send(environment((VAR, b"USER", name.replace(b"\xff\xff", b"\xff"))))
        for _ in range(3):
            answer(talk, rb"login:", name)
            answer(talk, rb"Password:", b"wrong")
            talk.hear(rb"Login incorrect")
            assert not doorman.children
        talk.drain()
        assert talk.data.count(b"login:") == 0, "more than three tries"


def test_who_has_the_password_comes_in(doorman: Host) -> None:
    """So that the tests above refuse for the right reason; and nobody else sees the password."""
    with doorman.connect() as talk:
        answer(talk, rb"login:", b"ann")
        answer(talk, rb"Password:", PASSWORD.encode())
        talk.send(b"echo in:$((40+2)):\r\n")
        talk.hear(rb"in:42:")
        assert PASSWORD.encode() not in talk.data
        assert doorman.children
    doorman.none_left()


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/bin/login").exists(), reason="only root runs the system's login")
def test_the_systems_login_is_told_no_name() -> None:
    """CVE-2026-24061, where it hurt: login(1) is run with nothing of the visitor's but its address, and asks."""
    with hosting("--login") as host, host.connect() as talk:
        talk.send(environment((VAR, b"USER", b"-f root"), (VAR, b"ACCT", b"root"), (USERVAR, b"TTYPROMPT", b"x")))
        talk.hear(rb"(?i)login: ?$")
        (login,) = host.children
        assert login.cmdline() == ["/bin/login", "-h", "127.0.0.1"]
        assert not {"ACCT", "TTYPROMPT", "SERVERS_OWN_SECRET"} & set(login.environ())
        assert "-f root" not in login.environ().values()
