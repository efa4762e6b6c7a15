"""Minimal filtering equals the convolution, and is used where it is the faster way."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from server.kernels.autotune import Choice, TunedKernel, Tuner, Way, choose
from server.kernels.batch_layout import BatchLayoutKernel
from server.kernels.convolution import OneDnnKernel, PlainKernel
from server.kernels.device import CpuDevice
from server.kernels.thread_lanes import ThreadLanes
from server.kernels.winograd import TILES, WinogradKernel, transforms
from tests.server.kernels.onednn import needs_onednn


@pytest.mark.parametrize("tile", TILES)
def test_one_dimensional_filters(tile: int) -> None:
    outputs, kernel, inputs = transforms(tile)
    generator = torch.Generator().manual_seed(tile)
    taps = torch.randn(3, generator=generator, dtype=torch.float64)
    x = torch.randn(tile + 2, generator=generator, dtype=torch.float64)
    y = outputs @ ((kernel @ taps) * (inputs @ x))
    torch.testing.assert_close(y, torch.stack([taps @ x[i : i + 3] for i in range(tile)]))


@needs_onednn
@settings(max_examples=60)
@given(
    tile=st.sampled_from(TILES),
    images=st.integers(1, 9),
    channels=st.sampled_from([(3, 16), (16, 16), (16, 40), (64, 64)]),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    biased=st.booleans(),
    relu=st.booleans(),
    added=st.booleans(),
)
def test_it_equals_the_convolution(
    *,
    tile: int,
    images: int,
    channels: tuple[int, int],
    size: tuple[int, int],
    biased: bool,
    relu: bool,
    added: bool,
) -> None:
    generator = torch.Generator().manual_seed(images)
    c_in, c_out = channels
    weight = torch.randn(c_out, c_in, 3, 3, generator=generator) / (9 * c_in) ** 0.5
    x = torch.randn(images, *size, c_in, generator=generator).permute(0, 3, 1, 2)
    bias = torch.randn(c_out, generator=generator) if biased else None
    plain = PlainKernel(weight=weight, stride=1, padding=1)
    add = torch.randn(plain(x, None).shape, generator=generator) if added else None
    expected = plain(x, bias, relu=relu, add=add)
    found = WinogradKernel(weight, tile=tile)(x, bias, relu=relu, add=add)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
    assert found.permute(0, 2, 3, 1).is_contiguous()


DIRECT = 0


def chosen(times: dict[tuple[int, int], float]) -> Choice:
    """By time (tile or DIRECT, number of images); 1.0 for an image where nothing is said."""
    ways: dict[int, Way] = {tile: lambda x, _bias: x for tile in (DIRECT, *TILES)}
    tiles = {id(way): tile for tile, way in ways.items()}
    direct = ways.pop(DIRECT)
    return choose(direct, ways, lambda way, images: times.get((tiles[id(way)], images), 1.0) * images)


def test_the_direct_way_stays_where_others_gain_little() -> None:
    assert chosen({}) == Choice(tile=None)
    assert chosen({(3, 8): 0.95, (4, 8): 0.92}) == Choice(tile=None)


def test_the_fastest_is_chosen_from_as_many_images_as_it_wins_at() -> None:
    assert chosen({(4, 8): 0.5, (4, 1): 0.8}) == Choice(tile=4, least=1)
    assert chosen({(4, 8): 0.5, (4, 1): 1.5}) == Choice(tile=4, least=4)


def test_the_smaller_one_is_chosen_of_two_about_as_fast() -> None:
    assert chosen({(3, 8): 0.51, (5, 8): 0.5}).tile == 3
    assert chosen({(3, 8): 0.6, (5, 8): 0.5}).tile == 5


@needs_onednn
def test_it_runs_only_for_sizes_and_batches_it_was_chosen_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tuner, "choice", lambda *_: Choice(tile=4, least=2))
    kernel = TunedKernel(OneDnnKernel(torch.randn(16, 16, 3, 3) / 12, stride=1, padding=1), Tuner(ThreadLanes()))
    plain = kernel.size_bytes
    ran: list[torch.Size] = []
    run = WinogradKernel.__call__

    def watched(self: WinogradKernel, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        ran.append(x.shape)
        return run(self, x, *args, **kwargs)

    monkeypatch.setattr(WinogradKernel, "__call__", watched)
    kernel.prepare(8, 8)
    assert kernel.size_bytes == plain + 36 / 9 * plain
    for shape in [(2, 16, 8, 8), (1, 16, 8, 8), (2, 16, 8, 9)]:
        kernel(torch.randn(shape).contiguous(memory_format=torch.channels_last), None)
    assert ran == [torch.Size((2, 16, 8, 8))]


@needs_onednn
def test_only_plain_3x3_convolutions_in_fp32_and_not_if_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.kernels.device.layouts_vary", lambda: False)

    def kind(device: CpuDevice, k: int = 3, stride: int = 1) -> type:
        return type(device.pack(np.zeros((16, 16, k, k), np.float32), stride=stride, padding=k // 2))

    assert kind(CpuDevice()) is TunedKernel
    others = [kind(CpuDevice(winograd=False)), kind(CpuDevice(), k=1), kind(CpuDevice(), stride=2)]
    assert set(others) == {OneDnnKernel}
    for low in (torch.bfloat16, torch.float16):
        assert kind(CpuDevice(low)) is (OneDnnKernel if OneDnnKernel.available(low) else PlainKernel)
    monkeypatch.setattr("server.kernels.device.layouts_vary", lambda: True)
    assert {kind(CpuDevice()), kind(CpuDevice(winograd=False)), kind(CpuDevice(), k=1)} == {BatchLayoutKernel}


@needs_onednn
def test_a_shape_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []

    def measure(*args: object) -> Choice:
        measured.append(args)
        return Choice(tile=None)

    monkeypatch.setattr("server.kernels.autotune.choose", measure)
    tuner = Tuner(ThreadLanes())
    kernels = [OneDnnKernel(torch.randn(16, 16, 3, 3), stride=1, padding=1) for _ in range(2)]
    assert [tuner.choice(k, *size) for k in kernels for size in ((4, 4), (5, 4))] == [Choice(tile=None)] * 4
    assert len(measured) == 2
