"""Hugging Face: folders of images with metadata, and Parquet files of images."""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks.exports.documents import as_json, as_lines, images, table_of_rows
from benchmarks.exports.export import Export
from benchmarks.exports.packing import zip_of
from benchmarks.exports.parquet_files import class_label, image_column, packed, with_features
from benchmarks.exports.samples import ALL, CLASSES, NUMBERS, Sample, by_split
from trainer.intake.placement import Split

SPLIT_NAMES: Mapping[Split, str] = {"train": "train", "val": "validation", "test": "test"}
CARD = """---
dataset_info:
  features:
  - name: image
    dtype: image
  - name: {}
    dtype:
      class_label:
        names:
          '0': cat
          '1': dog
          '2': owl
---
# Pets
"""
Rows = Sequence[Mapping[str, object]]
Write = Callable[[Rows], bytes]


def as_parquet(rows: Rows) -> bytes:
    arrow = importlib.import_module("pyarrow")
    return packed(arrow.Table.from_pylist(list(rows)))


FORMS: Mapping[str, Write] = {
    "metadata.csv": table_of_rows,
    "metadata.jsonl": as_lines,
    "metadata.parquet": as_parquet,
}


def folder(sample: Sample) -> str:
    return f"{SPLIT_NAMES[sample.split]}/"


def exports() -> Iterator[Export]:
    for name, write in FORMS.items():
        files = images(ALL, lambda s: f"data/{folder(s)}")
        for split, found in by_split(ALL).items():
            rows = [{"file_name": s.name, "label": s.label, "text": f"a {s.name}"} for s in found]
            files[f"data/{SPLIT_NAMES[split]}/{name}"] = write(rows)
        yield Export(name=f"hugging face/{name} a split", upload=files, true=ALL)
        rows = [{"file_name": folder(s) + s.name, "label": s.label} for s in ALL]
        yield Export(name=f"hugging face/{name}", upload={**images(ALL, folder), name: write(rows)}, true=ALL)
    numbered = table_of_rows([{"file_name": folder(s) + s.name, "label": NUMBERS[s.label]} for s in ALL])
    infos = as_json({"default": {"features": {"label": class_label(CLASSES)}}})
    for name, data in (("README.md", CARD.format("label").encode()), ("dataset_infos.json", infos)):
        files = {**images(ALL, folder), "metadata.csv": numbered, name: data}
        yield Export(name=f"hugging face/names in {name}", upload=files, true=ALL)
    captions = table_of_rows(
        [{"file_name": f"{s.label}/{s.name}", "text": f"a {s.stem}"} for s in by_split(ALL)["train"]]
    )
    files = images(ALL, lambda s: f"{folder(s)}{s.label}/") | {"train/metadata.csv": captions}
    yield Export(name="hugging face/captions beside class folders", upload=files, true=ALL)
    archives = {f"{SPLIT_NAMES[split]}.zip": _archive(found) for split, found in by_split(ALL).items()}
    yield Export(name="hugging face/an archive a split", upload=archives, true=ALL)
    yield from _parquet()


def _archive(found: Sequence[Sample]) -> bytes:
    rows = [{"file_name": s.name, "label": s.label} for s in found]
    return zip_of(images(found, lambda _s: "") | {"metadata.csv": table_of_rows(rows)})


def _parquet() -> Iterator[Export]:
    arrow = importlib.import_module("pyarrow")
    named: dict[str, bytes] = {}
    words: dict[str, bytes] = {}
    bare: dict[str, bytes] = {}
    for split, found in by_split(ALL).items():
        name = f"data/{SPLIT_NAMES[split]}-00000-of-00001.parquet"
        numbers = arrow.array([NUMBERS[s.label] for s in found])
        columns = {"image": image_column(found), "label": numbers}
        named[name] = packed(with_features(arrow.table(columns), {"label": class_label(CLASSES)}))
        words[name] = packed(arrow.table(columns | {"label": arrow.array([s.label for s in found])}))
        bare[name] = packed(arrow.table({"img": arrow.array([s.data for s in found]), "label": numbers}))
    yield Export(name="hugging face/Parquet of images", upload=named, true=ALL)
    yield Export(name="hugging face/Parquet of images and words", upload=words, true=ALL)
    yield Export(
        name="hugging face/Parquet of bytes, names in the card",
        upload=bare | {"README.md": CARD.format("label").encode()},
        true=ALL,
    )
    yield Export(name="hugging face/Parquet of bytes and numbers", upload=bare, true=ALL, names=("0", "1", "2"))
    captions = arrow.table({"image": image_column(ALL), "text": arrow.array([f"a picture {s.stem}" for s in ALL])})
    yield Export(
        name="hugging face/Parquet of captions",
        upload={"train.parquet": packed(captions)},
        true=ALL,
        refusal="no column says which class.*Add a column label",
    )
