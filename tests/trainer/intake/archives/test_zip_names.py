"""Names of members in the encodings that zip programs write, with and without saying which."""

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.trainer import archives
from trainer.errors import ArchiveDamaged, ArchiveInvalid, ArchivePathUnsafe
from trainer.intake.archives.archive import members
from trainer.intake.archives.limits import IntakeLimits

_UTF8 = 0x800  # the flag
NAME = "Hunde und Kätzchen/größe 猫.png"


def _read(data: bytes, tmp_path: Path) -> dict[str, bytes]:
    path = tmp_path / "upload.zip"
    path.write_bytes(data)
    return {member.path: member.read() for member in members(path, IntakeLimits())}


def test_utf8_without_the_flag(tmp_path: Path) -> None:
    """As `zip -r` on Linux and the Finder write it."""
    assert _read(archives.raw_zip([(NAME.encode(), b"x")]), tmp_path) == {NAME: b"x"}


def test_utf8_with_the_flag(tmp_path: Path) -> None:
    assert _read(archives.raw_zip([(NAME.encode(), b"x")], flag=_UTF8), tmp_path) == {NAME: b"x"}


def test_decomposed_names_are_composed(tmp_path: Path) -> None:
    """The Finder decomposes: a letter, then its accent."""
    decomposed = "Ka\u0308tzchen/1.png".encode()
    assert _read(archives.raw_zip([(decomposed, b"x")]), tmp_path) == {"K\u00e4tzchen/1.png": b"x"}


def test_the_code_page_of_dos(tmp_path: Path) -> None:
    raw = "Kätzchen/größe.png".encode("cp437")
    assert _read(archives.raw_zip([(raw, b"x")]), tmp_path) == {"Kätzchen/größe.png": b"x"}


@pytest.mark.parametrize("raw", [b"K?tzchen/1.png", "Kätzchen/1.png".encode("cp437"), b"Ktzchen/1.png"])
def test_the_extra_field_wins(raw: bytes, tmp_path: Path) -> None:
    other = struct.pack("<HH", 0x5455, 5) + b"\x01abcd"  # times of the file
    extra = other + archives.unicode_path(NAME, stands_for=raw)
    assert _read(archives.raw_zip([(raw, b"x")], extra=extra), tmp_path) == {NAME: b"x"}


@pytest.mark.parametrize(
    "extra",
    [
        archives.unicode_path(NAME, stands_for=b"its earlier name"),
        archives.unicode_path(NAME, stands_for="Kätzchen/1.png".encode(), version=2),
        archives.unicode_path("", stands_for="Kätzchen/1.png".encode()),
        struct.pack("<HHBL", 0x7075, 7, 1, zlib.crc32("Kätzchen/1.png".encode())) + b"\xff\xfe",
        struct.pack("<HHB", 0x7075, 1, 1),
        b"\x75",
    ],
    ids=["stale", "of another version", "empty", "not UTF-8", "too short", "not even a head"],
)
def test_an_extra_field_that_is_not_valid_is_no_name(extra: bytes, tmp_path: Path) -> None:
    data = archives.raw_zip([("Kätzchen/1.png".encode(), b"x")], extra=extra)
    assert _read(data, tmp_path) == {"Kätzchen/1.png": b"x"}


def test_an_extra_field_leads_nowhere_that_a_name_does_not(tmp_path: Path) -> None:
    extra = archives.unicode_path("../evil.png", stands_for=b"cats/1.png")
    with pytest.raises(ArchivePathUnsafe, match="leaves the archive"):
        _read(archives.raw_zip([(b"cats/1.png", b"x")], extra=extra), tmp_path)


def test_names_that_become_one_are_refused(tmp_path: Path) -> None:
    data = archives.raw_zip([("Kätzchen/1.png".encode(), b"x"), ("Kätzchen/1.png".encode("cp437"), b"y")])
    with pytest.raises(ArchiveDamaged, match=r"Kätzchen/1\.png: two members have this name"):
        _read(data, tmp_path)


def test_a_name_that_is_not_the_utf8_it_claims_to_be(tmp_path: Path) -> None:
    data = archives.raw_zip([("Kätzchen/1.png".encode("latin-1"), b"x")], flag=_UTF8)
    with pytest.raises(ArchivePathUnsafe, match=r"^K\\xe4tzchen/1\.png: the archive says that the name is UTF-8"):
        _read(data, tmp_path)


@given(raw=st.binary(max_size=40), extra=st.binary(max_size=40), flag=st.sampled_from([0, _UTF8]))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_is_read_or_refused(raw: bytes, extra: bytes, flag: int, tmp_path: Path) -> None:
    field = struct.pack("<HHBL", 0x7075, 5 + len(extra), 1, zlib.crc32(raw)) + extra
    for chosen in (extra, field):
        try:
            found = " ".join(_read(archives.raw_zip([(raw, b"x")], flag=flag, extra=chosen), tmp_path))
        except ArchiveInvalid as fault:
            found = str(fault)
        assert "\n" not in found
        assert found == found.encode().decode()


def test_every_byte_is_some_name(tmp_path: Path) -> None:
    raws = [bytes([byte, 0xFF]) + b".png" for byte in range(128, 256)]
    found = _read(archives.raw_zip([(raw, raw) for raw in raws]), tmp_path)
    assert len(found) == len(raws)
