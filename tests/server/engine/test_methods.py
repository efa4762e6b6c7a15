"""Tasks of all methods in one batch, each answered as its own training network answers."""

import copy
import functools
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from nettailor.architecture.plan import full_plan
from nettailor.bundle.bundle import Bundle, decode, encode
from nettailor.bundle.manifest import ADAPTER_METHODS, PLAIN_METHODS, AdapterMethod, Method
from nettailor.images import normalise
from nettailor.network.packnet.student import PackedStudent
from nettailor.network.student import Student
from server.engine.engine import Engine, Part
from server.kernels.device import CpuDevice
from server.kernels.thread_lanes import ThreadLanes
from tests import tiny_bottleneck
from tests.bundles import random_manifest
from tests.nettailor.network.students import adapted_looking
from tests.server.engine.trained import packed_bundle, trained, trained_manifest
from tests.server.oracle import backbone, random_images

Task = tuple[Method, int]  # and a seed


@functools.cache
def engine(name: str = "mini26") -> Engine:
    return Engine(backbone(name), CpuDevice(lanes=ThreadLanes(1)))


@functools.cache
def bundle_of(method: Method, seed: int, name: str = "mini26") -> Bundle:
    student = trained(method, seed, name)
    if isinstance(student, PackedStudent):
        return packed_bundle(student, name, f"{method}{seed}")
    return decode(encode(trained_manifest(method, seed, name), student.bundle_tensors()))


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


# Those that people have take up to six seconds, for their many weights.
_AT_NIGHT = [pytest.param(name, marks=pytest.mark.nightly) for name in ("resnet18", "resnet50")]


@pytest.mark.parametrize("name", [tiny_bottleneck.NAME, *_AT_NIGHT])
def test_other_backbones(name: str) -> None:
    batch: list[Task] = [("nettailor", 1), *((method, 1) for method in PLAIN_METHODS), ("nettailor", 2)]
    with tiny_bottleneck.known():
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
