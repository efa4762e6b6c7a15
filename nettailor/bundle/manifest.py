"""The manifest of a bundle: version-independent content only, so that equal training gives equal bytes (torch-free).

Bundles of method `nettailor` that have neither activation ranges nor proxies of 16 bits are of format 1, whose readers
know none of these; all others are of format 2.
Accuracies are shares (0..1); MACs are multiply-adds of one image, batch-norm counted as 2 an output element.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from nettailor.architecture.plan import Plan, full_plan
from nettailor.bundle.preprocessing import Preprocessing

Format = Literal["nettailor-bundle/1", "nettailor-bundle/2"]
AdapterMethod = Literal["parallel-adapters", "series-adapters", "dan"]
# How a bundle changes the backbone.
Method = Literal["nettailor", "features", "batchnorm", AdapterMethod, "piggyback", "packnet", "lwf", "finetuning"]
ADAPTER_METHODS: tuple[AdapterMethod, ...] = get_args(AdapterMethod)
TASK_NAME = r"^[a-z0-9][a-z0-9._-]{0,62}$"
TaskName = Annotated[str, StringConstraints(pattern=TASK_NAME)]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
ProxyDtype = Literal["F32", "F16"]  # of the proxies' tensors in the file
StatisticsMode = Literal["task", "frozen"]  # batch-norm statistics of the kept blocks: in the bundle, or the backbone's

# Of the methods that keep every block and add no path.
PLAIN_METHODS: Mapping[Method, StatisticsMode] = {
    "features": "frozen",
    "batchnorm": "task",
    "parallel-adapters": "task",
    "series-adapters": "task",
    "dan": "task",
    "piggyback": "task",
    "packnet": "frozen",
    "lwf": "task",
    "finetuning": "task",
}
# Of these, whose tasks have a network of their own, stem included, and share nothing.
WHOLE_METHODS: frozenset[Method] = frozenset({"lwf", "finetuning"})

_MOST_IMAGES = 10**9  # of a data set; whoever claims more is not believed


def adapters_of(method: Method) -> AdapterMethod | None:
    """The method itself where it adapts convolutions of the backbone."""
    return next((known for known in ADAPTER_METHODS if known == method), None)


def format_of(method: Method, *, activation_ranges: bool = False, proxy_dtype: ProxyDtype = "F32") -> Format:
    """The format that such a bundle is written in."""
    plain = method == "nettailor" and not activation_ranges and proxy_dtype == "F32"
    return "nettailor-bundle/1" if plain else "nettailor-bundle/2"


def may_have_ranges(method: Method) -> bool:
    """Whether tasks of this method run the backbone's own weights, which int8 is for."""
    return method not in {"piggyback", "packnet", *WHOLE_METHODS}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", cache_strings="keys")


class BackboneReference(_Frozen):
    id: str = Field(max_length=64)
    fingerprint: Fingerprint


class Accuracy(_Frozen):
    """Top-1 on the two splits that training did not see; None where it was not measured."""

    validation: Share | None = None
    test: Share | None = None


class Int8Cost(_Frozen):
    """What int8 cost on so many images: `lost` is the share of right answers that it took, less than 0 where it gave
    some; `same` the share of images with the same top-1."""

    images: Annotated[int, Field(gt=0)]
    lost: Annotated[float, Field(ge=-1, le=1)]
    same: Share


class Int8Costs(_Frozen):
    """On the two splits; None where one has no images."""

    validation: Int8Cost | None = None
    test: Int8Cost | None = None


class Metrics(_Frozen):
    teacher: Accuracy
    student: Accuracy
    int8: Int8Costs | None = Field(default=None, exclude_if=lambda costs: costs is None)


class Complexity(_Frozen):
    """Shared counts are of the backbone's blocks (stem apart: it always stays); task counts are what the bundle adds:
    proxies, alphas, per-task statistics, classifier. A network of the task's own removes every shared block and adds
    its own ones; its stem is counted as the stem."""

    stem_macs: Count
    stem_params: Count
    shared_macs_kept: Count
    shared_macs_removed: Count
    shared_params_kept: Count
    shared_params_removed: Count
    task_macs: Count
    task_params: Count

    @property
    def macs(self) -> int:
        """Of the task's whole network."""
        return self.stem_macs + self.shared_macs_kept + self.task_macs

    @property
    def params(self) -> int:
        """Of the task's whole network, what it shares with other tasks included."""
        return self.stem_params + self.shared_params_kept + self.task_params

    @property
    def backbone_macs(self) -> int:
        return self.stem_macs + self.shared_macs_kept + self.shared_macs_removed

    @property
    def backbone_params(self) -> int:
        return self.stem_params + self.shared_params_kept + self.shared_params_removed

    @property
    def net_macs_removed(self) -> float:
        """Share of the backbone's MACs that the task saves; what it adds counts against it."""
        return (self.shared_macs_removed - self.task_macs) / self.backbone_macs

    @property
    def net_params_removed(self) -> float:
        """Share of the backbone's parameters that the task does without; what it adds counts against it."""
        return (self.shared_params_removed - self.task_params) / self.backbone_params


