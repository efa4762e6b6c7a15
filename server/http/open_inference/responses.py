"""From an inference's answer to the bytes that are sent: JSON, and the binary data behind it (torch-free)."""

import json
from typing import Any

from server.http.open_inference.requests import RestRequest
from server.open_inference.messages import InferResponse
from server.open_inference.tensors import OutputTensor


def body_of(response: InferResponse, asked: RestRequest) -> tuple[bytes, int | None]:
    """The body, and how many of its bytes are JSON; None where all are."""
    outputs, parts = [], []
    for tensor in response.outputs:
        described = _described(tensor)
        if asked.binary.get(tensor.name, asked.rest_is_binary):
            parts.append(tensor.raw())
            described["parameters"] = {"binary_data_size": len(parts[-1])}
        else:
            described["data"] = tensor.values()
        outputs.append(described)
    header = _header(response, outputs)
    return b"".join([header, *parts]), len(header) if parts else None


def _header(response: InferResponse, outputs: list[dict[str, Any]]) -> bytes:
    document: dict[str, Any] = {"model_name": response.model_name, "model_version": str(response.model_version)}
    if response.id:
        document["id"] = response.id
    document["parameters"] = dict(response.parameters)
    document["outputs"] = outputs
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _described(tensor: OutputTensor) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
