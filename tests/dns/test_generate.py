"""$GENERATE: what its ranges and modifiers give, as BIND's manual has it."""

from __future__ import annotations

import pytest

from wirespeak.dns.generate import Template, read_range
from wirespeak.errors import TextError


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("1-3", [1, 2, 3]), ("0-10/5", [0, 5, 10]), ("0-9/4", [0, 4, 8]), ("7-7", [7]), ("2147483647-2147483647", [2147483647])],
)
def test_ranges(text: str, numbers: list[int]) -> None:
    assert list(read_range(text)) == numbers


@pytest.mark.parametrize("text", ["", "5", "3-1", "1-3/0", "-1-2", "1-", "a-b", "1-2-3", "1-2/", "1-2147483648", "１-２", "1-99999999999"])
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(TextError):
        read_range(text)


@pytest.mark.parametrize(
    ("template", "number", "text"),
    [
        ("host-$", 7, "host-7"),
        ("$.$", 7, "7.7"),
        ("plain", 7, "plain"),
        ("${3}", 7, "10"),
        ("${-3}", 2, "-1"),
        ("${0,3}", 7, "007"),
        ("${0,3,d}", 1234, "1234"),
        ("${0,4,x}", 171, "00ab"),
        ("${0,4,X}", 171, "00AB"),
        ("${1,3,o}", 7, "010"),
        ("$$", 7, r"\$"),
        (r"\$a$", 7, r"\$a7"),
        (r"\\$", 7, r"\\7"),
        # the nibbles of ip6.arpa; the width counts the dots
        ("${0,7,n}", 20, "4.1.0.0"),
        ("${0,0,n}", 20, "4.1"),
        ("${0,1,N}", 171, "B.A"),
        ("${0,8,N}", 20, "4.1.0.0."),
        ("${0,0,n}", 0, "0"),
    ],
)
def test_templates(template: str, number: int, text: str) -> None:
    assert Template(template).at(number) == text


@pytest.mark.parametrize("text", ["${", "a${0,3,d", "${0,3,q}", "${}", "${,3}", "${1,}", "${x}", "${0,256}", "${0,999999999,d}", "${0 ,3}"])
def test_modifiers_that_cannot_be_read(text: str) -> None:
    with pytest.raises(TextError, match="modifiers"):
        Template(text)


def test_a_number_below_zero_has_digits_in_decimal_only() -> None:
    with pytest.raises(TextError, match="-3"):
        Template("${-3,2,x}").at(0)
