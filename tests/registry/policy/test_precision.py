"""Which versions may be served in int8."""

import pytest

from nettailor.bundle.bundle import encode
from nettailor.bundle.manifest import Int8Cost, Int8Costs, Manifest
from registry.policy.policy import Policy
from registry.policy.precision import int8_refusal
from registry.registry import Registry
from tests.bundles import random_bundle, random_manifest


def measured(validation: float | None, test: float | None) -> Manifest:
    def cost(lost: float | None) -> Int8Cost | None:
        return None if lost is None else Int8Cost(images=400, lost=lost, same=0.9)

    manifest = random_manifest(activation_ranges=True)
    costs = Int8Costs(validation=cost(validation), test=cost(test))
    return manifest.model_copy(update={"metrics": manifest.metrics.model_copy(update={"int8": costs})})


@pytest.mark.parametrize(
    ("policy", "manifest", "says"),
    [
        (None, measured(0.5, 0.5), None),
        (Policy(min_accuracy=1.0), measured(0.5, 0.5), None),
        (Policy(allow_int8=False), measured(0.0, 0.0), "policy forbids int8"),
        (Policy(max_int8_drop=0.0), measured(0.1, -0.01), None),
        (Policy(max_int8_drop=0.005), measured(0.0, 0.0075), "costs it 0.75% of 400 images, at most 0.50% allowed"),
        (Policy(max_int8_drop=0.005), measured(0.0075, None), "costs it 0.75%"),
        (Policy(max_int8_drop=0.005), random_manifest(activation_ranges=True), "nobody has measured"),
        (None, random_manifest(), "has no activation ranges"),
        (Policy(max_int8_drop=0.8 - 0.795), measured(None, 0.005), None),
    ],
)
def test_what_may_be_served_in_int8(policy: Policy | None, manifest: Manifest, says: str | None) -> None:
    refusal = int8_refusal(policy, manifest)
    assert refusal is None if says is None else says in str(refusal)


def test_the_registry_asks_the_policy_of_the_version_s_task(registry: Registry) -> None:
    record = registry.publish("signs", encode(*random_bundle(activation_ranges=True)), actor="me")
    assert registry.int8_refusal(record) is None
    registry.set_policy("signs", Policy(allow_int8=False), actor="ann", reason="")
    assert "forbids" in str(registry.int8_refusal(record))
    registry.set_policy("signs", None, actor="ann", reason="")
    assert registry.int8_refusal(record) is None
