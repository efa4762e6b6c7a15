"""`nettailor doctor`: whether a service can run here, or why the one that runs does not. Nothing is changed by it."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from cli.console import PlainConsole
from cli.doctor import features, machine, records, state
from cli.doctor import settings as setting_checks
from cli.doctor.chains import chains
from cli.doctor.finding import Finding, fail, warn
from cli.doctor.leftovers import leftovers
from cli.doctor.state import Index
from hosting.errors import SettingsInvalid
from hosting.telemetry.redaction import without_secrets
from nettailor.printable import printable
from registry.errors import StoreUnavailable, StoreUnusable
from server.settings import ServerSettings
from trainer.settings import Settings as TrainerSettings

LIMIT_SECONDS = 60.0  # of a check; torch takes ten to import on a slow machine, a store that is away twenty
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def run(data_dir: Path | None, *, as_json: bool, expect_features: Path | None = None) -> None:
    """Raises `typer.Exit` with status 1 if any check fails."""
    findings = [replace(each, found=without_secrets(each.found)) for each in examine(data_dir, expect_features)]
    if as_json:
        typer.echo(json.dumps({"healthy": not _failed(findings), "checks": [asdict(each) for each in findings]}))
    else:
        _print(findings, PlainConsole(highlight=False))
    if _failed(findings):
        raise typer.Exit(1)


def examine(data_dir: Path | None, expect_features: Path | None = None) -> Iterator[Finding]:
    """Every check, in the order in which they build on each other; that of features only with a file of them."""
    chosen: dict[str, Any] = {} if data_dir is None else {"data_dir": data_dir}
    yield from setting_checks.variables()
    try:
        settings, trainer_settings = ServerSettings(**chosen), TrainerSettings(**chosen)
    except SettingsInvalid as error:
        for where, reason in error.faults:
            yield fail("settings", f"{where}: {reason}", "correct it; docs/operations.md lists every setting")
        yield warn("everything else", "was not looked at", "correct the settings first")
        return
    index = Index()
    yield from _guarded("settings", lambda: setting_checks.values(settings, trainer_settings))
    yield from _guarded("keys", lambda: setting_checks.keys(settings))
    yield from _guarded("torch", machine.torch_imports)
    yield from _guarded("processor", machine.processor)
    yield from _guarded("int8", lambda: machine.int8(settings.dtype))
    yield from _guarded("device", lambda: machine.device(settings))
    yield from _guarded("threads", lambda: machine.threads(settings))
    yield from _guarded("data folder", lambda: state.data_folder(settings))
    yield from _guarded("leftovers", lambda: leftovers(trainer_settings))
    yield from _guarded("redis", lambda: state.redis_answers(settings, index))
    yield from _guarded("blobs", lambda: state.blobs(settings, index))
    yield from _guarded("chains", lambda: chains(settings, index.packed))
    yield from _guarded("records", lambda: records.records(settings))
    yield from _guarded("backbone", lambda: machine.backbone(settings, index.live, index.backbones))
    if expect_features is not None:
        yield from _guarded("features", lambda: features.expected_features(settings, expect_features))
    yield from _guarded("port", lambda: state.port(settings))


def _guarded(check: str, look: Callable[[], Iterable[Finding]], *, seconds: float = LIMIT_SECONDS) -> Iterator[Finding]:
    """What a check finds in its time; one that takes longer is left behind, and the others still run."""
    found: SimpleQueue[Finding | None] = SimpleQueue()
    Thread(target=lambda: _look(check, look, found), name=f"doctor-{check}", daemon=True).start()
    deadline = time.monotonic() + seconds
    try:
        while (finding := found.get(timeout=max(0.0, deadline - time.monotonic()))) is not None:
            yield finding
    except Empty:
        yield fail(check, f"no end after {seconds:g} s", "something that it asks does not answer; look at the network")


def _look(check: str, look: Callable[[], Iterable[Finding]], found: "SimpleQueue[Finding | None]") -> None:
    try:
        for finding in look():
            found.put(finding)
    except (StoreUnavailable, StoreUnusable):
        found.put(warn(check, "was not looked at, without a store", "see what is said of the blobs"))
    except Exception as error:  # a check that raises is a finding, and the others must still run
        found.put(fail(check, f"{type(error).__name__}: {error}", "this is as far as the check came"))
    finally:
        found.put(None)


def _failed(findings: Sequence[Finding]) -> bool:
    return any(each.state == "fail" for each in findings)


def _print(findings: Sequence[Finding], console: Console) -> None:
    width = max(len(each.check) for each in findings)
    for each in findings:
        state = (f"{each.state:<4}", _COLOURS[each.state])
        console.print(Text.assemble(state, f"  {each.check:<{width}}  {printable(each.found)}"), soft_wrap=True)
        if each.advice:
            advice = ("->", "dim"), f" {printable(each.advice)}"
            console.print(Text.assemble(" " * (width + 8), *advice), soft_wrap=True)
    failures = sum(each.state == "fail" for each in findings)
    warnings = sum(each.state == "warn" for each in findings)
    console.print(f"{len(findings)} checks: {failures} failed, {warnings} with a warning", soft_wrap=True)
