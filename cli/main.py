"""The `nettailor` command: options and messages; the work is in the files beside this one."""

import io
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.calibration.command import add_calibration
from cli.commands.arguments.task_name import checked_task_name
from cli.commands.arguments.version import ShowVersion
from cli.commands.backbones import backbone_app
from cli.commands.delete import delete
from cli.commands.evaluate import evaluate
from cli.commands.export import export
from cli.commands.jobs import add_job_commands
from cli.commands.keys import commands as keys_commands
from cli.commands.link import link
from cli.commands.options import DEFAULT_DIR, ClientDir, KeyOption, Url, one_line_errors, service
from cli.commands.output import AsJson, as_line, show
from cli.commands.predict import predict
from cli.commands.upkeep import add_upkeep
from cli.commands.versions import registry_app
from cli.console import PlainConsole
from cli.transfer.commands import add_transfer
from nettailor.printable import printable

app = typer.Typer(
    name="nettailor",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Many image-recognition tasks from one shared, frozen ResNet (NetTailor, CVPR 2019).\n\n"
    "`nettailor up` starts the service. `nettailor tailor` turns a folder of images into a task that it answers.",
)


@app.callback()
def nettailor(*, version: ShowVersion = False) -> None:
    """What comes before any command. A terminal that lacks a letter of some name shows that letter's number."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


app.add_typer(keys_commands, name="keys")
add_upkeep(registry_app)
add_transfer(registry_app)
app.add_typer(registry_app)
app.add_typer(backbone_app)


class Preset(StrEnum):
    fast = "fast"
    balanced = "balanced"
    thorough = "thorough"


class Method(StrEnum):
    nettailor = "nettailor"
    features = "features"
    batchnorm = "batchnorm"
    parallel_adapters = "parallel-adapters"
    series_adapters = "series-adapters"
    dan = "dan"
    piggyback = "piggyback"
    packnet = "packnet"
    lwf = "lwf"
    finetuning = "finetuning"


class Skips(StrEnum):
    one = "1"
    three = "3"
    five = "5"
    dense = "dense"


class Priority(StrEnum):
    high = "high"
    normal = "normal"
    low = "low"


class Loss(StrEnum):
    logits = "logits"
    local = "local"
    paper = "paper"


class Measure(StrEnum):
    macs = "macs"
    params = "params"
    milliseconds = "milliseconds"


class LogLevel(StrEnum):
    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


def _option(text: str, **bounds: float) -> Any:
    """An option that is left to the service where it is not given."""
    return typer.Option(help=text, show_default=False, **bounds)  # type: ignore[arg-type]  # min and max


def _setting(name: str, text: str) -> Any:
    """An option that is left to the settings where it is not given. They read the variable, and say in one line what is
    wrong with it."""
    return typer.Option(help=f"{text} Variable: NETTAILOR_{name.upper()}.", show_default=False)


GroupBy = Annotated[
    str | None,
    typer.Option(
        metavar="PATTERN",
        help="Images whose paths this regular expression matches alike stay in one split, such as 'video[0-9]+'.",
        show_default=False,
    ),
]


@app.command()
def up(
    *,
    data_dir: Annotated[
        Path | None,
        _setting("data_dir", f"Where all state is kept: bundles, datasets, index, jobs. Default: {DEFAULT_DIR}."),
    ] = None,
    host: Annotated[str | None, _setting("host", "Address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, _setting("port", "Port to listen on; 0: any free one. Default: 8000.")] = None,
    log_level: Annotated[LogLevel | None, _setting("log_level", "How much to log, on stderr. Default: info.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Say in one line of JSON where the service is, once it is ready.")
    ] = False,
    lifeline: Annotated[bool, typer.Option("--lifeline", hidden=True, help="Stop when stdin ends.")] = False,
) -> None:
    """Start everything on one port: registry, trainer, server, and an embedded Redis unless NETTAILOR_REDIS_URL is set.

    Ctrl-C stops it within seconds. State stays in the data folder; jobs that were running resume at the next start.
    Settings of the parts are NETTAILOR_* environment variables, or keys of the TOML file that NETTAILOR_CONFIG names;
    docs/operations.md lists them.
    """
    from cli.service.up import UpOptions, run  # torch and the three services: only this command pays the import

    with one_line_errors():
        level = None if log_level is None else log_level.value
        options = UpOptions(data_dir=data_dir, host=host, port=port, log_level=level, lifeline=lifeline)
        run(options, as_json=as_json)


@app.command()
def inspect(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A folder or archive, as for `nettailor tailor`.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page, with a few pictures of each class.", show_default=False),
    ] = None,
    group_by: GroupBy = None,
) -> None:
    """Look at a dataset before anything is trained on it: what it is taken for, its classes and splits, what is left
    out and why, what is odd.

    Needs no service, and uploads nothing. Exit status 1 if it cannot be trained on.
    """
    from cli.inspection.run import run_inspect  # Pillow and numpy: not for every `nettailor --help`

    with one_line_errors():
        run_inspect(data, group_by, as_json=as_json, html=html)


@app.command()
def tailor(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="A folder or archive (zip, tar, tar.gz, tar.zst): one folder of images a class, or a table of labels.",
        ),
    ],
    *,
    task: Annotated[
        str,
        typer.Option(callback=checked_task_name, help="Name of the task: lower-case letters, digits, '.', '_', '-'."),
    ],
    preset: Annotated[
        Preset | None,
        typer.Option(
            help="How much time to spend: fast a first look in minutes, balanced about ten minutes for 3000 "
            "images, thorough hours. What these data will take is told before training begins. Default: balanced."
        ),
    ] = None,
    seed: Annotated[int | None, _option("The same seed and data give the same bundle; 0 by default.", min=0)] = None,
    backbone: Annotated[
        str | None,
        _option("Which backbone: an architecture, or a name of `nettailor backbone list`. Default: the service's."),
    ] = None,
    method: Annotated[
        Method | None,
        _option("How to change the network; nettailor by default."),
    ] = None,
    skips: Annotated[Skips | None, _option("From how many of the nearest nodes proxies come.")] = None,
    gamma1: Annotated[float | None, _option("Weight of the complexity.", min=0)] = None,
    gamma2: Annotated[float | None, _option("Weight of the teacher.", min=0)] = None,
    loss: Annotated[
        Loss | None,
        _option("What is compared with the teacher's: logits by default, local adds the nodes, paper as published."),
    ] = None,
    measure: Annotated[Measure | None, _option("What complexity counts.")] = None,
    target_drop: Annotated[
        float | None, _option("Accuracy that may be lost against the teacher; 0.005 is half a point.", min=0, max=0.5)
    ] = None,
    max_macs: Annotated[
        float | None, _option("Most MACs, as a share of the whole backbone's; instead of --target-drop.", min=0)
    ] = None,
    max_latency_ms: Annotated[
        float | None, _option("Most milliseconds an image, by the service's table; instead of --target-drop.", min=0)
    ] = None,
    max_minutes: Annotated[float | None, _option("Time for the training; the best found within it.", min=0)] = None,
    accept_rough: Annotated[
        bool,
        typer.Option(
            "--accept-rough",
            help="Let a version that --max-minutes cut short go live as any other: if it is not worse.",
        ),
    ] = False,
    warm_start: Annotated[
        str | None, _option("Start from this version of the task, a number or live, when images were added.")
    ] = None,
    after: Annotated[
        str | None,
        _option("With method packnet: stand on this version's weights, TASK[@VERSION], or none. Default: the newest."),
    ] = None,
    priority: Annotated[Priority | None, _option("Which of the waiting jobs run first; normal by default.")] = None,
    group_by: GroupBy = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, whatever is odd about the data.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the job once it has ended, in one line of JSON; all else to stderr.")
    ] = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Tailor the network to a dataset and publish the result, showing progress until it is done.

    The data are looked at first, here, as by `nettailor inspect`: nothing is uploaded that cannot be trained on. The
    first version of a task goes live; a later one goes live if it is not worse. Ctrl-C stops watching; the job
    goes on for as long as the service runs, and `nettailor watch` shows it again.
    """
    from cli.inspection.run import look_before_upload
    from cli.render.following import follow, telling_how_to_return
    from cli.render.progress import AWAY
    from cli.render.report import print_result
    from cli.service.packing import packed

    console = PlainConsole(stderr=as_json)
    options = {"preset": preset, "seed": seed, "backbone": backbone, "skips": skips, "gamma1": gamma1, "gamma2": gamma2}
    options |= {"method": method, "loss": loss, "measure": measure, "target_drop": target_drop}
    options |= {"max_macs": max_macs, "max_latency_ms": max_latency_ms}
    options |= {
        "max_minutes": max_minutes,
        "accept_rough": accept_rough or None,
        "warm_start": warm_start,
        "after": after,
        "priority": priority,
        "group_by": group_by,
    }
    with one_line_errors(), service(url, data_dir, key) as client:
        with packed(data) as archive:  # no longer than it takes: a copy of the whole data set
            look_before_upload(data, archive, group_by, console, yes=yes)
            job = client.upload(task, archive, options=options, waiting=lambda: console.print(AWAY))
        console.print(printable(f"job {job.id}"))
        with telling_how_to_return(job.id, console):
            ended = follow(client, {task: job.id}, console)[task]
        print_result(client, ended, console)
    if as_json:
        typer.echo(as_line(ended))


