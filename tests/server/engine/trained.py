"""Networks of every method as training leaves them, for the tests' backbones."""

import copy
import functools
from dataclasses import replace

import torch
from torch import nn

from nettailor.architecture.plan import full_plan
from nettailor.bundle.bundle import Bundle, decode, encode
from nettailor.bundle.manifest import PLAIN_METHODS, WHOLE_METHODS, Manifest, Method, adapters_of
from nettailor.network.backbones import Backbone
from nettailor.network.masked import THRESHOLD, MaskedConvolution, MaskedStudent
from nettailor.network.packnet.convolution import PackedConvolution
from nettailor.network.packnet.student import PackedStudent
from nettailor.network.student import Student
from nettailor.network.whole_network import WholeNetwork
from tests.bundles import random_manifest, random_plan
from tests.nettailor.network.students import adapted_looking
from tests.server.oracle import backbone, fingerprint

CLASSES = (2, 5, 300)


@functools.cache
def trained(method: Method, seed: int, name: str = "mini26") -> Student:
    """A network as training leaves it: with weights, gains, offsets and statistics of its own."""
    return whole(seed, name) if method in WHOLE_METHODS else on_shared_blocks(method, seed, name)


def trained_manifest(method: Method, seed: int, name: str, *, activation_ranges: bool = False) -> Manifest:
    student = trained(method, seed, name)
    return random_manifest(
        task=f"{method}{seed}",
        backbone=name,
        fingerprint=fingerprint(name),
        plan=student.plan,
        classes=student.head.out_features,
        statistics=student.statistics,
        method=method,
        activation_ranges=activation_ranges,
    )


def whole(seed: int, name: str) -> WholeNetwork:
    """A backbone of which no tensor is as it was."""
    own, generator = copy.deepcopy(backbone(name)), torch.Generator().manual_seed(seed)
    for tensor in own.state_dict().values():
        if tensor.is_floating_point():
            tensor.mul_(0.9 + 0.2 * torch.rand(tensor.shape, generator=generator))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return WholeNetwork(own, classes=CLASSES[seed % len(CLASSES)])


def on_shared_blocks(method: Method, seed: int, name: str) -> Student:
    depth = len(backbone(name).blocks)
    plan = full_plan(depth, 0) if method in PLAIN_METHODS else random_plan(depth, seed=seed)
    statistics = PLAIN_METHODS.get(method, "task")
    generator = torch.Generator().manual_seed(seed)
    classes = CLASSES[seed % len(CLASSES)]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if method == "packnet":
            return filled(name, seed, classes)
        if method == "piggyback":
            return adapted_looking(half_masked(backbone(name), classes, generator), seed).eval()
        student = Student(
            backbone(name),
            plan=plan,
            classes=classes,
            statistics=statistics,
            adapts=method != "dan",
            adapters=adapters_of(method),
        )
    for module in student.proxies.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = 0.2 * torch.randn(module.num_features, generator=generator)
            module.running_var = 0.5 + torch.rand(module.num_features, generator=generator)
    return (student if statistics == "frozen" else adapted_looking(student, seed)).eval()


def filled(name: str, seed: int, classes: int) -> PackedStudent:
    """The third of three tasks, each of which owns weights of every second convolution."""
    chain: list[Bundle] = []
    for task in range(2):
        student = PackedStudent(backbone(name), classes=2, chain=chain)
        filled_up(student, place=task, seed=seed)
        chain.append(packed_bundle(student, name, f"packnet{seed}-{task}"))
    student = PackedStudent(backbone(name), classes=classes, chain=chain)
    filled_up(student, place=2, seed=seed)
    return student.eval()


def filled_up(student: PackedStudent, *, place: int, seed: int) -> None:
    """As training and pruning leave it."""
    student.take_free()
    generator = torch.Generator().manual_seed(3 * seed + place)
    packed = [module for module in student.modules() if isinstance(module, PackedConvolution)]
    for index, module in enumerate(packed):
        module.own.data = 0.05 * torch.randn(module.own.shape, generator=generator)
        module.prune(0.5 if (index + place) % 2 else 0.0)


def packed_bundle(student: PackedStudent, name: str, task: str) -> Bundle:
    manifest = random_manifest(
        task=task, backbone=name, fingerprint=fingerprint(name), classes=student.head.out_features, method="packnet"
    )
    predecessor = student.chain[-1].digest if student.chain else None
    changed = manifest.model_copy(update={"owned": student.owned, "predecessor": predecessor})
    return replace(decode(encode(changed, student.bundle_tensors())), chain=student.chain)


def half_masked(own: Backbone, classes: int, generator: torch.Generator) -> MaskedStudent:
    student = MaskedStudent(own, classes=classes, adapts=True)
    for module in student.blocks.modules():
        if isinstance(module, MaskedConvolution):
            module.scores.data = 2 * THRESHOLD * torch.rand(module.scores.shape, generator=generator)
            module.scores.data[0] = THRESHOLD
    return student
