"""Tasks of all methods in one batch, each answered as its own training network answers."""

import copy
import functools
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from nettailor.architecture.plan import full_plan
from nettailor.bundle.bundle import Bundle, decode, encode
from nettailor.bundle.manifest import ADAPTER_METHODS, PLAIN_METHODS, WHOLE_METHODS, AdapterMethod, Method, adapters_of
from nettailor.images import normalise
from nettailor.network.backbones import Backbone
from nettailor.network.masked import THRESHOLD, MaskedConvolution, MaskedStudent
from nettailor.network.packnet.convolution import PackedConvolution
from nettailor.network.packnet.student import PackedStudent
from nettailor.network.student import Student
from nettailor.network.whole_network import WholeNetwork
from server.engine.engine import Engine, Part
from server.kernels.device import CpuDevice
from server.kernels.thread_lanes import ThreadLanes
from tests.bundles import random_manifest, random_plan
from tests.nettailor.network.students import adapted_looking
from tests.server.oracle import backbone, fingerprint, random_images

CLASSES = (2, 5, 300)
Task = tuple[Method, int]  # and a seed


@functools.cache
def engine(name: str = "mini26") -> Engine:
    return Engine(backbone(name), CpuDevice(lanes=ThreadLanes(1)))


@functools.cache
def trained(method: Method, seed: int, name: str = "mini26") -> Student:
    """A network as training leaves it: with weights, gains, offsets and statistics of its own."""
    return whole(seed, name) if method in WHOLE_METHODS else on_shared_blocks(method, seed, name)


def whole(seed: int, name: str) -> WholeNetwork:
    """A backbone of which no tensor is as it was."""
    own, generator = copy.deepcopy(backbone(name)), torch.Generator().manual_seed(seed)
    for tensor in own.state_dict().values():
        if tensor.is_floating_point():
            tensor.mul_(0.9 + 0.2 * torch.rand(tensor.shape, generator=generator))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return WholeNetwork(own, classes=CLASSES[seed % len(CLASSES)])


def on_shared_blocks(method: Method, seed: int, name: str) -> Student:
    depth = len(backbone(name).blocks)
    plan = full_plan(depth, 0) if method in PLAIN_METHODS else random_plan(depth, seed=seed)
    statistics = PLAIN_METHODS.get(method, "task")
    generator = torch.Generator().manual_seed(seed)
    classes = CLASSES[seed % len(CLASSES)]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if method == "packnet":
            return filled(name, seed, classes)
        if method == "piggyback":
            return adapted_looking(half_masked(backbone(name), classes, generator), seed).eval()
        student = Student(
            backbone(name),
            plan=plan,
            classes=classes,
            statistics=statistics,
            adapts=method != "dan",
            adapters=adapters_of(method),
        )
    for module in student.proxies.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = 0.2 * torch.randn(module.num_features, generator=generator)
            module.running_var = 0.5 + torch.rand(module.num_features, generator=generator)
    return (student if statistics == "frozen" else adapted_looking(student, seed)).eval()


def filled(name: str, seed: int, classes: int) -> PackedStudent:
    """The third of three tasks, each of which owns weights of every second convolution."""
    chain: list[Bundle] = []
    for task in range(2):
        student = PackedStudent(backbone(name), classes=2, chain=chain)
        filled_up(student, place=task, seed=seed)
        chain.append(packed_bundle(student, name, f"packnet{seed}-{task}"))
    student = PackedStudent(backbone(name), classes=classes, chain=chain)
    filled_up(student, place=2, seed=seed)
    return student.eval()


def filled_up(student: PackedStudent, *, place: int, seed: int) -> None:
    """As training and pruning leave it."""
    student.take_free()
    generator = torch.Generator().manual_seed(3 * seed + place)
    packed = [module for module in student.modules() if isinstance(module, PackedConvolution)]
    for index, module in enumerate(packed):
        module.own.data = 0.05 * torch.randn(module.own.shape, generator=generator)
        module.prune(0.5 if (index + place) % 2 else 0.0)


