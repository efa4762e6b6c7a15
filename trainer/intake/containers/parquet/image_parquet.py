"""Parquet files of images, as Hugging Face stores data sets: a row an image, its bytes and its label in columns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trainer.errors import ArchivePathUnsafe
from trainer.intake.archives.archive import Member
from trainer.intake.archives.formats import suffix_of
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.archives.paths import is_hidden, is_litter, safe_parts
from trainer.intake.containers.container import Content
from trainer.intake.containers.label_table import Cell, LabelTable
from trainer.intake.containers.parquet.image_columns import ImageColumns, image_columns
from trainer.intake.findings import Finding
from trainer.intake.layouts.split_words import split_of
from trainer.intake.parquet.footer import MAGIC
from trainer.intake.parquet.library import ParquetUnreadable
from trainer.intake.parquet.parquet_file import PageLimits, ParquetFile
from trainer.intake.placement import Split
from trainer.intake.upload import Document

_PAGE_BYTES = 1 << 30  # a hundred photos of ten megabytes


class ImageParquet:
    name = "Parquet of images"
    seen_from = "Hugging Face Datasets 5.2 (`to_parquet`, `push_to_hub`), pandas; pyarrow 26"
    reads = (
        "a row an image: its bytes in a column `image` (a struct of bytes and path, or bytes), labels and more in "
        "others; names of classes from the schema or `README.md`; the split from the file's name "
        "(`train-00000-of-00002`) or folder"
    )
    suffixes = (".parquet",)

    def recognise(self, document: Document) -> bool:
        """False without pyarrow: then it is a document that says so."""
        if document.head(len(MAGIC)) != MAGIC:
            return False
        try:
            return image_columns(ParquetFile(document)) is not None
        except ParquetUnreadable:
            return False

    def expand(self, document: Document, limits: IntakeLimits) -> Iterator[Member | Finding]:
        try:
            file = ParquetFile(document)
            columns = image_columns(file)
            assert columns is not None
            if file.row_count > limits.members:
                raise ParquetUnreadable(f"it has {file.row_count} rows, the limit is {limits.members} files")
            yield from _Shard(document, columns, limits).members(file)
        except ParquetUnreadable as fault:
            text = f"{document.path} cannot be read: {fault}."
            yield Finding(weight="error", text=text, files=(document.path,))


@dataclass(kw_only=True)
class _Counts:
    rows: int = 0
    without_image: int = 0
    several: int = 0


class _Shard:
    """One file of a data set."""

    def __init__(self, document: Document, columns: ImageColumns, limits: IntakeLimits) -> None:
        self._document = document
        self._columns = columns
        self._limits = limits
        self._split = _split_of(document)
        self._table = LabelTable(document)
        self._names: set[str] = set()
        self._counts = _Counts()

    def members(self, file: ParquetFile) -> Iterator[Member | Finding]:
        pages = PageLimits(
            page_bytes=_PAGE_BYTES, ratio=self._limits.ratio, ratio_floor_bytes=self._limits.ratio_floor_bytes
        )
        for row in file.rows(self._columns.leaves, pages):
            data, path = self._columns.image_of(row)
            name = self._name(path, data)
            self._table.add(name, self._cells(row))
            self._counts.rows += 1
            self._counts.without_image += data is None
            if data is not None:
                yield Member(parts=(name,), size_bytes=len(data), source=Content(name=name, data=data))
        yield self._table.member()
        yield from self._findings()

    def _name(self, path: str, data: bytes | None) -> str:
        """That of the path where there is one that may be a file's and is no other image's, else a number."""
        number = self._counts.rows
        name = path.replace("\\", "/").rpartition("/")[2] or f"{number:06d}.{suffix_of(data or b'') or 'img'}"
        if not self._is_fit(name):
            name = f"{number:06d}_{name}" if self._is_fit(f"{number:06d}_{name}") else f"{number:06d}.img"
        self._names.add(name)
        return name

    def _is_fit(self, name: str) -> bool:
        try:
            parts = safe_parts(name, self._limits)
        except ArchivePathUnsafe:
            return False
        return (
            len(parts) == 1 and name == parts[0] and name not in self._names and not is_hidden(parts) | is_litter(name)
        )

    def _cells(self, row: Mapping[str, Any]) -> dict[str, Cell]:
        columns = self._columns
        cells = {columns.called(column): self._word(column, row[column]) for column in columns.plain}
        for column in columns.lists:
            values = row[column] or []
            self._counts.several += len(values) > 1
            cells[columns.called(column)] = self._word(column, values[0]) if len(values) == 1 else ""
        return cells if self._split is None else {**cells, "split": self._split}

    def _word(self, column: str, value: Any) -> Cell:
        """The name of a class instead of its number; a number below 0 stands for none."""
        names = self._columns.names.get(column)
        if names is None or not isinstance(value, int):
            return value if isinstance(value, str | int | float) else ""
        return names[value] if 0 <= value < len(names) else "" if value < 0 else value

    def _findings(self) -> Iterator[Finding]:
        path, counts = self._document.path, self._counts
        if 2 * counts.without_image > counts.rows:
            text = (
                f"{path}: {counts.without_image} of {counts.rows} images are not in the file, only their paths. Embed "
                "them before you save it: rows.with_format('arrow').map(datasets.table.embed_table_storage, "
                "batched=True, batch_size=100)."
            )
            yield Finding(weight="error", text=text, files=(path,))
        if counts.several:
            are_most = 2 * counts.several > counts.rows
            mend = "An image can be of one class here" if are_most else "They are left out"
            text = f"{path}: {counts.several} of {counts.rows} images have several classes. {mend}: keep one of them."
            yield Finding(weight="error" if are_most else "warning", text=text, files=(path,))
        if self._columns.others:
            others = ", ".join(self._columns.others)
            text = (
                f"{path}: the images are taken from the column {self._columns.image}; those of {others} are not read."
            )
            yield Finding(weight="warning", text=text, files=(path,))


def _split_of(document: Document) -> Split | None:
    """By the file's name, else by that of the nearest folder which tells one."""
    stem = document.parts[-1].rpartition(".")[0]
    splits = (split_of(name) for name in (stem, *reversed(document.folder)))
    return next((split for split in splits if split is not None), None)
