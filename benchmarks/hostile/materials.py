"""What ordinary requests are made of: images, archives, bundles, documents; small, and equal for equal seeds."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from benchmarks.soak.oracle import pictures
from benchmarks.workloads.mini26 import random_bundle, smallest_plan

_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
_CLASSES = ("cat", "dog")
_EACH = 3  # images a class and split


@dataclass(frozen=True, kw_only=True)
class Materials:
    """Files that the service takes as they are."""

    images: tuple[bytes, ...]
    archives: tuple[bytes, ...]
    bundles: tuple[bytes, ...]


def materials(prey: str, fingerprint: str) -> Materials:
    """Bundles are for the task `prey`."""
    images = tuple(_image(number, kind) for number, kind in enumerate(_FORMATS)) + tuple(pictures(2))
    return Materials(
        images=images,
        archives=(
            _zip(zipfile.ZIP_STORED),
            _zip(zipfile.ZIP_DEFLATED),
            _tar("w"),
            _tar("w:gz"),
            _tar("w:xz"),
            _table(),
        ),
        bundles=tuple(random_bundle(prey, seed, plan=smallest_plan(), fingerprint=fingerprint) for seed in range(4)),
    )


def _image(seed: int, kind: str) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 24, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def _members() -> list[tuple[str, bytes]]:
    names = [(split, label, n) for split in ("train", "val", "test") for label in _CLASSES for n in range(_EACH)]
    return [(f"{split}/{label}/{n}.png", _image(seed, "PNG")) for seed, (split, label, n) in enumerate(names)]


def _zip(compression: int, extra: Callable[[zipfile.ZipFile], None] = lambda archive: None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in _members():
            archive.writestr(zipfile.ZipInfo(name), data)
        extra(archive)
    return buffer.getvalue()


def _table() -> bytes:
    rows = "\n".join(f"{name},{name.split('/')[1]}" for name, _ in _members())
    return _zip(
        zipfile.ZIP_DEFLATED, lambda archive: archive.writestr(zipfile.ZipInfo("labels.csv"), f"f,label\n{rows}")
    )


def _tar(mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]  # the mode is a variable
        for name, data in _members():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()
