"""What a version was compared with, in sentences."""

from collections.abc import Iterator, Mapping
from typing import Any

from nettailor.accuracy import in_words
from nettailor.bundle.manifest import Manifest
from registry.journal.records import VersionRecord
from trainer.reports.render import percent
from trainer.reports.version.findings import Finished


def comparisons(tailoring: Finished) -> list[str]:
    """One for each version; of no other version where the task had none."""
    return [*_with_live(tailoring.live, tailoring.manifest), *_with_start(tailoring.compared)]


def _with_live(live: VersionRecord | None, new: Manifest) -> Iterator[str]:
    if live is None:
        yield "No version of the task was live when this one was made."
        return
    accuracy = live.manifest.metrics.student.test
    if accuracy is None:
        yield f"Version {live.version} was live when this one was made; its test accuracy is not known."
        return
    same = live.manifest.dataset == new.dataset
    images = "the same test images" if same else "the test images of its own data set, which are others"
    shown = in_words(accuracy, live.manifest.test_images)
    yield f"Version {live.version} was live when this one was made; it recognised {shown} of {images}."


def _with_start(compared: Mapping[str, Any] | None) -> Iterator[str]:
    if compared is None:
        return
    start, images, seen = compared["version"], compared["images"], compared["seen"]
    if compared["accuracy"] is None:
        yield f"Training began from version {start}, which has seen all test images: the two cannot be compared."
        return
    before, now = (percent(compared[name], images) for name in ("accuracy", "new_accuracy"))
    which = "some of which it may have seen" if seen is None else "none of which it has seen"
    yield (
        f"Training began from version {start}. "
        f"Of {images} test images, {which}, it recognises {before}, this one {now}."
    )
