"""LabelMe: a JSON document with shapes and flags for each image. Its older XML is read as Pascal VOC."""

from trainer.intake.layouts.annotations.boxes.one_an_image import image_names, read_one_an_image
from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import AnnotationTool, json_documents, objects, text
from trainer.intake.upload import Document, Upload

_MOST_BYTES = 4 * 1024**3  # of all documents, which hold the images as well


class LabelMe(AnnotationTool):
    name = "LabelMe"
    seen_from = "LabelMe 6.3.1 (JSON)"
    reads = "the one flag of an image that is set; shapes are outlines, and refused unless every image shows one class"
    boxes_only = True

    def files(self, upload: Upload) -> list[AnnotationFile]:
        return read_one_an_image(json_documents(upload, {"shapes", "flags"}), _parse, upload.most_rows, _MOST_BYTES)


def _parse(document: Document) -> Entry | None:
    content = document.json()
    if not isinstance(content.get("shapes"), list) or "imagePath" not in content:
        return None
    flags = content.get("flags")
    return Entry(
        where=document.parts[-1],
        files=(text(content["imagePath"]), *image_names(document)),
        labels=tuple(name for name, is_set in flags.items() if is_set is True) if isinstance(flags, dict) else (),
        boxes=tuple({text(shape.get("label")) for shape in objects(content["shapes"])} - {""}),
    )
