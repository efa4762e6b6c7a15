"""LitServe over the same models: one LitAPI that holds all of them and takes the task from the path.

One LitAPI a task would mean a process a task, sixteen on as many cores as there are; a batch then never mixes tasks
either. With `--batch` above 1 LitServe collects requests, and each task's share of them is one forward pass.

python -m benchmarks.peers.litserve_app --port 8002 [--tasks 16] [--batch 1] [--workers 1] [--threads 2]
                                     [--dtype float32]
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import litserve
import torch
from fastapi import Depends, Request
from torch import Tensor

from benchmarks.peers.models import Answer, FullModels, decode

_BATCH_TIMEOUT_S = 0.002  # it waits for company


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What goes from LitServe's HTTP process to its worker."""

    task: str
    body: bytes


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    task: str
    image: Tensor  # (3, H, W)


async def asked(task: str, request: Request) -> Asked:
    return Asked(task=task, body=await request.body())


class ManyTasks(litserve.LitAPI):  # type: ignore[misc]  # LitServe ships no types
    def __init__(self, *, tasks: int, threads: int, dtype: str, **options: Any) -> None:
        super().__init__(**options)
        self._tasks, self._threads, self._dtype = tasks, threads, dtype

    def setup(self, device: str) -> None:
        torch.set_num_threads(self._threads)
        self._models = FullModels(self._tasks, getattr(torch, self._dtype))

    def decode_request(self, request: Annotated[Asked, Depends(asked)]) -> Decoded:
        return Decoded(task=request.task, image=decode(request.body))

    def batch(self, inputs: Sequence[Decoded]) -> Sequence[Decoded]:
        return inputs

    def predict(self, x: Decoded | Sequence[Decoded]) -> Answer | list[Answer]:
        """LitServe hands over one request, or a list of them where it batches."""
        if isinstance(x, Decoded):
            return self._models.classify(x.task, [x.image])[0]
        members: dict[str, list[int]] = {}
        for index, one in enumerate(x):
            members.setdefault(one.task, []).append(index)
        answers: list[Answer] = [[]] * len(x)
        for task, indexes in members.items():
            for index, answer in zip(indexes, self._models.classify(task, [x[i].image for i in indexes]), strict=True):
                answers[index] = answer
        return answers

    def unbatch(self, output: list[Answer]) -> list[Answer]:
        return output

    def encode_response(self, output: Answer) -> dict[str, Answer]:
        return {"predictions": output}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tasks", type=int, default=16)
    parser.add_argument("--batch", type=int, default=1, help="requests that LitServe collects; 1: it does not")
    parser.add_argument("--workers", type=int, default=1, help="processes that hold the models")
    parser.add_argument("--threads", type=int, default=2, help="of one forward pass")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    args = parser.parse_args()
    api = ManyTasks(
        tasks=args.tasks,
        threads=args.threads,
        dtype=args.dtype,
        max_batch_size=args.batch,
        batch_timeout=_BATCH_TIMEOUT_S if args.batch > 1 else 0.0,
        api_path="/tasks/{task}/predict",
    )
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=args.workers, timeout=False)
    server.run(host="127.0.0.1", port=args.port, log_level="warning", access_log=False, generate_client_file=False)


if __name__ == "__main__":
    main()
