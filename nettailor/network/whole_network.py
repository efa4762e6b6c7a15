"""A network of a task's own: the architecture of a backbone, with weights that no other task shares."""

import copy
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from nettailor.architecture.plan import full_plan
from nettailor.bundle.bundle import Bundle, check_backbone
from nettailor.bundle.tensors.network import PREFIX
from nettailor.network.backbones import Backbone, canonical_tensors
from nettailor.network.masked import MaskedStudent
from nettailor.network.packnet.student import packed_network
from nettailor.network.student import Student


class WholeNetwork(Student):
    """Every block, no other path, and all weights from the stem on are the task's: `own`, which it takes over."""

    def __init__(self, own: Backbone, *, classes: int) -> None:
        super().__init__(own, plan=full_plan(own.depth, 0), classes=classes, statistics="task")
        self._own = [own]  # in a list, or its modules would be registered twice
        self.eval()

    def bundle_tensors(self) -> dict[str, NDArray[np.float32]]:
        """The tensors of this network's bundle (docs/bundle-format.md)."""
        network = {f"{PREFIX}{name}": tensor.numpy() for name, tensor in canonical_tensors(self._own[0]).items()}
        return network | {
            f"head.{name}": tensor.cpu().numpy().copy() for name, tensor in self.head.state_dict().items()
        }


def network_of(backbone: Backbone, bundle: Bundle) -> Student:
    """The network that a bundle describes, in eval mode. Raises `BundleWrongBackbone`, `ChainInvalid`."""
    if bundle.manifest.is_packed:
        return packed_network(backbone, bundle)
    if bundle.manifest.is_masked:
        check_backbone(bundle, backbone.fingerprint())
        masked = MaskedStudent(backbone, classes=len(bundle.manifest.classes))
        masked.load_bundle_tensors(bundle.tensors)
        return masked.eval()
    if not bundle.manifest.is_whole:
        return Student.from_bundle(backbone, bundle)
    check_backbone(bundle, backbone.fingerprint())
    own = copy.deepcopy(backbone)
    _load(own, bundle.tensors)
    network = WholeNetwork(own, classes=len(bundle.manifest.classes))
    network.head.load_state_dict({n: torch.from_numpy(bundle.tensors[f"head.{n}"].copy()) for n in ("weight", "bias")})
    return network.eval()


def _load(own: Backbone, tensors: Mapping[str, NDArray[np.float32]]) -> None:
    state = {n.removeprefix(PREFIX): torch.from_numpy(a.copy()) for n, a in tensors.items() if n.startswith(PREFIX)}
    own.load_state_dict(state, strict=False)
