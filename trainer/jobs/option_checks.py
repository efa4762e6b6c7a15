"""Whether this installation can meet an upload's options, checked before anything is queued."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from nettailor.architecture.geometry import PUBLISHED_WEIGHTS, backbone_names, geometry
from nettailor.bundle.manifest import WHOLE_METHODS, Method
from nettailor.complexity.counting import measured_path_costs
from nettailor.errors import CostTableInvalid
from registry.errors import AliasUnknown, TaskUnknown, VersionUnknown
from registry.journal.records import BackboneAdded, VersionRecord
from registry.registry import Registry
from trainer.errors import BackboneNotPruned, OldHeadsMissing, OptionsInvalid
from trainer.jobs.options import TailorOptions
from trainer.pattern import compiled
from trainer.settings import Settings

# Options that say how a student is pruned and taught, which the method nettailor alone does.
_OF_NETTAILOR = (
    "skips",
    "gamma1",
    "gamma2",
    "loss",
    "measure",
    "target_drop",
    "max_macs",
    "max_latency_ms",
)
_NOT_WHOLE = ("max_minutes", "accept_rough", "warm_start")  # which a whole network's training does not know
_STARTS_PROXIES: frozenset[Method] = frozenset({"nettailor", "features", "batchnorm"})  # of which nettailor can begin


@dataclass(frozen=True, kw_only=True)
class BackboneChoice:
    """What to tailor: the weights `stored` in the registry; else the local file `weights`; else those that are shipped
    or published."""

    architecture: str
    weights: Path | None = None
    stored: BackboneAdded | None = None


def check_options(options: TailorOptions, task: str, settings: Settings, registry: Registry) -> None:
    """Raises OptionsInvalid, which names the option."""
    backbone = backbone_of(options, settings, registry)
    _check_after(options, backbone, registry)
    if options.method == "lwf" and backbone.stored is not None:
        raise OldHeadsMissing(backbone.stored.name)  # the registry keeps no classifiers
    if options.method not in {None, "nettailor"}:
        refused = (*_OF_NETTAILOR, *_NOT_WHOLE) if options.method in WHOLE_METHODS else _OF_NETTAILOR
        for name in refused:
            if getattr(options, name) is not None:
                raise OptionsInvalid(name, f"has no meaning with method {options.method}")
    if options.method == "features" and options.warm_start is not None:
        reason = "method features fits its classifier to the best there is: from wherever it starts, it ends the same"
        raise OptionsInvalid("warm_start", reason)
    if options.target_drop is not None and options.has_budget:
        reason = "not together with max_macs or max_latency_ms: the most accurate network within a budget is chosen"
        raise OptionsInvalid("target_drop", reason)
    _check_table(options, backbone.architecture, settings)
    if options.group_by is not None:
        compiled("group_by", options.group_by)
    if options.warm_start is not None:
        _check_warm_start(options, options.warm_start, task, backbone, registry)


def predecessor_of(after: str, registry: Registry) -> VersionRecord | None:
    """The version that `after` names, None for `none`. Raises OptionsInvalid."""
    if after == "none":
        return None
    task, _, version = after.partition("@")
    try:
        record = registry.version_record(task, int(version)) if version else registry.resolve(task)
    except (TaskUnknown, AliasUnknown, VersionUnknown) as fault:
        raise OptionsInvalid("after", str(fault)) from None
    if not record.manifest.is_packed:
        raise OptionsInvalid("after", f"{task} version {record.version} is of method {record.manifest.method}")
    return record


def backbone_of(options: TailorOptions, settings: Settings, registry: Registry) -> BackboneChoice:
    """The backbone to tailor: an architecture's usual weights, or those that were added to the registry by this name.

    Raises OptionsInvalid.
    """
    name = options.backbone or settings.backbone
    if name in backbone_names():
        if options.backbone is not None and not _obtainable(name, settings):
            here = ", ".join(known for known in backbone_names() if _obtainable(known, settings))
            raise OptionsInvalid("backbone", f"no weights of {name} can be had here; there are those of {here}")
        return BackboneChoice(architecture=name, weights=_weights_of(name, settings))
    known = registry.backbones.all()
    stored = next((record for record in known if record.name == name), None)
    if stored is None:
        names = ", ".join([*backbone_names(), *(record.name for record in known)])
        raise OptionsInvalid("backbone", f"unknown backbone {name!r}; known: {names}")
    return BackboneChoice(architecture=stored.architecture, stored=stored)


def _weights_of(name: str, settings: Settings) -> Path | None:
    return settings.backbone_weights if name == settings.backbone else None


def cost_table_of(options: TailorOptions, settings: Settings) -> Path | None:
    """The table that complexity is counted by; None where MACs or parameters are counted."""
    return settings.cost_table if options.measure in {None, "milliseconds"} else None


def _obtainable(name: str, settings: Settings) -> bool:
    shipped = files("nettailor") / "weights" / f"{name}.safetensors"
    return _weights_of(name, settings) is not None or shipped.is_file() or name in PUBLISHED_WEIGHTS


def _check_after(options: TailorOptions, backbone: BackboneChoice, registry: Registry) -> None:
    """Raises OptionsInvalid, BackboneNotPruned."""
    if options.method != "packnet":
        if options.after is not None:
            raise OptionsInvalid("after", "has a meaning with method packnet alone")
        return
    if options.warm_start is not None:
        raise OptionsInvalid("warm_start", "a task of method packnet fills weights that are 0, from 0")
    if backbone.stored is None and backbone.weights is None:
        raise BackboneNotPruned(backbone.architecture)  # as they are shipped or published
    found = None if options.after is None else predecessor_of(options.after, registry)
    if found is not None and backbone.stored is not None:
        fingerprint = found.manifest.backbone.fingerprint
        if fingerprint != backbone.stored.fingerprint:
            reason = f"version {found.version} is of other weights ({fingerprint[:12]}) than {backbone.stored.name}"
            raise OptionsInvalid("after", reason)


def _check_table(options: TailorOptions, architecture: str, settings: Settings) -> None:
    if options.measure == "milliseconds":
        _check_fits("measure", architecture, settings)
    if options.max_latency_ms is not None:
        _check_fits("max_latency_ms", architecture, settings)
    if options.backbone is not None and cost_table_of(options, settings) is not None:
        _check_fits("backbone", architecture, settings)


def _check_fits(option: str, architecture: str, settings: Settings) -> None:
    """Raises OptionsInvalid unless there is a table, and it is of the backbone that is to be tailored."""
    if settings.cost_table is None:
        raise OptionsInvalid(option, "needs a table of milliseconds, which this service has not (NETTAILOR_COST_TABLE)")
    try:
        measured_path_costs(geometry(architecture), settings.cost_table)
    except CostTableInvalid as fault:
        raise OptionsInvalid(option, f"{fault}; measure=macs counts MACs instead") from None


def _check_warm_start(
    options: TailorOptions, start: str, task: str, backbone: BackboneChoice, registry: Registry
) -> None:
    try:
        record = registry.resolve(task) if start == "live" else registry.version_record(task, int(start))
    except (TaskUnknown, AliasUnknown, VersionUnknown) as fault:
        raise OptionsInvalid("warm_start", str(fault)) from None
    method, found_method = options.method or "nettailor", record.manifest.method
    if found_method not in (_STARTS_PROXIES if method == "nettailor" else {method}):
        reason = f"version {record.version} is of method {found_method}, from which method {method} cannot start"
        raise OptionsInvalid("warm_start", reason)
    found, stored = record.manifest.backbone, backbone.stored
    if found.id != backbone.architecture:
        reason = f"version {record.version} is of backbone {found.id}, not {backbone.architecture}"
        raise OptionsInvalid("warm_start", reason)
    if stored is not None and found.fingerprint != stored.fingerprint:
        reason = f"version {record.version} is of other weights ({found.fingerprint[:12]}) than {stored.name}"
        raise OptionsInvalid("warm_start", reason)
