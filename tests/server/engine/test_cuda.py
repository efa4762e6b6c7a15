"""The engine's equality again, on a GPU."""

import numpy as np
import pytest
import torch

from server.engine.engine import Engine, Part
from server.kernels.device import CudaDevice
from tests.server.oracle import backbone, expected_logits, make_bundle, random_images

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-3), (torch.bfloat16, 0.05)])
def test_mixed_batch_equals_the_students(dtype: torch.dtype, tolerance: float) -> None:
    engine = Engine(backbone(), CudaDevice(dtype))
    bundles = [
        make_bundle(f"task{i}", seed=i, classes=5 + i, statistics="task" if i % 2 else "frozen") for i in range(6)
    ]
    images = random_images(12, 32)
    parts = [Part(adapter=engine.pack(bundle), images=[i, 11 - i]) for i, bundle in enumerate(bundles)]
    for bundle, part, logits in zip(bundles, parts, engine.forward(images, parts), strict=True):
        expected = expected_logits(bundle, images[list(part.images)])
        assert np.abs(logits - expected).max() < tolerance * np.abs(expected).max()
