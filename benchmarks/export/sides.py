"""What is compared: a tailored network and the whole one, written the same way, each in one runtime."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.export.subjects import Group, Subject
from nettailor.architecture.plan import full_plan
from nettailor.bundle.preprocessing import Preprocessing
from nettailor.network.backbones import Backbone
from nettailor.network.student import Student
from server.export.export import export_network, run, write
from server.export.libraries import library
from server.export.network import PrunedNetwork
from server.export.openvino_files import read_openvino
from server.export.options import ExportDtype, ExportFormat, ExportOptions
from server.export.verification import engine_logits

FP32 = {
    "ONNX Runtime": ExportOptions(format=ExportFormat.onnx, dtype=ExportDtype.fp32),
    "OpenVINO": ExportOptions(format=ExportFormat.openvino, dtype=ExportDtype.fp32),
}


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A subject's file beside that of the whole network with as many classes."""

    name: str
    path: Path
    whole: Path
    macs_gone: float  # of the whole network's, net of what the task adds
    top1_agreement: float  # with the engine

    @property
    def bytes_vs_whole(self) -> float:
        return self.path.stat().st_size / self.whole.stat().st_size


def exported(group: Group, options: ExportOptions, folder: Path) -> list[Exported]:
    """Every subject as a verified file. Subjects with as many classes share the file of the whole network."""
    wholes: dict[tuple[Preprocessing, int], Path] = {}
    found = []
    for subject in group.subjects:
        key = (subject.bundle.manifest.preprocessing, subject.classes)
        if key not in wholes:
            wholes[key] = folder / options.file_name(f"whole-{len(wholes)}", 1)
            write_whole_network(group.backbone, *key, options, wholes[key])
        found.append(_exported(subject, wholes[key], group.backbone, options, folder))
    return found


def _exported(subject: Subject, whole: Path, backbone: Backbone, options: ExportOptions, folder: Path) -> Exported:
    path = folder / options.file_name(subject.name, 1)
    verified = export_network(subject.bundle, 1, backbone, options, path)
    return Exported(
        name=subject.name,
        path=path,
        whole=whole,
        macs_gone=subject.bundle.manifest.complexity.net_macs_removed,
        top1_agreement=min(verified.top1_agreement, _agreement(subject, backbone, options, path)),
    )


def _agreement(subject: Subject, backbone: Backbone, options: ExportOptions, path: Path) -> float:
    """Share of the test images whose first class is the engine's; 1 where there are none."""
    if subject.images is None:
        return 1.0
    expected = engine_logits(subject.bundle, backbone, subject.images).argmax(1)
    return float((run(path, options, subject.images).argmax(1) == expected).mean())


def write_whole_network(
    backbone: Backbone, preprocessing: Preprocessing, classes: int, options: ExportOptions, path: Path
) -> None:
    """Every block, no proxies, the same input and as many classes: what fine-tuning the whole network would leave."""
    plan = full_plan(backbone.depth, 0)
    student = Student(backbone, plan=plan, classes=classes, statistics="frozen").eval()
    network = PrunedNetwork(student, preprocessing, torch.float32)
    write(network, path, options, side=preprocessing.crop, about={})


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
