"""The engine's equality again, on a GPU. `make gpu-check` runs this on machines with little but PyTorch."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from nettailor.architecture.plan import full_plan
from nettailor.bundle.bundle import Bundle
from server.engine.engine import Engine, Part
from server.engine.grouped.slots import SlottedAdapter
from server.kernels.device import CudaDevice
from server.kernels.grouping import Recorded
from tests.server.oracle import backbone, expected_logits, make_bundle, random_images

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

_BF16_TOLERANCE = 0.05  # of the largest logit; on CPU they differ by 0.014 at most


def bundles(count: int = 6, name: str = "mini26") -> list[Bundle]:
    return [
        make_bundle(f"task{i}", seed=i, name=name, classes=5 + i, statistics="task" if i % 2 else "frozen")
        for i in range(count)
    ]


def check(
    engine: Engine, tasks: Sequence[Bundle], images: NDArray[np.uint8], parts: Sequence[Part], tolerance: float
) -> None:
    for bundle, part, logits in zip(tasks, parts, engine.forward(images, parts), strict=True):
        expected = expected_logits(bundle, images[list(part.images)])
        assert np.abs(logits - expected).max() < tolerance * np.abs(expected).max()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-2), (torch.bfloat16, _BF16_TOLERANCE)])
def test_mixed_batch_equals_the_students(dtype: torch.dtype, tolerance: float) -> None:
    engine, tasks, images = Engine(backbone(), CudaDevice(dtype)), bundles(), random_images(12, 32)
    parts = [Part(adapter=engine.pack(bundle), images=[i, 11 - i]) for i, bundle in enumerate(tasks)]
    check(engine, tasks, images, parts, tolerance)


def grouped_engine(recorded: Recorded, name: str = "mini26", slots: int = 8) -> Engine:
    device = CudaDevice(slots=slots, recorded=recorded)
    if device.grouping is None:
        pytest.skip("PyTorch has no kernel for grouped products on this GPU")
    return Engine(backbone(name), device)


@pytest.mark.parametrize("recorded", ["off", "blocks", "pass"])
@pytest.mark.parametrize("name", ["mini26", "resnet18", "resnet50"])
def test_tasks_in_slots_equal_the_students(name: str, recorded: Recorded) -> None:
    engine, tasks, images = grouped_engine(recorded, name), bundles(name=name), random_images(12, 64)
    ready = [engine.pack(bundle) for bundle in tasks]
    assert all(isinstance(one, SlottedAdapter) for one in ready)
    for count in (1, 2, 6, 2):  # tasks in the batch; recordings are used again
        parts = [Part(adapter=one, images=[i, 11 - i]) for i, one in enumerate(ready[:count])]
        check(engine, tasks[:count], images, parts, _BF16_TOLERANCE)


@pytest.mark.parametrize("recorded", ["off", "blocks", "pass"])
def test_what_finds_no_slot_runs_beside_those_that_do(recorded: Recorded) -> None:
    engine, images = grouped_engine(recorded, slots=2), random_images(4, 32)
    tasks = [*bundles(3), make_bundle("dense", plan=full_plan(12, None)), make_bundle("whole", method="finetuning")]
    ready = [engine.pack(bundle) for bundle in tasks]
    assert [isinstance(one, SlottedAdapter) for one in ready] == [True, True, False, False, False]
    check(engine, tasks, images, [Part(adapter=one, images=range(4)) for one in ready], _BF16_TOLERANCE)


def test_as_many_slots_as_the_kernel_takes() -> None:
    engine, tasks, images = grouped_engine("pass", slots=5000), bundles(3), random_images(70, 32)
    ready = [engine.pack(bundle) for bundle in tasks]
    for rows in (3, 70):  # the latter is more than any recording holds
        check(engine, tasks, images, [Part(adapter=one, images=range(rows)) for one in ready], _BF16_TOLERANCE)


@pytest.mark.parametrize("recorded", ["off", "blocks", "pass"])
def test_a_batch_may_begin_before_the_last_one_was_fetched(recorded: Recorded) -> None:
    engine, tasks, images = grouped_engine(recorded), bundles(4), random_images(32, 64)
    ready = [engine.pack(bundle) for bundle in tasks]
    expected = [expected_logits(bundle, images) for bundle in tasks]
    waiting = []
    for start in range(0, 32, 4):
        waiting.append(engine.begin(images[start : start + 4], [Part(adapter=one, images=range(4)) for one in ready]))
    for start, answers in zip(range(0, 32, 4), waiting, strict=True):
        for logits, all_rows in zip(answers(), expected, strict=True):
            difference = np.abs(logits - all_rows[start : start + 4]).max()
            assert difference < _BF16_TOLERANCE * np.abs(all_rows).max()


def test_a_slot_that_changes_hands_answers_as_its_new_task() -> None:
    engine, images = grouped_engine("pass", slots=1), random_images(2, 32)
    for bundle in bundles(4):
        ready = engine.pack(bundle)
        assert isinstance(ready, SlottedAdapter)
        check(engine, [bundle], images, [Part(adapter=ready, images=[0, 1])], _BF16_TOLERANCE)
        del ready


def test_warming_up_records_before_anybody_asks() -> None:
    engine, [bundle], images = grouped_engine("pass"), bundles(1), random_images(3, 32)
    engine.warm_up(32)
    assert engine._grouped is not None
    recordings = engine._grouped.recordings
    assert recordings is not None
    assert recordings.bucket(64) == 64  # else recording failed
    check(engine, [bundle], images, [Part(adapter=engine.pack(bundle), images=range(3))], _BF16_TOLERANCE)
