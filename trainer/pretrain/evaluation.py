"""The accuracy of a pretrained network on an image set."""

import torch

from trainer.pretrain.augmentation import normalised, resized
from trainer.pretrain.image_set import ImageSet
from trainer.pretrain.multi_head import MultiHead

_BATCH = 256


@torch.inference_mode()
def accuracy(model: MultiHead, images: ImageSet, set_index: int, first_logit: int) -> float:
    """Top-1 of one set's head, whole images resized to the backbone's crop (fp32)."""
    model.eval()
    side, right = model.backbone.preprocessing.crop, 0
    for raw, labels in zip(images.images.split(_BATCH), images.labels.split(_BATCH), strict=True):
        x = normalised(resized(raw, side), model.backbone)
        logits = model(x, torch.full((len(raw),), set_index))
        right += int((logits.argmax(1) - first_logit == labels).sum())
    return right / len(images.labels)
