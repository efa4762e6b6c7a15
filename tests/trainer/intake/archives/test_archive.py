"""Hostile archives are refused at once, with a message that names the file."""

import gzip
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.trainer import archives
from tests.trainer.bad_archives import BAD
from trainer import errors
from trainer.intake.archives.archive import inspect, members
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.archives.paths import is_litter

LIMITS = IntakeLimits()
GOOD = archives.class_folders()

Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_bytes(data: bytes) -> Path:
        path = tmp_path / "upload"
        path.write_bytes(data)
        return path

    return write_bytes


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_archive_is_refused(kind: str, write: Write) -> None:
    bad = BAD[kind]
    with pytest.raises(bad.error, match=bad.message):
        inspect(write(bad.data), LIMITS)


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


@pytest.mark.parametrize("pack", [archives.zip_of, archives.tar_of, archives.zst_of])
def test_folders_are_told_and_not_counted_as_files(pack: Callable[[archives.Files], bytes], write: Write) -> None:
    path = write(pack({"cats/": b"", "cats/0.png": b"x", "birds/": b"", "../out/": b""}))
    found = {member.path: member.is_folder for member in members(path, LIMITS)}
    assert found == {"cats": True, "cats/0.png": False, "birds": True}
    assert inspect(path, LIMITS).files == 1


def test_a_class_may_look_like_a_drive(write: Write) -> None:
    path = write(archives.zip_of({"A: good/0.png": b"x"}))
    assert [member.parts for member in members(path, LIMITS)] == [("A: good", "0.png")]


NAMES = st.lists(
    st.text(st.characters(categories=["L", "N"], include_characters=" .-_"), min_size=1, max_size=60).filter(
        lambda part: part.strip(".") != ""
    ),
    min_size=1,
    max_size=6,
).map("/".join)
NAMES = NAMES.filter(lambda name: not is_litter(name))


@given(
    files=st.dictionaries(NAMES, st.binary(max_size=2000), min_size=1, max_size=8),
    form=st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    mode=st.sampled_from(["w", "w:gz"]),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


@pytest.mark.parametrize(
    "data",
    [
        archives.tar_of({**GOOD, "pets/birds/": b"", "../out/": b""}),
        archives.zip_of({**GOOD, "pets/birds/": b"", "../out/": b""}),
        archives.zip_of({**GOOD, "pets\\birds\\": b"", "..\\out\\": b""}),
        archives.raw_zip([*((name.encode(), data) for name, data in GOOD.items()), (b"pets/birds", b"")], mode=0o40755),
    ],
    ids=["tar", "zip", "zip with backslashes", "zip by mode"],
)
def test_folders_are_members_and_no_files(data: bytes, write: Write) -> None:
    path = write(data)
    *files, folder = members(path, LIMITS)
    assert (folder.path, folder.is_folder, folder.size_bytes) == ("pets/birds", True, 0)
    assert [file.path for file in files if not file.is_folder] == list(GOOD)
    assert inspect(path, LIMITS).files == len(GOOD)


def test_folders_count_as_members(write: Write) -> None:
    data = archives.tar_of({f"{number}/": b"" for number in range(20)})
    with pytest.raises(errors.ArchiveTooBig, match="more than 10 files and folders"):
        inspect(write(data), IntakeLimits(members=10))


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("folder", ["cats", "cats" * 30])
def test_a_tar_name_that_is_not_utf8_is_refused_by_name(form: int, folder: str, write: Write) -> None:
    """Long names stand in extended headers, and a pax header says that such a name is BINARY."""
    data = archives.tar_of({f"{folder}/caf\udce9.png": b"x"}, form=form)
    assert b"caf\xe9.png" in gzip.decompress(data)
    with pytest.raises(errors.ArchivePathUnsafe, match=r"^cats.*/caf\\xe9\.png: the name is not UTF-8 text$"):
        inspect(write(data), LIMITS)
