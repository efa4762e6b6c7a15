"""Tables of tasks, versions, jobs, predictions, of the demo and of the registry's upkeep."""

import json
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from rich.markup import escape
from rich.table import Table

from cli.render.figures import Figures
from cli.service.session import Json
from nettailor.bundle.manifest import Complexity

_REQUIREMENTS = {
    "min_accuracy": "least accuracy on the test split",
    "max_drop": "most points below live on the same test split",
    "max_macs": "most MACs, of the whole backbone",
}
_MARKS = {"good": "within the target", "pareto": "best", "chosen": "chosen"}
_SKIPS = (1, 2, 3)  # the sources that students have proxies from by default


def figures_table(rows: Sequence[Figures]) -> Table:
    table = _table(
        "Tailored tasks", "task", "teacher", "student", "MACs removed", "parameters removed", "bundle", "full model"
    )
    for row in rows:
        table.add_row(
            row.task,
            f"{row.teacher_accuracy:.1%}",
            f"{row.student_accuracy:.1%}",
            f"{row.macs_removed:.1%}",
            f"{row.params_removed:.1%}",
            size(row.bundle_bytes),
            size(row.full_model_bytes),
        )
    table.caption = (
        "accuracy: test split; removed: of the whole backbone, net of everything the task adds\n"
        "full model: a fine-tuned copy of the backbone, which each task would need otherwise"
    )
    return table


def predictions_table(answers: Iterable[tuple[str, Json]], *, title: str = "Predictions") -> Table:
    """One row an image: (what was asked, the service's answer)."""
    table = _table(title, "image", "task", "prediction", "probability", "tier", "switch", "inference")
    for name, answer in answers:
        for best, *others in answer["predictions"]:
            table.add_row(
                name,
                f"{answer['task']} v{answer['version']}",
                best["label"],
                f"{best['probability']:.3f}",
                str(answer["tier"]),
                f"{answer['switch_ms']:.3f} ms",
                f"{answer['inference_ms']:.1f} ms",
            )
            for other in others:
                table.add_row("", "", other["label"], f"{other['probability']:.3f}", "", "", "")
    return table


def tasks_table(tasks: Sequence[Json]) -> Table:
    table = _table("Tasks", "task", "latest", "aliases")
    for task in tasks:
        aliases = ", ".join(f"{alias} -> {version}" for alias, version in sorted(task["aliases"].items()))
        table.add_row(str(task["task"]), str(task["latest"]), aliases)
    return table


def versions_table(task: str, versions: Sequence[Json], aliases: Mapping[str, int]) -> Table:
    table = _table(
        f"Versions of {task}", "version", "aliases", "accuracy", "MACs", "size", "published (UTC)", "tags", "note"
    )
    for version in versions:
        accuracy = version["metrics"]["student"]["test"]
        macs = 1 - Complexity.model_validate(version["complexity"]).net_macs_removed
        table.add_row(
            str(version["version"]),
            ", ".join(sorted(alias for alias, named in aliases.items() if named == version["version"])),
            "" if accuracy is None else f"{accuracy:.2%}",
            f"{macs:.1%}",
            size(version["size_bytes"]),
            _minute(version["published_at"]),
            escape(_pairs(version["tags"], "=")),
            escape(version["note"]),
        )
    table.caption = "accuracy: test split; MACs: of the whole backbone, with what the task adds"
    return table


def front_table(task: str, version: int, points: Sequence[Json]) -> Table:
    table = _table(
        f"Front of {task} version {version}",
        *("k", "validation", "test", "cost", "MACs removed", "parameters removed", "size", "", "version"),
    )
    for point in points:
        marks = [words for name, words in _MARKS.items() if point[name]]
        table.add_row(
            str(point["k"]),
            f"{point['accuracy']:.2%}",
            "" if point["test_accuracy"] is None else f"{point['test_accuracy']:.2%}",
            f"{point['cost']:.1%}",
            f"{point['macs_removed']:.1%}",
            f"{point['params_removed']:.1%}",
            size(point["size_bytes"]),
            ", ".join(marks),
            "" if point["version"] is None else str(point["version"]),
        )
    table.caption = (
        "k: blocks removed; cost: of the backbone, by the recipe's measure; best: nothing else is as accurate\n"
        "(validation) and as cheap; the test split was no part of the choice"
    )
    if not points:
        table.caption = "this version has no front: it was not tailored here, or by an older release"
    return table


def history_table(task: str, entries: Sequence[Json]) -> Table:
    """Oldest first."""
    table = _table(f"History of {task}", "#", "when (UTC)", "who", "what", "why")
    for entry in entries:
        table.add_row(
            str(entry["sequence"]),
            _minute(entry["at"]),
            escape(entry["actor"]),
            escape(_happened(entry)),
            escape(entry["reason"]),
        )
    return table


