"""What an export can be asked for (torch-free)."""

from dataclasses import dataclass
from enum import StrEnum


class ExportFormat(StrEnum):
    onnx = "onnx"
    openvino = "openvino"
    torchscript = "torchscript"
    pt2 = "pt2"


class ExportDtype(StrEnum):
    fp32 = "fp32"
    fp16 = "fp16"


_SUFFIXES = {
    ExportFormat.onnx: ".onnx",
    ExportFormat.openvino: ".openvino.zip",  # model.xml and model.bin
    ExportFormat.torchscript: ".torchscript.pt",
    ExportFormat.pt2: ".pt2",
}


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    format: ExportFormat
    dtype: ExportDtype

    def file_name(self, task: str, version: int) -> str:
        return f"{task}-{version}-{self.dtype}{_SUFFIXES[self.format]}"

    @property
    def media_type(self) -> str:
        return "application/zip" if self.format is ExportFormat.openvino else "application/octet-stream"
