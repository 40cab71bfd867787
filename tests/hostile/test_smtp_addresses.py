"""Addresses that want to be something else: a header, a command, a path, another server's mail (RFC 5321 4.1.2, 4.1.3, F.2).

What breaks the grammar is 501 with 5.1.7 for a sender and 5.1.3 for a recipient (RFC 3463 3.2). What keeps it is an address and
nothing more, however it looks: it is never near a shell, and a file of its name never leaves the folder of its domain
(CVE-2026-23829, CVE-2020-7247).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.smtp_wire import DOMAIN, Post, fresh, serving

BROKEN = [
    "<@>",
    "<@example.test>",
    "<a@>",
    "<a>",
    "<a@b",
    "a@b>",
    "a@b",
    "",
    "<",
    "<>>",
    "<<a@b>>",
    "<a@b><c@d>",
    "<a@b>,<c@d>",
    "<a@b>x",
    "<a b@c>",
    "<a@b c>",
    "<a@@b>",
    "<a@b@c>",
    "<.a@b>",
    "<a.@b>",
    "<a..b@c>",
    "<a@.b>",
    "<a@b.>",
    "<a@b..c>",
    "<a@-b>",
    "<a@b->",
    "<a@b-.c>",
    "<a@b_c>",
    '<"a@b>',
    '<a"@b>',
    '<a"b"@c>',
    '<"a"b@c>',
    '<"a""b"@c>',
    '<"a\\"@b>',
    '<"a\\',
    "<a\\@b@c>",
    "<a@[127.0.0.1>",
    "<a@127.0.0.1]>",
    "<a@[127.0.0.256]>",
    "<a@[127.0.0]>",
    "<a@[127.0.0.1.1]>",
    "<a@[127.000.000.0001]>",
    "<a@[]>",
    "<a@[IPv6:]>",
    "<a@[IPv6:::1::]>",
    "<a@[IPv6:12345::1]>",
    "<a@[IPv6:1:2:3:4:5:6:7:8:9]>",
    "<a@[IPv6:1:2:3:4:5:6:7]>",
    "<a@[IPv6:fe80::1%lo]>",
    "<a@[::1]>",
    "<a@[x y]>",
    "<a@[\\]]>",
    "<a;b@c;d>",
    "<a,b@c>",
    "<(comment)a@b>",
    "<a@b(comment)>",
    "<a:b@c>",
    "<@a:>",
    "<@a,@b:>",
    "<@a,:c@d>",
    "<@a,b:c@d>",
    "<@:a@b>",
    "Ann <a@b>",
    '"Ann" <a@b>',
]

INJECTIONS = [
    "<a@b> X-Header: y",
    "<a@b>\tSIZE=1",
    "<a@b>SIZE=1",
    "<a@b>  =1",
    "<a@b> SIZE==1",
    "<a@b> -X=1",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder several floors below the one that is looked through afterwards."""
    return tmp_path_factory.mktemp("mail") / "one" / "two" / "boxes"


@pytest.fixture(scope="module")
def post(folder: Path) -> Iterator[Post]:
    folder.mkdir(parents=True)
    with serving(folder) as post:
        yield post


@pytest.mark.parametrize("path", BROKEN, ids=repr)
def test_a_sender_that_breaks_the_grammar(post: Post, path: str) -> None:
    with post.meet() as wire:
        said = wire.says(f"MAIL FROM:{path}")
        assert said.status in ("501 5.1.7", "501 5.5.4", "501 5.5.2"), said
        assert wire.status(f"RCPT TO:<{fresh()}@{DOMAIN}>") == "503 5.5.1", "the sender was taken after all"


@pytest.mark.parametrize("path", [*BROKEN, "<>"], ids=repr)
def test_a_recipient_that_breaks_the_grammar(post: Post, path: str) -> None:
    """RFC 5321 4.1.1.3: the empty path too is for senders alone."""
    with post.meet() as wire:
        wire.envelope()
        said = wire.says(f"RCPT TO:{path}")
        assert said.status in ("501 5.1.3", "501 5.5.4", "501 5.5.2"), said
        assert wire.says("DATA").code in (503, 554), "the recipient was taken after all"


