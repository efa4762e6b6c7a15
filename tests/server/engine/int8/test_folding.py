import numpy as np
import pytest

from server.engine.folded import from_bytes, to_bytes
from server.engine.int8.folding import int8_matrix
from tests.server.engine.int8.calibrated import calibrated, engine
from tests.server.int8_machine import needs_int8

pytestmark = needs_int8


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
