"""Run by an environment that has the KServe SDK and nothing of ours: prints what it got over gRPC, as JSON.

python kserve_grpc_script.py HOST:PORT FILE...
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest

FILES = [Path(name).read_bytes() for name in sys.argv[2:]]


def images(*files: bytes) -> Any:
    """In raw contents."""
    chosen = files or tuple(FILES)
    tensor = InferInput(name="image", shape=[len(chosen)], datatype="BYTES")
    tensor.set_data_from_numpy(np.array(chosen, dtype=np.object_), binary_data=True)
    return tensor


def pixels() -> Any:
    """In typed contents."""
    values = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(1, 8, 8, 3)
    return InferInput(name="pixels", shape=list(values.shape), datatype="UINT8", data=values.ravel().tolist())


def shown(response: Any) -> dict[str, Any]:
    outputs = {output.name: [list(output.shape), _listed(output.as_numpy())] for output in response.outputs}
    return {"model_name": response.model_name, "outputs": outputs}


def _listed(array: Any) -> Any:
    return [value.decode() if isinstance(value, bytes) else value for value in array.ravel().tolist()]


async def main() -> dict[str, Any]:
    async with InferenceGRPCClient(url=sys.argv[1]) as client:

        async def infer(name: str, tensor: Any) -> Any:
            return await client.infer(InferRequest(model_name=name, infer_inputs=[tensor]))

        async def refused(name: str, tensor: Any) -> str:
            try:
                await infer(name, tensor)
            except Exception as failure:  # whatever the client makes of it is what its user sees
                return str(failure)
            return ""

        return {
            "health": [await client.is_server_live(), await client.is_server_ready()],
            "model_ready": [await client.is_model_ready("signs"), await client.is_model_ready("nothing")],
            "images": shown(await infer("signs", images())),
            "alias": shown(await infer("signs@candidate", images())),
            "pixels": shown(await infer("signs", pixels())),
            "unknown_model": await refused("nothing", images()),
            "malformed": await refused("signs", images(b"no image")),
        }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main())))
