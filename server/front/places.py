"""Where front and engine find each other (torch-free)."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Places:
    """In a folder that only this user can get to."""

    folder: Path

    @property
    def link(self) -> Path:
        """The socket for predictions. It is there once the engine has been ready."""
        return self.folder / "link.sock"

    @property
    def http(self) -> Path:
        """The socket for all other requests."""
        return self.folder / "http.sock"
