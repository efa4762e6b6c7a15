"""Uploads, good and bad, built in memory by code."""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
import zstandard
from PIL import Image

from benchmarks.exports.packing import Files, hash_seed, tar_of, zip_of

__all__ = [
    "Files",
    "class_folders",
    "encoded",
    "hash_seed",
    "picture",
    "raw_zip",
    "tar_link",
    "tar_of",
    "tar_with",
    "unicode_path",
    "zip_link",
    "zip_of",
    "zst_of",
]


def picture(seed: int, *, side: int = 8, suffix: str = "png") -> bytes:
    """A small image of random pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), suffix)


def encoded(image: Image.Image, suffix: str = "png") -> bytes:
    target = io.BytesIO()
    image.save(target, {"png": "PNG", "jpg": "JPEG", "bmp": "BMP"}[suffix])
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


def raw_zip(members: Sequence[tuple[bytes, bytes]], *, flag: int = 0, extra: bytes = b"", mode: int = 0) -> bytes:
    """A stored zip whose names are these bytes, whatever `zipfile` would make of them."""
    body = directory = b""
    for name, data in members:
        sizes = struct.pack("<HHLLLHH", 0, 0, zlib.crc32(data), len(data), len(data), len(name), len(extra))
        head = struct.pack("<HHH", 20, flag, 0) + sizes
        directory += b"PK\x01\x02" + struct.pack("<H", 0x0314) + head
        directory += struct.pack("<HHHLL", 0, 0, 0, mode << 16, len(body)) + name + extra
        body += b"PK\x03\x04" + head + name + extra + data
    end = struct.pack("<HHHHLLH", 0, 0, len(members), len(members), len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + end


def unicode_path(name: str, *, stands_for: bytes, version: int = 1) -> bytes:
    """Info-ZIP's extra field: the UTF-8 name of a member whose raw name is `stands_for`."""
    data = struct.pack("<BL", version, zlib.crc32(stands_for)) + name.encode()
    return struct.pack("<HH", 0x7075, len(data)) + data
