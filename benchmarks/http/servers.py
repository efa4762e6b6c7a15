"""The servers that `benchmarks.http` compares, and how each is started."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
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

OURS = "NetTailor"  # in its fastest type
OURS_FP32 = "NetTailor, float32"
BEFORE = "NetTailor before"
LITSERVE = "LitServe"  # in its fastest type
LITSERVE_FP32 = "LitServe, float32"
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


@contextmanager
def published_before(checkout: Path, folder: Path, bundles: Sequence[Bundle]) -> Iterator[Settings]:
    """As `published`, by the code of an earlier checkout."""
    folder.mkdir()
    for bundle in bundles:
        (folder / f"{bundle.manifest.task}.bundle").write_bytes(encode(bundle.manifest, bundle.tensors))
    script = Path(__file__).with_name("earlier.py")
    # -P: what lies beside the script is this checkout's.
    command = [sys.executable, "-P", str(script), str(folder)]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=checkout, env=environment
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        url = running.stdout.readline().strip()
        try:
            yield Settings(data_dir=folder / "data", redis_url=url, blobs_url=None)
        finally:
            running.stdin.close()


def behind(fronts: int) -> str:
    """The name of our server behind so many fronts."""
    return f"{OURS}, fronts={fronts}" if fronts else OURS


def ours(
    settings: Settings,
    backbone: Backbone,
    *,
    dtype: str,
    threads: int,
    grpc_port: int = 0,
    fronts: int = 0,
    name: str = "",
    root: str = _ROOT,
) -> Launch:
    """`python -m server` of the checkout at `root`, as anybody would start it; with gRPC if it has a port, behind so
    many fronts."""
    weights = settings.data_dir / "backbone.safetensors"
    save_file(backbone.state_dict(), weights)
    environment = {
        "PYTHONSAFEPATH": "1",  # or `python -m`, here and in what it starts, would look into the folder we are in first
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
    python = [sys.executable, "-m", "server"]
    return _launch(name or behind(fronts), python, ready="/readyz", environment=environment, root=root)


def litserve_variants(python: str, *, tasks: int, threads: int, dtypes: Sequence[str]) -> dict[str, Launch]:
    """Its own batching off and on, in one worker with all threads or a worker a thread, in every type; by words."""
    found = {}
    for dtype in dtypes:
        for batch in (1, 32, 64):
            for workers in {1, threads}:
                words = f"batches of {batch}" if batch > 1 else "no batching"
                options = {"batch": batch, "workers": workers, "threads": threads // workers, "tasks": tasks}
                launch = _peer(LITSERVE, python, "litserve_app", options | {"dtype": dtype})
                found[f"{dtype}, {words}, workers={workers}"] = launch
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


def _peer(name: str, python: str, module: str, options: Mapping[str, int | str]) -> Launch:
    arguments = [f"--{option}={value}" for option, value in options.items()]
    command = [python, "-m", f"benchmarks.peers.{module}", "--port={port}", *arguments]
    return _launch(name, command, ready="/health", environment={})


def _launch(
    name: str, command: Sequence[str], *, ready: str, environment: Mapping[str, str], root: str = _ROOT
) -> Launch:
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part)
    return Launch(name=name, command=command, ready=ready, environment={"PYTHONPATH": path, **environment})
