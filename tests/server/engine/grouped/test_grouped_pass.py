"""A batch of tasks in slots gives what the mixed pass gives, however it is run."""

import functools
import itertools

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from nettailor.architecture.plan import full_plan
from server.engine.engine import Engine, Part
from server.engine.grouped.slots import SlottedAdapter
from server.kernels.device import CpuDevice
from server.kernels.graph_cache import BUCKETS, Record
from server.kernels.grouped_product import GroupedProduct, grouped_product, looped_product
from server.kernels.grouping import Grouping, Recorded
from server.kernels.thread_lanes import ThreadLanes
from tests.server.engine.batches import batches, engine
from tests.server.kernels.fake_graphs import FakeRecorder, refuse
from tests.server.oracle import backbone, expected_logits, make_bundle, random_images


def grouped(
    name: str = "mini26",
    *,
    product: GroupedProduct = looped_product,
    recorded: Recorded = "off",
    record: Record | None = None,
    lanes: int = 1,
) -> Engine:
    grouping = Grouping(slots=3, product=product, recorded=recorded, record=record)
    return Engine(backbone(name), CpuDevice(lanes=ThreadLanes(lanes), grouping=grouping))


@functools.cache
def shared(recorded: Recorded) -> Engine:
    return grouped(recorded=recorded, record=None if recorded == "off" else FakeRecorder())


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(batches(), st.sampled_from(["off", "blocks", "pass"]))
def test_mixed_batch_gives_what_the_mixed_pass_gives(batch, recorded: Recorded) -> None:  # type: ignore[no-untyped-def]  # what `batches` draws
    """Some of its tasks find no slot: the fourth, and those of very many classes."""
    tasks, wanted, side, _ = batch
    images = random_images(sum(count for _, count in wanted), side)
    answers = []
    for tested in (engine(), shared(recorded)):
        ready = [tested.pack(task) for task in tasks]
        ends = np.cumsum([count for _, count in wanted]).tolist()
        parts = [
            Part(adapter=ready[index], images=range(end - count, end))
            for (index, count), end in zip(wanted, ends, strict=True)
        ]
        answers.append(tested.forward(images, parts))
    for expected, logits in zip(*answers, strict=True):
        np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4 * max(1.0, float(np.abs(expected).max())))


# Of every two of the three each pair, and all three at night: nothing depends on more than two.
@pytest.mark.parametrize(
    ("name", "recorded", "product"),
    [
        pytest.param(*each, marks=() if index in (0, 3, 5, 6) else pytest.mark.nightly)
        for index, each in enumerate(
            itertools.product(("resnet18", "resnet50"), ("off", "pass"), (looped_product, grouped_product))
        )
    ],
)
def test_other_backbones(name: str, recorded: Recorded, product: GroupedProduct) -> None:
    record = None if recorded == "off" else FakeRecorder()
    tested = grouped(name, product=product, recorded=recorded, record=record)
    bundles = [make_bundle(f"task{i}", name=name, seed=i, statistics=s) for i, s in enumerate(("task", "frozen"))]
    images = random_images(3, 32)
    parts = [Part(adapter=tested.pack(bundle), images=range(1 + i)) for i, bundle in enumerate(bundles)]
    assert all(isinstance(part.adapter, SlottedAdapter) for part in parts)
    for bundle, part, logits in zip(bundles, parts, tested.forward(images, parts), strict=True):
        expected = expected_logits(bundle, images[list(part.images)])
        np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4 * max(1.0, float(np.abs(expected).max())))


def test_lanes_share_the_slots() -> None:
    bundles = [make_bundle(f"task{i}", seed=i) for i in range(3)]
    tested, images = grouped(lanes=2), random_images(12, 32)
    parts = [Part(adapter=tested.pack(bundle), images=range(12)) for bundle in bundles]
    for bundle, logits in zip(bundles, tested.forward(images, parts), strict=True):
        np.testing.assert_allclose(logits, expected_logits(bundle, images), rtol=1e-3, atol=1e-3)


