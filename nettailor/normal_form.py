"""Text in Unicode's composed form (NFC), so that what looks equal is equal, in a time that grows with its length only.

The standard library sorts the marks on a letter in a time that grows with the square of their number.
"""

import unicodedata

_PIECE = 64  # characters; a letter with more marks than that is nobody's


def nfc(text: str) -> str:
    """The composed form of a text. Marks are composed and sorted within pieces if there are too many of them."""
    if len(text) <= _PIECE or text.isascii():
        return unicodedata.normalize("NFC", text)
    pieces, start = [], 0
    while start < len(text):
        end = _cut(text, start + _PIECE)
        pieces.append(unicodedata.normalize("NFC", text[start:end]))
        start = end
    return "".join(pieces)


def _cut(text: str, at: int) -> int:
    """Where the first character from ``at`` on stands that is no part of what is before it."""
    near = range(at, min(at + _PIECE, len(text)))
    return next((place for place in near if _begins(text[place])), min(at + _PIECE, len(text)))


def _begins(sign: str) -> bool:
    """Whether nothing before it is composed with it: it is neither a mark nor the second or third letter of Hangul."""
    return sign.isascii() or not (unicodedata.category(sign)[0] == "M" or "\u1160" <= sign <= "\u11ff")
