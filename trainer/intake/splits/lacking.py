"""Splits of the upload that have no image, or none of some classes."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from trainer.intake.findings import Finding, shorten
from trainer.intake.placement import SPLITS, Split


def lacking_findings(counts: Mapping[str, Mapping[Split, int]], given: Collection[Split | None]) -> list[Finding]:
    """A warning for each of val and test that is ``given`` by the upload and lacks classes.

    ``counts`` are images by class and split. Classes without any image, or without one to train on, are errors of
    their own (`trainer.intake.requirements`).
    """
    found: list[Finding] = []
    for split in SPLITS[1:]:
        lacking = sorted(name for name, images in counts.items() if images["train"] and not images[split])
        if split in given and lacking:
            text = (
                f"The split {split} has no usable image of {len(lacking)} of {len(counts)} classes: "
                f"{', '.join(shorten(lacking))}. Figures on {split} images say nothing of them: put images of every "
                "class there, or leave the split out, so that one is cut from the training images."
            )
            found.append(Finding(weight="warning", text=text))
    return found


def vanished_findings(told: Iterable[Split | None], given: Collection[Split | None]) -> list[Finding]:
    """A warning for each of val and test that the upload has, though without a usable image: another one is cut.

    ``told`` are the splits that the upload tells of its images, ``given`` those of the images that are used.
    """
    counts = Counter(told)
    return [
        Finding(
            weight="warning",
            text=f"None of the {counts[split]} images of the split {split} can be used, so one is cut from the "
            "training images instead: the list of what is left out says why. Put other images there.",
        )
        for split in SPLITS[1:]
        if counts[split] and split not in given
    ]
