"""Keys, rates, the audit log and limits of calls are those of requests."""

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import grpc
import pytest

from hosting.access.key_file import add_key
from hosting.access.keys import Scope, new_key
from registry.registry import Registry
from server.grpc.messages.protocol import SERVICE, protocol
from server.settings import ServerSettings
from tests.processes.ports import free_port
from tests.server.asking import FILES
from tests.server.grpc.calling import Caller, calling, images, refusal
from tests.server.running import Running, running

BURST = 8
BODY_BYTES = 100_000

UNAUTHENTICATED, DENIED = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED
EXHAUSTED, INVALID = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("access")


@pytest.fixture(scope="module")
def locked(settings: ServerSettings, stocked: Registry, folder: Path) -> Iterator[Running]:
    make_key(folder, "admin", "admin", "read")
    changes = {
        "grpc_port": free_port(),
        "keys_file": folder / "keys.toml",
        "audit_log": folder / "audit.jsonl",
        "rate_limit_per_second": 0.001,
        "rate_burst": BURST,
        "max_body_bytes": BODY_BYTES,
        "bodies_bound_bytes": BODY_BYTES + 1000,
        "transfer_timeout_seconds": 0.5,
        "grpc_max_calls": 3,
        "access_log": True,
    }
    with running(settings.model_copy(update=changes), stocked) as server:
        yield server


@pytest.fixture(scope="module")
def caller(locked: Running) -> Iterator[Caller]:
    with calling(locked.service.settings.grpc_port) as caller:
        yield caller


def make_key(folder: Path, name: str, *scopes: Scope, tasks: tuple[str, ...] = ()) -> Mapping[str, str]:
    """The metadata of a caller with a new key."""
    key, secret = new_key(name, scopes, tasks)
    add_key(folder / "keys.toml", key)
    return {"authorization": f"Bearer {secret}"}


def test_calls_need_a_key_of_their_scope(caller: Caller, folder: Path) -> None:
    camera = make_key(folder, "camera", "predict", tasks=("signs",)).items()
    code, reason = caller.refused("ModelInfer", request=images(FILES[0]))
    assert (code, "this needs a key" in reason) == (UNAUTHENTICATED, True)
    unknown = [("authorization", "Bearer ntk_unknown")]
    assert caller.refused("ModelInfer", request=images(FILES[0]), metadata=unknown)[0] is UNAUTHENTICATED
    assert caller.call("ModelInfer", request=images(FILES[0]), metadata=camera).model_version == "1"
    assert caller.call("ModelInfer", request=images(FILES[0], name="signs@candidate"), metadata=camera)
    code, reason = caller.refused("ModelInfer", request=images(FILES[0], name="flowers"), metadata=camera)
    assert (code, "'flowers' is none of them" in reason) == (DENIED, True)
    assert caller.call("ModelMetadata", name="signs", metadata=camera).platform
    assert caller.refused("ModelStatistics", name="signs", metadata=camera) == (
        DENIED,
        "key 'camera' lacks the scope 'read'",
    )
    assert caller.refused("RepositoryModelLoad", model_name="signs", metadata=camera)[0] is DENIED


def test_whether_the_server_lives_needs_no_key(caller: Caller) -> None:
    assert caller.call("ServerLive").live
    assert caller.call("ServerReady").ready


def test_streams_ask_for_the_key_with_every_message(caller: Caller, folder: Path) -> None:
    with refusal() as told:
        caller.stream([images(FILES[0])])
    assert told[0].code() is UNAUTHENTICATED
    camera = tuple(make_key(folder, "stream", "predict", tasks=("signs",)).items())
    allowed, forbidden = caller.stream([images(FILES[0]), images(FILES[0], name="flowers")], metadata=camera)
    assert (allowed.error_message, allowed.infer_response.model_version) == ("", "1")
    assert "'flowers' is none of them" in forbidden.error_message


def test_calls_and_requests_share_a_rate(caller: Caller, locked: Running, folder: Path) -> None:
    key = make_key(folder, "busy", "predict")
    for _ in range(BURST - 1):
        caller.call("ModelInfer", request=images(FILES[0]), metadata=key.items())
    assert locked.client.post("/tasks/signs/predict", content=FILES[0], headers=dict(key)).status_code == 200
    with refusal() as told:
        caller.call("ModelInfer", request=images(FILES[0]), metadata=key.items())
    assert told[0].code() is EXHAUSTED
    assert int(dict(told[0].trailing_metadata())["retry-after"]) > 1


