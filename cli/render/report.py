"""What became of a job: the version it published and what that saves."""

from rich.console import Console

from cli.render.figures import Figures, figures_of, figures_table
from cli.service.client import Client
from cli.service.session import Json
from nettailor.bundle.manifest import Manifest
from nettailor.printable import printable


def print_result(client: Client, job: Json, console: Console) -> None:
    task, version = str(job["task"]), int(job["result"]["version"])
    console.print(figures_table([version_figures(client, task, version)]))
    aliases = [alias for alias, number in client.task(task)["aliases"].items() if number == version]
    named = f" is {', '.join(sorted(aliases))}" if aliases else ""
    console.print(printable(f"{task} version {version}{named}"))
    if report := job["result"].get("report"):
        console.print(printable(f"how it was made: {client.url}{report}"))
    if compared := job["result"].get("compared"):
        console.print(comparison(version, compared))
    if early := job["result"].get("finished_early"):
        console.print(printable(ended_early(early)))
    if limited := job["result"].get("time"):
        console.print(f"{limited['used_minutes']:.1f} of {limited['max_minutes']:g} minutes used")


def ended_early(early: Json) -> str:
    """Who ended the search, and with which network it would have gone on."""
    tried, skipped = len(early["candidates"]), early["skipped"]
    return (
        f"{early['by']} ended the search early: it had measured {tried} networks and would have gone on without "
        f"{skipped} blocks"
    )


def comparison(version: int, compared: Json) -> str:
    """A version that began as an earlier one, beside that one: on the same test images."""
    earlier = compared["version"]
    if compared["accuracy"] is None:
        return f"no test image that version {earlier} never saw: versions {earlier} and {version} cannot be compared"
    seen = compared["seen"]
    which = {None: "of which it may have seen some", 0: "none of which it has seen"}
    others = which.get(seen, f"{seen} others it has seen")
    return (
        f"on {compared['images']} test images: version {earlier} {compared['accuracy']:.1%} ({others}), "
        f"version {version} {compared['new_accuracy']:.1%}"
    )


def version_figures(client: Client, task: str, version: int) -> Figures:
    record = client.version(task, version)
    return figures_of(Manifest.model_validate(record["manifest"]), bundle_bytes=int(record["size_bytes"]))
