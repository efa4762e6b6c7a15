"""Whether this installation can meet an upload's options, checked before anything is queued."""

from importlib.resources import files
from pathlib import Path

from nettailor.architecture.geometry import PUBLISHED_WEIGHTS, backbone_names, geometry
from nettailor.complexity.counting import measured_path_costs
from nettailor.errors import BackboneUnknown, CostTableInvalid
from registry.errors import AliasUnknown, TaskUnknown, VersionUnknown
from registry.registry import Registry
from trainer.errors import OptionsInvalid
from trainer.jobs.options import TailorOptions
from trainer.pattern import compiled
from trainer.settings import Settings


def check_options(options: TailorOptions, task: str, settings: Settings, registry: Registry) -> None:
    """Raises OptionsInvalid, which names the option."""
    _check_backbone(options, settings)
    if options.target_drop is not None and options.has_budget:
        reason = "not together with max_macs or max_latency_ms: the most accurate network within a budget is chosen"
        raise OptionsInvalid("target_drop", reason)
    _check_table(options, settings)
    if options.group_by is not None:
        compiled("group_by", options.group_by)
    if options.warm_start is not None:
        _check_warm_start(options.warm_start, task, backbone_of(options, settings), registry)


def backbone_of(options: TailorOptions, settings: Settings) -> str:
    """The name of the backbone to tailor."""
    return options.backbone or settings.backbone


def weights_of(name: str, settings: Settings) -> Path | None:
    """The local file with a backbone's weights; None where those that are shipped or published are used."""
    return settings.backbone_weights if name == settings.backbone else None


def cost_table_of(options: TailorOptions, settings: Settings) -> Path | None:
    """The table that complexity is counted by; None where MACs or parameters are counted."""
    return settings.cost_table if options.measure in {None, "milliseconds"} else None


def _check_backbone(options: TailorOptions, settings: Settings) -> None:
    name = backbone_of(options, settings)
    try:
        geometry(name)
    except BackboneUnknown as fault:
        raise OptionsInvalid("backbone", str(fault)) from None
    if options.backbone is not None and not _obtainable(name, settings):
        here = ", ".join(known for known in backbone_names() if _obtainable(known, settings))
        raise OptionsInvalid("backbone", f"no weights of {name} can be had here; there are those of {here}")


def _obtainable(name: str, settings: Settings) -> bool:
    shipped = files("nettailor") / "weights" / f"{name}.safetensors"
    return weights_of(name, settings) is not None or shipped.is_file() or name in PUBLISHED_WEIGHTS


def _check_table(options: TailorOptions, settings: Settings) -> None:
    if options.measure == "milliseconds":
        _check_fits("measure", options, settings)
    if options.max_latency_ms is not None:
        _check_fits("max_latency_ms", options, settings)
    if options.backbone is not None and cost_table_of(options, settings) is not None:
        _check_fits("backbone", options, settings)


def _check_fits(option: str, options: TailorOptions, settings: Settings) -> None:
    """Raises OptionsInvalid unless there is a table, and it is of the backbone that is to be tailored."""
    if settings.cost_table is None:
        raise OptionsInvalid(option, "needs a table of milliseconds, which this service has not (NETTAILOR_COST_TABLE)")
    try:
        measured_path_costs(geometry(backbone_of(options, settings)), settings.cost_table)
    except CostTableInvalid as fault:
        raise OptionsInvalid(option, f"{fault}; measure=macs counts MACs instead") from None


def _check_warm_start(start: str, task: str, backbone: str, registry: Registry) -> None:
    try:
        record = registry.resolve(task) if start == "live" else registry.version_record(task, int(start))
    except (TaskUnknown, AliasUnknown, VersionUnknown) as fault:
        raise OptionsInvalid("warm_start", str(fault)) from None
    if record.manifest.backbone.id != backbone:
        reason = f"version {record.version} is of backbone {record.manifest.backbone.id}, not {backbone}"
        raise OptionsInvalid("warm_start", reason)
