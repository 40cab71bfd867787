"""The numbers and the names they go by."""

from __future__ import annotations

import pytest

from wirespeak.dns.registry import Class, Type, class_number, class_text, rcode_text, type_number, type_text
from wirespeak.errors import TextError


def test_types() -> None:
    assert type_text(15) == "MX"
    assert type_text(23) == "NSAP-PTR"
    assert type_number("MX") == type_number("mx") == type_number("TYPE15") == type_number("type15") == 15
    assert type_number("nsap-ptr") == 23
    assert type_number("*") == type_number("ANY") == 255


def test_types_without_a_name() -> None:
    assert type_text(731) == "TYPE731"
    assert type_number("TYPE731") == 731
    assert type_number("TYPE65535") == 65535
    assert type_text(0) == "TYPE0"


def test_classes() -> None:
    assert class_text(1) == "IN"
    assert class_text(32) == "CLASS32"
    assert class_number("in") == class_number("CLASS1") == 1
    assert class_number("CHAOS") == class_number("ch") == Class.CH


def test_response_codes() -> None:
    assert rcode_text(3) == "NXDOMAIN"
    assert rcode_text(12) == "RCODE12"


@pytest.mark.parametrize("text", ["", "NOSUCH", "TYPE", "TYPE65536", "TYPE-1", "TYPE 1", "CLASS1", "TYPE٣", "15"])
def test_what_is_no_type(text: str) -> None:
    with pytest.raises(TextError, match="is no type"):
        type_number(text)


@pytest.mark.parametrize("text", ["", "NOSUCH", "CLASS", "CLASS65536", "TYPE1", "1"])
def test_what_is_no_class(text: str) -> None:
    with pytest.raises(TextError, match="is no class"):
        class_number(text)


def test_every_type_has_its_name() -> None:
    for type in Type:
        assert type_number(type_text(type)) == type


def test_what_no_zone_holds() -> None:
    assert [type.name for type in Type if type.is_meta] == "OPT NXNAME TKEY TSIG IXFR AXFR MAILB MAILA ANY".split()
