"""Class folders: a folder a class."""

from trainer.intake.findings import Finding, paths_of, shorten
from trainer.intake.layouts.folders.reading import read_folders
from trainer.intake.layouts.folders.shape import FolderShape, shape_of
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
        return read_folders(upload, shape, _findings(shape))


def _findings(shape: FolderShape) -> list[Finding]:
    if shape.kind != "parts":
        return []
    upper = ", ".join(shorten(list(shape.unknown)))
    text = (
        f"The folders {upper} hold folders of the same names, which are taken as the classes. Their own names are no "
        "splits that are known, so their images are taken together. Name them train, val and test if they are splits."
    )
    return [Finding(weight="warning", text=text, files=paths_of((name,) for name in shape.unknown))]
