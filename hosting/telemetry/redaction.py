"""What must not be shown: secrets of the environment, and whatever looks like one, are struck out of a text."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

STRUCK = "***"
_SHORTEST = 6  # shorter values would strike out parts of ordinary words
_SECRET_NAME = re.compile(r"(secret|token|passw|credential|api_?key|access_?key|(^|_)key$)", re.IGNORECASE)
_IN_URL = re.compile(r"://(?P<user>[^\s/@:]*):(?P<password>[^\s/@]+)@")

# Whoever sends a request chooses what is logged of it. So no pattern may look at the same text again and again: each
# begins at a mark that its own repetitions cannot contain, and `++` gives back nothing.
_SHAPES = (
    (re.compile(r"\bntk_[A-Za-z0-9_-]{8,}+"), f"ntk_{STRUCK}"),  # secrets of keys
    (re.compile(r"\bntl_[\w.@+%-]{8,}+"), f"ntl_{STRUCK}"),  # tokens of links
    (_IN_URL, f"://{STRUCK}@"),
    (re.compile(r"\b(Bearer|Basic)\s++[\w.~+/=-]{6,}+", re.IGNORECASE), rf"\1 {STRUCK}"),
)
_NAMED = re.compile(r"\b(?P<name>\w++)\W{0,3}[=:]\s*+[\"']?")  # `password = "`, and every other name with a value
_NAME_OF_SECRET = re.compile(r"secret|token|passw(?:or)?d|api_?key", re.IGNORECASE)
_VALUE = re.compile(r"[^\s\"',;]++")

_LONGEST_SECRET = 4096  # characters


class Redactor:
    """Made of an environment: its secrets are the values of names that say so, passwords in URLs, and such members of
    values that are JSON (`FSSPEC_S3`)."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        found = {secret for name, value in environment.items() for secret in _secrets(name, value)}
        longest_first = sorted((secret for secret in found if len(secret) >= _SHORTEST), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str, *, longest: int | None = None) -> str:
        """A text without secrets, cut as `without_secrets` cuts it."""
        return _cut(text, longest, self._struck)

    def _struck(self, text: str) -> str:
        return _struck(text if self._known is None else self._known.sub(STRUCK, text))


def without_secrets(text: str, *, longest: int | None = None) -> str:
    """A text without what looks like a secret. What is longer than `longest` characters is cut, and says so."""
    return _cut(text, longest, _struck)


def _cut(text: str, longest: int | None, strike: Callable[[str], str]) -> str:
    """Half a secret does not look like one. So some more than what is shown is looked at, and if the text goes on even
    after that, the end of what was looked at is left out: there a secret may have been cut in two."""
    if longest is None or len(text) <= longest:
        return strike(text)
    looked_at = strike(text[: longest + _LONGEST_SECRET])
    if len(text) > longest + _LONGEST_SECRET:
        looked_at = looked_at[:-_LONGEST_SECRET]
    return f"{looked_at[:longest]}... ({len(text)} characters)"


def _struck(text: str) -> str:
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return _without_named(text)


def _without_named(text: str) -> str:
    """A text without the values of names that say that they are secret."""
    kept, done = [], 0
    for named in _NAMED.finditer(text):
        if named.start() >= done and _NAME_OF_SECRET.search(named["name"]):
            value = _VALUE.match(text, named.end())
            if value is not None:
                kept += [text[done : value.start()], STRUCK]
                done = value.end()
    return "".join([*kept, text[done:]])


def _secrets(name: str, value: str) -> Iterator[str]:
    if _SECRET_NAME.search(name):
        yield value
    for found in _IN_URL.finditer(value):
        yield from {found["password"], unquote(found["password"])}
    if value.startswith("{"):
        try:
            yield from _of_members(json.loads(value))
        except ValueError:
            return  # not JSON after all


def _of_members(value: Any) -> Iterator[str]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        if isinstance(member, str) and _SECRET_NAME.search(str(name)):
            yield member
        else:
            yield from _of_members(member)
