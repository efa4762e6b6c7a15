"""What `nettailor registry history` prints."""

from collections.abc import Sequence

from rich.table import Table

from cli.render.table import minute, new_table, number, pairs, whole
from nettailor_client.answers.tasks import HistoryEntry


def history_table(task: str, entries: Sequence[HistoryEntry]) -> Table:
    """Oldest first."""
    table = new_table(f"History of {task}", number("#"), whole("when (UTC)"), "who", "what", "why")
    for entry in entries:
        table.add_row(
            str(entry.sequence),
            minute(entry.at),
            entry.actor,
            _happened(entry),
            entry.reason,
        )
    return table


def _happened(entry: HistoryEntry) -> str:
    match entry.kind:
        case "published":
            return f"version {entry.version} published"
        case "alias":
            return f"{entry.alias}: {entry.before or 'none'} -> {entry.after or 'none'}{_how(entry)}"
        case "policy":
            required = {} if entry.policy is None else entry.policy.as_json()
            allows_int8 = required.pop("allow_int8", True)
            shown = [f"{field} {value:.2%}" for field, value in required.items() if value is not None]
            shown += [] if allows_int8 else ["no int8"]
            return "policy: " + (", ".join(shown) or ("cleared" if entry.policy is None else "nothing is required"))
        case "annotated":
            note = f"; note: {entry.note}" if entry.note else ""
            return f"version {entry.version}: " + (pairs(entry.tags or {}, "=") or "no tags") + note
        case kind:  # version-deleted, task-deleted
            return str(kind).replace("-", " ") + (f": {entry.version}" if entry.version else "")


def _how(move: HistoryEntry) -> str:
    if move.rollback:
        return " (rollback)"
    if move.forced:
        failed = [check["name"] for check in (move.evidence or {}).get("checks", []) if not check["passed"]]
        return f" (forced past {', '.join(failed)})"
    return ""
