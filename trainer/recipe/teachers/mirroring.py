"""Whether images may be mirrored in training."""

import torch
from torch import Tensor
from torch.nn import functional as F

from nettailor.bundle.preprocessing import Preprocessing
from nettailor.network.backbones import Backbone
from trainer.recipe.paired import Right, difference
from trainer.training.data import evaluation_batches
from trainer.training.images import LabelledImages


@torch.inference_mode()
def mirror_keeps_class(
    backbone: Backbone, preprocessing: Preprocessing, train: LabelledImages, val: LabelledImages
) -> bool:
    """Whether mirrored images still look like their class: nearest class mean on the backbone's own features of the
    validation images, mirrored and not. They do not where that loses more than a point of accuracy, and more than
    chance would take."""

    def features(images: LabelledImages, flip: bool) -> Tensor:
        device = next(backbone.parameters()).device
        batches = (x.to(device) for x, _ in evaluation_batches(images, preprocessing))
        rows = [backbone(x.flip(3) if flip else x).cpu() for x in batches]
        return F.normalize(torch.cat(rows), dim=1)

    known = features(train, False)
    classes = int(torch.cat([train.labels, val.labels]).max()) + 1
    means = F.normalize(torch.zeros(classes, known.shape[1]).index_add(0, train.labels, known), dim=1)

    def right(flip: bool) -> Right:
        found: Right = ((features(val, flip) @ means.T).argmax(1) == val.labels).numpy()
        return found

    change = difference(right(True), right(False))
    return change.mean >= -0.01 or not change.is_loss
