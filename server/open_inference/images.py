"""From input tensors to the image files that the predictor takes (torch-free).

image    BYTES [N] or [N, 1]    encoded files, as they come from a disk
pixels   UINT8 [N, H, W, 3]     RGB; each becomes a file without compression, so that all limits hold for both
"""

from collections.abc import Sequence

from server.errors import RequestMalformed
from server.open_inference.datatypes import BYTES, UINT8
from server.open_inference.tensors import InputTensor

IMAGE, PIXELS = "image", "pixels"
CHANNELS = 3


def files_of(inputs: Sequence[InputTensor], *, max_images: int) -> list[bytes]:
    """One file an image. Raises `RequestMalformed`."""
    if len(inputs) != 1:
        named = ", ".join(repr(tensor.name) for tensor in inputs) or "there is none"
        raise RequestMalformed("inputs", f"exactly one of {IMAGE!r} and {PIXELS!r} is needed; {named}")
    tensor = inputs[0]
    if tensor.name not in (IMAGE, PIXELS):
        raise RequestMalformed(f"inputs.{tensor.name}", f"no such input; {IMAGE!r} and {PIXELS!r} are known")
    if not tensor.shape or not tensor.shape[0]:
        raise RequestMalformed(f"inputs.{tensor.name}.shape", f"{list(tensor.shape)} holds no image")
    if tensor.shape[0] > max_images:
        reason = f"{tensor.shape[0]} images; {max_images} are the most of a request"
        raise RequestMalformed(f"inputs.{tensor.name}.shape", reason)
    return _encoded(tensor) if tensor.name == IMAGE else _from_pixels(tensor)


def _encoded(tensor: InputTensor) -> list[bytes]:
    _check_datatype(tensor, BYTES)
    if tensor.shape[1:] not in ((), (1,)):
        raise RequestMalformed(f"inputs.{IMAGE}.shape", f"{list(tensor.shape)} is neither [N] nor [N, 1]")
    return list(tensor.elements())


def _from_pixels(tensor: InputTensor) -> list[bytes]:
    _check_datatype(tensor, UINT8)
    shape = tensor.shape
    if len(shape) != 4 or shape[3] != CHANNELS or not (shape[1] and shape[2]):
        raise RequestMalformed(f"inputs.{PIXELS}.shape", f"{list(shape)} is not [N, height, width, {CHANNELS}]")
    assert isinstance(tensor.data, bytes)
    count, height, width, _ = shape
    size = height * width * CHANNELS
    header = b"P6\n%d %d\n255\n" % (width, height)  # of a PPM file, whose pixels follow as they are
    return [header + tensor.data[place * size : (place + 1) * size] for place in range(count)]


def _check_datatype(tensor: InputTensor, wanted: str) -> None:
    if tensor.datatype != wanted:
        raise RequestMalformed(f"inputs.{tensor.name}.datatype", f"{tensor.datatype}; {tensor.name!r} is {wanted}")
