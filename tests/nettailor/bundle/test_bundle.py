import dataclasses
import io
import json
import struct
from typing import get_args

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from nettailor.architecture.geometry import backbone_names, geometry
from nettailor.architecture.plan import full_plan, reachable_plan
from nettailor.bundle.backbone_file import tensor_shapes as backbone_shapes
from nettailor.bundle.bundle import (
    BundleLimits,
    check_backbone,
    decode,
    digest_of,
    encode,
    manifest_json,
    parse_manifest,
)
from nettailor.bundle.manifest import (
    ADAPTER_METHODS,
    PLAIN_METHODS,
    WHOLE_METHODS,
    AdapterMethod,
    Manifest,
    Method,
    StatisticsMode,
)
from nettailor.bundle.safetensors_file import AnyArray
from nettailor.bundle.tensors.tensors import tensor_shapes
from nettailor.errors import (
    BundleInvalid,
    BundleManifestInvalid,
    BundleTensorInvalid,
    BundleTooLarge,
    BundleWrongBackbone,
)
from tests.bundles import random_bundle, random_manifest, random_plan, tiny_bytes
from tests.nettailor.bundle.abuses import Abuse, abuses

ABUSES = list(abuses())


@pytest.mark.parametrize("statistics", ["task", "frozen"])
@pytest.mark.parametrize("backbone", backbone_names())
def test_what_is_written_is_read(backbone: str, statistics: StatisticsMode) -> None:
    manifest, tensors = random_bundle(backbone=backbone, statistics=statistics, classes=7)
    data = encode(manifest, tensors)
    bundle = decode(data)
    assert bundle.manifest == manifest
    assert bundle.tensors.keys() == tensors.keys()
    assert all(np.array_equal(bundle.tensors[name], tensors[name]) for name in tensors)
    assert bundle.digest == digest_of(data)
    assert bundle.size_bytes == len(data)
    assert not any(tensor.flags.writeable for tensor in bundle.tensors.values())
    assert encode(bundle.manifest, bundle.tensors) == data


def test_the_official_package_reads_it() -> None:
    manifest, tensors = random_bundle()
    data = encode(manifest, tensors)
    theirs = safetensors.numpy.load(data)
    assert theirs.keys() == tensors.keys()
    assert all(np.array_equal(theirs[name], tensors[name]) for name in tensors)


