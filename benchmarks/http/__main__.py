"""The real server over HTTP, against what people serve models with today.

    python -m benchmarks.http [--rounds 9] [--seconds 3] [--tasks 16] [--fronts N ...]
                             [--litserve-python PATH] [--json]
    python -m benchmarks.http --protocols [--clients 8] ...

`python -m server` with a random ResNet-34 and tasks of `tasks34` published in a real registry, next to LitServe and to
plain FastAPI that hold a full ResNet-34 a task (`peers`). h2load posts one 72 px JPEG a request, tasks evenly; all on
this machine, the generator included. Every server is a process tree of its own, kept off the processor while another
is measured.

First each peer's variants run once, and the fastest stands for it. Then closed loops find each server's capacity: in
every round all servers, so that ratios are paired. Then open loops send half of that, nine tenths, and twice as much.
Percentiles are of a round's accepted requests; figures are medians over rounds with their 95% interval. How the CPU
overhead is measured is said in `overhead`.

With `--fronts 1 2` our server is also run behind one and behind two front processes, in the same rounds.

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
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.http import load, protocols, servers
from benchmarks.http.background_load import BackgroundLoad
from benchmarks.http.load import Outcome, Target
from benchmarks.http.overhead import EngineAlone, Overhead, overhead, spent
from benchmarks.http.servers import FASTAPI, LITSERVE, OURS, is_ours
from benchmarks.measuring import machine
from benchmarks.measuring.processes import Launch, Served, serving
from benchmarks.measuring.ratios import Ratio, over_rounds, paired_ratio
from benchmarks.measuring.rounds import paired_rounds
from benchmarks.workloads.resnet34 import random_resnet34, tailored_bundles
from server.engine.engine import Engine
from server.kernels.device import open_device

SIDE = 72  # pixels
LOADS = {"half": 0.5, "ninety": 0.9, "twice": 2.0}  # of capacity
AT_LEAST = {"rps_vs_litserve": 3.0}
AT_MOST = {"overhead_cpu_ms": 1.5}


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


@dataclass(frozen=True, kw_only=True)
class Closed:
    """A closed loop's round of one server; what it costs beyond the engine is known of ours only."""

    outcome: Outcome
    overhead: Overhead | None = None


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
    bundles = tailored_bundles(args.tasks, SIDE, fingerprint=backbone.fingerprint())
    engine = Engine(backbone, open_device("cpu", args.dtype), measures=True)
    peers = {
        LITSERVE: servers.litserve_variants(args.litserve_python, tasks=args.tasks, threads=args.threads),
        FASTAPI: servers.fastapi_variants(tasks=args.tasks, threads=args.threads),
    }
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        body = folder / "image.jpg"
        body.write_bytes(servers.jpeg(SIDE))
        speeds = {name: fastest(variants, folder, body, args) for name, variants in peers.items()}
        chosen = {name: next(iter(found)) for name, found in speeds.items()}
        settings = stack.enter_context(servers.published(folder / "data", bundles))
        launches = [
            servers.ours(settings, backbone, dtype=args.dtype, threads=args.threads, fronts=fronts)
            for fronts in (0, *args.fronts)
        ]
        launches += [peers[name][words] for name, words in chosen.items()]
        running = {}
        for launch in launches:
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
        "dtype": str(engine.device.dtype).removeprefix("torch."),
        "rounds": args.rounds,
        "seconds": args.seconds,
        "tasks": args.tasks,
        "clients": args.clients,
    }


def closed_rounds(running: Mapping[str, Side], alone: EngineAlone, args: argparse.Namespace) -> dict[str, list[Closed]]:
    def run(side: Side) -> Closed:
        return our_closed_round(side, alone, args) if is_ours(side.served.name) else closed_round(side, args)

    return paired_rounds({name: partial(run, side) for name, side in running.items()}, args.rounds)


def open_rounds(
    running: Mapping[str, Side], closed: Mapping[str, Sequence[Closed]], args: argparse.Namespace
) -> dict[str, dict[str, list[Outcome]]]:
    """By server, then by load."""
    capacity = {name: _median(rounds, "accepted_rps") for name, rounds in _outcomes(closed).items()}
    runs = {
        (name, load_): partial(side.open, share * capacity[name], args.seconds)
        for name, side in running.items()
        for load_, share in LOADS.items()
    }
    values = paired_rounds(runs, args.rounds, warm_up=False)
    return {name: {load_: values[name, load_] for load_ in LOADS} for name in running}


