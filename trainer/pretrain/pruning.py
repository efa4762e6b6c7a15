"""A pruned backbone: the smallest weights of each convolution of its blocks are 0, and stay so while the others are
retrained. Tasks of method `packnet` fill them.
"""

import torch
from torch import Tensor, nn

from nettailor.network.backbones import Backbone
from trainer.pretrain.heads import fitted_head
from trainer.pretrain.image_set import ImageSet
from trainer.pretrain.multi_head import MultiHead

_IMAGES_A_CLASS = 100  # that heads begin with


class Zeros:
    """The weights that are 0, of a backbone whose parameters the training changes in place."""

    def __init__(self, backbone: Backbone, share: float) -> None:
        """Makes that share of the weights of each convolution 0. The stem stays whole: tasks own nothing there."""
        convolutions = (module for module in backbone.blocks.modules() if isinstance(module, nn.Conv2d))
        self._kept = [(conv.weight, _kept(conv.weight, share)) for conv in convolutions]
        self.keep()

    @torch.no_grad()
    def keep(self) -> None:
        """Undo what a step did to them: weight decay and momentum move what no gradient does."""
        for weight, kept in self._kept:
            weight.mul_(kept)


@torch.no_grad()
def fit_heads(model: MultiHead, sets: list[ImageSet]) -> None:
    """Begin with heads that fit the features as they are, or the first steps would spoil these."""
    first = 0
    for images in sets:
        head = fitted_head(model.backbone, _few(images))
        rows = slice(first, first + images.classes)
        model.head.weight[rows] = head.weight
        model.head.bias[rows] = head.bias
        first += images.classes


def _kept(weight: Tensor, share: float) -> Tensor:
    order = weight.detach().abs().flatten().argsort(stable=True)
    kept = torch.ones(order.numel(), dtype=torch.bool)
    kept[order[: round(share * order.numel())]] = False
    return kept.view(weight.shape)


def _few(images: ImageSet) -> ImageSet:
    rows = torch.cat([(images.labels == label).nonzero()[:_IMAGES_A_CLASS, 0] for label in range(images.classes)])
    return ImageSet(name=images.name, images=images.images[rows], labels=images.labels[rows], classes=images.classes)
