"""Honest splits, from upload to frozen data set: what belongs together is on one side, or it is said."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.trainer import archives
from trainer.errors import DatasetNotUnderstood, OptionsInvalid
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import IntakeReport, freeze
from trainer.intake.placement import Split
from trainer.intake.understand import understand

LIMITS = IntakeLimits()


def frame(shot: int, number: int) -> bytes:
    """A picture of a shot: the same smooth shapes, and a little noise of its own."""
    coarse = Image.fromarray(np.random.default_rng(shot).integers(0, 256, (6, 6, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((48, 48), Image.Resampling.BICUBIC), np.int16)
    noise = np.random.default_rng((shot, number)).integers(-6, 7, smooth.shape)
    return archives.encoded(Image.fromarray((smooth + noise).clip(0, 255).astype(np.uint8)))


def shots(*, prefix: str = "", each: int = 3, of: range = range(12), first: int = 0) -> dict[str, bytes]:
    """``prefix`` + class/shot-number.png."""
    return {
        f"{prefix}{'cats' if shot % 2 else 'dogs'}/{shot:02}-{number}.png": frame(shot, number)
        for shot in of
        for number in range(first, first + each)
    }


def splits_of(folder: Path, files: archives.Files, group_by: str | None = None) -> dict[str, Split]:
    (folder / "upload").write_bytes(archives.zip_of(files))
    with (folder / "spool").open("w+b") as spool:
        found = understand(folder / "upload", spool, LIMITS, group_by=group_by)
    paths = {digest: "/".join(parts) for parts, digest in found.scan.images}
    return {paths[digest]: split for digest, split in found.splits.items()}


def take_in(folder: Path, files: archives.Files, group_by: str | None = None) -> IntakeReport:
    (folder / "upload").write_bytes(archives.zip_of(files))
    return freeze(folder / "upload", folder / "dataset.zip", LIMITS, group_by=group_by)


def sides(splits: Mapping[str, Split], group: slice) -> dict[str, set[Split]]:
    """Group -> its splits; ``group`` is where its name is in a path."""
    found: dict[str, set[Split]] = {}
    for path, split in splits.items():
        found.setdefault(path.rpartition("/")[2][group], set()).add(split)
    return found


def texts(report: IntakeReport, weight: str) -> list[str]:
    return [finding.text for finding in report.findings if finding.weight == weight]


def test_frames_of_a_shot_stay_on_one_side_and_that_is_said(tmp_path: Path) -> None:
    found = sides(splits_of(tmp_path, shots()), slice(2))
    assert all(len(splits) == 1 for splits in found.values())
    assert {split for splits in found.values() for split in splits} == {"train", "val", "test"}
    assert texts(take_in(tmp_path, shots()), "note") == [
        "36 images are nearly the same as others, such as cats/01-0.png and cats/01-1.png: "
        "each of 12 groups stays in one split."
    ]


def test_the_data_set_knows_what_belongs_together(tmp_path: Path) -> None:
    """For folds that training draws from it; images that have no company are in no group."""
    take_in(tmp_path, shots() | archives.class_folders(each=6))
    with zipfile.ZipFile(tmp_path / "dataset.zip") as archive:
        groups = json.loads(archive.read("dataset.json"))["groups"]
        classes = {Path(name).stem: Path(name).parent.name for name in archive.namelist()}
    assert groups == sorted(groups)
    assert len({digest for group in groups for digest in group}) == 36
    assert [len(group) for group in groups] == [3] * 12
    assert all(len({classes[digest] for digest in group}) == 1 for group in groups)


def test_a_leak_across_the_splits_of_the_upload_is_said_with_its_share(tmp_path: Path) -> None:
    train = shots(prefix="train/") | {f"train/{name}": data for name, data in archives.class_folders(each=9).items()}
    fresh = {f"test/{name}": data for name, data in archives.class_folders(each=9, seed=1).items()}
    val = {f"val/{name}": data for name, data in archives.class_folders(each=9, seed=2).items()}
    leaked = shots(prefix="test/", of=range(2), each=1, first=9)
    (told,) = texts(take_in(tmp_path, train | val | fresh | leaked), "warning")
    assert told.startswith("2 of 20 test images (10.0%) are nearly the same as one that is trained on, such as test/")


def test_a_split_of_the_upload_is_not_said_to_keep_groups_together(tmp_path: Path) -> None:
    files = shots(prefix="train/") | shots(prefix="test/", each=1, first=9)
    assert texts(take_in(tmp_path, files), "note") == [
        "36 images are nearly the same as others, such as train/cats/01-0.png and train/cats/01-1.png: "
        "each of 12 groups stays in one of the splits that are cut from them."
    ]


def test_groups_of_a_table_stay_on_one_side(tmp_path: Path) -> None:
    """Patients have images of both classes."""
    files = {f"{at:03}.png": archives.picture(at) for at in range(120)}
    rows = "\n".join(f"{name},{'ab'[at % 2]},patient {at % 17}" for at, name in enumerate(files))
    upload = {**files, "labels.csv": f"image,label,patient\n{rows}".encode()}
    splits = splits_of(tmp_path, upload)
    patients: dict[int, set[Split]] = {}
    for at, name in enumerate(files):
        patients.setdefault(at % 17, set()).add(splits[name])
    assert all(len(found) == 1 for found in patients.values())
    assert set(splits.values()) == {"train", "val", "test"}
    assert "120 images belong to groups" in texts(take_in(tmp_path, upload), "note")[0]


def test_groups_by_a_pattern(tmp_path: Path) -> None:
    files = {
        f"{name}/video{at % 9}_frame{at}.png": archives.picture(archives.hash_seed(name, at))
        for name in ("cats", "dogs")
        for at in range(45)
    }
    found = sides(splits_of(tmp_path, files, r"(\w+)_frame"), slice(6))
    assert all(len(splits) == 1 for splits in found.values())
    whole = splits_of(tmp_path, files, r"video\d+")
    assert whole == splits_of(tmp_path, files, r"(\w+)_frame")
    assert whole != splits_of(tmp_path, files)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [(r"(\w+)_shot", "matches no path of an image"), ("(a", "missing \\)"), ("(?=a)", "perl operator")],
)
def test_a_pattern_of_no_use_is_refused(tmp_path: Path, pattern: str, reason: str) -> None:
    with pytest.raises(OptionsInvalid, match=f"option group_by: .*{reason}"):
        take_in(tmp_path, archives.class_folders(), pattern)


def test_augmented_copies_of_roboflow_stay_on_one_side(tmp_path: Path) -> None:
    """They may be turned or cut, so that they do not look alike."""
    files = {
        f"{name}/{at % 10}_jpg.rf.{at:032x}.png": archives.picture(archives.hash_seed(name, at))
        for name in ("cats", "dogs")
        for at in range(40)
    }
    splits = splits_of(tmp_path, files)
    for name in ("cats", "dogs"):
        found = sides({path: split for path, split in splits.items() if path.startswith(name)}, slice(1))
        assert all(len(each) == 1 for each in found.values())


def test_a_class_that_looks_alike_is_cut_all_the_same_and_said(tmp_path: Path) -> None:
    one = {f"cats/{number}.png": frame(1, number) for number in range(40)}
    upload = one | archives.class_folders(["dogs"], each=40)
    report = take_in(tmp_path, upload)
    assert report.counts["cats"] == {"train": 26, "val": 6, "test": 8}
    (told,) = texts(report, "warning")
    assert told.startswith("40 images of cats look nearly alike.")


def test_a_single_told_group_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotUnderstood, match="No group of images is small enough for the split val and test"):
        take_in(tmp_path, {f"set1_{name}": data for name, data in archives.class_folders().items()}, "^set1")


@pytest.mark.parametrize("prefix", ["", "train/"])
def test_the_data_set_of_other_images_is_what_it_always_was(tmp_path: Path, prefix: str) -> None:
    """The digest was made before images were grouped: versions name the data sets that they were made of."""
    files = {
        f"{prefix}{name}/{at}.bmp": archives.picture(archives.hash_seed(0, name, at), suffix="bmp")
        for name in ("cats", "dogs", "owls")
        for at in range(40)
    }
    digest = "sha256:497e0c9e8f675617d8e54d256671e73de6ece0d61b5bf3669c58b1d09b7a1319"
    assert take_in(tmp_path, files).digest == digest
