"""Plain FastAPI over eager PyTorch: a pool of callers, one image a forward pass, as most tutorials end up.

python -m benchmarks.peers.fastapi_app --port 8001 [--tasks 16] [--callers 1] [--threads 2]
"""

import argparse
import asyncio
from concurrent.futures import ThreadPoolExecutor

import torch
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from benchmarks.peers.models import FullModels, decode


def create_app(models: FullModels, callers: int) -> FastAPI:
    app = FastAPI()
    pool = ThreadPoolExecutor(callers)

    def answer(task: str, body: bytes) -> JSONResponse:
        [labels] = models.classify(task, [decode(body)])
        return JSONResponse({"task": task, "predictions": labels})

    @app.get("/health")
    async def health() -> str:
        return "ok"

    @app.post("/tasks/{task}/predict")
    async def predict(task: str, request: Request) -> JSONResponse:
        body = await request.body()
        return await asyncio.get_running_loop().run_in_executor(pool, answer, task, body)

    return app


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tasks", type=int, default=16)
    parser.add_argument("--callers", type=int, default=1, help="forward passes at once")
    parser.add_argument("--threads", type=int, default=2, help="of one forward pass")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    app = create_app(FullModels(args.tasks), args.callers)
    uvicorn.run(app, host="127.0.0.1", port=args.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
