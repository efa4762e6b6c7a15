"""Classes of which a split that the upload tells has no image."""

from collections.abc import Collection, Mapping

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
