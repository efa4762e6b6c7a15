"""Exporting what the oracle of the server's tests makes."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nettailor.bundle.bundle import Bundle
from server.export.export import export_network
from server.export.options import ExportDtype, ExportFormat, ExportOptions
from server.export.verification import Verification
from tests.server.oracle import backbone, expected_logits


def options(format: str = "onnx", dtype: str = "fp32") -> ExportOptions:
    return ExportOptions(format=ExportFormat(format), dtype=ExportDtype(dtype))


def exported(bundle: Bundle, path: Path, format: str = "onnx", dtype: str = "fp32") -> Verification:
    """As version 7."""
    return export_network(bundle, 7, backbone(bundle.manifest.backbone.id), options(format, dtype), path)


def student_logits(bundle: Bundle, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, K) of the unfused student, for pixels (N, S, S, 3)."""
    return expected_logits(bundle, np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
