"""Nothing vanishes: what an upload loses on its way to a data set is an error or a warning."""

import json
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.trainer import archives
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.inspection import Inspection, inspect

GOOD = archives.class_folders()
JXL, MP4 = b"\xff\x0a" + bytes(40), b"\0\0\0\x20ftypisom"


def white_drawing() -> bytes:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((8, 8, 30, 30), fill="white")
    return archives.encoded(image)


def look(folder: Path, files: archives.Files) -> Inspection:
    (folder / "upload").write_bytes(archives.tar_of(files))
    return inspect(folder / "upload", IntakeLimits())


def weighed(found: Inspection) -> list[tuple[str, str]]:
    return [(finding.weight, finding.text) for finding in found.findings]


def test_a_good_upload_has_no_findings(tmp_path: Path) -> None:
    litter = {
        ".DS_Store": b"x",
        "__MACOSX/cats/._0.png": b"x",
        ".git/logo.png": archives.picture(3),
        "cats/.x.png": b"x",
    }
    assert weighed(look(tmp_path, GOOD | litter)) == []


@pytest.mark.parametrize(
    ("suffix", "data", "name"),
    [
        ("jxl", JXL, "JPEG XL, not supported"),
        ("dat", JXL, "JPEG XL, not supported"),
        ("svg", b"<svg/>", "SVG, not supported"),
        ("jpg", b"<!doctype html>", "not an image (web page)"),
        ("jpg", b"", "not an image (empty file)"),
    ],
)
def test_a_class_of_pictures_that_cannot_be_read_fails(tmp_path: Path, suffix: str, data: bytes, name: str) -> None:
    found = look(tmp_path, GOOD | {f"birds/{number}.{suffix}": data for number in range(9)})
    assert found.error is not None
    assert "birds has 0" in found.error
    assert f"birds/0.{suffix} ({name})" in found.error
    assert [finding.weight for finding in found.findings] == ["warning", "error"]


def test_a_class_of_which_little_can_be_read(tmp_path: Path) -> None:
    found = look(tmp_path, GOOD | {f"cats/{number}.jxl": JXL for number in range(11)})
    assert weighed(found) == [
        (
            "warning",
            "11 of 21 images of cats cannot be used, such as cats/0.jxl: JPEG XL, not supported.",
        )
    ]


def test_names_in_an_encoding_that_a_zip_does_not_tell(tmp_path: Path) -> None:
    entries = [
        (f"{name}/{number}.png".encode("cp932"), archives.picture(number + 100 * at))
        for at, name in enumerate(("猫", "inu"))
        for number in range(9)
    ]
    (tmp_path / "upload").write_bytes(archives.raw_zip(entries))
    (told,) = weighed(inspect(tmp_path / "upload", IntakeLimits()))
    guess = "猫".encode("cp932").decode("cp437")
    assert told[0] == "note"
    assert told[1].startswith(
        f"The zip does not tell the encoding of 9 names, such as {guess}/0.png, read as code page"
    )


def test_signs_are_no_spellings(tmp_path: Path) -> None:
    names = ["-1", "1", "B", "B-", "B+"]
    assert weighed(look(tmp_path, archives.class_folders(names))) == []


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"birds/": b""}, "A class folder is empty and will be no class: birds. Put images in, or take them away."),
        ({"birds/1.mp4": MP4}, "The folder birds holds no image and will be no class: 1 x video (MP4)."),
        (
            {f".birds/{number}.png": archives.picture(number) for number in range(8)},
            "The folder .birds is hidden by the dot in its name, and left out with 8 images. "
            "Rename it if it is a class.",
        ),
        (
            {".fox/1.png": archives.picture(1)},
            "The folder .fox is hidden by the dot in its name, and left out with 1 image. Rename it if it is a class.",
        ),
        (
            archives.class_folders(["Cats"], seed=2),
            "These classes differ in their spelling only: 'Cats', 'cats'. They stay classes of their own; "
            "give them one name if they are one.",
        ),
        (
            archives.class_folders(["fire_fly", "fire-fly"], seed=2),
            "These classes differ in their spelling only: 'fire-fly', 'fire_fly'. They stay classes of their own; "
            "give them one name if they are one.",
        ),
        (
            {f"{number}.png": archives.picture(number) for number in range(30)},
            "Most images are left out: 30 of 50. The list of what is left out says why.",
        ),
        (
            {"cats/white.png": white_drawing()},
            "Drawn in white on a transparent ground: 1 image, such as cats/white.png. Transparency lies on white, "
            "so nothing of such a drawing is seen: save it on another ground.",
        ),
        (
            {"more.zip": archives.zip_of(GOOD)},
            "more.zip: archives and arrays beside images are not looked into. Unpack them, or upload them alone, if "
            "they are a part of the data set.",
        ),
    ],
)
def test_what_is_lost_is_a_warning(tmp_path: Path, files: archives.Files, text: str) -> None:
    found = look(tmp_path, {**GOOD, **files})
    assert ("warning", text) in weighed(found)
    assert found.error is None
    assert {"cats", "dogs"} <= set(found.classes)


@pytest.mark.parametrize("name", ["\ud800", "cats\udcff", "a\x00b"])
def test_a_class_whose_name_nobody_could_write_down_fails(tmp_path: Path, name: str) -> None:
    """JSON writes such a name as an escape, and Python reads it."""
    pictures = {f"images/{number}.png": archives.picture(number) for number in range(24)}
    table = "file,label\n" + "".join(f"{path},{number % 2}\n" for number, path in enumerate(pictures))
    infos = {"default": {"features": {"label": {"names": [name, "dogs"]}}}}
    documents = {"labels.csv": table.encode(), "dataset_infos.json": json.dumps(infos).encode()}
    found = look(tmp_path, pictures | documents)
    assert set(found.classes) == {name, "dogs"}
    assert found.error is not None
    assert "hold NUL or half a character" in found.error
    json.dumps(found.as_json(), ensure_ascii=False).encode()
    json.dumps(found.as_job_json(), ensure_ascii=False).encode()
