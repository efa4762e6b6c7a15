"""What goes over HTTP."""

from pydantic import BaseModel, ConfigDict, Field

from hosting.telemetry.request_id import request_id
from server.prediction import answer


class JsonImages(BaseModel):
    """The JSON body of a prediction."""

    model_config = ConfigDict(extra="forbid")

    images: list[str] = Field(min_length=1, description="image files as base64, or as data URLs")


class Label(BaseModel):
    label: str
    index: int = Field(description="of the class, in the bundle's order")
    probability: float

    @classmethod
    def of(cls, found: answer.Label) -> "Label":
        return cls(label=found.label, index=found.index, probability=found.probability)


class Prediction(BaseModel):
    """One task's answer, and what it cost."""

    task: str
    version: int
    digest: str = Field(description="of the bundle that answered")
    predictions: list[list[Label]] = Field(description="one list an image, best first")
    tier: str = Field(description="where the bundle was when the request came: device, host, disk or registry")
    switch_ms: float = Field(description="until the bundle was ready to run")
    queue_ms: float = Field(description="waiting for the engine")
    inference_ms: float = Field(description="in the engine, the whole batch")
    request_id: str | None

    @classmethod
    def of(cls, found: answer.Answer) -> "Prediction":
        return cls(
            task=found.task,
            version=found.version,
            digest=found.digest,
            predictions=[[Label.of(label) for label in labels] for labels in found.predictions],
            tier=found.tier,
            switch_ms=_milliseconds(found.switch_s),
            queue_ms=_milliseconds(found.queue_s),
            inference_ms=_milliseconds(found.inference_s),
            request_id=request_id.get(),
        )


class Predictions(BaseModel):
    """The answers of several tasks, in the order asked."""

    results: list[Prediction]
    request_id: str | None


class Readiness(BaseModel):
    state: str = Field(description="starting, ready or draining")
    tasks: int = Field(description="tasks that can be asked")
    backbones: list[str] = Field(description="backbones in memory, the service's own first")


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