@pytest.mark.parametrize("argument", INJECTIONS, ids=repr)
@pytest.mark.parametrize("command", ["MAIL FROM:", "RCPT TO:"])
def test_something_behind_the_path(post: Post, command: str, argument: str) -> None:
    with post.meet() as wire:
        if command.startswith("RCPT"):
            wire.envelope()
        said = wire.says(command + argument)
        assert said.code in (500, 501, 555), said
        assert wire.says("DATA").code in (503, 554)


@pytest.mark.parametrize(
    "line",
    [
        "MAIL",
        "MAIL FROM",
        "MAIL FROM:",
        "MAIL TO:<a@b>",
        "MAIL<a@b>",
        "MAIL FROM<a@b>",
        "MAIL FROM=<a@b>",
        "MAILFROM:<a@b>",
        "MAIL\tFROM:<a@b>",
    ],
)
def test_a_mail_command_that_is_none(post: Post, line: str) -> None:
    with post.meet() as wire:
        said = wire.says(line)
        assert said.code in (500, 501), said
        assert wire.status(f"RCPT TO:<{fresh()}@{DOMAIN}>") == "503 5.5.1"


def test_a_long_local_part(post: Post) -> None:
    """RFC 5321 4.5.3.1.1, 4.5.3.1.2: 64 octets in front of the @, 255 behind it."""
    with post.meet() as wire:
        assert wire.status(f"MAIL FROM:<{'a' * 64}@client.test>") == "250 2.1.0"
        assert wire.status(f"RCPT TO:<{'a' * 64}@{DOMAIN}>") == "250 2.1.5"
        assert wire.says(f"RCPT TO:<{'a' * 300}@{DOMAIN}>").status in ("501 5.1.3", "553 5.1.3", "550 5.1.1")
        assert wire.says(f"RCPT TO:<a@{'b' * 64}.test>").status in ("501 5.1.3", "501 5.1.2")
        assert wire.says(f"RCPT TO:<a@{'b.' * 150}test>").status in ("501 5.1.3", "501 5.1.2", "500 5.5.2")
        assert wire.status("RSET") == "250 2.0.0"
        assert wire.says(f"MAIL FROM:<{'a' * 300}@client.test>").status in ("501 5.1.7", "553 5.1.7")


def test_a_domain_as_long_as_can_be(post: Post) -> None:
    longest = ".".join(["b" * 63] * 3 + ["c" * 63])  # 255 octets
    with post.meet() as wire:
        assert wire.status(f"MAIL FROM:<a@{longest}>") == "250 2.1.0"
        assert wire.status("RSET") == "250 2.0.0"
        assert wire.says(f"MAIL FROM:<a@{longest}.d>").status in ("501 5.1.7", "501 5.1.8")


LEGAL = [
    '"john doe"',
    '"a\\"b"',
    '"a@b"',
    '"a\\\\b"',
    '""',
    '" "',
    '"."',
    '".."',
    '"../../escape"',
    '"/etc/passwd"',
    '"a/../../../b"',
    '"cur"',
    "new",
    "tmp",
    '"~root"',
    "a/b",
    "/",
    "//a",
    "|true",
    "a`touch/escaped`b",
    "$HOME",
    "${IFS}",
    "$IFS$9",
    "*",
    "?",
    "~",
    "-rf",
    "--help",
    "-oQ/tmp",
    "a'b",
    "a&touch",
    '";touch escaped;"',
    '"$(touch escaped)"',
    '"<script>"',
    '"\\<x@y\\>"',
    "%00",
    "%2e%2e%2f",
    "=2E",
    "#a#",
    "{a}",
    "a!b",
    "user%away.test",
    "UPPER",
    "CON",
]


