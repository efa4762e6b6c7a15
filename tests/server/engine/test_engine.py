"""A mixed batch equals every task alone in the unfused student."""

import gc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nettailor.architecture.plan import full_plan, reachable_plan
from nettailor.bundle.bundle import Bundle
from nettailor.bundle.manifest import ADAPTER_METHODS
from nettailor.errors import BundleWrongBackbone
from server.engine.adapters import Adapter
from server.engine.engine import Engine, Part
from server.engine.ready import Ready
from server.kernels.autotune import Choice, Tuner
from server.kernels.convolution import OneDnnKernel
from server.kernels.device import CpuDevice, Device
from server.kernels.thread_lanes import ThreadLanes
from server.kernels.winograd import TILES, WinogradKernel
from tests.server.engine.batches import batches, engine
from tests.server.engine.int8.calibrated import SIDE, calibrated
from tests.server.int8_machine import needs_int8
from tests.server.oracle import backbone, expected_logits, make_bundle, random_images


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(batches(), st.integers(1, 3))
def test_mixed_batch_equals_the_students(batch, lanes: int) -> None:  # type: ignore[no-untyped-def]  # what `batches` draws
    tasks, wanted, side, share_images = batch
    tested = engine(lanes=lanes)
    ready = [tested.pack(task) for task in tasks]
    total = max(count for _, count in wanted) if share_images else sum(count for _, count in wanted)
    images = random_images(total, side)
    parts, start = [], 0
    for index, count in wanted:
        rows = range(count) if share_images else range(start, start + count)
        parts.append((index, Part(adapter=ready[index], images=rows)))
        start += count
    answers = tested.forward(images, [part for _, part in parts])
    for (index, part), logits in zip(parts, answers, strict=True):
        expected = expected_logits(tasks[index], images[list(part.images)])
        np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4 * max(1.0, float(np.abs(expected).max())))


@pytest.mark.parametrize("name", ["mini26", "resnet18"])
def test_one_image_of_one_pixel_at_the_end_is_answered_the_same_every_time(name: str) -> None:
    """Where the last block is gone, its node begins as the bundle's own bias."""
    depth, side = len(backbone(name).blocks), backbone(name).strides[-1]
    plan = reachable_plan([True] * (depth - 1) + [False], [*([] for _ in range(depth - 1)), [depth - 1]])
    bundle, images = make_bundle(name=name, plan=plan), random_images(1, side)
    ready, expected = engine(name).pack(bundle), expected_logits(bundle, images)
    for _ in range(3):
        [logits] = engine(name).forward(images, [Part(adapter=ready, images=[0])])
        np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4 * max(1.0, float(np.abs(expected).max())))


@pytest.mark.parametrize("statistics", ["task", "frozen"])
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_other_backbones(name: str, statistics: str) -> None:
    bundle = make_bundle(statistics=statistics, name=name, seed=3)
    images = random_images(2, 32)
    [logits] = engine(name).forward(images, [Part(adapter=engine(name).pack(bundle), images=[0, 1])])
    expected = expected_logits(bundle, images)
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4 * max(1.0, float(np.abs(expected).max())))


# Six seconds each, for the many weights of resnet18.
_AT_NIGHT = [pytest.param("resnet18", tile, marks=pytest.mark.nightly) for tile in TILES]


@pytest.mark.parametrize(("name", "tile"), [*(("mini26", tile) for tile in TILES), *_AT_NIGHT])
def test_minimal_filtering_gives_the_same(monkeypatch: pytest.MonkeyPatch, name: str, tile: int) -> None:
    monkeypatch.setattr(Tuner, "choice", lambda *_: Choice(tile=tile))
    monkeypatch.setattr("server.kernels.device.layouts_vary", lambda: False)
    tested = Engine(backbone(name), CpuDevice())
    bundles = [make_bundle(f"task{i}", name=name, seed=i, statistics=s) for i, s in enumerate(("task", "frozen"))]
    images = random_images(6, 40)
    parts = [Part(adapter=tested.pack(bundle), images=range(3 * i, 3 * i + 3)) for i, bundle in enumerate(bundles)]
    tested.warm_up(40)
    for bundle, part, logits in zip(bundles, parts, tested.forward(images, parts), strict=True):
        expected = expected_logits(bundle, images[list(part.images)])
        np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-3 * max(1.0, float(np.abs(expected).max())))


