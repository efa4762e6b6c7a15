"""The options of a tailoring, as they are stored with the job."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from nettailor.bundle.manifest import Method
from nettailor.plain_text import PlainText
from trainer.errors import OptionsInvalid
from trainer.events import Json
from trainer.jobs.job import Priority
from trainer.pattern import MOST_CHARACTERS

Preset = Literal["fast", "balanced", "thorough"]
LossOption = Literal["logits", "local", "paper"]
MeasureOption = Literal["macs", "params", "milliseconds"]


def _as_text(value: object) -> object:
    """A query gives text; a JSON document may give the number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Skips = Annotated[Literal["1", "3", "5", "dense"], BeforeValidator(_as_text)]
GroupBy = Annotated[
    PlainText,
    Field(
        min_length=1,
        max_length=MOST_CHARACTERS,
        description="a regular expression on the paths of images: those in which its groups match the same (a video, a "
        "patient) stay in one split where splits are cut",
    ),
]
WarmStart = Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^(live|[1-9][0-9]{0,8})$")]


After = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}(@[1-9][0-9]{0,8})?$")]


class TailorOptions(BaseModel):
    """Query parameters of an upload. Where one is None, the preset and the service's settings decide."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Preset = Field(default="balanced", description="how much training time the search may take")
    seed: int = Field(default=0, ge=0, lt=2**31, description="the same seed and data give the same bundle")
    backbone: str | None = Field(
        default=None, min_length=1, max_length=64, description="the network to tailor; by default the service's own"
    )
    method: Method | None = Field(
        default=None,
        description="how the network is changed: nettailor, the default; features, a classifier on the network as it "
        "is; batchnorm, batch-norm of the task's own; parallel-adapters or series-adapters, matrices beside or "
        "behind its convolutions; dan, combinations of its filters; piggyback, masks of its weights; packnet, weights "
        "of the task's own where a pruned network and the tasks before it have 0; "
        "finetuning, a whole network of the task's own; or lwf, one that goes on answering for what it was trained for",
    )
    skips: Skips | None = Field(
        default=None, description="from how many of the nearest nodes a node has proxies: 1, 3, 5, or dense for all"
    )
    gamma1: float | None = Field(
        default=None, ge=0, le=100, allow_inf_nan=False, description="weight of the complexity in the student's loss"
    )
    gamma2: float | None = Field(
        default=None, ge=0, le=1000, allow_inf_nan=False, description="weight of the teacher in the student's loss"
    )
    loss: LossOption | None = Field(
        default=None,
        description="what the student is compared with the teacher in: its logits; local, nodes as well; or paper, the "
        "loss that was published",
    )
    measure: MeasureOption | None = Field(
        default=None,
        description="what complexity counts: MACs, parameters, or the milliseconds of NETTAILOR_COST_TABLE",
    )
    target_drop: float | None = Field(
        default=None,
        ge=0,
        le=0.5,
        allow_inf_nan=False,
        description="validation accuracy (share of images) that may be lost against the teacher for a leaner network",
    )
    max_macs: float | None = Field(
        default=None,
        gt=0,
        le=2,
        allow_inf_nan=False,
        description="MACs the network may need, stem and what the task adds included, as a share of the backbone's",
    )
    max_latency_ms: float | None = Field(
        default=None,
        gt=0,
        le=1e6,
        allow_inf_nan=False,
        description="milliseconds an image may take by NETTAILOR_COST_TABLE",
    )
    max_minutes: float | None = Field(
        default=None,
        gt=0,
        le=60 * 24 * 30,
        allow_inf_nan=False,
        description="time for teacher, student and search; the best bundle found within it is published",
    )
    accept_rough: bool | None = Field(
        default=None,
        description="whether a version that max_minutes cut short goes live without a policy that says how accurate "
        "it has to be",
    )
    warm_start: WarmStart | None = Field(
        default=None, description="version of the task to start from, `live` or a number, when images were added"
    )
    after: After | None = Field(
        default=None,
        description="the version on whose weights a task of method packnet stands: `task`, the live one, `task@2`, or "
        "`none` for the pruned network alone; by default the newest of that method on this network",
    )
    group_by: GroupBy | None = None
    priority: Priority = Field(default="normal", description="high, normal or low: which of the waiting jobs run first")

    @property
    def has_budget(self) -> bool:
        return self.max_macs is not None or self.max_latency_ms is not None

    def to_json(self) -> dict[str, Json]:
        """Without options that were not given, so that jobs of all releases compare; without the priority, which the
        job itself has, and which changes nothing about the result."""
        return dict(self.model_dump(mode="json", exclude_none=True, exclude={"priority"}))


def with_form(options: TailorOptions, fields: Mapping[str, str]) -> TailorOptions:
    """The options of a query together with those that came as fields of a form. Raises OptionsInvalid."""
    told = parse_options(fields)
    for name in told.model_fields_set & options.model_fields_set:
        if getattr(options, name) not in (None, getattr(told, name)):
            raise OptionsInvalid(name, "the query and the form say different things")
    return options.model_copy(update={name: getattr(told, name) for name in told.model_fields_set})


def parse_options(options: Mapping[str, Json]) -> TailorOptions:
    """Options from a job's document or a request. Raises OptionsInvalid."""
    try:
        return TailorOptions.model_validate(dict(options))
    except ValidationError as fault:
        first = fault.errors()[0]
        raise OptionsInvalid(".".join(map(str, first["loc"])), first["msg"]) from None
