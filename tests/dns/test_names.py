"""Domain names: text, bytes, compression, order (RFC 1035 2.3, 3.1, 4.1.4; RFC 4034 6.1; RFC 4343)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.dns.names import ROOT, Name, above, expand, read_name, skip_name, wire_of
from wirespeak.errors import RemoteProtocolError, TextError

EXAMPLE = Name.parse("example.com.")


# --- text

LONGEST = ".".join(["a" * 63] * 3 + ["a" * 61]) + "."

TEXTS = [
    # what is typed, the bytes, and how it is shown
    (".", b"\0", "."),
    ("com.", b"\3com\0", "com."),
    ("www.example.com", b"\3www\7example\3com\0", "www.example.com."),
    ("WwW.Example.", b"\3WwW\7Example\0", "WwW.Example."),
    (r"a\.b.c.", b"\3a.b\1c\0", r"a\.b.c."),
    (r"\097\065.", b"\2aA\0", "aA."),
    (r"a\ b.", b"\3a b\0", r"a\032b."),
    (r"\000\255.", b"\2\0\xff\0", r"\000\255."),
    (r"\\\"\;\(\)\@\$.", b'\7\\";()@$\0', r"\\\"\;\(\)\@\$."),
    ("a@b.", b"\3a@b\0", r"a\@b."),
    ("*.example.", b"\1*\7example\0", "*.example."),
    ("_sip._tcp.example.", b"\4_sip\4_tcp\7example\0", "_sip._tcp.example."),
    ("0/25.2.0.192.in-addr.arpa.", b"\x040/25\1" + b"2\1" + b"0\003192\7in-addr\4arpa\0", "0/25.2.0.192.in-addr.arpa."),
    ("bücher.example.", b"\x0dxn--bcher-kva\7example\0", "xn--bcher-kva.example."),
    ("BÜCHER.example.", b"\x0dxn--bcher-kva\7example\0", "xn--bcher-kva.example."),
    ("例え。テスト.", b"\x0bxn--r8jz45g\x0axn--zckzah\0", "xn--r8jz45g.xn--zckzah."),
    ("a" * 63 + ".", b"\x3f" + b"a" * 63 + b"\0", "a" * 63 + "."),
    (LONGEST[:-1], (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\0", LONGEST),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wire", "shown"), TEXTS)
def test_text(text: str, wire: bytes, shown: str) -> None:
    name = Name.parse(text)
    assert name.wire == wire
    assert str(name) == shown
    assert Name.parse(shown).wire == wire
    assert wire_of(text) == wire


def test_names_relative_to_an_origin() -> None:
    assert str(Name.parse("www", EXAMPLE)) == "www.example.com."
    assert str(Name.parse("www.", EXAMPLE)) == "www."
    assert str(Name.parse("@", EXAMPLE)) == "example.com."
    assert str(Name.parse("@")) == "."
    assert str(Name.parse(r"a\.", EXAMPLE)) == r"a\..example.com."
    assert str(Name.parse(r"\@", EXAMPLE)) == r"\@.example.com."
    assert Name.parse("a.b.example.com.").relative_to(EXAMPLE) == "a.b"
    assert Name.parse("a.b.EXAMPLE.com.").relative_to(EXAMPLE) == "a.b"
    assert EXAMPLE.relative_to(EXAMPLE) == "@"
    assert Name.parse("@.example.com.").relative_to(EXAMPLE) == r"\@"
    assert Name.parse("notexample.com.").relative_to(EXAMPLE) == "notexample.com."
    assert Name.parse("com.").relative_to(EXAMPLE) == "com."
    assert Name.parse("a.").relative_to(ROOT) == "a."


WRONG = [
    ("", "an empty name; the root is written as a dot"),
    ("a..b", "an empty label"),
    (".a", "an empty label"),
    ("..", "an empty label"),
    ("a" * 64, "a label of more than 63 bytes"),
    (".".join(["a" * 63] * 3 + ["a" * 62]), "has 256 bytes, and a name at most 255"),
    ("\\", "a backslash with nothing behind it"),
    ("a\\", "a backslash with nothing behind it"),
    (r"\12", "fewer than three digits"),
    (r"\1a2.", "fewer than three digits"),
    (r"\256", r"\256 is no octet"),
    ("a\u0338\u200d.", "is no international name"),
    ("é" * 63, "is no international name"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_texts_that_are_no_names(text: str, message: str) -> None:
    with pytest.raises(TextError) as caught:
        Name.parse(text)
    assert message in str(caught.value)


def test_what_names_are_for_people() -> None:
    assert Name.parse("bücher.example.").unicode() == "bücher.example."
    assert Name.parse("XN--BCHER-KVA.example.").unicode() == "bücher.example."
    assert Name.parse("xn--a-b-c-.example.").unicode() == "xn--a-b-c-.example."
    assert Name.parse("www.example.").unicode() == "www.example."
    assert Name.parse(r"xn--bcher-kva.a\.b.").unicode() == r"xn--bcher-kva.a\.b."


labels = st.binary(min_size=1, max_size=63)


@st.composite
def names(draw: st.DrawFn) -> Name:
    pieces = draw(st.lists(labels, max_size=5))
    wire = b"".join([bytes([len(piece)]) + piece for piece in pieces]) + b"\0"
    return Name(wire if len(wire) <= 255 else b"\0")


@given(names())
def test_every_name_has_a_text_that_says_the_same(name: Name) -> None:
    assert Name.parse(str(name)).wire == name.wire
    assert str(name).isascii()
    assert str(name).isprintable()
    assert expand(name.wire, 0) == (name.wire, len(name.wire))
    assert skip_name(name.wire, 0) == len(name.wire)


@given(names(), names())
def test_a_name_beneath_another(first: Name, second: Name) -> None:
    wire = first.wire[:-1] + second.wire
    if len(wire) > 255:
        return
    name = Name(wire)
    assert name.is_beneath(second)
    assert Name.parse(name.relative_to(second), second) == name
    assert first.is_beneath(second) is (first.order[: len(second.order)] == second.order)


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        name = Name.parse(text, EXAMPLE)
    except TextError:
        return
    assert expand(name.wire, 0) == (name.wire, len(name.wire))


# --- what names are to each other


def test_names_are_the_same_whatever_their_case() -> None:
    name = Name.parse("WWW.example.")
    assert name == Name.parse("www.EXAMPLE.")
    assert hash(name) == hash(Name.parse("www.EXAMPLE."))
    assert name.key == b"\3www\7example\0"
    assert name.wire == b"\3WWW\7example\0"
    assert name != Name.parse("ww.example.")
    assert name != "www.example."
    assert repr(name) == "Name('WWW.example.')"


def test_only_ascii_letters_have_a_case() -> None:
    """RFC 4343 3: no other octet, even if it is a letter in some alphabet. A length of 65 to 90 there is none."""
    assert Name(b"\1\xc4\0") != Name(b"\1\xe4\0")
    assert Name(b"\x3f" + b"A" * 63 + b"\0").key == b"\x3f" + b"a" * 63 + b"\0"


def test_canonical_order() -> None:
    """The list of RFC 4034 6.1."""
    order = ["example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.", "z.example.", r"\001.z.example."]
    order += ["*.z.example.", r"\200.z.example."]
    assert [str(name) for name in sorted(map(Name.parse, reversed(order)))] == order


def test_parts() -> None:
    name = Name.parse("a.b.c.")
    assert name.labels == (b"a", b"b", b"c")
    assert str(name.parent) == "b.c."
    assert ROOT.parent == ROOT
    assert ROOT.labels == ()
    assert list(above(name.key)) == [b"\1a\1b\1c\0", b"\1b\1c\0", b"\1c\0", b"\0"]
    assert str(name / b"x.y") == r"x\.y.a.b.c."
    assert name.is_beneath(name)
    assert name.is_beneath(ROOT)
    assert not Name.parse("xb.c.").is_beneath(Name.parse("b.c."))
    for label in (b"", b"x" * 64):
        with pytest.raises(TextError, match="makes no name"):
            _ = name / label
    with pytest.raises(TextError, match="makes no name"):
        _ = Name(b"\x3f" + b"a" * 63 + b"\x3f" + b"a" * 63 + b"\x3f" + b"a" * 63 + b"\0") / (b"b" * 63)


# --- compression (RFC 1035 4.1.4)

# The drawing of RFC 1035 4.1.4, from its offset 20 on; the names are F.ISI.ARPA, FOO.F.ISI.ARPA, ARPA and the root.
DRAWING = bytes(20) + b"\1F\3ISI\4ARPA\0" + bytes(8) + b"\3FOO\xc0\x14" + bytes(18) + b"\xc0\x1a" + bytes(26) + b"\0"


@pytest.mark.parametrize(
    ("at", "name", "following"), [(20, "F.ISI.ARPA.", 32), (40, "FOO.F.ISI.ARPA.", 46), (64, "ARPA.", 66), (92, ".", 93)]
)
def test_the_drawing_of_the_rfc(at: int, name: str, following: int) -> None:
    assert read_name(DRAWING, at) == (Name.parse(name), following)
    assert str(read_name(DRAWING, at)[0]) == name


def test_pointers_to_pointers() -> None:
    message = b"\1a\0\1b\xc0\0\xc0\3\1c\xc0\7"
    assert str(read_name(message, 9)[0]) == "c.b.a."
    assert read_name(message, 9)[1] == len(message)


WRONG_BYTES = [
    # message, where the name begins, what is wrong, where
    (b"", 0, "the message ends inside a name", 0),
    (b"\1", 0, "the message ends inside a name", 1),
    (b"\1a", 0, "the message ends inside a name", 2),
    (b"\5abc\0", 0, "the message ends inside a name", 5),
    (b"\0\xc0", 1, "the message ends inside a name", 2),
    (b"\xc0\0", 0, "a compression pointer that does not lead back", 0),
    (b"\1a\xc0\0", 0, "a compression pointer that does not lead back", 2),
    (b"\0\xc0\3\0", 1, "a compression pointer that does not lead back", 1),
    (b"\0\1a\xc0\2", 1, "a compression pointer that does not lead back", 3),
    (b"\1a\xc0\4\1b\xc0\0", 4, "a compression pointer that does not lead back", 2),
    (b"\x40a\0", 0, "a label of the unknown kind 01", 0),
    (b"\x80a\0", 0, "a label of the unknown kind 10", 0),
    (b"\1a" * 127 + b"\1a\0", 0, "a name of more than 255 bytes", 0),
    (b"\1a" * 126 + b"\0" + b"\2bc\xc0\0", 253, "a name of more than 255 bytes", 253),
    (b"\1a" * 200 + b"\xc0\0", 100, "a name without an end: more pointers, or more bytes, than any name has", 100),
]


@pytest.mark.parametrize(("message", "at", "what", "offset"), WRONG_BYTES)
def test_bytes_that_are_no_names(message: bytes, at: int, what: str, offset: int) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read_name(message, at)
    assert caught.value.args[0] == what
    assert caught.value.offset == offset
    assert caught.value.code == 1
    assert caught.value.clause


def test_the_longest_name() -> None:
    wire = b"\1a" * 127 + b"\0"
    assert len(wire) == 255
    assert read_name(wire, 0) == (Name(wire), 255)
    assert skip_name(wire, 0) == 255
    with pytest.raises(RemoteProtocolError, match="more than 255 bytes"):
        skip_name(b"\1a" + wire, 0)


def test_a_name_that_may_not_be_compressed() -> None:
    assert skip_name(b"\0\1a\0", 1) == 4
    with pytest.raises(RemoteProtocolError, match="a compressed name in data of a type that may hold none"):
        skip_name(b"\0\1a\xc0\0", 1)
    with pytest.raises(RemoteProtocolError, match="the message ends inside a name"):
        skip_name(b"\2a", 0)


def test_a_long_chain_of_pointers_is_not_followed() -> None:
    """Each name would be walked for as long as the chain is; a message may hold thousands of such names."""
    chain = b"\0" + b"".join([(0xC000 | max(0, 1 + 2 * (number - 1))).to_bytes(2) for number in range(8000)])
    assert read_name(chain, 1 + 2 * 100) == (ROOT, 1 + 2 * 101)
    before = time.process_time()
    for at in range(len(chain) - 2000, len(chain) - 1, 2):
        with pytest.raises(RemoteProtocolError, match="more pointers"):
            read_name(chain, at)
    assert time.process_time() - before < 5


@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_bytes(message: bytes, at: int) -> None:
    try:
        name, following = read_name(message, at)
    except RemoteProtocolError:
        return
    assert at < following <= len(message)
    assert len(name.wire) <= 255
    assert expand(name.wire, 0) == (name.wire, len(name.wire))
