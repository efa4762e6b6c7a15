"""pyarrow, which is an extra."""

import importlib
from typing import Any


class ParquetUnreadable(Exception):
    """Its text is the reason."""


class PyarrowMissing(ParquetUnreadable):
    def __init__(self) -> None:
        super().__init__("needs pyarrow here: pip install 'nettailor-server[parquet]'")


def pyarrow() -> tuple[Any, Any]:
    """The library, and its part for Parquet. Raises PyarrowMissing."""
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise PyarrowMissing from None
