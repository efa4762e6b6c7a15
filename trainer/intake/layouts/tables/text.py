"""Bytes of a document to text, in whatever encoding spreadsheets write."""

import codecs

from trainer.intake.upload import DocumentUnreadable

_SAMPLE = 4096
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CONTROLS = frozenset(map(chr, range(32))) - frozenset("\t\n\r\f\x1a")


def decode(data: bytes) -> tuple[str, str]:
    """The text, and the name of its encoding: UTF-8 and UTF-16 with or without a mark, else Windows-1252.

    Raises DocumentUnreadable for what is no text.
    """
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", _guess(data)))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as fault:
        if encoding != "utf-8" or mark:
            raise DocumentUnreadable(f"not {encoding.upper()} text (byte {fault.start})") from None
        text, encoding = _windows(data, fault.start), "cp1252"
    if any(sign in _CONTROLS for sign in text[:_SAMPLE]):
        raise DocumentUnreadable("not text")
    return text, encoding


def _guess(data: bytes) -> str:
    """UTF-16 without a mark has zero bytes at every other place, as long as most letters are Latin."""
    sample = data[: _SAMPLE // 2 * 2]
    halves = len(sample) // 2
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if halves and max(even, odd) > 0.7 * halves and min(even, odd) < 0.1 * halves:
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8"


def _windows(data: bytes, first_fault: int) -> str:
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        raise DocumentUnreadable(f"not UTF-8 text (byte {first_fault})") from None
