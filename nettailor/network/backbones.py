"""Backbones: a ResNet cut into a stem and numbered blocks G_1 ... G_L, and its fingerprint.

Legend: N images, C channels, H W; x_0 is the stem's output, x_l = ReLU(...) the output of node l.
A block returns its sum *before* the ReLU (the ReLU follows the pooling of eq. 2).
"""

from collections.abc import Mapping
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nettailor.architecture.geometry import PUBLISHED_WEIGHTS, Geometry, backbone_names, geometry
from nettailor.bundle.backbone_file import fingerprint_of
from nettailor.bundle.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from nettailor.cpu import avoid_phantom_amx
from nettailor.errors import BackboneWeightsInvalid
from nettailor.network.norms import scaled
from nettailor.network.resnet import Residual, ResNet
from nettailor.network.vision import import_torchvision
from nettailor.network.weights.fitting import fitted, own_tensors
from nettailor.network.weights.heads import heads_in, read_heads
from nettailor.network.weights.likeness import likeness
from nettailor.network.weights.weights_file import read_document

M = TypeVar("M", bound=nn.Module)


class Block(nn.Module):
    """G_l: the sum of a residual block, without its final ReLU. It shares the block's modules."""

    def __init__(self, residual: Residual) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for conv, norm in residual.layers():
            layers += [conv, norm, nn.ReLU()]
        self.branch = nn.Sequential(*layers[:-1])
        self.shortcut: nn.Module = residual.downsample or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:  # (N, C_in, H, W) -> (N, C_out, H / stride, W / stride)
        total: Tensor = self.branch(x) + self.shortcut(x)
        return total

    def scaled(self, x: Tensor, scale: Tensor) -> Tensor:
        """scale times the block's output, for a scalar; also of a block in inference form."""
        *layers, norm = self.branch
        if not isinstance(norm, nn.BatchNorm2d):
            total: Tensor = scale * self(x)
            return total
        y = x
        for layer in layers:
            y = layer(y)
        y = scaled(norm, y, scale)
        if isinstance(self.shortcut, nn.Identity):
            return torch.addcmul(y, x, scale)
        conv, shortcut_norm = cast(nn.Sequential, self.shortcut)
        return y + scaled(shortcut_norm, conv(x), scale)


class Backbone(nn.Module):
    """The stem and the blocks of one pre-trained network."""

    def __init__(
        self, *, geometry: Geometry, stem: nn.Module, blocks: list[Block], preprocessing: Preprocessing
    ) -> None:
        super().__init__()
        self.geometry = geometry
        self.stem = stem
        self.blocks = nn.ModuleList(blocks)
        self.preprocessing = preprocessing
        self.old_heads: tuple[nn.Linear, ...] = ()  # of what it was trained for, where they are known; no part of it

    @property
    def name(self) -> str:
        return self.geometry.name

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of node 0 ... L."""
        return self.geometry.channels

    @property
    def strides(self) -> tuple[int, ...]:
        """Total stride of node 0 ... L."""
        return self.geometry.strides

    @property
    def depth(self) -> int:
        """L, the number of blocks."""
        return len(self.blocks)

    def features(self, images: Tensor) -> list[Tensor]:
        """All nodes [x_0, ..., x_L] of the uncut network for images (N, 3, H, W)."""
        nodes = [self.stem(images)]
        for block in self.blocks:
            nodes.append(F.relu(block(nodes[-1])))
        return nodes

    def forward(self, images: Tensor) -> Tensor:
        """Pooled features (N, C_L) of the uncut network."""
        return pooled(self.features(images)[-1])

    def fingerprint(self) -> str:
        """Hex sha256 over the canonical tensors (`fingerprint_of`)."""
        return fingerprint_of({name: tensor.numpy() for name, tensor in canonical_tensors(self).items()})


def pooled(x: Tensor) -> Tensor:
    """Global average pooling, (N, C, H, W) -> (N, C)."""
    return torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)


def channels_last(module: M) -> M:
    """The module itself, its convolution weights laid out channels-last."""
    convert: Any = module.to  # torch's annotations leave `memory_format` out
    convert(memory_format=torch.channels_last)
    return module


def canonical_tensors(backbone: Backbone) -> dict[str, Tensor]:
    """Everything that defines the network's function: weights and batch-norm statistics, fp32 on the CPU."""
    state = backbone.state_dict()
    return {k: v.detach().float().cpu().contiguous() for k, v in state.items() if not k.endswith("num_batches_tracked")}


