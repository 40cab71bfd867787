"""Which names are the same (Modern IRC, CASEMAPPING parameter)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirespeak.irc.casemapping import CASEMAPPINGS, ascii_fold, rfc1459_fold


def test_ascii_folds_the_letters_of_ascii_alone() -> None:
    assert ascii_fold("#Ann[]\\^{}|~") == "#ann[]\\^{}|~"
    assert ascii_fold("#CAF\u00c9") == "#caf\u00c9"


def test_a_letter_that_unicode_would_fold_into_ascii_stays() -> None:
    """U+212A, the sign of kelvin, is no k: else one name could be taken for another."""
    assert ascii_fold("\u212aing") == "\u212aing"


def test_rfc1459_has_four_letters_more() -> None:
    assert rfc1459_fold("Ann[]\\^") == "ann{}|~"
    assert CASEMAPPINGS["rfc1459-strict"]("Ann[]\\^") == "ann{}|^"


@pytest.mark.parametrize("name", CASEMAPPINGS)
@given(text=st.text())
def test_what_is_folded_stays_as_it_is(name: str, text: str) -> None:
    fold = CASEMAPPINGS[name]
    assert fold(fold(text)) == fold(text)
    assert len(fold(text)) == len(text)
