"""What a network costs: by the recipe's measure, by MACs and parameters, and by a table of milliseconds."""

from nettailor.architecture.geometry import Geometry
from nettailor.architecture.plan import Plan
from nettailor.bundle.manifest import WHOLE_METHODS, Complexity, adapters_of
from nettailor.complexity.counting import (
    Milliseconds,
    PathCosts,
    adapters_cost,
    backbone_cost,
    masked_complexity,
    measured_path_costs,
    packed_complexity,
    path_costs,
    plan_complexity,
    read_milliseconds,
    whole_complexity,
)
from trainer.recipe.config import RecipeConfig


class RelativeCosts:
    """Costs for one backbone, image side (pixels) and number of classes. Raises `CostTableInvalid`."""

    def __init__(self, config: RecipeConfig, geometry: Geometry, *, image_side: int, classes: int) -> None:
        self._config, self._geometry = config, geometry
        self._image_side, self._classes = image_side, classes
        self.costs = self._costs()
        table = config.latency_table
        self._milliseconds: Milliseconds | None = None if table is None else read_milliseconds(geometry, table)

    def cost(self, plan: Plan) -> float:
        """C of what a network keeps and adds, as a share of the backbone."""
        return sum(cost for node in plan.nodes() for cost in self.costs.of(plan, node)) + self._added()

    def _added(self) -> float:
        """What adapters add, which no table of milliseconds has."""
        adapters, config = adapters_of(self._config.method), self._config
        if adapters is None or config.cost_table is not None:
            return 0.0
        nodes = range(1, self._geometry.depth + 1)
        added = (adapters_cost(self._geometry, node, self._image_side, adapters) for node in nodes)
        whole = getattr(backbone_cost(self._geometry, self._image_side), config.measure)
        return float(sum(getattr(cost, config.measure) for cost in added) / whole)

    def complexity(self, plan: Plan, owned: int | None = None) -> Complexity:
        """Of a network; `owned` is the number of weights that belong to a task of method packnet."""
        if owned is not None:
            return packed_complexity(self._geometry, image_side=self._image_side, classes=self._classes, owned=owned)
        if self._config.method in WHOLE_METHODS:
            return whole_complexity(self._geometry, image_side=self._image_side, classes=self._classes)
        if self._config.method == "piggyback":
            return masked_complexity(self._geometry, image_side=self._image_side, classes=self._classes)
        return plan_complexity(
            self._geometry,
            plan,
            image_side=self._image_side,
            classes=self._classes,
            statistics=self._config.statistics,
            adapters=adapters_of(self._config.method),
        )

    def milliseconds(self, plan: Plan) -> float | None:
        """Milliseconds of an image, None without a table."""
        return None if self._milliseconds is None else self._milliseconds.of(plan)

    def fits(self, plan: Plan) -> bool:
        """Whether a network is within the budgets."""
        config, milliseconds = self._config, self.milliseconds(plan)
        if config.max_macs is not None and 1 - self.complexity(plan).net_macs_removed > config.max_macs:
            return False
        return config.max_latency_ms is None or milliseconds is None or milliseconds <= config.max_latency_ms

    def _costs(self) -> PathCosts:
        if self._config.cost_table is not None:
            return measured_path_costs(self._geometry, self._config.cost_table)
        return path_costs(self._geometry, self._image_side, self._config.measure)
