"""From an answer to output tensors (torch-free).

probabilities   FP32 [N, K]    in the order of the bundle's classes; with a classification BYTES [N, n]
label           BYTES [N]      of the best class
"""

import sys
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from server.errors import RequestMalformed
from server.open_inference.datatypes import BYTES, FP32
from server.open_inference.messages import RequestedOutput
from server.open_inference.tensors import OutputTensor
from server.prediction.answer import Answer

PROBABILITIES, LABEL = "probabilities", "label"
ALL = (RequestedOutput(name=PROBABILITIES), RequestedOutput(name=LABEL))
EVERY_CLASS = sys.maxsize


def check_outputs(outputs: Sequence[RequestedOutput]) -> None:
    """Raises `RequestMalformed`."""
    for output in outputs:
        if output.name not in _MAKERS:
            raise RequestMalformed(f"outputs.{output.name}", f"no such output; known are {', '.join(_MAKERS)}")
        if output.classes is None:
            continue
        if output.name != PROBABILITIES:
            raise RequestMalformed(f"outputs.{output.name}.classification", f"only {PROBABILITIES!r} can be classified")
        if output.classes < 1:
            raise RequestMalformed(f"outputs.{output.name}.classification", f"{output.classes} is not at least 1")
    if len({output.name for output in outputs}) < len(outputs):
        raise RequestMalformed("outputs", "one is named twice")


def classes_needed(outputs: Sequence[RequestedOutput]) -> int:
    """How many of the best classes of an image the outputs are made from; `EVERY_CLASS` where all are."""
    return max(_needed(output) for output in outputs)


def tensors_of(answer: Answer, outputs: Sequence[RequestedOutput]) -> tuple[OutputTensor, ...]:
    return tuple(_MAKERS[output.name](answer, output) for output in outputs)


def _needed(output: RequestedOutput) -> int:
    if output.name == LABEL:
        return 1
    return EVERY_CLASS if output.classes is None else output.classes


def _probabilities(answer: Answer, output: RequestedOutput) -> OutputTensor:
    if output.classes is not None:
        return _classification(answer, output.classes)
    shares = np.zeros((len(answer.rankings), len(answer.classes)), np.float32)
    for row, ranking in zip(shares, answer.rankings, strict=True):
        indices, probabilities = zip(*ranking, strict=True)
        row[list(indices)] = probabilities
    return OutputTensor(name=PROBABILITIES, datatype=FP32, shape=shares.shape, data=shares)


def _classification(answer: Answer, count: int) -> OutputTensor:
    elements = tuple(
        f"{probability:.6f}:{index}:{answer.classes[index]}".encode()
        for ranking in answer.rankings
        for index, probability in ranking[:count]
    )
    shape = len(answer.rankings), min(count, len(answer.classes))
    return OutputTensor(name=PROBABILITIES, datatype=BYTES, shape=shape, data=elements)


def _label(answer: Answer, _: RequestedOutput) -> OutputTensor:
    labels = tuple(answer.classes[ranking[0][0]].encode() for ranking in answer.rankings)
    return OutputTensor(name=LABEL, datatype=BYTES, shape=(len(labels),), data=labels)


_MAKERS: Mapping[str, Callable[[Answer, RequestedOutput], OutputTensor]] = {
    PROBABILITIES: _probabilities,
    LABEL: _label,
}
