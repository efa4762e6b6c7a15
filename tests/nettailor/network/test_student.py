import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from nettailor.architecture.plan import Plan, full_plan
from nettailor.bundle.bundle import decode, encode
from nettailor.bundle.manifest import StatisticsMode
from nettailor.errors import BundleWrongBackbone
from nettailor.network.backbones import Backbone, build_backbone, pooled
from nettailor.network.local_pass import LocalPass
from nettailor.network.student import Student
from tests.bundles import random_manifest
from tests.nettailor.architecture.plans import plans
from tests.nettailor.network.students import trained_looking

MODES: list[StatisticsMode] = ["task", "frozen"]


def backbone_of(name: str = "mini26", seed: int = 0) -> Backbone:
    torch.manual_seed(seed)
    return build_backbone(name)


@pytest.mark.parametrize("mode", MODES)
def test_start_values_and_shapes(mode: StatisticsMode) -> None:
    student = Student(backbone_of(), plan=full_plan(12, 3), classes=7, statistics=mode).eval()
    assert student.alphas["5"].tolist() == [2, -2, -2, -2]
    assert float(student.alpha(5).detach().sum()) == pytest.approx(1)
    with torch.inference_mode():
        assert student(torch.randn(2, 3, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize("name", ["mini26", "resnet18", "resnet50"])
@torch.inference_mode()
def test_without_proxies_it_is_the_backbone(name: str) -> None:
    backbone = backbone_of(name)
    plan = full_plan(backbone.depth, 0)
    student = Student(backbone, plan=plan, classes=3, statistics="frozen").eval()
    images = torch.randn(2, 3, 40, 40)
    assert torch.equal(student(images), student.head(backbone(images)))


def masked_forward(full: Student, plan: Plan, images: Tensor) -> Tensor:
    """The full student with alpha logits of minus infinity where `plan` has no path; an absent node is zero."""
    nodes: dict[int, Tensor | None] = {0: full.stem(images)}
    for node in full.plan.nodes():
        logits = full.alphas[str(node)].clone()
        keep = [plan.keeps_block(node)] + [p in plan.sources(node) for p in full.plan.sources(node)]
        logits[~torch.tensor(keep)] = -math.inf
        if not any(keep):
            nodes[node] = None
            continue
        alpha = torch.softmax(logits, 0)
        total: Tensor | None = None
        for index, source in enumerate(full.plan.inputs(node)):
            x = nodes[source]
            if x is None:
                continue
            path = full.block(node) if index == 0 else full.proxy(source, node)
            term = alpha[index] * path(x)
            total = term if total is None else total + term
        assert total is not None
        nodes[node] = F.relu(total)
    last = nodes[full.plan.depth]
    assert last is not None
    result: Tensor = full.head(pooled(last))
    return result


@settings(max_examples=25)
@given(plan=plans(12), seed=st.integers(0, 1000), mode=st.sampled_from(MODES))
@torch.inference_mode()
def test_masked_and_compact_students_give_the_same_logits(plan: Plan, seed: int, mode: StatisticsMode) -> None:
    backbone = backbone_of()
    full = trained_looking(Student(backbone, plan=full_plan(12, 3), classes=5, statistics=mode), seed).eval()
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(seed))
    compact = full.pruned(plan, backbone)
    torch.testing.assert_close(compact(images), masked_forward(full, plan, images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mode", MODES)
def test_frozen_means_frozen(mode: StatisticsMode) -> None:
    backbone = backbone_of()
    before = backbone.fingerprint()
    student = Student(backbone, plan=full_plan(12, 3), classes=4, statistics=mode).train()
    optimizer = torch.optim.SGD(student.task_parameters(), lr=0.1, weight_decay=0.1)
    own = student.get_buffer("blocks.3.branch.1.running_mean").clone()
    for _ in range(2):
        trace = LocalPass(student)(torch.randn(8, 3, 16, 16))
        trace.backward(trace.outputs.logits.sum())
        optimizer.step()
    assert backbone.fingerprint() == before
    moved = not torch.equal(own, student.get_buffer("blocks.3.branch.1.running_mean"))
    assert moved == (mode == "task")


def test_the_blocks_weights_are_shared_not_copied() -> None:
    backbone = backbone_of()
    students = [Student(backbone, plan=full_plan(12, 1), classes=4, statistics="task") for _ in range(2)]
    shared = {p.data_ptr() for p in backbone.parameters()}
    for student in students:
        assert {p.data_ptr() for p in student.blocks.parameters()} <= shared


@pytest.mark.parametrize("mode", MODES)
@torch.inference_mode()
def test_a_bundle_holds_the_whole_student(mode: StatisticsMode) -> None:
    backbone = backbone_of()
    manifest = random_manifest(fingerprint=backbone.fingerprint(), statistics=mode)
    student = Student(backbone, plan=manifest.plan, classes=len(manifest.classes), statistics=mode)
    trained_looking(student).eval()
    bundle = decode(encode(manifest, student.bundle_tensors()))
    images = torch.randn(3, 3, 32, 32)
    again = Student.from_bundle(backbone, bundle)
    torch.testing.assert_close(again(images), student(images), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(again.bundle_tensors()["head.weight"], bundle.tensors["head.weight"])


@torch.inference_mode()
def test_alphas_that_underflow_can_still_be_stored() -> None:
    backbone = backbone_of()
    manifest = random_manifest(fingerprint=backbone.fingerprint(), plan=full_plan(12, 1))
    student = Student(backbone, plan=manifest.plan, classes=len(manifest.classes), statistics="task").eval()
    student.alphas["12"].copy_(torch.tensor([-120.0, 30.0]))
    again = Student.from_bundle(backbone, decode(encode(manifest, student.bundle_tensors())))
    images = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(again(images), student(images), rtol=1e-5, atol=1e-5)


def test_a_bundle_of_another_backbone_is_refused() -> None:
    backbone = backbone_of()
    manifest = random_manifest(fingerprint="1" * 64)
    student = Student(backbone, plan=manifest.plan, classes=len(manifest.classes), statistics="task")
    bundle = decode(encode(manifest, student.bundle_tensors()))
    with pytest.raises(BundleWrongBackbone, match="1111"):
        Student.from_bundle(backbone, bundle)
