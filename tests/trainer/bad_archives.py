"""Uploads that are refused, by kind, each with its error."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import zstandard

from tests.trainer import archives
from trainer import errors


@dataclass(frozen=True, eq=False)
class Bad:
    make: Callable[[], bytes]
    error: type[errors.UploadInvalid]
    message: str  # a pattern

    @cached_property
    def data(self) -> bytes:
        """Made when it is asked for: all of them take half a second, and every process of a run imports this."""
        return self.make()


@cache
def _good() -> archives.Files:
    return archives.class_folders()


def _many() -> archives.Files:
    return archives.class_folders(each=200)


def _flagged(name: str, flag: int) -> bytes:
    """A zip whose one entry has a flag bit set in its directory."""
    data = bytearray(archives.zip_of({name: b"x"}))
    at = data.rfind(b"PK\x01\x02")
    data[at + 8] |= flag
    return bytes(data)


def _packed_with(method: int) -> bytes:
    """A zip whose one entry is said to be packed with a method."""
    data = bytearray(archives.zip_of({"cats/0.png": b"x"}, compression=zipfile.ZIP_STORED))
    data[data.rfind(b"PK\x01\x02") + 10] = method
    return bytes(data)


def _device() -> bytes:
    entry = tarfile.TarInfo("cats/null.png")
    entry.type = tarfile.CHRTYPE
    return archives.tar_with(entry)


def _oversized_header() -> bytes:
    entry = tarfile.TarInfo("cats/x.png")
    entry.pax_headers = {"comment": "x" * 200_000}
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(entry)
    return target.getvalue()


def _spoilt(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(byte ^ 0xFF for byte in data[middle : middle + 40]) + data[middle + 40 :]


def _windowed() -> bytes:
    """A frame that asks its reader for two gigabytes of memory."""
    parameters = zstandard.ZstdCompressionParameters(window_log=31, enable_ldm=False)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return compressor.compress(archives.tar_of(_good(), mode="w")) + compressor.flush()


def _sparse() -> bytes:
    entry = tarfile.TarInfo("cats/x.png")
    entry.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9999999999"}
    return archives.tar_with(entry)


BAD = {
    "empty": Bad(lambda: b"", errors.UploadEmpty, "empty"),
    "text": Bad(lambda: b"hello, this is no archive" * 100, errors.NotAnArchive, "not a zip"),
    "an image": Bad(lambda: archives.picture(0), errors.NotAnArchive, r"\(PNG image, it .*\): pack all images"),
    "an image that is not read": Bad(lambda: b"\xff\x0a" + bytes(600), errors.NotAnArchive, r"\(JPEG XL image, "),
    "HDF5": Bad(
        lambda: b"\x89HDF\r\n\x1a\n" + bytes(600), errors.NotAnArchive, r"\(HDF5, it starts .*\): read it with h5py"
    ),
    "gzip of text": Bad(lambda: gzip.compress(b"hello" * 1000), errors.NotAnArchive, "not a zip"),
    "no files": Bad(lambda: archives.zip_of({}), errors.ArchiveInvalid, "no file"),
    "zip cut off": Bad(lambda: archives.zip_of(_good())[:-100], errors.ArchiveDamaged, "cut off"),
    "tar cut off": Bad(lambda: archives.tar_of(_good(), mode="w")[:3000], errors.ArchiveDamaged, "ends too early"),
    "gzip cut off": Bad(lambda: archives.tar_of(_good())[:-2000], errors.ArchiveDamaged, "gzip stream"),
    "zip traversal": Bad(
        lambda: archives.zip_of({**_good(), "../evil.png": b"x"}), errors.ArchivePathUnsafe, r"\.\./evil\.png"
    ),
    "tar traversal": Bad(
        lambda: archives.tar_of({**_good(), "a/../../evil.png": b"x"}), errors.ArchivePathUnsafe, "evil.png"
    ),
    "backslash traversal": Bad(
        lambda: archives.zip_of({**_good(), "cats\\..\\..\\evil.png": b"x"}),
        errors.ArchivePathUnsafe,
        "evil.png",
    ),
    "absolute": Bad(
        lambda: archives.tar_of({"/etc/passwd": b"x"}), errors.ArchivePathUnsafe, "/etc/passwd: absolute path"
    ),
    "drive": Bad(lambda: archives.zip_of({"C:\\cats\\1.png": b"x"}), errors.ArchivePathUnsafe, "absolute path"),
    "control character": Bad(lambda: archives.zip_of({"cats/\n.png": b"x"}), errors.ArchivePathUnsafe, "control"),
    "deep": Bad(
        lambda: archives.zip_of({"a/" * 40 + "1.png": b"x"}), errors.ArchivePathUnsafe, "nested deeper than 16"
    ),
    "long name": Bad(lambda: archives.zip_of({"a" * 2000: b"x"}), errors.ArchivePathUnsafe, "longer than 1024"),
    "zip link": Bad(
        lambda: archives.zip_link("cats/key.png", "/etc/shadow"), errors.ArchiveLink, r"key\.png: links .*; pack the"
    ),
    "symlink": Bad(
        lambda: archives.tar_with(archives.tar_link("cats/key.png", "/etc/shadow")), errors.ArchiveLink, "key.png"
    ),
    "hard link": Bad(
        lambda: archives.tar_with(archives.tar_link("cats/key.png", "cats/0.png", kind=tarfile.LNKTYPE)),
        errors.ArchiveLink,
        "key.png",
    ),
    "device": Bad(_device, errors.ArchiveSpecialFile, "cats/null.png: a character device"),
    "sparse": Bad(_sparse, errors.ArchiveSpecialFile, "sparse"),
    "header bomb": Bad(_oversized_header, errors.ArchiveTooBig, "extended header"),
    "encrypted": Bad(lambda: _flagged("cats/0.png", 1), errors.ArchiveUnsupported, "cats/0.png: encrypted: pack"),
    "lzma": Bad(
        lambda: archives.zip_of({"cats/0.png": b"x"}, compression=zipfile.ZIP_LZMA),
        errors.ArchiveUnsupported,
        r"cats/0\.png: packed with LZMA \(compression method 14\), which is not read: pack it anew with deflate",
    ),
    "deflate64": Bad(lambda: _packed_with(9), errors.ArchiveUnsupported, r"Deflate64 \(compression method 9\)"),
    "zstandard in a zip": Bad(
        lambda: _packed_with(93), errors.ArchiveUnsupported, r"Zstandard \(compression method 93\)"
    ),
    "an unknown method": Bad(
        lambda: _packed_with(77), errors.ArchiveUnsupported, r"a method that is not known \(.* 77\)"
    ),
    "tar.bz2": Bad(
        lambda: archives.tar_of(_good(), mode="w:bz2"), errors.NotAnArchive, r"\(bzip2 file, .*\): unpack it, and pack"
    ),
    "tar.xz": Bad(
        lambda: archives.tar_of(_good(), mode="w:xz"), errors.NotAnArchive, r"\(xz file, .*\): unpack it, and pack"
    ),
    "zip bomb": Bad(
        lambda: archives.zip_of({**_good(), "cats/bomb.png": bytes(40 << 20)}), errors.ArchiveTooBig, "cats/bomb.png"
    ),
    "zst cut off": Bad(lambda: archives.zst_of(_many())[:-9000], errors.ArchiveDamaged, "ends too early"),
    "zst of text": Bad(lambda: zstandard.ZstdCompressor().compress(b"hello" * 1000), errors.NotAnArchive, "not a zip"),
    "zst damaged": Bad(lambda: _spoilt(archives.zst_of(_many())), errors.ArchiveDamaged, "zstandard stream is damaged"),
    "zst of a huge window": Bad(_windowed, errors.ArchiveDamaged, "zstandard stream is damaged"),
    "zst bomb": Bad(
        lambda: archives.zst_of({**_good(), "cats/bomb.png": bytes(40 << 20)}), errors.ArchiveTooBig, "times its size"
    ),
    "tar bomb": Bad(
        lambda: archives.tar_of({**_good(), "cats/bomb.png": bytes(40 << 20)}), errors.ArchiveTooBig, "times its size"
    ),
}
