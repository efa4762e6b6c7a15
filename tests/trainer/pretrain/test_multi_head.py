import torch

from trainer.pretrain.multi_head import smoothed_cross_entropy


def test_an_image_is_only_compared_with_classes_of_its_own_set() -> None:
    logits = torch.tensor([[1.0, 3.0, -torch.inf, -torch.inf]])
    loss = smoothed_cross_entropy(logits, torch.tensor([1]), 0.1)
    expected = torch.nn.functional.cross_entropy(logits[:, :2], torch.tensor([1]), label_smoothing=0.1)
    torch.testing.assert_close(loss, expected)
