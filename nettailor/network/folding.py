"""Inference form: batch-norm with fixed statistics folded into the convolution before it."""

import copy
from itertools import pairwise
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from nettailor.network.adapters import AdaptedConvolution
from nettailor.network.masked import MaskedConvolution
from nettailor.network.packnet.convolution import PackedConvolution

M = TypeVar("M", bound=nn.Module)


def folded(module: M) -> M:
    """A copy, in eval mode and without gradients, that computes the same with one pass over memory less a layer.

    Folds every BatchNorm2d that directly follows a Conv2d in an `nn.Sequential`, and into that convolution what a task
    adds to it; layouts and dtypes stay.
    """
    result = copy.deepcopy(module).eval().requires_grad_(False)
    for sequence in [m for m in result.modules() if isinstance(m, nn.Sequential)]:
        for place, conv in list(sequence.named_children()):
            if isinstance(conv, AdaptedConvolution | MaskedConvolution | PackedConvolution):
                sequence.add_module(place, conv.merged())
        for (place, conv), (norm_place, norm) in pairwise(list(sequence.named_children())):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                sequence.add_module(place, fuse_conv_bn_eval(conv, norm).requires_grad_(False))
                sequence.add_module(norm_place, nn.Identity())
    return result
