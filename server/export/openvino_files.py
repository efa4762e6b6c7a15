"""OpenVINO's intermediate representation, two files in a zip, made of the ONNX file."""

import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from server.export.batches import Logits, Pixels, in_batches
from server.export.libraries import library

XML, BIN = "model.xml", "model.bin"
_TOPIC = "nettailor"  # of the metadata, within the model's runtime information


def write_openvino(onnx: bytes, path: Path, *, metadata: Mapping[str, str], halves: bool) -> None:
    """A zip of `model.xml` and `model.bin`. `halves`: weights are stored as fp16, and computed with as the device
    likes best. Raises `ExportLibraryMissing`."""
    openvino = library("openvino")
    model = openvino.Core().read_model(onnx)
    for name, text in metadata.items():
        model.set_rt_info(text, [_TOPIC, name])
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        openvino.save_model(model, str(Path(folder) / XML), compress_to_fp16=halves)
        with zipfile.ZipFile(path, "w") as archive:
            for name in (XML, BIN):
                archive.write(Path(folder) / name, name)


def read_openvino(path: Path) -> Any:
    """The model of such a zip, in memory. Raises `ExportLibraryMissing`."""
    openvino = library("openvino")
    with zipfile.ZipFile(path) as archive:
        weights = np.frombuffer(archive.read(BIN), np.uint8)
        return openvino.Core().read_model(archive.read(XML), openvino.Tensor(weights))


def run_openvino(path: Path, pixels: Pixels) -> Logits:
    """Logits (N, K) by OpenVINO on the CPU, in fp32, of pixels (N, S, S, 3). Raises `ExportLibraryMissing`."""
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = library("openvino").Core().compile_model(read_openvino(path), "CPU", exact)
    return in_batches(lambda some: compiled(some)[0].copy(), pixels)
