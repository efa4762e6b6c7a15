import json
from pathlib import Path
from unittest.mock import Mock

import pytest

from nettailor.architecture.geometry import geometry
from nettailor.architecture.plan import full_plan
from nettailor.complexity.counting import measured_path_costs
from server.engine.profile import Profile, measure
from server.kernels.device import CpuDevice
from server.kernels.int8 import Int8Matrix
from server.kernels.int8_scripts import block
from tests.server.int8_machine import needs_int8
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


@needs_int8
@pytest.mark.parametrize("name", ["mini26", "resnet50"])
def test_on_an_int8_device_blocks_and_proxies_are_those_in_8_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks, matrices = Mock(wraps=block), Mock(wraps=Int8Matrix)
    monkeypatch.setattr("server.engine.int8.paths.block", blocks)
    monkeypatch.setattr("server.engine.int8.paths.Int8Matrix", matrices)
    found = measure(backbone(name), CpuDevice(winograd=False, int8=True), side=32, images=1, rounds=1)
    assert found.dtype == "int8"
    assert blocks.call_count > len(found.block_ms)
    assert matrices.call_count == len(found.proxy_ms)
    assert min(*found.block_ms.values(), *found.proxy_ms.values()) > 0


def test_rounds_are_interleaved_and_bottlenecks_have_their_paths() -> None:
    heard: list[int] = []
    found = measure(backbone("resnet50"), CpuDevice(), side=32, images=1, rounds=2, progress=heard.append)
    assert heard == [1, 2]
    assert set(found.proxy_ms) == set(full_plan(16, None).proxy_paths())
    assert min(found.proxy_ms.values()) > 0
