"""A mixed batch in 8 bits equals every task alone in the slow student of rounded numbers."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nettailor.bundle.manifest import Method
from server.engine.adapters import Adapter
from server.engine.engine import Engine, Part
from server.engine.int8 import paths
from server.kernels.device import CpuDevice
from server.kernels.thread_lanes import ThreadLanes
from tests.server.engine.int8.calibrated import SIDE, calibrated, engine, expected
from tests.server.int8_machine import needs_int8
from tests.server.oracle import backbone, expected_logits, make_bundle, random_images

pytestmark = needs_int8

SCRIPTS = ("quantise", "block", "add_products", "pool", "product_relu", "classify")


def assert_close(logits: NDArray[np.float32], wanted: NDArray[np.float32], say: str = "") -> None:
    """A value just between two steps may be rounded to either; what follows from that grows through random blocks."""
    errors = np.abs(logits - wanted).max(1) / max(1.0, float(np.abs(wanted).max()))
    assert errors.max() < 0.1, f"{say}: {errors}"
    assert np.median(errors) < 0.05, f"{say}: {errors}"


def answers(batch: list[tuple[Method, int]], *, name: str = "mini26", lanes: int = 1, side: int = SIDE) -> None:
    tested = engine(name, lanes)
    images = random_images(2 * len(batch), side, seed=3)
    parts = [
        Part(adapter=tested.pack(calibrated(method, seed, name)), images=range(2 * row, 2 * row + 2))
        for row, (method, seed) in enumerate(batch)
    ]
    for (method, seed), part, logits in zip(batch, parts, tested.forward(images, parts), strict=True):
        assert_close(logits, expected(method, seed, images[list(part.images)], name), f"{method} {seed}")


METHODS: tuple[Method, ...] = ("nettailor", "features", "batchnorm", "parallel-adapters", "series-adapters", "dan")


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    batch=st.lists(st.tuples(st.sampled_from(METHODS), st.integers(0, 2)), min_size=1, max_size=5),
    lanes=st.integers(1, 2),
    side=st.sampled_from([16, 32, 40]),
)
def test_a_mixed_batch_equals_the_students_of_rounded_numbers(
    batch: list[tuple[Method, int]], lanes: int, side: int
) -> None:
    answers(batch, lanes=lanes, side=side)


@pytest.mark.parametrize("method", ["nettailor", "parallel-adapters", "series-adapters"])
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_other_backbones(name: str, method: Method) -> None:
    answers([(method, 0), ("nettailor", 1)], name=name)


@pytest.mark.parametrize("images", [1, 7, 33])
def test_batches_that_are_cut_into_pieces_answer_the_same(images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle, pictures = calibrated("nettailor", 0), random_images(images, SIDE)
    part = Part(adapter=engine().pack(bundle), images=range(images))
    [whole] = engine().forward(pictures, [part])
    monkeypatch.setattr("server.engine.int8.mixed_pass._PIECE_BYTES", 1)
    [cut] = engine().forward(pictures, [part])
    np.testing.assert_array_equal(cut, whole)


def test_the_first_request_finds_compiled_what_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def noting(name: str) -> None:
        function = getattr(paths, name)

        def run(*args: object, **kwargs: object) -> object:
            ran.append(name)
            return function(*args, **kwargs)

        monkeypatch.setattr(paths, name, run)

    for name in SCRIPTS:
        noting(name)
    engine().warm_up(SIDE)
    assert set(ran) == set(SCRIPTS)
    assert ran.count("block") == len(engine().shared.blocks)


def test_bundles_without_ranges_are_answered_in_float32() -> None:
    tested = engine()
    tasks = [make_bundle("plain", seed=1), make_bundle("masked", method="piggyback"), make_bundle(method="finetuning")]
    images = random_images(8, SIDE)
    parts = [Part(adapter=tested.pack(task), images=range(2 * i, 2 * i + 2)) for i, task in enumerate(tasks)]
    parts.append(Part(adapter=tested.pack(calibrated("nettailor", 0)), images=[6, 7]))
    *exact, low = tested.forward(images, parts)
    for task, part, logits in zip(tasks, parts, exact, strict=False):
        wanted = expected_logits(task, images[list(part.images)])
        np.testing.assert_allclose(logits, wanted, rtol=1e-3, atol=1e-4 * max(1.0, float(np.abs(wanted).max())))
    assert_close(low, expected("nettailor", 0, images[6:]))


def test_the_float32_network_is_there_as_long_as_a_bundle_holds_it() -> None:
    read = []

    def again():  # type: ignore[no-untyped-def]  # a backbone
        read.append(1)
        return backbone()

    tested = Engine(backbone(), CpuDevice(lanes=ThreadLanes(1), int8=True), again=again)
    low = tested.pack(calibrated("nettailor", 0))
    small = tested.size_bytes  # with the layouts that images of this size want
    assert read == []
    first, second = tested.pack(make_bundle("one")), tested.pack(make_bundle("two", method="piggyback"))
    assert read == [1]
    assert tested.size_bytes > 3 * small
    del first
    assert tested.size_bytes > 3 * small
    del second
    assert tested.size_bytes == small
    exact = tested.upload(tested.fold(calibrated("nettailor", 0), exact=True))
    assert isinstance(low, Adapter)
    assert isinstance(exact, Adapter)
    assert low.int8 is not None
    assert exact.int8 is None
    assert len(read) == 2


def test_a_packed_network_keeps_the_float32_network_for_the_next_one() -> None:
    read = []

    def again():  # type: ignore[no-untyped-def]  # a backbone
        read.append(1)
        return backbone()

    tested = Engine(backbone(), CpuDevice(lanes=ThreadLanes(1), int8=True), again=again)
    small = tested.size_bytes
    packed = [tested.pack(make_bundle(f"packed{seed}", method="packnet", seed=seed)) for seed in range(2)]
    assert read == [1]
    assert tested.size_bytes > 3 * small
    del packed
    assert tested.size_bytes == small


def test_int8_takes_a_quarter_of_the_memory() -> None:
    exact, low = Engine(backbone("resnet18"), CpuDevice(winograd=False)), engine("resnet18")
    assert low.size_bytes < 0.3 * exact.size_bytes
    bundle = calibrated("nettailor", 0, "resnet18")
    assert low.fold(bundle).size_bytes < 0.4 * exact.fold(bundle).size_bytes
