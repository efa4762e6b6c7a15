"""The real server over HTTP, against what people serve models with today, and against an earlier checkout.

    python -m benchmarks.http [--rounds 9] [--seconds 3] [--tasks 16] [--dtype best] [--fronts N ...]
                             [--baseline PATH] [--litserve-python PATH] [--variants WORDS ...] [--json]
    python -m benchmarks.http --protocols [--clients 8] ...

`python -m server` with a random ResNet-34 and tasks of `workloads.resnet34` published in a real registry, next to
LitServe and to plain FastAPI that hold a full ResNet-34 a task (`peers`). h2load posts one 72 px JPEG a request, tasks
evenly; all on this machine, the generator included. Every server is a process tree of its own, kept off the processor
while another is measured.

First each peer's variants run once, and the fastest stands for it; of LitServe the fastest in float32 as well. Then
closed loops find each server's capacity: in every round all servers, so that ratios are paired. Then open loops send
our server a tenth, half, nine tenths and twice of its own. Percentiles are of a round's accepted requests; figures are
medians over rounds with their 95% interval. How the CPU overhead is measured is said in `overhead`.

`--dtype best` is int8 where the processor multiplies bytes; our server then runs in float32 as well. With
`--fronts 1 2` it is also run behind one and behind two front processes. With `--baseline PATH` an earlier
checkout's server (in the type that it finds best; its Python packages are ours) is a side as well, and both are
sent a tenth, half and nine tenths of *its* capacity: `git clone . /tmp/before && git -C /tmp/before checkout
ff9a409`.

With `--protocols` our server is compared with itself, asked by different protocols: see `protocols`.

The machine should be quiet; `cores_others_kept_busy` says whether it was. Where it cannot be, GOMP_SPINCOUNT=1000 in
the environment keeps OpenMP's threads from spinning for one that somebody else has put off the processor, on all sides.
"""

import argparse
import json
import resource
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.http import load, protocols, servers
from benchmarks.http.background_load import BackgroundLoad
from benchmarks.http.figures import BEFORE_LOADS, LOADS, Closed, figures, median, table
from benchmarks.http.load import Outcome, Target
from benchmarks.http.overhead import EngineAlone, overhead, spent
from benchmarks.http.servers import BEFORE, FASTAPI, LITSERVE, LITSERVE_FP32, OURS, OURS_FP32
from benchmarks.measuring import machine
from benchmarks.measuring.processes import Launch, Served, serving
from benchmarks.measuring.rounds import paired_rounds
from benchmarks.workloads.resnet34 import random_resnet34, tailored_bundles
from nettailor.bundle.bundle import Bundle
from nettailor.network.backbones import Backbone
from server.engine.engine import Engine
from server.kernels.device import open_device, precision
from server.kernels.int8 import why_not

SIDE = 72  # pixels


@dataclass(frozen=True, kw_only=True)
class Side:
    """A server under measurement."""

    served: Served
    target: Target

    def closed(self, args: argparse.Namespace) -> Outcome:
        """Leaves nothing behind for the next run to wait for."""
        outcome = load.closed_loop(self.target, clients=args.clients, seconds=args.seconds)
        servers.drain(self.target)
        return outcome

    def open(self, rps: float, seconds: float) -> Outcome:
        with self.served.awake():
            outcome = load.open_loop(self.target, rps=rps, seconds=seconds)
            servers.drain(self.target)
        return outcome


def closed_round(side: Side, args: argparse.Namespace) -> Closed:
    with side.served.awake():
        outcome = side.closed(args)
    return Closed(outcome=outcome)


def our_closed_round(side: Side, alone: EngineAlone, args: argparse.Namespace) -> Closed:
    with side.served.awake():
        before = spent(side.served)
        outcome = load.closed_loop(side.target, clients=args.clients, seconds=args.seconds)
        after = spent(side.served)
    return Closed(outcome=outcome, overhead=overhead(before, after, alone, args.seconds))


def fastest(variants: Mapping[str, Launch], folder: Path, body: Path, args: argparse.Namespace) -> dict[str, float]:
    """Requests a second of each variant, the fastest first."""
    speeds = {}
    for words, launch in variants.items():
        with serving(launch, folder) as served:
            side = Side(served=served, target=servers.target(served, args.tasks, body))
            servers.drain(side.target)  # its first requests warm it up
            speeds[words] = side.closed(args).accepted_rps
            _tell(f"{launch.name}, {words}: {speeds[words]:.1f} requests/s")
    return dict(sorted(speeds.items(), key=lambda item: -item[1]))


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """All figures, as the last line of JSON has them."""
    backbone = random_resnet34()
    device = open_device("cpu", args.dtype)
    args.dtype = precision(device)
    bundles = _bundles(backbone, args, ranges=device.int8)
    engine = Engine(backbone, device)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        body = folder / "image.jpg"
        body.write_bytes(servers.jpeg(SIDE))
        peers, speeds = fastest_peers(folder, body, args)
        running = {}
        for launch in [*_our_launches(stack, folder / "data", backbone, bundles, args), *peers]:
            served = stack.enter_context(serving(launch, folder))
            served.sleep()
            running[launch.name] = Side(served=served, target=servers.target(served, args.tasks, body))
        _tell(f"rounds of {', '.join(running)}")
        company = BackgroundLoad(side.served for side in running.values())
        closed = closed_rounds(running, EngineAlone(engine, bundles), args)
        _tell("capacities known, open loops")
        opened = open_rounds(running, closed, args)
        others = round(company.cores, 2)
    return figures(closed, opened) | {
        "variants": speeds,
        "cores_others_kept_busy": others,
        "machine": machine.describe(),
        "dtype": args.dtype,
        "rounds": args.rounds,
        "seconds": args.seconds,
        "tasks": args.tasks,
        "clients": args.clients,
    }


