"""Which blocks steps are left without."""

from collections import Counter

import pytest
import torch

from nettailor.architecture.plan import full_plan
from nettailor.network.backbones import build_backbone
from nettailor.network.student import Student
from trainer.recipe.config import RecipeConfig
from trainer.recipe.stochastic_depth import StochasticDepth

WITHIN = [0.3 + 0.6 * (step + 0.5) / 400 for step in range(400)]


def student_of(skips: int = 2) -> Student:
    """The blocks of all nodes but the second one have alphas of a half."""
    student = Student(build_backbone("mini26"), plan=full_plan(12, skips), classes=3, statistics="task")
    with torch.no_grad():
        for node, logits in student.alphas.items():
            logits.zero_()
            logits[0] = 5.0 if node == "2" else float(torch.tensor(len(logits) - 1.0).log())
    return student


def test_blocks_of_low_alpha_are_left_out_of_their_share_of_the_steps() -> None:
    depth = StochasticDepth(student_of(), 0.3, 0, "fold0")
    left_out = [depth.left_out(progress) for progress in WITHIN]
    times = Counter(node for nodes in left_out for node in nodes)
    assert times.keys() == set(range(1, 13)) - {2}
    assert all(80 < count < 160 for count in times.values())
    assert max(map(len, left_out)) > min(map(len, left_out))  # each by itself
    assert left_out == [StochasticDepth(student_of(), 0.3, 0, "fold0").left_out(p) for p in WITHIN]
    assert left_out != [StochasticDepth(student_of(), 0.3, 1, "fold0").left_out(p) for p in WITHIN]


@pytest.mark.parametrize(("share", "skips", "progress"), [(0.0, 2, 0.5), (0.9, 0, 0.5), (0.9, 2, 0.2), (0.9, 2, 0.95)])
def test_none_is_left_out(share: float, skips: int, progress: float) -> None:
    """Without a share, where a node has no other path, and at both ends of the training."""
    assert StochasticDepth(student_of(skips), share, 0).left_out(progress) == frozenset()


def test_the_share_is_one() -> None:
    with pytest.raises(ValueError, match="drop_path"):
        RecipeConfig(drop_path=1.0)
