"""Who answers the same images in `benchmarks.engine`: this engine, and what people do today.

Every contender answers one image a request for the tasks of `tasks34`, spread evenly.
"""

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.workloads.resnet34 import BACKBONE, average_bundle
from nettailor.bundle.bundle import Bundle
from nettailor.network.backbones import Backbone, uncut_network
from nettailor.network.student import Student
from server.engine.engine import Engine, Part

OpenVinoType = Literal["f32", "bf16", "int8"]

_CALIBRATED_ON = 4  # images; their number does not change how fast the result is


@dataclass(frozen=True, kw_only=True, eq=False)
class Contender:
    name: str
    images: int  # that one call of `run` answers
    run: Callable[[], object]


def mixed(
    engine: Engine, bundles: Sequence[Bundle], batch: int, *, name: str = "mixed", in_one_lane: bool = False
) -> Contender:
    """A batch in which every task has as many images as any other, give or take one."""
    adapters = [engine.pack(bundle) for bundle in bundles]
    count = len(adapters)
    parts = [Part(adapter=a, images=range(i, batch, count)) for i, a in enumerate(adapters) if i < batch]
    images = random_images(batch, bundles[0].manifest.preprocessing.crop)

    def run() -> object:
        return engine.begin(images, parts, in_one_lane=in_one_lane)()

    return Contender(name=name, images=batch, run=run)


def small(engine: Engine, bundles: Sequence[Bundle], batch: int, *, name: str) -> Contender:
    """An image of every task, in batches of so few."""
    adapters = [engine.pack(bundle) for bundle in bundles]
    images = random_images(batch, bundles[0].manifest.preprocessing.crop)
    batches = [
        [Part(adapter=adapter, images=[row]) for row, adapter in enumerate(adapters[start : start + batch])]
        for start in range(0, len(adapters), batch)
    ]
    return Contender(
        name=name, images=len(adapters), run=lambda: [engine.forward(images[: len(parts)], parts) for parts in batches]
    )


def single(engine: Engine, bundles: Sequence[Bundle], batch: int) -> Contender:
    """The same batch, all of it for one task that costs what the others cost on average."""
    adapter = engine.pack(average_bundle(bundles, fingerprint=engine.fingerprint))
    images = random_images(batch, bundles[0].manifest.preprocessing.crop)
    part = Part(adapter=adapter, images=range(batch))
    return Contender(name="single", images=batch, run=lambda: engine.forward(images, [part]))


def full_models(count: int, side: int, device: torch.device) -> Contender:
    """One whole fine-tuned network a task, eager PyTorch, one image at a time."""
    models = [uncut_network(BACKBONE).eval().to(device) for _ in range(count)]
    image = torch.randn(1, 3, side, side, device=device)

    @torch.inference_mode()
    def run() -> object:
        return [model(image).cpu() for model in models]

    return Contender(name="full models", images=count, run=run)


def openvino_models(
    backbone: Backbone, bundles: Sequence[Bundle], threads: int, dtype: OpenVinoType = "f32"
) -> Contender:
    """One tailored network a task, compiled by OpenVINO for least latency, one image at a time; in int8 by NNCF,
    calibrated on such images."""
    import openvino

    core, side = openvino.Core(), bundles[0].manifest.preprocessing.crop
    options = {
        "INFERENCE_PRECISION_HINT": "f32" if dtype == "int8" else dtype,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
    }
    images = np.random.default_rng(0).standard_normal((_CALIBRATED_ON, 3, side, side), np.float32)
    requests = []
    for bundle in bundles:
        student = Student.from_bundle(backbone, bundle).eval()
        model = openvino.convert_model(student, example_input=torch.from_numpy(images[:1]), input=[1, 3, side, side])
        if dtype == "int8":
            model = _quantised(model, images)
        requests.append(core.compile_model(model, "CPU", options).create_infer_request())
    image = images[:1]
    return Contender(
        name=f"OpenVINO {dtype}", images=len(requests), run=lambda: [request.infer([image]) for request in requests]
    )


def _quantised(model: object, images: NDArray[np.float32]) -> object:
    import nncf

    logging.getLogger("nncf").setLevel(logging.ERROR)
    batches = nncf.Dataset([images[row : row + 1] for row in range(len(images))])
    # Correcting biases takes half a minute a model and changes what it answers, not how fast.
    plain = nncf.AdvancedQuantizationParameters(disable_bias_correction=True)
    with redirect_stdout(sys.stderr):  # it draws bars there, where a line of JSON may be awaited
        return nncf.quantize(model, batches, subset_size=len(images), advanced_parameters=plain)


def random_images(count: int, side: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, 3, side, side), np.uint8)
