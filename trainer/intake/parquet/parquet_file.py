"""A Parquet file of a stranger: nothing is unpacked before what it claims is held to the limits."""

import struct
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from trainer.intake.parquet.library import ParquetUnreadable, pyarrow
from trainer.intake.parquet.pages import Page, read_pages
from trainer.intake.upload import Document

MAGIC = b"PAR1"
_END_BYTES = 8  # the size of the footer, and the magic bytes again
_FOOTER_BYTES = 64 << 20
_MOST_BATCH_ROWS = 4096
_BATCH_BYTES = 256 << 20  # of a column in a batch, if every row takes a page, or repeats a whole dictionary


@dataclass(frozen=True, kw_only=True)
class PageLimits:
    """``ratio`` is unpacked over packed, for pages of more than ``ratio_floor_bytes``."""

    page_bytes: int
    ratio: float
    ratio_floor_bytes: int


class ParquetFile:
    """Columns may be named with a part of theirs: ``label``, ``image.bytes``."""

    def __init__(self, document: Document) -> None:
        """Raises ParquetUnreadable, PyarrowMissing."""
        self._document = document
        self._arrow, parquet = pyarrow()
        _check_footer(document)
        with _faults(self._arrow):
            self._file = parquet.ParquetFile(document.file(), buffer_size=1 << 20)
            self.schema: Any = self._file.schema_arrow
            self.row_count: int = self._file.metadata.num_rows

    @property
    def types(self) -> Any:
        """The library's questions about kinds of columns."""
        return self._arrow.types

    def rows(self, columns: Sequence[str], limits: PageLimits) -> Iterator[dict[str, Any]]:
        """One after the other; memory is that of a page of each column, and of a few rows.

        Raises ParquetUnreadable.
        """
        with _faults(self._arrow):
            largest = max((_checked(page, limits).unpacked_bytes for page in self._pages(columns)), default=0)
            batch_rows = min(_MOST_BATCH_ROWS, max(1, _BATCH_BYTES // max(1, largest)))
            for batch in self._file.iter_batches(batch_size=batch_rows, columns=list(columns), use_threads=False):
                yield from batch.to_pylist()

    def _pages(self, columns: Collection[str]) -> Iterator[Page]:
        metadata, prefixes = self._file.metadata, tuple(f"{column}." for column in columns)
        file = self._document.file()
        for group in range(metadata.num_row_groups):
            for index in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(index)
                if f"{chunk.path_in_schema}.".startswith(prefixes):
                    offsets = (chunk.dictionary_page_offset, chunk.data_page_offset)
                    start = min(offset for offset in offsets if offset is not None and offset > 0)
                    yield from read_pages(file, start, chunk.total_compressed_size)


def _checked(page: Page, limits: PageLimits) -> Page:
    """Raises ParquetUnreadable."""
    size_bytes = page.unpacked_bytes
    if size_bytes > limits.page_bytes:
        raise ParquetUnreadable(f"a page unpacks to {size_bytes} bytes; write fewer rows at once (row_group_size=100)")
    if size_bytes > limits.ratio_floor_bytes and size_bytes > limits.ratio * page.packed_bytes:
        raise ParquetUnreadable(f"a page unpacks to more than {limits.ratio:g} times its size")
    return page


def _check_footer(document: Document) -> None:
    file = document.file()
    file.seek(max(0, document.size_bytes - _END_BYTES))
    end = file.read(_END_BYTES)
    if len(end) < _END_BYTES or end[4:] != MAGIC:
        raise ParquetUnreadable("it has no footer; it may be cut off")
    if struct.unpack("<I", end[:4])[0] > _FOOTER_BYTES:
        raise ParquetUnreadable("its footer is too long")


@contextmanager
def _faults(arrow: Any) -> Iterator[None]:
    try:
        yield
    except (arrow.ArrowException, OSError, ValueError) as fault:
        raise ParquetUnreadable(f"it is damaged ({str(fault)[:100]})") from None
