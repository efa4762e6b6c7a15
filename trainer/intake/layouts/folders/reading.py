"""What class folders say of every image, and what is odd about them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding, paths_of, shorten
from trainer.intake.layouts.folders.masks import masks_of
from trainer.intake.layouts.folders.shape import WITHOUT_LABEL, FolderShape
from trainer.intake.layouts.layout import Reading
from trainer.intake.layouts.split_words import is_kind_of_file
from trainer.intake.placement import Placement
from trainer.intake.upload import Upload

_MASK = "a mask of another image, by its name or folder"
_STRAY = 0.05  # of the images
_SILENT = "text"  # notes beside images are no lost class


def read_folders(upload: Upload, shape: FolderShape, findings: Iterable[Finding]) -> Reading:
    places = {parts: shape.place(parts) for parts in upload.images}
    places |= dict.fromkeys(masks_of(places), _MASK)
    placements = {parts: place for parts, place in places.items() if isinstance(place, Placement)}
    reasons = {parts: place for parts, place in places.items() if isinstance(place, str)}
    names = {place.label for place in placements.values()}
    return Reading(
        placements=placements,
        left_out=list(reasons.items()),
        findings=[
            *findings,
            *_kinds_of_files(names),
            *_without_place(reasons, len(places)),
            *_empty_folders(upload, shape, names),
            *_folders_of_other_files(upload, shape, names),
        ],
    )


def _kinds_of_files(names: set[str]) -> list[Finding]:
    if len(names) < 2 or not all(map(is_kind_of_file, names)):
        return []
    text = (
        f"The folders {', '.join(sorted(names))} sort files by their use, not by what they show: they are no classes. "
        "Sort the images into class folders, or add a table of labels (columns file and label)."
    )
    return [Finding(weight="error", text=text, files=tuple(sorted(names)))]


def _without_place(reasons: Mapping[Parts, str], images: int) -> list[Finding]:
    """Images that lie where no class folder is, by the reason."""
    found: dict[str, list[Parts]] = defaultdict(list)
    for parts, reason in reasons.items():
        found[reason].append(parts)
    return [_left_out(reason, parts, images) for reason, parts in sorted(found.items())]


def _left_out(reason: str, parts: list[Parts], images: int) -> Finding:
    folders = sorted({"/".join(path[:-1]) or "the top folder" for path in parts})
    are = "image is" if len(parts) == 1 else "images are"
    # few of many are strays, and images without a label were named so by whoever packed them
    expected = reason == WITHOUT_LABEL or len(parts) < _STRAY * images
    return Finding(
        weight="note" if expected else "warning",
        text=f"{len(parts)} {are} left out, {reason}: in {', '.join(shorten(folders))}.",
        files=paths_of(parts),
    )


def _empty_folders(upload: Upload, shape: FolderShape, names: set[str]) -> list[Finding]:
    empty = {folder: name for folder in upload.empty_folders if (name := shape.class_of_folder(folder)) is not None}
    lost = [folder for folder, name in empty.items() if name not in names]
    bare = [folder for folder, name in empty.items() if name in names]
    findings = []
    if lost:
        text = f"{_are(lost)} empty and will be no class: {_list(lost)}. Put images in, or take them away."
        findings.append(Finding(weight="warning", text=text, files=paths_of(lost)))
    if bare:
        text = f"{_are(bare)} empty: {_list(bare)}."
        findings.append(Finding(weight="note", text=text, files=paths_of(bare)))
    return findings


def _folders_of_other_files(upload: Upload, shape: FolderShape, names: set[str]) -> list[Finding]:
    """Folders that would be a class if only there were an image in them."""
    kinds: dict[Parts, Counter[str]] = defaultdict(Counter)
    for parts, kind in upload.others.items():
        place = shape.place(parts)
        if isinstance(place, Placement) and place.label not in names and kind != _SILENT:
            kinds[parts[: parts.index(place.label) + 1]][kind] += 1
    return [
        Finding(
            weight="warning",
            text=f"The folder {'/'.join(folder)} holds no image and will be no class: "
            f"{', '.join(f'{count} x {kind}' for kind, count in found.most_common())}.",
            files=("/".join(folder),),
        )
        for folder, found in sorted(kinds.items())
    ]


def _are(folders: list[Parts]) -> str:
    return "A class folder is" if len(folders) == 1 else f"{len(folders)} class folders are"


def _list(folders: list[Parts]) -> str:
    return ", ".join(shorten(["/".join(folder) for folder in folders]))
