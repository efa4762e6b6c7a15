"""What tests publish, ask, and expect for an answer."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from nettailor.bundle import bundle as bundles
from nettailor.bundle.chain import linked
from registry.registry import Registry
from tests.server.oracle import expected_logits, make_bytes, random_images
from tests.server.running import Running, png

IMAGES = random_images(3, 32, seed=5)
FILES = [png(image) for image in IMAGES]
NOBODY: Mapping[str, bytes] = {}

Shares = np.ndarray[Any, np.dtype[np.float64]]
_SHARES: dict[tuple[str, int], Shares] = {}


def publish(registry: Registry, task: str = "signs", *, alias: str = "live", **options: Any) -> bytes:
    data = make_bytes(task, **options)
    record = registry.publish(task, data, actor="test")
    registry.promote(task, alias, record.version, actor="test", reason="test")
    return data


def ask(server: Running, name: str = "signs", **options: Any) -> Any:
    """Ask for one image."""
    return server.client.post(f"/tasks/{name}/predict", content=FILES[0], **options)


def shares(data: bytes, image: int = 0, chain: Mapping[str, bytes] = NOBODY) -> Shares:
    """Softmax of the oracle's logits for IMAGES[image]. They are found once: a digest names all that they come of, and
    so the bundles that this one stands on."""
    asked = bundles.digest_of(data), image
    if asked not in _SHARES:
        bundle = linked(bundles.decode(data), chain.get)
        logits = expected_logits(bundle, IMAGES[image : image + 1])[0].astype(np.float64)
        exponents = np.exp(logits - logits.max())
        _SHARES[asked] = exponents / exponents.sum()
    return _SHARES[asked]


def assert_answers(
    prediction: dict[str, Any], data: bytes, images: list[int], top_k: int = 5, chain: Mapping[str, bytes] = NOBODY
) -> None:
    """`chain` are the bundles that `data` may stand on, by digest."""
    assert prediction["digest"] == bundles.digest_of(data)
    classes = bundles.decode(data).manifest.classes
    assert len(prediction["predictions"]) == len(images)
    for image, labels in zip(images, prediction["predictions"], strict=True):
        expected = shares(data, image, chain)
        assert len(labels) == min(top_k, len(classes))
        assert [label["index"] for label in labels] == np.argsort(-expected)[:top_k].tolist()
        for label in labels:
            assert label["label"] == classes[label["index"]]
            assert label["probability"] == pytest.approx(expected[label["index"]], abs=1e-4)
