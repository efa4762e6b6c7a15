"""What `benchmarks.http` makes of its rounds: ratios, their goals, and a table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.http.load import Outcome
from benchmarks.http.overhead import Overhead
from benchmarks.http.servers import BEFORE, FASTAPI, LITSERVE, LITSERVE_FP32, OURS, OURS_FP32
from benchmarks.measuring.ratios import Ratio, over_rounds, paired_ratio

LOADS = {"tenth": 0.1, "half": 0.5, "ninety": 0.9, "twice": 2.0}  # of our own capacity
BEFORE_LOADS = {"before_tenth": 0.1, "before_half": 0.5, "before_ninety": 0.9}  # of the earlier checkout's
AT_LEAST = {"rps_vs_litserve": 3.0, "rps_vs_litserve_fp32": 2.4, "accepted_at_twice": 0.95}
AT_MOST = {"overhead_cpu_ms": 1.0, "p50_at_half_vs_before": 0.5, "p99_at_half_vs_before": 0.6}

Opened = Mapping[str, Mapping[str, Sequence[Outcome]]]  # by server, then by load, one a round


@dataclass(frozen=True, kw_only=True)
class Closed:
    """A closed loop's round of one server; what it costs beyond the engine is known of ours only."""

    outcome: Outcome
    overhead: Overhead | None = None


def figures(closed: Mapping[str, Sequence[Closed]], opened: Opened) -> dict[str, Any]:
    rps = {name: [one.outcome.accepted_rps for one in rounds] for name, rounds in closed.items()}
    ratios = {
        "rps_vs_litserve": paired_ratio(rps[OURS], rps[LITSERVE]),
        "rps_vs_litserve_fp32": paired_ratio(rps.get(OURS_FP32, rps[OURS]), rps.get(LITSERVE_FP32, rps[LITSERVE])),
        "rps_vs_fastapi": paired_ratio(rps[OURS], rps[FASTAPI]),
        **_ours(closed[OURS], opened[OURS]),
    }
    if BEFORE in rps:
        ratios |= {"rps_vs_before": paired_ratio(rps[OURS], rps[BEFORE]), **_beside_before(opened)}
    for name in (other for other in opened if other not in (OURS, BEFORE)):
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
            name: {load: _combined(rounds) for load, rounds in loads.items()} for name, loads in opened.items()
        },
    }


def _ours(closed: Sequence[Closed], opened: Mapping[str, Sequence[Outcome]]) -> dict[str, Ratio]:
    overheads = [one.overhead for one in closed if one.overhead is not None]
    capacity = median([one.outcome for one in closed], "accepted_rps")
    found = {
        "overhead_cpu_ms": over_rounds([each.beyond_engine_ms for each in overheads]),
        "server_cpu_ms": over_rounds([each.server_ms for each in overheads]),
        "engine_cpu_ms": over_rounds([each.engine_ms for each in overheads]),
        "batch": over_rounds([each.batch for each in overheads]),
        "accepted_at_twice": over_rounds([one.accepted_rps / capacity for one in opened["twice"]]),
    }
    for load in LOADS:
        found[f"p50_ms_at_{load}"] = over_rounds([outcome.p50_ms for outcome in opened[load]])
        found[f"p99_ms_at_{load}"] = over_rounds([outcome.p99_ms for outcome in opened[load]])
    return found


def _beside_before(opened: Opened) -> dict[str, Ratio]:
    """At the same rate of requests."""
    found = {}
    for load in BEFORE_LOADS:
        for part in ("p50", "p99"):
            sides = ([getattr(outcome, f"{part}_ms") for outcome in opened[name][load]] for name in (OURS, BEFORE))
            found[f"{part}_at_{load.removeprefix('before_')}_vs_before"] = paired_ratio(*sides)
    return found


def table(found: Mapping[str, Any]) -> list[str]:
    lines = [f"{found['tasks']} tasks, 72 px JPEGs, ResNet-34, {found['dtype']}, {found['rounds']} rounds"]
    for key, (low, high) in found["intervals"].items():
        lines.append(f"  {key:26} {found[key]:8.2f} ({low:.2f} to {high:.2f}) {_verdict(key, found[key])}".rstrip())
    lines.append(f"{'':20} {'load':13} {'sent/s':>8} {'200/s':>8} {'429':>6} {'failed':>6} {'p50 ms':>8} {'p99 ms':>8}")
    for name, rps in found["requests_per_second"].items():
        lines.append(f"{name:20} {'closed':13} {'':8} {rps:8.1f}")
        for load, at in found["open_loop"].get(name, {}).items():
            lines.append(
                f"{'':20} {load:13} {at['sent_rps']:8.1f} {at['accepted_rps']:8.1f} {at['refused']:6} {at['failed']:6} "
                f"{at['p50_ms']:8.1f} {at['p99_ms']:8.1f}"
            )
    lines.append(f"others kept {found['cores_others_kept_busy']:.2f} cores busy meanwhile")
    for name, speeds in found["variants"].items():
        lines += [f"{name}, {words}: {speed:.1f} requests/s" for words, speed in speeds.items()]
    return lines


def median(rounds: Sequence[Outcome], figure: str) -> float:
    return over_rounds([getattr(outcome, figure) for outcome in rounds]).median


def _combined(rounds: Sequence[Outcome]) -> dict[str, float]:
    """Counts of all rounds, medians of the rest."""
    counts = {key: sum(asdict(outcome)[key] for outcome in rounds) for key in ("accepted", "refused", "failed")}
    rest = ("sent_rps", "accepted_rps", "p50_ms", "p99_ms")
    return counts | {key: round(median(rounds, key), 2) for key in rest}


def _verdict(key: str, value: float) -> str:
    if key in AT_LEAST:
        return f"goal >= {AT_LEAST[key]:g}: {'met' if value >= AT_LEAST[key] else 'MISSED'}"
    if key in AT_MOST:
        return f"goal <= {AT_MOST[key]:g}: {'met' if value <= AT_MOST[key] else 'MISSED'}"
    return ""