def lineage_table(lineage: Json) -> Table:
    table = _table(f"{lineage['task']} version {lineage['version']}", "", "")
    table.show_header = False
    live = [f"{_minute(period['since'])} to {_minute(period['until'] or 'now')}" for period in lineage["live"]]
    for name, value in {
        "bundle": f"{lineage['digest']}, {size(lineage['size_bytes'])}",
        "published (UTC)": f"{_minute(lineage['published_at'])} by {lineage['actor']}",
        "job": lineage["job"] or "none",
        "dataset": lineage["dataset"],
        "backbone": f"{lineage['backbone']['id']}, fingerprint {lineage['backbone']['fingerprint']}",
        "recipe": json.dumps(lineage["recipe"]),
        "seed": str(lineage["seed"]),
        "libraries": _pairs(lineage["libraries"], " "),
        "aliases now": ", ".join(lineage["aliases"]) or "none",
        "live (UTC)": "\n".join(live) or "never",
        "tags": _pairs(lineage["tags"], "=") or "none",
        "note": lineage["note"],
    }.items():
        table.add_row(name, escape(value))
    return table


def policy_table(document: Json) -> Table:
    table = _table(f"To go live as {document['task']}", "requirement", "value")
    policy = document["policy"]
    for field, words in _REQUIREMENTS.items():
        if policy is not None and policy[field] is not None:
            table.add_row(words, f"{policy[field]:.2%}")
    said = [] if table.row_count else ["no policy" if policy is None else "nothing is required"]
    if document["at"]:
        said.append(escape(f"last changed {_minute(document['at'])} by {document['actor']}"))
    table.caption = "\n".join(said)
    return table


def jobs_table(jobs: Sequence[Json]) -> Table:
    table = _table("Jobs", "job", "task", "state", "priority", "stage", "progress", "created (UTC)", "result")
    for job in jobs:
        table.add_row(
            str(job["id"]),
            str(job["task"]),
            str(job["state"]),
            str(job.get("priority") or ""),
            str(job.get("stage") or ""),
            f"{job.get('progress') or 0:.0%}",
            _minute(str(job.get("created_at") or "")),
            _outcome(job),
        )
    return table


def costs_table(
    stem: float, blocks: Mapping[int, float], proxies: Mapping[tuple[int, int], float], *, title: str
) -> Table:
    """Milliseconds of each block against those of the proxies that could stand in for it."""
    table = _table(
        title, "node", "block", *(f"proxy from l-{skip}" for skip in _SKIPS), "median of all", "proxy / block"
    )
    for node, block in blocks.items():
        into = {node - source: ms for (source, target), ms in proxies.items() if target == node}
        nearest = [f"{into[skip]:.4f}" if skip in into else "" for skip in _SKIPS]
        typical = median(into.values())
        table.add_row(str(node), f"{block:.4f}", *nearest, f"{typical:.4f}", f"{typical / block:.0%}")
    table.caption = f"stem {stem:.4f}, stem and blocks {stem + sum(blocks.values()):.4f}"
    return table


def faults_table(faults: Iterable[tuple[str, str, str]]) -> Table:
    """One row a fault: kind, where, why."""
    table = _table("Faults", "fault", "where", "reason")
    for row in faults:
        table.add_row(*row)
    return table


def garbage_table(blobs: Iterable[tuple[str, str, str]], *, left_out: int) -> Table:
    """One row a blob: digest, size, age."""
    table = _table("Blobs that nothing names, largest first", "blob", "size", "age")
    for row in blobs:
        table.add_row(*row)
    if left_out:
        table.caption = f"and {left_out} more"
    return table


def switch_p50(answers: Sequence[Json]) -> float:
    """Median milliseconds of the switches."""
    return float(median(answer["switch_ms"] for answer in answers))


def size(count: int) -> str:
    """Bytes in KB or MB (powers of ten)."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} KB"


def _outcome(job: Json) -> str:
    result, problem = job.get("result"), job.get("error")
    if isinstance(problem, dict):
        return str(problem.get("detail") or problem.get("title"))
    return f"version {result['version']}" if isinstance(result, dict) and "version" in result else ""


def _happened(entry: Json) -> str:
    match entry["kind"]:
        case "published":
            return f"version {entry['version']} published"
        case "alias":
            return f"{entry['alias']}: {entry['before'] or 'none'} -> {entry['after'] or 'none'}{_how(entry)}"
        case "policy":
            required = entry["policy"] or {}
            shown = [f"{field} {value:.2%}" for field, value in required.items() if value is not None]
            return "policy: " + (", ".join(shown) or ("cleared" if entry["policy"] is None else "nothing is required"))
        case "annotated":
            note = f"; note: {entry['note']}" if entry["note"] else ""
            return f"version {entry['version']}: " + (_pairs(entry["tags"], "=") or "no tags") + note
        case kind:  # version-deleted, task-deleted
            return str(kind).replace("-", " ") + (f": {entry['version']}" if entry["version"] else "")


def _how(move: Json) -> str:
    if move["rollback"]:
        return " (rollback)"
    if move["forced"]:
        failed = [check["name"] for check in move["evidence"]["checks"] if not check["passed"]]
        return f" (forced past {', '.join(failed)})"
    return ""


def _pairs(values: Mapping[str, str], sign: str) -> str:
    return ", ".join(f"{name}{sign}{value}" for name, value in sorted(values.items()))


def _minute(at: str) -> str:
    """An ISO 8601 time without its seconds."""
    return at[:16].replace("T", " ")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")  # an id cut short is of no use
    return table