@pytest.mark.parametrize("local", LEGAL, ids=repr)
def test_an_odd_local_part_is_a_name_and_no_path(post: Post, folder: Path, local: str) -> None:
    """It is taken or refused for what it is; the mail, if taken, lies in a folder right under that of its domain."""
    around = folder.parent.parent.parent
    before = {path for path in around.rglob("*") if folder not in path.parents}
    with post.meet() as wire:
        wire.envelope()
        said = wire.says(f"RCPT TO:<{local}@{DOMAIN}>")
        assert said.status in ("250 2.1.5", "550 5.1.1", "553 5.1.3"), said
        if said.code == 250:
            wire.data()
            wire.send(b"Subject: odd\r\n\r\nodd\r\n.\r\n")
            assert wire.reply().code == 250
    assert {path for path in around.rglob("*") if folder not in path.parents} == before
    places = {path.relative_to(folder).parts for path in post.everything()}
    assert all(len(parts) == 4 and parts[0] == DOMAIN and parts[2] == "new" for parts in places), places


def test_two_names_never_share_a_folder(post: Post) -> None:
    """However names are written for the file system: who is not Ann can't have Ann's folder."""
    odd = ["a/b", "a%2fb", "a%252Fb", '"a b"', "a%20b", '"."', '".."', "%2e", "%2e%2e", '"a\\"b"', "a%22b", "=2F", "_2F_"]
    with post.meet() as wire:
        taken = []
        for number, local in enumerate(odd):
            wire.envelope()
            if wire.says(f"RCPT TO:<{local}@{DOMAIN}>").code == 250:
                wire.data()
                wire.send(b"Subject: for %d of many\r\n\r\n.\r\n" % number)
                assert wire.reply().code == 250
                taken.append(number)
            else:
                assert wire.status("RSET") == "250 2.0.0"
    found: dict[Path, set[str]] = {}
    for path in post.everything():
        text = path.read_bytes()
        if b"Subject: for " in text:
            found.setdefault(path.parent, set()).add(text.partition(b"Subject: for ")[2].split()[0].decode())
    assert sorted(len(numbers) for numbers in found.values()) == [1] * len(taken), found


def test_the_trace_of_an_odd_sender_is_one_field(post: Post) -> None:
    """A sender's name, and what he says his own is, stand in Return-Path and Received (RFC 5321 4.4): they must not break out of them."""
    local = fresh()
    with post.connect().greeted() as wire:
        wire.ehlo("[127.0.0.1]")
        wire.envelope(local, sender='"a b;(x)\\" \\\\"@client.test').data()
        wire.send(b"Subject: odd\r\n\r\nodd\r\n.\r\n")
        assert wire.reply().code == 250
    assert post.mails(local) == [b"Subject: odd\n\nodd\n"]


@pytest.mark.parametrize(
    "name", ["a b", "<script>", "a\tb", '"a"', "-", ".", "a..b", "[1.2.3]", "[", "", "a" * 300, "a@b", "a;b", "(a)", "\u00e9"]
)
@pytest.mark.parametrize("verb", ["EHLO", "HELO"])
def test_a_client_that_does_not_know_its_own_name(post: Post, verb: str, name: str) -> None:
    """RFC 5321 4.1.1.1: EHLO is followed by a domain or an address literal. What is none is refused, or taken and never trusted."""
    local = fresh()
    with post.connect().greeted() as wire:
        wire.send(f"{verb} {name}\r\n".encode())
        said = wire.reply(bare=True)
        assert said.code in (250, 500, 501, 550), said
        if said.code == 250:
            wire.deliver(local)
    if said.code == 250:
        assert post.mails(local) == [b"Subject: fine\n\nfine\n"]


# --- whose mail it is: relaying


@pytest.mark.parametrize("local", ["user%away.test", "away.test!user", "user@away.test", "@away.test:user", "user%away.test%example.test"])
def test_what_looks_like_a_route_in_a_local_part_is_none(post: Post, local: str) -> None:
    """RFC 5321 4.1.2, 6.4 of 1123: the local part is its own domain's business, and here an ordinary name."""
    quoted = local if "@" not in local else f'"{local}"'
    with post.meet() as wire:
        wire.envelope()
        said = wire.says(f"RCPT TO:<{quoted}@{DOMAIN}>")
        assert said.status in ("250 2.1.5", "550 5.1.1"), said


