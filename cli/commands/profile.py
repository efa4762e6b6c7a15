"""`nettailor profile`: measures what every path costs on this machine and writes the table that the trainer reads."""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
import typer
from rich.progress import Progress
from rich.table import Table

from cli.console import PlainConsole
from cli.errors import CannotProfile
from cli.render.table import new_table, number
from hosting.errors import SettingsInvalid
from nettailor.errors import NetTailorError
from nettailor.network.backbones import Backbone, build_backbone
from nettailor.printable import printable
from server.engine.profile import Profile, measure
from server.errors import ServerError
from server.kernels.device import Device, open_device
from server.settings import ServerSettings

_SKIPS = (1, 2, 3)  # the sources that students have proxies from by default


@dataclass(frozen=True, kw_only=True)
class ProfileOptions:
    """What is None is taken from the settings (backbone), the backbone (side), or both (the name of the file)."""

    backbone: str | None
    side: int | None
    images: int
    rounds: int
    out: Path | None
    as_json: bool = False


def run(options: ProfileOptions) -> None:
    """Raises `CannotProfile`."""
    try:
        settings = ServerSettings()
        backbone = build_backbone(options.backbone or settings.backbone)  # time does not depend on the weights
        device = _device(settings)
    except (NetTailorError, ServerError, SettingsInvalid) as error:
        raise CannotProfile(str(error)) from error
    side = options.side or backbone.preprocessing.crop
    out = options.out or Path(f"costs-{backbone.name}-{side}.json")
    try:
        with out.open("a"):  # minutes of measuring must not end in a folder that is not there
            pass
        profile = _measure(backbone, device, options, side)
        out.write_text(json.dumps(profile.as_json(), indent=1) + "\n")
    except OSError as error:
        raise CannotProfile(f"{out}: {error.strerror or error}") from error
    if options.as_json:
        typer.echo(json.dumps({"file": str(out), **profile.as_json()}))
        return
    console = PlainConsole()
    console.print(costs_table(profile))
    console.print(printable(f"written to {out}"), soft_wrap=True, highlight=False)


def _device(settings: ServerSettings) -> Device:
    if settings.engine_threads:
        torch.set_num_threads(settings.engine_threads)
    return open_device(settings.device, settings.dtype, winograd=settings.winograd)


def _measure(backbone: Backbone, device: Device, options: ProfileOptions, side: int) -> Profile:
    with Progress(console=PlainConsole(stderr=True)) as bars:
        bar = bars.add_task("rounds", total=options.rounds)
        return measure(
            backbone,
            device,
            side=side,
            images=options.images,
            rounds=options.rounds,
            progress=lambda done: bars.update(bar, completed=done),
        )


def costs_table(profile: Profile) -> Table:
    """Milliseconds of each block against those of the proxies that could stand in for it."""
    skips = (f"from l-{skip}" for skip in _SKIPS)
    heads = ("node", "block", *skips, "median proxy", "proxy / block")
    table = new_table(_title(profile), *map(number, heads))
    for node, block in profile.block_ms.items():
        into = {node - source: ms for (source, target), ms in profile.proxy_ms.items() if target == node}
        nearest = [f"{into[skip]:.4f}" if skip in into else "" for skip in _SKIPS]
        typical = median(into.values())
        table.add_row(str(node), f"{block:.4f}", *nearest, f"{typical:.4f}", f"{typical / block:.0%}")
    stem, blocks = profile.stem_ms, sum(profile.block_ms.values())
    table.caption = f"stem {stem:.4f}, stem and blocks {stem + blocks:.4f}"
    return table


def _title(profile: Profile) -> str:
    where = f"{profile.device}, {profile.dtype}, {profile.threads} threads"
    return f"Milliseconds an image: {profile.backbone} at {profile.side} px, batches of {profile.images}, {where}"
