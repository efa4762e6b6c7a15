"""Folders that do not say what the images are: nothing is read, and the reader is told why."""

from trainer.intake.findings import Finding, paths_of, shorten
from trainer.intake.layouts.folders.shape import FolderShape, shape_of
from trainer.intake.layouts.layout import SHAPE, Reading, Recognition
from trainer.intake.upload import Upload


class UnclearFolders:
    name = "folders without classes"
    seen_from = "Kaggle competitions, exports whose labels were not copied along"
    reads = "nothing: `train/1.jpg` and `test/1.jpg` without a table are refused, as is what can be read in two ways"

    def recognise(self, upload: Upload) -> Recognition | None:
        shape = upload.once(shape_of)
        if shape.kind not in {"bare splits", "unclear"}:
            return None
        return Recognition(confidence=SHAPE, why="the folders of the images do not say what their classes are")

    def read(self, upload: Upload) -> Reading:
        shape = upload.once(shape_of)
        text = _bare(shape) if shape.kind == "bare splits" else _unclear(shape)
        folders = sorted(shape.splits or shape.unknown)
        return Reading(
            placements={},
            left_out=[(parts, "its folders do not say what it shows") for parts in upload.images],
            findings=[Finding(weight="error", text=text, files=paths_of((name,) for name in folders))],
        )


def _bare(shape: FolderShape) -> str:
    names = ", ".join(shorten(sorted(shape.splits)))
    return (
        f"The images lie in the folders {names}, which are splits and no classes, and no table says what they show. "
        "Add the table of labels that belongs to them (columns file and label), or sort the images into class folders "
        "below the splits. If these names are the classes, rename them, such as to class_train."
    )


def _unclear(shape: FolderShape) -> str:
    names = ", ".join(shorten(sorted(shape.splits or shape.unknown)))
    return (
        f"The names of the folders {names} can be read in two ways: as classes, or as something above the classes. "
        "If they are the classes, put their images directly into them; if the folders in them are, name the upper ones "
        "train, val and test, or take them away."
    )
