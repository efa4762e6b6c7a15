"""Columns of words and numbers, which may be labels."""

from typing import Any


def is_plain(kind: Any, types: Any) -> bool:
    """``kind`` is a type of pyarrow, ``types`` are its questions about them."""
    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_string_view(kind)
        or types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
    )
