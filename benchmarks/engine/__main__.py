"""The engine against what people do today, and against itself.

    python -m benchmarks.engine [--device cpu|cuda] [--sides 72 224] [--tasks 16] [--batch 64] [--rounds 9] [--json]

ResNet-34 with random weights and tasks whose plans remove 3, 7 or 9 of its 16 blocks and carry 1.8 to 1.9 M parameters
of their own (`tasks34`); per-task statistics; requests of one image, spread evenly over the tasks. All sides of a
ratio are measured in the same rounds; an interval is of the median over rounds, with 95% confidence. Ratios of
throughput are higher when the mixed batch is faster. OpenVINO takes part if it is installed (the `bench` extra), in
int8 if NNCF is as well; int8 where the processor multiplies bytes.
"""

import argparse
import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from functools import partial
from typing import Any

import torch

from benchmarks.engine import baselines, memory, switching
from benchmarks.engine.baselines import Contender, OpenVinoType
from benchmarks.engine.resident_switch import resident_switch_us
from benchmarks.measuring import machine
from benchmarks.measuring.ratios import Ratio, over_rounds, paired_ratio
from benchmarks.measuring.rounds import Values, paired_rounds, rate
from benchmarks.workloads.resnet34 import random_resnet34, tailored_bundles
from nettailor.bundle.bundle import Bundle
from nettailor.network.backbones import Backbone
from server.engine.engine import Engine
from server.kernels.convolution import OneDnnKernel
from server.kernels.device import DTYPES, open_device
from server.kernels.int8 import why_not

AT_LEAST: dict[tuple[str, int | None], float] = {  # the goals, by image side where they have one
    ("mixed_vs_full_models", 72): 4.0,
    ("mixed_vs_full_models", 224): 2.0,
    ("mixed_vs_openvino", 72): 1.5,
    ("mixed_vs_openvino", 224): 1.0,
    ("mixed_vs_single", 72): 0.8,
    ("mixed_vs_single", 224): 0.8,
    ("bf16_vs_fp32", 72): 1.5,
    ("bf16_vs_fp32", 224): 1.5,
    ("int8_vs_fp32", 72): 1.8,
    ("int8_vs_fp32", 224): 1.8,
    ("int8_batch1_vs_fp32", 72): 2.5,
    ("int8_batch1_vs_fp32", 224): 2.0,
    ("int8_batch4_vs_fp32", 72): 2.0,
    ("int8_batch4_vs_fp32", 224): 1.8,
    ("mixed_vs_openvino_best", 72): 1.5,
    ("mixed_vs_openvino_best", 224): 1.1,
    ("switch_vs_full_load", None): 20.0,
    ("cliff", None): 0.5,
}
AT_MOST: dict[tuple[str, int | None], float] = {
    ("memory_per_task", None): 0.10,
    ("backbone_bytes_int8_vs_fp32", None): 0.3,
    ("switch_resident_us", None): 100.0,
    ("switch_disk_vs_floor", None): 2.0,
}


_SMALL = (1, 4)  # images in the small batches


def throughput(args: argparse.Namespace, backbone: Backbone, side: int) -> Values:
    """Images a second of every contender, by round."""
    fingerprint = backbone.fingerprint()
    bundles = tailored_bundles(args.tasks, side, fingerprint=fingerprint)
    if args.int8_only:
        engine = Engine(backbone, open_device("cpu", "float32"))
        sides = [baselines.mixed(engine, bundles, args.batch), *_in_int8(args, backbone, engine, side)]
        return paired_rounds({c.name: partial(_rate, c, args.seconds) for c in sides}, args.rounds)
    frozen = tailored_bundles(args.tasks, side, statistics="frozen", fingerprint=fingerprint)
    engine = _engine(args, backbone, args.dtype)
    sides = [
        baselines.mixed(engine, bundles, args.batch),
        baselines.mixed(engine, frozen, args.batch, name="mixed, frozen statistics"),
        baselines.single(engine, bundles, args.batch),
        baselines.full_models(args.tasks, side, engine.device.place),
    ]
    for dtype in {"float32", "bfloat16"} - {str(engine.device.dtype).removeprefix("torch.")}:
        if args.device == "cpu" and not OneDnnKernel.available(DTYPES[dtype]):
            print(f"left out: {dtype}, which this processor has no fast convolutions in", file=sys.stderr)
            continue
        other = _engine(args, backbone, dtype)
        sides.append(baselines.mixed(other, bundles, args.batch, name=dtype))
    if args.device == "cpu":
        sides += _in_int8(args, backbone, engine, side)
        sides += _openvino(args, backbone, bundles)
    return paired_rounds({c.name: partial(_rate, c, args.seconds) for c in sides}, args.rounds)


