"""One fold by itself."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.training.straightforward import two_passes
from nettailor.network.losses import Loss
from nettailor.network.norms import running_statistics_kept
from nettailor.network.student import Student
from tests.trainer.recipe.runs import Broken, fold_in
from tests.trainer.tiny import tiny_config
from trainer.recipe import fold as folds
from trainer.training import data
from trainer.training.data import evaluation_batches
from trainer.training.fit import Epoch


def test_proxies_are_fitted_to_fewer_images_where_they_are_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold = fold_in(tmp_path)
    assert len(fold._some_images(12)) == 12
    monkeypatch.setattr(folds, "_REGRESSED_PIXELS", 5 * fold.preprocessing.crop**2)
    some = fold._some_images(12)
    assert len(some) == 5
    assert torch.equal(some, fold._some_images(12))


def test_teachers_and_students_have_the_statistics_of_the_training_images_as_served(tmp_path: Path) -> None:
    fold = fold_in(tmp_path)
    teacher = fold.teacher(fold.config.teacher)
    images = next(iter(evaluation_batches(fold.train, fold.preprocessing)))[0]
    assert len(images) == len(fold.train)
    student = fold.student(teacher)
    compared = (_norm_inputs(teacher, images), _norm_inputs(student, images))
    assert len(compared[0]) == sum(isinstance(m, nn.BatchNorm2d) for m in teacher.modules())
    for inputs in compared:
        for norm, x in inputs.items():
            torch.testing.assert_close(norm.running_mean, x.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(norm.running_var, x.var((0, 2, 3)), rtol=1e-4, atol=1e-5)


def test_a_small_last_batch_counts_by_its_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fold = fold_in(tmp_path)
    monkeypatch.setattr(data, "_EVALUATED_PIXELS", 34 * fold.preprocessing.crop**2)  # of 36 images
    teacher = fold.teacher(fold.config.teacher)
    monkeypatch.undo()
    images = next(iter(evaluation_batches(fold.train, fold.preprocessing)))[0]
    norm, x = next(iter(_norm_inputs(teacher, images).items()))  # the first: its input is the same in any batch
    torch.testing.assert_close(norm.running_mean, x.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("epochs_done", [1, 2])
def test_a_teacher_whose_training_was_broken_off_ends_with_the_same_bits(tmp_path: Path, epochs_done: int) -> None:
    def die(name: str, schedule: object, epoch: Epoch, model: nn.Module) -> None:
        if epoch.number == epochs_done:
            raise Broken

    schedule = tiny_config().teacher
    whole = fold_in(tmp_path / "whole" / "fold0").teacher(schedule)
    with pytest.raises(Broken):
        fold_in(tmp_path / "broken" / "fold0", die).teacher(schedule)
    again = fold_in(tmp_path / "broken" / "fold0").teacher(schedule)
    assert not again.training
    for (name, found), expected in zip(again.state_dict().items(), whole.state_dict().values(), strict=True):
        assert torch.equal(found, expected), name


@pytest.mark.parametrize("loss", ["logits", "local", "paper"])
def test_a_step_minimises_the_loss_that_is_configured(tmp_path: Path, loss: Loss) -> None:
    fold = replace(fold_in(tmp_path), config=tiny_config(loss=loss, bf16=False, adapts=False))
    teacher = fold.teacher(fold.config.teacher)
    student = fold.student(teacher).train()
    images, labels = next(iter(evaluation_batches(fold.train, fold.preprocessing)))
    student.zero_grad()
    weights = replace(fold.config.student_weights, gamma1=0.0)
    terms = fold.distillation(student, teacher, weights)(images, labels, 0.5)
    found = _flat_gradient(student)

    student.zero_grad()
    outputs, targets = two_passes(student, images), teacher.targets(images)
    distances = torch.stack([F.mse_loss(x, targets.nodes[node]) for node, x in outputs.nodes.items()]).sum()
    logits = F.mse_loss(outputs.logits, targets.logits)
    distilled = 10 * (distances + logits) / student.plan.depth
    if loss == "local":
        behind = F.mse_loss(outputs.local_logits, targets.logits)
        distilled = 3 * (distances + behind) / (len(list(student.plan.nodes())) + 1) + 2 * logits
    if loss == "logits":
        distilled = 2 * logits
    wanted = F.cross_entropy(outputs.logits, labels) + distilled
    wanted.backward()
    torch.testing.assert_close(terms["loss"], wanted, rtol=1e-4, atol=1e-5)
    assert (found - _flat_gradient(student)).norm() < 1e-3 * found.norm()


def test_learned_statistics_follow_what_reaches_through_the_whole_network(tmp_path: Path) -> None:
    """The blocks' distances train proxies and alphas alone, or every block would have to be gone through twice."""
    fold = replace(fold_in(tmp_path), config=tiny_config(loss="local", bf16=False))
    teacher = fold.teacher(fold.config.teacher)
    student = fold.student(teacher).train().double()
    learned = [p for name, p in student.named_parameters() if name.endswith((".log_gain", ".offset"))]
    assert learned
    images, labels = next(iter(evaluation_batches(fold.train, fold.preprocessing)))
    teacher, images = teacher.double(), images.double()
    student.zero_grad()
    weights = replace(fold.config.student_weights, gamma1=0.0)
    fold.distillation(student, teacher, weights)(images, labels, 0.5)
    found = torch.cat([p.grad.flatten() for p in learned if p.grad is not None])
    logits = student(images)
    loss = F.cross_entropy(logits, labels) + 2 * F.mse_loss(logits, teacher.targets(images).logits)
    wanted = torch.cat([gradient.flatten() for gradient in torch.autograd.grad(loss, learned)])
    assert (found - wanted).norm() < 1e-3 * wanted.norm()


def _flat_gradient(student: Student) -> Tensor:
    return torch.cat([p.grad.flatten() for p in student.task_parameters() if p.grad is not None])


def _norm_inputs(model: nn.Module, images: Tensor) -> dict[nn.BatchNorm2d, Tensor]:
    """What each batch-norm that trains has to normalise, when all of them go by the statistics of these images."""
    inputs: dict[nn.BatchNorm2d, Tensor] = {}
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and module.training:
            module.register_forward_pre_hook(lambda norm, args: inputs.__setitem__(norm, args[0]))
    with torch.no_grad(), running_statistics_kept(model):
        model(images)
    model.eval()
    return inputs
