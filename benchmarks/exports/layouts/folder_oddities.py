"""What lies in folders besides good images: litter, unlabelled images, other files, odd names."""

import io
from collections.abc import Iterator

from PIL import Image

from benchmarks.exports.documents import by_pattern, images
from benchmarks.exports.export import Export
from benchmarks.exports.layouts.folders import spelled
from benchmarks.exports.packing import tar_of, zip_of
from benchmarks.exports.samples import ALL, TRAIN, encoded, samples

CLASSES_OF = images(TRAIN, lambda s: f"{s.label}/")
UNLABELLED = [sample for sample in samples(splits=["test"], each=12) if sample.number > 7]
LITTER = {
    "__MACOSX/cat/._img.png": b"\0\5\x16\7",
    ".DS_Store": b"Bud1",
    "cat/.DS_Store": b"Bud1",
    "cat/Thumbs.db": b"\xd0\xcf\x11\xe0",
    "dog/desktop.ini": b"[.ShellClassInfo]",
    "cat/Icon\r": b"",
}


def exports() -> Iterator[Export]:
    yield Export(name="folder oddities/litter", upload=CLASSES_OF | LITTER, true=TRAIN, given=())
    wrapped = {f"__MACOSX/set/._{name.partition('/')[2]}": b"\0\5\x16\7" for name in CLASSES_OF}
    yield Export(
        name="folder oddities/Finder's zip of a folder",
        upload={f"set/{name}": data for name, data in CLASSES_OF.items()} | wrapped,
        true=TRAIN,
        given=(),
    )
    for folder in ("no_label", "_unlabeled", "unlabelled images", "predict", "seg_pred/seg_pred"):
        files = images(UNLABELLED, by_pattern(f"{folder}/"))
        yield Export(
            name=f"folder oddities/{folder} beside splits",
            upload=images(ALL, spelled("train", "val", "test")) | files,
            true=ALL,
            left_out=list(files),
        )
    loose = images(UNLABELLED, lambda _s: "test/")
    yield Export(
        name="folder oddities/test images without class folders",
        upload=images(TRAIN, lambda s: f"train/{s.label}/") | loose,
        true=TRAIN,
        given=(),
        left_out=list(loose),
    )
    extra = images(UNLABELLED, lambda s: f"extra/{s.label}/")
    yield Export(
        name="folder oddities/a folder beside the splits",
        upload=images(ALL, spelled("train", "val", "test")) | extra,
        true=ALL,
        left_out=list(extra),
    )
    yield Export(
        name="folder oddities/parts",
        upload=images(TRAIN, lambda s: f"batch_{s.number % 3}/{s.label}/"),
        true=TRAIN,
        given=(),
    )
    yield from _files()
    yield from _copies()
    yield from _archives()


def _files() -> Iterator[Export]:
    """Files that are no images, and images that cannot be read."""
    notes = {"cat/notes.txt": b"mostly asleep", "README.md": b"# Animals", "LICENSE": b"MIT", "make.py": b"print(1)"}
    yield Export(name="folder oddities/notes", upload=CLASSES_OF | notes, true=TRAIN, given=())
    broken = {"cat/broken.png": TRAIN[0].data[:300], "dog/empty.jpg": b"", "owl/clip.mp4": b"\0\0\0\x20ftypisom"}
    yield Export(
        name="folder oddities/broken files", upload=CLASSES_OF | broken, true=TRAIN, given=(), left_out=list(broken)
    )
    videos = {f"fox/{number}.mp4": b"\0\0\0\x20ftypisom" for number in range(9)}
    yield Export(
        name="folder oddities/a class of videos",
        upload=CLASSES_OF | videos,
        true=TRAIN,
        given=(),
        left_out=list(videos),
    )
    called = {name.replace(".png", ".jpg"): data for name, data in CLASSES_OF.items()}
    yield Export(name="folder oddities/PNG called JPEG", upload=called, true=TRAIN, given=())
    jpegs = {f"{s.label}/{s.stem}.JPG": encoded(s, "JPEG") for s in TRAIN}
    yield Export(name="folder oddities/JPEG", upload=jpegs, true=TRAIN, given=())
    forms = {
        f"{s.label}/{s.stem}.{form.lower()}": encoded(s, form)
        for s, form in zip(TRAIN, ("PNG", "BMP", "TIFF", "JPEG") * len(TRAIN), strict=False)
    }
    yield Export(name="folder oddities/formats mixed", upload=forms, true=TRAIN, given=())
    bare = {f"{s.label}/{s.stem}": s.data for s in TRAIN}
    yield Export(name="folder oddities/no suffixes", upload=bare, true=TRAIN, given=())


def _copies() -> Iterator[Export]:
    """The same picture more than once."""
    twice = CLASSES_OF | {f"cat/copy {s.number}.png": s.data for s in TRAIN if s.label == "cat"}
    yield Export(name="folder oddities/duplicates", upload=twice, true=TRAIN, given=())
    again = io.BytesIO()
    Image.open(io.BytesIO(TRAIN[0].data)).save(again, "BMP")
    yield Export(
        name="folder oddities/a duplicate in another format",
        upload=CLASSES_OF | {"cat/again.bmp": again.getvalue()},
        true=TRAIN,
        given=(),
    )
    yield Export(
        name="folder oddities/one picture in two classes",
        upload=CLASSES_OF | {"dog/a.png": TRAIN[0].data},
        true=TRAIN[1:],
        given=(),
        left_out=["dog/a.png", f"cat/{TRAIN[0].name}"],
    )
    kept = [s for s in ALL if s.split != "test" or s.label != "cat"]
    leaked = images(kept, spelled("train", "val", "test"))
    leaked |= {f"test/cat/leak{at}.png": s.data for at, s in enumerate(kept) if s.label == "cat" and s.split == "train"}
    yield Export(name="folder oddities/test images that are training images", upload=leaked, true=kept)


def _archives() -> Iterator[Export]:
    """Other archives than one zip."""
    yield Export(name="archives/tar.gz", upload=tar_of(CLASSES_OF), true=TRAIN, given=())
    yield Export(name="archives/tar", upload=tar_of(CLASSES_OF, mode="w"), true=TRAIN, given=())
    labels = ("cat", "dog", "owl")
    packed = {f"{label}.zip": zip_of({s.name: s.data for s in TRAIN if s.label == label}) for label in labels}
    yield Export(name="archives/a zip a class", upload=packed, true=TRAIN, given=())
    parts = {
        f"{split}.zip": zip_of(images([s for s in ALL if s.split == split], lambda s: f"{s.label}/"))
        for split in ("train", "val", "test")
    }
    yield Export(name="archives/a zip a split", upload=parts, true=ALL)
    yield Export(name="archives/a 7z", upload=b"7z\xbc\xaf\x27\x1c" + bytes(99), true=TRAIN, refusal="7z")
