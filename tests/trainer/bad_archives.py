"""Uploads that are refused: by kind, the bytes, the error, and a pattern of its message."""

import gzip
import io
import tarfile
import zipfile

import zstandard

from tests.trainer import archives
from trainer import errors

_GOOD = archives.class_folders()
_MANY = archives.class_folders(each=200)


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
    return compressor.compress(archives.tar_of(_GOOD, mode="w")) + compressor.flush()


def _sparse() -> bytes:
    entry = tarfile.TarInfo("cats/x.png")
    entry.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9999999999"}
    return archives.tar_with(entry)


BAD: dict[str, tuple[bytes, type[errors.UploadInvalid], str]] = {
    "empty": (b"", errors.UploadEmpty, "empty"),
    "text": (b"hello, this is no archive" * 100, errors.NotAnArchive, "not a zip"),
    "an image": (archives.picture(0), errors.NotAnArchive, r"\(PNG image, it .*\): pack all images"),
    "an image that is not read": (b"\xff\x0a" + bytes(600), errors.NotAnArchive, r"\(JPEG XL image, "),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(600), errors.NotAnArchive, r"\(HDF5, it starts .*\): read it with h5py"),
    "gzip of text": (gzip.compress(b"hello" * 1000), errors.NotAnArchive, "not a zip"),
    "no files": (archives.zip_of({}), errors.ArchiveInvalid, "no file"),
    "zip cut off": (archives.zip_of(_GOOD)[:-100], errors.ArchiveDamaged, "cut off"),
    "tar cut off": (archives.tar_of(_GOOD, mode="w")[:3000], errors.ArchiveDamaged, "ends too early"),
    "gzip cut off": (archives.tar_of(_GOOD)[:-2000], errors.ArchiveDamaged, "gzip stream"),
    "zip traversal": (archives.zip_of({**_GOOD, "../evil.png": b"x"}), errors.ArchivePathUnsafe, r"\.\./evil\.png"),
    "tar traversal": (archives.tar_of({**_GOOD, "a/../../evil.png": b"x"}), errors.ArchivePathUnsafe, "evil.png"),
    "backslash traversal": (
        archives.zip_of({**_GOOD, "cats\\..\\..\\evil.png": b"x"}),
        errors.ArchivePathUnsafe,
        "evil.png",
    ),
    "absolute": (archives.tar_of({"/etc/passwd": b"x"}), errors.ArchivePathUnsafe, "/etc/passwd: absolute path"),
    "drive": (archives.zip_of({"C:\\cats\\1.png": b"x"}), errors.ArchivePathUnsafe, "absolute path"),
    "control character": (archives.zip_of({"cats/\n.png": b"x"}), errors.ArchivePathUnsafe, "control"),
    "deep": (archives.zip_of({"a/" * 40 + "1.png": b"x"}), errors.ArchivePathUnsafe, "nested deeper than 16"),
    "long name": (archives.zip_of({"a" * 2000: b"x"}), errors.ArchivePathUnsafe, "longer than 1024"),
    "zip link": (archives.zip_link("cats/key.png", "/etc/shadow"), errors.ArchiveLink, r"key\.png: links .*; pack the"),
    "symlink": (archives.tar_with(archives.tar_link("cats/key.png", "/etc/shadow")), errors.ArchiveLink, "key.png"),
    "hard link": (
        archives.tar_with(archives.tar_link("cats/key.png", "cats/0.png", kind=tarfile.LNKTYPE)),
        errors.ArchiveLink,
        "key.png",
    ),
    "device": (_device(), errors.ArchiveSpecialFile, "cats/null.png: a character device"),
    "sparse": (_sparse(), errors.ArchiveSpecialFile, "sparse"),
    "header bomb": (_oversized_header(), errors.ArchiveTooBig, "extended header"),
    "encrypted": (_flagged("cats/0.png", 1), errors.ArchiveUnsupported, "cats/0.png: encrypted"),
    "lzma": (
        archives.zip_of({"cats/0.png": b"x"}, compression=zipfile.ZIP_LZMA),
        errors.ArchiveUnsupported,
        r"cats/0\.png: packed with LZMA \(compression method 14\), which is not read: pack it anew with deflate",
    ),
    "deflate64": (_packed_with(9), errors.ArchiveUnsupported, r"Deflate64 \(compression method 9\)"),
    "zstandard in a zip": (_packed_with(93), errors.ArchiveUnsupported, r"Zstandard \(compression method 93\)"),
    "an unknown method": (_packed_with(77), errors.ArchiveUnsupported, r"a method that is not known \(.* 77\)"),
    "tar.bz2": (archives.tar_of(_GOOD, mode="w:bz2"), errors.NotAnArchive, r"\(bzip2 file, .*\): unpack it, and pack"),
    "tar.xz": (archives.tar_of(_GOOD, mode="w:xz"), errors.NotAnArchive, r"\(xz file, .*\): unpack it, and pack"),
    "zip bomb": (archives.zip_of({**_GOOD, "cats/bomb.png": bytes(40 << 20)}), errors.ArchiveTooBig, "cats/bomb.png"),
    "zst cut off": (archives.zst_of(_MANY)[:-9000], errors.ArchiveDamaged, "ends too early"),
    "zst of text": (zstandard.ZstdCompressor().compress(b"hello" * 1000), errors.NotAnArchive, "not a zip"),
    "zst damaged": (_spoilt(archives.zst_of(_MANY)), errors.ArchiveDamaged, "zstandard stream is damaged"),
    "zst of a huge window": (_windowed(), errors.ArchiveDamaged, "zstandard stream is damaged"),
    "zst bomb": (archives.zst_of({**_GOOD, "cats/bomb.png": bytes(40 << 20)}), errors.ArchiveTooBig, "times its size"),
    "tar bomb": (archives.tar_of({**_GOOD, "cats/bomb.png": bytes(40 << 20)}), errors.ArchiveTooBig, "times its size"),
}
