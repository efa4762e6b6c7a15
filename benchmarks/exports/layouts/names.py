"""Names of classes: every script and sign, and zips that do not say how their names are written."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.exports.documents import images
from benchmarks.exports.export import Export
from benchmarks.exports.packing import zip_of
from benchmarks.exports.samples import samples

NAMES: dict[str, tuple[str, ...]] = {
    "umlauts": ("Käfer", "Möwe"),
    "Chinese": ("猫", "狗", "鹰"),
    "blanks and signs": ("Granny Smith (red)", "50% off & more", "c++"),
    "numbers": ("0", "1", "10"),
    "numbers with zeros": ("007", "042"),
    "commas and quotes": ("cat, striped", 'the "dog"'),
    "a colon": ("A: good", "B: bad"),
    "letters": ("A", "B", "C"),
    "dots": ("n01440764.tench", "n01443537.goldfish"),
    "negation": ("no_mask", "with_mask"),
    "yes and no": ("yes", "no"),
    "true and false": ("true", "false"),
}


def exports() -> Iterator[Export]:
    for variant, classes in NAMES.items():
        found = samples(classes, splits=["train"], each=12)
        upload = images(found, lambda s: f"{s.label}/")
        yield Export(name=f"class names/{variant}", upload=upload, true=found, given=(), names=classes)
    alike = samples(("Cat", "cat"), splits=["train"], each=12)
    yield Export(
        name="class names/Cat and cat",
        upload=images(alike, lambda s: f"{s.label}/"),
        true=alike,
        given=(),
        needs_warning=True,
    )
    splits = samples(("train", "plane", "car"), splits=["train"], each=12)
    yield Export(
        name="class names/train, plane and car",
        upload=images(splits, lambda s: f"{s.label}/"),
        true=splits,
        given=(),
        needs_warning=True,
    )
    classes = ("Käfer", "Möwe")
    found = samples(classes, splits=["train"], each=12)
    for variant, encoding in (("Linux", "utf-8"), ("DOS", "cp437")):
        bare = without_flag(images(found, lambda s: f"{s.label}/"), classes, encoding)
        yield Export(name=f"class names/a zip without flag, {variant}", upload=bare, true=found, given=())
    apart = images(found, lambda s: unicodedata.normalize("NFD", f"{s.label}/"))
    yield Export(name="class names/letters and their dots apart", upload=apart, true=found, given=())


def without_flag(files: Mapping[str, bytes], names: Sequence[str], encoding: str) -> bytes:
    """A zip in which the names stand as bytes of an encoding that it does not tell."""
    raw = {name: name.encode(encoding) for name in names}
    stands_for = {name: f"{number}".ljust(len(raw[name]), "~") for number, name in enumerate(names)}
    upload = zip_of({_replaced(path, stands_for): data for path, data in files.items()})
    for name, ascii_name in stands_for.items():
        upload = upload.replace(ascii_name.encode(), raw[name])
    return upload


def _replaced(text: str, words: Mapping[str, str]) -> str:
    for old, new in words.items():
        text = text.replace(old, new)
    return text
