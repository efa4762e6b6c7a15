"""A recipe that trains nothing but keeps every promise of the real one: events, checkpoints, the same bundle again.

The seed is the number of its epochs.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nettailor.bundle.bundle import Bundle, digest_of, encode
from nettailor.bundle.manifest import Manifest
from nettailor.network.backbones import Backbone
from tests.bundles import random_bundle
from trainer.events import Event
from trainer.recipe.config import RecipeConfig
from trainer.recipe.sharing.crew import Helpers
from trainer.recipe.timing.early_finish import FinishRequest, never
from trainer.recipe.warm_start import WarmStart
from trainer.training.data import load_dataset

EPOCH_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Tailored:
    bundle: bytes
    manifest: Manifest
    pareto_front: list[dict[str, Any]] = field(default_factory=list)
    points: tuple[Any, ...] = ()
    history: dict[str, Any] = field(default_factory=dict)
    time: dict[str, Any] | None = None
    finished_early: dict[str, Any] | None = None


def tailor(
    task: str,
    dataset: Path,
    config: RecipeConfig,
    *,
    backbone: Backbone,
    report: Callable[[Event], None],
    checkpoints: Path,
    warm: WarmStart | None = None,
    chain: tuple[Bundle, ...] = (),
    finish: Callable[[], FinishRequest | None] = never,
    helpers: Helpers | None = None,
) -> Tailored:
    data = load_dataset(dataset, backbone.preprocessing)
    checkpoint = checkpoints / "epochs"
    done = int(checkpoint.read_text()) if checkpoint.exists() else 0
    report(Event(kind="stage", stage="teacher", progress=done / config.seed, fields={"resumed_at": done}))
    for epoch in range(done, config.seed):
        threading.Event().wait(EPOCH_SECONDS)
        written = checkpoint.with_name("epochs-written")  # whoever kills it in between leaves the earlier one whole
        written.write_text(str(epoch + 1))
        written.replace(checkpoint)
        progress = (epoch + 1) / config.seed
        fields = {"epoch": epoch + 1, "epochs": config.seed, "images": len(data.train), "seconds_left": 1.0}
        report(Event(kind="epoch", stage="teacher", progress=progress, fields={**fields}))
    manifest, tensors = random_bundle(
        task=task, fingerprint=backbone.fingerprint(), classes=len(data.classes), seed=config.seed
    )
    manifest = manifest.model_copy(update={"dataset": digest_of(dataset.read_bytes()), "classes": data.classes})
    return Tailored(bundle=encode(manifest, tensors), manifest=manifest)