@pytest.mark.parametrize(
    "path", ["<@away.test:%s@example.test>", "<@away.test,@b.test:%s@example.test>", "<@example.test:%s@example.test>"]
)
def test_a_source_route_is_read_and_ignored(post: Post, path: str) -> None:
    """RFC 5321 4.1.1.3, F.2."""
    local = fresh()
    with post.meet() as wire:
        wire.envelope()
        assert wire.status(f"RCPT TO:{path % local}") == "250 2.1.5"
        wire.data()
        wire.send(b"Subject: routed\r\n.\r\n")
        assert wire.reply().code == 250
    assert post.mails(local) == [b"Subject: routed\n"]


@pytest.mark.parametrize(
    "path",
    [
        "<user@away.test>",
        "<@example.test:user@away.test>",
        "<@example.test,@example.test:user@away.test>",
        '<"user@example.test"@away.test>',
        "<user%example.test@away.test>",
        "<example.test!user@away.test>",
        "<user@sub.example.test>",
        "<user@example.test.away.test>",
        "<user@xexample.test>",
        "<user@example>",
        "<user@[192.0.2.1]>",
        "<user@[IPv6:2001:db8::1]>",
        "<user@localhost>",
        "<user@test>",
        "<Postmaster@away.test>",
    ],
)
def test_nothing_is_relayed(post: Post, path: str) -> None:
    """Nobody is let through to a domain that is not ours: no open relay (550 5.7.1, RFC 5321 3.6.2, 7.1)."""
    with post.meet() as wire:
        for sender in ("ann@client.test", f"boss@{DOMAIN}", ""):
            assert wire.status(f"MAIL FROM:<{sender}>") == "250 2.1.0"
            assert wire.status(f"RCPT TO:{path}") == "550 5.7.1"
            assert wire.status("RSET") == "250 2.0.0"


@pytest.mark.parametrize(
    "path", ["<Postmaster>", "<postmaster>", "<POSTMASTER>", f"<Postmaster@{DOMAIN}>", f"<postmaster@{DOMAIN.upper()}>"]
)
def test_the_postmaster_is_always_there(post: Post, path: str) -> None:
    """RFC 5321 4.1.1.3, 4.5.1: in any case, and without a domain too. No other name is right without one."""
    with post.meet() as wire:
        wire.envelope()
        assert wire.status(f"RCPT TO:{path}") == "250 2.1.5"
        assert wire.says("RCPT TO:<hostmaster>").status == "501 5.1.3"


def test_a_domain_in_capitals_is_the_same(post: Post) -> None:
    local = fresh()
    with post.meet() as wire:
        wire.envelope()
        assert wire.status(f"RCPT TO:<{local}@EXAMPLE.Test>") == "250 2.1.5"
        wire.data()
        wire.send(b"Subject: a\r\n.\r\n")
        assert wire.reply().code == 250
    assert post.mails(local) == [b"Subject: a\n"]


# --- parameters


