"""Folders that do not say what the images are: nothing is read, and the reader is told why."""

from trainer.intake.findings import Finding, shorten
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
        places = {parts: shape.place(parts) for parts in upload.images}
        return Reading(
            placements={},
            left_out=[
                (parts, why if isinstance(why, str) else "its class is unclear") for parts, why in places.items()
            ],
            findings=[Finding(weight="error", text=text, files=tuple(sorted(shape.splits or shape.unknown)))],
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
