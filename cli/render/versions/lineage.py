"""What `nettailor registry show` prints."""

from rich.table import Table
from rich.text import Text

from cli.render.ids import short_digest, short_jobs
from cli.render.table import minute, new_table, pairs, size, whole
from nettailor.accuracy import counted
from nettailor.printable import printable
from nettailor_client.answers.versions import Lineage
from trainer.reports.version.settings_in_words import settings_in_words


def lineage_table(lineage: Lineage) -> Table:
    table = new_table(f"{lineage.task} version {lineage.version}", whole(""), "")
    table.show_header = False
    live = [f"{minute(period.since)} to {minute(period.until or 'now')}" for period in lineage.live]
    rows: dict[str, str | Text] = {
        "bundle": f"{short_digest(lineage.digest)}, {size(lineage.size_bytes)}",
        "published (UTC)": f"{minute(lineage.published_at)} by {lineage.actor}",
        "job": short_jobs([lineage.job])[lineage.job] if lineage.job else "none",
        "accuracy": _accuracy(lineage),
        "dataset": short_digest(lineage.dataset),
        "backbone": f"{lineage.backbone.id}, fingerprint {short_digest(lineage.backbone.fingerprint)}",
        "recipe": "; ".join(" ".join(row) for row in settings_in_words(lineage.recipe)),
        "seed": str(lineage.seed),
        "libraries": pairs(lineage.libraries, " "),
        "aliases now": ", ".join(lineage.aliases) or "none",
        "live (UTC)": Text("\n".join(map(printable, live)) or "never"),
        "tags": pairs(lineage.tags, "=") or "none",
        "note": lineage.note,
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _accuracy(lineage: Lineage) -> str:
    """And whose figure it is."""
    accuracy = None if lineage.metrics is None else lineage.metrics.student.test
    if accuracy is None:
        return "not measured"
    whose = "measured by its job" if lineage.job else f"claimed by the bundle that {lineage.actor} published"
    return f"{counted(accuracy, lineage.test_images)}: {whose}"
