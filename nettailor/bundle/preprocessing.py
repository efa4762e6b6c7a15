"""How an image becomes the network's input: a value that travels in every bundle (torch-free)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Triple = tuple[float, float, float]


class Preprocessing(BaseModel):
    """Resize the shorter side to `resize` pixels, crop the centre `crop` x `crop`, scale to 0..1, normalise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resize: int = Field(ge=8, le=1024)
    crop: int = Field(ge=8, le=1024)
    mean: Triple
    std: Triple
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"

    @model_validator(mode="after")
    def _crop_fits(self) -> "Preprocessing":
        if self.crop > self.resize:
            raise ValueError(f"crop {self.crop} is larger than resize {self.resize}")
        if min(self.std) <= 0:
            raise ValueError("std must be positive")
        return self


IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)
