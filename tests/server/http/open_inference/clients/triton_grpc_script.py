"""Run by an environment that has tritonclient and nothing of ours: prints what it got over gRPC, as JSON.

python triton_grpc_script.py HOST:PORT FILE...
"""

import asyncio
import json
import queue
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio

FILES = [Path(name).read_bytes() for name in sys.argv[2:]]


def images(*files: bytes, shape: list[int] | None = None) -> Any:
    chosen = files or tuple(FILES)
    tensor = triton.InferInput("image", shape or [len(chosen)], "BYTES")
    tensor.set_data_from_numpy(np.array(chosen, dtype=np.object_).reshape(shape or [len(chosen)]))
    return tensor


def pixels() -> Any:
    values = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(1, 8, 8, 3)
    tensor = triton.InferInput("pixels", list(values.shape), "UINT8")
    tensor.set_data_from_numpy(values)
    return tensor


def shown(result: Any, *names: str) -> dict[str, Any]:
    found = {name: result.as_numpy(name) for name in names or ("probabilities", "label")}
    response = result.get_response(as_json=True)
    return {name: [str(found[name].dtype), list(found[name].shape), listed(found[name])] for name in found} | {
        key: response.get(key) for key in ("model_name", "model_version", "id")
    }


def listed(array: Any) -> Any:
    return [value.decode() for value in array.ravel()] if array.dtype == np.object_ else array.ravel().tolist()


def refused(ask: Callable[[], Any]) -> dict[str, str]:
    try:
        ask()
    except triton.InferenceServerException as failure:
        return {"status": str(failure.status()), "message": failure.message()}
    return {"status": "none", "message": ""}


def best(count: int) -> list[Any]:
    return [triton.InferRequestedOutput("probabilities", class_count=count)]


def main() -> dict[str, Any]:
    client = triton.InferenceServerClient(sys.argv[1])
    found: dict[str, Any] = {
        "health": [client.is_server_live(), client.is_server_ready(), client.is_model_ready("signs")],
        "not_ready": [client.is_model_ready("nothing"), client.is_model_ready("signs", "9")],
        "server_metadata": client.get_server_metadata(as_json=True),
        "model_metadata": client.get_model_metadata("signs", as_json=True),
        "config": client.get_model_config("signs", as_json=True)["config"],
        "default": shown(client.infer("signs", [images()])),
        "column": shown(client.infer("signs", [images(shape=[len(FILES), 1])])),
        "pixels": shown(client.infer("signs", [pixels()])),
        "best": shown(client.infer("signs", [images()], outputs=best(2)), "probabilities"),
        "best_of_all": shown(client.infer("signs", [images()], outputs=best(99)), "probabilities"),
        "id": shown(client.infer("signs", [images()], request_id="mine")),
        "alias": shown(client.infer("signs@candidate", [images()])),
        "version": shown(client.infer("signs", [images()], model_version="2")),
        "priority": shown(client.infer("signs", [images()], priority=1, timeout=20_000_000, client_timeout=60)),
        "several_at_once": several_at_once(client),
        "stream": stream(client),
    }
    for coding in ("gzip", "deflate"):
        found[coding] = shown(client.infer("signs", [images()], compression_algorithm=coding))
    found["errors"] = errors(client)
    found["repository"] = repository(client)
    found["statistics"] = statistics(client)
    client.close()
    found["aio"] = asyncio.run(asynchronously())
    return found


def several_at_once(client: Any) -> list[Any]:
    answers: queue.Queue[Any] = queue.Queue()

    def answered(result: Any, error: Any) -> None:
        answers.put(str(error) if error else shown(result))

    for _ in range(3):
        client.async_infer("signs", [images()], answered)
    return [answers.get(timeout=60) for _ in range(3)]


def stream(client: Any) -> list[Any]:
    """The second message fails, and the last wants to be told that its answer is the last."""
    answers: queue.Queue[Any] = queue.Queue()

    def answered(result: Any, error: Any) -> None:
        answers.put(error.message() if error else shown(result))

    client.start_stream(answered)
    client.async_stream_infer("signs", [images()], request_id="1")
    client.async_stream_infer("signs", [images(b"no image")], request_id="2")
    client.async_stream_infer("signs", [images()], request_id="3", enable_empty_final_response=True)
    found = [answers.get(timeout=60) for _ in range(3)]
    client.stop_stream()
    return found


def errors(client: Any) -> dict[str, dict[str, str]]:
    wrong = triton.InferInput("picture", [1], "BYTES")
    wrong.set_data_from_numpy(np.array([b"x"], dtype=np.object_))
    floats = triton.InferInput("pixels", [1, 8, 8, 3], "FP32")
    floats.set_data_from_numpy(np.zeros((1, 8, 8, 3), np.float32))
    return {
        "unknown_model": refused(lambda: client.infer("nothing", [images()])),
        "unknown_version": refused(lambda: client.infer("signs", [images()], model_version="9")),
        "unknown_input": refused(lambda: client.infer("signs", [wrong])),
        "no_data": refused(lambda: client.infer("signs", [triton.InferInput("image", [1], "BYTES")])),
        "wrong_datatype": refused(lambda: client.infer("signs", [floats])),
        "not_an_image": refused(lambda: client.infer("signs", [images(b"no image")])),
        "unknown_parameter": refused(lambda: client.infer("signs", [images()], parameters={"colour": 3})),
        "too_late": refused(lambda: client.infer("signs", [images()], timeout=1)),
        "shared_memory": refused(client.get_system_shared_memory_status),
        "trace": refused(client.get_trace_settings),
    }


def repository(client: Any) -> dict[str, Any]:
    def states() -> dict[str, str]:
        index = client.get_model_repository_index(as_json=True)["models"]
        return {f"{entry['name']} {entry['version']}": entry["state"] for entry in index}

    client.load_model("signs@candidate")
    loaded = states()
    client.unload_model("signs@candidate")
    unloaded = states()
    return {"loaded": loaded, "unloaded": unloaded, "config": refused(partial(client.load_model, "signs", config="{}"))}


def statistics(client: Any) -> list[Any]:
    def figures() -> dict[str, int]:
        (found,) = client.get_inference_statistics("flowers", "1").model_stats
        return {
            "images": found.inference_count,
            "success": found.inference_stats.success.count,
            "fail": found.inference_stats.fail.count,
        }

    before = figures()
    for _ in range(3):
        client.infer("flowers", [images()])
    refused(lambda: client.infer("flowers", [images(b"no image")]))
    return [before, figures(), sorted({each.name for each in client.get_inference_statistics().model_stats})]


async def asynchronously() -> dict[str, Any]:
    async with triton_aio.InferenceServerClient(sys.argv[1]) as client:
        answers = await asyncio.gather(*(client.infer("signs", [images()]) for _ in range(3)))

        async def asked() -> AsyncIterator[dict[str, Any]]:
            for identity in ("1", "2"):
                yield {"model_name": "signs", "inputs": [images()], "request_id": identity}

        streamed = [(str(error or ""), shown(result)) async for result, error in client.stream_infer(asked())]
        return {
            "health": [await client.is_server_live(), await client.is_server_ready()],
            "metadata": await client.get_model_metadata("signs", as_json=True),
            "answers": [shown(answer) for answer in answers],
            "stream": streamed,
        }


sys.stdout.write(json.dumps(main()))
