"""Settings of a recipe as rows of a table: names without underscores, values without Python's signs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Row = tuple[str, ...]


def settings_in_words(settings: Mapping[str, Any], before: str = "") -> Iterator[Row]:
    """A row for each setting, by name; settings within settings are rows of their own. What is not set is left out."""
    for key, value in sorted(settings.items()):
        name = f"{before}{key.replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from settings_in_words(value, f"{name}: ")
        elif text := _in_words(value):
            yield name, text


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_in_words(each) for each in value)
    return "" if value is None else str(value)