def test_one_product_a_node_whatever_the_number_of_tasks() -> None:
    launched = list[int]()

    def counted(x: Tensor, weights: Tensor, ends: Tensor) -> Tensor:
        launched.append(len(weights))
        return looped_product(x, weights, ends)

    tested = grouped(product=counted)
    parts = [Part(adapter=tested.pack(make_bundle(f"t{i}", plan=full_plan(12, 3))), images=[0]) for i in range(3)]
    tested.forward(random_images(1, 32), parts)
    assert launched == [3] * (12 + 1)  # and one for the classifiers


def test_a_pass_is_recorded_once_a_bucket_and_tasks_are_data() -> None:
    recorder = FakeRecorder()
    tested, images = grouped(recorded="pass", record=recorder), random_images(5, 32)
    bundles = [make_bundle(f"task{i}", seed=i) for i in range(3)]
    ready = [tested.pack(bundle) for bundle in bundles]
    for chosen, count in [((0, 1), 1), ((2, 1), 1), ((2,), 2), ((0, 1, 2), 5), ((1,), 3), ((0,), 4)]:
        parts = [Part(adapter=ready[i], images=range(count)) for i in chosen]
        for i, logits in zip(chosen, tested.forward(images, parts), strict=True):
            expected = expected_logits(bundles[i], images[:count])
            np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4 * max(1.0, float(np.abs(expected).max())))
    stems, passes = [1, 2, 8, 4], [2, 16, 4]
    assert sorted(recorder.recorded) == sorted(stems + passes)


@pytest.mark.parametrize("recorded", ["blocks", "pass"])
def test_warming_up_records_all_that_batches_want(recorded: Recorded) -> None:
    recorder = FakeRecorder()
    tested, images = grouped(recorded=recorded, record=recorder), random_images(4, 16)
    tested.warm_up(16)
    count = len(recorder.recorded)
    assert count == len(BUCKETS) * (len(tested.shared.blocks) + 1 if recorded == "blocks" else 2)
    ready = tested.pack(make_bundle(seed=1))
    for rows in (1, 3):
        tested.forward(images, [Part(adapter=ready, images=range(rows))])
    assert len(recorder.recorded) == count


def test_batches_beyond_the_largest_bucket_and_what_cannot_be_recorded_run_as_they_are() -> None:
    bundle = make_bundle(seed=1)
    for record, count in ((FakeRecorder(), 65), (refuse, 2)):
        for recorded in ("pass", "blocks"):
            tested, images = grouped(recorded=recorded, record=record), random_images(count, 16)
            [logits] = tested.forward(images, [Part(adapter=tested.pack(bundle), images=range(count))])
            np.testing.assert_allclose(logits, expected_logits(bundle, images), rtol=1e-3, atol=1e-3)


def test_a_batch_may_begin_before_the_last_one_was_fetched() -> None:
    bundle, tested = make_bundle(seed=1), grouped(recorded="pass", record=FakeRecorder())
    ready, images = tested.pack(bundle), random_images(2, 32)
    first, second = (tested.begin(images[i : i + 1], [Part(adapter=ready, images=[0])]) for i in range(2))
    expected = expected_logits(bundle, images)
    for i, answers in ((1, second), (0, first)):
        np.testing.assert_allclose(answers()[0], expected[i : i + 1], rtol=1e-3, atol=1e-3)


def test_numbers_left_in_a_slot_do_no_harm() -> None:
    """Even such as no product survives, in a slot that nobody has."""
    tested, images = grouped(), random_images(2, 32)
    assert tested._grouped is not None
    bundles = [make_bundle(f"task{i}", seed=i) for i in range(2)]
    full = tested.pack(make_bundle("full", plan=full_plan(12, 3)))
    ready = [tested.pack(bundle) for bundle in bundles]
    assert isinstance(full, SlottedAdapter)
    tested._grouped.slots.values[full.slot.number] = torch.nan
    for bundle, one in zip(bundles, ready, strict=True):
        [logits] = tested.forward(images, [Part(adapter=one, images=range(2))])
        np.testing.assert_allclose(logits, expected_logits(bundle, images), rtol=1e-3, atol=1e-3)
