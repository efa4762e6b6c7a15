"""What `benchmarks.registry` makes of its measurements."""

import pytest

from benchmarks import registry
from benchmarks.workloads.mini26 import random_bundle, smallest_plan, usual_plan
from nettailor.bundle.bundle import decode

MIB = 2**20


def test_bundles_are_sound_and_repeat() -> None:
    first = random_bundle("signs", 1, plan=smallest_plan())
    assert first == random_bundle("signs", 1, plan=smallest_plan())
    assert first != random_bundle("signs", 2, plan=smallest_plan())
    assert decode(first).manifest.task == "signs"
    assert len(first) < 20_000 < len(random_bundle("signs", 1, plan=usual_plan()))


def test_figures_pair_the_rounds() -> None:
    speeds = {"copy": [100.0 * MIB, 200.0 * MIB, 400.0 * MIB], "durable copy": [50.0 * MIB] * 3}
    speeds |= {way: [10.0 * MIB, 40.0 * MIB, 40.0 * MIB] for way in ("publish", "fetch")}
    speeds |= {f"{way}, library": [50.0 * MIB] * 3 for way in ("publish", "fetch")}
    found = registry.figures([40.0, 60.0, 1200.0], speeds)
    assert (found["follow_ms_p50"], found["follow_ms_max"]) == (60.0, 1200.0)
    assert found["publish_vs_copy"] == 0.1
    assert found["publish_library_vs_durable_copy"] == 1.0
    assert found["intervals"]["publish_vs_copy"] == [0.1, 0.2]
    assert found["mib_per_second"]["copy"] == pytest.approx(200)
    lines = registry.table(found | {"promotes": 3, "bundle_bytes": 2048})
    assert "goal < 1000: MISSED" in lines[0]
