"""Versions side by side, over HTTP and through the client."""

import math
from collections.abc import Iterator

import httpx
import pytest

from nettailor.architecture.geometry import geometry
from nettailor.bundle.tensors.masks import masked_weights
from nettailor.complexity.counting import backbone_cost
from nettailor_client import Client
from nettailor_client.errors import RequestRefused
from registry.http.app import create_app
from registry.registry import Registry
from tests.chains import link_bytes
from tests.registry.published import publish, publish_evaluated, publish_packed
from tests.serving import served


@pytest.fixture
def url(registry: Registry) -> Iterator[str]:
    """Versions 1 and 2 can be compared; 3 has no recorded answers, 4 is of another data set."""
    publish_evaluated(registry, [True] * 14 + [False] * 6, [False] * 2 + [True] * 15 + [False] * 3)
    publish(registry, 0.9)
    publish_evaluated(registry, [True] * 20, dataset="birds")
    with served(create_app(registry)) as url:
        yield url


def test_what_is_told_of_each_version(client: Client, registry: Registry) -> None:
    found = client.compare("signs", [2, 1])
    assert (found.task, found.images, found.confidence) == ("signs", 20, 0.95)
    first, other = found.versions
    assert (first.version, first.accuracy, first.difference) == (2, 0.75, None)
    assert (other.version, other.accuracy) == (1, 0.7)
    assert other.difference is not None
    assert (other.difference.gained, other.difference.lost) == (2, 3)
    assert other.difference.interval.low < other.difference.accuracy < other.difference.interval.high
    assert first.interval.low < first.accuracy < first.interval.high
    record = registry.version_record("signs", 2)
    complexity = record.manifest.complexity
    assert (first.digest, first.size_bytes) == (record.digest, record.size_bytes)
    assert (found.dataset, first.backbone.id) == (record.manifest.dataset, "mini26")
    assert first.macs == 500  # of a backbone that needs 1000: the stem's 100, and 400 that the task adds
    assert first.params == complexity.backbone_params - complexity.shared_params_removed + complexity.task_params
    assert (first.milliseconds, first.measured_on) == (2.0, "CPU, 2 threads")


@pytest.mark.parametrize("packed_first", [False, True])
def test_a_version_that_stands_on_another_task_is_compared_as_any(
    client: Client, registry: Registry, packed_first: bool
) -> None:
    """Its network counts as a whole one: what it owns stands where the backbone's weights are 0, and a bit for each
    weight says which those are; all multiplications are its own."""
    below = registry.publish("birds", link_bytes("birds"), actor="me")
    packed = publish_packed(registry, [False] * 2 + [True] * 15 + [False] * 3, after=below.digest)
    order = [packed.version, 1] if packed_first else [1, packed.version]
    found = client.compare("signs", order)
    assert [version.version for version in found.versions] == order
    one, other = found.versions if packed_first else reversed(found.versions)
    whole, features = backbone_cost(geometry("mini26"), 32), geometry("mini26").channels[-1]
    masks = sum(math.prod(shape) for shape in masked_weights(geometry("mini26")).values())
    alphas = geometry("mini26").depth
    assert one.params == whole.params + -(-masks // 32) + alphas + 2 * (features + 1)
    assert one.macs == whole.macs + 2 * features
    assert (one.accuracy, one.size_bytes, one.milliseconds) == (0.75, packed.size_bytes, 7.0)
    assert (other.accuracy, other.milliseconds) == (0.7, 1.0)
    difference = found.versions[1].difference
    assert difference is not None
    assert (difference.gained, difference.lost) == ((2, 3) if packed_first else (3, 2))
    assert difference.interval.low < difference.accuracy < difference.interval.high


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("signs/compare?versions=1", 422, "comparison-invalid"),
        ("signs/compare?versions=1,2,1", 422, "comparison-invalid"),
        (f"signs/compare?versions={','.join(map(str, range(1, 12)))}", 422, "comparison-invalid"),
        ("signs/compare", 422, None),
        ("signs/compare?versions=1,two", 422, None),
        ("signs/compare?versions=1,", 422, None),
        ("signs/compare?versions=0,1", 422, None),
        ("signs/compare?versions=1,2&versions=1,3", 422, None),
        ("signs/compare?versions=1,9", 404, "version-unknown"),
        ("birds/compare?versions=1,2", 404, "task-unknown"),
        ("signs/compare?versions=1,4", 409, "datasets-differ"),
        ("signs/compare?versions=1,3", 409, "answers-missing"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_refusals(http: httpx.Client, path: str, status: int, kind: str | None) -> None:
    answer = http.get(f"/tasks/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert kind is None or answer.json()["type"] == f"urn:nettailor:problem:{kind}"


def test_the_version_that_cannot_be_compared_is_named(client: Client) -> None:
    with pytest.raises(RequestRefused, match=r"version 3 .*published as a file") as caught:
        client.compare("signs", [1, 2, 3])
    assert caught.value.problem["version"] == 3
