"""What became of a job: the version it published and what that saves."""

from rich.console import Console

from cli.client import Client, Json
from cli.figures import Figures, figures_of
from cli.tables import figures_table
from nettailor.manifest import Manifest


def print_result(client: Client, job: Json, console: Console) -> None:
    task, version = str(job["task"]), int(job["result"]["version"])
    console.print(figures_table([version_figures(client, task, version)]))
    aliases = [alias for alias, named in client.task(task)["aliases"].items() if named == version]
    console.print(f"{task} version {version}" + (f" is {', '.join(sorted(aliases))}" if aliases else ""))


def version_figures(client: Client, task: str, version: int) -> Figures:
    record = client.version(task, version)
    return figures_of(Manifest.model_validate(record["manifest"]), bundle_bytes=int(record["size_bytes"]))
