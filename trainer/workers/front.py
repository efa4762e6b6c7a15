"""The front so far: what a job's candidates measured, kept in its document while the search goes on."""

from collections.abc import Mapping, Sequence

from trainer.events import Json

_MEMBERS = (
    "k",
    "accuracy",
    "teacher_accuracy",
    "cost",
    "macs_removed",
    "params_removed",
    "good",
    "polished",
    "validated_on",
)

Row = Mapping[str, Json]


def with_candidate(front: Sequence[Row], fields: Row) -> list[Row]:
    """The front with the candidate of an event; a row that it had for as many blocks removed is replaced, but for a
    polished one by one that is not: a job that goes on after a break tells of its candidates again. `best` marks what
    would be published now."""
    new = {name: fields.get(name) for name in _MEMBERS}
    known = next((row for row in front if row["k"] == new["k"]), None)
    if known is not None and known.get("polished") and not new["polished"]:
        new = dict(known)
    rows = [*(row for row in front if row["k"] != new["k"]), new]
    return [{**row, "best": row["k"] == fields.get("best")} for row in sorted(rows, key=_blocks_removed)]


def _blocks_removed(row: Row) -> int:
    return int(str(row["k"]))
