"""What files are called by their first bytes."""

import pickle
import zipfile
from io import BytesIO

import numpy as np
import pytest

from nettailor.images import decode, unread_picture
from tests.nettailor.images.files import encoded, scene, tiff
from tests.trainer import archives
from trainer.intake.archives.formats import is_image_name, kind_of, suffix_of


def _zip() -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("x", b"x")
    return target.getvalue()


@pytest.mark.parametrize(
    ("format", "suffix"),
    [
        *(("JPEG", "jpg"), ("PNG", "png"), ("GIF", "gif"), ("BMP", "bmp"), ("PPM", "ppm"), ("WEBP", "webp")),
        *(("TIFF", "tif"), ("AVIF", "avif"), ("HEIF", "heic")),
    ],
)
def test_what_prediction_reads_intake_takes(format: str, suffix: str) -> None:
    data = encoded(scene(40, 30), format)
    assert suffix_of(data) == suffix
    assert is_image_name(f"x.{suffix.upper()}")
    assert unread_picture(data) in (None, "HEIC", "AVIF")
    assert decode(data).size == (40, 30)


@pytest.mark.parametrize("order", ["<", ">"])
def test_bigtiff_is_a_tiff(order: str) -> None:
    data = tiff(np.asarray(scene(40, 30)), bigtiff=True, byteorder=order)
    assert (suffix_of(data), unread_picture(data)) == ("tif", None)
    assert decode(data).size == (40, 30)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty file"),
        (b"%PDF-1.7", "PDF"),
        (b"\0\0\0\x20ftypisom", "video (MP4)"),
        (b"\0\0\0\x14ftypqt  ", "video (QuickTime)"),
        (b"RIFF\0\0\0\0AVI LIST", "video (AVI)"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio (WAV)"),
        (_zip(), "zip archive"),
        (archives.tar_of({"a": b"x"}, mode="w"), "tar archive"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer instead of the file"),
        (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "MATLAB file"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (bytes(512) + b"\x89HDF\r\n\x1a\n", "HDF5"),
        (bytes.fromhex("1200000000000000 241f6425") + b"record", "TFRecord"),
        (bytes.fromhex("1200000000000000 001f6425") + b"record", "unknown"),
        (bytes(16) + bytes.fromhex("dec0efbe 01000000"), "LMDB database"),
        (b"SQLite format 3\0", "SQLite database"),
        (bytes.fromhex("0a23d7ce 18000000"), "RecordIO"),
        (bytes.fromhex("ffffffff f0000000"), "Arrow"),
        *((pickle.dumps({"data": [1]}, protocol), "pickle") for protocol in range(2, 6)),
        (archives.zip_of({"model/data.pkl": pickle.dumps({})}), "PyTorch file"),
        (b"<!DOCTYPE html><html>", "web page"),
        ("naïve text\n".encode(), "text"),
        (bytes(range(200)), "unknown"),
    ],
)
def test_other_files_are_called_what_they_are(data: bytes, kind: str) -> None:
    assert kind_of(data) == kind
