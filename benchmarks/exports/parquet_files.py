"""Samples as rows of Parquet files, written by pyarrow as Hugging Face's library has it written."""

import importlib
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.exports.samples import Sample


def packed(table: Any, **options: Any) -> bytes:
    target = io.BytesIO()
    importlib.import_module("pyarrow.parquet").write_table(table, target, **options)
    return target.getvalue()


def image_column(found: Sequence[Sample], *, with_path: bool = True) -> Any:
    """A column of structs of bytes and a path."""
    arrow = importlib.import_module("pyarrow")
    kind = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    return arrow.array([{"bytes": s.data, "path": s.name if with_path else None} for s in found], kind)


def class_label(names: Sequence[str]) -> dict[str, object]:
    return {"names": list(names), "_type": "ClassLabel"}


def with_features(table: Any, features: Mapping[str, object]) -> Any:
    """The table with the note of Hugging Face's library about its columns."""
    note = {"info": {"features": {"image": {"_type": "Image"}, **features}}}
    return table.replace_schema_metadata({"huggingface": json.dumps(note)})
