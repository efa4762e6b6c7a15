"""From an upload's options to the recipe's configuration: a preset, and what differs from it."""

from typing import Any

from trainer.jobs.option_checks import cost_table_of
from trainer.jobs.options import TailorOptions
from trainer.recipe.config import RecipeConfig
from trainer.settings import Settings

_SAME_NAMES = ("method", "gamma1", "gamma2", "loss", "target_drop", "max_macs", "max_latency_ms", "max_minutes")


def recipe_config_of(options: TailorOptions, settings: Settings) -> RecipeConfig:
    """The recipe's configuration, for options that `trainer.jobs.option_checks` has accepted."""
    changes: dict[str, Any] = {name: getattr(options, name) for name in _SAME_NAMES}
    changes = {name: value for name, value in changes.items() if value is not None}
    if options.skips is not None:
        changes["skips"] = None if options.skips == "dense" else int(options.skips)
    if options.measure in {"macs", "params"}:
        changes["measure"] = options.measure
    if options.max_latency_ms is not None:
        changes["latency_table"] = settings.cost_table
    changes["cost_table"] = cost_table_of(options, settings)
    return RecipeConfig.preset(options.preset, seed=options.seed, **changes)
