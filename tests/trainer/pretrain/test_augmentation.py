import torch

from trainer.pretrain.augmentation import augment, recoloured
from trainer.pretrain.config import PretrainConfig


def pictures() -> torch.Tensor:
    return torch.rand(16, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_grey_images_have_three_equal_channels_and_keep_their_brightness() -> None:
    x = pictures()
    grey = recoloured(x, PretrainConfig(grey=1.0), generator())
    torch.testing.assert_close(grey, grey[:, :1].expand_as(grey))
    luma = torch.tensor([0.299, 0.587, 0.114])
    torch.testing.assert_close(torch.einsum("nchw,c->nhw", x, luma), grey[:, 0])


def test_saturation_keeps_the_brightness_and_takes_some_images_each_way() -> None:
    x = pictures()
    changed = recoloured(x, PretrainConfig(saturation=0.4), generator())
    spread = changed.std(1).mean((1, 2)) / x.std(1).mean((1, 2))
    assert 0.59 < float(spread.min()) < 1 < float(spread.max()) < 1.41


def test_about_the_share_that_was_asked_for_is_grey() -> None:
    x = torch.rand(400, 3, 2, 2, generator=generator())
    spread = recoloured(x, PretrainConfig(grey=0.25), generator()).std(1).amax((1, 2))
    assert 70 < int((spread < 1e-6).sum()) < 130


def test_inputs_are_of_the_asked_size_and_between_0_and_1() -> None:
    raw = torch.randint(0, 256, (6, 3, 64, 64), dtype=torch.uint8, generator=generator())
    x = augment(raw, 32, PretrainConfig(saturation=0.4, grey=0.5), generator())
    assert x.shape == (6, 3, 32, 32)
    assert 0 <= float(x.min()) <= float(x.max()) <= 1
