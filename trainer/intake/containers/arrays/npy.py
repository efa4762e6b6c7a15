"""NumPy's `.npy`: one array of images. An array of labels beside it is a document."""

from collections.abc import Iterator

from trainer.intake.archives.archive import Member
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.archives.tar import Stream
from trainer.intake.arrays.header import ArrayUnreadable
from trainer.intake.arrays.image_array import image_array
from trainer.intake.arrays.npy import MAGIC, read_npy_header
from trainer.intake.containers.arrays.images import images_of, unreadable
from trainer.intake.findings import Finding
from trainer.intake.upload import Document


class Npy:
    name = "NumPy array"
    seen_from = "NumPy 2.4 (`np.save`), an `.npz` that is uploaded as it is"
    reads = "an array of images as in an `.npz`; that of their labels is another file: `x_train.npy` and `y_train.npy`"
    suffixes = (".npy",)

    def recognise(self, document: Document) -> bool:
        """Also for one of the format that cannot be read, so that `expand` can say so."""
        if document.head(len(MAGIC)) != MAGIC:
            return False
        try:
            return image_array(read_npy_header(document.file())) is not None
        except ArrayUnreadable:
            return True

    def expand(self, document: Document, limits: IntakeLimits) -> Iterator[Member | Finding]:
        try:
            array = image_array(read_npy_header(document.file()))
            if array is None:
                return
            array.check(limits, document.size_bytes)
        except ArrayUnreadable as fault:
            yield unreadable(document.path, fault)
            return
        yield from images_of(document.path, array, lambda: _numbers(document))


def _numbers(document: Document) -> Stream:
    file = document.file()
    read_npy_header(file)
    return file
