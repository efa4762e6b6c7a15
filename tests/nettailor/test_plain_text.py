import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from nettailor.plain_text import (
    LARGEST_INTEGER,
    MOST_DEPTH,
    PlainText,
    check_json,
    check_number,
    check_size,
    check_text,
    mended,
)

_ANY_TEXT = st.text(st.characters(exclude_categories=()))
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


def _nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("text", ["\ud800", "label \udcff", "a\x00b"])
def test_text_that_a_reader_would_refuse_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="text that holds"):
        check_text(text)
    with pytest.raises(ValidationError):
        TypeAdapter(PlainText).validate_python(text)


@pytest.mark.parametrize("text", ["", "Straße", "日本語", "👩‍🔬", "two\nlines"])
def test_text_of_every_language_is_taken(text: str) -> None:
    assert check_text(text) == text


def test_text_has_a_length() -> None:
    assert check_text("abc", 3) == "abc"
    with pytest.raises(ValueError, match="4 characters, at most 3"):
        check_text("abcd", 3)


@pytest.mark.parametrize("number", [LARGEST_INTEGER + 1, -LARGEST_INTEGER - 2, 10**400, float("nan"), float("inf")])
def test_numbers_that_do_not_fit_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match=r"64 bits|finite"):
        check_number(number)
    with pytest.raises(ValueError, match=r"64 bits|finite"):
        check_json({"recipe": [number]})


def test_the_depth_is_bounded() -> None:
    assert check_json(_nested(MOST_DEPTH))
    with pytest.raises(ValueError, match="nested deeper"):
        check_json(_nested(MOST_DEPTH + 1))


def test_depth_costs_no_recursion() -> None:
    with pytest.raises(ValueError, match="nested deeper"):
        check_json(_nested(100_000))


@pytest.mark.parametrize("value", [{1: "a"}, {"a": b"bytes"}, [{1, 2}]])
def test_what_json_has_not_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"not all text|JSON has not"):
        check_json(value)


def test_a_document_has_a_size() -> None:
    assert check_size(b"1234", 4) == b"1234"
    with pytest.raises(ValueError, match="5 bytes, at most 4"):
        check_size(b"12345", 4)


@given(_VALUES)
def test_whatever_is_taken_is_read_again_by_every_parser(value: Any) -> None:
    try:
        check_json(value)
    except ValueError:
        return
    written = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    assert json.loads(written) == value
    assert TypeAdapter(Any).validate_json(written) == value


@given(_VALUES)
def test_what_is_mended_may_be_written_down(value: Any) -> None:
    json.dumps(mended(value), ensure_ascii=False, allow_nan=False).encode()


def test_mending_shows_what_was_there() -> None:
    assert mended({"file": ("a\udcff.png", "ü.png")}) == {"file": ["a\\udcff.png", "ü.png"]}
    assert mended({"loss": math.nan, "losses": [1.5, -math.inf]}) == {"loss": None, "losses": [1.5, None]}
