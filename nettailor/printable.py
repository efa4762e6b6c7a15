"""Text that others wrote (names, labels, notes, reasons), made safe to show: it moves no cursor and forges no line."""

import re

# Controls of C0 and C1, marks that reorder what is around them, line separators, and what is no character at all.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNDECODABLE = range(0xDC80, 0xDD00)  # how Python keeps bytes of file names that are not UTF-8


def printable(text: str) -> str:
    """The text as one line: what cannot be printed is written as Python would, a newline as ``\\n``."""
    return _UNPRINTABLE.sub(_escape, text)


def printable_lines(text: str) -> str:
    """As `printable`, for text that is meant to have lines: newlines and tabs stay."""
    return _UNPRINTABLE.sub(lambda found: found[0] if found[0] in "\n\t" else _escape(found), text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code & 0xFF:02x}" if code in _UNDECODABLE else found[0].encode("unicode_escape").decode()