_MINI = Preprocessing(resize=32, crop=32, mean=IMAGENET_MEAN, std=IMAGENET_STD)
_PREPROCESSING = {
    "wide_resnet26": Preprocessing(resize=72, crop=64, mean=IMAGENET_MEAN, std=IMAGENET_STD),
    "mini26": _MINI,
    "mini26b": _MINI,
}
_ANY = "of any architecture"  # in messages about weights whose architecture is not named
_IMAGENET = Preprocessing(resize=256, crop=224, mean=IMAGENET_MEAN, std=IMAGENET_STD)


def uncut_network(name: str) -> ResNet:
    """The whole network, classifier included, with random weights. Raises `BackboneUnknown`."""
    network = ResNet(geometry(name))
    network.draw_weights()
    return network


def cut(network: ResNet, name: str) -> Backbone:
    """Cut a ResNet into stem and blocks, in eval mode; the backbone shares the network's modules."""
    stem = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
    blocks = [Block(cast(Residual, residual)) for stage in network.stages for residual in stage]
    preprocessing = _PREPROCESSING.get(name, _IMAGENET)
    return Backbone(geometry=geometry(name), stem=stem, blocks=blocks, preprocessing=preprocessing).eval()


def build_backbone(name: str) -> Backbone:
    """The backbone with random weights (torch's global generator), in eval mode. Raises `BackboneUnknown`."""
    avoid_phantom_amx()
    return cut(uncut_network(name), name)


def load_backbone(name: str, weights: Path | None = None) -> Backbone:
    """The pre-trained backbone, in eval mode.

    `weights` is a local file, as docs/operations.md lists them; without it, the weights shipped in the package, else
    torchvision's download (hash-checked) are taken. Raises `BackboneUnknown`, `BackboneWeightsInvalid`.
    """
    avoid_phantom_amx()
    geometry(name)
    shipped = files("nettailor") / "weights" / f"{name}.safetensors"
    if weights is not None:
        return _from_file(name, str(weights), weights)
    if shipped.is_file():
        with as_file(shipped) as path:
            backbone = _from_file(name, path.name, path)
        with as_file(files("nettailor") / "weights" / f"{name}.heads.safetensors") as path:
            backbone.old_heads = read_heads(path)
        return backbone
    if name not in PUBLISHED_WEIGHTS:
        raise BackboneWeightsInvalid(name, "none", "no weights are shipped or published; give a local file")
    return backbone_of(name, "torchvision", _published_state(name))


def backbone_in(path: Path, architecture: str | None = None) -> Backbone:
    """The backbone in a local file; where no architecture is named, the tensors' names and shapes tell it.

    Raises `BackboneUnknown`, `BackboneWeightsInvalid`.
    """
    avoid_phantom_amx()
    source = str(path)
    document = read_document(path, partial(BackboneWeightsInvalid, architecture or _ANY, source))
    return backbone_of(architecture or _recognised(document, source), source, document)


def _recognised(document: Mapping[Any, Any], source: str) -> str:
    refuse = partial(BackboneWeightsInvalid, _ANY, source)
    found = likeness(own_tensors(document, source, refuse).tensors)
    if found not in backbone_names():
        raise refuse(f"looks like {found or 'none of them'}; there are {', '.join(backbone_names())}")
    return found


def _from_file(name: str, source: str, path: Path) -> Backbone:
    return backbone_of(name, source, read_document(path, partial(BackboneWeightsInvalid, name, source)))


def _published_state(name: str) -> dict[str, Tensor]:
    """From torchvision's cache, else downloaded."""
    weights = import_torchvision("models").get_model_weights(name).DEFAULT
    try:
        state: dict[str, Tensor] = weights.get_state_dict(check_hash=True)
    except (OSError, RuntimeError) as failure:  # no network; a file of another hash
        raise BackboneWeightsInvalid(name, str(weights.url), f"cannot be downloaded: {failure}") from failure
    return state


def backbone_of(name: str, source: str, document: Mapping[Any, Any]) -> Backbone:
    """The backbone with the weights of a state dict, wrapped as training tools do or plain, in eval mode.

    `source` says in messages where it is from. Raises `BackboneUnknown`, `BackboneWeightsInvalid`.
    """
    refuse = partial(BackboneWeightsInvalid, name, source)
    with torch.device("meta"):  # no random weights are drawn, which would take longer than all the rest
        network = ResNet(geometry(name))
    backbone = cut(network, name)
    found = own_tensors(document, source, refuse)
    target: nn.Module = network if found.tensors.keys().isdisjoint(backbone.state_dict()) else backbone
    state = target.state_dict()
    wanted = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked") and not k.startswith("fc.")}
    tensors = fitted(found, wanted, name, refuse)
    counters = {k: torch.zeros(v.shape, dtype=v.dtype) for k, v in state.items() if k.endswith("num_batches_tracked")}
    target.load_state_dict(tensors | counters, strict=False, assign=True)
    backbone.old_heads = heads_in(document, backbone.channels[-1])
    return backbone.requires_grad_(False)
