"""Bundles that must be refused, built by code: each with the error and the words its message must hold."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nettailor.bundle.bundle import decode, encode, manifest_json
from nettailor.bundle.safetensors_file import AnyArray, canonical_json, serialise
from nettailor.errors import (
    BundleInvalid,
    BundleMalformed,
    BundleManifestInvalid,
    BundleTensorInvalid,
    BundleTooLarge,
)
from tests.bundles import random_bundle, tiny_bytes

HEAD = "head.weight"
VARIANCE = "proxies.11.0.norm.running_var"
LAST = "proxies.11.0.norm.weight"  # in the order of the names


@dataclass(frozen=True, kw_only=True)
class Abuse:
    name: str
    data: bytes
    error: type[BundleInvalid]
    says: str


def abuses() -> Iterator[Abuse]:
    """Every abuse, of a sound bundle of the task `signs`."""
    sound = tiny_bytes()
    of_tensors = (_tensor_abuses, _adapter_abuses, _mask_abuses, _range_abuses, _owned_abuses, _half_abuses)
    for group in (_container_abuses, _header_abuses, *of_tensors, _manifest_abuses):
        yield from group(sound)


def _container_abuses(sound: bytes) -> Iterator[Abuse]:
    length = int.from_bytes(sound[:8], "little")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps({"head.weight": [1.0]}))
    stop = BundleMalformed
    yield Abuse(name="empty", data=b"", error=stop, says="only 0 bytes")
    yield Abuse(name="no header", data=sound[:8], error=stop, says=f"{length} bytes announced, 0 are there")
    yield Abuse(name="truncated in the header", data=sound[:200], error=stop, says="announced, 192 are there")
    yield Abuse(name="truncated in the data", data=sound[:-5], error=stop, says="the header describes")
    yield Abuse(name="surplus bytes", data=sound + b"\0" * 8, error=stop, says="the header describes")
    yield Abuse(name="pickle renamed", data=pickle.dumps({"w": [0.0] * 99}), error=stop, says="a pickle")
    yield Abuse(name="torch.save renamed", data=archive.getvalue(), error=stop, says="zip of pickles")
    yield Abuse(name="huge header", data=_with_length(sound, 1 << 40), error=BundleTooLarge, says="the limit is")
    yield Abuse(name="odd header length", data=_with_length(sound, length - 1), error=stop, says="multiple of 8")
    yield Abuse(name="no header at all", data=_with_length(sound, 0), error=stop, says="multiple of 8")
    yield Abuse(name="not an object", data=sound[:8] + b"[" + sound[9:], error=stop, says="begin with a brace")
    yield Abuse(name="bit-flipped header", data=_flip(sound, 9), error=stop, says="not JSON")
    yield Abuse(name="header not UTF-8", data=_raw_header(b'{"\xff":1}'), error=stop, says="not JSON")
    yield Abuse(name="deep nesting", data=_raw_header(b'{"a":' + b"[" * 200_000), error=stop, says="too deeply")
    yield Abuse(name="long integer", data=_raw_header(b'{"a":' + b"9" * 5000 + b"}"), error=stop, says="not JSON")
    yield Abuse(name="NaN in the header", data=_raw_header(b'{"a":NaN}'), error=stop, says="NaN is not JSON")


def _header_abuses(sound: bytes) -> Iterator[Abuse]:
    def abuse(name: str, change: Callable[[dict[str, Any]], object], says: str) -> Abuse:
        return Abuse(name=name, data=_edit_header(sound, change), error=BundleMalformed, says=says)

    def offsets(of: str, begin: int, end: int) -> Callable[[dict[str, Any]], object]:
        return lambda header: header[of]["data_offsets"].__setitem__(slice(None), [begin, end])

    first, second = sorted(_header(sound))[1:3]
    begin, end = _header(sound)[second]["data_offsets"]
    doubled = _raw_header(b'{"a":1,"a":2}')
    yield Abuse(name="duplicate keys", data=doubled, error=BundleMalformed, says="'a' appears twice")
    yield abuse("size that lies", offsets(second, begin, end + 4), "span does not fit the shape")
    yield abuse("overlap", offsets(second, begin - 4, end - 4), "overlaps the tensor before it")
    yield abuse("same bytes twice", offsets(first, begin, begin + _span(sound, first)), "data_offsets")
    yield abuse("gap", offsets(second, begin + 4, end + 4), "leaves a gap")
    yield abuse("negative offset", offsets(second, -4, end - begin - 4), "not two integers")
    yield abuse("offset beyond everything", offsets(second, begin, 1 << 70), "span does not fit the shape")
    yield abuse("three offsets", lambda h: h[HEAD]["data_offsets"].append(1), "not two integers")
    yield abuse("boolean shape", lambda h: h["head.bias"].update(shape=[True, 2]), "positive integers")
    yield abuse("zero in a shape", lambda h: h[HEAD].update(shape=[0, 128]), "positive integers")
    yield abuse("overflowing shape", lambda h: h[HEAD].update(shape=[1 << 62, 1 << 62]), "span does not fit")
    yield abuse("very many dimensions", lambda h: h[HEAD].update(shape=[1] * 9), "more than 8 dimensions")
    yield abuse("shape is a string", lambda h: h[HEAD].update(shape="2,128"), "positive integers")
    yield abuse("entry is a list", lambda h: h.update({HEAD: []}), "must hold exactly")
    yield abuse("entry with an extra key", lambda h: h[HEAD].update(strides=[1]), "must hold exactly")
    yield abuse("no metadata", lambda h: h.pop("__metadata__"), "missing")
    yield abuse("metadata of numbers", lambda h: h.update(__metadata__={"manifest": 1}), "not a map of strings")


def _tensor_abuses(sound: bytes) -> Iterator[Abuse]:
    def edit(name: str, change: Callable[[dict[str, Any]], object], says: str) -> Abuse:
        return Abuse(name=name, data=_edit_header(sound, change), error=BundleTensorInvalid, says=says)

    def values(name: str, of: str, value: bytes, says: str) -> Abuse:
        return Abuse(name=name, data=_overwrite(sound, of, value), error=BundleTensorInvalid, says=says)

    nan, infinity, minus, zero = (bytes.fromhex(h) for h in ("0000c07f", "0000807f", "000080bf", "00000000"))
    yield edit("wrong dtype", lambda h: h[HEAD].update(dtype="I32"), "'I32', must be 'F32'")
    yield edit("wrong shape", lambda h: h[HEAD].update(shape=[128, 2]), "(128, 2), must be (2, 128)")
    yield edit("missing and surplus", lambda h: h.update(weight=h.pop(HEAD)), f"at {HEAD}: missing")
    yield Abuse(name="missing tensor", data=_without_last(sound), error=BundleTensorInvalid, says=f"at {LAST}: missing")
    yield Abuse(name="surplus tensor", data=_with_extra(sound), error=BundleTensorInvalid, says="zz: surplus")
    yield values("NaN", HEAD, nan, f"{HEAD}: holds NaN or infinity")
    yield values("infinity", "head.bias", infinity, "head.bias: holds NaN or infinity")
    yield values("negative variance", VARIANCE, minus, "negative variance")
    yield values("alpha of zero", "alphas.12", zero, "not in (0, 1]")
    yield values("alphas that do not add up", "alphas.12", bytes.fromhex("0000003f"), "do not sum to 1")


def _adapter_abuses(_sound: bytes) -> Iterator[Abuse]:
    sound = encode(*random_bundle(classes=2, method="series-adapters"))
    matrix, variance = "adapters.5.branch.0.weight", "adapters.5.branch.0.norm.running_var"
    nan, minus = (bytes.fromhex(h) for h in ("0000c07f", "000080bf"))

    def abuse(name: str, data: bytes, says: str) -> Abuse:
        return Abuse(name=name, data=data, error=BundleTensorInvalid, says=says)

    def another(method: str) -> bytes:
        return edit_manifest(sound, lambda m: m.update(method=method))

    yield abuse("adapters of batchnorm", another("batchnorm"), "adapters.1.branch.0.norm.bias: surplus")
    yield abuse("adapters of another kind", another("dan"), "adapters.1.branch.0.norm.bias: surplus")
    turned = _edit_header(sound, lambda h: h[matrix].update(shape=[32, 128, 1, 1]))
    yield abuse("adapter turned", turned, f"at {matrix}: shape is (32, 128, 1, 1), must be (64, 64, 1, 1)")
    yield abuse("NaN in an adapter", _overwrite(sound, matrix, nan), f"at {matrix}: holds NaN")
    yield abuse("variance of an adapter", _overwrite(sound, variance, minus), f"at {variance}: holds a negative")


def _mask_abuses(_sound: bytes) -> Iterator[Abuse]:
    manifest, tensors = random_bundle(classes=2, method="piggyback")
    mask = "masks.5.shortcut.0"

    def abuse(name: str, tensor: str, values: AnyArray, says: str) -> Abuse:
        data = serialise({"manifest": manifest_json(manifest)}, tensors | {tensor: values})
        return Abuse(name=name, data=data, error=BundleTensorInvalid, says=f"at {tensor}: {says}")

    yield abuse("mask too short", mask, tensors[mask][:-4], "shape is (252,), must be (256,)")
    yield abuse("mask of numbers", mask, np.ones(256, np.float32), "dtype is float32, must be uint8")
    yield abuse("classifier of bytes", "head.bias", np.ones(2, np.uint8), "dtype is uint8, must be float32")


def _range_abuses(_sound: bytes) -> Iterator[Abuse]:
    sound = encode(*random_bundle(classes=2, activation_ranges=True))
    nan, minus, zero = (bytes.fromhex(h) for h in ("0000c07f", "000080bf", "00000000"))

    def abuse(name: str, data: bytes, says: str, error: type[BundleInvalid] = BundleTensorInvalid) -> Abuse:
        return Abuse(name=name, data=data, error=error, says=says)

    def manifest(change: Callable[[dict[str, Any]], object]) -> bytes:
        return edit_manifest(sound, change)

    yield abuse("range of nothing", _overwrite(sound, "ranges.0", zero), "at ranges.0: a range is not above 0")
    yield abuse("range below zero", _overwrite(sound, "ranges.12", minus), "at ranges.12: a range is not above 0")
    yield abuse("NaN in a range", _overwrite(sound, "ranges.12", nan), "at ranges.12: holds NaN or infinity")
    unsaid = manifest(lambda m: (m.pop("activation_ranges"), m.update(format="nettailor-bundle/1")))
    yield abuse("ranges that the manifest does not tell of", unsaid, "at ranges.0: surplus")
    lacking = edit_manifest(encode(*random_bundle(classes=2, method="dan")), lambda m: m.update(activation_ranges=True))
    yield abuse("ranges that are not there", lacking, "at ranges.0: missing")
    invalid = BundleManifestInvalid
    of_one = manifest(lambda m: m.update(format="nettailor-bundle/1"))
    yield abuse("ranges in format 1", of_one, "nettailor with activation ranges is a nettailor-bundle/2", invalid)
    masked = edit_manifest(
        encode(*random_bundle(classes=2, method="piggyback")), lambda m: m.update(activation_ranges=True)
    )
    yield abuse("ranges of masked weights", masked, "of method piggyback have no activation ranges", invalid)


def _owned_abuses(sound: bytes) -> Iterator[Abuse]:
    manifest, tensors = random_bundle(classes=2, method="packnet")
    mask = "masks.5.shortcut.0"

    def abuse(name: str, says: str, **changed: AnyArray) -> Abuse:
        data = serialise({"manifest": manifest_json(manifest)}, tensors | changed)
        return Abuse(name=name, data=data, error=BundleTensorInvalid, says=says)

    def told(name: str, data: bytes, change: Callable[[dict[str, Any]], object], says: str) -> Abuse:
        return Abuse(name=name, data=edit_manifest(data, change), error=BundleManifestInvalid, says=says)

    yield abuse("owners too short", f"at {mask}: shape is (252,), must be (256,)", **{mask: tensors[mask][:-4]})
    yield abuse("more owned than told", "the manifest says 1000", **{mask: np.full(256, 255, np.uint8)})
    yield abuse("fewer values than owned", "shape is (999,), must be (1000,)", values=tensors["values"][:-1])
    yield abuse("NaN among the owned", "holds NaN", values=np.full(1000, np.nan, np.float32))
    packed = encode(manifest, tensors)
    yield told("owned not told", packed, lambda m: m.pop("owned"), "says how many weights the task owns")
    yield told("predecessor no digest", packed, lambda m: m.update(predecessor="birds v1"), "manifest.predecessor")
    first = f"sha256:{'0' * 64}"
    yield told("predecessor of nettailor", sound, lambda m: m.update(predecessor=first), "have no meaning with")


def _half_abuses(_sound: bytes) -> Iterator[Abuse]:
    sound = encode(*random_bundle(classes=2, proxy_dtype="F16"))
    weight, infinity = "proxies.12.11.conv.weight", bytes.fromhex("007c")

    def abuse(name: str, data: bytes, says: str, error: type[BundleInvalid] = BundleTensorInvalid) -> Abuse:
        return Abuse(name=name, data=data, error=error, says=says)

    def manifest(of: bytes, **changes: str) -> bytes:
        return edit_manifest(of, lambda m: m.update(changes))

    yield abuse("infinite half", _overwrite(sound, weight, infinity), f"at {weight}: holds NaN or infinity")
    unsaid = edit_manifest(sound, lambda m: (m.pop("proxy_dtype"), m.update(format="nettailor-bundle/1")))
    yield abuse("halves that the manifest does not tell of", unsaid, "dtype is float16, must be float32")
    two = "nettailor-bundle/2"
    lacking = manifest(encode(*random_bundle(classes=2)), proxy_dtype="F16", format=two)
    yield abuse("halves that are none", lacking, "dtype is float32, must be float16")
    half = _edit_header(encode(*random_bundle(classes=4)), lambda h: h["head.bias"].update(dtype="F16", shape=[8]))
    yield abuse("classifier of halves", half, "at head.bias: dtype is float16, must be float32")
    invalid = BundleManifestInvalid
    of_one = manifest(sound, format="nettailor-bundle/1")
    yield abuse("halves in format 1", of_one, "nettailor with proxies in F16 is a nettailor-bundle/2", invalid)
    yield abuse("halves of another type", manifest(sound, proxy_dtype="BF16"), "manifest.proxy_dtype", invalid)
    without = manifest(encode(*random_bundle(classes=2, method="dan")), proxy_dtype="F16")
    yield abuse("halves of no proxies", without, "of method dan have no proxies to be in F16", invalid)


def _manifest_abuses(sound: bytes) -> Iterator[Abuse]:
    def abuse(name: str, change: Callable[[dict[str, Any]], object], says: str) -> Abuse:
        return Abuse(name=name, data=edit_manifest(sound, change), error=BundleManifestInvalid, says=says)

    def text(name: str, replacement: str, says: str) -> Abuse:
        data = _edit_header(sound, lambda h: h.update(__metadata__={"manifest": replacement}))
        return Abuse(name=name, data=data, error=BundleManifestInvalid, says=says)

    manifest = canonical_json(decode(sound).manifest.model_dump(mode="json"))
    two = _edit_header(sound, lambda h: h["__metadata__"].update(other="{}"))
    yield Abuse(name="two manifests", data=two, error=BundleManifestInvalid, says="exactly one key")
    yield text("manifest is no JSON", "{", "manifest: not JSON")
    yield text("manifest with duplicate keys", manifest[:-1] + ',"seed":1}', "'seed' appears twice")
    yield text("manifest with NaN", manifest.replace('"seed":0', '"seed":NaN'), "NaN is not JSON")
    yield text("manifest with an infinite number", manifest.replace('"seed":0', '"seed":1e999'), "out of range")
    yield abuse("another format", lambda m: m.update(format="nettailor-bundle/3"), "manifest.format")
    yield abuse("format 2 of no method", lambda m: m.update(format="nettailor-bundle/2"), "is a nettailor-bundle/1")
    yield abuse("unknown method", lambda m: m.update(method="guesswork"), "'nettailor', 'features', ")
    yield abuse("method in format 1", lambda m: m.update(method="features"), "is a nettailor-bundle/2")
    two_of = {"format": "nettailor-bundle/2", "method": "features"}
    yield abuse("features with proxies", lambda m: m.update(two_of), "keeps every block and has no proxies")
    whole = {"blocks": [True] * 12, "proxies": [[]] * 12}
    adapted = {**two_of, "plan": whole, "statistics": "task"}
    yield abuse("features with statistics", lambda m: m.update(adapted), "are 'frozen', not 'task'")
    yield abuse("extra field", lambda m: m.update(run="rm -rf /"), "manifest.run: Extra inputs")
    yield abuse("extra field in the plan", lambda m: m["plan"].update(extra=1), "manifest.plan")
    yield abuse("missing field", lambda m: m.pop("classes"), "manifest.classes")
    yield abuse("classes twice the same", lambda m: m.update(classes=["a", "a"]), "same name")
    yield abuse("one class", lambda m: m.update(classes=["a"]), "manifest.classes")
    yield abuse("seed as a string", lambda m: m.update(seed="0"), "manifest.seed")
    yield abuse("path as task", lambda m: m.update(task="../../etc"), "manifest.task")
    yield abuse("unknown backbone", lambda m: m["backbone"].update(id="vgg16"), "manifest.backbone.id")
    yield abuse("plan of another depth", lambda m: m["backbone"].update(id="resnet34"), "12 blocks, resnet34 has 16")
    yield abuse("plan that contradicts itself", lambda m: m["plan"]["blocks"].__setitem__(2, True), "manifest.plan")
    yield abuse("plan without paths", lambda m: m["plan"]["blocks"].__setitem__(11, False), "manifest.plan")
    of_none = {"validation": {"images": 0, "lost": 0.0, "same": 1.0}, "test": None}
    yield abuse("int8 measured on nothing", lambda m: m["metrics"].update(int8=of_none), "validation.images")
    yield abuse("int8 without ranges", lambda m: m["metrics"].update(int8={"test": None}), "without activation ranges")
    yield abuse("fingerprint too short", lambda m: m["backbone"].update(fingerprint="00"), "manifest.backbone")
    yield abuse("accuracy above one", lambda m: m["metrics"]["teacher"].update(test=1.5), "manifest.metrics.teacher")


def edit_manifest(sound: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The bundle with its manifest changed and everything around it kept in order."""

    def edit(header: dict[str, Any]) -> None:
        manifest = json.loads(header["__metadata__"]["manifest"])
        change(manifest)
        header["__metadata__"]["manifest"] = canonical_json(manifest)

    return _edit_header(sound, edit)