def figures(
    closed: Mapping[str, Sequence[Closed]], opened: Mapping[str, Mapping[str, Sequence[Outcome]]]
) -> dict[str, Any]:
    rps = {name: [outcome.accepted_rps for outcome in rounds] for name, rounds in _outcomes(closed).items()}
    ratios = {
        "rps_vs_litserve": paired_ratio(rps[OURS], rps[LITSERVE]),
        "rps_vs_fastapi": paired_ratio(rps[OURS], rps[FASTAPI]),
        **_ours(closed[OURS], opened[OURS]),
    }
    for name in closed:
        if is_ours(name) and name != OURS:
            fronts = name.partition("=")[2]
            own = _ours(closed[name], opened[name]) | {
                "rps_vs_litserve": paired_ratio(rps[name], rps[LITSERVE]),
                "rps_vs_one_process": paired_ratio(rps[name], rps[OURS]),
            }
            ratios |= {f"fronts{fronts}_{key}": ratio for key, ratio in own.items()}
    return {key: round(ratio.median, 3) for key, ratio in ratios.items()} | {
        "intervals": {key: [round(ratio.low, 3), round(ratio.high, 3)] for key, ratio in ratios.items()},
        "requests_per_second": {name: round(over_rounds(values).median, 1) for name, values in rps.items()},
        "open_loop": {
            name: {load_: _combined(rounds) for load_, rounds in loads.items()} for name, loads in opened.items()
        },
    }


def _ours(closed: Sequence[Closed], opened: Mapping[str, Sequence[Outcome]]) -> dict[str, Ratio]:
    overheads = [one.overhead for one in closed if one.overhead is not None]
    found = {
        "overhead_cpu_ms": over_rounds([each.beyond_engine_ms for each in overheads]),
        "server_cpu_ms": over_rounds([each.server_ms for each in overheads]),
        "engine_cpu_ms": over_rounds([each.engine_ms for each in overheads]),
        "batch": over_rounds([each.batch for each in overheads]),
    }
    for load_, rounds in opened.items():
        found[f"p50_ms_at_{load_}"] = over_rounds([outcome.p50_ms for outcome in rounds])
        found[f"p99_ms_at_{load_}"] = over_rounds([outcome.p99_ms for outcome in rounds])
    return found


def table(found: Mapping[str, Any]) -> list[str]:
    lines = [f"{found['tasks']} tasks, {SIDE} px JPEGs, ResNet-34, {found['dtype']}, {found['rounds']} rounds"]
    for key, (low, high) in found["intervals"].items():
        lines.append(f"  {key:26} {found[key]:8.2f} ({low:.2f} to {high:.2f}) {_verdict(key, found[key])}")
    lines.append(f"{'':20} {'load':8} {'sent/s':>8} {'200/s':>8} {'429':>6} {'failed':>6} {'p50 ms':>8} {'p99 ms':>8}")
    for name, loads in found["open_loop"].items():
        lines.append(f"{name:20} {'closed':8} {'':8} {found['requests_per_second'][name]:8.1f}")
        for load_, at in loads.items():
            lines.append(
                f"{'':20} {load_:8} {at['sent_rps']:8.1f} {at['accepted_rps']:8.1f} {at['refused']:6} {at['failed']:6} "
                f"{at['p50_ms']:8.1f} {at['p99_ms']:8.1f}"
            )
    lines.append(f"others kept {found['cores_others_kept_busy']:.2f} cores busy meanwhile")
    for name, speeds in found["variants"].items():
        lines += [f"{name}, {words}: {speed:.1f} requests/s" for words, speed in speeds.items()]
    return lines


def _combined(rounds: Sequence[Outcome]) -> dict[str, float]:
    """Counts of all rounds, medians of the rest."""
    counts = {key: sum(asdict(outcome)[key] for outcome in rounds) for key in ("accepted", "refused", "failed")}
    rest = ("sent_rps", "accepted_rps", "p50_ms", "p99_ms")
    return counts | {key: round(_median(rounds, key), 2) for key in rest}


def _outcomes(closed: Mapping[str, Sequence[Closed]]) -> dict[str, list[Outcome]]:
    return {name: [one.outcome for one in rounds] for name, rounds in closed.items()}


def _median(rounds: Sequence[Outcome], figure: str) -> float:
    return over_rounds([getattr(outcome, figure) for outcome in rounds]).median


def _verdict(key: str, value: float) -> str:
    if key in AT_LEAST:
        return f"goal >= {AT_LEAST[key]:g}: {'met' if value >= AT_LEAST[key] else 'MISSED'}"
    if key in AT_MOST:
        return f"goal <= {AT_MOST[key]:g}: {'met' if value <= AT_MOST[key] else 'MISSED'}"
    return ""


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
    parser.add_argument("--dtype", choices=["auto", "float32", "bfloat16"], default="auto", help="of our own server")
    parser.add_argument("--litserve-python", default=sys.executable, help="an interpreter that has litserve")
    parser.add_argument("--protocols", action="store_true", help="only how our server is asked, native and otherwise")
    parser.add_argument("--json", action="store_true", help="only the line of JSON on stdout; the table on stderr")
    return parser.parse_args(arguments)


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
