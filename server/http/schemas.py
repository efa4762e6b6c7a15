"""What goes over HTTP."""

from collections.abc import Sequence
from typing import Any

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

    @staticmethod
    def told(found: answer.Label) -> dict[str, Any]:
        return {"label": found.label, "index": found.index, "probability": found.probability}


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

    @staticmethod
    def told(found: answer.Answer) -> dict[str, Any]:
        """The members, in this order: what is ours needs no checking, which takes longer than writing it down."""
        return {
            "task": found.task,
            "version": found.version,
            "digest": found.digest,
            "predictions": [[Label.told(label) for label in labels] for labels in found.predictions],
            "tier": found.tier,
            "switch_ms": milliseconds(found.switch_s),
            "queue_ms": milliseconds(found.queue_s),
            "inference_ms": milliseconds(found.inference_s),
            "request_id": request_id.get(),
        }


class Predictions(BaseModel):
    """The answers of several tasks, in the order asked."""

    results: list[Prediction]
    request_id: str | None

    @staticmethod
    def told(found: Sequence[answer.Answer]) -> dict[str, Any]:
        return {"results": [Prediction.told(each) for each in found], "request_id": request_id.get()}


class Readiness(BaseModel):
    state: str = Field(description="starting, ready or draining")
    tasks: int = Field(description="tasks that can be asked")
    backbones: list[str] = Field(description="backbones in memory, the service's own first")


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
