"""What clients send as JSON, parsed on the event loop."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

_MOST_MEMBERS = 100  # of the document itself; ours have four at the most


class JsonBody(BaseModel):
    """The base of such a document. Unknown members are refused: one by one, or all at once where they are very many,
    because the validation takes longer over each than the parser does. A value is of the type that is documented:
    `true`, `1.0` and `"1"` are no integers, `1` is no text and no truth; an integer is a number."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _check_members(cls, document: Any) -> Any:
        if isinstance(document, dict) and len(document) > _MOST_MEMBERS:
            raise ValueError(f"an object of more than {_MOST_MEMBERS} members")
        return document
