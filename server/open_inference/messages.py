"""A request for inference and its answer, as every transport hands them over and gets them back (torch-free)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from server.open_inference.tensors import InputTensor, OutputTensor

ParameterValue = bool | int | float | str


@dataclass(frozen=True, kw_only=True)
class RequestedOutput:
    """`classes` is how many of the best classes are wanted instead of the tensor; None for the tensor itself."""

    name: str
    classes: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class InferRequest:
    """What is to be inferred; which model is asked is said beside it. No outputs means all of them.

    `parameters` are those of the request as they came, less what is about the transport.
    """

    inputs: tuple[InputTensor, ...]
    outputs: tuple[RequestedOutput, ...] = ()
    id: str = ""
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class InferResponse:
    """The tensors in the order asked for. `parameters` say what the answer cost, and whose it is."""

    model_name: str  # as it was asked for, with its alias
    model_version: int
    id: str  # the request's; empty where it had none
    outputs: tuple[OutputTensor, ...]
    parameters: Mapping[str, ParameterValue]
