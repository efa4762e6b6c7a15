"""How many replicas there are, what each takes of the cluster, and how requests find them."""

import sys
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class Scaling(BaseSettings):
    """How the application is laid out.

    From the environment (`NETTAILOR_RAY_REPLICAS`, ...), from `serve run deploy.ray:app replicas=4`, or from the
    command line of `python -m deploy.ray`. Malformed settings raise.
    """

    model_config = SettingsConfigDict(
        env_prefix="NETTAILOR_RAY_",
        frozen=True,
        extra="forbid",
        cli_kebab_case=True,
        cli_prog_name="python -m deploy.ray",
    )

    replicas: int = Field(default=2, ge=1, description="replicas of the engine; with max_replicas, the fewest")
    max_replicas: int | None = Field(
        default=None, ge=1, description="scale up to so many; without it their number is fixed"
    )
    target_ongoing_requests: float = Field(
        default=32, gt=0, description="requests a replica should have under way; more scale up, fewer down"
    )
    upscale_delay_s: float = Field(default=30, ge=0, description="how long more are wanted before they are started")
    downscale_delay_s: float = Field(default=600, ge=0, description="how long fewer would do before one is drained")

    max_ongoing_requests: int = Field(
        default=64, ge=1, description="requests a replica is given at once; what is beyond goes to another replica"
    )
    max_queued_requests: int = Field(
        default=1024, ge=1, description="requests that may wait in one ingress for a replica before 429"
    )

    num_cpus: float = Field(
        default=1, ge=0, description="of the cluster's CPUs for a replica, and threads of its engine"
    )
    num_gpus: float = Field(default=0, ge=0, description="of the cluster's GPUs for a replica")
    replica_resources: dict[str, float] = Field(
        default_factory=dict, description="custom resources of the nodes that replicas run on"
    )
    ingresses: int = Field(default=2, ge=1, description="processes that read requests and pass them on")
    ingress_resources: dict[str, float] = Field(
        default_factory=dict, description="custom resources of the nodes that ingresses run on"
    )

    routing: Literal["residency", "any"] = Field(
        default="residency",
        description="residency: to a replica that holds the task; any: Ray's own choice, for comparison",
    )
    advertise_s: float = Field(default=1, gt=0, description="how often replicas tell which tasks they hold")
    attempts: int = Field(default=4, ge=1, description="times a request is tried while replicas go away with it")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_replicas is not None and self.max_replicas < self.replicas:
            raise ValueError(f"max_replicas is {self.max_replicas}, replicas is {self.replicas}")
        return self

    @classmethod
    def of_command_line(cls) -> Self:
        """Told in one line on standard error if it is malformed. Raises `SystemExit`."""
        try:
            return cls(_cli_parse_args=True)
        except ValidationError as error:
            sys.exit(f"error: {'; '.join(map(_reason, error.errors(include_url=False)))}")
        except SettingsError as error:  # a value that should be JSON
            sys.exit(f"error: {error}: {error.__cause__}")


def _reason(fault: "ErrorDetails") -> str:
    place = ".".join(map(str, fault["loc"]))
    return f"{place}: {fault['msg']}, not {fault['input']!r}" if place else fault["msg"]
