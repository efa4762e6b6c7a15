"""Tables of tasks, jobs, predictions, of the demo and of the registry's upkeep."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from rich.table import Table

from cli.client import Json
from cli.figures import Figures

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


def jobs_table(jobs: Sequence[Json]) -> Table:
    table = _table("Jobs", "job", "task", "state", "stage", "progress", "created (UTC)", "result")
    for job in jobs:
        table.add_row(
            str(job["id"]),
            str(job["task"]),
            str(job["state"]),
            str(job.get("stage") or ""),
            f"{job.get('progress') or 0:.0%}",
            str(job.get("created_at") or "")[:16].replace("T", " "),
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


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")  # an id cut short is of no use
    return table
