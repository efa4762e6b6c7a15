"""How an export ended, as its process tells the server (torch-free)."""

import json
from dataclasses import asdict, dataclass

from server.errors import ExportLibraryMissing, ExportUnfaithful


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`difference` and `top1_agreement` as in `Verification`; `unusable` says what is wrong with the bundle."""

    is_faithful: bool = True
    difference: float = 0.0
    top1_agreement: float = 0.0
    missing: str | None = None  # a library
    unusable: str | None = None

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, text: str | bytes) -> "Outcome":
        """Raises `ValueError`, `TypeError` where the text is no outcome."""
        return cls(**json.loads(text))

    def check(self) -> None:
        """Raises `ExportLibraryMissing`, `ExportUnfaithful`."""
        if self.missing is not None:
            raise ExportLibraryMissing(self.missing)
        if not self.is_faithful:
            raise ExportUnfaithful(self.difference, self.top1_agreement)
