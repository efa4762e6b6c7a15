"""What a person may ask of the recipe, as it is stored with the job."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trainer.errors import OptionsInvalid
from trainer.events import Json
from trainer.job import Priority

Preset = Literal["fast", "balanced", "thorough"]


class TailorOptions(BaseModel):
    """Query parameters of an upload."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Preset = Field(default="balanced", description="how much training time the search may take")
    seed: int = Field(default=0, ge=0, lt=2**31, description="the same seed and data give the same bundle")

    priority: Priority = Field(default="normal", description="high, normal or low: which of the waiting jobs run first")

    def to_json(self) -> dict[str, Json]:
        """Without the priority: it is the job's, and changes nothing about its result."""
        return dict(self.model_dump(mode="json", exclude={"priority"}))


def parse_options(options: Mapping[str, Json]) -> TailorOptions:
    """Options from a job's document or a request. Raises OptionsInvalid."""
    try:
        return TailorOptions.model_validate(dict(options))
    except ValidationError as fault:
        first = fault.errors()[0]
        raise OptionsInvalid(".".join(map(str, first["loc"])), first["msg"]) from None
