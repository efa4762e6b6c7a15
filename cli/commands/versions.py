"""`nettailor registry`: what people do with versions. Options and messages, as in `cli.main`."""

import re
from enum import StrEnum
from typing import Annotated, Any

import typer

from cli.commands import output
from cli.commands.arguments.abbreviation import version_meant
from cli.commands.options import ClientDir, KeyOption, Url, one_line_errors, service
from cli.commands.output import AsJson, as_line, say
from cli.console import PlainConsole
from cli.errors import MalformedTag, NotLive
from nettailor_client.answers.versions import Version as AnnotatedVersion

registry_app = typer.Typer(
    name="registry",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Versions of tasks: list, compare, promote, roll back, carry elsewhere, say what may go live; and upkeep.",
)


class PointAlias(StrEnum):
    candidate = "candidate"
    live = "live"


Task = Annotated[str, typer.Argument(metavar="TASK", help="Name of the task.")]
Version = Annotated[
    str, typer.Argument(metavar="VERSION", help="Number of the version, or the beginning of its digest.")
]
Alias = Annotated[str, typer.Option(help="The alias to move.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the history.", show_default=False)]


@registry_app.command()
def versions(
    task: Task,
    *,
    tag: Annotated[
        list[str] | None, typer.Option(help="Only those with this tag: NAME=TEXT, or NAME; repeatable.")
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """List the versions of a task, with their test accuracy and their share of the backbone's MACs."""
    from cli.render.versions.versions import versions_table

    with one_line_errors(), service(url, data_dir, key) as client:
        found = client.versions(task, tags=tag or [])
        if as_json:
            typer.echo(as_line(found))
        else:
            PlainConsole().print(versions_table(task, found, client.task(task).aliases))


@registry_app.command()
def history(
    task: Task, *, as_json: AsJson = False, url: Url = None, data_dir: ClientDir = None, key: KeyOption = None
) -> None:
    """List everything that happened to a task: who, when, what, why."""
    from cli.render.versions.history import history_table

    with one_line_errors(), service(url, data_dir, key) as client:
        found = client.history(task)
        output.show(found, lambda: history_table(task, found), as_json=as_json)


@registry_app.command()
def show(
    task: Task,
    version: Version,
    *,
    as_json: AsJson = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Show where a version comes from, which aliases name it and when it was live."""
    from cli.render.versions.lineage import lineage_table

    with one_line_errors(), service(url, data_dir, key) as client:
        found = client.lineage(task, version_meant(client, task, version))
        output.show(found, lambda: lineage_table(found), as_json=as_json)


@registry_app.command()
def compare(
    task: Task,
    *,
    versions: Annotated[
        str, typer.Option(metavar="N,M,...", help="Their numbers; the others are compared with the first.")
    ],
    as_json: AsJson = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Compare versions on the test images of the data set that all of them were tailored to.

    Accuracy and its difference with intervals, parameters, MACs, size of the bundle, milliseconds.
    """
    from cli.render.versions.comparison import comparison_table

    numbers = _numbers(versions)
    with one_line_errors(), service(url, data_dir, key) as client:
        found = client.compare(task, numbers)
        output.show(found, lambda: comparison_table(found), as_json=as_json)


@registry_app.command()
def front(
    task: Task,
    version: Version,
    *,
    publish: Annotated[
        int | None, typer.Option(min=0, help="Publish the network with so many blocks removed.", show_default=False)
    ] = None,
    alias: Annotated[
        PointAlias | None, typer.Option(help="The alias to point at it, with --publish.", show_default=False)
    ] = None,
    reason: Reason = "",
    as_json: AsJson = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """List every network that was tried when a version was made, or publish another one of them.

    It becomes a version of the task. It goes live only if it passes the task's policy.
    """
    from cli.render.versions.front import front_table

    if alias is not None and publish is None:
        raise typer.BadParameter("only with --publish", param_hint="--alias")
    with one_line_errors(), service(url, data_dir, key) as client:
        number = version_meant(client, task, version)
        if publish is None:
            points = client.front(task, number)
            output.show(points, lambda: front_table(task, number, points), as_json=as_json)
            return
        made = client.publish_point(task, number, publish, alias=None if alias is None else alias.value, reason=reason)
        if made.refused:
            raise NotLive(task, made.version, str(alias), made.refused)
    named = f" is {made.alias}" if made.alias else ""
    say(made, f"{task} version {made.version}{named}", as_json=as_json)


@registry_app.command()
def promote(
    task: Task,
    version: Version,
    *,
    alias: Alias = "live",
    expected: Annotated[
        int | None, typer.Option(min=1, help="Only if the alias names this version now.", show_default=False)
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Although the version does not pass the policy; needs --reason.")
    ] = False,
    reason: Reason = "",
    as_json: AsJson = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Point an alias at a version. To go live, the version must pass the task's policy."""
    with one_line_errors(), service(url, data_dir, key) as client:
        number = version_meant(client, task, version)
        move = client.promote(task, alias, number, expected=expected or "anything", force=force, reason=reason)
    forced = ", forced past the policy" if move.forced else ""
    say(move, f"{task}@{alias} is version {move.after} (was {move.before or 'none'}){forced}", as_json=as_json)


@registry_app.command()
def rollback(
    task: Task,
    *,
    alias: Alias = "live",
    reason: Reason = "",
    as_json: AsJson = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Point an alias at what it named before. No policy is checked."""
    with one_line_errors(), service(url, data_dir, key) as client:
        move = client.rollback(task, alias, reason=reason)
    say(move, f"{task}@{alias} is version {move.after} (was {move.before})", as_json=as_json)


@registry_app.command()
def tag(
    task: Task,
    version: Version,
    tags: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=TEXT...", help="Tags to set.", show_default=False)
    ] = None,
    *,
    remove: Annotated[
        list[str] | None, typer.Option(help="Name of a tag to remove; repeatable.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Set or remove tags of a version, and show those it has."""
    with one_line_errors(), service(url, data_dir, key) as client:
        changes = dict(_tag(word) for word in tags or []) | dict.fromkeys(remove or [])
        found = client.annotate(task, version_meant(client, task, version), tags=changes)
    shown = " ".join(f"{name}={text}" for name, text in sorted(found.tags.items()))
    say(_annotation(found), shown or "no tags", as_json=as_json)


@registry_app.command()
def note(
    task: Task,
    version: Version,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The note; empty to remove it.")],
    *,
    as_json: AsJson = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Replace the note of a version."""
    with one_line_errors(), service(url, data_dir, key) as client:
        found = client.annotate(task, version_meant(client, task, version), tags={}, note=text)
    say(_annotation(found), f"{task} version {found.version}: " + (text or "no note"), as_json=as_json)


@registry_app.command()
def policy(
    task: Task,
    *,
    min_accuracy: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Least accuracy on the test split, 0 to 1.", show_default=False),
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="How much less accurate than the live version on the same test split; 0.005 is half a point.",
            show_default=False,
        ),
    ] = None,
    max_macs: Annotated[
        float | None,
        typer.Option(min=0, help="Most MACs, as a share of the whole backbone's.", show_default=False),
    ] = None,
    allow_int8: Annotated[
        bool | None,
        typer.Option("--int8/--no-int8", help="Whether int8 may serve the task's versions.", show_default=False),
    ] = None,
    max_int8_drop: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="How much accuracy int8 may cost a version, as measured when it was calibrated; else fp32 serves it.",
            show_default=False,
        ),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="The task has no policy any more.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Show or set what a version must show to go live, and whether int8 may serve it.

    Setting replaces the whole policy: what is not given is not required. Without a policy, people promote what they
    want, and the trainer what is not worse than live by more than NETTAILOR_PUBLISH_SLACK.
    """
    from cli.render.policy import policy_table

    requirements = {
        "min_accuracy": min_accuracy,
        "max_drop": max_drop,
        "max_macs": max_macs,
        "max_int8_drop": max_int8_drop,
    }
    sets = allow_int8 is not None or any(value is not None for value in requirements.values())
    if sets and clear:
        raise typer.BadParameter("not together with requirements", param_hint="--clear")
    with one_line_errors(), service(url, data_dir, key) as client:
        if clear:
            client.clear_policy(task, reason=reason)
        elif sets:
            client.set_policy(task, **requirements, allow_int8=allow_int8 is not False, reason=reason)
        found = client.policy(task)
        output.show(found, lambda: policy_table(found), as_json=as_json)


def _annotation(found: AnnotatedVersion) -> dict[str, Any]:
    return {"task": found.task, "version": found.version, "tags": found.tags, "note": found.note}


def _tag(word: str) -> tuple[str, str | None]:
    name, equals, text = word.partition("=")
    if not equals:
        raise MalformedTag(word)
    return name, text


def _numbers(text: str) -> list[int]:
    """Raises `typer.BadParameter`."""
    words = [word.strip() for word in text.split(",")]
    if not all(re.fullmatch(r"[0-9]{1,18}", word) for word in words):
        raise typer.BadParameter("numbers of versions, separated by commas", param_hint="--versions")
    return [int(word) for word in words]
