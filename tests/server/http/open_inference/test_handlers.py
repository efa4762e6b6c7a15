"""The protocol over a socket: the exact bytes of answers, and the native route's figures in them."""

import gzip
import json
import socket
import struct
import zlib
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from server.settings import ServerSettings
from tests.server.asking import FILES, IMAGES
from tests.server.running import Running

LENGTH = "Inference-Header-Content-Length"


# What fronts do to requests is tried by day with all problems of the native routes: test_problems.
_BY_FRONTS = pytest.param(2, id="two fronts", marks=pytest.mark.nightly)


@pytest.fixture(scope="module", params=[pytest.param(0, id="one process"), _BY_FRONTS])
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ServerSettings:
    """What is true of a server is true behind fronts."""
    folder: Path = tmp_path_factory.mktemp("data")
    fronts: int = request.param
    return ServerSettings(
        data_dir=folder, device="cpu", max_wait_ms=1, max_body_bytes=2**20, max_images=8, fronts=fronts
    )


@pytest.fixture(scope="module")
def client(stocked_server: Running) -> httpx.Client:
    return stocked_server.client


def elements(*files: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(file)) + file for file in files)


def asked(*files: bytes, **more: Any) -> tuple[bytes, dict[str, str]]:
    """The body and the headers that tritonclient sends for these files."""
    data = elements(*files)
    tensor = {
        "name": "image",
        "shape": [len(files)],
        "datatype": "BYTES",
        "parameters": {"binary_data_size": len(data)},
    }
    header = json.dumps({"inputs": [tensor]} | more).encode()
    return header + data, {LENGTH: str(len(header))}


def infer(client: httpx.Client, *files: bytes, model: str = "signs", **more: Any) -> httpx.Response:
    body, headers = asked(*files, **more)
    return client.post(f"/v2/models/{model}/infer", content=body, headers=headers)


def natively(client: httpx.Client, file: bytes = FILES[0], path: str = "tasks/signs/predict") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.post(f"/{path}?top_k=100", content=file).json()["predictions"][0]
    return found


def shares(client: httpx.Client, file: bytes = FILES[0], path: str = "tasks/signs/predict") -> list[float]:
    """The native route's probabilities in the order of the classes."""
    return [found["probability"] for found in sorted(natively(client, file, path), key=lambda found: found["index"])]


def spoken(server: Running, request: bytes) -> tuple[bytes, bytes]:
    """The head and the body of the answer to these bytes."""
    url = server.client.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=30) as connection:
        connection.sendall(request)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    return head, body


