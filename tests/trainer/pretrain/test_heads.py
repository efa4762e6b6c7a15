from pathlib import Path

import torch

from nettailor.network.weights.heads import read_heads
from tests.trainer.recipe.runs import seeded_backbone
from trainer.pretrain.heads import export_heads, fitted_head, head_accuracy
from trainer.pretrain.image_set import STORED_SIDE, ImageSet


def image_set(classes: int) -> ImageSet:
    """One brightness a class, and noise."""
    labels = torch.arange(8 * classes) % classes
    noise = torch.randint(0, 40, (8 * classes, 3, STORED_SIDE, STORED_SIDE), generator=torch.Generator().manual_seed(0))
    images = (noise + 70 * labels[:, None, None, None]).to(torch.uint8)
    return ImageSet(name=f"set{classes}", images=images, labels=labels, classes=classes)


def test_a_head_is_fitted_to_the_features_and_read_again(tmp_path: Path) -> None:
    backbone, sets = seeded_backbone("mini26"), [image_set(3), image_set(2)]
    heads = [(images.name, fitted_head(backbone, images)) for images in sets]
    assert head_accuracy(heads[0][1], backbone, sets[0]) == 1
    export_heads(heads, backbone, tmp_path / "heads.safetensors")
    two, three = read_heads(tmp_path / "heads.safetensors")  # in the order of their names
    assert (two.out_features, three.out_features) == (2, 3)
    torch.testing.assert_close(three.weight, heads[0][1].weight, rtol=1e-3, atol=1e-3)
    assert not three.weight.requires_grad
