"""What must not be shown: secrets of the environment, and whatever looks like one, are struck out of a text."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

STRUCK = "***"
_SHORTEST = 6  # shorter values would strike out parts of ordinary words
_SECRET_NAME = re.compile(r"(secret|token|passw|credential|api_?key|access_?key|(^|_)key$)", re.IGNORECASE)
_IN_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^\s/@:]*):(?P<password>[^\s/@]+)@", re.IGNORECASE)
_SHAPES = (
    (re.compile(r"\bntk_[A-Za-z0-9_-]{8,}"), f"ntk_{STRUCK}"),  # secrets of keys
    (_IN_URL, rf"\g<scheme>{STRUCK}@"),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {STRUCK}"),
    (
        re.compile(r"(?P<name>\b\w*(?:secret|token|passw(?:or)?d|api_?key)\w*\W{0,3}[=:]\s*[\"']?)[^\s\"',;]+", re.I),
        rf"\g<name>{STRUCK}",
    ),
)


class Redactor:
    """Made of an environment: its secrets are the values of names that say so, passwords in URLs, and such members of
    values that are JSON (`FSSPEC_S3`)."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        found = {secret for name, value in environment.items() for secret in _secrets(name, value)}
        longest_first = sorted((secret for secret in found if len(secret) >= _SHORTEST), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(STRUCK, text)
        return without_secrets(text)


def without_secrets(text: str) -> str:
    """A text without what looks like a secret."""
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return text


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
