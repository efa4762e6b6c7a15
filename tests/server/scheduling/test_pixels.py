import pytest

from server.errors import ImagesOversized, Overloaded
from server.scheduling.pixels import PixelAdmission


def test_the_images_of_a_request_are_held_to_a_limit_together() -> None:
    admission = PixelAdmission(bound=1000, request_bound=100, threads=1)
    admission.check([60, 40])
    with pytest.raises(ImagesOversized, match="have 110 pixels, the limit is 100; send fewer") as refused:
        admission.check([60, 30, 20, 90])
    assert (refused.value.where, refused.value.pixels, refused.value.limit_pixels) == ("images[2]", 110, 100)


def test_pixels_that_wait_are_bounded_and_the_refusal_says_for_how_long() -> None:
    admission = PixelAdmission(bound=100, request_bound=1000, threads=2)
    with admission.admitted(500):  # alone, however large
        with pytest.raises(Overloaded) as refused, admission.admitted(1):
            pytest.fail("it was admitted")
        assert (refused.value.scope, refused.value.retry_after_seconds) == ("decoding", 1)
        admission.decoded(10, 1.0)
        with (
            pytest.raises(Overloaded, match="500 pixels wait for decoding, the bound is 100") as refused,
            admission.admitted(1),
        ):
            pytest.fail("it was admitted")
        assert refused.value.retry_after_seconds == 25
    assert admission.waiting == 0
    with admission.admitted(60), admission.admitted(40):
        assert admission.waiting == 100
    assert admission.waiting == 0
