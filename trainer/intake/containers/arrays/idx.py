"""IDX files, the format of MNIST, compressed or not: one array of images. That of their labels is a document."""

from collections.abc import Iterator

from trainer.errors import ArchiveInvalid
from trainer.intake.archives.archive import Member
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.archives.tar import Gunzip, Stream
from trainer.intake.arrays.header import ArrayUnreadable
from trainer.intake.arrays.idx import SUFFIXES, read_idx_header
from trainer.intake.arrays.image_array import ImageArray, image_array
from trainer.intake.containers.arrays.images import images_of, unreadable
from trainer.intake.findings import Finding
from trainer.intake.upload import Document


class Idx:
    name = "IDX file"
    seen_from = "MNIST, Fashion-MNIST, EMNIST (`train-images-idx3-ubyte.gz`, `train-images.idx3-ubyte`)"
    reads = "an array of images; that of their labels is another file: `train-labels-idx1-ubyte.gz`. `t10k` is test"
    suffixes = SUFFIXES

    def recognise(self, document: Document) -> bool:
        try:
            return _array(document, IntakeLimits()) is not None
        except (ArrayUnreadable, ArchiveInvalid):
            return False

    def expand(self, document: Document, limits: IntakeLimits) -> Iterator[Member | Finding]:
        try:
            array = _array(document, limits)
            if array is None:
                return
            packed = document.head(2) == b"\x1f\x8b"
            array.check(limits, limits.unpacked_bytes if packed else document.size_bytes)
        except ArrayUnreadable as fault:
            yield unreadable(document.path, fault)
            return
        yield from images_of(document.path, array, lambda: _numbers(document, limits))


def _array(document: Document, limits: IntakeLimits) -> ImageArray | None:
    """Raises ArrayUnreadable, ArchiveInvalid."""
    return image_array(read_idx_header(_stream(document, limits)))


def _numbers(document: Document, limits: IntakeLimits) -> Stream:
    stream = _stream(document, limits)
    read_idx_header(stream)
    return stream


def _stream(document: Document, limits: IntakeLimits) -> Stream:
    file = document.file()
    return Gunzip(file, limits) if document.head(2) == b"\x1f\x8b" else file
