import json

import pytest

from benchmarks.export.__main__ import main


def test_it_prints_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--sides", "32", "--tasks", "3", "--rounds", "1", "--seconds", "0.01", "--json"]
    main(arguments)
    printed = json.loads(capsys.readouterr().out)
    for runtime in ("ONNX Runtime", "OpenVINO"):
        found = printed[runtime]["32"]
        assert found["top1_agreement"] == 1
        assert 0 < found["bytes_vs_full_model"] < 1
        assert found["speed_vs_full_model"] > 0  # of the one task with 9 blocks gone
        assert [task["macs_gone"] for task in found["tasks"]] == sorted(task["macs_gone"] for task in found["tasks"])
