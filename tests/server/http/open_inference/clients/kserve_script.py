"""Run by an environment that has the KServe SDK and nothing of ours: prints what it got, as JSON.

python kserve_script.py URL FILE...
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

FILES = [Path(name).read_bytes() for name in sys.argv[2:]]


def images(*, count: int = len(FILES)) -> Any:
    tensor = InferInput(name="image", shape=[count], datatype="BYTES")
    tensor.set_data_from_numpy(np.array(FILES[:count], dtype=np.object_), binary_data=True)
    return tensor


def pixels() -> Any:
    values = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(1, 8, 8, 3)
    tensor = InferInput(name="pixels", shape=list(values.shape), datatype="UINT8")
    tensor.set_data_from_numpy(values, binary_data=False)
    return tensor


def shown(response: Any) -> dict[str, Any]:
    outputs = {output.name: [list(output.shape), _listed(output.as_numpy())] for output in response.outputs}
    return {"model_name": response.model_name, "id": response.id, "outputs": outputs}


def _listed(array: Any) -> Any:
    return [value.decode() if isinstance(value, bytes) else value for value in array.ravel().tolist()]


async def main() -> dict[str, Any]:
    url = sys.argv[1]
    client = InferenceRESTClient(RESTConfig(protocol="v2"))

    async def infer(name: str, *inputs: Any, **more: Any) -> Any:
        return await client.infer(
            url, InferRequest(model_name=name, infer_inputs=list(inputs), **more), model_name=name
        )

    async def refused(name: str, *inputs: Any) -> str:
        try:
            await infer(name, *inputs)
        except Exception as failure:  # whatever the client makes of it is what its user sees
            return str(failure)
        return ""

    binary = [RequestedOutput("probabilities", {"binary_data": True})]
    return {
        "health": [await client.is_server_live(url), await client.is_server_ready(url)],
        "model_ready": [await client.is_model_ready(url, "signs"), await client.is_model_ready(url, "nothing")],
        "images": shown(await infer("signs", images())),
        "pixels": shown(await infer("signs", pixels())),
        "alias": shown(await infer("signs@candidate", images())),
        "binary_outputs": shown(await infer("signs", images(), request_outputs=binary)),
        "unknown_model": await refused("nothing", images()),
        "malformed": await refused("signs", images(count=0)),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main())))
