"""Learning without forgetting: what is drawn to what, and a whole run of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from nettailor.bundle.bundle import decode
from nettailor.network.backbones import Backbone
from tests.trainer.recipe.runs import fold_in, seeded_backbone, tailored
from tests.trainer.tiny import tiny_config, tiny_task
from trainer.errors import OldHeadsMissing
from trainer.events import Event
from trainer.recipe.pipeline import tailor_data
from trainer.recipe.teachers.old_heads import Memory, RememberingTeacher, forgetting

CONFIG = tiny_config(method="lwf", method_lrs=(0.05,))


def with_heads() -> Backbone:
    backbone = seeded_backbone()
    torch.manual_seed(1)
    backbone.old_heads = (nn.Linear(64, 7), nn.Linear(64, 2))
    return backbone


def test_at_first_nothing_is_forgotten() -> None:
    backbone, x = with_heads(), torch.randn(4, 3, 16, 16)
    model, memory = RememberingTeacher(backbone, 3).eval(), Memory(backbone)
    assert float(forgetting(model.answers(x)[1], memory(x)).detach()) == pytest.approx(0, abs=1e-6)
    with torch.no_grad():
        model.backbone.get_parameter("blocks.3.branch.0.weight").mul_(2)
    assert float(forgetting(model.answers(x)[1], memory(x)).detach()) > 0


def test_it_is_the_sum_of_the_heads_divergences_at_temperature_2() -> None:
    now, before = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 0.0]])
    q = torch.softmax(now / 2, 1)[0]
    by_hand = float(sum(0.5 * torch.log(0.5 / share) for share in q))
    assert float(forgetting([now, now], [before, before])) == pytest.approx(2 * by_hand)


def test_old_heads_are_trained_along_and_the_backbone_s_own_are_not(tmp_path: Path) -> None:
    backbone = with_heads()
    fold = replace(fold_in(tmp_path / "fold0"), config=CONFIG, backbone=backbone)
    before = [head.weight.clone() for head in backbone.old_heads]
    trained = fold.teacher(CONFIG.teacher)
    assert isinstance(trained, RememberingTeacher)
    for old, own, start in zip(trained.old_heads, backbone.old_heads, before, strict=True):
        assert not torch.equal(old.get_parameter("weight"), own.weight)
        assert torch.equal(own.weight, start)


def test_what_is_published_is_a_whole_network(tmp_path: Path) -> None:
    events: list[Event] = []
    run: Callable[[Event], None] = events.append
    result = tailor_data("colours", tiny_task(), CONFIG, backbone=with_heads(), report=run, checkpoints=tmp_path)
    assert result.manifest.method == "lwf"
    assert {name.partition(".")[0] for name in decode(result.bundle).tensors} == {"network", "head"}
    (history,) = result.history.values()
    assert {"loss", "classification", "forgetting"} == history[-1].losses.keys()
    assert (result.manifest.recipe["method_lrs"], result.manifest.recipe["teacher"]["epochs"]) == ([0.05], 2)


def test_a_backbone_of_which_nobody_kept_the_classifier_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(OldHeadsMissing, match=r"option method: lwf needs the classifier that backbone tiny14"):
        tailored(tmp_path, config=CONFIG)
