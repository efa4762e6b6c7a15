"""The linear probe, held against scikit-learn's logistic regression."""

import numpy as np
import torch

from trainer.recipe.teachers.linear_probe import fit_linear_probe

IMAGES, PENALTY = 200, 0.01


def task(classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (N, 8) of very different scales, and labels (N,) that follow from them but for some noise."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(IMAGES, 8, generator=generator)
    noise = torch.randn(IMAGES, classes, generator=generator)
    labels = (features @ torch.randn(8, classes, generator=generator) + noise).argmax(1)
    return 5 + features * torch.logspace(-2, 2, 8), labels


def test_it_is_the_logistic_regression_of_standardised_features() -> None:
    from sklearn.linear_model import LogisticRegression  # a second for every process of a run, at the top

    features, labels = task(classes=3)
    head = fit_linear_probe(features, labels, 3, penalty=PENALTY)

    standardised = ((features - features.mean(0)) / features.std(0, correction=0)).numpy()
    reference = LogisticRegression(C=1 / (PENALTY * IMAGES), tol=1e-6, max_iter=1000)
    reference.fit(standardised, labels.numpy())
    found = head(features).softmax(1).numpy()
    np.testing.assert_allclose(found, reference.predict_proba(standardised), atol=2e-3)


def test_the_same_data_give_the_same_bits() -> None:
    features, labels = task(classes=4)
    heads = [fit_linear_probe(features, labels, 4, penalty=PENALTY) for _ in range(2)]
    assert torch.equal(heads[0].weight, heads[1].weight)
    assert torch.equal(heads[0].bias, heads[1].bias)


def test_a_feature_that_is_always_the_same_does_no_harm() -> None:
    features, labels = task(classes=2)
    features[:, 3] = 7.0
    head = fit_linear_probe(features, labels, 2, penalty=PENALTY)
    assert (head(features).argmax(1) == labels).float().mean() > 0.8
