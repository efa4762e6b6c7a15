"""The card of a pruned backbone: what it is, what it was made of, and how good it is."""

from collections.abc import Mapping
from pathlib import Path

from nettailor.network.backbones import Backbone, load_backbone
from nettailor.network.packnet.student import what_is_there
from trainer.pretrain.config import PretrainConfig


def write_card(
    path: Path,
    weights: Path,
    config: PretrainConfig,
    *,
    before: Mapping[str, float],
    after: Mapping[str, float],
    epochs: int,
    minutes: float,
) -> Mapping[str, object]:
    """Write the card of the weights in a file as Markdown, and return what it says. Accuracies are top-1 by image set:
    `before` and `after` the retraining."""
    pruned = load_backbone(config.backbone, weights)
    facts: dict[str, object] = {
        "architecture": config.backbone,
        "fingerprint": pruned.fingerprint(),
        "made from": load_backbone(config.backbone, config.start).fingerprint(),
        "free weights": free_in_words(pruned),
        "retrained": f"{epochs} epochs, {minutes:.1f} minutes, learning rate {config.lr:g}, seed {config.seed}",
    }
    facts |= {f"top-1 on {name}": f"{after[name]:.4f}, before the retraining {before[name]:.4f}" for name in after}
    rows = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    path.write_text(_TEXT.format(name=path.stem, file=weights.name, rows=rows))
    return facts


def free_in_words(backbone: Backbone) -> str:
    """How many weights tasks can own."""
    free = what_is_there(backbone, ()).free.values()
    count, whole = sum(int(places.sum()) for places in free), sum(places.size for places in free)
    return f"{count:,} of {whole:,} ({count / whole:.1%})"


_TEXT = """# {name}

A pruned backbone: the smallest weights of each convolution of its blocks were set to 0, the others retrained. What is 0
is free: tasks of method `packnet` own it, one after another.

| | |
|---|---|
{rows}

`nettailor backbone add {file} --name {name}` makes it known to a service, `nettailor tailor --backbone {name}
--method packnet` fills it.
"""