def _in_int8(args: argparse.Namespace, backbone: Backbone, engine: Engine, side: int) -> list[Contender]:
    """This engine in int8 in a batch and in small ones, and in fp32 in the same small ones."""
    if (reason := why_not()) is not None:
        print(f"left out: int8: {reason}", file=sys.stderr)
        return []
    bundles = tailored_bundles(args.tasks, side, activation_ranges=True, fingerprint=engine.fingerprint)
    low = Engine(backbone, open_device("cpu", "int8"))
    exact = engine if engine.device.dtype == torch.float32 else _engine(args, backbone, "float32")
    few = [(name, one, batch) for batch in _SMALL for name, one in (("float32", exact), ("int8", low))]
    return [
        baselines.mixed(low, bundles, args.batch, name="int8"),
        *(baselines.small(one, bundles, batch, name=f"{name}, batches of {batch}") for name, one, batch in few),
    ]


def _openvino(args: argparse.Namespace, backbone: Backbone, bundles: Sequence[Bundle]) -> list[Contender]:
    if not importlib.util.find_spec("openvino"):
        return []
    types: list[OpenVinoType] = ["f32"]
    if OneDnnKernel.available(torch.bfloat16):
        types.append("bf16")
    if why_not() is None and importlib.util.find_spec("nncf"):
        types.append("int8")
    return [baselines.openvino_models(backbone, bundles, args.threads, dtype) for dtype in types]


def ratios(values: Values) -> dict[str, Ratio]:
    """The keys of the issue's table that belong to one image side."""
    mixed = values["mixed"]
    if "full models" not in values:  # --int8-only
        return _int8_ratios(values)
    found = {
        "mixed_vs_full_models": paired_ratio(mixed, values["full models"]),
        "mixed_vs_single": paired_ratio(mixed, values["single"]),
        "frozen_vs_task_statistics": paired_ratio(values["mixed, frozen statistics"], mixed),
    }
    if "OpenVINO f32" in values:
        found["mixed_vs_openvino"] = paired_ratio(mixed, values["OpenVINO f32"])
        ours = _fastest(values, [name for name in ("mixed", "bfloat16", "int8") if name in values])
        theirs = _fastest(values, [name for name in values if name.startswith("OpenVINO")])
        found["mixed_vs_openvino_best"] = paired_ratio(values[ours], values[theirs])
    found |= _int8_ratios(values)
    if "bfloat16" in values:
        found["bf16_vs_fp32"] = paired_ratio(values["bfloat16"], mixed)
    elif "float32" in values:
        found["bf16_vs_fp32"] = paired_ratio(mixed, values["float32"])
    return found


def _int8_ratios(values: Values) -> dict[str, Ratio]:
    if "int8" not in values:
        return {}
    found = {"int8_vs_fp32": paired_ratio(values["int8"], values.get("float32", values["mixed"]))}
    for batch in _SMALL:
        low, exact = (values[f"{name}, batches of {batch}"] for name in ("int8", "float32"))
        found[f"int8_batch{batch}_vs_fp32"] = paired_ratio(low, exact)
    return found


def _fastest(values: Values, names: Sequence[str]) -> str:
    return max(names, key=lambda name: over_rounds(values[name]).median)


def backbone_bytes(backbone: Backbone, side: int) -> dict[str, Ratio]:
    """Of the shared network in int8 over that in fp32 with minimal filtering, both ready for images of this size."""
    if why_not() is not None:
        return {}
    sizes = []
    for dtype in ("int8", "float32"):
        engine = Engine(backbone, open_device("cpu", dtype))
        engine.warm_up(side)
        sizes.append(engine.size_bytes)
    return {"backbone_bytes_int8_vs_fp32": over_rounds([sizes[0] / sizes[1]])}


