"""The libraries of the extra `export`, imported only where an export wants them."""

import importlib
from typing import Any

from server.errors import ExportLibraryMissing


def library(name: str) -> Any:
    """An imported module. Raises `ExportLibraryMissing`."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as failure:
        if failure.name != name.partition(".")[0]:
            raise  # the library is there, and lacks something itself
        raise ExportLibraryMissing(name) from failure
