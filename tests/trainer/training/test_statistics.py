import torch
from torch import nn

from trainer.training.statistics import reestimate_statistics


def test_they_are_the_averages_over_images_however_these_are_cut_into_batches() -> None:
    torch.manual_seed(0)
    images = torch.randn(11, 3, 4, 4) * 2 + 1
    norm = nn.BatchNorm2d(3, momentum=0.3)
    norm.running_mean = torch.full((3,), 7.0)
    reestimate_statistics(norm, [images[:6], images[6:10], images[10:]])
    assert norm.running_mean is not None
    torch.testing.assert_close(norm.running_mean, images[:10].mean((0, 2, 3)))  # the last one is alone in its batch
    assert (norm.momentum, norm.training) == (0.3, False)