def test_what_is_no_prediction_is_in_the_audit_log(caller: Caller, folder: Path) -> None:
    reader = make_key(folder, "reader", "read").items()
    caller.refused("RepositoryModelUnload", model_name="signs@live", metadata=[*reader, ("x-request-id", "mine")])
    caller.refused("RepositoryModelLoad", model_name="signs")
    entries = [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]
    told = {(entry["path"], entry["status"], entry["actor"], entry["task"]) for entry in entries}
    assert (f"/{SERVICE}/RepositoryModelUnload", 403, "reader", "signs") in told
    assert (f"/{SERVICE}/RepositoryModelLoad", 401, None, None) in told  # its message was not read
    assert "mine" in {entry["request_id"] for entry in entries}
    assert not any(entry["path"].endswith("Infer") for entry in entries)


def test_requests_have_ids(caller: Caller, folder: Path) -> None:
    key = make_key(folder, "traced", "read").items()
    method = protocol().methods["ModelMetadata"]
    call = caller.channel.unary_unary(
        f"/{SERVICE}/ModelMetadata", method.request.SerializeToString, method.response.FromString
    )
    _, done = call.with_call(method.request(name="signs"), metadata=[*key, ("x-request-id", "mine")])
    assert dict(done.trailing_metadata())["x-request-id"] == "mine"
    _, done = call.with_call(method.request(name="signs"), metadata=key)
    assert len(dict(done.trailing_metadata())["x-request-id"]) == 32


def test_calls_are_in_the_access_log(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="uvicorn.access"):
        caller.call("ServerLive")
    assert any(f'"POST /{SERVICE}/ServerLive HTTP/2" 200' in record.getMessage() for record in caplog.records)


def test_messages_are_as_long_as_bodies_may_be(caller: Caller, folder: Path) -> None:
    key = make_key(folder, "large", "predict").items()
    method = protocol().methods["ModelInfer"]
    large = images(FILES[0] + bytes(BODY_BYTES - len(FILES[0]) - 1000))
    assert caller.call("ModelInfer", request=large, metadata=key)
    too_large = images(FILES[0] + bytes(2 * BODY_BYTES))
    assert caller.refused("ModelInfer", request=too_large, metadata=key)[0] is EXHAUSTED
    call = caller.channel.unary_unary(
        f"/{SERVICE}/ModelInfer", method.request.SerializeToString, method.response.FromString
    )
    assert call(large, metadata=tuple(key), compression=grpc.Compression.Gzip).model_version == "1"
    with refusal() as told:  # however few bytes it comes in
        call(too_large, metadata=tuple(key), compression=grpc.Compression.Gzip)
    assert told[0].code() is EXHAUSTED
    name = "x" * 70_000
    assert caller.refused("ModelReady", name=name, metadata=key)[0] is INVALID
    assert caller.refused("ServerReady", request=method.request(model_name=name))[0] is INVALID


def test_messages_that_are_none_or_do_not_come(caller: Caller, folder: Path) -> None:
    key = tuple(make_key(folder, "odd", "predict").items())
    call = caller.channel.unary_unary(f"/{SERVICE}/ModelInfer")
    with refusal() as told:
        call(b"\xff", metadata=key)
    assert (told[0].code(), "it is no ModelInferRequest" in told[0].details()) == (INVALID, True)
    streaming = caller.channel.stream_unary(f"/{SERVICE}/ModelInfer")
    with refusal() as told:
        streaming(iter(()), metadata=key)
    assert told[0].code() is INVALID
    endless = _Endless()
    with refusal() as told:
        streaming(iter(endless), metadata=key)
    endless.stop()
    assert told[0].code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_only_so_many_calls_are_under_way(caller: Caller, locked: Running, folder: Path) -> None:
    key = tuple(make_key(folder, "many", "predict").items())
    streaming = caller.channel.stream_stream(f"/{SERVICE}/ModelStreamInfer")
    open_streams = []
    message = images(FILES[0]).SerializeToString()
    for _ in range(locked.service.settings.grpc_max_calls):
        requests = _Endless(message)
        stream = streaming(iter(requests), metadata=key)
        next(stream)
        open_streams.append((requests, stream))
    with calling(locked.service.settings.grpc_port) as another:
        assert another.refused("ServerLive")[0] is EXHAUSTED
    for requests, stream in open_streams:
        requests.stop()
        assert list(stream) == []
    assert caller.call("ServerLive").live


class _Endless:
    """Messages of a stream that stays open until it is told to stop."""

    def __init__(self, *messages: bytes) -> None:
        self._messages = list(messages)
        self._stopped = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        yield from self._messages
        assert self._stopped.wait(60)

    def stop(self) -> None:
        self._stopped.set()
