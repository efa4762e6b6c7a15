"""A Parquet file of a stranger: nothing is unpacked before what it claims is held to the limits."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from trainer.intake.parquet.footer import read_chunks
from trainer.intake.parquet.library import ParquetUnreadable, pyarrow
from trainer.intake.parquet.pages import Page, read_pages
from trainer.intake.upload import Document

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
        self._chunks = read_chunks(document.file())
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

    def _pages(self, columns: Iterable[str]) -> Iterator[Page]:
        file, prefixes = self._document.file(), tuple(f"{column}." for column in columns)
        for chunk in self._chunks:
            if f"{chunk.path}.".startswith(prefixes):
                yield from read_pages(file, chunk.start, chunk.size_bytes)


def _checked(page: Page, limits: PageLimits) -> Page:
    """Raises ParquetUnreadable."""
    size_bytes = page.unpacked_bytes
    if size_bytes > limits.page_bytes:
        raise ParquetUnreadable(f"a page unpacks to {size_bytes} bytes; write fewer rows at once (row_group_size=100)")
    if size_bytes > limits.ratio_floor_bytes and size_bytes > limits.ratio * page.packed_bytes:
        raise ParquetUnreadable(f"a page unpacks to more than {limits.ratio:g} times its size")
    return page


@contextmanager
def _faults(arrow: Any) -> Iterator[None]:
    try:
        yield
    except (arrow.ArrowException, OSError, ValueError) as fault:
        raise ParquetUnreadable(f"it is damaged ({str(fault)[:100]})") from None