def test_dense_plan() -> None:
    bundle = make_bundle(plan=full_plan(12, None))
    images = random_images(1, 32)
    [logits] = engine().forward(images, [Part(adapter=engine().pack(bundle), images=[0])])
    np.testing.assert_allclose(logits, expected_logits(bundle, images), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_close(dtype: torch.dtype, packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not packed:  # as on a processor whose oneDNN has no convolution for it
        monkeypatch.setattr(OneDnnKernel, "available", lambda dtype: dtype == torch.float32)
    bundles = [make_bundle(method=method, seed=1) for method in ("nettailor", *ADAPTER_METHODS)]
    low = Engine(backbone("mini26"), CpuDevice(dtype))
    images = random_images(4, 32)
    parts = [Part(adapter=low.pack(bundle), images=range(4)) for bundle in bundles]
    for bundle, logits in zip(bundles, low.forward(images, parts), strict=True):
        expected = expected_logits(bundle, images)
        assert np.abs(logits - expected).max() < 0.05 * np.abs(expected).max(), bundle.manifest.method


@pytest.mark.parametrize("dtype", ["float32", pytest.param("int8", marks=needs_int8)])
def test_batches_in_lanes_of_their_own_answer_what_they_do_alone(dtype: Literal["float32", "int8"]) -> None:
    lanes = ThreadLanes(3, threads=1)
    shared = Engine(backbone(), CpuDevice(lanes=lanes, int8=dtype == "int8"))
    ready = [shared.pack(calibrated("nettailor", seed)) for seed in range(3)]
    work = [(random_images(rows, SIDE), [Part(adapter=ready[rows % 3], images=range(rows))]) for rows in range(1, 17)]
    alone = [shared.forward(images, parts)[0] for images, parts in work]
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda one: shared.begin(*one, in_one_lane=True)()[0], work * 3))
    for logits, expected in zip(found, alone * 3, strict=True):
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_images_in_pieces_through_the_stem_have_their_own_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    images, tested = random_images(7, SIDE), engine(lanes=2)
    bundles = [_with_colours(make_bundle("grey"), 0.5), _with_colours(make_bundle("dark"), 0.1)]
    parts = [
        Part(adapter=tested.pack(bundle), images=rows)
        for bundle, rows in zip(bundles, ([5, 0, 3], [1, 6]), strict=True)
    ]
    monkeypatch.setattr("server.engine.stems._PIECE", 2 * images[0].size)
    for bundle, part, logits in zip(bundles, parts, tested.forward(images, parts), strict=True):
        expected = expected_logits(bundle, images[list(part.images)])
        np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4 * max(1.0, float(np.abs(expected).max())))


def _with_colours(bundle: Bundle, mean: float) -> Bundle:
    preprocessing = bundle.manifest.preprocessing.model_copy(update={"mean": (mean, mean, mean)})
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"preprocessing": preprocessing}))


def test_wrong_backbone_is_refused() -> None:
    with pytest.raises(BundleWrongBackbone):
        engine("resnet18").pack(make_bundle())


def storages(adapter: Ready) -> set[int]:
    assert isinstance(adapter, Adapter)
    found = {adapter.head_weight.untyped_storage().data_ptr(), adapter.head_bias.untyped_storage().data_ptr()}
    for node in adapter.nodes.values():
        found.add(node.bias.untyped_storage().data_ptr())
        tensors = [node.weight, *(tensor for proxy in node.proxies for tensor in proxy.inner or ())]
        found |= {tensor.untyped_storage().data_ptr() for tensor in tensors if tensor is not None}
    return found


def live_storages() -> dict[int, int]:
    gc.collect()
    tensors = [o for o in gc.get_objects() if issubclass(type(o), torch.Tensor)]
    opaque = [t for t in tensors if t.is_mkldnn]
    found = {int(torch.ops.mkldnn.data_ptr(t)): int(torch.ops.mkldnn._nbytes(t)) for t in opaque}
    # What exporters keep of others has no storage: tensors of other layouts, and those that stand for none (fake ones).
    plain = [t for t in tensors if t.layout == torch.strided and type(t) in (torch.Tensor, torch.nn.Parameter)]
    return found | {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in plain}


@pytest.mark.parametrize("statistics", ["task", "frozen"])
def test_one_copy_of_the_shared_network_however_many_tasks(monkeypatch: pytest.MonkeyPatch, statistics: str) -> None:
    device: Device = CpuDevice()
    monkeypatch.setattr(Tuner, "choice", lambda *_: Choice(tile=4))
    WinogradKernel(torch.zeros(16, 16, 3, 3), tile=4)  # its constant matrices are kept from now on
    before = set(live_storages())
    alone = Engine(backbone(), device)
    bundles = [make_bundle(f"task{i}", seed=i, statistics=statistics) for i in range(8)]
    ready = [alone.pack(bundle) for bundle in bundles]
    alone.forward(random_images(8, 32), [Part(adapter=a, images=[i]) for i, a in enumerate(ready)])
    shared = {a for conv in alone.shared.convolutions for a in conv.kernel.addresses}
    shared |= {conv.bias.untyped_storage().data_ptr() for conv in alone.shared.convolutions}

    assert [len(storages(adapter)) for adapter in ready] == [1] * 8
    own = set().union(*(storages(adapter) for adapter in ready))
    assert len(own) == 8
    assert not own & shared
    live = live_storages()
    assert set(live) - before == own | shared
    assert sum(live[s] for s in own) == sum(adapter.size_bytes for adapter in ready)
    assert sum(live[s] for s in shared) == alone.shared.size_bytes
