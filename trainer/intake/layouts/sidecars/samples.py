"""Images and the files beside them that have their names: `0001.jpg`, `0001.cls`, `0001.json`.

As in WebDataset, a name ends at its first dot: `0001.left.jpg` and `0001.cls` are one sample.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trainer.intake.archives.paths import Parts
from trainer.intake.upload import Document, Upload

SUFFIXES = (".cls", ".class", ".json", ".txt")

Files = Mapping[str, Document]  # by their suffixes


@dataclass(frozen=True, kw_only=True)
class Sample:
    image: Parts
    files: Files


@dataclass(frozen=True, kw_only=True)
class Samples:
    samples: Sequence[Sample]
    # the ending of the images that are taken, where samples have several, and the images that are not
    taken: str = ""
    others: Sequence[Parts] = ()

    @property
    def documents(self) -> frozenset[Parts]:
        return frozenset(document.parts for sample in self.samples for document in sample.files.values())


def samples_of(upload: Upload) -> Samples:
    """For `Upload.once`."""
    files = _files(upload.documents)
    found: dict[Parts, list[tuple[str, Parts]]] = defaultdict(list)  # by the sample: its images, and their endings
    for image in upload.images:
        key = next((key for key in _keys(image) if key in files), None)
        if key is not None:
            found[key].append((image[-1][len(key[-1]) :].lower(), image))
    taken = _taken(found.values())
    samples, others = [], []
    for key, images in found.items():
        chosen = images[0] if len(images) == 1 else next((pair for pair in images if pair[0] == taken), images[0])
        samples.append(Sample(image=chosen[1], files=files[key]))
        others += [image for pair in images if pair != chosen for image in pair[1:]]
    return Samples(samples=samples, taken=taken if others else "", others=others)


def _files(documents: Iterable[Document]) -> dict[Parts, dict[str, Document]]:
    files: dict[Parts, dict[str, Document]] = defaultdict(dict)
    for document in documents:
        if document.suffix in SUFFIXES:
            files[(*document.folder, document.parts[-1][: -len(document.suffix)])][document.suffix] = document
    return dict(files)


def _keys(image: Parts) -> tuple[Parts, Parts]:
    """What the files beside an image may be called: as it is but for the suffix, or up to its first dot."""
    return (*image[:-1], image[-1].rpartition(".")[0]), (*image[:-1], image[-1].partition(".")[0])


def _taken(samples: Iterable[Sequence[tuple[str, Parts]]]) -> str:
    """Of the endings that samples of several images have: the simplest, then the most frequent."""
    counts = Counter(ending for images in samples if len(images) > 1 for ending, _ in images)
    return min(counts, key=lambda ending: (ending.count("."), -counts[ending], ending), default="")
