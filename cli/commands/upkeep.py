"""`nettailor registry verify`, `gc` and `rebuild`: looking after blobs, records and index, on the data folder itself.

They need no service, and may run beside one: its embedded Redis is then used.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.arguments.since import seconds_of
from cli.commands.options import DataDir, default_dir, one_line_errors
from cli.commands.output import AsJson, as_line
from cli.console import PlainConsole
from cli.errors import OptionUnusable, RegistryUnusable
from cli.render.garbage import print_collection
from cli.render.progress import counting
from cli.render.scrub import print_scrub
from nettailor.printable import printable

if TYPE_CHECKING:  # Redis and pydantic are imported by the commands that need them, not by every `nettailor --help`
    from hosting.settings.settings import Settings
    from registry.registry import Registry

Grace = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help="Leave alone what was written less than this ago: 30m, 24h, 7d. Longer than any publish or upload takes.",
    ),
]
Delete = Annotated[bool, typer.Option("--delete", help="Delete it; without this, only say what would go.")]


def add_upkeep(commands: typer.Typer) -> None:
    """Register the commands."""

    @commands.command()
    def verify(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
        """Read every blob and record and compare it with its checksum.

        Corrupt blobs go to the quarantine; publishing or uploading the same bytes again restores them. Exit status 1
        if anything is wrong.
        """
        with one_line_errors():
            run_verify(data_dir or default_dir(), as_json=as_json)

    @commands.command()
    def gc(*, grace: Grace = "24h", delete: Delete = False, as_json: AsJson = False, data_dir: DataDir = None) -> None:
        """Find blobs that nothing names: no version, no alias, no job that is open or may be retried.

        Without --delete nothing is removed. The quarantine is never touched.
        """
        with one_line_errors():
            run_gc(data_dir or default_dir(), grace, delete=delete, as_json=as_json)

    @commands.command()
    def rebuild(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
        """Make the index in Redis what the records beside the blobs say: versions, aliases, history."""
        with one_line_errors():
            run_rebuild(data_dir or default_dir(), as_json=as_json)


def run_verify(data_dir: Path, *, as_json: bool = False) -> None:
    """Raises `RegistryUnusable`; `typer.Exit` if there are faults."""
    from hosting.settings.settings import Settings
    from registry.journal.records import Records
    from registry.maintenance.scrub import Scrub
    from registry.storage.blobs import Blobs

    with usable():
        blobs = Blobs(_existing(Settings(data_dir=data_dir)).blobs_location)
        with counting("verify", PlainConsole(stderr=True)) as progress:
            report = Scrub(blobs, Records(blobs.store), progress).run()
        quarantined = sum(1 for _ in blobs.quarantine)
    if as_json:
        typer.echo(as_line({**asdict(report), "quarantined": quarantined}))
    else:
        print_scrub(report, quarantined, PlainConsole(highlight=False))
    if report.faults:
        raise typer.Exit(1)


def run_gc(data_dir: Path, grace: str, *, delete: bool, as_json: bool = False) -> None:
    """Raises `RegistryUnusable`."""
    from registry.wiring import connect
    from trainer.jobs.blob_references import blobs_in_use
    from trainer.settings import Settings
    from trainer.wiring import open_jobs

    with usable():
        grace_s = _seconds(grace)
        settings = Settings(data_dir=data_dir)
        with registry_in(settings) as (registry, url), connect(url) as client:
            jobs = open_jobs(settings, client, registry.blobs)
            keep_failed_s = max(grace_s, settings.keep_failed_jobs_seconds)
            with counting("gc", PlainConsole(stderr=True)) as progress:
                collection = registry.collect_garbage(
                    grace_s, dry_run=not delete, keep=lambda: blobs_in_use(jobs, keep_failed_s), progress=progress
                )
    if as_json:
        typer.echo(as_line({**asdict(collection), "size_bytes": collection.size_bytes}))
    else:
        print_collection(collection, grace, PlainConsole(highlight=False))


def run_rebuild(data_dir: Path, *, as_json: bool = False) -> None:
    """Raises `RegistryUnusable`."""
    from hosting.settings.settings import Settings

    with usable(), registry_in(Settings(data_dir=data_dir)) as (registry, _):
        with counting("rebuild", PlainConsole(stderr=True)) as progress:
            rebuilt = registry.rebuild(progress)
        existing = sum(task.exists for task in registry.tasks())
    left_out = [str(fault) for fault in rebuilt.left_out]
    if as_json:
        typer.echo(as_line({"tasks": rebuilt.tasks, "existing": existing, "left_out": left_out}))
    else:
        console = PlainConsole(highlight=False)
        console.print(f"rebuilt the index of {rebuilt.tasks} tasks, {existing} of them with versions")
        for fault in left_out:
            console.print(f"left out: {printable(fault)}")
    if rebuilt.left_out:
        raise typer.Exit(1)


@contextmanager
def registry_in(settings: "Settings") -> "Iterator[tuple[Registry, str]]":
    """The registry of a data folder, and the URL of its Redis. Raises `RegistryUnusable`."""
    from registry.wiring import open_registry, shared_redis_service

    with shared_redis_service(_existing(settings)) as url, open_registry(settings, url) as registry:
        yield registry, url


def _existing(settings: "Settings") -> "Settings":
    """A mistyped folder must not become a new, sound and empty one; what is written into it is private."""
    from hosting.processes.private_files import keep_files_private

    if (settings.redis_url is None or settings.blobs_url is None) and not settings.data_dir.is_dir():
        raise RegistryUnusable(f"no data folder {settings.data_dir}")
    if settings.blobs_folder is not None and not settings.blobs_folder.is_dir():  # every start of a service makes it
        raise RegistryUnusable(f"no registry is kept here: there is no folder {settings.blobs_folder}")
    keep_files_private(settings.data_dir)
    return settings


@contextmanager
def usable() -> Iterator[None]:
    """Whatever keeps a registry from being used is a `RegistryUnusable`."""
    from hosting.errors import HostingError
    from registry.errors import RegistryError
    from trainer.errors import TrainerError

    try:
        yield
    # ImportError: s3:// without its package
    except (HostingError, RegistryError, TrainerError, OSError, ImportError) as error:
        raise RegistryUnusable(str(error)) from error


def _seconds(text: str) -> float:
    found = seconds_of(text)
    if found is None:
        raise OptionUnusable(f"--grace: {text!r} is no time: a whole number and s, m, h or d")
    return found
