import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nettailor.architecture.geometry import backbone_names, geometry
from nettailor.bundle.tensors.masks import check_mask, mask_shapes, masked_weights, packed_mask, unpacked_mask
from nettailor.errors import BundleTensorInvalid


def test_weight_i_is_bit_i_of_the_bytes() -> None:
    kept = np.zeros((13,), bool)
    kept[[0, 9, 12]] = True
    assert packed_mask(kept).tolist() == [0b00000001, 0b00010010, 0, 0]


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_what_is_packed_is_unpacked(kept: list[bool]) -> None:
    mask = packed_mask(np.array(kept))
    assert mask.size == 4 * math.ceil(len(kept) / 32)
    assert unpacked_mask(mask, (len(kept),)).tolist() == kept
    check_mask("masks.1.branch.0", mask, len(kept))


def test_a_bit_past_the_last_weight_is_refused_by_the_name_of_its_mask() -> None:
    mask = np.array([255, 0b00111111, 0, 0], np.uint8)
    check_mask("masks.1.branch.0", mask, 14)
    with pytest.raises(BundleTensorInvalid, match=r"masks.1.branch.0: a bit past its 13 weights is 1"):
        check_mask("masks.1.branch.0", mask, 13)


@pytest.mark.parametrize("name", backbone_names())
def test_every_convolution_of_the_blocks_has_a_mask_and_the_stem_has_none(name: str) -> None:
    shapes, weights = mask_shapes(geometry(name)), masked_weights(geometry(name))
    convolutions = [norm for block in geometry(name).blocks for norm in block.norms]
    assert len(shapes) == len(convolutions)
    assert shapes.keys() == weights.keys()
    assert not any("stem" in mask for mask in shapes)
    assert all(shapes[mask] == (math.prod(weights[mask]) // 8,) for mask in shapes)