def _header(sound: bytes) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(sound[8 : 8 + int.from_bytes(sound[:8], "little")])
    return header


def _data(sound: bytes) -> bytes:
    return sound[8 + int.from_bytes(sound[:8], "little") :]


def _edit_header(sound: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    header = _header(sound)
    change(header)
    return _raw_header(canonical_json(header).encode()) + _data(sound)


def _raw_header(text: bytes) -> bytes:
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _with_length(sound: bytes, length: int) -> bytes:
    return length.to_bytes(8, "little") + sound[8:]


def _flip(sound: bytes, position: int) -> bytes:
    return sound[:position] + bytes([sound[position] ^ 0x10]) + sound[position + 1 :]


def _span(sound: bytes, name: str) -> int:
    begin, end = _header(sound)[name]["data_offsets"]
    return int(end - begin)


def _overwrite(sound: bytes, name: str, value: bytes) -> bytes:
    data = bytearray(_data(sound))
    begin = _header(sound)[name]["data_offsets"][0]
    data[begin : begin + len(value)] = value
    return sound[: len(sound) - len(data)] + bytes(data)


def _without_last(sound: bytes) -> bytes:
    name = max(_header(sound))
    assert name == LAST
    cut = _edit_header(sound, lambda header: header.pop(name))
    return cut[: len(cut) - _span(sound, name)]


def _with_extra(sound: bytes) -> bytes:
    end = len(_data(sound))
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [end, end + 4]}
    return _edit_header(sound, lambda header: header.update(zz=entry)) + b"\0" * 4
