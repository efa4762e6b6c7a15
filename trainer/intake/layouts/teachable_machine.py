"""What Teachable Machine gives out: the samples of each class as an archive, or the whole project."""

import re

from trainer.intake.archives.paths import Parts
from trainer.intake.findings import shorten
from trainer.intake.layouts.layout import CERTAIN, Reading, Recognition
from trainer.intake.layouts.unplaced import unplaced_images
from trainer.intake.placement import Placement
from trainer.intake.upload import Upload

# browsers number a download of a name that is there already
_FOLDER = re.compile(r"^(.+)-samples(?: ?\(\d+\))?$")
_NAME = re.compile(r"^(.+)-!-\d+\.\w+$")


class TeachableMachine:
    name = "Teachable Machine"
    seen_from = "Teachable Machine 2 (`Class 1-samples.zip`, `project.tm`), as public programs read and write them"
    reads = "archives or folders `Class 1-samples`, whose class is `Class 1`; images `Class 1-!-12.jpg` of a project"

    def recognise(self, upload: Upload) -> Recognition | None:
        classes = upload.once(_classes)
        if 2 * len(classes) <= len(upload.images):
            return None
        names = ", ".join(shorten(sorted(set(classes.values()))))
        return Recognition(confidence=CERTAIN, why=f"names are as it writes them, of the classes {names}")

    def read(self, upload: Upload) -> Reading:
        classes = upload.once(_classes)
        unplaced = [image for image in upload.images if image not in classes]
        return Reading(
            placements={image: Placement(label=name) for image, name in classes.items()},
            left_out=[(image, "its name is not as Teachable Machine writes it") for image in unplaced],
            findings=unplaced_images(unplaced, upload, "not called as Teachable Machine calls them"),
        )


def _classes(upload: Upload) -> dict[Parts, str]:
    found = {image: _class_of(image) for image in upload.images}
    return {image: name for image, name in found.items() if name}


def _class_of(image: Parts) -> str | None:
    """By its own name, else by that of its folder."""
    found = _NAME.match(image[-1]) or (_FOLDER.match(image[-2]) if len(image) > 1 else None)
    return None if found is None else found[1].strip()
