"""Packed bytes are unpacked in steps of a bounded size, whatever they claim to be and whatever they unpack to."""

import bz2
import gzip
import io
import struct
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from tests.trainer import archives
from trainer import errors
from trainer.intake import inspection
from trainer.intake.archives import zip as zips
from trainer.intake.archives.archive import inspect
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.archives.tar import Gunzip, Stream
from trainer.intake.archives.zst import Unzstd
from trainer.intake.arrays.npy import read_npy_header
from trainer.intake.arrays.streams import ChunkStream

ZEROS = bytes(1 << 20)
STEP = 1 << 16
METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]
FREE = IntakeLimits(ratio=1e9)


def claiming(data: bytes, size_bytes: int) -> bytes:
    """A zip of one member whose headers claim that it unpacks to so many bytes."""
    changed = bytearray(data)
    struct.pack_into("<L", changed, 22, size_bytes)
    struct.pack_into("<L", changed, changed.rfind(b"PK\x01\x02") + 24, size_bytes)
    return bytes(changed)


def pieces(stream: Stream) -> Iterator[bytes]:
    while piece := stream.read(STEP):
        yield piece


@pytest.mark.parametrize("method", METHODS)
def test_a_member_of_a_zip_comes_in_steps(method: int) -> None:
    (member,) = zips.members(io.BytesIO(archives.zip_of({"zeros": ZEROS}, compression=method)), FREE)
    found = list(member.chunks())
    assert max(map(len, found)) <= STEP
    assert b"".join(found) == ZEROS


@pytest.mark.parametrize("method", METHODS)
def test_a_member_that_claims_to_be_small_is_not_unpacked_beyond_that(method: int) -> None:
    data = claiming(archives.zip_of({"zeros": ZEROS}, compression=method), 1000)
    (member,) = zips.members(io.BytesIO(data), FREE)
    tracemalloc.start()
    try:
        with pytest.raises(errors.ArchiveDamaged):
            member.read()
        assert tracemalloc.get_traced_memory()[1] < len(ZEROS) / 2
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", METHODS)
def test_a_member_that_claims_to_be_large_is_refused_at_its_end(method: int) -> None:
    data = claiming(archives.zip_of({"zeros": ZEROS[:5000]}, compression=method), 100_000)
    (member,) = zips.members(io.BytesIO(data), FREE)
    with pytest.raises(errors.ArchiveDamaged):
        member.read()


def test_a_member_of_bzip2_is_checked_against_its_checksum_and_its_end() -> None:
    data = archives.zip_of({"text": b"some text"}, compression=zipfile.ZIP_BZIP2)
    damaged = bytearray(data)
    damaged[damaged.rfind(b"PK\x01\x02") + 16] ^= 1
    (member,) = zips.members(io.BytesIO(damaged), FREE)
    with pytest.raises(errors.ArchiveDamaged, match="CRC"):
        member.read()
    shortened = bytearray(data)
    at = shortened.rfind(b"PK\x01\x02") + 20
    (size_bytes,) = struct.unpack_from("<L", shortened, at)
    struct.pack_into("<L", shortened, at, size_bytes - 4)
    (member,) = zips.members(io.BytesIO(shortened), FREE)
    with pytest.raises(errors.ArchiveDamaged, match="ends too early"):
        member.read()


@pytest.mark.parametrize("method", METHODS)
def test_the_limits_hold_for_every_method(method: int, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(archives.zip_of({"cats/0.png": ZEROS}, compression=method))
    with pytest.raises(errors.ArchiveTooBig, match="unpacks to 1048576 bytes"):
        inspect(path, IntakeLimits(unpacked_bytes=100_000))


@pytest.mark.parametrize(
    ("packed", "kind", "most_bytes"),
    [
        (gzip.compress(ZEROS), Gunzip, STEP),
        (gzip.compress(ZEROS[:1000]) + gzip.compress(ZEROS), Gunzip, STEP),
        (zstandard.ZstdCompressor().compress(ZEROS), Unzstd, STEP),
    ],
    ids=["gzip", "gzip of two members", "zstandard"],
)
def test_streams_come_in_steps(packed: bytes, kind: type[Gunzip] | type[Unzstd], most_bytes: int) -> None:
    sizes = [len(piece) for piece in pieces(kind(io.BytesIO(packed), FREE))]
    assert max(sizes) <= most_bytes
    assert sum(sizes) >= len(ZEROS)


def test_a_zstandard_stream_is_fed_to_its_library_in_small_parts() -> None:
    """The library unpacks all that it is given: 32 KiB for a byte at the most."""
    packed = zstandard.ZstdCompressor().compress(bytes(32 << 20))
    tracemalloc.start()
    try:
        assert sum(map(len, pieces(Unzstd(io.BytesIO(packed), FREE)))) == 32 << 20
        assert tracemalloc.get_traced_memory()[1] < 20 << 20  # what one part unpacks to, twice: in blocks and joined
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [Gunzip, Unzstd])
def test_streams_stop_where_a_limit_is_passed(kind: type[Gunzip] | type[Unzstd]) -> None:
    packed = gzip.compress(ZEROS) if kind is Gunzip else zstandard.ZstdCompressor().compress(ZEROS)
    limits = IntakeLimits(ratio=10, ratio_floor_bytes=100_000)
    with pytest.raises(errors.ArchiveTooBig, match="times its size"):
        list(pieces(kind(io.BytesIO(packed), limits)))


@pytest.mark.parametrize("method", METHODS)
def test_an_archive_in_an_archive_keeps_the_limits(method: int, tmp_path: Path) -> None:
    inner = archives.zip_of({"cats/0.png": ZEROS}, compression=method)
    path = tmp_path / "upload"
    path.write_bytes(archives.zip_of({"inner.zip": inner}))
    with pytest.raises(errors.ArchiveTooBig, match="unpacks to"):
        inspection.inspect(path, IntakeLimits(unpacked_bytes=len(ZEROS) + len(inner) - 1))


@pytest.mark.parametrize("method", METHODS)
def test_a_header_of_an_array_is_read_without_its_numbers(method: int) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1024, 32, 32), }".ljust(117) + b"\n"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + ZEROS
    (member,) = zips.members(io.BytesIO(archives.zip_of({"x.npy": data}, compression=method)), FREE)
    tracemalloc.start()
    try:
        assert read_npy_header(ChunkStream(member.chunks())).shape == (1024, 32, 32)
        assert tracemalloc.get_traced_memory()[1] < len(ZEROS) / 2
    finally:
        tracemalloc.stop()


def test_bzip2_in_other_places_is_called_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(bz2.compress(archives.tar_of(archives.class_folders(), mode="w")))
    with pytest.raises(errors.NotAnArchive, match=r"pack what it holds as zip, tar\.gz or tar\.zst"):
        inspect(path, FREE)
