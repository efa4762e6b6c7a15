"""The server's settings, from the environment (`NETTAILOR_DEVICE`, ...)."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from hosting.settings.settings import Settings

MIB = 2**20
GIB = 2**30


class ServerSettings(Settings):
    backbone_weights: Path | None = Field(default=None, description="local file instead of the shipped weights")
    backbones_max: int = Field(default=4, ge=1, description="backbones in memory, the service's own among them")
    backbones_budget_bytes: int = Field(default=2 * GIB, ge=0, description="of all of them together, on the device")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="auto: CUDA where there is one")
    dtype: Literal["auto", "float32", "bfloat16", "float16", "int8"] = Field(
        default="auto",
        description="of weights and activations; auto: float32 on CPU, bfloat16 on CUDA; int8 (CPU alone): of tasks "
        "whose bundles have activation ranges, the others' in float32",
    )
    engine_threads: int = Field(default=0, ge=0, description="threads of one forward pass on CPU; 0: torch's choice")

    winograd: bool = Field(
        default=True,
        description="on CPU in float32: keep shared weights a second time, transformed (up to 5.4 times their bytes), "
        "where that is measured to be faster; AVX-512 only",
    )

    cuda_slots: int = Field(
        default=0,
        ge=0,
        le=1023,
        description="on CUDA in bfloat16: tasks of a backbone that a batch multiplies at once, others run one after "
        "another; their memory is taken at the start. 0: none, until `make gpu-check` has passed on your GPU",
    )
    cuda_graphs: Literal["off", "blocks", "pass"] = Field(
        default="pass",
        description="what of the tasks in slots is recorded as CUDA graphs: each shared block, or the whole pass, "
        "which then runs every block for every image",
    )

    device_budget_bytes: int = Field(default=GIB, ge=0, description="of bundles on the device")
    host_budget_bytes: int = Field(default=2 * GIB, ge=0, description="of bundles in host memory; no such tier on CPU")
    disk_budget_bytes: int = Field(default=16 * GIB, ge=0, description="of bundle files in the cache folder")
    cache_dir: Path | None = Field(default=None, description="the disk tier; data_dir/cache by default")
    pinned_tasks: frozenset[str] = Field(default=frozenset(), description="tasks whose live version never leaves")
    task_weights: dict[str, float] = Field(
        default_factory=dict, description="share of the engine and of the tiers, by task; 1 for others"
    )
    load_threads: int = Field(default=4, ge=1, description="bundles that are loaded at once")

    max_batch: int = Field(default=64, ge=1, description="predictions in one forward pass")
    max_wait_ms: float = Field(default=0.0, ge=0, description="how long an image waits for company on an idle engine")
    queue_bound: int = Field(default=512, ge=1, description="predictions under way before 429")
    queue_bound_per_task: int = Field(default=256, ge=1, description="the same for one task")
    queue_bound_ms: float = Field(
        default=250.0, gt=0, description="of the engine's time that may be under way before 429; at least two batches"
    )
    request_timeout_ms: int = Field(default=30_000, ge=1, description="for requests that name no timeout")

    max_body_bytes: int = Field(default=32 * MIB, ge=1, description="of a request")
    max_images: int = Field(default=64, ge=1, description="images in a request")
    max_tasks: int = Field(default=64, ge=1, description="tasks in one request to /predict")
    max_pixels: int = Field(default=40_000_000, ge=1, description="of an image, before it is resized")
    max_request_pixels: int = Field(
        default=240_000_000, ge=1, description="of all images of a request together, before they are resized"
    )
    pixel_bound: int = Field(
        default=480_000_000, ge=1, description="pixels of images that wait to be decoded before 429; small ones apart"
    )
    decode_pixels: int = Field(
        default=48_000_000,
        ge=1,
        description="pixels of the images that are decoded at once, each up to 26 bytes; a larger image is alone then",
    )
    decode_threads: int = Field(default=2, ge=1, description="images that are decoded at once")

    fronts: int = Field(
        default=0,
        ge=0,
        le=64,
        description="processes that take requests and decode, before the one of the engine; 0: one process does all",
    )
    front_pool_bytes: int = Field(
        default=256 * MIB,
        ge=4096,
        description="of the decoded images of one front's requests under way; memory is taken only as it is needed",
    )

    grpc_port: int = Field(
        default=0, ge=0, le=65535, description="port to listen on for gRPC (extra `grpc`); 0: there is no gRPC"
    )
    grpc_max_calls: int = Field(
        default=512, ge=1, description="gRPC calls and streams under way at once; more get RESOURCE_EXHAUSTED"
    )

    export_seconds: float = Field(default=300.0, gt=0, description="for one export, then it is given up")

    reconcile_seconds: float = Field(default=30.0, gt=0, description="between full comparisons with the registry")

    @property
    def cache_folder(self) -> Path:
        return self.cache_dir or self.data_dir.absolute() / "cache"
