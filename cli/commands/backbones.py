"""`nettailor backbone`: weights that every server and trainer of a service can use. Options and messages, as in
`cli.main`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from cli.commands.options import ClientDir, KeyOption, Url, one_line_errors, service
from cli.commands.output import AsJson, say, show
from cli.render.ids import short_digest
from cli.render.table import minute, new_table, number, size, whole, with_notes
from nettailor_client.answers.backbones import Backbone

backbone_app = typer.Typer(
    name="backbone",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Weights of your own, for every server and trainer of a service: add, list, remove.",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the backbone.")]


@backbone_app.command()
def add(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A state dict as training tools write it: .pth, .safetensors, .ckpt.")
    ],
    *,
    name: Annotated[str, typer.Option(help="What `nettailor tailor --backbone` will call it.")],
    architecture: Annotated[
        str | None,
        typer.Option(help="resnet18, resnet34, ... Default: what the tensors look like.", show_default=False),
    ] = None,
    expect_features: Annotated[
        Path | None,
        typer.Option(
            help="A .npz or .safetensors file with images and the features that your own model gives for them: weights "
            "that give others are refused.",
            show_default=False,
        ),
    ] = None,
    note: Annotated[str, typer.Option(help="What they are; shown in the list.", show_default=False)] = "",
    as_json: AsJson = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Check a file of weights here, and store it under a name in the service's registry. Takes the scope admin.

    From then on `nettailor tailor --backbone NAME` trains with them, and servers answer for the tasks made of them.
    """
    from cli.commands.weights import canonical_file  # torch: only this command pays the import

    with one_line_errors():
        data = canonical_file(file, architecture=architecture, expect_features=expect_features)
        with service(url, data_dir, key) as client:
            added = client.add_backbone(name, data, note=note)
    text = f"backbone {added.name}: {added.architecture}, fingerprint {added.fingerprint}, {size(added.size_bytes)}"
    say(added, text, as_json=as_json)


@backbone_app.command("list")
def list_backbones(
    *, as_json: AsJson = False, url: Url = None, data_dir: ClientDir = None, key: KeyOption = None
) -> None:
    """List the backbones that were added."""
    with one_line_errors(), service(url, data_dir, key) as client:
        found = client.backbones()
        show(found, lambda: _table(found), as_json=as_json)


@backbone_app.command()
def remove(
    name: Name,
    *,
    reason: Annotated[str, typer.Option(help="Why; kept in the history.", show_default=False)] = "",
    as_json: AsJson = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Remove a backbone that no version needs. `nettailor registry gc` then frees its space. Takes the scope admin."""
    with one_line_errors(), service(url, data_dir, key) as client:
        client.remove_backbone(name, reason=reason)
    say({"removed": name}, f"removed backbone {name}", as_json=as_json)


def _table(backbones: Sequence[Backbone]) -> RenderableType:
    """Below it, their notes."""
    if not backbones:
        return Text("no backbones were added: every service has its own, of the setting NETTAILOR_BACKBONE")
    table = new_table(
        "Backbones",
        *("name", whole("architecture"), whole("fingerprint"), number("size"), whole("added (UTC)"), "by"),
    )
    for backbone in backbones:
        table.add_row(
            backbone.name,
            backbone.architecture,
            short_digest(backbone.fingerprint),
            size(backbone.size_bytes),
            minute(backbone.added_at),
            backbone.actor,
        )
    return with_notes(table, {each.name: each.note for each in backbones if each.note})
