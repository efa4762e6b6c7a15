import numpy as np
import pytest

from nettailor.bundle.manifest import Method
from server.engine.folded import from_bytes, to_bytes
from server.engine.int8.folding import int8_matrix
from tests.server.engine.int8.calibrated import calibrated, engine
from tests.server.int8_machine import needs_int8

pytestmark = needs_int8

SUMS = ("bias", "statistics")  # what products are added to


@pytest.mark.parametrize("name", ["mini26", "resnet50"])
def test_what_is_written_is_read_as_it_was(name: str) -> None:
    folded = engine(name).fold(calibrated("nettailor", 0, name))
    again = from_bytes(to_bytes(folded))
    assert folded.is_int8
    assert again.is_int8
    assert (again.manifest, again.shapes) == (folded.manifest, folded.shapes)
    assert again.flat.tobytes() == folded.flat.tobytes()


def test_matrices_are_the_exact_ones_rounded() -> None:
    bundle = calibrated("nettailor", 0)
    exact = engine().fold(bundle, exact=True).arrays()
    low = engine().fold(bundle).arrays()
    plan = bundle.manifest.plan
    for node in (node for node in plan.nodes() if plan.sources(node)):
        scales = np.concatenate(
            [
                np.full(bundle.tensors[f"proxies.{node}.{p}.conv.weight"].shape[1], bundle.tensors[f"ranges.{p}"][0])
                for p in plan.sources(node)
            ]
        )
        scale = low[f"{node}.proxies.scale"]
        matrix = int8_matrix(low[f"{node}.proxies.int8"], len(scale)).astype(np.float32) * scale
        wanted = (exact[f"{node}.proxies"] * scales / 255).T
        assert np.abs(matrix - wanted).max(0) == pytest.approx(np.zeros(len(scale)), abs=float(scale.max()) * 0.51)
        assert np.abs(int8_matrix(low[f"{node}.proxies.int8"], len(scale))).max(0).min() == 127


@pytest.mark.parametrize("name", ["mini26", "resnet50"])
@pytest.mark.parametrize("method", ["nettailor", "dan"])
def test_biases_make_up_for_what_signed_activations_lack(name: str, method: Method) -> None:
    bundle = calibrated(method, 0, name)
    exact = engine(name).fold(bundle, exact=True).arrays()
    low = engine(name).fold(bundle).arrays()
    matrices = [key.removesuffix(".int8") for key in low if key.endswith(".int8")]
    assert bool(matrices) == (method == "nettailor")
    changed = {}
    for key in matrices:
        scale = low[f"{key}.scale"]
        missing = 128 * int8_matrix(low[f"{key}.int8"], len(scale)).astype(np.float64).sum(0) * scale
        for sums in [f"{key}.bias"] if f"{key}.bias" in low else [f"{key.split('.')[0]}.{n}" for n in SUMS]:
            changed[sums] = missing
    for key in set(low) & set(exact) & {key for key in low if key.endswith(tuple(SUMS))}:
        wanted = exact[key].astype(np.float64)
        if key in changed:
            wanted[-len(changed[key]) :] += changed[key]
        np.testing.assert_allclose(low[key], wanted, rtol=1e-4, atol=1e-4)
