"""What is said of a network within its file, so that the file alone is enough to use it (torch-free)."""

import json
from collections.abc import Mapping

from nettailor.bundle.bundle import Bundle, manifest_json

ENTRY = "nettailor.json"  # the metadata in formats that keep whole files


def metadata(bundle: Bundle, version: int) -> dict[str, str]:
    """Texts by name. `labels` and `manifest` are JSON; the manifest is the bundle's own, preprocessing included."""
    manifest = bundle.manifest
    return {
        "task": manifest.task,
        "version": str(version),
        "digest": bundle.digest,
        "labels": json.dumps(manifest.classes, ensure_ascii=False),
        "preprocessing": manifest.preprocessing.model_dump_json(),
        "manifest": manifest_json(manifest),
    }


def as_json(texts: Mapping[str, str]) -> str:
    return json.dumps(texts, ensure_ascii=False)
