"""Where tables and folders say different things of the same images."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding, paths_of, shorten
from trainer.intake.layouts.rows import Said
from trainer.intake.placement import Placement, Split

_PURE = 0.8  # of the images of a folder have the same label: then the folder is a class


def names_by_folders(said: Mapping[Parts, Said], folders: Mapping[Parts, Placement]) -> dict[str, str]:
    """Label -> the name of its folder, where all labels are numbers and each is that of one class folder alone."""
    pairs = {(each.label, folders[image].label) for image, each in said.items() if each.label and image in folders}
    labels, names = {label for label, _ in pairs}, {name for _, name in pairs}
    told = {each.label for each in said.values() if each.label}
    is_told = len(pairs) == len(labels) == len(names) > 1 and labels == told
    if not is_told or not all(map(str.isdigit, told)) or all(map(str.isdigit, names)):
        return {}
    return {label: name for label, name in pairs if label}


def labels_against_folders(said: Mapping[Parts, Said], folders: Mapping[Parts, Placement]) -> list[Finding]:
    """The finding for rows whose label is not that of the image's class folder: an error where most are not."""
    both = {image: folders[image].label for image, each in said.items() if each.label is not None and image in folders}
    expected = _expected(both, said)
    wrong = [image for image, folder in both.items() if folder in expected and said[image].label != expected[folder]]
    if not wrong:
        return []
    told = [f"{said[image].where} ({'/'.join(image)} is {said[image].label})" for image in wrong]
    text = (
        f"{_documents(wrong, said)}: {len(wrong)} of {len(both)} rows say something else than the folders of their "
        f"images: {', '.join(shorten(told))}. The table is believed: correct it, or take it out."
    )
    return [
        Finding(
            weight="error" if 2 * len(wrong) > len(both) else "warning",
            text=text,
            files=paths_of(wrong),
        )
    ]


def splits_against_folders(said: Mapping[Parts, Said], folders: Mapping[Parts, Split]) -> list[Finding]:
    wrong = [image for image, each in said.items() if each.split and folders.get(image, each.split) != each.split]
    if not wrong:
        return []
    told = [f"{said[image].where} ({'/'.join(image)} is {said[image].split})" for image in wrong]
    text = (
        f"{_documents(wrong, said)}: {len(wrong)} of {len(said)} rows name another split than the folder of the image: "
        f"{', '.join(shorten(told))}. The table is believed: correct it, or take its column of splits out."
    )
    return [Finding(weight="warning", text=text, files=paths_of(wrong))]


def _expected(both: Mapping[Parts, str], said: Mapping[Parts, Said]) -> Mapping[str, str]:
    """Folder -> the label that its images should have; empty where the folders are no classes of this table."""
    tallies: dict[str, Counter[str]] = defaultdict(Counter)
    for image, folder in both.items():
        tallies[folder][said[image].label or ""] += 1
    labels = {label.casefold(): label for tally in tallies.values() for label in tally}
    shared = {folder: labels[folder.casefold()] for folder in tallies if folder.casefold() in labels}
    if len(shared) > 1 and 2 * len(shared) >= len(labels):
        return shared
    most = {folder: tally.most_common(1)[0] for folder, tally in tallies.items()}
    pure = sum(count for _, count in most.values()) >= _PURE * len(both)
    if pure and len(most) > 1 and len({label for label, _ in most.values()}) == len(most):
        return {folder: label for folder, (label, _) in most.items()}
    return {}


def _documents(images: list[Parts], said: Mapping[Parts, Said]) -> str:
    return ", ".join(shorten(sorted({said[image].document.path for image in images})))
