import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nettailor.architecture.geometry import backbone_names, geometry
from nettailor.architecture.plan import Plan, full_plan
from nettailor.bundle.manifest import ADAPTER_METHODS, AdapterMethod
from nettailor.complexity.counting import (
    adapters_cost,
    backbone_cost,
    block_cost,
    measured_path_costs,
    plan_complexity,
    proxy_cost,
    stem_cost,
)
from nettailor.errors import CostTableInvalid
from nettailor.network.adapters import AdaptedConvolution
from nettailor.network.backbones import build_backbone
from nettailor.network.proxies import build_proxy
from nettailor.network.student import Student
from tests.nettailor.architecture.plans import plans

FACTS = {  # DESIGN section 3: parameters, stem MACs, block MACs, proxy MACs (k = 3), proxies + classifier parameters
    "resnet18": (11_176_512, 119_619_584, 1_698_909_184, 170_297_344, 1_150_858),
    "resnet34": (21_284_672, 119_619_584, 3_551_106_048, 469_496_832, 2_755_338),
    "resnet50": (23_508_032, 119_619_584, 3_989_744_640, 597_878_400, 3_371_850),
}


def counted(module: nn.Module, run: Callable[[], Any]) -> int:
    """MACs of the convolutions and batch-norms that really run."""
    total = 0

    def count(layer: nn.Module, _: Any, output: torch.Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            total += layer.weight[0].numel() * output[0].numel()
        elif isinstance(layer, AdaptedConvolution):
            total += layer.matrix[0].numel() * output[0].numel()
        elif isinstance(layer, nn.BatchNorm2d):
            total += 2 * output[0].numel()

    hooks = [m.register_forward_hook(count) for m in module.modules()]
    with torch.inference_mode():
        run()
    for hook in hooks:
        hook.remove()
    return total


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("name", backbone_names())
@pytest.mark.parametrize("side", [40, 51])
def test_closed_forms_are_what_the_layers_run(name: str, side: int) -> None:
    backbone = build_backbone(name)
    shapes = backbone.geometry
    with torch.inference_mode():
        nodes = backbone.features(torch.zeros(1, 3, side, side))
    assert stem_cost(shapes, side).macs == counted(backbone.stem, lambda: backbone.stem(torch.zeros(1, 3, side, side)))
    assert stem_cost(shapes, side).params == parameters(backbone.stem)
    for node in range(1, shapes.depth + 1):
        block, cost = backbone.blocks[node - 1], block_cost(shapes, node, side)
        assert (cost.macs, cost.params) == (counted(block, partial(block, nodes[node - 1])), parameters(block))
    for source, node in full_plan(shapes.depth, 3).proxy_paths():
        proxy, cost = build_proxy(shapes, source, node).eval(), proxy_cost(shapes, source, node, side)
        assert (cost.macs, cost.params) == (counted(proxy, partial(proxy, nodes[source])), parameters(proxy))
        with torch.inference_mode():
            assert proxy(nodes[source]).shape == nodes[node].shape


@pytest.mark.parametrize("name", FACTS)
def test_known_facts(name: str) -> None:
    shapes = geometry(name)
    params, stem, blocks, proxy_macs, task_params = FACTS[name]
    proxies = [proxy_cost(shapes, p, n, 224) for p, n in full_plan(shapes.depth, 3).proxy_paths()]
    assert backbone_cost(shapes, 224).params == params
    assert stem_cost(shapes, 224).macs == stem
    assert backbone_cost(shapes, 224).macs - stem == blocks
    assert sum(c.macs for c in proxies) == proxy_macs
    assert sum(c.params for c in proxies) + (shapes.channels[-1] + 1) * 10 == task_params


@settings(max_examples=15)
@given(plan=plans(12), frozen=st.booleans(), classes=st.integers(2, 30))
def test_task_parameters_are_the_numbers_in_the_bundle(plan: Plan, frozen: bool, classes: int) -> None:
    statistics = "frozen" if frozen else "task"
    student = Student(build_backbone("mini26"), plan=plan, classes=classes, statistics=statistics)  # type: ignore[arg-type]  # a literal by cases
    complexity = plan_complexity(
        geometry("mini26"),
        plan,
        image_side=32,
        classes=classes,
        statistics=statistics,  # type: ignore[arg-type]  # as above
    )
    assert complexity.task_params == sum(t.size for t in student.bundle_tensors().values())
    whole = backbone_cost(geometry("mini26"), 32)
    assert complexity.stem_params + complexity.shared_params_kept + complexity.shared_params_removed == whole.params
    assert complexity.stem_macs + complexity.shared_macs_kept + complexity.shared_macs_removed == whole.macs
    images = torch.zeros(1, 3, 32, 32)
    shared = complexity.stem_macs + complexity.shared_macs_kept
    head = classes * 128
    assert counted(student.eval(), lambda: student(images)) == shared + complexity.task_macs - head


@pytest.mark.parametrize("name", ["mini26", "resnet50"])
@pytest.mark.parametrize("method", ADAPTER_METHODS)
def test_adapters_are_counted_beside_the_convolutions(method: AdapterMethod, name: str) -> None:
    shapes = geometry(name)
    plan = full_plan(shapes.depth, 0)
    student = Student(build_backbone(name), plan=plan, classes=3, statistics="task", adapters=method)
    complexity = plan_complexity(shapes, plan, image_side=40, classes=3, statistics="task", adapters=method)
    assert complexity.task_params == sum(tensor.size for tensor in student.bundle_tensors().values())
    images, head = torch.zeros(1, 3, 40, 40), 3 * shapes.channels[-1]
    assert counted(student.eval(), lambda: student(images)) == complexity.macs - head


def test_adapters_have_the_published_sizes() -> None:
    """Those of the blocks: the stem's, 96 and 1,024 parameters, is not adapted here."""
    wide, nodes = geometry("wide_resnet26"), range(1, 13)
    sizes = {
        method: sum(adapters_cost(wide, node, 64, method).params for node in nodes)
        for method in ("parallel-adapters", "dan")
    }
    assert sizes == {"parallel-adapters": 645_216 - 96, "dan": 689_152 - 1024}


def table(path: Path) -> dict[str, Any]:
    shapes = geometry("mini26")
    content = {
        "stem": 1.0,
        "blocks": {str(n): 1.0 + n for n in range(1, 13)},
        "proxies": {f"{p}-{n}": 0.1 * n for p, n in full_plan(shapes.depth, None).proxy_paths()},
    }
    path.write_text(json.dumps(content))
    return content


def test_measured_milliseconds_are_shares_of_the_backbone(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    table(path)
    costs = measured_path_costs(geometry("mini26"), path)
    total = 1.0 + sum(1.0 + n for n in range(1, 13))
    assert costs.blocks[3] == pytest.approx(4 / total)
    assert costs.proxies[1, 2] == pytest.approx(0.2 / total)


def test_bad_cost_tables_say_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    content = table(path)
    del content["proxies"]["0-3"]
    path.write_text(json.dumps(content))
    with pytest.raises(CostTableInvalid, match="lacks '0-3'"):
        measured_path_costs(geometry("mini26"), path)
    path.write_text(json.dumps(content | {"stem": -1}))
    with pytest.raises(CostTableInvalid, match="not a positive number"):
        measured_path_costs(geometry("mini26"), path)
    path.write_text(json.dumps(table(path) | {"backbone": "resnet18"}))
    with pytest.raises(CostTableInvalid, match="measured for backbone 'resnet18', not 'mini26'"):
        measured_path_costs(geometry("mini26"), path)
    with pytest.raises(CostTableInvalid, match="No such file"):
        measured_path_costs(geometry("mini26"), tmp_path / "none.json")