def test_a_file_of_the_official_package_is_read() -> None:
    manifest, tensors = random_bundle()
    theirs = safetensors.numpy.save(dict(tensors), metadata={"manifest": manifest_json(manifest)})
    bundle = decode(theirs)
    assert bundle.manifest == manifest
    assert all(np.array_equal(bundle.tensors[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("method", get_args(Method))
def test_golden_bytes(method: Method) -> None:
    """The bytes of equal content never change: digests are identities. A change here is a new format version."""
    manifest = random_manifest(plan=random_plan(12, seed=4), classes=3, method=method)
    if method == "packnet":
        manifest = manifest.model_copy(update={"owned": 1_462_272 // 2, "predecessor": f"sha256:{'0' * 64}"})
    data = _golden(manifest)
    assert data[8:100] == GOLDEN_START
    assert digest_of(data) == GOLDEN_DIGESTS[method]


def test_golden_bytes_with_activation_ranges() -> None:
    data = _golden(random_manifest(plan=random_plan(12, seed=4), classes=3, activation_ranges=True))
    assert digest_of(data) == GOLDEN_DIGEST_WITH_RANGES


def test_golden_bytes_with_proxies_of_16_bits() -> None:
    data = _golden(random_manifest(plan=random_plan(12, seed=4), classes=3, proxy_dtype="F16"))
    assert digest_of(data) == GOLDEN_DIGEST_OF_HALVES


def test_proxies_of_16_bits_take_half_of_the_bytes_and_are_read_in_32() -> None:
    plan = full_plan(12, 3)
    wide, narrow = (encode(*random_bundle(plan=plan, proxy_dtype=dtype)) for dtype in ("F32", "F16"))
    before, after = decode(wide).tensors, decode(narrow).tensors
    assert {tensor.dtype for tensor in after.values()} == {np.dtype(np.float32)}
    assert not any(tensor.flags.writeable for tensor in after.values())
    proxies = [name for name in before if name.startswith("proxies.")]
    assert len(wide) - len(narrow) == pytest.approx(sum(before[name].nbytes for name in proxies) / 2, abs=100)
    for name, tensor in before.items():
        rounded = tensor.astype(np.float16).astype(np.float32) if name in proxies else tensor
        assert np.array_equal(after[name], rounded)
    assert encode(decode(narrow).manifest, after) == narrow
    theirs = safetensors.numpy.load(narrow)
    assert all(theirs[name].dtype == (np.float16 if name in proxies else np.float32) for name in theirs)


def test_what_16_bits_cannot_hold_is_not_written() -> None:
    manifest, tensors = random_bundle(proxy_dtype="F16")
    name = next(name for name in tensors if name.endswith("conv.weight"))
    with pytest.raises(BundleTensorInvalid, match=f"{name}: holds a value that is too large for F16"):
        encode(manifest, tensors | {name: np.full_like(tensors[name], 70000.0)})


def _golden(manifest: Manifest) -> bytes:
    tensors: dict[str, AnyArray] = {
        name: np.full(shape, 1 / shape[0] if name.startswith("alphas") else 0.5, dtype=np.float32)
        for name, shape in tensor_shapes(manifest).items()
    }
    tensors |= {name: np.full(tensors[name].shape, 165, np.uint8) for name in tensors if name.startswith("masks.")}
    return encode(manifest, tensors)


@pytest.mark.parametrize("method", PLAIN_METHODS)
def test_what_is_written_of_another_method_is_read(method: Method) -> None:
    manifest, tensors = random_bundle(method=method)
    data = encode(manifest, tensors)
    assert decode(data).manifest == manifest
    assert decode(data).manifest.format == "nettailor-bundle/2"
    has_statistics = method not in {"features", "packnet", *WHOLE_METHODS}
    assert any(name.startswith("statistics.") for name in tensors) == has_statistics


@pytest.mark.parametrize("backbone", ["mini26", "resnet50"])
@pytest.mark.parametrize("method", ADAPTER_METHODS)
def test_every_3x3_convolution_of_the_blocks_is_adapted(method: AdapterMethod, backbone: str) -> None:
    shapes = tensor_shapes(random_manifest(backbone=backbone, method=method))
    kernels = backbone_shapes(geometry(backbone))
    adapted = {
        name.replace("blocks", "adapters"): (c_out, c_in if method == "parallel-adapters" else c_out, 1, 1)
        for name, (c_out, c_in, *kernel) in ((n, s) for n, s in kernels.items() if len(s) == 4)
        if kernel == [3, 3] and name.startswith("blocks")
    }
    from_one = {f"adapters.{int(n.split('.')[1]) + 1}.{n.split('.', 2)[2]}": shape for n, shape in adapted.items()}
    assert {n: s for n, s in shapes.items() if n.startswith("adapters.") and ".norm." not in n} == from_one
    norms = {name for name in shapes if ".norm." in name}
    assert len(norms) == (4 * len(from_one) if method == "series-adapters" else 0)


def test_a_network_of_the_task_s_own_has_every_tensor_of_its_architecture_and_no_other() -> None:
    manifest, tensors = random_bundle(method="finetuning")
    assert {name.partition(".")[0] for name in tensors} == {"network", "head"}
    assert tensors["network.stem.0.weight"].shape == (16, 3, 3, 3)
    assert tensors["network.blocks.4.shortcut.1.running_var"].shape == (64,)
    assert decode(encode(manifest, tensors)).tensors.keys() == tensors.keys()
    del tensors["network.blocks.3.branch.0.weight"]
    with pytest.raises(BundleTensorInvalid, match=r"network.blocks.3.branch.0.weight"):
        encode(manifest, tensors)


def test_a_manifest_of_format_1_names_no_method() -> None:
    text = manifest_json(random_manifest())
    assert '"method"' not in text
    assert parse_manifest(text).method == "nettailor"


@pytest.mark.parametrize("backbone", ["mini26", "resnet50"])
def test_every_present_node_has_a_range_for_each_input_of_an_int8_convolution(backbone: str) -> None:
    nodes = range(1, geometry(backbone).depth + 1)
    plan = reachable_plan([node not in (2, 3) for node in nodes], [[1] if node == 3 else [] for node in nodes])
    manifest, tensors = random_bundle(backbone=backbone, plan=plan, activation_ranges=True)
    bundle = decode(encode(manifest, tensors))
    assert bundle.manifest.activation_ranges
    assert bundle.manifest.format == "nettailor-bundle/2"
    sizes = {name: tensor.shape for name, tensor in bundle.tensors.items() if name.startswith("ranges.")}
    convolutions = 3 if backbone == "resnet50" else 2
    assert sizes.pop("ranges.0") == (1,)
    assert sizes.pop("ranges.3") == (1,)
    assert "ranges.2" not in sizes  # absent: it has no path
    assert sizes == {f"ranges.{node}": (convolutions,) for node in nodes if node not in (2, 3)}


@pytest.mark.parametrize("method", ["features", "batchnorm", *ADAPTER_METHODS])
def test_methods_that_run_the_backbone_s_weights_may_have_ranges(method: Method) -> None:
    manifest, tensors = random_bundle(method=method, activation_ranges=True)
    assert decode(encode(manifest, tensors)).tensors["ranges.12"].shape == (2,)


@pytest.mark.parametrize("method", [*sorted(WHOLE_METHODS), "piggyback"])
def test_methods_with_weights_of_their_own_may_not(method: Method) -> None:
    with pytest.raises(ValueError, match="have no activation ranges"):
        random_manifest(method=method, activation_ranges=True)


def test_a_manifest_without_ranges_does_not_speak_of_them() -> None:
    assert '"activation_ranges"' not in manifest_json(random_manifest())
    assert '"activation_ranges":true' in manifest_json(random_manifest(activation_ranges=True))


def test_equal_input_gives_equal_bytes_whatever_its_order_and_layout() -> None:
    manifest, tensors = random_bundle()
    shuffled = {name: np.asfortranarray(tensors[name]) for name in sorted(tensors, reverse=True)}
    assert encode(manifest, shuffled) == encode(manifest, tensors)


def test_data_begins_at_a_multiple_of_eight() -> None:
    data = tiny_bytes()
    assert int.from_bytes(data[:8], "little") % 8 == 0


def test_manifest_keeps_every_character() -> None:
    manifest, tensors = random_bundle(classes=3)
    manifest = manifest.model_copy(update={"classes": ("vélo", '"}', "\u2028 雨\n\0")})
    assert decode(encode(manifest, tensors)).manifest == manifest
    assert parse_manifest(manifest_json(manifest)) == manifest


def test_tensor_shapes_of_a_basic_backbone() -> None:
    shapes = tensor_shapes(random_manifest(backbone="mini26", plan=full_plan(12, 1), classes=9))
    assert shapes["proxies.1.0.conv.weight"] == (32, 16, 1, 1)
    assert shapes["proxies.5.4.norm.running_var"] == (64,)
    assert shapes["alphas.1"] == (2,)
    assert shapes["head.weight"] == (9, 128)
    assert shapes["head.bias"] == (9,)
    assert shapes["statistics.5.shortcut.1.mean"] == (64,)
    assert "statistics.6.shortcut.1.mean" not in shapes


def test_tensor_shapes_of_a_bottleneck_backbone() -> None:
    shapes = tensor_shapes(random_manifest(backbone="resnet50", plan=full_plan(16, 3), statistics="frozen"))
    assert shapes["proxies.16.13.conv1.weight"] == (64, 1024, 1, 1)
    assert shapes["proxies.16.13.norm1.bias"] == (64,)
    assert shapes["proxies.16.13.conv2.weight"] == (2048, 64, 1, 1)
    assert shapes["proxies.16.13.norm2.weight"] == (2048,)
    assert shapes["alphas.16"] == (4,)
    assert not any(name.startswith("statistics.") for name in shapes)


@pytest.mark.parametrize(
    ("backbone", "parameters"), [("resnet18", 1_150_858), ("resnet34", 2_755_338), ("resnet50", 3_371_850)]
)
def test_parameters_of_a_full_student_are_the_papers(backbone: str, parameters: int) -> None:
    plan = full_plan(geometry(backbone).depth, 3)
    shapes = tensor_shapes(random_manifest(backbone=backbone, plan=plan, classes=10, statistics="frozen"))
    learned = {n: s for n, s in shapes.items() if not n.startswith("alphas.") and ".running_" not in n}
    assert sum(int(np.prod(shape)) for shape in learned.values()) == parameters


@pytest.mark.parametrize("abuse", ABUSES, ids=[abuse.name for abuse in ABUSES])
def test_abuse_is_refused_with_its_own_message(abuse: Abuse) -> None:
    with pytest.raises(BundleInvalid) as caught:
        decode(abuse.data)
    assert type(caught.value) is abuse.error
    assert abuse.says in str(caught.value)


def test_abuses_have_distinct_names() -> None:
    assert len({abuse.name for abuse in ABUSES}) == len(ABUSES)


def test_wrong_fingerprint() -> None:
    bundle = decode(tiny_bytes())
    check_backbone(bundle, "0" * 64)
    check_backbone(bundle.manifest, "0" * 64)
    with pytest.raises(BundleWrongBackbone) as caught:
        check_backbone(bundle, "1" * 64)
    assert caught.value.found == "0" * 64


def test_limits() -> None:
    data = tiny_bytes()
    with pytest.raises(BundleTooLarge, match="file"):
        decode(data, limits=BundleLimits(size_bytes=len(data) - 1))
    with pytest.raises(BundleTooLarge, match="header"):
        decode(data, limits=BundleLimits(header_bytes=64))
    decode(data, limits=BundleLimits(size_bytes=len(data)))


def test_encode_refuses_what_decode_would() -> None:
    manifest, tensors = random_bundle()
    with pytest.raises(BundleTensorInvalid, match="must be float32"):
        encode(manifest, tensors | {"head.bias": tensors["head.bias"].astype(np.float64)})
    with pytest.raises(BundleTensorInvalid, match="missing"):
        encode(manifest, {name: tensor for name, tensor in tensors.items() if name != "head.bias"})
    with pytest.raises(BundleTensorInvalid, match="NaN"):
        encode(manifest, tensors | {"head.bias": np.full(5, np.nan, dtype=np.float32)})
    for value in (float("nan"), float("inf"), object()):
        with pytest.raises(BundleManifestInvalid):
            encode(manifest.model_copy(update={"recipe": {"loss": value}}), tensors)


@given(st.binary(max_size=300))
def test_random_bytes_only_ever_raise_bundle_invalid(data: bytes) -> None:
    with pytest.raises(BundleInvalid):
        decode(data)


@given(st.binary(max_size=200))
def test_random_headers_only_ever_raise_bundle_invalid(header: bytes) -> None:
    header = b"{" + header
    header += b" " * (-len(header) % 8)
    with pytest.raises(BundleInvalid):
        decode(struct.pack("<Q", len(header)) + header)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(position=st.integers(0, 6000), replacement=st.binary(min_size=1, max_size=12), cut=st.integers(0, 12))
@settings(max_examples=300)
def test_mutated_bundles_raise_bundle_invalid_or_are_sound(position: int, replacement: bytes, cut: int) -> None:
    sound = tiny_bytes()
    position %= len(sound)
    _decodes_soundly(sound[:position] + replacement + sound[position + cut :])


@given(position=st.integers(0, 1 << 30), bit=st.integers(0, 7))
@settings(max_examples=300)
def test_flipped_bits_raise_bundle_invalid_or_are_sound(position: int, bit: int) -> None:
    data = bytearray(tiny_bytes())
    header_end = 8 + int.from_bytes(data[:8], "little")
    data[position % header_end] ^= 1 << bit
    _decodes_soundly(bytes(data))


def _decodes_soundly(data: bytes) -> None:
    try:
        bundle = decode(data)
    except BundleInvalid:
        return
    again = decode(encode(bundle.manifest, bundle.tensors))
    assert again.manifest == bundle.manifest


@given(value=_json)
def test_any_json_in_place_of_the_manifest_is_refused(value: object) -> None:
    with pytest.raises(BundleManifestInvalid):
        parse_manifest(json.dumps(value))


def test_limits_are_checked_before_anything_is_parsed() -> None:
    """A file that announces a giant header costs nothing."""
    stream = io.BytesIO()
    stream.write(struct.pack("<Q", 1 << 62) + b"{")
    with pytest.raises(BundleTooLarge):
        decode(stream.getvalue())


def test_limits_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        BundleLimits().size_bytes = 1  # type: ignore[misc]  # the point of the test


GOLDEN_START = b'{"__metadata__":{"manifest":"{\\"backbone\\":{\\"fingerprint\\":\\"000000000000000000000000000000'
GOLDEN_DIGEST_WITH_RANGES = "sha256:df319c5b641fba179a994e9712b199cb951ce9c226d84766f3eedcc4b0bffea2"
GOLDEN_DIGEST_OF_HALVES = "sha256:235f2731c13485d6f6c576de285652fd6be6349b69a707a9dd62b1a9ae7179b4"
GOLDEN_DIGESTS: dict[Method, str] = {
    "nettailor": "sha256:0a72f888c64a42da8b13a49d045e88b9a7aa8146d485fbb014ef3a44223375d6",
    "features": "sha256:152fa23936949c2964af6520dadbf5fb5dccc3b5d5145608d56701f329b50c7d",
    "batchnorm": "sha256:df98c7c5422e475083a58bcffe16620b31ed40637c7ee52e6fb4053a3947d9b8",
    "parallel-adapters": "sha256:2e47ccfc42c025c323fed654511855d43d9725c3941720a7fc62deb056f97e60",
    "series-adapters": "sha256:35988b83f6c19cf512ade5b66c380f8737291ad16e4a6365f5024c633603c882",
    "dan": "sha256:2531bb47fac8fab3e05902bcda6dc59bd4505d23d9454ff1d0f2a3c61edeb1a7",
    "piggyback": "sha256:c0fd9d8166e69e1f204de797a8c597b984d1767115d6de53badb28edffc74c55",
    "packnet": "sha256:eb3a097df1864c5a650207981400331766a843b3462ee4b9761ff57fe5b2792a",
    "lwf": "sha256:9e1f85f0091b3fb9bad5dbb940e31ed9b3af57ad2d3b39fe829d9ee485c881f5",
    "finetuning": "sha256:9d9e44e1ff92357459c2f044e5e0476feedef4ac10c3035de4692d5ce02cd9df",
}
