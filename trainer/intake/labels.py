"""Which image belongs to which class, and to which split where the upload says so; duplicates resolved."""

from collections import defaultdict
from collections.abc import Collection

from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.archives.paths import Parts
from trainer.intake.folder_layout import SPLITS, Placement, Split, read_layout
from trainer.intake.label_file import LabelTable, read_label_file
from trainer.intake.scan import Scan
from trainer.intake.splits import cut_splits

ClassImages = dict[str, Split | None]  # digest -> split, None where the upload has no splits


def label(scan: Scan, limits: IntakeLimits) -> dict[str, ClassImages]:
    """Class -> its images, classes sorted; a class of only broken images is there with none. Notes what it drops."""
    places = _places(scan, limits)
    names = sorted({place.label for place in places.values() if isinstance(place, Placement)})
    labels: dict[str, ClassImages] = {name: {} for name in names}
    copies: dict[str, list[tuple[Placement, Parts, str]]] = defaultdict(list)  # by what the picture shows
    for parts, digest in sorted(scan.images):
        place = places[parts]
        if isinstance(place, Placement):
            copies[scan.spooled[digest].pixels].append((place, parts, digest))
        else:
            scan.skip(parts, place)
    for found in copies.values():
        kept = _resolve(found, scan)
        if kept is not None:
            place, digest = kept
            labels[place.label][digest] = place.split
    return labels


def _places(scan: Scan, limits: IntakeLimits) -> dict[Parts, Placement | str]:
    """Every image's place, or the reason why it has none: by a table of labels if there is one, else by folders."""
    table = _table(scan, limits)
    if table is None:
        layout = read_layout(scan.promised)
        return {parts: layout.place(parts) for parts in scan.promised}
    for fault in table.faults:
        scan.skip(table.parts, fault)
    return {parts: table.places.get(parts, f"not in {table.parts[-1]}") for parts in scan.promised}


def _table(scan: Scan, limits: IntakeLimits) -> LabelTable | None:
    """The one table that places at least half of the images; what other tables there are is noted."""
    tables = [read_label_file(parts, data, scan.promised, 2 * limits.members) for parts, data in scan.tables]
    best = max(tables, key=lambda table: len(table.places), default=None)
    if best is not None and 2 * len(best.places) < max(1, len(scan.promised)):
        best = None
    for table in tables:
        if table is not best:
            reason = "says nothing of most images" if table.places else next(iter(table.faults), "holds no row")
            scan.skip(table.parts, f"not used as a table of labels: {reason}")
    return best


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
