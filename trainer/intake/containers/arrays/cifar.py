"""The binary files of CIFAR-10 and CIFAR-100: a record an image, which begins with its label or labels."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trainer.intake.archives.archive import Member
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.arrays.image_array import image_name, png
from trainer.intake.containers.container import Content
from trainer.intake.containers.label_table import LabelTable
from trainer.intake.findings import Finding
from trainer.intake.placement import Split
from trainer.intake.upload import Document

_SIDE = 32
_PIXEL_BYTES = 3 * _SIDE * _SIDE
_SAMPLE = 8  # records whose labels are checked
_NAME = re.compile(r"^(data_batch_\d+|test_batch|train|test)\.bin$")


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """``classes`` are the numbers of classes, one a label; the last label is the finest."""

    classes: tuple[int, ...]

    @property
    def record_bytes(self) -> int:
        return len(self.classes) + _PIXEL_BYTES


_KINDS = (_Kind(classes=(10,)), _Kind(classes=(20, 100)))


class Cifar:
    name = "CIFAR binary"
    seen_from = "CIFAR-10 and CIFAR-100, binary version (`data_batch_1.bin`, `batches.meta.txt`)"
    reads = "the images as PNG, and their labels (of CIFAR-100 the fine ones); `test` in the file's name is the split"
    suffixes = (".bin",)

    def recognise(self, document: Document) -> bool:
        return _kind(document) is not None

    def expand(self, document: Document, limits: IntakeLimits) -> Iterator[Member | Finding]:
        kind, table = _kind(document), LabelTable(document)
        assert kind is not None
        split: Split = "test" if document.name.startswith("test") else "train"
        file = document.file()
        for number in range(document.size_bytes // kind.record_bytes):
            record = np.frombuffer(file.read(kind.record_bytes), np.uint8)
            pixels = record[-_PIXEL_BYTES:].reshape(3, _SIDE, _SIDE)
            name, data = image_name(number), png(np.moveaxis(pixels, 0, -1))
            table.add(name, {"label": int(record[len(kind.classes) - 1]), "split": split})
            yield Member(parts=(name,), size_bytes=len(data), source=Content(name=name, data=data))
        yield table.member()
        if len(kind.classes) > 1:
            text = f"{document.path}: the fine labels are read, the coarse ones are not."
            yield Finding(weight="note", text=text, files=(document.path,))


def _kind(document: Document) -> _Kind | None:
    if not _NAME.match(document.name) or not document.size_bytes:
        return None
    return next((kind for kind in _KINDS if _fits(document, kind)), None)


def _fits(document: Document, kind: _Kind) -> bool:
    if document.size_bytes % kind.record_bytes:
        return False
    start = document.head(_SAMPLE * kind.record_bytes)
    return all(
        label < most
        for at in range(0, len(start), kind.record_bytes)
        for label, most in zip(start[at:], kind.classes, strict=False)
    )
