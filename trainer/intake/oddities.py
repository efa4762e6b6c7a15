"""What is odd about an upload whatever its layout: what would otherwise vanish without a word."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from nettailor.plain_text import is_text
from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding, counted, paths_of, shorten
from trainer.intake.labels import ClassImages
from trainer.intake.layouts.layout import Reading
from trainer.intake.scanning.scan import Scan

_BETWEEN_WORDS = re.compile(r"_|(?<=\w)-(?=\w)")  # the dash of -1 and of B- is no such


def oddities(scan: Scan, reading: Reading, labels: dict[str, ClassImages]) -> list[Finding]:
    return [
        *_guessed_names(scan),
        *_hidden(scan),
        *_unwritable(labels),
        *_without_images(reading.classes - labels.keys()),
        *_alike(labels),
        *_mostly_left_out(scan, labels),
        *_mostly_unread(scan, reading),
        *_closed_archives(scan),
        *_white_drawings(scan),
    ]


def _guessed_names(scan: Scan) -> list[Finding]:
    """Windows packs names in its code page, which is another one in Moscow and Tokyo than in Munich."""
    found = sorted(scan.guessed_names)
    if not found:
        return []
    text = (
        f"The zip does not tell the encoding of {counted(len(found), 'name')}, such as {'/'.join(found[0])}, read as "
        "code page 437. Check the names of the classes; if they are wrong, pack the folder with UTF-8 names, or as tar."
    )
    return [Finding(weight="note", text=text, files=paths_of(found))]


def _hidden(scan: Scan) -> list[Finding]:
    return [
        Finding(
            weight="warning",
            text=f"The folder {'/'.join(folder)} is hidden by the dot in its name, and left out with "
            f"{counted(count, 'image')}. Rename it if it is a class.",
            files=("/".join(folder),),
        )
        for folder, count in sorted(scan.hidden.items())
    ]


def _unwritable(names: Iterable[str]) -> list[Finding]:
    """Such names come out of escapes in JSON, for one; the names of folders were looked at while they were unpacked."""
    found = sorted(name for name in names if not is_text(name))
    if not found:
        return []
    shown = ", ".join(shorten([ascii(name) for name in found]))
    return [
        Finding(
            weight="error",
            text=f"The names of these classes hold NUL or half a character, which no bundle can keep: {shown}. "
            "Correct the document that they come from.",
        )
    ]


def _without_images(names: Iterable[str]) -> list[Finding]:
    """Classes that a document declares; tools list some that they never use, such as the root of a hierarchy."""
    found = sorted(names)
    if not found:
        return []
    return [Finding(weight="note", text=f"No image is of these declared classes: {', '.join(shorten(found))}.")]


def _alike(names: Iterable[str]) -> list[Finding]:
    spellings: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        spellings[" ".join(_BETWEEN_WORDS.sub(" ", name.casefold()).split())].append(name)
    return [
        Finding(
            weight="warning",
            text=f"These classes differ in their spelling only: {', '.join(map(repr, found))}. They stay classes of "
            "their own; give them one name if they are one.",
        )
        for found in spellings.values()
        if len(found) > 1
    ]


def _mostly_left_out(scan: Scan, labels: dict[str, ClassImages]) -> list[Finding]:
    kept = sum(len(images) for images in labels.values())
    distinct = len(scan.promised) - scan.duplicates
    if 2 * kept >= distinct:
        return []
    text = f"Most images are left out: {distinct - kept} of {distinct}. The list of what is left out says why."
    return [Finding(weight="warning", text=text)]


def _mostly_unread(scan: Scan, reading: Reading) -> list[Finding]:
    """Classes of which less than half of the images can be used; those without any are an error of their own."""
    usable = {parts for parts, _ in scan.images}
    reasons = {skip.file: skip.reason for skip in scan.skipped}
    lost: dict[str, list[Parts]] = defaultdict(list)
    for parts, place in reading.placements.items():
        if parts not in usable:
            lost[place.label].append(parts)
    counts = Counter(place.label for place in reading.placements.values())
    return [
        Finding(
            weight="warning",
            text=f"{len(files)} of {counts[name]} images of {name} cannot be used, such as {'/'.join(files[0])}: "
            f"{reasons.get('/'.join(files[0]), 'not an image')}.",
            files=paths_of(files),
        )
        for name, files in sorted(lost.items())
        if 2 * len(files) > counts[name]
    ]


def _white_drawings(scan: Scan) -> list[Finding]:
    """Transparency lies on white, in training and predictions alike."""
    found = sorted(parts for parts, digest in scan.images if scan.spooled[digest].vanishes)
    if not found:
        return []
    text = (
        f"Drawn in white on a transparent ground: {counted(len(found), 'image')}, such as {'/'.join(found[0])}. "
        "Transparency lies on white, so nothing of such a drawing is seen: save it on another ground."
    )
    return [Finding(weight="warning", text=text, files=paths_of(found))]


def _closed_archives(scan: Scan) -> list[Finding]:
    if not scan.closed:
        return []
    paths = ["/".join(parts) for parts in sorted(scan.closed)]
    text = (
        f"{', '.join(shorten(paths))}: archives and arrays beside images are not looked into. Unpack them, or upload "
        "them alone, if they are a part of the data set."
    )
    return [Finding(weight="warning", text=text, files=paths_of(sorted(scan.closed)))]
