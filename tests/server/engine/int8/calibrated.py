"""Bundles with activation ranges, an engine in int8, and the slow answers of rounded numbers."""

import functools

import numpy as np
import torch
from numpy.typing import NDArray

from nettailor.bundle.bundle import Bundle, decode, encode
from nettailor.bundle.manifest import Method
from nettailor.images import normalise
from nettailor.network.int8.calibration import calibrated_ranges, range_tensors
from nettailor.network.int8.quantised import quantised_network
from nettailor.network.student import Student
from server.engine.engine import Engine
from server.kernels.device import CpuDevice
from server.kernels.thread_lanes import ThreadLanes
from tests.server.engine.trained import trained, trained_manifest
from tests.server.oracle import backbone, random_images

SIDE = 32


@functools.cache
def engine(name: str = "mini26", lanes: int = 1) -> Engine:
    return Engine(backbone(name), CpuDevice(lanes=ThreadLanes(lanes), int8=True))


@functools.cache
def calibrated(method: Method, seed: int, name: str = "mini26") -> Bundle:
    """A bundle as training leaves it, with the ranges of eight images."""
    student = trained(method, seed, name)
    manifest = trained_manifest(method, seed, name, activation_ranges=True)
    images = torch.from_numpy(normalise(random_images(8, SIDE, seed=seed), manifest.preprocessing))
    tensors = student.bundle_tensors() | range_tensors(calibrated_ranges(student, [images]))
    return decode(encode(manifest, tensors))


@functools.cache
def reference(method: Method, seed: int, name: str) -> Student:
    return quantised_network(backbone(name), calibrated(method, seed, name)).eval()


def expected(method: Method, seed: int, images: NDArray[np.uint8], name: str = "mini26") -> NDArray[np.float32]:
    prepared = torch.from_numpy(normalise(images, calibrated(method, seed, name).manifest.preprocessing))
    with torch.inference_mode():
        logits: NDArray[np.float32] = reference(method, seed, name)(prepared).numpy()
    return logits
