import pytest
import torch
from torch import Tensor, nn

from trainer.recipe.timing.latency import device_in_words, milliseconds_an_image


class Observed(nn.Module):
    """A network that remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.asked: list[tuple[tuple[int, ...], bool]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.asked.append((tuple(images.shape), self.training))
        normalised: Tensor = self.norm(images)
        return normalised.mean((2, 3))


def test_one_image_is_asked_about_as_it_is_served_and_nothing_is_learned_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    model, clock = Observed(), iter(range(1000))
    monkeypatch.setattr("trainer.recipe.timing.latency.time.perf_counter", lambda: next(clock))
    assert milliseconds_an_image(model, image_side=24, device=torch.device("cpu")) == 1000
    assert set(model.asked) == {((1, 3, 24, 24), False)}
    assert len(model.asked) > 5
    assert int(model.norm.num_batches_tracked or 0) == 0


@pytest.mark.parametrize(("threads", "words"), [(1, "CPU, 1 thread"), (4, "CPU, 4 threads")])
def test_a_cpu_is_told_with_its_threads(monkeypatch: pytest.MonkeyPatch, threads: int, words: str) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert device_in_words(torch.device("cpu")) == words