def test_the_exact_bytes_of_a_binary_request_and_its_answer(stocked_server: Running, client: httpx.Client) -> None:
    body, headers = asked(FILES[0], id="7", parameters={"binary_data_output": True})
    head = (
        b"POST /v2/models/signs%40live/infer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Length: " + str(len(body)).encode() + b"\r\n"
        b"Inference-Header-Content-Length: " + headers[LENGTH].encode() + b"\r\n\r\n"
    )
    answer_head, answer = spoken(stocked_server, head + body)
    assert answer_head.startswith(b"HTTP/1.1 200 OK\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in answer_head.split(b"\r\n")[1:])
    assert fields[b"content-type"] == b"application/octet-stream"
    assert fields[b"x-task-version"] == b"1"
    length = int(fields[b"inference-header-content-length"])
    document = json.loads(answer[:length])
    parameters = document.pop("parameters")
    assert parameters.keys() == {"digest", "tier", "switch_ms", "queue_ms", "inference_ms"}
    label = natively(client)[0]["label"].encode()
    size = {"binary_data_size": len(label) + 4}
    assert document == {
        "model_name": "signs@live",
        "model_version": "1",
        "id": "7",
        "outputs": [
            {"name": "probabilities", "datatype": "FP32", "shape": [1, 5], "parameters": {"binary_data_size": 20}},
            {"name": "label", "datatype": "BYTES", "shape": [1], "parameters": size},
        ],
    }
    assert answer[length:] == np.array(shares(client), "<f4").tobytes() + elements(label)


def test_the_exact_bytes_of_an_error(stocked_server: Running) -> None:
    request = b"GET /v2/models/nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Request-Id: x\r\n\r\n"
    head, body = spoken(stocked_server, request)
    assert head.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b"\r\ncontent-type: application/json\r\n" in head.lower()
    assert json.loads(body)["error"] == json.loads(body)["detail"] == "no task 'nothing'"


def test_without_binary_data_output_the_answer_is_json(client: httpx.Client) -> None:
    answer = infer(client, *FILES)
    assert answer.headers["content-type"] == "application/json"
    assert LENGTH not in answer.headers
    document = answer.json()
    assert "id" not in document
    probabilities, label = document["outputs"]
    assert probabilities["shape"] == [3, 5]
    expected = [share for file in FILES for share in shares(client, file)]
    assert probabilities["data"] == pytest.approx(expected, abs=1e-7)
    assert label["data"] == [natively(client, file)[0]["label"] for file in FILES]


def test_outputs_are_binary_or_json_as_each_is_asked_for(client: httpx.Client) -> None:
    outputs = [
        {"name": "label", "parameters": {"binary_data": False}},
        {"name": "probabilities", "parameters": {"binary_data": True, "classification": 2}},
    ]
    answer = infer(client, FILES[0], outputs=outputs, parameters={"binary_data_output": False})
    length = int(answer.headers[LENGTH])
    label, best = json.loads(answer.content[:length])["outputs"]
    first, second, *_ = natively(client)
    assert label["data"] == [first["label"]]
    assert (best["datatype"], best["shape"]) == ("BYTES", [1, 2])
    texts = [f"{found['probability']:.6f}:{found['index']}:{found['label']}".encode() for found in (first, second)]
    assert answer.content[length:] == elements(*texts)
    assert best["parameters"] == {"binary_data_size": len(elements(*texts))}


def test_a_raw_request_is_a_bare_file(client: httpx.Client) -> None:
    answer = client.post("/v2/models/signs/infer", content=FILES[0], headers={LENGTH: "0"})
    length = int(answer.headers[LENGTH])
    assert answer.content[length:][:20] == np.array(shares(client), "<f4").tobytes()


def test_pixels_as_json_and_as_binary_data_are_answered_as_the_file_is(client: httpx.Client) -> None:
    pixels = np.ascontiguousarray(IMAGES[:1].transpose(0, 2, 3, 1))
    tensor = {"name": "pixels", "shape": list(pixels.shape), "datatype": "UINT8"}
    as_json = client.post("/v2/models/signs/infer", json={"inputs": [tensor | {"data": pixels.tolist()}]})
    data = pixels.tobytes()
    header = json.dumps({"inputs": [tensor | {"parameters": {"binary_data_size": len(data)}}]}).encode()
    as_binary = client.post("/v2/models/signs/infer", content=header + data, headers={LENGTH: str(len(header))})
    assert as_json.json()["outputs"] == as_binary.json()["outputs"]
    assert as_json.json()["outputs"][0]["data"] == pytest.approx(shares(client), abs=1e-7)


@pytest.mark.parametrize(
    ("model", "native", "version"),
    [
        ("signs@candidate", "tasks/signs@candidate/predict", "2"),
        ("signs%40candidate", "tasks/signs@candidate/predict", "2"),
        ("signs/versions/2", "tasks/signs/versions/2/predict", "2"),
        ("signs/versions/1", "tasks/signs/predict", "1"),
    ],
)
def test_names_and_versions(client: httpx.Client, model: str, native: str, version: str) -> None:
    document = infer(client, FILES[0], model=model).json()
    assert document["model_version"] == version
    assert document["outputs"][0]["data"] == pytest.approx(shares(client, path=native), abs=1e-7)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_requests_and_answers_are_packed_as_the_client_says(client: httpx.Client, coding: str) -> None:
    body, headers = asked(*FILES, parameters={"binary_data_output": True})
    data = gzip.compress(body) if coding == "gzip" else zlib.compress(body)
    coded = headers | {"Content-Encoding": coding, "Accept-Encoding": coding}
    answer = client.post("/v2/models/signs/infer", content=data, headers=coded)
    assert answer.headers["content-encoding"] == coding  # which httpx undoes
    plain = client.post("/v2/models/signs/infer", content=body, headers=headers | {"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    lengths = [int(each.headers[LENGTH]) for each in (answer, plain)]
    assert answer.content[lengths[0] :] == plain.content[lengths[1] :]


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("health/live", {"live": True}),
        ("health/ready", {"ready": True}),
        ("models/signs/ready", {"name": "signs", "ready": True}),
        ("models/signs%40candidate/versions/1/ready", None),
        ("models/signs/versions/2/ready", {"name": "signs", "ready": True}),
        ("models", {"models": ["flowers", "signs"]}),
    ],
)
def test_health_and_names(client: httpx.Client, path: str, document: Any) -> None:
    answer = client.get(f"/v2/{path}")
    assert answer.status_code == (400 if document is None else 200)
    assert document is None or answer.json() == document


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_the_server_says_what_it_is(client: httpx.Client, path: str) -> None:
    document = client.get(path).json()
    assert document["name"] == "nettailor-server"
    assert {"binary_tensor_data", "classification", "model_repository", "statistics"} <= set(document["extensions"])


def test_a_model_says_what_it_is(client: httpx.Client) -> None:
    document = client.get("/v2/models/signs").json()
    assert (document["name"], document["versions"], document["platform"]) == ("signs", ["1", "2"], "nettailor_bundlev1")
    assert document["inputs"][0] == {"name": "image", "datatype": "BYTES", "shape": [-1]}
    assert client.get("/v2/models/signs@candidate").json()["versions"] == ["2"]
    config = client.get("/v2/models/signs/config").json()
    assert (config["max_batch_size"], config["input"][1]["dims"]) == (8, [-1, -1, 3])


def test_the_repository_is_listed_loaded_and_unloaded(client: httpx.Client) -> None:
    def states(**asked: Any) -> dict[tuple[str, str], str]:
        found = client.post("/v2/repository/index", **asked).json()
        return {(entry["name"], entry["version"]): entry["state"] for entry in found}

    load, unload = (f"/v2/repository/models/signs@candidate/{step}" for step in ("load", "unload"))
    assert client.post(unload, json={"parameters": {"unload_dependents": False}}).status_code == 200
    assert states() == states(json={"ready": False})
    assert states()["signs", "2"] == "UNAVAILABLE"
    assert client.post(load).status_code == 200
    assert states(json={"ready": True})["signs", "2"] == "READY"
    assert client.post(load, json={"parameters": {"config": "{}"}}).status_code == 400
    assert client.post("/v2/repository/models/nothing/load").status_code == 404
    assert client.post(unload).status_code == 200


def test_statistics_of_one_version_of_a_model_and_of_all(client: httpx.Client) -> None:
    def counts(path: str) -> dict[tuple[str, str], tuple[int, int]]:
        found = client.get(f"/v2/models/{path}").json()["model_stats"]
        return {
            (each["name"], each["version"]): (each["inference_count"], each["inference_stats"]["success"]["count"])
            for each in found
        }

    before = counts("signs/versions/2/stats")["signs", "2"]
    infer(client, *FILES, model="signs@candidate")
    after = (before[0] + 3, before[1] + 1)
    assert counts("signs/versions/2/stats") == {("signs", "2"): after}
    assert counts("signs@candidate/stats") == {("signs", "2"): after}
    assert counts("signs/stats")["signs", "2"] == after
    assert counts("stats")["signs", "2"] == after
    assert {("signs", "1"), ("signs", "2")} <= counts("signs/stats").keys() <= counts("stats").keys()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/nothing", 404),
        ("GET", "/v2/models/signs/versions/9", 404),
        ("GET", "/v2/models/signs/versions/first/ready", 400),
        ("GET", "/v2/nothing", 404),
        ("PUT", "/v2/models/signs/infer", 405),
        ("GET", "/v2/models/signs/infer", 405),
        ("POST", "/v2/models/nothing/infer", 404),
        ("POST", "/v2/models/signs@nothing/infer", 404),
        ("POST", "/v2/models/signs@live/versions/1/infer", 400),
        ("POST", "/v2/models/signs/infer?top_k=3", 400),
        ("POST", "/v2/models/signs/infer", 200),
    ],
)
def test_what_goes_wrong_is_json_with_an_error(client: httpx.Client, method: str, path: str, status: int) -> None:
    body, headers = asked(FILES[0])
    answer = client.request(method, path, content=body if method == "POST" else None, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert status == 200 or isinstance(answer.json()["error"], str)


def test_what_is_no_image_and_what_comes_too_late_is_said(client: httpx.Client) -> None:
    rejected = infer(client, b"no image")
    assert (rejected.status_code, rejected.headers["content-type"]) == (415, "application/json")
    late = infer(client, FILES[0], parameters={"timeout": 1})
    assert (late.status_code, late.headers["content-type"]) == (504, "application/json")
    malformed = infer(client, FILES[0], parameters={"priority": -1})
    assert malformed.json()["where"] == "parameters.priority"


def test_what_stands_before_the_routes_answers_with_json_as_well(stocked_server: Running, client: httpx.Client) -> None:
    def check(answer: httpx.Response, status: int) -> None:
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
        assert isinstance(answer.json()["error"], str)

    path = "/v2/models/signs/infer"
    check(client.get("/v2", headers={"Host": "elsewhere.example"}), 421)
    check(client.post(path, headers={"Origin": "http://elsewhere.example"}), 403)
    check(client.post(path, content=bytes(2**20 + 1)), 413)
    check(client.post("/v2/repository/index", content=bytes(2**19 + 1)), 413)
    check(client.post(path, content=b"x", headers={"Content-Encoding": "br"}), 415)
    check(client.post(path, content=b"x", headers={"Content-Encoding": "gzip"}), 422)
    admission, bound = stocked_server.service.parts.admission, stocked_server.service.settings.queue_bound
    admission.enter(("others",), bound)
    try:
        refused = infer(client, FILES[0])
        check(refused, 429)
        assert int(refused.headers["retry-after"]) >= 1
    finally:
        admission.leave(("others",), bound)
    stocked_server.service.state = "draining"
    try:
        check(infer(client, FILES[0]), 503)
        check(client.get("/v2/health/ready"), 503)
        check(client.get("/v2/models/signs/ready"), 503)
    finally:
        stocked_server.service.state = "ready"


def test_inferences_are_counted_as_predictions(stocked_server: Running, client: httpx.Client) -> None:
    def count(code: str) -> float:
        client.get("/metrics")  # has fronts report
        labels = {"task": "signs", "code": code}
        return stocked_server.service.metrics.registry.get_sample_value("nettailor_requests_total", labels) or 0.0

    before = count("200"), count("400")
    infer(client, FILES[0])
    infer(client, FILES[0], model="signs@live", parameters={"priority": -1})
    assert (count("200"), count("400")) == (before[0] + 1, before[1] + 1)
