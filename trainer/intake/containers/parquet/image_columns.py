"""Which column of a Parquet file holds the images, and which may say what they show."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainer.intake.layouts.tables.declared_names import names_of_features
from trainer.intake.layouts.tables.roles import is_label
from trainer.intake.parquet.parquet_file import ParquetFile
from trainer.intake.parquet.plain import is_plain

# of bytes alone; in the order of preference, as of structs of bytes and a path
_NAMES = ("image", "img", "picture", "photo", "jpg", "jpeg", "png", "webp", "image_bytes", "bytes", "images", "content")
_BYTES, _PATH = "bytes", "path"
_LABEL = "label"
_METADATA = b"huggingface"


@dataclass(frozen=True, kw_only=True)
class ImageColumns:
    image: str
    # whether the column is a struct of bytes and a path, as Hugging Face writes it
    is_struct: bool
    # columns of words and numbers
    plain: Sequence[str]
    # columns of lists of classes
    lists: Sequence[str]
    # column -> the names of its classes in the order of their numbers
    names: Mapping[str, Sequence[str]]
    # further columns of images
    others: Sequence[str]

    @property
    def leaves(self) -> list[str]:
        """The columns that are read, or what of them."""
        image = [f"{self.image}.{_BYTES}", f"{self.image}.{_PATH}"] if self.is_struct else [self.image]
        return [*image, *self.plain, *self.lists]

    def image_of(self, row: Mapping[str, Any]) -> tuple[bytes | None, str]:
        """The image's bytes, and its path or "" where there is none."""
        value = row[self.image]
        if not self.is_struct or value is None:
            return value, ""
        return value.get(_BYTES), value.get(_PATH) or ""

    def called(self, column: str) -> str:
        """The only column of classes is the label, whatever its name is."""
        only = len(self.names) == 1 and column in self.names and _LABEL not in (*self.plain, *self.lists)
        return _LABEL if only else column


def image_columns(file: ParquetFile) -> ImageColumns | None:
    """None where the file holds no images."""
    structs = [field.name for field in file.schema if _is_struct(field.type, file.types)]
    blobs = [field.name for field in file.schema if _is_blob(field.type, file.types) and field.name.lower() in _NAMES]
    images = sorted(structs, key=_preference) or sorted(blobs, key=_preference)
    if not images:
        return None
    declared = names_of_features(_features(file.schema.metadata or {}))
    types = {field.name: field.type for field in file.schema}
    lists = [
        name for name, kind in types.items() if _is_list(kind, file.types) and (name in declared or is_label(name))
    ]
    plain = [name for name, kind in types.items() if is_plain(kind, file.types) and name != images[0]]
    return ImageColumns(
        image=images[0],
        is_struct=bool(structs),
        plain=plain,
        lists=lists,
        names={name: names for name, names in declared.items() if name in {*plain, *lists}},
        others=images[1:],
    )


def _preference(name: str) -> int:
    lower = name.lower()
    return _NAMES.index(lower) if lower in _NAMES else len(_NAMES)


def _is_struct(kind: Any, types: Any) -> bool:
    return bool(types.is_struct(kind)) and any(field.name == _BYTES and _is_blob(field.type, types) for field in kind)


def _is_blob(kind: Any, types: Any) -> bool:
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _is_list(kind: Any, types: Any) -> bool:
    return bool(types.is_list(kind) or types.is_large_list(kind)) and is_plain(kind.value_type, types)


def _features(metadata: Mapping[bytes, bytes]) -> Any:
    """What Hugging Face's library notes in the file about its columns."""
    try:
        content = json.loads(metadata.get(_METADATA, b"{}"))
        return content["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
