from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.errors import TrainingDiverged
from trainer.training.fit import Epoch, TrainingRun, fit
from trainer.training.schedule import Schedule


class Broken(Exception):
    """The process "dies" here."""


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


def backward(loss: Tensor) -> dict[str, Tensor]:
    loss.backward()
    return {"loss": loss}


def run(network: nn.Module, checkpoint: Path, *, break_at: int | None = None) -> TrainingRun[Tensor]:
    def batches(generator: torch.Generator, number: int) -> list[tuple[Tensor, Tensor, float]]:
        x = torch.randn(3, 8, 4, generator=generator)
        return [(b, (b.sum(1) > 0).long(), 1.0) for b in x]

    def on_epoch(epoch: Epoch) -> None:
        if epoch.number == break_at:
            raise Broken

    return TrainingRun(
        name="test",
        seed=3,
        schedule=Schedule(epochs=6, lr=0.1),
        steps=3,
        batches=batches,
        step=lambda x, y, progress: backward(F.cross_entropy(network(x), y)),
        checkpoint=checkpoint,
        on_epoch=on_epoch,
        validate=lambda: 0.5,
        validate_every=4,
    )


@pytest.mark.parametrize("break_at", [1, 4, 6])
def test_a_resumed_run_ends_with_the_same_bits(tmp_path: Path, break_at: int) -> None:
    whole, broken, resumed = model(), model(), model()
    history = fit(whole, run(whole, tmp_path / "whole.pt"))
    with pytest.raises(Broken):
        fit(broken, run(broken, tmp_path / "broken.pt", break_at=break_at))
    again = fit(resumed, run(resumed, tmp_path / "broken.pt"))
    assert [(e.number, e.losses, e.accuracy) for e in again] == [(e.number, e.losses, e.accuracy) for e in history]
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".part"] == []


def test_a_loss_that_is_no_number_is_a_named_error(tmp_path: Path) -> None:
    network = model()
    diverging = replace(run(network, tmp_path / "c.pt"), step=lambda x, y, progress: backward(network(x).sum() / 0))
    with pytest.raises(TrainingDiverged, match="loss of test is not finite in epoch 1"):
        fit(network, diverging)
    assert not (tmp_path / "c.pt").exists()


def test_a_checkpoint_on_a_full_disk_is_told_as_what_it_is(tmp_path: Path) -> None:
    checkpoint = tmp_path / "last.pt"
    checkpoint.with_suffix(".part").symlink_to("/dev/full")
    network = model()
    with pytest.raises(OSError, match="No space left on device"):  # torch itself raises an error of its own
        fit(network, run(network, checkpoint))
    assert not checkpoint.exists()


def test_a_checkpoint_of_a_release_that_trained_otherwise_is_not_gone_on_from(tmp_path: Path) -> None:
    checkpoint = tmp_path / "c.pt"
    whole = model()
    fit(whole, run(whole, checkpoint))
    state = torch.load(checkpoint, weights_only=True)
    torch.save({name: value for name, value in state.items() if name != "format"} | {"optimizer": {}}, checkpoint)
    again = model()
    assert len(fit(again, run(again, checkpoint))) == 6
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_checkpoint_that_a_power_cut_has_cut_short_is_not_gone_on_from(
    tmp_path: Path, share: float, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoint, whole, again = tmp_path / "c.pt", model(), model()
    fit(whole, run(whole, checkpoint))
    data = checkpoint.read_bytes()
    checkpoint.write_bytes(data[: int(share * len(data))])
    assert len(fit(again, run(again, checkpoint))) == 6
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))
    assert "c.pt cannot be read" in caplog.text


def test_it_learns_and_validates_when_told(tmp_path: Path) -> None:
    network = model()
    history = fit(network, run(network, tmp_path / "c.pt"))
    assert history[-1].losses["loss"] < history[0].losses["loss"]
    assert [e.accuracy for e in history] == [None, None, None, 0.5, None, 0.5]


def test_small_datasets_take_more_epochs_and_large_ones_fewer() -> None:
    schedule = Schedule(epochs=10, lr=0.1, batch_size=32, min_images=12_800, max_images=32_000)
    assert schedule.epochs_of(640) == 20
    assert schedule.epochs_of(2400) == 10
    assert schedule.epochs_of(6400) == 5
    assert schedule.epochs_of(64_000) == 3


def test_steps_are_larger_where_there_are_many_small_images() -> None:
    schedule = Schedule(epochs=10, lr=0.1, batch_size=32, max_batch_size=128)
    assert [schedule.fitted(images, 32).batch_size for images in (10, 1000, 1024, 2047, 2048, 60_000)] == [
        32, 32, 64, 64, 128, 128,
    ]  # fmt: skip
    assert [schedule.fitted(60_000, side).batch_size for side in (112, 113, 158, 159, 224, 512)] == [
        128, 64, 64, 32, 32, 32,
    ]  # fmt: skip
    assert replace(schedule, max_batch_size=0).fitted(60_000, 32).batch_size == 32
    assert schedule.fitted(60_000, 32).epochs == schedule.epochs_of(60_000)


def test_the_schedule_warms_up_and_ends_at_zero() -> None:
    schedule = Schedule(epochs=1, lr=1.0, warmup=0.2)
    assert schedule.factor(0) == pytest.approx(0.05)
    assert schedule.factor(0.2) == 1
    assert schedule.factor(1) == pytest.approx(0)
    with pytest.raises(ValueError, match="unusable schedule"):
        Schedule(epochs=0, lr=1.0)


def test_alphas_have_no_weight_decay_and_a_rate_of_their_own(tmp_path: Path) -> None:
    class WithAlphas(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.alphas = nn.ParameterDict({"1": nn.Parameter(torch.zeros(2))})
            self.head = nn.Linear(2, 2)

    network = WithAlphas()
    schedule = Schedule(epochs=1, lr=0.1, weight_decay=1.0, warmup=0.0)
    one = torch.ones(1, 1)
    fit(
        network,
        TrainingRun(
            name="alphas",
            seed=0,
            schedule=schedule,
            steps=1,
            batches=lambda generator, number: [(one, one, 1.0)],
            step=lambda x, y, progress: backward(torch.stack([0 * p.sum() for p in network.parameters()]).sum()),
            checkpoint=tmp_path / "c.pt",
        ),
    )
    assert network.alphas["1"].tolist() == [0, 0]
