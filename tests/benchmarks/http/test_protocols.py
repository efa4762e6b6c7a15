"""The same image by every protocol, and what is made of the rounds."""

import struct
from pathlib import Path

from benchmarks.http import protocols
from benchmarks.http.protocols import GRPC, NATIVE, REST, Round
from server.grpc.messages.protocol import protocol
from server.http.open_inference.requests import request_of


def test_every_protocol_sends_the_same_image_to_the_same_tasks(tmp_path: Path) -> None:
    targets = protocols.targets_of("http://one", "http://two", tmp_path, 2)
    image = targets[NATIVE].bodies[0].read_bytes()
    assert targets[REST].addresses == [f"http://one/v2/models/task-{index}/infer" for index in range(2)]
    length = targets[REST].options[1].rpartition(" ")[2]
    asked = request_of(targets[REST].bodies[0].read_bytes(), [length])
    assert [tensor.elements() for tensor in asked.request.inputs] == [(image,)]
    for index, path in enumerate(targets[GRPC].bodies):
        frame = path.read_bytes()
        assert struct.unpack(">BI", frame[:5]) == (0, len(frame) - 5)
        message = protocol().methods["ModelInfer"].request.FromString(frame[5:])
        assert (message.model_name, message.raw_input_contents[0][4:]) == (f"task-{index}", image)


def test_ratios_are_of_paired_rounds() -> None:
    def rounds(cpu_ms: float, p50_ms: float) -> list[Round]:
        return [Round(cpu_ms=cpu_ms * scale, p50_ms=p50_ms * scale, rps=100.0) for scale in (1, 2, 3)]

    found = protocols.figures({NATIVE: rounds(2, 4), REST: rounds(2.08, 4.4), GRPC: rounds(1.04, 2.2)})
    assert (found["rest_cpu_vs_native"], found["rest_p50_vs_native"]) == (1.04, 1.1)
    assert (found["grpc_cpu_vs_rest"], found["grpc_p50_vs_rest"]) == (0.5, 0.5)
    lines = protocols.table(found | {"tasks": 2, "clients": 8, "rounds": 3})
    assert any("rest_cpu_vs_native" in line and line.endswith("goal <= 1.05: met") for line in lines)
    assert any("rest_p50_vs_native" in line and line.endswith("goal <= 1.05: MISSED") for line in lines)
