"""What `nettailor registry gc` prints."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from cli.render.ids import short_digest
from cli.render.progress import duration
from cli.render.table import new_table, number, size, whole

if TYPE_CHECKING:  # the registry is imported by the commands that need it, not by every `nettailor --help`
    from registry.maintenance.garbage import Collection, Garbage

_SHOWN = 50  # rows


def print_collection(collection: "Collection", grace: str, console: Console) -> None:
    if collection.garbage:
        console.print(_garbage_table(collection.garbage))
    done = "deleted" if collection.deleted else "would delete"
    console.print(
        f"{done} {len(collection.garbage)} blobs ({size(collection.size_bytes)}); kept {collection.named} that are in "
        f"use and {collection.young} younger than {grace}" + ("" if collection.deleted else "; --delete removes them"),
        soft_wrap=True,
    )


def _garbage_table(garbage: "Iterable[Garbage]") -> Table:
    table = new_table("Blobs that nothing names, largest first", whole("blob"), number("size"), number("age"))
    largest = sorted(garbage, key=lambda blob: -blob.size_bytes)
    for blob in largest[:_SHOWN]:
        table.add_row(short_digest(blob.digest), size(blob.size_bytes), duration(blob.age_s))
    if len(largest) > _SHOWN:
        table.caption = f"and {len(largest) - _SHOWN} more"
    return table
