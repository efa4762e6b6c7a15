"""Train, validation and test: stratified, seeded, and the same whatever the order of the upload."""

import hashlib
from collections.abc import Collection, Iterable, Mapping

from trainer.intake.placement import Split

_SHARES: Mapping[Split, float] = {"test": 0.2, "val": 0.15}
_SEED = "nettailor-split/1"


def cut_splits(train: Iterable[str], missing: Collection[Split]) -> dict[str, Split]:
    """Give every training image of one class (by digest) its split, cutting the ``missing`` ones from it.

    Images are ordered by a seeded hash of their bytes, so that those added later leave the others mostly where they
    were. Each cut takes at least one image while one is left to train on.
    """
    ranked = sorted(train, key=lambda digest: hashlib.sha256(f"{_SEED}:{digest}".encode()).digest())
    result: dict[str, Split] = {}
    at = 0
    for split, share in _SHARES.items():
        if split in missing:
            count = min(max(1, round(share * len(ranked))), max(0, len(ranked) - at - 1))
            result.update(dict.fromkeys(ranked[at : at + count], split))
            at += count
    return result | dict.fromkeys(ranked[at:], "train")
