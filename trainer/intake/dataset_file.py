"""The frozen dataset: one canonical zip, so that equal images under equal names are equal bytes.

Members, sorted: ``dataset.json`` and ``{train|val|test}/{class index, 5 digits}/{sha256 of the bytes}.{suffix}``,
stored uncompressed with the timestamps of 1980, holding the original bytes of every image. ``dataset.json`` has
``format``, ``classes`` and, where images belong together, ``groups``: lists of their digests.
"""

import hashlib
import json
import zipfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from trainer.intake.placement import Split

FORMAT = "nettailor-dataset/1"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


@dataclass(frozen=True, kw_only=True)
class FrozenImage:
    """One image of the dataset: its place, and its bytes as a range of the spool."""

    split: Split
    label: int
    digest: str
    suffix: str
    offset: int
    size_bytes: int

    @property
    def path(self) -> str:
        return f"{self.split}/{self.label:05d}/{self.digest}.{self.suffix}"


def write_dataset(
    target: Path,
    classes: Sequence[str],
    images: Iterable[FrozenImage],
    spool: BinaryIO,
    *,
    groups: Iterable[Collection[str]] = (),
) -> str:
    """Write the canonical zip and return its digest ("sha256:..."). ``spool`` holds the images' bytes; ``groups`` has
    the digests of images that belong together."""
    header: dict[str, object] = {"format": FORMAT, "classes": list(classes)}
    if together := sorted(sorted(group) for group in groups):
        header["groups"] = together
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":"))
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(_entry("dataset.json"), text.encode())
        for image in sorted(images, key=lambda image: image.path):
            spool.seek(image.offset)
            archive.writestr(_entry(image.path), spool.read(image.size_bytes))
    with target.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    entry.compress_type = zipfile.ZIP_STORED
    entry.create_system = _UNIX
    entry.external_attr = 0o644 << 16
    return entry
