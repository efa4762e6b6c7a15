"""What became of a job: the version it published and what that saves."""

from rich.console import Console

from cli.render.figures import Figures, figures_of, figures_table
from nettailor.accuracy import in_words
from nettailor.bundle.manifest import Manifest
from nettailor.printable import printable
from nettailor_client import Client
from nettailor_client.answers.jobs import Job
from nettailor_client.request import Json


def published(job: Job) -> int:
    """The version that a job that succeeded has published."""
    return int((job.result or {})["version"])


def print_result(client: Client, job: Job, console: Console) -> None:
    task, version, result = job.task, published(job), job.result or {}
    console.print(figures_table([version_figures(client, task, version)]))
    aliases = [alias for alias, number in client.task(task).aliases.items() if number == version]
    named = f" is {', '.join(sorted(aliases))}" if aliases else ""
    console.print(printable(f"{task} version {version}{named}"))
    if report := result.get("report"):
        console.print(printable(f"how it was made: {client.url}{client.link(report).url}"))
    if compared := result.get("compared"):
        console.print(comparison(version, compared))
    if early := result.get("finished_early"):
        console.print(printable(ended_early(early)))
    if limited := result.get("time"):
        console.print(printable(time_used(limited)))
    if reason := result.get("reason"):
        console.print(printable(f"{result.get('alias')}, as {reason}"))


def time_used(limited: Json) -> str:
    """Minutes, and what they were too few for."""
    used = f"{limited['used_minutes']:.1f} of {limited['max_minutes']:g} minutes used"
    skipped = limited.get("skipped")  # jobs of older releases have none
    return f"time-limited ({used}): {', '.join(skipped)}" if skipped else used


def ended_early(early: Json) -> str:
    """Who ended the search, and with which network it would have gone on."""
    tried, rate = len(early["candidates"]), early.get("rate")
    skipped = f"without {early['skipped']} blocks" if rate is None else f"with a learning rate of {rate:g}"
    return f"{early['by']} ended the search early: it had measured {tried} networks and would have gone on {skipped}"


def comparison(version: int, compared: Json) -> str:
    """A version that began as an earlier one, beside that one: on the same test images."""
    earlier, images = compared["version"], compared["images"]
    if compared["accuracy"] is None:
        return f"no test image that version {earlier} never saw: versions {earlier} and {version} cannot be compared"
    seen = compared["seen"]
    which = {None: "of which it may have seen some", 0: "none of which it has seen"}
    others = which.get(seen, f"{seen} others it has seen")
    return (
        f"on {images} test images: version {earlier} {in_words(compared['accuracy'], images)} ({others}), "
        f"version {version} {in_words(compared['new_accuracy'], images)}"
    )


def version_figures(client: Client, task: str, version: int) -> Figures:
    record = client.version(task, version)
    return figures_of(Manifest.model_validate(record.manifest), bundle_bytes=record.size_bytes)
