"""The servers that `benchmarks.http` compares, and how each is started."""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from PIL import Image
from safetensors.torch import save_file

from benchmarks.http.load import Target
from benchmarks.measuring.processes import Launch, Served
from benchmarks.workloads.resnet34 import BACKBONE
from hosting.settings.settings import Settings
from nettailor.bundle.bundle import Bundle, encode
from nettailor.network.backbones import Backbone
from registry.wiring import open_registry, redis_service

OURS = "NetTailor"
LITSERVE = "LitServe"
FASTAPI = "FastAPI"

_DRAIN_S = 600.0  # a server that has accepted everything at twice its capacity has much to do
_ROOT = str(Path(__file__).parents[2])


@contextmanager
def published(folder: Path, bundles: Sequence[Bundle]) -> Iterator[Settings]:
    """A registry in `folder` where every bundle is live."""
    settings = Settings(data_dir=folder, redis_url=None, blobs_url=None)
    with redis_service(settings) as url, open_registry(settings, url) as registry:
        registry.reconcile()
        for bundle in bundles:
            task = bundle.manifest.task
            record = registry.publish(task, encode(bundle.manifest, bundle.tensors), actor="benchmark")
            registry.promote(task, "live", record.version, actor="benchmark", reason="benchmark")
        yield settings.model_copy(update={"redis_url": url})


def behind(fronts: int) -> str:
    """The name of our server behind so many fronts."""
    return f"{OURS}, fronts={fronts}" if fronts else OURS


def is_ours(name: str) -> bool:
    return name.startswith(OURS)


def ours(
    settings: Settings, backbone: Backbone, *, dtype: str, threads: int, grpc_port: int = 0, fronts: int = 0
) -> Launch:
    """`python -m server`, as anybody would start it; with gRPC if it has a port, behind as many fronts as that says."""
    weights = settings.data_dir / "backbone.safetensors"
    save_file(backbone.state_dict(), weights)
    environment = {
        "NETTAILOR_DATA_DIR": str(settings.data_dir),
        "NETTAILOR_REDIS_URL": str(settings.redis_url),
        "NETTAILOR_BACKBONE": BACKBONE,
        "NETTAILOR_BACKBONE_WEIGHTS": str(weights),
        "NETTAILOR_DEVICE": "cpu",
        "NETTAILOR_DTYPE": dtype,
        "NETTAILOR_ENGINE_THREADS": str(threads),
        "NETTAILOR_PORT": "{port}",
        "NETTAILOR_GRPC_PORT": str(grpc_port),
        "NETTAILOR_FRONTS": str(fronts),
        "NETTAILOR_MAX_CONNECTIONS": "60000",  # the load comes from one address, over a connection a waiting request
        "NETTAILOR_MAX_CONNECTIONS_PER_ADDRESS": "0",
    }
    return _python(behind(fronts), sys.executable, "server", [], ready="/readyz", environment=environment)


def litserve_variants(python: str, *, tasks: int, threads: int) -> dict[str, Launch]:
    """Its own batching off and on, in one worker with all threads or a worker a thread; by description."""
    found = {}
    for batch in (1, 32, 64):
        for workers in {1, threads}:
            words = f"batches of {batch}" if batch > 1 else "no batching"
            options = {"batch": batch, "workers": workers, "threads": threads // workers, "tasks": tasks}
            found[f"{words}, workers={workers}"] = _peer(LITSERVE, python, "litserve_app", options)
    return found


def fastapi_variants(*, tasks: int, threads: int) -> dict[str, Launch]:
    """One forward pass at a time with all threads, or as many as threads; by description."""
    return {
        f"forward passes at once={callers}": _peer(
            FASTAPI, sys.executable, "fastapi_app", {"callers": callers, "threads": threads // callers, "tasks": tasks}
        )
        for callers in {1, threads}
    }


def target(served: Served, tasks: int, body: Path) -> Target:
    return Target(addresses=[f"{served.url}/tasks/task-{i}/predict" for i in range(tasks)], bodies=[body] * tasks)


def jpeg(side: int) -> bytes:
    """A photograph's share of detail: smooth noise, the same in every run."""
    coarse = np.random.default_rng(0).integers(0, 256, (side // 8, side // 8, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def drain(target: Target) -> None:
    """Wait until the server has nothing left to do for clients that are gone: a request a task in turn, which are
    answered after what came before them."""
    with httpx.Client(timeout=_DRAIN_S) as client:
        for address, body in zip(target.addresses, target.bodies, strict=True):
            client.post(address, content=body.read_bytes(), headers={"content-type": "image/jpeg"})


def _peer(name: str, python: str, module: str, options: dict[str, int]) -> Launch:
    arguments = [f"--{option}={value}" for option, value in options.items()]
    return _python(name, python, f"benchmarks.peers.{module}", ["--port={port}", *arguments], ready="/health")


def _python(
    name: str,
    python: str,
    module: str,
    arguments: Sequence[str],
    *,
    ready: str,
    environment: dict[str, str] | None = None,
) -> Launch:
    path = os.pathsep.join(part for part in (_ROOT, os.environ.get("PYTHONPATH")) if part)
    return Launch(
        name=name,
        command=[python, "-m", module, *arguments],
        ready=ready,
        environment={"PYTHONPATH": path} | (environment or {}),
    )
