"""Regular expressions of strangers, matched by RE2: in a time that is bounded by their length times that of the text.

The standard library's engine can take years over a pattern of ten characters. RE2 knows what that one knows, but for
look-around and back-references. Its `\\w` and `\\d` are those of English; here they mean letters and digits of any
script, as in the standard library.
"""

import re
from dataclasses import dataclass
from typing import Any

import re2

from trainer.errors import OptionsInvalid

MOST_CHARACTERS = 200
_PROGRAM_BYTES = 256 * 1024  # of a compiled pattern: what fits takes no longer over a path than an image to be decoded

_PIECE = re.compile(r"\\.|(\[\^?\]?(?:\[:\^?[a-z]+:\]|\\.|[^\]\\])*\])", re.DOTALL)  # an escape, or a set
_ESCAPE = re.compile(r"\\.", re.DOTALL)
_IN_SETS = {r"\w": r"\pL\pN_", r"\d": r"\p{Nd}"}
_ELSEWHERE = {r"\w": r"[\pL\pN_]", r"\W": r"[^\pL\pN_]", r"\d": r"\p{Nd}", r"\D": r"\P{Nd}"}


class PatternInvalid(ValueError):
    """Its text is the reason."""


@dataclass(frozen=True, kw_only=True)
class Match:
    text: str
    # None for a group that took no part
    groups: tuple[str | None, ...]


class Pattern:
    """A compiled pattern. Raises PatternInvalid."""

    def __init__(self, source: str) -> None:
        if len(source) > MOST_CHARACTERS:
            raise PatternInvalid(f"it is longer than {MOST_CHARACTERS} characters")
        try:
            self._compiled: Any = re2.compile(_of_any_script(source), _options())
        except UnicodeEncodeError:
            raise PatternInvalid("it is not UTF-8 text") from None
        except re2.error as fault:
            raise PatternInvalid(_reason(fault)) from None

    def search(self, text: str) -> Match | None:
        """The first match, as `re.search` finds it."""
        found = self._compiled.search(text)
        return None if found is None else Match(text=found.group(), groups=found.groups())


def compiled(option: str, source: str) -> Pattern:
    """The pattern that an option holds. Raises OptionsInvalid."""
    try:
        return Pattern(source)
    except PatternInvalid as fault:
        raise OptionsInvalid(option, f"no regular expression that RE2 knows: {fault}") from None


def _options() -> Any:
    options = re2.Options()
    options.max_mem = _PROGRAM_BYTES
    options.log_errors = False
    return options


def _reason(fault: Exception) -> str:
    [reason] = fault.args
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def _of_any_script(source: str) -> str:
    return _PIECE.sub(
        lambda piece: _ESCAPE.sub(_in_set, piece[0]) if piece[1] else _ELSEWHERE.get(piece[0], piece[0]), source
    )


def _in_set(escape: re.Match[str]) -> str:
    return _IN_SETS.get(escape[0], escape[0])