def switches(args: argparse.Namespace, backbone: Backbone, side: int) -> dict[str, Ratio]:
    """The keys that do not."""
    engine = _engine(args, backbone, args.dtype)
    bundles = tailored_bundles(4 * args.tasks, side, fingerprint=backbone.fingerprint())
    few = bundles[: args.tasks]
    disk = switching.disk_switch(engine, few, args.rounds)
    resident = resident_switch_us(engine, few[0], few[1], args.rounds)
    edge = switching.cliff(engine, bundles, args.batch, args.rounds, 2 * args.seconds)
    return {
        "memory_per_task": over_rounds([memory.task_bytes_share(args.device, 64, side)]),
        "switch_resident_us": resident,
        "switch_disk_vs_floor": disk.vs_floor,
        "switch_vs_full_load": disk.vs_full_load,
        "switch_disk_ms": over_rounds([1000 * seconds for seconds in disk.to_ready]),
        "cliff": edge,
    }


def _engine(args: argparse.Namespace, backbone: Backbone, dtype: str) -> Engine:
    return Engine(backbone, open_device(args.device, dtype, slots=args.slots, recorded=args.graphs))


def _rate(contender: Contender, seconds: float) -> float:
    return rate(contender.run, contender.images, seconds)


def _lines(title: str, found: Mapping[str, Ratio], side: int | None) -> list[str]:
    return [title, *(f"  {key:28} {ratio!s:32} {_verdict(key, side, ratio.median)}" for key, ratio in found.items())]


def _verdict(key: str, side: int | None, value: float) -> str:
    if (least := AT_LEAST.get((key, side))) is not None:
        return f"goal >= {least:g}: {'met' if value >= least else 'MISSED'}"
    if (most := AT_MOST.get((key, side))) is not None:
        return f"goal <= {most:g}: {'met' if value <= most else 'MISSED'}"
    return ""


def _speeds(values: Values) -> list[str]:
    return [f"  {name:28} {over_rounds(rates).median:8.1f} images/s" for name, rates in values.items()]


def _as_json(found: Mapping[str, Ratio]) -> dict[str, Any]:
    rounded = {key: [round(float(part), 4) for part in astuple(ratio)[:3]] for key, ratio in found.items()}
    return {key: parts[0] for key, parts in rounded.items()} | {
        "intervals": {key: parts[1:] for key, parts in rounded.items()}
    }


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--dtype", choices=["auto", "float32", "bfloat16", "float16"], default="auto")
    parser.add_argument("--slots", type=int, default=0, help="on CUDA: tasks that are multiplied at once, at most 1023")
    parser.add_argument(
        "--graphs", choices=["off", "blocks", "pass"], default="pass", help="of tasks in slots, on CUDA"
    )
    parser.add_argument("--sides", type=int, nargs="+", default=[72, 224], help="pixels of the square images")
    parser.add_argument("--tasks", type=int, default=16)
    parser.add_argument("--batch", type=int, default=64, help="images in a batch, as the server's default")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0, help="of every side in a round, at least")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of every side")
    parser.add_argument(
        "--int8-only", action="store_true", help="this engine alone, in int8 and float32 on CPU: minutes"
    )
    parser.add_argument("--json", action="store_true", help="only the line of JSON on stdout; the table on stderr")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    args = _parsed(arguments)
    torch.set_num_threads(args.threads)
    backbone = random_resnet34()
    lines: list[str] = []
    result: dict[str, Any] = {}
    for side in args.sides:
        values = throughput(args, backbone, side)
        found = ratios(values)
        lines += [*_lines(f"{side} px, {args.tasks} tasks, batches of {args.batch}", found, side), *_speeds(values)]
        result[str(side)] = _as_json(found) | {
            "images_per_second": {k: over_rounds(v).median for k, v in values.items()},
        }
    found = {} if args.int8_only else switches(args, backbone, min(args.sides))
    if args.device == "cpu":
        found |= backbone_bytes(backbone, min(args.sides))
    lines += _lines(f"switches and memory, {min(args.sides)} px", found, None)
    result |= _as_json(found)
    result |= {"machine": machine.describe(), "rounds": args.rounds, "tasks": args.tasks, "batch": args.batch}
    print("\n".join(lines), file=sys.stderr if args.json else sys.stdout)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
