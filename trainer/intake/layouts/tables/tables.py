"""All tables of an upload, and what they say together."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding, shorten
from trainer.intake.layouts.folders.shape import placements_by_folder
from trainer.intake.layouts.image_finder import ImageFinder, finder_of
from trainer.intake.layouts.rows import Row, Rows, Said
from trainer.intake.layouts.sidecars.samples import samples_of
from trainer.intake.layouts.split_words import split_of
from trainer.intake.layouts.tables import delimited, json_rows
from trainer.intake.layouts.tables.class_names import ClassNames, find_names
from trainer.intake.layouts.tables.declared_names import declared_names
from trainer.intake.layouts.tables.grid import Grid, GridRow
from trainer.intake.layouts.tables.joins import add_columns
from trainer.intake.layouts.tables.parquet import read_parquet
from trainer.intake.layouts.tables.roles import Roles, classes_of, find_roles, label_of
from trainer.intake.placement import SPLITS, Placement, Split
from trainer.intake.upload import Document, DocumentUnreadable, Upload

GUESSED = "none of its columns is taken as the class, which"
SUBMISSION = "it is called a submission, whose labels are made up"
SUFFIXES = (*delimited.SUFFIXES, *json_rows.LINES, ".json", ".parquet")
_PIXELS = "its rows seem to be the pixels of images: save each as an image file, in a folder a class"
_NOTHING = frozenset({"nan", "<na>", "null"})  # how programs write that there is no label
_LEAST_PIXELS = 64  # of scikit-learn's digits
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

    def split_by_name(self, said: Said) -> Split | None:
        """The split that the names of the tables tell which name an image, where tables are named after several."""
        told = {parts: _split_of_name(parts) for parts in self.used}
        if len(set(told.values()) - {None}) < 2:
            return None
        found = {told.get(document.parts) for document in (said.document, *said.also)}
        return next((split for split in SPLITS if split in found), None)


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
            tables.reasons[parts] = _PIXELS if not upload.images and _are_pixels(found) else roles
    _drop_guesses(tables, find, upload.once(placements_by_folder))
    tables.others = {parts: grids[parts] for parts in tables.reasons if parts in grids}
    names = _names(tables, upload)
    tables.joined |= names.documents
    tables.findings += names.findings
    for grid, roles in tables.used.values():
        _take(tables, grid, roles, names.names)
    return tables


def _drop_guesses(tables: Tables, find: ImageFinder, folders: Mapping[Parts, Placement]) -> None:
    """Take the label out of tables whose column of classes was only guessed, where another table tells what most of
    their images are, or their folders do, in other words; and such a table away where it tells nothing else."""
    used = tables.used
    guessed = [parts for parts, (_, roles) in used.items() if roles.is_guess]
    told = [each for each in used.values() if each[1].has_label and not each[1].is_guess] if guessed else []
    by_table = {image: label for each in told for image, label in _labels_of(*each, find).items()}
    by_folder = {image: place.label for image, place in folders.items()} if guessed else {}
    for parts in guessed:
        grid, roles = used[parts]
        found = _labels_of(grid, roles, find)
        tells = _tells(found, by_table, "another table tells") or _tells(found, by_folder, "folders tell")
        if tells and (roles.split, roles.group) == (None, None):
            tables.reasons[parts] = f"{GUESSED} {tells}"
            del used[parts]
        elif tells:
            used[parts] = grid, replace(roles, label=None, rivals=(), is_guess=False)


def _labels_of(grid: Grid, roles: Roles, find: ImageFinder) -> dict[Parts, str]:
    found = ((find(row.cells[roles.file], grid.document.folder), label_of(roles, row)) for row in grid.rows)
    return {image: label for image, label in found if image is not None and label}


def _tells(guessed: Mapping[Parts, str], told: Mapping[Parts, str], what: str) -> str:
    """``what``, if it sorts most of these images into other classes than the guess does; "" else."""
    both = [(label, told[image]) for image, label in guessed.items() if image in told]
    labels, names = {label for label, _ in both}, {name for _, name in both}
    is_same = len(set(both)) == len(labels) == len(names)  # it calls the classes otherwise
    return what if 2 * len(both) > len(guessed) and len(names) > 1 and not is_same and not labels & names else ""


def _are_pixels(grid: Grid) -> bool:
    """Whether the rows are images themselves: a column a pixel, or a cell with all of them."""
    cells = grid.rows[0].cells if grid.rows else ()
    numbers = [cell for cell in cells if cell.isdigit()]
    return len(numbers) >= _LEAST_PIXELS or any(len(cell.split()) >= _LEAST_PIXELS for cell in cells)


def names_for(upload: Upload, labels: Collection[str]) -> ClassNames:
    """The names of classes that are numbers, for layouts whose labels stand elsewhere."""
    return find_names(labels, upload.once(read_tables).others, upload.once(declared_names))


def _names(tables: Tables, upload: Upload) -> ClassNames:
    used = tables.used.values()
    labels = {label for grid, roles in used for row in grid.rows if (label := label_of(roles, row))}
    columns = {grid.columns[roles.label] for grid, roles in used if roles.label is not None and grid.columns}
    return find_names(labels, tables.others, upload.once(declared_names), columns)


def _take(tables: Tables, grid: Grid, roles: Roles, names: Mapping[str, str]) -> None:
    for row in grid.too_long:
        image = tables.rows.find(grid.document, row.cells[roles.file])
        tables.rows.fault(grid.document, "malformed", row.where, "more cells than there are columns", image=image)
    is_list = not roles.has_label and roles.split is None  # of the images of one split
    told = (_split_of_name(grid.document.parts) if is_list else None) or ""
    for row in grid.rows:
        label = label_of(roles, row)
        name = label if label is None else names.get(label, "" if label.casefold() in _NOTHING else label)
        split = told if roles.split is None else row.cells[roles.split]
        tables.rows.take(
            grid.document,
            Row(
                where=row.where,
                file=row.cells[roles.file],
                label=name,
                split=roles.split_words.get(split.lower(), split),
                group="" if roles.group is None else row.cells[roles.group],
                instead=_instead(grid, roles, row) if name == "" else "",
                split_place="" if roles.split is None else f" in {_column(grid, roles.split)}",
            ),
        )
    tables.findings += [*grid.findings, *_rivals(grid, roles)]


def _instead(grid: Grid, roles: Roles, row: GridRow) -> str:
    """What a row without a class has in the place of one."""
    if roles.label is not None:
        cell, column = row.cells[roles.label], _column(grid, roles.label)
        return f"{cell[:50]!r} in {column} is none" if cell else f"{column} is empty"
    told = classes_of(roles, row)
    return f"the columns {', '.join(shorten(told))} say several" if told else "no column of a class is 1"


def _column(grid: Grid, index: int) -> str:
    return f"column {index + 1}" if grid.columns is None else f"the column {grid.columns[index][:50]}"


def _rivals(grid: Grid, roles: Roles) -> list[Finding]:
    """The finding on columns that may tell the class as well: an error where nothing but their cells speaks for any."""
    if not roles.rivals or roles.label is None:
        return []
    path, rivals = grid.document.path, ", ".join(shorten(list(roles.rivals)))
    column = f"column {roles.label + 1}" if grid.columns is None else f"the column {grid.columns[roles.label]}"
    if roles.is_guess and grid.columns is not None:
        columns = f"{grid.columns[roles.label]}, {rivals}"
        text = f"{path}: any of the columns {columns} may be the class. Call the right one label."
        return [Finding(weight="error", text=text, files=(path,))]
    text = (
        f"{path}: the classes are taken from {column}; {rivals} might be meant as well. Take the other "
        "columns out, or call the right one label."
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
        read = json_rows.read_json_lines if json_rows.are_lines(document) else json_rows.read_json
    elif document.suffix in json_rows.LINES:
        read = json_rows.read_json_lines
    return read(document, most_rows)


def _split_of_name(parts: Parts) -> Split | None:
    return split_of(parts[-1].rpartition(".")[0])
