"""What `nettailor registry versions` prints."""

from collections.abc import Mapping, Sequence

from rich.console import RenderableType
from rich.text import Text

from cli.render.table import change, minute, new_table, number, pairs, size, whole, with_notes
from nettailor.accuracy import in_words
from nettailor.bundle.manifest import Complexity
from nettailor_client.answers.versions import VersionSummary

_FIGURES = ("accuracy", "MACs", "size")


def versions_table(task: str, versions: Sequence[VersionSummary], aliases: Mapping[str, int]) -> RenderableType:
    """Below it, tags and notes."""
    if not versions:
        return Text(f"no such versions of {task}")
    figures = map(number, _FIGURES)
    table = new_table(
        f"Versions of {task}", number("version"), "aliases", whole("method"), *figures, whole("published (UTC)")
    )
    for version in versions:
        accuracy = version.metrics.student.test
        table.add_row(
            str(version.version),
            ", ".join(sorted(alias for alias, named in aliases.items() if named == version.version)),
            version.method,
            "" if accuracy is None else in_words(accuracy, version.test_images) + ("" if version.job else "*"),
            change(Complexity.model_validate(version.complexity.as_json()).net_macs_removed),
            size(version.size_bytes),
            minute(version.published_at),
        )
    table.caption = "accuracy: test split, [95% interval]; MACs: against the whole backbone, with what the task adds"
    if not all(version.job for version in versions):
        table.caption += "\n* as the uploaded bundle claims; `nettailor evaluate` measures it"
    return with_notes(table, {f"version {each.version}": note for each in versions if (note := _note(each))})


def _note(version: VersionSummary) -> str:
    return "; ".join(filter(None, (pairs(version.tags, "="), version.note)))
