"""Which image belongs to which class, and to which split where the upload says so; duplicates resolved."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from trainer.intake.archives.paths import Parts
from trainer.intake.layouts.layout import Reading
from trainer.intake.placement import SPLITS, Placement, Split
from trainer.intake.scanning.scan import Scan
from trainer.intake.splits.cut import Cut, cut_classes
from trainer.intake.splits.grouping import Grouping

ClassImages = dict[str, Split | None]  # digest -> split, None where the upload has no splits


@dataclass(frozen=True, kw_only=True)
class Labels:
    """``classes`` are sorted; one of only broken images is there with none. ``paths`` has the path of each image."""

    classes: dict[str, ClassImages]
    paths: dict[str, Parts]

    @property
    def given(self) -> ClassImages:
        """Of all classes."""
        return {image: split for images in self.classes.values() for image, split in images.items()}


def label(scan: Scan, reading: Reading) -> Labels:
    """The class and the split of every usable image that the reading places. Notes the copies that it drops."""
    names = sorted({place.label for place in reading.placements.values()})
    classes: dict[str, ClassImages] = {name: {} for name in names}
    paths: dict[str, Parts] = {}
    copies: dict[str, list[tuple[Placement, Parts, str]]] = defaultdict(list)  # by what the picture shows
    for parts, digest in sorted(scan.images):
        place = reading.placements.get(parts)
        if place is not None:
            copies[scan.spooled[digest].pixels].append((place, parts, digest))
    for found in copies.values():
        kept = _resolve(found, scan)
        if kept is not None:
            place, parts, digest = kept
            classes[place.label][digest] = place.split
            paths[digest] = parts
    return Labels(classes=classes, paths=paths)


def _resolve(copies: list[tuple[Placement, Parts, str]], scan: Scan) -> tuple[Placement, Parts, str] | None:
    """Place, path and digest of the one copy of an image that counts, or None if its copies contradict each other."""
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
    return kept, first, digest


def split(classes: Mapping[str, ClassImages], grouping: Grouping) -> Cut:
    """Digest -> split, every split present: what the upload lacks is cut from its training images, class by class."""
    given = {image: part for images in classes.values() for image, part in images.items()}
    missing: Collection[Split] = [part for part in SPLITS if part != "train" and part not in given.values()]
    train = {
        name: [image for image, part in images.items() if part in {None, "train"}] for name, images in classes.items()
    }
    cut = cut_classes(train, missing, grouping.kept_together, may_tear=not grouping.is_told)
    kept: dict[str, Split] = {image: part for image, part in given.items() if part is not None and part != "train"}
    return Cut(splits=kept | cut.splits, torn=cut.torn)
