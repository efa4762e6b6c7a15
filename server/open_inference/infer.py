"""`infer` of the protocol, wherever the engine is: between the transports (REST, gRPC) and the predictor (torch-free).

What goes wrong is raised as the predictor and the registry raise it, what a request says wrong as `RequestMalformed`;
each transport has its own words for these. Whoever calls `infer` holds `answering()` of its server and counts the
answer.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

from server.errors import RequestMalformed
from server.open_inference import images, outputs
from server.open_inference.messages import InferRequest, InferResponse, ParameterValue, RequestedOutput
from server.open_inference.names import target_of
from server.open_inference.parameters import urgency_of
from server.prediction.answer import Answer
from server.prediction.inference import Options
from server.prediction.parts import PredictionServer
from server.prediction.target import Target

_MOST_VALUES = 2**22  # of the probabilities in an answer, each of which takes a hundred bytes on its way
_LARGE_BYTES = 2**20  # of input that is taken apart in a thread


class Infer:
    """One a server. `name` is `task` or `task@alias`; `version` is empty, or a number's digits."""

    def __init__(self, server: PredictionServer) -> None:
        self._asked = server

    def clock(self) -> float:
        """What deadlines are on. Raises `NotReady`."""
        return self._asked.parts.predictor.clock()

    def admit(self, name: str, version: str) -> Target:
        """What is asked, if there is room for it: called before anything of a request is read, as what is refused must
        cost next to nothing. Raises `RequestMalformed`, `Overloaded`, `NotReady`."""
        target = target_of(name, version)
        predictor = self._asked.parts.predictor
        predictor.check_room([target.task])
        self._asked.accept_until(predictor.clock() + self._asked.settings.request_timeout_ms / 1000)
        return target

    async def infer(self, name: str, target: Target, request: InferRequest, *, arrived_at: float) -> InferResponse:
        """The answer to a request that was admitted and came at that moment of `clock`.

        Raises `RequestMalformed`, and what `Predictor.predict` raises.
        """
        parts, settings = self._asked.parts, self._asked.settings
        urgency = urgency_of(request.parameters)
        wanted = request.outputs or outputs.ALL
        outputs.check_outputs(wanted)
        deadline = arrived_at + (urgency.timeout_s or settings.request_timeout_ms / 1000)
        self._asked.accept_until(deadline)
        files = await self._files(request)
        await self._check_size(target, wanted, len(files))
        options = Options(top_k=outputs.classes_needed(wanted), priority=urgency.priority, deadline=deadline)
        [answer] = await parts.predictor.predict([target], files, options)
        return InferResponse(
            model_name=name,
            model_version=answer.version,
            id=request.id,
            outputs=outputs.tensors_of(answer, wanted),
            parameters=_costs(answer),
        )

    async def _files(self, request: InferRequest) -> list[bytes]:
        make = partial(images.files_of, request.inputs, max_images=self._asked.settings.max_images)
        size = sum(len(tensor.data) for tensor in request.inputs if isinstance(tensor.data, bytes))
        if size <= _LARGE_BYTES:
            return make()
        return await asyncio.get_running_loop().run_in_executor(self._asked.parts.decodes, make)

    async def _check_size(self, target: Target, wanted: Sequence[RequestedOutput], images: int) -> None:
        """Raises `RequestMalformed` where the answer would be larger than anybody reads."""
        if outputs.classes_needed(wanted) * images <= _MOST_VALUES:
            return
        classes = await self._asked.parts.predictor.inference.class_count(target)
        each = min(outputs.classes_needed(wanted), classes)
        if each * images > _MOST_VALUES:
            raise RequestMalformed(
                "outputs",
                f"{images} images with {each} classes each are more than the {_MOST_VALUES} values of an answer; "
                f"ask for the best few (classification of {outputs.PROBABILITIES!r}), or for fewer images",
            )


def _costs(answer: Answer) -> dict[str, ParameterValue]:
    return {
        "digest": answer.digest,
        "tier": str(answer.tier),
        "switch_ms": _milliseconds(answer.switch_s),
        "queue_ms": _milliseconds(answer.queue_s),
        "inference_ms": _milliseconds(answer.inference_s),
    }


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
