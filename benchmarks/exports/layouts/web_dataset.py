"""WebDataset: shards of images with files beside them."""

import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping

from benchmarks.exports.documents import as_json
from benchmarks.exports.export import Export
from benchmarks.exports.packing import tar_of
from benchmarks.exports.samples import ALL, CLASSES, NUMBERS, TRAIN, Sample, by_split

Fields = Callable[[Sample], dict[str, bytes]]


def samples_of(found: Iterable[Sample], fields: Fields, prefix: str = "") -> dict[str, bytes]:
    """Images, and the files beside each."""
    return {
        f"{prefix}{sample.stem}.{ending}": data
        for sample in found
        for ending, data in ({"png": sample.data} | fields(sample)).items()
    }


def shard(found: Iterable[Sample], fields: Fields) -> bytes:
    return tar_of(samples_of(found, fields), mode="w", form=tarfile.USTAR_FORMAT)


def shards(found: Iterable[Sample], fields: Fields, name: str = "{}-{:06d}.tar") -> dict[str, bytes]:
    """Two to train on, one of each other split."""
    parts = by_split(found)
    train = parts.pop("train")
    packed = {name.format("train", at): shard(train[at::2], fields) for at in (0, 1)}
    return packed | {name.format(split, 0): shard(part, fields) for split, part in parts.items()}


FIELDS: Mapping[str, tuple[Fields, tuple[str, ...]]] = {
    "cls of numbers": (lambda s: {"cls": str(NUMBERS[s.label]).encode()}, ("0", "1", "2")),
    "cls of words": (lambda s: {"cls": s.label.encode()}, CLASSES),
    "json": (lambda s: {"json": as_json({"label": s.label, "width": 24})}, CLASSES),
    "cls and json": (lambda s: {"cls": b"%d" % NUMBERS[s.label], "json": as_json({"label": s.label})}, CLASSES),
    "txt": (lambda s: {"txt": s.label.encode()}, CLASSES),
}


def exports() -> Iterator[Export]:
    for variant, (fields, names) in FIELDS.items():
        yield Export(name=f"webdataset/{variant}", upload=shards(ALL, fields), true=ALL, names=names)
    words = FIELDS["cls of words"][0]
    yield Export(name="webdataset/one shard", upload=shard(TRAIN, words), true=TRAIN, given=())
    yield Export(name="webdataset/unpacked", upload=samples_of(TRAIN, words, "shard/"), true=TRAIN, given=())
    yield Export(
        name="webdataset/captions",
        upload=shards(ALL, lambda s: {"txt": f"a picture of {s.stem}".encode()}),
        true=ALL,
        refusal="class",
    )
