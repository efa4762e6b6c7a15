"""Which images belong together, so that they must not be on both sides of a split."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from trainer.errors import OptionsInvalid
from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding, paths_of, shorten
from trainer.intake.placement import Split
from trainer.intake.splits.near_duplicates import near_duplicates
from trainer.pattern import compiled

_ROBOFLOW = re.compile(r"^(.+)\.rf\.[0-9A-Za-z]+\.[a-z]+$")  # augmented copies of one picture
_ALIKE = 0.5  # of a class: a larger group says that the class looks alike, not that its pictures are one
_LEAKED = 0.05  # of the images of a split: from here on its figures are not to be trusted


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """``groups`` maps digest -> name of its group. ``is_told``: by the upload or by a pattern, not by looks.
    ``alike`` maps classes of which most images look alike to those images: they are not kept together."""

    groups: Mapping[str, str]
    is_told: bool
    alike: Mapping[str, Collection[str]] = field(default_factory=dict)

    @property
    def kept_together(self) -> Mapping[str, str]:
        loose = {image for images in self.alike.values() for image in images}
        return {image: group for image, group in self.groups.items() if image not in loose}


def group_by_looks(
    classes: Mapping[str, Collection[str]], thumbnails: Mapping[str, bytes], paths: Mapping[str, Parts]
) -> Grouping:
    """Near-duplicates within each class, and the copies of one picture that Roboflow makes."""
    groups: dict[str, str] = {}
    alike: dict[str, Collection[str]] = {}
    for name, images in classes.items():
        for group in near_duplicates({image: thumbnails[image] for image in images}, _copies(images, paths)):
            if len(group) > _ALIKE * len(images):
                alike[name] = group
            groups |= dict.fromkeys(group, group[0])
    return Grouping(groups=groups, is_told=False, alike=alike)


def group_by_pattern(source: str, paths: Mapping[str, Parts]) -> Grouping:
    """By what the groups of a regular expression match in each path, or all of it where it has none.

    Raises OptionsInvalid for a pattern that is none, or matches no path.
    """
    pattern = compiled("group_by", source)
    found: dict[str, str] = {}
    for image, parts in paths.items():
        match = pattern.search("/".join(parts))
        if match is not None:
            found[image] = "\0".join(group or "" for group in match.groups) if match.groups else match.text
    if not found:
        example = "/".join(next(iter(paths.values()), ()))
        raise OptionsInvalid("group_by", f"the pattern matches no path of an image, such as {example!r}")
    return Grouping(groups=found, is_told=True)


def grouping_findings(
    grouping: Grouping,
    paths: Mapping[str, Parts],
    given: Mapping[str, Split | None],
    splits: Mapping[str, Split],
    torn: Collection[str],
) -> list[Finding]:
    """``given`` has the splits that the upload tells, ``splits`` those that came out of it, by digest."""
    is_cut = not {"val", "test"} <= set(given.values())
    findings = _leaks(grouping, paths, given)
    if is_cut:
        findings += [*_kept_together(grouping, paths, given), *_alike(grouping, paths), *_torn(grouping, torn)]
        findings += _empty(grouping, splits)
    return findings


def _copies(images: Iterable[str], paths: Mapping[str, Parts]) -> list[list[str]]:
    named: dict[str, list[str]] = defaultdict(list)
    for image in images:
        found = _ROBOFLOW.match(paths[image][-1])
        if found is not None:
            named[found[1]].append(image)
    return [group for group in named.values() if len(group) > 1]


def _leaks(grouping: Grouping, paths: Mapping[str, Parts], given: Mapping[str, Split | None]) -> list[Finding]:
    """The finding for each split of the upload that shares groups with its training images."""
    trained: dict[str, str] = {}
    for image, split in given.items():
        if split in {None, "train"} and image in grouping.groups:
            trained.setdefault(grouping.groups[image], image)
    found = (_leak(split, grouping, paths, given, trained) for split in ("val", "test"))
    return [finding for finding in found if finding is not None]


def _leak(
    split: str,
    grouping: Grouping,
    paths: Mapping[str, Parts],
    given: Mapping[str, Split | None],
    trained: Mapping[str, str],
) -> Finding | None:
    """``trained`` has an image of each group that is trained on."""
    images = sorted((image for image, part in given.items() if part == split), key=lambda image: paths[image])
    leaked = [image for image in images if grouping.groups.get(image) in trained]
    if not leaked:
        return None
    first, twin = "/".join(paths[leaked[0]]), "/".join(paths[trained[grouping.groups[leaked[0]]]])
    what = "of a group that is trained on" if grouping.is_told else "nearly the same as one that is trained on"
    text = (
        f"{len(leaked)} of {len(images)} {split} images ({len(leaked) / len(images):.1%}) are {what}, such as {first} "
        f"and {twin}: figures on the {split} images will be too good. Put such images into one split."
    )
    return Finding(
        weight="warning" if len(leaked) > _LEAKED * len(images) else "note",
        text=text,
        files=paths_of(paths[image] for image in leaked),
    )


def _kept_together(grouping: Grouping, paths: Mapping[str, Parts], given: Mapping[str, Split | None]) -> list[Finding]:
    """The note on groups of several images that splits are cut from, where there are any."""
    members: dict[str, list[str]] = defaultdict(list)
    for image, group in grouping.kept_together.items():
        if given[image] in {None, "train"}:
            members[group].append(image)
    groups = [sorted(images, key=lambda image: paths[image]) for images in members.values() if len(images) > 1]
    if not groups:
        return []
    count = sum(map(len, groups))
    first, second = ("/".join(parts) for parts in min([paths[image] for image in group] for group in groups)[:2])
    what = "belong to groups" if grouping.is_told else "are nearly the same as others"
    where = "of the splits that are cut from them" if {"val", "test"}.intersection(given.values()) else "split"
    text = f"{count} images {what}, such as {first} and {second}: each of {len(groups)} groups stays in one {where}."
    return [Finding(weight="note", text=text)]


def _alike(grouping: Grouping, paths: Mapping[str, Parts]) -> list[Finding]:
    return [
        Finding(
            weight="warning",
            text=f"{len(images)} images of {name} look nearly alike. If they show the same few things, figures on test "
            "images will be too good: say which belong together (a column group, or the option group_by), or sort them "
            "into train, val and test.",
            files=paths_of(sorted(paths[image] for image in images)),
        )
        for name, images in sorted(grouping.alike.items())
    ]


def _torn(grouping: Grouping, torn: Collection[str]) -> list[Finding]:
    if not torn:
        return []
    names = ", ".join(shorten(sorted(torn)))
    if grouping.is_told:
        text = f"These classes have too few groups to be in every split: {names}. What is left of them is trained on."
    else:
        text = f"Images of these classes that are nearly the same had to go to several splits: {names}."
    return [Finding(weight="warning", text=text)]


def _empty(grouping: Grouping, splits: Mapping[str, Split]) -> list[Finding]:
    """The error of a split for which no group was small enough."""
    empty = [split for split in ("val", "test") if split not in splits.values()]
    if not (grouping.is_told and splits and empty):
        return []
    text = (
        f"No group of images is small enough for the split {' and '.join(empty)}. Tell groups of fewer images, or sort "
        "the images into train, val and test."
    )
    return [Finding(weight="error", text=text)]