app.command()(predict)
app.command()(evaluate)


@app.command()
def tasks(*, as_json: AsJson = False, url: Url = None, data_dir: ClientDir = None, key: KeyOption = None) -> None:
    """List the tasks, their latest versions and their aliases."""
    from cli.render.tasks import tasks_table

    with one_line_errors(), service(url, data_dir, key) as client:
        found = client.tasks()
        show(found, lambda: tasks_table(found), as_json=as_json)


add_job_commands(app)
app.command()(export)
app.command()(link)
app.command()(delete)


@app.command()
def demo(
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the service running until Ctrl-C, and its data folder after that.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON line, the last.")] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="An empty or new folder for the demo's state, kept. Default: a temporary one, removed."),
    ] = None,
    preset: Annotated[Preset, typer.Option(help="How much time to spend on each task.")] = Preset.fast,
) -> None:
    """The whole path, offline, from nothing: start, upload two datasets, tailor, predict.

    Removed MACs and parameters are shares of the whole backbone, net of everything the task adds: proxies, alphas,
    batch-norm statistics, classifier. Accuracies are of the test split, which training never saw.
    """
    from cli.demo.run import run_demo

    with one_line_errors():
        run_demo(data_dir=data_dir, keep=keep, as_json=as_json, preset=preset.value)