def packed_bundle(student: PackedStudent, name: str, task: str) -> Bundle:
    manifest = random_manifest(
        task=task, backbone=name, fingerprint=fingerprint(name), classes=student.head.out_features, method="packnet"
    )
    predecessor = student.chain[-1].digest if student.chain else None
    changed = manifest.model_copy(update={"owned": student.owned, "predecessor": predecessor})
    return replace(decode(encode(changed, student.bundle_tensors())), chain=student.chain)


def half_masked(own: Backbone, classes: int, generator: torch.Generator) -> MaskedStudent:
    student = MaskedStudent(own, classes=classes, adapts=True)
    for module in student.blocks.modules():
        if isinstance(module, MaskedConvolution):
            module.scores.data = 2 * THRESHOLD * torch.rand(module.scores.shape, generator=generator)
            module.scores.data[0] = THRESHOLD
    return student


@functools.cache
def bundle_of(method: Method, seed: int, name: str = "mini26") -> Bundle:
    student = trained(method, seed, name)
    if isinstance(student, PackedStudent):
        return packed_bundle(student, name, f"{method}{seed}")
    manifest = random_manifest(
        task=f"{method}{seed}",
        backbone=name,
        fingerprint=fingerprint(name),
        plan=student.plan,
        classes=student.head.out_features,
        statistics=student.statistics,
        method=method,
    )
    return decode(encode(manifest, student.bundle_tensors()))


def assert_as_trained(batch: list[Task], *, side: int, name: str = "mini26", tested: Engine | None = None) -> None:
    tested = tested or engine(name)
    images = random_images(2 * len(batch), side)
    parts = [
        Part(adapter=tested.pack(bundle_of(method, seed, name)), images=range(2 * row, 2 * row + 2))
        for row, (method, seed) in enumerate(batch)
    ]
    answers = tested.forward(images, parts)
    for (method, seed), part, logits in zip(batch, parts, answers, strict=True):
        preprocessing = bundle_of(method, seed, name).manifest.preprocessing
        with torch.inference_mode():
            prepared = torch.from_numpy(normalise(images[list(part.images)], preprocessing))
            expected = trained(method, seed, name)(prepared).numpy()
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4 * scale, err_msg=method)


TASKS = st.tuples(st.sampled_from(get_args(Method)), st.integers(0, 5))


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TASKS, min_size=1, max_size=6), st.sampled_from([16, 32]))
def test_a_mixed_batch_equals_the_training_networks(batch: list[Task], side: int) -> None:
    assert_as_trained(batch, side=side)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_other_backbones(name: str) -> None:
    batch: list[Task] = [("nettailor", 1), *((method, 1) for method in PLAIN_METHODS), ("nettailor", 2)]
    assert_as_trained(batch, side=32, name=name)


def test_whole_networks_of_one_batch_run_in_lanes_of_their_own() -> None:
    several = Engine(backbone(), CpuDevice(lanes=ThreadLanes(3)))
    batch: list[Task] = [("finetuning", 0), ("finetuning", 1), ("batchnorm", 0), ("finetuning", 2)]
    assert_as_trained(batch * 2, side=16, tested=several)


@pytest.mark.parametrize("method", ADAPTER_METHODS)
def test_channels_that_the_backbone_switched_off(method: AdapterMethod) -> None:
    """The shared convolution, with the batch-norm folded in, has nothing left of them."""
    name = "mini26"
    off = copy.deepcopy(backbone(name))
    for module in off.blocks.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data[::3] = 0.0
    student = Student(off, plan=full_plan(12, 0), classes=5, statistics="task", adapters=method)
    tensors = adapted_looking(student).eval().bundle_tensors()
    for key in (key for key in tensors if key.startswith("adapters.") and key.endswith("0.weight")):
        tensors[key][:, ::3] += 1.0  # what another writer may leave there
    manifest = random_manifest(fingerprint=off.fingerprint(), classes=5, method=method)
    bundle = decode(encode(manifest, tensors))
    own = Engine(off, CpuDevice(lanes=ThreadLanes(1)))
    images = random_images(4, 32)
    (logits,) = own.forward(images, [Part(adapter=own.pack(bundle), images=range(4))])
    with torch.inference_mode():
        expected = Student.from_bundle(off, bundle)(torch.from_numpy(normalise(images, manifest.preprocessing)))
    np.testing.assert_allclose(logits, expected.numpy(), rtol=1e-3, atol=1e-4 * max(1.0, float(expected.abs().max())))
