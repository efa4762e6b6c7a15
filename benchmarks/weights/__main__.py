"""Whether files of weights are read exactly, as tools write them, and refused where they are of another network.

    python -m benchmarks.weights [--only MoCo seresnet50 ...] [--json]

Every file is made here, of random weights, without a network. Those of resnet18, 34 and 50 in each wrapping have to
give the features of the same network in torchvision, to the bit (`exact`). Networks of other architectures are offered
in the place of a ResNet, and have to be refused with words that name what they are (`refused_with_reason`); so is a
ResNet that is not read, which then counts neither as exact nor as wrong. `silently_wrong` is everything else: other
features, or a refusal that does not say why. The exit status says whether there is none. No timing: any machine will
do.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.weights.architectures import OFFERS
from benchmarks.weights.judging import VERDICTS, Judgement, counted, judge_offer, judge_wrapping
from benchmarks.weights.networks import BACKBONES
from benchmarks.weights.wrappings import WRAPPINGS

GOAL = 30  # exact


def cases(only: Sequence[str]) -> Iterator[tuple[str, Callable[[Path], Judgement]]]:
    """By name: what to do in an empty folder."""
    for wrapping in WRAPPINGS:
        if not only or wrapping.name.startswith(tuple(only)):
            for backbone in BACKBONES:
                yield f"{wrapping.name} / {backbone}", partial(judge_wrapping, wrapping, backbone)
    for offer in OFFERS:
        if not only or offer.name.startswith(tuple(only)):
            yield f"{offer.name} as {offer.backbone}", partial(judge_offer, offer)


def judged(only: Sequence[str]) -> dict[str, Judgement]:
    found = {}
    for name, judge in cases(only):
        with tempfile.TemporaryDirectory(prefix="nettailor-") as folder:
            found[name] = judge(Path(folder))
        print(f"{found[name].verdict:20} {name}{': ' if found[name].why else ''}{found[name].why}")
    return found


def figures(found: dict[str, Judgement]) -> dict[str, Any]:
    return {**counted(found), "files": {name: each.verdict for name, each in found.items()}}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.weights")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="files whose names begin so")
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    arguments = parser.parse_args()
    found = judged(arguments.only)
    if not found:
        parser.error("no file has such a name")
    counts = counted(found)
    met = "met" if counts["exact"] >= GOAL else "MISSED"
    print(f"{len(found)} files: " + ", ".join(f"{counts[each]} {each}" for each in VERDICTS))
    print(f"exact: {counts['exact']} (goal >= {GOAL}: {met})")
    if arguments.json:
        print(json.dumps(figures(found)))
    return 1 if counts["silently_wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
