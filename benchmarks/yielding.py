"""How fast a tailoring trains beside a process that keeps one core busy, and what it costs it to yield when alone.

    python -m benchmarks.yielding [--backbone mini26] [--side 32] [--threads 2] [--rounds 9] [--seconds 3] [--json]

Steps a second of plain fine-tuning, batches of 32, in processes that are niced as jobs are: with OpenMP's own patience
with threads that wait for the processor, and with a job's (`trainer.workers.job_environment`); alone, and beside one
process of normal priority that computes without a pause, as a server does that has requests all the time. Every side
once a round. The machine has to be quiet, and a job has to have as many threads as there are cores.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.measuring import machine
from benchmarks.measuring.ratios import Ratio, paired_ratio
from benchmarks.measuring.rounds import paired_rounds, rate
from nettailor.network.backbones import build_backbone, channels_last
from trainer.settings import Settings
from trainer.workers.job_environment import PATIENCE_IS_SET_BY, job_environment

Side = tuple[str, str]  # whose patience, and beside what
Rates = Mapping[Side, Sequence[float]]

_BATCH = 32
_OWN, _JOB = "OpenMP's own", "a job's"
_ALONE, _BESIDE = "alone", "beside a busy process"


def measured(args: argparse.Namespace) -> Rates:
    """Steps a second by side, one value a round."""
    own = {name: value for name, value in os.environ.items() if name not in PATIENCE_IS_SET_BY}
    environments = {_OWN: own, _JOB: job_environment(own)}
    sides = {
        (whose, where): partial(_in_a_process, args, environment, is_beside=where == _BESIDE)
        for whose, environment in environments.items()
        for where in (_ALONE, _BESIDE)
    }
    return paired_rounds(sides, args.rounds, warm_up=False)


def _in_a_process(args: argparse.Namespace, environment: Mapping[str, str], *, is_beside: bool) -> float:
    options = [f"--{name}={getattr(args, name)}" for name in ("backbone", "side", "threads", "seconds")]
    command = [sys.executable, "-m", "benchmarks.yielding", "--measure", *options]
    with _busy() if is_beside else contextlib.nullcontext():
        return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


@contextlib.contextmanager
def _busy() -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def steps_a_second(args: argparse.Namespace) -> float:
    """In this process, which is a job from now on."""
    os.nice(Settings.model_fields["job_niceness"].default)
    torch.set_num_threads(args.threads)
    network = channels_last(build_backbone(args.backbone)).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-4)
    images = torch.randn(_BATCH, 3, args.side, args.side).contiguous(memory_format=torch.channels_last)

    def step() -> None:
        optimizer.zero_grad()
        network(images).square().mean().backward()
        optimizer.step()

    step()
    return rate(step, 1, args.seconds)


def figures(rates: Rates) -> dict[str, Any]:
    """The JSON line."""
    return {
        "job_vs_own_beside": _ratio(rates, _BESIDE).median,
        "job_vs_own_alone": _ratio(rates, _ALONE).median,
        "steps_a_second": {f"{whose}, {where}": statistics.median(own) for (whose, where), own in rates.items()},
        "machine": machine.describe(),
    }


def _ratio(rates: Rates, where: str) -> Ratio:
    return paired_ratio(rates[_JOB, where], rates[_OWN, where])


def table(rates: Rates) -> Table:
    shown = Table("", _OWN, _JOB, "ratio", title="Steps a second")
    for where in (_ALONE, _BESIDE):
        medians = (f"{statistics.median(rates[whose, where]):.2f}" for whose in (_OWN, _JOB))
        shown.add_row(where, *medians, str(_ratio(rates, where)))
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="mini26")
    parser.add_argument("--side", type=int, default=32, help="of the images, in pixels")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=3.0, help="of a side in a round")
    parser.add_argument("--json", action="store_true", help="only the line of JSON on stdout; the table on stderr")
    parser.add_argument("--measure", action="store_true", help="only steps a second alone, in this environment")
    args = parser.parse_args()
    if args.measure:
        print(steps_a_second(args))
        return
    rates = measured(args)
    Console(file=sys.stderr if args.json else sys.stdout, width=110).print(table(rates))
    print(json.dumps(figures(rates)))


if __name__ == "__main__":
    main()
