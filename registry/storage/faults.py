"""What a store's file system raises, as errors of the registry: whoever asks can tell "not there" from "not known"."""

import contextlib
from collections.abc import Iterator

from hosting.disk.reserve import is_full
from hosting.telemetry.redaction import without_secrets
from registry.errors import RegistryError, StoreUnavailable

_REASON_CHARACTERS = 300


@contextlib.contextmanager
def reaching() -> Iterator[None]:
    """Turn every fault of a store into `StoreUnavailable`, but for a file that is missing or there already, and for a
    full disk: those say something of what was asked."""
    try:
        yield
    except (FileNotFoundError, FileExistsError, RegistryError):
        raise
    except OSError as fault:
        if is_full(fault):
            raise
        raise StoreUnavailable(reason_of(fault)) from fault
    except Exception as fault:  # the libraries of S3, Azure, Google and the like have no error in common
        raise StoreUnavailable(reason_of(fault)) from fault


def reason_of(fault: Exception) -> str:
    """In one line, without secrets: some libraries put the whole request into it."""
    text = " ".join(str(fault).split())
    told = f"{type(fault).__name__}: {text}" if text else type(fault).__name__
    return without_secrets(told, longest=_REASON_CHARACTERS)