def fastest_peers(
    folder: Path, body: Path, args: argparse.Namespace
) -> tuple[list[Launch], dict[str, dict[str, float]]]:
    """What stands for each peer, and how fast each of its variants was."""
    dtypes = ["float32"] + (["bfloat16"] if machine.describe()["bf16_pays"] else [])
    variants = {
        LITSERVE: servers.litserve_variants(
            args.litserve_python, tasks=args.tasks, threads=args.threads, dtypes=dtypes
        ),
        FASTAPI: servers.fastapi_variants(tasks=args.tasks, threads=args.threads),
    }
    if args.variants:
        variants = {name: only(args.variants, name, own) for name, own in variants.items()}
    speeds = {name: fastest(own, folder, body, args) for name, own in variants.items()}
    chosen = [variants[name][next(iter(found))] for name, found in speeds.items()]
    plain = next((words for words in speeds[LITSERVE] if words.startswith("float32")), None)
    if plain is not None and plain != next(iter(speeds[LITSERVE])):
        chosen.append(replace(variants[LITSERVE][plain], name=LITSERVE_FP32))
    return chosen, speeds


def only(parts: Sequence[str], name: str, variants: Mapping[str, Launch]) -> dict[str, Launch]:
    """Those of a server whose words have any of these parts. Raises `SystemExit` if none has."""
    found = {words: launch for words, launch in variants.items() if any(part in words for part in parts)}
    if not found:
        raise SystemExit(f"--variants leaves none of {name}, which has: {'; '.join(variants)}")
    return found


def _our_launches(
    stack: ExitStack, data: Path, backbone: Backbone, bundles: Sequence[Bundle], args: argparse.Namespace
) -> Iterator[Launch]:
    """Our server in every way that is asked for, and the earlier checkout's."""
    settings = stack.enter_context(servers.published(data, bundles))
    ours = partial(servers.ours, settings, backbone, threads=args.threads)
    for fronts in (0, *args.fronts):
        yield ours(dtype=args.dtype, fronts=fronts)
    if args.dtype != "float32":
        yield ours(dtype="float32", name=OURS_FP32)
    if args.baseline is not None:
        plain = _bundles(backbone, args, ranges=False)
        before = stack.enter_context(servers.published_before(args.baseline, data.with_name("before"), plain))
        root = str(args.baseline)
        yield servers.ours(before, backbone, dtype="auto", threads=args.threads, name=BEFORE, root=root)


def _bundles(backbone: Backbone, args: argparse.Namespace, *, ranges: bool) -> list[Bundle]:
    return tailored_bundles(args.tasks, SIDE, activation_ranges=ranges, fingerprint=backbone.fingerprint())


def closed_rounds(running: Mapping[str, Side], alone: EngineAlone, args: argparse.Namespace) -> dict[str, list[Closed]]:
    """What a request costs beyond the engine is measured of our own server in its fastest type."""

    def run(name: str, side: Side) -> Closed:
        is_ours = name in map(servers.behind, (0, *args.fronts))
        return our_closed_round(side, alone, args) if is_ours else closed_round(side, args)

    return paired_rounds({name: partial(run, name, side) for name, side in running.items()}, args.rounds)


def open_rounds(
    running: Mapping[str, Side], closed: Mapping[str, Sequence[Closed]], args: argparse.Namespace
) -> dict[str, dict[str, list[Outcome]]]:
    """By server, then by load: ours at its own capacity, and beside the earlier one at that one's."""
    capacity = {name: median([one.outcome for one in rounds], "accepted_rps") for name, rounds in closed.items()}
    rates = {
        (name, load_): share * capacity[name]
        for name in map(servers.behind, (0, *args.fronts))
        for load_, share in LOADS.items()
    }
    if BEFORE in running:
        rates |= {
            (name, load_): share * capacity[BEFORE] for name in (OURS, BEFORE) for load_, share in BEFORE_LOADS.items()
        }
    runs = {key: partial(running[key[0]].open, rps, args.seconds) for key, rps in rates.items()}
    values = paired_rounds(runs, args.rounds, warm_up=False)
    return {name: {load_: values[name, load_] for other, load_ in values if other == name} for name, _ in values}


def _tell(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)


def _allow_many_connections() -> None:
    """An open loop at twice capacity takes more of them than many a shell's limit; children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=3.0, help="of every run in a round")
    parser.add_argument("--clients", type=int, default=128, help="connections of the closed loop")
    parser.add_argument("--fronts", type=int, nargs="*", default=[], help="of our server; each a side of its own")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads of every server")
    parser.add_argument("--dtype", choices=["best", "auto", "float32", "bfloat16", "int8"], default="best")
    parser.add_argument("--baseline", type=Path, metavar="PATH", help="an earlier checkout, whose server is a side too")
    parser.add_argument(
        "--variants", nargs="+", default=[], metavar="WORDS", help="only peers' variants with such words"
    )
    parser.add_argument("--litserve-python", default=sys.executable, help="an interpreter that has litserve")
    parser.add_argument("--protocols", action="store_true", help="only how our server is asked, native and otherwise")
    parser.add_argument("--json", action="store_true", help="only the line of JSON on stdout; the table on stderr")
    args = parser.parse_args(arguments)
    if args.dtype == "best":
        args.dtype = "auto" if args.protocols or why_not() is not None else "int8"
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    args = _parsed(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # not without ending the servers
    load.check_generator()
    _allow_many_connections()
    torch.set_num_threads(args.threads)
    found = protocols.measured(args) if args.protocols else measured(args)
    lines = protocols.table(found) if args.protocols else table(found)
    print("\n".join(lines), file=sys.stderr if args.json else sys.stdout)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
