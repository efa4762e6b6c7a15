"""What all answers have in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """An answer cannot be changed. It is read leniently: members that a newer service has beside these are kept, as
    attributes too, and words that it may have more of one day are any text."""

    model_config = ConfigDict(frozen=True, extra="allow")

    def as_json(self) -> dict[str, Any]:
        """The document as it came."""
        return self.model_dump(mode="json", exclude_unset=True)
