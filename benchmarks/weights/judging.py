"""The verdict on one file: read exactly, refused with the reason, or silently wrong."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch

from benchmarks.weights.architectures import Offer
from benchmarks.weights.networks import features, images, state_of
from benchmarks.weights.wrappings import Wrapping
from nettailor.errors import BackboneWeightsInvalid
from nettailor.network.backbones import load_backbone

Verdict = Literal["exact", "refused_with_reason", "silently_wrong"]

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """`why` is the refusal, or what is wrong; "" for what is exact."""

    verdict: Verdict
    why: str = ""


def judge_wrapping(wrapping: Wrapping, backbone: str, folder: Path) -> Judgement:
    """The features have to be those of the first of the two networks, to the bit."""
    path = wrapping.save(folder, state_of(backbone, 1), state_of(backbone, 2))
    try:
        loaded = load_backbone(backbone, path)
    except BackboneWeightsInvalid as refusal:
        return Judgement(verdict="refused_with_reason", why=str(refusal))
    with torch.inference_mode():
        found = loaded(images())
    if torch.equal(found, features(backbone, 1, wrapping.dtype)):
        return Judgement(verdict="exact")
    return Judgement(verdict="silently_wrong", why="other features")


def judge_offer(offer: Offer, folder: Path) -> Judgement:
    """It has to be refused, in words that name what it is."""
    path = folder / "weights.pth"
    torch.save(offer.make(), path)
    try:
        load_backbone(offer.backbone, path)
    except BackboneWeightsInvalid as refusal:
        is_named = re.search(offer.reason, str(refusal)) is not None
        return Judgement(verdict="refused_with_reason" if is_named else "silently_wrong", why=str(refusal))
    return Judgement(verdict="silently_wrong", why=f"read as {offer.backbone}")


def counted(found: Mapping[str, Judgement]) -> dict[str, int]:
    counts = Counter(each.verdict for each in found.values())
    return {verdict: counts[verdict] for verdict in VERDICTS}
