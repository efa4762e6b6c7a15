"""VoTT: assets with tagged regions, as JSON. Its CSV is a table of boxes."""

from collections.abc import Mapping
from typing import Any

from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import AnnotationTool, bounded, json_documents, objects, parse_all, text
from trainer.intake.upload import Document, Upload


class Vott(AnnotationTool):
    name = "VoTT"
    seen_from = "VoTT 2 (JSON; as Datumaro 1.13.12 reads it)"
    reads = "regions are boxes, and refused unless every image shows one class"
    boxes_only = True

    def files(self, upload: Upload) -> list[AnnotationFile]:
        return parse_all(
            json_documents(upload, {"assets", "videoSettings", "sourceConnection"}),
            lambda document: _parse(document, upload.most_rows),
            upload.most_rows,
        )


def _parse(document: Document, most_rows: int) -> AnnotationFile | None:
    assets = document.json().get("assets")
    found = objects(list(assets.values())) if isinstance(assets, dict) else []
    found = [asset for asset in found if isinstance(asset.get("asset"), dict)]
    if not found:
        return None
    return AnnotationFile(document=document, entries=bounded(map(_entry, found), most_rows))


def _entry(asset: Mapping[str, Any]) -> Entry:
    name = text(asset["asset"].get("name"))
    tags = (region.get("tags") for region in objects(asset.get("regions")))
    names = {text(name) for found in tags if isinstance(found, list) for name in found}
    return Entry(
        where=f"asset {name[:100]}",
        files=(name, text(asset["asset"].get("path"))),
        boxes=tuple(names - {""}),
    )
