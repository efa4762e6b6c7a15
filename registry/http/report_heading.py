"""The lines of a report that are not known when it is written: which version it is of, and what became of that."""

from collections.abc import Iterable, Iterator
from html import escape

from hosting.web.moments import moment
from registry.journal.records import AliasMoved, Record
from registry.versions.attachments import REPORT_HEADING
from registry.versions.lineage import Lineage


def with_heading(page: bytes, lineage: Lineage, history: Iterable[Record]) -> bytes:
    """The page, its first mark replaced. One without a mark, as older releases wrote it, stays as it is."""
    return page.replace(REPORT_HEADING.encode(), "\n".join(_heading(lineage, history)).encode(), 1)


def _heading(lineage: Lineage, history: Iterable[Record]) -> Iterator[str]:
    record = lineage.record
    named = " and ".join(f"<b>{escape(alias)}</b>" for alias in lineage.aliases)
    task = escape(record.task)
    yield (
        f"<p><b>Version {record.version}</b>, published on {moment(record.at)} by {escape(record.actor)}"
        f"{f'; it is {named} now' if named else ''}. "
        f'<a href="/tasks/{task}/versions/{record.version}">Its record</a>, '
        f'<a href="/tasks/{task}/versions">all versions of the task</a>.</p>'
    )
    moves = [move for move in history if isinstance(move, AliasMoved) and move.after == record.version]
    if moves:
        yield f"<ul>{''.join(f'<li>{escape(_move(move))}</li>' for move in moves)}</ul>"


def _move(move: AliasMoved) -> str:
    """Which version it followed, and by which checks."""
    instead = "" if move.before in (None, move.after) else f" in place of version {move.before}"
    checks = "" if move.evidence is None else f" ({move.evidence.summary()})"
    forced = ", although a check failed" if move.forced else ""
    return f"{moment(move.at)}: {move.alias}{instead}{forced}{checks}. Reason: {move.reason or 'none was given'}"
