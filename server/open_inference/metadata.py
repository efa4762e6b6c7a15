"""What the server and its models say of themselves (torch-free)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from registry.journal.records import VersionRecord
from server.open_inference.datatypes import BYTES, FP32, UINT8
from server.open_inference.images import CHANNELS, IMAGE, PIXELS
from server.open_inference.outputs import LABEL, PROBABILITIES
from server.open_inference.parameters import DEFAULT_PRIORITY, PRIORITY_LEVELS
from server.statistics import VersionStatistics

SERVER_NAME = "nettailor-server"
PLATFORM = "nettailor_bundlev1"
EXTENSIONS = (
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository",
    "parameters",
    "schedule_policy",
    "statistics",
)
_VARIABLE = -1


@dataclass(frozen=True, kw_only=True)
class ServerMetadata:
    name: str
    version: str
    extensions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TensorMetadata:
    name: str
    datatype: str
    shape: tuple[int, ...]  # -1 where a side varies; the first one is the number of images


@dataclass(frozen=True, kw_only=True)
class ModelMetadata:
    """`inputs` are alternatives: a request has exactly one of them."""

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]


@dataclass(frozen=True, kw_only=True)
class ModelStatistics:
    """`device_bytes` is what the version takes on the device now, whose memory is of this kind."""

    name: str
    version: str
    figures: VersionStatistics
    device_bytes: int
    memory: str  # CPU or GPU


def server_metadata() -> ServerMetadata:
    return ServerMetadata(name=SERVER_NAME, version=version("nettailor-server"), extensions=EXTENSIONS)


def model_metadata(name: str, record: VersionRecord, versions: Sequence[int]) -> ModelMetadata:
    """Of the model of that name, which leads to this version; `versions` are those that may be asked for by number."""
    return ModelMetadata(
        name=name,
        versions=tuple(str(number) for number in versions),
        platform=PLATFORM,
        inputs=(
            TensorMetadata(name=IMAGE, datatype=BYTES, shape=(_VARIABLE,)),
            TensorMetadata(name=PIXELS, datatype=UINT8, shape=(_VARIABLE, _VARIABLE, _VARIABLE, CHANNELS)),
        ),
        outputs=(
            TensorMetadata(name=PROBABILITIES, datatype=FP32, shape=(_VARIABLE, len(record.manifest.classes))),
            TensorMetadata(name=LABEL, datatype=BYTES, shape=(_VARIABLE,)),
        ),
    )


def model_configuration(metadata: ModelMetadata, *, max_images: int, max_wait_ms: float) -> Mapping[str, Any]:
    """As Triton's `ModelConfig` in JSON: the number of images is no dimension there, but `max_batch_size`."""
    return {
        "name": metadata.name,
        "platform": metadata.platform,
        "backend": "nettailor",
        "max_batch_size": max_images,
        "input": [_tensor(tensor) | {"format": "FORMAT_NONE", "optional": True} for tensor in metadata.inputs],
        "output": [_tensor(tensor) for tensor in metadata.outputs],
        "dynamic_batching": {
            "max_queue_delay_microseconds": round(max_wait_ms * 1000),
            "priority_levels": PRIORITY_LEVELS,
            "default_priority_level": DEFAULT_PRIORITY,
        },
    }


def _tensor(tensor: TensorMetadata) -> dict[str, Any]:
    datatype = "STRING" if tensor.datatype == BYTES else tensor.datatype
    return {"name": tensor.name, "data_type": f"TYPE_{datatype}", "dims": list(tensor.shape[1:])}
