"""Images with labels out of whatever a tailoring takes: class folders, archives, tables of labels and the others."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import BinaryIO

from cli.errors import NoImages, NotADataset, NotItsClasses
from cli.inspection.look import understood
from cli.service.packing import packed
from trainer.errors import DatasetTooSmall
from trainer.intake.placement import Split
from trainer.intake.scanning.scan import Skipped
from trainer.intake.understand import Understanding


@dataclass(frozen=True, kw_only=True)
class LabelledImage:
    """`name` is what the image is called in the data."""

    name: str
    label: str


@dataclass(frozen=True, kw_only=True)
class LabelledFolder:
    """A folder of nothing but images; `images` has each by its file's name. `split` is that of the data which they are,
    None where they are all there is."""

    folder: Path
    images: Mapping[str, LabelledImage]
    split: Split | None
    left_out: Sequence[Skipped]


@contextmanager
def labelled_images(data: Path, classes: Sequence[str]) -> Iterator[LabelledFolder]:
    """The images that the data's own test split has, its validation split where it has no other, and else all of them.
    The folder is removed afterwards.

    Raises `NoImages`, `NotADataset`, `NotItsClasses`, `TooLargeHere`, `SettingsUnusable`.
    """
    with packed(data) as archive, TemporaryDirectory(prefix="nettailor-images-") as scratch, TemporaryFile() as spool:
        found = understood(data, archive, spool)
        if found.fault is not None and not isinstance(found.fault, DatasetTooSmall):
            raise NotADataset(data, str(found.fault))
        labels = {digest: name for name, images in found.labels.items() for digest in images}
        if not labels:
            raise NoImages(data, len(found.skipped))
        if unknown := sorted(set(labels.values()) - set(classes)):
            raise NotItsClasses(data, unknown, classes)
        split = _its_split(found)
        chosen = [digest for name, images in found.labels.items() for digest in images if images[digest] == split]
        yield LabelledFolder(
            folder=Path(scratch),
            images={
                _written(found, digest, spool, Path(scratch, f"{number}.png")): LabelledImage(
                    name="/".join(found.paths[digest]), label=labels[digest]
                )
                for number, digest in enumerate(labels if split is None else chosen)
            },
            split=split,
            left_out=found.skipped,
        )


def _its_split(found: Understanding) -> Split | None:
    given = {split for images in found.labels.values() for split in images.values()}
    wanted: tuple[Split, ...] = ("test", "val")
    return next((split for split in wanted if split in given), None)


def _written(found: Understanding, digest: str, spool: BinaryIO, target: Path) -> str:
    """The file's name, which ends as a PNG's whatever it is: the service goes by the bytes."""
    image = found.scan.spooled[digest]
    spool.seek(image.offset)
    target.write_bytes(spool.read(image.size_bytes))
    return target.name
