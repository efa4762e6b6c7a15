"""Uploads, good and bad, built in memory by code."""

import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping

import numpy as np
import zstandard
from PIL import Image

Files = Mapping[str, bytes]


def picture(seed: int, *, side: int = 8, suffix: str = "png") -> bytes:
    """A small image of random pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, {"png": "PNG", "jpg": "JPEG", "bmp": "BMP"}[suffix])
    return target.getvalue()


def class_folders(
    classes: Iterable[str] = ("cats", "dogs"), *, each: int = 10, prefix: str = "", seed: int = 0
) -> dict[str, bytes]:
    """`prefix` + class/number.png -> bytes, every image different."""
    return {
        f"{prefix}{name}/{number}.png": picture(hash_seed(seed, name, number))
        for name in classes
        for number in range(each)
    }


def hash_seed(*parts: object) -> int:
    return zlib.crc32(repr(parts).encode())


def zip_of(files: Files, *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A name that ends in a slash is a folder, here and in `tar_of`."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def tar_of(files: Files, *, mode: str = "w:gz", form: int = tarfile.PAX_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode, format=form) as archive:  # type: ignore[call-overload]  # mode is data here
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            archive.addfile(entry, io.BytesIO(data))
    return target.getvalue()


def zst_of(files: Files) -> bytes:
    """A tar.zst with a checksum."""
    return zstandard.ZstdCompressor(write_checksum=True).compress(tar_of(files, mode="w"))


def tar_with(entry: tarfile.TarInfo, *, mode: str = "w") -> bytes:
    """An archive of good class folders and one odd member."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as archive:  # type: ignore[call-overload]  # mode is data here
        for name, data in class_folders().items():
            good = tarfile.TarInfo(name)
            good.size = len(data)
            archive.addfile(good, io.BytesIO(data))
        archive.addfile(entry)
    return target.getvalue()


def tar_link(name: str, target: str, *, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type = kind
    entry.linkname = target
    return entry


def zip_link(name: str, target: str) -> bytes:
    content = io.BytesIO(zip_of(class_folders()))
    with zipfile.ZipFile(content, "a") as archive:
        entry = zipfile.ZipInfo(name)
        entry.create_system = 3
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, target)
    return content.getvalue()
