"""Which image belongs to which class, and to which split where the upload says so; duplicates resolved."""

from collections import defaultdict
from collections.abc import Collection

from trainer.layout import SPLITS, Placement, Split, read_layout
from trainer.paths import Parts
from trainer.scan import Scan
from trainer.splits import cut_splits

ClassImages = dict[str, Split | None]  # digest -> split, None where the upload has no splits


def label(scan: Scan) -> dict[str, ClassImages]:
    """Class -> its images, classes sorted; a class of only broken images is there with none. Notes what it drops."""
    layout = read_layout(scan.promised)
    places = {parts: layout.place(parts) for parts in scan.promised}
    names = sorted({place.label for place in places.values() if isinstance(place, Placement)})
    labels: dict[str, ClassImages] = {name: {} for name in names}
    copies: dict[str, list[tuple[Placement, Parts]]] = defaultdict(list)
    for parts, digest in sorted(scan.images):
        place = places[parts]
        if isinstance(place, Placement):
            copies[digest].append((place, parts))
        else:
            scan.skip(parts, place)
    for digest, found in copies.items():
        kept = _resolve(found, scan)
        if kept is not None:
            labels[kept.label][digest] = kept.split
    return labels


def _resolve(copies: list[tuple[Placement, Parts]], scan: Scan) -> Placement | None:
    """The one copy of an image that counts, or None if its copies contradict each other."""
    names = sorted({place.label for place, _ in copies})
    if len(names) > 1:
        for _, parts in copies:
            scan.skip(parts, f"the same image is in several classes ({', '.join(names[:3])})")
        return None
    # The copy in the earliest of train, val, test stays: what was trained on must not be tested on.
    (kept, first), *others = sorted(copies, key=lambda copy: SPLITS.index(copy[0].split or "train"))
    for _, parts in others:
        scan.skip(parts, f"a duplicate of {'/'.join(first)}")
    return kept


def split(labels: dict[str, ClassImages]) -> dict[str, Split]:
    """Digest -> split, every split present: what the upload lacks is cut from its training images, class by class."""
    given = {part for images in labels.values() for part in images.values()}
    missing: Collection[Split] = [part for part in SPLITS if part != "train" and part not in given]
    result: dict[str, Split] = {}
    for images in labels.values():
        result.update(cut_splits((digest for digest, part in images.items() if part in {None, "train"}), missing))
        result.update({digest: part for digest, part in images.items() if part is not None and part != "train"})
    return result
