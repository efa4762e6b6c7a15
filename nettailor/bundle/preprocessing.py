"""How an image becomes the network's input: a value that travels in every bundle (torch-free)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Triple = tuple[float, float, float]
ValueRange = tuple[int, int]  # the sample values that are black and white


class Preprocessing(BaseModel):
    """Resize the shorter side to `resize` pixels, crop the centre `crop` x `crop`, scale to 0..1, normalise.

    `value_range` is that of the training images whose samples have more than 8 bits and which do not say themselves
    what is black and white; None where there are no such images, and then it is not written down either.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    resize: int = Field(ge=8, le=1024)
    crop: int = Field(ge=8, le=1024)
    mean: Triple
    std: Triple
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    value_range: ValueRange | None = Field(default=None, exclude_if=lambda value: value is None)

    @model_validator(mode="after")
    def _crop_fits(self) -> "Preprocessing":
        if self.crop > self.resize:
            raise ValueError(f"crop {self.crop} is larger than resize {self.resize}")
        if min(self.std) <= 0:
            raise ValueError("std must be positive")
        if self.value_range is not None and not -(2**31) <= self.value_range[0] < self.value_range[1] < 2**32:
            raise ValueError("value_range must be a smaller and a larger integer of 32 bits")
        return self


IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)
