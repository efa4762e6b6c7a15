import json
from pathlib import Path

import pytest

from nettailor.architecture.geometry import geometry
from nettailor.architecture.plan import full_plan
from nettailor.complexity.counting import measured_path_costs
from server.engine.profile import Profile, measure
from server.kernels.device import CpuDevice
from tests.server.oracle import backbone


@pytest.fixture(scope="module")
def profile() -> Profile:
    return measure(backbone(), CpuDevice(), side=32, images=1, rounds=1)


def test_every_path_is_measured(profile: Profile) -> None:
    assert profile.stem_ms > 0
    assert set(profile.block_ms) == set(range(1, 13))
    assert set(profile.proxy_ms) == set(full_plan(12, None).proxy_paths())
    assert (profile.backbone, profile.device, profile.dtype) == ("mini26", "cpu", "float32")


def test_the_table_is_what_training_reads(profile: Profile, tmp_path: Path) -> None:
    path = tmp_path / "costs.json"
    path.write_text(json.dumps(profile.as_json()))
    costs = measured_path_costs(geometry("mini26"), path)
    assert costs.blocks == {node: pytest.approx(ms / profile.backbone_ms) for node, ms in profile.block_ms.items()}
    assert costs.proxies == {path: pytest.approx(ms / profile.backbone_ms) for path, ms in profile.proxy_ms.items()}


def test_rounds_are_interleaved_and_bottlenecks_have_their_paths() -> None:
    heard: list[int] = []
    found = measure(backbone("resnet50"), CpuDevice(), side=32, images=1, rounds=2, progress=heard.append)
    assert heard == [1, 2]
    assert set(found.proxy_ms) == set(full_plan(16, None).proxy_paths())
    assert min(found.proxy_ms.values()) > 0