add_calibration(app)


@app.command()
def profile(
    *,
    backbone: Annotated[
        str | None,
        typer.Option(help="Which backbone. Default: the setting NETTAILOR_BACKBONE, else mini26.", show_default=False),
    ] = None,
    side: Annotated[
        int | None,
        typer.Option(min=8, max=1024, help="Pixels a side of the images. Default: the backbone's.", show_default=False),
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="How many images a batch.")] = 8,
    rounds: Annotated[int, typer.Option(min=1, help="How often every path is timed; medians are taken.")] = 15,
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write. Default: costs-BACKBONE-SIDE.json in this folder.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure what every path of the network costs on this machine, in milliseconds.

    Stem, blocks and all proxies that could be run as the server runs them, on the device, with the dtype and the
    threads of its settings. Set NETTAILOR_COST_TABLE to the file, and networks are tailored for this machine's time
    instead of for MACs.
    """
    from cli.commands.profile import ProfileOptions, run  # torch, as above

    with one_line_errors():
        run(ProfileOptions(backbone=backbone, side=side, images=images, rounds=rounds, out=out, as_json=as_json))


@app.command()
def doctor(
    *,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="NETTAILOR_DATA_DIR",
            help=f"The data folder, as of `nettailor up`. Default: {DEFAULT_DIR}.",
            show_default=False,
        ),
    ] = None,
    expect_features: Annotated[
        Path | None,
        typer.Option(
            help="A .npz or .safetensors file with images and the features that your own model gives for them: check "
            "whether the backbone gives the same.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Check whether a service can run here, or why the one that runs does not: settings, torch, device, threads, data
    folder, Redis, blobs, backbone, port, keys. Each line says what to do.

    Nothing is changed; it runs beside a service and without one. Exit status 1 if a check fails.
    """
    from cli.doctor.run import run  # torch, as above

    with one_line_errors():
        run(data_dir, as_json=as_json, expect_features=expect_features)
