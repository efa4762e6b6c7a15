"""The protocol's JSON: what is read is held to it, what is written is documented by it (torch-free)."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from server.open_inference.metadata import ModelMetadata, ModelStatistics, ServerMetadata, TensorMetadata
from server.open_inference.repository import IndexEntry
from server.statistics import Duration

_Name = Annotated[str, StringConstraints(max_length=200)]
_Parameters = dict[Annotated[str, StringConstraints(max_length=100)], bool | int | float | str]
_MOST_TENSORS = 16


class _Read(BaseModel):
    """What is not known is refused: it would be ignored in silence."""

    model_config = ConfigDict(extra="forbid", strict=True)


class InputHeader(_Read):
    name: _Name
    shape: list[int] = Field(max_length=8)
    datatype: Annotated[str, StringConstraints(max_length=16)] = Field(description="BYTES or UINT8")
    parameters: _Parameters | None = Field(
        default=None, description="binary_data_size, or content_type 'base64' for the strings of `data`"
    )
    data: list[Any] | None = Field(default=None, description="flat or nested, row-major; not with binary_data_size")


class OutputHeader(_Read):
    name: _Name = Field(description="probabilities or label")
    parameters: _Parameters | None = Field(default=None, description="binary_data, classification")


class InferenceHeader(_Read):
    """A request for inference: its JSON, behind which binary data may follow."""

    id: Annotated[str, StringConstraints(max_length=1000)] | None = Field(default=None, description="comes back")
    parameters: _Parameters | None = Field(default=None, description="priority, timeout, binary_data_output")
    inputs: list[InputHeader] = Field(min_length=1, max_length=_MOST_TENSORS)
    outputs: list[OutputHeader] | None = Field(default=None, max_length=_MOST_TENSORS, description="all if left out")
    model_name: str | None = Field(default=None, description="ignored: the path says it")
    model_version: str | int | None = Field(default=None, description="ignored: the path says it")


class IndexRequest(_Read):
    ready: bool = Field(default=False, description="only what is on the device")


class LoadRequest(_Read):
    parameters: dict[str, Any] | None = Field(default=None, description="none is known")


class UnloadRequest(_Read):
    parameters: dict[str, Any] | None = Field(default=None, description="unload_dependents, which changes nothing")


class OutputTensorDocument(BaseModel):
    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, int] | None = Field(default=None, description="binary_data_size, where `data` is missing")
    data: list[float] | list[str] | None = Field(default=None, description="flat, row-major")


class InferenceAnswer(BaseModel):
    """The answer to a request for inference: its JSON, behind which binary data may follow."""

    model_name: str
    model_version: str
    id: str | None = Field(default=None, description="of the request, where it had one")
    parameters: dict[str, str | float] = Field(description="digest, tier, switch_ms, queue_ms, inference_ms")
    outputs: list[OutputTensorDocument]


class LiveDocument(BaseModel):
    live: bool = True


class ReadyDocument(BaseModel):
    ready: bool = True


class ModelReadyDocument(BaseModel):
    name: str
    ready: bool = True


class ServerDocument(BaseModel):
    name: str
    version: str
    extensions: list[str]

    @classmethod
    def of(cls, found: ServerMetadata) -> "ServerDocument":
        return cls(name=found.name, version=found.version, extensions=list(found.extensions))


class TensorDocument(BaseModel):
    name: str
    datatype: str
    shape: list[int] = Field(description="-1 where a side varies")

    @classmethod
    def of(cls, found: TensorMetadata) -> "TensorDocument":
        return cls(name=found.name, datatype=found.datatype, shape=list(found.shape))


class ModelDocument(BaseModel):
    name: str
    versions: list[str] = Field(description="that may be asked by number")
    platform: str
    inputs: list[TensorDocument] = Field(description="alternatives: a request has exactly one of them")
    outputs: list[TensorDocument]

    @classmethod
    def of(cls, found: ModelMetadata) -> "ModelDocument":
        return cls(
            name=found.name,
            versions=list(found.versions),
            platform=found.platform,
            inputs=[TensorDocument.of(tensor) for tensor in found.inputs],
            outputs=[TensorDocument.of(tensor) for tensor in found.outputs],
        )


class ModelsDocument(BaseModel):
    models: list[str]


class ConfigurationDocument(BaseModel):
    """The members of Triton's `ModelConfig` that say something here."""

    model_config = ConfigDict(extra="allow")

    name: str
    platform: str
    backend: str
    max_batch_size: int = Field(description="images in a request")
    input: list[dict[str, Any]]
    output: list[dict[str, Any]]


class IndexDocument(BaseModel):
    name: str
    version: str
    state: str = Field(description="READY: on the device; UNAVAILABLE: a request brings it there")
    reason: str

    @classmethod
    def of(cls, found: IndexEntry) -> "IndexDocument":
        return cls(name=found.name, version=found.version, state=found.state, reason=found.reason)


class DurationDocument(BaseModel):
    count: int = 0
    ns: int = 0

    @classmethod
    def of(cls, found: Duration) -> "DurationDocument":
        return cls(count=found.count, ns=found.ns)


class InferenceStatistics(BaseModel):
    success: DurationDocument
    fail: DurationDocument
    queue: DurationDocument
    compute_input: DurationDocument
    compute_infer: DurationDocument
    compute_output: DurationDocument
    cache_hit: DurationDocument = DurationDocument()
    cache_miss: DurationDocument = DurationDocument()


class BatchStatistics(BaseModel):
    batch_size: int
    compute_input: DurationDocument
    compute_infer: DurationDocument
    compute_output: DurationDocument


class MemoryUsage(BaseModel):
    type: str
    id: int = 0
    byte_size: int


class ModelStatisticsDocument(BaseModel):
    name: str
    version: str
    last_inference: int = Field(description="milliseconds since the epoch; 0: never")
    inference_count: int = Field(description="images")
    execution_count: int = Field(description="batches; a mixed one counts for every version in it")
    inference_stats: InferenceStatistics
    batch_stats: list[BatchStatistics]
    response_stats: dict[str, Any] = {}
    memory_usage: list[MemoryUsage]

    @classmethod
    def of(cls, found: ModelStatistics) -> "ModelStatisticsDocument":
        figures = found.figures
        times = {
            part: DurationDocument.of(getattr(figures, part))
            for part in ("success", "fail", "queue", "compute_input", "compute_infer")
        }
        answered = DurationDocument(count=figures.success.count)  # answers take no time apart from the batch's
        return cls(
            name=found.name,
            version=found.version,
            last_inference=figures.last_inference_ms,
            inference_count=figures.inference_count,
            execution_count=figures.execution_count,
            inference_stats=InferenceStatistics(**times, compute_output=answered),
            batch_stats=[_batches(size, duration) for size, duration in figures.batches.items()],
            memory_usage=[MemoryUsage(type=found.memory, byte_size=found.device_bytes)] if found.device_bytes else [],
        )


class StatisticsDocument(BaseModel):
    model_stats: list[ModelStatisticsDocument]

    @classmethod
    def of(cls, found: Iterable[ModelStatistics]) -> "StatisticsDocument":
        return cls(model_stats=[ModelStatisticsDocument.of(each) for each in found])


class NothingToSay(BaseModel):
    """Done."""


def _batches(size: int, duration: Duration) -> BatchStatistics:
    """Decoding and answering are of requests, not of batches: they are counted here and timed there."""
    beside = DurationDocument(count=duration.count)
    return BatchStatistics(
        batch_size=size, compute_input=beside, compute_infer=DurationDocument.of(duration), compute_output=beside
    )
