"""Grouped products, recordings and copies on a GPU."""

import threading

import numpy as np
import pytest
import torch
from torch import Tensor

from server.kernels.cuda_graphs import CudaRecorder
from server.kernels.cuda_transfers import CudaTransfers
from server.kernels.device import CudaDevice, put_next
from server.kernels.graph_cache import GraphCache
from server.kernels.grouped_product import MOST_GROUPS, grouped_product, has_kernel, looped_product

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def place() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device())


@pytest.mark.parametrize("groups", [1, 5, 64, MOST_GROUPS])
@pytest.mark.parametrize(("inner", "channels"), [(16, 64), (192, 64), (768, 256), (1536, 512), (512, 256)])
def test_grouped_products_equal_the_loop(groups: int, inner: int, channels: int) -> None:
    if not has_kernel(place(), torch.bfloat16):
        pytest.skip("PyTorch has no kernel for grouped products on this GPU")
    generator = torch.Generator("cuda").manual_seed(groups + inner)
    sizes = torch.randint(0, 40, (groups,), generator=generator, device=place())
    sizes[torch.randint(0, groups, (groups // 2,), generator=generator, device=place())] = 0
    ends, rows = sizes.cumsum(0).int(), int(sizes.sum()) + 3
    x = torch.randn(rows, inner, generator=generator, device=place()).bfloat16()
    slots = torch.randn(groups, channels * inner + 64, generator=generator, device=place()).bfloat16()
    weights = slots[:, 64:].unflatten(1, (channels, inner)).transpose(1, 2)
    found, expected = (product(x, weights, ends)[: rows - 3] for product in (grouped_product, looped_product))
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02 * inner**0.5)


def test_a_recording_reads_its_inputs_anew() -> None:
    cache = GraphCache(CudaRecorder(place()))

    def work(x: Tensor, offset: Tensor) -> Tensor:
        return torch.nn.functional.conv2d(x, torch.ones(3, 3, 3, 3, device=place())).mean((2, 3)) + offset

    with torch.inference_mode():
        for count in (1, 3, 64, 5, 3, 1, 65):
            x, offset = torch.randn(count, 3, 8, 8, device=place()), torch.full((1,), float(count), device=place())
            torch.testing.assert_close(
                cache.run("work", work, [x], [offset]), work(x, offset), rtol=0.01, atol=0.01
            )  # TF32
    assert cache.bucket(1) == 1


def test_bundles_go_up_while_work_is_recorded() -> None:
    device, cache, stop = CudaDevice(), GraphCache(CudaRecorder(place())), threading.Event()
    failures: list[BaseException] = []

    def load() -> None:
        try:
            while not stop.is_set():
                array = np.random.default_rng(0).standard_normal(300_000, np.float32)
                assert device.put(array).shape == array.shape
        except BaseException as failure:  # whatever it is, the test shows it
            failures.append(failure)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for width in range(1, 20):
            x = torch.ones(4, width, device=place())
            assert torch.equal(cache.run(width, torch.neg, [x]), -x)
    finally:
        stop.set()
        thread.join()
    assert not failures
    assert cache.bucket(1) == 1


def test_copies_are_in_order_with_the_work() -> None:
    transfers = CudaTransfers(place())
    waiting, expected = [], []
    for i in range(20):
        host = torch.full((512, 512), float(i))
        x = transfers.put_next(host)
        for _ in range(20):
            x = x + 1
        waiting.append(transfers.fetch_later(x))
        expected.append(float(i + 20))
    assert [float(fetched().mean()) for fetched in waiting] == expected


def test_filling_changes_that_memory_alone() -> None:
    transfers, target = CudaTransfers(place()), torch.zeros(3, 5, device=place())
    transfers.fill(target[1], torch.arange(5.0))
    assert target.tolist() == [[0] * 5, [0, 1, 2, 3, 4], [0] * 5]


def test_numbers_of_any_kind_go_up() -> None:
    device = CudaDevice()
    for array in (np.arange(6).reshape(2, 3), np.linspace(0, 1, 8, dtype=np.float32), np.arange(7, dtype=np.uint8)):
        there = put_next(device, array)
        assert there.shape == array.shape
        np.testing.assert_array_equal(there.cpu().numpy(), array)
