"""Tailor a data set to a bundle file, without a service; with `torchrun`, on several GPUs or machines.

    python -m trainer.offline DATA --task NAME --out BUNDLE.safetensors [--preset balanced] [--recipe NAME=VALUE ...]
    torchrun --nproc-per-node 4 -m trainer.offline DATA --task NAME --out BUNDLE.safetensors

DATA is an archive as one would upload it. Every process works on its share of each batch
(`trainer.training.distributed`); the folder of the checkpoints must be one that all of them see. The same command again
goes on where it was broken off. Publish the file with POST /tasks/NAME/versions.
"""

import argparse
import json
import os
import re
import shutil
import sys
from pathlib import Path

import torch.distributed as dist
from pydantic import TypeAdapter

from hosting.settings.outset import ending_in_a_line
from nettailor.bundle.bundle import digest_of
from nettailor.bundle.manifest import TASK_NAME
from nettailor.durable import write_durably
from nettailor.errors import NetTailorError
from nettailor.network.backbones import load_backbone
from trainer.errors import TrainerError
from trainer.events import Event
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import freeze
from trainer.recipe.config import RecipeConfig, parsed_change
from trainer.recipe.pipeline import tailor
from trainer.training.distributed import ProcessGroup


def main() -> None:
    """What is wrong with the data or the backbone is one line on standard error. Raises `SystemExit`."""
    args, config = _arguments()
    together = "WORLD_SIZE" in os.environ  # torchrun's
    if together:
        dist.init_process_group()  # NCCL for tensors on GPUs, gloo for those on the CPU
    try:
        with ending_in_a_line(NetTailorError, TrainerError):
            _tailor(args, config)
    finally:
        if together:
            dist.destroy_process_group()


def _arguments() -> tuple[argparse.Namespace, RecipeConfig]:
    """What is known to be wrong before hours of training is refused before them. Raises `SystemExit`."""
    parser = argparse.ArgumentParser(
        "python -m trainer.offline", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=_file, help="an archive as one would upload it")
    parser.add_argument("--task", type=_task_name, required=True)
    parser.add_argument(
        "--out", type=Path, required=True, help="the bundle; checkpoints go beside it until it is there"
    )
    parser.add_argument("--preset", choices=["fast", "balanced", "thorough"], default="balanced")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--group-by", help="images whose paths match this regular expression alike stay in one split")
    parser.add_argument("--backbone", default="mini26")
    parser.add_argument("--weights", type=Path, help="a local file with the backbone's weights")
    parser.add_argument(
        "--recipe", nargs="*", default=[], metavar="NAME=VALUE", help="differences from the preset (RecipeConfig)"
    )
    args = parser.parse_args()
    try:
        return args, RecipeConfig.preset(args.preset, seed=args.seed).changed(dict(map(parsed_change, args.recipe)))
    except ValueError as error:
        parser.error(f"--recipe: {error}")


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path


def _task_name(text: str) -> str:
    if not re.fullmatch(TASK_NAME, text):
        raise argparse.ArgumentTypeError(f"{text!r} cannot name a task, which are of the form {TASK_NAME}")
    return text


def _tailor(args: argparse.Namespace, config: RecipeConfig) -> None:
    group = ProcessGroup.current()
    checkpoints = args.out.with_suffix(".checkpoints")
    dataset = checkpoints / "dataset.zip"
    checkpoints.mkdir(parents=True, exist_ok=True)
    backbone = load_backbone(args.backbone, args.weights)
    if group.leads:
        report = freeze(args.data, dataset, IntakeLimits(), group_by=args.group_by)
        _check_same(checkpoints, config, data=report.digest, backbone=backbone.fingerprint())
    group.wait()
    tailored = tailor(
        args.task,
        dataset,
        config,
        backbone=backbone,
        report=_print_event if group.leads else lambda _event: None,
        checkpoints=checkpoints,
    )
    if group.leads:
        write_durably(args.out, [tailored.bundle])
        digest = digest_of(tailored.bundle)
        print(json.dumps({"bundle": str(args.out), "digest": digest, "front": tailored.pareto_front}))
        shutil.rmtree(checkpoints)


def _check_same(checkpoints: Path, config: RecipeConfig, **more: str) -> None:
    """End the process where the checkpoints are of something else: what is trained would be neither the one nor the
    other."""
    asked = TypeAdapter(RecipeConfig).dump_python(config, mode="json") | more
    kept = checkpoints / "asked.json"
    before = json.loads(kept.read_text()) if kept.exists() else asked
    other = [name for name in asked if asked[name] != before.get(name)]
    if other:
        sys.exit(
            f"{checkpoints} has what was begun with other {', '.join(other)}: remove that folder to begin anew, or "
            "write to another --out"
        )
    write_durably(kept, [json.dumps(asked).encode()])


def _print_event(event: Event) -> None:
    """Print an event as a line on stderr."""
    shown = {name: value for name, value in event.fields.items() if name != "alphas"}
    print(f"{event.progress:6.1%} {event.stage:8} {event.kind:9} {shown}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
