"""The network of a task that fills what a backbone, and the tasks before it, left free."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import torch
from numpy.typing import NDArray
from torch import nn

from nettailor.architecture.plan import Plan, full_plan
from nettailor.bundle.bundle import Bundle, check_backbone
from nettailor.bundle.chain import family
from nettailor.bundle.tensors.masks import MASKS, masked_weights
from nettailor.bundle.tensors.owned import owned_tensors, owned_weights
from nettailor.network.backbones import Backbone, canonical_tensors
from nettailor.network.packnet.convolution import PackedConvolution
from nettailor.network.packnet.free import Filled, filled
from nettailor.network.student import Student


class PackedStudent(Student):
    """Every block, and no other path; batch-norm and stem are the backbone's. Its convolutions have the backbone's
    weights, those of the `chain` that the task stands on, and the task's own, none at first."""

    def __init__(self, backbone: Backbone, *, classes: int, chain: Sequence[Bundle] = ()) -> None:
        """Raises `ChainOverlaps`."""
        plan = full_plan(backbone.depth, 0)
        super().__init__(backbone, plan=plan, classes=classes, statistics="frozen")
        self.chain = tuple(chain)
        before = what_is_there(backbone, chain)
        for node in range(1, backbone.depth + 1):
            self.blocks[str(node)] = _packed(backbone.blocks[node - 1], node, before)
        self.train(self.training)

    @property
    def owned(self) -> int:
        """How many weights belong to the task."""
        return sum(int(conv.owned.sum()) for _, conv in self._convolutions())

    def take_free(self) -> None:
        """All weights that are free belong to the task from now on, 0 at first."""
        for _, conv in self._convolutions():
            conv.take()

    def prune(self, share: float) -> None:
        """Keep that share of what was free in each convolution, the largest magnitudes, and give the rest back."""
        for _, conv in self._convolutions():
            conv.prune(share)

    def pruned(self, plan: Plan, backbone: Backbone) -> "PackedStudent":
        """A copy: there are no paths to prune."""
        assert plan == self.plan
        copied = PackedStudent(backbone, classes=self.head.out_features, chain=self.chain)
        copied.load_state_dict(self.state_dict())
        copied.train(self.training)
        return copied

    def bundle_tensors(self) -> dict[str, NDArray[Any]]:
        """The tensors of this network's bundle (docs/bundle-format.md): masks are uint8."""
        own = {n: (c.owned.cpu().numpy(), c.own.detach().cpu().numpy()) for n, c in self._convolutions()}
        return super().bundle_tensors() | owned_tensors(own)

    @torch.no_grad()
    def load_adapters(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Take over the weights in the tensors of a bundle."""
        found = owned_weights(self.geometry, tensors)
        for name, conv in self._convolutions():
            own, values = found[name]
            conv.owned.copy_(torch.from_numpy(own))
            conv.own.zero_()[torch.from_numpy(own)] = torch.from_numpy(values.copy())

    def _convolutions(self) -> Iterator[tuple[str, PackedConvolution]]:
        """By "<node>.<convolution>", in the order of a bundle's values."""
        for mask in masked_weights(self.geometry):
            name = mask.removeprefix(MASKS)
            node, _, conv = name.partition(".")
            yield name, cast(PackedConvolution, self.block(int(node)).get_submodule(conv))


def what_is_there(backbone: Backbone, chain: Sequence[Bundle]) -> Filled:
    """The weights of the backbone and of a chain, and which are free. Raises `ChainOverlaps`."""
    tensors = {name: tensor.numpy() for name, tensor in canonical_tensors(backbone).items()}
    return filled(backbone.geometry, tensors, chain)


def packed_network(backbone: Backbone, bundle: Bundle) -> PackedStudent:
    """The network of a bundle with all that it stands on, in eval mode.

    Raises `BundleWrongBackbone`, `ChainLinkMissing` if it is not linked, `ChainOverlaps`.
    """
    check_backbone(bundle, backbone.fingerprint())
    links = family(bundle)
    what_is_there(backbone, links)
    student = PackedStudent(backbone, classes=len(bundle.manifest.classes), chain=links[:-1])
    student.load_bundle_tensors(bundle.tensors)
    return student.eval()


def _packed(block: nn.Module, node: int, before: Filled) -> nn.Module:
    """A copy that shares all else with the backbone's block."""
    own = copy.deepcopy(block, memo={id(p): p for p in block.parameters()})
    for parent_name, parent in list(own.named_modules()):
        for place, module in list(parent.named_children()):
            if isinstance(module, nn.Conv2d):
                name = f"{node}.{parent_name}.{place}"
                weight, free = (torch.from_numpy(arrays[name]) for arrays in (before.weights, before.free))
                place_of = module.weight.device
                setattr(parent, place, PackedConvolution(module, weight.to(place_of), free.to(place_of)))
    return own
