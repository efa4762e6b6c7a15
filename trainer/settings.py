"""The training service's settings, from the environment (`NETTAILOR_...`)."""

from pathlib import Path

from pydantic import Field

from hosting.processes.memory import available_bytes
from hosting.settings.settings import Settings as RegistrySettings

UPLOAD_PREFIX = "upload-"  # of the names of the files in `uploads_dir`
_MEMORY_SHARE = 0.875  # of the machine's that trainings may take


class Settings(RegistrySettings):
    backbone_weights: Path | None = Field(default=None, description="a local file with the backbone's weights")
    upload_mib: int = Field(default=2048, ge=1, description="largest upload accepted, in MiB")
    unpacked_mib: int = Field(default=8192, ge=1, description="largest upload accepted, in MiB when unpacked")
    image_megapixels: int = Field(default=40, ge=1, le=400, description="larger images are skipped")
    job_attempts: int = Field(default=3, ge=1, le=20, description="runs a job gets before its death is final")
    heartbeat_patience_seconds: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="a run of a worker of another machine is given to someone else when no heartbeat came for so long",
    )
    job_niceness: int = Field(default=10, ge=0, le=19, description="how far training yields the CPU to predictions")
    job_threads: int | None = Field(default=None, ge=1, description="CPU threads of one training; torch's own default")
    job_memory_bytes: int | None = Field(
        default=None,
        ge=1,
        description="memory that one training, or a look at an upload, may take before it is stopped; seven eighths "
        "of the machine's (or container's), divided among its workers",
    )
    worker_devices: str = Field(
        default="auto", description="what workers train on: cpu, or cuda:0,cuda:1; auto: every GPU, else the CPU"
    )
    worker_jobs_per_device: int = Field(
        default=1, ge=0, le=64, description="jobs, each with a worker of its own, that run on a device at a time"
    )
    worker_helps: bool = Field(
        default=True, description="workers that have no job carry out trainings of other workers' jobs"
    )
    jobs_per_user: int | None = Field(
        default=None, ge=1, description="jobs an actor may have queued or running; no limit without it"
    )
    jobs_running_per_user: int | None = Field(
        default=None, ge=1, description="jobs of one actor that run at a time, the others wait; no limit without it"
    )
    keep_failed_jobs_days: float = Field(
        default=7.0,
        ge=0,
        description="how long what a failed or cancelled job leaves stays, for a retry to go on from",
    )
    cost_table: Path | None = Field(
        default=None, description="what `nettailor profile` wrote: tailor for its milliseconds instead of for MACs"
    )
    publish_slack: float = Field(
        default=0.005,
        ge=0,
        le=1,
        description="where a task has no policy, a new version goes live if its test accuracy is at most this lower",
    )

    @property
    def job_memory_limit_bytes(self) -> int:
        """`job_memory_bytes`, or what a single worker of this machine gets without it."""
        return self.job_memory_bytes or int(_MEMORY_SHARE * available_bytes())

    @property
    def keep_failed_jobs_seconds(self) -> float:
        return self.keep_failed_jobs_days * 24 * 3600

    @property
    def work_dir(self) -> Path:
        """Checkpoints and local copies, one folder a job; all of it can be made again."""
        return self.data_dir.absolute() / "jobs"

    @property
    def uploads_dir(self) -> Path:
        """Uploads that are being received."""
        return self.data_dir.absolute() / "uploads"

    @property
    def worker_locks_dir(self) -> Path:
        """Lock files, one for each worker, which holds its lock while it lives."""
        return self.data_dir.absolute() / "workers"
