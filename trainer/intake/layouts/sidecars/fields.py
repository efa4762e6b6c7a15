"""The files beside the images as one table: a row an image, a column for what each kind of file says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from trainer.intake.layouts.image_finder import finder_of
from trainer.intake.layouts.sidecars.samples import SUFFIXES, Files, samples_of
from trainer.intake.layouts.tables.grid import Grid, GridBuilder
from trainer.intake.layouts.tables.json_rows import cell
from trainer.intake.layouts.tables.roles import Roles, find_roles, is_label
from trainer.intake.upload import Document, DocumentUnreadable, Upload

_TEXT_BYTES = 2000
_MOST_CHARACTERS = 300  # of a label: more is none, and still too long for one
_JSON_BYTES = 1 << 20  # of one file
_ALL_BYTES = 256 << 20
_FILE, _CLASS, _TEXT = "file", "class", "text"
_NUMBERS = re.compile(r"^-?[\d.]+(\s+-?[\d.]+){3,}$")  # boxes


@dataclass(frozen=True, kw_only=True)
class Fields:
    """``grid`` has the rows in the order of the samples; ``roles`` is None where nothing sorts them into classes."""

    grid: Grid
    roles: Roles
    # files that cannot be read, and why
    faults: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The name of the column that the classes are taken from."""
        columns = self.grid.columns or ()
        return "" if self.roles.label is None else columns[self.roles.label]

    @property
    def is_called_label(self) -> bool:
        """Whether its name says that it is one, and nothing had to be found out by the values."""
        return bool(self.roles.one_hot) or is_label(self.label)


def fields_of(upload: Upload) -> Fields | None:
    """For `Upload.once`; None where too few images have such a file, or these are too many or too large."""
    samples = upload.once(samples_of).samples
    documents = [document for sample in samples for document in sample.files.values()]
    if 2 * len(samples) < len(upload.images) or not documents:
        return None
    if sum(document.size_bytes for document in documents) > _ALL_BYTES:
        return None
    faults: dict[str, str] = {}
    rows = [(sample.image, _cells(sample.files, faults)) for sample in samples]
    columns = list(dict.fromkeys(name for _, cells in rows for name in cells))
    builder = GridBuilder(_all_of(documents), upload.most_rows)
    try:
        for image, cells in rows:
            builder.add("/".join(image), ["/".join(image), *(cells.get(column, "") for column in columns)])
        grid = builder.build([_FILE, *columns])
    except DocumentUnreadable:
        return None
    roles = find_roles(grid, upload.once(finder_of))
    return Fields(grid=grid, roles=roles, faults=faults) if isinstance(roles, Roles) else None


def _cells(files: Files, faults: dict[str, str]) -> dict[str, str]:
    """What the files of one sample say. That of the class comes first, so that its column does."""
    cells: dict[str, str] = {}
    for suffix in SUFFIXES:
        document = files.get(suffix)
        if document is not None and suffix == ".json":
            cells |= {
                (f"{name} (json)" if name in cells else name): text for name, text in _json(document, faults).items()
            }
        elif document is not None:
            cells.setdefault(_TEXT if suffix == ".txt" else _CLASS, _words(document))
    return cells


def _json(document: Document, faults: dict[str, str]) -> dict[str, str]:
    try:
        if document.size_bytes > _JSON_BYTES:
            raise DocumentUnreadable(f"more than {_JSON_BYTES} bytes")
        content = document.json()
    except DocumentUnreadable as fault:
        faults[document.path] = str(fault)
        return {}
    if not isinstance(content, dict):
        return {_CLASS: cell(content)}
    return {name: cell(value)[:_MOST_CHARACTERS] for name, value in content.items()}


def _words(document: Document) -> str:
    """The one line of a text; "" for more, and for numbers of boxes."""
    text = document.head(_TEXT_BYTES).decode("utf-8", "replace").removeprefix("\ufeff").strip()
    return "" if "\n" in text or _NUMBERS.match(text) else cell(text)[:_MOST_CHARACTERS]


def _all_of(documents: list[Document]) -> Document:
    first = documents[0]
    return Document(parts=(f"*{first.suffix}",), size_bytes=0, offset=0, spool=first.spool)
