"""Run by an environment that has tritonclient and nothing of ours: prints what it got, as JSON.

python triton_script.py HOST:PORT FILE...
"""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio

FILES = [Path(name).read_bytes() for name in sys.argv[2:]]


def images(module: Any = triton, count: int = len(FILES), *, shape: list[int] | None = None) -> Any:
    tensor = module.InferInput("image", shape or [count], "BYTES")
    tensor.set_data_from_numpy(np.array(FILES[:count], dtype=np.object_).reshape(shape or [count]))
    return tensor


def pixels(*, binary: bool) -> Any:
    values = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(1, 8, 8, 3)
    tensor = triton.InferInput("pixels", list(values.shape), "UINT8")
    tensor.set_data_from_numpy(values, binary_data=binary)
    return tensor


def shown(result: Any, *names: str) -> dict[str, Any]:
    found = {name: result.as_numpy(name) for name in names or ("probabilities", "label")}
    return {name: [str(found[name].dtype), list(found[name].shape), listed(found[name])] for name in found} | {
        key: result.get_response().get(key) for key in ("model_name", "model_version", "id")
    }


def listed(array: Any) -> Any:
    if array.dtype == np.object_:
        return [value.decode() if isinstance(value, bytes) else value for value in array.ravel()]
    return array.ravel().tolist()


def refused(ask: Callable[[], Any]) -> dict[str, str]:
    try:
        ask()
    except triton.InferenceServerException as failure:
        return {"status": str(failure.status()), "message": failure.message()}
    return {"status": "none", "message": ""}


def best(count: int, *, binary: bool) -> list[Any]:
    return [triton.InferRequestedOutput("probabilities", binary_data=binary, class_count=count)]


def plain(*, binary: bool) -> list[Any]:
    return [triton.InferRequestedOutput(name, binary_data=binary) for name in ("probabilities", "label")]


def main() -> dict[str, Any]:
    client = triton.InferenceServerClient(sys.argv[1])
    found: dict[str, Any] = {
        "health": [client.is_server_live(), client.is_server_ready(), client.is_model_ready("signs")],
        "not_ready": [client.is_model_ready("nothing"), client.is_model_ready("signs", "9")],
        "server_metadata": client.get_server_metadata(),
        "model_metadata": client.get_model_metadata("signs"),
        "config": client.get_model_config("signs"),
        "default": shown(client.infer("signs", [images()])),
        "column": shown(client.infer("signs", [images(shape=[len(FILES), 1])])),
        "json_outputs": shown(client.infer("signs", [images()], outputs=plain(binary=False))),
        "pixels": shown(client.infer("signs", [pixels(binary=True)])),
        "pixels_json": shown(client.infer("signs", [pixels(binary=False)], outputs=plain(binary=False))),
        "best_binary": shown(client.infer("signs", [images()], outputs=best(2, binary=True)), "probabilities"),
        "best_json": shown(client.infer("signs", [images()], outputs=best(2, binary=False)), "probabilities"),
        "best_of_all": shown(client.infer("signs", [images()], outputs=best(99, binary=True)), "probabilities"),
        "id": shown(client.infer("signs", [images()], request_id="mine")),
        "alias": shown(client.infer("signs@candidate", [images()])),
        "version": shown(client.infer("signs", [images()], model_version="2")),
        "priority": shown(client.infer("signs", [images()], priority=1, timeout=20_000_000)),
        "several_at_once": [
            shown(handle.get_result()) for handle in [client.async_infer("signs", [images()]) for _ in range(3)]
        ],
    }
    for coding in ("gzip", "deflate"):
        found[coding] = shown(
            client.infer(
                "signs", [images()], request_compression_algorithm=coding, response_compression_algorithm=coding
            )
        )
    found["errors"] = errors(client)
    found["repository"] = repository(client)
    found["statistics"] = statistics(client)
    found["aio"] = asyncio.run(asynchronously())
    client.close()
    return found


def errors(client: Any) -> dict[str, dict[str, str]]:
    wrong = triton.InferInput("picture", [1], "BYTES")
    wrong.set_data_from_numpy(np.array([b"x"], dtype=np.object_))
    floats = triton.InferInput("pixels", [1, 8, 8, 3], "FP32")
    floats.set_data_from_numpy(np.zeros((1, 8, 8, 3), np.float32))
    broken = triton.InferInput("image", [1], "BYTES")
    broken.set_data_from_numpy(np.array([b"no image"], dtype=np.object_))
    empty = triton.InferInput("image", [0], "BYTES")
    empty.set_data_from_numpy(np.array([], dtype=np.object_))
    return {
        "unknown_model": refused(lambda: client.infer("nothing", [images()])),
        "unknown_version": refused(lambda: client.infer("signs", [images()], model_version="9")),
        "unknown_input": refused(lambda: client.infer("signs", [wrong])),
        "no_data": refused(lambda: client.infer("signs", [triton.InferInput("image", [1], "BYTES")])),
        "no_image": refused(lambda: client.infer("signs", [empty])),
        "wrong_datatype": refused(lambda: client.infer("signs", [floats])),
        "not_an_image": refused(lambda: client.infer("signs", [broken])),
        "unknown_parameter": refused(lambda: client.infer("signs", [images()], parameters={"colour": 3})),
        "sequence": refused(lambda: client.infer("signs", [images()], sequence_id=5)),
        "too_late": refused(lambda: client.infer("signs", [images()], timeout=1)),
        "packed_answer": refused(lambda: client.infer("nothing", [images()], response_compression_algorithm="gzip")),
    }


def repository(client: Any) -> dict[str, Any]:
    def states() -> dict[str, str]:
        index = client.get_model_repository_index()
        return {f"{entry['name']} {entry['version']}": entry["state"] for entry in index}

    client.load_model("signs@candidate")
    loaded = states()
    client.unload_model("signs@candidate")
    unloaded = states()
    refusal = refused(lambda: client.load_model("signs", config="{}"))
    return {"loaded": loaded, "unloaded": unloaded, "config": refusal}


def statistics(client: Any) -> list[Any]:
    def figures() -> Any:
        (found,) = client.get_inference_statistics("flowers", "1")["model_stats"]
        return found

    before = figures()
    for _ in range(3):
        client.infer("flowers", [images()])
    refused(lambda: client.infer("flowers", [images()], timeout=1))
    return [before, figures(), sorted({each["name"] for each in client.get_inference_statistics()["model_stats"]})]


async def asynchronously() -> dict[str, Any]:
    async with triton_aio.InferenceServerClient(sys.argv[1]) as client:
        answers = await asyncio.gather(*(client.infer("signs", [images(triton_aio)]) for _ in range(3)))
        return {
            "health": [await client.is_server_live(), await client.is_server_ready()],
            "metadata": await client.get_model_metadata("signs"),
            "answers": [shown(answer) for answer in answers],
        }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main()))
