"""A version that was tailored anew, against the one it started from: on the same test images, seen by neither."""

from pathlib import Path

from nettailor.bundle.bundle import Bundle
from nettailor.network.backbones import Backbone
from trainer.events import Json
from trainer.recipe.warm_start import WarmStart
from trainer.training.evaluate import image_digests, measure_accuracy


def compare(start: WarmStart, new: Bundle, dataset: Path, backbone: Backbone) -> dict[str, Json]:
    """For the job's result: `accuracy` of the earlier version and `new_accuracy` of the new one, both on those `images`
    of the new dataset's test split that the earlier version was neither trained on nor chosen by. The `seen` others
    are left out. Where the earlier dataset is gone, `seen` is null and none are left out."""
    tested = set(image_digests(dataset, "test"))
    seen = None if start.seen is None else tested & start.seen
    left_out = seen or set()
    return {
        "version": start.version,
        "dataset": new.manifest.dataset,
        "images": len(tested - left_out),
        "seen": None if seen is None else len(seen),
        "accuracy": measure_accuracy(start.bundle, dataset, backbone, leaving_out=left_out),
        "new_accuracy": measure_accuracy(new, dataset, backbone, leaving_out=left_out),
    }
