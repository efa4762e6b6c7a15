"""NumPy's `.npy` with one image in it. It is not in a folder of the file's name, but takes the file's place."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from trainer.intake.archives.archive import Member
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.arrays.header import ArrayUnreadable
from trainer.intake.arrays.image_array import ImageArray, Scale, image_array
from trainer.intake.arrays.npy import MAGIC, read_npy_header
from trainer.intake.containers.arrays.images import unreadable
from trainer.intake.containers.container import Content
from trainer.intake.findings import Finding
from trainer.intake.upload import Document

_AS_IT_IS = Scale(zero=0, factor=1)


class NpyPicture:
    name = "NumPy picture"
    seen_from = "NumPy 2.4 (`np.save` of one image)"
    reads = "one image of 8-bit numbers, (H, W, 3), (H, W, 4), (H, W, 1) or (3, H, W), as PNG: for class folders"
    suffixes = (".npy",)

    def recognise(self, document: Document) -> bool:
        if document.head(len(MAGIC)) != MAGIC:
            return False
        try:
            return _picture(document) is not None
        except ArrayUnreadable:
            return False

    def expand(self, document: Document, limits: IntakeLimits) -> Iterator[Member | Finding]:
        try:
            picture = _picture(document)
            if picture is None:
                return
            picture.check(limits, document.size_bytes)
            file = document.file()
            read_npy_header(file)
            for data in picture.pngs(file, _AS_IT_IS):
                yield Member(parts=(), size_bytes=len(data), source=Content(name="", data=data))
        except ArrayUnreadable as fault:
            yield unreadable(document.path, fault)


def _picture(document: Document) -> ImageArray | None:
    """As an array of one. How bright other numbers than those of 8 bits are meant, one image alone does not tell; and
    without channels, it may as well be a table. Raises ArrayUnreadable."""
    header = read_npy_header(document.file())
    if len(header.shape) != 3 or header.dtype != np.uint8:
        return None
    return image_array(replace(header, shape=(1, *header.shape)))