class Manifest(_Frozen):
    format: Format = "nettailor-bundle/1"
    task: TaskName
    method: Method = Field(default="nettailor", exclude_if=lambda method: method == "nettailor")
    # Of method packnet: the bundle that this one stands on, None for the first of a chain; and the number of weights
    # that belong to the task.
    predecessor: Digest | None = Field(default=None, exclude_if=lambda digest: digest is None)
    owned: Count | None = Field(default=None, exclude_if=lambda count: count is None)
    backbone: BackboneReference
    plan: Plan
    statistics: StatisticsMode
    # Whether the bundle says in which range its activations lie, without which it cannot run in int8.
    activation_ranges: bool = Field(default=False, exclude_if=lambda ranges: not ranges)
    proxy_dtype: ProxyDtype = Field(default="F32", exclude_if=lambda dtype: dtype == "F32")
    classes: tuple[Annotated[str, StringConstraints(min_length=1, max_length=256)], ...] = Field(
        min_length=2, max_length=100_000
    )
    preprocessing: Preprocessing
    metrics: Metrics
    complexity: Complexity
    recipe: dict[str, Any]
    seed: int
    dataset: Digest
    libraries: dict[str, str]

    @property
    def is_whole(self) -> bool:
        """Whether the bundle holds a whole network, stem included, that shares nothing with other tasks."""
        return self.method in WHOLE_METHODS

    @property
    def is_masked(self) -> bool:
        """Whether the bundle holds masks of the backbone's weights."""
        return self.method == "piggyback"

    @property
    def is_packed(self) -> bool:
        """Whether the bundle holds values of weights that the backbone and the bundles that it stands on leave at 0."""
        return self.method == "packnet"

    @property
    def test_images(self) -> int | None:
        """Images of the test split, as the recipe tells; None where it does not, or not as a number."""
        return self._images("test")

    @property
    def validation_images(self) -> int | None:
        """As `test_images`, of all folds together."""
        return self._images("validation")

    def _images(self, split: str) -> int | None:
        counts = self.recipe.get("images")
        count = counts.get(split) if isinstance(counts, dict) else None
        return count if type(count) is int and 0 < count <= _MOST_IMAGES else None

    @model_validator(mode="after")
    def _classes_are_distinct(self) -> "Manifest":
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("two classes have the same name")
        return self

    @model_validator(mode="after")
    def _is_what_its_method_makes(self) -> "Manifest":
        wanted = format_of(self.method, activation_ranges=self.activation_ranges, proxy_dtype=self.proxy_dtype)
        if self.format != wanted:
            having = " with activation ranges" if self.activation_ranges else ""
            having += "" if self.proxy_dtype == "F32" else f" with proxies in {self.proxy_dtype}"
            raise ValueError(f"a bundle of method {self.method}{having} is a {wanted}, not a {self.format}")
        if self.method != "nettailor" and self.proxy_dtype != "F32":
            raise ValueError(f"bundles of method {self.method} have no proxies to be in {self.proxy_dtype}")
        if self.activation_ranges and not may_have_ranges(self.method):
            raise ValueError(f"bundles of method {self.method} have no activation ranges")
        if self.metrics.int8 is not None and not self.activation_ranges:
            raise ValueError("without activation ranges nothing can have been measured in int8")
        statistics = PLAIN_METHODS.get(self.method)
        if statistics is None:
            return self
        if self.plan != full_plan(self.plan.depth, 0):
            raise ValueError(f"method {self.method} keeps every block and has no proxies")
        if self.statistics != statistics:
            raise ValueError(f"the statistics of method {self.method} are {statistics!r}, not {self.statistics!r}")
        return self

    @model_validator(mode="after")
    def _owns_weights_where_its_method_does(self) -> "Manifest":
        if self.is_packed and self.owned is None:
            raise ValueError("method packnet says how many weights the task owns")
        if not self.is_packed and (self.owned is not None or self.predecessor is not None):
            raise ValueError(f"weights of its own, and a predecessor, have no meaning with method {self.method}")
        return self
