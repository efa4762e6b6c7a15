"""What may be written down, because everything that reads it later can take it: text, numbers, JSON documents.

Readers are Python, pydantic, Lua within Redis and clients in any language. Each of them refuses something that Python
itself would write: half a surrogate pair, NUL, infinity, an integer past 64 bits, a thousand lists in each other.
Whatever a stranger sends is checked here before it is kept; what was kept by older releases is still read.
"""

import math
import re
from typing import Annotated, Any

from pydantic import AfterValidator

MOST_DEPTH = 32  # of lists and maps in each other; the least patient reader, pydantic's parser, gives up at 200
MOST_BYTES = 16 << 20  # of one document as JSON
LARGEST_INTEGER = 2**63 - 1

_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")
_SHOWN_CHARACTERS = 40


def check_text(text: str, most_characters: int | None = None) -> str:
    """The text itself. Raises `ValueError` if it is too long, holds NUL, or half a character (a lone surrogate)."""
    if most_characters is not None and len(text) > most_characters:
        raise ValueError(f"text of {len(text)} characters, at most {most_characters} are allowed")
    if found := _UNWRITABLE.search(text):
        what = "NUL" if found[0] == "\x00" else "half a character, which is no valid Unicode"
        raise ValueError(f"text that holds {what}: {text[:_SHOWN_CHARACTERS]!a}")
    return text


def is_text(text: str) -> bool:
    """Whether `check_text` takes the text, whatever its length."""
    return not _UNWRITABLE.search(text)


def check_number(number: int | float) -> int | float:
    """The number itself. Raises `ValueError` if it is not finite, or an integer that 64 bits cannot hold."""
    if isinstance(number, int):
        if not -LARGEST_INTEGER - 1 <= number <= LARGEST_INTEGER:
            raise ValueError("an integer that does not fit into 64 bits")
    elif not math.isfinite(number):
        raise ValueError(f"{number} is no finite number")
    return number


def check_json(value: Any, *, most_depth: int = MOST_DEPTH) -> Any:
    """The value itself, made of maps, lists, tuples, text, numbers, booleans and None.

    Raises `ValueError` if anything in it may not be written down, or if it is nested deeper than `most_depth`. Takes
    time in proportion to the value, and no recursion.
    """
    pending: list[tuple[Any, int]] = [(value, 0)]
    while pending:
        item, depth = pending.pop()
        match item:
            case str():
                check_text(item)
            case None | bool():
                pass
            case int() | float():
                check_number(item)
            case dict() | list() | tuple():
                if depth == most_depth:
                    raise ValueError(f"nested deeper than {most_depth} lists and maps in each other")
                pending += [(member, depth + 1) for member in _members(item)]
            case _:
                raise ValueError(f"a {type(item).__name__}, which JSON has not")
    return value


def check_size(document: bytes, most_bytes: int = MOST_BYTES) -> bytes:
    """The document itself. Raises `ValueError` if it is too large."""
    if len(document) > most_bytes:
        raise ValueError(f"a document of {len(document)} bytes, at most {most_bytes} are allowed")
    return document


def mended(value: Any) -> Any:
    """A JSON value that may be written down: such text is shown as Python would write it, ``\\ud800``, and numbers that
    are not finite become None.

    This is for what nobody can be asked to correct: names of files in a report, messages of exceptions, a loss that ran
    away. The value is one of ours, and as deep as we made it.
    """
    match value:
        case str():
            if value.isprintable():  # as nearly all are; every refusal looks at a dozen of them
                return value
            return _UNWRITABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), value)
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {mended(key): mended(member) for key, member in value.items()}
        case list() | tuple():
            return [mended(member) for member in value]
        case _:
            return value


def _members(item: dict[Any, Any] | list[Any] | tuple[Any, ...]) -> list[Any]:
    if not isinstance(item, dict):
        return list(item)
    if not all(isinstance(key, str) for key in item):
        raise ValueError("a map whose keys are not all text")
    return [*item.keys(), *item.values()]


PlainText = Annotated[str, AfterValidator(check_text)]  # a field of a pydantic model, or a parameter of a route
