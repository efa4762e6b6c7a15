"""Which image belongs to which class, and to which split where the upload says so; duplicates resolved."""

from collections import defaultdict
from collections.abc import Collection

from trainer.intake.archives.paths import Parts
from trainer.intake.layouts.layout import Reading
from trainer.intake.placement import SPLITS, Placement, Split
from trainer.intake.scanning.scan import Scan
from trainer.intake.splits.cut import cut_splits

ClassImages = dict[str, Split | None]  # digest -> split, None where the upload has no splits


def label(scan: Scan, reading: Reading) -> dict[str, ClassImages]:
    """Class -> its images, classes sorted; a class of only broken images is there with none. Notes what it drops."""
    names = sorted({place.label for place in reading.placements.values()})
    labels: dict[str, ClassImages] = {name: {} for name in names}
    copies: dict[str, list[tuple[Placement, Parts, str]]] = defaultdict(list)  # by what the picture shows
    for parts, digest in sorted(scan.images):
        place = reading.placements.get(parts)
        if place is not None:
            copies[scan.spooled[digest].pixels].append((place, parts, digest))
    for found in copies.values():
        kept = _resolve(found, scan)
        if kept is not None:
            place, digest = kept
            labels[place.label][digest] = place.split
    return labels


def _resolve(copies: list[tuple[Placement, Parts, str]], scan: Scan) -> tuple[Placement, str] | None:
    """The place and digest of the one copy of an image that counts, or None if its copies contradict each other."""
    names = sorted({place.label for place, _, _ in copies})
    if len(names) > 1:
        for _, parts, _ in copies:
            scan.skip(parts, f"the same image is in several classes ({', '.join(names[:3])})")
        return None
    # The copy in the earliest of train, val, test stays: what was trained on must not be tested on.
    (kept, first, digest), *others = sorted(copies, key=lambda copy: SPLITS.index(copy[0].split or "train"))
    scan.duplicates += len(others)
    for _, parts, _ in others:
        scan.skip(parts, f"a duplicate of {'/'.join(first)}")
    return kept, digest


def split(labels: dict[str, ClassImages]) -> dict[str, Split]:
    """Digest -> split, every split present: what the upload lacks is cut from its training images, class by class."""
    given = {part for images in labels.values() for part in images.values()}
    missing: Collection[Split] = [part for part in SPLITS if part != "train" and part not in given]
    result: dict[str, Split] = {}
    for images in labels.values():
        result.update(cut_splits((digest for digest, part in images.items() if part in {None, "train"}), missing))
        result.update({digest: part for digest, part in images.items() if part is not None and part != "train"})
    return result
