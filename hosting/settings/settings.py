"""Settings shared by every service: from the environment (`NETTAILOR_DATA_DIR`, ...), then from the file that
`NETTAILOR_CONFIG` names. Malformed ones raise."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from hosting.disk.reserve import DiskReserve
from hosting.settings.comma_separated import Hosts, Origins
from hosting.settings.settings_file import file_source, invalid


class Settings(BaseSettings):
    """Raises `SettingsInvalid`."""

    model_config = SettingsConfigDict(env_prefix="NETTAILOR_", frozen=True, extra="ignore")

    config: Path | None = Field(default=None, description="TOML file of settings; the environment wins over it")
    data_dir: Path = Field(default=Path("data"), description="folder of everything that must survive a restart")
    disk_reserve_bytes: int | None = Field(
        default=None,
        ge=0,
        description="free bytes that uploads and publishes leave on the disk; 256 MiB or 2 % of it, whichever is less",
    )
    redis_url: str | None = Field(default=None, description="Redis to use; without it a private one under data_dir")
    redis_password_file: Path | None = Field(default=None, description="file with the password of that Redis")
    blobs_url: str | None = Field(default=None, description="where blobs and records live; data_dir/blobs by default")
    backbone: str = Field(default="mini26", description="the backbone of this installation")
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on")
    keys_file: Path | None = Field(default=None, description="keys that requests need; without it nothing is locked")
    allowed_hosts: Hosts = Field(
        default=frozenset(), description="further names of this service, where there are no keys; comma-separated"
    )
    allowed_origins: Origins = Field(
        default=frozenset(), description="whose pages may use this service in a browser (CORS); comma-separated"
    )
    audit_log: Path | None = Field(default=None, description="file that requests other than predictions are noted in")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = Field(default="text", description="json: one object a line")
    access_log: bool = Field(default=False, description="log every request; metrics count them anyhow")
    traces: bool = Field(
        default=False, description="send OpenTelemetry traces to OTEL_EXPORTER_OTLP_ENDPOINT; needs the extra otel"
    )
    rate_limit_per_second: float = Field(
        default=0.0, ge=0, description="requests a second of one key, or of one address without keys; 0: no limit"
    )
    bodies_bound_bytes: int = Field(
        default=512 * 2**20, ge=1, description="of the bodies of requests under way in a process, before 429"
    )
    rate_burst: int = Field(default=20, ge=1, description="requests that may come at once within the rate limit")

    max_url_bytes: int = Field(default=8192, ge=1, description="of a request's path and query; longer ones get 414")
    max_header_bytes: int = Field(default=32768, ge=1, description="of a request's headers together; more get 431")
    max_headers: int = Field(default=100, ge=1, description="headers of a request; more get 431")
    header_timeout_seconds: float = Field(
        default=10.0, gt=0, description="from a connection, or the first byte of a request, to the end of its headers"
    )
    keep_alive_seconds: int = Field(default=5, ge=1, description="that a connection may be idle between two requests")
    transfer_timeout_seconds: float = Field(
        default=60.0, gt=0, description="over which a client has to send and to read as fast as the next one says"
    )
    transfer_bytes_per_second: int = Field(
        default=256, ge=1, description="slower bodies get 408, and answers that are read slower end; none ends before"
    )
    max_connections: int = Field(
        default=4096, ge=1, description="open at once, as far as the limit of open files allows; more get 503"
    )
    max_connections_per_address: int = Field(
        default=512, ge=0, description="of these, of one address; more get 429. 0, as behind a proxy: no limit"
    )

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except (ValidationError, SettingsError) as error:
            raise invalid(error, given) from error

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The first one that has a value wins."""
        return (init_settings, env_settings, *file_source(settings_cls))

    @property
    def blobs_location(self) -> str:
        """What `Blobs` takes."""
        return self.blobs_url or str(self.data_dir.absolute() / "blobs")

    @property
    def blobs_folder(self) -> Path | None:
        """The folder of the blobs; None where they are in a remote store."""
        protocol, separator, path = self.blobs_location.rpartition("://")
        return Path(path) if not separator or protocol in {"file", "local"} else None

    @property
    def disk_reserve(self) -> DiskReserve:
        """Of the disks that the data folder and the blobs are on."""
        folders = {self.data_dir.absolute(): None, self.blobs_folder: None}
        return DiskReserve([folder for folder in folders if folder is not None], self.disk_reserve_bytes)
