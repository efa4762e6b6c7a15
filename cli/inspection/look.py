"""A look at an archive on this machine, with the code by which a service takes it in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cli.console import PlainConsole
from cli.errors import NotADataset, OptionUnusable, SettingsUnusable, TooLargeHere
from cli.render.progress import counting
from hosting.errors import SettingsInvalid
from trainer.errors import ArchiveTooBig, OptionsInvalid, UploadEmpty, UploadInvalid
from trainer.intake.archives.limits import IntakeLimits, intake_limits
from trainer.intake.inspection import Inspection, Progress, inspect
from trainer.intake.understand import Understanding, understand
from trainer.settings import Settings


def look(data: Path, archive: Path, *, group_by: str | None) -> Inspection:
    """What is in the archive that ``data`` was packed into. On a terminal a bar counts the files meanwhile.

    Raises `NotADataset` for what is no usable archive, `TooLargeHere`, `OptionUnusable`, `SettingsUnusable`.
    """
    with _looking(data) as progress:
        return inspect(archive, _limits(), group_by=group_by, progress=progress)


def understood(data: Path, archive: Path, spool: BinaryIO) -> Understanding:
    """As `look`, with what the images are labelled as; their bytes are kept in the spool."""
    with _looking(data) as progress:
        return understand(archive, spool, _limits(), progress=progress)


def look_with_page(data: Path, archive: Path, *, group_by: str | None) -> tuple[Inspection, str]:
    """As `look`, with an HTML page that shows it and a few pictures of each class."""
    from trainer.reports.inspection_page import inspect_with_page  # its templates: only who wants a page waits for them

    with _looking(data) as progress:
        return inspect_with_page(archive, _limits(), group_by=group_by, progress=progress)


def _limits() -> IntakeLimits:
    """Those of a service with the settings of this machine."""
    try:
        return intake_limits(Settings())
    except SettingsInvalid as error:
        raise SettingsUnusable(str(error)) from error


@contextmanager
def _looking(data: Path) -> Iterator[Progress]:
    try:
        with counting("looking", PlainConsole(stderr=True)) as count:
            yield lambda files: count(files, None)
    except ArchiveTooBig as fault:
        raise TooLargeHere(data, str(fault)) from fault
    except UploadEmpty as fault:
        raise NotADataset(data, "an empty file") from fault
    except UploadInvalid as fault:
        raise NotADataset(data, str(fault)) from fault
    except OSError as fault:  # a file that is gone meanwhile, a full disk
        raise NotADataset(data, f"cannot be looked at: {fault.strerror or fault}") from fault
    except OptionsInvalid as fault:
        raise OptionUnusable(str(fault)) from fault
