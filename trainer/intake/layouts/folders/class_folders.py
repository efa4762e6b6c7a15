"""Class folders: a folder a class."""

from collections.abc import Collection

from trainer.intake.findings import Finding, paths_of, shorten
from trainer.intake.layouts.folders.reading import read_folders
from trainer.intake.layouts.folders.shape import FolderShape, is_split_name, shape_of
from trainer.intake.layouts.layout import FALLBACK, SHAPE, Reading, Recognition
from trainer.intake.placement import Placement
from trainer.intake.upload import Upload


class ClassFolders:
    name = "class folders"
    seen_from = "torchvision `ImageFolder`, Keras `image_dataset_from_directory`, folders made by hand"
    reads = "the folder of an image is its class; folders around all of them mean nothing"

    def recognise(self, upload: Upload) -> Recognition | None:
        shape = upload.once(shape_of)
        if shape.kind not in {"classes", "parts"}:
            return None
        places = map(shape.place, upload.images)
        names = sorted({place.label for place in places if isinstance(place, Placement)})
        if not names:
            return None
        confidence = SHAPE if len(names) > 1 else FALLBACK
        return Recognition(confidence=confidence, why=f"the images lie in folders: {', '.join(shorten(names))}")

    def read(self, upload: Upload) -> Reading:
        shape = upload.once(shape_of)
        labels = {place.label for parts in upload.images if isinstance(place := shape.place(parts), Placement)}
        deep = shape.folders_in_classes(upload.images)
        findings = [*_parts(shape), *_copies(shape), *_like_splits(labels), *_folders_inside(deep)]
        return read_folders(upload, shape, findings)


def _like_splits(labels: Collection[str]) -> list[Finding]:
    """The finding on classes that are called as splits are: more often than not they are splits."""
    found = sorted(filter(is_split_name, labels))
    if not found:
        return []
    text = (
        f"{', '.join(shorten(found))}: taken as classes, since the folders beside them are no splits. If they are "
        "splits, put class folders into them; if they are classes, other names save this warning."
    )
    return [Finding(weight="warning", text=text, files=paths_of((name,) for name in found))]


def _folders_inside(folders: Collection[str]) -> list[Finding]:
    if not folders:
        return []
    text = f"Folders inside class folders are a part of the class: {', '.join(shorten(sorted(folders)))}."
    return [Finding(weight="note", text=text)]


def _copies(shape: FolderShape) -> list[Finding]:
    if not shape.wrapped:
        return []
    names = sorted(shape.wrapped)
    text = (
        f"The folders in {', '.join(shorten(names))} have the names of those beside it: they are taken as the same "
        "classes, and copies count once."
    )
    return [Finding(weight="note", text=text, files=tuple(names))]


def _parts(shape: FolderShape) -> list[Finding]:
    if shape.kind != "parts":
        return []
    upper = ", ".join(shorten(list(shape.unknown)))
    text = (
        f"The folders {upper} hold folders of the same names, which are taken as the classes. Their own names are no "
        "splits that are known, so their images are taken together. Name them train, val and test if they are splits."
    )
    return [Finding(weight="warning", text=text, files=paths_of((name,) for name in shape.unknown))]
