"""`nettailor doctor` on settings: their values, variables that are none, and the file of keys."""

import os
from collections.abc import Iterator
from pathlib import Path

from cli.doctor.finding import Finding, fail, ok, warn
from hosting.access.allowed_hosts import is_loopback
from hosting.access.keys import exposure_of, read_keys
from hosting.errors import KeysInvalid
from hosting.settings.settings_file import PREFIX, suggestion
from nettailor.architecture.geometry import geometry
from nettailor.complexity.counting import measured_path_costs
from nettailor.errors import NetTailorError
from server.settings import ServerSettings
from trainer.settings import Settings as TrainerSettings

# That others than services read: the command line, the tests, docker-compose.yml, and `python -m deploy.ray`.
_OF_COMMANDS = frozenset({"url", "key"})
_OF_TESTS = frozenset({"test_data", "pictures", "screenshots"})
_OF_COMPOSE = frozenset({"image_s3", "image_tag", "pip_conf", "publish", "runbooks"})
_OF_RAY = frozenset(
    f"ray_{name}"
    for name in (
        *("replicas", "max_replicas", "replica_resources", "ingresses", "ingress_resources", "num_cpus", "num_gpus"),
        *("target_ongoing_requests", "max_ongoing_requests", "max_queued_requests", "attempts", "routing"),
        *("upscale_delay_s", "downscale_delay_s", "advertise_s"),
    )
)
_OF_OTHERS = _OF_COMMANDS | _OF_TESTS | _OF_COMPOSE | _OF_RAY


def variables() -> Iterator[Finding]:
    """Variables of the environment that look like settings and that nobody reads."""
    known = ServerSettings.model_fields.keys() | TrainerSettings.model_fields.keys() | _OF_OTHERS
    for variable in sorted(os.environ):
        name = variable.upper().removeprefix(PREFIX).lower()
        if variable.upper().startswith(PREFIX) and name not in known:
            meant = suggestion(variable.upper(), [f"{PREFIX}{each.upper()}" for each in known]).removeprefix("; ")
            advice = meant or "unset it, if it was meant for this service"
            yield warn("settings", f"{variable} is no setting", advice)


def values(settings: ServerSettings, trainer_settings: TrainerSettings) -> Iterator[Finding]:
    read_from = "the environment" + (f" and {settings.config}" if settings.config else "")
    yield ok("settings", f"well-formed, from {read_from}")
    for name in ("backbone_weights", "cost_table"):
        path = getattr(trainer_settings, name)
        if path is not None and not path.is_file():
            yield fail("settings", f"{PREFIX}{name.upper()}: there is no file {path}", "correct the path, or unset it")
            return
    if trainer_settings.cost_table is not None:
        try:
            measured_path_costs(geometry(settings.backbone), trainer_settings.cost_table)
        except NetTailorError as error:
            yield fail("settings", str(error), "measure again with `nettailor profile`")


def keys(settings: ServerSettings) -> Iterator[Finding]:
    path = settings.keys_file
    if path is None:
        if is_loopback(settings.host):
            yield ok("keys", f"none; only this machine reaches {settings.host}")
        else:
            advice = "make some with `nettailor keys new`, or listen on 127.0.0.1"
            yield warn("keys", f"none, and whoever reaches {settings.host} may publish and delete", advice)
        return
    try:
        found = read_keys(path)
    except KeysInvalid as error:
        yield fail("keys", str(error), "correct the file; no service starts with it")
        return
    yield _permissions(path) or ok("keys", f"{len(found)} in {path}")
    if not any("admin" in key.scopes for key in found):
        yield warn("keys", "none is good for `admin`", "without one nothing can be deleted and no policy set over HTTP")


def _permissions(path: Path) -> Finding | None:
    exposure, advice = exposure_of(path), f"chmod 640 {path}"
    if exposure is None:
        return None
    return fail("keys", exposure.words, advice) if exposure.writable else warn("keys", exposure.words, advice)
