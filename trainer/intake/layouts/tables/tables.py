"""All tables of an upload, and what they say together."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding, shorten
from trainer.intake.layouts.image_finder import ImageFinder, finder_of
from trainer.intake.layouts.rows import Row, Rows
from trainer.intake.layouts.sidecars.samples import samples_of
from trainer.intake.layouts.split_words import split_of
from trainer.intake.layouts.tables import delimited, json_rows
from trainer.intake.layouts.tables.class_names import ClassNames, find_names
from trainer.intake.layouts.tables.declared_names import declared_names
from trainer.intake.layouts.tables.grid import Grid
from trainer.intake.layouts.tables.joins import add_columns
from trainer.intake.layouts.tables.parquet import read_parquet
from trainer.intake.layouts.tables.roles import Roles, find_roles, label_of
from trainer.intake.placement import Split
from trainer.intake.upload import Document, DocumentUnreadable, Upload

SUBMISSION = "it is called a submission, whose labels are made up"
SUFFIXES = (*delimited.SUFFIXES, *json_rows.LINES, ".json", ".parquet")
_MOST_DOCUMENTS = 1000  # candidates that are looked into
_MOST_BYTES = 256 * 1024**2  # of all of them


@dataclass(kw_only=True)
class Tables:
    """``used`` are the tables about images of this upload; ``reasons`` say why other candidates are none."""

    rows: Rows
    used: dict[Parts, tuple[Grid, Roles]] = field(default_factory=dict)
    reasons: dict[Parts, str] = field(default_factory=dict)
    # what could be read of these
    others: dict[Parts, Grid] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    # documents that gave names to the labels, or further columns to a table
    joined: set[Parts] = field(default_factory=set)

    @property
    def paths(self) -> list[str]:
        return ["/".join(parts) for parts in self.used]

    def split_of_table(self, document: Document) -> Split | None:
        """The split that the name of a table tells, where tables are named after several splits."""
        told = {parts: _split_of_name(parts) for parts in self.used}
        return told.get(document.parts) if len(set(told.values()) - {None}) > 1 else None


def read_tables(upload: Upload) -> Tables:
    """For `Upload.once`."""
    tables = Tables(rows=Rows(upload=upload))
    find = upload.once(finder_of)
    grids = {document.parts: grid for document, grid in _grids(upload, find, tables)}
    for parts, found in add_columns(grids, find, tables.joined).items():
        roles = find_roles(found, find)
        if isinstance(roles, Roles):
            tables.used[parts] = found, roles
        else:
            tables.reasons[parts] = roles
    tables.others = {parts: grids[parts] for parts in tables.reasons if parts in grids}
    names = _names(tables, upload)
    tables.joined |= names.documents
    tables.findings += names.findings
    for grid, roles in tables.used.values():
        _take(tables, grid, roles, names.names)
    return tables


def names_for(upload: Upload, labels: Collection[str]) -> ClassNames:
    """The names of classes that are numbers, for layouts whose labels stand elsewhere."""
    return find_names(labels, upload.once(read_tables).others, upload.once(declared_names))


def _names(tables: Tables, upload: Upload) -> ClassNames:
    used = tables.used.values()
    labels = {label for grid, roles in used for row in grid.rows if (label := label_of(roles, row))}
    columns = {grid.columns[roles.label] for grid, roles in used if roles.label is not None and grid.columns}
    return find_names(labels, tables.others, upload.once(declared_names), columns)


def _take(tables: Tables, grid: Grid, roles: Roles, names: Mapping[str, str]) -> None:
    for where in grid.too_long:
        tables.rows.fault(grid.document, "malformed", where, "more cells than there are columns")
    is_list = not roles.has_label and roles.split is None  # of the images of one split
    told = (_split_of_name(grid.document.parts) if is_list else None) or ""
    for row in grid.rows:
        label = label_of(roles, row)
        split = told if roles.split is None else row.cells[roles.split]
        tables.rows.take(
            grid.document,
            Row(
                where=row.where,
                file=row.cells[roles.file],
                label=label if label is None else names.get(label, label),
                split=roles.split_words.get(split.lower(), split),
                group="" if roles.group is None else row.cells[roles.group],
            ),
        )
    tables.findings += [*grid.findings, *_rivals(grid, roles)]


def _rivals(grid: Grid, roles: Roles) -> list[Finding]:
    if not roles.rivals or roles.label is None or grid.columns is None:
        return []
    path, rivals = grid.document.path, ", ".join(shorten(list(roles.rivals)))
    text = (
        f"{path}: the classes are taken from the column {grid.columns[roles.label]}; {rivals} might be meant as well. "
        "Take the other columns out, or call the right one label."
    )
    return [Finding(weight="warning", text=text, files=(path,))]


def _grids(upload: Upload, find: ImageFinder, tables: Tables) -> Iterator[tuple[Document, Grid]]:
    left_bytes = _MOST_BYTES
    for count, document in enumerate(_candidates(upload)):
        left_bytes -= document.size_bytes
        if "submission" in document.name:
            tables.reasons[document.parts] = SUBMISSION
        elif count >= _MOST_DOCUMENTS or left_bytes < 0:
            tables.reasons[document.parts] = "there are too many such files"
        else:
            try:
                yield document, _read(document, find, upload.most_rows)
            except DocumentUnreadable as fault:
                tables.reasons[document.parts] = str(fault)


def _candidates(upload: Upload) -> list[Document]:
    """Where there are too many, those that lie beside an image and have its name are about that image alone."""
    candidates = [document for document in upload.documents if document.suffix in SUFFIXES]
    if len(candidates) <= _MOST_DOCUMENTS:
        return candidates
    beside = upload.once(samples_of).documents
    return [document for document in candidates if document.parts not in beside]


def _read(document: Document, find: ImageFinder, most_rows: int) -> Grid:
    if document.suffix in delimited.SUFFIXES:
        return delimited.read_delimited(document, find, most_rows)
    read: Callable[[Document, int], Grid] = read_parquet
    if document.suffix == ".json":
        read = json_rows.read_json
    elif document.suffix in json_rows.LINES:
        read = json_rows.read_json_lines
    return read(document, most_rows)


def _split_of_name(parts: Parts) -> Split | None:
    return split_of(parts[-1].rpartition(".")[0])
