"""Whether images may be mirrored in training."""

import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.recipe.paired import Right, difference
from trainer.recipe.teachers.frozen_features import FrozenFeatures
from trainer.training.images import LabelledImages


def mirror_keeps_class(features: FrozenFeatures, train: LabelledImages, val: LabelledImages) -> bool:
    """Whether mirrored images still look like their class: nearest class mean on the backbone's own features of the
    validation images, mirrored and not. They do not where that loses more than a point of accuracy, and more than
    chance would take."""
    known = F.normalize(features.of(train), dim=1)
    classes = int(torch.cat([train.labels, val.labels]).max()) + 1
    means = F.normalize(torch.zeros(classes, known.shape[1]).index_add(0, train.labels, known), dim=1)

    def right(asked: Tensor) -> Right:
        found: Right = ((F.normalize(asked, dim=1) @ means.T).argmax(1) == val.labels).numpy()
        return found

    change = difference(right(features.of_mirrored(val)), right(features.of(val)))
    return change.mean >= -0.01 or not change.is_loss
