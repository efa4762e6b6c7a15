"""What an archive was taken for."""

from pydantic import Field

from nettailor_client.answers.document import Document


class SplitCounts(Document):
    train: int
    val: int
    test: int


class LeftOut(Document):
    file: str
    reason: str


class Finding(Document):
    """What is odd; `files` are some of those that the text is about. The weight is error, of which
    a job would fail, warning or note."""

    weight: str
    text: str
    files: list[str] = Field(default_factory=list)


class Inspection(Document):
    """`layout` is None where none was recognised, `error` why it cannot be trained on, if it cannot."""

    layout: str | None
    classes: dict[str, SplitCounts] = Field(default_factory=dict)
    left_out: list[LeftOut] = Field(default_factory=list)
    findings: list[Finding] = Field(default_factory=list)
    error: str | None = None
