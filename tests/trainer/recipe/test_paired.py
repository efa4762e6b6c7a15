import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.recipe.paired import Right, difference


def right(*answers: int) -> Right:
    return np.array(answers, dtype=bool)


def test_what_both_have_right_or_wrong_is_no_noise() -> None:
    same = difference(right(1, 1, 0, 0), right(1, 1, 0, 0))
    assert (same.mean, same.error, same.is_loss) == (0.0, 0.0, False)
    one_more = difference(right(1, 1, 1, 0), right(1, 1, 0, 0))
    assert one_more.mean == 0.25
    assert one_more.error == pytest.approx(np.std([0, 0, 1, 0]) / 2)


def test_two_images_of_many_are_no_loss() -> None:
    before = np.ones(188, dtype=bool)
    after = before.copy()
    after[:2] = False
    assert not difference(after, before).is_loss
    after[:6] = False
    assert difference(after, before).is_loss


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 3)), min_size=1, max_size=30))
def test_weights_count_an_image_so_many_times(images: list[tuple[bool, bool, int]]) -> None:
    one, other, counts = (np.array(column) for column in zip(*images, strict=True))
    if counts.sum():
        weighted = difference(one, other, counts)
        repeated = difference(np.repeat(one, counts), np.repeat(other, counts))
        assert weighted.mean == pytest.approx(repeated.mean)
        assert weighted.error == pytest.approx(repeated.error)
