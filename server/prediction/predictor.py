"""The predictor: from targets and image files to answers. Knows no HTTP; on the event loop it waits (torch-free)."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hosting.telemetry import log_context, tracing
from server.errors import DeadlineExceeded
from server.prediction.answer import Answer
from server.prediction.images import ImageReader
from server.prediction.inference import Inference, Options, Reservation
from server.prediction.target import Target


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictor:
    inference: Inference
    reader: ImageReader
    clock: Callable[[], float] = time.monotonic

    def check_room(self, tasks: Sequence[str]) -> None:
        """Whether an image for each task would be admitted now. Raises `Overloaded`."""
        self.inference.check_room(tasks)

    async def predict(self, targets: Sequence[Target], files: Sequence[bytes], options: Options) -> list[Answer]:
        """One answer a target, in order; each says something of every image file.

        Raises `ImageRejected`, `ImagesOversized`, `Overloaded`, `DeadlineExceeded`, and what `Inference.reserve` and
        `Reservation.run` raise.
        """
        reservation: Reservation | None = None
        try:
            async with asyncio.timeout(options.deadline - self.clock()):
                reservation = await self.inference.reserve(targets, len(files), options.deadline)
                groups = reservation.groups
                if len(targets) == 1:
                    [(_, version)] = groups[0].versions
                    log_context.version.set(version)
                began_at = self.clock()
                images = await self.reader.prepare(files, [group.preprocessing for group in groups])
                answers = await reservation.run(images, options, self.clock() - began_at)
        except TimeoutError:
            raise DeadlineExceeded(_stage(reservation)) from None
        finally:
            if reservation is not None:
                reservation.release()
        if tracing.is_on():
            for group in groups:
                _trace([answers[place] for place in group.places])
        return answers


def _stage(reservation: Reservation | None) -> str:
    is_submitted = reservation is not None and reservation.is_submitted
    return "in the queue or the engine" if is_submitted else "before its bundle and its images were ready"


def _trace(answers: Sequence[Answer]) -> None:
    """What was measured of a group, as spans of the request: a batch, the wait for it, the switches of its tasks. They
    are laid end to end; bundles load while images are decoded, so a switch may have begun earlier than shown."""
    first = answers[0]
    tasks = ",".join(answer.task for answer in answers)
    began = tracing.record("batch", first.inference_s, about={"nettailor.tasks": tasks})
    began = tracing.record("queue", first.queue_s, ended_ns=began)
    for answer in answers:
        about: tracing.Attributes = {
            "nettailor.task": answer.task,
            "nettailor.version": answer.version,
            "nettailor.tier": str(answer.tier),
        }
        tracing.record("switch", answer.switch_s, ended_ns=began, about=about)