@pytest.mark.parametrize(
    ("parameters", "statuses"),
    [
        ("X-UNKNOWN=1", ("555 5.5.4",)),
        ("UNKNOWN", ("555 5.5.4",)),
        ("SIZE", ("501 5.5.4",)),
        ("SIZE=", ("501 5.5.4",)),
        ("SIZE=x", ("501 5.5.4",)),
        ("SIZE=-1", ("501 5.5.4",)),
        ("SIZE=+1", ("501 5.5.4",)),
        ("SIZE=1.0", ("501 5.5.4",)),
        ("SIZE=0x10", ("501 5.5.4",)),
        ("SIZE=1_0", ("501 5.5.4",)),
        ("SIZE=" + "9" * 21, ("501 5.5.4", "552 5.3.4")),
        ("SIZE=1 SIZE=1", ("501 5.5.4",)),
        ("BODY", ("501 5.5.4",)),
        ("BODY=9BIT", ("501 5.5.4", "555 5.5.4")),
        ("BODY=7BIT BODY=8BITMIME", ("501 5.5.4",)),
        ("SMTPUTF8=1", ("501 5.5.4",)),
        ("RET=SOME", ("501 5.5.4",)),
        ("RET=FULL RET=HDRS", ("501 5.5.4",)),
        ("ENVID=a+zz", ("501 5.5.4",)),
        ("ENVID=" + "a" * 101, ("501 5.5.4",)),
        ("ENVID=", ("501 5.5.4",)),
        ("AUTH=a=b", ("501 5.5.4", "555 5.5.4")),
        ("AUTH=+0D+0A", ("501 5.5.4", "555 5.5.4")),
        ("NOTIFY=NEVER", ("555 5.5.4", "501 5.5.4")),
        ("REQUIRETLS", ("555 5.5.4",)),
        ("MT-PRIORITY=9", ("555 5.5.4",)),
        ("=", ("501 5.5.4",)),
    ],
)
def test_a_parameter_of_mail_that_is_wrong(post: Post, parameters: str, statuses: tuple[str, ...]) -> None:
    """RFC 5321 4.1.1.11, RFC 1870 4, RFC 6152 3, RFC 3461 4: 555 where it is not known, 501 where its value is wrong."""
    with post.meet() as wire:
        said = wire.says(f"MAIL FROM:<ann@client.test> {parameters}")
        assert said.status in statuses, said
        assert wire.status(f"RCPT TO:<a@{DOMAIN}>") == "503 5.5.1"


@pytest.mark.parametrize(
    ("parameters", "statuses"),
    [
        ("X-UNKNOWN=1", ("555 5.5.4",)),
        ("SIZE=1", ("555 5.5.4", "501 5.5.4")),
        ("NOTIFY=", ("501 5.5.4",)),
        ("NOTIFY=SOMETIMES", ("501 5.5.4",)),
        ("NOTIFY=NEVER,SUCCESS", ("501 5.5.4",)),
        ("NOTIFY=SUCCESS NOTIFY=FAILURE", ("501 5.5.4",)),
        ("ORCPT=rfc822", ("501 5.5.4",)),
        ("ORCPT=;a@b", ("501 5.5.4",)),
        ("ORCPT=rfc822;a+zz", ("501 5.5.4",)),
        ("ORCPT=rfc822;" + "a" * 600, ("501 5.5.4", "500 5.5.2")),
    ],
)
def test_a_parameter_of_rcpt_that_is_wrong(post: Post, parameters: str, statuses: tuple[str, ...]) -> None:
    with post.meet() as wire:
        wire.envelope()
        said = wire.says(f"RCPT TO:<a@{DOMAIN}> {parameters}")
        assert said.status in statuses, said
        assert wire.says("DATA").code in (503, 554)


def test_a_header_can_not_come_in_by_a_parameter(post: Post) -> None:
    """xtext may encode CR and LF (RFC 3461 4); what is decoded of it stands in no field of ours."""
    local = fresh()
    with post.meet() as wire:
        said = wire.says("MAIL FROM:<ann@client.test> ENVID=a+0D+0AX-Injected:+20yes")
        if said.code == 250:
            said = wire.says(f"RCPT TO:<{local}@{DOMAIN}> ORCPT=rfc822;a+0D+0AX-Injected:+20yes")
            if said.code == 250:
                wire.data()
                wire.send(b"Subject: a\r\n.\r\n")
                assert wire.reply().code == 250
    for path in post.everything():
        assert b"\nX-Injected" not in path.read_bytes()


def test_parameters_in_any_case_and_order(post: Post) -> None:
    with post.meet() as wire:
        assert wire.status("mail from:<ann@client.test> body=8bitmime Size=100 ret=hdrs ENVID=QQ314159") == "250 2.1.0"
        assert wire.status(f"rcpt to:<a@{DOMAIN}> Notify=success,FAILURE orcpt=rfc822;Bob@away.test") == "250 2.1.5"
