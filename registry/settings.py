"""Settings from the environment (`NETTAILOR_DATA_DIR`, ...), shared by every service. Malformed ones raise."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="NETTAILOR_", frozen=True, extra="ignore")

    data_dir: Path = Field(default=Path("data"), description="folder of everything that must survive a restart")
    redis_url: str | None = Field(default=None, description="Redis to use; without it a private one under data_dir")
    redis_password_file: Path | None = Field(default=None, description="file with the password of that Redis")
    blobs_url: str | None = Field(default=None, description="where blobs and records live; data_dir/blobs by default")
    backbone: str = Field(default="mini26", description="the backbone of this installation")
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on")
    keys_file: Path | None = Field(default=None, description="keys that requests need; without it nothing is locked")
    audit_log: Path | None = Field(default=None, description="file that requests other than predictions are noted in")
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def blobs_location(self) -> str:
        """What `Blobs` takes."""
        return self.blobs_url or str(self.data_dir.absolute() / "blobs")
