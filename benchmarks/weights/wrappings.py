"""The same weights as tools write them. Names and keys are as seen in the tools; docs/operations.md has the versions.

Every maker gets the state dict of one network and that of a second one of the same kind, for what keeps two. The
network that has to be read is always the first.
"""

import re
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.weights.networks import State, rounded

Document = dict[str, Any]
_OPTIMIZER = {"state": {0: {"momentum_buffer": torch.zeros(2)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}


@dataclass(frozen=True, kw_only=True)
class Wrapping:
    """`make` is given the network's state and that of another; `dtype` is what the floating tensors are rounded to."""

    name: str
    make: Callable[[State, State], Document]
    suffix: str = ".pth"
    dtype: torch.dtype = torch.float32
    legacy: bool = False  # as torch.save wrote before 1.6

    def document(self, state: State, other: State) -> Document:
        return self.make(rounded(state, self.dtype), rounded(other, self.dtype))

    def save(self, folder: Path, state: State, other: State) -> Path:
        path, document = folder / f"weights{self.suffix}", self.document(state, other)
        if self.suffix == ".safetensors":
            save_file(document, path)
        else:
            torch.save(document, path, _use_new_zipfile_serialization=not self.legacy)
        return path


def prefixed(prefix: str, state: Mapping[str, Tensor]) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


def without_classifier(state: State) -> State:
    return {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}


def mlp(prefix: str) -> State:
    """A head of two layers, as all these methods have one."""
    return {f"{prefix}.0.weight": torch.ones(4, 8), f"{prefix}.1.running_mean": torch.zeros(4)}


def transformers_names(state: State) -> State:
    """Of `ResNetForImageClassification` without its classifier."""
    found = {}
    for name, tensor in without_classifier(state).items():
        renamed = re.sub(r"^conv1\.", "embedder.embedder.convolution.", name)
        renamed = re.sub(r"^bn1\.", "embedder.embedder.normalization.", renamed)
        renamed = re.sub(r"^layer(\d)\.(\d+)\.", lambda m: f"encoder.stages.{int(m[1]) - 1}.layers.{m[2]}.", renamed)
        renamed = re.sub(r"\.conv(\d)\.", lambda m: f".layer.{int(m[1]) - 1}.convolution.", renamed)
        renamed = re.sub(r"\.bn(\d)\.", lambda m: f".layer.{int(m[1]) - 1}.normalization.", renamed)
        renamed = renamed.replace(".downsample.0.", ".shortcut.convolution.")
        found[renamed.replace(".downsample.1.", ".shortcut.normalization.")] = tensor
    return found


def sequential_names(state: State) -> State:
    """Of `nn.Sequential(*list(resnet.children())[:-1])`."""
    places = {"conv1": "0", "bn1": "1", **{f"layer{stage}": str(stage + 3) for stage in range(1, 5)}}
    parts = (name.partition(".") for name in without_classifier(state))
    return {f"{places[first]}.{rest}": state[f"{first}.{rest}"] for first, _, rest in parts}


def _transformers(state: State, _other: State) -> Document:
    return {**prefixed("resnet.", transformers_names(state)), "classifier.1.weight": state["fc.weight"]}


def _timm(state: State, other: State) -> Document:
    training = {"epoch": 3, "arch": "resnet", "args": Namespace(lr=0.1), "optimizer": _OPTIMIZER, "metric": 70.5}
    return {**training, "state_dict": other, "state_dict_ema": state}


def _torchvision_reference(state: State, other: State) -> Document:
    average = {"n_averaged": torch.tensor(7), **prefixed("module.", state)}
    return {"model": other, "model_ema": average, "optimizer": _OPTIMIZER, "epoch": 3, "args": Namespace(lr=0.1)}


def _imagenet_example(state: State, _other: State) -> Document:
    return {"epoch": 3, "state_dict": prefixed("module.", state), "best_acc1": torch.tensor(76.0)}


def _lightning(state: State, _other: State) -> Document:
    training = {"pytorch-lightning_version": "2.5", "optimizer_states": [_OPTIMIZER], "loops": {}, "callbacks": {}}
    return {**training, "state_dict": {**prefixed("model.", state), "criterion.weight": torch.ones(3)}}


def _moco(state: State, other: State) -> Document:
    query = {**prefixed("module.encoder_q.", without_classifier(state)), **mlp("module.encoder_q.fc")}
    key = {**prefixed("module.encoder_k.", without_classifier(other)), **mlp("module.encoder_k.fc")}
    queue = {"module.queue": torch.zeros(4, 8), "module.queue_ptr": torch.zeros(1)}
    return {"epoch": 3, "state_dict": {**query, **key, **queue}, "optimizer": _OPTIMIZER}


def _moco_v3(state: State, other: State) -> Document:
    base, momentum = prefixed("module.base_encoder.", state), prefixed("module.momentum_encoder.", other)
    return {"state_dict": {**base, **momentum, **mlp("module.predictor")}, "scaler": {"scale": 1.0}}


def _simsiam(state: State, _other: State) -> Document:
    encoder = {**prefixed("module.encoder.", without_classifier(state)), **mlp("module.encoder.fc")}
    return {"epoch": 3, "state_dict": {**encoder, **mlp("module.predictor")}, "optimizer": _OPTIMIZER}


def _byol_pytorch(state: State, other: State) -> Document:
    online = {**prefixed("online_encoder.net.", state), **mlp("online_encoder.projector.net")}
    target = {**prefixed("target_encoder.net.", other), **mlp("target_encoder.projector.net")}
    return {**prefixed("net.", state), **online, **target, **mlp("online_predictor.net")}


def _byol_lightly(state: State, other: State) -> Document:
    online = {**prefixed("backbone.", sequential_names(state)), **mlp("projection_head"), **mlp("prediction_head")}
    average = {**prefixed("backbone_momentum.", sequential_names(other)), **mlp("projection_head_momentum")}
    return {"state_dict": {**online, **average}}


def _byol_solo_learn(state: State, other: State) -> Document:
    online = {**prefixed("backbone.", without_classifier(state)), **mlp("projector"), **mlp("predictor")}
    average = {**prefixed("momentum_backbone.", without_classifier(other)), **mlp("momentum_projector")}
    return {"state_dict": {**online, **average, "classifier.weight": torch.ones(3, 4)}, "epoch": 3}


def _swav(state: State, _other: State) -> Document:
    heads = {**mlp("module.projection_head"), "module.prototypes.weight": torch.ones(8, 4)}
    return {"state_dict": {**prefixed("module.", without_classifier(state)), **heads}, "amp": {"loss_scaler0": {}}}


def _dino(state: State, other: State) -> Document:
    student = {**prefixed("module.backbone.", without_classifier(other)), **mlp("module.head.mlp")}
    teacher = {**prefixed("backbone.", without_classifier(state)), **mlp("head.mlp")}
    loss = {"center": torch.zeros(1, 8)}
    return {"student": student, "teacher": teacher, "dino_loss": loss, "args": Namespace(arch="resnet50"), "epoch": 3}


def _dino_lightly(state: State, other: State) -> Document:
    teacher = {**prefixed("teacher_backbone.", sequential_names(state)), **mlp("teacher_head")}
    return {"state_dict": {**prefixed("student_backbone.", sequential_names(other)), **teacher, **mlp("student_head")}}


def _mmpretrain(state: State, _other: State) -> Document:
    backbone = prefixed("backbone.", without_classifier(state))
    return {"meta": {"epoch": 3}, "state_dict": {**backbone, "head.fc.weight": state["fc.weight"]}}


def _mmpretrain_average(state: State, other: State) -> Document:
    average = {"steps": torch.tensor(7), **prefixed("module.", prefixed("backbone.", other))}
    return {**_mmpretrain(state, other), "ema_state_dict": average}


def _mmpretrain_byol(state: State, other: State) -> Document:
    target = {**prefixed("target_net.module.0.", without_classifier(other)), "target_net.steps": torch.tensor(7)}
    online = {**prefixed("backbone.", without_classifier(state)), **mlp("neck"), **mlp("head.predictor")}
    return {"meta": {}, "state_dict": {**online, **target}}


def _mmpretrain_moco(state: State, other: State) -> Document:
    key = prefixed("encoder_k.module.0.", without_classifier(other))
    queue = {"queue": torch.zeros(4, 8), "queue_ptr": torch.zeros(1)}
    return {"state_dict": {**prefixed("backbone.", without_classifier(state)), **mlp("neck"), **key, **queue}}


def _compiled_parts(state: State, _other: State) -> Document:
    return {re.sub(r"^(layer\d)\.", r"\1._orig_mod.", name): tensor for name, tensor in state.items()}


def _plain(state: State, _other: State) -> Document:
    return dict(state)


def _under(*prefixes: str) -> Callable[[State, State], Document]:
    return lambda state, _other: {**prefixed("".join(prefixes), state)}


WRAPPINGS = (
    Wrapping(name="torchvision", make=_plain),
    Wrapping(name="torchvision, safetensors", make=_plain, suffix=".safetensors"),
    Wrapping(name="torchvision, before torch 1.6", make=_plain, legacy=True),
    Wrapping(name="torchvision, fp16", make=_plain, dtype=torch.float16),
    Wrapping(name="timm, bf16 safetensors", make=_plain, suffix=".safetensors", dtype=torch.bfloat16),
    Wrapping(name="timm, training", make=_timm),
    Wrapping(name="timm in transformers", make=_under("timm_model."), suffix=".safetensors"),
    Wrapping(name="torchvision, references", make=_torchvision_reference),
    Wrapping(name="PyTorch's ImageNet example", make=_imagenet_example),
    Wrapping(name="transformers", make=_transformers, suffix=".safetensors"),
    Wrapping(name="transformers, without head", make=lambda state, _: {**transformers_names(state)}, suffix=".bin"),
    Wrapping(name="module.", make=_under("module.")),
    Wrapping(name="_orig_mod.module.", make=_under("_orig_mod.", "module.")),
    Wrapping(name="net.encoder.model.backbone.", make=_under("net.", "encoder.", "model.", "backbone.")),
    Wrapping(name="model.backbone.module.", make=_under("model.", "backbone.", "module."), suffix=".safetensors"),
    Wrapping(name="compiled parts", make=_compiled_parts),
    Wrapping(name="{model: {state_dict}}", make=lambda state, _: {"model": {"state_dict": state}, "epoch": 3}),
    Wrapping(name="Lightning", make=_lightning, suffix=".ckpt"),
    Wrapping(name="Sequential of children", make=lambda state, _: {**sequential_names(state)}),
    Wrapping(name="MoCo", make=_moco, suffix=".pth.tar"),
    Wrapping(name="MoCo v3", make=_moco_v3, suffix=".pth.tar"),
    Wrapping(name="SimSiam", make=_simsiam, suffix=".pth.tar"),
    Wrapping(name="BYOL, byol-pytorch", make=_byol_pytorch, suffix=".pt"),
    Wrapping(name="BYOL, lightly", make=_byol_lightly, suffix=".ckpt"),
    Wrapping(name="BYOL, solo-learn", make=_byol_solo_learn, suffix=".ckpt"),
    Wrapping(name="SwAV", make=_swav, suffix=".pth.tar"),
    Wrapping(name="DINO", make=_dino),
    Wrapping(name="DINO, lightly", make=_dino_lightly, suffix=".ckpt"),
    Wrapping(name="mmpretrain", make=_mmpretrain),
    Wrapping(name="mmpretrain, averaged", make=_mmpretrain_average),
    Wrapping(name="mmpretrain, BYOL", make=_mmpretrain_byol),
    Wrapping(name="mmpretrain, MoCo", make=_mmpretrain_moco),
)
