"""Splits and class folders: train, val and test folders with class folders in them, or the other way round."""

from trainer.intake.findings import Finding, paths_of, shorten
from trainer.intake.layouts.folders.reading import read_folders
from trainer.intake.layouts.folders.shape import FolderShape, shape_of
from trainer.intake.layouts.layout import SHAPE, Reading, Recognition
from trainer.intake.upload import Upload


class SplitFolders:
    name = "splits and class folders"
    seen_from = "Kaggle (`seg_train`, `Training`), Roboflow folder export, Ultralytics, Keras examples"
    reads = (
        "`train/cats/1.jpg` or `cats/train/1.jpg`; a folder is a split by the words in its name (`Training Data`, "
        "`train2017`, `validation_set`, `holdout`)"
    )

    def recognise(self, upload: Upload) -> Recognition | None:
        shape = upload.once(shape_of)
        if shape.kind not in {"splits", "splits below"}:
            return None
        names = ", ".join(f"{name} ({split})" for name, split in sorted(shape.splits.items()))
        where = "above" if shape.kind == "splits" else "in"
        return Recognition(confidence=SHAPE, why=f"there are folders of splits {where} the class folders: {names}")

    def read(self, upload: Upload) -> Reading:
        shape = upload.once(shape_of)
        return read_folders(upload, shape, _findings(shape))


def _findings(shape: FolderShape) -> list[Finding]:
    if not shape.unknown:
        return []
    unknown, known = ", ".join(shorten(list(shape.unknown))), ", ".join(shape.splits)
    text = (
        f"The folders {unknown} lie beside {known} and are no splits that are known: their images are left out. "
        "Name them train, val or test, or take them away."
    )
    return [Finding(weight="warning", text=text, files=paths_of((name,) for name in shape.unknown))]
