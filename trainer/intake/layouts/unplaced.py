"""Images that what describes the others says nothing of."""

from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding, paths_of, shorten
from trainer.intake.layouts.split_words import is_unlabelled
from trainer.intake.upload import Upload

_STRAY = 0.05  # of the images may be left out without that being odd


def unplaced_images(unplaced: list[Parts], upload: Upload, are: str) -> list[Finding]:
    """The finding on them, but for those in folders of unlabelled images; ``are`` says what they are, or lack."""
    lost = [image for image in unplaced if not any(is_unlabelled(folder) for folder in image[:-1])]
    if not lost:
        return []
    folders = sorted({"/".join(image[:-1]) or "the top folder" for image in lost})
    text = (
        f"{len(lost)} of {len(upload.images)} images are {are} and are left out: in {', '.join(shorten(folders))}. "
        "Add what they show, or take them away."
    )
    return [
        Finding(
            weight="note" if len(lost) < _STRAY * len(upload.images) else "warning",
            text=text,
            files=paths_of(lost),
        )
    ]
