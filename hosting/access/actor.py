"""Who asks, as the header `X-Actor` says it: a name that anybody may choose where nothing is locked."""

from typing import Annotated

from fastapi import Header
from pydantic import AfterValidator

from nettailor.plain_text import PlainText

HEADER = "X-Actor"
ANONYMOUS = "anonymous"


def actor_named(text: str) -> str:
    """The actor that the header names: nobody in particular where it is empty or blank, as where there is none."""
    return text if text.strip() else ANONYMOUS


Actor = Annotated[
    PlainText,
    AfterValidator(actor_named),
    Header(alias=HEADER, max_length=200, description="who asks; kept in the history, or with the job"),
]
