"""Hostile archives are refused at once, with a message that names the file."""

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.trainer import archives
from trainer import errors
from trainer.intake.archives.archive import inspect, members
from trainer.intake.archives.limits import IntakeLimits

LIMITS = IntakeLimits()
GOOD = archives.class_folders()
MANY = archives.class_folders(each=200)

Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_bytes(data: bytes) -> Path:
        path = tmp_path / "upload"
        path.write_bytes(data)
        return path

    return write_bytes


def _flagged(name: str, flag: int) -> bytes:
    """A zip whose one entry has a flag bit set in its directory."""
    data = bytearray(archives.zip_of({name: b"x"}))
    at = data.rfind(b"PK\x01\x02")
    data[at + 8] |= flag
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
    return compressor.compress(archives.tar_of(GOOD, mode="w")) + compressor.flush()


def _sparse() -> bytes:
    entry = tarfile.TarInfo("cats/x.png")
    entry.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9999999999"}
    return archives.tar_with(entry)


BAD: dict[str, tuple[bytes, type[errors.UploadInvalid], str]] = {
    "empty": (b"", errors.UploadEmpty, "empty"),
    "text": (b"hello, this is no archive" * 100, errors.NotAnArchive, "not a zip"),
    "an image": (archives.picture(0), errors.NotAnArchive, "PNG"),
    "gzip of text": (gzip.compress(b"hello" * 1000), errors.NotAnArchive, "not a zip"),
    "no files": (archives.zip_of({}), errors.ArchiveInvalid, "no file"),
    "zip cut off": (archives.zip_of(GOOD)[:-100], errors.ArchiveDamaged, "cut off"),
    "tar cut off": (archives.tar_of(GOOD, mode="w")[:3000], errors.ArchiveDamaged, "ends too early"),
    "gzip cut off": (archives.tar_of(GOOD)[:-2000], errors.ArchiveDamaged, "gzip stream"),
    "zip traversal": (archives.zip_of({**GOOD, "../evil.png": b"x"}), errors.ArchivePathUnsafe, r"\.\./evil\.png"),
    "tar traversal": (archives.tar_of({**GOOD, "a/../../evil.png": b"x"}), errors.ArchivePathUnsafe, "evil.png"),
    "backslash traversal": (
        archives.zip_of({**GOOD, "cats\\..\\..\\evil.png": b"x"}),
        errors.ArchivePathUnsafe,
        "evil.png",
    ),
    "absolute": (archives.tar_of({"/etc/passwd": b"x"}), errors.ArchivePathUnsafe, "/etc/passwd: absolute path"),
    "drive": (archives.zip_of({"C:\\cats\\1.png": b"x"}), errors.ArchivePathUnsafe, "absolute path"),
    "control character": (archives.zip_of({"cats/\n.png": b"x"}), errors.ArchivePathUnsafe, "control"),
    "deep": (archives.zip_of({"a/" * 40 + "1.png": b"x"}), errors.ArchivePathUnsafe, "nested deeper than 16"),
    "long name": (archives.zip_of({"a" * 2000: b"x"}), errors.ArchivePathUnsafe, "longer than 1024"),
    "zip link": (archives.zip_link("cats/key.png", "/etc/shadow"), errors.ArchiveLink, r"cats/key\.png: links"),
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
        "method 14",
    ),
    "zip bomb": (archives.zip_of({**GOOD, "cats/bomb.png": bytes(40 << 20)}), errors.ArchiveTooBig, "cats/bomb.png"),
    "zst cut off": (archives.zst_of(MANY)[:-9000], errors.ArchiveDamaged, "ends too early"),
    "zst of text": (zstandard.ZstdCompressor().compress(b"hello" * 1000), errors.NotAnArchive, "not a zip"),
    "zst damaged": (_spoilt(archives.zst_of(MANY)), errors.ArchiveDamaged, "zstandard stream is damaged"),
    "zst of a huge window": (_windowed(), errors.ArchiveDamaged, "zstandard stream is damaged"),
    "zst bomb": (archives.zst_of({**GOOD, "cats/bomb.png": bytes(40 << 20)}), errors.ArchiveTooBig, "times its size"),
    "tar bomb": (archives.tar_of({**GOOD, "cats/bomb.png": bytes(40 << 20)}), errors.ArchiveTooBig, "times its size"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_archive_is_refused(kind: str, write: Write) -> None:
    data, error, message = BAD[kind]
    with pytest.raises(error, match=message):
        inspect(write(data), LIMITS)


@pytest.mark.parametrize("pack", [archives.zip_of, archives.tar_of])
def test_too_many_files_and_bytes(pack: Callable[[archives.Files], bytes], write: Write) -> None:
    path = write(pack(GOOD))
    with pytest.raises(errors.ArchiveTooBig, match="more than 5 files"):
        inspect(path, IntakeLimits(members=5))
    with pytest.raises(errors.ArchiveTooBig, match="unpacks to"):
        inspect(path, IntakeLimits(unpacked_bytes=1000))


def test_a_zip_directory_is_counted_before_it_is_parsed(write: Write) -> None:
    """The end record of this file claims 3 entries and the directory holds 20."""
    data = bytearray(archives.zip_of(GOOD))
    end = data.rfind(b"PK\x05\x06")
    struct.pack_into("<HH", data, end + 8, 3, 3)
    with pytest.raises(errors.ArchiveTooBig, match="more than 10 files"):
        inspect(write(bytes(data)), IntakeLimits(members=10))


def test_a_file_whose_bytes_are_not_what_the_directory_says(write: Write) -> None:
    data = archives.zip_of({"cats/0.png": b"0123456789" * 10}, compression=zipfile.ZIP_STORED)
    path = write(data.replace(b"0123456789", b"0123456780", 1))
    (member,) = members(path, LIMITS)
    with pytest.raises(errors.ArchiveDamaged, match=r"cats/0\.png"):
        member.read()


NAMES = st.lists(
    st.text(st.characters(categories=["L", "N"], include_characters=" .-_"), min_size=1, max_size=60).filter(
        lambda part: part.strip(".") != ""
    ),
    min_size=1,
    max_size=6,
).map("/".join)


@given(
    files=st.dictionaries(NAMES, st.binary(max_size=2000), min_size=1, max_size=8),
    form=st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    mode=st.sampled_from(["w", "w:gz"]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_tars_of_the_standard_library_are_read_back(
    files: dict[str, bytes], form: int, mode: str, tmp_path: Path
) -> None:
    path = tmp_path / "upload"
    try:
        path.write_bytes(archives.tar_of(files, mode=mode, form=form))
    except ValueError:
        assert form == tarfile.USTAR_FORMAT  # it cannot say every name
        return
    with tarfile.open(path) as archive:
        names = [entry.name for entry in archive.getmembers()]
    found = [(member.source.name, member.read()) for member in members(path, LIMITS)]
    assert found == list(zip(names, files.values(), strict=True))


@given(data=st.binary(max_size=3000))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_archives_end_in_a_typed_error_or_whole_files(data: bytes, tmp_path: Path) -> None:
    """Random bytes laid over good archives."""
    path = tmp_path / "upload"
    for good in (archives.zip_of(GOOD), archives.tar_of(GOOD, mode="w"), archives.tar_of(GOOD)):
        at = int.from_bytes(data[:2], "big") % len(good)
        path.write_bytes(good[:at] + data + good[at + len(data) :])
        try:
            for member in members(path, LIMITS):
                try:
                    assert len(member.read()) == member.size_bytes
                except errors.ArchiveDamaged:
                    continue
        except errors.UploadInvalid:
            continue
