"""NumPy's `.npz`: several arrays, such as x_train, y_train, x_test and y_test. Those that are no images stay arrays,
beside the folders of those that are: `trainer.intake.layouts.arrays` knows which labels belong to which images."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trainer.intake.archives import zip
from trainer.intake.archives.archive import Member
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.archives.paths import Parts, safe_parts
from trainer.intake.archives.tar import Stream
from trainer.intake.arrays.header import ArrayHeader, ArrayUnreadable
from trainer.intake.arrays.image_array import Extent, ImageArray, image_array
from trainer.intake.arrays.npy import read_npy_header
from trainer.intake.arrays.streams import ChunkStream
from trainer.intake.containers.arrays.images import images_of, unreadable
from trainer.intake.findings import Finding, shorten
from trainer.intake.upload import Document


class Npz:
    name = "NumPy archive"
    seen_from = "`mnist.npz` of Keras, MedMNIST, KMNIST, NumPy 2.4 (`np.savez`)"
    reads = (
        "arrays of images, (N, H, W), (N, H, W, C) or (N, C, H, W), of 8-bit numbers or fractions from 0 to 1, as PNG; "
        "arrays of labels whose names belong to theirs: `x_train` and `y_train`, `train_images` and `train_labels`"
    )
    suffixes = (".npz",)

    def recognise(self, document: Document) -> bool:
        return document.head(2) == b"PK"

    def expand(self, document: Document, limits: IntakeLimits) -> Iterator[Member | Finding]:
        arrays = []
        for member in zip.members(document.file(), limits):
            if not member.name.endswith(".npy"):
                continue
            try:
                arrays.append(_array(member, limits))
            except ArrayUnreadable as fault:
                yield unreadable(f"{document.path}, {member.name}", fault)
        if all(array.images is None for array in arrays):
            text = (
                f"{document.path} holds no array of images: {', '.join(shorten(list(map(str, arrays)))) or 'nothing'}."
            )
            yield Finding(weight="warning", text=text, files=(document.path,))
            return
        try:
            extents = _extents(arrays)
        except ArrayUnreadable as fault:
            yield unreadable(document.path, fault)
            return
        for array in arrays:
            if array.images is None:
                yield Member(parts=array.parts, size_bytes=array.member.size_bytes, source=array.member)
            else:
                extent = extents[array.header.dtype.str]
                yield from images_of(document.path, array.images, array.numbers, extent=extent, folder=array.folder)


@dataclass(frozen=True, kw_only=True)
class _Array:
    member: zip.ZipMember
    parts: Parts
    header: ArrayHeader
    images: ImageArray | None

    def __str__(self) -> str:
        return f"{self.folder[-1]} of shape {self.header.shape}"

    @property
    def folder(self) -> Parts:
        return (*self.parts[:-1], self.parts[-1].removesuffix(".npy"))

    def numbers(self) -> Stream:
        stream = ChunkStream(self.member.chunks())
        read_npy_header(stream)
        return stream


def _extents(arrays: Iterable[_Array]) -> dict[str, Extent]:
    """By the kind of numbers: images to train on and to test on are scaled alike. Raises ArrayUnreadable."""
    found: dict[str, Extent] = {}
    for array in arrays:
        if array.images is not None:
            kind, extent = array.header.dtype.str, array.images.extent(array.numbers())
            found[kind] = found[kind] | extent if kind in found else extent
    return found


def _array(member: zip.ZipMember, limits: IntakeLimits) -> _Array:
    """Raises ArrayUnreadable, ArchiveInvalid."""
    header = read_npy_header(ChunkStream(member.chunks()))
    images = image_array(header)
    if images is not None:
        images.check(limits, member.size_bytes)
    return _Array(member=member, parts=safe_parts(member.name, limits), header=header, images=images)
