"""One export: build, write, read again, compare with the engine."""

from collections.abc import Mapping
from pathlib import Path

import torch

from nettailor.bundle.bundle import Bundle
from nettailor.network.backbones import Backbone
from nettailor.network.whole_network import network_of
from server.export.batches import Logits, Pixels
from server.export.metadata import metadata
from server.export.network import PrunedNetwork
from server.export.onnx_file import onnx_bytes, run_onnx
from server.export.openvino_files import run_openvino, write_openvino
from server.export.options import ExportDtype, ExportFormat, ExportOptions
from server.export.torch_files import run_pt2, run_torchscript, write_pt2, write_torchscript
from server.export.verification import Verification, engine_logits, sample_images, verify

_TORCH_DTYPES = {ExportDtype.fp32: torch.float32, ExportDtype.fp16: torch.float16}


def export_network(
    bundle: Bundle, version: int, backbone: Backbone, options: ExportOptions, path: Path
) -> Verification:
    """Write the file and verify it; it is at `path` only if its answers are the engine's.

    Raises `BundleWrongBackbone`, `ExportLibraryMissing`, `ExportUnfaithful`.
    """
    preprocessing = bundle.manifest.preprocessing
    pixels = sample_images(preprocessing.crop)
    expected = engine_logits(bundle, backbone, pixels)
    network = PrunedNetwork(network_of(backbone, bundle), preprocessing, torch_dtype(options))
    try:
        write(network, path, options, side=preprocessing.crop, about=metadata(bundle, version))
        return verify(run(path, options, pixels), expected, options.dtype)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def torch_dtype(options: ExportOptions) -> torch.dtype:
    """What `write` wants the network to be in: OpenVINO makes halves of the weights itself, and chooses on each device
    what it computes in."""
    halves = options.dtype is ExportDtype.fp16 and options.format is not ExportFormat.openvino
    return torch.float16 if halves else torch.float32


def write(network: PrunedNetwork, path: Path, options: ExportOptions, *, side: int, about: Mapping[str, str]) -> None:
    """The file alone, not verified. Raises `ExportLibraryMissing`."""
    match options.format:
        case ExportFormat.onnx:
            path.write_bytes(onnx_bytes(network, side=side, metadata=about))
        case ExportFormat.openvino:
            onnx = onnx_bytes(network, side=side, metadata={})
            write_openvino(onnx, path, metadata=about, halves=options.dtype is ExportDtype.fp16)
        case ExportFormat.torchscript:
            write_torchscript(network, path, side=side, metadata=about)
        case ExportFormat.pt2:
            write_pt2(network, path, side=side, metadata=about)


def run(path: Path, options: ExportOptions, pixels: Pixels) -> Logits:
    """Logits (N, K) by the file's own runtime, of pixels (N, S, S, 3). Raises `ExportLibraryMissing`."""
    match options.format:
        case ExportFormat.onnx:
            return run_onnx(path.read_bytes(), pixels)
        case ExportFormat.openvino:
            return run_openvino(path, pixels)
        case ExportFormat.torchscript:
            return run_torchscript(path, pixels)
        case ExportFormat.pt2:
            return run_pt2(path, pixels)
