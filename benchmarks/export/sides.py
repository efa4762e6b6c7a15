"""What is compared: a tailored network and the whole one, written the same way, each in one runtime."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.workloads.resnet34 import CLASSES, macs
from nettailor.architecture.plan import Plan, full_plan
from nettailor.bundle.bundle import Bundle
from nettailor.network.backbones import Backbone
from nettailor.network.student import Student
from server.export.export import export_network, write
from server.export.libraries import library
from server.export.network import PrunedNetwork
from server.export.openvino_files import read_openvino
from server.export.options import ExportDtype, ExportFormat, ExportOptions

FP32 = {
    "ONNX Runtime": ExportOptions(format=ExportFormat.onnx, dtype=ExportDtype.fp32),
    "OpenVINO": ExportOptions(format=ExportFormat.openvino, dtype=ExportDtype.fp32),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Tailored:
    """An exported task."""

    task: str
    path: Path
    macs_share: float  # of the whole network's
    top1_agreement: float


def exported(bundles: Sequence[Bundle], backbone: Backbone, options: ExportOptions, folder: Path) -> list[Tailored]:
    """Every task as a verified file."""
    return [_exported(bundle, backbone, options, folder) for bundle in bundles]


def _exported(bundle: Bundle, backbone: Backbone, options: ExportOptions, folder: Path) -> Tailored:
    manifest = bundle.manifest
    path = folder / options.file_name(manifest.task, 1)
    verified = export_network(bundle, 1, backbone, options, path)
    return Tailored(
        task=manifest.task,
        path=path,
        macs_share=macs(manifest.plan, manifest.preprocessing.crop)
        / macs(_whole(backbone), manifest.preprocessing.crop),
        top1_agreement=verified.top1_agreement,
    )


def whole_network(backbone: Backbone, bundle: Bundle, options: ExportOptions, folder: Path) -> Path:
    """Every block, no proxies, the same input and as many classes: what fine-tuning the whole network would leave."""
    preprocessing = bundle.manifest.preprocessing
    student = Student(backbone, plan=_whole(backbone), classes=CLASSES, statistics="frozen").eval()
    network = PrunedNetwork(student, preprocessing, torch.float32)
    path = folder / options.file_name("whole", 1)
    write(network, path, options, side=preprocessing.crop, about={})
    return path


def _whole(backbone: Backbone) -> Plan:
    return full_plan(backbone.depth, 0)


def runner(name: str, path: Path, threads: int) -> Callable[[NDArray[np.uint8]], object]:
    """One image at a time through a file, with so many threads."""
    return _RUNNERS[name](path, threads)


def _onnx_runtime(path: Path, threads: int) -> Callable[[NDArray[np.uint8]], object]:
    onnxruntime = library("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that spin while they wait for work would take the processor from the side that runs next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(None, {"pixels": pixels})


def _openvino(path: Path, threads: int) -> Callable[[NDArray[np.uint8]], object]:
    model = read_openvino(path)
    options = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    request = library("openvino").Core().compile_model(model, "CPU", options).create_infer_request()
    return lambda pixels: request.infer([pixels])


_RUNNERS: Mapping[str, Callable[[Path, int], Callable[[NDArray[np.uint8]], object]]] = {
    "ONNX Runtime": _onnx_runtime,
    "OpenVINO": _openvino,
}
