"""One server asked for the same JPEG by different protocols, in `benchmarks.http --protocols`.

The native route, the Open Inference Protocol over REST as tritonclient sends it (binary data both ways), and the same
over gRPC, in paired rounds of closed loops. What counts is what a request costs the server in CPU, and how long it
takes. h2load sees the status of HTTP only, which is 200 for every call of gRPC: that all images were answered is
checked by the server's own count.
"""

import argparse
import json
import struct
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.http import load, servers
from benchmarks.http.load import Target
from benchmarks.http.overhead import spent
from benchmarks.measuring import machine
from benchmarks.measuring.processes import Served, free_port, serving
from benchmarks.measuring.ratios import over_rounds, paired_ratio
from benchmarks.measuring.rounds import paired_rounds
from benchmarks.workloads.resnet34 import random_resnet34, tailored_bundles
from server.open_inference.datatypes import joined_elements

NATIVE, REST, GRPC = "native", "rest", "grpc"
AT_MOST = {"rest_cpu_vs_native": 1.05, "rest_p50_vs_native": 1.05, "grpc_cpu_vs_rest": 1.0, "grpc_p50_vs_rest": 1.0}

_SIDE = 72  # pixels


class AnswersMissing(SystemExit):
    """Told as one line."""

    def __init__(self, name: str, sent: int, answered: float) -> None:
        super().__init__(f"{name}: of {sent} images that were accepted, the server ran {answered:g}")


@dataclass(frozen=True, kw_only=True)
class Round:
    cpu_ms: float  # of the server, a request
    p50_ms: float
    rps: float


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """All figures, as the last line of JSON has them."""
    backbone = random_resnet34()
    bundles = tailored_bundles(args.tasks, _SIDE, fingerprint=backbone.fingerprint())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = stack.enter_context(servers.published(folder / "data", bundles))
        grpc_port = free_port()
        launch = servers.ours(settings, backbone, dtype=args.dtype, threads=args.threads, grpc_port=grpc_port)
        served = stack.enter_context(serving(launch, folder))
        targets = targets_of(served.url, f"http://127.0.0.1:{grpc_port}", folder, args.tasks)
        servers.drain(targets[NATIVE])  # its first requests warm it up
        sides = {name: partial(_round, name, served, target, args) for name, target in targets.items()}
        rounds = paired_rounds(sides, args.rounds)
    return figures(rounds) | {
        "machine": machine.describe(),
        "rounds": args.rounds,
        "seconds": args.seconds,
        "tasks": args.tasks,
        "clients": args.clients,
    }


def targets_of(url: str, grpc_url: str, folder: Path, tasks: int) -> dict[str, Target]:
    """The same image for the same tasks by each protocol."""
    image = servers.jpeg(_SIDE)
    names = [f"task-{index}" for index in range(tasks)]
    body, header = _rest_body(image)
    return {
        NATIVE: Target(
            addresses=[f"{url}/tasks/{name}/predict" for name in names],
            bodies=[_written(folder / "image.jpg", image)] * tasks,
        ),
        REST: Target(
            addresses=[f"{url}/v2/models/{name}/infer" for name in names],
            bodies=[_written(folder / "rest.bin", body)] * tasks,
            options=("--h1", f"--header=inference-header-content-length: {header}"),
        ),
        GRPC: Target(
            addresses=[f"{grpc_url}/inference.GRPCInferenceService/ModelInfer"] * tasks,
            bodies=[_written(folder / f"{name}.bin", _grpc_body(name, image)) for name in names],
            options=("--header=content-type: application/grpc", "--header=te: trailers"),
        ),
    }


def figures(rounds: Mapping[str, Sequence[Round]]) -> dict[str, Any]:
    """Ratios, and what they are made of, with intervals."""
    found = {}
    for name, other in ((REST, NATIVE), (GRPC, REST)):
        for part in ("cpu", "p50"):
            ours, theirs = ([getattr(one, f"{part}_ms") for one in rounds[side]] for side in (name, other))
            found[f"{name}_{part}_vs_{other}"] = paired_ratio(ours, theirs)
    for name, values in rounds.items():
        found[f"{name}_cpu_ms"] = over_rounds([one.cpu_ms for one in values])
        found[f"{name}_p50_ms"] = over_rounds([one.p50_ms for one in values])
        found[f"{name}_rps"] = over_rounds([one.rps for one in values])
    return {key: round(ratio.median, 3) for key, ratio in found.items()} | {
        "intervals": {key: [round(ratio.low, 3), round(ratio.high, 3)] for key, ratio in found.items()}
    }


def table(found: Mapping[str, Any]) -> list[str]:
    lines = [f"{found['tasks']} tasks, {_SIDE} px JPEGs, {found['clients']} clients, {found['rounds']} rounds"]
    for key, (low, high) in found["intervals"].items():
        verdict = ""
        if key in AT_MOST:
            verdict = f"goal <= {AT_MOST[key]:g}: {'met' if found[key] <= AT_MOST[key] else 'MISSED'}"
        lines.append(f"  {key:20} {found[key]:8.3f} ({low:.3f} to {high:.3f}) {verdict}".rstrip())
    return lines


def _round(name: str, served: Served, target: Target, args: argparse.Namespace) -> Round:
    before = spent(served)
    outcome = load.closed_loop(target, clients=args.clients, seconds=args.seconds)
    after = spent(served)
    images = after.images - before.images
    if images < outcome.accepted or outcome.failed:
        raise AnswersMissing(name, outcome.accepted, images)
    cpu_ms = 1000 * (after.cpu_s - before.cpu_s) / images
    return Round(cpu_ms=cpu_ms, p50_ms=outcome.p50_ms, rps=outcome.accepted_rps)


def _rest_body(image: bytes) -> tuple[bytes, int]:
    """As tritonclient sends it, and how many of its bytes are JSON."""
    data = joined_elements([image])
    size = {"binary_data_size": len(data)}
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "parameters": size}
    header = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return header + data, len(header)


def _grpc_body(name: str, image: bytes) -> bytes:
    """A message with its frame: not compressed, and its length."""
    from server.grpc.messages.protocol import protocol  # needs protobuf, which is in an extra

    message = protocol().methods["ModelInfer"].request(model_name=name)
    message.inputs.add(name="image", datatype="BYTES", shape=[1])
    message.raw_input_contents.append(joined_elements([image]))
    encoded = message.SerializeToString()
    return b"\0" + struct.pack(">I", len(encoded)) + bytes(encoded)


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
