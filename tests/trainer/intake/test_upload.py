"""What layouts see of an upload."""

import io
import json
from pathlib import Path

import pytest

from tests.trainer import archives
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.scanning.read_archive import read_archive
from trainer.intake.upload import Document, DocumentUnreadable, Upload


def document(data: bytes, name: str = "a/x.JSON") -> Document:
    spool = io.BytesIO(b"before" + data + b"after")
    return Document(parts=tuple(name.split("/")), size_bytes=len(data), offset=6, spool=spool)


def test_a_document_is_its_own_bytes() -> None:
    found = document(b'{"a": 1}')
    assert (found.path, found.folder, found.name, found.suffix) == ("a/x.JSON", ("a",), "x.json", ".json")
    assert (found.head(4), found.read(), found.json()) == (b'{"a"', b'{"a": 1}', {"a": 1})
    assert found.file().read() == b'{"a": 1}'
    assert document(b"", "labels").suffix == ""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_json_in_any_encoding(encoding: str) -> None:
    assert document(json.dumps({"é": "ö"}, ensure_ascii=False).encode(encoding)).json() == {"é": "ö"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", "not JSON: line 1, column 2: Expecting property name"),
        (b'[{"file": "1.png"},\n {"file": "2.png",}]', "not JSON: line 2, column"),
        (b"\xff\xfe\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"9" * 10_000, "not JSON"),
        (b"[],[]," * 3_000_000, "more than 8000000 values"),
    ],
    ids=["cut off", "a comma", "no text", "deep", "a long number", "many values"],
)
def test_json_that_is_none_or_too_much(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentUnreadable, match=reason):
        document(data).json()


def test_what_is_made_of_an_upload_is_made_once() -> None:
    made: list[Upload] = []

    def make(upload: Upload) -> int:
        made.append(upload)
        return len(made)

    first, second = Upload(images=()), Upload(images=())
    assert [first.once(make), first.once(make), second.once(make)] == [1, 1, 2]
    assert made == [first, second]


def test_every_file_is_an_image_a_document_or_named(tmp_path: Path) -> None:
    files = {
        "b/2.png": archives.picture(1),
        "b/1.jpg": b"broken",
        "b/3": b"\xff\x0a",
        "labels.csv": b"x",
        "a/film.mp4": b"\0\0\0\x20ftypisom",
        "empty/inner/": b"",
        "b/": b"",
        ".git/x.png": b"x",
    }
    (tmp_path / "upload").write_bytes(archives.tar_of(files))
    with (tmp_path / "spool").open("w+b") as spool:
        limits = IntakeLimits()
        upload = read_archive(tmp_path / "upload", spool, limits, lambda _files: None).upload(limits)
        assert upload.images == (("b", "1.jpg"), ("b", "2.png"), ("b", "3"))
        assert [each.path for each in upload.documents] == ["labels.csv"]
        assert upload.empty_folders == (("empty", "inner"),)
        assert upload.others == {("a", "film.mp4"): "video (MP4)"}
