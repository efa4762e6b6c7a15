import pytest
import torch

from trainer.recipe.loss_weights import LossWeights

TERMS = {name: torch.tensor(value) for name, value in (("classification", 1.0), ("complexity", 10.0))}
TERMS |= {"teacher": torch.tensor(100.0), "distillation": torch.tensor(1000.0)}


def test_the_terms_are_weighted() -> None:
    weights = LossWeights(gamma1=0.5, gamma2=2.0, distillation=3.0)
    assert float(weights.weighted(TERMS, 0.0)) == 1 + 0.5 * 10 + 2 * 100 + 3 * 1000


def test_a_term_of_no_weight_may_be_missing() -> None:
    weights = LossWeights(gamma1=0.0, gamma2=0.0, distillation=0.0)
    assert float(weights.weighted({"classification": torch.tensor(4.0)}, 0.5)) == 4.0
    with pytest.raises(KeyError, match="teacher"):
        LossWeights(gamma1=0.0, gamma2=1.0, distillation=0.0).weighted({"classification": torch.tensor(4.0)}, 0.5)


@pytest.mark.parametrize(("progress", "share"), [(0.0, 0.0), (0.1, 0.2), (0.5, 1.0), (0.9, 1.0)])
def test_the_complexity_rises(progress: float, share: float) -> None:
    weights = LossWeights(gamma1=0.5, gamma2=0.0, distillation=0.0, gamma1_rise=0.5)
    assert float(weights.weighted(TERMS, progress)) == pytest.approx(1 + share * 0.5 * 10)
