"""What `nettailor registry versions` prints."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from cli.render.table import minute, new_table, pairs, size
from nettailor.bundle.manifest import Complexity
from nettailor_client.answers.versions import VersionSummary


def versions_table(task: str, versions: Sequence[VersionSummary], aliases: Mapping[str, int]) -> Table:
    columns = ("version", "aliases", "method", "accuracy", "MACs", "size", "published (UTC)", "tags", "note")
    table = new_table(f"Versions of {task}", *columns)
    for version in versions:
        accuracy = version.metrics.student.test
        macs = 1 - Complexity.model_validate(version.complexity.as_json()).net_macs_removed
        table.add_row(
            str(version.version),
            ", ".join(sorted(alias for alias, named in aliases.items() if named == version.version)),
            version.method,
            "" if accuracy is None else f"{accuracy:.2%}",
            f"{macs:.1%}",
            size(version.size_bytes),
            minute(version.published_at),
            pairs(version.tags, "="),
            version.note,
        )
    table.caption = "accuracy: test split; MACs: of the whole backbone, with what the task adds"
    return table
