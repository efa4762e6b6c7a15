"""What is left out is told by reason: what differs in names and numbers only is one of them."""

from pathlib import Path

from tests.trainer import archives
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.inspection import inspect
from trainer.intake.left_out import LeftOut, by_reason
from trainer.intake.scanning.scan import Skipped


def groups_of(folder: Path, files: archives.Files) -> dict[str, LeftOut]:
    (folder / "upload").write_bytes(archives.zip_of(files))
    found = by_reason(inspect(folder / "upload", IntakeLimits()).left_out)
    assert [group.count for group in found] == sorted((group.count for group in found), reverse=True)
    return {group.reason: group for group in found}


def test_reasons_of_folders(tmp_path: Path) -> None:
    good = archives.class_folders()
    in_both = {f"{name}/both{number}.png": archives.picture(number) for name in ("cats", "dogs") for number in range(2)}
    copies = {f"cats/copy{number}.png": good[f"cats/{number}.png"] for number in range(3)}
    found = groups_of(tmp_path, {**good, **in_both, **copies, "notes.md": b"x", "cats/late.png": b"x"})
    assert {reason: group.count for reason, group in found.items()} == {
        "the same image is in several classes (cats, dogs)": 4,
        "a duplicate of …": 3,
        "not an image": 2,
    }
    assert found["not an image"].files == ("cats/late.png", "notes.md")


def test_images_that_are_called_as_other_files_are_said_to_be_images(tmp_path: Path) -> None:
    good = archives.class_folders()
    picture = archives.picture(99)
    files = {"cats/a.bin": picture, "cats/b.data": picture, "cats/c.npy": picture, "cats/d.data": b"BM is no image"}
    found = groups_of(tmp_path, {**good, **files})
    assert {reason: group.files for reason, group in found.items()} == {
        "an image by its first bytes, and not by its name: call it .png": ("cats/a.bin", "cats/b.data", "cats/c.npy"),
        "not an image": ("cats/d.data",),
    }


def test_reasons_of_tables(tmp_path: Path) -> None:
    good = archives.class_folders()
    lines = [f"{name},{name.partition('/')[0]}" for name in good]
    lines += ["gone.png,cats", "lost.png,dogs", "more.png,dogs", "cats/1.png,dogs"]
    found = groups_of(tmp_path, {**good, "labels.csv": "\n".join(["file,label", *lines]).encode()})
    assert found["no image … in the archive"] == LeftOut(
        reason="no image … in the archive", count=3, files=("labels.csv",)
    )


def test_a_reason_of_its_own_is_told_whole() -> None:
    skip = Skipped(file="a.png", reason="line 3: 'x' has no label")
    assert by_reason([skip]) == [LeftOut(reason="line 3: 'x' has no label", count=1, files=("a.png",))]
