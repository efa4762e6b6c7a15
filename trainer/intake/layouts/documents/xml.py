"""XML: neither document types nor entities, and a most of everything.

Memory is that of one child of the root at a time, and time grows with the document's size only.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from xml.parsers import expat

from trainer.intake.upload import Document, DocumentUnreadable

_CHUNK_BYTES = 1 << 16
_TAG_BYTES = 1 << 20  # expat scans an unfinished tag again with every chunk
_DEPTH = 32
_ELEMENTS = 100_000  # in one child of the root: the image with the most boxes has far fewer
_TEXT = 1 << 16  # characters of one element's text that are kept


@dataclass(kw_only=True)
class Element:
    """``text`` is what stands directly in it."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def all(self, name: str) -> list["Element"]:
        return [child for child in self.children if child.name == name]

    def text_of(self, *names: str) -> str:
        """The text at the end of a path of names; "" where there is none."""
        found = [self]
        for name in names:
            found = found[0].all(name)
            if not found:
                return ""
        return found[0].text.strip()


def read_xml(document: Document, root: str) -> Iterator[Element]:
    """The children of the root, one at a time. Raises DocumentUnreadable, also for a root of another name."""
    tree = _Tree(root)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = tree.refuse_document_type
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.add_text
    file, read_bytes = document.file(), 0
    for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
        read_bytes += len(chunk)
        _parse(parser.Parse, chunk, is_final=False)
        if read_bytes - parser.CurrentByteIndex > _TAG_BYTES:
            raise DocumentUnreadable(f"a tag of more than {_TAG_BYTES} bytes")
        yield from tree.finished()
    _parse(parser.Parse, b"", is_final=True)
    yield from tree.finished()


def _parse(parse: Callable[[bytes, bool], int], data: bytes, *, is_final: bool) -> None:
    try:
        parse(data, is_final)
    except (expat.ExpatError, LookupError, ValueError) as fault:  # of an encoding that Python does not know, too
        raise DocumentUnreadable(f"not XML ({fault})") from None


class _Tree:
    """Puts elements together as the parser meets them."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._open: list[Element] = []
        self._texts: list[StringIO] = []  # of those that are open: it may come in very many pieces
        self._finished: list[Element] = []
        self._count = 0

    def finished(self) -> list[Element]:
        result, self._finished = self._finished, []
        return result

    def refuse_document_type(self, *_declaration: object) -> None:
        raise DocumentUnreadable("it declares a document type, which may hold entities")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open and name != self._root:
            raise DocumentUnreadable(f"its root is {name[:50]!r}, not {self._root!r}")
        self._count = self._count + 1 if len(self._open) > 1 else 0
        if len(self._open) >= _DEPTH or self._count > _ELEMENTS:
            raise DocumentUnreadable(f"deeper than {_DEPTH} elements, or more than {_ELEMENTS} in one")
        self._open.append(Element(name=name, attributes=attributes))
        self._texts.append(StringIO())

    def end(self, _name: str) -> None:
        element = self._open.pop()
        element.text = self._texts.pop().getvalue()
        if len(self._open) == 1:
            self._finished.append(element)
        elif self._open:
            self._open[-1].children.append(element)

    def add_text(self, text: str) -> None:
        if len(self._open) > 1 and self._texts[-1].tell() < _TEXT:
            self._texts[-1].write(text)
